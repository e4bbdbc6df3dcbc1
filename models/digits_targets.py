"""The learned digits network on every target there is: the same images, and what each makes of them.

A target that cannot run is shown with the reason and the command that adds it. Decisions and spikes are compared with
those of the first target, the default engine; energies are estimates by tables of constants (:func:`hmn_snn.energy`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.energies import Energy
from hmn_snn.errors import HMNError
from hmn_snn.reporting import DEVICES
from hmn_snn.results import Results
from hmn_snn.summary import text_table
from hmn_snn.support import absent

from . import digits_data as data
from .digits_network import CLASSES, CYCLE, PIXELS, digits
from .digits_training import TEST_CYCLES, trial

LEARNED_IMAGES = 20


@dataclass(frozen=True, eq=False)
class OnTarget:
    """What a target made of the images.

    Attributes
    ----------
    backend : str
    results : Results or None
        Of all images, one after the other; None where it did not run.
    decisions : (n,) int array
    inference : Energy or None
        Of all images.
    learning : Energy or None
        Of learning some images: events that the engine counted, at the prices of the target's device.
    reason : str
        Why it did not run.
    """

    backend: str
    results: Results | None
    decisions: np.ndarray
    inference: Energy | None
    learning: Energy | None
    reason: str


@dataclass(frozen=True, eq=False)
class Targets:
    """The same images on every target; printing it gives a table.

    Attributes
    ----------
    labels : (n,) int array
    n_learned : int
        Images that were learned from for the energy of learning.
    targets : tuple of OnTarget
        The first ran.
    """

    labels: np.ndarray
    n_learned: int
    targets: tuple[OnTarget, ...]

    def __str__(self) -> str:
        headers = ("target", "what ran", "accuracy", "same decisions", "spikes per image", "device",
                   "energy per image", "per learned image")  # fmt: skip
        rows = [self._row(target) for target in self.targets]
        missing = [f"{t.backend} did not run: {t.reason}" for t in self.targets if t.results is None]
        note = (
            f"{len(self.labels)} images of the test, half a second each. Energies are estimates from counts, for each "
            "operation, without idle power; learning is priced by what the engine counted."
        )
        ran = [(t.backend, t.inference) for t in self.targets if t.inference is not None]
        missing += [f"{name} is not as described: {what}" for name, energy in ran for what in energy.altered]
        others = [f"{name} is not here: {reason}" for name, reason in absent().items()]
        return "\n".join([text_table(rows, headers), *textwrap.wrap(note, 118), *missing, *others])

    def _row(self, target: OnTarget) -> list[str]:
        if target.results is None:
            return [target.backend, "nothing", *[""] * 6]
        first, n = self.targets[0], len(self.labels)
        stamp = target.results.provenance
        spikes = sum(len(target.results.spikes[p]) for p in target.results.ledger.neuron_updates)
        return [
            target.backend,
            f"{stamp.executor}, {stamp.precision}",
            f"{np.mean(target.decisions == self.labels):.2f}",
            f"{np.mean(target.decisions == first.decisions):.0%}",
            f"{spikes / n:,.0f}",
            "" if target.inference is None else target.inference.device,
            _per(target.inference, n),
            _per(target.learning, self.n_learned),
        ]


def _per(energy: Energy | None, n: int) -> str:
    """Return the incremental energy of one of n images, and its range."""
    total = None if energy is None else energy.incremental
    if total is None:
        return "unknown"
    value, extent = (total / n).text("J")
    return f"{value} ({extent})"


def on_targets(
    weights: np.ndarray, training: data.Digits, test: data.Digits, seed: int = 1, backends: Sequence[str] | None = None
) -> Targets:
    """Show images to a learned network on every target.

    Parameters
    ----------
    weights : (n_synapses,) float array [nA]
    training : Digits
        Some of these are learned from, for the energy of learning.
    test : Digits
        All of these are shown.
    seed : int
    backends : sequence of str, optional
        All if not given.

    Returns
    -------
    Targets
    """
    lessons = training[:LEARNED_IMAGES]
    learning = _learned(seed, lessons)
    targets = tuple(_shown(name, seed, weights, test, learning) for name in backends or registry.names())
    return Targets(test.labels, len(lessons), targets)


def _learned(seed: int, lessons: data.Digits) -> Results:
    """Return the results of learning from some images on the engine."""
    pieces: list[Results] = []
    with hs.Simulation(digits(seed), progress=False) as sim:
        for image, label in zip(lessons.images, lessons.labels, strict=True):
            pieces += trial(sim, image, int(label), 1.0).pieces
    return pieces[0].joined(*pieces[1:])


def _shown(backend: str, seed: int, weights: np.ndarray, test: data.Digits, learning: Results) -> OnTarget:
    device = DEVICES.get(backend, "cpu")
    try:
        results, decisions = _classified(backend, seed, weights, test)
    except HMNError as error:
        reasons = [str(finding) for finding in getattr(error, "findings", ())] or [str(error)]
        return OnTarget(backend, None, np.zeros(0, int), None, None, "; ".join(reasons))
    return OnTarget(backend, results, decisions, hs.energy(results, device), hs.energy(learning, device), "")


def _classified(backend: str, seed: int, weights: np.ndarray, test: data.Digits) -> tuple[Results, np.ndarray]:
    pieces: list[Results] = []
    with hs.Simulation(digits(seed, learned=weights), backend, progress=False) as sim:
        for image in test.images:
            sim.set_rate(PIXELS, data.rates(image))
            pieces.append(sim.run(TEST_CYCLES * CYCLE))
    counts: list[Any] = [p.spikes[CLASSES].counts.reshape(data.N_CLASSES, -1).sum(axis=1) for p in pieces]
    return pieces[0].joined(*pieces[1:]), np.array(counts).argmax(axis=1)
