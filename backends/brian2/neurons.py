"""Neurons in Brian2's terms: exact integration in one step of code, refractoriness, threshold, reset."""

from __future__ import annotations

from typing import Any

import numpy as np

from hmn_snn.lowered import RECEPTORS, LoweredPopulation

from .blueprint import Blueprint
from .parts import Draw, Group, Table

VARIABLES = {"v": "v", "i_exc": "i_exc", "i_inh": "i_inh", "bias": "bias"}
ARRIVING = dict(zip(RECEPTORS, ("arriving_exc", "arriving_inh"), strict=True))
_COEFFICIENTS = (
    "rho_m",
    "rho_exc",
    "rho_inh",
    "k_exc",
    "k_inh",
    "resistance",
    "v_rest",
    "v_reset",
    "v_thresh",
    "i_offset",
)


def add_population(blueprint: Blueprint, population: LoweredPopulation) -> None:
    """Add a population.

    Parameters
    ----------
    blueprint : Blueprint
    population : LoweredPopulation
    """
    if population.size == 0:
        blueprint.sources.append(None)
        return
    group = blueprint.group(population.name, population.size, f"population {population.name!r}")
    blueprint.sources.append(group.name)
    group.variables(**population.initial, arriving_exc=0.0, arriving_inh=0.0, threshold_margin=np.inf)
    group.counters("hold")  # steps for which v is still held after a spike
    group.counters("free", kind="boolean")  # whether this step integrates v and tests the threshold
    for name in _COEFFICIENTS:
        group.constants(**{name: _each(getattr(population, name), population.size)})
    group.constants(refractory_steps=_each(population.refractory, population.size))
    group.every_step(_deliver(population), "start", 1)
    group.every_step(_integrate(blueprint, group, population), "groups", 0)
    group.threshold = "free and v >= v_thresh"
    reset = ["v -= v_thresh - v_reset" if population.subtract else "v = v_reset", "hold = refractory_steps"]
    if population.homeostatic:
        group.constants(eta_bias=_each(population.eta_bias, population.size))
        reset.append("bias -= eta_bias")
    group.reset = "\n".join(reset)


def _each(values: Any, n: int) -> np.ndarray:
    return np.array(np.broadcast_to(values, (n,)))


def _deliver(population: LoweredPopulation) -> list[str]:
    """Add what arrived at t_n: to a current, or to v where the receptor is a delta synapse and v is not held."""
    code = []
    for delta, sign, current, arriving in zip(
        population.delta, "+-", ("i_exc", "i_inh"), ARRIVING.values(), strict=True
    ):
        code.append(f"v {sign}= int(hold == 0)*{arriving}" if delta else f"{current} += {arriving}")
        code.append(f"{arriving} = 0")
    return code


def _integrate(blueprint: Blueprint, group: Group, population: LoweredPopulation) -> list[str]:
    """Advance v and the currents to t_n+1; what drives v is held at its value of t_n."""
    inputs = ["i_offset", *_currents(group, population), *_drives(blueprint, group, population)]
    v_next = "v_inf + (v - v_inf)*rho_m + k_exc*i_exc - k_inh*i_inh"
    if population.noisy:
        draw = blueprint.names.new(f"noise_{population.name}")
        group.constants(noise=_each(population.noise, population.size))
        group.namespace[draw] = Draw("normal", f"{population.name}/noise")
        v_next += f" + noise*{draw}(i, t_in_timesteps)"
    code = [
        "free = (hold == 0)",
        f"v_inf = v_rest + resistance*({' + '.join(inputs)}) + bias",
        f"v_next = {v_next}",
        "v = int(free)*v_next + int(not free)*v",
        "i_exc = i_exc*rho_exc",
        "i_inh = i_inh*rho_inh",
        "hold = hold - int(not free)",
        "threshold_margin = clip(abs(v - v_thresh) + 1e300*int(not free), 0, threshold_margin)",
    ]
    if population.homeostatic:
        group.constants(bias_gain=_each(population.bias_gain, population.size))
        code.append("bias = bias + bias_gain")
    return code


def _currents(group: Group, population: LoweredPopulation) -> list[str]:
    """Return the terms of injected currents; each is a table with a column per member that it reaches."""
    terms = []
    for k, current in enumerate(population.currents):
        if len(current.indices) == 0:
            continue
        table = current_table(group.name, k)
        group.namespace[table] = Table.of(current.amplitude, len(current.indices))
        reached, column = np.zeros(population.size), np.zeros(population.size, np.int32)
        reached[current.indices], column[current.indices] = 1.0, np.arange(len(current.indices))
        group.constants(**{f"reached_{k}": reached, f"column_{k}": column})
        terms.append(f"reached_{k}*{table}(t, column_{k})")
    return terms


def current_table(group: str, k: int) -> str:
    """Return the name of the table of a population's k-th current."""
    return f"{group}_current_{k}"


def _drives(blueprint: Blueprint, group: Group, population: LoweredPopulation) -> list[str]:
    """Return the terms of oscillators that drive the population."""
    terms = []
    for k, drive in enumerate(population.drives):
        oscillators, member = blueprint.member(drive.oscillator)
        group.constants(**{
            f"amplitude_{k}": drive.amplitude,
            f"preferred_{k}": _each(drive.phase, population.size),
            f"oscillator_{k}": _each(np.int32(member), population.size),
        })  # fmt: skip
        group.refer(f"phase_{k}", oscillators, "phase", f"oscillator_{k}")
        terms.append(f"amplitude_{k}*cos(phase_{k} - preferred_{k})")
    return terms
