"""All conformance cases: small networks with one question each, that every backend answers or refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hmn_snn.lowering import lower
from hmn_snn.translator import features_of

# Importing these lists their cases.
from . import field_cases, learning_cases, membrane_cases  # noqa: F401
from .case import CASES, Case

__all__ = ["CASES", "Case", "about", "uncovered"]


def about(case: Case) -> frozenset[str]:
    """Return the features that a case's network uses."""
    return frozenset(features_of(lower(case.make())))


def uncovered(features: Iterable[str], cases: Mapping[str, Case]) -> set[str]:
    """Return the features that no case asks about; a composite one does not count."""
    return set(features).difference(*(about(case) for case in cases.values() if not case.composite))
