"""The benchmark of reads runs and prints numbers; the numbers themselves are never tested."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def crossbar_reads(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import crossbar_reads

    yield crossbar_reads
    del sys.modules["crossbar_reads"]


def test_every_way_to_read_has_a_time(crossbar_reads, tmp_path, capsys):
    file = tmp_path / "figures.json"
    assert crossbar_reads.main(["--quick", "--json", str(file)]) == 0
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert [(row["way"], row["spikes"]) for row in rows] == [
        (way, spikes) for way in [*crossbar_reads.OPTIONS, crossbar_reads.DENSE] for spikes in (1, 3, 12)
    ]
    printed = capsys.readouterr().out
    for row in rows:
        assert math.isfinite(row["us"])
        assert row["stored_us"] is None  # those are of another size
        assert row["way"] in printed


def test_stored_figures_stand_beside_a_crossbar_of_their_size(crossbar_reads):
    ways = [*crossbar_reads.OPTIONS, crossbar_reads.DENSE]
    stored = crossbar_reads.STORED
    rows = [
        {"way": way, "spikes": n, "us": 2.0 * (k + 1), "ns": 1.0, "stored_us": stored.get(way, (None,) * 3)[k]}
        for way in ways
        for k, n in enumerate((10, 51, 204))
    ]
    lines = crossbar_reads.table(rows).splitlines()
    quiet = next(line for line in lines if line.startswith("crossbar "))
    assert quiet.split()[-2:] == ["0.7", "2.86"]  # 2 us by the stored 0.7
    assert sum("CrossSim" in line for line in lines) == 6


@pytest.mark.parametrize("arguments", [["--size", "0"], ["--repeats", "0"], ["--steps", "1"]])
def test_wrong_arguments_are_refused(crossbar_reads, arguments):
    with pytest.raises(SystemExit) as refusal:
        crossbar_reads.main(arguments)
    assert refusal.value.code == 2
