"""Time that the exported PyNN script takes on NEST: weak scaling over threads, and connecting many synapses.

Every thread more brings as many cells and synapses with it, so that perfect scaling keeps the time. Half of the cells'
input comes from Poisson sources, the rest from each other; in the second network the synapses from the sources learn
by STDP that dopamine gates. Times are the script's own: connecting and all else before the first step, and the steps.

    python benchmarks/spinnaker_scale.py
    python benchmarks/spinnaker_scale.py --threads 1 2 4 8 --synapses 1000000 --json results.json

NEST from the package index has threads and no MPI. Where NEST has been built with MPI, write the script with
``write_script`` and run ``mpirun -n 4 python network.py --simulator nest --threads 8``; every process writes the spikes
and weights of its own cells.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from hmn_snn.backends.spinnaker import child_process
from hmn_snn.backends.spinnaker.program import (
    IF_CURR_EXP,
    Cells,
    Neuromodulation,
    Source,
    SpinnakerProgram,
    Stdp,
    Synapses,
)
from hmn_snn.backends.spinnaker.script import write_script

from hmn_snn.summary import text_table

SEED, FAN_IN = 1, 200  # synapses of each kind onto a cell
RATE = 10.0  # Hz, of each source
NONE = np.zeros(0, np.int64)
LIMIT = 3600.0  # s


def random_synapses(name: str, source: str, n_cells: int, weight: float, plastic: bool = False) -> Synapses:
    """Return synapses from as many cells, FAN_IN onto each, with delays of 1 to 5 steps."""
    rng, n = np.random.default_rng(SEED), n_cells * FAN_IN
    pre, post = rng.integers(0, n_cells, n, dtype=np.int32), np.repeat(np.arange(n_cells, dtype=np.int32), FAN_IN)
    rule = Stdp(0.001, 0.0012, 20.0, 20.0, 0.0, 2.0 * weight, gated=True) if plastic else None
    delay = rng.integers(1, 6, n, dtype=np.int32)
    return Synapses(name, source, "cells", "excitatory", pre, post, np.full(n, weight), delay, rule)


def network(n_synapses: int, plastic: bool) -> SpinnakerProgram:
    """Return cells that sources and each other drive.

    Parameters
    ----------
    n_synapses : int
        Of both kinds.
    plastic : bool
        Whether those from the sources learn.

    Returns
    -------
    SpinnakerProgram
    """
    n = n_synapses // (2 * FAN_IN)
    values = {"tau_m": 20.0, "cm": 0.25, "v_rest": -65.0, "v_reset": -65.0, "v_thresh": -50.0, "tau_refrac": 2.0,
              "i_offset": 0.0, "tau_syn_E": 5.0, "tau_syn_I": 5.0}  # fmt: skip
    parameters = {name: np.array([value]) for name, value in values.items()}
    drive = 15.0 * 0.25 / 20.0 / (FAN_IN * RATE * 5e-3)  # nA: the sources alone bring cells to the threshold
    cells = Cells("cells", n, IF_CURR_EXP, parameters, {"v": np.array([-60.0])}, np.zeros(1), (), (), 64, (5, 5),
                  (20.0, 20.0))  # fmt: skip
    sources = [Source("sources", n, NONE, NONE, np.zeros(1, np.int64), np.array([[RATE]]))]
    links = (
        random_synapses("input", "sources", n, drive, plastic),
        random_synapses("recurrent", "cells", n, 0.1 * drive),
    )
    dopamine: tuple[Neuromodulation, ...] = ()
    if plastic:
        sources.append(Source("dopamine", 1, NONE, NONE, np.zeros(1, np.int64), np.array([[5.0]])))
        dopamine = (Neuromodulation("reward", "dopamine", "cells", "reward", 0.1, 200.0, 50.0, 0.0, 2.0 * drive),)
    return SpinnakerProgram("scale", 1.0, 1.0, SEED, (cells,), tuple(sources), links, dopamine)


def measure(program: SpinnakerProgram, n_steps: int, threads: int) -> dict[str, float]:
    """Run a network's script on NEST.

    Parameters
    ----------
    program : SpinnakerProgram
    n_steps, threads : int

    Returns
    -------
    dict of str to float
        ``synapses``, ``build`` and ``run`` [s], and ``rate`` of the cells [Hz].
    """
    with tempfile.TemporaryDirectory(prefix="hmn-scale-") as name:
        script = Path(name) / "network.py"
        write_script(program, script, n_steps, [(NONE, NONE)] * len(program.sources))
        command = [sys.executable, script.name, "--simulator", "nest", "--threads", str(threads)]
        said = child_process.run(command, Path(name), LIMIT)
    found = re.search(r"built in ([\d.]+) s, simulated in ([\d.]+) s", said)
    spikes = re.search(r"^cells: (\d+) spikes", said, re.MULTILINE)
    if found is None or spikes is None:
        raise SystemExit(f"the script said no times:\n{said}")
    size, n_synapses = program.cells[0].size, sum(len(s.weight) for s in program.synapses)
    rate = int(spikes[1]) / size / (n_steps * program.dt / 1000.0)
    return {"synapses": n_synapses, "build": float(found[1]), "run": float(found[2]), "rate": rate}


def report(rows: list[dict[str, Any]]) -> str:
    """Return the table of the measurements.

    Parameters
    ----------
    rows : list of dict
        Of :func:`measure`, with ``network`` and ``threads``; those of one network follow each other.

    Returns
    -------
    str
    """
    table, first = [], rows[0]
    for row in rows:
        first = row if row["network"] != first["network"] else first
        ratio = row["run"] / first["run"] if first["run"] else float("nan")
        table.append([row["network"], f"{row['threads']}", f"{row['synapses']:,}", f"{row['rate']:.1f}",
                      f"{row['build']:.2f}", f"{row['run']:.2f}", f"{ratio:.2f}"])  # fmt: skip
    header = ["network", "threads", "synapses", "rate [Hz]", "build [s]", "run [s]", "time over that of 1st row"]
    return text_table(table, header)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--synapses", type=int, default=1_000_000, help="for each thread")
    parser.add_argument("--connect", type=int, default=10_000_000, help="synapses of the network that is only built")
    parser.add_argument("--steps", type=int, default=500, help="of 1 ms")
    parser.add_argument("--json", type=Path, help="where to write the numbers")
    arguments = parser.parse_args()
    rows = []
    for plastic in (False, True):
        for threads in arguments.threads:
            measured = measure(network(arguments.synapses * threads, plastic), arguments.steps, threads)
            rows.append({"network": "dopamine-STDP" if plastic else "static", "threads": threads, **measured})
    built = measure(network(arguments.connect, False), 1, 1) if arguments.connect else None
    print(report(rows))
    if built:
        print(f"\n{built['synapses']:,} synapses: built in {built['build']:.1f} s on one thread")
    if arguments.json:
        arguments.json.write_text(json.dumps({"scaling": rows, "connect": built}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
