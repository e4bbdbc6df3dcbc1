"""Time that a time step takes for the spikes it reads through a crossbar, without and with read noise.

A network of inputs and neurons joined all to all runs on backend "memristor", a device per crosspoint, and once more
without spikes: the difference is what reading takes, by the backend's own kernel. Beside it: the same spikes through
synapses in software (backend "numba"); the dense product V @ G; aihwkit's and CrossSim's whole product, which takes as
long for one spike as for all, where they are installed; and figures measured before on another machine, theirs and
those of prototypes that add noise device by device or, in distribution the same, once per column. One thread, processor
time, least of repeats.

    python benchmarks/crossbar_reads.py
    python benchmarks/crossbar_reads.py --quick --json results.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy is imported
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import hmn_snn as hs
from hmn_snn.summary import text_table

SHARES = (0.01, 0.05, 0.2)  # of the rows that spike in a step: 10, 51 and 204 of 1024
NOISE = 0.05  # of a read, by the conductance
QUIET, NOISY, SOFTWARE, DENSE = "crossbar", "crossbar, read noise", "software synapses", "dense V @ G"
# Nothing changes by itself, so nothing is refreshed [ms].
OPTIONS: dict[str, dict[str, Any]] = {
    QUIET: {"backend": "memristor", "scheme": "one-sided", "clock": 1e9},
    NOISY: {"backend": "memristor", "scheme": "one-sided", "clock": 1e9, "device": {"read_noise": NOISE}},
    SOFTWARE: {"backend": "numba"},
}

AIHWKIT, CROSSSIM, CROSSSIM_NOISY = "aihwkit, forward", "CrossSim, ideal", "CrossSim, read noise"

# [us] 1024 x 1024; one thread of a shared AMD EPYC of about 2.6 GHz. Of the shares above; the peers' for any: aihwkit
# 1.2.0, CrossSim 3.2.
STORED: dict[str, tuple[float, float, float]] = {
    QUIET: (0.7, 2.5, 10.7),
    NOISY: (2.9, 5.5, 17.5),
    DENSE: (54.0, 54.0, 54.0),
    "noise of each device": (15.7, 77.0, 307.0),
    AIHWKIT: (98.0, 98.0, 98.0),
    CROSSSIM: (285.0, 285.0, 285.0),
    CROSSSIM_NOISY: (31000.0, 31000.0, 31000.0),
}
STORED_SIZE = 1024


def crossbar_network(size: int, spikes: int, steps: int) -> hs.Network:
    """Return inputs and neurons joined all to all; in every step some inputs spike, and no neuron ever does.

    Parameters
    ----------
    size : int
        Inputs, and neurons.
    spikes : int
        Of each step.
    steps : int
        With spikes, of 1 ms.

    Returns
    -------
    Network
    """
    rng = np.random.default_rng(spikes)
    fires = np.zeros((steps, size), dtype=bool)
    for step in fires:
        step[rng.choice(size, spikes, replace=False)] = True
    times = [1.0 + np.flatnonzero(row) for row in fires.T]
    net = hs.Network("crossbar", dt=1.0, seed=1)
    rows = net.add(hs.SpikeInput(times, name="rows"))
    columns = net.add(hs.Population(size, hs.LIF(), name="columns"))
    weight = hs.Uniform(0.0, 1e-6)  # nA: too little for a spike
    net.add(hs.Projection(rows, columns, hs.AllToAll(), weight=weight, delay=1.0, name="crossbar"))
    return net


def run_time(net: hs.Network, steps: int, repeats: int, options: dict[str, Any]) -> tuple[float, hs.Results]:
    """Return the least processor time of some pieces of a run, and what the last gave.

    Parameters
    ----------
    net : Network
    steps : int
        Of a piece.
    repeats : int
        Pieces that count; one before them does not.
    options : dict
        Backend and its options.

    Returns
    -------
    float [s], Results
    """
    times = []
    with hs.Simulation(net, progress=False, **options) as sim:
        for _ in range(repeats + 1):
            begun = time.process_time()
            results = sim.run(float(steps))
            times.append(time.process_time() - begun)
    return min(times[1:]), results


def call_time(function: Callable[[], Any], repeats: int) -> float:
    """Return the least processor time of a call, of bunches of calls that the clock can tell [s]."""
    begun = time.process_time()
    function()
    calls = max(1, round(2e-3 / max(time.process_time() - begun, 1e-6)))
    times = []
    for _ in range(repeats + 1):
        begun = time.process_time()
        for _ in range(calls):
            function()
        times.append((time.process_time() - begun) / calls)
    return min(times)


def products(size: int) -> Iterator[tuple[str, Callable[[np.ndarray], Any]]]:
    """Yield whole products of a crossbar's size, from row voltages: numpy's, and those of the peers that are installed.

    Parameters
    ----------
    size : int

    Yields
    ------
    way : str
    product : callable ((size,) float array)
    """
    G = np.random.default_rng(1).uniform(size=(size, size))
    yield DENSE, lambda V: V @ G
    if find_spec("aihwkit") is not None:
        import torch
        from aihwkit.nn import AnalogLinear

        torch.set_num_threads(1)
        layer = AnalogLinear(size, size, bias=False)
        layer.eval()
        yield AIHWKIT, torch.no_grad()(lambda V: layer(torch.as_tensor(V[None], dtype=torch.float32)))
    if find_spec("simulator") is not None:  # CrossSim's package
        from simulator import AnalogCore, CrossSimParameters

        for way in (CROSSSIM, CROSSSIM_NOISY):
            params = CrossSimParameters()
            if way == CROSSSIM_NOISY:
                noise = params.xbar.device.read_noise
                noise.enable, noise.model, noise.magnitude = True, "NormalProportionalDevice", NOISE
            yield way, AnalogCore(G.T, params=params).matvec


def measure(size: int, steps: int, repeats: int) -> list[dict[str, Any]]:
    """Time all ways to read.

    Parameters
    ----------
    size, steps, repeats : int

    Returns
    -------
    list of dict
        One per way and number of spikes: ``way``, ``spikes``, ``us`` per step, ``ns`` per synapse read.
    """
    numbers = [max(1, int(share * size)) for share in SHARES]
    rows = []
    for way, options in OPTIONS.items():
        length = (repeats + 1) * steps
        silent, _ = run_time(crossbar_network(size, 0, length), steps, repeats, options)
        for spikes, net in ((n, crossbar_network(size, n, length)) for n in numbers):
            took, results = run_time(net, steps, repeats, options)
            read = results.ledger.synaptic_events["crossbar"]
            assert read == spikes * size * steps
            rows.append({"way": way, "spikes": spikes, "us": 1e6 * (took - silent) / steps,
                         "ns": 1e9 * (took - silent) / read})  # fmt: skip
    for way, product in products(size):
        for spikes in numbers:
            took = call_time(partial(product, (np.arange(size) < spikes).astype(float)), repeats)
            rows.append({"way": way, "spikes": spikes, "us": 1e6 * took, "ns": 1e9 * took / (spikes * size)})
    for row in rows:
        stored = STORED.get(row["way"]) if size == STORED_SIZE else None
        row["stored_us"] = None if stored is None else stored[numbers.index(row["spikes"])]
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the measurements as text, with ratios to the dense product and to the stored figures.

    Parameters
    ----------
    rows : sequence of dict

    Returns
    -------
    str
    """
    dense = {row["spikes"]: row["us"] for row in rows if row["way"] == DENSE}
    cells = [
        [row["way"], row["spikes"], _number(row["us"]), _number(row["ns"]), _number(row["us"] / dense[row["spikes"]]),
         _number(row["stored_us"]), _number(row["us"] / row["stored_us"]) if row["stored_us"] else None]
        for row in rows
    ]  # fmt: skip
    if any(row["stored_us"] for row in rows):
        for way in (way for way in STORED if way not in {row["way"] for row in rows}):
            cells += [[way, n, None, None, None, _number(us), None] for n, us in zip(dense, STORED[way], strict=True)]
    headers = ["way", "spikes", "us/step", "ns/synapse", "/dense", "stored us", "/stored"]
    return text_table(cells, headers)


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3g}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print.

    Parameters
    ----------
    arguments : sequence of str, optional
        Of the command line.

    Returns
    -------
    int
        Exit status.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=STORED_SIZE, help="rows and columns")
    parser.add_argument("--steps", type=int, default=500, help="of a run")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="64 rows, 200 steps, 2 repeats: to see that it runs")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args(arguments)
    if given.quick:
        given.size, given.steps, given.repeats = 64, 200, 2
    if min(given.size, given.repeats) < 1 or given.steps < 10:
        parser.error("size and repeats are at least 1, steps at least 10")
    rows = measure(given.size, given.steps, given.repeats)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{given.size} x {given.size} devices, least of {given.repeats}, load {load:.1f} at the end\n\n{table(rows)}")
    if given.json:
        given.json.write_text(json.dumps({"size": given.size, "load": load, "rows": rows}, indent=2), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
