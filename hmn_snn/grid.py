"""The time grid: from milliseconds to steps, by rounding, never by truncation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DescriptionError

TOLERANCE = 1e-6


def on_grid(value: Any, dt: float) -> np.ndarray:
    """Return whether times are multiples of the time step (to a millionth of a step).

    Parameters
    ----------
    value : float or array [ms]
    dt : float [ms]

    Returns
    -------
    bool array
    """
    ratio = np.asarray(value, dtype=np.float64) / dt
    return np.asarray(np.abs(ratio - np.rint(ratio)) < TOLERANCE)


def to_steps(value: Any, dt: float) -> np.ndarray:
    """Return times in steps, rounded to the nearest.

    Parameters
    ----------
    value : float or array [ms]
    dt : float [ms]

    Returns
    -------
    int64 array
    """
    return np.asarray(np.rint(np.asarray(value, dtype=np.float64) / dt)).astype(np.int64)


def duration_steps(duration: Any, dt: float) -> int:
    """Return the number of steps of a run.

    Parameters
    ----------
    duration : float [ms], or a text or quantity with a unit
    dt : float [ms]

    Returns
    -------
    int

    Raises
    ------
    DescriptionError
        If it is negative or no multiple of dt.
    """
    from .units import to_canonical

    value = to_canonical(duration, "ms", "run", "duration")
    if np.ndim(value) or not np.isfinite(value) or value < 0 or not on_grid(value, dt):
        raise DescriptionError("run", "duration", duration, f"give a multiple of dt = {dt:g} ms, 0 or more")
    return int(to_steps(value, dt))
