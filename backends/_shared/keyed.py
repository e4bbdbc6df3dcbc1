"""Keyed random numbers inside kernels: the same functions as ``hmn_snn.randomness``, one number at a time."""

from __future__ import annotations

import math

import numpy as np

from .jit import jit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S12 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(12)
_ONE = np.uint64(1)


@jit
def mix(z):
    """Scramble a uint64 (one splitmix64 step)."""
    z = z + _GOLDEN
    z = (z ^ (z >> _S30)) * _MIX_1
    z = (z ^ (z >> _S27)) * _MIX_2
    return z ^ (z >> _S31)


@jit
def uniform(entity_key, index):
    """Return a uniform number for an entity's key (``mix(stream key ^ entity)``) and an index."""
    key = mix(entity_key ^ np.uint64(index))
    return (np.float64(key >> _S12) + 0.5) * 2.0**-52


@jit
def entity_key(stream, entity):
    """Return the key of an entity of a stream."""
    return mix(stream ^ np.uint64(entity))


@jit
def normal(entity, index):
    """Return a standard normal number for an entity's key and an index."""
    twice = np.uint64(index) << _ONE
    u_1 = uniform(entity, twice)
    u_2 = uniform(entity, twice + _ONE)
    return math.sqrt(-2.0 * math.log(u_1)) * math.cos(2.0 * math.pi * u_2)
