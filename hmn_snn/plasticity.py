"""The HMN learning rule and its parts, each of which can be set to its neutral element."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .description import Description, choice_problem, quantity
from .errors import DescriptionError
from .oscillators import Oscillator, member_problem
from .population import View


@dataclass(frozen=True, eq=False)
class PhaseGate(Description):
    """Plasticity gated by an oscillation: ``max(0, cos(Phi - phi))`` with a preferred phase phi per synapse.

    Parameters
    ----------
    oscillator : Oscillator or one member of it, such as ``theta[2]``
    phase : float, (n_synapses,) array or distribution [rad]
        Preferred phase, rounded to one of ``n_bins``.
    at : "update", "pairing", "both" or "none"
        Gate the weight change, the STDP pairing, both, or nothing.
    n_bins : int
    """

    oscillator: Oscillator | View
    phase: Any = quantity(0.0, array=True)
    at: str = "update"
    n_bins: int = 32

    kind: ClassVar[str] = "phase gate"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the parameters."""
        owner = owner or self.owner
        yield from super().problems(owner)
        yield from choice_problem(owner, "gate at", self.at, ("update", "pairing", "both", "none"))
        if isinstance(self.n_bins, bool) or not isinstance(self.n_bins, int) or not 1 <= self.n_bins <= 256:
            yield DescriptionError(owner, "gate n_bins", self.n_bins, "give an integer, 1 to 256")
        yield from member_problem(owner, "gate oscillator", self.oscillator)


@dataclass(frozen=True, eq=False)
class LocalAttention(Description):
    """Plasticity shared out over a neuron's inputs by how well their activity fits its own.

    Each synapse's update is multiplied by N softmax(slope g), g the similarity of the two neurons' spike traces.

    Parameters
    ----------
    slope : float
        beta_a; 0 is neutral.
    tau : (d,) array [ms]
        Time constants of the traces that are compared.
    rate : float [Hz]
        r0, the rate at which a trace is 1.
    similarity : "dot" or "cosine"
        The scaled dot product, or the cosine (needs at least two traces).
    normalisation : "count" or "simplex"
        Whether a neuron's factors sum to its number of inputs (re-distribution) or to 1.
    """

    slope: float = quantity(1.0)
    tau: Any = quantity((20.0, 100.0, 500.0), "ms", low=0.0, low_open=True, array=True, kinds=())
    rate: float = quantity(10.0, "Hz", low=0.0, low_open=True)
    similarity: str = "dot"
    normalisation: str = "count"

    kind: ClassVar[str] = "local attention"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the parameters."""
        owner = owner or self.owner
        yield from super().problems(owner)
        yield from choice_problem(owner, "attention similarity", self.similarity, ("dot", "cosine"))
        yield from choice_problem(owner, "attention normalisation", self.normalisation, ("count", "simplex"))
        if np.ndim(self.tau) > 1 or np.size(self.tau) < 1:
            yield DescriptionError(owner, "attention tau", self.tau, "give a flat list of time constants")
        elif self.similarity == "cosine" and np.size(self.tau) < 2:
            yield DescriptionError(owner, "attention tau", self.tau, "a cosine of single numbers is always 1; give two")


@dataclass(frozen=True, eq=False)
class GlobalAttention(Description):
    """The modulators' shares in G follow the context: gamma = K softmax(slope E_k (u_k . C) / sqrt(d)).

    Parameters
    ----------
    slope : float
        beta_g; 0 is neutral.
    rate : float [Hz]
        r0; the context C is the populations' rates divided by it, low-passed with ``tau``.
    tau : float [ms]
    normalisation : "count" or "simplex"
        Whether the shares sum to the number of modulators or to 1.
    """

    slope: float = quantity(1.0)
    rate: float = quantity(10.0, "Hz", low=0.0, low_open=True)
    tau: float = quantity(1000.0, "ms", low=0.0, low_open=True)
    normalisation: str = "count"

    kind: ClassVar[str] = "global attention"

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the parameters."""
        yield from super().problems(owner)
        choices = ("count", "simplex")
        yield from choice_problem(owner or self.owner, "global attention normalisation", self.normalisation, choices)


@dataclass(frozen=True, eq=False)
class HMNRule(Description):
    """Three-factor plasticity: two-timescale STDP traces, gated by modulators, phase, attention and astrocytes.

    Every step a synapse collects ``dt (eta_l + eta_g (G + lambda_a M)) gate alpha e`` in a pending update; once per
    ``tick`` the update is applied to the weight or rejected.

    Parameters
    ----------
    A_plus, A_minus : float [nA]
        Size of potentiation (pre before post) and depression (post before pre; negative). Absolute, not relative to
        w_max. The ratio is that of Bi & Poo (2001).
    tau_plus, tau_minus : float [ms]
        STDP windows; 16.8 and 33.7 ms (Bi & Poo 2001).
    tau_fast, tau_slow : float [ms]
        The two eligibility timescales; 1 s is Izhikevich's (2007).
    kappa_slow : float
        Share of the slow trace, 0 to 1; the fast one has the rest. 0 is neutral.
    eta_l, eta_g : float [1/s]
        Local (ungated) and global (modulated) learning rates.
    modulators : sequence of Modulator
    global_attention : GlobalAttention, optional
    attention : LocalAttention, optional
    gate : PhaseGate, optional
    lambda_a : float
        Weight of the astrocyte's adenosine signal M in the global factor; 0 is neutral, -0.5 where used.
    apply : "always" or "probabilistic"
        With probability sigmoid(beta_p (abs(pending) - theta_p)).
    theta_p : float [nA]
    beta_p : float, optional [1/nA]
        4 / theta_p if not given.
    on_reject : "drop" or "carry"
        What becomes of a rejected update.
    w_min, w_max : float [nA]
        Bounds of the weights (mV at a delta synapse).
    tick : float, optional [ms]
        One period of the gating oscillator if not given, else 100 ms.
    pairing : "all" or "nearest"
    tie : "none", "ltp" or "ltd"
        What a pre arrival and a post spike at the same time count as.
    delay_kind : "axonal" or "dendritic"
        Where the delay lies: pairs form at (t_pre + d, t_post) or at (t_pre, t_post + d), as NEST and sPyNNaker do.
    """

    A_plus: float = quantity(0.01, "nA")
    A_minus: float = quantity(-0.0035, "nA")
    tau_plus: float = quantity(16.8, "ms", low=0.0, low_open=True)
    tau_minus: float = quantity(33.7, "ms", low=0.0, low_open=True)
    tau_fast: float = quantity(100.0, "ms", low=0.0, low_open=True)
    tau_slow: float = quantity(1000.0, "ms", low=0.0, low_open=True)
    kappa_slow: float = quantity(0.3, low=0.0, high=1.0)
    eta_l: float = quantity(0.0, "1/s")
    eta_g: float = quantity(1.0, "1/s")
    modulators: Any = ()
    global_attention: GlobalAttention | None = None
    attention: LocalAttention | None = None
    gate: PhaseGate | None = None
    lambda_a: float = quantity(0.0)
    apply: str = "always"
    theta_p: float = quantity(0.01, "nA", low=0.0, low_open=True)
    beta_p: float | None = quantity(None, "1/nA", low=0.0, optional=True)
    on_reject: str = "drop"
    w_min: float = quantity(0.0, "nA", low=0.0)
    w_max: float = quantity(1.0, "nA", low=0.0, finite=False)
    tick: float | None = quantity(None, "ms", low=0.0, low_open=True, optional=True)
    pairing: str = "all"
    tie: str = "none"
    delay_kind: str = "axonal"

    kind: ClassVar[str] = "rule"

    def __post_init__(self) -> None:
        super().__post_init__()
        given = tuple(self.modulators) if isinstance(self.modulators, (list, tuple)) else (self.modulators,)
        object.__setattr__(self, "modulators", given)

    @property
    def kappa_fast(self) -> float:
        """Share of the fast trace."""
        return 1.0 - self.kappa_slow

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the rule's own parameters."""
        owner = owner or self.owner
        yield from super().problems(owner)
        if self.A_minus > 0:
            yield DescriptionError(owner, "A_minus", self.A_minus, "it is the signed size of depression; use 0 or less")
        if self.w_min > self.w_max:
            yield DescriptionError(owner, "w_min", self.w_min, f"use at most w_max ({self.w_max:g})")
        yield from choice_problem(owner, "apply", self.apply, ("always", "probabilistic"))
        yield from choice_problem(owner, "on_reject", self.on_reject, ("drop", "carry"))
        yield from choice_problem(owner, "pairing", self.pairing, ("all", "nearest"))
        yield from choice_problem(owner, "tie", self.tie, ("none", "ltp", "ltd"))
        yield from choice_problem(owner, "delay_kind", self.delay_kind, ("axonal", "dendritic"))
        for part in (self.attention, self.global_attention, self.gate):
            if part is not None:
                yield from part.problems(owner)
        if len(set(map(id, self.modulators))) != len(self.modulators):
            yield DescriptionError(owner, "modulators", [m.name for m in self.modulators], "name each modulator once")
