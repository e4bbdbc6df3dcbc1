"""Picture of the hippocampal memory: the recorded experiment on the chip and elsewhere, spike by spike."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes

from hmn_snn.panel import Picture
from hmn_snn.plotting import raster

from .hippocampus_cam import EXPERIMENT_1_DURATION, IL_CONT, IL_CUE, POPULATIONS
from .hippocampus_cam_experiments import EXPERIMENT_1, Repetition
from .hippocampus_cam_memory import RECALL_BY_CONTENT, RECALL_BY_CUE, SHORTEST_INTERVAL, Operation

# From bottom to top, as signals go.
_SHOWN = (IL_CUE, IL_CONT, *POPULATIONS)


def experiment_1_figure(found: Mapping[str, Repetition]) -> Picture:
    """Draw the spikes of the recorded experiment, a panel for each of the numerics.

    Parameters
    ----------
    found : mapping of str to Repetition

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Picture(figsize=(9.0, 4.2 * len(found)), layout="constrained")
    panels = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, run) in zip(panels, found.items(), strict=True):
        raster(run.results, _SHOWN, axes)
        axes.set_title(f"{name}: {run.spikes} spikes", fontsize="medium", loc="left", pad=26)
        _name_operations(axes)
        axes.set_xlim(-1.0, EXPERIMENT_1_DURATION)
        if axes is not panels[-1]:
            axes.set_xlabel("")
    return figure


def _name_operations(axes: Axes) -> None:
    for number, operation in enumerate(EXPERIMENT_1):
        began = number * SHORTEST_INTERVAL
        axes.axvline(began - 0.5, color="0.8", linewidth=0.8, zorder=0)
        place = axes.get_xaxis_transform()
        axes.text(began, 1.01, _caption(operation), fontsize="x-small", color="0.3", va="bottom", transform=place)


def _caption(operation: Operation) -> str:
    contents = " ".join(map(str, sorted(operation.content)))
    if operation.kind == RECALL_BY_CUE:
        return f"cue {operation.cue}?"
    if operation.kind == RECALL_BY_CONTENT:
        return f"content\n{contents}?"
    return f"learn {operation.cue}:\n{contents}"
