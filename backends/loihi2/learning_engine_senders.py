"""What target neurons send to the connections that learn: a trace of their spikes, and two numbers of the host's."""

from __future__ import annotations

import numpy as np

from .._shared.jit import jit
from . import emulator_kernel as chip
from .learning_engine_tables import TRACE_MAX

_FRACTION, _HALF = np.int32(14), np.int32(1 << 13)


@jit
def send(p, row, member, first, last, senders):
    """Let the neurons of a process send their factors of a step."""
    a, b, impulse = senders.first[p], senders.first[p + 1], np.int32(senders.impulse[p] << _FRACTION)
    for j in range(a, b):
        senders.trace[j] = chip._decay(senders.trace[j], senders.keep[p])
    if not senders.own_spike[p]:
        _round_off(a, b, senders)
    for e in range(first, last):
        j = a + np.int64(member[e])
        spiked = impulse if senders.nearest[p] else np.int32(senders.trace[j] + impulse)
        senders.trace[j] = min(spiked, np.int32(TRACE_MAX << _FRACTION))
    if senders.own_spike[p]:
        _round_off(a, b, senders)
    for j in range(a, b):
        senders.sent[1, j] = np.int32(senders.given[row, 0, j])
        senders.sent[2, j] = np.int32(senders.given[row, 1, j])


@jit
def _round_off(a, b, senders):
    for j in range(a, b):
        senders.sent[0, j] = np.int32(senders.trace[j] + _HALF) >> _FRACTION
