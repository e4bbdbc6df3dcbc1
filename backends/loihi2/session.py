"""A network deployed to Loihi 2: its program, the executor that runs it, and the host beside it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from hmn_snn.errors import BackendUnavailableError
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.translator import Finding

from .._shared.host import HostProgram, HostSession
from .._shared.session import Stamp
from . import lava
from .chip import Executor, LoihiChip
from .emulator import EmulatorExecutor
from .lowering import lower_program
from .on_chip_lowering import lower_on_chip
from .on_chip_session import OnChipSession
from .program import LoihiProgram
from .program_file import save_program
from .translator import Settings, hardware_refusals


class Deployment(HostProgram):
    """A network on Loihi 2.

    Parameters
    ----------
    lowered : LoweredNetwork
    settings : Settings
    findings : tuple of Finding
        Travel in the results.

    Attributes
    ----------
    program : LoihiProgram
        What lies on the chip; also ``native``.
    executor : "emulator", "lava" or "hardware"
        What runs it.

    Raises
    ------
    BackendUnavailableError
        If what was asked for is not here and nothing can stand for it.
    """

    def __init__(self, lowered: LoweredNetwork, settings: Settings, findings: tuple[Finding, ...]) -> None:
        super().__init__(self._started)
        self.lowered, self.settings, self.findings = lowered, settings, findings
        stream = "lava" if settings.executor == "lava" else "synapse"
        self.on_chip = lower_on_chip(lowered, stream) if settings.learning == "on_chip" else None
        self.program = lower_program(lowered, settings.learning) if self.on_chip is None else self.on_chip.program
        self.executor = executor_for(self.program, settings)

    @property
    def native(self) -> Any:
        """The program that lies on the chip."""
        return self.program

    def export(self, path: Path, n_steps: int) -> tuple[Path, ...]:
        """Write the program to a file, which :func:`program_file.load_program` reads.

        Parameters
        ----------
        path : pathlib.Path
            Ends in ``.h5``.
        n_steps : int
            Not in the file: an executor is told with each run, together with the spikes of the sources.

        Returns
        -------
        tuple of pathlib.Path
            The file.
        """
        save_program(self.program, path)
        return (path,)

    def _started(self) -> HostSession:
        executor = self._executor()
        there = {} if executor.name == "emulator" else lava.versions(hardware=executor.name == "hardware")
        stamp = Stamp("loihi2", executor.name, self.settings.precision, ("numba",), self.findings, there)
        chip = LoihiChip(self.program, executor, self.lowered, self.settings.rounding)
        if self.on_chip is not None:
            return OnChipSession(self.lowered, stamp, chip, self.on_chip)
        return HostSession(self.lowered, stamp, chip, learns=self.settings.learning != "frozen")

    def _executor(self) -> Executor:
        if self.executor == "emulator":
            return EmulatorExecutor(self.program)
        settings, hardware = self.settings, self.executor == "hardware"
        tag, limit = settings.precision, settings.time_limit
        return lava.LavaExecutor(self.program, select_tag=tag, hardware=hardware, limit=limit)


def executor_for(program: LoihiProgram, settings: Settings) -> str:
    """Return what runs a program: what was asked for, or what stands for it.

    Parameters
    ----------
    program : LoihiProgram
    settings : Settings

    Returns
    -------
    "emulator", "lava" or "hardware"

    Raises
    ------
    BackendUnavailableError
    """
    asked = settings.executor
    if asked == "auto" and settings.exact:
        fits = not any(hardware_refusals(program))
        return "hardware" if fits and lava.unavailable(hardware=True) is None else "emulator"
    reason = None if asked == "emulator" else lava.unavailable(hardware=asked == "hardware")
    if reason is None:
        return "lava" if asked == "auto" else asked
    if asked == "lava" and settings.exact:
        warnings.warn(f"{reason}. The emulator runs instead, which is equal bit for bit", stacklevel=2)
        return "emulator"
    raise BackendUnavailableError("loihi2", reason)
