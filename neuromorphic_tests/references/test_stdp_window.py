"""The STDP window (R3): one pair of spikes, Bi & Poo's fit (Annu. Rev. Neurosci. 24, 139, 2001), in the engine."""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs

A_PLUS, A_MINUS, TAU_PLUS, TAU_MINUS = 0.777, -0.273, 16.8, 33.7


def eligibility_after_a_pair(lag: float, dt: float = 0.1, **rule) -> float:
    """Return the eligibility at the later event of a pair: the post spike comes ``lag`` ms after the arrival."""
    net = hs.Network(dt=dt)
    arrival, delay = 60.0, 2.0
    pre = net.add(hs.SpikeInput([[arrival - delay]], name="pre"))
    teacher = net.add(hs.SpikeInput([[arrival + lag - 2.0 * dt]], name="teacher"))
    post = net.add(hs.Population(1, hs.LIF(tau_syn_E=0.0), name="post"))
    net.add(hs.Projection(teacher, post, hs.AllToAll(), weight=100.0, delay=dt))
    given = {"A_plus": A_PLUS, "A_minus": A_MINUS, "tau_plus": TAU_PLUS, "tau_minus": TAU_MINUS, **rule}
    learned = hs.HMNRule(**given)
    plastic = hs.Projection(pre, post, hs.AllToAll(), weight=0.0, delay=delay, plasticity=learned, name="plastic")
    net.record(net.add(plastic), "eligibility")
    results = hs.run(net, 150.0)
    assert results.spikes["post"].t == pytest.approx([arrival + lag])
    trace = results.traces["plastic"]["eligibility"]
    later = np.rint((arrival + max(lag, 0.0)) / dt).astype(int)
    assert (trace.values[:later] == 0.0).all()
    return float(trace.values[later, 0])


@pytest.mark.parametrize(("lag", "table"), [(10.0, 0.428), (-10.0, -0.203), (40.0, 0.072), (-40.0, -0.083)])
def test_r3_window_of_bi_and_poo(lag, table):
    found = eligibility_after_a_pair(lag)
    assert found == pytest.approx(table, abs=5e-4)
    exact = A_PLUS * np.exp(-lag / TAU_PLUS) if lag > 0 else A_MINUS * np.exp(lag / TAU_MINUS)
    assert found == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("lag", [0.1, -0.1, 1.0, -1.0, 55.0, -55.0])
@pytest.mark.parametrize("pairing", ["all", "nearest"])
def test_r3_window_is_exponential_at_any_lag(lag, pairing):
    exact = A_PLUS * np.exp(-lag / TAU_PLUS) if lag > 0 else A_MINUS * np.exp(lag / TAU_MINUS)
    assert eligibility_after_a_pair(lag, pairing=pairing) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize(("tie", "size"), [("none", 0.0), ("ltp", A_PLUS), ("ltd", A_MINUS)])
def test_r3_window_at_lag_0_is_a_choice(tie, size):
    assert eligibility_after_a_pair(0.0, tie=tie) == pytest.approx(size, rel=1e-12)


def test_r3_window_lies_at_the_synapse_or_at_the_soma():
    """Axonal: the pair is (t_pre + d, t_post); dendritic, as in NEST: (t_pre, t_post + d), its lag longer by 2 d."""
    axonal = eligibility_after_a_pair(10.0)
    dendritic = eligibility_of_a_dendritic_pair(10.0)
    assert axonal == pytest.approx(A_PLUS * np.exp(-10.0 / TAU_PLUS), rel=1e-12)
    assert dendritic == pytest.approx(A_PLUS * np.exp(-14.0 / TAU_PLUS), rel=1e-12)


def eligibility_of_a_dendritic_pair(lag: float) -> float:
    net = hs.Network(dt=0.1)
    pre, teacher = net.add(hs.SpikeInput([[58.0]])), net.add(hs.SpikeInput([[60.0 + lag - 0.2]]))
    post = net.add(hs.Population(1, hs.LIF(tau_syn_E=0.0)))
    net.add(hs.Projection(teacher, post, hs.AllToAll(), weight=100.0, delay=0.1))
    learned = hs.HMNRule(A_plus=A_PLUS, A_minus=A_MINUS, tau_plus=TAU_PLUS, tau_minus=TAU_MINUS, delay_kind="dendritic")
    plastic = hs.Projection(pre, post, hs.AllToAll(), weight=0.0, delay=2.0, plasticity=learned, name="plastic")
    net.record(net.add(plastic), "eligibility", every=72.0)
    return float(hs.run(net, 80.0).traces["plastic"]["eligibility"].values[1, 0])
