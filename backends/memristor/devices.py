"""Memristive devices: what one pulse or one write does to a conductance, and everything in which devices are not ideal.

Units: conductances are in uS, times in s, voltages in V. The pulse laws are those of aihwkit (Rasch et al. 2021, AICAS;
``src/rpucuda``), in conductances instead of weights: weight 0 is ``g_zero``. Each non-ideality is a parameter with a
neutral value, which is its default; :meth:`Device.without` puts it back there. A spread is a device-to-device standard
deviation, ``c2c`` a cycle-to-cycle one; xi below is a standard normal number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from hmn_snn.errors import DescriptionError, UnknownNameError

from .ranges import check, owner
from .read_noise import Flicker, Telegraph
from .retention import Retention

WRITTEN, LINEAR, EXPONENTIAL, POWER, TABLE = range(5)
N_CONSTANTS = 6

# cause -> the fields that it lies in, with their neutral values; "d2d" is every field that ends in _spread.
_NEUTRAL: dict[str, dict[str, Any]] = {
    "d2d": {},
    "c2c": {"c2c": 0.0, "up_c2c": 0.0, "down_c2c": 0.0},
    "write_noise": {"write_noise": 0.0, "program_noise": ()},
    "asymmetry": {"up_down": 0.0},
    "read_noise": {"read_noise": 0.0},
    "rtn": {"rtn": None},
    "flicker": {"flicker": None},
    "drift": {"retention": None},
    "stuck": {"stuck_lrs": 0.0, "stuck_hrs": 0.0, "stuck_between": 0.0},
    "levels": {"levels": None},
    "endurance": {"endurance": math.inf},
    "nonlinearity": {"gamma_up": 0.0, "gamma_down": 0.0, "gamma_spread": 0.0, "A_up": 0.0, "A_down": 0.0},
}
CAUSES = tuple(_NEUTRAL)


class Coefficients(NamedTuple):
    """Four numbers per device, whose meaning is that of the device's kind; (n,) arrays."""

    up: np.ndarray
    up_slope: np.ndarray
    down: np.ndarray
    down_slope: np.ndarray


Draw = Callable[[str], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Device:
    """What all devices share.

    Parameters
    ----------
    g_min, g_max : float [uS]
        Range of the typical device: high and low resistance.
    g_min_spread, g_max_spread : float [uS]
    write_noise : float [uS]
        Standard deviation of the visible conductance around the one that pulses act on, drawn anew by each write.
    levels : int, optional
        Number of distinct conductances from g_min to g_max; None for any.
    read_noise : float
        White: standard deviation of a read by the conductance; the median over devices.
    read_noise_spread : float
        Of its logarithm.
    rtn : Telegraph, optional
    flicker : Flicker, optional
    retention : Retention, optional
    stuck_lrs, stuck_hrs, stuck_between : float
        Shares of devices that never move: at their upper bound, at their lower bound, uniformly between.
    endurance : float
        Pulses until a device is stuck, the median over devices. Assumed: published values run from 1e6 to 1e12.
    endurance_spread : float
        Of its logarithm. Assumed.
    fails_to : "lrs" or "hrs"
        Where a worn device is stuck. Assumed.

    Raises
    ------
    DescriptionError
    """

    g_min: float = 5.0
    g_max: float = 100.0
    g_min_spread: float = 0.0
    g_max_spread: float = 0.0
    write_noise: float = 0.0
    levels: int | None = None
    read_noise: float = 0.0
    read_noise_spread: float = 0.0
    rtn: Telegraph | None = None
    flicker: Flicker | None = None
    retention: Retention | None = None
    stuck_lrs: float = 0.0
    stuck_hrs: float = 0.0
    stuck_between: float = 0.0
    endurance: float = math.inf
    endurance_spread: float = 0.0
    fails_to: str = "lrs"

    kind: ClassVar[int]

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for item in fields(self):
            if item.name.endswith("_spread") and not isinstance(getattr(self, item.name), tuple):
                check(self, item.name, getattr(self, item.name), low=0.0)
        check(self, "g_min", self.g_min, low=0.0)
        check(self, "g_max", self.g_max, low=self.g_min, low_open=True)
        for name in ("write_noise", "read_noise"):
            check(self, name, getattr(self, name), low=0.0)
        shares = ("stuck_lrs", "stuck_hrs", "stuck_between")
        for name in shares:
            check(self, name, getattr(self, name), low=0.0, high=1.0)
        if sum(getattr(self, name) for name in shares) > 1.0 + 1e-12:
            found = tuple(getattr(self, name) for name in shares)
            raise DescriptionError(owner(self), ", ".join(shares), found, "together they are at most 1")
        check(self, "endurance", self.endurance, low=1.0, finite=False)
        if self.levels is not None and (type(self.levels) is not int or self.levels < 2):
            raise DescriptionError(owner(self), "levels", self.levels, "use an integer of 2 or more, or None")
        if self.fails_to not in ("lrs", "hrs"):
            raise DescriptionError(owner(self), "fails_to", self.fails_to, "use 'lrs' or 'hrs'")

    @property
    def mean_step(self) -> float:
        """The step that a controller reckons with: of the typical device at g_zero, mean of up and down [uS]."""
        allowed = "it is written to a target, not moved by steps; give a pulsed device"
        raise DescriptionError(owner(self), "mean_step", None, allowed)

    @property
    def causes(self) -> tuple[str, ...]:
        """The causes of error that this device has, of :data:`CAUSES`."""
        return tuple(cause for cause in CAUSES if self.without(cause) != self)

    def without(self, *causes: str) -> Device:
        """Return the same device with some causes of error at their neutral value.

        Parameters
        ----------
        *causes : str
            Of :data:`CAUSES`.

        Returns
        -------
        Device

        Raises
        ------
        UnknownNameError
        """
        device: Device = self
        for cause in causes:
            if cause not in _NEUTRAL:
                raise UnknownNameError("cause of error", cause, CAUSES)
            device = replace(device, **(device._alike() if cause == "d2d" else device._neutral(cause)))
        return device

    def _neutral(self, cause: str) -> dict[str, Any]:
        own = {item.name for item in fields(self)}
        return {name: value for name, value in _NEUTRAL[cause].items() if name in own}

    def _alike(self) -> dict[str, Any]:
        """Return the changes that make all devices alike."""
        changes: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.endswith("_spread"):
                changes[item.name] = (0.0,) * len(value) if isinstance(value, tuple) else 0.0
            elif isinstance(value, (Telegraph, Flicker, Retention)):
                changes[item.name] = value.without_spread()
        return changes

    def constants(self) -> np.ndarray:
        """Return what all devices of the kind share, in the order that the pulse kernel knows.

        Returns
        -------
        (N_CONSTANTS,) float array
        """
        return np.zeros(N_CONSTANTS)

    def table(self) -> np.ndarray:
        """Return the tabulated pulse: mean, cycle spread and logarithmic device spread, up then down.

        Returns
        -------
        (6, m) float array
            Of one column for devices without a table.
        """
        return np.zeros((6, 1))

    def coefficients(self, low: np.ndarray, high: np.ndarray, normal: Draw) -> Coefficients:
        """Return what differs between devices.

        Parameters
        ----------
        low, high : (n,) arrays [uS]
            The devices' own bounds.
        normal : callable
            From the name of a purpose to one standard normal number per device.

        Returns
        -------
        Coefficients
        """
        return Coefficients(*np.zeros((4, low.size)))

    def reference(self, coefficients: Coefficients, normal: Draw) -> np.ndarray:
        """Return the conductance that is subtracted at each read.

        Parameters
        ----------
        coefficients : Coefficients
        normal : callable

        Returns
        -------
        (n,) float array [uS]
            0 but for devices with a reference of their own.
        """
        return np.zeros(coefficients.up.size)
