"""Whatever happens to Lava is told in time, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import types
from pathlib import Path

import pytest
from hmn_snn.backends.loihi2 import lava, lava_process
from hmn_snn.backends.loihi2.lava import LavaExecutor

from hmn_snn.errors import SimulationError
from neuromorphic_tests.backends.loihi2.lava_here import needs_lava
from neuromorphic_tests.backends.loihi2.programs import FEED, NO_SPIKES, connection, one_process, programs

needs_posix = pytest.mark.skipif(os.name != "posix", reason="Lava runs in a group of processes")


def living(group: int) -> list[int]:
    """Return the processes of a group that have not ended."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listed.splitlines()]
    return [int(pid) for pid, pgid, stat in rows if int(pgid) == group and not stat.startswith("Z")]


def assert_gone(group: int) -> None:
    until = time.monotonic() + 10
    while living(group):
        assert time.monotonic() < until, f"left behind: {living(group)}"
        time.sleep(0.05)


PLASTIC = one_process(connection("feed", 5, 0, FEED, plastic=True))


@pytest.fixture
def started():
    """Return an executor on Lava that has run for a step, and its group of processes."""
    executor = LavaExecutor(PLASTIC)
    executor.run(1, [NO_SPIKES], [])
    group = executor._child.pid
    assert len(living(group)) > 3
    yield executor, group
    executor.close()
    assert_gone(group)


@needs_lava
def test_a_hang_is_reported_in_time(started):
    executor, group = started
    executor._limit = 1.0
    os.killpg(group, signal.SIGSTOP)
    begun = time.monotonic()
    with pytest.raises(SimulationError, match=r"did not answer within 1 s.*\n?.*emulator"):
        executor.run(10, [NO_SPIKES], [])
    assert time.monotonic() - begun < 5
    assert_gone(group)
    with pytest.raises(SimulationError, match="start a new simulation"):
        executor.run(1, [NO_SPIKES], [])


@needs_lava
def test_an_exception_in_a_lava_process_is_reported(started):
    executor, group = started
    executor.set_weights(0, PLASTIC.connections[0].weight)
    (executor._child.folder / "weights_0.npy").unlink()
    begun = time.monotonic()
    with pytest.raises(SimulationError, match="FileNotFoundError"):
        executor.run(10, [NO_SPIKES], [])
    assert time.monotonic() - begun < 20
    assert_gone(group)


@needs_lava
def test_a_killed_lava_process_is_reported(started):
    executor, group = started
    threading.Timer(0.5, lambda: os.kill(max(set(living(group)) - {group}), signal.SIGKILL)).start()
    with pytest.raises(SimulationError, match="ended"):
        executor.run(1_000_000, [NO_SPIKES], [])
    assert_gone(group)


@needs_lava
def test_ctrl_c_ends_lava(started):
    executor, group = started
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins without it
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            executor.run(1_000_000, [NO_SPIKES], [])
    finally:
        signal.signal(signal.SIGINT, before)
    assert_gone(group)


@needs_lava
def test_lava_ends_with_the_process_that_started_it():
    code = f"""
    import os, signal, sys
    sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})
    from neuromorphic_tests.backends.loihi2.programs import NO_SPIKES
    from neuromorphic_tests.backends.loihi2.test_lava_process import PLASTIC
    from hmn_snn.backends.loihi2.lava import LavaExecutor
    executor = LavaExecutor(PLASTIC)
    executor.run(1, [NO_SPIKES], [])
    print(executor._child.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert_gone(int(process.stdout))


@needs_lava
def test_nothing_is_left_in_shared_memory(started):
    if not Path("/dev/shm").is_dir():
        pytest.skip("shared memory is not a folder here")
    executor, group = started
    maps = "".join(Path(f"/proc/{pid}/maps").read_text(encoding="utf-8") for pid in living(group))
    segments = {word for word in maps.split() if word.startswith("/dev/shm/psm_")}
    assert segments
    os.kill(group, signal.SIGKILL)
    with pytest.raises(SimulationError, match="ended"):
        executor.run(1, [NO_SPIKES], [])
    until = time.monotonic() + 10
    while any(Path(segment).exists() for segment in segments):
        assert time.monotonic() < until
        time.sleep(0.05)


@needs_lava
def test_what_lava_cannot_do_is_refused(started):
    executor, _ = started
    with pytest.raises(SimulationError, match="cannot be saved"):
        executor.get_state()
    with pytest.raises(SimulationError, match="cannot be restored"):
        executor.set_state({})
    executor.program = one_process(connection("feed", 5, 0, FEED))
    executor._own = [False]
    with pytest.raises(SimulationError, match="'feed' is not plastic"):
        executor.set_weights(0, PLASTIC.connections[0].weight)


# --- without Lava -----------------------------------------------------------------------------------------------------


@pytest.fixture
def fake_child(tmp_path, monkeypatch):
    """Return a function that has a script in place of the child."""

    def use(code: str) -> None:
        code = "import os, sys, time\nos.setsid()\n" + textwrap.dedent(code)
        (tmp_path / "main.py").write_text(code, encoding="utf-8")
        monkeypatch.setattr(lava, "FOLDER", tmp_path)
        monkeypatch.setattr(lava, "interpreter", lambda: Path(sys.executable))
        monkeypatch.setattr(lava, "unavailable", lambda hardware=False: None)

    return use


@needs_posix
def test_a_child_that_hangs_at_its_start_is_reported(fake_child, monkeypatch):
    fake_child("time.sleep(100)")
    monkeypatch.setattr(lava_process, "START", 1.0)
    with pytest.raises(SimulationError, match=r"did not answer within 1 s"):
        LavaExecutor(PLASTIC)


@needs_posix
def test_a_child_that_crashes_is_reported_with_its_last_words(fake_child):
    fake_child("print('what a pity', file=sys.stderr); sys.exit(3)")
    with pytest.raises(SimulationError, match=r"ended.*\n.*what a pity"):
        LavaExecutor(PLASTIC)


@needs_posix
def test_a_child_that_says_something_else_is_reported(fake_child):
    fake_child("print('hello', flush=True); time.sleep(100)")
    with pytest.raises(SimulationError, match="answered 'hello', not 'ready'"):
        LavaExecutor(PLASTIC)


@needs_posix
def test_a_child_that_hangs_in_a_run_leaves_no_process(fake_child):
    fake_child("os.fork(); print('ready', flush=True) if os.getpid() == os.getpgrp() else None; time.sleep(100)")
    executor = LavaExecutor(PLASTIC, limit=0.5)
    group = executor._child.pid
    assert len(living(group)) == 2
    with pytest.raises(SimulationError, match=r"did not answer within 0.5 s"):
        executor.run(10, [NO_SPIKES], [])
    assert_gone(group)
    assert not executor._child.folder.exists()


@needs_posix
def test_a_missing_interpreter_is_named(monkeypatch):
    monkeypatch.setenv(lava.VARIABLE, "/nowhere/python")
    assert "there is no /nowhere/python" in lava.unavailable()
    assert "make lava" in lava.unavailable()
    with pytest.raises(SimulationError, match="make lava"):
        LavaExecutor(PLASTIC)


@needs_posix
def test_what_is_no_interpreter_is_named(monkeypatch, tmp_path):
    stranger = tmp_path / "python"
    stranger.write_text("#!/bin/sh\necho hello\n", encoding="utf-8")
    stranger.chmod(0o755)
    monkeypatch.setenv(lava.VARIABLE, str(stranger))
    assert "does not run as a Python interpreter" in lava.unavailable()


@needs_posix
def test_an_interpreter_without_lava_is_named(monkeypatch, tmp_path):
    plain_python = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", plain_python], check=True)
    monkeypatch.setenv(lava.VARIABLE, str(plain_python / "bin" / "python"))
    reason = lava.unavailable()
    assert "without Lava" in reason
    assert "make lava" in reason


def test_the_environment_of_make_lava_is_found(monkeypatch, tmp_path):
    python = tmp_path / ".venv-lava" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(lava.VARIABLE, raising=False)
    assert lava.interpreter() == python
    monkeypatch.setenv(lava.VARIABLE, "/else/where")
    assert lava.interpreter() == Path("/else/where")


def test_an_unknown_tag_is_refused():
    with pytest.raises(SimulationError, match="'fixed_pt', 'floating_pt'"):
        LavaExecutor(PLASTIC, select_tag="fixed")


# --- hardware, which no test has touched ------------------------------------------------------------------------------


@needs_lava
def test_hardware_without_intels_extension_is_refused():
    with pytest.raises(SimulationError, match="INRC"):
        LavaExecutor(PLASTIC, hardware=True)


@needs_posix
def test_hardware_refuses_neurons_that_need_microcode(fake_child):
    fake_child("")
    with pytest.raises(SimulationError, match=r"'cells'.*microcode"):
        LavaExecutor(programs()["programmable"], hardware=True)


@pytest.fixture
def network_on_fake_lava(monkeypatch):
    """Return the child's module, imported with a Lava whose extension for hardware can be there or not."""
    state = types.SimpleNamespace(installed=True)

    class Simulator:
        def __init__(self, select_tag):
            self.select_tag = select_tag

    class Hardware:
        pass

    contents = {
        "compatibility": {}, "learning": {}, "processes": {},
        "lava": {}, "lava.magma": {}, "lava.magma.core": {}, "lava.proc": {},
        "lava.magma.core.run_configs": {"Loihi2SimCfg": Simulator, "Loihi2HwCfg": Hardware},
        "lava.proc.dense": {}, "lava.proc.dense.process": {"Dense": None, "DelayDense": None}, "lava.proc.lif": {},
        "lava.proc.lif.process": {"LIF": None}, "lava.proc.sparse": {},
        "lava.proc.sparse.process": {"Sparse": None, "DelaySparse": None}, "lava.utils": {},
        "lava.utils.loihi": {"is_installed": lambda: state.installed}, "lava.utils.weightutils": {"SignMode": None},
    }  # fmt: skip
    for name, attributes in contents.items():
        module = types.ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, name, module)
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, module)
    source = (lava.FOLDER / "network.py").read_text(encoding="utf-8")
    module = types.ModuleType("network")
    exec(compile(source, "network.py", "exec"), vars(module))
    return module, state, Simulator, Hardware


def test_hardware_gets_lavas_hardware_configuration(network_on_fake_lava):
    network, _, simulator, hardware = network_on_fake_lava
    assert isinstance(network.run_config("fixed_pt", True), hardware)
    config = network.run_config("floating_pt", False)
    assert isinstance(config, simulator)
    assert config.select_tag == "floating_pt"


def test_hardware_is_never_configured_without_the_extension(network_on_fake_lava):
    network, state, _, _ = network_on_fake_lava
    state.installed = False
    with pytest.raises(RuntimeError, match="lava-loihi"):
        network.run_config("fixed_pt", True)


def test_the_child_needs_nothing_of_this_package():
    for file in lava.FOLDER.glob("*.py"):
        assert "hmn_snn" not in file.read_text(encoding="utf-8"), file
