"""Exceptions: one tree, each carrying the values a program needs to react."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


class HMNError(Exception):
    """Base of every error that hmn-snn raises on purpose; it passes from one process to another."""

    def __reduce__(self) -> Any:
        """Say how to make it again: not by its arguments, which are the message only."""
        return _remade, (type(self), self.args, self.__dict__)


def _remade(kind: type[HMNError], words: tuple[Any, ...], attributes: dict[str, Any]) -> HMNError:
    error = kind.__new__(kind)
    error.args = words
    error.__dict__.update(attributes)
    return error


class DescriptionError(HMNError, ValueError):
    """One thing wrong in a network description.

    Attributes
    ----------
    owner : str
        The object, by the user's name for it, such as ``"projection 'retina -> v1'"``.
    parameter : str
        The parameter that is wrong.
    value : object
        What was found.
    allowed : str
        What is allowed and what to do.
    """

    def __init__(self, owner: str, parameter: str, value: Any, allowed: str) -> None:
        self.owner, self.parameter, self.value, self.allowed = owner, parameter, value, allowed
        super().__init__(f"{owner}: {parameter} is {_short(value)}; {allowed}")


class UnitError(DescriptionError):
    """A quantity has the wrong physical dimension."""


class ValidationError(HMNError, ValueError):
    """Everything wrong with a network, at once.

    Attributes
    ----------
    errors : tuple of DescriptionError
    """

    def __init__(self, errors: Sequence[DescriptionError]) -> None:
        self.errors = tuple(errors)
        noun = "error" if len(self.errors) == 1 else "errors"
        super().__init__(f"{len(self.errors)} {noun} in the network:\n" + "\n".join(f"  - {e}" for e in self.errors))


class RejectedError(HMNError):
    """A backend cannot run this network.

    Attributes
    ----------
    backend : str
    findings : tuple of hmn_snn.translator.Finding
        The REJECTED findings, all of them.
    """

    def __init__(self, backend: str, findings: Sequence[Any]) -> None:
        self.backend, self.findings = backend, tuple(findings)
        lines = "\n".join(f"  - {f}" for f in self.findings)
        super().__init__(f"backend {backend!r} cannot run this network:\n{lines}")


class BackendUnavailableError(HMNError):
    """A backend is known but cannot run on this machine.

    Attributes
    ----------
    backend, reason : str
        The reason contains the command that installs what is missing.
    """

    def __init__(self, backend: str, reason: str) -> None:
        self.backend, self.reason = backend, reason
        super().__init__(f"backend {backend!r} is not available here: {reason}")


class UnknownNameError(HMNError, KeyError):
    """A name that nothing has.

    Attributes
    ----------
    kind, name : str
    known : tuple of str
    """

    def __init__(self, kind: str, name: object, known: Sequence[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(f"no {kind} is called {name!r}; known: {', '.join(map(repr, self.known)) or 'none'}")

    def __str__(self) -> str:
        return str(self.args[0])


class MissingExtraError(HMNError, ImportError):
    """An optional package is needed and not installed.

    Attributes
    ----------
    package, command : str
        What is missing, and the command that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.command = package, f'pip install "hmn-snn[{extra}]"'
        super().__init__(f"this needs the package {package!r}, which is not installed; run: {self.command}")


class FileFormatError(HMNError, ValueError):
    """A file is not what it should be: foreign, truncated, or of a newer version.

    Attributes
    ----------
    path : pathlib.Path
    reason : str
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path, self.reason = Path(path), reason
        super().__init__(f"{self.path}: {reason}")


class SimulationError(HMNError, RuntimeError):
    """A run was asked for something that its state does not allow."""


class RunInterruptedError(KeyboardInterrupt):
    """A run was interrupted (Ctrl-C); what it did until then is not lost.

    Attributes
    ----------
    results : hmn_snn.results.Results
        Of the time until the interrupt.
    """

    def __init__(self, results: Any) -> None:
        self.results = results
        super().__init__(f"interrupted at {results.t_stop:g} ms; the results until then are in this error's `results`")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
