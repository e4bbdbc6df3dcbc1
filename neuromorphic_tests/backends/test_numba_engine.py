"""The engine's neurons, synapses and inputs against closed forms, one question per test (semantics 1-3)."""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import randomness

REST, THRESHOLD = -65.0, -50.0
DELTA = {"tau_syn_E": 0.0, "tau_syn_I": 0.0}
SILENT = {"v_thresh": 1e6}


def given_spikes(cell: hs.LIF, times, weight=1.0, delay=0.1, dt=0.1, receptor="excitatory", **population) -> hs.Network:
    """Return one neuron that one source of given spikes projects to, with v and both currents recorded."""
    net = hs.Network(dt=dt)
    source = net.add(hs.SpikeInput([times], name="source"))
    target = net.add(hs.Population(1, cell, name="target", **population))
    net.add(hs.Projection(source, target, hs.AllToAll(), weight=weight, delay=delay, receptor=receptor, name="synapse"))
    net.record(target, ["v", "i_exc", "i_inh"])
    return net


def trace(results: hs.Results, variable: str = "v", name: str = "target") -> np.ndarray:
    return results.traces[name][variable].values[:, 0]


# Exact integration


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize(("tau_m", "tau_s"), [(20.0, 5.0), (5.0, 20.0), (10.0, 10.0), (10.0, 10.0 + 1e-7)])
@pytest.mark.parametrize(("receptor", "sign"), [("excitatory", 1.0), ("inhibitory", -1.0)])
def test_synaptic_potential_is_the_closed_form(dt, tau_m, tau_s, receptor, sign):
    """R w tau_s/(tau_m - tau_s) (exp(-t/tau_m) - exp(-t/tau_s)); R w t/tau_m exp(-t/tau_m) where they are equal."""
    cell = hs.LIF(tau_m=tau_m, cm=0.5, tau_syn_E=tau_s, tau_syn_I=tau_s)
    net = given_spikes(cell, [3.0], weight=0.7, delay=2.0, dt=dt, receptor=receptor)
    results = hs.run(net, 60.0)
    t = results.traces["target"]["v"].t - 5.0
    after, t = t > -0.5 * dt, np.maximum(t, 0.0)
    if abs(tau_s - tau_m) < 1e-3:
        shape = t / tau_m * np.exp(-t / tau_m)
    else:
        shape = tau_s / (tau_m - tau_s) * (np.exp(-t / tau_m) - np.exp(-t / tau_s))
    expected = REST + sign * tau_m / 0.5 * 0.7 * np.where(after, shape, 0.0)
    np.testing.assert_allclose(trace(results), expected, rtol=0, atol=1e-6 if 0 < abs(tau_s - tau_m) < 1e-3 else 1e-12)
    current = "i_exc" if receptor == "excitatory" else "i_inh"
    np.testing.assert_allclose(trace(results, current), np.where(after, 0.7 * np.exp(-t / tau_s), 0.0), rtol=1e-12)


def test_constant_current_charges_the_membrane():
    net = hs.Network(dt=0.5)
    cells = net.add(hs.Population(3, hs.LIF(tau_m=[5.0, 10.0, 20.0], cm=2.0, i_offset=0.9, **SILENT), name="cells"))
    net.record(cells, "v")
    result = hs.run(net, 50.0).traces["cells"]["v"]
    tau = np.array([5.0, 10.0, 20.0])
    expected = REST + tau / 2.0 * 0.9 * -np.expm1(-result.t[:, None] / tau)
    np.testing.assert_allclose(result.values, expected, rtol=1e-13)


def test_each_neuron_has_its_own_parameters():
    """A population with arrays runs as its neurons do one by one, bit for bit."""
    parameters = {
        "tau_m": np.array([10.0, 17.0, 24.0]),
        "cm": np.array([0.5, 1.0, 1.5]),
        "v_thresh": np.array([-52.0, -51.0, -50.0]),
        "tau_syn_E": np.array([2.0, 10.0, 7.0]),
        "tau_refrac": np.array([0.0, 1.0, 3.0]),
        "i_offset": np.array([1.5, 1.2, 1.3]),
    }
    together = hs.Network(dt=0.5)
    together.record(together.add(hs.Population(3, hs.LIF(**parameters), name="cells")), "v")
    whole = hs.run(together, 200.0)
    assert (whole.spikes["cells"].counts > 0).all()
    for k in range(3):
        alone = hs.Network(dt=0.5)
        cell = hs.LIF(**{name: float(values[k]) for name, values in parameters.items()})
        alone.record(alone.add(hs.Population(1, cell, name="cells")), "v")
        single = hs.run(alone, 200.0)
        assert np.array_equal(single.traces["cells"]["v"].values[:, 0], whole.traces["cells"]["v"].values[:, k])


# Threshold, reset, refractoriness


@pytest.mark.parametrize("below", [False, True])
def test_a_potential_exactly_at_threshold_spikes(below):
    """v = v_inf = theta stays there exactly, and >= counts; one float below does not."""
    v = np.nextafter(THRESHOLD, -100.0) if below else THRESHOLD
    net = hs.Network(dt=0.1)
    net.add(hs.Population(1, hs.LIF(v_rest=v, tau_refrac=1.0), name="cell", initial_values={"v": v}))
    spikes = hs.run(net, 0.3).spikes["cell"].t
    assert spikes.tolist() == ([] if below else [0.1])


@pytest.mark.parametrize("refractory_steps", [0, 1, 2, 7])
def test_refractory_neurons_are_held_for_their_steps(refractory_steps):
    """A spike at t_n+1 holds v_reset for R steps; step n + R + 1 integrates."""
    net = hs.Network(dt=0.5)
    cell = hs.LIF(tau_m=10.0, cm=1.0, v_reset=-60.0, tau_refrac=0.5 * refractory_steps, i_offset=1000.0)
    net.record(net.add(hs.Population(1, cell, name="cell")), "v")
    results = hs.run(net, 20.0)
    steps = np.rint(results.spikes["cell"].t / 0.5).astype(int)
    assert steps[0] == 1
    assert (np.diff(steps) == refractory_steps + 1).all()
    v = trace(results, name="cell")
    assert v[0] == REST
    assert (v[1:] == -60.0).all()


def test_currents_go_on_while_refractory():
    cell = hs.LIF(tau_m=10.0, tau_syn_E=4.0, tau_refrac=3.0, v_reset=-60.0)
    results = hs.run(given_spikes(cell, [1.0], weight=100.0, delay=1.0, dt=0.5), 5.5)
    assert results.spikes["target"].t.tolist() == [2.5]
    np.testing.assert_allclose(trace(results, "i_exc")[4:], 100.0 * np.exp(-0.5 * np.arange(7) / 4.0), rtol=1e-13)
    v = trace(results)
    assert (v[5:] == -60.0).all()


def test_reset_by_subtraction_keeps_the_overshoot():
    cell = hs.LIF(tau_m=20.0, reset="subtract", v_reset=-60.0, tau_refrac=0.0, **DELTA)
    results = hs.run(given_spikes(cell, [0.5], weight=22.0, delay=0.5, dt=0.5), 4.0)
    rho = np.exp(-0.5 / 20.0)
    peak = REST + 22.0 * rho
    assert results.spikes["target"].t.tolist() == [1.5]
    assert trace(results)[3] == pytest.approx(peak - (THRESHOLD - -60.0), rel=1e-14)


def test_reset_by_subtraction_can_spike_again_in_the_next_step():
    cell = hs.LIF(tau_m=20.0, reset="subtract", tau_refrac=0.0, **DELTA)
    results = hs.run(given_spikes(cell, [0.5], weight=50.0, delay=0.5, dt=0.5), 4.0)
    assert results.spikes["target"].t.tolist() == [1.5, 2.0, 2.5]


# Delta synapses


def test_a_delta_synapse_adds_to_v_before_integration():
    results = hs.run(given_spikes(hs.LIF(tau_m=20.0, **DELTA), [1.0], weight=3.0, delay=0.5, dt=0.5), 5.0)
    expected = REST + np.where(np.arange(10) >= 3, 3.0 * np.exp(-0.5 * (np.arange(10) - 3) / 20.0), 0.0)
    np.testing.assert_allclose(trace(results), expected, rtol=1e-14)
    assert (trace(results, "i_exc") == 0.0).all()


def test_delta_arrivals_of_a_time_are_summed_by_receptor():
    net = hs.Network(dt=0.5)
    source = net.add(hs.SpikeInput([[1.0]] * 3))
    target = net.add(hs.Population(1, hs.LIF(**DELTA), name="target"))
    net.add(hs.Projection(source, target, hs.AllToAll(), weight=[1.0, 2.0, 4.0], delay=0.5))
    net.add(hs.Projection(source[:2], target, hs.AllToAll(), weight=8.0, delay=0.5, receptor="inhibitory"))
    net.record(target, "v")
    assert trace(hs.run(net, 2.0))[3] == REST + 7.0 - 16.0


@pytest.mark.parametrize(("second", "seen"), [(2.5, False), (3.0, False), (3.5, True)])
def test_delta_arrivals_are_lost_on_refractory_neurons(second, seen):
    """The first arrival, at 1.5 ms, fires at 2 ms; R = 3 steps hold the neuron until 3.5 ms."""
    cell = hs.LIF(tau_m=20.0, tau_refrac=1.5, v_reset=REST, **DELTA)
    results = hs.run(given_spikes(cell, [1.0, second - 0.5], weight=50.0, delay=0.5, dt=0.5), 6.0)
    assert results.spikes["target"].t.tolist() == ([2.0, second + 0.5] if seen else [2.0])


# Delays


@pytest.mark.parametrize("delay_steps", [1, 2, 99, 2500])
def test_a_spike_arrives_after_its_delay(delay_steps):
    """Fired at t, it arrives at t + d; the step that starts there makes the target spike at its end."""
    net = given_spikes(hs.LIF(**DELTA), [0.7], weight=30.0, delay=0.1 * delay_steps)
    spikes = hs.run(net, 0.1 * delay_steps + 5.0).spikes["target"].t
    assert spikes == pytest.approx([0.7 + 0.1 * delay_steps + 0.1])


def test_synapses_of_one_source_have_delays_of_their_own():
    delays = np.array([0.3, 12.0, 0.1, 5.0, 0.1, 12.1])
    net = hs.Network(dt=0.1)
    source = net.add(hs.SpikeInput([[1.0], [2.0]]))
    target = net.add(hs.Population(3, hs.LIF(tau_refrac=0.0, **DELTA), name="target"))
    net.add(hs.Projection(source, target, hs.AllToAll(), weight=30.0, delay=delays))
    spikes = hs.run(net, 20.0).spikes["target"]
    expected = {(round(10 * (1.1 + d)), k % 3) for k, d in enumerate(delays[:3])}
    expected |= {(round(10 * (2.1 + d)), k % 3) for k, d in enumerate(delays[3:])}
    assert set(zip(np.rint(10 * spikes.t).astype(int).tolist(), spikes.i.tolist(), strict=True)) == expected


def test_a_loop_passes_a_spike_around():
    """Three neurons in a ring, delay 2 ms and one step to fire: once around in 3 (2 + 0.5) ms."""
    net = hs.Network(dt=0.5)
    ring = net.add(hs.Population(3, hs.LIF(**DELTA), name="ring"))
    start = net.add(hs.SpikeInput([[1.0]]))
    net.add(hs.Projection(start, ring[:1], hs.AllToAll(), weight=30.0, delay=0.5))
    net.add(hs.Projection(ring, ring, hs.FromArrays([0, 1, 2], [1, 2, 0]), weight=30.0, delay=2.0))
    spikes = hs.run(net, 60.0).spikes["ring"]
    assert len(spikes) == 24
    np.testing.assert_allclose(spikes.t, 2.0 + 2.5 * np.arange(24))
    assert spikes.i.tolist() == [0, 1, 2] * 8


def test_inhibition_delays_a_spike():
    def first_spike(weight):
        net = given_spikes(hs.LIF(i_offset=1.0), [5.0], weight=weight, receptor="inhibitory")
        return hs.run(net, 100.0).spikes["target"].t[0]

    assert first_spike(0.0) < first_spike(0.5) < first_spike(1.0)


def test_empty_populations_and_inputs_run():
    net = hs.Network(dt=0.5)
    empty, full = net.add(hs.Population(0, name="empty")), net.add(hs.Population(2, hs.LIF(i_offset=2.0), name="full"))
    none = net.add(hs.SpikeInput([], name="none"))
    for pre in (empty, none, full):
        for post in (empty, full):
            net.add(hs.Projection(pre, post, hs.AllToAll(), plasticity=hs.HMNRule(eta_l=1.0, tick=5.0)))
    net.record(empty, "v")
    results = hs.run(net, 50.0)
    assert len(results.spikes["empty"]) == len(results.spikes["none"]) == 0
    assert len(results.spikes["full"]) > 0
    assert results.traces["empty"]["v"].values.shape == (100, 0)
    assert len(hs.run(hs.Network(), 10.0).spikes) == 0


# Currents


def injected(amplitude, target=slice(None), duration=10.0, dt=0.5) -> tuple[np.ndarray, np.ndarray]:
    """Return v of two neurons (tau_m 10 ms, R 10 MOhm) under an injected current, and the times."""
    net = hs.Network(dt=dt)
    cells = net.add(hs.Population(2, hs.LIF(tau_m=10.0, cm=1.0, **SILENT), name="cells"))
    net.add(hs.CurrentInput(cells[target], amplitude))
    net.record(cells, "v")
    recorded = hs.run(net, duration).traces["cells"]["v"]
    return recorded.values, recorded.t


def charged(current: np.ndarray, dt=0.5) -> np.ndarray:
    """Return v under a current given step by step: exact integration of each step, by its own closed form."""
    v, rows = np.full(current.shape[1], REST), []
    for row in current:
        rows.append(v)
        v_inf = REST + 10.0 * row
        v = v_inf + (v - v_inf) * np.exp(-dt / 10.0)
    return np.array(rows)


def test_currents_are_constant_in_steps_or_sampled():
    step = np.arange(20)[:, None]
    constant = np.full((20, 2), 0.4)
    np.testing.assert_allclose(injected(0.4)[0], charged(constant), rtol=1e-14)
    each = np.where(step >= 0, [0.1, 0.5], 0.0)
    np.testing.assert_allclose(injected(np.array([0.1, 0.5]))[0], charged(each), rtol=1e-14)
    steps = np.select([step < 3, step < 8], [0.0, 0.7], -0.2) * np.ones((1, 2))
    np.testing.assert_allclose(injected(hs.Steps([1.5, 4.0], [0.7, -0.2]))[0], charged(steps), rtol=1e-14)
    table = np.random.default_rng(0).normal(size=(10, 2))
    np.testing.assert_allclose(
        injected(hs.Steps.from_samples(table, 1.0))[0], charged(np.repeat(table, 2, axis=0)), rtol=1e-14
    )


def test_a_current_into_a_slice_leaves_the_others_alone():
    v, t = injected(0.4, slice(1, 2))
    assert (v[:, 0] == REST).all()
    np.testing.assert_allclose(v[:, 1], REST - 4.0 * np.expm1(-t / 10.0), rtol=1e-14)


def test_currents_add_up():
    net = hs.Network(dt=0.5)
    cells = net.add(hs.Population(2, hs.LIF(tau_m=10.0, cm=1.0, i_offset=0.1, **SILENT), name="cells"))
    net.add(hs.CurrentInput(cells, hs.Steps([2.0], [0.3])))
    net.add(hs.CurrentInput(cells[1:], 0.2))
    net.record(cells, "v")
    late = (np.arange(20) >= 4)[:, None]
    expected = charged(np.array([0.1, 0.3]) + 0.3 * late)
    np.testing.assert_allclose(hs.run(net, 10.0).traces["cells"]["v"].values, expected, rtol=1e-14)


# Noise and homeostasis


def test_noise_is_keyed_by_neuron_and_step():
    net = hs.Network(dt=0.5, seed=9)
    cells = net.add(hs.Population(4, hs.LIF(tau_m=10.0, sigma=[0.0, 1.0, 2.0, 3.0], **SILENT), name="cells"))
    net.record(cells, "v")
    v = hs.run(net, 5.0).traces["cells"]["v"].values - REST
    rho = np.exp(-0.5 / 10.0)
    sigma = np.array([0.0, 1.0, 2.0, 3.0])
    for step in range(9):
        draw = randomness.normal(9, "cells/noise", np.arange(4), step)
        np.testing.assert_allclose(v[step + 1], v[step] * rho + sigma * np.sqrt(1 - rho**2) * draw, atol=1e-12)


def test_homeostatic_bias_follows_its_definition():
    """The bias of t_n is used; then += eta r dt_s, and -= eta if the neuron spiked (semantics 3)."""
    net = hs.Network(dt=0.5)
    cell = hs.LIF(tau_m=10.0, i_offset=2.0, eta_bias=0.5, target_rate=20.0, tau_refrac=1.0)
    net.record(net.add(hs.Population(1, cell, name="cell")), ["v", "bias"])
    results = hs.run(net, 200.0)
    fired = np.zeros(400, bool)
    fired[np.rint(results.spikes["cell"].t / 0.5).astype(int) - 1] = True
    assert fired.sum() > 5
    steps = 0.5 * 20.0 * 0.5e-3 - 0.5 * fired
    np.testing.assert_allclose(
        trace(results, "bias", "cell"), np.concatenate([[0.0], np.cumsum(steps)])[:-1], atol=1e-12
    )
    v, bias = trace(results, "v", "cell"), trace(results, "bias", "cell")
    v_inf = REST + 10.0 * 2.0 + bias[:5]
    np.testing.assert_allclose(v[1:6], v_inf + (v[:5] - v_inf) * np.exp(-0.05), rtol=1e-13)


def test_homeostasis_brings_neurons_to_their_rate():
    net = hs.Network(dt=0.5)
    targets = np.array([5.0, 10.0, 20.0])
    cell = hs.LIF(i_offset=1.5, sigma=2.0, eta_bias=0.1, target_rate=targets)
    net.add(hs.Population(3, cell, name="cells"))
    counts = hs.run(net, 60_000.0).spikes["cells"].between(20_000.0, 60_000.0).counts
    np.testing.assert_allclose(counts / 40.0, targets, rtol=0.05)


# Conventions of time


def test_recording_starts_at_0_and_excludes_the_end():
    net = hs.Network(dt=0.5)
    cells = net.add(hs.Population(2, hs.LIF(), name="cells", initial_values={"v": [-60.0, -55.0]}))
    net.record(cells[1:], "v", every=1.5)
    recorded = hs.run(net, 6.0).traces["cells"]["v"]
    np.testing.assert_allclose(recorded.t, [0.0, 1.5, 3.0, 4.5])
    assert recorded.values[0].tolist() == [-55.0]
    assert recorded.indices.tolist() == [1]


def test_spikes_of_a_run_lie_after_its_start_up_to_its_end():
    net = hs.Network(dt=0.5)
    net.add(hs.SpikeInput([[0.5, 5.0, 5.5, 10.0]], name="source"))
    with hs.Simulation(net) as sim:
        first, second = sim.run(5.0), sim.run(5.0)
    assert first.spikes["source"].t.tolist() == [0.5, 5.0]
    assert second.spikes["source"].t.tolist() == [5.5, 10.0]


def test_given_spikes_are_rounded_to_the_grid_and_merged():
    net = hs.Network(dt=0.1)
    net.add(hs.SpikeInput([[1.04, 0.96, 2.0, 3.18], [1.0]], name="source"))
    results = hs.run(net, 5.0)
    spikes = results.spikes["source"]
    assert np.rint(10 * spikes.t).tolist() == [10, 10, 20, 32]
    assert spikes.i.tolist() == [0, 1, 0, 0]
    found = [f for f in results.findings if f.where == "spike times"]
    assert sorted(f.limit.split(" ")[0] for f in found) == ["merged", "rounded"]


# Poisson inputs


def test_poisson_train_of_semantics_11():
    net = hs.Network(dt=0.1, seed=1)
    net.add(hs.PoissonInput(1, rate=20.0, name="stim"))
    steps = np.rint(hs.run(net, 603.0).spikes["stim"].t / 0.1).astype(int)
    assert steps.tolist() == [2101, 2769, 3087, 3955, 4489, 5429, 5539, 6021]


def test_poisson_rate_steps_are_the_rates_set_between_runs():
    rates = [10.0, 80.0, 0.0, 80.0]
    scheduled = hs.Network(dt=0.5, seed=3)
    scheduled.add(hs.PoissonInput(20, rate=hs.Steps(50.0 * np.arange(4), rates), name="stim"))
    whole = hs.run(scheduled, 200.0).spikes["stim"]
    net = hs.Network(dt=0.5, seed=3)
    net.add(hs.PoissonInput(20, rate=rates[0], name="stim"))
    with hs.Simulation(net) as sim:
        parts = [sim.run(50.0)]
        for rate in rates[1:]:
            sim.set_rate("stim", rate)
            parts.append(sim.run(50.0))
    joined = parts[0].joined(*parts[1:]).spikes["stim"]
    assert np.array_equal(whole.t, joined.t)
    assert np.array_equal(whole.i, joined.i)
    assert len(parts[2].spikes["stim"]) == 0
    assert len(whole) > 50


def test_poisson_inputs_have_their_rate_and_are_independent():
    net = hs.Network(dt=1.0, seed=2)
    net.add(hs.PoissonInput(400, rate=50.0, name="stim"))
    spikes = hs.run(net, 10_000.0).spikes["stim"]
    expected = 400 * 10_000 * -np.expm1(-50.0 * 1e-3)  # several arrivals in a step count once
    assert abs(len(spikes) - expected) < 5 * np.sqrt(expected)
    assert spikes.isi_cv() == pytest.approx(np.sqrt(1.0 - 0.05), rel=0.02)
    counts = spikes.counts
    assert counts.var() / counts.mean() == pytest.approx(np.exp(-0.05), abs=5 * np.sqrt(2 / 400))
