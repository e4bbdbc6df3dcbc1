"""What a program holds of learning on the chip: which connections learn, and what their target neurons send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError

from .learning_rule import TRACES, LearningRule, Trace
from .program import LIF, Int, LoihiProgram

STREAMS = ("synapse", "lava")
TAG_1, TAG_2 = (-257, 255), (0, 255)  # ranges of t and d: Lava 0.10, magma/core/model/py/connection.py
THIRD_MAX = 127
NEUTRAL = 64  # the y2 that stands for no dopamine
FRACTION_BITS = 14  # of the trace that a target neuron keeps, of which it sends the whole part
LAVA_HOLD = 65535.0  # steps: with which Lava lets third factors decay


@dataclass(frozen=True, eq=False)
class LearningConnection:
    """A connection that learns, by the rule of its own.

    Spikes of a step act on traces in that step; a learned weight acts on spikes of the step after the epoch.

    Attributes
    ----------
    connection : int
        Its number among the program's connections, which hold the weights it starts with. Its delay is 0.
    dw, dt, dd : str or None
        See :mod:`learning_rule`.
    impulse, tau : (5,) float array
        Of the traces x1, x2, y1, y2, y3.
    epoch : int [steps]
    third_factors : bool
        Whether its target is one of the program's :class:`ThirdFactors`, which sends y1, y2 and y3.
    tag_1, tag_2 : (n_synapses,) int16 array
        t and d at the start.
    stream : "synapse" or "lava"
        What rounds. "synapse": a draw of its own for each synapse, neuron and epoch, ``mix(key ^ number)``. "lava":
        what Lava draws, one number in a step for all synapses of a connection (and the same ones for all connections).
    seed : int
        Of Lava's draws.
    key : (1,) uint64 array
        Of the draws of each synapse.
    """

    connection: int
    dw: str | None
    dt: str | None
    dd: str | None
    impulse: np.ndarray
    tau: np.ndarray
    epoch: int
    third_factors: bool
    tag_1: Int
    tag_2: Int
    stream: str
    seed: int
    key: Int

    @property
    def rule(self) -> LearningRule:
        """The rule with its traces."""
        traces = {name: Trace(float(i), float(t)) for name, i, t in zip(TRACES, self.impulse, self.tau, strict=True)}
        return LearningRule(self.dw, self.dt, self.dd, **traces, epoch=self.epoch, third_factors=self.third_factors)


@dataclass(frozen=True, eq=False)
class ThirdFactors:
    """What the neurons of a process send to the connections that learn: y1, a trace of their spikes; y2; y3.

    The trace has 14 more bits than what is sent: it decays by ``decay``/4096 at each step, towards zero, and a spike
    adds the impulse. y2 and y3 are the host's, for each step.

    Attributes
    ----------
    process : int
        Its number among the program's processes.
    decay : int
        1 to 4096 in 1/4096.
    impulse : int
        0 to 127.
    nearest : bool
        Whether a spike sets the trace to the impulse.
    own_spike : bool
        Whether what is sent in a step has the impulse of this step's spike.
    """

    process: int
    decay: int
    impulse: int
    nearest: bool
    own_spike: bool


def learning_connection(
    connection: int, rule: LearningRule, n_synapses: int, *, stream: str = "synapse", seed: int = 1, key: int = 0,
    tag_1: Int | None = None, tag_2: Int | None = None,
) -> LearningConnection:  # fmt: skip
    """Return a connection that learns.

    Parameters
    ----------
    connection : int
    rule : LearningRule
    n_synapses : int
    stream : "synapse" or "lava"
    seed, key : int
    tag_1, tag_2 : (n_synapses,) int array, optional
        0 if not given.

    Returns
    -------
    LearningConnection
    """
    traces = [getattr(rule, name) for name in TRACES]
    tau = np.array([t.tau for t in traces])
    if rule.third_factors:
        tau[2:] = LAVA_HOLD
    tags = [np.zeros(n_synapses, np.int16) if tag is None else np.asarray(tag, np.int16) for tag in (tag_1, tag_2)]
    return LearningConnection(
        connection=connection, dw=rule.dw, dt=rule.dt, dd=rule.dd, epoch=rule.epoch, tau=tau,
        impulse=np.array([t.impulse for t in traces]), third_factors=rule.third_factors, tag_1=tags[0], tag_2=tags[1],
        stream=stream, seed=seed, key=np.array([key], np.uint64),
    )  # fmt: skip


class FactorQueue:
    """What y2 and y3 of a program's third factors will be: steps that nothing was said about are neutral.

    Parameters
    ----------
    program : LoihiProgram

    Attributes
    ----------
    first : (n + 1,) int64 array
        Where the neurons of each of the third factors begin.
    waiting : (n_steps, 2, n_neurons) uint8 array
    """

    def __init__(self, program: LoihiProgram) -> None:
        sizes = [program.processes[f.process].size for f in program.third_factors]
        self.first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self.waiting = self.neutral(0)

    def send(self, factors: Int) -> None:
        """Say what they are in the next steps.

        Parameters
        ----------
        factors : (n_steps, 2, n_neurons) int array
            0 to 127, of the neurons of all third factors, one after the other.

        Raises
        ------
        SimulationError
        """
        given, n = np.asarray(factors), int(self.first[-1])
        if given.ndim != 3 or given.shape[1:] != (2, n):
            raise SimulationError(f"third factors of shape {given.shape}; allowed: (steps, 2, {n})")
        if given.size and not (given.min() >= 0 and given.max() <= THIRD_MAX):
            raise SimulationError(f"third factors from {given.min()} to {given.max()}; allowed: 0 to {THIRD_MAX}")
        self.waiting = np.concatenate([self.waiting, given.astype(np.uint8)])

    def take(self, n_steps: int) -> Int:
        """Return those of the next steps.

        Parameters
        ----------
        n_steps : int

        Returns
        -------
        (n_steps, 2, n_neurons) uint8 array
        """
        taken, self.waiting = self.waiting[:n_steps], self.waiting[n_steps:]
        return np.concatenate([taken, self.neutral(n_steps - len(taken))])

    def neutral(self, n_steps: int) -> Int:
        """Return steps without dopamine, the gate open."""
        given = np.full((n_steps, 2, int(self.first[-1])), THIRD_MAX, np.uint8)
        given[:, 0] = NEUTRAL
        return given


def described(program: LoihiProgram) -> dict[str, list[dict[str, Any] | None]]:
    """Return what Lava has to know of learning, for each connection and process of a program.

    Parameters
    ----------
    program : LoihiProgram

    Returns
    -------
    dict
        "connections" and "processes": a description, or None where there is nothing to learn.

    Raises
    ------
    SimulationError
        What Lava's learning connections cannot run.
    """
    learning: list[dict[str, Any] | None] = [None] * len(program.connections)
    sending: list[dict[str, Any] | None] = [None] * len(program.processes)
    for x in program.learning:
        c = program.connections[x.connection]
        if c.n_synapses != c.n_source * c.n_target or np.any(c.delay):
            raise SimulationError(
                f"connection {c.name!r} learns and does not join all neurons without delay: Lava's learning "
                "connections do; run with executor='emulator'"
            )
        learning[x.connection] = {
            "dw": x.dw, "dt": x.dt, "dd": x.dd, "impulse": x.impulse.tolist(), "tau": x.tau.tolist(), "epoch": x.epoch,
            "seed": x.seed, "third_factors": x.third_factors,
        }  # fmt: skip
    first = FactorQueue(program).first
    for f, begin in zip(program.third_factors, first[:-1], strict=True):
        p = program.processes[f.process]
        if p.model != LIF:
            raise SimulationError(
                f"process {p.name!r} is a programmable neuron and sends third factors: in Lava our process model has a "
                "plain LIF only; run with executor='emulator'"
            )
        sending[f.process] = {"decay": f.decay, "impulse": f.impulse, "nearest": f.nearest, "own_spike": f.own_spike,
                              "first": int(begin)}  # fmt: skip
    return {"connections": learning, "processes": sending}
