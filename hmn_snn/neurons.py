"""Neuron models: what a single cell is, in PyNN's names and units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from .description import Description, choice_problem, quantity
from .errors import DescriptionError


@dataclass(frozen=True, eq=False)
class LIF(Description):
    """Leaky integrate-and-fire neuron with exponential synaptic currents and optional noise.

    ``tau_m dv/dt = v_rest - v + R (i_exc - i_inh + i_offset + i_ext + i_osc) + bias + sigma sqrt(2 tau_m) xi``
    with ``R = tau_m / cm``. Names and defaults are those of PyNN's ``IF_curr_exp``,
    but for ``tau_refrac``, whose 0.1 ms there lies on no coarser grid; ``tau_syn = 0`` makes a receptor a
    delta synapse (PyNN's ``IF_curr_delta``), whose weights are in mV. Numeric parameters take one number, one value per
    neuron, or a distribution.

    Parameters
    ----------
    tau_m : float or (n,) array [ms]
        Membrane time constant.
    cm : float or (n,) array [nF]
        Membrane capacitance.
    v_rest, v_reset, v_thresh : float or (n,) array [mV]
    tau_refrac : float or (n,) array [ms]
        Multiple of dt (so no distribution); the neuron is held after a spike for that long.
    tau_syn_E, tau_syn_I : float or (n,) array [ms]
        Time constants of the receptors; 0 for a delta synapse (all of the population).
    i_offset : float or (n,) array [nA]
    sigma : float or (n,) array [mV]
        Stationary standard deviation of the free membrane potential; 0 for none.
    noise_correction : bool
        Lower the threshold by 0.5826 sigma sqrt(2 dt / tau_m), which makes rates in discrete time those of continuous
        time (Broadie, Glasserman & Kou 1997: the shift of a discretely watched barrier, -zeta(1/2) / sqrt(2 pi)).
    reset : "value" or "subtract"
        To ``v_reset``, or by ``v_thresh - v_reset``.
    target_rate : float or (n,) array [Hz]
        Rate that the homeostatic bias drives the neuron to.
    eta_bias : float or (n,) array [mV]
        Size of the bias step at a spike; 0 for no homeostasis.
    """

    tau_m: Any = quantity(20.0, "ms", low=0.0, low_open=True, array=True)
    cm: Any = quantity(1.0, "nF", low=0.0, low_open=True, array=True)
    v_rest: Any = quantity(-65.0, "mV", array=True)
    v_reset: Any = quantity(-65.0, "mV", array=True)
    v_thresh: Any = quantity(-50.0, "mV", array=True)
    tau_refrac: Any = quantity(0.0, "ms", low=0.0, array=True, kinds=())
    tau_syn_E: Any = quantity(5.0, "ms", low=0.0, array=True)
    tau_syn_I: Any = quantity(5.0, "ms", low=0.0, array=True)
    i_offset: Any = quantity(0.0, "nA", array=True)
    sigma: Any = quantity(0.0, "mV", low=0.0, array=True)
    noise_correction: bool = False
    reset: str = "value"
    target_rate: Any = quantity(0.0, "Hz", low=0.0, array=True)
    eta_bias: Any = quantity(0.0, "mV", low=0.0, array=True)

    kind: ClassVar[str] = "neuron"
    initial: ClassVar[dict[str, str]] = {"v": "mV", "i_exc": "nA", "i_inh": "nA", "bias": "mV"}

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the parameters."""
        yield from super().problems(owner)
        yield from choice_problem(owner or self.owner, "reset", self.reset, ("value", "subtract"))

    def is_delta(self, receptor: str) -> bool:
        """Return whether a receptor is a delta synapse.

        Parameters
        ----------
        receptor : "excitatory" or "inhibitory"

        Returns
        -------
        bool
        """
        tau = self.tau_syn_E if receptor == "excitatory" else self.tau_syn_I
        return not isinstance(tau, Description) and bool((tau == 0.0) if isinstance(tau, float) else (tau == 0.0).all())
