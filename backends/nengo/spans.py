"""Potentials and currents of a population in Nengo's units: 0 is the reset, 1 the threshold.

Nengo's LIF holds its input J over a step: v' = J + (v - J) rho_m. A current that decays over the step moves v by
k i, so J = k i / (1 - rho_m) moves it as far, and there is no difference left below the threshold.
"""

from __future__ import annotations

import numpy as np

from hmn_snn.lowered import LoweredPopulation

Float = np.ndarray


def span(population: LoweredPopulation) -> Float:
    """Return (1,) or (n,) float array: from the reset to the threshold [mV]."""
    return np.asarray(population.v_thresh - population.v_reset)


def drive(population: LoweredPopulation, current: Float) -> Float:
    """Return the constant part of J.

    Parameters
    ----------
    population : LoweredPopulation
    current : (1,) or (n,) float array [nA]
        Injected, the cell's own offset included.

    Returns
    -------
    (n,) float array
    """
    held = population.v_rest - population.v_reset + population.resistance * current
    return np.array(np.broadcast_to(held / span(population), (population.size,)))


def noise_scale(population: LoweredPopulation) -> Float:
    """Return (n,) float array: what a standard normal number adds to J for a step."""
    scale = population.noise / (1.0 - population.rho_m) / span(population)
    return np.array(np.broadcast_to(scale, (population.size,)))


def gain(population: LoweredPopulation, receptor: int) -> Float:
    """Return (n,) float array: J of a receptor's current [1/nA], or of a delta receptor's arrivals [1/mV]; signed."""
    effect = (population.k_exc, population.k_inh)[receptor]
    effect = population.rho_m if population.delta[receptor] else effect
    sign = -1.0 if receptor else 1.0
    scale = sign * effect / (1.0 - population.rho_m) / span(population)
    return np.array(np.broadcast_to(scale, (population.size,)))


def potential(population: LoweredPopulation, v: Float, members: np.ndarray) -> Float:
    """Return membrane potentials.

    Parameters
    ----------
    population : LoweredPopulation
    v : (..., m) float array
        In Nengo's units.
    members : (m,) int array

    Returns
    -------
    (..., m) float array [mV]
    """
    return np.asarray(_of(population.v_reset, members) + v * _of(span(population), members))


def _of(values: Float, members: np.ndarray) -> Float:
    return values if len(values) == 1 else values[members]
