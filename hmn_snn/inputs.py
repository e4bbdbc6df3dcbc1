"""What drives a network from outside: Poisson trains, given spikes, currents, and values that change in steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .description import Description, Named, quantity
from .errors import DescriptionError
from .population import Population, Sliceable, View, size_problem
from .units import to_canonical


@dataclass(frozen=True, eq=False)
class Steps(Description):
    """A value that changes at given times and is held between them; 0 before the first.

    Parameters
    ----------
    times : (k,) array [ms]
        Increasing, on the grid.
    values : (k,) or (k, n) array
        In the unit of the parameter; (k, n) gives one value per member.
    """

    times: Any
    values: Any

    kind: ClassVar[str] = "steps"

    def __post_init__(self) -> None:
        times = np.atleast_1d(np.asarray(to_canonical(self.times, "ms", self.owner, "times")))
        times.flags.writeable = False
        object.__setattr__(self, "times", times)

    def in_unit(self, unit: str, owner: str, parameter: str) -> Steps:
        """Return the same steps with their values converted to a unit (see :meth:`Distribution.in_unit`)."""
        values = np.atleast_1d(np.asarray(to_canonical(self.values, unit, owner, parameter)))
        return Steps(self.times, values)

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with times and shapes."""
        owner = owner or self.owner
        if self.times.ndim != 1 or not np.isfinite(self.times).all() or (np.diff(self.times) <= 0).any():
            yield DescriptionError(owner, "times", self.times, "give increasing, finite times in ms")
        elif len(self.times) and self.times[0] < 0:
            yield DescriptionError(owner, "times", self.times[0], "a step cannot lie before 0 ms")
        if self.values.ndim not in (1, 2) or len(self.values) != len(self.times):
            allowed = f"its shape is {self.values.shape}; give ({len(self.times)},) or ({len(self.times)}, n)"
            yield DescriptionError(owner, "values", self.values, allowed)
        elif not np.isfinite(self.values).all():
            yield DescriptionError(owner, "values", self.values, "give finite numbers")

    @classmethod
    def from_samples(cls, values: Any, interval: Any, start: Any = 0.0) -> Steps:
        """Return steps from regularly sampled values (Brian2's TimedArray).

        Parameters
        ----------
        values : (k,) or (k, n) array
        interval, start : float [ms]

        Returns
        -------
        Steps
        """
        step = to_canonical(interval, "ms", "steps", "interval")
        first = to_canonical(start, "ms", "steps", "start")
        return cls(first + step * np.arange(len(values)), values)


@dataclass(frozen=True, eq=False)
class PoissonInput(Sliceable):
    """Independent Poisson spike trains.

    Parameters
    ----------
    size : int
    rate : float, (n,) array or Steps [Hz]
    name : str, optional
    """

    size: int
    rate: Any = quantity(unit="Hz", low=0.0, array=True, kinds=("steps",))
    name: str | None = None

    kind: ClassVar[str] = "Poisson input"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with size and rates."""
        yield from super().problems(owner)
        yield from size_problem(self.owner, self.size, self)
        yield from _members_problem(self.owner, "rate", self.rate, self.size)
        if isinstance(self.rate, Steps) and (self.rate.values < 0).any():
            yield DescriptionError(self.owner, "rate", self.rate.values.min(), "use at least 0 Hz")


@dataclass(frozen=True, eq=False)
class SpikeInput(Sliceable):
    """Sources that spike at given times.

    Parameters
    ----------
    spike_times : sequence of arrays [ms]
        One array per source; each time at least 0, rounded to the grid, duplicates on it merged. A spike at 0 ms only
        arrives where it is sent: results, which begin after 0 ms, do not list it.
    name : str, optional
    """

    spike_times: Any
    name: str | None = None

    kind: ClassVar[str] = "spike input"

    def __post_init__(self) -> None:
        times = tuple(
            np.atleast_1d(np.asarray(to_canonical(t, "ms", self.owner, f"spike_times[{i}]")))
            for i, t in enumerate(self.spike_times)
        )
        for array in times:
            array.flags.writeable = False
        object.__setattr__(self, "spike_times", times)

    @property
    def size(self) -> int:  # type: ignore[override]
        """Number of sources."""
        return len(self.spike_times)

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the times."""
        for i, times in enumerate(self.spike_times):
            if times.ndim != 1 or not np.isfinite(times).all():
                allowed = "give a flat array of finite times in ms"
                yield DescriptionError(self.owner, f"spike_times[{i}]", times, allowed)

    @classmethod
    def from_arrays(cls, size: int, times: Any, indices: Sequence[int], name: str | None = None) -> SpikeInput:
        """Return an input from flat arrays, as results and recordings give them.

        Parameters
        ----------
        size : int
        times : (k,) array [ms]
        indices : (k,) int array
            Source of each spike, 0 to size - 1.
        name : str, optional

        Returns
        -------
        SpikeInput

        Raises
        ------
        DescriptionError
            If the arrays differ in length or an index is out of range.
        """
        owner = f"spike input {name!r}" if name else "spike input"
        flat = np.atleast_1d(np.asarray(to_canonical(times, "ms", owner, "times")))
        index = np.asarray(indices, dtype=np.int64)
        if flat.shape != index.shape:
            raise DescriptionError(owner, "indices", index.shape, f"give one per time: shape {flat.shape}")
        if index.size and (index.min() < 0 or index.max() >= size):
            raise DescriptionError(owner, "indices", (index.min(), index.max()), f"use 0 to {size - 1}")
        order = np.argsort(index, kind="stable")
        return cls(np.split(flat[order], np.searchsorted(index[order], np.arange(1, size))), name)


@dataclass(frozen=True, eq=False)
class CurrentInput(Named):
    """A current injected into neurons: constant, in steps, or sampled.

    Parameters
    ----------
    target : Population or a slice of one
    amplitude : float, (n,) array or Steps [nA]
    name : str, optional
    """

    target: Population | View
    amplitude: Any = quantity(unit="nA", array=True, kinds=("steps",))
    name: str | None = None

    kind: ClassVar[str] = "current input"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with target and amplitude."""
        yield from super().problems(owner)
        parent = self.target.parent if isinstance(self.target, View) else self.target
        if not isinstance(parent, Population):
            yield DescriptionError(self.owner, "target", self.target, "give a population or a slice of one")
            return
        yield from _members_problem(self.owner, "amplitude", self.amplitude, len(self.target))


def _members_problem(owner: str, parameter: str, value: Any, size: int) -> Iterator[DescriptionError]:
    """Yield an error if a per-member value does not fit the number of members."""
    allowed = f"give one number, shape ({size},), or Steps with values of shape (k,) or (k, {size})"
    if isinstance(value, Steps):
        if value.values.ndim == 2 and value.values.shape[1] != size:
            yield DescriptionError(owner, parameter, value.values, f"its shape is {value.values.shape}; {allowed}")
    elif isinstance(value, np.ndarray) and value.shape != (size,):
        yield DescriptionError(owner, parameter, value, f"its shape is {value.shape}; {allowed}")
