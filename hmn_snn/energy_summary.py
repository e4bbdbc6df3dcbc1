"""Energy as text: the table that ``print(hs.energy(...))`` shows, and one line per device side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .summary import WIDTH, text_table

if TYPE_CHECKING:
    from .energies import Energy, EnergyItem
    from .intervals import Interval

MISSING = "missing"


def energy_table(energy: Energy) -> str:
    """Return the energy of a run as text: one row per kind of event, totals, and what is not known.

    Parameters
    ----------
    energy : Energy

    Returns
    -------
    str
    """
    kinds = dict.fromkeys((item.counter, item.place) for item in energy.items)
    rows = [_row([item for item in energy.items if (item.counter, item.place) == kind]) for kind in kinds]
    rows += [
        [f"static, {item.count} {item.unit}{'' if item.count == 1 else 's'}", None, "device",
         *(_cells(item.energy)), None, item.confidence]
        for item in energy.static_items
    ]  # fmt: skip
    rows += [["", None, None, None, None, None, None], *_totals(energy)]
    headers = ["energy", "events", "where", "incremental", "range", "system", "confidence"]
    return "\n".join([_heading(energy), "", text_table(rows, headers), *_notes(energy)])


def devices_table(energies: Sequence[Energy]) -> str:
    """Return the totals of one run on several devices, one row for each.

    Parameters
    ----------
    energies : sequence of Energy

    Returns
    -------
    str
    """
    rows = []
    for energy in energies:
        static = _cells(energy.static)[0] if energy.static_items else ""
        host = _cells(energy.incremental_on("host"))[0] if energy.host else ""
        rows.append([
            energy.device, *_cells(energy.incremental_on("device")), host, static, *_cells(energy.system),
            energy.confidence, str(len(energy.missing)),
        ])  # fmt: skip
    headers = ["device", "incremental", "range", "host", "static", "system", "range", "confidence", "missing"]
    return text_table(rows, headers)


def _heading(energy: Energy) -> str:
    how = "counted by" if energy.on_device else "not run there: events counted by"
    lines = [
        f"energy of {energy.network!r} on {energy.title}: an estimate from counts, not a measurement",
        f"{energy.duration:g} ms of biological time; {how} {energy.mode}",
    ]
    if energy.time is not None:
        value, span = energy.time.text("s")
        lines.append(f"time on the device: {value}{f' ({span})' if span else ''}")
    return "\n".join(lines)


def _row(items: Sequence[EnergyItem]) -> list[str | None]:
    first = items[0]
    count = f"{sum(item.count for item in items):,.0f}"
    system = _cells(_total([item.system for item in items]))[0] if first.system is not None else None
    if first.included_in:
        return [first.counter, count, first.place, f"in {first.included_in}", None, system, None]
    value, span = _cells(_total([item.incremental for item in items]))
    return [first.counter, count, first.place, value, span, system, first.confidence]


def _totals(energy: Energy) -> list[list[str | None]]:
    sums = [("incremental", "device", energy.incremental_on("device"))]
    if energy.host:
        sums.append(("incremental", f"host ({energy.host})", energy.incremental_on("host")))
    totals = [[kind, None, where, *_cells(total), None, None] for kind, where, total in sums]
    if energy.static_items:
        totals.append(["static", None, "device", *_cells(energy.static), None, None])
    value, span = _cells(energy.system)
    return [*totals, ["system", None, "machine", None, span, value, None]]


def _notes(energy: Energy) -> list[str]:
    notes = [f"system: {energy.system_note}"] if energy.system is not None else []
    notes += [f"missing, and in no total: {what}" for what in energy.missing]
    notes += [f"not as described, and counted so: {what}" for what in energy.altered]
    figures = [item for item in energy.items if item.incremental is not None]
    exact = dict.fromkeys(i.counter for i in figures if i.incremental and i.incremental.low == i.incremental.high)
    if exact:
        notes.append(f"no spread is published, so the range is too narrow: {', '.join(exact)}")
    return ["", *(textwrap.fill(note, WIDTH, subsequent_indent="  ") for note in notes)] if notes else []


def _total(intervals: Sequence[Interval | None]) -> Interval | None:
    known = [interval for interval in intervals if interval is not None]
    return sum(known[1:], known[0]) if known else None


def _cells(interval: Interval | None) -> tuple[str, str]:
    return interval.text("J") if interval is not None else (MISSING, "")
