"""The lowered network: integer steps and flat arrays, the one exact meaning that every translator starts from.

All draws of connectivity, weights, delays, parameters and initial values are spent. Objects refer to each other by
index: a *source* is a population or an input (populations first, then inputs, each in order of addition). Arrays that
may be homogeneous have shape (1,) then and (n,) otherwise. Times are steps: a spike in step k carries the time
(k + 1) dt, something dated t acts at the start of step t / dt.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Float = np.ndarray
Int = np.ndarray

RECEPTORS = ("excitatory", "inhibitory")


@dataclass(frozen=True, eq=False)
class Schedule:
    """A value that changes at given steps and is held between them.

    Attributes
    ----------
    steps : (k,) int64 array
        Increasing; the first is 0.
    values : (k, 1) or (k, n) float array
    """

    steps: Int
    values: Float


@dataclass(frozen=True, eq=False)
class LoweredCurrent:
    """A current injected into some neurons of a population.

    Attributes
    ----------
    name : str
    indices : (m,) int64 array
    amplitude : Schedule [nA]
    """

    name: str
    indices: Int
    amplitude: Schedule


@dataclass(frozen=True, eq=False)
class LoweredDrive:
    """An oscillator's current into all neurons of a population: amplitude cos(Phi - phase).

    Attributes
    ----------
    oscillator : int
        Index among all single oscillators of the network.
    amplitude : float [nA]
    phase : (1,) or (n,) float array [rad]
    """

    oscillator: int
    amplitude: float
    phase: Float


@dataclass(frozen=True, eq=False)
class LoweredPopulation:
    """A population with the coefficients of exact integration.

    Attributes
    ----------
    name : str
    size : int
    parameters : mapping of str to (1,) or (n,) float array
        The cell's own parameters in their units, drawn: tau_m, cm, v_rest, ... (for translators and findings).
    rho_m, rho_exc, rho_inh : (1,) or (n,) float array
        Decay factors of one step; 0 for a delta receptor.
    k_exc, k_inh : (1,) or (n,) float array [MOhm]
        Effect of a current at the start of a step on v at its end.
    resistance : (1,) or (n,) float array [MOhm]
    v_rest, v_reset, v_thresh : (1,) or (n,) float array [mV]
        The threshold includes the noise correction.
    i_offset : (1,) or (n,) float array [nA]
    noise : (1,) or (n,) float array [mV]
        sigma sqrt(1 - rho_m^2); its draws are normal(seed, "<name>/noise", neuron, step).
    refractory : (1,) or (n,) int32 array [steps]
    subtract : bool
        Reset by subtraction.
    delta : (bool, bool)
        Which receptors are delta synapses.
    eta_bias : (1,) or (n,) float array [mV]
    bias_gain : (1,) or (n,) float array [mV]
        eta_bias target_rate dt, added to the bias every step.
    initial : mapping of "v", "i_exc", "i_inh", "bias" to (n,) float array
    currents : tuple of LoweredCurrent
    drives : tuple of LoweredDrive
    """

    name: str
    size: int
    parameters: Mapping[str, Float]
    rho_m: Float
    rho_exc: Float
    rho_inh: Float
    k_exc: Float
    k_inh: Float
    resistance: Float
    v_rest: Float
    v_reset: Float
    v_thresh: Float
    i_offset: Float
    noise: Float
    refractory: Int
    subtract: bool
    delta: tuple[bool, bool]
    eta_bias: Float
    bias_gain: Float
    initial: Mapping[str, Float]
    currents: tuple[LoweredCurrent, ...] = ()
    drives: tuple[LoweredDrive, ...] = ()

    @property
    def homeostatic(self) -> bool:
        """Whether any neuron's bias moves."""
        return bool((self.eta_bias != 0).any())

    @property
    def noisy(self) -> bool:
        """Whether any neuron has noise."""
        return bool((self.noise != 0).any())


@dataclass(frozen=True, eq=False)
class LoweredInput:
    """A Poisson input (``rate`` given) or given spikes (``steps`` and ``indices`` given).

    Attributes
    ----------
    name : str
    size : int
    rate : Schedule or None [Hz]
    steps : (k,) int64 array
        Step of each given spike, increasing; its time is (step + 1) dt. -1 for spikes at 0 ms.
    indices : (k,) int32 array
    """

    name: str
    size: int
    rate: Schedule | None
    steps: Int
    indices: Int

    @property
    def initial(self) -> Int:
        """The sources that spike at 0 ms, one entry per spike."""
        return self.indices[: np.searchsorted(self.steps, 0)]


@dataclass(frozen=True, eq=False)
class LoweredModulator:
    """A neuromodulator.

    Attributes
    ----------
    name : str
    tau : float [ms]
    rho : float
        Decay factor of one step.
    weight : float
    tonic : Schedule
    release_steps : (k,) int64 array
        Increasing; a release at step n adds to the level at the start of that step.
    release_amounts : (k,) float array
    attention : (d,) float array or None
    """

    name: str
    tau: float
    rho: float
    weight: float
    tonic: Schedule
    release_steps: Int
    release_amounts: Float
    attention: Float | None


@dataclass(frozen=True, eq=False)
class LoweredOscillator:
    """A group of oscillators.

    Attributes
    ----------
    name : str
    size, first : int
        ``first`` is the index of its first member among all single oscillators of the network.
    omega : (n,) float array [rad/s]
    phase : (n,) float array [rad]
    coupling : float [rad/s]
    lag : (1, 1) or (n, n) float array [rad]
    """

    name: str
    size: int
    first: int
    omega: Float
    phase: Float
    coupling: float
    lag: Float


@dataclass(frozen=True, eq=False)
class LoweredEntrainment:
    """Phase kicks of a group of oscillators by spikes of a source.

    Attributes
    ----------
    name : str
    oscillator : int
        Index of the group.
    source : int
    member : (n_source,) bool array
        Which neurons of the source count.
    strength, phase : float [rad]
    """

    name: str
    oscillator: int
    source: int
    member: np.ndarray
    strength: float
    phase: float


@dataclass(frozen=True, eq=False)
class LoweredAstrocytes:
    """A group of astrocytes.

    Attributes
    ----------
    name : str
    size : int
    cell : AstrocyteCell
    coefficients : (k,) float array
        The cell's coefficients for its clock.
    clock_steps : int
    norepinephrine : int
        Index of the modulator that drives the cells, -1 for none.
    """

    name: str
    size: int
    cell: Any
    coefficients: Float
    clock_steps: int
    norepinephrine: int


@dataclass(frozen=True, eq=False)
class LoweredGate:
    """The phase gate of a rule.

    Attributes
    ----------
    oscillator : int
        Index among all single oscillators.
    n_bins : int
    bins : (1,) or (n_synapses,) int32 array
        Preferred phase of each synapse is 2 pi bin / n_bins.
    update, pairing : bool
        What it gates.
    """

    oscillator: int
    n_bins: int
    bins: Int
    update: bool
    pairing: bool


@dataclass(frozen=True, eq=False)
class LoweredRule:
    """The learning rule of a projection.

    Attributes
    ----------
    rule : HMNRule
        The description: A_plus, tau_plus, kappa_fast, eta_l, w_max, tie, ... are read from it.
    beta_p : float [1/nA]
    tick_steps : int
    modulators : tuple of int
        Indices of the modulators in G: those that are not routed to astrocytes.
    gate : LoweredGate or None
        None where nothing is gated.
    """

    rule: Any
    beta_p: float
    tick_steps: int
    modulators: tuple[int, ...]
    gate: LoweredGate | None


@dataclass(frozen=True, eq=False)
class LoweredProjection:
    """Synapses, compressed by source: listed by (source neuron, delay, target neuron).

    Attributes
    ----------
    name : str
    source, target : int
        Index of the source (population or input) and of the target population.
    n_source, n_target : int
        Sizes of the two groups.
    receptor : int
        0 excitatory, 1 inhibitory.
    delays : (n_delays,) int32 array [steps]
        The distinct delays, increasing.
    row_ptr : (n_source n_delays + 1,) int64 array
        Synapses of source neuron i with delay d: ``row_ptr[i n_delays + d]`` to the next entry.
    target_index : (n_synapses,) int32 array
    weight : (1,) or (n_synapses,) float array [nA, or mV at a delta receptor]
        (1,) only where all are equal and the projection is not plastic.
    plasticity : LoweredRule or None
    astrocytes : int
        Index of the astrocyte group, -1 for none.
    territory : (n_synapses,) int32 array or None
        The astrocyte of each synapse.
    weight_unit : str
    """

    name: str
    source: int
    target: int
    n_source: int
    n_target: int
    receptor: int
    delays: Int
    row_ptr: Int
    target_index: Int
    weight: Float
    plasticity: LoweredRule | None
    astrocytes: int
    territory: Int | None
    weight_unit: str

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return len(self.target_index)

    @cached_property
    def source_index(self) -> Int:
        """(n_synapses,) int32 array: the source neuron of each synapse."""
        per_neuron = self.row_ptr[:: max(1, len(self.delays))]
        return np.repeat(np.arange(self.n_source, dtype=np.int32), np.diff(per_neuron))

    @cached_property
    def delay_steps(self) -> Int:
        """(n_synapses,) int32 array: the delay of each synapse [steps]."""
        return np.repeat(np.tile(self.delays, self.n_source), np.diff(self.row_ptr)).astype(np.int32)

    @property
    def weights(self) -> Float:
        """(n_synapses,) float array: the starting weight of each synapse."""
        return np.broadcast_to(self.weight, (self.n_synapses,))


@dataclass(frozen=True, eq=False)
class LoweredRecording:
    """A sampled variable.

    Attributes
    ----------
    kind : "population", "projection", "modulator", "oscillator" or "astrocytes"
    group : int
        Index among the objects of that kind.
    name, variable, unit : str
    indices : (m,) int64 array
        Members sampled.
    every : int [steps]
    """

    kind: str
    group: int
    name: str
    variable: str
    unit: str
    indices: Int
    every: int


@dataclass(frozen=True, eq=False)
class LoweredNetwork:
    """Everything a translator may look at.

    Attributes
    ----------
    name : str
    dt : float [ms]
    seed : int
    populations, inputs, projections, modulators, oscillators, entrainments, astrocytes, recordings : tuples
    findings : tuple of hmn_snn.translator.Finding
        What lowering itself altered: rounded delays, merged spikes, binned phases.
    """

    name: str
    dt: float
    seed: int
    populations: tuple[LoweredPopulation, ...]
    inputs: tuple[LoweredInput, ...]
    projections: tuple[LoweredProjection, ...]
    modulators: tuple[LoweredModulator, ...]
    oscillators: tuple[LoweredOscillator, ...]
    entrainments: tuple[LoweredEntrainment, ...]
    astrocytes: tuple[LoweredAstrocytes, ...]
    recordings: tuple[LoweredRecording, ...]
    findings: tuple[Any, ...] = ()

    @property
    def sources(self) -> tuple[LoweredPopulation | LoweredInput, ...]:
        """Populations, then inputs: what projections come from."""
        return self.populations + self.inputs

    @cached_property
    def hash(self) -> str:
        """Digest of every number in here: equal networks on equal seeds have equal digests, whatever lowered them."""
        digest = hashlib.sha256()
        _feed(digest, self, skip=("findings", "name"))
        return digest.hexdigest()


def _feed(digest: Any, value: Any, skip: tuple[str, ...] = ()) -> None:
    """Feed a value to a digest: fields in order, arrays with their shape and type."""
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        digest.update(type(value).__name__.encode())
        for item in dataclasses.fields(value):
            if item.name not in skip:
                digest.update(item.name.encode())
                _feed(digest, getattr(value, item.name))
    elif isinstance(value, Mapping):
        for key in sorted(value):
            digest.update(str(key).encode())
            _feed(digest, value[key])
    elif isinstance(value, (tuple, list)):
        digest.update(f"({len(value)}".encode())
        for member in value:
            _feed(digest, member)
    else:
        digest.update(f"{type(value).__name__}{value!r}".encode())
