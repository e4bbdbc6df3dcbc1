"""How far two runs agree: first divergence, shared spikes, spike-train distances, rates and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .divergence import Divergence, SpikeSets, first_divergence, spike_sets
from .errors import DescriptionError
from .recorded import Spikes, Weights
from .results import Results
from .spike_distances import spike_distance, van_rossum, victor_purpura

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PROMISE = 1e-9  # agreement spike for spike is promised until a margin is smaller (mV, or a probability)


@dataclass(frozen=True)
class SpikeAgreement:
    """How far the spikes of a population or input agree.

    Attributes
    ----------
    size : int
        Number of neurons.
    n_a, n_b, n_shared : int
        Spikes in a, in b, and in both, at the same grid time of the same neuron.
    van_rossum, victor_purpura, spike_distance : float
        Means over neurons; NaN where there are none. A neuron silent in both runs has distance 0.
    rate_a, rate_b : float [Hz]
    cv_a, cv_b : float
        Coefficients of variation of the inter-spike intervals.
    """

    size: int
    n_a: int
    n_b: int
    n_shared: int
    van_rossum: float
    victor_purpura: float
    spike_distance: float
    rate_a: float
    rate_b: float
    cv_a: float
    cv_b: float

    @property
    def identical(self) -> bool:
        """Whether the spikes are the same."""
        return self.n_shared == self.n_a == self.n_b

    @property
    def precision(self) -> float:
        """Share of b's spikes that a has; 1 if b has none."""
        return self.n_shared / self.n_b if self.n_b else 1.0

    @property
    def recall(self) -> float:
        """Share of a's spikes that b has; 1 if a has none."""
        return self.n_shared / self.n_a if self.n_a else 1.0

    @property
    def rate_difference(self) -> float:
        """Rate in b minus rate in a [Hz]."""
        return self.rate_b - self.rate_a

    @property
    def cv_difference(self) -> float:
        """Coefficient of variation in b minus that in a; NaN where one run has none."""
        return self.cv_b - self.cv_a


@dataclass(frozen=True)
class WeightAgreement:
    """How far the final weights of a projection agree.

    Attributes
    ----------
    n_synapses : int
    max_abs, rms : float
        Largest and root mean square difference, in ``unit``.
    unit : str
    """

    n_synapses: int
    max_abs: float
    rms: float
    unit: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """How far two runs agree; printing it gives a table.

    Attributes
    ----------
    a, b : Results
    tau : float [ms]
        Of the van Rossum distance.
    q : float [1/ms]
        Of the Victor-Purpura distance.
    weight_tolerance : float
        Largest difference of a weight that still agrees, in the weight's unit.
    spikes : mapping of str to SpikeAgreement
        Of each population and input in both runs.
    weights : mapping of str to WeightAgreement
        Of each projection in both runs.
    divergence : Divergence or None
        None if all spikes are the same.
    incomparable : tuple of str
        What is in one run only, or not the same kind of thing in both.
    """

    a: Results
    b: Results
    tau: float
    q: float
    weight_tolerance: float
    spikes: Mapping[str, SpikeAgreement]
    weights: Mapping[str, WeightAgreement]
    divergence: Divergence | None
    incomparable: tuple[str, ...]

    @property
    def identical_spikes(self) -> bool:
        """Whether all spikes of what is in both runs are the same."""
        return all(entry.identical for entry in self.spikes.values())

    @property
    def max_weight_difference(self) -> float:
        """Largest difference of a weight; 0 if there are none."""
        return float(np.max([entry.max_abs for entry in self.weights.values()], initial=0.0))

    @property
    def agree(self) -> bool:
        """Whether both runs hold the same things, with the same spikes, and weights within the tolerance."""
        same = bool(self.spikes) and not self.incomparable and self.identical_spikes
        return same and all(entry.max_abs <= self.weight_tolerance for entry in self.weights.values())

    @property
    def same_network(self) -> bool:
        """Whether the same numbers went into both runs."""
        return self.a.provenance.network_hash == self.b.provenance.network_hash

    @property
    def margin(self) -> float:
        """Smallest margin of a decision in either run, abs(v - theta) [mV] or abs(u - p); infinite if none."""
        both = self.a.margins + self.b.margins
        return min(both.threshold, both.application)

    @property
    def verdict(self) -> str:
        """What all this means, in a sentence."""
        from .comparison_summary import verdict

        return verdict(self)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the spikes of both runs around the first divergence, and how far each population agrees.

        Parameters
        ----------
        path : str or pathlib.Path, optional
            Where to save it too; the suffix decides the format.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from .panels_comparison import comparison_figure

        figure = comparison_figure(self)
        if path is not None:
            figure.savefig(path)
        return figure

    def __str__(self) -> str:
        from .comparison_summary import comparison_table

        return comparison_table(self)

    def __repr__(self) -> str:
        return f"Comparison({self.verdict!r})"


def compare(a: Results, b: Results, *, tau: float = 10.0, q: float = 0.1, weight_tolerance: float = 1e-9) -> Comparison:
    """Say how far two runs of a network agree, and where they part.

    Spikes are the same if they are of the same neuron at the same time on the grid; nothing is smoothed over.

    Parameters
    ----------
    a, b : Results
        Over the same time; a is what b is measured by (in precision and recall).
    tau : float [ms]
        Time constant of the van Rossum distance.
    q : float [1/ms]
        Cost of moving a spike in the Victor-Purpura distance; adding or deleting one costs 1.
    weight_tolerance : float
        Largest difference of a weight that still agrees, in the weight's unit (nA, or mV at a delta synapse).

    Returns
    -------
    Comparison
        Printing it gives a table, ``plot()`` a figure, ``agree`` the answer.

    Raises
    ------
    DescriptionError
        If the runs are not over the same time.
    """
    dt = min(a.dt, b.dt)
    for edge in ("t_start", "t_stop"):
        mine, other = getattr(a, edge), getattr(b, edge)
        if abs(mine - other) > 1e-6 * dt:
            allowed = f"it is {mine:g} ms in the run that b is compared with; compare runs over the same time"
            raise DescriptionError("compare", f"{edge} of b", other, allowed)
    odd: list[str] = []
    sets = {}
    for name in _in_both("spikes", a.spikes, b.spikes, odd):
        sizes = a.spikes[name].size, b.spikes[name].size
        if sizes[0] == sizes[1]:
            sets[name] = spike_sets(a.spikes[name], b.spikes[name], dt)
        else:
            odd.append(f"{name!r} has {sizes[0]:,} neurons in a and {sizes[1]:,} in b")
    weights = {}
    for name in _in_both("weights", a.weights, b.weights, odd):
        values = aligned_weights(a.weights[name], b.weights[name])
        if values is None:
            odd.append(f"{name!r} does not have the same synapses in a and b")
        else:
            weights[name] = _weight_agreement(*values, a.weights[name].unit)
    return Comparison(
        a, b, tau, q, weight_tolerance,
        spikes={name: _spike_agreement(a, b, name, entry, tau, q) for name, entry in sets.items()},
        weights=weights,
        divergence=first_divergence(a, b, sets, q),
        incomparable=tuple(odd),
    )  # fmt: skip


def aligned_weights(a: Weights, b: Weights) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the weights of the same synapses in the same order, or None if the synapses are not the same.

    Lowering lists synapses by delay in steps, so that a run with another time step may list them in another order.

    Parameters
    ----------
    a, b : Weights

    Returns
    -------
    two (n_synapses,) float arrays, or None
    """
    mine, other = np.lexsort((a.post, a.pre)), np.lexsort((b.post, b.pre))
    if not (np.array_equal(a.pre[mine], b.pre[other]) and np.array_equal(a.post[mine], b.post[other])):
        return None
    return a.values[mine], b.values[other]


def _weight_agreement(a: np.ndarray, b: np.ndarray, unit: str) -> WeightAgreement:
    difference = np.abs(np.asarray(b, dtype=np.float64) - a)
    if not len(difference):
        return WeightAgreement(0, 0.0, 0.0, unit)
    return WeightAgreement(len(difference), float(difference.max()), float(np.sqrt(np.mean(difference**2))), unit)


def _in_both(what: str, a: Mapping[str, object], b: Mapping[str, object], odd: list[str]) -> list[str]:
    """Return the names that both runs have; what only one has is added to the oddities."""
    odd += [f"{what} of {name!r} are only in a" for name in a if name not in b]
    odd += [f"{what} of {name!r} are only in b" for name in b if name not in a]
    return [name for name in a if name in b]


def _spike_agreement(a: Results, b: Results, name: str, entry: SpikeSets, tau: float, q: float) -> SpikeAgreement:
    mine, other, size = a.spikes[name], b.spikes[name], a.spikes[name].size
    time = a.t_start, a.t_stop
    whole_a, whole_b, lone_a, lone_b = map(_trains, (mine, other, entry.only_a, entry.only_b))
    sums = np.zeros(3)
    for k in np.flatnonzero(entry.only_a.counts + entry.only_b.counts):
        # Shared spikes cancel in the first two distances: left out, they cost no time.
        sums += (
            van_rossum(lone_a[k], lone_b[k], tau),
            victor_purpura(lone_a[k], lone_b[k], q),
            spike_distance(np.clip(whole_a[k], *time), np.clip(whole_b[k], *time), *time),
        )
    means = sums / size if size else np.full(3, np.nan)
    return SpikeAgreement(
        size=size,
        n_a=len(entry.shared) + len(entry.only_a),
        n_b=len(entry.shared) + len(entry.only_b),
        n_shared=len(entry.shared),
        van_rossum=float(means[0]),
        victor_purpura=float(means[1]),
        spike_distance=float(means[2]),
        rate_a=mine.rate(*time),
        rate_b=other.rate(*time),
        cv_a=mine.isi_cv(),
        cv_b=other.isi_cv(),
    )


def _trains(spikes: Spikes) -> list[np.ndarray]:
    """Return the sorted spike times of each neuron."""
    order = np.argsort(spikes.i, kind="stable")
    return np.split(spikes.t[order], np.cumsum(spikes.counts)[:-1])
