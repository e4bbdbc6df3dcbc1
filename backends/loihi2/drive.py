"""How much enters a process in a step: at worst, and as expected from the rates of inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmn_snn.lowered import LoweredInput, LoweredNetwork

from . import quantisation as q
from .program import WEIGHT_MAX, Connection, Float, LoihiProgram, NeuronProcess
from .scaling import POPULATION_RATE, Membrane

# The chip's sum of a step has 15 bits and sign, before it is shifted by 6 into the current: nengo-loihi 1.1,
# builder/discretize.py, Q_BITS = 21. Neither Lava nor the emulator cuts larger ones.
SUM_LIMIT = 1 << 15
DEVIATIONS = 6.0  # what is expected to happen stays within so many standard deviations


@dataclass(frozen=True, eq=False)
class Drive:
    """What enters the neurons of a process in a step; pairs are of excitation and inhibition, both positive.

    Attributes
    ----------
    process : NeuronProcess
    bias : (1,) or (n,) float array
        The least that resting potential and injected currents add in a step. A homeostatic bias falls no further than
        to where the neuron is silent.
    worst : pair of (n,) float array
        Sum of a step in which every synapse has a spike, written ones at their largest weight.
    mean, variance : pair of (n,) float array
        Of the sum of a step, at the rates of the inputs and, for populations, a guess.
    """

    process: NeuronProcess
    bias: Float
    worst: tuple[Float, Float]
    mean: tuple[Float, Float]
    variance: tuple[Float, Float]

    @property
    def largest_sum(self) -> float:
        """The largest sum of one sign, if all synapses had a spike in the same step."""
        return max(float(worst.max(initial=0.0)) for worst in self.worst)

    @property
    def expected_sum(self) -> float:
        """The largest sum of one sign that is expected to occur."""
        parts = zip(self.mean, self.variance, self.worst, strict=True)
        return max(
            float(np.minimum(mean + DEVIATIONS * np.sqrt(var), worst).max(initial=0.0)) for mean, var, worst in parts
        )

    @property
    def expected_current(self) -> float:
        """The largest magnitude of u, or of u_inh, that is expected to occur."""
        p = self.process
        if p.du_inh is not None:
            parts = [(self.mean[0], self.variance[0], p.du), (self.mean[1], self.variance[1], p.du_inh)]
        else:
            parts = [(self.mean[0] - self.mean[1], self.variance[0] + self.variance[1], p.du)]
        return max(float(_peak(mean, variance, q.current_factor(du)).max(initial=0.0)) for mean, variance, du in parts)

    @property
    def lowest_potential(self) -> float:
        """The mean of v, without spikes, of the neuron that is inhibited most; 0 for a membrane without a leak."""
        p = self.process
        decays = (p.du, p.du if p.du_inh is None else p.du_inh)
        exc, inh = (
            q.UNIT * mean / (1.0 - q.current_factor(du)) for mean, du in zip(self.mean, decays, strict=True)
        )  # fmt: skip
        drive = exc - inh + self.bias
        leak = 1.0 - q.membrane_factor(p.dv)
        return float((np.where(leak == 0.0, 0.0, drive) / np.where(leak == 0.0, 1.0, leak)).min(initial=0.0))


def drive_of(lowered: LoweredNetwork, program: LoihiProgram, process: NeuronProcess) -> Drive:
    """Return what enters a process.

    Parameters
    ----------
    lowered : LoweredNetwork
    program : LoihiProgram
    process : NeuronProcess

    Returns
    -------
    Drive
    """
    originals = {source.group: source.copied for source in program.sources if source.copied is not None}
    worst, mean, variance = (np.zeros((2, process.size)) for _ in range(3))
    for connection in program.connections:
        if connection.target == process.group:
            group = originals.get(connection.source, connection.source)
            parts = _moments(connection, spike_probability(lowered, group))
            for total, part in zip((worst, mean, variance), parts, strict=True):
                total[0 if connection.sign > 0 else 1] += part
    bias = process.bias_rest + process.bias_scale * Membrane.of(lowered.populations[process.group]).injected[1]
    return Drive(process, bias, (worst[0], worst[1]), (mean[0], mean[1]), (variance[0], variance[1]))


def spike_probability(lowered: LoweredNetwork, source: int) -> Float:
    """Return how likely neurons of a source spike in a step: at the highest rate of an input, at a guess otherwise.

    Parameters
    ----------
    lowered : LoweredNetwork
    source : int

    Returns
    -------
    (n_source,) float array
    """
    given, seconds = lowered.sources[source], lowered.dt / 1000.0
    if not isinstance(given, LoweredInput):
        return np.full(given.size, POPULATION_RATE * seconds)
    if given.rate is not None:
        highest = given.rate.values.max(axis=0, initial=0.0)
        return np.minimum(1.0, np.broadcast_to(highest, (given.size,)) * seconds)
    counts = np.bincount(given.indices, minlength=given.size)
    return counts / max(float(given.steps[-1]) + 1.0 if len(given.steps) else 1.0, 1.0)


def _moments(connection: Connection, probability: Float) -> tuple[Float, Float, Float]:
    """Return worst case, mean and variance of the sum of a step, by target neuron."""
    unit = 2.0**connection.weight_exp
    weight = np.abs(connection.weight) * unit
    likely = np.repeat(probability, np.diff(connection.row_ptr))
    largest = np.full(len(weight), WEIGHT_MAX * unit) if connection.plastic else weight

    def summed(values: Float) -> Float:
        return np.bincount(connection.target_index, weights=values, minlength=connection.n_target)

    return summed(largest), summed(weight * likely), summed(weight**2 * likely * (1.0 - likely))


def _peak(mean: Float, variance: Float, factor: Float) -> Float:
    """Return what a sum's filtered current is expected to reach."""
    deviation = np.sqrt(variance / (1.0 - factor**2))
    return q.UNIT * (np.abs(mean) / (1.0 - factor) + DEVIATIONS * deviation)
