"""The conformance suite itself: it has a case for every feature, and finds what is left out without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.errors import RejectedError
from hmn_snn.lowering import lower
from hmn_snn.translator import FEATURES, Capabilities, Finding, Severity
from neuromorphic_tests.agreement import Disagreement

from .cases import CASES, about, uncovered
from .conforming import assert_conforms, reference
from .overclaiming import IGNORING, Overclaiming
from .test_conformance import RUNS

ROOT = Path(__file__).parents[2]


def registered(monkeypatch, translator):
    """Register a translator beside the real ones."""
    real = registry.get
    monkeypatch.setattr(registry, "get", lambda name: translator if name == translator.name else real(name))


# Every feature, every case, every backend


def test_every_feature_has_a_case_of_its_own():
    assert uncovered(FEATURES, CASES) == set()


def test_a_feature_without_a_case_is_found():
    assert uncovered([*FEATURES, "telepathy"], CASES) == {"telepathy"}
    rest = {name: case for name, case in CASES.items() if "carry" not in about(case) or case.composite}
    assert uncovered(FEATURES, rest) == {"carry"}


def test_every_case_asks_a_question():
    for name, case in CASES.items():
        assert case.question.endswith("?"), name
        assert (case.min_spikes == 0) == case.question.startswith("EMPTY:"), name


def test_every_backend_runs_every_case_by_default():
    wanted = {(name, registry.get(name).capabilities.executors[0], case) for name in registry.names() for case in CASES}
    daily = {run.values for run in RUNS if not run.marks}
    assert wanted <= daily
    assert {(backend, executor) for backend, executor, _ in (run.values for run in RUNS)} == {
        (name, executor) for name in registry.names() for executor in registry.get(name).capabilities.executors
    }


@pytest.mark.parametrize("backend", registry.names())
def test_every_claim_is_put_to_the_test(backend):
    """A backend that claims a feature and then refuses every case of it has not shown that it has it."""
    translator = registry.get(backend)
    accepted: set[str] = set()
    for case in CASES.values():
        lowered = lower(case.make())
        if all(finding.severity is not Severity.REJECTED for finding in translator.check(lowered)):
            accepted |= about(case)
    assert translator.capabilities.features <= accepted


# Translators that are wrong on purpose


def test_everything_can_be_ignored():
    assert IGNORING.keys() == FEATURES.keys()


@pytest.mark.parametrize("feature", IGNORING)
def test_a_backend_that_ignores_a_feature_is_found(feature, monkeypatch):
    registered(monkeypatch, Overclaiming(IGNORING[feature]))
    found = set()
    for name, case in CASES.items():
        if feature in about(case) and not case.composite:
            try:
                assert_conforms(name, "overclaiming", "numba")
            except Disagreement as disagreement:
                found.add(disagreement.what)
    # Traces and counts would give it away as well; a backend shows these as it can.
    assert found & {"spikes", "weights"}


def test_a_backend_that_leaves_nothing_out_conforms(monkeypatch):
    registered(monkeypatch, Overclaiming(lambda lowered: lowered))
    for name in CASES:
        assert_conforms(name, "overclaiming", "numba")


class Narrow(Overclaiming):
    """A backend without gates that says so in its capabilities."""

    @property
    def capabilities(self):
        return replace(self.engine.capabilities, features=frozenset(FEATURES) - {"gate_update"})


class Refusing(Narrow):
    """The same, with a check that refuses what the capabilities lack."""

    def check(self, lowered, **options):
        gated = [p.name for p in lowered.projections if p.plasticity is not None and p.plasticity.gate is not None]
        return tuple(Finding(Severity.REJECTED, name, "gate_update", "a gate", "no gates") for name in gated)


def test_a_feature_that_is_not_claimed_must_be_refused(monkeypatch):
    registered(monkeypatch, Narrow(lambda lowered: lowered))
    with pytest.raises(AssertionError, match="gate_update"):
        assert_conforms("gate at update", "overclaiming", "numba")


def test_a_refusal_with_its_findings_conforms(monkeypatch):
    registered(monkeypatch, Refusing(lambda lowered: lowered))
    with pytest.raises(RejectedError):
        hs.run(CASES["gate at update"].make(), 1.0, backend="overclaiming")
    assert_conforms("gate at update", "overclaiming", "numba")


class Silent(Overclaiming):
    """A backend that keeps its findings to itself."""

    def translate(self, lowered, findings=(), **options):
        return super().translate(lowered, **options)


def test_findings_must_travel(monkeypatch):
    registered(monkeypatch, Silent(lambda lowered: lowered))
    with pytest.raises(AssertionError, match="travel"):
        assert_conforms("delay off the grid", "overclaiming", "numba")
    assert_conforms("one synapse", "overclaiming", "numba")


class Rough(Overclaiming):
    """A backend that promises no spike, and weights to some accuracy."""

    weight_tolerance = float("inf")

    @property
    def capabilities(self):
        return Capabilities(frozenset(FEATURES), ("numba",), exact_spikes=False, weight_tolerance=self.weight_tolerance)


class Overconfident(Rough):
    """The same, with a promise that it does not keep."""

    weight_tolerance = 1e-6


def test_only_what_is_promised_is_compared(monkeypatch):
    name = "tie ltp"
    assert reference(name).weights
    registered(monkeypatch, Rough(IGNORING["tie_rules"]))
    assert_conforms(name, "overclaiming", "numba")
    registered(monkeypatch, Overconfident(IGNORING["tie_rules"]))
    with pytest.raises(Disagreement) as raised:
        assert_conforms(name, "overclaiming", "numba")
    assert raised.value.what == "weights"


class Inexact(Overclaiming):
    """A backend that promises about as many spikes, and what its rules make of them."""

    @property
    def capabilities(self):
        return replace(self.engine.capabilities, exact_spikes=False)


# What so loose a comparison does not see: small changes of when neurons fire that teach nothing.
SUBTLE = {"heterogeneous_neurons", "homeostasis", "oscillator_drive"}


@pytest.mark.parametrize("feature", sorted(IGNORING.keys() - SUBTLE))
def test_an_inexact_backend_that_ignores_a_feature_is_found(feature, monkeypatch):
    registered(monkeypatch, Inexact(IGNORING[feature]))
    names = [name for name, case in CASES.items() if feature in about(case) and not case.composite]
    assert any(disagrees(name) for name in names)


def disagrees(name):
    """Tell whether a case finds what is wrong with the overclaiming backend."""
    try:
        assert_conforms(name, "overclaiming", "numba")
    except Disagreement as disagreement:
        return disagreement.what in {"spikes", "weights"}
    return False


def test_an_inexact_backend_that_leaves_nothing_out_conforms(monkeypatch):
    registered(monkeypatch, Inexact(lambda lowered: lowered))
    for name in CASES:
        assert_conforms(name, "overclaiming", "numba")


# What is missing is said


def test_a_required_backend_that_is_missing_fails_the_run():
    command = [sys.executable, "-m", "pytest", "--collect-only", "neuromorphic_tests/test_readme.py"]
    environment = {**os.environ, "HMN_REQUIRED_BACKENDS": "numba telegraph"}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    asked = (done.stdout + done.stderr).split("asks for what is not here:")[1]
    assert "telegraph: there is no such backend" in asked
    assert "numba" not in asked
