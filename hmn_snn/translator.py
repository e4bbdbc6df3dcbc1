"""The contract between the core and a backend: capabilities, findings, translator, program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .lowered import LoweredNetwork
    from .results import Results


class Severity(str, Enum):
    """What a backend does to a part of a network, from best to worst."""

    NATIVE = "NATIVE"
    ALTERED = "ALTERED"
    HOST = "HOST"
    REJECTED = "REJECTED"


@dataclass(frozen=True)
class Finding:
    """What a backend (or lowering) does to one part of a network.

    Attributes
    ----------
    severity : Severity
        NATIVE, ALTERED (with the size of the alteration), HOST (done by the host between ticks) or REJECTED.
    what : str
        The object, by the user's name for it.
    where : str
        The parameter or mechanism.
    found, limit : str
        What the network has, and what the backend allows or does instead.
    distortion : float or None
        Size of an alteration: a relative error or a share, 0 to 1.
    """

    severity: Severity
    what: str
    where: str
    found: str
    limit: str
    distortion: float | None = None

    def __str__(self) -> str:
        size = "" if self.distortion is None else f" (distortion {self.distortion:.3g})"
        return f"{self.severity.value}: {self.what}: {self.where}: {self.found}; {self.limit}{size}"


# Every mechanism a network can use; a backend's capabilities name those it has, the conformance suite has a case for
# each, and the support table is made from them.
FEATURES: Mapping[str, str] = {
    "lif": "LIF neurons, exact integration",
    "refractory": "refractory period",
    "delta_synapses": "delta synapses",
    "reset_subtract": "reset by subtraction",
    "heterogeneous_neurons": "one parameter value per neuron",
    "membrane_noise": "membrane noise",
    "homeostasis": "homeostatic bias",
    "currents": "injected currents",
    "delays": "heterogeneous delays",
    "poisson_input": "Poisson inputs",
    "spike_input": "given spikes",
    "initial_spikes": "given spikes at 0 ms",
    "stdp": "two-timescale STDP traces",
    "dendritic_delay": "dendritic delays in STDP",
    "nearest_pairing": "nearest-neighbour pairing",
    "tie_rules": "pairings at equal times",
    "modulators": "neuromodulators",
    "global_attention": "global attention over modulators",
    "local_attention": "local attention over inputs",
    "gate_update": "phase gate of the update",
    "gate_pairing": "phase gate of the pairing",
    "probabilistic_application": "probabilistic application",
    "carry": "rejected updates carried on",
    "oscillator_coupling": "coupled oscillators",
    "entrainment": "oscillators entrained by spikes",
    "oscillator_drive": "oscillators that drive neurons",
    "astrocytes": "astrocytes and their gain",
    "astrocyte_metaplasticity": "astrocytes' metaplastic signal",
}


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do, as data.

    Attributes
    ----------
    features : frozenset of str
        Keys of ``FEATURES``.
    executors : tuple of str
        The ways to run, the default first.
    precisions : tuple of str
        The default first.
    exact_spikes : bool
        Whether spikes equal the reference's (within the margins that results carry).
    weight_tolerance : float
        Largest difference from the reference's weights, or, where spikes are not exact, from the weights that the rules
        make of the backend's own spikes; infinite if nothing is promised.
    approximate : frozenset of str
        Features whose effect is left out or replaced, by an amount that findings give: of networks that use them
        nothing is promised but that they run.
    mapping_only : tuple of str
        Executors that place a network somewhere and run nothing: no population spikes.
    closed_loop : bool
        Whether ``Simulation`` works.
    export : str or None
        How the name of the file ends that ``Program.export`` writes, such as ``".py"``; None where it cannot.
    limits : mapping of str to str
        Other limits, with units.
    options : tuple of str
        Names of the backend's own options of a run, besides ``executor`` and ``precision``.
    """

    features: frozenset[str]
    executors: tuple[str, ...]
    precisions: tuple[str, ...] = ("float64",)
    exact_spikes: bool = True
    weight_tolerance: float = 1e-9
    approximate: frozenset[str] = frozenset()
    mapping_only: tuple[str, ...] = ()
    closed_loop: bool = False
    export: str | None = None
    limits: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()


class Session(Protocol):
    """A program that has been started: its state lives between runs."""

    step: int

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Advance by some steps and return what happened in them; ``progress(steps)`` returning True ends it early."""

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs: numbers, strings, arrays."""

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same program."""

    def release(self, modulator: int, amount: float) -> None:
        """Release a modulator at the present time."""

    def set_tonic(self, modulator: int, level: float) -> None:
        """Set a modulator's tonic level from the present time on."""

    def set_rate(self, source: int, rate: Any) -> None:
        """Set the rate of a Poisson input [Hz] from the present time on."""

    def set_current(self, name: str, amplitude: Any) -> None:
        """Set an injected current [nA] from the present time on."""

    def get_weights(self, projection: int) -> Any:
        """Return a copy of a projection's weights."""

    def set_weights(self, projection: int, weights: Any) -> None:
        """Write a projection's weights."""


class Program(Protocol):
    """A translated network, ready to run."""

    @property
    def native(self) -> Any:
        """The backend's own objects, for inspection."""

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Run from t = 0 and return the results."""

    def start(self) -> Session:
        """Start a session at t = 0 (where ``Capabilities.closed_loop``)."""

    def export(self, path: Path, n_steps: int) -> tuple[Path, ...]:
        """Write a run as a file in the target's own language; return all files (where ``Capabilities.export``)."""


class Translator(Protocol):
    """A backend: says what it can do, checks a network, translates it."""

    name: str
    capabilities: Capabilities

    def unavailable(self) -> str | None:
        """Return why the backend cannot run on this machine, with the command that changes it, or None."""

    def check(self, lowered: LoweredNetwork, **options: Any) -> tuple[Finding, ...]:
        """Return everything to know before running; runs nothing, raises nothing."""

    def translate(self, lowered: LoweredNetwork, **options: Any) -> Program:
        """Return a program for a network that was checked. Options: ``executor``, ``precision``, the backend's own."""


def features_of(lowered: LoweredNetwork) -> dict[str, tuple[str, ...]]:
    """Return the features a network uses, each with the names of the objects that use it.

    Parameters
    ----------
    lowered : LoweredNetwork

    Returns
    -------
    dict of str to tuple of str
        Keys of ``FEATURES``.
    """
    used: dict[str, list[str]] = {}

    def note(feature: str, name: str, uses: bool = True) -> None:
        if uses:
            used.setdefault(feature, []).append(name)

    for p in lowered.populations:
        note("lif", p.name)
        note("refractory", p.name, bool((p.refractory > 0).any()))
        note("delta_synapses", p.name, any(p.delta))
        note("reset_subtract", p.name, p.subtract)
        note("heterogeneous_neurons", p.name, any(len(v) != 1 for v in p.parameters.values()))
        note("membrane_noise", p.name, p.noisy)
        note("homeostasis", p.name, p.homeostatic)
        note("currents", p.name, bool(p.currents))
        note("oscillator_drive", p.name, bool(p.drives))
    for source in lowered.inputs:
        note("spike_input" if source.rate is None else "poisson_input", source.name)
        note("initial_spikes", source.name, len(source.initial) > 0)
    for projection in lowered.projections:
        note("delays", projection.name, len(projection.delays) > 1)
        note("astrocytes", projection.name, projection.astrocytes >= 0)
        if projection.plasticity is not None:
            for feature in _rule_features(projection.plasticity):
                note(feature, projection.name)
    for oscillator in lowered.oscillators:
        note("oscillator_coupling", oscillator.name, oscillator.coupling != 0)
    for entrainment in lowered.entrainments:
        note("entrainment", entrainment.name)
    return {feature: tuple(names) for feature, names in used.items()}


def _rule_features(lowered_rule: Any) -> list[str]:
    rule, gate = lowered_rule.rule, lowered_rule.gate
    uses = {
        "stdp": True,
        "dendritic_delay": rule.delay_kind == "dendritic",
        "nearest_pairing": rule.pairing == "nearest",
        "tie_rules": rule.tie != "none",
        "modulators": bool(lowered_rule.modulators),
        "global_attention": rule.global_attention is not None,
        "local_attention": rule.attention is not None,
        "gate_update": gate is not None and gate.update,
        "gate_pairing": gate is not None and gate.pairing,
        "probabilistic_application": rule.apply == "probabilistic",
        "carry": rule.apply == "probabilistic" and rule.on_reject == "carry",
        "astrocyte_metaplasticity": rule.lambda_a != 0.0,
    }
    return [feature for feature, used in uses.items() if used]


def feature_findings(lowered: LoweredNetwork, capabilities: Capabilities) -> tuple[Finding, ...]:
    """Return a NATIVE or REJECTED finding for each feature a network uses, by a backend's capabilities.

    Parameters
    ----------
    lowered : LoweredNetwork
    capabilities : Capabilities

    Returns
    -------
    tuple of Finding
    """
    findings = []
    for feature, names in features_of(lowered).items():
        has = feature in capabilities.features
        severity = Severity.NATIVE if has else Severity.REJECTED
        limit = "supported" if has else "this backend does not have it; leave it out or use another backend"
        findings += [Finding(severity, name, feature, FEATURES[feature], limit) for name in names]
    return tuple(findings)
