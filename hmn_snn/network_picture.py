"""The picture of a network: groups as boxes, projections as arrows, and what modulates them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch

from .astrocytes import Astrocytes
from .description import Named
from .inputs import CurrentInput, PoissonInput, SpikeInput
from .modulators import Modulator
from .network import Network
from .oscillators import Entrainment, Oscillator, OscillatorDrive
from .panel import Picture, empty, shorten
from .population import Population, View
from .projection import Projection

Point = tuple[float, float]

_WIDTH, _HEIGHT = 1.7, 0.62  # of a box, inches
_STEP_X, _STEP_Y = 2.9, 1.15  # from box to box
_PER_ROW = 4  # modulators, oscillators and astrocytes
_EXCITATORY, _INHIBITORY, _OTHER = "#0072B2", "#D55E00", "0.45"
# What a box is, and its colours: edge and inside.
_LOOKS: dict[type, tuple[str, str, str]] = {
    Population: ("population", "#0072B2", "#DCEBF5"),
    PoissonInput: ("Poisson input", "0.4", "0.93"),
    SpikeInput: ("given spikes", "0.4", "0.93"),
    CurrentInput: ("current", "0.4", "0.93"),
    Modulator: ("modulator", "#B0578D", "#F7E6F0"),
    Oscillator: ("oscillator", "#B07A00", "#FBF0D5"),
    Astrocytes: ("astrocytes", "#00805B", "#DAF1E8"),
}
_INPUTS, _GUIDES = (PoissonInput, SpikeInput, CurrentInput), (Modulator, Oscillator, Astrocytes)


def network_picture(net: Network) -> Picture:
    """Draw a network: inputs to the left, populations in the order of signals, below what modulates them.

    Parameters
    ----------
    net : Network

    Returns
    -------
    matplotlib.figure.Figure
        Thick arrows are plastic projections, blue ones excitatory and red ones inhibitory; dotted lines lead from
        modulators, oscillators and astrocytes to what they act on.
    """
    places = _places(net)
    figure = Picture(figsize=_size(places), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    if not places:
        empty(axes, "the network is empty")
        return figure
    boxes = {name: _draw_box(axes, net[name], place) for name, place in places.items()}
    middles = _draw_projections(axes, net, places, boxes)
    for start, end in _influences(net):
        target = places.get(end, middles.get(end))
        if start in places and target is not None:
            shade = _LOOKS[type(net[start])][1]
            arrow(axes, places[start], target, 0.08, boxes[start], boxes.get(end), color=shade, linestyle=":")
    _frame(axes, places)
    axes.legend(handles=_handles(net), loc="upper center", bbox_to_anchor=(0.5, -0.01), ncols=4, frameon=False,
                fontsize="small")  # fmt: skip
    return figure


def arrow(
    axes: Axes, start: Point, end: Point, bend: float, first: Patch | None, last: Patch | None, **style: Any
) -> Point:
    """Draw a bent arrow between the edges of two boxes.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Of equal scales.
    start, end : (float, float)
        Middles of the boxes.
    bend : float
        Distance of the curve's control point from the straight line, as a share of its length.
    first, last : matplotlib.patches.Patch or None
        The boxes, where the ends are boxes.
    **style : object
        Of the arrow.

    Returns
    -------
    (float, float)
        Middle of the curve.
    """
    tight = {"shrinkA": 2.0, "shrinkB": 2.0, "mutation_scale": 11.0}
    shape = {"arrowstyle": "-|>", "connectionstyle": f"arc3,rad={bend}"}
    axes.add_patch(FancyArrowPatch(start, end, patchA=first, patchB=last, zorder=1, **{**tight, **shape, **style}))
    (x0, y0), (x1, y1) = start, end
    # A quadratic curve is half-way where its control point pulls it: half of the bend away from the straight line.
    return (x0 + x1) / 2 + bend * (y1 - y0) / 2, (y0 + y1) / 2 - bend * (x1 - x0) / 2


def _places(net: Network) -> dict[str, Point]:
    """Return the middle of each box: columns by the number of synapses from an input, guides in rows below."""
    columns: dict[int, list[str]] = {}
    for name, depth in _depths(net).items():
        columns.setdefault(depth, []).append(name)
    places = {
        name: (depth * _STEP_X, ((len(names) - 1) / 2 - row) * _STEP_Y)
        for depth, names in columns.items()
        for row, name in enumerate(names)
    }
    guides = [str(thing.name) for thing in net.things.values() if isinstance(thing, _GUIDES)]
    below = min((y for _, y in places.values()), default=0.0) - 1.4 * _STEP_Y
    for number, name in enumerate(guides):
        row, column = divmod(number, _PER_ROW)  # every other row is half a box to the right: lines pass between boxes
        places[name] = ((column + 0.5 * (row % 2)) * 0.78 * _STEP_X, below - row * _STEP_Y)
    return places


def _depths(net: Network) -> dict[str, int]:
    """Return the column of each input and population: inputs first, then by the fewest synapses from one."""
    depths = {str(thing.name): 0 for thing in net.things.values() if isinstance(thing, _INPUTS)}
    first = [str(_whole(thing.target).name) for thing in net.of_kind(CurrentInput)]
    frontier = [(name, 0) for name in depths] + [(name, 1) for name in first if name not in depths]
    depths |= dict(frontier)
    while frontier:
        name, depth = frontier.pop(0)
        for projection in net.of_kind(Projection):
            after = str(projection.target.name)
            if projection.source.name == name and after not in depths:
                depths[after] = depth + 1
                frontier.append((after, depth + 1))
    return depths | {str(p.name): depths.get(str(p.name), 1) for p in net.of_kind(Population)}


def _draw_box(axes: Axes, thing: Named, place: Point) -> FancyBboxPatch:
    kind, edge, inside = _LOOKS[type(thing)]
    corner = place[0] - _WIDTH / 2, place[1] - _HEIGHT / 2
    round_corners = "round,pad=0,rounding_size=0.12"
    box = FancyBboxPatch(corner, _WIDTH, _HEIGHT, round_corners, edgecolor=edge, facecolor=inside, zorder=2)
    axes.add_patch(box)
    size = "" if isinstance(thing, (Modulator, CurrentInput)) else f"{thing.size:,} · "  # type: ignore[attr-defined]
    lines = (shorten(str(thing.name), 20), 0.11, 9.0, "black"), (f"{size}{kind}", -0.14, 7.5, "0.35")
    for text, above, points, shade in lines:
        axes.text(place[0], place[1] + above, text, ha="center", va="center", fontsize=points, color=shade, zorder=3)
    return box


def _draw_projections(
    axes: Axes, net: Network, places: dict[str, Point], boxes: dict[str, FancyBboxPatch]
) -> dict[str, Point]:
    """Draw an arrow for each projection; return the middles of the arrows."""
    middles: dict[str, Point] = {}
    drawn: dict[tuple[str, str], int] = {}
    for projection in net.of_kind(Projection):
        pair = str(projection.source.name), str(projection.target.name)
        start, end = (places[name] for name in pair)
        drawn[pair] = number = drawn.get(pair, 0) + 1
        style = {
            "color": _INHIBITORY if projection.receptor == "inhibitory" else _EXCITATORY,
            "linewidth": 2.4 if projection.plasticity is not None else 1.0,
        }
        if start == end:
            middles[str(projection.name)] = _loop(axes, start, 0.5 + 0.3 * number, style)
        else:
            bend = 0.14 * number + (0.1 if abs(start[0] - end[0]) > 1.5 * _STEP_X else 0.0)
            middles[str(projection.name)] = arrow(axes, start, end, bend, boxes[pair[0]], boxes[pair[1]], **style)
    return middles


def _loop(axes: Axes, place: Point, reach: float, style: dict[str, Any]) -> Point:
    """Draw an arrow from the right side of a box back to it."""
    x, half = place[0] + _WIDTH / 2, 0.17
    return arrow(axes, (x, place[1] + half), (x, place[1] - half), -reach / (2 * half), None, None, **style)


def _influences(net: Network) -> Iterator[tuple[str, str]]:
    """Yield what acts on what besides synapses, both by name."""
    for thing in net.things.values():
        name = str(thing.name)
        if isinstance(thing, CurrentInput):
            yield name, str(_whole(thing.target).name)
        elif isinstance(thing, OscillatorDrive):
            yield str(_whole(thing.oscillator).name), str(thing.population.name)
        elif isinstance(thing, Entrainment):
            yield str(_whole(thing.population).name), str(thing.oscillator.name)
        elif isinstance(thing, Astrocytes) and thing.norepinephrine is not None:
            yield str(thing.norepinephrine.name), name
        elif isinstance(thing, Projection):
            if thing.astrocytes is not None:
                yield str(thing.astrocytes.name), name
            if thing.plasticity is not None:
                yield from ((str(modulator.name), name) for modulator in thing.plasticity.modulators)
                if thing.plasticity.gate is not None:
                    yield str(_whole(thing.plasticity.gate.oscillator).name), name


def _whole(end: Any) -> Any:
    return end.parent if isinstance(end, View) else end


def _span(places: Iterable[Point]) -> tuple[float, float, float, float]:
    x, y = zip(*places, strict=True)
    return min(x) - 0.6 * _WIDTH, max(x) + 0.85 * _WIDTH, min(y) - _HEIGHT, max(y) + _HEIGHT


def _size(places: dict[str, Point]) -> Point:
    """Return the size of the figure [inch], in which a box is as large as it should be."""
    left, right, bottom, top = _span(places.values()) if places else (0.0, 4.0, 0.0, 1.0)
    return max(right - left, 5.0), top - bottom + 0.7


def _frame(axes: Axes, places: dict[str, Point]) -> None:
    left, right, bottom, top = _span(places.values())
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")


def _handles(net: Network) -> list[Line2D]:
    """Return the legend's lines for what there is."""
    found = list(net.of_kind(Projection))
    kinds = {p.receptor for p in found}
    handles = [
        Line2D([], [], color=shade, label=kind)
        for kind, shade in (("excitatory", _EXCITATORY), ("inhibitory", _INHIBITORY))
        if kind in kinds
    ]
    if any(p.plasticity is not None for p in found):
        handles.append(Line2D([], [], color="0.2", linewidth=2.4, label="plastic"))
    if any(_influences(net)):
        handles.append(Line2D([], [], color=_OTHER, linestyle=":", label="acts on"))
    return handles
