"""Physical units at the interface: numbers are in canonical units, anything that knows its unit is converted.

Canonical units are PyNN's: ms, mV, nA, nF, MOhm (= ms/nF), Hz; concentrations are in uM. Accepted besides plain numbers
and arrays: strings such as ``"20 ms"``, Brian2 quantities, and anything that has ``pint``'s ``to`` or ``quantities``'
``rescale``; none of these packages is imported.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .errors import UnitError

# unit -> (SI scale, exponents of m, kg, s, A, K, mol, cd as Brian2 orders them)
_TIME = (0, 0, 1, 0, 0, 0, 0)
_VOLTAGE = (2, 1, -3, -1, 0, 0, 0)
_CURRENT = (0, 0, 0, 1, 0, 0, 0)
_CAPACITANCE = (-2, -1, 4, 2, 0, 0, 0)
_RESISTANCE = (2, 1, -3, -2, 0, 0, 0)
_FREQUENCY = (0, 0, -1, 0, 0, 0, 0)
_CONCENTRATION = (-3, 0, 0, 0, 0, 1, 0)
_INVERSE_CURRENT = (0, 0, 0, -1, 0, 0, 0)
_NONE = (0, 0, 0, 0, 0, 0, 0)

_UNITS: dict[str, tuple[float, tuple[int, ...]]] = {
    "": (1.0, _NONE),
    "rad": (1.0, _NONE),
    "us": (1e-6, _TIME), "ms": (1e-3, _TIME), "s": (1.0, _TIME), "min": (60.0, _TIME),
    "uV": (1e-6, _VOLTAGE), "mV": (1e-3, _VOLTAGE), "V": (1.0, _VOLTAGE),
    "pA": (1e-12, _CURRENT), "nA": (1e-9, _CURRENT), "uA": (1e-6, _CURRENT), "A": (1.0, _CURRENT),
    "pF": (1e-12, _CAPACITANCE), "nF": (1e-9, _CAPACITANCE), "uF": (1e-6, _CAPACITANCE), "F": (1.0, _CAPACITANCE),
    "kOhm": (1e3, _RESISTANCE), "MOhm": (1e6, _RESISTANCE), "GOhm": (1e9, _RESISTANCE), "Ohm": (1.0, _RESISTANCE),
    "Hz": (1.0, _FREQUENCY), "kHz": (1e3, _FREQUENCY), "1/s": (1.0, _FREQUENCY), "1/ms": (1e3, _FREQUENCY),
    "nM": (1e-6, _CONCENTRATION), "uM": (1e-3, _CONCENTRATION), "mM": (1.0, _CONCENTRATION),
    "1/nA": (1e9, _INVERSE_CURRENT),
}  # fmt: skip
_TEXT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(\S*)\s*")


def to_canonical(value: Any, unit: str, owner: str, parameter: str) -> float | np.ndarray:
    """Convert a value to a canonical unit.

    Parameters
    ----------
    value : number, array, str such as ``"20 ms"``, or a quantity of Brian2, pint or quantities
    unit : str
        The canonical unit wanted, such as ``"ms"``; empty for a pure number.
    owner, parameter : str
        What is being set, for the error message.

    Returns
    -------
    float or read-only float array

    Raises
    ------
    UnitError
        If the value is no number, or has another physical dimension.
    """
    wanted = f"a number or array in {unit or 'no unit'}"
    if isinstance(value, (list, tuple)) and _not_plain(value):
        # numpy would strip each member's unit and keep its number in SI, and read None as NaN
        value = [to_canonical(member, unit, owner, parameter) for member in value]
    if isinstance(value, str):
        value = _from_text(value, unit, owner, parameter)
    elif _is_brian2(value):
        value = _from_brian2(value, unit, owner, parameter)
    elif hasattr(value, "dimensionality"):
        try:
            value = (value.rescale(unit) if hasattr(value, "rescale") else value.to(unit)).magnitude
        except Exception as error:
            raise UnitError(owner, parameter, value, f"give {wanted}, or a quantity of that dimension") from error
    if value is None or isinstance(value, (bool, np.bool_)):
        raise UnitError(owner, parameter, value, f"give {wanted}")
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise UnitError(owner, parameter, value, f"give {wanted}") from None
    if array.ndim == 0:
        return float(array)
    array.flags.writeable = False
    return array


def _is_brian2(value: Any) -> bool:
    return hasattr(value, "dim") and hasattr(value, "in_best_unit")


def _not_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return not {float, int}.issuperset(map(type, value)) and any(map(_not_plain, value))
    return value is None or isinstance(value, str) or _is_brian2(value) or hasattr(value, "dimensionality")


def _from_text(text: str, unit: str, owner: str, parameter: str) -> float:
    match = _TEXT.fullmatch(text)
    symbol = match.group(2).replace("µ", "u").replace("μ", "u").replace("Ω", "Ohm") if match else ""
    if match is None or symbol not in _UNITS:
        raise UnitError(owner, parameter, text, f"write a number and a unit, such as '1.5 {unit}'")
    scale, dimension = _UNITS[symbol]
    target, wanted = _UNITS[unit]
    if dimension != wanted and symbol:
        raise UnitError(owner, parameter, text, f"its dimension is wrong; give it in {unit or 'no unit'}")
    number = float(match.group(1))
    return number if symbol in (unit, "") else number * (scale / target)


def _from_brian2(value: Any, unit: str, owner: str, parameter: str) -> np.ndarray:
    target, wanted = _UNITS[unit]
    if tuple(round(exponent) for exponent in value.dim._dims) != wanted:
        raise UnitError(owner, parameter, value, f"its dimension is wrong; give it in {unit or 'no unit'}")
    # Dividing by an inexact power of ten (1e-3) loses the last bit that multiplying by 1e3 keeps.
    number = np.asarray(value, dtype=np.float64)
    return number / target if target >= 1.0 else number * round(1.0 / target)
