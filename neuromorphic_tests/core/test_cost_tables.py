"""Cost tables: every constant of the package is complete, and a file that is no cost table says what is wrong."""

from __future__ import annotations

import contextlib
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmn_snn.costs import Row, cost_table, devices
from hmn_snn.costs.table import CONFIDENCES, MECHANISMS, TIME_UNITS, UNITS
from hmn_snn.errors import FileFormatError, UnknownNameError
from hmn_snn.ledger import Ledger

ROWS = [(device, section, name, row) for device in devices() for section, name, row in cost_table(device).rows()]
FIGURES = [entry for entry in ROWS if entry[3].known]
IDS = [f"{device}-{section}-{name}" for device, section, name, _ in FIGURES]
ROW = {
    "value": 2.0, "low": 1.0, "high": 3.0, "unit": "pJ",
    "source": "a paper", "year": 2020, "confidence": "high", "note": "measured",
}  # fmt: skip


def toml(value: Any) -> str:
    """Return a value as TOML; what JSON writes is TOML too, but for tables."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return {"inf": "inf", "nan": "nan"}.get(str(value), json.dumps(value))


def written(tmp_path: Path, **parts: Any) -> Path:
    """Write a cost table that is right but for the given parts; None leaves one out."""
    content = {"title": "Chip", "summary": "a chip", "incremental": {"spikes": ROW}} | parts
    path = tmp_path / "chip.toml"
    path.write_text("\n".join(f"{key} = {toml(v)}" for key, v in content.items() if v is not None), encoding="utf-8")
    return path


# The package's own tables


def test_all_devices_have_a_table():
    assert devices() == ("arm", "cpu", "gpu", "loihi1", "loihi2", "memristor", "spinnaker1", "spinnaker2")


@pytest.mark.parametrize(("device", "section", "name", "row"), FIGURES, ids=IDS)
def test_every_figure_is_complete_and_in_a_known_unit(device, section, name, row):
    assert row.unit in (TIME_UNITS[name] if section == "time" else UNITS[section])
    assert 0.0 <= row.low <= row.value <= row.high
    assert row.confidence in CONFIDENCES
    assert 1990 <= row.year <= 2026
    assert len(row.source) > 10
    assert row.note
    assert row.low < row.high or "no spread published" in row.note or "by construction" in row.note


def test_every_table_says_something_about_every_counter_of_the_ledger():
    for device in devices():
        table = cost_table(device)
        assert set(Ledger.counters()) <= set(table.incremental), device
        assert set(table.system) == {"synaptic_events"}, device
        assert table.static, device
        assert table.title, device


def test_nothing_of_loihi_2_passes_for_a_published_energy_per_operation():
    figures = [row for row in cost_table("loihi2").incremental.values() if row.known]
    assert [row.confidence for row in figures] == ["proxy"] * 4
    assert all("Loihi 1" in row.source for row in figures)


def test_davies_table_2_is_what_loihi_1_takes():
    table = cost_table("loihi1").incremental
    assert (table["synaptic_events"].value, table["synaptic_events"].unit) == (23.6, "pJ")
    assert (table["neuron_updates"].low, table["neuron_updates"].value) == (52.0, 81.0)
    assert table["pairings"].value == 120.0
    assert table["spikes"].value == pytest.approx(1.7 + (3.0 + 4.0) / 2)
    assert table["spikes"].high == pytest.approx(1.7 + 7 * 3.0 + 3 * 4.0)


def test_derived_figures_are_what_they_are_derived_from():
    operations = {"neuron_updates": 8, "pairings": 5, "updates_applied": 10, "updates_rejected": 9}
    operations["astrocyte_updates"] = 13
    for device in ("cpu", "gpu", "arm"):
        rows = cost_table(device).incremental
        one = rows["synaptic_events"]
        for name, number in operations.items():
            assert f"{number} operations" in rows[name].source
            assert rows[name].value == pytest.approx(number * one.value)
            assert rows[name].high == pytest.approx(number * one.high)
            assert rows[name].low == pytest.approx(one.low if name == "neuron_updates" else number * one.low)


def test_a_microcontrollers_operation_follows_from_its_measured_inference():
    macs = 640 * 128 + 3 * 128 * 128 + 128 * 8 + 8 * 128 + 3 * 128 * 128 + 128 * 640
    row = cost_table("arm").incremental["synaptic_events"]
    measured = [energy * 1e3 / macs for energy in (235.833, 416.312, 529.299)]  # nJ
    assert [row.low, row.value, row.high] == pytest.approx(measured, rel=0.005)


def test_a_full_system_of_loihi_2_bounds_its_operations():
    table = cost_table("loihi2")
    assert table.system["synaptic_events"].value == pytest.approx(2600.0 / 380e12 * 1e12, rel=0.01)
    assert table.static["chip"].high == pytest.approx(2600.0 / 1152, rel=0.01)
    assert table.static["chip"].value == pytest.approx(3.34 / 32, rel=0.01)


def test_a_table_prints_every_constant_with_its_source():
    text = str(cost_table("loihi1"))
    assert "Davies" in text
    assert "pairings" in text
    assert "missing" in text
    assert max(map(len, text.splitlines())) <= 120


# Tables of users


def test_a_users_table_is_read(tmp_path):
    host = {"table": "arm", "mechanisms": list(MECHANISMS)}
    static = {"chip": ROW | {"unit": "mW", "neurons": 100}}
    time = {"per_step": ROW | {"unit": "us"}}
    included = {"included_in": "spikes", "note": "the same"}
    incremental = {"spikes": ROW, "synaptic_events": included, "pairings": {"missing": "nobody measured it"}}
    table = cost_table(written(tmp_path, host=host, static=static, time=time, incremental=incremental))
    assert (table.name, table.title, table.host.table, table.host.mechanisms) == ("chip", "Chip", "arm", MECHANISMS)
    assert table.incremental["spikes"] == Row(**ROW)
    assert table.incremental["spikes"].interval.value == pytest.approx(2e-12)
    assert table.static["chip"].neurons == 100
    assert not table.incremental["synaptic_events"].known
    assert table.incremental["pairings"].missing == "nobody measured it"


@pytest.mark.parametrize("key", list(ROW))
def test_a_field_left_out_is_named(tmp_path, key):
    path = written(tmp_path, incremental={"spikes": {k: v for k, v in ROW.items() if k != key}})
    with pytest.raises(FileFormatError) as caught:
        cost_table(path)
    assert caught.value.path == path
    assert f"[incremental.spikes] {key!r} is missing" in caught.value.reason


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"incremental": {"spikes": ROW | {"low": 2.5}}}, "low 2.5, value 2 and high 3 are not in this order"),
        ({"incremental": {"spikes": ROW | {"value": -1.0}}}, "write numbers of 0 or more"),
        ({"incremental": {"spikes": ROW | {"high": float("inf")}}}, "write numbers of 0 or more"),
        ({"incremental": {"spikes": ROW | {"high": "3"}}}, "write numbers of 0 or more"),
        ({"incremental": {"spikes": ROW | {"unit": "kcal"}}}, "unit is 'kcal'; write one of J, mJ"),
        ({"incremental": {"spikes": ROW | {"unit": "W"}}}, "unit is 'W'"),
        ({"incremental": {"spikes": ROW | {"confidence": "sure"}}}, "confidence is 'sure'; write one of high, medium"),
        ({"incremental": {"spikes": ROW | {"year": 1776}}}, "year is 1776"),
        ({"incremental": {"spikes": ROW | {"source": ""}}}, "source is ''"),
        ({"incremental": {"spikes": ROW | {"colour": "red"}}}, "'colour' is unknown; known are confidence"),
        ({"incremental": {"spikes": ROW | {"neurons": 3}}}, "'neurons' is unknown"),
        ({"incremental": {"spikes": ROW | {"missing": "really"}}}, "more than one of a figure, 'missing'"),
        ({"incremental": {"spikes": {"missing": ""}}}, "missing is ''; write a text"),
        ({"incremental": {"spikes": {"included_in": "ticks"}}}, "'ticks', which has no figure"),
        ({"incremental": {"synaptic_event": ROW}}, "[incremental.synaptic_event] is no counter; known are spikes"),
        ({"incremental": {"spikes": 3}}, "[incremental.spikes] is 3; write a table"),
        ({"incremental": 3}, "'incremental' is 3; write tables"),
        ({"incremental": None}, "there is no constant"),
        ({"static": {"chip": ROW}}, "unit is 'pJ'; write one of kW, W"),
        ({"static": {"chip": ROW | {"unit": "W", "neurons": 0}}}, "neurons is 0"),
        ({"time": {"per_spike": ROW}}, "[time.per_spike] is unknown; known are per_step"),
        ({"time": {"per_step": ROW}}, "unit is 'pJ'; write one of s, ms"),
        ({"title": None}, "'title' is missing"),
        ({"title": 3}, "'title' is 3; write a text"),
        ({"clock": "sundial"}, "clock is 'sundial'"),
        ({"costs": {}}, "'costs' is unknown; known are title"),
        ({"host": {"table": "abacus"}}, "[host] table is 'abacus'; write one of arm, cpu"),
        ({"host": {"table": "cpu", "mechanisms": ["love"]}}, "mechanisms is ['love']"),
        ({"host": {"table": "cpu", "always": 1}}, "always is 1"),
        ({"host": {"table": "cpu", "name": "x"}}, "[host] 'name' is unknown"),
        ({"host": "cpu"}, "'host' is 'cpu'"),
    ],
)
def test_what_is_wrong_with_a_table_is_named(tmp_path, parts, reason):
    with pytest.raises(FileFormatError) as caught:
        cost_table(written(tmp_path, **parts))
    assert reason in caught.value.reason


def test_everything_wrong_is_named_at_once(tmp_path):
    path = written(tmp_path, title=None, incremental={"spikes": ROW | {"unit": "erg"}, "ticks": {"value": 1.0}})
    with pytest.raises(FileFormatError, match="9 problems in this cost table"):
        cost_table(path)


@pytest.mark.parametrize("content", [b"\x89HDF\r\n\x1a\n\x00", b"title = 'a'\ntitle = 'b'\n", b"{'a': 1}", b"\xff\xfe"])
def test_a_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "foreign.toml"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="no TOML file") as caught:
        cost_table(path)
    assert caught.value.path == path


def test_an_unknown_device_is_refused_with_those_that_there_are():
    with pytest.raises(UnknownNameError) as caught:
        cost_table("truenorth")
    assert (caught.value.kind, caught.value.name) == ("device", "truenorth")
    assert set(devices()) < set(caught.value.known)


def test_a_file_that_is_not_there_is_no_device(tmp_path):
    with pytest.raises(FileNotFoundError):
        cost_table(tmp_path / "nowhere.toml")


ANYTHING = st.recursive(
    st.booleans() | st.integers(-9, 2100) | st.floats(width=32) | st.text("abc _", max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "spikes"]), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip
KEYS = [item.name for item in fields(Row)]
PLACES = [("title",), ("backend",), ("clock",), ("host",), ("host", "table"), ("host", "mechanisms"),
          ("host", "always"), ("system",), ("time",), ("time", "per_step"),
          *(("incremental", "spikes", key) for key in KEYS)]  # fmt: skip


@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_any_value_anywhere_is_read_or_refused(tmp_path_factory, place, value):
    parts: dict[str, Any] = {"incremental": {"spikes": dict(ROW)}, "host": {"table": "cpu"}}
    inner = parts
    for key in place[:-1]:
        inner = inner.setdefault(key, {})
    inner[place[-1]] = value
    path = written(tmp_path_factory.mktemp("tables"), **parts)
    with contextlib.suppress(FileFormatError):  # and nothing else
        assert all(row.interval.low >= 0.0 for _, _, row in cost_table(path).rows() if row.known)
