"""A run as one C++ program: generated, compiled and run in a folder of its own, which is deleted afterwards."""

from __future__ import annotations

import tempfile
from typing import Any

from hmn_snn.errors import SimulationError
from hmn_snn.results import Results
from hmn_snn.translator import Finding

from .blueprint import Blueprint
from .environment import borrowed, brian2
from .native import Native
from .recording import mark, mark_at_start, results


def run_standalone(blueprint: Blueprint, n_steps: int, findings: tuple[Finding, ...], progress: Any = None) -> Results:
    """Run a network from t = 0 with Brian2's C++ standalone device.

    Parameters
    ----------
    blueprint : Blueprint
    n_steps : int
    findings : tuple of Finding
    progress : callable (steps), optional
        Told of the steps once, at the end. Ctrl-C ends the program early too, with its results.

    Returns
    -------
    Results
        Their wall time is that of the compiled program.

    Raises
    ------
    SimulationError
        If the program could not be compiled, or failed.
    """
    # A device of our own: Brian2's is one for the process, and may hold a user's network.
    device = type(brian2.all_devices["cpp_standalone"])()
    duration = n_steps * blueprint.lowered.dt * brian2.ms
    folder = tempfile.TemporaryDirectory(prefix="hmn_snn_")
    with folder, borrowed("cpp_standalone", device, build_on_run=False):
        native = Native(blueprint)
        native.network.run(duration, namespace={})
        try:
            device.build(directory=folder.name, compile=True, run=True, with_output=False)
        except RuntimeError as error:
            raise SimulationError(
                f"Brian2's C++ program did not run ({error}); executor='numpy' needs no compiler"
            ) from error
        # Of an interrupted program, less than asked for; without objects no clock runs.
        done = round(native.clock.t_ / (blueprint.lowered.dt / 1000.0)) if native.network.objects else n_steps
        seconds = device._last_run_time
        ran = results(native, mark_at_start(native), mark(native, done), "cpp_standalone", findings, seconds)
    if progress is not None:
        progress(done)
    return ran
