"""Exact circuit of a crossbar: nodal analysis with a sparse factorisation, the reference of the faster ways."""

from __future__ import annotations

from typing import Any

import numpy as np

from .circuit_solution import Bool, Crossbar, Excitation, Solution


class NodalCircuit:
    """The equations of a crossbar (see circuit_solution), factorised once and solved for many excitations.

    SuperLU without pivoting: up to a positive factor per row the matrix is symmetric and positive definite.

    Parameters
    ----------
    crossbar : Crossbar
    driven : (rows,) bool array, optional
        Which rows have a driver; all, if not given. It is part of the equations.
    """

    def __init__(self, crossbar: Crossbar, driven: Bool | None = None) -> None:
        from scipy.sparse.linalg import splu

        self.crossbar = crossbar
        everything = np.ones(crossbar.shape[0], dtype=bool) if driven is None else driven
        self.driven = Excitation.of(crossbar, np.zeros(crossbar.shape[0]), driven=everything).driven
        matrix = _equations(crossbar, np.flatnonzero(~self.driven))
        options = {"SymmetricMode": True}
        self._factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options)

    def solve(self, rows: Any, columns: Any = None) -> Solution:
        """Solve for one excitation.

        Parameters
        ----------
        rows : (rows,) float array [V]
            Those of rows without driver are not used.
        columns : (columns,) float array [V], optional

        Returns
        -------
        Solution
        """
        excitation = Excitation.of(self.crossbar, rows, columns, self.driven)
        G, wires = self.crossbar.conductances, self.crossbar.wires
        currents = G * (excitation.rows[:, None] - excitation.columns)
        floating = ~self.driven
        ends = -currents[floating].sum(axis=1) / G[floating].sum(axis=1)
        drops = self._factors.solve(np.concatenate([wires.word * currents.ravel(), wires.bit * currents.ravel(), ends]))
        V = excitation.rows.copy()
        V[floating] = drops[2 * G.size :]
        p, q = drops[: 2 * G.size].reshape(2, *G.shape)
        return Solution(self.crossbar, V, excitation.columns, p, q)


def _equations(crossbar: Crossbar, floating: np.ndarray) -> Any:
    """Return the matrix: word-line drops, bit-line rises, and the end voltages of the rows without driver."""
    from scipy import sparse

    G, wires = crossbar.conductances, crossbar.wires
    m, n = G.shape
    word = sparse.kron(sparse.eye(m), _line(n)) + wires.word * sparse.diags(G.ravel())
    bit = sparse.kron(_line(m)[::-1, ::-1], sparse.eye(n)) + wires.bit * sparse.diags(G.ravel())
    # Each end voltage stands in the equations of its row's cells, and all drops of the row in its own equation.
    cells = (floating[:, None] * n + np.arange(n)).ravel()
    unknown = np.repeat(np.arange(floating.size), n)
    own = sparse.csr_matrix((G.ravel()[cells], (cells, unknown)), shape=(G.size, floating.size))
    share = (own / G[floating].sum(axis=1)).T if floating.size else own.T
    return sparse.bmat(
        [
            [word, wires.word * sparse.diags(G.ravel()), -wires.word * own],
            [wires.bit * sparse.diags(G.ravel()), bit, -wires.bit * own],
            [-share, -share, sparse.eye(floating.size)],
        ],
        format="csc",
    )


def _line(size: int) -> Any:
    """Return L of a line that is driven at its first cell and open at its last one."""
    from scipy import sparse

    diagonal = np.full(size, 2.0)
    diagonal[-1] = 1.0
    beside = -np.ones(size - 1)
    return sparse.diags([beside, diagonal, beside], [-1, 0, 1]).tocsr()
