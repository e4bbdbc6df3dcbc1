"""Plasticity of the emulator: against the chip's late, packet-driven rule, written down again with lists of spikes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hmn_snn.backends.spinnaker.emulator import Emulator, Numerics
from hmn_snn.backends.spinnaker.program import (
    IF_CURR_EXP,
    Cells,
    Neuromodulation,
    Source,
    SpinnakerProgram,
    Stdp,
    Synapses,
)

FIXED, FLOAT = Numerics(fixed_point=True), Numerics(fixed_point=False)
NONE = np.zeros(0, np.int64)
SHIFT = 3
STEP = 2.0 ** (SHIFT - 15)
RULE = Stdp(A_plus=0.11, A_minus=0.07, tau_plus=12.0, tau_minus=17.0, w_min=0.0, w_max=2.0)
START = 1.0


def pair_of_neurons(stdp=RULE, weight=START, delay=1, dopamine=None):
    """Return a plastic projection onto one cell that fires in the timestep after each spike of its teacher."""
    values = {"tau_m": 1e-2, "cm": 1e-2, "v_rest": -65.0, "v_reset": -65.0, "v_thresh": -64.4, "tau_refrac": 0.0,
              "i_offset": 0.0, "tau_syn_E": 1e-1, "tau_syn_I": 1e-1}  # fmt: skip
    post = Cells("post", 1, IF_CURR_EXP, {k: np.array([x]) for k, x in values.items()}, {"v": np.array([-65.0])},
                 np.zeros(1), (), (), 256, (SHIFT, 9), (8.0, 512.0))  # fmt: skip
    sources = [Source(name, 1, NONE, NONE, NONE, np.zeros((0, 1))) for name in ("pre", "teacher", "da")]
    one = np.zeros(1, np.int32)
    learned = Synapses("learned", "pre", "post", "excitatory", one, one, np.array([weight]), one + delay, stdp)
    # A tenth of a weight flows: 0.79 nA, of which 0.6 make the cell fire; learned weights never reach them.
    taught = Synapses("taught", "teacher", "post", "excitatory", one, one, np.array([7.9]), one + 1)
    return SpinnakerProgram("pair", 1.0, 1.0, 0, (post,), tuple(sources), (learned, taught), dopamine or ())


def sent(times):
    return np.asarray(times, np.int64), np.zeros(len(times), np.int64)


def run(program, pre, post, numerics, dopamine=(), n_steps=None):
    """Let spikes come at these timesteps; return the emulator, and check that the cell fired as told."""
    emulator = Emulator(program, numerics)
    n_steps = n_steps or 5 + max([*pre, *post, *dopamine])
    fired, _ = emulator.run(n_steps, [sent(pre), sent(np.asarray(post) - 1), sent(dopamine)], [])
    assert fired[0][0].tolist() == list(post)
    return emulator


def lut(tau, t, shift=0):
    """Return the chip's exp(-t/tau), in units of 2^-11."""
    n = math.log(2048) * tau / (1 << shift)
    size = 2 * (int(n // 2) + (n % 2 > 0))
    return math.floor(math.exp(-((t >> shift) << shift) / tau) * 2048) if t >> shift < size else 0


def chip_pair(stdp, weight, delay, pre, post):
    """Return the weight after the last presynaptic spike, in the chip's integers (pair rule)."""
    a_plus, a_minus = (round(a * 32768) for a in (stdp.A_plus, stdp.A_minus))
    low, high = round(stdp.w_min * 32768), round(stdp.w_max * 32768)
    w, before, r = round(weight / STEP), 0, 0
    trace, traces, last = 0, {}, 0
    for t in sorted(post):
        trace = (trace * lut(stdp.tau_minus, t - last) >> 11) + 2048
        traces[t], last = trace, t
    for t in sorted(pre):
        accum = w << SHIFT
        for p in [p for p in sorted(post) if before - delay < p <= t - delay]:
            size = r * lut(stdp.tau_plus, p + delay - before) >> 11
            accum = min(accum + (a_plus * (size << 4) >> 15), high)
        known = [p for p in post if p <= t - delay]
        if known:
            size = traces[max(known)] * lut(stdp.tau_minus, t - max(known) - delay) >> 11
            accum = max(accum - (a_minus * (size << 4) >> 15), low)
        w = accum >> SHIFT
        r, before = (r * lut(stdp.tau_plus, t - before) >> 11) + 2048, t
    return w * STEP


@pytest.mark.parametrize("delay", [1, 2, 7])
@pytest.mark.parametrize("seed", range(3))
def test_pairs_bit_by_bit(seed, delay):
    rng = np.random.default_rng(seed)
    pre, post = (np.flatnonzero(rng.random(400) < 0.06) + 1 for _ in range(2))
    post = post[np.r_[True, np.diff(post) > 0]]
    emulator = run(pair_of_neurons(delay=delay), pre.tolist(), post.tolist(), FIXED)
    assert emulator.get_weights(0)[0] == chip_pair(RULE, START, delay, pre.tolist(), post.tolist())


def expected_pair(w, delay, pre, post, stdp=RULE):
    """Return the weight that all pairs give, none of which meets a bound: those that the last packet knows."""
    for t in pre:
        w += sum(stdp.A_plus * math.exp(-(p + delay - t) / stdp.tau_plus) for p in post if t < p + delay <= max(pre))
        w -= sum(stdp.A_minus * math.exp(-(t - p - delay) / stdp.tau_minus) for p in post if p + delay <= t)
    return w


CASES = {
    "potentiation, known at the next packet": ([10, 40], [14]),
    "no packet, no change": ([10], [14]),
    "depression": ([30], [20]),
    "a tie depresses": ([30], [29]),
    "in the timestep of the packet": ([10, 30], [30]),
    "many": ([5, 9, 30, 31, 60], [4, 7, 10, 33, 40, 59]),
}


@pytest.mark.parametrize("case", CASES, ids=list(CASES))
def test_pairs_in_floats(case):
    pre, post = CASES[case]
    for delay in (1, 4):
        weights = run(pair_of_neurons(delay=delay), pre, post, FLOAT).get_weights(0)
        assert weights[0] == pytest.approx(expected_pair(START, delay, pre, post), abs=1e-12)


def test_bounds_are_met_by_each_event():
    # To the upper bound, from which the depression of the same packet starts.
    rule = Stdp(5.0, 0.5, 10.0, 10.0, 0.0, 1.5)
    w = run(pair_of_neurons(rule), [10, 20], [11], FLOAT).get_weights(0)[0]
    assert w == pytest.approx(1.5 - 0.5 * math.exp(-8 / 10.0))
    rule = Stdp(0.5, 5.0, 10.0, 10.0, 0.25, 1.5)
    assert run(pair_of_neurons(rule), [20], [11], FLOAT).get_weights(0)[0] == 0.25


def test_a_packet_carries_the_weight_that_it_has_learned():
    program = pair_of_neurons(Stdp(0.5, 0.0, 10.0, 10.0, 0.0, 4.0), 0.0)
    emulator = Emulator(program, FLOAT)
    _, (exc,) = emulator.run(40, [sent([10, 30]), sent([12]), sent([])], [(0, "i_exc", np.array([0]))])
    assert exc[11, 0] == 0.0
    expected = 0.5 * math.exp(-(13 + 1 - 10) / 10.0)
    assert emulator.get_weights(0)[0] == pytest.approx(expected)
    assert exc[31, 0] == pytest.approx(expected * 0.1 * (1 - math.exp(-10.0)))


def test_nearest_pairs():
    rule = Stdp(0.11, 0.07, 12.0, 17.0, 0.0, 2.0, nearest=True)
    for delay in (1, 3):
        # Of the spikes after 50 the first counts (the chip starts as if a presynaptic spike had come at 0).
        post = [20, 55, 60, 62]
        w = run(pair_of_neurons(rule, delay=delay), [50, 80], post, FLOAT).get_weights(0)[0]
        expected = START + 0.11 * math.exp(-(20 + delay) / 12.0) - 0.07 * math.exp(-(30 - delay) / 17.0)
        expected += 0.11 * math.exp(-(5 + delay) / 12.0) - 0.07 * math.exp(-(18 - delay) / 17.0)
        assert w == pytest.approx(expected, abs=1e-12)


def test_a_neuron_remembers_15_spikes():
    rule = Stdp(0.01, 0.0, 1e4, 20.0, 0.0, 2.0)
    post = list(range(20, 120, 5))
    w = run(pair_of_neurons(rule), [10, 200], post, FLOAT).get_weights(0)[0]
    assert len(post) == 20
    assert w == pytest.approx(START + sum(0.01 * math.exp(-(p + 1 - 10) / 1e4) for p in post[-15:]), abs=1e-12)


def gated(weight, tau_c=200.0, tau_d=50.0, sign="reward", top=4.0):
    return (Neuromodulation("gate", "da", "post", sign, weight, tau_c, tau_d, 0.0, top),)


GATED = Stdp(0.5, 0.0, 12.0, 17.0, 0.0, 4.0, gated=True)


@pytest.mark.parametrize("sign", ["reward", "punishment"])
def test_dopamine_turns_eligibility_into_weight_when_the_next_packet_comes(sign):
    pre, post, da = [10, 300], [14], [60, 100]
    program = pair_of_neurons(GATED, dopamine=gated(0.02, sign=sign))
    # The integral of C D, step by step; all is known a timestep late.
    fine, c, d, w = 1000, 0.0, 0.0, START
    keep = [math.exp(-1 / fine / tau) for tau in (200.0, 50.0)]
    for t in range(10, 300):
        c += 0.5 * math.exp(-5 / 12.0) if t == 15 else 0.0
        d += sum(0.02 if sign == "reward" else -0.02 for s in da if s + 1 == t)
        k = np.arange(fine)
        w += c * d * np.sum((keep[0] * keep[1]) ** (k + 0.5)) / fine
        c, d = c * keep[0] ** fine, d * keep[1] ** fine
    emulator = run(program, pre, post, FLOAT, da)
    assert emulator.get_weights(0)[0] == pytest.approx(w, abs=1e-6)
    assert abs(w - START) > 0.1
    # Without a packet after it, dopamine does nothing yet.
    assert run(program, pre[:1], post, FLOAT, da).get_weights(0)[0] == START


def test_gated_bounds_and_ineligible_synapses():
    program = pair_of_neurons(GATED, dopamine=gated(1.0, top=1.75))
    assert run(program, [10, 300], [14], FLOAT, [60]).get_weights(0)[0] == 1.75
    assert run(program, [10, 300], [], FLOAT, [60]).get_weights(0)[0] == START
    # An eligibility stays in the rule's own bounds: depression from 0 leaves 0.
    rule = Stdp(0.5, 0.5, 12.0, 17.0, 0.0, 4.0, gated=True)
    program = pair_of_neurons(rule, dopamine=gated(1.0))
    assert run(program, [20, 300], [15], FLOAT, [60]).get_weights(0)[0] == START


def test_dopamine_on_the_chip_counts_16_and_4_timesteps_as_one():
    program = pair_of_neurons(GATED, dopamine=gated(0.125))
    # One post spike, dopamine, one packet: in the chip's integers.
    c = round(0.5 * 32768) * ((2048 * lut(12.0, 5) >> 11) << 4) >> 15
    c = c * (lut(200.0, 20, 4) << 4) >> 15
    gone = (lut(200.0, 299 - 35, 4) * lut(50.0, 299 - 35, 2) >> 11) - 2048
    assert lut(200.0, 20, 4) == lut(200.0, 16)
    gain = (c * (256 << 4) >> 15) * (gone << 4) >> 15
    gain = gain * round(-32768 / (1 / 200.0 + 1 / 50.0)) >> 15
    expected = ((round(START / STEP) << SHIFT) + gain >> SHIFT) * STEP
    emulator = run(program, [10, 299], [14], FIXED, [34])
    assert emulator.get_weights(0)[0] == expected
    # Between events that are less than 4 timesteps apart, nothing is gained at all.
    close = run(program, [10, 18], [14], FIXED, [15])
    assert close.get_weights(0)[0] == START
    assert run(program, [10, 18], [14], FLOAT, [15]).get_weights(0)[0] > START


def test_own_spikes_and_dopamine_share_a_history():
    program = pair_of_neurons(Stdp(0.01, 0.0, 1e4, 20.0, 0.0, 4.0, gated=True), dopamine=gated(0.1))
    few = run(program, [10, 400], [12], FLOAT, [50, *range(100, 230, 10)])
    many = run(program, [10, 400], [12], FLOAT, [50, *range(100, 240, 10)])
    # The sixteenth event drives out the only pair.
    assert few.get_weights(0)[0] > START
    assert many.get_weights(0)[0] == START


def test_dopamine_in_the_timestep_of_a_packet_hides_a_pair():
    # The packet at 40 takes the mark of the dopamine that it does not know yet for that of the spike at 14.
    program = pair_of_neurons(GATED, dopamine=gated(0.1))
    assert run(program, [10, 40, 300], [14], FLOAT, [40]).get_weights(0)[0] == START
    assert run(program, [10, 40, 300], [14], FLOAT, [41]).get_weights(0)[0] > START


def test_dopamine_from_before_the_last_packet_counts_from_its_own_time():
    program = pair_of_neurons(GATED, delay=5, dopamine=gated(0.1))
    rate = 1 / 200.0 + 1 / 50.0
    eligibility = 0.5 * math.exp(-9 / 12.0)  # at 19, when the spike at 14 is known
    gain = eligibility * math.exp(-16 / 200.0) * 0.1 * (1 - math.exp(-25 * rate)) / rate
    # At 60 the dopamine of 30 is 30 timesteps old, though it came into force at 35.
    gain += eligibility * math.exp(-41 / 200.0) * 0.1 * math.exp(-30 / 50.0) * (1 - math.exp(-240 * rate)) / rate
    weight = run(program, [10, 60, 300], [14], FLOAT, [30]).get_weights(0)[0]
    assert weight == pytest.approx(START + gain, abs=1e-12)


def test_two_rules_onto_one_population_are_refused():
    program = pair_of_neurons()
    learned, taught = program.synapses
    other = Synapses("other", "teacher", "post", "excitatory", taught.pre, taught.post, taught.weight, taught.delay,
                     Stdp(0.1, 0.2, 12.0, 17.0, 0.0, 2.0))  # fmt: skip
    with pytest.raises(ValueError, match="two rules"):
        Emulator(SpinnakerProgram("two", 1.0, 1.0, 0, program.cells, program.sources, (learned, other)))
    with pytest.raises(ValueError, match="no neuromodulation reaches 'post'"):
        Emulator(pair_of_neurons(GATED))


def test_learning_goes_on_after_a_pause_and_in_another_emulator():
    rng = np.random.default_rng(4)
    program = pair_of_neurons(Stdp(0.3, 0.2, 12.0, 17.0, 0.0, 4.0, gated=True), dopamine=gated(0.2))
    pre, post, da = (np.flatnonzero(rng.random(300) < rate) + 1 for rate in (0.05, 0.05, 0.02))
    whole = run(program, pre.tolist(), post.tolist(), FIXED, da.tolist(), n_steps=400)
    given = [sent(pre), sent(post - 1), sent(da)]
    first, second = Emulator(program), Emulator(program)
    first.run(137, [(s[s < 137], i[s < 137]) for s, i in given], [])
    second.set_state(first.get_state())
    second.run(263, [(s[s >= 137], i[s >= 137]) for s, i in given], [])
    assert whole.get_weights(0)[0] != START
    for name, value in whole.get_state().items():
        np.testing.assert_array_equal(value, second.get_state()[name], err_msg=name)
