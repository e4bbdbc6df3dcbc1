"""The host of a chip: with a chip that integrates as the engine does, it gives the engine's spikes and weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hmn_snn.backends._shared.host import HostProgram, HostSession
from hmn_snn.backends._shared.session import Stamp

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.comparison import PROMISE
from hmn_snn.errors import SimulationError
from hmn_snn.lowering import lower
from hmn_snn.translator import FEATURES, Capabilities
from neuromorphic_tests.agreement import LOOSELY_COUNTED, Disagreement, assert_same_run, assert_same_spikes
from neuromorphic_tests.conformance.cases import CASES
from neuromorphic_tests.networks import DURATION, random_network
from neuromorphic_tests.plain_simulator import Cells


class PlainChip:
    """Neurons and synapses in plain numpy, with the same arithmetic as the engine; weights are read at arrival.

    Attributes
    ----------
    runs : list of int
        The length of each chunk.
    writes : list of (step, projection)
    """

    def __init__(self, lowered, reads_at_arrival=True):
        still = {"currents": (), "drives": (), "eta_bias": np.zeros(1), "bias_gain": np.zeros(1)}
        self.lowered, self.reads_at_arrival = lowered, reads_at_arrival
        self.cells = [Cells(replace(p, **still), lowered.seed) for p in lowered.populations]
        self.weights = [np.array(p.weights) for p in lowered.projections]
        self.sent = [[] for _ in lowered.projections]  # (steps of arrival, target, weight) of synapses in flight
        self.step, self.runs, self.writes, self.closed = 0, [], [], False

    def run(self, n_steps, step, group, index):
        own, samples = [], [[] for _ in self._recordings()]
        self.runs.append(n_steps)
        for g in range(len(self.cells), len(self.lowered.sources)):
            self._send(-1, g, index[(step == -1) & (group == g)])
        for n in range(self.step, self.step + n_steps):
            arrived = [[np.zeros(c.p.size), np.zeros(c.p.size)] for c in self.cells]
            for j, p in enumerate(self.lowered.projections):
                arrived[p.target][p.receptor] += self._arrivals(j, n)
            for q, r in enumerate(self._recordings()):
                if n % r.every == 0:
                    samples[q].append(self._sample(r.variable, self.cells[r.group], arrived[r.group])[r.indices])
            for g, cells in enumerate(self.cells):
                spiked = np.flatnonzero(cells.step(n, np.empty(0), *arrived[g]))
                own += [(n, g, i) for i in spiked]
                self._send(n, g, spiked)
            for g in range(len(self.cells), len(self.lowered.sources)):
                self._send(n, g, index[(step == n) & (group == g)])
        self.step += n_steps
        columns = np.array(own, dtype=np.int64).reshape(-1, 3).T
        members = [len(r.indices) for r in self._recordings()]
        return *columns, [np.reshape(s, (len(s), m)) for s, m in zip(samples, members, strict=True)]

    def _recordings(self):
        return [r for r in self.lowered.recordings if r.kind == "population" and r.variable != "bias"]

    def _sample(self, variable, cells, arrived):
        (exc, inh), delta = arrived, cells.p.delta
        if variable == "v":
            return cells.v + (cells.wait == 0) * (exc * delta[0] - inh * delta[1])
        return cells.i_exc + exc * (not delta[0]) if variable == "i_exc" else cells.i_inh + inh * (not delta[1])

    def _send(self, n, g, neurons):
        for j, p in enumerate(self.lowered.projections):
            if p.source == g:
                synapses = np.flatnonzero(np.isin(p.source_index, neurons))
                carried = self.weights[j][synapses].copy()
                self.sent[j] += zip(n + 1 + p.delay_steps[synapses], synapses, carried, strict=True)

    def _arrivals(self, j, n):
        here = [(synapse, carried) for step, synapse, carried in self.sent[j] if step == n]
        self.sent[j] = [entry for entry in self.sent[j] if entry[0] != n]
        p, total = self.lowered.projections[j], np.zeros(self.lowered.projections[j].n_target)
        for synapse, carried in here:
            total[p.target_index[synapse]] += self.weights[j][synapse] if self.reads_at_arrival else carried
        return total

    def write_weights(self, projection, weights):
        self.writes.append((self.step, projection))
        self.weights[projection] = np.array(weights)

    def write_currents(self, population, current):
        cells = self.cells[population]
        cells.p = replace(cells.p, i_offset=np.array(current))

    def get_state(self):
        state = {"step": self.step}
        for g, c in enumerate(self.cells):
            state |= {f"cells{g}": np.array([c.v, c.i_exc, c.i_inh]), f"wait{g}": c.wait.copy()}
        for j, sent in enumerate(self.sent):
            state |= {f"weights{j}": self.weights[j].copy(), f"sent{j}": np.array(sent).reshape(-1, 3)}
        return state

    def set_state(self, state):
        self.step = int(state["step"])
        for g, c in enumerate(self.cells):
            c.v, c.i_exc, c.i_inh = np.array(state[f"cells{g}"])
            c.wait = np.array(state[f"wait{g}"])
        for j in range(len(self.sent)):
            self.weights[j] = np.array(state[f"weights{j}"])
            self.sent[j] = [(int(a), int(b), w) for a, b, w in state[f"sent{j}"]]

    def close(self):
        self.closed = True


def session_of(net, **options):
    lowered = lower(net)
    stamp = Stamp("plain chip", "plain", "float64", (), ())
    return HostSession(lowered, stamp, PlainChip(lowered, **options))


class PlainTranslator:
    """A backend that is a host with a plain chip."""

    name = "plain chip"
    capabilities = Capabilities(frozenset(FEATURES), ("plain",), closed_loop=True)

    def unavailable(self):
        return None

    def check(self, lowered, **options):
        return ()

    def translate(self, lowered, findings=(), **options):
        stamp = Stamp(self.name, "plain", "float64", (), tuple(findings))
        self.sessions = []

        def start():
            self.sessions.append(HostSession(lowered, stamp, PlainChip(lowered)))
            return self.sessions[-1]

        return HostProgram(start)


@pytest.fixture
def plain(monkeypatch):
    """Register the host with a plain chip beside the real backends."""
    translator, real = PlainTranslator(), registry.get
    monkeypatch.setattr(registry, "get", lambda name: translator if name == translator.name else real(name))
    return translator


def assert_same(expected, results):
    """The engine's run, but for what only the chip knows: how near its neurons came to their thresholds."""
    assert_same_run(expected, results, 1e-9)
    for counter in set(expected.ledger.counters()).difference(LOOSELY_COUNTED):
        assert getattr(expected.ledger, counter) == getattr(results.ledger, counter), counter
    assert results.margins.application == pytest.approx(expected.margins.application, abs=1e-9)


# A whole run


@pytest.mark.parametrize("name", CASES)
def test_a_case_runs_as_on_the_engine(name):
    case = CASES[name]
    net = case.make()
    assert_same(hs.run(net, case.duration), session_of(net).run(round(case.duration / net.dt)))


@pytest.mark.parametrize("seed", range(12))
def test_a_random_network_runs_as_on_the_engine(seed):
    net = random_network(seed)
    expected = hs.run(net, DURATION)
    assert min(expected.margins.threshold, expected.margins.application) > PROMISE
    assert_same(expected, session_of(net).run(round(DURATION / net.dt)))


# Chunks


def learning(astrocytes=None, **projection):
    net = hs.Network("learning", dt=1.0, seed=5)
    stim = net.add(hs.PoissonInput(20, rate=40.0, name="stim"))
    cells = net.add(hs.Population(5, hs.LIF(), name="cells"))
    net.add(hs.CurrentInput(cells[1:4], hs.Steps([0.0, 30.0, 65.0], [0.1, 0.4, 0.2]), name="current"))
    level = net.add(hs.Modulator(tonic=hs.Steps([0.0, 120.0], [0.2, 0.9]), name="level"))
    rule = hs.HMNRule(modulators=level, eta_l=2.0, tick=50.0, A_plus=0.1, w_max=2.0)
    glia = None if astrocytes is None else net.add(astrocytes)
    settings = {"weight": 0.6, "delay": 3.0, "plasticity": rule, "astrocytes": glia, "name": "plastic", **projection}
    net.add(hs.Projection(stim, cells, hs.AllToAll(), **settings))
    net.add(hs.Projection(cells, cells, hs.AllToAll(), weight=np.full(25, 0.1), receptor="inhibitory", name="fixed"))
    return net


def test_a_chunk_ends_where_something_is_written():
    session = session_of(learning())
    session.run(110)
    assert session.chip.runs == [30, 20, 15, 35, 10]  # currents change at 30 and 65, ticks are at 50 and 100
    assert session.chip.writes == [(50, 0), (100, 0)]


def test_gains_are_written_at_the_clock_of_astrocytes():
    net = learning(plasticity=None, astrocytes=hs.Astrocytes(2, hs.LeakyCalcium(a_Ad=40.0, C_theta=0.01), clock=20.0))
    session = session_of(net)
    results = session.run(110)
    assert np.cumsum(session.chip.runs).tolist() == [20, 30, 40, 60, 65, 80, 100, 110]
    assert {step for step, _ in session.chip.writes} <= {20, 40, 60, 80, 100}
    assert results.ledger.hardware["weights written"]["plastic"] > 0


def test_what_never_changes_is_not_written():
    session = session_of(learning(plasticity=hs.HMNRule(eta_l=0.0, eta_g=0.0)))
    results = session.run(110)
    assert session.chip.runs == [30, 35, 45]
    assert (session.chip.writes, "weights written" in results.ledger.hardware) == ([], False)
    assert results.ledger.hardware["currents written"]["cells"] == 15  # at 0, 30 and 65


def test_weights_can_be_kept_as_they_are():
    lowered = lower(learning())
    session = HostSession(lowered, Stamp("plain chip", "plain", "float64", (), ()), PlainChip(lowered), learns=False)
    weights = session.run(110).weights["plastic"]
    assert np.array_equal(weights.values, weights.initial)
    assert session.chip.writes == []


def test_a_chip_that_reads_a_weight_early_differs_by_the_spikes_in_flight():
    """A spike every 10 steps, 9 of which it travels: the one in flight when weights change carries the old one."""
    net = hs.Network("flight", dt=1.0)
    stim = net.add(hs.SpikeInput([np.arange(5.0, 100.0, 10.0)], name="stim"))
    cell = hs.LIF(tau_m=1e9, tau_syn_E=0.0, v_rest=0.0, v_reset=0.0, v_thresh=1e6)
    cells = net.add(hs.Population(1, cell, name="cells", initial_values={"v": 0.0}))
    net.add(hs.Projection(stim, cells, hs.OneToOne(), weight=1.0, delay=9.0, name="synapse"))
    net.record(cells, "v")
    arrived = []
    for reads_at_arrival in (True, False):
        session = session_of(net, reads_at_arrival=reads_at_arrival)
        first = session.run(10)
        session.set_weights(0, 3.0)
        v = first.joined(session.run(90)).traces["cells"]["v"].values[:, 0]
        arrived.append(np.diff(v)[np.diff(v) > 0.5].round(6).tolist())
    assert arrived == [[3.0] * 9, [1.0, *[3.0] * 8]]


# The closed loop


def loop(backend, pieces=(30.0, 25.0, 20.0, 75.0)):
    """Run a network in pieces, with a hand on everything in between."""
    with hs.Simulation(learning(), backend) as sim:
        results = [sim.run(pieces[0])]
        sim.set_rate("stim", np.linspace(0.0, 90.0, 20))
        sim.release("level", 0.7)
        results.append(sim.run(pieces[1]))
        sim.set_current("current", [0.5, 0.0, 0.9])
        sim.set_tonic("level", -0.4)
        results.append(sim.run(pieces[2]))
        sim.set_weights("fixed", np.linspace(0.0, 0.2, 25))
        sim.set_weights("plastic", 0.4)
        results.append(sim.run(pieces[3]))
        return results[0].joined(*results[1:])


def test_the_closed_loop_is_the_engines(plain):
    expected = loop("numba")
    assert len(expected.spikes["cells"]) > 20
    assert_same(expected, loop("plain chip"))


def test_a_checkpoint_continues(plain, tmp_path):
    path = tmp_path / "state.h5"
    with hs.Simulation(learning(), "plain chip") as sim:
        sim.run(40.0)
        sim.set_weights("fixed", np.linspace(0.0, 0.2, 25))
        sim.set_current("current", 0.6)
        sim.run(33.0)
        sim.save(path)
        expected = sim.run(70.0)
        sim.load(path)
        assert_same_run(expected, sim.run(70.0))
    with hs.Simulation(learning(), "plain chip") as other:
        other.run(5.0)
        other.load(path)
        again = other.run(70.0)
    assert_same_run(expected, again)
    assert len(expected.spikes["cells"]) > 5


class Forgetful(PlainChip):
    """A chip that cannot give its state."""

    def get_state(self):
        raise SimulationError("this chip keeps its state to itself")


def test_a_chip_that_cannot_give_its_state_says_so():
    lowered = lower(learning())
    session = HostSession(lowered, Stamp("plain chip", "plain", "float64", (), ()), Forgetful(lowered))
    session.run(10)
    with pytest.raises(SimulationError, match="keeps its state"):
        session.get_state()


def test_a_program_lets_go_of_its_chip(plain):
    hs.run(learning(), 10.0, "plain chip")
    with hs.Simulation(learning(), "plain chip") as sim:
        sim.run(10.0)
        assert not plain.sessions[-1].chip.closed
    assert all(session.chip.closed for session in plain.sessions)


class Broken(PlainChip):
    """A chip that loses the first spike of a chunk."""

    def run(self, *arguments):
        step, group, index, samples = super().run(*arguments)
        return step[1:], group[1:], index[1:], samples


def test_the_chips_spikes_are_what_is_learnt_from():
    """What a chip leaves out is missing in spikes and weights: nothing is integrated twice."""
    net = learning()
    lowered = lower(net)
    results = HostSession(lowered, Stamp("plain chip", "plain", "float64", (), ()), Broken(lowered)).run(110)
    expected = hs.run(net, 110.0)
    with pytest.raises(Disagreement):
        assert_same_spikes(expected, results)
    assert not np.array_equal(expected.weights["plastic"].values, results.weights["plastic"].values)
