"""Where a projection's synapses lie on crossbars: rows, columns, tiles, and the range that conductances stand for."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from hmn_snn.lowered import LoweredProjection

from .circuit import kappa, largest_size
from .hardware import LARGEST_TILE, Hardware

MICRO = 1e-6  # S per uS


class Layout:
    """Where a projection's synapses lie: lines, tiles and columns, before any device is made.

    Parameters
    ----------
    projection : LoweredProjection
    hardware : Hardware

    Attributes
    ----------
    line : (n_synapses,) int64 array
        Row of each synapse's source neuron and delay, among those that have synapses.
    n_lines, n_target : int
    tile : int
        Rows and columns of a tile.
    low, high : float [nA or mV]
        The range of weights that the devices' range stands for.
    """

    def __init__(self, projection: LoweredProjection, hardware: Hardware) -> None:
        self.projection, self.hardware = projection, hardware
        lengths = np.diff(projection.row_ptr)
        self.n_lines, self.n_target = int(np.count_nonzero(lengths)), projection.n_target
        self.line = np.repeat(np.cumsum(lengths > 0) - 1, lengths)
        wires = hardware.wires
        size = largest_size(hardware.device.g_max * MICRO, wires)
        self.tile = hardware.tile or min(LARGEST_TILE, size or LARGEST_TILE)
        self.tile = max(2, self.tile)
        weights = projection.weight
        rule = projection.plasticity
        self.low, self.high = min(0.0, float(weights.min(initial=0.0))), max(0.0, float(weights.max(initial=0.0)))
        if rule is not None:
            self.low, self.high = min(self.low, rule.rule.w_min), max(self.high, rule.rule.w_max)
        if hardware.scheme == "differential":
            self.high = max(self.high, -self.low)
            self.low = 0.0
        if self.high == self.low:
            self.high = self.low + 1.0

    @property
    def scale(self) -> float:
        """k: change of a weight by that of a conductance [nA/uS or mV/uS]."""
        device = self.hardware.device
        return (self.high - self.low) / (device.g_max - device.g_min)

    @property
    def g_zero(self) -> float:
        """The conductance of weight 0 [uS]."""
        return float(self.hardware.device.g_min) - self.low / self.scale

    @property
    def per_tile(self) -> int:
        """Target neurons whose columns lie on one tile."""
        return {"differential": self.tile // 2, "offset": self.tile - 1, "one-sided": self.tile}[self.hardware.scheme]

    @property
    def n_tiles(self) -> int:
        """Number of tiles."""
        return -(-self.n_lines // self.tile) * self.n_across

    @property
    def n_across(self) -> int:
        """Number of tiles side by side."""
        return -(-self.n_target // self.per_tile)

    @property
    def kappa(self) -> float:
        """Of the largest tile in use; see :func:`circuit.kappa`."""
        across = {"differential": 2, "offset": 1, "one-sided": 1}[self.hardware.scheme]
        rows = min(self.tile, self.n_lines)
        columns = min(self.tile, across * self.n_target + (self.hardware.scheme == "offset"))
        return kappa(self.hardware.device.g_max * MICRO, self.hardware.wires, (rows, columns))

    @cached_property
    def crosspoints_shared(self) -> int:
        """Number of synapses that share source, delay and target with another."""
        places = self.line * self.n_target + self.projection.target_index
        return int(len(places) - len(np.unique(places)))

    @property
    def compensated(self) -> bool:
        """Whether the tiles' outputs are compensated for drift."""
        return self.hardware.compensation == "global" and self.projection.plasticity is None

    @property
    def exact(self) -> bool:
        """Whether reads go through the exact operator of the tiles: with wires, and weights that do not learn."""
        frozen = self.projection.plasticity is None
        return self.hardware.operator == "exact" and frozen and not self.hardware.wires.ideal
