"""Brian2's process-wide state, borrowed for one call and given back: preferences, device, messages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import brian2
from brian2.devices.device import reset_device, set_device

# -ffast-math, Brian2's default, and fused multiply-adds would change the order of evaluation that the semantics give.
_FLAGS = ["-w", "-O3", "-ffp-contract=off", "-std=c++11"]
_PREFERENCES = {
    "codegen.cpp.extra_compile_args": _FLAGS,
    # It would re-order sums and products.
    "codegen.loop_invariant_optimisations": False,
    "core.default_float_dtype": brian2.float64,
    "core.network.default_schedule": ["start", "groups", "thresholds", "synapses", "resets", "end"],
}
# Messages about what is meant: a maximum over synapses depends on no order, and NumPy finds it in a loop; tables of
# some steps are aligned with the grid to one part in 1e15.
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
    wanted = {**_PREFERENCES}
    if executor != "cpp_standalone":
        wanted["codegen.target"] = executor
    before = {name: brian2.prefs[name] for name in wanted}
    filters = [(logging.getLogger(name), _without(text)) for name, text in _MEANT.items()]
    for logger, quiet in filters:
        logger.addFilter(quiet)
    try:
        for name, value in wanted.items():
            brian2.prefs[name] = value
        set_device(device, **options)
        try:
            yield
        finally:
            reset_device()
    finally:
        for name, value in before.items():
            brian2.prefs[name] = value
        for logger, quiet in filters:
            logger.removeFilter(quiet)


def _without(text: str) -> Any:
    def keep(record: logging.LogRecord) -> bool:
        return text not in record.getMessage()

    return keep
