"""The learning rule in Brian2's terms: traces, pairings, pending updates, the learning tick.

Everything a synapse knows is a variable of its own that is advanced at every step: slow, but as the semantics say it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from hmn_snn.lowered import LoweredProjection, LoweredRule

from .attention import add_attention
from .blueprint import Blueprint
from .parts import Draw, Links


def tick_condition(lowered_rule: LoweredRule) -> str:
    """Return when a rule has its learning tick, as Brian2 writes it."""
    return f"(t_in_timesteps + 1) % {lowered_rule.tick_steps} == 0"


def add_plasticity(blueprint: Blueprint, projection: LoweredProjection, links: Links, gating: str) -> None:
    """Let a projection's synapses learn.

    Parameters
    ----------
    blueprint : Blueprint
    projection : LoweredProjection
        Plastic.
    links : Links
        Its synapses.
    gating : str
        The group that has the rule's gating signal.
    """
    lowered_rule = projection.plasticity
    assert lowered_rule is not None
    rule, dt = lowered_rule.rule, blueprint.lowered.dt
    tick = blueprint.names.new(f"tick_{links.name}")
    blueprint.groups[links.target].events[tick] = tick_condition(lowered_rule)
    links.variables(x=0.0, y=0.0, psi_fast=0.0, psi_slow=0.0, pending=0.0, arrived=0.0, spiked=0.0, alpha=1.0)
    links.model.append("eligibility = psi_fast + psi_slow : 1")
    links.counters("paired", "applied", "rejected")
    taus = {"plus": rule.tau_plus, "minus": rule.tau_minus, "fast": rule.tau_fast, "slow": rule.tau_slow}
    links.constants(**{f"rho_{name}": math.exp(-dt / tau) for name, tau in taus.items()})
    links.constants(**_numbers(rule), dt_s=dt / 1000.0)
    links.constants(one_gating=np.zeros(projection.n_synapses, np.int32))
    links.refer("G", gating, "G", "one_gating")
    _add_gate(blueprint, links, lowered_rule)
    _add_events(links, projection, rule)
    _add_tick(blueprint, links, projection, tick)
    signal = _add_signal(blueprint, links, projection, tick)
    add_attention(blueprint, links, projection, tick)
    links.every_step(_advance(lowered_rule, signal), "synapses", 1)


def _numbers(rule: Any) -> dict[str, float]:
    names = ("A_plus", "A_minus", "kappa_fast", "kappa_slow", "eta_l", "eta_g", "w_min", "w_max")
    return {name: float(getattr(rule, name)) for name in names}


def _add_gate(blueprint: Blueprint, links: Links, lowered_rule: LoweredRule) -> None:
    gate = lowered_rule.gate
    if gate is None:
        return
    oscillators, member = blueprint.member(gate.oscillator)
    n = len(links.pre)
    links.constants(
        gate_oscillator=np.full(n, member, np.int32),
        preferred=np.array(np.broadcast_to(2.0 * np.pi * gate.bins / gate.n_bins, (n,))),
    )
    links.refer("phase", oscillators, "phase", "gate_oscillator")


def _add_events(links: Links, projection: LoweredProjection, rule: Any) -> None:
    """Note arrivals and spikes where the rule sees them: the delay lies before the synapse or behind it."""
    dendritic = rule.delay_kind == "dendritic"
    links.on_pre("arrived = 1", 0 if dendritic else projection.delay_steps, "arrival")
    links.on_post("spiked = 1", projection.delay_steps if dendritic else 0, "spike")


def _advance(lowered_rule: LoweredRule, signal: str) -> list[str]:
    """One step of traces, pairings and pending update, from t_n to t_n+1."""
    rule, gate = lowered_rule.rule, lowered_rule.gate
    nearest = rule.pairing == "nearest"
    # What x and y become by this time's events: with pairing "nearest" they are set to 1. A tie counts that in.
    next_x = "x*(1 - arrived) + arrived" if nearest else "x + arrived"
    next_y = "y*(1 - spiked) + spiked" if nearest else "y + spiked"
    code = [f"{name} = {name}*rho_{rho}" for name, rho in (("x", "plus"), ("y", "minus"))]
    code += [f"psi_{c} = psi_{c}*rho_{c}" for c in ("fast", "slow")]
    if gate is not None:
        code.append("gate = clip(cos(phase - preferred), 0, 1)")
    code += [
        f"ltp = spiked*A_plus*({next_x if rule.tie == 'ltp' else 'x'})",
        f"ltd = arrived*A_minus*({next_y if rule.tie == 'ltd' else 'y'})",
        f"pairing = {'gate*' if gate is not None and gate.pairing else ''}(ltp + ltd)",
        "psi_fast = psi_fast + kappa_fast*pairing",
        "psi_slow = psi_slow + kappa_slow*pairing",
        "paired = paired + int(arrived) + int(spiked)",
        f"x = {next_x}",
        f"y = {next_y}",
        "arrived = 0",
        "spiked = 0",
    ]
    factors = ["dt_s", f"(eta_l + eta_g*({signal}))"]
    if gate is not None and gate.update:
        factors.append("gate")
    code.append(f"pending = pending + {'*'.join([*factors, 'alpha', '(psi_fast + psi_slow)'])}")
    return code


def _add_signal(blueprint: Blueprint, links: Links, projection: LoweredProjection, tick: str) -> str:
    """Return the global factor: G, and the astrocyte's signal M as it was at the last tick."""
    assert projection.plasticity is not None
    lambda_a, astrocytes = projection.plasticity.rule.lambda_a, blueprint.hearing(projection)
    if lambda_a == 0.0 or astrocytes is None:
        return "G"
    links.constants(lambda_a=float(lambda_a))
    links.variables(M=0.0)
    links.refer("signal", astrocytes, "signal", "territory")
    links.on_tick(tick, "sample_signal", ["M = signal"], 2)
    return "G + lambda_a*M"


def _add_tick(blueprint: Blueprint, links: Links, projection: LoweredProjection, tick: str) -> None:
    """Apply pending updates to the weights, or reject them; nothing else changes a weight."""
    lowered_rule = projection.plasticity
    assert lowered_rule is not None
    rule = lowered_rule.rule
    if rule.apply == "always":
        code = ["applied = applied + int(pending != 0)", "w = clip(w + pending, w_min, w_max)", "pending = 0"]
        links.on_tick(tick, "apply", code, 1)
        return
    draw = blueprint.names.new(f"draw_{links.name}")
    links.namespace[draw] = Draw("uniform", f"{projection.name}/apply")
    links.constants(number=np.arange(projection.n_synapses, dtype=np.int32))
    links.constants(tick_steps=lowered_rule.tick_steps, beta_p=float(lowered_rule.beta_p), theta_p=float(rule.theta_p))
    links.variables(application_margin=np.inf)
    code = [
        "probability = 1/(1 + exp(-beta_p*(abs(pending) - theta_p)))",
        f"u = {draw}(number, (t_in_timesteps + 1)//tick_steps - 1)",
        "accepted = int(u < probability)",
        "application_margin = clip(abs(u - probability) + 1e300*int(pending == 0), 0, application_margin)",
        "applied = applied + accepted*int(pending != 0)",
        "rejected = rejected + (1 - accepted)*int(pending != 0)",
        "w = clip(w + accepted*pending, w_min, w_max)",
        "pending = pending*(1 - accepted)" if rule.on_reject == "carry" else "pending = 0",
    ]
    links.on_tick(tick, "apply", code, 1)
