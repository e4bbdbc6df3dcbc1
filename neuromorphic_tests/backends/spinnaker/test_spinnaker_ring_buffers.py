"""Ring buffers: shifts and held weights by hand, their invariants, and sPyNNaker's own on a virtual board."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hmn_snn.backends.spinnaker.ring_buffers import Arrivals, arrivals, bounds, held, read_back, shift_of
from hypothesis import given, settings
from hypothesis import strategies as st

import hmn_snn as hs
from neuromorphic_tests.backends.spinnaker.spinnaker_programs import on_virtual_board, program_of

POSITIVE = st.floats(1e-6, 3e4)


@pytest.mark.parametrize(
    ("bound", "shift"), [(0.0, 0), (1e-4, 0), (0.999, 0), (1.0, 1), (1.5, 1), (2.0, 2), (7.9, 3), (8.0, 4)]
)
def test_shift_is_the_smallest_with_the_bound_below(bound, shift):
    assert shift_of(bound) == shift


@settings(max_examples=50, deadline=None)
@given(POSITIVE)
def test_bound_lies_in_the_upper_half(bound):
    shift = shift_of(bound)
    assert bound < 2.0**shift
    assert shift == 0 or 2.0 ** (shift - 1) <= bound


@settings(max_examples=50, deadline=None)
@given(st.lists(POSITIVE, min_size=1, max_size=20))
def test_weights_below_the_bound_are_held_within_half_a_step(weights):
    weight = np.array(weights)
    shift = shift_of(float(weight.max()))
    assert held(weight, shift).max() <= 1 << 15
    assert (np.abs(read_back(weight, shift) - weight) <= 2.0 ** (shift - 16)).all()
    assert (read_back(read_back(weight, shift), shift) == read_back(weight, shift)).all()


def test_known_rounding():
    # Shift 5: steps of 1/1024, 0.1 lies nearest to 102/1024 (recorded on sPyNNaker 7.4.1).
    assert read_back(np.array([0.1]), 5)[0] == 102 / 1024
    # Shift 0: steps of 1/32768, of which 1e-5 is a third.
    assert read_back(np.array([1e-4, 1e-5]), 0).tolist() == [3 / 32768, 0.0]


def test_one_delay_adds_all_weights():
    weights, post = np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1])
    a = arrivals(0, post, weights, np.ones(3, int), 1.0)
    # Two synapses onto neuron 0, each as large as the largest.
    assert bounds([a], 2, 1.0) == (6.0, 0.0)
    assert bounds([a, a], 2, 1.0) == (12.0, 0.0)


def test_plastic_weights_count_with_their_largest():
    a = arrivals(1, np.array([0, 0]), np.array([0.0, 0.1]), np.ones(2, int), 1.0, reach=4.0)
    assert (a.mean, a.variance, a.largest) == (4.0, 0.0, 4.0)
    assert bounds([a], 2, 1.0) == (0.0, 8.0)


def test_spread_delays_count_expected_arrivals():
    # 1000 synapses of 0.1 nA at 30 Hz and 1 ms: 30 arrivals, sqrt(30) their deviation.
    spread = Arrivals(0, 1000, 0.1, 0.0, 0.1, 2.0)
    assert bounds([spread], 1, 1.0)[0] == pytest.approx(0.1 * (30.0 + 5.0 * math.sqrt(30.0)))
    faster = Arrivals(0, 1000, 0.1, 0.0, 0.1, 2.0, rate=60.0)
    assert bounds([faster], 1, 1.0)[0] == pytest.approx(0.1 * (60.0 + 5.0 * math.sqrt(60.0)))


def test_bound_is_never_above_all_nor_below_the_largest():
    few = Arrivals(0, 3, 0.1, 0.0, 2.0, 2.0)
    assert 2.0 <= bounds([few], 1, 1.0)[0] <= 6.0


def test_a_poisson_source_of_the_chip_sends_several_spikes_in_a_step():
    one = arrivals(0, np.zeros(1, int), np.ones(1), np.ones(1, int), 1.0, rate=1000.0, drawn=True)
    # Poisson of mean 1: more than 4 with probability 0.0037, more than 5 with 0.0006; sPyNNaker adds one.
    assert one.per_step == 6.0
    given_spikes = arrivals(0, np.zeros(1, int), np.ones(1), np.ones(1, int), 1.0, rate=5000.0)
    assert (given_spikes.per_step, given_spikes.rate) == (1.0, 1000.0)


def test_shifts_and_weights_are_those_of_spynnaker(tmp_path: Path):
    pytest.importorskip("spynnaker")
    net = hs.Network("net", dt=1.0, seed=3)
    source = net.add(hs.SpikeInput([[1.0]] * 60, name="in"))
    for k, delay in enumerate((2.0, hs.Uniform(1.0, 20.0))):
        cells = net.add(hs.Population(40, hs.LIF(), name=f"cells {k}"))
        weight = hs.Uniform(0.0, 0.3 * 10.0**k)
        net.add(hs.Projection(source, cells, hs.FixedProbability(0.4), weight=weight, delay=delay, name=f"in {k}"))
        net.add(hs.Projection(cells, cells, hs.FixedProbability(0.1), weight=0.02, delay=delay,
                              receptor="inhibitory", name=f"own {k}"))  # fmt: skip
    program = program_of(net)
    found = on_virtual_board(program, tmp_path)
    assert found["shifts"] == {c.name: list(c.shifts) for c in program.cells}
    cells = {c.name: c for c in program.cells}
    for s, weights in zip(program.synapses, found["weights"], strict=True):
        shift = cells[s.target].shifts[("excitatory", "inhibitory").index(s.receptor)]
        theirs = np.array(weights)
        mine = np.column_stack([s.pre, s.post, read_back(s.weight, shift), s.delay])
        assert (theirs[np.lexsort(theirs.T[1::-1])] == mine[np.lexsort(mine.T[1::-1])]).all()
