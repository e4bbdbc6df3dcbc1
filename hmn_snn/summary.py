"""Readable tables: what ``print(net)`` shows, and the plain text table that results and the command line share."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .astrocytes import Astrocytes
from .connectors import FromArrays
from .description import Description, Named
from .inputs import CurrentInput, PoissonInput, SpikeInput, Steps
from .modulators import Modulator
from .network import Network
from .neurons import LIF
from .oscillators import Entrainment, Oscillator, OscillatorDrive
from .population import Population, View
from .projection import Projection
from .recording import Recording

WIDTH = 120
_GAP = "  "
_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(e[-+]?\d+)?%?|[-+]?inf|nan|-")
# Shown even where they have their default value; all other parameters only where they do not.
_KEY_PARAMETERS: Mapping[type, tuple[str, ...]] = {
    LIF: ("tau_m", "v_thresh", "tau_syn_E", "tau_syn_I"),
    Modulator: ("tau",),
    Oscillator: ("frequency",),
    Astrocytes: ("clock",),
    OscillatorDrive: ("phase",),
    Entrainment: ("strength",),
}


def network_table(network: Network) -> str:
    """Return a network as aligned text, one section per kind of object.

    Parameters
    ----------
    network : Network

    Returns
    -------
    str
        At most 120 columns wide.
    """
    sections: list[tuple[str, Sequence[str], list[Sequence[Any]]]] = [
        ("populations and inputs", ("name", "kind", "size", "parameters"), _groups(network)),
        ("projections", ("name", "pre -> post", "connector", "weight", "delay", "receptor"),
         [_projection(p) for p in network.of_kind(Projection)]),
        ("learning and astrocytes", ("projection", "rule", "parameters"),
         [_learning(p) for p in network.of_kind(Projection) if p.plasticity is not None or p.astrocytes is not None]),
        ("modulators", ("name", "parameters"), [(m.name, _parameters(m)) for m in network.of_kind(Modulator)]),
        ("oscillators", ("name", "kind", "size", "parameters"), _oscillators(network)),
        ("astrocytes", ("name", "cell", "size", "parameters"),
         [(a.name, type(a.cell).__name__, a.size, _join(_parameters(a, ("size", "cell")), _parameters(a.cell)))
          for a in network.of_kind(Astrocytes)]),
        ("recordings", ("object", "variable", "members", "every"), [_recording(r) for r in network.recordings]),
    ]  # fmt: skip
    tables = [f"{title}\n{text_table(rows, headers)}" for title, headers, rows in sections if rows]
    return "\n\n".join([_header(network), *tables])


def text_table(rows: Sequence[Sequence[Any]], headers: Sequence[str], width: int = WIDTH) -> str:
    """Return rows as aligned text: numbers to the right, long texts wrapped.

    Parameters
    ----------
    rows : sequence of sequences
        Cells are written with ``str``; None is left empty.
    headers : sequence of str
        One per column.
    width : int
        Columns of text at most; only texts can be wrapped.

    Returns
    -------
    str
        Without a line break at the end.

    Examples
    --------
    >>> print(text_table([("exc", 50), ("inh", 1200)], ("name", "size")))
    name  size
    ----  ----
    exc     50
    inh   1200
    """
    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    columns = [[row[k] for row in cells] for k in range(len(headers))]
    right = [any(column) and all(_NUMBER.fullmatch(cell) for cell in column if cell) for column in columns]
    widths = [max(map(len, (header, *column))) for header, column in zip(headers, columns, strict=True)]
    words = [max(map(len, " ".join((h, *column)).split())) for h, column in zip(headers, columns, strict=True)]
    for least in (words, [min(longest, 12) for longest in words]):  # words are broken only where nothing else helps
        _shrink(widths, [w if r else low for w, r, low in zip(widths, right, least, strict=True)], width)
    lines = _wrapped(headers, widths, right) + _wrapped(["-" * w for w in widths], widths, right)
    for row in cells:
        lines += _wrapped(row, widths, right)
    return "\n".join(lines)


def _shrink(widths: list[int], least: Sequence[int], total: int) -> None:
    """Narrow the widest columns, in place, until the table has its total width or no column can give more."""
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - total
    for _ in range(excess):
        able = [k for k in range(len(widths)) if widths[k] > least[k]]
        if not able:
            return
        widths[max(able, key=lambda k: widths[k])] -= 1


def _wrapped(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    """Return a row as lines of text."""
    parts = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=True)]
    depth = max(map(len, parts), default=0)
    return [_line([part[d] if d < len(part) else "" for part in parts], widths, right) for d in range(depth)]


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = (c.rjust(w) if r else c.ljust(w) for c, w, r in zip(cells, widths, right, strict=True))
    return _GAP.join(padded).rstrip()


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is 1.

    Parameters
    ----------
    n : int
    noun : str

    Returns
    -------
    str
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def _header(network: Network) -> str:
    populations = list(network.of_kind(Population))
    n_neurons = sum(p.size for p in populations)
    counts = (
        (len(populations), "population"),
        (n_neurons, "neuron"),
        (len([t for t in network.things.values() if isinstance(t, (PoissonInput, SpikeInput, CurrentInput))]), "input"),
        (len(list(network.of_kind(Projection))), "projection"),
    )
    listed = ", ".join(counted(n, noun) for n, noun in counts)
    return f"network {network.name!r}: {listed}; dt {network.dt:g} ms, seed {network.seed}"


def _groups(network: Network) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = []
    for thing in network.things.values():
        if isinstance(thing, Population):
            parameters = _join(_parameters(thing.cell), _parameters(thing, ("size", "cell")))
            rows.append((thing.name, type(thing.cell).__name__, thing.size, parameters))
        elif isinstance(thing, SpikeInput):
            n_spikes = sum(map(len, thing.spike_times))
            rows.append((thing.name, "spikes", thing.size, f"{n_spikes:,} spikes"))
        elif isinstance(thing, PoissonInput):
            rows.append((thing.name, "Poisson", thing.size, _parameters(thing, ("size",))))
        elif isinstance(thing, CurrentInput):
            rows.append((thing.name, "current", len(thing.target), _parameters(thing)))
    return rows


def _oscillators(network: Network) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = [
        (o.name, "oscillator", o.size, _parameters(o, ("size",))) for o in network.of_kind(Oscillator)
    ]
    rows += [(d.name, "drive", None, _parameters(d)) for d in network.of_kind(OscillatorDrive)]
    rows += [(e.name, "entrainment", None, _parameters(e)) for e in network.of_kind(Entrainment)]
    return rows


def _projection(projection: Projection) -> Sequence[Any]:
    connector = projection.connector
    pairs = f"FromArrays, {len(connector.pre):,} pairs" if isinstance(connector, FromArrays) else _text(connector)
    return (
        projection.name,
        f"{projection.pre.name} -> {projection.post.name}",
        pairs,
        _text(projection.weight, projection.weight_unit),
        _text(projection.delay, "ms"),
        projection.receptor,
    )


def _learning(projection: Projection) -> Sequence[Any]:
    rule = "static" if projection.plasticity is None else type(projection.plasticity).__name__
    glia = "" if projection.astrocytes is None else f"astrocytes {projection.astrocytes.name}"
    return projection.name, rule, _join(_parameters(projection.plasticity), glia)


def _recording(recording: Recording) -> Sequence[Any]:
    target = recording.target
    members = f"{len(target):,}" if isinstance(target, View) else "all"
    return recording.group.name, recording.variable, members, _text(recording.every, "ms") if recording.every else "dt"


def _join(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _parameters(thing: Any, skip: tuple[str, ...] = ()) -> str:
    """Return an object's key parameters and those that do not have their default value, with units."""
    if not isinstance(thing, Description):
        return ""
    units = {name: spec.unit for name, spec in thing.quantities()}
    always = _KEY_PARAMETERS.get(type(thing), ())
    parts = []
    for item in dataclasses.fields(thing):  # type: ignore[arg-type]
        if not item.init or item.name == "name" or item.name in skip:
            continue
        value = getattr(thing, item.name)
        if item.name in always or not _is_default(item, value):
            parts.append(f"{item.name} {_text(value, units.get(item.name, ''))}")
    return ", ".join(parts)


def _is_default(item: dataclasses.Field[Any], value: Any) -> bool:
    default = item.default_factory() if item.default_factory is not dataclasses.MISSING else item.default
    if default is dataclasses.MISSING:
        return False
    if isinstance(value, np.ndarray) or isinstance(default, np.ndarray):
        return np.array_equal(value, default)
    return bool(value == default)


def _text(value: Any, unit: str = "") -> str:
    """Return a value in a few words, with its unit."""
    unit = f" {unit}" if unit else ""
    if isinstance(value, (Named, View)):
        return str(value.name)
    if isinstance(value, Steps):
        return f"{len(value.times):,} steps, {_span(value.values)}{unit}"
    if isinstance(value, Description):
        return f"{_call(value)}{unit}"
    if isinstance(value, np.ndarray):
        return f"{_span(value)}{unit} ({value.size:,} values)"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(value[key], LIF.initial.get(key, ''))}" for key in sorted(value))
    if isinstance(value, tuple):
        named = all(isinstance(member, Named) for member in value)
        return " + ".join(map(_text, value)) if named else f"({len(value):,})"
    return f"{value:g}{unit}" if isinstance(value, float) else f"{value}{unit}"


def _span(values: Any) -> str:
    if np.size(values) == 0:
        return "none"
    low, high = np.min(values), np.max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _call(part: Description) -> str:
    """Return a part as the call that makes it, without the arguments that have their default value."""
    arguments = []
    for item in dataclasses.fields(part):  # type: ignore[arg-type]
        value = getattr(part, item.name)
        if item.default is dataclasses.MISSING:
            arguments.append(_text(value))
        elif not _is_default(item, value):
            arguments.append(f"{item.name}={_text(value)}")
    return f"{type(part).__name__}({', '.join(arguments)})" if arguments else type(part).__name__
