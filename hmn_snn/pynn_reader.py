"""Builds a network of ours from what was read of a PyNN network."""

from __future__ import annotations

from typing import Any

import numpy as np

from .connectors import FromArrays
from .errors import DescriptionError, ValidationError
from .grid import on_grid, to_steps
from .network import Network
from .population import Population, Sliceable
from .projection import Projection
from .pynn_cells import read_current, read_group
from .pynn_plasticity import read_rule
from .translator import Finding, Severity
from .validation import problems

_SPINNAKER = "spiNNaker"
_VARIABLES = {"v": "v", "isyn_exc": "i_exc", "gsyn_exc": "i_exc", "isyn_inh": "i_inh", "gsyn_inh": "i_inh"}


class Reader:
    """What one import knows while it adds to a network.

    Parameters
    ----------
    data : dict
        The model of :class:`hmn_snn.pynn_walk.Walker`, with its arrays in place.
    name : str
    seed : int
    duration : float or None [ms]
        For which sines and noise are sampled; what the script asks for if None.
    """

    def __init__(self, data: dict[str, Any], name: str, seed: int, duration: float | None) -> None:
        self.data, self.net = data, Network(name, data["dt"], seed)
        self.simulator: str = data["simulator"]
        self.duration = data["duration"] if duration is None else duration
        self.findings: list[Finding] = []
        self.errors: list[DescriptionError] = []
        self.groups: list[Sliceable | None] = []  # by the number of the population; None: it was refused

    def note(self, what: str, where: str, found: str, limit: str) -> None:
        """Note what the network does otherwise than the script."""
        self.findings.append(Finding(Severity.ALTERED, what, where, found, limit))

    def read(self) -> None:
        """Fill the network; raise everything that does not translate at once."""
        self._note_history()
        for population in self.data["populations"]:
            self._collect(self._add_group, population)
        for projection in self.data["projections"]:
            self._collect(self._add_projection, projection)
        for number, current in enumerate(self.data["currents"]):
            self._collect(self._add_current, current, number)
        for group, population in zip(self.groups, self.data["populations"], strict=True):
            if isinstance(group, Population):
                self._record(group, population)
        # What was refused is missing, and would be reported as missing again.
        found = self.errors or problems(self.net)
        if found:
            raise ValidationError(found)

    def _collect(self, add: Any, *given: Any) -> None:
        try:
            add(*given)
        except DescriptionError as error:
            self.errors.append(error)

    def _note_history(self) -> None:
        for what, where in self.data.get("dropped", {}).items():
            self.note(where, what, "given", "left out: it says how to lay the network out, not what it is")
        for what in self.data.get("changed", ()):
            self.note(what, "time", "set after the first run", "has its last value from the start")
        if self.data.get("earlier"):
            limit = "only the one after the last setup() is read"
            self.note(self.net.name, "networks", f"{self.data['earlier'] + 1} were built", limit)
        failure = self.data.get("failure")
        if failure:
            limit = "what was built until then is read (results are empty: nothing was simulated)"
            line = "?" if failure["line"] is None else failure["line"]
            self.note(self.net.name, f"line {line}", f"{failure['type']} after the run: {failure['message']}", limit)
        if self.data.get("already"):
            limit = "weights and parameters are those of now, initial values those of the start"
            self.note(self.net.name, "time", f"PyNN has run {self.data['already']:g} ms already", limit)

    def _free(self, label: str) -> str:
        """Return a name that nothing has yet."""
        name, number = label, 1
        while name in self.net.things:
            name, number = f"{label} {number}", number + 1
        return name

    def _add_group(self, data: dict[str, Any]) -> None:
        self.groups.append(None)
        group = read_group(data, self._free(data["label"]), self.net.dt, self.simulator, self.note)
        self.groups[-1] = self.net.add(group)

    def _record(self, group: Population, data: dict[str, Any]) -> None:
        every = None if np.isclose(data["every"], self.net.dt) else data["every"]
        for recorded in data["recorded"]:
            variable = _VARIABLES.get(recorded["variable"])
            if variable is None:
                if recorded["variable"] != "spikes":
                    self.note(data["label"], "record", recorded["variable"], "left out: there is no such variable here")
                continue
            if variable == "i_inh":
                self.note(data["label"], "record", recorded["variable"], "recorded as i_inh, a magnitude")
            members = recorded["members"]
            self.net.record(group if len(members) == group.size else group[members], variable, every)

    def _add_projection(self, data: dict[str, Any]) -> None:
        pre, post = data["pre"], data["post"]
        n = len(data["weight"])
        label = data["label"] or f"{self._label(pre)} -> {self._label(post)}"
        if data["synapse"]["kind"] not in ("StaticSynapse", "STDPMechanism"):
            allowed = "use StaticSynapse, or STDPMechanism of SpikePairRule and AdditiveWeightDependence"
            raise DescriptionError(f"projection {label!r}", "synapse type", data["synapse"]["kind"], allowed)
        numbers = [np.broadcast_to(end["population"], (n,)) for end in (pre, post)]
        for a, b in sorted(set(zip(*(x.tolist() for x in numbers), strict=True))):
            if self.groups[a] is None or self.groups[b] is None:
                continue
            chosen = (numbers[0] == a) & (numbers[1] == b)
            single = len({*numbers[0].tolist()}) == len({*numbers[1].tolist()}) == 1
            stem = label if single else f"{label} ({self._name(a)} -> {self._name(b)})"
            self._add_synapses(data, chosen, a, b, stem)
        if not n:
            self.note(label, "synapses", "none were drawn", "left out")

    def _name(self, number: int) -> str:
        group = self.groups[number]
        return str(group.name if group is not None else self.data["populations"][number]["label"])

    def _label(self, end: dict[str, Any]) -> str:
        number = end["population"]
        return self._name(number) if np.ndim(number) == 0 else "assembly"

    def _add_synapses(self, data: dict[str, Any], chosen: np.ndarray, a: int, b: int, stem: str) -> None:
        """Add the synapses between two populations, those of either receptor as one projection."""
        weight, spinnaker = data["weight"], self.simulator == _SPINNAKER
        inhibitory = np.full(weight.shape, data["receptor"] == "inhibitory")
        if not spinnaker:
            other = (weight > 0.0) & inhibitory | (weight < 0.0) & ~inhibitory
            if other[chosen].any():
                limit = "at the receptor of their sign, as in NEST"
                self.note(stem, "weight", f"{other[chosen].sum()} of the other sign than the receptor's", limit)
            inhibitory = inhibitory ^ other
        both = len(np.unique(inhibitory[chosen])) == 2
        for receptor in ("excitatory", "inhibitory"):
            here = chosen & (inhibitory == (receptor == "inhibitory"))
            if not here.any():
                continue
            suffix = f" ({receptor})" if both and receptor != data["receptor"] else ""
            self._add_one(data, here, a, b, receptor, self._free(stem + suffix))

    def _add_one(self, data: dict[str, Any], here: np.ndarray, a: int, b: int, receptor: str, name: str) -> None:
        rule, dt = None, self.net.dt
        if data["synapse"]["kind"] == "STDPMechanism":
            spinnaker = self.simulator == _SPINNAKER
            rule = read_rule(f"projection {name!r}", data["synapse"], dt, receptor, spinnaker)
            found = "acts with the weight that it has when sent" if not spinnaker else "is read when it arrives"
            self.note(name, "plasticity", f"a spike {found}", "acts with the weight of its arrival")
        delay = data["delay"][here]
        if not on_grid(delay, dt).all():
            late = float(np.abs(to_steps(delay, dt) * dt - delay).max())
            self.note(name, "delay", f"no multiple of dt = {dt:g} ms", f"rounded by up to {late:g} ms")
        source, target = self.groups[a], self.groups[b]
        assert source is not None
        assert isinstance(target, Population)  # PyNN lets no projection end on a source
        connector = FromArrays(data["pre"]["index"][here], data["post"]["index"][here])
        values = _compact(np.abs(data["weight"][here])), _compact(delay)
        self.net.add(Projection(source, target, connector, *values, receptor=receptor, plasticity=rule, name=name))

    def _add_current(self, data: dict[str, Any], number: int) -> None:
        targets: list[Any] = []
        for target in data["targets"]:
            group = self.groups[target["population"]]
            if group is not None:
                targets.append(group[target["members"]])
        if not targets:
            if not data["targets"]:
                self.note(f"{data['kind']} number {number}", "cells", "none", "left out")
            return
        net = self.net
        for one in read_current(data, targets, net.dt, self.duration, net.seed, self.simulator, number):
            self.net.add(one)


def _compact(values: np.ndarray) -> Any:
    """Return one number where all values are equal."""
    return float(values[0]) if (values == values[0]).all() else values
