"""Validation: what no backend could run, found before anything is drawn, all of it at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from .astrocytes import Astrocytes
from .connectors import FixedNumberPost, FixedNumberPre
from .description import Description, Named
from .errors import DescriptionError, ValidationError
from .grid import TOLERANCE, on_grid
from .inputs import CurrentInput, PoissonInput, SpikeInput, Steps
from .modulators import Modulator
from .network import Network
from .neurons import LIF
from .oscillators import Entrainment, Oscillator
from .plasticity import GlobalAttention, HMNRule, LocalAttention, PhaseGate
from .population import Population, View, members
from .projection import Projection
from .recording import Recording

Errors = Iterator[DescriptionError]

_MS_PER_S = 1000.0

_SOURCES = (Population, PoissonInput, SpikeInput)

# Parts that are objects: where they stand, what they may be, and what to write instead of anything else.
_PARTS: tuple[tuple[type, str, tuple[type, ...], str], ...] = (
    (Projection, "plasticity", (HMNRule,), "give an HMNRule, or None"),
    (Projection, "astrocytes", (Astrocytes,), "give an Astrocytes object, or None"),
    (HMNRule, "modulators", (Modulator,), "give Modulator objects, such as [dopamine]"),
    (HMNRule, "global_attention", (GlobalAttention,), "give a GlobalAttention, or None"),
    (HMNRule, "attention", (LocalAttention,), "give a LocalAttention, or None"),
    (HMNRule, "gate", (PhaseGate,), "give a PhaseGate, or None"),
    (Entrainment, "population", _SOURCES, "give a population, an input or a slice of one"),
    (Entrainment, "oscillator", (Oscillator,), "give an Oscillator"),
    (Astrocytes, "norepinephrine", (Modulator,), "give a Modulator, or None"),
)


def validate(network: Network) -> None:
    """Raise everything that is wrong with a network, as far as it shows before anything is drawn.

    Parameters
    ----------
    network : Network

    Raises
    ------
    ValidationError
        Its ``errors`` name object, parameter, value and what is allowed.
    """
    found = problems(network)
    if found:
        raise ValidationError(found)


def problems(network: Network) -> list[DescriptionError]:
    """List everything that is wrong with a network, as far as it shows before anything is drawn.

    Parameters
    ----------
    network : Network

    Returns
    -------
    list of DescriptionError
        In order of addition; empty if there is nothing.
    """
    found: list[DescriptionError] = []
    tripped: list[Exception] = []
    for check in _checks(network):
        try:
            found.extend(check)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            tripped.append(error)
    # A check may trip over a value that another one reports (a size of 2.5, a rule that is a text); with nothing
    # reported it is a mistake of ours, which must not pass as a valid network.
    if tripped and not found:
        raise tripped[0]
    return found


def _checks(network: Network) -> Iterator[Errors]:
    yield _network_problems(network)
    dt = float(network.dt) if _positive(network.dt) else None
    for thing in (*network.things.values(), *network.recordings):
        yield _part_problems(thing, thing.owner)
        yield thing.problems()
        yield _reference_problems(thing, network)
        if dt is not None:
            yield _grid_problems(thing, dt)
        if isinstance(thing, Population):
            yield _cell_problems(thing)
        if isinstance(thing, SpikeInput) and dt is not None:
            yield _spike_problems(thing, dt)
        if isinstance(thing, Projection):
            yield _territory_problems(thing)
            yield _overlap_problems(thing)
            if dt is not None:
                yield _delay_problems(thing, dt)
            if thing.plasticity is not None:
                yield _plastic_problems(thing)
                yield _tick_problems(thing, dt)
    yield _attention_problems(network)
    yield _recording_problems(network)


def _positive(value: Any) -> bool:
    return isinstance(value, float) and bool(np.isfinite(value)) and value > 0.0


def _network_problems(network: Network) -> Errors:
    owner = f"network {network.name!r}"
    if not isinstance(network.name, str):
        yield DescriptionError(owner, "name", network.name, "give a text")
    if not _positive(network.dt):
        yield DescriptionError(owner, "dt", network.dt, "use a finite number, more than 0 ms")
    if isinstance(network.seed, bool) or not isinstance(network.seed, (int, np.integer)):
        yield DescriptionError(owner, "seed", network.seed, "give an integer")
    for thing in network.things.values():
        if not isinstance(thing.name, str) or not thing.name:
            yield DescriptionError(f"a {thing.kind} of {owner}", "name", thing.name, "give a text that is not empty")


def _part_problems(thing: Any, owner: str) -> Errors:
    """Yield an error for each part that is no object of the right kind, and look into those that are."""
    for cls, name, kinds, allowed in _PARTS:
        if not isinstance(thing, cls):
            continue
        value = getattr(thing, name)
        parts = value if isinstance(value, tuple) else () if value is None else (value,)
        for part in parts:
            whole = part.parent if isinstance(part, View) and name == "population" else part
            if not isinstance(whole, kinds):
                yield DescriptionError(owner, name, part, allowed)
            elif not isinstance(part, (Named, View)):
                yield from _part_problems(part, owner)


def _reference_problems(thing: Any, network: Network) -> Errors:
    """Yield an error for each object that a description mentions and the network does not hold."""
    for where, other in _references(thing):
        if network.things.get(other.name or "") is not other:
            name = other.name or f"an unnamed {other.kind}"
            yield DescriptionError(thing.owner, where, name, "it is not in this network; add it first with net.add")


def _references(thing: Any) -> Iterator[tuple[str, Named]]:
    for item in dataclasses.fields(thing):
        yield from _named_in(item.name, getattr(thing, item.name))


def _named_in(where: str, value: Any) -> Iterator[tuple[str, Named]]:
    if isinstance(value, Named):
        yield where, value
    elif isinstance(value, View):
        yield where, value.parent
    elif isinstance(value, tuple):
        for member in value:
            yield from _named_in(where, member)
    elif isinstance(value, Description):
        for inner, other in _references(value):
            yield f"{where}: {inner}", other


def _grid_problems(thing: Any, dt: float) -> Errors:
    for name, given, fewest in _grid_times(thing):
        times = np.ravel(np.asarray(given, dtype=np.float64))
        times = times[np.isfinite(times) & (times >= 0)]  # the others are reported by their range
        off = times[~on_grid(times, dt) | (np.rint(times / dt) < fewest)]
        if off.size:
            nearest = max(fewest, float(np.rint(off[0] / dt))) * dt
            share = f" ({off.size} of {times.size} values are off the grid)" if times.size > 1 else ""
            allowed = f"use a multiple of dt = {dt:g} ms; the nearest is {nearest:.10g} ms{share}"
            yield DescriptionError(thing.owner, name, float(off[0]), allowed)


def _grid_times(thing: Any) -> Iterator[tuple[str, Any, int]]:
    """Yield the times of an object that must be multiples of dt, with the fewest steps they may have."""
    if isinstance(thing, Population) and isinstance(thing.cell, LIF):
        if not isinstance(thing.cell.tau_refrac, Description):
            yield "tau_refrac", thing.cell.tau_refrac, 0
    elif isinstance(thing, Astrocytes):
        yield "clock", thing.clock, 1
    elif isinstance(thing, Projection) and isinstance(thing.plasticity, HMNRule):
        yield "tick", () if thing.plasticity.tick is None else thing.plasticity.tick, 1
    elif isinstance(thing, Recording):
        yield "every", () if thing.every is None else thing.every, 1
    elif isinstance(thing, Modulator):
        yield "releases", [time for time, _ in thing.releases], 0
    for name in ("rate", "amplitude", "tonic"):
        value = getattr(thing, name, None)
        if isinstance(thing, (PoissonInput, CurrentInput, Modulator)) and isinstance(value, Steps):
            yield f"{name}: times", value.times, 0


def _cell_problems(population: Population) -> Errors:
    """Yield what is wrong with parameters of a cell taken together."""
    cell, owner = population.cell, population.owner
    for name in ("tau_syn_E", "tau_syn_I"):
        tau = getattr(cell, name)
        if isinstance(tau, np.ndarray) and (tau == 0).any() and not (tau == 0).all():
            allowed = "0 makes a delta synapse; use it for all of the population or for none (split it in two)"
            yield DescriptionError(owner, name, tau, allowed)
    reset, threshold = cell.v_reset, cell.v_thresh
    if not isinstance(reset, Description) and not isinstance(threshold, Description):
        high = np.greater_equal(reset, threshold)
        if high.any():
            found = float(np.broadcast_to(reset, high.shape)[high][0])
            limit = float(np.broadcast_to(threshold, high.shape)[high][0])
            allowed = f"a reset must end the spike; use less than v_thresh ({limit:g} mV)"
            yield DescriptionError(owner, "v_reset", found, allowed)


def _spike_problems(source: SpikeInput, dt: float) -> Errors:
    for i, times in enumerate(source.spike_times):
        early = times[times < -TOLERANCE * dt]
        if early.size:
            allowed = "a spike cannot come before 0 ms"
            yield DescriptionError(source.owner, f"spike_times[{i}]", float(early[0]), allowed)


def _delay_problems(projection: Projection, dt: float) -> Errors:
    delay = projection.delay
    if isinstance(delay, Description):
        return
    if np.ndim(delay) > 1:
        yield DescriptionError(projection.owner, "delay", delay, "give one number, or one per synapse in a flat array")
    short = np.ravel(delay)[np.ravel(delay) < 0.5 * dt]
    if short.size:
        allowed = f"it is less than half a step (dt = {dt:g} ms); use {dt:g} ms or more, or a smaller dt"
        yield DescriptionError(projection.owner, "delay", float(short[0]), allowed)


def _territory_problems(projection: Projection) -> Errors:
    owner, group, given = projection.owner, projection.astrocytes, projection.territories
    if group is None:
        if given is not None:
            yield DescriptionError(owner, "territories", given, "they map synapses to astrocytes; give astrocytes too")
        return
    if group.size == 0 and len(projection.post) > 0:
        yield DescriptionError(owner, "astrocytes", group.name, "the group has no members; give it a size of 1 or more")
    elif given is not None and given.size and (given.min() < 0 or given.max() >= group.size):
        found = int(given.min() if given.min() < 0 else given.max())
        yield DescriptionError(owner, "territories", found, f"astrocytes are numbered 0 to {group.size - 1}")


def _overlap_problems(projection: Projection) -> Errors:
    """Yield an error where a neuron's self-connection is excluded after exactly n partners were drawn."""
    connector = projection.connector
    if not isinstance(connector, (FixedNumberPre, FixedNumberPost)) or connector.allow_self or projection.same_ends:
        return
    shared = np.intersect1d(members(projection.pre), members(projection.post))
    if projection.source is projection.target and shared.size:
        allowed = "its ends overlap without being equal; use equal or disjoint ends, or allow_self=True"
        yield DescriptionError(projection.owner, "connector: allow_self", False, allowed)


def _plastic_problems(projection: Projection) -> Errors:
    owner, rule, weight = projection.owner, projection.plasticity, projection.weight
    assert rule is not None
    if rule.lambda_a != 0.0 and projection.astrocytes is None:
        allowed = "it weighs the signal of the projection's astrocytes; give astrocytes, or use 0"
        yield DescriptionError(owner, "lambda_a", rule.lambda_a, allowed)
    # Of a matrix only the connected pairs count, which lowering knows.
    if isinstance(weight, Description) or np.ndim(weight) > 1:
        return
    outside = np.ravel(weight)[(np.ravel(weight) < rule.w_min) | (np.ravel(weight) > rule.w_max)]
    if outside.size and rule.w_min <= rule.w_max:
        bounds = f"w_min = {rule.w_min:g} to w_max = {rule.w_max:g} {projection.weight_unit}"
        allowed = f"a plastic weight starts within its bounds, {bounds}"
        yield DescriptionError(owner, "weight", float(outside[0]), allowed)


def _tick_problems(projection: Projection, dt: float | None) -> Errors:
    """Yield an error if the tick follows a gating oscillator that has no usable period."""
    rule = projection.plasticity
    assert rule is not None
    if rule.tick is not None or rule.gate is None or rule.gate.at == "none":
        return
    oscillator = rule.gate.oscillator
    group, member = (oscillator.parent, oscillator.indices[0]) if isinstance(oscillator, View) else (oscillator, 0)
    if not isinstance(group, Oscillator):
        return  # reported by the gate itself
    frequency = float(np.broadcast_to(group.frequency, (group.size,))[member])
    if not frequency > 0.0 or (dt is not None and _MS_PER_S / frequency < 0.5 * dt):
        allowed = f"it would be one period of {group.owner}, but that has {frequency:g} Hz; give a tick in ms"
        yield DescriptionError(projection.owner, "tick", None, allowed)


def _attention_problems(network: Network) -> Errors:
    """Yield an error for each modulator whose attention vector is missing or has the wrong length."""
    n = len(list(network.of_kind(Population)))
    routed = {id(group.norepinephrine) for group in network.of_kind(Astrocytes)}
    needed = {
        id(modulator)
        for projection in network.of_kind(Projection)
        if projection.plasticity is not None
        and projection.plasticity.global_attention is not None
        and projection.plasticity.global_attention.slope != 0.0
        for modulator in projection.plasticity.modulators
        if id(modulator) not in routed
    }
    for modulator in network.of_kind(Modulator):
        if modulator.attention is None:
            if id(modulator) in needed:
                allowed = f"global attention needs one entry per population, shape ({n},); give it, or use slope 0"
                yield DescriptionError(modulator.owner, "attention", None, allowed)
        elif np.shape(np.atleast_1d(modulator.attention)) != (n,):
            allowed = f"its shape is {np.shape(modulator.attention)}; give one entry per population, shape ({n},)"
            yield DescriptionError(modulator.owner, "attention", modulator.attention, allowed)


def _recording_problems(network: Network) -> Errors:
    """Yield an error where a variable of an object is recorded twice: results know it by these two names."""
    seen: set[tuple[int, str]] = set()
    for recording in network.recordings:
        key = (id(recording.group), recording.variable)
        if key in seen:
            allowed = "it is recorded already; record it once, from one slice that has all the members"
            yield DescriptionError(recording.owner, "variable", recording.variable, allowed)
        seen.add(key)
