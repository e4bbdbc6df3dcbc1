"""What is said before a run: sizes by hand, what is refused, and that nothing a network uses is passed over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hmn_snn.backends.spinnaker.findings import findings
from hmn_snn.models.digits import digits
from hmn_snn.models.hippocampus_cam import hippocampus_cam

import hmn_snn as hs
from hmn_snn.lowering import lower
from hmn_snn.translator import Finding, Severity, features_of
from neuromorphic_tests.backends.spinnaker.spinnaker_programs import net_with, settings_of
from neuromorphic_tests.conformance.cases import CASES
from neuromorphic_tests.networks import random_network

NATIVE, ALTERED, HOST, REJECTED = Severity.NATIVE, Severity.ALTERED, Severity.HOST, Severity.REJECTED
WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"learning": "blocks"},
    {"learning": "on_chip", "phase_gate": "coincidence", "delays": "shifted"},
    {"learning": "on_chip", "astrocytes": "slow_current", "poisson": "on_chip", "board": "spin3"},
)


def found(net: hs.Network, **options: Any) -> tuple[Finding, ...]:
    return findings(lower(net), settings_of(**options))


def one(net: hs.Network, what: str, where: str, **options: Any) -> Finding:
    (finding,) = (f for f in found(net, **options) if (f.what, f.where) == (what, where))
    return finding


def refused(net: hs.Network, **options: Any) -> dict[tuple[str, str], str]:
    return {(f.what, f.where): f.limit for f in found(net, **options) if f.severity is REJECTED}


def learning_net(cell: Any = None, n: int = 2, delay: float = 1.0, **rule: Any) -> hs.Network:
    """Return a network of given sources and n cells, with one rule between them."""
    net, cells = net_with(cell, n)
    source = net.add(hs.SpikeInput([[1.0]] * 3, name="in"))
    net.add(hs.Projection(source, cells, hs.AllToAll(), weight=0.5, delay=delay, plasticity=hs.HMNRule(**rule),
                          name="to"))  # fmt: skip
    return net


def releasing(**rule: Any) -> hs.Network:
    dopamine = hs.Modulator(releases=[(50.0, 1.0)], name="dopamine")
    net = learning_net(**{"modulators": [dopamine], "kappa_slow": 0.0, **rule})
    net.add(dopamine)
    return net


# Nothing is passed over


@pytest.mark.parametrize("options", WAYS)
@pytest.mark.parametrize("seed", range(15))
def test_every_feature_of_random_networks_is_told_of(seed, options):
    lowered = lower(random_network(seed))
    told = {(f.what, f.where) for f in findings(lowered, settings_of(**options))}
    assert {(name, feature) for feature, names in features_of(lowered).items() for name in names} <= told


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_feature_of_the_conformance_cases_is_told_of(name):
    lowered = lower(CASES[name].make())
    for options in WAYS:
        told = {(f.what, f.where) for f in findings(lowered, settings_of(**options))}
        assert {(owner, feature) for feature, names in features_of(lowered).items() for owner in names} <= told


def test_the_memory_is_the_chips_own():
    # What is altered is sized: the step that spikes arrive earlier, and short time constants held over a step.
    places = {f.where for f in found(hippocampus_cam(), learning="on_chip") if f.severity is not NATIVE}
    assert places <= {"arrival", "tau_syn_E", "tau_syn_I", "tau_m"}
    assert refused(hippocampus_cam(), learning="on_chip") == {}


def test_the_digits_learn_between_loads_only():
    assert refused(digits(), learning="blocks") == refused(digits()) == {}
    assert {where for _, where in refused(digits(), learning="on_chip")} >= {"local_attention", "gate_update"}


# Numbers


@pytest.mark.parametrize(("tau", "made"), [(1000.0, "1023.5"), (2000.0, "2047.5"), (20_000.0, "32768")])
def test_slow_membranes_as_recorded(tau, made):
    # 1/1000 is cut to 32/32768, exp of it to 32736/32768, and -1/ln(32736/32768) = 1023.5.
    net, _ = net_with(hs.LIF(tau_m=tau))
    finding = one(net, "cells", "tau_m")
    assert finding.severity is ALTERED
    assert finding.limit.startswith(f"{float(made):.5g}"[:4])
    assert finding.distortion == pytest.approx(abs(float(made) / tau - 1.0), rel=0.01)


def test_a_membrane_that_never_decays():
    net, _ = net_with(hs.LIF(tau_m=80_000.0))
    assert one(net, "cells", "tau_m").distortion == 1.0


def test_small_weights_become_zero():
    net, cells = net_with(n=2)
    source = net.add(hs.SpikeInput([[1.0]], name="in"))
    net.add(hs.Projection(source, cells, hs.AllToAll(), weight=[30.0, 1e-4], name="to"))
    # 60 nA are allowed for, shift 5 for one synapse of 30 nA: steps of 1/1024.
    finding = one(net, "to", "weights")
    assert (finding.severity, finding.distortion) == (ALTERED, 0.5)
    assert "50.00% become 0" in finding.limit


def test_currents_are_held():
    net, cells = net_with(hs.LIF(tau_m=20.0, tau_syn_E=1.0))
    source = net.add(hs.SpikeInput([[1.0]], name="in"))
    net.add(hs.Projection(source, cells, hs.AllToAll(), weight=0.1, name="to"))
    held = (1.0 - np.exp(-0.05)) * (1.0 - np.exp(-1.0))
    exact = np.exp(-0.05) * np.expm1(0.05 - 1.0) / (1.0 - 20.0)
    assert one(net, "cells", "tau_syn_E").distortion == pytest.approx(held / exact - 1.0)


def test_spikes_arrive_a_step_earlier_unless_shifted():
    net = learning_net(delay=4.0)
    assert one(net, "net", "arrival").distortion == pytest.approx(1.0 / 5.0)
    assert not [f for f in found(net, delays="shifted") if f.where == "arrival"]


def test_blocks_say_how_late_weights_are():
    net = learning_net(eta_l=1.0, tick=20.0)
    assert one(net, "to", "blocks", learning="blocks", block=100.0).distortion == pytest.approx(0.8)
    assert one(net, "to", "stdp", learning="blocks").severity is HOST
    assert one(net, "to", "stdp").severity is ALTERED


def test_axonal_delays_become_dendritic():
    finding = one(learning_net(delay=3.0, eta_l=1.0, eta_g=0.0), "to", "delay_kind", learning="on_chip")
    assert finding.distortion == pytest.approx(1.0 - np.exp(-6.0 / 16.8))


def test_dopamine_tells_of_its_losses():
    net = releasing(A_plus=0.1, A_minus=-0.1, tau_plus=10.0, tau_minus=30.0)
    assert one(net, "to", "A_minus", learning="on_chip").distortion == pytest.approx(0.75)
    # 15 fractional bits of C D, over 1 / (1/100 + 1/200) ms; a pairing and a release of 1 move 0.1 * 66.7 / 1000 nA.
    both = 1.0 / (1.0 / 100.0 + 1.0 / 200.0)
    finding = one(net, "to", "weight change", learning="on_chip")
    assert finding.distortion == pytest.approx(both * 2.0**-15 / (0.1 * both / 1000.0))


def test_history_is_lost_where_dopamine_is_frequent():
    slow = hs.Modulator(releases=[(10.0 * k, 1.0) for k in range(1, 100)], name="dopamine")
    net = learning_net(modulators=[slow], kappa_slow=0.0)
    net.add(slow)
    finding = one(net, "to", "history", learning="on_chip")
    assert finding.severity is NATIVE
    assert "dopamine at 100 Hz" in finding.found
    fast = hs.Modulator(releases=[(1.0 * k, 1.0) for k in range(1, 900)], name="dopamine")
    net = learning_net(modulators=[fast], kappa_slow=0.0)
    net.add(fast)
    assert one(net, "to", "history", learning="on_chip").severity is ALTERED


# What is refused


@pytest.mark.parametrize(
    ("cell", "where"),
    [(hs.LIF(reset="subtract"), "reset_subtract"), (hs.LIF(eta_bias=0.1), "homeostasis")],
)
def test_cells_that_are_refused(cell, where):
    net, _ = net_with(cell)
    assert list(refused(net)) == [("cells", where)]


def test_one_delta_receptor_beside_another_kind_is_refused():
    net, cells = net_with(hs.LIF(tau_syn_E=0.0))
    source = net.add(hs.SpikeInput([[1.0]], name="in"))
    net.add(hs.Projection(source, cells, hs.AllToAll(), weight=0.1, name="up"))
    assert refused(net) == {}
    net.add(hs.Projection(source, cells, hs.AllToAll(), weight=0.1, receptor="inhibitory", name="down"))
    assert list(refused(net)) == [("cells", "delta_synapses")]


def test_rhythms_that_move_are_refused_where_they_drive():
    net, cells = net_with()
    theta = net.add(hs.Oscillator(name="theta"))
    net.add(hs.OscillatorDrive(theta, cells, amplitude=0.1))
    assert refused(net) == {}
    net.add(hs.Entrainment(cells, theta))
    assert list(refused(net)) == [("cells", "oscillator_drive")]


@pytest.mark.parametrize(
    ("rule", "where"),
    [
        ({"attention": hs.LocalAttention()}, "local_attention"),
        ({"eta_l": 1.0}, "eta_l"),
        ({"pairing": "nearest"}, "nearest_pairing"),
        ({"w_max": np.inf}, "w_max"),
    ],
)
def test_rules_that_are_refused(rule, where):
    net = releasing(**rule)
    assert list(refused(net, learning="on_chip")) == [("to", where)]
    assert refused(net) == {}


def test_a_phase_gate_needs_to_be_asked_for():
    net = learning_net()
    theta = net.add(hs.Oscillator(name="theta"))
    dopamine = net.add(hs.Modulator(releases=[(50.0, 1.0)], name="dopamine"))
    rule = hs.HMNRule(modulators=[dopamine], gate=hs.PhaseGate(theta), kappa_slow=0.0)
    net.add(hs.Projection(net["in"], net["cells"], hs.AllToAll(), weight=0.1, plasticity=rule, name="gated"))
    net = net.replace(name="net")
    assert ("gated", "gate_update") in refused(net, learning="on_chip")
    assert ("gated", "gate_update") not in refused(net, learning="on_chip", phase_gate="coincidence")


def test_two_rules_onto_one_population_are_refused_by_both_names():
    net = learning_net(eta_l=1.0, eta_g=0.0)
    rule = hs.HMNRule(eta_l=1.0, eta_g=0.0, tau_plus=5.0)
    net.add(hs.Projection(net["in"], net["cells"], hs.AllToAll(), weight=0.1, plasticity=rule, name="other"))
    limits = refused(net, learning="on_chip")
    assert list(limits) == [("other", "rule")]
    assert "'to'" in limits["other", "rule"]
    assert "tau_plus" in one(net, "other", "rule", learning="on_chip").found


def test_tonic_levels_and_two_modulators_are_refused():
    tonic = hs.Modulator(tonic=0.5, name="tonic")
    net = learning_net(modulators=[tonic])
    net.add(tonic)
    assert list(refused(net, learning="on_chip")) == [("to", "modulators")]
    pair = [hs.Modulator(releases=[(9.0, 1.0)], name=f"m{k}") for k in range(2)]
    net = learning_net(modulators=pair)
    for modulator in pair:
        net.add(modulator)
    assert "use one" in refused(net, learning="on_chip")["to", "modulators"]


@pytest.mark.parametrize(
    ("cell", "accepted"),
    [(hs.LeakyCalcium(alpha=1.2), True), (hs.LeakyCalcium(), False), (hs.LeakyCalcium(alpha=1.2, a_Ad=1.0), False)],
)
def test_slow_currents_only_add(cell, accepted):
    net, cells = net_with()
    glia = net.add(hs.Astrocytes(1, cell, name="glia"))
    source = net.add(hs.SpikeInput([[1.0]], name="in"))
    net.add(hs.Projection(source, cells, hs.AllToAll(), weight=0.1, astrocytes=glia, name="to"))
    assert bool(refused(net, astrocytes="slow_current")) is not accepted
    bound = one(net, "to", "astrocytes").distortion
    assert bound == pytest.approx(1.0)


def test_no_board_is_large_enough():
    net, _ = net_with(n=256 * 70)
    assert refused(net) == {}
    assert list(refused(net, board="spin3")) == [("net", "placement (spin3)")]
