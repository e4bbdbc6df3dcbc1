"""Spikes of inputs, step by step: given ones, and Poisson trains at rates that a schedule or a hand changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredInput, LoweredNetwork
from hmn_snn.poisson import PoissonTrain


class InputSpikes:
    """The spikes of one input, asked for in consecutive ranges of steps.

    Parameters
    ----------
    lowered : LoweredNetwork
    source : LoweredInput
    """

    def __init__(self, lowered: LoweredNetwork, source: LoweredInput) -> None:
        self.source = source
        self.position = 0
        self.scheduled = True
        self.train = None
        if source.rate is not None:
            self.train = PoissonTrain(lowered.seed, source.name, source.size, source.rate.values[0], lowered.dt)

    def until(self, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the spikes of the steps from the present one to last - 1, and move on.

        Parameters
        ----------
        last : int

        Returns
        -------
        steps, indices : (k,) int arrays
        """
        first, self.position = self.position, last
        if self.train is None:
            a, b = np.searchsorted(self.source.steps, (first, last))
            return self.source.steps[a:b], self.source.indices[a:b]
        assert self.source.rate is not None
        pieces = []
        for start, stop in zip(*self._segments(first, last), strict=True):
            if self.scheduled:
                row = np.searchsorted(self.source.rate.steps, start, side="right") - 1
                self.train.set_rate(self.source.rate.values[row], start)
            pieces.append(self.train.spikes(start, stop))
        steps, indices = zip(*pieces, strict=True)
        return np.concatenate(steps), np.concatenate(indices)

    def _segments(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        assert self.source.rate is not None
        changes = self.source.rate.steps if self.scheduled else np.empty(0, np.int64)
        inside = changes[(changes > first) & (changes < last)]
        return np.concatenate([[first], inside]), np.concatenate([inside, [last]])

    def set_rate(self, rate: Any) -> None:
        """Set the rates from the present step on, whatever was scheduled.

        Parameters
        ----------
        rate : float or (n,) array [Hz]
        """
        assert self.train is not None
        self.scheduled = False
        self.train.set_rate(rate, self.position)

    def get_state(self) -> dict[str, Any]:
        """Return what a continuation needs."""
        state = {"position": self.position, "scheduled": self.scheduled}
        return state if self.train is None else {**state, **self.train.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state of :meth:`get_state`."""
        self.position, self.scheduled = int(state["position"]), bool(state["scheduled"])
        if self.train is not None:
            self.train.set_state(state)
