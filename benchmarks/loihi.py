"""Time that a step of a Loihi program takes on our emulator and on Lava's CPU simulator, with the same spikes.

A population of LIF neurons, all of which spike with probability 0.05 in a step, drives another one through a dense
connection, and through one that learns at every step. Both simulators get the same program and the same input, in
pieces, and must give the same spikes. What counts is the wall-clock time of the run itself: without compiling, starting
and stopping, and for Lava without our reading of its results; the least of the pieces. Without Lava, only the emulator
is timed.

    python benchmarks/loihi.py
    python benchmarks/loihi.py --quick --json results.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from hmn_snn.backends.loihi2.emulator import EmulatorExecutor
from hmn_snn.backends.loihi2.lava import LavaExecutor, unavailable
from hmn_snn.backends.loihi2.program import LoihiProgram
from loihi_programs import P_INPUT, SEED, dense_network, plastic_network

from hmn_snn.summary import text_table

# Neurons of each population; by how much fewer steps a piece has, where Lava takes long.
CASES: dict[str, tuple[Callable[[int], LoihiProgram], int, int]] = {
    "LIF - Dense - LIF": (dense_network, 1000, 1),
    "LIF - LearningDense - LIF": (plastic_network, 300, 20),
}


def same_spikes(ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]) -> bool:
    """Tell whether steps and neurons of all spikes are equal."""
    return np.array_equal(ours[0], theirs[0]) and np.array_equal(ours[1], theirs[1])


def on_lava(program: LoihiProgram, steps: int, inputs: list[Any], outputs: list[Any]) -> list[float]:
    """Run the pieces on Lava, and compare what they give.

    Parameters
    ----------
    program : LoihiProgram
    steps : int
    inputs, outputs : lists
        For each piece, the spikes of the sources, and those that the processes gave on the emulator.

    Returns
    -------
    list of float [s]
        What the steps of each piece took.

    Raises
    ------
    SystemExit
        The spikes differ.
    """
    lava, times = LavaExecutor(program), []
    try:
        for spikes, ours in zip(inputs, outputs, strict=True):
            theirs, _ = lava.run(steps, spikes, [])
            times.append(lava.seconds)
            if not all(map(same_spikes, ours, theirs)):
                raise SystemExit("the spikes of the emulator and of Lava differ")
    finally:
        lava.close()
    return times


def measure(program: LoihiProgram, steps: int, repeats: int, with_lava: bool) -> dict[str, Any]:
    """Time the pieces of a run of one program.

    Parameters
    ----------
    program : LoihiProgram
    steps, repeats : int
        Steps of a piece; pieces that count (one before them does not).
    with_lava : bool

    Returns
    -------
    dict
        ``emulator`` and ``lava`` [us] per step (``lava`` is None without it), ``spikes`` of the last process per step
        and neuron, ``compared`` spikes that are equal on both.
    """
    rng, inputs = np.random.default_rng(SEED), []
    for piece in range(repeats + 1):
        drawn = [np.nonzero(rng.random((steps, source.size)) < P_INPUT) for source in program.sources]
        inputs.append([(step + piece * steps, index) for step, index in drawn])
    emulator, times, outputs = EmulatorExecutor(program), [], []
    for spikes in inputs:
        begun = time.perf_counter()
        fired, _ = emulator.run(steps, spikes, [])
        times.append(time.perf_counter() - begun)
        outputs.append(fired)
    # One after the other: in turns, each would find the caches full of the other's data.
    lava_times = on_lava(program, steps, inputs, outputs) if with_lava else []
    return {
        "emulator": 1e6 * min(times[1:]) / steps,
        "lava": 1e6 * min(lava_times[1:]) / steps if lava_times else None,
        "spikes": len(outputs[-1][-1][0]) / steps / program.processes[-1].size,
        "compared": sum(len(step) for fired in outputs for step, _ in fired) if with_lava else 0,
    }


def report(rows: dict[str, dict[str, Any]]) -> str:
    """Return the table of the measurements.

    Parameters
    ----------
    rows : dict
        Case -> what `measure` returns.

    Returns
    -------
    str
    """
    head = ("case", "emulator [us/step]", "Lava [us/step]", "ratio", "spikes/step/neuron", "equal spikes")
    cells = [
        (name, f"{r['emulator']:.2f}", f"{r['lava']:.0f}" if r["lava"] else "-",
         f"{r['lava'] / r['emulator']:.0f}" if r["lava"] else "-", f"{r['spikes']:.3f}",
         f"{r['compared']}" if r["lava"] else "-")
        for name, r in rows.items()
    ]  # fmt: skip
    return text_table(cells, head, width=120)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Parameters
    ----------
    arguments : sequence of str, optional

    Returns
    -------
    int
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000, help="steps of a piece (1000)")
    parser.add_argument("--repeats", type=int, default=5, help="pieces that count (5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the neurons and steps")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args(arguments)
    shrink = 10 if options.quick else 1
    missing = unavailable()
    rows = {
        name: measure(make(size // shrink), options.steps // shrink // fewer, options.repeats, missing is None)
        for name, (make, size, fewer) in CASES.items()
    }
    print(report(rows))
    if missing:
        print(f"Lava was not timed: {missing}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
