"""What each cause of loss does to learned weights: all of them, then all but one, beside the float run.

For learning on the chip, spikes and third factors are those of the float run, and each quantisation of the engine can
be left out by itself; what remains without all of them is the approximation as such (changes at once instead of at
ticks, parts with bounds of their own). For learning on the host, the update is exact, and weights differ by what the
chip rounds and by the spikes that come of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.description import choice_problem
from hmn_snn.errors import DescriptionError
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.network import Network
from hmn_snn.results import Results
from hmn_snn.simulate import Simulation
from hmn_snn.summary import text_table

from . import on_chip_rule as on_chip
from .learning_program import NEUTRAL
from .learning_rule import ACCUMULATOR_SHIFT
from .program import DECAY_ONE, WEIGHT_MAX, Float, Int

# Pulses are no cause by themselves: without them, rounding towards minus infinity would eat most changes.
PULSES = "pulses"
ON_CHIP = ("time constants", "trace range", "trace rounding", "tag range", "tag rounding", "weight range",
           "weight rounding")  # fmt: skip
HOST = ("rounding at random", "weight bits")
TRACE_MAX, TAG_MAX = 127.0, 255.0
_UNIT = 2.0**-ACCUMULATOR_SHIFT  # of what is accumulated


@dataclass(frozen=True)
class Contribution:
    """Weights without one cause of loss.

    Attributes
    ----------
    without : str
        The cause; "" for all of them in force, "all" for none of them.
    weight_error : float [nA]
        Root mean square difference of the final weights from those of the float run.
    relative_error : float
        The same, relative to how far the weights of the float run moved.
    correlation : float
        Of the synapses' changes with those of the float run; nan where all are equal.
    """

    without: str
    weight_error: float
    relative_error: float
    correlation: float


@dataclass(frozen=True)
class Attribution:
    """Which cause of loss does what; printing it gives a table.

    Attributes
    ----------
    contributions : tuple of Contribution
    moved : float [nA]
        Root mean square change of the float run's weights.
    """

    contributions: tuple[Contribution, ...]
    moved: float

    def __getitem__(self, without: str) -> Contribution:
        """Return the weights without a cause."""
        return next(c for c in self.contributions if c.without == without)

    def __str__(self) -> str:
        rows = [
            [c.without or "(nothing)", f"{c.weight_error:.4g}", f"{c.relative_error:.1%}", f"{c.correlation:.3f}"]
            for c in self.contributions
        ]
        table = text_table(rows, ["without", "weight error [nA]", "of the change", "correlation"])
        return table + f"\nfloat weights moved by {self.moved:.4g} nA rms"


def attribution(net: Network, duration: Any, *, learning: str = "on_chip", seed: int = 1) -> Attribution:
    """Learn in float, and with the chip's causes of loss: all, all but one, none.

    Parameters
    ----------
    net : Network
        What it releases is scheduled; runs from its start.
    duration : float [ms] or quantity
    learning : "on_chip" or "host"
    seed : int
        Of the rounding.

    Returns
    -------
    Attribution

    Raises
    ------
    DescriptionError
        If ``learning`` is neither, or nothing learns.
    """
    for problem in choice_problem("attribution", "learning", learning, ("on_chip", "host")):
        raise problem
    with Simulation(net, backend="numba", progress=False) as sim:
        learned = [j for j, p in enumerate(sim.lowered.projections) if on_chip.learns(p)]
        if not learned:
            raise DescriptionError(net.name, "plasticity", None, "add a projection that learns")
        results, lowered = sim.run(duration), sim.lowered
        final = np.concatenate([sim.weights(lowered.projections[j].name).values for j in learned])
    start = np.concatenate([lowered.projections[j].weights for j in learned])
    runs = _on_chip(lowered, results, seed) if learning == "on_chip" else _on_host(net, duration, learned)
    moved = _rms(final - start)
    contributions = []
    for without, weights in runs:
        error, pair = _rms(weights - final), (weights - start, final - start)
        varies = all(np.ptp(side) > 0.0 for side in pair)
        r = float(np.corrcoef(*pair)[0, 1]) if varies else float("nan")
        contributions.append(Contribution(without, error, error / moved if moved else float("nan"), r))
    return Attribution(tuple(contributions), moved)


def _on_chip(lowered: LoweredNetwork, results: Results, seed: int) -> list[tuple[str, Float]]:
    """Return the weights with each set of causes."""
    lesson = _Lesson(lowered, results)
    every = (PULSES, *ON_CHIP)
    sets = [("", every), *((c, tuple(x for x in every if x != c)) for c in ON_CHIP), ("all", ())]
    return [(without, lesson.learned(causes, seed)) for without, causes in sets]


def _on_host(net: Network, duration: Any, learned: Sequence[int]) -> list[tuple[str, Float]]:
    """Return what lies on the chip, rounded at random or to the nearest, and what the host holds."""
    found = []
    for without, rounding in (("", "stochastic"), ("rounding at random", "nearest")):
        with Simulation(net, backend="loihi2", executor="emulator", rounding=rounding, progress=False) as sim:
            sim.run(duration)
            found.append((without, np.concatenate([sim._session.chip.weights(j) for j in learned])))
            if not without:
                exact = np.concatenate([sim.weights(sim.lowered.projections[j].name).values for j in learned])
    return [*found, ("weight bits", exact)]


def _rms(values: Float) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if len(values) else 0.0


class _Lesson:
    """What all learners hear: the float run's spikes, and third factors."""

    def __init__(self, lowered: LoweredNetwork, results: Results) -> None:
        from .on_chip_session import OnChipSession
        from .session import Deployment
        from .translator import Settings

        self.lowered = lowered
        self.n_steps = round((results.t_stop - results.t_start) / lowered.dt)
        deployment = Deployment(lowered, Settings(executor="emulator", learning="on_chip"), ())
        session = deployment.start()
        assert isinstance(session, OnChipSession)
        self.chip = session.on_chip
        levels, phases = session._levels(0, self.n_steps), session._phases(self.n_steps)
        self.rates = [session._rate(p, levels, phases) for p in self.chip.pulses]
        self.factors = session._factors(0, self.n_steps)[:, 0] - NEUTRAL
        session.close()
        names = [s.name for s in lowered.sources]
        self.spikes = [self._heard(results, name) for name in names]

    def _heard(self, results: Results, name: str) -> tuple[Int, Int]:
        train = results.spikes[name]
        return np.rint(train.t / self.lowered.dt).astype(np.int64) - 1, train.i

    def learned(self, causes: Sequence[str], seed: int) -> Float:
        """Return the weights that are learned with some causes of loss."""
        rng, found = np.random.default_rng(seed), []
        begin = np.concatenate(
            [[0], np.cumsum([self.lowered.populations[p.population].size for p in self.chip.pulses])]
        )
        for j in self.chip.parts:
            k = next(k for k, p in enumerate(self.chip.pulses) if p.population == self.lowered.projections[j].target)
            pulse, dt_s = self.chip.pulses[k], self.lowered.dt / 1000.0
            sent = self.factors[:, begin[k] : begin[k + 1]] if PULSES in causes else (
                self.rates[k] * pulse.per_integral * dt_s)  # fmt: skip
            parts = [self._part(j, tag, sent, pulse, causes, rng) for tag in self.chip.tags[j]]
            found.append(np.sum(parts, axis=0))
        return np.concatenate(found)

    def _part(
        self, j: int, tag: on_chip.Tag, sent: Float, pulse: on_chip.Pulses, causes: Sequence[str], rng: Any
    ) -> Float:
        """Return what one tag of a projection has learned [nA]."""
        p = self.lowered.projections[j]
        pre, post = self.spikes[p.source], self.spikes[p.target]
        assert p.plasticity is not None
        number = next(c for c, t in self.chip.parts[j] if t.name == tag.name)
        c = self.chip.program.connections[number]
        scale = np.abs(c.scale if len(c.scale) == 1 else c.scale[p.target_index])
        learner = _Learner(p, tag, self.lowered.dt, scale, float(np.max(pulse.per_integral)), causes, rng)
        delays = p.delay_steps
        by_source = np.argsort(p.source_index, kind="stable")
        ptr = np.searchsorted(p.source_index[by_source], np.arange(p.n_source + 1))
        arrive: dict[int, list[Int]] = {}
        for step, neuron in zip(*pre, strict=True):
            reached = by_source[ptr[neuron] : ptr[neuron + 1]]
            for d in np.unique(delays[reached]):
                arrive.setdefault(int(step + d), []).append(reached[delays[reached] == d])
        fire: dict[int, list[int]] = {}
        for step, neuron in zip(*post, strict=True):
            fire.setdefault(int(step), []).append(int(neuron))
        wide = np.broadcast_to(sent, (len(sent), p.n_target)) if len(p.target_index) else sent
        nothing = np.zeros(0, np.int64)
        for k in range(self.n_steps):
            pairs = arrive.get(k)
            learner.step(k, np.concatenate(pairs) if pairs else nothing, np.array(fire.get(k, ()), np.int64), wide[k])
        return learner.weight / scale


class _Learner:
    """One tag's connection, synapse by synapse, with some of the chip's quantisations.

    Parameters
    ----------
    projection : LoweredProjection
    tag : on_chip.Tag
    dt : float [ms]
    scale : (1,) or (n_synapses,) float array
        Of a weight's unit.
    per_integral : float
        Units of y2 for the integral of M.
    causes : sequence of str
        Those in force.
    rng : numpy Generator
    """

    def __init__(
        self,
        projection: Any,
        tag: on_chip.Tag,
        dt: float,
        scale: Float,
        per_integral: float,
        causes: Sequence[str],
        rng: Any,
    ) -> None:
        r = projection.plasticity.rule
        self.target, self.r, self.tag, self.causes, self.rng = projection.target_index, r, tag, frozenset(causes), rng
        self.impulse = on_chip.IMPULSE_NEAREST if r.pairing == "nearest" else on_chip.IMPULSE
        grid = "time constants" in self.causes
        self.keep_x = np.exp(-dt / r.tau_plus)
        decay = round(DECAY_ONE * -np.expm1(-dt / r.tau_minus))
        self.keep_y = 1.0 - decay / DECAY_ONE if grid else np.exp(-dt / r.tau_minus)
        self.every = 2**tag.decimation
        self.lost = tag.decay / on_chip.DECAY_STEPS if grid else -np.expm1(-self.every * dt / tag.tau)
        strongest = max(abs(r.A_plus), abs(r.A_minus))
        self.up, self.down = (a * on_chip.TAG / strongest / self.impulse for a in (r.A_plus, r.A_minus))
        self.change = float(np.max(scale)) * tag.kappa / (on_chip.TAG / strongest) / per_integral
        n = len(self.target)
        self.x, self.y = np.zeros(n), np.zeros(projection.n_target)
        self.psi, self.weight = np.zeros(n), tag.share * projection.weights * scale
        if "weight rounding" in self.causes:
            self.weight = np.rint(self.weight)
        self.highest = tag.share * r.w_max * np.broadcast_to(scale, (n,))

    def step(self, k: int, arriving: Int, fired: Int, sent: Float) -> None:
        """Advance by a step: synapses that spikes arrive at, neurons that fire, y2 - 64 of the targets."""
        self.x = self._trace(self.x * self.keep_x)
        self.y *= self.keep_y
        rounds = np.round if "trace rounding" in self.causes else _as_is
        before, change = self.psi, np.zeros_like(self.psi)
        hit = np.isin(self.target, fired) if len(fired) else np.zeros(len(self.target), bool)
        y = self.y.copy()
        if len(fired) and self.r.tie == "ltd":
            y[fired] += self.impulse
        change[arriving] += self.down * rounds(y[self.target[arriving]])
        if self.r.tie != "ltp":
            change[hit] += self.up * self.x[hit]
        self._add(self.x, arriving)
        if self.r.tie == "ltp":
            change[hit] += self.up * self.x[hit]
        self._add(self.y, fired)
        if (k + 1) % self.every == 0:
            change -= self.lost * before
        self.psi = self._tag(before + change)
        if sent.any() and (PULSES not in self.causes or (k + 1) % self.every == 0):
            self._move(before * sent[self.target] * self.change)

    def _add(self, trace: Float, where: Int) -> None:
        trace[where] = self.impulse if self.r.pairing == "nearest" else trace[where] + self.impulse
        if "trace range" in self.causes:
            np.minimum(trace, TRACE_MAX, out=trace)

    def _trace(self, value: Float) -> Float:
        return self._rounded(value, 1.0) if "trace rounding" in self.causes else value

    def _tag(self, value: Float) -> Float:
        if "tag rounding" in self.causes:
            value = self._rounded(np.rint(value / _UNIT) * _UNIT, 1.0)
        return np.clip(value, -TAG_MAX, TAG_MAX) if "tag range" in self.causes else value

    def _move(self, change: Float) -> None:
        if "weight rounding" in self.causes:
            self.weight = self._rounded(self.weight + np.floor(change / _UNIT) * _UNIT, 1.0)
        else:
            self.weight = self.weight + change
        self.weight = np.clip(self.weight, 0.0, WEIGHT_MAX if "weight range" in self.causes else np.inf)

    def _rounded(self, value: Float, unit: float) -> Float:
        return np.floor(value / unit + self.rng.random(len(value))) * unit


def _as_is(value: Float) -> Float:
    return value
