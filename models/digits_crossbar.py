"""The digits network on memristor crossbars: what devices that vary leave of its accuracy.

Frozen: a network is trained on the engine, its weights are programmed into differential pairs of devices from 5 to
100 uS, and it classifies the test third. Learning: it is trained on the devices, by pulses, and then tested on them.
One cause of error at a time; everything else is ideal, and ideal devices give the engine's answers exactly. A seed is a
trained network and, by the same number, a population of devices and the input's Poisson spikes; from value to value of
a cause, the same devices are only further from ideal, so changes are taken seed by seed.

What it found (10 networks and populations of devices, mean test accuracy and its 95 % interval; .910, .899 to .920,
with ideal devices, .913, .906 to .921, learned on them). Learned before: bounds that spread by .1 of the range cost
nothing that shows (.904, .895 to .912), by .4 a quarter (.689); programming noise of .1 of the range .888, of .2 .816;
1 % stuck devices .893, 10 % .760; lines of 1.06 Ohm per cell leave .371 on one tile of 64 x 200 and .906 on the
smaller tiles that the backend chooses for them. Learned on devices: linear steps of .003 to .01 of the range do as
well as exact writes if the number of pulses is drawn (.907, .899 to .914, at .01; rounded, .877); noise of as much as
a step from pulse to pulse and steps that spread by three times their mean cost up to .015; what ruins learning are
steps that shrink towards the bounds (.858 at gamma .3, .132 with soft bounds) and noise of ten steps (.349).

    python -m hmn_snn.models.digits_crossbar --out out
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import hmn_snn as hs

from . import digits_data as data
from .digits_crossbar_experiment import BACKEND, Curves, Options, Sweep, curves
from .digits_network import CYCLE, digits

SEEDS: Sequence[int] = range(1, 11)
LEARNING_SEEDS: Sequence[int] = range(1, 11)
QUICK_SEEDS, QUICK_TRAINING, QUICK_TEST = (1, 2), 120, 60
MAX_PROCESSES = 8

G_MIN, G_MAX = 5.0, 100.0  # uS, those of the backend's ideal device
RANGE = G_MAX - G_MIN
ONE_TILE = 256  # holds the whole projection, 64 rows and 200 columns
STEP = 0.003  # of a pulse by the range, where another cause is looked at


def _bounds(spread: float) -> Options:
    return {"device": {"g_min_spread": spread * RANGE, "g_max_spread": spread * RANGE}}


def _programmed(noise: float) -> Options:
    return {"device": {"write_noise": noise * RANGE}}


def _stuck(share: float) -> Options:
    return {"device": {"stuck_lrs": 0.5 * share, "stuck_hrs": 0.5 * share}}


def _wires(resistance: float, tile: int | None) -> Options:
    return {"wires": {"word": resistance, "bit": resistance}, "operator": "exact", "tile": tile}


def _pulsed(step: float, learning: str = "stochastic pulses", **parameters: float) -> Options:
    """Return devices of linear steps, the same everywhere in the range; exact writes for a step of 0."""
    if step == 0.0:
        return {}
    device = {"preset": "ecram", "without": ("d2d", "c2c", "nonlinearity"), "g_min": G_MIN, "g_max": G_MAX}
    device |= {"g_zero": 0.5 * (G_MIN + G_MAX), "step": step * RANGE}
    device |= {name: value for name, value in parameters.items() if value}
    return {"device": device, "learning": learning, "tolerance": max(0.01, step)}


def _shrinking(gamma: float) -> Options:
    return _pulsed(STEP, gamma_up=gamma, gamma_down=gamma)


_OF_RANGE, _OF_STEP = "by the range", "by the step"
SWEEPS: tuple[Sweep, ...] = (
    Sweep("device to device: bounds", f"spread, {_OF_RANGE}", "", (0.0, 0.05, 0.1, 0.2, 0.4), _bounds),
    Sweep("programming noise", f"standard deviation, {_OF_RANGE}", "", (0.0, 0.05, 0.1, 0.2, 0.4), _programmed),
    Sweep("stuck devices", "share, half at each end", "", (0.0, 0.01, 0.03, 0.1, 0.3), _stuck),
    Sweep("line resistance", "Ohm per cell", "one tile, 64 x 200", (0.0, 0.1, 0.35, 1.06, 3.0),
          partial(_wires, tile=ONE_TILE)),
    Sweep("line resistance", "Ohm per cell", "tiles chosen by it", (0.0, 0.1, 0.35, 1.06, 3.0),
          partial(_wires, tile=None)),
    Sweep("step of a pulse", _OF_RANGE, "number of pulses drawn", (0.0, 0.003, 0.01, 0.03, 0.1), _pulsed,
          learning=True),
    Sweep("step of a pulse", _OF_RANGE, "number of pulses rounded", (0.0, 0.003, 0.01, 0.03, 0.1),
          partial(_pulsed, learning="pulses"), learning=True),
    Sweep("cycle to cycle", f"standard deviation, {_OF_STEP}", "", (0.0, 1.0, 3.0, 10.0),
          lambda noise: _pulsed(STEP, c2c=noise), learning=True),
    Sweep("device to device: steps", f"spread, {_OF_STEP}", "", (0.0, 0.3, 1.0, 3.0),
          lambda spread: _pulsed(STEP, step_spread=spread), learning=True),
    Sweep("steps that shrink", "gamma; 1 is soft bounds", "", (0.0, 0.1, 0.3, 1.0), _shrinking, learning=True),
)  # fmt: skip


def _quick(sweep: Sweep) -> Sweep:
    return dataclasses.replace(sweep, values=sweep.values[::3])


def report(out_dir: str | Path, quick: bool = False, processes: int | None = None) -> Curves:
    """Measure all curves, print the table, draw the figure.

    Parameters
    ----------
    out_dir : str or pathlib.Path
        Made if it is not there. Gets ``crossbar.png`` and ``crossbar.txt``.
    quick : bool
        Fewer digits, seeds and values: the code is run, the numbers are poor.
    processes : int, optional
        As many as there are processors, up to 8, if not given.

    Returns
    -------
    Curves
    """
    from tqdm import tqdm

    from .digits_crossbar_figure import accuracy_curves

    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    training, test = data.load("training"), data.load("test")
    sweeps, seeds, learning_seeds = SWEEPS, SEEDS, LEARNING_SEEDS
    if quick:
        training, test = training[:QUICK_TRAINING], test[:QUICK_TEST]
        sweeps, seeds, learning_seeds = tuple(map(_quick, SWEEPS)), QUICK_SEEDS, QUICK_SEEDS
    print("Handwritten digits on memristor crossbars, one cause of error at a time.")
    print(f"{len(training):,} images for training, {len(test):,} others for the test; {len(seeds)} networks, each")
    print(f"with devices of its own, trained before, {len(learning_seeds)} trained on the devices.", flush=True)
    for net in (digits(), digits(learned=0.1)):  # compiled once, before several processes would each do it
        hs.run(net, CYCLE, BACKEND, progress=False)
    workers = min(os.cpu_count() or 1, MAX_PROCESSES) if processes is None else processes
    with tqdm(unit="network", disable=None, leave=False) as bar:
        found = curves(
            sweeps, seeds=seeds, learning_seeds=learning_seeds, training=training, test=test, processes=workers, bar=bar
        )
    print(f"\n{found}")
    paths = (folder / "crossbar.png", folder / "crossbar.txt")
    accuracy_curves(found).savefig(paths[0], dpi=150)
    paths[1].write_text(f"{found}\n", encoding="utf-8")
    print("\nwritten:\n" + "\n".join(f"  {path}" for path in paths))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiment from the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process if not given.

    Returns
    -------
    int
        The exit code.
    """
    summary = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser("python -m hmn_snn.models.digits_crossbar", description=summary)
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="for the figure (default: out)")
    parser.add_argument("--quick", action="store_true", help="fewer digits, seeds and values")
    parser.add_argument("--processes", type=int, metavar="N", help="at a time (default: one per processor, up to 8)")
    options = parser.parse_args(arguments)
    report(options.out, options.quick, options.processes)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
