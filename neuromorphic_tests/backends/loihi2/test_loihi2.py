"""Loihi 2 from end to end: what is said beforehand, what runs, what it is stamped with, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.loihi2 import lava
from hmn_snn.backends.loihi2.emulator import EmulatorExecutor
from hmn_snn.backends.loihi2.program import LIF, LoihiProgram
from hmn_snn.backends.loihi2.program_file import load_program, program_digest
from hmn_snn.backends.loihi2.session import executor_for
from hmn_snn.backends.loihi2.translator import Settings

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.cli import CANNOT_RUN, OK, main
from hmn_snn.errors import BackendUnavailableError, DescriptionError, UnknownNameError
from hmn_snn.lowering import lower
from hmn_snn.translator import Severity
from neuromorphic_tests.agreement import assert_same_run


def learner(refractory=2.0, **rule):
    """Return a recurrent network that learns from a Poisson input."""
    net = hs.Network("learner", dt=1.0, seed=4)
    stim = net.add(hs.PoissonInput(30, rate=40.0, name="stim"))
    cells = net.add(hs.Population(10, hs.LIF(tau_refrac=refractory), name="cells"))
    level = net.add(hs.Modulator(tonic=0.5, releases=[(100.0, 1.0)], name="level"))
    settings = {"eta_l": 1.0, "eta_g": 2.0, "tick": 50.0, "A_plus": 0.02, "A_minus": -0.007, "w_max": 1.0, **rule}
    made = hs.HMNRule(modulators=[level], **settings)
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=hs.Uniform(0.2, 0.4), plasticity=made, name="plastic"))
    inhibition = {"weight": 0.1, "delay": 2.0, "receptor": "inhibitory", "name": "fixed"}
    net.add(hs.Projection(cells, cells, hs.AllToAll(), **inhibition))
    net.record(cells, "v")
    return net


def stock():
    """Return a network that the chip's own neurons can run."""
    net = hs.Network("stock", dt=1.0, seed=4)
    stim = net.add(hs.PoissonInput(10, rate=60.0, name="stim"))
    cells = net.add(hs.Population(4, hs.LIF(), name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.6, name="synapses"))
    return net


@pytest.fixture
def no_lava(monkeypatch):
    monkeypatch.setattr(lava, "unavailable", lambda hardware=False: "there is no Lava")


# Runs


def test_a_run_is_near_the_engines_and_says_what_ran():
    net = learner()
    expected, found = hs.run(net, 400.0), hs.run(net, 400.0, "loihi2", executor="emulator")
    counts = expected.spikes["cells"].counts, found.spikes["cells"].counts
    assert counts[0].sum() > 50
    assert abs(counts[0].sum() - counts[1].sum()) <= 0.1 * counts[0].sum()
    changes = [r.weights["plastic"].values - r.weights["plastic"].initial for r in (expected, found)]
    assert np.abs(changes[0]).max() > 0.05
    assert np.corrcoef(*changes)[0, 1] > 0.95
    stamp = found.provenance
    assert "lava-nc" not in stamp.packages
    assert (stamp.backend, stamp.executor, stamp.precision) == ("loihi2", "emulator", "fixed_pt")
    assert {f.severity for f in found.findings} >= {Severity.HOST, Severity.ALTERED}
    assert found.ledger.hardware["weights written"]["plastic"] == found.ledger.updates_applied["plastic"] > 0


def test_a_run_is_repeated_bit_for_bit():
    assert_same_run(hs.run(learner(), 200.0, "loihi2"), hs.run(learner(), 200.0, "loihi2"))


def test_rounding_is_what_was_asked_for():
    near, random = (hs.run(learner(), 200.0, "loihi2", rounding=r) for r in ("nearest", "stochastic"))
    v, w = (run.traces["cells"]["v"].values for run in (near, random))
    same = [np.array_equal(v[:50], w[:50]), np.array_equal(v[50:], w[50:])]
    assert same == [True, False]  # until the first tick, the weights are those that it started with


def test_frozen_weights_stay():
    results = hs.run(learner(), 200.0, "loihi2", learning="frozen")
    weights = results.weights["plastic"]
    assert np.array_equal(weights.values, weights.initial)
    assert "weights written" not in results.ledger.hardware
    assert len(results.spikes["cells"]) > 20


def test_what_lies_on_the_chip_can_be_seen():
    program = registry.get("loihi2").translate(lower(learner()))
    assert isinstance(program.native, LoihiProgram)
    session = program.start()
    session.run(110)
    exact, there = session.get_weights(0), session.chip.weights(0)
    unit = 1.0 / np.abs(program.native.connections[0].scale).max()
    assert 0.0 < np.abs(exact - there).max() <= unit * (1 + 1e-9)


# The closed loop


def test_a_checkpoint_continues_bit_for_bit(tmp_path):
    with hs.Simulation(learner(), "loihi2") as sim:
        sim.run(70.0)
        sim.set_rate("stim", 60.0)
        sim.release("level", 1.0)
        sim.set_weights("fixed", 0.2)
        sim.run(63.0)
        sim.save(tmp_path / "state.h5")
        expected = sim.run(120.0)
    with hs.Simulation(learner(), "loihi2") as other:
        other.load(tmp_path / "state.h5")
        assert other.t == 133.0
        assert_same_run(expected, other.run(120.0))
    assert len(expected.spikes["cells"]) > 20


def test_weights_that_are_set_are_the_chips_from_then_on():
    with hs.Simulation(learner(), "loihi2") as sim:
        sim.run(50.0)
        sim.set_weights("plastic", 0.0)
        sim.run(20.0)
        assert len(sim.run(29.0).spikes["cells"]) == 0
        sim.set_weights("plastic", 0.5)
        assert len(sim.run(30.0).spikes["cells"]) > 5


def test_a_weight_that_is_written_acts_on_spikes_in_flight():
    net = hs.Network("flight", dt=1.0, seed=1)
    stim = net.add(hs.SpikeInput([[5.0, 45.0]], name="stim"))
    cells = net.add(hs.Population(1, hs.LIF(), name="cells"))
    net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=10.0, delay=20.0, name="synapse"))
    for backend in ("numba", "loihi2"):
        with hs.Simulation(net, backend) as sim:
            sim.run(10.0)
            sim.set_weights("synapse", 0.0)
            assert len(sim.run(40.0).spikes["cells"]) == 0
            sim.set_weights("synapse", 10.0)
            assert len(sim.run(40.0).spikes["cells"]) >= 1


# What the host writes before each step


def test_homeostasis_makes_a_neuron_fire():
    """It is silent until its bias has risen by 15 mV, and then fires about as often as it should."""
    net = hs.Network("homeostatic", dt=1.0, seed=1)
    cells = net.add(hs.Population(3, hs.LIF(eta_bias=2.0, target_rate=20.0), name="cells"))
    net.record(cells, "bias")
    expected, found = (hs.run(net, 2000.0, backend) for backend in ("numba", "loihi2"))
    times = [r.spikes["cells"].t[r.spikes["cells"].i == 0] for r in (expected, found)]
    assert times[0][0] > 300.0
    assert len(times[0]) > 20
    assert len(times[1]) == len(times[0])
    assert np.abs(times[1] - times[0]).max() <= 10.0
    biases = [r.traces["cells"]["bias"].values for r in (expected, found)]
    assert np.ptp(biases[0]) > 15.0
    assert np.abs(biases[0] - biases[1]).mean() < 0.3
    assert found.ledger.hardware["currents written"]["cells"] > 1000


def test_an_oscillator_drives_neurons_at_its_phase():
    net = hs.Network("driven", dt=1.0, seed=1)
    cells = net.add(hs.Population(3, hs.LIF(), name="cells"))
    theta = net.add(hs.Oscillator(frequency=8.0, name="theta"))
    net.add(hs.OscillatorDrive(theta, cells, amplitude=1.5, phase=[0.0, 1.0, 2.0]))
    expected, found = (hs.run(net, 1000.0, backend).spikes["cells"] for backend in ("numba", "loihi2"))
    assert len(expected) > 20
    assert np.array_equal(found.i, expected.i)
    assert np.abs(found.t - expected.t).max() <= 1.0


# Executors


def test_where_there_is_no_lava_the_emulator_runs_with_a_warning(no_lava):
    with pytest.warns(UserWarning, match="there is no Lava"):
        results = hs.run(stock(), 50.0, "loihi2", executor="lava")
    assert results.provenance.executor == "emulator"


def test_a_chip_that_is_not_there_is_missed(no_lava):
    with pytest.raises(BackendUnavailableError) as raised:
        hs.run(stock(), 50.0, "loihi2", executor="hardware")
    assert (raised.value.backend, raised.value.reason) == ("loihi2", "there is no Lava")


def test_nothing_stands_for_lavas_floating_point(no_lava):
    with pytest.raises(BackendUnavailableError):
        hs.run(stock(), 50.0, "loihi2", precision="floating_pt")


@pytest.mark.parametrize(("net", "executor"), [(stock, "hardware"), (learner, "emulator")])
def test_auto_is_the_chip_where_there_is_one_that_can_take_the_network(net, executor, monkeypatch):
    monkeypatch.setattr(lava, "unavailable", lambda hardware=False: None)
    program = registry.get("loihi2").translate(lower(net())).native
    assert all(p.model == LIF for p in program.processes) == (executor == "hardware")
    assert executor_for(program, Settings()) == executor
    assert executor_for(program, Settings(precision="floating_pt")) == "lava"


class FakeLava:
    """Stands for Lava: notes how it was made, and runs the emulator."""

    made: list

    def __new__(cls, program, **options):
        cls.made.append(options)
        executor = EmulatorExecutor(program)
        executor.name = "hardware" if options["hardware"] else "lava"
        return executor


@pytest.mark.parametrize("executor", ["lava", "hardware"])
def test_settings_reach_lava_and_the_stamp_is_its(executor, monkeypatch):
    FakeLava.made = []
    monkeypatch.setattr(lava, "unavailable", lambda hardware=False: None)
    monkeypatch.setattr(lava, "LavaExecutor", FakeLava)
    monkeypatch.setattr(lava, "_look_at", lambda python, flags: ([3, 10, 0], "0.10.0", flags == ()))
    results = hs.run(stock(), 50.0, "loihi2", executor=executor, time_limit=7.0)
    assert results.provenance.executor == executor
    assert results.provenance.packages["lava-nc"] == "0.10.0"
    assert FakeLava.made == [{"select_tag": "fixed_pt", "hardware": executor == "hardware", "limit": 7.0}]


# Refusals


def rejected(net, **options):
    return {(f.what, f.where) for f in hs.check(net, "loihi2", **options).rejected}


def test_what_hardware_cannot_take_is_refused():
    assert rejected(learner(), executor="hardware") == {("cells", "lif"), ("plastic", "weights")}
    assert rejected(stock(), executor="hardware") == set()


@pytest.mark.parametrize("executor", ["emulator", "hardware"])
def test_only_lava_computes_without_rounding(executor):
    assert ("stock", "precision") in rejected(stock(), executor=executor, precision="floating_pt")


@pytest.mark.parametrize("options", [{"learning": "in vivo"}, {"rounding": "up"}, {"time_limit": -1.0}])
def test_an_unknown_setting_is_named(options):
    with pytest.raises(DescriptionError) as raised:
        hs.check(stock(), "loihi2", **options)
    assert {raised.value.parameter: raised.value.value} == options


def test_an_unknown_budget_is_named():
    with pytest.raises(UnknownNameError) as raised:
        hs.check(stock(), "loihi2", budget="unlimited")
    assert raised.value.name == "unlimited"


# The command line


def test_the_command_line_checks_and_runs(tmp_path, capsys):
    path = tmp_path / "net.h5"
    learner().save(path)
    assert main(["check", str(path), "--backend", "loihi2"]) == OK
    assert "time constant" not in capsys.readouterr().err
    assert main(["run", str(path), "--duration", "60", "--backend", "loihi2", "--executor", "emulator",
                 "--rounding", "nearest", "--out", str(tmp_path / "out.h5")]) == OK  # fmt: skip
    assert hs.Results.load(tmp_path / "out.h5").provenance.executor == "emulator"
    assert main(["check", str(path), "--backend", "loihi2", "--executor", "hardware"]) == CANNOT_RUN


def test_the_command_line_exports_the_program(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learner().save("net.h5")
    assert main(["export", "net.h5", "--backend", "loihi2"]) == OK
    assert capsys.readouterr().out == "written: learner_loihi2.h5\n"
    expected = registry.get("loihi2").translate(lower(learner())).native
    assert program_digest(load_program("learner_loihi2.h5")) == program_digest(expected)
    assert hs.export(learner(), 10.0, tmp_path / "other.h5", "loihi2") == (tmp_path / "other.h5",)
    with pytest.raises(DescriptionError):
        hs.export(learner(), 10.0, tmp_path / "other.py", "loihi2")
    assert not (tmp_path / "other.py").exists()


def test_an_exported_program_runs_as_the_network_does():
    """Nothing but the program, and the spikes of its source, is needed."""
    results = hs.run(stock(), 50.0, "loihi2", executor="emulator")
    program = registry.get("loihi2").translate(lower(stock())).native
    stim = results.spikes["stim"]
    steps = np.rint(stim.t - 1.0).astype(np.int64)
    order = np.lexsort((stim.i, steps))
    (fired,), _ = EmulatorExecutor(program).run(50, [(steps[order], stim.i[order])], [])
    assert np.array_equal(fired[0] + 1, np.rint(results.spikes["cells"].t))
    assert np.array_equal(fired[1], results.spikes["cells"].i)
    assert len(fired[0]) > 5
