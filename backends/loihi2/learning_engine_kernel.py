"""The chip's learning engine, compiled: traces, then products row by row, then rounding.

Where the source neuron's synapses lie next to each other, each factor of a product is one pass over a row; a row is
short enough to stay in the cache, and a pass becomes vector instructions. A product that cannot be other than zero
(its neuron did not fire) is left out, and a row without any product is left alone.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np

from .._shared.jit import jit, jit_cached
from .._shared.keyed import mix
from . import emulator_kernel as chip

# A pass over a row: a function of its own, or the kernel would hold it dozens of times.
_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
_FLAGS |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_pass: Any = numba.njit(**_FLAGS)

# Columns of a connection's numbers.
(SOURCE, TARGET, N_SOURCE, N_TARGET, EPOCH, PERIOD, THIRD, DRAWS, W_LOW, W_HIGH, PRE, POST, ROW, SYNAPSE, N_SYNAPSES,
 CONNECTION, W, T, D, END) = range(20)  # fmt: skip
NUMBERS = 20
# Columns of a product: what it depends on; mantissa; shifts; its factors.
DEPENDENCY, MANTISSA, RIGHT, LEFT, FIRST, LAST = range(6)
ON_X0, ON_Y0, ON_U = range(3)
# Columns of a factor. Variables: spikes, traces (x1 x2 y1 y2 y3), the synapse's own.
VARIABLE, CONSTANT, SIGN, WIDTH = range(4)
X0, Y0, X1, X2, Y1, Y2, Y3, OF_W, OF_T, OF_D = range(10)
# Columns of the numbers that Lava's generators draw in a step.
X_DECAY, X_IMPULSE, Y_DECAY, Y_IMPULSE, Y_AGAIN, ROUND = range(6)

TRACE_MAX = np.int32(127)
_FRACTION, _HALF = np.int32(14), np.int32(1 << 13)
LOWEST, HIGHEST = np.int32(-(1 << 15) - 1), np.int32((1 << 15) - 1)
TAG_LOW, TAG_HIGH = np.int32(-257), np.int32(255)
SEVEN, LOW_BITS = np.int32(7), np.int32(127)
NONE, ONE = np.int32(0), np.int32(1)
_AT_8, _AT_20, _AT_32, _AT_40 = np.uint64(8), np.uint64(20), np.uint64(32), np.uint64(40)
_BITS_24, _BITS_8 = np.uint64((1 << 24) - 1), np.uint64(255)
# What a draw is for, beside the synapses' rounding.
_AGAIN, _DECAYS, _OF_TARGET = np.uint64(1 << 61), np.uint64(1 << 62), np.uint64(1 << 63)
_TRACE = np.uint64(1 << 59)


class Learners(NamedTuple):
    """Tables of the connections that learn."""

    number: np.ndarray  # (n, NUMBERS) int64
    key: np.ndarray  # (n,) uint64: of the draws
    keep: np.ndarray  # (n, 5) float64: what a step leaves of x1, x2, y1, y2, y3
    whole: np.ndarray  # (n, 5) int32: impulses
    part: np.ndarray  # (n, 5) int32: their fractions, in 1/256
    product: np.ndarray  # (n_products, 6) int64
    factor: np.ndarray  # (n_factors, 4) int64
    row_ptr: np.ndarray  # int64: of all connections, from 0 each
    target: np.ndarray  # int32: of each synapse
    draw: np.ndarray  # (n_generators, n_steps, 6) float64: of connections that draw as Lava does


class Learned(NamedTuple):
    """What changes. Members of all connections follow each other."""

    x: np.ndarray  # (2, n) int32
    y: np.ndarray  # (3, n) int32
    tx: np.ndarray  # int32: step of the epoch of the last spike, 0: none
    ty: np.ndarray  # int32
    variable: np.ndarray  # (3, n) int32: w, t, d
    lowest: np.ndarray  # int32: whether a source neuron has a synapse whose t is lowest, which no sum can hold


class Senders(NamedTuple):
    """Processes whose neurons send y1, y2 and y3; their neurons follow each other."""

    process: np.ndarray  # (n,) int64
    first: np.ndarray  # (n + 1,) int64
    keep: np.ndarray  # (n,) int32: 4096 less the trace's decay
    impulse: np.ndarray  # (n,) int32
    nearest: np.ndarray  # (n,) bool
    own_spike: np.ndarray  # (n,) bool
    trace: np.ndarray  # (n_neurons,) int32: y1 with 14 more bits
    sent: np.ndarray  # (3, n_neurons) int32
    given: np.ndarray  # (n_steps, 2, n_neurons) uint8: y2 and y3


class Room(NamedTuple):
    """Where a row is worked on."""

    x: np.ndarray  # int32: traces in each step of the epoch, [trace][neuron][step]
    y: np.ndarray  # int32: [trace][step][neuron]
    at_spike: np.ndarray  # int32: [trace][neuron], y at the target neurons' spikes
    fired: np.ndarray  # int32: whether the target neurons did
    who: np.ndarray  # int32: those that did
    product: np.ndarray  # int32
    total: np.ndarray  # (3, n) int32: of w, t, d
    bits: np.ndarray  # (3, n) int32: what rounds them
    changes: np.ndarray  # (3,) bool


@jit
def _add_impulse(value, draw, whole, part):
    """Add an impulse; its fraction where a draw from 0 to 255 is below it."""
    return min(max(np.int32(value + whole + (ONE if draw < part else NONE)), NONE), TRACE_MAX)


@jit
def _decay(value, keep, draw):
    """Let a trace decay; round up where a draw from 0 to 1 is below what is missing."""
    exact = keep * value
    whole = math.floor(exact)
    return np.int32(whole) + (ONE if draw < exact - whole else NONE)


@jit
def _bits(c, step, neuron, size, salt, learners):
    """Draw 64 bits for a neuron and a step."""
    return mix(learners.key[c] ^ salt ^ np.uint64(step * size + neuron))


@jit
def hear_sources(c, step, member, first, last, learners, learned):
    """Take in the spikes of a connection's source in a step.

    A second spike in an epoch adds its impulse at once: only the time of the last one is kept.
    """
    number = learners.number[c]
    base, lava = number[PRE], number[DRAWS] >= 0
    now = np.int32(step % number[EPOCH] + 1)
    for e in range(first, last):
        i = np.int64(member[e])
        if learned.tx[base + i]:
            # Lava compares the fraction with 0 here: it is always added.
            bits = _bits(c, step, i, number[N_SOURCE], _AGAIN, learners)
            for k in range(2):
                draw = 0 if lava else np.int64((bits >> (_AT_8 * np.uint64(k))) & _BITS_8)
                place = base + i
                learned.x[k, place] = _add_impulse(learned.x[k, place], draw, learners.whole[c, k], learners.part[c, k])
        learned.tx[base + i] = now


@jit
def hear_targets(c, row, step, member, first, last, learners, learned):
    """Take in the spikes of a connection's target in a step; ``row`` is the step's row of Lava's draws."""
    number = learners.number[c]
    base, generator = number[POST], number[DRAWS]
    now = np.int32(step % number[EPOCH] + 1)
    for e in range(first, last):
        j = np.int64(member[e])
        if learned.ty[base + j]:
            bits = _bits(c, step, j, number[N_TARGET], _AGAIN | _OF_TARGET, learners)
            for k in range(3):
                draw = np.int64((bits >> (_AT_8 * np.uint64(k))) & _BITS_8)
                if generator >= 0:
                    draw = np.int64(learners.draw[generator, row, Y_IMPULSE])
                place = base + j
                whole, part = learners.whole[c, 2 + k], learners.part[c, 2 + k]
                learned.y[k, place] = _add_impulse(learned.y[k, place], draw, whole, part)
        learned.ty[base + j] = now


@jit
def _source_traces(c, row, step, learners, learned, room):
    """Follow the source neurons' traces through the epoch that ends with a step."""
    number = learners.number[c]
    n, length, base, generator = number[N_SOURCE], number[EPOCH], number[PRE], number[DRAWS]
    for i in range(n):
        at = learned.tx[base + i]
        for k in range(2):
            place = (k * n + i) * (length + 1)
            value = learned.x[k, base + i]
            room.x[place] = value
            for t in range(1, length + 1):
                if value or t == at:
                    if generator >= 0:
                        decay, impulse = (
                            learners.draw[generator, row, X_DECAY],
                            learners.draw[generator, row, X_IMPULSE],
                        )
                    else:
                        bits = _bits(c, step - length + t, i, n, _DECAYS ^ (_TRACE * np.uint64(k)), learners)
                        decay, impulse = (bits >> _AT_40) * 2.0**-24, np.float64(bits & _BITS_8)
                    value = _decay(value, learners.keep[c, k], decay)
                    if t == at:
                        value = _add_impulse(value, impulse, learners.whole[c, k], learners.part[c, k])
                room.x[place + t] = value
            learned.x[k, base + i] = value


@jit
def _target_traces(c, row, step, learners, learned, room):
    """Follow the target neurons' traces through the epoch; those that the neuron sends hold."""
    number = learners.number[c]
    n, length, base, generator = number[N_TARGET], number[EPOCH], number[POST], number[DRAWS]
    third = number[THIRD] >= 0
    for k in range(3):
        for j in range(n):
            at = learned.ty[base + j]
            value = learned.y[k, base + j]
            place = k * (length + 1) * n + j
            room.y[place] = value
            for t in range(1, length + 1):
                if generator >= 0:
                    # Lava lets what the neuron sends decay too, with 65535 steps.
                    value = _decay(value, learners.keep[c, 2 + k], learners.draw[generator, row, Y_DECAY])
                    if t == at:
                        impulse = learners.draw[generator, row, Y_AGAIN]
                        value = _add_impulse(value, impulse, learners.whole[c, 2 + k], learners.part[c, 2 + k])
                elif not third and (value or t == at):
                    bits = _bits(c, step - length + t, j, n, _DECAYS ^ _OF_TARGET ^ (_TRACE * np.uint64(k)), learners)
                    value = _decay(value, learners.keep[c, 2 + k], (bits >> _AT_40) * 2.0**-24)
                    if t == at:
                        impulse = np.float64(bits & _BITS_8)
                        value = _add_impulse(value, impulse, learners.whole[c, 2 + k], learners.part[c, 2 + k])
                room.y[place + t * n] = value
            room.at_spike[k * n + j] = room.y[place + at * n]
            if not third:
                learned.y[k, base + j] = value


@jit
def _clipped(value, width):
    return min(max(value, np.int32(-(ONE << width))), np.int32((ONE << width) - ONE))


@jit
def _is_of_row(variable, dependency, length):
    """Return whether a factor has one value for a whole row: what is of the source neuron, at one time."""
    return variable == X0 or (X1 <= variable <= X2 and (dependency != ON_Y0 or length == 1))


@jit
def _of_row(c, p, i, learners, learned, room):
    """Return a product's mantissa times its factors that have one value for a row."""
    number, dependency = learners.number[c], learners.product[p, DEPENDENCY]
    length, value = number[EPOCH], np.int32(learners.product[p, MANTISSA])
    tx = np.int64(learned.tx[number[PRE] + i])
    for f in range(learners.product[p, FIRST], learners.product[p, LAST]):
        variable = learners.factor[f, VARIABLE]
        if _is_of_row(variable, dependency, length):
            constant, width = np.int32(learners.factor[f, CONSTANT]), np.int32(learners.factor[f, WIDTH])
            at = tx if dependency == ON_X0 else length
            place = ((variable - X1) * number[N_SOURCE] + i) * (length + 1) + at
            factor = np.int32(tx > 0) if variable == X0 else room.x[place]
            value = np.int32(value * _clipped(np.int32(factor + constant), width))
    return value


@jit
def _of_target(c, f, i, j, dependency, learners, learned, room):
    """Return a factor's value at a target."""
    number, variable = learners.number[c], learners.factor[f, VARIABLE]
    n, length = number[N_TARGET], number[EPOCH]
    at = np.int64(learned.tx[number[PRE] + i]) if dependency == ON_X0 else length
    if variable == Y0:
        return room.fired[j]
    if dependency == ON_Y0:
        if X1 <= variable <= X2:
            place = ((variable - X1) * number[N_SOURCE] + i) * (length + 1)
            return room.x[place + np.int64(learned.ty[number[POST] + j])]
        return room.at_spike[(variable - Y1) * n + j]
    return room.y[((variable - Y1) * (length + 1) + at) * n + j]


@jit
def _own(value, constant, sign, width):
    value = np.int32(value + constant)
    return np.int32(np.int32(value > NONE) - np.int32(value < NONE)) if sign else _clipped(value, width)


@_pass
def _times_own(product, n, values, start, constant, sign, width):
    """Multiply by a synaptic variable, or by its sign."""
    low, high, at = np.int32(-(ONE << width)), np.int32((ONE << width) - ONE), np.uint64(start)
    if sign:
        for s in range(np.uint64(n)):
            product[s] = np.int32(product[s] * _own(values[at + s], constant, True, width))
    else:
        for s in range(np.uint64(n)):
            product[s] = np.int32(product[s] * min(max(np.int32(values[at + s] + constant), low), high))


@_pass
def _times_table(product, n, table, base, full, target, start, constant, width):
    """Multiply by a value of each synapse's target."""
    low, high = np.int32(-(ONE << width)), np.int32((ONE << width) - ONE)
    from_, at = np.uint64(base), np.uint64(start)
    if full:
        for s in range(np.uint64(n)):
            product[s] = np.int32(product[s] * min(max(np.int32(table[from_ + s] + constant), low), high))
    else:
        for s in range(np.uint64(n)):
            value = np.int32(table[from_ + np.uint64(target[at + s])] + constant)
            product[s] = np.int32(product[s] * min(max(value, low), high))


@jit
def _multiply(c, p, i, start, n, learners, learned, room):
    """Multiply a row of products, on x0 or u, by their factors that are not of the row."""
    number, dependency = learners.number[c], learners.product[p, DEPENDENCY]
    length, full = number[EPOCH], n == number[N_TARGET]
    at = np.int64(learned.tx[number[PRE] + i]) if dependency == ON_X0 else length
    for f in range(learners.product[p, FIRST], learners.product[p, LAST]):
        variable, sign = learners.factor[f, VARIABLE], learners.factor[f, SIGN]
        constant, width = np.int32(learners.factor[f, CONSTANT]), np.int32(learners.factor[f, WIDTH])
        if variable >= OF_W:
            _times_own(room.product, n, learned.variable[variable - OF_W], start, constant, sign, width)
        elif variable == Y0:
            _times_table(room.product, n, room.fired, 0, full, learners.target, start, constant, width)
        elif variable >= Y1:
            base = ((variable - Y1) * (length + 1) + at) * number[N_TARGET]
            _times_table(room.product, n, room.y, base, full, learners.target, start, constant, width)


@jit
def _held_sum(total, product, right, left):
    """Add a product, shifted, to a sum; both are held to 16 bits."""
    change = min(max(np.int32(np.int32(product >> right) << left), LOWEST), HIGHEST)
    return min(max(np.int32(total + change), LOWEST), HIGHEST)


@_pass
def _fill(product, n, value):
    for s in range(np.uint64(n)):
        product[s] = value


@_pass
def _add_own(total, n, values, start, constant, width, value, right, left):
    """Add a product with one synaptic variable, all in one pass."""
    low, high, at = np.int32(-(ONE << width)), np.int32((ONE << width) - ONE), np.uint64(start)
    for s in range(np.uint64(n)):
        own = min(max(np.int32(values[at + s] + constant), low), high)
        total[s] = _held_sum(total[s], np.int32(value * own), right, left)


@jit
def _only_own(c, p, learners):
    """Return the factor of a product that alone is not of the row, if it is a synaptic variable; else -1."""
    found = -1
    for f in range(learners.product[p, FIRST], learners.product[p, LAST]):
        if not _is_of_row(learners.factor[f, VARIABLE], learners.product[p, DEPENDENCY], learners.number[c, EPOCH]):
            if found >= 0 or learners.factor[f, VARIABLE] < OF_W or learners.factor[f, SIGN]:
                return -1
            found = f
    return found


@_pass
def _add_products(total, n, product, right, left):
    for s in range(np.uint64(n)):
        total[s] = _held_sum(total[s], product[s], right, left)


@_pass
def _load(total, n, values, start):
    at = np.uint64(start)
    for s in range(np.uint64(n)):
        total[s] = np.int32(values[at + s] << SEVEN)


@_pass
def _hold(total, n):
    for s in range(np.uint64(n)):
        total[s] = max(total[s], LOWEST)


@jit
def _add_row(c, p, i, start, n, total, learners, learned, room):
    """Add a product on x0 or u to what a row's variable becomes."""
    right, left = np.int32(learners.product[p, RIGHT]), np.int32(learners.product[p, LEFT])
    value, own = _of_row(c, p, i, learners, learned, room), _only_own(c, p, learners)
    if value == NONE:
        return
    if own >= 0:
        values, constant = (
            learned.variable[learners.factor[own, VARIABLE] - OF_W],
            np.int32(learners.factor[own, CONSTANT]),
        )
        _add_own(total, n, values, start, constant, np.int32(learners.factor[own, WIDTH]), value, right, left)
    else:
        _fill(room.product, n, value)
        _multiply(c, p, i, start, n, learners, learned, room)
        _add_products(total, n, room.product, right, left)


@jit
def _add_at_target(c, p, i, start, s, j, value, total, learners, learned, room):
    """Add a product on y0 to what one synapse's variable becomes."""
    length = learners.number[c, EPOCH]
    for f in range(learners.product[p, FIRST], learners.product[p, LAST]):
        variable = learners.factor[f, VARIABLE]
        constant, width = np.int32(learners.factor[f, CONSTANT]), np.int32(learners.factor[f, WIDTH])
        if variable >= OF_W:
            own = learned.variable[variable - OF_W, start + s]
            value = np.int32(value * _own(own, constant, learners.factor[f, SIGN], width))
        elif not _is_of_row(variable, ON_Y0, length):
            factor = _of_target(c, f, i, j, ON_Y0, learners, learned, room)
            value = np.int32(value * _clipped(np.int32(factor + constant), width))
    right, left = np.int32(learners.product[p, RIGHT]), np.int32(learners.product[p, LEFT])
    total[s] = _held_sum(total[s], value, right, left)


@jit
def _has_row_factors_only(c, p, learners):
    for f in range(learners.product[p, FIRST], learners.product[p, LAST]):
        if not _is_of_row(learners.factor[f, VARIABLE], learners.product[p, DEPENDENCY], learners.number[c, EPOCH]):
            return False
    return True


@_pass
def _add_at(total, who, n, change):
    """Add one change at some targets."""
    change = min(max(change, LOWEST), HIGHEST)
    for e in range(np.uint64(n)):
        j = np.uint64(who[e])
        total[j] = min(max(np.int32(total[j] + change), LOWEST), HIGHEST)


@jit
def _add_targets(c, p, i, start, n, n_fired, total, learners, learned, room):
    """Add a product on y0 to what a row's variable becomes, where the targets fired."""
    value = _of_row(c, p, i, learners, learned, room)
    if value == NONE:
        return
    full = n == learners.number[c, N_TARGET]
    if full and _has_row_factors_only(c, p, learners):
        right, left = np.int32(learners.product[p, RIGHT]), np.int32(learners.product[p, LEFT])
        _add_at(total, room.who, n_fired, np.int32(np.int32(value >> right) << left))
    elif full:
        for e in range(n_fired):
            j = np.int64(room.who[e])
            _add_at_target(c, p, i, start, j, j, value, total, learners, learned, room)
    else:
        for s in range(n):
            j = np.int64(learners.target[start + s])
            if room.fired[j]:
                _add_at_target(c, p, i, start, s, j, value, total, learners, learned, room)


@_pass
def _draw_alike(bits, n, one):
    for v in range(3):
        for s in range(np.uint64(n)):
            bits[v, s] = one


@_pass
def _draw_each(bits, n, key, first):
    w, t, d = bits[0], bits[1], bits[2]
    for s in range(np.uint64(n)):
        drawn = mix(key ^ (first + s))
        w[s] = np.int32(drawn >> _AT_32) & LOW_BITS
        t[s] = np.int32(drawn >> _AT_20) & LOW_BITS
        d[s] = np.int32(drawn >> _AT_8) & LOW_BITS


@jit
def _draw_bits(c, row, epoch, start, n, learners, room):
    """Draw what rounds a row's variables: 7 bits, added below the point."""
    generator, total = learners.number[c, DRAWS], learners.number[c, N_SYNAPSES]
    if generator >= 0:
        _draw_alike(
            room.bits, n, np.int32(LOW_BITS - np.int32(math.floor(128.0 * learners.draw[generator, row, ROUND])))
        )
    else:
        first = np.uint64(epoch * total + start - learners.number[c, SYNAPSE])
        _draw_each(room.bits, n, learners.key[c], first)


@_pass
def _settle(values, start, n, total, bits, least, most, low, high):
    """Round what a row's variable has become, and hold it in range."""
    at = np.uint64(start)
    for s in range(np.uint64(n)):
        value = np.int32(np.int32(min(max(total[s], least), most) + bits[s]) >> SEVEN)
        values[at + s] = min(max(value, low), high)


@_pass
def _least(values, start, n):
    least, at = NONE, np.uint64(start)
    for s in range(np.uint64(n)):
        least = min(least, values[at + s])
    return least


@jit
def _acts(p, spiked, n_fired, epoch, period, learners):
    """Return whether a product can be other than zero in a row."""
    dependency = learners.product[p, DEPENDENCY]
    if dependency == ON_X0:
        return spiked
    if dependency == ON_Y0:
        return n_fired > 0
    return epoch % period == 0


@jit
def _sum_products(c, v, i, start, n, n_fired, epoch, learners, learned, room):
    """Sum what a row's variable becomes; returns whether any product can have changed it."""
    number, total = learners.number[c], room.total[v]
    first, last = number[W + v], number[W + v + 1]
    spiked = learned.tx[number[PRE] + i] > 0
    lowest = v == 1 and first < last and learned.lowest[number[PRE] + i] != NONE
    begun = lowest
    for p in range(first, last):
        begun = begun or _acts(p, spiked, n_fired, epoch, number[PERIOD], learners)
    if begun:
        _load(total, n, learned.variable[v], start)
        for p in range(first, last):
            if _acts(p, spiked, n_fired, epoch, number[PERIOD], learners):
                if learners.product[p, DEPENDENCY] == ON_Y0:
                    _add_targets(c, p, i, start, n, n_fired, total, learners, learned, room)
                else:
                    _add_row(c, p, i, start, n, total, learners, learned, room)
            if lowest:  # whatever a product is, the sum is held
                _hold(total, n)
    return begun


@jit
def _learn_row(c, i, start, n, n_fired, row, epoch, learners, learned, room):
    """Change the synapses of a source neuron; returns whether weights may have changed."""
    for v in range(3):
        room.changes[v] = _sum_products(c, v, i, start, n, n_fired, epoch, learners, learned, room)
    w, t, d = room.changes[0], room.changes[1], room.changes[2]
    if w or t or d:
        _draw_bits(c, row, epoch, start, n, learners, room)
    if w:
        low, high = np.int32(learners.number[c, W_LOW]), np.int32(learners.number[c, W_HIGH])
        # Of one sign, the sum is held before it is rounded too.
        least, most = NONE if low == NONE else LOWEST, NONE if high == NONE else HIGHEST
        _settle(learned.variable[0], start, n, room.total[0], room.bits[0], least, most, low, high)
    if t:
        _settle(learned.variable[1], start, n, room.total[1], room.bits[1], LOWEST, HIGHEST, TAG_LOW, TAG_HIGH)
        learned.lowest[learners.number[c, PRE] + i] = ONE if _least(learned.variable[1], start, n) == TAG_LOW else NONE
    if d:
        _settle(learned.variable[2], start, n, room.total[2], room.bits[2], NONE, HIGHEST, NONE, TAG_HIGH)
    return w


@jit
def ends_epoch(c, step, learners):
    """Return whether a connection learns at the end of a step (counted from 0)."""
    return (step + 1) % learners.number[c, EPOCH] == 0


@jit
def learn(c, row, step, learners, learned, room):
    """Let a connection learn at the end of an epoch.

    Parameters
    ----------
    c : int
    row : int
        The step's row of Lava's draws.
    step : int
        Counted from 0.
    learners : Learners
    learned : Learned
    room : Room
    """
    number = learners.number[c]
    n_target, post, epoch = number[N_TARGET], number[POST], (step + 1) // number[EPOCH]
    _source_traces(c, row, step, learners, learned, room)
    _target_traces(c, row, step, learners, learned, room)
    n_fired = 0
    for j in range(n_target):
        room.fired[j] = ONE if learned.ty[post + j] else NONE
        room.who[n_fired] = j
        n_fired += 1 if learned.ty[post + j] else 0
    for i in range(number[N_SOURCE]):
        start = number[SYNAPSE] + learners.row_ptr[number[ROW] + i]
        n = number[SYNAPSE] + learners.row_ptr[number[ROW] + i + 1] - start
        if n:
            _learn_row(c, i, start, n, n_fired, row, epoch, learners, learned, room)
    for i in range(number[N_SOURCE]):
        learned.tx[number[PRE] + i] = NONE
    for j in range(n_target):
        learned.ty[post + j] = NONE


def _run_given(n_steps, step, pre_ptr, pre, post_ptr, post, factors, learners, learned, room):
    """Let connections learn from given spikes.

    Parameters
    ----------
    n_steps, step : int
        Steps, and the first one's number.
    pre_ptr, post_ptr : (n, n_steps + 1) int64 array
        Of each connection, where each step's spikes begin.
    pre, post : int32 array
    factors : (n, n_steps, 3, n_target) int32 array
        y1, y2, y3 that the target neurons send, where they do.
    learners : Learners
    learned : Learned
    room : Room
    """
    for k in range(n_steps):
        for c in range(len(learners.number)):
            number = learners.number[c]
            hear_sources(c, step + k, pre, pre_ptr[c, k], pre_ptr[c, k + 1], learners, learned)
            hear_targets(c, k, step + k, post, post_ptr[c, k], post_ptr[c, k + 1], learners, learned)
            if number[THIRD] >= 0:
                for v in range(3):
                    for j in range(number[N_TARGET]):
                        learned.y[v, number[POST] + j] = factors[c, k, v, j]
            if ends_epoch(c, step + k, learners):
                learn(c, k, step + k, learners, learned, room)


@jit
def _send(p, row, member, first, last, senders):
    """Let the neurons of a process send their factors of a step."""
    a, b, impulse = senders.first[p], senders.first[p + 1], np.int32(senders.impulse[p] << _FRACTION)
    for j in range(a, b):
        senders.trace[j] = chip._decay(senders.trace[j], senders.keep[p])
    if not senders.own_spike[p]:
        _round_off(a, b, senders)
    for e in range(first, last):
        j = a + np.int64(member[e])
        spiked = impulse if senders.nearest[p] else np.int32(senders.trace[j] + impulse)
        senders.trace[j] = min(spiked, np.int32(TRACE_MAX << _FRACTION))
    if senders.own_spike[p]:
        _round_off(a, b, senders)
    for j in range(a, b):
        senders.sent[1, j] = np.int32(senders.given[row, 0, j])
        senders.sent[2, j] = np.int32(senders.given[row, 1, j])


@jit
def _round_off(a, b, senders):
    for j in range(a, b):
        senders.sent[0, j] = np.int32(senders.trace[j] + _HALF) >> _FRACTION


@_pass
def _copy_row(weights, begin, values, start, n):
    to, at = np.uint64(begin), np.uint64(start)
    for s in range(np.uint64(n)):
        weights[to + s] = np.uint8(abs(values[at + s]))


@jit
def _hand_back(c, processes, syn, learners, learned):
    """Write what a connection has learned to where spikes are summed."""
    number, values = learners.number[c], learned.variable[0]
    connection = number[CONNECTION]
    lane, target = syn.lane_ptr[connection], syn.target[connection]
    width, begin = (processes.block[target + 1] - processes.block[target]) * chip.LANES, syn.start[lane]
    for i in range(number[N_SOURCE]):
        start = number[SYNAPSE] + learners.row_ptr[number[ROW] + i]
        end = number[SYNAPSE] + learners.row_ptr[number[ROW] + i + 1]
        if syn.dense[lane] and end - start == number[N_TARGET]:
            _copy_row(syn.row, begin + i * width, values, start, end - start)
        elif syn.dense[lane]:
            for s in range(np.uint64(start), np.uint64(end)):
                syn.row[np.uint64(begin + i * width) + np.uint64(learners.target[s])] = abs(values[s])
        else:
            _copy_row(syn.weight, syn.row_ptr[begin + i], values, start, end - start)


@jit
def _learn_step(row, k, step, processes, syn, spikes, learners, learned, senders, room):
    """Let everything learn that has an epoch's end in a step.

    ``row`` is the step's row of spikes, ``k`` that of Lava's draws and of third factors.
    """
    n = spikes.n_groups
    for p in range(len(senders.process)):
        place = row * n + senders.process[p]
        _send(p, k, spikes.member, spikes.offset[place], spikes.offset[place + 1], senders)
    for c in range(len(learners.number)):
        number = learners.number[c]
        source, target = row * n + number[SOURCE], row * n + number[TARGET]
        hear_sources(c, step, spikes.member, spikes.offset[source], spikes.offset[source + 1], learners, learned)
        hear_targets(c, k, step, spikes.member, spikes.offset[target], spikes.offset[target + 1], learners, learned)
        if (step + 1) % number[EPOCH] == 0:
            if number[THIRD] >= 0:
                for v in range(3):
                    for j in range(number[N_TARGET]):
                        learned.y[v, number[POST] + j] = senders.sent[v, number[THIRD] + j]
            learn(c, k, step, learners, learned, room)
            if number[W] < number[W + 1]:
                _hand_back(c, processes, syn, learners, learned)


def _run_program(
    n_steps, step, row, processes, syn, spikes, sums, cell, probe, sample, learners, learned, senders, room
):
    """Advance the chip by some steps, as ``emulator_kernel.run`` does, with connections that learn.

    What a step teaches is learned in the next one after its spikes have arrived: these still meet the weights of when
    they were fired, as on Lava.
    """
    n_processes = len(processes.size)
    n_spikes = spikes.offset[row * spikes.n_groups]
    for k in range(n_steps):
        chip._deliver(row + k, processes, syn, spikes, sums, cell)
        if step + k > 0:
            _learn_step(row + k - 1, k, step + k - 1, processes, syn, spikes, learners, learned, senders, room)
        n_spikes = chip._advance(step + k, row + k, processes, spikes, n_spikes, cell)
        for s in range(spikes.n_groups - n_processes):
            for e in range(spikes.source_ptr[s, k], spikes.source_ptr[s, k + 1]):
                spikes.member[n_spikes] = spikes.source_member[e]
                n_spikes += 1
            spikes.offset[(row + k) * spikes.n_groups + n_processes + s + 1] = n_spikes
        for m in range(len(probe)):
            sample[k, m] = cell[np.uint64(probe[m])]


run_given = jit_cached(_run_given, Learners, Learned, Room)
run_program = jit_cached(_run_program, Learners, Learned, Senders, Room, chip.Processes, chip.Synapses)
