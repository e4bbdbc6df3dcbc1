"""What learning on the chip promises: changes that are those of the float run, roughly, and nothing without dopamine.

It is an approximation with its own promises: synapse by synapse, changes correlate with those of the float run, their
slope on these is near 1, dopamine's sign decides the direction, and neutral dopamine changes nothing.
"""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.loihi2 import session
from hmn_snn.backends.loihi2.on_chip_lowering import lower_on_chip
from hmn_snn.backends.loihi2.on_chip_rule import _tag_decay, pulses

import hmn_snn as hs
from hmn_snn.errors import RejectedError
from hmn_snn.lowering import lower
from hmn_snn.translator import Severity
from neuromorphic_tests.backends.loihi2.lava_here import needs_lava

RELEASES = ((1000.0, 0.8), (2500.0, -0.8))


def network(*, releases=RELEASES, recurrent=False, gate=False, delay=2.0, eta_g=40.0, second=None, **rule):
    """Return a population of five that is pushed to fire, with plastic synapses from 20 inputs or from itself."""
    net = hs.Network("learns on the chip", dt=1.0, seed=3)
    cell = hs.LIF(tau_m=20.0, cm=1.0, v_rest=-65.0, v_reset=-65.0, v_thresh=-50.0, tau_syn_E=5.0)
    post = net.add(hs.Population(5, cell, name="post"))
    inputs = net.add(hs.PoissonInput(20, rate=15.0, name="in"))
    push = net.add(hs.PoissonInput(5, rate=8.0, name="drive"))
    net.add(hs.Projection(push, post, hs.OneToOne(), weight=8.0, delay=1.0, name="push"))
    dopamine = net.add(hs.Modulator(tau=200.0, name="dopamine", releases=list(releases)))
    if gate:
        theta = net.add(hs.Oscillator(frequency=8.0, name="theta"))
        rule["gate"] = hs.PhaseGate(theta, phase=0.5)
    learned = hs.HMNRule(modulators=[dopamine], eta_g=eta_g, w_max=0.5, tick=100.0, **rule)
    source, weight = (post, 0.1) if recurrent else (inputs, 0.25)
    net.add(hs.Projection(source, post, hs.AllToAll(), weight=weight, delay=delay, plasticity=learned, name="plastic"))
    if second is not None:
        other = hs.HMNRule(modulators=[dopamine], eta_g=eta_g, w_max=0.5, tick=100.0, **second)
        net.add(hs.Projection(inputs, post, hs.AllToAll(), weight=0.1, delay=1.0, plasticity=other, name="second"))
    return net


def weights_at(net, times, **options):
    """Return the plastic weights at some times [ms], and the spikes of all of the run."""
    found, now, spikes = [], 0.0, 0
    with hs.Simulation(net, progress=False, **options) as sim:
        for time in times:
            if time > now:
                spikes += len(sim.run(time - now).spikes["post"].t)
            found.append(sim.weights("plastic").values.copy())
            now = time
    return np.array(found), spikes


TIMES = (0.0, 1000.0, 2500.0, 4000.0)


def both(**changes):
    """Return the changes of the weights in the three phases, in float and on the chip, and both runs' spikes."""
    (a, n), (b, m) = (
        weights_at(network(**changes), TIMES, backend="numba"),
        weights_at(network(**changes), TIMES, backend="loihi2", executor="emulator", learning="on_chip"),
    )
    return np.diff(a, axis=0), np.diff(b, axis=0), n, m


CASES = {
    "two traces": ({}, 0.95, 0.1),
    "the fast trace": ({"kappa_slow": 0.0}, 0.9, 0.15),
    "ties count": ({"tie": "ltp"}, 0.95, 0.1),
    "nearest": ({"pairing": "nearest"}, 0.9, 0.15),
    "a gate": ({"gate": True, "eta_g": 120.0}, 0.9, 0.15),
    "an unmodulated part": ({"eta_l": 2.0}, 0.9, 0.15),
    "recurrent, through relays": ({"recurrent": True, "delay": 3.0}, 0.85, 0.25),
}


@pytest.mark.parametrize("name", CASES)
def test_changes_are_those_of_the_float_run(name):
    changes, correlation, tolerance = CASES[name]
    exact, chip, n, m = both(**changes)
    assert m == pytest.approx(n, rel=0.05)
    for a, b in ((exact[1], chip[1]), (exact[2], chip[2])):
        assert np.corrcoef(a, b)[0, 1] > correlation
        assert np.polyfit(a, b, 1)[0] == pytest.approx(1.0, abs=tolerance)


def test_dopamine_decides_the_direction():
    only_up = {"A_minus": 0.0}
    _, up, *_ = both(releases=[(500.0, 0.8)], **only_up)
    _, down, *_ = both(releases=[(500.0, -0.8)], **only_up)
    assert (up[0] >= 0).all()
    assert (down[0] <= 0).all()
    assert up[0].mean() > 0.01
    assert down[0].mean() < -0.01


@pytest.mark.parametrize("rule", [{}, {"recurrent": True}])
def test_without_dopamine_nothing_changes(rule):
    weights, spikes = weights_at(
        network(releases=(), **rule), (0.0, 2000.0), backend="loihi2", executor="emulator", learning="on_chip"
    )
    np.testing.assert_array_equal(weights[0], weights[1])
    assert spikes > 50


def test_weights_at_the_start_are_those_of_the_network():
    weights, _ = weights_at(network(), (0.0,), backend="loihi2", executor="emulator", learning="on_chip")
    np.testing.assert_allclose(weights[0], 0.25, atol=0.5 * 0.5 / 255 + 0.1 / 255)


def test_a_run_in_pieces_is_one_run(tmp_path):
    options = {"backend": "loihi2", "executor": "emulator", "learning": "on_chip"}
    (*_, whole), _ = weights_at(network(), (2000.0,), **options)
    (*_, parts), _ = weights_at(network(), (333.0, 1001.0, 1500.0, 2000.0), **options)
    np.testing.assert_array_equal(whole, parts)
    with hs.Simulation(network(), progress=False, **options) as sim:
        sim.run(1100.0)
        sim.save(tmp_path / "half")
    with hs.Simulation(network(), progress=False, **options) as sim:
        sim.load(tmp_path / "half")
        sim.run(900.0)
        np.testing.assert_array_equal(sim.weights("plastic").values, whole)


def test_weights_can_be_written():
    with hs.Simulation(network(), backend="loihi2", executor="emulator", learning="on_chip", progress=False) as sim:
        sim.set_weights("plastic", 0.4)
        np.testing.assert_allclose(sim.weights("plastic").values, 0.4, atol=0.003)
        sim.run(100.0)
        np.testing.assert_allclose(sim.weights("plastic").values, 0.4, atol=0.003)


# What is said beforehand


def findings(net):
    """Return what is said of the plastic projection."""
    report = hs.check(net, backend="loihi2", learning="on_chip")
    return {f.where: f for f in report.findings if f.what == "plastic"}


def test_each_change_of_the_rule_is_said_with_its_size():
    said = findings(network())
    for where in ("tau_fast", "tau_slow", "traces", "eligibility", "learned weights", "w_min, w_max"):
        assert said[where].severity is Severity.ALTERED, where
        assert 0.0 < said[where].distortion <= 1.0, where
    assert said["tau_fast"].distortion < 0.03
    assert "5/128 every 4 steps" in said["tau_fast"].limit
    assert said["modulators"].severity is Severity.HOST
    assert said["stdp"].severity is Severity.ALTERED


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ({"apply": "probabilistic"}, "probabilistic_application"),
        ({"attention": hs.LocalAttention(slope=2.0)}, "local_attention"),
    ],
)
def test_what_is_left_out_is_altered_by_name(rule, where):
    said = findings(network(**rule))[where]
    assert (said.severity, said.distortion) == (Severity.ALTERED, 1.0)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"delay_kind": "dendritic"}, "dendritic_delay"),
        ({"recurrent": True, "delay": 70.0}, "delay"),
    ],
)
def test_what_the_chip_cannot_learn_is_refused_by_name(changes, where):
    net = network(**changes)
    assert findings(net)[where].severity is Severity.REJECTED
    with pytest.raises(RejectedError) as caught:
        hs.run(net, 10.0, backend="loihi2", learning="on_chip")
    assert where in {f.where for f in caught.value.findings}


def test_rules_that_differ_cannot_share_neurons():
    report = hs.check(network(second={"tau_minus": 20.0}), backend="loihi2", learning="on_chip")
    refused = [f for f in report.findings if f.severity is Severity.REJECTED]
    assert [(f.what, f.where) for f in refused] == [("second", "learning")]
    assert "tau_minus" in refused[0].found
    allowed = hs.check(network(second={"A_plus": 0.02}), backend="loihi2", learning="on_chip")
    assert not [f for f in allowed.findings if f.severity is Severity.REJECTED]


# The program


def test_each_trace_has_a_connection_and_delays_lie_before_it():
    lowered = lower(network(recurrent=True, delay=3.0))
    on_chip = lower_on_chip(lowered)
    program = on_chip.program
    assert [x.connection for x in program.learning] == [number for number, _ in on_chip.parts[1]]
    relay = program.processes[-1]
    for number, tag in on_chip.parts[1]:
        c = program.connections[number]
        assert c.source == relay.group
        assert not c.delay.any()
        assert c.weight.max() / np.abs(c.scale).max() == pytest.approx(0.1 * tag.share, rel=0.1)
    to_relay = next(c for c in program.connections if c.target == relay.group)
    assert to_relay.delay.tolist() == [2]


def test_a_tag_is_as_slow_as_it_should_be():
    for dt in (0.1, 0.5, 1.0):
        for tau in (50.0, 100.0, 500.0, 1000.0):
            k, decay = _tag_decay(tau, dt)
            made = -dt * 2**k / np.log1p(-decay / 128)
            assert made == pytest.approx(tau, rel=0.08) or (decay == 1 and made < tau)


def test_pulses_follow_the_integral():
    integral = np.random.default_rng(1).normal(1.0, 3.0, (200, 4))
    sent, owed = pulses(np.zeros(4), integral)
    assert set(np.abs(sent[sent != 0]) >= 4) == {True}
    np.testing.assert_allclose(sent.sum(axis=0) + owed, integral.sum(axis=0), atol=1e-9)
    assert (np.abs(np.cumsum(sent, axis=0) - np.cumsum(integral, axis=0)) < 5.0).all()


@needs_lava
@pytest.mark.slow
def test_on_lava_spikes_and_weights_are_those_of_the_emulator(monkeypatch):
    """With Lava's draws; the run does not end with a pulse, which the emulator would learn a step later."""
    net = network(releases=[(50.0, 0.8)])
    seen = []
    for executor in ("lava", "emulator"):
        monkeypatch.setattr(session, "lower_on_chip", lambda lowered, stream: lower_on_chip(lowered, "lava"))
        with hs.Simulation(net, backend="loihi2", executor=executor, learning="on_chip", progress=False) as sim:
            train = sim.run(201.0).spikes["post"]
            seen.append((train.t, train.i, sim.weights("plastic").values.copy()))
    for a, b in zip(*seen, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (np.abs(seen[0][2] - 0.25) > 0.01).any()
