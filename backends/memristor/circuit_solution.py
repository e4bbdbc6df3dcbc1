"""The state of a crossbar's circuit: what was applied, the voltages on all lines, and the currents and powers of it.

Solvers find the drops along the wires, not the node voltages: as the resistance goes to 0 the drops go to 0, and no
difference of nearly equal numbers is ever divided by it. With the device voltage ``d = V - U - p - q``, p the drop from
a row's driver to the cell and q the rise from a column's driver to the cell, Kirchhoff's current law at the cells is

    (L_word + r_word G) p + r_word G q = r_word G (V - U)
    (L_bit  + r_bit  G) q + r_bit  G p = r_bit  G (V - U)

where L is tridiagonal, (-1, 2, -1) with 1 at a line's open end. A row without driver keeps its driver's segment, whose
current is 0, so that V is then the unknown voltage of the row's end and ``sum_j G_ij d_ij = 0`` its equation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.errors import DescriptionError, SimulationError

from .circuit_wires import Wires

Float = np.ndarray
Bool = np.ndarray


@dataclass(frozen=True, eq=False)
class Crossbar:
    """One tile: its devices and its wires, checked.

    Parameters
    ----------
    conductances : (rows, columns) float array [S]
    wires : Wires
    name : str
        The user's name for the tile, for error messages.

    Raises
    ------
    DescriptionError
        If a conductance is negative or not finite, the array is not two-dimensional or empty, or the wires are wrong.
    """

    conductances: Float
    wires: Wires
    name: str = "crossbar"

    def __post_init__(self) -> None:
        for problem in self.wires.problems(f"wires of {self.name}"):
            raise problem
        G = _numbers(self.name, "conductances", self.conductances)
        if G.ndim != 2 or not G.size:
            raise DescriptionError(self.name, "conductances", f"an array of shape {G.shape}", "use (rows, columns)")
        wrong = np.argwhere(~(np.isfinite(G) & (G >= 0.0)))
        if wrong.size:
            i, j = (int(k) for k in wrong[0])
            found = f"{G[i, j]:g} S at row {i}, column {j} ({len(wrong)} of {G.size} are wrong)"
            raise DescriptionError(self.name, "conductances", found, "use finite numbers, at least 0 S")
        object.__setattr__(self, "conductances", G)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows and columns."""
        rows, columns = self.conductances.shape
        return rows, columns


@dataclass(frozen=True, eq=False)
class Excitation:
    """What the drivers of a tile apply.

    Attributes
    ----------
    rows : (rows,) float array [V]
        0 where there is no driver.
    columns : (columns,) float array [V]
        0 in a read.
    driven : (rows,) bool array
        Which rows have a driver.
    """

    rows: Float
    columns: Float
    driven: Bool

    @classmethod
    def of(cls, crossbar: Crossbar, rows: Any, columns: Any = None, driven: Any = None) -> Excitation:
        """Check the voltages of a tile.

        Parameters
        ----------
        crossbar : Crossbar
        rows : (rows,) float array [V]
        columns : (columns,) float array [V], optional
            0 V if not given.
        driven : (rows,) bool array, optional
            All rows, or with ``floating_rows`` those whose voltage is not 0.

        Returns
        -------
        Excitation

        Raises
        ------
        DescriptionError
            If there is not one finite voltage for each line.
        """
        m, n = crossbar.shape
        V = _line(crossbar.name, "row voltages", rows, m)
        U = np.zeros(n) if columns is None else _line(crossbar.name, "column voltages", columns, n)
        if driven is None:
            driven = V != 0.0 if crossbar.wires.floating_rows else np.ones(m, dtype=bool)
        else:
            driven = np.array(driven)
            if driven.shape != (m,) or driven.dtype != bool:
                raise DescriptionError(crossbar.name, "driven", driven, f"give {m} booleans, one for each row")
        # A row without driver and without a conducting device hangs in the air; nothing depends on its voltage.
        driven = driven | ~(crossbar.conductances > 0.0).any(axis=1)
        return cls(np.where(driven, V, 0.0), U, driven)


@dataclass(frozen=True, eq=False)
class Solution:
    """Voltages, currents and powers of a crossbar under an excitation; linear devices, steady state.

    Attributes
    ----------
    crossbar : Crossbar
    row_voltages : (rows,) float array [V]
        At the drivers; of a row without driver, the voltage of its left end.
    column_voltages : (columns,) float array [V]
    word_drops, bit_rises : (rows, columns) float array [V]
        Voltage from a row's driver to the cell, and from a column's driver to the cell.
    sweeps : int, optional
        Sweeps of the iteration; None if there was none.
    """

    crossbar: Crossbar
    row_voltages: Float
    column_voltages: Float
    word_drops: Float
    bit_rises: Float
    sweeps: int | None = None

    @property
    def word_voltages(self) -> Float:
        """Voltages of the cells' word-line nodes, (rows, columns) [V]."""
        voltages: Float = self.row_voltages[:, None] - self.word_drops
        return voltages

    @property
    def bit_voltages(self) -> Float:
        """Voltages of the cells' bit-line nodes, (rows, columns) [V]."""
        voltages: Float = self.column_voltages + self.bit_rises
        return voltages

    @property
    def device_voltages(self) -> Float:
        """Voltages across the devices, from row to column, (rows, columns) [V]."""
        voltages: Float = (self.row_voltages[:, None] - self.column_voltages) - (self.word_drops + self.bit_rises)
        return voltages

    @property
    def device_currents(self) -> Float:
        """Currents through the devices, from row to column, (rows, columns) [A]."""
        currents: Float = self.crossbar.conductances * self.device_voltages
        return currents

    @property
    def row_currents(self) -> Float:
        """Currents out of the rows' drivers, (rows,) [A]."""
        currents: Float = self.device_currents.sum(axis=1)
        return currents

    @property
    def column_currents(self) -> Float:
        """Currents into the columns' drivers, which is what is read, (columns,) [A]."""
        currents: Float = self.device_currents.sum(axis=0)
        return currents

    def power(self) -> Mapping[str, float]:
        """Return where the power goes; what is supplied is the sum of the rest (Tellegen's theorem).

        Returns
        -------
        mapping of str to float [W]
            ``supplied`` by the drivers, sum of V I over rows less columns; dissipated in the ``devices``, sum of G d^2,
            and in the segments of the ``word_lines`` and ``bit_lines``, sum of r I^2. Times the duration of the
            pulse it is the energy of a read or a write.
        """
        voltages, currents = self.device_voltages, self.device_currents
        along_rows = np.cumsum(currents[:, ::-1], axis=1)
        along_columns = np.cumsum(currents, axis=0)
        supplied = self.row_voltages @ currents.sum(axis=1) - self.column_voltages @ currents.sum(axis=0)
        return {
            "supplied": float(supplied),
            "devices": float((currents * voltages).sum()),
            "word_lines": float(self.crossbar.wires.word * (along_rows**2).sum()),
            "bit_lines": float(self.crossbar.wires.bit * (along_columns**2).sum()),
        }


def _numbers(owner: str, parameter: str, values: Any) -> Float:
    try:
        return np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        raise DescriptionError(owner, parameter, values, "give an array of numbers") from None


def _line(owner: str, parameter: str, values: Any, size: int) -> Float:
    voltages = _numbers(owner, parameter, values)
    if voltages.shape != (size,):
        raise DescriptionError(owner, parameter, f"an array of shape {voltages.shape}", f"use ({size},)")
    wrong = np.flatnonzero(~np.isfinite(voltages))
    if wrong.size:
        found = f"{voltages[wrong[0]]:g} V at {wrong[0]} ({wrong.size} of {size} are wrong)"
        raise DescriptionError(owner, parameter, found, "use finite numbers")
    return voltages


class UnsettledError(SimulationError):
    """The iteration of a crossbar's circuit did not reach its tolerance.

    Attributes
    ----------
    crossbar : str
    sweeps : int
    error, tolerance : float [V]
        Estimated, and allowed.
    """

    def __init__(self, crossbar: str, sweeps: int, error: float, tolerance: float) -> None:
        self.crossbar, self.sweeps, self.error, self.tolerance = crossbar, sweeps, error, tolerance
        super().__init__(
            f"{crossbar}: after {sweeps} sweeps the node voltages are still {error:.2g} V off, more than the tolerance "
            f"of {tolerance:.2g} V; allow more sweeps, use the nodal solution, or a smaller tile"
        )
