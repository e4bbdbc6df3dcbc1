"""What a backend must do with a case, by its own check and its own capabilities, and by nothing else."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.comparison import PROMISE
from hmn_snn.errors import RejectedError
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.lowering import lower
from hmn_snn.recorded import Spikes
from hmn_snn.translator import Capabilities, Severity, features_of
from neuromorphic_tests.agreement import Disagreement, assert_same_account, assert_same_run
from neuromorphic_tests.plain_simulator import PlainSimulator

from .cases import CASES

# Of backends whose spikes are not exact: the share of a population's spikes that may be missing, added or late, with
# some to spare where there are few; and how late is late [ms].
SHARE, SPARE, WINDOW = 0.25, 3, 2.0


@cache
def reference(name: str) -> hs.Results:
    """Run a case with the default engine, and make sure that its answer means something."""
    case = CASES[name]
    net = case.make()
    results = hs.run(net, case.duration)
    spikes = sum(len(results.spikes[population.name]) for population in net.of_kind(hs.Population))
    assert spikes >= case.min_spikes, f"{spikes} spikes: the case asks nothing"
    for projection, weights in results.weights.items():
        change = np.abs(weights.values - weights.initial)
        assert not len(weights) or change.max() > 1e-4, f"{projection!r} does not learn"
    margin = min(results.margins.threshold, results.margins.application)
    if case.at_threshold:
        assert margin == 0.0, "nothing is decided at equality"
    else:
        assert margin > PROMISE, f"a decision is {margin:.2g} from the other outcome: rounding may turn it"
    return results


def assert_conforms(name: str, backend: str, executor: str) -> None:
    """A case is refused as its check says, or runs as closely to the default engine as the capabilities promise.

    Parameters
    ----------
    name : str
        Of a case.
    backend, executor : str
    """
    case, expected, able = CASES[name], reference(name), registry.get(backend).capabilities
    net = case.make()
    checked = hs.check(net, backend, executor=executor)
    lacking = features_of(lower(net)).keys() - able.features
    assert lacking <= {finding.where for finding in checked.rejected}, f"{lacking} are not among the capabilities"
    if checked.rejected:
        with pytest.raises(RejectedError) as raised:
            hs.run(net, case.duration, backend, executor=executor)
        assert raised.value.findings == checked.rejected
        return
    results = hs.run(net, case.duration, backend, executor=executor)
    assert results.provenance.backend == backend
    travelling = {finding for finding in checked if finding.severity is not Severity.NATIVE}
    assert travelling <= set(results.findings), "what the check says does not travel in the results"
    assert_well_formed(results, net, expected, able)
    if executor in able.mapping_only:
        assert_mapped(results, lower(net))
    else:
        assert_as_promised(results, expected, able, lower(net))


def assert_mapped(results: hs.Results, lowered: LoweredNetwork) -> None:
    """What maps a network and runs nothing has no spikes but the inputs', and says so."""
    assert not any(len(results.spikes[population.name]) for population in lowered.populations)
    assert any(f.severity is Severity.ALTERED and f.where == "spikes" for f in results.findings)


def assert_well_formed(results: hs.Results, net: hs.Network, expected: hs.Results, able: Capabilities) -> None:
    """Results have the parts that a network asks for, with times on the grid and numbers that can be."""
    lowered = lower(net)
    assert results.provenance.network_hash == lowered.hash
    assert (results.t_start, results.t_stop) == (expected.t_start, expected.t_stop)
    for source in lowered.sources:
        spikes = results.spikes[source.name]
        assert spikes.size == source.size
        assert (spikes.t > results.t_start).all()
        assert (spikes.t <= results.t_stop).all()
        assert np.allclose(spikes.t / lowered.dt, np.rint(spikes.t / lowered.dt), rtol=0.0, atol=1e-6)
    assert results.weights.keys() == expected.weights.keys()
    for projection in lowered.projections:
        if projection.plasticity is not None:
            values = results.weights[projection.name].values
            assert values.shape == (projection.n_synapses,)
            assert (np.isfinite(values) & (values >= 0)).all()
    for owner, variables in expected.traces.items():
        for variable, trace in variables.items():
            if results.provenance.executor in able.mapping_only:
                continue
            values = results.traces[owner][variable].values
            assert values.shape == trace.values.shape
            assert np.isfinite(values).all()


def assert_as_promised(results: hs.Results, expected: hs.Results, able: Capabilities, lowered: LoweredNetwork) -> None:
    """Results are as near to the default engine's as the capabilities say; what they do not promise may differ.

    With ``exact_spikes`` every spike, every trace and every count is the same, and weights are within
    ``weight_tolerance``. Without, the neurons are about as active, and weights are within the tolerance of what the
    rules make of the backend's own spikes. An infinite tolerance promises nothing. Of features that are approximated
    there must be a finding with the size of the alteration.
    """
    if approximated := features_of(lowered).keys() & able.approximate:
        sized = {f.where for f in results.findings if f.severity is Severity.ALTERED and f.distortion is not None}
        assert approximated <= sized, f"no finding says how large an alteration of {approximated - sized} is"
        return
    if able.exact_spikes:
        assert_same_run(expected, results, able.weight_tolerance)
        assert_same_account(expected, results)
    else:
        assert_alike(results, expected, lowered)
        if able.weight_tolerance < np.inf:
            assert_learnt(results, lowered, able.weight_tolerance)


def assert_alike(results: hs.Results, expected: hs.Results, lowered: LoweredNetwork) -> None:
    """Inputs fire the same spikes, populations about as many, most of them at about the same times.

    A noise with other draws than the engine's has spikes at other times; then only their number counts.
    """
    noisy = any(population.noisy for population in lowered.populations)
    for k, source in enumerate(lowered.sources):
        mine, theirs = results.spikes[source.name], expected.spikes[source.name]
        if k >= len(lowered.populations):
            if not (np.array_equal(mine.t, theirs.t) and np.array_equal(mine.i, theirs.i)):
                raise Disagreement("spikes", source.name, "an input fires other spikes")
            continue
        if abs(len(mine) - len(theirs)) > SPARE + SHARE * len(theirs):
            raise Disagreement("spikes", source.name, f"{len(mine)} of them, and not about {len(theirs)}")
        met = coinciding(mine, theirs)
        if not noisy and met + SPARE < (1.0 - SHARE) * len(theirs):
            raise Disagreement("spikes", source.name, f"only {met} of {len(theirs)} come within {WINDOW:g} ms")


def coinciding(a: Spikes, b: Spikes) -> int:
    """Return how many spikes of b have one of a in the same neuron at about the same time."""
    return sum(bool((np.abs(a.t[a.i == i] - t) <= WINDOW).any()) for t, i in zip(b.t, b.i, strict=True))


def assert_learnt(results: hs.Results, lowered: LoweredNetwork, tolerance: float) -> None:
    """Weights are what the rules, stated a second time, make of the spikes in the results."""
    n_steps, given = round(results.t_stop / lowered.dt), []
    for source in lowered.sources:
        train = results.spikes[source.name]
        given.append(np.zeros((n_steps, source.size), dtype=bool))
        given[-1][np.rint(train.t / lowered.dt).astype(int) - 1, train.i] = True
    plain = PlainSimulator(lowered, n_steps, given)
    for projection, weights in zip(lowered.projections, plain.weights, strict=True):
        if projection.plasticity is not None and len(weights):
            off = np.abs(results.weights[projection.name].values - weights).max()
            if not off <= tolerance:
                raise Disagreement("weights", projection.name, f"{off:.3g} off what its own spikes lead to")
