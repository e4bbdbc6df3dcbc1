"""Converters between digital numbers and the voltages and currents of a crossbar."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hmn_snn.description import Description, quantity
from hmn_snn.errors import DescriptionError

from .circuit_solution import Float


@dataclass(frozen=True, eq=False)
class Converter(Description):
    """An ideal converter: ``2 ** bits`` evenly spaced levels from ``low`` to ``high``, the nearest is taken.

    As DAC it limits what a driver can apply, as ADC what can be told of a column's current. Values beyond the range are
    clipped to it.

    Parameters
    ----------
    bits : int, optional
        None is neutral: no converter, as where neurons integrate the current on the line; nothing is clipped.
    low, high : float [V] of a DAC, [A] of an ADC
        The range, both ends included.
    """

    bits: int | None = None
    low: float = quantity(0.0)
    high: float = quantity(1.0)

    kind: ClassVar[str] = "converter"

    @property
    def step(self) -> float:
        """Distance of two levels [V or A]; 0 without a converter."""
        return 0.0 if self.bits is None else (self.high - self.low) / (2**self.bits - 1)

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the converter."""
        yield from super().problems(owner)
        owner = owner or self.owner
        if self.bits is None:
            return
        if isinstance(self.bits, bool) or not isinstance(self.bits, int) or not 1 <= self.bits <= 32:
            yield DescriptionError(owner, "bits", self.bits, "use 1 to 32, or None for no converter")
        if not self.low < self.high:
            yield DescriptionError(owner, "high", self.high, f"use more than low, which is {self.low:g}")

    def convert(self, values: Any) -> Float:
        """Return the levels nearest to the values; of two equally near, the even one.

        Parameters
        ----------
        values : float array [V or A]

        Returns
        -------
        float array [V or A]
        """
        numbers: Float = np.asarray(values, dtype=np.float64)
        if self.bits is None:
            return numbers
        codes = np.rint((np.clip(numbers, self.low, self.high) - self.low) / self.step)
        levels: Float = self.low + codes * self.step
        return levels
