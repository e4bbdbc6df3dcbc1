"""The experiment of the digits on crossbars: sweeps of a cause of error, over paired seeds."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.confidence import mean_interval
from hmn_snn.summary import text_table

from . import digits_data as data
from .digits_network import LEARNED, digits
from .digits_training import classify, train, trial

Options = Mapping[str, Any]

BACKEND = "memristor"
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


@dataclass(frozen=True, eq=False)
class Curve:
    """Accuracies of one sweep.

    Attributes
    ----------
    sweep : Sweep
    accuracies : (n_values, n_seeds) float array
    ideal : (n_seeds,) float array
        With ideal devices, of the same seeds.
    """

    sweep: Sweep
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
            for value, (mean, low, high), change in zip(sweep.values, curve.intervals, curve.changes, strict=True):
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
    sweeps: Sequence[Sweep],
    *,
    seeds: Sequence[int],
    learning_seeds: Sequence[int],
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

    def row(sweep: Sweep, options: Options) -> np.ndarray:
        mine = learning_seeds if sweep.learning else seeds
        return np.array([found[_Job(sweep.learning, seed, options).key] for seed in mine])

    return Curves(
        tuple(Curve(s, np.array([row(s, s.options(value)) for value in s.values]), row(s, {})) for s in sweeps)
    )
