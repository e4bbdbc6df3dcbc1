"""Backends that claim every feature and ignore one: the default engine, given a network without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hmn_snn import registry
from hmn_snn.lowered import LoweredNetwork, LoweredProjection, Schedule
from hmn_snn.results import Results
from hmn_snn.translator import Finding

Change = Callable[[LoweredNetwork], LoweredNetwork]


def populations(**changes: Callable[[Any], Any]) -> Change:
    """Return a change of fields of every population, each made from the population."""
    return _each("populations", changes)


def projections(**changes: Callable[[Any], Any]) -> Change:
    """Return a change of fields of every projection."""
    return _each("projections", changes)


def rules(**changes: Any) -> Change:
    """Return a change of every rule to given values."""
    return _learning(lambda plasticity: replace(plasticity, rule=replace(plasticity.rule, **changes)))


def gates(**changes: bool) -> Change:
    """Return a change of every phase gate to given values."""
    return _learning(
        lambda plasticity: replace(plasticity, gate=plasticity.gate and replace(plasticity.gate, **changes))
    )


def _each(group: str, changes: Mapping[str, Callable[[Any], Any]]) -> Change:
    def changed(thing: Any) -> Any:
        return replace(thing, **{field: value(thing) for field, value in changes.items()})

    return lambda lowered: replace(lowered, **{group: tuple(map(changed, getattr(lowered, group)))})


def _learning(change: Callable[[Any], Any]) -> Change:
    return projections(plasticity=lambda p: p.plasticity and change(p.plasticity))


def _equal_parameters(lowered: LoweredNetwork) -> LoweredNetwork:
    """Give all neurons the first one's threshold, the simplest of what may differ."""
    return populations(v_thresh=lambda p: p.v_thresh[:1])(lowered)


def _equal_delays(projection: LoweredProjection) -> Any:
    return np.repeat(projection.delays[:1], len(projection.delays))


def _silent(lowered: LoweredNetwork, poisson: bool) -> LoweredNetwork:
    def silenced(source: Any) -> Any:
        if poisson and source.rate is not None:
            return replace(source, rate=Schedule(source.rate.steps, np.zeros_like(source.rate.values)))
        if not poisson and source.rate is None:
            return replace(source, steps=source.steps[:0], indices=source.indices[:0])
        return source

    return replace(lowered, inputs=tuple(map(silenced, lowered.inputs)))


def _late(lowered: LoweredNetwork) -> LoweredNetwork:
    inputs = (
        s if s.rate is not None else replace(s, steps=s.steps[len(s.initial) :], indices=s.indices[len(s.initial) :])
        for s in lowered.inputs
    )
    return replace(lowered, inputs=tuple(inputs))


# Feature -> what a network becomes when it is silently ignored.
IGNORING: Mapping[str, Change] = {
    "lif": populations(rho_m=lambda p: np.ones_like(p.rho_m)),
    "refractory": populations(refractory=lambda p: np.zeros_like(p.refractory)),
    "delta_synapses": populations(delta=lambda p: (False, False)),
    "reset_subtract": populations(subtract=lambda p: False),
    "heterogeneous_neurons": _equal_parameters,
    "membrane_noise": populations(noise=lambda p: np.zeros_like(p.noise)),
    "homeostasis": populations(
        eta_bias=lambda p: np.zeros_like(p.eta_bias), bias_gain=lambda p: np.zeros_like(p.bias_gain)
    ),
    "currents": populations(currents=lambda p: ()),
    "oscillator_drive": populations(drives=lambda p: ()),
    "delays": projections(delays=_equal_delays),
    "poisson_input": lambda lowered: _silent(lowered, poisson=True),
    "spike_input": lambda lowered: _silent(lowered, poisson=False),
    "initial_spikes": _late,
    "stdp": rules(eta_l=0.0, eta_g=0.0),
    "dendritic_delay": rules(delay_kind="axonal"),
    "nearest_pairing": rules(pairing="all"),
    "tie_rules": rules(tie="none"),
    "modulators": _learning(lambda plasticity: replace(plasticity, modulators=())),
    "global_attention": rules(global_attention=None),
    "local_attention": rules(attention=None),
    "gate_update": gates(update=False),
    "gate_pairing": gates(pairing=False),
    "probabilistic_application": rules(apply="always"),
    "carry": rules(on_reject="drop"),
    "oscillator_coupling": lambda lowered: replace(
        lowered, oscillators=tuple(replace(o, coupling=0.0) for o in lowered.oscillators)
    ),
    "entrainment": lambda lowered: replace(lowered, entrainments=()),
    "astrocytes": projections(astrocytes=lambda p: -1, territory=lambda p: None),
    "astrocyte_metaplasticity": rules(lambda_a=0.0),
}


@dataclass(frozen=True)
class Overclaiming:
    """A backend that claims what the default engine can do, and leaves something out without a word."""

    change: Change
    engine: Any = registry.get("numba")
    name: str = "overclaiming"

    @property
    def capabilities(self) -> Any:
        """The claim."""
        return self.engine.capabilities

    def unavailable(self) -> None:
        """It runs everywhere."""

    def check(self, lowered: LoweredNetwork, **options: Any) -> tuple[Finding, ...]:
        """Say that all is native."""
        found: tuple[Finding, ...] = self.engine.check(lowered, **options)
        return found

    def translate(self, lowered: LoweredNetwork, **options: Any) -> OverclaimingProgram:
        """Translate another network than the one asked for."""
        return OverclaimingProgram(lowered, self.engine.translate(self.change(lowered), **options), self.name)


@dataclass(frozen=True)
class OverclaimingProgram:
    """A program of another network, which stamps its results as if it were the one asked for."""

    lowered: LoweredNetwork
    program: Any
    name: str

    def run(self, n_steps: int, progress: Any = None) -> Results:
        """Run, and say that it was the network asked for."""
        results: Results = self.program.run(n_steps, progress)
        stamp = replace(results.provenance, backend=self.name, network_hash=self.lowered.hash)
        return replace(results, provenance=stamp)
