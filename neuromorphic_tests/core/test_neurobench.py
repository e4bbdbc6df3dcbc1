"""NeuroBench's metrics: its definitions on networks small enough to count by hand, and by a plain loop on others."""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn.errors import DescriptionError, SimulationError
from hmn_snn.lowering import lower
from hmn_snn.neurobench_metrics import neurobench
from neuromorphic_tests.networks import DURATION, random_network


def three_by_three(learned: bool = False) -> hs.Network:
    """Return 3 inputs on 3 neurons; the 2 that spike, in the first step, have 4 of the 7 weights that are not 0."""
    net = hs.Network("three by three", dt=1.0, seed=1)
    stim = net.add(hs.SpikeInput([[1.0], [1.0], []], name="stim"))
    exc = net.add(hs.Population(3, hs.LIF(), name="exc"))
    weights = np.array([[0.1, 0.0, 0.2], [0.1, 0.3, 0.0], [0.1, 0.1, 0.1]])
    rule = hs.HMNRule() if learned else None
    net.add(hs.Projection(stim, exc, hs.AllToAll(), weight=weights, delay=1.0, plasticity=rule, name="stim->exc"))
    return net


def test_synaptic_operations_count_spikes_at_weights_that_are_not_zero():
    net = three_by_three()
    metrics = neurobench(hs.run(net, 1.0), net)
    assert (metrics.effective_macs, metrics.effective_acs, metrics.dense) == (0.0, 4.0, 9.0)
    assert metrics.connection_sparsity == round(2 / 9, 4)
    assert metrics.activation_sparsity == 1.0
    assert metrics.execution_rate == 1000.0


def test_counts_are_per_sample():
    net = three_by_three()
    metrics = neurobench(hs.run(net, 4.0), net, samples=2)
    assert (metrics.effective_acs, metrics.dense) == (2.0, 9.0 * 4 / 2)
    assert metrics.extensions["NeuronUpdates"] == 3 * 4 / 2


def test_absent_synapses_are_zeros_and_parallel_ones_are_one_weight():
    net = hs.Network("sparse", dt=1.0)
    stim = net.add(hs.SpikeInput([[1.0], []], name="stim"))
    exc = net.add(hs.Population(5, hs.LIF(), name="exc"))
    pairs = hs.FromArrays([0, 0, 1], [2, 2, 4])
    net.add(hs.Projection(stim, exc, pairs, weight=0.1, delay=1.0))
    net.add(hs.Projection(exc[:2], exc[2:], hs.FromArrays([0], [0]), weight=0.1, delay=1.0))
    metrics = neurobench(hs.run(net, 3.0), net)
    assert metrics.connection_sparsity == round(1 - 3 / (2 * 5 + 2 * 3), 4)
    assert metrics.dense == 3 * (2 * 5 + 2 * 3)
    assert metrics.effective_acs == 2.0


def test_weights_that_learning_made_are_those_at_the_end():
    net = three_by_three(learned=True)
    results = hs.run(net, 5.0)
    zeros = int((results.weights["stim->exc"].values == 0.0).sum())
    assert neurobench(results, net).connection_sparsity == round(zeros / 9, 4)


def test_the_footprint_is_the_bytes_of_parameters_and_buffers():
    net = three_by_three()
    # of the projection: 9 weights; int32 delay and 9 targets, int64 pointers of 3 rows. Of the neurons, one number each
    # that they share: 12 coefficients and an int32 refractory period; 3 neurons' v, two currents and bias
    numbers, integers = 9 + 12 + 3 * 4, 4 + 9 * 4 + 4 * 8 + 4
    assert neurobench(hs.run(net, 1.0), net).footprint == 8 * numbers + integers
    assert neurobench(hs.run(net, 1.0, precision="float32"), net).footprint == 4 * numbers + integers
    assert neurobench(hs.run(net, 1.0), net).parameter_count == 9


def test_membrane_updates_need_every_membrane_at_every_step():
    net = three_by_three()
    assert neurobench(hs.run(net, 10.0), net).membrane_updates is None
    net.record(net["exc"], "v", every=2.0)
    assert neurobench(hs.run(net, 10.0), net).membrane_updates is None


def test_membrane_updates_are_the_first_step_and_the_changes_after_it():
    net = hs.Network("two of three", dt=1.0)
    exc = net.add(hs.Population(3, hs.LIF(), name="exc"))
    net.add(hs.CurrentInput(exc[:1], 0.01, name="current"))
    net.record(exc, "v")
    results = hs.run(net, 10.0)
    values = results.traces["exc"]["v"].values
    assert (np.diff(values[:, 0]) != 0).all()
    assert (values[:, 1:] == values[0, 1:]).all()
    assert neurobench(results, net).membrane_updates == 3 + 8  # one driven neuron, over the steps with both ends


@pytest.mark.parametrize("seed", range(3))
def test_random_networks_are_counted_as_a_plain_loop_counts(seed):
    net = random_network(seed)
    results = hs.run(net, DURATION)
    metrics = neurobench(results, net)
    n_steps = round(DURATION / net.dt)
    accumulates = pairs = connected = 0
    for projection, p in zip(net.of_kind(hs.Projection), lower(net).projections, strict=True):
        learned = results.weights.get(p.name)
        values = p.weights if learned is None else learned.values
        fired = [0] * p.n_source
        for i in results.spikes[projection.source.name].i:
            fired[i] += 1
        between: dict[tuple[int, int], float] = {}
        for i, j, weight in zip(p.source_index, p.target_index, values, strict=True):
            accumulates += fired[i] if weight != 0 else 0
            between[i, j] = between.get((i, j), 0.0) + weight
        connected += sum(weight != 0 for weight in between.values())
        pairs += len(projection.pre) * len(projection.post)
    neurons = sum(p.size for p in net.of_kind(hs.Population))
    spikes = sum(len(results.spikes[p.name]) for p in net.of_kind(hs.Population))
    assert accumulates > 0
    assert spikes > 0
    assert (metrics.effective_acs, metrics.dense) == (accumulates, pairs * n_steps)
    assert metrics.connection_sparsity == round(1 - connected / pairs, 4)
    assert metrics.activation_sparsity == pytest.approx(1 - spikes / (neurons * n_steps))


def test_names_are_neurobenchs_and_extensions_are_named_as_ours():
    net = three_by_three()
    found = neurobench(hs.run(net, 1.0), net).to_dict()
    assert list(found) == [
        "Footprint", "ParameterCount", "ConnectionSparsity", "ModelExecutionRate", "ActivationSparsity",
        "SynapticOperations", "MembraneUpdates", "hmn_snn",
    ]  # fmt: skip
    assert list(found["SynapticOperations"]) == ["Effective_MACs", "Effective_ACs", "Dense"]
    assert found["hmn_snn"]["NeuronUpdates"] == 3
    text = str(neurobench(hs.run(net, 1.0), net))
    assert "PlasticUpdates (not NeuroBench's)" in text
    assert [line.split()[1] for line in text.splitlines() if line.startswith("MembraneUpdates")] == ["missing"]


def test_another_network_is_refused():
    net = three_by_three()
    results = hs.run(net, 1.0)
    with pytest.raises(SimulationError, match="another network"):
        neurobench(results, net.replace(seed=2))


@pytest.mark.parametrize("samples", [0, -1, 1.5, True])
def test_a_wrong_number_of_samples_is_refused(samples):
    net = three_by_three()
    with pytest.raises(DescriptionError) as caught:
        neurobench(hs.run(net, 1.0), net, samples=samples)
    assert caught.value.value == samples
