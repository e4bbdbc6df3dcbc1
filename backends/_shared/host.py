"""The host of a chip: neurons and synapses run there; inputs, learning, modulators, rhythms and astrocytes run here.

A run is cut into chunks. The chip advances by a chunk, given the spikes of the inputs, and says which of its neurons
spiked; the stepping kernel then repeats the same steps, all spikes being given; and what has changed is written to the
chip. So a chunk ends where something is to be written: at learning ticks, at the clocks of astrocytes that synapses
have, and where an injected current changes. Populations that an oscillator drives, or with a homeostatic bias, receive
a current of their own in every step, and every chunk is then one step.

With a chip that integrates as exactly as the engine, and that reads a weight when a spike arrives at its synapse, all
of this equals the engine's run: every spike, and every weight to rounding. Chips that read a weight when the spike is
fired deliver spikes in flight with the weight and gain from before the tick.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredNetwork
from hmn_snn.results import Results

from .chip import Chip
from .jit import jit
from .program import KernelProgram
from .rules import F, N
from .schedules import Columns
from .session import KernelSession, Stamp
from .stepping import list_given

ON_CHIP = ("v", "i_exc", "i_inh")  # variables that the chip samples
_STATE = "chip/"


@jit
def leave_unread(j, a, b, syn, weight, gain, current, custom):
    """Count the synapses a to b - 1, and read none: the chip has delivered them."""


@jit
def repeat_spikes(row, step, next_given, neurons, currents, chunk, state, spikes, n_spikes):
    """List the spikes of all groups, which are given, and move homeostatic biases."""
    next_given, n_spikes = list_given(row, step, 0, next_given, chunk, spikes, n_spikes)
    for p in range(len(neurons.homogeneous)):
        if neurons.homeostatic[p]:
            first = neurons.start[p]
            for i in range(first, neurons.start[p + 1]):
                state.bias[i] += neurons.bias_gain[i]
            for e in range(spikes.offset[row * spikes.n_groups + p], spikes.offset[row * spikes.n_groups + p + 1]):
                i = first + spikes.member[e]
                state.bias[i] -= neurons.eta_bias[i]
    return next_given, n_spikes


def with_initial(lowered: LoweredNetwork, inputs: Columns) -> Columns:
    """Add the inputs' spikes at 0 ms to those of the steps from 0 on, as spikes of step -1.

    Parameters
    ----------
    lowered : LoweredNetwork
    inputs : (step, group, index) arrays

    Returns
    -------
    (step, group, index) arrays
    """
    initial = [(len(lowered.populations) + k, source.initial) for k, source in enumerate(lowered.inputs)]
    group = np.concatenate([np.empty(0, np.int64), *(np.full(len(members), g) for g, members in initial)])
    index = np.concatenate([np.empty(0, np.int32), *(members for _, members in initial)])
    columns = zip((np.full(len(index), -1), group, index), inputs, strict=True)
    return tuple(np.concatenate(pair) for pair in columns)


class HostSession(KernelSession):
    """A network whose neurons and synapses run on a chip.

    Weights, traces and everything else that the session holds are exact; what lies on the chip is the chip's to say.

    Parameters
    ----------
    lowered : LoweredNetwork
    stamp : Stamp
    chip : Chip
        At t = 0, with the network's initial weights.
    learns : bool
        False: weights stay as they are, and only :meth:`set_weights` writes them.

    Attributes
    ----------
    chip : Chip
    """

    def __init__(self, lowered: LoweredNetwork, stamp: Stamp, chip: Chip, learns: bool = True) -> None:
        super().__init__(lowered, stamp, read=leave_unread, fire=repeat_spikes)
        self.chip = chip
        if not learns:
            self.rules.numbers[:, [N["eta_l"], N["eta_g"]]] = 0.0
        self._sampled = [
            q for q, r in enumerate(lowered.recordings) if r.kind == "population" and r.variable in ON_CHIP
        ]
        self._driven = [bool(p.drives) or p.homeostatic for p in lowered.populations]
        self._clocks = {j: clock for j in range(len(lowered.projections)) if (clock := self._clocks_of(j))}
        self._weights_there = {j: lowered.projections[j].weights for j in self._clocks}
        self._currents_there: dict[int, np.ndarray] = {}
        self._done = self._nothing_done()
        for j in self._clocks:
            self._write_weights(j)

    def _clocks_of(self, j: int) -> tuple[int, ...]:
        """Return the periods in steps at whose multiples the effective weights of a projection may change."""
        p, r = self.lowered.projections[j], int(self.synapses.rule[j])
        learns = r >= 0 and self.rules.numbers[r, [N["eta_l"], N["eta_g"]]].any()
        tick = (int(self.rules.flags[r, F["tick_steps"]]),) if learns else ()
        return tick + ((self.lowered.astrocytes[p.astrocytes].clock_steps,) if p.astrocytes >= 0 else ())

    # Chunks

    def _chunk_steps(self) -> int:
        if any(self._driven):
            return 1
        due = [clock - self.step % clock for clocks in self._clocks.values() for clock in clocks]
        return min([super()._chunk_steps(), *due, *self._current_changes()])

    def _current_changes(self) -> Iterator[int]:
        """Yield the steps from now to the next change of each injected current."""
        for k, current in enumerate(self.schedules.currents):
            steps = current.amplitude.steps
            following = int(np.searchsorted(steps, self.step, side="right"))
            if following < len(steps) and not self.schedules.current_held[k]:
                yield int(steps[following]) - self.step

    def _scheduled(self, first: int, end: int) -> tuple[Columns, Columns]:
        """Let the chip run; all spikes of the steps are given then."""
        inputs, events = super()._scheduled(first, end)
        self._write_currents()
        sent = with_initial(self.lowered, inputs) if first == 0 else inputs
        *own, self._samples = self.chip.run(end - first, *sent)
        step, group, index = (np.concatenate(pair) for pair in zip(own, inputs, strict=True))
        order = np.lexsort((index, group, step))
        return (step[order], group[order], index[order].astype(np.int32)), events

    def _run_chunk(self, length: int, counts: Any, spikes: list[Any], samples: list[list[np.ndarray]]) -> None:
        super()._run_chunk(length, counts, spikes, samples)
        for q, values in zip(self._sampled, self._samples, strict=True):
            samples[q][-1] = values
        for j, clocks in self._clocks.items():
            if any(self.step % clock == 0 for clock in clocks):
                self._write_weights(j)

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Advance by some steps; the ledger also says what was written to the chip."""
        self._done = self._nothing_done()
        results = super().run(n_steps, progress)
        hardware = {counter: counts for counter, counts in self._done.items() if any(counts.values())}
        return dataclasses.replace(results, ledger=dataclasses.replace(results.ledger, hardware=hardware))

    def _nothing_done(self) -> dict[str, dict[str, float]]:
        return {
            "weights written": {p.name: 0.0 for p in self.lowered.projections},
            "currents written": {p.name: 0.0 for p in self.lowered.populations},
        }

    # What is written to the chip

    def _write_weights(self, j: int) -> None:
        """Write the effective weights of a projection that changes by itself, if they have changed."""
        weights = self._effective_weights(j)
        changed = int(np.count_nonzero(weights != self._weights_there[j]))
        if changed:
            self.chip.write_weights(j, weights)
            self._weights_there[j] = weights
            self._done["weights written"][self.lowered.projections[j].name] += changed

    def _effective_weights(self, j: int) -> np.ndarray:
        p, weights = self.lowered.projections[j], self.get_weights(j)
        if p.astrocytes < 0:
            return weights
        return np.asarray(weights * self.state.gain[self.rhythms.astro_start[p.astrocytes] + p.territory])

    def _write_currents(self) -> None:
        """Write the currents in force from now on to populations for which they have changed."""
        for p, population in enumerate(self.lowered.populations):
            current, there = self._current(p), self._currents_there.get(p)
            if population.size and (there is None or not np.array_equal(current, there)):
                self.chip.write_currents(p, current)
                self._currents_there[p] = current
                self._done["currents written"][population.name] += len(current)

    def _current(self, p: int) -> np.ndarray:
        """Return what acts as a current on a population in this step [nA]: one number, or one for each neuron."""
        population = self.lowered.populations[p]
        if not (population.currents or self._driven[p]):
            return population.i_offset
        total = np.array(np.broadcast_to(population.i_offset, population.size))
        for k, current in self._currents_of(p):
            row = np.searchsorted(current.amplitude.steps, self.step, side="right") - 1
            total[current.indices] += self.schedules.amplitudes[k][0 if self.schedules.current_held[k] else row]
        if not self._driven[p]:
            return total
        for drive in population.drives:
            total += drive.amplitude * np.cos(self.state.phi[drive.oscillator] - drive.phase)
        if population.homeostatic:
            first = int(self.neurons.start[p])
            moved = self.state.bias[first : first + population.size] - population.initial["bias"]
            total += moved / population.resistance
        return total

    def _currents_of(self, p: int) -> Iterator[tuple[int, Any]]:
        first = sum(len(before.currents) for before in self.lowered.populations[:p])
        return enumerate(self.lowered.populations[p].currents, first)

    # Interaction between runs

    def set_weights(self, projection: int, weights: Any) -> None:
        """Write a projection's weights, on the host and on the chip."""
        super().set_weights(projection, weights)
        self._weights_there.setdefault(projection, np.full(self.lowered.projections[projection].n_synapses, np.nan))
        self._write_weights(projection)

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs."""
        return super().get_state() | {_STATE + name: value for name, value in self.chip.get_state().items()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""
        super().set_state(state)
        self.chip.set_state({n.removeprefix(_STATE): value for n, value in state.items() if n.startswith(_STATE)})
        self._weights_there = {j: self._effective_weights(j) for j in self._weights_there}
        self._currents_there = {}

    def close(self) -> None:
        """Let go of the chip."""
        self.chip.close()


class HostProgram(KernelProgram):
    """A program whose sessions hold a chip: one that runs once lets go of it."""

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Run from t = 0 and return the results.

        Parameters
        ----------
        n_steps : int
        progress : callable (steps) -> bool, optional
            Told of the steps done since it was last called; the run ends early where it returns True.

        Returns
        -------
        Results
        """
        session: Any = self.start()
        try:
            return session.run(n_steps, progress)
        finally:
            session.close()
