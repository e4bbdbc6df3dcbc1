"""Energy of a run on a device: the ledger's events times the constants of a cost table, with their ranges.

Everything here is an estimate from counts, also where the counts come from hardware. Three figures stand side by side
and are not to be added up blindly:

- *incremental*: energy per operation times operations, what one more event costs a machine that is already on;
- *static*: power of the hardware while it does nothing, times the time that the run takes on it;
- *system*: what whole machines took per synaptic event in published measurements, idle power and neurons included. It
  holds for a machine as full as the measured one.

Each is an :class:`~hmn_snn.intervals.Interval`. Events of one kind share a constant, so their errors move together and
the range of their sum is the sum of the ranges; constants of different kinds are treated the same way, as if all were
at the same end at once. That is the widest range: true totals lie inside if the constants' ranges are right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from .costs.table import CONFIDENCES, STATIC, CostTable, Row, cost_table
from .errors import DescriptionError, UnknownNameError
from .intervals import ZERO, Interval
from .ledger import Ledger
from .results import Results
from .translator import Severity

DEVICE, HOST = "device", "host"
_MECHANISM_OF = {
    "pairings": "stdp",
    "ticks": "stdp",
    "updates_applied": "stdp",
    "updates_rejected": "stdp",
    "astrocyte_updates": "astrocytes",
    "astrocyte_releases": "astrocytes",
}


@dataclass(frozen=True)
class EnergyItem:
    """Events of one kind at one object, and what they take.

    Attributes
    ----------
    counter, where : str
        Counter of the ledger, and the name of the object.
    count : float
    place : "device" or "host"
        Who does it.
    incremental : Interval or None [J]
        None where there is no figure: then one of the next two says why.
    missing : str
        Why no figure is known.
    included_in : str
        The counter whose figure includes this one, or ``"static"``.
    system : Interval or None [J]
        The system column's share of these events, None where it has none of its own.
    confidence : str
        Of the incremental figure.
    """

    counter: str
    where: str
    count: float
    place: str
    incremental: Interval | None
    missing: str
    included_in: str
    system: Interval | None
    confidence: str


@dataclass(frozen=True)
class StaticItem:
    """What units of the hardware take while they are on.

    Attributes
    ----------
    unit : str
        Such as ``"chip"``.
    count : int
    energy : Interval or None [J]
        Power times time; None where one of them is not known.
    missing : str
        Why there is no figure.
    confidence : str
    """

    unit: str
    count: int
    energy: Interval | None
    missing: str
    confidence: str


@dataclass(frozen=True)
class Energy:
    """Energy of a run on a device; printing it gives a table.

    Attributes
    ----------
    device, title : str
    network : str
    mode : str
        What really ran and counted the events: backend, executor and precision.
    on_device : bool
        Whether that was a backend for this device (for a CPU: any that ran here); if not, another's events are priced
        as if they were its.
    hardware : bool
        Whether the device itself ran.
    duration : float [ms]
        Biological time.
    time : Interval or None [s]
        How long the device takes for it; None where that is not known.
    items : tuple of EnergyItem
    static_items : tuple of StaticItem
    system : Interval or None [J]
        Whole-machine figure; None where none is published.
    system_missing : str
        Why there is none.
    system_note : str
        What was measured, by whom, and what that includes.
    host : str
        The device whose constants hold for the host; empty if there is no host.
    altered : tuple of str
        Learning and astrocytes that the target did otherwise than described, or left out: the counts are of that.
    """

    device: str
    title: str
    network: str
    mode: str
    on_device: bool
    hardware: bool
    duration: float
    time: Interval | None
    items: tuple[EnergyItem, ...]
    static_items: tuple[StaticItem, ...]
    system: Interval | None
    system_missing: str
    system_note: str
    host: str
    altered: tuple[str, ...] = ()

    @property
    def incremental(self) -> Interval | None:
        """Sum of all known energies per operation, on device and host [J]: of a part only, if any are missing.

        None where there were events and none has a figure.
        """
        return _known(self.items)

    @property
    def static(self) -> Interval | None:
        """Static power times time [J], of what is known; None where nothing is."""
        known = [item.energy for item in self.static_items if item.energy is not None]
        return reduce(add, known) if known else None

    @property
    def missing(self) -> tuple[str, ...]:
        """What has no figure and why, each once."""
        items = [f"{item.counter} on the {item.place}: {item.missing}" for item in self.items if item.missing]
        static = [f"static power of a {item.unit}: {item.missing}" for item in self.static_items if item.missing]
        system = [f"system: {self.system_missing}"] if self.system_missing else []
        return tuple(dict.fromkeys(items + static + system))

    @property
    def confidence(self) -> str:
        """The worst confidence among the incremental figures; empty if there are none."""
        found = [item.confidence for item in self.items if item.confidence]
        return max(found, key=CONFIDENCES.index, default="")

    def incremental_on(self, place: str) -> Interval | None:
        """Return the sum of the known energies per operation at one place.

        Parameters
        ----------
        place : "device" or "host"

        Returns
        -------
        Interval or None [J]
            None where there were events and none has a figure.

        Raises
        ------
        UnknownNameError
        """
        if place not in (DEVICE, HOST):
            raise UnknownNameError("place", place, (DEVICE, HOST))
        return _known([item for item in self.items if item.place == place])

    def by_counter(self) -> Mapping[str, Interval]:
        """Return the known incremental energy of each counter, summed over objects.

        Returns
        -------
        mapping of str to Interval [J]
            Without the counters that have no figure of their own.
        """
        names = dict.fromkeys(item.counter for item in self.items if item.incremental is not None)
        return {name: _sum(item.incremental for item in self.items if item.counter == name) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, energies in joules, for JSON.

        Returns
        -------
        dict
            The attributes, and ``incremental``, ``static``, ``missing`` and ``confidence``; what is not known is None.
        """
        totals: dict[str, Any] = {
            "incremental": None if self.incremental is None else asdict(self.incremental),
            "static": None if self.static is None else asdict(self.static),
            "missing": list(self.missing),
            "confidence": self.confidence,
        }
        return asdict(self) | totals

    def __str__(self) -> str:
        from .energy_summary import energy_table

        return energy_table(self)


def energy(results: Results, device: str | Path = "loihi2", units: Mapping[str, int] | None = None) -> Energy:
    """Return what a run takes on a device, by the constants of its cost table.

    The run may be of any backend: events are counted by the same rules everywhere. A run of the device's own backend
    adds what only it knows: hardware counters, and what its host did.

    Parameters
    ----------
    results : Results
    device : str or pathlib.Path
        "arm", "cpu", "gpu", "loihi1", "loihi2", "memristor", "spinnaker1", "spinnaker2", or a TOML file of your own.
    units : mapping of str to int, optional
        How many units of the hardware are on, by their names in the table, such as ``{"chip": 2}``; as many as the
        neurons of the populations fill if not given. (Results do not know of static synapses, which may need more.)

    Returns
    -------
    Energy

    Raises
    ------
    UnknownNameError
        If there is no such device, or the device has no such unit.
    FileNotFoundError, FileFormatError
        If a file is not there, or is no cost table.
    DescriptionError
        If a number of units is not a whole number of 0 or more.

    Examples
    --------
    >>> print(hs.energy(results, "spinnaker1"))
    >>> hs.energy(results, "loihi2").incremental.value / n_images
    """
    table = cost_table(device)
    stamp = results.provenance
    hardware = stamp.executor == "hardware"
    on_device = not hardware if table.clock == "wall_time" else bool(table.backend) and stamp.backend == table.backend
    time = _time(table, results)
    known_system = any(row.known for row in table.system.values())
    items = tuple(_items(table, results))
    return Energy(
        device=table.name,
        title=table.title,
        network=results.name,
        mode=f"{stamp.backend} ({stamp.executor}, {stamp.precision})",
        on_device=on_device,
        hardware=on_device and hardware,
        duration=results.duration,
        time=time,
        items=items,
        static_items=tuple(_static(table, results, time, units or {})),
        system=_sum(item.system for item in items) if known_system else None,
        system_missing="" if known_system else _why(table.system),
        system_note="; ".join(f"{row.source}; {row.note}" for row in table.system.values() if row.known),
        host=table.host.table,
        altered=tuple(
            f"{finding.where} of {finding.what!r}: {finding.limit}"
            for finding in results.findings
            if finding.severity is Severity.ALTERED and finding.where in set(_MECHANISM_OF.values())
        ),
    )


def _items(table: CostTable, results: Results) -> Iterator[EnergyItem]:
    ledger = results.ledger
    host = cost_table(table.host.table) if table.host.table else table
    hosted = _hosted(table, results)
    counts: dict[str, Mapping[str, float]] = {name: getattr(ledger, name) for name in Ledger.counters()}
    # Another target's hardware is none of this device's.
    own = results.provenance.backend == table.backend
    counts |= {name: found for name, found in ledger.hardware.items() if own or name in table.incremental}
    for counter, found in counts.items():
        place = HOST if _MECHANISM_OF.get(counter) in hosted else DEVICE
        row = _row(host if place == HOST else table, counter, counts)
        system = table.system.get(counter, Row(missing="no row"))
        for where, count in found.items():
            if count:
                yield EnergyItem(
                    counter, where, count, place,
                    incremental=row.interval * count if row.known else None,
                    missing=row.missing, included_in=row.included_in,
                    system=system.interval * count if system.known else None,
                    confidence=row.confidence,
                )  # fmt: skip


def _row(table: CostTable, counter: str, counts: Mapping[str, Any]) -> Row:
    row = table.incremental.get(counter)
    if row is None:
        return Row(missing=f"the cost table of {table.title} has no row for it")
    if row.included_in not in ("", STATIC, *counts):
        return Row(missing=f"only a run of backend {table.backend!r} counts {row.included_in!r}, which includes it")
    return row


def _hosted(table: CostTable, results: Results) -> frozenset[str]:
    """Return the mechanisms that the host does: those the table names, or those a run on the device says it did."""
    mechanisms = frozenset(table.host.mechanisms)
    if table.host.always or results.provenance.backend != table.backend:
        return mechanisms
    return mechanisms & {finding.where for finding in results.findings if finding.severity is Severity.HOST}


def _time(table: CostTable, results: Results) -> Interval | None:
    """Return how long the device takes for a run: the longer of its steps and of real time where it is held to it."""
    if table.clock == "wall_time":
        wall = results.provenance.wall_time
        return None if results.provenance.executor == "hardware" else Interval(wall, wall, wall)
    amounts = {"per_step": round(results.duration / results.dt), "real_time_factor": 1e-3 * results.duration}
    parts = [row.interval * amounts[name] for name, row in table.time.items() if row.known]
    return reduce(Interval.later, parts) if parts else None


def _static(
    table: CostTable, results: Results, time: Interval | None, units: Mapping[str, int]
) -> Iterator[StaticItem]:
    for name, number in units.items():
        if name not in table.static:
            raise UnknownNameError(f"unit of {table.title}", name, tuple(table.static))
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise DescriptionError("energy", f"units of {name!r}", number, "give a whole number of 0 or more")
    neurons = sum(results.spikes[name].size for name in results.ledger.neuron_updates if name in results.spikes)
    for name, row in table.static.items():
        count = units.get(name, max(1, math.ceil(neurons / row.neurons)) if row.neurons else 1)
        missing = row.missing or ("" if time else "how long it is on is not known")
        known = row.interval * count * time if time and not missing else None
        yield StaticItem(name, count, known, missing, row.confidence)


def _known(items: Sequence[EnergyItem]) -> Interval | None:
    """Return the sum of the figures that there are; nothing at all if there are none though there should be."""
    found = [item.incremental for item in items if item.incremental is not None]
    return _sum(found) if found or not any(item.missing for item in items) else None


def _why(rows: Mapping[str, Row]) -> str:
    return "; ".join(row.missing for row in rows.values()) or "the cost table has no row for it"


def _sum(intervals: Iterable[Interval | None]) -> Interval:
    return sum((interval for interval in intervals if interval is not None), ZERO)
