"""Devices that a controller writes to a target conductance in one go: ideal ones, and those where noise remains.

Conductances are in uS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hmn_snn.errors import DescriptionError

from .devices import N_CONSTANTS, WRITTEN, Device
from .ranges import check, owner
from .read_noise import Flicker
from .retention import Retention


@dataclass(frozen=True, kw_only=True)
class Ideal(Device):
    """A device that is written to any conductance within its range, exactly, in one pulse."""

    kind: ClassVar[int] = WRITTEN


@dataclass(frozen=True, kw_only=True)
class Programmed(Device):
    """A device that a controller programs to a target: what remains is noise that depends on the target.

    Programmed ``g = max(target + sigma(x) xi, 0)`` with ``sigma = max(sum_k c_k x**k, 0) g_max/g_reference`` and
    x = target / g_max.

    Parameters
    ----------
    program_noise : tuple of up to 6 floats [uS]
        The c_k.
    g_reference : float, optional [uS]
        The g_max at which they were fitted; None for that of the device.
    """

    program_noise: tuple[float, ...] = ()
    g_reference: float | None = None

    kind: ClassVar[int] = WRITTEN

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        super().__post_init__()
        if len(self.program_noise) > N_CONSTANTS:
            allowed = f"give at most {N_CONSTANTS} coefficients"
            raise DescriptionError(owner(self), "program_noise", self.program_noise, allowed)
        for coefficient in self.program_noise:
            check(self, "program_noise", coefficient)
        if self.g_reference is not None:
            check(self, "g_reference", self.g_reference, low=0.0, low_open=True)

    def constants(self) -> np.ndarray:
        """Return the coefficients of the programming noise at this device's range."""
        scale = 1.0 if self.g_reference is None else self.g_max / self.g_reference
        result = np.zeros(N_CONSTANTS)
        result[: len(self.program_noise)] = self.program_noise
        return result * scale

    def program_sigma(self, g: Any) -> Any:
        """Return the standard deviation that programming leaves.

        Parameters
        ----------
        g : float or (n,) array [uS]
            The target.

        Returns
        -------
        float or (n,) array [uS]
        """
        return np.maximum(np.polynomial.polynomial.polyval(np.asarray(g) / self.g_max, self.constants()), 0.0)


@dataclass(frozen=True, kw_only=True)
class PCM(Programmed):
    """Phase-change memory for inference: programming noise, drift and 1/f read noise.

    All constants from Joshi et al. 2020 (Nat. Commun. 11:2473) and Nandakumar et al. 2020, as in aihwkit's PCM noise
    model, for g_max = 25 uS.
    """

    g_min: float = 0.0
    g_max: float = 25.0
    program_noise: tuple[float, ...] = (0.26348, 1.9650, -1.1731)
    g_reference: float | None = 25.0
    flicker: Flicker | None = Flicker()
    retention: Retention | None = Retention(
        nu=0.0244, nu_slope=-0.0155, nu_range=(0.049, 0.1),
        nu_spread=-0.0059, nu_spread_slope=-0.0125, nu_spread_range=(0.008, 0.045),
    )  # fmt: skip
