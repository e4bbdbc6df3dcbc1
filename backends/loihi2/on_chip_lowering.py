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
from .learning_rule import LearningRule, Trace, literals
from .lowering import lower_program
from .program import (
    BIAS_MANT_MAX,
    DECAY_ONE,
    DELAY_MAX,
    LIF,
    WEIGHT_EXP_MAX,
    WEIGHT_EXP_MIN,
    WEIGHT_MAX,
    Connection,
    Float,
    Int,
    LoihiProgram,
    NeuronProcess,
    Source,
)

# What one spike leaves in a trace: five spikes at once still fit into its 7 bits. With pairing "nearest" a spike fills
# the trace, which cannot add up then.
IMPULSE, IMPULSE_NEAREST = 24, 127
TAG = 32.0  # what the stronger kind of pairing leaves in a tag at no delay: seven of them fit
SMALLEST_CHANGE = 2.0**-12  # the smallest scale of t (y2 - 64): exponent -7, shifted back by 5 for its factors' bits
DECAY_STEPS = 128  # of a tag
TAU_GOOD = 0.03  # relative error of a tag's time constant that is good enough not to look for a better one
LONGEST_WAIT = 10.0  # ms between two decays of a tag, at most: dopamine, gate and fast traces move little in it
PULSE_ROOM = 32.0  # of y2 - 64 for what a window's integral asks at most
PARTS = ("fast", "slow")


@dataclass(frozen=True)
class Tag:
    """How one eligibility trace lies on the chip.

    Attributes
    ----------
    name : "fast" or "slow"
    tau : float [ms]
        As asked for.
    kappa : float
        Its share of a pairing.
    share : float
        Of the projection's weight that its connection holds.
    decimation : int
        It decays every 2**decimation steps...
    decay : int
        ... by decay/128.
    """

    name: str
    tau: float
    kappa: float
    share: float
    decimation: int
    decay: int

    def tau_made(self, dt: float) -> float:
        """Return the time constant that the tag has [ms]."""
        return float(-dt * 2**self.decimation / np.log1p(-self.decay / DECAY_STEPS))


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


@dataclass(frozen=True, eq=False)
class Pulses:
    """What y2 of a population's neurons is made of.

    Attributes
    ----------
    population : int
    projection : int
        Whose rule says what M is.
    window : int [steps]
        y2 differs from 64 only in steps that end a window.
    per_integral : (1,) or (n,) float array
        Units of y2 for each unit of the integral of M.
    """

    population: int
    projection: int
    window: int
    per_integral: Float


def tags_of(rule: LoweredRule, dt: float) -> tuple[Tag, ...]:
    """Return the tags that stand for a rule's eligibility traces.

    Parameters
    ----------
    rule : LoweredRule
    dt : float [ms]

    Returns
    -------
    tuple of Tag
        Without a trace that has no share.
    """
    r = rule.rule
    both = [("fast", r.tau_fast, r.kappa_fast), ("slow", r.tau_slow, r.kappa_slow)]
    used = [(name, tau, kappa) for name, tau, kappa in both if kappa > 0.0]
    # A part moves as far as its trace lasts; none gets less than a fifth.
    moved = np.array([tau * kappa for _, tau, kappa in used])
    share = np.clip(moved / moved.sum(), 0.2, 1.0) if len(used) > 1 else np.ones(1)
    share = share / share.sum()
    return tuple(Tag(*which, float(s), *_tag_decay(which[1], dt)) for which, s in zip(used, share, strict=True))


def _tag_decay(tau: float, dt: float) -> tuple[int, int]:
    """Return how often and by how much a tag decays, for a time constant."""
    found: list[tuple[float, int, int]] = []
    for k in range(10):
        if k and 2**k * dt > LONGEST_WAIT:
            break
        left = float(-np.expm1(-(2**k) * dt / tau))
        decay = min(max(1, round(DECAY_STEPS * left)), DECAY_STEPS - 1)
        error = abs(-(2**k) * dt / np.log1p(-decay / DECAY_STEPS) / tau - 1.0)
        found.append((error, k, decay))
        if error < TAU_GOOD:
            break
    _, k, decay = min(found)
    return k, decay


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
        tags = {j: tags_of(_rule(self.lowered.projections[j]), self.lowered.dt) for j in self.learned}
        pulses, factors = [], []
        for group in dict.fromkeys(self.lowered.projections[j].target for j in self.learned):
            onto = [j for j in self.learned if self.lowered.projections[j].target == group]
            pulse = self.pulses(group, onto, tags)
            pulses.append(pulse)
            factors.append(self.sender(group, _rule(self.lowered.projections[onto[0]])))
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
        r = _rule(self.lowered.projections[j]).rule
        return TAG / max(abs(r.A_plus), abs(r.A_minus))

    def exponent_and_scale(self, j: int, tag: Tag) -> tuple[int, Float]:
        """Return the exponent of a part's weights, and their scale: the finest that holds its largest weight."""
        first = next(c for c in self.plain.connections if c.projection == j)
        base = first.scale * 2.0**first.weight_exp
        largest = float(np.abs(base).max()) * tag.share * _rule(self.lowered.projections[j]).rule.w_max
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
        rule = learning_rule(_rule(p), tag, change * (1 if p.receptor == 0 else -1), self.lowered.dt)
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
                self.connections.append(_one_to_one(process, own, delay))
        return self.late[group, delay]


def learns(projection: LoweredProjection) -> bool:
    """Return whether a projection's weights move by a rule.

    Parameters
    ----------
    projection : LoweredProjection

    Returns
    -------
    bool
    """
    rule = projection.plasticity
    return rule is not None and projection.n_synapses > 0 and bool(rule.rule.eta_l or rule.rule.eta_g)


def largest_rate(lowered: LoweredNetwork, projection: LoweredProjection) -> float:
    """Return the largest |eta_l + eta_g G| that is foreseen [1/s]: tonic levels and releases at once, 1 at least.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection

    Returns
    -------
    float
    """
    rule = _rule(projection)
    level = 0.0
    for k in rule.modulators:
        m = lowered.modulators[k]
        tonic = float(np.abs(m.tonic.values).max(initial=0.0))
        level += abs(m.weight) * (tonic + max(1.0, float(np.abs(m.release_amounts).max(initial=0.0))))
    return abs(rule.rule.eta_l) + abs(rule.rule.eta_g) * level


def learning_rule(rule: LoweredRule, tag: Tag, change: float, dt: float) -> LearningRule:
    """Return the chip's rule for one tag.

    Parameters
    ----------
    rule : LoweredRule
    tag : Tag
    change : float
        What t (y2 - 64) is multiplied by for the weight's change.
    dt : float [ms]

    Returns
    -------
    LearningRule
    """
    r = rule.rule
    impulse = IMPULSE_NEAREST if r.pairing == "nearest" else IMPULSE
    unit = TAG / max(abs(r.A_plus), abs(r.A_minus)) / impulse
    terms = _terms(r.A_plus * unit, "y0*x1") + _terms(r.A_minus * unit, "x0*y1")
    if r.tie != "ltp":  # x1 has this step's arrivals already
        terms += _terms(-r.A_plus * unit * impulse, "x0*y0")
    terms += _terms(-tag.decay / DECAY_STEPS, f"u{tag.decimation}*t")
    weight = _terms(change * 2.0**5, f"u{tag.decimation}*t*(y2-64)")
    return LearningRule(
        dw=" ".join(weight), dt=" ".join(terms), x1=Trace(impulse, r.tau_plus / dt), third_factors=True
    )  # fmt: skip


def _terms(value: float, factors: str) -> list[str]:
    return [f"{'-' if m < 0 else '+'} {abs(m)}*2^{e}*{factors}" for m, e in literals(value)]


def relay(process: NeuronProcess, group: int, delay: int) -> NeuronProcess:
    """Return neurons that pass on the spikes of a population.

    Parameters
    ----------
    process : NeuronProcess
        The population's.
    group : int
        Of the relay.
    delay : int [steps]
        Only for its name.

    Returns
    -------
    NeuronProcess
    """
    zero, rest, one = np.zeros(1, np.int32), np.zeros(process.size, np.int32), np.ones(1)
    full = np.array([DECAY_ONE - 1], np.int32)
    return NeuronProcess(
        name=f"{process.name} +{delay}", group=group, size=process.size, model=LIF, du=full, dv=full, du_inh=None,
        vth=np.array([min(WEIGHT_MAX // 2, BIAS_MANT_MAX)], np.int32), bias_mant=zero, bias_exp=0, refractory=zero,
        subtract=False, noise=zero, noise_key=None, u_init=rest, u_inh_init=rest, v_init=rest, scale=one,
        v_zero=0 * one, current_scale=np.zeros((2, 1)), bias_scale=0 * one, bias_rest=0 * one,
    )  # fmt: skip


def _one_to_one(process: NeuronProcess, group: int, delay: int) -> Connection:
    """Return what leads from a population to its relay: a spike that arrives fires it in the same step."""
    n = process.size
    if delay - 1 > DELAY_MAX:
        raise ValueError(f"a relay of {delay} steps")
    return Connection(
        name=f"{process.name} to its relay", projection=-1, source=process.group, target=group, n_source=n, n_target=n,
        receptor=0, sign=1, weight_exp=0, row_ptr=np.arange(n + 1, dtype=np.int64),
        target_index=np.arange(n, dtype=np.int32), weight=np.full(n, WEIGHT_MAX, np.int16),
        delay=np.array([delay - 1], np.int8), synapse=np.arange(n), scale=np.ones(1), plastic=False,
    )  # fmt: skip


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


def _rule(projection: LoweredProjection) -> LoweredRule:
    assert projection.plasticity is not None
    return projection.plasticity


def pulses(owed: Float, integral: Float) -> tuple[Int, Float]:
    """Return what neurons send of an integral, and what they still owe.

    Parameters
    ----------
    owed : (n,) float array
    integral : (n_windows, n) float array
        What each window adds, in units of y2.

    Returns
    -------
    (n_windows, n) int array
        y2 - 64: 0 until enough is owed that the engine's rounding towards minus infinity matters little.
    (n,) float array
    """
    sent = np.zeros(integral.shape, np.int64)
    owed = np.array(owed)
    for k, row in enumerate(integral):
        owed = owed + row
        whole = np.trunc(owed)
        sent[k] = np.where(np.abs(whole) >= SMALLEST_PULSE, np.clip(whole, -64, 63), 0)
        owed = owed - sent[k]
    return sent, owed


SMALLEST_PULSE = 4
