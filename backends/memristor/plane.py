"""What the stepping kernel sees of all crossbars: flat arrays, how a row is read, a step settled, a weight written."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._shared.jit import jit
from .._shared.keyed import entity_key, normal, uniform
from .devices import WRITTEN
from .pulses import Cells, apply_pulses, write_to
from .switching import deterministic_count, set_probability, stochastic_count

ROWS, DEVICES, CONVERSIONS, ATTEMPTED, SUCCEEDED = range(5)
N_COUNTS = 5
READ, WRITE, HALF_SELECT = range(3)
N_ENERGIES = 3
PULSES, STOCHASTIC, SINGLE = range(3)


class Plane(NamedTuple):
    """All crossbars of a network, laid out for the kernel.

    Entries are what a read of a line passes: one per synapse, or one per column where operators are exact. Columns are
    accumulators: one per target neuron and band of tiles (those beside each other), whose partial sums are digitised
    apart: a step in which a row of a band is read converts all columns of the band.
    """

    line: np.ndarray  # (n_synapses,) int64: the line of a synapse's row
    ptr: np.ndarray  # (n_lines + 1,) into entries
    column: np.ndarray  # (n_entries,) int32
    weight: np.ndarray  # (n_entries,) float64: what a read gives [nA or mV]
    variance: np.ndarray  # (n_entries,) float64, of white noise; or empty
    territory: np.ndarray  # (n_entries,) int32, where there are astrocytes; -1 for none
    devices: np.ndarray  # (n_lines,) int64: devices that a read of the line drives
    power: np.ndarray  # (n_lines,) float64: sum of conductances [uS]
    place: np.ndarray  # (n_columns,) uint32, of the target's current
    owner: np.ndarray  # (n_columns,) int64, projection
    noise_key: np.ndarray  # (n_columns,) uint64
    total: np.ndarray  # (n_columns,) float64, room: sum of a step
    spread: np.ndarray  # (n_columns,) float64, room: variance of a step
    factor: np.ndarray  # (n_columns,) float64: what a column's digital output is multiplied with
    band: np.ndarray  # (n_lines,) int64: the band of tiles that a line lies on
    band_ptr: np.ndarray  # (n_bands + 1,) into columns
    hit: np.ndarray  # (n_bands,) bool, room
    touched: np.ndarray  # (n_bands + 1,) int64, room; the first is their number
    converter: np.ndarray  # (J, 3) float64: step, low and high [nA or mV]; step 0 for none
    noisy: bool
    now: np.ndarray  # (3,) float64: time of the devices' clock [s], at step 0, and of a step
    step: np.ndarray  # (1,) int64: the present one
    counts: np.ndarray  # (J, N_COUNTS) int64
    energy: np.ndarray  # (J, N_ENERGIES) float64 [fJ]
    per_uS: np.ndarray  # (2,) float64: of a read and a write pulse by the conductance [fJ/uS]
    # Cells beside the selected one of a write pulse: groups are rows, columns and tiles of the projections that learn
    groups: np.ndarray  # (n, N_GROUPS) int64, of each plastic synapse's device; (n, 0) where the others see nothing
    group_sum: np.ndarray  # (n_groups,) float64: sum of conductances [uS]
    group_per_uS: np.ndarray  # (N_GROUPS,) float64: of a write pulse by the other cells' conductance [fJ/uS]
    # Plastic synapses, in the order of the learning rules
    projection: np.ndarray  # (R,)
    entry: np.ndarray  # (n,) int64
    synapse_line: np.ndarray  # (n,) int64
    cell: np.ndarray  # (n,) int64: the cell in its projection
    gain: np.ndarray  # (n,) float64, of the wires
    fixed: np.ndarray  # (n,) float64: what is subtracted from a at a read, through no gain [uS]
    against: np.ndarray  # (n,) float64: b [uS]
    gain_against: np.ndarray  # (n,) float64
    scale: np.ndarray  # (R,) float64 [nA/uS]
    pulse: np.ndarray  # (R,) float64: weight change that a pulse is reckoned to make [nA]
    threshold: np.ndarray  # (n,) float64: the devices' own, of one-pulse learning [V]
    numbers: np.ndarray  # (R, N_NUMBERS) float64, of one-pulse learning
    draw_key: np.ndarray  # (R,) uint64
    mode: int
    longest: int
    cells: tuple[Cells, ...]  # of each rule


@jit
def read_line(j, a, b, syn, weight, gain, current, plane):
    """Drive the row of synapses a to b - 1: their columns take what it passes, the ledger what it costs."""
    if a == b:
        return
    line = plane.line[a]
    plane.counts[j, ROWS] += 1
    plane.counts[j, DEVICES] += plane.devices[line]
    plane.energy[j, READ] += plane.per_uS[READ] * plane.power[line]
    band = plane.band[line]
    if not plane.hit[band]:
        plane.hit[band] = True
        plane.touched[0] += 1
        plane.touched[plane.touched[0]] = band
    entries, column = range(np.uint64(plane.ptr[line]), np.uint64(plane.ptr[line + 1])), plane.column
    total, passed = plane.total, plane.weight
    if not syn.astrocytes[j]:
        for e in entries:
            total[column[e]] += passed[e]
        if plane.noisy:
            for e in entries:
                plane.spread[column[e]] += plane.variance[e]
        return
    for e in entries:
        factor = gain[plane.territory[e]] if plane.territory[e] >= 0 else 1.0
        total[column[e]] += factor * passed[e]
        if plane.noisy:
            plane.spread[column[e]] += factor * factor * plane.variance[e]


@jit
def settle_columns(step, current, plane):
    """Add noise to the columns' sums of this step, digitise and scale them, and hand them to the neurons."""
    plane.now[0] = plane.now[1] + (step + 1) * plane.now[2]
    plane.step[0] = step
    for t in range(1, plane.touched[0] + 1):
        band = plane.touched[t]
        for c in range(np.uint64(plane.band_ptr[band]), np.uint64(plane.band_ptr[band + 1])):
            total, j = plane.total[c], plane.owner[c]
            if plane.spread[c] > 0.0:
                total += math.sqrt(plane.spread[c]) * normal(plane.noise_key[c], step)
                plane.spread[c] = 0.0
            unit = plane.converter[j, 0]
            if unit > 0.0:
                low, high = plane.converter[j, 1], plane.converter[j, 2]
                total = low + unit * np.rint((min(max(total, low), high) - low) / unit)
                plane.counts[j, CONVERSIONS] += 1
            current[plane.place[c]] += plane.factor[c] * total
            plane.total[c] = 0.0
        plane.hit[band] = False
    plane.touched[0] = 0


@jit
def pulses_for(r, s, change, plane):
    """Return the pulses for a weight change, up if positive."""
    if plane.mode == PULSES:
        return np.int64(deterministic_count(change, plane.pulse[r], plane.longest))
    u = uniform(entity_key(plane.draw_key[r], plane.cell[s]), plane.step[0])
    if plane.mode == STOCHASTIC:
        return np.int64(stochastic_count(change, plane.pulse[r], plane.longest, u))
    p = set_probability(change, plane.threshold[s], plane.numbers[r])
    if u >= p:
        return np.int64(0)
    return np.int64(1) if change > 0.0 else np.int64(-1)


@jit
def write_device(r, s, weight, change, low, high, plane):
    """Write a plastic synapse's device; returns the weight that it then stands for."""
    cells, cell, j, scale = plane.cells[r], plane.cell[s], plane.projection[r], plane.scale[r]
    before, pulses, moved = cells.g[cell], np.int64(0), np.int64(0)
    if cells.kind == WRITTEN:
        wanted = min(max(weight + change, low), high)
        pulses = np.int64(1)
        moved = np.int64(write_to(cell, wanted / scale + plane.against[s] + plane.fixed[s], plane.now[0], cells))
    else:
        pulses = pulses_for(r, s, change, plane)
        if pulses != 0:
            moved = np.int64(apply_pulses(cell, pulses, plane.now[0], True, cells))
    after = cells.g[cell]
    attempts = 1 if plane.mode == SINGLE else abs(pulses)  # a pulse that does not switch the device is one, too
    plane.counts[j, ATTEMPTED] += attempts
    plane.counts[j, SUCCEEDED] += moved
    plane.energy[j, WRITE] += plane.per_uS[WRITE] * 0.5 * (before + after) * attempts
    plane.power[plane.synapse_line[s]] += after - before
    for q in range(plane.groups.shape[1]):
        group = plane.groups[s, q]
        others = plane.group_sum[group] - before
        plane.energy[j, HALF_SELECT] += plane.group_per_uS[q] * others * attempts
        plane.group_sum[group] += after - before
    read = plane.gain[s] * after - plane.fixed[s] - plane.gain_against[s] * plane.against[s]
    plane.weight[plane.entry[s]] = scale * read
    return scale * (after - plane.fixed[s] - plane.against[s])
