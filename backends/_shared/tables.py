"""The flat arrays a kernel runs on: constants in tables, everything that changes in a state.

All populations lie one after the other in one array of neurons, all projections in one array of synapses. ``build``
makes both from a lowered network. The names of the fields are those of :mod:`hmn_snn.lowered`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredPopulation, LoweredProjection
from hmn_snn.randomness import mix, stream_key

from .layout import COEFFICIENTS, EXC, FIELDS, INH, LANES, WAIT, V, first_blocks, places


class Neurons(NamedTuple):
    """Constants of all neurons; floats in the precision of the run."""

    start: np.ndarray  # (P + 1,) first neuron of each population
    block: np.ndarray  # (P + 1,) its first block
    homogeneous: np.ndarray  # (P,) bool: one value serves the population
    coefficient: np.ndarray  # rho_m, rho_exc, rho_inh, k_exc, k_inh, v_thresh in blocks; see layout
    v_reset: np.ndarray
    v_thresh: np.ndarray
    noise: np.ndarray
    resistance: np.ndarray  # float64, as all that makes v_inf
    v_rest: np.ndarray
    i_offset: np.ndarray
    eta_bias: np.ndarray
    bias_gain: np.ndarray
    refractory: np.ndarray
    noise_key: np.ndarray  # (N or 1,) uint64
    subtract: np.ndarray  # (P,) bool
    delta_exc: np.ndarray
    delta_inh: np.ndarray
    noisy: np.ndarray
    homeostatic: np.ndarray


class Currents(NamedTuple):
    """Injected currents and oscillator drives."""

    population: np.ndarray  # (C,)
    ptr: np.ndarray  # (C + 1,) into neuron
    neuron: np.ndarray
    row_ptr: np.ndarray  # (C + 1,) first row of values
    row_width: np.ndarray  # (C,)
    row_start: np.ndarray  # (C,) into values
    values: np.ndarray
    drive_population: np.ndarray  # (D,)
    drive_oscillator: np.ndarray
    drive_amplitude: np.ndarray
    drive_ptr: np.ndarray  # (D + 1,) into drive_phase; one value or one per neuron
    drive_phase: np.ndarray


class Synapses(NamedTuple):
    """Constants of all projections."""

    source: np.ndarray  # (J,) group
    target: np.ndarray  # (J,) population
    n_delays: np.ndarray
    delay_ptr: np.ndarray  # (J + 1,)
    delays: np.ndarray
    row_ptr_start: np.ndarray  # (J,) into row_ptr
    row_ptr: np.ndarray  # into neuron, absolute
    neuron: np.ndarray  # uint32 (no sign to look at), place of the target's current in the state; see layout
    weight_start: np.ndarray  # (J,): into weight (fixed) or plastic weight, minus the first synapse
    uniform: np.ndarray  # (J,) bool: one weight serves the projection
    rule: np.ndarray  # (J,) index of the plastic projection or -1
    astrocytes: np.ndarray  # (J,) bool
    territory_start: np.ndarray  # (J,) into territory, minus the first synapse
    territory: np.ndarray  # int32, astrocyte among all
    weight: np.ndarray  # fixed weights in the precision of the run


class State(NamedTuple):
    """Everything that changes from step to step, but for learning."""

    neuron: np.ndarray  # what changes at every step, in blocks; see layout
    bias: np.ndarray
    i_in: np.ndarray  # i_offset + i_ext
    current_row: np.ndarray  # (C,) row of values in force
    phasic: np.ndarray  # (K,)
    tonic: np.ndarray  # (K,)
    phi: np.ndarray  # (O,)
    astro: np.ndarray  # (A, n_state)
    astro_arrivals: np.ndarray  # (A,)
    gain: np.ndarray  # (A or 1,)
    meta: np.ndarray  # (A or 1,)
    margin: np.ndarray  # (1,) smallest |u - p|
    nearest: np.ndarray  # (1,) smallest |v - theta|


class Rhythms(NamedTuple):
    """Constants of modulators, oscillators, entrainment and astrocytes."""

    rho: np.ndarray  # (K,)
    osc_start: np.ndarray  # (groups + 1,)
    omega: np.ndarray
    coupling: np.ndarray
    lag_start: np.ndarray
    lag_full: np.ndarray  # bool
    lag: np.ndarray
    kick_group: np.ndarray  # (E,)
    kick_source: np.ndarray
    kick_strength: np.ndarray
    kick_phase: np.ndarray
    kick_ptr: np.ndarray
    kick_member: np.ndarray  # bool
    astro_start: np.ndarray  # (groups + 1,)
    astro_kind: np.ndarray
    astro_clock: np.ndarray
    astro_driver: np.ndarray
    astro_coefficient_ptr: np.ndarray
    astro_coefficient: np.ndarray
    astro_share: np.ndarray  # (A,) 1 / synapses in the territory


def build_neurons(lowered: LoweredNetwork, dtype: Any) -> Neurons:
    """Flatten the populations."""
    populations = lowered.populations
    starts = np.concatenate([[0], np.cumsum([p.size for p in populations], dtype=np.int64)]).astype(np.int64)

    def flat(name: str, kind: Any) -> np.ndarray:
        parts = [np.broadcast_to(getattr(p, name), (p.size,)) for p in populations]
        return joined(parts, kind)

    def flag(values: list[bool]) -> np.ndarray:
        return np.array(values, dtype=np.bool_)

    floats = ("v_reset", "v_thresh", "noise", "refractory")
    doubles = ("resistance", "v_rest", "i_offset", "eta_bias", "bias_gain")
    keys = [_noise_keys(lowered.seed, p) for p in populations]
    return Neurons(
        start=starts,
        block=first_blocks([p.size for p in populations]),
        homogeneous=flag([_homogeneous(p) for p in populations]),
        coefficient=_coefficients(populations, dtype),
        **{name: flat(name, dtype) for name in floats},
        **{name: flat(name, np.float64) for name in doubles},
        noise_key=joined(keys, np.uint64),
        subtract=flag([p.subtract for p in populations]),
        delta_exc=flag([p.delta[0] for p in populations]),
        delta_inh=flag([p.delta[1] for p in populations]),
        noisy=flag([p.noisy for p in populations]),
        homeostatic=flag([p.homeostatic for p in populations]),
    )


def _coefficients(populations: Sequence[LoweredPopulation], dtype: Any) -> np.ndarray:
    block = first_blocks([p.size for p in populations])
    values = np.zeros(int(block[-1]) * COEFFICIENTS * LANES, dtype)
    names = ("rho_m", "rho_exc", "rho_inh", "k_exc", "k_inh", "v_thresh")
    for p, first in zip(populations, block, strict=False):
        for field, name in enumerate(names):
            values[places(first, np.arange(p.size), field, COEFFICIENTS)] = getattr(p, name)
    return values


def joined(parts: Sequence[Any], dtype: Any) -> np.ndarray:
    """Return arrays one after the other as one of a given type."""
    return np.ascontiguousarray(
        np.concatenate([np.asarray(p, dtype=dtype) for p in parts]) if parts else np.empty(0, dtype)
    )


def pointers(lengths: list[int]) -> np.ndarray:
    """Return where each of some arrays begins once they lie one after the other, and where the last ends."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(lengths, dtype=np.int64))])


def _homogeneous(p: LoweredPopulation) -> bool:
    names = ("rho_m", "rho_exc", "rho_inh", "k_exc", "k_inh", "v_thresh")
    return all(len(getattr(p, name)) == 1 for name in names)


def _noise_keys(seed: int, p: LoweredPopulation) -> np.ndarray:
    stream = np.uint64(stream_key(seed, f"{p.name}/noise"))
    return mix(stream ^ np.arange(p.size, dtype=np.uint64)) if p.size else np.empty(0, np.uint64)


def build_currents(lowered: LoweredNetwork, neurons: Neurons) -> Currents:
    """Flatten injected currents and oscillator drives."""
    currents = [(k, c) for k, p in enumerate(lowered.populations) for c in p.currents]
    drives = [(k, d) for k, p in enumerate(lowered.populations) for d in p.drives]
    values = [c.amplitude.values for _, c in currents]
    return Currents(
        population=np.array([k for k, _ in currents], dtype=np.int64),
        ptr=pointers([len(c.indices) for _, c in currents]),
        neuron=joined([c.indices + neurons.start[k] for k, c in currents], np.int64),
        row_ptr=pointers([len(v) for v in values]),
        row_width=np.array([v.shape[1] for v in values], dtype=np.int64),
        row_start=pointers([v.size for v in values])[:-1],
        values=joined([v.ravel() for v in values], np.float64),
        drive_population=np.array([k for k, _ in drives], dtype=np.int64),
        drive_oscillator=np.array([d.oscillator for _, d in drives], dtype=np.int64),
        drive_amplitude=np.array([d.amplitude for _, d in drives], dtype=np.float64),
        drive_ptr=pointers([len(d.phase) for _, d in drives]),
        drive_phase=joined([d.phase for _, d in drives], np.float64),
    )


def build_synapses(lowered: LoweredNetwork, neurons: Neurons, dtype: Any) -> Synapses:
    """Flatten the projections."""
    projections = lowered.projections
    first = pointers([p.n_synapses for p in projections])
    plastic = [p.plasticity is not None for p in projections]
    fixed_first = pointers(
        [0 if is_plastic else len(p.weight) for p, is_plastic in zip(projections, plastic, strict=True)]
    )
    plastic_first = pointers(
        [p.n_synapses if is_plastic else 0 for p, is_plastic in zip(projections, plastic, strict=True)]
    )
    rule = [sum(plastic[:k]) if is_plastic else -1 for k, is_plastic in enumerate(plastic)]
    uniform = [not is_plastic and len(p.weight) == 1 for p, is_plastic in zip(projections, plastic, strict=True)]
    weight_start = np.where(plastic, plastic_first[:-1], fixed_first[:-1])
    territories = [p.territory if p.territory is not None else np.empty(0, np.int32) for p in projections]
    astro_start = pointers([a.size for a in lowered.astrocytes])
    return Synapses(
        source=np.array([p.source for p in projections], dtype=np.int64),
        target=np.array([p.target for p in projections], dtype=np.int64),
        n_delays=np.array([len(p.delays) for p in projections], dtype=np.int64),
        delay_ptr=pointers([len(p.delays) for p in projections]),
        delays=joined([p.delays for p in projections], np.int64),
        row_ptr_start=pointers([len(p.row_ptr) for p in projections])[:-1],
        row_ptr=joined([p.row_ptr + a for p, a in zip(projections, first, strict=False)], np.int64),
        neuron=joined([_target_places(p, neurons.block) for p in projections], np.uint32),
        weight_start=np.where(uniform, weight_start, weight_start - first[:-1]).astype(np.int64),
        uniform=np.array(uniform, dtype=np.bool_),
        rule=np.array(rule, dtype=np.int64),
        astrocytes=np.array([p.astrocytes >= 0 for p in projections], dtype=np.bool_),
        territory_start=pointers([len(t) for t in territories])[:-1] - first[:-1],
        territory=joined([t + np.int32(astro_start[p.astrocytes]) if len(t) else t
                          for p, t in zip(projections, territories, strict=True)], np.int32),
        weight=joined([p.weight for p, is_plastic in zip(projections, plastic, strict=True) if not is_plastic], dtype),
    )  # fmt: skip


def _target_places(p: LoweredProjection, block: np.ndarray) -> np.ndarray:
    """Return where the currents lie that a projection's synapses feed."""
    size = int(p.target_index.max(initial=-1)) + 1
    return places(block[p.target], np.arange(size), (EXC, INH)[p.receptor]).astype(np.uint32)[p.target_index]


def build_rhythms(lowered: LoweredNetwork, cell_kinds: list[type], synapses: Synapses) -> Rhythms:
    """Flatten modulators, oscillators, entrainments and astrocytes."""
    groups, kicks, astro = lowered.oscillators, lowered.entrainments, lowered.astrocytes
    n_astro = sum(a.size for a in astro)
    in_territory = np.bincount(synapses.territory, minlength=n_astro)
    return Rhythms(
        rho=np.array([m.rho for m in lowered.modulators]),
        osc_start=pointers([o.size for o in groups]),
        omega=joined([o.omega for o in groups], np.float64),
        coupling=np.array([o.coupling for o in groups], dtype=np.float64),
        lag_start=pointers([o.lag.size for o in groups])[:-1],
        lag_full=np.array([o.lag.size > 1 for o in groups], dtype=np.bool_),
        lag=joined([o.lag.ravel() for o in groups], np.float64),
        kick_group=np.array([e.oscillator for e in kicks], dtype=np.int64),
        kick_source=np.array([e.source for e in kicks], dtype=np.int64),
        kick_strength=np.array([e.strength for e in kicks], dtype=np.float64),
        kick_phase=np.array([e.phase for e in kicks], dtype=np.float64),
        kick_ptr=pointers([len(e.member) for e in kicks]),
        kick_member=joined([e.member for e in kicks], np.bool_),
        astro_start=pointers([a.size for a in astro]),
        astro_kind=np.array([cell_kinds.index(type(a.cell)) for a in astro], dtype=np.int64),
        astro_clock=np.array([a.clock_steps for a in astro], dtype=np.int64),
        astro_driver=np.array([a.norepinephrine for a in astro], dtype=np.int64),
        astro_coefficient_ptr=pointers([len(a.coefficients) for a in astro]),
        astro_coefficient=joined([a.coefficients for a in astro], np.float64),
        astro_share=1.0 / np.maximum(1, in_territory),
    )


def build_state(lowered: LoweredNetwork, neurons: Neurons, currents: Currents, dtype: Any) -> State:
    """Return the state at t = 0."""
    cells = [(a.cell, a.coefficients) for a in lowered.astrocytes for _ in range(a.size)]
    astro = np.zeros((len(cells), max((len(c.initial_state()) for c, _ in cells), default=1)))
    output = np.tile([1.0, 0.0], (max(1, len(cells)), 1))
    for k, (cell, coefficients) in enumerate(cells):
        start = cell.initial_state()
        astro[k, : len(start)] = start
        output[k] = cell.output(astro[k], coefficients)
    return State(
        neuron=_initial_neurons(lowered, neurons, dtype),
        bias=joined([p.initial["bias"] for p in lowered.populations], np.float64),
        i_in=neurons.i_offset.copy(),
        current_row=np.zeros(len(currents.population), np.int64),
        phasic=np.zeros(len(lowered.modulators)),
        tonic=np.array([m.tonic.values[0, 0] for m in lowered.modulators], dtype=np.float64),
        phi=joined([o.phase for o in lowered.oscillators], np.float64),
        astro=astro,
        astro_arrivals=np.zeros(len(cells)),
        gain=output[:, 0].copy(),
        meta=output[:, 1].copy(),
        margin=np.full(1, np.inf),
        nearest=np.full(1, np.inf, dtype),
    )


def _initial_neurons(lowered: LoweredNetwork, neurons: Neurons, dtype: Any) -> np.ndarray:
    values = np.zeros((int(neurons.block[-1]), FIELDS, LANES), dtype)
    values[:, WAIT] = np.inf  # of the places behind the last neuron of a population
    flat = values.ravel()
    for p, block in zip(lowered.populations, neurons.block, strict=False):
        index = np.arange(p.size)
        for field, start in ((V, p.initial["v"]), (EXC, p.initial["i_exc"]), (INH, p.initial["i_inh"]), (WAIT, 0.0)):
            flat[places(block, index, field)] = start
    return flat
