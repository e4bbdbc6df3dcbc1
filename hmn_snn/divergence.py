"""Where two runs part: the spikes that only one of them has, and the first of these."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .recorded import Spikes, Trace
from .results import Results

_RESOLUTION = 1e-3  # of a step: times nearer than that are the same time on the grid


@dataclass(frozen=True)
class Divergence:
    """The first spike that two runs do not share.

    Attributes
    ----------
    population : str
    neuron : int
    t : float [ms]
        Of the earlier spike, where it is in both runs at different times.
    kind : "only in a", "only in b" or "shifted"
        Shifted if the other run's next spike of its own is less than 2/q away and nearer to this one than to the next
        of this run's own: the Victor-Purpura distance would move it, not delete it.
    shift : float or None [ms]
        Time in b minus time in a, where shifted.
    t_sample : float or None [ms]
        Of the last sample of v in both runs before the step of the spike.
    v_a, v_b : float or None [mV]
        The neuron's v then; None if it was not recorded in both.
    """

    population: str
    neuron: int
    t: float
    kind: str
    shift: float | None = None
    t_sample: float | None = None
    v_a: float | None = None
    v_b: float | None = None

    @property
    def v_difference(self) -> float | None:
        """How much v differed just before, b minus a [mV]."""
        return None if self.v_a is None or self.v_b is None else self.v_b - self.v_a

    def __str__(self) -> str:
        where = f"neuron {self.neuron:,} of {self.population!r} at {self.t:.10g} ms, "
        if self.shift is None:
            what = f"a spike {self.kind}"
        else:
            later, other = ("b", "a") if self.shift > 0 else ("a", "b")
            what = f"a spike in {other} that is {abs(self.shift):.4g} ms later in {later}"
        if self.v_difference is None:
            return f"{where}{what} (v was not recorded in both)"
        sample = f"v at {self.t_sample:.10g} ms was {self.v_a:.10g} mV in a and {self.v_b:.10g} mV in b"
        return f"{where}{what}; {sample} (difference {self.v_difference:.3g} mV)"


@dataclass(frozen=True)
class SpikeSets:
    """The spikes of a population in two runs, each once.

    Attributes
    ----------
    only_a, only_b, shared : Spikes
    """

    only_a: Spikes
    only_b: Spikes
    shared: Spikes

    @property
    def first(self) -> float:
        """Time of the first spike that is not shared [ms]; infinite if there is none."""
        return min((spikes.t[0] for spikes in (self.only_a, self.only_b) if len(spikes)), default=math.inf)


def spike_sets(a: Spikes, b: Spikes, dt: float) -> SpikeSets:
    """Compare the spikes of two runs as sets: same neuron, same time on the grid.

    Parameters
    ----------
    a, b : Spikes
        Of as many neurons.
    dt : float [ms]

    Returns
    -------
    SpikeSets
    """
    (keys_a, spikes_a), (keys_b, spikes_b) = _keyed(a, dt), _keyed(b, dt)
    in_b, in_a = np.isin(keys_a, keys_b), np.isin(keys_b, keys_a)
    parts = ((spikes_a, ~in_b), (spikes_b, ~in_a), (spikes_a, in_b))
    return SpikeSets(*(Spikes(spikes.t[part], spikes.i[part], spikes.size) for spikes, part in parts))


def first_divergence(a: Results, b: Results, sets: Mapping[str, SpikeSets], q: float) -> Divergence | None:
    """Return the first spike that two runs do not share.

    Parameters
    ----------
    a, b : Results
    sets : mapping of str to SpikeSets
        By the name of the population or input; of spikes at the same time the first name's is taken.
    q : float [1/ms]
        See :class:`Divergence`.

    Returns
    -------
    Divergence or None
        None if all spikes are shared.
    """
    dt = min(a.dt, b.dt)
    earliest = min((entry.first for entry in sets.values()), default=math.inf)
    if earliest == math.inf:
        return None
    name = next(name for name, entry in sets.items() if entry.first < earliest + _RESOLUTION * dt)
    first = _first(name, sets[name], dt, q)
    v_a, v_b = (run.traces.get(name, {}).get("v") for run in (a, b))
    if v_a is None or v_b is None:
        return first
    return _with_v(first, v_a, v_b, first.t - max(a.dt, b.dt), _RESOLUTION * dt)


def _keyed(spikes: Spikes, dt: float) -> tuple[np.ndarray, Spikes]:
    """Return one integer per distinct spike, made of time and neuron, and these spikes."""
    ticks = np.rint(spikes.t / (_RESOLUTION * dt)).astype(np.int64)
    keys, once = np.unique(ticks * max(spikes.size, 1) + spikes.i, return_index=True)
    return keys, Spikes(spikes.t[once], spikes.i[once], spikes.size)


def _first(name: str, entry: SpikeSets, dt: float, q: float) -> Divergence:
    """Return the first spike of one population that is not shared, of the lowest neuron."""
    starts = {}
    for kind, spikes in (("only in a", entry.only_a), ("only in b", entry.only_b)):
        now = spikes.between(-math.inf, entry.first + _RESOLUTION * dt)
        if len(now):
            starts[kind] = int(now.i.min())
    kind = min(starts, key=lambda k: starts[k])
    neuron, own, other = starts[kind], entry.only_a, entry.only_b
    if kind == "only in b":
        own, other = other, own
    mine, theirs = own.t[own.i == neuron], other.t[other.i == neuron]
    t = float(mine[0])
    if len(theirs):
        shift = float(theirs[0]) - t
        after = mine[1] - theirs[0] if len(mine) > 1 else math.inf
        if q * shift < 2.0 and shift < after:
            return Divergence(name, neuron, t, "shifted", shift if kind == "only in a" else -shift)
    return Divergence(name, neuron, t, kind)


def _with_v(first: Divergence, a: Trace, b: Trace, until: float, resolution: float) -> Divergence:
    """Add the neuron's v at the last common sample, if both runs recorded it."""
    columns = [np.flatnonzero(trace.indices == first.neuron) for trace in (a, b)]
    ticks_a, ticks_b = (np.rint(trace.t[trace.t < until + resolution] / resolution) for trace in (a, b))
    common, rows_a, rows_b = np.intersect1d(ticks_a, ticks_b, return_indices=True)
    if not len(common) or not all(map(len, columns)):
        return first
    row_a, row_b = rows_a[-1], rows_b[-1]
    v_a, v_b = float(a.values[row_a, columns[0][0]]), float(b.values[row_b, columns[1][0]])
    return replace(first, t_sample=float(a.t[row_a]), v_a=v_a, v_b=v_b)
