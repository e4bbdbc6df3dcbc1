"""What tests compare runs with."""

from __future__ import annotations

import numpy as np

import hmn_snn as hs


def assert_same_run(a: hs.Results, b: hs.Results, tolerance: float = 0.0) -> None:
    """Spikes equal, and everything else bit for bit (or to an absolute tolerance)."""
    for name in a.spikes:
        assert np.array_equal(a.spikes[name].t, b.spikes[name].t), name
        assert np.array_equal(a.spikes[name].i, b.spikes[name].i), name
    for name, variables in a.traces.items():
        for variable, trace in variables.items():
            other = b.traces[name][variable]
            assert np.array_equal(trace.t, other.t), (name, variable)
            np.testing.assert_allclose(trace.values, other.values, rtol=0, atol=tolerance, err_msg=f"{name} {variable}")
    assert a.weights.keys() == b.weights.keys()
    for name, weights in a.weights.items():
        np.testing.assert_allclose(weights.values, b.weights[name].values, rtol=0, atol=tolerance, err_msg=name)
        np.testing.assert_array_equal(weights.initial, b.weights[name].initial, err_msg=name)
