"""The Brian2 backend's translator: every feature, in float64, on three of Brian2's targets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hmn_snn.astrocytes import LeakyCalcium
from hmn_snn.errors import SimulationError
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.results import Results
from hmn_snn.translator import FEATURES, Capabilities, Finding, Severity, feature_findings

from .blueprint import Blueprint
from .network import blueprint_of

if TYPE_CHECKING:
    from .session import Brian2Session


class Brian2Translator:
    """Translator to Brian2 (Stimberg, Brette & Goodman, eLife 8:e47314, 2019)."""

    name = "brian2"
    capabilities = Capabilities(
        features=frozenset(FEATURES),
        executors=("numpy", "cython", "cpp_standalone"),
        closed_loop=True,
        export=".py",
        limits={
            "astrocyte cells": "LeakyCalcium",
            "steps of one run": "below 2**31",
            "closed loop": "executors numpy and cython",
        },
    )

    def unavailable(self) -> str | None:
        """Return why Brian2 cannot run here, or None."""
        try:
            from . import environment  # noqa: F401
        except ImportError as error:
            return f"Brian2 cannot be imported ({error}); run: pip install brian2"
        except ValueError as error:  # it sets a handler of signals, which only the main thread may
            return f"Brian2 cannot be imported in this thread ({error}); run in the main thread first: import brian2"
        return None

    def check(
        self, lowered: LoweredNetwork, *, precision: str = "float64", executor: str = "numpy"
    ) -> tuple[Finding, ...]:
        """Return what to know before running.

        Parameters
        ----------
        lowered : LoweredNetwork
        precision : "float64"
        executor : "numpy", "cython" or "cpp_standalone"

        Returns
        -------
        tuple of Finding
        """
        others = tuple(
            Finding(Severity.REJECTED, a.name, "cell", type(a.cell).__name__,
                    "this backend has equations for LeakyCalcium; use that or another backend")
            for a in lowered.astrocytes if type(a.cell) is not LeakyCalcium
        )  # fmt: skip
        return feature_findings(lowered, self.capabilities) + others + tuple(_initial_findings(lowered))

    def translate(
        self, lowered: LoweredNetwork, *, precision: str = "float64", executor: str = "numpy", findings: Any = ()
    ) -> Brian2Program:
        """Return a program for a network that was checked.

        Parameters
        ----------
        lowered : LoweredNetwork
        precision : "float64"
        executor : "numpy", "cython" or "cpp_standalone"
        findings : tuple of Finding
            Travel in the results.

        Returns
        -------
        Brian2Program
        """
        return Brian2Program(lowered, executor, tuple(findings))


def _initial_findings(lowered: LoweredNetwork) -> Iterator[Finding]:
    """Yield the projections that cannot take their input's spikes at 0 ms."""
    early = {len(lowered.populations) + k for k, source in enumerate(lowered.inputs) if len(source.initial)}
    for projection in lowered.projections:
        if projection.source in early and (projection.plasticity is not None or projection.astrocytes >= 0):
            found = f"{lowered.sources[projection.source].name!r} spikes at 0 ms"
            limit = f"this backend brings them to fixed synapses without astrocytes; begin at {lowered.dt:g} ms"
            yield Finding(Severity.REJECTED, projection.name, "initial_spikes", found, limit)


class Brian2Program:
    """A lowered network in Brian2's terms.

    Parameters
    ----------
    lowered : LoweredNetwork
    executor : "numpy", "cython" or "cpp_standalone"
    findings : tuple of Finding
    """

    def __init__(self, lowered: LoweredNetwork, executor: str, findings: tuple[Finding, ...]) -> None:
        self.lowered, self.executor, self.findings = lowered, executor, findings

    @cached_property
    def blueprint(self) -> Blueprint:
        """Equations, code and values of every Brian2 object, as data."""
        return blueprint_of(self.lowered)

    @property
    def native(self) -> Any:
        """A new ``brian2.Network`` at t = 0, built for runtime mode and not run, to look at or to extend.

        Its inputs compute their spikes when a run starts: ``program.native.run(duration)`` runs the network.
        """
        from .environment import borrowed
        from .native import Native

        with borrowed("numpy"):
            return Native(blueprint_of(self.lowered)).network

    def start(self) -> Brian2Session:
        """Start a session at t = 0.

        Returns
        -------
        Brian2Session

        Raises
        ------
        SimulationError
            On C++ standalone, which knows one run from t = 0 only.
        """
        from .session import Brian2Session

        if self.executor == "cpp_standalone":
            raise SimulationError("Brian2's C++ standalone cannot run in pieces; use executor='numpy' or 'cython'")
        return Brian2Session(blueprint_of(self.lowered), self.executor, self.findings)

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Run from t = 0 and return the results.

        Parameters
        ----------
        n_steps : int
        progress : callable (steps), optional

        Returns
        -------
        Results
        """
        if self.executor != "cpp_standalone":
            return self.start().run(n_steps, progress)
        from .standalone import run_standalone

        return run_standalone(blueprint_of(self.lowered), n_steps, self.findings, progress)

    def export(self, path: Path, n_steps: int) -> tuple[Path, ...]:
        """Write a Brian2 script that makes and runs the network without hmn-snn.

        Parameters
        ----------
        path : pathlib.Path
            Ends in ``.py``; long arrays go to a file of the same name that ends in ``.npz``.
        n_steps : int

        Returns
        -------
        tuple of pathlib.Path
            The files written.
        """
        from .script import write_script

        return write_script(blueprint_of(self.lowered), path, n_steps)
