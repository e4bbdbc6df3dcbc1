"""Cases about plastic synapses: pairings, ticks, modulators, attention and the phase gate."""

from __future__ import annotations

from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.network import Network

from .case import case, started

# Strong learning from spikes alone, so that a few ticks change the weights well above rounding.
LOCAL = {"eta_l": 5.0, "eta_g": 0.0, "tick": 20.0, "A_plus": 0.02, "A_minus": -0.007}
TRACES = ("weight", "x", "y", "eligibility", "pending")


def layer(dt: float = 0.1, i_offset: float = 0.8) -> tuple[Network, Any, Any]:
    """Return a network, its Poisson input, and neurons that fire with it."""
    net, stim = started(dt=dt, n=8, rate=80.0)
    cell = hs.LIF(tau_m=10.0, cm=0.5, tau_refrac=2.0, i_offset=i_offset)
    return net, stim, net.add(hs.Population(3, cell, name="cells"))


def learner(dt: float = 0.1, *, record: tuple[str, ...] = (), projection: Any = (), **rule: Any) -> Network:
    """Return a layer whose synapses learn by one rule."""
    net, stim, cells = layer(dt)
    settings = {"weight": hs.Uniform(0.2, 0.6), "delay": 2.0, **dict(projection)}
    made = hs.HMNRule(**{**LOCAL, **rule})
    plastic = net.add(hs.Projection(stim, cells, hs.AllToAll(), **settings, plasticity=made, name="learning"))
    if record:
        net.record(plastic, record, every=7 * dt)
    return net


# Pairings


@case(min_spikes=5)
def stdp() -> Network:
    """Do pairs of spikes leave two eligibility traces, and do ticks turn these into weights?"""
    return learner(record=TRACES)


@case(min_spikes=5)
def inhibitory_plasticity() -> Network:
    """Do synapses of the inhibitory receptor learn as others do?"""
    net, stim, cells = layer(i_offset=1.5)
    rule = hs.HMNRule(**LOCAL)
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.02, receptor="inhibitory", plasticity=rule))
    return net


@case(min_spikes=5)
def dendritic_delays() -> Network:
    """Does a dendritic delay shift what the post-synaptic neuron tells the synapse, and not what it is told?"""
    return learner(delay_kind="dendritic", projection={"delay": hs.Uniform(0.5, 20.0)})


@case(min_spikes=5)
def nearest_neighbours() -> Network:
    """Is a trace set, and not raised, where only the nearest spike pairs?"""
    return learner(pairing="nearest")


# Steps of 1 ms, so that spikes fall together often.


@case(min_spikes=10, duration=100.0)
def tie_none() -> Network:
    """Do an arrival and a spike at one time not see each other by default?"""
    return learner(dt=1.0)


@case(min_spikes=10, duration=100.0)
def tie_ltp() -> Network:
    """Does the post-synaptic event see the arrival of its own time, if asked for?"""
    return learner(dt=1.0, tie="ltp")


@case(min_spikes=10, duration=100.0)
def tie_ltd() -> Network:
    """Does the pre-synaptic event see the spike of its own time, if asked for?"""
    return learner(dt=1.0, tie="ltd")


@case(min_spikes=10, duration=100.0)
def ties_of_all_kinds() -> Network:
    """Do the rules for ties hold with nearest neighbours and dendritic delays too?"""
    net, stim, cells = layer(dt=1.0)
    for tie in ("ltp", "ltd"):
        for pairing, delay_kind in (("nearest", "axonal"), ("all", "dendritic"), ("nearest", "dendritic")):
            rule = hs.HMNRule(**LOCAL, tie=tie, pairing=pairing, delay_kind=delay_kind)
            settings = {"weight": 0.1, "delay": hs.Uniform(1.0, 30.0), "name": f"{tie} {pairing} {delay_kind}"}
            net.add(hs.Projection(stim, cells, hs.AllToAll(), **settings, plasticity=rule))
    return net


# Ticks


@case(min_spikes=5)
def a_tick_every_step() -> Network:
    """May the tick be as short as the step?"""
    return learner(tick=0.1)


@case(min_spikes=5)
def weights_at_their_bounds() -> Network:
    """Are weights clipped at the tick, below and above, and free where there is no upper bound?"""
    net, _, _ = layer()
    for name, w_max in (("bounded", 0.6), ("free", float("inf"))):
        add_learning(net, {**LOCAL, "eta_l": 60.0, "w_max": w_max}, name)
    return net


@case(min_spikes=5)
def probabilistic_application() -> Network:
    """Is an update applied by its keyed draw, and dropped otherwise?"""
    return learner(apply="probabilistic", theta_p=0.004, tick=10.0)


@case(min_spikes=5)
def rejected_updates_carried_on() -> Network:
    """Is an update that was not applied kept for the next tick?"""
    return learner(apply="probabilistic", theta_p=0.004, tick=10.0, on_reject="carry")


# Modulators and attention


def modulated(**rule: Any) -> tuple[Network, dict[str, Any]]:
    """Return a layer with two modulators that attend to two populations, and what a rule needs to hear them."""
    net, _, _ = layer()
    net.add(hs.Population(2, hs.LIF(i_offset=1.0, tau_refrac=2.0), name="others"))
    u = np.array([1.5, -0.5])
    tonic, releases = hs.Steps([0.0, 30.0], [0.1, 0.5]), [(0.0, 0.2), (20.0, 1.0), (20.0, 0.5), (35.0, -0.7)]
    levels = [
        net.add(hs.Modulator(tau=200.0, tonic=tonic, releases=releases, attention=u, name="dopamine")),
        net.add(hs.Modulator(tau=50.0, tonic=0.3, weight=-0.5, attention=-u, name="acetylcholine")),
    ]
    net.record(levels[0], "level", every=0.3)
    return net, {**LOCAL, "eta_g": 4.0, "modulators": levels, **rule}


def add_learning(net: Network, rule: dict[str, Any], name: str = "learning") -> Any:
    """Add a plastic projection from the input to the neurons of a layer."""
    settings = {"weight": hs.Uniform(0.2, 0.6), "plasticity": hs.HMNRule(**rule), "name": name}
    return net.add(hs.Projection(net["stim"], net["cells"], hs.AllToAll(), **settings))


@case(min_spikes=5)
def modulators() -> Network:
    """Do releases and tonic levels reach the eligibility, from the step after they happen?"""
    net, rule = modulated()
    net.record(add_learning(net, rule), "G", every=0.7)
    return net


@case(min_spikes=5)
def global_attention() -> Network:
    """Do the rates of the populations, sampled at the tick, shift the shares of the modulators?"""
    net, rule = modulated()
    for normalisation in ("count", "simplex"):
        attention = hs.GlobalAttention(slope=3.0, normalisation=normalisation)
        add_learning(net, {**rule, "global_attention": attention}, normalisation)
    return net


@case(min_spikes=5)
def local_attention() -> Network:
    """Do synapses compete by the dot product of what both their neurons did lately?"""
    return learner(attention=hs.LocalAttention(slope=0.02), record=("attention",))


@case(min_spikes=5)
def local_attention_by_cosine() -> Network:
    """Do synapses compete by the cosine, for shares that add up to one?"""
    return learner(attention=hs.LocalAttention(slope=3.0, similarity="cosine", normalisation="simplex"), eta_l=40.0)


@case(min_spikes=5)
def steep_attention() -> Network:
    """Are shares finite where the exponential of a score is not?"""
    return learner(attention=hs.LocalAttention(slope=50.0, tau=[20.0]))


# The phase gate


def gated(at: str) -> Network:
    """Return a layer whose synapses learn at phases of their own."""
    net, _, _ = layer()
    theta = net.add(hs.Oscillator(frequency=20.0, phase=0.7, name="theta"))
    add_learning(net, {**LOCAL, "gate": hs.PhaseGate(theta, phase=hs.Uniform(0.0, 6.2), at=at)})
    return net


@case(min_spikes=5)
def gate_at_update() -> Network:
    """Does the phase at each step gate what the eligibility does?"""
    return gated("update")


@case(min_spikes=5)
def gate_at_pairing() -> Network:
    """Does the phase at each pair gate what becomes eligible?"""
    return gated("pairing")


@case(min_spikes=5)
def gate_at_both() -> Network:
    """Do both gates work at once?"""
    return gated("both")


@case(min_spikes=5)
def gate_by_a_pulled_oscillator() -> Network:
    """Does a phase that another oscillator and spikes pull at gate what is learnt?"""
    net, _, cells = layer()
    theta = net.add(hs.Oscillator(frequency=np.array([20.0, 31.0]), size=2, coupling=60.0, name="theta"))
    net.add(hs.Entrainment(cells, theta, strength=0.4, phase=1.0))
    add_learning(net, {**LOCAL, "gate": hs.PhaseGate(theta[0], phase=hs.Uniform(0.0, 6.2))})
    return net
