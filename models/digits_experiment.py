"""The experiment on digits: train, freeze, test; with each mechanism left out in turn, over paired seeds."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

import numpy as np

import hmn_snn as hs
from hmn_snn.confidence import mean_interval
from hmn_snn.ledger import Ledger
from hmn_snn.summary import text_table

from . import digits_data as data
from .digits_network import LEARNED, MECHANISMS, digits
from .digits_training import Trial, classify, train

INTACT = "intact"


@dataclass(frozen=True, eq=False)
class DigitsOutcome:
    """One network, trained and tested.

    Attributes
    ----------
    seed : int
    without : str or None
        The mechanism that was left out.
    labels, predictions : (n_test,) int arrays
    online : (n_trials,) bool array
        Whether each training image was recognised before it was taught.
    weights : (n_synapses,) float array [nA]
        As learned, and as tested.
    training, test : Ledger
    example : Trial or None
        A trial of training with a wrong decision; see :class:`Training`.
    wall_time : float [s]
    """

    seed: int
    without: str | None
    labels: np.ndarray
    predictions: np.ndarray
    online: np.ndarray
    weights: np.ndarray
    training: Ledger
    test: Ledger
    example: Trial | None
    wall_time: float

    @property
    def accuracy(self) -> float:
        """Share of test images recognised."""
        return float(np.mean(self.labels == self.predictions))

    @property
    def confusion(self) -> np.ndarray:
        """(10, 10) int array: test images by what they show (row) and what they were taken for (column)."""
        pairs = self.labels * data.N_CLASSES + self.predictions
        return np.bincount(pairs, minlength=data.N_CLASSES**2).reshape(data.N_CLASSES, -1)

    @property
    def spikes(self) -> int:
        """Spikes of training and test, those of the pixels included."""
        return self.training.total("spikes") + self.test.total("spikes")

    @property
    def events(self) -> int:
        """Synaptic events of training and test."""
        return self.training.total("synaptic_events") + self.test.total("synaptic_events")

    @property
    def updates(self) -> int:
        """Weight changes applied; none of them in the test."""
        return self.training.total("updates_applied")


def experiment(
    seed: int = 1,
    *,
    without: str | None = None,
    training: data.Digits | None = None,
    test: data.Digits | None = None,
    neurons_per_class: int = 10,
    epochs: int = 1,
    progress: Callable[[int], object] | None = None,
) -> DigitsOutcome:
    """Train a network on digits, then test it on others, without plasticity, teacher and dopamine.

    Parameters
    ----------
    seed : int
        Of the network: initial weights, input spikes, order of presentation.
    without : str, optional
        A mechanism to leave out; see :func:`digits`.
    training, test : Digits, optional
        The parts of those names if not given.
    neurons_per_class, epochs : int
    progress : callable (done), optional
        As in :func:`train`.

    Returns
    -------
    DigitsOutcome
    """
    begun = time.perf_counter()
    training = data.load("training") if training is None else training
    test = data.load("test") if test is None else test
    left_out = () if without is None else (without,)
    net = digits(seed, neurons_per_class, without=left_out)
    amount = 0.0 if without == "dopamine" else 1.0
    trained = train(net, training.images, training.labels, dopamine=amount, epochs=epochs, progress=progress)
    frozen = digits(seed, neurons_per_class, without=left_out, learned=trained.weights.values)
    with hs.Simulation(frozen, progress=False) as sim:
        seen = classify(sim, test.images)
        assert np.array_equal(sim.weights(LEARNED).values, trained.weights.values)
    return DigitsOutcome(
        seed=seed,
        without=without,
        labels=test.labels,
        predictions=seen.predictions,
        online=trained.correct,
        weights=trained.weights.values,
        training=trained.ledger,
        test=seen.ledger,
        example=trained.example,
        wall_time=time.perf_counter() - begun,
    )


def _outcomes(
    jobs: Sequence[tuple[int, str | None]], training: data.Digits | None, test: data.Digits | None, processes: int
) -> Iterator[DigitsOutcome]:
    """Yield the outcomes of some experiments as they are done."""
    if processes < 2:
        for seed, without in jobs:
            yield experiment(seed, without=without, training=training, test=test)
        return
    # Spawned, not forked: the same on every system, and safe beside the threads of numerical libraries.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(jobs)), mp_context=spawn) as pool:
        futures = [pool.submit(experiment, s, without=w, training=training, test=test) for s, w in jobs]
        for future in as_completed(futures):
            yield future.result()


@dataclass(frozen=True)
class Effect:
    """What leaving a mechanism out does to accuracy, over paired seeds.

    Attributes
    ----------
    without : str
    accuracy : float
        Mean without the mechanism.
    difference, low, high : float
        Mean of (without - intact), and its confidence interval (paired t): 95 % for all mechanisms together, by
        Bonferroni's correction.
    """

    without: str
    accuracy: float
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """What the interval says."""
        if self.low <= 0.0 <= self.high:
            return "no effect shown"
        return "it helps" if self.difference < 0.0 else "it hurts"


@dataclass(frozen=True, eq=False)
class Ablations:
    """Networks with all mechanisms and with each left out, of the same seeds.

    Attributes
    ----------
    intact : tuple of DigitsOutcome
    without : dict of str to tuple of DigitsOutcome
        In the order of the seeds of ``intact``.
    """

    intact: tuple[DigitsOutcome, ...]
    without: dict[str, tuple[DigitsOutcome, ...]]

    @property
    def accuracy(self) -> tuple[float, float, float]:
        """Mean accuracy of the intact networks and its 95 % confidence interval over seeds."""
        return mean_interval([outcome.accuracy for outcome in self.intact])

    @property
    def effects(self) -> tuple[Effect, ...]:
        """What each mechanism does."""
        made = []
        for name, outcomes in self.without.items():
            pairs = [(o.accuracy, i.accuracy) for o, i in zip(outcomes, self.intact, strict=True)]
            mean = float(np.mean([without for without, _ in pairs]))
            changes = [without - intact for without, intact in pairs]
            made.append(Effect(name, mean, *mean_interval(changes, comparisons=len(self.without))))
        return tuple(made)

    def __str__(self) -> str:
        rows = [
            (o.seed, f"{o.accuracy:.3f}", f"{o.spikes:,}", f"{o.events:,}", f"{o.updates:,}", f"{o.wall_time:.1f}")
            for o in self.intact
        ]
        headers = ("seed", "accuracy", "spikes", "synaptic events", "weight updates", "time [s]")
        mean, low, high = self.accuracy
        lines = [text_table(rows, headers), f"mean accuracy {mean:.3f}, 95 % interval {low:.3f} to {high:.3f}"]
        if self.without:
            lines += ["", self._effects_table()]
        return "\n".join(lines)

    def _effects_table(self) -> str:
        rows = [
            (e.without, f"{e.accuracy:.3f}", f"{e.difference:+.3f}", f"{e.low:+.3f} to {e.high:+.3f}", e.verdict)
            for e in self.effects
        ]
        return text_table(rows, ("without", "accuracy", "change", "joint 95 % interval", "the mechanism"))


def ablations(
    seeds: Iterable[int] = range(1, 11),
    mechanisms: Iterable[str] = MECHANISMS,
    *,
    training: data.Digits | None = None,
    test: data.Digits | None = None,
    processes: int = 1,
    progress: Callable[[int], object] | None = None,
) -> Ablations:
    """Run the experiment with all mechanisms and without each in turn, on the same seeds.

    Parameters
    ----------
    seeds : iterable of int
    mechanisms : iterable of str
        Those to leave out.
    training, test : Digits, optional
        As in :func:`experiment`.
    processes : int
        More than 1 in scripts only under ``if __name__ == "__main__":``, as for everything that starts processes.
    progress : callable (done), optional
        Called with 1 after each of the ``seeds * (1 + mechanisms)`` experiments.

    Returns
    -------
    Ablations
    """
    seeds, mechanisms = tuple(seeds), tuple(mechanisms)
    jobs = [(seed, without) for without in (None, *mechanisms) for seed in seeds]
    done: dict[tuple[int, str | None], DigitsOutcome] = {}
    for outcome in _outcomes(jobs, training, test, processes):
        done[outcome.seed, outcome.without] = outcome
        if progress is not None:
            progress(1)
    return Ablations(
        tuple(done[seed, None] for seed in seeds),
        {name: tuple(done[seed, name] for seed in seeds) for name in mechanisms},
    )
