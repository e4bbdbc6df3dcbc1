"""Neurons inside the kernel: exact integration, noise, threshold, reset, refractoriness.

Works through a population in blocks that stay in the first cache. Loops over a block have no branches, so that they
become vector instructions; spikes are looked for only in blocks that have one.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import jit
from .keyed import normal

BLOCK = 256
FAR = np.float32(3e38)  # beyond any distance, in either precision


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
def take_alike(a, b, rho, current, bucket, taken):
    """Add what has arrived to the currents of a block; the sums, before their decay, go to ``taken``."""
    for i in range(np.uint64(a), np.uint64(b)):
        now = current[i] + bucket[i]
        taken[i - np.uint64(a)] = now
        current[i] = now * rho
        bucket[i] = 0


@jit
def take_each(a, b, rho, current, bucket, taken):
    """As :func:`take_alike`, with decays of their own."""
    for i in range(np.uint64(a), np.uint64(b)):
        now = current[i] + bucket[i]
        taken[i - np.uint64(a)] = now
        current[i] = now * rho[i]
        bucket[i] = 0


@jit
def integrate_alike(a, b, rho, k_exc, k_inh, v, v_inf, exc, inh, wait):
    """Advance the potentials of a block by one step; refractory neurons keep theirs."""
    for i in range(np.uint64(a), np.uint64(b)):
        k = i - np.uint64(a)
        free = v_inf[i] + (v[i] - v_inf[i]) * rho + k_exc * exc[k] - k_inh * inh[k]
        v[i] = free if wait[i] == 0 else v[i]


@jit
def integrate_each(a, b, rho, k_exc, k_inh, v, v_inf, exc, inh, wait):
    """As :func:`integrate_alike`, with coefficients of their own."""
    for i in range(np.uint64(a), np.uint64(b)):
        k = i - np.uint64(a)
        free = v_inf[i] + (v[i] - v_inf[i]) * rho[i] + k_exc[i] * exc[k] - k_inh[i] * inh[k]
        v[i] = free if wait[i] == 0 else v[i]


@jit
def add_noise(a, b, step, noise, noise_key, v, wait):
    """Add each neuron's keyed noise of this step."""
    for i in range(a, b):
        if wait[i] == 0 and noise[i] != 0:
            v[i] += noise[i] * normal(noise_key[i], step)


@jit
def watch_alike(a, b, threshold, v, wait, nearest, fired):
    """Note which neurons of a block spike and how close any came to its threshold; count down refractory steps."""
    for i in range(np.uint64(a), np.uint64(b)):
        k = i - np.uint64(a)
        distance = v[i] - threshold
        free = wait[i] == 0
        size = abs(distance) if free else FAR
        fired[k] = free & (distance >= 0)
        nearest[k] = size if size < nearest[k] else nearest[k]
        wait[i] = max(wait[i] - np.int32(1), np.int32(0))


@jit
def watch_each(a, b, threshold, v, wait, nearest, fired):
    """As :func:`watch_alike`, with thresholds of their own."""
    for i in range(np.uint64(a), np.uint64(b)):
        k = i - np.uint64(a)
        distance = v[i] - threshold[i]
        free = wait[i] == 0
        size = abs(distance) if free else FAR
        fired[k] = free & (distance >= 0)
        nearest[k] = size if size < nearest[k] else nearest[k]
        wait[i] = max(wait[i] - np.int32(1), np.int32(0))


@jit
def any_fired(n, words):
    """Return whether any of n neurons noted in words of 8 spikes."""
    found = np.uint64(0)
    for k in range((n + 7) // 8):
        found |= words[k]
    return found != 0


@jit
def reset(p, i, neurons, state):
    """Reset a neuron that spikes."""
    if neurons.subtract[p]:
        state.v[i] -= neurons.v_thresh[i] - neurons.v_reset[i]
    else:
        state.v[i] = neurons.v_reset[i]
    state.wait[i] = neurons.refractory[i]
    if neurons.homeostatic[p]:
        state.bias[i] -= neurons.eta_bias[i]


@jit
def collect(p, a, b, neurons, state, spikes, n_spikes):
    """List the neurons of a block that spike, and reset them; returns the new number of spikes."""
    offset = a - neurons.start[p]
    for word in range((b - a + 7) // 8):
        if state.fired_words[word] != 0:
            for k in range(8 * word, min(8 * word + 8, b - a)):
                if state.fired[k]:
                    spikes.member[n_spikes] = offset + k
                    n_spikes += 1
                    reset(p, a + k, neurons, state)
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
    for a in range(first, last, BLOCK):
        b = min(a + BLOCK, last)
        if alike:
            take_alike(a, b, neurons.rho_exc[a], state.i_exc, state.bucket_exc, state.exc)
            take_alike(a, b, neurons.rho_inh[a], state.i_inh, state.bucket_inh, state.inh)
            integrate_alike(a, b, neurons.rho_m[a], neurons.k_exc[a], neurons.k_inh[a], state.v, state.v_inf,
                            state.exc, state.inh, state.wait)  # fmt: skip
        else:
            take_each(a, b, neurons.rho_exc, state.i_exc, state.bucket_exc, state.exc)
            take_each(a, b, neurons.rho_inh, state.i_inh, state.bucket_inh, state.inh)
            integrate_each(a, b, neurons.rho_m, neurons.k_exc, neurons.k_inh, state.v, state.v_inf,
                           state.exc, state.inh, state.wait)  # fmt: skip
        if neurons.noisy[p]:
            add_noise(a, b, step, neurons.noise, neurons.noise_key, state.v, state.wait)
        if neurons.homeostatic[p]:
            for i in range(a, b):
                state.bias[i] += neurons.bias_gain[i]
        state.fired_words[(b - a - 1) // 8] = 0  # of the last word, not all may be written
        if alike:
            watch_alike(a, b, neurons.v_thresh[a], state.v, state.wait, state.nearest, state.fired)
        else:
            watch_each(a, b, neurons.v_thresh, state.v, state.wait, state.nearest, state.fired)
        if any_fired(b - a, state.fired_words):
            n_spikes = collect(p, a, b, neurons, state, spikes, n_spikes)
    return n_spikes
