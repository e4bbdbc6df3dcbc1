"""Lowering of projections: drawn synapses, compressed by source, and the indices of their learning rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .connectors import FromArrays
from .distributions import Distribution
from .errors import DescriptionError
from .grid import to_steps
from .lowered import LoweredGate, LoweredProjection, LoweredRule
from .oscillators import Oscillator
from .plasticity import HMNRule
from .population import View, members
from .projection import Projection
from .translator import Finding, Severity

if TYPE_CHECKING:
    from .lowering import Index
    from .network import Network

DEFAULT_TICK = 100.0  # ms, for a rule without a gating oscillator
_CHUNK = 1 << 20


def lower_projection(
    projection: Projection, network: Network, index: Index, findings: list[Finding]
) -> LoweredProjection:
    """Lower one projection.

    Parameters
    ----------
    projection : Projection
    network : Network
    index : Index
    findings : list of Finding
        Grows by what had to be altered.

    Returns
    -------
    LoweredProjection

    Raises
    ------
    DescriptionError
        If an array does not have one value per synapse, or a drawn value is out of range.
    """
    assert projection.name is not None
    name, source, target = projection.name, projection.source, projection.target
    pre, post = _pairs(projection, network.seed)
    n = len(pre)
    weight = _weights(projection, pre, post, network.seed)
    delay = _delays(projection, n, network, findings)
    territory = _territory(projection, post, n)
    pre, post = _in_parent(projection.pre, pre), _in_parent(projection.post, post)
    bins = _phase_bins(projection, n, network.seed, findings)

    delays, delay_index = np.unique(delay, return_inverse=True) if len(delay) > 1 else (delay, None)
    if delay_index is not None and len(delays) == 1:
        delay_index = None
    row = pre.astype(np.int64) if delay_index is None else pre.astype(np.int64) * len(delays) + delay_index
    order = _order(row, post)
    if order is not None:
        row, post = row[order], post[order]
        weight = weight if len(weight) == 1 else weight[order]
        bins = bins if len(bins) == 1 else bins[order]
        territory = territory if territory is None else territory[order]
    counts = np.bincount(row, minlength=source.size * len(delays))
    plasticity = None if projection.plasticity is None else lower_rule(projection.plasticity, network.dt, index, bins)
    if plasticity is not None:
        weight = np.array(np.broadcast_to(weight, (n,)))
    return LoweredProjection(
        name=name,
        source=index.of(index.sources, source),
        target=index.of(index.populations, target),
        n_source=source.size,
        n_target=target.size,
        receptor=0 if projection.receptor == "excitatory" else 1,
        delays=delays.astype(np.int32),
        row_ptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)]),
        target_index=np.ascontiguousarray(post, dtype=np.int32),
        weight=weight,
        plasticity=plasticity,
        astrocytes=-1 if projection.astrocytes is None else index.of(index.astrocytes, projection.astrocytes),
        territory=territory,
        weight_unit=projection.weight_unit,
    )


def lower_rule(rule: HMNRule, dt: float, index: Index, bins: np.ndarray) -> LoweredRule:
    """Lower a learning rule.

    Parameters
    ----------
    rule : HMNRule
    dt : float [ms]
    index : Index
    bins : (1,) or (n_synapses,) int32 array
        Phase bin of each synapse.

    Returns
    -------
    LoweredRule
    """
    routed = {id(a.norepinephrine) for a in index.astrocytes if a.norepinephrine is not None}
    modulators = tuple(index.of(index.modulators, m) for m in rule.modulators if id(m) not in routed)
    gate, tick = None, rule.tick
    if rule.gate is not None and rule.gate.at != "none":
        oscillator = rule.gate.oscillator
        update, pairing = rule.gate.at in ("update", "both"), rule.gate.at in ("pairing", "both")
        gate = LoweredGate(index.member(oscillator), rule.gate.n_bins, bins, update, pairing)
        if tick is None:
            tick = 1000.0 / _frequency(oscillator)
    tick_steps = max(1, int(to_steps(DEFAULT_TICK if tick is None else tick, dt)))
    beta_p = 4.0 / rule.theta_p if rule.beta_p is None else rule.beta_p
    return LoweredRule(rule, beta_p, tick_steps, modulators, gate)


def _frequency(oscillator: Oscillator | View) -> float:
    group, member = (oscillator.parent, int(oscillator.indices[0])) if isinstance(oscillator, View) else (oscillator, 0)
    assert isinstance(group, Oscillator)
    return float(np.broadcast_to(group.frequency, (group.size,))[member])


def _pairs(projection: Projection, seed: int) -> tuple[np.ndarray, np.ndarray]:
    pre, post, connector, same = projection.pre, projection.post, projection.connector, projection.same_ends
    i, j = connector.pairs(len(pre), len(post), same, seed, f"{projection.name}/connect")
    if projection.source is projection.target and not same and not getattr(connector, "allow_self", True):
        keep = members(pre)[i] != members(post)[j]
        i, j = i[keep], j[keep]
    return i, j


def _in_parent(end: Any, local: np.ndarray) -> np.ndarray:
    return end.indices.astype(np.int32)[local] if isinstance(end, View) else local


def _order(row: np.ndarray, post: np.ndarray) -> np.ndarray | None:
    """Return the permutation that sorts synapses by row, then target; None if they are sorted."""
    ascending = (row[1:] > row[:-1]) | ((row[1:] == row[:-1]) & (post[1:] >= post[:-1]))
    return None if ascending.all() else np.lexsort((post, row))


def _per_synapse(projection: Projection, what: str, value: Any, n: int) -> np.ndarray:
    """Return one value per synapse in the connector's listing, or shape (1,)."""
    values = np.atleast_1d(np.asarray(value))
    if values.shape == (1,) and np.ndim(value) == 0:
        return values
    if values.shape != (n,):
        allowed = f"its shape is {values.shape}; give one number or one per synapse, shape ({n},)"
        raise DescriptionError(projection.owner, what, value, allowed)
    return values[projection.connector.order] if isinstance(projection.connector, FromArrays) else values


def _drawn(distribution: Distribution, n: int, seed: int, stream: str) -> np.ndarray:
    values = np.empty(n)
    for a in range(0, n, _CHUNK):
        values[a : a + _CHUNK] = distribution.draw(seed, stream, np.arange(a, min(a + _CHUNK, n)))
    return values


def _weights(projection: Projection, pre: np.ndarray, post: np.ndarray, seed: int) -> np.ndarray:
    given = projection.weight
    if isinstance(given, Distribution):
        weight = _drawn(given, len(pre), seed, f"{projection.name}/weight")
    elif np.ndim(given) == 2:
        shape = (len(projection.pre), len(projection.post))
        if given.shape != shape:
            allowed = f"its shape is {given.shape}; a weight matrix has shape (n_pre, n_post) = {shape}"
            raise DescriptionError(projection.owner, "weight", given, allowed)
        weight = given[pre, post]
    else:
        weight = _per_synapse(projection, "weight", given, len(pre))
    low, high = 0.0, np.inf
    if projection.plasticity is not None:
        low, high = projection.plasticity.w_min, projection.plasticity.w_max
    if weight.size and (weight.min() < low or weight.max() > high):
        bounds = f"[{low:g}, {high:g}] {projection.weight_unit}"
        found = (float(weight.min()), float(weight.max()))
        raise DescriptionError(
            projection.owner, "weight (smallest, largest)", found, f"starting weights lie in {bounds}"
        )
    return weight


def _delays(projection: Projection, n: int, network: Network, findings: list[Finding]) -> np.ndarray:
    dt, given = network.dt, projection.delay
    if isinstance(given, Distribution):
        delay = _drawn(given, n, network.seed, f"{projection.name}/delay")
    else:
        delay = _per_synapse(projection, "delay", given, n)
    if delay.size and delay.min() < 0.5 * dt and isinstance(given, Distribution):
        allowed = f"drawn delays must be at least half a step (dt = {dt:g} ms); bound the distribution below"
        raise DescriptionError(projection.owner, "delay", float(delay.min()), allowed)
    steps = np.maximum(1, to_steps(delay, dt))
    change = np.abs(steps * dt - delay)
    if delay.size and change.max() > 1e-6 * dt:
        worst = int(change.argmax())
        text = f"delays off the grid of {dt:g} ms"
        limit = f"rounded by at most {change[worst]:.3g} ms"
        findings.append(
            Finding(Severity.ALTERED, projection.name or "", "delay", text, limit, float(change[worst] / delay[worst]))
        )
    return steps if steps.size else np.ones(1, np.int64)


def _territory(projection: Projection, post: np.ndarray, n: int) -> np.ndarray | None:
    group = projection.astrocytes
    if group is None:
        return None
    given, n_post = projection.territories, len(projection.post)
    if given is None:
        given = (np.arange(n_post) * group.size // max(1, n_post)).astype(np.int32)
    if given.shape == (n_post,):
        territory = given[post]
    elif given.shape == (n,):
        territory = _per_synapse(projection, "territories", given, n)
    else:
        allowed = f"its shape is {given.shape}; give one per post neuron ({n_post},) or per synapse ({n},)"
        raise DescriptionError(projection.owner, "territories", given, allowed)
    if territory.size and (territory.min() < 0 or territory.max() >= group.size):
        found = (int(territory.min()), int(territory.max()))
        raise DescriptionError(projection.owner, "territories", found, f"astrocytes are numbered 0 to {group.size - 1}")
    return np.ascontiguousarray(territory, dtype=np.int32)


def _phase_bins(projection: Projection, n: int, seed: int, findings: list[Finding]) -> np.ndarray:
    gate = projection.plasticity.gate if projection.plasticity is not None else None
    if gate is None:
        return np.zeros(1, np.int32)
    if isinstance(gate.phase, Distribution):
        phase = _drawn(gate.phase, n, seed, f"{projection.name}/phase")
    else:
        phase = _per_synapse(projection, "gate phase", gate.phase, n)
    width = 2.0 * np.pi / gate.n_bins
    bins = np.rint(phase / width)
    worst = float(np.abs(phase - bins * width).max(initial=0.0))
    if worst > 1e-9:
        findings.append(
            Finding(Severity.ALTERED, projection.name or "", "gate phase", f"off the {gate.n_bins} phase bins",
                    f"moved by at most {worst:.3g} rad", worst / (2.0 * np.pi))
        )  # fmt: skip
    return np.asarray(bins % gate.n_bins).astype(np.int32)
