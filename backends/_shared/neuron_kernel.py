"""Neurons inside the kernel: exact integration, noise, threshold, reset, refractoriness.

The loop over a block has no branches and a fixed length, so that it becomes vector instructions; spikes are looked for
only in blocks that have one.
"""

from __future__ import annotations

import math

import numpy as np

from .bits import bits, both, from_bits, size_bits, smaller
from .jit import jit
from .keyed import normal
from .layout import (
    COEFFICIENTS,
    EXC,
    FIELDS,
    INH,
    K_EXC,
    K_INH,
    LANES,
    RHO_EXC,
    RHO_INH,
    RHO_M,
    V_INF,
    V_THRESH,
    WAIT,
    V,
    at,
)

FAR = np.float32(3e38)  # beyond any distance, in either precision
# At every step divisible by PERIOD, currents [nA] and potentials [mV] below NONE become 0: for numbers at the end of
# their range, where those of a silent network would stay, a processor took 80 times as long in either precision.
PERIOD, NONE = 256, np.float32(1e-30)
ZERO, ONE = np.float32(0.0), np.float32(1.0)  # of the lower precision, so that they widen no number


@jit
def set_v_inf(p, neurons, currents, state):
    """Compute where the membrane potentials of a population would settle under the currents of this step."""
    a, b = neurons.start[p], neurons.start[p + 1]
    for i in range(a, b):
        current = state.i_in[i]
        for d in range(len(currents.drive_population)):
            if currents.drive_population[d] == p:
                first = currents.drive_ptr[d]
                one = currents.drive_ptr[d + 1] - first == 1
                phase = currents.drive_phase[first if one else first + i - a]
                current += currents.drive_amplitude[d] * math.cos(state.phi[currents.drive_oscillator[d]] - phase)
        place = at(neurons.block[p], i - a, V_INF)
        state.neuron[place] = neurons.v_rest[i] + neurons.resistance[i] * current + state.bias[i]


@jit
def set_currents(p, neurons, currents, state):
    """Sum the injected currents in force on a population."""
    for i in range(neurons.start[p], neurons.start[p + 1]):
        state.i_in[i] = neurons.i_offset[i]
    for c in range(len(currents.population)):
        if currents.population[c] == p:
            width = currents.row_width[c]
            row = currents.row_start[c] + state.current_row[c] * width
            for k in range(currents.ptr[c], currents.ptr[c + 1]):
                state.i_in[currents.neuron[k]] += currents.values[row + (0 if width == 1 else k - currents.ptr[c])]


@jit
def since(step, neuron):
    """Return the steps since the last one divisible by PERIOD, in the precision of the run."""
    return neuron.dtype.type(step % PERIOD)


@jit
def tidy(neuron):
    """Drop what is nothing, and count refractory steps from now on."""
    for first in range(np.uint64(0), np.uint64(len(neuron)), np.uint64(FIELDS * LANES)):
        for k in range(first, first + np.uint64(WAIT * LANES)):
            neuron[k] = neuron[k] if abs(neuron[k]) > NONE else ZERO
        for k in range(first + np.uint64(WAIT * LANES), first + np.uint64(FIELDS * LANES)):
            neuron[k] = max(neuron[k] - np.float32(PERIOD), ZERO)


@jit
def deliver_delta(p, now, field, sign, neurons, neuron):
    """Add a delta receptor's arrivals to v; they are lost on refractory neurons."""
    for block in range(neurons.block[p], neurons.block[p + 1]):
        first = np.uint64(block * FIELDS * LANES)
        for k in range(first, first + np.uint64(LANES)):
            if neuron[k + np.uint64(WAIT * LANES)] <= now:
                neuron[k + np.uint64(V * LANES)] += sign * neuron[k + np.uint64(field * LANES)]


@jit
def step_neuron(k, now, neuron, rho_m, rho_exc, rho_inh, k_exc, k_inh, v_thresh):
    """Advance the neuron at place k by one step; returns how far above its threshold it is (-FAR if refractory)."""
    v, v_inf, idle = neuron[k], neuron[k + np.uint64(V_INF * LANES)], neuron[k + np.uint64(WAIT * LANES)] <= now
    exc, inh = neuron[k + np.uint64(EXC * LANES)], neuron[k + np.uint64(INH * LANES)]
    v = v_inf + (v - v_inf) * rho_m + k_exc * exc - k_inh * inh if idle else v
    neuron[k] = v
    neuron[k + np.uint64(EXC * LANES)] = exc * rho_exc
    neuron[k + np.uint64(INH * LANES)] = inh * rho_inh
    return v - v_thresh if idle else -FAR


@jit
def step_alike(block, now, neuron, coefficient, nearest):
    """Advance a block of neurons with the same coefficients by one step.

    Returns bits that are negative where no neuron has reached its threshold, and those of the smallest distance.
    """
    first, c = np.uint64(block * FIELDS * LANES), np.uint64(block * COEFFICIENTS * LANES)
    rho_m, rho_exc, rho_inh = coefficient[c], coefficient[c + RHO_EXC * LANES], coefficient[c + RHO_INH * LANES]
    k_exc, k_inh = coefficient[c + K_EXC * LANES], coefficient[c + K_INH * LANES]
    v_thresh = coefficient[c + V_THRESH * LANES]
    below = bits(neuron.dtype.type(-FAR))
    for k in range(first, first + np.uint64(LANES)):
        above = step_neuron(k, now, neuron, rho_m, rho_exc, rho_inh, k_exc, k_inh, v_thresh)
        below, nearest = both(below, bits(above)), smaller(size_bits(above), nearest)
    return below, nearest


@jit
def step_each(block, now, neuron, coefficient, nearest):
    """Advance a block of neurons with coefficients of their own by one step; returns the same."""
    first, second = np.uint64(block * FIELDS * LANES), np.uint64(block * COEFFICIENTS * LANES)
    below = bits(neuron.dtype.type(-FAR))
    for lane in range(np.uint64(LANES)):
        c = second + lane
        above = step_neuron(
            first + lane, now, neuron, coefficient[c + np.uint64(RHO_M * LANES)],
            coefficient[c + np.uint64(RHO_EXC * LANES)], coefficient[c + np.uint64(RHO_INH * LANES)],
            coefficient[c + np.uint64(K_EXC * LANES)], coefficient[c + np.uint64(K_INH * LANES)],
            coefficient[c + np.uint64(V_THRESH * LANES)],
        )  # fmt: skip
        below, nearest = both(below, bits(above)), smaller(size_bits(above), nearest)
    return below, nearest


@jit
def add_noise(p, step, now, block, neurons, neuron, nearest):
    """Add the keyed noise of this step to the neurons of a block that are not refractory; returns the same."""
    first = neurons.start[p] + (block - neurons.block[p]) * LANES
    below = bits(neuron.dtype.type(-FAR))
    for lane in range(min(LANES, neurons.start[p + 1] - first)):
        i, place = first + lane, block * FIELDS * LANES + lane
        if neuron[place + WAIT * LANES] <= now:
            if neurons.noise[i] != 0:
                neuron[place] += neurons.noise[i] * normal(neurons.noise_key[i], step)
            above = neuron[place] - neurons.v_thresh[i]
            below, nearest = both(below, bits(above)), smaller(size_bits(above), nearest)
    return below, nearest


@jit
def collect(p, block, now, neurons, state, spikes, n_spikes):
    """List the neurons of a block that spike, and reset them; returns the new number of spikes."""
    begin = (block - neurons.block[p]) * LANES
    for lane in range(min(LANES, neurons.start[p + 1] - neurons.start[p] - begin)):
        i, place = neurons.start[p] + begin + lane, block * FIELDS * LANES + lane
        if state.neuron[place + WAIT * LANES] <= now and state.neuron[place] - neurons.v_thresh[i] >= ZERO:
            spikes.member[n_spikes] = begin + lane
            n_spikes += 1
            if neurons.subtract[p]:
                state.neuron[place] -= neurons.v_thresh[i] - neurons.v_reset[i]
            else:
                state.neuron[place] = neurons.v_reset[i]
            state.neuron[place + WAIT * LANES] = now + ONE + neurons.refractory[i]
            if neurons.homeostatic[p]:
                state.bias[i] -= neurons.eta_bias[i]
    return n_spikes


@jit
def advance(p, step, neurons, state, spikes, n_spikes):
    """Advance a population by one step and list its spikes; returns the new number of spikes."""
    now = since(step, state.neuron)
    if neurons.delta_exc[p]:
        deliver_delta(p, now, EXC, ONE, neurons, state.neuron)
    if neurons.delta_inh[p]:
        deliver_delta(p, now, INH, -ONE, neurons, state.neuron)
    if neurons.homeostatic[p]:
        for i in range(neurons.start[p], neurons.start[p + 1]):
            state.bias[i] += neurons.bias_gain[i]
    alike, noisy, coefficient = neurons.homogeneous[p], neurons.noisy[p], neurons.coefficient
    nearest = bits(state.nearest[0])
    for block in range(neurons.block[p], neurons.block[p + 1]):
        if alike:
            below, closest = step_alike(block, now, state.neuron, coefficient, nearest)
        else:
            below, closest = step_each(block, now, state.neuron, coefficient, nearest)
        if noisy:
            below, closest = add_noise(p, step, now, block, neurons, state.neuron, nearest)
        nearest = closest
        if below >= 0:
            n_spikes = collect(p, block, now, neurons, state, spikes, n_spikes)
    state.nearest[0] = from_bits(nearest)
    return n_spikes
