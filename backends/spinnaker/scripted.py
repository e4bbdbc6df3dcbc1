"""Runs a program as the script that is exported for it: on a virtual board, a real one, NEST, Brian2 or NEURON.

Every run writes the script into a folder of its own, runs it in a child process and reads what it wrote. Nothing is
kept between two runs but what a chip could be loaded with: the potentials and synaptic currents of the one before
(NEURON's potentials only) and its weights. Spikes in flight, refractoriness and traces of plasticity are lost.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hmn_snn.errors import BackendUnavailableError, SimulationError

from . import child_process, configuration, virtual_board
from .program import Cells, SineCurrent, Source, SpinnakerProgram, StepCurrent
from .script import Probe, Spikes, write_script

VIRTUAL, HARDWARE = "virtual", "hardware"
# What each needs beside PyNN, and how to get it.
NEEDS = {
    VIRTUAL: ("spynnaker", '"PyNN==0.13.0" "sPyNNaker==1!7.4.1"'),
    HARDWARE: ("spynnaker", '"PyNN==0.13.0" "sPyNNaker==1!7.4.1"'),
    "nest": ("nest", '"PyNN==0.13.0" nest-simulator'),
    "brian2": ("brian2", '"PyNN==0.13.0" brian2'),
    "neuron": ("neuron", '"PyNN==0.13.0" neuron'),
}
# Seconds that a run may take: to start, and for every synapse, step, and cell or synapse in a step.
_START, _PER_SYNAPSE, _PER_STEP, _PER_CELL_STEP, _PER_SYNAPSE_STEP = 600.0, 2e-4, 0.1, 2e-5, 1e-6


def missing(simulator: str) -> str | None:
    """Return why a simulator cannot run here, or None.

    Parameters
    ----------
    simulator : "virtual", "hardware", "nest", "brian2" or "neuron"

    Returns
    -------
    str or None
        With the command that installs it.
    """
    package, install = NEEDS[simulator]
    for name in ("pyNN", package):
        if importlib.util.find_spec(name) is None:
            return f"executor {simulator!r} needs {name}, which is not installed; run: pip install {install}"
    return None


class ScriptedExecutor:
    """Runs a program as a PyNN script.

    The executor "hardware" has been tested with a stand-in for sPyNNaker, never on a board.

    Parameters
    ----------
    program : SpinnakerProgram
    simulator : "virtual", "hardware", "nest", "brian2" or "neuron"
    threads : int
        Of NEST.
    board : "spin5" or "spin3"
        The virtual one.
    limit : float, optional [s]
        What a run may take before it counts as hung; generously estimated if not given.

    Attributes
    ----------
    name : str
        The simulator.
    report : virtual_board.Report or None
        Of the last run on a virtual board, which has no spikes.

    Raises
    ------
    BackendUnavailableError
    """

    loads_for_each_run = True

    def __init__(
        self, program: SpinnakerProgram, simulator: str, threads: int = 1, board: str = "spin5",
        limit: float | None = None,
    ) -> None:  # fmt: skip
        if reason := missing(simulator):
            raise BackendUnavailableError("spinnaker", reason)
        self.program, self.name = program, simulator
        self.report: virtual_board.Report | None = None
        self._threads, self._board, self._limit = threads, board, limit
        self._step = 0
        self._initial: dict[str, dict[str, np.ndarray]] = {}
        self._weights: dict[int, np.ndarray] = {}
        self._currents: dict[int, np.ndarray] = {}
        if simulator == HARDWARE:
            folder = Path(tempfile.mkdtemp(prefix="hmn-spinnaker-"))
            try:  # now rather than after the first block
                configuration.users_own(folder)
            finally:
                shutil.rmtree(folder)

    def run(
        self, n_steps: int, spikes: Sequence[Spikes], probes: Sequence[Probe]
    ) -> tuple[list[Spikes], list[np.ndarray]]:
        """Load the network and advance by some steps.

        Parameters
        ----------
        n_steps : int
        spikes : list of (step, index), each (k,) int arrays
            What each source of the program sends in these steps; steps count from the executor's start.
        probes : list of (cells, variable, members)
            Variables are ``"v"``, ``"i_exc"`` and ``"i_inh"``.

        Returns
        -------
        list of (step, index), each (m,) int64 and int32 arrays
            What the cells sent; nothing on a virtual board.
        list of (n_steps, n_members) float array
            The probed variables at the start of each step; not a number on a virtual board.

        Raises
        ------
        SimulationError, BackendUnavailableError
        """
        self._check(probes)
        if n_steps == 0:
            nothing = (np.zeros(0, np.int64), np.zeros(0, np.int32))
            return [nothing for _ in self.program.cells], [np.zeros((0, len(m))) for _, _, m in probes]
        folder = Path(tempfile.mkdtemp(prefix="hmn-spinnaker-"))
        try:
            local = [(np.asarray(step, np.int64) - self._step, index) for step, index in spikes]
            script = folder / "network.py"
            write_script(self._loaded(), script, n_steps, local, probes, state=self.name != VIRTUAL)
            child_process.run(self._command(folder, script), folder, self._seconds_allowed(n_steps))
            with np.load(folder / "network_results.npz") as results:
                fired, samples = self._read(results, probes, n_steps)
            if self.name == VIRTUAL:
                self.report = virtual_board.read_report(folder / "report.npz")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        self._step += n_steps
        return fired, samples

    def set_weights(self, synapses: int, weights: np.ndarray) -> None:
        """Write what some synapses are loaded with in the next run.

        Parameters
        ----------
        synapses : int
        weights : (n,) float array [nA, or mV]
        """
        self._weights[synapses] = np.array(weights, float)

    def load(self) -> None:
        """Load the program anew: every run does that."""

    def set_current(self, cells: int, current: np.ndarray) -> None:
        """Write a current besides what the program injects, with which cells are loaded in the next run.

        Parameters
        ----------
        cells : int
        current : (1,) or (n,) float array [nA]
        """
        self._currents[cells] = np.array(current, float)

    def get_weights(self, synapses: int) -> np.ndarray:
        """Return the weights of synapses as they were read back last.

        Parameters
        ----------
        synapses : int

        Returns
        -------
        (n,) float array [nA, or mV]
            On a virtual board, rounded as it holds them; of plastic ones, learned; else what they are loaded with.
        """
        s = self.program.synapses[synapses]
        if self.report is not None and s.name in self.report.weights:
            return self._in_order(synapses, self.report.weights[s.name])
        return np.array(self._weights.get(synapses, s.weight), float)

    def get_state(self) -> dict[str, Any]:
        """Return everything that the next run is loaded with."""
        cells = {f"cells/{name}/{variable}": v
                 for name, values in self._initial.items() for variable, v in values.items()}  # fmt: skip
        weights = {f"weights/{k}": w for k, w in self._weights.items()}
        return {"step": self._step} | cells | weights | {f"currents/{k}": c for k, c in self._currents.items()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""

        def under(prefix: str) -> dict[str, np.ndarray]:
            return {k.removeprefix(prefix): np.array(v, float) for k, v in state.items() if k.startswith(prefix)}

        self._step, self._initial = int(state["step"]), {}
        for key, values in under("cells/").items():
            name, variable = key.rsplit("/", 1)
            self._initial.setdefault(name, {})[variable] = values
        self._weights = {int(k): w for k, w in under("weights/").items()}
        self._currents = {int(k): c for k, c in under("currents/").items()}

    def close(self) -> None:
        """Let go of nothing: every run's process and folder end with it."""

    def _check(self, probes: Sequence[Probe]) -> None:
        currents = [self.program.cells[cells].name for cells, variable, _ in probes if variable != "v"]
        if currents and self.name in ("brian2", "neuron"):
            raise SimulationError(
                f"{self.name} records no synaptic currents through PyNN (those of {currents[0]!r} were asked for); "
                "record v, or run with executor='nest' or 'emulator'"
            )

    def _command(self, folder: Path, script: Path) -> list[str]:
        if self.name == HARDWARE:
            configuration.users_own(folder)
            return [sys.executable, script.name]
        if self.name == VIRTUAL:
            configuration.virtual(folder, self._board)
            return [sys.executable, str(virtual_board.__file__), "report.npz", script.name]
        return [sys.executable, script.name, "--simulator", self.name, "--threads", str(self._threads)]

    def _seconds_allowed(self, n_steps: int) -> float:
        if self._limit is not None:
            return self._limit
        n_synapses = sum(len(s.weight) for s in self.program.synapses)
        n_cells = sum(group.size for group in self.program.groups)
        per_step = _PER_STEP + _PER_CELL_STEP * n_cells + _PER_SYNAPSE_STEP * n_synapses
        real = self.program.dt * self.program.time_scale_factor / 1000.0
        return _START + _PER_SYNAPSE * n_synapses + n_steps * (per_step + real)

    # What a run is loaded with, and what is read back

    def _loaded(self) -> SpinnakerProgram:
        """Return the program from this step on."""
        program = self.program
        return replace(
            program,
            cells=tuple(self._cells(k, c) for k, c in enumerate(program.cells)),
            sources=tuple(_source_from(s, self._step) for s in program.sources),
            synapses=tuple(replace(s, weight=self._weights[k]) if k in self._weights else s
                           for k, s in enumerate(program.synapses)),
        )  # fmt: skip

    def _cells(self, number: int, cells: Cells) -> Cells:
        parameters = dict(cells.parameters)
        if number in self._currents:
            parameters["i_offset"] = parameters["i_offset"] + self._currents[number]
        return replace(
            cells,
            parameters=parameters,
            initial=self._initial.get(cells.name, cells.initial),
            currents=tuple(_current_from(c, self._step) for c in cells.currents),
            sines=tuple(_sine_from(s, self._step, self.program.dt) for s in cells.sines),
        )

    def _read(
        self, results: Mapping[str, np.ndarray], probes: Sequence[Probe], n_steps: int
    ) -> tuple[list[Spikes], list[np.ndarray]]:
        fired, program = [], self.program
        for cells in program.cells:
            step = np.rint(results[f"spikes/{cells.name}/t"] / program.dt).astype(np.int64) - 1 + self._step
            fired.append((step, results[f"spikes/{cells.name}/i"].astype(np.int32)))
        samples = [np.full((n_steps, len(members)), np.nan) for _, _, members in probes]
        if self.name != VIRTUAL:
            samples = [np.asarray(results[f"traces/{k}/{program.cells[cells].name}/{variable}"], float)
                       for k, (cells, variable, _) in enumerate(probes)]  # fmt: skip
        for key in results:
            if key.startswith("state/"):
                name, variable = key.removeprefix("state/").rsplit("/", 1)
                self._initial.setdefault(name, {})[variable] = np.asarray(results[key], float)
        for k, synapses in enumerate(program.synapses):
            if synapses.stdp is not None and self.name != VIRTUAL:
                self._weights[k] = self._in_order(k, results[f"weights/{synapses.name}"])
        return fired, samples

    def _in_order(self, synapses: int, rows: np.ndarray) -> np.ndarray:
        """Return the weights of (source, target, weight, delay) in the program's order of synapses."""
        s = self.program.synapses[synapses]
        if len(rows) != len(s.weight):
            raise SimulationError(f"{s.name!r}: {self.name} read back {len(rows)} of {len(s.weight)} synapses")
        pre, post, weight, delay = rows.T
        found = np.lexsort((np.rint(delay / self.program.dt), post, pre))
        weights = np.empty(len(rows))
        weights[np.lexsort((s.delay, s.post, s.pre))] = weight[found]
        return weights


def _source_from(source: Source, step: int) -> Source:
    """Return a source from a step on, which becomes 0."""
    if step == 0:
        return source
    given = source.steps >= step
    begun = max(int(np.searchsorted(source.rate_steps, step, side="right")) - 1, 0)
    return replace(
        source, steps=source.steps[given] - step, indices=source.indices[given],
        rate_steps=np.maximum(source.rate_steps[begun:] - step, 0), rates=source.rates[begun:],
    )  # fmt: skip


def _current_from(current: StepCurrent, step: int) -> StepCurrent:
    begun = max(int(np.searchsorted(current.steps, step, side="right")) - 1, 0)
    return replace(current, steps=np.maximum(current.steps[begun:] - step, 0), amplitudes=current.amplitudes[begun:])


def _sine_from(sine: SineCurrent, step: int, dt: float) -> SineCurrent:
    return replace(sine, phase=(sine.phase + 360.0 * sine.frequency * step * dt / 1000.0) % 360.0)
