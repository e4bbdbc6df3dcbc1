"""hmn-snn: spiking HMN networks, described once, run on simulators and neuromorphic hardware."""

from __future__ import annotations

import importlib as _importlib
from pathlib import Path as _Path
from typing import TYPE_CHECKING
from typing import Any as _Any

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

if TYPE_CHECKING:
    from .comparison import compare
    from .convergence_order import convergence
    from .costs import cost_table
    from .energies import energy
    from .exporting import export
    from .neurobench_metrics import neurobench
    from .nir_export import to_nir
    from .nir_import import from_nir
    from .pynn_import import from_pynn
    from .reporting import report
    from .results import Results
    from .simulate import Simulation, check, run
    from .sweep_points import Range
    from .sweeping import sweep
    from .theory import lif_rate, siegert

__version__ = "0.1.0"

# A bare checkout keeps backends/ and models/ beside this package; an installed copy has them inside.
if not (_Path(__path__[0]) / "backends").is_dir():
    __path__.append(str(_Path(__path__[0]).parent))

# What is only needed once a network exists is loaded when first asked for, so that the import stays quick.
_LAZY = {
    "Range": "sweep_points",
    "Results": "results",
    "Simulation": "simulate",
    "check": "simulate",
    "compare": "comparison",
    "convergence": "convergence_order",
    "cost_table": "costs",
    "energy": "energies",
    "export": "exporting",
    "from_nir": "nir_import",
    "from_pynn": "pynn_import",
    "lif_rate": "theory",
    "neurobench": "neurobench_metrics",
    "report": "reporting",
    "run": "simulate",
    "siegert": "theory",
    "sweep": "sweeping",
    "to_nir": "nir_export",
}


def __getattr__(name: str) -> _Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_importlib.import_module(f".{_LAZY[name]}", __name__), name)


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
    "Range",
    "Results",
    "RewardBaseline",
    "Simulation",
    "SpikeInput",
    "Steps",
    "Uniform",
    "check",
    "compare",
    "convergence",
    "cost_table",
    "energy",
    "export",
    "from_nir",
    "from_pynn",
    "lif_rate",
    "neurobench",
    "report",
    "run",
    "siegert",
    "sweep",
    "to_nir",
]
