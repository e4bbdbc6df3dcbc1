"""The digits network on memristor crossbars: what devices that vary leave of its accuracy.

Frozen: a network is trained on the engine, its weights are programmed into differential pairs of devices from 5 to
100 uS, and it classifies the test third. Learning: it is trained on the devices, by pulses, and then tested on them.
One cause of error at a time; everything else is ideal, and ideal devices give the engine's answers exactly. A seed is a
trained network and, with the same number, a population of devices and the input's Poisson spikes; from value to value of
a cause the same devices are only further from ideal, so changes are taken seed by seed.

    python -m hmn_snn.models.digits_crossbar --out out
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.summary import text_table

from . import digits_data as data
from .digits_experiment import mean_interval
from .digits_network import CYCLE, LEARNED, digits
from .digits_training import classify, train, trial

Options = Mapping[str, Any]

BACKEND = "memristor"
SEEDS, LEARNING_SEEDS = range(1, 11), range(1, 6)
QUICK_SEEDS, QUICK_TRAINING, QUICK_TEST = (1, 2), 120, 60
MAX_PROCESSES = 8

G_MIN, G_MAX = 5.0, 100.0  # uS, those of the backend's ideal device
RANGE = G_MAX - G_MIN
ONE_TILE = 256  # holds the whole projection, 64 rows and 200 columns
STEP = 0.003  # of a pulse by the range, where another cause is looked at
# Nothing here changes by itself, so gains of wires need no refreshing [ms].
CLOCK = 1e9


@dataclass(frozen=True)
class Sweep:
    """A cause of error, from none to much.

    Attributes
    ----------
    title, label : str
        Of its panel and of the values.
    curve : str
        What sets it apart from others in its panel.
    values : tuple of float
    make : callable (value) -> mapping
        Options of the run; an empty mapping is ideal.
    learning : bool
        Whether the network is trained on the devices, rather than before.
    """

    title: str
    label: str
    curve: str
    values: tuple[float, ...]
    make: Callable[[float], Options]
    learning: bool = False

    def options(self, value: float) -> Options:
        """Return the options of a run at a value; 0 is ideal where weights are frozen."""
        return {} if value == 0.0 and not self.learning else self.make(value)


def _bounds(spread: float) -> Options:
    return {"device": {"g_min_spread": spread * RANGE, "g_max_spread": spread * RANGE}}


def _programmed(noise: float) -> Options:
    return {"device": {"write_noise": noise * RANGE}}


def _stuck(share: float) -> Options:
    return {"device": {"stuck_lrs": 0.5 * share, "stuck_hrs": 0.5 * share}}


def _wires(resistance: float, tile: int | None) -> Options:
    return {"wires": {"word": resistance, "bit": resistance}, "operator": "exact", "tile": tile}


def _pulsed(step: float, learning: str = "stochastic pulses", **parameters: float) -> Options:
    """Return devices of linear steps, the same everywhere in the range; exact writes for a step of 0."""
    if step == 0.0:
        return {}
    device = {"preset": "ecram", "without": ("d2d", "c2c", "nonlinearity"), "g_min": G_MIN, "g_max": G_MAX}
    device |= {"g_zero": 0.5 * (G_MIN + G_MAX), "step": step * RANGE}
    device |= {name: value for name, value in parameters.items() if value}
    return {"device": device, "learning": learning, "tolerance": max(0.01, step)}


def _shrinking(gamma: float) -> Options:
    return _pulsed(STEP, gamma_up=gamma, gamma_down=gamma)


_OF_RANGE, _OF_STEP = "by the range", "by the step"
SWEEPS = (
    Sweep("device to device: bounds", f"spread, {_OF_RANGE}", "", (0.0, 0.05, 0.1, 0.2, 0.4), _bounds),
    Sweep("programming noise", f"standard deviation, {_OF_RANGE}", "", (0.0, 0.05, 0.1, 0.2, 0.4), _programmed),
    Sweep("stuck devices", "share, half at each end", "", (0.0, 0.01, 0.03, 0.1, 0.3), _stuck),
    Sweep("line resistance", "Ohm per cell", "one tile, 64 x 200", (0.0, 0.1, 0.35, 1.06, 3.0),
          partial(_wires, tile=ONE_TILE)),
    Sweep("line resistance", "Ohm per cell", "tiles chosen by it", (0.0, 0.1, 0.35, 1.06, 3.0),
          partial(_wires, tile=None)),
    Sweep("step of a pulse", _OF_RANGE, "number of pulses drawn", (0.0, 0.003, 0.01, 0.03, 0.1), _pulsed,
          learning=True),
    Sweep("step of a pulse", _OF_RANGE, "number of pulses rounded", (0.0, 0.003, 0.01, 0.03, 0.1),
          partial(_pulsed, learning="pulses"), learning=True),
    Sweep("cycle to cycle", f"standard deviation, {_OF_STEP}", "", (0.0, 1.0, 3.0, 10.0),
          lambda noise: _pulsed(STEP, c2c=noise), learning=True),
    Sweep("device to device: steps", f"spread, {_OF_STEP}", "", (0.0, 0.3, 1.0, 3.0),
          lambda spread: _pulsed(STEP, step_spread=spread), learning=True),
    Sweep("steps that shrink", "gamma; 1 is soft bounds", "", (0.0, 0.1, 0.3, 1.0), _shrinking, learning=True),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Curve:
    """Accuracies of one sweep.

    Attributes
    ----------
    sweep : Sweep
    values : tuple of float
    accuracies : (n_values, n_seeds) float array
    ideal : (n_seeds,) float array
        With ideal devices, of the same seeds.
    """

    sweep: Sweep
    values: tuple[float, ...]
    accuracies: np.ndarray
    ideal: np.ndarray

    @property
    def intervals(self) -> np.ndarray:
        """(n_values, 3) float array: mean, and the ends of its 95 % confidence interval over seeds."""
        return np.array([mean_interval(row) for row in self.accuracies])

    @property
    def changes(self) -> np.ndarray:
        """(n_values, 3) float array: the same of the change from ideal devices, seed by seed."""
        return np.array([mean_interval(row - self.ideal) for row in self.accuracies])


@dataclass(frozen=True, eq=False)
class Curves:
    """Accuracy against every cause of error; printing it gives a table.

    Attributes
    ----------
    curves : tuple of Curve
    """

    curves: tuple[Curve, ...]

    def __str__(self) -> str:
        rows = []
        for curve in self.curves:
            sweep = curve.sweep
            name = ("learning: " if sweep.learning else "frozen: ") + sweep.title
            name += f" ({sweep.curve})" if sweep.curve else ""
            for value, (mean, low, high), change in zip(curve.values, curve.intervals, curve.changes, strict=True):
                moved = "" if not value else f"{change[0]:+.3f}, {change[1]:+.3f} to {change[2]:+.3f}"
                rows.append((name, f"{value:g}", f"{mean:.3f}", f"{low:.3f} to {high:.3f}", moved))
                name = ""
        return text_table(rows, ("cause", "value", "accuracy", "95 % interval", "change from ideal, 95 % interval"))


def trained(seed: int, training: data.Digits) -> np.ndarray:
    """Return the weights that a network learns on the engine.

    Parameters
    ----------
    seed : int
    training : Digits

    Returns
    -------
    (n_synapses,) float array [nA]
    """
    return np.asarray(train(digits(seed), training.images, training.labels).weights.values)


def deployed(seed: int, weights: np.ndarray, test: data.Digits, options: Options) -> np.ndarray:
    """Return what learned weights, programmed into devices, take images for.

    Parameters
    ----------
    seed : int
        Of the devices and of the input's spikes.
    weights : (n_synapses,) float array [nA]
    test : Digits
    options : mapping
        Of the backend.

    Returns
    -------
    (n_test,) int array
    """
    net = digits(seed, learned=weights)
    with hs.Simulation(net, BACKEND, progress=False, clock=CLOCK, **options) as sim:
        return classify(sim, test.images).predictions


def learned_on_devices(seed: int, training: data.Digits, test: data.Digits, options: Options) -> np.ndarray:
    """Return what a network that learns on devices takes images for, on the same devices, afterwards.

    Parameters
    ----------
    seed : int
    training, test : Digits
        Training as in :func:`train`: one pass, in an order drawn from the seed.
    options : mapping
        Of the backend.

    Returns
    -------
    (n_test,) int array
    """
    order = np.random.default_rng(seed).permutation(len(training))
    with hs.Simulation(digits(seed), BACKEND, progress=False, clock=CLOCK, **options) as sim:
        for k, i in enumerate(order):
            trial(sim, training.images[i], int(training.labels[i]), 1.0 - k / len(order))
        before = sim.weights(LEARNED).values
        predictions = classify(sim, test.images).predictions
        assert np.array_equal(sim.weights(LEARNED).values, before)  # no dopamine, no pulse
    return predictions


@dataclass(frozen=True, eq=False)
class _Job:
    learning: bool
    seed: int
    options: Options

    @property
    def key(self) -> tuple[bool, int, str]:
        return self.learning, self.seed, json.dumps(self.options, sort_keys=True)


def _accuracy(job: _Job, weights: np.ndarray | None, training: data.Digits, test: data.Digits) -> float:
    if weights is None:
        predictions = learned_on_devices(job.seed, training, test, job.options)
    else:
        predictions = deployed(job.seed, weights, test, job.options)
    return float(np.mean(predictions == test.labels))


def _calls(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], processes: int) -> Iterator[Any]:
    """Yield the number of each call and what it returned, as they are done."""
    if processes < 2:
        for number, given in enumerate(arguments):
            yield number, function(*given)
        return
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(arguments)), mp_context=spawn) as pool:
        futures = {pool.submit(function, *given): number for number, given in enumerate(arguments)}
        for future in as_completed(futures):
            yield futures[future], future.result()


def curves(
    sweeps: Sequence[Sweep] = SWEEPS,
    *,
    seeds: Sequence[int] = SEEDS,
    learning_seeds: Sequence[int] = LEARNING_SEEDS,
    training: data.Digits | None = None,
    test: data.Digits | None = None,
    processes: int = 1,
    bar: Any = None,
) -> Curves:
    """Measure accuracy against causes of error.

    Parameters
    ----------
    sweeps : sequence of Sweep
    seeds, learning_seeds : sequence of int
        One network and population of devices each, trained before, and on the devices.
    training, test : Digits, optional
        The parts of those names if not given.
    processes : int
        More than 1 in scripts only under ``if __name__ == "__main__":``.
    bar : tqdm, optional

    Returns
    -------
    Curves
    """
    training = data.load("training") if training is None else training
    test = data.load("test") if test is None else test
    needed: dict[Any, _Job] = {}
    for sweep in sweeps:
        for seed in learning_seeds if sweep.learning else seeds:
            for options in ({}, *(sweep.options(value) for value in sweep.values)):
                job = _Job(sweep.learning, seed, options)
                needed.setdefault(job.key, job)
    jobs = list(needed.values())
    if bar is not None:
        bar.reset(total=len(jobs))
    frozen = list(dict.fromkeys(job.seed for job in jobs if not job.learning))
    weights = {frozen[n]: w for n, w in _calls(trained, [(seed, training) for seed in frozen], processes)}
    arguments = [(job, None if job.learning else weights[job.seed], training, test) for job in jobs]
    found = {}
    for number, accuracy in _calls(_accuracy, arguments, processes):
        found[jobs[number].key] = accuracy
        if bar is not None:
            bar.update(1)

    def row(sweep: Sweep, options: Options) -> list[float]:
        return [found[_Job(sweep.learning, s, options).key] for s in (learning_seeds if sweep.learning else seeds)]

    return Curves(tuple(
        Curve(sweep, sweep.values, np.array([row(sweep, sweep.options(v)) for v in sweep.values]),
              np.array(row(sweep, {})))
        for sweep in sweeps
    ))  # fmt: skip
