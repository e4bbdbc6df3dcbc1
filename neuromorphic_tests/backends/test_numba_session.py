"""What surrounds the engine's steps: ledger, closed loop, checkpoints, float32, very many spikes."""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn.errors import DescriptionError, FileFormatError, SimulationError, UnknownNameError
from hmn_snn.translator import Severity
from neuromorphic_tests.agreement import assert_same_run

DELTA = {"tau_syn_E": 0.0, "tau_syn_I": 0.0}


# The ledger


def counted_network() -> hs.Network:
    """Return two sources, three neurons that each arrival fires, six plastic synapses and two astrocytes."""
    net = hs.Network(dt=0.5)
    source = net.add(hs.SpikeInput([[1.0, 2.0], [2.0]], name="source"))
    target = net.add(hs.Population(3, hs.LIF(tau_refrac=0.0, **DELTA), name="target"))
    glia = net.add(hs.Astrocytes(2, hs.LeakyCalcium(tau_ca=1.0, C_theta=0.3), clock=2.5, name="glia"))
    rule = hs.HMNRule(eta_l=1.0, tick=4.0, w_max=50.0)
    net.add(
        hs.Projection(source, target, hs.AllToAll(), weight=30.0, plasticity=rule, astrocytes=glia, name="synapses")
    )
    return net


def test_ledger_counts_what_happens():
    """Arrivals at 2 and 3 ms (two sources) fire all neurons at 2.5 and 3.5 ms; everything else is counted by hand."""
    ledger = hs.run(counted_network(), 10.0).ledger
    assert ledger.spikes == {"source": 3, "target": 6}
    assert ledger.neuron_updates == {"target": 3 * 20}
    assert ledger.synaptic_events == {"synapses": 3 * 3}
    assert ledger.pairings == {"synapses": 3 * 3 + 2 * 6}
    assert ledger.ticks == {"synapses": 2}
    assert ledger.updates_applied == {"synapses": 6 * 2}
    assert ledger.updates_rejected == {"synapses": 0}
    assert ledger.astrocyte_updates == {"glia": 2 * 4}
    # Spillover 1/2 of each territory at 2.5 ms, 1 more at 5 ms; C = .92 of it: one crossing each
    assert ledger.astrocyte_releases == {"glia": 2}


@pytest.mark.parametrize(("duration", "events"), [(2.0, 0), (2.5, 3), (3.0, 3), (3.5, 9)])
def test_an_event_is_counted_when_it_arrives(duration, events):
    assert hs.run(counted_network(), duration).ledger.synaptic_events == {"synapses": events}


def test_rejected_updates_are_counted():
    net = hs.Network(dt=0.5)
    source, target = net.add(hs.SpikeInput([[1.0]])), net.add(hs.Population(1, hs.LIF(tau_refrac=0.0, **DELTA)))
    rule = hs.HMNRule(eta_l=1.0, tick=5.0, w_max=50.0, apply="probabilistic", theta_p=1.0, beta_p=1e4)
    net.add(hs.Projection(source, target, hs.AllToAll(), weight=30.0, plasticity=rule, name="synapses"))
    results = hs.run(net, 20.0)
    assert (results.ledger.updates_applied["synapses"], results.ledger.updates_rejected["synapses"]) == (0, 4)
    assert results.weights["synapses"].values == 30.0
    assert results.margins.application < 1.0


def test_margins_tell_how_near_a_decision_was():
    net = hs.Network(dt=0.5)
    net.add(hs.Population(1, hs.LIF(v_rest=-50.25, v_reset=-66.0), name="cell", initial_values={"v": -50.25}))
    results = hs.run(net, 5.0)
    assert results.margins.threshold == pytest.approx(0.25, rel=1e-12)
    assert results.margins.application == np.inf


# The closed loop


def looped_network(current=0.0) -> hs.Network:
    net = hs.Network(dt=0.5, seed=3)
    stim = net.add(hs.PoissonInput(20, rate=40.0, name="stim"))
    cells = net.add(hs.Population(5, hs.LIF(), name="cells"))
    net.add(hs.CurrentInput(cells[1:4], current, name="current"))
    level = net.add(hs.Modulator(tonic=hs.Steps([0.0, 120.0], [0.2, 0.9]), name="level"))
    rule = hs.HMNRule(modulators=level, eta_l=1.0, tick=10.0, A_plus=0.1, w_max=2.0)
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.6, delay=1.5, plasticity=rule, name="plastic"))
    net.add(hs.Projection(cells, cells, hs.AllToAll(), weight=np.full(25, 0.1), receptor="inhibitory", name="fixed"))
    net.record(cells, "v")
    net.record(level, "level")
    return net


def test_a_current_set_between_runs_is_a_scheduled_one():
    with hs.Simulation(looped_network()) as sim:
        parts = [sim.run(30.0)]
        sim.set_current("current", 0.7)
        parts.append(sim.run(20.0))
        sim.set_current("current", [0.1, 0.2, 0.3])
        parts.append(sim.run(30.0))
    values = np.array([[0.0] * 3, [0.7] * 3, [0.1, 0.2, 0.3]])
    scheduled = hs.run(looped_network(hs.Steps([0.0, 30.0, 50.0], values)), 80.0)
    assert_same_run(scheduled, parts[0].joined(*parts[1:]))
    assert len(scheduled.spikes["cells"]) > 5


def test_what_is_set_at_run_time_replaces_what_was_scheduled():
    with hs.Simulation(looped_network()) as sim:
        sim.set_tonic("level", 0.5)
        levels = sim.run(150.0).traces["level"]["level"].values
    assert (levels == 0.5).all()


def test_weights_are_read_and_written():
    with hs.Simulation(looped_network()) as sim:
        sim.run(50.0)
        assert not np.array_equal(sim.weights("plastic").values, np.full(100, 0.6))
        sim.set_weights("plastic", 0.0)
        sim.set_weights("fixed", np.linspace(0.0, 0.2, 25))
        assert (sim.weights("plastic").values == 0.0).all()
        assert sim.weights("fixed").values.tolist() == np.linspace(0.0, 0.2, 25).tolist()
        sim.run(20.0)  # currents decay
        assert len(sim.run(9.5).spikes["cells"]) == 0
        with pytest.raises(DescriptionError) as caught:
            sim.set_weights("plastic", 2.5)
        assert (caught.value.owner, caught.value.parameter) == ("projection 'plastic'", "weights")


def test_spike_counts_are_those_of_the_last_piece():
    with hs.Simulation(looped_network()) as sim:
        assert sim.spike_counts("cells").tolist() == [0] * 5
        sim.run(50.0)
        piece = sim.run(50.0)
        assert sim.spike_counts("stim").tolist() == piece.spikes["stim"].counts.tolist()
        assert sim.spike_counts("cells").sum() == len(piece.spikes["cells"]) > 0
        assert sim.t == 100.0


def test_reset_goes_back_to_the_start():
    with hs.Simulation(looped_network()) as sim:
        first = sim.run(50.0)
        sim.set_rate("stim", 0.0)
        sim.set_weights("fixed", 1.0)
        sim.reset()
        assert_same_run(first, sim.run(50.0))


def test_a_closed_simulation_says_so():
    sim = hs.Simulation(looped_network())
    sim.close()
    with pytest.raises(SimulationError, match="closed"):
        sim.run(1.0)


@pytest.mark.parametrize("call", [("release", 1.0), ("set_tonic", 1.0), ("set_rate", 1.0), ("set_current", 1.0)])
def test_unknown_names_are_named(call):
    method, value = call
    with hs.Simulation(looped_network()) as sim, pytest.raises(UnknownNameError) as caught:
        getattr(sim, method)("cells", value)
    assert caught.value.name == "cells"
    assert len(caught.value.known) == 1


# Checkpoints


def test_a_checkpoint_holds_what_was_set_at_run_time(tmp_path):
    def interfere(sim):
        sim.set_rate("stim", np.linspace(0.0, 90.0, 20))
        sim.set_tonic("level", -0.4)
        sim.set_current("current", [0.5, 0.0, 0.9])
        sim.set_weights("fixed", np.linspace(0.0, 0.2, 25))
        sim.release("level", 0.3)

    with hs.Simulation(looped_network()) as sim:
        sim.run(40.0)
        interfere(sim)
        sim.run(33.5)
        sim.save(tmp_path / "state.h5")
        expected = sim.run(70.0)
    with hs.Simulation(looped_network()) as other:
        other.run(5.0)
        other.set_current("current", 3.0)
        other.load(tmp_path / "state.h5")
        assert other.t == 73.5
        assert_same_run(expected, other.run(70.0))
    assert len(expected.spikes["cells"]) > 5


def test_a_checkpoint_forgets_what_was_set_after_it(tmp_path):
    with hs.Simulation(looped_network(hs.Steps([0.0, 60.0], [0.1, 0.8]))) as sim:
        sim.run(40.0)
        sim.save(tmp_path / "state.h5")
        expected = sim.run(100.0)
        sim.set_current("current", 5.0)
        sim.set_rate("stim", 0.0)
        sim.set_tonic("level", 7.0)
        sim.load(tmp_path / "state.h5")
        assert_same_run(expected, sim.run(100.0))


@pytest.mark.parametrize("what", ["network", "precision"])
def test_a_checkpoint_of_something_else_is_refused(tmp_path, what):
    path = tmp_path / "state.h5"
    with hs.Simulation(looped_network(), precision="float32" if what == "precision" else "float64") as sim:
        sim.save(path)
    net = looped_network(0.1) if what == "network" else looped_network()
    with hs.Simulation(net) as other, pytest.raises(FileFormatError) as caught:
        other.load(path)
    assert caught.value.path == path
    assert "another network, backend or precision" in caught.value.reason


# Single precision


def test_float32_is_close_to_float64_and_marked():
    net = looped_network(0.3)
    double, single = hs.run(net, 200.0), hs.run(net, 200.0, precision="float32")
    assert double.margins.threshold > 1e-4  # far above float32's 8e-6 mV at 65 mV, so that spikes must agree
    assert len(double.spikes["cells"]) > 20
    assert np.array_equal(double.spikes["cells"].t, single.spikes["cells"].t)
    assert np.array_equal(double.spikes["cells"].i, single.spikes["cells"].i)
    v, v_single = double.traces["cells"]["v"].values, single.traces["cells"]["v"].values
    assert 0.0 < np.abs(v - v_single).max() < 1e-4
    np.testing.assert_allclose(single.weights["plastic"].values, double.weights["plastic"].values, rtol=1e-12)
    assert (double.provenance.precision, single.provenance.precision) == ("float64", "float32")
    findings = hs.check(net, precision="float32").findings
    assert [f.what for f in findings if f.severity is Severity.ALTERED] == ["cells"]


def test_an_unknown_precision_is_refused():
    with pytest.raises(UnknownNameError) as caught:
        hs.run(looped_network(), 1.0, precision="float16")
    assert caught.value.known == ("float64", "float32")


# Very many spikes


def test_a_flood_of_spikes_is_kept_and_nothing_scheduled_is_lost():
    """The kernel returns when the room for spikes is used up, here several times in 200 steps, and is called again."""
    net = hs.Network(dt=0.5)
    net.add(hs.Population(3000, hs.LIF(i_offset=1e4, tau_refrac=0.0), name="cells"))
    steps = np.arange(1, 201)
    given = net.add(hs.SpikeInput([0.5 * steps, 0.5 * steps[::7]], name="given"))
    level = net.add(hs.Modulator(tau=5.0, releases=[(0.5 * (n - 1), 1.0) for n in steps], name="level"))
    counter = net.add(
        hs.Population(1, hs.LIF(tau_m=1e9, v_rest=0.0, v_reset=0.0, v_thresh=1e6, tau_syn_E=0.0), name="counter")
    )
    net.add(hs.Projection(given, counter, hs.AllToAll(), weight=1.0, delay=0.5, name="count"))
    net.record(level, "level")
    net.record(counter, "v")
    results = hs.run(net, 100.0)
    assert (results.spikes["cells"].counts == 200).all()
    assert (np.diff(results.spikes["cells"].t.reshape(200, 3000), axis=1) == 0.0).all()
    assert results.spikes["given"].counts.tolist() == [200, 29]
    assert results.ledger.synaptic_events["count"] == 198 + 29  # the last two spikes are on their way
    decay = np.exp(-0.1)
    np.testing.assert_allclose(
        results.traces["level"]["level"].values[:, 0], (1.0 - decay**steps) / (1.0 - decay), rtol=1e-12
    )
    assert results.traces["counter"]["v"].values[-1, 0] == pytest.approx(198 + 29)
