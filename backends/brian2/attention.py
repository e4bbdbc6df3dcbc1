"""Local attention in Brian2's terms: how a neuron shares its plasticity out over its inputs."""

from __future__ import annotations

import math

import numpy as np

from hmn_snn.lowered import LoweredProjection

from .blueprint import Blueprint
from .parts import Links


def add_attention(blueprint: Blueprint, links: Links, projection: LoweredProjection, tick: str) -> None:
    """Add spike traces of both neurons to each synapse, and at the tick the softmax of their similarity.

    Parameters
    ----------
    blueprint : Blueprint
    links : Links
    projection : LoweredProjection
        Plastic; without attention alpha stays 1.
    tick : str
        The event of the learning tick at the target.
    """
    assert projection.plasticity is not None
    attention = projection.plasticity.rule.attention
    if attention is None:
        return
    taus = np.atleast_1d(attention.tau)
    fan_in = np.bincount(projection.target_index, minlength=projection.n_target)[projection.target_index]
    count = attention.normalisation == "count"
    links.values["alpha"] = np.ones(projection.n_synapses) if count else 1.0 / fan_in
    links.variables(
        score=0.0, emitted=0.0, fired=0.0, **{f"{side}_{k}": 0.0 for side in "hc" for k in range(len(taus))}
    )
    links.constants(share=fan_in.astype(np.float64) if count else 1.0, slope=float(attention.slope))
    for k, tau in enumerate(taus):
        links.constants(**{
            f"rho_trace_{k}": math.exp(-blueprint.lowered.dt / tau),
            f"scale_{k}": 1.0 / (attention.rate * tau / 1000.0),
        })  # fmt: skip
    links.on_pre("emitted = 1", 0, "emission")
    links.on_post("fired = 1", 0, "own_spike")
    links.every_step(_trace(len(taus)), "synapses", 1)

    target = blueprint.groups[links.target]
    largest, total = (blueprint.names.new(f"{what}_{links.name}") for what in ("largest", "total"))
    target.variables(**{largest: 0.0, total: 0.0})
    target.at_event(tick, [f"{largest} = -inf", f"{total} = 0"], 2)
    links.on_tick(tick, "compare", [*_similarity(len(taus), attention.similarity), "score = slope*similarity"], 2)
    links.on_tick(tick, "find_largest", [f"{largest}_post = clip({largest}_post, score, inf)"], 3)
    links.on_tick(tick, "sum_up", [f"{total}_post += exp(score - {largest}_post)"], 4)
    links.on_tick(tick, "share_out", [f"alpha = share*exp(score - {largest}_post)/{total}_post"], 5)


def _trace(n: int) -> list[str]:
    code = [f"h_{k} = h_{k}*rho_trace_{k} + emitted*scale_{k}" for k in range(n)]
    code += [f"c_{k} = c_{k}*rho_trace_{k} + fired*scale_{k}" for k in range(n)]
    return [*code, "emitted = 0", "fired = 0"]


def _similarity(n: int, kind: str) -> list[str]:
    def product(a: str, b: str) -> str:
        return " + ".join(f"{a}_{k}*{b}_{k}" for k in range(n))

    if kind == "dot":
        return [f"similarity = ({product('h', 'c')})/{math.sqrt(n)!r}"]
    return [
        f"norm = sqrt({product('h', 'h')})*sqrt({product('c', 'c')})",
        f"similarity = ({product('h', 'c')})/(norm + int(norm == 0))",
    ]
