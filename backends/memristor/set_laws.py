"""How a device switches with a probability, and the pulse that makes it that of eq 5.

Voltages are in V, times in s; every function takes numbers or arrays, in Python as in a kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable


@register_jitable
def wanted_probability(change: Any, beta: float, theta: float) -> Any:
    """Return eq 5: ``sigmoid(beta (|change| - theta))``.

    Parameters
    ----------
    change : float or (n,) array
    beta, theta : float

    Returns
    -------
    float or (n,) array
    """
    return 1.0 / (1.0 + np.exp(-beta * (np.abs(change) - theta)))


@register_jitable
def softplus(x: Any) -> Any:
    """Return ``ln(1 + e**x)`` without overflow.

    Parameters
    ----------
    x : float or (n,) array

    Returns
    -------
    float or (n,) array
    """
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


@register_jitable
def poisson_probability(voltage: Any, width: Any, tau_0: float, v_0: float) -> Any:
    """Return the probability to switch, ``1 - exp(-width/tau)`` with ``tau = tau_0 exp(-voltage/v_0)``.

    Switching as a Poisson process: Jo, Kim & Lu 2009 (Nano Lett. 9:496); Dowling, Slipko & Pershin 2020
    (arXiv 2003.11011, 2009.05189).

    Parameters
    ----------
    voltage : float or (n,) array [V]
    width : float or (n,) array [s]
    tau_0 : float [s]
    v_0 : float [V]

    Returns
    -------
    float or (n,) array
    """
    return -np.expm1(-width / tau_0 * np.exp(voltage / v_0))


@register_jitable
def poisson_voltage(change: Any, beta: float, theta: float, width: float, tau_0: float, v_0: float) -> Any:
    """Return the amplitude that realises eq 5: ``v_0 ln(tau_0 softplus(beta (|change| - theta))/width)``.

    Exact, as ``1 - exp(-softplus(x)) = sigmoid(x)``.

    Parameters
    ----------
    change : float or (n,) array
    beta, theta : float
    width : float [s]
    tau_0 : float [s]
    v_0 : float [V]

    Returns
    -------
    float or (n,) array [V]
    """
    return v_0 * np.log(tau_0 * softplus(beta * (np.abs(change) - theta)) / width)


@register_jitable
def poisson_width(change: Any, beta: float, theta: float, voltage: float, tau_0: float, v_0: float) -> Any:
    """Return the width that realises eq 5: ``tau(voltage) softplus(beta (|change| - theta))``.

    Parameters
    ----------
    change : float or (n,) array
    beta, theta : float
    voltage : float [V]
    tau_0 : float [s]
    v_0 : float [V]

    Returns
    -------
    float or (n,) array [s]
    """
    return tau_0 * np.exp(-voltage / v_0) * softplus(beta * (np.abs(change) - theta))


@register_jitable
def logistic_probability(voltage: Any, threshold: Any, slope: float) -> Any:
    """Return the probability to switch of a device with a threshold of its own.

    Parameters
    ----------
    voltage : float or (n,) array [V]
    threshold : float or (n,) array [V]
    slope : float [1/V]

    Returns
    -------
    float or (n,) array
    """
    return 1.0 / (1.0 + np.exp(-slope * (voltage - threshold)))


@register_jitable
def logistic_voltage(change: Any, beta: float, theta: float, threshold: float, slope: float) -> Any:
    """Return the amplitude that realises eq 5 on the typical device: ``threshold + beta/slope (|change| - theta)``.

    Parameters
    ----------
    change : float or (n,) array
    beta, theta : float
    threshold : float [V]
    slope : float [1/V]

    Returns
    -------
    float or (n,) array [V]
    """
    return threshold + beta / slope * (np.abs(change) - theta)
