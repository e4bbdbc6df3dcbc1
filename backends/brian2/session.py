"""A running Brian2 network: advanced in pieces, with a hand on it in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from hmn_snn.lowered import RECEPTORS
from hmn_snn.results import Results
from hmn_snn.translator import Finding

from .blueprint import Blueprint
from .environment import borrowed, brian2
from .modulators import tonic_table
from .native import Native
from .neurons import ARRIVING, current_table
from .recording import MARGINS, mark, results


class Brian2Session:
    """A network in Brian2's runtime mode.

    Parameters
    ----------
    blueprint : Blueprint
    executor : "numpy" or "cython"
    findings : tuple of Finding
    """

    def __init__(self, blueprint: Blueprint, executor: str, findings: tuple[Finding, ...]) -> None:
        self.blueprint, self.executor, self.findings = blueprint, executor, findings
        self.step = 0
        self._overridden: set[str] = set()
        with borrowed(executor):
            self.native = Native(blueprint)

    def run(self, n_steps: int, progress: Callable[[int], Any] | None = None) -> Results:
        """Advance by some steps and return what happened in them.

        Parameters
        ----------
        n_steps : int
        progress : callable (steps) -> bool, optional
            Told of the steps done since it was last called; the run ends early where it returns True.

        Returns
        -------
        Results
        """
        with borrowed(self.executor):
            self._forget_margins()
            before = mark(self.native, self.step)
            seconds = self._advance(n_steps, progress) if n_steps else 0.0
            return results(self.native, before, mark(self.native, self.step), self.executor, self.findings, seconds)

    def _advance(self, n_steps: int, progress: Callable[[int], Any] | None) -> float:
        """Run Brian2 until the last step or an interrupt; return the time it took, without the generation of code."""
        dt_s, network = self.blueprint.lowered.dt / 1000.0, self.native.network
        supplies = {name: supply.get_state() for name, supply in self.native.supplies.items()}
        shown, seconds = 0, 0.0

        def reached() -> int:
            return round(network.t_ / dt_s) - self.step

        def report(elapsed: Any, completed: float, start: Any, duration: Any) -> None:
            nonlocal shown, seconds
            seconds, done = float(elapsed), reached()
            if progress is not None and done > shown and progress(done - shown):
                network.stop()
            shown = done

        if not network.objects:  # Brian2 would not even move the time
            self.step += n_steps
            return 0.0
        # Set anew before each run, so that times do not collect rounding errors.
        network.t_ = self.step * dt_s
        duration = n_steps * dt_s * brian2.second
        network.run(duration, report=report, report_period=0.2 * brian2.second, namespace={})
        done = reached()
        if done < n_steps:
            for name, supply in self.native.supplies.items():
                supply.set_state(supplies[name])
                supply.until(self.step + done)
        self.step += done
        return seconds

    def _forget_margins(self) -> None:
        for name, part in self.native.parts.items():
            for margin in set(MARGINS) & set(self.blueprint.part(name).changing):
                setattr(part, margin, np.inf)

    @contextmanager
    def _part(self, name: str | None) -> Iterator[Any]:
        """Give a Brian2 object to read and write; None where the network's object is empty."""
        with borrowed(self.executor):
            yield None if name is None else self.native.parts[name]

    def release(self, modulator: int, amount: float) -> None:
        """Release a modulator at the present time."""
        with self._part(self.blueprint.modulators[modulator]) as group:
            group.phasic = group.phasic[:] + amount

    def set_tonic(self, modulator: int, level: float) -> None:
        """Set a modulator's tonic level from the present time on."""
        self._override(tonic_table(self.blueprint.modulators[modulator]), level)

    def set_rate(self, source: int, rate: Any) -> None:
        """Set the rate of a Poisson input [Hz] from the present time on."""
        name = self.blueprint.sources[source]
        if name is not None:
            self.native.supplies[name].set_rate(rate)

    def set_current(self, name: str, amplitude: Any) -> None:
        """Set an injected current [nA] from the present time on."""
        for group, population in zip(self.blueprint.sources, self.blueprint.lowered.populations, strict=False):
            for k, current in enumerate(population.currents):
                if current.name == name and group is not None and len(current.indices):
                    self._override(current_table(group, k), amplitude)

    def _override(self, table: str, value: Any) -> None:
        self.native.tables[table].values[:] = value
        self._overridden.add(table)

    def get_weights(self, projection: int) -> np.ndarray:
        """Return a copy of a projection's weights."""
        with self._part(self.blueprint.projections[projection]) as synapses:
            return np.empty(0) if synapses is None else np.array(synapses.w)

    def set_weights(self, projection: int, weights: Any) -> None:
        """Write a projection's weights, also for what arrives at the present time."""
        name = self.blueprint.projections[projection]
        if name is None:
            return
        lowered = self.blueprint.lowered.projections[projection]
        with self._part(name) as synapses:
            arriving = np.array(synapses.last_arrival) == (self.step or -1)
            gain = synapses.gain[:] if "gain" in synapses.variables else 1.0
            change = np.where(arriving, (weights - synapses.w[:]) * gain, 0.0)
            synapses.w = weights
            target = self.native.parts[self.blueprint.links[name].target]
            bucket = getattr(target, ARRIVING[RECEPTORS[lowered.receptor]])
            bucket[:] = bucket[:] + np.bincount(lowered.target_index, change, minlength=lowered.n_target)

    def get_state(self) -> dict[str, Any]:
        """Return everything that a continuation needs.

        Returns
        -------
        dict of str to int, str or array
            Variables as ``<part>/<variable>``, spikes in flight as text, the position of inputs, overridden tables.
        """
        state: dict[str, Any] = {"step": self.step}
        with borrowed(self.executor):
            for name, part in self.native.parts.items():
                for variable in self.blueprint.part(name).changing:
                    state[f"{name}/{variable}"] = np.array(getattr(part, variable))
                for pathway in self._pathways(name):
                    queue = pathway.queue._full_state()
                    state[f"{name}/{pathway.objname} in flight"] = json.dumps(queue, default=np.ndarray.tolist)
        for name, supply in self.native.supplies.items():
            state |= {f"{name}/{key}": value for key, value in supply.get_state().items()}
        for name in self._overridden:
            state[f"tables/{name}"] = self.native.tables[name].values[0]
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of :meth:`get_state`."""
        self.step = int(state["step"])
        with borrowed(self.executor):
            for name, part in self.native.parts.items():
                for variable in self.blueprint.part(name).changing:
                    setattr(part, variable, state[f"{name}/{variable}"])
                for pathway in self._pathways(name):
                    text = state[f"{name}/{pathway.objname} in flight"]
                    pathway.queue._restore_from_full_state(json.loads(text))
        for name, supply in self.native.supplies.items():
            prefix = f"{name}/"
            supply.set_state({key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)})
        for key in state:
            if key.startswith("tables/"):
                self._override(key[len("tables/") :], state[key])

    def _pathways(self, name: str) -> Any:
        return getattr(self.native.parts[name], "_pathways", ())

    def close(self) -> None:
        """Let go of Brian2's objects."""
        del self.native
