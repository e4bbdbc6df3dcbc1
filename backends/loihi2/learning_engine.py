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
from .learning_program import FactorQueue, LearningConnection
from .learning_rule import SYNAPTIC, TRACES, WIDTHS, LearningRule
from .program import DECAY_ONE, WEIGHT_MAX, Connection, Int, LoihiProgram

VARIABLES = ("x0", "y0", *TRACES, *SYNAPTIC)
_ON = {"x0": kernel.ON_X0, "y0": kernel.ON_Y0, "u": kernel.ON_U}
_EXPONENT_SHIFT = 7
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
        self._generators = [_Generators(x.seed, x.epoch) for x in learning if x.stream == "lava"]
        self.learners = _tables(self._connections, self.learning, groups or [(0, 0, 0)] * len(self.learning))
        self._places = self.learners.number[:, [kernel.PRE, kernel.POST, kernel.SYNAPSE]]
        self.learned, self.room = self._start(), self._work_room()

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

    def _start(self) -> kernel.Learned:
        n_pre, n_post = (sum(getattr(c, side) for c in self._connections) for side in ("n_source", "n_target"))
        parts = [
            [c.weight for c in self._connections],
            [x.tag_1 for x in self.learning],
            [x.tag_2 for x in self.learning],
        ]
        return kernel.Learned(
            x=np.zeros((2, n_pre), np.int32),
            y=np.zeros((3, n_post), np.int32),
            tx=np.zeros(n_pre, np.int32),
            ty=np.zeros(n_post, np.int32),
            variable=np.array([np.concatenate([*part, np.zeros(0, np.int32)]) for part in parts], np.int32),
            lowest=np.ones(n_pre, np.int32),  # looked at in the first epoch
        )

    def _work_room(self) -> kernel.Room:
        def most(values: Sequence[Any]) -> int:
            return max([int(v) for v in values], default=0)

        lengths = [x.epoch + 1 for x in self.learning]
        row = most([np.diff(c.row_ptr).max(initial=0) for c in self._connections])
        n_target = most([c.n_target for c in self._connections])
        return kernel.Room(
            x=np.zeros(most([2 * n * c.n_source for n, c in zip(lengths, self._connections, strict=True)]), np.int32),
            y=np.zeros(most([3 * n * c.n_target for n, c in zip(lengths, self._connections, strict=True)]), np.int32),
            at_spike=np.zeros(3 * n_target, np.int32),
            fired=np.zeros(n_target, np.int32),
            who=np.zeros(n_target + 1, np.int32),
            product=np.zeros(row, np.int32),
            total=np.zeros((3, row), np.int32),
            bits=np.zeros((3, row), np.int32),
            changes=np.zeros(3, np.bool_),
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


def _senders(program: LoihiProgram, first: Int) -> kernel.Senders:
    sending = program.third_factors
    return kernel.Senders(
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


class _Generators:
    """What Lava draws for a connection: two generators for its source's traces, two for its target's, one for weights.

    Source: Lava 0.10, ``magma/core/learning/random.py`` and ``magma/core/model/py/connection.py``. Traces draw twice in
    each step, weights once in each epoch, each once before the start; weights always from the seed 2.
    """

    def __init__(self, seed: int, epoch: int) -> None:
        self.seed, self.epoch, self.step = seed, epoch, -1

    def draw(self, step: int, n_steps: int) -> np.ndarray:
        """Return the numbers of some steps, (n_steps, 6)."""
        if step < 0:  # before the first step nothing is drawn
            return np.concatenate([np.zeros((1, 6)), self.draw(step + 1, n_steps - 1)])
        if step != self.step:
            self._begin(step)
        decays = [g.random(2 * n_steps) for g in self._decays]
        impulses = [g.integers(0, 128, size=2 * n_steps) for g in self._impulses]
        ends = np.flatnonzero((np.arange(step, step + n_steps) + 1) % self.epoch == 0)
        table = np.zeros((n_steps, 6))
        for column, values in (
            (kernel.X_DECAY, decays[0][1::2]), (kernel.X_IMPULSE, impulses[0][1::2]), (kernel.Y_DECAY, decays[1][1::2]),
            (kernel.Y_IMPULSE, impulses[1][::2]), (kernel.Y_AGAIN, impulses[1][1::2]),
        ):  # fmt: skip
            table[:, column] = values
        table[ends, kernel.ROUND] = self._round.random(len(ends))
        self.step = step + n_steps
        return table

    def _begin(self, step: int) -> None:
        self._decays = [np.random.default_rng(self.seed + k) for k in (0, 2)]
        self._impulses = [np.random.default_rng(self.seed + k) for k in (1, 3)]
        self._round = np.random.default_rng(2)
        for generator in self._decays:
            generator.random(1 + 2 * step)
        for generator in self._impulses:
            generator.integers(0, 128, size=1 + 2 * step)
        self._round.random(1 + step // self.epoch)


def _tables(
    connections: Sequence[Connection], learning: Sequence[LearningConnection], groups: Sequence[tuple[int, int, int]]
) -> kernel.Learners:
    """Return the kernel's tables."""
    number = np.zeros((len(learning), kernel.NUMBERS), np.int64)
    products: list[list[int]] = []
    factors: list[list[int]] = []
    pre = post = row = synapse = generator = 0
    for k, (c, x) in enumerate(zip(connections, learning, strict=True)):
        rule, of_lava = x.rule, x.stream == "lava"
        values = {
            kernel.SOURCE: groups[k][0], kernel.TARGET: groups[k][1], kernel.N_SOURCE: c.n_source,
            kernel.N_TARGET: c.n_target, kernel.EPOCH: x.epoch, kernel.PERIOD: 1 << (rule.decimation or 0),
            kernel.THIRD: groups[k][2] if x.third_factors else -1, kernel.DRAWS: generator if of_lava else -1,
            kernel.W_LOW: 0 if c.sign > 0 else -WEIGHT_MAX, kernel.W_HIGH: WEIGHT_MAX if c.sign > 0 else 0,
            kernel.PRE: pre, kernel.POST: post, kernel.ROW: row, kernel.SYNAPSE: synapse,
            kernel.N_SYNAPSES: c.n_synapses, kernel.CONNECTION: x.connection, **_add_products(rule, products, factors),
        }  # fmt: skip
        for column, value in values.items():
            number[k, column] = value
        pre, post, row, synapse = pre + c.n_source, post + c.n_target, row + c.n_source + 1, synapse + c.n_synapses
        generator += of_lava
    tau, impulse = (np.array([getattr(x, name) for x in learning]).reshape(-1, 5) for name in ("tau", "impulse"))
    with np.errstate(divide="ignore"):
        keep = np.exp(-1.0 / tau)
    return kernel.Learners(
        number=number,
        key=np.concatenate([np.zeros(0, np.uint64), *(x.key for x in learning)]),
        keep=keep,
        whole=np.floor(impulse).astype(np.int32),
        part=np.round(256.0 * (impulse - np.floor(impulse))).astype(np.int32),
        product=np.array(products, np.int64).reshape(-1, 6),
        factor=np.array(factors, np.int64).reshape(-1, 4),
        row_ptr=np.concatenate([np.zeros(0, np.int64), *(c.row_ptr for c in connections)]),
        target=np.concatenate([np.zeros(0, np.int32), *(c.target_index for c in connections)]),
        draw=np.zeros((0, 0, 6)),
    )


def _add_products(rule: LearningRule, products: list[list[int]], factors: list[list[int]]) -> dict[int, int]:
    """List the products of a rule; return where those of w, t and d begin and end."""
    begins = []
    for variable in SYNAPTIC:
        begins.append(len(products))
        for p in rule.products.get(variable, ()):
            first = len(factors)
            factors += [[VARIABLES.index(f.variable), f.constant, f.sign, WIDTHS[f.variable]] for f in p.factors]
            left = p.exponent + _EXPONENT_SHIFT
            products.append([_ON[p.dependency], p.mantissa, min(p.shift, 31), left, first, len(factors)])
    columns = (kernel.W, kernel.T, kernel.D, kernel.END)
    return dict(zip(columns, (*begins, len(products)), strict=True))
