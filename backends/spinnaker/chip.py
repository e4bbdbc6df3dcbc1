"""The chip as its host sees it: spikes, weights and currents, before an executor that knows a program only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from hmn_snn.lowered import LoweredNetwork

from .program import Float, Int, SpinnakerProgram

Spikes = tuple[Int, Int]  # steps and members
Probe = tuple[int, str, Int]  # cells, variable, members

SAMPLED = ("v", "i_exc", "i_inh")


class Executor(Protocol):
    """What runs a program; steps count from its start."""

    name: str
    loads_for_each_run: bool

    def run(self, n_steps: int, spikes: list[Spikes], probes: list[Probe]) -> tuple[list[Spikes], list[Float]]:
        """Advance by some steps, given each source's spikes; return each population's, and probes of each step.

        v is that of a step's start, before anything arrives, as sPyNNaker records it; currents hold what has arrived.
        """

    def set_weights(self, synapses: int, weights: Float) -> None:
        """Write the weights with which the program is loaded anew [nA]."""

    def load(self) -> None:
        """Load the program anew: v and currents go on, spikes in flight, refractoriness and traces are lost."""

    def set_current(self, cells: int, current: Float) -> None:
        """Set a current besides what the program injects [nA], from the next step on."""

    def get_weights(self, synapses: int) -> Float:
        """Return weights as they are read back [nA]."""

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""

    def close(self) -> None:
        """Let go of processes and boards."""


class SpinnakerChip:
    """A SpiNNaker program on an executor; see :class:`hmn_snn.backends._shared.chip.Chip`.

    Parameters
    ----------
    program : SpinnakerProgram
    executor : Executor
        At its start.
    lowered : LoweredNetwork
        What the program was made from.

    Attributes
    ----------
    loads : int
        Times that the network was loaded anew.
    """

    def __init__(self, program: SpinnakerProgram, executor: Executor, lowered: LoweredNetwork) -> None:
        self.program, self.executor, self.lowered = program, executor, lowered
        self.loads = 0
        self._recordings = [r for r in lowered.recordings if r.kind == "population" and r.variable in SAMPLED]
        self._probes: list[Probe] = [(r.group, r.variable, r.indices) for r in self._recordings]
        self._waiting: dict[int, Float] = {}
        self._step = 0

    def run(self, n_steps: int, step: Int, group: Int, index: Int) -> tuple[Int, Int, Int, list[Float]]:
        """Advance by some steps."""
        first, self._step = self._step, self._step + n_steps
        self._load()
        sent = inputs_sent(self.program, self.lowered, step, group, index)
        fired, rows = self.executor.run(n_steps, sent, self._probes)
        fired = fired[: len(self.lowered.populations)]  # the other cells are none of the network's
        nothing = (np.empty(0, np.int64), np.empty(0, np.int64))
        steps, members = (np.concatenate(column) for column in zip(nothing, *fired, strict=True))
        own = np.repeat(np.arange(len(fired)), [len(steps) for steps, _ in fired])
        order = np.lexsort((members, own, steps))
        samples = [
            np.asarray(values)[(first + np.arange(n_steps)) % r.every == 0]
            for values, r in zip(rows, self._recordings, strict=True)
        ]
        return steps[order], own[order], members[order], samples

    def _load(self) -> None:
        """Load the network at first, and anew if weights are waiting."""
        for projection, weights in self._waiting.items():
            self.executor.set_weights(projection, weights)
        if self._waiting:
            self.executor.load()
        if self._waiting or self.loads == 0 or self.executor.loads_for_each_run:
            self.loads += 1
        self._waiting = {}

    def write_weights(self, projection: int, weights: Float) -> None:
        """Have the network loaded anew with these weights before the next step."""
        self._waiting[projection] = np.array(weights)

    def write_currents(self, population: int, current: Float) -> None:
        """Set what flows into a population; its own offset is in the program."""
        extra = current - self.lowered.populations[population].i_offset
        self.executor.set_current(population, extra * self.program.cells[population].current_scale)

    def weights(self, projection: int) -> Float:
        """Return what lies on the chip.

        Parameters
        ----------
        projection : int

        Returns
        -------
        (n_synapses,) float array [nA, or mV]
        """
        return self.executor.get_weights(projection)

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs."""
        waiting = {f"waiting/{j}": weights for j, weights in self._waiting.items()}
        state = {f"executor/{name}": value for name, value in self.executor.get_state().items()}
        return state | waiting | {"step": self._step, "loads": self.loads}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""

        def under(prefix: str) -> dict[str, Any]:
            return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}

        self._step, self.loads = int(state["step"]), int(state["loads"])
        self._waiting = {int(j): np.array(weights) for j, weights in under("waiting/").items()}
        self.executor.set_state(under("executor/"))

    def close(self) -> None:
        """Let go of the executor."""
        self.executor.close()


def inputs_sent(
    program: SpinnakerProgram, lowered: LoweredNetwork, step: Int, group: Int, index: Int
) -> list[Spikes]:
    """Return what each source of a program sends besides what the program gives it: the network's input spikes.

    Parameters
    ----------
    program : SpinnakerProgram
    lowered : LoweredNetwork
        What it was made from.
    step, group, index : (k,) int array
        Spikes of all inputs, by source of the network.

    Returns
    -------
    list of (step, index)
        Empty for sources that draw their spikes themselves.
    """
    sent = []
    for k, source in enumerate(program.sources):
        mine = (group == len(lowered.populations) + k) & (not source.poisson)
        sent.append((step[mine], index[mine]))
    return sent
