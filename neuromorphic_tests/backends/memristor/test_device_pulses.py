"""The pulse kernel against closed forms, plain formulas and measured statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hmn_snn.backends.memristor import presets
from hmn_snn.backends.memristor.population import Population
from hmn_snn.backends.memristor.pulsed_devices import (
    ConstantStep,
    ExpStep,
    LinearStep,
    PowStep,
    SoftBounds,
    SoftBoundsReference,
)
from hmn_snn.backends.memristor.pulses import gaussian_quantiles

from hmn_snn.errors import DescriptionError

N = 200_000
WIDE = {"g_min": 0.0, "g_max": 100.0}


def test_the_table_of_gaussians_has_their_moments():
    xi = gaussian_quantiles().astype(np.float64)
    assert xi.mean() == pytest.approx(0.0, abs=1e-6)
    assert xi.var() == pytest.approx(1.0, abs=1e-6)
    assert np.mean(xi**4) == pytest.approx(3.0, rel=0.01)


def test_pulse_noise_is_white_over_devices_and_pulses():
    device = ConstantStep(step=1.0, c2c=0.1)
    devices = Population(device, 20_000, g=50.0)
    noise = []
    for n in (1, -1) * 4:
        before = devices.conductance()
        devices.pulse(np.full(20_000, n))
        noise.append((devices.conductance() - before) * n - 1.0)
    noise = np.array(noise) / 0.1
    assert noise.std() == pytest.approx(1.0, rel=0.01)
    flat = np.corrcoef(noise)
    assert np.abs(flat - np.eye(8)).max() < 5 / np.sqrt(20_000)
    for row in noise:
        assert abs(np.mean(row[1:] * row[:-1])) < 5 / np.sqrt(20_000)


def moments(g, n, s, b, sigma, additive):
    """Return the mean and standard deviation of a conductance after n pulses towards a soft bound b (Section 2.1)."""
    q = 1.0 - s / b
    mean = b - (b - g) * q**n
    if additive:
        return mean, np.sqrt((s * sigma) ** 2 * (1.0 - q ** (2 * n)) / (1.0 - q**2))
    return mean, np.sqrt((b - g) ** 2 * ((q**2 + (s * sigma / b) ** 2) ** n - q ** (2 * n)))


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("additive", [False, True])
@pytest.mark.parametrize("up", [True, False])
def test_soft_bounds_after_n_pulses_have_the_moments_of_the_closed_form(closed, additive, up):
    # b_max - g_zero = g_zero - b_min = 50, far enough that noise does not reach the bounds
    device = SoftBounds(**WIDE, step=0.8, c2c=0.6, additive=additive)
    start, n = 48.0, 20
    devices = Population(device, N, g=start, name=f"{closed}{additive}")
    assert devices.pulse(np.full(N, n if up else -n), closed=closed) == (n * N, n * N)
    mean, std = moments((start if up else 100.0 - start) - 50.0, n, 0.8, 50.0, 0.6, additive)
    g = devices.conductance() - 50.0
    assert (g if up else -g).mean() == pytest.approx(mean, rel=0.01)
    assert g.std() == pytest.approx(std, rel=0.01)


@pytest.mark.parametrize("closed", [False, True])
def test_constant_steps_add_up_like_a_random_walk(closed):
    devices = Population(ConstantStep(**WIDE, step=0.5, c2c=0.4), N, g=50.0)
    devices.pulse(np.full(N, -30), closed=closed)
    assert devices.conductance().mean() == pytest.approx(35.0, rel=1e-3)
    assert devices.conductance().std() == pytest.approx(0.5 * 0.4 * np.sqrt(30), rel=0.01)


def test_short_trains_have_no_closed_form():
    populations = [Population(SoftBounds(c2c=0.4), 1000, g=50.0) for _ in range(2)]
    for devices, closed in zip(populations, (True, False), strict=True):
        devices.pulse(np.full(1000, 7), closed=closed)
    np.testing.assert_array_equal(*(devices.conductance() for devices in populations))


@pytest.mark.parametrize("extra", [{"write_noise": 1e-300}, {"endurance": 1e9}])
def test_the_simple_train_is_the_general_one_up_to_rounding(extra):
    """What forces the general way here changes no number."""
    device = SoftBounds(step=2.0, step_spread=0.3, c2c=0.5)
    simple, general = Population(device, 5000, g=50.0), Population(replace(device, **extra), 5000, g=50.0)
    assert simple.cells.simple
    assert not general.cells.simple
    counts = np.random.default_rng(2).integers(-20, 20, 5000)
    assert simple.pulse(counts) == general.pulse(counts)
    np.testing.assert_allclose(simple.cells.hidden, general.cells.hidden, rtol=1e-12)
    np.testing.assert_array_equal(simple.cells.pulses, general.cells.pulses)


@pytest.mark.parametrize(
    "device", [SoftBounds(step=2.0, step_spread=0.3, c2c=0.5, stuck_lrs=0.1), ConstantStep(c2c=3.0)]
)  # fmt: skip
@pytest.mark.parametrize("n", [1, 63, 64, 65, 1000])
def test_all_devices_at_once_are_pulsed_as_each_by_itself(device, n):
    """All together in blocks, or named one by one: the same numbers, to the last bit."""
    together, single = Population(device, n, g=50.0, first=7), Population(device, n, g=50.0, first=7)
    rng = np.random.default_rng(n)
    for longest in (1, 20):
        counts = rng.integers(-longest, longest + 1, n)
        assert together.pulse(counts) == single.pulse(counts, index=np.arange(n))
        assert len(np.unique(together.cells.hidden)) > n // 4
        np.testing.assert_array_equal(together.cells.hidden, single.cells.hidden)
        np.testing.assert_array_equal(together.cells.pulses, single.cells.pulses)


def test_a_device_that_is_named_twice_is_pulsed_twice():
    devices = Population(ConstantStep(step=2.0), 3, g=50.0)
    assert devices.pulse([1, 1, -1], index=[2, 2, 0]) == (3, 3)
    np.testing.assert_allclose(devices.conductance(), [48.0, 50.0, 54.0])


def test_trains_are_shorter_than_2_to_the_31():
    with pytest.raises(DescriptionError) as raised:
        Population(ConstantStep(), 2).pulse([1, -(2**31)])
    assert raised.value.parameter == "counts"


@pytest.mark.parametrize("up_down", [0.0, 0.3, -0.4])
def test_alternating_pulses_end_at_the_symmetry_point(up_down):
    device = SoftBoundsReference(g_min=10.0, g_max=90.0, g_zero=40.0, step=1.0, up_down=up_down, c2c=0.1,
                                 step_spread=0.1, g_max_spread=4.0, g_min_spread=2.0)  # fmt: skip
    devices = Population(device, 500, g=20.0)
    for _ in range(600):
        devices.pulse(np.ones(500, dtype=int))
        devices.pulse(np.full(500, -1))
    found = []
    for _ in range(500):
        devices.pulse(np.ones(500, dtype=int))
        found.append(devices.conductance())
        devices.pulse(np.full(500, -1))
        found.append(devices.conductance())
    xi = {p: devices.normal(p) for p in ("step", "g_max", "g_min")}
    gain, b_max, b_min = 1.0 + 0.1 * xi["step"], 50.0 + 4.0 * xi["g_max"], -30.0 + 2.0 * xi["g_min"]
    up, down = gain + min(up_down, 0.0), gain - max(up_down, 0.0)
    symmetry = (up - down) / (up / b_max - down / b_min)
    np.testing.assert_allclose(devices.reference, 40.0 + symmetry, rtol=1e-12)
    assert np.mean(found) == pytest.approx(40.0 + symmetry.mean(), rel=0.02)
    np.testing.assert_allclose(np.mean(found, axis=0), 40.0 + symmetry, rtol=0.02)


def test_a_linear_step_shrinks_by_gamma():
    device = LinearStep(**WIDE, step=2.0, g_zero=40.0, gamma_up=0.25, gamma_down=0.5)
    devices = Population(device, 3, g=[70.0, 40.0, 20.0])
    devices.pulse([1, 1, -1])
    expected = [70 + 2 * (1 - 0.25 * 30 / 60), 42.0, 20 - 2 * (1 - 0.5 * 20 / 40)]
    np.testing.assert_allclose(devices.conductance(), expected)


def test_an_exponential_step_is_that_of_its_formula():
    device = ExpStep(**WIDE, step=0.5, A_up=-1.18445, A_down=-0.081404, gamma_up=5.0, gamma_down=4.0, a=-0.5, b=-0.4)
    g = np.linspace(10.0, 90.0, 9)
    for sign in (1, -1):
        devices = Population(device, 9, g=g)
        devices.pulse(np.full(9, sign))
        z = 2.0 * -0.5 * (g - 50.0) / 100.0 - 0.4
        y = 1.0 + 1.18445 * np.exp(5.0 * z) if sign > 0 else 1.0 + 0.081404 * np.exp(-4.0 * z)
        np.testing.assert_allclose(devices.conductance(), g + sign * 0.5 * y)


def test_an_exponential_step_has_more_noise_away_from_zero():
    device = ExpStep(**WIDE, step=0.1, c2c=0.6, A_up=0.0, A_down=0.0, noise_offset=0.5, noise_slope=0.02)
    for g in (50.0, 80.0):
        devices = Population(device, N, g=g)
        devices.pulse(np.ones(N, dtype=int))
        assert devices.conductance().std() == pytest.approx(0.6 * (0.1 + 0.5 + 0.02 * abs(g - 50.0)), rel=0.01)


def test_a_power_step_is_that_of_its_formula():
    device = PowStep(**WIDE, step=3.0, gamma_up=1.7, gamma_down=0.6)
    devices = Population(device, 2, g=[30.0, 30.0])
    devices.pulse([1, -1])
    np.testing.assert_allclose(devices.conductance(), [30 + 3 * 0.7**1.7, 30 - 3 * 0.3**0.6])


TAOX = [  # share of the range, mean step, sd from pulse to pulse, sd of the mean between devices (41 devices)
    (0.1, 1, 146.0, 16.0, 41.0), (0.5, 1, 62.0, 10.6, 23.6), (0.9, 1, 0.57, 1.5, 0.6),
    (0.1, -1, -0.7, 5.3, 1.1), (0.5, -1, -23.3, 14.2, 13.6), (0.9, -1, -4.8, 3.1, 3.3),
]  # fmt: skip


@pytest.mark.parametrize(("x", "sign", "mean", "c2c", "spread"), TAOX)
def test_steps_of_taox_have_the_measured_mean_and_spreads(x, sign, mean, c2c, spread):
    """Bounds set wide apart keep the clip, which is no part of the table, out of the statistics."""
    device = replace(presets.get("taox"), g_min=1000.0, g_max=9000.0, g_min_spread=0.0, g_max_spread=0.0)
    g = 1000.0 + x * 8000.0
    scale = 5 if abs(mean) < 1.0 else 1  # 5 % of the step's own spread where the mean is far below it
    for causes, expected in ((("d2d",), c2c), (("c2c",), spread), ((), np.hypot(c2c, spread))):
        devices = Population(device.without(*causes), N, g=g)
        devices.pulse(np.full(N, sign))
        steps = devices.conductance() - g
        assert steps.mean() == pytest.approx(mean, rel=0.05, abs=0.05 * expected / scale)
        assert steps.std() == pytest.approx(expected, rel=0.05)


def test_write_noise_is_seen_and_not_kept():
    device = SoftBounds(step=1.0, write_noise=3.0)
    devices = Population(device, N, g=50.0)
    for _ in range(3):
        devices.pulse(np.ones(N, dtype=int))
    np.testing.assert_array_equal(devices.cells.hidden, devices.cells.hidden[0])
    assert devices.conductance().std() == pytest.approx(3.0, rel=0.01)
    assert devices.conductance().mean() == pytest.approx(devices.cells.hidden[0], rel=1e-3)
