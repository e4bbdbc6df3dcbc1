"""A lowered network, ready for the stepping kernel: what the programs of all backends on the kernel have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hmn_snn.results import Results

from .session import KernelSession


class KernelProgram:
    """A program of a backend that runs on the stepping kernel.

    Parameters
    ----------
    session : callable () -> KernelSession
        Makes a session at t = 0.
    """

    def __init__(self, session: Callable[[], KernelSession]) -> None:
        self._session = session

    @property
    def native(self) -> KernelSession:
        """A session at t = 0, whose tables and state can be looked at."""
        return self.start()

    def start(self) -> KernelSession:
        """Start a session at t = 0.

        Returns
        -------
        KernelSession
        """
        return self._session()

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Run from t = 0 and return the results.

        Parameters
        ----------
        n_steps : int
        progress : callable (steps) -> bool, optional
            Told of the steps done since it was last called; the run ends early where it returns True.

        Returns
        -------
        Results
        """
        return self.start().run(n_steps, progress)
