"""Plasticity of a program as the emulator's kernel reads it."""

from __future__ import annotations

import numpy as np

from . import fixed_point as fx
from . import packets_kernel as packets
from . import stdp_kernel as stdp
from .program import RECEPTORS, REWARD, Int, Neuromodulation, SpinnakerProgram, Stdp, Synapses

_ELIGIBILITY_SHIFT, _DOPAMINE_SHIFT = 4, 2  # timesteps that an entry of a decay's table serves: 16 and 4


def shift_of(program: SpinnakerProgram, number: int) -> int:
    """Return the left shift of the ring buffer that a projection's weights go into.

    Parameters
    ----------
    program : SpinnakerProgram
    number : int

    Returns
    -------
    int
    """
    s = program.synapses[number]
    target = program.cells[program.index[s.target]]
    return target.shifts[RECEPTORS[target.celltype].index(s.receptor)]


def lay_rules(program: SpinnakerProgram, fixed: bool) -> tuple[stdp.Rules, stdp.History, packets.Dopamine]:
    """Return the tables of plasticity.

    Parameters
    ----------
    program : SpinnakerProgram
    fixed : bool

    Returns
    -------
    rules : stdp_kernel.Rules
    history : stdp_kernel.History
    dopamine : packets_kernel.Dopamine

    Raises
    ------
    ValueError
        Two rules onto one population; a gated projection that no dopamine reaches.
    """
    listed = [(number, s, s.stdp) for number, s in enumerate(program.synapses) if s.stdp is not None]
    n_cells = len(program.cells)
    factors, rates, tables, starts = [], [], [np.zeros(0)], [0]
    owner: dict[int, int] = {}
    for rule, (number, s, pairs) in enumerate(listed):
        gate = _gate(program, s, pairs)
        target = program.index[s.target]
        if listed[owner.setdefault(target, rule)][2] != pairs:
            raise ValueError(
                f"cells {s.target!r}: two rules of plasticity; the chip has one for each population, give the "
                "projections onto it one and the same"
            )
        factors.append(_numbers(pairs, gate, fixed, fx.weight_step(shift_of(program, number)) if fixed else 0.0))
        taus = [pairs.tau_plus, pairs.tau_minus, *((gate.tau_c, gate.tau_d) if gate else (np.inf, np.inf))]
        rates.append([program.dt / tau for tau in taus])
        for tau, shift in zip(taus, (0, 0, _ELIGIBILITY_SHIFT, _DOPAMINE_SHIFT), strict=True):
            tables.append(fx.decay_table(program.dt, tau, shift) if np.isfinite(tau) else np.zeros(0))
            starts.append(starts[-1] + len(tables[-1]))
    n_rules = len(listed)
    rules = stdp.Rules(
        factor=np.array(factors, np.float64).reshape(n_rules, stdp.FACTORS),
        nearest=np.array([pairs.nearest for _, _, pairs in listed], np.bool_),
        gated=np.array([pairs.gated for _, _, pairs in listed], np.bool_),
        rate=np.array(rates, np.float64).reshape(n_rules, stdp.DECAYS),
        table=np.array([starts[4 * r : 4 * r + 5] for r in range(n_rules)], np.int64).reshape(n_rules, 5),
        table_shift=np.array([0, 0, _ELIGIBILITY_SHIFT, _DOPAMINE_SHIFT], np.int64),
        decay=np.concatenate(tables),
    )
    first, row_rule = np.full(n_cells, -1, np.int64), [np.zeros(0, np.int64)]
    for target, rule in sorted(owner.items()):
        first[target] = sum(map(len, row_rule))
        row_rule.append(np.full(program.cells[target].size, rule, np.int64))
    rule_of = np.concatenate(row_rule)
    shape = (len(rule_of), stdp.EVENTS)
    history = stdp.History(first, rule_of, np.zeros(len(rule_of), np.int64), np.zeros(shape, np.int64),
                           np.zeros(shape), np.zeros(shape), np.zeros(shape, np.bool_))  # fmt: skip
    return rules, history, _lay_dopamine(program, first, fixed)


def _gate(program: SpinnakerProgram, s: Synapses, pairs: Stdp) -> Neuromodulation | None:
    """Return what gates a plastic projection; its settings are the same for all dopamine onto one target."""
    if not pairs.gated:
        return None
    for gate in program.neuromodulation:
        if gate.target == s.target:
            return gate
    raise ValueError(f"projection {s.name!r} is gated, but no neuromodulation reaches {s.target!r}; add one")


def _numbers(rule: Stdp, gate: Neuromodulation | None, fixed: bool, step: float) -> list[float]:
    """Return the kernel's numbers of a rule."""
    numbers = [rule.A_plus, rule.A_minus, rule.w_min, rule.w_max]
    gates = [gate.w_min, gate.w_max, -1.0 / (1.0 / gate.tau_c + 1.0 / gate.tau_d)] if gate else [0.0, 0.0, 0.0]
    if fixed:
        numbers, gates = ([float(x) for x in fx.accum(np.array(part)) / fx.ACCUM_ONE] for part in (numbers, gates))
    return [*numbers, step, 1.0 / step if fixed else 0.0, *gates]


def _lay_dopamine(program: SpinnakerProgram, first: Int, fixed: bool) -> packets.Dopamine:
    """Return the groups whose spikes are dopamine, and what they reach."""
    n_groups = len(program.cells) + len(program.sources)
    listed = sorted(
        (program.index[gate.source], k) for k, gate in enumerate(program.neuromodulation)
        if first[program.index[gate.target]] >= 0
    )  # fmt: skip
    rows = [first[program.index[program.neuromodulation[k].target]] for _, k in listed]
    sizes = [program.cells[program.index[program.neuromodulation[k].target]].size for _, k in listed]
    amounts = [_amount(program.neuromodulation[k], fixed) for _, k in listed]
    return packets.Dopamine(
        ptr=np.searchsorted([group for group, _ in listed], np.arange(n_groups + 1)).astype(np.int64),
        first=np.array(rows, np.int64),
        last=np.array(rows, np.int64) + np.array(sizes, np.int64),
        amount=np.array(amounts, np.float64),
    )


def _amount(gate: Neuromodulation, fixed: bool) -> float:
    """Return the dopamine of a spike, below 0 for punishment."""
    size = np.rint(gate.weight * fx.TRACE_ONE) / fx.TRACE_ONE if fixed else gate.weight
    return float(size if gate.sign == REWARD else -size)
