"""Attention inside the kernel: what local and global attention follow, and their sampling at the tick."""

from __future__ import annotations

import math

import numpy as np

from .jit import jit
from .learning_kernel import (
    ATTENTION,
    COSINE,
    GLOBAL,
    GLOBAL_RATE,
    GLOBAL_SIMPLEX,
    GLOBAL_SLOPE,
    GLOBAL_TAU,
    N_POST_DELAYS,
    RATE,
    SIMPLEX,
    SLOPE,
)


@jit
def follow(r, row, step, rules, learn, syn, spikes, neurons, dt):
    """Let the spikes of this step act on the traces of local attention and on the context of global attention."""
    if rules.flags[r, ATTENTION]:
        j = rules.projection[r]
        n_tau = rules.h_ptr[r + 1] - rules.h_ptr[r]
        n_y = (rules.y_start[r + 1] - rules.y_start[r]) // rules.flags[r, N_POST_DELAYS]
        first_post = rules.h_start[r + 1] - n_y * n_tau
        _add_spikes(r, row, step, syn.source[j], rules.h_start[r], rules, learn, spikes, dt)
        _add_spikes(r, row, step, syn.target[j], first_post, rules, learn, spikes, dt)
    if rules.flags[r, GLOBAL]:
        tau, rate = rules.numbers[r, GLOBAL_TAU], rules.numbers[r, GLOBAL_RATE]
        decay, n_groups = math.exp(-dt / tau), spikes.n_groups
        for p in range(learn.context.shape[1]):
            size = neurons.start[p + 1] - neurons.start[p]
            count = spikes.offset[row * n_groups + p + 1] - spikes.offset[row * n_groups + p]
            learn.context[r, p] = learn.context[r, p] * decay + count / (max(size, 1) * rate * tau * 1e-3)


@jit
def _add_spikes(r, row, step, group, first, rules, learn, spikes, dt):
    a, n_tau, n_groups = rules.h_ptr[r], rules.h_ptr[r + 1] - rules.h_ptr[r], spikes.n_groups
    for e in range(spikes.offset[row * n_groups + group], spikes.offset[row * n_groups + group + 1]):
        place = first + np.int64(spikes.member[e]) * n_tau
        elapsed = (step + 1 - learn.h_step[place]) * dt
        for k in range(n_tau):
            learn.h[place + k] = learn.h[place + k] * math.exp(-elapsed / rules.h_tau[a + k]) + 1.0
        learn.h_step[place] = step + 1


@jit
def sample_local(r, step, rules, learn, syn, dt):
    """Sample local attention: each neuron's factors over its synapses in this projection."""
    if not rules.flags[r, ATTENTION]:
        return
    a, n_tau, n_post = rules.h_ptr[r], rules.h_ptr[r + 1] - rules.h_ptr[r], rules.flags[r, N_POST_DELAYS]
    n_target = (rules.y_start[r + 1] - rules.y_start[r]) // n_post
    first_pre, first_post = rules.h_start[r], rules.h_start[r + 1] - n_target * n_tau
    rate, slope = rules.numbers[r, RATE], rules.numbers[r, SLOPE]
    cosine, simplex = rules.flags[r, COSINE], rules.flags[r, SIMPLEX]
    for k in range(n_tau):  # bring every trace to now
        decay_place = first_pre + k
        for place in range(decay_place, rules.h_start[r + 1], n_tau):
            elapsed = (step + 1 - learn.h_step[place - k]) * dt
            learn.h[place] *= math.exp(-elapsed / rules.h_tau[a + k])
    for place in range(first_pre, rules.h_start[r + 1], n_tau):
        learn.h_step[place] = step + 1
    for j in range(n_target):
        begin = rules.post_ptr[rules.post_ptr_start[r] + j * n_post]
        end = rules.post_ptr[rules.post_ptr_start[r] + (j + 1) * n_post]
        largest = -np.inf
        for p in range(begin, end):
            s = rules.post_synapse[p]
            pre = first_pre + np.int64(rules.source_index[rules.source_start[r] + s]) * n_tau
            g = slope * _similarity(pre, first_post + j * n_tau, n_tau, a, rate, cosine, rules, learn)
            learn.alpha[s] = g
            largest = max(largest, g)
        total = 0.0
        for p in range(begin, end):
            total += math.exp(learn.alpha[rules.post_synapse[p]] - largest)
        n = 1.0 if simplex else float(end - begin)
        for p in range(begin, end):
            s = rules.post_synapse[p]
            learn.alpha[s] = n * math.exp(learn.alpha[s] - largest) / total


@jit
def _similarity(pre, post, n_tau, a, rate, cosine, rules, learn):
    dot, pre_square, post_square = 0.0, 0.0, 0.0
    for k in range(n_tau):
        unit = 1.0 / (rate * rules.h_tau[a + k] * 1e-3)
        h, c = learn.h[pre + k] * unit, learn.h[post + k] * unit
        dot += h * c
        pre_square += h * h
        post_square += c * c
    if not cosine:
        return dot / math.sqrt(float(n_tau))
    norm = math.sqrt(pre_square * post_square)
    return dot / norm if norm > 0.0 else 0.0


@jit
def sample_global(r, rules, learn, state):
    """Sample global attention: the modulators' shares in G."""
    if not rules.flags[r, GLOBAL]:
        return
    a, b = rules.modulator_ptr[r], rules.modulator_ptr[r + 1]
    d = learn.context.shape[1]
    slope, largest = rules.numbers[r, GLOBAL_SLOPE], -np.inf
    for k in range(a, b):
        dot = 0.0
        for p in range(d):
            dot += rules.vector[rules.vector_start[k] + p] * learn.context[r, p]
        m = rules.modulator[k]
        learn.gamma[k] = slope * (state.tonic[m] + state.phasic[m]) * dot / math.sqrt(float(d))
        largest = max(largest, learn.gamma[k])
    total = 0.0
    for k in range(a, b):
        total += math.exp(learn.gamma[k] - largest)
    n = 1.0 if rules.flags[r, GLOBAL_SIMPLEX] else float(b - a)
    for k in range(a, b):
        learn.gamma[k] = n * math.exp(learn.gamma[k] - largest) / total
