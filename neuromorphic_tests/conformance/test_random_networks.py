"""Brian2 and the default engine on random networks, in one process: identical spikes, weights within 1e-9."""

from __future__ import annotations

import pytest

from hmn_snn import registry
from hmn_snn.comparison import PROMISE
from hmn_snn.lowering import lower
from neuromorphic_tests.agreement import assert_same_account, assert_same_run
from neuromorphic_tests.networks import random_network

from .campaign import DURATION, campaign, is_recurrent, main
from .overclaiming import IGNORING, Overclaiming

DAILY, ALL = range(12), range(12, 210)


@pytest.fixture(scope="module", autouse=True)
def _brian2_is_here() -> None:
    missing = registry.get("brian2").unavailable()
    if missing is not None:
        pytest.skip(missing)


@pytest.mark.parametrize("seed", [*DAILY, *(pytest.param(seed, marks=pytest.mark.slow) for seed in ALL)])
def test_random_networks_agree(seed, record_property):
    (outcome,) = campaign([seed])
    comparison = outcome.comparison
    record_property("random network", comparison.max_weight_difference)
    assert outcome.spikes > 0
    assert comparison.margin > PROMISE, "rounding may turn a decision: choose other seeds"
    assert outcome.agrees, outcome
    assert comparison.a.weights
    # More than is promised: all traces and counts.
    assert_same_run(comparison.a, comparison.b, 1e-9)
    assert_same_account(comparison.a, comparison.b)


def test_many_of_the_networks_are_recurrent():
    assert DURATION >= 100.0
    for seeds in (DAILY, ALL):
        assert sum(is_recurrent(lower(random_network(seed))) for seed in seeds) >= len(seeds) / 4


def test_a_campaign_says_what_differs(capsys, monkeypatch):
    command = ["--count", "1", "--first", "3", "--duration", "40", "--backend"]
    assert main([*command, "numba"]) == 0
    assert "1 agree, 0 undecided, 0 differ" in capsys.readouterr().out
    real, deaf = registry.get, Overclaiming(IGNORING["poisson_input"])
    monkeypatch.setattr(registry, "get", lambda name: deaf if name == deaf.name else real(name))
    assert main([*command, deaf.name]) == 1
    assert "0 agree, 0 undecided, 1 differ" in capsys.readouterr().out
