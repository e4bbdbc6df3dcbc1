"""The SpiNNaker backend's translator: what the chip's numbers and rules do to a network, and what runs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hmn_snn.description import choice_problem
from hmn_snn.errors import DescriptionError
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.translator import FEATURES, Capabilities, Finding, Severity

if TYPE_CHECKING:
    from .session import Deployment

EMULATOR, VIRTUAL, HARDWARE = "emulator", "virtual", "hardware"
SIMULATORS = ("nest", "brian2", "neuron")
EXECUTORS = ("auto", EMULATOR, VIRTUAL, HARDWARE, *SIMULATORS)
PRECISIONS = ("fixed_pt", "floating_pt")
CHOICES = {
    "learning": ("auto", "on_chip", "blocks", "frozen"),
    "delays": ("literal", "shifted"),
    "poisson": ("given", "on_chip"),
    "astrocytes": ("held", "slow_current"),
    "phase_gate": ("refuse", "coincidence"),
    "board": ("spin5", "spin3"),
}
# What SpiNNaker's neurons do not have at all; findings say why and what to do.
_MISSING = {"reset_subtract", "homeostasis"}


@dataclass(frozen=True)
class Settings:
    """How a network is to run.

    Parameters
    ----------
    executor : "auto", "emulator", "virtual", "hardware", "nest", "brian2" or "neuron"
        "auto" is the emulator. "virtual" maps the network onto a board that is not there: placements, routing keys,
        memory and rounded weights, but no spikes. "hardware" is the board that sPyNNaker's configuration names. The
        last three run the same PyNN script on a software simulator.
    precision : "fixed_pt" or "floating_pt"
        Of the emulator: the chip's numbers, or the same steps without their rounding.
    learning : "auto", "on_chip", "blocks" or "frozen"
        The chip's own rule learns; or the host learns exactly from the spikes of a block and loads the network anew
        with its weights, which cannot be written after the start; or weights stay. "auto" is on_chip where the chip has
        a rule for every projection that learns, and frozen elsewhere.
    block : float [ms]
        Length of a block.
    delays : "literal" or "shifted"
        A delay of d steps is d steps on the chip, where a spike then acts a step earlier than in the reference; or a
        step is added, so that it acts in the same step. Simulators need neither: there both are as in the reference.
    poisson : "given" or "on_chip"
        Poisson inputs are drawn by the host, the same spikes as everywhere, or by the chip's own sources.
    astrocytes : "held" or "slow_current"
        Gains stay as they are (between the loads of blocks), or a slow population adds a current in their place.
    phase_gate : "refuse" or "coincidence"
        For on_chip: dopamine passes where it coincides with the spikes of a rhythmic cell.
    neurons_per_core : int, optional
        sPyNNaker's own if not given.
    time_scale_factor : float, optional
        Real time over biological time; if not given, such that a timestep takes 1 ms at least.
    board : "spin5" or "spin3"
        Of 48 or 4 chips; what the resource report is for.
    threads : int
        Of the simulator NEST.
    time_limit : float, optional [s]
        What a script may take before it counts as hung; generously estimated if not given.

    Raises
    ------
    DescriptionError, UnknownNameError
    """

    executor: str = "auto"
    precision: str = "fixed_pt"
    learning: str = "auto"
    block: float = 1000.0
    delays: str = "literal"
    poisson: str = "given"
    astrocytes: str = "held"
    phase_gate: str = "refuse"
    neurons_per_core: int | None = None
    time_scale_factor: float | None = None
    board: str = "spin5"
    threads: int = 1
    time_limit: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no choice."""
        for name, known in CHOICES.items():
            for problem in choice_problem("spinnaker", name, getattr(self, name), known):
                raise problem
        positive = {"block": "ms", "time_scale_factor": "", "time_limit": "s"}
        for name, unit in positive.items():
            value = getattr(self, name)
            if value is not None and not (isinstance(value, (int, float)) and 0.0 < value < float("inf")):
                raise DescriptionError("spinnaker", name, value, f"give a number above 0 {unit}".rstrip())
        for name in ("neurons_per_core", "threads"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
                raise DescriptionError("spinnaker", name, value, "give an integer of at least 1")

    @property
    def runs_on(self) -> str:
        """The executor, "auto" being the emulator."""
        return EMULATOR if self.executor == "auto" else self.executor


class SpinnakerTranslator:
    """Translator to SpiNNaker, through PyNN (Rhodes et al., Front. Neurosci. 12:816, 2018, for sPyNNaker)."""

    name = "spinnaker"
    capabilities = Capabilities(
        features=frozenset(FEATURES) - _MISSING,
        executors=EXECUTORS,
        precisions=PRECISIONS,
        exact_spikes=False,
        weight_tolerance=float("inf"),
        approximate=frozenset({"astrocytes"}),
        mapping_only=(VIRTUAL,),
        closed_loop=True,
        export=".py",
        limits={
            "learning": "one rule and one dopamine signal per population on the chip, or by the host between loads",
            "weights": "16 bits per receptor; not written after the start but by loading anew",
            "delays": "at least one timestep",
            "oscillators that drive neurons": "uncoupled ones that no spikes kick",
            "checkpoints": "on the emulator",
        },
        options=(
            "learning", "block", "delays", "poisson", "astrocytes", "phase_gate", "neurons_per_core",
            "time_scale_factor", "board", "threads", "time_limit",
        ),
    )  # fmt: skip

    def unavailable(self) -> str | None:
        """Return why the emulator cannot run here, or None."""
        try:
            import numba  # noqa: F401
        except ImportError as error:
            return f"numba cannot be imported ({error}); run: pip install numba"
        return None

    def missing_executors(self) -> dict[str, str]:
        """Return which simulators are not here, and why."""
        from .scripted import missing

        reasons = {name: missing(name) for name in (VIRTUAL, *SIMULATORS)}
        return {name: reason for name, reason in reasons.items() if reason is not None}

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
        from .findings import findings

        settings = settled(lowered, Settings(**options))
        found = findings(lowered, settings)
        if settings.runs_on in SIMULATORS:  # the chip's numbers are no concern of theirs
            found = tuple(f for f in found if f.where in FEATURES or f.severity is Severity.REJECTED)
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
            If what is asked for is not here.
        """
        from .session import Deployment

        return Deployment(lowered, settled(lowered, Settings(**options)), tuple(findings))


def settled(lowered: LoweredNetwork, settings: Settings) -> Settings:
    """Return settings whose way of learning is decided, and whose delays are as their executor counts them.

    Software simulators count delays as the reference does: what "shifted" is for holds there without a shift.

    Parameters
    ----------
    lowered : LoweredNetwork
    settings : Settings

    Returns
    -------
    Settings
    """
    if settings.runs_on in SIMULATORS:
        settings = replace(settings, delays="literal")
    if settings.learning != "auto":
        return settings
    if all(projection.plasticity is None for projection in lowered.projections):
        return replace(settings, learning="frozen")
    from .findings import findings

    on_chip, frozen = (replace(settings, learning=learning) for learning in ("on_chip", "frozen"))
    refused = [
        {(f.what, f.where) for f in findings(lowered, choice) if f.severity is Severity.REJECTED}
        for choice in (on_chip, frozen)
    ]
    return frozen if refused[0] - refused[1] else on_chip


def _refusals(lowered: LoweredNetwork, settings: Settings) -> Iterator[Finding]:
    """Yield what the settings make impossible."""
    if settings.precision == "floating_pt" and settings.runs_on in (VIRTUAL, HARDWARE):
        limit = f"{settings.runs_on} has fixed-point numbers only; use executor='emulator'"
        yield Finding(Severity.REJECTED, lowered.name, "precision", settings.precision, limit)
    if settings.runs_on == VIRTUAL:
        limit = "a virtual board maps the network and runs nothing"
        yield Finding(Severity.ALTERED, lowered.name, "spikes", "none", limit)
    if settings.runs_on in SIMULATORS:
        limit = "the same script, in floating point, with the reference's arrivals"
        yield Finding(Severity.NATIVE, lowered.name, "executor", settings.runs_on, limit)
    if settings.runs_on in ("brian2", "neuron"):
        for population in lowered.populations:
            if population.noisy:
                limit = "PyNN draws one noise for all cells there; use executor='nest' or 'emulator'"
                yield Finding(Severity.REJECTED, population.name, "membrane_noise", "of each neuron", limit)
        for r in lowered.recordings:
            if r.kind == "population" and r.variable in ("i_exc", "i_inh"):
                limit = f"PyNN records none on {settings.runs_on}; record v, or use executor='nest' or 'emulator'"
                yield Finding(Severity.REJECTED, r.name, r.variable, "recorded", limit)
    if settings.learning == "blocks":
        steps = settings.block / lowered.dt
        if abs(steps - round(steps)) > 1e-6 or round(steps) < 1:
            limit = f"use a multiple of dt ({lowered.dt:g} ms)"
            yield Finding(Severity.REJECTED, lowered.name, "block", f"{settings.block:g} ms", limit)
    if settings.learning == "blocks" and settings.runs_on == VIRTUAL:
        limit = "a virtual board gives no spikes to learn from; use learning='frozen'"
        yield Finding(Severity.REJECTED, lowered.name, "learning", "blocks", limit)
