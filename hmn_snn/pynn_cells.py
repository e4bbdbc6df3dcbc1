"""PyNN's cells, spike sources and current sources as populations and inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import randomness
from .errors import DescriptionError
from .grid import TOLERANCE, on_grid, to_steps
from .inputs import CurrentInput, PoissonInput, SpikeInput, Steps
from .neurons import LIF
from .population import Population, Sliceable

Note = Callable[[str, str, str, str], None]

CELLS = ("IF_curr_exp", "IF_curr_delta")
SOURCES = ("SpikeSourceArray", "SpikeSourcePoisson")
_FOREVER = 1e9  # ms; PyNN's own "without end" is 1e10 for sources and 1e12 for currents
_LARGEST = 20_000_000  # values of a sampled current
_ADVICE = {
    "IF_cond": "its synapses are conductances; rewrite it with IF_curr_exp, weights times the driving force at rest",
    "IF_curr_alpha": "its currents are alpha functions; use IF_curr_exp, with exponential ones",
}
_INITIAL = {"v": ("v", 1.0), "isyn_exc": ("i_exc", 1.0), "isyn_inh": ("i_inh", -1.0)}
_ROUNDING: dict[str, Any] = {"nest": np.floor, "spiNNaker": np.ceil}


def read_group(data: dict[str, Any], name: str, dt: float, simulator: str, note: Note) -> Sliceable:
    """Return a population or an input.

    Parameters
    ----------
    data : dict
        As :class:`hmn_snn.pynn_walk.Walker` gives it, with its arrays.
    name : str
    dt : float [ms]
    simulator : str
    note : callable (what, where, found, limit)
        Called with what becomes something else.

    Returns
    -------
    Population, SpikeInput or PoissonInput

    Raises
    ------
    DescriptionError
        If there is nothing like it here.
    """
    kind, owner = data["cell"], f"population {name!r}"
    if kind not in (*CELLS, *SOURCES) or data.get("native"):
        default = f"use {', '.join(CELLS[:-1])} or {CELLS[-1]}, or the sources {' and '.join(SOURCES)}"
        advice = next((text for start, text in _ADVICE.items() if kind.startswith(start)), default)
        raise DescriptionError(owner, "cell", kind, advice)
    if kind == "SpikeSourceArray":
        return SpikeInput.from_arrays(data["size"], data["spikes"]["times"], data["spikes"]["sources"], name)
    if kind == "SpikeSourcePoisson":
        return PoissonInput(data["size"], _rate(data["parameters"], data["size"], dt), name)
    given = dict(data["parameters"])
    if kind == "IF_curr_delta":
        given |= {"tau_syn_E": 0.0, "tau_syn_I": 0.0}
        limit = "the threshold is tested a step after the arrival, not at once: such a spike is dt later"
        note(name, "cell", "IF_curr_delta, which spikes at the arrival that lifts it over the threshold", limit)
    given["tau_refrac"] = _refractory(given["tau_refrac"], name, dt, simulator, note)
    return Population(data["size"], LIF(**given), name, _initial(data["initial"], name, note))


def _refractory(value: Any, name: str, dt: float, simulator: str, note: Note) -> Any:
    """Return refractory times on the grid, rounded as the simulator does."""
    if on_grid(value, dt).all():
        return value
    steps = np.where(on_grid(value, dt), np.rint(np.divide(value, dt)), np.divide(value, dt))
    rounded = _ROUNDING.get(simulator, np.rint)(steps) * dt
    largest = float(np.abs(rounded - value).max())
    note(
        name, "tau_refrac", f"no multiple of dt = {dt:g} ms", f"rounded by up to {largest:g} ms, as the simulator does"
    )
    return rounded if rounded.ndim else float(rounded)


def _initial(given: dict[str, Any], name: str, note: Note) -> dict[str, Any]:
    out = {}
    for variable, value in given.items():
        if variable in _INITIAL:
            key, sign = _INITIAL[variable]
            if key == "v" or np.any(np.asarray(value) != 0.0):
                out[key] = sign * np.asarray(value) if np.ndim(value) else sign * value
        elif np.any(np.asarray(value) != 0.0):
            note(name, f"initial {variable}", "not 0", "left out: there is no such variable here")
    if "v" not in out:
        note(name, "initial v", "drawn in the simulator, which does not tell", "starts at v_rest; set it anew")
    return out


def _rate(given: dict[str, Any], size: int, dt: float) -> Any:
    """Return the rate of Poisson sources, in steps if they do not fire all the time."""
    start, stop = np.asarray(given["start"], float), np.asarray(given["start"]) + np.asarray(given["duration"], float)
    if (start <= 0.0).all() and (stop >= _FOREVER).all():
        return given["rate"]
    times = np.unique(to_steps(np.concatenate([[0.0], np.ravel(start), np.ravel(stop[stop < _FOREVER])]), dt))
    times = times[times >= 0] * dt
    shape = np.broadcast_shapes(start.shape, stop.shape, np.shape(given["rate"]))
    now = times.reshape(-1, *[1] * len(shape))
    on = (now > start - 0.5 * dt) & (now < stop - 0.5 * dt)
    return Steps(times, np.where(on, given["rate"], 0.0))


def read_current(
    data: dict[str, Any], targets: list[Any], dt: float, duration: float, seed: int, simulator: str, number: int
) -> list[CurrentInput]:
    """Return a current source as inputs, one per population it is injected into.

    Parameters
    ----------
    data : dict
        As :class:`hmn_snn.pynn_walk.Walker` gives it, with its arrays.
    targets : list of slices of populations
    dt : float [ms]
    duration : float [ms]
        For which sines and noise are sampled.
    seed : int
        Of the noise.
    simulator : str
        NEST's noise is another one for every cell; elsewhere all cells of a source get the same.
    number : int
        Of the source, which its noise depends on.

    Returns
    -------
    list of CurrentInput

    Raises
    ------
    DescriptionError
    """
    kind, given, owner = data["kind"], data["parameters"], f"{data['kind']} number {number}"
    if kind == "DCSource":
        amplitude: Any = _pulse(given["start"], given["stop"], dt, given["amplitude"])
        return [CurrentInput(target, amplitude) for target in targets]
    if kind == "StepCurrentSource":
        steps = to_steps(np.atleast_1d(given["times"]), dt)
        # Of several changes within a step the last one counts.
        last = np.flatnonzero(np.diff(np.append(steps, np.iinfo(np.int64).max)))
        amplitude = Steps(steps[last] * dt, np.atleast_1d(given["amplitudes"])[last])
        return [CurrentInput(target, amplitude) for target in targets]
    if kind not in ("ACSource", "NoisyCurrentSource"):
        raise DescriptionError(owner, "kind", kind, "use DCSource, StepCurrentSource, ACSource or NoisyCurrentSource")
    times = _sampled(given["start"], min(given["stop"], duration), dt, given.get("dt", dt))
    if not times.size:
        allowed = "it is sampled for as long as the network runs; give duration, more than its start"
        raise DescriptionError(owner, "duration", duration, allowed)
    if kind == "ACSource":
        angle = 2e-3 * np.pi * given["frequency"] * (times - times[0]) + np.deg2rad(given["phase"])
        wave = given["offset"] + given["amplitude"] * np.sin(angle)
        return [CurrentInput(target, _ended(times, wave, given["stop"], dt)) for target in targets]
    out = []
    for n, target in enumerate(targets):
        columns = len(target) if simulator == "nest" else 1
        if columns * times.size > _LARGEST:
            raise DescriptionError(
                owner, "duration", duration, "its noise has too many values; give a shorter duration"
            )
        entity = np.arange(columns) if simulator == "nest" else np.zeros(1, np.int64)
        stream = f"{kind} {number}.{n if simulator == 'nest' else 0}/noise"
        noise = randomness.normal(seed, stream, entity[None, :], np.arange(times.size)[:, None])
        values = given["mean"] + given["stdev"] * (noise if columns > 1 else noise[:, 0])
        out.append(CurrentInput(target, _ended(times, values, given["stop"], dt)))
    return out


def _pulse(start: float, stop: float, dt: float, amplitude: float) -> Any:
    if start <= 0.5 * dt and stop >= _FOREVER:
        return amplitude
    return _ended(np.array([to_steps(start, dt) * dt]), np.array([amplitude]), stop, dt)


def _ended(times: np.ndarray, values: np.ndarray, stop: float, dt: float) -> Steps:
    """Return steps that go back to 0 when the source stops."""
    end = to_steps(min(stop, _FOREVER), dt) * dt
    if stop >= _FOREVER or end <= times[-1] + TOLERANCE * dt:
        return Steps(times, values)
    return Steps(np.append(times, end), np.concatenate([values, np.zeros((1, *values.shape[1:]))]))


def _sampled(start: float, stop: float, dt: float, every: float) -> np.ndarray:
    step = max(1, int(to_steps(every, dt)))
    return np.arange(int(to_steps(max(start, 0.0), dt)), int(to_steps(stop, dt)), step) * dt
