"""What becomes of an HMN rule on the chip: each change with its size, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredProjection, LoweredRule
from hmn_snn.translator import Finding, Severity

from .on_chip_rule import IMPULSE, SMALLEST_PULSE, TAG, learns, tags_of
from .program import DECAY_ONE, DELAY_MAX

LONGEST_DELAY = DELAY_MAX + 1  # through a relay
NATIVE, ALTERED, HOST, REJECTED = Severity.NATIVE, Severity.ALTERED, Severity.HOST, Severity.REJECTED


def on_chip_findings(lowered: LoweredNetwork) -> tuple[Finding, ...]:
    """Return what the chip's learning engine does to the rules of a network; runs nothing.

    Parameters
    ----------
    lowered : LoweredNetwork

    Returns
    -------
    tuple of Finding
    """
    found: list[Finding] = []
    learning = [p for p in lowered.projections if learns(p)]
    for projection in learning:
        rule = projection.plasticity
        assert rule is not None
        found += _refused(lowered, projection, rule)
        found += _pairing(lowered, projection, rule)
        found += _dropped(projection, rule)
        found += _tags(lowered.dt, projection, rule)
        found += _weights(projection, rule)
    found += _of_one_target(lowered, learning)
    return tuple(found)


def _refused(lowered: LoweredNetwork, projection: LoweredProjection, rule: LoweredRule) -> Iterator[Finding]:
    """Yield what the chip cannot do at all."""
    name, r = projection.name, rule.rule
    if not np.isfinite(r.w_max):
        yield Finding(REJECTED, name, "w_max", "infinite", "8 bits need a range; give a finite w_max")
    if r.delay_kind == "dendritic":
        limit = "the chip's traces see spikes when they arrive; use delay_kind='axonal', or learning='host'"
        yield Finding(REJECTED, name, "dendritic_delay", "dendritic", limit)
    if r.A_plus == 0.0 and r.A_minus == 0.0:
        yield Finding(REJECTED, name, "A_plus", "0, like A_minus", "nothing to learn; leave the rule out")
    if projection.astrocytes >= 0:
        limit = "gains are written into weights, which the chip itself learns here; use learning='host'"
        yield Finding(REJECTED, name, "astrocytes", "gains of plastic synapses", limit)
    delay = int(projection.delays.max())
    if projection.source < len(lowered.populations) and delay > LONGEST_DELAY:
        limit = f"a relay delays by {LONGEST_DELAY} steps at most; shorten delays, or use a larger dt"
        yield Finding(REJECTED, name, "delay", f"up to {delay} steps", limit)
    gate = rule.gate
    if gate is None:
        return
    if gate.pairing:
        limit = "the third factors are taken by modulators; use at='update', or learning='host'"
        yield Finding(REJECTED, name, "gate_pairing", "pairings are gated", limit)
    bins = np.broadcast_to(gate.bins, projection.n_synapses)
    last = np.zeros(projection.n_target, bins.dtype)
    last[projection.target_index] = bins
    if gate.update and (last[projection.target_index] != bins).any():
        limit = "a neuron sends one gate to all of its synapses: give these one phase, or use learning='host'"
        yield Finding(REJECTED, name, "gate_update", "phases of each synapse", limit)
    group = next(k for k, o in enumerate(lowered.oscillators) if o.first <= gate.oscillator < o.first + o.size)
    if any(e.oscillator == group for e in lowered.entrainments):
        limit = "phases must be known before the chip runs; leave out the entrainment, or use learning='host'"
        yield Finding(REJECTED, name, "entrainment", f"of {lowered.oscillators[group].name}", limit)


def _pairing(lowered: LoweredNetwork, projection: LoweredProjection, rule: LoweredRule) -> Iterator[Finding]:
    """Yield what becomes of traces, ties and delays."""
    name, r, dt = projection.name, rule.rule, lowered.dt
    decay = max(1, round(DECAY_ONE * -np.expm1(-dt / r.tau_minus)))
    made = -dt / np.log1p(-min(decay, DECAY_ONE - 1) / DECAY_ONE)
    error = abs(float(made) / r.tau_minus - 1.0)
    limit = f"{made:.4g} ms, in steps of 1/{DECAY_ONE} of its decay"
    yield Finding(NATIVE if error < 1e-3 else ALTERED, name, "tau_minus", f"{r.tau_minus:.4g} ms", limit, error)
    limit = f"7 bits, a spike is {IMPULSE}: rounded at random at every step, held at 127"
    yield Finding(ALTERED, name, "traces", "x and y", limit, 0.5 / IMPULSE)
    sizes = sorted({abs(r.A_plus), abs(r.A_minus)} - {0.0})
    if sizes:
        error = 0.5 / TAG / (sizes[0] / sizes[-1])
        limit = f"a tag of 9 bits, {TAG:g} for the stronger kind at no delay: rounded at random, held at 255"
        yield Finding(ALTERED, name, "eligibility", "two traces", limit, min(1.0, error))
    yield Finding(NATIVE, name, "tie_rules", r.tie, "what pairs of one step give is taken back by the rule")
    if projection.source < len(lowered.populations):
        n = projection.n_source * len(projection.delays)
        if projection.delays.max() <= LONGEST_DELAY:
            found = f"{len(projection.delays)} different"
            yield Finding(NATIVE, name, "delay", found, f"{n} relay neurons before the synapses")
    else:
        found = f"{len(projection.delays)} different"
        yield Finding(HOST, name, "delay", found, "the host hands the input over later")


def _dropped(projection: LoweredProjection, rule: LoweredRule) -> Iterator[Finding]:
    """Yield what of a rule is left out."""
    name, r = projection.name, rule.rule
    if r.attention is not None and r.attention.slope:
        limit = "left out: all synapses of a neuron learn alike, as they do on average with it"
        yield Finding(ALTERED, name, "local_attention", "shares of synapses", limit, 1.0)
    if r.apply == "probabilistic":
        limit = (
            "every update is applied; rounding at random makes the chance of a step linear in its size, not a sigmoid"
        )
        yield Finding(ALTERED, name, "probabilistic_application", "sigmoid", limit, 1.0)
    if r.lambda_a:
        yield Finding(
            ALTERED, name, "astrocyte_metaplasticity", f"lambda_a {r.lambda_a:g}", "left out", min(1.0, abs(r.lambda_a))
        )


def _tags(dt: float, projection: LoweredProjection, rule: LoweredRule) -> Iterator[Finding]:
    """Yield the time constants of eligibility, and when third factors act."""
    for tag in tags_of(rule, dt):
        made = tag.tau_made(dt)
        error = abs(made / tag.tau - 1.0)
        limit = f"{made:.4g} ms: {tag.decay}/128 every {2**tag.decimation} steps"
        severity = NATIVE if error < 1e-3 else ALTERED
        yield Finding(severity, projection.name, f"tau_{tag.name}", f"{tag.tau:.4g} ms", limit, min(1.0, error))
    found = "in pulses" if rule.gate is None else "with the gate, in pulses"
    limit = f"sent by the host as pulses of {SMALLEST_PULSE} and more, whose sum follows the integral"
    yield Finding(HOST, projection.name, "modulators", found, limit, 0.5 / SMALLEST_PULSE)


def _weights(projection: LoweredProjection, rule: LoweredRule) -> Iterator[Finding]:
    """Yield what becomes of weights and their bounds."""
    r = rule.rule
    limit = "moved at every pulse, not at ticks; rounded at random to 8 bits for each trace"
    yield Finding(ALTERED, projection.name, "learned weights", "w", limit, 1.0 / 255)
    limit = "each trace has its own share of the weight, held between 0 and up to twice its share of w_max"
    yield Finding(ALTERED, projection.name, "w_min, w_max", f"{r.w_min:g} to {r.w_max:g} nA", limit, 1.0)


def _of_one_target(lowered: LoweredNetwork, learning: list[LoweredProjection]) -> Iterator[Finding]:
    """Yield what differs among projections onto one population, whose neurons send one set of third factors."""
    first: dict[int, LoweredProjection] = {}
    for projection in learning:
        other = first.setdefault(projection.target, projection)
        a, b = other.plasticity, projection.plasticity
        assert a is not None
        assert b is not None
        alike = ("tau_minus", "pairing", "tie", "eta_l", "eta_g")
        differing = [n for n in alike if getattr(a.rule, n) != getattr(b.rule, n)]
        differing += ["modulators"] * (a.modulators != b.modulators) + ["gate"] * (_gated_by(a) != _gated_by(b))
        if differing:
            limit = (
                "neurons send one trace and one factor to all their synapses: make them equal, or use learning='host'"
            )
            found = f"{', '.join(differing)} differ from those of {other.name!r}"
            yield Finding(REJECTED, projection.name, "learning", found, limit)


def _gated_by(rule: LoweredRule) -> tuple[int, ...] | None:
    gate = rule.gate
    return None if gate is None or not gate.update else (gate.oscillator, gate.n_bins, int(gate.bins[0]))
