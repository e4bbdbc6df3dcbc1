"""A running crossbar target: the engine's neurons and ticks, the crossbars' reads and writes."""

from __future__ import annotations

import dataclasses
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
from .hardware import LEARNING, Hardware
from .plane import SINGLE, read_line, settle_columns, write_device
from .plane_tables import build_plane
from .population import Population
from .programming import Programming

# What changes between two refreshes, or by them.
_CHANGING = ("weight", "variance", "power", "gain", "fixed", "against", "gain_against")
COUNTERS = ("rows read", "devices read", "conversions", "pulses attempted", "pulses succeeded")
ENERGIES = ("read energy [fJ]", "write energy [fJ]")


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
        for array in self.arrays:
            array.advance(hardware.age)
        self.plane = build_plane(lowered, hardware, self.arrays, self.neurons.block)
        self.custom = self.plane
        self._clock_steps = max(1, round(hardware.clock / lowered.dt))
        if hardware.learning == LEARNING[SINGLE]:
            self.rules.flags[:, F["probabilistic"]] = 0  # the devices decide
        lines = np.cumsum([0, *(array.layout.n_lines for array in self.arrays)])
        self._entries = np.diff(self.plane.ptr[lines]).tolist()
        self._refreshed = False
        self.refresh()

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
        """Bring drift, lasting read noise and the gains of wires up to date."""
        plane, first_entry, first_line = self.plane, 0, 0
        rule = 0
        for array, n_entries in zip(self.arrays, self._entries, strict=True):
            layout = array.layout
            if self._refreshed and not array.changes:
                first_entry, first_line = first_entry + n_entries, first_line + layout.n_lines
                rule += layout.projection.plasticity is not None
                continue
            array.advance(self.hardware.age + 1e-3 * self.step * self.lowered.dt)
            array.update_gains()
            if layout.exact:
                mean = array.exact_weights()
                variance = np.zeros_like(mean)
                np.add.at(variance, (array.cell_line, array.cell_target), array.read_variance())
                mean, variance = mean.ravel(), variance.ravel()
            else:
                mean, variance = array.read_weights(), array.read_variance()
            plane.weight[first_entry : first_entry + len(mean)] = mean
            if plane.noisy:
                plane.variance[first_entry : first_entry + len(mean)] = variance
            plane.power[first_line : first_line + layout.n_lines] = array.line_conductance()
            if layout.projection.plasticity is not None:
                self._refresh_rule(rule, array)
                rule += 1
            first_entry, first_line = first_entry + n_entries, first_line + layout.n_lines
        self._refreshed = True

    def _refresh_rule(self, r: int, array: Array) -> None:
        a, b = self.rules.syn_start[r : r + 2]
        cells = array.synapse_cell
        self.plane.gain[a:b], self.plane.gain_against[a:b] = array.gain_a[cells], array.gain_b[cells]
        self.plane.fixed[a:b] = (array.shift_a - array.shift_b)[cells]
        self.plane.against[a:b] = array.conductances()[1][cells]
        self.learning.weight[a:b] = array.weights()[cells]

    def _run_chunk(self, length: int, counts: Any, spikes: list[Any], samples: list[list[np.ndarray]]) -> None:
        if self.step % self._clock_steps == 0:
            self.refresh()
        super()._run_chunk(length, counts, spikes, samples)

    def _chunk_steps(self) -> int:
        return min(super()._chunk_steps(), self._clock_steps - self.step % self._clock_steps)

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Advance by some steps; the ledger also says what the crossbars did."""
        self.plane.counts[:] = 0
        self.plane.energy[:] = 0.0
        results = super().run(n_steps, progress)
        names = [p.name for p in self.lowered.projections]
        counted = zip((*COUNTERS, *ENERGIES), np.hstack([self.plane.counts, self.plane.energy]).T, strict=True)
        hardware = {
            name: {key: float(value) for key, value in zip(names, values, strict=True)}
            for name, values in counted
            if values.any()
        }
        return dataclasses.replace(results, ledger=dataclasses.replace(results.ledger, hardware=hardware))

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
        for prefix, devices in self._devices():
            state |= {f"{prefix}/{name}": value for name, value in devices.get_state().items()}
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""
        super().set_state(state)
        for name in _CHANGING:
            getattr(self.plane, name)[...] = state[f"plane/{name}"]
        for prefix, devices in self._devices():
            mine = {name.removeprefix(f"{prefix}/"): v for name, v in state.items() if name.startswith(f"{prefix}/")}
            devices.set_state(mine)

    def _devices(self) -> Iterator[tuple[str, Population]]:
        for p, array in zip(self.lowered.projections, self.arrays, strict=True):
            yield f"crossbar/{p.name}/a", array.a
            if array.b is not None:
                yield f"crossbar/{p.name}/b", array.b
