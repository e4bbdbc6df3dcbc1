"""The host beside SpiNNaker: learning in blocks, what a load loses, currents, checkpoints, and what is refused."""

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.errors import DescriptionError, RejectedError, SimulationError
from hmn_snn.lowering import lower
from neuromorphic_tests.conformance.conforming import assert_learnt

BACKEND = "spinnaker"


def learning_network(**rule):
    """Return neurons whose synapses from outside learn with dopamine and attention, which the chip cannot."""
    net = hs.Network("learning", dt=1.0, seed=2)
    stim = net.add(hs.PoissonInput(20, rate=40.0, name="stim"))
    cells = net.add(hs.Population(5, hs.LIF(tau_refrac=2.0), name="cells"))
    dopamine = net.add(hs.Modulator(tau=200.0, tonic=0.3, name="dopamine"))
    settings = {"modulators": [dopamine], "eta_g": 20.0, "tick": 20.0, "attention": hs.LocalAttention(), **rule}
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.45, delay=3.0, plasticity=hs.HMNRule(**settings),
                          name="learned"))  # fmt: skip
    return net


def static_network(current=None):
    net = hs.Network("static", dt=1.0, seed=3)
    stim = net.add(hs.PoissonInput(30, rate=30.0, name="stim"))
    cells = net.add(hs.Population(6, hs.LIF(tau_refrac=2.0, i_offset=0.2), name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=hs.Uniform(0.1, 0.5), delay=hs.Uniform(1.0, 20.0)))
    net.add(hs.Projection(cells, cells, hs.AllToAll(), weight=0.3, receptor="inhibitory", delay=2.0))
    net.add(hs.CurrentInput(cells[:3], 0.0 if current is None else current, name="injected"))
    net.record(cells, ["v", "i_exc"])
    return net


def same(a, b):
    assert a.spikes.keys() == b.spikes.keys()
    for name, train in a.spikes.items():
        assert np.array_equal(train.t, b.spikes[name].t), name
        assert np.array_equal(train.i, b.spikes[name].i), name
    for owner, variables in a.traces.items():
        for variable, trace in variables.items():
            assert np.array_equal(trace.values, b.traces[owner][variable].values), (owner, variable)


# Learning


def test_in_blocks_the_host_learns_exactly_from_the_chips_spikes():
    net = learning_network()
    results = hs.run(net, 400.0, BACKEND, learning="blocks", block=100.0)
    weights = results.weights["learned"]
    assert np.abs(weights.values - weights.initial).max() > 0.01
    assert_learnt(results, lower(net), 1e-9)
    assert results.ledger.hardware["loads"] == {"learning": 4.0}
    assert results.ledger.hardware["weights written"]["learned"] > 0
    assert results.ledger.total("ticks") == 20


def test_weights_of_a_block_act_in_the_next_one():
    frozen, learned = (
        hs.run(learning_network(eta_g=200.0), 300.0, BACKEND, **options)
        for options in ({"learning": "frozen"}, {"learning": "blocks", "block": 150.0})
    )
    a, b = (set(zip(r.spikes["cells"].t, r.spikes["cells"].i, strict=True)) for r in (frozen, learned))
    assert {spike for spike in a if spike[0] <= 150.0} == {spike for spike in b if spike[0] <= 150.0}
    assert {spike for spike in a if spike[0] > 150.0} != {spike for spike in b if spike[0] > 150.0}


def test_a_load_loses_spikes_in_flight_and_nothing_else():
    net = hs.Network("flight", dt=1.0, seed=1)
    stim = net.add(hs.SpikeInput([[10.0], [45.0]], name="stim"))
    cells = net.add(hs.Population(2, hs.LIF(tau_m=50.0), name="cells"))
    net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=0.2, delay=10.0, name="synapses"))
    net.record(cells, "v")
    with hs.Simulation(net, BACKEND) as sim:
        before = sim.run(50.0).traces["cells"]["v"].values
        sim.set_weights("synapses", 0.4)
        after = sim.run(50.0).traces["cells"]["v"].values
    rest = before[0, 0]
    assert before[-1, 0] > rest  # arrived
    assert rest < after[0, 0] < before[:, 0].max()  # and goes on
    assert (after[:, 1] == rest).all()  # was in flight


def test_frozen_weights_stay_and_nothing_is_counted_as_learning():
    results = hs.run(learning_network(), 200.0, BACKEND)
    assert registry.get(BACKEND).translate(lower(learning_network())).settings.learning == "frozen"
    weights = results.weights["learned"]
    assert np.array_equal(weights.values, weights.initial)
    assert results.ledger.total("pairings") == results.ledger.total("ticks") == 0
    assert results.ledger.total("synaptic_events") > 0


def pair_rule(**changes):
    settings = {"A_plus": 0.05, "A_minus": -0.03, "tau_fast": 1e-3, "kappa_slow": 0.0, "eta_g": 0.0, "eta_l": 1000.0,
                "tick": 1.0, "delay_kind": "dendritic", "tie": "ltd", "w_max": 1.0, "attention": None,
                "modulators": []}  # fmt: skip
    return settings | changes


def test_a_rule_that_the_chip_has_is_learned_there():
    net = learning_network(**pair_rule())
    assert registry.get(BACKEND).translate(lower(net)).settings.learning == "on_chip"
    results = hs.run(net, 400.0, BACKEND)
    weights = results.weights["learned"]
    assert np.abs(weights.values - weights.initial).max() > 0.05
    # Pairings since a source's last spike wait for its next one: about two of them, of 0.05 nA at most.
    assert_learnt(results, lower(net), 0.1)


def test_a_release_cannot_reach_a_chip_that_learns():
    net = learning_network(**pair_rule())
    with hs.Simulation(net, BACKEND) as sim, pytest.raises(SimulationError, match="schedule it"):
        sim.release("dopamine", 1.0)


# The closed loop


def test_pieces_equal_the_whole():
    whole = hs.run(static_network(), 300.0, BACKEND)
    with hs.Simulation(static_network(), BACKEND) as sim:
        parts = [sim.run(t) for t in (7.0, 100.0, 193.0)]
    same(whole, parts[0].joined(*parts[1:]))
    assert len(whole.spikes["cells"]) > 30


def test_a_checkpoint_continues_bit_for_bit(tmp_path):
    with hs.Simulation(static_network(), BACKEND) as sim:
        sim.run(120.0)
        sim.save(tmp_path / "state.h5")
        expected = sim.run(180.0)
    with hs.Simulation(static_network(), BACKEND) as sim:
        sim.load(tmp_path / "state.h5")
        same(expected, sim.run(180.0))


def test_a_current_set_by_hand_is_the_current_described():
    steps = hs.Steps([0.0, 100.0, 200.0], [0.0, 0.6, -0.3])
    described = hs.run(static_network(steps), 300.0, BACKEND)
    with hs.Simulation(static_network(), BACKEND) as sim:
        parts = [sim.run(100.0)]
        for amplitude in (0.6, -0.3):
            sim.set_current("injected", amplitude)
            parts.append(sim.run(100.0))
    same(described, parts[0].joined(*parts[1:]))
    plain = hs.run(static_network(), 300.0, BACKEND)
    assert len(plain.spikes["cells"]) != len(described.spikes["cells"])


def test_sources_on_the_chip_draw_spikes_that_nobody_else_knows():
    results = hs.run(static_network(), 300.0, BACKEND, poisson="on_chip")
    assert len(results.spikes["stim"]) == 0
    given = len(hs.run(static_network(), 300.0, BACKEND).spikes["cells"])
    assert 0.5 * given < len(results.spikes["cells"]) < 2.0 * given


# The virtual board


def test_a_virtual_board_maps_and_runs_nothing():
    pytest.importorskip("spynnaker")
    results = hs.run(static_network(), 50.0, BACKEND, executor="virtual")
    assert len(results.spikes["cells"]) == 0
    assert results.ledger.hardware["cores"] == {"cells": 1.0, "stim": 1.0}
    said = {finding.where: finding for finding in results.findings}
    assert said["spikes"].found == "none"
    assert said["placement"].found.startswith("2 cores")
    assert "binary" not in said
    assert results.ledger.total("synaptic_events") == results.ledger.total("neuron_updates") == 0
    assert "maps the network and runs nothing" in str(results)
    assert "never spiked" not in str(results)
    assert "spikes" in {finding.where for finding in hs.check(static_network(), BACKEND, executor="virtual")}


def test_a_silent_input_and_an_empty_network_are_no_errors():
    net = hs.Network("quiet", dt=1.0)
    stim = net.add(hs.SpikeInput([[], []], name="stim"))
    cells = net.add(hs.Population(2, hs.LIF(), name="cells"))
    net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=0.1))
    assert len(hs.run(net, 10.0, BACKEND).spikes["cells"]) == 0
    assert hs.run(hs.Network("empty", dt=1.0), 10.0, BACKEND).duration == 10.0
    pytest.importorskip("spynnaker")
    assert hs.run(net, 10.0, BACKEND, executor="virtual").ledger.hardware["cores"]["stim"] == 1.0


# Refusals


@pytest.mark.parametrize(("options", "error"), [
    ({"learning": "host"}, DescriptionError),
    ({"delays": "long"}, DescriptionError),
    ({"block": 0.0}, DescriptionError),
    ({"neurons_per_core": 0}, DescriptionError),
    ({"time_limit": -1.0}, DescriptionError),
    ({"executor": "virtual", "precision": "floating_pt"}, RejectedError),
    ({"learning": "blocks", "block": 0.5}, RejectedError),
    ({"learning": "blocks", "executor": "virtual"}, RejectedError),
    ({"executor": "brian2"}, RejectedError),  # a current is recorded
])  # fmt: skip
def test_settings_that_cannot_be_are_refused(options, error):
    with pytest.raises(error):
        hs.run(static_network(), 10.0, BACKEND, **options)
