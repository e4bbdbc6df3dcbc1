"""The emulator: runs a Loihi program on this machine, bit for bit as the program means it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError

from . import emulator_kernel as kernel
from . import learning_engine_kernel
from .exchange import Int, Probe, Spikes, check_bias, check_spikes, check_weights
from .learning_engine import ProgramLearning
from .program import DECAY_ONE, MEMBRANE_SHIFT, PROGRAMMABLE, Connection, LoihiProgram, NeuronProcess

DENSE = 0.125  # of the crosspoints hold a synapse: from here on, whole rows are faster than lists of synapses
LISTED = 1 << 22  # spikes that a piece of a run may have
_FIELDS = {"v": kernel.V, "u": kernel.U, "u_inh": kernel.U_INH}


class EmulatorExecutor:
    """Runs a program in this process.

    Parameters
    ----------
    program : LoihiProgram

    Notes
    -----
    The weight of a synapse is read when a spike arrives: a weight that is written acts on spikes that are on their way.
    """

    name = "emulator"

    def __init__(self, program: LoihiProgram) -> None:
        self.program = program
        self._step = 0
        sizes = [p.size for p in program.processes]
        self._block = np.concatenate([[0], np.cumsum([-(-n // kernel.LANES) for n in sizes])]).astype(np.int64)
        self._cell = np.zeros(self._block[-1] * kernel.FIELDS * kernel.LANES, np.int32)
        self._processes = self._lay_processes()
        groups = [*(p.group for p in program.processes), *(s.group for s in program.sources)]
        self._groups = {group: k for k, group in enumerate(groups)}
        self._weights = [c.weight.astype(np.int16) for c in program.connections]
        self._learning = ProgramLearning(program) if program.learning else None
        self._synapses = self._lay_synapses()
        width = max([int(n) for n in np.diff(self._block)], default=0) * kernel.LANES
        self._sums = kernel.Sums(np.zeros(width, np.uint16), np.zeros(width, np.int32))
        # Steps whose spikes are still on their way, and those spikes.
        self._rows = 1 + max([int(d) for d in self._synapses.delay], default=0)
        self._offset = np.zeros(self._rows * len(self._groups) + 1, np.int64)
        self._member = np.zeros(0, np.int32)

    def run(self, n_steps: int, spikes: Sequence[Spikes], probes: Sequence[Probe]) -> tuple[list[Spikes], list[Int]]:
        """Advance by some steps.

        Parameters
        ----------
        n_steps : int
        spikes : list of (step, neuron), each (k,) int arrays
            What each source of the program fires in these steps, sorted; steps count from the executor's start.
        probes : list of (process, variable, members)
            Variables are ``"u"``, ``"u_inh"`` and ``"v"``.

        Returns
        -------
        list of (step, neuron), each (m,) int64 and int32 arrays
            What each process fired.
        list of (n_steps, n_members) int32 array
            The probed variables, as they are at the end of each step.
        """
        check_spikes(self.program, spikes, self._step, n_steps)
        places = [self._places(p, _FIELDS[variable], members) for p, variable, members in probes]
        probe = np.concatenate([*places, np.zeros(0, np.int64)])
        sample = np.empty((n_steps, len(probe)), np.int32)
        at_once = sum(p.size for p in self.program.processes) + sum(s.size for s in self.program.sources)
        longest = max(1, LISTED // max(at_once, 1))
        fired: list[list[Spikes]] = [[] for _ in self.program.processes]
        for first in range(0, n_steps, longest):
            steps = min(longest, n_steps - first)
            for p, piece in enumerate(self._run_piece(steps, spikes, probe, sample[first : first + steps])):
                fired[p].append(piece)
        empty = (np.zeros(0, np.int64), np.zeros(0, np.int32))
        all_fired = [tuple(np.concatenate(part) for part in zip(empty, *pieces, strict=True)) for pieces in fired]
        ends = np.cumsum([len(place) for place in places])
        return all_fired, [np.ascontiguousarray(s) for s in np.split(sample, ends, axis=1)[: len(places)]]

    def set_weights(self, connection: int, weights: Int) -> None:
        """Write the weights of a connection, from the next step on.

        Parameters
        ----------
        connection : int
        weights : (n_synapses,) int16 array
            Signed, as in the program.
        """
        c = self.program.connections[connection]
        check_weights(c, weights)
        self._weights[connection] = np.array(weights, np.int16)
        size = np.abs(self._weights[connection]).astype(np.uint8)
        for values, synapse, place in self._where[connection]:
            values[place] = size[synapse]
        if self._learning is not None and connection in self._learning.number:
            self._learning.engine.set_weights(self._learning.number[connection], self._weights[connection])

    def weights(self, connection: int) -> Int:
        """Return the weights of a connection.

        Parameters
        ----------
        connection : int

        Returns
        -------
        (n_synapses,) int16 array
            Signed; what the chip has learned in the last step comes with the next one.
        """
        if self._learning is not None and connection in self._learning.number:
            return self._learning.engine.weights(self._learning.number[connection]).astype(np.int16)
        return self._weights[connection].copy()

    def send_factors(self, factors: Int) -> None:
        """Say what y2 and y3 of the program's third factors are in the next steps; until then, neutral.

        Parameters
        ----------
        factors : (n_steps, 2, n_neurons) int array
            0 to 127, of the neurons of all third factors, one after the other.
        """
        if self._learning is not None:
            self._learning.factors.send(factors)

    def set_bias(self, process: int, mant: Int) -> None:
        """Write the biases of a process, from the next step on.

        Parameters
        ----------
        process : int
        mant : (1,) or (n,) int array
            Mantissas; the exponent stays.
        """
        check_bias(self.program, process, mant)
        p = self.program.processes[process]
        self._fill(process, kernel.BIAS, np.asarray(mant, np.int64) << p.bias_exp)

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs."""
        state = {"step": self._step, "cell": self._cell.copy(), "offset": self._offset, "member": self._member}
        for k, (connection, weights) in enumerate(zip(self.program.connections, self._weights, strict=True)):
            if not np.array_equal(weights, connection.weight):
                state[f"weights {k}"] = weights
        return state if self._learning is None else state | self._learning.get_state()

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""
        if len(state["cell"]) != len(self._cell) or len(state["offset"]) != len(self._offset):
            raise SimulationError("this is the state of another program: restore it into the program it came from")
        self._step = int(state["step"])
        self._cell[:] = state["cell"]
        self._offset = np.array(state["offset"], np.int64)
        self._member = np.array(state["member"], np.int32)
        for k, connection in enumerate(self.program.connections):
            self.set_weights(k, state.get(f"weights {k}", connection.weight))
        if self._learning is not None:
            self._learning.set_state(state)
            for k in self._learning.number:
                self.set_weights(k, self.weights(k))

    def close(self) -> None:
        """Let go of nothing: there is neither a process nor a device."""

    def _run_piece(self, n_steps: int, spikes: Sequence[Spikes], probe: Int, sample: Int) -> list[Spikes]:
        n_groups = len(self._groups)
        edges = np.arange(self._step, self._step + n_steps + 1)
        ptr = np.array([np.searchsorted(step, edges) for step, _ in spikes], np.int64).reshape(-1, n_steps + 1)
        pieces = [np.asarray(index[row[0] : row[-1]], np.int32) for (_, index), row in zip(spikes, ptr, strict=True)]
        starts = np.cumsum([0, *(len(piece) for piece in pieces)])[:-1]
        ptr = ptr - ptr[:, :1] + starts.reshape(-1, 1)
        most = n_steps * sum(p.size for p in self.program.processes) + sum(len(piece) for piece in pieces)
        offset = np.concatenate([self._offset, np.zeros(n_steps * n_groups, np.int64)])
        # One place more: the kernel writes each neuron's number before it knows whether it fires.
        member = np.empty(len(self._member) + most + 1, np.int32)
        member[: len(self._member)] = self._member
        heard = np.concatenate([*pieces, np.zeros(0, np.int32)])
        listed = kernel.Spikes(n_groups, offset, member, ptr, heard)
        what = (n_steps, self._step, self._rows, self._processes, self._synapses, listed, self._sums, self._cell,
                probe, sample)  # fmt: skip
        if self._learning is None:
            kernel.run(*what)
        else:
            learning_engine_kernel.run_program(*what, *self._learning.prepare(self._step, n_steps))
        counts = np.diff(offset[self._rows * n_groups :]).reshape(n_steps, n_groups).sum(axis=0)
        fired = [(np.empty(n, np.int64), np.empty(n, np.int32)) for n in counts[: len(self.program.processes)]]
        for p, (steps, neurons) in enumerate(fired):
            kernel.collect(p, n_steps, self._step, self._rows, listed, steps, neurons)
        first = offset[n_steps * n_groups]
        self._offset, self._member = offset[n_steps * n_groups :] - first, member[first : offset[-1]].copy()
        self._step += n_steps
        return fired

    def _places(self, process: int, field: int, index: Int) -> Int:
        index = np.asarray(index, np.int64)
        block = self._block[process] + index // kernel.LANES
        return (block * kernel.FIELDS + field) * kernel.LANES + index % kernel.LANES

    def _fill(self, process: int, field: int, values: Int) -> None:
        self._cell[self._places(process, field, np.arange(self.program.processes[process].size))] = values

    def _lay_processes(self) -> kernel.Processes:
        draws, starts = 0, []
        amplitudes: list[Int] = [np.zeros(0, np.int64)]
        keys: list[Int] = [np.zeros(0, np.uint64)]
        for k, p in enumerate(self.program.processes):
            for field, values in _cells(p).items():
                self._fill(k, field, values)
            noisy = p.noise_key is not None and bool(np.any(p.noise))
            starts.append(draws if noisy else -1)
            if p.noise_key is not None and noisy:
                amplitudes.append(np.broadcast_to(p.noise, (p.size,)).astype(np.int64))
                keys.append(np.asarray(p.noise_key, np.uint64))
                draws += p.size
        processes = self.program.processes
        return kernel.Processes(
            block=self._block,
            size=np.array([p.size for p in processes], np.int64),
            programmable=np.array([p.model == PROGRAMMABLE for p in processes], np.bool_),
            subtract=np.array([p.subtract for p in processes], np.bool_),
            noise_start=np.array(starts, np.int64),
            noise=np.concatenate(amplitudes),
            noise_key=np.concatenate(keys),
        )

    def _lay_synapses(self) -> kernel.Synapses:
        """Sort the synapses by their delay into lanes, of whole rows or of lists."""
        process = {p.group: k for k, p in enumerate(self.program.processes)}
        targets = [process[c.target] for c in self.program.connections]
        lanes = [_lanes(c, k, (self._block[t + 1] - self._block[t]) * kernel.LANES)
                 for k, (c, t) in enumerate(zip(self.program.connections, targets, strict=True))]  # fmt: skip
        flat = [lane for some in lanes for lane in some]
        rows = np.zeros(sum(lane.n_values for lane in flat if lane.dense), np.uint8)
        values = np.zeros(sum(lane.n_values for lane in flat if not lane.dense), np.uint8)
        self._where: list[list[tuple[Int, Int, Int]]] = [[] for _ in lanes]
        starts, pointers, neurons, used = [], [np.zeros(0, np.int64)], [np.zeros(0, np.int32)], [0, 0, 0]
        for lane in flat:
            first = used[lane.dense]
            starts.append(first if lane.dense else used[2])
            self._where[lane.connection].append((rows if lane.dense else values, lane.synapse, lane.place + first))
            used[lane.dense] += lane.n_values
            if not lane.dense:
                used[2] += len(lane.row_ptr)
                pointers.append(lane.row_ptr + first)
                neurons.append(lane.neuron)
        connections = self.program.connections
        for k, c in enumerate(connections):
            self.set_weights(k, c.weight)
        return kernel.Synapses(
            lane_ptr=np.cumsum([0, *map(len, lanes)], dtype=np.int64),
            target=np.array(targets, np.int64),
            receptor=np.array([kernel.IN_INH if c.receptor else kernel.IN for c in connections], np.int64),
            negative=np.array([c.sign < 0 for c in connections], np.bool_),
            exponent=np.array([c.weight_exp for c in connections], np.int64),
            source=np.array([self._groups[connections[lane.connection].source] for lane in flat], np.int64),
            delay=np.array([lane.delay for lane in flat], np.int64),
            dense=np.array([lane.dense for lane in flat], np.bool_),
            start=np.array(starts, np.int64),
            row=rows,
            row_ptr=np.concatenate(pointers),
            neuron=np.concatenate(neurons),
            weight=values,
        )


@dataclass(frozen=True, eq=False)
class _Lane:
    """The synapses of a connection that have one delay.

    Attributes
    ----------
    connection, delay : int
    dense : bool
    synapse : (m,) int64 array
        Which of the connection's they are.
    place : (m,) int64 array
        Where their weights lie among the lane's values.
    n_values : int
    row_ptr : (n_source + 1,) int64 array
    neuron : (m,) int32 array
        Targets, of a lane that is not dense.
    """

    connection: int
    delay: int
    dense: bool
    synapse: Int
    place: Int
    n_values: int
    row_ptr: Int
    neuron: Int


def _lanes(c: Connection, number: int, width: int) -> list[_Lane]:
    """Sort the synapses of a connection by their delay; a dense row is ``width`` long."""
    source = np.repeat(np.arange(c.n_source, dtype=np.int64), np.diff(c.row_ptr))
    delays = np.broadcast_to(c.delay, (c.n_synapses,))
    lanes = []
    for delay in np.unique(delays):
        synapse = np.flatnonzero(delays == delay)
        if len(synapse) >= DENSE * c.n_source * c.n_target:
            place, n_values, dense = source[synapse] * width + c.target_index[synapse], c.n_source * width, True
        else:
            place, n_values, dense = np.arange(len(synapse)), len(synapse), False
        row_ptr = np.searchsorted(source[synapse], np.arange(c.n_source + 1))
        neuron = c.target_index[synapse].astype(np.int32)
        lanes.append(_Lane(number, int(delay), dense, synapse, place, n_values, row_ptr, neuron))
    return lanes


def _cells(p: NeuronProcess) -> dict[int, Int]:
    """Return the kernel's variables of a process."""
    cells = {
        kernel.V: p.v_init,
        kernel.U: p.u_init,
        kernel.KEEP_V: DECAY_ONE - p.dv,
        kernel.KEEP_U: DECAY_ONE - 1 - p.du,
        kernel.BIAS: np.asarray(p.bias_mant, np.int64) << p.bias_exp,
        kernel.THRESHOLD: np.asarray(p.vth, np.int64) << MEMBRANE_SHIFT,
        kernel.REFRACTORY: p.refractory,
    }
    if p.du_inh is not None:
        cells |= {kernel.U_INH: p.u_inh_init, kernel.KEEP_INH: DECAY_ONE - 1 - p.du_inh}
    return cells
