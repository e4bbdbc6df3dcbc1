"""Keyed random numbers as Brian2 functions: NumPy, Cython and C++ implementations of the same draw."""

from __future__ import annotations

from typing import Any

from hmn_snn.randomness import stream_key

from .carried import keyed, normal, uniform
from .parts import Draw

_CPP = """
static inline uint64_t _mix_{name}(uint64_t z) {{
    z += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
}}
static inline double _uniform_{name}(const int64_t entity, const int64_t index) {{
    const uint64_t key = _mix_{name}(_mix_{name}({key:#x}ULL ^ (uint64_t)entity) ^ (uint64_t)index);
    return ((double)(key >> 12) + 0.5) / 4503599627370496.0;
}}
static inline double {name}(const int64_t entity, const int64_t index) {{
    return {result};
}}
"""

_CYTHON = """
cdef unsigned long long _mix_{name}(unsigned long long z):
    z = z + <unsigned long long>0x9E3779B97F4A7C15ULL
    z = (z ^ (z >> 30)) * <unsigned long long>0xBF58476D1CE4E5B9ULL
    z = (z ^ (z >> 27)) * <unsigned long long>0x94D049BB133111EBULL
    return z ^ (z >> 31)

cdef double _uniform_{name}(long long entity, long long index):
    cdef unsigned long long key = _mix_{name}(<unsigned long long>{key:#x}ULL ^ <unsigned long long>entity)
    key = _mix_{name}(key ^ <unsigned long long>index)
    return (<double>(key >> 12) + 0.5) / 4503599627370496.0

cdef double {name}(long long entity, long long index):
    return {result}
"""

# Box & Muller's cosine branch, from the draws 2 index and 2 index + 1.
_RESULTS = {
    "uniform": "_uniform_{name}(entity, index)",
    "normal": "sqrt(-2.0 * log(_uniform_{name}(entity, 2 * index))) "
    "* cos(2.0 * M_PI * _uniform_{name}(entity, 2 * index + 1))",
}


def keyed_function(draw: Draw, name: str, seed: int) -> Any:
    """Return a draw as a function of (entity, index) for Brian2's code.

    Parameters
    ----------
    draw : Draw
    name : str
        Of the function in generated code.
    seed : int

    Returns
    -------
    brian2.Function
    """
    result, key = _RESULTS[draw.kind].format(name=name), stream_key(seed, draw.stream)
    function = keyed({"uniform": uniform, "normal": normal}[draw.kind], key)
    for target, code in (("cpp", _CPP), ("cython", _CYTHON)):
        function.implementations.add_implementation(target, code.format(name=name, key=key, result=result), name=name)
    return function
