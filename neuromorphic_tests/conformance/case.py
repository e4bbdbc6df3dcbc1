"""What a conformance case is: a small network with one question, and where all of them are listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hmn_snn as hs
from hmn_snn.network import Network


@dataclass(frozen=True)
class Case:
    """A small network that asks one question, and the least that must happen for its answer to mean something.

    Its plastic projections, where they have synapses, must change a weight. What the case is about (its features) is
    what lowering finds in the network.

    Attributes
    ----------
    make : callable () -> Network
        Its docstring is the question.
    duration : float [ms]
    min_spikes : int
        Of the populations; inputs do not count.
    at_threshold : bool
        The question is what happens at equality: every decision is met exactly, in any arithmetic. In all other cases
        no decision may be so near to equality that rounding could turn it.
    composite : bool
        The network asks for how mechanisms work together, and answers for no single one.
    """

    make: Callable[[], Network]
    duration: float
    min_spikes: int
    at_threshold: bool = False
    composite: bool = False

    @property
    def question(self) -> str:
        """What the network asks."""
        return " ".join((self.make.__doc__ or "").split())


CASES: dict[str, Case] = {}


def case(min_spikes: int, duration: float = 50.0, **flags: bool) -> Callable[[Callable[[], Network]], Any]:
    """Return a decorator that lists a function as a case, by its name with spaces."""

    def listed(make: Callable[[], Network]) -> Callable[[], Network]:
        name = make.__name__.replace("_", " ")
        assert name not in CASES, name
        CASES[name] = Case(make, duration, min_spikes, **flags)
        return make

    return listed


def started(dt: float = 0.1, n: int = 12, rate: float = 100.0) -> tuple[Network, Any]:
    """Return a network with a Poisson input."""
    net = hs.Network("case", dt=dt, seed=3)
    return net, net.add(hs.PoissonInput(n, rate=rate, name="stim"))


def given(*spike_times: list[float], dt: float = 0.1) -> tuple[Network, Any]:
    """Return a network with an input of given spikes."""
    net = hs.Network("case", dt=dt, seed=3)
    return net, net.add(hs.SpikeInput(list(spike_times), name="stim"))
