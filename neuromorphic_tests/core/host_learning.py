"""A small plastic network with random spikes, and its learning on the host, step by step, from what a run recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn import learning
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.lowering import lower

VARIABLES = ("weight", "x", "y", "eligibility", "pending", "attention")


@dataclass(frozen=True)
class Case:
    """What a random plastic network is made from.

    Attributes
    ----------
    seed : int
        Decides spikes, connectivity and starting weights.
    dt : float [ms]
    n_steps, tick_steps, longest_delay : int
    pre_density, post_density : float
        Share of steps with a spike.
    rule : dict
        Parameters of HMNRule that are plain values.
    gate : None, "update", "pairing" or "both"
    entrained : bool
        Whether the pre spikes kick the oscillator.
    n_modulators : int
    attention, global_attention : object of the rule, or None
    astrocytes : bool
    """

    seed: int
    dt: float = 1.0
    n_steps: int = 200
    tick_steps: int = 50
    longest_delay: int = 1
    pre_density: float = 0.1
    post_density: float = 0.1
    rule: Any = None
    gate: str | None = None
    entrained: bool = False
    n_modulators: int = 1
    attention: Any = None
    global_attention: Any = None
    astrocytes: bool = False

    @property
    def duration(self) -> float:
        """Of the run [ms]."""
        return self.n_steps * self.dt


def plastic_network(case: Case) -> hs.Network:
    """Return the network of a case: given spikes -> plastic synapses -> neurons that a teacher fires one by one."""
    rng = np.random.default_rng(case.seed)
    net = hs.Network("host learning", dt=case.dt, seed=case.seed)
    n_pre, n_post = (int(n) for n in rng.integers(1, 5, 2))
    pre = net.add(hs.SpikeInput(_trains(rng, n_pre, case, case.pre_density), name="pre"))
    teacher = net.add(hs.SpikeInput(_trains(rng, n_post, case, case.post_density), name="teacher"))
    cell = hs.LIF(tau_syn_E=0.0, tau_syn_I=0.0, tau_refrac=0.0)
    post = net.add(hs.Population(n_post, cell, name="post"))
    net.add(hs.Projection(teacher, post, hs.OneToOne(), weight=100.0, delay=case.dt, name="teach"))
    modulators = [net.add(_modulator(rng, case, k)) for k in range(case.n_modulators)]
    gate = None
    if case.gate is not None:
        theta = net.add(hs.Oscillator(frequency=1000.0 / (case.dt * rng.uniform(10.0, 60.0)), phase=1.0, name="theta"))
        if case.entrained:
            net.add(hs.Entrainment(pre, theta, strength=0.3, phase=0.5))
    n = int(rng.integers(1, 12))
    if case.gate is not None:
        gate = hs.PhaseGate(theta, phase=rng.uniform(0.0, 2.0 * np.pi, n), at=case.gate, n_bins=16)
    glia = None
    if case.astrocytes:
        cell = hs.LeakyCalcium(tau_Y=20.0 * case.dt, tau_ca=40.0 * case.dt, C_theta=0.02, a_Ad=40.0, alpha=0.9)
        glia = net.add(hs.Astrocytes(2, cell, clock=5.0 * case.dt, name="glia"))
        net.record(glia, "M")
    rule = hs.HMNRule(
        modulators=modulators, gate=gate, tick=case.tick_steps * case.dt, attention=case.attention,
        global_attention=case.global_attention, **(case.rule or {}),
    )  # fmt: skip
    projection = hs.Projection(
        pre, post, hs.FromArrays(rng.integers(0, n_pre, n), rng.integers(0, n_post, n)),
        weight=rng.uniform(0.2, 0.8, n), delay=rng.integers(1, case.longest_delay + 1, n) * case.dt, plasticity=rule,
        astrocytes=glia, territories=rng.integers(0, 2, n) if case.astrocytes else None, name="plastic",
    )  # fmt: skip
    net.record(net.add(projection), VARIABLES)
    return net


def _trains(rng: np.random.Generator, n: int, case: Case, density: float) -> list[np.ndarray]:
    return [np.flatnonzero(rng.random(case.n_steps) < density) * case.dt + case.dt for _ in range(n)]


def _modulator(rng: np.random.Generator, case: Case, k: int) -> hs.Modulator:
    at = rng.choice(case.n_steps, size=3)
    levels = hs.Steps(np.array([0, case.n_steps // 3]) * case.dt, rng.normal(0.0, 0.5, 2))
    return hs.Modulator(
        tau=rng.uniform(10.0, 100.0) * case.dt, tonic=levels, weight=rng.uniform(0.5, 1.5),
        releases=[(step * case.dt, rng.normal()) for step in at], attention=rng.normal(size=1), name=f"modulator {k}",
    )  # fmt: skip


def modulator_levels(network: LoweredNetwork, n_steps: int) -> np.ndarray:
    """Return the modulators' levels as learning sees them: at the end of each step, (n_steps, n_modulators)."""
    levels = np.zeros((n_steps, len(network.modulators)))
    for k, m in enumerate(network.modulators):
        phasic = 0.0
        for step in range(n_steps):
            phasic += m.release_amounts[m.release_steps == step].sum()
            phasic *= np.exp(-network.dt / m.tau)
            tonic = m.tonic.values[np.searchsorted(m.tonic.steps, step, side="right") - 1, 0]
            levels[step, k] = phasic + tonic
    return levels


def oscillator_phases(network: LoweredNetwork, spikes: np.ndarray) -> np.ndarray:
    """Return the phase of the only oscillator at the end of each step, before the kicks of that step's spikes."""
    oscillator, phases = network.oscillators[0], np.zeros(len(spikes))
    phi = float(oscillator.phase[0])
    for step, fired in enumerate(spikes):
        phi += network.dt / 1000.0 * oscillator.omega[0]
        phases[step] = phi
        for kick in network.entrainments:
            if fired.any():
                phi -= kick.strength * fired.sum() * np.sin(phi - kick.phase)
    return phases


def learn_on_host(case: Case, net: hs.Network, results: hs.Results) -> dict[str, np.ndarray]:
    """Return every recorded variable of the plastic projection as the step-by-step definition gives it.

    Spikes and the astrocytes' M come from the run; all else is computed here.
    """
    network = lower(net)
    projection = network.projections[1]
    lowered, dt, n_steps = projection.plasticity, network.dt, case.n_steps
    rule = lowered.rule
    pre, post = (
        learning.raster(results.spikes[name].t, results.spikes[name].i, size, 0, n_steps, dt)
        for name, size in (("pre", projection.n_source), ("post", projection.n_target))
    )
    levels = modulator_levels(network, n_steps)
    phases = oscillator_phases(network, pre) if lowered.gate is not None else None
    weights = np.array([m.weight for m in network.modulators])
    vectors = np.array([m.attention for m in network.modulators]).reshape(len(weights), 1)
    taus = np.atleast_1d(rule.attention.tau) if rule.attention else np.ones(1)
    context, h, c = np.zeros(1), np.zeros((projection.n_source, len(taus))), np.zeros((projection.n_target, len(taus)))
    state, w, M = learning.LearningState.initial(projection), projection.weights, np.zeros(projection.n_synapses)
    alpha = learning.local_attention(projection, h, c)
    gamma = learning.global_attention(rule, levels[0], vectors, context)
    rows: dict[str, list[np.ndarray]] = {name: [] for name in VARIABLES}
    totals = np.zeros(3, int)
    for k in range(n_steps):
        values = (w, state.x, state.y, state.eligibility, state.pending, alpha)
        for name, value in zip(VARIABLES, values, strict=True):
            rows[name].append(value)
        now = slice(k, k + 1)
        G = levels[now] @ (gamma * weights)
        phase = None if phases is None else phases[now]
        update = learning.advance(projection, dt, network.seed, state, w, pre[now], post[now], G, phase, M, alpha)
        state, w = update.state, update.weights
        totals += (update.applied, update.rejected, update.pairings)
        if rule.attention is not None:
            h = learning.activity(h, pre[now], taus, dt, rule.attention.rate)
            c = learning.activity(c, post[now], taus, dt, rule.attention.rate)
        if rule.global_attention is not None:
            seen = rule.global_attention
            share = post[k].sum() / (projection.n_target * seen.rate * seen.tau / 1000.0)
            context = context * np.exp(-dt / seen.tau) + share
        if state.step == 0:
            alpha = learning.local_attention(projection, h, c)
            gamma = learning.global_attention(rule, levels[k], vectors, context)
            if case.astrocytes and k + 1 < n_steps:
                M = results.traces["glia"]["M"].values[k + 1][projection.territory]
    return {name: np.array(row) for name, row in rows.items()} | {"final": w, "totals": totals}
