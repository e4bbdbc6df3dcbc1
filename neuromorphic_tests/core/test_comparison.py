"""Comparing two runs: spike-train distances, first divergence, verdict, table, picture, command.

The Victor-Purpura and van Rossum distances are checked against Elephant, the SPIKE distance against closed forms.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hmn_snn.cli import main
from hmn_snn.comparison import compare
from hmn_snn.errors import DescriptionError
from hmn_snn.results import Margins, Spikes, Trace, Weights
from hmn_snn.spike_distances import spike_distance, van_rossum, victor_purpura
from neuromorphic_tests.core.made_results import STAMP, bare_results, full_results

DURATION = 100.0
TRAINS = st.lists(st.integers(1, 1000), max_size=8, unique=True).map(lambda steps: 0.1 * np.array(sorted(steps)))
COSTS = st.sampled_from([0.0, 0.01, 0.1, 1.0, np.inf])


def random_train(seed, rate=0.05):
    rng = np.random.default_rng(seed)
    return np.sort(rng.uniform(0.0, DURATION, rng.poisson(rate * DURATION)))


def shares(a, b, **changes):
    """Compare two runs of one population of three neurons, of which the spikes are given as (time, neuron)."""
    runs = [bare_results(spikes={"exc": Spikes(*zip(*spikes, strict=True), 3)}) for spikes in (a, b)]
    return compare(runs[0], replace(runs[1], **changes))


# Distances of two trains


@pytest.mark.parametrize("seed", range(8))
def test_distances_equal_elephants(seed):
    import neo
    import quantities as pq
    from elephant.spike_train_dissimilarity import van_rossum_distance, victor_purpura_distance

    t1, t2 = random_train(2 * seed), random_train(2 * seed + 1)
    neo_trains = [neo.SpikeTrain(t, units="ms", t_start=0.0, t_stop=DURATION) for t in (t1, t2)]
    assert min(len(t1), len(t2)) > 0
    for scale in (0.5, 5.0, 50.0):
        q, tau = 1.0 / scale, scale
        expected = victor_purpura_distance(neo_trains, q / pq.ms, sort=False)[0, 1]
        assert victor_purpura(t1, t2, q) == pytest.approx(expected, rel=1e-9)
        assert van_rossum(t1, t2, tau) == pytest.approx(van_rossum_distance(neo_trains, tau * pq.ms)[0, 1], rel=1e-9)


@given(TRAINS, TRAINS, COSTS)
def test_distances_are_symmetric_and_zero_for_equal_trains(t1, t2, q):
    tau = np.inf if q == 0.0 else 1.0 / q + 0.1
    for distance, parameters in ((victor_purpura, (q,)), (van_rossum, (tau,)), (spike_distance, (0.0, DURATION))):
        there, back = distance(t1, t2, *parameters), distance(t2, t1, *parameters)
        assert there == pytest.approx(back, abs=1e-12)
        assert there >= 0.0
        assert distance(t1, t1, *parameters) == 0.0
    assert spike_distance(t1, t2, 0.0, DURATION) <= 1.0


@given(TRAINS, TRAINS, TRAINS, COSTS)
def test_victor_purpura_is_a_metric(t1, t2, t3, q):
    assert victor_purpura(t1, t3, q) <= victor_purpura(t1, t2, q) + victor_purpura(t2, t3, q) + 1e-9
    assert (victor_purpura(t1, t2, q) > 0.0) == (len(t1) != len(t2) if q == 0.0 else not np.array_equal(t1, t2))


@given(TRAINS, TRAINS)
def test_limits_of_the_parameters_count_spikes_or_coincidences(t1, t2):
    apart = len(t1) + len(t2) - 2 * len(np.intersect1d(t1, t2))
    assert victor_purpura(t1, t2, 0.0) == van_rossum(t1, t2, np.inf) == abs(len(t1) - len(t2))
    assert victor_purpura(t1, t2, np.inf) == apart
    assert van_rossum(t1, t2, 1e-6) ** 2 == pytest.approx(apart)


@given(TRAINS, TRAINS, st.sampled_from([0.02, 0.1, 1.0]))
def test_shared_spikes_cancel(t1, t2, q):
    only_1, only_2 = np.setdiff1d(t1, t2), np.setdiff1d(t2, t1)
    assert victor_purpura(t1, t2, q) == pytest.approx(victor_purpura(only_1, only_2, q))
    assert van_rossum(t1, t2, 1.0 / q) == pytest.approx(van_rossum(only_1, only_2, 1.0 / q), abs=1e-9)


def test_spike_distance_in_closed_form():
    # By hand from Kreuz et al. (2013), equations 5 to 9, with auxiliary spikes at 0 and 1 (any unit of time).
    assert spike_distance([], [], 0.0, 1.0) == 0.0
    assert spike_distance([], [0.5], 0.0, 1.0) == pytest.approx(2 / 9)
    assert spike_distance([0.4], [0.6], 0.0, 1.0) == pytest.approx(437 / 2250)
    # Two clocks a part of their period apart: the shift over the period, up to the ends.
    clock = np.arange(1.0, 1000.0)
    for shift in (0.01, 0.2, 0.4):
        assert spike_distance(clock, clock + shift, 0.0, 1000.0) == pytest.approx(shift, rel=2e-3)
    assert spike_distance([4.0], [6.0], 0.0, 10.0) == pytest.approx(437 / 2250)  # it has no time scale


def test_a_spike_at_an_end_is_the_auxiliary_spike():
    assert spike_distance([0.0, 10.0], [], 0.0, 10.0) == 0.0


@pytest.mark.parametrize(
    ("distance", "arguments", "parameter"),
    [
        (victor_purpura, ([1.0], [2.0], -1.0), "q"),
        (victor_purpura, ([1.0], [2.0], np.nan), "q"),
        (victor_purpura, ([[1.0]], [2.0], 1.0), "t1"),
        (van_rossum, ([1.0], [np.inf], 1.0), "t2"),
        (van_rossum, ([1.0], [2.0], 0.0), "tau"),
        (spike_distance, ([1.0], [2.0], 0.0, 1.5), "t2"),
        (spike_distance, ([1.0], [2.0], 3.0, 3.0), "t_stop"),
    ],
)
def test_wrong_arguments_are_named(distance, arguments, parameter):
    with pytest.raises(DescriptionError) as info:
        distance(*arguments)
    assert (info.value.owner, info.value.parameter) == (distance.__name__, parameter)


# Spikes


def test_a_run_agrees_with_itself():
    comparison = compare(full_results(), full_results())
    assert comparison.agree
    assert comparison.divergence is None
    assert comparison.incomparable == ()
    assert comparison.verdict.startswith("agree: all of 195 spikes are the same")
    for entry in comparison.spikes.values():
        assert entry.identical
        assert (entry.precision, entry.recall) == (1.0, 1.0)
    assert [comparison.spikes[name].size for name in ("silent", "none")] == [4, 0]
    assert comparison.spikes["silent"].victor_purpura == 0.0
    assert np.isnan(comparison.spikes["none"].spike_distance)
    assert "mean distance per neuron" not in str(comparison)


def test_times_that_differ_by_rounding_are_the_same():
    steps = np.arange(1, 900, 7)
    neurons = np.zeros(len(steps), int)
    runs = [bare_results(spikes={"exc": Spikes(t, neurons, 1)}) for t in (steps * 0.1, steps / 10.0 + 1e-11)]
    assert not np.array_equal(runs[0].spikes["exc"].t, runs[1].spikes["exc"].t)
    assert compare(*runs).agree


def test_numbers_of_a_population():
    comparison = shares([(10.0, 0), (20.0, 1), (30.0, 0), (50.0, 2)], [(10.0, 0), (22.0, 1), (30.0, 0)])
    entry = comparison.spikes["exc"]
    assert (entry.n_a, entry.n_b, entry.n_shared) == (4, 3, 2)
    assert (entry.precision, entry.recall) == (2 / 3, 1 / 2)
    assert entry.rate_difference == pytest.approx(-1 / 3 / 0.1)
    assert entry.victor_purpura == pytest.approx((0.0 + 0.1 * 2.0 + 1.0) / 3)
    assert entry.van_rossum == pytest.approx((0.0 + np.sqrt(2 - 2 * np.exp(-0.2)) + 1.0) / 3)
    expected = spike_distance([20.0], [22.0], 0.0, DURATION) + spike_distance([50.0], [], 0.0, DURATION)
    assert entry.spike_distance == pytest.approx(expected / 3)
    assert not comparison.agree


def test_a_run_without_spikes_is_far_from_one_with_spikes():
    runs = [bare_results(spikes={"exc": Spikes(t, [0] * len(t), 1)}) for t in ([10.0, 20.0], [])]
    there, back = compare(*runs).spikes["exc"], compare(*reversed(runs)).spikes["exc"]
    assert (there.precision, there.recall) == (1.0, 0.0)
    assert (back.precision, back.recall) == (0.0, 1.0)
    assert there.victor_purpura == back.victor_purpura == 2.0


@given(st.data())
def test_distances_of_a_population_are_the_means_of_its_neurons(data):
    def spikes():
        both = [data.draw(TRAINS) for _ in range(3)]
        return both, Spikes(np.concatenate(both), np.repeat([0, 1, 2], [len(t) for t in both]), 3)

    (trains_a, a), (trains_b, b) = spikes(), spikes()
    entry = compare(bare_results(spikes={"exc": a}), bare_results(spikes={"exc": b}), tau=7.0, q=0.2).spikes["exc"]
    pairs = list(zip(trains_a, trains_b, strict=True))
    assert entry.victor_purpura == pytest.approx(np.mean([victor_purpura(*p, 0.2) for p in pairs]))
    assert entry.van_rossum == pytest.approx(np.mean([van_rossum(*p, 7.0) for p in pairs]), abs=1e-9)
    assert entry.spike_distance == pytest.approx(np.mean([spike_distance(*p, 0.0, DURATION) for p in pairs]))


# First divergence

COMMON = [(5.0, 2), (10.0, 0), (30.0, 1)]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([(40.0, 1)], [], (1, 40.0, "only in a", None)),
        ([], [(40.0, 1)], (1, 40.0, "only in b", None)),
        ([(40.0, 1)], [(41.5, 1)], (1, 40.0, "shifted", 1.5)),
        ([(41.5, 1)], [(40.0, 1)], (1, 40.0, "shifted", -1.5)),
        ([(40.0, 1)], [(61.0, 1)], (1, 40.0, "only in a", None)),  # farther than 2/q
        ([(40.0, 1), (45.0, 1)], [(44.0, 1)], (1, 40.0, "only in a", None)),  # it is the next one that moved
        ([(40.0, 1)], [(41.0, 2)], (1, 40.0, "only in a", None)),
        ([(40.0, 2), (50.0, 0)], [(40.0, 1), (45.0, 0)], (1, 40.0, "only in b", None)),  # the lowest neuron
        ([(8.0, 0)], [(7.9, 2)], (2, 7.9, "only in b", None)),
    ],
)
def test_first_divergence(a, b, expected):
    first = shares(COMMON + a, COMMON + b).divergence
    assert first.population == "exc"
    assert (first.neuron, first.t, first.kind) == expected[:3]
    assert first.shift == (None if expected[3] is None else pytest.approx(expected[3]))
    assert first.v_difference is None


def test_a_divergence_says_itself_what_happened():
    shifted = replace(shares([(40.0, 1)], [(41.5, 1)]).divergence, t_sample=39.9, v_a=-50.25, v_b=-50.5)
    assert str(shifted) == (
        "neuron 1 of 'exc' at 40 ms, a spike in a that is 1.5 ms later in b; "
        "v at 39.9 ms was -50.25 mV in a and -50.5 mV in b (difference -0.25 mV)"
    )
    alone = shares([(5.0, 0)], [(5.0, 0), (40.1, 2)]).divergence
    assert str(alone) == "neuron 2 of 'exc' at 40.1 ms, a spike only in b (v was not recorded in both)"


def test_the_first_population_to_diverge_is_named():
    def run(late, early):
        return bare_results(spikes={"exc": Spikes([late], [0], 1), "stim": Spikes([early], [3], 5)})

    assert compare(run(20.0, 10.0), run(21.0, 11.0)).divergence.population == "stim"
    assert compare(run(20.0, 20.0), run(21.0, 21.0)).divergence.population == "exc"


def test_v_just_before_the_divergence_is_given_where_both_recorded_it():
    def run(t, every, offset, indices):
        samples = np.arange(0.0, DURATION, every)
        values = -60.0 + 0.01 * samples[:, None] + offset * np.ones(len(indices))
        v = Trace(samples, values, indices, "mV")
        return bare_results(spikes={"exc": Spikes([t], [1], 3)}, traces={"exc": {"v": v}})

    first = compare(run(40.3, 0.1, 0.0, [0, 1]), run(40.4, 0.1, 1e-4, [1, 2])).divergence
    assert first.t_sample == pytest.approx(40.2)  # a spike at t_n+1 comes of the state at t_n
    assert first.v_a == pytest.approx(-60.0 + 0.402)
    assert first.v_difference == pytest.approx(1e-4)
    assert compare(run(40.3, 0.3, 0.0, [1]), run(40.4, 0.5, 0.0, [1])).divergence.t_sample == pytest.approx(39.0)
    assert compare(run(40.3, 0.1, 0.0, [0]), run(40.4, 0.1, 0.0, [1])).divergence.v_a is None
    assert compare(run(0.1, 0.1, 0.0, [1]), run(0.2, 0.1, 0.5, [1])).divergence.v_difference == pytest.approx(0.5)


# Weights


def weighted(values, pre=(0, 0, 1), post=(0, 1, 1), unit="nA"):
    weights = Weights(np.array(pre), np.array(post), np.array(values), unit)
    return bare_results(spikes={"exc": Spikes([1.0], [0], 2)}, weights={"in -> exc": weights})


def test_weights_are_compared_synapse_by_synapse():
    comparison = compare(weighted([0.1, 0.2, 0.3]), weighted([0.1, 0.23, 0.26]))
    entry = comparison.weights["in -> exc"]
    assert entry.max_abs == comparison.max_weight_difference == pytest.approx(0.04)
    assert entry.rms == pytest.approx(np.sqrt((0.03**2 + 0.04**2) / 3))
    assert not comparison.agree
    assert comparison.divergence is None
    assert "weights differ by up to 0.04" in comparison.verdict
    listed_otherwise = weighted([0.3, 0.1, 0.2], pre=(1, 0, 0), post=(1, 0, 1))
    assert compare(weighted([0.1, 0.2, 0.3]), listed_otherwise).agree


def test_weights_agree_within_the_tolerance():
    runs = weighted([0.1, 0.2, 0.3]), weighted([0.1, 0.2, 0.3 + 5e-10])
    assert compare(*runs).agree
    assert not compare(*runs, weight_tolerance=1e-10).agree
    assert not compare(weighted([0.1, 0.2, np.nan]), weighted([0.1, 0.2, 0.3])).agree


# What cannot be compared, and the verdict


@pytest.mark.parametrize("change", [{"t_stop": 90.0}, {"t_start": 10.0}])
def test_runs_over_different_times_are_refused(change):
    ((edge, value),) = change.items()
    with pytest.raises(DescriptionError) as info:
        compare(full_results(100.0), replace(full_results(100.0), **change))
    assert (info.value.parameter, info.value.value) == (f"{edge} of b", value)


def test_what_is_in_one_run_only_is_named_and_is_no_agreement():
    a = full_results()
    smaller = {name: train for name, train in a.spikes.items() if name != "silent"} | {"none": Spikes([], [], 3)}
    other = {"exc -> exc": replace(a.weights["exc -> exc"], post=a.weights["exc -> exc"].post[::-1])}
    comparison = compare(a, replace(a, spikes=smaller, weights=other))
    said = "\n".join(comparison.incomparable)
    assert len(comparison.incomparable) == 4
    assert all(f"'{name}'" in said for name in ("silent", "none", "exc -> exc", "stim/a -> exc"))
    assert set(comparison.spikes) == {"stim/a", "exc"}
    assert not comparison.agree
    assert said.splitlines()[0] in str(comparison)


def test_nothing_in_common_is_no_agreement():
    comparison = compare(bare_results(), bare_results())
    assert not comparison.agree
    assert "nothing in common" in str(comparison)


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({}, "differ: 2 spikes are in one run only, 1 in both"),
        ({"margins": Margins(threshold=2e-12)}, "agreement is promised until one is nearer than 1e-09"),
        ({"margins": Margins(application=2e-12)}, "only 2e-12 away"),
        ({"margins": Margins(threshold=1e-5)}, "rounding does not explain it: every decision was 1e-05 or more"),
        ({"provenance": replace(STAMP, precision="float32")}, "computed in float32 and float64"),
        ({"provenance": replace(STAMP, network_hash="cd" * 32, seed=8)}, "different networks (seed 7 and 8)"),
    ],
)
def test_the_verdict_says_whether_agreement_was_to_be_expected(changes, hint):
    comparison = shares([(10.0, 0), (20.0, 1)], [(10.0, 0), (21.0, 1)], **changes)
    assert hint in comparison.verdict
    assert f"verdict: {comparison.verdict}"[:60] in str(comparison)


def test_runs_of_different_networks_can_agree_but_it_is_said():
    a = full_results()
    b = replace(a, provenance=replace(STAMP, network_hash="cd" * 32))
    assert compare(a, b).agree
    assert not compare(a, b).same_network
    assert "although they are runs of different networks" in compare(a, b).verdict


# Table and picture


@pytest.fixture
def parted():
    """Two runs that part in one population, with v recorded, and in their weights."""
    a = full_results()
    exc = a.spikes["exc"]
    moved = np.where(exc.t > 100.0, exc.t + 0.3, exc.t).clip(max=a.t_stop)
    weights = {name: replace(w, values=w.values * 1.001) for name, w in a.weights.items()}
    traces = {"exc": {"v": replace(a.traces["exc"]["v"], indices=[0, 1, 2])}}
    neuron = int(exc.i[np.flatnonzero(exc.t > 100.0)[0]])
    traces["exc"]["v"] = replace(traces["exc"]["v"], indices=[neuron, 98, 99])
    spikes = dict(a.spikes) | {"exc": Spikes(moved, exc.i, exc.size)}
    return replace(a, traces=traces), replace(a, traces=traces, spikes=spikes, weights=weights)


def test_the_table_is_readable(parted):
    said = str(compare(*parted))
    assert max(map(len, said.splitlines())) <= 120
    rows = [line for line in said.splitlines() if line.startswith("exc  ")]
    assert len(rows) == 2  # spikes, distances
    assert "0.3 ms later in b" in said
    assert "difference 0 mV" in said
    assert [line.split()[-1] for line in said.splitlines() if line.startswith(("stim/a ->", "exc ->"))] == ["nA", "mV"]


def test_a_difference_that_rounds_to_nothing_has_no_sign():
    times = np.arange(1.0, DURATION, 2.0)
    runs = [bare_results(spikes={"exc": Spikes(t, [0] * len(t), 2000)}) for t in (times, times[:-1])]
    assert compare(*runs).spikes["exc"].rate_difference < 0.0
    row = next(line for line in str(compare(*runs)).splitlines() if line.startswith("exc  "))
    assert "0.00" in row
    assert "-0.00" not in row


@pytest.mark.filterwarnings("error")
def test_the_picture_shows_both_runs_around_the_divergence(parted, tmp_path):
    comparison = compare(*parted)
    figure = comparison.plot(tmp_path / "parted.png")
    raster, v, shared, rates = figure.axes
    shown = {line.get_label(): line for line in raster.lines if line.get_marker() == "|"}
    entry, first = comparison.spikes["exc"], comparison.divergence
    assert len(shown["in both"].get_xdata()) == entry.n_shared > 0
    assert len(shown["only in a"].get_xdata()) == entry.n_a - entry.n_shared > 0
    assert len(shown["only in b"].get_xdata()) == entry.n_b - entry.n_shared > 0
    low, high = raster.get_xlim()
    assert low < first.t < high
    assert v.get_xlim() == (low, high)
    assert len(v.lines) == 3
    assert [bar.get_width() for bar in shared.patches] == [1.0, entry.recall, 1, 1, 1.0, entry.precision, 1, 1]
    assert len(rates.patches) == 8
    assert (tmp_path / "parted.png").read_bytes().startswith(b"\x89PNG")


def test_lone_spikes_stand_out_of_many_shared_ones():
    rng = np.random.default_rng(2)
    steps, neurons = rng.integers(1, 1000, 4000), rng.integers(0, 80, 4000)
    late = np.where((steps > 500) & (neurons == 7), steps + 2, steps).clip(max=1000)
    a, b = (bare_results(spikes={"exc": Spikes(0.1 * k, neurons, 80)}) for k in (steps, late))
    comparison = compare(a, b)
    raster = comparison.plot().axes[0]
    low, high = raster.get_xlim()
    shown = {line.get_label(): line for line in raster.lines if line.get_marker() == "|"}
    assert shown["only in a"].get_markersize() >= 1.5 * shown["in both"].get_markersize()
    lone = np.concatenate([shown[f"only in {run}"].get_xdata() for run in "ab"])
    assert ((lone >= low) & (lone <= high)).sum() >= 8
    assert high - low < DURATION


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pair", ["same", "bare", "large"])
def test_a_picture_is_drawn_of_anything(pair):
    if pair == "large":
        rng = np.random.default_rng(1)
        runs = [
            bare_results(spikes={"exc": Spikes(rng.integers(1, 1000, 5000) * 0.1, rng.integers(0, 500, 5000), 500)})
            for _ in range(2)
        ]
    else:
        runs = [full_results() if pair == "same" else bare_results()] * 2
    figure = compare(*runs).plot()
    figure.draw_without_rendering()
    low, high = figure.axes[0].get_ylim()
    assert high - low <= 61
    assert len(figure.axes) == 3


# The command


def test_the_command_tells_agreement_by_its_exit_code(capsys, parted, tmp_path):
    paths = [tmp_path / "a.h5", tmp_path / "b.h5", tmp_path / "short.h5"]
    for path, results in zip(paths, (*parted, full_results(100.0)), strict=True):
        results.save(path)
    a, b, short = map(str, paths)
    assert main(["compare", a, a]) == 0
    assert "verdict: agree" in capsys.readouterr().out
    assert main(["compare", a, b, "--plot", str(tmp_path / "c.png")]) == 4
    said = capsys.readouterr().out
    assert str(compare(*parted)) in said
    assert "c.png" in said
    assert (tmp_path / "c.png").exists()
    assert main(["compare", a, short]) == 1
    assert "t_stop of b is 100.0" in capsys.readouterr().err
    assert main(["compare", a, str(tmp_path / "nowhere.h5")]) == 1
    assert "nowhere.h5" in capsys.readouterr().err
    assert main(["compare", a, b, "--plot", str(tmp_path / "nowhere" / "c.png")]) == 1


def test_the_help_of_the_command_names_its_exit_code(capsys):
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    assert "\n  4    the runs that were compared differ\n" in capsys.readouterr().out
