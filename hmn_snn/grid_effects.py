"""What depends on the time step by construction: what is rounded to the grid, and what is drawn once per step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .lowered import LoweredNetwork
from .results import Results
from .translator import Severity, features_of

Texts = dict[tuple[str, str], str]


@dataclass(frozen=True)
class GridEffect:
    """One thing that is not the same at all time steps.

    Attributes
    ----------
    name : str
        Of the object.
    what : str
        The parameter or mechanism.
    at : tuple of str
        What becomes of it at each time step; empty where nothing does.
    """

    name: str
    what: str
    at: tuple[str, ...]


def grid_effects(lowered: Sequence[LoweredNetwork], results: Sequence[Results]) -> tuple[GridEffect, ...]:
    """Return what differs between runs of one network at several time steps although nobody asked for it.

    Parameters
    ----------
    lowered : sequence of LoweredNetwork
    results : sequence of Results
        Of the same time steps.

    Returns
    -------
    tuple of GridEffect
    """
    columns = [
        _alterations(result) | _noise(net) | _default_ticks(net) | _reordered_draws(lowered[0], net)
        for net, result in zip(lowered, results, strict=True)
    ]
    keys = dict.fromkeys(key for column in columns for key in column)
    effects = [GridEffect(*key, tuple(column.get(key, "") for column in columns)) for key in keys]
    return tuple(effect for effect in effects if len(set(effect.at)) > 1)


def _alterations(results: Results) -> Texts:
    """Return what lowering and the backend altered, such as delays."""
    texts: dict[tuple[str, str], list[str]] = {}
    for finding in results.findings:
        if finding.severity is Severity.ALTERED:
            texts.setdefault((finding.what, finding.where), []).append(finding.limit)
    return {key: "; ".join(limits) for key, limits in texts.items()}


def _noise(net: LoweredNetwork) -> Texts:
    noisy = features_of(net).get("membrane_noise", ())
    return {(name, "membrane noise"): f"drawn anew every {net.dt:g} ms" for name in noisy}


def _default_ticks(net: LoweredNetwork) -> Texts:
    """Return the ticks that follow from an oscillator's period, rounded to the grid without being asked."""
    return {
        (p.name, "default tick"): f"{p.plasticity.tick_steps * net.dt:.10g} ms"
        for p in net.projections
        if p.plasticity is not None and p.plasticity.rule.tick is None
    }


def _reordered_draws(coarsest: LoweredNetwork, net: LoweredNetwork) -> Texts:
    """Return the probabilistic updates that draw other numbers: they are keyed by the synapse's place in the list.

    Lowering lists synapses by delay in steps; delays that are equal on a coarse grid may not be on a finer one.
    """
    return {
        (p.name, "draws of updates"): "synapses in another order"
        for first, p in zip(coarsest.projections, net.projections, strict=True)
        if p.plasticity is not None
        and p.plasticity.rule.apply == "probabilistic"
        and not np.array_equal(first.target_index, p.target_index)
    }
