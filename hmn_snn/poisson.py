"""Poisson spike trains by inverting the cumulative rate: exact for any rate schedule, the same on every backend.

Source i has unit-rate arrival sums ``S_k = sum_{m<=k} -ln u(seed, "<name>/poisson", i, m)``; it spikes in step n iff
some S_k lies in (Lambda(t_n), Lambda(t_n+1)], Lambda being the integral of its rate. Arrivals that share a step count
once.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import randomness


class PoissonTrain:
    """The state of a Poisson input: where each source is on its unit-rate arrival sequence.

    Parameters
    ----------
    seed : int
    name : str
    size : int
    rate : float or (n,) array [Hz]
        From step 0 on.
    dt : float [ms]
    """

    STATE = ("rate", "segment_sum", "segment_step", "arrival", "index")

    def __init__(self, seed: int, name: str, size: int, rate: Any, dt: float) -> None:
        self.seed, self.stream, self.size = seed, f"{name}/poisson", size
        self.dt_s = dt / 1000.0
        self.rate = np.array(np.broadcast_to(np.asarray(rate, dtype=np.float64), (size,)))
        self.segment_sum = np.zeros(size)
        self.segment_step = np.zeros(size, np.int64)
        self.index = np.zeros(size, np.int64)
        self.arrival = self._gaps(np.arange(size), self.index)

    def _gaps(self, sources: np.ndarray, index: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log(randomness.uniform(self.seed, self.stream, sources, index)))

    def _sum(self, sources: np.ndarray, step: Any) -> np.ndarray:
        """Lambda at the start of a step."""
        elapsed = (step - self.segment_step[sources]) * self.dt_s
        return np.asarray(self.segment_sum[sources] + self.rate[sources] * elapsed)

    def set_rate(self, rate: Any, step: int) -> None:
        """Change rates from a step on; a source whose rate keeps its value is left alone.

        Parameters
        ----------
        rate : float or (n,) array [Hz]
        step : int
        """
        new = np.broadcast_to(np.asarray(rate, dtype=np.float64), (self.size,))
        changed = np.flatnonzero(new != self.rate)
        self.segment_sum[changed] = self._sum(changed, step)
        self.segment_step[changed] = step
        self.rate[changed] = new[changed]

    def spikes(self, first: int, last: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the spikes of steps first to last - 1 at the present rates; call for consecutive ranges.

        Parameters
        ----------
        first, last : int

        Returns
        -------
        steps : (k,) int64 array
            Sorted, then by source.
        sources : (k,) int32 array
        """
        everyone = np.arange(self.size)
        end = self._sum(everyone, last)
        active = np.flatnonzero(self.arrival <= end)
        steps, sources = [], []
        while active.size:
            ahead = float((end[active] - self.arrival[active]).mean())
            n_batch = int(min(ahead + 4.0 * np.sqrt(ahead) + 2.0, 4096.0))
            batch = np.arange(1, n_batch + 1)
            gaps = self._gaps(active[:, None], self.index[active][:, None] + batch)
            sums = np.cumsum(np.concatenate([self.arrival[active][:, None], gaps], axis=1), axis=1)
            inside = sums <= end[active][:, None]
            n_inside = inside.sum(axis=1)
            owner = np.repeat(active, np.minimum(n_inside, n_batch))
            inside[:, -1] = False
            steps.append(self._step_of(owner, sums[inside], first))
            sources.append(owner)
            taken = np.minimum(n_inside, n_batch)
            self.arrival[active] = sums[np.arange(len(active)), taken]
            self.index[active] += taken
            active = active[self.arrival[active] <= end[active]]
        if not steps:
            return np.empty(0, np.int64), np.empty(0, np.int32)
        pairs = np.unique(np.concatenate(steps) * self.size + np.concatenate(sources))
        return pairs // self.size, (pairs % self.size).astype(np.int32)

    def _step_of(self, sources: np.ndarray, sums: np.ndarray, first: int) -> np.ndarray:
        """Step n with Lambda(t_n) < S <= Lambda(t_n+1), by division and then exact comparison."""
        guess = (sums - self.segment_sum[sources]) / (self.rate[sources] * self.dt_s)
        step = np.maximum(np.ceil(guess).astype(np.int64) - 1 + self.segment_step[sources], first)
        while True:
            late = self._sum(sources, step + 1) < sums
            early = (self._sum(sources, step) >= sums) & (step > first)
            if not (late.any() or early.any()):
                return np.asarray(step)
            step = step + late - early

    def get_state(self) -> dict[str, np.ndarray]:
        """Return copies of the arrays that a continuation needs."""
        return {name: getattr(self, name).copy() for name in self.STATE}

    def set_state(self, state: Any) -> None:
        """Continue from a state of :meth:`get_state`."""
        for name in self.STATE:
            getattr(self, name)[...] = state[name]
