"""The digits network: that it learns by dopamine alone, is frozen in the test, and reaches the accuracy promised."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hmn_snn.models import digits_figures
from hmn_snn.models.digits import (
    MECHANISMS,
    ablations,
    classify,
    demo,
    digits,
    experiment,
    load,
    main,
    rates,
    train,
    trial,
)
from hmn_snn.models.digits_experiment import Ablations, Effect
from hmn_snn.models.digits_network import CLASSES, CYCLE, DOPAMINE, GLIA, LEARNED, PIXELS, TEACHER, THETA

import hmn_snn as hs
from hmn_snn import models
from hmn_snn.confidence import mean_interval
from hmn_snn.errors import UnknownNameError

TRAINING, TEST = load("fit")[:150], load("validation")[:60]


@pytest.fixture(scope="module")
def outcome():
    return experiment(1, training=TRAINING, test=TEST, neurons_per_class=5)


# The data


def test_the_split_is_stratified_and_its_parts_are_disjoint():
    parts = {name: load(name) for name in ("training", "test", "fit", "validation")}
    assert {name: len(part) for name, part in parts.items()} == {
        "training": 1198, "test": 599, "fit": 898, "validation": 300,
    }  # fmt: skip
    for part in parts.values():
        shares = np.bincount(part.labels, minlength=10) / len(part)
        assert (np.abs(shares - 0.1) < 0.01).all()
    rows = {name: {image.tobytes() for image in part.images} for name, part in parts.items()}
    assert rows["fit"] | rows["validation"] == rows["training"]
    assert not rows["fit"] & rows["validation"]
    assert not rows["training"] & rows["test"]


def test_an_unknown_part_is_refused():
    with pytest.raises(UnknownNameError) as caught:
        load("train")
    assert caught.value.name == "train"
    assert "training" in caught.value.known


def test_every_image_is_equally_strong():
    given = np.vstack([TEST.images, 3.0 * TEST.images[:1], np.zeros((1, 64))])
    made = rates(given)
    norms = np.linalg.norm(made, axis=1)
    assert norms[:-1] == pytest.approx(480.0)
    assert norms[-1] == 0.0
    assert made[len(TEST)] == pytest.approx(made[0])
    assert made[0] == pytest.approx(TEST.images[0] * 480.0 / np.linalg.norm(TEST.images[0]))


# The network


def test_the_model_is_found_by_its_name():
    assert "digits" in models.names()
    assert models.get("digits") is digits
    with pytest.raises(UnknownNameError) as caught:
        models.get("letters")
    assert (caught.value.kind, caught.value.name, caught.value.known) == ("model", "letters", models.names())


def test_the_model_runs_and_spikes_as_it_is():
    net = models.get("digits")()
    assert not hs.check(net).rejected
    results = hs.run(net, 1000.0)
    assert len(results.spikes[PIXELS]) > 1000
    assert len(results.spikes[CLASSES]) > 50
    assert results.ledger.updates_applied[LEARNED] == 0  # no dopamine, no learning
    shown = [results.spikes[PIXELS].between(k * CYCLE, (k + 1) * CYCLE).counts for k in range(8)]
    for counts, image in zip(shown, load("training").images[:8], strict=True):
        assert counts[image == 0.0].sum() == 0
        assert counts[image >= 12.0].sum() > 50


@pytest.mark.parametrize("learned", [None, np.linspace(0.0, 0.6, 3200)], ids=["plastic", "learned"])
def test_the_network_keeps_its_identity_in_a_file(tmp_path, learned):
    net = digits(3, 5, learned=learned)
    net.save(tmp_path / "digits.h5")
    assert hs.Network.load(tmp_path / "digits.h5").hash() == net.hash()


def test_a_mechanism_left_out_is_at_its_neutral_element():
    rule = {name: digits(without=[name])[LEARNED].plasticity for name in MECHANISMS}
    intact = digits()[LEARNED].plasticity
    assert intact.kappa_slow > 0 == rule["slow trace"].kappa_slow
    assert intact.attention.slope > 0 == rule["attention"].attention.slope
    assert (intact.gate.at, rule["gate"].gate.at) == ("update", "none")
    assert rule["gate"].eta_g == pytest.approx(intact.eta_g / math.pi)
    cell = digits(without=["astrocyte"])[GLIA].cell
    assert digits()[GLIA].cell.alpha < cell.alpha == cell.U0
    assert digits()[DOPAMINE].tonic == 0.0 < digits(without=["dopamine"])[DOPAMINE].tonic
    with pytest.raises(UnknownNameError) as caught:
        digits(without=["theta"])
    assert caught.value.known == MECHANISMS


# Learning


def test_a_wrong_decision_is_punished_and_the_right_class_is_taught():
    net = digits(1, 5)
    with hs.Simulation(net) as sim:
        before = sim.weights(LEARNED).matrix(64, 50)
        made = trial(sim, TRAINING.images[0], int(TRAINING.labels[0]), 1.0)
        after = sim.weights(LEARNED).matrix(64, 50)
    assert not made.correct
    assert len(made.pieces) == 4
    change = (after - before).reshape(64, 10, 5).sum(axis=(0, 2))
    assert change.argmin() == made.decision
    assert change.argmax() == made.label
    assert change[made.decision] < 0 < change[made.label]
    level = made.results.traces[DOPAMINE]["level"].values[:, 0].reshape(4, -1)
    assert (level[0] == 0).all()
    assert (level[1] < 0).all()
    assert np.abs(level[2]).max() < 1e-12
    assert (level[3] > 0).all()
    taught = made.pieces[2].spikes[CLASSES].counts.reshape(10, 5).sum(axis=1)
    assert np.flatnonzero(taught).tolist() == [made.label]


def test_a_right_decision_changes_no_weight():
    with hs.Simulation(digits(1, 5)) as sim:
        decision = trial(sim, TRAINING.images[0], 0, 0.0).decision
    with hs.Simulation(digits(1, 5)) as sim:
        before = sim.weights(LEARNED).values
        made = trial(sim, TRAINING.images[0], decision, 1.0)
        assert made.correct
        assert len(made.pieces) == 1
        assert np.array_equal(sim.weights(LEARNED).values, before)


def test_without_dopamine_nothing_is_learned():
    trained = train(digits(1, 5), TRAINING.images[:20], TRAINING.labels[:20], dopamine=0.0)
    assert trained.ledger.total("updates_applied") == 0
    assert not trained.correct.all()


def test_training_repeats_itself_and_depends_on_the_seed():
    few = TRAINING[:20]
    first, again, other = (train(digits(seed, 5), few.images, few.labels) for seed in (1, 1, 2))
    assert np.array_equal(first.weights.values, again.weights.values)
    assert np.array_equal(first.decisions, again.decisions)
    assert not np.array_equal(first.labels, other.labels)


def test_a_short_training_beats_chance(outcome):
    assert outcome.accuracy >= 0.5  # chance is 0.1, and 0.2 would be five standard errors above it
    with hs.Simulation(digits(1, 5)) as sim:
        initial = sim.weights(LEARNED).values
    with hs.Simulation(digits(1, 5, learned=initial)) as sim:
        naive = np.mean(classify(sim, TEST.images).predictions == TEST.labels)
    assert naive < 0.4
    assert outcome.online[-50:].mean() > outcome.online[:50].mean()


# The test


def test_the_example_is_a_wrong_decision_of_one_class():
    trained = train(digits(1, 5), TRAINING.images[:40], TRAINING.labels[:40])  # two classes share the first wrong one
    counts = trained.example.pieces[0].spikes["classes"].counts.reshape(10, -1).sum(axis=1)
    assert trained.example.decision != trained.example.label
    assert np.flatnonzero(counts == counts.max()).tolist() == [trained.example.decision]


def test_nothing_learns_or_teaches_in_the_test(outcome):
    frozen = digits(1, 5, learned=outcome.weights)
    assert frozen[LEARNED].plasticity is None
    assert not {TEACHER, DOPAMINE, THETA} & set(frozen.things)
    with hs.Simulation(frozen) as sim:
        seen = classify(sim, TEST.images)
        assert np.array_equal(sim.weights(LEARNED).values, outcome.weights)
    assert np.array_equal(seen.predictions, outcome.predictions)
    for counter in ("ticks", "pairings", "updates_applied"):
        assert outcome.training.total(counter) > 0 == outcome.test.total(counter)


def test_the_outcome_adds_up(outcome):
    assert outcome.confusion.sum() == len(TEST)
    assert np.trace(outcome.confusion) == round(outcome.accuracy * len(TEST))
    assert (outcome.confusion.sum(axis=1) == np.bincount(TEST.labels, minlength=10)).all()
    assert outcome.spikes == outcome.training.total("spikes") + outcome.test.total("spikes")
    # Every spike of a pixel reaches the 50 neurons, but for those on their way when a part ends.
    for ledger in (outcome.training, outcome.test):
        assert ledger.synaptic_events[LEARNED] == pytest.approx(50 * ledger.spikes[PIXELS], rel=1e-3)
    assert outcome.updates == outcome.training.updates_applied[LEARNED]


# The ablations


def made_effect(differences):
    return Effect("gate", 0.9, *mean_interval(differences))


def test_the_interval_is_students():
    # t with 4 degrees of freedom: 2.776445; standard deviation of 1..5: sqrt(2.5).
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert mean_interval(values) == pytest.approx((3.0, 3 - 1.963243, 3 + 1.963243), abs=1e-6)
    # t at 1 - 0.025 / 5: 4.604095.
    assert mean_interval(values, comparisons=5) == pytest.approx((3.0, 3 - 3.255587, 3 + 3.255587), abs=1e-5)
    assert mean_interval([0.5]) == (0.5, -math.inf, math.inf)


def test_an_effect_is_named_by_its_interval():
    assert made_effect([-0.10, -0.11, -0.09]).verdict == "it helps"
    assert made_effect([0.10, 0.11, 0.09]).verdict == "it hurts"
    assert made_effect([-0.10, 0.11, 0.01]).verdict == "no effect shown"


def test_processes_do_not_change_the_outcome():
    few = {"training": TRAINING[:12], "test": TEST[:6]}
    done = []
    one = ablations((2, 1), ("gate",), **few, progress=done.append)
    two = ablations((2, 1), ("gate",), **few, processes=2)
    assert done == [1, 1, 1, 1]
    assert [o.seed for o in one.intact] == [2, 1]
    for ours, theirs in ((one.intact, two.intact), (one.without["gate"], two.without["gate"])):
        for a, b in zip(ours, theirs, strict=True):
            assert (a.seed, a.without) == (b.seed, b.without)
            assert np.array_equal(a.weights, b.weights)
            assert np.array_equal(a.predictions, b.predictions)
    # The pair differs in the mechanism alone: the same images in the same order, the same initial weights.
    intact, without = one.intact[0], one.without["gate"][0]
    assert len(intact.online) == len(without.online)
    assert not np.array_equal(intact.weights, without.weights)


def test_figures_are_drawn(tmp_path, outcome):
    results = Ablations((outcome,), {"gate": (outcome,)})
    paths = digits_figures.save_figures(results, tmp_path)
    assert {path.stem for path in paths} == {"learning_curve", "confusion", "receptive_fields", "ablations", "trial"}
    assert all(path.stat().st_size > 10_000 for path in paths)


@pytest.mark.slow
def test_the_quick_demonstration_writes_its_report(tmp_path, capsys):
    results = demo(tmp_path / "out", quick=True)
    printed = capsys.readouterr().out
    assert str(results) in printed
    assert str(results) in (tmp_path / "out" / "report.txt").read_text(encoding="utf-8")
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"digits.h5", "trial.h5", "report.txt", "ablations.png", "trial.png"} <= files
    assert all(f"{tmp_path / 'out' / name}" in printed for name in files)
    saved = hs.Network.load(tmp_path / "out" / "digits.h5")
    assert saved.hash() == digits(1, learned=results.intact[0].weights).hash()
    assert hs.Results.load(tmp_path / "out" / "trial.h5").duration == 4 * CYCLE


@pytest.fixture(scope="module")
def full():
    return ablations(range(1, 6), processes=2)


@pytest.mark.slow
def test_the_accuracy_promised_is_reached(full):
    assert len(full.intact) == 5
    assert all(len(outcome.labels) == 599 for outcome in full.intact)
    assert full.accuracy[0] >= 0.85


@pytest.mark.slow
def test_dopamine_is_needed_and_every_mechanism_has_its_verdict(full):
    effects = {effect.without: effect for effect in full.effects}
    assert tuple(effects) == MECHANISMS
    assert effects["dopamine"].verdict == "it helps"
    assert effects["dopamine"].accuracy < 0.3
    table = str(full)
    for effect in effects.values():
        line = next(line for line in table.splitlines() if line.startswith(effect.without))
        assert effect.verdict in line
        assert f"{effect.low:+.3f} to {effect.high:+.3f}" in line


def test_the_command_line_runs_the_experiment(tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr("hmn_snn.models.digits.report", lambda *given, **named: asked.update(given=given, **named))
    assert main(["--out", str(tmp_path), "--seeds", "4", "--processes", "1"]) == 0
    assert asked == {"given": (tmp_path, range(1, 5)), "processes": 1}
