# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, type-arg, no-any-return, attr-defined"
# PyNN has no types.
"""PyNN's mock simulator in the place of the one that a script asks for: it builds, simulates nothing, forgets nothing.

Imported in the child process of :mod:`hmn_snn.pynn_process` only, by path: it must not import hmn_snn.
"""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pyNN
import pyNN.mock as mock
from hmn_pynn_stand_in_models import SPINNAKER, StaticSynapse, Unsupported, record, standard_models  # type: ignore[import-not-found]
from pyNN import common
from pyNN.mock import simulator as mock_simulator
from pyNN.mock.recording import Recorder as MockRecorder
from pyNN.parameters import LazyArray
from pyNN.standardmodels import synapses

SIMULATORS = ("nest", "neuron", "brian2", "brian", "arbor", "moose", "pcsim", SPINNAKER, "mock")
SPINNAKER_TIMESTEP = 1.0  # ms; PyNN's own default is 0.1


class Recorder(MockRecorder):
    """Gives scripts empty spike trains and flat signals, where mock's gives random ones."""

    def _record(self, variable, new_ids, sampling_interval=None):
        if sampling_interval is not None:
            self.sampling_interval = sampling_interval

    def _get_spiketimes(self, id, clear=False):
        return {i: np.empty(0) for i in id} if hasattr(id, "__len__") else np.empty(0)

    def _get_all_signals(self, variable, ids, clear=False):
        n = round(mock_simulator.state.t / mock_simulator.state.dt) + 1
        return np.zeros((n, len(ids))), None

    def _local_count(self, variable, filter_ids=None):
        return {int(i): 0 for i in self.filter_recorded(variable, filter_ids)}


class Assembly(mock.Assembly):
    """PyNN's Assembly."""


class PopulationView(mock.PopulationView):
    """PyNN's PopulationView, of views too."""

    _assembly_class = Assembly

    @property
    def _members(self) -> np.ndarray:
        return np.asarray(self.index_in_grandparent(np.arange(self.size)))

    def _get_native_parameters(self, *names):
        values = {name: self.grandparent._parameters[name][self._members] for name in names}
        return pyNN.parameters.ParameterSpace(values, shape=(self.size,))

    def _set_parameters(self, parameter_space):
        parameter_space.evaluate(simplify=False)
        for name, value in parameter_space.items():
            self.grandparent._parameters[name][self._members] = value
        record.change(f"parameters of population {self.grandparent.label!r}")

    def initialize(self, **initial_values):
        """Set initial values of the members."""
        for variable, value in initial_values.items():
            drawn = LazyArray(value, shape=(self.size,), dtype=float).evaluate(simplify=False)
            self.grandparent.drawn[variable][self._members] = drawn
        record.change(f"initial values of population {self.grandparent.label!r}")

    def _get_view(self, selector, label=None):
        return PopulationView(self, selector, label)


class Population(mock.Population):
    """PyNN's Population, which keeps what was drawn for the initial values."""

    _assembly_class = Assembly
    _recorder_class = Recorder

    def __init__(self, *args, additional_parameters=None, **kwargs):
        known = ("size", "cellclass", "cellparams", "structure", "initial_values", "label")
        extra = {**(additional_parameters or {}), **{k: kwargs.pop(k) for k in list(kwargs) if k not in known}}
        if extra and record.simulator != SPINNAKER:
            raise TypeError(f"Population() got unexpected keyword arguments {', '.join(map(repr, extra))}")
        if kwargs.get("initial_values", {}) is None:
            del kwargs["initial_values"]
        self.drawn: dict[str, np.ndarray] = {}
        super().__init__(*args, **kwargs)
        for name in extra:
            record.dropped[name] = f"population {self.label!r}"
        record.populations.append(self)
        record.change(f"population {self.label!r} was added")

    def _set_initial_value_array(self, variable, initial_values):
        drawn = np.asarray(initial_values.evaluate(simplify=False), dtype=float)
        self.drawn[variable] = np.array(np.broadcast_to(drawn, (self.size,)))
        record.change(f"initial values of population {self.label!r}")

    def _set_parameters(self, parameter_space):
        super()._set_parameters(parameter_space)
        record.change(f"parameters of population {self.label!r}")

    def _get_view(self, selector, label=None):
        return PopulationView(self, selector, label)


class Projection(mock.Projection):
    """PyNN's Projection, whose synapses are arrays; connection objects are made for a script that asks for them."""

    _static_synapse_class = StaticSynapse

    def __init__(self, presynaptic_population, postsynaptic_population, connector, synapse_type=None, source=None,
                 receptor_type=None, space=pyNN.space.Space(), label=None, **extra):  # fmt: skip  # noqa: B008
        if record.simulator == SPINNAKER:
            extra.pop("partitioning", None)
            extra.pop("download_synapses", None)
        if extra:
            raise TypeError(f"Projection() got unexpected keyword arguments {', '.join(map(repr, extra))}")
        common.Projection.__init__(
            self, presynaptic_population, postsynaptic_population, connector, synapse_type, source, receptor_type,
            space, label,
        )  # fmt: skip
        self._parts: list[tuple] = []
        self._columns: dict[str, np.ndarray] | None = None
        connector.connect(self)
        record.projections.append(self)
        record.change(f"projection {self.label!r} was added")

    def _convergent_connect(self, presynaptic_indices, postsynaptic_index, location_selector=None, **parameters):
        if location_selector is not None:
            raise Unsupported("Connector(location_selector=...)")
        pre = np.atleast_1d(np.asarray(presynaptic_indices))
        values = (np.broadcast_to(np.asarray(parameters.get(n, 0.0), float), pre.shape) for n in ("weight", "delay"))
        self._parts.append((pre, np.full(len(pre), postsynaptic_index), *values))
        self._columns = None

    @property
    def columns(self) -> dict[str, np.ndarray]:
        """Pre and post index within the ends, weight and delay of every synapse."""
        if self._columns is None:
            names, kinds = ("presynaptic_index", "postsynaptic_index", "weight", "delay"), (int, int, float, float)
            parts = list(zip(*self._parts, strict=True)) or [()] * 4
            whole = [np.concatenate([*part, np.empty(0)]).astype(kind) for part, kind in zip(parts, kinds, strict=True)]
            self._columns = dict(zip(names, whole, strict=True))
            self._parts = [tuple(whole)]
        return self._columns

    @property
    def connections(self) -> list:
        """One object per synapse, made anew at each call."""
        c = self.columns
        rows = zip(*(c[name].tolist() for name in c), strict=True)
        return [mock.projections.Connection(pre, post, weight=w, delay=d) for pre, post, w, d in rows]

    def __len__(self):
        return len(self.columns["weight"])

    def __getitem__(self, i):
        return self.connections[i]

    def __iter__(self):
        return iter(self.connections)

    def _get_attributes_as_list(self, names):
        shared = self.synapse_type.parameter_space
        n = len(self)
        values = [self.columns[x] if x in self.columns else np.full(n, shared[x].base_value) for x in names]
        return list(zip(*(v.tolist() for v in values), strict=True))

    def set(self, **attributes):
        """Set weights or delays."""
        common.Projection.set(self, **attributes)

    def _set_attributes(self, parameter_space):
        parameter_space.evaluate(simplify=False)
        for name, value in parameter_space.items():
            if name not in ("weight", "delay"):
                raise Unsupported(f"Projection.set({name}=...)")
            self.columns[name][:] = value[self.columns["presynaptic_index"], self.columns["postsynaptic_index"]]
        record.change(f"synapses of projection {self.label!r}")

    def _set_initial_value_array(self, variable, initial_value):
        pass


class _Nothing:
    """A part of sPyNNaker that is no part of PyNN: named in the refusal of whatever is taken from it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Unsupported(f"{self._name}.{name}")


def _module(name: str) -> types.ModuleType:
    """Return a module like ``pyNN.<name>``."""
    global_names = {k: v for k, v in vars(mock).items() if not k.startswith("_")}
    module = types.ModuleType(f"pyNN.{name}", f"PyNN's mock simulator in the place of {name}.")
    vars(module).update(global_names, **dict(standard_models()))
    vars(module).update({own.__name__: own for own in (Population, PopulationView, Assembly, Projection)})

    def setup(timestep=None, min_delay=common.control.DEFAULT_MIN_DELAY, max_delay=None, **extra):
        del extra  # threads, seeds, spike precision, ... of the simulator
        step = timestep or (SPINNAKER_TIMESTEP if name == SPINNAKER else common.control.DEFAULT_TIMESTEP)
        more = {} if max_delay is None else {"max_delay": max_delay}
        record.begin(name)
        return mock.setup(step, min_delay, **more)

    def run(simtime, callbacks=None):
        record.duration += simtime
        return mock.run(simtime, callbacks)

    def run_until(time_point, callbacks=None):
        return run(time_point - mock_simulator.state.t, callbacks)

    def refuse(attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if name == SPINNAKER and attribute.startswith("set_number_of"):
            record.dropped[attribute] = "script"
            return lambda *args, **kwargs: None
        raise Unsupported(f"pyNN.{name}.{attribute}")

    vars(module).update(setup=setup, run=run, run_for=run, run_until=run_until, __getattr__=refuse)
    if name == SPINNAKER:
        vars(module).update({part: _Nothing(part) for part in ("extra_models", "external_devices")})
    return module


def install() -> None:
    """Put the stand-ins where ``import pyNN.nest`` and its like look."""
    # Weights of sPyNNaker are magnitudes, whatever the receptor.
    check = synapses.StandardSynapseType.parameter_checks["weight"]

    def check_weights(weights, projection):
        if record.simulator != SPINNAKER:
            check(weights, projection)

    synapses.StandardSynapseType.parameter_checks = {"weight": check_weights}
    for name in SIMULATORS:
        sys.modules[f"pyNN.{name}"] = module = _module(name)
        setattr(pyNN, name, module)
    package = types.ModuleType("spynnaker")
    package.pyNN = sys.modules[f"pyNN.{SPINNAKER}"]
    sys.modules.update({"spynnaker": package, "spynnaker.pyNN": package.pyNN, "spynnaker8": package.pyNN})
