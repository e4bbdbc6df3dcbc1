"""Modulators, oscillators, attention and astrocytes of the engine against closed forms (semantics 5-7 and 9)."""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs

DELTA = {"tau_syn_E": 0.0, "tau_syn_I": 0.0}


def held_eligibility(dt=0.5, oscillator=None, modulators=(), **rule) -> tuple[hs.Network, float]:
    """Return a network whose one synapse keeps an eligibility of 1 nA from 2 ms on, with what is pending recorded.

    What is pending then grows by dt_s times the rule's rate and gate, and shows both step by step.
    """
    net = hs.Network(dt=dt)
    pre = net.add(hs.SpikeInput([[0.5]], name="pre"))
    teacher = net.add(hs.SpikeInput([[1.0]], name="teacher"))
    post = net.add(hs.Population(1, hs.LIF(tau_m=1.0, **DELTA), name="post"))
    net.add(hs.Projection(teacher, post, hs.AllToAll(), weight=1000.0, delay=0.5))
    for thing in (*modulators, oscillator):
        if thing is not None:
            net.add(thing)
    given = {"A_plus": 1.0, "A_minus": 0.0, "tau_plus": 1e12, "tau_fast": 1e12, "tau_slow": 1e12, "kappa_slow": 0.5,
             "tick": 1e6, "w_max": np.inf, "modulators": modulators, **rule}  # fmt: skip
    synapse = hs.Projection(
        pre, post, hs.AllToAll(), weight=0.0, delay=0.5, plasticity=hs.HMNRule(**given), name="plastic"
    )
    net.record(net.add(synapse), ["pending", "eligibility"])
    return net, 2.0


def rates(results: hs.Results, start: float) -> np.ndarray:
    """Return what the rate times the gate was at the end of each step from a time on."""
    trace = results.traces["plastic"]["pending"]
    dt = results.dt
    np.testing.assert_allclose(results.traces["plastic"]["eligibility"].values[round(start / dt) :], 1.0, rtol=1e-8)
    return np.diff(trace.values[round(start / dt) :, 0]) / (1e-3 * dt)


# Modulators


def test_a_release_is_seen_from_the_next_step_on():
    """An amount a released at t_n is a rho at t_n+1 (semantics 5)."""
    dopamine = hs.Modulator(tau=50.0, releases=[(10.0, 2.0)], name="dopamine")
    net, start = held_eligibility(modulators=(dopamine,))
    seen = rates(hs.run(net, 40.0), start)
    n = np.arange(len(seen)) - round((10.0 - start) / 0.5)
    np.testing.assert_allclose(seen, np.where(n >= 0, 2.0 * np.exp(-0.5 * (n + 1) / 50.0), 0.0), atol=1e-8)


def test_the_area_of_a_release_is_exact_on_the_grid():
    dopamine = hs.Modulator(tau=20.0, releases=[(10.0, 2.0)], name="dopamine")
    net, start = held_eligibility(modulators=(dopamine,))
    rho = np.exp(-0.5 / 20.0)
    assert rates(hs.run(net, 600.0), start).sum() * 0.5 == pytest.approx(2.0 * 0.5 * rho / (1.0 - rho), rel=1e-9)


def test_a_recorded_level_is_the_present_one():
    net = hs.Network(dt=0.5)
    level = net.add(hs.Modulator(tau=50.0, tonic=hs.Steps([0.0, 5.0], [0.5, 1.0]), releases=[(2.0, 2.0)], name="level"))
    net.record(level, "level")
    found = hs.run(net, 8.0).traces["level"]["level"].values[:, 0]
    n = np.arange(16)
    phasic = np.where(n >= 4, 2.0 * np.exp(-0.5 * (n - 4) / 50.0), 0.0)
    np.testing.assert_allclose(found, phasic + np.where(n >= 10, 1.0, 0.5), rtol=1e-13)


def test_a_tonic_level_acts_on_the_step_it_begins():
    """Tonic at t_n+1 is the value of [t_n, t_n+1)."""
    level = hs.Modulator(tonic=hs.Steps([0.0, 10.0], [0.25, 1.0]), name="level")
    net, start = held_eligibility(modulators=(level,))
    seen = rates(hs.run(net, 20.0), start)
    n = np.arange(len(seen)) - round((10.0 - start) / 0.5)
    np.testing.assert_allclose(seen, np.where(n >= 0, 1.0, 0.25), atol=1e-9)


def test_modulators_add_up_by_weight():
    modulators = (hs.Modulator(tonic=2.0, weight=0.5, name="a"), hs.Modulator(tonic=1.0, weight=-3.0, name="b"))
    net, start = held_eligibility(modulators=modulators, eta_l=10.0, eta_g=2.0)
    np.testing.assert_allclose(rates(hs.run(net, 20.0), start), 10.0 + 2.0 * (1.0 - 3.0), rtol=1e-8)


def test_norepinephrine_of_astrocytes_is_not_in_the_gating_signal():
    modulators = (hs.Modulator(tonic=2.0, name="dopamine"), hs.Modulator(tonic=5.0, name="norepinephrine"))
    net, start = held_eligibility(modulators=modulators)
    net.add(hs.Astrocytes(1, norepinephrine=modulators[1]))
    np.testing.assert_allclose(rates(hs.run(net, 20.0), start), 2.0, rtol=1e-8)


def closed_loop(scheduled: bool) -> hs.Results:
    """Return a run in which a release and a tonic level are either scheduled or set between two runs."""
    times = {"releases": [(20.0, 1.5)], "tonic": hs.Steps([0.0, 35.0], [0.1, 0.4])} if scheduled else {"tonic": 0.1}
    net, _ = held_eligibility(modulators=(hs.Modulator(tau=30.0, name="level", **times),))
    net.record(net["level"], "level")
    if scheduled:
        return hs.run(net, 60.0)
    with hs.Simulation(net) as sim:
        parts = [sim.run(20.0)]
        sim.release("level", 1.5)
        parts.append(sim.run(15.0))
        sim.set_tonic("level", 0.4)
        parts.append(sim.run(25.0))
    return parts[0].joined(*parts[1:])


def test_a_scheduled_release_is_one_made_between_two_runs():
    a, b = closed_loop(True), closed_loop(False)
    for name, variable in (("level", "level"), ("plastic", "pending")):
        assert np.array_equal(a.traces[name][variable].values, b.traces[name][variable].values)
    assert a.traces["plastic"]["pending"].values[-1] > 0.0


def test_reward_baseline_is_used_before_it_moves():
    """Release R - Rbar with Rbar before its update; Rbar += .05 (R - Rbar), Rbar(0) = 0."""
    baseline = hs.RewardBaseline()
    assert [baseline.error(r) for r in (1.0, 1.0, 0.0)] == pytest.approx([1.0, 0.95, -0.0975])
    assert baseline.value == pytest.approx(0.05 + 0.05 * 0.95 - 0.05 * 0.0975)


# Oscillators and the phase gate


def test_a_free_phase_advances_exactly():
    net = hs.Network(dt=0.1)
    theta = net.add(hs.Oscillator(frequency=[8.0, 40.0], phase=[0.0, 1.0], size=2, name="theta"))
    net.record(theta, "phase", every=10.0)
    trace = hs.run(net, 2000.0).traces["theta"]["phase"]
    expected = np.array([0.0, 1.0]) + 2.0 * np.pi * np.array([8.0, 40.0]) * 1e-3 * trace.t[:, None]
    np.testing.assert_allclose(trace.values, expected, atol=1e-9)


@pytest.mark.parametrize("lag", [0.0, 0.4, np.array([[0.0, 0.3, -0.2], [0.1, 0.0, 0.5], [1.0, -1.0, 0.2]])])
def test_coupled_phases_advance_from_those_at_the_start(lag):
    """Kuramoto's sum over all members, all phases from t_n (semantics 6)."""
    frequency, start = np.array([5.0, 9.0, 12.0]), np.array([0.0, 2.0, 4.0])
    net = hs.Network(dt=0.5)
    group = net.add(hs.Oscillator(frequency=frequency, phase=start, size=3, coupling=40.0, lag=lag, name="group"))
    net.record(group, "phase")
    found = hs.run(net, 50.0).traces["group"]["phase"].values
    phi, lags = start.copy(), np.broadcast_to(lag, (3, 3))
    for row in found:
        np.testing.assert_allclose(row, phi, atol=1e-11)
        pull = np.sin(phi[None, :] - phi[:, None] - lags).sum(axis=1)
        phi = phi + 0.5e-3 * (2.0 * np.pi * frequency + 40.0 / 3.0 * pull)


def test_spikes_of_a_step_kick_once_together():
    """Phi += -kappa n_s sin(Phi - Phi_0), from the phase at the end of the step, by members of the slice only."""
    net = hs.Network(dt=0.5)
    source = net.add(hs.SpikeInput([[5.0], [5.0], [5.0, 8.0]], name="source"))
    theta = net.add(hs.Oscillator(frequency=[10.0, 3.0], phase=[0.5, 0.7], size=2, name="theta"))
    net.add(hs.Entrainment(source[1:], theta, strength=0.2, phase=0.1))
    net.record(theta, "phase")
    phase = hs.run(net, 12.0).traces["theta"]["phase"].values
    expected = np.array([0.5, 0.7])
    for n, row in enumerate(phase):
        if n:
            expected = expected + 0.5e-3 * 2.0 * np.pi * np.array([10.0, 3.0])
            count = {10: 2, 16: 1}.get(n, 0)
            expected = expected - 0.2 * count * np.sin(expected - 0.1)
        np.testing.assert_allclose(row, expected, atol=1e-12)


def test_an_oscillator_drives_neurons_by_their_preferred_phase():
    net = hs.Network(dt=0.5)
    theta = net.add(hs.Oscillator(frequency=[8.0, 20.0], size=2, phase=[0.3, 0.9], name="theta"))
    cells = net.add(hs.Population(2, hs.LIF(tau_m=10.0, cm=1.0, v_thresh=1e6), name="cells"))
    net.add(hs.OscillatorDrive(theta[1], cells, amplitude=0.8, phase=[0.0, 2.0]))
    net.record(cells, "v")
    trace = hs.run(net, 60.0).traces["cells"]["v"]
    v = np.full(2, -65.0)
    for t, row in zip(trace.t, trace.values, strict=True):
        np.testing.assert_allclose(row, v, rtol=1e-12)
        phi = 0.9 + 2.0 * np.pi * 20.0 * 1e-3 * t
        v_inf = -65.0 + 10.0 * 0.8 * np.cos(phi - np.array([0.0, 2.0]))
        v = v_inf + (v - v_inf) * np.exp(-0.05)


def test_the_gate_is_the_rectified_cosine_with_mean_1_over_pi():
    theta = hs.Oscillator(frequency=8.0, name="theta")
    net, start = held_eligibility(oscillator=theta, gate=hs.PhaseGate(theta, phase=np.pi / 2.0), eta_l=1.0)
    seen = rates(hs.run(net, start + 1250.0 + 0.5), start)[:2500]
    phi = 2.0 * np.pi * 8.0 * 1e-3 * (start + 0.5 * np.arange(1, 2501))
    np.testing.assert_allclose(seen, np.maximum(0.0, np.cos(phi - np.pi / 2.0)), atol=1e-7)
    assert seen.mean() == pytest.approx(1.0 / np.pi, rel=1e-4)


def test_a_preferred_phase_goes_to_the_nearest_bin():
    theta = hs.Oscillator(frequency=8.0, name="theta")
    net, start = held_eligibility(oscillator=theta, gate=hs.PhaseGate(theta, phase=0.3, n_bins=8), eta_l=1.0)
    results = hs.run(net, start + 250.0)
    phi = 2.0 * np.pi * 8.0 * 1e-3 * (start + 0.5 * np.arange(1, 500))
    np.testing.assert_allclose(rates(results, start)[:499], np.maximum(0.0, np.cos(phi)), atol=1e-7)
    assert [f.distortion for f in results.findings if f.where == "gate phase"] == pytest.approx([0.3 / (2.0 * np.pi)])


def test_the_gate_follows_the_member_that_is_named():
    theta = hs.Oscillator(frequency=[8.0, 20.0], size=2, name="theta")
    net, start = held_eligibility(oscillator=theta, gate=hs.PhaseGate(theta[1]), eta_l=1.0)
    phi = 2.0 * np.pi * 20.0 * 1e-3 * (start + 0.5 * np.arange(1, 200))
    seen = rates(hs.run(net, start + 100.0), start)[:199]
    np.testing.assert_allclose(seen, np.maximum(0.0, np.cos(phi)), atol=1e-7)


# Local attention


def test_local_attention_is_the_softmax_of_trace_products():
    """Traces of both ends by their closed form at the tick, then N softmax(slope h.c/sqrt d) (eqs 10-11)."""
    net = hs.Network(dt=0.5)
    trains = [np.array([5.0, 20.0, 30.0]), np.array([31.0]), np.empty(0)]
    pre = net.add(hs.SpikeInput(trains, name="pre"))
    teacher = net.add(hs.SpikeInput([[10.0, 25.0]], name="teacher"))
    post = net.add(hs.Population(1, hs.LIF(tau_refrac=0.0, **DELTA), name="post"))
    net.add(hs.Projection(teacher, post, hs.AllToAll(), weight=100.0, delay=0.5))
    tau = np.array([20.0, 100.0])
    attention = hs.LocalAttention(slope=0.8, tau=tau, rate=5.0)
    rule = hs.HMNRule(eta_l=1.0, attention=attention, tick=40.0)
    net.record(
        net.add(hs.Projection(pre, post, hs.AllToAll(), weight=0.1, delay=7.0, plasticity=rule, name="plastic")),
        "attention",
    )
    results = hs.run(net, 60.0)
    alpha = results.traces["plastic"]["attention"].values
    assert (alpha[:80] == 1.0).all()
    assert results.spikes["post"].t.tolist() == [11.0, 26.0]

    def traces(times):
        return np.exp(-(40.0 - np.asarray(times)[:, None]) / tau).sum(axis=0) / (5.0 * tau * 1e-3)

    g = np.array([0.8 * traces(t) @ traces([11.0, 26.0]) / np.sqrt(2.0) for t in trains])
    np.testing.assert_allclose(alpha[80:], np.tile(3.0 * np.exp(g) / np.exp(g).sum(), (40, 1)), rtol=1e-12)


# Astrocytes


def astrocyte_network(cell: hs.LeakyCalcium, **parts) -> hs.Network:
    """Return two sources, three synapses and one astrocyte with a clock of 5 ms; arrivals at 7, 15, 15.5 and 32 ms."""
    net = hs.Network(dt=0.5)
    source = net.add(hs.SpikeInput([[6.0, 14.5], [14.0, 31.0]], name="source"))
    target = net.add(hs.Population(2, hs.LIF(v_thresh=1e6, **DELTA), name="target"))
    glia = net.add(hs.Astrocytes(1, cell, clock=5.0, name="glia", norepinephrine=parts.get("norepinephrine")))
    where = hs.FromArrays([0, 0, 1], [0, 1, 0])
    net.add(hs.Projection(source, target, where, weight=2.0, delay=1.0, astrocytes=glia, name="heard"))
    net.record(glia, ["spillover", "calcium", "gamma", "adenosine", "gain", "M"], every=5.0)
    net.record(target, "v")
    return net


def spillover(tau: float, n: int) -> np.ndarray:
    """Return Y at the astrocyte's times: arrivals in (t_k, t_k+1] enter undecayed at t_k+1, one third each."""
    y, rows = 0.0, [0.0]
    for k in range(1, n):
        heard = {2: 2, 3: 1, 4: 2, 7: 1}.get(k, 0)  # 7 -> 10; 15 -> 15; 15.5 -> 20; 32 -> 35 ms
        y = y * np.exp(-5.0 / tau) + heard / 3.0
        rows.append(y)
    return np.array(rows)


def glia_traces(results: hs.Results) -> dict[str, np.ndarray]:
    return {name: trace.values[:, 0] for name, trace in results.traces["glia"].items()}


def test_spillover_and_calcium_are_exact_exponentials():
    traces = glia_traces(hs.run(astrocyte_network(hs.LeakyCalcium(tau_Y=30.0, tau_ca=200.0, k_Y=1.5)), 100.0))
    y = spillover(30.0, 20)
    np.testing.assert_allclose(traces["spillover"], y, rtol=1e-13)
    c, rows = 0.0, [0.0]
    for target in 1.5 * y[1:]:
        c = target + (c - target) * np.exp(-5.0 / 200.0)
        rows.append(c)
    np.testing.assert_allclose(traces["calcium"], rows, rtol=1e-13)


def test_gliotransmission_follows_the_threshold_and_sets_the_gain():
    cell = hs.LeakyCalcium(tau_Y=30.0, tau_ca=50.0, C_theta=0.15, alpha=0.2, U0=0.5, tau_rise=20.0, tau_decay=70.0)
    results = hs.run(astrocyte_network(cell), 200.0)
    traces = glia_traces(results)
    above = traces["calcium"] >= 0.15
    assert above.any()
    assert not above[-1]
    gamma, rows = 0.0, [0.0]
    for up in above[1:]:
        gamma = 1.0 + (gamma - 1.0) * np.exp(-5.0 / 20.0) if up else gamma * np.exp(-5.0 / 70.0)
        rows.append(gamma)
    np.testing.assert_allclose(traces["gamma"], rows, rtol=1e-12)
    np.testing.assert_allclose(traces["gain"], 1.0 + (0.2 / 0.5 - 1.0) * traces["gamma"], rtol=1e-13)
    assert results.ledger.astrocyte_releases["glia"] == (above[1:] & ~above[:-1]).sum()


def test_the_gain_is_applied_at_delivery_and_held_between_astrocyte_steps():
    cell = hs.LeakyCalcium(tau_Y=300.0, tau_ca=20.0, C_theta=0.05, tau_rise=20.0)
    results = hs.run(astrocyte_network(cell), 60.0)
    gain = glia_traces(results)["gain"]
    v = results.traces["target"]["v"].values + 65.0
    jump = v[1:] - v[:-1] * np.exp(-0.5 / 20.0)
    for time, neuron in ((7.0, 1), (15.0, 0), (15.5, 1), (32.0, 0)):
        step = round(time / 0.5)
        assert jump[step - 1, neuron] == pytest.approx(2.0 * gain[int(time // 5.0)], rel=1e-9)
    assert gain[6] < 0.9


def test_adenosine_is_released_at_crossings_and_acts_from_the_next_step_on():
    """A release adds a_Ad; tau 60 s; f_d = 1/(1 + Ad/IC50) and M = Ad/IC50 (Lefton et al. 2025)."""
    cell = hs.LeakyCalcium(tau_Y=30.0, tau_ca=50.0, C_theta=0.15, alpha=0.6, U0=0.6, a_Ad=35.0, tau_Ad=400.0, IC50=70.0)
    traces = glia_traces(hs.run(astrocyte_network(cell), 200.0))
    crossing = int(np.flatnonzero(traces["calcium"] >= 0.15)[0])
    assert (traces["adenosine"][: crossing + 1] == 0.0).all()
    steps = np.arange(1, 40 - crossing)
    np.testing.assert_allclose(traces["adenosine"][crossing + 1 :], 35.0 * np.exp(-5.0 * steps / 400.0), rtol=1e-12)
    np.testing.assert_allclose(traces["M"], traces["adenosine"] / 70.0, rtol=1e-13)
    np.testing.assert_allclose(traces["gain"], 1.0 / (1.0 + traces["M"]), rtol=1e-13)


def test_norepinephrine_drives_calcium():
    """tau_ca dC = -C + k_Y Y + k_NE NE, NE held at its value at the end of the astrocyte's step."""
    net = hs.Network(dt=0.5)
    novelty = net.add(hs.Modulator.norepinephrine(releases=[(12.0, 0.8)], tonic=0.1))
    cell = hs.LeakyCalcium(tau_ca=100.0, k_NE=2.0)
    glia = net.add(hs.Astrocytes(2, cell, norepinephrine=novelty, clock=5.0, name="glia"))
    net.record(glia, "calcium", every=5.0)
    found = hs.run(net, 100.0).traces["glia"]["calcium"].values
    c, rows = 0.0, [0.0]
    for t in 5.0 * np.arange(1, 20):
        level = 0.1 + (0.8 * np.exp(-(t - 12.0) / 1000.0) if t >= 12.0 else 0.0)
        c = 2.0 * level + (c - 2.0 * level) * np.exp(-5.0 / 100.0)
        rows.append(c)
    np.testing.assert_allclose(found, np.tile(rows, (2, 1)).T, rtol=1e-12)


def test_each_astrocyte_hears_its_own_territory():
    net = hs.Network(dt=0.5)
    source = net.add(hs.SpikeInput([[4.0], [9.0]], name="source"))
    target = net.add(hs.Population(4, hs.LIF(v_thresh=1e6), name="target"))
    glia = net.add(hs.Astrocytes(2, hs.LeakyCalcium(tau_Y=1e12), clock=5.0, name="glia"))
    for name, given in (("by post", None), ("by synapse", [0, 0, 0, 1, 1, 1, 1, 1])):
        net.add(hs.Projection(source, target, hs.AllToAll(), delay=1.0, astrocytes=glia, territories=given, name=name))
    net.record(glia, "spillover", every=5.0)
    y = hs.run(net, 20.0).traces["glia"]["spillover"].values
    # 4 + 3 synapses of astrocyte 0 and 4 + 5 of astrocyte 1: of source 0, heard at 5 ms, 2 + 3 and 2 + 1
    np.testing.assert_allclose(y[1], [5 / 7, 3 / 9], rtol=1e-9)
    np.testing.assert_allclose(y[2], [1.0, 1.0], rtol=1e-9)
