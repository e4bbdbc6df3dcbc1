"""Results of a run, the same type whatever ran it: spikes, traces, weights, ledger, margins, provenance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import SimulationError
from .ledger import Ledger, Margins
from .recorded import Spikes, Trace, Weights
from .stamp import Provenance, provenance
from .translator import Finding

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Ledger", "Margins", "Provenance", "Results", "Spikes", "Trace", "Weights", "provenance"]


@dataclass(frozen=True, eq=False)
class Results:
    """What a run gave.

    Attributes
    ----------
    name : str
        Of the network.
    dt : float [ms]
    t_start, t_stop : float [ms]
        Spikes lie at t_start < t <= t_stop, samples at t_start <= t < t_stop.
    spikes : mapping of str to Spikes
        Of every population and input, by name.
    traces : mapping of str to mapping of str to Trace
        What was recorded, by the object's name and the variable.
    weights : mapping of str to Weights
        Of plastic projections at t_stop, by the projection's name.
    ledger : Ledger
    margins : Margins
    findings : tuple of Finding
        What lowering and the backend did to the parts of the network.
    provenance : Provenance
    """

    name: str
    dt: float
    t_start: float
    t_stop: float
    spikes: Mapping[str, Spikes]
    traces: Mapping[str, Mapping[str, Trace]]
    weights: Mapping[str, Weights]
    ledger: Ledger
    margins: Margins
    findings: tuple[Finding, ...]
    provenance: Provenance

    @property
    def duration(self) -> float:
        """Simulated time [ms]."""
        return self.t_stop - self.t_start

    @property
    def plastic(self) -> tuple[str, ...]:
        """Names of the projections that had a learning tick in this run."""
        return tuple(name for name in self.weights if self.ledger.ticks.get(name, 0) > 0)

    def joined(self, *others: Results) -> Results:
        """Return one result for runs that continued this one: ``run(a); run(b)`` joined equals ``run(a + b)``.

        Parameters
        ----------
        *others : Results
            In order, each starting where the one before stopped.

        Returns
        -------
        Results
            With the final weights of the last run, summed counts and wall time, and the smallest margins.

        Raises
        ------
        SimulationError
            If a run is of another network, backend, executor or precision, or does not start where the one before
            stopped.
        """
        pieces = (self, *others)
        for before, after in pairwise(pieces):
            _check_continues(before, after)
        stamp = others[-1].provenance if others else self.provenance
        return Results(
            name=self.name,
            dt=self.dt,
            t_start=self.t_start,
            t_stop=pieces[-1].t_stop,
            spikes={name: _joined_spikes([piece.spikes[name] for piece in pieces]) for name in self.spikes},
            traces={
                name: {key: _joined_traces([piece.traces[name][key] for piece in pieces]) for key in variables}
                for name, variables in self.traces.items()
            },
            weights={
                name: replace(pieces[-1].weights[name], initial=first.initial) for name, first in self.weights.items()
            },
            ledger=sum((piece.ledger for piece in others), self.ledger),
            margins=sum((piece.margins for piece in others), self.margins),
            findings=tuple(dict.fromkeys(finding for piece in pieces for finding in piece.findings)),
            provenance=replace(stamp, wall_time=sum(piece.provenance.wall_time for piece in pieces)),
        )

    def save(self, path: str | Path) -> None:
        """Save everything to one HDF5 file, atomically.

        Parameters
        ----------
        path : str or pathlib.Path
        """
        from .results_file import save_results

        save_results(self, path)

    @classmethod
    def load(cls, path: str | Path) -> Results:
        """Load results saved with :meth:`save`.

        Parameters
        ----------
        path : str or pathlib.Path

        Returns
        -------
        Results

        Raises
        ------
        FileFormatError
            If the file holds no results of ours, is truncated, or of a newer schema.
        """
        from .results_file import load_results

        return load_results(path)

    def to_neo(self) -> Any:
        """Return spikes and traces as a Neo block, for Elephant and other analysis packages.

        Returns
        -------
        neo.Block
            One segment with a ``SpikeTrain`` per neuron (annotations ``source`` and ``index``) and an ``AnalogSignal``
            per recorded variable (array annotation ``index``), and a group per source. Neo has no place for synapses:
            weights and ledger stay with :meth:`save` and :meth:`to_xarray`.

        Raises
        ------
        MissingExtraError
            If Neo is not installed.
        """
        from .results_export import to_neo

        return to_neo(self)

    def to_xarray(self) -> Any:
        """Return spikes, traces and weights as an xarray data set with units and coordinates.

        Returns
        -------
        xarray.Dataset
            Variables ``<source>.spike_time`` and ``.spike_index``, ``<object>.<variable>`` over time and index, and
            ``<projection>.pre``, ``.post``, ``.final_weight`` and ``.initial_weight``; the rest is in its attributes.

        Raises
        ------
        MissingExtraError
            If xarray is not installed.
        """
        from .results_export import to_xarray

        return to_xarray(self)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw an overview: raster, rates, and whatever else was recorded or learned.

        Parameters
        ----------
        path : str or pathlib.Path, optional
            Where to save it too; the suffix decides the format.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from .plotting import overview

        figure = overview(self)
        if path is not None:
            figure.savefig(path)
        return figure

    def __str__(self) -> str:
        from .results_summary import results_table

        return results_table(self)

    def __repr__(self) -> str:
        backend = self.provenance.backend
        return f"Results({self.name!r}, {self.t_start:g} to {self.t_stop:g} ms, {backend}, {self.spikes})"


def _check_continues(before: Results, after: Results) -> None:
    """Raise unless a run continued another one."""
    if before.provenance.origin != after.provenance.origin:
        names = ("network", "backend", "executor", "precision")
        pairs = zip(names, before.provenance.origin, after.provenance.origin, strict=True)
        changes = ", ".join(f"{name} {_shown(a)} and {_shown(b)}" for name, a, b in pairs if a != b)
        raise SimulationError(f"cannot join results of {before.name!r} and {after.name!r}: they differ in {changes}")
    if abs(after.t_start - before.t_stop) > 1e-6 * before.dt:
        raise SimulationError(
            f"cannot join results of {before.name!r}: one stops at {before.t_stop:g} ms and the next starts at "
            f"{after.t_start:g} ms; join runs in the order in which a Simulation made them"
        )


def _shown(value: str) -> str:
    return repr(value if len(value) <= 24 else f"{value[:12]}...")


def _joined_spikes(pieces: list[Spikes]) -> Spikes:
    return Spikes(np.concatenate([p.t for p in pieces]), np.concatenate([p.i for p in pieces]), pieces[0].size)


def _joined_traces(pieces: list[Trace]) -> Trace:
    values = np.concatenate([p.values for p in pieces])
    return replace(pieces[0], t=np.concatenate([p.t for p in pieces]), values=values)
