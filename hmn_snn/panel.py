"""What all panels share: a figure that needs no window, colours, names that fit, the time axis."""

from __future__ import annotations

import io
from typing import Any, cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from .errors import UnknownNameError
from .recorded import Trace
from .results import Results

# Okabe & Ito's palette (2008), told apart by colour-blind readers too; black and yellow left out, grey and brown added.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F", "#8B4513")


class Picture(Figure):
    """A figure without pyplot: nothing global is kept, no window opens, a notebook shows it all the same."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def axes_or_new(axes: Axes | None, size: tuple[float, float]) -> tuple[Picture, Axes]:
    """Return given axes and their figure, or those of a new figure.

    Parameters
    ----------
    axes : matplotlib.axes.Axes, optional
    size : (float, float) [inch]
        Of a new figure.

    Returns
    -------
    (Picture, matplotlib.axes.Axes)
    """
    if axes is not None:
        return cast(Picture, axes.figure.figure), axes
    figure = Picture(figsize=size, dpi=120, layout="constrained")
    return figure, figure.add_subplot()


def colour(number: int) -> str:
    """Return the colour of the n-th population, member or modulator.

    Parameters
    ----------
    number : int

    Returns
    -------
    str
    """
    return _COLOURS[number % len(_COLOURS)]


def empty(axes: Axes, why: str) -> None:
    """Say in the middle of a panel why there is nothing in it.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    why : str
    """
    axes.text(0.5, 0.5, why, color="0.5", ha="center", va="center", transform=axes.transAxes)
    axes.set_yticks([])


def legend_above(axes: Axes) -> None:
    """Put a legend where it hides nothing: above the right end of a panel.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    """
    longest = max(len(label) for label in axes.get_legend_handles_labels()[1])
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
    axes.legend(fontsize="x-small", frameon=False, ncols=max(1, 70 // (longest + 5)), **place)


def shorten(name: str, length: int = 22) -> str:
    """Return a name that fits beside an axis: start and end of a long one.

    Parameters
    ----------
    name : str
    length : int

    Returns
    -------
    str
    """
    half = length // 2
    return name if len(name) <= length else f"{name[:half]}…{name[-half + 1 :]}"


def recorded_of(results: Results, name: str, variable: str) -> Trace:
    """Return a trace by name.

    Parameters
    ----------
    results : Results
    name, variable : str

    Returns
    -------
    Trace

    Raises
    ------
    UnknownNameError
    """
    if name not in results.traces:
        raise UnknownNameError("recorded object", name, tuple(results.traces))
    if variable not in results.traces[name]:
        raise UnknownNameError(f"recorded variable of {name!r}", variable, tuple(results.traces[name]))
    return results.traces[name][variable]


def time_axis(axes: Axes, results: Results, start: float | None = None) -> None:
    """Set the range and label of a time axis, in s where ms would be long numbers.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    results : Results
    start : float, optional [ms]
        Where the panel does not show the whole run.
    """
    start = results.t_start if start is None else start
    axes.set_xlim(start, max(results.t_stop, start + results.dt))
    axes.set_xlabel("time [ms]")
    if results.t_stop >= 10_000.0:
        axes.set_xlabel("time [s]")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1e3:g}"))
