"""Runs under watch: a progress bar where someone looks, and interrupts that lose nothing."""

from __future__ import annotations

import importlib.util
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .errors import RunInterruptedError
from .results import Results


def run_watched(runner: Any, n_steps: int, dt: float, wanted: bool | None) -> Results:
    """Run a program or a session with a progress bar; an interrupt ends it early, with its results.

    Parameters
    ----------
    runner : Program or Session
    n_steps : int
    dt : float [ms]
    wanted : bool or None
        Whether to show the bar; None shows it on a terminal and in a notebook.

    Returns
    -------
    Results

    Raises
    ------
    RunInterruptedError
    """
    with progress_bar(n_steps, dt, wanted) as show, _interrupts() as interrupted:

        def advance(steps: int) -> bool:
            if show is not None:
                show(steps)
            return bool(interrupted)

        results: Results = runner.run(n_steps, advance)
    if interrupted:
        raise RunInterruptedError(results)
    return results


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Note the first Ctrl-C in a list instead of raising it; a second one is raised as usual."""
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        noted.append(number)
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_bar(n_steps: int, dt: float, wanted: bool | None) -> Iterator[Callable[[int], None] | None]:
    """Give a callback that moves a progress bar, or None where none is shown.

    Parameters
    ----------
    n_steps : int
    dt : float [ms]
    wanted : bool or None

    Yields
    ------
    callable (steps) or None
    """
    if not shown(wanted):
        yield None
        return
    with bar_class()(total=n_steps * dt, unit="ms", desc="simulating", leave=False) as bar:
        yield lambda steps: bar.update(steps * dt)


def shown(wanted: bool | None) -> bool:
    """Tell whether a progress bar is shown: as wanted, or where someone looks.

    Parameters
    ----------
    wanted : bool or None

    Returns
    -------
    bool
    """
    return ("ipykernel" in sys.modules or sys.stderr.isatty()) if wanted is None else wanted


def bar_class() -> Any:
    """Return tqdm's bar for where we are: a notebook or a terminal."""
    if "ipykernel" in sys.modules and importlib.util.find_spec("ipywidgets"):  # what its bar is made of
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm
    return tqdm
