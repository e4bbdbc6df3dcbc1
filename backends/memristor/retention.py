"""Retention: how a conductance changes on its own between writes, on a clock that each write restarts.

Conductances are in uS, times in s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba.extending import register_jitable

from .ranges import check

# Places of the numbers that `drifted` takes.
NU, NU_SLOPE, NU_LOW, NU_HIGH, SPREAD, SPREAD_SLOPE, SPREAD_LOW, SPREAD_HIGH, T_0, TAU, REST, FULL = range(12)
N_NUMBERS = 12


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Power-law drift and exponential relaxation of a written conductance.

    ``g(t) = g_rest + (g - g_rest) (1 + t/t_0)**-nu exp(-t/tau)`` with t since the last write. The power law is that of
    phase-change memory (Joshi et al. 2020, Nat. Commun. 11:2473), the exponential the decay of aihwkit's pulsed devices
    (there per update, here per second). The exponent of a device is ``|m + s xi|`` with its own fixed xi ~ N(0, 1),
    ``m = nu + nu_slope ln x`` within nu_range, s alike, and x = g / g_max. The neutral element is nu = 0, tau = inf.

    Parameters
    ----------
    nu : float
    nu_slope : float
    nu_range : (float, float)
    nu_spread, nu_spread_slope : float
        Device-to-device standard deviation of the exponent.
    nu_spread_range : (float, float)
    t_0 : float [s]
        Time from the write to the first read.
    tau : float [s]
    g_rest : float [uS]

    Raises
    ------
    DescriptionError
    """

    nu: float = 0.0
    nu_slope: float = 0.0
    nu_range: tuple[float, float] = (0.0, math.inf)
    nu_spread: float = 0.0
    nu_spread_slope: float = 0.0
    nu_spread_range: tuple[float, float] = (0.0, math.inf)
    t_0: float = 20.0
    tau: float = math.inf
    g_rest: float = 0.0

    def __post_init__(self) -> None:
        """Refuse times that are not positive and conductances below 0."""
        check(self, "t_0", self.t_0, low=0.0, low_open=True)
        check(self, "tau", self.tau, low=0.0, low_open=True, finite=False)
        check(self, "g_rest", self.g_rest, low=0.0)
        for name in ("nu", "nu_slope", "nu_spread", "nu_spread_slope"):
            check(self, name, getattr(self, name))

    def without_spread(self) -> Retention:
        """Return the same retention for all devices alike.

        Returns
        -------
        Retention
        """
        return replace(self, nu_spread=0.0, nu_spread_slope=0.0, nu_spread_range=(0.0, 0.0))

    def numbers(self, g_max: float) -> np.ndarray:
        """Return what :func:`drifted` takes.

        Parameters
        ----------
        g_max : float [uS]

        Returns
        -------
        (N_NUMBERS,) float array
        """
        spread = (self.nu_spread, self.nu_spread_slope, *self.nu_spread_range)
        return np.array([self.nu, self.nu_slope, *self.nu_range, *spread, self.t_0, self.tau, self.g_rest, g_max])


@register_jitable
def exponent(g: Any, xi: Any, numbers: np.ndarray) -> Any:
    """Return the drift exponent of devices.

    Parameters
    ----------
    g : float or (n,) array [uS]
        As written.
    xi : float or (n,) array
        The devices' fixed standard normal numbers.
    numbers : (N_NUMBERS,) array

    Returns
    -------
    float or (n,) array
    """
    log_x = np.log(np.maximum(g / numbers[FULL], 1e-9))
    mean = np.minimum(np.maximum(numbers[NU] + numbers[NU_SLOPE] * log_x, numbers[NU_LOW]), numbers[NU_HIGH])
    spread = numbers[SPREAD] + numbers[SPREAD_SLOPE] * log_x
    spread = np.minimum(np.maximum(spread, numbers[SPREAD_LOW]), numbers[SPREAD_HIGH])
    return np.abs(mean + spread * xi)


@register_jitable
def drifted(g: Any, xi: Any, age: Any, numbers: np.ndarray) -> Any:
    """Return conductances some time after they were written.

    Parameters
    ----------
    g : float or (n,) array [uS]
        As written.
    xi : float or (n,) array
        The devices' fixed standard normal numbers.
    age : float or (n,) array [s]
    numbers : (N_NUMBERS,) array

    Returns
    -------
    float or (n,) array [uS]
    """
    left = (1.0 + age / numbers[T_0]) ** -exponent(g, xi, numbers) * np.exp(-age / numbers[TAU])
    # In this form nothing lost is nothing changed, to the last bit.
    return g - (g - numbers[REST]) * (1.0 - left)
