"""The network of Vogels and Abbott as benchmark 2 of Brette et al. (2007): integrate-and-fire, synaptic currents.

``python va_benchmark.py <simulator> [neurons] [duration in ms]``. A fifth of the neurons is inhibitory; every pair is
connected with probability 0.02 x 4000 / neurons, so that a smaller network has as many inputs per neuron. Parameters:
Vogels & Abbott, J. Neurosci. 25:10786 (2005); Brette et al., J. Comput. Neurosci. 23:349 (2007), appendix 2 (0.2 nF,
20 ms, leak at -49 mV; currents of 16.2 and 90 pA: 0.27 nS at 60 mV, 4.5 nS at 20 mV driving force).
"""

import sys
from importlib import import_module

import numpy as np
from pyNN.random import NumpyRNG, RandomDistribution

sim = import_module(f"pyNN.{sys.argv[1]}")
size = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
duration = float(sys.argv[3]) if len(sys.argv) > 3 else 1000.0

extra = {"spike_precision": "on_grid"} if sys.argv[1] == "nest" else {}
sim.setup(timestep=0.1, min_delay=0.2, max_delay=0.2, **extra)
rng = NumpyRNG(seed=4711, parallel_safe=True)

cell = sim.IF_curr_exp(
    cm=0.2, tau_m=20.0, v_rest=-49.0, v_reset=-60.0, v_thresh=-50.0, tau_refrac=5.0, tau_syn_E=5.0, tau_syn_I=10.0
)
start = RandomDistribution("uniform", (-60.0, -50.0), rng=rng)
exc = sim.Population(size * 4 // 5, cell, initial_values={"v": start}, label="exc")
inh = sim.Population(size // 5, cell, initial_values={"v": start}, label="inh")

connector = sim.FixedProbabilityConnector(0.02 * 4000 / size, rng=rng)
excite = sim.StaticSynapse(weight=0.27e-3 * 60.0, delay=0.2)
inhibit = sim.StaticSynapse(weight=-4.5e-3 * 20.0, delay=0.2)
for pre, synapse, receptor in ((exc, excite, "excitatory"), (inh, inhibit, "inhibitory")):
    for post in (exc, inh):
        sim.Projection(pre, post, connector, synapse, receptor_type=receptor)

exc.record("spikes")
inh.record("spikes")
exc[0:2].record("v")
sim.run(duration)

for population in (exc, inh):
    trains = population.get_data("spikes").segments[0].spiketrains
    np.savez(
        f"{population.label}.npz",
        times=np.concatenate([np.asarray(train) for train in trains]),
        neurons=np.concatenate([np.full(len(train), i) for i, train in enumerate(trains)]),
    )
sim.end()
