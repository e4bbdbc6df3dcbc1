"""One cell per kind of current source, and their membrane potentials: ``python currents.py <simulator>``."""

import sys
from importlib import import_module

import numpy as np

sim = import_module(f"pyNN.{sys.argv[1]}")
extra = {"spike_precision": "on_grid"} if sys.argv[1] == "nest" else {}
sim.setup(timestep=0.125, min_delay=0.125, **extra)

cells = sim.Population(4, sim.IF_curr_exp(tau_refrac=1.0, i_offset=[0.1, 0.2, 0.3, 0.4]), label="cells")
pulse = sim.DCSource(amplitude=0.5, start=10.0, stop=50.0)
pulse.inject_into(cells[0:2])
steps = sim.StepCurrentSource(times=[20.0, 30.0, 60.0], amplitudes=[1.0, -0.5, 0.25])
cells[2:3].inject(steps)
wave = sim.ACSource(amplitude=0.4, offset=0.1, frequency=25.0, phase=30.0, start=15.0, stop=75.0)
cells[3:4].inject(wave)

sources = sim.Population(3, sim.SpikeSourceArray(spike_times=[[5.0, 25.0], [40.0], [60.0]]), label="sources")
sim.Projection(sources, cells, sim.AllToAllConnector(), sim.StaticSynapse(weight=0.8, delay=1.0))
cells.record(["spikes", "v"])
sim.run(100.0)

np.save("v.npy", np.asarray(cells.get_data("v").segments[0].analogsignals[0]))
sim.end()
