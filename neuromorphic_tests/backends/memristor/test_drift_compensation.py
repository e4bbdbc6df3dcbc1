"""Compensation of drift: exact where all devices lose alike, better than none where they do not, and never for free."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hmn_snn.backends.memristor import presets
from hmn_snn.backends.memristor.circuit import Converter, Wires
from hmn_snn.backends.memristor.hardware import SCHEMES
from hmn_snn.backends.memristor.retention import Retention
from hmn_snn.backends.memristor.written_devices import Ideal

import hmn_snn as hs
from hmn_snn.errors import DescriptionError
from hmn_snn.lowering import lower
from hmn_snn.network import Network
from hmn_snn.registry import get
from neuromorphic_tests.agreement import assert_same_run

DAY = 86400.0
ALIKE = Ideal(retention=Retention(nu=0.06))  # every device loses the same share
DRIFTS = {"device": ALIKE, "age": DAY}
GLOBAL = {"compensation": "global"}


def read_out() -> Network:
    """Inputs that spike in turn, onto silent neurons whose currents are recorded."""
    net = hs.Network("read_out", dt=0.1, seed=3)
    source = net.add(hs.SpikeInput([[1.0 + 0.1 * k] for k in range(12)], name="source"))
    cells = net.add(hs.Population(9, hs.LIF(), name="cells"))
    weight = np.random.default_rng(1).uniform(0.0, 0.3, (12, 9))
    net.add(hs.Projection(source, cells, hs.AllToAll(), weight=weight, delay=0.1, name="rows"))
    net.record(cells, "i_exc")
    return net


def learning() -> Network:
    net = hs.Network("learning", dt=0.1, seed=1)
    stim = net.add(hs.PoissonInput(10, rate=60.0, name="stim"))
    cells = net.add(hs.Population(4, hs.LIF(), name="cells"))
    dopamine = net.add(hs.Modulator(tau=200.0, tonic=1.0, name="dopamine"))
    rule = hs.HMNRule(modulators=[dopamine], eta_g=2.0, tick=25.0, w_max=1.0)
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=0.3, plasticity=rule, name="learned"))
    return net


def currents(**options) -> np.ndarray:
    return hs.run(read_out(), 4.0, backend="memristor", **options).traces["cells"]["i_exc"].values


def session(**options):
    return get("memristor").translate(lower(read_out()), **options).start()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(
    ("more", "error"),
    # Of wires that take some, devices that conduct less lose less: then a factor is not exact, here by 1e-8.
    [({}, 1e-12), ({"operator": "exact", "wires": Wires(1e-4, 1e-4)}, 1e-7)],
)
def test_a_loss_that_all_devices_share_is_made_good_exactly(scheme, more, error):
    options = {"scheme": scheme, "tile": 6, **more}
    fresh = currents(**options)
    assert np.abs(currents(**DRIFTS, **options) - fresh).max() > 0.3 * np.abs(fresh).max()
    np.testing.assert_allclose(currents(**DRIFTS, **GLOBAL, **options), fresh, atol=error)


def test_the_factor_is_what_was_lost():
    run = session(**DRIFTS, **GLOBAL, tile=6)
    assert run.arrays[0].factor == pytest.approx(np.full(6, (1.0 + DAY / 20.0) ** 0.06), rel=1e-12)
    np.testing.assert_allclose(run.get_weights(0), lower(read_out()).projections[0].weight, rtol=1e-12)


def test_it_follows_the_clock():
    run = session(device=ALIKE, clock=1.0, **GLOBAL)
    assert run.arrays[0].factor.tolist() == [1.0]
    run.run(35)
    assert run.arrays[0].factor == pytest.approx((1.0 + 3e-3 / 20.0) ** 0.06, rel=1e-12)
    assert set(run.plane.factor) == set(run.arrays[0].factor)


def test_outputs_are_scaled_after_conversion():
    """The converter sees currents that have drifted: what lies within its range then is not clipped by the factor."""
    factor = (1.0 + DAY / 20.0) ** 0.06
    full = 0.2 * 95e-6 / factor  # A, of the largest difference of a pair, a day old
    converter = Converter(bits=16, low=-full, high=full)
    found = currents(**DRIFTS, **GLOBAL, converter=converter)
    np.testing.assert_allclose(found, currents(), atol=1e-4)


def test_phase_change_memory_a_day_old_is_nearer_to_its_weights():
    wanted = lower(read_out()).projections[0].weight
    errors = {}
    for name, options in {"none": {}, "global": GLOBAL}.items():
        run = session(device="pcm", age=DAY, **options)
        errors[name] = np.abs(run.get_weights(0) - wanted).mean()
    assert errors["global"] < 0.6 * errors["none"]


def test_what_differs_between_devices_stays():
    pcm = presets.get("pcm").without("write_noise", "flicker")
    wanted = lower(read_out()).projections[0].weight
    spread, alike = (session(device=d, age=DAY, **GLOBAL).get_weights(0) - wanted for d in (pcm, ALIKE))
    assert np.abs(alike).max() < 1e-12
    assert 0.005 < np.abs(spread).mean() < 0.05


def test_read_noise_is_scaled_too_and_calibrations_have_their_own():
    device = dataclasses.replace(ALIKE, read_noise=0.02)
    runs = [session(device=device, age=age, **GLOBAL) for age in (0.0, DAY)]
    lost = (1.0 + DAY / 20.0) ** -0.06
    np.testing.assert_allclose(runs[1].plane.variance, lost**2 * runs[0].plane.variance)
    factors = [run.arrays[0].factor[0] for run in runs]
    assert factors[0] != 1.0
    assert factors == pytest.approx([1.0, 1.0 / lost], rel=0.02)


def test_calibrations_are_reads_and_are_paid_for():
    options = {"device": ALIKE, "clock": 1.0, "tile": 6, "converter": Converter(8, -1e-3, 1e-3)}
    plain, paid = (hs.run(read_out(), 4.0, backend="memristor", **options, **more).ledger.hardware
                   for more in ({}, GLOBAL))  # fmt: skip
    # Just after programming, at the start, and at 1, 2 and 3 ms.
    more = {key: paid[key]["rows"] - plain[key]["rows"] for key in ("rows read", "devices read", "conversions")}
    assert more == {"rows read": 5 * 12, "devices read": 5 * 12 * 9 * 2, "conversions": 5 * 9 * 2}
    run = session(device=ALIKE)
    whole = 0.2**2 * 10.0 * run.arrays[0].line_conductance().sum()
    spent = paid["read energy [fJ]"]["rows"] - plain["read energy [fJ]"]["rows"]
    assert spent == pytest.approx(5 * whole, rel=1e-4)


def test_pieces_and_checkpoints_keep_the_factors(tmp_path):
    options = {"device": "pcm", "age": DAY, "clock": 1.0, "wires": Wires(5.0, 5.0), **GLOBAL}
    whole = hs.run(read_out(), 4.0, backend="memristor", **options)
    with hs.Simulation(read_out(), backend="memristor", **options) as sim:
        first = sim.run(1.7)
        sim.save(tmp_path / "state.h5")
        second = sim.run(2.3)
    assert_same_run(whole, first.joined(second))
    with hs.Simulation(read_out(), backend="memristor", **options) as sim:
        sim.load(tmp_path / "state.h5")
        rest = sim.run(2.3)
    assert_same_run(whole, first.joined(rest))
    assert rest.ledger.hardware == second.ledger.hardware  # not what its start took


def test_projections_that_learn_are_not_compensated():
    findings = hs.check(learning(), "memristor", device="pcm", **GLOBAL).findings
    assert [f.what for f in findings if f.where == "compensation"] == ["learned"]
    run = get("memristor").translate(lower(learning()), device="pcm", age=DAY, **GLOBAL).start()
    assert run.arrays[0].factor.tolist() == [1.0]


def test_an_unknown_compensation_is_refused():
    with pytest.raises(DescriptionError) as raised:
        hs.run(read_out(), 1.0, backend="memristor", compensation="per column")
    assert raised.value.parameter == "compensation"
