"""The chip's arithmetic, compiled: spikes summed through the connections, then the neurons' step.

Neurons lie in blocks of LANES, and in a block one variable after the other, as in ``_shared/layout.py``: a constant
distance apart, the compiler turns a block's step into vector instructions. A decay needs 36 bits, but

    x m >> 12  =  (x >> 12) m + ((x & 4095) m >> 12)

needs no more than 32. Weights of one connection have one sign, so magnitudes are summed: a dense connection has a row
of bytes for each source neuron, and up to 256 rows are added in 16 bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._shared.jit import jit, jit_cached
from .._shared.keyed import mix

LANES = 64
# Membrane; current; what has arrived for it in this step; 4096 less the decays; what bias adds; threshold; whether it
# fires. Of programmable neurons also: a second current; noise of this step; refractory steps left, and after a spike.
V, U, IN, KEEP_V, KEEP_U, BIAS, THRESHOLD, FIRED, U_INH, IN_INH, KEEP_INH, NOISE, WAIT, REFRACTORY = range(14)
FIELDS = 14
ROWS = 256  # of bytes that can be added in 16 bits: 256 * 255 < 2**16

LIMIT, TURN = np.int32(1 << 23), np.int32(1 << 24)
LOW = np.int32(4095)
NONE, ONE, SIX, TWELVE, ALL_BITS = np.int32(0), np.int32(1), np.int32(6), np.int32(12), np.int32(31)
_BITS, _DRAWS = np.uint64(12), np.uint64(255)


class Processes(NamedTuple):
    """Tables of the processes."""

    block: np.ndarray  # (n + 1,) int64: first block of each
    size: np.ndarray  # (n,) int64
    programmable: np.ndarray  # (n,) bool
    subtract: np.ndarray  # (n,) bool
    noise_start: np.ndarray  # (n,) int64: first of its draws; -1: no noise
    noise: np.ndarray  # int64: amplitudes of the draws
    noise_key: np.ndarray  # uint64


class Synapses(NamedTuple):
    """Tables of the connections. A lane is all synapses of a connection that have one delay."""

    lane_ptr: np.ndarray  # (n_connections + 1,) int64
    target: np.ndarray  # (n_connections,) int64: process
    receptor: np.ndarray  # (n_connections,) int64: IN or IN_INH
    negative: np.ndarray  # (n_connections,) bool
    exponent: np.ndarray  # (n_connections,) int64
    source: np.ndarray  # (n_lanes,) int64: group
    delay: np.ndarray  # (n_lanes,) int64
    dense: np.ndarray  # (n_lanes,) bool
    start: np.ndarray  # (n_lanes,) int64: of its rows in `row`, or of its pointers in `row_ptr`
    row: np.ndarray  # uint8: weights of dense lanes, a row of whole blocks for each source neuron
    row_ptr: np.ndarray  # int64: first synapse of each source neuron of the other lanes
    neuron: np.ndarray  # int32: target of each synapse of the other lanes
    weight: np.ndarray  # uint8: its magnitude


class Spikes(NamedTuple):
    """Spikes of a piece of the run, and before it of the steps whose spikes are still on their way.

    Group g (processes, then sources) fires ``member[offset[k]:offset[k + 1]]``, k = row * n_groups + g.
    """

    n_groups: int
    offset: np.ndarray  # int64
    member: np.ndarray  # int32
    source_ptr: np.ndarray  # (n_sources, n_steps + 1) int64: what the sources fire in each step of the piece
    source_member: np.ndarray  # int32


class Sums(NamedTuple):
    """Where weights are summed."""

    narrow: np.ndarray  # uint16
    wide: np.ndarray  # int32


@jit
def _place(block, field):
    return np.uint64((block * FIELDS + field) * LANES)


@jit
def _decay(x, keep):
    """Return x keep / 4096, towards zero."""
    size = np.int32(abs(x))
    whole = np.int32(np.int32(size >> TWELVE) * keep)
    part = np.int32(np.int32(np.int32(size & LOW) * keep) >> TWELVE)
    sign = np.int32(x >> ALL_BITS)  # 0 or -1
    return np.int32(np.int32(np.int32(whole + part) ^ sign) - sign)


@jit
def _wrap(x):
    """Keep 24 bits, of a number that is over by one turn at most."""
    return np.int32(x - (TURN if x > LIMIT else NONE) + (TURN if x <= -LIMIT else NONE))


@jit
def _clip(x):
    """Hold within 24 bits."""
    return min(max(x, np.int32(ONE - LIMIT)), np.int32(LIMIT - ONE))


@jit
def _row(e, start, width, spikes):
    """Return where the row of a spike begins."""
    return start + np.uint64(spikes.member[e]) * width


@jit
def _add_rows(lane, first, last, width, syn, spikes, sums):
    """Sum the rows of a dense lane's spikes first to last - 1, at most ROWS."""
    narrow, row = sums.narrow, syn.row
    for i in range(width):
        narrow[i] = 0
    start = np.uint64(syn.start[lane])
    e = first
    while e + 3 < last:
        a, b = _row(e, start, width, spikes), _row(e + 1, start, width, spikes)
        c, d = _row(e + 2, start, width, spikes), _row(e + 3, start, width, spikes)
        for i in range(width):
            two = np.uint16(np.uint16(row[a + i]) + np.uint16(row[b + i]))
            more = np.uint16(np.uint16(row[c + i]) + np.uint16(row[d + i]))
            narrow[i] = np.uint16(narrow[i] + np.uint16(two + more))
        e += 4
    while e < last:
        a = _row(e, start, width, spikes)
        for i in range(width):
            narrow[i] = np.uint16(narrow[i] + np.uint16(row[a + i]))
        e += 1
    for i in range(width):
        sums.wide[i] = np.int32(sums.wide[i] + np.int32(narrow[i]))


@jit
def _add_synapses(lane, first, last, syn, spikes, sums):
    """Sum the synapses of a sparse lane's spikes first to last - 1."""
    for e in range(first, last):
        place = syn.start[lane] + np.int64(spikes.member[e])
        for s in range(np.uint64(syn.row_ptr[place]), np.uint64(syn.row_ptr[place + 1])):
            sums.wide[np.uint64(syn.neuron[s])] += np.int32(syn.weight[s])


@jit
def _hand_over(c, block, n_blocks, syn, sums, cell):
    """Shift the sums of a connection, add them to what arrives, and clear them."""
    exponent, negative, wide = syn.exponent[c], syn.negative[c], sums.wide
    left, right = np.int32(max(exponent, 0)), np.int32(max(-exponent, 0))
    for b in range(n_blocks):
        here, there = np.uint64(b * LANES), _place(block + b, syn.receptor[c])
        for i in range(np.uint64(LANES)):
            total = np.int32(-wide[here + i]) if negative else wide[here + i]
            cell[there + i] += np.int32(np.int32(total << left) >> right)
            wide[here + i] = NONE


@jit
def _deliver(row, processes, syn, spikes, sums, cell):
    """Let the spikes arrive that are due in this step."""
    for c in range(len(syn.target)):
        block = processes.block[syn.target[c]]
        n_blocks = processes.block[syn.target[c] + 1] - block
        width, waiting = np.uint64(n_blocks * LANES), False
        for lane in range(syn.lane_ptr[c], syn.lane_ptr[c + 1]):
            k = (row - 1 - syn.delay[lane]) * spikes.n_groups + syn.source[lane]
            first, last = spikes.offset[k], spikes.offset[k + 1]
            if first == last:
                continue
            if syn.dense[lane]:
                for e in range(first, last, ROWS):
                    _add_rows(lane, e, min(e + ROWS, last), width, syn, spikes, sums)
            else:
                _add_synapses(lane, first, last, syn, spikes, sums)
            waiting = True
            # What is shifted to the right is rounded for each delay by itself, as Lava's delayed connections do.
            if syn.exponent[c] < 0:
                _hand_over(c, block, n_blocks, syn, sums, cell)
                waiting = False
        if waiting:
            _hand_over(c, block, n_blocks, syn, sums, cell)


@jit
def _step_plain(block, cell):
    """Advance a block of Lava's LIF."""
    v, u, arrived = _place(block, V), _place(block, U), _place(block, IN)
    keep_v, keep_u = _place(block, KEEP_V), _place(block, KEEP_U)
    bias, threshold, fired = _place(block, BIAS), _place(block, THRESHOLD), _place(block, FIRED)
    any_fired = NONE
    for i in range(np.uint64(LANES)):
        current = _wrap(np.int32(_decay(cell[u + i], cell[keep_u + i]) + np.int32(cell[arrived + i] << SIX)))
        cell[arrived + i] = NONE
        cell[u + i] = current
        x = _clip(np.int32(_decay(cell[v + i], cell[keep_v + i]) + current + cell[bias + i]))
        fires = ONE if x > cell[threshold + i] else NONE
        cell[fired + i] = fires
        cell[v + i] = NONE if fires else x
        any_fired = np.int32(any_fired | fires)
    return any_fired


@jit
def _step_programmable(block, subtract, cell):
    """Advance a block of neurons with two currents, refractory steps and noise."""
    v, u, u_inh = _place(block, V), _place(block, U), _place(block, U_INH)
    arrived, arrived_inh = _place(block, IN), _place(block, IN_INH)
    keep_v, keep_u, keep_inh = _place(block, KEEP_V), _place(block, KEEP_U), _place(block, KEEP_INH)
    bias, threshold, noise = _place(block, BIAS), _place(block, THRESHOLD), _place(block, NOISE)
    wait, refractory, fired = _place(block, WAIT), _place(block, REFRACTORY), _place(block, FIRED)
    any_fired = NONE
    for i in range(np.uint64(LANES)):
        current = _wrap(np.int32(_decay(cell[u + i], cell[keep_u + i]) + np.int32(cell[arrived + i] << SIX)))
        inhibition = _decay(cell[u_inh + i], cell[keep_inh + i])
        inhibition = _wrap(np.int32(inhibition + np.int32(cell[arrived_inh + i] << SIX)))
        cell[arrived + i] = NONE
        cell[arrived_inh + i] = NONE
        cell[u + i] = current
        cell[u_inh + i] = inhibition
        drive = np.int32(current + inhibition + cell[bias + i] + cell[noise + i])
        x = _clip(np.int32(_decay(cell[v + i], cell[keep_v + i]) + drive))
        waits = cell[wait + i]
        x = cell[v + i] if waits > NONE else x
        fires = ONE if (waits == NONE) & (x > cell[threshold + i]) else NONE
        after = np.int32(x - cell[threshold + i]) if subtract else NONE
        cell[fired + i] = fires
        cell[v + i] = after if fires else x
        cell[wait + i] = cell[refractory + i] if fires else max(np.int32(waits - ONE), NONE)
        any_fired = np.int32(any_fired | fires)
    return any_fired


@jit
def _draw(p, step, processes, cell):
    """Draw the noise of a process's neurons in a step."""
    first = processes.noise_start[p]
    for i in range(processes.size[p]):
        key = mix(processes.noise_key[first + i] ^ np.uint64(step))
        r = np.int64((key >> _BITS) % _DRAWS) - 127
        size = (abs(r) * processes.noise[first + i]) >> 7
        cell[_place(processes.block[p] + i // LANES, NOISE) + np.uint64(i % LANES)] = size if r >= 0 else -size


@jit
def _advance(step, row, processes, spikes, n_spikes, cell):
    """Advance all processes and list their spikes; returns the spikes listed so far."""
    for p in range(len(processes.size)):
        if processes.noise_start[p] >= 0:
            _draw(p, step, processes, cell)
        first, size = processes.block[p], processes.size[p]
        for block in range(first, processes.block[p + 1]):
            if processes.programmable[p]:
                any_fired = _step_programmable(block, processes.subtract[p], cell)
            else:
                any_fired = _step_plain(block, cell)
            if any_fired:
                fired, base = _place(block, FIRED), (block - first) * LANES
                for i in range(min(LANES, size - base)):
                    spikes.member[n_spikes] = base + i
                    n_spikes += cell[fired + np.uint64(i)]
        spikes.offset[row * spikes.n_groups + p + 1] = n_spikes
    return n_spikes


def _run(n_steps, step, row, processes, syn, spikes, sums, cell, probe, sample):
    """Advance the chip by some steps.

    Parameters
    ----------
    n_steps, step, row : int
        Steps, the first one's number, and its row in the list of spikes.
    processes : Processes
    syn : Synapses
    spikes : Spikes
    sums : Sums
    cell : int32 array
        The neurons' blocks.
    probe : (m,) int64 array
        Places in ``cell`` to sample at the end of each step.
    sample : (n_steps, m) int32 array
    """
    n_processes = len(processes.size)
    n_spikes = spikes.offset[row * spikes.n_groups]
    for k in range(n_steps):
        _deliver(row + k, processes, syn, spikes, sums, cell)
        n_spikes = _advance(step + k, row + k, processes, spikes, n_spikes, cell)
        for s in range(spikes.n_groups - n_processes):
            for e in range(spikes.source_ptr[s, k], spikes.source_ptr[s, k + 1]):
                spikes.member[n_spikes] = spikes.source_member[e]
                n_spikes += 1
            spikes.offset[(row + k) * spikes.n_groups + n_processes + s + 1] = n_spikes
        for m in range(len(probe)):
            sample[k, m] = cell[np.uint64(probe[m])]


def _collect(group, n_steps, step, row, spikes, steps, neurons):
    """List what a group fired in some steps.

    Parameters
    ----------
    group, n_steps, step, row : int
        Steps, the first one's number, and its row in the list of spikes.
    spikes : Spikes
    steps : (n,) int64 array
    neurons : (n,) int32 array
        Filled here.
    """
    n = 0
    for k in range(n_steps):
        place = (row + k) * spikes.n_groups + group
        for e in range(spikes.offset[place], spikes.offset[place + 1]):
            steps[n] = step + k
            neurons[n] = spikes.member[e]
            n += 1


collect = jit_cached(_collect, Spikes)
run = jit_cached(_run, Processes, Synapses, Spikes, Sums)
