"""Learning and recognising digits: trials with a decision, dopamine and a teacher; the test without them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

import hmn_snn as hs
from hmn_snn.ledger import Ledger
from hmn_snn.recorded import Weights

from . import digits_data as data
from .digits_network import CLASSES, CYCLE, DOPAMINE, LEARNED, PIXELS, TEACHER

TEACHER_CURRENT = 1.0  # nA, on the neurons of the right class; the others get as much of the opposite sign
TEST_CYCLES = 4  # for which a test image is shown


@dataclass(frozen=True, eq=False)
class Trial:
    """One image in training.

    Attributes
    ----------
    label, decision : int
    pieces : tuple of Results
        One per theta cycle.
    """

    label: int
    decision: int
    pieces: tuple[hs.Results, ...]

    @property
    def correct(self) -> bool:
        """Whether the network decided right, before it was taught."""
        return self.decision == self.label

    @property
    def undivided(self) -> bool:
        """Whether one class alone had the most spikes; otherwise the first of equals is the decision."""
        evidence = np.sort(_evidence(self.pieces[0]))
        return bool(evidence[-1] > evidence[-2])

    @property
    def results(self) -> hs.Results:
        """The whole trial as one."""
        return self.pieces[0].joined(*self.pieces[1:])


@dataclass(frozen=True, eq=False)
class Training:
    """What training gave.

    Attributes
    ----------
    weights : Weights
        Of the plastic projection at the end.
    labels, decisions : (n_trials,) int arrays
        In the order of presentation; each decision was made before its image was taught.
    ledger : Ledger
    example : Trial or None
        The first wrong decision in the second half, an undivided one if there is any, and what followed, for a look
        inside.
    """

    weights: Weights
    labels: np.ndarray
    decisions: np.ndarray
    ledger: Ledger
    example: Trial | None

    @property
    def correct(self) -> np.ndarray:
        """(n_trials,) bool array: which decisions were right."""
        return np.asarray(self.labels == self.decisions)


@dataclass(frozen=True, eq=False)
class Classification:
    """What a network made of images.

    Attributes
    ----------
    evidence : (n, 10) int array
        Spikes of each class.
    ledger : Ledger
    """

    evidence: np.ndarray
    ledger: Ledger

    @property
    def predictions(self) -> np.ndarray:
        """(n,) int array: the class with the most spikes, the first of equals."""
        return np.asarray(self.evidence.argmax(axis=1))


def trial(sim: hs.Simulation, image: np.ndarray, label: int, amount: float) -> Trial:
    """Show one image, and teach it if the decision is wrong: a perceptron in three-factor form.

    In theta cycles: (1) the image is shown, and the class with the most spikes is the decision; if it is right, that
    is all. If it is wrong, (2) dopamine dips below its baseline, which weakens what made the wrong neurons fire;
    (3) the image is shown again while a current teaches the right class; (4) dopamine rises above its baseline, which
    strengthens what the teacher made fire. Nothing is shown while dopamine acts, and it is back at its baseline when
    its cycle ends.

    Parameters
    ----------
    sim : Simulation
        Of a network from :func:`digits`.
    image : (64,) array
    label : int
    amount : float
        Of dopamine in dip and rise; 0 leaves it at its tonic level.

    Returns
    -------
    Trial
    """
    shown = _show(sim, image, CYCLE)
    decision = int(_evidence(shown).argmax())
    if decision == label:
        return Trial(label, decision, (shown,))
    dip = _respond(sim, -amount)
    size = sim.lowered.populations[0].size
    right = np.arange(size) // (size // data.N_CLASSES) == label
    sim.set_current(TEACHER, np.where(right, TEACHER_CURRENT, -TEACHER_CURRENT))
    taught = _show(sim, image, CYCLE)
    sim.set_current(TEACHER, 0.0)
    return Trial(label, decision, (shown, dip, taught, _respond(sim, amount)))


def _show(sim: hs.Simulation, image: np.ndarray, duration: float) -> hs.Results:
    sim.set_rate(PIXELS, data.rates(image))
    return sim.run(duration)


def _respond(sim: hs.Simulation, amount: float) -> hs.Results:
    """Show nothing for a cycle that begins with a release of dopamine and ends with it back at its baseline."""
    sim.set_rate(PIXELS, 0.0)
    sim.release(DOPAMINE, amount)
    piece = sim.run(CYCLE)
    tau = next(modulator.tau for modulator in sim.lowered.modulators if modulator.name == DOPAMINE)
    sim.release(DOPAMINE, -amount * math.exp(-CYCLE / tau))
    return piece


def _evidence(results: hs.Results) -> np.ndarray:
    """Return the spikes of each class."""
    counts = results.spikes[CLASSES].counts
    return np.asarray(counts.reshape(data.N_CLASSES, -1).sum(axis=1))


def train(
    net: hs.Network,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    dopamine: float = 1.0,
    epochs: int = 1,
    progress: Callable[[int], object] | None = None,
) -> Training:
    """Learn images online, one :func:`trial` each, in an order drawn from the network's seed.

    Parameters
    ----------
    net : Network
        From :func:`digits`.
    images : (n, 64) array
    labels : (n,) int array
    dopamine : float
        Amount of the first release; later ones are smaller, down to 0 with the last trial, which anneals learning.
    epochs : int
    progress : callable (done), optional
        Called after each trial with the number of trials done since the last call, 1.

    Returns
    -------
    Training
    """
    rng = np.random.default_rng(net.seed)
    order = np.concatenate([rng.permutation(len(labels)) for _ in range(epochs)])
    decisions = np.empty(len(order), dtype=np.int64)
    ledger, example = Ledger(), None
    with hs.Simulation(net, progress=False) as sim:
        for k, i in enumerate(order):
            made = trial(sim, images[i], int(labels[i]), dopamine * (1.0 - k / len(order)))
            decisions[k] = made.decision
            ledger = sum((piece.ledger for piece in made.pieces), ledger)
            if not made.correct and 2 * k >= len(order):
                example = made if example is None or made.undivided > example.undivided else example
            if progress is not None:
                progress(1)
        weights = sim.weights(LEARNED)
    return Training(weights, np.asarray(labels)[order], decisions, ledger, example)


def classify(sim: hs.Simulation, images: Iterable[np.ndarray], cycles: int = TEST_CYCLES) -> Classification:
    """Recognise images: show one after the other, each for some theta cycles, and count the spikes of the classes.

    Neither teacher nor dopamine act, so a network made with ``digits(learned=...)`` suffices.

    Parameters
    ----------
    sim : Simulation
    images : (n, 64) array
    cycles : int

    Returns
    -------
    Classification
    """
    evidence, ledger = [], Ledger()
    for image in images:
        shown = _show(sim, image, cycles * CYCLE)
        evidence.append(_evidence(shown))
        ledger = ledger + shown.ledger
    return Classification(np.array(evidence).reshape(-1, data.N_CLASSES), ledger)
