"""What to know before a network runs on Loihi 2: what the chip rounds, what the host does, what is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredPopulation, LoweredProjection
from hmn_snn.summary import counted
from hmn_snn.translator import FEATURES, Finding, Severity, features_of

from . import quantisation as q
from .budgets import Budget, budgets
from .drive import SUM_LIMIT, Drive, drive_of
from .lowering import lower_program
from .placement import place
from .program import (
    BIAS_MANT_MAX,
    DELAY_MAX,
    LIF,
    MEMBRANE_LIMIT,
    WEIGHT_MAX,
    Connection,
    Float,
    LoihiProgram,
    NeuronProcess,
)

NATIVE, ALTERED, HOST, REJECTED = Severity.NATIVE, Severity.ALTERED, Severity.HOST, Severity.REJECTED

NEGLIGIBLE = 1e-3  # a relative error below it is less than that of weights and time constants: no alteration
TOO_SMALL, WANTED = 0.05, 0.01  # an error of a time constant that asks for another dt, and what that must reach

_LEARNED = "by the host between ticks, from the chip's spikes, exactly"
STAYS = "weights stay as they start"
_EVERY_STEP = "which writes a bias before each step: the chip stops after every one"
_OF_LEARNING = (
    "stdp", "dendritic_delay", "nearest_pairing", "tie_rules", "modulators", "global_attention", "local_attention",
    "gate_update", "gate_pairing", "probabilistic_application", "carry", "astrocyte_metaplasticity",
)  # fmt: skip
# What becomes of a weight that the host writes, and the most that it is off by, as a share of the largest.
_ROUNDED: Mapping[str, tuple[str, float]] = {
    "stochastic": ("rounded at random at every write, so that their mean is met", 1.0 / WEIGHT_MAX),
    "nearest": ("to the nearest: a weight stays until its changes add up to half a step", 0.5 / WEIGHT_MAX),
}
# What is done with each feature as such; how well, the other findings say.
_FEATURES: Mapping[str, tuple[Severity, str]] = {
    "lif": (NATIVE, ""),
    "refractory": (NATIVE, "counted by the neuron"),
    "delta_synapses": (NATIVE, "a current that decays at once"),
    "reset_subtract": (NATIVE, "the threshold in units of 64 is subtracted"),
    "heterogeneous_neurons": (NATIVE, "constants of each neuron"),
    "membrane_noise": (ALTERED, "uniform draws of its own, of the same deviation"),
    "homeostasis": (HOST, "moved by the host, " + _EVERY_STEP),
    "currents": (NATIVE, "added to the bias"),
    "delays": (NATIVE, f"of each synapse, 1 to {DELAY_MAX} steps"),
    "poisson_input": (HOST, "drawn by the host, the same spikes as everywhere"),
    "spike_input": (NATIVE, "handed over"),
    "initial_spikes": (REJECTED, "the first timestep is that of spikes at dt; give the spikes later"),
    **dict.fromkeys(_OF_LEARNING, (HOST, _LEARNED)),
    "oscillator_coupling": (HOST, "phases of learning are the host's, exactly"),
    "entrainment": (HOST, "phases of learning are the host's, kicked by the chip's spikes, exactly"),
    "oscillator_drive": (HOST, "phases are the host's, " + _EVERY_STEP),
    "astrocytes": (HOST, "by the host, which writes their gains into the weights at each step of their clock"),
}  # fmt: skip


def findings(
    lowered: LoweredNetwork, learning: str = "host", budget: str = "headline", rounding: str = "stochastic"
) -> tuple[Finding, ...]:
    """Return what the chip does to a network; runs nothing.

    Parameters
    ----------
    lowered : LoweredNetwork
    learning : "host" or "frozen"
        Who learns: the host between ticks, or nobody.
    budget : "conservative" or "headline"
        What the network must fit into (see :mod:`budgets`); the other is told about.
    rounding : "stochastic" or "nearest"
        Of weights that the host writes.

    Returns
    -------
    tuple of Finding
    """
    program = lower_program(lowered, learning)
    found = list(_feature_findings(lowered, program, learning))
    for population, process in zip(lowered.populations, program.processes, strict=True):
        if population.size:
            found += _population(lowered, program, population, process)
    for index, projection in enumerate(lowered.projections):
        connections = [c for c in program.connections if c.projection == index]
        found += _projection(lowered, projection, connections, learning, rounding)
    found += [_placement(program, option, option.name == budget) for option in budgets().values()]
    return tuple(found)


def _feature_findings(lowered: LoweredNetwork, program: LoihiProgram, learning: str) -> Iterator[Finding]:
    models = {process.name: process for process in program.processes}
    for feature, names in features_of(lowered).items():
        severity, limit = _FEATURES[feature]
        if learning == "frozen" and feature in _OF_LEARNING:
            severity, limit = ALTERED, STAYS
        for name in names:
            if feature == "lif":
                limit = _model(models[name])
            yield Finding(severity, name, feature, FEATURES[feature], limit)


def _model(process: NeuronProcess) -> str:
    """Say which neuron model a process needs, and why."""
    if process.model == LIF:
        return "the chip's own LIF"
    constants = any(len(values) > 1 for values in (process.du, process.dv, process.vth))
    reasons = {
        "two currents": process.du_inh is not None,
        "constants of each neuron": constants or len(process.du_inh if process.du_inh is not None else ()) > 1,
        "refractory steps": bool(process.refractory.any()),
        "reset by subtraction": process.subtract,
        "noise": bool(process.noise.any()),
    }
    why = ", ".join(reason for reason, holds in reasons.items() if holds)
    return f"a programmable neuron, for {why}: microcode on Loihi 2; in Lava our process model"


def _population(
    lowered: LoweredNetwork, program: LoihiProgram, population: LoweredPopulation, process: NeuronProcess
) -> Iterator[Finding]:
    """Yield what becomes of a population's constants and of its range."""
    theta = population.v_thresh - population.v_reset
    if (theta <= 0).any():
        limit = "lower v_reset, or leave out noise_correction: a reset must end the spike"
        yield Finding(REJECTED, population.name, "v_thresh", f"{theta.min():.3g} mV above the reset", limit)
        return
    yield from _time_constants(lowered.dt, population, process)
    scale = process.scale * theta
    error = float(np.abs((q.UNIT * process.vth + 1 - scale) / scale).max())
    found = f"{theta.min():.4g} mV above the reset" if len(theta) == 1 else "of each neuron"
    yield _sized(population.name, "v_thresh", found, f"units of {q.UNIT / process.scale[0]:.3g} mV", error)
    yield from _bias(population, process, theta)
    if process.noise.any():
        wanted = process.scale * population.noise * q.spread_change(population.rho_m, q.membrane_factor(process.dv))
        error = float(np.abs(q.noise_deviation(process.noise) / np.where(wanted > 0, wanted, 1.0) - (wanted > 0)).max())
        yield _sized(population.name, "sigma", "noise", "stationary deviation", error)
    yield from _range(population, drive_of(lowered, program, process))


def _time_constants(dt: float, population: LoweredPopulation, process: NeuronProcess) -> Iterator[Finding]:
    """Yield how well time constants are met, and from which dt on they would be."""
    inhibitory = process.du if process.du_inh is None else process.du_inh
    decays = [
        ("tau_m", "dv", population.rho_m, q.membrane_factor(process.dv), True),
        ("tau_syn_E", "du", population.rho_exc, q.current_factor(process.du), process.current_scale[0].any()),
        ("tau_syn_I", "du", population.rho_inh, q.current_factor(inhibitory), process.current_scale[1].any()),
    ]
    for name, symbol, rho, factor, used in decays:
        if not used or not rho.any():
            continue
        given, made = _tau(dt, rho), _tau(dt, factor)
        error = np.abs(made / given - 1.0)
        worst = int(np.argmax(np.broadcast_to(error, np.broadcast_shapes(rho.shape, factor.shape))))
        tau, rounded = (float(t[worst] if len(t) > 1 else t[0]) for t in (given, made))
        limit = f"{rounded:.4g} ms ({symbol} in steps of 1/4096)"
        if error.max() > TOO_SMALL:
            # Rounding 4096 (1 - rho) by at most a half is an error of WANTED at most from there on.
            needed = -float(given.max()) * np.log1p(-0.5 / (4096 * WANTED))
            limit += f"; dt = {dt:g} ms is too small for it: from {needed:.2g} ms on the error is below {WANTED:.0%}"
        yield _sized(population.name, name, f"{tau:.4g} ms", limit, float(error.max()))


def _tau(dt: float, rho: Float) -> Float:
    """Return time constants [ms] of decay factors; infinite for 1, 0 for 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(-dt / np.log(rho))


def _bias(population: LoweredPopulation, process: NeuronProcess, theta: Float) -> Iterator[Finding]:
    """Yield the error of resting potentials, and what injected currents are rounded to."""
    step = 2.0**process.bias_exp
    leak = np.maximum(1.0 - q.membrane_factor(process.dv), 1.0 / 4096)
    moved_by = {
        "currents that change": any(len(current.amplitude.steps) > 1 for current in population.currents),
        "oscillators": bool(population.drives),
        "homeostasis": population.homeostatic,
    }
    reasons = ", ".join(reason for reason, holds in moved_by.items() if holds)
    if population.currents or reasons:
        unit, most = step / process.bias_scale.min(), BIAS_MANT_MAX * step / process.bias_scale.max()
        limit = f"in steps of {unit:.2g} nA, up to {most:.3g} nA"
        if population.homeostatic:
            mv = float(population.resistance.max())
            limit += f" ({unit * mv:.2g} and {most * mv:.3g} mV of a bias)"
        size = float((step / 2.0 / leak / (process.scale * theta)).max())
        found, limit = (reasons, f"written by the host {limit}") if reasons else ("constant", limit)
        yield Finding(HOST if reasons else NATIVE, population.name, "bias", found, limit, min(1.0, size))
    else:
        exact = process.bias_rest + process.bias_scale * population.i_offset
        error = np.abs(process.bias_mant * step - exact) / leak / (process.scale * theta)
        moved = float((error * theta).max())
        if exact.any():
            found, limit = f"v_rest and i_offset, exponent {process.bias_exp}", f"rest is met within {moved:.2g} mV"
            yield _sized(population.name, "bias", found, limit, float(error.max()))


def _range(population: LoweredPopulation, drive: Drive) -> Iterator[Finding]:
    """Yield whether sums, currents and potentials stay in range."""
    name, worst, expected = population.name, drive.largest_sum, drive.expected_sum
    if worst:
        found = f"sum |w| of a step: {worst:.0f} if all synapses spike at once, {expected:.0f} expected at most"
        cut = max(0.0, 1.0 - SUM_LIMIT / expected) if expected else 0.0
        limit = f"{'all' if worst < SUM_LIMIT else 'what is expected'} stays below {SUM_LIMIT}"
        if cut:
            limit = f"{SUM_LIMIT} and more overflow the sum on silicon; emulator and Lava add them"
        yield Finding(ALTERED if cut else NATIVE, name, "sum of weights", found, limit, cut or None)
        current = drive.expected_current
        wraps = max(0.0, 1.0 - MEMBRANE_LIMIT / current) if current else 0.0
        found = f"|u|: {q.UNIT * worst:.3g} in a step at worst, {current:.3g} expected at most"
        limit = f"{MEMBRANE_LIMIT} and more wrap around and change sign" if wraps else f"fits into {MEMBRANE_LIMIT}"
        yield Finding(ALTERED if wraps else NATIVE, name, "current", found, limit, wraps or None)
    lowest = -drive.lowest_potential
    if lowest > MEMBRANE_LIMIT:
        mv = MEMBRANE_LIMIT / drive.process.scale[0]
        found = f"held {lowest / drive.process.scale[0]:.3g} mV below the reset by inhibition"
        yield Finding(ALTERED, name, "v", found, f"held at {mv:.3g} mV below", 1.0 - MEMBRANE_LIMIT / lowest)


def _projection(
    lowered: LoweredNetwork,
    projection: LoweredProjection,
    connections: list[Connection],
    learning: str,
    rounding: str,
) -> Iterator[Finding]:
    """Yield what becomes of a projection's weights and delays."""
    name, rule = projection.name, projection.plasticity
    learns = rule is not None and learning != "frozen"
    if rule is not None and learns and not np.isfinite(rule.rule.w_max):
        limit = "8 bits need a range; give a finite w_max"
        yield Finding(REJECTED, name, "w_max", "infinite", limit)
    if not connections:
        return
    yield from _weights(projection, connections, rounding)
    longest = int(projection.delays.max())
    if longest > DELAY_MAX:
        yield from _long_delays(lowered, projection, longest)
    if len(connections) > 1:
        found = "several synapses between two neurons, or long delays"
        yield Finding(NATIVE, name, "connections", found, f"{len(connections)} connections")
    if connections[0].plastic:
        ticks = [rule.tick_steps] if learns and rule is not None else []
        if projection.astrocytes >= 0:
            ticks.append(lowered.astrocytes[projection.astrocytes].clock_steps)
        limit = "by the host, where they have changed; they act on every arrival from then on, as they should"
        yield Finding(HOST, name, "weight writes", f"every {min(ticks)} steps", limit)


def _weights(projection: LoweredProjection, connections: list[Connection], rounding: str) -> Iterator[Finding]:
    """Yield how weights round: as they start, and, where they are written, what a step of them is."""
    exact = np.concatenate([_exact(c, projection.weights[c.synapse]) for c in connections])
    held = np.abs(np.concatenate([c.weight for c in connections]).astype(float))
    step, unit = 1.0 / float(np.abs(connections[0].scale).min()), projection.weight_unit
    exponent = connections[0].weight_exp
    found = f"8 bits, exponent {exponent}: steps of {step:.2g} {unit}"
    there = exact > 0.0
    if not there.any():
        yield Finding(NATIVE, projection.name, "weights", found, "all are 0")
    else:
        error = np.abs(held - exact)
        rms = float(np.sqrt(np.square(error).sum() / np.square(exact).sum()))
        lost = float((held[there] == 0).mean())
        limit = f"error {rms:.2%} rms, {(error[there] / exact[there]).max():.2%} at most; {lost:.2%} become 0"
        if exponent < 0:
            limit += f"; of a step's sum, less than {step * 2.0**-exponent:.2g} {unit} is cut off"
        yield _sized(projection.name, "weights", found, limit, rms)
    if connections[0].plastic:
        found = f"written in steps of {step:.2g} {unit}, up to {step * WEIGHT_MAX:.3g}"
        yield Finding(ALTERED, projection.name, "written weights", found, *_ROUNDED[rounding])


def _exact(connection: Connection, weights: Float) -> Float:
    """Return weights in the chip's unit before they are rounded."""
    scale = np.abs(connection.scale)
    return weights * (scale if len(scale) == 1 else scale[connection.target_index])


def _placement(program: LoihiProgram, budget: Budget, asked: bool) -> Finding:
    """Return what a program takes within a budget; it is refused if it does not fit into the one asked for."""
    placement = place(program, budget)
    found = f"{counted(placement.n_cores, 'core')} of {counted(placement.n_chips, 'chip')}"
    where = f"placement ({budget.name})"
    if placement.problem is not None:
        limit = placement.problem + ("; use fewer synapses or neurons" if asked else "")
        return Finding(REJECTED if asked else NATIVE, program.name, where, found, f"does not fit: {limit}")
    limit = f"{placement.limiting} of the fullest core: {max(placement.shares.values()):.1%} used"
    return Finding(NATIVE, program.name, where, found, limit)


def _long_delays(lowered: LoweredNetwork, projection: LoweredProjection, longest: int) -> Iterator[Finding]:
    """Yield what becomes of delays that are longer than the chip's."""
    found = f"up to {longest} steps"
    if projection.source >= len(lowered.populations):
        limit = f"above {DELAY_MAX}, the host hands the input's spikes over later"
        yield Finding(HOST, projection.name, "delay", found, limit)
        return
    clipped = float((projection.delay_steps > DELAY_MAX).mean())
    limit = f"{clipped:.2%} are shortened to {DELAY_MAX}; use a dt at least {longest / DELAY_MAX:.2g} times as large"
    yield Finding(ALTERED, projection.name, "delay", found, limit, 1.0 - DELAY_MAX / longest)


def _sized(what: str, where: str, found: str, limit: str, error: float) -> Finding:
    """Return a finding whose size says whether it alters anything."""
    return Finding(NATIVE if error < NEGLIGIBLE else ALTERED, what, where, found, limit, min(1.0, error))
