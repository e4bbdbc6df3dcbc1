"""Small networks, one mechanism each, that Brian2 must run as the default engine does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.network import Network

DURATION = 100.0  # ms


@dataclass(frozen=True)
class Case:
    """A network and the least it must do for its comparison to mean something."""

    make: Callable[[], Network]
    min_spikes: int = 20
    learns: bool = False


CASES: dict[str, Case] = {}


def case(name: str, make: Callable[[], Network], min_spikes: int = 20, learns: bool = False) -> None:
    CASES[name] = Case(make, min_spikes, learns)


def start(name: str, n: int = 12, rate: float = 100.0, dt: float = 0.1) -> tuple[Network, Any]:
    net = hs.Network(name, dt=dt, seed=3)
    return net, net.add(hs.PoissonInput(n, rate=rate, name="stim"))


# Neurons


def neurons(cell: hs.LIF, low: float = 0.5, high: float = 1.5, **projection: Any) -> Network:
    net, stim = start("neurons")
    cells = net.add(hs.Population(4, cell, name="cells", initial_values={"v": hs.Uniform(-64.0, -56.0)}))
    defaults = {"weight": hs.Uniform(low, high), "delay": 1.5}
    net.add(hs.Projection(stim, cells, hs.AllToAll(), **{**defaults, **projection}))
    net.add(hs.Projection(stim[:3], cells, hs.AllToAll(), weight=0.3 * low, delay=0.1, receptor="inhibitory"))
    net.record(cells, ("v", "i_exc", "bias"))
    net.record(cells[1:3], "i_inh", every=2.5)
    return net


def mixed() -> hs.LIF:
    return hs.LIF(
        tau_m=hs.Uniform(8.0, 25.0),
        cm=np.array([0.5, 0.6, 0.7, 0.8]),
        v_thresh=np.array([-50.0, -52.0, -51.0, -53.0]),
        tau_refrac=np.array([0.0, 1.0, 2.0, 0.1]),
        tau_syn_E=np.array([3.0, 4.0, 5.0, 6.0]),
        sigma=np.array([0.0, 1.0, 2.0, 0.0]),
    )


DELTA = {"tau_syn_E": 0.0, "tau_syn_I": 0.0}
case("refractory", lambda: neurons(hs.LIF(tau_refrac=3.0)))
case("equal time constants", lambda: neurons(hs.LIF(tau_m=5.0, tau_syn_E=5.0, cm=0.2, tau_refrac=0.0)))
case("heterogeneous", lambda: neurons(mixed(), delay=hs.Uniform(0.2, 20.0)))
case("delta synapses", lambda: neurons(hs.LIF(**DELTA, tau_refrac=3.0), 1.0, 4.0))
case("subtraction", lambda: neurons(hs.LIF(**DELTA, tau_refrac=0.0, reset="subtract"), 5.0, 20.0))
case(
    "subtraction, held",
    lambda: neurons(
        hs.LIF(tau_syn_E=0.0, tau_refrac=1.0, reset="subtract", sigma=0.5, noise_correction=True, v_reset=-60.0),
        5.0,
        20.0,
    ),
)
case("homeostasis", lambda: neurons(hs.LIF(sigma=3.0, target_rate=40.0, eta_bias=0.5, tau_refrac=1.0)))


def currents() -> Network:
    net = hs.Network("currents", dt=0.1, seed=3)
    cells = net.add(hs.Population(5, hs.LIF(tau_refrac=1.0), name="cells"))
    samples = np.random.default_rng(0).normal(0.8, 0.5, (20, 3))
    net.add(hs.CurrentInput(cells, hs.Steps([10.0, 60.0, 80.0], [0.9, 1.4, 0.3]), name="steps"))
    net.add(hs.CurrentInput(cells[1:4], hs.Steps.from_samples(samples, 5.0), name="samples"))
    net.add(hs.CurrentInput(cells[4], 0.8, name="constant"))
    net.record(cells, "v")
    return net


def inputs() -> Network:
    net = hs.Network("inputs", dt=0.1, seed=3)
    rates = hs.Steps([0.0, 30.0, 60.0], [50.0, 0.0, 150.0])
    sources = [
        net.add(hs.PoissonInput(8, rate=rates, name="stepped")),
        net.add(hs.PoissonInput(3, rate=np.array([10.0, 50.0, 200.0]), name="different")),
        net.add(hs.SpikeInput([[0.1, 5.0, 5.04, 30.0], [], [7.3, 40.0, 41.0]], name="given")),
    ]
    cells = net.add(hs.Population(3, hs.LIF(tau_refrac=1.0), name="cells"))
    for k, source in enumerate(sources):
        net.add(hs.Projection(source, cells, hs.AllToAll(), weight=2.0, delay=0.1 * (k + 1)))
    return net


def empty() -> Network:
    net, stim = start("empty")
    none, cells = net.add(hs.Population(0, name="none")), net.add(hs.Population(2, name="cells"))
    silent = net.add(hs.PoissonInput(0, rate=10.0, name="silent"))
    level = net.add(hs.Modulator(name="level", tonic=0.4))
    rule = hs.HMNRule(eta_l=1.0, tick=10.0, modulators=[level])
    into_nothing = net.add(hs.Projection(stim, none, hs.AllToAll(), weight=0.5, plasticity=rule))
    net.add(hs.Projection(none, cells, hs.AllToAll(), weight=0.5))
    net.add(hs.Projection(silent, cells, hs.AllToAll(), weight=0.5, plasticity=rule))
    unconnected = net.add(hs.Projection(stim, cells, hs.FixedProbability(0.0), weight=0.5, plasticity=rule))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=1.0, name="real"))
    net.record(none, "v")
    net.record(into_nothing, ("weight", "G"))
    net.record(unconnected, ("pending", "G"), every=0.5)
    return net


case("currents", currents)
case("inputs", inputs)
case("nothing in parts", empty)


# Learning

LOCAL = {"eta_l": 5.0, "eta_g": 0.0, "tick": 20.0, "A_plus": 0.02, "A_minus": -0.007}


def learner(rule: Any, dt: float = 0.1, **projection: Any) -> Network:
    """Two plastic layers, so that pre and post spikes of both kinds occur; ``rule`` may be made from the network."""
    net, stim = start("learner", n=8, rate=80.0, dt=dt)
    cells = net.add(hs.Population(3, hs.LIF(tau_refrac=2.0, i_offset=0.8, sigma=1.0), name="cells"))
    made = rule(net) if callable(rule) else rule
    defaults = {"weight": hs.Uniform(0.3, 0.7), "delay": 1.5 if dt < 1 else 2.0, "plasticity": made, "name": "learning"}
    plastic = net.add(hs.Projection(stim, cells, hs.AllToAll(), **{**defaults, **projection}))
    net.record(plastic, ("weight", "x", "y", "eligibility", "pending", "attention", "G"), every=7 * dt)
    return net


case("stdp", lambda: learner(hs.HMNRule(**LOCAL)), learns=True)
case("a tick every step", lambda: learner(hs.HMNRule(**{**LOCAL, "tick": 0.1})), learns=True)
case(
    "inhibitory plasticity",
    lambda: learner(hs.HMNRule(**LOCAL), receptor="inhibitory", weight=0.01),
    learns=True,
    min_spikes=3,
)
case("weights at a bound", lambda: learner(hs.HMNRule(**{**LOCAL, "eta_l": 50.0})), learns=True)
case("no upper bound", lambda: learner(hs.HMNRule(**{**LOCAL, "w_max": float("inf")})), learns=True)
for tie in ("none", "ltp", "ltd"):
    for pairing in ("all", "nearest"):
        for delay_kind in ("axonal", "dendritic"):
            rule = hs.HMNRule(**LOCAL, tie=tie, pairing=pairing, delay_kind=delay_kind)
            make = partial(learner, rule, dt=1.0, delay=hs.Uniform(1.0, 30.0))
            case(f"tie {tie}, {pairing}, {delay_kind}", make, learns=True)
for on_reject in ("drop", "carry"):
    rule = hs.HMNRule(**LOCAL, apply="probabilistic", theta_p=0.004, on_reject=on_reject)
    case(f"probabilistic, {on_reject}", partial(learner, rule), learns=True)
for similarity, slope in (("dot", 0.5), ("cosine", 3.0)):
    for normalisation in ("count", "simplex"):
        attention = hs.LocalAttention(slope=slope, similarity=similarity, normalisation=normalisation)
        rule = hs.HMNRule(**LOCAL, attention=attention)
        case(f"attention {similarity}, {normalisation}", partial(learner, rule), learns=True)
# exp(score) itself would overflow.
case(
    "steep attention",
    lambda: learner(hs.HMNRule(**LOCAL, attention=hs.LocalAttention(slope=50.0, tau=[20.0]))),
    20,
    True,
)


def modulated(net: Network, attention: hs.GlobalAttention | None = None) -> hs.HMNRule:
    net.add(hs.Population(2, hs.LIF(i_offset=1.0, tau_refrac=2.0), name="others"))
    u = np.array([1.5, -0.5])
    tonic, releases = hs.Steps([0.0, 60.0], [0.1, 0.5]), [(0.0, 0.2), (20.0, 1.0), (20.0, 0.5), (70.0, -0.7)]
    levels = [
        net.add(hs.Modulator(tau=200.0, tonic=tonic, releases=releases, attention=u, name="dopamine")),
        net.add(hs.Modulator(tau=50.0, tonic=0.3, weight=-0.5, attention=-u, name="acetylcholine")),
    ]
    for level in levels:
        net.record(level, "level", every=0.3)
    return hs.HMNRule(**{**LOCAL, "eta_g": 4.0}, modulators=levels, global_attention=attention)


case("modulators", lambda: learner(modulated), learns=True)
for normalisation in ("count", "simplex"):
    attention = hs.GlobalAttention(slope=3.0, normalisation=normalisation)
    make = partial(learner, partial(modulated, attention=attention))
    case(f"global attention, {normalisation}", make, learns=True)


def gated(net: Network, at: str) -> hs.HMNRule:
    theta = net.add(hs.Oscillator(frequency=20.0, phase=0.7, name="theta"))
    net.record(theta, "phase")
    return hs.HMNRule(**LOCAL, gate=hs.PhaseGate(theta, phase=hs.Uniform(0.0, 6.2), at=at))


for at in ("update", "pairing", "both", "none"):
    case(f"gate at {at}", partial(learner, partial(gated, at=at)), learns=True)


# Rhythms


def rhythms() -> Network:
    net, stim = start("rhythms")
    cells = net.add(hs.Population(4, hs.LIF(tau_refrac=1.0, i_offset=0.9), name="cells"))
    lag, frequency = 0.1 * np.arange(9.0).reshape(3, 3), np.array([6.0, 7.0, 9.0])
    phase = np.array([0.0, 1.0, 2.0])
    three = net.add(hs.Oscillator(frequency=frequency, phase=phase, size=3, coupling=20.0, lag=lag, name="three"))
    one = net.add(hs.Oscillator(frequency=40.0, name="one"))
    net.add(hs.OscillatorDrive(three[2], cells, amplitude=0.5, phase=np.array([0.0, 1.0, 2.0, 3.0]), name="first"))
    net.add(hs.OscillatorDrive(one, cells, amplitude=0.3, name="second"))
    net.add(hs.Entrainment(cells[:2], three, strength=0.3, phase=1.0, name="by cells"))
    net.add(hs.Entrainment(stim, three, strength=0.2, phase=-2.0, name="by stim"))
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.6, delay=1.0))
    net.record(three, "phase")
    net.record(one, "phase")
    return net


case("rhythms", rhythms)


# Astrocytes


def glia(rule: Callable[[list[Any]], hs.HMNRule] | None = None, delay: Any = 1.5, **cell: Any) -> Network:
    net, stim = start("glia")
    cells = net.add(hs.Population(4, hs.LIF(tau_refrac=2.0, i_offset=0.8), name="cells"))
    levels = [
        net.add(hs.Modulator(tau=100.0, tonic=0.4, releases=[(15.0, 1.0)], name="norepinephrine")),
        net.add(hs.Modulator(tau=100.0, tonic=0.4, releases=[(25.0, 1.0)], name="dopamine")),
    ]
    fast = {"tau_ca": 30.0, "C_theta": 0.3, "tau_rise": 20.0, "tau_decay": 40.0, "a_Ad": 40.0, "k_Y": 0.5, **cell}
    group = net.add(hs.Astrocytes(2, hs.LeakyCalcium(**fast), norepinephrine=levels[0], clock=7.0, name="group"))
    made = None if rule is None else rule(levels)
    heard = {"astrocytes": group, "plasticity": made}
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=hs.Uniform(0.3, 0.7), delay=delay, **heard))
    net.add(hs.Projection(cells, cells, hs.FixedProbability(0.7), weight=0.2, delay=2.0, astrocytes=group))
    net.record(group, ("spillover", "calcium", "gamma", "adenosine", "gain", "M"), every=1.0)
    return net


def metaplastic(levels: list[Any], delay_kind: str = "axonal") -> hs.HMNRule:
    settings = {**LOCAL, "eta_l": 1.0, "eta_g": 5.0}
    return hs.HMNRule(**settings, modulators=levels, lambda_a=-0.5, delay_kind=delay_kind)


case("astrocytes", glia)
case("astrocytes that increase release", lambda: glia(alpha=1.0, IC50=float("inf")))
case("metaplasticity", lambda: glia(metaplastic), learns=True)
case(
    "metaplasticity, dendritic",
    lambda: glia(partial(metaplastic, delay_kind="dendritic"), delay=hs.Uniform(0.5, 20.0)),
    learns=True,
)


def everything() -> Network:
    """Two recurrent populations with all mechanisms at once."""
    net, stim = start("everything", n=10, dt=0.2)
    exc = net.add(hs.Population(8, hs.LIF(tau_refrac=2.0, i_offset=0.5, sigma=1.0), name="exc"))
    inh = net.add(hs.Population(4, hs.LIF(tau_m=10.0, tau_refrac=1.0), name="inh"))
    theta = net.add(hs.Oscillator(frequency=8.0, size=2, coupling=3.0, name="theta"))
    dopamine = net.add(hs.Modulator(name="dopamine", tonic=0.2, releases=[(50.0, 1.0)]))
    cells = net.add(hs.Astrocytes(3, hs.LeakyCalcium(tau_ca=50.0, C_theta=0.1), name="cells"))
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
    net.add(hs.Projection(stim, exc, hs.AllToAll(), **late, plasticity=forward, astrocytes=cells))
    net.add(hs.Projection(exc, exc, some, **late, plasticity=recurrent))
    net.add(hs.Projection(exc, inh, hs.AllToAll(), weight=0.4))
    net.add(hs.Projection(inh, exc, hs.AllToAll(), weight=weights, receptor="inhibitory", plasticity=inhibitory))
    net.add(hs.Entrainment(exc, theta, strength=0.1))
    net.add(hs.OscillatorDrive(theta[0], inh, amplitude=0.4))
    net.add(hs.CurrentInput(exc[:4], hs.Steps([20.0, 50.0], [0.2, -0.1]), name="current"))
    return net


case("everything", everything, learns=True)
