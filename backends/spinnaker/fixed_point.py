"""The chip's numbers: what s16.15, u0.32, 11-bit traces and 16-bit weights make of what they are given.

Facts of sPyNNaker 7.4: PyNN's parameters are written in s16.15 and the chip computes its constants from them with an
integer division and an exponential that are cut, not rounded (``neuron_model_lif_impl.h``, ``exp_synapse_utils.h``,
``stdfix-exp.c`` of spinn_common). Its exponential is a short series; here it is exact before it is cut, so that a
constant may differ by one in its last place.
"""

from __future__ import annotations

import numpy as np

Float = np.ndarray
Int = np.ndarray

ACCUM_BITS, TRACE_BITS = 15, 11
ACCUM_ONE, TRACE_ONE = 1 << ACCUM_BITS, 1 << TRACE_BITS
FRACT_ONE = 1 << 32


def accum(x: Float | float) -> Int:
    """Return what s16.15 holds of numbers, as integers.

    Parameters
    ----------
    x : float array

    Returns
    -------
    int64 array
        Rounded to the nearest 2^-15, as the host does when it writes them.
    """
    return np.rint(np.asarray(x, np.float64) * ACCUM_ONE).astype(np.int64)


def divide(a: Int, b: Int) -> Int:
    """Return quotients of s16.15 numbers, cut as the chip's ``kdivk`` does.

    Parameters
    ----------
    a, b : int64 arrays
        Not negative; as :func:`accum` gives them.

    Returns
    -------
    int64 array
    """
    return np.asarray((np.asarray(a, np.int64) << ACCUM_BITS) // np.asarray(b, np.int64))


def membrane_decay(dt: Int, tau: Int) -> Int:
    """Return exp(-dt/tau) in s16.15.

    Parameters
    ----------
    dt, tau : int64 arrays
        s16.15.

    Returns
    -------
    int64 array
    """
    return np.floor(np.exp(-divide(dt, tau) / ACCUM_ONE) * ACCUM_ONE).astype(np.int64)


def synapse_decay(dt: Int, tau: Int) -> tuple[Int, Int]:
    """Return a synapse's decay in a timestep, and what a weight is multiplied by when it arrives, in u0.32.

    Parameters
    ----------
    dt, tau : int64 arrays
        s16.15.

    Returns
    -------
    decay, jump : uint64 arrays
        exp(-dt/tau) and (tau/dt) (1 - exp(-dt/tau)): the current is held over the step and brings the charge that an
        exponential would have brought.
    """
    # A quotient of 0 (tau > 32768 dt) gives 1, which u0.32 cannot hold: it becomes 0, as on the chip.
    decay = np.floor(np.exp(-divide(dt, tau) / ACCUM_ONE) * FRACT_ONE).astype(np.uint64) & np.uint64(0xFFFFFFFF)
    rest = np.uint64(0xFFFFFFFF) - decay
    jump = (divide(tau, dt).astype(np.uint64) * rest >> np.uint64(ACCUM_BITS)) & np.uint64(0xFFFFFFFF)
    return decay, jump


def weight_step(shift: int) -> float:
    """Return the weight that 1 stands for in a ring buffer with this left shift.

    Parameters
    ----------
    shift : int

    Returns
    -------
    float [nA]
    """
    return float(2.0 ** (shift - ACCUM_BITS))


def decay_table(dt: float, tau: float, shift: int = 0) -> Float:
    """Return the chip's table of exp(-t/tau).

    Parameters
    ----------
    dt, tau : float [ms]
    shift : int
        An entry serves 2^shift timesteps.

    Returns
    -------
    (n,) float array
        Multiples of 2^-11, cut; beyond the table's end, where exp(-t/tau) falls below 2^-11, the chip takes 0.
    """
    rate = dt / float(tau)
    pairs, rest = divmod(np.log(TRACE_ONE) / rate / (1 << shift), 2)
    n = 2 * (int(pairs) + (rest > 0))
    return np.asarray(np.floor(np.exp((np.arange(n) << shift) * -rate) * TRACE_ONE) / TRACE_ONE)
