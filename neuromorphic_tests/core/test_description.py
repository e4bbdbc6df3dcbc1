"""The objects a network is described with: conversion, names, slices, schedules, and what the builder refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn.errors import DescriptionError, UnitError, UnknownNameError

GROUP = hs.Population(20, name="exc")


def test_fields_are_converted_to_canonical_units():
    cell = hs.LIF(tau_m="0.02 s", v_thresh="-0.05 V", cm=[1, 2])
    assert (cell.tau_m, cell.v_thresh) == (20.0, -50.0)
    assert cell.cm.tolist() == [1.0, 2.0]
    assert hs.Modulator(tau="5 s", releases=[("0.1 s", 2)]).releases == ((100.0, 2.0),)
    assert hs.SpikeInput([["1 ms", "0.01 s"], []]).spike_times[0].tolist() == [1.0, 10.0]


def test_whole_numbers_of_numpy_become_pythons():
    net = hs.Network(seed=np.int64(3))
    group, connector = hs.Population(np.int32(5)), hs.FixedNumberPre(np.int64(2), allow_self=np.bool_(False))
    values = (net.seed, net.replace(seed=np.uint64(4)).seed, group.size, connector.n, connector.allow_self)
    assert values == (3, 4, 5, 2, False)
    assert [type(value) for value in values] == [int, int, int, int, bool]


def test_a_wrong_dimension_is_an_error_at_once():
    for make, parameter in [
        (lambda: hs.LIF(tau_m="20 mV"), "tau_m"),
        (lambda: hs.PoissonInput(3, rate="20 ms", name="stim"), "rate"),
        (lambda: hs.Projection(GROUP, GROUP, hs.AllToAll(), weight="1 mV"), "weight"),
        (lambda: hs.Population(3, initial_values={"v": "1 nA"}), "initial v"),
        (lambda: hs.Modulator(releases=[("1 mV", 1.0)]), "releases"),
        (lambda: hs.HMNRule(tick=hs.Uniform(1, 2)), "tick"),
        (lambda: hs.LIF(tau_m=hs.AllToAll()), "tau_m"),
        (lambda: hs.Projection(GROUP, GROUP, hs.AllToAll(), weight=hs.AllToAll()), "weight"),
    ]:
        with pytest.raises(UnitError) as caught:
            make()
        assert caught.value.parameter == parameter


def test_parts_are_equal_by_value_and_things_by_identity():
    assert hs.LIF(tau_m=[1.0, 2.0]) == hs.LIF(tau_m=np.array([1, 2]))
    assert hs.LIF(tau_m=[1.0, 2.0]) != hs.LIF(tau_m=[1.0, 3.0])
    assert hs.LIF(tau_m=hs.Uniform(1, 2)) == hs.LIF(tau_m=hs.Uniform(1, 2))
    assert hs.LIF() != hs.LeakyCalcium()
    assert hash(hs.LIF(tau_m=1)) == hash(hs.LIF(tau_m="1 ms"))
    first, second = hs.Population(3, name="exc"), hs.Population(3, name="exc")
    assert first != second
    assert len({first, second}) == 2


def test_descriptions_cannot_be_changed():
    cell = hs.LIF(tau_m=[1.0, 2.0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        cell.tau_m = 3.0
    with pytest.raises(ValueError, match="read-only"):
        cell.tau_m[0] = 3.0


@pytest.mark.parametrize(
    ("selection", "name"),
    [
        (slice(None), "exc[0:20]"),
        (slice(5, 10), "exc[5:10]"),
        (slice(0, 20, 5), "exc[0:16:5]"),
        (3, "exc[3]"),
        (-1, "exc[19]"),
        ([7, 3, 11], "exc[3 members]"),
        (slice(None, None, -1), "exc[20 members]"),
        (slice(4, 4), "exc[0 members]"),
        (np.arange(20) < 4, "exc[0:4]"),
    ],
    ids=str,
)
def test_slices_name_their_members(selection, name):
    view = GROUP[selection]
    assert view.name == name
    assert view.indices.tolist() == np.atleast_1d(np.arange(20)[selection]).tolist()
    assert len(view) == len(view.indices)
    assert not view.indices.flags.writeable


@pytest.mark.parametrize("selection", [20, [0, 20], [1, 1], "v", 1.5, np.ones(3, bool), [[0, 1]], None], ids=str)
def test_slices_that_select_nothing_sensible(selection):
    with pytest.raises(DescriptionError) as caught:
        GROUP[selection]
    assert caught.value.owner == "slice of population 'exc'"
    assert caught.value.parameter == "selection"


def test_objects_without_a_name_get_one():
    net = hs.Network()
    first, second = net.add(hs.Population(3)), net.add(hs.Population(3))
    stim = net.add(hs.PoissonInput(3, rate=1.0))
    names = [net.add(hs.Projection(stim, second[:2], hs.AllToAll())).name for _ in range(3)]
    assert (first.name, second.name, stim.name) == ("population_0", "population_1", "poisson_0")
    base = "poisson_0 -> population_1"
    assert names == [base, f"{base}_0", f"{base}_1"]


def test_a_name_is_used_once():
    net = hs.Network("pair")
    net.add(hs.Population(3, name="exc"))
    for thing in (hs.Population(3, name="exc"), hs.Modulator(name="exc")):
        with pytest.raises(DescriptionError) as caught:
            net.add(thing)
        assert (caught.value.owner, caught.value.parameter) == ("network 'pair'", f"name of the {thing.kind}")
        assert caught.value.value == "exc"
    assert len(net.things) == 1


@pytest.mark.parametrize("thing", [hs.LIF(), "exc", None, hs.Population], ids=str)
def test_only_objects_of_a_network_can_be_added(thing):
    with pytest.raises(DescriptionError) as caught:
        hs.Network("pair").add(thing)
    assert (caught.value.owner, caught.value.parameter) == ("network 'pair'", "add")
    assert caught.value.value is thing


def test_a_network_is_a_collection_by_name():
    net = hs.Network()
    exc, glia = net.add(hs.Population(3, name="exc")), net.add(hs.Astrocytes(2, name="glia"))
    assert net["exc"] is exc
    assert "glia" in net
    assert glia in net
    assert hs.Population(3, name="exc") not in net
    assert list(net.of_kind(hs.Population, hs.Astrocytes)) == [exc, glia]
    with pytest.raises(UnknownNameError) as caught:
        net["inh"]
    assert (caught.value.kind, caught.value.name, caught.value.known) == ("object", "inh", ("exc", "glia"))


def test_replace_gives_a_changed_copy_and_leaves_the_original():
    net = hs.Network("pair", dt=0.1, seed=1)
    exc = net.add(hs.Population(3, name="exc"))
    net.record(exc, "v")
    other = net.replace(name="triple", dt="0.2 ms", seed=7)
    other.add(hs.Population(3))
    other.record(exc, "i_exc")
    assert (other.name, other.dt, other.seed, len(other.things), len(other.recordings)) == ("triple", 0.2, 7, 2, 2)
    assert (net.name, net.dt, net.seed, len(net.things), len(net.recordings)) == ("pair", 0.1, 1, 1, 1)
    assert other["exc"] is exc


def test_recording_takes_the_variables_an_object_has():
    net = hs.Network()
    exc = net.add(hs.Population(3, name="exc"))
    delta = net.add(hs.Population(3, hs.LIF(tau_syn_E=0), name="delta"))
    glia = net.add(hs.Astrocytes(2, name="glia"))
    static = net.add(hs.Projection(exc, delta, hs.AllToAll(), name="static"))
    plastic = net.add(hs.Projection(exc, exc, hs.AllToAll(), plasticity=hs.HMNRule(), name="plastic"))
    net.record(exc[:2], ["v", "i_exc"], every="1 ms")
    net.record(glia, ["calcium", "gain", "M"])
    net.record(plastic, ("weight", "eligibility"))
    net.record(static, "weight", every=5)
    recorded = [(r.group.name, r.variable, r.every) for r in net.recordings]
    assert recorded[:2] == [("exc", "v", 1.0), ("exc", "i_exc", 1.0)]
    assert recorded[-1] == ("static", "weight", 5.0)
    for target, variable in [(exc, "calcium"), (static, "eligibility"), (glia, "v"), (net, "v"), (exc, "")]:
        with pytest.raises(DescriptionError) as caught:
            net.record(target, variable)
        assert (caught.value.parameter, caught.value.value) == ("variable", variable)
    assert len(net.recordings) == len(recorded)


def test_weights_are_in_mV_at_a_delta_synapse():
    delta = hs.Population(3, hs.LIF(tau_syn_E=0.0, tau_syn_I=5.0), name="delta")
    into = hs.Projection(GROUP, delta, hs.AllToAll(), weight="0.1 mV")
    assert (into.weight, into.weight_unit) == (0.1, "mV")
    inhibitory = hs.Projection(GROUP, delta[:2], hs.AllToAll(), weight="100 pA", receptor="inhibitory")
    assert (inhibitory.weight, inhibitory.weight_unit) == (0.1, "nA")


def test_same_ends_means_the_same_neurons_in_the_same_order():
    other = hs.Population(20, name="inh")
    for pre, post, same in [
        (GROUP, GROUP, True),
        (GROUP[:], GROUP, True),
        (GROUP[2:5], GROUP[[2, 3, 4]], True),
        (GROUP[2:5], GROUP[3:6], False),
        (GROUP[[3, 2]], GROUP[[2, 3]], False),
        (GROUP, other, False),
    ]:
        assert hs.Projection(pre, post, hs.AllToAll()).same_ends is same


def test_steps_from_samples():
    steps = hs.Steps.from_samples([1.0, 2.0, 3.0], "0.5 ms", start=1.0)
    assert steps.times.tolist() == [1.0, 1.5, 2.0]
    assert list(steps.in_unit("nA", "current", "amplitude").problems()) == []


@pytest.mark.parametrize(
    ("times", "values", "parameter"),
    [
        ([0.0, 0.0], [1.0, 2.0], "times"),
        ([2.0, 1.0], [1.0, 2.0], "times"),
        ([0.0, float("nan")], [1.0, 2.0], "times"),
        ([-1.0, 1.0], [1.0, 2.0], "times"),
        ([0.0, 1.0], [1.0], "values"),
        ([0.0, 1.0], [1.0, float("inf")], "values"),
        ([0.0, 1.0], np.zeros((2, 3, 4)), "values"),
    ],
)
def test_steps_that_are_no_steps(times, values, parameter):
    problems = list(hs.PoissonInput(3, rate=hs.Steps(times, values), name="stim").problems())
    assert [(e.owner, e.parameter) for e in problems][:1] == [("Poisson input 'stim'", f"rate: {parameter}")]


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 4)), max_size=40))
def test_spikes_from_flat_arrays_go_to_their_sources(spikes):
    times, indices = [float(t) for t, _ in spikes], [i for _, i in spikes]
    source = hs.SpikeInput.from_arrays(5, times, indices)
    assert len(source) == source.size == 5
    for k in range(5):
        assert source.spike_times[k].tolist() == [t for t, i in zip(times, indices, strict=True) if i == k]


def test_spikes_from_flat_arrays_that_do_not_fit():
    for times, indices, found in [([1.0, 2.0], [0], (1,)), ([1.0], [3], (3, 3)), ([1.0], [-1], (-1, -1))]:
        with pytest.raises(DescriptionError) as caught:
            hs.SpikeInput.from_arrays(3, times, indices, name="stim")
        assert (caught.value.owner, caught.value.parameter) == ("spike input 'stim'", "indices")
        assert caught.value.value == found


def test_modulators_have_their_published_time_constants():
    made = [hs.Modulator.dopamine(), hs.Modulator.norepinephrine(), hs.Modulator.acetylcholine(name="ach", tau=3.0)]
    assert [(m.name, m.tau) for m in made] == [("dopamine", 200.0), ("norepinephrine", 1000.0), ("ach", 3.0)]


@pytest.mark.parametrize("releases", [[1.0, 2.0], [(1.0, 2.0, 3.0)], 5.0])
def test_releases_are_pairs(releases):
    with pytest.raises(DescriptionError) as caught:
        hs.Modulator(releases=releases, name="dopamine")
    assert (caught.value.owner, caught.value.parameter) == ("modulator 'dopamine'", "releases")
    assert caught.value.value == releases


def test_reward_baseline_follows_its_definition():
    baseline = hs.RewardBaseline(rate=0.25)
    assert [baseline.error(reward) for reward in (1.0, 1.0, 0.0)] == [1.0, 0.75, -0.4375]
    assert baseline.value == pytest.approx(0.4375 * 0.75)


def test_kappa_and_modulators_of_a_rule():
    dopamine = hs.Modulator(name="dopamine")
    assert hs.HMNRule(kappa_slow=0.25, modulators=dopamine).kappa_fast == 0.75
    assert hs.HMNRule(modulators=dopamine).modulators == (dopamine,)


def test_brian2_quantities_are_taken_wherever_numbers_are():
    from brian2 import Hz, ms, mV, nA, pA

    group = hs.Population(2, hs.LIF(tau_m=[10, 20] * ms), initial_values={"v": -60 * mV}, name="exc")
    assert (group.cell.tau_m.tolist(), group.initial_values["v"]) == ([10.0, 20.0], -60.0)
    assert hs.PoissonInput(2, rate=hs.Steps([0, 50] * ms, [20, 30] * Hz)).rate.values.tolist() == [20.0, 30.0]
    assert hs.SpikeInput([[1 * ms, 2 * ms], [3] * ms]).spike_times[0].tolist() == [1.0, 2.0]
    projection = hs.Projection(group, group, hs.AllToAll(), weight=hs.Uniform(100 * pA, 0.5 * nA), delay=2 * ms)
    assert (projection.weight.low, projection.weight.high, projection.delay) == (pytest.approx(0.1), 0.5, 2.0)
    assert hs.Network(dt=1 * ms).dt == 1.0


def test_initial_values_are_of_known_variables():
    group = hs.Population(2, initial_values={"v": hs.Uniform("-65 mV", "-0.05 V"), "i_exc": [0, 1]})
    assert group.initial_values["v"] == hs.Uniform(-65.0, -50.0)
    with pytest.raises(DescriptionError) as caught:
        hs.Population(2, name="exc", initial_values={"u": 0.0})
    assert (caught.value.parameter, caught.value.value) == ("initial_values", "u")
