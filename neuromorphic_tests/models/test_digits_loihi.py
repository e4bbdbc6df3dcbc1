"""The digits on Loihi 2: within three points of float, by numbers that are the chip's, on Lava as on the emulator."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hmn_snn.models.digits_comparison import (
    FLOAT,
    Answers,
    Comparison,
    deployed,
    learned_and_recognised,
    learned_there,
    recognised,
)
from hmn_snn.models.digits_data import load
from hmn_snn.models.digits_loihi import main
from hmn_snn.models.digits_loihi_experiment import (
    CAUSES,
    CHIP,
    HOST,
    HOST_NEAREST,
    LEARNING,
    NEAREST,
    coarse,
    conditions,
    same_spikes,
    spikes_by_executor,
    with_numbers_of_the_chip,
)
from hmn_snn.models.digits_network import CLASSES, LEARNED, PIXELS, digits
from hmn_snn.models.digits_training import Classification, train, trial

import hmn_snn as hs
from hmn_snn.confidence import mean_interval
from neuromorphic_tests.backends.loihi2.lava_here import needs_lava

TRAINING, TEST = load("training")[:100], load("test")[:10]


@pytest.fixture(scope="module")
def weights():
    return train(digits(1), TRAINING.images, TRAINING.labels).weights.values


# Learned in float


def test_the_chip_takes_images_for_what_float_does_but_for_near_ties(weights):
    seen = dict(conditions(1, weights, TEST.images))
    assert next(iter(seen)) == FLOAT
    expected = recognised(1, weights, TEST.images)
    assert np.array_equal(seen[FLOAT].evidence, expected.evidence)
    for name in (CHIP, NEAREST):
        assert not np.array_equal(seen[name].evidence, expected.evidence)
        assert np.corrcoef(seen[name].evidence.ravel(), expected.evidence.ravel())[0, 1] > 0.97
        for image in np.flatnonzero(seen[name].predictions != expected.predictions):
            first, second = np.sort(expected.evidence[image])[[-1, -2]]
            assert second > 0.8 * first
    assert not np.array_equal(seen[CHIP].evidence, seen[NEAREST].evidence)


def test_numbers_of_the_chip_are_those_that_its_integers_stand_for(weights):
    net = digits(1, learned=weights)
    same = with_numbers_of_the_chip(net, ())
    with hs.Simulation(net, progress=False) as a, hs.Simulation(same, progress=False) as b:
        assert same_spikes(a.run(500.0), b.run(500.0))
    chip = with_numbers_of_the_chip(net, ["weights"])
    # 8 bits that reach at least w_max: a step is at most 1/127 of it, and rounding misses by half a step at most.
    missed = np.abs(chip[LEARNED].weight - weights)
    assert 0.0 < missed.max() <= 0.5 * weights.max() / 127
    steps = chip[LEARNED].weight / np.diff(np.unique(chip[LEARNED].weight)).min()
    assert np.abs(steps - np.rint(steps)).max() < 1e-6
    assert chip[CLASSES].cell == net[CLASSES].cell

    timed = with_numbers_of_the_chip(net, ["time constants"])
    cell, exact = timed[CLASSES].cell, net[CLASSES].cell
    for name in ("tau_m", "tau_syn_E", "tau_syn_I"):
        decay = -4096 * math.expm1(-1.0 / getattr(cell, name))
        assert decay == pytest.approx(round(decay), abs=1e-6)
        assert getattr(cell, name) == pytest.approx(getattr(exact, name), rel=0.002)
        assert getattr(cell, name) != getattr(exact, name)
    assert cell.tau_m / cell.cm == pytest.approx(exact.tau_m / exact.cm)
    area = timed[LEARNED].weight / -math.expm1(-1.0 / cell.tau_syn_E)
    assert area == pytest.approx(weights / -math.expm1(-1.0 / exact.tau_syn_E))

    high = with_numbers_of_the_chip(net, ["thresholds"])
    assert 0.0 < abs(high[CLASSES].cell.v_thresh - exact.v_thresh) < 0.001
    assert np.array_equal(high[LEARNED].weight, weights)


def test_with_the_chips_numbers_the_engine_moves_as_the_chip(weights):
    weak = digits(1, learned=0.25 * weights)  # too weak for spikes, so that only numbers tell runs apart
    v = {}
    for name, net, options in (
        ("chip", weak, {"backend": "loihi2", "executor": "emulator", "rounding": "nearest"}),
        ("its numbers", with_numbers_of_the_chip(weak), {}),
        ("own numbers", weak, {}),
    ):
        watched = with_numbers_of_the_chip(net, ())
        watched.record(watched[CLASSES], "v")
        results = hs.run(watched, 100.0, progress=False, **options)
        assert len(results.spikes[CLASSES]) == 0
        v[name] = results.traces[CLASSES]["v"].values
    assert np.ptp(v["own numbers"]) > 1.0  # mV
    error = {name: np.abs(values - v["chip"]).max() for name, values in v.items()}
    assert error["its numbers"] < 0.2 * error["own numbers"]


def test_coarse_weights_have_the_levels_asked_for():
    weights = np.random.default_rng(1).uniform(0.0, 0.6, 1000)
    for bits in (1, 3):
        held = coarse(weights, bits)
        assert len(np.unique(held)) == 2**bits
        assert np.abs(held - weights).max() <= 0.5 * weights.max() / (2**bits - 1) * (1 + 1e-9)


# Learned on the chip


def test_what_is_learned_there_is_near_what_is_learned_in_float():
    few = TRAINING[:20]
    exact, _ = learned_and_recognised(1, few, TEST.images[:2])
    assert np.array_equal(exact, train(digits(1), few.images, few.labels).weights.values)
    with hs.Simulation(digits(1), progress=False) as sim:
        start = sim.weights(LEARNED).values
    found, _ = learned_and_recognised(1, few, TEST.images[:2], backend="loihi2", executor="emulator")
    assert not np.array_equal(found, exact)
    assert np.corrcoef(found - start, exact - start)[0, 1] > 0.8


def test_a_wrong_decision_is_taught_on_the_chip():
    with hs.Simulation(digits(1), "loihi2", progress=False, executor="emulator") as sim:
        before = sim.weights(LEARNED).matrix(64, 100)
        made = trial(sim, TRAINING.images[0], int(TRAINING.labels[0]), 1.0)
        change = (sim.weights(LEARNED).matrix(64, 100) - before).reshape(64, 10, 10).sum(axis=(0, 2))
    assert not made.correct
    assert change[made.decision] < 0 < change[made.label]
    assert made.pieces[1].ledger.hardware["weights written"][LEARNED] > 0
    taught = made.pieces[2].spikes[CLASSES].counts.reshape(10, 10).sum(axis=1)
    assert taught.argmax() == made.label


# Tables


def test_answers_are_measured_beside_float():
    evidence = np.zeros((2, 10), int)
    evidence[0, 3], evidence[1, 4] = 10, 10
    other = evidence.copy()
    other[1, 5] = 12
    a, b = (Classification(e, None) for e in (evidence, other))
    assert Answers.of(a, a, np.array([3, 4])) == Answers(1.0, 0.0, 0.0)
    assert Answers.of(b, a, np.array([3, 4])) == Answers(0.5, 0.5, 0.6)


def test_the_table_shows_changes_seed_by_seed():
    answers = {FLOAT: [0.90, 0.80, 0.85], CHIP: [0.89, 0.80, 0.83]}
    found = Comparison((1, 2, 3), {n: [Answers(a, 0.02, 0.08) for a in values] for n, values in answers.items()})
    assert found.change(CHIP) == pytest.approx(mean_interval([-0.01, 0.0, -0.02]))
    line = next(line for line in str(found).splitlines() if line.startswith(CHIP))
    mean, low, high = found.change(CHIP)
    assert f"{mean:+.3f}, {low:+.3f} to {high:+.3f}" in line
    assert "2.0%" in line
    assert "8.0%" in line
    assert str(found).endswith("seeds: 1, 2, 3")


# Lava


@needs_lava
def test_on_lava_a_trial_has_the_emulators_spikes(weights):
    runs = spikes_by_executor(1, weights, TEST.images[:2], ("emulator", "lava"), cycles=1)
    for emulator, on_lava in zip(*runs, strict=True):
        assert (emulator.provenance.executor, on_lava.provenance.executor) == ("emulator", "lava")
        assert same_spikes(emulator, on_lava)
        assert min(len(on_lava.spikes[name]) for name in (PIXELS, CLASSES)) > 50


@needs_lava
def test_on_lava_learning_has_the_emulators_spikes_and_weights():
    """A whole trial: decision, dip, teacher, rise; the host writes weights in all of them."""
    runs = []
    for executor in ("emulator", "lava"):
        with hs.Simulation(digits(1, 5), "loihi2", progress=False, executor=executor) as sim:
            made = trial(sim, TRAINING.images[0], int(TRAINING.labels[0]), 1.0)
            runs.append((made, sim.weights(LEARNED).values))
    (ours, our_weights), (theirs, their_weights) = runs
    assert len(ours.pieces) == len(theirs.pieces) == 4
    assert all(same_spikes(a, b) for a, b in zip(ours.pieces, theirs.pieces, strict=True))
    assert np.array_equal(our_weights, their_weights)


def test_different_spikes_are_told_apart(weights):
    with hs.Simulation(digits(1, learned=weights), progress=False) as sim:
        a, b = sim.run(125.0), sim.run(125.0)
    assert same_spikes(a, a)
    assert not same_spikes(a, b)


# The claims


@pytest.mark.slow
def test_accuracy_is_within_three_points_of_float():
    found = deployed(range(1, 6), load("training"), load("test"), conditions)
    assert found.accuracies(FLOAT).mean() > 0.88
    for condition in (CHIP, NEAREST):
        mean, low, _ = found.change(condition)
        assert mean > -0.03
        assert low > -0.03
    # None of the causes costs as much by itself.
    assert all(found.change(f"float, {cause} of the chip")[1] > -0.03 for cause in CAUSES)
    assert found.change("float, weights of 1 bit")[2] < -0.03


@pytest.mark.slow
def test_learning_there_is_about_as_good():
    found = learned_there(range(1, 4), load("training")[:600], load("test")[:300], LEARNING)
    assert found.accuracies(FLOAT).mean() > 0.85
    for condition in (HOST, HOST_NEAREST):
        assert found.change(condition)[0] > -0.03


@pytest.mark.slow
def test_the_quick_version_prints_its_tables_and_says_where_its_files_are(tmp_path, capsys):
    assert main(["--quick", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    for name in ("loihi.png", "loihi.txt"):
        assert (tmp_path / "out" / name).stat().st_size > 100
        assert str(tmp_path / "out" / name) in printed
    text = (tmp_path / "out" / "loihi.txt").read_text(encoding="utf-8")
    assert text.strip() in printed
    assert text.count(CHIP) >= 4
