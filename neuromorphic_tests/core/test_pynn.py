"""Networks from PyNN: the same spikes, potentials and weights as NEST, what is refused, and how a script is run."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import pynn_process
from hmn_snn.errors import DescriptionError, FileFormatError, MissingExtraError, SimulationError, ValidationError
from hmn_snn.pynn_import import PyNNWarning, from_pynn, read_pynn
from hmn_snn.pynn_plasticity import pair_rule

pytest.importorskip("pyNN")

SCRIPTS = Path(__file__).with_name("pynn_scripts")
needs_nest = pytest.mark.skipif(importlib.util.find_spec("nest") is None, reason="NEST is not installed")

HEAD = "import pyNN.{sim} as sim\nsim.setup(timestep=0.5, min_delay=0.5)\n"


def script(folder, body, sim="nest", head=HEAD):
    """Write a script and return its path."""
    path = folder / "model.py"
    path.write_text(head.format(sim=sim) + body, encoding="utf-8")
    return path


def read(folder, body, sim="nest", **more):
    return read_pynn(script(folder, body, sim), time_limit=120.0, **more)


def on_nest(name, folder, *args):
    """Run a script where its simulator is the real one; it writes its results into the folder."""
    command = [sys.executable, str(SCRIPTS / name), "nest", *args]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=900)


def refused(error):
    return {(e.owner, e.parameter, e.value) for e in error.value.errors}


def found(model, where):
    return [f for f in model.findings if f.where == where]


# --- against NEST ----------------------------------------------------------------------------------------------------


@needs_nest
@pytest.mark.parametrize(
    ("size", "duration"), [(400, 300.0), pytest.param(4000, 1000.0, marks=pytest.mark.slow)], ids=["small", "published"]
)
def test_the_benchmark_of_vogels_and_abbott_spikes_as_on_nest(tmp_path, size, duration):
    args = [str(size), str(duration)]
    model = read_pynn(SCRIPTS / "va_benchmark.py", args=["nest", *args])
    assert model.duration == duration
    assert model.simulator == "nest"
    assert model.findings == ()
    results = hs.run(model.network, model.duration)
    on_nest("va_benchmark.py", tmp_path, *args)
    for name in ("exc", "inh"):
        ours, theirs = results.spikes[name], np.load(tmp_path / f"{name}.npz")
        assert len(ours) > 0.5 * ours.size  # each neuron at 4 to 7 Hz
        order = np.lexsort((theirs["neurons"], np.rint(theirs["times"] / 0.1)))
        np.testing.assert_array_equal(ours.i, theirs["neurons"][order])
        np.testing.assert_allclose(ours.t, theirs["times"][order], atol=1e-6)
    if size == 4000:
        assert results.spikes["exc"].counts.mean() == pytest.approx(5.7, abs=0.6)


@needs_nest
@pytest.mark.parametrize("dt", [0.125, 1.0])
def test_pair_stdp_gives_the_weights_of_nest(tmp_path, dt):
    with pytest.warns(PyNNWarning) as caught:
        net = from_pynn(SCRIPTS / "stdp.py", args=["nest", str(dt)])
    assert [f.what for f in caught[0].message.findings] == ["plastic"]
    weights = hs.run(net, 1600.0).weights["plastic"]
    on_nest("stdp.py", tmp_path, str(dt))
    rows = np.load(tmp_path / "weights.npy")
    theirs = np.zeros((20, 5))
    theirs[rows[:, 0].astype(int), rows[:, 1].astype(int)] = rows[:, 2]
    w_max = 2e-5
    np.testing.assert_allclose(weights.values / w_max, theirs[weights.pre, weights.post] / w_max, atol=1e-12)
    assert np.abs(weights.values - weights.initial).max() > 0.02 * w_max


@needs_nest
def test_currents_drive_cells_as_on_nest(tmp_path):
    model = read_pynn(SCRIPTS / "currents.py", args=["nest"])
    ours = hs.run(model.network, model.duration).traces["cells"]["v"].values
    on_nest("currents.py", tmp_path)
    np.testing.assert_allclose(ours, np.load(tmp_path / "v.npy")[: len(ours)], atol=1e-9)


# --- plasticity ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dt", [0.1, 1.0])
@pytest.mark.parametrize("lag", [5.0, -7.0])
def test_a_pairing_changes_the_weight_by_exactly_a(dt, lag):
    net = hs.Network(dt=dt)
    delay, post_time = 2.0, 50.0
    # Dendritic delay: the pre spike counts when it is sent, the post spike a delay after it.
    pre = net.add(hs.SpikeInput([[post_time + delay - lag]], "pre"))
    teacher = net.add(hs.SpikeInput([[post_time - dt - 1.0]], "teacher"))
    post = net.add(hs.Population(1, hs.LIF(tau_syn_E=0.0), "post"))
    net.add(hs.Projection(teacher, post, hs.AllToAll(), weight=30.0, delay=1.0))
    rule = pair_rule(dt, A_plus=0.3, A_minus=-0.2, tau_plus=10.0, tau_minus=15.0, w_min=0.0, w_max=2.0)
    net.add(hs.Projection(pre, post, hs.AllToAll(), weight=1.0, delay=delay, plasticity=rule, name="plastic"))
    results = hs.run(net, 100.0)
    assert results.spikes["post"].t == pytest.approx([post_time])
    change = 0.3 * np.exp(-lag / 10.0) if lag > 0 else -0.2 * np.exp(lag / 15.0)
    assert results.weights["plastic"].values - 1.0 == pytest.approx([change], rel=1e-12)


STDP = """
pre = sim.Population(2, sim.SpikeSourceArray(spike_times=[[1.0], [2.0]]), label="pre")
post = sim.Population(2, sim.IF_curr_exp(tau_refrac=1.0), label="post")
rule = sim.STDPMechanism(
    timing_dependence=sim.SpikePairRule(tau_plus=11.0, tau_minus=13.0, A_plus=0.1, A_minus=0.2),
    weight_dependence=sim.AdditiveWeightDependence(w_min=0.0, w_max={w_max}), weight={weight}, delay=1.0,
)
sim.Projection(pre, post, sim.AllToAllConnector(), rule, receptor_type="{receptor}", label="plastic")
sim.run(10.0)
"""


@pytest.mark.parametrize(
    ("sim", "receptor", "sign", "A_plus", "A_minus", "tie"),
    [
        ("nest", "excitatory", 1, 0.4, -0.8, "none"),
        ("neuron", "inhibitory", -1, 0.4, -0.8, "none"),
        ("spiNNaker", "inhibitory", 1, 0.1, -0.2, "ltd"),
    ],
)
def test_amplitudes_mean_what_the_simulator_takes_them_for(tmp_path, sim, receptor, sign, A_plus, A_minus, tie):
    body = STDP.format(w_max=4.0 * sign, weight=2.0 * sign, receptor=receptor)
    projection = read(tmp_path, body, sim).network["plastic"]
    rule = projection.plasticity
    assert (rule.A_plus, rule.A_minus, rule.w_max) == pytest.approx((A_plus, A_minus, 4.0))
    assert (rule.tau_plus, rule.tau_minus, rule.tie, rule.delay_kind) == (11.0, 13.0, tie, "dendritic")
    assert (projection.weight, projection.receptor) == (2.0, receptor)


def test_an_axonal_delay_is_kept(tmp_path):
    body = STDP.format(w_max=4.0, weight=2.0, receptor="excitatory")
    body = body.replace("delay=1.0", "delay=1.0, dendritic_delay_fraction=0.0")
    assert read(tmp_path, body, "brian2").network["plastic"].plasticity.delay_kind == "axonal"


# --- what translates -------------------------------------------------------------------------------------------------


def test_parameters_per_cell_initial_values_and_recordings(tmp_path):
    body = """
cells = sim.Population(4, sim.IF_curr_exp(tau_m=[5.0, 6.0, 7.0, 8.0], v_rest=-70.0, tau_refrac=1.0), label="cells")
cells.set(cm=0.5)
cells[1:3].set(v_thresh=-40.0)
cells.initialize(v=-60.0)
cells[2:4].initialize(v=-61.0)
cells[0:2].record("v", sampling_interval=1.0)
cells.record("isyn_inh", sampling_interval=1.0)
sim.run(20.0); sim.run(30.0)
"""
    model = read(tmp_path, body)
    cells = model.network["cells"]
    assert model.duration == 50.0
    np.testing.assert_array_equal(cells.cell.tau_m, [5, 6, 7, 8])
    np.testing.assert_array_equal(cells.cell.v_thresh, [-50, -40, -40, -50])
    assert (cells.cell.cm, cells.cell.v_rest) == (0.5, -70.0)
    np.testing.assert_array_equal(cells.initial_values["v"], [-60, -60, -61, -61])
    recorded = {r.variable: (len(r.target), r.every) for r in model.network.recordings}
    assert recorded == {"v": (2, 1.0), "i_inh": (4, 1.0)}


def test_views_and_assemblies_become_projections_between_populations(tmp_path):
    body = """
a = sim.Population(3, sim.IF_curr_exp(tau_refrac=1.0), label="a")
b = sim.Population(5, sim.IF_curr_exp(tau_refrac=1.0), label="b")
both = sim.Assembly(a, b[2:5], label="both")
pairs = [(0, 0, 0.1, 1.0), (2, 1, 0.2, 1.5), (3, 0, 0.3, 2.0), (5, 1, 0.4, 2.5)]
sim.Projection(both, b[3:5], sim.FromListConnector(pairs), sim.StaticSynapse(), label="mixed")
sim.Projection(a, b, sim.OneToOneConnector(), sim.StaticSynapse(weight=-0.5), receptor_type="inhibitory")
sim.run(1.0)
"""
    net = read(tmp_path, body).network
    first, second, third = net.of_kind(hs.Projection)
    assert [p.name for p in (first, second, third)] == ["mixed (a -> b)", "mixed (b -> b)", "a -> b"]
    for projection, pairs in (
        (first, [(0, 3, 0.1, 1.0), (2, 4, 0.2, 1.5)]),
        (second, [(2, 3, 0.3, 2.0), (4, 4, 0.4, 2.5)]),
    ):
        rows = zip(
            projection.connector.pre, projection.connector.post, projection.weight, projection.delay, strict=True
        )
        assert sorted(rows) == pairs
    assert (third.receptor, third.weight, third.delay) == ("inhibitory", 0.5, 0.5)


def test_sources_and_currents(tmp_path):
    body = """
import numpy as np
on = sim.Population(2, sim.SpikeSourcePoisson(rate=[10.0, 20.0]), label="on")
burst = sim.Population(2, sim.SpikeSourcePoisson(rate=50.0, start=[0.0, 5.0], duration=10.0), label="burst")
cells = sim.Population(3, sim.IF_curr_exp(tau_refrac=1.0), label="cells")
sim.NoisyCurrentSource(mean=0.5, stdev=0.1, start=2.0, stop=8.0, dt=0.5).inject_into(cells)
sim.DCSource(amplitude=0.2).inject_into([cells[2]])
sim.run(100.0)
"""
    net = read(tmp_path, body).network
    np.testing.assert_array_equal(net["on"].rate, [10, 20])
    rate = net["burst"].rate
    np.testing.assert_array_equal(rate.times, [0, 5, 10, 15])
    np.testing.assert_array_equal(rate.values, [[50, 0], [50, 50], [0, 50], [0, 0]])
    noise, constant = net.of_kind(hs.CurrentInput)
    values = noise.amplitude.values
    assert values.shape == (13, 3)  # NEST: another noise for every cell
    assert (values[-1] == 0).all()
    assert values[:-1].mean() == pytest.approx(0.5, abs=0.05)
    assert np.abs(np.corrcoef(values[:-1].T)[0, 1]) < 0.9
    assert (constant.amplitude, list(constant.target.indices)) == (0.2, [2])


def test_a_script_for_spinnaker(tmp_path):
    body = """
sim.set_number_of_neurons_per_core(sim.IF_curr_exp, 50)
src = sim.Population(2, sim.SpikeSourceArray(spike_times=[[1, 5], [3]]), label="src")
cells = sim.Population(2, sim.IF_curr_exp(tau_refrac=0.3), label="cells", neurons_per_core=10)
sim.Projection(src, cells, sim.OneToOneConnector(), sim.StaticSynapse(weight=2.0, delay=3), receptor_type="inhibitory")
sim.run(10)
"""
    head = "import pyNN.spiNNaker as sim\nsim.setup()\n"
    model = read_pynn(script(tmp_path, body, head=head))
    net = model.network
    assert net.dt == 1.0
    assert [list(t) for t in net["src"].spike_times] == [[1, 5], [3]]
    assert net["cells"].cell.tau_refrac == 1.0  # rounded up, as there
    projection = net["src -> cells"]
    assert (projection.receptor, projection.weight, projection.delay) == ("inhibitory", 2.0, 3.0)
    assert {f.where for f in model.findings} == {"set_number_of_neurons_per_core", "neurons_per_core", "tau_refrac"}


def test_delta_synapses_have_weights_in_millivolts(tmp_path):
    body = """
src = sim.Population(1, sim.SpikeSourceArray(spike_times=[5.0]), label="src")
cell = sim.Population(1, sim.IF_curr_delta(tau_refrac=1.0), label="cell")
sim.Projection(src, cell, sim.AllToAllConnector(), sim.StaticSynapse(weight=20.0, delay=1.0))
sim.run(10.0)
"""
    model = read(tmp_path, body)
    assert model.network["src -> cell"].weight_unit == "mV"
    assert len(found(model, "cell")) == 1
    assert hs.run(model.network, 10.0).spikes["cell"].t == pytest.approx([6.5])


# --- what does not ---------------------------------------------------------------------------------------------------


def test_everything_that_does_not_translate_is_refused_by_name_at_once(tmp_path):
    body = """
a = sim.Population(2, sim.IF_cond_exp(), label="a")
b = sim.Population(2, sim.Izhikevich(), label="b")
c = sim.Population(2, sim.IF_curr_exp(tau_refrac=1.0), label="c")
d = sim.Population(2, sim.SpikeSourceInhGamma(), label="d")
sim.Projection(a, c, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.1))
sim.Projection(c, c, sim.AllToAllConnector(), sim.TsodyksMarkramSynapse(weight=0.1), label="tm")
rule = dict(timing_dependence=sim.SpikePairRule(), weight=0.1)
multiplicative = sim.STDPMechanism(weight_dependence=sim.MultiplicativeWeightDependence(), **rule)
sim.Projection(c, c, sim.AllToAllConnector(), multiplicative, label="mult")
between = sim.STDPMechanism(weight_dependence=sim.AdditiveWeightDependence(), dendritic_delay_fraction=0.5, **rule)
sim.Projection(c, c, sim.AllToAllConnector(), between, label="half")
sim.run(1.0)
"""
    with pytest.raises(ValidationError) as error:
        read(tmp_path, body, "neuron")
    assert refused(error) == {
        ("population 'a'", "cell", "IF_cond_exp"),
        ("population 'b'", "cell", "Izhikevich"),
        ("population 'd'", "cell", "SpikeSourceInhGamma"),
        ("projection 'tm'", "synapse type", "TsodyksMarkramSynapse"),
        ("projection 'mult'", "weight_dependence", "MultiplicativeWeightDependence"),
        ("projection 'half'", "dendritic_delay_fraction", 0.5),
    }
    assert "conductances" in error.value.errors[0].allowed


@pytest.mark.parametrize(
    ("sim", "body", "name"),
    [
        ("spiNNaker", "sim.extra_models.Neuromodulation()", "extra_models.Neuromodulation"),
        ("nest", "sim.native_cell_type('iaf_psc_alpha')", "pyNN.nest.native_cell_type"),
    ],
)
def test_a_simulators_own_models_are_refused_by_name(tmp_path, sim, body, name):
    with pytest.raises(ValidationError) as error:
        read(tmp_path, f"\n{body}\n", sim)
    assert refused(error) == {("script 'model.py'", "line 4", name)}


# --- how a script is run ---------------------------------------------------------------------------------------------

BUILD = "cells = sim.Population(2, sim.IF_curr_exp(tau_refrac=1.0), label='cells')\n"


def test_a_script_works_in_a_private_folder_and_imports_its_neighbours(tmp_path):
    (tmp_path / "neighbour.py").write_text("SIZE = 7\n", encoding="utf-8")
    body = """
import os, pathlib, sys
from neighbour import SIZE
here = pathlib.Path("out.txt").resolve()
here.write_text("x")
assert pathlib.Path.home() == here.parent, (pathlib.Path.home(), here)
assert sys.argv[1:] == ["one", "2"]
sim.Population(SIZE, sim.IF_curr_exp(tau_refrac=1.0), label=str(here))
sim.run(1.0)
"""
    net = read(tmp_path, body, args=["one", "2"]).network
    (cells,) = net.of_kind(hs.Population)
    assert cells.size == 7
    assert not Path(cells.name).exists()
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix) == ["model.py", "neighbour.py"]


def test_a_failure_before_the_run_ends_the_import(tmp_path):
    with pytest.raises(FileFormatError, match="line 4, before any run, with ZeroDivisionError") as error:
        read(tmp_path, BUILD + "1 / 0\nsim.run(1.0)\n")
    assert error.value.path == tmp_path / "model.py"


def test_a_failure_after_the_run_and_later_changes_are_noted(tmp_path):
    model = read(tmp_path, BUILD + "sim.run(5.0)\ncells.set(i_offset=0.5)\nsim.run(5.0)\n1 / 0\n")
    assert model.duration == 10.0
    assert model.network["cells"].cell.i_offset == 0.5
    assert [f.what for f in found(model, "time")] == ["parameters of population 'cells'"]
    assert len(found(model, "line 7")) == 1


def test_results_are_empty_not_invented(tmp_path):
    body = BUILD + "cells.record(['spikes', 'v'])\nsim.run(5.0)\n"
    body += "data = cells.get_data().segments[0]\nassert sum(map(len, data.spiketrains)) == 0\n"
    assert read(tmp_path, body).findings == ()


def test_a_script_that_builds_nothing_is_an_error(tmp_path):
    with pytest.raises(FileFormatError, match="builds no population"):
        read(tmp_path, "")


def test_a_script_that_does_not_end_is_ended(tmp_path):
    with pytest.raises(SimulationError, match="did not end within 4 s"):
        read_pynn(script(tmp_path, "import time\ntime.sleep(600)\n"), time_limit=4.0)


def test_a_missing_script_and_a_missing_package(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError):
        from_pynn(tmp_path / "none.py")
    monkeypatch.setattr(pynn_process.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as error:
        from_pynn(tmp_path / "none.py")
    assert error.value.package == "pyNN"


# --- objects of this process -----------------------------------------------------------------------------------------


def test_live_objects_are_read_as_the_script_is(tmp_path):
    body = """
src = sim.Population(3, sim.SpikeSourceArray(spike_times=[1.0, 2.0]), label="src")
cells = sim.Population(4, sim.IF_curr_exp(cm=[0.1, 0.2, 0.3, 0.4], tau_refrac=1.0), label="cells")
connector = sim.FixedProbabilityConnector(0.5, rng=sim.NumpyRNG(seed=3))
prj = sim.Projection(src, cells[1:4], connector, sim.StaticSynapse(weight=0.7, delay=1.5))
cells.record("v")
"""
    namespace = {}
    exec(HEAD.format(sim="mock") + body, namespace)
    live = read_pynn([namespace["prj"], namespace["src"], namespace["cells"]], name="model")
    other = read(tmp_path, body + "sim.run(1.0)\n", "mock").network
    assert live.simulator == "mock"
    assert list(live.network.things) == list(other.things)
    for name, thing in other.things.items():
        ours = live.network[name]
        if isinstance(thing, hs.Projection):
            assert (ours.connector, ours.weight, ours.delay) == (thing.connector, thing.weight, thing.delay)
        elif isinstance(thing, hs.Population):
            assert (ours.cell, ours.initial_values) == (thing.cell, thing.initial_values)
    assert [r.variable for r in live.network.recordings] == ["v"]


def test_what_is_no_object_of_pynn_is_refused():
    with pytest.raises(DescriptionError) as error:
        from_pynn([3])
    assert (error.value.parameter, error.value.value) == ("model", 3)


def test_no_warning_where_nothing_is_lost(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = from_pynn(script(tmp_path, BUILD + "sim.run(1.0)\n"), seed=4, name="mine")
    assert (net.name, net.seed, net.dt) == ("mine", 4, 0.5)


def test_what_is_neither_script_nor_list_is_said_so(tmp_path):
    for model in (None, 3):
        with pytest.raises(DescriptionError) as caught:
            from_pynn(model)
        assert (caught.value.owner, caught.value.value) == ("from_pynn", model)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        from_pynn(tmp_path / "nowhere.py")
