"""Relays: neurons that pass spikes on later, because the connections that learn have no delay."""

from __future__ import annotations

import numpy as np

from .program import BIAS_MANT_MAX, DECAY_ONE, DELAY_MAX, LIF, WEIGHT_MAX, Connection, NeuronProcess


def relay(process: NeuronProcess, group: int, delay: int) -> NeuronProcess:
    """Return neurons that pass on the spikes of a population.

    Parameters
    ----------
    process : NeuronProcess
        The population's.
    group : int
        Of the relay.
    delay : int [steps]
        Only for its name.

    Returns
    -------
    NeuronProcess
    """
    zero, rest, one = np.zeros(1, np.int32), np.zeros(process.size, np.int32), np.ones(1)
    full = np.array([DECAY_ONE - 1], np.int32)
    return NeuronProcess(
        name=f"{process.name} +{delay}", group=group, size=process.size, model=LIF, du=full, dv=full, du_inh=None,
        vth=np.array([min(WEIGHT_MAX // 2, BIAS_MANT_MAX)], np.int32), bias_mant=zero, bias_exp=0, refractory=zero,
        subtract=False, noise=zero, noise_key=None, u_init=rest, u_inh_init=rest, v_init=rest, scale=one,
        v_zero=0 * one, current_scale=np.zeros((2, 1)), bias_scale=0 * one, bias_rest=0 * one,
    )  # fmt: skip


def one_to_one(process: NeuronProcess, group: int, delay: int) -> Connection:
    """Return what leads from a population to its relay: a spike that arrives fires it in the same step."""
    n = process.size
    if delay - 1 > DELAY_MAX:
        raise ValueError(f"a relay of {delay} steps")
    return Connection(
        name=f"{process.name} to its relay", projection=-1, source=process.group, target=group, n_source=n, n_target=n,
        receptor=0, sign=1, weight_exp=0, row_ptr=np.arange(n + 1, dtype=np.int64),
        target_index=np.arange(n, dtype=np.int32), weight=np.full(n, WEIGHT_MAX, np.int16),
        delay=np.array([delay - 1], np.int8), synapse=np.arange(n), scale=np.ones(1), plastic=False,
    )  # fmt: skip
