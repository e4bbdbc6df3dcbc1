"""Passes of the learning engine over synapses that follow each other: short loops that become vector instructions."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from .._shared.keyed import mix
from .learning_engine_tables import HIGHEST, LOWEST, NONE, ONE, SEVEN, TRACE_MAX

# Functions of their own, or the kernel would hold each dozens of times.
_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
_FLAGS |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_pass: Any = numba.njit(**_FLAGS)

LOW_BITS = np.int32(127)
_AT_8, _AT_20, _AT_32 = np.uint64(8), np.uint64(20), np.uint64(32)
OWN_MAX = 257  # magnitude of w, t and d
EXACT, SUM_HELD, HELD = range(3)  # how a product is added


def _shift_32(_context: Any, _value: Any, _right: Any, _left: Any) -> Any:
    """Shift a number to the right, then to the left, in 32 bits: Numba would do it in 64, at twice the time."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        value, right, left = arguments
        return builder.shl(builder.ashr(value, right), left)

    return types.int32(types.int32, types.int32, types.int32), generate


_shift: Any = intrinsic(_shift_32)


@_pass
def load(total, n, values, start):
    """Begin sums with the values from before the epoch."""
    at = np.uint64(start)
    for s in range(np.uint64(n)):
        total[s] = np.int32(np.int32(values[at + s]) << SEVEN)


@_pass
def settle(values, start, n, total, bits, floor, ceiling):
    """Round sums, held between a floor and a ceiling; returns the least value, or 0."""
    at, least = np.uint64(start), NONE
    for s in range(np.uint64(n)):
        value = np.int32(min(np.int32(max(total[s], floor) + bits[s]), ceiling) >> SEVEN)
        values[at + s] = np.int16(value)
        least = min(least, value)
    return least


@_pass
def least_of(values, start, n):
    """Return the least value, or 0."""
    least, at = NONE, np.uint64(start)
    for s in range(np.uint64(n)):
        least = min(least, np.int32(values[at + s]))
    return least


@_pass
def hold(total, n):
    """Hold sums from below, as a product of 0 does."""
    for s in range(np.uint64(n)):
        total[s] = max(total[s], LOWEST)


def _adding_own(with_column: bool, how: int, first: bool) -> Any:
    """Return the pass that adds a product with one synaptic variable; ``first``: that begins the sums."""

    @_pass
    def add_own(total, n, to, old, values, start, value, column, base, right, left):
        from_, at, to = np.uint64(base), np.uint64(start), np.uint64(to)
        for s in range(np.uint64(n)):
            product = np.int32(value * np.int32(values[at + s]))
            if with_column:
                product = np.int32(product * column[from_ + s])
            change = _shift(product, right, left)
            if how == HELD:
                change = min(max(change, LOWEST), HIGHEST)
            change = np.int32((np.int32(np.int32(old[at + s]) << SEVEN) if first else total[to + s]) + change)
            total[to + s] = change if how == EXACT else min(max(change, LOWEST), HIGHEST)

    return add_own


# Without and with factors of the targets.
add_own_exact, add_both_exact = (_adding_own(column, EXACT, False) for column in (False, True))
add_own_sum_held, add_both_sum_held = (_adding_own(column, SUM_HELD, False) for column in (False, True))
add_own_held, add_both_held = (_adding_own(column, HELD, False) for column in (False, True))
begin_own_exact, begin_both_exact = (_adding_own(column, EXACT, True) for column in (False, True))
begin_own_held, begin_both_held = (_adding_own(column, HELD, True) for column in (False, True))


def _adding_where_fired(first: bool) -> Any:
    """Return the pass that adds one change to each row, where targets fired; ``first``: that begins the sums."""

    @_pass
    def add_where_fired(total, n_rows, n, old, start, change, fired):
        at = np.uint64(start)
        for r in range(np.uint64(n_rows)):
            by, base = change[r], r * np.uint64(n)
            for j in range(np.uint64(n)):
                value = np.int32(np.int32(old[at + base + j]) << SEVEN) if first else total[base + j]
                value = np.int32(value + (by if fired[j] else NONE))
                total[base + j] = min(max(value, LOWEST), HIGHEST)

    return add_where_fired


add_where_fired, begin_where_fired = (_adding_where_fired(first) for first in (False, True))


@_pass
def fill(product, start, n, value):
    """Set products to a value."""
    at = np.uint64(start)
    for s in range(np.uint64(n)):
        product[at + s] = value


@_pass
def fill_times(product, n, column, base, value):
    """Set products to a value times those of the targets' factors."""
    from_ = np.uint64(base)
    for s in range(np.uint64(n)):
        product[s] = np.int32(column[from_ + s] * value)


@_pass
def gather(product, n, column, base, target, start):
    """Set products to those of each synapse's target."""
    from_, at = np.uint64(base), np.uint64(start)
    for s in range(np.uint64(n)):
        product[s] = column[from_ + np.uint64(target[at + s])]


@_pass
def repeat(column, base, n, end):
    """Repeat the first n products of the targets' factors."""
    from_, n = np.uint64(base), np.uint64(n)
    for s in range(n, np.uint64(end)):
        column[from_ + s] = column[from_ + s - n]


@_pass
def largest(column, base, n):
    """Return the largest magnitude."""
    most, from_ = np.int64(0), np.uint64(base)
    for s in range(np.uint64(n)):
        most = max(most, abs(np.int64(column[from_ + s])))
    return most


@_pass
def times_own(product, n, values, start, constant, sign, width):
    """Multiply by a synaptic variable, or by its sign."""
    low, high, at = np.int32(-(ONE << width)), np.int32((ONE << width) - ONE), np.uint64(start)
    if sign:
        for s in range(np.uint64(n)):
            value = np.int32(np.int32(values[at + s]) + constant)
            product[s] = np.int32(product[s] * np.int32(np.int32(value > NONE) - np.int32(value < NONE)))
    else:
        for s in range(np.uint64(n)):
            product[s] = np.int32(product[s] * min(max(np.int32(np.int32(values[at + s]) + constant), low), high))


@_pass
def times_table(product, start, n, table, base, constant, width):
    """Multiply by a factor of the targets."""
    low, high = np.int32(-(ONE << width)), np.int32((ONE << width) - ONE)
    from_, at = np.uint64(base), np.uint64(start)
    for s in range(np.uint64(n)):
        product[at + s] = np.int32(product[at + s] * min(max(np.int32(table[from_ + s] + constant), low), high))


@_pass
def add_products(total, to, n, product, right, left):
    """Add products, shifted, to sums; both are held to 16 bits."""
    to = np.uint64(to)
    for s in range(np.uint64(n)):
        change = min(max(_shift(product[s], right, left), LOWEST), HIGHEST)
        total[to + s] = min(max(np.int32(total[to + s] + change), LOWEST), HIGHEST)


@_pass
def draw_each(bits, n, key, first):
    """Draw for each synapse what rounds its w, t and d."""
    w, t, d = bits[0], bits[1], bits[2]
    for s in range(np.uint64(n)):
        drawn = mix(key ^ (first + s))
        w[s] = np.int32(drawn >> _AT_32) & LOW_BITS
        t[s] = np.int32(drawn >> _AT_20) & LOW_BITS
        d[s] = np.int32(drawn >> _AT_8) & LOW_BITS


@_pass
def follow(trace, place, n, spike, base, step, keep, draw, impulse):
    """Let targets' traces decay from the row before a place to the one there, and add the impulses of a step's spikes.

    What a decay leaves is rounded up where a draw is below what is missing.
    """
    to, at = np.uint64(place), np.uint64(base)
    from_ = to - np.uint64(n)
    for j in range(np.uint64(n)):
        exact = keep * trace[from_ + j]
        whole = np.int32(exact)
        value = np.int32(whole + (ONE if draw < exact - whole else NONE))
        spiked = min(max(np.int32(value + impulse), NONE), TRACE_MAX)
        trace[to + j] = spiked if spike[at + j] == step else value


@_pass
def copy_sizes(weights, begin, values, start, n, negative):
    """Write magnitudes of values of one sign to bytes."""
    to, at, flip = np.uint64(begin), np.uint64(start), np.int16(-1 if negative else 0)
    for s in range(np.uint64(n)):
        weights[to + s] = np.uint8(np.int16(values[at + s] ^ flip) - flip)
