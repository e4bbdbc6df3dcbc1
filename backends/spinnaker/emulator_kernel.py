"""A timestep of the chip, compiled: what arrives, the cells, and the packets that they and the sources send.

Voltages and currents are whole numbers of 2^-15 in 32 bits, as the chip's s16.15, or floats; the arrays' types say
which. The ring buffers hold sums of the chip's 16-bit weights, which stop at 65535, or floats. Order: arrivals and
cells (``cells_kernel``), then the packets of this timestep (``packets_kernel``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .._shared.jit import jit, jit_cached
from . import neuromodulation_kernel, stdp_kernel
from .cells_kernel import BLOCK, CURRENT, Cells, advance_cells, change_currents
from .packets_kernel import exchange
from .stdp_kernel import History, Rules

V, EXCITATION, INHIBITION = range(3)  # what a probe samples


class Output(NamedTuple):
    """Spikes of the cells, and what is sampled of them."""

    ptr: np.ndarray  # (n_steps * n_cells + 1,) int64
    member: np.ndarray  # int32
    probe: np.ndarray  # (m,) int64: neurons
    what: np.ndarray  # (m,) int64: V, EXCITATION or INHIBITION
    sample: np.ndarray  # (n_steps, m) float64


@jit
def _sample(row, before, cells, state, output, one):
    """Sample voltages before the cells advance, and currents, which hold this timestep's arrivals, after it."""
    for m in range(len(output.probe)):
        i, what = output.probe[m], output.what[m]
        if (what == V) != before:
            continue
        at = np.uint64(cells.place[i])
        if before:
            output.sample[row, m] = state.cell[at] / one
            continue
        c = np.searchsorted(cells.first, i, side="right") - 1
        last = cells.n_receptors[c] - 1
        total = 0.0
        for r in range(last if what == EXCITATION else 1):
            total += state.cell[at + CURRENT + BLOCK * np.uint64(r if what == EXCITATION else last)]
        output.sample[row, m] = total / one


def _run(n_steps, step, clock, n_slots, one, cells, state, steps, sources, static, plastic, rules, history,
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
    one : float
        What a voltage or current of 1 is held as.
    """
    n_cells = len(cells.n_receptors)
    width = np.uint64(cells.buffer[-1])
    n = np.int64(0)
    for k in range(n_steps):
        now, time = step + k, step + k + clock
        slot = np.uint64(time % n_slots)
        if now >= 0:
            change_currents(k, cells, steps, state)
            _sample(k, True, cells, state, output, one)
        for c in range(n_cells):
            if now >= 0:
                n = advance_cells(c, now, slot, cells, state, one, output.member, n)
            output.ptr[k * n_cells + c + 1] = n
        if now >= 0:
            for i in range(slot * width, (slot + np.uint64(1)) * width):
                state.ring[i] = 0
            _sample(k, False, cells, state, output, one)
        exchange(k, now, time, slot, width, n_cells, sources, static, plastic, rules, history, dopamine, state.ring,
                 sent, output)  # fmt: skip


def _by_cells(first, ptr, member, start, steps, members):
    """List spikes by their population, which a run lists by their timestep.

    Parameters
    ----------
    first : int
        First timestep.
    ptr, member : int arrays
        Of the output.
    start : (n_cells,) int array
        Where each population's begin.
    steps, members : int arrays
        To be filled.
    """
    n_cells = np.uint64(len(start))
    for c in range(n_cells):
        n = start[c]
        for k in range(c, np.uint64(len(ptr) - 1), n_cells):
            for e in range(ptr[k], ptr[k + 1]):
                steps[n], members[n] = first + np.int64(k // n_cells), member[e]
                n += 1


run = jit_cached(_run, stdp_kernel.pair_update, neuromodulation_kernel.gated_update, Cells, Rules, History)
by_cells = jit_cached(_by_cells)
