"""Leaky astrocytes in Brian2's terms: spillover, calcium, gliotransmitter, adenosine, gain."""

from __future__ import annotations

import math

import numpy as np

from hmn_snn.lowered import LoweredAstrocytes, LoweredProjection

from .blueprint import Blueprint

VARIABLES = {
    "spillover": "spillover",
    "calcium": "calcium",
    "gamma": "gliotransmitter",
    "adenosine": "adenosine",
    "gain": "gain",
    "M": "signal",
}


def add_astrocytes(blueprint: Blueprint, index: int) -> None:
    """Add a group of astrocytes and what its cells hear.

    Parameters
    ----------
    blueprint : Blueprint
    index : int
        Of the group of astrocytes.
    """
    astrocytes: LoweredAstrocytes = blueprint.lowered.astrocytes[index]
    if astrocytes.size == 0:
        blueprint.astrocytes.append(None)
        return
    group = blueprint.group(astrocytes.name, astrocytes.size, f"astrocytes {astrocytes.name!r}")
    cell = astrocytes.cell
    blueprint.astrocytes.append(group.name)
    clock = astrocytes.clock_steps * blueprint.lowered.dt
    hearing = [p for p in blueprint.lowered.projections if p.astrocytes == index]
    group.variables(arrivals=0.0, spillover=0.0, calcium=0.0, gliotransmitter=0.0, adenosine=0.0, released=0.0)
    group.variables(gain=1.0, signal=0.0)
    group.counters("releases")
    taus = {"Y": cell.tau_Y, "ca": cell.tau_ca, "rise": cell.tau_rise, "decay": cell.tau_decay, "Ad": cell.tau_Ad}
    group.constants(**{f"rho_{name}": math.exp(-clock / tau) for name, tau in taus.items()})
    group.constants(k_Y=cell.k_Y, k_NE=cell.k_NE, C_theta=cell.C_theta, amount=cell.a_Ad)
    group.constants(slope=cell.alpha / cell.U0 - 1.0, per_IC50=1.0 / cell.IC50)
    group.constants(territory=_territory_sizes(hearing, astrocytes.size))
    norepinephrine = "0.0"
    if astrocytes.norepinephrine >= 0:
        group.constants(only=np.zeros(astrocytes.size, np.int32))
        group.refer("norepinephrine", blueprint.modulators[astrocytes.norepinephrine], "level", "only")
        norepinephrine = "norepinephrine"
    group.events["clock"] = f"(t_in_timesteps + 1) % {astrocytes.clock_steps} == 0"
    group.at_event("clock", _step(norepinephrine), 0)


def _territory_sizes(hearing: list[LoweredProjection], size: int) -> np.ndarray:
    counts = np.zeros(size)
    for projection in hearing:
        assert projection.territory is not None
        counts += np.bincount(projection.territory, minlength=size)
    return np.maximum(counts, 1.0)


def _step(norepinephrine: str) -> list[str]:
    """One interval of the clock, with the inputs held at their values of its end."""
    return [
        "spillover = spillover*rho_Y + arrivals/territory",
        "arrivals = 0",
        f"target = k_Y*spillover + k_NE*{norepinephrine}",
        "before = calcium",
        "calcium = target + (before - target)*rho_ca",
        "above = int(calcium >= C_theta)",
        "gliotransmitter = above*(1 + (gliotransmitter - 1)*rho_rise) + (1 - above)*gliotransmitter*rho_decay",
        "adenosine = (adenosine + amount*released)*rho_Ad",  # a release acts from the next step of the clock on
        "released = above*int(before < C_theta)",
        "releases = releases + above*int(before < C_theta)",
        "signal = adenosine*per_IC50",
        "gain = (1 + slope*gliotransmitter)/(1 + signal)",
    ]


def add_spillover(blueprint: Blueprint, projection: LoweredProjection) -> None:
    """Let the astrocytes hear the arrivals at a projection's synapses.

    Parameters
    ----------
    blueprint : Blueprint
    projection : LoweredProjection
    """
    source, target = blueprint.sources[projection.source], blueprint.astrocytes[projection.astrocytes]
    assert source is not None
    assert target is not None
    name, label = f"spillover of {projection.name}", f"spillover of projection {projection.name!r}"
    links = blueprint.link(name, source, target, projection.source_index, projection.territory, label)
    links.on_pre("arrivals_post += 1", projection.delay_steps)
