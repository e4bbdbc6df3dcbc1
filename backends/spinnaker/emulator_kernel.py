"""A timestep of the chip, compiled: what arrives, the cells, and the packets that they and the sources send.

Fixed-point numbers are held as floats that are whole: currents and voltages in units of 2^-15, so that a product with
a factor, cut by ``floor``, is what s16.15 gives; factors of u0.32 come in two halves of 16 bits, because a float has
53. The ring buffers hold sums of the chip's 16-bit weights, which stop at 65535.

Order (``neuron_impl_standard.h``, ``synapses.c``, ``synapse_dynamics_stdp_mad_impl.c``): the currents decay, which the
chip does at the end of the last timestep; arrivals are added to them; the voltage moves with the current held; a spike
where it is at the threshold or above, in a refractory step also; then the packets of this timestep: own spikes into the
history, dopamine, and the synapses.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._shared.jit import jit, jit_cached
from .._shared.keyed import normal, uniform
from .._shared.prefetch import prefetch
from . import neuromodulation_kernel, stdp_kernel
from .cut_kernel import cut_trace, floor
from .neuromodulation_kernel import gated_update
from .stdp_kernel import PLUS, STEP, History, Rules, decayed, pair_update, remember

RECEPTORS = 3
SATURATED = np.uint64(65535)
# Factors of cells: of all, and RECEPTOR_FACTORS more for each receptor.
V_REST, RESISTANCE, KEEP, THRESHOLD, RESET, REFRACTORY = range(6)
CELL_FACTORS = 6
# What a step of the ring buffer is; what an arrival and a current are multiplied by (the latter after each timestep),
# each in two halves; what the current is multiplied by where it drives the cell, with its sign.
UNIT, JUMP, JUMP_LOW, DECAY, DECAY_LOW, DRIVE = range(6)
RECEPTOR_FACTORS = 6
FACTORS = CELL_FACTORS + RECEPTORS * RECEPTOR_FACTORS
HALF = 2.0**-16
BLOCK = np.uint64(256)  # cells that are taken together: their numbers stay near
NONE, ONE = np.int64(0), np.int64(1)
V, EXCITATION, INHIBITION = range(3)  # what a probe samples


class Cells(NamedTuple):
    """Tables of the cells. A run is a stretch of neighbours with equal parameters."""

    first: np.ndarray  # (n_cells + 1,) int64: first neuron of each
    buffer: np.ndarray  # (n_cells + 1,) int64: where its receptors' sums lie, one receptor after the other
    n_receptors: np.ndarray  # (n_cells,) int64
    run_ptr: np.ndarray  # (n_cells + 1,) int64
    run_start: np.ndarray  # (n_runs + 1,) int64: neuron
    factor: np.ndarray  # (n_runs, FACTORS) float64
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

    v: np.ndarray  # (n_neurons,) float64
    wait: np.ndarray  # (n_neurons,) int64: refractory steps left
    constant: np.ndarray  # (n_neurons,) float64: what flows besides synapses, noise and sines
    current: np.ndarray  # (n_sums,) float64
    ring: np.ndarray  # (n_slots * n_sums,) uint16, or float64: sums of a timestep after those of another
    total: np.ndarray  # (n_neurons,) float64: room
    fired: np.ndarray  # (n_neurons,) int64: room


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


class Sources(NamedTuple):
    """What the sources send: given spikes, or a mean number for each timestep."""

    given_ptr: np.ndarray  # (n_sources, n_steps + 1) int64
    given: np.ndarray  # int32
    key_ptr: np.ndarray  # (n_sources + 1,) int64: none of given ones
    key: np.ndarray  # uint64
    rate_ptr: np.ndarray  # (n_sources + 1,) int64
    rate_step: np.ndarray  # int64
    mean: np.ndarray  # float64: spikes in a timestep, one row for each change
    mean_start: np.ndarray  # (n_changes,) int64
    mean_size: np.ndarray  # (n_changes,) int64: 1, or all


class Synapses(NamedTuple):
    """Static and plastic projections, listed by their sources' groups."""

    projection_ptr: np.ndarray  # (n_groups + 1,) int64
    projection: np.ndarray  # int64
    row_start: np.ndarray  # (n_projections,) int64: first of its pointers
    row_ptr: np.ndarray  # int64
    place: np.ndarray  # (n_synapses,) uint32: target's sum, counted from the sums of this timestep
    weight: np.ndarray  # uint16 or float64: of static synapses
    offset: np.ndarray  # (n_projections,) int64: what to take from a synapse's number for its weight
    rule: np.ndarray  # (n_projections,) int64: -1: static
    shift: np.ndarray  # (n_projections,) int64: what to take from a place for the target's row of the history


class Plastic(NamedTuple):
    """State of the plastic projections."""

    delay: np.ndarray  # uint16 [steps]
    weight: np.ndarray  # float64 [nA]
    eligibility: np.ndarray  # float64 [nA]
    pre_start: np.ndarray  # (n_projections,) int64: first of its source neurons
    pre_time: np.ndarray  # int64
    pre_trace: np.ndarray  # float64


class Dopamine(NamedTuple):
    """Groups whose spikes are dopamine."""

    ptr: np.ndarray  # (n_groups + 1,) int64
    first: np.ndarray  # int64: rows of the history that it reaches
    last: np.ndarray  # int64
    amount: np.ndarray  # float64


class Sent(NamedTuple):
    """Room for what the Poisson sources send in a timestep."""

    ptr: np.ndarray  # (n_sources + 1,) int64
    member: np.ndarray  # int32


class Output(NamedTuple):
    """Spikes of the cells, and what is sampled of them."""

    ptr: np.ndarray  # (n_steps * n_cells + 1,) int64
    member: np.ndarray  # int32
    probe: np.ndarray  # (m,) int64: neurons
    what: np.ndarray  # (m,) int64: V, EXCITATION or INHIBITION
    sample: np.ndarray  # (n_steps, m) float64


@jit
def _scaled(x, high, low, fixed):
    """Multiply a whole number by a u0.32 factor in two halves, and cut."""
    if fixed:
        return floor(x * high + floor(x * low) * HALF)
    return x * high


@jit
def _multiplied(x, factor, fixed):
    """Multiply by an s16.15 factor, and cut."""
    return floor(x * factor) if fixed else x * factor


@jit
def _receive(first, place, ring_place, n, r, begins, f, state, fixed):
    """Let a receptor's currents decay, add what has come for it, and let them flow into n cells."""
    c = CELL_FACTORS + r * RECEPTOR_FACTORS
    unit, jump, jump_low = f[c + UNIT], f[c + JUMP], f[c + JUMP_LOW]
    decay, decay_low = (1.0, 0.0) if begins else (f[c + DECAY], f[c + DECAY_LOW])
    size, sign = abs(f[c + DRIVE]), 1.0 if f[c + DRIVE] > 0.0 else -1.0
    for i in range(n):
        come = np.float64(state.ring[ring_place + i]) * unit
        state.ring[ring_place + i] = 0
        x = _scaled(state.current[place + i], decay, decay_low, fixed) + _scaled(come, jump, jump_low, fixed)
        state.current[place + i] = x
        state.total[first + i] += sign * _multiplied(x, size, fixed)


@jit
def _integrate(first, n, f, state, fixed):
    """Advance n cells with equal parameters; returns whether any fired."""
    v_rest, resistance, keep = f[V_REST], f[RESISTANCE], f[KEEP]
    threshold, reset, refractory = f[THRESHOLD], f[RESET], np.int64(f[REFRACTORY])
    any_fired = NONE
    for i in range(n):
        goal = _multiplied(state.total[first + i], resistance, fixed) + v_rest
        v, wait = state.v[first + i], state.wait[first + i]
        moved = goal - _multiplied(goal - v, keep, fixed)
        v = moved if wait <= NONE else v
        left = wait - ONE if wait > NONE else NONE
        fires = ONE if v >= threshold else NONE
        state.v[first + i] = reset if v >= threshold else v
        state.wait[first + i] = refractory if v >= threshold else left
        state.fired[first + i] = fires
        any_fired |= fires
    return any_fired


@jit
def _inject(c, step, cells, state, fixed, one):
    """Set what flows into cells besides their synapses."""
    first, size = cells.first[c], cells.first[c + 1] - cells.first[c]
    for k in range(np.uint64(first), np.uint64(first + size)):
        state.total[k] = state.constant[k]
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
def _advance_cells(c, step, slot, cells, state, fixed, one, members, n):
    """Advance one population; lists its spikes from n on, returns where they end."""
    _inject(c, step, cells, state, fixed, one)
    begin, size, width = cells.first[c], cells.first[c + 1] - cells.first[c], np.uint64(len(state.current))
    for run in range(cells.run_ptr[c], cells.run_ptr[c + 1]):
        f, end = cells.factor[run], np.uint64(cells.run_start[run + 1])
        for first in range(np.uint64(cells.run_start[run]), end, BLOCK):
            some = min(BLOCK, end - first)
            for r in range(cells.n_receptors[c]):
                place = np.uint64(cells.buffer[c] + r * size - begin) + first
                _receive(first, place, slot * width + place, some, r, step == 0, f, state, fixed)
            if _integrate(first, some, f, state, fixed):
                for i in range(first, first + some):
                    if state.fired[i]:
                        members[n] = np.int64(i) - begin
                        n += 1
    return n


@jit
def _sample(row, before, cells, state, output, one):
    """Sample voltages before the cells advance, and currents, which hold this timestep's arrivals, after it."""
    for m in range(len(output.probe)):
        i, what = output.probe[m], output.what[m]
        if (what == V) != before:
            continue
        if before:
            output.sample[row, m] = state.v[i] / one
            continue
        c = np.searchsorted(cells.first, i, side="right") - 1
        size = cells.first[c + 1] - cells.first[c]
        place = cells.buffer[c] + i - cells.first[c]
        last = cells.n_receptors[c] - 1
        total = 0.0
        for r in range(last if what == EXCITATION else 1):
            total += state.current[place + (r if what == EXCITATION else last) * size]
        output.sample[row, m] = total / one


@jit
def _add(ring, place, weight, fixed):
    """Add a weight to a sum, which saturates."""
    total = ring[place] + weight
    if fixed:
        total = total if total < SATURATED else SATURATED
    ring[place] = total


@jit
def _send(group, i, time, slot, width, syn, plastic, rules, history, ring, fixed):
    """Process the packet of one neuron: static synapses, and plastic ones with their update."""
    here, size = slot * width, np.uint64(len(ring))
    for k in range(syn.projection_ptr[group], syn.projection_ptr[group + 1]):
        p = syn.projection[k]
        row = syn.row_start[p] + i
        first, end = np.uint64(syn.row_ptr[row]), np.uint64(syn.row_ptr[row + 1])
        offset = np.uint64(syn.offset[p])
        if syn.rule[p] < 0:
            for s in range(first, end):
                place = here + np.uint64(syn.place[s])
                place = place - size if place >= size else place
                _add(ring, place, syn.weight[s - offset], fixed)
            continue
        rule, pre = syn.rule[p], plastic.pre_start[p] + i
        last_pre, trace = plastic.pre_time[pre], plastic.pre_trace[pre]
        plastic.pre_time[pre] = time
        passed = cut_trace(trace * decayed(rule, PLUS, time - last_pre, rules, fixed), fixed)
        plastic.pre_trace[pre] = cut_trace(passed + 1.0, fixed)
        for s in range(first, end):
            w = s - offset
            delay = np.int64(plastic.delay[w])
            target = np.int64(np.uint64(syn.place[s]) - np.uint64(delay) * width) - syn.shift[p]
            weight = _learn(rule, target, w, time, delay, last_pre, trace, plastic, rules, history, fixed)
            place = here + np.uint64(syn.place[s])
            place = place - size if place >= size else place
            _add(ring, place, weight, fixed)


@jit
def _bring(group, i, syn, plastic):
    """Have a neuron's synapses brought near."""
    for k in range(syn.projection_ptr[group], syn.projection_ptr[group + 1]):
        p = syn.projection[k]
        row = syn.row_start[p] + i
        first, end = syn.row_ptr[row], syn.row_ptr[row + 1]
        prefetch(syn.place, first, end)
        if syn.rule[p] < 0:
            prefetch(syn.weight, first - syn.offset[p], end - syn.offset[p])
        else:
            prefetch(plastic.weight, first - syn.offset[p], end - syn.offset[p])


@jit
def _learn(rule, target, w, time, delay, last_pre, trace, plastic, rules, history, fixed):
    """Bring a plastic synapse up to date; returns its new weight as the ring buffer counts it."""
    if rules.gated[rule]:
        weight, plastic.eligibility[w] = gated_update(
            rule, target, plastic.weight[w], plastic.eligibility[w], time, delay, last_pre, trace, rules, history, fixed
        )
    else:
        weight = pair_update(rule, target, plastic.weight[w], time, delay, last_pre, trace, rules, history, fixed)
    plastic.weight[w] = weight
    return weight / rules.factor[rule, STEP] if fixed else weight


@jit
def _dose(group, count, time, dopamine, rules, history, fixed):
    """Process a group's packets as dopamine."""
    for d in range(dopamine.ptr[group], dopamine.ptr[group + 1]):
        for _ in range(count):
            for i in range(dopamine.first[d], dopamine.last[d]):
                remember(i, time, False, dopamine.amount[d], rules, history, fixed)


@jit
def _draw(s, step, first, sources, member):
    """List what a Poisson source sends in a timestep, from a place on; returns how much it is."""
    change = sources.rate_ptr[s]
    while change + 1 < sources.rate_ptr[s + 1] and sources.rate_step[change + 1] <= step:
        change += 1
    start, several = sources.mean_start[change], sources.mean_size[change] > 1
    n = 0
    for i in range(sources.key_ptr[s + 1] - sources.key_ptr[s]):
        mean = sources.mean[start + (i if several else 0)]
        u = uniform(sources.key[sources.key_ptr[s] + i], step)
        chance = math.exp(-mean)
        count, below = 0, chance
        # The inverse of the distribution function; what a float can still tell apart ends the search.
        while u > below and chance > 0.0 and first + n < len(member):
            member[first + n] = i
            n += 1
            count += 1
            chance *= mean / count
            below += chance
    return n


@jit
def _change_currents(row, cells, steps, state):
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


@jit
def _exchange(row, now, time, slot, width, fixed, n_cells, sources, syn, plastic, rules, history, dopamine, ring, sent,
              output):  # fmt: skip
    """Process the packets of a timestep: own spikes, dopamine, synapses."""
    first = row * n_cells
    for c in range(n_cells):
        if history.first[c] >= 0:
            for e in range(output.ptr[first + c], output.ptr[first + c + 1]):
                remember(history.first[c] + output.member[e], time, True, 0.0, rules, history, fixed)
    n_sources = len(sources.key_ptr) - 1
    for s in range(n_sources):
        sent.ptr[s + 1] = sent.ptr[s]
        if sources.key_ptr[s + 1] > sources.key_ptr[s]:
            sent.ptr[s + 1] += _draw(s, now, sent.ptr[s], sources, sent.member)
    for dose in (True, False):
        for group in range(n_cells + n_sources):
            s = group - n_cells
            members, begin, end = output.member, output.ptr[first], output.ptr[first]
            if s < 0:
                begin, end = output.ptr[first + group], output.ptr[first + group + 1]
            elif sources.key_ptr[s + 1] > sources.key_ptr[s]:
                members, begin, end = sent.member, sent.ptr[s], sent.ptr[s + 1]
            else:
                members, begin, end = sources.given, sources.given_ptr[s, row], sources.given_ptr[s, row + 1]
            if dose:
                _dose(group, end - begin, time, dopamine, rules, history, fixed)
            else:
                if begin < end:
                    _bring(group, members[begin], syn, plastic)
                for e in range(begin, end):
                    if e + 1 < end:
                        _bring(group, members[e + 1], syn, plastic)
                    _send(group, members[e], time, slot, width, syn, plastic, rules, history, ring, fixed)


def _run(n_steps, step, clock, n_slots, fixed, one, cells, state, steps, sources, syn, plastic, rules, history,
         dopamine, sent, output):  # fmt: skip
    """Advance the chip by some timesteps.

    Parameters
    ----------
    n_steps, step : int
        Timesteps, and the first one's number; in timestep -1 only the sources send.
    clock : int
        What the chip counts in timestep 0.
    n_slots : int
        Of the ring buffers.
    fixed : bool
    one : float
        What a voltage or current of 1 is held as.
    """
    n_cells = len(cells.n_receptors)
    width = np.uint64(len(state.current))
    n = np.int64(0)
    for k in range(n_steps):
        now, time = step + k, step + k + clock
        slot = np.uint64(time % n_slots)
        if now >= 0:
            _change_currents(k, cells, steps, state)
            _sample(k, True, cells, state, output, one)
        for c in range(n_cells):
            if now >= 0:
                n = _advance_cells(c, now, slot, cells, state, fixed, one, output.member, n)
            output.ptr[k * n_cells + c + 1] = n
        if now >= 0:
            _sample(k, False, cells, state, output, one)
        _exchange(k, now, time, slot, width, fixed, n_cells, sources, syn, plastic, rules, history, dopamine,
                  state.ring, sent, output)  # fmt: skip


run = jit_cached(_run, stdp_kernel.pair_update, neuromodulation_kernel.gated_update, Cells, Rules, History)
