"""Cases about what reaches beyond a synapse: rhythms and astrocytes; and one of everything at once."""

from __future__ import annotations

from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.network import Network

from .case import case, started
from .learning_cases import LOCAL

# Rhythms


def rhythmic(**oscillator: Any) -> Network:
    """Return neurons that the last of three oscillators drives."""
    net, stim = started()
    cells = net.add(hs.Population(4, hs.LIF(tau_refrac=1.0, i_offset=0.9), name="cells"))
    settings = {"frequency": np.array([6.0, 17.0, 29.0]), "phase": np.array([0.0, 1.0, 2.0]), "size": 3, **oscillator}
    theta = net.add(hs.Oscillator(**settings, name="theta"))
    net.add(hs.OscillatorDrive(theta[2], cells, amplitude=0.8, phase=np.array([0.0, 1.0, 2.0, 3.0])))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.6))
    net.record(theta, "phase", every=0.7)
    return net


@case(min_spikes=10)
def oscillators_that_drive() -> Network:
    """Do neurons follow oscillators, each at the phase that it prefers?"""
    return rhythmic()


@case(min_spikes=10)
def coupled_oscillators() -> Network:
    """Do oscillators pull at each other, with lags?"""
    return rhythmic(coupling=40.0, lag=0.1 * np.arange(9.0).reshape(3, 3))


@case(min_spikes=10)
def entrained_oscillators() -> Network:
    """Do the spikes of a step kick an oscillator once, from part of a population and from an input?"""
    net = rhythmic()
    net.add(hs.Entrainment(net["cells"][:2], net["theta"], strength=0.3, phase=1.0, name="by cells"))
    net.add(hs.Entrainment(net["stim"], net["theta"], strength=0.2, phase=-2.0, name="by stim"))
    return net


# Astrocytes


def glia(rule: dict[str, Any] | None = None, delay: Any = 1.5, **cell: Any) -> Network:
    """Return neurons whose synapses, from outside and among them, two astrocytes hear and modulate."""
    net, stim = started()
    cells = net.add(hs.Population(4, hs.LIF(tau_refrac=2.0, i_offset=0.8), name="cells"))
    levels = [
        net.add(hs.Modulator(tau=100.0, tonic=0.4, releases=[(15.0, 1.0)], name="norepinephrine")),
        net.add(hs.Modulator(tau=100.0, tonic=0.4, releases=[(25.0, 1.0)], name="dopamine")),
    ]
    fast = {"tau_ca": 30.0, "C_theta": 0.3, "tau_rise": 20.0, "tau_decay": 40.0, "a_Ad": 40.0, "k_Y": 0.5, **cell}
    group = net.add(hs.Astrocytes(2, hs.LeakyCalcium(**fast), norepinephrine=levels[0], clock=7.0, name="group"))
    made = None if rule is None else hs.HMNRule(**{**LOCAL, "eta_l": 1.0, **rule}, modulators=levels)
    heard = {"astrocytes": group, "plasticity": made, "name": "heard"}
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=hs.Uniform(0.3, 0.7), delay=delay, **heard))
    net.add(hs.Projection(cells, cells, hs.FixedProbability(0.7), weight=0.2, delay=2.0, astrocytes=group))
    return net


@case(min_spikes=10, duration=70.0)
def astrocytes() -> Network:
    """Do astrocytes hear their synapses and norepinephrine, and lower the gain at delivery?"""
    net = glia()
    net.record(net["group"], ("spillover", "calcium", "gamma", "adenosine", "gain", "M"), every=1.0)
    return net


@case(min_spikes=10, duration=70.0)
def astrocytes_that_increase_release() -> Network:
    """Does gliotransmission raise the gain where alpha is above U0?"""
    return glia(alpha=1.0, IC50=float("inf"))


@case(min_spikes=10, duration=70.0)
def metaplastic_astrocytes() -> Network:
    """Does the astrocytes' signal M add to what modulators make of the eligibility?"""
    return glia({"eta_g": 5.0, "lambda_a": -0.5})


@case(min_spikes=10, duration=70.0)
def metaplastic_astrocytes_and_dendritic_delays() -> Network:
    """Do astrocytes hear an arrival when it arrives, whatever the delay means to the learning?"""
    return glia({"eta_g": 5.0, "lambda_a": -0.5, "delay_kind": "dendritic"}, delay=hs.Uniform(0.5, 20.0))


# All at once


@case(min_spikes=20, duration=100.0, composite=True)
def everything() -> Network:
    """Do all mechanisms work together in two recurrent populations?"""
    net, stim = started(n=10, dt=0.2)
    exc = net.add(hs.Population(8, hs.LIF(tau_refrac=2.0, i_offset=0.5, sigma=1.0), name="exc"))
    inh = net.add(hs.Population(4, hs.LIF(tau_m=10.0, tau_refrac=1.0), name="inh"))
    theta = net.add(hs.Oscillator(frequency=8.0, size=2, coupling=3.0, name="theta"))
    dopamine = net.add(hs.Modulator(name="dopamine", tonic=0.2, releases=[(50.0, 1.0)]))
    group = net.add(hs.Astrocytes(3, hs.LeakyCalcium(tau_ca=50.0, C_theta=0.1), name="group"))
    forward = hs.HMNRule(
        **{**LOCAL, "eta_g": 5.0, "tick": 30.0},
        modulators=[dopamine],
        gate=hs.PhaseGate(theta[1], phase=hs.Uniform(0.0, 6.2)),
        attention=hs.LocalAttention(slope=0.2),
        apply="probabilistic",
        theta_p=0.002,
        on_reject="carry",
    )
    attention = hs.LocalAttention(slope=0.1, similarity="cosine")
    recurrent = hs.HMNRule(**LOCAL, delay_kind="dendritic", tie="ltd", attention=attention)
    inhibitory = hs.HMNRule(**{**LOCAL, "tick": 10.0}, pairing="nearest")
    some, weights = hs.FixedProbability(0.5), hs.Uniform(0.1, 0.5)
    late = {"weight": weights, "delay": hs.Uniform(0.2, 8.0)}
    net.add(hs.Projection(stim, exc, hs.AllToAll(), **late, plasticity=forward, astrocytes=group))
    net.add(hs.Projection(exc, exc, some, **late, plasticity=recurrent))
    net.add(hs.Projection(exc, inh, hs.AllToAll(), weight=0.4))
    net.add(hs.Projection(inh, exc, hs.AllToAll(), weight=weights, receptor="inhibitory", plasticity=inhibitory))
    net.add(hs.Entrainment(exc, theta, strength=0.1))
    net.add(hs.OscillatorDrive(theta[0], inh, amplitude=0.4))
    net.add(hs.CurrentInput(exc[:4], hs.Steps([20.0, 50.0], [0.2, -0.1]), name="current"))
    return net
