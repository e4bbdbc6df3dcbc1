"""Mean-field results (R10): drift of gated three-factor STDP, synchronisation of oscillators, locking to kicks.

Drift: Kempter, Gerstner & van Hemmen, Phys. Rev. E 59, 4498 (1999), with eligibility, gate and modulator as factors.
Oscillators: Kuramoto (1975), exact for Lorentzian frequencies; two oscillators and kicks: Adler's equation and its map.
"""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs


def poisson_pairs(dt: float, gate_at: str | None, seed: int, n: int) -> tuple[hs.Network, hs.HMNRule]:
    """Return n x n plastic synapses between Poisson inputs and neurons that other Poisson inputs fire one by one."""
    net = hs.Network(dt=dt, seed=seed)
    pre = net.add(hs.PoissonInput(n, rate=25.0, name="pre"))
    teacher = net.add(hs.PoissonInput(n, rate=20.0, name="teacher"))
    cell = hs.LIF(tau_m=1.0, v_rest=0.0, v_reset=0.0, v_thresh=1e6, tau_syn_E=0.0, tau_refrac=0.0)
    post = net.add(hs.Population(n, cell, name="post"))
    net.add(hs.Projection(teacher, post, hs.OneToOne(), weight=1e8, delay=dt))
    theta = net.add(hs.Oscillator(frequency=8.0))
    level = net.add(hs.Modulator(tonic=0.6, weight=1.5))
    gate = None if gate_at is None else hs.PhaseGate(theta, phase=hs.Uniform(0.0, 6.2), at=gate_at)
    rule = hs.HMNRule(
        A_plus=0.01, A_minus=-0.003, eta_l=0.2, eta_g=0.5, modulators=level, gate=gate, tick=250.0, tau_slow=500.0,
        w_max=np.inf,
    )  # fmt: skip
    net.add(hs.Projection(pre, post, hs.AllToAll(), weight=5.0, delay=2.0 * dt, plasticity=rule, name="plastic"))
    return net, rule


def on_grid(tau: float, dt: float) -> float:
    """Sum of dt exp(-k dt/tau) over k >= 1: the area of an exponential that acts from the next step on."""
    rho = np.exp(-dt / tau)
    return dt * rho / (1.0 - rho)


def drift_of_the_engine(dt: float, gate_at: str | None, n: int, seconds: float) -> tuple[float, float]:
    """Return the mean drift of the weights [nA/s] and the theory's, at the rates that the spikes really had."""
    net, rule = poisson_pairs(dt, gate_at, 3, n)
    with hs.Simulation(net) as sim:
        sim.run(4000.0)  # the traces' transient
        results = sim.run(1000.0 * seconds)
    weights = results.weights["plastic"]
    found = (weights.values - weights.initial).mean() / seconds
    r_pre, r_post = (len(results.spikes[name]) / n / seconds for name in ("pre", "post"))
    tau = {name: on_grid(getattr(rule, f"tau_{name}"), dt) for name in ("plus", "minus", "fast", "slow")}
    area = rule.A_plus * tau["plus"] + rule.A_minus * tau["minus"]
    memory = rule.kappa_fast * (tau["fast"] + dt) + rule.kappa_slow * (tau["slow"] + dt)  # acts in its own step too
    factor = rule.eta_l + rule.eta_g * 0.9
    gate = 1.0 if gate_at is None else 1.0 / np.pi
    return found, factor * gate * r_pre * r_post * (memory / 1000.0) * (area / 1000.0)


@pytest.mark.parametrize("gate_at", [None, "update", "pairing"])
def test_r10_drift_of_three_factor_stdp(gate_at):
    found, theory = drift_of_the_engine(1.0, gate_at, n=150, seconds=40.0)
    assert found == pytest.approx(theory, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("gate_at", [None, "update", "pairing"])
@pytest.mark.parametrize("dt", [0.5, 1.0])
def test_r10_drift_of_three_factor_stdp_to_1_percent(gate_at, dt):
    found, theory = drift_of_the_engine(dt, gate_at, n=300, seconds=60.0)
    assert found == pytest.approx(theory, rel=0.01)


def order_parameter(n: int, coupling: float, half_width: float, dt: float, duration: float) -> float:
    """Return the mean order parameter of the last third of a run; frequencies are the Lorentzian's quantiles."""
    quantile = (np.arange(n) + 0.5) / n
    omega = half_width * np.tan(np.pi * (quantile - 0.5))
    net = hs.Network(dt=dt)
    phase = np.random.default_rng(0).uniform(0.0, 2.0 * np.pi, n)
    group = net.add(
        hs.Oscillator(frequency=omega / (2.0 * np.pi), phase=phase, size=n, coupling=coupling, name="group")
    )
    net.record(group, "phase", every=dt * round(duration / dt / 60))
    phases = hs.run(net, duration).traces["group"]["phase"].values
    r = np.abs(np.exp(1j * phases).mean(axis=1))
    return float(r[-20:].mean())


@pytest.mark.parametrize(("over_critical", "r"), [(2.0, np.sqrt(1 / 2)), (4.0, np.sqrt(3 / 4))])
def test_r10_kuramoto_order_parameter(over_critical, r):
    """r = sqrt(1 - K_c/K), K_c = 2 g: .707 at 2 K_c, .866 at 4 K_c (N 4000)."""
    found = order_parameter(4000, coupling=2.0 * over_critical * 5.0, half_width=5.0, dt=0.5, duration=2000.0)
    assert found == pytest.approx(r, abs=0.01)


def test_r10_kuramoto_below_the_critical_coupling():
    found = order_parameter(2000, coupling=0.5 * 2.0 * 5.0, half_width=5.0, dt=0.5, duration=2000.0)
    assert found < 0.1


@pytest.mark.parametrize(("share", "locks"), [(0.95, True), (1.05, False)])
def test_r10_two_oscillators_lock_iff_their_difference_is_at_most_the_coupling(share, locks):
    """Adler: d(difference)/dt = d_omega - K sin(difference)."""
    coupling = 20.0
    net = hs.Network(dt=0.1)
    frequency = np.array([8.0, 8.0 + share * coupling / (2.0 * np.pi)])
    pair = net.add(hs.Oscillator(frequency=frequency, size=2, coupling=coupling, name="pair"))
    net.record(pair, "phase", every=1.0)
    phase = hs.run(net, 4000.0).traces["pair"]["phase"].values
    difference = phase[:, 1] - phase[:, 0]
    if locks:
        assert difference[-1] == pytest.approx(np.arcsin(share), abs=1e-3)
    else:
        beat = np.sqrt((share * coupling) ** 2 - coupling**2)  # rad/s
        assert difference[-1] == pytest.approx(beat * 4.0, abs=2.0 * np.pi)


def kicked(detuning: float, strength: float, n_kicks: int = 300) -> np.ndarray:
    """Return the phase just before each kick; kicks come at a period for which omega T = 2 pi + detuning."""
    period, dt = 100.0, 0.1
    frequency = 1000.0 / period * (1.0 + detuning / (2.0 * np.pi))
    net = hs.Network(dt=dt)
    clock = net.add(hs.SpikeInput([period * np.arange(1, n_kicks + 1)], name="clock"))
    theta = net.add(hs.Oscillator(frequency=frequency, name="theta"))
    net.add(hs.Entrainment(clock, theta, strength=strength, phase=1.0))
    net.record(theta, "phase")
    phase = hs.run(net, period * n_kicks + 1.0).traces["theta"]["phase"].values[:, 0]
    before = np.rint(period / dt * np.arange(1, n_kicks + 1)).astype(int) - 1
    return phase[before] + 2.0 * np.pi * frequency * dt / 1000.0


@pytest.mark.parametrize(("detuning", "strength"), [(0.3, 0.5), (-0.4, 0.5), (0.0, 0.5), (0.9, 1.0), (1.0, 1.9)])
def test_r10_kicks_lock_the_phase_where_they_balance_the_detuning(detuning, strength):
    """1:1 iff abs(omega T - 2 pi) < kappa and kappa cos < 2, at sin(Phi* - Phi_0) = (omega T - 2 pi) / kappa."""
    before = kicked(detuning, strength)
    assert np.diff(before)[-1] == pytest.approx(2.0 * np.pi, abs=1e-9)
    assert np.sin(before[-1] - 1.0) == pytest.approx(detuning / strength, abs=1e-6)
    assert strength * np.cos(before[-1] - 1.0) > 0.0


@pytest.mark.parametrize(("detuning", "strength"), [(0.6, 0.5), (-0.8, 0.5), (0.1, 2.2)])
def test_r10_kicks_that_are_too_weak_or_too_strong_do_not_lock(detuning, strength):
    before = kicked(detuning, strength)
    assert np.abs(np.diff(before)[-20:] - 2.0 * np.pi).max() > 0.01
