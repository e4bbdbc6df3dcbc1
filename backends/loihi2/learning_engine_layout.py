"""Lays a program's learning connections out in the tables of the compiled engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import learning_engine_tables as tables
from .learning_program import LearningConnection
from .learning_rule import ACCUMULATOR_SHIFT, SYNAPTIC, TRACES, WIDTHS, Product
from .program import WEIGHT_MAX, Connection

VARIABLES = ("x0", "y0", *TRACES, *SYNAPTIC)
_ON = {"x0": tables.ON_X0, "y0": tables.ON_Y0, "u": tables.ON_U}


def tables_of(
    connections: Sequence[Connection], learning: Sequence[LearningConnection], groups: Sequence[tuple[int, int, int]]
) -> tables.Learners:
    """Return the tables of what does not change.

    Parameters
    ----------
    connections : sequence of Connection
        Those that learn.
    learning : sequence of LearningConnection
    groups : sequence of (int, int, int)
        For each of them, the places of its source and of its target among what fires, and the first of its third
        factors among all that are sent.

    Returns
    -------
    Learners
    """
    number = np.zeros((len(learning), tables.NUMBERS), np.int64)
    products: list[list[int]] = []
    factors: list[list[int]] = []
    pre = post = row = synapse = generator = 0
    for k, (c, x) in enumerate(zip(connections, learning, strict=True)):
        of_lava = x.stream == "lava"
        values = {
            tables.SOURCE: groups[k][0], tables.TARGET: groups[k][1], tables.N_SOURCE: c.n_source,
            tables.N_TARGET: c.n_target, tables.EPOCH: x.epoch, tables.PERIOD: 1 << (x.rule.decimation or 0),
            tables.THIRD: groups[k][2] if x.third_factors else -1, tables.DRAWS: generator if of_lava else -1,
            tables.W_LOW: 0 if c.sign > 0 else -WEIGHT_MAX, tables.W_HIGH: WEIGHT_MAX if c.sign > 0 else 0,
            tables.PRE: pre, tables.POST: post, tables.ROW: row, tables.SYNAPSE: synapse,
            tables.N_SYNAPSES: c.n_synapses, tables.CONNECTION: x.connection, tables.FULL: _is_full(c),
            **_add_products(c, x, products, factors),
        }  # fmt: skip
        for column, value in values.items():
            number[k, column] = value
        pre, post, row, synapse = pre + c.n_source, post + c.n_target, row + c.n_source + 1, synapse + c.n_synapses
        generator += of_lava
    tau, impulse = (np.array([getattr(x, name) for x in learning]).reshape(-1, 5) for name in ("tau", "impulse"))
    with np.errstate(divide="ignore"):
        keep = np.exp(-1.0 / tau)
    return tables.Learners(
        number=number,
        key=np.concatenate([np.zeros(0, np.uint64), *(x.key for x in learning)]),
        keep=keep,
        whole=np.floor(impulse).astype(np.int32),
        part=np.round(256.0 * (impulse - np.floor(impulse))).astype(np.int32),
        product=np.array(products, np.int64).reshape(-1, tables.PARTS_OF_PRODUCT),
        factor=np.array(factors, np.int64).reshape(-1, 4),
        row_ptr=np.concatenate([np.zeros(0, np.int64), *(c.row_ptr for c in connections)]),
        target=np.concatenate([np.zeros(0, np.int32), *(c.target_index for c in connections)]),
        draw=np.zeros((0, 0, 6)),
    )


def work_room(connections: Sequence[Connection], learning: Sequence[LearningConnection]) -> tables.Room:
    """Return arrays in which each of the connections can be worked on.

    Parameters
    ----------
    connections : sequence of Connection
    learning : sequence of LearningConnection

    Returns
    -------
    Room
    """

    def most(values: Sequence[Any]) -> int:
        return max([int(v) for v in values], default=0)

    steps = [x.epoch + 1 for x in learning]
    n_target = most([c.n_target for c in connections])
    at_once = max(tables.SPAN, most([np.diff(c.row_ptr).max(initial=0) for c in connections]))
    n_products = [sum(map(len, x.rule.products.values())) for x in learning]
    columns = [
        sum(_column_size(c, x, p) for some in x.rule.products.values() for p in some)
        for c, x in zip(connections, learning, strict=True)
    ]
    return tables.Room(
        x=np.zeros(most([2 * n * c.n_source for n, c in zip(steps, connections, strict=True)]), np.int32),
        y=np.zeros(most([3 * n * c.n_target for n, c in zip(steps, connections, strict=True)]), np.int32),
        at_spike=np.zeros(3 * n_target, np.int32),
        fired=np.zeros(n_target, np.int32),
        who=np.zeros(n_target + 1, np.int32),
        column=np.zeros(most(columns), np.int32),
        change=np.zeros(most([c.n_source for c in connections]), np.int32),
        reach=np.zeros(most(n_products), np.int64),
        product=np.zeros(at_once, np.int32),
        total=np.zeros((3, at_once), np.int32),
        bits=np.zeros((3, at_once), np.int32),
        changes=np.zeros(3, np.bool_),
    )


def _is_full(c: Connection) -> bool:
    """Return whether each source neuron has one synapse to each target neuron, in their order."""
    return c.n_synapses == c.n_source * c.n_target and bool(
        np.all(c.target_index.reshape(c.n_source, c.n_target) == np.arange(c.n_target))
        and np.all(np.diff(c.row_ptr) == c.n_target)
    )


def _add_products(
    c: Connection, x: LearningConnection, products: list[list[int]], factors: list[list[int]]
) -> dict[int, int]:
    """List the products of a rule; return where those of w, t and d begin and end."""
    begins, column, rule = [], 0, x.rule
    for variable in SYNAPTIC:
        begins.append(len(products))
        for p in rule.products.get(variable, ()):
            first = len(factors)
            factors += [[VARIABLES.index(f.variable), f.constant, f.sign, WIDTHS[f.variable]] for f in p.factors]
            of_row = ("x0",) if p.dependency == "y0" and x.epoch > 1 else ("x0", "x1", "x2")
            others = [f for f in p.factors if f.variable not in of_row]
            own = [f for f in others if f.variable in SYNAPTIC]
            kind = tables.SEVERAL if own else tables.ALONE
            if len(own) == 1 and not own[0].constant and not own[0].sign:
                kind = SYNAPTIC.index(own[0].variable)
            products.append([
                _ON[p.dependency], p.mantissa, min(p.shift, 31), p.exponent + ACCUMULATOR_SHIFT, first, len(factors),
                len(others) < len(p.factors), column if len(own) < len(others) else -1, kind,
            ])  # fmt: skip
            column += _column_size(c, x, p)
    columns = (tables.W, tables.T, tables.D, tables.END)
    return dict(zip(columns, (*begins, len(products)), strict=True))


def _column_size(c: Connection, x: LearningConnection, p: Product) -> int:
    """Return how many numbers hold a product's factors of the targets."""
    if p.dependency == "y0" or not any(f.variable.startswith("y") for f in p.factors):
        return 0
    if p.dependency == "x0":
        return x.epoch * c.n_target
    # Repeated for as many rows as are worked on at once.
    return c.n_target * max(1, tables.SPAN // max(c.n_target, 1))
