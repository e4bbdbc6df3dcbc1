"""hmn-snn: spiking HMN networks, described once, run on simulators and neuromorphic hardware."""

from __future__ import annotations

from pathlib import Path as _Path

from .astrocytes import Astrocytes, LeakyCalcium
from .connectors import AllToAll, FixedNumberPost, FixedNumberPre, FixedProbability, FromArrays, OneToOne
from .distributions import Exponential, LogNormal, Normal, Uniform
from .errors import HMNError
from .inputs import CurrentInput, PoissonInput, SpikeInput, Steps
from .modulators import Modulator, RewardBaseline
from .network import Network
from .neurons import LIF
from .oscillators import Entrainment, Oscillator, OscillatorDrive
from .plasticity import GlobalAttention, HMNRule, LocalAttention, PhaseGate
from .population import Population
from .projection import Projection
from .results import Results
from .simulate import Simulation, check, run

__version__ = "0.1.0"

# A bare checkout keeps backends/ and models/ beside this package; an installed copy has them inside.
if not (_Path(__path__[0]) / "backends").is_dir():
    __path__.append(str(_Path(__path__[0]).parent))

__all__ = [
    "AllToAll",
    "Astrocytes",
    "CurrentInput",
    "Entrainment",
    "Exponential",
    "FixedNumberPost",
    "FixedNumberPre",
    "FixedProbability",
    "FromArrays",
    "GlobalAttention",
    "HMNError",
    "HMNRule",
    "LIF",
    "LeakyCalcium",
    "LocalAttention",
    "LogNormal",
    "Modulator",
    "Network",
    "Normal",
    "OneToOne",
    "Oscillator",
    "OscillatorDrive",
    "PhaseGate",
    "PoissonInput",
    "Population",
    "Projection",
    "Results",
    "RewardBaseline",
    "Simulation",
    "SpikeInput",
    "Steps",
    "Uniform",
    "check",
    "run",
]
