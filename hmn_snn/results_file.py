"""Results in one HDF5 file: arrays as they are, the rest as JSON text.

Layout: the groups ``spikes``, ``traces`` and ``weights`` hold one numbered group per entry (objects' names may contain
what HDF5 names may not), with the names and units as attributes; ``ledger``, ``findings`` and ``provenance`` are JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .hdf5 import open_checked, write_atomically
from .ledger import Ledger, Margins
from .recorded import Spikes, Trace, Weights
from .results import Results
from .stamp import Provenance
from .translator import Finding, Severity

if TYPE_CHECKING:
    import h5py

FORMAT = "hmn-snn results"
SCHEMA = 1


def save_results(results: Results, path: str | Path) -> None:
    """Save results to one HDF5 file, atomically.

    Parameters
    ----------
    results : Results
    path : str or pathlib.Path

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    write_atomically(path, lambda file: _fill(file, results), FORMAT, SCHEMA)


def load_results(path: str | Path) -> Results:
    """Load results saved with :func:`save_results`.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    Results

    Raises
    ------
    OSError
        If there is no such file.
    FileFormatError
        If the file holds no results, is truncated or damaged, or of a newer schema.
    """
    with open_checked(path, FORMAT, SCHEMA) as file:
        return _read(file)


def _fill(file: h5py.File, results: Results) -> None:
    margins = {"threshold_margin": results.margins.threshold, "application_margin": results.margins.application}
    file.attrs.update(name=results.name, dt=results.dt, t_start=results.t_start, t_stop=results.t_stop, **margins)
    for number, (name, spikes) in enumerate(results.spikes.items()):
        group = file.create_group(f"spikes/{number}")
        group.attrs.update(name=name, size=spikes.size)
        _store(group, t=spikes.t, i=spikes.i)
    traces = [(name, variable, trace) for name, entry in results.traces.items() for variable, trace in entry.items()]
    for number, (name, variable, trace) in enumerate(traces):
        group = file.create_group(f"traces/{number}")
        group.attrs.update(name=name, variable=variable, unit=trace.unit)
        _store(group, t=trace.t, values=trace.values, indices=trace.indices)
    for number, (name, weights) in enumerate(results.weights.items()):
        group = file.create_group(f"weights/{number}")
        group.attrs.update(name=name, unit=weights.unit)
        _store(group, pre=weights.pre, post=weights.post, values=weights.values)
        if weights.initial is not None:
            _store(group, initial=weights.initial)
    file["ledger"] = json.dumps(asdict(results.ledger))
    file["findings"] = json.dumps([asdict(finding) for finding in results.findings])
    file["provenance"] = json.dumps(asdict(results.provenance))


def _store(group: h5py.Group, **arrays: np.ndarray) -> None:
    """Write arrays, compressed and with check sums (so that a flipped bit is an error, not a number)."""
    for name, array in arrays.items():
        options: dict[str, Any] = {"compression": 1, "shuffle": True, "fletcher32": True} if array.size else {}
        group.create_dataset(name, data=array, **options)


def _read(file: h5py.File) -> Results:
    attrs = file.attrs
    traces: dict[str, dict[str, Trace]] = {}
    for group in _entries(file, "traces"):
        trace = Trace(group["t"][:], group["values"][:], group["indices"][:], group.attrs["unit"])
        traces.setdefault(group.attrs["name"], {})[group.attrs["variable"]] = trace
    ledger, stamp = _json(file, "ledger"), _json(file, "provenance")
    return Results(
        name=attrs["name"],
        dt=float(attrs["dt"]),
        t_start=float(attrs["t_start"]),
        t_stop=float(attrs["t_stop"]),
        spikes={
            group.attrs["name"]: Spikes(group["t"][:], group["i"][:], int(group.attrs["size"]))
            for group in _entries(file, "spikes")
        },
        traces=traces,
        weights={group.attrs["name"]: _weights(group) for group in _entries(file, "weights")},
        ledger=Ledger(**{name: ledger[name] for name in (*Ledger.counters(), "hardware")}),
        margins=Margins(float(attrs["threshold_margin"]), float(attrs["application_margin"])),
        findings=tuple(_finding(entry) for entry in _json(file, "findings")),
        provenance=Provenance(**{name: stamp[name] for name in Provenance.__dataclass_fields__}),
    )


def _entries(file: h5py.File, name: str) -> Iterator[h5py.Group]:
    """Yield the numbered groups in the order in which they were written."""
    for key in sorted(file.get(name, ()), key=int):
        yield file[name][key]


def _weights(group: h5py.Group) -> Weights:
    initial = group["initial"][:] if "initial" in group else None
    return Weights(group["pre"][:], group["post"][:], group["values"][:], group.attrs["unit"], initial)


def _json(file: h5py.File, name: str) -> Any:
    return json.loads(file[name].asstr()[()])


def _finding(entry: dict[str, Any]) -> Finding:
    return Finding(**{**entry, "severity": Severity(entry["severity"])})
