"""NIR in both directions: what a graph means here, what a network is there, and what is refused or listed as lost."""

from __future__ import annotations

import subprocess
import sys
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import signal
from scipy.linalg import expm

import hmn_snn as hs
from hmn_snn import nir_graph
from hmn_snn.errors import (
    DescriptionError,
    FileFormatError,
    MissingExtraError,
    UnknownNameError,
    ValidationError,
)
from hmn_snn.nir_export import _LEFT_OUT
from hmn_snn.nir_graph import NIRWarning
from hmn_snn.nir_maps import bias_of, linear_map
from hmn_snn.nir_neurons import NEVER, NO_LEAK
from hmn_snn.translator import FEATURES

nir = pytest.importorskip("nir")

STEPS = 400


def port(*shape):
    return nir.Input(input_type={"input": np.array(shape)})


def end(*shape):
    return nir.Output(output_type={"output": np.array(shape)})


def lif(n=1, tau=0.01, r=1.0, v_leak=0.0, v_threshold=1.0, **more):
    shape = n if isinstance(n, tuple) else (n,)
    values = {"tau": tau, "r": r, "v_leak": v_leak, "v_threshold": v_threshold, **more}
    return nir.LIF(**{name: np.full(shape, value) for name, value in values.items()})


def graph(edges, **nodes):
    return nir.NIRGraph(nodes=nodes, edges=edges, type_check=False)


def chain(*nodes):
    """Return a graph of nodes in a row, named a, b, c, ..."""
    names = "abcdefgh"[: len(nodes)]
    return graph(list(pairwise(names)), **dict(zip(names, nodes, strict=True)))


def silently(function, *args, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*args, **options)


def findings_of(caught) -> list:
    (warning,) = (w.message for w in caught if isinstance(w.message, NIRWarning))
    return list(warning.findings)


def exported(net, *args):
    """Return the graph and what was lost, as (object, where)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made = hs.to_nir(net, *args)
    return made, {(f.what, f.where) for w in caught for f in w.message.findings}


def sparse_matrix(rng, n_post, n_pre, scale):
    return np.where(rng.random((n_post, n_pre)) < 0.7, scale * rng.normal(0.4, 1.0, (n_post, n_pre)), 0.0)


# What a graph means: a simulator of NIR's equations, on matrices, that shares nothing with the translation.


class Drawn:
    """A random recurrent graph: one input and two populations, each edge with weights of both signs."""

    def __init__(self, seed: int, filtered: bool, subtract: bool, dt: float) -> None:
        rng = np.random.default_rng(seed)
        self.dt, self.filtered, self.subtract = dt, filtered, subtract
        self.sizes = {"in": int(rng.integers(1, 4)), "a": int(rng.integers(1, 5)), "b": int(rng.integers(1, 5))}
        self.neurons, self.layers = {}, {}
        for name in "ab":
            n = self.sizes[name]
            self.neurons[name] = {
                "tau": rng.uniform(2e-3, 2e-2, n),
                "tau_syn": rng.uniform(1e-3, 1e-2, n),
                "r": rng.uniform(0.5, 2.0, n),
                "v_leak": rng.uniform(-0.5, 0.2, n),
                "v_threshold": rng.uniform(0.5, 1.0, n),
                "v_reset": rng.uniform(-1.0, -0.5, n),
                "w_in": rng.uniform(0.5, 2.0, n),
            }
        for pre, post in (("in", "a"), ("in", "b"), ("a", "b"), ("b", "a"), ("a", "a")):
            tau = self.neurons[post]["tau_syn" if filtered else "tau"].mean()
            weight = sparse_matrix(rng, self.sizes[post], self.sizes[pre], 2.0 * tau * 1000.0 / dt)
            bias = rng.normal(0.2, 0.3, self.sizes[post]) if rng.random() < 0.6 else None
            delay = rng.integers(1, 9, self.sizes[pre]) if rng.random() < 0.5 else None
            self.layers[pre, post] = weight, bias, delay
        self.pulses = rng.random((STEPS, self.sizes["in"])) < 0.08
        self.pulses[:2] = False

    def graph(self):
        """Return the graph, with a Delay before some layers."""
        nodes, edges = {"in": port(self.sizes["in"]), "out": end(self.sizes["b"])}, [("b", "out")]
        for name, p in self.neurons.items():
            shared = {key: p[key] for key in ("r", "v_leak", "v_threshold", "v_reset")}
            if self.filtered:
                nodes[name] = nir.CubaLIF(tau_mem=p["tau"], tau_syn=p["tau_syn"], w_in=p["w_in"], **shared)
            else:
                nodes[name] = nir.LIF(tau=p["tau"], **shared)
        for (pre, post), (weight, bias, delay) in self.layers.items():
            layer = f"{pre}{post}"
            nodes[layer] = nir.Linear(weight) if bias is None else nir.Affine(weight, bias)
            edges.append((layer, post))
            if delay is not None:
                nodes[f"{layer} late"] = nir.Delay(delay * self.dt / 1000.0)
                edges += [(pre, f"{layer} late"), (f"{layer} late", layer)]
            else:
                edges.append((pre, layer))
        return nir.NIRGraph(nodes=nodes, edges=edges)

    def simulate(self) -> tuple[dict, float]:
        """Return spikes (step, neuron) per population, and the smallest distance of a v from its threshold.

        A spike in step k is a pulse in step k + 1 + delay; an edge without a delay takes one step.
        """
        fired = {"in": self.pulses, "a": np.zeros((STEPS, self.sizes["a"]), bool)}
        fired["b"] = np.zeros((STEPS, self.sizes["b"]), bool)
        v = {name: p["v_leak"].copy() for name, p in self.neurons.items()}
        current = {name: np.zeros(self.sizes[name]) for name in self.neurons}
        steppers = {name: [self.stepper(p, j) for j in range(self.sizes[name])] for name, p in self.neurons.items()}
        margin = np.inf
        for step in range(STEPS):
            for name, p in self.neurons.items():
                pulse, constant = np.zeros(self.sizes[name]), np.zeros(self.sizes[name])
                for (pre, post), (weight, bias, delay) in self.layers.items():
                    if post == name:
                        late = np.ones(self.sizes[pre], int) if delay is None else delay
                        rows = step - 1 - late
                        x = np.where(rows >= 0, fired[pre][rows, np.arange(self.sizes[pre])], False)
                        pulse += weight @ x
                        constant += 0.0 if bias is None else bias
                for j, advance in enumerate(steppers[name]):
                    v[name][j], current[name][j] = advance(v[name][j], current[name][j], pulse[j], constant[j])
                margin = min(margin, np.abs(v[name] - p["v_threshold"]).min())
                spikes = v[name] > p["v_threshold"]
                fired[name][step] = spikes
                jump = v[name] - (p["v_threshold"] - p["v_reset"]) if self.subtract else p["v_reset"]
                v[name] = np.where(spikes, jump, v[name])
        return {name: np.argwhere(fired[name]) for name in self.neurons}, margin

    def stepper(self, p, j):
        """Return the exact step of neuron j: of (v, I, 1) under a held input, or with its area added to I at once."""
        # State: v, the synaptic current, the input, 1; the last two are held over the step.
        tau, tau_s, r, w_in = p["tau"][j], p["tau_syn"][j], p["r"][j], p["w_in"][j]
        drift = np.zeros((4, 4))
        drift[0] = [-1 / tau, r / tau, 0.0 if self.filtered else r / tau, p["v_leak"][j] / tau]
        drift[1] = [0.0, -1 / tau_s, w_in / tau_s if self.filtered else 0.0, 0.0]
        step = expm(drift * self.dt / 1000.0)

        def held(v, current, pulse, constant):
            return (step @ [v, current, pulse + constant, 1.0])[:2]

        def filtered(v, current, pulse, constant):
            return (step @ [v, current + w_in * pulse * self.dt / 1000.0 / tau_s, constant, 1.0])[:2]

        return filtered if self.filtered else held


seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=25)
@given(seed=seeds, filtered=st.booleans(), subtract=st.booleans(), dt=st.sampled_from([0.1, 0.5]))
def test_random_graphs_fire_as_their_equations_say(seed, filtered, subtract, dt):
    drawn = Drawn(seed, filtered, subtract, dt)
    expected, margin = drawn.simulate()
    assume(margin > 1e-9)
    # A spike at t acts from t + dt on: a pulse in step k + 2 of the simulator belongs to the spike of step k.
    times = [(np.flatnonzero(column) + 1) * dt for column in drawn.pulses.T]
    net = hs.from_nir(drawn.graph(), dt, {"in": times}, reset="subtract" if subtract else "value")
    results = hs.run(net, STEPS * dt)
    for name in "ab":
        found = results.spikes[name]
        steps = np.rint(found.t / dt).astype(int) - 1
        assert sorted(zip(steps, found.i, strict=True)) == [tuple(pair) for pair in expected[name].tolist()]


def test_random_graphs_are_not_silent():
    spikes = [sum(map(len, Drawn(seed, seed % 2 == 0, False, 0.1).simulate()[0].values())) for seed in range(8)]
    assert min(spikes) > 20


@settings(max_examples=25)
@given(seed=seeds, filtered=st.booleans(), subtract=st.booleans())
def test_a_graph_returns_as_it_was(seed, filtered, subtract):
    """Weights, biases, delays and parameters come back from a network that came from NIR."""
    drawn = Drawn(seed, filtered, subtract, 0.1)
    net = hs.from_nir(drawn.graph(), 0.1, reset="subtract" if subtract else "value")
    made, lost = exported(net)
    assert not {where for _, where in lost} - {"delay", "reset_subtract", "spike_input"}
    for name, parameters in drawn.neurons.items():
        node = made.nodes[name]
        assert type(node).__name__ == ("CubaLIF" if filtered else "LIF")
        assert node.metadata.get("reset", "value") == ("subtract" if subtract else "value")
        for key, value in (("r", "r"), ("v_leak", "v_leak"), ("v_threshold", "v_threshold"), ("v_reset", "v_reset")):
            np.testing.assert_allclose(getattr(node, key), parameters[value], rtol=1e-12)
    flat = nir_graph.Graph.of(made)
    gain = {name: p["w_in"] / made.nodes[name].w_in if filtered else 1.0 for name, p in drawn.neurons.items()}
    found = {pair: np.zeros_like(weight) for pair, (weight, _, _) in drawn.layers.items()}
    for pre, size in drawn.sizes.items():
        for route in flat.routes(pre, (size,)):
            if route.target in drawn.neurons:
                matrix = sum(part.toarray() for part in route.signal.parts.values())
                if (pre, route.target) in found:
                    found[pre, route.target] += matrix
                else:  # nothing but a bias, where no weight is left to carry it
                    assert not matrix.any()
    for (pre, post), (weight, _, _) in drawn.layers.items():
        scaled = weight * np.broadcast_to(gain[post], (len(weight),))[:, None]
        np.testing.assert_allclose(found[pre, post], scaled, rtol=1e-10, atol=1e-12)


def random_network(seed: int, filtered: bool) -> hs.Network:
    """Return a static network of two populations, with what NIR can hold but for the start of currents."""
    rng = np.random.default_rng(seed)
    net = hs.Network("random", dt=0.1, seed=seed)
    times = [np.sort(rng.integers(1, 400, 30)) * 0.1 for _ in range(5)]
    stim = net.add(hs.SpikeInput(times, "stim"))
    for name, size in (("exc", 6), ("inh", 3)):
        tau_syn = rng.uniform(2.0, 8.0, size) if filtered else 0.0
        reset = "subtract" if rng.random() < 0.5 else "value"
        drive = 0.0 if filtered else rng.uniform(-1.0, 12.0, size)
        cell = hs.LIF(
            rng.uniform(5.0, 20.0, size), 10.0, i_offset=drive, tau_syn_E=tau_syn, tau_syn_I=tau_syn, reset=reset
        )
        net.add(hs.Population(size, cell, name))
    scale = 40.0 if filtered else 6.0
    for pre, post, receptor in (
        (stim, "exc", 0),
        ("exc", "inh", 0),
        ("inh", "exc", 1),
        ("exc", "exc", 0),
        (stim, "inh", 1),
    ):
        source, delay = net[pre] if isinstance(pre, str) else pre, hs.Uniform(0.1, 0.5) if rng.random() < 0.5 else 0.3
        weight = hs.Uniform(0.1 * scale, scale * (1 if receptor else 2))
        kind = ("excitatory", "inhibitory")[receptor]
        net.add(hs.Projection(source, net[post][: rng.integers(2, 4)], hs.FixedProbability(0.6), weight, delay, kind))
    return net


@settings(max_examples=20)
@given(seed=seeds, filtered=st.booleans())
def test_a_network_returns_with_the_same_spikes(seed, filtered):
    net = random_network(seed, filtered)
    made, _ = exported(net)
    again = silently(hs.from_nir, made, 0.1, {"stim": net["stim"].spike_times})
    ours, theirs = hs.run(net, 50.0), hs.run(again, 50.0)
    assume(min(ours.margins.threshold, theirs.margins.threshold) > 1e-9)
    for name in ("exc", "inh"):
        assert np.array_equal(ours.spikes[name].t, theirs.spikes[name].t)
        assert np.array_equal(ours.spikes[name].i, theirs.spikes[name].i)


def test_random_networks_are_not_silent():
    counts = [[len(hs.run(random_network(s, s % 2 == 0), 50.0).spikes[n].t) for n in ("exc", "inh")] for s in range(6)]
    assert np.min(np.sum(counts, axis=1)) > 10


# Neurons


def test_parameters_and_names():
    made = graph(
        [("in", "w"), ("w", "cells"), ("cells", "out")],
        **{"in": port(2), "w": nir.Linear(np.array([[1.0, 0.0], [0.0, -2.0], [1.0, 1.0]])), "out": end(3)},
        cells=lif(3, tau=0.02, r=4.0, v_leak=-0.5, v_threshold=0.7, v_reset=-0.6),
    )
    net = silently(hs.from_nir, made, 0.1)
    cell = net["cells"].cell
    assert (cell.tau_m, cell.cm, cell.v_rest, cell.v_reset) == (20.0, 5.0, -0.5, -0.6)
    assert cell.v_thresh == np.nextafter(0.7, 1.0)
    assert list(net.things) == ["in", "cells", "w", "w (inhibitory)"]
    unit = 4.0 * np.expm1(0.1 / 20.0)
    np.testing.assert_allclose(net["w"].weight, unit, rtol=1e-14)
    np.testing.assert_allclose(net["w (inhibitory)"].weight, 2.0 * unit, rtol=1e-14)
    assert (net["w"].receptor, net["w (inhibitory)"].receptor) == ("excitatory", "inhibitory")
    assert net["w"].delay == 0.1


def test_a_spike_needs_more_than_the_threshold():
    """NIR fires at v > v_threshold. Without a leak the potential meets it exactly: 0.5, 1.0, 1.5."""
    one = np.ones(1)
    made = chain(port(1), nir.Linear(np.array([[0.5]])), nir.IF(r=1000.0 * one, v_threshold=one, v_reset=0.0 * one))
    net = hs.from_nir(made, 1.0, {"a": [np.arange(1.0, 10.0)]})
    assert net["c"].cell.tau_m == NO_LEAK
    # The pulse of a spike at t acts in the step that ends at t + 2 dt: the third one brings 1.5.
    assert hs.run(net, 12.0).spikes["c"].t.tolist() == [5.0, 8.0, 11.0]


@pytest.mark.parametrize("kind", ["LI", "CubaLI", "I"])
def test_neurons_that_only_integrate(kind):
    one = np.ones(1)
    leak = {"r": 2.0 * one, "v_leak": 0.5 * one}
    node = {"LI": lambda: nir.LI(tau=0.01 * one, **leak), "I": lambda: nir.I(r=2.0 * one)}.get(
        kind, lambda: nir.CubaLI(tau_syn=0.005 * one, tau_mem=0.01 * one, **leak)
    )()
    net = hs.from_nir(chain(port(1), nir.Linear(np.array([[1e6]])), node), 0.1, {"a": [[1.0]]})
    net.record(net["c"], "v")
    results = hs.run(net, 50.0)
    v = results.traces["c"]["v"].values[:, 0]
    assert len(results.spikes["c"].t) == 0
    assert v[0] == (0.0 if kind == "I" else 0.5)
    if kind == "I":
        assert v[-1] == pytest.approx(1e6 * 2.0 * 1e-4, rel=1e-12)
    else:  # the area of the response is that of the pulse, whatever the time constants
        assert (v - 0.5).sum() * 1e-4 == pytest.approx(1e6 * 2.0 * 1e-4, rel=0.03)
    assert net["c"].cell.v_thresh == NEVER
    made, _ = exported(net)
    assert type(made.nodes["c"]).__name__ == kind


def test_mean_current_behind_a_synapse_is_exact():
    """A spike in every step is a constant input of 1: the current settles at w_in, for any step."""
    one = np.ones(1)
    node = nir.CubaLI(tau_syn=0.005 * one, tau_mem=0.01 * one, r=one, v_leak=0.0 * one, w_in=3.0 * one)
    for dt in (0.1, 1.0):
        net = hs.from_nir(chain(port(1), node), dt, {"a": [np.arange(1, 201) * dt]})
        net.record(net["b"], "i_exc")
        i = hs.run(net, 200 * dt).traces["b"]["i_exc"].values[-1, 0]
        held = np.exp(-dt / 5.0 * np.arange(200)).sum() * 3.0 * dt / 5.0
        assert i == pytest.approx(held, rel=0.02)


def test_bias_behind_a_synapse_rises_with_tau_syn():
    one = np.ones(1)
    node = nir.CubaLIF(0.005 * one, 0.01 * one, one, 0.0 * one, 9.0 * one, 0.0 * one, 2.0 * one)
    net = silently(hs.from_nir, chain(port(1), nir.Affine(np.zeros((1, 1)), np.array([-1.5])), node), 0.1)
    net.record(net["c"], ("i_exc", "i_inh"))
    traces = hs.run(net, 20.0).traces["c"]
    total = traces["i_exc"].values[:, 0] - traces["i_inh"].values[:, 0] + net["c"].cell.i_offset
    np.testing.assert_allclose(total, -3.0 * -np.expm1(-np.arange(200) * 0.1 / 5.0), atol=1e-12)
    _, lost = exported(net)
    assert lost == {("c", "recording"), ("a", "spike_input")}


def test_reset_is_chosen_by_caller_then_metadata_then_file(tmp_path):
    import h5py

    made = chain(port(1), lif())
    assert hs.from_nir(made)["b"].cell.reset == "value"
    assert hs.from_nir(made, reset="subtract")["b"].cell.reset == "subtract"
    path = tmp_path / "new.nir"
    nir.write(str(path), made)
    assert hs.from_nir(path)["b"].cell.reset == "value"
    with h5py.File(path, "a") as file:
        del file["node/nodes/b/v_reset"]
    assert hs.from_nir(path)["b"].cell.reset == "subtract"
    assert hs.from_nir(path, reset="value")["b"].cell.reset == "value"
    made.nodes["b"].metadata["reset"] = "subtract"
    assert hs.from_nir(made)["b"].cell.reset == "subtract"
    made.nodes["b"].metadata["reset"] = "of somebody else"
    made.metadata["dt"] = "unknown"
    assert silently(hs.from_nir, made)["b"].cell.reset == "value"
    with pytest.raises(DescriptionError) as caught:
        hs.from_nir(made, reset="soft")
    assert (caught.value.parameter, caught.value.value) == ("reset", "soft")


# Linear nodes


@pytest.mark.parametrize(
    ("padding", "stride", "dilation", "groups"),
    [
        (0, 1, 1, 1),
        (2, (2, 1), 1, 1),
        ((1, 0), 2, (1, 2), 2),
        (2, 3, 1, 2),
        ("valid", (1, 2), 2, 1),
        ("same", 1, 1, 1),
        ("same", 1, (1, 2), 2),
    ],
)
def test_convolution_is_that_of_scipy(padding, stride, dilation, groups):
    rng = np.random.default_rng(3)
    shape, weight = (4, 7, 8), rng.normal(size=(6, 4 // groups, 3, 2))
    node = nir.Conv2d(None, weight, stride, padding, dilation, groups, np.arange(6.0))
    matrix, out = linear_map("node", node, shape)
    x = rng.normal(size=shape)
    steps, gaps = (np.broadcast_to(value, 2) for value in (stride, dilation))
    kernel = np.zeros((6, 4 // groups, 2 * gaps[0] + 1, gaps[1] + 1))
    kernel[:, :, :: gaps[0], :: gaps[1]] = weight
    reach = np.array(kernel.shape[2:]) - 1
    sides = np.broadcast_to(0 if padding == "valid" else padding, 2) if padding != "same" else None
    before, after = (reach // 2, reach - reach // 2) if sides is None else (sides, sides)
    padded = np.pad(x, [(0, 0), *zip(before, after, strict=True)])
    per_group = padded.reshape(groups, 4 // groups, *padded.shape[1:])
    expected = [
        sum(signal.correlate2d(per_group[o * groups // 6, c], kernel[o, c], "valid") for c in range(4 // groups))
        for o in range(6)
    ]
    expected = np.array(expected)[:, :: steps[0], :: steps[1]]
    assert out == expected.shape
    np.testing.assert_allclose(matrix @ x.ravel(), expected.ravel(), atol=1e-12)
    np.testing.assert_array_equal(bias_of(node, out).reshape(out)[:, 0, 0], np.arange(6.0))


def test_convolution_in_one_dimension_and_pools():
    x = np.arange(24.0).reshape(2, 12)
    matrix, out = linear_map("node", nir.Conv1d(12, np.ones((1, 2, 3)), 1, 0, 1, 1, np.zeros(1)), (2, 12))
    assert out == (1, 10)
    np.testing.assert_allclose(matrix @ x.ravel(), signal.correlate(x.sum(0), np.ones(3), "valid"))
    size, none = np.array([2, 3]), np.array([0, 0])
    image = np.arange(48.0).reshape(2, 4, 6)
    sums = image.reshape(2, 2, 2, 2, 3).sum(axis=(2, 4))
    for kind, expected in ((nir.SumPool2d, sums), (nir.AvgPool2d, sums / 6.0)):
        matrix, out = linear_map("node", kind(size, size, none), (2, 4, 6))
        assert out == (2, 2, 2)
        np.testing.assert_allclose(matrix @ image.ravel(), expected.ravel())


def test_a_convolutional_network_is_its_product_of_matrices():
    """Conv2d, IF, SumPool2d, Flatten, Affine, LIF: the shape of the paper's second network."""
    rng = np.random.default_rng(0)
    convolution = nir.Conv2d((6, 6), rng.normal(size=(3, 2, 3, 3)), 1, 1, 1, 1, np.zeros(3))
    pool = nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    flatten = nir.Flatten({"input": np.array([3, 3, 3])}, 0, -1)
    weight = rng.normal(size=(4, 27))
    spiking = nir.IF(np.full((3, 6, 6), 2.0), np.ones((3, 6, 6)))
    made = chain(port(2, 6, 6), convolution, spiking, pool, flatten, nir.Affine(weight, np.arange(4.0)), lif(4))
    net = silently(hs.from_nir, made, 1.0)
    assert (net["a"].size, net["c"].size, net["g"].size) == (72, 108, 4)
    matrix = np.zeros((4, 108))
    for name, sign in (("d, f", 1.0), ("d, f (inhibitory)", -1.0)):
        projection = net[name]
        matrix[projection.connector.post, projection.connector.pre] += sign * projection.weight
    sums, _ = linear_map("node", pool, (3, 6, 6))
    np.testing.assert_allclose(matrix, np.expm1(1.0 / 10.0) * weight @ sums.toarray(), atol=1e-14)
    np.testing.assert_allclose(net["g"].cell.i_offset, np.arange(4.0))


def test_scale_and_two_matrices_in_a_row():
    made = chain(port(2), nir.Scale(np.array([2.0, 3.0])), nir.Linear(np.ones((2, 2))), nir.Linear(np.eye(2)), lif(2))
    net = hs.from_nir(made, 0.1)
    weights = net["b, c, d"].weight / np.expm1(0.1 / 10.0)
    np.testing.assert_allclose(weights, [2.0, 2.0, 3.0, 3.0])


def test_delays_add_up_along_the_way_and_short_ones_are_reported():
    first, second = nir.Delay(np.array([0.001, 0.002])), nir.Delay(np.array([0.0005]))
    made = chain(port(2), first, nir.Linear(np.array([[1.0, 1.0]])), second, lif(1))
    net = silently(hs.from_nir, made, 0.1)
    np.testing.assert_allclose(net["c"].delay, [1.5, 2.5])
    with pytest.warns(NIRWarning) as caught:
        net = hs.from_nir(made, 2.0)
    (finding,) = findings_of(caught)
    assert (finding.what, finding.where) == ("c", "delay")
    assert finding.distortion == pytest.approx(0.25)
    np.testing.assert_allclose(net["c"].delay, [2.0, 2.5])


def test_graphs_in_graphs():
    """As snnTorch writes its recurrent layers: a graph with its own Input and Output, and a loop in it."""
    inner = graph(
        [("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")],
        input=port(2), lif=lif(2), w_rec=nir.Linear(np.array([[0.0, 1.0], [1.0, 0.0]])), output=end(2),
    )  # fmt: skip
    outer = graph(
        [("in", "fc"), ("fc", "rnn"), ("rnn", "out")],
        **{"in": port(3), "fc": nir.Linear(np.ones((2, 3))), "rnn": inner, "out": end(2)},
    )
    net = silently(hs.from_nir, outer)
    assert list(net.things) == ["in", "rnn.lif", "fc", "rnn.w_rec"]
    assert net["rnn.w_rec"].connector.pre.tolist() == [0, 1]
    assert net["rnn.w_rec"].connector.post.tolist() == [1, 0]


# Inputs


def test_inputs():
    made = chain(port(1, 2), lif((1, 2)))
    net = hs.from_nir(made, inputs={"a": [[1.0, 2.0], [3.0]]})
    assert [t.tolist() for t in net["a"].spike_times] == [[1.0, 2.0], [3.0]]
    assert net["a -> b"].connector.post.tolist() == [0, 1]
    net = hs.from_nir(made, inputs={"a": hs.PoissonInput(2, rate=20.0)})
    assert (net["a"].name, net["a"].rate) == ("a", 20.0)
    with pytest.raises(UnknownNameError) as unknown:
        hs.from_nir(made, inputs={"input": [[]]})
    assert (unknown.value.name, unknown.value.known) == ("input", ("a",))
    with pytest.raises(DescriptionError) as wrong:
        hs.from_nir(made, inputs={"a": [[1.0]]})
    assert (wrong.value.owner, wrong.value.value) == ("NIR node 'a' (Input)", 1)


# What is refused


def loop():
    return graph(
        [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")],
        a=port(1), b=nir.Linear(np.eye(1)), c=nir.Scale(np.ones(1)), d=lif(),
    )  # fmt: skip


def conv(weight=(1, 1, 3, 3), stride=1, padding=0):
    return nir.Conv2d(None, np.ones(weight), stride, padding, 1, 1, np.zeros(weight[0]))


BAD = {
    "tau": (lambda: chain(port(1), lif(tau=0.0)), "NIR node 'b' (LIF)", "tau"),
    "r": (lambda: chain(port(1), lif(r=-1.0)), "NIR node 'b' (LIF)", "r"),
    "no shape": (lambda: chain(port(1), lif(())), "NIR node 'b' (LIF)", "shape of r"),
    "sizes": (lambda: chain(port(2), nir.Linear(np.ones((3, 2))), lif(2)), "NIR node 'c' (LIF)", "number of neurons"),
    "columns": (lambda: chain(port(2), nir.Linear(np.ones((1, 3))), lif()), "NIR node 'b' (Linear)", "shape of weight"),
    "scale": (lambda: chain(port(3), nir.Scale(np.ones(2)), lif(3)), "NIR node 'b' (Scale)", "shape of scale"),
    "loop": (loop, "NIR node 'b' (Linear)", "loop"),
    "delays": (lambda: chain(port(3), nir.Delay(np.ones(2)), lif(3)), "NIR node 'b' (Delay)", "shape of delay"),
    "past": (lambda: chain(port(1), nir.Delay(-np.ones(1)), lif()), "NIR node 'b' (Delay)", "delay"),
    "flat image": (lambda: chain(port(9), conv(), lif()), "NIR node 'b' (Conv2d)", "shape of what comes in"),
    "channels": (lambda: chain(port(2, 3, 3), conv(), lif()), "NIR node 'b' (Conv2d)", "shape of weight"),
    "small image": (lambda: chain(port(1, 2, 2), conv(), lif()), "NIR node 'b' (Conv2d)", "reach of the kernel"),
    "same": (lambda: chain(port(1, 5, 5), conv(stride=2, padding="same"), lif()), "NIR node 'b' (Conv2d)", "padding"),
    "no leak": (
        lambda: chain(port(1), nir.Affine(np.eye(1), np.ones(1)), nir.IF(np.ones(1), np.ones(1))),
        "NIR node 'c' (IF)",
        "bias",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_nodes(case):
    make, owner, parameter = BAD[case]
    with pytest.raises(DescriptionError) as caught:
        hs.from_nir(make())
    assert (caught.value.owner, caught.value.parameter) == (owner, parameter)


def test_refused_graphs_list_everything():
    two_ends = graph([], i=port(1), j=port(1), o=end(1))
    made = graph(
        [("a", "b"), ("a", "b"), ("a", "nowhere"), ("a", "sub"), ("sub", "b")],
        a=port(1), b=lif(), spike=nir.Threshold(np.ones(1)), sub=two_ends,
    )  # fmt: skip
    with pytest.raises(ValidationError) as caught:
        hs.from_nir(made)
    found = [(error.owner, error.value) for error in caught.value.errors]
    assert found == [
        ("NIR node 'spike'", "Threshold"),
        ("NIR edge 'a -> b'", 2),
        ("NIR edge 'a -> nowhere'", "nowhere"),
        ("NIR node 'sub' (NIRGraph)", ["i", "j"]),
    ]


def test_a_reset_above_the_threshold_is_an_error_of_the_population():
    with pytest.raises(ValidationError) as caught:
        hs.from_nir(chain(port(1), lif(v_reset=2.0)))
    assert [(error.owner, error.parameter) for error in caught.value.errors] == [("population 'b'", "v_reset")]


def test_files_that_are_none(tmp_path):
    import h5py

    with pytest.raises(FileNotFoundError):
        hs.from_nir(tmp_path / "none.nir")
    text = tmp_path / "text.nir"
    text.write_text("not HDF5")
    empty, single, foreign = (tmp_path / f"{name}.nir" for name in ("empty", "single", "foreign"))
    h5py.File(empty, "w").close()
    nir.write(str(single), lif())
    nir.write(str(foreign), chain(port(1), lif()))
    with h5py.File(foreign, "a") as file:
        file["node/nodes/b/type"][()] = "Izhikevich"
    for path in (text, empty, single, foreign):
        with pytest.raises(FileFormatError) as caught:
            hs.from_nir(path)
        assert caught.value.path == path


def test_an_output_that_reads_a_matrix_is_reported():
    made = chain(port(1), lif(), nir.Linear(np.eye(1)), end(1))
    with pytest.warns(NIRWarning) as caught:
        hs.from_nir(made)
    (finding,) = findings_of(caught)
    assert (finding.what, finding.where) == ("d", "output")


def test_another_step_than_the_graph_was_made_with_is_reported():
    made = chain(port(1), lif())
    made.metadata["dt"] = 1e-3
    silently(hs.from_nir, made, 1.0)
    with pytest.warns(NIRWarning) as caught:
        hs.from_nir(made, 0.1)
    assert [finding.where for finding in findings_of(caught)] == ["dt"]


# What a network is there


def test_a_file_that_nir_reads(tmp_path):
    net = random_network(1, True)
    made, _ = exported(net, tmp_path / "net.nir")
    read = nir.read(str(tmp_path / "net.nir"))
    assert {name: type(node) for name, node in read.nodes.items()} == {n: type(node) for n, node in made.nodes.items()}
    assert set(read.edges) == set(made.edges)
    assert read.metadata["dt"] == pytest.approx(1e-4)
    assert "spike_input" in read.metadata["left_out"]
    again = hs.from_nir(tmp_path / "net.nir", inputs={"stim": net["stim"].spike_times})
    assert again.name == "net"
    assert np.array_equal(hs.run(again, 30.0).spikes["exc"].t, hs.run(net, 30.0).spikes["exc"].t)


def test_weights_behind_a_synapse_are_ours_bit_for_bit():
    net = hs.Network(dt=0.1)
    a, b = (net.add(hs.Population(2, name=name)) for name in "ab")
    net.add(hs.Projection(a, b, *hs.FromArrays.from_matrix([[0.1, 0.0], [0.3, 0.7]]), delay=2.0, name="w"))
    made, lost = exported(net)
    assert made.nodes["w"].weight.tolist() == [[0.1, 0.3], [0.0, 0.7]]
    assert made.nodes["w delay"].delay.tolist() == [0.002, 0.002]
    assert made.edges == [("a", "w delay"), ("w delay", "w"), ("w", "b"), ("b", "output")]
    assert lost == set()


def test_constant_current_without_a_projection_is_a_loop_of_weight_0():
    net = hs.Network(dt=0.1)
    cell = hs.LIF(tau_syn_E=0.0, tau_syn_I=0.0, i_offset=1.0)
    cells = net.add(hs.Population(2, cell, name="cells"))
    net.add(hs.CurrentInput(cells[1:], 0.5, name="more"))
    made, lost = exported(net)
    assert lost == set()
    assert made.nodes["cells bias"].bias.tolist() == [1.0, 1.5]
    again = silently(hs.from_nir, made)
    assert again["cells"].cell.i_offset.tolist() == [1.0, 1.5]
    assert list(again.things) == ["cells"]
    ours = hs.run(net, 200.0).spikes["cells"]
    assert len(ours.t) > 4
    assert np.array_equal(ours.t, hs.run(again, 200.0).spikes["cells"].t)


def test_only_the_receptor_in_use_decides_the_synapse():
    net = hs.Network(dt=0.1)
    cells = net.add(hs.Population(2, hs.LIF(tau_syn_E=0.0, tau_syn_I=3.0), name="cells"))
    net.add(hs.Projection(cells, cells, hs.AllToAll(), weight=0.5, receptor="inhibitory", name="mutual"))
    made, _ = exported(net)
    assert made.nodes["cells"].tau_syn.tolist() == [0.003, 0.003]
    assert made.nodes["mutual"].weight.tolist() == [[-0.5, -0.5], [-0.5, -0.5]]
    net.add(hs.Projection(cells, cells, hs.OneToOne(), weight=0.5, name="own/self"))
    with pytest.raises(ValidationError) as caught:
        hs.to_nir(net)
    found = [(error.owner, error.parameter) for error in caught.value.errors]
    assert found == [("population 'cells'", "tau_syn_E, tau_syn_I"), ("'own/self'", "name")]


def test_everything_that_is_lost_is_listed():
    net = hs.Network("all", dt=0.1)
    stim = net.add(hs.PoissonInput(3, rate=20.0, name="stim"))
    cell = hs.LIF(tau_refrac=1.0, sigma=1.0, eta_bias=0.1, reset="subtract", i_offset=0.2)
    cells = net.add(hs.Population(2, cell, name="cells", initial_values={"v": -60.0, "i_exc": 0.1}))
    theta = net.add(hs.Oscillator(frequency=8.0, name="theta"))
    dopamine = net.add(hs.Modulator.dopamine())
    glia = net.add(hs.Astrocytes(1, name="glia"))
    net.add(hs.OscillatorDrive(theta, cells, amplitude=0.1, name="drive"))
    net.add(hs.Entrainment(cells, theta, strength=0.1, name="entrained"))
    rule = hs.HMNRule(modulators=[dopamine], gate=hs.PhaseGate(theta))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), 0.1, 0.1, plasticity=rule, astrocytes=glia, name="learned"))
    net.add(hs.CurrentInput(cells, hs.Steps([0.0, 5.0], [0.1, 0.2]), name="steps"))
    net.record(cells, "v")
    made, lost = exported(net)
    assert lost == {
        ("cells", "refractory"), ("cells", "membrane_noise"), ("cells", "homeostasis"), ("cells", "reset_subtract"),
        ("cells", "oscillator_drive"), ("cells", "initial values"), ("cells", "constant current"),
        ("cells", "recording"), ("stim", "poisson_input"), ("learned", "stdp"), ("learned", "astrocytes"),
        ("learned", "delay"), ("entrained", "entrainment"), ("steps", "amplitude"), ("theta", "object"),
        ("dopamine", "object"), ("glia", "object"),
    }  # fmt: skip
    assert all(name in made.metadata["left_out"] for name, _ in lost)


def test_every_feature_is_expressible_listed_or_part_of_a_rule():
    expressible = {"lif", "delta_synapses", "heterogeneous_neurons", "currents", "delays"}
    of_a_rule = {
        "dendritic_delay", "nearest_pairing", "tie_rules", "modulators", "global_attention", "local_attention",
        "gate_update", "gate_pairing", "probabilistic_application", "carry", "astrocyte_metaplasticity",
    }  # fmt: skip
    of_an_object = {"oscillator_coupling"}
    assert expressible | of_a_rule | of_an_object | set(_LEFT_OUT) == set(FEATURES)


def test_nir_is_loaded_when_it_is_needed(monkeypatch):
    code = "import sys, hmn_snn; hmn_snn.from_nir, hmn_snn.to_nir; sys.exit('nir' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    monkeypatch.setitem(sys.modules, "nir", None)
    for call in (lambda: hs.from_nir("x.nir"), lambda: hs.to_nir(hs.Network())):
        with pytest.raises(MissingExtraError) as caught:
            call()
        assert (caught.value.package, caught.value.command) == ("nir", 'pip install "hmn-snn[nir]"')
