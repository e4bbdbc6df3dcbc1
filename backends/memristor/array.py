"""The crossbar of one projection: which devices hold its weights, where they lie on tiles, what a read of them gives.

A row (line) of the crossbar is a source neuron with one delay, a column a target neuron. Weight w = k (a - b): k maps
the typical device's range on the projection's range of weights, a is the conductance of a synapse's device, b that of
its pair, that of the row's reference device, or a number. Crosspoints without a synapse hold no device; in the offset
scheme they hold one at the reference's conductance, which is subtracted in their columns too.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from .array_layout import MICRO, Layout
from .circuit import Crossbar, effective_conductances, line_gains
from .drift_compensation import factors, tile_currents
from .population import Population
from .programming import program


class Array:
    """The devices of a projection and what reads of them give.

    Parameters
    ----------
    layout : Layout
    seed : int
        Of the network.

    Attributes
    ----------
    synapse_cell : (n_synapses,) int64 array
        The cell (a place with a device) of each synapse.
    cell_line, cell_target : (n_cells,) int64 arrays
    a : Population
        One device per cell.
    b : Population or None
        Pairs, one per cell; or reference devices, one per line and tile.
    b_of : (n_cells,) int64 array
        Device of ``b`` that a cell is read against.
    gain_a, gain_b : (n_cells,) float arrays
        What the wires leave of the currents.
    factor : (n_tiles,) float array
        What outputs are multiplied with for drift.
    programming : Programming
    """

    def __init__(self, layout: Layout, seed: int) -> None:
        self.layout, self.seed, p, hardware = layout, seed, layout.projection, layout.hardware
        name, device, clock = f"{p.name}/crossbar", hardware.device, 1e-3 * hardware.clock
        self._place(layout)
        targets = np.full(len(self.cell_line), layout.g_zero)
        weights = np.broadcast_to(p.weight, (p.n_synapses,))
        targets[self.synapse_cell] += np.maximum(weights, layout.low) / layout.scale
        self.a = Population(device, len(targets), seed=seed, name=f"{name}/a", clock=clock)
        self.programming = program(self.a, targets + self._shift(self.a), hardware.tolerance, hardware.pulse_budget)
        self.b, self.b_of = None, np.zeros(len(targets), np.int64)
        if hardware.scheme != "one-sided":
            if hardware.scheme == "differential":
                other = device.g_min + np.maximum(-weights, 0.0) / layout.scale
                self.b_of = np.arange(len(targets))
            else:
                other = np.full(layout.n_lines * layout.n_across, layout.g_zero)
                self.b_of = self.cell_line * layout.n_across + self.cell_target // layout.per_tile
            self.b = Population(device, len(other), seed=seed, name=f"{name}/b", clock=clock)
            other = other + self._shift(self.b)
            self.programming += program(self.b, other, hardware.tolerance, hardware.pulse_budget)
        self._solved: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self.gain_a = np.ones(len(targets))
        self.gain_b = np.ones(len(targets))
        self.factor = np.ones(layout.n_tiles)
        self._programmed: np.ndarray | None = None

    def _place(self, layout: Layout) -> None:
        p = layout.projection
        if layout.hardware.scheme == "offset":
            self.cell_line = np.repeat(np.arange(layout.n_lines), layout.n_target)
            self.cell_target = np.tile(np.arange(layout.n_target), layout.n_lines)
            self.synapse_cell = layout.line * layout.n_target + p.target_index
        else:
            self.cell_line, self.cell_target = layout.line, p.target_index.astype(np.int64)
            self.synapse_cell = np.arange(p.n_synapses)

    @staticmethod
    def _shift(devices: Population) -> np.ndarray:
        """Return by how much devices with a reference of their own are read lower than they conduct [uS]."""
        typical = getattr(devices.device, "zero", 0.0)
        return np.where(devices.reference != 0.0, devices.reference - typical, 0.0)

    @property
    def changes(self) -> bool:
        """Whether anything that reads depend on changes between writes, or is not kept up to date by them."""
        device, hardware = self.layout.hardware.device, self.layout.hardware
        lasting = device.retention is not None or device.rtn is not None or device.flicker is not None
        learns = self.layout.projection.plasticity is not None
        return lasting or (learns and (not hardware.wires.ideal or device.read_noise > 0.0))

    def advance(self, t: float) -> None:
        """Move the devices' clock to a time [s]."""
        for devices in (self.a, self.b):
            if devices is not None:
                devices.advance(t)

    def conductances(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the conductances of a and of b, of each cell, now.

        Returns
        -------
        a, b : (n_cells,) float arrays [uS]
            b is the number that is subtracted where there is no device.
        """
        if self.b is None:
            return self.a.conductance(), np.full(len(self.a), self.layout.g_zero)
        return self.a.conductance(), self.b.conductance()[self.b_of]

    def weights(self) -> np.ndarray:
        """Return what the devices stand for, without wires and read noise.

        Returns
        -------
        (n_cells,) float array [nA or mV]
        """
        a, b = self.conductances()
        factor = self.factor[self.cell_tile]
        a, b = factor * a, b if self.b is None else factor * b
        return self.layout.scale * ((a - self.shift_a) - (b - self.shift_b))

    def calibrate(self, reading: int) -> None:
        """Read all rows of each tile, for what drift has taken; the first time for what it is reckoned from.

        Parameters
        ----------
        reading : int
            Number of the read; after :meth:`update_gains`.
        """
        now = tile_currents(self, reading)
        if self._programmed is None:
            self._programmed = now
        self.factor = factors(self._programmed, now)

    @cached_property
    def cell_tile(self) -> np.ndarray:
        """The tile of each cell."""
        layout = self.layout
        return np.asarray(self.cell_line // layout.tile * layout.n_across + self.cell_target // layout.per_tile)

    @cached_property
    def shift_a(self) -> np.ndarray:
        """What is subtracted from a at a read, beyond b [uS]."""
        return self._shift(self.a)

    @cached_property
    def shift_b(self) -> np.ndarray:
        """What is subtracted from b at a read [uS], of each cell."""
        return np.zeros(len(self.b_of)) if self.b is None else self._shift(self.b)[self.b_of]

    def read_weights(self) -> np.ndarray:
        """Return what reads give on average, wires included, before the tile's factor; :meth:`update_gains` first.

        Returns
        -------
        (n_cells,) float array [nA or mV]
        """
        a, b = self.conductances()
        factor = self.factor[self.cell_tile]  # not of what is subtracted digitally
        a, b = self.gain_a * a, b / factor if self.b is None else self.gain_b * b
        return self.layout.scale * ((a - self.shift_a / factor) - (b - self.shift_b / factor))

    def read_variance(self) -> np.ndarray:
        """Return the variance of white read noise.

        Returns
        -------
        (n_cells,) float array [nA^2 or mV^2]
        """
        a = self.gain_a * self.a.white_sigma(self.a.conductance())
        variance = a**2
        if self.b is not None:
            variance = variance + (self.gain_b * self.b.white_sigma(self.b.conductance())[self.b_of]) ** 2
        return np.asarray(self.layout.scale**2 * variance)

    def line_conductance(self) -> np.ndarray:
        """Return the sum of a row's conductances, which its driver sees.

        Returns
        -------
        (n_lines,) float array [uS]
        """
        layout = self.layout
        total = np.bincount(self.cell_line, self.a.conductance(), layout.n_lines)
        if layout.hardware.scheme == "differential":
            assert self.b is not None
            total += np.bincount(self.cell_line, self.b.conductance(), layout.n_lines)
        elif self.b is not None:
            total += self.b.conductance().reshape(layout.n_lines, -1).sum(axis=1)
        return total

    # Wires

    def tile_matrices(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Return the tiles.

        Returns
        -------
        list of (cells, rows, conductances)
            The cells on a tile, the row of each there, and the tile's (rows, columns) conductances [S].
        """
        layout, (a, b) = self.layout, self.conductances()
        size, per_tile, scheme = layout.tile, layout.per_tile, layout.hardware.scheme
        band, across = self.cell_line // size, self.cell_target // per_tile
        order = np.lexsort((across, band))
        starts = np.flatnonzero(np.diff(band[order] * layout.n_across + across[order], prepend=-1))
        tiles = []
        for cells in np.split(order, starts[1:]) if len(order) else []:
            row, column = self.cell_line[cells] % size, self.column_of(cells)
            rows = min(size, layout.n_lines - int(band[cells[0]]) * size)
            G = np.zeros((rows, size))
            np.add.at(G, (row, column), MICRO * a[cells])
            if scheme == "differential":
                np.add.at(G, (row, column + 1), MICRO * b[cells])
            elif scheme == "offset":
                G[row, 0] = MICRO * b[cells]
            tiles.append((cells, row, G))
        return tiles

    def column_of(self, cells: np.ndarray) -> np.ndarray:
        """Return the column of some cells' a on their tile; that of a pair's b is the next, of a reference 0."""
        place = self.cell_target[cells] % self.layout.per_tile
        scheme = self.layout.hardware.scheme
        return np.asarray(2 * place if scheme == "differential" else place + 1 if scheme == "offset" else place)

    def update_gains(self) -> None:
        """Work out what the wires leave of each cell's currents, by the gains of rows and columns."""
        wires, scheme = self.layout.hardware.wires, self.layout.hardware.scheme
        if wires.ideal:
            return
        for cells, row, G in self.tile_matrices():
            rows, columns = line_gains(Crossbar(G, wires, f"tile of {self.layout.projection.name!r}"))
            column = self.column_of(cells)
            self.gain_a[cells] = rows[row] * columns[column]
            if scheme == "differential":
                self.gain_b[cells] = rows[row] * columns[column + 1]
            elif scheme == "offset":
                self.gain_b[cells] = rows[row] * columns[0]

    def exact_weights(self) -> np.ndarray:
        """Return what reads of whole rows give, by the exact operator of each tile, before its factor.

        Returns
        -------
        (n_lines, n_target) float array [nA or mV]
        """
        a, b = self.conductances()
        if self._solved is None or not (np.array_equal(a, self._solved[0]) and np.array_equal(b, self._solved[1])):
            self._solved = a, b, self._solve()
        layout = self.layout
        fixed = np.zeros_like(self._solved[2])  # what is subtracted digitally, where there is a device
        offset = layout.g_zero if layout.hardware.scheme == "one-sided" else 0.0
        cell = layout.scale * (offset + self.shift_a - self.shift_b) / self.factor[self.cell_tile]
        np.add.at(fixed, (self.cell_line, self.cell_target), cell)
        return self._solved[2] - fixed

    def _solve(self) -> np.ndarray:
        layout = self.layout
        scheme, per_tile = layout.hardware.scheme, layout.per_tile
        weights = np.zeros((layout.n_lines, layout.n_target))
        for cells, _, G in self.tile_matrices():
            operator = effective_conductances(Crossbar(G, layout.hardware.wires, layout.projection.name)) / MICRO
            first_line = int(self.cell_line[cells[0]]) // layout.tile * layout.tile
            first = int(self.cell_target[cells[0]]) // per_tile * per_tile
            width = min(per_tile, layout.n_target - first)
            if scheme == "differential":
                difference = operator[:, 0 : 2 * width : 2] - operator[:, 1 : 2 * width : 2]
            elif scheme == "offset":
                difference = operator[:, 1 : width + 1] - operator[:, :1]
            else:
                difference = operator[:, :width].copy()
            weights[first_line : first_line + len(G), first : first + width] = layout.scale * difference
        return weights
