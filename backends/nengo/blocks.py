"""A Loihi program on the block emulator of NengoLoihi, integer for integer.

The emulator is a second statement of the chip, by other people (Applied Brain Research, nengo_loihi 1.1.0,
``emulator/interface.py``). Blocks take the program's integers as they are; nothing passes NengoLoihi's own
discretisation. How the two agree:

* Decays are du (the emulator adds 1, as the program means it) and dv, and ``scale_u``, ``scale_v`` are off.
* The threshold is 64 vth and must be exceeded on both sides; v is held within 2**23 - 1 by ``vmin`` and ``vmax``.
* A compartment with ``refract_delay`` r is silent for r - 1 steps; so r is one more than the program's refractory.
* A spike acts one step after it is fired, and there are no delays: inputs are late by a connection's delay, and a
  population has relays, each a block of as many compartments, which hand its spikes on a step later.
* A weight is shifted by its exponent alone, where the program shifts the sum: the same for exponents of 0 or more,
  and for weights that are multiples of what is cut off; elsewhere less than one unit of 64 in a step stays here.
* The sum of a step holds 21 bits and sign, of the program 24 together with what is left of u. Where it overflows, and
  where u, or u with the bias, exceeds 23 bits and sign, the emulator raises an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError

from .packages import imported
from .refusals import no_state

block = imported("nengo_loihi.block")
inputs = imported("nengo_loihi.inputs")
builder = imported("nengo_loihi.builder")
emulator: Any = imported("nengo_loihi.emulator").EmulatorInterface

Int = np.ndarray
Spikes = tuple[Int, Int]

LARGEST = (1 << 23) - 1
UNIT_SHIFT = 6  # weights and thresholds are in units of 64
VARIABLES = {"u": "current", "v": "voltage"}


class StrictEmulator(emulator):  # type: ignore[misc]
    """NengoLoihi's emulator with errors where it warns of an overflow."""

    strict = True


class BlockExecutor:
    """Runs a program that :func:`refusals.block_findings` does not refuse.

    Parameters
    ----------
    program : LoihiProgram

    Notes
    -----
    Steps count from 0 here and from 1 in the emulator.
    """

    name = "nengo-loihi"

    def __init__(self, program: Any) -> None:
        self.program = program
        self._model = builder.Model(dt=program.dt / 1000.0)
        self._relays: dict[tuple[int, int], Any] = {}
        self._inputs: dict[tuple[int, int], Any] = {}
        self._blocks = {p.group: self._block(p) for p in program.processes if p.size}
        self._sizes = {s.group: s.size for s in program.sources}
        for connection in program.connections:
            self._connect(connection)
        # The emulator fills integer arrays with NaN before it writes to them.
        with np.errstate(invalid="ignore"):
            self._emulator = StrictEmulator(self._model, seed=0) if self._model.blocks else None
        for process in program.processes:
            if process.size:
                self._state("current", process.group)[:] = process.u_init
                self._state("voltage", process.group)[:] = process.v_init
        self._step = 0

    # Building

    def _block(self, process: Any) -> Any:
        made = block.LoihiBlock(process.size, label=process.name)
        mant = np.broadcast_to(process.bias_mant, (process.size,))
        _fill(made.compartment, process.du, process.dv, process.vth, mant << process.bias_exp, process.refractory)
        self._model.add_block(made)
        return made

    def _relay(self, group: int, steps: int) -> Any:
        """Return the block whose compartments spike some steps after those of a population."""
        if steps == 0:
            return self._blocks[group]
        if (group, steps) not in self._relays:
            before = self._relay(group, steps - 1)
            made = block.LoihiBlock(before.n_neurons, label=f"{self._blocks[group].label} + {steps}")
            _fill(made.compartment, 4095, 4095, 0, 0, 0)
            self._model.add_block(made)
            each = np.arange(before.n_neurons)
            _join(before, made, each, np.arange(len(each) + 1), np.full(len(each), 1 << UNIT_SHIFT), str(steps))
            self._relays[group, steps] = made
        return self._relays[group, steps]

    def _input(self, group: int, steps: int) -> Any:
        """Return the input whose spikes are so many steps late."""
        if (group, steps) not in self._inputs:
            self._inputs[group, steps] = inputs.SpikeInput(self._sizes[group])
            self._model.add_input(self._inputs[group, steps])
        return self._inputs[group, steps]

    def _connect(self, connection: Any) -> None:
        source = np.repeat(np.arange(connection.n_source), np.diff(connection.row_ptr))
        delays = np.broadcast_to(connection.delay, (connection.n_synapses,))
        weights = connection.weight.astype(np.int64) << UNIT_SHIFT
        weights = weights << connection.weight_exp if connection.weight_exp >= 0 else weights >> -connection.weight_exp
        for d in np.unique(delays).tolist():
            of = delays == d
            ends = np.concatenate([[0], np.cumsum(np.bincount(source[of], minlength=connection.n_source))])
            populated = connection.source in self._blocks
            origin = self._relay(connection.source, d) if populated else self._input(connection.source, d)
            target = self._blocks[connection.target]
            _join(origin, target, connection.target_index[of], ends, weights[of], connection.name)

    # Running

    def run(
        self, n_steps: int, spikes: Sequence[Spikes], probes: Sequence[tuple[int, str, Int]]
    ) -> tuple[list[Spikes], list[Int]]:
        """Advance by some steps.

        Parameters
        ----------
        n_steps : int
        spikes : list of (step, neuron), each (k,) int arrays
            What each source of the program fires, sorted, in these steps or later.
        probes : list of (process, variable, members)
            Variables are ``"u"`` and ``"v"``.

        Returns
        -------
        list of (step, neuron), each (m,) int array
            What each process fired.
        list of (n_steps, n_members) int32 array
            The probed variables, as they are at the end of each step.

        Raises
        ------
        SimulationError
            If a sum overflows.
        """
        for source, (step, index) in zip(self.program.sources, spikes, strict=True):
            for (group, late), queue in self._inputs.items():
                if group == source.group:
                    for n in np.unique(step).tolist():
                        queue.add_spikes(n + 1 + late, index[step == n])
        fired: list[list[tuple[Int, Int]]] = [[] for _ in self.program.processes]
        rows = [np.zeros((n_steps, len(members)), np.int32) for _, _, members in probes]
        for k in range(n_steps):
            self._advance()
            for p, process in enumerate(self.program.processes):
                (spiked,) = np.nonzero(self._state("spiked", process.group)) if process.size else (np.empty(0, int),)
                fired[p].append((np.full(len(spiked), self._step), spiked))
            for row, (p, variable, members) in zip(rows, probes, strict=True):
                if len(members):
                    row[k] = self._state(VARIABLES[variable], self.program.processes[p].group)[members]
            self._step += 1
        return [_joined(pieces) for pieces in fired], rows

    def _advance(self) -> None:
        if self._emulator is None:
            return
        error = imported("nengo.exceptions").SimulationError
        try:
            self._emulator.step()
        except error as overflow:
            found = f"step {self._step}: {overflow} of nengo-loihi's emulator"
            limit = "the sum of weights in a step is below 2**15, currents are below 2**23"
            raise SimulationError(f"{found}; {limit}; use weaker synapses, or backend='loihi2'") from overflow

    def _state(self, name: str, group: int) -> Int:
        """Return a view of the emulator's state of a process."""
        assert self._emulator is not None
        values: Int = getattr(self._emulator.compartment, name)
        return values[self._emulator.block_info.slices[self._blocks[group]]]

    def set_bias(self, process: int, mant: Int) -> None:
        """Write the biases of a process, from the next step on.

        Parameters
        ----------
        process : int
        mant : (1,) or (n,) int array
        """
        p = self.program.processes[process]
        self._state("bias", p.group)[:] = np.asarray(mant, np.int64) << p.bias_exp

    def get_state(self) -> dict[str, Any]:
        """Refuse: the emulator's state cannot be saved."""
        raise SimulationError(no_state(self.name))

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Refuse, as :meth:`get_state` does."""
        raise SimulationError(no_state(self.name))

    def close(self) -> None:
        """Let go of the emulator."""
        if self._emulator is not None and not self._emulator.closed:
            self._emulator.close()


def _joined(pieces: Sequence[Spikes]) -> Spikes:
    steps, members = zip((np.empty(0, np.int64), np.empty(0, np.int64)), *pieces, strict=True)
    return np.concatenate(steps), np.concatenate(members)


def _fill(compartment: Any, du: Any, dv: Any, vth: Any, bias: Any, refractory: Any) -> None:
    """Write integers into a compartment, in place of the numbers that discretisation starts from."""
    shape = (compartment.n_compartments,)

    def integers(values: Any) -> Int:
        return np.array(np.broadcast_to(values, shape), np.int32)

    compartment.decay_u, compartment.decay_v = integers(du), integers(dv)
    compartment.scale_u = compartment.scale_v = False
    compartment.vth, compartment.bias = integers(vth) << UNIT_SHIFT, integers(bias)
    compartment.refract_delay = integers(refractory) + 1
    compartment.vmin, compartment.vmax = -LARGEST, LARGEST


def _join(origin: Any, target: Any, index: Int, ends: Int, weight: Int, label: str) -> None:
    """Add synapses to a block, and axons to them from a block or input.

    Parameters
    ----------
    origin : LoihiBlock or SpikeInput
    target : LoihiBlock
    index, weight : (n_synapses,) int array
    ends : (n_origin + 1,) int array
        Synapses of member i: ``ends[i]`` to ``ends[i + 1]``.
    label : str
    """
    n = len(ends) - 1
    synapse, axon = block.Synapse(n, label=label), block.Axon(n, label=label)
    # Rows are (populations, synapses); the method that sets them asks NumPy 2 for what it no longer does.
    synapse.weights = [np.array(weight[a:b], np.int32)[None] for a, b in pairwise(ends)]
    synapse.indices = [np.array(index[a:b], np.int32)[None] for a, b in pairwise(ends)]
    target.add_synapse(synapse)
    axon.target = synapse
    origin.add_axon(axon)
