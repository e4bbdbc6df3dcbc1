"""A program as the emulator's kernel reads it, and what changes while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError

from . import cells_kernel as kernel
from . import fixed_point as fx
from . import packets_kernel as packets
from .emulator_cells import StepCurrents, entity_keys, held, lay_cells, lay_state, offsets
from .emulator_rules import lay_rules
from .emulator_synapses import Projections
from .program import Float, Int, SpinnakerProgram

MOST_SUMS = (1 << 31) - 1  # of the ring buffers: places are added in 32 bits


class Tables:
    """Everything that the kernel reads and writes.

    Parameters
    ----------
    program : SpinnakerProgram
    fixed : bool

    Raises
    ------
    SimulationError
        The ring buffers would be too large.
    """

    def __init__(self, program: SpinnakerProgram, fixed: bool) -> None:
        self.program, self.fixed = program, fixed
        self.one = float(fx.ACCUM_ONE) if fixed else 1.0
        self.cells = lay_cells(program, fixed)
        delays = [int(s.delay.max()) for s in program.synapses if len(s.delay)]
        self.n_slots = 1 + max([*delays, 1])
        n_sums = self.n_slots * int(self.cells.buffer[-1])
        if n_sums > MOST_SUMS:
            raise SimulationError(
                f"{self.cells.first[-1]} neurons with delays of up to {self.n_slots - 1} timesteps: the emulator's "
                f"ring buffers would hold {n_sums} sums, and {MOST_SUMS} are the most; shorten the delays, or run "
                "parts of the network"
            )
        self.state = lay_state(program, self.cells, self.n_slots, fixed)
        self._currents = StepCurrents(program, self.cells, fixed)
        self._offset = np.concatenate([*(offsets(c, fixed) for c in program.cells), np.zeros(0)])
        self._given_current = np.zeros_like(self._offset)
        self._write(kernel.CONSTANT, self._offset)
        self.rules, self.history, self.dopamine = lay_rules(program, fixed)
        self._projections = Projections(program, self.cells, self.history, fixed)
        self.static, self.plastic = self._projections.static, self._projections.plastic
        self._sources, self.sent = self._lay_sources()

    def given(self, spikes: Sequence[tuple[Int, Int]], first: int, end: int) -> list[tuple[Int, Int]]:
        """Return what the sources send in some timesteps: what the program gives them, and what a run does.

        Parameters
        ----------
        spikes : list of (step, index)
        first, end : int

        Returns
        -------
        list of (step, index), by step

        Raises
        ------
        SimulationError
        """
        if len(spikes) != len(self.program.sources):
            raise SimulationError(f"spikes of {len(spikes)} sources are given, the program has "
                                  f"{len(self.program.sources)}")  # fmt: skip
        first = -1 if first == 0 else first
        listed = []
        for source, (step, index) in zip(self.program.sources, spikes, strict=True):
            if len(step) and (np.min(step) < first or np.max(step) >= end or np.min(index) < 0
                              or np.max(index) >= source.size):  # fmt: skip
                raise SimulationError(
                    f"source {source.name!r}: its spikes lie in steps {np.min(step)} to {np.max(step)} and members "
                    f"{np.min(index)} to {np.max(index)}; allowed: steps {first} to {end - 1}, members 0 to "
                    f"{source.size - 1}"
                )
            known = slice(*np.searchsorted(source.steps, [first, end]))
            steps = np.concatenate([source.steps[known], np.asarray(step, np.int64)])
            order = np.argsort(steps, kind="stable")
            members = np.concatenate([source.indices[known], np.asarray(index, np.int64)])[order]
            listed.append((steps[order], members.astype(np.int32)))
        return listed

    def sources(self, given: Sequence[tuple[Int, Int]], first: int, end: int) -> packets.Sources:
        """Return what the sources send in timesteps first to end - 1.

        Parameters
        ----------
        given : list of (step, index)
        first, end : int

        Returns
        -------
        packets.Sources
        """
        start = np.cumsum([0, *(len(index) for _, index in given)])
        edges = np.arange(first, end + 1)
        ptr = [base + np.searchsorted(step, edges) for base, (step, _) in zip(start, given, strict=False)]
        members = np.concatenate([*(index for _, index in given), np.zeros(0, np.int32)])
        return self._sources._replace(
            given_ptr=np.array(ptr, np.int64).reshape(len(given), len(edges)), given=members.astype(np.int32)
        )

    def currents(self, first: int, end: int) -> kernel.Steps:
        """Return what the currents injected in steps do in timesteps first to end - 1.

        Parameters
        ----------
        first, end : int

        Returns
        -------
        kernel.Steps
        """
        return self._currents.between(first, end, self._offset + self._given_current)

    def set_current(self, cells: int, current: Float) -> None:
        """Let a current flow into cells, besides what the program injects.

        Parameters
        ----------
        cells : int
        current : (1,) or (n,) float array [nA]
        """
        self._given_current[self.cells.first[cells] : self.cells.first[cells + 1]] = held(current, self.fixed)
        self._write(kernel.CONSTANT, self._currents.total(self._offset + self._given_current))

    def set_weights(self, number: int, weights: Float) -> None:
        """Write the weights of a projection.

        Parameters
        ----------
        number : int
        weights : (n_synapses,) float array [nA]
        """
        self._projections.set_weights(number, weights)

    def forget(self) -> None:
        """Lose spikes in flight, refractoriness and what plasticity remembers of spikes."""
        self.state.ring[...] = 0
        self._write(kernel.WAIT, 0.0)
        self.plastic.eligibility[...], self.plastic.pre_trace[...], self.history.events[...] = 0, 0, 0

    def get_weights(self, number: int) -> Float:
        """Return the weights of a projection.

        Parameters
        ----------
        number : int

        Returns
        -------
        (n_synapses,) float array [nA]
        """
        return self._projections.get_weights(number)

    def get_state(self) -> dict[str, Any]:
        """Return all that changes, by name."""
        return {name: array.copy() for name, array in self._changing().items()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program.

        Parameters
        ----------
        state : mapping

        Raises
        ------
        SimulationError
        """
        changing = self._changing()
        for name, array in changing.items():
            if name not in state or state[name].shape != array.shape or state[name].dtype != array.dtype:
                raise SimulationError(
                    f"{name!r} is not as this program has it: restore a state into the program and the numerics that "
                    "it came from"
                )
        for name, array in changing.items():
            array[...] = state[name]

    def _write(self, field: np.uint64, values: Float | float) -> None:
        """Write something of each neuron."""
        self.state.cell[self.cells.place + int(field)] = values

    def _changing(self) -> dict[str, Any]:
        return {
            **self.state._asdict(),
            "current given": self._given_current,
            "current in steps": self._currents.value,
            **self._projections.changing(),
            **{f"history {name}": getattr(self.history, name)
               for name in ("events", "time", "trace", "dopamine", "is_dopamine")},
        }  # fmt: skip

    def _lay_sources(self) -> tuple[packets.Sources, packets.Sent]:
        program = self.program
        means: list[Float] = []
        keys, steps, starts, sizes, key_ptr, rate_ptr, room = [], [], [], [], [0], [0], 0
        for source in program.sources:
            n = source.size if source.poisson else 0
            keys.append(entity_keys(program.seed, f"{source.name}/poisson", n))
            key_ptr.append(key_ptr[-1] + n)
            rate_ptr.append(rate_ptr[-1] + len(source.rate_steps))
            steps.append(np.asarray(source.rate_steps, np.int64))
            if n:
                mean = np.atleast_2d(source.rates) * program.dt / 1000.0
                starts += [sum(m.size for m in means) + k * mean.shape[1] for k in range(len(mean))]
                sizes += [mean.shape[1]] * len(mean)
                means.append(mean)
                # A draw of 52 bits cannot lie further above the mean than this.
                room += n * int(np.ceil(np.max(mean) + 12.0 * np.sqrt(np.max(mean)) + 40.0))
        n_sources = len(program.sources)
        sources = packets.Sources(
            np.zeros((n_sources, 1), np.int64), np.zeros(0, np.int32), np.array(key_ptr, np.int64),
            np.concatenate([*keys, np.zeros(0, np.uint64)]), np.array(rate_ptr, np.int64),
            np.concatenate([*steps, np.zeros(0, np.int64)]), np.concatenate([*(m.ravel() for m in means), np.zeros(0)]),
            np.array(starts, np.int64), np.array(sizes, np.int64),
        )  # fmt: skip
        return sources, packets.Sent(np.zeros(n_sources + 1, np.int64), np.zeros(room, np.int32))
