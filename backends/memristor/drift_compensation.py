"""Global drift compensation: the outputs of a tile times one factor, which follows what its devices lose together.

The factor is the sum of the currents of all devices of the tile, all rows at the read voltage, just after programming,
by that sum now (Joshi et al. 2020, Nat. Commun. 11:2473; aihwkit's ``GlobalDriftCompensation`` takes the magnitudes of
the differences of pairs instead). What devices lose more or less than that on average stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hmn_snn import randomness

if TYPE_CHECKING:
    from .array import Array

COMPENSATIONS = ("none", "global")


def tile_currents(array: Array, reading: int) -> np.ndarray:
    """Return what a calibration read of each tile gives, with white read noise and what wires take.

    Parameters
    ----------
    array : Array
    reading : int
        Number of the read, which its noise is drawn for.

    Returns
    -------
    (n_tiles,) float array [uS]
        Currents by the read voltage.
    """
    n_tiles, tile = array.layout.n_tiles, array.cell_tile
    parts = [(array.a, array.gain_a, tile)]
    if array.b is not None:
        gain, of = np.ones(len(array.b)), np.zeros(len(array.b), np.int64)
        gain[array.b_of], of[array.b_of] = array.gain_b, tile
        parts.append((array.b, gain, of))
    mean, variance = np.zeros((2, n_tiles))
    for devices, gain, of in parts:
        g = devices.conductance()
        mean += np.bincount(of, gain * g, n_tiles)
        variance += np.bincount(of, (gain * devices.white_sigma(g)) ** 2, n_tiles)
    name = f"{array.layout.projection.name}/crossbar/calibration"
    xi = randomness.normal(array.seed, name, np.arange(n_tiles), reading)
    return np.asarray(mean + np.sqrt(variance) * xi)


def factors(programmed: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Return the tiles' factors; 1 where nothing conducts.

    Parameters
    ----------
    programmed, now : (n_tiles,) float arrays [uS]

    Returns
    -------
    (n_tiles,) float array
    """
    there = (programmed > 0.0) & (now > 0.0)
    return np.divide(programmed, now, out=np.ones(len(now)), where=there)
