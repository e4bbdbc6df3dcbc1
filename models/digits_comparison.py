"""Digits learned or tested elsewhere than on the engine: what that changes, seed by seed, beside the float run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.confidence import mean_interval
from hmn_snn.summary import text_table

from . import digits_data as data
from .digits_network import LEARNED, digits
from .digits_training import Classification, classify, train, trial

FLOAT = "float"
OTHER_SPIKES = "float, other draws of the input"
OTHER_SEEDS = 1000  # added to a seed for another draw of the input


@dataclass(frozen=True)
class Answers:
    """What a network made of the test images, beside the float run of the same seed.

    Attributes
    ----------
    accuracy : float
    changed : float
        Share of the images with another decision than in float.
    moved : float
        Sum over images and classes of the difference in spikes, by the float run's spikes.
    """

    accuracy: float
    changed: float
    moved: float

    @classmethod
    def of(cls, seen: Classification, float_run: Classification, labels: np.ndarray) -> Answers:
        """Compare with the float run."""
        accuracy = float(np.mean(seen.predictions == labels))
        changed = float(np.mean(seen.predictions != float_run.predictions))
        moved = float(np.abs(seen.evidence - float_run.evidence).sum() / max(1, float_run.evidence.sum()))
        return cls(accuracy, changed, moved)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Conditions over the same seeds, the first of them the float run; printing it gives a table.

    Attributes
    ----------
    seeds : tuple of int
    answers : dict of str to list of Answers
        By condition, in the order of the seeds.
    """

    seeds: tuple[int, ...]
    answers: dict[str, list[Answers]]

    def accuracies(self, condition: str) -> np.ndarray:
        """Return the accuracy of each seed."""
        return np.array([answers.accuracy for answers in self.answers[condition]])

    def change(self, condition: str) -> tuple[float, float, float]:
        """Return the mean change of accuracy from float, seed by seed, and its 95 % confidence interval."""
        return mean_interval(list(self.accuracies(condition) - self.accuracies(FLOAT)))

    def __str__(self) -> str:
        rows = []
        for condition, answers in self.answers.items():
            mean, low, high = mean_interval(list(self.accuracies(condition)))
            row = [condition, f"{mean:.3f}", _interval(low, high, ".3f")]
            if condition != FLOAT:
                mean, low, high = self.change(condition)
                row += [f"{mean:+.3f}, {_interval(low, high, '+.3f')}"]
                row += [f"{np.mean([a.changed for a in answers]):.1%}", f"{np.mean([a.moved for a in answers]):.1%}"]
            rows.append(row + [""] * (6 - len(row)))
        headers = ("what runs", "accuracy", "95 % interval", "change, 95 % interval", "decisions changed", "spikes")
        return text_table(rows, headers) + f"\nseeds: {', '.join(map(str, self.seeds))}"


def _interval(low: float, high: float, form: str) -> str:
    return f"{low:{form}} to {high:{form}}" if math.isfinite(low) else "of one seed"


def recognised(
    seed: int, weights: np.ndarray, images: np.ndarray, numbers: hs.Network | None = None, **options: Any
) -> Classification:
    """Return what learned weights make of images.

    Parameters
    ----------
    seed : int
        Of the network: its input's Poisson spikes.
    weights : (n_synapses,) float array [nA]
    images : (n, 64) array
    numbers : Network, optional
        Runs instead of ``digits(seed, learned=weights)``.
    **options
        Of :class:`hmn_snn.Simulation`; the engine without any.

    Returns
    -------
    Classification
    """
    net = digits(seed, learned=weights) if numbers is None else numbers
    with hs.Simulation(net, progress=False, **options) as sim:
        return classify(sim, images)


def deployed(
    seeds: Sequence[int],
    training: data.Digits,
    test: data.Digits,
    conditions: Callable[[int, np.ndarray, np.ndarray], Iterable[tuple[str, Classification]]],
    done: Callable[[Comparison], object] | None = None,
) -> Comparison:
    """Learn in float, and test in every condition.

    Parameters
    ----------
    seeds : sequence of int
    training, test : Digits
    conditions : callable (seed, weights, images) -> iterable of (condition, Classification)
        The float run first.
    done : callable (comparison), optional
        Told what is known after each seed.

    Returns
    -------
    Comparison
    """
    answers: dict[str, list[Answers]] = {}
    for number, seed in enumerate(seeds, 1):
        weights = train(digits(seed), training.images, training.labels).weights.values
        float_run: Classification | None = None
        for condition, seen in conditions(seed, weights, test.images):
            float_run = seen if float_run is None else float_run
            answers.setdefault(condition, []).append(Answers.of(seen, float_run, test.labels))
        if done is not None:
            done(Comparison(tuple(seeds[:number]), answers))
    return Comparison(tuple(seeds), answers)


def learned_and_recognised(
    seed: int, training: data.Digits, images: np.ndarray, **options: Any
) -> tuple[np.ndarray, Classification]:
    """Learn somewhere, in one pass as :func:`train`, and recognise images in the same simulation.

    Parameters
    ----------
    seed : int
    training : Digits
    images : (n, 64) array
    **options
        Of :class:`hmn_snn.Simulation`.

    Returns
    -------
    weights : (n_synapses,) float array [nA]
        As the host holds them.
    Classification
    """
    order = np.random.default_rng(seed).permutation(len(training))
    with hs.Simulation(digits(seed), progress=False, **options) as sim:
        for k, i in enumerate(order):
            trial(sim, training.images[i], int(training.labels[i]), 1.0 - k / len(order))
        return sim.weights(LEARNED).values, classify(sim, images)


def learned_there(
    seeds: Sequence[int],
    training: data.Digits,
    test: data.Digits,
    ways: Mapping[str, Mapping[str, Any]],
    done: Callable[[Comparison], object] | None = None,
) -> Comparison:
    """Learn in several ways, and test where it was learned.

    Parameters
    ----------
    seeds : sequence of int
    training, test : Digits
    ways : mapping of str to mapping
        Options of :class:`hmn_snn.Simulation` by condition; those of ``FLOAT`` among them.
    done : callable (comparison), optional
        Told what is known after each seed.

    Returns
    -------
    Comparison
    """
    answers: dict[str, list[Answers]] = {name: [] for name in ways}
    for number, seed in enumerate(seeds, 1):
        runs = {n: learned_and_recognised(seed, training, test.images, **o)[1] for n, o in ways.items()}
        for name, seen in runs.items():
            answers[name].append(Answers.of(seen, runs[FLOAT], test.labels))
        if done is not None:
            done(Comparison(tuple(seeds[:number]), answers))
    return Comparison(tuple(seeds), answers)
