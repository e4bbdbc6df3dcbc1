"""Does a result depend on the time step? Runs at dt, dt/2, dt/4, and the order at which their differences vanish."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from .comparison import aligned_weights
from .errors import DescriptionError, UnknownNameError
from .grid import TOLERANCE
from .grid_effects import GridEffect, grid_effects
from .lowering import lower
from .network import Network
from .recorded import Spikes
from .results import Results
from .simulate import run

SLOWEST = 0.5  # an order below it is taken for none: what converges has order 1 or more
_ERRORS = 3.0  # standard errors of a spike count
_LOST = 0.25  # of the mean interval: the shift between two trains that have nothing to do with each other
_ROUNDING = 1e-9  # of the largest weight: smaller differences are of floating point, not of the time step

EXACT, CONVERGES, ON_GRID = "exact", "converges", "within the grid"
WITHIN_CHANCE, DIVERGES = "within chance", "does not converge"


@dataclass(frozen=True)
class Refinement:
    """How one quantity changes as the time step shrinks.

    Attributes
    ----------
    name : str
        Of the population, input or projection.
    quantity : "spike times", "rate" or "weights"
    unit : str
    differences : tuple of float
        Between each run and the next finer one: mean size of the shift of the k-th spikes of a neuron, where all runs
        have one (spikes in the same step of the coarsest grid count once);
        difference of mean rates; root mean square difference of weights. NaN where nothing can be compared.
    order : float
        p in ``difference ~ dt**p`` by Richardson's estimate from the last two differences; NaN if it has none.
    verdict : str
        ``"exact"`` (no difference), ``"converges"`` (order 0.5 or more, and spikes that are still the same ones),
        ``"within the grid"`` (no spike moved by more than a step per interval, which is rounding to the grid),
        ``"within chance"`` (rates agree within 3 standard errors of Poisson counts) or ``"does not converge"``.
    """

    name: str
    quantity: str
    unit: str
    differences: tuple[float, ...]
    order: float
    verdict: str

    @property
    def converges(self) -> bool:
        """Whether the quantity is, or comes to be, independent of the time step."""
        return self.verdict != DIVERGES


@dataclass(frozen=True, eq=False)
class Convergence:
    """How a network's results depend on its time step; printing it gives a table.

    Attributes
    ----------
    results : tuple of Results
        One per time step, from coarse to fine.
    refinements : tuple of Refinement
    grid_effects : tuple of GridEffect
        What a time step cannot represent, or draws anew: the first place to look for a reason.
    """

    results: tuple[Results, ...]
    refinements: tuple[Refinement, ...]
    grid_effects: tuple[GridEffect, ...]

    @property
    def dts(self) -> tuple[float, ...]:
        """The time steps, from coarse to fine [ms]."""
        return tuple(result.dt for result in self.results)

    @property
    def not_converging(self) -> tuple[Refinement, ...]:
        """What does not converge."""
        return tuple(entry for entry in self.refinements if not entry.converges)

    def of(self, name: str, quantity: str) -> Refinement:
        """Return how one quantity changes.

        Parameters
        ----------
        name : str
            Of a population, input or plastic projection.
        quantity : "spike times", "rate" or "weights"

        Returns
        -------
        Refinement

        Raises
        ------
        UnknownNameError
        """
        for entry in self.refinements:
            if (entry.name, entry.quantity) == (name, quantity):
                return entry
        raise UnknownNameError(
            "quantity", f"{quantity} of {name}", [f"{e.quantity} of {e.name}" for e in self.refinements]
        )

    def __str__(self) -> str:
        from .convergence_summary import convergence_table

        return convergence_table(self)

    def __repr__(self) -> str:
        return f"Convergence({len(self.not_converging)} of {len(self.refinements)} quantities do not converge)"


def convergence(
    net: Network,
    duration: Any,
    factors: Sequence[int] = (1, 2, 4),
    backend: str = "numba",
    *,
    progress: bool | None = None,
    **options: Any,
) -> Convergence:
    """Run a network at finer and finer time steps, and say what does not come to depend on them less and less.

    Everything else stays as it is in ms: time constants, delays, ticks, clocks, recordings.

    Parameters
    ----------
    net : Network
    duration : float [ms]
    factors : sequence of int
        The network's dt is divided by them: three or more, each the same number of times the one before.
    backend : str
    progress, **options
        As in :func:`hmn_snn.run`.

    Returns
    -------
    Convergence

    Raises
    ------
    DescriptionError
        If the factors do not grow by one ratio.
    ValidationError, RejectedError, BackendUnavailableError
        As in :func:`hmn_snn.run`, for any of the time steps.
    """
    ratio = _ratio(factors)
    nets = [net.replace(dt=net.dt / factor) for factor in factors]
    lowered = [lower(finer) for finer in nets]  # all before the first run, so that a mistake shows at once
    results = [run(finer, duration, backend, progress=progress, **options) for finer in nets]
    refinements = [
        entry
        for name, spikes in results[0].spikes.items()
        for entry in (_spikes_refined(results, name, ratio) if spikes.size else ())
    ]
    refinements += [_weights_refined(results, name, ratio) for name in results[0].plastic]
    return Convergence(tuple(results), tuple(refinements), grid_effects(lowered, results))


def _ratio(factors: Sequence[int]) -> float:
    """Return the ratio by which the factors grow."""
    given = [float(factor) for factor in factors]
    ratios = [fine / coarse for coarse, fine in pairwise(given) if coarse > 0.0]
    whole = all(factor >= 1.0 and factor % 1.0 == 0.0 for factor in given)
    if len(given) < 3 or not whole or not ratios[0] > 1.0 or not np.allclose(ratios, ratios[0]):
        allowed = "give three or more whole numbers that grow by one ratio, such as (1, 2, 4)"
        raise DescriptionError("convergence", "factors", tuple(factors), allowed)
    return ratios[0]


def _spikes_refined(results: Sequence[Results], name: str, ratio: float) -> list[Refinement]:
    """Return how a population's spike times and its rate change."""
    spikes = [result.spikes[name] for result in results]
    times, ordinal = _matched([_merged(train, results[0].dt) for train in spikes])
    moved = np.diff(times, axis=0)
    silent = not any(map(len, spikes))
    shifts = [float(np.abs(shift).mean()) if len(shift) else 0.0 if silent else math.nan for shift in moved]
    order, verdict = _judged(shifts, ratio, TOLERANCE * results[-1].dt)
    rates = [train.rate(result.t_start, result.t_stop) for train, result in zip(spikes, results, strict=True)]
    if verdict == CONVERGES and _unrelated(moved, 1e3 / rates[-1]):
        verdict = DIVERGES
    if verdict == DIVERGES and len(ordinal) and (np.abs(moved[-1]) <= ordinal * results[-2].dt * (1 + TOLERANCE)).all():
        verdict = ON_GRID
    refined = [Refinement(name, "spike times", "ms", tuple(shifts), order, verdict)]

    differences = [abs(fine - coarse) for coarse, fine in pairwise(rates)]
    order, verdict = _judged(differences, ratio, 0.0)
    n_coarse, n_fine = len(spikes[-2]), len(spikes[-1])
    if verdict == DIVERGES and abs(n_fine - n_coarse) <= _ERRORS * math.sqrt(n_fine + n_coarse):
        verdict = WITHIN_CHANCE
    return [*refined, Refinement(name, "rate", "Hz", tuple(differences), order, verdict)]


def _merged(spikes: Spikes, dt: float) -> Spikes:
    """Return the first spike of each neuron in each step of the coarsest grid.

    A Poisson source's spikes in the same step count once. What a finer grid tells apart would shift all later spikes
    by one, and make the source look as if it did not converge.
    """
    steps = np.ceil(spikes.t / dt - TOLERANCE).astype(np.int64)
    _, first = np.unique(steps * max(spikes.size, 1) + spikes.i, return_index=True)
    return Spikes(spikes.t[first], spikes.i[first], spikes.size)


def _matched(spikes: Sequence[Spikes]) -> tuple[np.ndarray, np.ndarray]:
    """Return the times in each run of the k-th spikes that all runs have, and k, from 1 on."""
    in_all = np.min([train.counts for train in spikes], axis=0)
    times = []
    for train in spikes:
        by_neuron = np.argsort(train.i, kind="stable")
        neuron = train.i[by_neuron]
        ordinal = np.arange(1, len(train) + 1) - (np.cumsum(train.counts) - train.counts)[neuron]
        times.append(train.t[by_neuron][ordinal <= in_all[neuron]])
    return np.stack(times), ordinal[ordinal <= in_all[neuron]]


def _unrelated(moved: np.ndarray, interval: float) -> bool:
    """Return whether spikes moved so far, and in such directions, that a shrinking shift is chance.

    The k-th spike is no longer the same one in all runs if it moves by a good part of an interval. Only a lag that adds
    up can be that large and still vanish with the step, and it has the same sign from each run to the next.
    """
    before, last = moved[-2:]
    return bool(np.abs(last).mean() > _LOST * interval and np.sum(before * last) <= 0.0)


def _weights_refined(results: Sequence[Results], name: str, ratio: float) -> Refinement:
    """Return how the final weights of a projection change."""
    weights = [result.weights[name] for result in results]
    differences, scale = [], 0.0
    for coarse, fine in pairwise(weights):
        values = aligned_weights(coarse, fine)
        assert values is not None, "connectivity does not depend on the time step"
        differences.append(float(np.sqrt(np.mean((values[1] - values[0]) ** 2))) if len(values[0]) else 0.0)
        scale = float(np.abs(values[1]).max(initial=scale))
    order, verdict = _judged(differences, ratio, _ROUNDING * scale)
    return Refinement(name, "weights", weights[0].unit, tuple(differences), order, verdict)


def _judged(differences: Sequence[float], ratio: float, rounding: float) -> tuple[float, str]:
    """Return Richardson's estimate of the order, and what it means; differences up to ``rounding`` are none."""
    before, last = differences[-2:]
    if math.isnan(before + last):
        return math.nan, DIVERGES
    if all(difference <= rounding for difference in differences):
        return math.nan, EXACT
    if last <= rounding:
        return math.inf, CONVERGES
    if not before > rounding:
        return math.nan, DIVERGES
    order = math.log(before / last, ratio)
    return order, CONVERGES if order >= SLOWEST else DIVERGES
