"""The answer to "can this backend run this network, and what will it do to it?"."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .errors import RejectedError
from .summary import text_table
from .translator import Finding, Severity

_ORDER = (Severity.REJECTED, Severity.HOST, Severity.ALTERED, Severity.NATIVE)


@dataclass(frozen=True)
class Check:
    """What a backend would do to a network; printing it gives a table.

    Attributes
    ----------
    network, backend : str
    findings : tuple of Finding
    """

    network: str
    backend: str
    findings: tuple[Finding, ...]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Return the findings of one severity.

        Parameters
        ----------
        severity : Severity

        Returns
        -------
        tuple of Finding
        """
        return tuple(f for f in self.findings if f.severity == severity)

    @property
    def rejected(self) -> tuple[Finding, ...]:
        """What the backend refuses."""
        return self.of(Severity.REJECTED)

    def require(self) -> None:
        """Raise what is refused, all of it.

        Raises
        ------
        RejectedError
        """
        if self.rejected:
            raise RejectedError(self.backend, self.rejected)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __str__(self) -> str:
        verdict = "cannot run" if self.rejected else "can run"
        counts = ", ".join(f"{len(self.of(s))} {s.value}" for s in _ORDER if self.of(s))
        rows = [
            (f.severity.value, f.what, f.where, f.found, f.limit, "" if f.distortion is None else f"{f.distortion:.2g}")
            for severity in _ORDER
            for f in self.of(severity)
        ]
        head = f"{self.backend} {verdict} network {self.network!r} ({counts or 'nothing to say'})"
        headers = ("severity", "object", "where", "found", "what happens", "distortion")
        return head if not rows else f"{head}\n{text_table(rows, headers)}"
