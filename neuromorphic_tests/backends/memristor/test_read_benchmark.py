"""The benchmark of reads runs and prints numbers; the numbers themselves are never tested."""

from __future__ import annotations

import copy
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def crossbar_reads(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import crossbar_reads

    # Peers, where they are installed, are measured by hand: here they would only take time.
    monkeypatch.setattr(crossbar_reads, "find_spec", lambda name: None)
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


def test_peers_that_are_installed_are_measured(crossbar_reads, monkeypatch):
    """CrossSim, stood in for by its interface: a core of the transposed matrix, whose noise is asked for."""
    made = []

    class Core:
        def __init__(self, matrix, params):
            made.append((matrix, params))
            self.matvec = matrix.__matmul__

    params = SimpleNamespace(xbar=SimpleNamespace(device=SimpleNamespace(read_noise=SimpleNamespace(enable=False))))
    module = SimpleNamespace(AnalogCore=Core, CrossSimParameters=lambda: copy.deepcopy(params))
    monkeypatch.setitem(sys.modules, "simulator", module)
    monkeypatch.setattr(crossbar_reads, "find_spec", lambda name: module if name == "simulator" else None)
    ways = dict(crossbar_reads.products(8))
    assert list(ways) == [crossbar_reads.DENSE, crossbar_reads.CROSSSIM, crossbar_reads.CROSSSIM_NOISY]
    V = np.arange(8.0)
    np.testing.assert_allclose(ways[crossbar_reads.CROSSSIM](V), ways[crossbar_reads.DENSE](V))
    assert [p.xbar.device.read_noise.enable for _, p in made] == [False, True]
    rows = crossbar_reads.measure(64, 100, 1)
    assert {row["way"] for row in rows} > {crossbar_reads.CROSSSIM, crossbar_reads.CROSSSIM_NOISY}
