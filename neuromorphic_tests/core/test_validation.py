"""Validation: each mistake gives one error that names object, parameter and value; all mistakes come at once."""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn.errors import DescriptionError, ValidationError
from hmn_snn.validation import problems, validate

NAN, INF = float("nan"), float("inf")


class Parts:
    """A network in which everything refers to something, and the names of its parts."""

    def __init__(self, dt: float = 0.1, seed: int = 1) -> None:
        self.net = hs.Network("small", dt=dt, seed=seed)
        self.stim = self.net.add(hs.PoissonInput(4, rate=20.0, name="stim"))
        self.exc = self.net.add(hs.Population(6, name="exc"))
        self.theta = self.net.add(hs.Oscillator(name="theta", size=2, frequency=[8.0, 0.0]))
        self.dopamine = self.net.add(hs.Modulator(name="dopamine"))
        self.glia = self.net.add(hs.Astrocytes(2, name="glia"))

    def project(self, **parameters: object) -> hs.Projection:
        ends = {"pre": self.stim, "post": self.exc, "connector": hs.AllToAll(), "weight": 0.5, "name": "p"}
        return self.net.add(hs.Projection(**{**ends, **parameters}))

    def learn(self, **parameters: object) -> hs.Projection:
        return self.project(plasticity=hs.HMNRule(**{"modulators": [self.dopamine], **parameters}))


def found(net: hs.Network) -> list[tuple[str, str, object]]:
    return [(e.owner, e.parameter, e.value) for e in problems(net)]


def test_a_sound_network_has_no_problems():
    parts = Parts()
    parts.learn(gate=hs.PhaseGate(parts.theta[0]), attention=hs.LocalAttention())
    parts.net.record(parts.exc, "v", every=0.5)
    assert problems(parts.net) == []
    validate(parts.net)
    validate(hs.Network())


NETWORK = [
    (lambda p: setattr(p.net, "dt", -0.1), ("network 'small'", "dt", -0.1)),
    (lambda p: setattr(p.net, "dt", 0.0), ("network 'small'", "dt", 0.0)),
    (lambda p: setattr(p.net, "dt", INF), ("network 'small'", "dt", INF)),
    (lambda p: setattr(p.net, "seed", 1.5), ("network 'small'", "seed", 1.5)),
    (lambda p: setattr(p.net, "seed", "1"), ("network 'small'", "seed", "1")),
    (lambda p: setattr(p.net, "seed", True), ("network 'small'", "seed", True)),
    (lambda p: setattr(p.net, "name", 3), ("network 3", "name", 3)),
    (lambda p: p.net.add(hs.Population(2, name="")), ("a population of network 'small'", "name", "")),
    (lambda p: p.net.add(hs.Population(2, name=7)), ("a population of network 'small'", "name", 7)),
]
POPULATIONS = [
    (lambda p: p.net.add(hs.Population(-1, name="x")), ("population 'x'", "size", -1)),
    (lambda p: p.net.add(hs.Population(2.0, name="x")), ("population 'x'", "size", 2.0)),
    (lambda p: p.net.add(hs.Population(2, hs.LIF, name="x")), ("population 'x'", "cell", hs.LIF)),
    (lambda p: p.net.add(hs.Population(2, hs.LIF(tau_m=-5), name="x")), ("population 'x'", "tau_m", -5.0)),
    (lambda p: p.net.add(hs.Population(2, hs.LIF(tau_m=0), name="x")), ("population 'x'", "tau_m", 0.0)),
    (lambda p: p.net.add(hs.Population(2, hs.LIF(v_rest=NAN), name="x")), ("population 'x'", "v_rest", NAN)),
    (lambda p: p.net.add(hs.Population(2, hs.LIF(cm=INF), name="x")), ("population 'x'", "cm", INF)),
    (lambda p: p.net.add(hs.Population(2, hs.LIF(sigma=-1), name="x")), ("population 'x'", "sigma", -1.0)),
    (lambda p: p.net.add(hs.Population(2, hs.LIF(reset="none"), name="x")), ("population 'x'", "reset", "none")),
    (lambda p: p.net.add(hs.Population(2, hs.LIF(v_reset=-50), name="x")), ("population 'x'", "v_reset", -50.0)),
    (lambda p: p.net.add(hs.Population(2, hs.LIF(tau_refrac=0.25), name="x")), ("population 'x'", "tau_refrac", 0.25)),
    (
        lambda p: p.net.add(hs.Population(2, hs.LIF(tau_m=hs.Steps([0], [1])), name="x")),
        ("population 'x'", "tau_m", hs.Steps([0.0], np.array([1.0]))),
    ),
    (
        lambda p: p.net.add(hs.Population(2, hs.LIF(tau_refrac=hs.Uniform(1, 2)), name="x")),
        ("population 'x'", "tau_refrac", hs.Uniform(1.0, 2.0)),
    ),
    (
        lambda p: p.net.add(hs.Population(2, hs.LIF(tau_m=hs.Uniform(2, 1)), name="x")),
        ("population 'x'", "tau_m: low", 2.0),
    ),
    (
        lambda p: p.net.add(hs.Population(2, initial_values={"v": NAN}, name="x")),
        ("population 'x'", "initial v", NAN),
    ),
    (
        lambda p: p.net.add(hs.Population(2, initial_values={"v": hs.Steps([0], [1])}, name="x")),
        ("population 'x'", "initial v", hs.Steps([0.0], np.array([1.0]))),
    ),
]
INPUTS = [
    (lambda p: p.net.add(hs.PoissonInput(2, rate=-1, name="x")), ("Poisson input 'x'", "rate", -1.0)),
    (lambda p: p.net.add(hs.PoissonInput(2, rate=INF, name="x")), ("Poisson input 'x'", "rate", INF)),
    (
        lambda p: p.net.add(hs.PoissonInput(2, rate=hs.Uniform(1, 2), name="x")),
        ("Poisson input 'x'", "rate", hs.Uniform(1.0, 2.0)),
    ),
    (
        lambda p: p.net.add(hs.PoissonInput(2, rate=hs.Steps([0, 1], [5, -2]), name="x")),
        ("Poisson input 'x'", "rate", -2.0),
    ),
    (
        lambda p: p.net.add(hs.PoissonInput(2, rate=hs.Steps([0, 1.23], [5, 2]), name="x")),
        ("Poisson input 'x'", "rate: times", 1.23),
    ),
    (lambda p: p.net.add(hs.SpikeInput([[1], [2, -0.1]], name="x")), ("spike input 'x'", "spike_times[1]", -0.1)),
    (lambda p: p.net.add(hs.SpikeInput([[-3, 1]], name="x")), ("spike input 'x'", "spike_times[0]", -3.0)),
    (
        lambda p: p.net.add(hs.CurrentInput(p.exc, hs.Steps([0.05], [5]), name="x")),
        ("current input 'x'", "amplitude: times", 0.05),
    ),
    (
        lambda p: p.net.add(hs.CurrentInput(p.stim, 1.0, name="x")),
        ("current input 'x'", "target", "<Poisson input 'stim'>"),
    ),
    (lambda p: p.net.add(hs.CurrentInput(p.exc, NAN, name="x")), ("current input 'x'", "amplitude", NAN)),
]
MODULATION = [
    (lambda p: p.net.add(hs.Modulator(tau=0, name="x")), ("modulator 'x'", "tau", 0.0)),
    (lambda p: p.net.add(hs.Modulator(tau=[1, 2], name="x")), ("modulator 'x'", "tau", "[1.0, 2.0]")),
    (lambda p: p.net.add(hs.Modulator(tonic=[1, 2], name="x")), ("modulator 'x'", "tonic", "[1.0, 2.0]")),
    (lambda p: p.net.add(hs.Modulator(releases=[(-1, 1)], name="x")), ("modulator 'x'", "releases", (-1.0, 1.0))),
    (lambda p: p.net.add(hs.Modulator(releases=[(1.01, 1)], name="x")), ("modulator 'x'", "releases", 1.01)),
    (lambda p: p.net.add(hs.Modulator(attention=[1, 2], name="x")), ("modulator 'x'", "attention", "[1.0, 2.0]")),
    (
        lambda p: p.learn(global_attention=hs.GlobalAttention(slope=1)),
        ("modulator 'dopamine'", "attention", None),
    ),
    (lambda p: p.net.add(hs.Astrocytes(2, clock=0.25, name="x")), ("astrocytes 'x'", "clock", 0.25)),
    (lambda p: p.net.add(hs.Astrocytes(2, clock=1e-9, name="x")), ("astrocytes 'x'", "clock", 1e-9)),
    (
        lambda p: p.net.add(hs.Astrocytes(2, hs.LeakyCalcium, name="x")),
        ("astrocytes 'x'", "cell", hs.LeakyCalcium),
    ),
    (
        lambda p: p.net.add(hs.Astrocytes(2, hs.LeakyCalcium(U0=1.5), name="x")),
        ("astrocytes 'x'", "U0", 1.5),
    ),
    (
        lambda p: p.net.add(hs.Astrocytes(2, norepinephrine="ne", name="x")),
        ("astrocytes 'x'", "norepinephrine", "ne"),
    ),
    (lambda p: p.net.add(hs.Oscillator(frequency=NAN, name="x")), ("oscillator 'x'", "frequency", NAN)),
    (
        lambda p: p.net.add(hs.Oscillator(frequency=hs.Normal(8, 1), name="x")),
        ("oscillator 'x'", "frequency", hs.Normal(8.0, 1.0)),
    ),
    (
        lambda p: p.net.add(hs.OscillatorDrive(p.theta[:2], p.exc, 0.1, name="x")),
        ("oscillator drive 'x'", "oscillator", "theta[0:2]"),
    ),
    (
        lambda p: p.net.add(hs.OscillatorDrive(p.theta, p.stim, 0.1, name="x")),
        ("oscillator drive 'x'", "population", "<Poisson input 'stim'>"),
    ),
    (
        lambda p: p.net.add(hs.Entrainment(p.glia, p.theta, 0.1, name="x")),
        ("entrainment 'x'", "population", "<astrocytes 'glia'>"),
    ),
    (
        lambda p: p.net.add(hs.Entrainment(p.exc, p.exc, 0.1, name="x")),
        ("entrainment 'x'", "oscillator", "<population 'exc'>"),
    ),
]
PROJECTIONS = [
    (lambda p: p.project(delay=0.02), ("projection 'p'", "delay", 0.02)),
    (lambda p: p.project(delay=-1), ("projection 'p'", "delay", -1.0)),
    (lambda p: p.project(delay=NAN), ("projection 'p'", "delay", NAN)),
    (lambda p: p.project(delay=[1.0] * 23 + [0.04]), ("projection 'p'", "delay", 0.04)),
    (lambda p: p.project(delay=np.ones((4, 6))), ("projection 'p'", "delay", f"<{(4, 6)}>")),
    (lambda p: p.project(delay=hs.Steps([0], [1])), ("projection 'p'", "delay", hs.Steps([0.0], np.array([1.0])))),
    (lambda p: p.project(weight=-0.1), ("projection 'p'", "weight", -0.1)),
    (lambda p: p.project(weight=NAN), ("projection 'p'", "weight", NAN)),
    (lambda p: p.project(weight=hs.Steps([0], [1])), ("projection 'p'", "weight", hs.Steps([0.0], np.array([1.0])))),
    (lambda p: p.project(weight=hs.Normal(1, -1)), ("projection 'p'", "weight: std", -1.0)),
    (lambda p: p.project(receptor="NMDA"), ("projection 'p'", "receptor", "NMDA")),
    (lambda p: p.project(connector="all"), ("projection 'p'", "connector", "all")),
    (lambda p: p.project(connector=hs.FixedProbability(1.5)), ("projection 'p'", "p", 1.5)),
    (lambda p: p.project(connector=hs.OneToOne()), ("projection 'p'", "connector", hs.OneToOne())),
    (lambda p: p.project(connector=hs.FixedNumberPre(5)), ("projection 'p'", "connector: n", 5)),
    (lambda p: p.project(pre=p.theta), ("projection 'p'", "pre", "<oscillator 'theta'>")),
    (lambda p: p.project(post=p.stim), ("projection 'p'", "post", "<Poisson input 'stim'>")),
    (
        lambda p: p.project(pre=p.exc[:4], post=p.exc[2:], connector=hs.FixedNumberPre(1, allow_self=False)),
        ("projection 'p'", "connector: allow_self", False),
    ),
    (lambda p: p.project(territories=[0, 1]), ("projection 'p'", "territories", "[0, 1]")),
    (lambda p: p.project(astrocytes=p.glia, territories=[0] * 5 + [2]), ("projection 'p'", "territories", 2)),
    (lambda p: p.project(astrocytes=p.glia, territories=[0] * 5 + [-1]), ("projection 'p'", "territories", -1)),
    (lambda p: p.project(astrocytes="glia"), ("projection 'p'", "astrocytes", "glia")),
    (
        lambda p: p.project(astrocytes=p.net.add(hs.Astrocytes(0, name="none"))),
        ("projection 'p'", "astrocytes", "none"),
    ),
    (lambda p: p.project(plasticity="stdp"), ("projection 'p'", "plasticity", "stdp")),
]
RULES = [
    (lambda p: p.learn(tau_plus=0), ("projection 'p'", "tau_plus", 0.0)),
    (lambda p: p.learn(kappa_slow=1.5), ("projection 'p'", "kappa_slow", 1.5)),
    (lambda p: p.learn(A_minus=0.1), ("projection 'p'", "A_minus", 0.1)),
    (lambda p: p.learn(eta_g=NAN), ("projection 'p'", "eta_g", NAN)),
    (lambda p: p.learn(w_max=0.4), ("projection 'p'", "weight", 0.5)),
    (lambda p: p.learn(w_min=0.6), ("projection 'p'", "weight", 0.5)),
    (lambda p: p.learn(w_min=2), ("projection 'p'", "w_min", 2.0)),
    (lambda p: p.learn(apply="sometimes"), ("projection 'p'", "apply", "sometimes")),
    (lambda p: p.learn(on_reject="keep"), ("projection 'p'", "on_reject", "keep")),
    (lambda p: p.learn(pairing="some"), ("projection 'p'", "pairing", "some")),
    (lambda p: p.learn(tie="both"), ("projection 'p'", "tie", "both")),
    (lambda p: p.learn(delay_kind="somatic"), ("projection 'p'", "delay_kind", "somatic")),
    (lambda p: p.learn(tick=12.34), ("projection 'p'", "tick", 12.34)),
    (lambda p: p.learn(lambda_a=-0.5), ("projection 'p'", "lambda_a", -0.5)),
    (lambda p: p.learn(modulators="dopamine"), ("projection 'p'", "modulators", "dopamine")),
    (lambda p: p.learn(attention=1.0), ("projection 'p'", "attention", 1.0)),
    (lambda p: p.learn(attention=hs.LocalAttention(tau=[20, -1])), ("projection 'p'", "tau", "[20.0, -1.0]")),
    (
        lambda p: p.learn(attention=hs.LocalAttention(tau=20, similarity="cosine")),
        ("projection 'p'", "attention tau", 20.0),
    ),
    (lambda p: p.learn(gate=p.theta), ("projection 'p'", "gate", "<oscillator 'theta'>")),
    (lambda p: p.learn(gate=hs.PhaseGate(p.exc)), ("projection 'p'", "gate oscillator", "<population 'exc'>")),
    (lambda p: p.learn(gate=hs.PhaseGate(p.theta[:])), ("projection 'p'", "gate oscillator", "theta[0:2]")),
    (lambda p: p.learn(gate=hs.PhaseGate(p.theta, at="spike")), ("projection 'p'", "gate at", "spike")),
    (lambda p: p.learn(gate=hs.PhaseGate(p.theta, n_bins=0)), ("projection 'p'", "gate n_bins", 0)),
    (lambda p: p.learn(gate=hs.PhaseGate(p.theta[1])), ("projection 'p'", "tick", None)),
]
RECORDINGS = [
    (lambda p: p.net.record(p.exc, "v", every=0.25), ("recording of population 'exc'", "every", 0.25)),
    (lambda p: p.net.record(p.exc, "v", every=0.04), ("recording of population 'exc'", "every", 0.04)),
    (
        lambda p: (p.net.record(p.exc[:2], "v"), p.net.record(p.exc[4:], "v")),
        ("recording of population 'exc'", "variable", "v"),
    ),
]


def seen(value: object) -> object:
    """Return a value in a form that can be compared: NaN equals NaN, and things are known by name."""
    if isinstance(value, float) and value != value:
        return "NaN"
    if isinstance(value, np.ndarray):
        return f"<{value.shape}>" if value.ndim > 1 else str(value.tolist())
    return f"<{value.owner}>" if hasattr(value, "name") and hasattr(value, "owner") else value


@pytest.mark.parametrize(
    ("spoil", "expected"), NETWORK + POPULATIONS + INPUTS + MODULATION + PROJECTIONS + RULES + RECORDINGS
)
def test_one_mistake_gives_one_error(spoil, expected):
    parts = Parts()
    spoil(parts)
    with pytest.raises(ValidationError) as caught:
        validate(parts.net)
    errors = [(e.owner, e.parameter, seen(e.value)) for e in caught.value.errors]
    assert errors == [(expected[0], expected[1], seen(expected[2]))]
    assert all(e.allowed for e in caught.value.errors)
    assert expected[0] in str(caught.value)


WRONG_SHAPES = [
    (lambda p: p.net.add(hs.Population(3, hs.LIF(tau_m=[1, 2]), name="x")), ("population 'x'", "tau_m")),
    (lambda p: p.net.add(hs.Population(3, initial_values={"v": [1, 2]}, name="x")), ("population 'x'", "initial v")),
    (lambda p: p.net.add(hs.PoissonInput(3, rate=[1, 2], name="x")), ("Poisson input 'x'", "rate")),
    (
        lambda p: p.net.add(hs.PoissonInput(3, rate=hs.Steps([0], [[1, 2]]), name="x")),
        ("Poisson input 'x'", "rate"),
    ),
    (lambda p: p.net.add(hs.CurrentInput(p.exc[:3], [1, 2], name="x")), ("current input 'x'", "amplitude")),
    (lambda p: p.net.add(hs.Oscillator(size=3, phase=[1, 2], name="x")), ("oscillator 'x'", "phase")),
    (lambda p: p.net.add(hs.Oscillator(size=3, lag=[1, 2, 3], name="x")), ("oscillator 'x'", "lag")),
    (lambda p: p.net.add(hs.OscillatorDrive(p.theta, p.exc, 1, [0, 1], name="x")), ("oscillator drive 'x'", "phase")),
]


@pytest.mark.parametrize(("spoil", "expected"), WRONG_SHAPES)
def test_a_wrong_shape_is_told_with_the_right_one(spoil, expected):
    parts = Parts()
    spoil(parts)
    (error,) = problems(parts.net)
    assert (error.owner, error.parameter) == expected
    assert "shape is" in error.allowed
    assert "3" in error.allowed or "6" in error.allowed


def unknown_references():
    """Yield a network that mentions something it does not hold, and where it does."""
    alien = {
        "population": lambda: hs.Population(6, name="alien"),
        "modulator": lambda: hs.Modulator(name="alien"),
        "oscillator": lambda: hs.Oscillator(name="alien"),
        "astrocytes": lambda: hs.Astrocytes(2, name="alien"),
    }
    cases = [
        ("population", "pre", lambda p, x: p.project(pre=x)),
        ("population", "pre", lambda p, x: p.project(pre=x[:3])),
        ("population", "post", lambda p, x: p.project(post=x)),
        ("astrocytes", "astrocytes", lambda p, x: p.project(astrocytes=x)),
        ("modulator", "plasticity: modulators", lambda p, x: p.learn(modulators=[p.dopamine, x])),
        ("oscillator", "plasticity: gate: oscillator", lambda p, x: p.learn(gate=hs.PhaseGate(x))),
        ("population", "target", lambda p, x: p.net.add(hs.CurrentInput(x[1], 1.0, name="p"))),
        ("population", "population", lambda p, x: p.net.add(hs.OscillatorDrive(p.theta, x, 1.0, name="p"))),
        ("oscillator", "oscillator", lambda p, x: p.net.add(hs.OscillatorDrive(x, p.exc, 1.0, name="p"))),
        ("population", "population", lambda p, x: p.net.add(hs.Entrainment(x, p.theta, 1.0, name="p"))),
        ("oscillator", "oscillator", lambda p, x: p.net.add(hs.Entrainment(p.exc, x, 1.0, name="p"))),
        ("modulator", "norepinephrine", lambda p, x: p.net.add(hs.Astrocytes(2, norepinephrine=x, name="p"))),
        ("population", "target", lambda p, x: p.net.record(x[:2], "v")),
        ("modulator", "target", lambda p, x: p.net.record(x, "level")),
    ]
    for number, (kind, where, use) in enumerate(cases):
        yield pytest.param(alien[kind], where, use, id=f"{number}: {where} of {kind}")


@pytest.mark.parametrize(("make", "where", "use"), tuple(unknown_references()))
def test_what_is_mentioned_must_be_in_the_network(make, where, use):
    parts = Parts()
    alien = make()
    use(parts, alien)
    (error,) = problems(parts.net)
    assert (error.parameter, error.value) == (where, "alien")
    assert "net.add" in error.allowed
    parts.net.add(alien)
    assert problems(parts.net) == []


def test_a_namesake_is_not_the_object_itself():
    parts = Parts()
    parts.project(post=hs.Population(6, name="exc"))
    assert found(parts.net) == [("projection 'p'", "post", "exc")]


def test_an_object_that_was_never_added_has_no_name_to_tell():
    parts = Parts()
    parts.project(post=hs.Population(6))
    assert found(parts.net) == [("projection 'p'", "post", "an unnamed population")]


def test_all_mistakes_come_at_once():
    net = hs.Network("bad", dt=NAN, seed="x")
    exc = net.add(hs.Population(1e3, hs.LIF(tau_m=-1, cm=NAN, tau_syn_E=[0.0, 5.0]), name="exc"))
    stim = net.add(hs.PoissonInput(3, rate=-5, name="stim"))
    rule = hs.HMNRule(modulators=[3], lambda_a=1.0, tau_slow=-1, gate=hs.PhaseGate(hs.Oscillator(name="theta")))
    net.add(hs.Projection(stim, exc, hs.AllToAll(), weight=-1.0, plasticity=rule, name="p"))
    net.add(hs.Modulator(tau=-1, name="dopamine"))
    with pytest.raises(ValidationError) as caught:
        validate(net)
    errors = {(e.owner, e.parameter) for e in caught.value.errors}
    assert errors >= {
        ("network 'bad'", "dt"),
        ("network 'bad'", "seed"),
        ("population 'exc'", "size"),
        ("population 'exc'", "tau_m"),
        ("population 'exc'", "cm"),
        ("population 'exc'", "tau_syn_E"),
        ("Poisson input 'stim'", "rate"),
        ("projection 'p'", "modulators"),
        ("projection 'p'", "lambda_a"),
        ("projection 'p'", "weight"),
        ("projection 'p'", "plasticity: gate: oscillator"),
        ("modulator 'dopamine'", "tau"),
    }
    assert str(caught.value).startswith(f"{len(caught.value.errors)} errors in the network")
    assert isinstance(caught.value, ValueError)


def test_the_message_says_what_where_and_what_to_do():
    parts = Parts()
    parts.project(delay=0.02)
    (error,) = problems(parts.net)
    assert str(error) == (
        "projection 'p': delay is 0.02; it is less than half a step (dt = 0.1 ms); use 0.1 ms or more, or a smaller dt"
    )


@pytest.mark.parametrize(
    ("tick", "nearest"), [(12.34, "12.3 ms"), (0.149, "0.1 ms"), (0.01, "0.1 ms"), (1e5 + 0.03, "100000 ms")]
)
def test_an_off_grid_time_is_told_the_nearest_on_it(tick, nearest):
    parts = Parts()
    parts.learn(tick=tick)
    (error,) = problems(parts.net)
    assert f"the nearest is {nearest}" in error.allowed
    assert "dt = 0.1 ms" in error.allowed


def test_times_on_the_grid_up_to_rounding_are_accepted():
    parts = Parts()
    parts.net.add(hs.Population(3, hs.LIF(tau_refrac=[0.0, 0.30000000000000004, 2.1]), name="held"))
    parts.net.add(hs.SpikeInput([[0.1, 0.1 - 1e-9, 7.7777]], name="given"))
    parts.net.add(hs.Modulator(releases=[(0.0, 1.0), (0.1 * 3, 1.0)], tonic=hs.Steps([0.7 + 1e-9], [1]), name="m"))
    parts.project(delay=[0.05, *[0.123] * 23])
    assert problems(parts.net) == []


def test_mixed_delta_and_current_synapses_in_one_population():
    for tau, wrong in (([0.0, 0.0], 0), ([0.0, 5.0], 1), ([2.0, 5.0], 0), (0.0, 0)):
        net = hs.Network()
        net.add(hs.Population(2, hs.LIF(tau_syn_E=5.0, tau_syn_I=tau), name="exc"))
        assert [e.parameter for e in problems(net)] == ["tau_syn_I"] * wrong


def test_resets_below_their_own_threshold_are_accepted():
    net = hs.Network()
    net.add(hs.Population(2, hs.LIF(v_reset=[-60, -50], v_thresh=[-55, -45]), name="exc"))
    assert problems(net) == []
    net.add(hs.Population(2, hs.LIF(v_reset=[-60, -50], v_thresh=-50), name="inh"))
    assert found(net) == [("population 'inh'", "v_reset", -50.0)]


def test_attention_vectors_are_needed_only_by_modulators_in_the_gating_signal():
    attention = hs.GlobalAttention(slope=0.5)
    parts = Parts()
    routed = parts.net.add(hs.Modulator(name="ne"))
    parts.net.add(hs.Astrocytes(2, norepinephrine=routed, name="g"))
    given_vector = parts.net.add(hs.Modulator(attention=[1.0], name="ach"))
    parts.learn(modulators=[parts.dopamine, routed, given_vector], global_attention=attention)
    assert found(parts.net) == [("modulator 'dopamine'", "attention", None)]
    neutral = Parts()
    neutral.learn(global_attention=hs.GlobalAttention(slope=0.0))
    assert problems(neutral.net) == []


def test_the_default_tick_needs_a_period_that_fits():
    for frequency, wrong in ((8.0, 0), (0.0, 1), (-8.0, 1), (19_999.0, 0), (20_001.0, 1)):
        parts = Parts()
        fast = parts.net.add(hs.Oscillator(frequency=frequency, name="fast"))
        parts.learn(gate=hs.PhaseGate(fast))
        assert [e.parameter for e in problems(parts.net)] == ["tick"] * wrong
        given_tick = Parts()
        given_tick.learn(gate=hs.PhaseGate(given_tick.net.add(hs.Oscillator(frequency=frequency, name="fast"))), tick=5)
        assert problems(given_tick.net) == []


def test_starting_weights_lie_within_the_bounds_of_the_rule():
    for weight, wrong in ((0.0, 0), (1.0, 0), (1.5, 1), ([0.5] * 23 + [1.5], 1), (np.full((4, 6), 1.5), 0)):
        parts = Parts()
        parts.project(weight=weight, plasticity=hs.HMNRule(w_max=1.0))
        assert [e.parameter for e in problems(parts.net)] == ["weight"] * wrong


def test_an_error_of_our_own_is_not_taken_for_a_valid_network(monkeypatch):
    def broken(self, owner=None):
        raise TypeError("a mistake in a check")
        yield

    parts = Parts()
    monkeypatch.setattr(hs.Modulator, "problems", broken)
    with pytest.raises(TypeError, match="a mistake in a check"):
        problems(parts.net)
    parts.project(delay=0.0)
    assert found(parts.net) == [("projection 'p'", "delay", 0.0)]


def test_recording_checks_its_variable_at_once():
    parts = Parts()
    with pytest.raises(DescriptionError) as caught:
        parts.net.record(parts.exc, "w")
    assert (caught.value.owner, caught.value.parameter) == ("recording of population 'exc'", "variable")
