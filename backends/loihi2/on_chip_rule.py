"""An HMN rule as Loihi 2's learning engine can hold it: tags, the chip's rules, and pulses for what changes weights.

See :mod:`on_chip_lowering` for the approximation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredProjection, LoweredRule

from .learning_rule import LearningRule, Trace, literals
from .program import Float, Int

# What one spike leaves in a trace: five spikes at once still fit into its 7 bits. With pairing "nearest" a spike fills
# the trace, which cannot add up then.
IMPULSE, IMPULSE_NEAREST = 24, 127
TAG = 32.0  # what the stronger kind of pairing leaves in a tag at no delay: seven of them fit
SMALLEST_CHANGE = 2.0**-12  # the smallest scale of t (y2 - 64): exponent -7, shifted back by 5 for its factors' bits
DECAY_STEPS = 128  # of a tag
TAU_GOOD = 0.03  # relative error of a tag's time constant that is good enough not to look for a better one
LONGEST_WAIT = 10.0  # ms between two decays of a tag, at most: dopamine, gate and fast traces move little in it
PULSE_ROOM = 32.0  # of y2 - 64 for what a window's integral asks at most
SMALLEST_PULSE = 4


@dataclass(frozen=True)
class Tag:
    """How one eligibility trace lies on the chip.

    Attributes
    ----------
    name : "fast" or "slow"
    tau : float [ms]
        As asked for.
    kappa : float
        Its share of a pairing.
    share : float
        Of the projection's weight that its connection holds.
    decimation : int
        It decays every 2**decimation steps...
    decay : int
        ... by decay/128.
    """

    name: str
    tau: float
    kappa: float
    share: float
    decimation: int
    decay: int

    def tau_made(self, dt: float) -> float:
        """Return the time constant that the tag has [ms]."""
        return float(-dt * 2**self.decimation / np.log1p(-self.decay / DECAY_STEPS))


@dataclass(frozen=True, eq=False)
class Pulses:
    """What y2 of a population's neurons is made of.

    Attributes
    ----------
    population : int
    projection : int
        Whose rule says what M is.
    window : int [steps]
        y2 differs from 64 only in steps that end a window.
    per_integral : (1,) or (n,) float array
        Units of y2 for each unit of the integral of M.
    """

    population: int
    projection: int
    window: int
    per_integral: Float


def tags_of(rule: LoweredRule, dt: float) -> tuple[Tag, ...]:
    """Return the tags that stand for a rule's eligibility traces.

    Parameters
    ----------
    rule : LoweredRule
    dt : float [ms]

    Returns
    -------
    tuple of Tag
        Without a trace that has no share.
    """
    r = rule.rule
    both = [("fast", r.tau_fast, r.kappa_fast), ("slow", r.tau_slow, r.kappa_slow)]
    used = [(name, tau, kappa) for name, tau, kappa in both if kappa > 0.0]
    # A part moves as far as its trace lasts; none gets less than a fifth.
    moved = np.array([tau * kappa for _, tau, kappa in used])
    share = np.clip(moved / moved.sum(), 0.2, 1.0) if len(used) > 1 else np.ones(1)
    share = share / share.sum()
    return tuple(Tag(*which, float(s), *_tag_decay(which[1], dt)) for which, s in zip(used, share, strict=True))


def _tag_decay(tau: float, dt: float) -> tuple[int, int]:
    """Return how often and by how much a tag decays, for a time constant."""
    found: list[tuple[float, int, int]] = []
    for k in range(10):
        if k and 2**k * dt > LONGEST_WAIT:
            break
        left = float(-np.expm1(-(2**k) * dt / tau))
        decay = min(max(1, round(DECAY_STEPS * left)), DECAY_STEPS - 1)
        error = abs(-(2**k) * dt / np.log1p(-decay / DECAY_STEPS) / tau - 1.0)
        found.append((error, k, decay))
        if error < TAU_GOOD:
            break
    _, k, decay = min(found)
    return k, decay


def learns(projection: LoweredProjection) -> bool:
    """Return whether a projection's weights move by a rule.

    Parameters
    ----------
    projection : LoweredProjection

    Returns
    -------
    bool
    """
    rule = projection.plasticity
    return rule is not None and projection.n_synapses > 0 and bool(rule.rule.eta_l or rule.rule.eta_g)


def largest_rate(lowered: LoweredNetwork, projection: LoweredProjection) -> float:
    """Return the largest |eta_l + eta_g G| that is foreseen [1/s]: tonic levels and releases at once, 1 at least.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection

    Returns
    -------
    float
    """
    rule = rule_of(projection)
    level = 0.0
    for k in rule.modulators:
        m = lowered.modulators[k]
        tonic = float(np.abs(m.tonic.values).max(initial=0.0))
        level += abs(m.weight) * (tonic + max(1.0, float(np.abs(m.release_amounts).max(initial=0.0))))
    return abs(rule.rule.eta_l) + abs(rule.rule.eta_g) * level


def learning_rule(rule: LoweredRule, tag: Tag, change: float, dt: float) -> LearningRule:
    """Return the chip's rule for one tag.

    Parameters
    ----------
    rule : LoweredRule
    tag : Tag
    change : float
        What t (y2 - 64) is multiplied by for the weight's change.
    dt : float [ms]

    Returns
    -------
    LearningRule
    """
    r = rule.rule
    impulse = IMPULSE_NEAREST if r.pairing == "nearest" else IMPULSE
    unit = TAG / max(abs(r.A_plus), abs(r.A_minus)) / impulse
    terms = _terms(r.A_plus * unit, "y0*x1") + _terms(r.A_minus * unit, "x0*y1")
    if r.tie != "ltp":  # x1 has this step's arrivals already
        terms += _terms(-r.A_plus * unit * impulse, "x0*y0")
    terms += _terms(-tag.decay / DECAY_STEPS, f"u{tag.decimation}*t")
    weight = _terms(change * 2.0**5, f"u{tag.decimation}*t*(y2-64)")
    return LearningRule(
        dw=" ".join(weight), dt=" ".join(terms), x1=Trace(impulse, r.tau_plus / dt), third_factors=True
    )  # fmt: skip


def _terms(value: float, factors: str) -> list[str]:
    return [f"{'-' if m < 0 else '+'} {abs(m)}*2^{e}*{factors}" for m, e in literals(value)]


def rule_of(projection: LoweredProjection) -> LoweredRule:
    """Return the rule of a projection that has one."""
    assert projection.plasticity is not None
    return projection.plasticity


def pulses(owed: Float, integral: Float) -> tuple[Int, Float]:
    """Return what neurons send of an integral, and what they still owe.

    Parameters
    ----------
    owed : (n,) float array
    integral : (n_windows, n) float array
        What each window adds, in units of y2.

    Returns
    -------
    (n_windows, n) int array
        y2 - 64: 0 until enough is owed that the engine's rounding towards minus infinity matters little.
    (n,) float array
    """
    sent = np.zeros(integral.shape, np.int64)
    owed = np.array(owed)
    for k, row in enumerate(integral):
        owed = owed + row
        whole = np.trunc(owed)
        sent[k] = np.where(np.abs(whole) >= SMALLEST_PULSE, np.clip(whole, -64, 63), 0)
        owed = owed - sent[k]
    return sent, owed
