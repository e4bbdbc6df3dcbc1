"""The ways to read a crossbar whose wires resist: time of each, and how many times as long as others it takes.

For square crossbars of 1 Ohm per cell, conductances up to 100 uS over an on/off ratio of 20, and 30 % of the rows at
0.2 V: the exact nodal solution, alternating lines, the effective matrix, the gains of DMR, and the product without
wires. Beside them, figures measured before on another machine, and badcrossbar's where it is installed (its drawing,
which needs cairo, is not). Processor time, one thread; the least of the repeats.

    python benchmarks/crossbar_circuit.py
    python benchmarks/crossbar_circuit.py --sizes 64 --repeats 3 --json results.json
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from hmn_snn.backends.memristor.circuit import (
    Crossbar,
    Excitation,
    NodalCircuit,
    Wires,
    effective_conductances,
    kappa,
    line_gains,
    solve,
)
from hmn_snn.backends.memristor.circuit_lines import LineCircuit

from hmn_snn.summary import text_table

RESISTANCE, VOLTAGE, G_MAX, ON_OFF, ACTIVE = 1.0, 0.2, 1e-4, 20.0, 0.3
NODAL, LU = "nodal solution", "nodal, factors kept"
LINES, LINES_KEPT = "alternating lines, 1e-6 V", "lines, factors kept"
MATRIX, PRODUCT = "effective matrix, made", "effective matrix, V @ G"
GAINS, IDEAL, PEER = "DMR gains, made", "no wires, V @ G", "badcrossbar"

# [ms] One thread of a shared AMD EPYC of about 2.6 GHz: SuperLU, and an earlier solver of alternating lines (at kappa
# .82 for 64, 3.3 for 256); the matrix by one nodal solution per column.
STORED: dict[str, dict[int, float]] = {
    NODAL: {64: 13.3, 128: 86.9, 256: 547.0},
    LU: {64: 0.27, 128: 1.9, 256: 12.0},
    LINES: {64: 0.33, 128: 1.6, 256: 12.3},
    MATRIX: {64: 30.3, 128: 328.0, 256: 3607.0},
    GAINS: {256: 0.2},
}


def milliseconds(function: Callable[[], Any], repeats: int) -> float:
    """Return the least processor time of some calls, after one that is not counted.

    Parameters
    ----------
    function : callable
    repeats : int
        Of calls, or of bunches of them where one is shorter than the clock can tell.

    Returns
    -------
    float [ms]
    """
    begun = time.process_time()
    function()
    calls = max(1, round(2e-3 / max(time.process_time() - begun, 1e-6)))
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        for _ in range(calls):
            function()
        times.append((time.process_time() - begun) / calls)
    return 1e3 * min(times)


def crossbar_of(size: int) -> tuple[Crossbar, np.ndarray]:
    """Return a benchmarked crossbar and the row voltages of its read.

    Parameters
    ----------
    size : int
        Rows and columns.

    Returns
    -------
    Crossbar, (rows,) float array [V]
    """
    rng = np.random.default_rng(size)
    G = rng.uniform(G_MAX / ON_OFF, G_MAX, (size, size))
    V = VOLTAGE * rng.permutation(np.arange(size) < round(ACTIVE * size))
    return Crossbar(G, Wires(RESISTANCE, RESISTANCE)), V


def badcrossbar() -> Any:
    """Return badcrossbar, or None if it is not installed."""
    if find_spec("badcrossbar") is None:
        return None
    if "cairo" not in sys.modules and find_spec("cairo") is None:  # its import asks for what only its drawing uses
        sys.modules["cairo"] = MagicMock()
    logging.getLogger("badcrossbar").setLevel(logging.WARNING)
    return importlib.import_module("badcrossbar")


def peer_read(crossbar: Crossbar, V: np.ndarray) -> np.ndarray:
    """Return the column currents that badcrossbar computes [A]."""
    solution = badcrossbar().compute(V[:, None], 1.0 / crossbar.conductances, r_i=RESISTANCE)
    currents: np.ndarray = solution.currents.output.ravel()
    return currents


def measure(size: int, repeats: int) -> list[dict[str, Any]]:
    """Time every way to read a crossbar.

    Parameters
    ----------
    size, repeats : int

    Returns
    -------
    list of dict
        Way, time [ms], largest error of a current relative to the exact ones, sweeps.
    """
    crossbar, V = crossbar_of(size)
    circuit, matrix, (a, b) = NodalCircuit(crossbar), effective_conductances(crossbar), line_gains(crossbar)
    exact, lines = circuit.solve(V).column_currents, solve(crossbar, V)
    G, kept, excitation = crossbar.conductances, LineCircuit(crossbar), Excitation.of(crossbar, V)
    ways: list[tuple[str, Callable[[], Any], np.ndarray, int | None]] = [
        (NODAL, lambda: solve(crossbar, V, method="nodal"), exact, None),
        (LU, lambda: circuit.solve(V), exact, None),
        (LINES, lambda: solve(crossbar, V), lines.column_currents, lines.sweeps),
        (LINES_KEPT, lambda: kept.solve(excitation), lines.column_currents, lines.sweeps),
        (MATRIX, lambda: effective_conductances(crossbar), V @ matrix, None),
        (PRODUCT, lambda: V @ matrix, V @ matrix, None),
        (GAINS, lambda: line_gains(crossbar), (V * a) @ G * b, None),
        (IDEAL, lambda: V @ G, V @ G, None),
    ]
    if badcrossbar() is not None:
        ways.append((PEER, lambda: peer_read(crossbar, V), peer_read(crossbar, V), None))
    return [
        {
            "way": way,
            "ms": milliseconds(function, repeats),
            "error": float(np.abs(found / exact - 1.0).max()),
            "sweeps": sweeps,
            "stored_ms": STORED.get(way, {}).get(size),
        }
        for way, function, found, sweeps in ways
    ]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the measurements on a crossbar as text, with ratios to the nodal solution and to the matrix's product.

    Parameters
    ----------
    rows : sequence of dict

    Returns
    -------
    str
    """
    time_of = {row["way"]: row["ms"] for row in rows}
    lines = [
        [
            row["way"], f"{row['ms']:.3g}", f"{row['ms'] / time_of[NODAL]:.2g}", f"{row['ms'] / time_of[PRODUCT]:.3g}",
            f"{row['error']:.1e}", row["sweeps"], row["stored_ms"],
            None if row["stored_ms"] is None else f"{row['ms'] / row['stored_ms']:.2g}",
        ]
        for row in rows
    ]  # fmt: skip
    headers = ["way", "ms", "/nodal", "/product", "error", "sweeps", "stored ms", "/stored"]
    return text_table(lines, headers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line.

    Returns
    -------
    int
        Exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 256], help="rows and columns")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args(arguments)
    if min(given.sizes) < 1 or given.repeats < 1:
        parser.error("sizes and repeats are at least 1")
    report = []
    for size in given.sizes:
        rows = measure(size, given.repeats)
        k = kappa(G_MAX, Wires(RESISTANCE, RESISTANCE), (size, size))
        print(f"\n{size} x {size}, {RESISTANCE:g} Ohm per cell, kappa {k:.2g}\n\n{table(rows)}")
        report.append({"size": size, "kappa": k, "rows": rows})
    if badcrossbar() is None:
        print("\nbadcrossbar is not installed; it is not measured")
    if given.json:
        given.json.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
