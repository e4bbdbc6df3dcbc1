"""Several cells at once: vector instructions, written out.

The compiler's own vectors of a loop over cells took twice as long: it widens each number to 64 bits for a product and
narrows it again, and proves before each block that its arrays lie apart. Here products of 32-bit numbers are those of
the even and of the odd ones, in place. The numbers are those of ``cut_kernel``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending
from numba.core import types

from .cut_kernel import ACCUM_BITS, FRACT_BITS

intrinsic: Any = extending.intrinsic  # its types say that functions take the typing context from callers
_N = 16
LANES = np.uint64(_N)  # cells at once
_WORD, _LONG, _REAL = ir.IntType(32), ir.IntType(64), ir.DoubleType()
_LONGS = ir.VectorType(_LONG, _N // 2)


def _longs(x: int) -> Any:
    return ir.Constant(_LONGS, [x] * (_N // 2))


_LOW, _HIGH = _longs((1 << 32) - 1), _longs(((1 << 32) - 1) << 32)


class _Reals:
    """Vectors of floats, and what is done with them."""

    def __init__(self, builder: Any, element: Any = _REAL) -> None:
        self._builder, self._vector = builder, ir.VectorType(element, _N)
        self.add, self.sub = builder.fadd, builder.fsub

    def at(self, data: Any, place: Any) -> Any:
        """Return a pointer to the numbers from a place on."""
        return self._builder.bitcast(self._builder.gep(data, [place]), self._vector.as_pointer())

    def load(self, data: Any, place: Any) -> Any:
        return self._builder.load(self.at(data, place), align=4)

    def sums(self, ring: Any, place: Any) -> Any:
        """Return sums of a ring buffer."""
        return self.load(ring, place)

    def same(self, x: Any) -> Any:
        """Return a vector of one number."""
        return _same(self._builder, x, self._vector)

    def faded(self, x: Any, decay: Any) -> Any:
        return self._builder.fmul(x, self.same(decay))

    def kept(self, x: Any, keep: Any) -> Any:
        return self._builder.fmul(x, self.same(keep))

    def by_accum(self, x: Any, factor: Any) -> Any:
        return self._builder.fmul(x, self.same(factor))

    def arrived(self, come: Any, jump: Any, shift: Any) -> Any:
        return self._builder.fmul(come, self.same(jump))

    def reaches(self, x: Any, threshold: Any) -> Any:
        return self._builder.fcmp_ordered(">=", x, self.same(threshold))

    def over(self, x: Any, now: Any) -> Any:
        """Return where a time is past or now."""
        return self._builder.fcmp_ordered("<=", x, self.same(now))


class _Words(_Reals):
    """Vectors of 32-bit numbers, which wrap."""

    def __init__(self, builder: Any) -> None:
        super().__init__(builder, _WORD)
        self.add, self.sub = builder.add, builder.sub

    def same(self, x: Any) -> Any:
        return super().same(x if x.type == _WORD else self._builder.trunc(x, _WORD))

    def sums(self, ring: Any, place: Any) -> Any:
        halves = ir.VectorType(ir.IntType(16), _N)
        pointer = self._builder.bitcast(self._builder.gep(ring, [place]), halves.as_pointer())
        return self._builder.zext(self._builder.load(pointer, align=2), self._vector)

    def faded(self, x: Any, decay: Any) -> Any:
        return self._signed_product(x, decay, FRACT_BITS)

    def kept(self, x: Any, keep: Any) -> Any:
        return self.faded(x, self._builder.shl(keep, _LONG(FRACT_BITS - ACCUM_BITS)))

    def by_accum(self, x: Any, factor: Any) -> Any:
        return self._signed_product(x, factor, ACCUM_BITS)

    def arrived(self, come: Any, jump: Any, shift: Any) -> Any:
        return self._product(self._builder.shl(come, self.same(shift)), jump, FRACT_BITS)

    def reaches(self, x: Any, threshold: Any) -> Any:
        return self._builder.icmp_signed(">=", x, self.same(threshold))

    def over(self, x: Any, now: Any) -> Any:
        return self._builder.icmp_signed("<=", x, self.same(now))

    def _product(self, x: Any, factor: Any, bits: int) -> Any:
        """Return products of numbers without a sign, and the low 32 bits of a factor, without their last bits."""
        b, pairs = self._builder, self._builder.bitcast(x, _LONGS)
        factor = b.and_(_same(b, factor, _LONGS), _LOW)
        even, odd = (b.mul(numbers, factor) for numbers in (b.and_(pairs, _LOW), b.lshr(pairs, _longs(32))))
        even, odd = b.lshr(even, _longs(bits)), b.shl(odd, _longs(32 - bits))
        return b.bitcast(b.or_(b.and_(even, _LOW), b.and_(odd, _HIGH)), self._vector)

    def _signed_product(self, x: Any, factor: Any, bits: int) -> Any:
        """Return products of numbers with a sign and a factor without one: one below 0 was taken as 2^32 more."""
        b = self._builder
        excess = b.and_(b.ashr(x, self.same(_WORD(31))), self.same(b.shl(factor, _LONG(32 - bits))))
        return b.sub(self._product(x, factor, bits), excess)


def _same(builder: Any, x: Any, vector: Any) -> Any:
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), x, _WORD(0))
    zeros = ir.Constant(ir.VectorType(_WORD, vector.count), [0] * vector.count)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


@intrinsic
def advance_lanes(typing_context: Any, cell: Any, ring: Any, places: Any, sums: Any, now: Any, receptors: Any,
                  membrane: Any, threshold: Any) -> Any:  # fmt: skip
    """Advance LANES cells with two receptors, whose currents drive them as they are.

    Parameters
    ----------
    cell, ring : arrays
        Of the state.
    places : tuple of uint64
        Of the voltages, of what they wait for, of what flows besides, and of both receptors' currents.
    sums : tuple of uint64
        Of both receptors, in the ring.
    now : int or float
    receptors : tuple of (decay, jump, shift)
    membrane : (v_rest, resistance, keep)
    threshold : int or float

    Returns
    -------
    uint64
        A bit for each that fires, the first one's the lowest.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data, sums_data = (context.make_array(t)(context, builder, a).data
                           for t, a in zip(signature.args[:2], arguments[:2], strict=True))  # fmt: skip
        lanes = _Reals(builder) if isinstance(cell.dtype, types.Float) else _Words(builder)
        part = builder.extract_value
        now_, threshold_ = arguments[4], arguments[7]
        flow = lanes.load(data, part(arguments[2], 2))
        for r, into in ((0, lanes.add), (1, lanes.sub)):
            decay, jump, shift = (part(arguments[5], (r, k)) for k in range(3))
            come = lanes.arrived(lanes.sums(sums_data, part(arguments[3], r)), jump, shift)
            current = lanes.add(lanes.faded(lanes.load(data, part(arguments[2], 3 + r)), decay), come)
            builder.store(current, lanes.at(data, part(arguments[2], 3 + r)), align=4)
            flow = into(flow, current)
        v_rest, resistance, keep = (part(arguments[6], k) for k in range(3))
        goal = lanes.add(lanes.by_accum(flow, resistance), lanes.same(v_rest))
        v = lanes.load(data, part(arguments[2], 0))
        moved = lanes.sub(goal, lanes.kept(lanes.sub(goal, v), keep))
        v = builder.select(lanes.over(lanes.load(data, part(arguments[2], 1)), now_), moved, v)
        builder.store(v, lanes.at(data, part(arguments[2], 0)), align=4)
        fires = builder.bitcast(lanes.reaches(v, threshold_), ir.IntType(_N))
        return builder.zext(fires, _LONG)

    return types.uint64(cell, ring, places, sums, now, receptors, membrane, threshold), generate



@intrinsic
def lowest(typing_context: Any, bits: Any) -> Any:
    """Return which is the lowest bit of a number that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate
