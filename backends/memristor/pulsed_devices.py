"""Devices that pulses move: one class per law of how far one pulse goes.

Laws and default values: aihwkit, ``simulator/configs/devices.py`` and ``src/rpucuda/rpu_*_device.cpp``, in conductances
(uS) instead of weights. Every step is followed by a clip to the device's own bounds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hmn_snn.errors import DescriptionError

from .devices import EXPONENTIAL, LINEAR, N_CONSTANTS, POWER, Coefficients, Device, Draw
from .ranges import check, owner


@dataclass(frozen=True, kw_only=True)
class Pulsed(Device):
    """What pulsed devices share: the size of a step and how it differs between devices, directions and pulses.

    With ``gain = 1 + step_spread xi`` (or ``exp(step_spread xi)``) and ``ud = up_down_spread xi`` of a device, a step
    up is ``s+ = |min(up_down, 0) + gain + ud| step``, one down ``s- = |gain - max(up_down, 0) - ud| step``.

    Parameters
    ----------
    step : float [uS]
        Mean step of a pulse where the law has no dependence on the state, else at g_zero.
    step_spread : float
    step_lognormal : bool
    up_down : float
        Mean difference between up and down, relative.
    up_down_spread : float
    c2c : float
        Standard deviation of a step, by the step.
    """

    step: float = 0.1
    step_spread: float = 0.0
    step_lognormal: bool = False
    up_down: float = 0.0
    up_down_spread: float = 0.0
    c2c: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        super().__post_init__()
        check(self, "step", self.step, low=0.0, low_open=True)
        check(self, "c2c", self.c2c, low=0.0)
        check(self, "up_down", self.up_down, low=-1.0, high=1.0)

    @property
    def mean_step(self) -> float:
        """The step that a controller reckons with: of the typical device at g_zero, mean of up and down [uS]."""
        return self.step * (1.0 - 0.5 * abs(self.up_down))

    def steps(self, normal: Draw) -> tuple[np.ndarray, np.ndarray]:
        """Return the devices' own steps.

        Parameters
        ----------
        normal : callable

        Returns
        -------
        up, down : (n,) float arrays [uS]
        """
        xi = self.step_spread * normal("step")
        gain = np.exp(xi) if self.step_lognormal else 1.0 + xi
        tilt = self.up_down_spread * normal("up_down")
        up = np.abs(gain + min(self.up_down, 0.0) + tilt) * self.step
        return up, np.abs(gain - max(self.up_down, 0.0) - tilt) * self.step

    def coefficients(self, low: np.ndarray, high: np.ndarray, normal: Draw) -> Coefficients:
        """Return the steps, the same at every conductance."""
        up, down = self.steps(normal)
        return Coefficients(up, np.zeros(up.size), down, np.zeros(up.size))


@dataclass(frozen=True, kw_only=True)
class ConstantStep(Pulsed):
    """``g +- s (1 + c2c xi)``."""

    kind: ClassVar[int] = LINEAR


@dataclass(frozen=True, kw_only=True)
class LinearStep(Pulsed):
    """A step that shrinks linearly: ``s+ (1 - gamma_up (g - g_zero)/(g_max - g_zero))`` up, and alike down.

    Parameters
    ----------
    g_zero : float, optional [uS]
        Where weight 0 lies; the middle of the range if none.
    gamma_up, gamma_down : float
        1 makes steps vanish at the bound.
    gamma_spread : float
    own_bounds : bool
        Whether gamma counts to the device's own bounds instead of the typical device's.
    additive : bool
        Whether the noise of a step is ``c2c s xi`` (that at g_zero) instead of in proportion to the step.
    """

    g_zero: float | None = None
    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_spread: float = 0.0
    own_bounds: bool = False
    additive: bool = False

    kind: ClassVar[int] = LINEAR

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        super().__post_init__()
        if self.g_zero is not None:
            check(self, "g_zero", self.g_zero, low=self.g_min, high=self.g_max)
        for name in ("gamma_up", "gamma_down"):
            check(self, name, getattr(self, name), low=0.0)
            if getattr(self, name) and self.zero == (self.g_max if name == "gamma_up" else self.g_min):
                allowed = "it lies on the bound that steps shrink towards; use a value between g_min and g_max"
                raise DescriptionError(owner(self), "g_zero", self.zero, allowed)

    @property
    def zero(self) -> float:
        """The conductance of weight 0 [uS]."""
        return 0.5 * (self.g_min + self.g_max) if self.g_zero is None else self.g_zero

    def constants(self) -> np.ndarray:
        """Return noise kind and zero."""
        return np.array([float(self.additive), self.zero] + [0.0] * (N_CONSTANTS - 2))

    def coefficients(self, low: np.ndarray, high: np.ndarray, normal: Draw) -> Coefficients:
        """Return the lines ``up + up_slope g`` and ``down + down_slope g`` of the devices."""
        up, down = self.steps(normal)
        spread = self.gamma_spread
        room_up = high - self.zero if self.own_bounds else np.full(up.size, self.g_max - self.zero)
        room_down = self.zero - low if self.own_bounds else np.full(up.size, self.zero - self.g_min)
        # A bound beyond zero leaves no room to shrink in: there the step is constant until it is clipped.
        up_slope = -(self.gamma_up + spread * normal("gamma_up")) * up * _inverse(room_up)
        down_slope = (self.gamma_down + spread * normal("gamma_down")) * down * _inverse(room_down)
        return Coefficients(up - up_slope * self.zero, up_slope, down - down_slope * self.zero, down_slope)


@dataclass(frozen=True, kw_only=True)
class SoftBounds(LinearStep):
    """Steps in proportion to the distance from the device's own bound: ``s+ (b - g)/(b - g_zero)`` up, alike down."""

    gamma_up: float = 1.0
    gamma_down: float = 1.0
    own_bounds: bool = True


@dataclass(frozen=True, kw_only=True)
class SoftBoundsReference(SoftBounds):
    """Soft bounds, read against a reference at the device's symmetry point, where steps up and down are equal.

    Parameters
    ----------
    reference_spread : float [uS]
    """

    reference_spread: float = 0.0

    def reference(self, coefficients: Coefficients, normal: Draw) -> np.ndarray:
        """Return the symmetry points, with an error of their own."""
        return symmetry_point(coefficients) + self.reference_spread * normal("reference")


def symmetry_point(coefficients: Coefficients) -> np.ndarray:
    """Return where steps up and down are equal: in weights ``(s+ - s-)/(s+/b_max - s-/b_min)``.

    Parameters
    ----------
    coefficients : Coefficients
        Of LinearStep or SoftBounds.

    Returns
    -------
    (n,) float array [uS]
    """
    c = coefficients
    slope = c.down_slope - c.up_slope
    return np.asarray(np.divide(c.up - c.down, slope, out=np.zeros(slope.size), where=slope != 0.0))


@dataclass(frozen=True, kw_only=True)
class ExpStep(Pulsed):
    """Steps ``s+ max(1 - A_up exp(gamma_up z), 0)`` up and ``s- max(1 - A_down exp(-gamma_down z), 0)`` down.

    With ``z = 2 a (g - g_zero)/(b_max - b_min) + b`` and the device's own bounds; the noise of a step D is
    ``c2c (|D| + noise_offset + noise_slope |g - g_zero|) xi``.

    Parameters
    ----------
    g_zero : float, optional [uS]
    A_up, A_down, gamma_up, gamma_down, a, b : float
    noise_offset : float [uS]
    noise_slope : float
    """

    g_zero: float | None = None
    A_up: float = 0.00081
    A_down: float = 0.36833
    gamma_up: float = 12.44625
    gamma_down: float = 12.78785
    a: float = 0.244
    b: float = 0.2425
    noise_offset: float = 0.0
    noise_slope: float = 0.0

    kind: ClassVar[int] = EXPONENTIAL

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        super().__post_init__()
        for name in ("A_up", "A_down", "gamma_up", "gamma_down", "a", "b"):
            check(self, name, getattr(self, name))
        for name in ("noise_offset", "noise_slope"):
            check(self, name, getattr(self, name), low=0.0)
        if self.g_zero is not None:
            check(self, "g_zero", self.g_zero, low=self.g_min, high=self.g_max)

    @property
    def mean_step(self) -> float:
        """The step that a controller reckons with [uS]."""
        up = max(1.0 - self.A_up * math.exp(self.gamma_up * self.b), 0.0)
        return 0.5 * super().mean_step * (up + max(1.0 - self.A_down * math.exp(-self.gamma_down * self.b), 0.0))

    def constants(self) -> np.ndarray:
        """Return slope and offset of z, zero, and what the noise adds."""
        zero = 0.5 * (self.g_min + self.g_max) if self.g_zero is None else self.g_zero
        return np.array([self.a, self.b, zero, self.noise_offset, self.noise_slope, 0.0])

    def table(self) -> np.ndarray:
        """Return A and gamma of both directions, in the first column of a table."""
        return np.array([[self.A_up], [self.gamma_up], [0.0], [self.A_down], [self.gamma_down], [0.0]])


@dataclass(frozen=True, kw_only=True)
class PowStep(Pulsed):
    """Steps ``s+ ((b_max - g)/(b_max - b_min))**gamma_up`` up, ``s- ((g - b_min)/(b_max - b_min))**gamma_down`` down.

    Parameters
    ----------
    gamma_up, gamma_down : float
    gamma_spread : float
    """

    gamma_up: float = 1.0
    gamma_down: float = 1.0
    gamma_spread: float = 0.0

    kind: ClassVar[int] = POWER

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        super().__post_init__()
        for name in ("gamma_up", "gamma_down"):
            check(self, name, getattr(self, name), low=0.0)

    @property
    def mean_step(self) -> float:
        """The step that a controller reckons with: in the middle of the range [uS]."""
        return 0.5 * super().mean_step * (0.5**self.gamma_up + 0.5**self.gamma_down)

    def coefficients(self, low: np.ndarray, high: np.ndarray, normal: Draw) -> Coefficients:
        """Return steps and exponents."""
        up, down = self.steps(normal)
        gamma_up = self.gamma_up + self.gamma_spread * normal("gamma_up")
        gamma_down = self.gamma_down + self.gamma_spread * normal("gamma_down")
        return Coefficients(up, np.abs(gamma_up), down, np.abs(gamma_down))


def _inverse(room: np.ndarray) -> np.ndarray:
    """Return 1/room where there is room, else 0."""
    return np.asarray(np.divide(1.0, room, out=np.zeros(room.size), where=room > 0.0))
