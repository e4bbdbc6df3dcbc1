"""A complete translator, as small as one can be: static networks of given and Poisson spikes, in plain NumPy."""

from __future__ import annotations

import time

import numpy as np

from hmn_snn.ledger import Ledger, Margins
from hmn_snn.poisson import PoissonTrain
from hmn_snn.results import Results, Spikes, provenance
from hmn_snn.translator import Capabilities, Finding, Severity, feature_findings


class TinyTranslator:
    """Translator to NumPy loops."""

    name = "tiny"
    capabilities = Capabilities(
        features=frozenset({"lif", "refractory", "delays", "poisson_input", "spike_input", "heterogeneous_neurons"}),
        executors=("numpy",),
        exact_spikes=True,
    )

    def unavailable(self):
        """Return why it cannot run here: it always can."""
        return None

    def check(self, lowered, *, precision="float64", executor="numpy"):
        """Return what to know before running; what is not among the features is refused by name."""
        empty = tuple(
            Finding(Severity.REJECTED, lowered.name, "recordings", f"{r.variable} of {r.name}", "spikes alone are kept")
            for r in lowered.recordings
        )
        return feature_findings(lowered, self.capabilities) + empty

    def translate(self, lowered, *, precision="float64", executor="numpy", findings=()):
        """Return a program for a network that was checked."""
        return TinyProgram(lowered, tuple(findings))


class TinyProgram:
    """A network as this target is told it: nothing but the lowered arrays."""

    def __init__(self, lowered, findings):
        self.lowered, self.findings = lowered, findings

    @property
    def native(self):
        """What the target itself would be given."""
        return self.lowered

    def run(self, n_steps, progress=None):
        """Run from t = 0 and return the results."""
        net, started = self.lowered, time.perf_counter()
        cells = [Cells(population) for population in net.populations]
        fired = [np.zeros((n_steps, source.size), bool) for source in net.sources]
        for given, source in zip(fired[len(cells) :], net.inputs, strict=True):
            given[input_spikes(source, net, n_steps)] = True
        events = dict.fromkeys((projection.name for projection in net.projections), 0)
        for n in range(n_steps):
            for projection in net.projections:  # what arrives at t_n, before anything is integrated
                events[projection.name] += deliver(projection, fired[projection.source], n, cells[projection.target])
            for cell, spikes in zip(cells, fired, strict=False):
                spikes[n] = cell.step()
        margin = min((cell.margin for cell in cells), default=np.inf)
        return self._results(n_steps, fired, events, margin, time.perf_counter() - started)

    def _results(self, n_steps, fired, events, margin, wall_time):
        net = self.lowered
        spikes = {}
        for source, raster in zip(net.sources, fired, strict=True):
            step, index = np.nonzero(raster)
            spikes[source.name] = Spikes((step + 1) * net.dt, index, source.size)
        ledger = Ledger(
            spikes={name: len(train) for name, train in spikes.items()},
            neuron_updates={population.name: population.size * n_steps for population in net.populations},
            synaptic_events=events,
        )
        stamp = provenance("tiny", "numpy", "float64", net, (), wall_time)
        return Results(net.name, net.dt, 0.0, n_steps * net.dt, spikes, {}, {}, ledger, Margins(margin),
                       net.findings + self.findings, stamp)  # fmt: skip


class Cells:
    """A population: its coefficients come from lowering, ready for exact integration."""

    def __init__(self, population):
        self.p = population
        self.v = population.initial["v"].copy()
        self.current = np.stack([population.initial["i_exc"], population.initial["i_inh"]])
        self.held = np.zeros(population.size, int)
        self.margin = np.inf

    def step(self):
        """Advance from t_n to t_n+1; return who spikes."""
        p, free = self.p, self.held == 0
        v_inf = p.v_rest + p.resistance * p.i_offset
        v = v_inf + (self.v - v_inf) * p.rho_m + p.k_exc * self.current[0] - p.k_inh * self.current[1]
        self.v = np.where(free, v, self.v)
        self.current *= np.stack([np.broadcast_to(rho, p.size) for rho in (p.rho_exc, p.rho_inh)])
        self.margin = min(self.margin, np.abs(self.v - p.v_thresh)[free].min(initial=np.inf))
        spikes = free & (self.v >= p.v_thresh)
        self.v = np.where(spikes, p.v_reset, self.v)
        self.held = np.where(spikes, p.refractory, np.maximum(self.held - 1, 0))
        return spikes


def deliver(projection, fired, n, cells):
    """Add the weights of the spikes that arrive at t_n to the currents of a population; return how many there are."""
    sent = n - 1 - projection.delay_steps  # a spike of step k carries the time (k + 1) dt
    arrives = (sent >= 0) & fired[np.maximum(sent, 0), projection.source_index]
    weights = projection.weights[arrives]
    cells.current[projection.receptor] += np.bincount(projection.target_index[arrives], weights, projection.n_target)
    return int(arrives.sum())


def input_spikes(source, net, n_steps):
    """Return steps and members of an input's spikes."""
    if source.rate is None:
        inside = source.steps < n_steps
        return source.steps[inside], source.indices[inside]
    train = PoissonTrain(net.seed, source.name, source.size, source.rate.values[0], net.dt)
    steps, members = [], []
    ends = [*source.rate.steps[1:], n_steps]
    for first, last, rate in zip(source.rate.steps, ends, source.rate.values, strict=True):
        train.set_rate(rate, int(first))
        found = train.spikes(int(first), min(int(last), n_steps))
        steps.append(found[0])
        members.append(found[1])
    return np.concatenate(steps), np.concatenate(members)


translator = TinyTranslator()
