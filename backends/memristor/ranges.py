"""Ranges: the one way in which the descriptions of this backend refuse a number."""

from __future__ import annotations

import math
from typing import Any

from hmn_snn.errors import DescriptionError


def check(
    thing: Any,
    name: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    low_open: bool = False,
    finite: bool = True,
) -> None:
    """Raise if a parameter is no number or out of its range.

    Parameters
    ----------
    thing : object
        Whose parameter it is; named by its class.
    name : str
    value : object
    low, high : float
        The closed range.
    low_open : bool
        Whether ``low`` itself is excluded.
    finite : bool
        Whether infinity is forbidden.

    Raises
    ------
    DescriptionError
    """
    whose = owner(thing)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise DescriptionError(whose, name, value, "give a number")
    if finite and math.isinf(value):
        raise DescriptionError(whose, name, value, "give a finite number")
    if not (value > low if low_open else value >= low) or value > high:
        least = f"{'more than' if low_open else 'at least'} {low:g}" if low > -math.inf else ""
        most = f"at most {high:g}" if high < math.inf else ""
        raise DescriptionError(whose, name, value, "use " + " and ".join(part for part in (least, most) if part))


def owner(thing: Any) -> str:
    """Return the name of a device description, or of a part of one, for error messages.

    Parameters
    ----------
    thing : object

    Returns
    -------
    str
    """
    return f"device {type(thing).__name__!r}"
