"""How well the hippocampal memory works: the recorded experiment, capacity, random use, and how memories fade.

All of it in several numerics. The memory is a network of the chip's timesteps: a chain of spikes, each a timestep or
two after the last, whose order decides what is learned and what is forgotten. Elsewhere a spike comes later, by a step
at each synapse and by the time that a membrane takes to threshold, and chains of different lengths fall apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn import registry
from hmn_snn.summary import text_table

from .hippocampus_cam import EXPERIMENT_1_DURATION, POPULATIONS, hippocampus_cam
from .hippocampus_cam_memory import (
    INTERVAL,
    LEARN,
    RECALL_BY_CUE,
    SHORTEST_INTERVAL,
    Operation,
    answers,
    ideal_answers,
    rehearsed,
    remembered,
)

CHIP = "SpiNNaker"
# What the same description is run with: the chip's own numbers, its steps in float, and the reference semantics.
NUMERICS: Mapping[str, Mapping[str, Any]] = {
    CHIP: {"backend": "spinnaker"},
    "SpiNNaker, in float": {"backend": "spinnaker", "precision": "floating_pt"},
    "SpiNNaker, delays shifted": {"backend": "spinnaker", "delays": "shifted"},
    "numba, dt 1 ms": {"backend": "numba"},
    "numba, dt 0.1 ms": {"backend": "numba", "dt": 0.1},
    "brian2, dt 1 ms": {"backend": "brian2"},
    "brian2, dt 0.1 ms": {"backend": "brian2", "dt": 0.1},
}
# Where answers are counted, and whether what is learned is recalled at once (see rehearsed). The numerics left out give
# the same answers as one of these, or hardly any.
CONDITIONS: Mapping[str, Mapping[str, Any]] = {
    CHIP: {**NUMERICS[CHIP], "rehearse": False},
    "SpiNNaker, rehearsed": {**NUMERICS[CHIP], "rehearse": True},
    "numba, dt 0.1 ms": {**NUMERICS["numba, dt 0.1 ms"], "rehearse": False},
    "the same, rehearsed": {**NUMERICS["numba, dt 0.1 ms"], "rehearse": True},
}

INTERVALS = (10.0, 12.0, 15.0, 20.0)  # ms
# Cues, contents, contents of a cue. Larger ones leave the chip's range: all inhibition of a cell at once, 12 nA times
# the other cues and times the contents, is to stay below 32,768 nA.
SIZES = ((5, 10, 4), (10, 20, 5), (20, 50, 10), (40, 64, 8))

# The operations of the recorded experiment, 10 ms apart.
EXPERIMENT_1 = (
    Operation.learn(0, [0, 1, 8, 9]), Operation.learn(4, [1, 5, 6]), Operation.learn(3, [4, 5, 6]),
    Operation.recall(0), Operation.recall(content=[6]), Operation.recall(content=[0, 4]),
    Operation.learn(3, [1, 3, 4, 8]), Operation.recall(3), Operation.recall(content=[6]),
)  # fmt: skip


# The recorded experiment


@dataclass(frozen=True)
class Repetition:
    """The recorded experiment in some numerics.

    Attributes
    ----------
    results : Results
    shared : int
        Spikes that the chip has too, of the same neuron in the same millisecond.
    right : int
        Answers as they should be.
    """

    results: hs.Results
    shared: int
    right: int

    @property
    def spikes(self) -> int:
        """Spikes of all populations."""
        return sum(len(self.results.spikes[name]) for name in POPULATIONS)


def missing() -> dict[str, str]:
    """Return why some of the numerics cannot be had on this machine.

    Returns
    -------
    dict of str to str
        By name in :data:`NUMERICS`.
    """
    reasons = {name: registry.get(options["backend"]).unavailable() for name, options in NUMERICS.items()}
    return {name: reason for name, reason in reasons.items() if reason is not None}


def experiment_1(numerics: Mapping[str, Mapping[str, Any]] = NUMERICS) -> dict[str, Repetition]:
    """Repeat the recorded experiment.

    Parameters
    ----------
    numerics : mapping of str to mapping
        Options of :func:`hmn_snn.run`, and ``dt``; the chip's are among them.

    Returns
    -------
    dict of str to Repetition
    """
    runs = {}
    for name, options in numerics.items():
        given = dict(options)
        net = hippocampus_cam(dt=given.pop("dt", 1.0))
        runs[name] = hs.run(net, EXPERIMENT_1_DURATION, progress=False, **given)
    chip, right = _milliseconds(runs[CHIP]), ideal_answers(EXPERIMENT_1)
    found = {}
    for name, results in runs.items():
        said = answers(results, EXPERIMENT_1, results.spikes["contCue"].size, SHORTEST_INTERVAL)
        found[name] = Repetition(results, len(chip & _milliseconds(results)), _agreeing(said, right))
    return found


def _milliseconds(results: hs.Results) -> set[tuple[str, int, int]]:
    """Return the spikes as population, millisecond, neuron."""
    trains = {name: results.spikes[name] for name in POPULATIONS}
    # A spike within a step of dt 0.1 ms belongs to the millisecond that it is in; 1e-6 is for the division.
    return {
        (name, int(np.floor(t + 1e-6)), int(i))
        for name, train in trains.items()
        for t, i in zip(train.t, train.i, strict=True)
    }


def _agreeing(said: Sequence[frozenset[int] | None], right: Sequence[frozenset[int] | None]) -> int:
    return sum(a == b for a, b in zip(said, right, strict=True) if b is not None)


def _questions(right: Sequence[frozenset[int] | None]) -> int:
    return sum(answer is not None for answer in right)


# Capacity


def all_cues(
    cue_size: int, content_size: int, n_contents: int, seed: int = 1, rehearse: bool = True
) -> list[Operation]:
    """Return the operations that fill a memory and then ask for everything.

    Parameters
    ----------
    cue_size, content_size : int
    n_contents : int
        Of each cue, drawn.
    seed : int
    rehearse : bool
        Whether each cue is recalled after it is learned, too.

    Returns
    -------
    list of Operation
        Each cue is learned; each is recalled; each content is recalled.
    """
    rng = np.random.default_rng(seed)
    learned = [Operation.learn(q, rng.choice(content_size, n_contents, False).tolist()) for q in range(cue_size)]
    by_cue = [Operation.recall(q) for q in range(cue_size)]
    return (
        (rehearsed(learned) if rehearse else learned)
        + by_cue
        + [Operation.recall(content=[c]) for c in range(content_size)]
    )


@dataclass(frozen=True)
class Capacity:
    """What a full memory answers.

    Attributes
    ----------
    cue_size, content_size, n_contents : int
    by_cue, by_content : int
        Cues whose contents, and contents whose cues, are recalled without a fault.
    """

    cue_size: int
    content_size: int
    n_contents: int
    by_cue: int
    by_content: int


def capacity(
    cue_size: int, content_size: int, n_contents: int, *, interval: float = INTERVAL, seed: int = 1,
    rehearse: bool = True, **options: Any,
) -> Capacity:  # fmt: skip
    """Fill a memory, every cue having other contents, and ask for all of it.

    Parameters
    ----------
    cue_size, content_size, n_contents : int
    interval : float [ms]
    seed : int
    rehearse : bool
        Whether each cue is recalled after it is learned.
    **options
        Of :func:`remembered`.

    Returns
    -------
    Capacity
    """
    operations = all_cues(cue_size, content_size, n_contents, seed, rehearse)
    said = remembered(operations, cue_size, content_size, interval=interval, **options)
    right = ideal_answers(operations)
    asked = len(operations) - content_size
    by_cue = _agreeing(said[asked - cue_size : asked], right[asked - cue_size : asked])
    by_content = _agreeing(said[asked:], right[asked:])
    return Capacity(cue_size, content_size, n_contents, by_cue, by_content)


# Random use


def random_operations(n: int, cue_size: int, content_size: int, seed: int, n_contents: int = 4) -> list[Operation]:
    """Return random operations: a quarter learns, a tenth forgets, the rest asks for a cue or for a content.

    Parameters
    ----------
    n, cue_size, content_size : int
    seed : int
    n_contents : int
        Of what is learned.

    Returns
    -------
    list of Operation
    """
    rng = np.random.default_rng(seed)
    operations = []
    for kind in rng.choice(4, n, p=(0.25, 0.1, 0.35, 0.3)):
        cue, contents = int(rng.integers(cue_size)), rng.choice(content_size, n_contents, False).tolist()
        made = (
            Operation.learn(cue, contents), Operation.forget(cue), Operation.recall(cue),
            Operation.recall(content=contents[:1]),
        )  # fmt: skip
        operations.append(made[kind])
    return operations


@dataclass(frozen=True)
class Stress:
    """How many answers were wrong.

    Attributes
    ----------
    wrong, asked : int
    first : int or None
        Number of operations, rehearsals included, before the first wrong answer of any sequence.
    """

    wrong: int
    asked: int
    first: int | None


def stress(
    n: int = 200, seeds: Sequence[int] = range(1, 6), *, cue_size: int = 5, content_size: int = 10,
    interval: float = INTERVAL, rehearse: bool = True, **options: Any,
) -> Stress:  # fmt: skip
    """Do random operations and compare with a dictionary.

    Parameters
    ----------
    n : int
        Operations in a sequence.
    seeds : sequence of int
        Of the sequences.
    cue_size, content_size : int
    interval : float [ms]
    rehearse : bool
        Whether a cue is recalled after it was learned or forgotten; these recalls count.
    **options
        Of :func:`remembered`.

    Returns
    -------
    Stress
    """
    wrong, asked, first = 0, 0, []
    for seed in seeds:
        operations = random_operations(n, cue_size, content_size, seed)
        operations = rehearsed(operations) if rehearse else operations
        said = remembered(operations, cue_size, content_size, interval=interval, **options)
        right = ideal_answers(operations)
        asked += _questions(right)
        faults = [number for number, (a, b) in enumerate(zip(said, right, strict=True)) if a != b]
        wrong += len(faults)
        first += faults[:1]
    return Stress(wrong, asked, min(first, default=None))


def repetitions_until_false(interval: float, of: str = LEARN, most: int = 100, **options: Any) -> int | None:
    """Repeat what associates a cue with a content of the next operation, until it is recalled as the cue's own.

    Parameters
    ----------
    interval : float [ms]
    of : "learn" or "recall by cue"
        What is done with cue 0, and then with content 1, which is not one of its contents; then the cue is asked.
    most : int
        Repetitions.
    **options
        Of :func:`remembered`.

    Returns
    -------
    int or None
        Repetitions before the first wrong answer; None if all answers are right.
    """
    first = (Operation.learn(0, [0]), Operation.learn(1, [1]))
    again = first if of == LEARN else (Operation.recall(0), Operation.recall(content=[1]))
    # A cue that knows nothing is asked in between, so that what is to be associated never comes in reverse order.
    cycle = (*again, Operation.recall(2), Operation.recall(0), Operation.recall(2))
    operations = [*first, *(cycle * most)]
    said = remembered(operations, 3, 2, interval=interval, **options)
    asked = said[len(first) + 3 :: len(cycle)]
    return next((k for k, contents in enumerate(asked) if contents != frozenset({0})), None)


# Tables


def report_parts(quick: bool = False) -> Iterator[tuple[str, str]]:
    """Run the experiments but for the first, and yield a table for each.

    Parameters
    ----------
    quick : bool
        Small memories, short sequences.

    Yields
    ------
    title, table : str
    """
    yield "Full memories, faultless answers", capacity_table(SIZES[:2] if quick else SIZES)
    seeds, n = (range(1, 2), 40) if quick else (range(1, 6), 200)
    yield f"Wrong answers in {len(seeds)} x {n} random operations", stress_table(n, seeds)
    most = 20 if quick else 100
    yield f"Repetitions until a false memory, at most {most}", false_table(most)


def experiment_1_table(found: Mapping[str, Repetition]) -> str:
    """Return how the recorded experiment goes in each of the numerics.

    Parameters
    ----------
    found : mapping of str to Repetition

    Returns
    -------
    str
    """
    asked = _questions(ideal_answers(EXPERIMENT_1))
    rows = [[name, run.spikes, run.shared, f"{run.right} of {asked}"] for name, run in found.items()]
    return text_table(rows, ["numerics", "spikes", "of them the chip's", "right answers"])


def capacity_table(sizes: Sequence[tuple[int, int, int]]) -> str:
    """Return what full memories of some sizes answer.

    Parameters
    ----------
    sizes : sequence of (cue_size, content_size, contents of each cue)

    Returns
    -------
    str
    """
    rows = []
    for cue_size, content_size, n_contents in sizes:
        row = [f"{cue_size} cues, {n_contents} of {content_size} contents"]
        for options in CONDITIONS.values():
            found = capacity(cue_size, content_size, n_contents, **options)
            row.append(f"{found.by_cue} of {cue_size}, {found.by_content} of {content_size}")
        rows.append(row)
    return text_table(rows, ["by cue, by content", *CONDITIONS])


def stress_table(n: int, seeds: Sequence[int]) -> str:
    """Return the wrong answers to random operations at several intervals.

    Parameters
    ----------
    n : int
        Operations in a sequence.
    seeds : sequence of int

    Returns
    -------
    str
    """
    rows = []
    for interval in INTERVALS:
        row: list[Any] = [f"{interval:g}"]
        for options in CONDITIONS.values():
            found = stress(n, seeds, interval=interval, **options)
            row.append(f"{found.wrong} of {found.asked}")
        rows.append(row)
    return text_table(rows, ["interval (ms)", *CONDITIONS])


def false_table(most: int) -> str:
    """Return how often two operations follow each other before they are associated, at several intervals.

    Parameters
    ----------
    most : int
        Repetitions.

    Returns
    -------
    str
    """
    rows = []
    for interval in INTERVALS:
        found = [repetitions_until_false(interval, of, most, **NUMERICS[CHIP]) for of in (LEARN, RECALL_BY_CUE)]
        rows.append([f"{interval:g}", *("none" if number is None else number for number in found)])
    return text_table(rows, ["interval (ms)", "two learned in turn", "cue, then content recalled"])
