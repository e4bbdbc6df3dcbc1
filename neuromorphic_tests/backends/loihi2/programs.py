"""Small Loihi programs for tests, and random spikes for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hmn_snn.backends.loihi2.program import LIF, PROGRAMMABLE, Connection, LoihiProgram, NeuronProcess, Source

NO_SPIKES = (np.zeros(0, np.int64), np.zeros(0, np.int64))


def process(name: str, group: int, size: int, model: str = LIF, **fields: Any) -> NeuronProcess:
    """Return a process; fields that are not given are those of a plain neuron."""
    rest, one = np.zeros(size, np.int64), np.ones(1)
    values: dict[str, Any] = {
        "du": 400, "dv": 100, "du_inh": None, "vth": 300, "bias_mant": 0, "bias_exp": 0, "refractory": 0,
        "subtract": False, "noise": 0, "noise_key": None, "u_init": rest, "u_inh_init": rest, "v_init": rest,
        "scale": one, "v_zero": one, "current_scale": np.ones((2, 1)), "bias_scale": one, "bias_rest": one, **fields,
    }  # fmt: skip
    for field in ("du", "dv", "du_inh", "vth", "bias_mant", "refractory", "noise"):
        if values[field] is not None:
            values[field] = np.atleast_1d(values[field]).astype(np.int64)
    return NeuronProcess(name=name, group=group, size=size, model=model, **values)


def connection(name: str, source: int, target: int, weights: np.ndarray, **fields: Any) -> Connection:
    """Return a connection with the synapses of a mask (all, if there is none); weights are magnitudes, (pre, post)."""
    mask = fields.pop("mask", np.ones(weights.shape, bool))
    sign, delay = fields.pop("sign", 1), np.asarray(fields.pop("delay", 0))
    pre, post = np.nonzero(mask)
    return Connection(
        name=name, projection=0, source=source, target=target, n_source=weights.shape[0], n_target=weights.shape[1],
        receptor=fields.pop("receptor", 0), sign=sign, weight_exp=fields.pop("exp", 0),
        row_ptr=np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64), target_index=post.astype(np.int32),
        weight=(sign * weights[pre, post]).astype(np.int16),
        delay=(delay[pre, post] if delay.ndim else np.atleast_1d(delay)).astype(np.int8),
        synapse=np.arange(len(pre)), scale=np.ones(1), plastic=fields.pop("plastic", False), **fields,
    )  # fmt: skip


def random_spikes(
    program: LoihiProgram, first: int, n_steps: int, rng: np.random.Generator, p: float = 0.1
) -> list[Any]:
    """Return spikes of the sources in some steps, each with a probability."""
    spikes = []
    for source in program.sources:
        step, index = np.nonzero(rng.random((n_steps, source.size)) < p)
        spikes.append((step + first, index))
    return spikes


def all_probes(program: LoihiProgram) -> list[Any]:
    """Return probes of every variable of every neuron."""
    return [
        (k, variable, np.arange(p.size))
        for k, p in enumerate(program.processes)
        for variable in (("u", "v") if p.model == LIF else ("u", "u_inh", "v"))
    ]


N, M = 20, 70  # a source, and processes of more than one block of the kernel
SOURCES = (Source("input", 5, N),)
_RNG = np.random.default_rng(1)
FEED, RECURRENT = _RNG.integers(0, 90, (N, M)), _RNG.integers(0, 255, (M, M))
FEW, FEW_RECURRENT = _RNG.random((N, M)) < 0.08, _RNG.random((M, M)) < 0.05
DELAYS, LONG_DELAYS = _RNG.integers(0, 6, (N, M)), _RNG.integers(0, 64, (M, M))


def plain(**fields: Any) -> NeuronProcess:
    """Return Lava's LIF with a bias."""
    return process("cells", 0, M, **{"du": 409, "dv": 204, "bias_mant": 2, "bias_exp": 6, **fields})


def programmable(**fields: Any) -> NeuronProcess:
    """Return neurons with everything that Lava's LIF lacks, each with constants of its own."""
    rng = np.random.default_rng(2)
    own: dict[str, Any] = {
        "du": rng.integers(0, 4096, M), "dv": rng.integers(0, 4096, M), "du_inh": rng.integers(0, 4096, M),
        "vth": rng.integers(50, 900, M), "bias_mant": rng.integers(-50, 400, M), "bias_exp": 4,
        "refractory": rng.integers(0, 5, M), "noise": rng.integers(0, 4000, M),
        "noise_key": rng.integers(0, 2**63, M).astype(np.uint64),
    }  # fmt: skip
    return process("cells", 0, M, PROGRAMMABLE, **{**own, **fields})


def one_process(*connections: Connection, cells: NeuronProcess | None = None) -> LoihiProgram:
    """Return a program of an input (group 5), one process (group 0) and connections."""
    return LoihiProgram("test", 1.0, SOURCES, (cells or plain(),), connections)


def programs() -> dict[str, LoihiProgram]:
    """Return programs that between them use everything a program can say."""
    feed = connection("feed", 5, 0, FEED)
    saturating = plain(vth=131071, du=0, dv=0, bias_mant=-4095, bias_exp=7)
    second = process("more", 1, M, vth=3000, du=4095, dv=10, v_init=100 * np.arange(M), u_init=-1000 * np.arange(M))
    loop = (
        feed,
        connection("back", 0, 0, RECURRENT, sign=-1, exp=-1),
        connection("late", 0, 0, RECURRENT // 3, delay=LONG_DELAYS),
        connection("few", 0, 0, RECURRENT, sign=-1, mask=FEW_RECURRENT),
    )
    two = (feed, connection("there", 0, 1, RECURRENT), connection("back", 1, 0, RECURRENT, sign=-1))
    inhibited = (
        connection("feed", 5, 0, FEED, exp=2),
        connection("inhibition", 0, 0, RECURRENT, sign=-1, receptor=1, delay=2),
    )
    return {
        "dense": one_process(feed),
        "dense, shifted right": one_process(connection("feed", 5, 0, FEED, exp=-3)),
        "sparse": one_process(connection("feed", 5, 0, FEED, mask=FEW, exp=2)),
        "delays": one_process(connection("feed", 5, 0, FEED, delay=DELAYS)),
        "delays, shifted right": one_process(connection("feed", 5, 0, FEED, delay=DELAYS, exp=-4)),
        "sparse delays": one_process(connection("feed", 5, 0, FEED, delay=DELAYS, mask=FEW, exp=1)),
        "sparse delays, shifted right": one_process(connection("feed", 5, 0, FEED, delay=DELAYS, mask=FEW, exp=-2)),
        "one delay": one_process(connection("feed", 5, 0, FEED, delay=3, exp=-1)),
        "saturation and wrap": one_process(connection("feed", 5, 0, 0 * FEED + 255, exp=7), cells=saturating),
        "loops": LoihiProgram("test", 1.0, SOURCES, (plain(),), loop),
        "two processes": LoihiProgram("test", 1.0, SOURCES, (plain(), second), two),
        "no input": LoihiProgram("test", 1.0, (), (plain(bias_mant=40),), ()),
        "programmable": LoihiProgram("test", 1.0, SOURCES, (programmable(),), inhibited),
        "programmable, subtract": LoihiProgram("test", 1.0, SOURCES, (programmable(subtract=True),), inhibited),
    }
