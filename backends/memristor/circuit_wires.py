"""Wires of a crossbar: their resistance per cell, the loss it causes, and the tile size it allows.

Everything scales with ``kappa = G_max r n^2``: n devices at G_max draw their current through n segments of r. Signal
lost with 30 % of the rows active and conductances spread evenly over an on/off ratio of 20:

    ======  ====  ====  ====  =====  ====  ====  ====
    kappa    .04   .18   .74   2.95   4.1    13    66
    loss   1.4 %   6 %  20 %   48 %  56 %  79 %  94 %
    ======  ====  ====  ====  =====  ====  ====  ====
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from hmn_snn.description import Description, quantity
from hmn_snn.errors import DescriptionError

# Above it half the signal is lost, and no approximation that is made without iterating is within 20 %.
KAPPA_WARN = 3.0
# Tiles are best made as large as kappa between these two: 6 % to 20 % loss, which the gains of DMR bring to about 1 %.
KAPPA_TILE = (0.2, 0.8)

# The table above, as exact solutions of 64 x 64 crossbars give it (test_circuit_wires).
_KAPPA = (0.04, 0.18, 0.74, 2.95, 4.1, 13.0, 66.0)
_LOSS = (0.014, 0.06, 0.20, 0.48, 0.56, 0.79, 0.94)


@dataclass(frozen=True, eq=False)
class Wires(Description):
    """Word and bit lines of a crossbar: the resistance between neighbouring cells, and what silent rows do.

    Every row is driven at its left end and every column read at its lower end, both through one segment more (the
    geometry of badcrossbar, Joksas & Mehonic 2020, SoftwareX 12:100617).

    Parameters
    ----------
    word, bit : float [Ohm]
        Resistance of one segment of a row (word line) and of a column (bit line). 0 is neutral: an ideal wire.
    floating_rows : bool
        Whether rows without a spike have no driver, so that currents sneak along them, instead of being held at 0 V.
        With ideal wires and columns at 0 V it makes no difference.
    """

    word: float = quantity(0.0, "Ohm", low=0.0)
    bit: float = quantity(0.0, "Ohm", low=0.0)
    floating_rows: bool = False

    kind: ClassVar[str] = "wires"

    @property
    def ideal(self) -> bool:
        """Whether no segment has a resistance."""
        return self.word == 0.0 and self.bit == 0.0

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the resistances."""
        yield from super().problems(owner)
        if not isinstance(self.floating_rows, bool):
            yield DescriptionError(owner or self.owner, "floating_rows", self.floating_rows, "use True or False")


# Both lines alike; where each comes from is in WIRE_SOURCES.
WIRES: Mapping[str, Wires] = MappingProxyType({
    "ideal": Wires(),
    "aihwkit": Wires(0.35, 0.35),
    "aihwkit_segmented": Wires(0.15, 0.15),
    "itrs_14nm": Wires(1.06, 1.06),
    "ibm_32nm": Wires(0.787, 0.787),
})  # fmt: skip

WIRE_SOURCES: Mapping[str, str] = MappingProxyType({
    "ideal": "no resistance",
    "aihwkit": "IBM aihwkit 1.2.0, default of the simple IR-drop model",
    "aihwkit_segmented": "IBM aihwkit 1.2.0, IR-drop model in time slices (IRDropT)",
    "itrs_14nm": "Sandia CrossSim 3.2.0, from the ITRS for 14 nm, 80 nm pitch",
    "ibm_32nm": "Sandia CrossSim 3.2.0, IBM 32 nm",
})  # fmt: skip


def kappa(G_max: float, wires: Wires, shape: tuple[int, int]) -> float:
    """Return the one number that the loss on a tile's wires depends on.

    Parameters
    ----------
    G_max : float [S]
        Largest conductance of a device.
    wires : Wires
    shape : (int, int)
        Rows and columns of the tile.

    Returns
    -------
    float
        ``G_max (r_word columns^2 + r_bit rows^2) / 2``, which is ``G_max r n^2`` where the two lines are alike: to
        first order the losses of the lines add up.
    """
    rows, columns = shape
    return G_max * 0.5 * (wires.word * columns**2 + wires.bit * rows**2)


def largest_size(G_max: float, wires: Wires, limit: float = 0.5) -> int | None:
    """Return the number of rows and columns up to which a square tile's kappa is below a limit.

    Parameters
    ----------
    G_max : float [S]
    wires : Wires
    limit : float
        Largest kappa; see :data:`KAPPA_TILE`.

    Returns
    -------
    int, optional
        At least 1; None if the wires set no limit.
    """
    per_cell = kappa(G_max, wires, (1, 1))
    return None if per_cell == 0.0 else max(1, math.floor(math.sqrt(limit / per_cell)))


def expected_loss(kappa: float) -> float:
    """Return the share of the signal that is lost at a kappa, between the entries of the table above.

    Parameters
    ----------
    kappa : float

    Returns
    -------
    float
        0 to 0.94, where the table ends; proportional to kappa below its first entry.
    """
    if kappa <= _KAPPA[0]:
        return _LOSS[0] * kappa / _KAPPA[0]
    return float(np.interp(math.log(kappa), np.log(_KAPPA), _LOSS))


def loss_remark(kappa: float, tile: str) -> str | None:
    """Return what is to be said of a tile whose wires lose too much.

    Parameters
    ----------
    kappa : float
    tile : str
        The user's name for it.

    Returns
    -------
    str, optional
        None up to :data:`KAPPA_WARN`.
    """
    if kappa <= KAPPA_WARN:
        return None
    return (
        f"{tile}: kappa = G_max r n^2 is {kappa:.3g}, more than {KAPPA_WARN:g}; about {expected_loss(kappa):.0%} of "
        f"the signal is lost on its wires; use smaller tiles, with kappa {KAPPA_TILE[0]:g} to {KAPPA_TILE[1]:g}"
    )
