"""The text that ``print(comparison)`` shows: verdict, first divergence, tables of spikes and weights."""

from __future__ import annotations

import math
import textwrap

from .comparison import PROMISE, Comparison
from .stamp import Provenance
from .summary import WIDTH, text_table


def comparison_table(comparison: Comparison) -> str:
    """Return a readable account of a comparison.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
    """
    a, b = comparison.a, comparison.b
    head = [f"{a.name}: {a.t_start:g} to {a.t_stop:g} ms", f"a: {_run(a.provenance)}", f"b: {_run(b.provenance)}"]
    lines = [f"verdict: {verdict(comparison)}"]
    if comparison.divergence is not None:
        lines.append(f"first divergence: {comparison.divergence}")
    lines += [f"not compared: {odd}" for odd in comparison.incomparable]
    tables = [_spikes(comparison), _distances(comparison), _weights(comparison)]
    parts = ["\n".join(head), "\n".join(map(_wrapped, lines)), *tables]
    return "\n\n".join(part for part in parts if part)


def verdict(comparison: Comparison) -> str:
    """Return in a sentence whether two runs agree, and if not, whether they should.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    str
    """
    n_spikes, tolerance = sum(s.n_shared for s in comparison.spikes.values()), comparison.weight_tolerance
    if comparison.agree:
        weights = f", weights within {comparison.max_weight_difference:.2g}" if comparison.weights else ""
        return f"agree: all of {n_spikes:,} spikes are the same{weights}{_networks(comparison, ', although')}"
    found = []
    if not comparison.spikes:
        found.append("nothing in common whose spikes could be compared")
    elif not comparison.identical_spikes:
        lone = sum(s.n_a + s.n_b - 2 * s.n_shared for s in comparison.spikes.values())
        found.append(f"{lone:,} spikes are in one run only, {n_spikes:,} in both")
    if not comparison.max_weight_difference <= tolerance:
        found.append(f"weights differ by up to {comparison.max_weight_difference:.2g}, more than {tolerance:g}")
    if comparison.incomparable:
        found.append("not everything could be compared")
    return f"differ: {'; '.join(found)}{_reason(comparison)}"


def _reason(comparison: Comparison) -> str:
    """Return whether agreement was to be expected at all."""
    if not comparison.same_network:
        return _networks(comparison, "; but")
    precisions = {run.provenance.precision for run in (comparison.a, comparison.b)}
    if len(precisions) > 1:
        return f"; but they were computed in {' and '.join(sorted(precisions))}"
    if comparison.margin < PROMISE:
        return (
            f"; but a decision was only {comparison.margin:.2g} away from the other outcome, and agreement is "
            f"promised until one is nearer than {PROMISE:g}"
        )
    if math.isinf(comparison.margin):
        return ""
    return f"; rounding does not explain it: every decision was {comparison.margin:.2g} or more from the other outcome"


def _networks(comparison: Comparison, link: str) -> str:
    """Return that the networks are not the same, where they are not, and what is known to differ."""
    if comparison.same_network:
        return ""
    a, b = comparison.a, comparison.b
    pairs = (
        ("name", repr(a.name), repr(b.name)),
        ("dt", f"{a.dt:g} ms", f"{b.dt:g} ms"),
        ("seed", a.provenance.seed, b.provenance.seed),
    )
    known = ", ".join(f"{what} {one} and {other}" for what, one, other in pairs if one != other)
    return f"{link} they are runs of different networks ({known or 'in a number, or in what is recorded'})"


def _spikes(comparison: Comparison) -> str:
    rows = [
        [
            name, f"{s.n_a:,}", f"{s.n_b:,}", f"{s.n_shared:,}", f"{s.precision:.4g}", f"{s.recall:.4g}",
            _number(s.rate_a), _number(s.rate_difference), _number(s.cv_a), _number(s.cv_difference),
        ]
        for name, s in comparison.spikes.items()
    ]  # fmt: skip
    headers = [
        "population or input", "spikes in a", "in b", "in both", "precision", "recall",
        "rate in a [Hz]", "b - a", "CV in a", "b - a",
    ]  # fmt: skip
    return text_table(rows, headers) if rows else ""


def _distances(comparison: Comparison) -> str:
    rows = [
        [name, f"{s.van_rossum:.4g}", f"{s.victor_purpura:.4g}", f"{s.spike_distance:.4g}"]
        for name, s in comparison.spikes.items()
        if not s.identical
    ]
    tau, q = f"van Rossum, tau {comparison.tau:g} ms", f"Victor-Purpura, q {comparison.q:g}/ms"
    return text_table(rows, ["mean distance per neuron", tau, q, "SPIKE"]) if rows else ""


def _weights(comparison: Comparison) -> str:
    rows = [
        [name, f"{w.n_synapses:,}", f"{w.max_abs:.3g}", f"{w.rms:.3g}", w.unit]
        for name, w in comparison.weights.items()
    ]
    return text_table(rows, ["projection", "synapses", "largest difference", "rms", "unit"]) if rows else ""


def _run(stamp: Provenance) -> str:
    network = f"seed {stamp.seed}, dt {stamp.dt:g} ms, network {stamp.network_hash[:12]}"
    return f"{stamp.backend} ({stamp.executor}, {stamp.precision}), {network}"


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{round(value, 2) + 0.0:.2f}"  # 0.00 has no sign


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
