"""From an HMN rule to what SpiNNaker's own plasticity can do: pair STDP, or STDP gated by dopamine.

Without modulators a pairing of size q changes a weight by ``eta_l dt sum_c kappa_c q / (1 - rho_c)`` in the end, of
which the chip makes one change at once. With them, see :mod:`dopamine`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredProjection, LoweredRule

from .dopamine import MS_PER_S, Split, gated_stdp, heard, is_phase_gated, releases, split_of, tau_c
from .program import Neuromodulation, Source, Stdp

AMOUNTS_MAX = 8  # sources of dopamine onto one population, one for each distinct amount
HISTORY = 16  # events, spikes and dopamine together, that a target neuron remembers
LAG = 1e-6  # share of a pairing's change that may come later than a step without its being an alteration


@dataclass(frozen=True, eq=False)
class Plasticity:
    """What the chip learns by.

    Attributes
    ----------
    stdp : mapping of int to Stdp
        Of each projection that learns.
    sources : tuple of Source
        Releases, as spikes.
    neuromodulation : tuple of Neuromodulation
    """

    stdp: Mapping[int, Stdp]
    sources: tuple[Source, ...] = ()
    neuromodulation: tuple[Neuromodulation, ...] = ()


def learns(projection: LoweredProjection) -> bool:
    """Return whether a projection's weights move by a rule.

    Parameters
    ----------
    projection : LoweredProjection

    Returns
    -------
    bool
    """
    lowered = projection.plasticity
    return lowered is not None and projection.n_synapses > 0 and (_local(lowered) or _global(lowered))


def gated(lowered: LoweredRule) -> bool:
    """Return whether a rule needs dopamine.

    Parameters
    ----------
    lowered : LoweredRule

    Returns
    -------
    bool
    """
    return _global(lowered)


def refusals(lowered: LoweredNetwork, projection: LoweredProjection, phase_gate: str) -> Iterator[tuple[str, str, str]]:
    """Yield what of a rule the chip cannot do: where, what was found, what to do.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection
        One that learns.
    phase_gate : "refuse" or "coincidence"

    Yields
    ------
    (str, str, str)
    """
    assert projection.plasticity is not None
    r, gate = projection.plasticity.rule, projection.plasticity.gate
    other = "use learning='blocks', or leave it out"
    if not np.isfinite(r.w_max):
        yield "w_max", "infinite", "16 bits need a range; give a finite w_max"
    if r.attention is not None:
        yield "local_attention", "factors of each synapse", f"the chip's rule has none; {other}"
    if r.lambda_a:
        yield "astrocyte_metaplasticity", f"lambda_a {r.lambda_a:g}", f"the chip's rule has no such factor; {other}"
    if gate is not None and gate.pairing:
        yield "gate_pairing", "pairings are gated", f"the chip gates dopamine only; use at='update', or {other}"
    if not gated(projection.plasticity):
        if gate is not None and gate.update:
            yield "gate_update", "of a rule without modulators", f"the chip gates dopamine only; {other}"
        if r.apply == "probabilistic":
            yield "probabilistic_application", "of a rule without modulators", f"the chip thins dopamine only; {other}"
        return
    if r.eta_l:
        yield "eta_l", f"{r.eta_l:g} beside eta_g", f"the chip's rule has one factor; {other}"
    if r.global_attention is not None:
        yield "global_attention", "shares that follow the context", f"dopamine is drawn up before the run; {other}"
    yield from _dopamine_refusals(lowered, projection.plasticity)
    if r.pairing == "nearest":
        limit = "sPyNNaker has compiled no such rule; use pairing='all', or learning='blocks'"
        yield "nearest_pairing", "gated by dopamine", limit
    if gate is not None and gate.update:
        yield from _gate_refusals(lowered, projection, phase_gate)


def _dopamine_refusals(lowered: LoweredNetwork, rule: LoweredRule) -> Iterator[tuple[str, str, str]]:
    modulators = [lowered.modulators[k] for k in heard(lowered, rule)]
    names = ", ".join(repr(modulator.name) for modulator in modulators)
    if len(modulators) > 1:
        yield "modulators", names, "the chip has one signal for each population; use one, or learning='blocks'"
        return
    modulator = modulators[0]
    if modulator.tonic.values.any():
        limit = "the chip's dopamine is 0 between releases; use releases only, or learning='blocks'"
        yield "modulators", f"tonic level of {modulator.name!r}", limit
    amounts = np.unique(modulator.release_amounts[modulator.release_amounts != 0.0])
    if len(amounts) > AMOUNTS_MAX:
        limit = f"each needs a source of its own: use {AMOUNTS_MAX} at most, or learning='blocks'"
        yield "modulators", f"{len(amounts)} distinct amounts of {modulator.name!r}", limit


def _gate_refusals(
    lowered: LoweredNetwork, projection: LoweredProjection, phase_gate: str
) -> Iterator[tuple[str, str, str]]:
    from .lowering import known_phase

    assert projection.plasticity is not None
    assert projection.plasticity.gate is not None
    gate = projection.plasticity.gate
    if phase_gate != "coincidence":
        limit = "the chip has no phases; use phase_gate='coincidence' (dopamine coincides with a rhythmic cell)"
        yield "gate_update", "gated by an oscillator", f"{limit}, or learning='blocks'"
    if len(np.unique(gate.bins)) > 1:
        limit = "one dopamine signal has one phase: give the synapses one, or use learning='blocks'"
        yield "gate_update", "phases of each synapse", limit
    if known_phase(lowered, gate.oscillator) is None:
        limit = "phases must be known before the run; leave coupling and entrainment out, or use learning='blocks'"
        yield "gate_update", "an oscillator that others move", limit


def conflicts(lowered: LoweredNetwork) -> Iterator[tuple[str, str, str]]:
    """Yield the plastic projections whose rule differs from that of another one onto the same population.

    Parameters
    ----------
    lowered : LoweredNetwork

    Yields
    ------
    (str, str, str)
        The projection, the other one, and what differs.
    """
    first: dict[int, LoweredProjection] = {}
    for projection in lowered.projections:
        if not learns(projection):
            continue
        other = first.setdefault(projection.target, projection)
        mine, theirs = _signature(lowered, projection), _signature(lowered, other)
        differing = [name for name in mine if mine[name] != theirs.get(name)]
        if differing:
            yield projection.name, other.name, ", ".join(differing)


def plasticity(lowered: LoweredNetwork, shifts: Mapping[str, Sequence[int]], phase_gate: str) -> Plasticity:
    """Return what the chip learns by; projections of whose rule something is refused do not learn.

    Parameters
    ----------
    lowered : LoweredNetwork
    shifts : mapping of str to sequence of int
        Of the ring buffers of each population.
    phase_gate : "refuse" or "coincidence"

    Returns
    -------
    Plasticity
    """
    stdp: dict[int, Stdp] = {}
    sources: dict[str, Source] = {}
    neuromodulation: list[Neuromodulation] = []
    known: dict[int, Split] = {}
    for j, projection in enumerate(lowered.projections):
        if not learns(projection) or next(refusals(lowered, projection, phase_gate), None) is not None:
            continue
        rule = projection.plasticity
        assert rule is not None
        if not gated(rule):
            stdp[j] = _pair(rule, lowered.dt)
            continue
        target = lowered.populations[projection.target].name
        if projection.target not in known:
            split = known[projection.target] = split_of(lowered, projection, max(shifts[target]))
            made = list(releases(lowered, projection, split))
            sources.update((source.name, source) for source, _ in made)
            neuromodulation += [towards for _, towards in made]
        if any(n.target == target for n in neuromodulation):
            stdp[j] = gated_stdp(rule, known[projection.target])
    return Plasticity(stdp, tuple(sources.values()), tuple(neuromodulation))


# Without modulators


def change_per_pairing(lowered: LoweredRule, dt: float) -> float:
    """Return what a pairing of size 1 changes a weight by in the end, without modulators.

    Parameters
    ----------
    lowered : LoweredRule
    dt : float [ms]

    Returns
    -------
    float
    """
    return float(lowered.rule.eta_l) * dt / MS_PER_S * _lasting(lowered, dt)


def later(lowered: LoweredRule, dt: float) -> float:
    """Return the share of a pairing's change that comes later than in the pairing's own step, without modulators.

    Parameters
    ----------
    lowered : LoweredRule
    dt : float [ms]

    Returns
    -------
    float
    """
    return 1.0 - 1.0 / _lasting(lowered, dt)


def _lasting(lowered: LoweredRule, dt: float) -> float:
    """Return the sum of the eligibility over all steps from its pairing on."""
    r = lowered.rule
    return float(sum(k / -np.expm1(-dt / tau) for k, tau in ((r.kappa_fast, r.tau_fast), (r.kappa_slow, r.tau_slow))))


def _pair(lowered: LoweredRule, dt: float) -> Stdp:
    r, size = lowered.rule, change_per_pairing(lowered, dt)
    return Stdp(
        A_plus=r.A_plus * size, A_minus=-r.A_minus * size, tau_plus=r.tau_plus, tau_minus=r.tau_minus,
        w_min=r.w_min, w_max=r.w_max, nearest=r.pairing == "nearest",
    )  # fmt: skip


# What of a rule does anything


def _local(lowered: LoweredRule) -> bool:
    return bool(lowered.rule.eta_l)


def _global(lowered: LoweredRule) -> bool:
    return bool(lowered.rule.eta_g) and bool(lowered.modulators)


def _signature(lowered: LoweredNetwork, projection: LoweredProjection) -> dict[str, Any]:
    """Return what all rules onto one population must have in common on the chip."""
    rule = projection.plasticity
    assert rule is not None
    r = rule.rule
    dopamine = gated(rule)
    same: dict[str, Any] = {
        "modulators": tuple(heard(lowered, rule)) if dopamine else (),
        "pairing": r.pairing,
        **{name: getattr(r, name) for name in ("tau_plus", "tau_minus", "w_min", "w_max")},
        "A_plus": r.A_plus if dopamine else r.A_plus * change_per_pairing(rule, lowered.dt),
        "A_minus": r.A_minus if dopamine else r.A_minus * change_per_pairing(rule, lowered.dt),
    }
    if dopamine:
        same |= {"tau_fast and tau_slow": tau_c(rule), "eta_g": r.eta_g, "apply": r.apply}
        gate = rule.gate if is_phase_gated(rule) else None
        same["gate"] = None if gate is None else (gate.oscillator, tuple(np.unique(gate.bins)))
    return same
