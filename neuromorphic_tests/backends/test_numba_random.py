"""The engine against the plain simulator on random networks: spike for spike, weights to 1e-9."""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn.learning import raster
from hmn_snn.lowering import lower
from neuromorphic_tests.networks import random_network
from neuromorphic_tests.plain_simulator import PlainSimulator


def assert_runs_as_defined(seed: int, duration: float) -> None:
    net = random_network(seed)
    network, n_steps = lower(net), round(duration / net.dt)
    results = hs.run(net, n_steps * net.dt)
    assert min(results.margins.threshold, results.margins.application) > 1e-9, "a tie: choose another seed"
    plain = PlainSimulator(network, n_steps)
    for source, fired in zip(network.sources, plain.fired, strict=True):
        spikes = results.spikes[source.name]
        found = raster(spikes.t, spikes.i, source.size, 0, n_steps, net.dt)
        differing = np.flatnonzero((found != fired).any(axis=1))
        assert differing.size == 0, f"{source.name}: first difference at {(differing[0] + 1) * net.dt:g} ms"
    for projection, weights in zip(network.projections, plain.weights, strict=True):
        if projection.plasticity is not None:
            found = results.weights[projection.name].values
            np.testing.assert_allclose(found, weights, rtol=0, atol=1e-9, err_msg=projection.name)
    assert sum(fired.sum() for fired in plain.fired[: len(network.populations)]) > 0


@pytest.mark.parametrize("seed", range(12))
def test_random_network_runs_as_defined(seed):
    assert_runs_as_defined(seed, 60.0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_random_network_runs_as_defined_at_length(seed):
    assert_runs_as_defined(seed, 150.0)
