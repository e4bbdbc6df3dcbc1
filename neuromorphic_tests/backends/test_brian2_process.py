"""What a Brian2 run does to the process around it, and the process to the run: hooks, environment, Ctrl-C, failures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import progress, registry
from hmn_snn.errors import RunInterruptedError, SimulationError
from hmn_snn.lowering import lower
from hmn_snn.network import Network

brian2 = pytest.importorskip("brian2")


def busy() -> Network:
    net = hs.Network("busy", seed=2)
    stim = net.add(hs.PoissonInput(20, rate=50.0, name="stim"))
    cells = net.add(hs.Population(10, name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.5))
    return net


def in_a_process_of_its_own(code: str) -> None:
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr


def test_a_run_leaves_the_hooks_of_the_process_alone():
    in_a_process_of_its_own("""
import os, signal, sys, warnings
import hmn_snn as hs
def hooks():
    return sys.excepthook, warnings.showwarning, signal.getsignal(signal.SIGINT), dict(os.environ), os.getcwd()
before = hooks()
net = hs.Network()
net.add(hs.Population(2, hs.LIF(i_offset=1.0)))
hs.run(net, 5.0, backend="brian2")
assert "brian2" in sys.modules
assert hooks() == before
""")


def test_another_thread_is_told_what_to_do():
    in_a_process_of_its_own("""
import threading
from hmn_snn import registry
reasons = []
thread = threading.Thread(target=lambda: reasons.append(registry.get("brian2").unavailable()))
thread.start()
thread.join()
from importlib.metadata import version
if version("brian2").startswith("2.8."):  # it can be imported in any thread
    assert reasons == [None]
else:
    assert "run in the main thread first: import brian2" in reasons[0], reasons
assert registry.get("brian2").unavailable() is None
""")


def test_ctrl_c_hands_over_what_was_done(monkeypatch):
    shown = progress.progress_bar

    @contextmanager
    def interrupting(n_steps: int, dt: float, wanted: Any) -> Iterator[Any]:
        once = iter([signal.SIGINT])
        with shown(n_steps, dt, False):
            yield lambda steps: [signal.raise_signal(number) for number in once]

    monkeypatch.setattr(progress, "progress_bar", interrupting)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(RunInterruptedError) as caught:
        hs.run(busy(), 100_000.0, backend="brian2")
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is handler
    part = caught.value.results
    assert 0.0 < part.t_stop < 100_000.0
    expected = hs.run(busy(), part.t_stop)
    assert len(part.spikes["cells"]) > 10
    for name, train in expected.spikes.items():
        assert np.array_equal(part.spikes[name].t, train.t)
        assert np.array_equal(part.spikes[name].i, train.i)
    assert part.ledger == expected.ledger


def test_a_run_that_raises_leaves_no_running_network():
    def fail(steps: int) -> bool:
        raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        registry.get("brian2").translate(lower(busy())).run(100_000, fail)
    assert not getattr(brian2.Network, "_globally_running", False)  # since Brian2 2.9


def test_time_passes_in_an_empty_network():
    net = hs.Network()
    net.add(hs.Population(0, name="nobody"))
    with hs.Simulation(net, backend="brian2") as sim:
        sim.run(3.0)
        assert sim.run(2.0).t_stop == 5.0


def test_a_program_that_cannot_be_built_says_what_else_to_use(monkeypatch):
    device = type(brian2.all_devices["cpp_standalone"])

    def build(self: Any, **options: Any) -> None:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(device, "build", build)
    with pytest.raises(SimulationError, match="executor='numpy'") as caught:
        hs.run(busy(), 5.0, backend="brian2", executor="cpp_standalone")
    assert str(caught.value.__cause__) == "no compiler"


@pytest.mark.slow
def test_a_compiled_program_leaves_the_environment_alone():
    before = dict(os.environ)
    expected = hs.run(busy(), 50.0)
    results = hs.run(busy(), 50.0, backend="brian2", executor="cpp_standalone")
    assert dict(os.environ) == before
    assert np.array_equal(results.spikes["cells"].t, expected.spikes["cells"].t)


@pytest.mark.slow
def test_ctrl_c_ends_a_compiled_program_with_its_results(monkeypatch):
    device = type(brian2.all_devices["cpp_standalone"])
    run = device.run
    # A terminal sends Ctrl-C to all of its processes; here the compiled one gets it, after a second.
    command = ["timeout", "--preserve-status", "--signal=INT", "1", "./main"]

    def interrupted(self: Any, *arguments: Any, **options: Any) -> None:
        monkeypatch.setitem(brian2.prefs, "devices.cpp_standalone.run_cmd_unix", command)
        run(self, *arguments, **options)

    monkeypatch.setattr(device, "run", interrupted)
    net = hs.Network()
    net.add(hs.Population(10, hs.LIF(i_offset=np.linspace(0.5, 2.0, 10)), name="cells"))
    told: list[int] = []
    part = registry.get("brian2").translate(lower(net), executor="cpp_standalone").run(1_000_000_000, told.append)
    assert 0.0 < part.t_stop < 100_000_000.0
    assert told == [round(part.t_stop / 0.1)]
    expected = hs.run(net, part.t_stop)
    assert np.array_equal(part.spikes["cells"].t, expected.spikes["cells"].t)
    assert part.ledger == expected.ledger
