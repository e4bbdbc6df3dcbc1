"""An imported NIR graph on Loihi 2: R9's neuron, whose spikes take the threshold away, in fixed point."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.loihi2.program import LIF, PROGRAMMABLE

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.lowering import lower
from hmn_snn.translator import Severity
from neuromorphic_tests.references.test_nir_lif import AFTER, BEFORE, DT, PULSES, SPIKES, after_step, graph

RESETS = {"subtract": PROGRAMMABLE, "value": LIF}
TAU_ERROR = 0.0025  # 2.5 ms at 0.1 ms: 4096 (1 - exp(-0.04)) = 160.6 is rounded to 161


def imported(reset: str) -> hs.Network:
    net = hs.from_nir(graph(), dt=DT, inputs={"input": [(PULSES - 1) * DT]}, reset=reset)
    net.record(net["1"], "v")
    return net


@pytest.mark.parametrize("reset", RESETS)
def test_r9_spikes_of_the_nir_paper_on_the_emulator(reset):
    results = hs.run(imported(reset), 100.0, "loihi2", executor="emulator")
    assert np.rint(results.spikes["1"].t / DT - 1).astype(int).tolist() == SPIKES
    assert results.provenance.executor == "emulator"


def test_r9_trace_of_the_nir_paper_on_the_emulator():
    """Within the error of the time constant; after a spike a step's decay of the threshold is missing, as in float."""
    results = hs.run(imported("subtract"), 100.0, "loihi2", executor="emulator")
    for step, v in BEFORE.items():
        assert after_step(results, step) == pytest.approx(v, rel=3 * TAU_ERROR)
    expected = hs.run(imported("subtract"), 100.0)
    for step in AFTER:
        assert after_step(results, step) == pytest.approx(after_step(expected, step), abs=TAU_ERROR * 0.1)
        assert after_step(results, step) > 0.0
    traces = [r.traces["1"]["v"].values for r in (results, expected)]
    assert 0.0 < np.abs(traces[0] - traces[1]).max() < TAU_ERROR * 0.1


@pytest.mark.parametrize(("reset", "model"), RESETS.items())
def test_the_reset_decides_about_the_neuron(reset, model):
    """Loihi's own pipeline resets to a value; subtraction is microcode's, which open Lava cannot bring onto a chip."""
    net = imported(reset)
    (process,) = registry.get("loihi2").translate(lower(net)).native.processes
    assert (process.model, process.subtract) == (model, reset == "subtract")
    (told,) = (f for f in hs.check(net, "loihi2") if (f.what, f.where) == ("1", "lif"))
    assert ("reset by subtraction" in told.limit) == (reset == "subtract")
    refused = {(f.what, f.where) for f in hs.check(net, "loihi2", executor="hardware").rejected}
    assert refused == ({("1", "lif")} if reset == "subtract" else set())


def test_all_that_is_altered_is_the_time_constant():
    altered = [f for f in hs.check(imported("subtract"), "loihi2") if f.severity is not Severity.NATIVE]
    assert [(f.severity, f.what, f.where) for f in altered] == [(Severity.ALTERED, "1", "tau_m")]
    assert altered[0].distortion == pytest.approx(TAU_ERROR, rel=0.05)
