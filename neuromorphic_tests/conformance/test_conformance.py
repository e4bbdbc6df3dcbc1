"""Every registered backend on every case: it refuses what its check refuses, and agrees as it promises to."""

from __future__ import annotations

import pytest

from hmn_snn import registry

from .cases import CASES
from .conforming import assert_conforms

# Of compiled targets, the cases that between them have all that is written for a target: keyed draws of each kind,
# attention, astrocytes, and everything. A compiler needs half a minute to minutes for each; one is worth that daily.
COMPILED = ("one synapse", "membrane noise", "rejected updates carried on", "global attention", "everything")
DAILY = ("brian2", "cpp_standalone", "one synapse")


def runs():
    """Yield (backend, executor, case): all cases with the default executor, some with the others."""
    for backend in registry.names():
        default, *others = registry.get(backend).capabilities.executors
        yield from (pytest.param(backend, default, name) for name in CASES)
        for values in ((backend, executor, name) for executor in others for name in COMPILED):
            yield pytest.param(*values, marks=() if values == DAILY else pytest.mark.slow)


RUNS = tuple(runs())


@pytest.mark.parametrize(("backend", "executor", "name"), RUNS)
def test_it_refuses_or_agrees(backend, executor, name):
    missing = registry.get(backend).unavailable()
    if missing is not None:
        pytest.skip(missing)
    assert_conforms(name, backend, executor)
