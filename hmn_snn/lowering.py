"""Lowering: from a network to integer steps and flat arrays, all draws spent."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .astrocytes import Astrocytes
from .errors import DescriptionError, ValidationError
from .grid import on_grid, to_steps
from .inputs import CurrentInput, PoissonInput, SpikeInput, Steps
from .lowered import (
    LoweredAstrocytes,
    LoweredEntrainment,
    LoweredInput,
    LoweredModulator,
    LoweredNetwork,
    LoweredOscillator,
    LoweredRecording,
    Schedule,
)
from .lowering_neurons import lower_population
from .lowering_synapses import lower_projection
from .modulators import Modulator
from .network import Network
from .oscillators import Entrainment, Oscillator
from .population import Population, View
from .projection import Projection
from .recording import variables_of
from .translator import Finding, Severity
from .validation import validate


class Index:
    """Positions of a network's objects among those of their kind, as the lowered form refers to them."""

    def __init__(self, network: Network) -> None:
        self.populations = list(network.of_kind(Population))
        self.inputs = [t for t in network.things.values() if isinstance(t, (PoissonInput, SpikeInput))]
        self.sources = [*self.populations, *self.inputs]
        self.modulators = list(network.of_kind(Modulator))
        self.oscillators = list(network.of_kind(Oscillator))
        self.astrocytes = list(network.of_kind(Astrocytes))
        self.projections = list(network.of_kind(Projection))
        self.currents = list(network.of_kind(CurrentInput))
        sizes = [0, *np.cumsum([o.size for o in self.oscillators]).tolist()]
        self.first_member = dict(zip(map(id, self.oscillators), sizes, strict=False))

    def member(self, oscillator: Oscillator | View) -> int:
        """Return the index of a single oscillator; of a group its first."""
        if isinstance(oscillator, View):
            return int(self.first_member[id(oscillator.parent)] + oscillator.indices[0])
        return int(self.first_member[id(oscillator)])

    @staticmethod
    def of(group: list[Any], thing: Any) -> int:
        """Return the position of a thing in a group, by identity."""
        return next(i for i, other in enumerate(group) if other is thing)


def lower(network: Network) -> LoweredNetwork:
    """Validate and lower a network.

    Parameters
    ----------
    network : Network

    Returns
    -------
    LoweredNetwork

    Raises
    ------
    ValidationError
        With everything that is wrong, also what shows only after drawing.
    """
    validate(network)
    index, dt = Index(network), network.dt
    findings: list[Finding] = []
    errors: list[DescriptionError] = []
    populations, projections = [], []
    for population in index.populations:
        try:
            populations.append(lower_population(population, network, index))
        except DescriptionError as error:
            errors.append(error)
    for projection in index.projections:
        try:
            projections.append(lower_projection(projection, network, index, findings))
        except DescriptionError as error:
            errors.append(error)
    if errors:
        raise ValidationError(errors)
    lowered = LoweredNetwork(
        name=network.name,
        dt=dt,
        seed=network.seed,
        populations=tuple(populations),
        inputs=tuple(_input(s, dt, findings) for s in index.inputs),
        projections=tuple(projections),
        modulators=tuple(_modulator(m, dt) for m in index.modulators),
        oscillators=tuple(_oscillator(o, index) for o in index.oscillators),
        entrainments=tuple(_entrainment(e, index) for e in network.of_kind(Entrainment)),
        astrocytes=tuple(_astrocytes(a, dt, index) for a in index.astrocytes),
        recordings=(),
    )
    recordings = tuple(_recording(r, lowered, index) for r in network.recordings)
    return dataclasses.replace(lowered, recordings=recordings, findings=tuple(findings))


def schedule(value: Any, dt: float) -> Schedule:
    """Lower a constant, a per-member array or steps to a schedule that starts at step 0.

    Parameters
    ----------
    value : float, (n,) array or Steps
    dt : float [ms]

    Returns
    -------
    Schedule
    """
    if not isinstance(value, Steps):
        return Schedule(np.zeros(1, np.int64), np.atleast_1d(np.asarray(value, dtype=np.float64))[None, :])
    steps, values = to_steps(value.times, dt), value.values
    if values.ndim == 1:
        values = values[:, None]
    if len(steps) == 0 or steps[0] != 0:
        steps = np.concatenate([np.zeros(1, np.int64), steps])
        values = np.concatenate([np.zeros((1, values.shape[1])), values])
    return Schedule(steps, np.ascontiguousarray(values))


def _input(source: PoissonInput | SpikeInput, dt: float, findings: list[Finding]) -> LoweredInput:
    assert source.name is not None
    none = np.empty(0, np.int64)
    if isinstance(source, PoissonInput):
        return LoweredInput(source.name, source.size, schedule(source.rate, dt), none, none.astype(np.int32))
    counts = [len(t) for t in source.spike_times]
    times = np.concatenate(source.spike_times) if counts else np.empty(0)
    steps = to_steps(times, dt) - 1
    pairs = np.stack([steps, np.repeat(np.arange(source.size), counts)], axis=1)
    unique = np.unique(pairs, axis=0)
    if times.size and not on_grid(times, dt).all():
        shift = float(np.abs(times - (steps + 1) * dt).max())
        findings.append(
            Finding(Severity.ALTERED, source.name, "spike times", f"off the grid of {dt:g} ms",
                    f"rounded by at most {shift:.3g} ms", shift / dt)
        )  # fmt: skip
    if len(unique) < len(pairs):
        lost = len(pairs) - len(unique)
        findings.append(
            Finding(Severity.ALTERED, source.name, "spike times", f"{lost} spikes share source and grid time",
                    "merged", lost / len(pairs))
        )  # fmt: skip
    return LoweredInput(source.name, source.size, None, unique[:, 0].copy(), unique[:, 1].astype(np.int32))


def _modulator(modulator: Modulator, dt: float) -> LoweredModulator:
    assert modulator.name is not None
    times = np.array([t for t, _ in modulator.releases])
    amounts = np.array([a for _, a in modulator.releases])
    order = np.argsort(times, kind="stable")
    return LoweredModulator(
        name=modulator.name,
        tau=modulator.tau,
        rho=float(np.exp(-dt / modulator.tau)),
        weight=modulator.weight,
        tonic=schedule(modulator.tonic, dt),
        release_steps=to_steps(times, dt)[order],
        release_amounts=amounts[order],
        attention=None if modulator.attention is None else np.atleast_1d(modulator.attention),
    )


def _oscillator(oscillator: Oscillator, index: Index) -> LoweredOscillator:
    assert oscillator.name is not None
    n = oscillator.size
    return LoweredOscillator(
        name=oscillator.name,
        size=n,
        first=index.member(oscillator),
        omega=2.0 * np.pi * np.broadcast_to(oscillator.frequency, (n,)),
        phase=np.array(np.broadcast_to(oscillator.phase, (n,))),
        coupling=oscillator.coupling,
        lag=np.atleast_2d(np.asarray(oscillator.lag, dtype=np.float64)),
    )


def _entrainment(entrainment: Entrainment, index: Index) -> LoweredEntrainment:
    assert entrainment.name is not None
    population = entrainment.population
    group = population.parent if isinstance(population, View) else population
    member = np.zeros(group.size, dtype=bool)
    member[population.indices if isinstance(population, View) else slice(None)] = True
    return LoweredEntrainment(
        entrainment.name,
        index.of(index.oscillators, entrainment.oscillator),
        index.of(index.sources, group),
        member,
        entrainment.strength,
        entrainment.phase,
    )


def _astrocytes(astrocytes: Astrocytes, dt: float, index: Index) -> LoweredAstrocytes:
    assert astrocytes.name is not None
    driver = astrocytes.norepinephrine
    return LoweredAstrocytes(
        astrocytes.name,
        astrocytes.size,
        astrocytes.cell,
        np.array(astrocytes.cell.coefficients(astrocytes.clock)),
        int(to_steps(astrocytes.clock, dt)),
        -1 if driver is None else index.of(index.modulators, driver),
    )


def _recording(recording: Any, lowered: LoweredNetwork, index: Index) -> LoweredRecording:
    group = recording.group
    kinds: dict[type, tuple[str, list[Any]]] = {
        Population: ("population", index.populations),
        Projection: ("projection", index.projections),
        Modulator: ("modulator", index.modulators),
        Oscillator: ("oscillator", index.oscillators),
        Astrocytes: ("astrocytes", index.astrocytes),
    }
    kind, members = next(entry for cls, entry in kinds.items() if isinstance(group, cls))
    position = index.of(members, group)
    if isinstance(recording.target, View):
        indices = recording.target.indices
    elif kind == "projection":
        size = 1 if recording.variable == "G" else lowered.projections[position].n_synapses
        indices = np.arange(size)
    else:
        indices = np.arange(1 if kind == "modulator" else group.size)
    every = 1 if recording.every is None else int(to_steps(recording.every, lowered.dt))
    unit = variables_of(group)[recording.variable]
    return LoweredRecording(kind, position, group.name, recording.variable, unit, indices, every)
