"""A network deployed to SpiNNaker: its program, the executor that runs it, and the host beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hmn_snn.errors import BackendUnavailableError, SimulationError
from hmn_snn.ledger import Ledger
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.results import Results
from hmn_snn.summary import counted
from hmn_snn.translator import Finding, Severity

from .._shared.host import HostProgram, HostSession, with_initial
from .._shared.schedules import Columns, Schedules
from .._shared.session import KernelSession, Stamp
from . import scripted
from .chip import Executor, SpinnakerChip, inputs_sent
from .emulator import Emulator, Numerics
from .lowering import lower_program
from .program import SpinnakerProgram
from .script import write_script
from .scripted import ScriptedExecutor
from .translator import EMULATOR, HARDWARE, SIMULATORS, VIRTUAL, Settings
from .virtual_board import Report

_WHOLE_RUN = 1 << 31  # steps
# Whose version is stamped, by executor.
_PACKAGES = {
    VIRTUAL: "sPyNNaker", HARDWARE: "sPyNNaker", "nest": "nest-simulator", "brian2": "brian2", "neuron": "neuron",
}  # fmt: skip


class SpinnakerSession(HostSession):
    """A running network whose neurons and synapses are on SpiNNaker.

    Currents that oscillators drive are the chip's own; weights are written by loading the network anew, at the ends of
    blocks; scripts run in one piece.

    Parameters
    ----------
    lowered : LoweredNetwork
    stamp : Stamp
    chip : SpinnakerChip
    settings : Settings
    """

    chip: SpinnakerChip

    def __init__(self, lowered: LoweredNetwork, stamp: Stamp, chip: SpinnakerChip, settings: Settings) -> None:
        self.settings = settings
        super().__init__(lowered, stamp, chip, learns=settings.learning == "blocks")
        self._driven = [False] * len(lowered.populations)
        self._on_emulator = stamp.executor == EMULATOR

    def _clocks_of(self, j: int) -> tuple[int, ...]:
        """Return the length of a block where a projection's effective weights may change by themselves."""
        changes = self.settings.learning == "blocks" and bool(super()._clocks_of(j))
        return (round(self.settings.block / self.lowered.dt),) if changes else ()

    def _scheduled(self, first: int, end: int) -> tuple[Columns, Columns]:
        """Leave out the spikes of inputs that the chip draws itself: nobody knows them here."""
        (step, group, index), events = super()._scheduled(first, end)
        drawn = [len(self.lowered.populations) + k for k, s in enumerate(self.chip.program.sources) if s.poisson]
        known = ~np.isin(group, drawn)
        return (step[known], group[known], index[known]), events

    def _chunk_steps(self) -> int:
        if self._on_emulator:
            return super()._chunk_steps()
        due = [clock - self.step % clock for clocks in self._clocks.values() for clock in clocks]
        return min([_WHOLE_RUN, *due])

    def _write_currents(self) -> None:
        """Write currents on the emulator; scripts have them from the start."""
        if self._on_emulator:
            super()._write_currents()

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Advance by some steps; the ledger also says how often the network was loaded."""
        before, goes_on = self.chip.loads, self.step > 0
        results = super().run(n_steps, progress)
        if self.settings.learning == "frozen" or self.settings.runs_on == VIRTUAL:
            results = dataclasses.replace(results, ledger=_without(_OF_LEARNING, results.ledger))
        if self.settings.runs_on == VIRTUAL:
            results = dataclasses.replace(results, ledger=_without(_OF_RUNNING, results.ledger))
        hardware = {"loads": {self.lowered.name: float(self.chip.loads - before)}}
        if goes_on and self.chip.executor.loads_for_each_run:
            limit = "spikes in flight, refractoriness and traces of STDP are lost; run in one piece, or on the emulator"
            results = _with(results, {}, (Finding(Severity.ALTERED, self.lowered.name, "load", "anew", limit),))
        report = getattr(self.chip.executor, "report", None)
        if report is None:
            return _with(results, hardware)
        names = [source.name for source in self.lowered.sources]
        hardware["cores"] = {name: float(sum(core.population == name for core in report.cores)) for name in names}
        return _with(results, hardware, tuple(_mapping_findings(self.lowered.name, report)))

    def get_weights(self, projection: int) -> np.ndarray:
        """Return a projection's weights: those that the chip has learned, where it does."""
        learns = self.lowered.projections[projection].plasticity is not None and self.settings.learning == "on_chip"
        return self.chip.weights(projection) if learns else super().get_weights(projection)

    def set_weights(self, projection: int, weights: Any) -> None:
        """Write a projection's weights, by loading the network anew."""
        values = np.broadcast_to(np.asarray(weights, float), (self.lowered.projections[projection].n_synapses,))
        KernelSession.set_weights(self, projection, values)
        self.chip.write_weights(projection, self._effective_weights(projection))
        if projection in self._clocks:
            self._weights_there[projection] = self._effective_weights(projection)

    def release(self, modulator: int, amount: float) -> None:
        """Release a modulator at the present time.

        Raises
        ------
        SimulationError
            Where the chip learns: what it hears of dopamine was drawn up before the start.
        """
        if self.settings.learning == "on_chip" and any(p.plasticity is not None for p in self.lowered.projections):
            name = self.lowered.modulators[modulator].name
            raise SimulationError(
                f"modulator {name!r}: a release cannot reach a chip that learns by itself once it runs; schedule it in "
                "the description (Modulator.releases), or use learning='blocks'"
            )
        super().release(modulator, amount)

    def set_current(self, name: str, amplitude: Any) -> None:
        """Set an injected current from the present time on.

        Raises
        ------
        SimulationError
            Where a script runs, whose currents are in it.
        """
        if not self._on_emulator:
            raise SimulationError(
                f"current input {name!r}: executor {self.settings.runs_on!r} has the currents that were described; "
                "give it Steps, or use executor='emulator'"
            )
        super().set_current(name, amplitude)


# What a frozen network does not do, and what a virtual board does not do either.
_OF_LEARNING = ("pairings", "ticks", "updates_applied", "updates_rejected", "astrocyte_updates", "astrocyte_releases")
_OF_RUNNING = ("neuron_updates", "synaptic_events")


def _without(counters: Sequence[str], ledger: Ledger) -> Ledger:
    """Return a ledger in which some counters are 0."""
    nothing: dict[str, Any] = {name: dict.fromkeys(getattr(ledger, name), 0) for name in counters}
    return dataclasses.replace(ledger, **nothing)


def _with(results: Results, hardware: dict[str, dict[str, float]], findings: tuple[Finding, ...] = ()) -> Results:
    """Return results with more counters and findings."""
    ledger = dataclasses.replace(results.ledger, hardware={**results.ledger.hardware, **hardware})
    return dataclasses.replace(results, ledger=ledger, findings=results.findings + findings)


def _mapping_findings(name: str, report: Report) -> Iterator[Finding]:
    """Yield what a virtual board says of a network."""
    chips = f"{counted(len(report.cores), 'core')} on {counted(report.chips, 'chip')}"
    yield Finding(Severity.NATIVE, name, "placement", chips, f"and {report.monitors} cores of sPyNNaker's own")
    for binary in report.missing:
        limit = "a board could not load it; leave out what needs it"
        yield Finding(Severity.REJECTED, name, "binary", f"{binary} is not in sPyNNaker {report.version}", limit)


class Deployment(HostProgram):
    """A network on SpiNNaker.

    Parameters
    ----------
    lowered : LoweredNetwork
    settings : Settings
        With a way of learning that is decided.
    findings : tuple of Finding
        Travel in the results.

    Attributes
    ----------
    program : SpinnakerProgram
        What the chip is told; also ``native``.

    Raises
    ------
    BackendUnavailableError
        If what was asked for is not here.
    """

    def __init__(self, lowered: LoweredNetwork, settings: Settings, findings: tuple[Finding, ...]) -> None:
        super().__init__(self._started)
        self.lowered, self.settings, self.findings = lowered, settings, findings
        self.program: SpinnakerProgram = lower_program(lowered, settings)
        if settings.runs_on != EMULATOR:
            reason = scripted.missing(settings.runs_on)
            if reason is not None:
                raise BackendUnavailableError("spinnaker", reason)

    @property
    def native(self) -> Any:
        """What the chip is told."""
        return self.program

    def export(self, path: Path, n_steps: int) -> tuple[Path, ...]:
        """Write a PyNN script that runs the network without hmn-snn.

        Parameters
        ----------
        path : pathlib.Path
            Ends in ``.py``; arrays go to a file of the same name that ends in ``.npz``.
        n_steps : int

        Returns
        -------
        tuple of pathlib.Path
            The files written.
        """
        return write_script(self.program, path, n_steps, self._given(n_steps))

    def mapping(self, n_steps: int) -> Report:
        """Map the network and a run from t = 0 onto a virtual board.

        Parameters
        ----------
        n_steps : int

        Returns
        -------
        Report

        Raises
        ------
        BackendUnavailableError
            If sPyNNaker is not installed.
        """
        settings = self.settings
        executor = ScriptedExecutor(self.program, VIRTUAL, board=settings.board, limit=settings.time_limit)
        executor.run(n_steps, self._given(n_steps), [])
        assert executor.report is not None
        return executor.report

    def _given(self, n_steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the spikes of each source in a run from t = 0."""
        inputs, _ = Schedules(self.lowered).between(0, n_steps)
        step, group, index = with_initial(self.lowered, inputs)
        return inputs_sent(self.program, self.lowered, step, group, index)

    def _started(self) -> SpinnakerSession:
        settings = self.settings
        executor = self._executor()
        chip = SpinnakerChip(self.program, executor, self.lowered)
        packages = ("numba",) if executor.name == EMULATOR else ("numba", "PyNN", _PACKAGES[executor.name])
        precision = "floating_pt" if executor.name in SIMULATORS else settings.precision
        stamp = Stamp("spinnaker", executor.name, precision, packages, self.findings)
        return SpinnakerSession(self.lowered, stamp, chip, settings)

    def _executor(self) -> Executor:
        if self.settings.runs_on == EMULATOR:
            # The host writes currents as they change, and so can change them.
            cells = tuple(dataclasses.replace(cells, currents=()) for cells in self.program.cells)
            program = dataclasses.replace(self.program, cells=cells)
            return Emulator(program, Numerics(fixed_point=self.settings.precision == "fixed_pt"))
        settings = self.settings
        return ScriptedExecutor(self.program, settings.runs_on, settings.threads, settings.board, settings.time_limit)


