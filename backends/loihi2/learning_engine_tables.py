"""What the compiled learning engine works on: its tables, what changes, and the columns of their numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

# Columns of a connection's numbers.
(SOURCE, TARGET, N_SOURCE, N_TARGET, EPOCH, PERIOD, THIRD, DRAWS, W_LOW, W_HIGH, PRE, POST, ROW, SYNAPSE, N_SYNAPSES,
 CONNECTION, FULL, W, T, D, END) = range(21)  # fmt: skip
NUMBERS = 21
# Columns of a product: what it depends on; mantissa; shifts; its factors; whether it differs from row to row; where
# its factors of the targets are kept, -1: it has none; the one synaptic variable it has, ALONE or SEVERAL.
DEPENDENCY, MANTISSA, RIGHT, LEFT, FIRST, LAST, ROWS, COLUMN, OWN = range(9)
PARTS_OF_PRODUCT = 9
ON_X0, ON_Y0, ON_U = range(3)
ALONE, SEVERAL = -1, -2
# Columns of a factor. Variables: spikes, traces (x1 x2 y1 y2 y3), the synapse's own.
VARIABLE, CONSTANT, SIGN, WIDTH = range(4)
X0, Y0, X1, X2, Y1, Y2, Y3, OF_W, OF_T, OF_D = range(10)
# Columns of the numbers that Lava's generators draw in a step.
X_DECAY, X_IMPULSE, Y_DECAY, Y_IMPULSE, Y_AGAIN, ROUND = range(6)

SPAN = 1024  # synapses that are worked on at once: their sums stay in the first-level cache
TRACE_MAX = np.int32(127)
LOWEST, HIGHEST = np.int32(-(1 << 15) - 1), np.int32((1 << 15) - 1)  # of a sum
TAG_LOW = np.int32(-257)
NONE, ONE, SEVEN = np.int32(0), np.int32(1), np.int32(7)


class Learners(NamedTuple):
    """Tables of the connections that learn."""

    number: np.ndarray  # (n, NUMBERS) int64
    key: np.ndarray  # (n,) uint64: of the draws
    keep: np.ndarray  # (n, 5) float64: what a step leaves of x1, x2, y1, y2, y3
    whole: np.ndarray  # (n, 5) int32: impulses
    part: np.ndarray  # (n, 5) int32: their fractions, in 1/256
    product: np.ndarray  # (n_products, PARTS_OF_PRODUCT) int64
    factor: np.ndarray  # (n_factors, 4) int64
    row_ptr: np.ndarray  # int64: of all connections, from 0 each
    target: np.ndarray  # int32: of each synapse
    draw: np.ndarray  # (n_generators, n_steps, 6) float64: of connections that draw as Lava does


class Learned(NamedTuple):
    """What changes. Members of all connections follow each other."""

    x: np.ndarray  # (2, n) int32
    y: np.ndarray  # (3, n) int32
    tx: np.ndarray  # int32: step of the epoch of the last spike, 0: none
    ty: np.ndarray  # int32
    variable: np.ndarray  # (3, n) int16: w, t, d
    lowest: np.ndarray  # int32: whether a source neuron has a synapse whose t is lowest, which no sum can hold


class Senders(NamedTuple):
    """Processes whose neurons send y1, y2 and y3; their neurons follow each other."""

    process: np.ndarray  # (n,) int64
    first: np.ndarray  # (n + 1,) int64
    keep: np.ndarray  # (n,) int32: 4096 less the trace's decay
    impulse: np.ndarray  # (n,) int32
    nearest: np.ndarray  # (n,) bool
    own_spike: np.ndarray  # (n,) bool
    trace: np.ndarray  # (n_neurons,) int32: y1 with 14 more bits
    sent: np.ndarray  # (3, n_neurons) int32
    given: np.ndarray  # (n_steps, 2, n_neurons) uint8: y2 and y3


class Room(NamedTuple):
    """Where a connection is worked on."""

    x: np.ndarray  # int32: traces in each step of the epoch, [trace][neuron][step]
    y: np.ndarray  # int32: [trace][step][neuron]
    at_spike: np.ndarray  # int32: [trace][neuron], y at the target neurons' spikes
    fired: np.ndarray  # int32: whether the target neurons did
    who: np.ndarray  # int32: those that did
    column: np.ndarray  # int32: products of the factors of the targets
    change: np.ndarray  # int32: what a product on y0 adds in each of some rows
    reach: np.ndarray  # int64: how large these are at most, for each product; 0: it is zero for all synapses
    product: np.ndarray  # int32
    total: np.ndarray  # (3, n) int32: of w, t, d
    bits: np.ndarray  # (3, n) int32: what rounds them
    changes: np.ndarray  # (3,) bool
