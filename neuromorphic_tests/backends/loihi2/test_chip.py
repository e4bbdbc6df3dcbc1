"""The chip as its host sees it: samples of the right moment, weights rounded as asked, spikes that come late."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.loihi2.chip import LoihiChip
from hmn_snn.backends.loihi2.emulator import EmulatorExecutor
from hmn_snn.backends.loihi2.lowering import lower_program

import hmn_snn as hs
from hmn_snn.lowering import lower


def recorded(cell, weight, receptors=("excitatory", "inhibitory"), every=None, duration=40.0, **population):
    """Return a network of one neuron, whose variables are recorded, under given spikes."""
    net = hs.Network("recorded", dt=0.5, seed=2)
    stim = net.add(hs.SpikeInput([[3.0, 11.0, 11.5, 20.0], [7.0, 12.0]], name="stim"))
    cells = net.add(hs.Population(1, cell, name="cells", **population))
    for k, receptor in enumerate(receptors):
        settings = {"weight": weight, "delay": 1.0, "receptor": receptor, "name": receptor}
        net.add(hs.Projection(stim[k : k + 1], cells, hs.AllToAll(), **settings))
    net.record(cells, ("v", "i_exc", "i_inh"), every=every)
    return net


def traces(results):
    return {name: trace.values[:, 0] for name, trace in results.traces["cells"].items()}


CELLS = {
    "two currents": (hs.LIF(tau_m=16.0, tau_syn_E=4.0, tau_syn_I=8.0, i_offset=0.1), 0.3),
    "equal currents": (hs.LIF(tau_m=16.0, tau_syn_E=4.0, tau_syn_I=4.0), 0.3),
    "delta synapses": (hs.LIF(tau_m=16.0, tau_syn_E=0.0, tau_syn_I=0.0), 2.0),
    "one of each": (hs.LIF(tau_m=16.0, tau_syn_E=0.0, tau_syn_I=4.0), 2.0),
}


@pytest.mark.parametrize("name", CELLS)
def test_samples_are_those_of_the_engine_and_of_no_other_step(name):
    cell, weight = CELLS[name]
    net = recorded(cell, weight, initial_values={"v": -62.0})
    expected, found = traces(hs.run(net, 40.0)), traces(hs.run(net, 40.0, "loihi2"))
    for variable, values in expected.items():
        size = np.ptp(values)
        if size == 0.0:
            assert np.array_equal(values, found[variable]), variable
            continue
        error = np.abs(values - found[variable]).max()
        assert error < 0.02 * size, variable
        for shift in (-1, 1):  # a sample taken a step early or late would be far off
            assert np.abs(values - np.roll(found[variable], shift))[1:-1].max() > 5 * error, variable


def test_arrivals_at_a_refractory_neuron_do_not_show_in_v():
    cell = hs.LIF(tau_m=16.0, tau_syn_E=0.0, tau_syn_I=0.0, tau_refrac=3.0)
    net = recorded(cell, 18.0, ("excitatory",))
    expected, found = hs.run(net, 40.0), hs.run(net, 40.0, "loihi2")
    assert np.array_equal(expected.spikes["cells"].t, found.spikes["cells"].t)
    assert len(found.spikes["cells"]) == 3  # of four arrivals, the third comes half a millisecond after the second
    np.testing.assert_allclose(traces(found)["v"], traces(expected)["v"], atol=0.1)


@pytest.mark.parametrize("every", [None, 1.5])
def test_pieces_of_a_run_are_the_run(every):
    cell = hs.LIF(tau_m=16.0, tau_syn_E=0.0, tau_syn_I=4.0, tau_refrac=3.0)
    net = recorded(cell, 18.0, every=every)
    whole = hs.run(net, 40.0, "loihi2")
    with hs.Simulation(net, "loihi2") as sim:
        pieces = [sim.run(length) for length in (4.5, 0.5, 1.0, 14.5, 19.5)]
    joined = pieces[0].joined(*pieces[1:])
    assert len(whole.spikes["cells"]) == len(joined.spikes["cells"]) > 0
    for name, values in traces(whole).items():
        assert np.array_equal(values, traces(joined)[name]), name


def test_delays_longer_than_the_chips_are_waited_for_outside():
    net = hs.Network("late", dt=0.5)
    stim = net.add(hs.SpikeInput([[2.0, 30.0], [3.0]], name="stim"))
    cells = net.add(hs.Population(2, hs.LIF(), name="cells"))
    net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=10.0, delay=np.array([60.0, 1.0])))
    expected = hs.run(net, 120.0).spikes["cells"]
    with hs.Simulation(net, "loihi2") as sim:
        pieces = [sim.run(7.5) for _ in range(16)]
    found = pieces[0].joined(*pieces[1:]).spikes["cells"]
    first = [[train.t[train.i == k].min() for k in range(2)] for train in (expected, found)]
    assert first[0] == first[1]
    assert 60.0 < first[0][0] < 65.0
    assert len(found) == len(expected)


# Weights


def plastic_chip(rounding, n=400, seed=1):
    net = hs.Network("weights", dt=1.0, seed=seed)
    stim = net.add(hs.SpikeInput([[5.0]] * n, name="stim"))
    cells = net.add(hs.Population(1, hs.LIF(), name="cells"))
    rule = hs.HMNRule(w_max=1.0)
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.5, plasticity=rule, name="plastic"))
    lowered = lower(net)
    program = lower_program(lowered)
    return LoihiChip(program, EmulatorExecutor(program), lowered, rounding)


def unit_of(chip):
    """Return the weight that an integer of 1 stands for."""
    return 1.0 / float(np.abs(chip.program.connections[0].scale).max())


def test_weights_start_nearest_and_are_written_nearest_if_asked():
    chip = plastic_chip("nearest")
    unit = unit_of(chip)
    assert np.abs(chip.weights(0) - 0.5).max() <= 0.5 * unit
    wanted = np.linspace(0.1, 0.9, 400)
    chip.write_weights(0, wanted)
    assert np.abs(chip.weights(0) - wanted).max() <= 0.5 * unit * (1 + 1e-9)
    assert len(np.unique(chip.weights(0))) > 100


def test_stochastic_rounding_meets_the_mean():
    chip = plastic_chip("stochastic")
    unit = unit_of(chip)
    wanted = unit * 100.3
    chip.write_weights(0, np.full(400, wanted))
    integers = np.rint(chip.weights(0) / unit)
    assert set(integers) == {100.0, 101.0}
    share = (integers == 101.0).mean()
    assert share == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / 400))


def test_every_write_draws_anew_and_what_has_not_changed_is_left_alone():
    chip = plastic_chip("stochastic")
    unit = unit_of(chip)
    weights = np.full(400, 100.3 * unit)
    chip.write_weights(0, weights)
    first = chip.weights(0)
    weights[:200] += 1e-9
    chip.write_weights(0, weights)
    second = chip.weights(0)
    assert np.array_equal(first[200:], second[200:])
    assert 0.3 < (first[:200] != second[:200]).mean() < 0.55  # 2 (0.3) (0.7) of them


def test_draws_are_keyed_by_the_seed_alone():
    wanted = np.linspace(0.1, 0.9, 400)
    written = []
    for seed in (1, 1, 2):
        chip = plastic_chip("stochastic", seed=seed)
        chip.write_weights(0, wanted)
        written.append(chip.weights(0))
    assert np.array_equal(written[0], written[1])
    assert not np.array_equal(written[0], written[2])


def test_weights_beyond_the_chips_are_cut():
    chip = plastic_chip("nearest")
    chip.write_weights(0, np.full(400, 1e3))
    assert (chip.weights(0) == 255 * unit_of(chip)).all()


# Currents


def test_a_current_moves_v_as_far_as_it_should():
    net = hs.Network("current", dt=0.5)
    cells = net.add(hs.Population(2, hs.LIF(v_thresh=0.0, v_reset=-70.0), name="cells"))
    net.add(hs.CurrentInput(cells[1], hs.Steps([0.0, 300.0], [0.2, -0.1]), name="current"))
    net.record(cells, "v")
    expected, found = (hs.run(net, 600.0, backend).traces["cells"]["v"].values for backend in ("numba", "loihi2"))
    assert np.abs(expected[[599, 1199]] - found[[599, 1199]]).max() < 0.05
    assert expected[599, 1] - expected[1199, 1] > 5.0
