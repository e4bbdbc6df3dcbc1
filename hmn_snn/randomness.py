"""Keyed random numbers: a draw depends on its key alone, never on order, threads or backend.

The mixing function is splitmix64 (Steele, Lea & Flood, OOPSLA 2014); stream names are hashed with 64-bit FNV-1a
(Fowler, Noll & Vo). ``key(seed, stream, entity, index)`` is four nested mixes; a stream is named
``"<object name>/<purpose>"``, the entity is an index in a population or in a projection's synapse list.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

UInt = NDArray[np.uint64]
Float = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_MASK = (1 << 64) - 1


def mix(z: ArrayLike) -> UInt:
    """Scramble 64-bit integers (one splitmix64 step).

    Parameters
    ----------
    z : array of uint64

    Returns
    -------
    array of uint64
    """
    x: UInt = np.atleast_1d(np.asarray(z, dtype=np.uint64)) + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    return np.asarray(x ^ (x >> np.uint64(31)))


def fnv1a64(text: str) -> int:
    """Hash a stream name (64-bit FNV-1a of its UTF-8 bytes).

    Parameters
    ----------
    text : str

    Returns
    -------
    int
    """
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = ((value ^ byte) * 0x100000001B3) & _MASK
    return value


def stream_key(seed: int, stream: str) -> int:
    """Return the key of a stream: the part of every key that seed and stream decide.

    Parameters
    ----------
    seed : int
        Any Python integer; taken modulo 2**64.
    stream : str
        ``"<object name>/<purpose>"``.

    Returns
    -------
    int
    """
    first = int(mix(seed & _MASK)[0])
    return int(mix(first ^ fnv1a64(stream))[0])


def keys(seed: int, stream: str, entity: ArrayLike, index: ArrayLike = 0) -> UInt:
    """Return the 64-bit keys of (entity, index) pairs in a stream; both broadcast.

    Parameters
    ----------
    seed : int
    stream : str
    entity, index : arrays of non-negative int

    Returns
    -------
    array of uint64
    """
    base = np.uint64(stream_key(seed, stream))
    per_entity = mix(base ^ np.asarray(entity).astype(np.uint64))
    return mix(per_entity ^ np.asarray(index).astype(np.uint64))


def uniform(seed: int, stream: str, entity: ArrayLike, index: ArrayLike = 0) -> Float:
    """Draw uniform numbers strictly inside (0, 1), 52 bits each.

    Parameters
    ----------
    seed : int
    stream : str
    entity, index : arrays of non-negative int

    Returns
    -------
    float array
    """
    return uniform_of(keys(seed, stream, entity, index))


def uniform_of(key: UInt) -> Float:
    """Turn keys into uniform numbers strictly inside (0, 1).

    Parameters
    ----------
    key : array of uint64

    Returns
    -------
    float array
    """
    return np.asarray(((key >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52)


def normal(seed: int, stream: str, entity: ArrayLike, index: ArrayLike = 0) -> Float:
    """Draw standard normal numbers (Box & Muller 1958, the cosine branch).

    Parameters
    ----------
    seed : int
    stream : str
    entity, index : arrays of non-negative int

    Returns
    -------
    float array
    """
    twice = 2 * np.asarray(index, dtype=np.uint64)
    u_1 = uniform(seed, stream, entity, twice)
    u_2 = uniform(seed, stream, entity, twice + np.uint64(1))
    return np.asarray(np.sqrt(-2.0 * np.log(u_1)) * np.cos(2.0 * np.pi * u_2))
