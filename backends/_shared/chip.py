"""A chip as the host sees it: it takes spikes, weights and currents, and gives spikes and samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

Int = np.ndarray
Float = np.ndarray


class Chip(Protocol):
    """The neurons and synapses of a network, wherever they run; everything else is the host's."""

    def run(self, n_steps: int, step: Int, group: Int, index: Int) -> tuple[Int, Int, Int, list[Float]]:
        """Advance by some steps.

        Parameters
        ----------
        n_steps : int
        step, group, index : (k,) int array
            Spikes of the network's inputs in these steps, by step, then source of the network, then neuron. Steps
            count from the start of the session; a spike of step n carries the time (n + 1) dt, and -1 is 0 ms.

        Returns
        -------
        step, group, index : (m,) int array
            Spikes of the populations, in the same order.
        samples : list of (n_samples, n_members) float array
            One entry for each of the network's recordings of v, i_exc or i_inh of a population.
        """

    def write_weights(self, projection: int, weights: Float) -> None:
        """Write what the synapses of a projection deliver from the next step on.

        Parameters
        ----------
        projection : int
        weights : (n_synapses,) float array [nA, or mV]
            Magnitudes, with the astrocytes' gains in them.
        """

    def write_currents(self, population: int, current: Float) -> None:
        """Write the current that is injected from the next step on.

        It includes the cell's own offset, what oscillators drive, and what a homeostatic bias has moved by since t = 0,
        as a current.

        Parameters
        ----------
        population : int
        current : (1,) or (n,) float array [nA]
        """

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs: numbers, strings, arrays."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""

    def close(self) -> None:
        """Let go of processes and devices."""
