"""Panels of weights: matrix, histogram before and after, distribution over time. Used through ``hmn_snn.plotting``."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm

from .errors import UnknownNameError
from .panel import Picture, axes_or_new, colour, empty, legend_above, recorded_of, shorten, time_axis
from .recorded import Weights
from .results import Results

MAX_PIXELS = 400  # of a matrix's side; larger ones are averaged over blocks
MAX_BINS = 50


def weight_matrix(results: Results, name: str, axes: Axes | None = None) -> Picture:
    """Draw a projection's final weights, source neuron against target neuron.

    Pairs without a synapse are grey; a large matrix is averaged over blocks of neurons.

    Parameters
    ----------
    results : Results
    name : str
        Of the projection.
    axes : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnknownNameError
    """
    weights = _weights(results, name)
    figure, axes = axes_or_new(axes, (4.5, 4.0))
    axes.set_title(f"{shorten(name, 34)}: final weights", fontsize="small", loc="left")
    if not len(weights):
        empty(axes, "no synapses")
        axes.set_xticks([])
        return figure
    n_pre, n_post = int(weights.pre.max()) + 1, int(weights.post.max()) + 1
    block = math.ceil(max(n_pre, n_post) / MAX_PIXELS)
    rows, columns = math.ceil(n_pre / block), math.ceil(n_post / block)
    cell = (weights.pre // block).astype(np.int64) * columns + weights.post // block
    count = np.bincount(cell, minlength=rows * columns)
    total = np.bincount(cell, weights.values, minlength=rows * columns)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(rows, columns)
    axes.set_facecolor("0.88")
    extent = (-0.5, columns * block - 0.5, -0.5, rows * block - 0.5)
    image = axes.imshow(mean, origin="lower", aspect="auto", interpolation="nearest", extent=extent, cmap="viridis")
    figure.colorbar(image, ax=axes, label=f"weight [{weights.unit}]" + f", mean of {block} x {block}" * (block > 1))
    axes.set_xlabel("target neuron")
    axes.set_ylabel("source neuron")
    for axis, n in ((axes.xaxis, n_post), (axes.yaxis, n_pre)):
        axis.get_major_locator().set_params(integer=True, nbins=min(n, 6))  # type: ignore[call-arg]
    return figure


def weight_histogram(results: Results, name: str, axes: Axes | None = None) -> Picture:
    """Draw how a projection's weights are distributed, before the run (where they could change) and after it.

    Parameters
    ----------
    results : Results
    name : str
        Of the projection.
    axes : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnknownNameError
    """
    weights = _weights(results, name)
    figure, axes = axes_or_new(axes, (4.5, 3.0))
    axes.set_title(f"{shorten(name, 34)}: weights", fontsize="small", loc="left")
    if not len(weights):
        empty(axes, "no synapses")
        axes.set_xticks([])
        return figure
    both = [weights.values] if weights.initial is None else [weights.values, weights.initial]
    low, high = min(v.min() for v in both), max(v.max() for v in both)
    edges = _edges(np.array([low, high]), len(weights))
    axes.stairs(np.histogram(weights.values, edges)[0], edges, color=colour(0), linewidth=1.4, label="after", zorder=2)
    if weights.initial is not None:
        axes.stairs(np.histogram(weights.initial, edges)[0], edges, fill=True, color="0.7", label="before")
        axes.legend(fontsize="x-small", frameon=False)
    axes.set_xlabel(f"weight [{weights.unit}]")
    axes.set_ylabel("synapses")
    return figure


def weights_over_time(results: Results, name: str, axes: Axes | None = None) -> Picture:
    """Draw how the distribution of a projection's recorded weights changes: darker means more synapses.

    Parameters
    ----------
    results : Results
    name : str
        A projection whose ``weight`` was recorded.
    axes : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnknownNameError
    """
    recorded = recorded_of(results, name, "weight")
    figure, axes = axes_or_new(axes, (8.0, 2.0))
    axes.set_title(f"{shorten(name)}: weights over time", fontsize="small", loc="left")
    axes.set_ylabel(f"weight [{recorded.unit}]")
    time_axis(axes, results)
    if not recorded.values.size:
        empty(axes, "no samples")
        return figure
    stride = math.ceil(len(recorded.t) / MAX_PIXELS)
    t, values = recorded.t[::stride], recorded.values[::stride]
    edges = _edges(values, values.shape[1])
    counts = np.stack([np.histogram(row, edges)[0] for row in values])
    until = np.append(t, results.t_stop if len(t) == 1 else max(results.t_stop, t[-1] + 1e-9))
    axes.pcolormesh(until, edges, counts.T, cmap="Blues", norm=PowerNorm(0.5), rasterized=True)
    axes.plot(t, values.mean(axis=1), color=colour(1), linewidth=1.2, label="mean")
    legend_above(axes)
    return figure


def _edges(values: np.ndarray, n: int) -> np.ndarray:
    """Return bins over the range of some values: fewer where there are few synapses."""
    n_bins = int(np.clip(np.sqrt(n), 10, MAX_BINS))
    return np.histogram_bin_edges([values.min(), values.max()], n_bins)


def _weights(results: Results, name: str) -> Weights:
    if name not in results.weights:
        raise UnknownNameError("projection", name, tuple(results.weights))
    return results.weights[name]
