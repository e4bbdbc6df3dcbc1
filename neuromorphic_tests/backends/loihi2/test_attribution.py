"""Where learning on Loihi 2 loses what it loses."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.loihi2.attribution import HOST, ON_CHIP, attribution

import hmn_snn as hs
from hmn_snn.errors import DescriptionError
from neuromorphic_tests.backends.loihi2.test_on_chip import network


@pytest.fixture(scope="module")
def on_chip():
    return attribution(network(), 4000.0)


def test_each_cause_is_left_out_once(on_chip):
    assert [c.without for c in on_chip.contributions] == ["", *ON_CHIP, "all"]
    assert "weight rounding" in str(on_chip)


def test_without_any_cause_the_approximation_is_the_rule(on_chip):
    assert on_chip["all"].relative_error < 0.03
    assert on_chip["all"].correlation > 0.999
    assert on_chip[""].relative_error > 5 * on_chip["all"].relative_error


def test_what_the_chip_does_is_what_is_attributed(on_chip):
    """The learner with all causes errs as much as the chip itself, which hears other spikes and draws other numbers."""
    net = network()
    with hs.Simulation(net, backend="numba", progress=False) as sim:
        sim.run(4000.0)
        exact = sim.weights("plastic").values.copy()
    options = {"backend": "loihi2", "executor": "emulator", "learning": "on_chip"}
    with hs.Simulation(net, progress=False, **options) as sim:
        sim.run(4000.0)
        error = np.sqrt(np.mean((sim.weights("plastic").values - exact) ** 2))
    assert on_chip[""].weight_error == pytest.approx(error, rel=0.5)


def test_coarse_weights_lose_most_where_little_is_learned():
    little = attribution(network(eta_g=4.0), 4000.0)
    errors = {c.without: c.relative_error for c in little.contributions}
    assert min(errors, key=lambda cause: errors[cause] if cause != "all" else 9.0) == "weight rounding"
    assert errors["weight rounding"] < 0.5 * errors[""]


def test_saturation_is_attributed_to_the_range_of_tags():
    """Strong bursts fill the tags; only a wider tag helps."""
    crowded = attribution(network(tau_slow=5000.0, kappa_slow=0.9, A_minus=0.0, eta_g=10.0), 4000.0)
    errors = {c.without: c.weight_error for c in crowded.contributions if c.without != "all"}
    assert min(errors, key=errors.__getitem__) == "tag range"


def test_on_the_host_only_weights_and_spikes_lose_anything():
    report = attribution(network(), 2000.0, learning="host")
    assert [c.without for c in report.contributions] == ["", *HOST]
    assert report[""].relative_error < 0.1
    assert report[""].correlation > 0.99
    assert report["weight bits"].weight_error < report[""].weight_error


@pytest.mark.parametrize(("net", "learning"), [(network(), "elsewhere"), (hs.Network("empty"), "on_chip")])
def test_what_cannot_be_attributed_is_refused(net, learning):
    with pytest.raises(DescriptionError) as caught:
        attribution(net, 10.0, learning=learning)
    assert caught.value.parameter in ("learning", "plasticity")
