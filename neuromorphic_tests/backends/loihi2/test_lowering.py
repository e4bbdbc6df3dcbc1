"""Programs of known networks, number by number; and their integers against the float step that they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hmn_snn.backends.loihi2 import quantisation as q
from hmn_snn.backends.loihi2.lowering import lower_program
from hmn_snn.backends.loihi2.program import LIF, PROGRAMMABLE, Connection, LoihiProgram, NeuronProcess
from hypothesis import given, settings
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn.lowering import lower
from hmn_snn.randomness import keys, mix
from neuromorphic_tests.conformance.cases import CASES
from neuromorphic_tests.networks import random_network

SETTINGS = settings(max_examples=60, deadline=None)


def net_of(cell: Any = None, n: int = 1, dt: float = 1.0, **initial: Any) -> tuple[hs.Network, Any]:
    """Return a network with one population, called cells."""
    net = hs.Network("net", dt=dt, seed=5)
    return net, net.add(hs.Population(n, cell or hs.LIF(), name="cells", initial_values=initial))


def program_of(net: hs.Network, **options: Any) -> LoihiProgram:
    return lower_program(lower(net), **options)


def decayed(x: np.ndarray, d: np.ndarray) -> np.ndarray:
    return np.sign(x) * ((np.abs(x) * (4096 - d)) >> 12)


def potentials_over(
    process: NeuronProcess, n_steps: int, arrivals: Any = lambda step: 0, bias: Any = None
) -> np.ndarray:
    """Run one process without spikes, as program.py says; return v after each step."""
    u, v = process.u_init.astype(np.int64), process.v_init.astype(np.int64)
    bias = process.bias_mant if bias is None else bias
    seen = []
    for step in range(n_steps):
        u = decayed(u, process.du + 1) + 64 * arrivals(step)
        v = decayed(v, process.dv) + u + (bias.astype(np.int64) << process.bias_exp)
        assert (np.abs(u) < 2**23).all()
        seen.append(v)
    return np.array(seen)


# Numbers


def test_constants_of_the_default_neuron():
    # 4096 (1 - exp(-1/20)) = 199.8, 4096 (1 - exp(-1/5)) = 742.5; v_thresh is 15 mV above the reset.
    net, cells = net_of()
    net.add(hs.Projection(net.add(hs.SpikeInput([[1.0]], name="in")), cells, hs.OneToOne(), weight=0.0))
    (process,) = program_of(net).processes
    assert (process.model, process.du.tolist(), process.dv.tolist()) == (LIF, [741], [200])
    assert process.scale.tolist() == [2**22 / 15.0]
    assert process.vth.tolist() == [2**16 - 1]
    assert (process.bias_mant.tolist(), process.bias_exp, process.v_zero.tolist()) == ([0], 0, [-65.0])
    assert process.v_init.tolist() == [0]
    assert process.du_inh is None


def test_one_weight_by_hand():
    # Delta synapses: a weight w adds scale w rho_m (200/4096) / (1 - rho_m) to v, in units of 64 * 2^exponent.
    net, cells = net_of(hs.LIF(tau_syn_E=0.0))
    net.add(hs.Projection(net.add(hs.SpikeInput([[1.0]], name="in")), cells, hs.OneToOne(), weight=3.0, delay=2.0))
    program = program_of(net)
    (process,), (connection,) = program.processes, program.connections
    rho = np.exp(-1 / 20)
    effect = rho * (200 / 4096) / (1 - rho)
    assert process.du.tolist() == [4095]
    assert connection.scale[0] == pytest.approx(process.scale[0] * effect / 64 / 2**connection.weight_exp, rel=1e-12)
    assert connection.weight.tolist() == [round(3.0 * connection.scale[0])]
    assert 127 <= connection.weight[0] <= 255
    assert connection.delay.tolist() == [2]
    # The scale was chosen so that this very weight rounds well: better than the half unit that has to be expected.
    assert abs(connection.weight[0] - 3.0 * connection.scale[0]) < 0.05


def test_the_threshold_is_passed_where_ours_is_reached():
    for theta in (64.0, 65.0, 127.0, 128.0, 100.5, 2.0**22):
        vth = int(q.threshold(np.array([theta]))[0])
        assert 64 * vth < theta <= 64 * (vth + 1)


@SETTINGS
@given(st.floats(0.2, 400.0), st.sampled_from([0.1, 1.0]))
def test_a_decay_is_rounded_to_a_4096th(tau, dt):
    rho = np.array([np.exp(-dt / tau)])
    assert abs(q.membrane_factor(q.membrane_decay(rho))[0] - rho[0]) <= 0.5 / 4096
    assert abs(q.current_factor(q.current_decay(rho))[0] - rho[0]) <= max(0.5 / 4096, 1 / 4096 - (1 - rho[0])) + 1e-15


def connection_with(scale: float, n: int, sign: int = 1) -> Connection:
    index = np.arange(n)
    return Connection(
        "c", 0, 1, 0, 1, n, 0, sign, 0, np.array([0, n]), index.astype(np.int32), np.zeros(n, np.int16),
        np.ones(1, np.int8), index, np.array([sign * scale]), True,
    )  # fmt: skip


@SETTINGS
@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=20), st.floats(1.0, 127.0), st.sampled_from([1, -1]))
def test_weights_come_back_within_half_a_unit(weights, scale, sign):
    weights = np.array(weights)
    integers = q.integer_weights(connection_with(scale, len(weights), sign), weights)
    assert integers.dtype == np.int16
    assert (np.abs(integers / (sign * scale) - weights) <= 0.5 / scale * (1 + 1e-12)).all()


@SETTINGS
@given(st.floats(0.0, 254.0), st.integers(10, 1000))
def test_rounding_at_random_keeps_the_mean(exact, n):
    draws = (np.arange(n) + 0.5) / n
    integers = q.integer_weights(connection_with(1.0, n), np.full(n, exact), draws)
    assert set(integers.tolist()) <= {int(exact), int(exact) + 1}
    assert abs(integers.mean() - exact) <= 0.5 / n + 1e-9


def test_weights_are_held_between_0_and_255():
    draws = np.array([0.999, 0.999, 0.5])
    integers = q.integer_weights(connection_with(100.0, 3, -1), np.array([2.55, 30.0, -1.0]), draws)
    assert integers.tolist() == [-255, -255, 0]


@SETTINGS
@given(st.floats(-0.7, 0.7), st.floats(0.0, 1.0))
def test_a_bias_comes_back_within_half_a_unit(current, offset):
    net, cells = net_of(hs.LIF(i_offset=offset))
    net.add(hs.CurrentInput(cells, current, name="probe"))
    (process,) = program_of(net).processes
    mantissa = q.bias_mantissa(process, np.array([offset + current]))
    assert mantissa.tolist() == process.bias_mant.tolist()
    exact = process.bias_rest + process.bias_scale * (offset + current)
    assert abs((mantissa << process.bias_exp) - exact) <= 0.5 * 2**process.bias_exp


def test_biases_beyond_the_width_are_clipped():
    net, cells = net_of()
    net.add(hs.CurrentInput(cells, 0.1, name="probe"))
    (process,) = program_of(net).processes
    assert q.bias_mantissa(process, np.array([1e3, -1e3])).tolist() == [4095, -4095]


@pytest.mark.parametrize("amplitude", [0, 1, 2, 3, 100, 12345])
def test_the_deviation_of_noise_is_that_of_all_its_draws(amplitude):
    draws = np.arange(-127, 128)
    added = np.sign(draws) * (np.abs(draws) * amplitude >> 7)
    assert q.noise_deviation(np.array([amplitude]))[0] == pytest.approx(added.std(), abs=1e-12)


@SETTINGS
@given(st.floats(0.5, 1e6))
def test_the_amplitude_of_noise_is_the_nearest(deviation):
    found = int(q.noise_amplitude(np.array([deviation]))[0])
    others = np.arange(max(0, found - 3), found + 4)
    errors = np.abs(q.noise_deviation(others) - deviation)
    assert abs(q.noise_deviation(np.array([found]))[0] - deviation) == errors.min()


def test_noise_has_the_stationary_deviation_and_keys_of_its_own():
    net, _ = net_of(hs.LIF(tau_m=15.0, sigma=2.0), n=3)
    (process,) = program_of(net).processes
    factor = q.membrane_factor(process.dv)[0]
    stationary = q.noise_deviation(process.noise)[0] / np.sqrt(1 - factor**2) / process.scale[0]
    assert stationary == pytest.approx(2.0, rel=1e-4)
    assert process.model == PROGRAMMABLE
    # r of step k is a hash of noise_key ^ k: with that, k is the index of the house's keys.
    expected = keys(5, "cells/loihi2/noise", np.arange(3), 7)
    assert (mix(process.noise_key ^ np.uint64(7)) == expected).all()


# Against the float step


@SETTINGS
@given(
    st.floats(2.0, 100.0), st.floats(0.2, 3.0), st.sampled_from([0.1, 0.25, 1.0]), st.floats(0.02, 0.98), st.booleans()
)
def test_a_constant_current_leads_to_the_steady_state(tau_m, cm, dt, share, below):
    """The gain is compensated, so that only the bias's rounding and the truncation of v are left."""
    current = (-1 if below else 1) * share * 15.0 * cm / tau_m
    net, _ = net_of(hs.LIF(tau_m=tau_m, cm=cm, i_offset=current), dt=dt)
    (process,) = program_of(net).processes
    steps = int(14 * tau_m / dt)
    v = q.potentials(process, potentials_over(process, steps)[-1])[0]
    unit = 2.0**process.bias_exp / 2 + 1  # half a unit of the bias, and what truncation takes from v in a step
    bound = unit / (process.dv[0] / 4096) / process.scale[0]
    assert abs(v - (-65.0 + current * tau_m / cm)) <= bound + 15.0 * np.exp(-12)
    assert bound < 0.3


@SETTINGS
@given(st.floats(5.0, 60.0), st.floats(1.0, 30.0), st.floats(0.005, 0.6), st.sampled_from([0.25, 1.0]))
def test_regular_spikes_lead_to_the_mean_potential_of_the_float_step(tau_m, tau_s, share, dt):
    """A spike in every step: what rounded decays and an 8-bit weight do to the mean is undone, or predicted."""
    resistance, rho_s = tau_m, np.exp(-dt / tau_s)
    weight = share * 15.0 / resistance * (1 - rho_s)
    net, cells = net_of(hs.LIF(tau_m=tau_m, tau_syn_E=tau_s), dt=dt)
    net.add(hs.Projection(net.add(hs.SpikeInput([[dt]], name="in")), cells, hs.OneToOne(), weight=weight))
    lowered = lower(net)
    program = lower_program(lowered)
    (process,), (connection,) = program.processes, program.connections
    arriving = shifted(int(connection.weight[0]), connection.weight_exp)
    steps = int(14 * (tau_m + tau_s) / dt)
    v = potentials_over(process, steps, lambda step: arriving)[-1][0] / process.scale[0]
    population = lowered.populations[0]
    exact = float(population.k_exc[0] * weight / (1 - rho_s) / (1 - population.rho_m[0]))
    rounding = abs(arriving / 2.0**connection.weight_exp / (connection.scale[0] * weight) - 1)
    leak_u, leak_v = (process.du[0] + 1) / 4096, process.dv[0] / 4096
    truncation = (1 / leak_u + 1) / leak_v / process.scale[0]
    assert abs(v - exact) <= exact * rounding + truncation + 15.0 * np.exp(-11)
    assert truncation < 0.5


def shifted(value: int, exponent: int) -> int:
    return value << exponent if exponent >= 0 else value >> -exponent


def test_a_potential_follows_the_default_engine_between_spikes():
    """Given spikes, two receptors, a starting potential and current: within the errors of the time constants."""
    net, cells = net_of(hs.LIF(v_rest=-66.0, tau_syn_I=8.0), v=-60.0, i_exc=0.4)
    times = [[4.0, 5.0, 30.0], [12.0, 13.0, 40.0]]
    stim = net.add(hs.SpikeInput(times, name="in"))
    net.add(hs.Projection(stim[:1], cells, hs.AllToAll(), weight=0.7, delay=3.0))
    net.add(hs.Projection(stim[1:], cells, hs.AllToAll(), weight=0.9, delay=1.0, receptor="inhibitory"))
    net.record(cells, ("v", "i_exc", "i_inh"))
    reference = hs.run(net, 100.0, progress=False)
    program = program_of(net)
    (process,) = program.processes
    assert process.du_inh is not None
    sums = np.zeros((2, 100), np.int64)
    for connection in program.connections:
        for row, neuron_times in enumerate(times):
            for synapse in range(connection.row_ptr[row], connection.row_ptr[row + 1]):
                arrival = np.array(neuron_times, int) - 1 + 1 + int(connection.delay[0])
                sums[connection.receptor, arrival] += int(connection.weight[synapse]) << connection.weight_exp
    u, u_inh, v = (x.astype(np.int64) for x in (process.u_init, process.u_inh_init, process.v_init))
    seen = []
    for step in range(100):
        before = v
        u = decayed(u, process.du + 1) + 64 * sums[0, step]
        u_inh = decayed(u_inh, process.du_inh + 1) + 64 * sums[1, step]
        v = decayed(v, process.dv) + u + u_inh + (process.bias_mant << process.bias_exp)
        seen.append([q.potentials(process, before)[0], *(i[0] for i in q.currents(process, u, u_inh))])
    traces = reference.traces["cells"]
    expected = np.stack([traces[name].values[:, 0] for name in ("v", "i_exc", "i_inh")], axis=1)
    assert np.ptp(expected, axis=0).min() > 0.5
    assert (np.abs(np.array(seen) - expected).max(axis=0) < 0.006 * np.ptp(expected, axis=0)).all()


# Models, currents, connections


@pytest.mark.parametrize(
    ("cell", "model"),
    [
        ({}, LIF),
        ({"i_offset": hs.Uniform(0, 0.5)}, LIF),
        ({"tau_refrac": 2.0}, PROGRAMMABLE),
        ({"sigma": 1.0}, PROGRAMMABLE),
        ({"reset": "subtract"}, PROGRAMMABLE),
        ({"tau_m": hs.Uniform(10, 30)}, PROGRAMMABLE),
        ({"v_thresh": hs.Uniform(-52, -48)}, PROGRAMMABLE),
        ({"tau_m": np.full(4, 20.0)}, LIF),
    ],
)
def test_the_stock_model_is_used_where_it_suffices(cell, model):
    assert program_of(net_of(hs.LIF(**cell), n=4)[0]).processes[0].model == model


@pytest.mark.parametrize(("tau_inh", "recorded", "two"), [(5.0, False, False), (8.0, False, True), (5.0, True, True)])
def test_receptors_share_a_current_where_nobody_can_tell(tau_inh, recorded, two):
    net, cells = net_of(hs.LIF(tau_syn_I=tau_inh))
    stim = net.add(hs.SpikeInput([[1.0]], name="in"))
    for receptor in ("excitatory", "inhibitory"):
        net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=0.5, receptor=receptor, name=receptor))
    if recorded:
        net.record(cells, "i_inh")
    program = program_of(net)
    (process,) = program.processes
    assert (process.du_inh is not None) == two
    assert process.model == (PROGRAMMABLE if two else LIF)
    assert [c.receptor for c in program.connections] == [0, 1 if two else 0]
    assert [c.sign for c in program.connections] == [1, -1]
    assert program.connections[1].weight[0] < 0 < program.connections[0].weight[0]
    i_exc, i_inh = q.currents(process, *([np.array([700]), np.array([-300])] if two else [np.array([-300])]))
    assert i_inh[0] == pytest.approx(300 / -process.current_scale[1, 0])
    assert i_exc[0] == pytest.approx(700 / process.current_scale[0, 0] if two else 0.0)


def test_an_inhibitory_current_alone_takes_the_inhibitory_decay():
    net, cells = net_of(hs.LIF(tau_syn_I=0.0))
    stim = net.add(hs.SpikeInput([[1.0]], name="in"))
    net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=0.5, receptor="inhibitory"))
    (process,) = program_of(net).processes
    assert process.du.tolist() == [4095]
    assert process.current_scale[0, 0] == 0.0
    i_exc, i_inh = q.currents(process, np.array([-1000]))
    assert (i_exc[0], i_inh[0] > 0) == (0.0, True)


def test_a_starting_current_enters_the_first_step_undiminished():
    net, _ = net_of(i_exc=0.3)
    lowered = lower(net)
    (process,) = lower_program(lowered).processes
    v = potentials_over(process, 1)[0][0] / process.scale[0]
    assert v == pytest.approx(0.3 * lowered.populations[0].k_exc[0], rel=2e-3)  # of which 1.2e-3 are dv's


def test_synapses_between_the_same_neurons_lie_in_several_connections():
    net, cells = net_of(n=2)
    stim = net.add(hs.SpikeInput([[1.0], [2.0]], name="in"))
    pre, post, weight, delay = [0, 1, 0, 0, 1], [1, 0, 1, 0, 0], [0.1, 0.2, 0.3, 0.4, 0.5], [3.0, 1.0, 1.0, 2.0, 2.0]
    net.add(hs.Projection(stim, cells, hs.FromArrays(pre, post), weight=weight, delay=delay, name="twice"))
    lowered = lower(net)
    program = lower_program(lowered)
    assert [c.name for c in program.connections] == ["twice", "twice [2]"]
    found = []
    for c in program.connections:
        rows = np.repeat(np.arange(2), np.diff(c.row_ptr))
        assert len(set(zip(rows, c.target_index, strict=True))) == c.n_synapses
        delays = np.broadcast_to(c.delay, (c.n_synapses,))
        assert (lowered.projections[0].target_index[c.synapse] == c.target_index).all()
        found += list(zip(rows.tolist(), c.target_index.tolist(), np.round(c.weight / c.scale, 2), delays, strict=True))
    assert sorted(found) == sorted(zip(pre, post, weight, delay, strict=True))


def test_long_delays_from_an_input_are_those_of_late_copies():
    net, cells = net_of(n=3)
    stim = net.add(hs.SpikeInput([[1.0], [2.0], [3.0]], name="in"))
    net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=0.1, delay=np.array([63.0, 64.0, 200.0])))
    program = program_of(net)
    assert [(s.name, s.group, s.shift, s.copied) for s in program.sources] == [
        ("in", 1, 0, None), ("in +63", 2, 63, 1), ("in +189", 3, 189, 1),
    ]  # fmt: skip
    shift = {source.group: source.shift for source in program.sources}
    arrivals = {int(c.target_index[0]): int(c.delay[0]) + shift[c.source] for c in program.connections}
    assert arrivals == {0: 63, 1: 64, 2: 200}


def test_long_delays_between_neurons_are_clipped():
    net, cells = net_of(n=3)
    net.add(hs.Projection(cells, cells, hs.OneToOne(), weight=0.1, delay=np.array([1.0, 63.0, 200.0])))
    (connection,) = program_of(net).connections
    assert connection.delay.tolist() == [1, 63, 63]


def test_what_is_written_has_room_for_the_largest_weight_and_gain():
    net, cells = net_of(n=2)
    stim = net.add(hs.SpikeInput([[1.0]], name="in"))
    glia = net.add(hs.Astrocytes(1, hs.LeakyCalcium(alpha=0.9, U0=0.6), name="glia"))
    rule = hs.HMNRule(w_max=2.0)
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.1, plasticity=rule, astrocytes=glia, name="learned"))
    host, frozen = (program_of(net, learning=learning).connections[0] for learning in ("host", "frozen"))
    assert host.plastic
    assert frozen.plastic  # gains are written all the same
    for connection, most in ((host, 3.0), (frozen, 0.15)):
        assert 240 < most * connection.scale[0] < 255.5


def test_zero_weights_empty_projections_and_empty_populations():
    net, cells = net_of(n=2)
    nobody = net.add(hs.Population(0, hs.LIF(), name="nobody"))
    stim = net.add(hs.SpikeInput([[1.0], [2.0]], name="in"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.0, name="zero"))
    net.add(hs.Projection(stim, cells, hs.FromArrays([], []), weight=1.0, name="none"))
    net.add(hs.Projection(stim, nobody, hs.AllToAll(), weight=1.0, name="to nobody"))
    net.add(hs.Projection(nobody, cells, hs.AllToAll(), weight=1.0, name="from nobody"))
    program = program_of(net)
    assert [(p.name, p.size, p.model) for p in program.processes] == [("cells", 2, LIF), ("nobody", 0, LIF)]
    assert [(c.name, c.n_synapses, c.weight.any()) for c in program.connections] == [("zero", 4, False)]


@pytest.mark.parametrize("make", [*(case.make for case in CASES.values()), *range(30)])
def test_every_number_fits_its_width(make):
    lowered = lower(random_network(make) if isinstance(make, int) else make())
    for learning in ("host", "frozen"):
        program = lower_program(lowered, learning)
        for p in program.processes:
            for values, low, high in (
                (p.du, 0, 4095), (p.dv, 0, 4095), (p.vth, 0, 2**17 - 1), (p.bias_mant, -4095, 4095),
                (np.array([p.bias_exp]), 0, 7), (p.u_init, 1 - 2**23, 2**23 - 1), (p.v_init, 1 - 2**23, 2**23 - 1),
            ):  # fmt: skip
                assert values.dtype.kind == "i"
                assert ((low <= values) & (values <= high)).all()
        for c in program.connections:
            assert (np.abs(c.weight) <= 255).all()
            assert (c.sign * c.weight >= 0).all()
            assert ((c.delay >= 1) & (c.delay <= 63)).all()
            rows = np.repeat(np.arange(c.n_source), np.diff(c.row_ptr))
            places = rows * c.n_target + c.target_index
            assert (np.diff(places) > 0).all()
        for index, projection in enumerate(lowered.projections):
            listed = [c.synapse for c in program.connections if c.projection == index]
            assert sorted(np.concatenate([np.zeros(0, int), *listed])) == list(range(projection.n_synapses))
