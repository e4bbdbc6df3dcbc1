"""The text that ``print(results)`` shows: tables of populations and projections, totals, provenance."""

from __future__ import annotations

import math
import textwrap
from collections import Counter

import numpy as np

from .results import Results
from .summary import WIDTH, text_table
from .translator import Severity


def results_table(results: Results) -> str:
    """Return a readable account of a run.

    Parameters
    ----------
    results : Results

    Returns
    -------
    str
    """
    parts = [f"{results.name}: {results.t_start:g} to {results.t_stop:g} ms in steps of {results.dt:g} ms"]
    if results.spikes:
        parts.append(_sources(results))
    parts.append(_projections(results))
    parts += ["\n".join(_warnings(results)), _wrapped(_totals(results)), _wrapped(f"run by {results.provenance}")]
    return "\n\n".join(part for part in parts if part)


def _sources(results: Results) -> str:
    rows = [
        [
            name,
            f"{spikes.size:,}",
            f"{len(spikes):,}",
            _number(spikes.rate(results.t_start, results.t_stop)),
            _number(spikes.isi_cv()),
        ]
        for name, spikes in results.spikes.items()
    ]
    return text_table(rows, ["population or input", "neurons", "spikes", "mean rate [Hz]", "CV of intervals"])


def _projections(results: Results) -> str:
    events = results.ledger.synaptic_events
    rows = []
    for name in dict.fromkeys((*events, *results.weights)):
        row = [name, f"{events.get(name, 0):,}"]
        if name in results.weights:
            weights = results.weights[name]
            row += [f"{len(weights):,}", _mean(weights.initial), _mean(weights.values), weights.unit]
        rows.append(row + [""] * (6 - len(row)))
    return text_table(rows, ["projection", "events", "synapses", "mean weight before", "after", "unit"]) if rows else ""


def _mean(values: np.ndarray | None) -> str:
    return "" if values is None or not len(values) else f"{values.mean():.4g}"


def _warnings(results: Results) -> list[str]:
    """Return what a reader must not miss: silence, and what the backend altered."""
    mapped = [f for f in results.findings if f.where in ("spikes", "placement", "binary") and f.what == results.name]
    if any(f.where == "spikes" for f in mapped):
        return [f"note: {f.found}; {f.limit}" if f.where != "spikes" else f"note: {f.limit}" for f in mapped]
    silent = [name for name, spikes in results.spikes.items() if spikes.size and not len(spikes)]
    lines = [f"warning: {name!r} never spiked" for name in silent]
    counts = Counter(finding.severity for finding in results.findings)
    altered = [
        f"{severity.value} {counts[severity]}" for severity in (Severity.ALTERED, Severity.HOST) if counts[severity]
    ]
    if altered:
        lines.append(
            f"note: findings ({', '.join(altered)}) say how this run differs from the description: see .findings"
        )
    return lines


def _totals(results: Results) -> str:
    ledger = results.ledger
    counts = [(name.replace("_", " "), ledger.total(name)) for name in ledger.counters() if getattr(ledger, name)]
    counts += [(name, round(sum(parts.values()))) for name, parts in ledger.hardware.items()]
    return "totals: " + (", ".join(f"{count:,} {name}" for name, count in counts) or "nothing was counted")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"
