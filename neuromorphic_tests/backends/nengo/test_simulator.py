"""Nengo's own LIF and synapses give the engine's run, but for the two differences that the check tells."""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.comparison import PROMISE
from hmn_snn.errors import RejectedError, SimulationError
from hmn_snn.lowering import lower
from hmn_snn.translator import Severity

REASON = registry.get("nengo").unavailable()
if REASON is not None:
    pytest.skip(REASON, allow_module_level=True)

import nengo  # noqa: E402


def network(delta: bool = False, refrac: float = 0.0, dt: float = 0.1) -> hs.Network:
    """Return a loop with noise, delays, constants of each neuron, a changing current, and both receptors."""
    net = hs.Network("loop", dt=dt, seed=7)
    stim = net.add(hs.PoissonInput(30, rate=80.0, name="stim"))
    given = net.add(hs.SpikeInput([[5.0, 40.0], [12.0]], name="given"))
    taus = {"tau_syn_E": 0.0, "tau_syn_I": 0.0} if delta else {"tau_syn_E": 3.0, "tau_syn_I": 20.0}
    cell = hs.LIF(tau_m=20.0, cm=np.linspace(0.8, 1.2, 12), v_thresh=np.linspace(-52.0, -48.0, 12), v_reset=-60.0,
                  sigma=1.0, tau_refrac=refrac, **taus)  # fmt: skip
    exc = net.add(hs.Population(12, cell, name="exc", initial_values={"v": hs.Uniform(-60.0, -52.0)}))
    inh = net.add(hs.Population(5, hs.LIF(tau_m=10.0), name="inh"))
    net.add(hs.CurrentInput(exc[:6], hs.Steps([0.0, 60.0], [0.0, 0.6]), name="step"))
    low, high = (1.0, 4.0) if delta else (0.2, 0.6)
    for source, delay in ((stim, hs.Uniform(0.3, 3.0)), (given, 1.0)):
        net.add(hs.Projection(source, exc, hs.FixedProbability(0.6), weight=hs.Uniform(low, high), delay=delay))
    net.add(hs.Projection(exc, inh, hs.FixedProbability(0.5), weight=0.8, delay=dt))
    net.add(hs.Projection(inh, exc, hs.FixedProbability(0.5), weight=low, delay=1.5, receptor="inhibitory"))
    for population, variable in ((exc, "v"), (exc, "i_exc"), (inh, "v"), (inh, "i_exc")):
        net.record(population, variable, every=0.5)
    return net


@pytest.mark.parametrize("delta", [False, True])
def test_without_refractory_periods_it_is_the_engines_run(delta):
    net = network(delta)
    ours, theirs = hs.run(net, 150.0), hs.run(net, 150.0, "nengo")
    assert ours.margins.threshold > PROMISE
    for name, train in ours.spikes.items():
        np.testing.assert_array_equal(theirs.spikes[name].t, train.t)
        np.testing.assert_array_equal(theirs.spikes[name].i, train.i)
    assert len(ours.spikes["exc"]) > 50
    assert len(ours.spikes["inh"]) > 20
    assert theirs.ledger.synaptic_events == ours.ledger.synaptic_events
    for name, variables in ours.traces.items():
        for variable, trace in variables.items():
            if (name, delta) != ("exc", True):  # of delta synapses, what arrives is in the engine's samples already
                np.testing.assert_allclose(theirs.traces[name][variable].values, trace.values, rtol=0.0, atol=1e-9)


def test_only_nengos_own_parts_are_used():
    lowered = lower(network())
    made = registry.get("nengo").translate(lowered).native
    assert {type(ensemble.neuron_type) for ensemble in made.all_ensembles} == {nengo.LIF}
    synapses = {type(connection.synapse) for connection in made.all_connections}
    assert synapses == {type(None), nengo.Lowpass, nengo.LinearFilter}


def driven(tau_refrac: float) -> hs.Network:
    """Return a neuron that a constant current fires: R I is twice the threshold."""
    net = hs.Network("driven", dt=0.1, seed=1)
    net.add(hs.Population(1, hs.LIF(tau_m=20.0, cm=1.0, tau_refrac=tau_refrac, i_offset=1.5), name="cell"))
    return net


def test_a_refractory_period_starts_at_the_crossing_inside_the_step():
    dt, refrac = 0.1, 2.0
    net, rise = driven(refrac), 20.0 * np.log(2.0)  # ms from reset to threshold, in continuous time
    theirs, ours = (hs.run(net, 300.0, backend).spikes["cell"].t for backend in ("nengo", "numba"))
    k = np.arange(len(theirs))
    np.testing.assert_allclose(theirs, dt * np.ceil((rise + k * (rise + refrac)) / dt), rtol=0.0, atol=1e-9)
    np.testing.assert_allclose(np.diff(ours), dt * np.ceil(rise / dt) + refrac, rtol=0.0, atol=1e-9)
    (finding,) = [f for f in hs.check(net, "nengo") if f.where == "tau_refrac"]
    assert finding.severity is Severity.ALTERED
    shorter = np.diff(ours).mean() - np.diff(theirs).mean()
    assert 0.0 < shorter < finding.distortion * refrac


def test_a_potential_that_stays_at_the_threshold_is_silent():
    net = hs.Network("edge", dt=0.1, seed=1)
    cell = hs.LIF(v_rest=-50.0, v_reset=-58.0, v_thresh=-50.0)
    net.add(hs.Population(1, cell, name="cell", initial_values={"v": -50.0}))
    assert [len(hs.run(net, 20.0, backend).spikes["cell"]) > 0 for backend in ("numba", "nengo")] == [True, False]


def population(cell=None, **fields) -> hs.Network:
    net = hs.Network("one", dt=0.1, seed=1)
    net.add(hs.Population(3, cell or hs.LIF(), name="cells", **fields))
    return net


def plastic() -> hs.Network:
    net = population()
    stim = net.add(hs.PoissonInput(3, rate=50.0, name="stim"))
    net.add(hs.Projection(stim, net["cells"], hs.AllToAll(), weight=0.1, plasticity=hs.HMNRule(), name="learns"))
    return net


@pytest.mark.parametrize(
    ("net", "what", "where"),
    [
        (population(hs.LIF(tau_m=[10.0, 20.0, 20.0])), "cells", "tau_m"),
        (population(hs.LIF(tau_refrac=[1.0, 2.0, 2.0])), "cells", "tau_refrac"),
        (population(hs.LIF(tau_syn_I=[1.0, 2.0, 2.0])), "cells", "tau_syn_I"),
        (population(hs.LIF(reset="subtract")), "cells", "reset_subtract"),
        (population(hs.LIF(eta_bias=0.1)), "cells", "homeostasis"),
        (population(hs.LIF(v_reset=-50.1, sigma=5.0, noise_correction=True)), "cells", "v_thresh"),
        (population(initial_values={"v": -40.0}), "cells", "initial v"),
        (population(initial_values={"i_exc": 0.1}), "cells", "initial i_exc"),
        (plastic(), "learns", "stdp"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_nengo_cannot_say_is_refused_by_name(net, what, where):
    with pytest.raises(RejectedError) as raised:
        hs.run(net, 10.0, "nengo")
    assert (what, where) in {(finding.what, finding.where) for finding in raised.value.findings}


@pytest.mark.parametrize("executor", ["nengo", "nengo-loihi"])
def test_a_simulation_goes_on_where_it_stopped_and_refuses_what_it_cannot_do(executor, tmp_path):
    net = hs.Network("pieces", dt=1.0, seed=2)
    stim = net.add(hs.PoissonInput(20, rate=50.0, name="stim"))
    cells = net.add(hs.Population(4, hs.LIF(tau_refrac=2.0), name="cells"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.6, delay=3.0, name="feed"))
    net.record(cells, "v")
    whole = hs.run(net, 200.0, "nengo", executor=executor)
    with hs.Simulation(net, "nengo", executor=executor) as sim:
        joined = sim.run(77.0).joined(sim.run(123.0))
        np.testing.assert_array_equal(joined.spikes["cells"].t, whole.spikes["cells"].t)
        np.testing.assert_array_equal(joined.traces["cells"]["v"].values, whole.traces["cells"]["v"].values)
        assert len(whole.spikes["cells"]) > 20
        sim.set_rate("stim", 0.0)
        sim.run(60.0)  # what is on its way, and the currents that it leaves, may still fire
        sim.run(60.0)
        assert not sim.spike_counts("cells").any()
        with pytest.raises(SimulationError, match="'feed'"):
            sim.set_weights("feed", 0.1)
        with pytest.raises(SimulationError, match=executor):
            sim.save(tmp_path / "state.h5")
    sim.close()


@pytest.mark.parametrize("executor", ["nengo", "nengo-loihi"])
def test_nothing_to_simulate_is_no_error(executor):
    net = hs.Network("empty", dt=1.0, seed=2)
    empty = net.add(hs.Population(0, hs.LIF(), name="empty"))
    net.record(empty, "v")
    results = hs.run(net, 10.0, "nengo", executor=executor)
    assert results.traces["empty"]["v"].values.shape == (10, 0)
