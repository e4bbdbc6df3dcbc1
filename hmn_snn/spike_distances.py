"""Distances between two spike trains: Victor-Purpura, van Rossum, SPIKE."""

from __future__ import annotations

from typing import Any

import numpy as np

from .errors import DescriptionError

Float = np.ndarray


def victor_purpura(t1: Any, t2: Any, q: float) -> float:
    """Return the least cost of turning one spike train into the other.

    Adding or deleting a spike costs 1, moving it by a time s costs q s (Victor & Purpura, J. Neurophysiol. 76, 1310,
    1996): spikes more than 2/q apart are different spikes.

    Parameters
    ----------
    t1, t2 : (n,) float array [ms]
        Spike times in any order.
    q : float [1/ms]
        0 compares numbers of spikes only, infinity counts the spikes that do not coincide.

    Returns
    -------
    float
        A metric, 0 to n1 + n2.

    Raises
    ------
    DescriptionError
        If the times are no flat list of finite numbers, or q is negative.

    Examples
    --------
    >>> victor_purpura([10.0, 30.0], [12.0], q=0.1)
    1.2
    """
    a, b = _train("victor_purpura", "t1", t1), _train("victor_purpura", "t2", t2)
    if not q >= 0.0:
        raise DescriptionError("victor_purpura", "q", q, "give 0 or more, in 1/ms")
    column = np.arange(len(b) + 1.0)
    best = column.copy()  # cost of turning the first spikes of a into the first 0, 1, ... of b
    for n, spike in enumerate(a, start=1):
        gap = np.abs(b - spike)
        moved = np.multiply(q, gap, out=np.zeros_like(gap), where=gap > 0.0)
        here = np.empty_like(best)
        here[0] = n
        here[1:] = np.minimum(best[1:] + 1.0, best[:-1] + moved)
        best = np.minimum.accumulate(here - column) + column  # adding spikes of b costs 1 each
    return float(best[-1])


def van_rossum(t1: Any, t2: Any, tau: float) -> float:
    """Return how different two spike trains are once each spike is an exponential trace.

    ``D^2 = (2 / tau) int (f1 - f2)^2 dt`` with ``f(t) = sum exp(-(t - t_k) / tau)`` over the spikes up to t (van
    Rossum, Neural Comput. 13, 751, 2001; there without the factor 2, by which a spike too many costs 1).

    Parameters
    ----------
    t1, t2 : (n,) float array [ms]
        Spike times in any order.
    tau : float [ms]
        Infinity compares numbers of spikes only.

    Returns
    -------
    float
        A metric, 0 or more.

    Raises
    ------
    DescriptionError
        If the times are no flat list of finite numbers, or tau is not more than 0.

    Examples
    --------
    >>> van_rossum([10.0], [], tau=10.0)
    1.0
    """
    a, b = _train("van_rossum", "t1", t1), _train("van_rossum", "t2", t2)
    if not tau > 0.0:
        raise DescriptionError("van_rossum", "tau", tau, "give more than 0, in ms")
    t = np.concatenate([a, b])
    order = np.argsort(t, kind="stable")
    signs = np.where(order < len(a), 1.0, -1.0)
    gaps = np.diff(t[order], prepend=t[order[:1]]) / tau
    # Between spikes the difference of the traces only decays, so its square has an integral in closed form.
    level = square = 0.0
    for sign, kept, area in zip(signs, np.exp(-gaps), -np.expm1(-2.0 * gaps), strict=True):
        square += level * level * area
        level = level * kept + sign
    return float(np.sqrt(square + level * level))


def spike_distance(t1: Any, t2: Any, t_start: float, t_stop: float) -> float:
    """Return the SPIKE distance of two spike trains: how far apart nearest spikes are, relative to their intervals.

    Time-scale free, and averaged over t_start to t_stop; at both ends each train gets an auxiliary spike (Kreuz,
    Chicharro, Houghton, Andrzejak & Mormann, J. Neurophysiol. 109, 1457, 2013).

    Parameters
    ----------
    t1, t2 : (n,) float array [ms]
        Spike times in any order, within t_start and t_stop.
    t_start, t_stop : float [ms]

    Returns
    -------
    float
        0 (the same times) to 1; symmetric, but no metric.

    Raises
    ------
    DescriptionError
        If the times are no flat list of finite numbers, or lie outside of t_start to t_stop.

    Examples
    --------
    >>> spike_distance([10.0, 20.0], [10.0, 20.0], 0.0, 50.0)
    0.0
    """
    if not t_start < t_stop:
        raise DescriptionError("spike_distance", "t_stop", t_stop, f"give more than t_start ({t_start:g} ms)")
    a = _with_ends("t1", t1, t_start, t_stop)
    b = _with_ends("t2", t2, t_start, t_stop)
    events = np.union1d(a, b)
    left, right = events[:-1], events[1:]
    interval_a, at_left_a, at_right_a = _profile(a, b, left, right)
    interval_b, at_left_b, at_right_b = _profile(b, a, left, right)
    # S(t) is linear between events, so that the mean of its two ends is exact.
    weighted = (at_left_a + at_right_a) * interval_b + (at_left_b + at_right_b) * interval_a
    mean_interval = 0.5 * (interval_a + interval_b)
    profile = 0.5 * weighted / (2.0 * mean_interval**2)
    return float(np.sum(profile * (right - left)) / (t_stop - t_start))


def _train(owner: str, name: str, times: Any) -> Float:
    array = np.asarray(times, dtype=np.float64)
    if array.ndim != 1 or not np.isfinite(array).all():
        raise DescriptionError(owner, name, times, "give a flat list of finite times, in ms")
    return np.sort(array)


def _with_ends(name: str, times: Any, t_start: float, t_stop: float) -> Float:
    """Return the distinct times of a train with an auxiliary spike at both ends."""
    train = _train("spike_distance", name, times)
    if len(train) and (train[0] < t_start or train[-1] > t_stop):
        raise DescriptionError("spike_distance", name, times, f"give times from {t_start:g} to {t_stop:g} ms")
    return np.unique(np.concatenate([[t_start], train, [t_stop]]))


def _profile(train: Float, other: Float, left: Float, right: Float) -> tuple[Float, Float, Float]:
    """Return a train's interspike interval around each stretch, and its dissimilarity at the stretch's two ends.

    At a spike the dissimilarity is the distance to the other train's nearest spike; between spikes it is interpolated.
    """
    after = np.clip(np.searchsorted(other, train), 1, len(other) - 1)
    nearest = np.minimum(np.abs(train - other[after - 1]), np.abs(other[after] - train))
    k = np.searchsorted(train, left, side="right") - 1
    before, following = train[k], train[k + 1]
    interval = following - before

    def at(t: Float) -> Float:
        return np.asarray((nearest[k] * (following - t) + nearest[k + 1] * (t - before)) / interval)

    return interval, at(left), at(right)
