"""Numbers of a network as integers of the chip, and back.

Decays are multiples of 1/4096, so a time constant is met within 1 / (8192 (1 - rho)), relatively. What a rounded decay
does to sums is undone: a current held for ever, or spikes at a constant rate, must move v as far as they would have, so
whatever enters a state that decays by f instead of rho is multiplied by :func:`gain_change`, (1 - f) / (1 - rho), the
inverse of the change of its sum 1 + f + f^2 + ... = 1 / (1 - f).
"""

from __future__ import annotations

import numpy as np

from .program import (
    BIAS_EXP_MAX,
    BIAS_MANT_MAX,
    DECAY_ONE,
    MEMBRANE_LIMIT,
    MEMBRANE_SHIFT,
    VTH_MAX,
    WEIGHT_EXP_MAX,
    WEIGHT_EXP_MIN,
    WEIGHT_MAX,
    Connection,
    Float,
    Int,
    NeuronProcess,
)

UNIT = 1 << MEMBRANE_SHIFT  # of weights and thresholds
# The most that one synapse can add to a current, and a bias to a membrane, in a step.
WEIGHT_LARGEST = UNIT * WEIGHT_MAX << WEIGHT_EXP_MAX
BIAS_LARGEST = BIAS_MANT_MAX << BIAS_EXP_MAX
# Draws of the noise are uniform on -127..127 and shifted right by 7.
NOISE_DRAW_MAX, NOISE_SHIFT = 127, 7


def current_decay(rho: Float) -> Int:
    """Return du for a decay factor; the pipeline decays currents by du + 1.

    Parameters
    ----------
    rho : (n,) float array

    Returns
    -------
    (n,) int32 array
    """
    return np.clip(np.rint(DECAY_ONE * (1.0 - rho)) - 1, 0, DECAY_ONE - 1).astype(np.int32)


def membrane_decay(rho: Float) -> Int:
    """Return dv for a decay factor; 0 is a membrane without a leak.

    Parameters
    ----------
    rho : (n,) float array

    Returns
    -------
    (n,) int32 array
    """
    return np.clip(np.rint(DECAY_ONE * (1.0 - rho)), 0, DECAY_ONE - 1).astype(np.int32)


def current_factor(du: Int) -> Float:
    """Return what du leaves of a current in a step, 0 to 4095/4096."""
    return (DECAY_ONE - 1.0 - du) / DECAY_ONE


def membrane_factor(dv: Int) -> Float:
    """Return what dv leaves of a membrane potential in a step, 1/4096 to 1."""
    return (DECAY_ONE - 1.0 * dv) / DECAY_ONE


def gain_change(rho: Float, factor: Float) -> Float:
    """Return what the input of a state is multiplied by where the state decays by ``factor`` instead of ``rho``.

    Parameters
    ----------
    rho, factor : (n,) float array

    Returns
    -------
    (n,) float array
        1 for a factor of 1: without a leak there is no steady state, and what a step adds is kept instead.
    """
    rho, factor = np.broadcast_arrays(rho, factor)
    return np.where(factor == 1.0, 1.0, (1.0 - factor) / np.maximum(1.0 - rho, np.finfo(float).tiny))


def spread_change(rho: Float, factor: Float) -> Float:
    """Return what keeps the stationary deviation of a state under noise that decays by ``factor`` instead of ``rho``.

    Parameters
    ----------
    rho, factor : (n,) float array

    Returns
    -------
    (n,) float array
        sqrt((1 - factor^2) / (1 - rho^2)); 1 for a factor of 1.
    """
    return np.where(np.asarray(factor) == 1.0, 1.0, np.sqrt(gain_change(np.square(rho), np.square(factor))))


def threshold(theta: Float) -> Int:
    """Return vth for a threshold that is reached, where the chip's must be passed.

    Parameters
    ----------
    theta : (n,) float array
        More than 0, in units of v.

    Returns
    -------
    (n,) int32 array
        Largest with 64 vth < theta.
    """
    return np.clip(np.ceil(theta / UNIT) - 1, 0, VTH_MAX).astype(np.int32)


def bias_exponent(largest: float) -> int:
    """Return the smallest exponent with which a mantissa can hold a bias.

    Parameters
    ----------
    largest : float
        Its magnitude.

    Returns
    -------
    int
        0 to 7.
    """
    exponent = 0
    while exponent < BIAS_EXP_MAX and np.rint(largest / (1 << exponent)) > BIAS_MANT_MAX:
        exponent += 1
    return exponent


def mantissa(value: Float, exponent: int) -> Int:
    """Return the mantissa of a bias, clipped to 12 bits and sign.

    Parameters
    ----------
    value : (n,) float array
    exponent : int

    Returns
    -------
    (n,) int32 array
    """
    return np.clip(np.rint(value / (1 << exponent)), -BIAS_MANT_MAX, BIAS_MANT_MAX).astype(np.int32)


def bias_mantissa(process: NeuronProcess, current: Float) -> Int:
    """Return the mantissas that stand for an injected current.

    Parameters
    ----------
    process : NeuronProcess
    current : (1,) or (n,) float array [nA]
        The cell's own offset included.

    Returns
    -------
    (1,) or (n,) int32 array
        Clipped to what the width holds.
    """
    return mantissa(process.bias_rest + process.bias_scale * current, process.bias_exp)


def weight_exponent(largest: float) -> int:
    """Return the smallest exponent with which 8 bits can hold a weight.

    Parameters
    ----------
    largest : float
        Its magnitude in units of 64.

    Returns
    -------
    int
        -8 to 7; the smallest for no weight at all.
    """
    exponent = WEIGHT_EXP_MIN
    while exponent < WEIGHT_EXP_MAX and np.rint(largest * 2.0**-exponent) > WEIGHT_MAX:
        exponent += 1
    return exponent


def integer_weights(connection: Connection, weights: Float, draws: Float | None = None) -> Int:
    """Return weights as the chip holds them.

    Parameters
    ----------
    connection : Connection
    weights : (n_synapses,) float array [nA, or mV]
        Magnitudes, of the connection's synapses in their order: ``of_projection[connection.synapse]``.
    draws : (n_synapses,) float array, optional
        Uniform in (0, 1): a weight is rounded up where its draw exceeds what is missing to the next integer, so that
        the mean over draws is the weight. To the nearest integer without them.

    Returns
    -------
    (n_synapses,) int16 array
        Signed; magnitudes above 255 become 255, below 0 become 0.
    """
    scale = np.abs(connection.scale)
    exact = weights * (scale if len(scale) == 1 else scale[connection.target_index])
    whole = np.rint(exact) if draws is None else np.floor(exact + draws)
    return (connection.sign * np.clip(whole, 0, WEIGHT_MAX)).astype(np.int16)


def potentials(process: NeuronProcess, v: Int, members: Int | slice = slice(None)) -> Float:
    """Return membrane potentials.

    Parameters
    ----------
    process : NeuronProcess
    v : (..., m) int array
    members : (m,) int array, optional
        Neurons that the columns belong to; all if not given.

    Returns
    -------
    (..., m) float array [mV]
    """
    return _of(process.v_zero, members) + v / _of(process.scale, members)


def currents(
    process: NeuronProcess, u: Int, u_inh: Int | None = None, members: Int | slice = slice(None)
) -> tuple[Float, Float]:
    """Return the currents of both receptors.

    Parameters
    ----------
    process : NeuronProcess
    u, u_inh : (..., m) int array
        ``u_inh`` of a process that has it.
    members : (m,) int array, optional
        Neurons that the columns belong to; all if not given.

    Returns
    -------
    i_exc, i_inh : (..., m) float array [nA, mV at a delta receptor]
        Where one sum stands for both: its positive part, and its negative one.
    """
    scale_exc, scale_inh = (_of(row, members) for row in process.current_scale)
    if u_inh is None and process.current_scale.all():
        parts = np.maximum(u, 0), np.minimum(u, 0)
    elif u_inh is None:
        parts = u, u
    else:
        parts = u, u_inh
    return _divided(parts[0], scale_exc), _divided(parts[1], scale_inh)


def noise_amplitude(deviation: Float) -> Int:
    """Return the integer amplitude whose noise is nearest to a standard deviation.

    Parameters
    ----------
    deviation : (n,) float array
        Of what a step adds to v.

    Returns
    -------
    (n,) int32 array
    """
    levels, inverse = np.unique(deviation, return_inverse=True)
    # Without the truncation a draw has the deviation amplitude sqrt(127 128 / 3) / 128, which is never too small.
    spread = np.sqrt(NOISE_DRAW_MAX * (NOISE_DRAW_MAX + 1) / 3.0) / (1 << NOISE_SHIFT)
    largest = MEMBRANE_LIMIT - 8.0
    candidates = np.floor(np.minimum(levels / spread, largest))[:, None] + np.arange(8)
    candidates[levels == 0] = 0
    error = np.abs(noise_deviation(candidates) - levels[:, None])
    best = candidates[np.arange(len(levels)), error.argmin(axis=1)]
    return best.astype(np.int32)[inverse].reshape(deviation.shape)


def noise_deviation(amplitude: Int) -> Float:
    """Return the exact standard deviation of the noise of an amplitude: (|r| amplitude >> 7) with the sign of r.

    Parameters
    ----------
    amplitude : int array

    Returns
    -------
    float array
    """
    squares = np.zeros(np.shape(amplitude))
    for draw in range(1, NOISE_DRAW_MAX + 1):
        squares += np.square(np.floor(draw * np.asarray(amplitude, float) / (1 << NOISE_SHIFT)))
    return np.sqrt(2.0 * squares / (2 * NOISE_DRAW_MAX + 1))


def _of(values: Float, members: Int | slice) -> Float:
    return values if len(values) == 1 else values[members]


def _divided(raw: Int, scale: Float) -> Float:
    """Return raw / scale, 0 where a receptor has no scale."""
    return np.where(scale == 0.0, 0.0, raw / np.where(scale == 0.0, 1.0, scale))
