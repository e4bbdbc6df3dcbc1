"""The learning engine: rules that are read strictly, and the same weights, tags and traces as Lava, bit for bit."""

from __future__ import annotations

import pickle
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hmn_snn.backends.loihi2 import lava, learning_rule
from hmn_snn.backends.loihi2.emulator import EmulatorExecutor
from hmn_snn.backends.loihi2.lava import LavaExecutor
from hmn_snn.backends.loihi2.learning_engine import LearningEngine
from hmn_snn.backends.loihi2.learning_program import ThirdFactors, learning_connection
from hmn_snn.backends.loihi2.learning_rule import SYNAPTIC, TRACES, Factor, LearningRule, Product, Trace, parse, text
from hmn_snn.backends.loihi2.program import Connection, LoihiProgram, Source
from hmn_snn.backends.loihi2.program_file import load_program, program_digest, save_program

from hmn_snn.errors import DescriptionError, SimulationError
from neuromorphic_tests.backends.loihi2.lava_here import needs_lava
from neuromorphic_tests.backends.loihi2.programs import process

SCRIPT = Path(__file__).with_name("learning_on_lava.py")


def full(weights, source=1, target=0):
    """Return a connection of all neurons with weights (source, target)."""
    n, m = weights.shape
    return Connection(
        name="c", projection=0, source=source, target=target, n_source=n, n_target=m, receptor=0,
        sign=-1 if weights.min() < 0 else 1, weight_exp=0, row_ptr=np.arange(n + 1, dtype=np.int64) * m,
        target_index=np.tile(np.arange(m, dtype=np.int32), n), weight=weights.ravel().astype(np.int16),
        delay=np.zeros(1, np.int8), synapse=np.arange(n * m), scale=np.ones(1), plastic=False,
    )  # fmt: skip


def listed(raster):
    """Return the steps and neurons of a raster."""
    steps, neurons = np.nonzero(raster)
    return steps, neurons


# Rules


@pytest.mark.parametrize(
    "rule",
    ["u12*x1", "u0*(w-2*x1)", "x0*u0", "x1*y1", "0.5*x0*y1", "x0*y1/2", "x0*r1", "x0*exp(y1)", "9*x0", "2^9*x0", "",
     "x0*", "u0*x1 + u1*y1", "sgn(x1)*u0", "x0*(y1+300)", "x0*(3-y1)", "x0 y1"],
)  # fmt: skip
def test_what_the_chip_cannot_do_is_refused_with_the_rule(rule):
    with pytest.raises(DescriptionError) as caught:
        parse(rule, "dw")
    assert (caught.value.owner, caught.value.parameter, caught.value.value) == ("dw", "learning rule", rule)


def test_a_rule_is_read_as_it_is_written():
    products, k = parse("2^-2*y0*x1 - 3*2^-1*u2*(y2-64)*sgn(t+1) + 12*x0", "dw")
    assert k == 2
    assert products == (
        Product("y0", 1, -2, (Factor("x1"),)),
        Product("u", -3, -1, (Factor("y2", -64), Factor("t", 1, True))),
        Product("x0", 6, 1, ()),
    )
    assert parse(text(products, k))[0] == products
    assert products[1].shift == 7 + 9 + 4 - 15


def test_rules_of_a_connection_share_their_period():
    with pytest.raises(DescriptionError) as caught:
        LearningRule(dw="u1*t", dt="u2*t")
    assert caught.value.value == "u1, u2"


@pytest.mark.parametrize("value", [0.7, 0.05, -0.3, 1.9, 100.0, 3.7])
def test_two_scales_are_near_any_value(value):
    assert sum(m * 2.0**e for m, e in learning_rule.literals(value)) == pytest.approx(value, rel=0.07)


# Bit for bit


def random_rule(rng, k):
    """Return a random sum of products."""
    products = []
    for _ in range(rng.integers(1, 5)):
        factors = []
        for _ in range(rng.integers(0, 4)):
            variable = str(rng.choice(["x0", "y0", *TRACES, *TRACES, *TRACES, "w", "t", "t", "d"]))
            constant = int(rng.integers(-100, 100)) if rng.random() < 0.3 else 0
            factors.append(Factor(variable, constant, bool(variable in SYNAPTIC and rng.random() < 0.2)))
        mantissa = int(rng.choice([-8, -7, -5, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7]))
        products.append(Product(str(rng.choice(["x0", "y0", "u"])), mantissa, int(rng.integers(-7, 3)), tuple(factors)))
    return text(products, k)


def random_case(seed, n_steps):
    """Return a random case for Lava, and the same connection and learning for us."""
    rng = np.random.default_rng(seed)
    n, m = (int(rng.integers(1, 9)) for _ in range(2))
    k, third, epoch = int(rng.choice([0, 0, 1, 2, 3])), bool(rng.random() < 0.5), int(rng.choice([1, 1, 2, 3, 5, 8]))
    rules = {name: random_rule(rng, k) for name in ["dw"] + [x for x in ("dt", "dd") if rng.random() < 0.8]}

    def trace():
        impulse = [0.0, float(rng.integers(0, 60)), rng.uniform(0, 60)][rng.integers(3)]
        return Trace(impulse, [0.0, float(rng.integers(1, 30)), rng.uniform(0.5, 100)][rng.integers(3)])

    traces = {name: trace() for name in (("x1", "x2") if third else TRACES)}
    rule = LearningRule(**rules, **traces, epoch=epoch, third_factors=third)
    sign, seed_of_lava = int(rng.choice([1, -1])), int(rng.integers(1, 1000))
    weights = sign * rng.integers(1, 256, (n, m))
    tags = rng.integers(-257, 256, (n, m)), rng.integers(0, 256, (n, m))
    rates = rng.choice([0.02, 0.2, 0.5], 2)
    case = {
        "rule": rules | {f"{a}_{b}": getattr(t, b) for a, t in traces.items() for b in ("impulse", "tau")}
        | {"t_epoch": epoch, "rng_seed": seed_of_lava},
        "third_factors": third, "sign": sign, "weights": weights.T, "tag_1": tags[0].T, "tag_2": tags[1].T,
        "pre": rng.random((n_steps, n)) < rates[0], "post": rng.random((n_steps, m)) < rates[1],
        "factors": rng.integers(0, 128, (n_steps, 3, m)),
    }  # fmt: skip
    learning = learning_connection(
        0, rule, n * m, stream="lava", seed=seed_of_lava, tag_1=tags[0].ravel(), tag_2=tags[1].ravel()
    )
    return case, full(weights), learning


def follow(case, connection, learning):
    """Return what Lava's driver returns, from our engine."""
    engine, n, m = LearningEngine([connection], [learning]), connection.n_source, connection.n_target
    seen = {name: [] for name in ("weights", "tag_1", "tag_2", "x1", "x2", "y1", "y2", "y3")}
    for k in range(len(case["pre"])):
        fired = [(np.full(len(i), k), i) for i in (np.flatnonzero(case[side][k]) for side in ("pre", "post"))]
        engine.run(k, 1, fired[:1], fired[1:], case["factors"][None, k : k + 1])
        x, y = engine.traces(0)
        matrices = [v.reshape(n, m).T for v in (engine.weights(0), engine.tags(0), engine.delays(0))]
        for values, now in zip(seen.values(), (*matrices, *x, *y), strict=True):
            values.append(now.copy())
    return {name: np.array(values) for name, values in seen.items()}


def assert_equal_cases(seeds, n_steps, folder):
    """Assert that weights, tags and traces are equal after each step; return in how many cases weights moved."""
    cases = [random_case(seed, n_steps) for seed in seeds]
    (folder / "in").write_bytes(pickle.dumps([case for case, *_ in cases], protocol=4))
    command = [str(lava.interpreter()), str(SCRIPT), str(folder / "in"), str(folder / "out"), str(lava.FOLDER)]
    subprocess.run(command, check=True, timeout=1200)
    moved = 0
    for seed, case, theirs in zip(seeds, cases, pickle.loads((folder / "out").read_bytes()), strict=True):
        ours = follow(*case)
        for name, values in theirs.items():
            np.testing.assert_array_equal(ours[name], values, err_msg=f"seed {seed}: {name}")
        moved += bool((theirs["weights"][0] != theirs["weights"][-1]).any())
    return moved


@needs_lava
def test_weights_tags_and_traces_are_those_of_lava(tmp_path):
    assert assert_equal_cases(range(40), 80, tmp_path) > 30


@needs_lava
@pytest.mark.slow
def test_they_are_for_many_rules_and_parameters(tmp_path):
    assert assert_equal_cases(range(1000, 1400), 150, tmp_path) > 300


def two_tags(n=20, m=5, *, stream, epoch=2, vth=700):
    """Return two plastic connections in parallel, with a fast and a slow tag, dopamine in y2 and a gate in y3."""
    weights = np.random.default_rng(0).integers(30, 70, (n, m))
    learning = []
    for k, shift in enumerate((2, 6)):
        rule = LearningRule(
            dw="2^-4*u0*t*(y2-64)*y3", dt=f"2^-1*y0*x1 - 2^-1*x0*y1 - 2^-{shift}*u0*t", x1=Trace(16, 10), epoch=epoch,
            third_factors=True,
        )  # fmt: skip
        learning.append(learning_connection(k, rule, n * m, stream=stream, seed=k + 1, key=k + 1))
    post = process("post", 0, m, du=2047, dv=410, vth=vth)
    return LoihiProgram("two", 1.0, (Source("in", 1, n),), (post,), (full(weights), full(weights)), tuple(learning),
                        (ThirdFactors(0, 410, 16, False, True),))  # fmt: skip


def dopamine_and_gate(n_steps, m):
    """Return y2, neutral, high, neutral, low, and y3, a rhythm with a phase for each neuron."""
    factors = np.full((n_steps, 2, m), 64)
    factors[n_steps // 3 : n_steps // 2, 0], factors[2 * n_steps // 3 :, 0] = 100, 28
    factors[:, 1] = np.maximum(0, 127 * np.cos(0.2 * np.arange(n_steps)[:, None] - np.linspace(0, 3, m)))
    return factors


@needs_lava
@pytest.mark.parametrize(("stream", "epoch"), [("lava", 1), ("lava", 2)])
def test_two_connections_with_third_factors_learn_as_in_a_run_on_lava(stream, epoch):
    n_steps, m = 120, 5
    program, rng = two_tags(stream=stream, epoch=epoch, m=m), np.random.default_rng(3)
    factors, (step, index) = dopamine_and_gate(n_steps + 1, m), listed(rng.random((n_steps + 1, 20)) < 0.15)
    emulator, executor, count = EmulatorExecutor(program), LavaExecutor(program), 0
    try:
        for each in (emulator, executor):
            each.send_factors(factors)
        for first in range(0, n_steps, 60):
            now = (first <= step) & (step < first + 60)
            ours, theirs = (each.run(60, [(step[now], index[now])], [])[0] for each in (emulator, executor))
            np.testing.assert_array_equal(ours[0], theirs[0])
            count += len(ours[0][0])
        # What Lava has learned in the last step, the emulator learns in the next one.
        emulator.run(1, [(step[step == n_steps], index[step == n_steps])], [])
        for k in range(2):
            np.testing.assert_array_equal(emulator.weights(k), executor.weights(k))
            assert (emulator.weights(k) != program.connections[k].weight).any()
    finally:
        executor.close()
    assert count > 100


# What each synapse draws


def test_each_synapse_rounds_by_itself_and_the_mean_is_met():
    n, m, n_steps = 40, 50, 100
    connection = full(np.full((n, m), 100))
    rule = LearningRule(dw="2^-5*u0*x1", x1=Trace(1, 0))
    engine = LearningEngine([connection], [learning_connection(0, rule, n * m, key=9)])
    engine.run(0, n_steps, [listed(np.ones((n_steps, n), bool))], [listed(np.zeros((n_steps, m), bool))])
    moved = engine.weights(0) - 100.0  # binomial: 100 draws of 1/32
    assert moved.mean() == pytest.approx(100 / 32, abs=5 * np.sqrt(100 / 32 / (n * m)))
    assert moved.var() == pytest.approx(100 / 32 * 31 / 32, rel=0.15)
    assert abs(np.corrcoef(moved[:-1], moved[1:])[0, 1]) < 0.1


def test_tags_that_become_lowest_leave_the_other_ones_alone():
    n, m, n_steps = 3, 200, 6
    learning = learning_connection(0, LearningRule(dt="-2^1*u0", dd="2^0*u0"), n * m, tag_1=np.full(n * m, -250))
    engine, silent = LearningEngine([full(np.full((n, m), 100))], [learning]), np.zeros((n_steps, m), bool)
    engine.run(0, n_steps, [listed(silent[:, :n])], [listed(silent)])
    assert set(engine.tags(0)) == {-257, -256}  # one in 128 draws leaves what is below -256
    np.testing.assert_array_equal(engine.delays(0), n_steps)


def test_a_run_continues_from_its_state():
    program, rng = two_tags(stream="synapse"), np.random.default_rng(5)
    factors, (step, index) = dopamine_and_gate(90, 5), listed(rng.random((90, 20)) < 0.15)
    whole, part = EmulatorExecutor(program), EmulatorExecutor(program)
    whole.send_factors(factors)
    whole.run(90, [(step, index)], [])
    part.send_factors(factors)
    part.run(40, [(step[step < 40], index[step < 40])], [])
    rest = EmulatorExecutor(program)
    rest.set_state(part.get_state())
    rest.run(50, [(step[step >= 40], index[step >= 40])], [])
    for k in range(2):
        np.testing.assert_array_equal(whole.weights(k), rest.weights(k))
        assert (whole.weights(k) != program.connections[k].weight).any()


@pytest.mark.parametrize("factors", [np.full((3, 2, 5), 128), np.zeros((3, 2, 4)), np.zeros((3, 5))])
def test_factors_that_do_not_fit_are_refused(factors):
    with pytest.raises(SimulationError, match="third factors"):
        EmulatorExecutor(two_tags(stream="synapse")).send_factors(factors)


def test_a_program_that_learns_is_the_same_from_a_file(tmp_path):
    program = two_tags(stream="synapse")
    save_program(program, tmp_path / "program.h5")
    loaded = load_program(tmp_path / "program.h5")
    assert program_digest(loaded) == program_digest(program)
    assert loaded.learning[1].rule == program.learning[1].rule
    assert program_digest(two_tags(stream="lava")) != program_digest(program)
