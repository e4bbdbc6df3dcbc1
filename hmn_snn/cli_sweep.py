"""The command ``hmn-snn sweep``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import HMNError
from .sweep_points import SAMPLERS

DESCRIPTION = """Run a network at many settings of its parameters, seeds and backends; each finished point is kept at
once, and the same command goes on where a killed sweep was.

A parameter is PATH=VALUES. PATH is the name of an object and of its parameter: stim.rate, exc.cell.tau_m,
"stim -> exc.plasticity.eta_g", dt. VALUES are a list, 10,20,40, or, for --sampler random and optuna, also a range:
10:40, 0.1:10:log, 1:9:integer."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a sweep is told, besides the network and its duration.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.add_argument("--set", action="append", required=True, metavar="PATH=VALUES", dest="parameters",
                        help="a parameter and its values; may be given again")  # fmt: skip
    parser.add_argument("--seeds", type=int, nargs="+", metavar="N", help="of each setting (default: the network's)")
    parser.add_argument("--measure", metavar="FILE.py:FUNCTION", help="from Results to named numbers (default: rates)")
    parser.add_argument("--sampler", choices=SAMPLERS, default=SAMPLERS[0], help="default: %(default)s")
    parser.add_argument("--n-settings", type=int, metavar="N", help="of the samplers random and optuna")
    parser.add_argument("--objective", metavar="MEASURE", help="what optuna is after, such as 'rate of exc [Hz]'")
    parser.add_argument("--minimize", action="store_true", help="the objective, instead of maximizing it")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes on this machine (default: 1)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, such as tcp://host:8786")
    parser.add_argument("--out", type=Path, default=Path("sweep"), metavar="DIR",
                        help="folder for points, sweep.csv and sweep.png (default: sweep)")  # fmt: skip


def run_sweep(options: argparse.Namespace) -> None:
    """Run the sweep that the command line describes, and print its table.

    Parameters
    ----------
    options : argparse.Namespace
    """
    from .cli import backend_options, find_function, find_network
    from .sweeping import rates, sweep

    measure = rates if options.measure is None else find_function(options.measure)
    found = sweep(
        find_network(options),
        options.duration,
        _parameters(options.parameters),
        seeds=options.seeds,
        backends=options.backend,
        measure=measure,
        sampler=options.sampler,
        n_settings=options.n_settings,
        objective=options.objective,
        maximize=not options.minimize,
        out=options.out,
        jobs=options.jobs,
        scheduler=options.scheduler,
        **backend_options(options),
    )
    print(found)
    print(f"\nwritten: {options.out}")


def _parameters(texts: Sequence[str]) -> dict[str, Any]:
    """Read all parameters; each is given once."""
    from .sweep_points import parsed

    found: dict[str, Any] = {}
    for path, values in map(parsed, texts):
        if path in found:
            raise HMNError(f"--set names {path!r} twice; list all its values in one")
        found[path] = values
    return found
