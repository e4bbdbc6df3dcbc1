"""The numbers of a report: as plain values for JSON, and as the tables that ``print(report)`` shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from enum import Enum
from typing import Any

import numpy as np

from .comparison import Comparison
from .energy_summary import MISSING
from .intervals import Interval
from .ledger import Ledger
from .recorded import Weights
from .reporting import NUMBERS, PAGE, Report, Target
from .results import Results
from .summary import counted, text_table

FORMAT, SCHEMA = "hmn-snn report", 1


def report_numbers(report: Report) -> dict[str, Any]:
    """Return every number of a report as plain values.

    Parameters
    ----------
    report : Report

    Returns
    -------
    dict
        Without infinities and NaN, which JSON does not have: they are None.
    """
    from . import __version__

    net = report.network
    numbers = {
        "format": FORMAT,
        "schema": SCHEMA,
        "version": __version__,
        "created": report.created,
        "network": {"name": net.name, "dt": net.dt, "seed": net.seed, "hash": report.network_hash},
        "duration": report.duration,
        "reference": report.reference,
        "check": report.matrix.to_dict(),
        "targets": [_target(report, target) for target in report.targets],
    }
    plain: dict[str, Any] = _plain(numbers)
    return plain


def report_tables(report: Report) -> str:
    """Return a report as text: what became of each target, its agreement, its energy.

    Parameters
    ----------
    report : Report

    Returns
    -------
    str
    """
    head = f"{report.network.name}: {report.duration:g} ms on {counted(len(report.targets), 'target')}"
    runs = [[t.label, t.status, t.mode, *spike_cells(t), agreement(report, t)] for t in report.targets]
    ran = text_table(runs, ["target", "status", "ran as", "spikes", "events", f"agreement with {report.reference!r}"])
    costs = [
        [t.label, t.mode, t.energy.device, *energy_cells(t), t.energy.confidence]
        for t in report.targets
        if t.energy is not None
    ]
    headers = ["target", "counted by", "device", "incremental, with host", "range", "static", "system", "confidence"]
    priced = f"energy: estimates from counts, not measurements\n{text_table(costs, headers)}" if costs else None
    why = "\n".join(f"{t.label}: {t.status}: {t.reason}" for t in report.targets if t.reason)
    parts = [head, ran, priced, why, f"written: {report.folder / PAGE}\nwritten: {report.folder / NUMBERS}"]
    return "\n\n".join(part for part in parts if part)


def spike_cells(target: Target) -> list[str]:
    """Return a target's spikes and synaptic events, counted by the ledger, as text.

    Parameters
    ----------
    target : Target

    Returns
    -------
    list of str
    """
    if target.results is None:
        return ["", ""]
    return [f"{target.results.ledger.total(name):,}" for name in ("spikes", "synaptic_events")]


def energy_cells(target: Target) -> list[str]:
    """Return a target's incremental energy with its range, static and system energy, as text.

    Parameters
    ----------
    target : Target

    Returns
    -------
    list of str
    """
    found = target.energy
    if found is None:
        return [""] * 4
    texts = [_joules(interval) for interval in (found.incremental, found.static, found.system)]
    return [*texts[0], texts[1][0], texts[2][0]]


def agreement(report: Report, target: Target) -> str:
    """Return in a few words how far a target agrees with the reference.

    Parameters
    ----------
    report : Report
    target : Target

    Returns
    -------
    str
    """
    if target.comparison is None:
        is_reference = target.results is not None and target.label == report.reference
        return "is the reference" if is_reference else target.incomparable
    entries = report.population_agreement(target).values()
    shared, mine, other = (sum(getattr(entry, name) for entry in entries) for name in ("n_shared", "n_a", "n_b"))
    if target.comparison.agree:
        return f"agrees: all {shared:,} spikes of populations"
    return f"differs: {shared:,} spikes of populations in both, {mine - shared:,} and {other - shared:,} in one"


def _joules(interval: Interval | None) -> tuple[str, str]:
    return (MISSING, "") if interval is None else interval.text("J")


def _target(report: Report, target: Target) -> dict[str, Any]:
    """Return what is known of one target; every group of numbers stands beside what really ran."""
    known: dict[str, Any] = {"label": target.label, "status": target.status, "reason": target.reason}
    if target.results is not None:
        known |= {"mode": target.mode, **_results(report, target.results)}
        known["energy"] = None if target.energy is None else target.energy.to_dict()
        known["agreement"] = None if target.comparison is None else _agreement(target.comparison)
        known["incomparable"] = target.incomparable
    return known


def _results(report: Report, results: Results) -> dict[str, Any]:
    span = results.t_start, results.t_stop
    return {
        "t_start": results.t_start,
        "t_stop": results.t_stop,
        "same_network": results.provenance.network_hash == report.network_hash,
        "spikes": {
            name: {"size": s.size, "spikes": len(s), "rate": s.rate(*span), "isi_cv": s.isi_cv()}
            for name, s in results.spikes.items()
        },
        "weights": {name: _weights(weights) for name, weights in results.weights.items()},
        "ledger": asdict(results.ledger),
        "totals": {name: results.ledger.total(name) for name in Ledger.counters()},
        "margins": asdict(results.margins),
        "findings": [asdict(finding) for finding in results.findings],
        "provenance": asdict(results.provenance),
    }


def _weights(weights: Weights) -> dict[str, Any]:
    return {"unit": weights.unit, "synapses": len(weights), "before": _moments(weights.initial),
            "after": _moments(weights.values)}  # fmt: skip


def _moments(values: np.ndarray | None) -> dict[str, float] | None:
    """Return what a histogram is about."""
    if values is None or not len(values):
        return None
    return {"mean": float(values.mean()), "sd": float(values.std()), "min": float(values.min()),
            "max": float(values.max())}  # fmt: skip


def _agreement(comparison: Comparison) -> dict[str, Any]:
    first = comparison.divergence
    return {
        "agree": comparison.agree,
        "same_network": comparison.same_network,
        "verdict": comparison.verdict,
        "first_divergence": None if first is None else {**asdict(first), "text": str(first)},
        "spikes": {
            name: {**asdict(entry), "precision": entry.precision, "recall": entry.recall}
            for name, entry in comparison.spikes.items()
        },
        "weights": {name: asdict(entry) for name, entry in comparison.weights.items()},
        "tau": comparison.tau,
        "q": comparison.q,
        "incomparable": list(comparison.incomparable),
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Enum):
        return value.value
    return None if isinstance(value, float) and not math.isfinite(value) else value
