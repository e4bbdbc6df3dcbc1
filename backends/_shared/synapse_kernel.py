"""Synapses inside the kernel: spikes that arrive now are read out into the currents of their targets."""

from __future__ import annotations

import numpy as np

from .jit import jit


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
            for e in range(spikes.offset[k * n_groups + group], spikes.offset[k * n_groups + group + 1]):
                place = syn.row_ptr_start[j] + np.int64(spikes.member[e]) * n_delays + d
                a, b = syn.row_ptr[place], syn.row_ptr[place + 1]
                count += b - a
                read(j, a, b, syn, weight, state.gain, state.neuron, custom)
        return count

    return deliver


@jit
def hear(j, row, syn, arrivals, share, spikes):
    """Let the arrivals at the end of a step enter their astrocytes' spillover, each 1/N of a territory of N."""
    group, n_groups, n_delays = syn.source[j], spikes.n_groups, syn.n_delays[j]
    for d in range(n_delays):
        k = row - syn.delays[syn.delay_ptr[j] + d]
        for e in range(spikes.offset[k * n_groups + group], spikes.offset[k * n_groups + group + 1]):
            place = syn.row_ptr_start[j] + np.int64(spikes.member[e]) * n_delays + d
            for s in range(syn.row_ptr[place], syn.row_ptr[place + 1]):
                astrocyte = syn.territory[syn.territory_start[j] + s]
                arrivals[astrocyte] += share[astrocyte]
