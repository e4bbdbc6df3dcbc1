"""The whole network as a blueprint: every lowered object becomes groups, synapses, inputs and probes."""

from __future__ import annotations

from collections.abc import Sequence

from hmn_snn.lowered import LoweredNetwork, LoweredRecording

from . import astrocytes, neurons, synapses
from .astrocytes import add_astrocytes
from .blueprint import Blueprint
from .modulators import add_modulator
from .neurons import add_population
from .oscillators import add_entrainment, add_oscillators
from .parts import Probe
from .synapses import add_projection


def blueprint_of(lowered: LoweredNetwork) -> Blueprint:
    """Return the blueprint of a lowered network.

    Parameters
    ----------
    lowered : LoweredNetwork

    Returns
    -------
    Blueprint
    """
    blueprint = Blueprint(lowered)
    for oscillators in lowered.oscillators:
        add_oscillators(blueprint, oscillators)
    for modulator in lowered.modulators:
        add_modulator(blueprint, modulator)
    for population in lowered.populations:
        add_population(blueprint, population)
    for index, source in enumerate(lowered.inputs):
        name = blueprint.names.new(source.name) if source.size else None
        blueprint.sources.append(name)
        if name is not None:
            blueprint.inputs[name] = index
    for index in range(len(lowered.astrocytes)):
        add_astrocytes(blueprint, index)
    for projection in lowered.projections:
        add_projection(blueprint, projection)
    for entrainment in lowered.entrainments:
        add_entrainment(blueprint, entrainment)
    for index, recording in enumerate(lowered.recordings):
        _add_probe(blueprint, index, recording)
    for name in filter(None, blueprint.sources):
        blueprint.monitors[name] = blueprint.names.new(f"spikes of {name}")
    return blueprint


def _add_probe(blueprint: Blueprint, index: int, recording: LoweredRecording) -> None:
    places: dict[str, tuple[Sequence[str | None], dict[str, str]]] = {
        "population": (blueprint.sources, neurons.VARIABLES),
        "projection": (blueprint.projections, synapses.VARIABLES),
        "modulator": (blueprint.modulators, {"level": "level"}),
        "oscillator": (blueprint.oscillators, {"phase": "phase"}),
        "astrocytes": (blueprint.astrocytes, astrocytes.VARIABLES),
    }
    parts, variables = places[recording.kind]
    part, variable = parts[recording.group], variables[recording.variable]
    if recording.kind == "projection" and recording.variable == "G":
        part = blueprint.gatings[recording.group]
    if part is None or len(recording.indices) == 0:
        return
    name = blueprint.names.new(f"{recording.variable} of {recording.name}")
    blueprint.probes.append(Probe(name, index, part, variable, recording.indices, recording.every))
