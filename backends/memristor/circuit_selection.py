"""Selection of cells for writing: what the lines are driven at, and what the other devices see of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmn_snn.errors import DescriptionError

from .circuit_solution import Bool, Crossbar, Excitation

# Of the write voltage: selected row, selected column, other rows, other columns. Chen 2013, IEEE TED 60:1318.
SCHEMES = {
    "V/2": (1.0, 0.0, 1.0 / 2.0, 1.0 / 2.0),
    "V/3": (1.0, 0.0, 1.0 / 3.0, 2.0 / 3.0),
    "transistor": (1.0, 0.0, 0.0, 0.0),
}


def write_excitation(
    crossbar: Crossbar, voltage: float, rows: Any, columns: Any, scheme: str = "transistor"
) -> tuple[Crossbar, Excitation]:
    """Return the circuit of a write pulse to the cells where selected rows and columns cross.

    Under ``"V/2"`` the other cells on selected lines see half the voltage and the rest none, under ``"V/3"`` all other
    cells see a third (the rest with reversed sign), less what the wires take. ``"transistor"``, the neutral scheme, has
    an access transistor at every cell, which leaves only the selected cells in the circuit.

    Parameters
    ----------
    crossbar : Crossbar
    voltage : float [V]
        Across a selected device, from row to column; of either sign.
    rows : (rows,) bool array
    columns : (columns,) bool array
        The selected lines.
    scheme : {"transistor", "V/2", "V/3"}

    Returns
    -------
    crossbar : Crossbar
        With the devices that conduct.
    excitation : Excitation
        Every line is driven.

    Raises
    ------
    DescriptionError
        If a mask is not one boolean per line, or there is no such scheme.
    """
    if scheme not in SCHEMES:
        allowed = "use one of " + ", ".join(map(repr, SCHEMES))
        raise DescriptionError(crossbar.name, "scheme", scheme, allowed)
    m, n = crossbar.shape
    row_mask = _mask(crossbar.name, "selected rows", rows, m)
    column_mask = _mask(crossbar.name, "selected columns", columns, n)
    row, column, other_row, other_column = (voltage * share for share in SCHEMES[scheme])
    if scheme == "transistor":
        cells = row_mask[:, None] & column_mask
        crossbar = Crossbar(np.where(cells, crossbar.conductances, 0.0), crossbar.wires, crossbar.name)
    V, U = np.where(row_mask, row, other_row), np.where(column_mask, column, other_column)
    return crossbar, Excitation.of(crossbar, V, U, np.ones(m, dtype=bool))


def _mask(owner: str, parameter: str, given: Any, size: int) -> Bool:
    mask = np.asarray(given)
    if mask.dtype != bool or mask.shape != (size,):
        raise DescriptionError(owner, parameter, given, f"give {size} booleans, one for each line")
    return mask
