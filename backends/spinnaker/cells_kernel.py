"""Cells of the chip, compiled: what flows into them, their voltages, and which of them fire.

In fixed point voltages and currents are whole numbers of 2^-15. Order (``neuron_impl_standard.h``): the currents decay,
which the chip does at the end of the last timestep; arrivals are added to them; the voltage moves with the current
held; a spike where it is at the threshold or above, in a refractory step also.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._shared.bits import both
from .._shared.jit import jit
from .._shared.keyed import normal
from .apart import apart
from .cut_kernel import arrived, by_accum, faded, floor, under, whole

RECEPTORS = 3
# Factors of cells: of all, and RECEPTOR_FACTORS more for each receptor.
V_REST, RESISTANCE, KEEP, THRESHOLD, RESET, REFRACTORY, WHOLE = range(7)
CELL_FACTORS = 7
# A receptor's current after each timestep; a step of the ring buffer where it arrives, after it is shifted; the current
# where it drives the cell. The last receptor of a cell inhibits it.
DECAY, JUMP, SHIFT, DRIVE = range(4)
RECEPTOR_FACTORS = 4
FACTORS = CELL_FACTORS + RECEPTORS * RECEPTOR_FACTORS
BLOCK, PART = np.uint64(64), np.uint64(16)  # cells that are taken together, where most fire not


class Cells(NamedTuple):
    """Tables of the cells. A run is a stretch of neighbours with equal parameters."""

    first: np.ndarray  # (n_cells + 1,) int64: first neuron of each
    buffer: np.ndarray  # (n_cells + 1,) int64: where its receptors' sums lie, one receptor after the other
    n_receptors: np.ndarray  # (n_cells,) int64
    run_ptr: np.ndarray  # (n_cells + 1,) int64
    run_start: np.ndarray  # (n_runs + 1,) int64: neuron
    factor: np.ndarray  # (n_runs, FACTORS) int64: s16.15 and u0.32 as whole numbers; or float64
    noise_start: np.ndarray  # (n_cells,) int64: first of its draws; -1: no noise
    noise: np.ndarray  # float64: standard deviation of each draw
    noise_key: np.ndarray  # uint64
    sine_ptr: np.ndarray  # (n_cells + 1,) int64
    sine_start: np.ndarray  # (n_sines,) int64: first phase
    sine_size: np.ndarray  # (n_sines,) int64: 1, or all cells
    amplitude: np.ndarray  # (n_sines,) float64
    frequency: np.ndarray  # (n_sines,) float64 [rad/step]
    phase: np.ndarray  # float64 [rad]


class State(NamedTuple):
    """All that changes from one timestep to the next. Numbers are int32, of which 2^15 are 1, or float64."""

    v: np.ndarray  # (n_neurons,)
    wait: np.ndarray  # (n_neurons,) int32: timestep in which a refractory cell goes on
    constant: np.ndarray  # (n_neurons,): what flows besides synapses, noise and sines
    current: np.ndarray  # (n_sums,)
    ring: np.ndarray  # (n_slots * n_sums,) uint16, or float64: sums of a timestep after those of another
    total: np.ndarray  # (n_neurons,): room


class Steps(NamedTuple):
    """Currents injected in steps: what each brings now, and when it changes."""

    cells: np.ndarray  # (n_currents,) int64
    ptr: np.ndarray  # (n_currents + 1,) int64
    neuron: np.ndarray  # int64
    value: np.ndarray  # float64: of each current and neuron, now
    offset: np.ndarray  # (n_neurons,) float64: what flows without them
    event_ptr: np.ndarray  # (n_steps + 1,) int64
    event: np.ndarray  # int64: current that changes
    row: np.ndarray  # int64: where its new values begin
    level: np.ndarray  # float64


@jit
def _receive(place, ring_place, n, decay, jump, shift, current, ring):
    """Let a receptor's currents of n cells decay, and add what has come for it."""
    kind = current.dtype.type
    for i in range(n):
        come = arrived(ring[ring_place + i], jump, shift)
        current[place + i] = kind(faded(current[place + i], decay) + come)


@jit
def _gather(first, place, n, size, drive, total, current):
    """Let a receptor's currents flow into n cells, besides what flows already."""
    for i in range(n):
        total[first + i] = drive[first + i] + by_accum(current[place + i], size)


@jit
def _move(i, flow, now, v_rest, resistance, keep, threshold, state):
    """Advance a cell; returns -1 where it does not fire, else 0."""
    kind = state.v.dtype.type
    goal, v = by_accum(kind(flow), resistance) + v_rest, state.v[i]
    moved = kind(goal - by_accum(goal - v, keep))
    v = moved if state.wait[i] <= now else v
    state.v[i] = v
    return under(v, threshold)


@jit
def _integrate(first, exc, inh, n, now, drive, f, exc_size, inh_size, one, state):
    """Advance n cells with equal parameters; returns whether any fires."""
    v_rest, resistance, keep, threshold = f[V_REST], f[RESISTANCE], f[KEEP], state.v.dtype.type(f[THRESHOLD])
    below, now = np.int32(-1), np.int32(now)
    if exc_size == one and inh_size == one:
        for i in range(n):
            flow = drive[first + i] + state.current[exc + i] - state.current[inh + i]
            below = both(below, _move(first + i, flow, now, v_rest, resistance, keep, threshold, state))
    else:
        for i in range(n):
            flow = drive[first + i] + by_accum(state.current[exc + i], exc_size)
            flow = flow - by_accum(state.current[inh + i], inh_size)
            below = both(below, _move(first + i, flow, now, v_rest, resistance, keep, threshold, state))
    return below == 0


@jit
def _inject(c, step, cells, state, fixed, one):
    """Set what flows into cells besides their synapses."""
    first, size = cells.first[c], cells.first[c + 1] - cells.first[c]
    for i in range(first, first + size):
        state.total[i] = state.constant[i]
    for s in range(cells.sine_ptr[c], cells.sine_ptr[c + 1]):
        # s16.15 counts no more timesteps than these.
        time = np.float64(((step + 65536) & 131071) - 65536) if fixed else np.float64(step)
        turned = cells.frequency[s] * time
        for i in range(size):
            phase = cells.phase[cells.sine_start[s] + (i if cells.sine_size[s] > 1 else 0)]
            if fixed:
                sine = floor(math.sin((floor(turned) + phase) / one) * one + 0.5)
                state.total[first + i] += floor(cells.amplitude[s] * sine / one)
            else:
                state.total[first + i] += cells.amplitude[s] * math.sin(turned + phase)
    n = cells.noise_start[c]
    if n >= 0:
        for i in range(size):
            draw = normal(cells.noise_key[n + i], step)
            if fixed:
                draw = floor(cells.noise[n + i] * floor(draw * one + 0.5) / one)
                state.total[first + i] += draw
            else:
                state.total[first + i] += cells.noise[n + i] * draw


@jit
def _advance_block(first, n, place, ring_place, size, n_receptors, now, drive, f, one, state):
    """Advance n cells with equal parameters; returns whether any fires."""
    for r in range(n_receptors):
        k, at = CELL_FACTORS + r * RECEPTOR_FACTORS, np.uint64(r) * size
        decay = f[k + DECAY] if now > 0 else f[WHOLE]
        _receive(place + at, ring_place + at, n, decay, f[k + JUMP], f[k + SHIFT], state.current, state.ring)
    last = CELL_FACTORS + (n_receptors - 1) * RECEPTOR_FACTORS + DRIVE
    exc_size, inh_size = f[last - RECEPTOR_FACTORS], f[last]
    inh = place + np.uint64(n_receptors - 1) * size
    if n_receptors == 2:
        return _integrate(first, place, inh, n, now, drive, f, exc_size, inh_size, one, state)
    _gather(first, place, n, f[CELL_FACTORS + DRIVE], drive, state.total, state.current)
    return _integrate(first, inh - size, inh, n, now, state.total, f, exc_size, inh_size, one, state)


@jit
def _list(begin, first, end, now, f, threshold, state, members, n_members):
    """List those cells first to end - 1 that fire, and reset them; returns where the list ends."""
    for i in range(first, end):
        if state.v[i] >= threshold:
            state.v[i] = f[RESET]
            state.wait[i] = now + 1 + np.int64(f[REFRACTORY])
            members[n_members] = np.int64(i) - begin
            n_members += 1
    return n_members


@jit
def _collect(begin, first, n, now, f, state, members, n_members):
    """List those of n cells that fire, and reset them; returns where the list ends."""
    threshold = state.v.dtype.type(f[THRESHOLD])
    end = first + n
    if n == BLOCK:
        # Few of them fire: look for parts of the block that have one, several cells at once.
        for part in range(first, end, PART):
            below = np.int32(-1)
            for i in range(part, part + PART):
                below = both(below, under(state.v[i], threshold))
            if below == 0:
                n_members = _list(begin, part, part + PART, now, f, threshold, state, members, n_members)
        return n_members
    return _list(begin, first, end, now, f, threshold, state, members, n_members)


@apart
def advance_cells(c, step, slot, cells, state, one, members, n):
    """Advance one population; lists its spikes from n on, returns where they end."""
    begin, size, width = cells.first[c], cells.first[c + 1] - cells.first[c], np.uint64(len(state.current))
    drive = state.constant
    if cells.noise_start[c] >= 0 or cells.sine_ptr[c + 1] > cells.sine_ptr[c]:
        _inject(c, step, cells, state, whole(state.v), one)
        drive = state.total
    for run in range(cells.run_ptr[c], cells.run_ptr[c + 1]):
        f, end = cells.factor[run], np.uint64(cells.run_start[run + 1])
        for first in range(np.uint64(cells.run_start[run]), end, BLOCK):
            some = min(BLOCK, end - first)
            place = np.uint64(cells.buffer[c] - begin) + first
            if _advance_block(first, some, place, slot * width + place, np.uint64(size), cells.n_receptors[c], step,
                              drive, f, one, state):  # fmt: skip
                n = _collect(begin, first, some, step, f, state, members, n)
    return n


@jit
def change_currents(row, cells, steps, state):
    """Let injected currents change in this timestep."""
    for e in range(steps.event_ptr[row], steps.event_ptr[row + 1]):
        k = steps.event[e]
        first, end = steps.ptr[k], steps.ptr[k + 1]
        for m in range(end - first):
            steps.value[first + m] = steps.level[steps.row[e] + m]
        c = steps.cells[k]
        for i in range(cells.first[c], cells.first[c + 1]):
            state.constant[i] = steps.offset[i]
        for other in range(len(steps.cells)):
            if steps.cells[other] == c:
                for m in range(steps.ptr[other], steps.ptr[other + 1]):
                    state.constant[steps.neuron[m]] += steps.value[m]


