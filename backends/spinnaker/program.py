"""A network as SpiNNaker is told it: PyNN's cells, sources and projections, with the numbers the chip is to hold.

Times are the chip's timesteps. A spike that a cell or source sends in timestep k, through a synapse with a delay of d
steps, is added to the cell's input at the start of timestep k + d, before the cell is updated; a spike of timestep k
carries the time (k + 1) dt here, and k dt in sPyNNaker's own recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

Int = np.ndarray
Float = np.ndarray

IF_CURR_EXP, IF_CURR_DELTA, IF_CURR_DUAL_EXP = "IF_curr_exp", "IF_curr_delta", "IF_curr_dual_exp"
EXCITATORY, INHIBITORY, EXCITATORY2 = "excitatory", "inhibitory", "excitatory2"
REWARD, PUNISHMENT = "reward", "punishment"

# Receptors in the order of the chip's ring buffers.
RECEPTORS = {
    IF_CURR_EXP: (EXCITATORY, INHIBITORY),
    IF_CURR_DELTA: (EXCITATORY, INHIBITORY),
    IF_CURR_DUAL_EXP: (EXCITATORY, EXCITATORY2, INHIBITORY),
}


@dataclass(frozen=True, eq=False)
class StepCurrent:
    """A current injected in steps: PyNN's StepCurrentSource, or a DCSource where it never changes.

    Attributes
    ----------
    name : str
    indices : (m,) int array
        Cells it goes to.
    steps : (k,) int array
        Increasing timesteps; the first is 0.
    amplitudes : (k, 1) or (k, m) float array [nA]
    """

    name: str
    indices: Int
    steps: Int
    amplitudes: Float


@dataclass(frozen=True, eq=False)
class SineCurrent:
    """A current of ``amplitude sin(2 pi frequency t + phase)``: PyNN's ACSource.

    Attributes
    ----------
    name : str
    amplitude : float [nA]
    frequency : float [Hz]
    phase : (1,) or (n,) float array [deg]
        One value for all cells, or one for each.
    """

    name: str
    amplitude: float
    frequency: float
    phase: Float


@dataclass(frozen=True, eq=False)
class Cells:
    """A population of neurons.

    Attributes
    ----------
    name : str
    size : int
    celltype : "IF_curr_exp", "IF_curr_delta" or "IF_curr_dual_exp"
    parameters : mapping of str to (1,) or (n,) float array
        By PyNN's names and in its units: tau_m, cm, v_rest, v_reset, v_thresh, tau_refrac, i_offset, and, unless the
        cell is IF_curr_delta, tau_syn_E, tau_syn_I (and tau_syn_E2).
    initial : mapping of str to (1,) or (n,) float array
        v [mV]; isyn_exc, isyn_inh, isyn_exc2 [nA] where they are not 0.
    noise : (1,) or (n,) float array [nA]
        Standard deviation of a NoisyCurrentSource that is drawn anew in every timestep; 0 for none.
    currents : tuple of StepCurrent
    sines : tuple of SineCurrent
    neurons_per_core : int
    shifts : tuple of int
        Left shift of each receptor's ring buffer (``RECEPTORS`` gives their order): a weight is held as
        round(w 2^(15 - shift)) in 16 bits, so that what arrives in one timestep stays below 2^shift nA.
    max_weights : tuple of float [nA]
        The bound that each shift was made from; sPyNNaker's ``max_expected_summed_weight``.
    current_scale : (1,) or (n,) float array
        What injected currents of the description are multiplied by here; 1 but for IF_curr_delta, whose capacitance is
        chosen so that a weight is met in mV.
    """

    name: str
    size: int
    celltype: str
    parameters: Mapping[str, Float]
    initial: Mapping[str, Float]
    noise: Float
    currents: tuple[StepCurrent, ...]
    sines: tuple[SineCurrent, ...]
    neurons_per_core: int
    shifts: tuple[int, ...]
    max_weights: tuple[float, ...]
    current_scale: Float = field(default_factory=lambda: np.ones(1))


@dataclass(frozen=True, eq=False)
class Source:
    """Sources of spikes: a SpikeSourceArray, or, with rates, a SpikeSourcePoisson.

    Attributes
    ----------
    name : str
    size : int
    steps : (k,) int array
        Increasing timesteps of the given spikes that are known beforehand; those of the network's inputs come with
        each run instead. -1 is sent before the run's first timestep, which a script makes room for.
    indices : (k,) int array
    rate_steps : (m,) int array
        Timesteps at which the rates change, the first 0; empty for given spikes.
    rates : (m, 1) or (m, n) float array [Hz]
    """

    name: str
    size: int
    steps: Int
    indices: Int
    rate_steps: Int
    rates: Float

    @property
    def poisson(self) -> bool:
        """Whether the chip draws the spikes itself."""
        return len(self.rate_steps) > 0


@dataclass(frozen=True, eq=False)
class Stdp:
    """Spike-timing-dependent plasticity: SpikePairRule with AdditiveWeightDependence, dopamine-gated if asked for.

    Attributes
    ----------
    A_plus, A_minus : float [nA]
        Absolute and both positive, as the chip takes them.
    tau_plus, tau_minus : float [ms]
    w_min, w_max : float [nA]
        Bounds of the weight; where gated, of the eligibility trace, which the chip keeps in 16 bits, unsigned.
        The weight's are in :class:`Neuromodulation` then.
    nearest : bool
        SpikeNearestPairRule instead.
    gated : bool
        Whether the change goes into an eligibility trace that dopamine turns into weights; the target's
        :class:`Neuromodulation` says how.
    """

    A_plus: float
    A_minus: float
    tau_plus: float
    tau_minus: float
    w_min: float
    w_max: float
    nearest: bool = False
    gated: bool = False


@dataclass(frozen=True, eq=False)
class Synapses:
    """A projection, listed by its source neuron, then delay, then target neuron.

    Attributes
    ----------
    name : str
    source : str
        Name of cells or of a source.
    target : str
        Name of cells.
    receptor : "excitatory", "inhibitory" or "excitatory2"
    pre, post : (n,) int32 array
    weight : (n,) float array [nA, or mV at IF_curr_delta]
        Magnitudes, before they are rounded to the ring buffer's steps.
    delay : (n,) int32 array
        Timesteps, at least 1.
    stdp : Stdp or None
    """

    name: str
    source: str
    target: str
    receptor: str
    pre: Int
    post: Int
    weight: Float
    delay: Int
    stdp: Stdp | None = None


@dataclass(frozen=True, eq=False)
class Neuromodulation:
    """Dopamine's way to the cells whose plastic synapses it gates: ``extra_models.Neuromodulation``, all to all.

    Attributes
    ----------
    name : str
    source : str
        Name of cells or of a source; every one of its spikes reaches every target cell a timestep later.
    target : str
    sign : "reward" or "punishment"
    weight : float
        What a spike adds to the dopamine level; 11 fractional bits on the chip.
    tau_c, tau_d : float [ms]
        Of the eligibility trace and of the dopamine level.
    w_min, w_max : float [nA]
    """

    name: str
    source: str
    target: str
    sign: str
    weight: float
    tau_c: float
    tau_d: float
    w_min: float
    w_max: float


@dataclass(frozen=True, eq=False)
class SpinnakerProgram:
    """Everything the chip is told.

    Attributes
    ----------
    name : str
    dt : float [ms]
    time_scale_factor : float
        Real time over biological time.
    seed : int
        Of what the chip or a simulator draws itself.
    cells : tuple of Cells
        Those of the network's populations come first, in its order; others serve mechanisms.
    sources : tuple of Source
        Those of the network's inputs come first, in its order.
    synapses : tuple of Synapses
        Those of the network's projections come first, in its order.
    neuromodulation : tuple of Neuromodulation
    """

    name: str
    dt: float
    time_scale_factor: float
    seed: int
    cells: tuple[Cells, ...]
    sources: tuple[Source, ...]
    synapses: tuple[Synapses, ...]
    neuromodulation: tuple[Neuromodulation, ...] = ()

    @property
    def groups(self) -> list[Cells | Source]:
        """All that sends spikes: cells, then sources."""
        return [*self.cells, *self.sources]

    @cached_property
    def index(self) -> Mapping[str, int]:
        """Number of each group by its name."""
        return {group.name: k for k, group in enumerate(self.groups)}
