"""Dopamine-modulated STDP (R4): the HMN rule with one trace and one modulator against NEST's stdp_dopamine_synapse.

The synapse is that of Izhikevich (Cereb. Cortex 17, 2443, 2007) as implemented in NEST (Potjans, Morrison & Diesmann,
Front. Comput. Neurosci. 4:141, 2010): ``c`` jumps by A_plus x at a post spike and by -A_minus y at a pre spike, ``n``
by 1/tau_n at a release, both decay, and ``dw/dt = c (n - b)``. The figures below were made with NEST 3.10: spike trains
relayed by parrot neurons (0.1 ms), a dendritic delay of 1 ms, and 0.2 ms from a release to the volume transmitter.
NEST is exact between events; ours adds c n once per step, an error of first order in the step.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pytest

import hmn_snn as hs

PRE = (10.0, 30.0, 52.0, 75.0, 110.0, 140.0, 200.0, 260.0)  # ms
POST = (14.0, 33.0, 50.0, 80.0, 112.0, 138.0, 205.0, 262.0)
DOPAMINE = (100.0, 300.0, 301.0, 700.0)
RELAY, TRANSMISSION, DELAY = 0.1, 0.2, 1.0  # ms from a given spike to the synapse's events
A_PLUS, A_MINUS, TAU, TAU_C, TAU_N, W_0 = 1.0, 1.5, 20.0, 1000.0, 200.0, 30.0

# NEST 3.10 at dt 0.1 ms: time -> weight, eligibility c, dopamine n
NEST_WEIGHT = {150.0: 29.9708432, 320.0: 29.7537006, 500.0: 30.1172395, 800.0: 30.3521761, 1200.0: 30.4677686}
NEST_C = {150.0: -1.26552316, 320.0: 0.307354290}
NEST_N = {150.0: 0.00389790}


@lru_cache
def ours(dt: float, backend: str, until: float) -> Mapping[str, dict[float, float]]:
    """Return weight, c and n of the HMN rule every 10 ms: one trace, G = n, eta_g 1000/s, always applied."""
    net = hs.Network("dopamine STDP", dt=dt)
    pre = net.add(hs.SpikeInput([np.add(PRE, RELAY)], name="pre"))
    teacher = net.add(hs.SpikeInput([np.add(POST, RELAY) - 2.0 * dt], name="teacher"))
    cell = hs.LIF(tau_m=1.0, v_rest=0.0, v_reset=0.0, v_thresh=1e6, tau_syn_E=0.0)  # only its teacher makes it spike
    post = net.add(hs.Population(1, cell, name="post"))
    net.add(hs.Projection(teacher, post, hs.AllToAll(), weight=1e8, delay=dt))
    releases = [(t + TRANSMISSION, 1.0 / TAU_N) for t in DOPAMINE]
    dopamine = net.add(hs.Modulator(tau=TAU_N, releases=releases, name="dopamine"))
    rule = hs.HMNRule(
        A_plus=A_PLUS, A_minus=-A_MINUS, tau_plus=TAU, tau_minus=TAU, tau_slow=TAU_C, kappa_slow=1.0, eta_g=1000.0,
        modulators=[dopamine], w_max=np.inf, tick=10.0, delay_kind="dendritic",
    )  # fmt: skip
    plastic = hs.Projection(pre, post, hs.AllToAll(), weight=W_0, delay=DELAY, plasticity=rule, name="plastic")
    net.record(net.add(plastic), ["weight", "eligibility"], every=10.0)
    net.record(dopamine, "level", every=10.0)
    results = hs.run(net, until + 10.0, backend)
    assert results.spikes["post"].t == pytest.approx([t + RELAY for t in POST if t < until + 10.0])
    traces = {**results.traces["plastic"], **results.traces["dopamine"]}
    return {name: dict(zip(np.round(trace.t, 6), trace.values[:, 0], strict=True)) for name, trace in traces.items()}


def closed_form(times: list[float]) -> dict[float, tuple[float, float, float]]:
    """Return w, c and n of the synapse, integrated exactly from event to event, at some times.

    While c and n decay, ``dw = c (n (1 - exp(-s d)) / s)`` over a time d, with s = 1/tau_c + 1/tau_n (b is 0).
    """
    events = [(t + RELAY, "pre") for t in PRE] + [(t + RELAY + DELAY, "post") for t in POST]
    events += [(t + TRANSMISSION, "dopamine") for t in DOPAMINE] + [(t, "read") for t in times]
    w, c, n, x, y, now = W_0, 0.0, 0.0, 0.0, 0.0, 0.0
    s, found = 1.0 / TAU_C + 1.0 / TAU_N, {}
    for t, kind in sorted(events):
        gap = t - now
        w += c * n * -np.expm1(-s * gap) / s
        c, n = c * np.exp(-gap / TAU_C), n * np.exp(-gap / TAU_N)
        x, y, now = x * np.exp(-gap / TAU), y * np.exp(-gap / TAU), t
        if kind == "pre":
            c, x = c - A_MINUS * y, x + 1.0
        elif kind == "post":
            c, y = c + A_PLUS * x, y + 1.0
        elif kind == "dopamine":
            n += 1.0 / TAU_N
        else:
            found[t] = (w, c, n)
    return found


def live_nest(times: list[float]) -> dict[float, tuple[float, float, float]]:
    """Return w, c and n of the installed NEST at some times."""
    nest = pytest.importorskip("nest", reason="NEST is not installed")
    nest.ResetKernel()
    nest.resolution = 0.1
    givers, relays = nest.Create("spike_generator", 3), nest.Create("parrot_neuron", 3, {"tau_minus": TAU})
    for giver, spikes in zip(givers, (PRE, POST, DOPAMINE), strict=True):
        giver.spike_times = spikes
    volume = nest.Create("volume_transmitter")
    nest.Connect(givers, relays, "one_to_one", {"delay": RELAY})
    nest.Connect(relays[2], volume, syn_spec={"delay": TRANSMISSION - RELAY})
    nest.CopyModel("stdp_dopamine_synapse", "dopamine_stdp", {
        "volume_transmitter": volume, "A_plus": A_PLUS, "A_minus": A_MINUS, "tau_plus": TAU, "tau_c": TAU_C,
        "tau_n": TAU_N, "b": 0.0, "Wmin": 0.0, "Wmax": 1e9,
    })  # fmt: skip
    # Port 1 of a parrot neuron sees spikes for plasticity without repeating them.
    synapse = {"synapse_model": "dopamine_stdp", "weight": W_0, "delay": DELAY, "receptor_type": 1}
    nest.Connect(relays[0], relays[1], syn_spec=synapse)
    connection, now, found = nest.GetConnections(relays[0], relays[1]), 0.0, {}
    for t in times:
        nest.Simulate(t - now)
        now = t
        found[t] = tuple(connection.get(name) for name in ("weight", "c", "n"))
    return found


@pytest.fixture(
    params=[("numba", 1200.0), ("brian2", 150.0), pytest.param(("brian2", 1200.0), marks=pytest.mark.slow)],
    ids=lambda p: f"{p[0]} to {p[1]:g} ms",
)
def run(request):
    """Return what runs a backend at a step, as far as a test of it has time to."""
    backend, until = request.param
    return lambda dt: ours(dt, backend, until)


def reached(figures: Mapping[float, float], found: Mapping[float, float]) -> dict[float, float]:
    """Return the figures at times that a run came to: there is one at least."""
    within = {t: figure for t, figure in figures.items() if t in found}
    assert within
    return within


def test_r4_weights_equal_those_of_nest_3_10_stdp_dopamine_synapse(run):
    """Richardson's extrapolation takes the error of the step away: 2 w(dt 0.05) - w(dt 0.1)."""
    fine, coarse = (run(dt)["weight"] for dt in (0.05, 0.1))
    nest = reached(NEST_WEIGHT, fine)
    assert {t: 2.0 * fine[t] - coarse[t] for t in nest} == pytest.approx(nest, abs=1e-6, rel=0.0)
    assert {t: coarse[t] for t in nest} == pytest.approx(nest, abs=5e-4, rel=0.0)


def test_r4_eligibility_and_dopamine_equal_those_of_nest_3_10(run):
    """Nothing is accumulated in c and n: they are exact at any step, as far as NEST's figures are given."""
    coarse = run(0.1)
    for figures, name in ((NEST_C, "eligibility"), (NEST_N, "level")):
        nest = reached(figures, coarse[name])
        assert {t: coarse[name][t] for t in nest} == pytest.approx(nest, abs=1e-8, rel=0.0)


def test_r4_figures_of_nest_3_10_equal_the_closed_form_between_events():
    exact = closed_form(list(NEST_WEIGHT))
    assert {t: exact[t][0] for t in NEST_WEIGHT} == pytest.approx(NEST_WEIGHT, abs=5e-8, rel=0.0)
    assert {t: exact[t][1] for t in NEST_C} == pytest.approx(NEST_C, abs=5e-9, rel=0.0)
    assert {t: exact[t][2] for t in NEST_N} == pytest.approx(NEST_N, abs=5e-9, rel=0.0)


def test_r4_c_and_n_equal_the_closed_form_at_every_tick(run):
    coarse = run(0.1)
    times = [t for t in coarse["level"] if t > 0.0]
    exact = closed_form(times)
    assert len(times) >= 15
    np.testing.assert_allclose([coarse["eligibility"][t] for t in times], [exact[t][1] for t in times], atol=1e-11)
    np.testing.assert_allclose([coarse["level"][t] for t in times], [exact[t][2] for t in times], atol=1e-13)


def test_r4_error_of_the_step_vanishes_with_order_one(run):
    times = list(reached(NEST_WEIGHT, run(0.1)["weight"]))
    exact = np.array([w for w, _, _ in closed_form(times).values()])
    coarse, fine = (np.array([run(dt)["weight"][t] for t in times]) - exact for dt in (0.1, 0.05))
    assert coarse / fine == pytest.approx(2.0, abs=0.01)


def test_r4_weights_equal_those_of_a_live_nest():
    times = list(NEST_WEIGHT)
    live, exact = live_nest(times), closed_form(times)
    for t in times:
        assert live[t] == pytest.approx(exact[t], abs=1e-10, rel=0.0)
    fine, coarse = (ours(dt, "numba", 1200.0)["weight"] for dt in (0.05, 0.1))
    weights = {t: live[t][0] for t in times}
    assert {t: 2.0 * fine[t] - coarse[t] for t in times} == pytest.approx(weights, abs=1e-6, rel=0.0)
