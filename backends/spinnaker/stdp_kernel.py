"""Plasticity as the chip computes it, compiled: late, when a packet of the presynaptic neuron arrives.

A synapse is brought up to date by its presynaptic spike at t alone (previous one: p, delay: d): first by every
postsynaptic spike in (p - d, t - d], which it knows d timesteps late (``backprop_delay``), then by the presynaptic
spike; the new weight goes into the ring buffer at t + d. A postsynaptic spike that is known exactly at t depresses.
A neuron remembers its last 15 spikes (``post_events.h``). All numbers are floats; with ``fixed`` they are cut to
multiples of 2^-11 (traces, decays) and 2^-15 (weights), at the places where the chip's C code cuts them
(``timing_pair_impl.h``, ``timing_nearest_pair_impl.h``, ``weight_additive_one_term_impl.h``); such products need no
more than the 53 bits that a float has.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._shared.jit import jit
from .._shared.prefetch import prefetch
from .cut_kernel import cut, cut_trace, floor, wrap_trace

EVENTS = 16  # a neuron's history; the first is not a spike but the start of time
# A rule's numbers.
A_PLUS, A_MINUS, W_MIN, W_MAX, STEP, STEPS, GATE_MIN, GATE_MAX, GATE_FACTOR = range(9)
FACTORS = 9
PLUS, MINUS, ELIGIBILITY, DOPAMINE = range(4)  # decays
DECAYS = 4


class Rules(NamedTuple):
    """Rules, one of each plastic projection."""

    factor: np.ndarray  # (n_rules, FACTORS) float64: A_PLUS .. [nA]; STEP: of the target's ring buffer,
    # and STEPS of them in 1 nA; both 0 in floats
    nearest: np.ndarray  # (n_rules,) bool
    gated: np.ndarray  # (n_rules,) bool
    rate: np.ndarray  # (n_rules, DECAYS) float64: 1/tau [1/step]
    table: np.ndarray  # (n_rules, DECAYS + 1) int64: first entry of each decay's table
    table_shift: np.ndarray  # (DECAYS,) int64
    decay: np.ndarray  # float64: all tables


class History(NamedTuple):
    """What neurons with plastic synapses remember of their spikes, and of dopamine."""

    first: np.ndarray  # (n_cells,) int64: row of each population's first neuron; -1: it remembers nothing
    rule: np.ndarray  # (n_rows,) int64: whose decays it has
    events: np.ndarray  # (n_rows,) int64: how many, without the first
    time: np.ndarray  # (n_rows, EVENTS) int64
    trace: np.ndarray  # (n_rows, EVENTS) float64: of own spikes
    dopamine: np.ndarray  # (n_rows, EVENTS) float64
    is_dopamine: np.ndarray  # (n_rows, EVENTS) bool


@jit
def bring_history(row, history):
    """Have a neuron's history brought near."""
    prefetch(history.events, row, row + 1)
    first = row * EVENTS
    prefetch(history.time, first, first + EVENTS)
    prefetch(history.trace, first, first + EVENTS)


@jit
def decayed(rule, which, time, rules, fixed):
    """Return a rule's decay over a time [steps]."""
    if not fixed:
        return math.exp(-time * rules.rate[rule, which])
    entry = rules.table[rule, which] + (time >> rules.table_shift[which])
    return rules.decay[entry] if entry < rules.table[rule, which + 1] else 0.0


@jit
def remember(row, time, spikes, dopamine, rules, history, fixed):
    """Add an event to a neuron's history: its own spike, or dopamine."""
    rule, last = history.rule[row], history.events[row]
    passed = time - history.time[row, last]
    trace = cut_trace(history.trace[row, last] * decayed(rule, MINUS, passed, rules, fixed), fixed)
    level = 0.0
    if rules.gated[rule]:
        level = cut_trace(history.dopamine[row, last] * decayed(rule, DOPAMINE, passed, rules, fixed), fixed)
    if last == EVENTS - 1:
        for e in range(1, last):
            history.time[row, e] = history.time[row, e + 1]
            history.trace[row, e] = history.trace[row, e + 1]
            history.dopamine[row, e] = history.dopamine[row, e + 1]
            history.is_dopamine[row, e] = history.is_dopamine[row, e + 1]
    else:
        last += 1
        history.events[row] = last
    history.time[row, last] = time
    history.trace[row, last] = wrap_trace(trace + (1.0 if spikes else 0.0), fixed)
    history.dopamine[row, last] = wrap_trace(level + dopamine, fixed)
    history.is_dopamine[row, last] = not spikes


@jit
def window(row, begin, end, history):
    """Return the last event until ``begin`` and the last one until ``end``."""
    before = history.events[row]
    while before > 0 and history.time[row, before] > begin:
        before -= 1
    last = history.events[row]
    while last > before and history.time[row, last] > end:
        last -= 1
    return before, last


@jit
def potentiated(rule, x, time, previous_post, last_pre, pre_trace, rules, fixed):
    """Return a weight or an eligibility after a postsynaptic spike that is known at ``time``."""
    size = decayed(rule, PLUS, time - last_pre, rules, fixed)
    if rules.nearest[rule]:
        # The chip asks this of the previous spike's own time, not of when it was known.
        if time - previous_post < time - last_pre:
            size = 0.0
    else:
        size = cut_trace(pre_trace * size, fixed)
    return min(x + cut(rules.factor[rule, A_PLUS] * size, fixed), rules.factor[rule, W_MAX])


@jit
def depressed(rule, x, passed, post_trace, rules, fixed):
    """Return a weight or an eligibility after a presynaptic spike, some time after the last postsynaptic one."""
    size = decayed(rule, MINUS, passed, rules, fixed)
    if not rules.nearest[rule]:
        size = cut_trace(post_trace * size, fixed)
    return max(x - cut(rules.factor[rule, A_MINUS] * size, fixed), rules.factor[rule, W_MIN])


@jit
def stored(rule, x, rules, fixed):
    """Return what the ring buffer's 16 bits hold of a weight."""
    return floor(x * rules.factor[rule, STEPS]) * rules.factor[rule, STEP] if fixed else x


@jit
def pair_update(rule, row, w, time, delay, last_pre, pre_trace, rules, history, fixed):
    """Return a synapse's weight after a presynaptic spike.

    Parameters
    ----------
    rule, row : int
        The projection's rule; the target's row of the history.
    w : float [nA]
    time, delay, last_pre : int
        Timesteps of the chip.
    pre_trace : float
        As the previous presynaptic spike left it.
    """
    before, last = window(row, max(last_pre - delay, 0), max(time - delay, 0), history)
    for e in range(before + 1, last + 1):
        known, previous = history.time[row, e] + delay, history.time[row, e - 1]
        w = potentiated(rule, w, known, previous, last_pre, pre_trace, rules, fixed)
    if last > 0:
        w = depressed(rule, w, time - history.time[row, last] - delay, history.trace[row, last], rules, fixed)
    return stored(rule, w, rules, fixed)
