"""Where a program lies: cores, chips and boards, in the way that sPyNNaker 7.4.1 divides and places a network.

A population is cut into blocks of ``neurons_per_core``; a block takes one core, or one for its neurons and some for its
synapses, which must be on one chip. Sources, and delays beyond a core's slots, take cores of their own. Memory for
synapses is estimated: a row of fixed length for each source neuron and block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hmn_snn.summary import counted, text_table

from .binaries import COMPILED, DELAYS, GIVEN_SPIKES, POISSON, STATIC, binaries, is_split
from .budgets import value
from .cores import ROW_SYNAPSES, delay_slots, largest_row, local_memory, plasticity_of
from .program import Cells, Int, SpinnakerProgram, Synapses
from .ring_buffers import SPIKES_PER_SECOND

WORD = 4  # bytes
ROW_HEAD = 3  # words before a row's synapses
BASE_SDRAM = 160_000  # bytes of a block besides its synapses, about: what 256 cells take when mapped for 20 steps
ROW_WORDS = {STATIC: 1.0, "pair": 1.0, "nearest": 1.0, "gated": 1.5, "gated nearest": 1.5}


@dataclass(frozen=True)
class Part:
    """Cores of one kind for one group.

    Attributes
    ----------
    name : str
        Of the group.
    blocks : int
    cores : int
        Of each block, on one chip.
    binaries : tuple of str
    sdram : int [B]
        Of each block.
    local_memory : int [B]
        Of the fullest core, where it is known.
    events : float [1/s]
        Synaptic events expected on a core, of biological time.
    planned : float [1/s]
        Synaptic events that sPyNNaker plans a core to do, of biological time.
    """

    name: str
    blocks: int
    cores: int
    binaries: tuple[str, ...]
    sdram: int
    local_memory: int = 0
    events: float = 0.0
    planned: float = 1.0


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a program lies.

    Attributes
    ----------
    program : str
        Its name.
    board : "spin5" or "spin3"
    parts : tuple of Part
    used : (n_chips,) int array
        Cores in use on each chip, monitors left out.
    problems : tuple of str
        Why it fits on no machine.
    warnings : tuple of str
        Why it may not fit: what is estimated.
    """

    program: str
    board: str
    parts: tuple[Part, ...]
    used: Int
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()

    @property
    def n_cores(self) -> int:
        """Number of cores, monitors left out."""
        return int(self.used.sum())

    @property
    def n_chips(self) -> int:
        """Number of chips."""
        return len(self.used)

    @property
    def n_boards(self) -> int:
        """Number of boards."""
        return max(1, math.ceil(self.n_chips / value(self.board, "chips")))

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Binaries that were never compiled."""
        needed = {name for part in self.parts for name in part.binaries}
        return tuple(sorted(needed - COMPILED))

    @property
    def load(self) -> float:
        """Synaptic events expected over those planned for, on the busiest core."""
        return max((part.events / part.planned for part in self.parts), default=0.0)

    def __str__(self) -> str:
        head = (
            f"{self.program!r} on {counted(self.n_cores, 'core')} of {counted(self.n_chips, 'chip')}, "
            f"{counted(self.n_boards, 'board')} ({self.board})"
        )
        rows = [
            (part.name, str(part.blocks * part.cores), ", ".join(part.binaries), f"{part.sdram * part.blocks:,}")
            for part in self.parts
        ]
        table = text_table(rows, ("group", "cores", "binaries", "SDRAM [B]"))
        return "\n".join([head, table, *(f"does not fit: {problem}" for problem in self.problems)])


def place(program: SpinnakerProgram, board: str = "spin5") -> Placement:
    """Place a program.

    Parameters
    ----------
    program : SpinnakerProgram
    board : "spin5" or "spin3"

    Returns
    -------
    Placement
        Also where it does not fit: see its ``problems``.
    """
    parts = [_cells(program, group) for group in program.cells if group.size]
    parts += [
        Part(s.name, math.ceil(s.size / value("core", "poisson_sources")) if s.poisson else 1, 1,
             (POISSON if s.poisson else GIVEN_SPIKES,), 0)
        for s in program.sources if s.size
    ]  # fmt: skip
    blocks = {part.name: part.blocks for part in parts}
    parts += [
        Part(f"delays of {name}", blocks[name], 1, (DELAYS,), 0)
        for name in blocks
        if any(extended(program, s) for s in program.synapses if s.source == name)
    ]
    used = _chips(parts, board)
    problems = list(_problems(program, parts))
    largest = value("largest", "boards")
    if math.ceil(len(used) / value(board, "chips")) > largest:
        problems.append(f"{len(used):,} chips, of which the largest machine has {largest * value('spin5', 'chips'):,}")
    return Placement(program.name, board, tuple(parts), used, tuple(problems), tuple(_warnings(parts)))


def extended(program: SpinnakerProgram, synapses: Synapses) -> bool:
    """Return whether delays of a projection need cores of their own.

    Parameters
    ----------
    program : SpinnakerProgram
    synapses : Synapses

    Returns
    -------
    bool
    """
    cells = program.cells[program.index[synapses.target]]
    block = min(cells.size, cells.neurons_per_core)
    return int(synapses.delay.max(initial=0)) > delay_slots(cells.celltype, block)


def longest_possible(cells: Cells) -> int:
    """Return the longest delay onto cells, with all stages of delay extension [steps].

    Parameters
    ----------
    cells : Cells

    Returns
    -------
    int
    """
    return delay_slots(cells.celltype, min(cells.size, cells.neurons_per_core)) * (1 + value("core", "delay_stages"))


def _cells(program: SpinnakerProgram, cells: Cells) -> Part:
    arriving = [s for s in program.synapses if s.target == cells.name and len(s.post)]
    kind, block = plasticity_of(arriving), min(cells.size, cells.neurons_per_core)
    split = is_split(cells.celltype, kind, program.dt, bool(arriving))
    plan = value("core", "static_events" if kind == STATIC else "plastic_events") * program.time_scale_factor
    for_synapses = _synapse_cores(program, cells, arriving, plan) if split else 0
    longest = max((int(s.delay.max()) for s in arriving), default=1)
    rates = _rates(program)
    busiest = np.zeros(math.ceil(cells.size / block))
    for s in arriving:
        busiest += rates.get(s.source, SPIKES_PER_SECOND) * np.bincount(s.post // block, minlength=len(busiest))
    rows = sum(_row_bytes(program, s, kind, block) for s in arriving)
    return Part(
        name=cells.name, blocks=math.ceil(cells.size / block), cores=1 + for_synapses,
        binaries=binaries(cells.celltype, kind, split), sdram=BASE_SDRAM + rows,
        local_memory=local_memory(cells.celltype, kind, block, longest, split),
        events=float(busiest.max()) / max(1, for_synapses), planned=plan,
    )  # fmt: skip


def _rates(program: SpinnakerProgram) -> Mapping[str, float]:
    return {s.name: float(s.rates.max()) for s in program.sources if s.poisson}


def _sizes(program: SpinnakerProgram) -> Mapping[str, int]:
    return {c.name: c.size for c in program.cells} | {s.name: s.size for s in program.sources}


def _synapse_cores(program: SpinnakerProgram, cells: Cells, arriving: list[Synapses], plan: float) -> int:
    """Return the cores for the synapses of a block (``population_vertex.py``, ``__update_n_synapse_cores``)."""
    sizes = _sizes(program)
    events = sum(
        math.ceil(largest_row(s, cells.neurons_per_core) * SPIKES_PER_SECOND * sizes[s.source]) for s in arriving
    )
    events += sum(
        math.ceil(min(cells.size, cells.neurons_per_core) * SPIKES_PER_SECOND * sizes[n.source])
        for n in program.neuromodulation
        if n.target == cells.name
    )
    most = value("chip", "cores") - value("chip", "monitors") - 1
    return min(most, max(1, math.ceil(events / plan)))


def _row_bytes(program: SpinnakerProgram, synapses: Synapses, kind: str, block: int) -> int:
    sizes = _sizes(program)
    words = ROW_WORDS[STATIC if synapses.stdp is None else kind] * largest_row(synapses, block)
    return sizes[synapses.source] * WORD * (ROW_HEAD + math.ceil(words))


def _problems(program: SpinnakerProgram, parts: list[Part]) -> Iterator[str]:
    cells = {group.name: group for group in program.cells}
    for part in parts:
        if part.cores > value("chip", "cores") - value("chip", "monitors"):
            yield f"{part.name!r}: a block needs {part.cores} cores of one chip; use a larger time_scale_factor"
        if part.sdram > value("chip", "sdram"):
            yield f"{part.name!r}: a block needs {part.sdram:,} B of a chip's memory; use fewer neurons_per_core"
    for s in program.synapses:
        target = cells[s.target]
        kind = plasticity_of([s])
        row, limit = largest_row(s, min(max(1, target.size), target.neurons_per_core)), ROW_SYNAPSES[kind]
        if row > limit:
            yield f"{s.name!r}: {row} synapses of one neuron onto a core, of {limit}; use fewer neurons_per_core"
        longest = int(s.delay.max(initial=0))
        if longest > longest_possible(target):
            most = longest_possible(target)
            yield f"{s.name!r}: a delay of {longest} steps, of {most}; use fewer neurons_per_core, or a larger dt"


def _warnings(parts: list[Part]) -> Iterator[str]:
    most = value("core", "dtcm")
    for part in parts:
        if part.local_memory > most:
            found = f"about {part.local_memory:,} B of a core's {most:,} B of local memory"
            yield f"{part.name!r}: {found}; use fewer neurons_per_core"


def _chips(parts: list[Part], board: str) -> Int:
    """Return the cores in use on each chip: filled one after another; a block is on one chip."""
    used: list[int] = []
    memory = 0
    for part in parts:
        for _ in range(part.blocks):
            full = bool(used) and (
                used[-1] + part.cores > _room(len(used) - 1, board) or memory + part.sdram > value("chip", "sdram")
            )
            if not used or full:
                used.append(0)
                memory = 0
            used[-1] += part.cores
            memory += part.sdram
    return np.array(used, np.int64)


def _room(chip: int, board: str) -> int:
    """Return the cores of a chip that a network may use; the Ethernet chip of a board has one less.

    Which chips lack a core differs from board to board; they count as the last ones.
    """
    place_on_board = chip % value(board, "chips")
    lacks = place_on_board >= value(board, "chips") - value(board, "missing_cores")
    return value("chip", "cores") - value("chip", "monitors") - (place_on_board == 0) - lacks
