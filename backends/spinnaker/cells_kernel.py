"""Cells of the chip, compiled: what flows into them, their voltages, and which of them fire.

In fixed point voltages and currents are whole numbers of 2^-15, which wrap in 32 bits. Order
(``neuron_impl_standard.h``): the currents decay, which the chip does at the end of the last timestep; arrivals are
added to them; the voltage moves with the current held; a spike where it is at the threshold or above, in a refractory
step also.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._shared.jit import jit
from .._shared.keyed import normal
from .apart import apart
from .cut_kernel import arrived, by_accum, faded, floor, whole
from .lanes import LANES, advance_lanes, lowest

RECEPTORS = 3
# Factors of cells: of all, and RECEPTOR_FACTORS more for each receptor.
V_REST, RESISTANCE, KEEP, THRESHOLD, RESET, REFRACTORY, WHOLE = range(7)
CELL_FACTORS = 7
# A receptor's current after each timestep; a step of the ring buffer where it arrives, after it is shifted; the current
# where it drives the cell. The last receptor of a cell inhibits it.
DECAY, JUMP, SHIFT, DRIVE = range(4)
RECEPTOR_FACTORS = 4
# Of the first two receptors.
DRIVES = (CELL_FACTORS + DRIVE, CELL_FACTORS + RECEPTOR_FACTORS + DRIVE)
SHIFTS = (CELL_FACTORS + SHIFT, CELL_FACTORS + RECEPTOR_FACTORS + SHIFT)
FACTORS = CELL_FACTORS + RECEPTORS * RECEPTOR_FACTORS
# Cells lie in blocks: what is of one kind side by side, after their voltages.
BLOCK = np.uint64(128)
WAIT, CONSTANT, TOTAL, CURRENT = (BLOCK * np.uint64(k) for k in range(1, 5))  # CURRENT: of the first receptor


class Cells(NamedTuple):
    """Tables of the cells. A run is a stretch of neighbours with equal parameters."""

    first: np.ndarray  # (n_cells + 1,) int64: first neuron of each
    block: np.ndarray  # (n_cells,) int64: where its first block lies
    place: np.ndarray  # (n_neurons,) int64: where the voltage of each lies
    buffer: np.ndarray  # (n_cells + 1,) int64: where its receptors' sums lie, one receptor after the other
    n_receptors: np.ndarray  # (n_cells,) int64
    run_ptr: np.ndarray  # (n_cells + 1,) int64
    run_start: np.ndarray  # (n_runs,) int64: first member of its population
    run_end: np.ndarray  # (n_runs,) int64
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
    """All that changes from one timestep to the next."""

    # int32, of which 2^15 are 1, or float64: blocks of cells. After their voltages come WAIT, the timesteps in which
    # refractory cells go on; CONSTANT, what flows besides synapses, noise and sines; TOTAL, room for what flows; and
    # CURRENT, of each receptor.
    cell: np.ndarray
    ring: np.ndarray  # (n_slots * n_sums,) uint16, or float64: sums of a timestep after those of another


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
def _receptor(f, r, step):
    """Return how a receptor's current decays in this timestep, and what its arrivals are multiplied by."""
    k = CELL_FACTORS + r * RECEPTOR_FACTORS
    return f[k + DECAY] if step > 0 else f[WHOLE], f[k + JUMP], f[k + SHIFT]


@jit
def _received(place, ring_place, receptor, state):
    """Let a receptor's current decay, and add what has come for it; returns it."""
    decay, jump, shift = receptor
    come = arrived(state.ring[ring_place], jump, shift)
    current = state.cell.dtype.type(faded(state.cell[place], decay) + come)
    state.cell[place] = current
    return current


@jit
def _move(place, flow, now, membrane, state):
    """Advance a cell's voltage."""
    kind, (v_rest, resistance, keep) = state.cell.dtype.type, membrane
    goal, v = kind(by_accum(kind(flow), resistance) + v_rest), state.cell[place]
    moved = kind(goal - by_accum(kind(goal - v), keep))
    state.cell[place] = moved if state.cell[place + WAIT] <= now else v


@jit
def _fire(place, step, f, state):
    """Reset a cell that fires."""
    kind = state.cell.dtype.type
    state.cell[place] = kind(f[RESET])
    state.cell[place + WAIT] = kind(step + 1 + np.int64(f[REFRACTORY]))


@jit
def _list(place, member, n, step, f, threshold, state, members, n_members):
    """List those of n cells that fire, and reset them; returns where the list ends."""
    for i in range(n):
        if state.cell[place + i] >= threshold:
            _fire(place + i, step, f, state)
            members[n_members] = np.int64(member + i)
            n_members += 1
    return n_members


@jit
def _advance_plain(place, ring_place, n, member, size, step, drive, f, threshold, state, members, n_members):
    """Advance n cells, LANES at once, that have two receptors, whose currents drive them as they are."""
    kind = state.cell.dtype.type
    exc, inh, membrane = _receptor(f, 0, 1), _receptor(f, 1, 1), (f[V_REST], f[RESISTANCE], f[KEEP])
    for i in range(np.uint64(0), n, LANES):
        at, sums = place + i, ring_place + i
        places = (at, at + WAIT, at + drive, at + CURRENT, at + CURRENT + BLOCK)
        fire = advance_lanes(state.cell, state.ring, places, (sums, sums + size), kind(step), (exc, inh), membrane,
                             threshold)  # fmt: skip
        while fire:
            k = lowest(fire)
            _fire(at + k, step, f, state)
            members[n_members] = np.int64(member + i + k)
            n_members += 1
            fire &= fire - np.uint64(1)
    return n_members


@jit
def _advance_any(place, ring_place, n, size, n_receptors, step, drive, f, state):
    """Advance n cells with any receptors."""
    kind = state.cell.dtype.type
    for i in range(place, place + n):
        state.cell[i + TOTAL] = state.cell[i + drive]
    for r in range(n_receptors):
        receptor, size_of = _receptor(f, r, step), f[CELL_FACTORS + r * RECEPTOR_FACTORS + DRIVE]
        current, sums = place + CURRENT + BLOCK * np.uint64(r), ring_place + size * np.uint64(r)
        for i in range(n):
            flow = by_accum(_received(current + i, sums + i, receptor, state), size_of)
            total = state.cell[place + TOTAL + i]
            state.cell[place + TOTAL + i] = kind(total + flow if r < n_receptors - 1 else total - flow)
    membrane = (f[V_REST], f[RESISTANCE], f[KEEP])
    for i in range(place, place + n):
        _move(i, state.cell[i + TOTAL], kind(step), membrane, state)


@jit
def _inject(c, step, cells, state, fixed, one):
    """Set what flows into cells besides their synapses."""
    first, size, kind = cells.first[c], cells.first[c + 1] - cells.first[c], state.cell.dtype.type
    for i in range(first, first + size):
        at = np.uint64(cells.place[i])
        state.cell[at + TOTAL] = state.cell[at + CONSTANT]
    for s in range(cells.sine_ptr[c], cells.sine_ptr[c + 1]):
        # s16.15 counts no more timesteps than these.
        time = np.float64(((step + 65536) & 131071) - 65536) if fixed else np.float64(step)
        turned = cells.frequency[s] * time
        for i in range(size):
            at = np.uint64(cells.place[first + i]) + TOTAL
            phase = cells.phase[cells.sine_start[s] + (i if cells.sine_size[s] > 1 else 0)]
            if fixed:
                sine = floor(math.sin((floor(turned) + phase) / one) * one + 0.5)
                state.cell[at] = kind(state.cell[at] + floor(cells.amplitude[s] * sine / one))
            else:
                state.cell[at] += cells.amplitude[s] * math.sin(turned + phase)
    n = cells.noise_start[c]
    if n >= 0:
        for i in range(size):
            at = np.uint64(cells.place[first + i]) + TOTAL
            draw = normal(cells.noise_key[n + i], step)
            if fixed:
                draw = floor(cells.noise[n + i] * floor(draw * one + 0.5) / one)
                state.cell[at] = kind(state.cell[at] + draw)
            else:
                state.cell[at] += cells.noise[n + i] * draw


@jit
def _is_plain(f, one):
    """Return whether cells with two receptors can be advanced LANES at once, after timestep 0: 32 bits hold all."""
    return (
        f[DRIVES[0]] == one and f[DRIVES[1]] == one and f[RESISTANCE] < 2.0**31 and f[KEEP] < one
        and max(f[SHIFTS[0]], f[SHIFTS[1]]) <= 16
    )  # fmt: skip


@apart
def advance_cells(c, step, slot, cells, state, one, members, n_members):
    """Advance one population; lists its spikes from n_members on, returns where they end."""
    size, n_receptors = np.uint64(cells.first[c + 1] - cells.first[c]), cells.n_receptors[c]
    block, sums = np.uint64(cells.block[c]), slot * np.uint64(cells.buffer[-1]) + np.uint64(cells.buffer[c])
    stride, drive = CURRENT + BLOCK * np.uint64(n_receptors), CONSTANT
    if cells.noise_start[c] >= 0 or cells.sine_ptr[c + 1] > cells.sine_ptr[c]:
        _inject(c, step, cells, state, whole(state.cell), one)
        drive = TOTAL
    for run in range(cells.run_ptr[c], cells.run_ptr[c + 1]):
        f, member, end = cells.factor[run], np.uint64(cells.run_start[run]), np.uint64(cells.run_end[run])
        threshold = state.cell.dtype.type(f[THRESHOLD])
        plain = step > 0 and n_receptors == 2 and _is_plain(f, one)
        while member < end:
            n = min(BLOCK - member % BLOCK, end - member)
            place = block + member // BLOCK * stride + member % BLOCK
            if plain and n >= LANES:
                n -= n % LANES
                n_members = _advance_plain(place, sums + member, n, member, size, step, drive, f, threshold, state,
                                           members, n_members)  # fmt: skip
            else:
                _advance_any(place, sums + member, n, size, n_receptors, step, drive, f, state)
                n_members = _list(place, member, n, step, f, threshold, state, members, n_members)
            member += n
    return n_members


@jit
def change_currents(row, cells, steps, state):
    """Let injected currents change in this timestep."""
    for e in range(steps.event_ptr[row], steps.event_ptr[row + 1]):
        k = steps.event[e]
        first, end = steps.ptr[k], steps.ptr[k + 1]
        for m in range(end - first):
            steps.value[first + m] = steps.level[steps.row[e] + m]
        c, kind = steps.cells[k], state.cell.dtype.type
        for i in range(cells.first[c], cells.first[c + 1]):
            state.cell[np.uint64(cells.place[i]) + CONSTANT] = kind(steps.offset[i])
        for other in range(len(steps.cells)):
            if steps.cells[other] == c:
                for m in range(steps.ptr[other], steps.ptr[other + 1]):
                    at = np.uint64(cells.place[steps.neuron[m]]) + CONSTANT
                    state.cell[at] = kind(state.cell[at] + steps.value[m])
