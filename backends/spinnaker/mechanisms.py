"""What the chip has no mechanism for and a few more cells can stand for: a phase gate, and astrocytes' gains.

**Phase gate.** Dopamine and the rhythm multiply where they coincide: a rhythmic cell spikes once per cycle, shortly
before the preferred phase; a second cell hears dopamine as a current that lasts as long as dopamine does, and spikes
where both come together; its spikes are the dopamine that the plastic synapses see, short and of equal area.

**Astrocytes.** A slow cell stands for each astrocyte: its synaptic current is the spillover, its potential the calcium,
and while it spikes it keeps up a slow current into the neurons of its territory, additive where the gain multiplies
(as the slow inward currents of NEST's astrocytes do).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.astrocytes import LeakyCalcium
from hmn_snn.lowered import LoweredAstrocytes, LoweredNetwork, LoweredProjection, LoweredRule

from .budgets import value
from .dopamine import PULSE, PULSE_SHARE, is_phase_gated, largest_level
from .learning import Plasticity, learns
from .program import (
    EXCITATORY,
    EXCITATORY2,
    IF_CURR_DUAL_EXP,
    IF_CURR_EXP,
    RECEPTORS,
    Cells,
    Float,
    Neuromodulation,
    SineCurrent,
    Synapses,
)

V_REST, ROOM = -65.0, 10.0  # mV of extra cells: their rest, and their threshold above it
RESISTANCE = 10.0  # MOhm of extra cells that follow their input at once
CREST = 0.5  # of the rhythm's amplitude at which the rhythmic cell spikes, pi/3 before its crest
LASTS = np.exp(-1.0)  # of a release down to which dopamine counts
LATENCY = 3.0  # timesteps from the rhythm's crossing to dopamine at the synapses: two synapses and a membrane
EXPECTED_RATE = 10.0  # Hz of the sources that astrocytes modulate, for the size of the current that stands for a gain
CALCIUM_MV = 20.0  # of the slow cell's potential for calcium of 1
RELEASE_INTERVAL = 100.0  # ms between spikes of the slow cell while calcium is above its threshold


@dataclass(frozen=True, eq=False)
class Extra:
    """Cells and synapses besides the network's own.

    Attributes
    ----------
    cells : tuple of Cells
        Without ring buffers as yet.
    synapses : tuple of Synapses
    """

    cells: tuple[Cells, ...] = ()
    synapses: tuple[Synapses, ...] = ()


# Phase gate


def phase_gates(lowered: LoweredNetwork, found: Plasticity) -> tuple[Extra, tuple[Neuromodulation, ...]]:
    """Return the cells that let dopamine pass once per cycle, and what the plastic synapses hear of it.

    Parameters
    ----------
    lowered : LoweredNetwork
    found : Plasticity
        With dopamine as it is released.

    Returns
    -------
    Extra
    tuple of Neuromodulation
    """
    gates = {
        lowered.populations[p.target].name: p.plasticity
        for p in lowered.projections
        if p.plasticity is not None and learns(p) and is_phase_gated(p.plasticity)
    }
    cells: dict[str, Cells] = {}
    synapses: list[Synapses] = []
    heard = []
    for dopamine in found.neuromodulation:
        rule = gates.get(dopamine.target)
        if rule is None:
            heard.append(dopamine)
            continue
        frequency, theta = _rhythmic_cell(lowered, rule, dopamine.target)
        gate = _gate_cell(lowered, rule, dopamine, frequency)
        cells[theta.name], cells[gate.name] = theta, gate
        synapses += _to_gate(lowered, rule, dopamine, theta, gate)
        weight, tau_d = dopamine.weight * PULSE, 1000.0 / frequency * PULSE_SHARE
        heard.append(dataclasses.replace(dopamine, source=gate.name, weight=weight, tau_d=tau_d))
    return Extra(tuple(cells.values()), tuple(synapses)), tuple(heard)


def _rhythmic_cell(lowered: LoweredNetwork, rule: LoweredRule, target: str) -> tuple[float, Cells]:
    """Return the frequency of a rule's oscillator [Hz], and a cell that spikes once in each of its cycles.

    It spikes so early that the middle of dopamine's pulse, PULSE_SHARE of a cycle later, is at the preferred phase.
    """
    from .lowering import known_phase

    gate = rule.gate
    assert gate is not None
    known = known_phase(lowered, gate.oscillator)
    assert known is not None
    frequency, start = known
    dt = lowered.dt
    preferred = 2.0 * np.pi * float(gate.bins[0]) / gate.n_bins
    spikes_at = preferred - 2.0 * np.pi * (PULSE_SHARE + LATENCY * dt * frequency / 1000.0)
    crest = spikes_at + np.arccos(CREST)
    phase = np.degrees(start - crest + np.pi / 2.0) % 360.0
    name = next(o.name for o in lowered.oscillators if o.first <= gate.oscillator < o.first + o.size)
    sine = SineCurrent(name, ROOM / CREST / RESISTANCE, frequency, np.array([phase]))
    cell = _cell(f"{name} for {target}", IF_CURR_EXP, dt, half_cycle(dt, frequency), tau_syn_E=dt, tau_syn_I=dt)
    return frequency, dataclasses.replace(cell, sines=(sine,))


def half_cycle(dt: float, frequency: float) -> float:
    """Return half a cycle in whole timesteps, at least one [ms].

    Parameters
    ----------
    dt : float [ms]
    frequency : float [Hz]

    Returns
    -------
    float
    """
    return max(1, round(500.0 / frequency / dt)) * dt


def _gate_cell(lowered: LoweredNetwork, rule: LoweredRule, dopamine: Neuromodulation, frequency: float) -> Cells:
    dt, hold = lowered.dt, half_cycle(lowered.dt, frequency)
    constants = {"tau_syn_E": dopamine.tau_d, "tau_syn_E2": dt, "tau_syn_I": dt}
    return _cell(f"gate of {dopamine.name}", IF_CURR_DUAL_EXP, dt, hold, **constants)


def _to_gate(
    lowered: LoweredNetwork, rule: LoweredRule, dopamine: Neuromodulation, theta: Cells, gate: Cells
) -> Iterator[Synapses]:
    """Yield dopamine's way to the gate, which alone never fires it, and the rhythm's, which fires it above LASTS."""
    modulator = next(lowered.modulators[k] for k in rule.modulators if lowered.modulators[k].weight)
    one_release = 0.9 * ROOM / largest_level(modulator, lowered.dt)
    rho = np.exp(-1.0)  # of a membrane and a fast current that last a timestep
    slow = one_release / RESISTANCE
    fast = (ROOM - LASTS * one_release) / (RESISTANCE * (1.0 - rho) * (1.0 - rho))
    yield _one_synapse(f"{dopamine.name}, level", dopamine.source, gate.name, EXCITATORY, slow)
    yield _one_synapse(f"{dopamine.name}, rhythm", theta.name, gate.name, EXCITATORY2, fast)


def _one_synapse(name: str, source: str, target: str, receptor: str, weight: float) -> Synapses:
    one = np.ones(1, np.int32)
    return Synapses(name, source, target, receptor, 0 * one, 0 * one, np.array([weight]), one)


def _cell(name: str, kind: str, dt: float, refractory: float, **synaptic: float) -> Cells:
    """Return one cell whose membrane follows its input within a timestep."""
    values = {
        "tau_m": dt, "cm": dt / RESISTANCE, "v_rest": V_REST, "v_reset": V_REST, "v_thresh": V_REST + ROOM,
        "tau_refrac": refractory, "i_offset": 0.0, **synaptic,
    }  # fmt: skip
    return _cells(name, 1, kind, {k: np.array([v]) for k, v in values.items()})


def _cells(name: str, size: int, kind: str, parameters: dict[str, Float]) -> Cells:
    n = len(RECEPTORS[kind])
    return Cells(
        name=name, size=size, celltype=kind, parameters=parameters, initial={"v": parameters["v_rest"]},
        noise=np.zeros(1), currents=(), sines=(), neurons_per_core=value("core", "neurons"), shifts=(0,) * n,
        max_weights=(0.0,) * n,
    )  # fmt: skip


# Astrocytes


def astrocyte_refusals(lowered: LoweredNetwork, projection: LoweredProjection) -> Iterator[tuple[str, str]]:
    """Yield why a slow current cannot stand for the gains of a projection: what was found, what to do.

    Parameters
    ----------
    lowered : LoweredNetwork
    projection : LoweredProjection
        With astrocytes.

    Yields
    ------
    (str, str)
    """
    group = lowered.astrocytes[projection.astrocytes]
    other = "use astrocytes='held'"
    if not isinstance(group.cell, LeakyCalcium):
        yield f"cells of the kind {type(group.cell).__name__}", f"a slow cell stands for LeakyCalcium only; {other}"
        return
    if group.cell.alpha < group.cell.U0:
        yield "a gain below 1", f"a current can only add, which needs alpha of at least U0; {other}"
    if group.cell.a_Ad:
        yield "adenosine", f"a current can only add; {other}, or a_Ad = 0"
    if group.norepinephrine >= 0 and group.cell.k_NE:
        yield "norepinephrine", f"the slow cell hears synapses only; {other}"
    if projection.receptor != 0 or lowered.populations[projection.target].delta[0]:
        yield "synapses that are not excitatory with a time constant", f"there is no such second receptor; {other}"
    others = {
        _decay(lowered.astrocytes[p.astrocytes])
        for p in lowered.projections
        if p.astrocytes >= 0 and p.target == projection.target
    }
    if len(others) > 1:
        yield "several tau_decay onto one population", f"its second receptor has one time constant; {other}"


def _decay(group: LoweredAstrocytes) -> float:
    return float(getattr(group.cell, "tau_decay", 0.0))


def slow_currents(lowered: LoweredNetwork, settings: Any, cells: list[Cells]) -> tuple[list[Cells], Extra]:
    """Return the populations with a second excitatory receptor where astrocytes modulate them, and the slow cells.

    Parameters
    ----------
    lowered : LoweredNetwork
    settings : Settings
    cells : list of Cells
        Of the network's populations.

    Returns
    -------
    list of Cells
    Extra
    """
    modulated = [p for p in lowered.projections if p.astrocytes >= 0 and p.n_synapses]
    if settings.astrocytes != "slow_current" or not modulated:
        return cells, Extra()
    changed = list(cells)
    slow, synapses = {}, []
    for projection in modulated:
        if next(astrocyte_refusals(lowered, projection), None) is not None:
            continue
        group = lowered.astrocytes[projection.astrocytes]
        changed[projection.target] = _second_receptor(cells[projection.target], group)
        slow[group.name] = _slow_cells(lowered, group)
        synapses += [_heard(lowered, projection), _sent(lowered, projection)]
    return changed, Extra(tuple(slow.values()), tuple(synapses))


def _second_receptor(cells: Cells, group: LoweredAstrocytes) -> Cells:
    parameters = {**cells.parameters, "tau_syn_E2": np.array([_decay(group)])}
    n = len(RECEPTORS[IF_CURR_DUAL_EXP])
    return dataclasses.replace(
        cells, celltype=IF_CURR_DUAL_EXP, parameters=parameters, shifts=(0,) * n, max_weights=(0.0,) * n
    )


def _slow_cells(lowered: LoweredNetwork, group: LoweredAstrocytes) -> Cells:
    """Return the cells that stand for astrocytes: calcium is their potential, in units of CALCIUM_MV."""
    cell = group.cell
    hold = max(1, round(RELEASE_INTERVAL / lowered.dt)) * lowered.dt
    threshold = V_REST + CALCIUM_MV * cell.C_theta
    values = {
        "tau_m": cell.tau_ca, "cm": cell.tau_ca, "v_rest": V_REST, "v_thresh": threshold,
        # Below the threshold by what calcium moves in one interval, so that it is back there if it was.
        "v_reset": threshold - CALCIUM_MV * cell.C_theta * RELEASE_INTERVAL / cell.tau_ca,
        "tau_refrac": hold, "i_offset": 0.0, "tau_syn_E": cell.tau_Y, "tau_syn_I": lowered.dt,
    }  # fmt: skip
    return _cells(group.name, group.size, IF_CURR_EXP, {k: np.array([float(v)]) for k, v in values.items()})


def _heard(lowered: LoweredNetwork, projection: LoweredProjection) -> Synapses:
    """Return the way of a projection's spikes to the astrocytes of its synapses: 1/N of each territory's N synapses."""
    group = lowered.astrocytes[projection.astrocytes]
    assert projection.territory is not None
    territory = projection.territory.astype(np.int64)
    sizes = np.zeros(group.size)
    for p in lowered.projections:
        if p.astrocytes == projection.astrocytes and p.territory is not None:
            sizes += np.bincount(p.territory, minlength=group.size)
    pair = projection.source_index.astype(np.int64) * group.size + territory
    pairs, count = np.unique(pair, return_counts=True)
    pre, post = np.divmod(pairs, group.size)
    weight = CALCIUM_MV * group.cell.k_Y * count / np.maximum(sizes[post], 1.0)
    return Synapses(
        f"{projection.name} to {group.name}", lowered.sources[projection.source].name, group.name, EXCITATORY,
        pre.astype(np.int32), post.astype(np.int32), weight, np.ones(len(pre), np.int32),
    )  # fmt: skip


def _sent(lowered: LoweredNetwork, projection: LoweredProjection) -> Synapses:
    """Return the slow current: at its height what the gain adds to the synapses' mean current at EXPECTED_RATE."""
    group = lowered.astrocytes[projection.astrocytes]
    assert projection.territory is not None
    n = projection.n_target
    pair = projection.territory.astype(np.int64) * n + projection.target_index
    pairs, which = np.unique(pair, return_inverse=True)
    total = np.bincount(which, weights=projection.weights, minlength=len(pairs))
    pre, post = np.divmod(pairs, n)
    tau = lowered.populations[projection.target].parameters["tau_syn_E"]
    mean = total * EXPECTED_RATE / 1000.0 * (tau if len(tau) == 1 else tau[post])
    added = (group.cell.alpha / group.cell.U0 - 1.0) * mean
    return Synapses(
        f"{group.name} to {projection.name}", group.name, lowered.populations[projection.target].name, EXCITATORY2,
        pre.astype(np.int32), post.astype(np.int32), added * RELEASE_INTERVAL / group.cell.tau_decay,
        np.ones(len(pre), np.int32),
    )  # fmt: skip
