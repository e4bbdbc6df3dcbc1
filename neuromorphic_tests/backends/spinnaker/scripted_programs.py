"""Small SpiNNaker programs for tests of the scripts, and what runs them here."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from hmn_snn.backends.spinnaker.program import (
    IF_CURR_EXP,
    Cells,
    Neuromodulation,
    SineCurrent,
    Source,
    SpinnakerProgram,
    Stdp,
    StepCurrent,
    Synapses,
)

NO_SPIKES = (np.zeros(0, np.int64), np.zeros(0, np.int64))
_NONE = np.zeros(0, np.int64)


def needs(*packages: str) -> Any:
    """Skip a test, and say so, where PyNN or a simulator is not installed."""
    missing = [name for name in ("pyNN", *packages) if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def cells(name: str, size: int, **fields: Any) -> Cells:
    """Return cells; what is not given is that of an ordinary neuron."""
    parameters = {"tau_m": 20.0, "cm": 0.25, "v_rest": -65.0, "v_reset": -65.0, "v_thresh": -50.0, "tau_refrac": 2.0,
                  "i_offset": 0.0, "tau_syn_E": 5.0, "tau_syn_I": 8.0}  # fmt: skip
    parameters |= {key: fields.pop(key) for key in list(fields) if key in parameters}
    initial = fields.pop("initial", {"v": -65.0})
    return Cells(
        name=name, size=size, celltype=IF_CURR_EXP, noise=np.zeros(1), currents=fields.pop("currents", ()),
        parameters={key: np.atleast_1d(np.asarray(value, float)) for key, value in parameters.items()},
        initial={key: np.atleast_1d(np.asarray(value, float)) for key, value in initial.items()},
        sines=fields.pop("sines", ()), neurons_per_core=64, shifts=(5, 5), max_weights=(20.0, 20.0),
    )  # fmt: skip


def given(name: str, size: int, steps: Any = (), indices: Any = ()) -> Source:
    """Return sources of given spikes."""
    return Source(name, size, np.asarray(steps, np.int64), np.asarray(indices, np.int64), _NONE, np.zeros((0, 1)))


def synapses(name: str, ends: tuple[str, str], pre: Any, post: Any, weight: Any, delay: Any, **fields: Any) -> Synapses:
    """Return synapses, in the order that a program has them in."""
    pre, post, weight, delay = np.broadcast_arrays(pre, post, weight, delay)
    order = np.lexsort((post, delay, pre))
    columns = (pre[order].astype(np.int32), post[order].astype(np.int32), weight[order] * 1.0, delay[order])
    receptor = fields.pop("receptor", "excitatory")
    return Synapses(name, *ends, receptor, *columns[:3], columns[3].astype(np.int32), **fields)


def drawn(rng: np.random.Generator, name: str, ends: tuple[Any, Any], p: float, w: float, longest: int, **fields: Any):
    """Return random synapses between groups of cells or sources."""
    pre, post = np.nonzero(rng.random((ends[0].size, ends[1].size)) < p)
    weight, delay = rng.uniform(0.5 * w, w, len(pre)), rng.integers(1, longest + 1, len(pre))
    return synapses(name, (ends[0].name, ends[1].name), pre, post, weight, delay, **fields)


def program(groups: tuple[Cells, ...], sources: tuple[Source, ...], links: tuple[Synapses, ...], **fields: Any):
    """Return a program of these parts."""
    return SpinnakerProgram("test", fields.pop("dt", 1.0), 1.0, 7, groups, sources, links, **fields)


def recurrent(n_steps: int, seed: int = 3) -> tuple[SpinnakerProgram, list[Any]]:
    """Return a recurrent network with inhibition and delays, and spikes of its input, of which some are at step -1."""
    rng = np.random.default_rng(seed)
    stim = given("the input", 30)
    exc = cells("exc", 40, initial={"v": rng.uniform(-65.0, -50.5, 40)}, i_offset=rng.uniform(0.0, 0.15, 40))
    links = (
        drawn(rng, "input -> exc", (stim, exc), 0.5, 1.0, 8),
        drawn(rng, "input -| exc", (stim, exc), 0.3, 0.5, 3, receptor="inhibitory"),
        drawn(rng, "exc -> exc", (exc, exc), 0.2, 0.5, 9),
        drawn(rng, "exc -| exc", (exc, exc), 0.2, 0.5, 4, receptor="inhibitory"),
    )
    step, index = np.nonzero(rng.random((n_steps + 1, 30)) < 0.03)
    step, index = np.append(step, [0, 0]), np.append(index, [0, 29])
    step, index = np.unique(np.stack([step, index]), axis=1)
    return program((exc,), (stim,), links), [(step - 1, index)]


def pairings() -> SpinnakerProgram:
    """Return two cells that spike once, shortly after a plastic synapse has sent; dopamine gates that of the second."""
    rule = {"A_plus": 0.1, "A_minus": 0.15, "tau_plus": 20.0, "tau_minus": 20.0, "w_min": 0.0, "w_max": 20.0}
    groups = tuple(cells(name, 1, tau_syn_E=0.5) for name in ("plain", "gated"))
    sources = (given("pre", 1, [100, 300], [0, 0]), given("drive", 1, [109], [0]), given("dopamine", 1, [151], [0]))
    links = []
    for name in ("plain", "gated"):
        stdp = Stdp(**rule, gated=name == "gated")
        links += [synapses(f"pre -> {name}", ("pre", name), [0], [0], 5.0, 1, stdp=stdp),
                  synapses(f"drive -> {name}", ("drive", name), [0], [0], 200.0, 1)]  # fmt: skip
    reward = Neuromodulation("dopamine -> gated", "dopamine", "gated", "reward", 0.25, 200.0, 50.0, 0.0, 20.0)
    return program(groups, sources, tuple(links), neuromodulation=(reward,))


def driven() -> SpinnakerProgram:
    """Return cells without synapses that currents of every kind flow into."""
    steps = StepCurrent("steps", np.array([1, 2]), np.array([0, 10]), np.array([[0.1, 0.2], [0.05, 0.0]]))
    constant = StepCurrent("constant", np.array([0]), np.array([0]), np.array([[0.05]]))
    sine = SineCurrent("theta", 0.1, 25.0, np.array([0.0, 90.0, 90.0, 0.0]))
    return program((cells("cells", 4, currents=(steps, constant), sines=(sine,)),), (), ())
