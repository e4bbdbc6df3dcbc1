"""Synapses in Brian2's terms: what a spike does where it arrives."""

from __future__ import annotations

import numpy as np

from hmn_snn.lowered import RECEPTORS, LoweredProjection

from .astrocytes import add_spillover
from .blueprint import Blueprint
from .modulators import add_gating
from .neurons import ARRIVING
from .parts import Links
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
    _add_initial(blueprint, projection, links, deliver)
    if gating is not None:
        add_plasticity(blueprint, projection, links, gating)


def _add_initial(blueprint: Blueprint, projection: LoweredProjection, links: Links, deliver: list[str]) -> None:
    """Add what an input's spikes at 0 ms send: a group that spikes in the first step, through delays a step shorter."""
    first = projection.source - len(blueprint.lowered.populations)
    initial = blueprint.lowered.inputs[first].initial if first >= 0 else ()
    chosen = np.isin(projection.source_index, initial)
    if not chosen.any():
        return
    label = f"spikes at 0 ms of {blueprint.lowered.inputs[first].name!r}"
    starter = blueprint.group(f"{links.source}_at_0_ms", len(initial), label)
    starter.threshold, starter.reset = "t_in_timesteps == 0", ""
    pre = np.searchsorted(initial, projection.source_index[chosen])
    early = blueprint.link(f"{links.name}_at_0_ms", starter.name, links.target, pre, links.post[chosen], label)
    early.constants(w=projection.weights[chosen])
    early.counters("delivered", "last_arrival")
    early.on_pre("\n".join(deliver), projection.delay_steps[chosen] - 1, "current", "end", 9)
    blueprint.initial[links.name] = early.name
