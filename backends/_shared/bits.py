"""Floats as the integers of their bits: their signs and sizes can be compared many at a time.

A compiler may not reorder the minimum of floats, for NaN's sake, but that of integers it may: a loop that keeps the
smallest of many in a register becomes vector instructions only so. Of floats without their sign, the integers of the
bits have the same order (IEEE 754-2019, section 5.10).
"""

from __future__ import annotations

from typing import Any

from numba import extending
from numba.core import types

intrinsic: Any = extending.intrinsic  # its types say that functions take the typing context from callers
_INTEGER: dict[Any, Any] = {types.float32: types.int32, types.float64: types.int64}


@intrinsic
def bits(typing_context: Any, x: Any) -> Any:
    """Return the integer with the bits of a float; negative where the float is."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return _INTEGER[x](x), generate


@intrinsic
def size_bits(typing_context: Any, x: Any) -> Any:
    """Return the integer with the bits of a float's absolute value."""
    integer = _INTEGER[x]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(integer)
        return builder.and_(builder.bitcast(arguments[0], kind), kind(2 ** (integer.bitwidth - 1) - 1))

    return integer(x), generate


@intrinsic
def from_bits(typing_context: Any, i: Any) -> Any:
    """Return the float with the bits of an integer."""
    real = {integer: real for real, integer in _INTEGER.items()}[i]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(real))

    return real(i), generate


@intrinsic
def both(typing_context: Any, a: Any, b: Any) -> Any:
    """Return a & b in their own width, where numba would take the widest."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.and_(*arguments)

    return a(a, a), generate


@intrinsic
def smaller(typing_context: Any, a: Any, b: Any) -> Any:
    """Return the smaller of two integers in their own width."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.select(builder.icmp_signed("<", *arguments), *arguments)

    return a(a, a), generate
