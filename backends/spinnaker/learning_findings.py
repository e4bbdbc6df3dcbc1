"""What becomes of learning: by the chip's own rule, by the host between loads, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredProjection
from hmn_snn.translator import FEATURES, Finding, Severity

from . import dopamine, learning
from .program import SpinnakerProgram, Stdp
from .ring_buffers import SPIKES_PER_SECOND, WEIGHT_BITS

NATIVE, ALTERED, HOST, REJECTED = Severity.NATIVE, Severity.ALTERED, Severity.HOST, Severity.REJECTED
NEGLIGIBLE = 1e-3  # a relative error below it is no alteration

OF_LEARNING = (
    "stdp", "dendritic_delay", "nearest_pairing", "tie_rules", "modulators", "global_attention", "local_attention",
    "gate_update", "gate_pairing", "probabilistic_application", "carry", "astrocyte_metaplasticity",
)  # fmt: skip


def sized(what: str, where: str, found: str, limit: str, error: float) -> Finding:
    """Return a finding whose size says whether it alters anything.

    Parameters
    ----------
    what, where, found, limit : str
    error : float

    Returns
    -------
    Finding
    """
    return Finding(NATIVE if error < NEGLIGIBLE else ALTERED, what, where, found, limit, min(1.0, error))


def feature_of_learning(
    lowered: LoweredNetwork, projection: LoweredProjection, feature: str, settings: Any
) -> Iterator[Finding]:
    """Yield what becomes of one feature of a projection's rule.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection
    feature : str
        One of :data:`OF_LEARNING`.
    settings : Settings

    Yields
    ------
    Finding
    """
    name, found = projection.name, FEATURES[feature]
    if settings.learning == "blocks":
        yield Finding(HOST, name, feature, found, "by the host from the chip's spikes, exactly; see blocks")
    elif not learning.learns(projection):
        yield Finding(NATIVE, name, feature, found, "its rates are 0: weights stay as they start")
    elif settings.learning == "frozen":
        yield Finding(ALTERED, name, feature, found, "what learns elsewhere stays as it is; use 'on_chip' or 'blocks'")
    elif feature not in {where for where, *_ in learning.refusals(lowered, projection, settings.phase_gate)}:
        yield _on_chip_feature(lowered, projection, feature, settings)


def _on_chip_feature(lowered: LoweredNetwork, projection: LoweredProjection, feature: str, settings: Any) -> Finding:
    rule, name, found = projection.plasticity, projection.name, FEATURES[feature]
    assert rule is not None
    r, gated = rule.rule, learning.gated(rule)
    if feature == "stdp" and gated:
        error = dopamine.mixed_error(rule)
        limit = f"one eligibility trace of {dopamine.tau_c(rule):.4g} ms, weights change between ticks too"
        return Finding(ALTERED, name, feature, found, limit, min(1.0, error))
    if feature == "stdp":
        share = learning.later(rule, lowered.dt)
        limit = "SpikePairRule: a pairing changes the weight at the next spike of its source"
        if share > learning.LAG or rule.tick_steps > 1:
            limit += "; in the description later, at ticks"
            return Finding(ALTERED, name, feature, found, limit, share)
        return Finding(NATIVE, name, feature, found, limit)
    if feature == "dendritic_delay" and settings.delays == "shifted":
        size = -float(np.expm1(-lowered.dt / min(r.tau_plus, r.tau_minus)))
        limit = "with the step that delays='shifted' adds"
        return Finding(ALTERED, name, feature, found, limit, size)
    if feature == "tie_rules":
        severity = NATIVE if r.tie == "ltd" else ALTERED
        return Finding(severity, name, feature, f"tie {r.tie!r}", "a tie is a depression on the chip")
    if feature == "gate_update":
        assert rule.gate is not None
        limit = "dopamine coincides with a rhythmic cell: pulses once per cycle in place of its product with the gate"
        return Finding(ALTERED, name, feature, found, limit)
    if feature == "probabilistic_application":
        kept = dopamine.kept_share(lowered, projection)
        mean = float(kept.mean()) if len(kept) else 1.0
        limit = f"releases are thinned instead: {mean:.1%} of them reach the chip, for all synapses at once"
        return Finding(ALTERED, name, feature, found, limit, 1.0 - mean)
    if feature == "carry":
        return Finding(ALTERED, name, feature, found, "what a release that is left out would have changed is lost")
    limits = {
        "dendritic_delay": "all delays are, on the chip",
        "nearest_pairing": "SpikeNearestPairRule",
        "modulators": "releases are spikes of a source, one for each distinct amount" if gated else "eta_g is 0",
        "global_attention": "of no effect: eta_g is 0",
    }
    return Finding(NATIVE, name, feature, found, limits[feature])


def of_projection(
    lowered: LoweredNetwork, program: SpinnakerProgram, number: int, settings: Any
) -> Iterator[Finding]:
    """Yield what else is to be known of a projection that learns.

    Parameters
    ----------
    lowered : LoweredNetwork
    program : SpinnakerProgram
    number : int
        Of the projection.
    settings : Settings

    Yields
    ------
    Finding
    """
    projection = lowered.projections[number]
    if not learning.learns(projection):
        return
    if settings.learning == "blocks":
        yield from _blocks(lowered, projection, settings)
    if settings.learning != "on_chip":
        return
    for where, found, limit in learning.refusals(lowered, projection, settings.phase_gate):
        yield Finding(REJECTED, projection.name, where, found, limit)
    stdp = program.synapses[number].stdp
    if stdp is not None:
        yield from _pairing(lowered, projection)
        yield from _digits(lowered, program, number, stdp)
        yield from _history(lowered, program, number)
        if stdp.gated:
            yield from _gated(lowered, program, number, stdp)
    elif next(learning.refusals(lowered, projection, settings.phase_gate), None) is None:
        yield Finding(NATIVE, projection.name, "releases", "none that reaches the chip", "weights stay as they start")


def conflicts(lowered: LoweredNetwork, settings: Any) -> Iterator[Finding]:
    """Yield the projections whose rules cannot be on one chip's population together.

    Parameters
    ----------
    lowered : LoweredNetwork
    settings : Settings

    Yields
    ------
    Finding
    """
    if settings.learning == "on_chip":
        for one, other, differing in learning.conflicts(lowered):
            limit = f"a population has one rule on the chip; make it that of {other!r}, or use learning='blocks'"
            yield Finding(REJECTED, one, "rule", f"{differing} differ from those of {other!r}", limit)


def _blocks(lowered: LoweredNetwork, projection: LoweredProjection, settings: Any) -> Iterator[Finding]:
    assert projection.plasticity is not None
    tick = projection.plasticity.tick_steps * lowered.dt
    found = f"weights change every {tick:g} ms"
    limit = (
        f"at the ends of blocks only, every {settings.block:g} ms, of which each is a load: what is in flight or "
        "refractory is lost"
    )
    yield Finding(ALTERED, projection.name, "blocks", found, limit, max(0.0, 1.0 - tick / settings.block))
    if not np.isfinite(projection.plasticity.rule.w_max):
        yield Finding(REJECTED, projection.name, "w_max", "infinite", "16 bits need a range; give a finite w_max")


def _pairing(lowered: LoweredNetwork, projection: LoweredProjection) -> Iterator[Finding]:
    assert projection.plasticity is not None
    r, name = projection.plasticity.rule, projection.name
    if r.tie == "none":
        yield Finding(ALTERED, name, "tie", "a tie belongs to neither", "a tie is a depression on the chip")
    if r.delay_kind != "dendritic":
        moved = 2.0 * float(projection.delays.max()) * lowered.dt
        size = -float(np.expm1(-moved / min(r.tau_plus, r.tau_minus)))
        limit = f"dendritic on the chip: intervals are up to {moved:g} ms longer; use delay_kind='dendritic'"
        yield Finding(ALTERED, name, "delay_kind", r.delay_kind, limit, size)


def _digits(lowered: LoweredNetwork, program: SpinnakerProgram, number: int, stdp: Stdp) -> Iterator[Finding]:
    """Yield how a pairing's change stands against the smallest step of what it changes."""
    step, strongest = _step(program, number), max(stdp.A_plus, stdp.A_minus)
    what = "eligibility" if stdp.gated else "weight"
    found = f"A_plus {stdp.A_plus:.3g}, A_minus {stdp.A_minus:.3g} nA on the chip"
    limit = f"the {what} is held in steps of {step:.2g} nA, rounded down at every spike of its source"
    yield sized(lowered.projections[number].name, "A_plus", found, limit, step / strongest if strongest else 0.0)


def _step(program: SpinnakerProgram, number: int) -> float:
    from .program import RECEPTORS

    s = program.synapses[number]
    cells = program.cells[program.index[s.target]]
    return float(2.0 ** (cells.shifts[RECEPTORS[cells.celltype].index(s.receptor)] - WEIGHT_BITS))


def _history(lowered: LoweredNetwork, program: SpinnakerProgram, number: int) -> Iterator[Finding]:
    """Yield whether a neuron's history lasts until the next spike of a source, which is when it is read."""
    projection, target = lowered.projections[number], program.synapses[number].target
    source = lowered.sources[projection.source]
    drive = getattr(source, "rate", None)
    pre = SPIKES_PER_SECOND if drive is None else float(drive.values.min())
    releases = [_release_rate(program, n.source) for n in program.neuromodulation if n.target == target]
    post, released = SPIKES_PER_SECOND, sum(releases)
    lasts = (learning.HISTORY - 1) / (post + released) * 1000.0
    found = f"spikes at {post:g} Hz and dopamine at {released:.3g} Hz, as far as foreseen"
    limit = f"a neuron remembers {learning.HISTORY} events: {lasts:.3g} ms; what is older at a source's spike is lost"
    lost = pre > 0.0 and lasts < 1000.0 / pre
    yield Finding(ALTERED if lost else NATIVE, projection.name, "history", found, limit)


def _release_rate(program: SpinnakerProgram, name: str) -> float:
    """Return how often a source sends on average, between its first and its last spike [Hz]."""
    number = program.index[name] - len(program.cells)
    steps = program.sources[number].steps if number >= 0 else np.zeros(0)
    span = float(steps[-1] - steps[0]) * program.dt / 1000.0 if len(steps) > 1 else 0.0
    return (len(steps) - 1) / span if span else 0.0


def _gated(lowered: LoweredNetwork, program: SpinnakerProgram, number: int, stdp: Stdp) -> Iterator[Finding]:
    """Yield what dopamine-gated plasticity loses on the chip."""
    projection = lowered.projections[number]
    assert projection.plasticity is not None
    r, name = projection.plasticity.rule, projection.name
    if r.A_minus:
        up, down = r.A_plus * r.tau_plus, -r.A_minus * r.tau_minus
        limit = "eligibility is held unsigned: depression takes back what potentiation left, and ends at 0"
        yield Finding(ALTERED, name, "A_minus", "depression", limit, down / (up + down))
    step, change = dopamine.smallest_step(lowered, projection)
    if change:
        found = f"{change:.2g} nA for a pairing and a release"
        yield sized(name, "weight change", found, f"in steps of {step:.2g} nA", step / change)
    for n in program.neuromodulation:
        if n.target == program.synapses[number].target:
            error = abs(round(n.weight * 2**dopamine.FIXED_BITS) / 2**dopamine.FIXED_BITS / n.weight - 1.0)
            found = f"{n.weight:.4g} for {n.source!r}"
            yield sized(n.name, "weight", found, f"dopamine has {dopamine.FIXED_BITS} fractional bits", error)
