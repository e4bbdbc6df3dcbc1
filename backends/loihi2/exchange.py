"""What goes into and comes out of an executor, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hmn_snn.errors import SimulationError

from .program import BIAS_MANT_MAX, WEIGHT_MAX, Connection, LoihiProgram

Int = np.ndarray
Spikes = tuple[Int, Int]  # steps, counted from the executor's start, and neurons; sorted
Probe = tuple[int, str, Int]  # process, variable ("u", "u_inh", "v"), members


def check_spikes(program: LoihiProgram, spikes: Sequence[Spikes], first: int, n_steps: int) -> None:
    """Raise where the spikes of the sources do not fit the program and the steps.

    Parameters
    ----------
    program : LoihiProgram
    spikes : list of (step, neuron)
        For each source of the program.
    first, n_steps : int
        Steps of this run.

    Raises
    ------
    SimulationError
    """
    if len(spikes) != len(program.sources):
        raise SimulationError(f"spikes of {len(spikes)} sources are given, the program has {len(program.sources)}")
    for source, (step, index) in zip(program.sources, spikes, strict=True):
        if len(step) == 0:
            continue
        if step[0] < first or step[-1] >= first + n_steps or np.min(index) < 0 or np.max(index) >= source.size:
            raise SimulationError(
                f"source {source.name!r}: its spikes lie in steps {step[0]} to {step[-1]} and neurons {np.min(index)} "
                f"to {np.max(index)}; allowed: steps {first} to {first + n_steps - 1}, neurons 0 to {source.size - 1}"
            )
        order = np.asarray(step, np.int64) * source.size + index
        if np.any(np.diff(order) <= 0):
            raise SimulationError(
                f"source {source.name!r}: its spikes are not sorted by step and neuron, or a neuron spikes twice "
                "in a step"
            )


def check_weights(connection: Connection, weights: Int) -> None:
    """Raise where weights are not those of a connection.

    Parameters
    ----------
    connection : Connection
    weights : (n_synapses,) int array

    Raises
    ------
    SimulationError
    """
    if np.shape(weights) != (connection.n_synapses,):
        raise SimulationError(
            f"connection {connection.name!r}: weights of shape {np.shape(weights)}; it has {connection.n_synapses} "
            "synapses"
        )
    low, high = (0, WEIGHT_MAX) if connection.sign > 0 else (-WEIGHT_MAX, 0)
    if len(weights) and not (low <= np.min(weights) and np.max(weights) <= high):
        raise SimulationError(
            f"connection {connection.name!r}: weights from {np.min(weights)} to {np.max(weights)}; "
            f"allowed: {low} to {high}"
        )


def check_bias(program: LoihiProgram, process: int, mant: Int) -> None:
    """Raise where biases are not those of a process.

    Parameters
    ----------
    program : LoihiProgram
    process : int
    mant : (1,) or (n,) int array

    Raises
    ------
    SimulationError
    """
    p = program.processes[process]
    if np.shape(mant) not in ((1,), (p.size,)) or np.max(np.abs(mant), initial=0) > BIAS_MANT_MAX:
        raise SimulationError(
            f"process {p.name!r}: biases of shape {np.shape(mant)}, up to {np.max(np.abs(mant), initial=0)}; "
            f"allowed: (1,) or ({p.size},), up to {BIAS_MANT_MAX}"
        )
