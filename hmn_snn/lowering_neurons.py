"""Lowering of populations: drawn parameters and the coefficients of exact integration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .distributions import Distribution
from .errors import DescriptionError
from .grid import to_steps
from .lowered import LoweredCurrent, LoweredDrive, LoweredPopulation
from .oscillators import OscillatorDrive
from .population import Population, View

if TYPE_CHECKING:
    from .lowering import Index
    from .network import Network

# Mean overshoot of a discretely watched threshold in units of the step's noise: -zeta(1/2)/sqrt(2 pi)
# (Broadie, Glasserman & Kou, Math. Finance 7, 325, 1997).
DISCRETE_BARRIER = 0.5825971579390107


def lower_population(population: Population, network: Network, index: Index) -> LoweredPopulation:
    """Lower one population.

    Parameters
    ----------
    population : Population
    network : Network
    index : Index

    Returns
    -------
    LoweredPopulation

    Raises
    ------
    DescriptionError
        If a drawn parameter is out of range.
    """
    cell, dt, n = population.cell, network.dt, population.size
    assert population.name is not None
    p = _parameters(population, network.seed)
    dt_s = dt / 1000.0
    resistance = p["tau_m"] / p["cm"]
    rho = np.exp(-dt / p["tau_m"])
    shift = DISCRETE_BARRIER * p["sigma"] * np.sqrt(2.0) * np.sqrt(dt / p["tau_m"]) if cell.noise_correction else 0.0
    return LoweredPopulation(
        name=population.name,
        size=n,
        parameters=p,
        rho_m=rho,
        rho_exc=_decay(p["tau_syn_E"], dt),
        rho_inh=_decay(p["tau_syn_I"], dt),
        k_exc=_current_to_voltage(resistance, p["tau_m"], p["tau_syn_E"], dt),
        k_inh=_current_to_voltage(resistance, p["tau_m"], p["tau_syn_I"], dt),
        resistance=resistance,
        v_rest=p["v_rest"],
        v_reset=p["v_reset"],
        v_thresh=p["v_thresh"] - shift,
        i_offset=p["i_offset"],
        noise=p["sigma"] * np.sqrt(1.0 - rho * rho),
        refractory=to_steps(p["tau_refrac"], dt).astype(np.int32),
        subtract=cell.reset == "subtract",
        delta=(cell.is_delta("excitatory"), cell.is_delta("inhibitory")),
        eta_bias=p["eta_bias"],
        bias_gain=p["eta_bias"] * p["target_rate"] * dt_s,
        initial=_initial(population, p, network.seed),
        currents=_currents(population, dt, index),
        drives=tuple(_drive(d, index) for d in network.of_kind(OscillatorDrive) if d.population is population),
    )


def _parameters(population: Population, seed: int) -> dict[str, np.ndarray]:
    """Draw the cell's parameters and check what was drawn."""
    parameters = {}
    for name, spec in population.cell.quantities():
        given = getattr(population.cell, name)
        values = drawn(given, population.size, seed, f"{population.name}/{name}")
        if isinstance(given, Distribution):
            zero_tau = name.startswith("tau_syn") and (values <= 0.0).any()
            if zero_tau or not spec.accepts(values):
                found = (float(values.min()), float(values.max()))
                allowed = "more than 0 ms" if zero_tau else spec.allowed()
                raise DescriptionError(population.owner, f"{name} (smallest, largest drawn)", found,
                                       f"{allowed}; bound the distribution")  # fmt: skip
        parameters[name] = values
    return parameters


def drawn(value: Any, n: int, seed: int, stream: str) -> np.ndarray:
    """Return a parameter as an array: (1,) for one number, (n,) for an array or a distribution.

    Parameters
    ----------
    value : float, (n,) array or Distribution
    n, seed : int
    stream : str

    Returns
    -------
    (1,) or (n,) float array
    """
    if isinstance(value, Distribution):
        return value.draw(seed, stream, np.arange(n))
    return np.atleast_1d(np.asarray(value, dtype=np.float64))


def _decay(tau: np.ndarray, dt: float) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.asarray(np.exp(-dt / tau))


def _current_to_voltage(resistance: np.ndarray, tau_m: np.ndarray, tau_s: np.ndarray, dt: float) -> np.ndarray:
    """Return the effect of an exponential current on v after one step (exact; Rotter & Diesmann 1999)."""
    tau_m, tau_s, resistance = np.broadcast_arrays(tau_m, tau_s, resistance)
    rho = np.exp(-dt / tau_m)
    equal, delta = tau_s == tau_m, tau_s == 0.0
    safe = np.where(equal | delta, 2.0 * tau_m, tau_s)
    general = resistance * rho * np.expm1(dt * (1.0 / tau_m - 1.0 / safe)) * safe / (safe - tau_m)
    return np.where(delta, 0.0, np.where(equal, resistance * rho * dt / tau_m, general))


def _initial(population: Population, p: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    n, initial = population.size, {}
    for name in ("v", "i_exc", "i_inh", "bias"):
        if name in population.initial_values:
            value = drawn(population.initial_values[name], n, seed, f"{population.name}/initial {name}")
        else:
            value = p["v_rest"] if name == "v" else np.zeros(1)
        initial[name] = np.array(np.broadcast_to(value, (n,)))
    return initial


def _currents(population: Population, dt: float, index: Index) -> tuple[LoweredCurrent, ...]:
    from .lowering import schedule

    lowered = []
    for current in index.currents:
        target = current.target
        parent = target.parent if isinstance(target, View) else target
        if parent is population:
            assert current.name is not None
            members = target.indices if isinstance(target, View) else np.arange(population.size)
            lowered.append(LoweredCurrent(current.name, members, schedule(current.amplitude, dt)))
    return tuple(lowered)


def _drive(drive: OscillatorDrive, index: Index) -> LoweredDrive:
    return LoweredDrive(index.member(drive.oscillator), drive.amplitude, np.atleast_1d(np.asarray(drive.phase)))
