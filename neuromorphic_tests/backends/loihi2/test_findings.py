"""What is said before a run: sizes by hand, what is refused, and that nothing a network uses is passed over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hmn_snn.backends.loihi2.drive import drive_of, spike_probability
from hmn_snn.backends.loihi2.findings import findings
from hmn_snn.backends.loihi2.lowering import lower_program
from hmn_snn.models.digits import digits

import hmn_snn as hs
from hmn_snn.lowering import lower
from hmn_snn.translator import Finding, Severity, features_of
from neuromorphic_tests.conformance.cases import CASES
from neuromorphic_tests.networks import random_network

NATIVE, ALTERED, HOST, REJECTED = Severity.NATIVE, Severity.ALTERED, Severity.HOST, Severity.REJECTED
LEARNING = {"stdp", "modulators", "local_attention", "gate_update"}


def found(net: hs.Network, **options: Any) -> tuple[Finding, ...]:
    return findings(lower(net), **options)


def one(net: hs.Network, what: str, where: str, **options: Any) -> Finding:
    (finding,) = (f for f in found(net, **options) if (f.what, f.where) == (what, where))
    return finding


def severities(net: hs.Network, **options: Any) -> dict[tuple[str, str], Severity]:
    return {(f.what, f.where): f.severity for f in found(net, **options)}


def driven(cell: hs.LIF, weight: Any, n_in: int = 1, rate: float = 10.0, dt: float = 1.0, **projection: Any) -> Any:
    """Return a network of one neuron and Poisson inputs."""
    net = hs.Network("net", dt=dt, seed=1)
    stim = net.add(hs.PoissonInput(n_in, rate=rate, name="stim"))
    cells = net.add(hs.Population(1, cell, name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=weight, name="in", **projection))
    return net


# Whole networks


def test_the_digits_are_learned_with_the_hosts_help():
    by_place = severities(digits())
    assert REJECTED not in by_place.values()
    learned = {where for (what, where), s in by_place.items() if what == "pixels -> classes" and s is HOST}
    assert learned == LEARNING | {"astrocytes", "weight writes"}
    assert {place for place, s in by_place.items() if s is HOST} - {("pixels -> classes", w) for w in learned} == {
        ("pixels", "poisson_input")
    }
    altered = {place for place, severity in by_place.items() if severity is ALTERED}
    assert altered == {
        ("classes", "tau_m"), ("pixels -> classes", "weights"), ("pixels -> classes", "written weights"),
    }  # fmt: skip
    assert max(f.distortion or 0.0 for f in found(digits())) <= 0.1
    assert "refractory" in one(digits(), "classes", "lif").limit


def test_the_digits_need_no_host_to_learn_where_nothing_learns():
    by_place = severities(digits(), learning="frozen")
    for feature in LEARNING:
        assert by_place["pixels -> classes", feature] is ALTERED
    assert by_place["pixels -> classes", "astrocytes"] is HOST


@pytest.mark.parametrize("make", [*(case.make for case in CASES.values()), *range(20)])
def test_every_feature_has_a_finding(make):
    lowered = lower(random_network(make) if isinstance(make, int) else make())
    for learning in ("host", "frozen"):
        told = {(f.what, f.where) for f in findings(lowered, learning)}
        for feature, names in features_of(lowered).items():
            assert {(name, feature) for name in names} <= told
    for finding in findings(lowered):
        assert finding.distortion is None or 0.0 <= finding.distortion <= 1.0
        assert "nan" not in str(finding)


# Sizes


def test_the_error_of_a_time_constant_by_hand():
    finding = one(driven(hs.LIF(), 0.1), "cells", "tau_m")
    made = -1.0 / np.log(1.0 - 200 / 4096)
    assert finding.distortion == pytest.approx(1.0 - made / 20.0, rel=1e-9)
    assert finding.severity is ALTERED
    assert "19.98 ms (dv" in finding.limit
    assert one(driven(hs.LIF(), 0.1), "cells", "tau_syn_E").severity is NATIVE


def test_a_small_time_step_is_said_to_be_too_small():
    """The step that it names is large enough, a fifth of it need not be."""
    finding = one(driven(hs.LIF(tau_m=150.0), 0.1, dt=0.1), "cells", "tau_m")
    # 4096 (1 - exp(-0.1/150)) = 2.73 is rounded to 3.
    assert finding.distortion == pytest.approx(1 - (-0.1 / np.log(1 - 3 / 4096)) / 150.0)
    assert finding.severity is ALTERED
    assert "dt = 0.1 ms is too small" in finding.limit
    needed = float(finding.limit.split("from ")[1].split(" ms")[0])
    assert needed == pytest.approx(0.0123 * 150, rel=0.05)
    better = one(driven(hs.LIF(tau_m=150.0), 0.1, dt=needed, delay=needed), "cells", "tau_m")
    assert better.distortion is not None
    assert better.distortion < 0.0105
    assert "too small" not in one(driven(hs.LIF(), 0.1), "cells", "tau_m").limit


def test_a_leak_that_rounds_to_nothing_is_a_whole_error():
    finding = one(driven(hs.LIF(tau_m=2000.0), 0.1, dt=0.1), "cells", "tau_m")
    assert finding.distortion == 1.0
    assert "inf ms" in finding.limit


def test_the_digits_at_a_tenth_of_a_millisecond():
    by_place = severities(digits(dt=0.1))
    assert REJECTED not in by_place.values()
    finding = one(digits(dt=0.1), "classes", "tau_m")
    assert finding.distortion == pytest.approx(-0.1 / np.log(1 - 20 / 4096) / 20.0 - 1)


def test_weights_that_are_lost_are_counted():
    # The strongest decides the unit: at most 255 of them; the others are a thousandth of it.
    weights = np.array([[1.0]] + [[0.001]] * 3)
    finding = one(driven(hs.LIF(), weights, n_in=4), "cells", "lif")
    assert finding.severity is NATIVE
    finding = one(driven(hs.LIF(), weights, n_in=4), "in", "weights")
    assert "75.00% become 0" in finding.limit
    assert "100.00% at most" in finding.limit
    assert finding.distortion == pytest.approx(0.001 * np.sqrt(3), rel=0.05)


def test_the_error_of_weights_is_that_of_the_program():
    net = driven(hs.LIF(), hs.Uniform(0.01, 0.2), n_in=200)
    lowered = lower(net)
    (connection,) = lower_program(lowered).connections
    weights = lowered.projections[0].weights[connection.synapse]
    error = connection.weight / connection.scale - weights
    expected = np.sqrt((error**2).sum() / (weights**2).sum())
    assert one(net, "in", "weights").distortion == pytest.approx(expected, rel=1e-9)
    assert 0.0005 < expected < 0.01


def test_the_bias_is_met_within_what_is_said():
    finding = one(driven(hs.LIF(v_rest=-60.3), 0.1), "cells", "bias")
    assert finding.severity is NATIVE
    assert "rest is met within" in finding.limit
    net = driven(hs.LIF(), 0.1)
    net.add(hs.CurrentInput(net["cells"], hs.Steps([0, 5], [0.1, 0.2]), name="steps"))
    by_hand = one(net, "cells", "bias")
    assert by_hand.severity is HOST
    assert "steps of" in by_hand.limit


def test_noise_is_altered():
    by_place = severities(driven(hs.LIF(sigma=2.0), 0.1))
    assert by_place["cells", "membrane_noise"] is ALTERED
    assert one(driven(hs.LIF(sigma=2.0), 0.1), "cells", "sigma").distortion < 1e-4


# Range


def test_expected_sums_are_those_of_the_inputs():
    net = hs.Network("net", dt=2.0, seed=1)
    stim = net.add(hs.PoissonInput(3, rate=hs.Steps([0, 10], [[10, 20, 30], [50, 0, 0]]), name="stim"))
    given = net.add(hs.SpikeInput([[2.0, 8.0], [4.0]], name="given"))
    cells = net.add(hs.Population(2, hs.LIF(tau_syn_I=8.0), name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=np.arange(6.0).reshape(3, 2), delay=2.0, name="a"))
    net.add(hs.Projection(given, cells, hs.AllToAll(), weight=1.5, delay=2.0, receptor="inhibitory", name="b"))
    lowered = lower(net)
    assert spike_probability(lowered, 1).tolist() == [0.1, 0.04, 0.06]
    assert spike_probability(lowered, 2).tolist() == [0.5, 0.25]
    program = lower_program(lowered)
    a, b = program.connections
    drive = drive_of(lowered, program, program.processes[0])
    matrix, unit = a.weight.reshape(3, 2) * 2.0**a.weight_exp, 2.0**b.weight_exp
    p = np.array([0.1, 0.04, 0.06])
    assert drive.mean[0] == pytest.approx(p @ matrix)
    assert drive.variance[0] == pytest.approx((p * (1 - p)) @ matrix**2)
    assert drive.worst[0] == pytest.approx(matrix.sum(axis=0))
    assert drive.mean[1] == pytest.approx(0.75 * abs(int(b.weight[0])) * unit)


def test_a_quiet_network_stays_in_range():
    net = driven(hs.LIF(), 0.05, n_in=4)
    for where in ("sum of weights", "current"):
        assert one(net, "cells", where).severity is NATIVE
    assert ("cells", "v") not in severities(net)


def test_a_crowd_overflows_the_sum_of_a_step_and_the_current():
    # Each of 2000 inputs spikes in every fifth step and pushes by 1 mV: 400 mV in a step, where v's range is 30.
    net = driven(hs.LIF(), 1.0, n_in=2000, rate=200.0)
    total, current = one(net, "cells", "sum of weights"), one(net, "cells", "current")
    assert (total.severity, current.severity) == (ALTERED, ALTERED)
    program = lower_program(lower(net))
    weight = int(program.connections[0].weight[0]) << program.connections[0].weight_exp
    mean, deviation = 400 * weight, weight * np.sqrt(2000 * 0.2 * 0.8)
    assert total.distortion == pytest.approx(1 - 2**15 / (mean + 6 * deviation), rel=1e-9)
    assert "overflow" in total.limit
    assert "wrap around" in current.limit


def test_a_sum_that_is_only_possible_is_no_alteration():
    net = driven(hs.LIF(), 0.5, n_in=500, rate=1.0)
    finding = one(net, "cells", "sum of weights")
    assert int(finding.found.split("step: ")[1].split(" if")[0]) > 2**15
    assert (finding.severity, finding.distortion) == (NATIVE, None)


def test_inhibition_beyond_the_membrane_is_held():
    finding = one(driven(hs.LIF(), 0.1, n_in=500, rate=50.0, receptor="inhibitory"), "cells", "v")
    # 500 inputs at 50 Hz, 0.1 nA for 5 ms, 20 MOhm: 250 mV of inhibition on average.
    assert float(finding.found.split()[1]) == pytest.approx(250, rel=0.15)
    assert finding.distortion == pytest.approx(1 - 30 / 250, abs=0.1)


# Delays


def test_delays_beyond_the_chips_are_the_hosts_or_shortened():
    net = hs.Network("net", dt=1.0, seed=1)
    stim = net.add(hs.PoissonInput(4, rate=10.0, name="stim"))
    cells = net.add(hs.Population(4, hs.LIF(), name="cells"))
    delays = np.array([1.0, 63.0, 64.0, 126.0])
    net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=0.1, delay=delays, name="in"))
    net.add(hs.Projection(cells, cells, hs.OneToOne(), weight=0.1, delay=delays, name="loop"))
    assert one(net, "in", "delay").severity is HOST
    finding = one(net, "loop", "delay")
    assert (finding.severity, finding.distortion) == (ALTERED, 0.5)
    assert "50.00% are shortened to 63; use a dt at least 2 times as large" in finding.limit


def test_when_weights_are_written_alters_nothing():
    rule = hs.HMNRule(tick=50.0, eta_l=1.0)
    finding = one(driven(hs.LIF(), 0.1, delay=10.0, plasticity=rule), "in", "weight writes")
    assert (finding.severity, finding.found, finding.distortion) == (HOST, "every 50 steps", None)
    assert ("in", "weight writes") not in severities(driven(hs.LIF(), 0.1, plasticity=rule), learning="frozen")


def test_what_written_weights_are_off_by_is_that_of_their_rounding():
    net = driven(hs.LIF(), 0.1, plasticity=hs.HMNRule(eta_l=1.0))
    random, near = (one(net, "in", "written weights", rounding=r) for r in ("stochastic", "nearest"))
    assert (random.distortion, near.distortion) == (1 / 255, 0.5 / 255)
    assert "at random" in random.limit
    assert "to the nearest" in near.limit


# What the host writes before each step


def moving(**cell: Any) -> hs.Network:
    """Return a neuron that an oscillator drives."""
    net = driven(hs.LIF(**cell), 0.1)
    theta = net.add(hs.Oscillator(8.0, name="theta"))
    net.add(hs.OscillatorDrive(theta, net["cells"], 0.6, name="drive"))
    return net


def test_what_moves_at_every_step_is_the_hosts():
    by_place = severities(moving(eta_bias=0.1, target_rate=10.0))
    assert REJECTED not in by_place.values()
    for where in ("homeostasis", "oscillator_drive", "bias"):
        assert by_place["cells", where] is HOST
    finding = one(moving(), "cells", "oscillator_drive")
    assert "stops after every" in finding.limit


def test_a_bias_has_room_for_what_moves_it():
    (process,) = lower_program(lower(moving())).processes
    swing = process.bias_scale * 0.6
    assert 0.5 * 4095 < swing / 2**process.bias_exp <= 4095
    finding = one(moving(), "cells", "bias")
    assert finding.found == "oscillators"
    most = float(finding.limit.split("up to ")[1].split(" nA")[0])
    assert 0.6 <= most <= 1.3
    finding = one(driven(hs.LIF(eta_bias=0.1, target_rate=10.0), 0.1), "cells", "bias")
    assert finding.found == "homeostasis"
    # Room for two thresholds, of 15 mV, on either side of the reset.
    assert float(finding.limit.split(" and ")[1].split(" mV")[0]) >= 30.0


def test_a_potential_is_as_low_as_an_oscillator_drives_it():
    net = driven(hs.LIF(), 0.1)
    theta = net.add(hs.Oscillator(8.0, name="theta"))
    net.add(hs.OscillatorDrive(theta, net["cells"], 4.0, name="drive"))
    lowered = lower(net)
    program = lower_program(lowered)
    drive = drive_of(lowered, program, program.processes[0])
    # 4 nA through 20 MOhm, and 5 pulses of inhibition or excitation are not worth a millivolt.
    assert drive.lowest_potential / program.processes[0].scale[0] == pytest.approx(-80.0, rel=0.02)


# Refusals


def refusals(net: hs.Network, **options: Any) -> list[tuple[str, str]]:
    return [(f.what, f.where) for f in found(net, **options) if f.severity is REJECTED]


def test_phases_that_only_gate_are_the_hosts():
    net = driven(hs.LIF(), 0.1)
    theta = net.add(hs.Oscillator(8.0, size=2, coupling=1.0, name="theta"))
    net.add(hs.Entrainment(net["cells"], theta, 0.2, name="entrainment"))
    by_place = severities(net)
    assert by_place["entrainment", "entrainment"] is HOST
    assert by_place["theta", "oscillator_coupling"] is HOST
    assert refusals(net) == []


def test_weights_without_a_bound_are_refused_where_they_learn():
    net = driven(hs.LIF(), 0.1, plasticity=hs.HMNRule(w_max=float("inf"), eta_l=1.0))
    assert refusals(net) == [("in", "w_max")]
    assert refusals(net, learning="frozen") == []


def test_a_threshold_below_the_reset_is_refused():
    net = driven(hs.LIF(v_reset=-51.0, v_thresh=-50.0, sigma=20.0, noise_correction=True), 0.1)
    assert ("cells", "v_thresh") in refusals(net)


def test_a_network_that_no_core_holds_is_refused_by_the_budget_asked_for():
    net = driven(hs.LIF(), 0.01, n_in=5000)
    assert refusals(net) == []
    told = one(net, "net", "placement (conservative)")
    assert told.severity is NATIVE
    assert "one neuron needs 5,000 of a core's 4,096" in told.limit
    assert refusals(net, budget="conservative") == [("net", "placement (conservative)")]
    assert one(net, "net", "placement (headline)").found == "1 core of 1 chip"


# Models


def test_why_a_programmable_neuron_is_needed_is_said():
    cell = hs.LIF(tau_m=np.array([20.0]), tau_refrac=2.0, sigma=1.0, reset="subtract")
    limit = one(driven(cell, 0.1), "cells", "lif").limit
    for reason in ("refractory steps", "noise", "reset by subtraction", "Loihi 2"):
        assert reason in limit
    assert one(driven(hs.LIF(), 0.1), "cells", "lif").limit == "the chip's own LIF"
