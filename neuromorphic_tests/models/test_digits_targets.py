"""The digits on every target: the same images, decisions beside the engine's, and what cannot run says why."""

import numpy as np
import pytest
from hmn_snn.models.digits_comparison import FLOAT, deployed, learned_there, recognised
from hmn_snn.models.digits_data import load
from hmn_snn.models.digits_network import digits
from hmn_snn.models.digits_spinnaker import BLOCKS, CHIP, DEPLOYMENTS, LEARNING, conditions, main
from hmn_snn.models.digits_targets import on_targets
from hmn_snn.models.digits_training import train

from hmn_snn import registry

TRAINING, TEST = load("training")[:120], load("test")[:8]


@pytest.fixture(scope="module")
def weights():
    return train(digits(1), TRAINING.images, TRAINING.labels).weights.values


def test_targets_are_compared_by_the_same_images(weights):
    found = on_targets(weights, TRAINING, TEST, backends=["numba", "loihi2", "spinnaker", "nengo"])
    engine, loihi2, spinnaker, nengo = found.targets
    seen = recognised(1, weights, TEST.images)
    assert np.array_equal(engine.decisions, seen.predictions)
    for target in (loihi2, spinnaker):
        assert target.results.provenance.executor == "emulator"
        assert np.mean(target.decisions == engine.decisions) >= 0.5
        assert target.inference.incremental.value > 0.0
        assert target.learning.incremental.value > target.inference.incremental.value
    assert nengo.results is None
    assert "astrocytes" in nengo.reason
    text = str(found)
    assert "spinnaker is not as described: astrocytes" in text
    assert all(name in text for name in ("numba", "loihi2", "spinnaker", "nengo did not run", f"{len(TEST)} images"))


def test_absent_simulators_are_named_with_their_commands(weights, monkeypatch):
    nengo = type(registry.get("nengo"))
    monkeypatch.setattr(nengo, "unavailable", lambda self: "Nengo is not installed; run: pip install nengo")
    assert "nengo is not here: Nengo is not installed; run: pip install nengo" in str(
        on_targets(weights, TRAINING, TEST[:1], backends=["numba"])
    )


def test_spinnaker_without_rounding_and_with_other_delays_are_other_runs(weights):
    seen = dict(conditions(1, weights, TEST.images))
    assert next(iter(seen)) == FLOAT
    assert set(DEPLOYMENTS) <= set(seen)
    evidence = [seen[name].evidence for name in (FLOAT, *DEPLOYMENTS)]
    assert len({array.tobytes() for array in evidence}) == len(evidence)


def test_the_quick_experiment_writes_its_report(tmp_path, capsys, monkeypatch):
    from hmn_snn.models import digits_spinnaker

    monkeypatch.setattr(digits_spinnaker, "QUICK_TRAINING", 30)
    monkeypatch.setattr(digits_spinnaker, "QUICK_TEST", 6)
    assert main(["--out", str(tmp_path / "out"), "--quick"]) == 0
    text = (tmp_path / "out" / "spinnaker.txt").read_text(encoding="utf-8")
    assert text.strip() in capsys.readouterr().out
    assert CHIP in text
    assert BLOCKS in text
    assert (tmp_path / "out" / "spinnaker.png").stat().st_size > 10_000


@pytest.mark.slow
def test_spinnaker_costs_no_more_than_three_points():
    found = deployed(range(1, 4), load("training"), load("test")[:300], conditions)
    assert found.change(CHIP)[0] > -0.03
    learned = learned_there([1, 2], load("training")[:600], load("test")[:300], LEARNING)
    assert learned.accuracies(BLOCKS).mean() > 0.8
