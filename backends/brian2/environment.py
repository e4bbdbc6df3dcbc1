"""Brian2's process-wide state, borrowed for one call and given back: preferences, device, messages."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# On import Brian2 takes over Ctrl-C, and the reports of errors and warnings that it has no part in.
_HOOKS, _ON_CTRL_C = (sys.excepthook, warnings.showwarning), signal.getsignal(signal.SIGINT)
try:
    import brian2
    from brian2.devices.device import reset_device
finally:
    sys.excepthook, warnings.showwarning = _HOOKS
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _ON_CTRL_C)

__all__ = ["borrowed", "brian2"]

_PREFERENCES = {
    # Not Brian2's -ffast-math, nor fused multiply-adds: they would change the order of evaluation.
    "codegen.cpp.extra_compile_args": ["-w", "-O3", "-march=native", "-ffp-contract=off", "-std=c++11"],
    "codegen.loop_invariant_optimisations": False,
    # Brian2 would start a compiler for each of a network's pieces at once.
    "devices.cpp_standalone.extra_make_args_unix": [f"-j{os.cpu_count()}"],
    # Brian2 would leave these in the environment of this process.
    "devices.cpp_standalone.run_environment_variables": {},
    "core.default_float_dtype": np.float64,
    "core.network.default_schedule": ["start", "groups", "thresholds", "synapses", "resets", "end"],
}
# Messages about what is meant: a maximum over synapses depends on no order, and NumPy finds it in a loop; the steps of
# tables are multiples of dt to one part in 1e15.
_MEANT = {
    "brian2.codegen.generators.base": "may not be well-defined",
    "brian2.codegen.generators.numpy_generator": "Failed to vectorise code",
    "brian2.input.timedarray": "time grids not aligned",
}


@contextmanager
def borrowed(executor: str, device: Any = "runtime", **options: Any) -> Iterator[None]:
    """Set what our code needs, and restore what was.

    Parameters
    ----------
    executor : "numpy", "cython" or "cpp_standalone"
    device : brian2.Device or its name
    **options
        Of the device.

    Yields
    ------
    None
    """
    wanted = dict(_PREFERENCES)
    if executor != "cpp_standalone":
        wanted["codegen.target"] = executor
    before = {name: brian2.prefs[name] for name in wanted}
    running = getattr(brian2.Network, "_globally_running", None)  # since Brian2 2.9
    filters = [(logging.getLogger(name), _without(text)) for name, text in _MEANT.items()]
    for logger, quiet in filters:
        logger.addFilter(quiet)
    try:
        for name, value in wanted.items():
            brian2.prefs[name] = value
        brian2.set_device(device, **options)
        try:
            yield
        finally:
            reset_device()
    finally:
        if running is not None:
            brian2.Network._globally_running = running  # a run that raises leaves it True
        for name, value in before.items():
            brian2.prefs[name] = value
        for logger, quiet in filters:
            logger.removeFilter(quiet)


def _without(text: str) -> Any:
    def keep(record: logging.LogRecord) -> bool:
        return text not in record.getMessage()

    return keep
