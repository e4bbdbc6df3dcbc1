"""Arrays in large pages: where a kernel goes through them at random, the processor has fewer pages to look up."""

from __future__ import annotations

import contextlib
import itertools
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

PAGE = 1 << 21  # of x86-64 and most of arm64 [bytes]
LEAST = 1 << 18  # smaller arrays stay as they are [bytes]
# Where in its first page an array begins: those that begin at the same place crowd each other out of the cache.
_BEGINS = itertools.cycle(range(0, PAGE, 37 * 4096 + 5 * 64))


def zeros(size: int, dtype: DTypeLike) -> np.ndarray:
    """Return zeros, in large pages where the array is large and the system gives them on request (Linux).

    Parameters
    ----------
    size : int
    dtype : numpy.dtype

    Returns
    -------
    (size,) array
    """
    n_bytes = size * np.dtype(dtype).itemsize
    advice: Any = getattr(mmap, "MADV_HUGEPAGE", None)
    if n_bytes < LEAST or advice is None:
        return np.zeros(size, dtype)
    memory = mmap.mmap(-1, n_bytes + 2 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with contextlib.suppress(OSError):  # a kernel without them
        memory.madvise(advice)
    all_bytes = np.frombuffer(memory, np.uint8)
    begin = -all_bytes.ctypes.data % PAGE + next(_BEGINS)
    return all_bytes[begin : begin + n_bytes].view(dtype)
