"""Synapses in Brian2's terms: what a spike does where it arrives."""

from __future__ import annotations

from hmn_snn.lowered import RECEPTORS, LoweredProjection

from .astrocytes import add_spillover
from .blueprint import Blueprint
from .modulators import add_gating
from .neurons import ARRIVING
from .plasticity import add_plasticity, tick_condition

VARIABLES = {
    "weight": "w",
    "x": "x",
    "y": "y",
    "eligibility": "eligibility",
    "pending": "pending",
    "attention": "alpha",
    "G": "G",
}


def add_projection(blueprint: Blueprint, projection: LoweredProjection) -> None:
    """Add the synapses of a projection.

    Their currents are summed at the end of the step before they act: that is the same instant, and the weights and
    gains are those valid after its tick.

    Parameters
    ----------
    blueprint : Blueprint
    projection : LoweredProjection
    """
    source, target = blueprint.sources[projection.source], blueprint.sources[projection.target]
    gating = None
    if projection.plasticity is not None:
        gating = add_gating(blueprint, projection, tick_condition(projection.plasticity)).name
    blueprint.gatings.append(gating)
    if projection.n_synapses == 0 or source is None or target is None:
        blueprint.projections.append(None)
        return
    pre, post = projection.source_index, projection.target_index
    label = f"projection {projection.name!r}, weights in {projection.weight_unit}"
    links = blueprint.link(projection.name, source, target, pre, post, label)
    blueprint.projections.append(links.name)
    links.variables(w=projection.weights)
    links.counters("delivered", "last_arrival")
    astrocytes = blueprint.hearing(projection)
    if astrocytes is not None:
        links.constants(territory=projection.territory)
        links.refer("gain", astrocytes, "gain", "territory")
        add_spillover(blueprint, projection)
    deliver = [
        f"{ARRIVING[RECEPTORS[projection.receptor]]}_post += {'w' if astrocytes is None else 'w*gain'}",
        "delivered += 1",
        "last_arrival = t_in_timesteps + 1",
    ]
    links.on_pre("\n".join(deliver), projection.delay_steps, "current", "end", 9)
    if gating is not None:
        add_plasticity(blueprint, projection, links, gating)
