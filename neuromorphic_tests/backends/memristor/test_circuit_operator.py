"""What stands for the circuit while reading many times: the exact matrix, and the gains of rows and columns."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.memristor.circuit import Crossbar, NodalCircuit, Wires, effective_conductances, line_gains, solve
from hypothesis import given
from hypothesis import strategies as st

from hmn_snn.errors import DescriptionError


def random_conductances(shape, seed):
    """Return conductances spread evenly over an on/off ratio of 20 up to 100 uS."""
    return np.random.default_rng(seed).uniform(5e-6, 1e-4, shape)


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 1), (5, 12), (12, 5), (40, 40)])
@pytest.mark.parametrize("resistances", [(3.0, 3.0), (0.0, 20.0), (20.0, 0.0), (400.0, 50.0)])
def test_the_matrix_gives_the_currents_of_the_exact_circuit(shape, resistances):
    crossbar = Crossbar(random_conductances(shape, 1), Wires(*resistances))
    circuit, matrix = NodalCircuit(crossbar), effective_conductances(crossbar)
    assert matrix.shape == shape
    for i, voltages in enumerate(np.eye(shape[0])):
        np.testing.assert_allclose(matrix[i], circuit.solve(voltages).column_currents, rtol=1e-10)
    voltages = np.random.default_rng(2).uniform(-0.2, 0.2, shape[0])
    exact = circuit.solve(voltages).column_currents
    np.testing.assert_allclose(voltages @ matrix, exact, rtol=0.0, atol=1e-10 * np.abs(exact).max())


@given(
    st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**32 - 1),
    st.floats(0.0, 1e4), st.floats(0.0, 1e4), st.sampled_from([0.0, 0.5]),
)  # fmt: skip
def test_wires_only_lower_what_flows_and_never_reverse_it(m, n, seed, word, bit, broken):
    G = random_conductances((m, n), seed) * (np.random.default_rng(seed).random((m, n)) >= broken)
    matrix = effective_conductances(Crossbar(G, Wires(word, bit)))
    assert matrix.min() >= 0.0
    # Each column's devices together conduct no more to it than without wires, if all rows are driven alike.
    assert (matrix.sum(axis=0) <= G.sum(axis=0) * (1.0 + 1e-12)).all()
    reversed_roles = effective_conductances(Crossbar(G[::-1, ::-1].T, Wires(bit, word)))
    np.testing.assert_allclose(matrix, reversed_roles[::-1, ::-1].T, rtol=1e-9, atol=1e-20)


def test_ideal_wires_leave_the_conductances_as_they_are():
    crossbar = Crossbar(random_conductances((6, 9), 3), Wires())
    matrix = effective_conductances(crossbar)
    np.testing.assert_array_equal(matrix, crossbar.conductances)
    assert not np.shares_memory(matrix, crossbar.conductances)
    for r, distance in ((1e-6, 1e-8), (1e-12, 1e-14)):
        nearly = effective_conductances(Crossbar(crossbar.conductances, Wires(r, r)))
        np.testing.assert_allclose(nearly, matrix, rtol=distance)
    for gains in line_gains(crossbar):
        assert (gains == 1.0).all()


# RMS error of the currents, relative to their RMS: Crossbar_Models_Comparison's implementation of DMR, over 64 x 64 to
# 256 x 256 arrays. How large it is depends on the arrays, hence the factor of 2.
@pytest.mark.parametrize(("kappa", "expected", "ideal"), [(0.2, 2.8e-3, 7.6e-2), (0.82, 1.1e-2, 0.285)])
def test_gains_are_as_near_as_published(kappa, expected, ideal):
    r = kappa / (1e-4 * 64**2)
    errors, ideal_errors = [], []
    for seed in range(5):
        crossbar = Crossbar(random_conductances((64, 64), seed), Wires(r, r))
        V = 0.2 * (np.random.default_rng(100 + seed).random(64) < 0.3)
        exact = V @ effective_conductances(crossbar)
        a, b = line_gains(crossbar)
        size = np.sqrt((exact**2).mean())
        errors.append(np.sqrt((((V * a) @ crossbar.conductances * b - exact) ** 2).mean()) / size)
        ideal_errors.append(np.sqrt(((V @ crossbar.conductances - exact) ** 2).mean()) / size)
    assert expected / 2.0 < np.mean(errors) < 2.0 * expected
    assert np.mean(ideal_errors) == pytest.approx(ideal, rel=0.15)


def test_gains_are_exact_to_first_order_in_the_resistance():
    G = np.full((20, 30), 1e-4)
    for wires in (Wires(1e-6, 0.0), Wires(0.0, 1e-6)):
        crossbar = Crossbar(G, wires)
        a, b = line_gains(crossbar)
        loss = G.sum() - (G * b * a[:, None]).sum()
        exact = G.sum() - effective_conductances(crossbar).sum()
        assert loss == pytest.approx(exact, rel=1e-4)


def test_gains_fall_with_the_distance_from_the_drivers():
    a, b = line_gains(Crossbar(random_conductances((16, 24), 4), Wires(2.0, 5.0)))
    assert a.shape == (16,)
    assert b.shape == (24,)
    assert (np.diff(a) > 0.0).all()
    assert (np.diff(b) < 0.0).all()
    assert 0.0 < a[0] < a[-1] < 1.0
    assert 1.0 > b[0] > b[-1] > 0.0


@pytest.mark.parametrize("operator", [effective_conductances, line_gains])
def test_rows_that_float_have_no_operator(operator):
    crossbar = Crossbar(random_conductances((4, 4), 5), Wires(1.0, 1.0, floating_rows=True), "tile 3")
    with pytest.raises(DescriptionError) as error:
        operator(crossbar)
    assert error.value.owner == "wires of tile 3"
    assert (error.value.parameter, error.value.value) == ("floating_rows", True)


def test_rows_that_float_are_indeed_not_linear_in_the_spikes():
    crossbar = Crossbar(random_conductances((6, 6), 6), Wires(50.0, 50.0, floating_rows=True))
    patterns = ([0.2, 0.2, 0, 0, 0, 0], [0.2, 0, 0, 0, 0, 0], [0, 0.2, 0, 0, 0, 0])
    both, one, other = (solve(crossbar, V, method="nodal").column_currents for V in patterns)
    assert np.abs(both - one - other).max() > 1e-2 * both.max()
