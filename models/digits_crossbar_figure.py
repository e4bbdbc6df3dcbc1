"""Picture of the digits on crossbars: accuracy against every cause of error, a panel each."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from hmn_snn.panel import Picture, colour

from . import digits_data as data
from .digits_crossbar_experiment import Curve, Curves


def accuracy_curves(found: Curves) -> Picture:
    """Draw accuracy against each cause of error, with 95 % intervals and every seed.

    Values are evenly spaced, whatever they are. The upper row is trained before, the lower one on the devices.

    Parameters
    ----------
    found : Curves

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = [_panels(found, learning) for learning in (False, True)]
    rows = [row for row in rows if row]
    width = max(map(len, rows))
    figure = Picture(figsize=(3.2 * width, 3.1 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), width, sharey=True, squeeze=False)
    for panels, row in zip(axes, rows, strict=True):
        for panel, curves in zip(panels, row, strict=False):
            _panel(panel, curves)
        for panel in panels[len(row) :]:
            panel.set_axis_off()
        when = "learned on the devices" if row[0][0].sweep.learning else "learned before"
        panels[0].set_ylabel(f"test accuracy,\n{when}")
    return figure


def _panels(found: Curves, learning: bool) -> list[list[Curve]]:
    titles: dict[str, list[Curve]] = {}
    for curve in found.curves:
        if curve.sweep.learning == learning:
            titles.setdefault(curve.sweep.title, []).append(curve)
    return list(titles.values())


def _panel(axes: Axes, curves: list[Curve]) -> None:
    for number, curve in enumerate(curves):
        x = np.arange(len(curve.sweep.values)) + 0.03 * (len(curve.sweep.values) - 1) * number
        mean, low, high = curve.intervals.T
        shown = np.isfinite(low)
        error = np.where(shown, [mean - low, high - mean], 0.0)
        label = curve.sweep.curve or None
        axes.errorbar(x, mean, yerr=error, marker="o", markersize=4, capsize=3, color=colour(number), label=label)
        axes.plot(x, curve.accuracies, ".", color=colour(number), markersize=3, alpha=0.35)
    first = curves[0]
    axes.axhline(float(first.ideal.mean()), color="0.4", linewidth=0.8, linestyle="--")
    axes.axhline(1.0 / data.N_CLASSES, color="0.6", linewidth=0.8, linestyle=":")
    axes.set_xticks(range(len(first.sweep.values)), [f"{value:g}" for value in first.sweep.values])
    axes.set(xlabel=first.sweep.label, ylim=(0.0, 1.0))
    axes.set_title(first.sweep.title, fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    if first.sweep.curve:
        axes.legend(fontsize="small", frameon=False, loc="lower left")
