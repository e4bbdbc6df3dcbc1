"""NengoLoihi's block emulator as a chip: spikes, potentials and currents in front of integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError
from hmn_snn.lowered import LoweredNetwork

from .blocks import BlockExecutor
from .refusals import no_weights

Int = np.ndarray
Float = np.ndarray


class BlockChip:
    """A Loihi program on the blocks of NengoLoihi.

    Parameters
    ----------
    program : LoihiProgram
    lowered : LoweredNetwork
        What the program was made from.
    """

    def __init__(self, program: Any, lowered: LoweredNetwork) -> None:
        self.program, self.lowered = program, lowered
        self._executor = BlockExecutor(program)
        self._recordings = [
            r for r in lowered.recordings if r.kind == "population" and r.variable in ("v", "i_exc", "i_inh")
        ]
        self._probes = [(r.group, "v" if r.variable == "v" else "u", r.indices) for r in self._recordings]
        self._held = [program.processes[r.group].v_init[r.indices] for r in self._recordings]
        self._step = 0

    def run(self, n_steps: int, step: Int, group: Int, index: Int) -> tuple[Int, Int, Int, list[Float]]:
        """Advance by some steps; see :class:`Chip`."""
        sent = []
        for source in self.program.sources:
            mine = group == (source.group if source.copied is None else source.copied)
            sent.append((step[mine] + source.shift, index[mine]))
        fired, rows = self._executor.run(n_steps, sent, self._probes)
        samples = [self._sample(q, n_steps, row) for q, row in enumerate(rows)]
        self._step += n_steps
        steps, members = (np.concatenate([np.empty(0, np.int64), *column]) for column in zip(*fired, strict=True))
        own = np.repeat([p.group for p in self.program.processes], [len(n) for n, _ in fired])
        order = np.lexsort((members, own, steps))
        return steps[order], own[order], members[order], samples

    def _sample(self, q: int, n_steps: int, row: Int) -> Float:
        """Return the samples of a recording: taken at the start of a step, where probes are of its end."""
        r = self._recordings[q]
        process = self.program.processes[r.group]
        due = np.flatnonzero((self._step + np.arange(n_steps)) % r.every == 0)
        if r.variable == "v":
            row = np.concatenate([self._held[q][None], row])
            self._held[q] = row[-1]
            return np.asarray(_of(process.v_zero, r.indices) + row[due] / _of(process.scale, r.indices))
        receptor = ("i_exc", "i_inh").index(r.variable)
        scale = _of(process.current_scale[receptor], r.indices)
        if self.lowered.populations[r.group].delta[receptor]:
            scale = np.zeros(1)
        return np.where(scale == 0.0, 0.0, row[due] / np.where(scale == 0.0, 1.0, scale))

    def write_currents(self, population: int, current: Float) -> None:
        """Write the current that is injected from the next step on; see :class:`Chip`."""
        process = self.program.processes[population]
        exact = (process.bias_rest + process.bias_scale * current) / (1 << process.bias_exp)
        self._executor.set_bias(population, np.clip(np.rint(exact), -4095, 4095).astype(np.int32))

    def write_weights(self, projection: int, weights: Float) -> None:
        """Refuse: the blocks are built once."""
        raise SimulationError(no_weights(self.lowered.projections[projection].name))

    def get_state(self) -> dict[str, Any]:
        """Refuse: the emulator's state cannot be saved."""
        return self._executor.get_state()

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Refuse, as :meth:`get_state` does."""
        self._executor.set_state(state)

    def close(self) -> None:
        """Let go of the emulator."""
        self._executor.close()


def _of(values: Float, members: Int) -> Float:
    return values if len(values) == 1 else values[members]
