"""Time per write pulse of each kind of memristive device, beside aihwkit's.

One thread. A pulse is timed alone (every device of an array gets one, up and down in turn) and in trains of 10; the
closed form of a train is timed per device, whatever the train's length. Beside them, in the same run: a copy of one
number per device, which is what memory allows. The figures of aihwkit 1.2.0 were measured on another day, on a machine
of the same kind: read the ratio with that in mind, or install aihwkit, and it is measured in the same run. So was that
of a prototype of the SoftBounds pulse in single precision, with a running xorshift generator: 2.25 ns.

    python benchmarks/crossbar_pulses.py
    python benchmarks/crossbar_pulses.py --size 256 --json pulses.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from hmn_snn.backends.memristor import presets
from hmn_snn.backends.memristor.devices import WRITTEN, Device
from hmn_snn.backends.memristor.population import Population
from hmn_snn.backends.memristor.pulsed_devices import ConstantStep, ExpStep, LinearStep, PowStep, SoftBounds
from hmn_snn.backends.memristor.pulses import LONG_TRAIN, pulse_all, write_all

from hmn_snn.summary import text_table

TRAIN = 10
VARIED: dict[str, Any] = {"step": 0.1, "step_spread": 0.3, "c2c": 0.3}

# name -> (device, class of aihwkit, its time per pulsed crosspoint in ns where stored: version 1.2.0, one thread)
CASES: dict[str, tuple[Device, str | None, float | None]] = {
    "ConstantStep": (ConstantStep(**VARIED), "devices.ConstantStepDevice", 12.8),
    "LinearStep": (LinearStep(**VARIED, gamma_up=0.2, gamma_down=0.4), "devices.LinearStepDevice", None),
    "SoftBounds": (SoftBounds(**VARIED), "devices.SoftBoundsDevice", 13.6),
    "ExpStep": (ExpStep(**VARIED), "devices.ExpStepDevice", None),
    "PowStep": (PowStep(**VARIED, gamma_up=1.5, gamma_down=0.7), "devices.PowStepDevice", None),
    "reram_es": (presets.get("reram_es"), "presets.ReRamESPresetDevice", 20.1),
    "reram_sb": (presets.get("reram_sb"), "presets.ReRamSBPresetDevice", 27.5),
    "taox": (presets.get("taox"), None, None),
    "ideal": (presets.get("ideal"), None, None),
    "pcm": (presets.get("pcm"), None, None),
}


def seconds(function: Callable[[], Any], repeats: int) -> tuple[float, float]:
    """Return the least and the median processor time of some calls.

    Parameters
    ----------
    function : callable
    repeats : int

    Returns
    -------
    least, median : float [s]
    """
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times), statistics.median(times)


def copy_time(size: int, repeats: int) -> float:
    """Return the least time that copying one number per device takes [ns]."""
    source, copy = np.ones(size * size), np.ones(size * size)
    return 1e9 / size**2 * seconds(lambda: np.copyto(copy, source), repeats)[0]


def measure(device: Device, size: int, repeats: int) -> dict[str, float | None]:
    """Time the pulses of a device.

    Parameters
    ----------
    device : Device
    size : int
        Rows and columns of the array.
    repeats : int

    Returns
    -------
    dict
        Least and median: ``pulse``, ``pulse_median`` [ns]; in a train of 10 ``in_train``, ``in_train_median`` [ns];
        ``closed``, ``closed_median`` [ns per device].
    """
    n = size * size
    devices = Population(device, n, g=0.5 * (device.g_min + device.g_max))
    everyone, sign = np.empty(0, np.int64), np.where(np.arange(n) % 2, 1, -1).astype(np.int32)

    def times(name: str, function: Callable[[], Any], pulses: int = 1) -> dict[str, float | None]:
        least, median = (1e9 / n / pulses * t for t in seconds(function, repeats))
        return {name: least, f"{name}_median": median}

    if device.kind == WRITTEN:
        targets = np.linspace(device.g_min, device.g_max, n)
        return times("pulse", lambda: write_all(everyone, targets, 0.0, devices.cells))
    trains, long_trains = TRAIN * sign, LONG_TRAIN * sign
    found = times("pulse", lambda: pulse_all(everyone, sign, 0.0, False, devices.cells))
    found |= times("in_train", lambda: pulse_all(everyone, trains, 0.0, False, devices.cells), TRAIN)
    if isinstance(device, (ConstantStep, LinearStep)):
        found |= times("closed", lambda: pulse_all(everyone, long_trains, 0.0, True, devices.cells))
    return found


def measure_aihwkit(name: str, size: int, repeats: int) -> float:
    """Time one pulse of every device of an aihwkit tile.

    Parameters
    ----------
    name : str
        ``"devices.<class>"`` or ``"presets.<class>"``.
    size : int
    repeats : int

    Returns
    -------
    float [ns]
        Of processor time, by device.
    """
    import importlib

    import torch
    from aihwkit.simulator.configs import SingleRPUConfig, UpdateParameters
    from aihwkit.simulator.tiles import AnalogTile

    torch.set_num_threads(1)
    module, _, kind = name.partition(".")
    places = {"devices": "aihwkit.simulator.configs.devices", "presets": "aihwkit.simulator.presets.devices"}
    device = getattr(importlib.import_module(places[module]), kind)()
    # A train of one slot in which every line fires: each device gets exactly one pulse.
    update = UpdateParameters(desired_bl=1, fixed_bl=True, update_bl_management=False, update_management=False)
    tile = AnalogTile(size, size, SingleRPUConfig(device=device, update=update))
    tile.set_learning_rate(1.0)
    ones = torch.ones(1, size)
    return 1e9 / size**2 * seconds(lambda: tile.update(ones, ones), repeats)[0]


def row(name: str, size: int, repeats: int) -> dict[str, Any]:
    """Measure a device, and aihwkit's if it is there.

    Parameters
    ----------
    name : str
        Of :data:`CASES`.
    size, repeats : int

    Returns
    -------
    dict
    """
    device, other, stored = CASES[name]
    result: dict[str, Any] = {"device": name, **measure(device, size, repeats), "aihwkit_stored": stored}
    if other is not None and find_spec("aihwkit") is not None:
        result["aihwkit"] = measure_aihwkit(other, size, repeats)
    peer = result.get("aihwkit", stored)
    result["ratio"] = None if peer is None else peer / result["pulse"]
    return result


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print.

    Parameters
    ----------
    argv : sequence of str, optional

    Returns
    -------
    int
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="rows and columns of the array")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    args = parser.parse_args(argv)
    if args.size < 1 or args.repeats < 1:
        parser.error("--size and --repeats must be at least 1")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    for kind in ("taox", "ideal"):  # compiles, or loads what was compiled
        measure(CASES[kind][0], 8, 1)
    rows = [row(name, args.size, args.repeats) for name in CASES]
    copy = copy_time(args.size, args.repeats)
    columns = {
        "pulse": "ns/pulse", "pulse_median": "median", "in_train": "in trains of 10", "in_train_median": "median",
        "closed": "closed form, ns/device", "aihwkit_stored": "aihwkit, stored", "aihwkit": "aihwkit, now",
        "ratio": "aihwkit/ours",
    }  # fmt: skip
    cells = [[r["device"], *(None if r.get(k) is None else round(r[k], 1) for k in columns)] for r in rows]
    print(f"{args.size} x {args.size} devices, one thread, least of {args.repeats}, load {load:.1f} at the start\n")
    print(text_table(cells, ["device", *columns.values()]))
    print(f"\ncopying one number of 8 bytes per device takes {copy:.2f} ns")
    if args.json is not None:
        figures = {"size": args.size, "load": load, "copy": copy, "rows": rows}
        args.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
