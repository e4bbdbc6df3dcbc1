"""From a blueprint to a script: the same Brian2 objects as ``native.py`` makes, as text that needs Brian2 and NumPy.

The script has the blueprint's equations and code word for word, less the lines that only count events for our results.
Objects have the same names, since Brian2 runs those of equal slot and order by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hmn_snn import __version__
from hmn_snn.lowered import LoweredInput
from hmn_snn.randomness import stream_key

from .._shared.literals import Arrays, block, mapping, text
from .blueprint import ORDER, Blueprint
from .glossary import explained
from .parts import Draw, Group, Links, Part, Probe, Table
from .recording import COUNTERS, MARGINS

_BOOKKEEPING = frozenset((*COUNTERS, *MARGINS, "last_arrival"))

_HEAD = '''\
"""Network {name}: {duration:g} ms at dt = {dt:g} ms, seed {seed}.

Written by hmn-snn {version} from the network {hash}. It needs Brian2 and NumPy{file}.
Running it prints the number of spikes of each population and input, and writes spikes, samples and final weights to
a file of the script's name that ends in _results.npz.

All quantities are plain numbers in ms, mV, nA, MOhm and Hz (steps dt_s and rates eta in seconds). One step goes from
t_n to t_n+1; what Brian2 does in it, by slot and order:

{order}
"""

from pathlib import Path

import brian2 as b2
import numpy as np

b2.prefs.codegen.target = "numpy"
b2.prefs.codegen.loop_invariant_optimisations = False  # they change the last digits
b2.BrianLogger.suppress_hierarchy("brian2.codegen.generators")  # a maximum over synapses depends on no order
b2.BrianLogger.suppress_hierarchy("brian2.input.timedarray")  # a table's step is a multiple of dt but for rounding
{data}
dt, n_steps = {dt!r}*b2.ms, {n_steps}
b2.defaultclock.dt = dt'''


def write_script(blueprint: Blueprint, path: Path, n_steps: int) -> tuple[Path, ...]:
    """Write a script that makes and runs a network, and its arrays, if any are long, to a file beside it.

    Parameters
    ----------
    blueprint : Blueprint
    path : pathlib.Path
        Of the script; its arrays get the same name with the suffix ``.npz``.
    n_steps : int

    Returns
    -------
    tuple of pathlib.Path
        The files written.
    """
    script = Script(blueprint)
    content = script.text(n_steps)
    files = [path]
    if script.arrays.long:
        files.append(path.with_suffix(".npz"))
        np.savez_compressed(files[1], **script.arrays.long)
    path.write_text(content, encoding="utf-8")
    return tuple(files)


class Script:
    """A script while it is written.

    Parameters
    ----------
    blueprint : Blueprint

    Attributes
    ----------
    arrays : Arrays
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self.blueprint, self.lowered, self.arrays = blueprint, blueprint.lowered, Arrays()
        self._used: set[str] = set()

    def text(self, n_steps: int) -> str:
        """Return the script for a run of some steps.

        Parameters
        ----------
        n_steps : int

        Returns
        -------
        str
        """
        blueprint = self.blueprint
        objects = [self._group(group) for group in blueprint.groups.values()]
        objects += [self._input(name, self.lowered.inputs[index]) for name, index in blueprint.inputs.items()]
        objects += [self._links(links) for links in blueprint.links.values()]
        objects += [self._monitors(), *map(self._probe, blueprint.probes)]
        parts = [self._head(n_steps), *_carried(self._used), *objects, *self._end()]
        return "\n".join(f"{part}\n" for part in parts)

    def _head(self, n_steps: int) -> str:
        lowered, long = self.lowered, bool(self.arrays.long)
        return _HEAD.format(
            name=repr(lowered.name).replace('"', "'"),
            duration=n_steps * lowered.dt,
            dt=lowered.dt,
            seed=lowered.seed,
            version=__version__,
            hash=lowered.hash[:12],
            file=", and the .npz file of its name" if long else "",
            order=ORDER,
            data='\ndata = np.load(Path(__file__).with_suffix(".npz"))' if long else "",
            n_steps=n_steps,
        )

    # Groups and synapses

    def _group(self, group: Group) -> str:
        arguments = [str(group.size), block(map(explained, _shown(group.model)), 4)]
        if group.threshold is not None:
            arguments.append(f"threshold={text(group.threshold)}")
        if group.reset is not None:
            arguments.append(f"reset={block(group.reset.splitlines(), 4)}")
        if group.events:
            arguments.append(f"events={mapping({name: text(when) for name, when in group.events.items()}, 4)}")
        lines = [f"# {_capital(group.label)}", *self._made(group, "NeuronGroup", arguments)]
        return "\n".join([*lines, *self._operations(group), *self._values(group), *self._references(group)])

    def _links(self, links: Links) -> str:
        arguments = [links.source, links.target]
        if model := list(map(explained, _shown(links.model))):
            arguments.append(block(model, 4))
        for end in ("pre", "post"):
            code = {p.name: block(_shown(p.code.splitlines()), 8) for p in links.pathways if p.end == end}
            if code:
                arguments.append(f"on_{end}={mapping(code, 4)}")
        events = {p.name: text(p.event) for p in links.pathways if p.event != "spike"}
        if events:
            arguments.append(f"on_event={mapping(events, 4)}")
        at_once = {p.name: "0*dt" for p in links.pathways if np.ndim(p.delay) == 0}
        if at_once:
            arguments.append(f"delay={mapping(at_once, 4)}")
        lines = [f"# {_capital(links.label)}", *self._made(links, "Synapses", arguments)]
        ends = (f"{end}={self.arrays.array(f'{links.name}.{end}', numbers)}"
                for end, numbers in (("i", links.pre), ("j", links.post)))  # fmt: skip
        lines.append(f"{links.name}.connect({', '.join(ends)})")
        lines += self._pathways(links)
        return "\n".join([*lines, *self._operations(links), *self._values(links), *self._references(links)])

    def _pathways(self, links: Links) -> Iterable[str]:
        for pathway in links.pathways:
            runner = f"{links.name}.{pathway.name}"
            if (pathway.when, pathway.order) != ("synapses", 0):
                yield f"{runner}.when, {runner}.order = {text(pathway.when)}, {pathway.order}"
            if np.ndim(pathway.delay):
                yield f"{runner}.delay = {self.arrays.values(f'{runner}.delay', pathway.delay)}*dt"

    def _made(self, part: Part, kind: str, arguments: list[str]) -> list[str]:
        namespace = {name: self._external(f"{part.name}.{name}", value) for name, value in part.namespace.items()}
        if namespace:
            arguments.append(f"namespace={mapping(namespace, 4)}")
        arguments.append(f"name={text(part.name)}")
        return [f"{part.name} = b2.{kind}(", *(f"    {argument}," for argument in arguments), ")"]

    def _external(self, key: str, value: Table | Draw) -> str:
        if isinstance(value, Draw):
            self._used |= {"keyed", value.kind}
            return f"keyed({value.kind}, {stream_key(self.lowered.seed, value.stream):#x})"
        return f"b2.TimedArray({self.arrays.array(key, value.values)}, dt={value.interval}*dt)"

    def _operations(self, part: Part) -> Iterable[str]:
        for operation in part.operations:
            call, name = f"{part.name}.run_regularly(", f", name={text(operation.name or '')}"
            if operation.event is not None:
                call, name = f"{part.name}.run_on_event({text(operation.event)}, ", ""
            code = block(_shown(operation.code.splitlines()), 0)
            yield f"{call}{code}, when={text(operation.when)}, order={operation.order}{name})"

    def _values(self, part: Part) -> Iterable[str]:
        for name, value in part.values.items():
            if name not in _BOOKKEEPING and np.any(value):  # Brian2 starts from 0
                yield f"{part.name}.{name} = {self.arrays.values(f'{part.name}.{name}', value)}"

    def _references(self, part: Part) -> Iterable[str]:
        for r in part.references:
            self._used.add("refer")
            yield f"refer({part.name}, {text(r.name)}, {r.group}, {text(r.variable)}, {text(r.index)})"

    # Inputs and monitors

    def _input(self, name: str, source: LoweredInput) -> str:
        if source.rate is None:
            indices = self.arrays.array(f"{name}.i", source.indices)
            times = f"{self.arrays.array(f'{name}.steps', source.steps)}*dt"
            made = f"{name} = b2.SpikeGeneratorGroup({source.size}, {indices}, {times}, name={text(name)})"
            return f"# Given spikes {source.name!r}\n{made}"
        self._used.add("poisson")
        key = stream_key(self.lowered.seed, f"{source.name}/poisson")
        rates = self.arrays.array(f"{name}.rates", source.rate.values)
        changes = self.arrays.array(f"{name}.changes", source.rate.steps)
        drawn = f"poisson({key:#x}, {source.size}, {rates}, {changes}, n_steps, {self.lowered.dt / 1000.0!r})"
        steps, indices = (self.blueprint.names.new(f"{name}_{what}") for what in ("steps", "i"))
        made = f"{name} = b2.SpikeGeneratorGroup({source.size}, {indices}, {steps}*dt, name={text(name)})"
        return f"# Poisson input {source.name!r}\n{steps}, {indices} = {drawn}\n{made}"

    def _monitors(self) -> str:
        made = (f"{monitor} = b2.SpikeMonitor({group}, name={text(monitor)})"
                for group, monitor in self.blueprint.monitors.items())  # fmt: skip
        return "\n".join(["# What is recorded", *made])

    def _probe(self, probe: Probe) -> str:
        members = self.arrays.array(f"{probe.name}.members", probe.members)
        when = f'dt={probe.every}*dt, when="start", order=2, name={text(probe.name)}'
        return f"{probe.name} = b2.StateMonitor({probe.part}, {text(probe.variable)}, record={members}, {when})"

    # The end

    def _end(self) -> Iterable[str]:
        blueprint, lowered = self.blueprint, self.lowered
        spikes = {source.name: blueprint.monitors[name]
                  for name, source in zip(blueprint.sources, lowered.sources, strict=True) if name}  # fmt: skip
        recorded = {probe: lowered.recordings[probe.index] for probe in blueprint.probes}
        yield 'b2.run(n_steps*dt, report="stderr", namespace={})'
        yield "\n".join([
            "results = {}",
            f"for name, monitor in {mapping(spikes, 0)}.items():",
            "    steps = np.rint(monitor.t/dt) + 1  # Brian2 dates a spike at the start of its step",
            f'    results[f"spikes/{{name}}/t"], results[f"spikes/{{name}}/i"] = steps*{lowered.dt!r}, monitor.i[:]',
            '    print(f"{name}: {len(monitor.t)} spikes")',
            *(f"results[{text(f'traces/{r.name}/{r.variable}')}] = {probe.name}.{probe.variable}.T"
              for probe, r in recorded.items()),
            *(f"results[{text(f'weights/{projection.name}')}] = {name}.w[:]"
              for name, projection in zip(blueprint.projections, lowered.projections, strict=True)
              if name and projection.plasticity is not None),
            'np.savez(Path(__file__).with_name(f"{Path(__file__).stem}_results.npz"), **results)',
        ])  # fmt: skip


def _capital(label: str) -> str:
    return label[:1].upper() + label[1:]


def _shown(lines: Iterable[str]) -> Iterable[str]:
    """Leave out the lines that define or assign what only our results count."""
    return (line for line in lines if line.split()[0] not in _BOOKKEEPING)


def _carried(used: set[str]) -> Iterable[str]:
    """Return the source of the functions that a script uses, each after those that it needs."""
    source = Path(__file__).with_name("carried.py").read_text(encoding="utf-8")
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    needed = set(used)
    for name in reversed(functions):
        if name in needed:
            needed |= {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)}
    texts = [ast.get_source_segment(source, node) or "" for name, node in functions.items() if name in needed]
    return ["\n{}\n".format("\n\n\n".join(texts))] if texts else []
