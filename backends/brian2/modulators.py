"""Modulators and the gating signal G of each learning rule in Brian2's terms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredModulator, LoweredProjection

from .blueprint import Blueprint
from .parts import Group, Table


def add_modulator(blueprint: Blueprint, modulator: LoweredModulator) -> None:
    """Add a modulator: a tonic level, and a phasic one that releases raise and that decays.

    Parameters
    ----------
    blueprint : Blueprint
    modulator : LoweredModulator
    """
    group = blueprint.group(modulator.name, 1, f"modulator {modulator.name!r}")
    blueprint.modulators.append(group.name)
    group.variables(phasic=0.0, tonic=float(modulator.tonic.values[0, 0]), level=0.0)
    group.constants(rho=modulator.rho)
    tonic, releases = tonic_table(group.name), f"{group.name}_releases"
    group.namespace[tonic] = Table.of(modulator.tonic)
    group.namespace[releases] = Table(_amounts(modulator), 1)
    group.every_step([f"tonic = {tonic}(t)", f"phasic = phasic + {releases}(t)", "level = tonic + phasic"], "start", 0)
    group.every_step(["phasic = phasic*rho", "level = tonic + phasic"], "groups", 1)


def tonic_table(group: str) -> str:
    """Return the name of the table of a modulator's tonic level."""
    return f"{group}_tonic"


def _amounts(modulator: LoweredModulator) -> np.ndarray:
    """Return the amount released at each step, up to the step after the last release (a table holds its last value)."""
    n_steps = int(modulator.release_steps.max(initial=-1)) + 2
    return np.bincount(modulator.release_steps, modulator.release_amounts, minlength=n_steps).astype(np.float64)


def add_gating(blueprint: Blueprint, projection: LoweredProjection, tick: str) -> Group:
    """Add the gating signal of a projection's rule: a group of one with ``G`` and the modulators' shares.

    Parameters
    ----------
    blueprint : Blueprint
    projection : LoweredProjection
        Plastic.
    tick : str
        Condition of a learning tick.

    Returns
    -------
    Group
    """
    lowered_rule = projection.plasticity
    assert lowered_rule is not None
    modulators = [blueprint.lowered.modulators[k] for k in lowered_rule.modulators]
    attention = lowered_rule.rule.global_attention
    label = f"gating signal G of projection {projection.name!r}"
    group = blueprint.group(f"gating of {projection.name}", 1, label)
    group.variables(G=0.0)
    group.constants(only=np.zeros(1, np.int32))
    total = float(len(modulators)) if attention is None or attention.normalisation == "count" else 1.0
    for k, modulator in enumerate(lowered_rule.modulators):
        group.refer(f"level_{k}", blueprint.modulators[modulator], "level", "only")
        group.variables(**{f"share_{k}": total / len(modulators)})
        group.constants(**{f"weight_{k}": float(modulators[k].weight)})
    terms = [f"share_{k}*weight_{k}*level_{k}" for k in range(len(modulators))]
    for when, order in (("start", 1), ("groups", 2)):
        group.every_step([f"G = {' + '.join(terms) or '0.0'}"], when, order)
    if attention is not None and attention.slope != 0.0 and modulators:
        _add_context(blueprint, group, projection.name, attention)
        group.events["tick"] = tick
        group.at_event("tick", _shares(modulators, attention, total), 2)
    return group


def _add_context(blueprint: Blueprint, group: Group, name: str, attention: Any) -> None:
    """Add the context C: the populations' rates over r0, low-passed."""
    lowered, tau_s, rate = blueprint.lowered, attention.tau / 1000.0, attention.rate
    group.constants(rho_context=math.exp(-lowered.dt / attention.tau))
    group.variables(**{f"context_{p}": 0.0 for p in range(len(lowered.populations))})
    code = [f"context_{p} = context_{p}*rho_context" for p in range(len(lowered.populations))]
    group.every_step(code, "groups", 2)
    for p, population in enumerate(lowered.populations):
        source = blueprint.sources[p]
        if source is None:
            continue
        everyone = np.arange(population.size, dtype=np.int32)
        label = f"rate of population {population.name!r} in the context of projection {name!r}"
        only = np.zeros_like(everyone)
        links = blueprint.link(f"context {p} of {name}", source, group.name, everyone, only, label)
        links.constants(step=1.0 / (population.size * rate * tau_s))
        links.on_pre(f"context_{p}_post += step")


def _shares(modulators: list[LoweredModulator], attention: Any, total: float) -> list[str]:
    """Sample the shares: the softmax over modulators of slope E_k (u_k . C) / sqrt(d), by differences of scores."""
    code, n = [], len(modulators)
    for k, modulator in enumerate(modulators):
        assert modulator.attention is not None
        terms = " + ".join(f"{float(u)!r}*context_{p}" for p, u in enumerate(modulator.attention))
        scale = attention.slope / math.sqrt(len(modulator.attention))
        code.append(f"score_{k} = {scale!r}*level_{k}*({terms})")
    for k in range(n):
        code.append(f"share_{k} = {total!r}/({' + '.join(f'exp(score_{m} - score_{k})' for m in range(n))})")
    return code
