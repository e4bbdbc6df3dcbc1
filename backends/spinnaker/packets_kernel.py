"""Packets of the chip, compiled: of spikes and dopamine, and what they do to synapses and ring buffers.

Order in a timestep (``synapses.c``, ``synapse_dynamics_stdp_mad_impl.c``): own spikes into the history, dopamine, and
the synapses.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._shared.jit import jit
from .._shared.keyed import uniform
from .._shared.prefetch import prefetch
from .apart import apart
from .cut_kernel import add_to, after, cut_trace, whole, wrap_trace
from .neuromodulation_kernel import gated_update
from .stdp_kernel import PLUS, STEPS, bring_history, decayed, pair_update, remember

MOST_STEPS = 65535.0  # of a weight
AHEAD = 3  # spikes whose synapses are brought near before they are sent
NEAR = np.uint64(8)  # plastic synapses whose targets' histories are brought near before they are read


class Sources(NamedTuple):
    """What the sources send: given spikes, or a mean number for each timestep."""

    given_ptr: np.ndarray  # (n_sources, n_steps + 1) int64
    given: np.ndarray  # int32
    key_ptr: np.ndarray  # (n_sources + 1,) int64: none of given ones
    key: np.ndarray  # uint64
    rate_ptr: np.ndarray  # (n_sources + 1,) int64
    rate_step: np.ndarray  # int64
    mean: np.ndarray  # float64: spikes in a timestep, one row for each change
    mean_start: np.ndarray  # (n_changes,) int64
    mean_size: np.ndarray  # (n_changes,) int64: 1, or all


class Static(NamedTuple):
    """Static synapses: one row for each neuron of each group that has any."""

    row_start: np.ndarray  # (n_groups,) int64: first of its pointers; -1: it has none
    row_ptr: np.ndarray  # int64
    synapse: np.ndarray  # WHOLE or REAL


# A static synapse: where its target's sum is, counted from the sums of this timestep, and its weight [of the ring's].
WHOLE = np.dtype({"names": ["place", "weight"], "formats": [np.uint32, np.uint16], "itemsize": 8})
REAL = np.dtype([("place", np.uint32), ("weight", np.float64)])


class Plastic(NamedTuple):
    """Plastic synapses: one row for each source neuron of each projection. A projection has the number of its rule."""

    rule_ptr: np.ndarray  # (n_groups + 1,) int64
    rule: np.ndarray  # int64: each group's projections
    row_start: np.ndarray  # (n_rules,) int64: first of its pointers
    row_ptr: np.ndarray  # int64
    place: np.ndarray  # uint32: target's sum, counted from the sums of this timestep
    delay: np.ndarray  # uint16 [steps]
    weight: np.ndarray  # float64 [nA]
    eligibility: np.ndarray  # float64 [nA]
    shift: np.ndarray  # (n_rules,) int64: what to take from a place for the target's row of the history
    pre_start: np.ndarray  # (n_rules + 1,) int64: first of its source neurons
    pre_time: np.ndarray  # int64
    pre_trace: np.ndarray  # float64


class Dopamine(NamedTuple):
    """Groups whose spikes are dopamine."""

    ptr: np.ndarray  # (n_groups + 1,) int64
    first: np.ndarray  # int64: rows of the history that it reaches
    last: np.ndarray  # int64
    amount: np.ndarray  # float64


class Sent(NamedTuple):
    """Room for what the Poisson sources send in a timestep."""

    ptr: np.ndarray  # (n_sources + 1,) int64
    member: np.ndarray  # int32


@jit
def _add_row(i, here, static, ring):
    """Add the weights of a row of static synapses to their targets' sums."""
    size = np.uint64(len(ring))
    for s in range(np.uint64(static.row_ptr[i]), np.uint64(static.row_ptr[i + 1])):
        add_to(ring, after(static.synapse[s].place, here, size), static.synapse[s].weight)


@jit
def _learn(rule, target, w, time, delay, last_pre, trace, plastic, rules, history, fixed):
    """Bring a plastic synapse up to date; returns its new weight as the ring buffer counts it."""
    if rules.gated[rule]:
        weight, plastic.eligibility[w] = gated_update(
            rule, target, plastic.weight[w], plastic.eligibility[w], time, delay, last_pre, trace, rules, history, fixed
        )
    else:
        weight = pair_update(rule, target, plastic.weight[w], time, delay, last_pre, trace, rules, history, fixed)
    plastic.weight[w] = weight
    return min(weight * rules.factor[rule, STEPS], MOST_STEPS) if fixed else weight


@jit
def _target(w, rule, width, plastic):
    """Return the row of the history of a plastic synapse's target."""
    return np.int64(plastic.place[w]) - np.int64(plastic.delay[w]) * np.int64(width) - plastic.shift[rule]


@apart
def _teach_row(rule, i, time, here, width, plastic, rules, history, ring):
    """Bring the plastic synapses of a projection's neuron i up to date and add their weights to the sums."""
    fixed, pre, row = whole(ring), plastic.pre_start[rule] + i, plastic.row_start[rule] + i
    last_pre, trace = plastic.pre_time[pre], plastic.pre_trace[pre]
    plastic.pre_time[pre] = time
    passed = cut_trace(trace * decayed(rule, PLUS, time - last_pre, rules, fixed), fixed)
    plastic.pre_trace[pre] = wrap_trace(passed + 1.0, fixed)
    first, end = np.uint64(plastic.row_ptr[row]), np.uint64(plastic.row_ptr[row + 1])
    for w in range(first, end):
        bring_history(_target(min(w + NEAR, end - np.uint64(1)), rule, width, plastic), history)
        target, delay = _target(w, rule, width, plastic), np.int64(plastic.delay[w])
        weight = _learn(rule, target, w, time, delay, last_pre, trace, plastic, rules, history, fixed)
        add_to(ring, after(plastic.place[w], here, np.uint64(len(ring))), weight)


@jit
def _send(group, i, time, slot, width, static, plastic, rules, history, ring):
    """Process the packet of one neuron: static synapses, and plastic ones with their update."""
    here = slot * width
    if static.row_start[group] >= 0:
        _add_row(static.row_start[group] + i, here, static, ring)
    for k in range(plastic.rule_ptr[group], plastic.rule_ptr[group + 1]):
        _teach_row(plastic.rule[k], i, time, here, width, plastic, rules, history, ring)


@jit
def _bring_pointers(group, i, static, plastic):
    """Have the pointers to a neuron's synapses brought near."""
    if static.row_start[group] >= 0:
        row = static.row_start[group] + i
        prefetch(static.row_ptr, row, row + 1)
    for k in range(plastic.rule_ptr[group], plastic.rule_ptr[group + 1]):
        row = plastic.row_start[plastic.rule[k]] + i
        prefetch(plastic.row_ptr, row, row + 1)


@jit
def _bring(group, i, static, plastic):
    """Have a neuron's synapses brought near."""
    if static.row_start[group] >= 0:
        row = static.row_start[group] + i
        prefetch(static.synapse, static.row_ptr[row], static.row_ptr[row + 1])
    for k in range(plastic.rule_ptr[group], plastic.rule_ptr[group + 1]):
        row = plastic.row_start[plastic.rule[k]] + i
        first, end = plastic.row_ptr[row], plastic.row_ptr[row + 1]
        prefetch(plastic.place, first, end)
        prefetch(plastic.weight, first, end)


@jit
def _dose(group, count, time, dopamine, rules, history, fixed):
    """Process a group's packets as dopamine."""
    for d in range(dopamine.ptr[group], dopamine.ptr[group + 1]):
        for _ in range(count):
            for i in range(dopamine.first[d], dopamine.last[d]):
                remember(i, time, False, dopamine.amount[d], rules, history, fixed)


@jit
def _draw(s, step, first, sources, member):
    """List what a Poisson source sends in a timestep, from a place on; returns how much it is."""
    change = sources.rate_ptr[s]
    while change + 1 < sources.rate_ptr[s + 1] and sources.rate_step[change + 1] <= step:
        change += 1
    start, several = sources.mean_start[change], sources.mean_size[change] > 1
    n = 0
    for i in range(sources.key_ptr[s + 1] - sources.key_ptr[s]):
        mean = sources.mean[start + (i if several else 0)]
        u = uniform(sources.key[sources.key_ptr[s] + i], step)
        chance = math.exp(-mean)
        count, below = 0, chance
        # The inverse of the distribution function; what a float can still tell apart ends the search.
        while u > below and chance > 0.0 and first + n < len(member):
            member[first + n] = i
            n += 1
            count += 1
            chance *= mean / count
            below += chance
    return n


@jit
def _send_all(group, members, begin, end, time, slot, width, static, plastic, rules, history, ring):
    """Process a group's packets of a timestep."""
    for e in range(begin, min(begin + 2 * AHEAD, end)):
        _bring_pointers(group, members[e], static, plastic)
    for e in range(begin, min(begin + AHEAD, end)):
        _bring(group, members[e], static, plastic)
    for e in range(begin, end):
        if e + 2 * AHEAD < end:
            _bring_pointers(group, members[e + 2 * AHEAD], static, plastic)
        if e + AHEAD < end:
            _bring(group, members[e + AHEAD], static, plastic)
        _send(group, members[e], time, slot, width, static, plastic, rules, history, ring)


@apart
def exchange(row, now, time, slot, width, n_cells, sources, static, plastic, rules, history, dopamine, ring, sent,
              output):  # fmt: skip
    """Process the packets of a timestep: own spikes, dopamine, synapses."""
    first, fixed = row * n_cells, whole(ring)
    for c in range(n_cells):
        if history.first[c] >= 0:
            for e in range(output.ptr[first + c], output.ptr[first + c + 1]):
                remember(history.first[c] + output.member[e], time, True, 0.0, rules, history, fixed)
    n_sources = len(sources.key_ptr) - 1
    for s in range(n_sources):
        sent.ptr[s + 1] = sent.ptr[s]
        if sources.key_ptr[s + 1] > sources.key_ptr[s]:
            sent.ptr[s + 1] += _draw(s, now, sent.ptr[s], sources, sent.member)
    for dose in (True, False):
        for group in range(n_cells + n_sources):
            s = group - n_cells
            members, begin, end = output.member, output.ptr[first], output.ptr[first]
            if s < 0:
                begin, end = output.ptr[first + group], output.ptr[first + group + 1]
            elif sources.key_ptr[s + 1] > sources.key_ptr[s]:
                members, begin, end = sent.member, sent.ptr[s], sent.ptr[s + 1]
            else:
                members, begin, end = sources.given, sources.given_ptr[s, row], sources.given_ptr[s, row + 1]
            if dose:
                _dose(group, end - begin, time, dopamine, rules, history, fixed)
            else:
                _send_all(group, members, begin, end, time, slot, width, static, plastic, rules, history, ring)


