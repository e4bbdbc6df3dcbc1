"""From what Brian2's monitors and counters hold to results: the spikes, samples and counts of one run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.ledger import Ledger, Margins
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.results import Results, Spikes, Trace, Weights, provenance
from hmn_snn.translator import Finding

from .blueprint import Blueprint

_COUNTERS = ("delivered", "paired", "applied", "rejected", "releases")
_MARGINS = ("threshold_margin", "application_margin")


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What monitors and counters hold at one time.

    Attributes
    ----------
    step : int
    spikes : dict of str to (steps, indices)
        All spikes so far, by source.
    samples : dict of str to (m, n) float array
        All samples so far, by probe.
    counts : dict of (counter, part) to int
    weights : dict of str to (n_synapses,) float array
        Of plastic projections.
    margins : dict of str to float
        Smallest since they were last set to infinity.
    """

    step: int
    spikes: Mapping[str, tuple[np.ndarray, np.ndarray]]
    samples: Mapping[str, np.ndarray]
    counts: Mapping[tuple[str, str], int]
    weights: Mapping[str, np.ndarray]
    margins: Mapping[str, float]


def snapshot(native: Any, step: int) -> Snapshot:
    """Read Brian2's monitors and counters.

    Parameters
    ----------
    native : Native
    step : int
        The present one.

    Returns
    -------
    Snapshot
    """
    blueprint: Blueprint = native.blueprint
    dt_s = blueprint.lowered.dt / 1000.0
    parts = {name: (part.model, native.parts[name]) for name, part in _parts(blueprint)}

    def values(variable: str) -> dict[str, np.ndarray]:
        return {
            name: np.array(getattr(made, variable)) for name, (model, made) in parts.items() if _has(model, variable)
        }

    counts = {(key, name): int(array.sum()) for key in _COUNTERS for name, array in values(key).items()}
    for name, last in values("last_arrival").items():
        # What arrives at the present time is summed already, but delivered in the step that comes.
        counts["delivered", name] -= int((last == step).sum()) if step else 0
    spikes = {n: (np.rint(np.asarray(m.t) / dt_s).astype(np.int64), np.array(m.i)) for n, m in native.spikes.items()}
    samples = {p.name: np.array(getattr(native.traces[p.name], p.variable)).T for p in blueprint.probes}
    plastic = _plastic(blueprint)
    weights = {name: array for name, array in values("w").items() if name in plastic}
    margins = {key: _smallest(values(key).values()) for key in _MARGINS}
    return Snapshot(step, spikes, samples, counts, weights, margins)


def _smallest(arrays: Iterable[np.ndarray]) -> float:
    """Return the smallest margin; the equations write 1e300 and more where nothing was decided."""
    smallest = min((float(array.min()) for array in arrays), default=np.inf)
    return smallest if smallest < 1e300 else float("inf")


def nothing_yet(blueprint: Blueprint) -> Snapshot:
    """Return what monitors and counters hold at t = 0.

    Parameters
    ----------
    blueprint : Blueprint

    Returns
    -------
    Snapshot
    """
    none = np.empty(0, np.int64)
    return Snapshot(
        0,
        spikes={name: (none, none) for name in blueprint.sources if name is not None},
        samples={probe.name: np.empty((0, len(probe.members))) for probe in blueprint.probes},
        counts=defaultdict(int),
        weights={str(name): blueprint.links[str(name)].values["w"] for name in _plastic(blueprint) if name is not None},
        margins=dict.fromkeys(_MARGINS, float("inf")),
    )


def _parts(blueprint: Blueprint) -> Iterable[Any]:
    return [*blueprint.groups.items(), *blueprint.links.items()]


def _has(model: list[str], variable: str) -> bool:
    return any(line.startswith(f"{variable} :") for line in model)


def _plastic(blueprint: Blueprint) -> set[str | None]:
    pairs = zip(blueprint.projections, blueprint.lowered.projections, strict=True)
    return {name for name, projection in pairs if projection.plasticity is not None}


def results(
    blueprint: Blueprint,
    before: Snapshot,
    after: Snapshot,
    executor: str,
    findings: tuple[Finding, ...],
    seconds: float,
) -> Results:
    """Return the results of a run between two snapshots.

    Parameters
    ----------
    blueprint : Blueprint
    before, after : Snapshot
    executor : str
    findings : tuple of Finding
    seconds : float
        Wall time.

    Returns
    -------
    Results
    """
    lowered: LoweredNetwork = blueprint.lowered
    return Results(
        name=lowered.name,
        dt=lowered.dt,
        t_start=before.step * lowered.dt,
        t_stop=after.step * lowered.dt,
        spikes={
            source.name: _spikes(source.size, lowered.dt, name, before, after)
            for name, source in zip(blueprint.sources, lowered.sources, strict=True)
        },
        traces=_traces(blueprint, before, after),
        weights=_weights(blueprint, before, after),
        ledger=_ledger(blueprint, before, after),
        margins=Margins(after.margins["threshold_margin"], after.margins["application_margin"]),
        findings=findings,
        provenance=provenance("brian2", executor, "float64", lowered, ("brian2", "sympy", "cython"), seconds),
    )


def _spikes(size: int, dt: float, name: str | None, before: Snapshot, after: Snapshot) -> Spikes:
    if name is None:
        return Spikes(np.empty(0), np.empty(0, np.int64), size)
    n = len(before.spikes[name][0])
    steps, indices = after.spikes[name]
    return Spikes((steps[n:] + 1) * dt, indices[n:], size)


def _traces(blueprint: Blueprint, before: Snapshot, after: Snapshot) -> dict[str, dict[str, Trace]]:
    lowered = blueprint.lowered
    probes = {probe.index: probe.name for probe in blueprint.probes}
    traces: dict[str, dict[str, Trace]] = {}
    for index, recording in enumerate(lowered.recordings):
        every = recording.every
        steps = np.arange(-(-before.step // every) * every, after.step, every)
        if index in probes:
            name = probes[index]
            values = after.samples[name][len(before.samples[name]) :]
        else:
            values = np.empty((len(steps), len(recording.indices)))
        trace = Trace(steps * lowered.dt, values, recording.indices, recording.unit)
        traces.setdefault(recording.name, {})[recording.variable] = trace
    return traces


def _weights(blueprint: Blueprint, before: Snapshot, after: Snapshot) -> dict[str, Weights]:
    weights = {}
    for name, projection in zip(blueprint.projections, blueprint.lowered.projections, strict=True):
        if projection.plasticity is not None:
            none = np.empty(0)
            values, initial = (none, none) if name is None else (after.weights[name], before.weights[name])
            ends = projection.source_index, projection.target_index
            weights[projection.name] = Weights(*ends, values, projection.weight_unit, initial)
    return weights


def _ledger(blueprint: Blueprint, before: Snapshot, after: Snapshot) -> Ledger:
    lowered, n_steps = blueprint.lowered, after.step - before.step
    plastic = [k for k, p in enumerate(lowered.projections) if p.plasticity is not None]

    def counted(counter: str, names: list[str | None], things: Any, which: Iterable[int]) -> dict[str, int]:
        def count(name: str | None) -> int:
            return 0 if name is None else after.counts[counter, name] - before.counts[counter, name]

        return {
            things[k].name: count(names[k]) for k in which if (counter, names[k]) in after.counts or names[k] is None
        }

    def every(steps: int) -> int:
        return after.step // steps - before.step // steps

    synapses, projections = blueprint.projections, lowered.projections
    return Ledger(
        spikes={
            source.name: len(_spikes(source.size, lowered.dt, name, before, after))
            for name, source in zip(blueprint.sources, lowered.sources, strict=True)
        },
        neuron_updates={p.name: p.size * n_steps for p in lowered.populations},
        synaptic_events=counted("delivered", synapses, projections, range(len(projections))),
        pairings=counted("paired", synapses, projections, plastic),
        ticks={projections[k].name: every(projections[k].plasticity.tick_steps) for k in plastic},
        updates_applied=counted("applied", synapses, projections, plastic),
        updates_rejected=counted("rejected", synapses, projections, plastic),
        astrocyte_updates={a.name: a.size * every(a.clock_steps) for a in lowered.astrocytes},
        astrocyte_releases=counted(
            "releases", blueprint.astrocytes, lowered.astrocytes, range(len(lowered.astrocytes))
        ),
    )
