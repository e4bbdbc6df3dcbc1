"""The emulator's timestep: against the chip's integer arithmetic, written down again in plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hmn_snn.backends.spinnaker.emulator import Emulator, Numerics
from hmn_snn.backends.spinnaker.program import (
    IF_CURR_DELTA,
    IF_CURR_DUAL_EXP,
    IF_CURR_EXP,
    RECEPTORS,
    Cells,
    SineCurrent,
    Source,
    SpinnakerProgram,
    StepCurrent,
    Synapses,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from hmn_snn import randomness
from hmn_snn.errors import SimulationError

FIXED, FLOAT = Numerics(fixed_point=True), Numerics(fixed_point=False)
NONE = np.zeros(0, np.int64)
VALUES = {"tau_m": 20.0, "cm": 1.0, "v_rest": -65.0, "v_reset": -67.0, "v_thresh": -50.0, "tau_refrac": 2.0,
          "i_offset": 0.0, "tau_syn_E": 5.0, "tau_syn_I": 3.0, "tau_syn_E2": 30.0}  # fmt: skip


def cells(
    size=1, celltype=IF_CURR_EXP, v=-65.0, noise=0.0, currents=(), sines=(), shifts=None, initial=None, **changes
):
    parameters = {key: np.atleast_1d(np.asarray(value, float)) for key, value in {**VALUES, **changes}.items()}
    shifts = shifts or (4,) * len(RECEPTORS[celltype])
    start = {"v": np.atleast_1d(np.asarray(v, float)), **(initial or {})}
    return Cells("cells", size, celltype, parameters, start, np.array([noise]), currents, sines, 256, shifts,
                 tuple(2.0**s for s in shifts))  # fmt: skip


def source(size=1, rate_steps=NONE, rates=None):
    rates = np.zeros((0, 1)) if rates is None else np.asarray(rates, float)
    return Source("source", size, NONE, NONE, rate_steps, rates)


def synapses(pre, post, weight, delay=1, receptor="excitatory", origin="source"):
    n = len(pre)
    return Synapses(f"{origin} -> cells, {receptor}", origin, "cells", receptor, np.asarray(pre, np.int32),
                    np.asarray(post, np.int32), np.broadcast_to(np.asarray(weight, float), n).copy(),
                    np.broadcast_to(np.asarray(delay, np.int32), n).copy())  # fmt: skip


def program(group, *listed, sources=None, dt=1.0):
    return SpinnakerProgram("test", dt, 1.0, 7, (group,), tuple(sources or (source(),)), listed)


def spikes(*steps, index=0):
    return np.array(steps, np.int64), np.full(len(steps), index, np.int64)


def traces(p, sent, n_steps, numerics=FIXED, members=(0,), what=("v", "i_exc", "i_inh")):
    fired, sampled = Emulator(p, numerics).run(n_steps, sent, [(0, name, np.array(members)) for name in what])
    return fired[0], sampled


def bits(x):
    return round(x * 32768)


def wrapped(x):
    """What the chip's 32 bits hold of a sum or product."""
    return (x + 2**31) % 2**32 - 2**31


class PlainCell:
    """One IF_curr_exp cell in the chip's integers."""

    def __init__(self, dt=1.0, v=-65.0, shifts=(4, 4), **changes):
        p = {key: bits(value) for key, value in {**VALUES, **changes}.items()}
        step, self.p, self.shifts = bits(dt), p, shifts
        self.resistance = wrapped((p["tau_m"] << 15) // p["cm"])
        self.keep = math.floor(math.exp(-((step << 15) // p["tau_m"]) / 32768) * 32768)
        self.refractory = -(-((p["tau_refrac"] << 15) // step) // 32768)
        self.v, self.wait, self.current = bits(v), 0, [0, 0]
        self.decay, self.jump = [], []
        for tau in (p["tau_syn_E"], p["tau_syn_I"]):
            decay = math.floor(math.exp(-((step << 15) // tau) / 32768) * 2**32)
            self.decay.append(decay)
            self.jump.append(((tau << 15) // step) * (2**32 - 1 - decay) >> 15)

    def advance(self, arrived):
        """Take the sums of the ring buffers; return v before, currents after they have come, and whether it fires."""
        for r in (0, 1):
            come = (min(arrived[r], 65535) << self.shifts[r]) * self.jump[r] >> 32
            self.current[r] = wrapped(self.current[r] + come)
        seen = (self.v, *self.current)
        if self.wait > 0:
            self.wait -= 1
        else:
            drive = wrapped(self.current[0] - self.current[1] + self.p["i_offset"])
            goal = wrapped((drive * self.resistance >> 15) + self.p["v_rest"])
            self.v = wrapped(goal - (self.keep * wrapped(goal - self.v) >> 15))
        fires = self.v >= self.p["v_thresh"]
        if fires:
            self.v, self.wait = self.p["v_reset"], self.refractory
        self.current = [x * decay >> 32 for x, decay in zip(self.current, self.decay, strict=True)]
        return seen, fires


@pytest.mark.parametrize(
    ("dt", "changes", "shifts"),
    [
        (1.0, {}, (4, 4)),
        (1.0, {"tau_m": 1000.0, "tau_syn_E": 700.0, "i_offset": -0.3}, (2, 6)),
        (0.1, {"tau_refrac": 1.0, "cm": 0.27, "tau_syn_I": 0.3, "i_offset": 0.2}, (5, 3)),
    ],
)
def test_every_bit_of_a_cell(dt, changes, shifts):
    rng = np.random.default_rng(3)
    n_steps, n = 400, 20
    weight = [rng.uniform(0.0, 2.0**s, n) for s in (shifts[0] - 1, shifts[1] - 2)]
    delay = [rng.integers(1, 12, n) for _ in range(2)]
    p = program(cells(shifts=shifts, **changes), *(
        synapses(range(n), [0] * n, weight[r], delay[r], receptor) for r, receptor in enumerate(RECEPTORS[IF_CURR_EXP])
    ), sources=[source(n)], dt=dt)  # fmt: skip
    drawn = np.nonzero(rng.random((n_steps, n)) < 0.05)
    (steps, _), (v, exc, inh) = traces(p, [drawn], n_steps)
    plain, sums = PlainCell(dt, shifts=shifts, **changes), np.zeros((n_steps + 12, 2), int)
    for step, i in zip(*drawn, strict=True):
        for r in (0, 1):
            sums[step + delay[r][i], r] += round(weight[r][i] * 2 ** (15 - shifts[r]))
    expected = [plain.advance([int(x) for x in row]) for row in sums[:n_steps]]
    seen = np.array([row for row, _ in expected]) / 32768
    assert len(steps) > 3
    assert [k for k, (_, fires) in enumerate(expected) if fires] == steps.tolist()
    np.testing.assert_array_equal(np.column_stack([v, exc, inh]), seen)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n=st.integers(17, 150),
    taus=st.tuples(st.floats(1.0, 100.0) | st.floats(30000.0, 60000.0), st.floats(0.3, 20.0), st.floats(0.3, 20.0)),
    cm=st.floats(0.02, 2.0),
    shifts=st.tuples(st.integers(0, 18), st.integers(0, 18)),
)
def test_every_bit_of_many_cells(seed, n, taus, cm, shifts):
    rng = np.random.default_rng(seed)
    n_steps, n_synapses = 30, 400
    values = dict(zip(("tau_m", "tau_syn_E", "tau_syn_I"), taus, strict=True)) | {"cm": cm}
    v, offset = rng.uniform(-90.0, -45.0, n), rng.uniform(-3.0, 3.0, n)
    currents = rng.uniform(-20.0, 20.0, (2, n))
    group = cells(n, v=v, shifts=shifts, i_offset=offset,
                  initial={"isyn_exc": currents[0], "isyn_inh": currents[1]}, **values)  # fmt: skip
    post = [rng.integers(0, n, n_synapses) for _ in shifts]
    counts = [rng.integers(0, 65536, n_synapses) for _ in shifts]
    p = program(group, *(
        synapses([0] * n_synapses, post[r], counts[r] * 2.0 ** (shifts[r] - 15), 1 + r, receptor)
        for r, receptor in enumerate(RECEPTORS[IF_CURR_EXP])
    ))  # fmt: skip
    (steps, members), seen = traces(p, [spikes(3, 4, 9)], n_steps, members=range(n))
    for i in range(n):
        plain = PlainCell(v=v[i], shifts=shifts, i_offset=offset[i], **values)
        plain.current = [bits(current) for current in currents[:, i]]
        arrived = [[int(counts[r][post[r] == i].sum()) if k - 1 - r in (3, 4, 9) else 0 for r in (0, 1)]
                   for k in range(n_steps)]  # fmt: skip
        expected = [plain.advance(row) for row in arrived]
        assert [k for k, (_, fires) in enumerate(expected) if fires] == steps[members == i].tolist()
        np.testing.assert_array_equal(
            np.column_stack([x[:, i] for x in seen]), np.array([x for x, _ in expected]) / 32768
        )


@pytest.mark.parametrize("numerics", [FIXED, FLOAT])
def test_a_spike_brings_the_charge_of_an_exponential_current_held_over_each_step(numerics):
    w, tau, n = 0.5, 5.0, 60
    p = program(cells(v_rest=-65.0), synapses([0], [0], w, 3))
    (steps, _), (v, exc, _) = traces(p, [spikes(4)], n, numerics)
    expected, level = np.full(n, -65.0), 0.0
    held = np.where(np.arange(n) >= 7, w * tau * (1 - math.exp(-1 / tau)) * np.exp(-(np.arange(n) - 7) / tau), 0.0)
    for k in range(n - 1):
        level = 20.0 * held[k] + (level - 20.0 * held[k]) * math.exp(-1 / 20.0)
        expected[k + 1] += level
    assert not len(steps)
    tolerance = 1e-12 if numerics is FLOAT else 3e-2
    np.testing.assert_allclose(exc[:, 0], held, atol=tolerance / 20)
    np.testing.assert_allclose(v[:, 0], expected, atol=tolerance)
    assert held.sum() == pytest.approx(w * tau, rel=1e-4)


@pytest.mark.parametrize("n", [1, 20])
@pytest.mark.parametrize("numerics", [FIXED, FLOAT])
def test_a_cell_at_its_threshold_fires_and_waits_for_whole_steps(numerics, n):
    p = program(cells(n, v=-50.0, v_rest=-50.0, v_reset=-51.0, tau_refrac=2.4, tau_m=1e-3))
    (steps, _), (v, _, _) = traces(p, [spikes()], 10, numerics)
    # After a spike, three steps at the reset; a membrane this fast is back at the threshold in the fourth.
    assert steps.tolist() == [*n * [0], *n * [4], *n * [8]]
    np.testing.assert_array_equal(v[:, 0], [-50.0] + 9 * [-51.0])


def test_weights_are_rounded_to_the_ring_buffers_steps():
    weight = np.array([0.1, 1e-4, 0.75 / 1024, 20.0])
    emulator = Emulator(program(cells(shifts=(5, 5)), synapses(range(4), [0] * 4, weight), sources=[source(4)]), FIXED)
    np.testing.assert_array_equal(emulator.get_weights(0), [102 / 1024, 0.0, 1 / 1024, 20.0])
    emulator.set_weights(0, np.array([0.2, 1.0, 2.0, 1e4]))
    np.testing.assert_array_equal(emulator.get_weights(0), [205 / 1024, 1.0, 2.0, 65535 / 1024])
    with pytest.raises(SimulationError, match="4 synapses"):
        emulator.set_weights(0, np.ones(3))


def test_ring_buffers_saturate_at_16_bits_and_only_there():
    n, w = 40, 0.9
    listed = synapses(range(n), [0] * n, w)
    sent = [(np.zeros(n, np.int64), np.arange(n))]
    jump = 5.0 * (1 - math.exp(-1 / 5.0))
    for shifts, expected in (((4, 4), 65535 / 2048), ((5, 5), n * 922 / 1024)):
        _, (_, exc, _) = traces(program(cells(shifts=shifts), listed, sources=[source(n)]), sent, 3)
        assert exc[1, 0] == pytest.approx(expected * jump, rel=1e-4)
    _, (_, exc, _) = traces(program(cells(), listed, sources=[source(n)]), sent, 3, FLOAT)
    assert exc[1, 0] == pytest.approx(n * w * jump, rel=1e-12)


@pytest.mark.parametrize("numerics", [FIXED, FLOAT])
def test_delays_count_from_the_timestep_of_the_spike(numerics):
    p = program(cells(), synapses([0, 0, 0], [0, 0, 0], [1.0, 2.0, 4.0], [1, 2, 40]))
    _, (_, exc, _) = traces(p, [spikes(0)], 45, numerics)
    came = np.flatnonzero(np.diff(exc[:, 0], prepend=0.0) > 0)
    assert came.tolist() == [1, 2, 40]
    # Sent before the first timestep, a spike comes a timestep earlier.
    _, (_, exc, _) = traces(p, [spikes(-1)], 45, numerics)
    assert np.flatnonzero(np.diff(exc[:, 0], prepend=0.0) > 0).tolist() == [0, 1, 39]


def test_spikes_between_cells_take_the_same_way():
    group = cells(2, v=[-50.0, -65.0], i_offset=[3.0, 0.0])
    p = program(group, synapses([0], [1], 2.0, 3, origin="cells"), synapses([0], [1], 1.0, 5, "inhibitory", "cells"))
    (steps, index), (_, exc, inh) = traces(p, [spikes()], 12, members=(0, 1))
    assert (steps[0], index[0]) == (0, 0)
    assert np.flatnonzero(exc[:, 1])[0] == 3
    assert np.flatnonzero(inh[:, 1])[0] == 5
    assert not np.any(exc[:, 0])


@pytest.mark.parametrize("numerics", [FIXED, FLOAT])
def test_parameters_may_differ_from_cell_to_cell(numerics):
    rng = np.random.default_rng(5)
    n = 30
    changes = {"tau_m": rng.uniform(5, 30, n), "i_offset": rng.uniform(0, 3, n), "v_thresh": rng.uniform(-55, -45, n)}
    together = traces(program(cells(n, **changes)), [spikes()], 200, numerics, members=range(n), what=("v",))[1][0]
    for i in (0, 11, 29):
        alone = program(cells(**{key: value[i] for key, value in changes.items()}))
        np.testing.assert_array_equal(together[:, [i]], traces(alone, [spikes()], 200, numerics, what=("v",))[1][0])


@pytest.mark.parametrize("numerics", [FIXED, FLOAT])
def test_delta_cells_take_w_over_dt_for_one_step(numerics):
    p = program(cells(celltype=IF_CURR_DELTA), synapses([0], [0], 0.5), dt=0.5)
    _, (v, exc, _) = traces(p, [spikes(2)], 8, numerics)
    # i = w/dt held for one step, through R = 20 MOhm.
    assert v[4, 0] == pytest.approx(-65.0 + 20.0 * 0.5 / 0.5 * (1 - math.exp(-0.5 / 20.0)), abs=2e-3)
    assert np.flatnonzero(exc).tolist() == [3]
    assert exc[3, 0] == 0.5


def test_cells_with_two_kinds_of_excitation():
    p = program(cells(celltype=IF_CURR_DUAL_EXP, initial={"isyn_exc2": np.array([0.25])}),
                synapses([0], [0], 1.0, 1), synapses([0], [0], 0.5, 2, "excitatory2"),
                synapses([0], [0], 0.3, 3, "inhibitory"))  # fmt: skip
    _, (v, exc, inh) = traces(p, [spikes(0)], 30, FLOAT)
    k = np.arange(30)
    jump = {tau: tau * (1 - math.exp(-1 / tau)) for tau in (5.0, 30.0, 3.0)}
    expected = 0.25 * np.exp(-k / 30.0)
    expected += np.where(k >= 1, jump[5.0] * np.exp(-(k - 1) / 5.0), 0)
    expected += np.where(k >= 2, 0.5 * jump[30.0] * np.exp(-(k - 2) / 30.0), 0)
    np.testing.assert_allclose(exc[:, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(inh[:, 0], np.where(k >= 3, 0.3 * jump[3.0] * np.exp(-(k - 3) / 3.0), 0), rtol=1e-12)
    drive = 20.0 * (exc[3, 0] - inh[3, 0])
    assert v[4, 0] == pytest.approx(-65.0 + drive + (v[3, 0] + 65.0 - drive) * math.exp(-1 / 20.0), abs=1e-12)


@pytest.mark.parametrize("numerics", [FIXED, FLOAT])
def test_injected_currents(numerics):
    step = StepCurrent("steps", np.array([1]), np.array([0, 3, 6]), np.array([[0.0], [0.5], [-0.25]]))
    both = StepCurrent("both", np.array([0, 1]), np.array([0, 3]), np.array([[0.125, 0.0], [0.0, 0.25]]))
    group = cells(2, currents=(step, both), i_offset=[0.0, 0.25], tau_m=1e-2, cm=1e-2)
    p = program(group)
    emulator = Emulator(p, numerics)
    probe = [(0, "v", np.array([0, 1]))]
    first = emulator.run(5, [spikes()], probe)[1][0]
    emulator.set_current(0, np.array([1.0]))
    second = emulator.run(5, [spikes()], probe)[1][0]
    # Such fast membranes follow at once: v is rest + 1 MOhm * i of the timestep before.
    expected = np.array([[0, 0], [0.125, 0.25], [0.125, 0.25], [0.125, 0.25], [0, 1.0], [0, 1.0], [1.0, 2.0],
                         [1.0, 1.25], [1.0, 1.25], [1.0, 1.25]])  # fmt: skip
    np.testing.assert_allclose(np.concatenate([first, second]) + 65.0, expected, atol=1e-2)


@pytest.mark.parametrize("numerics", [FIXED, FLOAT])
def test_sine_currents(numerics):
    sine = SineCurrent("theta", 2.0, 8.0, np.array([0.0, 90.0]))
    p = program(cells(2, sines=(sine,), tau_m=1e-2, cm=1e-2), dt=0.5)
    v = traces(p, [spikes()], 400, numerics, members=(0, 1), what=("v",))[1][0]
    angle = 2 * np.pi * 8.0 * 0.5e-3 * np.arange(399)[:, None] + np.array([0.0, np.pi / 2])
    np.testing.assert_allclose(v[1:] + 65.0, 2.0 * np.sin(angle), atol=3e-2 if numerics is FIXED else 1e-9)


@pytest.mark.parametrize("numerics", [FIXED, FLOAT])
def test_noise_is_drawn_by_key(numerics):
    p = program(cells(3, noise=0.5, tau_m=1e-2, cm=1e-2))
    v = traces(p, [spikes()], 50, numerics, members=(0, 1, 2), what=("v",))[1][0]
    drawn = 0.5 * randomness.normal(7, "cells/noise", np.arange(3), np.arange(49)[:, None])
    np.testing.assert_allclose(v[1:] + 65.0, drawn, atol=1e-3 if numerics is FIXED else 1e-9)


def test_poisson_sources_follow_their_rates():
    n, n_steps = 400, 1000
    rates = source(n, np.array([0, 500]), [[20.0], [100.0]])
    p = program(cells(n, v_thresh=1e4, shifts=(6, 6)), synapses(range(n), range(n), 1.0), sources=[rates])
    _, (exc,) = traces(p, [spikes()], n_steps, members=range(n), what=("i_exc",))
    came = (exc[1:] - exc[:-1] * math.exp(-1 / 5.0)).sum(axis=1) / (5.0 * (1 - math.exp(-1 / 5.0)))
    for part, rate in ((came[:499], 20.0), (came[500:], 100.0)):
        expected = n * len(part) * rate * 1e-3
        assert abs(part.sum() - expected) < 5 * math.sqrt(expected)


def test_a_pause_changes_nothing_and_a_state_continues():
    rng = np.random.default_rng(9)
    n = 40
    group = cells(n, noise=0.3, i_offset=rng.uniform(0.5, 1.0, n))
    recurrent = synapses(np.repeat(np.arange(n), 5), rng.integers(0, n, 5 * n), rng.uniform(0, 0.5, 5 * n),
                         rng.integers(1, 9, 5 * n), origin="cells")  # fmt: skip
    poisson = source(n, np.array([0]), [[50.0]])
    p = program(group, synapses(range(n), range(n), 0.5), recurrent, sources=[poisson])
    probe = [(0, "v", np.arange(n))]
    fired, (v,) = Emulator(p).run(300, [spikes()], probe)
    first, second = Emulator(p), Emulator(p)
    pieces = [first.run(120, [spikes()], probe)]
    second.set_state(first.get_state())
    pieces.append(second.run(180, [spikes()], probe))
    assert len(fired[0][0]) > 100
    np.testing.assert_array_equal(np.concatenate([piece[1][0] for piece in pieces]), v)
    for k in (0, 1):
        np.testing.assert_array_equal(np.concatenate([piece[0][0][k] for piece in pieces]), fired[0][k])
    with pytest.raises(SimulationError, match="numerics"):
        Emulator(p, FLOAT).set_state(first.get_state())


def test_ring_buffers_that_are_too_large_are_refused():
    with pytest.raises(SimulationError, match=r"20000 neurons with delays of up to 60000 timesteps: .* 2147483647"):
        Emulator(program(cells(20000), synapses([0], [0], 0.5, delay=60000)))


def test_spikes_that_do_not_fit_are_refused():
    emulator = Emulator(program(cells(), synapses([0], [0], 1.0)))
    with pytest.raises(SimulationError, match="program has 1"):
        emulator.run(5, [], [])
    for wrong in (spikes(5), spikes(-2), spikes(1, index=1)):
        with pytest.raises(SimulationError, match="'source'"):
            emulator.run(5, [wrong], [])
    emulator.run(5, [spikes(-1)], [])
    with pytest.raises(SimulationError, match="steps 5 to 9"):
        emulator.run(5, [spikes(-1)], [])
