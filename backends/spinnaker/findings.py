"""What to know before a network runs on SpiNNaker: what the chip rounds, holds or lacks, and what the host does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredPopulation, LoweredProjection
from hmn_snn.summary import counted
from hmn_snn.translator import FEATURES, Finding, Severity, features_of

from . import fixed_point as fx
from . import learning_findings, mechanisms
from .budgets import value
from .cores import delay_slots
from .learning_findings import OF_LEARNING, feature_of_learning, sized
from .lowering import celltype, charge, known_phase, lower_program, used_receptors
from .placement import Placement, extended, place
from .program import IF_CURR_DELTA, RECEPTORS, Cells, Float, SpinnakerProgram
from .ring_buffers import read_back
from .translator import SIMULATORS

NATIVE, ALTERED, HOST, REJECTED = Severity.NATIVE, Severity.ALTERED, Severity.HOST, Severity.REJECTED

STATE_BITS, STATE_LIMIT = 15, 2.0**16  # s16.15
CLOCK_STEPS = 1 << 16  # a timestep's number as s16.15, in the formula of an alternating current
UNKNOWN_GAIN = 1.0  # of a gain that can become 0, or whose bounds its cell does not say

# What is done with each feature as such; how well, the other findings say.
_FEATURES: Mapping[str, tuple[Severity, str]] = {
    "lif": (NATIVE, ""),
    "refractory": (NATIVE, "counted down in timesteps"),
    "delta_synapses": (
        NATIVE, "IF_curr_delta, with a capacitance that makes a weight mV; samples of v are taken before arrivals",
    ),
    "reset_subtract": (REJECTED, "neurons are set to v_reset; use reset='value', or another backend"),
    "heterogeneous_neurons": (NATIVE, "parameters of each neuron"),
    "membrane_noise": (ALTERED, "a current drawn anew in every timestep, of the same effect; other draws"),
    "homeostasis": (REJECTED, "neurons have no bias that moves; use eta_bias=0, or another backend"),
    "currents": (NATIVE, "StepCurrentSource"),
    "delays": (NATIVE, "of each synapse"),
    "poisson_input": (HOST, "drawn by the host, the same spikes as everywhere"),
    "spike_input": (NATIVE, "SpikeSourceArray"),
    "initial_spikes": (NATIVE, "sent before the first timestep; a script's clock starts a step earlier"),
    "oscillator_coupling": (HOST, "phases are the host's"),
    "entrainment": (HOST, "phases are the host's, kicked by the chip's spikes"),
}  # fmt: skip


def findings(lowered: LoweredNetwork, settings: Any) -> tuple[Finding, ...]:
    """Return what the chip does to a network; runs nothing, raises nothing.

    Parameters
    ----------
    lowered : LoweredNetwork
    settings : Settings
        With a way of learning that is decided: "on_chip", "blocks" or "frozen".

    Returns
    -------
    tuple of Finding
    """
    program = lower_program(lowered, settings)
    found = list(_features(lowered, settings))
    found += _timing(lowered, program, settings)
    for number, population in enumerate(lowered.populations):
        if population.size:
            found += _population(lowered, program, number)
    for number, projection in enumerate(lowered.projections):
        if projection.n_synapses:
            found += _weights(program, number, projection)
            found += _delays(program, number, projection)
        found += learning_findings.of_projection(lowered, program, number, settings)
    found += learning_findings.conflicts(lowered, settings)
    found += _placement(place(program, settings.board))
    return tuple(found)


# Features


def _features(lowered: LoweredNetwork, settings: Any) -> Iterator[Finding]:
    """Yield one finding at least for each feature that the network uses, of each object that uses it."""
    projections = {p.name: p for p in lowered.projections}
    populations = {p.name: k for k, p in enumerate(lowered.populations)}
    for feature, names in features_of(lowered).items():
        for name in names:
            if feature in OF_LEARNING:
                yield from feature_of_learning(lowered, projections[name], feature, settings)
            elif feature == "astrocytes":
                yield from _astrocytes(lowered, projections[name], settings)
            elif feature == "oscillator_drive":
                yield from _drives(lowered, populations[name])
            elif feature == "delta_synapses":
                yield _delta(lowered, populations[name])
            else:
                severity, limit = _FEATURES[feature]
                if feature == "lif":
                    limit = celltype(lowered, populations[name])
                if feature == "poisson_input" and settings.poisson == "on_chip":
                    severity, limit = ALTERED, "drawn by the chip: other spikes, of the same rates"
                yield Finding(severity, name, feature, FEATURES[feature], limit)


def _delta(lowered: LoweredNetwork, number: int) -> Finding:
    population = lowered.populations[number]
    used = used_receptors(lowered, number)
    if len({population.delta[r] for r in used}) > 1:
        found = "at one receptor, and a time constant at the other"
        limit = "a cell has one kind of synapse; give both a tau_syn, or both 0"
        return Finding(REJECTED, population.name, "delta_synapses", found, limit)
    severity, limit = _FEATURES["delta_synapses"]
    if celltype(lowered, number) != IF_CURR_DELTA:
        limit = "at a receptor that nothing arrives at"
    return Finding(severity, population.name, "delta_synapses", FEATURES["delta_synapses"], limit)


def _drives(lowered: LoweredNetwork, number: int) -> Iterator[Finding]:
    population, found = lowered.populations[number], FEATURES["oscillator_drive"]
    for drive in population.drives:
        known = known_phase(lowered, drive.oscillator)
        if known is None:
            limit = "ACSource needs phases that are known before the run; leave coupling and entrainment out"
            yield Finding(REJECTED, population.name, "oscillator_drive", found, limit)
            continue
        if celltype(lowered, number) == IF_CURR_DELTA and len(population.rho_m) > 1:
            limit = "an ACSource has one amplitude; give the neurons with delta synapses one tau_m"
            yield Finding(REJECTED, population.name, "oscillator_drive", found, limit)
            continue
        per_step = 2.0 * np.pi * known[0] * lowered.dt / 1000.0
        made = round(per_step * 2**STATE_BITS) / 2**STATE_BITS
        error = abs(made / per_step - 1.0) if per_step else 0.0
        limit = (
            f"ACSource, at {made / per_step * known[0] if per_step else 0.0:.6g} Hz ({STATE_BITS} fractional bits per "
            f"timestep); its clock wraps after {CLOCK_STEPS * lowered.dt / 1000.0:.4g} s"
        )
        # An error of the frequency adds up: a cycle is lost after 1/error of them.
        yield Finding(
            NATIVE if error < 1e-6 else ALTERED, population.name, "oscillator_drive", f"{known[0]:.4g} Hz", limit, error
        )


def _astrocytes(lowered: LoweredNetwork, projection: LoweredProjection, settings: Any) -> Iterator[Finding]:
    name, group = projection.name, lowered.astrocytes[projection.astrocytes]
    bound = _gain_bound(group.cell)
    if settings.astrocytes == "slow_current":
        refused = list(mechanisms.astrocyte_refusals(lowered, projection))
        for found, limit in refused:
            yield Finding(REJECTED, name, "astrocytes", found, limit)
        if not refused:
            limit = (
                f"slow cells in their place, whose spikes add a current: what the gain would add at "
                f"{mechanisms.EXPECTED_RATE:g} Hz, at whatever rate the source really spikes"
            )
            yield Finding(ALTERED, name, "astrocytes", FEATURES["astrocytes"], limit, min(1.0, bound))
    elif settings.learning == "blocks":
        limit = f"gains are loaded at the ends of blocks, every {settings.block:g} ms, and held between"
        yield Finding(ALTERED, name, "astrocytes", f"gains every {group.clock_steps * lowered.dt:g} ms", limit,
                      min(1.0, bound))  # fmt: skip
    else:
        limit = f"gains stay 1; they are off by up to {bound:.3g}; use learning='blocks' or astrocytes='slow_current'"
        yield Finding(ALTERED, name, "astrocytes", FEATURES["astrocytes"], limit, min(1.0, bound))


def _gain_bound(cell: Any) -> float:
    """Return how far a gain can be from 1: alpha/U0 - 1, and 1 where adenosine can take it to 0."""
    alpha, u0 = getattr(cell, "alpha", None), getattr(cell, "U0", None)
    if alpha is None or u0 is None:
        return UNKNOWN_GAIN
    return max(abs(float(alpha) / float(u0) - 1.0), UNKNOWN_GAIN if getattr(cell, "a_Ad", 0.0) else 0.0)


def _timing(lowered: LoweredNetwork, program: SpinnakerProgram, settings: Any) -> Iterator[Finding]:
    """Yield when spikes arrive, and how fast the chip runs."""
    shortest = min((int(p.delays.min()) for p in lowered.projections if p.n_synapses), default=0)
    if shortest and settings.delays == "literal" and settings.runs_on not in SIMULATORS:
        limit = "a spike arrives a timestep earlier than in the reference; delays='shifted' adds the step"
        found = f"from {shortest} steps on"
        yield Finding(ALTERED, lowered.name, "arrival", found, limit, 1.0 / (shortest + 1.0))
    if lowered.dt < 1.0 or program.time_scale_factor != 1.0:
        factor = program.time_scale_factor
        tick = lowered.dt * factor
        limit = f"{factor:g} times as long as in biology: a timestep takes {tick:g} ms"
        if tick < 1.0:
            limit += "; boards keep 1 ms safely, see time_scale_factor"
        yield Finding(NATIVE, lowered.name, "real time", f"dt {lowered.dt:g} ms", limit)


# Populations


def _population(lowered: LoweredNetwork, program: SpinnakerProgram, number: int) -> Iterator[Finding]:
    """Yield what becomes of a population's constants and of its range."""
    population, cells = lowered.populations[number], program.cells[number]
    tau = population.parameters["tau_m"]
    made = _tau_of(fx.membrane_decay(fx.accum(lowered.dt), fx.accum(tau)) / 2.0**STATE_BITS, lowered.dt)
    error = np.abs(made / tau - 1.0)
    k = int(np.argmax(error))
    limit = f"{made[k]:.5g} ms (dt/tau_m and its exponential have {STATE_BITS} fractional bits)"
    if error.max() >= learning_findings.NEGLIGIBLE:
        stall = 0.5 * tau[k % len(tau)] / lowered.dt / 2**STATE_BITS
        limit += f"; decay stalls {stall:.2g} mV from its end"
    worst = float(error.max()) if np.isfinite(error.max()) else 1.0
    yield sized(population.name, "tau_m", f"{tau[k % len(tau)]:.5g} ms", limit, worst)
    if cells.celltype != IF_CURR_DELTA:
        for receptor in (r for r in used_receptors(lowered, number) if not population.delta[r]):
            yield _held_current(lowered, population, receptor)
    yield from _range(population, cells)


def _tau_of(decay: Float, dt: float) -> Float:
    """Return the time constant of a decay factor of one timestep; infinite where nothing decays [ms]."""
    with np.errstate(divide="ignore"):
        return np.where(decay < 1.0, -dt / np.log(np.minimum(decay, 1.0 - 1e-16)), np.inf)


def held_current_error(population: LoweredPopulation, dt: float, receptor: int) -> Float:
    """Return how much larger than it should a postsynaptic potential is at every timestep, as a share of it.

    The chip's current is constant over a timestep; each of its contributions to v is larger by the same factor, so
    peak and area are too: ``R (1 - rho) charge / k``.

    Parameters
    ----------
    population : LoweredPopulation
    dt : float [ms]
    receptor : int

    Returns
    -------
    (1,) or (n,) float array
    """
    exact = (population.k_exc, population.k_inh)[receptor]
    held = population.resistance * (1.0 - population.rho_m) * charge(population, dt, receptor)
    return np.asarray(held / np.where(exact > 0.0, exact, np.nan) - 1.0)


def _held_current(lowered: LoweredNetwork, population: LoweredPopulation, receptor: int) -> Finding:
    name = ("tau_syn_E", "tau_syn_I")[receptor]
    error = held_current_error(population, lowered.dt, receptor)
    worst = float(np.nanmax(np.abs(error), initial=0.0))
    limit = f"currents are held over a timestep: potentials at its ends are {worst:.2%} too large"
    tau = population.parameters[name]
    found = f"{tau[0]:.4g} ms" if len(tau) == 1 else "of each neuron"
    decay, _ = fx.synapse_decay(fx.accum(lowered.dt), fx.accum(tau))
    made = _tau_of(decay / 2.0**32, lowered.dt)
    off = np.abs(made / tau - 1.0)
    if off.max() >= learning_findings.NEGLIGIBLE:
        limit += f"; {made[np.argmax(off)]:.5g} ms (dt/{name} has {STATE_BITS} fractional bits)"
    return sized(population.name, name, found, limit, max(worst, min(1.0, float(off.max()))))


def _range(population: LoweredPopulation, cells: Cells) -> Iterator[Finding]:
    """Yield whether potentials and sums of weights stay in range."""
    given = [cells.parameters[name] for name in ("v_rest", "v_reset", "v_thresh")]
    furthest = max(float(np.abs(v).max(initial=0.0)) for v in given)
    drive = float(np.abs(population.resistance * population.i_offset).max(initial=0.0))
    if furthest + drive >= STATE_LIMIT:
        found, limit = f"up to {furthest + drive:.4g} mV", f"numbers end at {STATE_LIMIT:g}; use smaller currents"
        yield Finding(REJECTED, population.name, "v", found, limit)
    for receptor, shift, bound in zip(RECEPTORS[cells.celltype], cells.shifts, cells.max_weights, strict=True):
        if bound <= 0.0:
            continue
        found = f"{bound:.4g} in a timestep are expected at most"
        if shift > STATE_BITS:
            limit = f"sums end at {STATE_LIMIT:g}; use smaller weights"
            yield Finding(REJECTED, population.name, f"sum of weights ({receptor})", found, limit)
        else:
            limit = f"{2.0**shift:g} fit (twice that saturates), in steps of {2.0 ** (shift - STATE_BITS):.2g}"
            yield Finding(NATIVE, population.name, f"sum of weights ({receptor})", found, limit)


# Projections


def _weights(program: SpinnakerProgram, number: int, projection: LoweredProjection) -> Iterator[Finding]:
    """Yield how weights round."""
    synapses = program.synapses[number]
    cells = program.cells[program.index[synapses.target]]
    shift = cells.shifts[RECEPTORS[cells.celltype].index(synapses.receptor)]
    step, unit = 2.0 ** (shift - STATE_BITS), projection.weight_unit
    found = f"16 bits, shift {shift}: steps of {step:.2g} {unit}"
    there = synapses.weight > 0.0
    if not there.any():
        yield Finding(NATIVE, projection.name, "weights", found, "all are 0")
        return
    weight = synapses.weight[there]
    back = read_back(weight, shift)
    error = np.abs(back - weight)
    rms = float(np.sqrt(np.square(error).sum() / np.square(weight).sum()))
    lost = float((back == 0.0).mean())
    limit = f"error {rms:.2%} rms, {(error / weight).max():.2%} at most; {lost:.2%} become 0"
    yield sized(projection.name, "weights", found, limit, rms if not lost else max(rms, lost))


def _delays(program: SpinnakerProgram, number: int, projection: LoweredProjection) -> Iterator[Finding]:
    synapses = program.synapses[number]
    if extended(program, synapses):
        cells = program.cells[program.index[synapses.target]]
        slots = delay_slots(cells.celltype, min(cells.size, cells.neurons_per_core))
        found, limit = f"up to {int(synapses.delay.max())} steps", f"above {slots}, through cores that delay"
        yield Finding(NATIVE, projection.name, "delay", found, limit)


# The machine


def _placement(placement: Placement) -> Iterator[Finding]:
    """Yield what a program takes of the machine, and whether its binaries exist."""
    name, board = placement.program, placement.board
    found = f"{counted(placement.n_cores, 'core')} of {counted(placement.n_chips, 'chip')}"
    for problem in placement.problems:
        yield Finding(REJECTED, name, "placement", problem.split(";")[0], f"does not fit{_rest(problem)}")
    for warning in placement.warnings:
        yield Finding(ALTERED, name, "local memory", warning.split(";")[0], f"may not fit{_rest(warning)}")
    boards = placement.n_boards
    if boards > 1 and board == "spin3":
        limit = f"this board has {value(board, 'chips')} chips and cannot be joined to others; use board='spin5'"
        yield Finding(REJECTED, name, f"placement ({board})", found, limit)
    else:
        limit = "fits on one board" if boards == 1 else f"needs {boards} boards: a machine, or a share of one (spalloc)"
        yield Finding(NATIVE, name, f"placement ({board})", found, limit)
    for binary in placement.missing:
        limit = "sPyNNaker 7.4.1 has not compiled it; use another cell, or learning='blocks'"
        yield Finding(REJECTED, name, "binary", binary, limit)
    load = placement.load
    if load:
        found = f"{load:.2g} of the synaptic events that a core is planned to do, on the busiest"
        if load <= 1.0:
            yield Finding(NATIVE, name, "load", found, "in time")
        else:
            limit = f"spikes come late or are dropped; use a time_scale_factor {load:.2g} times as large"
            yield Finding(ALTERED, name, "load", found, limit, 1.0 - 1.0 / load)


def _rest(problem: str) -> str:
    """Return what to do about a problem."""
    return "".join(f"; {part.strip()}" for part in problem.split(";")[1:])
