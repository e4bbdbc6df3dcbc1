"""A NIR graph as we read it: one flat set of nodes, and what reaches which neurons through its linear nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DescriptionError, FileFormatError, MissingExtraError, ValidationError
from .nir_maps import LINEAR, PORTS, Shape, bias_of, input_shape, linear_map
from .nir_neurons import MS_PER_S, NEURONS, SPIKING
from .translator import Finding


class NIRWarning(UserWarning):
    """What a translation from or to NIR could not keep.

    Attributes
    ----------
    findings : tuple of Finding
    """

    def __init__(self, direction: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n  - ".join([f"{direction} NIR, this is not kept:", *map(str, self.findings)]))


def nir_package() -> Any:
    """Return the package ``nir``.

    Raises
    ------
    MissingExtraError
    """
    try:
        import nir
    except ModuleNotFoundError as error:
        if error.name != "nir":
            raise
        raise MissingExtraError("nir", "nir") from None
    return nir


def read_graph(path: str | Path) -> Any:
    """Read a .nir file.

    Nodes of files older than ``v_reset`` are marked, in their metadata, as reset by subtraction: that was NIR's
    equation until v_reset came (NIR 1.0.6, pull request 129).

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    nir.NIRGraph

    Raises
    ------
    FileNotFoundError
    FileFormatError
        If it is no NIR file, or has nodes that the installed ``nir`` does not know.
    """
    import h5py

    nir, path = nir_package(), Path(path)
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with h5py.File(path, "r") as file:
            data = nir.serialization.hdf2dict(file["node"])
        _prepare(data)
        graph = nir.dict2NIRNode(data)
    except (OSError, KeyError, TypeError, ValueError, AssertionError) as error:
        reason = f"it cannot be read as a NIR graph by nir {nir.version}: {type(error).__name__}: {error}"
        raise FileFormatError(path, reason) from error
    if not isinstance(graph, nir.NIRGraph):
        raise FileFormatError(path, f"it holds a single {type(graph).__name__} node; a NIRGraph is needed")
    return graph


def _prepare(data: dict[str, Any]) -> None:
    """Mark what a reader could no longer tell; leave the check of types to us, who name the node."""
    if data["type"] == "NIRGraph":
        data["type_check"] = False
        for node in data["nodes"].values():
            _prepare(node)
    elif data["type"] in SPIKING and "v_reset" not in data:
        data.setdefault("metadata", {}).setdefault("reset", "subtract")


@dataclass(frozen=True, eq=False)
class Signal:
    """What has become of a source's spikes on the way: one matrix per delay.

    Attributes
    ----------
    parts : mapping of float [ms] to (n, n_source) sparse matrix
    shape : tuple of int
        Shape of the n values.
    """

    parts: dict[float, Any]
    shape: Shape

    @classmethod
    def of(cls, values: Any, shape: Shape) -> Signal:
        """Return a signal that has met no delay yet."""
        from scipy import sparse

        return cls({0.0: sparse.csr_matrix(values)}, shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return int(np.prod(self.shape))


@dataclass(frozen=True)
class Route:
    """A way from a source to neurons or an output."""

    source: str
    target: str
    nodes: tuple[str, ...]
    signal: Signal


@dataclass(eq=False)
class Graph:
    """The nodes and edges of a graph; those of a graph inside it are called ``"<graph>.<node>"``.

    Attributes
    ----------
    nodes : mapping of str to nir.NIRNode
    inputs, outputs : list of str
        The Input and Output nodes of the outermost graph.
    successors : mapping of str to list of str
    """

    nodes: dict[str, Any] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    successors: dict[str, list[str]] = field(default_factory=dict)
    _biases: dict[str, Signal] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: Any) -> Graph:
        """Return the flat form of a nir.NIRGraph.

        Raises
        ------
        ValidationError
            If a node is of a type that does not translate, or an edge leads nowhere or is there twice.
        """
        flat = cls()
        errors = list(flat._add(graph, ""))
        if errors:
            raise ValidationError(errors)
        return flat

    def _add(self, graph: Any, prefix: str) -> Iterator[DescriptionError]:
        graphs = {}
        for key, node in graph.nodes.items():
            name, kind = f"{prefix}{key}", type(node).__name__
            if kind == "NIRGraph":
                graphs[key] = node
                yield from self._add(node, f"{name}.")
            elif name in self.nodes:
                allowed = "a node of a graph inside has that name too, as <graph>.<node>; rename one"
                yield DescriptionError(f"NIR node {name!r}", "name", name, allowed)
            elif kind in (*NEURONS, *LINEAR, *PORTS, "Delay"):
                self.nodes[name], self.successors[name] = node, []
                if kind in PORTS and not prefix:
                    (self.inputs if kind == "Input" else self.outputs).append(name)
            else:
                known = ", ".join((*NEURONS, *LINEAR, "Delay"))
                allowed = f"this type does not translate; use {known}, and a spiking neuron for a Threshold"
                yield DescriptionError(f"NIR node {name!r}", "type", kind, allowed)
        yield from self._connect(graph, prefix, graphs)

    def _connect(self, graph: Any, prefix: str, graphs: dict[str, Any]) -> Iterator[DescriptionError]:
        seen = set()
        for edge in map(tuple, graph.edges):
            owner = f"NIR edge {' -> '.join(edge)!r}"
            missing = [end for end in edge if end not in graph.nodes]
            if missing:
                allowed = f"no node has that name; there are {', '.join(map(repr, graph.nodes))}"
                yield DescriptionError(owner, "end", missing[0], allowed)
            elif edge in seen:
                yield DescriptionError(owner, "number", 2, "give it once; to double what it does, double the weight")
            else:
                ends = zip(edge, ("Output", "Input"), strict=True)
                ports = [[key, *_ports(graphs[key], port)] if key in graphs else [key] for key, port in ends]
                for key, *found in (port for port in ports if port[0] in graphs and len(port) != 2):
                    allowed = "edges to a graph need one Input in it, edges from it one Output; flatten it"
                    yield DescriptionError(f"NIR node {key!r} (NIRGraph)", "ports", found, allowed)
                start, end = (prefix + ".".join(port[:2]) for port in ports)
                self.successors.setdefault(start, []).append(end)
            seen.add(edge)

    def owner(self, name: str) -> str:
        """Return a node as error messages name it."""
        return f"NIR node {name!r} ({type(self.nodes[name]).__name__})"

    def routes(self, source: str, shape: Shape) -> Iterator[Route]:
        """Yield every way from a source, through linear nodes, to neurons and to outputs.

        Parameters
        ----------
        source : str
            An Input or a neuron node.
        shape : tuple of int

        Yields
        ------
        Route

        Raises
        ------
        DescriptionError
            If a node does not fit what comes in, or a loop has no neuron in it.
        """
        from scipy import sparse

        start = Signal.of(sparse.identity(int(np.prod(shape)), format="csr"), shape)
        for target, nodes, signal in self._follow(source, start, ()):
            yield Route(source, target, nodes, signal)

    def biases(self) -> Iterator[Route]:
        """Yield every way of a bias to neurons and outputs, as a signal of one column.

        Ways of Affine and Conv nodes that :meth:`routes` has met, and of those that nothing reaches.

        Yields
        ------
        Route
        """
        for name, node in self.nodes.items():
            shape = None if name in self._biases else input_shape(node)
            if shape is not None:
                self._pass(name, Signal.of(np.zeros((int(np.prod(shape)), 1)), shape))
            if name in self._biases:
                for target, nodes, signal in self._follow(name, self._biases[name], (name,)):
                    yield Route(name, target, nodes, signal)

    def _follow(
        self, name: str, signal: Signal, nodes: tuple[str, ...]
    ) -> Iterator[tuple[str, tuple[str, ...], Signal]]:
        for after in self.successors[name]:
            if after in nodes:
                loop = " -> ".join((*nodes[nodes.index(after) :], after))
                raise DescriptionError(self.owner(after), "loop", loop, "put a neuron node into it")
            kind = type(self.nodes[after]).__name__
            if kind in NEURONS or after in self.outputs:
                yield after, nodes, signal
            if kind not in NEURONS:
                yield from self._follow(after, self._pass(after, signal), (*nodes, after))

    def _pass(self, name: str, signal: Signal) -> Signal:
        """Return what a linear node makes of a signal, and note its bias."""
        node, owner = self.nodes[name], self.owner(name)
        if type(node).__name__ == "Delay":
            return _delayed(owner, node, signal)
        matrix, shape = linear_map(owner, node, signal.shape)
        bias = bias_of(node, shape)
        if bias is not None:
            self._biases[name] = Signal.of(bias[:, None], shape)
        return Signal({delay: (matrix @ part).tocsr() for delay, part in signal.parts.items()}, shape)


def _ports(graph: Any, kind: str) -> list[str]:
    return [key for key, node in graph.nodes.items() if type(node).__name__ == kind]


def _delayed(owner: str, node: Any, signal: Signal) -> Signal:
    from scipy import sparse

    delay = np.ravel(np.asarray(node.delay, dtype=np.float64)) * MS_PER_S
    if delay.size not in (1, signal.size):
        allowed = f"{signal.size} values come in; give 1 or {signal.size}"
        raise DescriptionError(owner, "shape of delay", delay.shape, allowed)
    if not (np.isfinite(delay) & (delay >= 0)).all():
        raise DescriptionError(owner, "delay", float(delay.min()), "use finite numbers of seconds, at least 0")
    delay = np.broadcast_to(delay, (signal.size,))
    parts: dict[float, Any] = {}
    for before, part in signal.parts.items():
        for own in np.unique(delay):
            total = round(float(before + own), 9)  # sums that differ in the last digit are one delay
            kept = sparse.diags((delay == own).astype(np.float64), format="csr") @ part
            parts[total] = parts[total] + kept if total in parts else kept
    return Signal(parts, signal.shape)
