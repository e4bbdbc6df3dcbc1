"""Pictures of results. Each function returns a figure, or draws into given axes; :func:`overview` chooses for you.

Figures are made without pyplot: they need no display, open no window, and ``figure.savefig(path)`` writes them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.gridspec import SubplotSpec

from .panel import Picture
from .panels_activity import modulators, phase, raster, raster_height, rates, trace
from .panels_weights import weight_histogram, weight_matrix, weights_over_time
from .results import Results

__all__ = [
    "modulators",
    "overview",
    "phase",
    "raster",
    "rates",
    "trace",
    "weight_histogram",
    "weight_matrix",
    "weights_over_time",
]

Panel = Callable[..., Picture]

MAX_RECORDED = 8
MAX_PROJECTIONS = 2
PANEL_HEIGHT, WEIGHTS_HEIGHT = 1.5, 2.9  # inches


def overview(results: Results) -> Picture:
    """Draw one figure of what a run did: raster and rates, what was recorded, and the weights that learned.

    Parameters
    ----------
    results : Results

    Returns
    -------
    matplotlib.figure.Figure
    """
    recorded = _recorded_panels(results)
    shown, left_out = list(recorded.values())[:MAX_RECORDED], list(recorded)[MAX_RECORDED:]
    panels: list[Panel] = [partial(raster, results), partial(rates, results), *shown]
    heights = [raster_height(results)] + [PANEL_HEIGHT] * (len(panels) - 1)
    learned = sorted(results.plastic, key=lambda name: -len(results.weights[name]))[:MAX_PROJECTIONS]
    height = max(sum(heights), 2 * WEIGHTS_HEIGHT * len(learned)) + 0.6
    figure = Picture(figsize=(13.0 if learned else 9.0, height), dpi=120, layout="constrained")
    figure.suptitle(_title(results), fontsize="medium")
    columns = figure.add_gridspec(1, 2, width_ratios=(2.1, 1.0)) if learned else figure.add_gridspec(1, 1)
    rows = columns[0].subgridspec(len(panels), 1, height_ratios=heights)
    places = [figure.add_subplot(rows[k]) for k in range(len(panels))]
    for panel, place in zip(panels, places, strict=True):
        panel(axes=place)
    _label_time_once(places)
    figure.align_ylabels(places[1:])
    if learned:
        _draw_weights(figure, columns[1], results, learned)
    if left_out:
        figure.supxlabel("recorded, not shown: " + ", ".join(left_out), fontsize="x-small", color="0.4")
    return figure


def _recorded_panels(results: Results) -> dict[str, Panel]:
    """Return a panel for everything recorded, under a name: what guides learning first; all modulators share one."""
    special: dict[str, Panel] = {}
    plain: dict[str, Panel] = {}
    for name, variables in results.traces.items():
        for variable in variables:
            if variable == "level":
                special["modulators"] = partial(modulators, results)
            elif variable == "phase":
                special[f"{name}: phase"] = partial(phase, results, name)
            elif variable == "weight":
                special[f"{name}: weights"] = partial(weights_over_time, results, name)
            else:
                plain[f"{name}: {variable}"] = partial(trace, results, name, variable)
    return special | plain


def _label_time_once(places: list[Axes]) -> None:
    """Keep the time labels of the last panel, and of each whose next neighbour shows another stretch of time."""
    for place, below in pairwise(places):
        if place.get_xlim() == below.get_xlim():
            place.set_xlabel("")
            place.tick_params(labelbottom=False)


def _draw_weights(figure: Picture, column: SubplotSpec, results: Results, names: list[str]) -> None:
    used = 2 * WEIGHTS_HEIGHT * len(names)
    spare = max(figure.get_figheight() - used, 0.01)  # leave the rest of a high figure empty
    rows = column.subgridspec(2 * len(names) + 1, 1, height_ratios=[WEIGHTS_HEIGHT] * 2 * len(names) + [spare])
    for k, name in enumerate(names):
        weight_matrix(results, name, axes=figure.add_subplot(rows[2 * k]))
        weight_histogram(results, name, axes=figure.add_subplot(rows[2 * k + 1]))


def _title(results: Results) -> str:
    stamp, duration = results.provenance, results.duration
    time = f"{duration / 1e3:g} s" if duration >= 10_000.0 else f"{duration:g} ms"
    return f"{results.name}: {time} on {stamp.backend} ({stamp.executor}, {stamp.precision})"
