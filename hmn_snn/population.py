"""Populations of neurons and slices of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .description import Description, Named, part_problems
from .errors import DescriptionError
from .neurons import LIF
from .units import to_canonical


class Sliceable(Named):
    """A named group of members that ``group[...]`` selects from."""

    size: int

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, selection: Any) -> View:
        return View(self, selection)


@dataclass(frozen=True, eq=False)
class View(Description):
    """Some members of a group; an end of a projection, a place for a current or a probe.

    Parameters
    ----------
    parent : Population or input
    selection : slice, int, or array of int or bool
    """

    parent: Sliceable
    selection: Any
    indices: np.ndarray = field(init=False, repr=False)

    kind: ClassVar[str] = "slice"

    def __post_init__(self) -> None:
        members = np.arange(self.parent.size, dtype=np.int64)
        try:
            indices = np.atleast_1d(members[self.selection])
        except IndexError as error:
            owner = f"slice of {self.parent.owner}"
            raise DescriptionError(owner, "selection", self.selection, f"it has {self.parent.size} members") from error
        if indices.ndim != 1 or len(np.unique(indices)) != len(indices):
            allowed = "name each member once, in a flat list"
            raise DescriptionError(f"slice of {self.parent.owner}", "selection", self.selection, allowed)
        indices.flags.writeable = False
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "selection", indices)

    @property
    def name(self) -> str:
        """Name of the group with the members selected, as one would write them where they are evenly spaced."""
        n, steps = len(self.indices), np.unique(np.diff(self.indices))
        if n == 1:
            return f"{self.parent.name}[{self.indices[0]}]"
        if len(steps) != 1 or steps[0] < 1:
            return f"{self.parent.name}[{n} members]"
        step = "" if steps[0] == 1 else f":{steps[0]}"
        return f"{self.parent.name}[{self.indices[0]}:{self.indices[-1] + 1}{step}]"

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, eq=False)
class Population(Sliceable):
    """A group of neurons of one model.

    Parameters
    ----------
    size : int
    cell : LIF
    name : str, optional
        ``population_0``, ... if not given.
    initial_values : dict, optional
        Starting values of ``v`` [mV], ``i_exc``, ``i_inh`` [nA], ``bias`` [mV]: a number, one per neuron, or a
        distribution. v starts at v_rest and the others at 0 otherwise.
    """

    size: int
    cell: LIF = field(default_factory=LIF)
    name: str | None = None
    initial_values: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "population"

    def __post_init__(self) -> None:
        super().__post_init__()
        converted = {}
        for key, value in self.initial_values.items():
            unit = LIF.initial.get(key)
            if unit is None:
                allowed = "initial values exist for " + ", ".join(LIF.initial)
                raise DescriptionError(self.owner, "initial_values", key, allowed)
            what = f"initial {key}"
            if isinstance(value, Description) and hasattr(value, "in_unit"):
                converted[key] = value.in_unit(unit, self.owner, what)
            else:
                converted[key] = to_canonical(value, unit, self.owner, what)
        object.__setattr__(self, "initial_values", converted)

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the population and its cell."""
        yield from size_problem(self.owner, self.size, self)
        if not isinstance(self.cell, LIF):
            yield DescriptionError(self.owner, "cell", self.cell, "give a neuron model, such as LIF()")
            return
        yield from self.cell.problems(self.owner)
        for name, _ in self.cell.quantities():
            yield from shape_problem(self.owner, name, getattr(self.cell, name), self.size)
        for name, value in self.initial_values.items():
            yield from shape_problem(self.owner, f"initial {name}", value, self.size)
            if isinstance(value, Description):
                yield from part_problems(self.owner, f"initial {name}", value, ("distribution",))
            elif not np.isfinite(value).all():
                yield DescriptionError(self.owner, f"initial {name}", value, "give finite numbers")


def members(end: Sliceable | View) -> np.ndarray:
    """Return the indices, within the whole group, of the members that an end stands for.

    Parameters
    ----------
    end : Population, input, or a slice of one

    Returns
    -------
    (n,) int64 array
    """
    return end.indices if isinstance(end, View) else np.arange(len(end), dtype=np.int64)


def size_problem(owner: str, size: Any, group: Any) -> Iterator[DescriptionError]:
    """Yield an error if a group's size is no positive integer (0 is allowed: an empty group).

    Parameters
    ----------
    owner : str
    size : object
    group : object

    Yields
    ------
    DescriptionError
    """
    if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
        yield DescriptionError(owner, "size", size, "give an integer, 0 or more")


def shape_problem(owner: str, parameter: str, value: Any, size: int) -> Iterator[DescriptionError]:
    """Yield an error if an array has not one value per member.

    Parameters
    ----------
    owner, parameter : str
    value : float, array or Distribution
    size : int

    Yields
    ------
    DescriptionError
    """
    if isinstance(value, np.ndarray) and value.shape != (size,):
        allowed = f"its shape is {value.shape}; give one number or shape ({size},)"
        yield DescriptionError(owner, parameter, value, allowed)
