"""Distributions: their moments, bounds and units, and that a value belongs to its entity."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hmn_snn as hs
from hmn_snn.errors import UnitError

N = 100_000
EVERYONE = np.arange(N)
EXAMPLES = [
    (hs.Uniform(2.0, 5.0), 3.5, 3.0 / math.sqrt(12)),
    (hs.Normal(-65.0, 4.0), -65.0, 4.0),
    (hs.Normal(5.0, 0.0), 5.0, 0.0),
    (hs.LogNormal(2.0, 0.5), 2.0 * math.exp(0.125), 2.0 * math.exp(0.125) * math.sqrt(math.exp(0.25) - 1)),
    (hs.Exponential(3.0, offset=1.0), 4.0, 3.0),
]


@pytest.mark.parametrize(("distribution", "mean", "std"), EXAMPLES, ids=lambda x: type(x).__name__)
def test_moments(distribution, mean, std):
    values = distribution.draw(1, "exc/tau_m", EVERYONE)
    assert values.shape == (N,)
    assert abs(values.mean() - mean) <= 5 * std / math.sqrt(N)
    assert values.std() == pytest.approx(std, rel=0.05)


@pytest.mark.parametrize("distribution", [*(case[0] for case in EXAMPLES), hs.Normal(0, 1, low=0.5, high=1)], ids=str)
@given(seed=st.integers(0, 2**64), chosen=st.lists(st.integers(0, 999), min_size=1, max_size=30, unique=True))
def test_a_value_depends_on_its_entity_alone(distribution, seed, chosen):
    everyone = distribution.draw(seed, "exc/tau_m", np.arange(1000))
    assert distribution.draw(seed, "exc/tau_m", np.array(chosen)).tolist() == everyone[chosen].tolist()


def test_bounded_normal_is_the_truncated_one():
    values = hs.Normal(0.0, 1.0, low=0.0, high=2.0).draw(1, "exc/tau_m", EVERYONE)
    assert values.min() >= 0.0
    assert values.max() <= 2.0
    share = math.erf(2.0 / math.sqrt(2.0)) / 2.0
    mean = (1.0 - math.exp(-2.0)) / math.sqrt(2.0 * math.pi) / share
    assert abs(values.mean() - mean) < 5 * values.std() / math.sqrt(N)


def test_bounds_leave_what_lies_within_them_as_it_was():
    free, bounded = (d.draw(1, "p/w", EVERYONE) for d in (hs.Normal(0.0, 1.0), hs.Normal(0.0, 1.0, low=-1.0)))
    assert (bounded[free >= -1.0] == free[free >= -1.0]).all()
    assert (bounded[free < -1.0] >= -1.0).all()


def test_values_are_converted_by_the_parameter_that_takes_them():
    cell = hs.LIF(tau_m=hs.Normal("20 ms", "0.002 s", low="10 ms"))
    assert (cell.tau_m.mean, cell.tau_m.std, cell.tau_m.low, cell.tau_m.high) == (20.0, 2.0, 10.0, None)


def test_values_of_a_wrong_dimension_are_an_error_that_names_parameter_and_value():
    with pytest.raises(UnitError) as caught:
        hs.LIF(tau_m=hs.Uniform("10 ms", "20 mV"))
    assert (caught.value.parameter, caught.value.value) == ("tau_m: high", "20 mV")


def test_the_spread_of_a_logarithm_has_no_unit():
    assert hs.LIF(tau_m=hs.LogNormal("20 ms", 0.5)).tau_m.sigma == 0.5
    with pytest.raises(UnitError) as caught:
        hs.LIF(tau_m=hs.LogNormal("20 ms", "5 ms"))
    assert caught.value.parameter == "tau_m: sigma"


@pytest.mark.parametrize(
    ("distribution", "parameter"),
    [
        (hs.Uniform(2.0, 1.0), "low"),
        (hs.Uniform(float("nan"), 1.0), "low"),
        (hs.Uniform(0.0, float("inf")), "high"),
        (hs.Normal(0.0, -1.0), "std"),
        (hs.Normal(0.0, 1.0, low=1.0, high=-1.0), "low, high"),
        (hs.Normal(0.0, 1.0, low=1.0, high=1.0), "low, high"),
        (hs.Normal(0.0, 1.0, low=4.0), "low, high"),
        (hs.Normal(5.0, 0.0, low=6.0), "low, high"),
        (hs.LogNormal(0.0, 1.0), "median"),
        (hs.LogNormal(1.0, -1.0), "sigma"),
        (hs.Exponential(-1.0), "mean"),
    ],
    ids=str,
)
def test_impossible_parameters(distribution, parameter):
    cell = hs.LIF(tau_m=distribution)
    assert [e.parameter for e in cell.problems("population 'exc'")] == [f"tau_m: {parameter}"]


def test_possible_parameters():
    for distribution in (hs.Uniform(1.0, 1.0), hs.Normal(5.0, 0.0, low=5.0), hs.Normal(0.0, 1.0, low=2.9)):
        assert list(hs.LIF(i_offset=distribution).problems()) == []
