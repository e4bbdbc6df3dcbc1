"""R9, the LIF of the NIR paper: 34 pulses into one neuron, as NIR's own event-driven solution has it.

Pedersen et al., Nature Communications 15, 8122 (2024). The graph (Affine of weight 1 and bias 0, LIF), the pulses and
the trace are those of the paper's repository, https://github.com/neuromorphs/NIR, folder paper/01_lif: lif_norse.nir,
lif_exact_sim.py and, with 18 digits, lif_exact.csv (commit d469269). A pulse is a unit current held for one step.
"""

from __future__ import annotations

import warnings

import h5py
import numpy as np
import pytest

import hmn_snn as hs

nir = pytest.importorskip("nir")

DT = 0.1  # ms
PULSES = np.array(
    [
        *(60, 220, 270, 310, 320, 350, 370, 400, 410, 430, 440, 450, 460, 470, 480, 490, 500, 510, 520, 530),
        *(670, 680, 690, 700, 710, 720, 730, 740, 750, 760, 770, 780, 840, 850),
    ]
)
SPIKES = [460, 510, 710, 760]
# v at the end of a step: before the first spike, where the grid changes nothing, and at the spikes.
BEFORE = {60: 3.921056170668949e-02, 61: 3.767309355733538e-02, 69: 2.735628041457876e-02, 458: 7.192266249314770e-02}
AFTER = {460: 6.226159232172348e-03, 510: 4.090791715245931e-03, 710: 3.210403205681964e-03, 760: 3.637304849173409e-03}
# The paper's file holds single precision, which shows in the eighth digit of the trace.
TAU, THRESHOLD = np.float32([2.5e-3]), np.float32([0.1])


def graph():
    """Return the paper's graph, with its names."""
    one = np.ones(1, np.float32)
    nodes = {
        "input": nir.Input(input_type={"input": np.array([1])}),
        "0": nir.Affine(weight=np.ones((1, 1)), bias=np.zeros(1)),
        "1": nir.LIF(tau=TAU, r=one, v_leak=0.0 * one, v_threshold=THRESHOLD),
        "output": nir.Output(output_type={"output": np.array([1])}),
    }
    return nir.NIRGraph(nodes=nodes, edges=[("input", "0"), ("0", "1"), ("1", "output")])


def run(source, **options) -> hs.Results:
    """Return 100 ms of an imported graph; a pulse held in step k arrives at k dt, its spike comes one step earlier."""
    net = hs.from_nir(source, dt=DT, inputs={"input": [(PULSES - 1) * DT]}, **options)
    net.record(net["1"], "v")
    return hs.run(net, 100.0)


def old_file(path):
    """Write the graph as NIR did before it had v_reset, when a spike subtracted the threshold."""
    nir.write(str(path), graph())
    with h5py.File(path, "a") as file:
        del file["node/nodes/1/v_reset"]
    return path


def after_step(results: hs.Results, step: int) -> float:
    """Return v at the end of a step: recorded at the start of the next one, in which no pulse begins."""
    assert step + 1 not in PULSES
    return float(results.traces["1"]["v"].values[step + 1, 0])


@pytest.mark.parametrize("backend", ["numba", "brian2"])
def test_r9_spikes_of_the_nir_paper(backend):
    net = hs.from_nir(graph(), dt=DT, inputs={"input": [(PULSES - 1) * DT]}, reset="subtract")
    options = {} if backend == "numba" else {"executor": "numpy"}
    results = hs.run(net, 100.0, backend=backend, **options)
    # A spike in step k carries the time (k + 1) dt.
    assert np.rint(results.spikes["1"].t / DT - 1).astype(int).tolist() == SPIKES
    assert results.spikes["input"].counts.tolist() == [34]


def test_r9_trace_of_the_nir_paper(tmp_path):
    """The published solution resets within the step, at the crossing: what is left decays for less than a step more."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = run(old_file(tmp_path / "lif_norse.nir"))
    for step, v in BEFORE.items():
        assert after_step(results, step) == pytest.approx(v, abs=1e-12)
    decayed = -0.1 * np.expm1(-0.1 / 2.5)  # of the threshold in a whole step
    for step, v in AFTER.items():
        assert -decayed < after_step(results, step) - v <= 0.0


def test_r9_reset_of_the_paper_is_not_that_of_later_nir():
    """NIR's later equation sets v to v_reset: the same spikes here, another trace."""
    subtracted, set_to_value = run(graph(), reset="subtract"), run(graph())
    assert np.array_equal(subtracted.spikes["1"].t, set_to_value.spikes["1"].t)
    assert [after_step(set_to_value, step) for step in SPIKES] == [0.0] * 4
    left = [after_step(subtracted, step) for step in SPIKES]
    assert min(left) > 0.002


def test_r9_survives_a_round_trip(tmp_path):
    net = hs.from_nir(graph(), dt=DT, reset="subtract")
    with pytest.warns(UserWarning, match="reset_subtract"):
        hs.to_nir(net, tmp_path / "again.nir")
    results = run(tmp_path / "again.nir")
    assert np.rint(results.spikes["1"].t / DT - 1).astype(int).tolist() == SPIKES
    assert after_step(results, 460) == pytest.approx(after_step(run(graph(), reset="subtract"), 460), abs=1e-15)
