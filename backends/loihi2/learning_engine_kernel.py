"""The chip's learning engine, compiled: traces, then sums of products, then rounding.

Rows of synapses that follow each other are worked on together, SPAN synapses at once: a product that is alike for all
rows is one pass over them. A product that cannot be other than zero (its neuron did not fire, no dopamine) is left
out, and a row without any product is left alone.
"""

from __future__ import annotations

import math

import numpy as np

from .._shared.jit import jit, jit_cached
from . import emulator_kernel as chip
from . import learning_engine_passes as passes
from .learning_engine_products import acts, add_product, prepare
from .learning_engine_senders import send
from .learning_engine_tables import (
    CONNECTION,
    DEPENDENCY,
    DRAWS,
    END,
    EPOCH,
    HIGHEST,
    LOWEST,
    N_SOURCE,
    N_SYNAPSES,
    N_TARGET,
    NONE,
    ON_U,
    ON_X0,
    ON_Y0,
    ONE,
    POST,
    PRE,
    ROUND,
    ROW,
    SEVEN,
    SOURCE,
    SPAN,
    SYNAPSE,
    TAG_LOW,
    TARGET,
    THIRD,
    W_HIGH,
    W_LOW,
    D,
    Learned,
    Learners,
    Room,
    Senders,
    T,
    W,
)
from .learning_engine_traces import hear_sources, hear_targets, source_traces, target_traces


@jit
def _draw_alike(c, row, learners, room):
    """Take from Lava's draw of a step what rounds all variables: 7 bits, added below the point."""
    drawn = learners.draw[learners.number[c, DRAWS], row, ROUND]
    bits = np.int32(passes.LOW_BITS - np.int32(math.floor(128.0 * drawn)))
    for v in range(3):
        passes.fill(room.bits[v], 0, room.bits.shape[1], bits)


@jit
def _sum_products(c, v, first, end, n_fired, spiked, lowest, learners, learned, room):
    """Sum what a variable becomes in some rows; returns whether any product can have changed it."""
    number, total = learners.number[c], room.total[v]
    begin, beyond = number[W + v], number[W + v + 1]
    lowest = lowest and v == 1 and begin < beyond
    begun = lowest
    for p in range(begin, beyond):
        begun = begun or acts(c, p, spiked, learners, room)
    if begun:
        start = learners.row_ptr[number[ROW] + first]
        n = learners.row_ptr[number[ROW] + end] - start
        begins = not lowest
        if lowest:
            passes.load(total, n, learned.variable[v], number[SYNAPSE] + start)
        for p in range(begin, beyond):
            if acts(c, p, spiked, learners, room):
                add_product(c, p, v, first, end, n_fired, begins, p == beyond - 1, learners, learned, room)
                begins = False
            if lowest:  # whatever a product is, the sum is held
                passes.hold(total, n)
    return begun


@jit
def _learn_rows(c, first, end, n_fired, spiked, lowest, epoch, learners, learned, room):
    """Change the synapses of source neurons ``first`` to ``end - 1``; returns whether weights may have changed.

    Lava holds a sum, adds what rounds, shifts, and holds again; floors and ceilings do all of it at once.
    """
    number = learners.number[c]
    start = number[SYNAPSE] + learners.row_ptr[number[ROW] + first]
    n = number[SYNAPSE] + learners.row_ptr[number[ROW] + end] - start
    for v in range(3):
        room.changes[v] = _sum_products(c, v, first, end, n_fired, spiked, lowest, learners, learned, room)
    w, t, d = room.changes[0], room.changes[1], room.changes[2]
    if (w or t or d) and number[DRAWS] < 0:
        drawn = np.uint64(epoch * number[N_SYNAPSES] + start - number[SYNAPSE])
        passes.draw_each(room.bits, n, learners.key[c], drawn)
    if w:
        floor = np.int32(number[W_LOW] << SEVEN)
        ceiling = HIGHEST if number[W_HIGH] else passes.LOW_BITS
        passes.settle(learned.variable[0], start, n, room.total[0], room.bits[0], floor, ceiling)
    if t:
        least = passes.settle(learned.variable[1], start, n, room.total[1], room.bits[1], LOWEST, HIGHEST)
        for i in range(first, end):
            learned.lowest[number[PRE] + i] = NONE
            if least == TAG_LOW:
                begin, beyond = learners.row_ptr[number[ROW] + i], learners.row_ptr[number[ROW] + i + 1]
                least_of_row = passes.least_of(learned.variable[1], number[SYNAPSE] + begin, beyond - begin)
                learned.lowest[number[PRE] + i] = np.int32(least_of_row == TAG_LOW)
    if d:
        passes.settle(learned.variable[2], start, n, room.total[2], room.bits[2], NONE, HIGHEST)
    return w


@jit
def _changes_rows(c, dependency, learners, room):
    """Return whether products on a dependency can be other than zero."""
    number = learners.number[c]
    for p in range(number[W], number[END]):
        if learners.product[p, DEPENDENCY] == dependency and room.reach[p - number[W]] != 0:
            return True
    return False


@jit
def ends_epoch(c, step, learners):
    """Return whether a connection learns at the end of a step (counted from 0)."""
    return (step + 1) % learners.number[c, EPOCH] == 0


@jit
def learn(c, row, step, learners, learned, room):
    """Let a connection learn at the end of an epoch; returns whether its weights may have changed.

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

    Returns
    -------
    bool
    """
    number = learners.number[c]
    n_source, n_target, pre, post = number[N_SOURCE], number[N_TARGET], number[PRE], number[POST]
    epoch = (step + 1) // number[EPOCH]
    source_traces(c, row, step, learners, learned, room)
    target_traces(c, row, step, learners, learned, room)
    n_fired = 0
    for j in range(n_target):
        room.fired[j] = ONE if learned.ty[post + j] else NONE
        room.who[n_fired] = j
        n_fired += 1 if learned.ty[post + j] else 0
    prepare(c, epoch, n_fired, learners, room)
    if number[DRAWS] >= 0:
        _draw_alike(c, row, learners, room)
    all_rows = _changes_rows(c, ON_U, learners, room) or _changes_rows(c, ON_Y0, learners, room)
    at_spikes, has_tag = _changes_rows(c, ON_X0, learners, room), number[T] < number[D]
    moved, i = False, 0
    while i < n_source:
        first, spiked, lowest = i, False, False
        limit = learners.row_ptr[number[ROW] + first] + SPAN
        while i < n_source and (i == first or learners.row_ptr[number[ROW] + i + 1] <= limit):
            fires, low = learned.tx[pre + i] > 0, has_tag and learned.lowest[pre + i] > 0
            if not (all_rows or low or (fires and at_spikes)):
                break
            spiked, lowest, i = spiked or fires, lowest or low, i + 1
        if i > first:
            moved = _learn_rows(c, first, i, n_fired, spiked, lowest, epoch, learners, learned, room) or moved
        else:
            i += 1
    for i in range(n_source):
        learned.tx[pre + i] = NONE
    for j in range(n_target):
        learned.ty[post + j] = NONE
    return moved


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
def _hand_back(c, processes, syn, learners, learned):
    """Write what a connection has learned to where spikes are summed."""
    number, values = learners.number[c], learned.variable[0]
    connection, negative = number[CONNECTION], number[W_HIGH] == 0
    lane, target = syn.lane_ptr[connection], syn.target[connection]
    width, begin = (processes.block[target + 1] - processes.block[target]) * chip.LANES, syn.start[lane]
    for i in range(number[N_SOURCE]):
        start = number[SYNAPSE] + learners.row_ptr[number[ROW] + i]
        end = number[SYNAPSE] + learners.row_ptr[number[ROW] + i + 1]
        if syn.dense[lane] and end - start == number[N_TARGET]:
            passes.copy_sizes(syn.row, begin + i * width, values, start, end - start, negative)
        elif syn.dense[lane]:
            for s in range(np.uint64(start), np.uint64(end)):
                place = np.uint64(begin + i * width) + np.uint64(learners.target[s])
                syn.row[place] = np.uint8(abs(np.int32(values[s])))
        else:
            passes.copy_sizes(syn.weight, syn.row_ptr[begin + i], values, start, end - start, negative)


@jit
def _learn_step(row, k, step, processes, syn, spikes, learners, learned, senders, room):
    """Let everything learn that has an epoch's end in a step.

    ``row`` is the step's row of spikes, ``k`` that of Lava's draws and of third factors.
    """
    n = spikes.n_groups
    for p in range(len(senders.process)):
        place = row * n + senders.process[p]
        send(p, k, spikes.member, spikes.offset[place], spikes.offset[place + 1], senders)
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
            if learn(c, k, step, learners, learned, room):
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
