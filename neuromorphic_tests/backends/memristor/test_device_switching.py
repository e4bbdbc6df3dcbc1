"""Weight changes as pulses: counts, the exact inversion of eq 5, the measured cell."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from hmn_snn.backends.memristor.set_laws import logistic_probability, poisson_voltage, wanted_probability
from hmn_snn.backends.memristor.switching import (
    ExactSet,
    LogisticSet,
    PoissonSet,
    deterministic_count,
    set_probability,
    stochastic_count,
)

BETA, THETA = 8.0, 0.5
CHANGES = np.concatenate([np.linspace(-3.0, 3.0, 601), [0.0]])

# P(SET | V) of one pulse from high resistance on a measured HfO2-type cell (Synaptogen's model, simulated).
MEASURED = {
    0.55: 0.0105, 0.60: 0.117, 0.65: 0.387, 0.675: 0.539, 0.70: 0.672, 0.75: 0.852, 0.80: 0.935, 0.90: 0.987,
    1.0: 0.996,
}  # fmt: skip


@pytest.mark.parametrize("description", [ExactSet(), PoissonSet(), PoissonSet(by="width"), PoissonSet(width=1e-7)])
def test_one_pulse_realises_eq_5_exactly(description):
    p = set_probability(CHANGES, 0.0, description.numbers(BETA, THETA))
    np.testing.assert_allclose(p, 1.0 / (1.0 + np.exp(-BETA * (np.abs(CHANGES) - THETA))), rtol=0.0, atol=1e-12)


def test_the_voltage_is_that_of_the_worked_example():
    at = np.array([-6.0, 6.0]) / BETA + THETA + 1.0
    v = poisson_voltage(at, BETA, THETA + 1.0, 1e-6, 2.85e5, 0.155)
    np.testing.assert_allclose(v, [3.16, 4.37], atol=0.01)


@pytest.mark.parametrize(
    "description",
    [PoissonSet(least=3.4, most=4.1), PoissonSet(by="width", least=2e-6, most=2e-4), LogisticSet(least=0.6, most=0.75)],
)
def test_the_drivers_range_is_a_floor_and_a_ceiling(description):
    p = set_probability(CHANGES, 0.679, description.numbers(BETA, THETA))
    floor, ceiling = description.limits()
    assert 0.0 < floor < ceiling < 1.0
    # change 0 wants sigmoid(-4), so the floor may lie below what any change asks for
    assert p.min() == pytest.approx(max(floor, wanted_probability(0.0, BETA, THETA)), rel=1e-9)
    assert p.max() == pytest.approx(ceiling, rel=1e-12)


@pytest.mark.parametrize("description", [ExactSet(), PoissonSet(), PoissonSet(by="width"), LogisticSet()])
def test_an_ideal_driver_has_neither(description):
    floor, ceiling = description.limits()
    assert floor < 1e-6
    assert ceiling == 1.0


def test_the_pooled_sigmoid_is_that_of_the_measured_cell():
    """Threshold and slope of a logistic fit over all devices and cycles."""
    p = logistic_probability(np.array(list(MEASURED)), 0.6729, 24.92)
    np.testing.assert_allclose(p, list(MEASURED.values()), atol=0.04)


def test_devices_with_thresholds_of_their_own_make_up_the_measured_cell():
    cell = LogisticSet()
    thresholds = cell.thresholds(20_000, seed=1, name="tile")
    pooled = [logistic_probability(v, thresholds, cell.slope).mean() for v in MEASURED]
    assert np.sqrt(np.mean((np.array(pooled) - list(MEASURED.values())) ** 2)) < 0.04


def test_thresholds_are_a_fixed_mask():
    cell = LogisticSet()
    mask = cell.thresholds(100_000, seed=1, name="tile")
    assert mask.mean() == pytest.approx(0.679, rel=1e-3)
    assert mask.std() == pytest.approx(0.041, rel=0.01)
    np.testing.assert_array_equal(mask[60:], cell.thresholds(100_000 - 60, seed=1, name="tile", first=60))
    p = set_probability(0.6, mask, cell.numbers(BETA, THETA))
    assert np.corrcoef(p, mask)[0, 1] < -0.9
    alike = LogisticSet(threshold_spread=0.0)
    one = set_probability(0.6, alike.thresholds(5, 1, "tile"), alike.numbers(BETA, THETA))
    np.testing.assert_allclose(one, wanted_probability(0.6, BETA, THETA), rtol=1e-12)


@pytest.mark.parametrize("description", [ExactSet(), PoissonSet(most=4.0), PoissonSet(by="width"), LogisticSet()])
def test_kernels_and_arrays_have_the_same_formulas(description):
    @numba.njit
    def compiled(changes, threshold, numbers):
        out = np.empty(changes.size)
        for i in range(changes.size):
            out[i] = set_probability(changes[i], threshold, numbers)
        return out

    numbers = description.numbers(BETA, THETA)
    found = compiled(CHANGES, 0.65, numbers)
    np.testing.assert_allclose(found, set_probability(CHANGES, 0.65, numbers), rtol=1e-12)


def test_a_deterministic_count_is_the_nearest():
    np.testing.assert_array_equal(deterministic_count(np.array([0.0, 0.24, 0.26, -0.26, -1.1, 99.0]), 0.5, 31),
                                  [0, 0, 1, -1, -2, 31])  # fmt: skip


def test_a_stochastic_count_is_right_in_the_mean():
    u = (np.arange(10_000) + 0.5) / 10_000
    for change in (0.1, -0.37, 2.3):
        counts = stochastic_count(change, 0.5, 31, u)
        assert counts.mean() * 0.5 == pytest.approx(change, rel=1e-3)
        assert np.ptp(counts) <= 1
    assert stochastic_count(99.0, 0.5, 31, 0.5) == 31
