"""The benchmarks run and print numbers; the numbers themselves are never tested."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TINY = ("--quick", "--scale", "0.03")
OURS = ["hmn-snn float64", "hmn-snn float32"]

pytest.importorskip("resource", reason="peak memory is read with getrusage")


@pytest.fixture
def engine(monkeypatch):
    """Return the script as a module, measuring in this process: a process for each takes seconds."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    before = set(sys.modules)
    import engine
    import measurement

    monkeypatch.setattr(engine, "in_fresh_process", measurement._measure)
    yield engine
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == ROOT / "benchmarks":
            del sys.modules[name]

# It compiles the engine in both precisions, in processes of its own.
pytestmark = pytest.mark.slow


def check_numbers(row, repeats=2):
    """Assert that every figure is there, finite, and positive where it measures something."""
    positive = ("events_per_s", "run_min", "run_median", "cpu_min", "setup", "setup_again", "all", "peak_mb")
    for key in (*positive, "ratio_float64", "ratio_float32", "ratio_all"):
        assert 0.0 < row[key] < math.inf, key
    assert row["compile"] >= 0.0
    assert row["run_min"] <= row["run_median"]
    assert len(row["rates"]) == 2
    assert all(1.0 < rate < 200.0 for rate in row["rates"].values())


def test_the_table_has_numbers(engine, tmp_path, capsys):
    file = tmp_path / "figures.json"
    assert engine.main([*TINY, "--peers", "none", "--json", str(file)]) == 0
    report = json.loads(file.read_text(encoding="utf-8"))
    printed = capsys.readouterr().out
    assert [network["title"].split(",")[0] for network in report["networks"]] == ["CUBA", "HMN", "HMN", "HMN"]
    for network in report["networks"]:
        assert network["title"] in printed
        assert [row["engine"] for row in network["rows"]] == OURS
        for row in network["rows"]:
            check_numbers(row)
            assert f"{row['events_per_s']:.2e}" in printed
        learned = [row["learned"] for row in network["rows"]]
        assert all(change is None for change in learned) if "CUBA" in network["title"] else all(learned)


def test_a_peer_that_is_not_there_is_named(engine, monkeypatch, capsys):
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    assert engine.main([*TINY, "--repeats", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("not installed") == 8
    assert "Brian2 C++, event-driven" in printed


def test_a_peer_that_fails_is_told(engine, monkeypatch, capsys):
    def fail(module, case, *args):
        if module != "ours":
            raise RuntimeError("first line\nno compiler found")
        return measured(module, case, *args)

    measured = engine.in_fresh_process
    monkeypatch.setattr(engine, "in_fresh_process", fail)
    monkeypatch.setattr(engine, "find_spec", lambda name: object())
    assert engine.main([*TINY, "--repeats", "1", "--peers", "brian2"]) == 1
    assert "failed: no compiler found" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("arguments", [["--scale", "0"], ["--repeats", "0"], ["--peers", "neuron"]])
def test_wrong_arguments_are_refused(engine, arguments):
    with pytest.raises(SystemExit) as refusal:
        engine.main(arguments)
    assert refusal.value.code == 2


def test_event_driven_synapses_refuse_what_they_cannot_follow(engine):
    pytest.importorskip("brian2")
    import networks
    import peers_brian2

    with pytest.raises(ValueError, match="cannot follow"):
        peers_brian2._event_driven(networks.Hmn(n=10), None, None)


@pytest.mark.slow
def test_the_script_measures_all_peers_on_networks_that_behave_alike(tmp_path):
    file = tmp_path / "figures.json"
    command = [sys.executable, ROOT / "benchmarks" / "engine.py", "--quick", "--scale", "0.3", "--json", file]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL)
    report = json.loads(file.read_text(encoding="utf-8"))
    for network in report["networks"]:
        ours, *others = (row for row in network["rows"] if "remark" not in row)
        assert [row["engine"] for row in network["rows"]][:2] == OURS
        check_numbers(ours)
        for row in others:
            check_numbers(row)
            assert row["rates"] == pytest.approx(ours["rates"], rel=0.35)
            if row["learned"] is not None and "NEST" not in row["engine"]:
                assert row["learned"] == pytest.approx(ours["learned"], rel=0.8)
