"""The learning tick: the engine's fast evaluation against the step-by-step definition, and that definition itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn import learning
from hmn_snn.errors import SimulationError
from hmn_snn.lowering import lower
from neuromorphic_tests.core.host_learning import VARIABLES, Case, learn_on_host, plastic_network

SLOW_TO_DRAW = [HealthCheck.too_slow, HealthCheck.data_too_large]

rules = st.fixed_dictionaries(
    {
        "A_plus": st.floats(0.01, 0.1),
        "A_minus": st.floats(-0.1, 0.0),
        "tau_plus": st.floats(3.0, 60.0),
        "tau_minus": st.floats(3.0, 60.0),
        "tau_fast": st.floats(5.0, 100.0),
        "tau_slow": st.floats(50.0, 1000.0),
        "kappa_slow": st.sampled_from([0.0, 0.3, 1.0]),
        "eta_l": st.sampled_from([0.0, 1.5, -0.5]),
        "eta_g": st.sampled_from([0.0, 4.0, -1.0]),
        "pairing": st.sampled_from(["all", "nearest"]),
        "tie": st.sampled_from(["none", "ltp", "ltd"]),
        "delay_kind": st.sampled_from(["axonal", "dendritic"]),
        "apply": st.sampled_from(["always", "probabilistic"]),
        "on_reject": st.sampled_from(["drop", "carry"]),
        "theta_p": st.just(0.01),
        "w_min": st.sampled_from([0.0, 0.2]),
        "w_max": st.sampled_from([0.8, 1.0, np.inf]),
    }
)
local = st.builds(
    hs.LocalAttention,
    slope=st.floats(-3.0, 3.0),
    tau=st.sampled_from([(5.0, 20.0), (20.0, 100.0, 500.0)]),
    similarity=st.sampled_from(["dot", "cosine"]),
    normalisation=st.sampled_from(["count", "simplex"]),
)
shares = st.builds(
    hs.GlobalAttention,
    slope=st.floats(-3.0, 3.0),
    tau=st.just(100.0),
    normalisation=st.sampled_from(["count", "simplex"]),
)


@st.composite
def cases(draw, **fixed):
    """Draw a random rule with random spikes; ``fixed`` are fields of Case or of the rule."""
    rule = draw(rules) | {name: fixed.pop(name) for name in list(fixed) if name not in Case.__dataclass_fields__}
    tick = fixed.pop("tick_steps", None) or draw(st.sampled_from([1, 7, 40]))
    astrocytes = draw(st.booleans())
    if astrocytes:
        rule["lambda_a"] = -0.5
    parts = {
        "dt": st.sampled_from([0.1, 0.5, 1.0]),
        "longest_delay": st.sampled_from([1, 4]),
        "pre_density": st.sampled_from([0.02, 0.2, 0.6]),
        "post_density": st.sampled_from([0.02, 0.2, 0.6]),
        "gate": st.sampled_from([None, "update", "pairing", "both"]),
        "entrained": st.booleans(),
        "n_modulators": st.integers(0, 2),
        "attention": st.none() | local,
        "global_attention": st.none() | shares,
    }
    drawn = {name: draw(strategy) for name, strategy in parts.items()}
    if drawn["n_modulators"] == 0:  # a share of nothing: see test_global_attention_over_no_modulators
        drawn["global_attention"] = None
    seed = draw(st.integers(0, 2**32 - 1))
    n_steps = fixed.pop("n_steps", max(60, 3 * tick + 5))
    return Case(seed, n_steps=n_steps, tick_steps=tick, astrocytes=astrocytes, rule=rule, **(drawn | fixed))


def assert_learns_as_defined(case: Case, tolerance: float = 1e-12) -> None:
    net = plastic_network(case)
    results = hs.run(net, case.duration)
    host = learn_on_host(case, net, results)
    for name in VARIABLES:
        size = np.abs(host[name]).max(initial=1.0)
        np.testing.assert_allclose(
            results.traces["plastic"][name].values, host[name], rtol=0.0, atol=tolerance * size, err_msg=name
        )
    np.testing.assert_allclose(results.weights["plastic"].values, host["final"], rtol=0.0, atol=tolerance)
    ledger = results.ledger
    assert ledger.ticks["plastic"] == case.n_steps // case.tick_steps
    applied, rejected, pairings = host["totals"]
    assert ledger.pairings["plastic"] == pairings
    if case.gate not in ("update", "both"):  # behind a closed gate the fast evaluation may leave a rounding error
        assert (ledger.updates_applied["plastic"], ledger.updates_rejected["plastic"]) == (applied, rejected)


@settings(max_examples=60, suppress_health_check=SLOW_TO_DRAW)
@given(cases())
def test_fast_evaluation_is_the_step_by_step_sum(case):
    assert_learns_as_defined(case)


@settings(max_examples=6, suppress_health_check=SLOW_TO_DRAW)
@given(cases(tick_steps=350, dt=1.0, tau_fast=8.0, n_steps=800))
def test_fast_evaluation_cuts_long_ticks_into_blocks(case):
    assert case.tick_steps * case.dt > 10.0 * case.rule["tau_fast"]
    assert_learns_as_defined(case)


@pytest.mark.slow
@settings(max_examples=600, suppress_health_check=SLOW_TO_DRAW)
@given(cases())
def test_fast_evaluation_is_the_step_by_step_sum_at_length(case):
    assert_learns_as_defined(case)


def test_the_comparison_has_something_to_compare():
    busy = Case(
        3, n_steps=200, tick_steps=40, longest_delay=4, pre_density=0.3, post_density=0.3, gate="both", n_modulators=2,
        rule={"eta_l": 1.0, "eta_g": 2.0, "A_plus": 0.1, "apply": "probabilistic"}, attention=hs.LocalAttention(2.0),
        global_attention=hs.GlobalAttention(slope=2.0), astrocytes=True,
    )  # fmt: skip
    net = plastic_network(busy)
    results = hs.run(net, busy.duration)
    host = learn_on_host(busy, net, results)
    assert np.ptp(host["weight"], axis=0).max() > 1e-3
    assert np.ptp(host["attention"]) > 0.01
    assert results.traces["glia"]["M"].values.max() > 0.1
    assert len(lower(net).projections[1].delays) > 1
    assert results.ledger.updates_applied["plastic"] > 0
    assert results.ledger.updates_rejected["plastic"] > 0


@pytest.mark.parametrize("normalisation", ["count", "simplex"])
def test_global_attention_over_no_modulators(normalisation):
    seen = hs.GlobalAttention(1.0, normalisation=normalisation)
    assert_learns_as_defined(Case(1, n_modulators=0, rule={"eta_l": 1.0}, global_attention=seen))


# The definition itself, by hand


def one_synapse(**rule):
    """Return a lowered projection of one synapse, delay 1 step, without a modulator: eta_l 1/s, everything else off."""
    net = hs.Network(dt=1.0)
    pre = net.add(hs.SpikeInput([[1.0]], name="pre"))
    post = net.add(hs.Population(1, name="post"))
    given = {"eta_l": 1.0, "eta_g": 0.0, "tick": 50.0, **rule}
    net.add(hs.Projection(pre, post, hs.AllToAll(), weight=0.5, delay=1.0, plasticity=hs.HMNRule(**given), name="p"))
    return lower(net).projections[0]


def spikes_at(n_steps, *steps):
    fired = np.zeros((n_steps, 1), dtype=bool)
    fired[list(steps)] = True
    return fired


def advance(projection, pre, post, state=None, weights=None, seed=0, **inputs):
    state = learning.LearningState.initial(projection) if state is None else state
    weights = projection.weights if weights is None else weights
    return learning.advance(projection, 1.0, seed, state, weights, pre, post, np.zeros(len(pre)), **inputs)


@pytest.mark.parametrize("lag", [1, 5, 20])
def test_a_pair_moves_the_eligibility_by_the_window(lag):
    """Bi & Poo 2001: A_plus exp(-lag/tau_plus) if the arrival is first, A_minus exp(-lag/tau_minus) if it is last."""
    projection = one_synapse(tau_fast=1e9, tau_slow=1e9)
    arrival_first = advance(projection, spikes_at(30, 0), spikes_at(30, 1 + lag)).state
    assert arrival_first.eligibility == pytest.approx(0.01 * np.exp(-lag / 16.8), rel=1e-7)
    arrival_last = advance(projection, spikes_at(30, lag), spikes_at(30, 1)).state
    assert arrival_last.eligibility == pytest.approx(-0.0035 * np.exp(-lag / 33.7), rel=1e-7)


@pytest.mark.parametrize(("tie", "eligibility"), [("none", 0.0), ("ltp", 0.01), ("ltd", -0.0035)])
def test_a_tie_counts_as_the_rule_says(tie, eligibility):
    projection = one_synapse(tie=tie)
    state = advance(projection, spikes_at(2, 0), spikes_at(2, 1)).state
    assert state.eligibility == pytest.approx(eligibility)
    assert (state.x, state.y) == (1.0, 1.0)


def test_pending_is_the_integral_of_the_eligibility():
    projection = one_synapse(tau_fast=20.0, kappa_slow=0.0)
    state = advance(projection, spikes_at(40, 0), spikes_at(40, 3)).state
    steps = np.arange(40 - 3)
    expected = 1e-3 * 0.01 * np.exp(-2 / 16.8) * np.exp(-steps / 20.0).sum()
    assert state.pending == pytest.approx(expected, rel=1e-12)
    assert (state.step, state.tick) == (40, 0)


def test_a_tick_applies_what_is_pending_within_bounds():
    projection = one_synapse(A_plus=1e4, w_max=0.7)
    update = advance(projection, spikes_at(50, 0), spikes_at(50, 5))
    assert update.weights == 0.7
    assert (update.applied, update.rejected, update.pairings) == (1, 0, 2)
    assert (update.state.step, update.state.tick, float(update.state.pending[0])) == (0, 1, 0.0)
    assert update.state.eligibility != 0.0


@pytest.mark.parametrize(("on_reject", "kept"), [("drop", False), ("carry", True)])
def test_a_small_update_is_rejected(on_reject, kept):
    projection = one_synapse(apply="probabilistic", theta_p=1.0, beta_p=1e3, on_reject=on_reject)
    update = advance(projection, spikes_at(50, 0), spikes_at(50, 5))
    assert update.weights == projection.weights
    assert (update.applied, update.rejected) == (0, 1)
    assert (update.state.pending[0] != 0.0) == kept


def test_updates_are_applied_with_the_probability_of_their_size():
    net = hs.Network(dt=1.0)
    pre, post = net.add(hs.SpikeInput([[1.0]])), net.add(hs.Population(4000))
    rule = hs.HMNRule(eta_l=1.0, tick=10.0, apply="probabilistic", theta_p=0.01, beta_p=200.0)
    net.add(hs.Projection(pre, post, hs.AllToAll(), weight=0.5, plasticity=rule, name="p"))
    projection = lower(net).projections[0]
    state = dataclasses.replace(learning.LearningState.initial(projection), step=9, pending=np.full(4000, 0.013))
    update = advance(projection, np.zeros((1, 1), bool), np.zeros((1, 4000), bool), state, seed=5)
    p = 1.0 / (1.0 + np.exp(-200.0 * 0.003))
    assert abs(update.applied / 4000 - p) < 5.0 * np.sqrt(p * (1 - p) / 4000)
    again = advance(projection, np.zeros((1, 1), bool), np.zeros((1, 4000), bool), state, seed=6)
    assert (again.weights != update.weights).any()


def test_steps_may_be_given_in_pieces():
    case = Case(11, tick_steps=40, longest_delay=4, pre_density=0.3, post_density=0.3, rule={"eta_l": 2.0})
    projection = lower(plastic_network(case)).projections[1]
    rng = np.random.default_rng(1)
    pre, post = rng.random((40, projection.n_source)) < 0.3, rng.random((40, projection.n_target)) < 0.3
    whole = advance(projection, pre, post)
    state, weights = learning.LearningState.initial(projection), projection.weights
    for a, b in ((0, 1), (1, 3), (3, 40)):
        piece = advance(projection, pre[a:b], post[a:b], state, weights)
        state, weights = piece.state, piece.weights
    assert np.array_equal(weights, whole.weights)
    for item in dataclasses.fields(state):
        assert np.array_equal(getattr(state, item.name), getattr(whole.state, item.name)), item.name


def test_steps_beyond_the_tick_are_refused():
    with pytest.raises(SimulationError, match="51 steps given, its tick is due in 50"):
        advance(one_synapse(), spikes_at(51), spikes_at(51))


def test_a_gate_without_phases_is_refused():
    case = Case(0, gate="update")
    projection = lower(plastic_network(case)).projections[1]
    with pytest.raises(SimulationError, match="give the phases"):
        advance(projection, np.zeros((1, projection.n_source), bool), np.zeros((1, projection.n_target), bool))


def test_local_attention_without_a_slope_is_exactly_1():
    case = Case(5, attention=hs.LocalAttention(slope=0.0, tau=(20.0, 100.0)))
    projection = lower(plastic_network(case)).projections[1]
    rng = np.random.default_rng(0)
    h, c = rng.random((projection.n_source, 2)), rng.random((projection.n_target, 2))
    assert (learning.local_attention(projection, h, c) == 1.0).all()


def test_global_attention_shares_follow_the_context():
    """Two modulators, context along the first one's vector: softmax of (slope E u.C / sqrt d), times their number."""
    rule = hs.HMNRule(global_attention=hs.GlobalAttention(slope=2.0))
    gamma = learning.global_attention(rule, np.array([1.0, 1.0]), np.eye(2), np.array([0.7, 0.0]))
    score = np.exp([2.0 * 0.7 / np.sqrt(2.0), 0.0])
    assert gamma == pytest.approx(2.0 * score / score.sum())
    assert (learning.global_attention(hs.HMNRule(), np.ones(3), np.eye(3), np.ones(3)) == 1.0).all()


def test_activity_is_1_at_the_reference_rate():
    spikes = np.zeros((20_000, 1), dtype=bool)
    spikes[::100] = True
    trace = learning.activity(np.zeros((1, 1)), spikes, 200.0, 1.0, rate=10.0)
    assert trace == pytest.approx(1.0, rel=0.3)


def test_raster_puts_spikes_where_they_were_fired():
    fired = learning.raster(np.array([0.1, 0.3, 0.3, 0.9]), np.array([1, 0, 1, 0]), 2, first=1, n_steps=3, dt=0.1)
    assert np.argwhere(fired).tolist() == [[1, 0], [1, 1]]
