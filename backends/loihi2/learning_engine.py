"""The chip's learning engine as Lava 0.10 has it in fixed point, bit for bit.

Every epoch, each of a connection's w, t and d becomes ``round(clip(2**7 w + sum of products))``. A product is the
rule's factors times its mantissa, shifted back by what its factors' bits are more than 15, then forth by its exponent;
all products see the values from before the epoch. Source: Lava 0.10, ``magma/core/model/py/connection.py``
(``LearningConnectionModelBitApproximate``) and ``magma/core/learning/learning_rule_applier.py``. Only the rounding can
be better than Lava's: see the streams of :class:`LearningConnection`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from . import learning_engine_kernel as kernel
from .learning_engine_draws import LavaDraws
from .learning_engine_layout import tables_of, work_room
from .learning_engine_tables import POST, PRE, SYNAPSE, Learned, Senders
from .learning_program import FactorQueue, LearningConnection
from .program import DECAY_ONE, Connection, Int, LoihiProgram

_STATE = ("x", "y", "tx", "ty", "variable", "lowest")


class LearningEngine:
    """The connections of a program that learn: their tables, their state, and the numbers that round them.

    Parameters
    ----------
    connections : sequence of Connection
        All of a program.
    learning : sequence of LearningConnection
    groups : sequence of (int, int, int), optional
        For each of them, the places of its source and of its target among what fires, and the first of its third
        factors among all that are sent.

    Attributes
    ----------
    learners, learned, room
        What the kernel takes.
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        learning: Sequence[LearningConnection],
        groups: Sequence[tuple[int, int, int]] | None = None,
    ) -> None:
        self.learning = tuple(learning)
        self._connections = [connections[x.connection] for x in learning]
        self._generators = [LavaDraws(x.seed, x.epoch) for x in learning if x.stream == "lava"]
        self.learners = tables_of(self._connections, self.learning, groups or [(0, 0, 0)] * len(self.learning))
        self._places = self.learners.number[:, [PRE, POST, SYNAPSE]]
        self.learned, self.room = self._start(), work_room(self._connections, self.learning)

    def draw(self, step: int, n_steps: int) -> None:
        """Draw what Lava draws in some steps, for the connections that round so.

        Parameters
        ----------
        step, n_steps : int
        """
        drawn = [generators.draw(step, n_steps) for generators in self._generators]
        self.learners = self.learners._replace(draw=np.array(drawn).reshape(len(drawn), n_steps, 6))

    def run(
        self, step: int, n_steps: int, pre: Sequence[tuple[Int, Int]], post: Sequence[tuple[Int, Int]],
        factors: Int | None = None,
    ) -> None:  # fmt: skip
        """Learn from given spikes.

        Parameters
        ----------
        step, n_steps : int
        pre, post : list of (step, neuron)
            Of each connection's source and target, sorted.
        factors : (n, n_steps, 3, n_target) int array, optional
            y1, y2, y3 that targets send.
        """
        edges = np.arange(step, step + n_steps + 1)
        self.draw(step, n_steps)
        sides = []
        for spikes in (pre, post):
            ptr = np.array([np.searchsorted(steps, edges) for steps, _ in spikes], np.int64)
            first = np.cumsum([0, *(len(steps) for steps, _ in spikes)])[:-1]
            sides += [ptr + first[:, None], np.concatenate([np.asarray(index, np.int32) for _, index in spikes])]
        given = np.zeros((len(self.learning), 0, 3, 0), np.int32) if factors is None else np.asarray(factors, np.int32)
        kernel.run_given(n_steps, step, *sides, given, self.learners, self.learned, self.room)

    # What has been learned

    def weights(self, k: int) -> Int:
        """Return the weights of the k-th of these connections."""
        return self._own(k, 0)

    def tags(self, k: int) -> Int:
        """Return t of the k-th of these connections."""
        return self._own(k, 1)

    def delays(self, k: int) -> Int:
        """Return d of the k-th of these connections, which delays nothing."""
        return self._own(k, 2)

    def traces(self, k: int) -> tuple[Int, Int]:
        """Return x1 and x2, and y1, y2 and y3, of the k-th of these connections."""
        c, (pre, post, _) = self._connections[k], self._places[k]
        return self.learned.x[:, pre : pre + c.n_source], self.learned.y[:, post : post + c.n_target]

    def set_weights(self, k: int, weights: Int) -> None:
        """Write the weights of the k-th of these connections."""
        self._own(k, 0)[:] = weights

    def get_state(self) -> dict[str, Any]:
        """Return what changes."""
        return {name: getattr(self.learned, name).copy() for name in _STATE}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state."""
        for name in _STATE:
            getattr(self.learned, name)[:] = state[name]

    def _own(self, k: int, variable: int) -> Int:
        first = self._places[k][2]
        return self.learned.variable[variable, first : first + self._connections[k].n_synapses]

    def _start(self) -> Learned:
        n_pre, n_post = (sum(getattr(c, side) for c in self._connections) for side in ("n_source", "n_target"))
        parts = [
            [c.weight for c in self._connections],
            [x.tag_1 for x in self.learning],
            [x.tag_2 for x in self.learning],
        ]
        return Learned(
            x=np.zeros((2, n_pre), np.int32),
            y=np.zeros((3, n_post), np.int32),
            tx=np.zeros(n_pre, np.int32),
            ty=np.zeros(n_post, np.int32),
            variable=np.array([np.concatenate([*part, np.zeros(0, np.int16)]) for part in parts], np.int16),
            lowest=np.ones(n_pre, np.int32),  # looked at in the first epoch
        )


class ProgramLearning:
    """What learns in a program that runs on the emulator, and what its neurons send.

    Parameters
    ----------
    program : LoihiProgram
    """

    def __init__(self, program: LoihiProgram) -> None:
        groups = [p.group for p in program.processes] + [s.group for s in program.sources]
        self.factors = FactorQueue(program)
        first = self.factors.first
        sent_by = {f.process: int(start) for f, start in zip(program.third_factors, first[:-1], strict=True)}
        connections = [program.connections[x.connection] for x in program.learning]
        places = [(groups.index(c.source), groups.index(c.target)) for c in connections]
        self.engine = LearningEngine(
            program.connections, program.learning, [(a, b, sent_by.get(b, 0)) for a, b in places]
        )
        self.number = {x.connection: k for k, x in enumerate(program.learning)}
        self.senders = _senders(program, first)
        self._last = self.factors.neutral(1)

    def prepare(self, step: int, n_steps: int) -> tuple[Any, ...]:
        """Return what the kernel takes for some steps; a step learns what the one before it taught."""
        self.engine.draw(step - 1, n_steps)
        rows = np.concatenate([self._last, self.factors.take(n_steps)])
        self._last = rows[-1:]
        self.senders = self.senders._replace(given=rows)
        return self.engine.learners, self.engine.learned, self.senders, self.engine.room

    def get_state(self) -> dict[str, Any]:
        """Return what changes."""
        own = {"trace": self.senders.trace.copy(), "last": self._last, "next": self.factors.waiting}
        return {f"learning {name}": value for name, value in (self.engine.get_state() | own).items()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state."""
        own = {n.removeprefix("learning "): v for n, v in state.items() if n.startswith("learning ")}
        self.engine.set_state(own)
        self.senders.trace[:] = own["trace"]
        self._last, self.factors.waiting = (np.array(own[name], np.uint8) for name in ("last", "next"))


def _senders(program: LoihiProgram, first: Int) -> Senders:
    sending = program.third_factors
    return Senders(
        process=np.array([f.process for f in sending], np.int64),
        first=first,
        keep=np.array([DECAY_ONE - f.decay for f in sending], np.int32),
        impulse=np.array([f.impulse for f in sending], np.int32),
        nearest=np.array([f.nearest for f in sending], np.bool_),
        own_spike=np.array([f.own_spike for f in sending], np.bool_),
        trace=np.zeros(first[-1], np.int32),
        sent=np.zeros((3, first[-1]), np.int32),
        given=np.zeros((0, 2, first[-1]), np.uint8),
    )
