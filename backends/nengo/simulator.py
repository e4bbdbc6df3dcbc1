"""Nengo's core simulator as a chip: neurons and synapses run there, inputs and recordings are the host's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError
from hmn_snn.lowered import LoweredNetwork

from . import spans
from .model import Model, nengo, sampled
from .refusals import no_state, no_weights

Int = np.ndarray
Float = np.ndarray


class NengoChip:
    """A network on ``nengo.Simulator``.

    Parameters
    ----------
    lowered : LoweredNetwork
    """

    def __init__(self, lowered: LoweredNetwork) -> None:
        self.lowered, self.model = lowered, Model(lowered)
        # A model of its own: the default one may look for a cache of decoders on the disk.
        built = nengo.builder.Model(dt=self.model.dt)
        # It also computes intercepts of rate curves, which nothing here uses, and which are infinite without tau_ref.
        with np.errstate(divide="ignore", invalid="ignore"):
            self._simulator = nengo.Simulator(self.model.network, dt=self.model.dt, model=built, progress_bar=False)
        self._recordings = sampled(lowered)
        self._held = [_start(lowered, r) for r in self._recordings]
        self._step = 0

    def run(self, n_steps: int, step: Int, group: Int, index: Int) -> tuple[Int, Int, Int, list[Float]]:
        """Advance by some steps; see :class:`Chip`."""
        for g, feed in self.model.feeds.items():
            mine = group == g
            for n in np.unique(step[mine]):
                feed.due[int(n)] = index[mine & (step == n)]
        self._simulator.run_steps(n_steps, progress_bar=False)
        samples = [self._sample(q, n_steps) for q in range(len(self._recordings))]
        self._simulator.clear_probes()
        self._step += n_steps
        return *self._spikes(), samples

    def _spikes(self) -> tuple[Int, Int, Int]:
        columns = [np.empty((3, 0), np.int64)]
        for g, listener in self.model.listeners.items():
            columns += [np.stack(np.broadcast_arrays(n, g, spiked)) for n, spiked in listener.heard]
            listener.heard.clear()
        step, group, index = np.concatenate(columns, axis=1)
        order = np.lexsort((index, group, step))
        return step[order], group[order], index[order]

    def _sample(self, q: int, n_steps: int) -> Float:
        """Return the samples of a recording: taken at the start of a step, where probes are of its end."""
        r, probe = self._recordings[q], self.model.probes[q]
        due = np.flatnonzero((self._step + np.arange(n_steps)) % r.every == 0)
        if probe is None:
            return np.empty((len(due), 0))
        rows = np.array(self._simulator.data[probe])
        if r.variable != "v":  # J of a step is made from the current at its start
            return np.asarray(rows[due])
        rows = np.concatenate([self._held[q][None], rows])
        self._held[q] = rows[-1]
        return spans.potential(self.lowered.populations[r.group], rows[due], r.indices)

    def write_currents(self, population: int, current: Float) -> None:
        """Write the current that is injected from the next step on; see :class:`Chip`."""
        self.model.drives[population].constant = spans.drive(self.lowered.populations[population], current)

    def write_weights(self, projection: int, weights: Float) -> None:
        """Refuse: the network is built once."""
        raise SimulationError(no_weights(self.lowered.projections[projection].name))

    def get_state(self) -> dict[str, Any]:
        """Refuse: Nengo's simulator has no states to save."""
        raise SimulationError(no_state("nengo"))

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Refuse, as :meth:`get_state` does."""
        raise SimulationError(no_state("nengo"))

    def close(self) -> None:
        """Let go of the simulator."""
        self._simulator.close()


def _start(lowered: LoweredNetwork, recording: Any) -> Float:
    population = lowered.populations[recording.group]
    v = (population.initial["v"] - population.v_reset) / spans.span(population)
    return np.asarray(v[recording.indices])
