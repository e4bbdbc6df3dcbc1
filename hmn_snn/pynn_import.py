"""Networks from PyNN: a script, or the populations and projections of one, as a network of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np

from .errors import DescriptionError
from .network import Network
from .pynn_process import pynn_installed, run_script
from .pynn_reader import Reader
from .translator import Finding

_SIMULATORS = {"NEST": "nest", "NEURON": "neuron", "Brian 2": "brian2", "MockSimulator": "mock"}


class PyNNWarning(UserWarning):
    """What the reading of a PyNN network could not keep.

    Attributes
    ----------
    findings : tuple of Finding
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("\n  - ".join(["from PyNN, this is not kept:", *map(str, self.findings)]))


@dataclass(frozen=True)
class PyNNModel:
    """A network read from PyNN, and what a network does not hold.

    Attributes
    ----------
    network : Network
    duration : float [ms]
        The total of the runs that the script asked for (0 for objects in this process).
    simulator : str
        The one that it was written for: ``"nest"``, ``"neuron"``, ``"brian2"``, ``"spiNNaker"``, ...
    findings : tuple of Finding
    """

    network: Network
    duration: float
    simulator: str
    findings: tuple[Finding, ...]


def from_pynn(
    model: Any,
    *,
    args: Sequence[str] = (),
    duration: float | None = None,
    seed: int = 0,
    name: str | None = None,
    time_limit: float = 600.0,
) -> Network:
    """Return the network that a PyNN script builds, or that PyNN's objects in this process are.

    **A script is code, and is executed**, in a process of its own with this interpreter and your rights; only its
    working and home folder are private ones. Read what you did not write before you import it. Every simulator that it
    imports from pyNN is PyNN's mock in disguise: networks are built, with the script's own random numbers, and nothing
    is simulated; ``run`` returns at once, results are empty, and what fails after the first run is only noted.

    Translated are IF_curr_exp, IF_curr_delta, SpikeSourceArray, SpikeSourcePoisson; views and assemblies as ends;
    StaticSynapse, and STDPMechanism of SpikePairRule and AdditiveWeightDependence
    (:func:`hmn_snn.pynn_plasticity.pair_rule`); the four current sources; initial values; recording. Everything else is
    refused by name, all at once. Populations have their labels as names.

    A spike that is fired at t arrives at t + delay, which is what NEST means (with ``spike_precision="on_grid"`` it
    gives the same spikes); Brian2, NEURON and SpiNNaker differ from it by up to a step. Delays of a script for
    SpiNNaker stay what they are in it, its weights are magnitudes, and STDP amplitudes are absolute; elsewhere weights
    have a sign, which chooses the receptor, and STDP amplitudes are relative to w_max. Sines and noise are sampled for
    the time that the script runs.

    Parameters
    ----------
    model : str or pathlib.Path, or sequence of PyNN objects
        A script; or Populations, Projections and, as nothing leads from a cell to them, current sources.
    args : sequence of str
        The script's command line, such as ``["nest"]`` for one that uses ``get_simulator``.
    duration : float, optional [ms]
        For which sines and noise are sampled; the time that the script asks for if not given.
    seed : int
        Of the network, and so of its Poisson inputs and sampled noise. What the script draws itself is drawn.
    name : str, optional
        Of the network; the script's if not given.
    time_limit : float [s]
        For the script.

    Returns
    -------
    Network

    Raises
    ------
    MissingExtraError
        If PyNN is not installed.
    FileNotFoundError
    FileFormatError
        If the script fails before its first run, or builds nothing.
    SimulationError
        If it does not end in time.
    ValidationError
        If parts do not translate; it holds all errors.

    Warns
    -----
    PyNNWarning
        With a finding for all that the network does otherwise, and what was left out.

    References
    ----------
    Davison et al., Frontiers in Neuroinformatics 2:11 (2008), doi:10.3389/neuro.11.011.2008.
    """
    read = read_pynn(model, args=args, duration=duration, seed=seed, name=name, time_limit=time_limit)
    if read.findings:
        warn(PyNNWarning(read.findings), stacklevel=2)
    return read.network


def read_pynn(
    model: Any,
    *,
    args: Sequence[str] = (),
    duration: float | None = None,
    seed: int = 0,
    name: str | None = None,
    time_limit: float = 600.0,
) -> PyNNModel:
    """Return what :func:`from_pynn` reads, with the duration that a script asks for; parameters and errors as there.

    Returns
    -------
    PyNNModel
    """
    if isinstance(model, (str, Path)):
        data, arrays = run_script(Path(model), args, time_limit)
        name = name or Path(model).stem
    elif isinstance(model, (list, tuple)):
        data, arrays = _live(list(model))
    else:
        allowed = "give the path of a script, or a list of populations and projections"
        raise DescriptionError("from_pynn", "model", model, allowed)
    reader = Reader(_with_arrays(data, arrays), name or "pynn", seed, duration)
    reader.read()
    return PyNNModel(reader.net, data["duration"], data["simulator"], tuple(reader.findings))


def _live(objects: list[Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read PyNN objects of this process."""
    pynn_installed()
    from pyNN import common
    from pyNN.models import BaseCurrentSource

    from .pynn_walk import Walker

    populations: list[Any] = [x for x in objects if isinstance(x, common.Population)]
    projections = [x for x in objects if isinstance(x, common.Projection)]
    currents = [x for x in objects if isinstance(x, BaseCurrentSource)]
    for x in objects:
        if not any(x is known for known in (*populations, *projections, *currents)):
            allowed = (
                "give a script, or PyNN Populations, Projections and current sources (views come with projections)"
            )
            raise DescriptionError("from_pynn", "model", x, allowed)
    if not populations and not projections:
        raise DescriptionError("from_pynn", "model", objects, "give at least one Population or Projection")
    simulator = (populations or [projections[0].pre])[0]._simulator
    try:
        walker = Walker(populations, projections, currents)
    except TypeError as error:
        raise DescriptionError("from_pynn", "model", objects, str(error)) from error
    more = {"simulator": _SIMULATORS.get(simulator.name, simulator.name), "dt": simulator.state.dt, "duration": 0.0}
    return {**walker.model, **more, "already": float(simulator.state.t)}, walker.arrays


def _with_arrays(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """Return a model with its arrays in place."""
    if isinstance(value, dict):
        if set(value) == {"array"}:
            return arrays[value["array"]]
        return {key: _with_arrays(inner, arrays) for key, inner in value.items()}
    return [_with_arrays(inner, arrays) for inner in value] if isinstance(value, list) else value
