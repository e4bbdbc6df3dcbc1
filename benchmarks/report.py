"""What is printed of the measurements on a network: figures, ratios to ours, a table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from measurement import Measurement
from networks import Case

from hmn_snn.summary import text_table

WIDTH = 160
NOTES = """
run       the simulation alone, least and median of the repeats, on the clock
CPU       the same in processor time, least: what other processes disturb least; events/s and ratios are of it
events/s  spikes reaching a synapse, at a plastic one from either end, by the mean number of synapses per neuron
set-up    from the description to the first step: in a fresh process (ours loads its compiled kernel from a cache)
again     the least of later set-ups in the same process
compile   code made and compiled for this network; ours is compiled once per installation, at the first call
all       compile + set-up + run
MB        largest memory of the process that simulates, with its libraries (Brian2: of the C++ program alone)
/f64      how many times longer than ours in float64 (of CPU, of all); /f32 the same for float32
learned   mean weight change [pA]; NEST has one eligibility trace (1 s), so another change
Brian2    clock-driven: each synapse's traces by Euler steps; expanded: so, with the gate's cosine of a difference as
          products, a synapse computing none; event-driven: exact where dopamine is constant and nothing gates
NEST      stdp_dopamine_synapse without gate; how often dopamine spikes are handed to the synapses
""".strip()


@dataclass(frozen=True)
class Row:
    """What became of a contender: a measurement, or a remark why there is none."""

    label: str
    measured: Measurement | None
    remark: str = ""


def figures(case: Case, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return what is printed of each row, in numbers.

    Parameters
    ----------
    case : Case
    rows : sequence of Row
        Ours in float64 and float32 first.

    Returns
    -------
    list of dict
    """
    return [_figures(case, row, rows) if row.measured else {"engine": row.label, "remark": row.remark} for row in rows]


def _figures(case: Case, row: Row, rows: Sequence[Row]) -> dict[str, Any]:
    m, double, single = row.measured, rows[0].measured, rows[1].measured
    assert m is not None
    assert double is not None
    assert single is not None
    seconds = case.duration / 1000.0
    return {
        "engine": row.label,
        "rates": {name: m.spikes[name] / size / seconds for name, size in case.sizes.items()},
        "events_per_s": case.events(m.spikes) / min(m.cpu),
        "run_min": min(m.run),
        "run_median": statistics.median(m.run),
        "cpu_min": min(m.cpu),
        "setup": m.setup[0],
        "setup_again": min(m.setup[1:], default=None),
        "compile": m.compilation,
        "all": m.whole,
        "peak_mb": m.peak_mb,
        "ratio_float64": min(m.cpu) / min(double.cpu),
        "ratio_float32": min(m.cpu) / min(single.cpu),
        "ratio_all": m.whole / double.whole,
        "learned": m.learned,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the figures of a network as text.

    Parameters
    ----------
    rows : sequence of dict

    Returns
    -------
    str
    """
    headers = ["engine", "rates Hz", "events/s", "run s", "median", "CPU s", "set-up s", "again", "compile s", "all s",
               "MB", "CPU/f64", "CPU/f32", "all/f64", "learned"]  # fmt: skip
    lines = []
    for row in rows:
        if "remark" in row:
            lines.append([row["engine"], row["remark"], *[None] * (len(headers) - 2)])
            continue
        rates = ", ".join(f"{name} {rate:.1f}" for name, rate in row["rates"].items())
        times = ("run_min", "run_median", "cpu_min", "setup", "setup_again", "compile", "all")
        ratios = ("ratio_float64", "ratio_float32", "ratio_all", "learned")
        lines.append([
            row["engine"], rates, f"{row['events_per_s']:.2e}", *(_text(row[key]) for key in times),
            f"{row['peak_mb']:.0f}", *(_text(row[key]) for key in ratios),
        ])  # fmt: skip
    if all(line[-1] is None for line in lines):
        headers, lines = headers[:-1], [line[:-1] for line in lines]
    return text_table(lines, headers, WIDTH)


def _text(value: float | None) -> str | None:
    return None if value is None else f"{value:.0f}" if value >= 100.0 else f"{value:.3g}"
