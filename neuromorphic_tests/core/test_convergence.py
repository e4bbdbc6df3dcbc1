"""Dependence on the time step: the order that is estimated, and what is named because it does not converge.

Most runs here are made by hand, with errors whose order is known; the last part runs the engine.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import convergence_order
from hmn_snn.convergence_order import convergence
from hmn_snn.errors import DescriptionError, UnknownNameError, ValidationError
from hmn_snn.results import Ledger, Results, Spikes, Weights
from hmn_snn.translator import Finding, Severity
from neuromorphic_tests.core.made_results import STAMP, bare_results

DURATION = 500.0


def made(monkeypatch, make):
    """Let ``make(dt)`` stand for the runs of an empty network."""

    def run(net: hs.Network, duration: float, backend: str, **options: object) -> Results:
        results = bare_results(duration, name=net.name, dt=net.dt, **make(net.dt))
        return replace(results, provenance=replace(STAMP, backend=backend, dt=net.dt))

    monkeypatch.setattr(convergence_order, "run", run)


def study(monkeypatch, make, factors=(1, 2, 4)):
    made(monkeypatch, make)
    return convergence(hs.Network("made", dt=0.1), DURATION, factors)


def regular(size=20, delay=0.0, extra=0):
    """Return regular spikes at other rates for each neuron, all late by the same time, and some more."""
    times = [np.arange(20.0 + k, DURATION - 20.0, 30.0 + k) + delay for k in range(size)]
    times[0] = np.append(times[0], DURATION - 10.0 + np.arange(extra))
    return Spikes(np.concatenate(times), np.repeat(np.arange(size), [len(t) for t in times]), size)


def jittered(dt, width, size=20):
    spikes = regular(size)
    noise = np.random.default_rng(round(1e4 * dt)).normal(0.0, width, len(spikes))
    return Spikes(spikes.t + noise, spikes.i, size)


# The order


@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("factors", [(1, 2, 4), (1, 3, 9), (2, 4, 8, 16)])
def test_the_order_of_an_error_is_found(monkeypatch, order, factors):
    weights = np.linspace(0.1, 0.9, 7)

    def make(dt):
        error = 40.0 * dt**order
        learned = Weights(np.arange(7), np.arange(7), weights + 1e-3 * error * np.arange(7), "nA", weights)
        ledger = Ledger(ticks={"in -> exc": 5})
        return {"spikes": {"exc": regular(delay=error)}, "weights": {"in -> exc": learned}, "ledger": ledger}

    found = study(monkeypatch, make, factors)
    times, rate, learned = (
        found.of(*key) for key in (("exc", "spike times"), ("exc", "rate"), ("in -> exc", "weights"))
    )
    assert times.order == pytest.approx(order)
    assert learned.order == pytest.approx(order)
    dts = 0.1 / np.array(factors)
    assert times.differences == pytest.approx(-40.0 * np.diff(dts**order))
    assert learned.differences == pytest.approx(-0.04 * np.diff(dts**order) * np.sqrt(13.0))  # rms of 0, 1, ..., 6
    assert (times.verdict, rate.verdict, learned.verdict) == ("converges", "exact", "converges")
    assert found.dts == pytest.approx(dts)
    assert found.not_converging == ()


def test_what_does_not_depend_on_the_step_is_exact(monkeypatch):
    found = study(
        monkeypatch, lambda dt: {"spikes": {"exc": regular(), "silent": Spikes([], [], 3), "none": Spikes([], [], 0)}}
    )
    assert {(e.name, e.verdict) for e in found.refinements} == {("exc", "exact"), ("silent", "exact")}
    assert "everything converges" in str(found)


def test_weights_are_matched_by_synapse_and_not_by_place(monkeypatch):
    # Delays that are equal on a coarse grid and not on a finer one change the order in which lowering lists synapses.
    def make(dt):
        order = np.arange(6) if dt > 0.07 else np.array([2, 0, 1, 5, 3, 4])
        pre, post, values = np.repeat([0, 1], 3)[order], np.tile([0, 1, 2], 2)[order], np.linspace(0.1, 0.6, 6)[order]
        return {
            "weights": {"in -> exc": Weights(pre, post, values, "nA", values)},
            "ledger": Ledger(ticks={"in -> exc": 1}),
        }

    assert study(monkeypatch, make).of("in -> exc", "weights").verdict == "exact"


# What does not converge


def test_spikes_that_keep_moving_are_named_and_their_rate_is_not(monkeypatch):
    found = study(monkeypatch, lambda dt: {"spikes": {"exc": jittered(dt, 3.0), "stim": regular(delay=dt)}})
    assert [(e.name, e.quantity) for e in found.not_converging] == [("exc", "spike times")]
    assert found.of("stim", "spike times").verdict == "converges"
    assert "does not converge: spike times of 'exc'" in str(found)


def test_spikes_that_move_by_a_step_are_only_rounded_to_the_grid(monkeypatch):
    found = study(monkeypatch, lambda dt: {"spikes": {"exc": Spikes([20.0 + 0.02 * (dt < 0.03)], [0], 1)}})
    entry = found.of("exc", "spike times")
    assert entry.differences == pytest.approx((0.0, 0.02))
    assert entry.verdict == "within the grid"
    assert entry.converges


def test_spikes_that_a_coarse_grid_merges_do_not_shift_the_later_ones(monkeypatch):
    def make(dt):
        late = np.arange(30.0, 400.0, 10.0) + dt
        both = [0.1 * np.ceil(10.02 / 0.1)] if dt > 0.07 else [10.02, 10.06]  # of a Poisson source: one step, or two
        return {"spikes": {"stim": Spikes([*both, *late], [0] * (len(both) + len(late)), 1)}}

    found = study(monkeypatch, make)
    entry = found.of("stim", "spike times")
    assert entry.verdict == "converges"
    assert max(entry.differences) < 0.1
    assert found.of("stim", "rate").differences == (2.0, 0.0)  # one spike in 500 ms: the rate does count it


def test_a_poisson_input_converges_although_two_of_its_spikes_merge():
    net = hs.Network(dt=0.1, seed=1)
    net.add(hs.PoissonInput(60, rate=25.0, name="stim"))
    found = convergence(net, DURATION)
    counts = [len(result.spikes["stim"]) for result in found.results]
    assert counts[0] == counts[1] == counts[2] - 2  # the finest step tells two pairs apart
    entry = found.of("stim", "spike times")
    assert (entry.verdict, entry.order) == ("converges", pytest.approx(1.0, abs=0.1))


def test_rates_within_counting_errors_are_no_finding_and_others_are(monkeypatch):
    n = len(regular())
    within, beyond = round(2.0 * np.sqrt(2 * n)), round(4.0 * np.sqrt(2 * n))
    for more, verdict in ((within, "within chance"), (beyond, "does not converge")):
        found = study(monkeypatch, lambda dt, more=more: {"spikes": {"exc": regular(extra=more * (dt < 0.03))}})
        assert found.of("exc", "rate").verdict == verdict
        assert found.of("exc", "spike times").verdict == "exact"


def test_a_population_that_is_silent_at_one_step_only_does_not_converge(monkeypatch):
    found = study(monkeypatch, lambda dt: {"spikes": {"exc": regular() if dt < 0.07 else Spikes([], [], 20)}})
    assert np.isnan(found.of("exc", "spike times").differences[0])
    assert found.of("exc", "spike times").verdict == "does not converge"
    assert found.of("exc", "rate").verdict == "converges"


def test_weights_that_keep_moving_are_named(monkeypatch):
    def make(dt):
        values = np.random.default_rng(round(1e4 * dt)).random(50)
        learned = Weights(np.arange(50), np.arange(50), values, "nA", values)
        return {"weights": {"in -> exc": learned}, "ledger": Ledger(ticks={"in -> exc": 1})}

    assert [e.quantity for e in study(monkeypatch, make).not_converging] == ["weights"]


def test_what_a_backend_alters_at_some_steps_is_listed(monkeypatch):
    def make(dt):
        coarse = (
            (Finding(Severity.ALTERED, "a -> b", "delay", "off the grid", "rounded by 0.04 ms"),) if dt > 0.07 else ()
        )
        always = Finding(Severity.ALTERED, "a -> b", "weights", "float64", "stored in 8 bits")
        return {"findings": (*coarse, always, Finding(Severity.NATIVE, "a", "lif", "", f"{dt}"))}

    (effect,) = study(monkeypatch, make).grid_effects
    assert (effect.name, effect.what, effect.at) == ("a -> b", "delay", ("rounded by 0.04 ms", "", ""))


# Use


@pytest.mark.parametrize(
    "factors", [(1, 2), (1, 2, 5), (4, 2, 1), (1, 1, 1), (0, 1, 2), (0.5, 1, 2), (1, 2, np.nan), ()]
)
def test_factors_that_give_no_order_are_refused(factors):
    with pytest.raises(DescriptionError) as info:
        convergence(hs.Network(), 10.0, factors)
    assert info.value.parameter == "factors"


def test_a_mistake_shows_before_the_first_run(monkeypatch):
    monkeypatch.setattr(convergence_order, "run", lambda *a, **k: pytest.fail("it ran"))
    net = hs.Network(dt=0.1)
    net.add(hs.Population(1, hs.LIF(tau_m=-1.0), name="bad"))
    with pytest.raises(ValidationError):
        convergence(net, 10.0)


def test_a_quantity_that_is_not_there_is_named(monkeypatch):
    with pytest.raises(UnknownNameError) as info:
        study(monkeypatch, lambda dt: {"spikes": {"exc": regular()}}).of("exc", "weights")
    assert info.value.known == ("spike times of exc", "rate of exc")


# On the engine


def current_driven(n=20, **cell):
    net = hs.Network("f-I", dt=0.1, seed=1)
    net.add(hs.Population(n, hs.LIF(i_offset=np.linspace(0.8, 1.6, n), tau_refrac=2.0, **cell), name="exc"))
    return net


def test_spike_times_of_current_driven_neurons_converge_with_order_one():
    # The potential is integrated exactly; what is left is that a spike waits for the end of its step.
    found = convergence(current_driven(), DURATION)
    times, rate = found.of("exc", "spike times"), found.of("exc", "rate")
    assert times.verdict == "converges"
    assert times.order == pytest.approx(1.0, abs=0.25)
    assert rate.converges
    assert min(len(result.spikes["exc"]) for result in found.results) > 200
    assert found.grid_effects == ()
    assert found.dts == pytest.approx((0.1, 0.05, 0.025))


def test_noise_is_drawn_once_per_step_and_named():
    found = convergence(current_driven(sigma=3.0), DURATION)
    assert [(e.name, e.quantity) for e in found.not_converging] == [("exc", "spike times")]
    (effect,) = found.grid_effects
    assert (effect.name, effect.what) == ("exc", "membrane noise")
    assert effect.at == ("drawn anew every 0.1 ms", "drawn anew every 0.05 ms", "drawn anew every 0.025 ms")


@pytest.mark.parametrize("seed", range(6))  # by chance shifts of unrelated spikes shrink, too: with seed 2 they halve
def test_a_chaotic_network_is_named(seed):
    net = current_driven(60).replace(seed=seed)
    exc = net["exc"]
    for receptor, weight in (("excitatory", 0.6), ("inhibitory", 0.9)):
        projection = hs.Projection(exc, exc, hs.FixedProbability(0.3), weight=weight, delay=1.5, receptor=receptor)
        net.add(projection)
    found = convergence(net, 1000.0)
    assert min(len(result.spikes["exc"]) for result in found.results) > 500
    assert [(e.name, e.quantity) for e in found.not_converging] == [("exc", "spike times")]


def test_a_lag_that_adds_up_to_intervals_converges(monkeypatch):
    def make(dt):
        k = np.arange(1, 400)
        return {"spikes": {"exc": Spikes(k * (1.0 + 0.3 * dt), np.zeros(len(k), int), 1)}}

    entry = study(monkeypatch, make).of("exc", "spike times")
    assert entry.differences[-1] > 1.0
    assert (entry.order, entry.verdict) == (pytest.approx(1.0), "converges")


def test_what_the_grid_does_to_a_plastic_network_is_listed():
    net = hs.Network("plastic", dt=0.1, seed=2)
    stim = net.add(hs.PoissonInput(20, rate=40.0, name="stim"))
    exc = net.add(hs.Population(10, hs.LIF(), name="exc"))
    theta = net.add(hs.Oscillator(frequency=7.0, name="theta"))
    rule = hs.HMNRule(gate=hs.PhaseGate(theta), eta_l=1.0, apply="probabilistic")
    delay = hs.Uniform(1.0, 3.0)
    net.add(hs.Projection(stim, exc, hs.AllToAll(), weight=0.5, delay=delay, plasticity=rule, name="learned"))
    found = convergence(net, DURATION)
    effects = {effect.what: effect.at for effect in found.grid_effects if effect.name == "learned"}
    assert set(effects) == {"delay", "default tick", "draws of updates"}
    assert effects["default tick"] == ("142.9 ms", "142.85 ms", "142.85 ms")
    assert all("rounded by at most" in text for text in effects["delay"])
    assert effects["draws of updates"][0] == ""
    said = str(found)
    assert max(map(len, said.splitlines())) <= 120
    for text in ("stim", "learned", "142.9 ms", "weights"):
        assert text in said
