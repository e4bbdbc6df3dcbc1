"""The pulse benchmark runs and prints numbers; the numbers themselves are never tested."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def crossbar_pulses(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import crossbar_pulses

    # aihwkit, where it is installed, is measured by hand: here it would only take time.
    monkeypatch.setattr(crossbar_pulses, "find_spec", lambda name: None)
    yield crossbar_pulses
    del sys.modules["crossbar_pulses"]


def test_every_device_has_a_time_and_stored_figures_a_ratio(crossbar_pulses, tmp_path, capsys):
    file = tmp_path / "figures.json"
    assert crossbar_pulses.main(["--size", "64", "--repeats", "2", "--json", str(file)]) == 0
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert [row["device"] for row in rows] == list(crossbar_pulses.CASES)
    printed = capsys.readouterr().out
    for row in rows:
        assert 0.0 < row["pulse"] < math.inf
        assert row["device"] in printed
        if row["aihwkit_stored"] is not None:
            assert row["ratio"] == pytest.approx(row["aihwkit_stored"] / row["pulse"])


def test_wrong_arguments_are_refused(crossbar_pulses):
    with pytest.raises(SystemExit) as refusal:
        crossbar_pulses.main(["--size", "0"])
    assert refusal.value.code == 2
