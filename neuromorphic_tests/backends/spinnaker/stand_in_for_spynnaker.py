"""A stand-in for pyNN.spiNNaker in tests: cells spike when a spike arrives, and v rises by 1 mV in a timestep.

It reads the configuration in the home as sPyNNaker would, and keeps its time: what is sent in timestep k is recorded
at k dt and arrives delay/dt timesteps later.
"""

import pathlib
import types

import numpy as np

populations, projections, state = [], [], {}


class Recorded:
    """What a script asks of neo's and quantities' objects."""

    def __init__(self, values, index=0):
        self.magnitude, self.annotations = np.asarray(values, float), {"source_index": index}

    def rescale(self, unit):
        """Return itself, which is in ms."""
        return self

    def __len__(self):
        return len(self.magnitude)


def setup(timestep, min_delay, time_scale_factor):
    """Start, for a board that the configuration names."""
    assert "10.11.12.13" in (pathlib.Path.home() / ".spynnaker.cfg").read_text()
    state.update(dt=timestep, steps=0)


class Population:
    """Cells or sources."""

    def __init__(self, size, model, label, **parameters):
        self.size, self.model, self.label, self.parameters = size, model, label, parameters
        self.v, self.times, self.recorded = np.zeros(size), [[] for _ in range(size)], []
        populations.append(self)

    def __getitem__(self, members):
        return types.SimpleNamespace(record=lambda name: None, get_data=lambda name: self._segment(members))

    def initialize(self, v):
        """Set potentials."""
        self.v = np.broadcast_to(v, self.size)

    def record(self, name):
        """Accept what is recorded."""
        assert name == "spikes"

    def get_data(self, name, gather):
        """Return all spikes."""
        trains = [Recorded(times, k) for k, times in enumerate(self.times)]
        return types.SimpleNamespace(segments=[types.SimpleNamespace(spiketrains=trains)])

    def _segment(self, members):
        v = self.v[members] + np.arange(state["steps"])[:, None]
        return types.SimpleNamespace(segments=[types.SimpleNamespace(analogsignals=[Recorded(v)])])

    @property
    def current_values(self):
        """Return potentials at the end."""
        return {"v": self.v + state["steps"]}


def IF_curr_exp(**parameters):
    """Return cells."""
    return None


def SpikeSourceArray(spike_times):
    """Return sources."""
    return spike_times


def StaticSynapse(weight, delay):
    """Return synapses."""
    return None


def FromListConnector(rows):
    """Return connections."""
    return rows


def Projection(source, target, rows, synapse, receptor_type, label):
    """Keep connections."""
    projections.append((source, target, rows))


def run(duration):
    """Let every spike of a source make its targets spike when it arrives."""
    state["steps"] += round(duration / state["dt"])
    for source, target, rows in projections:
        for pre, post, _, delay in rows:
            target.times[int(post)] += [time + delay for time in source.model[int(pre)] if time + delay < duration]


def num_processes():
    """Return how many there are."""
    return 1


def end():
    """Do nothing."""
