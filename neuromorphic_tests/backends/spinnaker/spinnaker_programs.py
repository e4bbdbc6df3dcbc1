"""Networks, settings and a child process with sPyNNaker on a virtual board, for the tests of the SpiNNaker backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from hmn_snn.backends.spinnaker.lowering import lower_program
from hmn_snn.backends.spinnaker.program import SpinnakerProgram
from hmn_snn.backends.spinnaker.translator import Settings

import hmn_snn as hs
from hmn_snn.lowering import lower

DEFAULTS: dict[str, Any] = {
    "learning": "frozen", "block": 100.0, "delays": "literal", "poisson": "given", "astrocytes": "held",
    "phase_gate": "refuse", "neurons_per_core": None, "time_scale_factor": None, "board": "spin5",
}  # fmt: skip

CONFIGURATION = "[Machine]\nversion = 5\nvirtual_board = True\n[Mode]\nmode = Production\n"

# The network as sPyNNaker builds it without being told any shifts; only what is read back is printed, as JSON.
CHILD = '''
import json, sys
import numpy as np
import pyNN.spiNNaker as sim
from spynnaker.pyNN.data import SpynnakerDataView
from spynnaker.pyNN.models.neuron import PopulationVertex

told, data = json.load(open("told.json")), np.load("arrays.npz")
def has(name):
    try:
        SpynnakerDataView.get_executable_path(name)
    except KeyError:
        return False
    return True
# On a virtual board sPyNNaker takes every binary for granted.
PopulationVertex.combined_binary_exists = property(lambda self: has(self.combined_binary_file_name))
PopulationVertex.split_binaries_exist = property(
    lambda self: has(self.neuron_core_binary_file_name) and has(self.synapse_core_binary_file_name)
)
sim.setup(told["dt"], time_scale_factor=told["time_scale_factor"])
made, projections = {}, []
for cells in told["cells"]:
    model = getattr(sim, cells["celltype"], None) or getattr(sim.extra_models, cells["celltype"])
    made[cells["name"]] = sim.Population(cells["size"], model(), label=cells["name"], neurons_per_core=cells["block"])
for source in told["sources"]:
    model = sim.SpikeSourceArray([[1.0]] * source["size"])
    made[source["name"]] = sim.Population(source["size"], model, label=source["name"])
for k, s in enumerate(told["synapses"]):
    rows = sim.FromListConnector(data[f"rows {k}"])
    synapse = sim.StaticSynapse()
    if s["stdp"]:
        rule = sim.SpikePairRule(*s["stdp"][:4])
        synapse = sim.STDPMechanism(rule, sim.AdditiveWeightDependence(*s["stdp"][4:]), weight=0.0, delay=told["dt"])
    ends = made[s["source"]], made[s["target"]]
    projections.append(sim.Projection(*ends, rows, synapse, receptor_type=s["receptor"]))
sim.run(10 * told["dt"])
cores = [p.vertex for p in SpynnakerDataView.iterate_placemements() if p.vertex.app_vertex is not None]
found = {
    "shifts": {c["name"]: made[c["name"]]._vertex.get_ring_buffer_shifts() for c in told["cells"]},
    "slots": {c["name"]: made[c["name"]]._vertex.max_delay_steps for c in told["cells"]},
    "weights": [[list(map(float, row)) for row in p.get(["weight", "delay"], "list")] for p in projections],
    "binaries": [vertex.get_binary_file_name() for vertex in cores],
}
sim.end()
json.dump(found, open("found.json", "w"))
'''


def settings_of(**options: Any) -> Settings:
    """Return settings of a run, with those given."""
    return Settings(**{**DEFAULTS, **options})


def program_of(net: hs.Network, **options: Any) -> SpinnakerProgram:
    """Return the program of a network."""
    return lower_program(lower(net), settings_of(**options))


def net_with(cell: Any = None, n: int = 1, dt: float = 1.0, **initial: Any) -> tuple[hs.Network, Any]:
    """Return a network with one population, called cells."""
    net = hs.Network("net", dt=dt, seed=5)
    return net, net.add(hs.Population(n, cell or hs.LIF(), name="cells", initial_values=initial))


def on_virtual_board(program: SpinnakerProgram, folder: Path) -> dict[str, Any]:
    """Build a program's cells and synapses with sPyNNaker in a process with a home of its own; return what it found."""
    (folder / ".spynnaker.cfg").write_text(CONFIGURATION)
    rows = {
        f"rows {k}": np.column_stack([s.pre, s.post, s.weight, s.delay * program.dt])
        for k, s in enumerate(program.synapses)
    }
    np.savez(folder / "arrays.npz", **rows)
    told = {
        "dt": program.dt,
        "time_scale_factor": program.time_scale_factor,
        "cells": [
            {"name": c.name, "size": c.size, "celltype": c.celltype, "block": c.neurons_per_core}
            for c in program.cells
        ],
        "sources": [{"name": s.name, "size": s.size} for s in program.sources],
        "synapses": [
            {"source": s.source, "target": s.target, "receptor": s.receptor,
             "stdp": s.stdp and [s.stdp.tau_plus, s.stdp.tau_minus, s.stdp.A_plus, s.stdp.A_minus,
                                 s.stdp.w_min, s.stdp.w_max]}
            for s in program.synapses
        ],
    }  # fmt: skip
    (folder / "told.json").write_text(json.dumps(told))
    (folder / "child.py").write_text(CHILD)
    environment = {**os.environ, "HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "child.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(done.stderr[-4000:])
    found: dict[str, Any] = json.loads((folder / "found.json").read_text())
    return found
