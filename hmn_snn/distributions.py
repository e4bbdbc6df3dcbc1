"""Distributions for weights, delays, parameters and initial values; drawn with keyed randomness in lowering."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from . import randomness
from .description import Description, quantity
from .errors import DescriptionError
from .units import to_canonical

Float = np.ndarray


@dataclass(frozen=True, eq=False)
class Distribution(Description):
    """Base of the distributions: values whose unit is that of the parameter they are given for."""

    kind: ClassVar[str] = "distribution"
    raw: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        """Keep values as given: only the parameter that takes the distribution knows their unit."""

    def in_unit(self, unit: str, owner: str, parameter: str) -> Distribution:
        """Return the same distribution with its values converted to a unit.

        Parameters
        ----------
        unit : str
        owner, parameter : str
            For the error message.

        Returns
        -------
        Distribution

        Raises
        ------
        UnitError
        """
        changes = {
            name: to_canonical(getattr(self, name), unit if name in self.raw else "", owner, f"{parameter}: {name}")
            for name, _ in self.quantities()
            if getattr(self, name) is not None
        }
        return dataclasses.replace(self, **changes)

    def draw(self, seed: int, stream: str, entities: np.ndarray) -> Float:
        """Draw one value per entity.

        Parameters
        ----------
        seed : int
        stream : str
            ``"<object name>/<purpose>"``.
        entities : (n,) int array

        Returns
        -------
        (n,) float array
        """
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Uniform(Distribution):
    """Uniform between ``low`` and ``high``."""

    low: Any = quantity()
    high: Any = quantity()
    raw: ClassVar[tuple[str, ...]] = ("low", "high")

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the bounds."""
        yield from super().problems(owner)
        if self.low > self.high:
            yield DescriptionError(owner or self.owner, "low", self.low, f"use at most high ({self.high:g})")

    def draw(self, seed: int, stream: str, entities: np.ndarray) -> Float:
        """Draw one value per entity."""
        return np.asarray(self.low + (self.high - self.low) * randomness.uniform(seed, stream, entities))


@dataclass(frozen=True, eq=False)
class Normal(Distribution):
    """Normal with ``mean`` and ``std``; a value outside [``low``, ``high``] is drawn again."""

    mean: Any = quantity()
    std: Any = quantity(low=0.0)
    low: Any = quantity(None, optional=True)
    high: Any = quantity(None, optional=True)
    raw: ClassVar[tuple[str, ...]] = ("mean", "std", "low", "high")

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the parameters; bounds must leave one draw in a thousand."""
        yield from super().problems(owner)
        low, high = self._bounds()
        if self.std > 0.0:
            below_high, below_low = (math.erf((x - self.mean) / (self.std * math.sqrt(2.0))) for x in (high, low))
            share = 0.5 * (below_high - below_low)
        else:
            share = float(low <= self.mean <= high)
        if share < 1e-3:
            allowed = f"only {max(share, 0.0):.2g} of the draws lie between them; use low < high, further apart"
            yield DescriptionError(owner or self.owner, "low, high", (self.low, self.high), allowed)

    def _bounds(self) -> tuple[float, float]:
        return (-np.inf if self.low is None else self.low), (np.inf if self.high is None else self.high)

    def draw(self, seed: int, stream: str, entities: np.ndarray) -> Float:
        """Draw one value per entity, again with the next index while it is out of bounds."""
        low, high = self._bounds()
        values = self.mean + self.std * randomness.normal(seed, stream, entities)
        for attempt in range(1, 100_000):
            outside = np.flatnonzero((values < low) | (values > high))
            if outside.size == 0:
                return np.asarray(values)
            values[outside] = self.mean + self.std * randomness.normal(seed, stream, entities[outside], attempt)
        raise DescriptionError(self.owner, "low, high", (self.low, self.high), "no draw falls between them; widen them")


@dataclass(frozen=True, eq=False)
class LogNormal(Distribution):
    """Log-normal with the given ``median`` and the standard deviation ``sigma`` of the logarithm."""

    median: Any = quantity(low=0.0, low_open=True)
    sigma: float = quantity(low=0.0)
    raw: ClassVar[tuple[str, ...]] = ("median",)

    def draw(self, seed: int, stream: str, entities: np.ndarray) -> Float:
        """Draw one value per entity."""
        return np.asarray(self.median * np.exp(self.sigma * randomness.normal(seed, stream, entities)))


@dataclass(frozen=True, eq=False)
class Exponential(Distribution):
    """Exponential with the given ``mean``, shifted by ``offset``."""

    mean: Any = quantity(low=0.0)
    offset: Any = quantity(0.0)
    raw: ClassVar[tuple[str, ...]] = ("mean", "offset")

    def draw(self, seed: int, stream: str, entities: np.ndarray) -> Float:
        """Draw one value per entity."""
        return np.asarray(self.offset - self.mean * np.log(randomness.uniform(seed, stream, entities)))
