"""Which of sPyNNaker's compiled programs a population runs on, and whether they exist.

sPyNNaker makes a binary's name from the cell and its plasticity. Not all combinations were compiled: without hardware
that is a warning only, on a board the end. The names are those in ``spynnaker/pyNN/model_binaries`` of sPyNNaker 7.4.1.
"""

from __future__ import annotations

from .program import IF_CURR_DELTA, IF_CURR_DUAL_EXP, IF_CURR_EXP

BASES = {IF_CURR_EXP: "IF_curr_exp", IF_CURR_DELTA: "IF_curr_delta", IF_CURR_DUAL_EXP: "IF_curr_exp_dual"}
STATIC, PAIR, NEAREST, GATED, GATED_NEAREST = "static", "pair", "nearest", "gated", "gated nearest"
_SUFFIXES = {
    STATIC: "",
    PAIR: "_stdp_mad_pair_additive",
    NEAREST: "_stdp_mad_nearest_pair_additive",
    GATED: "_stdp_izhikevich_neuromodulation_pair_additive",
    GATED_NEAREST: "_stdp_izhikevich_neuromodulation_nearest_pair_additive",
}
GIVEN_SPIKES, POISSON = "reverse_iptag_multicast_source.aplx", "spike_source_poisson.aplx"
DELAYS = "delay_extension.aplx"
COMPILED = frozenset({
    "IF_curr_exp.aplx", "IF_curr_exp_neuron.aplx", "IF_curr_exp_stdp_mad_pair_additive.aplx",
    "IF_curr_exp_stdp_mad_nearest_pair_additive.aplx",
    "IF_curr_exp_stdp_izhikevich_neuromodulation_pair_additive.aplx", "IF_curr_delta.aplx",
    "IF_curr_delta_neuron.aplx", "IF_curr_delta_stdp_mad_pair_additive.aplx",
    "IF_curr_delta_stdp_mad_nearest_pair_additive.aplx", "IF_curr_exp_dual.aplx", "IF_curr_exp_dual_neuron.aplx",
    "synapses.aplx", "synapses_stdp_mad_pair_additive.aplx", "synapses_stdp_mad_nearest_pair_additive.aplx",
    "synapses_stdp_izhikevich_neuromodulation_pair_additive.aplx", GIVEN_SPIKES, POISSON, DELAYS,
})  # fmt: skip


def binaries(celltype: str, plasticity: str, split: bool) -> tuple[str, ...]:
    """Return the binaries that cells need.

    Parameters
    ----------
    celltype : "IF_curr_exp", "IF_curr_delta" or "IF_curr_dual_exp"
    plasticity : "static", "pair", "nearest", "gated" or "gated nearest"
        Of the synapses onto them.
    split : bool
        Whether neurons and synapses are on cores of their own.

    Returns
    -------
    tuple of str
    """
    base, suffix = BASES[celltype], _SUFFIXES[plasticity]
    return (f"{base}_neuron.aplx", f"synapses{suffix}.aplx") if split else (f"{base}{suffix}.aplx",)


def is_split(celltype: str, plasticity: str, dt: float, has_synapses: bool) -> bool:
    """Return whether sPyNNaker puts synapses on cores of their own.

    With dopamine it always does; below 1 ms where there are synapses; else only where no combined binary exists
    (``population_vertex.py``, ``use_combined_core``).

    Parameters
    ----------
    celltype, plasticity : str
        See :func:`binaries`.
    dt : float [ms]
    has_synapses : bool

    Returns
    -------
    bool
    """
    if plasticity in (GATED, GATED_NEAREST):
        return True
    combined = binaries(celltype, plasticity, split=False)[0] in COMPILED
    return not combined or (dt < 1.0 and has_synapses)
