"""Devices by name, each fitted to a published one, with its source.

aihwkit's presets are in weights; here weight w is conductance ``g_zero + w f``. Where aihwkit gives no conductances the
scale f is assumed: three standard deviations of the bounds lie within 0 to 100 uS (ECRAM: 0 to 1000). Faults are off
everywhere; the devices of Gong and Rasch (2022) had 13.48 % (OM) and 9.77 % (HfO2) that do not move:
``dataclasses.replace(get("reram_array_om"), stuck_between=0.1348)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from hmn_snn.errors import UnknownNameError

from .devices import Device
from .pulsed_devices import ConstantStep, ExpStep, LinearStep, Pulsed, SoftBoundsReference
from .table_device import Table
from .written_devices import PCM, Ideal, Programmed

P = TypeVar("P", bound=Pulsed)


def names() -> tuple[str, ...]:
    """Return the names of all presets.

    Returns
    -------
    tuple of str
    """
    return tuple(_PRESETS)


def get(name: str) -> Device:
    """Return a preset.

    Parameters
    ----------
    name : str

    Returns
    -------
    Device

    Raises
    ------
    UnknownNameError
    """
    if name not in _PRESETS:
        raise UnknownNameError("device preset", name, names())
    return _PRESETS[name]()


def in_conductances(
    kind: Callable[..., P],
    *,
    dw_min: float,
    w_min: float,
    w_max: float,
    w_min_dtod: float = 0.0,
    w_max_dtod: float = 0.0,
    write_noise_std: float = 0.0,
    top: float = 100.0,
    **parameters: Any,
) -> P:
    """Return a device from parameters in weights, as aihwkit names them.

    Parameters
    ----------
    kind : class of pulsed devices
    dw_min, w_min, w_max : float
    w_min_dtod, w_max_dtod : float
        Device-to-device spread of the bounds, by the bounds.
    write_noise_std : float
        By dw_min.
    top : float [uS]
        Three standard deviations of both bounds lie within 0 and this.
    **parameters : object
        Those of the kind; lengths (``reference_spread``, ``noise_offset``) in weights.

    Returns
    -------
    Pulsed
    """
    lowest, highest = w_min - 3.0 * abs(w_min) * w_min_dtod, w_max + 3.0 * w_max * w_max_dtod
    f = top / (highest - lowest)
    for name in ("reference_spread", "noise_offset"):
        if name in parameters:
            parameters[name] *= f
    if kind is not ConstantStep:
        parameters["g_zero"] = -lowest * f
    return kind(
        g_min=(w_min - lowest) * f, g_max=(w_max - lowest) * f,
        g_min_spread=abs(w_min) * w_min_dtod * f, g_max_spread=w_max * w_max_dtod * f,
        step=dw_min * f, write_noise=write_noise_std * dw_min * f, **parameters,
    )  # fmt: skip


def _reram_es() -> Device:
    """Exponential steps fitted to ReRAM (Gong et al. 2018, Nat. Commun., s41467-018-04485-1; aihwkit ReRamES)."""
    return in_conductances(
        ExpStep, dw_min=0.00135, w_min=-1.0, w_max=1.0, w_min_dtod=0.3, w_max_dtod=0.3, write_noise_std=75.0,
        step_spread=0.2, up_down=0.259359, up_down_spread=0.05, c2c=5.0,
        A_up=-1.18445, A_down=-0.081404, gamma_up=5.0, gamma_down=5.0, a=-0.5, b=-0.5,
    )  # fmt: skip


def _reram_sb() -> Device:
    """Soft bounds fitted loosely to the same ReRAM, against a reference (Gong et al. 2018; aihwkit ReRamSB)."""
    return in_conductances(
        SoftBoundsReference, dw_min=0.002, w_min=-0.75, w_max=1.25, w_min_dtod=0.4, w_max_dtod=0.24,
        write_noise_std=56.0, step_spread=0.3, up_down_spread=0.01, c2c=3.75, additive=True,
    )  # fmt: skip


def _reram_array_om() -> Device:
    """Arrays of optimised ReRAM (Gong & Rasch et al. 2022, IEDM; aihwkit ReRamArrayOM)."""
    return in_conductances(
        SoftBoundsReference, dw_min=0.0949, w_min=-1.0, w_max=1.0, w_min_dtod=0.5695, w_max_dtod=0.3499,
        write_noise_std=1.4113, step_spread=0.7829, step_lognormal=True, c2c=0.4158, reference_spread=0.05,
    )  # fmt: skip


def _reram_array_hfo2() -> Device:
    """Arrays of baseline HfO2 ReRAM (Gong & Rasch et al. 2022, IEDM; aihwkit ReRamArrayHfO2)."""
    return in_conductances(
        SoftBoundsReference, dw_min=0.4622, w_min=-1.0, w_max=1.0, w_min_dtod=0.5990, w_max_dtod=0.4295,
        write_noise_std=0.5841, step_spread=0.7125, step_lognormal=True, c2c=0.2174, reference_spread=0.05,
    )  # fmt: skip


def _ecram() -> Device:
    """Lithium ECRAM, almost linear (Tang et al. 2018, IEDM; aihwkit EcRam)."""
    return in_conductances(
        LinearStep, dw_min=0.002, w_min=-0.8276, w_max=1.1724, w_min_dtod=0.05, w_max_dtod=0.05, top=1000.0,
        step_spread=0.1, up_down_spread=0.01, c2c=0.3, gamma_up=0.1153, gamma_down=0.5085, gamma_spread=0.05,
    )  # fmt: skip


def _ecram_mo() -> Device:
    """Metal-oxide ECRAM (Kim et al. 2019, IEDM; aihwkit EcRamMO)."""
    return in_conductances(
        LinearStep, dw_min=2.8214e-4, w_min=-0.8286, w_max=1.1714, w_min_dtod=0.05, w_max_dtod=0.05, top=1000.0,
        step_spread=0.1, up_down_spread=0.01, c2c=2.0, gamma_up=0.4152, gamma_down=0.7342, gamma_spread=0.05,
    )  # fmt: skip


def _gokmen_vlasov() -> Device:
    """Constant steps, as specified by Gokmen & Vlasov (2016, Front. Neurosci. 10:333; aihwkit GokmenVlasov)."""
    return in_conductances(
        ConstantStep, dw_min=0.0016, w_min=-1.0, w_max=1.0, w_min_dtod=0.3, w_max_dtod=0.3,
        step_spread=0.3, up_down_spread=0.01, c2c=0.3,
    )  # fmt: skip


def _pcm_pulsed() -> Device:
    """Phase-change memory under SET pulses: one-sided, steps that shrink (aihwkit PCM preset); 0 to 25 uS."""
    f = 12.5
    return ExpStep(
        g_min=0.0, g_max=25.0, g_zero=0.0, step=0.01 * f, step_spread=0.2, c2c=0.6,
        A_up=-27.235, A_down=-2.235, gamma_up=2.5, gamma_down=2.5, a=-1.0, b=0.0,
        noise_offset=0.042 * f, noise_slope=0.108,
    )  # fmt: skip


def _taox() -> Device:
    """TaOx ReRAM: step statistics of 41 devices at 10, 50 and 90 % of the range (Sandia, cross-sim-data TaOx_all).

    Linear between, constant beyond. The spread of the bounds is that of the devices' own.
    """
    at, grid = (0.1, 0.5, 0.9), np.linspace(0.0, 1.0, 11)
    columns: dict[str, Any] = {
        "up": (146.0, 62.0, 0.57), "up_c2c": (16.0, 10.6, 1.5), "up_spread": (41.0, 23.6, 0.6),
        "down": (0.7, 23.3, 4.8), "down_c2c": (5.3, 14.2, 3.1), "down_spread": (1.1, 13.6, 3.3),
    }  # fmt: skip
    columns = {name: tuple(float(v) for v in np.interp(grid, at, column)) for name, column in columns.items()}
    return Table(g_min=10.0, g_max=132.6, g_min_spread=7.1, g_max_spread=21.9, **columns)


def _neurram() -> Device:
    """HfOx ReRAM a second after write-verify (Wan et al. 2022, Nature 608:504; aihwkit's fit, at 40 uS)."""
    return Programmed(
        g_min=1.0, g_max=40.0, g_reference=40.0, program_noise=(0.348, 16.030, -43.853, 45.393, -16.815)
    )


def _cmo_hfox() -> Device:
    """CMO/HfOx ReRAM programmed to 2 % (aihwkit ``inference/noise/reram.py``), noise at the write; 9 to 88.2 uS."""
    return Programmed(g_min=9.0, g_max=88.2, program_noise=(0.0112185391, 0.01129027418 * 88.2))


def _milo() -> Device:
    """HfO2 ReRAM with optimised multilevel programming (Milo et al.; CrossSim RRAMMilo); 50 to 225 uS."""
    return Programmed(g_min=50.0, g_max=225.0, program_noise=(4.782321, -0.009107 * 225.0))


_PRESETS: dict[str, Callable[[], Device]] = {
    "ideal": Ideal,
    "pcm": PCM,
    "pcm_pulsed": _pcm_pulsed,
    "reram_es": _reram_es,
    "reram_sb": _reram_sb,
    "reram_array_om": _reram_array_om,
    "reram_array_hfo2": _reram_array_hfo2,
    "ecram": _ecram,
    "ecram_mo": _ecram_mo,
    "gokmen_vlasov": _gokmen_vlasov,
    "taox": _taox,
    "neurram": _neurram,
    "cmo_hfox": _cmo_hfox,
    "milo": _milo,
}
