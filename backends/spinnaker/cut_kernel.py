"""Cutting numbers as fixed point does, compiled so that the compiler can cut several at once."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import types

from .._shared.jit import jit

ACCUM_BITS, FRACT_BITS = 15, 32  # behind the point, of s16.15 and u0.32
PLACE_BITS = 32  # of a synapse's word; its weight is above them
_WORD, _LONG = ir.IntType(32), ir.IntType(64)
intrinsic: Any = extending.intrinsic  # its types say that functions take the typing context from callers


@intrinsic
def floor(typing_context: Any, x: Any) -> Any:
    """Return the largest whole number up to x, as a float: one instruction, where numba's own calls a function."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[0].type
        return builder.call(builder.module.declare_intrinsic("llvm.floor", [kind]), arguments)

    return types.float64(types.float64), generate


def _number(x: Any) -> Any:
    """Return what voltages and currents are held as: 32 bits, as on the chip, or floats."""
    return x if isinstance(x, types.Float) else types.int32


@intrinsic
def by_accum(typing_context: Any, x: Any, factor: Any) -> Any:
    """Return the product with an s16.15 factor as an int64, cut; of floats, the ordinary product."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if isinstance(x, types.Float):
            return builder.fmul(*arguments)
        a = context.cast(builder, arguments[0], x, types.int64)
        b = builder.sext(builder.trunc(arguments[1], _WORD), _LONG)
        return builder.ashr(builder.mul(a, b), _LONG(ACCUM_BITS))

    return (x if isinstance(x, types.Float) else types.int64)(x, factor), generate


@intrinsic
def faded(typing_context: Any, x: Any, decay: Any) -> Any:
    """Return the product with a u0.32 factor (2^32: 1) in 32 bits, cut; of floats, the ordinary product."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if isinstance(x, types.Float):
            return builder.fmul(*arguments)
        # The processor multiplies 32 bits that have a sign: of a factor from a half on, x times what it lacks of 1.
        a, b = (builder.sext(builder.trunc(y, _WORD), _LONG) for y in arguments)
        high = builder.icmp_unsigned(">", arguments[1], _LONG((1 << (FRACT_BITS - 1)) - 1))
        rest = builder.and_(builder.trunc(a, _WORD), builder.sext(high, _WORD))
        return builder.add(builder.trunc(builder.ashr(builder.mul(a, b), _LONG(FRACT_BITS)), _WORD), rest)

    return _number(x)(x, decay), generate


@intrinsic
def arrived(typing_context: Any, come: Any, jump: Any, shift: Any) -> Any:
    """Return a ring buffer's sum, shifted, times a u0.32 factor, cut; of floats, the ordinary product."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if isinstance(come, types.Float):
            return builder.fmul(*arguments[:2])
        factor = builder.zext(builder.trunc(arguments[1], _WORD), _LONG)
        product = builder.mul(builder.zext(arguments[0], _LONG), factor)
        return builder.trunc(builder.lshr(product, builder.sub(_LONG(FRACT_BITS), arguments[2])), _WORD)

    return _number(come)(come, jump, shift), generate


@intrinsic
def under(typing_context: Any, x: Any, threshold: Any) -> Any:
    """Return -1 where a number is less than another of its type, else 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if isinstance(x, types.Float):
            return builder.sext(builder.fcmp_ordered("<", *arguments), _WORD)
        return builder.sext(builder.icmp_signed("<", *arguments), _WORD)

    return types.int32(x, x), generate


@intrinsic
def weight_in(typing_context: Any, word: Any, weights: Any, number: Any) -> Any:
    """Return the weight above the place in a synapse's word; of words without one, that of their number."""
    inside = word.bitwidth > PLACE_BITS

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if inside:
            return builder.lshr(arguments[0], _LONG(PLACE_BITS))
        data = context.make_array(weights)(context, builder, arguments[1]).data
        return builder.load(builder.gep(data, [arguments[2]]))

    return (word if inside else weights.dtype)(word, weights, number), generate


@intrinsic
def whole(typing_context: Any, array: Any) -> Any:
    """Return whether an array holds whole numbers, which the compiler knows."""
    integer = isinstance(array.dtype, types.Integer)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.boolean, integer)

    return types.boolean(array), generate


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
