"""Compiling parts of a kernel that stay functions of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

_FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "_nrt": False, "no_cpython_wrapper": True,
                          "no_cfunc_wrapper": True}  # fmt: skip


def apart(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel, large and called seldom, that is not to be put into its caller.

    In one function with everything else, the loops over synapses and cells had too few registers and took twice as
    long.

    Parameters
    ----------
    function : callable

    Returns
    -------
    numba dispatcher
    """
    return numba.njit(function, **_FLAGS)
