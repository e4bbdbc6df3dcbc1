"""Where a program lies: neurons, synapses and axons on cores, cores on chips, and what of them runs out first.

A core holds equally many neighbouring neurons of one process, as many as its budget allows; chips are filled with
cores in order. The memory of synapses is Loihi 1's, whose format is public (nengo-loihi 1.1, ``block.py``,
``bits_per_axon``): an axon that enters a core holds there its synapses in groups of 64, each group of n synapses taking
n (weight + delay + index) + 10 bits, rounded up to words of 64. Of Loihi 2's format nothing is public.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from hmn_snn.summary import counted, text_table

from .budgets import CHIP, CORE, Budget
from .program import Connection, Int, LoihiProgram

WORD, GROUP, GROUP_HEAD, WEIGHT_BITS = 64, 64, 10, 8
_NAMES = {
    "neurons": "neurons", "synapse_bits": "synapse memory", "axons_in": "axons in", "axons_out": "axons out",
    "cores": "cores", "synapses": "synapses",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a program lies.

    Attributes
    ----------
    program : str
        Its name.
    budget : Budget
    process : (n_cores,) int array
        Number of the process whose neurons a core holds.
    first : (n_cores,) int array
        Its first neuron.
    chip : (n_cores,) int array
        The chip that a core is on.
    used : mapping of str to (n_cores,) int array
        What each core uses: of ``neurons``, ``synapses``, ``synapse_bits``, ``axons_in`` and ``axons_out``.
    """

    program: str
    budget: Budget
    process: Int
    first: Int
    chip: Int
    used: Mapping[str, Int]

    @property
    def n_cores(self) -> int:
        """Number of cores."""
        return len(self.process)

    @property
    def n_chips(self) -> int:
        """Number of chips."""
        return int(self.chip.max(initial=-1)) + 1

    @cached_property
    def shares(self) -> dict[str, float]:
        """How much of each resource the fullest core uses, by what a core has; above 1 it does not fit."""
        used = {resource: float(self.used[resource].max(initial=0)) for resource in CORE}
        return {resource: amount / self.budget.of_core(resource) for resource, amount in used.items()}

    @property
    def limiting(self) -> str:
        """The resource that the fullest core has least of."""
        return _NAMES[max(self.shares, key=lambda resource: self.shares[resource])]

    @property
    def problem(self) -> str | None:
        """Why the program fits on no system within this budget, with numbers; None if it does."""
        for resource, share in self.shares.items():
            if share > 1.0:
                number, most = int(self.used[resource].max()), self.budget.of_core(resource)
                return f"{_NAMES[resource]}: one neuron needs {number:,} of a core's {most:,.0f}"
        if self.n_chips > self.budget.chips:
            return f"{self.n_chips:,} chips, of which the largest system has {self.budget.chips:,.0f}"
        return None

    def per_chip(self) -> dict[str, Int]:
        """Return what each chip uses.

        Returns
        -------
        dict of str to (n_chips,) int array
            ``cores``, and the resources of ``used``.
        """
        sums = {"cores": np.bincount(self.chip, minlength=self.n_chips)}
        for resource, amounts in self.used.items():
            sums[resource] = np.bincount(self.chip, weights=amounts, minlength=self.n_chips).astype(np.int64)
        return sums

    def __str__(self) -> str:
        head = (
            f"{self.program!r} on {counted(self.n_cores, 'core')} of {counted(self.n_chips, 'chip')} "
            f"(budget {self.budget.name!r}: {self.budget.summary})"
        )
        sums = self.per_chip()
        rows = [(k, *(f"{values[k]:,}" for values in sums.values())) for k in range(min(self.n_chips, 20))]
        if self.n_chips > len(rows):
            rows.append(("...", *(f"{values[len(rows) :].sum():,}" for values in sums.values())))
        rows.append(("of", *(_available(self.budget, resource) for resource in sums)))
        titles = [_NAMES[resource] + (" [bit]" if resource == "synapse_bits" else "") for resource in sums]
        tail = self.problem or f"{self.limiting} of the fullest core: {max(self.shares.values()):.1%} used"
        return "\n".join([head, text_table(rows, ("chip", *titles)), ("does not fit: " if self.problem else "") + tail])


def _available(budget: Budget, resource: str) -> str:
    """Return how much of a resource a chip has, as text; of a core's resources, all cores together."""
    amount = budget.of_chip(resource) if resource in CHIP else budget.of_core(resource) * budget.of_chip("cores")
    return f"{amount:,.0f}" if np.isfinite(amount) else "?"


def place(program: LoihiProgram, budget: Budget) -> Placement:
    """Place a program.

    Parameters
    ----------
    program : LoihiProgram
    budget : Budget

    Returns
    -------
    Placement
        Also where it does not fit: see its ``problem``.
    """
    numbers = {process.group: number for number, process in enumerate(program.processes)}
    axons = [_Axons(connection, numbers) for connection in program.connections]
    sizes = [process.size for process in program.processes]
    most = budget.of_core("neurons")
    blocks = [_largest(int(min(size, most)), partial(_enters, axons, k, budget)) for k, size in enumerate(sizes)]
    # Axons that leave a core are as many as the cores they go to: each smaller block makes more of them elsewhere.
    settled = False
    while not settled:
        settled = True
        for k, size in enumerate(sizes):
            block = _largest(blocks[k], partial(_leaves, _leaving(axons, k, size, blocks), budget))
            settled, blocks[k] = settled and block == blocks[k], block
    return _placed(program, budget, axons, blocks)


class _Axons:
    """A connection as its axons: what each source neuron brings into blocks of target neurons."""

    def __init__(self, connection: Connection, numbers: Mapping[int, int]) -> None:
        self.connection = connection
        self.source = numbers.get(connection.source)  # None: spikes from outside
        self.target = numbers[connection.target]
        counts = np.diff(connection.row_ptr)
        self.row = np.repeat(np.arange(connection.n_source), counts)
        self.delay_bits = int(connection.delay.max(initial=0)).bit_length()

    def entering(self, block: int) -> tuple[Int, Int, Int]:
        """Return, for each axon that enters a core of a block of neurons: source neuron, core, synapses there."""
        core = self.connection.target_index // block
        start = np.ones(len(core), bool)
        start[1:] = (self.row[1:] != self.row[:-1]) | (core[1:] != core[:-1])
        at = np.flatnonzero(start)
        return self.row[at], core[at], np.diff(at, append=len(core))

    def bits(self, synapses: Int, block: int) -> Int:
        """Return the memory that axons with so many synapses in a core of a block of neurons need."""
        each = WEIGHT_BITS + self.delay_bits + max(1, (block - 1).bit_length())
        full, rest = np.divmod(synapses, GROUP)
        return full * _words(GROUP * each + GROUP_HEAD) + np.where(rest > 0, _words(rest * each + GROUP_HEAD), 0)


def _words(bits: Int | int) -> Int:
    return -(-np.asarray(bits) // WORD) * WORD


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """Return the largest block up to a size that fits, by bisection; 1 where none does."""
    if most <= 1 or fits(most):
        return max(1, most)
    low, high = 1, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _enters(axons: Sequence[_Axons], target: int, budget: Budget, block: int) -> bool:
    """Return whether what enters blocks of a process fits into cores."""
    count, _, bits = _entering(axons, target, block)
    return bool(
        count.max(initial=0) <= budget.of_core("axons_in") and bits.max(initial=0) <= budget.of_core("synapse_bits")
    )


def _entering(axons: Sequence[_Axons], target: int, block: int) -> tuple[Int, Int, Int]:
    """Return axons, synapses and bits of synapses that enter each block of a process."""
    found = [a for a in axons if a.target == target]
    n = max((-(-a.connection.n_target // block) for a in found), default=0)
    totals = np.zeros((3, n), np.int64)
    for a in found:
        _, core, synapses = a.entering(block)
        totals[0] += np.bincount(core, minlength=n)
        totals[1] += np.bincount(core, weights=synapses, minlength=n).astype(np.int64)
        totals[2] += np.bincount(core, weights=a.bits(synapses, block), minlength=n).astype(np.int64)
    return totals[0], totals[1], totals[2]


def _leaving(axons: Sequence[_Axons], source: int, size: int, blocks: Sequence[int]) -> Int:
    """Return the number of cores that each neuron of a process sends axons to, once for each connection."""
    total = np.zeros(size, np.int64)
    for a in axons:
        if a.source == source:
            total += np.bincount(a.entering(blocks[a.target])[0], minlength=size)
    return total


def _leaves(leaving: Int, budget: Budget, block: int) -> bool:
    """Return whether what leaves blocks of a process fits into cores."""
    return bool(_summed(leaving, block).max(initial=0) <= budget.of_core("axons_out"))


def _summed(values: Int, block: int) -> Int:
    """Return sums over blocks."""
    return np.add.reduceat(values, np.arange(0, len(values), block)) if len(values) else values


def _placed(program: LoihiProgram, budget: Budget, axons: Sequence[_Axons], blocks: Sequence[int]) -> Placement:
    process, first, parts = [], [], []
    for k, (block, owner) in enumerate(zip(blocks, program.processes, strict=True)):
        starts = np.arange(0, owner.size, block)
        count, synapses, bits = (
            values if len(values) else np.zeros(len(starts), np.int64) for values in _entering(axons, k, block)
        )
        leaving = _summed(_leaving(axons, k, owner.size, blocks), block)
        parts.append(np.stack([np.minimum(block, owner.size - starts), synapses, bits, count, leaving]))
        process.append(np.full(len(starts), k))
        first.append(starts)
    table = np.concatenate([np.zeros((5, 0), np.int64), *parts], axis=1)
    used = dict(zip(("neurons", "synapses", "synapse_bits", "axons_in", "axons_out"), table, strict=True))
    none = np.zeros(0, np.int64)
    return Placement(program.name, budget, np.concatenate([none, *process]), np.concatenate([none, *first]),
                     _chips(used, budget), used)  # fmt: skip


def _chips(used: Mapping[str, Int], budget: Budget) -> Int:
    """Return the chip of each core: the next one where any of a chip's resources would run out."""
    amounts = np.stack([np.ones_like(used["neurons"]), used["neurons"], used["synapses"]], axis=1)
    limits = np.array([budget.of_chip(resource) for resource in CHIP])
    chip, number, filled = np.zeros(len(amounts), np.int64), 0, np.zeros(len(CHIP))
    for core, amount in enumerate(amounts):
        if filled[0] and (filled + amount > limits).any():
            number, filled = number + 1, np.zeros(len(CHIP))
        filled = filled + amount
        chip[core] = number
    return chip
