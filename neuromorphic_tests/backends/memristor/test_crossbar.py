"""A network on crossbars: the same as the engine where nothing is in the way, and else what is in the way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hmn_snn.backends.memristor import presets
from hmn_snn.backends.memristor.attribution import attribution, causes, without
from hmn_snn.backends.memristor.circuit import Converter, Crossbar, Wires, solve
from hmn_snn.backends.memristor.energy import COSTS, energy
from hmn_snn.backends.memristor.hardware import SCHEMES, Hardware
from hmn_snn.backends.memristor.pulsed_devices import SoftBounds
from hmn_snn.backends.memristor.session import CrossbarSession
from hmn_snn.backends.memristor.written_devices import Ideal, Programmed

import hmn_snn as hs
from hmn_snn.errors import DescriptionError, RejectedError, SimulationError, UnknownNameError
from hmn_snn.lowering import lower
from hmn_snn.network import Network
from hmn_snn.registry import get
from hmn_snn.translator import Severity
from neuromorphic_tests.agreement import assert_same_run

DURATION = 200.0


def two_factor(apply: str = "always", seed: int = 1, w_max: float = 1.0) -> Network:
    """Plastic excitation from Poisson inputs, fixed inhibition of several delays."""
    net = hs.Network("two_factor", dt=0.1, seed=seed)
    stim = net.add(hs.PoissonInput(40, rate=60.0, name="stim"))
    cells = net.add(hs.Population(20, hs.LIF(), name="cells"))
    dopamine = net.add(hs.Modulator(tau=200.0, tonic=1.0, name="dopamine"))
    rule = hs.HMNRule(modulators=[dopamine], eta_g=2.0, tick=25.0, apply=apply, w_max=w_max)
    net.add(hs.Projection(stim, cells, hs.FixedProbability(0.5), weight=hs.Uniform(0.1, 0.5), delay=1.0,
                          plasticity=rule, name="learned"))  # fmt: skip
    net.add(hs.Projection(cells, cells, hs.FixedProbability(0.2), weight=hs.Uniform(0.05, 0.2),
                          delay=hs.Uniform(0.5, 2.0), receptor="inhibitory", name="fixed"))  # fmt: skip
    return net


def one_row(weights: list[float]) -> Network:
    """One input that spikes once, onto silent neurons whose currents are recorded."""
    net = hs.Network("one_row", dt=0.1)
    source = net.add(hs.SpikeInput([[1.0]], name="source"))
    cells = net.add(hs.Population(len(weights), hs.LIF(), name="cells"))
    net.add(hs.Projection(source, cells, hs.AllToAll(), weight=np.array([weights]), delay=0.1, name="row"))
    net.record(cells, "i_exc")
    return net


def session(net: Network, **options):
    return get("memristor").translate(lower(net), **options).start()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ideal_devices_give_the_engines_run(scheme):
    expected = hs.run(two_factor(), DURATION)
    results = hs.run(two_factor(), DURATION, backend="memristor", scheme=scheme)
    assert len(expected.spikes["cells"]) > 100
    assert_same_run(expected, results, 1e-9)


def test_ideal_tiles_do_not_change_anything():
    expected = hs.run(two_factor(), DURATION)
    assert_same_run(expected, hs.run(two_factor(), DURATION, backend="memristor", tile=7), 1e-9)


def test_every_spike_is_a_read_of_its_rows():
    results = hs.run(two_factor(), DURATION, backend="memristor")
    events, hardware = results.ledger.synaptic_events, results.ledger.hardware
    # a pair of devices per synapse
    assert hardware["devices read"] == {name: 2.0 * count for name, count in events.items()}
    assert sum(events.values()) > 1000
    assert hardware["rows read"]["learned"] <= results.ledger.spikes["stim"]


def test_every_applied_update_is_a_write():
    results = hs.run(two_factor(), DURATION, backend="memristor")
    assert results.ledger.hardware["pulses attempted"]["learned"] == results.ledger.updates_applied["learned"] > 0


def test_pieces_are_one_run_whatever_the_devices():
    options = {"device": "pcm", "clock": 10.0}
    whole = hs.run(two_factor(), 60.0, backend="memristor", **options)
    with hs.Simulation(two_factor(), backend="memristor", **options) as sim:
        first, *rest = (sim.run(length) for length in (7.3, 22.7, 0.1, 29.9))
    assert_same_run(whole, first.joined(*rest))


@pytest.mark.parametrize("device", ["ideal", "pcm", "reram_sb"])
def test_a_checkpoint_goes_on_bit_for_bit(device, tmp_path):
    options = {"device": device, "clock": 10.0, "learning": "stochastic pulses", "wires": "itrs_14nm"}
    with hs.Simulation(two_factor(), backend="memristor", **options) as sim:
        sim.run(33.3)
        sim.save(tmp_path / "state.h5")
        expected = sim.run(50.0)
    with hs.Simulation(two_factor(), backend="memristor", **options) as sim:
        sim.load(tmp_path / "state.h5")
        assert_same_run(expected, sim.run(50.0))


def test_weights_cannot_be_set_but_by_programming():
    with hs.Simulation(two_factor(), backend="memristor") as sim, pytest.raises(SimulationError, match="'learned'"):
        sim.set_weights("learned", 0.3)


# Devices


def test_weights_are_what_the_devices_conduct():
    run = session(two_factor(), device=Programmed(program_noise=(2.0,)), scheme="differential")
    array, weights = run.arrays[1], lower(two_factor()).projections[1].weight
    a, b = array.conductances()
    assert run.get_weights(1) == pytest.approx(array.layout.scale * (a - b))
    spread = np.std((run.get_weights(1) - weights) / array.layout.scale)
    assert spread == pytest.approx(2.0 * np.sqrt(2.0), rel=0.2)  # a and b, 2 uS each


def test_white_noise_adds_up_over_a_column():
    device = Ideal(read_noise=0.1)
    runs = [hs.run(one_row([0.4]).replace(seed=k), 2.0, backend="memristor", device=device) for k in range(300)]
    peaks = [run.traces["cells"]["i_exc"].values.max() for run in runs]
    scale = 0.4 / 95.0
    expected = scale * 0.1 * np.hypot(100.0, 5.0)  # of a device at g_max and its pair at g_min
    assert np.mean(peaks) == pytest.approx(0.4, abs=4 * expected / np.sqrt(300))
    assert np.std(peaks) == pytest.approx(expected, rel=0.15)


def test_drift_lowers_weights_with_time():
    fresh, old = (session(two_factor(), device="pcm", age=age).get_weights(1).mean() for age in (0.0, 86400.0))
    nu = 0.06
    assert old / fresh == pytest.approx((86400.0 / 20.0) ** -nu, rel=0.2)


def test_crossbars_are_brought_up_to_date_once_per_clock(monkeypatch):
    steps = []
    update = CrossbarSession._refresh

    def noted(self, j):
        steps.append((self.step, j))
        update(self, j)

    monkeypatch.setattr(CrossbarSession, "_refresh", noted)
    session(two_factor(), device="pcm", clock=1.0).run(35)
    assert steps == [(step, j) for step in (0, 10, 20, 30) for j in (0, 1)]


def test_programming_reports_what_did_not_converge():
    fine = session(two_factor(), device=SoftBounds(step=0.5)).programming["fixed"]
    assert (fine.unconverged, fine.largest_error <= 0.01) == (0, True)
    stuck = session(two_factor(), device=SoftBounds(step=0.5, stuck_lrs=0.2)).programming["fixed"]
    assert stuck.unconverged / stuck.devices == pytest.approx(0.2, abs=0.08)
    findings = hs.run(two_factor(), 1.0, backend="memristor", device=SoftBounds(step=0.5, stuck_lrs=0.2)).findings
    assert {f.what for f in findings if f.where == "programming"} == {"learned", "fixed"}
    starved = session(two_factor(), device=SoftBounds(step=0.5), pulse_budget=3).programming["fixed"]
    assert starved.pulses <= 3 * starved.devices
    assert starved.unconverged > 0


@pytest.mark.parametrize("learning", ["pulses", "stochastic pulses"])
def test_fine_pulses_learn_what_the_rule_says(learning):
    expected = hs.run(two_factor(), 50.0)
    device = SoftBounds(step=0.002, gamma_up=0.0, gamma_down=0.0)
    options = {"tolerance": 1e-4, "pulse_budget": 100_000, "longest_train": 10_000}
    results = hs.run(two_factor(), 50.0, backend="memristor", device=device, learning=learning, **options)
    change, wanted = (r.weights["learned"].values - r.weights["learned"].initial for r in (results, expected))
    assert np.abs(wanted).max() > 0.002
    assert np.corrcoef(change, wanted)[0, 1] > 0.95


def test_one_pulse_acts_with_the_probability_of_the_rule():
    device = SoftBounds(step=0.1)
    net = two_factor("probabilistic")
    results = hs.run(net, DURATION, backend="memristor", device=device, learning="one pulse")
    software = hs.run(two_factor("probabilistic"), DURATION)
    attempted = results.ledger.hardware["pulses attempted"]["learned"]
    succeeded = results.ledger.hardware["pulses succeeded"]["learned"]
    tried = software.ledger.updates_applied["learned"] + software.ledger.updates_rejected["learned"]
    assert attempted == pytest.approx(tried, rel=0.05)
    least, most = 1.5**2 * 100.0 * 5.0, 1.5**2 * 100.0 * 100.0  # fJ per pulse, at g_min and at g_max
    assert least * attempted < results.ledger.hardware["write energy [fJ]"]["learned"] < most * attempted
    assert succeeded / attempted == pytest.approx(software.ledger.updates_applied["learned"] / tried, abs=0.05)


# Wires and converters


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_exact_operator_is_the_circuits_solution(scheme):
    wires = Wires(20.0, 10.0)
    run = session(two_factor(), wires=wires, operator="exact", scheme=scheme, tile=16)
    array = run.arrays[1]
    weights = array.exact_weights()
    assert run.plane.weight[-weights.size :] == pytest.approx(weights.ravel())
    cells, row, G = array.tile_matrices()[0]
    voltages = np.zeros(len(G))
    voltages[row[0]] = 1.0
    currents = 1e6 * solve(Crossbar(G, wires), voltages, method="nodal").column_currents
    line, target = array.cell_line[cells[0]], array.cell_target[cells[0]]
    column = array.column_of(cells[:1])[0]
    other = {"differential": currents[column + 1], "offset": currents[0], "one-sided": array.layout.g_zero}[scheme]
    assert weights[line, target] == pytest.approx(array.layout.scale * (currents[column] - other), rel=1e-9)


def dense() -> Network:
    net = hs.Network("dense", dt=0.1, seed=1)
    stim = net.add(hs.PoissonInput(60, rate=10.0, name="stim"))
    cells = net.add(hs.Population(30, hs.LIF(), name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=hs.Uniform(0.0, 1.0), name="all"))
    return net


def test_gains_are_near_the_exact_operator():
    wires = Wires(2.0, 2.0)
    ideal, gains, exact = (
        session(dense(), **options).plane.weight
        for options in ({}, {"wires": wires}, {"wires": wires, "operator": "exact"})
    )
    error, loss = (np.sqrt(np.mean((weights - exact) ** 2)) for weights in (gains, ideal))
    assert loss > 0.01
    # Better for uniform tiles; here every second column, of the pairs, conducts almost nothing.
    assert error < 0.5 * loss


def test_a_converter_rounds_and_clips_the_sum_of_a_step():
    full = 0.2 * 95e-6  # A, of a device at g_max less g_min, at the read voltage
    converter = Converter(bits=2, low=0.0, high=0.5 * full)
    results = hs.run(one_row([0.4, 0.1, 0.02]), 2.0, backend="memristor", converter=converter)
    peaks = results.traces["cells"]["i_exc"].values.max(axis=0)
    assert peaks == pytest.approx([0.2, 2 * 0.2 / 3, 0.0])
    assert results.ledger.hardware["conversions"] == {"row": 3.0}


def test_kappa_is_reported_and_warned_of():
    findings = hs.check(two_factor(), "memristor", wires=Wires(1000.0, 1000.0), tile=64).findings
    wires = [f for f in findings if f.where == "wires"]
    assert {f.what for f in wires} == {"learned", "fixed"}
    assert all("smaller tiles" in f.limit and f.severity is Severity.ALTERED for f in wires)
    assert not [f for f in hs.check(two_factor(), "memristor").findings if f.where == "wires"]


# Energy


def test_energy_is_voltage_squared_times_conductance_times_time():
    results = hs.run(one_row([0.4, 0.2]), 2.0, backend="memristor", read_voltage=0.3, read_time=20.0)
    conductance = (100.0 + 5.0) + (5.0 + 0.5 * 95.0 + 5.0)  # pairs
    assert results.ledger.hardware["read energy [fJ]"]["row"] == pytest.approx(0.3**2 * 20.0 * conductance)


def test_the_energy_table_adds_up():
    results = hs.run(two_factor(), DURATION, backend="memristor", converter=Converter(8, 0.0, 1e-3))
    total = energy(results)
    assert total.typical["neurons"]["cells"] == results.ledger.neuron_updates["cells"] * COSTS["neuron"].typical
    assert sum(total.low.values()) < total.total < sum(total.high.values())
    assert sum(total.typical["devices written"].values()) > 0.0
    assert "communication" in str(total)
    with pytest.raises(DescriptionError, match="memristor"):
        energy(hs.run(two_factor(), 1.0))


# Attribution and refusals


def test_each_cause_is_taken_out_in_turn():
    device = dataclasses.replace(presets.get("pcm"), read_noise=0.02)
    table = attribution(two_factor(), 50.0, device=device, wires="itrs_14nm", score=lambda r: len(r.spikes["cells"]))
    names = [c.without for c in table.contributions]
    assert names == ["", *causes(Hardware(device=device, wires=Wires(1.06, 1.06)))]
    assert {"drift", "write_noise", "read_noise", "flicker", "wires"} <= set(names)
    assert table.contributions[0].weight_error > 0.0
    frozen = attribution(one_row([0.4, 0.1]), 5.0, device="pcm")
    assert frozen.contributions[0].weight_error > 0.0
    assert table.ideal_score == len(hs.run(two_factor(), 50.0).spikes["cells"])
    assert "write_noise" in str(table)


@pytest.mark.parametrize("device", presets.names())
def test_without_every_cause_a_device_is_ideal(device):
    hardware = Hardware(device=presets.get(device), wires=Wires(1.0, 1.0), converter=Converter(4))
    bare = without(hardware, *causes(hardware))
    assert causes(bare) == ()
    options = {item.name: getattr(bare, item.name) for item in dataclasses.fields(bare)}
    assert_same_run(hs.run(two_factor(), 30.0), hs.run(two_factor(), 30.0, backend="memristor", **options), 1e-9)


def test_the_options_are_the_hardwares_parameters():
    names = [item.name for item in dataclasses.fields(Hardware)]
    assert list(get("memristor").capabilities.options) == names


def test_what_cannot_be_is_rejected():
    with pytest.raises(RejectedError) as raised:
        hs.run(two_factor(w_max=float("inf")), 1.0, backend="memristor")
    assert [(f.what, f.where) for f in raised.value.findings] == [("learned", "w_max")]
    with pytest.raises(RejectedError) as raised:
        hs.run(two_factor(), 1.0, backend="memristor", learning="one pulse")
    assert [f.where for f in raised.value.findings] == ["learning", "apply"]


@pytest.mark.parametrize(
    ("options", "error", "named"),
    [
        ({"devise": "pcm"}, UnknownNameError, "devise"),
        ({"device": "unobtainium"}, UnknownNameError, "unobtainium"),
        ({"scheme": "triple"}, DescriptionError, "scheme"),
        ({"tile": 1}, DescriptionError, "tile"),
        ({"clock": 0.0}, DescriptionError, "clock"),
        ({"wires": Wires(1.0, 1.0, floating_rows=True)}, DescriptionError, "floating"),
        ({"read_voltage": float("nan")}, DescriptionError, "read_voltage"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(options, error, named):
    with pytest.raises(error, match=named):
        hs.run(two_factor(), 1.0, backend="memristor", **options)
