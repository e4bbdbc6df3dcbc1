"""Populations of devices: keyed draws, faults, wear, levels, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.memristor import presets
from hmn_snn.backends.memristor.population import Population
from hmn_snn.backends.memristor.pulsed_devices import ConstantStep, SoftBounds
from hmn_snn.backends.memristor.read_noise import Flicker, Telegraph
from hmn_snn.backends.memristor.retention import Retention
from hmn_snn.backends.memristor.written_devices import Ideal, Programmed

from hmn_snn.errors import DescriptionError

FIELDS = ("g", "low", "high", "up", "up_slope", "down", "down_slope", "limit", "drift")


@pytest.mark.parametrize("name", presets.names())
def test_a_device_is_the_same_in_every_part_and_order(name):
    device = presets.get(name)
    g = np.linspace(device.g_min, device.g_max, 100)
    whole = Population(device, 100, seed=5, name="tile", g=g)
    part = Population(device, 40, seed=5, name="tile", first=60, g=g[60:])
    for field in FIELDS:
        np.testing.assert_array_equal(getattr(whole.cells, field)[60:], getattr(part.cells, field))
    np.testing.assert_array_equal(whole.reference[60:], part.reference)
    order = np.random.default_rng(1).permutation(40)
    if device.kind == Ideal.kind:
        whole.write(g)
        part.write(g[60:][order], order)
    else:
        counts = np.random.default_rng(0).integers(-9, 9, 100)
        whole.pulse(counts)
        part.pulse(counts[60:][order], order)
    for devices in (whole, part):
        devices.advance(50.0)
    np.testing.assert_array_equal(whole.conductance()[60:], part.conductance())


def test_seed_and_name_make_other_devices():
    device = presets.get("reram_array_om")
    populations = [Population(device, 50, seed=s, name=n) for s, n in ((0, "a"), (1, "a"), (0, "b"))]
    assert len({p.cells.high.tobytes() for p in populations}) == 3
    assert len({p.cells.up.tobytes() for p in populations}) == 3


def test_pulses_draw_by_number_of_the_pulse():
    device = SoftBounds(c2c=0.5)
    one, other = Population(device, 30, g=50.0), Population(device, 30, g=50.0)
    one.pulse(np.full(30, 12))
    for n in (5, 3, 4):
        other.pulse(np.full(30, n))
    np.testing.assert_array_equal(one.conductance(), other.conductance())
    np.testing.assert_array_equal(one.cells.pulses, 12)


def test_a_removed_cause_leaves_the_draws_of_the_others():
    device = presets.get("reram_array_hfo2")
    one, other = Population(device, 200), Population(device.without("c2c", "write_noise"), 200)
    for field in ("low", "high", "up", "down"):
        np.testing.assert_array_equal(getattr(one.cells, field), getattr(other.cells, field))


def test_spreads_are_those_of_the_description():
    n = 200_000
    device = ConstantStep(g_min=20.0, g_max=80.0, g_min_spread=2.0, g_max_spread=5.0, step=0.4, step_spread=0.2,
                          up_down=0.1, up_down_spread=0.05, read_noise=0.03, read_noise_spread=0.2)  # fmt: skip
    devices = Population(device, n)
    cells = devices.cells
    for values, mean, spread in ((cells.low, 20.0, 2.0), (cells.high, 80.0, 5.0)):
        assert values.mean() == pytest.approx(mean, rel=1e-3)
        assert values.std() == pytest.approx(spread, rel=0.01)
    assert cells.up.mean() == pytest.approx(0.4, rel=2e-3)
    assert cells.down.mean() == pytest.approx(0.9 * 0.4, rel=2e-3)
    assert cells.up.std() == pytest.approx(0.4 * np.hypot(0.2, 0.05), rel=0.01)
    assert np.median(devices.white_sigma(np.full(n, 50.0))) == pytest.approx(0.03 * 50.0, rel=0.01)


def test_stuck_devices_are_as_many_as_described_and_do_not_move():
    device = SoftBounds(stuck_lrs=0.05, stuck_hrs=0.1, stuck_between=0.02, c2c=0.3, write_noise=0.3, step=2.0)
    devices = Population(device, 50_000, g=50.0)
    at = devices.cells.g[devices.stuck]
    assert devices.stuck.mean() == pytest.approx(0.17, abs=0.006)
    assert np.mean(at == device.g_max) * 0.17 == pytest.approx(0.05, abs=0.005)
    assert np.mean(at == device.g_min) * 0.17 == pytest.approx(0.1, abs=0.005)
    attempted, succeeded = devices.pulse(np.full(50_000, -1))
    assert attempted == 50_000
    assert succeeded == 50_000 - devices.stuck.sum()
    np.testing.assert_array_equal(devices.conductance()[devices.stuck], at)


@pytest.mark.parametrize("fails_to", ["lrs", "hrs"])
def test_a_device_is_stuck_after_the_pulses_that_it_endures(fails_to):
    device = ConstantStep(step=0.5, endurance=10.0, fails_to=fails_to)
    devices = Population(device, 5, g=50.0)
    assert devices.pulse(np.full(5, 10)) == (50, 50)
    np.testing.assert_array_equal(devices.conductance(), 55.0)
    assert devices.pulse(np.full(5, -3)) == (15, 0)
    np.testing.assert_array_equal(devices.conductance(), device.g_max if fails_to == "lrs" else device.g_min)
    assert devices.pulse(np.full(5, 3)) == (15, 0)
    np.testing.assert_array_equal(devices.cells.pulses, 16)


def test_written_devices_wear_too():
    devices = Population(Ideal(endurance=2.0), 4)
    assert [devices.write(g) for g in (20.0, 30.0, 40.0)] == [(4, 4), (4, 4), (4, 0)]
    np.testing.assert_array_equal(devices.conductance(), 100.0)


def test_endurance_has_its_median():
    devices = Population(Ideal(endurance=1e6, endurance_spread=0.8), 100_000)
    assert np.median(devices.cells.limit) == pytest.approx(1e6, rel=0.01)
    assert np.log(devices.cells.limit).std() == pytest.approx(0.8, rel=0.01)


@pytest.mark.parametrize("levels", [2, 16])
def test_only_so_many_levels_are_seen(levels):
    written = Population(Ideal(levels=levels), 1000)
    targets = np.linspace(5.0, 100.0, 1000)
    written.write(targets)
    step = 95.0 / (levels - 1)
    np.testing.assert_allclose(written.conductance(), 5.0 + np.rint((targets - 5.0) / step) * step)
    pulsed = Population(SoftBounds(levels=levels, step=1.0, c2c=0.3), 1000, g=targets)
    pulsed.pulse(np.full(1000, 3))
    assert len(np.unique(pulsed.conductance())) <= levels
    assert len(np.unique(pulsed.cells.hidden)) == 1000


def test_programming_noise_is_that_of_the_target():
    device = presets.get("neurram")
    for g in (4.0, 20.0, 36.0):
        devices = Population(device, 200_000)
        devices.write(g)
        sigma = np.polynomial.polynomial.polyval(g / 40.0, [0.348, 16.030, -43.853, 45.393, -16.815])
        assert devices.conductance().std() == pytest.approx(sigma, rel=0.01)
    half = Programmed(g_min=1.0, g_max=20.0, g_reference=40.0, program_noise=device.program_noise)
    assert half.program_sigma(10.0) == pytest.approx(0.5 * device.program_sigma(20.0))


def test_a_state_is_all_that_a_continuation_needs():
    device = SoftBounds(step=1.0, step_spread=0.2, c2c=0.4, write_noise=0.5, endurance=30.0, endurance_spread=0.5,
                        rtn=Telegraph(amplitude_lrs=0.1, amplitude_hrs=0.3), flicker=Flicker(),
                        retention=Retention(nu=0.05, nu_spread=0.01))  # fmt: skip
    one, other = Population(device, 300, g=50.0), Population(device, 300, g=50.0)
    counts = np.random.default_rng(3).integers(-9, 9, 300)
    one.advance(0.5)
    one.pulse(counts)
    other.set_state(one.get_state())
    for devices in (one, other):
        devices.advance(7.0)
        devices.pulse(-2 * counts)
        devices.advance(9.0)
    np.testing.assert_array_equal(one.conductance(), other.conductance())
    np.testing.assert_array_equal(one.cells.low, other.cells.low)
    assert np.any(one.cells.low == one.cells.high)


@pytest.mark.parametrize(
    ("call", "parameter"),
    [
        (lambda: Population("pcm", 3), "device"),
        (lambda: Population(Ideal(), -1), "n"),
        (lambda: Population(Ideal(), 2.0), "n"),
        (lambda: Population(Ideal(), 3).pulse([1, 1, 1]), "device"),
        (lambda: Population(ConstantStep(), 3).write(50.0), "device"),
        (lambda: Population(ConstantStep(), 3).pulse([1.5, 1, 1]), "counts"),
        (lambda: Population(ConstantStep(), 3).pulse([1, 1]), "counts"),
        (lambda: Population(ConstantStep(), 3).pulse([1], [3]), "index"),
        (lambda: Population(ConstantStep(), 3).pulse([1], [-1]), "index"),
        (lambda: Population(Ideal(), 3).write([np.nan, 1.0, 1.0]), "targets"),
        (lambda: Population(Ideal(), 3).advance(-1.0), "t"),
    ],
)
def test_bad_input_is_named(call, parameter):
    with pytest.raises(DescriptionError) as refusal:
        call()
    assert refusal.value.parameter == parameter


def test_no_devices_are_no_trouble():
    devices = Population(SoftBounds(), 0)
    assert devices.pulse(np.zeros(0, dtype=int)) == (0, 0)
    assert devices.conductance().shape == (0,)
