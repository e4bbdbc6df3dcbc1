"""Cutting numbers as fixed point does, compiled so that the compiler can cut several at once."""

from __future__ import annotations

from typing import Any

from numba import extending
from numba.core import types

from .._shared.jit import jit

intrinsic: Any = extending.intrinsic  # its types say that functions take the typing context from callers


@intrinsic
def floor(typing_context: Any, x: Any) -> Any:
    """Return the largest whole number up to x, as a float: one instruction, where numba's own calls a function."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        return builder.call(builder.module.declare_intrinsic("llvm.floor", [kind]), arguments)

    return types.float64(types.float64), generate


@jit
def cut_trace(x, fixed):
    """Return what 16 bits, 11 of them behind the point, hold of a number."""
    if not fixed:
        return x
    x = floor(x * 2048.0) / 2048.0
    return x - 32.0 * floor((x + 16.0) / 32.0)


@jit
def cut(x, fixed):
    """Return what s16.15 holds of a product."""
    return floor(x * 32768.0) / 32768.0 if fixed else x
