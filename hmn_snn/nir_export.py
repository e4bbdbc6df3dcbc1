"""Networks as NIR graphs: the static part, and a list of everything that NIR has no word for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from .astrocytes import Astrocytes
from .errors import DescriptionError, ValidationError
from .lowered import RECEPTORS, LoweredNetwork, LoweredPopulation, LoweredProjection
from .lowering import lower
from .modulators import Modulator
from .network import Network
from .nir_graph import NIRWarning, nir_package
from .nir_neurons import MS_PER_S, to_node
from .oscillators import Oscillator
from .translator import FEATURES, Finding, Severity, features_of

# Mechanisms that NIR has no node for, and what becomes of them (what only a learning rule has goes with the rule).
_LEFT_OUT = {
    "refractory": "left out",
    "membrane_noise": "left out",
    "homeostasis": "left out",
    "poisson_input": "an Input node; the rates are left out, give from_nir a PoissonInput",
    "spike_input": "an Input node; the spike times are left out, give them to from_nir",
    "initial_spikes": "left out",
    "stdp": "left out: the starting weights stay",
    "astrocytes": "left out: the gain stays 1",
    "entrainment": "left out",
    "oscillator_drive": "left out",
    "reset_subtract": "NIR's equation resets to v_reset; in the node's metadata, which from_nir reads",
}


def to_nir(net: Network, path: str | Path | None = None) -> Any:
    """Return the static part of a network as a NIR graph, and write it to a file if a path is given.

    Populations become LIF nodes if their synapses are delta synapses, else CubaLIF nodes; projections Linear nodes that
    hold all drawn weights, inhibitory ones negative; constant currents biases, in Affine nodes; delays of more than dt
    Delay nodes; populations that send to none Output nodes. Matrices are dense, as NIR's are.
    ``from_nir(to_nir(net), net.dt)`` gives the same spikes, but for what the warning lists.

    Parameters
    ----------
    net : Network
    path : str or pathlib.Path, optional
        Such as ``"net.nir"``. A file that is there is replaced.

    Returns
    -------
    nir.NIRGraph
        Its metadata hold the name, dt in seconds, and under ``"left_out"`` the text of the findings.

    Raises
    ------
    MissingExtraError
        If ``nir`` is not installed.
    ValidationError
        If the network is wrong, or has what a NIR node cannot hold: both receptors in use with different time
        constants, a name with a slash. It holds all errors.

    Warns
    -----
    NIRWarning
        With a finding for everything that is left out or altered.
    """
    nir = nir_package()
    lowered = lower(net)
    errors = list(_refusals(lowered))
    if errors:
        raise ValidationError(errors)
    writer = _Writer(nir, lowered)
    findings = [*lowered.findings, *_left_out(net, lowered), *writer.findings]
    metadata = {"name": net.name, "dt": net.dt / MS_PER_S, "left_out": "\n".join(map(str, findings))}
    # NIR's inference would give every population without inputs an Input of its own; all shapes are known anyway.
    graph = nir.NIRGraph(nodes=writer.nodes, edges=writer.edges, metadata=metadata, type_check=False)
    graph.check_types()
    if path is not None:
        nir.write(str(path), graph)
    if findings:
        warn(NIRWarning("to", findings), stacklevel=2)
    return graph


class _Writer:
    """The nodes and edges of one export."""

    def __init__(self, nir: Any, lowered: LoweredNetwork) -> None:
        self.nir, self.lowered, self.findings = nir, lowered, list[Finding]()
        self.nodes: dict[str, Any] = {}
        self.edges: list[tuple[str, str]] = []
        self.efficacy = []
        for source in lowered.inputs:
            self.nodes[source.name] = nir.Input(input_type={"input": np.array([source.size])})
        for index, population in enumerate(lowered.populations):
            node, efficacy = to_node(nir, population, _tau_syn(lowered, index), lowered.dt)
            self.nodes[population.name] = node
            self.efficacy.append(efficacy)
        self.biases = [self._bias(index) for index in range(len(lowered.populations))]
        for projection in lowered.projections:
            self._add_projection(projection)
        for index, bias in enumerate(self.biases):
            if bias.any():  # nothing enters that could carry it: a loop of weight 0 does
                name, size = lowered.populations[index].name, len(bias)
                affine = nir.Affine(weight=np.zeros((size, size)), bias=bias)
                self._chain(name, [(f"{name} bias", affine)], name)
        self._add_outputs()

    def _bias(self, index: int) -> np.ndarray:
        """Return the constant input of a population, in NIR's units."""
        population, node = self.lowered.populations[index], self.nodes[self.lowered.populations[index].name]
        current = np.array(np.broadcast_to(population.i_offset, (population.size,)))
        for injected in population.currents:
            values = injected.amplitude.values
            if len(values) == 1:
                current[injected.indices] += values[0]
        start = population.initial["i_exc"] - population.initial["i_inh"]
        rising = hasattr(node, "w_in") and np.array_equal(start, -current)
        if current.any() and hasattr(node, "w_in") and not rising:
            limit = "behind NIR's synapse it rises from 0 with tau_syn"
            self._note(population.name, "constant current", "acts at once", limit)
        if start.any() and not rising:
            self._note(population.name, "initial values", "i_exc, i_inh", "left out: from_nir starts at rest")
        return current / getattr(node, "w_in", 1.0)

    def _add_projection(self, projection: LoweredProjection) -> None:
        """Add a projection: one matrix, or one per delay where neither end alone decides the delay."""
        lowered = self.lowered
        source, target = lowered.sources[projection.source].name, lowered.populations[projection.target].name
        pre, post, steps = projection.source_index, projection.target_index, projection.delay_steps
        sign = 1.0 if RECEPTORS[projection.receptor] == "excitatory" else -1.0
        weight = sign * projection.weights / self.efficacy[projection.target][post]
        if projection.n_synapses and steps.min() == 1:
            limit = "left out: it is what from_nir gives an edge, but others act at once"
            self._note(projection.name, "delay", f"one step, {lowered.dt:g} ms", limit)
        for end, index, size in (("before", pre, projection.n_source), ("after", post, projection.n_target)):
            delay = np.ones(size, dtype=np.int64)
            delay[index] = steps
            if (delay[index] == steps).all():
                matrix = self._matrix(projection, pre, post, weight)
                links = [(projection.name, matrix)]
                if (delay > 1).any():
                    links.insert(0 if end == "before" else 1, (f"{projection.name} delay", self._delay(delay)))
                self._chain(source, links, target)
                return
        for step in np.unique(steps):
            chosen, name = steps == step, f"{projection.name}, {step * lowered.dt:g} ms"
            links = [(name, self._matrix(projection, pre[chosen], post[chosen], weight[chosen]))]
            if step > 1:
                links.insert(0, (f"{name} delay", self._delay(np.full(projection.n_source, step))))
            self._chain(source, links, target)

    def _matrix(self, projection: LoweredProjection, pre: Any, post: Any, weight: Any) -> Any:
        """Return a Linear node, or an Affine one with the target's bias if none carries it yet."""
        dense = np.zeros((projection.n_target, projection.n_source))
        np.add.at(dense, (post, pre), weight)
        bias = self.biases[projection.target]
        if not bias.any():
            return self.nir.Linear(weight=dense)
        self.biases[projection.target] = np.zeros_like(bias)
        return self.nir.Affine(weight=dense, bias=bias)

    def _delay(self, steps: np.ndarray) -> Any:
        """Return a Delay node; where others are longer, one step is written out."""
        return self.nir.Delay(delay=steps * self.lowered.dt / MS_PER_S)

    def _chain(self, source: str, links: list[tuple[str, Any]], target: str) -> None:
        names = [source]
        for wanted, node in links:
            name, number = wanted, 1
            while name in self.nodes:
                number += 1
                name = f"{wanted} {number}"
            self.nodes[name] = node
            names.append(name)
        names.append(target)
        self.edges += pairwise(names)

    def _add_outputs(self) -> None:
        populations = self.lowered.populations
        sending = {projection.source for projection in self.lowered.projections}
        last = [p.name for i, p in enumerate(populations) if i not in sending] or [p.name for p in populations]
        for name in last:
            shape = {"output": np.array([len(self.nodes[name].r)])}
            output = "output" if len(last) == 1 else f"output {name}"
            while output in self.nodes:
                output += "_"
            self.nodes[output] = self.nir.Output(output_type=shape)
            self.edges.append((name, output))

    def _note(self, what: str, where: str, found: str, limit: str) -> None:
        self.findings.append(Finding(Severity.ALTERED, what, where, found, limit))


def _tau_syn(lowered: LoweredNetwork, index: int) -> np.ndarray:
    """Return the synaptic time constant of the receptor that is used; the excitatory one's if none is."""
    population = lowered.populations[index]
    used = {projection.receptor for projection in lowered.projections if projection.target == index}
    return np.asarray(population.parameters["tau_syn_I" if used == {1} else "tau_syn_E"])


def _refusals(lowered: LoweredNetwork) -> Iterator[DescriptionError]:
    """Yield what would not be the same network, even without what can be left out."""
    for index, population in enumerate(lowered.populations):
        used = {projection.receptor for projection in lowered.projections if projection.target == index}
        tau = [population.parameters[name] for name in ("tau_syn_E", "tau_syn_I")]
        if len(used) == 2 and not (tau[0] == tau[1]).all():
            found = tuple(float(value.flat[0]) for value in tau)
            allowed = "a NIR neuron has one synaptic time constant, and both receptors are in use; make them equal"
            yield DescriptionError(f"population {population.name!r}", "tau_syn_E, tau_syn_I", found, allowed)
    for thing in (*lowered.sources, *lowered.projections):
        if "/" in thing.name:
            allowed = "a NIR file reads a slash as a group in a group; choose another name"
            yield DescriptionError(f"{thing.name!r}", "name", thing.name, allowed)


def _left_out(net: Network, lowered: LoweredNetwork) -> Iterator[Finding]:
    """Yield a finding for everything that is described and has no place in the graph."""

    def lost(what: str, where: str, found: str, limit: str = "left out") -> Finding:
        return Finding(Severity.ALTERED, what, where, found, limit)

    for feature, names in features_of(lowered).items():
        if feature in _LEFT_OUT:
            yield from (lost(name, feature, FEATURES[feature], _LEFT_OUT[feature]) for name in names)
    for thing in net.of_kind(Modulator, Oscillator, Astrocytes):
        yield lost(str(thing.name), "object", f"NIR has no {thing.kind}")
    for population in lowered.populations:
        yield from _left_out_of(population, lost)
    for recording in net.recordings:
        yield lost(recording.group.name, "recording", f"of {recording.variable}")


def _left_out_of(population: LoweredPopulation, lost: Any) -> Iterator[Finding]:
    for current in population.currents:
        if len(current.amplitude.values) > 1:
            yield lost(current.name, "amplitude", "changes in steps", "left out: a NIR bias is constant")
    rest = {"v": population.v_rest, "bias": 0.0}
    changed = [name for name, value in rest.items() if (population.initial[name] != value).any()]
    if changed:
        yield lost(population.name, "initial values", ", ".join(changed), "left out: from_nir starts at rest")
