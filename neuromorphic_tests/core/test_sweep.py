"""Sweeps: every point once, on any number of processes or a cluster, and none lost where a sweep is killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn.cli import main
from hmn_snn.errors import DescriptionError, FileFormatError, HMNError, UnknownNameError
from hmn_snn.lowering import lower
from hmn_snn.parameter_path import with_parameters
from hmn_snn.sweep_points import Range, drawn, parsed
from neuromorphic_tests.networks import random_network


def network(name="swept"):
    net = hs.Network(name, dt=0.1, seed=4)
    stim = net.add(hs.PoissonInput(20, rate=30.0, name="stim"))
    cells = net.add(hs.Population(10, hs.LIF(), name="a.b"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.2, plasticity=hs.HMNRule(eta_l=1.0, tick=20.0)))
    return net


def stamps(folder):
    return {path.name: path.stat().st_mtime_ns for path in (folder / "points").iterdir()}


# Paths


@pytest.mark.parametrize("seed", range(12))
def test_a_copy_without_changes_is_the_same_network(seed):
    assert lower(with_parameters(random_network(seed), {})).hash == lower(random_network(seed)).hash


def test_paths_reach_into_objects_whose_names_have_dots():
    net = network()
    changed = with_parameters(net, {"a.b.cell.tau_m": 33.0, "stim -> a.b.plasticity.A_plus": 0.5, "dt": 0.5, "seed": 9})
    assert changed["a.b"].cell.tau_m == 33.0
    assert changed["stim -> a.b"].plasticity.A_plus == 0.5
    assert (changed.dt, changed.seed) == (0.5, 9)
    assert changed["stim -> a.b"].target is changed["a.b"]
    assert (net["a.b"].cell.tau_m, net.dt) == (20.0, 0.1)


@pytest.mark.parametrize(
    ("path", "name"),
    [("ab.cell.tau_m", "ab.cell.tau_m"), ("a.b.cell.tau", "tau"), ("a.b", "a.b"), ("a.b.name", "name")],
)
def test_an_unknown_path_is_named(path, name):
    with pytest.raises(UnknownNameError) as caught:
        with_parameters(network(), {path: 1.0})
    assert caught.value.name == name


def test_a_wrong_value_is_an_error_of_its_object():
    with pytest.raises(DescriptionError) as caught:
        hs.sweep(network(), 10.0, {"a.b.cell.tau_m": ["slow"]}, out="unused")
    assert caught.value.value == "slow"


# Points


def test_the_command_line_reads_lists_and_ranges():
    assert parsed("a=b.rate=1,2.5,none") == ("a=b.rate", [1, 2.5, None])
    assert parsed("x.y=0.1:10:log") == ("x.y", Range(0.1, 10.0, log=True))
    for wrong in ("x", "x=", "=1", "x=1:2:exp", "x=5:1", "x=0:1:log"):
        with pytest.raises(HMNError):
            parsed(wrong)


def test_ranges_are_covered_evenly_on_their_scale():
    log, integer = Range(0.1, 10.0, log=True), Range(1, 4, integer=True)
    draws = list(drawn({"a": log, "b": integer, "c": ["x", "y"]}, 400, 1))
    values = np.log10([d["a"] for d in draws])
    assert abs(values.mean()) < 0.15
    assert 0.5 < values.std() < 0.65  # of a uniform density from -1 to 1: 0.577
    assert {d["b"] for d in draws} == {1, 2, 3, 4}
    assert {d["c"] for d in draws} == {"x", "y"}
    assert list(drawn({"a": log}, 3, 1)) == list(drawn({"a": log}, 9, 1))[:3]


# Sweeps


def test_a_grid_equals_runs_one_by_one(tmp_path):
    found = hs.sweep(network(), 60.0, {"stim.rate": [10.0, 80.0]}, seeds=[1, 2, 3], out=tmp_path)
    for entry in found.finished:
        net = with_parameters(network(), {**entry.point.setting, "seed": entry.point.seed})
        results = hs.run(net, 60.0)
        assert entry.measures["rate of a.b [Hz]"] == len(results.spikes["a.b"]) / (10 * 0.06)
        assert entry.measures["synaptic events"] == results.ledger.total("synaptic_events")
    rows = found.rows()
    assert [row.n for row in rows] == [3, 3]
    mean, low, high = rows[1].intervals["rate of stim [Hz]"]
    assert low < mean < high
    with open(tmp_path / "sweep.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [float(row["stim.rate"]) for row in table] == [10.0, 80.0]
    assert float(table[1]["rate of stim [Hz]: mean"]) == mean
    assert (tmp_path / "sweep.png").stat().st_size > 5000
    assert found.best("rate of a.b [Hz]").setting == {"stim.rate": 80.0}


def test_a_second_sweep_runs_only_what_is_new(tmp_path):
    hs.sweep(network(), 20.0, {"stim.rate": [10.0, 20.0]}, out=tmp_path)
    before = stamps(tmp_path)
    found = hs.sweep(network(), 20.0, {"stim.rate": [10.0, 20.0, 30.0]}, out=tmp_path, jobs=2)
    after = stamps(tmp_path)
    assert len(before) == 2
    assert len(after) == len(found.finished) == 3
    assert {name: after[name] for name in before} == before
    hs.sweep(network(), 30.0, {"stim.rate": [10.0]}, out=tmp_path)
    assert len(stamps(tmp_path)) == 4  # another duration is another point


def test_a_refusal_is_a_result(tmp_path):
    found = hs.sweep(network(), 20.0, {"stim.rate": [10.0]}, backends=["numba", "nengo"], out=tmp_path)
    ran, refused = found.rows()
    assert ran.n == 1
    assert refused.n == 0
    assert "stdp" in refused.refused
    assert "refused" in str(found)
    assert len(stamps(tmp_path)) == 1  # a refusal is asked for again: it may depend on what is installed


def test_a_damaged_point_is_refused_by_name(tmp_path):
    hs.sweep(network(), 20.0, {"stim.rate": [10.0]}, out=tmp_path)
    (file,) = (tmp_path / "points").iterdir()
    file.write_text(file.read_text()[:10])
    with pytest.raises(FileFormatError) as caught:
        hs.sweep(network(), 20.0, {"stim.rate": [10.0]}, out=tmp_path)
    assert caught.value.path == file


def test_optuna_finds_the_best_region_and_goes_on_after_a_stop(tmp_path):
    settings = {"sampler": "optuna", "objective": "rate of stim [Hz]", "maximize": False, "out": tmp_path}
    rates = {"stim.rate": Range(1.0, 100.0, log=True)}
    first = hs.sweep(network(), 20.0, rates, n_settings=6, **settings)
    before = stamps(tmp_path)
    both = hs.sweep(network(), 20.0, rates, n_settings=20, **settings)
    after = stamps(tmp_path)
    assert [entry.point for entry in both.finished[:6]] == [entry.point for entry in first.finished]
    assert {name: after[name] for name in before} == before
    assert both.best("rate of stim [Hz]", maximize=False).setting["stim.rate"] < 10.0


@pytest.mark.parametrize("wrong", [
    {"sampler": "guess"}, {"sampler": "random"}, {"n_settings": 3}, {"sampler": "optuna", "n_settings": 2},
    {"objective": "x"}, {"jobs": 0}, {"sampler": "optuna", "n_settings": 2, "objective": "no such measure"},
])  # fmt: skip
def test_what_makes_no_sweep_is_refused(wrong, tmp_path):
    with pytest.raises((DescriptionError, UnknownNameError)):
        hs.sweep(network(), 20.0, {"stim.rate": [10.0]}, out=tmp_path, **wrong)


def test_seeds_are_no_setting(tmp_path):
    with pytest.raises(DescriptionError, match="give them as seeds"):
        hs.sweep(network(), 20.0, {"seed": [1, 2]}, out=tmp_path)


def test_another_measure_of_the_same_name_is_another_sweep(tmp_path):
    one, two = (hs.sweep(network(), 20.0, {"stim.rate": [10.0]}, measure=made(value), out=tmp_path) for value in (1, 2))
    assert [list(found.finished[0].measures) for found in (one, two)] == [["1"], ["2"]]


def made(value):
    """Return a measure; all of them have the same name."""
    scope = {}
    exec(f"def measure(results): return {{'{value}': {value}.0}}", scope)
    scope["measure"].__module__ = __name__
    return scope["measure"]


def test_a_parameter_is_named_once_on_the_command_line(tmp_path, capsys):
    words = ["sweep", "digits", "--duration", "5", "--set", "dt=1", "--set", "dt=0.5", "--out", str(tmp_path)]
    assert main(words) == 1
    assert "twice" in capsys.readouterr().err


# Killed, and on a cluster

SLOW = """
import time
from neuromorphic_tests.core.test_sweep import network
def make():
    return network()
def measure(results):
    time.sleep(0.4)
    return {"spikes": len(results.spikes["a.b"])}
"""


def command(tmp_path, *more):
    source = tmp_path / "slow.py"
    source.write_text(SLOW)
    words = ["sweep", f"{source}:make", "--duration", "20", "--set", "stim.rate=10,20,30,40,50,60", "--measure"]
    call = [sys.executable, "-c", "from hmn_snn.cli import main; raise SystemExit(main())"]
    return [*call, *words, f"{source}:measure", "--out", str(tmp_path / "out"), *more]


def test_a_killed_sweep_goes_on_where_it_was(tmp_path):
    hs.run(network(), 20.0)  # so that the kernel is compiled
    points = tmp_path / "out" / "points"
    process = subprocess.Popen(command(tmp_path), stdout=subprocess.DEVNULL)
    patience = time.monotonic() + 120.0
    while process.poll() is None and time.monotonic() < patience and len(list(points.glob("*.json"))) < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path.name: path.stat().st_mtime_ns for path in points.glob("*.json")}
    assert 2 <= len(before) < 6
    done = subprocess.run(command(tmp_path), capture_output=True, text=True, check=True)
    after = {path.name: path.stat().st_mtime_ns for path in points.glob("*.json")}
    assert len(after) == 6
    assert {name: after[name] for name in before} == before
    assert "6 points" in done.stdout


def test_a_measure_from_a_file_and_errors_reach_other_processes(tmp_path):
    words = command(tmp_path, "--jobs", "2")
    assert "6 points" in subprocess.run(words, capture_output=True, text=True, check=True).stdout
    failed = subprocess.run([*words, "--set", "dt=0.3"], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "Traceback" not in failed.stderr
    assert "dt" in failed.stderr


def test_a_cluster_of_two_worker_processes_gives_the_same(tmp_path):
    scheduler_file = tmp_path / "scheduler.json"
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment = {**os.environ, "PYTHONPATH": here, "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    file = ["--scheduler-file", str(scheduler_file)]
    no_dashboard = ["--no-dashboard", "--host", "127.0.0.1"]
    own = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", *file, *no_dashboard]
    threads = ["--nthreads", "1", "--no-nanny"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", *file, *threads, *no_dashboard]
    processes = [subprocess.Popen(own, **quiet)]
    try:
        processes += [subprocess.Popen(worker, **quiet) for _ in range(2)]
        patience = time.monotonic() + 60.0
        while not scheduler_file.exists() and time.monotonic() < patience:
            time.sleep(0.1)
        address = json.loads(scheduler_file.read_text())["address"]
        rates = {"stim.rate": [10.0, 20.0, 30.0, 40.0]}
        there = hs.sweep(network(), 20.0, rates, seeds=[1, 2], scheduler=address, out=tmp_path / "there")
        here_too = hs.sweep(network(), 20.0, rates, seeds=[1, 2], out=tmp_path / "here")
        words = command(tmp_path, "--scheduler", address)
        assert "6 points" in subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert [e.measures for e in there.finished] == [e.measures for e in here_too.finished]
        assert len(there.finished) == 8
    finally:
        for process in processes:
            process.kill()
            process.wait()
