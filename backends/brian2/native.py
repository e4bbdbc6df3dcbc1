"""From a blueprint to Brian2 objects: clocks, groups, synapses, generators, monitors, in one network."""

from __future__ import annotations

from typing import Any

import numpy as np

from .blueprint import Blueprint
from .carried import refer
from .environment import brian2
from .inputs import InputSpikes
from .keyed import keyed_function
from .parts import Draw, Group, Links, Operation, Part, Table


class KeyedInput(brian2.SpikeGeneratorGroup):  # type: ignore[misc]
    """A generator that computes its spikes for each run when the run starts.

    Parameters
    ----------
    supply : InputSpikes
    clock : brian2.Clock
    name : str
    """

    def __init__(self, supply: InputSpikes, clock: Any, name: str) -> None:
        nothing = np.empty(0, np.int32)
        super().__init__(supply.source.size, nothing, nothing * brian2.second, clock=clock, name=name)
        self._supply = supply

    def before_run(self, run_namespace: Any) -> None:
        """Fill in the spikes of the run that starts; Brian2's step k is the one whose spikes carry the time t_k+1."""
        steps, indices = self._supply.until(self.clock._i_end)
        self.set_spikes(indices, steps * self.clock.dt)
        super().before_run(run_namespace)


class Native:
    """The Brian2 objects of a network.

    Parameters
    ----------
    blueprint : Blueprint

    Attributes
    ----------
    network : brian2.Network
    parts : dict of str to NeuronGroup or Synapses
    generators : dict of str to KeyedInput
    supplies : dict of str to InputSpikes
    spikes, traces : dict of str to monitor
    tables : dict of str to TimedArray
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint = blueprint
        self._dt = blueprint.lowered.dt * brian2.ms
        self.clock = brian2.Clock(self._dt, name=blueprint.names.new("clock"))
        self.tables: dict[str, Any] = {}
        self.parts = {name: self._group(group) for name, group in blueprint.groups.items()}
        lowered = blueprint.lowered
        self.supplies = {name: InputSpikes(lowered, lowered.inputs[index]) for name, index in blueprint.inputs.items()}
        self.generators = {name: KeyedInput(supply, self.clock, name) for name, supply in self.supplies.items()}
        for group in blueprint.groups.values():
            self._refer(self.parts[group.name], group)
        for links in blueprint.links.values():
            self.parts[links.name] = self._synapses(links)
        self.spikes = {
            name: brian2.SpikeMonitor(self._end(name), name=monitor) for name, monitor in blueprint.monitors.items()
        }
        self.traces = {probe.name: self._monitor(probe) for probe in blueprint.probes}
        kinds = [self.parts, self.generators, self.spikes, self.traces]
        self.network = brian2.Network([thing for kind in kinds for thing in kind.values()])
        for thing in self.network.objects:
            # Brian2 would note this at the first run, and complain of objects that were never run.
            thing._network = self.network.id

    def _end(self, name: str) -> Any:
        return self.generators.get(name) or self.parts[name]

    def _namespace(self, part: Part) -> dict[str, Any]:
        namespace: dict[str, Any] = {}
        for name, value in part.namespace.items():
            if isinstance(value, Table):
                self.tables[name] = brian2.TimedArray(value.values, dt=value.interval * self._dt, name=name)
                namespace[name] = self.tables[name]
            elif isinstance(value, Draw):
                namespace[name] = keyed_function(value, name, self.blueprint.lowered.seed)
        return namespace

    def _group(self, group: Group) -> Any:
        made = brian2.NeuronGroup(
            group.size,
            "\n".join(group.model),
            threshold=group.threshold,
            reset=group.reset,
            events=group.events,
            namespace=self._namespace(group),
            clock=self.clock,
            name=group.name,
        )
        for operation in group.operations:
            if operation.event is not None:
                made.run_on_event(operation.event, operation.code, when=operation.when, order=operation.order)
            else:
                self._every_step(made, operation)
        self._set(made, group)
        return made

    def _every_step(self, made: Any, operation: Operation) -> None:
        settings = {"when": operation.when, "order": operation.order, "name": operation.name}
        made.run_regularly(operation.code, clock=self.clock, **settings)

    @staticmethod
    def _set(made: Any, part: Part) -> None:
        for name, value in part.values.items():
            setattr(made, name, value)

    def _refer(self, made: Any, part: Part) -> None:
        for reference in part.references:
            refer(made, reference.name, self.parts[reference.group], reference.variable, reference.index)

    def _synapses(self, links: Links) -> Any:
        def of(end: str, attribute: str) -> dict[str, Any]:
            return {p.name: getattr(p, attribute) for p in links.pathways if p.end == end}

        made = brian2.Synapses(
            self._end(links.source),
            self._end(links.target),
            "\n".join(links.model),
            on_pre=of("pre", "code"),
            on_post=of("post", "code"),
            on_event={p.name: p.event for p in links.pathways},
            delay={p.name: 0 * brian2.ms for p in links.pathways if np.ndim(p.delay) == 0},
            namespace=self._namespace(links),
            clock=self.clock,
            name=links.name,
        )
        made.connect(i=links.pre, j=links.post)
        for pathway in links.pathways:
            runner = getattr(made, pathway.name)
            runner.when, runner.order = pathway.when, pathway.order
            if np.ndim(pathway.delay):
                runner.delay = pathway.delay * self._dt
        for operation in links.operations:
            self._every_step(made, operation)
        self._set(made, links)
        self._refer(made, links)
        return made

    def _monitor(self, probe: Any) -> Any:
        return brian2.StateMonitor(
            self.parts[probe.part],
            probe.variable,
            record=np.asarray(probe.members),
            dt=probe.every * self._dt,
            when="start",
            order=2,
            name=probe.name,
        )
