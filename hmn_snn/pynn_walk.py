# mypy: disable-error-code="no-untyped-def, no-untyped-call"
"""PyNN's objects as plain numbers, texts and arrays, whichever simulator they are of.

Used in this process, and, imported by path, in the child of :mod:`hmn_snn.pynn_process`: it must not import hmn_snn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class Walker:
    """Collects a network of PyNN objects.

    Parameters
    ----------
    populations, projections, currents : sequence
        The populations are added to by those that projections and currents mention.

    Attributes
    ----------
    model : dict
        ``populations``, ``projections``, ``currents``: numbers and texts; an array is named by ``{"array": key}``.
    arrays : dict of str to array
    """

    def __init__(self, populations: Sequence[Any], projections: Sequence[Any], currents: Sequence[Any]) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.populations = list(populations)
        ends = [end for projection in projections for end in (projection.pre, projection.post)]
        injected = [target for source in currents for target in vars(source).get("targets", ())]
        for end in (*ends, *injected):
            for whole, _ in _parts(end):
                if not any(whole is known for known in self.populations):
                    self.populations.append(whole)
        self.model: dict[str, Any] = {
            "populations": [self._population(p) for p in self.populations],
            "projections": [self._projection(p) for p in projections],
            "currents": [self._current(c) for c in currents],
        }

    def _keep(self, value: Any) -> Any:
        """Return a number or text as it is, and the name of an array that is kept."""
        if isinstance(value, (str, type(None), bool)):
            return value
        array = np.asarray(getattr(value, "value", value))  # PyNN's Sequence
        if array.ndim == 0 and array.dtype != object:
            return array.item()
        if array.dtype == object:
            raise TypeError(f"no array of numbers: {value!r}")
        key = f"a{len(self.arrays)}"
        self.arrays[key] = array
        return {"array": key}

    def _number(self, population: Any) -> int:
        return next(n for n, known in enumerate(self.populations) if known is population)

    def _population(self, population: Any) -> dict[str, Any]:
        cell = population.celltype
        out: dict[str, Any] = {
            "label": str(population.label),
            "size": int(population.size),
            "cell": type(cell).__name__,
        }
        names = list(getattr(cell, "default_parameters", {}))
        if "spike_times" in names:
            out["spikes"] = self._spike_times(population)
        elif hasattr(cell, "translations"):
            out["parameters"] = {n: self._keep(population.get(n, gather=True)) for n in names}
        else:
            out["native"] = True
        out["initial"] = {name: self._keep(value) for name, value in _initial(population).items()}
        recorder = population.recorder
        out["recorded"] = [
            {"variable": v.name, "members": self._keep(np.sort(population.id_to_index(np.array(sorted(ids)))))}
            for v, ids in recorder.recorded.items()
            if ids
        ]
        out["every"] = float(recorder.sampling_interval)
        return out

    def _spike_times(self, population: Any) -> dict[str, Any]:
        given = population.get("spike_times", gather=True, simplify=False)
        trains = [np.ravel(np.asarray(getattr(train, "value", train), float)) for train in np.ravel(given)]
        if len(trains) == 1 and population.size > 1:
            trains *= population.size
        flat = np.concatenate([*trains, np.empty(0)])
        source = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
        return {"times": self._keep(flat), "sources": self._keep(source)}

    def _projection(self, projection: Any) -> dict[str, Any]:
        columns = getattr(projection, "columns", None)
        if columns is not None:
            pre, post, weight, delay = columns.values()
        else:
            rows = np.array(projection.get(["weight", "delay"], "list"), float).reshape(-1, 4)
            pre, post, weight, delay = rows[:, 0].astype(int), rows[:, 1].astype(int), rows[:, 2], rows[:, 3]
        label = str(projection.label)
        made = f"{projection.pre.label}→{projection.post.label}"
        return {
            "label": None if label in (made, "None") else label,
            "receptor": str(projection.receptor_type),
            "pre": self._end(projection.pre, pre),
            "post": self._end(projection.post, post),
            "weight": self._keep(weight),
            "delay": self._keep(delay),
            "synapse": self._synapse(projection.synapse_type),
        }

    def _end(self, end: Any, indices: np.ndarray) -> dict[str, Any]:
        """Return, for indices within an end, the population of each (or the only one) and its index there."""
        parts = [(self._number(whole), members) for whole, members in _parts(end)]
        index = np.concatenate([members for _, members in parts])[indices]
        if len({number for number, _ in parts}) == 1:
            return {"population": parts[0][0], "index": self._keep(index)}
        number = np.repeat([n for n, _ in parts], [len(members) for _, members in parts])[indices]
        return {"population": self._keep(number), "index": self._keep(index)}

    def _synapse(self, synapse: Any) -> dict[str, Any]:
        out: dict[str, Any] = {"kind": type(synapse).__name__}
        if out["kind"] != "STDPMechanism":
            return out
        for part in ("timing", "weight", "voltage"):
            rule = getattr(synapse, f"{part}_dependence")
            if rule is not None:
                out[part] = type(rule).__name__
                out[f"{part}_parameters"] = {n: _constant(rule.parameter_space[n]) for n in rule.get_parameter_names()}
        out["dendritic_delay_fraction"] = float(synapse.dendritic_delay_fraction)
        return out

    def _current(self, source: Any) -> dict[str, Any]:
        held = source.get_parameters()
        names = list(source.default_parameters)
        targets = self._targets(source)
        return {
            "kind": next(c.__name__ for c in type(source).__mro__ if c.__module__.endswith("electrodes")),
            "parameters": {name: self._keep(_held(held[name])) for name in names},
            "targets": [{"population": self._number(p), "members": self._keep(members)} for p, members in targets],
        }

    def _targets(self, source: Any) -> list[tuple[Any, np.ndarray]]:
        """Return the populations that a current is injected into, each with the indices of its cells."""
        if "targets" in vars(source):
            return [part for target in source.targets for part in _parts(target)]
        cells = vars(source).get("cell_list")
        if cells is None:
            raise TypeError("a current source of this simulator does not tell its cells; give the script instead")
        listed = cells.tolist() if hasattr(cells, "tolist") else cells  # NEST's NodeCollection
        numbers = np.array([int(cell) for cell in listed], dtype=np.int64)
        found = [(p, np.flatnonzero(np.isin(p.all_cells.astype(np.int64), numbers))) for p in self.populations]
        if sum(len(members) for _, members in found) < len(np.unique(numbers)):
            raise TypeError("a current source has cells of populations that are not among those given; give them too")
        return [(population, members) for population, members in found if len(members)]


def _constant(value: Any) -> float | None:
    """Return the one value of a lazy array, or None if it has several."""
    base = getattr(value, "base_value", value)
    if np.ndim(base) or callable(base) or not np.isreal(base):
        return None
    value.shape = value.shape or (1,)
    return float(np.ravel(value.evaluate())[0])


def _held(value: Any) -> np.ndarray:
    """Return the value of a current source's parameter."""
    if hasattr(value, "evaluate"):
        if value.shape is None:
            value.shape = (1,)
        value = value.evaluate(simplify=True)
    while (isinstance(value, np.ndarray) and value.dtype.hasobject) or hasattr(
        value, "value"
    ):  # a Sequence, or an array of one
        value = value.value if hasattr(value, "value") else value.flat[0]
    return np.asarray(np.squeeze(value))


def _parts(end: Any) -> list[tuple[Any, np.ndarray]]:
    """Return the populations that an end is made of, each with the indices that the end has of it."""
    if hasattr(end, "populations"):  # an Assembly
        return [part for population in end.populations for part in _parts(population)]
    if hasattr(end, "grandparent"):  # a PopulationView
        return [(end.grandparent, np.asarray(end.index_in_grandparent(np.arange(end.size))))]
    if hasattr(end, "recorder"):
        return [(end, np.arange(end.size))]
    cells = list(end)  # cells one by one
    wholes: list[Any] = []
    for cell in cells:
        if not any(cell.parent is whole for whole in wholes):
            wholes.append(cell.parent)
    return [(w, np.array([int(w.id_to_index(c)) for c in cells if c.parent is w])) for w in wholes]


def _initial(population: Any) -> dict[str, Any]:
    """Return the initial values that were drawn."""
    drawn = getattr(population, "drawn", None)
    if drawn is not None:
        return {name: _alike(value) for name, value in drawn.items()}
    out = {}
    for name, lazy in population.initial_values.items():
        if hasattr(lazy.base_value, "next"):  # a RandomDistribution, which would be drawn anew
            nodes = getattr(population, "node_collection", None)
            if nodes is None or name != "v" or population._simulator.state.t > 0:
                continue
            out[name] = np.atleast_1d(np.asarray(nodes.get("V_m"), float))
        else:
            out[name] = _alike(np.asarray(lazy.evaluate(simplify=False), float))
    return out


def _alike(values: np.ndarray) -> Any:
    return values.flat[0] if values.size and (values == values.flat[0]).all() else values
