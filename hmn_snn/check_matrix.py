"""What every target would do to a network, side by side: objects against targets, the worst that happens to each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from . import registry
from .checking import Check
from .errors import UnknownNameError, ValidationError
from .network import Network
from .summary import text_table
from .translator import Severity

ALL = "all"
_RANK = tuple(Severity)  # from best to worst


@dataclass(frozen=True)
class Cell:
    """What a target does to one object.

    Attributes
    ----------
    severity : Severity
        The worst of its findings.
    distortion : float or None
        The largest of its findings, NATIVE ones included; None where none has one.
    """

    severity: Severity
    distortion: float | None

    def __str__(self) -> str:
        return self.severity.value if self.distortion is None else f"{self.severity.value} {self.distortion:.2g}"


@dataclass(frozen=True)
class CheckMatrix:
    """What several targets would do to a network; printing it gives a table of objects against targets.

    Attributes
    ----------
    network : str
    checks : mapping of str to Check
        By the name of the backend.
    missing : mapping of str to str
        Backends that cannot run on this machine: why, and the command that changes it. A check needs nothing installed,
        so most of these are among ``checks`` too.
    objects : tuple of str
        What any target says something about: the parts of the network in its order, then the rest.
    """

    network: str
    checks: Mapping[str, Check]
    missing: Mapping[str, str]
    objects: tuple[str, ...]

    def cell(self, what: str, backend: str) -> Cell | None:
        """Return what a target does to one object.

        Parameters
        ----------
        what : str
            One of :attr:`objects`.
        backend : str
            One of :attr:`checks`.

        Returns
        -------
        Cell or None
            None where the target says nothing of it.

        Raises
        ------
        UnknownNameError
        """
        if backend not in self.checks:
            raise UnknownNameError("backend of the check", backend, tuple(self.checks))
        if what not in self.objects:
            raise UnknownNameError("checked object", what, self.objects)
        found = [finding for finding in self.checks[backend] if finding.what == what]
        if not found:
            return None
        worst = max((finding.severity for finding in found), key=_RANK.index)
        return Cell(worst, max((f.distortion for f in found if f.distortion is not None), default=None))

    def rows(self) -> Iterator[tuple[str, list[Cell | None]]]:
        """Yield each object with one cell for each target.

        Yields
        ------
        what : str
        cells : list of Cell or None
        """
        for what in self.objects:
            yield what, [self.cell(what, backend) for backend in self.checks]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, for JSON.

        Returns
        -------
        dict
            ``network``, ``backends``, ``objects`` (by object and backend: severity and distortion), ``findings`` (by
            backend) and ``missing``.
        """
        cells = {
            what: {backend: asdict(cell) for backend, cell in zip(self.checks, row, strict=True) if cell is not None}
            for what, row in self.rows()
        }
        return {
            "network": self.network,
            "backends": list(self.checks),
            "objects": cells,
            "findings": {backend: [asdict(finding) for finding in check] for backend, check in self.checks.items()},
            "missing": dict(self.missing),
        }

    def __str__(self) -> str:
        rows = [[what, *cells] for what, cells in self.rows()]
        rows.append(["can run", *("no" if checked.rejected else "yes" for checked in self.checks.values())])
        head = f"network {self.network!r}: the worst that happens to each object, and the largest distortion"
        notes = [f"not here: {backend}: {reason}" for backend, reason in self.missing.items()]
        return "\n".join([head, text_table(rows, ["object", *self.checks]), *notes])


def backend_names(backends: str | Sequence[str]) -> tuple[str, ...]:
    """Return the backends that are meant, each once.

    Parameters
    ----------
    backends : "all", str or sequence of str

    Returns
    -------
    tuple of str

    Raises
    ------
    UnknownNameError
    """
    if backends == ALL:
        return registry.names()
    asked = tuple(dict.fromkeys([backends] if isinstance(backends, str) else backends))
    for name in asked:
        if name not in registry.names():
            raise UnknownNameError("backend", name, (*registry.names(), ALL))
    return asked


def checked_everywhere(
    net: Network, backends: str | Sequence[str] = ALL, options: Mapping[str, Mapping[str, Any]] | None = None
) -> CheckMatrix:
    """Say what several backends would do to a network, without running anything.

    Parameters
    ----------
    net : Network
    backends : "all" or sequence of str
    options : mapping of str to mapping, optional
        Of each backend, as in :func:`hmn_snn.check`.

    Returns
    -------
    CheckMatrix

    Raises
    ------
    ValidationError
        If no backend could run the network.
    UnknownNameError
        If there is no such backend or option.
    """
    from .simulate import check

    checks, missing = {}, {}
    for name in backend_names(backends):
        try:
            reason = registry.get(name).unavailable()
            checks[name] = check(net, name, **(options or {}).get(name, {}))
        except (ValidationError, UnknownNameError):
            raise
        except Exception as error:  # a backend that is broken must not hide what the others say
            reason = f"cannot be checked: {error!r}"
        if reason is not None:
            missing[name] = reason
    found = dict.fromkeys(finding.what for checked in checks.values() for finding in checked)
    order = {name: number for number, name in enumerate(net.things)}
    objects = tuple(sorted(found, key=lambda name: order.get(name, len(order))))
    return CheckMatrix(net.name, checks, missing, objects)
