"""Time that a step of a Loihi program takes on our emulator and on Lava's CPU simulator, with the same spikes.

A population of LIF neurons, all of which spike with probability 0.05 in a step, drives another one through a dense
connection. Both simulators get the same program and the same input, in pieces, and must give the same spikes. What
counts is the wall-clock time of the run itself: without compiling, starting and stopping, and for Lava without our
reading of its results; the least of the pieces. Without Lava, only the emulator is timed.

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
from hmn_snn.backends.loihi2.program import LIF, Connection, LoihiProgram, NeuronProcess, Source

from hmn_snn.summary import text_table

P_INPUT = 0.05  # spikes of an input neuron in a step
SEED = 1


def lif(name: str, group: int, size: int, *, du: int, dv: int, vth: int) -> NeuronProcess:
    """Return a process of Lava's LIF neurons that start at rest, without bias.

    Parameters
    ----------
    name : str
    group, size, du, dv, vth : int

    Returns
    -------
    NeuronProcess
    """
    zero, one, rest = np.zeros(1, np.int64), np.ones(1), np.zeros(size, np.int64)
    return NeuronProcess(
        name=name, group=group, size=size, model=LIF, du=np.array([du]), dv=np.array([dv]), du_inh=None,
        vth=np.array([vth]), bias_mant=zero, bias_exp=0, refractory=zero, subtract=False, noise=zero, noise_key=None,
        u_init=rest, u_inh_init=rest, v_init=rest, scale=one, v_zero=one, current_scale=np.ones((2, 1)),
        bias_scale=one, bias_rest=one,
    )  # fmt: skip


def connection(name: str, source: int, target: int, weights: np.ndarray) -> Connection:
    """Return a connection with a synapse for each weight that is not 0, and no delay.

    Parameters
    ----------
    name : str
    source, target : int
        Groups.
    weights : (n_source, n_target) int array
        0 to 255.

    Returns
    -------
    Connection
    """
    pre, post = np.nonzero(weights)
    row_ptr = np.concatenate([[0], np.cumsum(np.count_nonzero(weights, axis=1))]).astype(np.int64)
    return Connection(
        name=name, projection=0, source=source, target=target, n_source=weights.shape[0], n_target=weights.shape[1],
        receptor=0, sign=1, weight_exp=0, row_ptr=row_ptr, target_index=post.astype(np.int32),
        weight=weights[pre, post].astype(np.int16), delay=np.zeros(1, np.int8), synapse=np.arange(len(pre)),
        scale=np.ones(1), plastic=False,
    )  # fmt: skip


def dense_network(size: int) -> LoihiProgram:
    """Return LIF - Dense - LIF: a spike of input neuron i makes neuron i of the first population spike.

    Parameters
    ----------
    size : int
        Neurons of each population.

    Returns
    -------
    LoihiProgram
    """
    weights = np.random.default_rng(SEED).integers(1, 60, (size, size))
    # The drive of a neuron is size p 30 a step on average; it settles at ten times as much (du), and v is reset.
    threshold = int(60 * size * P_INPUT * 30)
    first = lif("first", 0, size, du=4095, dv=4095, vth=100)
    second = lif("second", 1, size, du=409, dv=204, vth=min(threshold, (1 << 17) - 1))
    drive = connection("drive", 2, 0, 255 * np.eye(size, dtype=np.int64))
    dense = connection("dense", 0, 1, weights)
    return LoihiProgram("dense", 1.0, (Source("input", 2, size),), (first, second), (drive, dense))


CASES: dict[str, tuple[Callable[[int], LoihiProgram], int]] = {"LIF - Dense - LIF": (dense_network, 1000)}


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
        name: measure(make(size // shrink), options.steps // shrink, options.repeats, missing is None)
        for name, (make, size) in CASES.items()
    }
    print(report(rows))
    if missing:
        print(f"Lava was not timed: {missing}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
