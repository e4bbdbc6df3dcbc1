"""The Loihi 2 backend's translator: what integers of the chip's widths do to a network, and what runs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hmn_snn.description import choice_problem
from hmn_snn.errors import DescriptionError
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.translator import FEATURES, Capabilities, Finding, Severity

if TYPE_CHECKING:
    from .program import LoihiProgram
    from .session import Deployment

EXECUTORS = ("auto", "emulator", "lava", "hardware")
PRECISIONS = ("fixed_pt", "floating_pt")
LEARNING = ("host", "on_chip", "frozen")
ROUNDINGS = ("stochastic", "nearest")


@dataclass(frozen=True)
class Settings:
    """How a network is to run.

    Parameters
    ----------
    executor : "auto", "emulator", "lava" or "hardware"
        "auto" is the chip where there is one that can take the network, and the emulator elsewhere. "lava" is Lava's
        simulator; where it is not installed, the emulator runs instead, with a warning.
    precision : "fixed_pt" or "floating_pt"
        "floating_pt" is Lava's simulator without rounding, a second opinion.
    learning : "host", "on_chip" or "frozen"
        Where learning takes place: on the host, exactly, which writes the weights at ticks; on the chip, approximately;
        or nowhere.
    rounding : "stochastic" or "nearest"
        Of the weights that the host writes.
    budget : "headline" or "conservative"
        What a network must fit into: the largest figures in print, or what was seen in use (see :mod:`budgets`).
    time_limit : float, optional [s]
        What a run on Lava may take before it counts as hung; generously estimated if not given.

    Raises
    ------
    DescriptionError, UnknownNameError
    """

    executor: str = "auto"
    precision: str = "fixed_pt"
    learning: str = "host"
    rounding: str = "stochastic"
    budget: str = "headline"
    time_limit: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no choice."""
        from .budgets import budget

        budget(self.budget)
        for name, known in (("learning", LEARNING), ("rounding", ROUNDINGS)):
            for problem in choice_problem("loihi2", name, getattr(self, name), known):
                raise problem
        limit = self.time_limit
        if limit is not None and not (isinstance(limit, (int, float)) and 0.0 < limit < float("inf")):
            raise DescriptionError("loihi2", "time_limit", limit, "give a number of seconds above 0")

    @property
    def exact(self) -> bool:
        """Whether it is the chip's integers that run."""
        return self.precision == "fixed_pt"


class Loihi2Translator:
    """Translator to Loihi 2."""

    name = "loihi2"
    capabilities = Capabilities(
        features=frozenset(FEATURES) - {"initial_spikes"},
        executors=EXECUTORS,
        precisions=PRECISIONS,
        exact_spikes=False,
        closed_loop=True,
        export=".h5",
        limits={
            "weights": "8 bits and a shared exponent; w_max is finite where a projection learns",
            "delays": "63 steps between populations, any from inputs",
            "checkpoints": "on the emulator",
        },
        options=("learning", "rounding", "budget", "time_limit"),
    )

    def unavailable(self) -> str | None:
        """Return why the emulator cannot run here, or None."""
        try:
            import numba  # noqa: F401
        except ImportError as error:
            return f"numba cannot be imported ({error}); run: pip install numba"
        return None

    def missing_executors(self) -> dict[str, str]:
        """Return why Lava cannot run here, if it cannot."""
        from . import lava

        reason = lava.unavailable()
        return {} if reason is None else {"lava": reason}

    def check(self, lowered: LoweredNetwork, **options: Any) -> tuple[Finding, ...]:
        """Return what to know before running.

        Parameters
        ----------
        lowered : LoweredNetwork
        **options
            Parameters of :class:`Settings`.

        Returns
        -------
        tuple of Finding
        """
        from .findings import STAYS, findings
        from .on_chip_findings import on_chip_findings

        settings = Settings(**options)
        learning = "frozen" if settings.learning == "on_chip" else settings.learning
        found = findings(lowered, learning, settings.budget, settings.rounding)
        if settings.learning == "on_chip":
            approximately = "by the chip's learning engine, approximately"
            found = tuple(replace(f, limit=approximately) if f.limit == STAYS else f for f in found)
            found += on_chip_findings(lowered)
        return found + tuple(_refusals(lowered, settings))

    def translate(self, lowered: LoweredNetwork, *, findings: Any = (), **options: Any) -> Deployment:
        """Return a program for a network that was checked.

        Parameters
        ----------
        lowered : LoweredNetwork
        findings : tuple of Finding
            Travel in the results.
        **options
            Parameters of :class:`Settings`.

        Returns
        -------
        Deployment

        Raises
        ------
        BackendUnavailableError
            If what is asked for is not here, and nothing can stand for it.
        """
        from .session import Deployment

        return Deployment(lowered, Settings(**options), tuple(findings))


def _refusals(lowered: LoweredNetwork, settings: Settings) -> Iterator[Finding]:
    """Yield what the settings make impossible."""
    if not settings.exact and settings.executor in ("emulator", "hardware"):
        limit = f"{settings.executor} has integers only; use executor='lava', or precision='fixed_pt'"
        yield Finding(Severity.REJECTED, lowered.name, "precision", settings.precision, limit)
    if settings.executor == "hardware":
        from .lowering import lower_program

        yield from hardware_refusals(lower_program(lowered, settings.learning))


def hardware_refusals(program: LoihiProgram) -> Iterator[Finding]:
    """Yield what open Lava cannot bring onto a chip.

    Parameters
    ----------
    program : LoihiProgram

    Yields
    ------
    Finding
    """
    from .program import LIF

    for process in program.processes:
        if process.model != LIF:
            limit = "open Lava cannot bring microcode onto a chip; use executor='emulator'"
            yield Finding(Severity.REJECTED, process.name, "lif", "a programmable neuron", limit)
    for connection in program.connections:
        if connection.plastic:
            limit = "open Lava cannot do that on a chip; use learning='frozen', or executor='emulator'"
            yield Finding(Severity.REJECTED, connection.name, "weights", "written by the host", limit)
