"""From what Brian2's monitors and counters hold to results: the spikes, samples and counts of one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.ledger import Ledger, Margins
from hmn_snn.results import Results, Spikes, Trace, Weights, provenance
from hmn_snn.translator import Finding

MARGINS = ("threshold_margin", "application_margin")
COUNTERS = ("delivered", "paired", "applied", "rejected", "releases")


@dataclass(frozen=True, eq=False)
class Mark:
    """How far monitors and counters had come at one time.

    Attributes
    ----------
    step : int
    spikes, samples : dict of str to int
        Entries of each monitor, by source and by probe.
    counts : dict of (counter, part) to int
    weights : dict of str to (n_synapses,) float array
        Of plastic projections, by identifier.
    """

    step: int
    spikes: Mapping[str, int]
    samples: Mapping[str, int]
    counts: Mapping[tuple[str, str], int]
    weights: Mapping[str, np.ndarray]


def mark(native: Any, step: int) -> Mark:
    """Note how far monitors and counters have come.

    Parameters
    ----------
    native : Native
    step : int
        The present one.

    Returns
    -------
    Mark
    """
    counts = {(key, name): int(array.sum()) for key in COUNTERS for name, array in _values(native, key).items()}
    for name, last in _values(native, "last_arrival").items():
        # What arrives at the present time is summed already, but delivered in the step that comes.
        counts["delivered", name] -= int((last == step).sum()) if step else 0
    return Mark(
        step,
        spikes={name: len(monitor.t_) for name, monitor in native.spikes.items()},
        samples={name: len(monitor.t_) for name, monitor in native.traces.items()},
        counts=counts,
        weights={name: array for name, array in _values(native, "w").items() if "pending" in _changing(native, name)},
    )


def mark_at_start(native: Any) -> Mark:
    """Return the mark of t = 0, as the blueprint has it: a standalone program cannot be asked before its run.

    Parameters
    ----------
    native : Native

    Returns
    -------
    Mark
    """
    plastic = (links for links in native.blueprint.links.values() if "pending" in links.changing)
    return Mark(
        0,
        spikes=dict.fromkeys(native.spikes, 0),
        samples=dict.fromkeys(native.traces, 0),
        counts={(key, name): 0 for key in COUNTERS for name in native.parts if key in _changing(native, name)},
        weights={links.name: links.values["w"] for links in plastic},
    )


def _changing(native: Any, name: str) -> list[str]:
    changing: list[str] = native.blueprint.part(name).changing
    return changing


def _values(native: Any, variable: str) -> dict[str, np.ndarray]:
    """Return copies of a variable of all parts that have it."""
    having = ((name, made) for name, made in native.parts.items() if variable in _changing(native, name))
    return {name: np.array(getattr(made, variable)) for name, made in having}


def results(
    native: Any, before: Mark, after: Mark, executor: str, findings: tuple[Finding, ...], seconds: float
) -> Results:
    """Return the results of the run between two marks, the second of which is now.

    Parameters
    ----------
    native : Native
    before, after : Mark
    executor : str
    findings : tuple of Finding
    seconds : float
        Wall time.

    Returns
    -------
    Results
    """
    lowered = native.blueprint.lowered
    spikes = _spikes(native, before)
    packages = ("brian2", "cython") if executor == "cython" else ("brian2",)
    return Results(
        name=lowered.name,
        dt=lowered.dt,
        t_start=before.step * lowered.dt,
        t_stop=after.step * lowered.dt,
        spikes=spikes,
        traces=_traces(native, before, after),
        weights=_weights(native.blueprint, before, after),
        ledger=_ledger(native.blueprint, before, after, spikes),
        margins=Margins(*(_smallest(native, margin) for margin in MARGINS)),
        findings=findings,
        provenance=provenance("brian2", executor, "float64", lowered, packages, seconds),
    )


def _smallest(native: Any, margin: str) -> float:
    """Return the smallest margin; the equations write 1e300 and more where nothing was decided."""
    smallest = min((float(array.min()) for array in _values(native, margin).values()), default=np.inf)
    return smallest if smallest < 1e300 else float("inf")


def _spikes(native: Any, before: Mark) -> dict[str, Spikes]:
    lowered, spikes = native.blueprint.lowered, {}
    for name, source in zip(native.blueprint.sources, lowered.sources, strict=True):
        steps, indices = np.empty(0), np.empty(0, np.int64)
        if name is not None:
            monitor, n = native.spikes[name], before.spikes[name]
            steps, indices = np.rint(np.array(monitor.t_)[n:] / (lowered.dt / 1000.0)), np.array(monitor.i)[n:]
        spikes[source.name] = Spikes((steps + 1) * lowered.dt, indices, source.size)
    return spikes


def _traces(native: Any, before: Mark, after: Mark) -> dict[str, dict[str, Trace]]:
    lowered = native.blueprint.lowered
    probes = {probe.index: probe for probe in native.blueprint.probes}
    traces: dict[str, dict[str, Trace]] = {}
    for index, recording in enumerate(lowered.recordings):
        every = recording.every
        steps = np.arange(-(-before.step // every) * every, after.step, every)
        values = np.empty((len(steps), len(recording.indices)))
        if index in probes:
            name, variable = probes[index].name, probes[index].variable
            values = np.array(getattr(native.traces[name], variable)[:, before.samples[name] :].T)
        trace = Trace(steps * lowered.dt, values, recording.indices, recording.unit)
        traces.setdefault(recording.name, {})[recording.variable] = trace
    return traces


def _weights(blueprint: Any, before: Mark, after: Mark) -> dict[str, Weights]:
    weights, none = {}, np.empty(0)
    for name, projection in zip(blueprint.projections, blueprint.lowered.projections, strict=True):
        if projection.plasticity is not None:
            values, initial = (none, none) if name is None else (after.weights[name], before.weights[name])
            ends = projection.source_index, projection.target_index
            weights[projection.name] = Weights(*ends, values, projection.weight_unit, initial)
    return weights


def _ledger(blueprint: Any, before: Mark, after: Mark, spikes: Mapping[str, Spikes]) -> Ledger:
    lowered, n_steps = blueprint.lowered, after.step - before.step
    projections = list(zip(blueprint.projections, lowered.projections, strict=True))
    plastic = [(name, projection) for name, projection in projections if projection.plasticity is not None]
    initial = [(blueprint.initial.get(name), projection) for name, projection in projections]
    astrocytes = list(zip(blueprint.astrocytes, lowered.astrocytes, strict=True))

    def counted(counter: str, parts: Sequence[tuple[str | None, Any]]) -> dict[str, int]:
        """Count over the run; what has no part is empty, and nothing happens in it."""
        return {
            thing.name: 0 if name is None else after.counts[counter, name] - before.counts[counter, name]
            for name, thing in parts
        }

    def due(steps: int) -> int:
        """Count the multiples of an interval in the run."""
        return int(after.step // steps - before.step // steps)

    return Ledger(
        spikes={name: len(train) for name, train in spikes.items()},
        neuron_updates={p.name: p.size * n_steps for p in lowered.populations},
        synaptic_events=_summed(counted("delivered", projections), counted("delivered", initial)),
        pairings=counted("paired", plastic),
        ticks={p.name: due(p.plasticity.tick_steps) for _, p in plastic},
        updates_applied=counted("applied", plastic),
        updates_rejected=counted("rejected", plastic),
        astrocyte_updates={a.name: a.size * due(a.clock_steps) for _, a in astrocytes},
        astrocyte_releases=counted("releases", astrocytes),
    )


def _summed(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {name: count + b[name] for name, count in a.items()}
