"""Arrays in large pages are arrays as any other."""

from __future__ import annotations

import mmap

import numpy as np
import pytest
from hmn_snn.backends._shared import large_pages


@pytest.mark.parametrize("size", [0, 1, 1000, 1 << 20])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float64])
def test_they_are_zero_writable_and_apart(size, dtype):
    arrays = [large_pages.zeros(size, dtype) for _ in range(3)]
    for k, array in enumerate(arrays):
        assert array.shape == (size,)
        assert array.dtype == dtype
        assert not array.any()
        array[:] = k + 1
    assert all((array == k + 1).all() for k, array in enumerate(arrays))
    assert all(array.ctypes.data % array.itemsize == 0 for array in arrays)


def test_a_system_without_large_pages_gives_ordinary_ones(monkeypatch):
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    assert not large_pages.zeros(1 << 20, np.int32).any()


def test_large_arrays_do_not_begin_at_the_same_place_of_their_pages():
    """There they would crowd each other out of the cache."""
    arrays = [large_pages.zeros(1 << 20, np.uint8) for _ in range(4)]
    assert len({array.ctypes.data % (1 << 17) for array in arrays}) == len(arrays)
