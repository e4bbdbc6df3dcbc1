"""The learning tick step by step: a rule's traces and pending updates as a pure function of the spikes of a tick.

Backends that give spikes and take weights learn exactly with it on the host; tests hold every faster evaluation against
it. Written for clearness: every synapse has its own traces, and every step touches all of them.

A host that runs a network tick by tick does, for each plastic projection::

    state, weights = LearningState.initial(projection), projection.weights
    for each tick:
        ... run the network for projection.plasticity.tick_steps steps, read the spikes of both ends ...
        update = advance(projection, dt, seed, state, weights, pre, post, G, phase, M, alpha)
        state, weights = update.state, update.weights
        ... sample alpha, the modulators' shares in G, and M for the next tick; write the weights ...
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import randomness
from .errors import SimulationError
from .lowered import LoweredProjection, LoweredRule

Float = np.ndarray
Bool = np.ndarray

_MS_PER_S = 1000.0


@dataclass(frozen=True, eq=False)
class LearningState:
    """What a rule carries from one step to the next.

    Attributes
    ----------
    x, y : (n_synapses,) float array
        STDP traces: of pre arrivals, and of post spikes.
    psi_fast, psi_slow : (n_synapses,) float array [nA]
        The two eligibility traces; their sum is the eligibility.
    pending : (n_synapses,) float array [nA]
        Weight change collected since the last tick, and what was carried over it.
    step : int
        Steps since the last tick.
    tick : int
        Ticks done.
    pre_past, post_past : (longest delay, n_source) and (longest delay, n_target) bool arrays
        Spikes of the last steps, oldest first: those still on their way.
    """

    x: Float
    y: Float
    psi_fast: Float
    psi_slow: Float
    pending: Float
    step: int
    tick: int
    pre_past: Bool
    post_past: Bool

    @classmethod
    def initial(cls, projection: LoweredProjection) -> LearningState:
        """Return the state at t = 0: everything 0, nothing on its way.

        Parameters
        ----------
        projection : LoweredProjection

        Returns
        -------
        LearningState
        """
        zeros = np.zeros(projection.n_synapses)
        depth = int(projection.delays.max())
        past = [np.zeros((depth, n), dtype=bool) for n in (projection.n_source, projection.n_target)]
        return cls(zeros, zeros, zeros, zeros, zeros, 0, 0, *past)

    @property
    def eligibility(self) -> Float:
        """(n_synapses,) float array [nA]: the sum of the two traces."""
        return np.asarray(self.psi_fast + self.psi_slow)


@dataclass(frozen=True, eq=False)
class Update:
    """What :func:`advance` gives.

    Attributes
    ----------
    state : LearningState
    weights : (n_synapses,) float array
        Changed only where the steps end with a tick.
    pairings : int
        STDP events, pre and post, counted once per synapse.
    applied, rejected : int
        Synapses whose pending change, not 0, the tick applied or withheld.
    """

    state: LearningState
    weights: Float
    pairings: int
    applied: int
    rejected: int


def advance(
    projection: LoweredProjection,
    dt: float,
    seed: int,
    state: LearningState,
    weights: Float,
    pre: Bool,
    post: Bool,
    G: Float,
    phase: Float | None = None,
    M: float | Float = 0.0,
    alpha: float | Float = 1.0,
) -> Update:
    """Advance a projection's learning over some steps, at most to the end of its tick.

    Parameters
    ----------
    projection : LoweredProjection
        A plastic one.
    dt : float [ms]
    seed : int
        The network's; it decides probabilistic updates.
    state : LearningState
    weights : (n_synapses,) float array
    pre, post : (n_steps, n_source) and (n_steps, n_target) bool arrays
        Spikes fired in each step, of the whole source group and target population (see :func:`raster`).
    G : (n_steps,) float array
        Gating signal at the end of each step, with the modulators' weights and shares in it.
    phase : (n_steps,) float array, optional [rad]
        Phase of the gating oscillator at the end of each step, before that step's kicks; needed if there is a gate.
    M : float or (n_synapses,) float array
        Metaplastic signal of each synapse's astrocyte, as sampled at the last tick.
    alpha : float or (n_synapses,) float array
        Local attention, as sampled at the last tick (see :func:`local_attention`).

    Returns
    -------
    Update

    Raises
    ------
    SimulationError
        If the steps go beyond the end of the tick, or a gate has no phases.
    """
    lowered = projection.plasticity
    assert lowered is not None
    n_steps = len(pre)
    if state.step + n_steps > lowered.tick_steps:
        left = lowered.tick_steps - state.step
        raise SimulationError(f"projection {projection.name!r}: {n_steps} steps given, its tick is due in {left}")
    if lowered.gate is not None and phase is None:
        raise SimulationError(f"projection {projection.name!r}: its rule has a phase gate; give the phases")
    dendritic = lowered.rule.delay_kind == "dendritic"
    pre_all, post_all = np.concatenate([state.pre_past, pre]), np.concatenate([state.post_past, post])
    past, pairings = len(state.pre_past), 0
    pre_lag = 0 if dendritic else projection.delay_steps
    post_lag = projection.delay_steps if dendritic else 0
    for k in range(n_steps):
        arrived = pre_all[past + k - pre_lag, projection.source_index]
        fired = post_all[past + k - post_lag, projection.target_index]
        gate = 1.0 if lowered.gate is None or phase is None else _gate(lowered.gate, float(phase[k]))
        state = _step(state, lowered, dt, arrived, fired, gate, float(G[k]), M, alpha)
        pairings += int(arrived.sum() + fired.sum())
    state = replace(state, pre_past=pre_all[n_steps:], post_past=post_all[n_steps:])
    if state.step < lowered.tick_steps:
        return Update(state, weights, pairings, 0, 0)
    return _tick(projection, lowered, seed, state, weights, pairings)


def _gate(gate: Any, phase: float) -> Float:
    """max(0, cos(Phi - phi)) of each synapse (eq 4)."""
    return np.asarray(np.maximum(0.0, np.cos(phase - 2.0 * np.pi * gate.bins / gate.n_bins)))


def _step(
    state: LearningState, lowered: LoweredRule, dt: float, arrived: Bool, fired: Bool, gate: float | Float, G: float,
    M: float | Float, alpha: float | Float,
) -> LearningState:  # fmt: skip
    """One step: decay, pairings (eq 2), traces, then what becomes pending (eq 3)."""
    rule = lowered.rule
    gates_pairing = lowered.gate is not None and lowered.gate.pairing
    gates_update = lowered.gate is not None and lowered.gate.update
    x, y = state.x * np.exp(-dt / rule.tau_plus), state.y * np.exp(-dt / rule.tau_minus)
    if rule.pairing == "nearest":
        next_x, next_y = np.where(arrived, 1.0, x), np.where(fired, 1.0, y)
    else:
        next_x, next_y = x + arrived, y + fired
    # A post event sees the arrivals before it, an arrival the post spikes before it; a tie belongs to neither.
    potentiation = rule.A_plus * (next_x if rule.tie == "ltp" else x) * fired
    depression = rule.A_minus * (next_y if rule.tie == "ltd" else y) * arrived
    q = (potentiation + depression) * (gate if gates_pairing else 1.0)
    psi_fast = state.psi_fast * np.exp(-dt / rule.tau_fast) + rule.kappa_fast * q
    psi_slow = state.psi_slow * np.exp(-dt / rule.tau_slow) + rule.kappa_slow * q
    rate = rule.eta_l + rule.eta_g * (G + rule.lambda_a * M)
    change = dt / _MS_PER_S * rate * (gate if gates_update else 1.0) * alpha * (psi_fast + psi_slow)
    return replace(
        state, x=next_x, y=next_y, psi_fast=psi_fast, psi_slow=psi_slow, pending=state.pending + change,
        step=state.step + 1,
    )  # fmt: skip


def _tick(
    projection: LoweredProjection, lowered: LoweredRule, seed: int, state: LearningState, weights: Float, pairings: int
) -> Update:
    """Apply or reject what is pending (eq 5)."""
    rule, pending = lowered.rule, state.pending
    chosen = np.ones(len(pending), dtype=bool)
    if rule.apply == "probabilistic":
        with np.errstate(over="ignore"):  # exp of a large number: a probability of 0
            p = 1.0 / (1.0 + np.exp(-lowered.beta_p * (np.abs(pending) - rule.theta_p)))
        chosen = randomness.uniform(seed, f"{projection.name}/apply", np.arange(len(pending)), state.tick) < p
    changed = np.where(chosen, np.clip(weights + pending, rule.w_min, rule.w_max), weights)
    kept = np.where(~chosen & (rule.on_reject == "carry"), pending, 0.0)
    applied, rejected = (int((side & (pending != 0.0)).sum()) for side in (chosen, ~chosen))
    return Update(replace(state, pending=kept, step=0, tick=state.tick + 1), changed, pairings, applied, rejected)


def local_attention(projection: LoweredProjection, pre: Float, post: Float) -> Float:
    """Return the factors of local attention at a tick (eqs 10-11): a softmax over each neuron's synapses.

    Parameters
    ----------
    projection : LoweredProjection
        A plastic one.
    pre, post : (n_source, d) and (n_target, d) float arrays
        Spike traces of the two ends at the tick (see :func:`activity`).

    Returns
    -------
    (n_synapses,) float array
        1 throughout where the rule has no local attention.
    """
    assert projection.plasticity is not None
    attention, target = projection.plasticity.rule.attention, projection.target_index
    if attention is None:
        return np.ones(projection.n_synapses)
    h, c = pre[projection.source_index], post[target]
    similarity = (h * c).sum(axis=1)
    if attention.similarity == "cosine":
        size = np.linalg.norm(h, axis=1) * np.linalg.norm(c, axis=1)
        similarity = np.divide(similarity, size, out=np.zeros(len(h)), where=size > 0.0)
    else:
        similarity = similarity / np.sqrt(h.shape[1])
    g = attention.slope * similarity
    largest = np.full(projection.n_target, -np.inf)
    np.maximum.at(largest, target, g)
    weight = np.exp(g - largest[target])
    total = np.bincount(target, weight, minlength=projection.n_target)
    fan_in = np.bincount(target, minlength=projection.n_target)[target]
    return np.asarray((1.0 if attention.normalisation == "simplex" else fan_in) * weight / total[target])


def activity(traces: Float, spikes: Bool, tau: Any, dt: float, rate: float) -> Float:
    """Return the spike traces that local attention compares, after some more steps.

    Parameters
    ----------
    traces : (n, d) float array
        At the start; 0 at t = 0.
    spikes : (n_steps, n) bool array
        As fired.
    tau : (d,) float array [ms]
    dt : float [ms]
    rate : float [Hz]
        At which a trace is 1 on average.

    Returns
    -------
    (n, d) float array
    """
    taus = np.atleast_1d(np.asarray(tau, dtype=np.float64))
    for fired in spikes:
        traces = traces * np.exp(-dt / taus) + fired[:, None] / (rate * taus / _MS_PER_S)
    return traces


def global_attention(rule: Any, levels: Float, vectors: Float, context: Float) -> Float:
    """Return the modulators' shares in G at a tick (eqs 6-7).

    Parameters
    ----------
    rule : HMNRule
    levels : (k,) float array
        Of the modulators in G.
    vectors : (k, d) float array
        Their attention vectors.
    context : (d,) float array
        The populations' rates over the reference rate, low-passed.

    Returns
    -------
    (k,) float array
        G is their sum with the modulators' weights and levels.
    """
    attention = rule.global_attention
    if attention is None:
        return np.ones(len(levels))
    score = attention.slope * levels * (vectors @ context) / np.sqrt(len(context))
    weight = np.exp(score - score.max(initial=-np.inf))
    return np.asarray((1 if attention.normalisation == "simplex" else len(levels)) * weight / weight.sum())


def raster(t: Float, i: np.ndarray, size: int, first: int, n_steps: int, dt: float) -> Bool:
    """Return spikes given as times and indices as an array by step and neuron.

    Parameters
    ----------
    t : (k,) float array [ms]
    i : (k,) int array
    size : int
    first, n_steps : int
        Range of steps; a spike at time t was fired in step t / dt - 1.
    dt : float [ms]

    Returns
    -------
    (n_steps, size) bool array
    """
    steps = np.rint(np.asarray(t) / dt).astype(np.int64) - 1 - first
    inside = (steps >= 0) & (steps < n_steps)
    fired = np.zeros((n_steps, size), dtype=bool)
    fired[steps[inside], np.asarray(i)[inside]] = True
    return fired
