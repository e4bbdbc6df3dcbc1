"""The parts of a network in Brian2's terms, as data: groups, synapses and probes with their equations and values.

Nothing here needs Brian2. Quantities are plain numbers in the units of the interface (ms, mV, nA, MOhm, Hz), so that
the arithmetic is that of the lowered network.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._shared.names import Names

# Names of pathways; Brian2 gives each the name of its synapses and this.
PATHWAYS = (
    "pre", "current", "arrival", "spike", "emission", "own_spike",
    "apply", "sample_signal", "compare", "find_largest", "sum_up", "share_out", "summed_variable_pull_post",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Table:
    """A function of time in the equations, ``name(t)`` or ``name(t, column)``, held between its rows.

    Attributes
    ----------
    values : (k,) or (k, n) float array
    interval : int [steps]
    """

    values: np.ndarray
    interval: int

    @classmethod
    def of(cls, schedule: Any, columns: int | None = None) -> Table:
        """Return the table of a schedule, on the coarsest grid that has all its changes.

        Parameters
        ----------
        schedule : Schedule
        columns : int, optional
            Number of columns; without it the table is a function of time alone.

        Returns
        -------
        Table
        """
        interval = int(np.gcd.reduce(schedule.steps)) or 1
        grid = np.arange(schedule.steps[-1] // interval + 1) * interval
        values = schedule.values[np.searchsorted(schedule.steps, grid, side="right") - 1]
        shape = (len(grid),) if columns is None else (len(grid), columns)
        return cls(np.array(np.broadcast_to(values[:, 0] if columns is None else values, shape)), interval)


@dataclass(frozen=True)
class Draw:
    """A keyed random number in the equations, ``name(entity, index)``.

    Attributes
    ----------
    kind : "normal" or "uniform"
    stream : str
    """

    kind: str
    stream: str


@dataclass(frozen=True)
class Reference:
    """A variable of another group, read through an index variable of one's own.

    Attributes
    ----------
    name : str
        What it is called here.
    group, variable : str
    index : str
    """

    name: str
    group: str
    variable: str
    index: str


@dataclass(frozen=True)
class Operation:
    """Code for all members: at every step, under a name of its own, or at an event."""

    code: str
    when: str
    order: int
    name: str | None = None
    event: str | None = None


@dataclass(frozen=True, eq=False)
class Pathway:
    """Code for the synapses that an event of their source ("pre") or target ("post") reaches.

    Attributes
    ----------
    name, end, code, when : str
    order : int
    delay : (n_synapses,) int array or 0 [steps]
    event : str
    """

    name: str
    end: str
    code: str
    when: str
    order: int
    delay: Any = 0
    event: str = "spike"

    def __post_init__(self) -> None:
        assert self.name in PATHWAYS, self.name


@dataclass(eq=False)
class Part:
    """What groups and synapses share: equations, code, values.

    Attributes
    ----------
    name : str
    label : str
        What it is in the user's terms.
    names : Names
        Those of the whole network.
    model : list of str
        Lines of Brian2 equations.
    changing : list of str
        Variables that are no constants.
    values : dict of str to number or array
        Starting values and constants, by variable.
    namespace : dict of str to Table, Draw or number
    references : list of Reference
    operations : list of Operation
    """

    name: str
    label: str
    names: Names
    model: list[str] = field(default_factory=list)
    changing: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    namespace: dict[str, Any] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)

    def constants(self, **values: Any) -> None:
        """Add constants: numbers are shared by all members, arrays have one value per member."""
        for name, value in values.items():
            kind = "integer" if np.asarray(value).dtype.kind in "iu" else "1"
            flags = "constant" if np.ndim(value) else "shared, constant"
            self.model.append(f"{name} : {kind} ({flags})")
            self.values[name] = value

    def variables(self, **values: Any) -> None:
        """Add variables of type float, with their starting values."""
        self.model += [f"{name} : 1" for name in values]
        self.changing += values
        self.values |= values

    def counters(self, *names: str, kind: str = "integer") -> None:
        """Add integer (or boolean) variables that start at 0."""
        self.model += [f"{name} : {kind}" for name in names]
        self.changing += names

    def refer(self, name: str, group: str, variable: str, index: str) -> None:
        """Read a variable of another group; ``index`` is the variable here that holds the member's number."""
        self.references.append(Reference(name, group, variable, index))

    def every_step(self, code: Iterable[str], when: str, order: int) -> None:
        """Run code at every step."""
        name = self.names.new(f"{self.name} {when} {order}")
        self.operations.append(Operation("\n".join(code), when, order, name))


@dataclass(eq=False)
class Group(Part):
    """A NeuronGroup.

    Attributes
    ----------
    size : int
    threshold, reset : str or None
    events : dict of str to str
        Conditions of further events.
    """

    size: int = 1
    threshold: str | None = None
    reset: str | None = None
    events: dict[str, str] = field(default_factory=dict)

    def at_event(self, event: str, code: Iterable[str], order: int) -> None:
        """Run code at the end of the steps in which an event occurs."""
        self.operations.append(Operation("\n".join(code), "end", order, event=event))


@dataclass(eq=False)
class Links(Part):
    """A Synapses object.

    Attributes
    ----------
    source, target : str
    pre, post : (n_synapses,) int32 array
    pathways : list of Pathway
    """

    source: str = ""
    target: str = ""
    pre: Any = None
    post: Any = None
    pathways: list[Pathway] = field(default_factory=list)

    def on_pre(self, code: str, delay: Any = 0, name: str = "pre", when: str = "synapses", order: int = 0) -> None:
        """Run code where a spike of the source arrives."""
        self.pathways.append(Pathway(name, "pre", code, when, order, delay))

    def on_post(self, code: str, delay: Any = 0, name: str = "post") -> None:
        """Run code where a spike of the target arrives."""
        self.pathways.append(Pathway(name, "post", code, "synapses", 0, delay))

    def on_tick(self, tick: str, name: str, code: Iterable[str], order: int) -> None:
        """Run code at all synapses at the end of the steps in which the target has a learning tick."""
        self.pathways.append(Pathway(name, "post", "\n".join(code), "end", order, event=tick))


@dataclass(frozen=True, eq=False)
class Probe:
    """A StateMonitor, for the recording of an index.

    Attributes
    ----------
    name : str
    index : int
    part, variable : str
    members : (m,) int array
    every : int [steps]
    """

    name: str
    index: int
    part: str
    variable: str
    members: np.ndarray
    every: int
