"""Compilation: functions inlined into one kernel, which is cached under a key of all kernel sources.

Numba's own cache looks only at the file of the function that is cached: edit a helper in another file, and the old
machine code runs on. Here the cached kernel's key holds a hash of every file of this folder and of its parts' folders,
the versions of numba and numpy, and (by numba) the CPU.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core.caching import FunctionCache, IndexDataCacheFile

# Kernels own no memory: without reference counting, and with all parts inlined, the tables that are handed down cost
# nothing (with either, a step of a small network took ten times as long).
_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False}
_PART: dict[str, Any] = {**_FLAGS, "forceinline": True, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def jit(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel.

    Parameters
    ----------
    function : callable

    Returns
    -------
    numba dispatcher
    """
    return numba.njit(function, **_PART)


def jit_cached(function: Callable[..., Any], *parts: Any) -> Any:
    """Compile a whole kernel; later processes load it from disk while no source has changed.

    Parameters
    ----------
    function : callable
    *parts : functions and classes
        Its replaceable parts: functions, with helpers from their folder and this one, and classes, whole in their file.
        Where one of these, or the function, has no file (it was typed in), nothing is stored.

    Returns
    -------
    numba dispatcher
    """
    dispatcher = numba.njit(function, **_FLAGS)
    parts = (function, *(getattr(part, "py_func", part) for part in parts))
    # TypeError, OSError: a part without a file. RuntimeError: no folder to write to. Compile anew in every process.
    with contextlib.suppress(TypeError, OSError, RuntimeError):
        files = [Path(inspect.getfile(part)).resolve(strict=True) for part in parts]
        names = [f"{part.__module__}.{part.__qualname__}" for part in parts]
        places = [file if isinstance(part, type) else file.parent for file, part in zip(files, parts, strict=True)]
        hashes = [source_hash(Path(__file__).parent), *map(source_hash, places)]
        dispatcher._cache = _KernelCache(function, names, (numba.__version__, np.__version__, *names, *hashes))
    return dispatcher


@cache
def source_hash(place: Path) -> str:
    """Return a hash of a Python file, or of all those in a folder.

    Parameters
    ----------
    place : pathlib.Path

    Returns
    -------
    str
    """
    digest = hashlib.sha256()
    for path in sorted(place.glob("*.py")) if place.is_dir() else [place]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


class _KernelCache(FunctionCache):
    """Numba's file cache with a key of our own in place of the hash of one function.

    Each set of parts has files of its own: numba imports all that the types in a file belong to, and a backend must
    not need the modules of another one that it shares a function with.
    """

    def __init__(self, function: Callable[..., Any], parts: list[str], key: tuple[str, ...]) -> None:
        self._key = key
        super().__init__(function)
        name = hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = IndexDataCacheFile(self._cache_path, f"{self._impl.filename_base}-{name}", stamp)
        # Numba reads no index of another version, in which there may be types that are no more.
        self._cache_file._version = hashlib.sha256(repr(key).encode()).hexdigest()

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (sig, codegen.magic_tuple(), self._key)
