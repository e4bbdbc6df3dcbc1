"""A second statement of the semantics: a simulator in plain numpy, slow and obvious, that engines are held against.

Written from the semantics, not from any engine: every step touches every neuron and synapse; learning is the plain
step-by-step definition of ``hmn_snn.learning``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hmn_snn import learning, randomness
from hmn_snn.lowered import LoweredInput, LoweredNetwork, LoweredPopulation, LoweredProjection, Schedule


def value_at(schedule: Schedule, step: int) -> np.ndarray:
    """Return what a schedule holds in a step."""
    return schedule.values[np.searchsorted(schedule.steps, step, side="right") - 1]


def input_spikes(source: LoweredInput, network: LoweredNetwork, n_steps: int) -> np.ndarray:
    """Return the spikes of an input by step and source (semantics 3)."""
    fired = np.zeros((n_steps, source.size), dtype=bool)
    if source.rate is None:
        inside = source.steps < n_steps
        fired[source.steps[inside], source.indices[inside]] = True
        return fired
    for i in range(source.size):
        held = np.array([np.broadcast_to(value_at(source.rate, n), source.size)[i] for n in range(n_steps)])
        area, start, sums = 0.0, 0, [0.0]  # Lambda, a new segment only where the rate changes
        for n in range(n_steps):
            if n and held[n] != held[n - 1]:
                area, start = area + held[n - 1] * ((n - start) * (network.dt / 1000.0)), n
            sums.append(area + held[n] * ((n + 1 - start) * (network.dt / 1000.0)))
        arrival, k = 0.0, 0
        while True:
            arrival += -np.log(randomness.uniform(network.seed, f"{source.name}/poisson", i, k)[0])
            k += 1
            if arrival > sums[-1]:
                break
            fired[np.searchsorted(sums, arrival, side="left") - 1, i] = True
    return fired


class Cells:
    """A population (semantics 3)."""

    def __init__(self, population: LoweredPopulation, seed: int) -> None:
        self.p, self.seed = population, seed
        self.v, self.i_exc, self.i_inh, self.bias = (
            population.initial[name].copy() for name in ("v", "i_exc", "i_inh", "bias")
        )
        self.wait = np.zeros(population.size, dtype=int)

    def step(self, n: int, phi: np.ndarray, exc: np.ndarray, inh: np.ndarray) -> np.ndarray:
        """Advance from t_n to t_n+1; ``exc`` and ``inh`` are what arrives at t_n."""
        p, free = self.p, self.wait == 0
        current = np.array(np.broadcast_to(p.i_offset, p.size))
        for injected in p.currents:
            current[injected.indices] += value_at(injected.amplitude, n)
        for drive in p.drives:
            current += drive.amplitude * np.cos(phi[drive.oscillator] - drive.phase)
        v_inf = p.v_rest + p.resistance * current + self.bias
        for is_delta, arrived, sign in ((p.delta[0], exc, 1.0), (p.delta[1], inh, -1.0)):
            if is_delta:
                self.v = np.where(free, self.v + sign * arrived, self.v)
        self.i_exc, self.i_inh = self.i_exc + exc * (not p.delta[0]), self.i_inh + inh * (not p.delta[1])
        v = v_inf + (self.v - v_inf) * p.rho_m + p.k_exc * self.i_exc - p.k_inh * self.i_inh
        v = v + p.noise * randomness.normal(self.seed, f"{p.name}/noise", np.arange(p.size), n)
        self.v = np.where(free, v, self.v)
        self.i_exc, self.i_inh = self.i_exc * p.rho_exc, self.i_inh * p.rho_inh
        fired = free & (self.v >= p.v_thresh)
        after = self.v - (p.v_thresh - p.v_reset) if p.subtract else p.v_reset
        self.v = np.where(fired, after, self.v)
        self.bias = self.bias + p.bias_gain - p.eta_bias * fired
        self.wait = np.where(fired, p.refractory, np.maximum(self.wait - 1, 0))
        return fired


class GivenCells:
    """A population whose spikes are known."""

    def __init__(self, fired: np.ndarray) -> None:
        self.fired = fired

    def step(self, n: int, phi: np.ndarray, exc: np.ndarray, inh: np.ndarray) -> np.ndarray:
        """Repeat a step."""
        return np.asarray(self.fired[n])


class Learner:
    """A plastic projection (semantics 4-8)."""

    def __init__(self, projection: LoweredProjection, network: LoweredNetwork) -> None:
        assert projection.plasticity is not None
        self.p, self.network, self.rule = projection, network, projection.plasticity.rule
        self.state, self.weights = learning.LearningState.initial(projection), projection.weights
        self.modulators = [network.modulators[k] for k in projection.plasticity.modulators]
        self.tau = np.atleast_1d(self.rule.attention.tau) if self.rule.attention else np.ones(1)
        self.h = np.zeros((projection.n_source, len(self.tau)))
        self.c = np.zeros((projection.n_target, len(self.tau)))
        self.context = np.zeros(len(network.populations))
        self.M: Any = 0.0

    def sample(self, levels: np.ndarray, M: np.ndarray) -> None:
        """Take what is sampled at a tick and held: alpha, gamma, M."""
        self.alpha = learning.local_attention(self.p, self.h, self.c)
        vectors = np.array([m.attention if m.attention is not None else 0.0 * self.context for m in self.modulators])
        self.gamma = learning.global_attention(
            self.rule, levels[list(self.p.plasticity.modulators)], vectors.reshape(-1, len(self.context)), self.context
        )
        if self.p.territory is not None:
            self.M = M[self.p.territory]

    def step(self, fired: list[np.ndarray], levels: np.ndarray, phi: np.ndarray) -> bool:
        """Learn from one step's spikes; return whether it ended with a tick."""
        dt, pre, post = self.network.dt, fired[self.p.source][None], fired[self.p.target][None]
        own = levels[list(self.p.plasticity.modulators)]
        G = float((self.gamma * np.array([m.weight for m in self.modulators]) * own).sum())
        gate = self.p.plasticity.gate
        phase = None if gate is None else phi[[gate.oscillator]]
        update = learning.advance(
            self.p, dt, self.network.seed, self.state, self.weights, pre, post, np.array([G]), phase, self.M, self.alpha
        )
        self.state, self.weights = update.state, update.weights
        if self.rule.attention is not None:
            self.h = learning.activity(self.h, pre, self.tau, dt, self.rule.attention.rate)
            self.c = learning.activity(self.c, post, self.tau, dt, self.rule.attention.rate)
        if self.rule.global_attention is not None:
            tau, rate = self.rule.global_attention.tau, self.rule.global_attention.rate
            counts = np.array([f.sum() / max(1, len(f)) for f in fired[: len(self.context)]])
            self.context = self.context * np.exp(-dt / tau) + counts / (rate * tau / 1000.0)
        return self.state.step == 0


class PlainSimulator:
    """A network in plain numpy.

    Parameters
    ----------
    network : LoweredNetwork
    n_steps : int
    given : list of (n_steps, size) bool arrays, optional
        Spikes of each source: none is computed then, and only learning is.

    Attributes
    ----------
    fired : list of (n_steps, size) bool arrays
        Spikes of each source.
    weights : list of (n_synapses,) arrays
        Of each projection.
    """

    def __init__(self, network: LoweredNetwork, n_steps: int, given: list[np.ndarray] | None = None) -> None:
        self.network = network
        self.cells: list[Any] = [Cells(p, network.seed) for p in network.populations]
        self.fired = [np.zeros((n_steps, p.size), dtype=bool) for p in network.populations]
        if given is None:
            self.fired += [input_spikes(source, network, n_steps) for source in network.inputs]
        else:
            self.cells = [GivenCells(fired) for fired in given[: len(network.populations)]]
            self.fired += given[len(network.populations) :]
        self.phasic = np.zeros(len(network.modulators))
        self.phi = np.concatenate([np.zeros(0), *(o.phase for o in network.oscillators)])
        self.glia = [[np.array(a.cell.initial_state()) for _ in range(a.size)] for a in network.astrocytes]
        self.heard = [np.zeros(a.size) for a in network.astrocytes]
        self.learners = [None if p.plasticity is None else Learner(p, network) for p in network.projections]
        self._read_glia()
        for learner in self.learners:
            if learner is not None:
                learner.sample(self._levels(0), self._M(learner.p))
        for n in range(n_steps):
            self._step(n)
        self.weights = [
            p.weights if learner is None else learner.weights
            for p, learner in zip(network.projections, self.learners, strict=True)
        ]

    def _levels(self, n: int) -> np.ndarray:
        return self.phasic + np.array([value_at(m.tonic, n)[0] for m in self.network.modulators])

    def _read_glia(self) -> None:
        outputs = [
            [a.cell.output(state, a.coefficients) for state in states]
            for a, states in zip(self.network.astrocytes, self.glia, strict=True)
        ]
        self.gain = [np.array([gain for gain, _ in group]) for group in outputs]
        self.M = [np.array([m for _, m in group]) for group in outputs]

    def _M(self, projection: LoweredProjection) -> np.ndarray:
        return self.M[projection.astrocytes] if projection.astrocytes >= 0 else np.zeros(1)

    def _arrived(self, p: LoweredProjection, step: int) -> np.ndarray:
        """Which synapses a spike reaches at the start of a step."""
        fired_in = step - 1 - p.delay_steps
        return (fired_in >= 0) & self.fired[p.source][np.maximum(fired_in, 0), p.source_index]

    def _step(self, n: int) -> None:
        network = self.network
        for k, m in enumerate(network.modulators):
            self.phasic[k] += m.release_amounts[m.release_steps == n].sum()
        buckets = [[np.zeros(p.size), np.zeros(p.size)] for p in network.populations]
        for p, learner in zip(network.projections, self.learners, strict=True):
            gain = 1.0 if p.astrocytes < 0 else self.gain[p.astrocytes][p.territory]
            size = (p.weights if learner is None else learner.weights) * gain * self._arrived(p, n)
            buckets[p.target][p.receptor] += np.bincount(p.target_index, size, minlength=p.n_target)
        for k, (cells, bucket) in enumerate(zip(self.cells, buckets, strict=True)):
            self.fired[k][n] = cells.step(n, self.phi, *bucket)
        fired = [f[n] for f in self.fired]
        self.phasic *= [m.rho for m in network.modulators]
        self._oscillate()
        ticked = [learner for learner in self.learners if learner and learner.step(fired, self._levels(n), self.phi)]
        for kick in network.entrainments:
            group = network.oscillators[kick.oscillator]
            own, count = slice(group.first, group.first + group.size), (fired[kick.source] & kick.member).sum()
            self.phi[own] -= kick.strength * count * np.sin(self.phi[own] - kick.phase)
        self._glia_step(n)
        for learner in ticked:
            learner.sample(self._levels(n), self._M(learner.p))

    def _oscillate(self) -> None:
        for o in self.network.oscillators:
            own = slice(o.first, o.first + o.size)
            phi = self.phi[own].copy()
            pull = np.sin(phi[None, :] - phi[:, None] - o.lag).sum(axis=1)
            self.phi[own] = phi + self.network.dt / 1000.0 * (o.omega + o.coupling / o.size * pull)

    def _glia_step(self, n: int) -> None:
        network = self.network
        for k, a in enumerate(network.astrocytes):
            projections = [p for p in network.projections if p.astrocytes == k]
            sizes = sum((np.bincount(p.territory, minlength=a.size) for p in projections), np.zeros(a.size))
            for p in projections:
                arrivals = np.bincount(p.territory, self._arrived(p, n + 1), minlength=a.size)
                self.heard[k] += arrivals / np.maximum(1.0, sizes)
            if (n + 1) % a.clock_steps == 0:
                level = 0.0 if a.norepinephrine < 0 else self._levels(n)[a.norepinephrine]
                for state, heard in zip(self.glia[k], self.heard[k], strict=True):
                    a.cell.step(state, a.coefficients, heard, level)
                self.heard[k][:] = 0.0
        self._read_glia()
