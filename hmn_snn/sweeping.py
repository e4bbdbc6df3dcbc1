"""Sweeps: a network at many settings, seeds and backends, in parallel, on one machine or a Dask cluster, resumable."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from . import __version__
from .errors import (
    BackendUnavailableError,
    DescriptionError,
    FileFormatError,
    HMNError,
    MissingExtraError,
    RejectedError,
    UnknownNameError,
)
from .network import Network
from .parameter_path import split, with_parameters
from .results import Results
from .sweep_points import SAMPLERS, Point, Range, Setting, drawn, grid, proposed
from .sweep_table import Finished, Sweep

Measures = Mapping[str, float]
FILE_MODULE = "_network_file_"  # begins the names of modules that the command line makes of files


def rates(results: Results) -> dict[str, float]:
    """Return what a sweep measures if nothing else is asked for.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict of str to float
        The mean rate of every population and input [Hz], synaptic events, mean final weight of each plastic projection.
    """
    seconds = results.duration / 1000.0
    measured = {
        f"rate of {name} [Hz]": len(train) / (train.size * seconds) if train.size and seconds else 0.0
        for name, train in results.spikes.items()
    }
    measured["synaptic events"] = float(results.ledger.total("synaptic_events"))
    for name, weights in results.weights.items():
        if len(weights.values):
            measured[f"mean weight of {name} [{weights.unit}]"] = float(np.mean(weights.values))
    return measured


def sweep(
    network: Network,
    duration: Any,
    parameters: Mapping[str, Any],
    *,
    seeds: Sequence[int] | None = None,
    backends: Sequence[str] = ("numba",),
    measure: Callable[[Results], Measures] = rates,
    sampler: str = "grid",
    n_settings: int | None = None,
    objective: str | None = None,
    maximize: bool = True,
    sampler_seed: int = 0,
    out: str | Path = "sweep",
    jobs: int = 1,
    scheduler: str | None = None,
    progress: bool | None = None,
    **options: Any,
) -> Sweep:
    """Run a network at many settings of its parameters.

    Each finished point is a file in ``out``/points at once; a sweep that was interrupted or killed goes on where it
    was when it is called again, and points that an earlier sweep of the same network has are not run again.

    Parameters
    ----------
    network : Network
    duration : float [ms]
    parameters : mapping of str to sequence or Range
        By path, such as ``"exc.cell.tau_m"`` (see :func:`hmn_snn.parameter_path.with_parameters`).
    seeds : sequence of int, optional
        Of each setting; the network's own if not given.
    backends : sequence of str
    measure : callable (Results) -> mapping of str to float
        What is kept of a run; :func:`rates` if not given.
    sampler : "grid", "random" or "optuna"
    n_settings : int, optional
        Of the samplers "random" and "optuna".
    objective : str, optional
        The measure that "optuna" is after, averaged over seeds and backends.
    maximize : bool
    sampler_seed : int
    out : str or pathlib.Path
        Folder for the points, ``sweep.csv`` and ``sweep.png``.
    jobs : int
        Processes on this machine (joblib).
    scheduler : str, optional
        Address of a Dask scheduler, such as ``"tcp://host:8786"``, whose workers run the points instead.
    progress : bool, optional
        Show a bar; by default on a terminal and in a notebook.
    **options
        Of the backends, as in :func:`hmn_snn.run`.

    Returns
    -------
    Sweep

    Raises
    ------
    DescriptionError, UnknownNameError, MissingExtraError
    """
    _check(network, parameters, sampler, n_settings, objective, jobs)
    folder = Path(out)
    (folder / "points").mkdir(parents=True, exist_ok=True)
    common = _digest(network, duration, measure, options)
    task = (network, duration, measure, options)
    points: dict[str, Point] = {}
    finished: dict[str, Finished] = {}

    def evaluate(settings: Iterable[Setting]) -> list[Finished]:
        wanted = {p.key(common): p for p in _points(settings, network, seeds, backends)}
        points.update(wanted)
        missing = {}
        for key, point in wanted.items():
            known = _read(folder, key, point)
            if known is None:
                missing[key] = point
            else:
                finished[key] = known
        with _bar(len(missing), progress if sampler != "optuna" else False) as advance:
            for key, measured in pool([(key, point, task) for key, point in missing.items()]):
                finished[key] = Finished(missing[key], **measured)
                if not finished[key].refused:  # what is refused may be installed, or mended, by the next time
                    _write(folder, key, finished[key])
                advance()
        return [finished[key] for key in wanted]

    def score(setting: Setting) -> float:
        entries = evaluate([setting])
        for entry in entries:
            if not entry.refused and objective not in entry.measures:
                raise UnknownNameError("measure", str(objective), tuple(entry.measures))
        return float(np.mean([entry.measures.get(str(objective), np.nan) for entry in entries]))

    n = n_settings or 0
    with _pool(jobs, scheduler, measure) as pool:
        if sampler == "optuna":
            for _ in proposed(parameters, n, sampler_seed, score, maximize):
                pass
        else:
            evaluate(grid(parameters) if sampler == "grid" else drawn(parameters, n, sampler_seed))
    made = Sweep(network.name, tuple(parameters), tuple(finished[key] for key in points))
    made.save(folder)
    return made


def _check(
    network: Network, parameters: Mapping[str, Any], sampler: str, n: int | None, objective: str | None, jobs: int
) -> None:
    if sampler not in SAMPLERS:
        raise UnknownNameError("sampler", sampler, SAMPLERS)
    if (sampler != "grid") != (n is not None and n >= 1):
        raise DescriptionError("sweep", "n_settings", n, "give a number with sampler random or optuna, and only then")
    if (sampler == "optuna") != (objective is not None):
        raise DescriptionError("sweep", "objective", objective, "name a measure with sampler optuna, and only then")
    if jobs < 1:
        raise DescriptionError("sweep", "jobs", jobs, "use at least 1 process")
    for path, values in parameters.items():
        if path == "seed":
            raise DescriptionError("sweep", "parameters", path, "seeds are averaged over; give them as seeds")
        if path != "dt":
            split(network, path)
        if not isinstance(values, Range) and len(values) == 0:
            raise DescriptionError(f"sweep of {path!r}", "values", values, "list at least one")


def _digest(network: Network, duration: Any, measure: Callable[..., Any], options: Mapping[str, Any]) -> str:
    from .serialization import network_hash
    from .units import to_canonical

    name = [measure.__module__, measure.__qualname__, _source(measure), __version__]
    milliseconds = float(to_canonical(duration, "ms", "sweep", "duration"))
    text = json.dumps([network_hash(network), milliseconds, name, sorted(options.items())], default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def _source(function: Callable[..., Any]) -> str:
    """Return what a function is, so that another one of the same name is not taken for it."""
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):  # typed in, or made otherwise
        code = getattr(function, "__code__", None)
        return "" if code is None else _code(code)


def _code(code: Any) -> str:
    constants = [_code(c) if hasattr(c, "co_code") else repr(c) for c in code.co_consts]
    return repr((code.co_code, code.co_names, constants))


def _points(
    settings: Iterable[Setting], network: Network, seeds: Sequence[int] | None, backends: Sequence[str]
) -> Iterator[Point]:
    for setting in settings:
        for seed in [network.seed] if seeds is None else seeds:
            for backend in backends:
                yield Point(setting, int(seed), backend)


def run_point(key: str, point: Point, task: Any) -> tuple[str, dict[str, Any]]:
    """Run one point, wherever: what a worker does.

    Parameters
    ----------
    key : str
    point : Point
    task : (Network, duration, measure, options)

    Returns
    -------
    key : str
    dict
        ``measures``, and ``refused``: why there are none, or "".
    """
    from .simulate import run

    network, duration, measure, options = task
    try:
        changed = with_parameters(network, {**point.setting, "seed": point.seed})
        results = run(changed, duration, point.backend, progress=False, **options)
    except (RejectedError, BackendUnavailableError) as error:
        return key, {"measures": {}, "refused": str(error)}
    return key, {"measures": {name: float(value) for name, value in measure(results).items()}, "refused": ""}


@contextmanager
def _pool(
    jobs: int, scheduler: str | None, measure: Callable[..., Any]
) -> Iterator[Callable[[list[Any]], Iterator[tuple[str, Any]]]]:
    """Give a function that runs tasks somewhere and yields what is done, in any order."""
    if scheduler is not None:
        try:
            import distributed
        except ImportError:
            raise MissingExtraError("distributed", "sweep") from None
        make: Any = distributed.Client
        with make(scheduler, timeout="20s", set_as_default=False) as client:
            _send_by_value(measure)
            yield lambda tasks: _on_cluster(client, distributed, tasks)
    elif jobs == 1:
        yield lambda tasks: (run_point(*task) for task in tasks)
    else:
        try:
            import joblib
        except ImportError:
            raise MissingExtraError("joblib", "sweep") from None
        _send_by_value(measure)
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")
        yield lambda tasks: parallel(joblib.delayed(run_point)(*task) for task in tasks)


def _send_by_value(measure: Callable[..., Any]) -> None:
    """Have a function of a file that only the command line knows sent whole to other processes."""
    module = sys.modules.get(measure.__module__)
    if module is not None and module.__name__.startswith(FILE_MODULE):
        import cloudpickle  # what joblib and Dask send functions with

        cloudpickle.register_pickle_by_value(module)


def _on_cluster(client: Any, distributed: Any, tasks: list[Any]) -> Iterator[tuple[str, Any]]:
    futures = [client.submit(run_point, *task, pure=False) for task in tasks]
    with client.as_current():
        for future in distributed.as_completed(futures):
            yield future.result()


@contextmanager
def _bar(total: int, wanted: bool | None) -> Iterator[Callable[[], object]]:
    from .progress import bar_class, shown

    if not total or not shown(wanted):
        yield lambda: None
        return
    with bar_class()(total=total, unit="point", desc="sweeping", leave=False) as bar:
        yield bar.update


# Files


def _write(folder: Path, key: str, entry: Finished) -> None:
    """Write a finished point, whole or not at all."""
    final = folder / "points" / f"{key}.json"
    partial = final.with_name(f".{final.name}.{secrets.token_hex(4)}.partial")
    text = json.dumps({"format": "hmn-snn sweep point", "measures": entry.measures, "refused": entry.refused})
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, final)


def _read(folder: Path, key: str, point: Point) -> Finished | None:
    path = folder / "points" / f"{key}.json"
    if not path.exists():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["format"] != "hmn-snn sweep point":
            raise FileFormatError(path, "it is no point of a sweep; use another folder")
        return Finished(point, dict(stored["measures"]), str(stored["refused"]))
    except HMNError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise FileFormatError(path, f"it cannot be read ({error}); delete it, and the point is run again") from error
