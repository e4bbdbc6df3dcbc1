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
from .synapse_kernel import hear, make_deliver, read_exactly

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
    input_step: np.ndarray
    input_group: np.ndarray
    input_index: np.ndarray
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


def make_kernel(cells: Sequence[type], read: Any = read_exactly, write: Any = write_exactly) -> Any:
    """Return the kernel with given parts.

    Parameters
    ----------
    cells : sequence of AstrocyteCell types
        Those the network uses.
    read : jitted callable
        How a synapse is read when a spike arrives; see :func:`make_deliver`.
    write : jitted callable
        How a weight is written at a tick; see :func:`make_tick`.

    Returns
    -------
    jitted callable
        ``kernel(neurons, currents, synapses, rhythms, rules, learning, state, probes, chunk, spikes, counts, dt,
        custom)`` runs until the chunk's end or until the spikes' room is used up, and returns the steps done.
        ``custom`` is handed to read and write.
    """
    return _make_kernel(tuple(cells), read, write)


@cache
def _make_kernel(cells: tuple[type, ...], read: Any, write: Any) -> Any:
    deliver, tick, step_astrocytes = make_deliver(read), make_tick(write), make_astrocytes(cells)

    @jit
    def arrive(row, syn, learn, state, spikes, counts, custom):
        for j in range(len(syn.source)):
            counts.synaptic_events[j] += deliver(j, row, syn, learn.weight, state.gain, state.neuron, spikes, custom)

    @jit
    def learn_now(row, step, neurons, syn, rules, learn, state, spikes, counts, dt):
        for r in range(len(rules.projection)):
            observe(r, rules, learn, state, dt)
            counts.pairings[r] += events(r, row, rules, learn, syn, spikes, dt)
            follow(r, row, step, rules, learn, syn, spikes, neurons, dt)
            accumulate(r, rules, learn, dt)

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

    def run(neurons, currents, syn, rhythms, rules, learn, state, probes, chunk, spikes, counts, dt, custom):
        n_populations = len(neurons.homogeneous)
        next_input, next_event = 0, 0
        dirty, alive = chunk.dirty, chunk.alive
        for p in range(n_populations):
            set_currents(p, neurons, currents, state)
            dirty[p], alive[p] = True, neurons.homeostatic[p]
        for d in range(len(currents.drive_population)):
            alive[currents.drive_population[d]] = True
        n_spikes = spikes.offset[chunk.row * spikes.n_groups]
        for k in range(chunk.n_steps):
            if n_spikes + chunk.n_members > len(spikes.member):
                return k
            step, row = chunk.step + k, chunk.row + k
            while next_event < len(chunk.event_step) and chunk.event_step[next_event] <= step:
                kind, thing = chunk.event_kind[next_event], chunk.event_object[next_event]
                if kind == RELEASE:
                    state.phasic[thing] += chunk.event_value[next_event]
                elif kind == TONIC:
                    state.tonic[thing] = chunk.event_value[next_event]
                else:
                    state.current_row[thing] = int(chunk.event_value[next_event])
                    set_currents(currents.population[thing], neurons, currents, state)
                    dirty[currents.population[thing]] = True
                next_event += 1
            if step % PERIOD == 0:
                tidy(state.neuron)
            arrive(row, syn, learn, state, spikes, counts, custom)
            if len(probes.code) > 0:
                sample(step, probes, neurons, syn, rhythms, rules, learn, state, dt)
            for p in range(n_populations):
                if dirty[p] or alive[p]:
                    set_v_inf(p, neurons, currents, state)
                    dirty[p] = False
                n_spikes = advance(p, step, neurons, state, spikes, n_spikes)
                spikes.offset[row * spikes.n_groups + p + 1] = n_spikes
            decay_modulators(rhythms, state)
            advance_oscillators(rhythms, state, chunk.before, dt)
            for g in range(n_populations, spikes.n_groups):
                while (
                    next_input < len(chunk.input_step)
                    and chunk.input_step[next_input] == step
                    and chunk.input_group[next_input] == g
                ):
                    spikes.member[n_spikes] = chunk.input_index[next_input]
                    n_spikes += 1
                    next_input += 1
                spikes.offset[row * spikes.n_groups + g + 1] = n_spikes
            learn_now(row, step, neurons, syn, rules, learn, state, spikes, counts, dt)
            kick_oscillators(row, rhythms, state, spikes)
            tick_clocks(row, step, syn, rhythms, rules, learn, state, spikes, counts, dt, custom)
        return chunk.n_steps

    return jit_cached(run, read.py_func, write.py_func, *cells)
