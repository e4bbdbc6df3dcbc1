"""Products of the learning engine: what each is for a row of synapses, and their sums.

A factor is of the source neuron and one number for a row; or of the target neuron, and the product of such factors is
the same in all rows; or of the synapse itself.
"""

from __future__ import annotations

import numpy as np

from .._shared.jit import jit
from . import learning_engine_passes as passes
from .learning_engine_tables import (
    ALONE,
    COLUMN,
    CONSTANT,
    DEPENDENCY,
    END,
    EPOCH,
    FIRST,
    FULL,
    HIGHEST,
    LAST,
    LEFT,
    LOWEST,
    MANTISSA,
    N_SOURCE,
    N_TARGET,
    NONE,
    OF_W,
    ON_U,
    ON_X0,
    ON_Y0,
    ONE,
    OWN,
    PERIOD,
    POST,
    PRE,
    RIGHT,
    ROW,
    ROWS,
    SIGN,
    SPAN,
    SYNAPSE,
    VARIABLE,
    WIDTH,
    X0,
    X1,
    X2,
    Y0,
    Y1,
    W,
)

_UNKNOWN = np.int64(1 << 31)  # a reach
_SMALL = np.int64(1 << 22)  # times any synaptic variable, 32 bits hold it


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
def _fill_column(c, p, at, base, learners, room):
    """Multiply a product's factors that are of the targets, in one step of the epoch."""
    number = learners.number[c]
    n = number[N_TARGET]
    passes.fill(room.column, base, n, ONE)
    for f in range(learners.product[p, FIRST], learners.product[p, LAST]):
        variable = learners.factor[f, VARIABLE]
        constant, width = np.int32(learners.factor[f, CONSTANT]), np.int32(learners.factor[f, WIDTH])
        if variable == Y0:
            passes.times_table(room.column, base, n, room.fired, 0, constant, width)
        elif Y1 <= variable < OF_W:
            place = ((variable - Y1) * (number[EPOCH] + 1) + at) * n
            passes.times_table(room.column, base, n, room.y, place, constant, width)


@jit
def prepare(c, epoch, n_fired, learners, room):
    """Find which products can be other than zero, and what the targets' factors make of them."""
    number = learners.number[c]
    n, length, first = number[N_TARGET], number[EPOCH], number[W]
    for p in range(first, number[END]):
        dependency, base, reach = learners.product[p, DEPENDENCY], learners.product[p, COLUMN], np.int64(1)
        if dependency == ON_Y0:
            reach = np.int64(n_fired)
        elif dependency == ON_U and epoch % number[PERIOD]:
            reach = np.int64(0)
        elif base >= 0 and dependency == ON_U:
            _fill_column(c, p, length, base, learners, room)
            reach = passes.largest(room.column, base, n)
            if number[FULL]:
                passes.repeat(room.column, base, n, SPAN - SPAN % n)
        elif base >= 0:
            for at in range(1, length + 1):
                _fill_column(c, p, at, base + (at - 1) * n, learners, room)
            reach = _UNKNOWN
        room.reach[p - first] = reach


@jit
def _add_own(first, last, small, total, n, to, old, values, start, value, right, left):
    """Add a product with one synaptic variable to sums, which it may begin or end."""
    none, base = values, 0
    if small and last and first:
        passes.begin_own_exact(total, n, to, old, values, start, value, none, base, right, left)
    elif small and last:
        passes.add_own_exact(total, n, to, old, values, start, value, none, base, right, left)
    elif first:
        passes.begin_own_held(total, n, to, old, values, start, value, none, base, right, left)
    elif small:
        passes.add_own_sum_held(total, n, to, old, values, start, value, none, base, right, left)
    else:
        passes.add_own_held(total, n, to, old, values, start, value, none, base, right, left)


@jit
def _add_both(first, last, small, total, n, to, old, values, start, value, column, base, right, left):
    """Add a product with one synaptic variable and factors of the targets to sums, which it may begin or end."""
    if small and last and first:
        passes.begin_both_exact(total, n, to, old, values, start, value, column, base, right, left)
    elif small and last:
        passes.add_both_exact(total, n, to, old, values, start, value, column, base, right, left)
    elif first:
        passes.begin_both_held(total, n, to, old, values, start, value, column, base, right, left)
    elif small:
        passes.add_both_sum_held(total, n, to, old, values, start, value, column, base, right, left)
    else:
        passes.add_both_held(total, n, to, old, values, start, value, column, base, right, left)


@jit
def _add_span(c, p, v, i, start, to, n, value, begins, last, learners, learned, room):
    """Add a product on x0 or u to the sums of synapses ``start`` to ``start + n - 1``, which are at ``to``."""
    number, own, base = learners.number[c], learners.product[p, OWN], learners.product[p, COLUMN]
    right, left = np.int32(learners.product[p, RIGHT]), np.int32(learners.product[p, LEFT])
    column, with_column, total, old = room.column, base >= 0, room.total[v], learned.variable[v]
    if with_column and learners.product[p, DEPENDENCY] == ON_X0:
        base += (np.int64(learned.tx[number[PRE] + i]) - 1) * number[N_TARGET]
    if with_column and not number[FULL]:
        passes.gather(room.product, n, column, base, learners.target, start)
        column, base = room.product, np.int64(0)
    if own >= 0:
        most = abs(np.int64(value)) * room.reach[p - number[W]]
        small = most < _SMALL and ((most * passes.OWN_MAX >> right) + 1) << left <= HIGHEST
        values = learned.variable[own]
        if with_column:
            _add_both(begins, last, small, total, n, to, old, values, start, value, column, base, right, left)
        else:
            _add_own(begins, last, small, total, n, to, old, values, start, value, right, left)
        return
    if begins:
        passes.load(total, n, old, start)
    if with_column:
        passes.fill_times(room.product, n, column, base, value)
    else:
        passes.fill(room.product, 0, n, value)
    if own != ALONE:
        _times_own(p, start, n, learners, learned, room)
    passes.add_products(total, to, n, room.product, right, left)


@jit
def _times_own(p, start, n, learners, learned, room):
    """Multiply products by their synaptic variables."""
    for f in range(learners.product[p, FIRST], learners.product[p, LAST]):
        variable = learners.factor[f, VARIABLE]
        if variable >= OF_W:
            constant, width = np.int32(learners.factor[f, CONSTANT]), np.int32(learners.factor[f, WIDTH])
            values = learned.variable[variable - OF_W]
            passes.times_own(room.product, n, values, start, constant, learners.factor[f, SIGN], width)


@jit
def _of_synapse(c, f, i, j, s, learners, learned, room):
    """Return a factor of a product on y0 that is not of the row."""
    number, variable = learners.number[c], learners.factor[f, VARIABLE]
    constant, width = np.int32(learners.factor[f, CONSTANT]), np.int32(learners.factor[f, WIDTH])
    if variable >= OF_W:
        value = np.int32(np.int32(learned.variable[variable - OF_W, s]) + constant)
        if learners.factor[f, SIGN]:
            return np.int32(np.int32(value > NONE) - np.int32(value < NONE))
    elif variable == Y0:
        value = np.int32(ONE + constant)
    elif X1 <= variable <= X2:
        place = ((variable - X1) * number[N_SOURCE] + i) * (number[EPOCH] + 1)
        value = np.int32(room.x[place + np.int64(learned.ty[number[POST] + j])] + constant)
    else:
        value = np.int32(room.at_spike[(variable - Y1) * number[N_TARGET] + j] + constant)
    return _clipped(value, width)


@jit
def _add_at_target(c, p, i, s, j, value, to, total, learners, learned, room):
    """Add a product on y0 to the sum of one synapse."""
    for f in range(learners.product[p, FIRST], learners.product[p, LAST]):
        if not _is_of_row(learners.factor[f, VARIABLE], ON_Y0, learners.number[c, EPOCH]):
            value = np.int32(value * _of_synapse(c, f, i, j, s, learners, learned, room))
    right, left = np.int32(learners.product[p, RIGHT]), np.int32(learners.product[p, LEFT])
    change = min(max(np.int32(np.int32(value >> right) << left), LOWEST), HIGHEST)
    total[to] = min(max(np.int32(total[to] + change), LOWEST), HIGHEST)


@jit
def _add_targets(c, p, i, start, to, n, n_fired, value, total, learners, learned, room):
    """Add a product on y0 to the sums of a row, where the targets fired."""
    if learners.number[c, FULL]:
        for e in range(n_fired):
            j = np.int64(room.who[e])
            _add_at_target(c, p, i, start + j, j, value, to + j, total, learners, learned, room)
    else:
        for s in range(n):
            j = np.int64(learners.target[start + s])
            if room.fired[j]:
                _add_at_target(c, p, i, start + s, j, value, to + s, total, learners, learned, room)


@jit
def _add_where_fired(c, p, v, first, end, begins, learners, learned, room):
    """Add a product on y0 that is of the source alone to the sums of some rows."""
    number = learners.number[c]
    right, left = np.int32(learners.product[p, RIGHT]), np.int32(learners.product[p, LEFT])
    start, any_change = number[SYNAPSE] + learners.row_ptr[number[ROW] + first], NONE
    for i in range(first, end):
        value = _of_row(c, p, i, learners, learned, room)
        value = min(max(np.int32(np.int32(value >> right) << left), LOWEST), HIGHEST)
        room.change[i - first] = value
        any_change |= value
    total, rows, n, old = room.total[v], end - first, number[N_TARGET], learned.variable[v]
    if any_change and begins:
        passes.begin_where_fired(total, rows, n, old, start, room.change, room.fired)
    elif any_change:
        passes.add_where_fired(total, rows, n, old, start, room.change, room.fired)
    elif begins:
        passes.load(total, rows * n, old, start)


@jit
def acts(c, p, spiked, learners, room):
    """Return whether a product can be other than zero for some synapse of rows of which one spiked, or none."""
    return room.reach[p - learners.number[c, W]] != 0 and (spiked or learners.product[p, DEPENDENCY] != ON_X0)


@jit
def add_product(c, p, v, first, end, n_fired, begins, last, learners, learned, room):
    """Add a product to the sums of a variable in the rows ``first`` to ``end - 1``, which it may begin or end."""
    number, dependency = learners.number[c], learners.product[p, DEPENDENCY]
    begin = number[SYNAPSE] + learners.row_ptr[number[ROW] + first]
    n = number[SYNAPSE] + learners.row_ptr[number[ROW] + end] - begin
    if dependency == ON_U and not learners.product[p, ROWS]:
        value = np.int32(learners.product[p, MANTISSA])
        _add_span(c, p, v, first, begin, 0, n, value, begins, last, learners, learned, room)
        return
    alone = learners.product[p, OWN] == ALONE and learners.product[p, COLUMN] < 0
    if dependency == ON_Y0 and number[FULL] and alone:
        _add_where_fired(c, p, v, first, end, begins, learners, learned, room)
        return
    total = room.total[v]
    if begins:
        passes.load(total, n, learned.variable[v], begin)
    for i in range(first, end):
        if dependency == ON_X0 and not learned.tx[number[PRE] + i]:
            continue
        value = _of_row(c, p, i, learners, learned, room)
        start = number[SYNAPSE] + learners.row_ptr[number[ROW] + i]
        n = number[SYNAPSE] + learners.row_ptr[number[ROW] + i + 1] - start
        if value and n:
            if dependency == ON_Y0:
                _add_targets(c, p, i, start, start - begin, n, n_fired, value, total, learners, learned, room)
            else:
                _add_span(c, p, v, i, start, start - begin, n, value, False, last, learners, learned, room)
