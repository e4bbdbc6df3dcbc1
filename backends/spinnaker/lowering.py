"""From a lowered network to a SpiNNaker program: cells, sources, synapses, and the widths of their ring buffers.

What the chip computes differs from exact integration in two ways that are left as they are, because a PyNN user means
them (:mod:`findings` says how large they are): a synaptic current is held over a timestep, at the value that carries
the same charge, and a delay of d steps ends one step earlier than here. Where a number can be chosen so that the
chip's step equals the exact one, it is: the capacitance of cells with delta synapses, and the deviation of noise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredDrive, LoweredInput, LoweredNetwork, LoweredPopulation, LoweredProjection

from . import learning, mechanisms
from .binaries import GATED, GATED_NEAREST
from .budgets import value
from .cores import fitting_block, plasticity_of
from .program import (
    EXCITATORY,
    IF_CURR_DELTA,
    IF_CURR_EXP,
    INHIBITORY,
    RECEPTORS,
    Cells,
    Float,
    SineCurrent,
    Source,
    SpinnakerProgram,
    StepCurrent,
    Synapses,
)
from .ring_buffers import Arrivals, arrivals, bounds, shift_of


def lower_program(lowered: LoweredNetwork, settings: Any) -> SpinnakerProgram:
    """Return the program of a network that was checked.

    Parameters
    ----------
    lowered : LoweredNetwork
    settings : Settings
        Of a run: ``learning``, ``delays``, ``poisson``, ``astrocytes``, ``phase_gate``, ``neurons_per_core``,
        ``time_scale_factor``.

    Returns
    -------
    SpinnakerProgram
    """
    sources = [_source(source, settings) for source in lowered.inputs]
    cells = [_cells(lowered, number, settings) for number in range(len(lowered.populations))]
    synapses = [_synapses(lowered, projection, settings) for projection in lowered.projections]
    reach = [reached(lowered, projection, settings) for projection in lowered.projections]
    cells, slow = mechanisms.slow_currents(lowered, settings, cells)
    every = [*synapses, *slow.synapses]
    reach += [None] * len(slow.synapses)
    rates = {source.name: (float(source.rate.values.max()), drawn.poisson)
             for source, drawn in zip(lowered.inputs, sources, strict=True) if source.rate is not None}  # fmt: skip
    cells = [with_ring_buffers(group, every, reach, rates, lowered.dt) for group in (*cells, *slow.cells)]
    if settings.learning == "on_chip":
        learned = learning.plasticity(lowered, {group.name: group.shifts for group in cells}, settings.phase_gate)
        gates, dopamine = mechanisms.phase_gates(lowered, learned)
        still = [None] * len(gates.synapses)
        cells += [with_ring_buffers(group, gates.synapses, still, {}, lowered.dt) for group in gates.cells]
        every = [dataclasses.replace(s, stdp=learned.stdp.get(k)) for k, s in enumerate(every)] + [*gates.synapses]
        sources += learned.sources
    else:
        dopamine = ()
    cells = [_on_cores(group, [s for s in every if s.target == group.name], settings) for group in cells]
    return SpinnakerProgram(
        name=lowered.name,
        dt=lowered.dt,
        time_scale_factor=time_scale_factor(lowered.dt, settings),
        seed=lowered.seed,
        cells=tuple(cells),
        sources=tuple(sources),
        synapses=tuple(every),
        neuromodulation=dopamine,
    )


def time_scale_factor(dt: float, settings: Any) -> float:
    """Return real time over biological time: as asked for, else such that a timestep takes 1 ms at least.

    Parameters
    ----------
    dt : float [ms]
    settings : Settings

    Returns
    -------
    float
    """
    return float(settings.time_scale_factor or max(1.0, 1.0 / dt))


def celltype(lowered: LoweredNetwork, number: int) -> str:
    """Return the cell that a population becomes: by those of its receptors that anything arrives at.

    Parameters
    ----------
    lowered : LoweredNetwork
    number : int
        Of the population.

    Returns
    -------
    "IF_curr_exp" or "IF_curr_delta"
    """
    population = lowered.populations[number]
    used = used_receptors(lowered, number)
    delta = [population.delta[r] for r in used] or list(population.delta)
    return IF_CURR_DELTA if all(delta) else IF_CURR_EXP


def used_receptors(lowered: LoweredNetwork, number: int) -> tuple[int, ...]:
    """Return the receptors of a population that have synapses, or a current at the start.

    Parameters
    ----------
    lowered : LoweredNetwork
    number : int
        Of the population.

    Returns
    -------
    tuple of int
        Of 0 (excitatory) and 1 (inhibitory).
    """
    arriving = {p.receptor for p in lowered.projections if p.target == number and p.n_synapses}
    initial = lowered.populations[number].initial
    return tuple(r for r, name in enumerate(("i_exc", "i_inh")) if r in arriving or initial[name].any())


def charge(population: LoweredPopulation, dt: float, receptor: int) -> Float:
    """Return the current that the chip holds over a timestep for a weight of 1: of equal charge.

    ``tau_syn (1 - exp(-dt / tau_syn)) / dt`` (sPyNNaker, ``synapse_types/exp_synapse_utils.h``).

    Parameters
    ----------
    population : LoweredPopulation
    dt : float [ms]
    receptor : int

    Returns
    -------
    (1,) or (n,) float array
    """
    tau = population.parameters[("tau_syn_E", "tau_syn_I")[receptor]]
    return np.asarray(-np.expm1(-dt / np.maximum(tau, 1e-300)) * tau / dt)


def known_phase(lowered: LoweredNetwork, oscillator: int) -> tuple[float, float] | None:
    """Return frequency [Hz] and starting phase [rad] of a single oscillator that nothing moves; None of another.

    Parameters
    ----------
    lowered : LoweredNetwork
    oscillator : int
        Index among all single oscillators of the network.

    Returns
    -------
    (float, float) or None
    """
    number = next(k for k, o in enumerate(lowered.oscillators) if o.first <= oscillator < o.first + o.size)
    group = lowered.oscillators[number]
    if (group.coupling and group.size > 1) or any(e.oscillator == number for e in lowered.entrainments):
        return None
    member = oscillator - group.first
    return float(group.omega[member]) / (2.0 * np.pi), float(group.phase[member])


def reached(lowered: LoweredNetwork, projection: LoweredProjection, settings: Any) -> float | None:
    """Return the largest weight that a projection can reach; None where it stays as it is.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection
    settings : Settings

    Returns
    -------
    float or None [nA]
    """
    learns = projection.plasticity is not None and settings.learning in ("blocks", "on_chip")
    gains = projection.astrocytes >= 0 and settings.learning == "blocks"
    if not (learns or gains) or not projection.n_synapses:
        return None
    largest = float(projection.weights.max())
    if learns and projection.plasticity is not None and np.isfinite(projection.plasticity.rule.w_max):
        largest = max(largest, projection.plasticity.rule.w_max)
    return largest * (largest_gain(lowered, projection) if gains else 1.0)


def largest_gain(lowered: LoweredNetwork, projection: LoweredProjection) -> float:
    """Return the largest gain that astrocytes give a projection's synapses: alpha / U0, at least 1.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection

    Returns
    -------
    float
    """
    cell = lowered.astrocytes[projection.astrocytes].cell
    alpha, u0 = getattr(cell, "alpha", 0.0), getattr(cell, "U0", 1.0)
    return max(1.0, float(alpha) / float(u0))


def with_ring_buffers(
    cells: Cells,
    synapses: Sequence[Synapses],
    reach: Sequence[float | None],
    rates: Mapping[str, tuple[float, bool]],
    dt: float,
) -> Cells:
    """Return cells with the shifts of their ring buffers.

    Parameters
    ----------
    cells : Cells
    synapses : sequence of Synapses
    reach : sequence of float or None [nA]
        The largest weight that each of them can reach, where they change.
    rates : mapping of str to (float, bool)
        Of Poisson inputs [Hz], and whether the chip draws them.
    dt : float [ms]

    Returns
    -------
    Cells
    """
    names = RECEPTORS[cells.celltype]
    arriving: list[Arrivals] = [
        arrivals(names.index(s.receptor), s.post, s.weight, s.delay, dt, most, *rates.get(s.source, ()))
        for s, most in zip(synapses, reach, strict=True)
        if s.target == cells.name
    ]
    most = bounds(arriving, len(names), dt)
    return dataclasses.replace(cells, shifts=tuple(shift_of(bound) for bound in most), max_weights=most)


def _source(source: LoweredInput, settings: Any) -> Source:
    """Return a source: its spikes come with each run, unless the chip draws them."""
    steps, rates = np.zeros(0, np.int64), np.zeros((0, 1))
    if source.rate is not None and settings.poisson == "on_chip":
        steps, rates = source.rate.steps, source.rate.values
    nothing = np.zeros(0, np.int64)
    return Source(source.name, source.size, nothing, nothing.astype(np.int32), steps, rates)


def _cells(lowered: LoweredNetwork, number: int, settings: Any) -> Cells:
    population, dt = lowered.populations[number], lowered.dt
    kind = celltype(lowered, number)
    per_current = _current_scale(population, dt) if kind == IF_CURR_DELTA else np.ones(1)
    noise = noise_current(population) * per_current
    return Cells(
        name=population.name,
        size=population.size,
        celltype=kind,
        parameters=_parameters(population, dt, kind, per_current),
        initial=_initial(population, dt, kind),
        noise=_collapsed(noise),
        currents=tuple(
            StepCurrent(c.name, c.indices, c.amplitude.steps, c.amplitude.values * _of(per_current, c.indices))
            for c in population.currents
        ),
        sines=tuple(_sines(lowered, drive, per_current) for drive in population.drives),
        neurons_per_core=value("core", "neurons"),
        shifts=(0,) * len(RECEPTORS[kind]),
        max_weights=(0.0,) * len(RECEPTORS[kind]),
        current_scale=_collapsed(per_current),
    )


def _parameters(population: LoweredPopulation, dt: float, kind: str, per_current: Float) -> Mapping[str, Float]:
    given = population.parameters
    parameters = {name: given[name] for name in ("tau_m", "v_rest", "v_reset", "tau_refrac")}
    parameters["cm"] = _collapsed(given["cm"] * per_current)
    parameters["v_thresh"] = population.v_thresh  # with the correction for noise
    parameters["i_offset"] = _collapsed(population.i_offset * per_current)
    if kind != IF_CURR_DELTA:
        # A receptor that nothing arrives at may have a time constant of 0, by which the chip would divide.
        for name in ("tau_syn_E", "tau_syn_I"):
            parameters[name] = np.where(given[name] > 0.0, given[name], dt)
    return parameters


def _current_scale(population: LoweredPopulation, dt: float) -> Float:
    """Return what capacitance and currents are multiplied by, so that a delta synapse moves v as exactly as it should.

    The chip takes an arrival w as the current w / dt of one step (``input_types/input_type_delta.h``): v ends that step
    higher by ``tau_m / cm (1 - rho) w / dt``, and ``rho w`` is exact. Currents grow with the capacitance, which leaves
    their effect as it is.
    """
    tau_m, cm, rho = population.parameters["tau_m"], population.parameters["cm"], population.rho_m
    return np.asarray(tau_m * (1.0 - rho) / (rho * dt) / cm)


def noise_current(population: LoweredPopulation) -> Float:
    """Return the deviation of a current, drawn anew in every step, that moves v as a population's noise does.

    A current I held over a step moves v by ``R (1 - rho) I``; the noise of a step is ``sigma sqrt(1 - rho^2)``.

    Parameters
    ----------
    population : LoweredPopulation

    Returns
    -------
    (1,) or (n,) float array [nA]
    """
    return np.asarray(population.noise / (population.resistance * (1.0 - population.rho_m)))


def _initial(population: LoweredPopulation, dt: float, kind: str) -> Mapping[str, Float]:
    initial = {"v": _collapsed(population.initial["v"])}
    if kind != IF_CURR_DELTA:
        for r, (ours, name) in enumerate((("i_exc", "isyn_exc"), ("i_inh", "isyn_inh"))):
            if population.initial[ours].any():
                initial[name] = _collapsed(population.initial[ours] * charge(population, dt, r))
    return initial


def _sines(lowered: LoweredNetwork, drive: LoweredDrive, per_current: Float) -> SineCurrent:
    """Return a drive ``a cos(Phi - phase)`` as ``a sin(omega t + Phi_0 - phase + pi/2)``."""
    group = next(o for o in lowered.oscillators if o.first <= drive.oscillator < o.first + o.size)
    member = drive.oscillator - group.first
    phase = np.degrees(float(group.phase[member]) - drive.phase + np.pi / 2.0) % 360.0
    frequency = float(group.omega[member]) / (2.0 * np.pi)
    return SineCurrent(group.name, drive.amplitude * float(per_current[0]), frequency, phase)


def _synapses(lowered: LoweredNetwork, projection: LoweredProjection, settings: Any) -> Synapses:
    delay = projection.delay_steps
    return Synapses(
        name=projection.name,
        source=lowered.sources[projection.source].name,
        target=lowered.populations[projection.target].name,
        receptor=(EXCITATORY, INHIBITORY)[projection.receptor],
        pre=projection.source_index,
        post=projection.target_index,
        weight=projection.weights,
        delay=delay + 1 if settings.delays == "shifted" else delay,
    )


def _on_cores(cells: Cells, arriving: Sequence[Synapses], settings: Any) -> Cells:
    """Return cells with the number of them that a core takes: as asked for, else as many as fit."""
    if settings.neurons_per_core:
        return dataclasses.replace(cells, neurons_per_core=int(settings.neurons_per_core))
    kind = plasticity_of(arriving)
    split = kind in (GATED, GATED_NEAREST)
    return dataclasses.replace(cells, neurons_per_core=fitting_block(cells.celltype, cells.size, arriving, kind, split))


def _of(values: Float, members: np.ndarray) -> Float:
    """Return the values of some members, or the one of all."""
    return values if len(values) == 1 else values[members]


def _collapsed(values: Float) -> Float:
    """Return (1,) where all are equal or there is none, a copy otherwise."""
    if len(values) == 0:
        return np.zeros(1)
    return values[:1].copy() if (values == values[0]).all() else values.copy()
