"""Weight changes as pulses: counts, and one SET pulse that switches with the probability of eq 5.

The update of a synapse is applied with probability ``p = sigmoid(beta (|dw| - theta))``. A device that switches with a
probability of its own realises it by the amplitude or the width of one pulse; drivers have a range, so p has a floor
and a ceiling. Voltages are in V, times in s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.extending import register_jitable

from hmn_snn import randomness
from hmn_snn.errors import DescriptionError

from .ranges import check, owner
from .set_laws import (
    logistic_probability,
    logistic_voltage,
    poisson_probability,
    poisson_voltage,
    poisson_width,
    wanted_probability,
)

# What numbers[0] may say of `set_probability`.
EXACT, VOLTAGE, WIDTH, LOGISTIC = range(4)


@register_jitable
def deterministic_count(change: Any, step: float, most: int) -> Any:
    """Return the number of pulses nearest to a change, with its sign.

    Parameters
    ----------
    change : float or (n,) array
    step : float
        Change that one pulse is reckoned to make, in the same unit.
    most : int
        Longest train (aihwkit's default is 31).

    Returns
    -------
    float or (n,) array of whole numbers
    """
    return np.sign(change) * np.minimum(np.floor(np.abs(change) / step + 0.5), most)


@register_jitable
def stochastic_count(change: Any, step: float, most: int, u: Any) -> Any:
    """Return a number of pulses whose mean is the change: its fraction is rounded at random.

    Parameters
    ----------
    change : float or (n,) array
    step : float
    most : int
    u : float or (n,) array
        Uniform in (0, 1).

    Returns
    -------
    float or (n,) array of whole numbers
    """
    return np.sign(change) * np.minimum(np.floor(np.abs(change) / step + u), most)


@register_jitable
def set_probability(change: Any, threshold: Any, numbers: np.ndarray) -> Any:
    """Return the probability with which the pulse for a change switches a device.

    Parameters
    ----------
    change : float or (n,) array
    threshold : float or (n,) array [V]
        The device's own; used by LOGISTIC only.
    numbers : (8,) float array
        Of a SET description below.

    Returns
    -------
    float or (n,) array
    """
    code, beta, theta, least, most = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    fixed, scale, slope = numbers[5], numbers[6], numbers[7]
    if code == VOLTAGE:
        v = poisson_voltage(change, beta, theta, fixed, scale, slope)
        return poisson_probability(np.minimum(np.maximum(v, least), most), fixed, scale, slope)
    if code == WIDTH:
        t = poisson_width(change, beta, theta, fixed, scale, slope)
        return poisson_probability(fixed, np.minimum(np.maximum(t, least), most), scale, slope)
    if code == LOGISTIC:
        v = logistic_voltage(change, beta, theta, scale, slope)
        return logistic_probability(np.minimum(np.maximum(v, least), most), threshold, slope)
    return wanted_probability(change, beta, theta)


@dataclass(frozen=True, kw_only=True)
class ExactSet:
    """A pulse that realises eq 5 exactly: the neutral element, no device between."""

    def numbers(self, beta: float, theta: float) -> np.ndarray:
        """Return what :func:`set_probability` takes.

        Parameters
        ----------
        beta, theta : float
            Of eq 5, in the unit of the change.

        Returns
        -------
        (8,) float array
        """
        return np.array([EXACT, beta, theta, -math.inf, math.inf, 0.0, 0.0, 0.0])

    def thresholds(self, n: int, seed: int, name: str, first: int = 0) -> np.ndarray:
        """Return the devices' own thresholds: none.

        Parameters
        ----------
        n, seed : int
        name : str
        first : int

        Returns
        -------
        (n,) float array of 0 [V]
        """
        return np.zeros(n)

    def limits(self) -> tuple[float, float]:
        """Return floor and ceiling of the probability on the typical device, from the driver's range.

        Returns
        -------
        floor, ceiling : float
        """
        return 0.0, 1.0


@dataclass(frozen=True, kw_only=True)
class PoissonSet(ExactSet):
    """SET as a Poisson process whose rate grows exponentially with voltage.

    Parameters
    ----------
    by : "voltage" or "width"
        What carries the probability.
    tau_0 : float [s]
    v_0 : float [V]
        Both assumed: Ag/a-Si, as recalled from Jo et al. 2009; give those of your device.
    width : float [s]
        Of the pulse, where its voltage carries the probability.
    voltage : float [V]
        Of the pulse, where its width does.
    least, most : float [V or s]
        The driver's range; 0 and infinity for an ideal driver.

    Raises
    ------
    DescriptionError
    """

    by: str = "voltage"
    tau_0: float = 2.85e5
    v_0: float = 0.155
    width: float = 1e-6
    voltage: float = 3.5
    least: float = 0.0
    most: float = math.inf

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if self.by not in ("voltage", "width"):
            raise DescriptionError(owner(self), "by", self.by, "use 'voltage' or 'width'")
        for name in ("tau_0", "v_0", "width"):
            check(self, name, getattr(self, name), low=0.0, low_open=True)
        check(self, "voltage", self.voltage, low=0.0)
        check(self, "least", self.least, low=0.0)
        check(self, "most", self.most, low=self.least, finite=False)

    def numbers(self, beta: float, theta: float) -> np.ndarray:
        """Return what :func:`set_probability` takes."""
        code, fixed = (VOLTAGE, self.width) if self.by == "voltage" else (WIDTH, self.voltage)
        return np.array([code, beta, theta, self.least, self.most, fixed, self.tau_0, self.v_0])

    def limits(self) -> tuple[float, float]:
        """Return floor and ceiling of the probability."""
        ends = np.array([self.least, self.most])
        if self.by == "voltage":
            with np.errstate(over="ignore"):
                p = poisson_probability(ends, self.width, self.tau_0, self.v_0)
        else:
            p = poisson_probability(self.voltage, ends, self.tau_0, self.v_0)
        return float(p[0]), float(p[1])


@dataclass(frozen=True, kw_only=True)
class LogisticSet(ExactSet):
    """SET of a measured HfO2-type cell: a sigmoid of voltage, with a threshold that each device keeps.

    The driver does not know the thresholds, so their spread stays as a fixed mask on the probabilities. Values fitted
    to 3000 cells of 200 cycles of Synaptogen's model (Hennen et al. 2022, Front. Neurosci. 16:941753).

    Parameters
    ----------
    threshold : float [V]
        Mean over devices.
    threshold_spread : float [V]
    slope : float [1/V]
        Within a device.
    least, most : float [V]
        The driver's range.

    Raises
    ------
    DescriptionError
    """

    threshold: float = 0.679
    threshold_spread: float = 0.041
    slope: float = 28.3
    least: float = 0.0
    most: float = math.inf

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        check(self, "threshold", self.threshold)
        check(self, "threshold_spread", self.threshold_spread, low=0.0)
        check(self, "slope", self.slope, low=0.0, low_open=True)
        check(self, "least", self.least, low=0.0)
        check(self, "most", self.most, low=self.least, finite=False)

    def numbers(self, beta: float, theta: float) -> np.ndarray:
        """Return what :func:`set_probability` takes."""
        return np.array([LOGISTIC, beta, theta, self.least, self.most, 0.0, self.threshold, self.slope])

    def thresholds(self, n: int, seed: int, name: str, first: int = 0) -> np.ndarray:
        """Return the devices' own thresholds [V]."""
        xi = randomness.normal(seed, f"{name}/set threshold", np.arange(first, first + n))
        return np.asarray(self.threshold + self.threshold_spread * xi)

    def limits(self) -> tuple[float, float]:
        """Return floor and ceiling of the probability on the typical device."""
        p = logistic_probability(np.array([self.least, self.most]), self.threshold, self.slope)
        return float(p[0]), float(p[1])
