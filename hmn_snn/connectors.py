"""Connectors: which neuron is connected to which. Each lists (pre, post) pairs ordered by pre, then post."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from . import randomness
from .description import Description, quantity
from .errors import DescriptionError

Pairs = tuple[np.ndarray, np.ndarray]
_CHUNK = 1 << 20


@dataclass(frozen=True, eq=False)
class Connector(Description):
    """Base of the connectors."""

    kind: ClassVar[str] = "connector"

    def pairs(self, n_pre: int, n_post: int, same: bool, seed: int, stream: str) -> Pairs:
        """List the connected pairs, by pre, then post.

        Parameters
        ----------
        n_pre, n_post : int
            Number of members at the two ends.
        same : bool
            Whether both ends are the same group of neurons, so that equal indices are the same neuron.
        seed : int
        stream : str
            Stream of the draws.

        Returns
        -------
        pre, post : (n_synapses,) int32 arrays
        """
        raise NotImplementedError

    def end_problems(self, owner: str, n_pre: int, n_post: int, same: bool) -> Iterator[DescriptionError]:
        """Yield what does not fit the sizes of the two ends.

        Parameters
        ----------
        owner : str
        n_pre, n_post : int
        same : bool
            Whether both ends are the same group of neurons.

        Yields
        ------
        DescriptionError
        """
        yield from ()


@dataclass(frozen=True, eq=False)
class AllToAll(Connector):
    """Every pre neuron to every post neuron.

    Parameters
    ----------
    allow_self : bool
        Whether a neuron may connect to itself where both ends are the same population.
    """

    allow_self: bool = True

    def pairs(self, n_pre: int, n_post: int, same: bool, seed: int, stream: str) -> Pairs:
        """List the connected pairs."""
        pre = np.repeat(np.arange(n_pre, dtype=np.int32), n_post)
        post = np.tile(np.arange(n_post, dtype=np.int32), n_pre)
        return _without_self(pre, post, same and not self.allow_self)


@dataclass(frozen=True, eq=False)
class OneToOne(Connector):
    """The i-th pre neuron to the i-th post neuron."""

    def pairs(self, n_pre: int, n_post: int, same: bool, seed: int, stream: str) -> Pairs:
        """List the connected pairs."""
        index = np.arange(n_pre, dtype=np.int32)
        return index, index.copy()

    def end_problems(self, owner: str, n_pre: int, n_post: int, same: bool) -> Iterator[DescriptionError]:
        """Yield an error if the ends differ in size."""
        if n_pre != n_post:
            allowed = f"its ends have {n_pre} and {n_post} members; use equal sizes"
            yield DescriptionError(owner, "connector", self, allowed)


@dataclass(frozen=True, eq=False)
class FixedProbability(Connector):
    """Every pair independently with probability ``p``.

    Parameters
    ----------
    p : float
        0 to 1.
    allow_self : bool
    """

    p: float = quantity(low=0.0, high=1.0)
    allow_self: bool = True

    def pairs(self, n_pre: int, n_post: int, same: bool, seed: int, stream: str) -> Pairs:
        """List the connected pairs; the gaps between a row's synapses are geometric, one draw per synapse."""
        if self.p >= 1.0:
            return AllToAll(self.allow_self).pairs(n_pre, n_post, same, seed, stream)
        if self.p <= 0.0 or n_pre == 0 or n_post == 0:
            return np.empty(0, np.int32), np.empty(0, np.int32)
        expected = self.p * n_post
        width = int(expected + 6.0 * np.sqrt(expected * (1.0 - self.p)) + 12.0)
        rows = max(1, _CHUNK // width)
        parts = [self._rows(np.arange(a, min(a + rows, n_pre)), n_post, width, seed, stream)
                 for a in range(0, n_pre, rows)]  # fmt: skip
        pre, post = (np.concatenate(side) for side in zip(*parts, strict=True))
        return _without_self(pre, post, same and not self.allow_self)

    def _rows(self, rows: np.ndarray, n_post: int, width: int, seed: int, stream: str) -> Pairs:
        log_miss = np.log1p(-self.p)
        start = np.full((len(rows), 1), -1.0)
        pieces, first = [], 0
        while True:  # one pass but for a row of very many synapses
            index = np.arange(first, first + width, dtype=np.uint64)
            u = randomness.uniform(seed, stream, rows[:, None], index[None, :])
            with np.errstate(over="ignore"):  # for p near the smallest number a gap is infinite, and rightly so
                gaps = np.floor(np.log(u) / log_miss) + 1.0
                gaps[:, :1] += start
                position = np.cumsum(gaps, axis=1)
            pieces.append(position)
            if (position[:, -1] >= n_post).all():
                break
            start, first = position[:, -1:], first + width
        position = np.concatenate(pieces, axis=1) if len(pieces) > 1 else pieces[0]
        inside = position < n_post
        return np.repeat(rows.astype(np.int32), inside.sum(axis=1)), position[inside].astype(np.int32)


@dataclass(frozen=True, eq=False)
class FixedNumberPre(Connector):
    """Each post neuron receives from exactly ``n`` pre neurons.

    Parameters
    ----------
    n : int
    with_replacement : bool
        Whether the same pair may be drawn more than once.
    allow_self : bool
    """

    n: int
    with_replacement: bool = False
    allow_self: bool = True

    def pairs(self, n_pre: int, n_post: int, same: bool, seed: int, stream: str) -> Pairs:
        """List the connected pairs."""
        partner, receiver = _fixed_number(self, n_post, n_pre, same, seed, stream)
        order = np.lexsort((receiver, partner))
        return partner[order], receiver[order]

    def end_problems(self, owner: str, n_pre: int, n_post: int, same: bool) -> Iterator[DescriptionError]:
        """Yield an error if there are too few partners."""
        yield from _number_problem(owner, self, n_pre, same)


@dataclass(frozen=True, eq=False)
class FixedNumberPost(Connector):
    """Each pre neuron sends to exactly ``n`` post neurons.

    Parameters
    ----------
    n : int
    with_replacement : bool
        Whether the same pair may be drawn more than once.
    allow_self : bool
    """

    n: int
    with_replacement: bool = False
    allow_self: bool = True

    def pairs(self, n_pre: int, n_post: int, same: bool, seed: int, stream: str) -> Pairs:
        """List the connected pairs."""
        partner, sender = _fixed_number(self, n_pre, n_post, same, seed, stream)
        order = np.lexsort((partner, sender))
        return sender[order], partner[order]

    def end_problems(self, owner: str, n_pre: int, n_post: int, same: bool) -> Iterator[DescriptionError]:
        """Yield an error if there are too few partners."""
        yield from _number_problem(owner, self, n_post, same)


@dataclass(frozen=True, eq=False)
class FromArrays(Connector):
    """The given pairs; weight and delay arrays of the projection follow the same order.

    Parameters
    ----------
    pre, post : (n_synapses,) int arrays
        Indices within the two ends.
    """

    pre: Any
    post: Any
    order: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in ("pre", "post"):
            given = np.atleast_1d(np.asarray(getattr(self, name)))
            if given.ndim != 1 or (given.size and (given.dtype.kind not in "iu" or given.min() < 0)):
                raise DescriptionError(self.owner, name, given, "give a flat array of integers, 0 or more")
            array = given.astype(np.int32)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        if self.pre.shape != self.post.shape:
            raise DescriptionError(self.owner, "pre, post", (self.pre.shape, self.post.shape), "give equally many")
        object.__setattr__(self, "order", np.lexsort((self.post, self.pre)))

    def pairs(self, n_pre: int, n_post: int, same: bool, seed: int, stream: str) -> Pairs:
        """List the connected pairs."""
        return self.pre[self.order], self.post[self.order]

    def end_problems(self, owner: str, n_pre: int, n_post: int, same: bool) -> Iterator[DescriptionError]:
        """Yield an error if an index is out of range."""
        for name, array, size in (("pre", self.pre, n_pre), ("post", self.post, n_post)):
            if array.size and array.max() >= size:
                allowed = f"indices there end at {size - 1}"
                yield DescriptionError(owner, f"connector: {name}", int(array.max()), allowed)

    @classmethod
    def from_matrix(cls, matrix: Any) -> tuple[FromArrays, np.ndarray]:
        """Return connector and weights from a matrix whose non-zero entries are synapses.

        Parameters
        ----------
        matrix : (n_pre, n_post) array or scipy.sparse matrix

        Returns
        -------
        connector : FromArrays
        weights : (n_synapses,) float array
            In the unit of the matrix; give it as the projection's weight.

        Examples
        --------
        >>> connector, weights = FromArrays.from_matrix([[0.0, 0.5], [0.2, 0.0]])
        >>> weights
        array([0.5, 0.2])
        """
        if hasattr(matrix, "tocoo"):
            entries = matrix.tocoo()
            entries.sum_duplicates()
            pre, post, weights = entries.row, entries.col, np.asarray(entries.data, dtype=np.float64)
        else:
            dense = np.asarray(matrix, dtype=np.float64)
            if dense.ndim != 2:
                raise DescriptionError("connector FromArrays", "matrix", dense.shape, "give a matrix (n_pre, n_post)")
            pre, post = np.nonzero(dense)
            weights = dense[pre, post]
        order = np.lexsort((post, pre))
        return cls(pre[order], post[order]), weights[order]


def _without_self(pre: np.ndarray, post: np.ndarray, drop: bool) -> Pairs:
    if not drop:
        return pre, post
    keep = pre != post
    return pre[keep], post[keep]


def _number_problem(
    owner: str, connector: FixedNumberPre | FixedNumberPost, n_partners: int, same: bool
) -> Iterator[DescriptionError]:
    n = connector.n
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 0:
        yield DescriptionError(owner, "connector: n", n, "give an integer, 0 or more")
        return
    limit = n_partners - int(same and not connector.allow_self)
    if n and (n > limit if not connector.with_replacement else limit < 1):
        yield DescriptionError(owner, "connector: n", n, f"there are {limit} to draw from; use fewer")


def _fixed_number(
    connector: FixedNumberPre | FixedNumberPost, n_rows: int, n_partners: int, same: bool, seed: int, stream: str
) -> Pairs:
    """Draw n partners for each row: without replacement those with the smallest keyed draws."""
    rows = np.arange(n_rows)
    exclude_self = same and not connector.allow_self
    n, available = int(connector.n), n_partners - int(exclude_self)
    if n == 0:
        return np.empty(0, np.int32), np.empty(0, np.int32)
    step = max(1, _CHUNK // max(1, n_partners))
    partners = []
    for a in range(0, n_rows, step):
        block = rows[a : a + step]
        if connector.with_replacement:
            u = randomness.uniform(seed, stream, block[:, None], np.arange(n)[None, :])
            chosen = np.floor(u * available).astype(np.int32)
        else:
            u = randomness.uniform(seed, stream, block[:, None], np.arange(available)[None, :])
            chosen = np.argpartition(u, n - 1, axis=1)[:, :n].astype(np.int32)
        if exclude_self:
            chosen += chosen >= block[:, None]
        partners.append(chosen.ravel())
    flat = np.concatenate(partners) if partners else np.empty(0, np.int32)
    return flat.astype(np.int32), np.repeat(rows.astype(np.int32), n)
