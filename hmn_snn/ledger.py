"""What a run did, counted: the ledger of events that energy is computed from, and the margins of its decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from .errors import UnknownNameError

Counts = Mapping[str, int]

_HEADINGS = {
    "spikes": "spikes",
    "neuron_updates": "neuron updates",
    "synaptic_events": "events",
    "pairings": "pairings",
    "ticks": "ticks",
    "updates_applied": "applied",
    "updates_rejected": "rejected",
    "astrocyte_updates": "astrocyte updates",
    "astrocyte_releases": "releases",
}


@dataclass(frozen=True)
class Ledger:
    """Events of a run, by the name of the object in which they happened.

    Counts of consecutive runs add up to the counts of the whole: each event belongs to the step in which it is
    computed, once.

    Attributes
    ----------
    spikes : mapping of str to int
        Spikes of each population and input, at times t_start < t <= t_stop.
    neuron_updates : mapping of str to int
        One neuron advanced by one step (refractory ones included), of each population.
    synaptic_events : mapping of str to int
        One delivery of a spike to one synapse, of each projection; counted when it arrives, not when it is fired.
    pairings : mapping of str to int
        One evaluation of an STDP event, pre or post, at one synapse of a plastic projection.
    ticks : mapping of str to int
        Learning ticks of each plastic projection.
    updates_applied, updates_rejected : mapping of str to int
        One non-zero pending weight change that a tick applied to, or withheld from, one synapse.
    astrocyte_updates : mapping of str to int
        One astrocyte advanced by one interval of its clock, of each group.
    astrocyte_releases : mapping of str to int
        One threshold crossing of one astrocyte.
    hardware : mapping of str to mapping of str to float
        What the parts of a target did that others do not have, in the target's own terms: by counter (with its unit
        in brackets if it has one), then by object.
    """

    spikes: Counts = field(default_factory=dict)
    neuron_updates: Counts = field(default_factory=dict)
    synaptic_events: Counts = field(default_factory=dict)
    pairings: Counts = field(default_factory=dict)
    ticks: Counts = field(default_factory=dict)
    updates_applied: Counts = field(default_factory=dict)
    updates_rejected: Counts = field(default_factory=dict)
    astrocyte_updates: Counts = field(default_factory=dict)
    astrocyte_releases: Counts = field(default_factory=dict)
    hardware: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def counters(cls) -> tuple[str, ...]:
        """Return the names of all counters that every target has.

        Returns
        -------
        tuple of str
        """
        return tuple(item.name for item in fields(cls) if item.name != "hardware")

    def total(self, counter: str) -> int:
        """Return a counter summed over all objects.

        Parameters
        ----------
        counter : str
            One of :meth:`counters`.

        Returns
        -------
        int

        Raises
        ------
        UnknownNameError
        """
        if counter not in self.counters():
            raise UnknownNameError("counter", counter, self.counters())
        return sum(getattr(self, counter).values())

    def __add__(self, other: Ledger) -> Ledger:
        counts: dict[str, Any] = {name: _added(getattr(self, name), getattr(other, name)) for name in self.counters()}
        names = dict.fromkeys((*self.hardware, *other.hardware))
        hardware = {name: _added(self.hardware.get(name, {}), other.hardware.get(name, {})) for name in names}
        return Ledger(**counts, hardware=hardware)

    def __str__(self) -> str:
        from .summary import text_table

        used = {_HEADINGS[name]: getattr(self, name) for name in self.counters() if getattr(self, name)}
        tables = [_table(columns, text_table) for columns in (used, self.hardware) if columns]
        return "\n\n".join(tables)


def _table(columns: Mapping[str, Mapping[str, float]], text_table: Any) -> str:
    objects = dict.fromkeys(key for counts in columns.values() for key in counts)
    rows = [[key, *(_cell(counts.get(key)) for counts in columns.values())] for key in objects]
    rows.append(["total", *(_cell(sum(counts.values())) for counts in columns.values())])
    return str(text_table(rows, ["object", *columns]))


@dataclass(frozen=True)
class Margins:
    r"""How near a run came to deciding otherwise: where a margin is below 1e-9, other rounding may give another run.

    Attributes
    ----------
    threshold : float [mV]
        Smallest abs(v - theta) at a threshold test; infinite if there was none.
    application : float
        Smallest abs(u - p) at a probabilistic update; infinite if there was none.
    """

    threshold: float = float("inf")
    application: float = float("inf")

    def __add__(self, other: Margins) -> Margins:
        return Margins(min(self.threshold, other.threshold), min(self.application, other.application))


def _added(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, Any]:
    return {key: a.get(key, 0) + b.get(key, 0) for key in dict.fromkeys((*a, *b))}


def _cell(count: float | None) -> str:
    return "" if count is None else f"{count:,.0f}"
