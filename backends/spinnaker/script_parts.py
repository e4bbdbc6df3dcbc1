"""What every exported script says: its head, its set-up and run, and the functions that it carries along."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

# What a script says beside the names of its populations.
TAKEN = (
    "argparse", "importlib", "logging", "brian2", "Path", "np", "sys", "time", "warnings", "sim", "options", "parser",
    "chip", "data", "dt", "n_steps", "begin", "first", "begins", "transmitters", "clock", "initial", "earlier",
    "populations", "results", "name", "cells", "values", "step", "index", "extra", "states", "recorded", "label",
    "rank", "NEST_NAMES",
)  # fmt: skip

HEAD = '''\
"""Network {name}: {duration:g} ms at dt = {dt:g} ms, for SpiNNaker and PyNN's simulators.

Written by hmn-snn {version}. It needs PyNN, a simulator, NumPy and the .npz file of its name.

    python {file}                          on SpiNNaker, as ~/.spynnaker.cfg says: a board, or a virtual one
    python {file} --simulator nest         on a simulator: nest, brian2 or neuron
    mpirun -n 4 python {file} --simulator nest --threads 8
                                           where NEST has been built with MPI; each process writes what is its own

It prints how many spikes each population sent, and writes to a file of its name that ends in _results.npz:
spikes/<population>/t [ms] and /i, samples, and pre, post, weight [nA], delay [ms] of plastic synapses.

A spike of timestep k has the time (k + 1) dt. On SpiNNaker it acts in timestep k + delay/dt; on the simulators, which
add a spike at the end of a timestep, in the one after: there the same delay lasts one timestep longer.{notes}
"""

import argparse
import importlib
import logging
import sys
import time
import warnings
from pathlib import Path

import numpy as np

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--simulator", default="spiNNaker", choices=["spiNNaker", "nest", "brian2", "neuron"])
parser.add_argument("--threads", type=int, default=1, help="of NEST")
options = parser.parse_args()

sim = importlib.import_module(f"pyNN.{{options.simulator}}")
chip = options.simulator == "spiNNaker"
data = np.load(Path(__file__).with_suffix(".npz"))
dt, n_steps = {dt!r}, {n_steps}
clock = [time.perf_counter()]

# The timestep of a simulator in which the network's first one takes place, and the time of a spike of that one, in
# timesteps: NEST's sources need two steps to be heard; Brian2 dates a spike a step earlier.{earlier}
begins = {{"spiNNaker": ({before}, {before}), "nest": (2, 3), "brian2": (2, 2), "neuron": (0, 1)}}
begin, first = begins[options.simulator]
transmitters = {{}}  # NEST's volume transmitters, by the population that they modulate
NEST_NAMES = {{"v": ("V_m", 1.0), "isyn_exc": ("I_syn_ex", 1e-3), "isyn_inh": ("I_syn_in", -1e-3)}}  # and units
'''

SETUP = """\
extra = {{
    "spiNNaker": {{"time_scale_factor": {scale}}},
    "nest": {{"max_delay": {longest}, "spike_precision": "on_grid", "threads": options.threads, "rng_seed": {seed}}},
    "brian2": {{}},
    "neuron": {{"max_delay": {longest}}},
}}
sim.setup(timestep=dt, min_delay=dt, **extra[options.simulator])
if options.simulator == "brian2":
    brian2 = importlib.import_module("brian2")
    brian2.prefs.codegen.target = "numpy"  # compiling takes longer than most runs
    brian2.defaultclock.dt = dt*brian2.ms
if options.simulator == "nest":
    sim.nest.verbosity = sim.nest.VerbosityLevel.ERROR
    logging.getLogger("PyNN").setLevel(logging.ERROR)  # of initial currents, which are set in another way
    warnings.filterwarnings("ignore", module="nest")  # PyNN calls functions that NEST will give up"""

RUN = """\
clock.append(time.perf_counter())
if begin and not chip:
    warm_up(initial)
for cells, values in {initial}.items():
    initialise(cells, **values)
sim.run(n_steps*dt)
clock.append(time.perf_counter())"""


def folded(call: str, width: int = 118) -> str:
    """Break a long call after a comma."""
    if len(call) <= width or "\n" in call:
        return call
    lines, line = [], ""
    for piece in call.split(", "):
        if line and len(line) + len(piece) + 2 > width:
            lines.append(f"{line},")
            line = f"    {piece}"
        else:
            line = f"{line}, {piece}" if line else piece
    return "\n".join([*lines, line])


def functions() -> dict[str, str]:
    """Return the text of each function that a script may carry, by its name."""
    source = Path(__file__).with_name("carried.py").read_text(encoding="utf-8")
    found = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    return {node.name: ast.get_source_segment(source, node) or "" for node in found}


def carried(body: str) -> Iterable[str]:
    """Return the functions that a script calls, and those that they call."""
    known = functions()
    needed = {name for name in known if f"{name}(" in body}
    while more := {name for name in known if any(f"{name}(" in known[one] for one in needed)} - needed:
        needed |= more
    return [f"\n{source}" for name, source in known.items() if name in needed]
