"""The exported PyNN script: it stands alone, says the same every time, and starts where it should."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import numpy as np
from hmn_snn.backends.spinnaker.script import write_script

from neuromorphic_tests.backends.spinnaker.scripted_programs import (
    NO_SPIKES,
    cells,
    driven,
    given,
    needs,
    pairings,
    program,
    recurrent,
    synapses,
)


def imported(text):
    """Return the packages that a script imports, by name or by string."""
    nodes = list(ast.walk(ast.parse(text)))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    calls = [n for n in nodes if isinstance(n, ast.Call) and ast.unparse(n.func) == "importlib.import_module"]
    return {name.split(".")[0] for name in found}, {ast.unparse(call.args[0]) for call in calls}


@needs("nest")
def test_a_script_runs_alone_in_another_folder(tmp_path):
    made, spikes = recurrent(60)
    script, arrays = write_script(made, tmp_path / "it's a net.py", 60, spikes, [(0, "v", np.array([3, 1]))])
    packages, by_string = imported(script.read_text())
    assert packages == {"argparse", "importlib", "logging", "pathlib", "sys", "time", "warnings", "numpy"}
    assert by_string == {"f'pyNN.{options.simulator}'", "'brian2'"}
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in (script, arrays):
        file.rename(elsewhere / file.name)
    command = [sys.executable, "-I", script.name, "--simulator", "nest"]
    said = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True, timeout=300, check=True).stdout
    with np.load(elsewhere / "it's a net_results.npz") as results:
        assert f"exc: {len(results['spikes/exc/t'])} spikes" in said
        assert len(results["spikes/exc/t"]) == len(results["spikes/exc/i"]) > 0
        assert results["traces/0/exc/v"].shape == (60, 2)
        assert np.array_equal(results["traces/0/exc/v"][0], made.cells[0].initial["v"][[3, 1]])
    assert not list(tmp_path.glob("*.*"))


def test_the_same_program_gives_the_same_script_wherever_it_is(tmp_path):
    (tmp_path / "other").mkdir()
    spikes = [NO_SPIKES] * 3
    first, _ = write_script(pairings(), tmp_path / "net.py", 100, spikes)
    second, _ = write_script(pairings(), tmp_path / "other" / "net.py", 100, spikes)
    assert first.read_text() == second.read_text()
    assert str(tmp_path) not in first.read_text()


def test_neuromodulation_comes_after_the_plastic_projections(tmp_path):
    script, _ = write_script(pairings(), tmp_path / "net.py", 100, [NO_SPIKES] * 3)
    calls = [ast.unparse(node.value.func) for node in ast.parse(script.read_text()).body
             if isinstance(node, (ast.Expr, ast.Assign)) and isinstance(node.value, ast.Call)]  # fmt: skip
    assert calls.index("modulate") > max(k for k, call in enumerate(calls) if call == "connect")


def test_cells_of_equal_phase_or_current_share_a_source(tmp_path):
    script, _ = write_script(driven(), tmp_path / "net.py", 100, [])
    tree = ast.parse(script.read_text())
    inject = next(n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "inject")
    injected = []

    class Group:
        size = 4

        def __init__(self, members=(0, 1, 2, 3)):
            self.members = list(members)

        def __getitem__(self, members):
            return Group(members)

        def inject(self, source):
            injected.append((self.members, source))

    scope = {"np": np}
    exec(compile(ast.Module([inject], []), "script", "exec"), scope)
    scope["inject"](Group(), range(4), [0.0, 90.0, 90.0, 0.0], float)
    assert injected == [([0, 3], 0.0), ([1, 2], 90.0)]
    injected.clear()
    scope["inject"](Group(), range(4), [5.0], float)
    assert injected == [([0, 1, 2, 3], 5.0)]


def test_a_spike_before_the_first_step_has_the_chip_start_a_step_earlier(tmp_path):
    group = cells("cells", 1, i_offset=0.2, initial={"v": -58.0, "isyn_exc": 0.3, "isyn_inh": 0.1})
    stim = given("stim", 1)
    made = program((group,), (stim,), (synapses("link", ("stim", "cells"), [0], [0], 1.0, 2),))
    script, _ = write_script(made, tmp_path / "net.py", 10, [(np.array([-1, 4]), np.array([0, 0]))])
    values = {node.targets[0].id: node.value for node in ast.parse(script.read_text()).body
              if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)}  # fmt: skip
    assert ast.literal_eval(values["begins"])["spiNNaker"] == (1, 1)
    (earlier,) = values["earlier"].values
    keys, found = map(ast.literal_eval, earlier.keys), map(ast.literal_eval, earlier.values)
    before = dict(zip(keys, found, strict=True))
    # The chip's step: currents are held, then decay.
    v_inf = -65.0 + 80.0 * (0.2 + before["isyn_exc"] - before["isyn_inh"])
    assert np.isclose(v_inf + (before["v"] - v_inf) * np.exp(-1 / 20), -58.0, rtol=0, atol=1e-12)
    assert np.isclose(before["isyn_exc"] * np.exp(-1 / 5), 0.3, rtol=0, atol=1e-12)
    assert np.isclose(before["isyn_inh"] * np.exp(-1 / 8), 0.1, rtol=0, atol=1e-12)
    later, _ = write_script(made, tmp_path / "later.py", 10, [(np.array([0, 4]), np.array([0, 0]))])
    assert '"spiNNaker": (0, 0)' in later.read_text()
    assert os.path.getsize(tmp_path / "later.npz") > 0
