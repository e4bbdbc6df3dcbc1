"""Dopamine on SpiNNaker: how a rule's eligibility and a modulator's releases lie in the chip's 16-bit numbers.

The chip's eligibility C, dopamine D and weight follow

    dC/dt = -C/tau_c + STDP(A),  dD/dt = -D/tau_d + W sum delta(release),  dw/dt = C D   [t in ms]

(sPyNNaker, ``stdp/synapse_dynamics_stdp_izhikevich_neuromodulation.c``), which is the rule's own update where A W is A
eta_g times the released amount per second, C being ``A_chip/A`` times the eligibility and D the rest. C is held in the
16 bits of a weight, unsigned: depression ends at 0. D has 11 fractional bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredProjection, LoweredRule
from hmn_snn.randomness import uniform

from .program import PUNISHMENT, REWARD, Float, Neuromodulation, Source, Stdp
from .ring_buffers import WEIGHT_BITS

MS_PER_S = 1000.0
FIXED_BITS = 11  # fractional bits of traces and dopamine; STDP_FIXED_POINT_ONE in sPyNNaker
DOPAMINE_MAX = 15.0  # of a 16-bit number with 11 fractional bits
PULSE_SHARE = 1.0 / 8.0  # of a cycle: how long dopamine lasts where it passes once per cycle
PULSE = 1.0 / (np.pi * PULSE_SHARE)  # its height against that of lasting dopamine with max(0, cos), of equal area
PAIRINGS = 4.0  # eligibility has room for as many pairings at once


def is_phase_gated(lowered: LoweredRule) -> bool:
    """Return whether an oscillator gates a rule's updates.

    Parameters
    ----------
    lowered : LoweredRule

    Returns
    -------
    bool
    """
    return lowered.gate is not None and lowered.gate.update


@dataclass(frozen=True)
class Split:
    """How ``A eta_g`` times the amount of a release lies in eligibility and dopamine.

    Attributes
    ----------
    per_trace : float
        The chip's eligibility for one of the rule's.
    per_amount : float
        The chip's dopamine for a release of 1.
    limit : float [nA]
        Eligibility ends there.
    """

    per_trace: float
    per_amount: float
    limit: float


def split_of(lowered: LoweredNetwork, projection: LoweredProjection, shift: int) -> Split:
    """Return the split at which both parts round equally well, as far as both stay in range.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection
        With a rule that dopamine gates.
    shift : int
        Of the ring buffer; a step of the eligibility is 2^(shift - 15) nA.

    Returns
    -------
    Split
    """
    assert projection.plasticity is not None
    r = projection.plasticity.rule
    modulator = lowered.modulators[heard(lowered, projection.plasticity)[0]]
    rate = abs(r.eta_g * modulator.weight) / MS_PER_S  # of a weight per eligibility, amount and ms
    strongest, limit = max(abs(r.A_plus), abs(r.A_minus)), 2.0**shift
    largest = float(np.abs(modulator.release_amounts).max(initial=0.0)) or 1.0
    product = max(strongest * rate * largest, 1e-300)
    # Half a step of the eligibility relative to A equals half a step of dopamine relative to the release there.
    eligibility = np.sqrt(product * 2.0 ** (shift - WEIGHT_BITS + FIXED_BITS))
    highest = largest_level(modulator, lowered.dt) * (PULSE if is_phase_gated(projection.plasticity) else 1.0)
    eligibility = float(np.clip(eligibility, product * highest / DOPAMINE_MAX, limit / PAIRINGS))
    return Split(eligibility / strongest, rate * strongest / eligibility, limit)


def largest_level(modulator: Any, dt: float) -> float:
    """Return the largest level that scheduled releases reach, in units of the largest one; at least 1.

    Parameters
    ----------
    modulator : LoweredModulator
    dt : float [ms]

    Returns
    -------
    float
    """
    level, highest, last = 0.0, 1.0, 0
    unit = float(np.abs(modulator.release_amounts).max(initial=0.0)) or 1.0
    for step, amount in zip(modulator.release_steps, modulator.release_amounts, strict=True):
        level = level * float(np.exp(-(step - last) * dt / modulator.tau)) + float(amount) / unit
        highest, last = max(highest, abs(level)), int(step)
    return highest


def tau_c(lowered: LoweredRule) -> float:
    """Return the one time constant that stands for both traces: that of equal area.

    Parameters
    ----------
    lowered : LoweredRule

    Returns
    -------
    float [ms]
    """
    r = lowered.rule
    return float(r.kappa_fast * r.tau_fast + r.kappa_slow * r.tau_slow)


def mixed_error(lowered: LoweredRule) -> float:
    """Return the area between both traces together and the one that stands for them, as a share of theirs.

    Parameters
    ----------
    lowered : LoweredRule

    Returns
    -------
    float
    """
    r, tau = lowered.rule, tau_c(lowered)
    t = np.geomspace(1e-3 * min(r.tau_fast, r.tau_slow), 30.0 * max(r.tau_fast, r.tau_slow), 4000)
    both = r.kappa_fast * np.exp(-t / r.tau_fast) + r.kappa_slow * np.exp(-t / r.tau_slow)
    apart = np.abs(both - np.exp(-t / tau))
    return float(((apart[1:] + apart[:-1]) / 2.0 * np.diff(t)).sum() / tau)


def kept_releases(lowered: LoweredNetwork, projection: LoweredProjection) -> np.ndarray:
    """Return which scheduled releases reach the chip: all, or, with probabilistic application, as many as are applied.

    The chip has no draw for each synapse. Releases are kept with the probability that an update has which one pairing
    just before a release makes pending.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection

    Returns
    -------
    (n_releases,) bool array
    """
    assert projection.plasticity is not None
    modulator = lowered.modulators[heard(lowered, projection.plasticity)[0]]
    n = len(modulator.release_steps)
    if projection.plasticity.rule.apply != "probabilistic":
        return np.ones(n, bool)
    drawn = uniform(lowered.seed, f"{lowered.populations[projection.target].name}/thinning", 0, np.arange(n))
    return np.asarray(drawn < kept_share(lowered, projection))


def kept_share(lowered: LoweredNetwork, projection: LoweredProjection) -> Float:
    """Return the probability that each release is kept (see :func:`kept_releases`).

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection

    Returns
    -------
    (n_releases,) float array
    """
    assert projection.plasticity is not None
    rule = projection.plasticity
    modulator = lowered.modulators[heard(lowered, rule)[0]]
    pending = np.abs(_change(rule, modulator) * modulator.release_amounts)
    return np.asarray(1.0 / (1.0 + np.exp(np.minimum(700.0, -rule.beta_p * (pending - rule.rule.theta_p)))))


def smallest_step(lowered: LoweredNetwork, projection: LoweredProjection) -> tuple[float, float]:
    """Return the chip's smallest change of a weight, and the change by one pairing and a release just after it [nA].

    The product C D has 15 fractional bits before it is multiplied by the time over which both last.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection

    Returns
    -------
    (float, float)
    """
    rule = projection.plasticity
    assert rule is not None
    modulator = lowered.modulators[heard(lowered, rule)[0]]
    largest = float(np.abs(modulator.release_amounts).max(initial=0.0))
    return _both(rule, modulator) * 2.0**-15, abs(_change(rule, modulator)) * largest


def _both(rule: LoweredRule, modulator: Any) -> float:
    """Return the time over which eligibility and dopamine last together [ms]."""
    return 1.0 / (1.0 / tau_c(rule) + 1.0 / float(modulator.tau))


def _change(rule: LoweredRule, modulator: Any) -> float:
    """Return the change of a weight by one pairing at no distance and a release of 1 just after it [nA]."""
    r = rule.rule
    strongest = max(abs(r.A_plus), abs(r.A_minus))
    return float(strongest * r.eta_g * modulator.weight * _both(rule, modulator) / MS_PER_S)


def gated_stdp(lowered: LoweredRule, split: Split) -> Stdp:
    """Return the STDP whose changes go into the eligibility.

    Parameters
    ----------
    lowered : LoweredRule
    split : Split

    Returns
    -------
    Stdp
    """
    r = lowered.rule
    return Stdp(
        A_plus=r.A_plus * split.per_trace, A_minus=-r.A_minus * split.per_trace, tau_plus=r.tau_plus,
        tau_minus=r.tau_minus, w_min=0.0, w_max=split.limit, nearest=r.pairing == "nearest", gated=True,
    )  # fmt: skip


def releases(
    lowered: LoweredNetwork, projection: LoweredProjection, split: Split
) -> Iterator[tuple[Source, Neuromodulation]]:
    """Yield a source of spikes and its way to the target, for each distinct amount of releases."""
    rule = projection.plasticity
    assert rule is not None
    r, modulator = rule.rule, lowered.modulators[heard(lowered, rule)[0]]
    target = lowered.populations[projection.target].name
    kept = kept_releases(lowered, projection)
    steps, amounts = modulator.release_steps[kept], modulator.release_amounts[kept]
    thinned = f" for {target}" if r.apply == "probabilistic" else ""
    for amount in np.unique(amounts[amounts != 0.0]):
        # A release at the start of step n acts from there on; a spike of timestep k acts from the end of k + 1 on.
        chosen = np.unique(np.maximum(steps[amounts == amount] - 2, -1))
        name = f"{modulator.name} {amount:+g}{thinned}"
        source = Source(name, 1, chosen, np.zeros(len(chosen), np.int32), np.zeros(0, np.int64), np.zeros((0, 1)))
        sign = REWARD if amount * r.eta_g * modulator.weight > 0.0 else PUNISHMENT
        yield source, Neuromodulation(
            name=f"{name} to {target}", source=name, target=target, sign=sign,
            weight=abs(float(amount)) * split.per_amount, tau_c=tau_c(rule), tau_d=modulator.tau, w_min=r.w_min,
            w_max=r.w_max,
        )  # fmt: skip


def heard(lowered: LoweredNetwork, rule: LoweredRule) -> list[int]:
    """Return the modulators of a rule that have any weight; the first where none has."""
    return [k for k in rule.modulators if lowered.modulators[k].weight] or list(rule.modulators[:1])
