"""NIR's neuron nodes and our cells, in both directions.

NIR gives time constants in seconds; its voltages, currents and resistances have no unit. One of its units is taken as
1 mV, 1 nA and 1 MOhm, so that these numbers stay what they are.

A spike is a unit current held for one step, as the simulators that write NIR have it. What a weight w is then here:

========  ==============================  ====================================================================
node      our weight                      because
========  ==============================  ====================================================================
LIF, LI   w r expm1(dt/tau) [mV]          added at the start of the step, v ends it as under the held current
IF, I     w r dt [mV], dt in s            the same without the leak
CubaLIF   w w_in dt/tau_syn [nA]          the area of the pulse, at its start: the mean current is exact, the
                                          response earlier by dt/2
========  ==============================  ====================================================================

NIR's spike is v > v_threshold, ours v >= v_thresh: the threshold moves to the next number and is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DescriptionError
from .lowered import LoweredPopulation
from .neurons import LIF

SPIKING = ("LIF", "CubaLIF", "IF")
NEURONS = (*SPIKING, "LI", "CubaLI", "I")

MS_PER_S = 1000.0
# exp(-dt/tau) is exactly 1 in double precision for any step: an integrator without a leak.
NO_LEAK = 1e18  # ms
# No membrane potential reaches it: an integrator without spikes, to be read by its recorded v.
NEVER = 1e300  # mV


@dataclass(frozen=True, eq=False)
class Neurons:
    """What a neuron node is here.

    Attributes
    ----------
    cell : LIF
        Without i_offset.
    size : int
    shape : tuple of int
    efficacy : (size,) float array
        Our weight, in mV at a delta receptor and else in nA, of a NIR weight of 1.
    gain : (size,) float array
        Current [nA] that a constant input of 1 ends in; 0 where there is no leak to balance it.
    filtered : bool
        Whether inputs pass a synaptic time constant.
    """

    cell: LIF
    size: int
    shape: tuple[int, ...]
    efficacy: np.ndarray
    gain: np.ndarray
    filtered: bool


def from_node(owner: str, node: Any, dt: float, reset: str) -> Neurons:
    """Return what a neuron node is here.

    Parameters
    ----------
    owner : str
        The node as error messages name it.
    node : nir.LIF, CubaLIF, IF, LI, CubaLI or I
    dt : float [ms]
    reset : "value" or "subtract"

    Returns
    -------
    Neurons

    Raises
    ------
    DescriptionError
        If a time constant or the resistance is not positive, or the parameters have no shape.
    """
    kind, shape = type(node).__name__, np.shape(node.r)
    if not shape:
        raise DescriptionError(owner, "shape of r", shape, "give one value per neuron, such as np.full(n, r)")
    r = _positive(owner, node, "r")
    filtered, leaky = kind.startswith("Cuba"), kind not in ("IF", "I")
    tau_syn, gain = np.zeros_like(r), np.ones_like(r)
    if leaky:
        tau = _positive(owner, node, "tau_mem" if filtered else "tau") * MS_PER_S
        capacitance, v_rest = tau / r, _values(node.v_leak, r)
        efficacy = r * np.expm1(dt / tau)
    else:
        tau, capacitance, v_rest = np.full_like(r, NO_LEAK), MS_PER_S / r, np.zeros_like(r)
        efficacy, gain = dt / capacitance, np.zeros_like(r)
    if filtered:
        tau_syn, gain = _positive(owner, node, "tau_syn") * MS_PER_S, _values(node.w_in, r)
        efficacy = gain * dt / tau_syn
    if kind in SPIKING:
        v_reset, v_thresh = _values(node.v_reset, r), np.nextafter(_values(node.v_threshold, r), np.inf)
    else:
        v_reset, v_thresh = v_rest, np.full_like(r, NEVER)
    parameters = {"tau_m": tau, "cm": capacitance, "v_rest": v_rest, "v_reset": v_reset, "v_thresh": v_thresh}
    given: dict[str, Any] = {key: compact(value) for key, value in (*parameters.items(), ("tau_syn_E", tau_syn))}
    cell = LIF(**given, tau_syn_I=given["tau_syn_E"], reset=reset)
    return Neurons(cell, r.size, shape, efficacy, gain, filtered)


def to_node(nir: Any, population: LoweredPopulation, tau_syn: np.ndarray, dt: float) -> tuple[Any, np.ndarray]:
    """Return a population's node.

    Parameters
    ----------
    nir : module
    population : LoweredPopulation
    tau_syn : (1,) or (n,) float array [ms]
        Of the receptor that is used.
    dt : float [ms]

    Returns
    -------
    node : nir.LIF, CubaLIF, IF, LI, CubaLI or I
    efficacy : (n,) float array
        Our weight of a NIR weight of 1; see :class:`Neurons`.
    """
    n = population.size
    p = {name: np.array(np.broadcast_to(value, (n,))) for name, value in population.parameters.items()}
    tau, tau_syn = p["tau_m"], np.array(np.broadcast_to(tau_syn, (n,)))
    filtered, leaky = bool((tau_syn > 0).all()), bool((tau < NO_LEAK).all()) or n == 0
    given: dict[str, Any] = {"r": tau / p["cm"] if leaky or filtered else MS_PER_S / p["cm"]}
    if filtered:
        # w_in undoes the area of a pulse: the matrices hold our weights themselves.
        given.update(tau_mem=tau / MS_PER_S, tau_syn=tau_syn / MS_PER_S, w_in=tau_syn / dt)
        efficacy = np.ones(n)
    elif leaky:
        given["tau"] = tau / MS_PER_S
        efficacy = given["r"] * np.expm1(dt / tau)
    else:
        efficacy = dt / p["cm"]
    if filtered or leaky:
        given["v_leak"] = p["v_rest"]
    spiking = not bool((p["v_thresh"] >= NEVER).all()) or n == 0
    if spiking:
        given.update(v_reset=p["v_reset"], v_threshold=np.nextafter(p["v_thresh"], -np.inf))
        given["metadata"] = {"reset": "subtract"} if population.subtract else {}
    name = ("Cuba" if filtered else "") + ("LI" if filtered or leaky else "I") + ("F" if spiking else "")
    return getattr(nir, name)(**given), efficacy


def compact(values: np.ndarray) -> float | np.ndarray:
    """Return one number where all values are equal, else the array.

    Parameters
    ----------
    values : (n,) float array

    Returns
    -------
    float or (n,) float array
    """
    return float(values[0]) if values.size and (values == values[0]).all() else values


def _values(given: Any, like: np.ndarray) -> np.ndarray:
    return np.array(np.broadcast_to(np.ravel(np.asarray(given, dtype=np.float64)), like.shape))


def _positive(owner: str, node: Any, parameter: str) -> np.ndarray:
    values = np.ravel(np.asarray(getattr(node, parameter), dtype=np.float64))
    wrong = values[~(np.isfinite(values) & (values > 0))]
    if wrong.size:
        raise DescriptionError(owner, parameter, float(wrong[0]), "use finite numbers, more than 0")
    return values
