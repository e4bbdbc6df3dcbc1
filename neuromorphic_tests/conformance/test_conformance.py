"""Every registered backend on every case: it refuses what its check refuses, and agrees as it promises to."""

from __future__ import annotations

import pytest

from hmn_snn import registry
from hmn_snn.errors import BackendUnavailableError

from .cases import CASES
from .conforming import assert_conforms

# Of compiled targets, five cases daily (half a minute each, which the compiler takes), and nightly those with the most
# code: between them, all that is written for a target, keyed draws of each kind among it.
DAILY = ("one synapse", "membrane noise", "rejected updates carried on", "delta synapses", "oscillators that drive")
NIGHTLY = ("astrocytes", "global attention", "everything")


def runs():
    """Yield (backend, executor, case): all cases with the default executor, some with the others."""
    for backend in registry.names():
        default, *others = registry.get(backend).capabilities.executors
        yield from (pytest.param(backend, default, name) for name in CASES)
        for executor in others:
            yield from (pytest.param(backend, executor, name) for name in DAILY)
            yield from (pytest.param(backend, executor, name, marks=pytest.mark.slow) for name in NIGHTLY)


RUNS = tuple(runs())


@pytest.mark.parametrize(("backend", "executor", "name"), RUNS)
def test_it_refuses_or_agrees(backend, executor, name):
    missing = registry.get(backend).unavailable()
    if missing is not None:
        pytest.skip(missing)
    try:
        assert_conforms(name, backend, executor)
    except BackendUnavailableError as error:  # this way to run is not here, others are
        pytest.skip(error.reason)
