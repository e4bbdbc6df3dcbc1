"""Results for other packages: Neo blocks and xarray data sets."""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from .errors import MissingExtraError
from .recorded import Trace
from .results import Results


def to_neo(results: Results) -> Any:
    """Return spikes and traces as a Neo block; see :meth:`hmn_snn.results.Results.to_neo`.

    Parameters
    ----------
    results : Results

    Returns
    -------
    neo.Block

    Raises
    ------
    MissingExtraError
    """
    neo, units = _extra("neo"), _extra("quantities", "neo")
    stamp = results.provenance
    block = neo.Block(
        name=results.name,
        description=f"hmn-snn {stamp.version}, {stamp.backend} ({stamp.executor})",
        dt=results.dt,
        seed=stamp.seed,
        network_hash=stamp.network_hash,
    )
    segment = neo.Segment(name=f"{results.t_start:g} to {results.t_stop:g} ms")
    block.segments.append(segment)
    for name, spikes in results.spikes.items():
        order = np.argsort(spikes.i, kind="stable")
        times = np.split(spikes.t[order], np.cumsum(spikes.counts)[:-1]) if spikes.size else []
        span = {"units": "ms", "t_start": results.t_start, "t_stop": results.t_stop}
        trains = [
            neo.SpikeTrain(t, **span, name=f"{name}[{index}]", source=name, index=index)
            for index, t in enumerate(times)
        ]
        segment.spiketrains.extend(trains)
        block.groups.append(neo.Group(objects=trains, name=name))
    for name, variables in results.traces.items():
        for variable, trace in variables.items():
            segment.analogsignals.append(_signal(neo, units, results, name, variable, trace))
    block.check_relationships()
    return block


def _signal(neo: Any, units: Any, results: Results, name: str, variable: str, trace: Trace) -> Any:
    start = trace.t[0] if len(trace.t) else results.t_start
    # A difference of two late times is inexact; the interval is a multiple of dt.
    steps = round((trace.t[1] - start) / results.dt) if len(trace.t) > 1 else 1
    return neo.AnalogSignal(
        trace.values,
        units=trace.unit or "dimensionless",
        t_start=start * units.ms,
        sampling_period=steps * results.dt * units.ms,
        name=f"{name}.{variable}",
        array_annotations={"index": trace.indices},
        source=name,
        variable=variable,
    )


def to_xarray(results: Results) -> Any:
    """Return everything as an xarray data set; see :meth:`hmn_snn.results.Results.to_xarray`.

    Parameters
    ----------
    results : Results

    Returns
    -------
    xarray.Dataset

    Raises
    ------
    MissingExtraError
    """
    xarray = _extra("xarray")
    variables: dict[str, Any] = {}
    coordinates: dict[str, Any] = {}
    for name, spikes in results.spikes.items():
        about = {"source": name, "size": spikes.size}
        variables[f"{name}.spike_time"] = (f"{name}.spike", spikes.t, {**about, "units": "ms"})
        variables[f"{name}.spike_index"] = (f"{name}.spike", spikes.i, about)
    for name, entry in results.traces.items():
        for variable, trace in entry.items():
            time = _shared(coordinates, "time", trace.t, {"units": "ms"})
            member = _shared(coordinates, f"{name}.index", trace.indices, {})
            about = {"source": name, "variable": variable, "units": trace.unit or "1"}
            variables[f"{name}.{variable}"] = ((time, member), trace.values, about)
    for name, weights in results.weights.items():
        synapse = f"{name}.synapse"
        about = {"source": name, "units": weights.unit}
        variables[f"{name}.pre"] = (synapse, weights.pre, {"source": name})
        variables[f"{name}.post"] = (synapse, weights.post, {"source": name})
        variables[f"{name}.final_weight"] = (synapse, weights.values, about)
        if weights.initial is not None:
            variables[f"{name}.initial_weight"] = (synapse, weights.initial, about)
    return xarray.Dataset(variables, coordinates, _attributes(results))


def _shared(coordinates: dict[str, Any], stem: str, values: np.ndarray, attributes: dict[str, str]) -> str:
    """Return the name of the dimension that has these values: an existing one, or a new one after ``stem``."""
    number = 0
    while (dimension := stem if number == 0 else f"{stem}_{number}") in coordinates:
        if np.array_equal(coordinates[dimension][1], values):
            return dimension
        number += 1
    coordinates[dimension] = (dimension, values, attributes)
    return dimension


def _attributes(results: Results) -> dict[str, Any]:
    """Return what is no array, as numbers and text (what netCDF files can hold)."""
    return {
        "name": results.name,
        "dt": results.dt,
        "t_start": results.t_start,
        "t_stop": results.t_stop,
        "threshold_margin": results.margins.threshold,
        "application_margin": results.margins.application,
        "ledger": json.dumps(asdict(results.ledger)),
        "findings": json.dumps([asdict(finding) for finding in results.findings]),
        "provenance": json.dumps(asdict(results.provenance)),
    }


def _extra(package: str, extra: str | None = None) -> Any:
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingExtraError(package, extra or package) from None
