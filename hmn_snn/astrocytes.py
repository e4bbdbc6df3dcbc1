"""Astrocytes at tripartite synapses: cells on a slow clock that hear synapses and set their gain.

An astrocyte cell is a small protocol, :class:`AstrocyteCell`: named state, one step of the clock, the release that a
threshold crossing causes, and the output (gain and metaplastic signal). Engines drive any cell that has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from .description import Description, quantity
from .errors import DescriptionError
from .modulators import Modulator
from .population import Sliceable, size_problem


class AstrocyteCell(Protocol):
    """What an engine needs of an astrocyte model.

    ``coefficients`` is computed once in lowering; ``step`` is plain scalar arithmetic over one cell's ``state`` (so
    that a compiler of numerical Python can compile it): it advances the cell by one clock interval with the inputs held
    at their values of the interval's end, and returns True where the cell releases. ``output`` returns the gain of the
    cell's synapses and its metaplastic signal M.
    """

    state_names: ClassVar[tuple[str, ...]]
    traces: ClassVar[dict[str, str]]

    def initial_state(self) -> tuple[float, ...]:
        """Return the state of a cell at t = 0, in the order of ``state_names``."""

    def coefficients(self, clock: float) -> tuple[float, ...]:
        """Return what ``step`` and ``output`` need, for a clock interval in ms."""

    @staticmethod
    def step(state: Any, coefficients: Any, arrivals: float, norepinephrine: float) -> bool:
        """Advance ``state`` in place by one clock interval; return whether the cell releases."""

    @staticmethod
    def output(state: Any, coefficients: Any) -> tuple[float, float]:
        """Return gain and metaplastic signal M."""


@dataclass(frozen=True, eq=False)
class LeakyCalcium(Description):
    """Reduced astrocyte: spillover Y is low-passed into calcium C, whose threshold crossings modulate the synapses.

    ``tau_Y dY/dt = -Y`` plus 1/N per arrival at one of its N synapses; ``tau_ca dC/dt = -C + k_Y Y + k_NE NE``. While
    C >= C_theta the gliotransmitter variable Gamma_S rises to 1, else it decays; the gain is
    ``(1 + (alpha/U0 - 1) Gamma_S) / (1 + Ad/IC50)`` (after De Pitta et al. 2011 for the first factor, Lefton et al.
    2025 for adenosine).

    Parameters
    ----------
    tau_Y, tau_ca : float [ms]
    k_Y, k_NE : float
        Gains of spillover and norepinephrine; k_NE = 0 is neutral for norepinephrine.
    C_theta : float
    alpha : float
        Effect of gliotransmission: below U0 it decreases release, above it increases it; equal to U0 it is neutral.
    U0 : float
        Basal release probability.
    tau_rise, tau_decay : float [ms]
        Time constants of Gamma_S.
    a_Ad : float [uM]
        Adenosine released at each crossing; 0 is neutral.
    tau_Ad : float [ms]
    IC50 : float [uM]
        Half-inhibiting adenosine concentration; infinite is neutral.
    """

    tau_Y: float = quantity(100.0, "ms", low=0.0, low_open=True)
    tau_ca: float = quantity(4000.0, "ms", low=0.0, low_open=True)
    k_Y: float = quantity(1.0, low=0.0)
    k_NE: float = quantity(1.0, low=0.0)
    C_theta: float = quantity(0.5, low=0.0, low_open=True)
    alpha: float = quantity(0.0, low=0.0)
    U0: float = quantity(0.6, low=0.0, high=1.0, low_open=True)
    tau_rise: float = quantity(1000.0, "ms", low=0.0, low_open=True)
    tau_decay: float = quantity(10_000.0, "ms", low=0.0, low_open=True)
    a_Ad: float = quantity(0.0, "uM", low=0.0)
    tau_Ad: float = quantity(60_000.0, "ms", low=0.0, low_open=True)
    IC50: float = quantity(70.0, "uM", low=0.0, low_open=True, finite=False)

    kind: ClassVar[str] = "astrocyte cell"
    state_names: ClassVar[tuple[str, ...]] = ("spillover", "calcium", "gamma", "adenosine", "releasing")
    traces: ClassVar[dict[str, str]] = {"spillover": "", "calcium": "", "gamma": "", "adenosine": "uM"}

    def initial_state(self) -> tuple[float, ...]:
        """Return the state at t = 0: everything at rest."""
        return (0.0, 0.0, 0.0, 0.0, 0.0)

    def coefficients(self, clock: float) -> tuple[float, ...]:
        """Return decay factors of one clock interval [ms] and the gains."""
        taus = (self.tau_Y, self.tau_ca, self.tau_rise, self.tau_decay, self.tau_Ad)
        decays = tuple(math.exp(-clock / tau) for tau in taus)
        slope = self.alpha / self.U0 - 1.0
        return (*decays, self.k_Y, self.k_NE, self.C_theta, slope, self.a_Ad, 1.0 / self.IC50)

    @staticmethod
    def step(state: Any, coefficients: Any, arrivals: float, norepinephrine: float) -> bool:
        """Advance one cell by one clock interval (exact exponentials); return whether it crosses the threshold."""
        state[0] = state[0] * coefficients[0] + arrivals
        target = coefficients[5] * state[0] + coefficients[6] * norepinephrine
        before = state[1]
        state[1] = target + (before - target) * coefficients[1]
        above = state[1] >= coefficients[7]
        if above:
            state[2] = 1.0 + (state[2] - 1.0) * coefficients[2]
        else:
            state[2] = state[2] * coefficients[3]
        state[3] = (state[3] + coefficients[9] * state[4]) * coefficients[4]
        crossed = bool(above and before < coefficients[7])
        state[4] = 1.0 if crossed else 0.0
        return crossed

    @staticmethod
    def output(state: Any, coefficients: Any) -> tuple[float, float]:
        """Return the gain of the synapses and M = Ad/IC50."""
        m = state[3] * coefficients[10]
        return (1.0 + coefficients[8] * state[2]) / (1.0 + m), m


@dataclass(frozen=True, eq=False)
class Astrocytes(Sliceable):
    """A group of astrocytes, each with a territory of synapses in the projections that name the group.

    Parameters
    ----------
    size : int
    cell : AstrocyteCell
    norepinephrine : Modulator, optional
        Drives the cells' calcium; it is then left out of the gating signal G of learning rules.
    clock : float [ms]
        Interval of the astrocytes' steps, a multiple of dt.
    name : str, optional
    """

    size: int
    cell: Any = field(default_factory=LeakyCalcium)
    norepinephrine: Modulator | None = None
    clock: float = quantity(10.0, "ms", low=0.0, low_open=True)
    name: str | None = None

    kind: ClassVar[str] = "astrocytes"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the group and its cell."""
        yield from super().problems(owner)
        yield from size_problem(self.owner, self.size, self)
        if isinstance(self.cell, type) or not hasattr(self.cell, "coefficients"):
            yield DescriptionError(self.owner, "cell", self.cell, "give an astrocyte model, such as LeakyCalcium()")
        elif isinstance(self.cell, Description):
            yield from self.cell.problems(self.owner)
