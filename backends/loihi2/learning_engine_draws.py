"""What Lava draws at random while its connections learn, number for number."""

from __future__ import annotations

import numpy as np

from . import learning_engine_tables as tables


class LavaDraws:
    """What Lava draws for a connection: two generators for its source's traces, two for its target's, one for weights.

    Source: Lava 0.10, ``magma/core/learning/random.py`` and ``magma/core/model/py/connection.py``. Traces draw twice in
    each step, weights once in each epoch, each once before the start; weights always from the seed 2.
    """

    def __init__(self, seed: int, epoch: int) -> None:
        self.seed, self.epoch, self.step = seed, epoch, -1

    def draw(self, step: int, n_steps: int) -> np.ndarray:
        """Return the numbers of some steps, (n_steps, 6)."""
        if step < 0:  # before the first step nothing is drawn
            return np.concatenate([np.zeros((1, 6)), self.draw(step + 1, n_steps - 1)])
        if step != self.step:
            self._begin(step)
        decays = [g.random(2 * n_steps) for g in self._decays]
        impulses = [g.integers(0, 128, size=2 * n_steps) for g in self._impulses]
        ends = np.flatnonzero((np.arange(step, step + n_steps) + 1) % self.epoch == 0)
        table = np.zeros((n_steps, 6))
        for column, values in (
            (tables.X_DECAY, decays[0][1::2]), (tables.X_IMPULSE, impulses[0][1::2]), (tables.Y_DECAY, decays[1][1::2]),
            (tables.Y_IMPULSE, impulses[1][::2]), (tables.Y_AGAIN, impulses[1][1::2]),
        ):  # fmt: skip
            table[:, column] = values
        table[ends, tables.ROUND] = self._round.random(len(ends))
        self.step = step + n_steps
        return table

    def _begin(self, step: int) -> None:
        self._decays = [np.random.default_rng(self.seed + k) for k in (0, 2)]
        self._impulses = [np.random.default_rng(self.seed + k) for k in (1, 3)]
        self._round = np.random.default_rng(2)
        for generator in self._decays:
            generator.random(1 + 2 * step)
        for generator in self._impulses:
            generator.integers(0, 128, size=1 + 2 * step)
        self._round.random(1 + step // self.epoch)
