"""The exported PyNN script on NEST and Brian2: against each other, against the reference, against hand values."""

from __future__ import annotations

import numpy as np
from hmn_snn.backends.spinnaker.scripted import ScriptedExecutor
from hmn_snn.backends.spinnaker.session import Deployment
from hmn_snn.backends.spinnaker.translator import Settings

import hmn_snn as hs
from hmn_snn.lowering import lower
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

needs_nest = needs("nest")


def balanced():
    """Return a recurrent network of excitation and inhibition."""
    net = hs.Network("balanced", dt=1.0, seed=4)
    stim = net.add(hs.PoissonInput(40, rate=60.0, name="stim"))
    exc = net.add(hs.Population(60, hs.LIF(tau_refrac=2.0), name="exc"))
    inh = net.add(hs.Population(20, hs.LIF(tau_m=10.0), name="inh"))
    some, many, delays = hs.FixedProbability(0.1), hs.FixedProbability(0.3), hs.Uniform(1.0, 8.0)
    net.add(hs.Projection(stim, exc, hs.FixedProbability(0.5), weight=hs.Uniform(0.1, 0.5), delay=delays, name="in"))
    net.add(hs.Projection(exc, inh, many, weight=0.4, delay=2.0, name="exc to inh"))
    net.add(hs.Projection(inh, exc, many, weight=0.3, delay=1.0, receptor="inhibitory", name="inh to exc"))
    net.add(hs.Projection(exc, exc, some, weight=0.2, delay=delays, name="exc to exc"))
    for variable in ("v", "i_exc", "i_inh"):
        net.record(exc, variable)
    return net


@needs_nest
def test_nest_gives_the_spikes_of_the_reference_where_delays_are_written_as_described():
    net = balanced()
    expected = hs.run(net, 300.0)
    deployment = Deployment(lower(net), Settings(executor="nest"), ())
    nest = ScriptedExecutor(deployment.program, "nest", threads=2)
    everyone = np.arange(60)
    probes = [(0, "v", everyone), (0, "i_exc", everyone), (0, "i_inh", everyone[::-1])]
    fired, samples = nest.run(300, deployment._given(300), probes)
    for name, (step, index) in zip(("exc", "inh"), fired, strict=True):
        theirs = expected.spikes[name]
        assert len(step) > 200
        assert np.array_equal(step, np.rint(theirs.t).astype(int) - 1)
        assert np.array_equal(index, theirs.i)
    for values, variable, members in zip(samples, ("v", "i_exc", "i_inh"), (1, 1, -1), strict=True):
        assert np.allclose(values[:, ::members], expected.traces["exc"][variable].values, rtol=0, atol=1e-9)


@needs("nest", "brian2")
def test_nest_and_brian2_agree_spike_for_spike_also_from_a_spike_before_the_first_step():
    made, spikes = recurrent(150)
    everyone = np.arange(40)
    runs = [ScriptedExecutor(made, name).run(150, spikes, [(0, "v", everyone)]) for name in ("nest", "brian2")]
    (on_nest, (v_nest,)), (on_brian2, (v_brian2,)) = runs
    assert sum(len(step) for step, _ in on_nest) > 100
    for ours, theirs in zip(on_nest, on_brian2, strict=True):
        assert np.array_equal(ours, theirs)
    assert np.array_equal(v_nest[0], made.cells[0].initial["v"])
    assert np.allclose(v_nest, v_brian2, rtol=0, atol=1e-9)


@needs_nest
def test_one_pairing_changes_weights_on_nest_by_hand_values():
    nest = ScriptedExecutor(pairings(), "nest")
    (plain, gated), _ = nest.run(400, [NO_SPIKES] * 3, [])
    assert plain[0].tolist() == gated[0].tolist() == [111]
    # In steps: sent in 100, it spikes in 111 and its dendrite says so a delay later; the next one is sent in 300.
    eligible = 0.1 * np.exp(-12 / 20)
    assert np.isclose(nest.get_weights(0)[0], 5 + eligible - 0.15 * np.exp(-188 / 20), rtol=0, atol=1e-8)
    # Dopamine is sent in 151 and there a step later; from then to the end the weight grows by eligibility times level.
    rate, level = 1 / 200 + 1 / 50, 0.25
    grown = eligible * np.exp(-(151 + 1 - 112) / 200) * level * (1 - np.exp(-rate * (400 - 152))) / rate
    assert np.isclose(nest.get_weights(2)[0], 5 + grown, rtol=0, atol=1e-4)
    assert nest.get_weights(1)[0] == 200.0


@needs_nest
def test_a_second_run_on_nest_goes_on_from_potentials_and_currents():
    stim, group = given("stim", 1), cells("cells", 2, initial={"v": -60.0, "isyn_inh": 0.1})
    both = [synapses(f"to {r}", ("stim", "cells"), [0, 0], [0, 1], [2.0, 3.0], 1, receptor=r)
            for r in ("excitatory", "inhibitory")]  # fmt: skip
    made = program((group,), (stim,), tuple(both))
    sent, probes = (np.array([3, 6, 20]), np.zeros(3, int)), [(0, "v", np.arange(2)), (0, "i_inh", np.arange(2))]
    _, whole = ScriptedExecutor(made, "nest").run(40, [sent], probes)
    cut = ScriptedExecutor(made, "nest")
    _, first = cut.run(12, [(sent[0][:2], sent[1][:2])], probes)
    other = ScriptedExecutor(made, "nest")
    other.set_state(cut.get_state())
    _, second = other.run(28, [(sent[0][2:], sent[1][2:])], probes)
    for expected, before, after in zip(whole, first, second, strict=True):
        assert np.ptp(expected) > 0.1
        assert np.allclose(np.concatenate([before, after]), expected, rtol=0, atol=1e-9)


@needs_nest
def test_currents_act_on_nest_from_the_step_that_they_are_described_for():
    made = driven()
    _, (v,) = ScriptedExecutor(made, "nest").run(40, [], [(0, "v", np.arange(4))])
    n = np.arange(40)
    current = 0.1 * np.sin(2 * np.pi * 25.0 * n[:, None] / 1000 + np.radians([0.0, 90.0, 90.0, 0.0]))
    current[:, 0] += 0.05
    current[:10, 1:3] += [0.1, 0.2]
    current[10:, 1] += 0.05
    expected, decay = np.full((41, 4), -65.0), np.exp(-1 / 20)
    for k in n:
        v_inf = -65.0 + 80.0 * current[k]
        expected[k + 1] = v_inf + (expected[k] - v_inf) * decay
    assert np.allclose(v, expected[:40], rtol=0, atol=1e-9)
