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
from .lowered import LoweredNetwork
from .lowering import lower
from .network import Network
from .recorded import Spikes
from .results import Results
from .simulate import run
from .translator import Finding, Severity, features_of

SLOWEST = 0.5  # an order below it is taken for none: what converges has order 1 or more
_ERRORS = 3.0  # standard errors of a spike count
_ROUNDING = 1e-9  # relative: smaller differences are of floating point, not of the time step

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
        Between each run and the next finer one: mean |shift| of spikes (the k-th of a neuron with the k-th), difference
        of mean rates, root mean square difference of weights. NaN where nothing can be compared.
    order : float
        p in ``difference ~ dt**p`` by Richardson's estimate from the last two differences; NaN if it has none.
    verdict : str
        ``"exact"`` (no difference), ``"converges"`` (order 0.5 or more), ``"within the grid"`` (no spike moved by more
        than a step per interval, which is rounding to the grid), ``"within chance"`` (rates agree within 3 standard
        errors of Poisson counts) or ``"does not converge"``.
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
    findings : tuple of (float, Finding)
        What a time step [ms] cannot represent: what is altered at it, and not in the same way at the others.
    """

    results: tuple[Results, ...]
    refinements: tuple[Refinement, ...]
    findings: tuple[tuple[float, Finding], ...]

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
        raise UnknownNameError("quantity", f"{quantity} of {name}", [f"{e.quantity} of {e.name}" for e in self])

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
    grid = _grid_findings([lower(finer) for finer in nets])  # before the first run: a mistake shows at once
    results = [run(finer, duration, backend, progress=progress, **options) for finer in nets]
    altered = [
        [finding for finding in result.findings if finding.severity is Severity.ALTERED] for result in results
    ]
    for found, more in zip(altered, grid, strict=True):
        found += more
    everywhere = set(altered[0]).intersection(*altered)
    findings = [
        (result.dt, finding)
        for result, found in zip(results, altered, strict=True)
        for finding in found
        if finding not in everywhere
    ]
    refinements = [entry for name in results[0].spikes for entry in _spikes_refined(results, name, ratio)]
    refinements += [_weights_refined(results, name, ratio) for name in results[0].plastic]
    return Convergence(tuple(results), tuple(refinements), tuple(findings))


def _ratio(factors: Sequence[int]) -> float:
    """Return the ratio by which the factors grow."""
    given = [float(factor) for factor in factors]
    ratios = [fine / coarse for coarse, fine in pairwise(given) if coarse > 0.0]
    whole = all(factor >= 1.0 and factor == int(factor) for factor in given)
    if len(given) < 3 or not whole or not ratios[0] > 1.0 or not np.allclose(ratios, ratios[0]):
        allowed = "give three or more whole numbers that grow by one ratio, such as (1, 2, 4)"
        raise DescriptionError("convergence", "factors", tuple(factors), allowed)
    return ratios[0]
