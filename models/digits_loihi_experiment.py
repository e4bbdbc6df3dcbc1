"""The experiment of the digits on Loihi 2: learned in float or there, tested there, and what changes the answers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.lowering import lower

from . import digits_data as data
from .digits_comparison import FLOAT, OTHER_SEEDS, OTHER_SPIKES, recognised
from .digits_network import CYCLE, PIXELS, digits
from .digits_training import TEST_CYCLES, Classification

BACKEND = "loihi2"
EMULATOR: Mapping[str, Any] = {"backend": BACKEND, "executor": "emulator"}

# Conditions of the test.
CHIP, NEAREST = "Loihi 2", "Loihi 2, rounded to the nearest"
# What the chip's integers change and the engine can take over, one by one: numbers of the network.
CAUSES = ("weights", "time constants", "thresholds")
TOGETHER = "float, with all three"
BITS = (6, 4, 3, 2, 1)

# Conditions of learning.
HOST, HOST_NEAREST = "on Loihi 2", "on Loihi 2, to the nearest"
LEARNING: Mapping[str, Mapping[str, Any]] = {
    FLOAT: {},
    HOST: {**EMULATOR, "rounding": "stochastic"},
    HOST_NEAREST: {**EMULATOR, "rounding": "nearest"},
}


def with_numbers_of_the_chip(net: hs.Network, causes: Collection[str] = CAUSES) -> hs.Network:
    """Return a network whose numbers are those that the chip's integers stand for, to be run in float.

    Parameters
    ----------
    net : Network
        Of inputs, populations of equal neurons, astrocytes, and projections between whole populations that do not
        learn.
    causes : collection of str
        Of "weights" (8 bits), "time constants" (decays are multiples of 1/4096; resistances and the area under a
        synaptic current stay) and "thresholds" (in units of 64).

    Returns
    -------
    Network
    """
    lowered = lower(net)
    program = registry.get(BACKEND).translate(lowered, executor="emulator").native
    processes = {process.name: process for process in program.processes}
    held = {p.name: np.array(p.weights) for p in lowered.projections}
    for connection in program.connections if "weights" in causes else ():
        unit = np.abs(connection.scale)
        unit = unit if len(unit) == 1 else unit[connection.target_index]
        held[lowered.projections[connection.projection].name][connection.synapse] = np.abs(connection.weight) / unit
    new = hs.Network(net.name, dt=net.dt, seed=net.seed)
    made: dict[str, Any] = {}
    thing: Any
    for name, thing in net.things.items():
        if isinstance(thing, hs.Population):
            thing = dataclasses.replace(thing, cell=_cell(thing.cell, processes[name], net.dt, causes))
        elif isinstance(thing, hs.Projection):
            pre, post = made[thing.source.name], made[thing.target.name]
            time = "tau_syn_I" if thing.receptor == "inhibitory" else "tau_syn_E"
            taus = [getattr(cell, time) for cell in (thing.target.cell, post.cell)]
            area = math.expm1(-net.dt / taus[1]) / math.expm1(-net.dt / taus[0])
            thing = dataclasses.replace(thing, pre=pre, post=post, weight=held[name] * area)
        made[name] = new.add(thing)
    return new


def _cell(cell: hs.LIF, process: Any, dt: float, causes: Collection[str]) -> hs.LIF:
    """Return the neuron that a process of the chip is in float."""
    changes: dict[str, Any] = {}
    if "time constants" in causes:
        tau_m = -dt / math.log1p(-float(process.dv[0]) / 4096)
        du_inh = process.du if process.du_inh is None else process.du_inh
        changes |= {"tau_m": tau_m, "cm": cell.cm * tau_m / cell.tau_m}
        changes["tau_syn_E"], changes["tau_syn_I"] = (
            -dt / math.log1p(-(float(du[0]) + 1.0) / 4096) for du in (process.du, du_inh)
        )  # fmt: skip
    if "thresholds" in causes:
        # The chip fires above 64 vth, so at the next integer.
        changes["v_thresh"] = cell.v_reset + (64.0 * float(process.vth[0]) + 1.0) / float(process.scale[0])
    return dataclasses.replace(cell, **changes)


def coarse(weights: np.ndarray, bits: int) -> np.ndarray:
    """Return weights rounded to the nearest of 2 ** bits levels from 0 to their largest.

    Parameters
    ----------
    weights : (n,) float array
    bits : int

    Returns
    -------
    (n,) float array
    """
    step = float(weights.max()) / (2**bits - 1)
    return np.asarray(np.rint(weights / step) * step)


def conditions(seed: int, weights: np.ndarray, images: np.ndarray) -> Iterator[tuple[str, Classification]]:
    """Yield what learned weights make of images in every condition, the float run first.

    Parameters
    ----------
    seed : int
    weights : (n_synapses,) float array [nA]
    images : (n, 64) array

    Yields
    ------
    condition, Classification
    """
    net = digits(seed, learned=weights)
    yield FLOAT, recognised(seed, weights, images)
    yield CHIP, recognised(seed, weights, images, **EMULATOR)
    yield NEAREST, recognised(seed, weights, images, **EMULATOR, rounding="nearest")
    for cause in CAUSES:
        yield f"float, {cause} of the chip", recognised(seed, weights, images, with_numbers_of_the_chip(net, [cause]))
    yield TOGETHER, recognised(seed, weights, images, with_numbers_of_the_chip(net))
    yield OTHER_SPIKES, recognised(seed + OTHER_SEEDS, weights, images)
    for bits in BITS:
        name = f"float, weights of {bits} bit{'s' if bits > 1 else ''}"
        yield name, recognised(seed, coarse(weights, bits), images)


# On Lava


def spikes_by_executor(
    seed: int, weights: np.ndarray, images: np.ndarray, executors: Sequence[str], cycles: int = TEST_CYCLES
) -> list[list[hs.Results]]:
    """Show images to a network on several executors.

    Parameters
    ----------
    seed : int
    weights : (n_synapses,) float array [nA]
    images : (n, 64) array
    executors : sequence of str
    cycles : int
        For which each image is shown.

    Returns
    -------
    list of list of Results
        By executor and image.
    """
    runs = []
    for executor in executors:
        with hs.Simulation(digits(seed, learned=weights), BACKEND, progress=False, executor=executor) as sim:
            pieces = []
            for image in images:
                sim.set_rate(PIXELS, data.rates(image))
                pieces.append(sim.run(cycles * CYCLE))
        runs.append(pieces)
    return runs


def same_spikes(a: hs.Results, b: hs.Results) -> bool:
    """Tell whether two runs have the same spikes, every one of them.

    Parameters
    ----------
    a, b : Results

    Returns
    -------
    bool
    """
    return set(a.spikes) == set(b.spikes) and all(
        np.array_equal(a.spikes[name].t, b.spikes[name].t) and np.array_equal(a.spikes[name].i, b.spikes[name].i)
        for name in a.spikes
    )
