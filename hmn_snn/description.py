"""What all description objects share: checked fields with units, equality by value, a name.

A field made with :func:`quantity` is converted to its canonical unit when the object is built (a wrong physical
dimension is an error at once) and its range is checked later by validation, which collects every problem of a network.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field
from typing import Any, ClassVar

import numpy as np

from .errors import DescriptionError
from .units import to_canonical


@dataclass(frozen=True)
class Quantity:
    """What a field may hold: its unit, its range, and whether arrays, distributions or steps are allowed."""

    unit: str = ""
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    array: bool = False
    optional: bool = False
    finite: bool = True
    kinds: tuple[str, ...] = ("distribution",)

    def allowed(self) -> str:
        """Return the allowed range in words."""
        unit = f" {self.unit}" if self.unit else ""
        if self.low is None and self.high is None:
            return "give a finite number" if self.finite else "give a number"
        low = "" if self.low is None else f"{'more than' if self.low_open else 'at least'} {self.low:g}{unit}"
        high = "" if self.high is None else f"at most {self.high:g}{unit}"
        return "use " + " and ".join(part for part in (low, high) if part)

    def accepts(self, values: np.ndarray) -> bool:
        """Return whether every value lies in the range."""
        if np.isnan(values).any() or (self.finite and not np.isfinite(values).all()):
            return False
        if self.low is not None and not (values > self.low if self.low_open else values >= self.low).all():
            return False
        return self.high is None or bool((values <= self.high).all())


def quantity(
    default: Any = MISSING,
    unit: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    low_open: bool = False,
    array: bool = False,
    optional: bool = False,
    finite: bool = True,
    kinds: tuple[str, ...] = ("distribution",),
) -> Any:
    """Declare a numeric dataclass field with a unit and a range.

    Parameters
    ----------
    default : float, optional
    unit : str
        Canonical unit of :mod:`hmn_snn.units`.
    low, high : float, optional
        The closed range; ``low_open`` excludes ``low`` itself.
    array : bool
        Whether an array (one value per member) or an object of ``kinds`` may be given.
    optional : bool
        Whether None is allowed.
    finite : bool
        Whether infinity is forbidden.
    kinds : tuple of str
        Objects that may stand for the numbers: ``"distribution"``, ``"steps"``, or none.

    Returns
    -------
    dataclasses.Field
    """
    meta = {"quantity": Quantity(unit, low, high, low_open, array, optional, finite, kinds)}
    return field(metadata=meta) if default is MISSING else field(default=default, metadata=meta)


class Description:
    """Base of all description objects: conversion on construction, equality by value."""

    kind: ClassVar[str] = "object"

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):  # type: ignore[arg-type]
            given = getattr(self, item.name, None)
            if isinstance(given, (np.integer, np.bool_)):  # written as Python's, equal networks have equal digests
                object.__setattr__(self, item.name, given.item())
        for name, spec in self.quantities():
            value = getattr(self, name)
            if value is None and spec.optional:
                continue
            if isinstance(value, Description) and spec.array and hasattr(value, "in_unit"):
                converted: Any = value.in_unit(spec.unit, self.owner, name)
            else:
                converted = to_canonical(value, spec.unit, self.owner, name)
            object.__setattr__(self, name, converted)

    @property
    def owner(self) -> str:
        """The object as error messages name it."""
        name = getattr(self, "name", None)
        return f"{self.kind} {name!r}" if name else f"{self.kind} {type(self).__name__}"

    @classmethod
    def quantities(cls) -> Iterator[tuple[str, Quantity]]:
        """Yield the name and rule of every field declared with :func:`quantity`."""
        for item in dataclasses.fields(cls):  # type: ignore[arg-type]
            if "quantity" in item.metadata:
                yield item.name, item.metadata["quantity"]

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the ranges of this object's own fields.

        Parameters
        ----------
        owner : str, optional
            The name to report, where the object is a part of another one.

        Yields
        ------
        DescriptionError
        """
        owner = owner or self.owner
        for name, spec in self.quantities():
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, Description):
                yield from part_problems(owner, name, value, spec.kinds)
                continue
            values = np.asarray(value)
            if values.ndim and not spec.array:
                yield DescriptionError(owner, name, value, "give one number, not an array")
            elif not spec.accepts(values):
                yield DescriptionError(owner, name, value, spec.allowed())

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = [item.name for item in dataclasses.fields(self)]  # type: ignore[arg-type]
        return all(_same(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        return hash(type(self))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    return bool(a == b)


class Named(Description):
    """Base of the things a network holds: known by name, told apart by identity."""

    name: str | None

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def part_problems(owner: str, parameter: str, part: Description, kinds: tuple[str, ...]) -> Iterator[DescriptionError]:
    """Yield what is wrong with an object that stands for numbers: its kind, then its own problems.

    Parameters
    ----------
    owner, parameter : str
    part : Description
    kinds : tuple of str
        The kinds allowed, such as ``"distribution"``.

    Yields
    ------
    DescriptionError
    """
    if part.kind not in kinds:
        yield DescriptionError(owner, parameter, part, " or ".join(("give numbers", *(f"a {kind}" for kind in kinds))))
        return
    for problem in part.problems(owner):
        yield DescriptionError(owner, f"{parameter}: {problem.parameter}", problem.value, problem.allowed)


def choice_problem(owner: str, parameter: str, value: Any, choices: tuple[str, ...]) -> Iterator[DescriptionError]:
    """Yield an error if a value is none of the choices.

    Parameters
    ----------
    owner, parameter : str
    value : object
    choices : tuple of str

    Yields
    ------
    DescriptionError
    """
    if value not in choices:
        yield DescriptionError(owner, parameter, value, "use one of " + ", ".join(map(repr, choices)))
