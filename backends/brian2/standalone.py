"""A run as one C++ program: generated, compiled and run in a folder of its own, which is deleted afterwards."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import brian2
from brian2.devices.cpp_standalone.device import CPPStandaloneDevice

from hmn_snn.results import Results
from hmn_snn.translator import Finding

from .blueprint import Blueprint
from .environment import borrowed
from .native import Native
from .recording import nothing_yet, results, snapshot


def run_standalone(
    blueprint: Blueprint, n_steps: int, findings: tuple[Finding, ...], progress: Any = None
) -> Results:
    """Run a network from t = 0 with Brian2's C++ standalone device.

    Parameters
    ----------
    blueprint : Blueprint
    n_steps : int
    findings : tuple of Finding
    progress : callable (steps), optional
        Called once, at the end.

    Returns
    -------
    Results
        Their wall time is that of the compiled program.
    """
    device = CPPStandaloneDevice()
    with tempfile.TemporaryDirectory(prefix="hmn_snn_") as folder:
        with borrowed("cpp_standalone", device, build_on_run=False):
            native = Native(blueprint)
            native.network.run(n_steps * blueprint.lowered.dt * brian2.ms, namespace={})
            device.build(directory=folder, compile=True, run=True)
            after = snapshot(native, n_steps)
            seconds = device._last_run_time
    if progress is not None:
        progress(n_steps)
    return results(blueprint, nothing_yet(blueprint), after, "cpp_standalone", findings, seconds)
