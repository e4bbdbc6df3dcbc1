"""The chip as its host sees it: spikes, currents in nA and weights, before an executor that knows integers only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from hmn_snn import randomness
from hmn_snn.lowered import LoweredNetwork, LoweredRecording

from . import quantisation as q
from .program import Connection, Float, Int, LoihiProgram, NeuronProcess, Source

Spikes = tuple[Int, Int]  # steps and neurons
Probe = tuple[int, str, Int]  # process, variable, members

SAMPLED = ("v", "i_exc", "i_inh")


class Executor(Protocol):
    """What runs a program; steps count from its start."""

    name: str

    def run(self, n_steps: int, spikes: list[Spikes], probes: list[Probe]) -> tuple[list[Spikes], list[Int]]:
        """Advance by some steps, given each source's spikes; return each process's, and probes at the steps' ends."""

    def set_weights(self, connection: int, weights: Int) -> None:
        """Write the weights of a connection, from the next step on."""

    def set_bias(self, process: int, mant: Int) -> None:
        """Write the biases of a process, from the next step on."""

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""

    def close(self) -> None:
        """Let go of processes and devices."""


class LoihiChip:
    """A Loihi program on an executor.

    Parameters
    ----------
    program : LoihiProgram
    executor : Executor
        At its start.
    lowered : LoweredNetwork
        What the program was made from.
    rounding : "stochastic" or "nearest"
        How a weight that is written becomes an integer. Stochastic: up with the probability of what is missing, by a
        draw of ``(seed, "<projection>/loihi2/round", synapse, number of the write)``. A weight that has not changed
        keeps its integer. Those that the program starts with are the nearest.
    """

    def __init__(
        self, program: LoihiProgram, executor: Executor, lowered: LoweredNetwork, rounding: str = "stochastic"
    ) -> None:
        self.program, self.executor, self.lowered, self.rounding = program, executor, lowered, rounding
        self._process = {p.group: k for k, p in enumerate(program.processes)}
        self._late = [_Late(source) for source in program.sources]
        self._samplers = [
            _Sampler(r, k := self._process[r.group], program.processes[k], lowered.populations[r.group].delta)
            for r in lowered.recordings
            if r.kind == "population" and r.variable in SAMPLED
        ]
        self._probes = [probe for sampler in self._samplers for probe in sampler.probes]
        self._integers = [c.weight.astype(np.int16) for c in program.connections]
        self._written = [np.array(p.weights) for p in lowered.projections]
        self._writes = np.zeros(len(lowered.projections), np.int64)
        self._bias = [np.array(p.bias_mant) for p in program.processes]
        self._step = 0

    def run(self, n_steps: int, step: Int, group: Int, index: Int) -> tuple[Int, Int, Int, list[Float]]:
        """Advance by some steps; see :class:`Chip`."""
        first, self._step = self._step, self._step + n_steps
        sent = [late.due(self._step, step, group, index) for late in self._late]
        fired, rows = self.executor.run(n_steps, sent, self._probes)
        samples = []
        for sampler in self._samplers:
            mine, rows = rows[: len(sampler.probes)], rows[len(sampler.probes) :]
            samples.append(sampler.samples(first, n_steps, mine, fired[sampler.place]))
        steps, members = (np.concatenate([np.empty(0, np.int64), *column]) for column in zip(*fired, strict=True))
        own = np.repeat([p.group for p in self.program.processes], [len(step) for step, _ in fired])
        order = np.lexsort((members, own, steps))
        order = order[own[order] < len(self.lowered.populations)]  # a relay is none of the network's
        return steps[order], own[order], members[order], samples

    # Weights and currents

    def write_weights(self, projection: int, weights: Float) -> None:
        """Write what the synapses of a projection deliver from the next step on; see :class:`Chip`."""
        changed = weights != self._written[projection]
        self._writes[projection] += 1
        for c, connection in self._connections(projection):
            mine = weights[connection.synapse]
            integers = q.integer_weights(connection, mine, self._draws(connection))
            integers = np.where(changed[connection.synapse], integers, self._integers[c])
            if not np.array_equal(integers, self._integers[c]):
                self._integers[c] = integers
                self.executor.set_weights(c, integers)
        self._written[projection] = np.array(weights)

    def _draws(self, connection: Connection) -> Float | None:
        if self.rounding == "nearest":
            return None
        name, write = self.lowered.projections[connection.projection].name, self._writes[connection.projection]
        return randomness.uniform(self.lowered.seed, f"{name}/loihi2/round", connection.synapse, write)

    def weights(self, projection: int) -> Float:
        """Return what lies on the chip.

        Parameters
        ----------
        projection : int

        Returns
        -------
        (n_synapses,) float array [nA, or mV]
            What the integers stand for.
        """
        values = np.zeros(self.lowered.projections[projection].n_synapses)
        for c, connection in self._connections(projection):
            scale = np.abs(connection.scale)
            unit = scale if len(scale) == 1 else scale[connection.target_index]
            values[connection.synapse] = np.abs(self._integers[c]) / unit
        return values

    def _connections(self, projection: int) -> list[tuple[int, Connection]]:
        return [(c, x) for c, x in enumerate(self.program.connections) if x.projection == projection]

    def write_currents(self, population: int, current: Float) -> None:
        """Write the current that is injected from the next step on; see :class:`Chip`."""
        k = self._process[population]
        bias = q.bias_mantissa(self.program.processes[k], current)
        if (bias != self._bias[k]).any():
            self.executor.set_bias(k, bias)
            self._bias[k] = bias

    # State

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs."""
        state = {f"executor/{name}": value for name, value in self.executor.get_state().items()}
        state |= {"step": self._step, "writes": self._writes.copy()}
        for name, arrays in self._arrays().items():
            state |= {f"{name}/{k}": np.array(array) for k, array in enumerate(arrays)}
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""
        prefix = "executor/"
        self.executor.set_state({n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)})
        self._step, self._writes = int(state["step"]), np.array(state["writes"])
        for name, arrays in self._arrays().items():
            arrays[:] = [np.array(state[f"{name}/{k}"]) for k in range(len(arrays))]

    def _arrays(self) -> dict[str, list[np.ndarray]]:
        """Return the lists of arrays that change."""
        return {
            "integers": self._integers,
            "written": self._written,
            "bias": self._bias,
            **{f"late {k}": late.waiting for k, late in enumerate(self._late)},
            **{f"sampler {k}": sampler.held for k, sampler in enumerate(self._samplers)},
        }

    def close(self) -> None:
        """Let go of the executor."""
        self.executor.close()


class _Late:
    """The spikes of a source of the program, handed over as late as it asks for.

    Attributes
    ----------
    waiting : [(k,) int array, (k,) int array]
        Steps in which they are due, and neurons.
    """

    def __init__(self, source: Source) -> None:
        self.group, self.shift = source.group if source.copied is None else source.copied, source.shift
        self.waiting: list[Int] = [np.empty(0, np.int64), np.empty(0, np.int64)]

    def due(self, end: int, step: Int, group: Int, index: Int) -> Spikes:
        """Take spikes of all inputs; return what is due before a step."""
        mine = group == self.group
        steps = np.concatenate([self.waiting[0], step[mine] + self.shift])
        neurons = np.concatenate([self.waiting[1], index[mine]])
        now = steps < end
        self.waiting = [steps[~now], neurons[~now]]
        order = np.lexsort((neurons[now], steps[now]))
        return steps[now][order], neurons[now][order].astype(np.int32)


class _Sampler:
    """One recording of a population: what to probe, and what its samples are from that.

    A sample is taken at the start of a step, with what has just arrived; a probe is of the end of a step. So v is that
    of the step before, to which a delta receptor's arrivals are added, and a current is that of the step itself.

    Attributes
    ----------
    place : int
        Of the process.
    probes : list of Probe
    held : [(n_members,) int array, (k,) int array, (k,) int array]
        v at the end of the last step; steps and neurons of spikes that may still keep a neuron refractory.
    """

    def __init__(
        self, recording: LoweredRecording, place: int, process: NeuronProcess, delta: tuple[bool, bool]
    ) -> None:
        self.variable, self.every, self.members = recording.variable, recording.every, recording.indices
        self.place, self.process, self.delta = place, process, delta
        names = ["v"] if self.variable == "v" else []
        if any(delta) or self.variable != "v":
            names += ["u"] if process.du_inh is None else ["u", "u_inh"]
        self.probes: list[Probe] = [(place, name, self.members) for name in names]
        self.held: list[Int] = [process.v_init[self.members], np.empty(0, np.int64), np.empty(0, np.int64)]

    def samples(self, first: int, n_steps: int, rows: list[Int], fired: Spikes) -> Float:
        """Return the samples of some steps from the probes and spikes of these steps."""
        due = np.flatnonzero((first + np.arange(n_steps)) % self.every == 0)
        if self.variable != "v":
            receptor = ("i_exc", "i_inh").index(self.variable)
            if self.delta[receptor]:
                return np.zeros((len(due), len(self.members)))
            return self._currents(rows, due)[receptor]
        starts = np.concatenate([self.held[0][None], rows[0]])
        self.held[0] = starts[-1].copy()
        v = q.potentials(self.process, starts[due], self.members)
        if any(self.delta):
            exc, inh = self._currents(rows[1:], due)
            v = v + ~self._refractory(first, n_steps, fired)[due] * (self.delta[0] * exc - self.delta[1] * inh)
        return v

    def _currents(self, rows: list[Int], due: Int) -> tuple[Float, Float]:
        inh = rows[1][due] if len(rows) > 1 else None
        return q.currents(self.process, rows[0][due], inh, self.members)

    def _refractory(self, first: int, n_steps: int, fired: Spikes) -> np.ndarray:
        """Return in which steps which members are refractory."""
        steps, neurons = (np.concatenate(parts) for parts in zip(self.held[1:], fired, strict=True))
        periods = np.broadcast_to(self.process.refractory, self.process.size)
        waiting = np.zeros((n_steps, self.process.size), bool)
        for step, neuron in zip(steps, neurons, strict=True):
            waiting[max(step + 1 - first, 0) : max(step + 1 - first + periods[neuron], 0), neuron] = True
        recent = steps + periods[neurons] >= first + n_steps
        self.held[1:] = [steps[recent], neurons[recent]]
        return waiting[:, self.members]
