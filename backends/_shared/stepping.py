"""The stepping kernel: the order of a step, with replaceable synaptic read and weight write.

A step goes from t_n to t_n+1: what is dated t_n acts, spikes arrive, variables are sampled; then neurons, modulators
and oscillators advance, spikes are found, learning sees them, and clocks that are due at t_n+1 tick.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .attention_kernel import follow, sample_global, sample_local
from .jit import jit, jit_cached
from .learning_kernel import (
    BLOCK,
    PSI_CLOCK,
    TICK,
    TICK_CLOCK,
    accumulate,
    end_block,
    events,
    make_tick,
    observe,
    write_exactly,
)
from .neuron_kernel import PERIOD, advance, set_currents, set_v_inf, tidy
from .recording_kernel import sample
from .rhythm_kernel import advance_oscillators, decay_modulators, kick_oscillators, make_astrocytes
from .synapse_kernel import hear, make_deliver, read_exactly, settle_at_once

RELEASE, TONIC, CURRENT = range(3)


class Spikes(NamedTuple):
    """Spikes by step and group: group g of row k has member[offset[k n_groups + g] : offset[k n_groups + g + 1]]."""

    member: np.ndarray  # int32, index in its group
    offset: np.ndarray  # int64
    n_groups: int


class Chunk(NamedTuple):
    """A range of steps and what is scheduled in it."""

    step: int  # the first step
    n_steps: int
    row: int  # row of the first step in Spikes; the rows before it are history
    n_members: int  # members of all groups together: room for one step's spikes
    given_step: np.ndarray  # spikes that are not computed here: those of inputs, and where a chip runs them, of all
    given_group: np.ndarray
    given_index: np.ndarray
    event_step: np.ndarray
    event_kind: np.ndarray
    event_object: np.ndarray
    event_value: np.ndarray
    dirty: np.ndarray  # (P,) bool, room to note populations whose currents changed
    alive: np.ndarray  # (P,) bool, and those whose currents change at every step
    before: np.ndarray  # (O,) room for the phases at the start of a step


class Counts(NamedTuple):
    """The ledger of a chunk."""

    synaptic_events: np.ndarray  # (J,)
    pairings: np.ndarray  # (R,)
    ticks: np.ndarray
    applied: np.ndarray
    rejected: np.ndarray
    astrocyte_updates: np.ndarray  # (groups,)
    astrocyte_releases: np.ndarray


@jit
def start_chunk(neurons, currents, chunk, state):
    """Sum the currents in force, and note which populations' change at every step."""
    for p in range(len(neurons.homogeneous)):
        set_currents(p, neurons, currents, state)
        chunk.dirty[p], chunk.alive[p] = True, neurons.homeostatic[p]
    for d in range(len(currents.drive_population)):
        chunk.alive[currents.drive_population[d]] = True


@jit
def act(event, step, neurons, currents, chunk, state):
    """Let what is scheduled up to the start of a step act; returns the first event that is still to come."""
    while event < len(chunk.event_step) and chunk.event_step[event] <= step:
        kind, thing = chunk.event_kind[event], chunk.event_object[event]
        if kind == RELEASE:
            state.phasic[thing] += chunk.event_value[event]
        elif kind == TONIC:
            state.tonic[thing] = chunk.event_value[event]
        else:
            state.current_row[thing] = int(chunk.event_value[event])
            set_currents(currents.population[thing], neurons, currents, state)
            chunk.dirty[currents.population[thing]] = True
        event += 1
    return event


@jit
def advance_all(row, step, neurons, currents, chunk, state, spikes, n_spikes):
    """Advance all populations by one step and list their spikes; returns the new number of spikes."""
    for p in range(len(neurons.homogeneous)):
        if chunk.dirty[p] or chunk.alive[p]:
            set_v_inf(p, neurons, currents, state)
            chunk.dirty[p] = False
        n_spikes = advance(p, step, neurons, state, spikes, n_spikes)
        spikes.offset[row * spikes.n_groups + p + 1] = n_spikes
    return n_spikes


@jit
def list_given(row, step, first_group, next_given, chunk, spikes, n_spikes):
    """List the given spikes of a step; returns the first that is still to come and the new number of spikes."""
    for g in range(first_group, spikes.n_groups):
        while (
            next_given < len(chunk.given_step)
            and chunk.given_step[next_given] == step
            and chunk.given_group[next_given] == g
        ):
            spikes.member[n_spikes] = chunk.given_index[next_given]
            n_spikes += 1
            next_given += 1
        spikes.offset[row * spikes.n_groups + g + 1] = n_spikes
    return next_given, n_spikes


@jit
def fire(row, step, next_given, neurons, currents, chunk, state, spikes, n_spikes):
    """Advance all populations by one step and list the spikes of all groups."""
    n_spikes = advance_all(row, step, neurons, currents, chunk, state, spikes, n_spikes)
    return list_given(row, step, len(neurons.homogeneous), next_given, chunk, spikes, n_spikes)


@jit
def learn_now(row, step, neurons, syn, rules, learn, state, spikes, counts, dt):
    """Let the spikes of a step act on all that learns."""
    for r in range(len(rules.projection)):
        observe(r, rules, learn, state, dt)
        counts.pairings[r] += events(r, row, rules, learn, syn, spikes, dt)
        follow(r, row, step, rules, learn, syn, spikes, neurons, dt)
        accumulate(r, rules, learn, dt)


def make_kernel(
    cells: Sequence[type],
    read: Any = read_exactly,
    write: Any = write_exactly,
    settle: Any = settle_at_once,
    fire: Any = fire,
) -> Any:
    """Return the kernel with given parts.

    Parameters
    ----------
    cells : sequence of AstrocyteCell types
        Those the network uses.
    read : jitted callable
        How a synapse is read when a spike arrives; see :func:`make_deliver`.
    write : jitted callable
        How a weight is written at a tick; see :func:`make_tick`.
    settle : jitted callable (step, current, custom)
        What remains to be done once all spikes of a step have been read.
    fire : jitted callable
        How the populations go on and what spikes; the arguments are those of :func:`fire`, which returns the first
        given spike that is still to come and the new number of spikes.

    Returns
    -------
    jitted callable
        ``kernel(neurons, currents, synapses, rhythms, rules, learning, state, probes, chunk, spikes, counts, dt,
        custom)`` runs until the chunk's end or until the spikes' room is used up, and returns the steps done.
        ``custom`` is handed to read, write and settle.
    """
    return _make_kernel(tuple(cells), read, write, settle, fire)


@cache
def _make_kernel(cells: tuple[type, ...], read: Any, write: Any, settle: Any, fire: Any) -> Any:
    deliver, tick_clocks = make_deliver(read), _make_tick_clocks(cells, write)

    def run(neurons, currents, syn, rhythms, rules, learn, state, probes, chunk, spikes, counts, dt, custom):
        next_given, next_event = 0, 0
        start_chunk(neurons, currents, chunk, state)
        n_spikes = spikes.offset[chunk.row * spikes.n_groups]
        for k in range(chunk.n_steps):
            if n_spikes + chunk.n_members > len(spikes.member):
                return k
            step, row = chunk.step + k, chunk.row + k
            next_event = act(next_event, step, neurons, currents, chunk, state)
            if step % PERIOD == 0:
                tidy(state.neuron)
            for j in range(len(syn.source)):
                counts.synaptic_events[j] += deliver(j, row, syn, learn.weight, state, spikes, custom)
            settle(step, state.neuron, custom)
            if len(probes.code) > 0:
                sample(step, probes, neurons, syn, rhythms, rules, learn, state, dt)
            next_given, n_spikes = fire(row, step, next_given, neurons, currents, chunk, state, spikes, n_spikes)
            decay_modulators(rhythms, state)
            advance_oscillators(rhythms, state, chunk.before, dt)
            learn_now(row, step, neurons, syn, rules, learn, state, spikes, counts, dt)
            kick_oscillators(row, rhythms, state, spikes)
            tick_clocks(row, step, syn, rhythms, rules, learn, state, spikes, counts, dt, custom)
        return chunk.n_steps

    return jit_cached(run, read.py_func, write.py_func, settle.py_func, fire.py_func, *cells)


def _make_tick_clocks(cells: tuple[type, ...], write: Any) -> Any:
    tick, step_astrocytes = make_tick(write), make_astrocytes(cells)

    @jit
    def tick_clocks(row, step, syn, rhythms, rules, learn, state, spikes, counts, dt, custom):
        if len(rhythms.astro_clock) > 0:
            for j in range(len(syn.source)):
                if syn.astrocytes[j]:
                    hear(j, row, syn, state.astro_arrivals, rhythms.astro_share, spikes)
            for g in range(len(rhythms.astro_clock)):
                if (step + 1) % rhythms.astro_clock[g] == 0:
                    counts.astrocyte_releases[g] += step_astrocytes(g, rhythms, state)
                    counts.astrocyte_updates[g] += rhythms.astro_start[g + 1] - rhythms.astro_start[g]
        for r in range(len(rules.projection)):
            if learn.clock[r, TICK_CLOCK] >= rules.flags[r, TICK]:
                applied, rejected = tick(r, rules, learn, syn, state, dt, custom)
                counts.applied[r] += applied
                counts.rejected[r] += rejected
                counts.ticks[r] += 1
                sample_local(r, step, rules, learn, syn, dt)
                sample_global(r, rules, learn, state)
                for k in range(len(state.meta)):
                    learn.meta[r, k] = state.meta[k]
            elif learn.clock[r, PSI_CLOCK] >= rules.flags[r, BLOCK]:
                end_block(r, rules, learn, syn, dt)

    return tick_clocks
