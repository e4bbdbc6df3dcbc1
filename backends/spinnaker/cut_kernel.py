"""Cutting numbers as fixed point does, compiled so that the compiler can cut several at once."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types

from .._shared.jit import jit

ACCUM_BITS, FRACT_BITS = 15, 32  # behind the point, of s16.15 and u0.32
_WORD, _LONG = ir.IntType(32), ir.IntType(64)
_SATURATED = ir.IntType(16)(65535)
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
def after(typing_context: Any, place: Any, here: Any, size: Any) -> Any:
    """Return the place that lies some places after another one in a ring of some size, of less than 2^31."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place, here, size = (builder.trunc(x, _WORD) if x.type != _WORD else x for x in arguments)
        far = builder.add(place, here)
        near = builder.sub(far, size)  # very large without a sign, where far is still in the ring
        return builder.zext(builder.select(builder.icmp_unsigned("<", far, near), far, near), _LONG)

    return types.uint64(place, here, size), generate


@intrinsic
def add_to(typing_context: Any, ring: Any, place: Any, weight: Any) -> Any:
    """Add a weight to a sum of a ring buffer; one of 16 bits stops at the largest number."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(ring)(context, builder, arguments[0]).data
        at = builder.gep(data, [arguments[1]])
        if isinstance(ring.dtype, types.Float):
            builder.store(builder.fadd(builder.load(at), arguments[2]), at)
            return context.get_dummy_value()
        total = builder.uadd_with_overflow(builder.load(at), arguments[2])
        builder.store(builder.extract_value(total, 0), at)
        # Sums hardly ever get so large: a branch costs nothing, where choosing the smaller number does.
        with cgutils.if_unlikely(builder, builder.extract_value(total, 1)):
            builder.store(_SATURATED, at)
        return context.get_dummy_value()

    return types.void(ring, place, ring.dtype), generate


@intrinsic
def whole(typing_context: Any, array: Any) -> Any:
    """Return whether an array holds whole numbers, which the compiler knows."""
    integer = isinstance(array.dtype, types.Integer)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.boolean, integer)

    return types.boolean(array), generate


@jit
def cut_trace(x, fixed):
    """Return what is left of a trace, or of a decay, that is multiplied by a decay: 11 bits behind the point."""
    return floor(x * 2048.0) / 2048.0 if fixed else x


@jit
def wrap_trace(x, fixed):
    """Return what 16 bits hold of a trace that has grown."""
    return x - 32.0 * floor((x + 16.0) / 32.0) if fixed else x


@jit
def cut(x, fixed):
    """Return what s16.15 holds of a product."""
    return floor(x * 32768.0) / 32768.0 if fixed else x
