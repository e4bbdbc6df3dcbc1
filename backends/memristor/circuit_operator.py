"""Exact operator of a crossbar with frozen conductances: column currents are row voltages times one matrix.

As the devices are linear, ``I = V @ G_eff``. It holds only if silent rows are held at 0 V by their drivers: rows
without driver change the equations with every spike pattern.
"""

from __future__ import annotations

import numpy as np

from hmn_snn.errors import DescriptionError

from .circuit_solution import Crossbar, Float


def effective_conductances(crossbar: Crossbar) -> Float:
    """Return the matrix from row voltages to column currents, wires included.

    The bit lines' nodes of one row after another are eliminated. Each word line, its own nodes eliminated, is a
    conductance matrix ``Y = G - G K r_word G`` between its cells' bit-line nodes, with ``K = (L + r_word G)^-1``, and
    ``G K e_0`` is what its driver injects into them. With the currents h along the bit lines in place of voltages, row
    i leaves ``S_i = 2 + r_bit Y_i - S_(i-1)^-1`` and ``h_i = S_i^-1 (h_(i-1) + injected)``; the last h is read. It
    takes O(rows columns^2 (rows + columns)) operations of dense linear algebra, fewer than one sparse solution per
    column.

    Parameters
    ----------
    crossbar : Crossbar

    Returns
    -------
    (rows, columns) float array [S]
        All entries at least 0; the conductances themselves if the wires are ideal.

    Raises
    ------
    DescriptionError
        If rows without a spike float.
    """
    wires = crossbar.wires
    if wires.floating_rows:
        allowed = "hold silent rows at 0 V (floating_rows=False), or solve the circuit for every spike pattern"
        raise DescriptionError(f"wires of {crossbar.name}", "floating_rows", True, allowed)
    G = crossbar.conductances
    if wires.ideal:
        return G.copy()
    if G.shape[0] < G.shape[1]:
        # Reciprocity: driving the columns and reading the rows gives the same matrix, with fewer, smaller steps.
        return _eliminate(np.ascontiguousarray(G[::-1, ::-1].T), wires.bit, wires.word)[::-1, ::-1].T.copy()
    return _eliminate(G, wires.word, wires.bit)


def _eliminate(G: Float, r_word: float, r_bit: float) -> Float:
    m, n = G.shape
    identity = np.eye(n)
    inverse = identity  # of S; of the open end above the first row: S_0 = 1 + r_bit Y_0
    currents = np.empty((m, n))
    for i in range(m):
        K = _word_line_inverse(G[i], r_word)
        currents[i] = G[i] * K[0]
        Y = np.diag(G[i]) - r_word * (G[i][:, None] * K * G[i])
        inverse = _inverse(2.0 * identity + r_bit * Y - inverse)
        currents[: i + 1] = currents[: i + 1] @ inverse
    return currents


def _word_line_inverse(G: Float, r: float) -> Float:
    """Return (L + r G)^-1 of a word line."""
    from scipy.linalg import solveh_banded

    bands = np.empty((2, G.size))
    bands[0], bands[1] = -1.0, 2.0 + r * G
    bands[1, -1] -= 1.0
    # Of one cell there is nothing beside the diagonal, which scipy wants to be told.
    solution: Float = solveh_banded(bands[-min(2, G.size) :], np.eye(G.size), check_finite=False)
    return solution


def _inverse(matrix: Float) -> Float:
    """Return the inverse of a symmetric positive definite matrix."""
    from scipy.linalg.lapack import dpotrf, dpotri

    factor, failed = dpotrf(matrix, lower=0)
    assert not failed, "S is positive definite for any conductances and resistances"
    upper, _ = dpotri(factor, lower=0)
    inverse: Float = np.triu(upper) + np.triu(upper, 1).T
    return inverse
