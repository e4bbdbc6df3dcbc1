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
from numba.core import cgutils, types

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

    def load(self, data: Any, place: Any) -> Any:
        return self._builder.load(self._at(data, place, self._vector), align=4)

    def store(self, x: Any, data: Any, place: Any) -> None:
        self._builder.store(x, self._at(data, place, self._vector), align=4)

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

    def at_least(self, x: Any, bound: Any) -> Any:
        return self._builder.fcmp_ordered(">=", x, self.same(bound))

    def at_most(self, x: Any, bound: Any) -> Any:
        return self._builder.fcmp_ordered("<=", x, self.same(bound))

    def _at(self, data: Any, place: Any, vector: Any) -> Any:
        """Return a pointer to the numbers from a place on."""
        return self._builder.bitcast(self._builder.gep(data, [place]), vector.as_pointer())


class _Words(_Reals):
    """Vectors of 32-bit numbers, which wrap."""

    def __init__(self, builder: Any) -> None:
        super().__init__(builder, _WORD)
        self.add, self.sub = builder.add, builder.sub

    def same(self, x: Any) -> Any:
        return super().same(x if x.type == _WORD else self._builder.trunc(x, _WORD))

    def sums(self, ring: Any, place: Any) -> Any:
        halves = self._builder.load(self._at(ring, place, ir.VectorType(ir.IntType(16), _N)), align=2)
        return self._builder.zext(halves, self._vector)

    def faded(self, x: Any, decay: Any) -> Any:
        return self._signed_product(x, decay, FRACT_BITS)

    def kept(self, x: Any, keep: Any) -> Any:
        return self.faded(x, self._builder.shl(keep, _LONG(FRACT_BITS - ACCUM_BITS)))

    def by_accum(self, x: Any, factor: Any) -> Any:
        return self._signed_product(x, factor, ACCUM_BITS)

    def arrived(self, come: Any, jump: Any, shift: Any) -> Any:
        return self._product(self._builder.shl(come, self.same(shift)), jump, FRACT_BITS)

    def at_least(self, x: Any, bound: Any) -> Any:
        return self._builder.icmp_signed(">=", x, self.same(bound))

    def at_most(self, x: Any, bound: Any) -> Any:
        return self._builder.icmp_signed("<=", x, self.same(bound))

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
        data, ring_data = (context.make_array(kind)(context, builder, array).data
                           for kind, array in zip(signature.args[:2], arguments[:2], strict=True))  # fmt: skip
        v_at, wait_at, flow_at, *currents_at = cgutils.unpack_tuple(builder, arguments[2])
        sums_at, factors = (cgutils.unpack_tuple(builder, arguments[k]) for k in (3, 5))
        v_rest, resistance, keep = cgutils.unpack_tuple(builder, arguments[6])
        lanes = _Reals(builder) if isinstance(cell.dtype, types.Float) else _Words(builder)
        flow = lanes.load(data, flow_at)
        for at, sum_at, receptor, into in zip(currents_at, sums_at, factors, (lanes.add, lanes.sub), strict=True):
            decay, jump, shift = cgutils.unpack_tuple(builder, receptor)
            come = lanes.arrived(lanes.sums(ring_data, sum_at), jump, shift)
            current = lanes.add(lanes.faded(lanes.load(data, at), decay), come)
            lanes.store(current, data, at)
            flow = into(flow, current)
        goal, v = lanes.add(lanes.by_accum(flow, resistance), lanes.same(v_rest)), lanes.load(data, v_at)
        moved = lanes.sub(goal, lanes.kept(lanes.sub(goal, v), keep))
        v = builder.select(lanes.at_most(lanes.load(data, wait_at), arguments[4]), moved, v)
        lanes.store(v, data, v_at)
        fires = builder.bitcast(lanes.at_least(v, arguments[7]), ir.IntType(_N))
        return builder.zext(fires, _LONG)

    return types.uint64(cell, ring, places, sums, now, receptors, membrane, threshold), generate


@intrinsic
def lowest(typing_context: Any, bits: Any) -> Any:
    """Return which is the lowest bit of a number that is not 0."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.IntType(1)(1))

    return types.uint64(types.uint64), generate
