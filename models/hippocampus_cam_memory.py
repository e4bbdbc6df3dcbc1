"""The content-addressable memory as one uses it: learn, recall, forget, and when the network answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

import hmn_snn as hs
from hmn_snn.errors import DescriptionError

from .hippocampus_cam import (
    COND,
    COND_INT,
    CONT_CONT,
    CONT_CUE,
    CUE_CONT,
    CUE_CUE,
    IL_CONT,
    IL_CUE,
    MERGE_CONT,
    MERGE_CUE,
    OL_CONT,
    OL_CUE,
    TIMESTEP,
    hippocampus_cam,
    require_sizes,
    with_inputs,
)

LEARN, FORGET, RECALL_BY_CUE, RECALL_BY_CONTENT = "learn", "forget", "recall by cue", "recall by content"

# When each population fires in an operation, on the chip, as the published recording has it [ms after the first input
# spike]. Where a cue has contents already, learning shows the old ones once: see OLD_CONTENT.
TIMING: Mapping[str, Mapping[str, tuple[int, ...]]] = {
    LEARN: {
        CUE_CUE: (1, 3), CONT_CUE: (1, 3), COND: (2, 4), COND_INT: (2, 4), CUE_CONT: (3, 5), CONT_CONT: (3, 5),
        MERGE_CUE: (4, 6), MERGE_CONT: (4, 6), OL_CUE: (5, 7), OL_CONT: (5, 7),
    },
    RECALL_BY_CUE: {
        CUE_CUE: (1,), CONT_CUE: (2,), COND_INT: (3,), CUE_CONT: (3,), MERGE_CUE: (4,), MERGE_CONT: (5,), OL_CUE: (5,),
        OL_CONT: (6,),
    },
    RECALL_BY_CONTENT: {
        CONT_CUE: (1,), COND: (2,), COND_INT: (2,), CONT_CONT: (3,), CUE_CONT: (4,), MERGE_CONT: (4,), MERGE_CUE: (5,),
        OL_CONT: (5,), OL_CUE: (6,),
    },
}  # fmt: skip

# When contents appear that are being forgotten, in the operation that puts others in their place [ms].
OLD_CONTENT: Mapping[str, tuple[int, ...]] = {
    CONT_CUE: (2,), COND: (3,), CONT_CONT: (4,), MERGE_CONT: (5,), OL_CONT: (6,),
}  # fmt: skip

# From the first spike of an operation to that of the next [ms]: as published, and what disturbs little (see
# hippocampus_cam_experiments).
SHORTEST_INTERVAL, INTERVAL = 10.0, 20.0
# An answer is what the output says from now on until the next operation begins [ms].
LATENCY = 6.0
HELD = 3  # spikes of each input that is learned, a timestep apart

# Of a Poisson input, in a step in which it is to spike: it misses one in e^40 [Hz, times the step in seconds].
_CERTAIN = 40.0
_MS_PER_S = 1000.0
_OWNER = "hippocampal memory"


@dataclass(frozen=True)
class Operation:
    """Something done with a memory.

    Attributes
    ----------
    kind : "learn", "forget", "recall by cue" or "recall by content"
    cue : int or None
        None where it is what is asked for.
    content : frozenset of int
        Empty where it is what is asked for, and in forgetting.
    """

    kind: str
    cue: int | None
    content: frozenset[int]

    @classmethod
    def learn(cls, cue: int, content: Collection[int]) -> Operation:
        """Return the operation that makes some contents those of a cue, instead of any others."""
        return cls(LEARN, cue, frozenset(content))

    @classmethod
    def forget(cls, cue: int) -> Operation:
        """Return the operation that leaves a cue without contents, by learning one that stands for nothing."""
        return cls(FORGET, cue, frozenset())

    @classmethod
    def recall(cls, cue: int | None = None, content: Collection[int] | None = None) -> Operation:
        """Return the operation that asks for the contents of a cue, or for the cues that have some of the contents.

        Raises
        ------
        DescriptionError
            Unless one of the two is given.
        """
        if (cue is None) == (content is None):
            raise DescriptionError(_OWNER, "cue, content", (cue, content), "recall by one of the two")
        return cls(RECALL_BY_CUE if content is None else RECALL_BY_CONTENT, cue, frozenset(content or ()))

    @property
    def held(self) -> int:
        """Number of spikes of each neuron of the input."""
        return HELD if self.kind in (LEARN, FORGET) else 1

    def presented(self, content_size: int) -> tuple[int, ...]:
        """Return the contents that spike: forgetting has the one after the last."""
        return (content_size,) if self.kind == FORGET else tuple(sorted(self.content))

    @property
    def answer_in(self) -> str | None:
        """The population that answers; None if the operation is no question."""
        return {RECALL_BY_CUE: OL_CONT, RECALL_BY_CONTENT: OL_CUE}.get(self.kind)

    def require_sizes(self, cue_size: int, content_size: int) -> None:
        """Refuse cues and contents that a memory does not have.

        Parameters
        ----------
        cue_size, content_size : int

        Raises
        ------
        DescriptionError
        """
        cues = () if self.cue is None else (self.cue,)
        for name, given, size in (("cue", cues, cue_size), ("content", self.content, content_size)):
            for value in given:
                whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
                if not whole or not 0 <= value < size:
                    raise DescriptionError(_OWNER, name, value, f"give integers from 0 to {size - 1}")
        if self.kind in (LEARN, RECALL_BY_CONTENT) and not self.content:
            allowed = "give at least one content" + ("; forget(cue) learns none" if self.kind == LEARN else "")
            raise DescriptionError(_OWNER, "content", sorted(self.content), allowed)


def schedule(
    operations: Sequence[Operation], cue_size: int, content_size: int, interval: float = INTERVAL,
    start: float = 0.0,
) -> tuple[list[list[float]], list[list[float]]]:  # fmt: skip
    """Return the input spikes of operations done one after the other.

    They are for a network with one content more, which stands for nothing: ``hippocampus_cam(cue_size, content_size +
    1, cue_spikes, content_spikes)``. Contents are only forgotten where others are learned in their place (a cue held
    alone still loses its contents, but they do not lose the cue), and this is what forgetting learns.

    Parameters
    ----------
    operations : sequence of Operation
    cue_size, content_size : int
        Those that operations may name.
    interval : float [ms]
        From one operation to the next.
    start : float [ms]
        Of the first operation.

    Returns
    -------
    cue_spikes, content_spikes : list of list of float [ms]

    Raises
    ------
    DescriptionError
        If an operation has a cue or content that is not there, or the interval is too short.
    """
    _require_interval(interval)
    cues: list[list[float]] = [[] for _ in range(cue_size)]
    contents: list[list[float]] = [[] for _ in range(content_size + 1)]
    for number, operation in enumerate(operations):
        operation.require_sizes(cue_size, content_size)
        times = [start + number * interval + k * TIMESTEP for k in range(operation.held)]
        if operation.cue is not None:
            cues[operation.cue] += times
        for i in operation.presented(content_size):
            contents[i] += times
    return cues, contents


def answers(
    results: hs.Results, operations: Sequence[Operation], content_size: int, interval: float = INTERVAL,
    start: float = 0.0,
) -> list[frozenset[int] | None]:  # fmt: skip
    """Read what the memory answered to each operation.

    Parameters
    ----------
    results : Results
    operations : sequence of Operation
    content_size : int
        Contents beyond stand for nothing.
    interval, start : float [ms]
        As in :func:`schedule`.

    Returns
    -------
    list of frozenset of int, or None
        None for an operation that is no question.
    """
    half = 0.5 * results.dt
    found: list[frozenset[int] | None] = []
    for number, operation in enumerate(operations):
        if operation.answer_in is None:
            found.append(None)
            continue
        t, i = results.spikes[operation.answer_in].t, results.spikes[operation.answer_in].i
        began = start + number * interval
        during = (t > began + LATENCY - half) & (t < began + interval - half)
        known = content_size if operation.answer_in == OL_CONT else results.spikes[OL_CUE].size
        found.append(frozenset(int(k) for k in i[during] if k < known))
    return found


def ideal_answers(operations: Iterable[Operation]) -> list[frozenset[int] | None]:
    """Return what a memory without any faults answers: a dictionary from cues to contents.

    Parameters
    ----------
    operations : iterable of Operation

    Returns
    -------
    list of frozenset of int, or None
        None for an operation that is no question.
    """
    known: dict[int, frozenset[int]] = {}
    found: list[frozenset[int] | None] = []
    for operation in operations:
        if operation.kind == RECALL_BY_CONTENT:
            found.append(frozenset(cue for cue, content in known.items() if content & operation.content))
            continue
        assert operation.cue is not None
        if operation.kind == RECALL_BY_CUE:
            found.append(known.get(operation.cue, frozenset()))
        else:
            known[operation.cue] = operation.content
            found.append(None)
    return found


def rehearsed(operations: Iterable[Operation]) -> list[Operation]:
    """Return operations with a recall by its cue after each that learns or forgets.

    SpiNNaker changes the weights of a neuron's synapses when it spikes, and by at most the last 16 spikes of the target
    since it did so before. What was learned of a content that then spikes for other cues, more than that before its own
    cue is asked, is lost; a recall at once keeps it.

    Parameters
    ----------
    operations : iterable of Operation

    Returns
    -------
    list of Operation
    """
    found = []
    for operation in operations:
        found.append(operation)
        if operation.kind in (LEARN, FORGET):
            found.append(Operation.recall(operation.cue))
    return found


def remembered(
    operations: Sequence[Operation], cue_size: int, content_size: int, *, interval: float = INTERVAL,
    backend: str = "spinnaker", dt: float = 1.0, **options: Any,
) -> list[frozenset[int] | None]:  # fmt: skip
    """Do operations in a single run, as on a board, and return the answers.

    Parameters
    ----------
    operations : sequence of Operation
    cue_size, content_size : int
    interval : float [ms]
    backend : str
    dt : float [ms]
    **options
        Of :func:`hmn_snn.run`, such as ``executor``.

    Returns
    -------
    list of frozenset of int, or None
        None for an operation that is no question.
    """
    spikes = schedule(operations, cue_size, content_size, interval)
    net = hippocampus_cam(cue_size, content_size + 1, *spikes, dt=dt)
    results = hs.run(net, max(1, len(operations)) * interval, backend=backend, progress=False, **options)
    return answers(results, operations, content_size, interval)


def _require_interval(interval: float) -> None:
    if not interval >= SHORTEST_INTERVAL:
        raise DescriptionError(_OWNER, "interval", interval, f"give {SHORTEST_INTERVAL:g} ms or more")


class Memory:
    """A memory to learn in, to ask and to forget in, one operation after the other; it keeps what it has learned.

    Each operation is a piece of one long simulation and lasts ``interval``. On the chip (and its emulator, the default)
    the populations fire, in ms after the operation began:

    ================== ====== ======= ==== ======= ======= ======== ======== ========= ===== ======
    operation          cueCue contCue cond condInt cueCont contCont mergeCue mergeCont OLcue OLcont
    ================== ====== ======= ==== ======= ======= ======== ======== ========= ===== ======
    learn              1, 3   1, 3    2, 4 2, 4    3, 5    3, 5     4, 6     4, 6      5, 7  5, 7
    recall by cue      1      2            3       3                4        5         5     6
    recall by content         1       2    2       4       3        5        4         6     5
    ================== ====== ======= ==== ======= ======= ======== ======== ========= ===== ======

    The answer is what OLcont (for a cue) or OLcue (for contents) says from 6 ms on. Learning shows the old contents of
    the cue once: contCue at 2, cond at 3, contCont at 4, mergeCont at 5, OLcont at 6 ms. Forgetting is learning, as
    published: what takes the old contents' place is one more content that stands for nothing.

    Parameters
    ----------
    cue_size, content_size : int
    interval : float [ms]
        From one operation to the next, at least 10: the shorter it is, the more does what happens in one and then in
        the next become associated, and memories fade into each other.
    backend : str
        One with a closed loop. In other numerics than the chip's the memory is a poorer one: see
        :mod:`hmn_snn.models.hippocampus_cam_experiments`.
    dt : float [ms]
    seed : int
    rehearse : bool
        Whether the cue is recalled after learning and forgetting, which takes another ``interval`` (see
        :func:`rehearsed`).
    **options
        Of :class:`hmn_snn.Simulation`, such as ``executor``.

    Raises
    ------
    DescriptionError

    Examples
    --------
    >>> with Memory(5, 10) as memory:                       # doctest: +SKIP
    ...     memory.learn(0, [0, 1, 8, 9])
    ...     memory.learn(3, [4, 5, 8])
    ...     memory.recall(content=[8])
    frozenset({0, 3})
    """

    def __init__(
        self, cue_size: int = 5, content_size: int = 10, *, interval: float = INTERVAL,
        backend: str = "spinnaker", dt: float = 1.0, seed: int = 1, rehearse: bool = True, **options: Any,
    ) -> None:  # fmt: skip
        _require_interval(interval)
        require_sizes(cue_size, content_size)
        executor = options.get("executor", "auto")
        if backend == "spinnaker" and executor not in ("auto", "emulator"):
            allowed = "each operation would load the network anew, and lose what it learned last; use remembered(...)"
            raise DescriptionError("memory", "executor", executor, allowed)
        self.cue_size, self.content_size, self.interval = cue_size, content_size, interval
        self.rehearse = rehearse
        # A simulation in pieces takes rates but no spikes: an input spikes in a step where its rate is high enough.
        cues = hs.PoissonInput(cue_size, 0.0, name=IL_CUE)
        contents = hs.PoissonInput(content_size + 1, 0.0, name=IL_CONT)
        net = with_inputs(hs.Network("hippocampus_cam", dt=dt, seed=seed), cues, contents)
        self._dt, self._operations = dt, []  # type: float, list[Operation]
        self._simulation = hs.Simulation(net, backend, progress=False, **options)

    def __enter__(self) -> Memory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the simulation; the memory is lost."""
        self._simulation.close()

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Everything done so far; :func:`remembered` does it again in a single run, on a board for instance."""
        return tuple(self._operations)

    def learn(self, cue: int, content: Collection[int]) -> None:
        """Make some contents those of a cue; any others that it had are forgotten.

        Parameters
        ----------
        cue : int
        content : collection of int
        """
        self._learn(Operation.learn(cue, content))

    def forget(self, cue: int) -> None:
        """Forget the contents of a cue, by learning none in their place.

        Parameters
        ----------
        cue : int
        """
        self._learn(Operation.forget(cue))

    def recall(self, cue: int | None = None, content: Collection[int] | None = None) -> frozenset[int]:
        """Return the contents of a cue, or the cues that have one of some contents.

        Contents that are asked for together become associated with all the cues found; the second time, contents that a
        cue does not have are taken for its own. Asked for one by one, they do not.

        Parameters
        ----------
        cue : int, optional
        content : collection of int, optional

        Returns
        -------
        frozenset of int
            Contents if a cue was given, else cues; empty where nothing is known.

        Raises
        ------
        DescriptionError
            If not exactly one of the two is given.
        """
        answer = self._do(Operation.recall(cue, content))
        assert answer is not None
        return answer

    def _learn(self, operation: Operation) -> None:
        for done in rehearsed([operation]) if self.rehearse else [operation]:
            self._do(done)

    def _do(self, operation: Operation) -> frozenset[int] | None:
        operation.require_sizes(self.cue_size, self.content_size)
        began = self._simulation.t + self._dt
        results = self._stimulate(operation)
        rest = self.interval - operation.held * TIMESTEP
        results = results.joined(self._simulation.run(rest))
        self._operations.append(operation)
        return answers(results, [operation], self.content_size, self.interval, began)[0]

    def _stimulate(self, operation: Operation) -> hs.Results:
        """Run the timesteps in whose first step the inputs spike."""
        sim = self._simulation
        cues = [] if operation.cue is None else [operation.cue]
        pieces = []
        for _ in range(operation.held):
            self._switch(cues, list(operation.presented(self.content_size)))
            pieces.append(sim.run(self._dt))
            self._switch([], [])
            if self._dt < TIMESTEP:
                pieces.append(sim.run(TIMESTEP - self._dt))
        results = pieces[0]
        for piece in pieces[1:]:
            results = results.joined(piece)
        return results

    def _switch(self, cues: list[int], contents: list[int]) -> None:
        """Let these neurons of the inputs spike in every step from now on, and no others."""
        for name, size, on in ((IL_CUE, self.cue_size, cues), (IL_CONT, self.content_size + 1, contents)):
            rate = np.zeros(size)
            rate[on] = _CERTAIN * _MS_PER_S / self._dt
            self._simulation.set_rate(name, rate)
