"""The pictures of a report: rasters, weights, learning curves, energy bars; each small enough for a narrow page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from .energies import Energy
from .intervals import Interval
from .panel import Picture, axes_or_new, colour, empty, legend_above, shorten, time_axis
from .panels_activity import raster, raster_height
from .reporting import Report, Target
from .results import Results

MAX_PROJECTIONS = 4  # whose weights are drawn
BINS = 25
_WIDTH, _DPI = 4.8, 150  # inches; twice as many pixels as a column of the page
# The figures of an energy, with what each is.
ENERGIES: dict[str, tuple[str, Callable[[Energy], Interval | None]]] = {
    "incremental": ("what the counted operations take, on device and host", lambda found: found.incremental),
    "static": ("idle power times time on the device", lambda found: found.static),
    "system": ("by whole machines, as measured per event", lambda found: found.system),
}


def raster_picture(results: Results) -> Picture:
    """Draw the spikes of one target.

    Parameters
    ----------
    results : Results

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _new(raster_height(results) + 0.4)
    return raster(results, axes=axes) if results.spikes else _nothing(figure, axes, "no spikes were recorded")


def learned_projections(report: Report) -> tuple[list[str], int]:
    """Return the projections whose weights are drawn, the largest that learn, and how many are left out.

    Parameters
    ----------
    report : Report

    Returns
    -------
    names : list of str
    left_out : int
    """
    sizes: dict[str, int] = {}
    for target in report.with_results:
        assert target.results is not None
        for name, weights in target.results.weights.items():
            if weights.initial is not None:
                sizes[name] = max(sizes.get(name, 0), len(weights))
    names = sorted(sizes, key=lambda name: -sizes[name])
    return names[:MAX_PROJECTIONS], len(names[MAX_PROJECTIONS:])


def weight_edges(targets: Sequence[Target], name: str) -> np.ndarray:
    """Return the bins of a projection's weights, the same on all targets, before and after.

    Parameters
    ----------
    targets : sequence of Target
    name : str

    Returns
    -------
    (n + 1,) float array
    """
    entries = [t.results.weights[name] for t in targets if t.results is not None and name in t.results.weights]
    arrays = [values for entry in entries for values in (entry.values, entry.initial) if values is not None]
    found = np.concatenate(arrays) if arrays else np.zeros(0)
    return np.histogram_bin_edges([found.min(), found.max()] if len(found) else [], BINS)


def histogram_picture(results: Results, name: str, edges: np.ndarray) -> Picture:
    """Draw how a projection's weights are distributed on one target, before and after.

    Parameters
    ----------
    results : Results
    name : str
    edges : (n + 1,) float array
        Of the bins.

    Returns
    -------
    matplotlib.figure.Figure
    """
    weights = results.weights[name]
    figure, axes = _new(2.6)
    if weights.initial is not None:
        axes.stairs(np.histogram(weights.initial, edges)[0], edges, fill=True, color="0.7", label="before")
    axes.stairs(np.histogram(weights.values, edges)[0], edges, color=colour(0), linewidth=1.4, label="after")
    axes.set_xlabel(f"weight [{weights.unit}]")
    axes.set_ylabel("synapses")
    legend_above(axes)
    return figure


def learning_picture(targets: Sequence[Target], name: str) -> Picture:
    """Draw how a projection's mean weight changes on each target: as recorded, else from before to after.

    Parameters
    ----------
    targets : sequence of Target
    name : str

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _new(3.2)
    shown = [(number, t) for number, t in enumerate(targets) if t.results is not None and name in t.results.weights]
    unit = ""
    for number, target in shown:
        assert target.results is not None
        _learning_line(axes, target.results, name, target.title, number)
        unit = target.results.weights[name].unit
        time_axis(axes, target.results)
    axes.set_ylabel(f"mean weight [{unit}]")
    axes.legend(fontsize="x-small", frameon=False, loc="upper left", bbox_to_anchor=(-0.1, -0.2), ncols=2)
    return figure


def _learning_line(axes: Axes, results: Results, name: str, label: str, number: int) -> None:
    """Draw one target's line; each later one thinner, so that those that are the same are all seen."""
    wide = max(1.2, 5.0 - 1.1 * number)
    style: dict[str, Any] = {"color": colour(number), "linewidth": wide, "label": shorten(label, 34)}
    recorded = results.traces.get(name, {}).get("weight")
    if recorded is not None and recorded.values.size:
        axes.plot(recorded.t, recorded.values.mean(axis=1), **style)
        return
    weights = results.weights[name]
    if weights.initial is not None and len(weights):
        means = [weights.initial.mean(), weights.values.mean()]
        axes.plot([results.t_start, results.t_stop], means, linestyle="--", marker="o", markersize=4, **style)


def energy_picture(targets: Sequence[Target], kind: str) -> Picture:
    """Draw one figure of every target's energy as a bar with its range.

    Parameters
    ----------
    targets : sequence of Target
    kind : str
        One of ``ENERGIES``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    of = ENERGIES[kind][1]
    found = [None if target.energy is None else of(target.energy) for target in targets]
    figure, axes = _new(0.8 + 0.5 * len(targets))
    positive = [end for i in found if i is not None for end in (i.low, i.value) if end > 0.0]
    if not positive:
        return _nothing(figure, axes, "nothing was counted" if any(found) else "no figure is known")
    start = 10.0 ** np.floor(np.log10(min(positive)) - 0.3)
    axes.set_xscale("log")
    for row, interval in enumerate(found):
        text = "no figure is known" if interval is None else interval.text("J")[0]
        if interval is not None and interval.value > 0.0:
            axes.barh(row, interval.value - start, left=start, height=0.55, color=colour(row), alpha=0.85)
            ends = [max(interval.low, start), interval.high]
            axes.plot(ends, [row, row], color="0.2", linewidth=1.2, marker="|", markersize=7)
        place = start if interval is None or interval.value <= 0.0 else max(interval.high, start)
        axes.annotate(text, (place, row), (5, 0), textcoords="offset points", va="center", fontsize="small")
    axes.set_xlim(start, 30.0 * max(interval.high for interval in found if interval is not None))
    axes.set_yticks(range(len(targets)), [_two_lines(target) for target in targets], fontsize="small")
    axes.set_ylim(len(targets) - 0.4, -0.6)
    axes.xaxis.set(major_locator=LogLocator(numticks=5), minor_locator=NullLocator(), major_formatter=EngFormatter("J"))
    axes.set_xlabel("energy, logarithmic")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _two_lines(target: Target) -> str:
    """Return a target's name above what really ran."""
    assert target.results is not None
    stamp = target.results.provenance
    return f"{shorten(target.label, 18)}\n{stamp.executor}, {stamp.precision}"


def _new(height: float) -> tuple[Picture, Axes]:
    figure = Picture(figsize=(_WIDTH, height), dpi=_DPI, layout="constrained")
    return axes_or_new(figure.add_subplot(), (_WIDTH, height))


def _nothing(figure: Picture, axes: Axes, why: str) -> Picture:
    empty(axes, why)
    axes.set_xticks([])
    return figure
