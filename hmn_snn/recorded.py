"""What a run records: spikes, sampled variables and final weights, as flat read-only arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Float = np.ndarray
Int = np.ndarray


@dataclass(frozen=True, eq=False)
class Spikes:
    """Spikes of a population or input, sorted by time and then by index.

    Attributes
    ----------
    t : (k,) float array [ms]
    i : (k,) int64 array
        Index of the neuron of each spike.
    size : int
        Number of neurons, silent ones included.
    """

    t: Float
    i: Int
    size: int

    def __post_init__(self) -> None:
        t, i = np.asarray(self.t, dtype=np.float64), np.asarray(self.i, dtype=np.int64)
        assert t.shape == i.shape == (len(t),)
        assert not len(i) or (i.min() >= 0 and i.max() < self.size)
        step = np.diff(t)
        if (step < 0).any() or ((step == 0) & (np.diff(i) < 0)).any():
            order = np.lexsort((i, t))
            t, i = t[order], i[order]
        object.__setattr__(self, "t", _read_only(t))
        object.__setattr__(self, "i", _read_only(i))

    def __len__(self) -> int:
        return len(self.t)

    @cached_property
    def counts(self) -> Int:
        """(size,) int64 array: the number of spikes of each neuron."""
        return _read_only(np.bincount(self.i, minlength=self.size))

    def between(self, t_start: float, t_stop: float) -> Spikes:
        """Return the spikes at t_start < t <= t_stop.

        Parameters
        ----------
        t_start, t_stop : float [ms]

        Returns
        -------
        Spikes
        """
        first, last = np.searchsorted(self.t, (t_start, t_stop), side="right")
        return Spikes(self.t[first:last], self.i[first:last], self.size)

    def rate(self, t_start: float, t_stop: float) -> float:
        """Return the mean rate of a neuron over t_start < t <= t_stop.

        Parameters
        ----------
        t_start, t_stop : float [ms]

        Returns
        -------
        float [Hz]
            NaN where there is no neuron or no time.
        """
        seconds = (t_stop - t_start) / 1e3
        if self.size == 0 or seconds <= 0:
            return float("nan")
        return len(self.between(t_start, t_stop)) / (self.size * seconds)

    def isi_cv(self) -> float:
        """Return the coefficient of variation of the inter-spike intervals, averaged over neurons.

        It is 0 for a clock and 1 for a Poisson process. Neurons with fewer than three spikes have no say.

        Returns
        -------
        float
            NaN where no neuron has three spikes.
        """
        order = np.argsort(self.i, kind="stable")
        i, t = self.i[order], self.t[order]
        same = i[1:] == i[:-1]
        neuron, interval = i[1:][same], np.diff(t)[same]
        n = np.bincount(neuron, minlength=self.size)
        valid = n >= 2
        if not valid.any():
            return float("nan")
        mean = np.bincount(neuron, interval, minlength=self.size) / np.maximum(n, 1)
        square = np.bincount(neuron, (interval - mean[neuron]) ** 2, minlength=self.size) / np.maximum(n, 1)
        return float(np.mean(np.sqrt(square[valid]) / mean[valid]))

    def __repr__(self) -> str:
        return f"Spikes({len(self):,} of {self.size:,} neurons)"


@dataclass(frozen=True, eq=False)
class Trace:
    """A variable sampled at regular times.

    Attributes
    ----------
    t : (m,) float array [ms]
    values : (m, n) float array
        In ``unit``, one column per member sampled.
    indices : (n,) int64 array
        The members sampled.
    unit : str
    """

    t: Float
    values: Float
    indices: Int
    unit: str

    def __post_init__(self) -> None:
        assert np.shape(self.values) == (len(self.t), len(self.indices))
        object.__setattr__(self, "t", _read_only(np.asarray(self.t, dtype=np.float64)))
        object.__setattr__(self, "values", _read_only(np.asarray(self.values)))
        object.__setattr__(self, "indices", _read_only(np.asarray(self.indices, dtype=np.int64)))

    def __repr__(self) -> str:
        return f"Trace({len(self.t):,} samples of {len(self.indices):,} members{f', {self.unit}' * bool(self.unit)})"


@dataclass(frozen=True, eq=False)
class Weights:
    """Weights of a projection at the end of a run, one per synapse as lowering lists them.

    Attributes
    ----------
    pre, post : (n_synapses,) int array
        Indices of the two neurons of each synapse.
    values : (n_synapses,) float array
        In ``unit``.
    unit : str
    initial : (n_synapses,) float array or None
        The weights at the start of the run, where the projection is plastic.
    """

    pre: Int
    post: Int
    values: Float
    unit: str
    initial: Float | None = None

    def __post_init__(self) -> None:
        for name in ("pre", "post", "values", "initial"):
            value = getattr(self, name)
            if value is not None:
                assert np.shape(value) == np.shape(self.pre)
                object.__setattr__(self, name, _read_only(np.asarray(value)))

    def __len__(self) -> int:
        return len(self.values)

    def matrix(self, n_pre: int, n_post: int, missing: float = 0.0) -> Float:
        """Return the weights as a dense matrix; synapses between the same two neurons add up.

        Parameters
        ----------
        n_pre, n_post : int
            Sizes of the two groups.
        missing : float
            Entry where there is no synapse; NaN tells these from synapses of weight 0.

        Returns
        -------
        (n_pre, n_post) float array
            In ``unit``.
        """
        pair = self.pre.astype(np.int64) * n_post + self.post
        summed = np.bincount(pair, self.values, minlength=n_pre * n_post)
        if missing != 0.0:
            summed[np.bincount(pair, minlength=n_pre * n_post) == 0] = missing
        return summed.reshape(n_pre, n_post)

    def __repr__(self) -> str:
        return f"Weights({len(self):,} synapses, {self.unit})"


def _read_only(array: Any) -> np.ndarray:
    """Return a view that cannot be written to, and leave the caller's own array as it is."""
    view: np.ndarray = array.view()
    view.flags.writeable = False
    return view
