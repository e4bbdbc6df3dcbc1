"""What this backend refuses, and what Nengo's own LIF changes: before a run, and in the middle of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hmn_snn.lowered import LoweredNetwork, LoweredPopulation
from hmn_snn.translator import Finding, Severity

ALTERED, REJECTED = Severity.ALTERED, Severity.REJECTED

# Parameters that an ensemble of Nengo, or its synapse, has once.
_SHARED = ("tau_m", "tau_refrac", "tau_syn_E", "tau_syn_I")


def no_weights(projection: str) -> str:
    """Say that weights cannot be written."""
    return f"projection {projection!r}: its weights are fixed on this backend; use backend='numba' to write them"


def no_state(executor: str) -> str:
    """Say that there are no checkpoints."""
    return f"executor {executor!r} has no state that can be saved; use backend='numba' for checkpoints"


def core_findings(lowered: LoweredNetwork) -> tuple[Finding, ...]:
    """Return what Nengo's core simulator refuses and alters, besides whole features.

    Parameters
    ----------
    lowered : LoweredNetwork

    Returns
    -------
    tuple of Finding
    """
    found: list[Finding] = []
    for population in lowered.populations:
        if population.size:
            found += _refused(population)
            found += _altered(lowered.dt, population)
    return tuple(found) + sampling_findings(lowered)


def sampling_findings(lowered: LoweredNetwork) -> tuple[Finding, ...]:
    """Return what recordings do not hold, on either executor.

    Parameters
    ----------
    lowered : LoweredNetwork

    Returns
    -------
    tuple of Finding
    """
    limit = "sampled without what delta synapses deliver at that moment"
    return tuple(
        Finding(ALTERED, r.name, "v", "recorded", limit)
        for r in lowered.recordings
        if r.kind == "population" and r.variable == "v" and any(lowered.populations[r.group].delta)
    )


def _refused(population: LoweredPopulation) -> Iterator[Finding]:
    name = population.name
    for parameter in _SHARED:
        values = population.parameters[parameter]
        if (values != values[0]).any():
            found = f"{values.min():.4g} to {values.max():.4g} ms"
            limit = "an ensemble of nengo has one value; make a population for each value"
            yield Finding(REJECTED, name, parameter, found, limit)
    gap = population.v_thresh - population.v_reset
    if (gap <= 0).any():
        yield Finding(REJECTED, name, "v_thresh", f"{gap.min():.3g} mV above v_reset", "more than 0 mV")
    if (population.initial["v"] > population.v_thresh).any():
        limit = "at most v_thresh: nengo's LIF computes the time of a crossing that has to be there"
        yield Finding(REJECTED, name, "initial v", f"up to {population.initial['v'].max():.4g} mV", limit)
    for variable in ("i_exc", "i_inh"):
        if population.initial[variable].any():
            limit = "0 nA: nengo's filters of connections start empty; give the neurons an input spike instead"
            yield Finding(REJECTED, name, f"initial {variable}", "not 0", limit)


def _altered(dt: float, population: LoweredPopulation) -> Iterator[Finding]:
    """Yield the two differences between Nengo's LIF and ours; below the threshold there is none."""
    limit = "v > v_thresh spikes in nengo's LIF, so a potential that reaches the threshold and stays there is silent"
    yield Finding(ALTERED, population.name, "lif", "v >= v_thresh spikes", limit)
    steps = int(population.refractory[0])
    if steps:
        # The refractory period starts where the potential crosses the threshold, somewhere inside the step.
        found = f"{steps * dt:g} ms from the end of the step of a spike"
        limit = f"from the crossing inside the step: v goes on up to dt = {dt:g} ms earlier"
        yield Finding(ALTERED, population.name, "tau_refrac", found, limit, min(1.0, 1.0 / steps))


def block_findings(program: Any) -> tuple[Finding, ...]:
    """Return what the blocks of NengoLoihi cannot hold of a Loihi program, and what they do otherwise.

    Parameters
    ----------
    program : LoihiProgram

    Returns
    -------
    tuple of Finding
    """
    found: list[Finding] = []
    for process in program.processes:
        lacking = {
            "two currents": (process.du_inh is not None, "give both receptors one tau_syn, record neither current"),
            "reset by subtraction": (process.subtract, "reset to a value"),
            "noise": (bool(process.noise.any()), "use sigma = 0"),
        }
        for what, (there, advice) in lacking.items():
            if there:
                limit = f"a compartment of nengo-loihi does not have it; {advice}, or use backend='loihi2'"
                found.append(Finding(REJECTED, process.name, "lif", what, limit))
    thresholds = {process.group: int(process.vth.min()) for process in program.processes}
    for connection in program.connections:
        if connection.weight_exp < 0 and (connection.weight % (1 << -connection.weight_exp)).any():
            limit = "the chip cuts off the last bits of a step's sum; here they stay, less than one unit of 64"
            size = min(1.0, 1.0 / max(1, thresholds[connection.target]))
            found.append(Finding(ALTERED, connection.name, "weight exponent", str(connection.weight_exp), limit, size))
    return tuple(found)
