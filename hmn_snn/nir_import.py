"""Networks from NIR: neurons, matrices, convolutions, delays and recurrent graphs as populations and projections."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from .connectors import FromArrays
from .description import choice_problem
from .errors import DescriptionError, UnknownNameError
from .inputs import PoissonInput, SpikeInput
from .network import Network
from .nir_graph import Graph, NIRWarning, Route, Signal, nir_package, read_graph
from .nir_maps import LINEAR
from .nir_neurons import MS_PER_S, NEURONS, Neurons, compact, from_node
from .population import Population
from .projection import Projection
from .translator import Finding, Severity
from .validation import validate

# Nodes that synapses are named after.
_WEIGHTED = tuple(kind for kind in LINEAR if kind != "Flatten")


def from_nir(
    graph: Any,
    dt: Any = 0.1,
    inputs: Mapping[str, Any] | None = None,
    reset: str | None = None,
    name: str | None = None,
) -> Network:
    """Return the network that a NIR graph describes; its populations and inputs have the names of the nodes.

    Translated are the neurons LIF, CubaLIF, IF and, without spikes, LI, CubaLI, I (record their v); Linear, Affine,
    Scale, Flatten, Conv1d, Conv2d, SumPool2d, AvgPool2d as synapses named after the nodes that they pass, the negative
    weights at the inhibitory receptor; biases as currents; Delay; and graphs within graphs, whose nodes are then called
    ``"<graph>.<node>"``. Neurons start at v_leak, synaptic currents at 0.

    A spike is a unit current held for one step, so a weight means what it meant if ``dt`` is the step that the graph
    was made with; :mod:`hmn_snn.nir_neurons` has the formulas and the units (1 mV, 1 nA, 1 MOhm). An edge without a
    Delay takes dt, the shortest delay there is: what spikes at t acts from t + dt on.

    Parameters
    ----------
    graph : nir.NIRGraph, or path of a .nir file
    dt : float [ms]
    inputs : dict of str to sequence of arrays [ms], optional
        For each Input node the spike times of every channel, in C order; or a :class:`PoissonInput` of that size.
        An Input that is not named stays silent.
    reset : "value" or "subtract", optional
        What a spike does on the grid: to v_reset, or down by v_threshold - v_reset (snnTorch, Sinabs). Continuous time,
        in which NIR is defined, does not tell the two apart. If not given: what the node's metadata say under
        ``"reset"``; subtraction in files without v_reset, whose equations had it; else the value.
    name : str, optional
        Of the network; the file's name if not given.

    Returns
    -------
    Network

    Raises
    ------
    MissingExtraError
        If ``nir`` is not installed.
    FileFormatError
        If the file cannot be read.
    DescriptionError
        If a node has wrong parameters or does not fit those before it; it names the node and its type.
    ValidationError
        If nodes do not translate, or edges lead nowhere; it holds all errors.
    UnknownNameError
        If ``inputs`` names no Input node.

    Warns
    -----
    NIRWarning
        With a finding for all that the network does otherwise than the graph says.

    References
    ----------
    Pedersen et al., Nature Communications 15, 8122 (2024).
    """
    nir_package()
    if isinstance(graph, (str, Path)):
        name, graph = name or Path(graph).stem, read_graph(graph)
    if reset is not None:
        for problem in choice_problem("from_nir", "reset", reset, ("value", "subtract")):
            raise problem
    net = Network(name or str(graph.metadata.get("name", "nir")), dt)
    reader = _Reader(Graph.of(graph), net, reset)
    reader.add_inputs(inputs or {})
    reader.add_neurons()
    reader.add_synapses()
    made_for = graph.metadata.get("dt")
    if isinstance(made_for, (int, float, np.number)) and not np.isclose(
        float(made_for) * MS_PER_S, net.dt, rtol=1e-9, atol=0.0
    ):
        limit = f"imported with dt = {net.dt:g} ms, so a spike, one step long, has another area"
        reader.note(net.name, "dt", f"made for {float(made_for) * MS_PER_S:g} ms", limit)
    validate(net)
    if reader.findings:
        warn(NIRWarning("from", reader.findings), stacklevel=2)
    return net


class _Reader:
    """What one import knows while it adds to a network."""

    def __init__(self, graph: Graph, net: Network, reset: str | None) -> None:
        self.graph, self.net, self.findings = graph, net, list[Finding]()
        self.neurons: dict[str, Neurons] = {}
        for name, node in graph.nodes.items():
            if type(node).__name__ in NEURONS:
                subtracts = node.metadata.get("reset") == "subtract"  # whatever else others may note there
                own = reset or ("subtract" if subtracts else "value")
                self.neurons[name] = from_node(graph.owner(name), node, net.dt, own)
        shapes = {name: _input_shape(graph, name) for name in graph.inputs}
        shapes.update((name, n.shape) for name, n in self.neurons.items())
        self.shapes = shapes
        self.routes = [route for name, shape in shapes.items() for route in graph.routes(name, shape)]
        self.biases = list(graph.biases())

    def note(self, what: str, where: str, found: str, limit: str, distortion: float | None = None) -> None:
        """Note what the network does otherwise than the graph."""
        self.findings.append(Finding(Severity.ALTERED, what, where, found, limit, distortion))

    def add_inputs(self, inputs: Mapping[str, Any]) -> None:
        """Add the Input nodes with what drives them."""
        for name in inputs:
            if name not in self.graph.inputs:
                raise UnknownNameError("Input node", name, tuple(self.graph.inputs))
        for name in self.graph.inputs:
            size = int(np.prod(self.shapes[name]))
            given = inputs.get(name, [[]] * size)
            source = given if isinstance(given, PoissonInput) else SpikeInput(given, name)
            if source.size != size:
                allowed = f"it has shape {self.shapes[name]}; give the spike times [ms] of each of its {size} channels"
                raise DescriptionError(self.graph.owner(name), "channels of inputs", source.size, allowed)
            self.net.add(dataclasses.replace(source, name=name) if isinstance(source, PoissonInput) else source)

    def add_neurons(self) -> None:
        """Add the neuron nodes as populations, with the biases that reach them."""
        currents = {name: np.zeros(neurons.size) for name, neurons in self.neurons.items()}
        for route in self.biases:
            if route.target in self.neurons:
                self._fits(route)
                currents[route.target] += sum(part.toarray()[:, 0] for part in route.signal.parts.values())
        for name, neurons in self.neurons.items():
            owner = self.graph.owner(name)
            if currents[name].any() and not neurons.gain.any():
                allowed = "a constant current needs a leak to balance it; use a LIF node with a long tau"
                raise DescriptionError(owner, "bias", float(np.abs(currents[name]).max()), allowed)
            current = currents[name] * neurons.gain
            # Behind a synapse it rises from 0 with tau_syn: the constant current less one that decays.
            start = {"i_exc": np.maximum(-current, 0.0), "i_inh": np.maximum(current, 0.0)}
            initial = {key: compact(value) for key, value in start.items() if neurons.filtered and value.any()}
            cell = dataclasses.replace(neurons.cell, i_offset=compact(current)) if current.any() else neurons.cell
            self.net.add(Population(neurons.size, cell, name, initial))

    def add_synapses(self) -> None:
        """Add every route between neurons as one projection per sign."""
        for route in self.routes:
            linear = [node for node in route.nodes if type(self.graph.nodes[node]).__name__ in _WEIGHTED]
            if route.target in self.neurons:
                self._fits(route)
                stem = ", ".join(linear) or f"{route.source} -> {route.target}"
                if stem in self.net.things or f"{stem} (inhibitory)" in self.net.things:
                    stem = f"{stem} ({route.source} -> {route.target})"
                self._add_projections(route, stem)
            elif linear:
                limit = "left out: there is no output but spikes and recorded variables; apply the nodes to those"
                self.note(route.target, "output", f"reads {route.source!r} through {', '.join(linear)}", limit)

    def _add_projections(self, route: Route, stem: str) -> None:
        pre, post, weight, delay = _synapses(route.signal)
        weight = weight * self.neurons[route.target].efficacy[post]
        dt = self.net.dt
        short = (delay > 0) & (delay < dt * (1.0 - 1e-6))
        if short.any():
            late = dt - float(delay[short].min())
            self.note(stem, "delay", f"{delay[short].min():g} ms, less than a step", f"{late:g} ms late", late / dt)
        delay = np.maximum(delay, dt)
        for receptor, chosen in (("excitatory", weight > 0), ("inhibitory", weight < 0)):
            if not chosen.any():
                continue
            suffix = " (inhibitory)" if receptor == "inhibitory" and (weight > 0).any() else ""
            ends = self.net[route.source], self.net[route.target], FromArrays(pre[chosen], post[chosen])
            values = compact(np.abs(weight[chosen])), compact(delay[chosen])
            self.net.add(Projection(*ends, *values, receptor=receptor, name=stem + suffix))

    def _fits(self, route: Route) -> None:
        size = self.neurons[route.target].size
        if route.signal.size != size:
            before = (route.source, *route.nodes)[-1]
            sent = f"{self.graph.owner(before)} sends {route.signal.size} values, of shape {route.signal.shape}"
            raise DescriptionError(
                self.graph.owner(route.target), "number of neurons", size, f"{sent}; make them equal"
            )


def _input_shape(graph: Graph, name: str) -> tuple[int, ...]:
    given = graph.nodes[name].input_type["input"]
    if given is None:
        allowed = "give its shape, such as nir.Input(input_type={'input': np.array([n])})"
        raise DescriptionError(graph.owner(name), "shape", None, allowed)
    return tuple(int(length) for length in np.ravel(given))


def _synapses(signal: Signal) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return pre, post, weight and delay [ms] of all entries that are not 0, by delay, pre and post."""
    parts = []
    for delay, matrix in sorted(signal.parts.items()):
        by_pre = matrix.T.tocsr()
        by_pre.sort_indices()
        entries = by_pre.tocoo()
        parts.append((entries.row, entries.col, entries.data, np.full(entries.nnz, delay)))
    pre, post, weight, delays = (np.concatenate(column) for column in zip(*parts, strict=True))
    kept = weight != 0.0
    return pre[kept], post[kept], weight[kept], delays[kept]
