"""NeuroBench's metrics of a run, by NeuroBench's names and definitions, with this package's own beside them.

Definitions follow NeuroBench 2.x (Yik et al. 2025, Nat. Commun. 16, 1545; its ``neurobench/metrics``), read for a
network of spikes: a projection is a connection layer, a population an activation layer, a step a forward pass, and a
run, or an n-th of it, a sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DescriptionError, SimulationError
from .lowered import LoweredNetwork, LoweredProjection
from .lowering import lower
from .network import Network
from .projection import Projection
from .results import Results

# What NeuroBench has no name for, by the name it has here.
_EXTENSIONS = {
    "Spikes": "spikes",
    "NeuronUpdates": "neuron_updates",
    "SynapticEvents": "synaptic_events",
    "Pairings": "pairings",
    "LearningTicks": "ticks",
    "PlasticUpdates": "updates_applied",
    "PlasticUpdatesRejected": "updates_rejected",
    "AstrocyteUpdates": "astrocyte_updates",
    "AstrocyteReleases": "astrocyte_releases",
}
# Of a lowered population and projection: what a simulator keeps in memory.
_NEURON_ARRAYS = ("rho_m", "rho_exc", "rho_inh", "k_exc", "k_inh", "v_rest", "v_reset", "v_thresh", "i_offset",
                  "noise", "refractory", "eta_bias", "bias_gain")  # fmt: skip
_SYNAPSE_ARRAYS = ("weight", "delays", "row_ptr", "target_index", "territory")


@dataclass(frozen=True)
class NeuroBench:
    """NeuroBench's metrics of a run; printing it gives a table.

    Attributes
    ----------
    footprint : int or None [bytes]
        Of parameters and buffers: weights, connectivity and delays, neurons' coefficients and state, with numbers as
        wide as in the run; None where the run's precision is no floating-point type.
    parameter_count : int
        Stored weights: one per synapse, or one for a projection whose synapses share it.
    connection_sparsity : float
        Share of zeros among all weights of dense layers (absent synapses are zeros), rounded to 4 decimals.
    execution_rate : float [Hz]
        Steps per second of biological time.
    activation_sparsity : float
        Share of (neuron, step) without a spike, over all populations.
    effective_macs, effective_acs, dense : float
        Synaptic operations per sample: a spike at a weight that is not zero is an effective accumulate; no layer has
        inputs other than spikes, so there are no effective multiply-accumulates; dense counts every pair at every step.
    membrane_updates : float or None
        Per sample: membrane potentials that a step changed, and all of the first step; over the steps of which both
        ends were recorded, all but the last. None unless ``v`` of every population was recorded at every step.
    extensions : mapping of str to float
        This package's own counts per sample, which NeuroBench does not define.
    """

    footprint: int | None
    parameter_count: int
    connection_sparsity: float
    execution_rate: float
    activation_sparsity: float
    effective_macs: float
    effective_acs: float
    dense: float
    membrane_updates: float | None
    extensions: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the metrics by NeuroBench's own names; this package's stand under ``"hmn_snn"``.

        Returns
        -------
        dict
            What is not known is None.
        """
        return {
            "Footprint": self.footprint,
            "ParameterCount": self.parameter_count,
            "ConnectionSparsity": self.connection_sparsity,
            "ModelExecutionRate": self.execution_rate,
            "ActivationSparsity": self.activation_sparsity,
            "SynapticOperations": {
                "Effective_MACs": self.effective_macs,
                "Effective_ACs": self.effective_acs,
                "Dense": self.dense,
            },
            "MembraneUpdates": self.membrane_updates,
            "hmn_snn": dict(self.extensions),
        }

    def __str__(self) -> str:
        from .summary import text_table

        named = self.to_dict()
        own = named.pop("hmn_snn")
        operations = named.pop("SynapticOperations")
        rows = [[name, value] for name, value in (*named.items(), *operations.items())]
        rows += [[f"{name} (not NeuroBench's)", value] for name, value in own.items()]
        return text_table([[name, "missing" if v is None else f"{v:,.10g}"] for name, v in rows], ["metric", "value"])


def neurobench(results: Results, net: Network, samples: int = 1) -> NeuroBench:
    """Return NeuroBench's metrics of a run, and this package's own.

    Parameters
    ----------
    results : Results
    net : Network
        The network that ran.
    samples : int
        How many inputs, such as images, the run presented: counts are per sample.

    Returns
    -------
    NeuroBench

    Raises
    ------
    SimulationError
        If the results are of another network.
    DescriptionError
        If the number of samples is no positive integer.
    """
    if isinstance(samples, bool) or not isinstance(samples, int) or samples < 1:
        raise DescriptionError("neurobench", "samples", samples, "give a whole number of 1 or more")
    lowered = lower(net)
    if results.provenance.network_hash != lowered.hash:
        raise SimulationError(
            f"the results of {results.name!r} are of another network than {net.name!r} as it is now; give the network "
            "that ran, with the same dt and seed and nothing added since"
        )
    n_steps = round(results.duration / results.dt)
    weights = {p.name: _weights(p, results) for p in lowered.projections}
    pairs = sum(len(p.pre) * len(p.post) for p in net.of_kind(Projection))
    updates = _membrane_updates(lowered, results)
    return NeuroBench(
        footprint=_footprint(lowered, results.provenance.precision),
        parameter_count=sum(p.weight.size for p in lowered.projections),
        connection_sparsity=_connection_sparsity(lowered, weights, pairs),
        execution_rate=1e3 / results.dt,
        activation_sparsity=_activation_sparsity(lowered, results, n_steps),
        effective_macs=0.0,
        effective_acs=_accumulates(lowered, weights, results) / samples,
        dense=pairs * n_steps / samples,
        membrane_updates=None if updates is None else updates / samples,
        extensions={name: results.ledger.total(counter) / samples for name, counter in _EXTENSIONS.items()},
    )


def _weights(projection: LoweredProjection, results: Results) -> np.ndarray:
    """Return the weights at the end of the run, in the order in which lowering lists the synapses."""
    learned = results.weights.get(projection.name)
    return projection.weights if learned is None else learned.values


def _footprint(lowered: LoweredNetwork, precision: str) -> int | None:
    width = {"float64": 8, "float32": 4}.get(precision)
    if width is None:
        return None
    arrays = [getattr(p, name) for p in lowered.populations for name in _NEURON_ARRAYS]
    arrays += [state for p in lowered.populations for state in p.initial.values()]
    arrays += [getattr(p, name) for p in lowered.projections for name in _SYNAPSE_ARRAYS]
    present = [array for array in arrays if array is not None]
    return int(sum(array.size * (width if array.dtype.kind == "f" else array.dtype.itemsize) for array in present))


def _connection_sparsity(lowered: LoweredNetwork, weights: Mapping[str, np.ndarray], pairs: int) -> float:
    """Return the share of pairs without a weight; synapses between the same two neurons are one weight, their sum."""
    connected = 0
    for p in lowered.projections:
        pair = p.source_index.astype(np.int64) * max(1, p.n_target) + p.target_index
        _, place = np.unique(pair, return_inverse=True)
        connected += int(np.count_nonzero(np.bincount(place.ravel(), weights[p.name])))
    return round(1.0 - connected / pairs, 4) if pairs else 0.0


def _activation_sparsity(lowered: LoweredNetwork, results: Results, n_steps: int) -> float:
    places = n_steps * sum(p.size for p in lowered.populations)
    spikes = sum(len(results.spikes[p.name]) for p in lowered.populations)
    return (places - spikes) / places if places else 0.0


def _accumulates(lowered: LoweredNetwork, weights: Mapping[str, np.ndarray], results: Results) -> float:
    """Return the sum over spikes of the synapses that they reach and whose weight is not zero."""
    sources = [p.name for p in lowered.populations] + [source.name for source in lowered.inputs]
    total = 0
    for p in lowered.projections:
        reached = np.bincount(p.source_index[weights[p.name] != 0.0], minlength=p.n_source)
        total += int(results.spikes[sources[p.source]].counts @ reached)
    return float(total)


def _membrane_updates(lowered: LoweredNetwork, results: Results) -> float | None:
    total = 0
    for p in lowered.populations:
        if not p.size:
            continue
        trace = results.traces.get(p.name, {}).get("v")
        if trace is None or not _complete(trace, p.size, results):
            return None
        total += p.size + int(np.count_nonzero(np.diff(trace.values[1:], axis=0)))
    return float(total)


def _complete(trace: Any, size: int, results: Results) -> bool:
    """Tell whether a trace has every neuron at every step."""
    n_steps = round(results.duration / results.dt)
    return n_steps > 0 and trace.values.shape == (n_steps, size)
