"""The command ``hmn-snn report``: one network on every target, as a page, as JSON and as a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from . import registry
from .check_matrix import ALL

if TYPE_CHECKING:
    from .reporting import Report

DESCRIPTION = """Run a network on several targets, or load what they gave, and write one page about all of them
(index.html, which needs nothing but itself) and the same numbers as report.json. A target that refuses the network, is
not installed or fails appears as such."""

NONE = "none"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a report is told, besides the network and its duration.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    names = registry.names()
    parser.add_argument("--backends", nargs="+", choices=(*names, ALL, NONE), default=[ALL], metavar="NAME",
                        help=f"{ALL} (default), {NONE} (load only), or some of {', '.join(names)}")  # fmt: skip
    parser.add_argument("--load", type=_named_file, action="append", default=[], metavar="NAME=FILE.h5",
                        help="results saved by run --out: instead of a run where NAME is a backend, else beside the "
                             "others; may be given again")  # fmt: skip
    parser.add_argument("--reference", metavar="NAME", help="what the others are compared with (default: the first)")
    parser.add_argument("--out", type=Path, default=Path("report"), metavar="DIR",
                        help="folder for index.html and report.json (default: report)")  # fmt: skip


def write_report(options: argparse.Namespace) -> Report:
    """Make the report that the command line describes, and print its table.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    Report
    """
    from .cli import find_network
    from .reporting import report

    backends = [name for name in options.backends if name != NONE]
    made = report(
        find_network(options),
        options.duration,
        ALL if ALL in backends else backends,
        results=dict(options.load),
        reference=options.reference,
        out=options.out,
    )
    print(made)
    return made


def _named_file(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=FILE.h5, such as loihi2=chip.h5")
    return name, Path(file)
