"""A network that learns on the chip: the host tells neurons what modulators and phases are, and reads the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredNetwork

from .._shared.host import HostSession
from .._shared.schedules import Columns
from .._shared.session import KernelSession, Stamp
from .._shared.stepping import RELEASE, TONIC
from . import quantisation as q
from .chip import LoihiChip
from .learning_program import NEUTRAL, THIRD_MAX
from .on_chip_lowering import OnChip
from .on_chip_rule import Pulses, pulses
from .program import Float, Int

_STATE = "on_chip/"


class OnChipSession(HostSession):
    """A running network whose chip learns.

    Parameters
    ----------
    lowered : LoweredNetwork
    stamp : Stamp
    chip : LoihiChip
        Of ``on_chip.program``, at t = 0.
    on_chip : OnChip
    """

    chip: LoihiChip

    def __init__(self, lowered: LoweredNetwork, stamp: Stamp, chip: LoihiChip, on_chip: OnChip) -> None:
        super().__init__(lowered, stamp, chip, learns=False)
        self.on_chip = on_chip
        self._owed = [np.zeros(lowered.populations[p.population].size) for p in on_chip.pulses]
        rules = [lowered.projections[j].plasticity for j in on_chip.parts]
        self._ticks = sorted({rule.tick_steps for rule in rules if rule is not None})

    # The chip's third factors

    def _chunk_steps(self) -> int:
        """End at the rules' ticks, where weights are read and shares of modulators change."""
        return min([super()._chunk_steps(), *(tick - self.step % tick for tick in self._ticks)])

    def _scheduled(self, first: int, end: int) -> tuple[Columns, Columns]:
        self.chip.executor.send_factors(self._factors(first, end))  # type: ignore[attr-defined]
        return super()._scheduled(first, end)

    def _factors(self, first: int, end: int) -> Int:
        """Return y2 and y3 of some steps."""
        sizes = [len(owed) for owed in self._owed]
        factors = np.full((end - first, 2, sum(sizes)), NEUTRAL, np.int64)
        factors[:, 1] = THIRD_MAX
        levels, phases = self._levels(first, end), self._phases(end - first)
        begin = 0
        for k, (pulse, size) in enumerate(zip(self.on_chip.pulses, sizes, strict=True)):
            rate = self._rate(pulse, levels, phases)
            per_step = np.broadcast_to(rate * pulse.per_integral * self.lowered.dt / 1000.0, (end - first, size))
            factors[:, 0, begin : begin + size] += self._pulses(k, pulse.window, first, per_step)
            begin += size
        return factors

    def _pulses(self, k: int, window: int, first: int, per_step: Float) -> Int:
        """Gather what steps add to the integral into windows; send it at their ends."""
        ends = np.flatnonzero((first + np.arange(len(per_step)) + 1) % window == 0)
        sums = np.add.reduceat(per_step, np.concatenate([[0], ends[:-1] + 1]), axis=0) if len(ends) else per_step[:0]
        rest = per_step[ends[-1] + 1 :] if len(ends) else per_step
        if len(ends):
            sums[-1] = per_step[(ends[-2] + 1 if len(ends) > 1 else 0) : ends[-1] + 1].sum(axis=0)
        sent, owed = pulses(self._owed[k], sums)
        self._owed[k] = owed + rest.sum(axis=0)
        values = np.zeros(per_step.shape, np.int64)
        values[ends] = sent
        return values

    def _levels(self, first: int, end: int) -> Float:
        """Return the levels of all modulators at the end of each step, (n_steps, n_modulators)."""
        phasic, tonic = self.state.phasic.astype(float), self.state.tonic.astype(float)
        levels = np.empty((end - first, len(phasic)))
        due: dict[int, list[tuple[int, int, float]]] = {}
        for step, kind, which, value in zip(*self.schedules._events(first, end), strict=True):
            due.setdefault(int(step), []).append((int(kind), int(which), float(value)))
        for k in range(end - first):
            for kind, which, value in due.get(first + k, ()):
                if kind == RELEASE:
                    phasic[which] += value
                elif kind == TONIC:
                    tonic[which] = value
            phasic = phasic * self.rhythms.rho
            levels[k] = tonic + phasic
        return levels

    def _phases(self, n_steps: int) -> Float:
        """Return the phases of all oscillators at the end of each step, (n_steps, n_oscillators)."""
        phi, dt_s = self.state.phi.copy(), self.lowered.dt / 1000.0
        phases = np.empty((n_steps, len(phi)))
        for k in range(n_steps):
            change = np.empty_like(phi)
            for group in self.lowered.oscillators:
                here = slice(group.first, group.first + group.size)
                change[here] = group.omega
                if group.coupling:
                    apart = phi[here][None, :] - phi[here][:, None] - group.lag
                    change[here] += group.coupling / group.size * np.sin(apart).sum(axis=1)
            phi = phi + dt_s * change
            phases[k] = phi
        return phases

    def _rate(self, pulse: Pulses, levels: Float, phases: Float) -> Float:
        """Return (eta_l + eta_g G) gate of each step, and of each neuron where their phases differ."""
        projection = self.lowered.projections[pulse.projection]
        rule = projection.plasticity
        assert rule is not None
        r = int(self.synapses.rule[pulse.projection])
        entries = slice(*self.rules.modulator_ptr[r : r + 2])
        shares = self.learning.gamma[entries] * self.rules.modulator_weight[entries]
        rate = rule.rule.eta_l + rule.rule.eta_g * (levels[:, list(rule.modulators)] @ shares)
        if rule.gate is None or not rule.gate.update:
            return np.asarray(rate[:, None])
        bins = np.zeros(len(self._owed[self.on_chip.pulses.index(pulse)]), np.int64)
        bins[projection.target_index] = np.broadcast_to(rule.gate.bins, projection.n_synapses)
        preferred = 2.0 * np.pi * bins / rule.gate.n_bins
        gate = np.maximum(0.0, np.cos(phases[:, rule.gate.oscillator, None] - preferred))
        return np.asarray(rate[:, None] * gate)

    # Weights

    def _run_chunk(self, length: int, counts: Any, spikes: list[Any], samples: list[list[np.ndarray]]) -> None:
        super()._run_chunk(length, counts, spikes, samples)
        for j in self.on_chip.parts:
            KernelSession.set_weights(self, j, self.get_weights(j))

    def get_weights(self, projection: int) -> np.ndarray:
        """Return a projection's weights: those that the chip has learned, where it does."""
        if projection not in getattr(self, "on_chip", _NOTHING).parts:
            return super().get_weights(projection)
        weights = np.zeros(self.lowered.projections[projection].n_synapses)
        for number, synapses, unit in self._parts(projection):
            weights[synapses] += np.abs(self.chip.executor.weights(number)) / unit  # type: ignore[attr-defined]
        return weights

    def set_weights(self, projection: int, weights: Any) -> None:
        """Write a projection's weights; of one that the chip learns, each part gets its share."""
        if projection not in self.on_chip.parts:
            super().set_weights(projection, weights)
            return
        values = np.broadcast_to(np.asarray(weights, float), (self.lowered.projections[projection].n_synapses,))
        for number, tag in self.on_chip.parts[projection]:
            c = self.on_chip.program.connections[number]
            self.chip.executor.set_weights(number, q.integer_weights(c, tag.share * values[c.synapse]))
        KernelSession.set_weights(self, projection, self.get_weights(projection))

    def _parts(self, projection: int) -> Iterator[tuple[int, Int, Float]]:
        """Yield the number, the synapses and the units for 1 nA of each connection of a projection."""
        for number, _ in self.on_chip.parts[projection]:
            c = self.on_chip.program.connections[number]
            scale = np.abs(c.scale)
            yield number, c.synapse, scale if len(scale) == 1 else scale[c.target_index]

    # State

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs."""
        return super().get_state() | {f"{_STATE}owed/{k}": owed.copy() for k, owed in enumerate(self._owed)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""
        super().set_state(state)
        self._owed = [np.array(state[f"{_STATE}owed/{k}"]) for k in range(len(self._owed))]


class _Nothing:
    parts: Mapping[int, Any] = {}


_NOTHING = _Nothing()
