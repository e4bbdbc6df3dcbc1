"""The picture of a comparison: both runs around the first divergence, and how far each population agrees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from .comparison import Comparison
from .divergence import Divergence, spike_sets
from .panel import Picture, colour, empty, legend_above, shorten, time_axis

MAX_ROWS = 60  # neurons of the raster, around the one that diverged
MAX_SPIKES = 60  # of each run, in the time that the raster shows around the divergence ...
MIN_LONE = 8  # ... unless it takes longer, up to four times, until so many spikes are in one run only
_RASTER, _VOLTAGE, _BAR = 3.4, 1.6, 0.3  # inches
_RUNS = ("a", "b")
_LONE_STYLE = {"marker": "|", "markersize": 6.0, "markeredgewidth": 1.6}


def comparison_figure(comparison: Comparison) -> Picture:
    """Draw the spikes of both runs around the first divergence, and how far each population agrees.

    The raster shows the population that diverged first, or all of the busiest one where nothing diverged.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    matplotlib.figure.Figure
    """
    first = comparison.divergence
    heights = [_RASTER, *([_VOLTAGE] if _shows_v(first) else []), 0.9 + _BAR * max(2, len(comparison.spikes))]
    figure = Picture(figsize=(9.0, sum(heights) + 0.5), dpi=120, layout="constrained")
    figure.suptitle(_title(comparison), fontsize="medium")
    rows = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    raster = figure.add_subplot(rows[0])
    _draw_raster(comparison, raster)
    if first is not None and _shows_v(first):
        _draw_v(comparison, first, figure.add_subplot(rows[1], sharex=raster))
        raster.set_xlabel("")
        raster.tick_params(labelbottom=False)
    columns = rows[-1].subgridspec(1, 2)
    shares = figure.add_subplot(columns[0])
    rates = figure.add_subplot(columns[1], sharey=shares)
    _draw_bars(comparison, shares, {"of a's (recall)": "recall", "of b's (precision)": "precision"})
    shares.set_xlim(0.0, 1.0)
    shares.set_xlabel("share of spikes that are in both")
    _draw_bars(comparison, rates, {"a": "rate_a", "b": "rate_b"})
    rates.set_xlabel("mean rate [Hz]")
    rates.tick_params(labelleft=False)
    return figure


def _shows_v(first: Divergence | None) -> bool:
    return first is not None and first.t_sample is not None


def _title(comparison: Comparison) -> str:
    backends = [run.provenance.backend for run in (comparison.a, comparison.b)]
    outcome = "agree" if comparison.agree else "differ"
    first = comparison.divergence
    where = ""
    if first is not None:
        where = f", first in neuron {first.neuron:,} of {shorten(first.population)} at {first.t:g} ms"
    return f"{comparison.a.name}: a ({backends[0]}) and b ({backends[1]}) {outcome}{where}"


def _draw_raster(comparison: Comparison, axes: Axes) -> None:
    """Draw shared spikes in grey, and those of one run only in that run's colour: a's above b's."""
    time_axis(axes, comparison.a)
    name, first = _population(comparison), comparison.divergence
    if name is None:
        empty(axes, "no neurons in both runs")
        return
    a, b = comparison.a.spikes[name], comparison.b.spikes[name]
    low = 0 if first is None else max(0, min(first.neuron - MAX_ROWS // 2, a.size - MAX_ROWS))
    high = a.size if first is None else min(a.size, low + MAX_ROWS)
    sets = spike_sets(a, b, min(comparison.a.dt, comparison.b.dt))
    thick = float(np.clip(0.6 * 72 * _RASTER / (high - low), 3.0, 12.0))
    layers = [("in both", sets.shared, "0.7", 0.0)]
    layers += [("only in a", sets.only_a, colour(0), 0.2), ("only in b", sets.only_b, colour(1), -0.2)]
    for label, spikes, shade, above in layers:
        rows = (spikes.i >= low) & (spikes.i < high)
        # The few that are not shared must be seen among many that are.
        style: dict[str, Any] = {"marker": "|", "markersize": thick} if above == 0.0 else _LONE_STYLE
        y = spikes.i[rows] + above
        axes.plot(spikes.t[rows], y, linestyle="none", color=shade, label=label, rasterized=True, **style)
    if first is not None:
        axes.axvline(first.t, color="0.3", linewidth=0.8, linestyle=":", zorder=0)
        near = [run.t[(run.i >= low) & (run.i < high)] for run in (a, b)]
        lone = np.concatenate([run.t[(run.i >= low) & (run.i < high)] for run in (sets.only_a, sets.only_b)])
        axes.set_xlim(*_window(comparison, first, near, lone))
    axes.set_ylim(low - 0.7, high - 0.3)
    axes.yaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
    axes.set_ylabel(f"{shorten(name)}: neuron")
    legend_above(axes)


def _population(comparison: Comparison) -> str | None:
    """Return the population to show: the one that diverged, or the busiest."""
    if comparison.divergence is not None:
        return comparison.divergence.population
    counts = {name: entry.n_a for name, entry in comparison.spikes.items() if entry.size}
    return max(counts, key=lambda name: counts[name], default=None)


def _window(
    comparison: Comparison, first: Divergence, times: Sequence[np.ndarray], lone: np.ndarray
) -> tuple[float, float]:
    """Return a stretch of time around the divergence that holds a number of spikes, and no more than the run."""
    a = comparison.a
    half = a.duration / 2
    for t in times:
        away = np.sort(np.abs(t - first.t))
        if len(away) > MAX_SPIKES:
            half = min(half, float(away[MAX_SPIKES]))
    until = np.sort(lone)[:MIN_LONE][-1] - first.t
    half = max(half, min(4.0 * half, until))
    half = max(half, 20.0 * a.dt, 2.0 * abs(first.shift or 0.0))
    return max(a.t_start, first.t - half), min(a.t_stop, first.t + half)


def _draw_v(comparison: Comparison, first: Divergence, axes: Axes) -> None:
    """Draw the membrane potential of the neuron that diverged, in both runs."""
    for number, (label, run) in enumerate(zip(_RUNS, (comparison.a, comparison.b), strict=True)):
        v = run.traces[first.population]["v"]
        column = int(np.flatnonzero(v.indices == first.neuron)[0])
        line: dict[str, Any] = {"linewidth": 1.6 - 0.8 * number, "linestyle": "-" if number == 0 else "--"}
        axes.plot(v.t, v.values[:, column], color=colour(number), label=label, **line)
    axes.axvline(first.t, color="0.3", linewidth=0.8, linestyle=":", zorder=0)
    axes.set_ylabel(f"v of neuron {first.neuron:,} [mV]")
    axes.set_xlabel("time [ms]")
    legend_above(axes)


def _draw_bars(comparison: Comparison, axes: Axes, bars: Mapping[str, str]) -> None:
    """Draw two bars per population, the first population on top; a bar has a label and shows an attribute."""
    places = np.arange(len(comparison.spikes))
    for number, (label, attribute) in enumerate(bars.items()):
        values = np.nan_to_num([getattr(entry, attribute) for entry in comparison.spikes.values()])
        axes.barh(places + 0.4 * number - 0.2, values, 0.4, color=colour(number), label=label)
    if not len(places):
        empty(axes, "no populations in both runs")
        return
    axes.set_yticks(places, [shorten(name) for name in comparison.spikes], fontsize="small")
    axes.set_ylim(len(places) - 0.5, -0.5)
    legend_above(axes)
