"""Results made by hand, with every part that results can have, for the tests of results and plots."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hmn_snn.results import Ledger, Margins, Provenance, Results, Spikes, Trace, Weights
from hmn_snn.translator import Finding, Severity

STAMP = Provenance(
    backend="numba",
    executor="float emulator",
    precision="float64",
    version="0.1.0",
    packages={"python": "3.11.9", "numpy": "2.3.5"},
    seed=7,
    network_hash="ab" * 32,
    dt=0.1,
    created="2026-01-02T03:04:05+00:00",
    wall_time=0.25,
    platform="Linux x86_64, 2 processors",
)
FINDING = Finding(Severity.ALTERED, "stim/a -> exc", "delay", "1.04 ms", "rounded to 1 ms", 0.04)


def poisson(size: int, rate: float, duration: float, seed: int = 0) -> Spikes:
    """Return spikes of Poisson neurons on a grid of 0.1 ms."""
    rng = np.random.default_rng(seed)
    count = rng.poisson(size * rate * duration / 1e3)
    steps = rng.integers(1, round(duration / 0.1) + 1, count)
    return Spikes(steps * 0.1, rng.integers(0, size, count), size)


def bare_results(duration: float = 100.0, **parts: Any) -> Results:
    """Return results that hold only the given parts."""
    defaults: dict[str, Any] = {
        "name": "bare", "dt": 0.1, "t_start": 0.0, "t_stop": duration, "spikes": {}, "traces": {}, "weights": {},
        "ledger": Ledger(), "margins": Margins(), "findings": (), "provenance": STAMP,
    }  # fmt: skip
    return Results(**{**defaults, **parts})


def full_results(duration: float = 200.0) -> Results:
    """Return results with two populations, a silent one, an empty one, all kinds of traces and a learned projection."""
    rng = np.random.default_rng(3)
    fine, coarse = np.arange(0.0, duration, 0.5), np.arange(0.0, duration, 10.0)
    pre, post = np.nonzero(rng.random((20, 10)) < 0.4)
    before = rng.uniform(0.1, 0.5, len(pre))
    after = np.clip(before + rng.normal(0.1, 0.1, len(pre)), 0.0, 1.0)
    spikes = {
        "stim/a": poisson(20, 40.0, duration, 1),
        "exc": poisson(10, 20.0, duration, 2),
        "silent": Spikes([], [], 4),
        "none": Spikes([], [], 0),
    }
    path = before + (after - before) * (coarse / duration)[:, None]
    traces = {
        "exc": {
            "v": Trace(fine, rng.normal(-60.0, 2.0, (len(fine), 3)).astype(np.float32), [0, 7, 9], "mV"),
            "i_exc": Trace(fine, rng.random((len(fine), 10)), np.arange(10), "nA"),
        },
        "dopamine": {"level": Trace(fine, np.exp(-fine / 200.0)[:, None], [0], "")},
        "theta": {"phase": Trace(fine, 2 * np.pi * 8 * fine[:, None] / 1e3, [0], "rad")},
        "glia": {"adenosine": Trace(coarse, rng.random((len(coarse), 2)), [0, 1], "uM")},
        "stim/a -> exc": {"weight": Trace(coarse, path, np.arange(len(pre)), "nA")},
    }
    weights = {
        "stim/a -> exc": Weights(pre, post, after, "nA", before),
        "exc -> exc": Weights(pre % 10, post, np.full(len(pre), 0.3), "mV"),
    }
    ledger = Ledger(
        spikes={name: len(train) for name, train in spikes.items()},
        neuron_updates={"exc": 20_000, "silent": 8_000},
        synaptic_events={"stim/a -> exc": 1234, "exc -> exc": 56},
        pairings={"stim/a -> exc": 99},
        ticks={"stim/a -> exc": 2},
        updates_applied={"stim/a -> exc": 70},
        updates_rejected={"stim/a -> exc": 8},
        astrocyte_updates={"glia": 40},
        astrocyte_releases={"glia": 1},
    )
    return bare_results(
        duration, name="made", spikes=spikes, traces=traces, weights=weights, ledger=ledger,
        margins=Margins(1e-3, 0.25), findings=(FINDING,),
    )  # fmt: skip


def piece(whole: Results, t_start: float, t_stop: float, ledger: Ledger) -> Results:
    """Return what a run over a part of the time would have given, as far as spikes and traces go."""
    traces = {}
    for name, entry in whole.traces.items():
        traces[name] = {key: _cut(trace, t_start, t_stop) for key, trace in entry.items()}
    spikes = {name: train.between(t_start, t_stop) for name, train in whole.spikes.items()}
    return replace(whole, t_start=t_start, t_stop=t_stop, spikes=spikes, traces=traces, ledger=ledger)


def _cut(trace: Trace, t_start: float, t_stop: float) -> Trace:
    inside = (trace.t >= t_start - 1e-9) & (trace.t < t_stop - 1e-9)
    return replace(trace, t=trace.t[inside], values=trace.values[inside])


def assert_same(a: Any, b: Any, where: str = "results") -> None:
    """Assert that two results, or parts of results, are equal in every value, type, and order."""
    assert type(a) is type(b), where
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype, where
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f"), where
    elif isinstance(a, dict):
        assert list(a) == list(b), where
        for key in a:
            assert_same(a[key], b[key], f"{where}[{key!r}]")
    elif isinstance(a, (Results, Spikes, Trace, Weights, Ledger, Margins, Provenance)):
        for name in a.__dataclass_fields__:
            assert_same(getattr(a, name), getattr(b, name), f"{where}.{name}")
    else:
        assert a == b, where
