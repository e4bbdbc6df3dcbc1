"""The flat arrays of learning: constants and state of all plastic projections."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredProjection
from hmn_snn.randomness import stream_key

from .tables import joined, pointers

# Evaluation is cut into blocks of this many fast time constants, and traces are rescaled after as many windows: the
# factors rho^-m that grow within one cancel again, which costs digits (at 4 time constants 5e-13, at 10 3e-10).
BLOCK = 4.0


class Rules(NamedTuple):
    """Constants of all rules; R of them, in order of their projections."""

    projection: np.ndarray  # (R,)
    numbers: np.ndarray  # (R, len(NUMBERS))
    flags: np.ndarray  # (R, len(FLAGS)) int64
    syn_start: np.ndarray  # (R + 1,) into per-synapse arrays of learning
    first_synapse: np.ndarray  # (R,) first synapse among all synapses
    x_start: np.ndarray  # (R + 1,)
    y_start: np.ndarray  # (R + 1,)
    x_index: np.ndarray  # (n,) uint32: trace x of a synapse, absolute
    y_index: np.ndarray  # (n,) uint32: trace y of a synapse, absolute
    post_ptr_start: np.ndarray  # (R,) into post_ptr
    post_ptr: np.ndarray  # into post_synapse, absolute
    post_synapse: np.ndarray  # (n,) uint32: synapses by post neuron, absolute
    post_x: np.ndarray  # (n,) uint32: their trace x
    post_bin: np.ndarray  # uint8: their phase, placed as in bin
    delay_ptr: np.ndarray  # (R + 1,) post-side delays
    delays: np.ndarray  # steps after its spike at which y of that delay moves
    bin_ptr: np.ndarray  # (R + 1,) into bin_cos: phases in use
    bin_cos: np.ndarray
    bin_sin: np.ndarray
    bin: np.ndarray  # (n or fewer,) uint8
    bin_start: np.ndarray  # (R,) into bin, minus syn_start; used where the rule has several phases
    modulator_ptr: np.ndarray  # (R + 1,)
    modulator: np.ndarray
    modulator_weight: np.ndarray
    vector_start: np.ndarray  # per entry of modulator: its attention vector, into vector
    vector: np.ndarray
    h_ptr: np.ndarray  # (R + 1,) into h_tau: local attention's traces
    h_tau: np.ndarray  # [ms]
    h_start: np.ndarray  # (R,) into h of pre neurons, then of post neurons
    apply_key: np.ndarray  # (R,) uint64
    source_index: np.ndarray  # (n or 0,) int32, where local attention needs it
    source_start: np.ndarray  # (R,) into source_index, minus syn_start
    meta_start: np.ndarray  # (R,) into territory of Synapses, minus syn_start


class Learning(NamedTuple):
    """State of all rules."""

    weight: np.ndarray  # (n,)
    trace: np.ndarray  # (n, 4): amplitudes of psi fast and slow, pending sums with the full rate and with 1
    carried: np.ndarray  # (n,) pending from earlier blocks and rejected ticks
    alpha: np.ndarray  # (n,)
    x: np.ndarray
    y: np.ndarray
    clock: np.ndarray  # (R, 5) int64: steps since origin of psi, x, y; step in tick; tick number
    gamma: np.ndarray  # per entry of modulator
    context: np.ndarray  # (R, P) low-passed population rates
    sums: np.ndarray  # (4, total bins): K of fast and slow with the full rate, then with 1
    gate: np.ndarray  # (total bins,) gate of this step
    scale: np.ndarray  # (total bins,) room: gate of this step's pairings
    cut: np.ndarray  # (total bins,) room: what an event of size 1 takes back from the pending sum
    cut_meta: np.ndarray  # (total bins,) room: and from that with rate 1
    level: np.ndarray  # (R,) G of this step
    meta: np.ndarray  # (R, A) astrocytes' M as sampled at the tick
    h: np.ndarray
    h_step: np.ndarray  # int64, step of the last update


NUMBERS = (
    "A_plus", "A_minus", "tau_plus", "tau_minus", "tau_fast", "tau_slow", "kappa_fast", "kappa_slow", "eta_l", "eta_g",
    "lambda_a", "beta_p", "theta_p", "w_min", "w_max", "attention_slope", "attention_rate", "global_slope",
    "global_rate", "global_tau",
)  # fmt: skip
FLAGS = (
    "tick_steps", "block_steps", "x_block", "y_block", "dendritic", "nearest", "tie", "gate_update", "gate_pairing",
    "oscillator", "probabilistic", "carry", "attention", "cosine", "simplex", "global_attention", "global_simplex",
    "has_meta", "n_bins", "n_post_delays",
)  # fmt: skip
N = {name: k for k, name in enumerate(NUMBERS)}
F = {name: k for k, name in enumerate(FLAGS)}


class _Plan:
    """The arrays of one plastic projection before all are joined."""

    def __init__(self, p: LoweredProjection) -> None:
        assert p.plasticity is not None
        self.projection, self.lowered = p, p.plasticity
        rule, n_delays = p.plasticity.rule, len(p.delays)
        self.dendritic = rule.delay_kind == "dendritic"
        delay_index = np.searchsorted(p.delays, p.delay_steps)
        self.delays = p.delays if self.dendritic else np.zeros(1, np.int64)
        n_post = len(self.delays)
        self.n_x = p.n_source * (1 if self.dendritic else n_delays)
        self.n_y = p.n_target * n_post
        self.x_index = p.source_index if self.dendritic else p.source_index * n_delays + delay_index
        self.y_index = p.target_index * n_post + (delay_index if self.dendritic else 0)
        self.post_synapse = np.argsort(self.y_index, kind="stable")
        self.post_ptr = np.concatenate([[0], np.cumsum(np.bincount(self.y_index, minlength=self.n_y))])
        gate = p.plasticity.gate
        bins = np.zeros(1, np.int64) if gate is None else gate.bins
        used, self.bin = np.unique(bins, return_inverse=True)
        if len(used) == 1:
            self.bin = np.empty(0, np.int64)
        self.phase = 2.0 * np.pi * used / (1 if gate is None else gate.n_bins)
        self.attention = rule.attention is not None and rule.attention.slope != 0.0
        self.h_tau = np.atleast_1d(rule.attention.tau) if self.attention else np.empty(0)
        self.source_index = p.source_index if self.attention else np.empty(0, np.int32)

    def numbers(self) -> list[float]:
        """Values in the order of NUMBERS."""
        rule, attention = self.lowered.rule, self.lowered.rule.attention
        context = rule.global_attention
        special = {
            "beta_p": self.lowered.beta_p,
            "attention_slope": attention.slope if attention else 0.0,
            "attention_rate": attention.rate if attention else 1.0,
            "global_slope": context.slope if context else 0.0,
            "global_rate": context.rate if context else 1.0,
            "global_tau": context.tau if context else 1.0,
        }
        return [special[name] if name in special else getattr(rule, name) for name in NUMBERS]

    def flags(self, dt: float) -> list[int]:
        """Values in the order of FLAGS."""
        rule, gate, attention = self.lowered.rule, self.lowered.gate, self.lowered.rule.attention
        context = rule.global_attention

        def block(tau: float) -> int:
            return max(1, int(BLOCK * tau / dt))

        values = {
            "tick_steps": self.lowered.tick_steps,
            "block_steps": block(min(rule.tau_fast, rule.tau_slow)),
            "x_block": block(rule.tau_plus),
            "y_block": block(rule.tau_minus),
            "dendritic": self.dendritic,
            "nearest": rule.pairing == "nearest",
            "tie": ("none", "ltp", "ltd").index(rule.tie),
            "gate_update": gate is not None and gate.update,
            "gate_pairing": gate is not None and gate.pairing,
            "oscillator": -1 if gate is None else gate.oscillator,
            "probabilistic": rule.apply == "probabilistic",
            "carry": rule.on_reject == "carry",
            "attention": self.attention,
            "cosine": attention is not None and attention.similarity == "cosine",
            "simplex": attention is not None and attention.normalisation == "simplex",
            "global_attention": context is not None and context.slope != 0.0,
            "global_simplex": context is not None and context.normalisation == "simplex",
            "has_meta": rule.lambda_a != 0.0 and self.projection.astrocytes >= 0,
            "n_bins": len(self.phase),
            "n_post_delays": len(self.delays),
        }
        return [int(values[name]) for name in FLAGS]


def build_rules(lowered: LoweredNetwork, territory_start: np.ndarray, meta: np.ndarray) -> tuple[Rules, Learning]:
    """Flatten the rules and return them with their state at t = 0.

    Parameters
    ----------
    lowered : LoweredNetwork
    territory_start : (J,) int array
        Of Synapses.
    meta : (A,) float array
        The astrocytes' M at t = 0.

    Returns
    -------
    Rules, Learning
    """
    places = [k for k, p in enumerate(lowered.projections) if p.plasticity is not None]
    plans = [_Plan(lowered.projections[k]) for k in places]
    rules = _join(lowered, places, plans, territory_start)
    return rules, _start(lowered, rules, plans, meta)


def _join(lowered: LoweredNetwork, places: list[int], plans: list[_Plan], territory_start: np.ndarray) -> Rules:
    syn = pointers([p.projection.n_synapses for p in plans])
    x, y = pointers([p.n_x for p in plans]), pointers([p.n_y for p in plans])
    first = pointers([p.n_synapses for p in lowered.projections])[:-1][places]
    ways = [(plan, lowered.modulators[k]) for plan in plans for k in plan.lowered.modulators]
    vectors = [m.attention if m.attention is not None else np.empty(0) for _, m in ways]
    streams = [stream_key(lowered.seed, f"{p.projection.name}/apply") for p in plans]
    h_sizes = [len(p.h_tau) * (p.projection.n_source + p.projection.n_target) for p in plans]
    return Rules(
        projection=np.array(places, dtype=np.int64),
        numbers=np.array([p.numbers() for p in plans], dtype=np.float64).reshape(len(plans), len(NUMBERS)),
        flags=np.array([p.flags(lowered.dt) for p in plans], dtype=np.int64).reshape(len(plans), len(FLAGS)),
        syn_start=syn,
        first_synapse=first,
        x_start=x,
        y_start=y,
        x_index=joined([p.x_index + a for p, a in zip(plans, x, strict=False)], np.uint32),
        y_index=joined([p.y_index + a for p, a in zip(plans, y, strict=False)], np.uint32),
        post_ptr_start=pointers([len(p.post_ptr) for p in plans])[:-1],
        post_ptr=joined([p.post_ptr + a for p, a in zip(plans, syn, strict=False)], np.int64),
        post_synapse=joined([p.post_synapse + a for p, a in zip(plans, syn, strict=False)], np.uint32),
        post_x=joined([(p.x_index + a)[p.post_synapse] for p, a in zip(plans, x, strict=False)], np.uint32),
        post_bin=joined([p.bin[p.post_synapse] if len(p.bin) else p.bin for p in plans], np.uint8),
        delay_ptr=pointers([len(p.delays) for p in plans]),
        delays=joined([p.delays for p in plans], np.int64),
        bin_ptr=pointers([len(p.phase) for p in plans]),
        bin_cos=joined([np.cos(p.phase) for p in plans], np.float64),
        bin_sin=joined([np.sin(p.phase) for p in plans], np.float64),
        bin=joined([p.bin for p in plans], np.uint8),
        bin_start=pointers([len(p.bin) for p in plans])[:-1] - syn[:-1],
        modulator_ptr=pointers([len(p.lowered.modulators) for p in plans]),
        modulator=np.array([k for plan in plans for k in plan.lowered.modulators], dtype=np.int64),
        modulator_weight=np.array([m.weight for _, m in ways], dtype=np.float64),
        vector_start=pointers([len(v) for v in vectors])[:-1],
        vector=joined(vectors, np.float64),
        h_ptr=pointers([len(p.h_tau) for p in plans]),
        h_tau=joined([p.h_tau for p in plans], np.float64),
        h_start=pointers(h_sizes),
        apply_key=np.array(streams, dtype=np.uint64),
        source_index=joined([p.source_index for p in plans], np.int32),
        source_start=pointers([len(p.source_index) for p in plans])[:-1] - syn[:-1],
        meta_start=territory_start[places] + first - syn[:-1],
    )


def _start(lowered: LoweredNetwork, rules: Rules, plans: list[_Plan], meta: np.ndarray) -> Learning:
    n, n_rules, n_bins = int(rules.syn_start[-1]), len(plans), int(rules.bin_ptr[-1])
    n_h = int(rules.h_start[-1])
    return Learning(
        weight=joined([p.projection.weights for p in plans], np.float64),
        trace=np.zeros((n, 4)),
        carried=np.zeros(n),
        alpha=joined([_first_alpha(p) for p in plans], np.float64),
        x=np.zeros(int(rules.x_start[-1])),
        y=np.zeros(int(rules.y_start[-1])),
        clock=np.zeros((n_rules, 5), np.int64),
        gamma=joined([_first_gamma(p) for p in plans], np.float64),
        context=np.zeros((n_rules, len(lowered.populations))),
        sums=np.zeros((4, n_bins)),
        gate=np.ones(n_bins),
        scale=np.ones(n_bins),
        cut=np.zeros(n_bins),
        cut_meta=np.zeros(n_bins),
        level=np.zeros(n_rules),
        meta=np.tile(meta, (n_rules, 1)),
        h=np.zeros(n_h),
        h_step=np.zeros(n_h, np.int64),
    )


def _first_alpha(plan: _Plan) -> np.ndarray:
    """Local attention at t = 0, when all traces are 0: 1, or 1/N in the simplex form."""
    attention, p = plan.lowered.rule.attention, plan.projection
    if attention is None or attention.normalisation == "count":
        return np.ones(p.n_synapses)
    fan_in = np.bincount(p.target_index, minlength=p.n_target)
    return np.asarray(1.0 / fan_in[p.target_index])


def _first_gamma(plan: _Plan) -> np.ndarray:
    """Global attention at t = 0, when the context is 0: 1, or 1/K in the simplex form."""
    context, k = plan.lowered.rule.global_attention, len(plan.lowered.modulators)
    return np.full(k, 1.0 / max(1, k) if context is not None and context.normalisation == "simplex" else 1.0)
