"""Firing rates of the LIF neuron: closed forms, NEST's test value, and what the engine gives.

R1 is the f-I curve of every textbook (Gerstner et al., Neuronal Dynamics, section 1.3). R2 is Siegert's formula; the
first value is that of NEST's test_siegert_neuron, the state C that of Brunel, J. Comput. Neurosci. 8, 183 (2000).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

import hmn_snn as hs
from hmn_snn.errors import DescriptionError, UnitError
from hmn_snn.theory import lif_rate, siegert

SQRT2 = np.sqrt(2.0)
F_I = {10.5: 28.2125, 11.0: 34.5078, 12.0: 43.6346, 15.0: 62.5543, 20.0: 83.8120}
# mu [mV], sigma sqrt(2) [mV], rate [Hz]; tau 10, refractory 2, threshold 15, reset 0
NOISY = [(15.0, np.sqrt(1.5), 27.1095934379), (10.0, 15.0, 55.7838), (-5.0, 22.5, 34.3573)]
CELL = {"tau_m": 10.0, "tau_refrac": 2.0, "v_thresh": 15.0, "v_reset": 0.0}


def noisy_population(mu: float, sigma: float, dt: float, corrected: bool, n: int = 200, **cell) -> hs.Network:
    """Return neurons with a mean and a standard deviation of the free membrane potential; R is 1 MOhm, v_rest 0."""
    net = hs.Network(dt=dt, seed=1)
    given = {"v_rest": 0.0, "cm": cell["tau_m"], "i_offset": mu, "sigma": sigma, "noise_correction": corrected, **cell}
    net.add(hs.Population(n, hs.LIF(**given), name="cells"))
    return net


@pytest.mark.parametrize(("v0", "rate"), F_I.items())
def test_r1_f_i_curve_in_closed_form(v0, rate):
    assert lif_rate(v0, tau_m=10.0, tau_refrac=5.0, v_thresh=10.0, v_reset=0.0) == pytest.approx(rate, abs=5e-5)


@pytest.mark.parametrize("v0", F_I)
def test_r1_f_i_curve_of_the_engine(v0):
    """Every interval is that of the closed form, to one step."""
    net = hs.Network(dt=0.1)
    cell = hs.LIF(tau_m=10.0, cm=10.0, v_rest=0.0, v_thresh=10.0, v_reset=0.0, tau_refrac=5.0, i_offset=v0)
    net.add(hs.Population(1, cell, name="cell"))
    spikes = hs.run(net, 1000.0).spikes["cell"].t
    assert len(spikes) > 20
    interval = 1000.0 / lif_rate(v0, tau_m=10.0, tau_refrac=5.0, v_thresh=10.0, v_reset=0.0)
    assert np.abs(np.diff(spikes) - interval).max() <= 0.1 + 1e-9


@pytest.mark.parametrize(("mu", "s", "rate"), NOISY)
def test_r2_siegert_formula(mu, s, rate):
    given = len(str(rate).split(".")[1])
    assert siegert(mu, s / SQRT2, **CELL) == pytest.approx(rate, abs=max(1e-8, 0.5 * 10.0**-given))


def test_r2_siegert_formula_against_nest_to_1e_8():
    assert siegert(15.0, np.sqrt(1.5) / SQRT2, **CELL) == pytest.approx(27.1095934379, abs=1e-8)


@pytest.mark.parametrize(("mu", "s", "rate"), NOISY)
@pytest.mark.parametrize(("dt", "corrected", "tolerance"), [(0.01, False, 0.05), (0.1, True, 0.02)])
def test_r2_siegert_rate_of_the_engine(mu, s, rate, dt, corrected, tolerance):
    results = hs.run(noisy_population(mu, s / SQRT2, dt, corrected, n=100, **CELL), 3000.0)
    assert results.spikes["cells"].rate(200.0, 3000.0) == pytest.approx(rate, rel=tolerance)


@pytest.mark.parametrize(("mu", "s", "rate"), NOISY)
def test_r2_steps_act_like_a_higher_threshold(mu, s, rate):
    """Broadie, Glasserman & Kou 1997: a barrier watched every dt lies 0.5826 steps of noise further away."""
    sigma = s / SQRT2
    higher = CELL | {"v_thresh": 15.0 + 0.5825971579390107 * sigma * SQRT2 * np.sqrt(0.1 / 10.0)}
    found = hs.run(noisy_population(mu, sigma, 0.1, False, **CELL), 3000.0).spikes["cells"].rate(200.0, 3000.0)
    assert found == pytest.approx(siegert(mu, sigma, **higher), rel=0.02)
    assert found < 0.99 * rate


@pytest.mark.parametrize(
    ("dt", "corrected", "rate"), [(1.0, False, 32.4), (1.0, True, 37.6), (0.1, False, 36.1), (0.1, True, 37.9)]
)
def test_r2_time_step_and_correction_in_brunels_state_c(dt, corrected, rate):
    """Brunel's state C (g 5, eta 2) in the diffusion approximation: theory 37.95 Hz, less in discrete time."""
    cell = {"tau_m": 20.0, "tau_refrac": 2.0, "v_thresh": 20.0, "v_reset": 10.0}

    def drive(nu: float) -> tuple[float, float]:
        # C_E 1000, J .1 mV, C_I = C_E/4, external rate 2 * 10 Hz: tau_m J C_E = 2 mV/Hz, tau_m J**2 C_E = .2 mV**2/Hz
        return 2.0 * (20.0 + nu * (1.0 - 5.0 / 4.0)), np.sqrt(0.2 * (20.0 + nu * (1.0 + 25.0 / 4.0)) / 2.0)

    theory = brentq(lambda nu: siegert(*drive(nu), **cell) - nu, 20.0, 60.0)
    assert theory == pytest.approx(37.95, abs=0.005)
    results = hs.run(noisy_population(*drive(theory), dt, corrected, n=500, **cell), 4000.0)
    assert results.spikes["cells"].rate(200.0, 4000.0) == pytest.approx(rate, rel=0.01)


def test_free_membrane_has_the_standard_deviation_sigma():
    """Ornstein-Uhlenbeck (R10): stationary variance sigma**2, correlation exp(-lag/tau_m), on the grid exactly."""
    n, sigma, tau = 20_000, 2.5, 20.0
    net = noisy_population(0.0, sigma, 1.0, False, n, tau_m=tau, tau_refrac=0.0, v_thresh=1e3, v_reset=0.0)
    net.record(net["cells"], "v", every=10.0)
    v = hs.run(net, 210.0).traces["cells"]["v"].values
    assert v[-1].std() == pytest.approx(sigma, rel=5.0 / np.sqrt(2 * n))
    assert abs(v[-1].mean()) < 5.0 * sigma / np.sqrt(n)
    assert np.corrcoef(v[-1], v[-2])[0, 1] == pytest.approx(np.exp(-10.0 / tau), abs=5.0 / np.sqrt(n))


def test_rates_take_arrays_and_units():
    rates = lif_rate([9.0, 12.0, 20.0], tau_m="10 ms", tau_refrac=5.0, v_thresh="10 mV", v_reset=0.0)
    assert rates == pytest.approx([0.0, F_I[12.0], F_I[20.0]], abs=1e-4)
    assert siegert(12.0, [0.0, 3.0], **CELL).shape == (2,)


def test_without_noise_siegert_is_the_f_i_curve():
    assert siegert(20.0, 0.0, **CELL) == lif_rate(20.0, **CELL)
    assert siegert(20.0, 1e-3, **CELL) == pytest.approx(lif_rate(20.0, **CELL), rel=1e-6)
    assert siegert(10.0, 0.01, **CELL) == 0.0


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"tau_m": 0.0}, "tau_m"),
        ({"tau_refrac": -1.0}, "tau_refrac"),
        ({"v_reset": 15.0}, "v_reset"),
        ({"mu": np.nan}, "mu"),
    ],
)
def test_rates_refuse_what_no_neuron_has(change, parameter):
    with pytest.raises(DescriptionError) as caught:
        siegert(**({"mu": 10.0, "sigma": 1.0, **CELL} | change))
    assert (caught.value.owner, caught.value.parameter) == ("siegert", parameter)


def test_rates_refuse_wrong_dimensions():
    with pytest.raises(UnitError):
        lif_rate(10.0, tau_m="10 mV")
