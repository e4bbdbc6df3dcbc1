"""The emulator equals Lava bit for bit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hmn_snn.backends.loihi2 import lava
from hmn_snn.backends.loihi2.emulator import EmulatorExecutor
from hmn_snn.backends.loihi2.lava import LavaExecutor
from hmn_snn.backends.loihi2.program import LoihiProgram, Source

from neuromorphic_tests.backends.loihi2.lava_here import needs_lava
from neuromorphic_tests.backends.loihi2.programs import (
    FEED,
    M,
    all_probes,
    connection,
    one_process,
    process,
    programs,
    random_spikes,
)


def assert_equal_runs(program, pieces, p=0.1, **options):
    """Assert that spikes, u, u_inh and v of every step are equal on the emulator and on Lava; return the spikes."""
    rng, first, count = np.random.default_rng(3), 0, 0
    emulator, executor = EmulatorExecutor(program), LavaExecutor(program, **options)
    try:
        for n_steps in pieces:
            spikes = random_spikes(program, first, n_steps, rng, p)
            ours, theirs = (e.run(n_steps, spikes, all_probes(program)) for e in (emulator, executor))
            for a, b in zip(ours[0], theirs[0], strict=True):
                np.testing.assert_array_equal(a, b)
                count += len(a[0])
            for a, b in zip(ours[1], theirs[1], strict=True):
                np.testing.assert_array_equal(a, b)
            first += n_steps
    finally:
        executor.close()
    return count


DAILY = ("dense", "sparse delays, shifted right", "saturation and wrap", "loops", "two processes", "no input",
         "programmable", "programmable, subtract")  # fmt: skip


@needs_lava
@pytest.mark.parametrize("name", DAILY)
def test_a_run_is_equal(name):
    assert assert_equal_runs(programs()[name], [20, 1, 39], p=0.3 if "saturation" in name else 0.1) > 30


@needs_lava
@pytest.mark.slow
@pytest.mark.parametrize("name", programs())
def test_a_long_run_is_equal(name):
    assert assert_equal_runs(programs()[name], [300, 1, 699], p=0.3 if "saturation" in name else 0.1) > 500


@needs_lava
@pytest.mark.parametrize("name", ["delays, shifted right", "sparse delays, shifted right"])
def test_lavas_own_delayed_connections_are_equal(name):
    assert assert_equal_runs(programs()[name], [60], stock_delays=True) > 10


@needs_lava
@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in programs() if "delay" in name or name == "loops"])
def test_a_long_run_of_lavas_own_delayed_connections_is_equal(name):
    assert assert_equal_runs(programs()[name], [300], stock_delays=True) > 100


@needs_lava
def test_written_weights_and_biases_are_equal():
    weights = FEED.ravel().astype(np.int16)
    program = one_process(connection("feed", 5, 0, FEED, delay=1, plastic=True))
    rng, emulator, executor = np.random.default_rng(3), EmulatorExecutor(program), LavaExecutor(program)
    ends = []
    try:
        for piece in range(4):
            spikes = random_spikes(program, 25 * piece, 25, rng)
            for e in (emulator, executor):
                e.set_weights(0, weights // (piece + 2))  # also before the first step, when Lava has no runtime yet
                if piece % 2 == 0:
                    e.set_bias(0, np.arange(M) + 20 * piece + 1)
                ends.append(e.run(25, spikes, all_probes(program)))
    finally:
        executor.close()
    for (ours, u_v), (theirs, their_u_v) in zip(ends[::2], ends[1::2], strict=True):
        for a, b in zip([*ours[0], *u_v], [*theirs[0], *their_u_v], strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(ends[0][1][0], ends[2][1][0])


@needs_lava
def test_a_thousand_sets_of_parameters_are_equal(tmp_path):
    assert_equal_parameters(tmp_path, sets=1000, n_steps=1000, seed=1)


@needs_lava
@pytest.mark.slow
def test_twenty_thousand_sets_of_parameters_are_equal(tmp_path):
    for seed in range(2, 22):
        assert_equal_parameters(tmp_path, sets=1000, n_steps=1000, seed=seed)


def random_parameters(sets, rng):
    """Return parameters of LIF neurons over their whole ranges, small values as often as large ones."""
    return {
        "du": rng.integers(0, 4096, sets) >> rng.integers(0, 13, sets),
        "dv": rng.integers(0, 4096, sets) >> rng.integers(0, 13, sets),
        "vth": rng.integers(0, 1 << 17, sets) >> rng.integers(0, 18, sets),
        "bias_mant": rng.integers(-4095, 4096, sets) >> rng.integers(0, 13, sets),
        "bias_exp": np.sort(rng.integers(0, 8, sets)),
        "u": rng.integers(1 - 2**23, 2**23, sets),
        "v": rng.integers(1 - 2**23, 2**23, sets),
    }


def parameter_program(given, weights, exps, signs):
    """Return a program with a neuron for each set of parameters, and a synapse of each source to each neuron."""
    sets = len(given["u"])
    cells, wires = [], []
    for group in range(8):  # the exponent of the bias is one of a process
        own = np.flatnonzero(given["bias_exp"] == group)
        fields = {name: given[name][own] for name in ("du", "dv", "vth", "bias_mant")}
        cells.append(process(f"exponent {group}", group, len(own), bias_exp=group, u_init=given["u"][own],
                             v_init=given["v"][own], **fields))  # fmt: skip
        for k, (exp, sign) in enumerate(zip(exps, signs, strict=True)):
            matrix = np.zeros((sets, len(own)), np.int64)
            matrix[own, np.arange(len(own))] = weights[k][own]
            wires.append(connection(f"{k} {group}", 8 + k, group, matrix, mask=matrix > 0, exp=exp, sign=sign))
    sources = tuple(Source(f"input {k}", 8 + k, sets) for k in range(len(exps)))
    return LoihiProgram("sets", 1.0, sources, tuple(cells), tuple(wires))


def assert_equal_parameters(folder, sets, n_steps, seed):
    """Compare LIF neurons of any parameters with Lava's own arithmetic, under arrivals from nothing to overflow."""
    rng, exps, signs = np.random.default_rng(seed), (0, 4, 7, 7), (1, -1, 1, -1)
    given = random_parameters(sets, rng)
    weights = rng.integers(0, 256, (4, sets)) >> rng.integers(0, 16, (4, sets))
    program = parameter_program(given, weights, exps, signs)
    spikes = random_spikes(program, 0, n_steps, rng, p=0.2)
    sizes = [p.size for p in program.processes]
    probes = [(p, variable, np.arange(n)) for variable in ("u", "v") for p, n in enumerate(sizes)]
    fired, samples = EmulatorExecutor(program).run(n_steps, spikes, probes)
    arrivals = np.zeros((n_steps + 1, sets), np.int64)
    for k, (step, index) in enumerate(spikes):
        arrivals[step + 1, index] += signs[k] * weights[k][index] << exps[k]
    np.savez(folder / "given.npz", **given, arrivals=arrivals[:n_steps])
    script = Path(__file__).with_name("lava_lif.py")
    command = [lava.interpreter(), "-I", script, folder / "given.npz", folder / "found.npz", lava.FOLDER]
    subprocess.run([str(part) for part in command], check=True, timeout=300)
    raster, firsts = np.zeros((n_steps, sets), bool), np.cumsum([0, *sizes])
    for (step, index), first in zip(fired, firsts[:-1], strict=True):
        raster[step, first + index] = True
    with np.load(folder / "found.npz") as found:
        np.testing.assert_array_equal(np.hstack(samples), np.hstack([found["u"], found["v"]]))
        np.testing.assert_array_equal(raster, found["spikes"])
        assert raster.any(axis=0).sum() > sets // 4  # many fire
        assert np.any(np.abs(np.diff(found["u"], axis=0)) > 2**23)  # some overflow
        assert np.any(np.abs(found["v"]) == 2**23 - 1)


@needs_lava
@pytest.mark.parametrize("name", ["dense", "programmable"])
def test_floating_point_is_close(name):
    program = programs()[name]
    spikes = random_spikes(program, 0, 12, np.random.default_rng(3))
    executor = LavaExecutor(program, select_tag="floating_pt")
    try:
        fired, samples = executor.run(12, spikes, all_probes(program))
    finally:
        executor.close()
    ours, exact = EmulatorExecutor(program).run(12, spikes, all_probes(program))
    assert len(fired[0][0]) > 10
    assert abs(len(fired[0][0]) - len(ours[0][0])) <= 0.1 * len(fired[0][0])
    assert samples[0].dtype == np.float64
    np.testing.assert_allclose(samples[0], exact[0], atol=40)  # u loses less than 1 in a step
