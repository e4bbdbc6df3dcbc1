"""The benchmark of the crossbar's circuit runs and prints numbers; the numbers themselves are never tested."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import crossbar_circuit

    yield crossbar_circuit
    del sys.modules["crossbar_circuit"]


def test_the_table_has_numbers(benchmark, tmp_path, capsys):
    file = tmp_path / "figures.json"
    assert benchmark.main(["--sizes", "5", "64", "--repeats", "1", "--json", str(file)]) == 0
    printed, report = capsys.readouterr().out, json.loads(file.read_text(encoding="utf-8"))
    assert [part["size"] for part in report] == [5, 64]
    for part in report:
        rows = {row["way"]: row for row in part["rows"]}
        assert len(rows) >= 8
        for way, row in rows.items():
            assert way in printed
            assert 0.0 < row["ms"] < math.inf
        assert rows[benchmark.PRODUCT]["error"] < 1e-10
        assert rows[benchmark.LINES]["error"] < 1e-4
    stored = {row["way"]: row["stored_ms"] for row in report[1]["rows"] if row["stored_ms"] is not None}
    assert stored[benchmark.LU] == 0.27
    assert f"{report[1]['kappa']:.2g}" == "0.41"
    assert "kappa 0.41" in printed


def test_a_peer_that_is_not_there_is_named(benchmark, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "find_spec", lambda name: None)
    assert benchmark.main(["--sizes", "4", "--repeats", "1"]) == 0
    assert "badcrossbar is not installed" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--sizes", "0"], ["--repeats", "0"]])
def test_wrong_arguments_are_refused(benchmark, arguments):
    with pytest.raises(SystemExit) as refusal:
        benchmark.main(arguments)
    assert refusal.value.code == 2
