"""The network that learns handwritten digits: 64 Poisson pixels, ten competing classes, one plastic projection."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.errors import UnknownNameError

from . import digits_data as data

PIXELS, CLASSES, INTERNEURONS = "pixels", "classes", "interneurons"
TEACHER, DOPAMINE, THETA, GLIA = "teacher", "dopamine", "theta", "glia"
LEARNED = "pixels -> classes"

# One theta cycle at 8 Hz [ms]: the beat of every trial and of the learning tick.
CYCLE = 125.0
N_SHOWN = 8

# The mechanisms that can be left out, each set to its neutral element.
MECHANISMS = ("dopamine", "slow trace", "gate", "astrocyte", "attention")

# Chosen on the validation part, together with those of digits_training; see digits.py.
INITIAL_WEIGHTS, W_MAX = (0.08, 0.16), 0.6  # nA
ETA, A_PLUS, A_MINUS, KAPPA_SLOW = 12.0, 0.01, -0.002, 0.3  # 1/s, nA, nA
SLOPE = 1.0  # of attention
U0, ALPHA = 0.6, 0.45  # release probability at rest, and where gliotransmission takes it
LATERAL = 0.4  # nA

# Mean magnitude of the dopamine level over an intact training run: what dopamine is held at where it is left out.
MEAN_DOPAMINE = 0.15


def digits(
    seed: int = 1,
    neurons_per_class: int = 10,
    *,
    without: Collection[str] = (),
    learned: Any = None,
    dt: float = 1.0,
) -> hs.Network:
    """Return a network that learns handwritten digits, or, given learned weights, one that only recognises them.

    64 Poisson sources, one per pixel, excite ten classes of LIF neurons through the plastic projection
    ``pixels -> classes``; an interneuron per class inhibits the nine others. Learning is HMN: STDP of two timescales,
    gated by dopamine and theta phase, shared out by local attention, on synapses whose gain an astrocyte per class
    controls. No weight changes unless dopamine is released: see :func:`train`. Run as it is, the network sees the
    first eight images of the training part, a theta cycle each, and then goes on seeing the last one.

    Parameters
    ----------
    seed : int
    neurons_per_class : int
    without : collection of str
        Mechanisms set to their neutral element: of "dopamine" (held at its mean magnitude: learning goes on whatever
        the outcome), "slow trace" (kappa_slow 0), "gate" (always open, at the same mean learning rate), "astrocyte"
        (alpha = U0) and "attention" (slope 0).
    learned : (n_synapses,) float array, optional [nA]
        Weights that training ended with. The network then has these weights, and neither plasticity, nor teacher, nor
        dopamine, nor theta: this is what is tested, saved and sent to a chip.
    dt : float [ms]

    Returns
    -------
    Network

    Raises
    ------
    UnknownNameError
        If there is no such mechanism.
    """
    for name in without:
        if name not in MECHANISMS:
            raise UnknownNameError("mechanism", name, MECHANISMS)
    net = hs.Network("digits", dt=dt, seed=seed)
    shown = data.rates(data.load("training").images[:N_SHOWN])
    pixels = net.add(hs.PoissonInput(data.N_PIXELS, hs.Steps.from_samples(shown, CYCLE), name=PIXELS))
    classes = net.add(hs.Population(data.N_CLASSES * neurons_per_class, hs.LIF(tau_refrac=3.0), name=CLASSES))
    # Gliotransmission lowers release to three quarters of its basal value while a territory is busy.
    cell = hs.LeakyCalcium(alpha=U0 if "astrocyte" in without else ALPHA, U0=U0)
    glia = net.add(hs.Astrocytes(data.N_CLASSES, cell, name=GLIA))
    weight = hs.Uniform(*INITIAL_WEIGHTS) if learned is None else learned
    rule = _rule(net, frozenset(without)) if learned is None else None
    net.add(hs.Projection(pixels, classes, hs.AllToAll(), weight, astrocytes=glia, plasticity=rule, name=LEARNED))
    _add_competition(net, classes, neurons_per_class)
    if learned is None:
        net.add(hs.CurrentInput(classes, 0.0, name=TEACHER))
    return net


def _rule(net: hs.Network, without: frozenset[str]) -> hs.HMNRule:
    """Add dopamine and theta, and return the learning rule that they gate."""
    dopamine = net.add(hs.Modulator.dopamine(DOPAMINE, tonic=MEAN_DOPAMINE if "dopamine" in without else 0.0))
    theta = net.add(hs.Oscillator(frequency=1e3 / CYCLE, name=THETA))
    net.record(dopamine, "level")
    net.record(theta, "phase")
    ungated = "gate" in without
    return hs.HMNRule(
        A_plus=A_PLUS,
        A_minus=A_MINUS,
        kappa_slow=0.0 if "slow trace" in without else KAPPA_SLOW,
        eta_g=ETA / math.pi if ungated else ETA,  # 1/pi is the mean of an open and closing gate
        modulators=[dopamine],
        gate=hs.PhaseGate(theta, at="none" if ungated else "update"),
        attention=hs.LocalAttention(0.0 if "attention" in without else SLOPE, similarity="cosine"),
        w_max=W_MAX,
        tick=CYCLE,
    )


def _add_competition(net: hs.Network, classes: hs.Population, neurons_per_class: int) -> None:
    """Add an interneuron per class, which its class excites and which inhibits the nine other classes."""
    neurons = np.arange(len(classes))
    own = neurons // neurons_per_class
    interneurons = net.add(hs.Population(data.N_CLASSES, hs.LIF(tau_m=10.0, tau_refrac=1.0), name=INTERNEURONS))
    net.add(hs.Projection(classes, interneurons, hs.FromArrays(neurons, own), weight=1.5))
    source, target = np.nonzero(np.arange(data.N_CLASSES)[:, None] != own)
    others = hs.FromArrays(source, target)
    net.add(hs.Projection(interneurons, classes, others, weight=LATERAL, receptor="inhibitory"))
