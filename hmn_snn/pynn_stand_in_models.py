# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, type-arg, no-any-return, attr-defined"
# PyNN has no types.
"""PyNN's standard models in a form that computes nothing, and the record of what a script builds with them.

Imported in the child process of :mod:`hmn_snn.pynn_process` only, by path: it must not import hmn_snn.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyNN
from pyNN.mock import simulator as mock_simulator
from pyNN.parameters import Sequence
from pyNN.standardmodels import build_translations, cells, electrodes, synapses
from pyNN.standardmodels.base import StandardCellType, StandardCurrentSource, StandardModelType

SPINNAKER = "spiNNaker"
# What simulators record besides a model's own variables; sPyNNaker calls currents gsyn.
_SYNAPTIC = {"isyn_exc": "nA", "isyn_inh": "nA", "gsyn_exc": "uS", "gsyn_inh": "uS"}
_OWN = ("PointNeuron", "MultiCompartmentNeuron", "SpikeSourceArray", "StaticSynapse", "STDPMechanism")


class Unsupported(AttributeError):
    """A script asked the simulator for something that is not in PyNN's standard interface."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(f"{what} is not in PyNN's standard interface")


class Record:
    """What a script has built since its last setup()."""

    def __init__(self) -> None:
        self.earlier = 0  # networks that the script had built before this one
        self.begin("")

    def begin(self, simulator: str) -> None:
        """Forget what there is: the script has called setup()."""
        self.earlier += bool(getattr(self, "populations", ()))
        self.simulator, self.duration = simulator, 0.0
        self.populations: list[Any] = []
        self.projections: list[Any] = []
        self.currents: list[Any] = []
        self.dropped: dict[str, str] = {}  # what was given and has no meaning here, with where
        self.changed: dict[str, None] = {}  # what was set after the first run, in order

    def change(self, what: str) -> None:
        """Note that something was set, which matters once a run has been asked for."""
        if self.duration:
            self.changed[what] = None


record = Record()


def _state_min_delay() -> float:
    delay = mock_simulator.state.min_delay
    return mock_simulator.state.dt if delay == "auto" else delay


def _same(names: Any) -> dict:
    return build_translations(*((name, name) for name in names))


class StaticSynapse(synapses.StaticSynapse):
    """PyNN's StaticSynapse."""

    translations = _same(("weight", "delay"))

    def _get_minimum_delay(self):
        return _state_min_delay()


class STDPMechanism(synapses.STDPMechanism):
    """PyNN's STDPMechanism."""

    base_translations = _same(("weight", "delay", "dendritic_delay_fraction"))

    def __init__(self, *args, backprop_delay=True, **kwargs):
        if not backprop_delay:
            raise Unsupported("STDPMechanism(backprop_delay=False)")
        super().__init__(*args, **kwargs)

    def _get_minimum_delay(self):
        return _state_min_delay()


class _Current:
    """A current source that knows whom it is injected into."""

    def __init__(self, **parameters: Any) -> None:
        object.__setattr__(self, "targets", [])
        object.__setattr__(self, "held", {**self.default_parameters})
        super().__init__(**parameters)
        self.set_parameters(**parameters)
        record.currents.append(self)

    def inject_into(self, cells: Any, location: Any = None) -> None:
        if location is not None:
            raise Unsupported("inject_into(location=...)")
        self.targets.append(cells)
        record.change("a current was injected")

    def set_native_parameters(self, parameters: Any) -> None:
        parameters.evaluate(simplify=True)
        self.held.update(parameters.items())
        record.change("parameters of a current")

    def get_native_parameters(self) -> Any:
        return pyNN.parameters.ParameterSpace(self.held, self.get_schema(), (1,))

    def record(self) -> None:
        pass


def _spike_lists(times: Any) -> Any:
    """Return spike times as PyNN wants them; sPyNNaker takes a list per neuron too."""
    if isinstance(times, (list, tuple)) and any(isinstance(t, (list, tuple, np.ndarray)) for t in times):
        return [Sequence(np.asarray(t, float)) for t in times]
    return times


class SpikeSourceArray(cells.SpikeSourceArray):
    """PyNN's SpikeSourceArray."""

    translations = _same(("spike_times",))

    def __init__(self, spike_times: Any = ()) -> None:
        super().__init__(spike_times=_spike_lists(spike_times))


def standard_models() -> Iterator[tuple[str, type]]:
    """Yield every standard model of PyNN; the parent says which of them it can translate."""
    for name, cls in _models(cells, StandardCellType):
        more = {"recordable": [*cls.recordable, *_SYNAPTIC], "units": {**cls.units, **_SYNAPTIC}}
        yield name, type(name, (cls,), {"translations": _same(cls.default_parameters), **more})
    for name, cls in _models(electrodes, StandardCurrentSource):
        yield name, type(name, (_Current, cls), {"translations": _same(cls.default_parameters)})
    minimum = {"_get_minimum_delay": lambda self: _state_min_delay(), "possible_models": {"any"}}
    for name, cls in _models(synapses, StandardModelType):
        yield name, type(name, (cls,), {"translations": _same(cls.default_parameters), **minimum})
    for own in (SpikeSourceArray, StaticSynapse, STDPMechanism):
        yield own.__name__, own


def _models(module: types.ModuleType, base: type) -> Iterator[tuple[str, Any]]:
    for name, cls in vars(module).items():
        if isinstance(cls, type) and issubclass(cls, base) and cls.__module__ == module.__name__ and name not in _OWN:
            yield name, cls
