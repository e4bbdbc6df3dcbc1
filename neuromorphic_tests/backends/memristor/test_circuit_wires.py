"""Wires, cell selection and converters: descriptions, neutral elements, and what their numbers mean."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.memristor.circuit import (
    KAPPA_TILE,
    KAPPA_WARN,
    SCHEMES,
    WIRE_SOURCES,
    WIRES,
    Converter,
    Crossbar,
    Excitation,
    Wires,
    effective_conductances,
    expected_loss,
    kappa,
    largest_size,
    loss_remark,
    solve,
    write_excitation,
)
from hypothesis import given
from hypothesis import strategies as st

from hmn_snn.errors import DescriptionError, UnitError


def test_wires_are_ideal_unless_told():
    assert Wires() == WIRES["ideal"]
    assert Wires().ideal
    assert not Wires(word=1.0).ideal
    assert not Wires(bit=1.0).ideal
    assert Wires("1 kOhm", 2.0) == Wires(1000.0, 2.0)


@pytest.mark.parametrize(
    ("wires", "parameter"),
    [
        (Wires(-1.0, 1.0), "word"),
        (Wires(1.0, np.inf), "bit"),
        (Wires(1.0, np.nan), "bit"),
        (Wires(1.0, 1.0, 1), "floating_rows"),
    ],
)
def test_wires_that_cannot_be_are_refused(wires, parameter):
    with pytest.raises(DescriptionError) as error:
        Crossbar([[1e-4]], wires, "tile 3")
    assert (error.value.owner, error.value.parameter) == ("wires of tile 3", parameter)


def test_a_resistance_has_the_unit_of_one():
    with pytest.raises(UnitError):
        Wires("1 mV", 1.0)


def test_every_preset_has_a_source():
    assert set(WIRES) == set(WIRE_SOURCES)
    assert all(not list(wires.problems()) for wires in WIRES.values())


def test_kappa_adds_up_the_two_lines():
    assert kappa(1e-4, Wires(1.0, 1.0), (64, 64)) == pytest.approx(0.4096)
    assert kappa(1e-4, Wires(2.0, 0.0), (5, 64)) == pytest.approx(0.4096)
    assert kappa(1e-4, Wires(0.0, 2.0), (64, 5)) == pytest.approx(0.4096)


@given(st.floats(1e-7, 1e-2), st.floats(1e-3, 100.0), st.floats(*KAPPA_TILE))
def test_the_largest_size_is_the_largest(G_max, r, limit):
    size, wires = largest_size(G_max, Wires(r, r), limit), Wires(r, r)
    assert kappa(G_max, wires, (size, size)) <= limit * (1.0 + 1e-12) or size == 1
    assert kappa(G_max, wires, (size + 1, size + 1)) > limit * (1.0 - 1e-12)


def test_the_largest_size_of_usual_devices_and_of_ideal_wires():
    assert [largest_size(1e-4, Wires(1.0, 1.0), limit) for limit in KAPPA_TILE] == [44, 89]
    assert largest_size(1e-4, Wires()) is None


# The losses are from independent computations with another solver; here they are found again.
@pytest.mark.parametrize("k", [0.04, 0.18, 0.74, 2.95, 4.1, 13.0, 66.0])
def test_the_table_of_losses_is_what_crossbars_lose(k):
    losses = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        r = k / (1e-4 * 64**2)
        crossbar = Crossbar(rng.uniform(5e-6, 1e-4, (64, 64)), Wires(r, r))
        V = 0.2 * rng.permutation(np.arange(64) < 19)
        losses.append(1.0 - (V @ effective_conductances(crossbar)).sum() / (V @ crossbar.conductances).sum())
    assert expected_loss(k) == pytest.approx(np.mean(losses), rel=0.12, abs=0.003)


def test_the_expected_loss_grows_from_none():
    losses = [expected_loss(k) for k in (0.0, 0.001, 0.04, 0.1, 1.0, 10.0, 66.0)]
    assert losses[0] == 0.0
    assert (np.diff(losses) > 0.0).all()
    assert losses[-1] == expected_loss(1000.0) == 0.94


def test_tiles_that_lose_too_much_are_remarked_upon():
    assert loss_remark(KAPPA_WARN, "tile 3") is None
    remark = loss_remark(4.1, "tile 3")
    assert remark.startswith("tile 3: ")
    assert "4.1, more than 3; about 56% of the signal" in remark


ROWS, COLUMNS = np.array([False, True, False, True, False]), np.array([True, False, False, True])
SELECTED = ROWS[:, None] & COLUMNS
HALF = (ROWS[:, None] | COLUMNS) & ~SELECTED
OTHERS = ~SELECTED & ~HALF


@pytest.mark.parametrize(
    ("scheme", "half", "others"), [("V/2", 0.5, 0.0), ("V/3", 1.0 / 3.0, -1.0 / 3.0), ("transistor", None, None)]
)
@pytest.mark.parametrize("voltage", [1.5, -1.2])
def test_a_write_selects_cells(scheme, half, others, voltage):
    crossbar = Crossbar(np.random.default_rng(1).uniform(5e-6, 1e-4, (5, 4)), Wires())
    circuit, excitation = write_excitation(crossbar, voltage, ROWS, COLUMNS, scheme)
    solution = solve(circuit, excitation, method="nodal")
    np.testing.assert_allclose(solution.device_voltages[SELECTED], voltage, rtol=1e-12)
    if scheme == "transistor":
        assert (solution.device_currents[~SELECTED] == 0.0).all()
    else:
        np.testing.assert_allclose(solution.device_voltages[HALF], half * voltage, rtol=1e-12)
        np.testing.assert_allclose(solution.device_voltages[OTHERS], others * voltage, rtol=1e-12)
        np.testing.assert_array_equal(circuit.conductances, crossbar.conductances)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_wires_take_their_share_of_a_write(scheme):
    crossbar = Crossbar(np.full((5, 4), 1e-4), Wires(100.0, 100.0, floating_rows=True))
    circuit, excitation = write_excitation(crossbar, 1.5, ROWS, COLUMNS, scheme)
    assert excitation.driven.all()  # also of rows at 0 V
    exact, found = solve(circuit, excitation, method="nodal"), solve(circuit, excitation)
    np.testing.assert_allclose(found.device_voltages, exact.device_voltages, atol=2e-6)
    assert 0.5 < exact.device_voltages[SELECTED].min() < exact.device_voltages[SELECTED].max() < 1.5


def test_half_selected_cells_cost_energy():
    crossbar = Crossbar(np.full((5, 4), 1e-4), Wires())
    powers = {
        scheme: solve(*write_excitation(crossbar, 1.5, ROWS, COLUMNS, scheme)).power()["devices"] for scheme in SCHEMES
    }
    selected = SELECTED.sum() * 1e-4 * 1.5**2
    assert powers["transistor"] == pytest.approx(selected)
    assert powers["V/2"] == pytest.approx(selected + HALF.sum() * 1e-4 * 0.75**2)
    assert powers["V/3"] == pytest.approx(selected + (HALF.sum() + OTHERS.sum()) * 1e-4 * 0.5**2)


@pytest.mark.parametrize(
    ("rows", "columns", "scheme", "parameter"),
    [
        (ROWS[:2], COLUMNS, "V/2", "selected rows"),
        (ROWS, [0, 3], "V/2", "selected columns"),
        (ROWS, COLUMNS, "V/4", "scheme"),
    ],
)
def test_selections_that_do_not_fit_are_refused(rows, columns, scheme, parameter):
    with pytest.raises(DescriptionError) as error:
        write_excitation(Crossbar(np.full((5, 4), 1e-4), Wires(), "tile 3"), 1.5, rows, columns, scheme)
    assert (error.value.owner, error.value.parameter) == ("tile 3", parameter)


def test_no_converter_changes_nothing():
    values = np.random.default_rng(1).normal(0.0, 10.0, 100)
    assert Converter().step == 0.0
    np.testing.assert_array_equal(Converter().convert(values), values)


@given(st.integers(1, 16), st.floats(-1.0, 1.0), st.floats(1e-6, 2.0), st.lists(st.floats(-5.0, 5.0), min_size=1))
def test_a_converter_takes_the_nearest_level(bits, low, width, values):
    converter = Converter(bits, low, low + width)
    assert not list(converter.problems())
    converted = converter.convert(values)
    inside = np.clip(values, low, converter.high)
    assert (np.abs(converted - inside) <= 0.5 * converter.step * (1.0 + 1e-9) + 1e-15).all()
    codes = (converted - low) / converter.step
    np.testing.assert_allclose(codes, np.rint(codes), atol=1e-3)
    assert codes.min() >= 0
    assert codes.max() <= (2**bits - 1) * (1.0 + 1e-9)
    np.testing.assert_allclose(converter.convert(converted), converted, atol=1e-12)


def test_the_ends_of_a_converters_range_are_levels():
    assert list(Converter(2, 0.0, 3.0).convert([-1.0, 0.0, 0.4, 1.6, 2.5, 9.0])) == [0.0, 0.0, 0.0, 2.0, 2.0, 3.0]
    assert Converter(8, 0.0, 2.55e-5).step == pytest.approx(1e-7)


@pytest.mark.parametrize(
    ("converter", "parameter"),
    [
        (Converter(0), "bits"),
        (Converter(33), "bits"),
        (Converter(7.5), "bits"),
        (Converter(True), "bits"),
        (Converter(8, 1.0, 1.0), "high"),
        (Converter(8, 0.0, np.inf), "high"),
    ],
)
def test_converters_that_cannot_be_are_found(converter, parameter):
    assert [problem.parameter for problem in converter.problems("ADC of tile 3")] == [parameter]


def test_an_excitation_of_a_read_drives_what_is_active():
    held = Crossbar(np.full((3, 2), 1e-4), Wires(1.0, 1.0))
    floating = Crossbar(held.conductances, Wires(1.0, 1.0, floating_rows=True))
    assert list(Excitation.of(held, [0.2, 0.0, 0.1]).driven) == [True, True, True]
    assert list(Excitation.of(floating, [0.2, 0.0, 0.1]).driven) == [True, False, True]
