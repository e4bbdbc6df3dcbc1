"""A device whose pulses are measured: tabulated mean and spread of a step against conductance.

Conductances are in uS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hmn_snn.errors import DescriptionError

from .devices import TABLE, Coefficients, Device, Draw
from .ranges import check, owner


@dataclass(frozen=True, kw_only=True)
class Table(Device):
    """Steps as measured: mean and spreads of one pulse at m conductances, evenly from one bound to the other.

    Between them all is linear. A device's mean step is the table's times ``exp(r xi - r**2/2)``, with its own fixed xi
    and ``r**2 = ln(1 + (spread/mean)**2)``: mean and spread over devices are the table's, and no mean changes its sign.

    Parameters
    ----------
    up, down : (m,) tuples of float [uS]
        Mean sizes of steps, not negative.
    up_c2c, down_c2c : (m,) tuples of float [uS]
        Standard deviation from pulse to pulse.
    up_spread, down_spread : (m,) tuples of float [uS]
        Standard deviation of a device's mean step.
    """

    up: tuple[float, ...]
    down: tuple[float, ...]
    up_c2c: tuple[float, ...]
    down_c2c: tuple[float, ...]
    up_spread: tuple[float, ...]
    down_spread: tuple[float, ...]

    kind: ClassVar[int] = TABLE

    def __post_init__(self) -> None:
        """Refuse what is out of range, and columns of different lengths."""
        super().__post_init__()
        for name in ("up", "up_c2c", "up_spread", "down", "down_c2c", "down_spread"):
            column = getattr(self, name)
            if not isinstance(column, tuple) or len(column) != len(self.up) or len(column) < 2:
                allowed = "give tuples of one length, 2 or more, for all six columns"
                raise DescriptionError(owner(self), name, column, allowed)
            for value in column:
                check(self, name, value, low=0.0)

    def _neutral(self, cause: str) -> dict[str, Any]:
        m, middle = len(self.up), len(self.up) // 2
        if cause == "c2c":
            return {"up_c2c": (0.0,) * m, "down_c2c": (0.0,) * m}
        if cause == "nonlinearity":
            return {"up": (self.up[middle],) * m, "down": (self.down[middle],) * m}
        return super()._neutral(cause)

    @property
    def mean_step(self) -> float:
        """The step that a controller reckons with: in the middle of the range [uS]."""
        return 0.5 * float(np.interp(0.5, np.linspace(0.0, 1.0, len(self.up)), np.add(self.up, self.down)))

    def table(self) -> np.ndarray:
        """Return the columns, the spreads as that of the logarithm."""
        rows = []
        for name in ("up", "down"):
            mean, spread = np.array(getattr(self, name)), np.array(getattr(self, f"{name}_spread"))
            relative = np.divide(spread, mean, out=np.zeros(mean.size), where=mean > 0.0)
            rows += [mean, np.array(getattr(self, f"{name}_c2c")), np.sqrt(np.log1p(relative**2))]
        return np.array(rows)

    def coefficients(self, low: np.ndarray, high: np.ndarray, normal: Draw) -> Coefficients:
        """Return the devices' own numbers, up and down."""
        up, down = normal("step up"), normal("step down")
        return Coefficients(up, np.zeros(up.size), down, np.zeros(up.size))
