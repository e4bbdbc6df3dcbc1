"""The command ``hmn-snn energy``: what a saved run takes on some devices."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .costs import cost_table, devices


def add_energy(parser: argparse.ArgumentParser) -> None:
    """Give the command's parser its arguments.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    """
    parser.description = (
        "Estimate what a saved run takes on devices, from its counts of events and tables of published constants.\n"
        f"DEVICE is one of {', '.join(devices())}, or a TOML file of your own."
    )
    parser.add_argument("results", type=Path, nargs="?", metavar="RESULTS.h5", help="results, saved by run --out")
    parser.add_argument("--device", nargs="+", default=list(devices()), metavar="DEVICE",
                        help="default: all; one device alone is shown in detail")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON too")
    parser.add_argument("--constants", action="store_true", help="print the devices' constants with their sources")
    parser.set_defaults(action=energy_command, parser=parser)


def energy_command(options: argparse.Namespace) -> int:
    """Run the command.

    Parameters
    ----------
    options : argparse.Namespace

    Returns
    -------
    int
        Exit code.
    """
    from .energies import energy
    from .energy_summary import devices_table
    from .results import Results

    if options.constants:
        print("\n\n".join(str(cost_table(device)) for device in options.device))
    if options.results is None:
        if not options.constants:
            options.parser.error("name the file of a run, or ask for --constants")
        return 0
    results = Results.load(options.results)
    estimates = [energy(results, device) for device in options.device]
    if len(estimates) == 1:
        print(estimates[0])
    else:
        ran = estimates[0].mode
        print(f"energy of {results.name!r}, {results.duration:g} ms, counted by {ran}: estimates, not measurements\n")
        print(devices_table(estimates))
    if options.json:
        options.json.write_text(json.dumps([estimate.to_dict() for estimate in estimates], indent=2), encoding="utf-8")
        print(f"\nwritten: {options.json}")
    return 0
