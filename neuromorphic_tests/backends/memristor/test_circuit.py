"""The circuit of a crossbar against badcrossbar's numbers, against the textbook's equations, and against itself."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hmn_snn.backends.memristor.circuit import Crossbar, Excitation, NodalCircuit, UnsettledError, Wires, solve
from hmn_snn.backends.memristor.circuit_lines import LineCircuit
from hypothesis import given
from hypothesis import strategies as st

from hmn_snn.errors import DescriptionError

# The numbers of T1 to T3 were computed with badcrossbar 1.1.0 (Joksas & Mehonic 2020, SoftwareX 12:100617).
T1_RESISTANCES = np.array([[1e4, 2e4, 5e4, 1e5], [1e5, 1e4, 2e4, 5e4], [5e4, 1e5, 1e4, 2e4], [2e4, 5e4, 1e5, 1e4]])
T1_VOLTAGES = np.array([0.2, 0.1, 0.15, 0.05])
T1_CURRENTS = {
    (10.0, 10.0): [2.6331390989848322e-05, 2.2322321018001773e-05, 2.430138968440916e-05, 1.637932878533646e-05],
    (2.5, 7.5): [2.6396973611999683e-05, 2.2400713971626116e-05, 2.4404320399956802e-05, 1.6449614416040243e-05],
}
T1_FIRST_WORD_LINE = [0.1996422232385691, 0.19948317951904884, 0.19942351024472388, 0.19940360365142681]

T2_COLUMNS = [0, 32, 63]
T2_CURRENTS = {
    1.0: ([1.120918630396773e-3, 9.890562958407205e-4, 9.472805098736004e-4], 0.06434492099870283),
    5.0: ([7.78279242329847e-4, 5.266791788100884e-4, 4.532665145717224e-4], 0.035749469958589776),
}
T2_LEAST_DEVICE_VOLTAGE = 0.1400636610068514  # at 1 Ohm

T3_COLUMNS = [0, 1, 31, 63]
T3_CURRENTS = {
    0.5: (
        [3.17111270813706e-4, 3.246890675011071e-4, 3.0130946221808486e-4, 2.971237536399167e-4],
        0.019366222725925995,
    ),
    2.0: (
        [2.899283397223435e-4, 2.9553717275752374e-4, 2.519187338350757e-4, 2.3946128000037323e-4],
        0.016324272581946044,
    ),
    10.0: (
        [2.0810573914893313e-4, 2.0965426168796948e-4, 1.3731386318107552e-4, 1.1484639474346336e-4],
        0.009189961758734353,
    ),
}
METHODS = {"nodal": {"method": "nodal"}, "lines": {"method": "lines", "tolerance": 1e-13}}


def t3_conductances():
    i, j = np.indices((64, 64))
    return 1e-6 + 9.9e-5 * ((7 * i + 13 * j) % 64) / 63


T3_VOLTAGES = 0.2 * ((5 * np.arange(64)) % 64) / 63


@pytest.mark.parametrize("how", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("resistances", T1_CURRENTS)
def test_t1_is_badcrossbars(resistances, how):
    solution = solve(Crossbar(1.0 / T1_RESISTANCES, Wires(*resistances)), T1_VOLTAGES, **how)
    np.testing.assert_allclose(solution.column_currents, T1_CURRENTS[resistances], rtol=1e-9)
    np.testing.assert_allclose(solution.bit_voltages[3], resistances[1] * solution.column_currents, rtol=1e-9)
    if resistances == (10.0, 10.0):
        np.testing.assert_allclose(solution.word_voltages[0], T1_FIRST_WORD_LINE, rtol=1e-9)


@pytest.mark.parametrize("how", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("r", T2_CURRENTS)
def test_t2_is_badcrossbars(r, how):
    solution = solve(Crossbar(np.full((64, 64), 1e-4), Wires(r, r)), np.full(64, 0.2), **how)
    currents, total = T2_CURRENTS[r]
    np.testing.assert_allclose(solution.column_currents[T2_COLUMNS], currents, rtol=1e-9)
    assert solution.column_currents.sum() == pytest.approx(total, rel=1e-9)
    if r == 1.0:
        assert solution.device_voltages.min() == pytest.approx(T2_LEAST_DEVICE_VOLTAGE, rel=1e-9)


@pytest.mark.parametrize("how", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("r", T3_CURRENTS)
def test_t3_is_badcrossbars(r, how):
    solution = solve(Crossbar(t3_conductances(), Wires(r, r)), T3_VOLTAGES, **how)
    currents, total = T3_CURRENTS[r]
    np.testing.assert_allclose(solution.column_currents[T3_COLUMNS], currents, rtol=1e-9)
    assert solution.column_currents.sum() == pytest.approx(total, rel=1e-9)


def textbook_nodes(G, r_word, r_bit, V, U, driven):
    """Return word-line and bit-line node voltages by plain nodal analysis with dense matrices."""
    m, n = G.shape
    word, bit = np.arange(m * n).reshape(m, n), m * n + np.arange(m * n).reshape(m, n)
    A, b = np.zeros((2 * m * n, 2 * m * n)), np.zeros(2 * m * n)

    def between(node, other, g):
        A[node, node] += g
        A[other, other] += g
        A[node, other] -= g
        A[other, node] -= g

    def to_source(node, voltage, g):
        A[node, node] += g
        b[node] += g * voltage

    for i in range(m):
        for j in range(n):
            between(word[i, j], bit[i, j], G[i, j])
            if j:
                between(word[i, j - 1], word[i, j], 1.0 / r_word)
            if i:
                between(bit[i - 1, j], bit[i, j], 1.0 / r_bit)
    for i in np.flatnonzero(driven):
        to_source(word[i, 0], V[i], 1.0 / r_word)
    for j in range(n):
        to_source(bit[m - 1, j], U[j], 1.0 / r_bit)
    nodes = np.linalg.solve(A, b)
    return nodes[word], nodes[bit]


@st.composite
def circuits(draw, least_resistance=0.0):
    """Return a crossbar of up to 10 x 6 cells, row and column voltages, and which rows have a driver."""
    m, n = draw(st.integers(1, 10)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    G = 10.0 ** rng.uniform(-6.0, -3.0, (m, n)) * (rng.random((m, n)) > draw(st.sampled_from([0.0, 0.3])))
    resistance = st.one_of(st.just(least_resistance), st.floats(max(least_resistance, 0.1), 3000.0))
    wires = Wires(draw(resistance), draw(resistance))
    driven = rng.random(m) < draw(st.sampled_from([0.0, 0.5, 1.0]))
    return Crossbar(G, wires, "tile"), rng.uniform(-1.0, 1.0, m), rng.uniform(-1.0, 1.0, n), driven


@given(circuits(least_resistance=0.5))
def test_node_voltages_are_those_of_plain_nodal_analysis(circuit):
    crossbar, V, U, driven = circuit
    G = crossbar.conductances
    driven = driven | (G == 0.0).all(axis=1)  # plain analysis has no answer for a row that hangs in the air
    word, bit = textbook_nodes(G, crossbar.wires.word, crossbar.wires.bit, V, U, driven)
    for how in METHODS.values():
        solution = solve(crossbar, Excitation.of(crossbar, V, U, driven), **how)
        np.testing.assert_allclose(solution.word_voltages, word, atol=1e-9)
        np.testing.assert_allclose(solution.bit_voltages, bit, atol=1e-9)


@given(circuits(), st.sampled_from([1e-3, 1e-6, 1e-9]))
def test_the_alternating_lines_keep_their_tolerance(circuit, tolerance):
    crossbar, V, U, driven = circuit
    excitation = Excitation.of(crossbar, V, U, driven)
    exact, found = solve(crossbar, excitation, method="nodal"), solve(crossbar, excitation, tolerance=tolerance)
    assert exact.sweeps is None
    assert found.sweeps >= 1
    for name in ("word_voltages", "bit_voltages"):
        assert np.abs(getattr(found, name) - getattr(exact, name)).max() <= tolerance + 1e-12


@pytest.mark.parametrize("floating", [False, True])
@pytest.mark.parametrize("r", [0.5, 2.0, 10.0, 100.0])
def test_the_alternating_lines_keep_their_tolerance_at_any_loss(r, floating):
    crossbar = Crossbar(t3_conductances(), Wires(r, r, floating))
    V = np.where(np.arange(64) % 3 == 0, T3_VOLTAGES, 0.0)
    exact, found = solve(crossbar, V, method="nodal"), solve(crossbar, V)
    assert np.abs(found.word_voltages - exact.word_voltages).max() <= 1e-6
    assert np.abs(found.bit_voltages - exact.bit_voltages).max() <= 1e-6


@given(circuits())
def test_no_node_is_outside_of_what_is_applied_and_no_energy_is_lost(circuit):
    crossbar, V, U, driven = circuit
    excitation = Excitation.of(crossbar, V, U, driven)
    solution = solve(crossbar, excitation, method="nodal")
    applied = [*excitation.rows[excitation.driven], *U]
    for nodes in (solution.word_voltages, solution.bit_voltages, solution.row_voltages):
        assert min(applied) - 1e-9 <= nodes.min()
        assert nodes.max() <= max(applied) + 1e-9
    power = solution.power()
    spent = power["devices"] + power["word_lines"] + power["bit_lines"]
    turnover = np.abs(solution.row_voltages) @ np.abs(solution.row_currents)
    turnover += np.abs(U) @ np.abs(solution.column_currents)
    assert abs(power["supplied"] - spent) <= 1e-10 * turnover
    assert solution.row_currents.sum() == pytest.approx(solution.column_currents.sum(), abs=1e-12)


@pytest.mark.parametrize("floating", [False, True])
def test_the_energy_of_a_large_read_balances(floating):
    crossbar = Crossbar(t3_conductances(), Wires(2.0, 3.0, floating))
    power = solve(crossbar, np.where(np.arange(64) % 2, T3_VOLTAGES, 0.0), method="nodal").power()
    spent = power["devices"] + power["word_lines"] + power["bit_lines"]
    assert spent == pytest.approx(power["supplied"], rel=1e-10)
    assert min(power.values()) > 0.01 * power["supplied"]


def test_the_powers_of_one_cell_are_those_of_three_resistors_in_series():
    for how in METHODS.values():
        solution = solve(Crossbar([[1e-3]], Wires(200.0, 300.0)), [0.3], **how)
        assert solution.column_currents == pytest.approx([0.3 / 1500.0])
        assert solution.device_voltages == pytest.approx(0.2)
        powers = {"supplied": 6e-5, "devices": 4e-5, "word_lines": 8e-6, "bit_lines": 1.2e-5}
        assert solution.power() == pytest.approx(powers)


@pytest.mark.parametrize("how", METHODS.values(), ids=METHODS)
def test_a_row_without_driver_has_no_current_and_lets_currents_sneak(how):
    G = np.array([[1e-3, 1e-9], [1e-3, 1e-3]])
    wires = Wires(100.0, 100.0)
    held = solve(Crossbar(G, wires), [0.2, 0.0], **how)
    floating = solve(Crossbar(G, Wires(100.0, 100.0, floating_rows=True)), [0.2, 0.0], **how)
    assert abs(floating.row_currents[1]) < 1e-12
    assert floating.row_voltages[1] > 1e-3
    # From column 0 along the silent row into column 1, which hardly conducts from the active row itself.
    assert floating.column_currents[1] > 5.0 * held.column_currents[1] > 0.0


def test_ideal_wires_make_the_ideal_product():
    G = t3_conductances()
    for wires in (Wires(), Wires(floating_rows=True)):
        for how in METHODS.values():
            solution = solve(Crossbar(G, wires), T3_VOLTAGES, **how)
            np.testing.assert_allclose(solution.column_currents, T3_VOLTAGES @ G, rtol=1e-14)
            assert not solution.word_drops.any()
            assert not solution.bit_rises.any()


@pytest.mark.parametrize("line", [(1.0, 1.0), (1.0, 0.0), (0.0, 1.0)], ids=["both", "word", "bit"])
@pytest.mark.parametrize("how", METHODS.values(), ids=METHODS)
def test_the_loss_vanishes_in_proportion_to_the_resistance(line, how):
    G = t3_conductances()
    ideal = T3_VOLTAGES @ G

    def loss(r):
        wires = Wires(r * line[0], r * line[1])
        return 1.0 - solve(Crossbar(G, wires), T3_VOLTAGES, **how).column_currents.sum() / ideal.sum()

    losses = {r: loss(r) for r in (1e-3, 1e-5, 1e-7)}
    assert 5e-6 < losses[1e-3] < 2e-4
    assert losses[1e-5] == pytest.approx(losses[1e-3] / 1e2, rel=1e-3)
    assert losses[1e-7] == pytest.approx(losses[1e-3] / 1e4, rel=1e-3)
    assert loss(1e-30) == pytest.approx(0.0, abs=1e-14)


def test_a_factorised_circuit_is_solved_for_many_excitations():
    crossbar = Crossbar(t3_conductances(), Wires(2.0, 2.0))
    nodal, lines = NodalCircuit(crossbar), LineCircuit(crossbar)
    for V in (T3_VOLTAGES, np.roll(T3_VOLTAGES, 7)):
        expected = solve(crossbar, V, method="nodal")
        np.testing.assert_array_equal(nodal.solve(V).column_currents, expected.column_currents)
        for driven in (None, V > 0.05):
            excitation = Excitation.of(crossbar, V, driven=driven)
            found, expected = lines.solve(excitation), solve(crossbar, excitation)
            np.testing.assert_array_equal(found.column_currents, expected.column_currents)


def test_an_iteration_that_does_not_settle_says_so():
    crossbar = Crossbar(t3_conductances(), Wires(10.0, 10.0), "tile 3 of 'a -> b'")
    with pytest.raises(UnsettledError, match="tile 3") as error:
        solve(crossbar, T3_VOLTAGES, limit=2)
    assert error.value.crossbar == "tile 3 of 'a -> b'"
    assert error.value.sweeps == 2
    assert error.value.error > error.value.tolerance == 1e-6
    assert solve(crossbar, T3_VOLTAGES, limit=50).sweeps <= 15


@pytest.mark.parametrize(
    ("conductances", "found"),
    [
        ([[1e-4, -1e-5]], "-1e-05 S at row 0, column 1 (1 of 2 are wrong)"),
        ([[1e-4], [np.nan]], "nan S at row 1, column 0 (1 of 2 are wrong)"),
        ([[np.inf]], "inf S at row 0, column 0 (1 of 1 are wrong)"),
        ([1e-4, 1e-4], "an array of shape (2,)"),
        (np.zeros((0, 3)), "an array of shape (0, 3)"),
        ("G", "G"),
    ],
)
def test_conductances_that_cannot_be_are_refused(conductances, found):
    with pytest.raises(DescriptionError) as error:
        Crossbar(conductances, Wires(), "tile 3")
    assert (error.value.owner, error.value.parameter, error.value.value) == ("tile 3", "conductances", found)


@pytest.mark.parametrize(
    ("arguments", "parameter"),
    [
        (([0.2],), "row voltages"),
        (([0.2, np.nan],), "row voltages"),
        (([0.2, 0.2], [0.0, 0.0]), "column voltages"),
        (([0.2, 0.2], None, [True]), "driven"),
        (([0.2, 0.2], None, [1, 0]), "driven"),
    ],
)
def test_excitations_that_do_not_fit_are_refused(arguments, parameter):
    crossbar = Crossbar(np.full((2, 3), 1e-4), Wires(1.0, 1.0), "tile 3")
    with pytest.raises(DescriptionError) as error:
        Excitation.of(crossbar, *arguments)
    assert (error.value.owner, error.value.parameter) == ("tile 3", parameter)


@pytest.mark.parametrize(
    "argument", [{"method": "spice"}, {"tolerance": 0.0}, {"tolerance": np.nan}, {"limit": 0}], ids=str
)
def test_arguments_of_the_solver_are_checked(argument):
    with pytest.raises(DescriptionError) as error:
        solve(Crossbar([[1e-4]], Wires(1.0, 1.0), "tile 3"), [0.2], **argument)
    assert (error.value.owner, error.value.parameter) == ("tile 3", *argument)


def test_importing_the_circuit_loads_neither_numba_nor_scipy():
    code = "import sys, hmn_snn.backends.memristor.circuit; print({'numba', 'scipy'} & set(sys.modules))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.strip() == "set()"
