"""A run as one C++ program: generated, compiled and run in a folder of its own, which is deleted afterwards."""

from __future__ import annotations

import tempfile
from typing import Any

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
        Called once, at the end: a compiled program cannot be interrupted with its results.

    Returns
    -------
    Results
        Their wall time is that of the compiled program.
    """
    # A device of our own: Brian2's is one for the process, and may hold a user's network.
    device = type(brian2.all_devices["cpp_standalone"])()
    duration = n_steps * blueprint.lowered.dt * brian2.ms
    folder = tempfile.TemporaryDirectory(prefix="hmn_snn_")
    with folder, borrowed("cpp_standalone", device, build_on_run=False):
        native = Native(blueprint)
        native.network.run(duration, namespace={})
        device.build(directory=folder.name, compile=True, run=True, with_output=False)
        before, after, seconds = mark_at_start(native), mark(native, n_steps), device._last_run_time
        ran = results(native, before, after, "cpp_standalone", findings, seconds)
    if progress is not None:
        progress(n_steps)
    return ran
