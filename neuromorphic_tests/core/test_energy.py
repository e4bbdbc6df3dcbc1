"""Energy: hand-computed for one small network on every device, additive, ordered, and honest about what is missing."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn.cli_energy import add_energy
from hmn_snn.costs import cost_table, devices
from hmn_snn.energies import DEVICE, HOST, energy
from hmn_snn.energy_summary import devices_table
from hmn_snn.errors import DescriptionError, UnknownNameError
from hmn_snn.intervals import ZERO, Interval
from hmn_snn.ledger import Ledger
from hmn_snn.recorded import Spikes
from hmn_snn.translator import Finding, Severity
from neuromorphic_tests.core.made_results import STAMP, bare_results

STEPS = 100  # of 1 ms


def network() -> hs.Network:
    """Return two inputs, of which the first spikes 3 times, all to all on 4 neurons that stay silent."""
    net = hs.Network("small", dt=1.0, seed=1)
    stim = net.add(hs.SpikeInput([[10.0, 20.0, 30.0], []], name="stim"))
    exc = net.add(hs.Population(4, hs.LIF(), name="exc"))
    net.add(hs.Projection(stim, exc, hs.AllToAll(), weight=0.01, delay=1.0, name="stim->exc"))
    return net


@pytest.fixture(scope="module")
def small():
    """Return a run of the small network: 3 spikes, 12 events, 400 neuron updates."""
    results = hs.run(network(), float(STEPS))
    ledger = results.ledger
    assert [ledger.total(name) for name in ("spikes", "synaptic_events", "neuron_updates")] == [3, 12, 4 * STEPS]
    return results


def learned(**changes):
    """Return results made by hand, with a learning and a tripartite projection."""
    ledger = Ledger(
        spikes={"a": 10}, neuron_updates={"a": 1000}, synaptic_events={"a->a": 50}, pairings={"a->a": 20},
        ticks={"a->a": 2}, updates_applied={"a->a": 7}, updates_rejected={"a->a": 3}, astrocyte_updates={"glia": 5},
        astrocyte_releases={"glia": 1}, hardware=changes.pop("hardware", {}),
    )  # fmt: skip
    stamp = replace(STAMP, **changes.pop("stamp", {}))
    spikes = {"a": Spikes(np.arange(1.0, 11.0), np.zeros(10, int), 100)}
    return bare_results(1.0, spikes=spikes, ledger=ledger, provenance=stamp, **changes)


# Hand-computed: (low, value, high) of the device's operations [J], and of the system column

PJ, NJ, UJ = 1e-12, 1e-9, 1e-6
BY_HAND = {
    "cpu": (12 * 0.9 * NJ + 400 * 0.9 * NJ, 12 * 8.6 * NJ + 400 * 68.8 * NJ, 12 * 11.2 * NJ + 400 * 89.6 * NJ),
    "gpu": (12 * 0.3 * NJ + 400 * 0.3 * NJ, 12 * 0.3 * NJ + 400 * 2.4 * NJ, 12 * 0.3 * NJ + 400 * 2.4 * NJ),
    "arm": (12 * 0.89 * NJ + 400 * 0.89 * NJ, 12 * 1.58 * NJ + 400 * 12.64 * NJ, 12 * 2.0 * NJ + 400 * 16.0 * NJ),
    "loihi1": (
        12 * 23.6 * PJ + 400 * 52 * PJ + 3 * 1.7 * PJ,
        12 * 23.6 * PJ + 400 * 81 * PJ + 3 * 5.2 * PJ,
        12 * 35.5 * PJ + 400 * 81 * PJ + 3 * 34.7 * PJ,
    ),
    "loihi2": (
        12 * 6.8 * PJ + 400 * 52 * PJ + 3 * 1.7 * PJ,
        12 * 23.6 * PJ + 400 * 81 * PJ + 3 * 5.2 * PJ,
        12 * 35.5 * PJ + 400 * 81 * PJ + 3 * 34.7 * PJ,
    ),
    "spinnaker1": (
        12 * 13.3 * NJ + 400 * 26 * NJ + 3 * 1 * NJ,
        12 * 13.3 * NJ + 400 * 26 * NJ + 3 * 1 * NJ,
        12 * 43.0 * NJ + 400 * 100 * NJ + 3 * 8 * NJ,
    ),
    "spinnaker2": (12 * 10 * PJ + 400 * 2.19 * NJ, 12 * 450 * PJ + 400 * 2.19 * NJ, 12 * 450 * PJ + 400 * 2.19 * NJ),
}
SYSTEM_BY_HAND = {
    "cpu": (12 * 0.33 * UJ, 12 * 0.33 * UJ, 12 * 9.941 * UJ),
    "gpu": (12 * 0.074 * UJ, 12 * 0.104 * UJ, 12 * 0.47 * UJ),
    "arm": None,
    "loihi1": None,
    "loihi2": (12 * 6.8 * PJ, 12 * 6.8 * PJ, 12 * 6.8 * PJ),
    "spinnaker1": (12 * 0.601 * UJ, 12 * 0.628 * UJ, 12 * 4.4 * UJ),
    "spinnaker2": None,
}


def ends(interval):
    """Return an interval as numbers."""
    return None if interval is None else (interval.low, interval.value, interval.high)


@pytest.mark.parametrize("device", list(BY_HAND))
def test_a_small_network_takes_what_a_hand_computes(small, device):
    estimate = energy(small, device)
    assert ends(estimate.incremental) == pytest.approx(BY_HAND[device])
    assert estimate.incremental_on(HOST).high == 0.0
    assert (estimate.system is None) == (SYSTEM_BY_HAND[device] is None) == bool(estimate.system_missing)
    if SYSTEM_BY_HAND[device]:
        assert ends(estimate.system) == pytest.approx(SYSTEM_BY_HAND[device])


def test_a_small_network_on_a_crossbar_takes_what_its_devices_and_a_hand_compute():
    results = hs.run(network(), float(STEPS), backend="memristor")
    hardware = results.ledger.hardware
    read, devices_read = (sum(hardware[name].values()) for name in ("read energy [fJ]", "devices read"))
    assert read > 0
    assert devices_read >= 12
    estimate = energy(results, "memristor")
    fJ = 1e-15
    by_hand = [
        (read + c * devices_read + n * 400 + 3 * s) * fJ
        for c, n, s in [(0.61e-3, 1274, 4640), (0.76e-3, 5096, 157_000), (0.91e-3, 5096, 554_000)]
    ]
    assert ends(estimate.incremental) == pytest.approx(by_hand)
    assert ends(estimate.system) == pytest.approx((12 * 0.205 * PJ, 12 * 0.81 * PJ, 12 * 0.81 * PJ))
    assert estimate.on_device
    assert not estimate.hardware


def test_a_run_elsewhere_does_not_know_what_crossbars_take_to_be_read(small):
    estimate = energy(small, "memristor")
    (item,) = [item for item in estimate.items if item.counter == "synaptic_events"]
    assert item.incremental is None
    assert "only a run of backend 'memristor'" in item.missing
    assert any("synaptic_events" in what for what in estimate.missing)


# Static power and time


def test_static_energy_is_power_times_the_time_that_the_device_takes(small):
    estimate = energy(small, "loihi1")
    # 100 steps of 113 ns at best, of 9.07 us as derived, and 0.1 s if held to real time
    assert ends(estimate.time) == pytest.approx((1.13e-5, 9.07e-4, 0.1))
    assert ends(estimate.static) == pytest.approx((0.104 * 1.13e-5, 0.104 * 9.07e-4, 0.104 * 0.1))


def test_spinnaker_is_on_for_the_biological_time_at_least(small):
    estimate = energy(small, "spinnaker1")
    assert ends(estimate.time) == pytest.approx((0.1, 0.1, 0.2))
    assert [(item.unit, item.count) for item in estimate.static_items] == [("board", 1), ("core", 1)]
    assert estimate.static.value == pytest.approx((26.84 + 0.034) * 0.1)


def test_a_cpu_takes_the_time_that_the_run_took_here(small):
    wall = small.provenance.wall_time
    assert ends(energy(small, "cpu").time) == (wall, wall, wall)


def test_as_many_units_are_on_as_the_neurons_fill_or_as_are_given():
    spikes = {"a": Spikes([], [], 1000)}
    results = bare_results(spikes=spikes, ledger=Ledger(neuron_updates={"a": 1000 * 1000}))
    count = {item.unit: item.count for item in energy(results, "spinnaker1").static_items}
    assert count == {"board": 1, "core": 4}
    given_units = energy(results, "spinnaker1", units={"core": 10})
    assert {item.unit: item.count for item in given_units.static_items} == {"board": 1, "core": 10}
    one = energy(results, "loihi2").static
    assert ends(energy(results, "loihi2", units={"chip": 3}).static) == pytest.approx(ends(one * 3))


def test_wrong_units_are_refused(small):
    with pytest.raises(UnknownNameError) as caught:
        energy(small, "spinnaker1", units={"chip": 2})
    assert caught.value.known == ("board", "core")
    for wrong in (-1, 1.5, True):
        with pytest.raises(DescriptionError) as refused:
            energy(small, "loihi2", units={"chip": wrong})
        assert refused.value.value == wrong


# Learning, astrocytes and the host


def test_learning_and_astrocytes_are_counted_on_the_host_that_does_them():
    estimate = energy(learned(), "loihi2")
    host = (20 * 43.0 + 7 * 86.0 + 3 * 77.4 + 5 * 111.8) * NJ
    assert estimate.incremental_on(HOST).value == pytest.approx(host)
    assert estimate.incremental_on(DEVICE).value == pytest.approx((10 * 5.2 + 1000 * 81.0 + 50 * 23.6) * PJ)
    assert estimate.incremental.value == pytest.approx(host + estimate.incremental_on(DEVICE).value)
    assert {item.counter for item in estimate.items if item.place == HOST} == {
        "pairings", "ticks", "updates_applied", "updates_rejected", "astrocyte_updates", "astrocyte_releases",
    }  # fmt: skip
    with pytest.raises(UnknownNameError):
        estimate.incremental_on("moon")


def test_a_processor_does_everything_itself():
    estimate = energy(learned(), "cpu")
    assert {item.place for item in estimate.items} == {DEVICE}
    assert estimate.by_counter()["pairings"].value == pytest.approx(20 * 43.0 * NJ)
    assert estimate.on_device


def test_a_run_on_the_device_says_who_learned():
    on_host = (
        Finding(Severity.HOST, "a->a", "stdp", "traces", ""),
        Finding(Severity.HOST, "a->a", "astrocytes", "", ""),
    )
    stamp = {"backend": "loihi2", "executor": "emulator", "precision": "fixed_pt"}
    host = energy(learned(stamp=stamp, findings=on_host), "loihi2")
    assert host.by_counter()["pairings"].value == pytest.approx(20 * 43.0 * NJ)
    chip = energy(learned(stamp=stamp, findings=on_host[1:]), "loihi2")
    assert chip.by_counter()["pairings"].value == pytest.approx(20 * 120.0 * PJ)
    assert chip.by_counter()["astrocyte_updates"].value == pytest.approx(5 * 111.8 * NJ)
    assert (chip.mode, chip.on_device, chip.hardware) == ("loihi2 (emulator, fixed_pt)", True, False)
    assert energy(learned(stamp=stamp | {"executor": "hardware"}), "loihi2").hardware
    assert not energy(learned(), "loihi2").on_device


def test_what_a_host_writes_is_missing_and_not_free():
    hardware = {"weights written": {"a->a": 9.0}, "a new counter": {"a": 1.0}}
    results = learned(hardware=hardware, stamp={"backend": "loihi2"})
    missing = "\n".join(energy(results, "loihi2").missing)
    assert "weights written on the device: the energy of a write from the host to the chip is not published" in missing
    assert "a new counter on the device: the cost table of Loihi 2 has no row for it" in missing
    assert "written" not in "\n".join(energy(results, "cpu").missing)  # another target's hardware


def test_a_missing_constant_is_shown_as_missing_and_never_as_zero(small):
    estimate = energy(small, "spinnaker2")
    spikes = next(item for item in estimate.items if item.counter == "spikes")
    assert (spikes.incremental, spikes.missing) == (None, "no figure per packet is published")
    assert estimate.static is None
    assert "spikes" not in estimate.by_counter()
    line = next(line for line in str(estimate).splitlines() if line.startswith("spikes"))
    assert line.split() == ["spikes", "3", "device", "missing"]
    assert estimate.to_dict()["static"] is None


def test_a_device_without_any_constant_for_what_happened_has_no_total(tmp_path, small):
    path = tmp_path / "mine.toml"
    path.write_text('title = "Mine"\nsummary = "our chip"\n[incremental.pairings]\nmissing = "not measured"\n')
    estimate = energy(small, path)
    assert (estimate.incremental, estimate.system, estimate.static) == (None, None, None)
    assert len(estimate.missing) == 4
    assert "0 J" not in str(estimate)
    assert estimate.to_dict()["incremental"] is None


def test_cores_in_use_are_no_events():
    results = learned(hardware={"cores": {"a": 3.0}, "loads": {"net": 1.0}}, stamp={"backend": "spinnaker"})
    items = {item.counter: item for item in energy(results, "spinnaker1").items}
    assert items["cores"].included_in == "static"
    assert items["loads"].missing == "the energy of loading a network is not published"


# Properties

COUNTS = st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 10**9), max_size=2)
LEDGERS = st.builds(Ledger, **dict.fromkeys(Ledger.counters(), COUNTS))


@given(ledger=LEDGERS, device=st.sampled_from(devices()))
def test_ranges_are_ordered_and_every_event_has_a_figure_or_a_reason(ledger, device):
    estimate = energy(bare_results(ledger=ledger), device)
    for interval in (estimate.incremental, estimate.static, estimate.system, estimate.time):
        assert interval is None or 0.0 <= interval.low <= interval.value <= interval.high
    for item in estimate.items:
        assert (item.incremental is not None) + bool(item.missing) + bool(item.included_in) == 1
    counted = {(name, where) for name in ledger.counters() for where, n in getattr(ledger, name).items() if n}
    assert {(item.counter, item.where) for item in estimate.items} == counted
    assert len(estimate.items) == len(counted)


@given(first=LEDGERS, second=LEDGERS, lengths=st.tuples(*[st.integers(1, 5000)] * 2), device=st.sampled_from(devices()))
def test_runs_that_join_add_up(first, second, lengths, device):
    middle, end = 0.1 * lengths[0], 0.1 * (lengths[0] + lengths[1])
    a = bare_results(middle, ledger=first)
    b = replace(bare_results(end, ledger=second), t_start=middle)
    whole, parts = energy(a.joined(b), device), [energy(piece, device) for piece in (a, b)]
    for name in ("incremental", "static", "system", "time"):
        total, (x, y) = getattr(whole, name), (getattr(part, name) for part in parts)
        if name != "incremental":  # which is unknown where all that happened has no figure
            assert (total is None) == (x is None) == (y is None)
        assert ends(total or ZERO) == pytest.approx(ends((x or ZERO) + (y or ZERO)))


@given(ledger=LEDGERS, times=st.integers(2, 9), device=st.sampled_from(devices()))
def test_twice_the_events_take_twice_the_energy(ledger, times, device):
    many = Ledger(**{n: {k: times * v for k, v in getattr(ledger, n).items()} for n in Ledger.counters()})
    one, more = (energy(bare_results(ledger=each), device) for each in (ledger, many))
    assert (more.incremental is None) == (one.incremental is None)
    assert ends(more.incremental or ZERO) == pytest.approx(ends((one.incremental or ZERO) * times))
    assert ends((more.incremental or ZERO) / times) == pytest.approx(ends(one.incremental or ZERO))


def test_counts_of_real_pieces_join(small):
    with hs.Simulation(network()) as sim:
        pieces = [sim.run(40.0), sim.run(60.0)]
    whole = energy(pieces[0].joined(pieces[1]), "loihi2").incremental
    assert ends(whole) == pytest.approx(ends(energy(small, "loihi2").incremental))


# Users' devices, text, JSON, command


def test_a_users_device_is_a_file(tmp_path, small):
    path = tmp_path / "mine.toml"
    fields = 'unit = "nJ"\nsource = "our bench"\nyear = 2025\nconfidence = "high"\nnote = "measured"\n'
    path.write_text(
        f'title = "Mine"\nsummary = "our chip"\n[incremental.synaptic_events]\nvalue = 2\nlow = 1\nhigh = 4\n{fields}'
    )
    for device in (path, str(path)):
        estimate = energy(small, device)
        assert (estimate.device, estimate.title) == ("mine", "Mine")
        assert ends(estimate.incremental) == pytest.approx((12 * NJ, 24 * NJ, 48 * NJ))
        assert any(
            "neuron_updates on the device: the cost table of Mine has no row" in what for what in estimate.missing
        )
        assert estimate.confidence == "high"


def test_the_text_says_what_ran_what_is_estimated_and_what_is_missing(small):
    text = str(energy(small, "loihi2"))
    assert "an estimate from counts, not a measurement" in text
    assert "not run there: events counted by numba (numba, float64)" in text
    assert "proxy" in text
    assert "Hala Point" in text
    assert "32.7 nJ" in text  # 12 x 23.6 pJ + 400 x 81 pJ + 3 x 5.2 pJ
    assert max(map(len, text.splitlines())) <= 120
    assert "too narrow" in str(energy(small, "gpu"))


def test_devices_stand_side_by_side(small):
    lines = devices_table([energy(small, device) for device in devices()]).splitlines()
    assert [line.split()[0] for line in lines[2:]] == list(devices())
    assert "missing" in lines[2]


def test_json_holds_every_number(small):
    estimate = energy(small, "spinnaker1")
    found = json.loads(json.dumps(estimate.to_dict()))
    assert found["incremental"]["value"] == estimate.incremental.value
    assert found["static"]["high"] == estimate.static.high
    assert found["system"]["low"] == estimate.system.low
    assert found["mode"] == "numba (numba, float64)"
    assert [item["count"] for item in found["items"]] == [item.count for item in estimate.items]


def command(*words: str) -> int:
    """Run the command with its arguments."""
    parser = argparse.ArgumentParser("hmn-snn energy")
    add_energy(parser)
    options = parser.parse_args(list(words))
    return int(options.action(options))


def test_the_command_prices_a_saved_run(tmp_path, small, capsys):
    saved, written = tmp_path / "run.h5", tmp_path / "energy.json"
    small.save(saved)
    assert command(str(saved), "--json", str(written)) == 0
    text = capsys.readouterr().out
    assert all(device in text for device in devices())
    assert [entry["device"] for entry in json.loads(written.read_text())] == list(devices())
    assert command(str(saved), "--device", "loihi2") == 0
    assert capsys.readouterr().out.strip() == str(energy(small, "loihi2"))


def test_the_command_prints_the_constants(capsys):
    assert command("--constants", "--device", "loihi1") == 0
    assert capsys.readouterr().out.strip() == str(cost_table("loihi1"))
    with pytest.raises(SystemExit) as stopped:
        command("--device", "loihi1")
    assert stopped.value.code == 2


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(1e-12, 2.36e-11, 3.5e-9), ("23.6 pJ", "1 pJ to 3.5 nJ")),
        (Interval(2.0, 2.0, 2.0), ("2 J", "")),
        (Interval(0.0, 0.0, 1.5e3), ("0 J", "0 J to 1.5 kJ")),
    ],
)
def test_intervals_read_well(interval, text):
    assert interval.text("J") == text
