"""Oscillators in Brian2's terms: coupling, advance, and kicks by spikes."""

from __future__ import annotations

import numpy as np

from hmn_snn.lowered import LoweredEntrainment, LoweredOscillator

from .blueprint import Blueprint


def add_oscillators(blueprint: Blueprint, oscillators: LoweredOscillator) -> None:
    """Add a group of oscillators.

    Parameters
    ----------
    blueprint : Blueprint
    oscillators : LoweredOscillator
    """
    n = oscillators.size
    if n == 0:
        blueprint.oscillators.append(None)
        return
    group = blueprint.group(oscillators.name, n, f"oscillator {oscillators.name!r}")
    blueprint.oscillators.append(group.name)
    group.variables(phase=oscillators.phase, pull=0.0)
    group.constants(omega=np.array(oscillators.omega), dt_s=blueprint.lowered.dt / 1000.0)
    group.constants(coupling=oscillators.coupling / n)
    group.every_step(["phase = phase + dt_s*(omega + coupling*pull)"], "groups", 1)
    if oscillators.coupling != 0.0:
        seen, by = np.tile(np.arange(n, dtype=np.int32), n), np.repeat(np.arange(n, dtype=np.int32), n)
        name, label = f"coupling of {oscillators.name}", f"coupling of oscillator {oscillators.name!r}"
        links = blueprint.link(name, group.name, group.name, seen, by, label)
        links.constants(lag=np.array(np.broadcast_to(oscillators.lag, (n, n))).ravel())
        links.model.append("pull_post = sin(phase_pre - phase_post - lag) : 1 (summed)")


def add_entrainment(blueprint: Blueprint, entrainment: LoweredEntrainment) -> None:
    """Add kicks of a group of oscillators by the spikes of some neurons, counted in the step in which they are fired.

    Parameters
    ----------
    blueprint : Blueprint
    entrainment : LoweredEntrainment
    """
    source, target = blueprint.sources[entrainment.source], blueprint.oscillators[entrainment.oscillator]
    members = np.flatnonzero(entrainment.member).astype(np.int32)
    if source is None or target is None or not len(members):
        return
    group = blueprint.groups[target]
    count = blueprint.names.new(f"spikes_{entrainment.name}")
    group.variables(**{count: 0.0})
    group.constants(**{f"strength_{count}": entrainment.strength, f"towards_{count}": entrainment.phase})
    kick = f"phase = phase - strength_{count}*{count}*sin(phase - towards_{count})"
    group.every_step([kick, f"{count} = 0"], "synapses", 2)
    pre, post = np.repeat(members, group.size), np.tile(np.arange(group.size, dtype=np.int32), len(members))
    links = blueprint.link(entrainment.name, source, target, pre, post, f"entrainment {entrainment.name!r}")
    links.on_pre(f"{count}_post += 1")
