"""What is scheduled from outside: input spikes, releases, tonic levels and currents, chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hmn_snn.errors import UnknownNameError
from hmn_snn.lowered import LoweredInput, LoweredNetwork
from hmn_snn.poisson import PoissonTrain

from .stepping import CURRENT, RELEASE, TONIC
from .tables import Currents, joined, pointers

Columns = tuple[np.ndarray, ...]


class Schedules:
    """The outside world of a session; run-time settings replace what was scheduled.

    Parameters
    ----------
    lowered : LoweredNetwork
    """

    def __init__(self, lowered: LoweredNetwork) -> None:
        self.lowered = lowered
        self.trains = {
            k: PoissonTrain(lowered.seed, s.name, s.size, s.rate.values[0], lowered.dt)
            for k, s in enumerate(lowered.inputs)
            if s.rate is not None
        }
        self.currents = [c for p in lowered.populations for c in p.currents]
        self.amplitudes = [c.amplitude.values for c in self.currents]
        self.rate_held = np.zeros(len(lowered.inputs), np.bool_)
        self.tonic_held = np.zeros(len(lowered.modulators), np.bool_)
        self.current_held = np.zeros(len(self.currents), np.bool_)

    def between(self, first: int, end: int) -> tuple[Columns, Columns]:
        """Return what is due in steps first to end - 1.

        Parameters
        ----------
        first, end : int

        Returns
        -------
        inputs : (step, group, index) arrays
            Spikes of the inputs, by step, then group.
        events : (step, kind, object, value) arrays
            By step.
        """
        return self._inputs(first, end), self._events(first, end)

    def _inputs(self, first: int, end: int) -> Columns:
        parts = []
        for k, source in enumerate(self.lowered.inputs):
            steps, index = self._spikes(k, source, first, end)
            parts.append((steps, np.full(len(steps), len(self.lowered.populations) + k), index))
        step, group, index = (joined(list(column), np.int64) for column in zip(*parts, strict=True)) if parts else (
            np.empty(0, np.int64),
        ) * 3  # fmt: skip
        order = np.argsort(step, kind="stable")
        return step[order], group[order], index[order].astype(np.int32)

    def _spikes(self, k: int, source: LoweredInput, first: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        if source.rate is None:
            a, b = np.searchsorted(source.steps, [first, end])
            return source.steps[a:b], source.indices[a:b]
        train, rate = self.trains[k], source.rate
        changes = [] if self.rate_held[k] else [i for i in range(1, len(rate.steps)) if first <= rate.steps[i] < end]
        steps, indices, begin = [], [], first
        for i in changes:
            change = int(rate.steps[i])
            part = train.spikes(begin, change)
            steps.append(part[0])
            indices.append(part[1])
            train.set_rate(rate.values[i], change)
            begin = change
        part = train.spikes(begin, end)
        return np.concatenate([*steps, part[0]]), np.concatenate([*indices, part[1]])

    def _events(self, first: int, end: int) -> Columns:
        rows: list[tuple[int, int, int, float]] = []
        for k, m in enumerate(self.lowered.modulators):
            a, b = np.searchsorted(m.release_steps, [first, end])
            rows += [(int(m.release_steps[i]), RELEASE, k, float(m.release_amounts[i])) for i in range(a, b)]
            if not self.tonic_held[k]:
                a, b = np.searchsorted(m.tonic.steps, [max(first, 1), end])
                rows += [(int(m.tonic.steps[i]), TONIC, k, float(m.tonic.values[i, 0])) for i in range(a, b)]
        for k, current in enumerate(self.currents):
            if not self.current_held[k]:
                steps = current.amplitude.steps
                a, b = np.searchsorted(steps, [max(first, 1), end])
                rows += [(int(steps[i]), CURRENT, k, float(i)) for i in range(a, b)]
        rows.sort(key=lambda row: row[0])
        columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
        kinds = (np.int64, np.int64, np.int64, np.float64)
        return tuple(np.array(c, dtype=kind) for c, kind in zip(columns, kinds, strict=True))

    def set_rate(self, k: int, rate: Any, step: int) -> None:
        """Set a Poisson input's rate from a step on."""
        self.trains[k].set_rate(rate, step)
        self.rate_held[k] = True

    def hold_tonic(self, k: int) -> None:
        """Ignore a modulator's scheduled tonic levels from now on."""
        self.tonic_held[k] = True

    def current_index(self, name: str) -> int:
        """Return the index of a current by name."""
        for k, current in enumerate(self.currents):
            if current.name == name:
                return k
        raise UnknownNameError("current input", name, [c.name for c in self.currents])

    def hold_current(self, k: int, amplitude: Any, tables: Currents) -> Currents:
        """Replace a current's schedule by one amplitude; return the tables with it."""
        self.current_held[k] = True
        self.amplitudes[k] = np.atleast_1d(np.asarray(amplitude, dtype=np.float64))[None, :].copy()
        return self._amended(tables)

    def get_state(self) -> dict[str, np.ndarray]:
        """Return copies of what a continuation needs."""
        state = {"rate_held": self.rate_held, "tonic_held": self.tonic_held, "current_held": self.current_held}
        for k, train in self.trains.items():
            state |= {f"train{k}/{name}": array for name, array in train.get_state().items()}
        state |= {f"amplitude{k}": self.amplitudes[k][0] for k in np.flatnonzero(self.current_held)}
        return {name: array.copy() for name, array in state.items()}

    def set_state(self, state: Mapping[str, Any], tables: Currents) -> Currents:
        """Continue from a state; return the current tables that belong to it."""
        self.rate_held[...], self.tonic_held[...] = state["rate_held"], state["tonic_held"]
        for k, train in self.trains.items():
            prefix = f"train{k}/"
            train.set_state({n.removeprefix(prefix): a for n, a in state.items() if n.startswith(prefix)})
        self.current_held[...] = False
        self.amplitudes = [c.amplitude.values for c in self.currents]
        for k in np.flatnonzero(state["current_held"]):
            self.hold_current(int(k), state[f"amplitude{k}"], tables)
        return self._amended(tables)

    def _amended(self, tables: Currents) -> Currents:
        """Return the tables with the amplitudes in force."""
        return tables._replace(
            row_ptr=pointers([len(v) for v in self.amplitudes]),
            row_width=np.array([v.shape[1] for v in self.amplitudes], dtype=np.int64),
            row_start=pointers([v.size for v in self.amplitudes])[:-1],
            values=joined([v.ravel() for v in self.amplitudes], np.float64),
        )
