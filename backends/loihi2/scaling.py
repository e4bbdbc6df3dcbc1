"""What a membrane and its synapses need of their scale, and the scale that loses least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hmn_snn.astrocytes import LeakyCalcium
from hmn_snn.lowered import LoweredAstrocytes, LoweredInput, LoweredNetwork, LoweredPopulation, LoweredProjection

from . import quantisation as q
from .program import MEMBRANE_LIMIT, Float, Int

# Thresholds and potentials take half of the membrane's range: the rest is room for inhibition and for overshoot.
SPAN = MEMBRANE_LIMIT // 2
# Where a current is injected, a run may set it to anything, and a homeostatic bias goes as far as it must: there is
# room for a bias that holds the potential this many thresholds away from the reset.
CURRENT_ROOM = 2.0
# Scales are compared over one octave: beyond it, exponents shift and weights round alike.
CANDIDATES = 64
SAMPLE = 2048  # weights of a projection that are looked at to compare scales
POPULATION_RATE = 10.0  # Hz, a guess: of populations, whose rates are not known beforehand


@dataclass(frozen=True, eq=False)
class Membrane:
    """A population's pipeline before it has a scale; potentials in mV from the reset.

    Attributes
    ----------
    population : LoweredPopulation
    du : pair of (1,) or (n,) int array
        Of the two receptors.
    dv : (1,) or (n,) int array
    theta : (1,) or (n,) float array [mV]
    noise : (1,) or (n,) float array [mV]
        Standard deviation of what a step adds.
    current_effect : pair of (1,) or (n,) float array [MOhm; 1 at a delta receptor]
        What a current adds to the membrane in a step.
    arrival_gain : pair of (1,) or (n,) float array
        What weights are multiplied by for the rounded decay of their current.
    rest_drive : (1,) or (n,) float array [mV]
        What v_rest adds to the membrane in a step.
    current_drive : (1,) or (n,) float array [MOhm]
        What an injected current adds in a step.
    """

    population: LoweredPopulation
    du: tuple[Int, Int]
    dv: Int
    theta: Float
    noise: Float
    current_effect: tuple[Float, Float]
    arrival_gain: tuple[Float, Float]
    rest_drive: Float
    current_drive: Float

    @classmethod
    def of(cls, population: LoweredPopulation) -> Membrane:
        """Return the pipeline of a population."""
        p = population
        dv = q.membrane_decay(p.rho_m)
        factor = q.membrane_factor(dv)
        gain, spread = q.gain_change(p.rho_m, factor), q.spread_change(p.rho_m, factor)
        rhos = (p.rho_exc, p.rho_inh)
        effects = (p.rho_m if delta else k for k, delta in zip((p.k_exc, p.k_inh), p.delta, strict=True))
        du = tuple(q.current_decay(rho) for rho in rhos)
        arrival = tuple(q.gain_change(rho, q.current_factor(d)) for rho, d in zip(rhos, du, strict=True))
        exc, inh = (effect * gain for effect in effects)
        drive = (1.0 - p.rho_m) * gain
        rest = (p.v_rest - p.v_reset + _bias(p)) * drive
        return cls(p, (du[0], du[1]), dv, p.v_thresh - p.v_reset, p.noise * spread, (exc, inh),
                   (arrival[0], arrival[1]), rest, p.resistance * drive)  # fmt: skip

    @cached_property
    def injected(self) -> tuple[Float, Float, Float]:
        """Injected currents with the cell's offset: at the start, at least, at most; (1,) or (n,) arrays [nA].

        Oscillators drive neurons between the least and the most; what they begin with, the host writes.
        """
        p = self.population
        swing = sum(abs(drive.amplitude) for drive in p.drives)
        if not p.currents:
            return p.i_offset, p.i_offset - swing, p.i_offset + swing
        start, least, most = (np.array(np.broadcast_to(p.i_offset, (p.size,))) for _ in range(3))
        for current in p.currents:
            values = current.amplitude.values
            start[current.indices] += values[0]
            least[current.indices] += values.min(axis=0)
            most[current.indices] += values.max(axis=0)
        return start, least - swing, most + swing

    @cached_property
    def drives(self) -> tuple[Float, Float, Float]:
        """What resting potential and injected currents add in a step: at the start, at least, at most [mV]."""
        start, least, most = (self.rest_drive + self.current_drive * current for current in self.injected)
        return start, least, most

    @property
    def span(self) -> float:
        """The farthest that thresholds and potentials that stay lie from the reset [mV]."""
        p, (_, least, _) = self.population, self.drives
        # Of the potentials that drives lead to, only low ones stay: high ones end in a spike.
        lowest = np.minimum(least, 0.0) / np.where(self.dv == 0, 1.0, 1.0 - q.membrane_factor(self.dv))
        return max(map(_largest, (self.theta, p.v_rest - p.v_reset, p.initial["v"] - p.v_reset, lowest)))

    @property
    def unbounded(self) -> bool:
        """Whether nobody knows beforehand how far the bias will move."""
        return bool(self.population.currents) or self.population.homeostatic

    @property
    def bias_room(self) -> float:
        """The largest bias that the scale must leave room for [mV]."""
        room = max(map(_largest, self.drives))
        if self.unbounded:
            room = max(room, CURRENT_ROOM * _largest(self.theta * (1.0 - q.membrane_factor(self.dv))))
        return room


@dataclass(frozen=True, eq=False)
class Synapses:
    """A projection before its weights are integers.

    Attributes
    ----------
    projection : LoweredProjection
    index : int
        Of the projection.
    effect : (1,) or (n_target,) float array
        What a weight adds to the membrane in the step of its arrival [mV by the unit of weights].
    largest_weight : float
        That it will ever have, gains of astrocytes included.
    written : bool
        Whether the host writes weights.
    coincident : float
        Expected number of arrivals at a neuron in a step that has any.
    """

    projection: LoweredProjection
    index: int
    effect: Float
    largest_weight: float
    written: bool
    coincident: float

    @cached_property
    def strongest(self) -> float:
        """The strongest synapse that there will ever be [mV in the step of arrival]."""
        p = self.projection
        if not p.n_synapses:
            return 0.0
        if self.written:
            return self.largest_weight * _largest(self.effect[p.target_index] if len(self.effect) > 1 else self.effect)
        return _largest(self.effects)

    @property
    def effects(self) -> Float:
        """(n_synapses,) float array: the synapses at the start [mV in the step of arrival]."""
        p = self.projection
        return p.weights * (self.effect if len(self.effect) == 1 else self.effect[p.target_index])

    @cached_property
    def sample(self) -> tuple[Float, Float]:
        """Some of the effects other than 0, each once, and how often each was found."""
        effects = self.effects if len(self.effect) > 1 else self.projection.weight * self.effect
        some = effects[:: max(1, len(effects) // SAMPLE)]
        values, counts = np.unique(some[some > 0.0], return_counts=True)
        return values, counts / max(1, counts.sum())

    def exponent(self, scale: float) -> int:
        """Return the exponent of the weights at a scale.

        With a negative one the chip cuts off what a step's sum has below the unit of 64: half a unit, on average.
        With exponent 0 each weight is rounded instead. What is less, for the arrivals that are expected to coincide,
        is chosen; for weights that are written with rounding at random, the latter.

        Parameters
        ----------
        scale : float [1/mV]

        Returns
        -------
        int
            -8 to 7.
        """
        full = q.weight_exponent(scale * self.strongest / q.UNIT)
        if full >= 0:
            return full
        values, share = self.sample
        if self.written or not len(values):
            return 0
        error = np.rint(scale * values / q.UNIT) - scale * values / q.UNIT
        mean = float(share @ error)
        spread = float(np.sqrt(max(0.0, share @ np.square(error) - mean**2)))
        rounded = self.coincident * abs(mean) + np.sqrt(self.coincident) * spread
        return full if 0.5 * (1.0 - 2.0**full) < rounded else 0

    def loss(self, scale: float) -> float:
        """Return the mean square of the weights' rounding by that of the weights.

        Of weights that will change, anything from none to the strongest is expected alike: 1/12 by a third of the
        strongest one's square.

        Parameters
        ----------
        scale : float [1/mV]

        Returns
        -------
        float
        """
        values, share = self.sample
        unit = q.UNIT * 2.0 ** self.exponent(scale) / scale
        if self.written and self.strongest > 0.0:
            return float((unit / self.strongest) ** 2 / 4.0)
        if not len(values):
            return 0.0
        exact = values / unit
        return float(share @ np.square(np.rint(exact) - exact)) / float(share @ np.square(exact))


def synapses_of(
    lowered: LoweredNetwork, group: int, membrane: Membrane, learning: str = "host"
) -> tuple[Synapses, ...]:
    """Return the projections onto a population that have synapses.

    Parameters
    ----------
    lowered : LoweredNetwork
    group : int
        Index of the population.
    membrane : Membrane
    learning : "host" or "frozen"

    Returns
    -------
    tuple of Synapses
    """
    found = []
    for index, projection in enumerate(lowered.projections):
        if projection.target != group or not projection.n_synapses:
            continue
        effect = membrane.current_effect[projection.receptor] * membrane.arrival_gain[projection.receptor]
        rule, largest = projection.plasticity, _largest(projection.weight)
        learns = rule is not None and learning != "frozen"
        if rule is not None and learns and np.isfinite(rule.rule.w_max):
            largest = rule.rule.w_max
        if projection.astrocytes >= 0:
            largest *= largest_gain(lowered.astrocytes[projection.astrocytes])
        written = learns or projection.astrocytes >= 0
        arrivals = expected_rate(lowered, projection.source) * lowered.dt / 1000.0
        coincident = max(1.0, arrivals * projection.n_synapses / projection.n_target)
        found.append(Synapses(projection, index, effect, largest, written, coincident))
    return tuple(found)


def expected_rate(lowered: LoweredNetwork, source: int) -> float:
    """Return the mean rate of a source: of an input, what it was given; of a population, a guess.

    Parameters
    ----------
    lowered : LoweredNetwork
    source : int

    Returns
    -------
    float [Hz]
    """
    given = lowered.sources[source]
    if not isinstance(given, LoweredInput):
        return POPULATION_RATE
    if given.rate is not None:
        return float(given.rate.values.mean(axis=1).max(initial=0.0))
    duration = max(given.steps[-1] + 1, 1) * lowered.dt / 1000.0 if len(given.steps) else 1.0
    return len(given.steps) / max(1, given.size) / duration


def largest_gain(astrocytes: LoweredAstrocytes) -> float:
    """Return the largest gain that astrocytes give to their synapses; 1 for cells that do not tell.

    Parameters
    ----------
    astrocytes : LoweredAstrocytes

    Returns
    -------
    float
    """
    cell = astrocytes.cell
    return max(1.0, cell.alpha / cell.U0) if isinstance(cell, LeakyCalcium) else 1.0


def population_scale(membrane: Membrane, incoming: Sequence[Synapses]) -> float:
    """Return the scale of a population: v is scale (potential - reset).

    Parameters
    ----------
    membrane : Membrane
    incoming : sequence of Synapses

    Returns
    -------
    float [1/mV]
        The largest that the widths allow, or the one up to a factor of 2 below it at which fixed weights round best.
    """
    limits = [(SPAN, membrane.span), (q.BIAS_LARGEST, membrane.bias_room)]
    limits += [(q.WEIGHT_LARGEST, synapses.strongest) for synapses in incoming]
    largest = min((limit / found for limit, found in limits if found > 0.0), default=1.0)
    scales = largest * 2.0 ** (-np.arange(CANDIDATES) / CANDIDATES)
    losses = [sum(synapses.loss(scale) for synapses in incoming) for scale in scales]
    return float(scales[int(np.argmin(losses))])


def _largest(values: Float) -> float:
    return float(np.abs(values).max(initial=0.0))


def _bias(population: LoweredPopulation) -> Float:
    """Return the homeostatic bias that neurons start with [mV], (1,) where there is none."""
    bias = population.initial["bias"]
    return bias if bias.any() else np.zeros(1)
