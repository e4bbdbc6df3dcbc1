"""Pair STDP between Poisson-like and driven neurons: ``python stdp.py <simulator> [dt in ms]``, dt a power of two.

Plastic weights are too small to move a spike, so that simulators can be compared pairing by pairing; a last spike of
every source, after all else, brings NEST's weights, which it updates at pre spikes only, up to date.
"""

import sys
from importlib import import_module

import numpy as np

sim = import_module(f"pyNN.{sys.argv[1]}")
dt = float(sys.argv[2]) if len(sys.argv) > 2 else 0.125
extra = {"spike_precision": "on_grid"} if sys.argv[1] == "nest" else {}
sim.setup(timestep=dt, min_delay=dt, max_delay=20.0, **extra)

rng = np.random.default_rng(5)
last = 1500.0


def trains(n, rate):
    """Return n Poisson trains of about 1 s."""
    return [np.unique(np.round(rng.uniform(30.0, 1000.0, rng.poisson(rate)) / dt)) * dt for _ in range(n)]


given = [[*times, last] for times in trains(20, 20)]
sources = sim.Population(20, sim.SpikeSourceArray(spike_times=given), label="sources")
teacher = sim.Population(5, sim.SpikeSourceArray(spike_times=trains(5, 20)), label="teacher")
neurons = sim.Population(5, sim.IF_curr_exp(cm=0.25, tau_m=10.0, tau_refrac=2.0, tau_syn_E=2.0), label="neurons")
sim.Projection(teacher, neurons, sim.OneToOneConnector(), sim.StaticSynapse(weight=9.0, delay=1.0))

stdp = sim.STDPMechanism(
    timing_dependence=sim.SpikePairRule(tau_plus=16.8, tau_minus=33.7, A_plus=0.02, A_minus=0.013),
    weight_dependence=sim.AdditiveWeightDependence(w_min=0.0, w_max=2e-5),
    weight=1e-5, delay=2.0,
)  # fmt: skip
plastic = sim.Projection(sources, neurons, sim.AllToAllConnector(), stdp, label="plastic")
neurons.record("spikes")
sim.run(1600.0)

np.save("weights.npy", np.array(plastic.get("weight", "list"), float))
sim.end()
