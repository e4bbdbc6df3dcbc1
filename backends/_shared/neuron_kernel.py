"""Neurons inside the kernel: exact integration, noise, threshold, reset, refractoriness.

Works through a population in blocks that stay in the first cache. Loops over a block have no branches, so that they
become vector instructions; spikes are looked for only in blocks that have one.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import jit, jit_min_max
from .keyed import normal

BLOCK = 256
FAR = np.float32(3e38)  # stands for infinity in either precision


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
        state.v_inf[i] = neurons.v_rest[i] + neurons.resistance[i] * current + state.bias[i]


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
def deliver_delta(a, b, sign, v, bucket, wait):
    """Add a delta receptor's arrivals to v; they are lost on refractory neurons."""
    for i in range(a, b):
        if wait[i] == 0:
            v[i] += sign * bucket[i]
        bucket[i] = 0


@jit
def integrate_alike(a, b, rho_m, rho_exc, rho_inh, k_exc, k_inh, v, v_inf, i_exc, i_inh, bucket_exc, bucket_inh, wait):
    """Advance neurons that share their coefficients by one step; refractory ones keep v."""
    for i in range(a, b):
        exc = i_exc[i] + bucket_exc[i]
        inh = i_inh[i] + bucket_inh[i]
        free = v_inf[i] + (v[i] - v_inf[i]) * rho_m + k_exc * exc - k_inh * inh
        v[i] = free if wait[i] == 0 else v[i]
        i_exc[i] = exc * rho_exc
        i_inh[i] = inh * rho_inh
        bucket_exc[i] = 0
        bucket_inh[i] = 0


@jit
def integrate_each(a, b, rho_m, rho_exc, rho_inh, k_exc, k_inh, v, v_inf, i_exc, i_inh, bucket_exc, bucket_inh, wait):
    """Advance neurons with coefficients of their own by one step; refractory ones keep v."""
    for i in range(a, b):
        exc = i_exc[i] + bucket_exc[i]
        inh = i_inh[i] + bucket_inh[i]
        free = v_inf[i] + (v[i] - v_inf[i]) * rho_m[i] + k_exc[i] * exc - k_inh[i] * inh
        v[i] = free if wait[i] == 0 else v[i]
        i_exc[i] = exc * rho_exc[i]
        i_inh[i] = inh * rho_inh[i]
        bucket_exc[i] = 0
        bucket_inh[i] = 0


@jit
def add_noise(a, b, step, noise, noise_key, v, wait):
    """Add each neuron's keyed noise of this step."""
    for i in range(a, b):
        if wait[i] == 0 and noise[i] != 0:
            v[i] += noise[i] * normal(noise_key[i], step)


@jit_min_max
def watch_alike(a, b, threshold, v, wait):
    """Return how many neurons with one threshold spike, and how close any came to it."""
    far = v[a] - v[a] + FAR
    count, closest = 0, far
    for i in range(a, b):
        distance = v[i] - threshold
        free = wait[i] == 0
        count += 1 if (free and distance >= 0) else 0
        size = abs(distance) if free else far
        closest = size if size < closest else closest
    return count, closest


@jit_min_max
def watch_each(a, b, threshold, v, wait):
    """Return how many neurons with thresholds of their own spike, and how close any came to it."""
    far = v[a] - v[a] + FAR
    count, closest = 0, far
    for i in range(a, b):
        distance = v[i] - threshold[i]
        free = wait[i] == 0
        count += 1 if (free and distance >= 0) else 0
        size = abs(distance) if free else far
        closest = size if size < closest else closest
    return count, closest


@jit
def wait_less(a, b, wait):
    """Count down the refractory steps left."""
    for i in range(a, b):
        wait[i] = wait[i] - 1 if wait[i] > 0 else 0


@jit
def reset_spiking(p, a, b, neurons, state, spikes, n_spikes):
    """Reset the neurons of a block that spike and list them; returns the new number of spikes."""
    first = neurons.start[p]
    for i in range(a, b):
        if state.wait[i] == 0 and state.v[i] - neurons.v_thresh[i] >= 0:
            spikes.index[n_spikes] = i - first
            n_spikes += 1
            if neurons.subtract[p]:
                state.v[i] -= neurons.v_thresh[i] - neurons.v_reset[i]
            else:
                state.v[i] = neurons.v_reset[i]
            # one more than the steps to wait: this step's count-down is still to come
            state.wait[i] = neurons.refractory[i] + 1
            if neurons.homeostatic[p]:
                state.bias[i] -= neurons.eta_bias[i]
    return n_spikes


@jit
def advance(p, step, neurons, currents, state, spikes, n_spikes):
    """Advance a population by one step and list its spikes; returns the new number of spikes."""
    first, last = neurons.start[p], neurons.start[p + 1]
    if neurons.delta_exc[p]:
        deliver_delta(first, last, 1, state.v, state.bucket_exc, state.wait)
    if neurons.delta_inh[p]:
        deliver_delta(first, last, -1, state.v, state.bucket_inh, state.wait)
    alike = neurons.homogeneous[p]
    closest = state.margin[0]
    for a in range(first, last, BLOCK):
        b = min(a + BLOCK, last)
        if alike:
            integrate_alike(
                a, b, neurons.rho_m[a], neurons.rho_exc[a], neurons.rho_inh[a], neurons.k_exc[a], neurons.k_inh[a],
                state.v, state.v_inf, state.i_exc, state.i_inh, state.bucket_exc, state.bucket_inh, state.wait,
            )  # fmt: skip
        else:
            integrate_each(
                a, b, neurons.rho_m, neurons.rho_exc, neurons.rho_inh, neurons.k_exc, neurons.k_inh,
                state.v, state.v_inf, state.i_exc, state.i_inh, state.bucket_exc, state.bucket_inh, state.wait,
            )  # fmt: skip
        if neurons.noisy[p]:
            add_noise(a, b, step, neurons.noise, neurons.noise_key, state.v, state.wait)
        if neurons.homeostatic[p]:
            for i in range(a, b):
                state.bias[i] += neurons.bias_gain[i]
        if alike:
            count, distance = watch_alike(a, b, neurons.v_thresh[a], state.v, state.wait)
        else:
            count, distance = watch_each(a, b, neurons.v_thresh, state.v, state.wait)
        if distance < closest:
            closest = np.float64(distance)
        if count > 0:
            n_spikes = reset_spiking(p, a, b, neurons, state, spikes, n_spikes)
        wait_less(a, b, state.wait)
    state.margin[0] = closest
    return n_spikes
