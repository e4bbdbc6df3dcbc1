"""How neurons lie in memory: in blocks of 64, and in a block one variable after the other.

Neuron i of a population whose first block is b has variable f at ``((b + i // LANES) FIELDS + f) LANES + i % LANES`` of
one flat array. Whole blocks belong to a population; the places behind its last neuron wait for ever. The variables of
a block are a constant distance apart, which lets the compiler turn the whole of a neuron's step into one loop of vector
instructions (of separate arrays it would have to find out at every call whether they overlap), and neighbours in time
are neighbours in memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .jit import jit

LANES = 64
# Membrane potential; synaptic currents, with what has arrived but is not yet integrated (that alone where the synapses
# are delta); where the potential would settle; the first step that is not refractory, counted from the last step
# divisible by neuron_kernel.PERIOD.
V, EXC, INH, V_INF, WAIT = range(5)
FIELDS = 5
RHO_M, RHO_EXC, RHO_INH, K_EXC, K_INH, V_THRESH = range(6)
COEFFICIENTS = 6


def first_blocks(sizes: list[int]) -> np.ndarray:
    """Return the first block of each population, and the number of all.

    Parameters
    ----------
    sizes : list of int

    Returns
    -------
    (n_populations + 1,) int64 array
    """
    return np.concatenate([[0], np.cumsum([-(-n // LANES) for n in sizes], dtype=np.int64)]).astype(np.int64)


def places(block: int, index: Any, field: int, fields: int = FIELDS) -> np.ndarray:
    """Return where a variable of some neurons lies.

    Parameters
    ----------
    block : int
        First block of their population.
    index : (n,) int array
    field : int
    fields : int
        Number of variables of the array.

    Returns
    -------
    (n,) int64 array
    """
    index = np.asarray(index, np.int64)
    return ((block + index // LANES) * fields + field) * LANES + index % LANES


@jit
def at(block, i, field):
    """Return where a variable of a neuron lies, as :func:`places` does."""
    return ((block + i // LANES) * FIELDS + field) * LANES + i % LANES
