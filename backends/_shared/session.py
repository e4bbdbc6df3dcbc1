"""A running program: drives the stepping kernel in chunks, keeps its state, gathers what it did."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError
from hmn_snn.ledger import Ledger, Margins
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.recorded import Spikes, Trace, Weights
from hmn_snn.results import Results
from hmn_snn.stamp import provenance
from hmn_snn.translator import Finding

from . import stepping
from .learning_kernel import write_exactly
from .recording_kernel import build_probes, n_samples
from .rules import build_rules
from .schedules import Columns, Schedules
from .synapse_kernel import read_exactly, settle_at_once
from .tables import build_currents, build_neurons, build_rhythms, build_state, build_synapses

_CHUNK_UPDATES = 1 << 24  # of neurons and sources: some hundredths of a second between two looks at a Ctrl-C
_CHUNK_STEPS = 1 << 14
_PROBE_ROOM = 1 << 22  # samples per chunk
_SPIKE_ROOM = 1 << 18  # spikes between two returns of the kernel


@dataclass(frozen=True)
class Stamp:
    """How results are marked.

    Attributes
    ----------
    backend, executor, precision : str
    packages : tuple of str
        Their versions are looked up here.
    findings : tuple of Finding
    elsewhere : mapping of str to str
        Versions of packages that compute in another interpreter.
    """

    backend: str
    executor: str
    precision: str
    packages: tuple[str, ...]
    findings: tuple[Finding, ...]
    elsewhere: Mapping[str, str] = field(default_factory=dict)


class KernelSession:
    """A program that has been started, on the stepping kernel.

    Parameters
    ----------
    lowered : LoweredNetwork
    stamp : Stamp
    read, write, settle, fire : jitted callables, optional
        The kernel's replaceable parts; see :func:`stepping.make_kernel`.
    custom : object, optional
        Handed to them: a tuple or named tuple of arrays.
    """

    def __init__(
        self,
        lowered: LoweredNetwork,
        stamp: Stamp,
        read: Any = read_exactly,
        write: Any = write_exactly,
        settle: Any = settle_at_once,
        fire: Any = stepping.fire,
        custom: Any = (),
    ) -> None:
        self.lowered, self.stamp, self.custom, self.step = lowered, stamp, custom, 0
        dtype = np.float32 if stamp.precision == "float32" else np.float64
        cells = list(dict.fromkeys(type(a.cell) for a in lowered.astrocytes)) or [_no_cell()]
        self.neurons = build_neurons(lowered, dtype)
        self.currents = build_currents(lowered, self.neurons)
        self.synapses = build_synapses(lowered, self.neurons, dtype)
        self.rhythms = build_rhythms(lowered, cells, self.synapses)
        self.state = build_state(lowered, self.neurons, self.currents, dtype)
        self.rules, self.learning = build_rules(lowered, self.synapses.territory_start, self.state.meta)
        self.kernel = stepping.make_kernel(cells, read, write, settle, fire)
        self.schedules = Schedules(lowered)
        self._groups = len(lowered.sources)
        self._members = sum(s.size for s in lowered.sources)
        self._depth = 1 + max((int(p.delays.max()) for p in lowered.projections), default=1)
        n_populations = len(lowered.populations)
        self._room = (
            np.empty(n_populations, np.bool_),
            np.empty(n_populations, np.bool_),
            np.empty(len(self.state.phi)),
        )
        self._history = self._initial_spikes()

    def _initial_spikes(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the history at t = 0: the inputs' spikes at 0 ms, in its last step."""
        initial = [source.initial for source in self.lowered.inputs]
        counts = [0] * len(self.lowered.populations) + [len(members) for members in initial]
        offset = np.zeros(self._depth * self._groups + 1, np.int64)
        offset[len(offset) - self._groups :] = np.cumsum(counts)
        return np.concatenate([np.empty(0, np.int32), *initial]).astype(np.int32), offset

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Advance by some steps and return what happened in them.

        Parameters
        ----------
        n_steps : int
        progress : callable (steps) -> bool, optional
            Told of the steps done since it was last called; the run ends early where it returns True.

        Returns
        -------
        Results
        """
        begun, first = time.perf_counter(), self.step
        counts = self._no_counts()
        plastic = [k for k, p in enumerate(self.lowered.projections) if p.plasticity is not None]
        before = {k: self.get_weights(k) for k in plastic}
        spikes: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        samples: list[list[np.ndarray]] = [[] for _ in self.lowered.recordings]
        self.state.nearest[:], self.state.margin[:] = np.inf, np.inf
        while self.step < first + n_steps:
            length = min(self._chunk_steps(), first + n_steps - self.step)
            self._run_chunk(length, counts, spikes, samples)
            if progress is not None and progress(length):
                break
        return self._results(first, before, counts, spikes, samples, time.perf_counter() - begun)

    def _chunk_steps(self) -> int:
        samples = sum(len(r.indices) / r.every for r in self.lowered.recordings)
        room = min(_PROBE_ROOM / max(samples, 1e-9), _CHUNK_UPDATES / max(self._members, 1))
        return max(1, min(_CHUNK_STEPS, int(room)))

    def _run_chunk(self, length: int, counts: Any, spikes: list[Any], samples: list[list[np.ndarray]]) -> None:
        first, end = self.step, self.step + length
        given, events = self._scheduled(first, end)
        probes = build_probes(self.lowered, first, length)
        while self.step < end:
            later, due = given[0] >= self.step, events[0] >= self.step
            index, offset = self._spike_room(end - self.step)
            arrays = [*(a[later] for a in given), *(a[due] for a in events), *self._room]
            chunk = stepping.Chunk(self.step, end - self.step, self._depth, self._members, *arrays)
            done = self.kernel(
                self.neurons, self.currents, self.synapses, self.rhythms, self.rules, self.learning, self.state,
                probes, chunk, stepping.Spikes(index, offset, self._groups), counts, self.lowered.dt, self.custom,
            )  # fmt: skip
            self._drain(done, index, offset, spikes)
            self.step += done
        for q, recording in enumerate(self.lowered.recordings):
            n = n_samples(recording, first, length)
            begin = probes.out_start[q]
            samples[q].append(probes.out[begin : begin + n * len(recording.indices)].reshape(n, len(recording.indices)))

    def _scheduled(self, first: int, end: int) -> tuple[Columns, Columns]:
        """Return the given spikes (step, group, index) and the events of some steps, which are asked for once."""
        return self.schedules.between(first, end)

    def _spike_room(self, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Return spike arrays that begin with the history and have room for at least a few steps."""
        old, past = self._history
        index = np.empty(len(old) + max(_SPIKE_ROOM, 4 * self._members), np.int32)
        index[: len(old)] = old
        offset = np.zeros((self._depth + length) * self._groups + 1, np.int64)
        offset[: len(past)] = past
        return index, offset

    def _drain(self, done: int, index: np.ndarray, offset: np.ndarray, spikes: list[Any]) -> None:
        """Take the spikes of the steps done, and keep the last ones as history."""
        g, depth = self._groups, self._depth
        if g == 0:
            return
        begin, end = offset[depth * g], offset[(depth + done) * g]
        cells = np.diff(offset[depth * g : (depth + done) * g + 1])
        busy = np.flatnonzero(cells)
        where = np.repeat(busy, cells[busy])
        spikes.append((where // g + self.step, where % g, index[begin:end].copy()))
        kept = offset[done * g]
        self._history = (index[kept:end].copy(), offset[done * g : (done + depth) * g + 1] - kept)

    def _no_counts(self) -> Any:
        n_j, n_r, n_a = len(self.lowered.projections), len(self.rules.projection), len(self.lowered.astrocytes)
        sizes = (n_j, n_r, n_r, n_r, n_r, n_a, n_a)
        return stepping.Counts(*(np.zeros(n, np.int64) for n in sizes))

    def _results(
        self,
        first: int,
        before: dict[int, np.ndarray],
        counts: Any,
        spikes: list[Any],
        samples: list[list[np.ndarray]],
        wall: float,
    ) -> Results:
        lowered, dt, stamp = self.lowered, self.lowered.dt, self.stamp
        trains = self._trains(spikes)
        traces: dict[str, dict[str, Trace]] = {}
        for recording, parts in zip(lowered.recordings, samples, strict=True):
            begin = -(-first // recording.every)
            values = np.concatenate(parts) if parts else np.empty((0, len(recording.indices)))
            times = (begin + np.arange(len(values))) * recording.every * dt
            entry = Trace(times, values, recording.indices, recording.unit)
            traces.setdefault(recording.name, {})[recording.variable] = entry
        return Results(
            name=lowered.name,
            dt=dt,
            t_start=first * dt,
            t_stop=self.step * dt,
            spikes=trains,
            traces=traces,
            weights={lowered.projections[k].name: self._weights(k, initial) for k, initial in before.items()},
            ledger=self._ledger(counts, trains, self.step - first),
            margins=Margins(float(self.state.nearest[0]), float(self.state.margin[0])),
            findings=stamp.findings,
            provenance=provenance(
                stamp.backend, stamp.executor, stamp.precision, lowered, stamp.packages, wall, stamp.elsewhere
            ),
        )

    def _trains(self, spikes: list[Any]) -> dict[str, Spikes]:
        if spikes:
            step, group, index = (np.concatenate(parts) for parts in zip(*spikes, strict=True))
        else:
            step, group, index = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.int32)
        trains = {}
        for g, source in enumerate(self.lowered.sources):
            mine = group == g
            trains[source.name] = Spikes((step[mine] + 1) * self.lowered.dt, index[mine], source.size)
        return trains

    def _weights(self, projection: int, initial: np.ndarray) -> Weights:
        p = self.lowered.projections[projection]
        return Weights(p.source_index, p.target_index, self.get_weights(projection), p.weight_unit, initial)

    def _ledger(self, counts: Any, trains: Mapping[str, Spikes], n_steps: int) -> Ledger:
        lowered = self.lowered

        def by_name(things: Iterable[Any], values: np.ndarray) -> dict[str, int]:
            return {thing.name: int(value) for thing, value in zip(things, values, strict=True)}

        plastic = [p for p in lowered.projections if p.plasticity is not None]
        return Ledger(
            spikes={name: len(train.t) for name, train in trains.items()},
            neuron_updates={p.name: p.size * n_steps for p in lowered.populations},
            synaptic_events=by_name(lowered.projections, counts.synaptic_events),
            pairings=by_name(plastic, counts.pairings),
            ticks=by_name(plastic, counts.ticks),
            updates_applied=by_name(plastic, counts.applied),
            updates_rejected=by_name(plastic, counts.rejected),
            astrocyte_updates=by_name(lowered.astrocytes, counts.astrocyte_updates),
            astrocyte_releases=by_name(lowered.astrocytes, counts.astrocyte_releases),
        )

    # Interaction between runs

    def release(self, modulator: int, amount: float) -> None:
        """Release a modulator at the present time."""
        self.state.phasic[modulator] += amount

    def set_tonic(self, modulator: int, level: float) -> None:
        """Set a modulator's tonic level from the present time on, whatever was scheduled."""
        self.state.tonic[modulator] = level
        self.schedules.hold_tonic(modulator)

    def set_rate(self, source: int, rate: Any) -> None:
        """Set the rate of a Poisson input [Hz] from the present time on, whatever was scheduled."""
        self.schedules.set_rate(source - len(self.lowered.populations), rate, self.step)

    def set_current(self, name: str, amplitude: Any) -> None:
        """Set an injected current [nA] from the present time on, whatever was scheduled."""
        k = self.schedules.current_index(name)
        self.currents = self.schedules.hold_current(k, amplitude, self.currents)
        self.state.current_row[k] = 0

    def get_weights(self, projection: int) -> np.ndarray:
        """Return a copy of a projection's weights."""
        r, p = int(self.synapses.rule[projection]), self.lowered.projections[projection]
        if r >= 0:
            a, b = self.rules.syn_start[r : r + 2]
            return self.learning.weight[a:b].copy()
        return np.array(np.broadcast_to(self._fixed(projection), (p.n_synapses,)), dtype=np.float64)

    def set_weights(self, projection: int, weights: Any) -> None:
        """Write a projection's weights."""
        r, p = int(self.synapses.rule[projection]), self.lowered.projections[projection]
        values = np.asarray(weights, dtype=np.float64)
        if r >= 0:
            a, b = self.rules.syn_start[r : r + 2]
            self.learning.weight[a:b] = values
        elif self.synapses.uniform[projection]:
            if np.ptp(values) != 0.0:
                raise SimulationError(
                    f"projection {p.name!r} has one weight for all synapses; write one number, or describe it with an "
                    "array of weights to write them one by one"
                )
            self._fixed(projection)[:] = values.flat[0]
        else:
            self._fixed(projection)[:] = values

    def _fixed(self, projection: int) -> np.ndarray:
        """Return a view of a fixed projection's weights: one for all synapses, or one each."""
        begin = int(self.synapses.weight_start[projection])
        if self.synapses.uniform[projection]:
            return self.synapses.weight[begin : begin + 1]
        begin += int(self.synapses.row_ptr[self.synapses.row_ptr_start[projection]])
        return self.synapses.weight[begin : begin + self.lowered.projections[projection].n_synapses]

    # Checkpoints

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs."""
        arrays = {f"state/{name}": array for name, array in self.state._asdict().items()}
        arrays |= {f"learning/{name}": array for name, array in self.learning._asdict().items()}
        arrays |= {f"schedules/{name}": array for name, array in self.schedules.get_state().items()}
        arrays |= {"history/index": self._history[0], "history/offset": self._history[1]}
        arrays |= {"synapses/weight": self.synapses.weight, "step": np.int64(self.step)}
        return {name: np.array(array) for name, array in arrays.items()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""
        for prefix, arrays in (("state", self.state), ("learning", self.learning)):
            for name, array in arrays._asdict().items():
                array[...] = state[f"{prefix}/{name}"]
        self.synapses.weight[...] = state["synapses/weight"]
        self._history = (np.array(state["history/index"]), np.array(state["history/offset"]))
        self.step = int(state["step"])
        mine = {name.removeprefix("schedules/"): a for name, a in state.items() if name.startswith("schedules/")}
        self.currents = self.schedules.set_state(mine, self.currents)


def _no_cell() -> type:
    from hmn_snn.astrocytes import LeakyCalcium

    return LeakyCalcium
