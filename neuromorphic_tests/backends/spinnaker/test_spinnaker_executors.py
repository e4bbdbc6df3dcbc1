"""Scripts in child processes: the virtual board's report, a stand-in for the real one, limits and what stays behind."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hmn_snn.backends.spinnaker import child_process, configuration, virtual_board
from hmn_snn.backends.spinnaker.scripted import ScriptedExecutor

from hmn_snn.errors import BackendUnavailableError, SimulationError
from neuromorphic_tests.backends.spinnaker.scripted_programs import (
    NO_SPIKES,
    cells,
    given,
    needs,
    pairings,
    program,
    synapses,
)

STAND_IN = Path(__file__).with_name("stand_in_for_spynnaker.py")


@needs("spynnaker")
def test_the_virtual_board_reports_what_a_real_one_would_get(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    executor = ScriptedExecutor(pairings(), "virtual")
    fired, (v,) = executor.run(400, [NO_SPIKES] * 3, [(0, "v", np.array([0]))])
    assert [len(step) for step, _ in fired] == [0, 0]
    assert np.isnan(v).all()
    assert v.shape == (400, 1)
    report = executor.report
    assert report.missing == ()
    assert (report.chips, report.boards) == (1, 1)
    binaries = {core.population: core.binary for core in report.cores if core.population in ("pre", "plain")}
    assert binaries == {
        "pre": "reverse_iptag_multicast_source.aplx",
        "plain": "IF_curr_exp_stdp_mad_pair_additive.aplx",
    }
    # Neuromodulation needs cores for synapses beside those for neurons.
    gated = sorted(core.binary for core in report.cores if core.population == "gated")
    assert gated == ["IF_curr_exp_neuron.aplx", "synapses_stdp_izhikevich_neuromodulation_pair_additive.aplx"]
    assert report.shifts == {"plain": (5, 5), "gated": (5, 5)}
    sending = [core.keys for core in report.cores if core.population == "pre"]
    assert all(mask & key == key for keys in sending for _, key, mask in keys)
    assert sending[0]
    assert min(core.sdram for core in report.cores) > 0
    assert executor.get_weights(0)[0] == 5.0  # a multiple of 2^(5 - 15)
    assert "no spikes" in str(report)
    assert list(tmp_path.iterdir()) == []


@needs("spynnaker")
def test_the_virtual_board_names_a_binary_that_is_missing_and_rounds_weights(tmp_path):
    stim, group = given("stim", 1, [3], [0]), cells("cells", 2)
    made = program((group,), (stim,), (synapses("link", ("stim", "cells"), [0, 0], [0, 1], [0.3, 1.0], [1, 20]),))
    configuration.virtual(tmp_path, "spin3")
    from hmn_snn.backends.spinnaker.script import write_script

    write_script(made, tmp_path / "network.py", 10, [NO_SPIKES])
    lacking = "virtual_board._exists = lambda name: not name.startswith('reverse_iptag')"
    start = (
        f"import sys; sys.path.insert(0, {str(Path(virtual_board.__file__).parent)!r}); import virtual_board; {lacking}"
    )
    run = "virtual_board.main(['report.npz', 'network.py'])"
    child_process.run([sys.executable, "-c", f"{start}; {run}"], tmp_path, 300.0)
    report = virtual_board.read_report(tmp_path / "report.npz")
    assert report.missing == ("reverse_iptag_multicast_source.aplx",)
    assert report.monitors == 5  # one on each of 4 chips, and one to gather
    # 0.3 in steps of 2^-10 nA; a delay that the ring buffer has slots for is read back exactly.
    assert report.weights["link"].tolist() == [[0, 0, round(0.3 * 1024) / 1024, 1.0], [0, 1, 1.0, 20.0]]


def test_a_limit_ends_a_child_and_all_that_it_started(tmp_path):
    inner = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    start = f"subprocess.Popen([sys.executable, '-c', {inner!r}])"
    outer = f"import subprocess, sys, time; {start}; print('hi'); time.sleep(600)"
    begun = time.monotonic()
    with pytest.raises(SimulationError, match=r"took longer than 3 s.*time_limit(.|\n)*"):
        child_process.run([sys.executable, "-u", "-c", outer], tmp_path, 3.0)
    assert time.monotonic() - begun < 60.0
    pid = int((tmp_path / "pid").read_text())
    assert gone(pid)


def gone(pid, seconds=20.0):
    """Wait until a process has ended; one that nobody has collected has ended too."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 128 + signal.SIGTERM)])
def test_an_interrupt_ends_the_child(tmp_path, sent, status):
    inner = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
    code = f"""
import signal, sys
from pathlib import Path
from hmn_snn.backends.spinnaker import child_process
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    child_process.run([sys.executable, "-c", {inner!r}], Path({str(tmp_path)!r}), 600.0)
except KeyboardInterrupt:
    print("interrupted")
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60.0
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < until
        time.sleep(0.1)
    process.send_signal(sent)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == status
    assert said.strip() == ("interrupted" if sent == signal.SIGINT else "")
    assert gone(int((tmp_path / "pid").read_text()))


def test_a_script_that_fails_says_its_last_words(tmp_path):
    with pytest.raises(SimulationError, match=r"status 3; its last words:\nno such cell"):
        child_process.run([sys.executable, "-c", "import sys; print('no such cell'); sys.exit(3)"], tmp_path, 60.0)


def test_a_child_has_a_home_of_its_own(tmp_path):
    code = "import os, tempfile; print(os.path.expanduser('~')); print(tempfile.gettempdir()); print(os.getcwd())"
    assert child_process.run([sys.executable, "-c", code], tmp_path, 60.0).split() == [str(tmp_path)] * 3


@pytest.fixture
def board(tmp_path, monkeypatch):
    """Put a stand-in for sPyNNaker before the real one, and a configuration that names a board into a home."""
    home, packages = tmp_path / "home", tmp_path / "packages"
    for folder in (home, packages / "pyNN", packages / "spynnaker"):
        folder.mkdir(parents=True)
    (packages / "pyNN" / "__init__.py").touch()
    (packages / "spynnaker" / "__init__.py").touch()
    (packages / "pyNN" / "spiNNaker.py").write_text(STAND_IN.read_text())
    (home / ".spynnaker.cfg").write_text("[Machine]\nmachineName = 10.11.12.13\nversion = 5\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(packages))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    return home


def relay(n_steps=5):
    """Return a program of two cells that a stand-in for a board can run."""
    group, stim = cells("cells", 2, initial={"v": [-60.0, -61.0]}), given("stim", 3)
    return program((group,), (stim,), (synapses("link", ("stim", "cells"), [0, 2], [0, 1], 1.0, [1, 2]),))


def test_a_board_gets_the_users_configuration_and_gives_its_spikes(board):
    before = (board / ".spynnaker.cfg").stat().st_mtime_ns
    executor = ScriptedExecutor(relay(), "hardware")
    # The stand-in lets a cell spike whenever a spike arrives, and raises v by 1 mV in a step.
    fired, (v,) = executor.run(5, [(np.array([0, 1]), np.array([0, 2]))], [(0, "v", np.array([1, 0]))])
    assert [column.tolist() for column in fired[0]] == [[1, 3], [0, 1]]
    assert v.tolist() == [[-61.0 + k, -60.0 + k] for k in range(5)]
    fired, (v,) = executor.run(3, [(np.array([6]), np.array([0]))], [(0, "v", np.array([0]))])
    assert [column.tolist() for column in fired[0]] == [[7], [0]]
    assert v.ravel().tolist() == [-55.0, -54.0, -53.0]
    assert [file.name for file in board.iterdir()] == [".spynnaker.cfg"]
    assert (board / ".spynnaker.cfg").stat().st_mtime_ns == before


def test_a_spike_before_the_first_step_reaches_a_board_too(board):
    fired, _ = ScriptedExecutor(relay(), "hardware").run(5, [(np.array([-1, 2]), np.array([2, 0]))], [])
    assert [column.tolist() for column in fired[0]] == [[1, 3], [1, 0]]


@pytest.mark.parametrize(
    "content",
    [
        None,
        "[Machine]\nversion = 5\nmachine_name = None\n",
        "[Machine]\nmachine_name = x\nvirtual_board = True\n",
        "junk",
    ],
)
def test_hardware_without_a_board_says_what_to_write_where(board, content):
    file = board / ".spynnaker.cfg"
    file.unlink()
    if content is not None:
        file.write_text(content)
    with pytest.raises(BackendUnavailableError) as caught:
        ScriptedExecutor(relay(), "hardware")
    assert caught.value.backend == "spinnaker"
    assert str(file) in caught.value.reason
    assert "machine_name = " in caught.value.reason
    assert "spalloc_server = " in caught.value.reason


def test_a_spalloc_server_is_a_board_too(board):
    (board / ".spynnaker.cfg").write_text("[Machine]\nspalloc_server = https://somewhere/spalloc/\nversion = 5\n")
    assert ScriptedExecutor(relay(), "hardware").name == "hardware"


def test_a_simulator_that_is_not_installed_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "neuron" else object())
    with pytest.raises(BackendUnavailableError) as caught:
        ScriptedExecutor(relay(), "neuron")
    assert 'pip install "PyNN==0.13.0" neuron' in caught.value.reason


def test_currents_are_refused_where_pynn_records_none(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    with pytest.raises(SimulationError, match="'cells'"):
        ScriptedExecutor(relay(), "brian2").run(5, [NO_SPIKES], [(0, "i_exc", np.array([0]))])


def test_a_later_run_has_the_rest_of_currents_rates_and_phases():
    from hmn_snn.backends.spinnaker.program import SineCurrent, Source, StepCurrent
    from hmn_snn.backends.spinnaker.scripted import _current_from, _sine_from, _source_from

    steps = StepCurrent("steps", np.arange(2), np.array([0, 10, 30]), np.array([[1.0], [2.0], [3.0]]))
    rest = _current_from(steps, 20)
    assert rest.steps.tolist() == [0, 10]
    assert rest.amplitudes.ravel().tolist() == [2.0, 3.0]
    assert _sine_from(SineCurrent("theta", 1.0, 10.0, np.array([30.0])), 75, 1.0).phase.tolist() == [300.0]
    source = Source("s", 1, np.array([-1, 5, 20]), np.zeros(3, int), np.array([0, 20]), np.array([[1.0], [2.0]]))
    later = _source_from(source, 20)
    assert later.steps.tolist() == [0]
    assert later.rate_steps.tolist() == [0]
    assert later.rates.ravel().tolist() == [2.0]
