"""The numba backend's translator: every feature, exactly, in float64; float32 on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hmn_snn.lowered import LoweredNetwork
from hmn_snn.translator import FEATURES, Capabilities, Finding, Severity, feature_findings

if TYPE_CHECKING:
    from .._shared.program import KernelProgram


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
    ) -> KernelProgram:
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
        KernelProgram
        """
        from .._shared.program import KernelProgram
        from .._shared.session import KernelSession, Stamp

        stamp = Stamp("numba", "numba", precision, ("numba",), tuple(findings))
        return KernelProgram(lambda: KernelSession(lowered, stamp))
