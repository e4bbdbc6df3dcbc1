"""Traces of the learning engine: spikes heard in an epoch, and what they leave of the traces in each of its steps."""

from __future__ import annotations

import numpy as np

from .._shared.jit import jit
from .._shared.keyed import mix
from . import learning_engine_passes as passes
from .learning_engine_tables import (
    DRAWS,
    EPOCH,
    N_SOURCE,
    N_TARGET,
    NONE,
    ONE,
    POST,
    PRE,
    THIRD,
    TRACE_MAX,
    X_DECAY,
    X_IMPULSE,
    Y_AGAIN,
    Y_DECAY,
    Y_IMPULSE,
)

_AT_8, _AT_40 = np.uint64(8), np.uint64(40)
_BITS_8 = np.uint64(255)
# What a draw is for, beside the synapses' rounding.
_AGAIN, _DECAYS, _OF_TARGET = np.uint64(1 << 61), np.uint64(1 << 62), np.uint64(1 << 63)
_TRACE = np.uint64(1 << 59)


@jit
def _add_impulse(value, draw, whole, part):
    """Add an impulse; its fraction where a draw from 0 to 255 is below it."""
    return min(max(np.int32(value + whole + (ONE if draw < part else NONE)), NONE), TRACE_MAX)


@jit
def _decay(value, keep, draw):
    """Let a trace decay; round up where a draw from 0 to 1 is below what is missing."""
    exact = keep * value
    whole = np.int32(exact)
    return np.int32(whole + (ONE if draw < exact - whole else NONE))


@jit
def _bits(c, step, neuron, size, salt, learners):
    """Draw 64 bits for a neuron and a step."""
    return mix(learners.key[c] ^ salt ^ np.uint64(step * size + neuron))


@jit
def hear_sources(c, step, member, first, last, learners, learned):
    """Take in the spikes of a connection's source in a step.

    A second spike in an epoch adds its impulse at once: only the time of the last one is kept.
    """
    number = learners.number[c]
    base, lava = number[PRE], number[DRAWS] >= 0
    now = np.int32(step % number[EPOCH] + 1)
    for e in range(first, last):
        i = np.int64(member[e])
        if learned.tx[base + i]:
            # Lava compares the fraction with 0 here: it is always added.
            bits = _bits(c, step, i, number[N_SOURCE], _AGAIN, learners)
            for k in range(2):
                draw = 0 if lava else np.int64((bits >> (_AT_8 * np.uint64(k))) & _BITS_8)
                place = base + i
                learned.x[k, place] = _add_impulse(learned.x[k, place], draw, learners.whole[c, k], learners.part[c, k])
        learned.tx[base + i] = now


@jit
def hear_targets(c, row, step, member, first, last, learners, learned):
    """Take in the spikes of a connection's target in a step; ``row`` is the step's row of Lava's draws."""
    number = learners.number[c]
    base, generator = number[POST], number[DRAWS]
    now = np.int32(step % number[EPOCH] + 1)
    for e in range(first, last):
        j = np.int64(member[e])
        if learned.ty[base + j]:
            bits = _bits(c, step, j, number[N_TARGET], _AGAIN | _OF_TARGET, learners)
            for k in range(3):
                draw = np.int64((bits >> (_AT_8 * np.uint64(k))) & _BITS_8)
                if generator >= 0:
                    draw = np.int64(learners.draw[generator, row, Y_IMPULSE])
                place = base + j
                whole, part = learners.whole[c, 2 + k], learners.part[c, 2 + k]
                learned.y[k, place] = _add_impulse(learned.y[k, place], draw, whole, part)
        learned.ty[base + j] = now


@jit
def source_traces(c, row, step, learners, learned, room):
    """Follow the source neurons' traces through the epoch that ends with a step."""
    number = learners.number[c]
    n, length, base, generator = number[N_SOURCE], number[EPOCH], number[PRE], number[DRAWS]
    for i in range(n):
        at = learned.tx[base + i]
        for k in range(2):
            place = (k * n + i) * (length + 1)
            value = learned.x[k, base + i]
            room.x[place] = value
            for t in range(1, length + 1):
                if value or t == at:
                    if generator >= 0:
                        decay, impulse = (
                            learners.draw[generator, row, X_DECAY],
                            learners.draw[generator, row, X_IMPULSE],
                        )
                    else:
                        bits = _bits(c, step - length + t, i, n, _DECAYS ^ (_TRACE * np.uint64(k)), learners)
                        decay, impulse = (bits >> _AT_40) * 2.0**-24, np.float64(bits & _BITS_8)
                    value = _decay(value, learners.keep[c, k], decay)
                    if t == at:
                        value = _add_impulse(value, impulse, learners.whole[c, k], learners.part[c, k])
                room.x[place + t] = value
            learned.x[k, base + i] = value


@jit
def _follow(value, fired, c, k, decay, impulse, learners):
    """Return what a step leaves of a target neuron's trace."""
    value = _decay(value, learners.keep[c, 2 + k], decay)
    spiked = _add_impulse(value, impulse, learners.whole[c, 2 + k], learners.part[c, 2 + k])
    return spiked if fired else value


@jit
def target_traces(c, row, step, learners, learned, room):
    """Follow the target neurons' traces through the epoch; those that the neuron sends hold."""
    number = learners.number[c]
    n, length, base, generator = number[N_TARGET], number[EPOCH], number[POST], number[DRAWS]
    third = number[THIRD] >= 0
    for k in range(3):
        first = k * (length + 1) * n
        for j in range(n):
            room.y[first + j] = learned.y[k, base + j]
        for t in range(1, length + 1):
            place = first + t * n
            if generator >= 0:
                # Lava lets what the neuron sends decay too, with 65535 steps.
                decay, impulse = learners.draw[generator, row, Y_DECAY], learners.draw[generator, row, Y_AGAIN]
                by = np.int32(learners.whole[c, 2 + k] + (ONE if impulse < learners.part[c, 2 + k] else NONE))
                passes.follow(room.y, place, n, learned.ty, base, t, learners.keep[c, 2 + k], decay, by)
            elif third:
                for j in range(n):
                    room.y[place + j] = room.y[place - n + j]
            else:
                for j in range(n):
                    bits = _bits(c, step - length + t, j, n, _DECAYS ^ _OF_TARGET ^ (_TRACE * np.uint64(k)), learners)
                    decay, impulse = (bits >> _AT_40) * 2.0**-24, np.float64(bits & _BITS_8)
                    fired = learned.ty[base + j] == t
                    room.y[place + j] = _follow(room.y[place - n + j], fired, c, k, decay, impulse, learners)
        for j in range(n):
            room.at_spike[k * n + j] = room.y[first + np.int64(learned.ty[base + j]) * n + j]
            if not third:
                learned.y[k, base + j] = room.y[first + length * n + j]
