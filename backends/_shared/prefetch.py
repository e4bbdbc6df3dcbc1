"""Asking for memory before it is needed: the rows of a large network's synapses come from far away."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending
from numba.core import cgutils, types
from numba.np.numpy_support import as_dtype

from .jit import jit

intrinsic: Any = extending.intrinsic  # its types say that functions take the typing context from callers
_BYTES = 64  # of a cache line on most processors; where lines are longer, some are asked for twice
_READ, _KEEP, _DATA = 0, 3, 1  # of llvm.prefetch: to be read, and again soon; not code
_AHEAD = 32  # lines of a row; the processor itself goes on from there


@intrinsic
def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        place = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        builder.call(function, [place, word(_READ), word(_KEEP), word(_DATA)])
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def _per_line(typing_context: Any, array: Any) -> Any:
    """Return how many elements a line holds: a constant, where ``itemsize`` would divide."""
    elements = _BYTES // as_dtype(array.dtype).itemsize

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.int64, elements)

    return types.int64(array), generate


@jit
def prefetch(array, first, last):
    """Have the elements first to last - 1 of an array brought near, as many of them as is useful."""
    per_line = _per_line(array)
    for k in range(first, min(last, first + _AHEAD * per_line), per_line):
        _prefetch(array, k)
