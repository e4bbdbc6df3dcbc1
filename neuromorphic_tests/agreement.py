"""What tests compare runs with."""

from __future__ import annotations

import numpy as np

import hmn_snn as hs

# A pending update that is 0 but for rounding counts as applied or not, according to how it was summed.
LOOSELY_COUNTED = ("updates_applied", "updates_rejected")


class Disagreement(AssertionError):
    """Two runs differ where they should agree.

    Attributes
    ----------
    what : str
        The kind of result: "spikes", "weights", "traces", "counts", "margins" or "times".
    name : str
        The object it is of.
    """

    def __init__(self, what: str, name: str, found: str) -> None:
        self.what, self.name = what, name
        super().__init__(f"{what} of {name!r}: {found}")


def assert_same_run(a: hs.Results, b: hs.Results, tolerance: float = 0.0) -> None:
    """Spikes equal, and everything else bit for bit (or to an absolute tolerance)."""
    assert_same_spikes(a, b)
    assert_same_weights(a, b, tolerance)
    for name, variables in a.traces.items():
        for variable, trace in variables.items():
            other, label = b.traces[name][variable], f"{name} {variable}"
            if not np.array_equal(trace.t, other.t) or trace.unit != other.unit:
                raise Disagreement("traces", label, "not the same times and unit")
            _near("traces", label, trace.values, other.values, tolerance)


def assert_same_spikes(a: hs.Results, b: hs.Results) -> None:
    """Every spike of the first run is in the second, and no other."""
    for name, train in a.spikes.items():
        other = b.spikes[name]
        if not (np.array_equal(train.t, other.t) and np.array_equal(train.i, other.i)):
            mine, theirs = (set(zip(s.t.tolist(), s.i.tolist(), strict=True)) for s in (train, other))
            first = min(mine ^ theirs)
            raise Disagreement("spikes", name, f"first difference at {first[0]:g} ms, neuron {first[1]}")


def assert_same_weights(a: hs.Results, b: hs.Results, tolerance: float = 0.0) -> None:
    """The same synapses, with equal weights at start and end."""
    assert a.weights.keys() == b.weights.keys()
    for name, weights in a.weights.items():
        other = b.weights[name]
        for field in ("pre", "post"):
            np.testing.assert_array_equal(getattr(weights, field), getattr(other, field), err_msg=name)
        for field in ("initial", "values"):
            _near("weights", name, getattr(weights, field), getattr(other, field), tolerance)


def assert_same_account(a: hs.Results, b: hs.Results, tolerance: float = 1e-9) -> None:
    """The same time, the same events counted, and decisions as near to falling otherwise."""
    if (a.name, a.t_start, a.t_stop) != (b.name, b.t_start, b.t_stop):
        raise Disagreement("times", a.name, f"{a.t_start:g} to {a.t_stop:g} ms and {b.t_start:g} to {b.t_stop:g} ms")
    for counter in set(a.ledger.counters()).difference(LOOSELY_COUNTED):
        if getattr(a.ledger, counter) != getattr(b.ledger, counter):
            raise Disagreement("counts", counter, f"{getattr(a.ledger, counter)} and {getattr(b.ledger, counter)}")
    margins = [[run.margins.threshold, run.margins.application] for run in (a, b)]
    _near("margins", a.name, *map(np.array, margins), tolerance)


def _near(what: str, name: str, a: np.ndarray, b: np.ndarray, tolerance: float) -> None:
    if np.shape(a) != np.shape(b):
        raise Disagreement(what, name, f"shapes {np.shape(a)} and {np.shape(b)}")
    with np.errstate(invalid="ignore"):  # infinity less infinity, where both are infinite
        difference = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, np.abs(np.subtract(a, b)))
    if not (difference <= tolerance).all():
        raise Disagreement(what, name, f"they differ by up to {difference.max():.3g}, more than {tolerance:g}")
