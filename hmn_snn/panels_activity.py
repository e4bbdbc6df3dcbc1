"""Panels over time: raster, rates, recorded variables, modulators, phases. Used through ``hmn_snn.plotting``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .errors import UnknownNameError
from .panel import Picture, axes_or_new, colour, empty, legend_above, recorded_of, shorten, time_axis
from .recorded import Spikes, Trace
from .results import Results

MAX_LINES = 6  # more members than this are drawn as a mean and a band
MAX_SAMPLES = 4000  # of a band; a figure has fewer pixels
SPIKES_PER_BIN = 5  # of the busiest population
MAX_CYCLES = 20  # of an oscillation; more could not be told apart


@dataclass(frozen=True)
class _Band:
    """The part of a raster's y axis that a source has."""

    name: str
    spikes: Spikes
    low: float
    high: float
    colour: str


def raster(results: Results, names: Sequence[str] | None = None, axes: Axes | None = None) -> Picture:
    """Draw spikes as dots, time against neuron, the populations stacked.

    Half of the height is shared by size and half equally, so that small populations are seen beside large ones.

    Parameters
    ----------
    results : Results
    names : sequence of str, optional
        Populations and inputs from bottom to top; all if not given.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure if not given.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = axes_or_new(axes, (8.0, raster_height(results) + 0.6))
    bands = _bands(results, names)
    points_high = 72 * figure.get_figheight() * axes.get_position().height
    for band in bands:
        count, height = len(band.spikes), band.high - band.low
        y = band.low + (band.spikes.i + 0.5) * height / band.spikes.size
        style = _marker(count, points_high * height / band.spikes.size)
        axes.plot(band.spikes.t, y, linestyle="none", color=band.colour, rasterized=True, **style)
        if not count:
            middle = (results.t_start + results.t_stop) / 2
            axes.text(middle, (band.low + band.high) / 2, "no spikes", color="0.5", ha="center", va="center")
    for band in bands[1:]:
        axes.axhline(band.low, color="0.85", linewidth=0.8, zorder=0)
    if len(bands) == 1 and bands[0].spikes.size > 1:
        size = bands[0].spikes.size
        ticks = [int(k) for k in MaxNLocator(5, integer=True).tick_values(0, size - 1) if 0 <= k < size]
        axes.set_yticks([(tick + 0.5) / size for tick in ticks], [f"{tick:,}" for tick in ticks])
        axes.set_ylabel(f"{shorten(bands[0].name)}: neuron")
    elif bands:
        labels = [f"{shorten(band.name)} ({band.spikes.size:,})" for band in bands]
        axes.set_yticks([(band.low + band.high) / 2 for band in bands], labels, fontsize="small")
        for label, band in zip(axes.get_yticklabels(), bands, strict=True):
            label.set_color(band.colour)
    else:
        empty(axes, "no neurons")
    axes.set_ylim(0.0, 1.0)
    time_axis(axes, results)
    return figure


def rates(
    results: Results, names: Sequence[str] | None = None, bin_width: float | None = None, axes: Axes | None = None
) -> Picture:
    """Draw the mean rate of each population over time.

    Parameters
    ----------
    results : Results
    names : sequence of str, optional
        As in :func:`raster`, which uses the same colours.
    bin_width : float, optional [ms]
        If not given, about a hundredth of the run, or up to a tenth where spikes are few.
    axes : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = axes_or_new(axes, (8.0, 2.0))
    width = bin_width or _nice_bin(results)
    n_bins = max(1, math.ceil(results.duration / width - 1e-9))
    edges = np.minimum(results.t_start + width * np.arange(n_bins + 1), results.t_stop)
    seconds = np.maximum(np.diff(edges), results.dt) / 1e3
    for band in _bands(results, names):
        # A spike at an edge belongs to the bin before it, as the run's last spike belongs to the run.
        counts = np.diff(np.searchsorted(band.spikes.t, edges, side="right"))
        axes.stairs(counts / (band.spikes.size * seconds), edges, color=band.colour, baseline=None)
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("rate [Hz]")
    axes.set_title(f"mean rates in bins of {width:g} ms", fontsize="small", loc="right")
    time_axis(axes, results)
    return figure


def trace(results: Results, name: str, variable: str, axes: Axes | None = None) -> Picture:
    """Draw a recorded variable: each member's line, or mean and spread where there are many.

    Parameters
    ----------
    results : Results
    name, variable : str
        The object and what was recorded of it.
    axes : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnknownNameError
    """
    recorded = recorded_of(results, name, variable)
    figure, axes = axes_or_new(axes, (8.0, 2.0))
    n = len(recorded.indices)
    if not recorded.values.size:
        empty(axes, "no samples")
    elif n <= MAX_LINES:
        for column, index in enumerate(recorded.indices):
            axes.plot(recorded.t, recorded.values[:, column], label=f"[{index}]", color=colour(column), linewidth=1.0)
        if n > 1:
            legend_above(axes)
    else:
        _band_of_many(axes, recorded)
    axes.set_ylabel(f"{variable} [{recorded.unit}]" if recorded.unit else variable)
    axes.set_title(f"{shorten(name)}: {variable}", fontsize="small", loc="left")
    time_axis(axes, results)
    return figure


def modulators(results: Results, axes: Axes | None = None) -> Picture:
    """Draw the levels of all recorded modulators.

    Parameters
    ----------
    results : Results
    axes : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = axes_or_new(axes, (8.0, 2.0))
    levels = {name: entry["level"] for name, entry in results.traces.items() if "level" in entry}
    for number, (name, level) in enumerate(levels.items()):
        axes.plot(level.t, level.values, color=colour(number), linewidth=1.2, label=shorten(name))
    if any(level.values.size for level in levels.values()):
        legend_above(axes)
        axes.axhline(0.0, color="0.85", linewidth=0.8, zorder=0)
    else:
        empty(axes, "no samples")
    axes.set_ylabel("level")
    axes.set_title("modulators", fontsize="small", loc="left")
    time_axis(axes, results)
    return figure


def phase(results: Results, name: str, preferred: float = 0.0, axes: Axes | None = None) -> Picture:
    """Draw an oscillator's phase and the gate max(0, cos(phase - preferred)) that it opens.

    Of a long run the last cycles are drawn.

    Parameters
    ----------
    results : Results
    name : str
        An oscillator whose ``phase`` was recorded; of a group its first member is drawn.
    preferred : float [rad]
    axes : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UnknownNameError
    """
    recorded = recorded_of(results, name, "phase")
    figure, axes = axes_or_new(axes, (8.0, 2.0))
    member = f", member {recorded.indices[0]}" if len(recorded.indices) > 1 else ""
    axes.set_title(f"{shorten(name)}: phase and gate{member}", fontsize="small", loc="left")
    if not recorded.values.size:
        empty(axes, "no samples")
        time_axis(axes, results)
        return figure
    angle, t = np.unwrap(recorded.values[:, 0]), recorded.t
    cycles = abs(angle[-1] - angle[0]) / (2 * np.pi)
    first = 0
    if cycles > MAX_CYCLES:
        first = int(np.argmax(np.abs(angle[-1] - angle) <= 2 * np.pi * MAX_CYCLES))
        axes.set_title(f"the last {MAX_CYCLES} cycles", fontsize="small", loc="right")
    gate = np.maximum(0.0, np.cos(angle[first:] - preferred))
    axes.fill_between(t[first:], gate, color=colour(0), alpha=0.35, linewidth=0.0)
    axes.set_ylim(0.0, 1.05)
    axes.set_ylabel("gate", color=colour(0))
    turns = axes.twinx()
    wrapped = np.mod(angle[first:], 2 * np.pi)
    wrapped[1:][np.abs(np.diff(wrapped)) > np.pi] = np.nan  # no line across the wrap
    turns.plot(t[first:], wrapped, color="0.4", linewidth=0.8)
    turns.set_ylim(0.0, 2 * np.pi * 1.05)
    turns.set_yticks([0.0, np.pi, 2 * np.pi], ["0", "π", "2π"])
    turns.set_ylabel("phase [rad]", color="0.4")
    time_axis(axes, results, start=results.t_start if first == 0 else float(t[first]))
    return figure


def raster_height(results: Results) -> float:
    """Return how high a raster must be for the names of its populations not to overlap.

    Parameters
    ----------
    results : Results

    Returns
    -------
    float [inch]
    """
    return max(3.2, 0.28 * len(results.spikes))


def _bands(results: Results, names: Sequence[str] | None) -> list[_Band]:
    for name in names or ():
        if name not in results.spikes:
            raise UnknownNameError("population or input", name, tuple(results.spikes))
    groups = [(name, results.spikes[name]) for name in (results.spikes if names is None else names)]
    groups = [(name, spikes) for name, spikes in groups if spikes.size]
    total = sum(spikes.size for _, spikes in groups)
    heights = [0.5 * spikes.size / total + 0.5 / len(groups) for _, spikes in groups]
    edges = np.concatenate([[0.0], np.cumsum(heights)])
    return [_Band(name, spikes, edges[k], edges[k + 1], colour(k)) for k, (name, spikes) in enumerate(groups)]


def _marker(count: int, points: float) -> dict[str, Any]:
    """Return a marker for a number of spikes in rows some points high: a tick, a dot or a pixel."""
    if points >= 3.0:
        return {"marker": "|", "markersize": min(0.8 * points, 12.0), "markeredgewidth": 0.8}
    if count > 20_000:
        return {"marker": ",", "alpha": 0.6}
    return {"marker": ".", "markersize": 3.0 if count < 3000 else 2.0, "markeredgewidth": 0.0}


def _band_of_many(axes: Axes, recorded: Trace) -> None:
    stride = math.ceil(len(recorded.t) / MAX_SAMPLES)
    t, values = recorded.t[::stride], recorded.values[::stride]
    low, high = np.percentile(values, (5, 95), axis=1)
    axes.fill_between(t, low, high, color=colour(0), alpha=0.25, linewidth=0.0)
    axes.plot(t, values.mean(axis=1), color=colour(0), linewidth=1.0)
    note = f"mean and 5 to 95 % of {len(recorded.indices):,} members"
    axes.set_title(note, fontsize="small", loc="right")


def _nice_bin(results: Results) -> float:
    """Return 1, 2 or 5 times a power of ten, for some spikes per bin and at least a step [ms]."""
    busiest = max((len(spikes) for spikes in results.spikes.values()), default=0)
    n_bins = min(max(busiest / SPIKES_PER_BIN, 10), 100)
    wanted = max(results.duration / n_bins, results.dt)
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= wanted * (1 - 1e-9))
