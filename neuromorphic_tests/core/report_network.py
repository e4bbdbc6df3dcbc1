"""A small network with a bit of everything, and names that a page must escape, for the tests of reports."""

from __future__ import annotations

import hmn_snn as hs
from hmn_snn.network import Network

NAME = 'a<b>&"c" $x$'
POPULATION = "exc <&'> $E$"
PLASTIC, UNRECORDED = "stim->exc", "cue->exc"


def network() -> Network:
    """Return the network: inputs, a loop of populations, two plastic projections, and all that modulates."""
    net = hs.Network(NAME, dt=1.0, seed=1)
    stim = net.add(hs.PoissonInput(30, rate=40.0, name="stim"))
    cue = net.add(hs.SpikeInput([[20.0, 60.0, 130.0], [40.0]], name="cue"))
    exc = net.add(hs.Population(20, hs.LIF(), name=POPULATION))
    inh = net.add(hs.Population(5, hs.LIF(), name="inh"))
    theta = net.add(hs.Oscillator(frequency=8.0, name="theta"))
    dopamine = net.add(hs.Modulator.dopamine(tonic=0.5))
    alertness = net.add(hs.Modulator.norepinephrine(tonic=0.1))
    glia = net.add(hs.Astrocytes(4, hs.LeakyCalcium(), norepinephrine=alertness, name="glia"))
    net.add(hs.CurrentInput(inh, 0.2, name="bias"))
    net.add(hs.OscillatorDrive(theta, inh, 0.05, name="drive"))
    net.add(hs.Entrainment(exc, theta, name="entrainment"))
    learning = hs.HMNRule(eta_l=1.0, tick=20.0, modulators=[dopamine], gate=hs.PhaseGate(theta))
    net.add(hs.Projection(stim, exc, hs.FixedProbability(0.5), weight=hs.Uniform(0.3, 0.8), delay=1.0,
                          plasticity=learning, astrocytes=glia, name=PLASTIC))  # fmt: skip
    net.add(hs.Projection(cue, exc, hs.AllToAll(), weight=0.5, delay=2.0,
                          plasticity=hs.HMNRule(eta_l=1.0, tick=20.0), name=UNRECORDED))  # fmt: skip
    net.add(hs.Projection(exc, inh, hs.AllToAll(), weight=0.3, delay=1.0))
    net.add(hs.Projection(inh, exc, hs.AllToAll(), weight=0.3, delay=1.0, receptor="inhibitory"))
    net.add(hs.Projection(exc, exc, hs.FixedProbability(0.2), weight=0.1, delay=3.0))
    net.record(net[PLASTIC], "weight", every=10.0)
    net.record(exc, "v")
    return net
