"""Device descriptions: what they refuse, what they are without a cause of error, the presets."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hmn_snn.backends.memristor import presets
from hmn_snn.backends.memristor.devices import CAUSES
from hmn_snn.backends.memristor.population import Population
from hmn_snn.backends.memristor.pulsed_devices import ConstantStep, ExpStep, LinearStep, PowStep, SoftBounds
from hmn_snn.backends.memristor.read_noise import Flicker, Telegraph
from hmn_snn.backends.memristor.retention import Retention
from hmn_snn.backends.memristor.switching import LogisticSet, PoissonSet
from hmn_snn.backends.memristor.table_device import Table
from hmn_snn.backends.memristor.written_devices import PCM, Ideal, Programmed

from hmn_snn.errors import DescriptionError, UnknownNameError

EVERYTHING = {
    "g_min_spread": 1.0, "g_max_spread": 2.0, "write_noise": 0.5, "levels": 16, "read_noise": 0.02,
    "read_noise_spread": 0.3, "rtn": Telegraph(amplitude_lrs=0.05, amplitude_hrs=0.3, amplitude_spread=0.4),
    "flicker": Flicker(), "retention": Retention(nu=0.05, nu_spread=0.02), "stuck_lrs": 0.05, "stuck_hrs": 0.05,
    "stuck_between": 0.1, "endurance": 20.0, "endurance_spread": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("make", "parameter"),
    [
        (lambda: Ideal(g_min=-1.0), "g_min"),
        (lambda: Ideal(g_max=5.0), "g_max"),
        (lambda: Ideal(g_max=math.nan), "g_max"),
        (lambda: Ideal(g_max="100 uS"), "g_max"),
        (lambda: Ideal(g_max_spread=-1.0), "g_max_spread"),
        (lambda: Ideal(levels=1), "levels"),
        (lambda: Ideal(levels=2.5), "levels"),
        (lambda: Ideal(stuck_lrs=1.2), "stuck_lrs"),
        (lambda: Ideal(stuck_lrs=0.6, stuck_hrs=0.6), "stuck_lrs, stuck_hrs, stuck_between"),
        (lambda: Ideal(endurance=0.0), "endurance"),
        (lambda: Ideal(fails_to="open"), "fails_to"),
        (lambda: Programmed(program_noise=(1.0,) * 7), "program_noise"),
        (lambda: Programmed(g_reference=0.0), "g_reference"),
        (lambda: ConstantStep(step=0.0), "step"),
        (lambda: ConstantStep(c2c=-0.1), "c2c"),
        (lambda: ConstantStep(up_down=1.5), "up_down"),
        (lambda: SoftBounds(g_zero=200.0), "g_zero"),
        (lambda: SoftBounds(g_zero=5.0), "g_zero"),
        (lambda: LinearStep(gamma_up=-1.0), "gamma_up"),
        (lambda: ExpStep(a=math.inf), "a"),
        (lambda: PowStep(gamma_down=-1.0), "gamma_down"),
        (lambda: replace(presets.get("taox"), up=(1.0, 2.0)), "up_c2c"),
        (lambda: replace(presets.get("taox"), down=(-1.0,) * 11), "down"),
        (lambda: Retention(t_0=0.0), "t_0"),
        (lambda: Retention(tau=-1.0), "tau"),
        (lambda: Telegraph(share=2.0), "share"),
        (lambda: Telegraph(tau_capture=0.0), "tau_capture"),
        (lambda: Flicker(t_read=0.0), "t_read"),
        (lambda: PoissonSet(by="current"), "by"),
        (lambda: PoissonSet(least=2.0, most=1.0), "most"),
        (lambda: LogisticSet(slope=0.0), "slope"),
    ],
)
def test_a_wrong_parameter_is_named(make, parameter):
    with pytest.raises(DescriptionError) as refusal:
        make()
    assert refusal.value.parameter == parameter
    assert refusal.value.allowed


def test_a_written_device_has_no_step():
    with pytest.raises(DescriptionError) as refusal:
        _ = PCM().mean_step
    assert refusal.value.parameter == "mean_step"


def test_an_unknown_preset_or_cause_is_told_what_there_is():
    with pytest.raises(UnknownNameError) as refusal:
        presets.get("pmc")
    assert refusal.value.known == presets.names()
    with pytest.raises(UnknownNameError) as refusal:
        Ideal().without("age")
    assert refusal.value.known == CAUSES


@pytest.mark.parametrize("name", presets.names())
def test_a_preset_loses_exactly_the_cause_that_is_taken_away(name):
    device = presets.get(name)
    for cause in device.causes:
        left = set(device.without(cause).causes)
        # The spread of what is gone goes with it.
        assert set(device.causes) - {cause, "d2d"} <= left <= set(device.causes) - {cause}
    bare = device.without(*CAUSES)
    assert bare.causes == ()
    assert (bare.g_min, bare.g_max) == (device.g_min, device.g_max)
    assert type(bare) is type(device)


@pytest.mark.parametrize("name", presets.names())
def test_what_has_no_checked_source_is_off_in_presets(name):
    device = presets.get(name)
    assert device.rtn is None
    assert device.endurance == math.inf
    assert device.stuck_lrs == device.stuck_hrs == device.stuck_between == 0.0


@pytest.mark.parametrize("kind", [Ideal, Programmed, PCM])
def test_without_its_errors_a_written_device_is_ideal_to_the_last_bit(kind):
    device = kind(**EVERYTHING | {"g_min": 1.0, "g_max": 30.0})
    assert set(device.causes) >= set(CAUSES) - {"c2c", "asymmetry", "nonlinearity"}
    targets = np.linspace(0.5, 31.0, 500)
    found = []
    for each in (device.without(*CAUSES), Ideal(g_min=1.0, g_max=30.0)):
        devices = Population(each, 500, seed=3, name="tile 0")
        assert devices.write(targets) == (500, 500)
        devices.advance(1e4)
        g = devices.conductance()
        found.append(g)
        np.testing.assert_array_equal(devices.white_sigma(g), 0.0)
    np.testing.assert_array_equal(found[0], np.clip(targets, 1.0, 30.0))
    np.testing.assert_array_equal(found[0], found[1])


def ideal_train(g, n, device):
    for _ in range(abs(n)):
        g = min(max(g + math.copysign(device.step, n), device.g_min), device.g_max)
    return g


@pytest.mark.parametrize("kind", [ConstantStep, LinearStep, SoftBounds, ExpStep, PowStep])
def test_without_its_errors_a_pulsed_device_makes_ideal_steps_to_the_last_bit(kind):
    extra = {"step_spread": 0.3, "up_down": 0.2, "up_down_spread": 0.1, "c2c": 0.4}
    device = kind(**EVERYTHING, **extra, step=0.3).without(*CAUSES)
    counts = np.random.default_rng(0).integers(-30, 30, 300)
    devices = Population(device, 300, g=np.linspace(5.0, 100.0, 300))
    before = devices.conductance()
    devices.pulse(counts)
    devices.advance(100.0)
    expected = [ideal_train(g, n, device) for g, n in zip(before, counts, strict=True)]
    np.testing.assert_array_equal(devices.conductance(), expected)


@pytest.mark.parametrize("cause", [c for c in CAUSES if c not in ("asymmetry", "nonlinearity")])
def test_each_cause_alone_changes_something_and_its_neutral_value_nothing(cause):
    whole = SoftBounds(**EVERYTHING, step=1.0, step_spread=0.3, c2c=0.4)
    bare = whole.without(*CAUSES)
    alone = whole.without(*(other for other in CAUSES if other != cause)).without("nonlinearity")
    found = []
    for device in (bare, alone, alone.without(cause)):
        devices = Population(device, 200, name="tile", g=50.0)
        for _ in range(30):
            devices.pulse(np.ones(200, dtype=int))
        devices.advance(10.0)
        g = devices.conductance()
        found.append(g + devices.white_sigma(g))
    assert np.any(found[0] != found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_weights_become_conductances_within_three_deviations():
    device = presets.get("reram_sb")
    # weights -0.75 (sd 0.3) and 1.25 (sd 0.3) with dw_min 0.002 on 3.8 weight units to 100 uS
    assert device.g_min == pytest.approx(0.9 * 100.0 / 3.8)
    assert device.g_max == pytest.approx(2.9 * 100.0 / 3.8)
    assert device.g_zero == pytest.approx(1.65 * 100.0 / 3.8)
    assert device.step == pytest.approx(0.002 * 100.0 / 3.8)
    assert device.write_noise == pytest.approx(56 * 0.002 * 100.0 / 3.8)


def test_a_table_reckons_with_its_middle():
    assert presets.get("taox").mean_step == pytest.approx(0.5 * (62.0 + 23.3))
    assert isinstance(presets.get("taox"), Table)
