"""Picture of the digits learned or tested on a chip: how far each condition changes the accuracy, seed by seed."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from hmn_snn.panel import Picture, colour

from .digits_comparison import FLOAT, Comparison

PROMISED = -0.03  # change of accuracy that a chip may cost


def comparison_figure(frozen: Comparison, learned: Comparison, titles: tuple[str, str], chip: str) -> Picture:
    """Draw the change of accuracy in every condition, with 95 % intervals and every seed.

    Parameters
    ----------
    frozen, learned : Comparison
        Learned in float, and on the chip.
    titles : (str, str)
        Of the two panels.
    chip : str
        Conditions with its name are drawn in its colour.

    Returns
    -------
    matplotlib.figure.Figure
    """
    heights = [len(found.answers) for found in (frozen, learned)]
    figure = Picture(figsize=(7.5, 1.8 + 0.33 * sum(heights)), layout="constrained")
    panels = figure.subplots(2, 1, sharex=True, height_ratios=heights)
    for axes, found, title in zip(panels, (frozen, learned), titles, strict=True):
        _panel(axes, found, chip)
        mean, seeds = found.accuracies(FLOAT).mean(), len(found.seeds)
        axes.set_title(f"{title}: {mean:.3f} in float; {seeds} seed{'s' if seeds > 1 else ''}", fontsize="medium")
    panels[-1].set_xlabel("change of test accuracy, with 95 % interval; dots: seeds")
    return figure


def _panel(axes: Axes, found: Comparison, chip: str) -> None:
    names = [name for name in found.answers if name != FLOAT]
    for row, name in enumerate(names):
        mean, low, high = found.change(name)
        shade = colour(1) if chip in name else colour(0)
        error = [[mean - low], [high - mean]] if np.isfinite(low) else None
        axes.errorbar(mean, row, xerr=error, marker="o", markersize=5, capsize=3, color=shade)
        changes = found.accuracies(name) - found.accuracies(FLOAT)
        axes.plot(changes, np.full(len(changes), row), ".", color=shade, markersize=4, alpha=0.4)
    axes.axvline(0.0, color="0.2", linewidth=0.8)
    axes.axvline(PROMISED, color="0.6", linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(names)), names, fontsize="small")
    axes.set_ylim(len(names) - 0.5, -0.5)
    # Linear near 0, where small changes lie, and logarithmic beyond.
    axes.set_xscale("symlog", linthresh=0.05)
    ticks = [-0.8, -0.4, -0.2, -0.1, -0.05, -0.03, 0.0, 0.03]
    axes.set_xticks(ticks, [f"{tick:+g}" if tick else "0" for tick in ticks])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
