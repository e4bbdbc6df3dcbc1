"""The benchmarked networks: their parameters, stated once for all engines, and their descriptions for ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import pi, sqrt

import hmn_snn as hs

EXCITATORY_SHARE = 0.8


@dataclass(frozen=True)
class Cuba:
    """Random balanced network with current-based synapses (Vogels & Abbott 2005; Brian2's CUBA example).

    Parameters
    ----------
    n : int
        Neurons, four fifths of them excitatory. The published network has 4000; in larger ones the weights go with
        1 / sqrt(n) and the constant drive with sqrt(n) (van Vreeswijk & Sompolinsky 1998), which keeps the rates.
    duration : float [ms]
    """

    n: int = 4000
    duration: float = 1000.0
    dt: float = 0.1
    seed: int = 1
    probability: float = 0.02
    delay: float = 0.1
    tau_m: float = 20.0
    tau_refrac: float = 5.0
    tau_syn_E: float = 5.0
    tau_syn_I: float = 10.0
    v_rest: float = -49.0
    v_thresh: float = -50.0
    v_reset: float = -60.0

    @property
    def title(self) -> str:
        """The heading of its table."""
        synapses = self.n**2 * self.probability
        return f"CUBA, {self.n:,} neurons, {synapses:,.0f} synapses, {self.duration:g} ms, dt {self.dt:g} ms"

    @property
    def sizes(self) -> dict[str, int]:
        """Neurons of each population."""
        excitatory = round(EXCITATORY_SHARE * self.n)
        return {"E": excitatory, "I": self.n - excitatory}

    @property
    def weights(self) -> dict[str, float]:
        """Jump of the synaptic drive at a spike of each population [mV, or nA at 1 MOhm], as a magnitude."""
        scale = sqrt(4000.0 / self.n)
        return {"E": 1.62 * scale, "I": 9.0 * scale}

    @property
    def drive(self) -> float:
        """Constant drive that balances what scaled weights add to the mean, at 5.8 Hz [mV, or nA at 1 MOhm]."""
        rate = 5.8e-3  # spikes per ms of the published network
        excitation = EXCITATORY_SHARE * 1.62 * self.tau_syn_E
        inhibition = (1.0 - EXCITATORY_SHARE) * 9.0 * self.tau_syn_I
        net_inhibition = 4000.0 * self.probability * rate * (inhibition - excitation)
        return max(0.0, sqrt(self.n / 4000.0) - 1.0) * net_inhibition

    def events(self, spikes: Mapping[str, int]) -> float:
        """Return how often a spike reached a synapse, by the mean number of synapses per neuron."""
        return sum(spikes.values()) * self.n * self.probability

    def describe(self) -> hs.Network:
        """Return the network in our description; a capacitance of tau_m makes 1 nA drive v by 1 mV."""
        net = hs.Network("cuba", dt=self.dt, seed=self.seed)
        cell = hs.LIF(
            tau_m=self.tau_m, cm=self.tau_m, v_rest=self.v_rest, v_reset=self.v_reset, v_thresh=self.v_thresh,
            tau_refrac=self.tau_refrac, tau_syn_E=self.tau_syn_E, tau_syn_I=self.tau_syn_I, i_offset=self.drive,
        )  # fmt: skip
        start = {"v": hs.Uniform(self.v_reset, self.v_thresh)}
        populations = {p: net.add(hs.Population(n, cell, name=p, initial_values=start)) for p, n in self.sizes.items()}
        connector = hs.FixedProbability(self.probability)
        for pre, receptor in (("E", "excitatory"), ("I", "inhibitory")):
            for post in populations.values():
                ends = populations[pre], post
                weight = self.weights[pre]
                net.add(hs.Projection(*ends, connector, weight=weight, delay=self.delay, receptor=receptor))
        return net


@dataclass(frozen=True)
class Hmn:
    """Poisson inputs onto LIF neurons through synapses that learn by dopamine-gated, two-timescale STDP.

    The neurons fire at about the inputs' 10 Hz, driven by a constant current and the inputs themselves.

    Parameters
    ----------
    n : int
        Inputs, and neurons. Weights go with 1 / n, which keeps the rates of smaller networks near.
    duration : float [ms]
    gated : bool
        Whether a theta oscillation gates the weight changes, each synapse at a phase of its own.
    dopamine : "phasic" or "tonic"
        Releases that decay, or a constant level: without a gate, event-driven synapses are then exact.
    """

    n: int = 1000
    duration: float = 1000.0
    gated: bool = True
    dopamine: str = "phasic"
    dt: float = 0.1
    seed: int = 1
    probability: float = 0.1
    rate: float = 10.0
    delay: float = 1.0
    tau_m: float = 20.0
    cm: float = 1.0
    tau_refrac: float = 2.0
    tau_syn: float = 5.0
    v_rest: float = -65.0
    v_thresh: float = -50.0
    i_offset: float = 0.21
    A_plus: float = 0.01
    A_minus: float = -0.0035
    tau_plus: float = 16.8
    tau_minus: float = 33.7
    tau_fast: float = 100.0
    tau_slow: float = 1000.0
    kappa_slow: float = 0.3
    eta: float = 1.0
    tick: float = 125.0
    theta: float = 8.0
    n_bins: int = 32
    tau_dopamine: float = 200.0

    @property
    def title(self) -> str:
        """The heading of its table."""
        synapses = self.n**2 * self.probability
        return (
            f"HMN, {self.n:,} inputs, {self.n:,} neurons, {synapses:,.0f} plastic synapses, {self.dopamine} dopamine, "
            f"{'theta gate' if self.gated else 'no gate'}, {self.duration:g} ms, dt {self.dt:g} ms"
        )

    @property
    def sizes(self) -> dict[str, int]:
        """Members of each group."""
        return {"pre": self.n, "post": self.n}

    @property
    def weight(self) -> float:
        """Initial weight [nA]."""
        return 0.1 * 1000.0 / self.n

    @property
    def w_max(self) -> float:
        """Upper bound of the weights [nA]."""
        return 3.0 * self.weight

    @property
    def release_times(self) -> list[float]:
        """Times of unit releases of dopamine [ms]."""
        count = int((self.duration - self.dt) // self.tau_dopamine) + 1
        return [self.tau_dopamine * (k + 0.5) for k in range(count) if self.tau_dopamine * (k + 0.5) < self.duration]

    def events(self, spikes: Mapping[str, int]) -> float:
        """Return how often a spike, of either end, reached a plastic synapse, by the mean number of them."""
        return sum(spikes.values()) * self.n * self.probability

    def describe(self) -> hs.Network:
        """Return the network in our description."""
        net = hs.Network("hmn", dt=self.dt, seed=self.seed)
        pre = net.add(hs.PoissonInput(self.n, rate=self.rate, name="pre"))
        cell = hs.LIF(
            tau_m=self.tau_m, cm=self.cm, v_rest=self.v_rest, v_reset=self.v_rest, v_thresh=self.v_thresh,
            tau_refrac=self.tau_refrac, tau_syn_E=self.tau_syn, i_offset=self.i_offset,
        )  # fmt: skip
        post = net.add(hs.Population(self.n, cell, name="post"))
        if self.dopamine == "phasic":
            dopamine = hs.Modulator(tau=self.tau_dopamine, releases=[(t, 1.0) for t in self.release_times])
        else:
            dopamine = hs.Modulator(tau=self.tau_dopamine, tonic=1.0)
        net.add(dopamine)
        gate = None
        if self.gated:
            theta = net.add(hs.Oscillator(frequency=self.theta, name="theta"))
            gate = hs.PhaseGate(theta, phase=hs.Uniform(0.0, 2.0 * pi), n_bins=self.n_bins)
        rule = hs.HMNRule(
            A_plus=self.A_plus, A_minus=self.A_minus, tau_plus=self.tau_plus, tau_minus=self.tau_minus,
            tau_fast=self.tau_fast, tau_slow=self.tau_slow, kappa_slow=self.kappa_slow, eta_g=self.eta,
            modulators=[dopamine], gate=gate, tick=self.tick, w_max=self.w_max,
        )  # fmt: skip
        connector = hs.FixedProbability(self.probability)
        projection = hs.Projection(pre, post, connector, weight=self.weight, delay=self.delay, plasticity=rule)
        net.add(projection)
        return net


Case = Cuba | Hmn
