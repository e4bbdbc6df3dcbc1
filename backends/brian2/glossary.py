"""What the variables of the equations are, with their units: the comments of an exported script."""

from __future__ import annotations

import re

_MEANINGS = {
    # Neurons
    "v": "membrane potential [mV]",
    "i_exc": "excitatory current [nA]",
    "i_inh": "inhibitory current [nA]",
    "bias": "homeostatic bias [mV]",
    "arriving_exc": "sum of the weights that arrive at the next step, likewise arriving_inh",
    "hold": "steps for which v is still held after a spike",
    "free": "whether this step integrates v and tests the threshold",
    "rho_m": "exp(-dt/tau_m)",
    "rho_exc": "exp(-dt/tau_syn_E), 0 for a delta synapse; likewise rho_inh",
    "k_exc": "effect of i_exc at the start of a step on v at its end [MOhm], likewise k_inh",
    "resistance": "tau_m/cm [MOhm]",
    "v_rest": "[mV]",
    "v_reset": "[mV]",
    "v_thresh": "[mV]",
    "i_offset": "[nA]",
    "noise": "standard deviation of what one step adds to v [mV]",
    "eta_bias": "what a spike takes from the bias [mV]",
    "bias_gain": "what a step adds to the bias [mV]",
    "reached": "1 where an injected current reaches the neuron",
    "column": "the neuron's column in the current's table",
    "amplitude": "of an oscillator's current [nA]",
    "oscillator": "which oscillator",
    # Synapses and their learning rule
    "w": "weight",
    "x": "trace of arrivals",
    "y": "trace of the target's spikes",
    "psi_fast": "fast part of the eligibility",
    "psi_slow": "slow part of the eligibility",
    "pending": "what the next learning tick adds to w",
    "arrived": "1 where a spike arrived in this step",
    "spiked": "1 where the target's spike arrived in this step",
    "alpha": "share of local attention",
    "rho_plus": "exp(-dt/tau_plus), likewise the others",
    "eta_l": "local learning rate [1/s]",
    "eta_g": "learning rate of the gating signal [1/s]",
    "number": "index of the synapse, the key of its draws",
    "tick_steps": "steps between two learning ticks",
    "beta_p": "steepness of the probability of application",
    "theta_p": "pending update that is applied with probability 1/2",
    "lambda_a": "weight of the astrocyte's signal",
    "M": "the astrocyte's signal at the last tick",
    "preferred": "preferred phase [rad]",
    "gate_oscillator": "the oscillator of the gate",
    "one_gating": "0, the only member of the gating signal's group; likewise only",
    "score": "slope of the softmax times similarity",
    "emitted": "1 where the source spiked in this step",
    "fired": "1 where the target spiked in this step",
    "h": "rate of the source over r0, low-passed",
    "c": "rate of the target over r0, low-passed",
    "rho_trace": "exp(-dt/tau_h)",
    "scale": "1/(r0 tau_h)",
    "largest": "largest score of the neuron's synapses",
    "total": "sum of exp(score - largest) over them",
    # Modulators
    "phasic": "what releases left",
    "tonic": "what the schedule says",
    "level": "tonic + phasic",
    "share": "of global attention; at a synapse, the number that local attention shares out",
    "rho": "exp(-dt/tau)",
    "G": "gating signal, the weighted sum of levels",
    "context": "rate of a population over r0, low-passed",
    # Oscillators
    "phase": "[rad]",
    "pull": "sum of sin(phase_m - phase - lag) over the group",
    "omega": "[rad/s]",
    "coupling": "K/N [rad/s]",
    "lag": "[rad]",
    "dt_s": "dt [s]",
    "spikes": "entraining spikes of this step",
    "strength": "of a kick [rad]",
    "towards": "the phase that kicks pull to [rad]",
    # Astrocytes
    "arrivals": "since the last step of the clock",
    "released": "1 where calcium crossed C_theta in the last step of the clock",
    "gain": "of the synapses' weights",
    "signal": "adenosine/IC50",
    "rho_Y": "exp(-clock/tau_Y), likewise the others",
    "per_IC50": "1/IC50",
    "territory": "number of synapses heard; at a synapse, its astrocyte",
}


def explained(line: str) -> str:
    """Return a line of a model with a comment that says what its variable is.

    Parameters
    ----------
    line : str

    Returns
    -------
    str
    """
    name = line.split()[0]
    numbered, first = re.sub(r"_\d+$", "", name), name.partition("_")[0]
    made_up = first if first in ("largest", "total", "spikes", "strength", "towards") else name
    for known in (name, numbered, made_up):
        if known in _MEANINGS:
            return f"{line}  # {_MEANINGS[known]}"
    return line
