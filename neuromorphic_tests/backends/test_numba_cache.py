"""The cache of compiled kernels: used by the next process, and never stale."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json
import hmn_snn as hs
from hmn_snn.backends._shared import stepping
net = hs.Network(dt=0.5)
level = net.add(hs.Modulator(tau=10.0, releases=[(1.0, 1.0)], name="level"))
net.record(level, "level")
value = hs.run(net, 3.0).traces["level"]["level"].values[-1, 0]
kernel = stepping.make_kernel((hs.LeakyCalcium,))
print(json.dumps([value, sum(kernel.stats.cache_hits.values())]))
"""


CELL = """
class Counter:
    state_names, traces = ("count",), {"count": ""}

    def initial_state(self):
        return (0.0,)

    def coefficients(self, clock):
        return (clock,)

    @staticmethod
    def step(state, coefficients, arrivals, norepinephrine):
        state[0] += 1.0
        return False

    @staticmethod
    def output(state, coefficients):
        return 1.0, 0.0
"""
CELL_SCRIPT = """
import json
import hmn_snn as hs
from hmn_snn.backends._shared import stepping
from cell import Counter
net = hs.Network(dt=0.5)
glia = net.add(hs.Astrocytes(1, Counter(), clock=1.0, name="glia"))
net.record(glia, "count")
value = hs.run(net, 5.0).traces["glia"]["count"].values[-1, 0]
kernel = stepping.make_kernel((Counter,))
print(json.dumps([value, sum(kernel.stats.cache_hits.values())]))
"""
KERNEL = """
import json
from typing import NamedTuple
import numpy as np
from hmn_snn.backends._shared.jit import jit_cached

class Tables(NamedTuple):
    x: np.ndarray

def _run(tables):
    return tables.x[0]

run = jit_cached(_run)
print(json.dumps([run(Tables(np.full(1, 3.0))), sum(run.stats.cache_hits.values())]))
"""


@pytest.fixture
def sources(tmp_path):
    """A copy of the sources without anything compiled."""
    for name in ("hmn_snn", "backends", "models"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run_copy(folder: Path, script: str = SCRIPT) -> tuple[float, int]:
    """Run a script in a copy of the sources; returns what it found and how many kernels came from the cache."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NUMBA_")} | {"PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", script]
    process = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    value, hits = json.loads(process.stdout)
    return value, hits


@pytest.mark.slow
def test_editing_any_kernel_source_is_seen_by_the_next_process(sources):
    """Numba's own cache looks at one file only: edit a helper in another, and the old machine code runs on."""
    kept = np.exp(-1.5 / 10.0)
    assert run_copy(sources) == (pytest.approx(kept), 0)
    assert run_copy(sources) == (pytest.approx(kept), 1)
    helper = sources / "backends" / "_shared" / "rhythm_kernel.py"
    before = helper.read_text(encoding="utf-8")
    after = before.replace("state.phasic[k] *= rhythms.rho[k]", "state.phasic[k] *= 0.5 * rhythms.rho[k]")
    assert after != before
    helper.write_text(after, encoding="utf-8")
    assert run_copy(sources) == (pytest.approx(kept / 8.0), 0)
    helper.write_text(before, encoding="utf-8")
    assert run_copy(sources)[0] == pytest.approx(kept)


@pytest.mark.slow
def test_editing_a_cell_of_the_users_own_is_seen_by_the_next_process(sources):
    (sources / "cell.py").write_text(CELL, encoding="utf-8")
    assert run_copy(sources, CELL_SCRIPT)[0] == 4.0
    (sources / "cell.py").write_text(CELL.replace("+= 1.0", "+= 2.0"), encoding="utf-8")
    assert run_copy(sources, CELL_SCRIPT)[0] == 8.0


def test_a_class_that_is_no_more_does_not_spoil_the_cache(tmp_path):
    """An upgrade leaves the cache of the version before; numba would look for all classes named there."""
    (tmp_path / "kernel.py").write_text(KERNEL, encoding="utf-8")
    run = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]; import kernel"
    assert run_copy(tmp_path, run) == (3.0, 0)
    assert run_copy(tmp_path, run) == (3.0, 1)
    (tmp_path / "kernel.py").write_text(KERNEL.replace("Tables", "Renamed"), encoding="utf-8")
    assert run_copy(tmp_path, run) == (3.0, 0)
    assert run_copy(tmp_path, run) == (3.0, 1)
