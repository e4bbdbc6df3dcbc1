"""NengoLoihi's block emulator agrees with our fixed-point neurons, bit for bit, wherever both mean the same."""

from __future__ import annotations

import numpy as np
import pytest

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.errors import RejectedError, SimulationError
from hmn_snn.translator import Severity
from neuromorphic_tests.backends.loihi2.programs import NO_SPIKES, connection, process, random_spikes

REASON = registry.get("nengo").unavailable()
if REASON is not None:
    pytest.skip(REASON, allow_module_level=True)

from hmn_snn.backends.loihi2.emulator import EmulatorExecutor  # noqa: E402
from hmn_snn.backends.loihi2.program import LIF, PROGRAMMABLE, LoihiProgram, Source  # noqa: E402
from hmn_snn.backends.nengo.blocks import BlockExecutor  # noqa: E402
from hmn_snn.backends.nengo.refusals import block_findings  # noqa: E402

N, SIZES, STEPS = 10, (7, 12), 150


def random_program(seed: int) -> LoihiProgram:
    """Return two processes and an input, with loops, delays, constants of each neuron, refractory periods and biases.

    Sums stay below 2**15, and currents below 2**23: beyond it, the two differ.
    """
    rng = np.random.default_rng(seed)
    processes = []
    for group, n in enumerate(SIZES):
        stock = bool(rng.random() < 0.5)
        alike = 1 if stock else n
        processes.append(process(
            f"cells {group}", group, n, LIF if stock else PROGRAMMABLE,
            du=rng.integers(1000, 4096, alike), dv=rng.integers(0, 4096, alike), vth=rng.integers(0, 3000, alike),
            bias_mant=rng.integers(-300, 900, n), bias_exp=int(rng.integers(0, 5)),
            refractory=0 if stock else rng.integers(0, 5, n),
            u_init=rng.integers(-(2**20), 2**20, n), v_init=rng.integers(-(2**22), 2**22, n),
        ))  # fmt: skip
    connections = []
    for source, n_source in ((5, N), (0, SIZES[0]), (1, SIZES[1])):
        for target, n in enumerate(SIZES):
            weights, mask = rng.integers(0, 256, (n_source, n)), rng.random((n_source, n)) < 0.6
            delay = rng.integers(0, 5, (n_source, n)) if rng.random() < 0.5 else int(rng.integers(0, 3))
            sign = 1 if source == 5 else int(rng.choice([-1, 1]))
            connections.append(connection(f"{source} to {target}", source, target, weights, mask=mask, delay=delay,
                                          sign=sign, exp=int(rng.integers(0, 3))))  # fmt: skip
    return LoihiProgram("random", 1.0, (Source("input", 5, N),), tuple(processes), tuple(connections))


def run_both(program, n_steps, spikes):
    """Return spikes and u, v of every neuron in every step, of the blocks and of our emulator."""
    probes = [(p, x, np.arange(cells.size)) for p, cells in enumerate(program.processes) for x in ("u", "v")]
    return [executor(program).run(n_steps, spikes, probes) for executor in (BlockExecutor, EmulatorExecutor)]


def assert_equal(theirs, ours):
    for (step, index), (our_step, our_index) in zip(theirs[0], ours[0], strict=True):
        np.testing.assert_array_equal(step, our_step)
        np.testing.assert_array_equal(index, our_index)
    for rows, our_rows in zip(theirs[1], ours[1], strict=True):
        np.testing.assert_array_equal(rows, our_rows)


@pytest.mark.parametrize("seed", range(30))
def test_blocks_and_emulator_agree_bit_for_bit(seed):
    program = random_program(seed)
    assert not block_findings(program)
    spikes = random_spikes(program, 0, STEPS, np.random.default_rng(seed), p=0.2)
    theirs, ours = run_both(program, STEPS, spikes)
    assert sum(len(step) for step, _ in ours[0]) > 20
    assert all(np.ptp(rows) > 0 for rows in ours[1])
    assert_equal(theirs, ours)


def test_pieces_continue_and_a_bias_is_written():
    program = random_program(3)
    spikes = random_spikes(program, 0, 60, np.random.default_rng(3), p=0.2)
    made = BlockExecutor(program), EmulatorExecutor(program)
    for first, last, mant in ((0, 25, 0), (25, 60, 250)):
        part = [
            (step[(first <= step) & (step < last)], index[(first <= step) & (step < last)]) for step, index in spikes
        ]
        for executor in made:
            executor.set_bias(1, np.array([mant]))
        assert_equal(*(executor.run(last - first, part, [(1, "v", np.arange(SIZES[1]))]) for executor in made))


def alone(model=LIF, **fields):
    """Return one neuron that keeps what it is given, on its own."""
    cells = process("cell", 0, 1, model, **{"du": 4095, "dv": 0, "vth": 10, **fields})
    return LoihiProgram("alone", 1.0, (Source("input", 5, 2),), (cells,), ())


@pytest.mark.parametrize(("start", "spikes"), [(640, 0), (641, 1)])
def test_both_thresholds_must_be_exceeded(start, spikes):
    for fired, _ in run_both(alone(v_init=np.array([start])), 3, [NO_SPIKES]):
        assert len(fired[0][0]) == spikes


@pytest.mark.parametrize("refractory", [0, 1, 3])
def test_a_refractory_period_is_one_less_than_nengo_loihis(refractory):
    # The bias alone exceeds the threshold: a spike in every step that is not refractory.
    program = alone(PROGRAMMABLE, bias_mant=700, refractory=refractory)
    for fired, _ in run_both(program, 13, [NO_SPIKES]):
        np.testing.assert_array_equal(np.diff(fired[0][0]), refractory + 1)
    assert (BlockExecutor(program)._blocks[0].compartment.refract_delay == refractory + 1).all()


@pytest.mark.parametrize(("du", "kept"), [(0, 4095), (4094, 1), (4095, 0)])
def test_a_current_decays_by_one_more_than_du(du, kept):
    start = 1 << 20
    for _, (u, *_) in run_both(alone(du=du, vth=131071, u_init=np.array([start])), 1, [NO_SPIKES]):
        assert u[0, 0] == start * kept // 4096


def test_a_shift_to_the_right_cuts_off_the_sum_here_and_nothing_there():
    cells = alone().processes
    weights = connection("odd", 5, 0, np.array([[1], [2]]), exp=-1)
    program = LoihiProgram("odd", 1.0, (Source("input", 5, 2),), cells, (weights,))
    (finding,) = block_findings(program)
    assert (finding.severity, finding.what, finding.where) == (Severity.ALTERED, "odd", "weight exponent")
    theirs, ours = run_both(program, 2, [(np.array([0, 0]), np.array([0, 1]))])
    assert (theirs[1][0][1, 0], ours[1][0][1, 0]) == (96, 64)
    even = LoihiProgram("even", 1.0, program.sources, cells, (connection("even", 5, 0, np.array([[4], [2]]), exp=-1),))
    assert not block_findings(even)
    assert_equal(*run_both(even, 2, [(np.array([0, 0]), np.array([0, 1]))]))


def test_a_sum_of_more_than_its_width_is_an_error_and_names_the_limit():
    weights = connection("strong", 5, 0, np.array([[255], [255]]), exp=7)
    program = LoihiProgram("strong", 1.0, (Source("input", 5, 2),), alone(vth=131071).processes, (weights,))
    both = [(np.array([0, 0]), np.array([0, 1]))]
    with pytest.raises(SimulationError, match=r"step 1: Overflow in q0 .* below 2\*\*15"):
        BlockExecutor(program).run(2, both, [])
    _, (u,) = EmulatorExecutor(program).run(2, both, [(0, "u", np.arange(1))])
    assert u[1, 0] == 64 * 2 * (255 << 7)


# Whole networks


def network(**cell) -> hs.Network:
    """Return two populations in a loop: refractory, with inhibition, a current that changes, and long input delays."""
    net = hs.Network("loop", dt=1.0, seed=5)
    stim = net.add(hs.PoissonInput(30, rate=60.0, name="stim"))
    exc = net.add(hs.Population(12, hs.LIF(**{"tau_m": 20.0, "tau_refrac": 2.0, **cell}), name="exc"))
    inh = net.add(hs.Population(5, hs.LIF(tau_m=np.linspace(8.0, 14.0, 5)), name="inh"))
    net.add(hs.CurrentInput(exc[:4], hs.Steps([0.0, 80.0], [0.2, 0.9]), name="step"))
    weights, delays = hs.Uniform(0.3, 0.6), hs.Uniform(1.0, 90.0)
    net.add(hs.Projection(stim, exc, hs.FixedProbability(0.5), weight=weights, delay=delays, name="stim->exc"))
    net.add(hs.Projection(exc, inh, hs.FixedProbability(0.5), weight=0.5, delay=2.0, name="exc->inh"))
    net.add(hs.Projection(inh, exc, hs.FixedProbability(0.5), weight=0.3, delay=hs.Uniform(1.0, 4.0),
                          receptor="inhibitory", name="inh->exc"))  # fmt: skip
    net.record(exc, "v")
    net.record(inh, "v")
    net.record(inh, "i_exc")
    return net


def test_a_network_runs_as_on_the_emulator_for_loihi_2():
    net = network()
    theirs = hs.run(net, 300.0, "nengo", executor="nengo-loihi")
    ours = hs.run(net, 300.0, "loihi2", executor="emulator")
    for name, train in ours.spikes.items():
        np.testing.assert_array_equal(theirs.spikes[name].t, train.t)
        np.testing.assert_array_equal(theirs.spikes[name].i, train.i)
        assert len(train) > 20
    for name, variables in ours.traces.items():
        for variable, trace in variables.items():
            np.testing.assert_array_equal(theirs.traces[name][variable].values, trace.values)
            assert np.ptp(trace.values) > 0
    assert (theirs.provenance.executor, theirs.provenance.precision) == ("nengo-loihi", "fixed_pt")
    assert "nengo-loihi" in theirs.provenance.packages
    assert theirs.ledger.synaptic_events == ours.ledger.synaptic_events


@pytest.mark.parametrize(
    ("cell", "where"),
    [({"sigma": 2.0}, "noise"), ({"tau_syn_I": 9.0}, "two currents"), ({"reset": "subtract"}, "reset_subtract")],
)
def test_what_blocks_cannot_hold_is_refused_by_name(cell, where):
    with pytest.raises(RejectedError) as raised:
        hs.run(network(**cell), 10.0, "nengo", executor="nengo-loihi")
    assert any(f.what == "exc" and where in (f.where, f.found) for f in raised.value.findings)


def test_a_potential_at_delta_synapses_is_sampled_without_their_arrivals():
    finding = [f for f in hs.check(network(tau_syn_E=0.0, tau_syn_I=0.0), "nengo", executor="nengo-loihi")
               if (f.what, f.where) == ("exc", "v")]  # fmt: skip
    assert [f.severity for f in finding] == [Severity.ALTERED]
    assert ("exc", "v") not in {(f.what, f.where) for f in hs.check(network(), "nengo", executor="nengo-loihi")}


def test_the_current_of_one_of_two_receptors_cannot_be_recorded():
    """One current carries both receptors only where nobody looks at one of them; a compartment has no second one."""
    net = network()
    net.record(net["exc"], "i_exc")
    (refused,) = hs.check(net, "nengo", executor="nengo-loihi").rejected
    assert (refused.what, refused.found) == ("exc", "two currents")
    assert "record neither current" in refused.limit
