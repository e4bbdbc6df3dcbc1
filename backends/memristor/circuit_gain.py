"""Gains of rows and columns: an approximate operator of a crossbar that is cheap enough to follow learning.

Not exact: the RMS error of the currents, beside that of ideal wires, is .003 (.08) at kappa .2, .011 (.28) at .8,
.057 (1.3) at 4.1, and above 20 % at 13.
"""

from __future__ import annotations

import numpy as np

from hmn_snn.errors import DescriptionError

from .circuit_solution import Crossbar, Float


def line_gains(crossbar: Crossbar) -> tuple[Float, Float]:
    """Return gains a, b so that the matrix from row voltages to column currents is about ``a[:, None] * G * b``.

    The DMR model (IEEE Xplore document 9184938): with ``g_i`` the mean conductance of row i and ``c_j`` of column j,

        a_i = (1 + r_bit  sum_{k<i}  (i - k) g_k) / (1 + r_bit  sum_k (m - k) g_k)
        b_j = (1 + r_word sum_{k>=j} (k - j) c_k) / (1 + r_word sum_k (k + 1) c_k)

    Rows are counted from the far end of the bit lines, columns from the drivers. They do not depend on the input, and
    change slowly as conductances do: compute them anew on a schedule.

    Parameters
    ----------
    crossbar : Crossbar

    Returns
    -------
    a : (rows,) float array
    b : (columns,) float array
        In (0, 1]; 1 if the wires are ideal.

    Raises
    ------
    DescriptionError
        If rows without a spike float: then no gain is independent of the input.
    """
    if crossbar.wires.floating_rows:
        allowed = "hold silent rows at 0 V (floating_rows=False), or solve the circuit for every spike pattern"
        raise DescriptionError(f"wires of {crossbar.name}", "floating_rows", True, allowed)
    G = crossbar.conductances
    a = _gains(crossbar.wires.bit * G.mean(axis=1))
    b = _gains(crossbar.wires.word * G.mean(axis=0)[::-1])[::-1]
    return a, b


def _gains(steps: Float) -> Float:
    """Return the gain along a line from its open end to its driver, of the mean r G of each cell."""
    # Voltage relative to the open end's: its slope grows by r G at every cell, and so does what the driver must give.
    slopes = np.cumsum(steps)
    rises = 1.0 + np.concatenate([[0.0], np.cumsum(slopes)])
    gains: Float = rises[:-1] / rises[-1]
    return gains
