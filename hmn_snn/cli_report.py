"""The command ``hmn-snn report``: one network on every target, as a page, as JSON and as a table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    parser.add_argument("--option", type=_option, action="append", default=[], metavar="NAME.OPTION=VALUE",
                        help="of a backend, such as spinnaker.delays=shifted; `hmn-snn backends` lists them; may be "
                             "given again")  # fmt: skip
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
    settings: dict[str, dict[str, Any]] = {}
    for name, option, value in options.option:
        settings.setdefault(name, {})[option] = value
    made = report(
        find_network(options),
        options.duration,
        ALL if ALL in backends else backends,
        results=dict(options.load),
        options=settings,
        reference=options.reference,
        out=options.out,
    )
    print(made)
    return made


def _option(text: str) -> tuple[str, str, Any]:
    from .cli import number_or_text

    place, equals, value = text.partition("=")
    name, dot, option = place.partition(".")
    if not (name and dot and option and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME.OPTION=VALUE, such as spinnaker.delays=shifted")
    return name, option.replace("-", "_"), number_or_text(value)


def _named_file(text: str) -> tuple[str, Path]:
    name, equals, file = text.partition("=")
    if not (name and equals and file):
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=FILE.h5, such as loihi2=chip.h5")
    return name, Path(file)
