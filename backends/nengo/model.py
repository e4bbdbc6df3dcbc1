"""A lowered network as a ``nengo.Network`` of Nengo's own parts: LIF neurons, low-pass synapses, sparse transforms.

Spikes are impulses of height 1/dt. From a source, each projection has a connection for each of its delays, with the
delay as a discrete filter z**-d, to the arrivals of a receptor; from there a low-pass synapse leads to the receptor's
current [nA], whose filter takes one step as well, and on into the neurons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse

from hmn_snn import randomness
from hmn_snn.lowered import RECEPTORS, LoweredNetwork, LoweredPopulation, LoweredProjection

from . import spans
from .packages import imported

nengo = imported("nengo")

_VARIABLES = ("i_exc", "i_inh")


@dataclass(eq=False)
class Feed:
    """Spikes of an input, due at given steps: the output of a node.

    Attributes
    ----------
    size : int
    dt : float [s]
    due : dict of int to int array
        Neurons that spike, by step.
    """

    size: int
    dt: float
    due: dict[int, np.ndarray] = field(default_factory=dict)

    def __call__(self, t: float) -> np.ndarray:
        """Return impulses; ``t`` [s] is the end of the step."""
        output = np.zeros(self.size)
        output[self.due.pop(step_ending(t, self.dt), [])] = 1.0 / self.dt
        return output


@dataclass(eq=False)
class Drive:
    """What a population receives besides arrivals: the output of a node.

    Attributes
    ----------
    constant : (n,) float array
    noise : callable (step) -> (n,) float array, or None
    dt : float [s]
    """

    constant: np.ndarray
    noise: Callable[[int], np.ndarray] | None
    dt: float

    def __call__(self, t: float) -> np.ndarray:
        """Return J of the step that ends at ``t`` [s]."""
        return self.constant if self.noise is None else self.constant + self.noise(step_ending(t, self.dt))


@dataclass(eq=False)
class Listener:
    """Notes the spikes of a population: the function of a node.

    Attributes
    ----------
    dt : float [s]
    heard : list of (step, (k,) int array)
    """

    dt: float
    heard: list[tuple[int, np.ndarray]] = field(default_factory=list)

    def __call__(self, t: float, x: np.ndarray) -> None:
        """Note who spikes in the step that ends at ``t`` [s]."""
        (spiked,) = np.nonzero(x)
        if len(spiked):
            self.heard.append((step_ending(t, self.dt), spiked))


def step_ending(t: float, dt: float) -> int:
    """Return the number of the step that ends at a time."""
    return round(t / dt) - 1


class Model:
    """A network of Nengo with handles on what goes in and out.

    Parameters
    ----------
    lowered : LoweredNetwork

    Attributes
    ----------
    network : nengo.Network
    dt : float [s]
    feeds : dict of int to Feed
        By source of the lowered network; empty ones have none.
    drives : dict of int to Drive
    listeners : dict of int to Listener
    probes : list of nengo.Probe or None
        One for each recording of potentials and currents, in their order; None of an empty population.
    """

    def __init__(self, lowered: LoweredNetwork) -> None:
        self.lowered, self.dt = lowered, lowered.dt / 1000.0
        self.feeds: dict[int, Feed] = {}
        self.drives: dict[int, Drive] = {}
        self.listeners: dict[int, Listener] = {}
        self._spikes: dict[int, Any] = {}
        self._neurons: dict[int, Any] = {}
        self._arrivals: dict[tuple[int, int], Any] = {}
        self._currents: dict[tuple[int, int], Any] = {}
        with nengo.Network(label=lowered.name, seed=0) as self.network:
            for group, population in enumerate(lowered.populations):
                if population.size:
                    self._add_population(group, population)
            for group, source in enumerate(lowered.inputs, len(lowered.populations)):
                if source.size:
                    self.feeds[group] = Feed(source.size, self.dt)
                    feed = nengo.Node(self.feeds[group], size_in=0, size_out=source.size, label=source.name)
                    self._spikes[group] = feed
            for projection in lowered.projections:
                if projection.n_synapses:
                    self._add_projection(projection)
            self.probes = [self._probe(r.group, r.variable, r.indices) for r in sampled(lowered)]

    def _add_population(self, group: int, population: LoweredPopulation) -> None:
        n, label = population.size, population.name
        cell = nengo.LIF(
            tau_rc=float(population.parameters["tau_m"][0]) / 1000.0,
            tau_ref=int(population.refractory[0]) * self.dt,
            min_voltage=-np.inf,
            initial_state={"voltage": (population.initial["v"] - population.v_reset) / spans.span(population)},
        )
        # Gain 1 and bias 0: the input of a neuron is its J. Encoders are not used, and drawing them would take time.
        ensemble = nengo.Ensemble(n, 1, neuron_type=cell, gain=np.ones(n), bias=np.zeros(n), encoders=np.ones((n, 1)),
                                  eval_points=np.zeros((1, 1)), label=label)  # fmt: skip
        self._neurons[group] = self._spikes[group] = ensemble.neurons
        noise = _noise(self.lowered.seed, population) if population.noisy else None
        self.drives[group] = Drive(spans.drive(population, population.i_offset), noise, self.dt)
        self.listeners[group] = Listener(self.dt)
        drive = nengo.Node(self.drives[group], size_in=0, size_out=n, label=f"{label} drive")
        nengo.Connection(drive, ensemble.neurons, synapse=None)
        nengo.Connection(ensemble.neurons, nengo.Node(self.listeners[group], size_in=n), synapse=None)

    def _current(self, group: int, receptor: int) -> Any:
        """Return the node of a receptor's current; it is made where it is first asked for."""
        if (group, receptor) in self._currents:
            return self._currents[group, receptor]
        population = self.lowered.populations[group]
        n, label = population.size, f"{population.name} {RECEPTORS[receptor]}"
        arrivals = nengo.Node(size_in=n, label=f"{label} arrivals")
        current = nengo.Node(size_in=n, label=f"{label} current")
        name = ("tau_syn_E", "tau_syn_I")[receptor]
        tau = float(population.parameters[name][0]) / 1000.0
        decay = delay(1) if population.delta[receptor] else nengo.Lowpass(tau)
        nengo.Connection(arrivals, current, synapse=decay)
        nengo.Connection(current, self._neurons[group], transform=spans.gain(population, receptor), synapse=None)
        self._arrivals[group, receptor], self._currents[group, receptor] = arrivals, current
        return current

    def _add_projection(self, projection: LoweredProjection) -> None:
        population, receptor = self.lowered.populations[projection.target], projection.receptor
        self._current(projection.target, receptor)
        rho = (population.rho_exc, population.rho_inh)[receptor][0]
        # An impulse 1/dt, weighted with dt, and a filter whose first answer is (1 - rho) of its input.
        weights = projection.weights * self.dt / (1.0 - rho)
        steps = projection.delay_steps
        for d in np.unique(steps):
            of = steps == d
            ends = (projection.target_index[of], projection.source_index[of])
            matrix = scipy.sparse.coo_matrix((weights[of], ends), (projection.n_target, projection.n_source))
            transform = nengo.Sparse(matrix.shape, init=matrix.tocsr())  # which adds up synapses of one pair
            nengo.Connection(self._spikes[projection.source], self._arrivals[projection.target, receptor],
                             transform=transform, synapse=delay(int(d)), label=projection.name)  # fmt: skip

    def _probe(self, group: int, variable: str, members: np.ndarray) -> Any:
        if group not in self._neurons:
            return None
        if variable == "v":
            return nengo.Probe(self._neurons[group][members.tolist()], "voltage")
        return nengo.Probe(self._current(group, _VARIABLES.index(variable))[members.tolist()], synapse=None)


def delay(steps: int) -> Any:
    """Return a synapse that only delays: z**-steps.

    Parameters
    ----------
    steps : int
        1 or more.

    Returns
    -------
    nengo.LinearFilter
    """
    return nengo.LinearFilter([1.0], [1.0] + [0.0] * steps, analog=False)


def sampled(lowered: LoweredNetwork) -> list[Any]:
    """Return the recordings that neurons sample: potentials and currents of populations."""
    return [r for r in lowered.recordings if r.kind == "population" and r.variable in ("v", *_VARIABLES)]


def _noise(seed: int, population: LoweredPopulation) -> Callable[[int], np.ndarray]:
    scale, everyone = spans.noise_scale(population), np.arange(population.size)
    return lambda step: scale * randomness.normal(seed, f"{population.name}/noise", everyone, step)
