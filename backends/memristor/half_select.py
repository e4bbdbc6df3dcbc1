"""What write pulses cost in cells that are not selected: those that share a line, or a tile, with the selected cell.

Without access transistors a pulse also puts part of its voltage on other cells (:mod:`circuit_selection` says which and
how much). One cell is selected at a time, and wires are ideal. Those voltages lie below what switches a device: the
other cells pay energy and keep their conductances.
"""

from __future__ import annotations

import numpy as np

from .array import Array
from .circuit_selection import SCHEMES

TRANSISTOR = "transistor"
N_GROUPS = 3  # of the selected cell: its row, its column, its tile


def group_shares(access: str) -> np.ndarray:
    """Return by how much the squared write voltage counts for the other cells of each group.

    The energy of a pulse of voltage V and width t at cell s is ``V**2 t sum_q share_q (sum of group q - G_s)``. A tile
    holds its rows and columns, so their shares are those beyond the tile's.

    Parameters
    ----------
    access : str
        Of :data:`circuit_selection.SCHEMES`.

    Returns
    -------
    (N_GROUPS,) float array
        Zeros behind transistors.
    """
    if access == TRANSISTOR:
        return np.zeros(N_GROUPS)
    row, column, other_row, other_column = SCHEMES[access]
    elsewhere = (other_row - other_column) ** 2
    return np.array([(row - other_column) ** 2 - elsewhere, (other_row - column) ** 2 - elsewhere, elsewhere])


def n_groups(array: Array) -> int:
    """Return the number of rows, columns and tiles of a projection's tiles together."""
    layout = array.layout
    return layout.n_lines * layout.n_across + layout.n_tiles * (layout.tile + 1)


def _groups(array: Array, line: np.ndarray, across: np.ndarray, column: np.ndarray) -> np.ndarray:
    layout = array.layout
    tile = line // layout.tile * layout.n_across + across
    first_column = layout.n_lines * layout.n_across
    first_tile = first_column + layout.n_tiles * layout.tile
    rows, columns = line * layout.n_across + across, first_column + tile * layout.tile + column
    return np.column_stack([rows, columns, first_tile + tile])


def cell_groups(array: Array) -> np.ndarray:
    """Return row, column and tile of each cell's device, numbered together.

    Parameters
    ----------
    array : Array

    Returns
    -------
    (n_cells, N_GROUPS) int array
    """
    across = array.cell_target // array.layout.per_tile
    return _groups(array, array.cell_line, across, array.column_of(np.arange(len(array.cell_line))))


def group_conductances(array: Array) -> np.ndarray:
    """Return the sum of the conductances of each row, column and tile.

    Parameters
    ----------
    array : Array

    Returns
    -------
    (n_groups,) float array [uS]
    """
    layout, groups = array.layout, cell_groups(array)
    members, conductances = [groups], [array.a.conductance()]
    if array.b is not None:
        if layout.hardware.scheme == "differential":  # the pair lies in the next column
            members.append(np.add(groups, (0, 1, 0)))
        else:
            line, across = np.divmod(np.arange(len(array.b)), layout.n_across)
            members.append(_groups(array, line, across, np.zeros_like(line)))
        conductances.append(array.b.conductance())
    repeated = np.repeat(np.concatenate(conductances), N_GROUPS)
    return np.bincount(np.concatenate(members).ravel(), repeated, n_groups(array))
