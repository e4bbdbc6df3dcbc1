"""Simple pulses of all devices of a population: the numbers of `pulses.simple_train`, to the last bit, many at a time.

One device after the other, each pulse waits for the one before, and for a draw's place in the table of Gaussians. Here
a block of neighbours takes a pulse each, in loops that a compiler makes vectors of.
"""

from __future__ import annotations

import numpy as np

from .._shared.jit import jit
from .._shared.keyed import mix

BLOCK = 64  # devices; of 32 to 256 the fastest for arrays in memory, and within 5 % of it for those in the cache

_DEVICE_SHIFT, _FIRST_DRAW = np.uint64(32), np.uint64(52)


def block_room() -> tuple[np.ndarray, np.ndarray]:
    """Return the room that a block is worked on in.

    Returns
    -------
    (3, BLOCK) float array
        Sizes, slopes, noise.
    (BLOCK,) uint64 array
        Draws.
    """
    return np.empty((3, BLOCK)), np.empty(BLOCK, np.uint64)


@jit
def draw_noise(first, pulse, pulses, noise, cells):
    """Draw the noise of a pulse of each device; the look-up, alone, is what cannot be a vector."""
    draws = cells.draws
    for d in range(pulses.size):
        key = cells.key ^ ((np.uint64(first + d) + cells.first) << _DEVICE_SHIFT)
        draws[d] = mix(key ^ np.uint64(pulses[d] + pulse)) >> _FIRST_DRAW
    for d in range(pulses.size):
        noise[d] = cells.gauss[draws[d]]


@jit
def block_trains(first, counts, c2c, cells):
    """Give devices from ``first`` on a train each; returns the pulses given, and those that moved a device."""
    n, end = counts.size, first + counts.size
    size, slope, noise = cells.room[0], cells.room[1], cells.room[2]
    up, down = cells.up[first:end], cells.down[first:end]
    for d in range(n):
        size[d] = up[d] if counts[d] > 0 else -down[d]
    up, down = cells.up_slope[first:end], cells.down_slope[first:end]
    for d in range(n):
        slope[d] = up[d] if counts[d] > 0 else -down[d]
    attempted, longest, moved = np.int64(0), np.int64(0), np.int64(0)
    for d in range(n):
        attempted += abs(counts[d])
        longest = max(longest, np.int64(abs(counts[d])))
    g, low, high, pulses = cells.hidden[first:end], cells.low[first:end], cells.high[first:end], cells.pulses[first:end]
    for i in range(longest):
        draw_noise(first, i, pulses, noise, cells)
        for d in range(n):
            factor = 1.0 + c2c * noise[d]
            g_new = min(max(g[d] * (1.0 + slope[d] * factor) + size[d] * factor, low[d]), high[d])
            g_new = g_new if i < abs(counts[d]) else g[d]
            moved += np.int64(g_new != g[d])
            g[d] = g_new
    for d in range(n):
        pulses[d] += np.uint32(abs(counts[d]))
    return attempted, moved
