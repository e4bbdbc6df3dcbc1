"""The emulator does what the program's docstring says: against that text, written down again in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hmn_snn.backends.loihi2 import emulator
from hmn_snn.backends.loihi2.emulator import EmulatorExecutor
from hmn_snn.backends.loihi2.program import LoihiProgram, Source

from hmn_snn.errors import SimulationError
from neuromorphic_tests.backends.loihi2.programs import (
    FEED,
    NO_SPIKES,
    M,
    all_probes,
    connection,
    one_process,
    plain,
    programs,
    random_spikes,
)


def decay(x: int, d: int) -> int:
    return (abs(x) * (4096 - d) // 4096) * (1 if x >= 0 else -1)


def wrap(x: int) -> int:
    return x - 2**24 if x > 2**23 else x + 2**24 if x <= -(2**23) else x


def mix(z: int) -> int:
    z = (z + 0x9E3779B97F4A7C15) % 2**64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
    return z ^ (z >> 31)


def noise_of(process, i, step):
    if process.noise_key is None:
        return 0
    r = (mix(int(process.noise_key[i]) ^ step) >> 12) % 255 - 127
    size = abs(r) * int(np.broadcast_to(process.noise, (process.size,))[i]) >> 7
    return size if r >= 0 else -size


def arrivals(program: LoihiProgram, group: int, step: int, fired: dict[tuple[int, int], list[int]]):
    """Return what arrives in a step for both receptors of a process: the sum over connections and delays."""
    size = next(p.size for p in program.processes if p.group == group)
    total = [[0] * size, [0] * size]
    for c in (c for c in program.connections if c.target == group):
        delay = np.broadcast_to(c.delay, (c.n_synapses,))
        for d in sorted({int(x) for x in delay}):
            sums = [0] * size
            for i in fired.get((c.source, step - 1 - d), []):
                for s in range(c.row_ptr[i], c.row_ptr[i + 1]):
                    if delay[s] == d:
                        sums[c.target_index[s]] += int(c.weight[s])
            for j, x in enumerate(sums):
                total[c.receptor][j] += x << c.weight_exp if c.weight_exp >= 0 else x >> -c.weight_exp
    return total


def plain_run(program: LoihiProgram, n_steps: int, spikes):
    """Return spikes, and u, u_inh and v of every step, neuron by neuron in Python's integers."""
    fired: dict[tuple[int, int], list[int]] = {}
    for source, (step, index) in zip(program.sources, spikes, strict=True):
        for n, i in zip(step, index, strict=True):
            fired.setdefault((source.group, int(n)), []).append(int(i))
    state = {
        p.group: [[int(a), int(b), int(c), 0] for a, b, c in zip(p.u_init, p.u_inh_init, p.v_init, strict=True)]
        for p in program.processes
    }
    samples = {p.group: np.zeros((3, n_steps, p.size), np.int32) for p in program.processes}
    for step in range(n_steps):
        for p in program.processes:
            excited, inhibited = arrivals(program, p.group, step, fired)
            du_inh = np.zeros(1, int) if p.du_inh is None else p.du_inh
            constants = (p.du, p.dv, du_inh, p.vth, p.bias_mant, p.refractory)
            rows = zip(*(np.broadcast_to(x, (p.size,)).tolist() for x in constants), strict=True)
            for i, (du, dv, du_inh, vth, mant, refractory) in enumerate(rows):
                u, u_inh, v, wait = state[p.group][i]
                u = wrap(decay(u, du + 1) + 64 * excited[i])
                u_inh = wrap(decay(u_inh, du_inh + 1) + 64 * inhibited[i])
                drive = u + u_inh + (mant << p.bias_exp) + noise_of(p, i, step)
                if wait == 0:
                    v = max(1 - 2**23, min(2**23 - 1, decay(v, dv) + drive))
                spike = wait == 0 and v > 64 * vth
                if spike:
                    fired.setdefault((p.group, step), []).append(i)
                    v = v - 64 * vth if p.subtract else 0
                state[p.group][i] = [u, u_inh, v, refractory if spike else max(wait - 1, 0)]
                samples[p.group][:, step, i] = u, u_inh, v
    return fired, samples


def assert_equal(program, spikes, samples, fired, expected):
    for p, (step, index) in zip(program.processes, spikes, strict=True):
        pairs = [(n, i) for (group, n), some in sorted(fired.items()) if group == p.group for i in some]
        assert list(zip(step.tolist(), index.tolist(), strict=True)) == pairs
    for (k, variable, members), found in zip(all_probes(program), samples, strict=True):
        row = ["u", "u_inh", "v"].index(variable)
        np.testing.assert_array_equal(found, expected[program.processes[k].group][row][:, members])


@pytest.mark.parametrize("name", programs())
def test_the_emulator_does_what_the_program_means(name, monkeypatch):
    program = programs()[name]
    spikes = random_spikes(program, 0, 80, np.random.default_rng(3), p=0.3 if "saturation" in name else 0.1)
    fired, expected = plain_run(program, 80, spikes)
    assert sum(len(some) for (group, _), some in fired.items() if group < 5) > 20
    monkeypatch.setattr(emulator, "LISTED", 7 * 90)  # several pieces
    executor = EmulatorExecutor(program)
    found, samples = executor.run(80, spikes, all_probes(program))
    assert_equal(program, found, samples, fired, expected)


def test_saturation_and_wrap_are_reached():
    program = programs()["saturation and wrap"]
    spikes = random_spikes(program, 0, 80, np.random.default_rng(3), p=0.02)
    _, (u, v) = EmulatorExecutor(program).run(80, spikes, all_probes(program))
    assert np.any(np.abs(np.diff(u, axis=0)) > 2**23)  # a turn
    assert np.any(v == 1 - 2**23)


def test_more_rows_than_sixteen_bits_hold_are_summed():
    n = 1000
    connections = (connection("feed", 5, 0, np.full((n, M), 120)),)
    program = LoihiProgram("wide", 1.0, (Source("input", 5, n),), (plain(vth=131071),), connections)
    spikes = [(np.zeros(n, np.int64), np.arange(n))]
    _, (u,) = EmulatorExecutor(program).run(2, spikes, [(0, "u", np.arange(M))])
    assert np.all(u[1] == 120 * n * 64)


def in_pieces(executor, program, lengths, seed=4):
    rng = np.random.default_rng(seed)
    spikes = random_spikes(program, 0, sum(lengths), rng)
    first, parts = 0, []
    for length in lengths:
        part = [(s[(s >= first) & (s < first + length)], i[(s >= first) & (s < first + length)]) for s, i in spikes]
        parts.append(executor.run(length, part, all_probes(program)))
        first += length
    n = range(len(program.processes))
    fired = [tuple(np.concatenate(x) for x in zip(*(p[0][k] for p in parts), strict=True)) for k in n]
    return fired, [np.concatenate(x) for x in zip(*(p[1] for p in parts), strict=True)]


@pytest.mark.parametrize("name", ["loops", "programmable"])
def test_pieces_and_states_change_nothing(name):
    program = programs()[name]
    whole = in_pieces(EmulatorExecutor(program), program, [100])
    assert len(whole[0][0][0]) > 50
    pieces = in_pieces(EmulatorExecutor(program), program, [1, 0, 63, 36])
    for a, b in zip([*whole[0][0], *whole[1]], [*pieces[0][0], *pieces[1]], strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_state_continues_in_another_executor():
    program = programs()["loops"]
    rng = np.random.default_rng(5)
    before, after = random_spikes(program, 0, 70, rng), random_spikes(program, 70, 70, rng)
    first, second = EmulatorExecutor(program), EmulatorExecutor(program)
    first.set_weights(1, program.connections[1].weight // 2)
    first.run(70, before, [])
    second.set_state(first.get_state())
    ends = [executor.run(70, after, all_probes(program)) for executor in (first, second)]
    assert len(ends[0][0][0][0]) > 50
    for a, b in zip([*ends[0][0][0], *ends[0][1]], [*ends[1][0][0], *ends[1][1]], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_state_of_another_program_is_refused():
    with pytest.raises(SimulationError, match="another program"):
        EmulatorExecutor(programs()["loops"]).set_state(EmulatorExecutor(programs()["two processes"]).get_state())


def test_written_weights_act_on_spikes_that_are_on_their_way():
    program = one_process(connection("feed", 5, 0, FEED, delay=2, plastic=True), cells=plain(bias_mant=0))
    executor = EmulatorExecutor(program)
    executor.run(2, [(np.zeros(1, np.int64), np.array([4]))], [])
    executor.set_weights(0, np.full(FEED.size, 9, np.int16))
    _, (u,) = executor.run(2, [NO_SPIKES], [(0, "u", np.arange(M))])
    assert np.all(u[0] == 0)  # arrives in step 0 + 1 + 2
    assert np.all(u[1] == 9 * 64)


def test_written_biases_act_from_the_next_step_on():
    program = one_process(cells=plain(dv=4095, du=4095, vth=10000))
    executor = EmulatorExecutor(program)
    _, (before,) = executor.run(1, [NO_SPIKES], [(0, "v", np.arange(M))])
    executor.set_bias(0, -np.arange(M))
    _, (after,) = executor.run(1, [NO_SPIKES], [(0, "v", np.arange(M))])
    np.testing.assert_array_equal(before[0], np.full(M, 2 << 6))
    np.testing.assert_array_equal(after[0], -np.arange(M) << 6)


@pytest.mark.parametrize(
    ("spikes", "words"),
    [
        ([], "spikes of 0 sources"),
        ([(np.array([3]), np.array([20]))], "'input'.*neurons 0 to 19"),
        ([(np.array([10]), np.array([0]))], "'input'.*steps 0 to 9"),
        ([(np.array([3, 3]), np.array([1, 1]))], "'input'.*twice"),
        ([(np.array([3, 2]), np.array([1, 1]))], "'input'.*sorted"),
    ],
)
def test_spikes_that_do_not_fit_are_refused(spikes, words):
    with pytest.raises(SimulationError, match=words):
        EmulatorExecutor(programs()["dense"]).run(10, spikes, [])


def test_weights_and_biases_that_do_not_fit_are_refused():
    executor = EmulatorExecutor(programs()["loops"])
    with pytest.raises(SimulationError, match=r"'feed'.*allowed: 0 to 255"):
        executor.set_weights(0, np.full(FEED.size, -1))
    with pytest.raises(SimulationError, match=r"'back'.*allowed: -255 to 0"):
        executor.set_weights(1, np.full(M * M, 1))
    with pytest.raises(SimulationError, match=r"'feed'.*shape"):
        executor.set_weights(0, np.zeros(3))
    with pytest.raises(SimulationError, match=r"'cells'.*up to 4095"):
        executor.set_bias(0, np.array([4096]))
