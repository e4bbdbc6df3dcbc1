"""From a lowered network to a Loihi program: scales, widths, models, connections.

Each population has one scale [1/mV], as large as thresholds, potentials, biases and the strongest synapse allow; up to
a factor of 2 is then given away for the scale at which fixed weights round best (:mod:`scaling`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hmn_snn.lowered import LoweredNetwork, LoweredPopulation
from hmn_snn.randomness import mix, stream_key

from . import quantisation as q
from .program import (
    BIAS_EXP_MAX,
    DELAY_MAX,
    LIF,
    MEMBRANE_LIMIT,
    PROGRAMMABLE,
    Connection,
    Float,
    Int,
    LoihiProgram,
    NeuronProcess,
    Source,
)
from .scaling import Membrane, Synapses, population_scale, synapses_of


def lower_program(lowered: LoweredNetwork, learning: str = "host") -> LoihiProgram:
    """Return the Loihi program of a network that was checked.

    Parameters
    ----------
    lowered : LoweredNetwork
    learning : "host" or "frozen"
        Whether weights have room for what learning makes of them.

    Returns
    -------
    LoihiProgram
    """
    sources = _Sources(lowered)
    processes, connections = [], []
    for group, population in enumerate(lowered.populations):
        membrane = Membrane.of(population)
        incoming = synapses_of(lowered, group, membrane, learning)
        scale = population_scale(membrane, incoming)
        process = _process(lowered, group, membrane, incoming, scale)
        processes.append(process)
        for synapses in incoming:
            connections += _connections(synapses, process, scale, sources)
    connections.sort(key=lambda connection: connection.projection)
    return LoihiProgram(lowered.name, lowered.dt, tuple(sources.listed), tuple(processes), tuple(connections))


class _Sources:
    """The network's inputs, and copies of them whose spikes come late."""

    def __init__(self, lowered: LoweredNetwork) -> None:
        first = len(lowered.populations)
        self.inputs = range(first, first + len(lowered.inputs))
        self.listed = [Source(s.name, first + k, s.size) for k, s in enumerate(lowered.inputs)]
        self._copies: dict[tuple[int, int], int] = {}

    def late(self, group: int, shift: int) -> int:
        """Return the group of a source's copy with a shift; the source's own if there is none."""
        if shift == 0:
            return group
        if (group, shift) not in self._copies:
            original = self.listed[group - self.inputs.start]
            own = self.inputs.start + len(self.listed)
            self._copies[group, shift] = own
            self.listed.append(Source(f"{original.name} +{shift}", own, original.size, shift, group))
        return self._copies[group, shift]


def _process(
    lowered: LoweredNetwork, group: int, membrane: Membrane, incoming: Sequence[Synapses], scale: float
) -> NeuronProcess:
    """Return the process of a population."""
    population = membrane.population
    used = _used(population, incoming)
    two = all(used) and not _one_current(lowered, group, membrane)
    first = 1 if used[1] and not used[0] else 0
    du = _collapsed(membrane.du[first])
    vth = _collapsed(q.threshold(scale * membrane.theta))
    dv = _collapsed(membrane.dv)
    noise = _collapsed(q.noise_amplitude(np.abs(scale * membrane.noise)))
    refractory = _collapsed(population.refractory.astype(np.int32))
    alike = all(len(values) == 1 for values in (du, dv, vth)) and not refractory.any()
    stock = alike and not two and not population.subtract and not noise.any()
    current_scale = 0.0 + np.stack(np.broadcast_arrays(*(
        (sign * scale if used[r] else 0.0) * membrane.current_effect[r] for r, sign in enumerate((1.0, -1.0))
    )))  # fmt: skip
    rest, per_current = scale * membrane.rest_drive, scale * membrane.current_drive
    exponent = BIAS_EXP_MAX if membrane.unbounded else q.bias_exponent(scale * membrane.bias_room)
    u_init, v_init = _initial(membrane, scale, used, two)
    return NeuronProcess(
        name=population.name,
        group=group,
        size=population.size,
        model=LIF if stock else PROGRAMMABLE,
        du=du,
        dv=dv,
        du_inh=_collapsed(membrane.du[1]) if two else None,
        vth=vth,
        bias_mant=_collapsed(q.mantissa(scale * membrane.drives[0], exponent)),
        bias_exp=exponent,
        refractory=refractory,
        subtract=population.subtract,
        noise=noise,
        noise_key=_noise_keys(lowered, population) if noise.any() else None,
        u_init=u_init[0] if two else u_init[0] + u_init[1],
        u_inh_init=u_init[1] if two else np.zeros_like(u_init[1]),
        v_init=v_init,
        scale=np.array([scale]),
        v_zero=_collapsed(population.v_reset),
        current_scale=current_scale,
        bias_scale=_collapsed(per_current),
        bias_rest=_collapsed(rest),
    )


def _used(population: LoweredPopulation, incoming: Sequence[Synapses]) -> tuple[bool, bool]:
    """Return at which receptors anything arrives, or is there at the start."""
    arriving = {synapses.projection.receptor for synapses in incoming}
    initial = (population.initial["i_exc"].any(), population.initial["i_inh"].any())
    used = [r in arriving or bool(initial[r]) for r in range(2)]
    return (used[0], used[1])


def _one_current(lowered: LoweredNetwork, group: int, membrane: Membrane) -> bool:
    """Return whether one signed current can stand for both receptors: equal decays, and nobody looks at one."""
    recorded = any(
        r.kind == "population" and r.group == group and r.variable in ("i_exc", "i_inh") for r in lowered.recordings
    )
    return not recorded and bool((membrane.du[0] == membrane.du[1]).all())


def _initial(membrane: Membrane, scale: float, used: tuple[bool, bool], two: bool) -> tuple[list[Int], Int]:
    """Return the starting currents and potentials.

    The pipeline lets a current decay before it enters the membrane in the first step already, so it starts larger by
    that much; one that decays at once (of a delta synapse) goes into the potential instead.
    """
    population = membrane.population
    v = population.initial["v"] - population.v_reset
    currents = []
    for r, (name, sign) in enumerate((("i_exc", 1.0), ("i_inh", -1.0))):
        initial, factor = sign * population.initial[name], q.current_factor(membrane.du[r])
        gone = factor == 0.0
        v = v + np.where(gone, initial * membrane.current_effect[r] / np.maximum(population.rho_m, 1e-300), 0.0)
        currents.append(_held(scale * membrane.current_effect[r] * initial * ~gone / np.where(gone, 1.0, factor)))
    return currents, _held(scale * v)


def _held(value: Float) -> Int:
    """Return integers that fit into the state."""
    return np.clip(np.rint(value), 1 - MEMBRANE_LIMIT, MEMBRANE_LIMIT - 1).astype(np.int32)


def _noise_keys(lowered: LoweredNetwork, population: LoweredPopulation) -> Int:
    stream = np.uint64(stream_key(lowered.seed, f"{population.name}/loihi2/noise"))
    return mix(stream ^ np.arange(population.size, dtype=np.uint64))


def _collapsed(values: np.ndarray) -> np.ndarray:
    """Return (1,) where all are equal or there is none, a copy otherwise."""
    if len(values) == 0:
        return np.zeros(1, values.dtype)
    return values[:1].copy() if (values == values[0]).all() else values.copy()


def _connections(synapses: Synapses, process: NeuronProcess, scale: float, sources: _Sources) -> list[Connection]:
    """Return the connections of a projection.

    It has more than one where several of its synapses join the same two neurons, and where delays from an input are
    longer than the chip's: each 63 steps of delay are those of a copy of the input.
    """
    projection = synapses.projection
    delay = projection.delay_steps.astype(np.int64)
    band = (delay - 1) // DELAY_MAX if projection.source in sources.inputs else np.zeros_like(delay)
    delay = np.minimum(delay - DELAY_MAX * band, DELAY_MAX)
    pair = projection.source_index.astype(np.int64) * projection.n_target + projection.target_index
    order = np.lexsort((pair, band))
    rank = _rank_among_equals(band[order], pair[order])
    sign = -1 if projection.receptor else 1
    exponent = synapses.exponent(scale)
    per_weight = _collapsed(sign * scale * synapses.effect / q.UNIT * 2.0**-exponent)
    made = []
    for number, (b, r) in enumerate(sorted(set(zip(band[order].tolist(), rank.tolist(), strict=True)))):
        chosen = order[(band[order] == b) & (rank == r)]
        counts = np.bincount(projection.source_index[chosen], minlength=projection.n_source)
        connection = Connection(
            name=projection.name if number == 0 else f"{projection.name} [{number + 1}]",
            projection=synapses.index,
            source=sources.late(projection.source, b * DELAY_MAX),
            target=projection.target,
            n_source=projection.n_source,
            n_target=projection.n_target,
            receptor=projection.receptor if process.du_inh is not None else 0,
            sign=sign,
            weight_exp=exponent,
            row_ptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts, dtype=np.int64)]),
            target_index=projection.target_index[chosen],
            weight=np.zeros(len(chosen), np.int16),
            delay=_collapsed(delay[chosen]).astype(np.int8),
            synapse=chosen,
            scale=per_weight,
            plastic=synapses.written,
        )
        connection.weight[:] = q.integer_weights(connection, projection.weights[chosen])
        made.append(connection)
    return made


def _rank_among_equals(band: Int, pair: Int) -> Int:
    """Return the position of each synapse among those of its band and pair, which are neighbours."""
    position = np.arange(len(pair))
    starts = np.ones(len(pair), bool)
    starts[1:] = (band[1:] != band[:-1]) | (pair[1:] != pair[:-1])
    return position - np.maximum.accumulate(np.where(starts, position, 0))
