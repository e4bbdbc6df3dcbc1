"""Synapses inside the kernel: spikes that arrive now are read out into the currents of their targets."""

from __future__ import annotations

import numpy as np

from .jit import jit
from .prefetch import prefetch


@jit
def read_exactly(j, a, b, syn, weight, gain, current, custom):
    """Add the synapses a to b - 1 of a projection, all of one source neuron and delay, to their targets' currents."""
    neuron, rows = syn.neuron, range(np.uint64(a), np.uint64(b))  # unsigned: no index counts from the end
    heard = np.uint64(syn.territory_start[j])
    first = np.uint64(syn.weight_start[j])
    if syn.uniform[j]:
        w = syn.weight[first]
        if syn.astrocytes[j]:
            for s in rows:
                current[neuron[s]] += w * gain[syn.territory[heard + s]]
        else:
            for s in rows:
                current[neuron[s]] += w
    elif syn.rule[j] >= 0:
        if syn.astrocytes[j]:
            for s in rows:
                current[neuron[s]] += weight[first + s] * gain[syn.territory[heard + s]]
        else:
            for s in rows:
                current[neuron[s]] += weight[first + s]
    elif syn.astrocytes[j]:
        for s in rows:
            current[neuron[s]] += syn.weight[first + s] * gain[syn.territory[heard + s]]
    else:
        for s in rows:
            current[neuron[s]] += syn.weight[first + s]


@jit
def settle_at_once(step, current, custom):
    """Leave nothing to be done after the spikes of a step have been read."""


@jit
def row_of(j, i, d, syn):
    """Return the first synapse, and one past the last, of source neuron i with the d-th delay of a projection."""
    place = syn.row_ptr_start[j] + np.int64(i) * syn.n_delays[j] + d
    return syn.row_ptr[place], syn.row_ptr[place + 1]


def make_deliver(read):
    """Return the delivery of a projection's arrivals with a way to read synapses.

    Parameters
    ----------
    read : jitted callable (projection, first, last, synapses, plastic weights, gain, current, custom)
        Adds the synapses first to last - 1 of a projection, all of one source neuron and delay, to ``current`` at
        ``synapses.neuron``.

    Returns
    -------
    jitted callable
    """

    @jit
    def deliver(j, row, syn, weight, state, spikes, custom):
        """Deliver what arrives at the start of a step; returns the number of synaptic events."""
        group, n_groups, n_delays = syn.source[j], spikes.n_groups, syn.n_delays[j]
        count = 0
        for d in range(n_delays):
            k = row - 1 - syn.delays[syn.delay_ptr[j] + d]
            first, last = spikes.offset[k * n_groups + group], spikes.offset[k * n_groups + group + 1]
            if first == last:
                continue
            a, b = row_of(j, spikes.member[first], d, syn)
            for e in range(first, last):
                next_a, next_b = row_of(j, spikes.member[min(e + 1, last - 1)], d, syn)
                prefetch(syn.neuron, next_a, next_b)
                count += b - a
                read(j, a, b, syn, weight, state.gain, state.neuron, custom)
                a, b = next_a, next_b
        return count

    return deliver


@jit
def hear(j, row, syn, arrivals, share, spikes):
    """Let the arrivals at the end of a step enter their astrocytes' spillover, each 1/N of a territory of N."""
    group, n_groups, n_delays = syn.source[j], spikes.n_groups, syn.n_delays[j]
    for d in range(n_delays):
        k = row - syn.delays[syn.delay_ptr[j] + d]
        for e in range(spikes.offset[k * n_groups + group], spikes.offset[k * n_groups + group + 1]):
            a, b = row_of(j, spikes.member[e], d, syn)
            for s in range(a, b):
                astrocyte = syn.territory[syn.territory_start[j] + s]
                arrivals[astrocyte] += share[astrocyte]
