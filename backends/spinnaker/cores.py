"""What a block of neurons takes of a core: rows of synapses, delay slots, local memory; and how large a block may be.

The sizes are those of sPyNNaker 7.4.1's structures; those of local memory (DTCM) are an estimate from its C sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .binaries import GATED, GATED_NEAREST, NEAREST, PAIR, STATIC
from .budgets import value
from .program import RECEPTORS, Synapses

# Synapses that a row of 256 words holds: a word each; or a half-word and another, or two, behind a header.
ROW_SYNAPSES = {STATIC: 256, PAIR: 254, NEAREST: 255, GATED: 169, GATED_NEAREST: 169}
# Bytes of local memory for each neuron: 16 events of its history, and its state with input and recording; 256 neurons
# with 32 slots of delay, sPyNNaker's own choice, just fit.
_HISTORY = {STATIC: 0, PAIR: 100, NEAREST: 68, GATED: 136, GATED_NEAREST: 136}
_NEURON, _FIXED = 84, 4_000


def plasticity_of(synapses: Sequence[Synapses]) -> str:
    """Return what plasticity the synapses onto some cells need.

    Parameters
    ----------
    synapses : sequence of Synapses
        All of those onto the cells.

    Returns
    -------
    "static", "pair", "nearest", "gated" or "gated nearest"
    """
    rules = [s.stdp for s in synapses if s.stdp is not None]
    if not rules:
        return STATIC
    gated, nearest = any(rule.gated for rule in rules), any(rule.nearest for rule in rules)
    if gated:
        return GATED_NEAREST if nearest else GATED
    return NEAREST if nearest else PAIR


def n_bits(values: int) -> int:
    """Return the bits that sPyNNaker reserves for some number of values (``utility_calls.py``, ``get_n_bits``).

    Parameters
    ----------
    values : int

    Returns
    -------
    int
    """
    return values if values < 2 else math.ceil(math.log2(values))


def delay_slots(celltype: str, block: int) -> int:
    """Return the longest delay that cells take without extension [steps]: what is left of a ring buffer's index.

    Parameters
    ----------
    celltype : str
    block : int
        Neurons on a core.

    Returns
    -------
    int
    """
    bits = value("core", "ring_buffer_bits") - n_bits(block) - n_bits(len(RECEPTORS[celltype]))
    return 1 << max(0, bits)


def slots_used(celltype: str, block: int, longest: int) -> int:
    """Return the delay slots that sPyNNaker gives to cells.

    Parameters
    ----------
    celltype : str
    block : int
    longest : int [steps]
        Delay of synapses onto them.

    Returns
    -------
    int
    """
    return min(1 << n_bits(longest), delay_slots(celltype, block))


def largest_row(synapses: Synapses, block: int) -> int:
    """Return the largest number of synapses from one source neuron onto a core.

    Parameters
    ----------
    synapses : Synapses
    block : int
        Neurons on a core.

    Returns
    -------
    int
    """
    if not len(synapses.post):
        return 0
    n_blocks = int(synapses.post.max()) // block + 1
    return int(np.bincount(synapses.pre.astype(np.int64) * n_blocks + synapses.post // block).max())


def local_memory(celltype: str, plasticity: str, block: int, longest: int, split: bool) -> int:
    """Return an estimate of the local memory that a core with synapses takes.

    Parameters
    ----------
    celltype, plasticity : str
    block : int
        Neurons on it.
    longest : int [steps]
        Delay of synapses onto them.
    split : bool
        Whether the neurons' state is on another core.

    Returns
    -------
    int [B]
    """
    bits = n_bits(block) + n_bits(len(RECEPTORS[celltype])) + n_bits(slots_used(celltype, block, longest))
    each = _HISTORY[plasticity] + (0 if split else _NEURON)
    return (2 << bits) + block * each + _FIXED


def fitting_block(celltype: str, size: int, synapses: Sequence[Synapses], plasticity: str, split: bool) -> int:
    """Return the largest of 256, 128, 64, ... neurons on a core with which rows and local memory fit.

    Parameters
    ----------
    celltype : str
    size : int
        Of the population.
    synapses : sequence of Synapses
        All of those onto it.
    plasticity : str
    split : bool

    Returns
    -------
    int
    """
    block = value("core", "neurons")
    longest = max((int(s.delay.max(initial=1)) for s in synapses), default=1)
    while block > 1 and not _fits(celltype, min(block, max(1, size)), synapses, plasticity, longest, split):
        block //= 2
    return block


def _fits(
    celltype: str, block: int, synapses: Sequence[Synapses], plasticity: str, longest: int, split: bool
) -> bool:
    if local_memory(celltype, plasticity, block, longest, split) > value("core", "dtcm"):
        return False
    limits = ((s, ROW_SYNAPSES[STATIC if s.stdp is None else plasticity]) for s in synapses)
    # A row has a synapse for each neuron at most, but where two neurons have several synapses.
    return all(largest_row(s, block) <= limit for s, limit in limits)
