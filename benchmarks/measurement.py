"""What is measured of one engine on one network, in a process of its own."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import resource
import sys
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """One engine on one network.

    Attributes
    ----------
    spikes : mapping of str to int
        Spikes of each group.
    run, cpu : tuple of float [s]
        Time of each simulation, without set-up: on the clock, and of the processor. Every engine runs one thread, so
        they differ by what other processes took.
    setup : tuple of float [s]
        Time of each set-up, from the description to the first step; the first is that of a fresh process.
    compilation : float [s]
        Time to generate and compile code for this network; 0 for engines that do not.
    peak_mb : float
        Largest resident memory of the process that simulated once, its libraries included.
    versions : mapping of str to str
    learned : float, optional [pA]
        Mean weight change.
    """

    spikes: Mapping[str, int]
    run: tuple[float, ...]
    cpu: tuple[float, ...]
    setup: tuple[float, ...]
    compilation: float
    peak_mb: float
    versions: Mapping[str, str]
    learned: float | None = None

    @property
    def whole(self) -> float:
        """From the description to the end of the simulation, in a fresh process [s]."""
        return self.compilation + self.setup[0] + min(self.run)


def megabytes(max_rss: int) -> float:
    """Convert ``ru_maxrss``, which is in bytes on macOS and in KiB elsewhere.

    Parameters
    ----------
    max_rss : int

    Returns
    -------
    float
    """
    return max_rss * (1 if sys.platform == "darwin" else 1024) / 1e6


def peak_mb() -> float:
    """Return the largest resident memory of this process so far.

    Returns
    -------
    float
    """
    return megabytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def in_fresh_process(module: str, *args: Any) -> Measurement:
    """Call a module's ``measure`` in a new process, so that memory peaks and library state stay apart.

    Parameters
    ----------
    module : str
    *args : object

    Returns
    -------
    Measurement
    """
    context = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="hmn_snn_benchmark_") as folder,
        ProcessPoolExecutor(1, context, initializer=_keep_files_in, initargs=(folder,)) as pool,
    ):
        return pool.submit(_measure, module, *args).result()


def _keep_files_in(folder: str) -> None:
    """Let what an engine leaves behind (generated code, logs) lie in a folder that is deleted."""
    os.environ["TMPDIR"] = tempfile.tempdir = folder


def _measure(module: str, *args: Any) -> Measurement:
    measured: Measurement = importlib.import_module(module).measure(*args)
    return measured
