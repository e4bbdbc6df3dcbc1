"""Learning on the chip: an approximation of the HMN rule that Loihi 2's learning engine can hold.

Each projection that learns becomes two connections, w = w_fast + w_slow, because a synapse has one tag only. In units
of their integers, at every step (pairings) and every 2^k steps (what depends on u)::

    t += c_plus y0 x1 + c_minus x0 y1 (- c_plus x1_impulse x0 y0) - f u t
    w += c u t (y2 - 64)

x1 and y1 are the traces x and y; the term in brackets takes back what pairs of the same step gave (tie). t is one of
the two eligibility traces. y2 - 64, which the neurons send, is the host's: pulses whose sum follows the integral of
M = (eta_l + eta_g G) gate, so that few large changes are made in place of many that are smaller than the engine's
smallest, 1/128 of a weight's unit. Delays lie before the plastic connection: inputs are handed over later, populations
go through relays, neurons that only pass spikes on.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredProjection, LoweredRule
from hmn_snn.randomness import stream_key

from . import quantisation as q
from .learning_program import LearningConnection, ThirdFactors, learning_connection
from .lowering import lower_program
from .on_chip_relays import one_to_one, relay
from .on_chip_rule import (
    IMPULSE,
    IMPULSE_NEAREST,
    PULSE_ROOM,
    SMALLEST_CHANGE,
    TAG,
    Pulses,
    Tag,
    largest_rate,
    learning_rule,
    learns,
    rule_of,
    tags_of,
)
from .program import (
    DECAY_ONE,
    WEIGHT_EXP_MAX,
    WEIGHT_EXP_MIN,
    WEIGHT_MAX,
    Connection,
    Float,
    LoihiProgram,
    Source,
)


@dataclass(frozen=True, eq=False)
class OnChip:
    """A network that learns on the chip.

    Attributes
    ----------
    program : LoihiProgram
    tags : dict of int to tuple of Tag
        Of each projection that learns.
    parts : dict of int to list of (int, Tag)
        Of each projection that learns, its connections' numbers and tags.
    pulses : tuple of Pulses
        What each of the program's third factors sends.
    """

    program: LoihiProgram
    tags: dict[int, tuple[Tag, ...]]
    parts: dict[int, list[tuple[int, Tag]]]
    pulses: tuple[Pulses, ...]


def lower_on_chip(lowered: LoweredNetwork, stream: str = "synapse") -> OnChip:
    """Return the program of a network that learns on the chip.

    Parameters
    ----------
    lowered : LoweredNetwork
        Of which no finding for on-chip learning is REJECTED.
    stream : "synapse" or "lava"
        What rounds; see :class:`LearningConnection`.

    Returns
    -------
    OnChip
    """
    return _Builder(lowered, stream).built()


class _Builder:
    """Replaces the plastic connections of a program by pairs that learn."""

    def __init__(self, lowered: LoweredNetwork, stream: str) -> None:
        self.lowered, self.stream = lowered, stream
        self.plain = lower_program(lowered, "host")
        self.sources, self.processes = list(self.plain.sources), list(self.plain.processes)
        groups = [s.group for s in self.sources] + [p.group for p in self.processes]
        self.next_group = 1 + max(groups, default=-1)
        self.learned = [j for j, p in enumerate(lowered.projections) if learns(p)]
        self.connections = [c for c in self.plain.connections if c.projection not in self.learned]
        self.late: dict[tuple[int, int], int] = {}
        self.learning: list[LearningConnection] = []
        self.parts: dict[int, list[tuple[int, Tag]]] = {}

    def built(self) -> OnChip:
        """Build everything."""
        tags = {j: tags_of(rule_of(self.lowered.projections[j]), self.lowered.dt) for j in self.learned}
        pulses, factors = [], []
        for group in dict.fromkeys(self.lowered.projections[j].target for j in self.learned):
            onto = [j for j in self.learned if self.lowered.projections[j].target == group]
            pulse = self.pulses(group, onto, tags)
            pulses.append(pulse)
            factors.append(self.sender(group, rule_of(self.lowered.projections[onto[0]])))
            for j in onto:
                self.parts[j] = []
                for tag in tags[j]:
                    self.add_part(j, tag, float(np.max(pulse.per_integral)))
        program = dataclasses.replace(
            self.plain, sources=tuple(self.sources), processes=tuple(self.processes),
            connections=tuple(self.connections), learning=tuple(self.learning), third_factors=tuple(factors),
        )  # fmt: skip
        return OnChip(program, tags, self.parts, tuple(pulses))

    def pulses(self, group: int, onto: list[int], tags: dict[int, tuple[Tag, ...]]) -> Pulses:
        """Return how a population's neurons send the integral of M: in the finest units that the rules can take."""
        window = max(2**tag.decimation for j in onto for tag in tags[j])
        smallest, spread = np.inf, np.ones(1)
        for j in onto:
            for tag in tags[j]:
                scale = self.part_scale(j, tag)
                spread = scale / scale.max()
                smallest = min(smallest, float(scale.max()) * tag.kappa / self.tag_scale(j) / SMALLEST_CHANGE)
        largest = max(largest_rate(self.lowered, self.lowered.projections[j]) for j in onto)
        room = PULSE_ROOM / max(largest * window * self.lowered.dt / 1000.0, 1e-30)
        return Pulses(group, onto[0], window, min(smallest, room) * spread)

    def tag_scale(self, j: int) -> float:
        """Return what a tag is for a pairing of 1 nA."""
        r = rule_of(self.lowered.projections[j]).rule
        return TAG / max(abs(r.A_plus), abs(r.A_minus))

    def exponent_and_scale(self, j: int, tag: Tag) -> tuple[int, Float]:
        """Return the exponent of a part's weights, and their scale: the finest that holds its largest weight."""
        first = next(c for c in self.plain.connections if c.projection == j)
        base = first.scale * 2.0**first.weight_exp
        largest = float(np.abs(base).max()) * tag.share * rule_of(self.lowered.projections[j]).rule.w_max
        exponent = int(np.clip(np.ceil(np.log2(largest / WEIGHT_MAX)), WEIGHT_EXP_MIN, WEIGHT_EXP_MAX))
        return exponent, base * 2.0**-exponent

    def part_scale(self, j: int, tag: Tag) -> Float:
        """Return the units of a part's weights for 1 nA."""
        return np.abs(self.exponent_and_scale(j, tag)[1])

    def sender(self, group: int, rule: LoweredRule) -> ThirdFactors:
        """Return what a population's neurons send: y1 as the rule's trace y."""
        r, nearest = rule.rule, rule.rule.pairing == "nearest"
        decay = round(DECAY_ONE * -np.expm1(-self.lowered.dt / r.tau_minus))
        impulse = IMPULSE_NEAREST if nearest else IMPULSE
        process = next(k for k, p in enumerate(self.processes) if p.group == group)
        return ThirdFactors(process, min(max(1, decay), DECAY_ONE), impulse, nearest, r.tie == "ltd")

    def add_part(self, j: int, tag: Tag, per_integral: float) -> None:
        """Add the connections that hold one tag of a projection: one for each delay."""
        p = self.lowered.projections[j]
        exponent, scale = self.exponent_and_scale(j, tag)
        change = float(np.abs(scale).max()) * tag.kappa / self.tag_scale(j) / per_integral
        rule = learning_rule(rule_of(p), tag, change * (1 if p.receptor == 0 else -1), self.lowered.dt)
        stream = stream_key(self.lowered.seed, f"{p.name}/loihi2/{tag.name}")
        plain = [c for c in self.plain.connections if c.projection == j]
        for delay in np.unique(p.delay_steps):
            source = self.delayed(p.source, int(delay))
            for rank, part in enumerate(_of_delay(p, plain, int(delay))):
                name = f"{p.name} {tag.name}" + (f", {delay} steps" if len(p.delays) > 1 else "")
                c = dataclasses.replace(
                    part, name=name + (f" [{rank + 1}]" if rank else ""), source=source, weight_exp=exponent,
                    scale=scale, plastic=False,
                )  # fmt: skip
                c.weight[:] = q.integer_weights(c, tag.share * p.weights[c.synapse])
                number = len(self.connections)
                key = stream ^ (number << 20)
                self.connections.append(c)
                self.learning.append(learning_connection(
                    number, rule, c.n_synapses, stream=self.stream, seed=1 + 4 * number, key=key
                ))  # fmt: skip
                self.parts[j].append((number, tag))

    def delayed(self, group: int, delay: int) -> int:
        """Return the group whose spikes are those of a group, so late that they arrive after a delay."""
        if (group, delay) not in self.late:
            own, self.next_group = self.next_group, self.next_group + 1
            self.late[group, delay] = own
            if group >= len(self.lowered.populations):
                source = next(s for s in self.plain.sources if s.group == group)
                self.sources.append(Source(f"{source.name} +{delay}", own, source.size, delay, group))
            else:
                process = next(p for p in self.plain.processes if p.group == group)
                self.processes.append(relay(process, own, delay))
                self.connections.append(one_to_one(process, own, delay))
        return self.late[group, delay]


def _of_delay(projection: LoweredProjection, plain: list[Connection], delay: int) -> list[Connection]:
    """Return the connections of a projection with the synapses of one delay only."""
    found = []
    for c in plain:
        kept = np.flatnonzero(projection.delay_steps[c.synapse] == delay)
        if len(kept):
            counts = np.bincount(projection.source_index[c.synapse[kept]], minlength=c.n_source)
            found.append(dataclasses.replace(
                c, row_ptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)]),
                target_index=c.target_index[kept], weight=np.zeros(len(kept), np.int16), delay=np.zeros(1, np.int8),
                synapse=c.synapse[kept],
            ))  # fmt: skip
    return found
