"""What is Brian2's own: runs in pieces, its state in the process, its native network, its compiled targets."""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.errors import RejectedError, SimulationError
from hmn_snn.lowering import lower
from hmn_snn.network import Network
from hmn_snn.results import Results
from hmn_snn.translator import Severity
from neuromorphic_tests.agreement import assert_same_account, assert_same_run
from neuromorphic_tests.conformance.cases import CASES

brian2 = pytest.importorskip("brian2")

DURATION = 100.0  # ms


def assert_same(a: Results, b: Results, tolerance: float = 1e-9) -> None:
    """Assert equal spikes and counts, and traces, weights and margins within a tolerance."""
    assert_same_run(a, b, tolerance)
    assert_same_account(a, b, tolerance)


# Pieces and the closed loop


def in_pieces(net: Network, backend: str, hand: bool) -> Results:
    """Run 100 ms in four pieces; with a hand on everything that a hand can be put on in between."""
    rng = np.random.default_rng(0)
    with hs.Simulation(net, backend=backend) as sim:
        pieces = [sim.run(33.4)]
        for length in (0.2, 50.2, 16.2):
            if hand:
                move_everything(sim, rng)
            pieces.append(sim.run(length))
    return pieces[0].joined(*pieces[1:])


def move_everything(sim: hs.Simulation, rng: np.random.Generator) -> None:
    lowered = sim.lowered
    for modulator in lowered.modulators:
        sim.release(modulator.name, rng.normal())
        sim.set_tonic(modulator.name, rng.uniform())
    for source in lowered.inputs:
        if source.rate is not None:
            sim.set_rate(source.name, rng.uniform(0.0, 200.0, source.size))
    for current in (c for p in lowered.populations for c in p.currents):
        sim.set_current(current.name, rng.uniform(0.0, 1.0, len(current.indices)))
    for projection in lowered.projections:
        if len(projection.weight) > 1:
            factor = rng.uniform(0.5, 1.2, projection.n_synapses)
            sim.set_weights(projection.name, np.clip(factor * projection.weights, 0.0, 1.0))


PIECEWISE = [
    "delta synapses",
    "injected currents",
    "poisson inputs",
    "given spikes",
    "modulators",
    "metaplastic astrocytes and dendritic delays",
    pytest.param("everything", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("name", PIECEWISE)
def test_pieces_are_one_run(name):
    make = CASES[name].make
    assert_same(hs.run(make(), DURATION, backend="brian2"), in_pieces(make(), "brian2", hand=False), tolerance=0.0)


@pytest.mark.parametrize("name", PIECEWISE)
def test_the_closed_loop_agrees_with_the_default_engine(name):
    make = CASES[name].make
    assert_same(in_pieces(make(), "numba", hand=True), in_pieces(make(), "brian2", hand=True))


@pytest.mark.parametrize("name", ["probabilistic application", pytest.param("everything", marks=pytest.mark.slow)])
def test_a_checkpoint_goes_on_bit_for_bit(name, tmp_path):
    with hs.Simulation(CASES[name].make(), backend="brian2") as sim:
        sim.run(40.2)
        move_everything(sim, np.random.default_rng(1))
        sim.save(tmp_path / "state.h5")
        expected = sim.run(50.0)
    with hs.Simulation(CASES[name].make(), backend="brian2") as sim:
        sim.run(5.0)
        sim.load(tmp_path / "state.h5")
        assert_same(expected, sim.run(50.0), tolerance=0.0)


def test_weights_that_were_set_are_read_back():
    with hs.Simulation(CASES["refractory period"].make(), backend="brian2") as sim:
        name = sim.lowered.projections[0].name
        wanted = np.linspace(0.1, 0.9, len(sim.weights(name)))
        sim.set_weights(name, wanted)
        assert np.array_equal(sim.weights(name).values, wanted)


def test_a_run_that_is_stopped_goes_on_where_it_stopped():
    lowered = lower(CASES["stdp"].make())
    expected = registry.get("brian2").translate(lowered).run(2000)
    session = registry.get("brian2").translate(lowered).start()
    told: list[int] = []

    def stop(steps: int) -> bool:
        told.append(steps)
        return len(told) == 1

    first = session.run(2000, stop)
    assert 0 < session.step < 2000
    assert sum(told) == session.step
    rest = session.run(2000 - session.step)
    assert_same(expected, first.joined(rest), tolerance=0.0)


# What Brian2 shares with the rest of the process


def surroundings() -> dict[str, object]:
    # `from brian2.devices import device` is a stand-in for the present device.
    devices = importlib.import_module("brian2.devices.device")
    names = ("codegen.target", "codegen.loop_invariant_optimisations", "codegen.cpp.extra_compile_args")
    return {
        **{name: brian2.prefs[name] for name in names},
        "device": brian2.get_device(),
        "devices beneath": list(devices.previous_devices),
        "clock": brian2.defaultclock.dt_,
        "hooks": (sys.excepthook, warnings.showwarning),
        "filters": [list(logging.getLogger(f"brian2.{name}").filters) for name in ("codegen.generators.base",)],
    }


def test_nothing_is_left_behind():
    net = CASES["steep attention"].make()
    before = surroundings()
    hs.run(net, 20.0, backend="brian2")
    assert surroundings() == before
    with pytest.raises(RuntimeError, match="on purpose"):
        registry.get("brian2").translate(lower(net)).run(100, progress=_fail)
    assert surroundings() == before


def _fail(steps: int) -> bool:
    raise RuntimeError("on purpose")


def test_importing_it_leaves_the_reports_of_errors_and_warnings_alone():
    code = """
import sys, warnings
before = sys.excepthook, warnings.showwarning
from hmn_snn import registry
translator = registry.get("brian2")
assert "brian2" not in sys.modules
import hmn_snn.backends.brian2.environment
assert (sys.excepthook, warnings.showwarning) == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_runs_nest_and_repeat():
    make, other = CASES["gate at both"].make, CASES["delta synapses"].make
    with hs.Simulation(make(), backend="brian2") as outer:
        first = outer.run(30.0)
        inner = hs.run(other(), 30.0, backend="brian2")
        with hs.Simulation(make(), backend="brian2") as twin:
            assert_same(first, twin.run(30.0), tolerance=0.0)
            assert_same(outer.run(30.0), twin.run(30.0), tolerance=0.0)
        assert_same(hs.run(other(), 30.0, backend="brian2"), inner, tolerance=0.0)
        outer.reset()
        assert_same(first, outer.run(30.0), tolerance=0.0)


@pytest.fixture
def _users_standalone_device() -> Iterator[None]:
    brian2.set_device("cpp_standalone", build_on_run=False)
    yield
    brian2.device.reinit()
    brian2.device.activate()
    importlib.import_module("brian2.devices.device").reset_device()


def own_work(device: object) -> list[str]:
    """Return what a standalone device will do; Brian2 itself sets the default clock anew whenever devices change."""
    return [repr(task) for task in device.main_queue if "defaultclock" not in repr(task)]


@pytest.mark.usefixtures("_users_standalone_device")
def test_a_users_own_standalone_network_is_not_touched():
    mine = brian2.NeuronGroup(3, "v : 1", name="mine")
    mine.v = [1.0, 2.0, 3.0]
    device, queued = brian2.get_device(), own_work(brian2.get_device())
    net = CASES["refractory period"].make()
    assert_same(hs.run(net, 30.0), hs.run(net, 30.0, backend="brian2"))
    assert brian2.get_device() is device
    assert own_work(device) == queued


# The program and the check


def test_the_native_network_runs_and_can_be_extended():
    lowered = lower(CASES["everything"].make())
    native = registry.get("brian2").translate(lowered).native
    assert isinstance(native, brian2.Network)
    assert native.t_ == 0.0
    mine = brian2.SpikeMonitor(native["exc"], name="mine")
    native.add(mine)
    before, brian2.prefs.codegen.target = brian2.prefs.codegen.target, "numpy"
    try:
        native.run(20 * brian2.ms)
        native.run((DURATION - 20) * brian2.ms)
    finally:
        brian2.prefs.codegen.target = before
    spikes = hs.run(CASES["everything"].make(), DURATION).spikes["exc"]
    # Brian2 dates a spike at the start of its step.
    assert np.allclose(mine.t / brian2.ms + lowered.dt, spikes.t)
    assert np.array_equal(mine.i, spikes.i)


def test_names_that_brian2_does_not_take_are_replaced():
    net = hs.Network("names", seed=1)
    stim = net.add(hs.PoissonInput(10, rate=300.0, name="θ input #1"))
    cells = net.add(hs.Population(2, name="a_current"))
    net.add(hs.Population(2, name="a current"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.9, name="a", plasticity=hs.HMNRule(tick=10.0)))
    expected = hs.run(net, 30.0)
    assert len(expected.spikes["a_current"]) > 0
    assert_same(expected, hs.run(net, 30.0, backend="brian2"))


class OtherCell(hs.LeakyCalcium):
    """A cell that Brian2 has no equations for."""


def test_other_astrocyte_cells_are_rejected():
    net = CASES["astrocytes"].make()
    object.__setattr__(net["group"], "cell", OtherCell())
    rejected = [f for f in hs.check(net, "brian2").findings if f.severity is Severity.REJECTED]
    assert [(f.what, f.where, f.found) for f in rejected] == [("group", "cell", "OtherCell")]
    with pytest.raises(RejectedError):
        hs.run(net, 10.0, backend="brian2")


def test_a_standalone_program_does_not_run_in_pieces():
    with pytest.raises(SimulationError, match="pieces"):
        hs.Simulation(CASES["refractory period"].make(), backend="brian2", executor="cpp_standalone")


def test_no_time_is_a_run_too():
    net = CASES["everything"].make()
    results = hs.run(net, 0.0, backend="brian2")
    assert_same(hs.run(net, 0.0), results)
    assert results.t_stop == 0.0
