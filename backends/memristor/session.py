"""A running crossbar target: the engine's neurons and ticks, the crossbars' reads and writes."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hmn_snn.errors import SimulationError
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.results import Results
from hmn_snn.translator import Finding, Severity

from .._shared.rules import F
from .._shared.session import KernelSession, Stamp
from .array import Array
from .array_layout import Layout
from .half_select import group_conductances, n_groups
from .hardware import LEARNING, Hardware
from .plane import CONVERSIONS, DEVICES, READ, ROWS, SINGLE, read_line, settle_columns, write_device
from .plane_tables import build_plane, column_tiles
from .population import Population
from .programming import Programming

# What changes between two refreshes, or by them.
_CHANGING = ("weight", "variance", "factor", "power", "gain", "fixed", "against", "gain_against", "group_sum")
COUNTERS = ("rows read", "devices read", "conversions", "pulses attempted", "pulses succeeded")
ENERGIES = ("read energy [fJ]", "write energy [fJ]", "half-select energy [fJ]")


class CrossbarSession(KernelSession):
    """A network whose synapses are memristors.

    Parameters
    ----------
    lowered : LoweredNetwork
    stamp : Stamp
    hardware : Hardware

    Attributes
    ----------
    arrays : list of Array
        One per projection.
    plane : Plane
    """

    def __init__(self, lowered: LoweredNetwork, stamp: Stamp, hardware: Hardware) -> None:
        super().__init__(lowered, stamp, read=read_line, write=write_device, settle=settle_columns)
        self.hardware = hardware
        self.arrays = [Array(Layout(p, hardware), lowered.seed) for p in lowered.projections]
        self.stamp = dataclasses.replace(stamp, findings=(*stamp.findings, *self._programming_findings()))
        self.plane = build_plane(lowered, hardware, self.arrays, self.neurons.block)
        self.custom = self.plane
        self._clock_steps = max(1, round(hardware.clock / lowered.dt))
        if hardware.learning == LEARNING[SINGLE]:
            self.rules.flags[:, F["probabilistic"]] = 0  # the devices decide
        learns = [array.layout.projection.plasticity is not None for array in self.arrays]
        lines = np.cumsum([0, *(array.layout.n_lines for array in self.arrays)])
        self._lines, self._entries = _ranges(lines), _ranges(self.plane.ptr[lines])
        self._columns = _ranges(np.searchsorted(self.plane.owner, np.arange(len(learns) + 1)))
        self._rule = (np.cumsum(learns) - 1).tolist()
        groups = [n_groups(array) for array, plastic in zip(self.arrays, learns, strict=True) if plastic]
        self._groups_of = _ranges(np.cumsum([0, *groups]))
        for j, array in enumerate(self.arrays):
            if array.layout.compensated:
                array.update_gains()
                self._calibrate(j, 0)
            array.advance(hardware.age)
            self._refresh(j)

    @property
    def programming(self) -> dict[str, Programming]:
        """What programming each projection took and left."""
        return {p.name: a.programming for p, a in zip(self.lowered.projections, self.arrays, strict=True)}

    def _programming_findings(self) -> Iterator[Finding]:
        for name, done in self.programming.items():
            if done.unconverged:
                found = f"{done.unconverged:,} of {done.devices:,} devices are off by more than the tolerance"
                limit = f"after {done.pulses:,} pulses; the largest error is {done.largest_error:.2g} of the range"
                yield Finding(Severity.ALTERED, name, "programming", found, limit, min(1.0, done.rms_error))

    def refresh(self) -> None:
        """Bring drift and its compensation, lasting read noise and the gains of wires up to date, where they change."""
        for j, array in enumerate(self.arrays):
            if array.changes:
                array.advance(self.hardware.age + 1e-3 * self.step * self.lowered.dt)
                self._refresh(j)

    def _refresh(self, j: int) -> None:
        plane, array, entries = self.plane, self.arrays[j], self._entries[j]
        layout = array.layout
        array.update_gains()
        if layout.compensated:
            self._calibrate(j, 1 + self.step)
            plane.factor[self._columns[j]] = array.factor[column_tiles(array)]
        if layout.exact:
            mean = array.exact_weights()
            variance = np.zeros_like(mean)
            np.add.at(variance, (array.cell_line, array.cell_target), array.read_variance())
            mean, variance = mean.ravel(), variance.ravel()
        else:
            mean, variance = array.read_weights(), array.read_variance()
        plane.weight[entries] = mean
        if plane.noisy:
            plane.variance[entries] = variance
        plane.power[self._lines[j]] = array.line_conductance()
        if layout.projection.plasticity is not None:
            self._refresh_rule(self._rule[j], array)

    def _calibrate(self, j: int, reading: int) -> None:
        """Read all rows of a projection for its compensation, and count that."""
        plane, array, lines, columns = self.plane, self.arrays[j], self._lines[j], self._columns[j]
        array.calibrate(reading)
        plane.counts[j, ROWS] += array.layout.n_lines
        plane.counts[j, DEVICES] += plane.devices[lines].sum()
        plane.energy[j, READ] += plane.per_uS[READ] * array.line_conductance().sum()
        if plane.converter[j, 0] > 0.0:
            plane.counts[j, CONVERSIONS] += columns.stop - columns.start

    def _refresh_rule(self, r: int, array: Array) -> None:
        a, b = self.rules.syn_start[r : r + 2]
        cells = array.synapse_cell
        self.plane.gain[a:b], self.plane.gain_against[a:b] = array.gain_a[cells], array.gain_b[cells]
        self.plane.fixed[a:b] = (array.shift_a - array.shift_b)[cells]
        self.plane.against[a:b] = array.conductances()[1][cells]
        self.learning.weight[a:b] = array.weights()[cells]
        self.plane.group_sum[self._groups_of[r]] = group_conductances(array)

    def _run_chunk(self, length: int, counts: Any, spikes: list[Any], samples: list[list[np.ndarray]]) -> None:
        if self.step > 0 and self.step % self._clock_steps == 0:  # at step 0 it has just been programmed
            self.refresh()
        super()._run_chunk(length, counts, spikes, samples)

    def _chunk_steps(self) -> int:
        return min(super()._chunk_steps(), self._clock_steps - self.step % self._clock_steps)

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Advance by some steps; the ledger also says what the crossbars did."""
        results = super().run(n_steps, progress)
        names = [p.name for p in self.lowered.projections]
        counted = zip((*COUNTERS, *ENERGIES), np.hstack([self.plane.counts, self.plane.energy]).T, strict=True)
        hardware = {
            name: {key: float(value) for key, value in zip(names, values, strict=True)}
            for name, values in counted
            if values.any()
        }
        self._forget_counts()
        return dataclasses.replace(results, ledger=dataclasses.replace(results.ledger, hardware=hardware))

    def _forget_counts(self) -> None:
        self.plane.counts[:] = 0
        self.plane.energy[:] = 0.0

    # Weights

    def get_weights(self, projection: int) -> np.ndarray:
        """Return what a projection's devices stand for now."""
        array = self.arrays[projection]
        return np.array(array.weights()[array.synapse_cell])

    def set_weights(self, projection: int, weights: Any) -> None:
        """Refuse: weights here are conductances."""
        name = self.lowered.projections[projection].name
        raise SimulationError(
            f"projection {name!r} lies on a crossbar, whose devices are only moved by pulses; describe the network "
            "with these weights and run it anew, which programs them"
        )

    # Checkpoints

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs."""
        state = super().get_state()
        state |= {f"plane/{name}": np.array(getattr(self.plane, name)) for name in _CHANGING}
        state |= {f"{prefix}/factor": array.factor for prefix, array in self._crossbars()}
        for prefix, devices in self._devices():
            state |= {f"{prefix}/{name}": value for name, value in devices.get_state().items()}
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""
        super().set_state(state)
        for name in _CHANGING:
            getattr(self.plane, name)[...] = state[f"plane/{name}"]
        for prefix, array in self._crossbars():
            array.factor = np.array(state[f"{prefix}/factor"])
        for prefix, devices in self._devices():
            mine = {name.removeprefix(f"{prefix}/"): v for name, v in state.items() if name.startswith(f"{prefix}/")}
            devices.set_state(mine)
        self._forget_counts()

    def _crossbars(self) -> Iterator[tuple[str, Array]]:
        for p, array in zip(self.lowered.projections, self.arrays, strict=True):
            yield f"crossbar/{p.name}", array

    def _devices(self) -> Iterator[tuple[str, Population]]:
        for prefix, array in self._crossbars():
            yield f"{prefix}/a", array.a
            if array.b is not None:
                yield f"{prefix}/b", array.b


def _ranges(pointers: np.ndarray) -> list[slice]:
    return [slice(int(a), int(b)) for a, b in itertools.pairwise(pointers)]
