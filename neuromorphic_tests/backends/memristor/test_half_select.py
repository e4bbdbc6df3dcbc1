"""Energy of write pulses in cells that are not selected: by hand, and as the circuit has it."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.memristor.circuit import Crossbar, Wires, solve, write_excitation
from hmn_snn.backends.memristor.energy import energy
from hmn_snn.backends.memristor.hardware import SCHEMES
from hmn_snn.backends.memristor.pulsed_devices import SoftBounds

import hmn_snn as hs
from hmn_snn.errors import DescriptionError
from hmn_snn.lowering import lower
from hmn_snn.network import Network
from hmn_snn.registry import get
from neuromorphic_tests.agreement import assert_same_run

KEY = "half-select energy [fJ]"
V, WIDTH = 1.5, 100.0  # V, ns


def learner(n_inputs: int, n_cells: int, weight: float | np.ndarray, apply: str = "always") -> Network:
    net = hs.Network("learner", dt=0.1, seed=2)
    stim = net.add(hs.PoissonInput(n_inputs, rate=200.0, name="stim"))
    cells = net.add(hs.Population(n_cells, hs.LIF(), name="cells"))
    dopamine = net.add(hs.Modulator(tau=200.0, tonic=1.0, name="dopamine"))
    rule = hs.HMNRule(modulators=[dopamine], eta_g=2.0, tick=25.0, apply=apply, w_max=1.0)
    net.add(hs.Projection(stim, cells, hs.AllToAll(), weight=weight, plasticity=rule, name="learned"))
    return net


def run_of(net: Network, **options):
    return get("memristor").translate(lower(net), **options).start()


def circuits_energy(G: np.ndarray, row: int, column: int, access: str) -> float:
    """Return what a pulse costs in all cells but the selected one [fJ], of conductances in S, by the circuit."""
    rows, columns = np.arange(G.shape[0]) == row, np.arange(G.shape[1]) == column
    crossbar, excitation = write_excitation(Crossbar(G, Wires()), V, rows, columns, access)
    solution = solve(crossbar, excitation)
    power = solution.device_currents * solution.device_voltages
    return float(1e6 * WIDTH * (power.sum() - power[row, column]))


@pytest.mark.parametrize(
    ("access", "seen"),
    [
        # a1 is pulsed; on its tile lie a1 b1 a2 b2 in one row (52.5, 5, 52.5, 5 uS), and below, a3 b3 a4 b4
        ("V/2", 0.25 * ((5.0 + 52.5 + 5.0) + 52.5)),
        ("V/3", (5.0 + 52.5 + 5.0 + 2 * (52.5 + 5.0)) / 9.0),
        ("transistor", 0.0),
    ],
)
def test_the_energy_of_one_pulse_by_hand(access, seen):
    run = run_of(learner(2, 2, 0.5), access=access)
    groups, plane = run.plane.groups, run.plane
    spent = sum(plane.group_per_uS[q] * (plane.group_sum[groups[0, q]] - 52.5) for q in range(groups.shape[1]))
    assert spent == pytest.approx(V**2 * WIDTH * seen, rel=1e-12, abs=0.0)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("access", ["V/2", "V/3"])
def test_every_write_of_a_tick_costs_what_the_circuit_says(scheme, access):
    """Synapses are written one after the other: each sees what those before it have become."""
    weight = np.random.default_rng(4).uniform(0.2, 0.8, (7, 5))
    run = run_of(learner(7, 5, weight), access=access, scheme=scheme, tile=4)
    array = run.arrays[0]
    before = array.a.cells.g.copy()
    ledger = run.run(250).ledger  # one tick, at its end
    after = array.a.cells.g.copy()
    written = [c for c in array.synapse_cell if after[c] != before[c]]
    assert len(written) == ledger.hardware["pulses attempted"]["learned"] > 10
    array.a.cells.g[:] = before
    expected = 0.0
    for cell in written:
        for cells, row, G in array.tile_matrices():
            if cell in cells:
                column = array.column_of(np.array([cell]))[0]
                expected += circuits_energy(G, row[cells == cell][0], column, access)
        array.a.cells.g[cell] = after[cell]
    assert ledger.hardware[KEY]["learned"] == pytest.approx(expected, rel=1e-9)


def test_sums_are_those_of_the_devices_after_many_writes():
    net = learner(12, 9, 0.5)
    run = run_of(net, access="V/2", device=SoftBounds(step=0.5, c2c=0.3), tile=6)
    run.run(3000)
    kept = run.plane.group_sum.copy()
    run._refresh(0)
    np.testing.assert_allclose(kept, run.plane.group_sum, rtol=1e-12)


def test_pulses_that_do_not_switch_are_paid_for_too():
    net = learner(6, 4, 0.5, apply="probabilistic")
    options = {"access": "V/3", "learning": "one pulse", "device": SoftBounds(step=0.1)}
    hardware = hs.run(net, 500.0, backend="memristor", **options).ledger.hardware
    attempted = hardware["pulses attempted"]["learned"]
    assert 10 < hardware["pulses succeeded"]["learned"] < attempted
    others = 23 * 52.5 + 24 * 5.0  # uS; pulses of 0.1 uS change that by little
    assert hardware[KEY]["learned"] == pytest.approx(attempted * V**2 * WIDTH * others / 9.0, rel=0.05)


def test_access_changes_the_energy_and_nothing_else():
    net = learner(8, 6, 0.4)
    plain = hs.run(net, 200.0, backend="memristor")
    for access in ("V/2", "V/3"):
        results = hs.run(net, 200.0, backend="memristor", access=access)
        assert_same_run(plain, results)
        table = energy(results)
        spent = results.ledger.hardware[KEY]["learned"]
        assert table.typical["half-selected"] == {"learned": spent}
        assert table.total == pytest.approx(energy(plain).total + spent)
        assert "half-selected" in str(table)
    assert KEY not in plain.ledger.hardware


def test_an_unknown_access_is_refused():
    with pytest.raises(DescriptionError) as raised:
        hs.run(learner(2, 2, 0.5), 1.0, backend="memristor", access="V/4")
    assert raised.value.parameter == "access"
