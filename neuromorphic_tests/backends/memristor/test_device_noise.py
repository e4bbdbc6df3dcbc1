"""Programming noise, drift and read noise against published check values and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hmn_snn.backends.memristor.population import Population
from hmn_snn.backends.memristor.pulsed_devices import SoftBounds
from hmn_snn.backends.memristor.read_noise import Flicker, Telegraph
from hmn_snn.backends.memristor.retention import Retention, exponent
from hmn_snn.backends.memristor.written_devices import PCM, Ideal

DAY = 86400.0
N = 100_000


def test_programming_noise_of_pcm_has_its_check_values():
    np.testing.assert_allclose(PCM().program_sigma([0.0, 12.5, 25.0]), [0.26348, 0.952705, 1.05538], rtol=1e-3)


def test_programming_noise_of_pcm_agrees_with_an_independent_fit():
    """CrossSim fitted the same figure of Joshi et al. (2020) with a polynomial of its own."""
    g = np.linspace(2.5, 25.0, 10)
    other = -0.00178767 * g**2 + 0.07585724 * g + 0.28638599
    np.testing.assert_allclose(PCM().program_sigma(g), other, rtol=0.05)


def test_pcm_is_programmed_with_that_noise():
    devices = Population(PCM(), N)
    devices.write(12.5)
    g = devices.cells.g
    assert g.mean() == pytest.approx(12.5, rel=1e-3)
    assert g.std() == pytest.approx(0.952705, rel=0.01)


def test_read_noise_of_pcm_has_its_check_values():
    flicker = PCM().flicker
    np.testing.assert_allclose(flicker.strength(np.array([1.0, 0.1])), [0.0088, 0.0393], rtol=1e-3)
    assert flicker.strength(0.0) == 0.2
    assert flicker.sigma(1.0, 20.0) / 0.0088 == pytest.approx(4.184, rel=1e-3)
    assert flicker.sigma(1.0, DAY) / 0.0088 == pytest.approx(5.087, rel=1e-3)


@pytest.mark.parametrize(("x", "mean", "spread"), [(1.0, 0.049, 0.008), (0.1, 0.060090, 0.022882), (0.005, 0.1, 0.045)])
def test_drift_exponents_of_pcm_are_those_of_the_state(x, mean, spread):
    numbers = PCM().retention.numbers(25.0)
    assert exponent(25.0 * x, 0.0, numbers) == pytest.approx(mean, rel=1e-3)
    assert exponent(25.0 * x, 1.0, numbers) - mean == pytest.approx(spread, rel=1e-3)


def test_pcm_drifts_by_a_power_law():
    device = PCM(program_noise=(), flicker=None, retention=replace(PCM().retention.without_spread()))
    devices = Population(device, 3)
    devices.write([25.0, 12.5, 0.125])
    devices.advance(DAY)
    left = ((DAY + 20.0) / 20.0) ** -np.array([0.049, 0.049, 0.1])
    np.testing.assert_allclose(devices.conductance(), [25.0, 12.5, 0.125] * left)


def test_a_write_restarts_drift():
    device = Ideal(retention=Retention(nu=0.1))
    devices = Population(device, 2)
    devices.write(80.0)
    devices.advance(1000.0)
    devices.write(80.0, index=[0])
    kept = 80.0 * (1000.0 / 20.0 + 1.0) ** -0.1
    np.testing.assert_allclose(devices.conductance(), [80.0, kept])
    devices.advance(1100.0)
    np.testing.assert_allclose(devices.conductance(), [80.0 * 6.0**-0.1, 80.0 * 56.0**-0.1])


def test_a_pulse_starts_from_the_drifted_conductance():
    device = SoftBounds(step=1.0, retention=Retention(nu=0.1))
    devices = Population(device, 2, g=80.0)
    devices.advance(1000.0)
    drifted = devices.conductance()[0]
    devices.pulse([1], index=[0])
    np.testing.assert_allclose(devices.conductance(), [drifted + 1.0 * (100.0 - drifted) / 47.5, drifted])


def test_relaxation_is_exponential_towards_rest():
    devices = Population(Ideal(retention=Retention(tau=50.0, g_rest=20.0)), 2)
    devices.write([80.0, 10.0])
    devices.advance(30.0)
    np.testing.assert_allclose(devices.conductance(), 20.0 + np.array([60.0, -10.0]) * math.exp(-0.6))


def test_nothing_lost_is_nothing_changed():
    g = np.random.default_rng(0).uniform(5.0, 100.0, 1000)
    devices = Population(Ideal(retention=Retention(g_rest=33.3)), 1000)
    devices.write(g)
    devices.advance(1e6)
    np.testing.assert_array_equal(devices.conductance(), g)


def test_exponents_spread_between_devices():
    devices = Population(Ideal(retention=Retention(nu=0.05, nu_spread=0.01)), N)
    devices.write(50.0)
    devices.advance(980.0)
    nu = -np.log(devices.conductance() / 50.0) / math.log(50.0)
    assert nu.mean() == pytest.approx(0.05, rel=0.01)
    assert nu.std() == pytest.approx(0.01, rel=0.01)


@pytest.mark.parametrize("calls", [(1.0,) * 400, (400.0,)])
def test_telegraph_noise_visits_both_states_as_long_as_it_should(calls):
    """However often the clock looks, the share of time in the trap is that of the rates."""
    rtn = Telegraph(amplitude_lrs=0.2, amplitude_hrs=0.2, share=0.5, tau_capture=30.0, tau_emission=10.0)
    devices = Population(Ideal(rtn=rtn), 20_000)
    devices.write(50.0)
    for step in calls:
        devices.advance(devices.time + step)
    g = devices.conductance()
    assert set(np.round(np.unique(g), 9)) == {40.0, 50.0}
    assert np.mean(g < 45.0) == pytest.approx(0.5 * 0.25, abs=0.008)


def test_telegraph_noise_keeps_its_state_for_a_while():
    rtn = Telegraph(amplitude_lrs=0.1, amplitude_hrs=0.3, tau_capture=10.0, tau_emission=10.0)
    devices = Population(Ideal(rtn=rtn), N)
    devices.write(50.0)
    devices.advance(1.0)
    before = devices.conductance() < 45.0
    devices.advance(3.0)
    after = devices.conductance() < 45.0
    # x = 0.5: the amplitude lies between; P(other state after 2 s) of two states with 10 s each
    assert np.min(devices.conductance()) == pytest.approx(50.0 * 0.8)
    assert np.mean(before != after) == pytest.approx(0.5 * (1.0 - math.exp(-2.0 * 2.0 / 10.0)), abs=0.006)


@pytest.mark.parametrize("t", [10.0, 1e3, 1e5])
def test_flicker_noise_grows_like_the_root_of_the_logarithm(t):
    flicker = Flicker()
    devices = Population(Ideal(g_min=0.0, g_max=25.0, flicker=flicker), 20_000, clock=0.1)
    devices.write(25.0)
    for part in (0.1, 0.5, 1.0):
        devices.advance(part * t)
    g = devices.conductance()
    total = np.hypot(g.std(), devices.white_sigma(g).mean()) / 25.0
    assert g.std() > 0.0
    assert total == pytest.approx(flicker.sigma(1.0, t), rel=0.03)


def test_flicker_noise_is_slow():
    devices = Population(Ideal(g_min=0.0, g_max=25.0, flicker=Flicker()), 20_000, clock=0.1)
    devices.write(25.0)
    devices.advance(1000.0)
    one = devices.conductance()
    devices.advance(1000.1)
    soon = devices.conductance()
    devices.advance(3000.0)
    late = devices.conductance()
    assert np.corrcoef(one, soon)[0, 1] > 0.85
    assert np.corrcoef(one, late)[0, 1] < np.corrcoef(one, soon)[0, 1] - 0.1
