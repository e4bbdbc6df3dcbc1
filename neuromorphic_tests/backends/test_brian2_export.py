"""Exported Brian2 scripts stand on their own and reproduce the run: the same spikes, samples and weights."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.cli import main
from hmn_snn.errors import DescriptionError, RejectedError, UnknownNameError
from hmn_snn.exporting import export
from hmn_snn.lowering import lower
from hmn_snn.network import Network
from hmn_snn.randomness import stream_key
from hmn_snn.results import Results
from hmn_snn.translator import FEATURES, features_of

pytest.importorskip("brian2")

DURATION = 80.0  # ms
LEARNING = {"eta_l": 5.0, "eta_g": 5.0, "tick": 20.0, "A_plus": 0.02, "A_minus": -0.007}


def start(name: str, dt: float = 0.1, rate: Any = 100.0) -> tuple[Network, Any]:
    net = hs.Network(name, dt=dt, seed=5)
    return net, net.add(hs.PoissonInput(10, rate=rate, name="stim"))


def learning() -> Network:
    """Gate, modulators, both attentions, astrocytes, probabilistic application."""
    net, stim = start("learning", dt=0.2)
    exc = net.add(hs.Population(6, hs.LIF(tau_refrac=2.0, i_offset=0.8, sigma=1.0), name="exc"))
    theta = net.add(hs.Oscillator(frequency=20.0, name="theta"))
    levels = [
        net.add(hs.Modulator(name="dopamine", tonic=0.2, releases=[(30.0, 1.0)], attention=[1.0])),
        net.add(hs.Modulator(name="acetylcholine", tau=50.0, tonic=0.4, attention=[-1.0])),
        net.add(hs.Modulator(name="norepinephrine", tonic=hs.Steps([0.0, 40.0], [0.5, 1.0]))),
    ]
    cell = hs.LeakyCalcium(tau_ca=30.0, C_theta=0.3, tau_rise=20.0, a_Ad=40.0)
    glia = net.add(hs.Astrocytes(2, cell, norepinephrine=levels[2], clock=7.0, name="glia"))
    rule = hs.HMNRule(
        **LEARNING, modulators=levels, gate=hs.PhaseGate(theta, phase=hs.Uniform(0.0, 6.2), at="both"),
        attention=hs.LocalAttention(slope=0.2), global_attention=hs.GlobalAttention(slope=3.0), lambda_a=-0.5,
        apply="probabilistic", theta_p=0.002, on_reject="carry",
    )  # fmt: skip
    late = {"weight": hs.Uniform(0.3, 0.7), "delay": hs.Uniform(0.2, 8.0), "astrocytes": glia, "plasticity": rule}
    plastic = net.add(hs.Projection(stim, exc, hs.AllToAll(), **late))
    net.record(plastic, ("weight", "pending", "G"), every=7.0)
    net.record(glia, "gain", every=0.2)
    return net


def recurrent() -> Network:
    """Two plastic projections with dendritic delays, ties and nearest pairings."""
    net, stim = start("recurrent", dt=1.0)
    exc = net.add(hs.Population(6, hs.LIF(tau_refrac=2.0, i_offset=0.8), name="exc"))
    ties = hs.HMNRule(**LEARNING, tie="ltp", pairing="nearest")
    dendritic = hs.HMNRule(**LEARNING, delay_kind="dendritic", tie="ltd")
    weights = {"weight": hs.Uniform(0.2, 0.6), "delay": hs.Uniform(1.0, 9.0)}
    net.add(hs.Projection(stim, exc, hs.AllToAll(), **weights, plasticity=ties))
    net.add(hs.Projection(exc, exc, hs.FixedProbability(0.5), **weights, plasticity=dendritic, receptor="inhibitory"))
    return net


def noise() -> Network:
    """One value per neuron, noise, homeostasis; all names are those that a script uses itself."""
    net = hs.Network('"""noise\n', dt=0.1, seed=5)
    stim = net.add(hs.PoissonInput(8, rate=np.linspace(20.0, 200.0, 8), name="np"))
    cell = hs.LIF(
        tau_m=hs.Uniform(8.0, 25.0), sigma=[0.0, 1.0, 2.0, 4.0], tau_refrac=[0.0, 1.0, 2.0, 0.1], eta_bias=0.5,
        target_rate=40.0,
    )  # fmt: skip
    data = net.add(hs.Population(4, cell, name="data", initial_values={"v": hs.Uniform(-64.0, -56.0)}))
    steps = net.add(hs.Population(3, hs.LIF(tau_refrac=1.0, i_offset=0.9), name="steps"))
    weights = {"weight": hs.Uniform(0.5, 1.5), "delay": hs.Uniform(0.2, 20.0)}
    net.add(hs.Projection(stim, data, hs.AllToAll(), **weights, name="print"))
    net.add(hs.Projection(data, steps, hs.AllToAll(), **weights, name="lambda"))
    net.record(data, ("v", "bias"), every=0.5)
    net.record(data[1:3], "i_exc")
    return net


def delta() -> Network:
    """Delta synapses and reset by subtraction, rates that change, given spikes, an empty population."""
    net, stim = start("delta", rate=hs.Steps([0.0, 20.0, 50.0], [100.0, 0.0, 300.0]))
    given = net.add(hs.SpikeInput([[0.0, 0.1, 5.0, 5.04, 30.0], [], [7.3, 40.0, 41.0]], name="given"))
    cell = hs.LIF(tau_syn_E=0.0, tau_syn_I=0.0, tau_refrac=1.0, reset="subtract")
    cells = net.add(hs.Population(4, cell, name="cells"))
    nobody = net.add(hs.Population(0, name="nobody"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=5.0, delay=0.1))
    net.add(hs.Projection(given, cells, hs.AllToAll(), weight=hs.Uniform(5.0, 20.0), delay=1.5))
    net.add(hs.Projection(stim[:3], cells, hs.AllToAll(), weight=1.0, receptor="inhibitory"))
    net.add(hs.Projection(nobody, cells, hs.AllToAll(), weight=1.0))
    return net


def currents() -> Network:
    net = hs.Network("currents", dt=0.1, seed=5)
    cells = net.add(hs.Population(12, hs.LIF(tau_refrac=1.0), name="cells"))
    samples = np.random.default_rng(0).normal(0.8, 0.5, (20, 3))
    net.add(hs.CurrentInput(cells, hs.Steps([10.0, 40.0, 60.0], [0.9, 1.4, 0.3]), name="steps"))
    net.add(hs.CurrentInput(cells[1:4], hs.Steps.from_samples(samples, 5.0), name="samples"))
    net.add(hs.CurrentInput(cells[4], 0.8, name="constant"))
    return net


def rhythms() -> Network:
    net, stim = start("rhythms")
    cells = net.add(hs.Population(4, hs.LIF(tau_refrac=1.0, i_offset=0.9), name="cells"))
    lag = 0.1 * np.arange(9.0).reshape(3, 3)
    three = net.add(hs.Oscillator(frequency=[6.0, 7.0, 9.0], size=3, coupling=20.0, lag=lag, name="three"))
    net.add(hs.OscillatorDrive(three[2], cells, amplitude=0.5, phase=np.array([0.0, 1.0, 2.0, 3.0])))
    net.add(hs.Entrainment(cells[:2], three, strength=0.3, phase=1.0))
    net.add(hs.Entrainment(stim, three, strength=0.2, phase=-2.0))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.6, delay=1.0))
    net.record(three, "phase", every=0.3)
    return net


NETWORKS = {make.__name__: make for make in (learning, recurrent, noise, delta, currents, rhythms)}


def run_script(path: Path) -> tuple[str, dict[str, np.ndarray]]:
    """Run a script in another folder and where hmn-snn cannot be imported; return what it prints and writes."""
    command = [sys.executable, "-I", str(path)]
    process = subprocess.run(command, cwd=path.parents[1], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert "WARNING" not in process.stderr
    with np.load(path.with_name(f"{path.stem}_results.npz")) as file:
        return process.stdout, dict(file)


def assert_reproduced(expected: Results, said: str, got: dict[str, np.ndarray]) -> None:
    for name, train in expected.spikes.items():
        if train.size:
            assert np.array_equal(got[f"spikes/{name}/t"], train.t), name
            assert np.array_equal(got[f"spikes/{name}/i"], train.i), name
            assert f"{name}: {len(train)} spikes\n" in said
    for name, weights in expected.weights.items():
        assert np.allclose(got[f"weights/{name}"], weights.values, rtol=0.0, atol=1e-9), name
    for name, variables in expected.traces.items():
        for variable, trace in variables.items():
            assert np.allclose(got[f"traces/{name}/{variable}"], trace.values, rtol=0.0, atol=1e-9), (name, variable)


QUICK = ("learning", "noise")  # each takes several seconds, most of them for code that Brian2 generates


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in NETWORKS])
def test_a_script_reproduces_the_run(name, tmp_path):
    net = NETWORKS[name]()
    expected = hs.run(net, DURATION)
    assert all(len(expected.spikes[p.name]) >= 5 for p in net.of_kind(hs.Population) if p.size)
    assert all(np.abs(w.values - w.initial).max() > 1e-4 for w in expected.weights.values())
    (tmp_path / "scripts").mkdir()
    files = export(net, DURATION, tmp_path / "scripts" / "made.py", "brian2")
    assert sorted(files) == sorted((tmp_path / "scripts").iterdir())
    assert_reproduced(expected, *run_script(files[0]))


def test_the_networks_have_every_feature():
    assert {feature for make in NETWORKS.values() for feature in features_of(lower(make()))} == set(FEATURES)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_script_imports_brian2_and_numpy_only(name, tmp_path):
    script = export(NETWORKS[name](), DURATION, tmp_path / "made.py", "brian2")[0].read_text(encoding="utf-8")
    imports = [node for node in ast.walk(ast.parse(script)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [getattr(node, "module", alias.name) for node in imports for alias in node.names]
    assert sorted(names) == ["brian2", "numpy", "pathlib"]
    assert "hmn_snn" not in script


def test_a_script_says_what_stands_for_what(tmp_path):
    script = export(learning(), DURATION, tmp_path / "made.py", "brian2")[0].read_text(encoding="utf-8")
    for comment in (
        "Population 'exc'", "Poisson input 'stim'", "Projection 'stim -> exc', weights in nA", "Astrocytes 'glia'",
        "Modulator 'dopamine'", "Oscillator 'theta'", "Gating signal G of projection 'stim -> exc'",
    ):  # fmt: skip
        assert f"\n# {comment}\n" in script
    assert "v : 1  # membrane potential [mV]\n" in script
    assert "v_next = v_inf + (v - v_inf)*rho_m + k_exc*i_exc - k_inh*i_inh + noise*noise_exc(i, t_in_time" in script


def test_a_small_network_needs_no_second_file(tmp_path):
    net = hs.Network("small")
    net.add(hs.Population(3, hs.LIF(i_offset=[0.9, 1.0, 1.1]), name="cells"))
    files = export(net, DURATION, tmp_path / "small.py", "brian2")
    assert files == (tmp_path / "small.py",)
    assert "cells.i_offset = [0.9, 1.0, 1.1]\n" in files[0].read_text(encoding="utf-8")


def test_its_random_numbers_are_those_of_the_definition():
    carried = importlib.import_module("hmn_snn.backends.brian2.carried")
    uniform, normal = carried.uniform, carried.normal
    assert uniform(stream_key(1, "exc/noise"), 0, 0) == pytest.approx(0.5732107812410873, rel=1e-15)
    assert uniform(stream_key(-1, "proj/apply"), 7, 3) == pytest.approx(0.36692872984949176, rel=1e-15)
    assert normal(stream_key(1, "exc/noise"), 3, 7) == pytest.approx(-1.3224413900014798, rel=1e-14)


# Refusals and the command line


def test_a_backend_without_scripts_is_named_with_those_that_have_them(tmp_path):
    with pytest.raises(UnknownNameError) as info:
        export(currents(), DURATION, tmp_path / "made.py", "numba")
    able = [name for name in registry.names() if registry.get(name).capabilities.export]
    assert (info.value.name, list(info.value.known)) == ("numba", able)
    assert "brian2" in able


def test_what_cannot_be_exported_leaves_no_file(tmp_path):
    with pytest.raises(DescriptionError) as info:
        export(currents(), DURATION, tmp_path / "made.txt", "brian2")
    assert (info.value.parameter, info.value.allowed) == ("path", "give a name that ends in .py")
    with pytest.raises(DescriptionError, match="multiple of dt"):
        export(currents(), 0.05, tmp_path / "made.py", "brian2")
    net = learning()
    object.__setattr__(net["glia"], "cell", OtherCell())
    with pytest.raises(RejectedError):
        export(net, DURATION, tmp_path / "made.py", "brian2")
    assert list(tmp_path.iterdir()) == []


class OtherCell(hs.LeakyCalcium):
    """A cell that Brian2 has no equations for."""


def test_the_command_line_names_the_files(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    learning().replace(name="my network").save("net.h5")
    assert main(["export", "net.h5", "--backend", "brian2", "-t", "0.5 s", "--seed", "7"]) == 0
    assert capsys.readouterr().out == "written: my_network_brian2.py\nwritten: my_network_brian2.npz\n"
    said = Path("my_network_brian2.py").read_text(encoding="utf-8").splitlines()[0]
    assert said == "\"\"\"Network 'my network': 500 ms at dt = 0.2 ms, seed 7."
    assert main(["export", "net.h5", "--backend", "brian2", "-o", "other.py"]) == 0
    assert Path("other.py").is_file()


def test_the_command_line_says_what_is_wrong(capsys, tmp_path):
    currents().save(tmp_path / "net.h5")
    net = str(tmp_path / "net.h5")
    for arguments, said in (
        (["--backend", "numba"], "known: 'brian2'"),
        (["--backend", "brian2", "-o", "made.txt"], "ends in .py"),
        (["--backend", "brian2", "-o", str(tmp_path / "nowhere" / "made.py")], "nowhere"),
    ):
        assert main(["export", net, *arguments]) == 1
        assert said in capsys.readouterr().err
    with pytest.raises(SystemExit) as info:
        main(["export", net])
    assert info.value.code == 2
    assert "--backend" in capsys.readouterr().err
