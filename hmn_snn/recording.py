"""Recordings: which variable of which object is sampled, how often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from .astrocytes import Astrocytes
from .description import Description, quantity
from .errors import DescriptionError
from .modulators import Modulator
from .oscillators import Oscillator
from .population import Population, View
from .projection import Projection

NEURON = {"v": "mV", "i_exc": "nA", "i_inh": "nA", "bias": "mV"}
SYNAPSE = {"weight": "nA"}
PLASTIC = {"x": "", "y": "", "eligibility": "nA", "pending": "nA", "attention": "", "G": ""}
MODULATOR = {"level": ""}
OSCILLATOR = {"phase": "rad"}


@dataclass(frozen=True, eq=False)
class Recording(Description):
    """A variable sampled at regular times from 0 on; spikes are always recorded.

    Parameters
    ----------
    target : Population, Projection, Modulator, Oscillator, Astrocytes, or a slice of a population
    variable : str
    every : float, optional [ms]
        Multiple of dt; dt if not given.
    """

    target: Any
    variable: str
    every: float | None = quantity(None, "ms", low=0.0, low_open=True, optional=True)

    kind: ClassVar[str] = "recording"

    @property
    def group(self) -> Any:
        """The whole object recorded from."""
        return self.target.parent if isinstance(self.target, View) else self.target

    @property
    def owner(self) -> str:
        """The recording as error messages name it."""
        return f"recording of {getattr(self.group, 'owner', self.group)}"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the recording."""
        yield from super().problems(self.owner)
        known = variables_of(self.group)
        if self.variable not in known:
            allowed = "it has " + (", ".join(known) or "nothing to record")
            yield DescriptionError(self.owner, "variable", self.variable, allowed)


def variables_of(target: Any) -> dict[str, str]:
    """Return what can be recorded from an object, with units.

    Parameters
    ----------
    target : object of a network

    Returns
    -------
    dict of str to str
    """
    if isinstance(target, Population):
        return NEURON
    if isinstance(target, Projection):
        weight = {"weight": target.weight_unit}
        return {**weight, **PLASTIC} if target.plasticity is not None else weight
    if isinstance(target, Modulator):
        return MODULATOR
    if isinstance(target, Oscillator):
        return OSCILLATOR
    if isinstance(target, Astrocytes):
        return {**target.cell.traces, "gain": "", "M": ""}
    return {}
