"""Recording inside the kernel: samples of any variable into one flat buffer."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredRecording
from hmn_snn.recording import NEURON

from .jit import jit
from .layout import EXC, INH, LANES, WAIT, at
from .learning_kernel import (
    PSI_CLOCK,
    TAU_FAST,
    TAU_MINUS,
    TAU_PLUS,
    TAU_SLOW,
    X_CLOCK,
    Y_CLOCK,
    pending,
)
from .neuron_kernel import since
from .tables import joined, pointers

V, I_EXC, I_INH, BIAS = range(4)
WEIGHT, X, Y, ELIGIBILITY, PENDING, ATTENTION, G = range(10, 17)
LEVEL, PHASE, GAIN, M, CELL = 20, 30, 40, 41, 50  # CELL + k is the k-th state of an astrocyte
_PROJECTION = {"weight": WEIGHT, "x": X, "y": Y, "eligibility": ELIGIBILITY, "pending": PENDING, "attention": ATTENTION,
               "G": G}  # fmt: skip


class Probes(NamedTuple):
    """What is sampled, and into which part of the buffer."""

    code: np.ndarray
    group: np.ndarray
    every: np.ndarray
    ptr: np.ndarray  # (Q + 1,) into member
    member: np.ndarray
    out_start: np.ndarray  # (Q,) into out
    row: np.ndarray  # (Q,) samples taken
    out: np.ndarray


def build_probes(lowered: LoweredNetwork, first: int, n_steps: int) -> Probes:
    """Return probes with room for the samples of a range of steps.

    Parameters
    ----------
    lowered : LoweredNetwork
    first, n_steps : int

    Returns
    -------
    Probes
    """
    recordings = lowered.recordings
    sizes = [n_samples(r, first, n_steps) * len(r.indices) for r in recordings]
    starts = pointers(sizes)
    return Probes(
        code=np.array([_code(lowered, r) for r in recordings], dtype=np.int64),
        group=np.array([r.group for r in recordings], dtype=np.int64),
        every=np.array([r.every for r in recordings], dtype=np.int64),
        ptr=pointers([len(r.indices) for r in recordings]),
        member=joined([r.indices for r in recordings], np.int64),
        out_start=starts[:-1],
        row=np.zeros(len(recordings), np.int64),
        out=np.zeros(int(starts[-1])),
    )


def n_samples(recording: LoweredRecording, first: int, n_steps: int) -> int:
    """Return how many sampling times a range of steps has."""
    return (first + n_steps - 1) // recording.every - (first - 1) // recording.every


def _code(lowered: LoweredNetwork, recording: LoweredRecording) -> int:
    name = recording.variable
    if recording.kind == "population":
        return list(NEURON).index(name)
    if recording.kind == "projection":
        return _PROJECTION[name]
    if recording.kind == "astrocytes":
        cell = lowered.astrocytes[recording.group].cell
        return {"gain": GAIN, "M": M}.get(name) or CELL + cell.state_names.index(name)
    return LEVEL if recording.kind == "modulator" else PHASE


@jit
def sample(step, probes, neurons, syn, rhythms, rules, learn, state, dt):
    """Take the samples that are due at the start of a step."""
    for q in range(len(probes.code)):
        if step % probes.every[q] != 0:
            continue
        a, b = probes.ptr[q], probes.ptr[q + 1]
        out = probes.out_start[q] + probes.row[q] * (b - a)
        code, group = probes.code[q], probes.group[q]
        for k in range(a, b):
            i = probes.member[k]
            if code < WEIGHT:
                value = _neuron(code, group, i, step, neurons, state)
            elif code < LEVEL:
                value = _synapse(code, group, i, syn, rules, learn, state, dt)
            elif code == LEVEL:
                value = state.tonic[group] + state.phasic[group]
            elif code == PHASE:
                value = state.phi[rhythms.osc_start[group] + i]
            elif code == GAIN:
                value = state.gain[rhythms.astro_start[group] + i]
            elif code == M:
                value = state.meta[rhythms.astro_start[group] + i]
            else:
                value = state.astro[rhythms.astro_start[group] + i, code - CELL]
            probes.out[out + k - a] = value
        probes.row[q] += 1


@jit
def _neuron(code, p, i, step, neurons, state):
    """Return a neuron's variable, with what has just arrived."""
    first = at(neurons.block[p], i, 0)
    exc, inh = state.neuron[first + EXC * LANES], state.neuron[first + INH * LANES]
    if code == V:
        value = np.float64(state.neuron[first])
        if state.neuron[first + WAIT * LANES] <= since(step, state.neuron):
            if neurons.delta_exc[p]:
                value += exc
            if neurons.delta_inh[p]:
                value -= inh
        return value
    if code == I_EXC:
        return np.float64(0.0 if neurons.delta_exc[p] else exc)
    if code == I_INH:
        return np.float64(0.0 if neurons.delta_inh[p] else inh)
    return state.bias[neurons.start[p] + i]


@jit
def _synapse(code, j, i, syn, rules, learn, state, dt):
    r = syn.rule[j]
    if r < 0:
        first = syn.row_ptr[syn.row_ptr_start[j]]
        return np.float64(syn.weight[syn.weight_start[j] + (0 if syn.uniform[j] else first + i)])
    s = rules.syn_start[r] + i
    number = rules.numbers[r]
    if code == WEIGHT:
        return learn.weight[s]
    if code == X:
        return learn.x[rules.x_index[s]] * math.exp(-learn.clock[r, X_CLOCK] * dt / number[TAU_PLUS])
    if code == Y:
        return learn.y[rules.y_index[s]] * math.exp(-learn.clock[r, Y_CLOCK] * dt / number[TAU_MINUS])
    if code == ELIGIBILITY:
        m = learn.clock[r, PSI_CLOCK] * dt
        fast = learn.trace[s, 0] * math.exp(-m / number[TAU_FAST])
        return fast + learn.trace[s, 1] * math.exp(-m / number[TAU_SLOW])
    if code == PENDING:
        return pending(s, r, rules, learn, syn)
    if code == ATTENTION:
        return learn.alpha[s]
    level = 0.0
    for k in range(rules.modulator_ptr[r], rules.modulator_ptr[r + 1]):
        m = rules.modulator[k]
        level += learn.gamma[k] * rules.modulator_weight[k] * (state.tonic[m] + state.phasic[m])
    return level
