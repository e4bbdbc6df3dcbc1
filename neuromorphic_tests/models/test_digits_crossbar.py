"""The digits on crossbars: ideal devices give the engine's answers, and every cause of error reaches the devices."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.models.digits_crossbar import RANGE, SWEEPS, main
from hmn_snn.models.digits_crossbar_experiment import Sweep, curves, deployed, learned_on_devices, trained
from hmn_snn.models.digits_crossbar_figure import accuracy_curves
from hmn_snn.models.digits_data import load
from hmn_snn.models.digits_network import LEARNED, digits
from hmn_snn.models.digits_training import classify, trial

import hmn_snn as hs

TRAINING, TEST = load("training")[:100], load("test")[:30]
NOISE = Sweep("noise", "x", "", (0.0, 0.3), lambda x: {"device": {"write_noise": x * RANGE}})
COARSE = {"device": {"preset": "gokmen_vlasov", "step": 3.0}, "learning": "stochastic pulses"}
STEPS = Sweep("steps", "x", "", (0.0, 1.0), lambda x: COARSE if x else {}, learning=True)


@pytest.fixture(scope="module")
def weights():
    return trained(1, TRAINING)


def engine(seed, weights, images):
    with hs.Simulation(digits(seed, learned=weights), progress=False) as sim:
        return classify(sim, images).predictions


# Frozen


def test_ideal_devices_take_every_image_for_what_the_engine_does(weights):
    expected = engine(1, weights, TEST.images)
    assert len(set(expected)) > 5
    for options in ({}, {"scheme": "offset"}, {"scheme": "one-sided", "tile": 16}):
        assert np.array_equal(deployed(1, weights, TEST, options), expected)


def test_devices_that_are_all_stuck_know_nothing(weights):
    found = deployed(1, weights, TEST, {"device": {"stuck_hrs": 1.0}})
    assert set(found) == {0}  # no spike: the first of equals


def test_the_seed_draws_the_devices_and_not_the_weights(weights):
    options = {"device": {"write_noise": 0.3 * RANGE}}
    one, again, other = (deployed(seed, weights, TEST, options) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.array_equal(deployed(2, weights, TEST, {}), engine(2, weights, TEST.images))


# Learning


def test_learning_on_ideal_devices_is_learning_on_the_engine():
    training = TRAINING[:40]
    with hs.Simulation(digits(1), progress=False) as sim:
        initial = sim.weights(LEARNED).values
        order = np.random.default_rng(1).permutation(len(training))
        for k, i in enumerate(order):
            trial(sim, training.images[i], int(training.labels[i]), 1.0 - k / len(order))
        learned = sim.weights(LEARNED).values
        expected = classify(sim, TEST.images).predictions
    assert np.abs(learned - initial).max() > 0.01
    assert np.array_equal(learned_on_devices(1, training, TEST, {}), expected)


# Sweeps


def test_every_value_of_every_sweep_can_be_run():
    nets = {True: digits(1), False: digits(1, learned=0.1)}
    for sweep in SWEEPS:
        assert sweep.values[0] == 0.0
        options = [sweep.options(value) for value in sweep.values]
        assert sum(not given for given in options) <= 1
        for given in options:
            assert not hs.check(nets[sweep.learning], "memristor", **given).rejected
        # The last value is found as a cause of error that the first does not have.
        first, last = (
            [f for f in hs.check(nets[sweep.learning], "memristor", **given).findings if f.severity.name == "ALTERED"]
            for given in (options[0], options[-1])
        )
        assert first != last


@pytest.fixture(scope="module")
def found():
    return curves([NOISE, STEPS], seeds=(1, 2), learning_seeds=(3,), training=TRAINING, test=TEST)


def test_curves_begin_at_ideal_devices_and_leave_them(found, weights):
    noise, steps = found.curves
    assert noise.accuracies.shape == (2, 2)
    assert np.array_equal(noise.accuracies[0], noise.ideal)
    assert noise.ideal[0] == np.mean(engine(1, weights, TEST.images) == TEST.labels)
    assert (noise.changes[1, 0] < 0.0) == (noise.intervals[1, 0] < noise.intervals[0, 0])
    assert steps.accuracies.shape == (2, 1)
    assert steps.ideal[0] > 0.3


def test_the_table_and_the_figure_show_every_curve(found, tmp_path):
    text = str(found)
    assert text.count("frozen: noise") == text.count("learning: steps") == 1
    assert f"{found.curves[0].accuracies[1].mean():.3f}" in text
    figure = accuracy_curves(found)
    assert [axes.get_title() for axes in figure.axes] == ["noise", "steps"]
    heights = [line.get_ydata() for line in figure.axes[0].lines]
    assert any(np.array_equal(y, found.curves[0].intervals[:, 0]) for y in heights)


@pytest.mark.slow
def test_the_quick_version_prints_a_table_and_says_where_its_files_are(tmp_path, capsys):
    assert main(["--quick", "--processes", "1", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    for name in ("crossbar.png", "crossbar.txt"):
        assert (tmp_path / "out" / name).stat().st_size > 100
        assert str(tmp_path / "out" / name) in printed
    for sweep in SWEEPS:
        assert sweep.title in printed
