"""A program as the emulator's kernel reads it, and what changes while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError

from . import fixed_point as fx
from . import packets_kernel as packets
from .cells_kernel import Steps
from .emulator_cells import StepCurrents, entity_keys, held, lay_cells, lay_state, offsets
from .emulator_rules import lay_rules, shift_of
from .program import RECEPTORS, Float, Int, SpinnakerProgram
from .ring_buffers import held as held_weights

_STATE = ("v", "wait", "constant", "current", "ring")


class Tables:
    """Everything that the kernel reads and writes.

    Parameters
    ----------
    program : SpinnakerProgram
    fixed : bool
    """

    def __init__(self, program: SpinnakerProgram, fixed: bool) -> None:
        self.program, self.fixed = program, fixed
        self.one = float(fx.ACCUM_ONE) if fixed else 1.0
        self.cells = lay_cells(program, fixed)
        delays = [int(s.delay.max()) for s in program.synapses if len(s.delay)]
        self.n_slots = 1 + max([*delays, 1])
        self.state = lay_state(program, self.cells, self.n_slots, fixed)
        self._currents = StepCurrents(program, self.cells, fixed)
        self._offset = np.concatenate([*(offsets(c, fixed) for c in program.cells), np.zeros(0)])
        self._given_current = np.zeros_like(self._offset)
        self.state.constant[:] = self._offset
        self._plastic = [k for k, s in enumerate(program.synapses) if s.stdp is not None]
        self.rules, self.history, self.dopamine = lay_rules(program, fixed)
        self._lay_synapses()
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

    def currents(self, first: int, end: int) -> Steps:
        """Return what the currents injected in steps do in timesteps first to end - 1.

        Parameters
        ----------
        first, end : int

        Returns
        -------
        Steps
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
        self.state.constant[:] = self._currents.total(self._offset + self._given_current)

    def set_weights(self, number: int, weights: Float) -> None:
        """Write the weights of a projection.

        Parameters
        ----------
        number : int
        weights : (n_synapses,) float array [nA]
        """
        values, step = self._weights[number]
        if not self.fixed:
            values[:] = weights
        elif values.dtype == np.uint16:
            values[:] = held_weights(weights, shift_of(self.program, number))
        else:
            values[:] = held_weights(weights, shift_of(self.program, number)) * step

    def forget(self) -> None:
        """Lose spikes in flight, refractoriness and what plasticity remembers of spikes."""
        self.state.ring[...], self.state.wait[...] = 0, 0
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
        values, step = self._weights[number]
        return np.asarray(values * step if values.dtype == np.uint16 else values.copy(), np.float64)

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

    def _changing(self) -> dict[str, Any]:
        static = {f"weights {k}": values for k, (values, _) in enumerate(self._weights) if k not in self._plastic}
        return {
            **{name: getattr(self.state, name) for name in _STATE},
            "current given": self._given_current,
            "current in steps": self._currents.value,
            **static,
            **{f"plastic {name}": getattr(self.plastic, name)
               for name in ("weight", "eligibility", "pre_time", "pre_trace")},
            **{f"history {name}": getattr(self.history, name)
               for name in ("events", "time", "trace", "dopamine", "is_dopamine")},
        }  # fmt: skip

    def _size(self, group: int) -> int:
        n_cells = len(self.program.cells)
        return self.program.cells[group].size if group < n_cells else self.program.sources[group - n_cells].size

    def _lay_synapses(self) -> None:
        program, cells = self.program, self.cells
        n_groups = len(program.cells) + len(program.sources)
        order = np.argsort([program.index[s.source] for s in program.synapses], kind="stable").astype(np.int64)
        sources = np.array([program.index[s.source] for s in program.synapses], np.int64)
        place, ptr, shift, offset, row_start, pre_start = [], [], [], [], [], []
        n, rows, n_static, n_plastic, n_pre = 0, 0, 0, 0, 0
        for s in program.synapses:
            target, size = program.index[s.target], self._size(program.index[s.source])
            receptors = RECEPTORS[program.cells[target].celltype]
            base = int(cells.buffer[target]) + receptors.index(s.receptor) * program.cells[target].size
            if np.any(s.pre[1:] < s.pre[:-1]):
                raise ValueError(f"projection {s.name!r}: its synapses are not listed by their source; sort them")
            # One number says where an arrival goes: its target's sum, that many timesteps further on.
            place.append(np.asarray(s.delay, np.uint32) * np.uint32(cells.buffer[-1])
                         + (np.asarray(s.post) + base).astype(np.uint32))  # fmt: skip
            ptr.append(n + np.concatenate([[0], np.cumsum(np.bincount(s.pre, minlength=size))]))
            row_start.append(rows)
            shift.append(base - int(self.history.first[target]))
            offset.append(n - (n_static if s.stdp is None else n_plastic))
            pre_start.append(n_pre)
            n, rows = n + len(s.pre), rows + size + 1
            n_static, n_plastic, n_pre = (
                (n_static + len(s.pre), n_plastic, n_pre) if s.stdp is None
                else (n_static, n_plastic + len(s.pre), n_pre + size)
            )  # fmt: skip
        rule = np.full(len(program.synapses), -1, np.int64)
        rule[self._plastic] = np.arange(len(self._plastic))
        self.synapses = packets.Synapses(
            projection_ptr=np.searchsorted(sources[order], np.arange(n_groups + 1)).astype(np.int64),
            projection=order,
            row_start=np.array(row_start, np.int64),
            row_ptr=np.concatenate([*ptr, np.zeros(0, np.int64)]).astype(np.int64),
            place=np.concatenate([*place, np.zeros(0, np.uint32)]),
            weight=np.zeros(n_static, np.uint16 if self.fixed else np.float64),
            offset=np.array(offset, np.int64),
            rule=rule,
            shift=np.array(shift, np.int64),
        )
        delays = [np.asarray(program.synapses[k].delay, np.uint16) for k in self._plastic]
        delay = np.concatenate([*delays, np.zeros(0, np.uint16)])
        self.plastic = packets.Plastic(delay, np.zeros(n_plastic), np.zeros(n_plastic), np.array(pre_start, np.int64),
                                      np.zeros(n_pre, np.int64), np.zeros(n_pre))  # fmt: skip
        self._weights: list[tuple[Any, float]] = []
        begin = 0
        for k, s in enumerate(program.synapses):
            array, first = self.synapses.weight if s.stdp is None else self.plastic.weight, begin - offset[k]
            step = fx.weight_step(shift_of(self.program, k)) if self.fixed else 1.0
            self._weights.append((array[first : first + len(s.pre)], step))
            self.set_weights(k, s.weight)
            begin += len(s.pre)

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
