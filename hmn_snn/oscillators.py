"""Phase oscillators: rhythms that gate plasticity, drive neurons, couple and are entrained by spikes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .description import Named, quantity
from .errors import DescriptionError
from .population import Population, Sliceable, View, shape_problem, size_problem


@dataclass(frozen=True, eq=False)
class Oscillator(Sliceable):
    """A group of phase oscillators, coupled to each other as in Kuramoto's model.

    ``dPhi_k/dt = 2 pi frequency_k + coupling/size sum_m sin(Phi_m - Phi_k - lag_km)`` (Kuramoto 1975; the lag after
    Sakaguchi & Kuramoto 1986).

    Parameters
    ----------
    frequency : float or (n,) array [Hz]
    phase : float or (n,) array [rad]
        Starting phase.
    size : int
        Number of oscillators; the first is the one that ``PhaseGate(oscillator)`` uses.
    coupling : float [rad/s]
        Strength K, 0 for none.
    lag : float or (n, n) array [rad]
        ``lag[k, m]`` is the lag of m as k sees it.
    name : str, optional
    """

    frequency: Any = quantity(8.0, "Hz", array=True, kinds=())
    phase: Any = quantity(0.0, array=True, kinds=())
    size: int = 1
    coupling: float = quantity(0.0)
    lag: Any = quantity(0.0, array=True, kinds=())
    name: str | None = None

    kind: ClassVar[str] = "oscillator"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the parameters."""
        yield from super().problems(owner)
        yield from size_problem(self.owner, self.size, self)
        yield from shape_problem(self.owner, "frequency", self.frequency, self.size)
        yield from shape_problem(self.owner, "phase", self.phase, self.size)
        if isinstance(self.lag, np.ndarray) and self.lag.shape != (self.size, self.size):
            allowed = f"its shape is {self.lag.shape}; give one number or shape ({self.size}, {self.size})"
            yield DescriptionError(self.owner, "lag", self.lag, allowed)


@dataclass(frozen=True, eq=False)
class Entrainment(Named):
    """Spikes of a population kick the oscillators' phases: ``Phi += -strength n_spikes sin(Phi - phase)``.

    Parameters
    ----------
    population : Population, input or a slice of one
    oscillator : Oscillator
    strength : float [rad]
    phase : float [rad]
        The phase that kicks pull towards.
    name : str, optional
    """

    population: Sliceable | View
    oscillator: Oscillator
    strength: float = quantity(0.1)
    phase: float = quantity(0.0)
    name: str | None = None

    kind: ClassVar[str] = "entrainment"


@dataclass(frozen=True, eq=False)
class OscillatorDrive(Named):
    """An oscillator injects ``amplitude cos(Phi - phase)`` into neurons.

    Parameters
    ----------
    oscillator : Oscillator or one member of it, such as ``theta[2]``
    population : Population
    amplitude : float [nA]
    phase : float or (n,) array [rad]
        The preferred phase of the population, or of each neuron.
    name : str, optional
    """

    oscillator: Oscillator | View
    population: Population
    amplitude: float = quantity(unit="nA")
    phase: Any = quantity(0.0, array=True, kinds=())
    name: str | None = None

    kind: ClassVar[str] = "oscillator drive"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the parameters."""
        yield from super().problems(owner)
        yield from member_problem(self.owner, "oscillator", self.oscillator)
        if not isinstance(self.population, Population):
            yield DescriptionError(self.owner, "population", self.population, "give a population")
        else:
            yield from shape_problem(self.owner, "phase", self.phase, self.population.size)


def member_problem(owner: str, parameter: str, oscillator: Oscillator | View) -> Iterator[DescriptionError]:
    """Yield an error if this does not name a single oscillator: a group (its first is meant) or one member of it.

    Parameters
    ----------
    owner, parameter : str
    oscillator : Oscillator or View

    Yields
    ------
    DescriptionError
    """
    group = oscillator.parent if isinstance(oscillator, View) else oscillator
    if not isinstance(group, Oscillator):
        yield DescriptionError(owner, parameter, oscillator, "give an oscillator or one member of it, such as theta[2]")
    elif isinstance(oscillator, View) and len(oscillator) != 1:
        yield DescriptionError(owner, parameter, oscillator.name, "name one member, such as theta[2]")
    elif len(group) == 0:
        yield DescriptionError(owner, parameter, oscillator.name, "it has no members; give it a size of 1 or more")
