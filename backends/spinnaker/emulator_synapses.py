"""Synapses of a program as the emulator's kernel reads them, and their weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._shared.large_pages import zeros
from . import fixed_point as fx
from . import packets_kernel as packets
from .cells_kernel import Cells
from .emulator_rules import shift_of
from .program import RECEPTORS, Float, Int, SpinnakerProgram, Synapses
from .ring_buffers import held
from .stdp_kernel import History

_CHANGING = ("weight", "eligibility", "pre_time", "pre_trace")  # of plastic synapses


class Projections:
    """Tables of a program's projections.

    Parameters
    ----------
    program : SpinnakerProgram
    cells : Cells
    history : History
    fixed : bool

    Raises
    ------
    ValueError
        A projection's synapses are not listed by their source.
    """

    def __init__(self, program: SpinnakerProgram, cells: Cells, history: History, fixed: bool) -> None:
        self._program, self._fixed = program, fixed
        for s in program.synapses:
            if np.any(s.pre[1:] < s.pre[:-1]):
                raise ValueError(f"projection {s.name!r}: its synapses are not listed by their source; sort them")
        self._rows = [np.bincount(s.pre, minlength=_size(program, s.source)) for s in program.synapses]
        self._first: dict[int, Int] = {}  # of each projection: where each of its rows begins in its table
        self.static = self._lay_static(cells)
        self.plastic = self._lay_plastic(cells, history)
        for k, s in enumerate(program.synapses):
            self.set_weights(k, s.weight)

    def set_weights(self, number: int, weights: Float) -> None:
        """Write the weights of a projection.

        Parameters
        ----------
        number : int
        weights : (n_synapses,) float array [nA]
        """
        places, steps = self._places(number), held(weights, shift_of(self._program, number)) if self._fixed else weights
        if self._program.synapses[number].stdp is not None:
            self.plastic.weight[places] = steps * self._step(number)
        else:
            self.static.synapse["weight"][places] = steps

    def get_weights(self, number: int) -> Float:
        """Return the weights of a projection.

        Parameters
        ----------
        number : int

        Returns
        -------
        (n_synapses,) float array [nA]
        """
        places = self._places(number)
        if self._program.synapses[number].stdp is not None:
            return np.array(self.plastic.weight[places])
        return np.asarray(self.static.synapse["weight"][places] * self._step(number))

    def changing(self) -> dict[str, Float | Int]:
        """Return the arrays that a continuation needs, by name."""
        plastic = {f"plastic {name}": getattr(self.plastic, name) for name in _CHANGING}
        return {"weights": self.static.synapse["weight"], **plastic}

    def _step(self, number: int) -> float:
        return fx.weight_step(shift_of(self._program, number)) if self._fixed else 1.0

    def _places(self, number: int) -> Int:
        """Return where a projection's synapses are in their table, in its order."""
        rows = self._rows[number]
        before = np.cumsum(rows) - rows
        return np.asarray(np.repeat(self._first[number] - before, rows) + np.arange(rows.sum()))

    def _lay_static(self, cells: Cells) -> packets.Static:
        program = self._program
        static = [k for k, s in enumerate(program.synapses) if s.stdp is None]
        sharing = [[k for k in static if program.synapses[k].source == group.name] for group in program.groups]
        row_start, row_ptr = self._lay_rows(sharing)
        synapse = zeros(int(row_ptr[-1]), packets.WHOLE if self._fixed else packets.REAL)
        for k in static:
            synapse["place"][self._places(k)] = _sums(program, cells, program.synapses[k])
        return packets.Static(row_start, row_ptr, synapse)

    def _lay_plastic(self, cells: Cells, history: History) -> packets.Plastic:
        program = self._program
        plastic = [k for k, s in enumerate(program.synapses) if s.stdp is not None]
        listed = [program.synapses[k] for k in plastic]
        row_start, row_ptr = self._lay_rows([[k] for k in plastic])
        sources = np.array([program.index[s.source] for s in listed], np.int64)
        order = np.argsort(sources, kind="stable").astype(np.int64)
        pre_start = np.cumsum([0, *(_size(program, s.source) for s in listed)], dtype=np.int64)
        n = int(row_ptr[-1])
        return packets.Plastic(
            rule_ptr=np.searchsorted(sources[order], np.arange(len(program.groups) + 1)).astype(np.int64),
            rule=order,
            row_start=row_start,
            row_ptr=row_ptr,
            place=np.concatenate([np.zeros(0, np.uint32), *(_sums(program, cells, s) for s in listed)]),
            delay=np.concatenate([np.zeros(0), *(s.delay for s in listed)]).astype(np.uint16),
            weight=np.zeros(n),
            eligibility=np.zeros(n),
            shift=np.array([_first_sum(program, cells, s) - history.first[program.index[s.target]] for s in listed],
                           np.int64),
            pre_start=pre_start,
            pre_time=np.zeros(pre_start[-1], np.int64),
            pre_trace=np.zeros(pre_start[-1]),
        )  # fmt: skip

    def _lay_rows(self, sharing: Sequence[Sequence[int]]) -> tuple[Int, Int]:
        """Lay one row for each neuron of projections that share their rows; note where each projection's begin.

        Parameters
        ----------
        sharing : list of lists of int
            Projections of one source.

        Returns
        -------
        row_start : (n,) int64 array
            Where the pointers of each list's rows begin; -1: an empty list.
        row_ptr : int64 array
        """
        start, ptr, first = [], [np.zeros(1, np.int64)], 0
        for numbers in sharing:
            start.append(sum(map(len, ptr)) - 1 if numbers else -1)
            if not numbers:
                continue
            ends = first + np.cumsum(sum(self._rows[k] for k in numbers))
            begin = np.r_[first, ends][: len(ends)]
            for k in numbers:
                self._first[k] = begin
                begin = begin + self._rows[k]
            ptr.append(ends)
            first = np.r_[first, ends][-1]
        return np.array(start, np.int64), np.concatenate(ptr).astype(np.int64)


def _size(program: SpinnakerProgram, group: str) -> int:
    return program.groups[program.index[group]].size


def _first_sum(program: SpinnakerProgram, cells: Cells, s: Synapses) -> int:
    """Return where the sums of a projection's targets begin."""
    target = program.index[s.target]
    receptor = RECEPTORS[program.cells[target].celltype].index(s.receptor)
    return int(cells.buffer[target]) + receptor * program.cells[target].size


def _sums(program: SpinnakerProgram, cells: Cells, s: Synapses) -> Int:
    """Return where each arrival of a projection goes: its target's sum, that many timesteps further on."""
    width, first = np.uint32(cells.buffer[-1]), np.uint32(_first_sum(program, cells, s))
    return np.asarray(s.delay, np.uint32) * width + np.asarray(s.post, np.uint32) + first
