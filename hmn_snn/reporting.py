"""One network on every target, side by side: run or load, compare with a reference, price, and write it all down."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import registry
from .check_matrix import ALL, CheckMatrix, backend_names, checked_everywhere
from .comparison import Comparison, SpikeAgreement, compare
from .energies import Energy, energy
from .errors import BackendUnavailableError, DescriptionError, RejectedError, UnknownNameError
from .grid import duration_steps
from .lowering import lower
from .network import Network
from .population import Population
from .results import Results
from .simulate import run

PAGE, NUMBERS = "index.html", "report.json"
RAN, LOADED, MAPPED = "ran", "loaded", "mapped"
REFUSED, MISSING, FAILED = "refused", "missing", "failed"
# The device whose constants price the events of a backend's run.
DEVICES: Mapping[str, str] = {
    "numba": "cpu",
    "brian2": "cpu",
    "nengo": "cpu",
    "loihi2": "loihi2",
    "spinnaker": "spinnaker1",
    "memristor": "memristor",
}


@dataclass(frozen=True, eq=False)
class Target:
    """What became of the network on one target.

    Attributes
    ----------
    label : str
        The backend's name, or the name that loaded results were given.
    status : "ran", "loaded", "mapped", "refused", "missing" or "failed"
    reason : str
        Why there are no results: all refusals, the command that installs what is missing, or the error.
    results : Results or None
    energy : Energy or None
        On the backend's own device.
    comparison : Comparison or None
        With the reference, which is its ``a``; None for the reference itself.
    incomparable : str
        Why results were not compared.
    """

    label: str
    status: str
    reason: str = ""
    results: Results | None = None
    energy: Energy | None = None
    comparison: Comparison | None = None
    incomparable: str = ""

    @property
    def mode(self) -> str:
        """What really ran: backend, executor and precision; empty if nothing did."""
        if self.results is None:
            return ""
        stamp = self.results.provenance
        return f"{stamp.backend} ({stamp.executor}, {stamp.precision})"

    @property
    def title(self) -> str:
        """The label with what really ran."""
        named = not self.mode or self.mode.startswith(f"{self.label} (")
        return (self.mode or self.label) if named else f"{self.label}: {self.mode}"


@dataclass(frozen=True, eq=False)
class Report:
    """One network on several targets; printing it gives a table.

    Attributes
    ----------
    network : Network
    duration : float [ms]
    network_hash : str
        Of the lowered network, as runs of it are stamped.
    matrix : CheckMatrix
    targets : tuple of Target
        In the order of the backends, then the other results that were loaded.
    reference : str
        The label of the target that the others are compared with; empty if none has results.
    created : str
        ISO 8601 time, UTC.
    folder : pathlib.Path
        Where ``index.html`` and ``report.json`` are.
    """

    network: Network
    duration: float
    network_hash: str
    matrix: CheckMatrix
    targets: tuple[Target, ...]
    reference: str
    created: str
    folder: Path

    @property
    def with_results(self) -> tuple[Target, ...]:
        """The targets that have results."""
        return tuple(target for target in self.targets if target.results is not None)

    def population_agreement(self, target: Target) -> dict[str, SpikeAgreement]:
        """Return how far a target's spikes agree with the reference's, without inputs, which are the same anywhere.

        Parameters
        ----------
        target : Target

        Returns
        -------
        dict of str to SpikeAgreement
        """
        names = {population.name for population in self.network.of_kind(Population)}
        entries = {} if target.comparison is None else target.comparison.spikes
        return {name: entry for name, entry in entries.items() if name in names}

    def to_dict(self) -> dict[str, Any]:
        """Return every number of the report as plain values, for JSON.

        Returns
        -------
        dict
            As in ``report.json``.
        """
        from .report_numbers import report_numbers

        return report_numbers(self)

    def __str__(self) -> str:
        from .report_numbers import report_tables

        return report_tables(self)


def report(
    net: Network,
    duration: Any = None,
    backends: str | Sequence[str] = ALL,
    *,
    results: Mapping[str, Results | str | Path] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    reference: str | None = None,
    out: str | Path = "report",
    progress: bool | None = None,
) -> Report:
    """Run a network on several targets, or load what they gave, and write one page about all of them.

    A target that refuses the network, is not installed, or fails, appears as such, and the others go on.

    Parameters
    ----------
    net : Network
    duration : float [ms]
        Not needed where nothing is run.
    backends : "all" or sequence of str
    results : mapping of str to Results or path, optional
        Under the name of a backend, they are shown instead of a run of it; under another name, beside the others.
    options : mapping of str to mapping, optional
        Of each backend, as in :func:`hmn_snn.run`.
    reference : str, optional
        The target that the others are compared with; the first that has results if not given.
    out : str or pathlib.Path
        Folder for ``index.html``, which needs nothing but itself, and ``report.json``; made if it is not there.
    progress : bool, optional
        As in :func:`hmn_snn.run`.

    Returns
    -------
    Report

    Raises
    ------
    ValidationError
        If no backend could run the network.
    UnknownNameError
        If there is no such backend, option or reference.
    DescriptionError
        If the duration is no multiple of dt, or there is nothing to show.
    OSError, FileFormatError
        If a file is not there or holds no results, or the folder cannot be written to.
    RunInterruptedError
        On Ctrl-C; nothing is written then.

    Examples
    --------
    >>> print(hs.report(net, 1000.0, out="out"))                                          # doctest: +SKIP
    >>> hs.report(net, 1000.0, ["numba", "loihi2"], results={"loihi2": "chip.h5"})        # doctest: +SKIP
    """
    names, settings = backend_names(backends), options or {}
    given = {label: r if isinstance(r, Results) else Results.load(r) for label, r in (results or {}).items()}
    labels = tuple(dict.fromkeys((*names, *given)))
    _check_asked(labels, given, settings, reference, duration)
    if duration is not None:
        duration_steps(duration, net.dt)
    network_hash = lower(net).hash
    matrix = checked_everywhere(net, names, settings)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    targets = [
        Target(label, LOADED, results=given[label]) if label in given
        else _run(net, duration, label, settings.get(label, {}), progress)
        for label in labels
    ]  # fmt: skip
    first = next((t for t in targets if t.results is not None and reference in (None, t.label)), None)
    made = Report(
        network=net,
        duration=_length(net, duration, targets),
        network_hash=network_hash,
        matrix=matrix,
        targets=tuple(_judged(target, first) for target in targets),
        reference="" if first is None else first.label,
        created=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        folder=folder,
    )
    _write(made)
    return made


def _check_asked(
    labels: Sequence[str],
    given: Mapping[str, Results],
    options: Mapping[str, Any],
    reference: str | None,
    duration: Any,
) -> None:
    """Raise, before anything long begins, if what is asked for cannot be."""
    for name in (*options, *([] if reference is None else [reference])):
        if name not in labels:
            raise UnknownNameError("target of the report", name, labels)
    if not labels:
        raise DescriptionError("report", "backends", (), "name some backends, or give results")
    if duration is None and set(labels) - set(given):
        raise DescriptionError("report", "duration", None, "give a time in ms, or results for every backend")


def _run(net: Network, duration: Any, backend: str, options: Mapping[str, Any], progress: bool | None) -> Target:
    try:
        results = run(net, duration, backend, progress=progress, **options)
        if results.provenance.executor in registry.get(backend).capabilities.mapping_only:
            told = [f for f in results.findings if f.where in ("spikes", "placement", "binary")]
            return Target(backend, MAPPED, "\n".join(f"{f.where}: {f.found}; {f.limit}" for f in told))
        return Target(backend, RAN, results=results)
    except RejectedError as error:
        return Target(backend, REFUSED, "\n".join(map(str, error.findings)))
    except BackendUnavailableError as error:
        return Target(backend, MISSING, error.reason)
    except Exception as error:  # one target's crash must not lose what the others gave
        return Target(backend, FAILED, f"{type(error).__name__}: {error}")


def _judged(target: Target, first: Target | None) -> Target:
    """Return a target with its energy and, unless it is the reference, how far it agrees with that."""
    if target.results is None:
        return target
    priced = replace(target, energy=energy(target.results, DEVICES.get(target.results.provenance.backend, "cpu")))
    if target is first:
        return priced
    if first is None or first.results is None:
        return replace(priced, incomparable="the reference has no results")
    try:
        return replace(priced, comparison=compare(first.results, target.results))
    except DescriptionError as error:
        return replace(priced, incomparable=str(error))


def _length(net: Network, duration: Any, targets: Sequence[Target]) -> float:
    """Return the duration that was asked for, or, where everything was loaded, that of the first."""
    if duration is not None:
        return float(duration_steps(duration, net.dt) * net.dt)
    return next(target.results.duration for target in targets if target.results is not None)


def _write(made: Report) -> None:
    """Write page and numbers, each whole or not at all."""
    from .report_page import report_page

    numbers = json.dumps(made.to_dict(), indent=1, allow_nan=False, ensure_ascii=False)
    for name, text in ((NUMBERS, numbers), (PAGE, report_page(made))):
        partial = made.folder / f".{name}.{secrets.token_hex(4)}.partial"
        try:
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, made.folder / name)
        finally:
            partial.unlink(missing_ok=True)
