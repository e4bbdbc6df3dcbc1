"""PyNN's STDP as an HMN rule: plain pair STDP, each pairing applied at once."""

from __future__ import annotations

from typing import Any

from .errors import DescriptionError
from .plasticity import HMNRule

# exp(-40) = 4e-18: an eligibility trace is gone, to the last bit, one step after its pairing; the kernels divide by
# the decay, so it must not underflow.
_STEPS_PER_TAU = 40.0
_MS_PER_S = 1000.0


def pair_rule(
    dt: float,
    A_plus: float,
    A_minus: float,
    tau_plus: float,
    tau_minus: float,
    w_min: float,
    w_max: float,
    *,
    tie: str = "none",
    delay_kind: str = "dendritic",
) -> HMNRule:
    """Return the rule under which a pairing changes the weight at once, by A and nothing else.

    The eligibility lives for one step, in which it is worth ``dt_s eta_l = 1``, and every step is a tick.

    Parameters
    ----------
    dt : float [ms]
    A_plus, A_minus : float [nA]
        Absolute; A_minus negative.
    tau_plus, tau_minus : float [ms]
    w_min, w_max : float [nA]
    tie : "none", "ltp" or "ltd"
    delay_kind : "dendritic" or "axonal"

    Returns
    -------
    HMNRule
    """
    return HMNRule(
        A_plus=A_plus, A_minus=A_minus, tau_plus=tau_plus, tau_minus=tau_minus, tau_fast=dt / _STEPS_PER_TAU,
        kappa_slow=0.0, eta_l=_MS_PER_S / dt, eta_g=0.0, w_min=w_min, w_max=w_max, tick=dt, tie=tie,
        delay_kind=delay_kind,
    )  # fmt: skip


def read_rule(owner: str, synapse: dict[str, Any], dt: float, receptor: str, spinnaker: bool) -> HMNRule:
    """Return the rule of an STDPMechanism.

    Amplitudes are relative to w_max, as pyNN.nest, pyNN.neuron and pyNN.brian2 compute, and absolute on SpiNNaker;
    there an arrival and a post spike at the same time depress.

    Parameters
    ----------
    owner : str
        The projection, as error messages name it.
    synapse : dict
        As :class:`hmn_snn.pynn_walk.Walker` gives it.
    dt : float [ms]
    receptor : "excitatory" or "inhibitory"
    spinnaker : bool
        Whether the network was written for SpiNNaker.

    Returns
    -------
    HMNRule

    Raises
    ------
    DescriptionError
    """
    _check_parts(owner, synapse)
    numbers = {**synapse["timing_parameters"], **synapse["weight_parameters"]}
    for name, value in numbers.items():
        if value is None:
            raise DescriptionError(owner, name, "several values", "a rule has one value for all of its synapses")
    w_min, w_max = numbers["w_min"], numbers["w_max"]
    if receptor == "inhibitory" and not spinnaker:  # written with negative weights; only magnitudes are kept
        w_min, w_max = -w_min, -w_max
    if not 0.0 <= w_min <= w_max:
        sign = "at most 0 at an inhibitory receptor" if receptor == "inhibitory" else "at least 0"
        raise DescriptionError(owner, "w_min, w_max", (numbers["w_min"], numbers["w_max"]), f"use bounds {sign}")
    unit = 1.0 if spinnaker else w_max
    fraction = synapse["dendritic_delay_fraction"]
    if fraction not in (0.0, 1.0):
        raise DescriptionError(owner, "dendritic_delay_fraction", fraction, "use 1 (dendritic) or 0 (axonal)")
    return pair_rule(
        dt, numbers["A_plus"] * unit, -numbers["A_minus"] * unit, numbers["tau_plus"], numbers["tau_minus"],
        w_min, w_max, tie="ltd" if spinnaker else "none", delay_kind="dendritic" if fraction else "axonal",
    )  # fmt: skip


def _check_parts(owner: str, synapse: dict[str, Any]) -> None:
    for part, known in (("timing", "SpikePairRule"), ("weight", "AdditiveWeightDependence"), ("voltage", None)):
        if synapse.get(part) != known:
            allowed = f"only {known} translates" if known else "leave it out"
            raise DescriptionError(owner, f"{part}_dependence", synapse.get(part), allowed)
