"""What a pulse and a write do, compiled: parts for a stepping kernel, and kernels over many devices.

A random number of a pulse is one splitmix64 step of the stream's key, the device's number and that of its pulse: no
state, and the same whatever the order in which devices are pulsed. Gaussians come from a table of 4096 quantiles.
"""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from .._shared.jit import jit, jit_cached
from .._shared.keyed import mix
from .devices import EXPONENTIAL, LINEAR, N_CONSTANTS, POWER, WRITTEN
from .pulse_blocks import BLOCK, block_trains
from .retention import drifted

# Places in Cells.numbers; the kind's own constants follow at OWN, those of retention after them.
C2C, WRITE_NOISE, LEVEL, G_MIN, G_MAX, FAILS_HIGH, WEARS, DRIFTS, OWN = range(9)
RETENTION = OWN + N_CONSTANTS

# From this many pulses on, a train's closed form is as good as its pulses. However long the train, it takes the time of
# about 5 pulses one after the other, or of 11 in blocks of devices (SoftBounds; 3 and 6 of constant steps).
LONG_TRAIN = 8

_DEVICE_SHIFT, _FIRST_DRAW, _SECOND_DRAW, _LOW_BITS = np.uint64(32), np.uint64(52), np.uint64(40), np.uint64(4095)


class Cells(NamedTuple):
    """The devices of one population, as kernels see them: arrays of n, or of 0 where the feature is off.

    Field by field: the kind's code; visible conductance and the one that pulses act on (the same array unless writes
    are noisy or have levels); bounds; the four coefficients; pulses so far; pulses a device endures; time of its last
    write; its drift number; shared numbers; the table; Gaussian quantiles; key of the stream; number of the first
    device; whether :func:`simple_train` is all there is to a pulse; room for blocks.
    """

    kind: int
    g: np.ndarray
    hidden: np.ndarray
    low: np.ndarray
    high: np.ndarray
    up: np.ndarray
    up_slope: np.ndarray
    down: np.ndarray
    down_slope: np.ndarray
    pulses: np.ndarray
    limit: np.ndarray
    written: np.ndarray
    drift: np.ndarray
    numbers: np.ndarray
    table: np.ndarray
    gauss: np.ndarray
    key: np.uint64
    first: np.uint64
    simple: bool
    room: np.ndarray
    draws: np.ndarray


@cache
def gaussian_quantiles() -> np.ndarray:
    """Return 4096 equally likely standard normal numbers of variance 1.

    Returns
    -------
    (4096,) read-only float32 array
    """
    from scipy.special import ndtri

    quantiles = ndtri((np.arange(4096) + 0.5) / 4096)
    table = (quantiles / np.sqrt(np.mean(quantiles**2))).astype(np.float32)
    table.flags.writeable = False
    return table


@jit
def bits_of(k, pulse, cells):
    """Return 64 random bits for a pulse of a device."""
    return mix(cells.key ^ ((np.uint64(k) + cells.first) << _DEVICE_SHIFT) ^ np.uint64(pulse))


@jit
def tabulated(row, x, xi, noise, cells):
    """Return a step from a measured table: at x of the range, for a device's xi and a pulse's noise."""
    table = cells.table
    place = x * (table.shape[1] - 1)
    i = min(int(place), table.shape[1] - 2)
    f = place - i
    mean = (1.0 - f) * table[row, i] + f * table[row, i + 1]
    c2c = (1.0 - f) * table[row + 1, i] + f * table[row + 1, i + 1]
    r = (1.0 - f) * table[row + 2, i] + f * table[row + 2, i + 1]
    return mean * math.exp(r * xi - 0.5 * r * r) + c2c * noise


@jit
def step_of(k, up, g, noise, cells):
    """Return the size of the step that a pulse makes at conductance g, before it is clipped; noise is N(0, 1)."""
    numbers = cells.numbers
    c2c = numbers[C2C] * noise
    size = cells.up[k] if up else cells.down[k]
    if cells.kind == LINEAR:
        slope = cells.up_slope[k] if up else cells.down_slope[k]
        step = size + slope * g
        if numbers[OWN] != 0.0:
            return step + c2c * (size + slope * numbers[OWN + 1])
        return step * (1.0 + c2c)
    low, high = cells.low[k], cells.high[k]
    if cells.kind == EXPONENTIAL:
        w = g - numbers[OWN + 2]
        z = 2.0 * numbers[OWN] * w / (high - low) + numbers[OWN + 1]
        row = 0 if up else 3
        gamma = cells.table[row + 1, 0] if up else -cells.table[row + 1, 0]
        step = size * max(1.0 - cells.table[row, 0] * math.exp(gamma * z), 0.0)
        return step + c2c * (step + numbers[OWN + 3] + numbers[OWN + 4] * abs(w))
    x = (high - g if up else g - low) / (high - low)
    if cells.kind == POWER:
        return size * x ** (cells.up_slope[k] if up else cells.down_slope[k]) * (1.0 + c2c)
    return tabulated(0 if up else 3, (g - low) / (high - low), size, noise, cells)


@jit
def after_train(k, n, up, g, noise, cells):
    """Return the conductance after n pulses of a linear law: exact in mean and variance, Gaussian in between.

    With the fixed point b and q the factor per pulse: mean ``b - (b - g) q**n``; variance, noise in proportion,
    ``(b - g)**2 ((q**2 + (c2c slope)**2)**n - q**(2n))``, additive ``(c2c s)**2 (1 - q**(2n))/(1 - q**2)``.
    """
    numbers = cells.numbers
    size, slope = (cells.up[k], cells.up_slope[k]) if up else (-cells.down[k], -cells.down_slope[k])
    c2c = numbers[C2C]
    unit = c2c * (size + slope * numbers[OWN + 1]) if numbers[OWN] != 0.0 else c2c * size
    if slope == 0.0:
        mean, variance = g + n * size, n * unit * unit
    else:
        q, b = 1.0 + slope, -size / slope
        mean = b - (b - g) * q**n
        if numbers[OWN] != 0.0:
            variance = unit * unit * (1.0 - q ** (2 * n)) / (1.0 - q * q)
        else:
            variance = (b - g) ** 2 * ((q * q + (c2c * slope) ** 2) ** n - q ** (2 * n))
    return mean + math.sqrt(max(variance, 0.0)) * noise


@jit
def start_of_write(k, now, cells):
    """Return the conductance that a write finds: drift until now is made permanent, and its clock restarts."""
    g = cells.hidden[k]
    if cells.numbers[DRIFTS] != 0.0:
        g = drifted(g, cells.drift[k], now - cells.written[k], cells.numbers[RETENTION:])
        cells.written[k] = now
    return g


@jit
def alive(k, n, cells):
    """Return how many of n more pulses a device endures."""
    if cells.numbers[WEARS] == 0.0:
        return n
    return min(n, max(0, int(min(cells.limit[k], 4.0e9)) - int(cells.pulses[k])))


@jit
def end_of_write(k, g, bits, n, worn, cells):
    """Store a conductance, count n pulses, let a worn device get stuck."""
    numbers = cells.numbers
    if worn:
        g = cells.high[k] if numbers[FAILS_HIGH] != 0.0 else cells.low[k]
        cells.low[k] = g
        cells.high[k] = g
    cells.pulses[k] += np.uint32(n)
    cells.hidden[k] = g
    if cells.low[k] < cells.high[k]:
        if numbers[LEVEL] != 0.0 and cells.kind != WRITTEN:
            g = numbers[G_MIN] + round((g - numbers[G_MIN]) / numbers[LEVEL]) * numbers[LEVEL]
        if numbers[WRITE_NOISE] != 0.0:
            g = max(g + numbers[WRITE_NOISE] * cells.gauss[(bits >> _SECOND_DRAW) & _LOW_BITS], 0.0)
    cells.g[k] = g


@jit
def simple_train(k, n, cells):
    """Do what `apply_pulses` does where the law is linear, noise in proportion, and nothing else happens.

    The same up to rounding, in less than half the time: few branches, few registers.
    """
    g, low, high, count = cells.hidden[k], cells.low[k], cells.high[k], cells.pulses[k]
    c2c, key = cells.numbers[C2C], cells.key ^ ((np.uint64(k) + cells.first) << _DEVICE_SHIFT)
    if n > 0:
        size, slope, total = cells.up[k], cells.up_slope[k], n
    else:
        size, slope, total = -cells.down[k], -cells.down_slope[k], -n
    moved = np.int64(0)
    for i in range(total):
        factor = 1.0 + c2c * cells.gauss[mix(key ^ np.uint64(count + i)) >> _FIRST_DRAW]
        # So written, g enters late: pulses of a train overlap in the processor.
        g_new = min(max(g * (1.0 + slope * factor) + size * factor, low), high)
        moved += g_new != g
        g = g_new
    cells.pulses[k] = count + np.uint32(total)
    cells.hidden[k] = g
    return moved


@jit
def apply_pulses(k, n, now, closed, cells):
    """Give device k a train of n pulses (up if n > 0) at a time in s; returns how many of them moved it.

    ``closed`` takes trains of LONG_TRAIN and more of a linear law by their closed form: the bounds then cut only the
    end of the train, and all its pulses count as having moved the device if the train did.
    """
    total, up = abs(n), n > 0
    if cells.simple and not (closed and total >= LONG_TRAIN):
        return simple_train(k, n, cells)
    if total == 0:
        return 0
    g = start_of_write(k, now, cells)
    low, high, count = cells.low[k], cells.high[k], cells.pulses[k]
    live = alive(k, total, cells) if low < high else 0
    bits, moved = np.uint64(0), 0
    if closed and live >= LONG_TRAIN and cells.kind == LINEAR:
        bits = bits_of(k, count, cells)
        g_new = min(max(after_train(k, live, up, g, cells.gauss[bits >> _FIRST_DRAW], cells), low), high)
        moved = live if g_new != g else 0
        g = g_new
    else:
        for i in range(live):
            bits = bits_of(k, count + i, cells)
            step = step_of(k, up, g, cells.gauss[bits >> _FIRST_DRAW], cells)
            g_new = min(max(g + step if up else g - step, low), high)
            moved += g_new != g
            g = g_new
    end_of_write(k, g, bits, total, low < high and live < total, cells)
    return moved


@jit
def write_to(k, target, now, cells):
    """Write device k, of a kind that is written, to a target in uS at a time in s; returns 1 if it still obeys."""
    numbers, low, high = cells.numbers, cells.low[k], cells.high[k]
    obeys = low < high and alive(k, 1, cells) == 1
    bits = bits_of(k, cells.pulses[k], cells)
    if not obeys:
        g = start_of_write(k, now, cells)
    else:
        if numbers[DRIFTS] != 0.0:
            cells.written[k] = now
        g = target
        if numbers[LEVEL] != 0.0:
            g = numbers[G_MIN] + round((g - numbers[G_MIN]) / numbers[LEVEL]) * numbers[LEVEL]
        g = min(max(g, low), high)
        x, sigma = g / numbers[G_MAX], 0.0
        for i in range(N_CONSTANTS - 1, -1, -1):
            sigma = sigma * x + numbers[OWN + i]
        if sigma > 0.0:
            g = max(g + sigma * cells.gauss[bits >> _FIRST_DRAW], 0.0)
    end_of_write(k, g, bits, 1, low < high and not obeys, cells)
    return 1 if obeys else 0


@jit
def number(index, i):
    """Return the i-th of some devices; of all, in their order, if none are named."""
    return np.uint64(index[np.uint64(i)]) if index.size else np.uint64(i)


def _pulse_all(index, counts, now, closed, cells):
    attempted, moved = np.int64(0), np.int64(0)
    # Loops of their own for simple pulses: among all other laws the compiler runs out of registers.
    if cells.simple and not closed and not index.size:
        for first in range(0, counts.size, BLOCK):
            given, those = block_trains(first, counts[first : first + BLOCK], cells.numbers[C2C], cells)
            attempted, moved = attempted + given, moved + those
        return attempted, moved
    if cells.simple and not closed:
        for i in range(counts.size):
            moved += simple_train(number(index, i), counts[i], cells)
            attempted += abs(counts[i])
        return attempted, moved
    for i in range(counts.size):
        moved += apply_pulses(number(index, i), counts[i], now, closed, cells)
        attempted += abs(counts[i])
    return attempted, moved


def _write_all(index, targets, now, cells):
    obeyed = 0
    for i in range(targets.size):
        obeyed += write_to(number(index, i), targets[i], now, cells)
    return targets.size, obeyed


pulse_all = jit_cached(_pulse_all)
write_all = jit_cached(_write_all)
