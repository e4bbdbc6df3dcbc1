"""Programs of known networks, number by number; what chosen numbers make of the chip's step; learning on the chip."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hmn_snn.backends.spinnaker import dopamine, learning
from hmn_snn.backends.spinnaker.findings import held_current_error
from hmn_snn.backends.spinnaker.lowering import charge, lower_program, noise_current
from hmn_snn.backends.spinnaker.program import IF_CURR_DELTA, IF_CURR_DUAL_EXP, IF_CURR_EXP, SpinnakerProgram
from hmn_snn.models.hippocampus_cam import hippocampus_cam
from hypothesis import given, settings
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn.learning import LearningState, advance
from hmn_snn.lowering import lower
from neuromorphic_tests.backends.spinnaker.spinnaker_programs import net_with, program_of, settings_of
from neuromorphic_tests.networks import random_network

FEW, MANY = settings(max_examples=5, deadline=None), settings(max_examples=30, deadline=None)


def given_into(cells: Any, net: hs.Network, n: int = 1, **projection: Any) -> Any:
    """Connect n given sources to cells, all to all."""
    source = net.add(hs.SpikeInput([[1.0]] * n, name="in"))
    given_here = {"connector": hs.AllToAll(), "weight": 0.5, "name": "to", **projection}
    return net.add(hs.Projection(source, cells, **given_here))


def one_cell(program: SpinnakerProgram) -> Any:
    return program.cells[0]


# Cells


def test_parameters_are_pynns():
    cell = hs.LIF(tau_m=10.0, cm=0.2, v_rest=-60.0, v_reset=-70.0, v_thresh=-40.0, tau_refrac=2.0, tau_syn_E=3.0,
                  tau_syn_I=4.0, i_offset=0.3)  # fmt: skip
    net, cells = net_with(cell, 3, v=-55.0)
    net.add(hs.CurrentInput(cells[1:], hs.Steps([0.0, 7.0], [0.1, 0.2]), name="pulse"))
    c = one_cell(program_of(net))
    assert (c.celltype, c.size, c.neurons_per_core, c.shifts) == (IF_CURR_EXP, 3, 256, (0, 0))
    assert {name: values.tolist() for name, values in c.parameters.items()} == {
        "tau_m": [10.0], "cm": [0.2], "v_rest": [-60.0], "v_reset": [-70.0], "v_thresh": [-40.0], "tau_refrac": [2.0],
        "tau_syn_E": [3.0], "tau_syn_I": [4.0], "i_offset": [0.3],
    }  # fmt: skip
    assert {name: values.tolist() for name, values in c.initial.items()} == {"v": [-55.0]}
    (current,) = c.currents
    assert (current.indices.tolist(), current.steps.tolist(), current.amplitudes.ravel().tolist()) == (
        [1, 2], [0, 7], [0.1, 0.2],
    )  # fmt: skip


def test_parameters_of_each_neuron_and_the_noise_correction():
    net, _ = net_with(hs.LIF(tau_m=[10.0, 20.0], sigma=2.0, noise_correction=True), 2)
    c = one_cell(program_of(net))
    assert c.parameters["tau_m"].tolist() == [10.0, 20.0]
    lowered = -50.0 - 0.5825971579390107 * 2.0 * np.sqrt(2.0 / np.array([10.0, 20.0]))
    np.testing.assert_allclose(c.parameters["v_thresh"], lowered)


def test_initial_currents_carry_their_charge():
    net, _ = net_with(hs.LIF(tau_syn_E=2.0), i_exc=0.5)
    assert one_cell(program_of(net)).initial["isyn_exc"][0] == pytest.approx(0.5 * 2.0 * (1.0 - np.exp(-0.5)))


@MANY
@given(st.floats(0.05, 50.0), st.floats(0.5, 100.0), st.sampled_from([0.1, 1.0]))
def test_held_currents_are_too_large_by_one_factor(tau_s, tau_m, dt):
    """A postsynaptic potential of the chip's step over the exact one, at every step."""
    net, _ = net_with(hs.LIF(tau_syn_E=tau_s, tau_m=tau_m), dt=dt)
    p = lower(net).populations[0]
    exact = held = np.zeros(1)
    i_exact, i_held = np.ones(1), charge(p, dt, 0)
    factor = 1.0 + held_current_error(p, dt, 0)[0]
    for _ in range(20):
        exact = exact * p.rho_m + p.k_exc * i_exact
        held = p.resistance * i_held + (held - p.resistance * i_held) * p.rho_m
        i_exact, i_held = i_exact * p.rho_exc, i_held * p.rho_exc
        assert held[0] == pytest.approx(factor * exact[0], rel=1e-9)


@MANY
@given(st.floats(0.5, 100.0), st.floats(0.05, 5.0), st.sampled_from([0.1, 1.0]), st.floats(0.1, 20.0))
def test_a_delta_synapse_moves_the_potential_by_its_weight(tau_m, cm, dt, weight):
    net, cells = net_with(hs.LIF(tau_m=tau_m, cm=cm, tau_syn_E=0.0, tau_syn_I=0.0, i_offset=0.2), dt=dt)
    given_into(cells, net, weight=weight)
    c, p = one_cell(program_of(net)), lower(net).populations[0]
    assert c.celltype == IF_CURR_DELTA
    assert "tau_syn_E" not in c.parameters
    # The chip: v = v_inf + (v - v_inf) rho with R (i_offset + w / dt), R = tau_m / cm.
    resistance, rho = tau_m / c.parameters["cm"][0], p.rho_m[0]
    assert resistance * (1.0 - rho) * weight / dt == pytest.approx(rho * weight, rel=1e-12)
    assert resistance * c.parameters["i_offset"][0] == pytest.approx(tau_m / cm * 0.2, rel=1e-12)
    assert c.current_scale[0] == pytest.approx(c.parameters["cm"][0] / cm)


@MANY
@given(st.floats(1.0, 100.0), st.floats(0.1, 5.0), st.sampled_from([0.1, 1.0]))
def test_noise_has_the_stationary_deviation(tau_m, sigma, dt):
    net, _ = net_with(hs.LIF(tau_m=tau_m, sigma=sigma), dt=dt)
    p = lower(net).populations[0]
    moved = p.resistance * (1.0 - p.rho_m) * noise_current(p)
    assert float(moved[0] / np.sqrt(1.0 - p.rho_m[0] ** 2)) == pytest.approx(sigma, rel=1e-9)


def test_a_rhythm_is_an_alternating_current():
    net, cells = net_with(n=2)
    theta = net.add(hs.Oscillator(frequency=8.0, phase=0.3, name="theta"))
    net.add(hs.OscillatorDrive(theta, cells, amplitude=0.4, phase=[0.0, 1.0]))
    (sine,) = one_cell(program_of(net)).sines
    t = np.arange(0.0, 300.0, 7.0)[:, None]
    made = sine.amplitude * np.sin(2.0 * np.pi * sine.frequency * t / 1000.0 + np.radians(sine.phase))
    driven = 0.4 * np.cos(2.0 * np.pi * 8.0 * t / 1000.0 + 0.3 - np.array([0.0, 1.0]))
    np.testing.assert_allclose(made, driven, atol=1e-12)


# Sources and synapses


def test_synapses_and_delays():
    net, cells = net_with(n=3)
    given_into(cells, net, 2, delay=2.0, weight=0.25, receptor="inhibitory")
    (s,) = program_of(net).synapses
    assert (s.name, s.source, s.target, s.receptor, s.stdp) == ("to", "in", "cells", "inhibitory", None)
    assert list(zip(s.pre.tolist(), s.post.tolist(), strict=True)) == [(i, j) for i in range(2) for j in range(3)]
    assert set(s.weight.tolist()) == {0.25}
    assert set(s.delay.tolist()) == {2}
    (later,) = program_of(net, delays="shifted").synapses
    assert set(later.delay.tolist()) == {3}


def test_poisson_inputs_are_given_or_drawn_by_the_chip():
    net, _ = net_with()
    net.add(hs.PoissonInput(4, rate=hs.Steps([0.0, 50.0], [10.0, 20.0]), name="noise"))
    (told,) = program_of(net).sources
    assert not told.poisson
    (drawn,) = program_of(net, poisson="on_chip").sources
    assert drawn.poisson
    assert (drawn.rate_steps.tolist(), drawn.rates.ravel().tolist()) == ([0, 50], [10.0, 20.0])


def test_rates_of_inputs_count_in_the_ring_buffers():
    net, cells = net_with()
    fast = net.add(hs.PoissonInput(1000, rate=400.0, name="fast"))
    net.add(hs.Projection(fast, cells, hs.AllToAll(), weight=0.1, delay=hs.Uniform(1.0, 9.0), name="to"))
    # 400 arrivals in a step, 20 their deviation.
    assert one_cell(program_of(net)).max_weights[0] == pytest.approx(0.1 * (400.0 + 5.0 * 20.0))


def test_learning_leaves_room_in_the_ring_buffers():
    net, cells = net_with()
    given_into(cells, net, 3, weight=0.1, plasticity=hs.HMNRule(eta_l=1.0, w_max=2.0))
    assert one_cell(program_of(net)).max_weights[0] == pytest.approx(0.3)
    assert one_cell(program_of(net, learning="blocks")).max_weights[0] == pytest.approx(6.0)


@pytest.mark.parametrize(("dt", "asked", "factor"), [(1.0, None, 1.0), (0.1, None, 10.0), (0.1, 3.0, 3.0)])
def test_a_timestep_takes_a_millisecond_at_least(dt, asked, factor):
    net, _ = net_with(dt=dt)
    assert program_of(net, time_scale_factor=asked).time_scale_factor == pytest.approx(factor)


def test_ten_million_synapses_in_seconds():
    net, cells = net_with(n=10_000)
    net.add(hs.Projection(cells, cells, hs.FixedProbability(0.1), weight=0.01, name="own"))
    lowered = lower(net)
    begin = time.process_time()
    program = lower_program(lowered, settings_of())
    assert len(program.synapses[0].post) > 9_900_000
    assert time.process_time() - begin < 10.0


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("options", [{}, {"learning": "blocks"}, {"learning": "on_chip", "phase_gate": "coincidence"}])
def test_every_network_has_a_program(seed, options):
    lowered = lower(random_network(seed))
    program = lower_program(lowered, settings_of(**options, astrocytes="slow_current"))
    assert [c.name for c in program.cells][: len(lowered.populations)] == [p.name for p in lowered.populations]
    assert [s.name for s in program.sources][: len(lowered.inputs)] == [s.name for s in lowered.inputs]
    assert [s.name for s in program.synapses][: len(lowered.projections)] == [p.name for p in lowered.projections]
    assert len(program.index) == len(program.cells) + len(program.sources)


# Learning on the chip


def test_the_memorys_rule_is_pair_stdp():
    program = program_of(hippocampus_cam(), learning="on_chip")
    learned = {s.name: s.stdp for s in program.synapses if s.stdp is not None}
    assert len(learned) == 2
    for stdp in learned.values():
        assert (stdp.A_plus, stdp.A_minus) == (pytest.approx(6.0, rel=1e-15), pytest.approx(6.0, rel=1e-15))
        assert (stdp.tau_plus, stdp.tau_minus, stdp.w_min, stdp.w_max, stdp.gated) == (3.0, 3.0, 0.0, 6.0, False)


@FEW
@given(st.floats(0.5, 50.0), st.floats(50.0, 2000.0), st.floats(0.0, 1.0), st.floats(0.1, 10.0))
def test_a_pairings_change_is_the_rules_in_the_end(tau_fast, tau_slow, kappa_slow, eta):
    """One pairing, and the reference's update summed until nothing is left of its eligibility."""
    rule = hs.HMNRule(A_plus=0.5, A_minus=-0.2, tau_fast=tau_fast, tau_slow=tau_slow, kappa_slow=kappa_slow, eta_l=eta,
                      eta_g=0.0, tick=30_000.0, w_max=1e9, tie="ltd")  # fmt: skip
    net, cells = net_with()
    given_into(cells, net, weight=0.0, plasticity=rule)
    lowered = lower(net)
    projection, n = lowered.projections[0], 30_000
    pre, post = np.zeros((n, 1), bool), np.zeros((n, 1), bool)
    pre[0] = post[1 + 4] = True  # the arrival is a step later: a pair 4 ms apart
    update = advance(projection, 1.0, 1, LearningState.initial(projection), np.zeros(1), pre[:3000], post[:3000],
                     np.zeros(3000))  # fmt: skip
    left = np.exp(-2994.0 / np.array([tau_fast, tau_slow])) * [1.0 - kappa_slow, kappa_slow]
    assert projection.plasticity is not None
    change = learning.change_per_pairing(projection.plasticity, 1.0) * 0.5 * np.exp(-4.0 / rule.tau_plus)
    assert update.state.pending[0] == pytest.approx(change, rel=1e-6 + 2.0 * float(left.sum()) * tau_slow)


def dopamine_net(**rule: Any) -> tuple[hs.Network, Any]:
    net, cells = net_with(n=4)
    dopamine = net.add(hs.Modulator(tau=200.0, releases=[(50.0, 0.5), (90.0, 2.0), (150.0, 0.5)], name="dopamine"))
    given_rule = {"A_plus": 0.1, "A_minus": -0.05, "tau_fast": 500.0, "kappa_slow": 0.0, "eta_g": 3.0, **rule}
    given_into(cells, net, 3, plasticity=hs.HMNRule(modulators=[dopamine], **given_rule))
    return net, cells


def test_dopamine_is_a_source_for_each_amount():
    program = program_of(dopamine_net()[0], learning="on_chip")
    assert {s.name: s.steps.tolist() for s in program.sources[1:]} == {"dopamine +0.5": [48, 148], "dopamine +2": [88]}
    assert {(n.source, n.target, n.sign) for n in program.neuromodulation} == {
        ("dopamine +0.5", "cells", "reward"), ("dopamine +2", "cells", "reward"),
    }  # fmt: skip
    stdp = program.synapses[0].stdp
    assert stdp.gated
    for n in program.neuromodulation:
        amount = float(n.source.split()[1])
        assert (n.tau_c, n.tau_d, n.w_min, n.w_max) == (500.0, 200.0, 0.0, 1.0)
        # What the chip integrates per ms is the rule's per second: A eta_g E / 1000.
        assert stdp.A_plus * n.weight == pytest.approx(0.1 * 3.0 * amount / 1000.0)
        assert stdp.A_minus * n.weight == pytest.approx(0.05 * 3.0 * amount / 1000.0)
    assert (stdp.w_min, stdp.w_max) == (0.0, 2.0 ** program.cells[0].shifts[0])


def test_gated_change_of_one_pairing_is_the_rules():
    """Eligibility, dopamine and weight integrated as the chip does in a float, and as the reference does."""
    net, _ = dopamine_net(tick=1000.0, A_minus=0.0)
    lowered = lower(net)
    program = lower_program(lowered, settings_of(learning="on_chip"))
    stdp, projection = program.synapses[0].stdp, lowered.projections[0]
    n = 900
    pre, post = np.zeros((n, 3), bool), np.zeros((n, 4), bool)
    pre[10, 0] = post[20, 0] = True
    level, G = 0.0, np.zeros(n)
    modulator = lowered.modulators[0]
    for k in range(n):
        level = (level + modulator.release_amounts[modulator.release_steps == k].sum()) * modulator.rho
        G[k] = level
    update = advance(projection, 1.0, 1, LearningState.initial(projection), np.zeros(12), pre, post, G)
    # The pairing is at the end of step 20; a release at t = k ms acts from there on.
    C = stdp.A_plus * np.exp(-9.0 / stdp.tau_plus)
    t = np.arange(21.0, n + 0.01, 0.01)
    D = sum(
        n_.weight * np.exp(-(t - 2.0 - s) / n_.tau_d) * (t >= s + 2.0)
        for n_ in program.neuromodulation
        for source in program.sources
        if source.name == n_.source
        for s in source.steps
    )
    change = (C * np.exp(-(t - 21.0) / 500.0) * D).sum() * 0.01
    assert change == pytest.approx(float(update.state.pending[0]), rel=0.01)
    assert change > 0.01


def test_punishment_and_a_negative_rate():
    net, _ = dopamine_net(eta_g=-3.0)
    assert {n.sign for n in program_of(net, learning="on_chip").neuromodulation} == {"punishment"}


def test_both_parts_of_dopamine_fit():
    for strength in (1e-4, 1.0, 1e3):
        program = program_of(dopamine_net(eta_g=strength)[0], learning="on_chip")
        stdp = program.synapses[0].stdp
        assert 0.0 < stdp.A_plus <= stdp.w_max / dopamine.PAIRINGS * (1.0 + 1e-12)
        if strength <= 1.0:
            assert sum(n.weight for n in program.neuromodulation) < 2 ** (15 - dopamine.FIXED_BITS)


def test_without_releases_weights_stay():
    net, cells = net_with()
    quiet = net.add(hs.Modulator(name="quiet"))
    given_into(cells, net, plasticity=hs.HMNRule(modulators=[quiet]))
    program = program_of(net, learning="on_chip")
    assert program.synapses[0].stdp is None
    assert program.neuromodulation == ()


def test_thinned_releases_are_the_same_draws_every_time():
    options = {"apply": "probabilistic", "theta_p": 0.005}
    one, two = (program_of(dopamine_net(**options)[0], learning="on_chip") for _ in range(2))
    assert {s.name: s.steps.tolist() for s in one.sources} == {s.name: s.steps.tolist() for s in two.sources}
    never = program_of(dopamine_net(apply="probabilistic", theta_p=10.0)[0], learning="on_chip")
    assert never.neuromodulation == ()


# Extra cells


def test_a_phase_gate_is_a_coincidence():
    net, cells = net_with(n=2)
    theta = net.add(hs.Oscillator(frequency=8.0, name="theta"))
    dopamine = net.add(hs.Modulator(releases=[(50.0, 1.0)], name="dopamine"))
    rule = hs.HMNRule(modulators=[dopamine], gate=hs.PhaseGate(theta), kappa_slow=0.0)
    given_into(cells, net, 2, plasticity=rule)
    program = program_of(net, learning="on_chip", phase_gate="coincidence")
    rhythm, gate = program.cells[1:]
    (heard,) = program.neuromodulation
    assert (rhythm.celltype, gate.celltype) == (IF_CURR_EXP, IF_CURR_DUAL_EXP)
    assert heard.source == gate.name
    assert heard.tau_d == pytest.approx(125.0 / 8.0)
    assert {(s.source, s.target, s.receptor) for s in program.synapses[1:]} == {
        ("dopamine +1", gate.name, "excitatory"), (rhythm.name, gate.name, "excitatory2"),
    }  # fmt: skip
    assert all(shift > 0 or bound < 1.0 for shift, bound in zip(gate.shifts, gate.max_weights, strict=True))


def test_slow_cells_stand_for_astrocytes():
    net, cells = net_with(n=4)
    glia = net.add(hs.Astrocytes(2, hs.LeakyCalcium(alpha=1.2, U0=0.6), name="glia"))
    given_into(cells, net, 3, astrocytes=glia)
    program = program_of(net, astrocytes="slow_current")
    slow = program.cells[1]
    assert (program.cells[0].celltype, slow.name, slow.size) == (IF_CURR_DUAL_EXP, "glia", 2)
    assert program.cells[0].parameters["tau_syn_E2"].tolist() == [10_000.0]
    heard, sent = program.synapses[1:]
    # Each of 2 territories has 3 x 2 synapses: a source reaches each through 2 of its 6, of 20 mV for calcium of 1.
    np.testing.assert_allclose(heard.weight, 20.0 * 2.0 / 6.0)
    # A gain of 2 adds the mean current of 3 synapses of 0.5 nA at 10 Hz over 5 ms, kept up by spikes every 100 ms.
    np.testing.assert_allclose(sent.weight, 3 * 0.5 * 0.01 * 5.0 * 100.0 / 10_000.0)
    assert (sent.receptor, sorted(zip(sent.pre.tolist(), sent.post.tolist(), strict=True))) == (
        "excitatory2", [(0, 0), (0, 1), (1, 2), (1, 3)],
    )  # fmt: skip
