"""Random small networks: the same network for the same integer, every feature with some probability, always active."""

from __future__ import annotations

from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.network import Network
from hmn_snn.population import Population

DURATION = 200.0  # ms in which a random network is sure to have spiked, and its plastic synapses to have had a tick


def random_network(seed: int) -> Network:
    """Return a random network.

    Up to three populations, each driven by a background of Poisson spikes that are strong enough to fire it; given
    spikes, currents and rhythms at times; plastic and fixed projections between all of these.

    Parameters
    ----------
    seed : int
        Decides everything, and is the network's seed.

    Returns
    -------
    Network
    """
    return _Maker(seed).network()


class _Maker:
    """Draws one network; every method adds things of one kind."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.dt = float(self.rng.choice([0.1, 0.25, 0.5, 1.0]))
        self.net = hs.Network(f"random {seed}", dt=self.dt, seed=seed)

    def network(self) -> Network:
        self.populations = [self.population(k) for k in range(self.rng.integers(1, 4))]
        self.inputs = [self.background(k, p) for k, p in enumerate(self.populations)]
        if self.chance(0.6):
            self.inputs.append(self.given_spikes())
        self.oscillators = [self.oscillator(k) for k in range(self.rng.choice(3, p=[0.4, 0.4, 0.2]))]
        self.modulators = [self.modulator(k) for k in range(self.rng.integers(0, 3))]
        self.glia = self.astrocytes() if self.chance(0.4) else None
        for population in self.populations:
            self.currents(population)
        for oscillator in self.oscillators:
            self.rhythm(oscillator)
        projections = [self.projection(k, sure=k == 0) for k in range(self.rng.integers(2, 5))]
        self.recordings(projections)
        if self.chance(0.2):
            self.starter(self.populations[0])
        return self.net

    # Small draws

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def one_of(self, things: Any) -> Any:
        return things[int(self.rng.integers(len(things)))]

    def steps(self, low: float, high: float) -> float:
        """Draw a time on the grid [ms]."""
        return round(self.between(low, high) / self.dt) * self.dt

    def each(self, n: int, low: float, high: float) -> Any:
        """Draw one value for all members, or one for each."""
        return self.rng.uniform(low, high, n) if self.chance(0.25) else self.between(low, high)

    def levels(self, n: int | None, low: float, high: float) -> hs.Steps:
        """Draw a value that changes twice, for all members (n None) or for each."""
        times = np.array([0.0, self.steps(20.0, 60.0), self.steps(70.0, 150.0)])
        return hs.Steps(times, self.rng.uniform(low, high, 3 if n is None else (3, n)))

    # Things

    def population(self, k: int) -> Population:
        n = int(self.rng.integers(1, 13))
        tau_m = self.each(n, 8.0, 30.0)
        taus = [0.0 if self.chance(0.2) else self.between(2.0, 10.0) for _ in range(2)]
        if taus[0] and self.chance(0.1):
            taus[0] = tau_m
        cell = hs.LIF(
            tau_m=tau_m,
            cm=self.each(n, 0.5, 1.5),
            v_thresh=self.each(n, -52.0, -48.0),
            v_reset=self.each(n, -66.0, -58.0),
            tau_refrac=self.one_of([0.0, self.dt, self.steps(1.0, 4.0)]),
            tau_syn_E=taus[0],
            tau_syn_I=taus[1],
            sigma=self.each(n, 0.5, 3.0) if self.chance(0.3) else 0.0,
            noise_correction=self.chance(0.5),
            reset=self.one_of(["value", "value", "subtract"]),
            target_rate=self.between(5.0, 30.0),
            eta_bias=self.each(n, 0.05, 0.5) if self.chance(0.25) else 0.0,
        )
        start: dict[str, Any] = {"v": hs.Uniform(-65.0, -52.0)} if self.chance(0.5) else {}
        if self.chance(0.2):
            start["bias"] = self.between(-2.0, 2.0)
        return self.net.add(hs.Population(n, cell, name=f"population {k}", initial_values=start))

    def weight(self, population: Population, receptor: str, share: float) -> float:
        """Return a weight whose single spike moves a resting neuron by about a share of the way to its threshold."""
        cell = population.cell
        tau_s = cell.tau_syn_E if receptor == "excitatory" else cell.tau_syn_I
        tau_m, tau_s = float(np.mean(cell.tau_m)), float(np.mean(tau_s))
        if cell.is_delta(receptor):
            return share * 15.0
        if abs(tau_s - tau_m) < 1e-9:
            peak = tau_m / np.e
        else:  # of exp(-t/tau_m) - exp(-t/tau_s), times tau_m tau_s / (tau_m - tau_s)
            at = np.log(tau_m / tau_s) * tau_m * tau_s / (tau_m - tau_s)
            peak = (np.exp(-at / tau_m) - np.exp(-at / tau_s)) * tau_m * tau_s / (tau_m - tau_s)
        return share * 15.0 * float(np.mean(cell.cm)) / peak

    def background(self, k: int, population: Population) -> Any:
        n = population.size
        rate = (
            self.levels(n if self.chance(0.5) else None, 20.0, 60.0) if self.chance(0.3) else self.each(n, 20.0, 60.0)
        )
        source = self.net.add(hs.PoissonInput(n, rate=rate, name=f"background {k}"))
        weight = self.weight(population, "excitatory", 2.5)
        self.net.add(hs.Projection(source, population, hs.OneToOne(), weight=weight, delay=self.dt, name=f"drive {k}"))
        return source

    def given_spikes(self) -> Any:
        n = int(self.rng.integers(1, 6))
        last = round(DURATION / self.dt)
        steps = [np.unique(self.rng.integers(1, last, self.rng.integers(0, 12))) for _ in range(n)]
        return self.net.add(hs.SpikeInput([s * self.dt for s in steps], name="given"))

    def starter(self, population: Population) -> None:
        """Add spikes at 0 ms, through fixed synapses: Brian2 takes them through no others."""
        source = self.net.add(hs.SpikeInput([[0.0]] * population.size, name="starter"))
        weight, delay = self.weight(population, "excitatory", 1.5), self.one_of([self.dt, self.steps(1.0, 9.0)])
        self.net.add(hs.Projection(source, population, hs.OneToOne(), weight=weight, delay=delay, name="start"))

    def oscillator(self, k: int) -> Any:
        n = int(self.one_of([1, 1, 3]))
        lag: Any = self.rng.uniform(-0.5, 0.5, (n, n)) if self.chance(0.5) else self.between(-0.5, 0.5)
        coupled = n > 1 and self.chance(0.7)
        return self.net.add(
            hs.Oscillator(
                frequency=self.each(n, 6.0, 40.0),
                phase=self.each(n, 0.0, 6.0),
                size=n,
                coupling=self.between(5.0, 60.0) if coupled else 0.0,
                lag=lag if coupled else 0.0,
                name=f"oscillator {k}",
            )
        )

    def modulator(self, k: int) -> Any:
        n = len(self.populations)
        releases = [(self.steps(0.0, 180.0), self.between(-1.0, 2.0)) for _ in range(self.rng.integers(0, 4))]
        tonic = self.levels(None, -0.2, 0.5) if self.chance(0.4) else self.between(-0.2, 0.5)
        return self.net.add(
            hs.Modulator(
                tau=self.between(20.0, 400.0),
                tonic=tonic,
                releases=releases,
                weight=self.between(0.5, 1.5),
                attention=self.rng.normal(size=n),
                name=f"modulator {k}",
            )
        )

    def astrocytes(self) -> Any:
        cell = hs.LeakyCalcium(
            tau_Y=self.between(20.0, 100.0), tau_ca=self.between(50.0, 500.0), C_theta=self.between(0.02, 0.2),
            alpha=self.between(0.0, 1.0), tau_rise=self.between(20.0, 200.0), tau_decay=self.between(50.0, 400.0),
            a_Ad=self.one_of([0.0, 30.0]), tau_Ad=self.between(50.0, 500.0),
        )  # fmt: skip
        driver = self.one_of(self.modulators) if self.modulators and self.chance(0.5) else None
        clock = self.one_of([1, 10]) * self.dt
        return self.net.add(hs.Astrocytes(3, cell, norepinephrine=driver, clock=clock, name="glia"))

    def currents(self, population: Population) -> None:
        scale = float(np.mean(population.cell.cm)) / float(np.mean(population.cell.tau_m))  # nA per mV
        if self.chance(0.4):
            target: Any = population[:: self.one_of([1, 2])] if self.chance(0.5) else population
            amplitude: Any = self.each(len(target), 0.0, 8.0 * scale)
            if self.chance(0.5):
                amplitude = self.levels(len(target) if self.chance(0.5) else None, -4.0 * scale, 12.0 * scale)
            self.net.add(hs.CurrentInput(target, amplitude))

    def rhythm(self, oscillator: Any) -> None:
        if self.chance(0.5):
            population = self.one_of(self.populations)
            member = oscillator[int(self.rng.integers(oscillator.size))]
            scale = float(np.mean(population.cell.cm)) / float(np.mean(population.cell.tau_m))
            phase = self.each(population.size, 0.0, 6.0)
            self.net.add(hs.OscillatorDrive(member, population, amplitude=self.between(0.0, 6.0) * scale, phase=phase))
        if self.chance(0.5):
            source = self.one_of([*self.populations, *self.inputs])
            end = source[: (source.size + 1) // 2] if self.chance(0.3) else source
            self.net.add(
                hs.Entrainment(end, oscillator, strength=self.between(0.05, 0.4), phase=self.between(0.0, 6.0))
            )

    def projection(self, k: int, sure: bool) -> Any:
        """Add a projection; a sure one is plastic, with synapses that spikes are certain to reach."""
        sources = (
            [*self.populations, *self.inputs[: len(self.populations)]] if sure else [*self.populations, *self.inputs]
        )
        pre, post = self.one_of(sources), self.one_of(self.populations)
        receptor = self.one_of(["excitatory", "excitatory", "inhibitory"])
        largest = self.weight(post, receptor, self.between(0.2, 1.0) / pre.size)
        longest = self.one_of([self.dt, self.steps(2.0, 10.0)])
        delay = hs.Uniform(self.dt, max(longest, self.dt)) if self.chance(0.5) else longest
        near_glia = self.glia is not None and self.chance(0.6)
        return self.net.add(
            hs.Projection(
                pre,
                post[: (post.size + 1) // 2] if self.chance(0.2) else post,
                self.connector(pre.size, sure),
                weight=hs.Uniform(0.2 * largest, largest) if self.chance(0.7) else largest,
                delay=delay,
                receptor=receptor,
                plasticity=self.rule(largest, near_glia) if sure or self.chance(0.4) else None,
                astrocytes=self.glia if near_glia else None,
                name=f"projection {k}",
            )
        )

    def connector(self, n_pre: int, sure: bool) -> Any:
        kind = self.rng.integers(2 if sure else 4)
        if kind == 0:
            return hs.FixedNumberPre(min(2, n_pre))
        return [hs.AllToAll(), hs.AllToAll(allow_self=False), hs.FixedProbability(self.between(0.3, 0.9))][kind - 1]

    def rule(self, largest: float, near_glia: bool) -> hs.HMNRule:
        gate = None
        if self.oscillators and self.chance(0.7):
            oscillator, bins = self.one_of(self.oscillators), int(self.one_of([8, 32]))
            phase = hs.Uniform(0.0, 6.0) if self.chance(0.5) else self.between(0.0, 6.0)
            gate = hs.PhaseGate(oscillator[0], phase=phase, at=self.one_of(["update", "pairing", "both"]), n_bins=bins)
        attention = shares = None
        if self.chance(0.35):
            taus = (self.between(5.0, 30.0), self.between(50.0, 300.0))
            similarity = self.one_of(["dot", "cosine"])
            attention = hs.LocalAttention(
                self.between(-2.0, 2.0), taus, similarity=similarity, normalisation=self.one_of(["count", "simplex"])
            )
        if self.modulators and self.chance(0.35):
            shares = hs.GlobalAttention(self.between(-2.0, 2.0), tau=self.between(50.0, 1000.0))
        return hs.HMNRule(
            A_plus=self.between(0.1, 0.5) * largest, A_minus=-self.between(0.0, 0.4) * largest,
            tau_plus=self.between(5.0, 30.0), tau_minus=self.between(5.0, 40.0), tau_fast=self.between(10.0, 100.0),
            tau_slow=self.between(200.0, 1000.0), kappa_slow=self.one_of([0.0, 0.3, 1.0]), eta_l=self.between(1.0, 3.0),
            eta_g=self.between(0.0, 3.0), modulators=tuple(self.modulators), global_attention=shares,
            attention=attention, gate=gate, lambda_a=-0.5 if near_glia and self.chance(0.5) else 0.0,
            apply=self.one_of(["always", "probabilistic"]), theta_p=0.002 * largest,
            on_reject=self.one_of(["drop", "carry"]), w_min=0.0, w_max=1.5 * largest, tick=self.steps(5.0, 60.0),
            pairing=self.one_of(["all", "all", "nearest"]),
            tie=self.one_of(["none", "ltp", "ltd"]), delay_kind=self.one_of(["axonal", "axonal", "dendritic"]),
        )  # fmt: skip

    def recordings(self, projections: list[Any]) -> None:
        every = int(self.rng.integers(1, 9)) * self.dt
        self.net.record(self.populations[0], ["v", "i_exc", "i_inh", "bias"], every=every)
        plastic = ["weight", "x", "y", "eligibility", "pending", "attention", "G"]
        for projection in projections:
            self.net.record(projection, ["weight"] if projection.plasticity is None else plastic, every=every)
        for modulator in self.modulators:
            self.net.record(modulator, "level")
        for oscillator in self.oscillators:
            self.net.record(oscillator, "phase", every=every)
        if self.glia is not None:
            self.net.record(self.glia, ["spillover", "calcium", "gamma", "adenosine", "gain", "M"], every=every)
