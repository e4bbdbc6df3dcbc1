"""What holds for every network: pieces equal the whole, order of neurons means nothing, neutral parts do nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn.lowering import lower
from hmn_snn.translator import FEATURES, features_of
from neuromorphic_tests.agreement import assert_same_run
from neuromorphic_tests.networks import DURATION, random_network

seeds = st.integers(0, 2**32 - 1)


# The generator itself


def test_random_networks_cover_every_feature_and_are_active():
    covered: set[str] = set()
    for seed in range(40):
        net = random_network(seed)
        results = hs.run(net, DURATION)
        covered |= features_of(lower(net)).keys()
        assert sum(len(results.spikes[p.name]) for p in net.of_kind(hs.Population)) >= 5, net
        assert any((w.values != w.initial).any() for w in results.weights.values()), net
    assert covered == set(FEATURES)


def test_random_networks_are_decided_by_their_seed():
    assert lower(random_network(3)).hash == lower(random_network(3)).hash
    assert lower(random_network(3)).hash != lower(random_network(4)).hash


# Chunking


@settings(max_examples=40)
@given(seeds, st.lists(st.integers(0, 120), min_size=1, max_size=5))
def test_pieces_equal_the_whole(seed, pieces):
    net = random_network(seed)
    steps = [*pieces, max(1, round(60.0 / net.dt) - sum(pieces))]
    whole = hs.run(net, sum(steps) * net.dt)
    with hs.Simulation(net) as sim:
        parts = [sim.run(n * net.dt) for n in steps]
    joined = parts[0].joined(*parts[1:])
    assert_same_run(whole, joined)
    assert joined.ledger == whole.ledger
    assert joined.margins == whole.margins


@pytest.mark.parametrize("seed", [seed for seed in range(40) if random_network(seed).dt == 0.1][:3])
def test_pieces_equal_the_whole_in_long_runs(seed):
    """Engines work in chunks of their own, of thousands of steps; pieces cut across these."""
    net = random_network(seed)
    with hs.Simulation(net) as sim:
        parts = [sim.run(duration) for duration in (199.9, 0.3, 150.1, 149.7)]
    assert_same_run(hs.run(net, 500.0), parts[0].joined(*parts[1:]))


@settings(max_examples=15)
@given(seed=seeds, data=st.data())
def test_a_checkpoint_continues_bit_for_bit(seed, data, tmp_path_factory):
    net = random_network(seed)
    n_steps = round(80.0 / net.dt)
    cut = data.draw(st.integers(0, n_steps))
    path = tmp_path_factory.mktemp("checkpoint") / "state.h5"
    with hs.Simulation(net) as sim:
        first = sim.run(cut * net.dt)
        sim.save(path)
        second = sim.run((n_steps - cut) * net.dt)
    with hs.Simulation(net) as other:
        other.run(7 * net.dt)
        other.load(path)
        again = other.run((n_steps - cut) * net.dt)
    assert_same_run(second, again)
    assert_same_run(hs.run(net, n_steps * net.dt), first.joined(again))


# Bounds


@settings(max_examples=30)
@given(seeds)
def test_variables_stay_within_their_bounds(seed):
    net = random_network(seed)
    results = hs.run(net, DURATION)
    for projection in net.of_kind(hs.Projection):
        rule = projection.plasticity
        if rule is None:
            continue
        for weights in (results.weights[projection.name].values, results.traces[projection.name]["weight"].values):
            assert (weights >= rule.w_min).all()
            assert (weights <= rule.w_max).all()
        traces = {name: trace.values for name, trace in results.traces[projection.name].items()}
        for name in ("x", "y"):
            assert (traces[name] >= 0).all()
            assert rule.pairing == "all" or (traces[name] <= 1).all()
        assert (traces["attention"] >= 0).all()
    for glia in net.of_kind(hs.Astrocytes):
        traces = {name: trace.values for name, trace in results.traces[glia.name].items()}
        assert (traces["gamma"] >= 0).all()
        assert (traces["gamma"] <= 1).all()
        assert (traces["spillover"] >= 0).all()
        assert (traces["adenosine"] >= 0).all()
        assert ((traces["gain"] > 0) & (traces["gain"] <= max(1.0, glia.cell.alpha / glia.cell.U0))).all()


@settings(max_examples=20)
@given(seeds)
def test_local_attention_shares_out_and_never_divides(seed):
    """Semantics 7: a neuron's factors sum to its number of synapses ("count") or to 1 ("simplex")."""
    net = random_network(seed)
    results = hs.run(net, 100.0)
    for lowered, projection in zip(lower(net).projections, net.of_kind(hs.Projection), strict=True):
        if projection.plasticity is None or not lowered.n_synapses:
            continue
        attention, alpha = projection.plasticity.attention, results.traces[projection.name]["attention"].values
        fan_in = np.bincount(lowered.target_index)
        wanted = np.minimum(fan_in, 1) if attention and attention.normalisation == "simplex" else fan_in
        for row in alpha:
            np.testing.assert_allclose(np.bincount(lowered.target_index, row), wanted, rtol=1e-12)


# Order of neurons


@dataclasses.dataclass(frozen=True)
class Numbered:
    """A network without keyed draws as arrays, so that its neurons can be renumbered."""

    pre: np.ndarray
    post: np.ndarray
    rule: Any
    neuron: dict[str, np.ndarray]
    synapse: dict[str, np.ndarray]
    trains: list[np.ndarray]
    inputs: np.ndarray

    @classmethod
    def drawn(cls, seed: int) -> Numbered:
        rng = np.random.default_rng(seed)
        # more synapses than neurons: territories with as many entries as neurons would be read as one per neuron
        n, n_pre, m = int(rng.integers(2, 9)), int(rng.integers(1, 5)), int(rng.integers(10, 40))
        neuron = {
            "tau_m": rng.uniform(8.0, 25.0, n),
            "v_thresh": rng.uniform(-52.0, -48.0, n),
            "tau_refrac": rng.integers(0, 4, n) * 0.5,
            "current": rng.uniform(0.5, 1.2, n),
        }
        synapse = {
            "weight": rng.uniform(0.0, 0.4, m),
            "delay": rng.integers(1, 9, m) * 0.5,
            "phase": rng.uniform(0.0, 6.0, m),
            "territory": rng.integers(0, 2, m),
        }
        trains = [np.unique(rng.integers(1, 300, 40)) * 0.5 for _ in range(n_pre)]
        rule = {
            "eta_l": 1.0, "eta_g": 1.0, "tick": float(rng.integers(5, 40)), "A_plus": 0.05, "A_minus": -0.03,
            "pairing": rng.choice(["all", "nearest"]), "tie": rng.choice(["none", "ltp", "ltd"]), "lambda_a": -0.5,
            "delay_kind": rng.choice(["axonal", "dendritic"]), "attention": hs.LocalAttention(1.0, (20.0, 50.0)),
        }  # fmt: skip
        return cls(
            rng.integers(0, n, m), rng.integers(0, n, m), rule, neuron, synapse, trains, rng.integers(0, n_pre, n)
        )

    def renumbered(self, order: np.ndarray) -> Numbered:
        """Give neuron ``order[k]`` the number k."""
        place = np.argsort(order)
        neuron = {name: values[order] for name, values in self.neuron.items()}
        return dataclasses.replace(
            self, pre=place[self.pre], post=place[self.post], neuron=neuron, inputs=self.inputs[order]
        )

    def network(self) -> hs.Network:
        net = hs.Network(dt=0.5)
        parameters = {name: self.neuron[name] for name in ("tau_m", "v_thresh", "tau_refrac")}
        cells = net.add(hs.Population(len(self.neuron["tau_m"]), hs.LIF(**parameters, reset="subtract"), name="cells"))
        net.add(hs.CurrentInput(cells, self.neuron["current"]))
        given = net.add(hs.SpikeInput(self.trains, name="given"))
        where = hs.FromArrays(self.inputs, np.arange(len(self.inputs)))
        net.add(hs.Projection(given, cells, where, weight=2.0, delay=1.0))
        theta = net.add(hs.Oscillator(frequency=20.0))
        glia = net.add(hs.Astrocytes(2, hs.LeakyCalcium(tau_ca=50.0, C_theta=0.02, a_Ad=20.0), clock=5.0))
        dopamine = net.add(hs.Modulator(tonic=0.5, releases=[(40.0, 1.0)]))
        rule = hs.HMNRule(modulators=dopamine, gate=hs.PhaseGate(theta, phase=self.synapse["phase"]), **self.rule)
        recurrent = hs.Projection(
            cells, cells, hs.FromArrays(self.pre, self.post), weight=self.synapse["weight"],
            delay=self.synapse["delay"], plasticity=rule, astrocytes=glia, territories=self.synapse["territory"],
            name="recurrent",
        )  # fmt: skip
        net.add(recurrent)
        net.record(cells, "v", every=1.0)
        return net

    def listed(self, weights: hs.results.Weights) -> list[tuple[Any, ...]]:
        """List synapses by what does not depend on numbers within a pair: ends, then sorted weights."""
        return sorted(zip(weights.pre.tolist(), weights.post.tolist(), weights.values.tolist(), strict=True))


@settings(max_examples=25)
@given(seeds, st.randoms(use_true_random=False))
def test_renumbering_neurons_permutes_the_results(seed, random):
    first = Numbered.drawn(seed)
    order = np.array(random.sample(range(len(first.inputs)), len(first.inputs)))
    place = np.argsort(order)
    a, b = (hs.run(numbered.network(), 150.0) for numbered in (first, first.renumbered(order)))
    spikes = a.spikes["cells"]
    assert len(spikes) > 5
    assert {(t, int(place[i])) for t, i in zip(spikes.t, spikes.i, strict=True)} == set(
        zip(b.spikes["cells"].t, b.spikes["cells"].i.tolist(), strict=True)
    )
    v, moved_v = a.traces["cells"]["v"].values, b.traces["cells"]["v"].values
    np.testing.assert_allclose(v[:, order], moved_v, rtol=0, atol=1e-9)
    moved = a.weights["recurrent"]
    moved = dataclasses.replace(moved, pre=place[moved.pre], post=place[moved.post])
    found = zip(first.listed(moved), first.listed(b.weights["recurrent"]), strict=True)
    assert all(x[:2] == y[:2] and abs(x[2] - y[2]) < 1e-9 for x, y in found)
    assert (a.weights["recurrent"].values != a.weights["recurrent"].initial).any()


# Neutral elements (semantics 12)


def hmn_network(rule: dict[str, Any] | None = None, **parts: Any) -> hs.Network:
    """Return a network with every part of an HMN rule; keywords replace parts, ``rule`` parameters of the rule."""
    given = {
        "cell": hs.LIF(sigma=1.5, tau_refrac=2.0), "glia": hs.LeakyCalcium(tau_ca=60.0, C_theta=1.5, alpha=0.4),
        "norepinephrine": True, "coupling": 0.0, "kick": 0.0, "drive": 0.0, "seed": 4, "gate_at": "update",
    }  # fmt: skip
    given |= parts
    net = hs.Network("hmn", dt=0.5, seed=given["seed"])
    stim = net.add(hs.PoissonInput(12, rate=40.0, name="stim"))
    cells = net.add(hs.Population(8, given["cell"], name="cells"))
    net.add(hs.CurrentInput(cells, 0.6))
    theta = net.add(hs.Oscillator(frequency=[20.0, 21.0, 25.0], size=3, coupling=given["coupling"], name="theta"))
    if given["kick"] is not None:
        net.add(hs.Entrainment(cells, theta, strength=given["kick"]))
    if given["drive"] is not None:
        net.add(hs.OscillatorDrive(theta, cells, amplitude=given["drive"]))
    dopamine = net.add(hs.Modulator.dopamine(releases=[(30.0, 1.0), (90.0, -0.5)], tonic=0.2, attention=[1.0]))
    arousal = net.add(hs.Modulator.acetylcholine(releases=[(50.0, 1.0)], attention=[-0.5]))
    novelty = net.add(hs.Modulator.norepinephrine(releases=[(20.0, 1.0)]))
    glia = None
    if given["glia"] is not None:
        driver = novelty if given["norepinephrine"] else None
        glia = net.add(hs.Astrocytes(2, given["glia"], norepinephrine=driver, clock=5.0, name="glia"))
    gate = None if given["gate_at"] is None else hs.PhaseGate(theta, phase=hs.Uniform(0.0, 6.0), at=given["gate_at"])
    settings = {
        "eta_l": 1.0, "modulators": (dopamine, arousal), "gate": gate, "tick": 25.0, "apply": "probabilistic",
        "attention": hs.LocalAttention(1.0), "global_attention": hs.GlobalAttention(1.0), "theta_p": 1e-4,
        "A_plus": 0.05, "A_minus": -0.03,
    }  # fmt: skip
    learned = hs.HMNRule(**(settings | (rule or {})))
    weight, connector = hs.Uniform(0.1, 0.9), hs.FixedProbability(0.8)
    net.add(hs.Projection(stim, cells, connector, weight, plasticity=learned, astrocytes=glia, name="learned"))
    net.add(hs.Projection(cells, cells, hs.AllToAll(allow_self=False), weight=0.1, delay=1.5))
    net.record(cells, ["v", "bias"])
    net.record(net["learned"], ["weight", "eligibility", "pending", "x", "y"], every=5.0)
    return net


def rule_without(**changes: Any) -> dict[str, Any]:
    return {"rule": changes}


NEUTRAL = {
    "beta_a = 0": (rule_without(attention=hs.LocalAttention(0.0)), rule_without(attention=None)),
    "beta_g = 0": (rule_without(global_attention=hs.GlobalAttention(0.0)), rule_without(global_attention=None)),
    "gate_at = none": ({"gate_at": "none"}, {"gate_at": None}),
    "apply = always": (
        rule_without(apply="always", theta_p=5.0, beta_p=0.1, on_reject="carry"),
        rule_without(apply="always", theta_p=1e-3),
    ),
    "lambda_a = 0": (
        {"rule": {"lambda_a": 0.0}, "glia": hs.LeakyCalcium(C_theta=0.02, a_Ad=0.0)},
        {"rule": {"lambda_a": -0.5}, "glia": hs.LeakyCalcium(C_theta=0.02, a_Ad=0.0)},
    ),
    "kappa_slow = 0": (rule_without(kappa_slow=0.0), rule_without(kappa_slow=0.0, tau_slow=333.0)),
    "sigma = 0": ({"cell": hs.LIF(sigma=np.zeros(8), noise_correction=True)}, {"cell": hs.LIF()}),
    "O_G = 0 or a = U0*": ({"glia": hs.LeakyCalcium(C_theta=0.02, alpha=0.6, U0=0.6)}, {"glia": None}),
    "IC50 = inf": (
        {"rule": {"lambda_a": -0.5}, "glia": hs.LeakyCalcium(C_theta=0.02, alpha=0.6, a_Ad=50.0, IC50=np.inf)},
        {"rule": {"lambda_a": 0.0}, "glia": None},
    ),
    "k_NE = 0": (
        {"glia": hs.LeakyCalcium(tau_ca=60.0, C_theta=1.5, k_NE=0.0)},
        {"glia": hs.LeakyCalcium(tau_ca=60.0, C_theta=1.5), "norepinephrine": False},
    ),
    "eta_bias = 0": ({"cell": hs.LIF(eta_bias=0.0, target_rate=20.0)}, {"cell": hs.LIF()}),
    "kick strength = 0": ({"kick": 0.0}, {"kick": None}),
    "drive amplitude = 0": ({"drive": 0.0}, {"drive": None}),
}


@pytest.mark.parametrize("name", NEUTRAL)
def test_a_neutral_element_is_no_mechanism(name):
    with_it, without = (hs.run(hmn_network(**parts), 150.0) for parts in NEUTRAL[name])
    assert len(with_it.spikes["cells"]) > 10
    assert (with_it.weights["learned"].values != with_it.weights["learned"].initial).any()
    assert_same_run(with_it, without)


CHANGES = {
    "local attention": rule_without(attention=None),
    "global attention": rule_without(global_attention=None),
    "gated pairing": {"gate_at": "pairing"},
    "gate": {"gate_at": None},
    "probabilistic application": rule_without(apply="always"),
    "adenosine": {"rule": {"lambda_a": -0.5}, "glia": hs.LeakyCalcium(C_theta=0.02, a_Ad=50.0)},
    "slow trace": rule_without(kappa_slow=0.0),
    "noise": {"cell": hs.LIF(tau_refrac=2.0)},
    "astrocytes": {"glia": None},
    "norepinephrine": {"norepinephrine": False},
    "coupling": {"coupling": 50.0},
    "entrainment": {"kick": 0.2},
    "drive": {"drive": 0.2},
    "seed": {"seed": 5},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_mechanism_that_is_on_changes_the_run(name):
    """Otherwise the comparisons above would compare nothing."""
    base, other = (hs.run(hmn_network(**parts), 150.0) for parts in ({}, CHANGES[name]))
    assert not np.array_equal(base.weights["learned"].values, other.weights["learned"].values)


def test_without_noise_and_draws_the_seed_means_nothing():
    """apply = always and sigma = 0 spend no draws: only arrays and given spikes are left, and they are the same."""
    a = Numbered.drawn(1).network()
    assert_same_run(hs.run(a, 100.0), hs.run(a.replace(seed=99), 100.0))
