"""From a program to a script: PyNN's populations and projections as text, the arrays in a file beside it.

The script needs PyNN, a simulator of PyNN's and NumPy. It says in PyNN's own words what there is, and calls the few
functions of ``carried.py``, which come with it, where PyNN's simulators differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hmn_snn import __version__

from .._shared.literals import Arrays, mapping, text
from .._shared.names import Names
from . import script_parts
from .program import IF_CURR_DUAL_EXP, Cells, Neuromodulation, SineCurrent, SpinnakerProgram, StepCurrent, Synapses
from .script_parts import folded

Spikes = tuple[np.ndarray, np.ndarray]
Probe = tuple[int, str, np.ndarray]

# PyNN's names for what Results call v, i_exc and i_inh.
_VARIABLES = {"v": "v", "i_exc": "isyn_exc", "i_inh": "isyn_inh"}


def write_script(
    program: SpinnakerProgram,
    path: Path,
    n_steps: int,
    spikes: Sequence[Spikes],
    probes: Sequence[Probe] = (),
    state: bool = False,
) -> tuple[Path, Path]:
    """Write a script that makes and runs a network on SpiNNaker or a simulator, and its arrays to a file beside it.

    Parameters
    ----------
    program : SpinnakerProgram
    path : pathlib.Path
        Of the script; its arrays get the same name with the suffix ``.npz``.
    n_steps : int
    spikes : list of (step, index), each (k,) int arrays
        What each source of the program sends; empty for those that the program or the chip draws itself.
    probes : list of (cells, variable, members)
        Number of the cells, ``"v"``, ``"i_exc"`` or ``"i_inh"``, and the indices to record.
    state : bool
        Whether to write potentials and currents at the end too, from which another run can go on.

    Returns
    -------
    tuple of pathlib.Path
        The files written.
    """
    arrays = path.with_suffix(".npz")
    script = Script(program, n_steps, spikes, probes, state)
    path.write_text(script.text(path.name), encoding="utf-8")
    np.savez_compressed(arrays, **script.arrays.long)
    return path, arrays


class Script:
    """A script while it is written.

    Parameters
    ----------
    program, n_steps, spikes, probes, state
        As in :func:`write_script`.

    Attributes
    ----------
    arrays : Arrays
    """

    def __init__(
        self, program: SpinnakerProgram, n_steps: int, spikes: Sequence[Spikes], probes: Sequence[Probe], state: bool
    ) -> None:
        self.program, self.n_steps, self.probes, self.state, self.arrays = program, n_steps, probes, state, Arrays()
        self.given = [_merged(source.steps, source.indices, *own)
                      for source, own in zip(program.sources, spikes, strict=True)]  # fmt: skip
        self.before = int(any(np.any(steps < 0) for steps, _ in self.given))
        names = Names()
        for word in (*script_parts.TAKEN, *script_parts.functions()):
            names.new(word)
        self.names = {group.name: names.new(group.name) for group in program.groups}
        self.gates = {target: names.new(f"dopamine_{self.names[target]}") for target in _targets(program)}
        self.recorded: dict[tuple[int, str], str] = {}
        self.handles = {s.name: names.new(f"synapses_{k}") for k, s in enumerate(program.synapses) if s.stdp}

    def text(self, file: str) -> str:
        """Return the script.

        Parameters
        ----------
        file : str
            Its own name.

        Returns
        -------
        str
        """
        program = self.program
        body = [
            self._setup(),
            *map(self._cells, program.cells),
            *(self._source(k) for k in range(len(program.sources))),
            *(self._gate(target) for target in self.gates),
            "\n".join(["# Synapses", *map(self._synapses, program.synapses),
                       *map(self._modulation, program.neuromodulation)]),
            self._recording(),
            self._run(),
            self._results(),
        ]  # fmt: skip
        text_of_body = "\n\n".join(part for part in body if part)
        return "\n\n".join([self._head(file), *script_parts.carried(text_of_body)]) + f"\n\n{text_of_body}\n"

    def _head(self, file: str) -> str:
        program, notes = self.program, ""
        if program.neuromodulation:
            notes += "\nA virtual board of sPyNNaker 7.4.1 cannot build neuromodulation; a board can."
        earlier = "\n# SpiNNaker begins one timestep early, for the spikes that arrive with it." if self.before else ""
        return script_parts.HEAD.format(
            name=repr(program.name).replace('"', "'"), duration=self.n_steps * program.dt, dt=program.dt, file=file,
            version=__version__, notes=notes, n_steps=self.n_steps, before=self.before, earlier=earlier,
        )  # fmt: skip

    def _setup(self) -> str:
        longest = max((int(s.delay.max(initial=1)) for s in self.program.synapses), default=1)
        scale = self.program.time_scale_factor
        return script_parts.SETUP.format(
            scale=int(scale) if scale == int(scale) else scale,
            longest=round(longest * self.program.dt, 9),
            seed=self.program.seed % 2**31 + 1,
        )

    # Cells and sources

    def _cells(self, cells: Cells) -> str:
        name, module = self.names[cells.name], "sim.extra_models" if cells.celltype == IF_CURR_DUAL_EXP else "sim"
        values = {key: self.arrays.values(f"{cells.name}/{key}", value) for key, value in cells.parameters.items()}
        values["tau_refrac"] = f"refractory({values['tau_refrac']})"
        model = f"{module}.{cells.celltype}({', '.join(f'{key}={value}' for key, value in values.items())})"
        bounds = ", ".join(repr(float(bound)) for bound in cells.max_weights)
        chip = f"on_chip(neurons_per_core={cells.neurons_per_core}, max_expected_summed_weight=[{bounds}])"
        made = f"{name} = sim.Population({cells.size}, {model}, label={text(cells.name)}, **{chip})"
        lines = [f"# Cells {cells.name!r}"]
        if cells.celltype == IF_CURR_DUAL_EXP:
            lines += ["if not chip:", f'    sys.exit("only sPyNNaker has {cells.celltype}; run without --simulator")']
        lines.append(folded(made))
        lines += [self._steps(cells, name, current) for current in cells.currents]
        lines += [self._sine(cells, name, sine) for sine in cells.sines]
        if np.any(cells.noise):
            stdev = self.arrays.values(f"{cells.name}/noise", cells.noise)
            times = "start=begin*dt, stop=(begin + n_steps)*dt, dt=dt"
            make = f"lambda stdev: sim.NoisyCurrentSource(mean=0.0, stdev=stdev, {times})"
            lines.append(f"inject({name}, range({cells.size}), {_column(stdev, cells.noise)}, {make})")
        return "\n".join(lines)

    def _steps(self, cells: Cells, name: str, current: StepCurrent) -> str:
        key, indices = f"{cells.name}/{current.name}", self._members(cells, current.indices, current.name)
        one = np.asarray(current.amplitudes, float)
        if len(current.steps) == 1:
            values = self.arrays.values(f"{key}/amplitudes", one[0])
            make = "lambda amplitude: sim.DCSource(amplitude=amplitude, start=begin*dt, stop=(begin + n_steps)*dt)"
            return f"inject({name}, {indices}, {_column(values, one[0])}, {make})"
        times = f"[round((step + begin)*dt, 9) for step in {self.arrays.array(f'{key}/steps', current.steps)}]"
        make = f"lambda amplitudes: sim.StepCurrentSource(times={times}, amplitudes=amplitudes.tolist())"
        return f"inject({name}, {indices}, np.transpose({self.arrays.array(f'{key}/amplitudes', one)}), {make})"

    def _sine(self, cells: Cells, name: str, sine: SineCurrent) -> str:
        phase = self.arrays.values(f"{cells.name}/{sine.name}/phase", sine.phase)
        # SpiNNaker turns the phase by the frequency per ms in every timestep, however long that is.
        frequency = f"{sine.frequency!r}*(dt if chip else 1.0)"
        make = (f"lambda phase: sim.ACSource(amplitude={sine.amplitude!r}, offset=0.0, frequency={frequency}, "
                "phase=phase, start=begin*dt, stop=(begin + n_steps)*dt)")  # fmt: skip
        return f"inject({name}, range({cells.size}), {_column(phase, sine.phase)}, {make})"

    def _members(self, cells: Cells, indices: Any, name: str) -> str:
        if np.array_equal(indices, np.arange(cells.size)):
            return f"range({cells.size})"
        return self.arrays.array(f"{cells.name}/{name}/indices", indices)

    def _source(self, number: int) -> str:
        source, (steps, indices) = self.program.sources[number], self.given[number]
        name, label = self.names[source.name], text(source.name)
        if source.poisson:
            rates = self.arrays.array(f"{source.name}/rates", source.rates)
            changes = self.arrays.array(f"{source.name}/changes", source.rate_steps)
            seed = (self.program.seed + number) % 2**31 + 1
            made = f"{name} = poisson({label}, {source.size}, {rates}, {changes}, seed={seed})"
            return f"# Poisson sources {source.name!r}\n{made}"
        self.arrays.long |= {f"{source.name}/steps": steps, f"{source.name}/indices": indices}
        return f"# Given spikes {source.name!r}\n{name} = given_spikes({label}, {source.size})"

    # Synapses

    def _synapses(self, synapses: Synapses) -> str:
        columns = {"pre": synapses.pre, "post": synapses.post, "weight": synapses.weight, "delay": synapses.delay}
        self.arrays.long |= {f"{synapses.name}/{key}": np.asarray(values) for key, values in columns.items()}
        call = [text(synapses.name), self.names[synapses.source], self.names[synapses.target], text(synapses.receptor)]
        if (rule := synapses.stdp) is not None:
            fields = ("A_plus", "A_minus", "tau_plus", "tau_minus", "w_min", "w_max")
            values = {field: repr(float(getattr(rule, field))) for field in fields}
            call.append("stdp=" + mapping(values | ({"nearest": "True"} if rule.nearest else {}), 0))
            if rule.gated:
                call.append(f"gate={self.gates[synapses.target]}")
        handle = f"{self.handles[synapses.name]} = " if rule is not None else ""
        return folded(f"{handle}connect({', '.join(call)})")

    def _gate(self, target: str) -> str:
        gate = next(m for m in self.program.neuromodulation if m.target == target)
        values = {key: repr(float(getattr(gate, key))) for key in ("weight", "tau_c", "tau_d", "w_min", "w_max")}
        return f"# How dopamine gates plasticity at {target!r}\n{self.gates[target]} = {mapping(values, 0)}"

    def _modulation(self, m: Neuromodulation) -> str:  # sPyNNaker wants it after the plastic projections
        ends = f"{self.names[m.source]}, {self.names[m.target]}, {text(m.sign)}, {self.gates[m.target]}"
        return f"modulate({text(m.name)}, {ends}, weight={m.weight!r})"

    # The run and its results

    def _recording(self) -> str:
        program = self.program
        names = [self.names[c.name] for c in program.cells] + [self.names[s.name] for s in program.sources if s.poisson]
        lines = ["# What is recorded", f"populations = [{', '.join(names)}]", "for cells in populations:",
                 '    cells.record("spikes")']  # fmt: skip
        asked: dict[tuple[int, str], list[np.ndarray]] = {}
        for number, variable, members in self.probes:
            asked.setdefault((number, variable), []).append(np.asarray(members, np.int64))
        for k, ((number, variable), several) in enumerate(asked.items()):
            cells, members = program.cells[number], np.unique(np.concatenate(several))
            self.recorded[number, variable] = f"recorded_{k}"
            chosen = self.arrays.array(f"{cells.name}/{variable}/recorded", members)
            lines.append(f"recorded_{k} = record({self.names[cells.name]}, {chosen}, {text(_VARIABLES[variable])})")
        if self.state:
            everyone = ", ".join(self.names[cells.name] for cells in program.cells)
            lines.append(f"states = {{cells.label: record_state(cells) for cells in [{everyone}]}}")
        return "\n".join(lines)

    def _run(self) -> str:
        def listed(name: str, values: Mapping[str, Mapping[str, Any]]) -> str:
            rows = [f"    {self.names[group]}: {mapping(dict(row), 4)}," for group, row in values.items()]
            return "\n".join([f"{name} = {{", *rows, "}"])

        def written(group: str, values: Mapping[str, Any], key: str) -> dict[str, str]:
            return {name: self.arrays.values(f"{group}/{name}{key}", value) for name, value in values.items()}

        initial = {c.name: written(c.name, c.initial, "") for c in self.program.cells}
        if not self.before:
            return "\n".join([listed("initial", initial), script_parts.RUN.format(initial="initial")])
        back = {c.name: written(c.name, _step_back(c, self.program.dt), " before") for c in self.program.cells}
        note = "# One timestep earlier, from where SpiNNaker comes to the initial values"
        return "\n".join([listed("initial", initial), note, listed("earlier", back),
                          script_parts.RUN.format(initial="(earlier if chip else initial)")])  # fmt: skip

    def _results(self) -> str:
        program = self.program
        lines = ["results = {}"]
        for synapses in program.synapses:
            if synapses.stdp is not None:
                lines.append(f"results[{text(f'weights/{synapses.name}')}] = learned({self.handles[synapses.name]})")
        lines += ['if options.simulator == "nest":',
                  "    sim.run(dt)  # what NEST records arrives a timestep later",
                  "for cells in populations:",
                  "    step, index = spikes(cells)",
                  '    results[f"spikes/{cells.label}/t"], results[f"spikes/{cells.label}/i"] = (step + 1)*dt, index',
                  '    print(f"{cells.label}: {len(step)} spikes")']  # fmt: skip
        for k, (number, variable, members) in enumerate(self.probes):
            key = f"traces/{k}/{program.cells[number].name}/{variable}"
            chosen = self.arrays.array(f"{key}/members", np.asarray(members, np.int64))
            lines.append(f"results[{text(key)}] = samples({self.recorded[number, variable]}, {chosen})")
        if self.state:
            lines += ["for label, recorded in states.items():", "    for name, values in state(recorded).items():",
                      '        results[f"state/{label}/{name}"] = values']  # fmt: skip
        lines += ['print(f"built in {clock[1] - clock[0]:.2f} s, simulated in {clock[2] - clock[1]:.2f} s")',
                  'rank = f"_{sim.rank()}" if sim.num_processes() > 1 else ""',
                  'np.savez(Path(__file__).with_name(f"{Path(__file__).stem}_results{rank}.npz"), **results)',
                  "sim.end()"]  # fmt: skip
        return "\n".join(lines)


def _merged(steps: Any, indices: Any, more_steps: Any, more_indices: Any) -> Spikes:
    step = np.concatenate([np.asarray(steps, np.int64), np.asarray(more_steps, np.int64)])
    index = np.concatenate([np.asarray(indices, np.int64), np.asarray(more_indices, np.int64)])
    order = np.lexsort((index, step))
    return step[order], index[order]


def _targets(program: SpinnakerProgram) -> Iterable[str]:
    return dict.fromkeys(m.target for m in program.neuromodulation)


def _column(values: str, array: Any) -> str:
    """Return an expression with a row for each cell, of a value that all may share."""
    return f"[{values}]" if np.ndim(array) == 0 or (np.asarray(array) == np.ravel(array)[0]).all() else values


def _step_back(cells: Cells, dt: float) -> dict[str, Any]:
    """Return the values from which the chip comes to the initial ones in one timestep without input."""
    p, initial = cells.parameters, dict(cells.initial)
    times = {"isyn_exc": ("tau_syn_E", 1.0), "isyn_exc2": ("tau_syn_E2", 1.0), "isyn_inh": ("tau_syn_I", -1.0)}
    current = p["i_offset"]
    for name, (tau, sign) in times.items():
        if name in initial:
            initial[name] = initial[name] * np.exp(dt / p[tau])
            current = current + sign * initial[name]
    v_inf = p["v_rest"] + p["tau_m"] / p["cm"] * current
    return initial | {"v": v_inf + (initial["v"] - v_inf) * np.exp(dt / p["tau_m"])}
