"""The Loihi program: what lies on the chip, as explicit integers, and what each of them means.

A program is a list of sources (spikes that come from outside), of neuron processes (all neurons of one population, on
the same pipeline) and of connections between them. Nothing in here is rounded any more; every executor runs it alike,
bit for bit:

* A spike fired in step n by a connection's source arrives at its target in step n + 1 + delay.
* In a step, a process first adds the arrivals to its currents, then currents and bias to the membrane, then fires::

      u     = wrap(decay(u, du + 1) + 64 * sum over connections of shift(sum of weights, weight_exp))
      v     = clip(decay(v, dv) + u + u_inh + (bias_mant << bias_exp) + noise)
      spike = v > 64 * vth

  ``decay(x, d)`` is x (4096 - d) / 4096 towards zero. ``wrap`` takes one turn of 2**24 at most from what is beyond
  2**23, so u exceeds 24 bits where the sum of a step reaches 2**18 in magnitude. ``clip`` holds v within 24 bits.
  ``shift(x, e)`` is x << e, or x >> -e (towards minus infinity) of the sum of each delay by itself, which makes a
  difference for e < 0 only. Source: Lava 0.10, ``proc/lif/models.py`` (``AbstractPyLifModelFixed``) and
  ``proc/dense/models.py``.
* Weights are read when a spike arrives: one that is written acts on spikes that are on their way.

Only a process of the model ``LIF`` is Lava's own. One of the model ``ProgrammableLIF`` has what that pipeline lacks
and a microcoded neuron of Loihi 2 can have: a second current (for a second receptor), constants of each neuron,
refractory steps, reset by subtraction, noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .learning_program import LearningConnection, ThirdFactors

Int = np.ndarray
Float = np.ndarray

LIF, PROGRAMMABLE = "LIF", "ProgrammableLIF"
MODELS = (LIF, PROGRAMMABLE)

# Widths: Lava 0.10, proc/lif/models.py and magma/core/model/py/connection.py; delays: proc/dense/models.py.
DECAY_ONE = 1 << 12  # a decay of 4096 leaves nothing
MEMBRANE_LIMIT = 1 << 23  # |u|, |v| stay below it
MEMBRANE_SHIFT = 6  # weights and thresholds are in units of 64
VTH_MAX = (1 << 17) - 1
BIAS_MANT_MAX, BIAS_EXP_MAX = (1 << 12) - 1, 7
WEIGHT_MAX, WEIGHT_EXP_MIN, WEIGHT_EXP_MAX = 255, -8, 7
DELAY_MAX = 63


@dataclass(frozen=True, eq=False)
class Source:
    """Spikes that come from outside.

    Attributes
    ----------
    name : str
    group : int
        Index of the network's source (an input). A shifted copy of a source has an index of its own, after all those.
    size : int
    shift : int [steps]
        Its spikes are handed over so many steps late, for delays that are longer than the chip's.
    copied : int or None
        Of a shifted copy, the group whose spikes it gets.
    """

    name: str
    group: int
    size: int
    shift: int = 0
    copied: int | None = None


@dataclass(frozen=True, eq=False)
class NeuronProcess:
    """All neurons of one population, on one pipeline. Arrays are (1,) where all neurons have the same value.

    Attributes
    ----------
    name : str
    group : int
        Index of the network's source (a population).
    size : int
    model : str
        ``LIF`` or ``ProgrammableLIF``.
    du, dv : (1,) or (n,) int array
        Decays of the current and of the membrane, 0 to 4095; the current's counts as one more.
    du_inh : (1,) or (n,) int array or None
        Decay of the second current, if there is one.
    vth : (1,) or (n,) int array
        Threshold in units of 64.
    bias_mant : (1,) or (n,) int array
        13 bits and sign; what currents and resting potentials add at every step.
    bias_exp : int
        0 to 7.
    refractory : (1,) or (n,) int array
        Steps after a spike in which v is held where the reset left it and does not fire; currents go on.
    subtract : bool
        Whether a spike takes 64 vth from v, rather than setting it to 0.
    noise : (1,) or (n,) int array
        What is added to v is (|r| noise >> 7) with the sign of r, r in -127..127 drawn uniformly at every step.
    noise_key : (n,) uint64 array or None
        Keys of the neurons' draws: r of step k is ``(mix(noise_key ^ k) >> 12) % 255 - 127``.
    u_init, u_inh_init, v_init : (n,) int array
        At the start.
    scale : (1,) or (n,) float array [1/mV]
        v is scale (potential - v_zero).
    v_zero : (1,) or (n,) float array [mV]
        The potential that v = 0 stands for: the reset.
    current_scale : (2, 1) or (2, n) float array [1/nA]
        u (u_inh where there is one) is current_scale times the receptor's current. The first row is the excitatory
        receptor's; the second is negative; a receptor at which nothing arrives has 0. Without u_inh, u is the sum.
    bias_scale : (1,) or (n,) float array [1/nA]
        An injected current times it is added to v at every step.
    bias_rest : (1,) or (n,) float array
        What is added to v at every step where no current is injected.
    """

    name: str
    group: int
    size: int
    model: str
    du: Int
    dv: Int
    du_inh: Int | None
    vth: Int
    bias_mant: Int
    bias_exp: int
    refractory: Int
    subtract: bool
    noise: Int
    noise_key: Int | None
    u_init: Int
    u_inh_init: Int
    v_init: Int
    scale: Float
    v_zero: Float
    current_scale: Float
    bias_scale: Float
    bias_rest: Float


@dataclass(frozen=True, eq=False)
class Connection:
    """Synapses from a source or process to a process: at most one from one neuron to another.

    Attributes
    ----------
    name : str
    projection : int
        Index of the network's projection. A projection with several synapses from one neuron to another has several
        connections.
    source, target : int
        Groups: index of the network's source, of populations first, then inputs, then shifted copies of these.
    n_source, n_target : int
    receptor : int
        0: arrivals enter u; 1: they enter u_inh.
    sign : int
        1: weights are 0 to 255; -1: they are -255 to 0.
    weight_exp : int
        -8 to 7.
    row_ptr : (n_source + 1,) int64 array
        Synapses of source neuron i: ``row_ptr[i]`` to ``row_ptr[i + 1]``.
    target_index : (n_synapses,) int32 array
        Increasing within a row.
    weight : (n_synapses,) int16 array
        Signed, before the shift by weight_exp.
    delay : (1,) or (n_synapses,) int8 array [steps]
        0 to 63.
    synapse : (n_synapses,) int64 array
        Index of each synapse in the network's projection.
    scale : (1,) or (n_target,) float array
        The weight of a synapse is ``round(scale[target] w)`` for a weight w of the network [nA, or mV], signed.
    plastic : bool
        Whether the host writes the weights while the program runs.
    """

    name: str
    projection: int
    source: int
    target: int
    n_source: int
    n_target: int
    receptor: int
    sign: int
    weight_exp: int
    row_ptr: Int
    target_index: Int
    weight: Int
    delay: Int
    synapse: Int
    scale: Float
    plastic: bool

    @property
    def n_synapses(self) -> int:
        """Number of synapses."""
        return len(self.target_index)


@dataclass(frozen=True, eq=False)
class LoihiProgram:
    """A network as it lies on the chip.

    Attributes
    ----------
    name : str
    dt : float [ms]
    sources : tuple of Source
    processes : tuple of NeuronProcess
    connections : tuple of Connection
    learning : tuple of LearningConnection
        Those of the connections that learn on the chip.
    third_factors : tuple of ThirdFactors
        What processes send to them.
    """

    name: str
    dt: float
    sources: tuple[Source, ...]
    processes: tuple[NeuronProcess, ...]
    connections: tuple[Connection, ...]
    learning: tuple[LearningConnection, ...] = ()
    third_factors: tuple[ThirdFactors, ...] = ()

    def __str__(self) -> str:
        from .program_table import program_table

        return program_table(self)
