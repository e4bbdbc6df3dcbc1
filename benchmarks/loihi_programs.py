"""The Loihi programs that ``loihi.py`` times: two populations of LIF neurons, with fixed or plastic synapses."""

from __future__ import annotations

import numpy as np
from hmn_snn.backends.loihi2.learning_program import ThirdFactors, learning_connection
from hmn_snn.backends.loihi2.learning_rule import LearningRule, Trace
from hmn_snn.backends.loihi2.program import LIF, Connection, LoihiProgram, NeuronProcess, Source

P_INPUT = 0.05  # spikes of an input neuron in a step
SEED = 1


def lif(name: str, group: int, size: int, *, du: int, dv: int, vth: int) -> NeuronProcess:
    """Return a process of Lava's LIF neurons that start at rest, without bias.

    Parameters
    ----------
    name : str
    group, size, du, dv, vth : int

    Returns
    -------
    NeuronProcess
    """
    zero, one, rest = np.zeros(1, np.int64), np.ones(1), np.zeros(size, np.int64)
    return NeuronProcess(
        name=name, group=group, size=size, model=LIF, du=np.array([du]), dv=np.array([dv]), du_inh=None,
        vth=np.array([vth]), bias_mant=zero, bias_exp=0, refractory=zero, subtract=False, noise=zero, noise_key=None,
        u_init=rest, u_inh_init=rest, v_init=rest, scale=one, v_zero=one, current_scale=np.ones((2, 1)),
        bias_scale=one, bias_rest=one,
    )  # fmt: skip


def connection(name: str, source: int, target: int, weights: np.ndarray) -> Connection:
    """Return a connection with a synapse for each weight that is not 0, and no delay.

    Parameters
    ----------
    name : str
    source, target : int
        Groups.
    weights : (n_source, n_target) int array
        0 to 255.

    Returns
    -------
    Connection
    """
    pre, post = np.nonzero(weights)
    row_ptr = np.concatenate([[0], np.cumsum(np.count_nonzero(weights, axis=1))]).astype(np.int64)
    return Connection(
        name=name, projection=0, source=source, target=target, n_source=weights.shape[0], n_target=weights.shape[1],
        receptor=0, sign=1, weight_exp=0, row_ptr=row_ptr, target_index=post.astype(np.int32),
        weight=weights[pre, post].astype(np.int16), delay=np.zeros(1, np.int8), synapse=np.arange(len(pre)),
        scale=np.ones(1), plastic=False,
    )  # fmt: skip


def dense_network(size: int) -> LoihiProgram:
    """Return LIF - Dense - LIF: a spike of input neuron i makes neuron i of the first population spike.

    Parameters
    ----------
    size : int
        Neurons of each population.

    Returns
    -------
    LoihiProgram
    """
    weights = np.random.default_rng(SEED).integers(1, 60, (size, size))
    # The drive of a neuron is size p 30 a step on average; it settles at ten times as much (du), and v is reset.
    threshold = int(60 * size * P_INPUT * 30)
    first = lif("first", 0, size, du=4095, dv=4095, vth=100)
    second = lif("second", 1, size, du=409, dv=204, vth=min(threshold, (1 << 17) - 1))
    drive = connection("drive", 2, 0, 255 * np.eye(size, dtype=np.int64))
    dense = connection("dense", 0, 1, weights)
    return LoihiProgram("dense", 1.0, (Source("input", 2, size),), (first, second), (drive, dense))


def plastic_network(size: int, stream: str = "lava") -> LoihiProgram:
    """Return two populations joined by synapses that all learn at every step.

    Parameters
    ----------
    size : int
        Neurons of each population; a spike of input neuron i makes neuron i of the first one spike.
    stream : "lava" or "synapse"
        What rounds; with "lava", weights are those of Lava.

    Returns
    -------
    LoihiProgram
    """
    weights = np.random.default_rng(SEED).integers(20, 60, (size, size))
    first = lif("first", 0, size, du=4095, dv=4095, vth=100)
    second = lif("second", 1, size, du=409, dv=204, vth=180 * size)
    rule = LearningRule(
        dw="2^-7*u0*t*(y2-64) + 2^-6*u0*t", dt="2^-1*y0*x1 - 2^-1*x0*y1 - 2^-3*u0*t", x1=Trace(16, 10),
        third_factors=True,
    )  # fmt: skip
    connections = (connection("drive", 2, 0, 255 * np.eye(size, dtype=np.int64)), connection("plastic", 0, 1, weights))
    learning = (learning_connection(1, rule, size * size, stream=stream, seed=1, key=1),)
    return LoihiProgram("plastic", 1.0, (Source("input", 2, size),), (first, second), connections, learning,
                        (ThirdFactors(1, 400, 16, False, True),))  # fmt: skip
