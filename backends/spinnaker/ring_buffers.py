"""Ring buffers: how finely a population's weights are held, by the rule of sPyNNaker 7.4.1.

What arrives in one timestep is summed up in 16 bits for each neuron, receptor and delay. sPyNNaker bounds that sum and
takes the smallest shift whose 2^shift nA lies above the bound; a weight is held as round(w 2^(15 - shift)). The bound
(``pyNN/models/neuron/population_vertex.py``, ``get_ring_buffer_shifts``) is that of all synapses at once where all
delays are equal, else five standard deviations above the mean of Poisson arrivals, if that is less; but at least the
largest weight. Plastic weights count with the largest value that they can reach. sPyNNaker has code for the rates of
Poisson sources there, but asks the wrong class for them, and takes 30 Hz; here the rates count, and the bound is given
to sPyNNaker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .program import Float, Int

SPIKES_PER_SECOND = 30.0  # of any neuron; sPyNNaker's configuration "spikes_per_second"
SIGMA = 5.0  # sPyNNaker's configuration "ring_buffer_sigma"
SUMMED_SIGMAS = 3.0  # up to where the number of arrivals is summed
SLOW_PER_STEP = 0.01  # spikes per timestep below which a Poisson source sends at most one
WEIGHT_BITS, WORD = 15, 1 << 16


@dataclass(frozen=True)
class Arrivals:
    """What one projection brings to a receptor.

    Attributes
    ----------
    receptor : int
        Its place among the cell's receptors.
    in_degree : int
        Largest number of its synapses onto one neuron.
    mean, variance, largest : float [nA, nA^2, nA]
        Of its weights; of plastic ones largest, 0, largest.
    delay_variance : float [ms^2]
    rate : float [Hz]
        Expected of each source neuron.
    per_step : float
        Spikes of a source neuron in one timestep at most.
    """

    receptor: int
    in_degree: int
    mean: float
    variance: float
    largest: float
    delay_variance: float
    rate: float = SPIKES_PER_SECOND
    per_step: float = 1.0


def arrivals(
    receptor: int, post: Int, weight: Float, delay: Int, dt: float, reach: float | None = None,
    rate: float | None = None, drawn: bool = False,
) -> Arrivals:  # fmt: skip
    """Return what a projection brings to a receptor.

    Parameters
    ----------
    receptor : int
    post : (n,) int array
    weight : (n,) float array [nA]
    delay : (n,) int array [steps]
    dt : float [ms]
    reach : float, optional [nA]
        The largest value that its weights can reach, where they change.
    rate : float, optional [Hz]
        Of its source neurons; 30 Hz if not given.
    drawn : bool
        Whether the chip draws the source's spikes, several of them in a timestep at times.

    Returns
    -------
    Arrivals
    """
    if not len(post):
        return Arrivals(receptor, 0, 0.0, 0.0, 0.0, 0.0)
    largest, mean, variance = float(weight.max()), float(weight.mean()), float(weight.var())
    if reach is not None:
        largest = mean = max(largest, reach)
        variance = 0.0
    spread = float((delay * dt).var())
    in_degree = int(np.bincount(post).max())
    if not rate:
        return Arrivals(receptor, in_degree, mean, variance, largest, spread)
    most = _most_in_a_step(rate * dt / 1000.0) if drawn else 1.0
    rate = rate if drawn else min(rate, 1000.0 / dt)
    return Arrivals(receptor, in_degree, mean, variance, largest, spread, rate, most)


def _most_in_a_step(mean: float) -> float:
    """Return the spikes of a Poisson source in one timestep that are exceeded once in a thousand."""
    if mean < SLOW_PER_STEP:
        return 1.0
    from scipy.special import pdtr

    most = 0
    while pdtr(most, mean) < 0.999:
        most += 1
    return most + 1.0


def bounds(arriving: Sequence[Arrivals], n_receptors: int, dt: float) -> tuple[float, ...]:
    """Return what is expected to arrive in one timestep at most, for each receptor.

    Parameters
    ----------
    arriving : sequence of Arrivals
    n_receptors : int
    dt : float [ms]

    Returns
    -------
    tuple of float [nA]
        sPyNNaker's ``max_expected_summed_weight``.
    """
    return tuple(_bound([a for a in arriving if a.receptor == r and a.in_degree], dt) for r in range(n_receptors))


def shift_of(bound: float) -> int:
    """Return the shift of a ring buffer: the smallest with 2^shift above the bound.

    Parameters
    ----------
    bound : float [nA]

    Returns
    -------
    int
    """
    if bound <= 0.0:
        return 0
    shift = math.ceil(max(0.0, math.log2(bound)))
    return shift + 1 if 2.0**shift <= bound else shift


def held(weight: Float, shift: int) -> Int:
    """Return weights as the chip holds them.

    Parameters
    ----------
    weight : (n,) float array [nA]
    shift : int

    Returns
    -------
    (n,) int array
        0 to 65535; what is larger is cut off.
    """
    steps = np.rint(np.asarray(weight) * 2.0 ** (WEIGHT_BITS - shift))
    return np.asarray(np.minimum(steps, WORD - 1), np.int64)


def read_back(weight: Float, shift: int) -> Float:
    """Return the weights that are read back from the chip.

    Parameters
    ----------
    weight : (n,) float array [nA]
        As given.
    shift : int

    Returns
    -------
    (n,) float array [nA]
    """
    return np.asarray(held(weight, shift) * 2.0 ** (shift - WEIGHT_BITS))


def _bound(arriving: Sequence[Arrivals], dt: float) -> float:
    if not arriving:
        return 0.0
    total = sum(a.per_step * a.largest * a.in_degree for a in arriving)
    largest = max(a.largest for a in arriving)
    counts = [a.in_degree for a in arriving]
    if _pooled(counts, [0.0] * len(arriving), [a.delay_variance for a in arriving])[1] == 0.0:
        return max(total, largest)
    mean, variance = _pooled(counts, [a.mean for a in arriving], [a.variance for a in arriving])
    rate = float(np.average([a.rate for a in arriving], weights=counts))
    expected = _poisson_bound(mean, math.sqrt(variance), sum(counts) * rate * dt / 1000.0)
    return max(min(expected, total), largest)


def _pooled(counts: Sequence[int], means: Sequence[float], variances: Sequence[float]) -> tuple[float, float]:
    """Return mean and variance of groups together, with sPyNNaker's weighting (each group's variance by n - 1)."""
    n = sum(counts)
    if n <= 1:
        return means[0], 0.0
    mean = sum(c * m for c, m in zip(counts, means, strict=True)) / n
    squares = sum((c - 1.0) * v + c * (m - mean) ** 2 for c, m, v in zip(counts, means, variances, strict=True))
    return mean, squares / (n - 1.0)


def _poisson_bound(mean: float, deviation: float, arrivals_per_step: float) -> float:
    """Return mean and SIGMA standard deviations of the sum of a Poisson number of weights."""
    from scipy.special import gammaincc, gammaln

    lam = arrivals_per_step
    variance = 0.0
    if deviation > 0.0 and lam > 0.0:
        # Variance from the weights' own spread, as sPyNNaker has it: summed up to three deviations above the mean.
        most = round(lam + SUMMED_SIGMAS * math.sqrt(lam))
        exponent = math.log(lam) * most - float(gammaln(1 + most))
        if -701.0 < exponent < 701.0 and exponent != 0.0:
            inner = math.exp(lam) * float(gammaincc(1 + most, lam)) - math.exp(exponent)
            variance = lam * deviation**2 * math.exp(-lam) * inner
    return lam * mean + SIGMA * math.sqrt(lam * mean**2 + variance)
