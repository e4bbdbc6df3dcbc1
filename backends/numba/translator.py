"""The numba backend's translator: every feature, exactly, in float64; float32 on request."""

from __future__ import annotations

from typing import Any

from hmn_snn.lowered import LoweredNetwork
from hmn_snn.results import Results
from hmn_snn.translator import FEATURES, Capabilities, Finding, Severity, feature_findings


class NumbaTranslator:
    """Translator to the numba engine."""

    name = "numba"
    capabilities = Capabilities(
        features=frozenset(FEATURES),
        executors=("numba",),
        precisions=("float64", "float32"),
        closed_loop=True,
        limits={"delays": "any", "steps of one refractory period or delay": "below 2**31"},
    )

    def unavailable(self) -> str | None:
        """Return why the engine cannot run here, or None."""
        try:
            import numba  # noqa: F401
        except ImportError as error:
            return f"numba cannot be imported ({error}); run: pip install numba"
        return None

    def check(
        self, lowered: LoweredNetwork, *, precision: str = "float64", executor: str = "numba"
    ) -> tuple[Finding, ...]:
        """Return what to know before running.

        Parameters
        ----------
        lowered : LoweredNetwork
        precision : "float64" or "float32"
        executor : "numba"

        Returns
        -------
        tuple of Finding
        """
        findings = feature_findings(lowered, self.capabilities)
        if precision == "float32":
            findings += tuple(
                Finding(Severity.ALTERED, p.name, "precision", "v, currents and fixed weights in float32",
                        "relative rounding of 2**-24 per operation; spikes agree until a margin is below it", 2.0**-24)
                for p in lowered.populations
            )  # fmt: skip
        return findings

    def translate(
        self, lowered: LoweredNetwork, *, precision: str = "float64", executor: str = "numba", findings: Any = ()
    ) -> NumbaProgram:
        """Return a program for a network that was checked.

        Parameters
        ----------
        lowered : LoweredNetwork
        precision : "float64" or "float32"
        executor : "numba"
        findings : tuple of Finding
            Travel in the results.

        Returns
        -------
        NumbaProgram
        """
        return NumbaProgram(lowered, precision, tuple(findings))


class NumbaProgram:
    """A lowered network, ready for the stepping kernel.

    Parameters
    ----------
    lowered : LoweredNetwork
    precision : str
    findings : tuple of Finding
    """

    def __init__(self, lowered: LoweredNetwork, precision: str, findings: tuple[Finding, ...]) -> None:
        self.lowered, self.precision, self.findings = lowered, precision, findings

    @property
    def native(self) -> Any:
        """A session at t = 0, whose tables and state can be looked at."""
        return self.start()

    def start(self) -> Any:
        """Start a session at t = 0.

        Returns
        -------
        KernelSession
        """
        from .._shared.session import KernelSession, Stamp

        stamp = Stamp("numba", "numba", self.precision, ("numba",), self.findings)
        return KernelSession(self.lowered, stamp)

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
        return self.start().run(n_steps, progress)
