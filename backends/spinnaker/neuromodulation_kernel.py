"""Dopamine-gated plasticity as the chip computes it, compiled: pairs make eligible, dopamine turns that into weight.

Between two events the eligibility C and the dopamine level D decay, and the weight grows by the integral of C D; a
presynaptic spike works off all that its target has remembered (Izhikevich 2007; sPyNNaker's
``synapse_dynamics_stdp_izhikevich_neuromodulation.c``). Own spikes and dopamine share a neuron's 15 places. On the chip
the decay of C comes in steps of 16 timesteps and that of D in steps of 4, both counted anew from each event, and C is
kept in the 16 bits of a weight.
"""

from __future__ import annotations

from .._shared.jit import jit
from .cut_kernel import cut, cut_trace, floor
from .stdp_kernel import (
    DOPAMINE,
    ELIGIBILITY,
    GATE_FACTOR,
    GATE_MAX,
    GATE_MIN,
    STEP,
    STEPS,
    decayed,
    depressed,
    potentiated,
    stored,
    window,
)


@jit
def _gained(rule, eligibility, level, keep_eligibility, keep_level, rules, fixed):
    """Return the weight gained in a time over which both have decayed by these factors."""
    gone = cut_trace(keep_eligibility * keep_level, fixed) - 1.0
    return cut(cut(cut(eligibility * level, fixed) * gone, fixed) * rules.factor[rule, GATE_FACTOR], fixed)


@jit
def _passed(rule, w, eligibility, level, time, rules, fixed):
    """Let time pass; returns weight and eligibility."""
    keep = decayed(rule, ELIGIBILITY, time, rules, fixed)
    if level != 0.0:
        w += _gained(rule, eligibility, level, keep, decayed(rule, DOPAMINE, time, rules, fixed), rules, fixed)
    return w, cut(eligibility * keep, fixed)


@jit
def gated_update(rule, row, w, eligibility, time, delay, last_pre, pre_trace, rules, history, fixed):
    """Return a synapse's weight and eligibility after a presynaptic spike; see ``stdp_kernel.pair_update``."""
    before, last = window(row, max(last_pre - delay, 0), max(time - delay, 0), history)
    level = 0.0
    if before > 0:
        # From when dopamine came, though its events count from when they are known, as the others do.
        passed = last_pre - history.time[row, before]
        level = cut_trace(history.dopamine[row, before] * decayed(rule, DOPAMINE, passed, rules, fixed), fixed)
    since = last_pre
    # The chip tells spikes from dopamine by marks that it counts from its newest event: where there are events that
    # the synapse does not know yet, it takes their marks.
    shifted = history.events[row] - last
    for e in range(before + 1, last + 1):
        known = history.time[row, e] + delay
        w, eligibility = _passed(rule, w, eligibility, level, known - since, rules, fixed)
        if not history.is_dopamine[row, e + shifted]:
            previous = history.time[row, e - 1]
            eligibility = potentiated(rule, eligibility, known, previous, last_pre, pre_trace, rules, fixed)
        level, since = history.dopamine[row, e], known
    if last > 0:
        w, eligibility = _passed(rule, w, eligibility, level, time - since, rules, fixed)
        passed = time - history.time[row, last] - delay
        eligibility = depressed(rule, eligibility, passed, history.trace[row, last], rules, fixed)
    w = min(max(w, rules.factor[rule, GATE_MIN]), rules.factor[rule, GATE_MAX])
    if fixed:
        # 16 bits without a sign: an eligibility below 0 comes back as a large one.
        steps = floor(eligibility * rules.factor[rule, STEPS])
        eligibility = (steps - 65536.0 * floor(steps / 65536.0)) * rules.factor[rule, STEP]
    return stored(rule, w, rules, fixed), eligibility
