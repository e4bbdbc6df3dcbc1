"""Speed of the SpiNNaker emulator against real time: 10 000 neurons, 1 000 000 synapses, about 10 Hz; with STDP, too.

IF_curr_exp cells of which four fifths excite and one fifth inhibits, driven by constant currents that differ from cell
to cell, each with 100 synapses onto random cells and delays of 1 to 15 timesteps of 1 ms. The first piece of the run
does not count. Building the tables and compiling are told apart from the run. One thread.

    python benchmarks/spinnaker.py
    python benchmarks/spinnaker.py --quick --json results.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy is imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from hmn_snn.backends.spinnaker.emulator import Emulator, Numerics
from hmn_snn.backends.spinnaker.program import IF_CURR_EXP, Cells, SpinnakerProgram, Stdp, Synapses

from hmn_snn.summary import text_table

DT, SEED = 1.0, 1
WEIGHT, MOST_DELAY = 0.05, 15  # nA; timesteps
CURRENTS = (0.6, 0.82)  # nA, of which 0.75 reaches the threshold
NO_TIMES = np.zeros(0, np.int64)


def population(name: str, size: int, rng: np.random.Generator) -> Cells:
    """Return cells that differ in their constant current and where they start."""
    values = {"tau_m": 20.0, "cm": 1.0, "v_rest": -65.0, "v_reset": -65.0, "v_thresh": -50.0, "tau_refrac": 2.0,
              "tau_syn_E": 5.0, "tau_syn_I": 5.0}  # fmt: skip
    parameters = {key: np.array([value]) for key, value in values.items()}
    parameters["i_offset"] = rng.uniform(*CURRENTS, size)
    return Cells(name, size, IF_CURR_EXP, parameters, {"v": rng.uniform(-65.0, -50.0, size)}, np.zeros(1), (), (), 256,
                 (3, 3), (8.0, 8.0))  # fmt: skip


def network(n: int, n_synapses: int, plastic: bool) -> SpinnakerProgram:
    """Return a network of n cells; with ``plastic``, excitation onto excitatory cells learns.

    Parameters
    ----------
    n, n_synapses : int
    plastic : bool

    Returns
    -------
    SpinnakerProgram
    """
    rng = np.random.default_rng(SEED)
    cells = (population("E", 4 * n // 5, rng), population("I", n // 5, rng))
    synapses = []
    for source in cells:
        for target in cells:
            count = n_synapses * source.size * target.size // n**2
            pre = rng.integers(0, source.size, count, np.int32)
            post = rng.integers(0, target.size, count, np.int32)
            delay = rng.integers(1, MOST_DELAY + 1, count, np.int32)
            order = np.lexsort((post, delay, pre))  # as a program lists its synapses
            learns = plastic and source.name == target.name == "E"
            rule = Stdp(0.001, 0.001, 20.0, 20.0, 0.0, 2 * WEIGHT) if learns else None
            receptor, factor = ("excitatory", 1.0) if source.name == "E" else ("inhibitory", 4.0)
            weight = np.full(count, factor * WEIGHT)
            name = f"{source.name} -> {target.name}"
            synapses.append(Synapses(name, source.name, target.name, receptor, pre[order], post[order], weight,
                                     delay[order], rule))  # fmt: skip
    return SpinnakerProgram("benchmark", DT, 1.0, SEED, cells, (), tuple(synapses))


def measure(program: SpinnakerProgram, fixed: bool, steps: int, repeats: int) -> dict[str, Any]:
    """Time the pieces of a run.

    Parameters
    ----------
    program : SpinnakerProgram
    fixed : bool
    steps, repeats : int
        Timesteps of a piece; pieces that count (one before them does not).

    Returns
    -------
    dict
        ``build`` [s]; ``step`` [us], of the fastest piece and ``median``; ``real_time``, how many times faster than
        real time that is; ``rate`` [Hz].
    """
    begun = time.perf_counter()
    emulator = Emulator(program, Numerics(fixed_point=fixed))
    build, times, spikes = time.perf_counter() - begun, [], 0
    for _ in range(repeats + 1):
        begun = time.perf_counter()
        fired, _ = emulator.run(steps, [], [])
        times.append(time.perf_counter() - begun)
        spikes = sum(len(step) for step, _ in fired)
    fastest, median = (1e6 * x / steps for x in (min(times[1:]), float(np.median(times[1:]))))
    n = sum(c.size for c in program.cells)
    return {"build": build, "step": fastest, "median": median, "real_time": 1e3 * DT / fastest,
            "rate": spikes / n / steps / DT * 1e3}  # fmt: skip


def report(rows: dict[str, dict[str, Any]]) -> str:
    """Return the table of the measurements."""
    head = ("case", "build [s]", "us/step", "median", "x real time", "rate [Hz]")
    cells = [(name, f"{r['build']:.2f}", f"{r['step']:.1f}", f"{r['median']:.1f}", f"{r['real_time']:.1f}",
              f"{r['rate']:.1f}") for name, r in rows.items()]  # fmt: skip
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
    parser.add_argument("--steps", type=int, default=1000, help="timesteps of a piece (1000)")
    parser.add_argument("--repeats", type=int, default=5, help="pieces that count (5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the neurons, synapses and steps")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args(arguments)
    shrink = 10 if options.quick else 1
    rows = {}
    for plastic in (False, True):
        program = network(10_000 // shrink, 1_000_000 // shrink, plastic)
        for fixed in (True, False):
            name = f"{'with STDP' if plastic else 'static'}, {'fixed point' if fixed else 'float'}"
            rows[name] = measure(program, fixed, options.steps // shrink, options.repeats)
    print(report(rows))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
