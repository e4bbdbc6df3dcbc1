"""Random networks on another backend and on the default engine: do spikes and weights agree?

``python -m neuromorphic_tests.conformance.campaign --count 200`` runs them in one process and says how many agree.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

import hmn_snn as hs
from hmn_snn.comparison import PROMISE, Comparison
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.lowering import lower
from neuromorphic_tests.networks import random_network

DURATION = 100.0  # ms


@dataclass(frozen=True)
class Outcome:
    """How a random network ran on two backends.

    Attributes
    ----------
    seed, spikes : int
    recurrent : bool
        Whether spikes can come back to the population that fired them.
    comparison : Comparison
    """

    seed: int
    spikes: int
    recurrent: bool
    comparison: Comparison

    @property
    def agrees(self) -> bool:
        """Whether spikes are identical and weights within the promise."""
        return self.comparison.agree

    @property
    def undecided(self) -> bool:
        """Whether the runs differ, and a decision was so near to equality that agreement is not promised."""
        return not self.agrees and self.comparison.margin < PROMISE

    def __str__(self) -> str:
        loop = "recurrent" if self.recurrent else "feed-forward"
        return f"seed {self.seed}: {self.spikes} spikes, {loop}: {self.comparison.verdict}"


def campaign(seeds: Iterable[int], backend: str = "brian2", duration: float = DURATION) -> Iterator[Outcome]:
    """Run random networks on a backend and on the default engine.

    Parameters
    ----------
    seeds : iterable of int
    backend : str
    duration : float [ms]

    Yields
    ------
    Outcome
    """
    for seed in seeds:
        net = random_network(seed)
        lowered, length = lower(net), round(duration / net.dt) * net.dt
        expected = hs.run(net, length)
        spikes = sum(len(expected.spikes[population.name]) for population in lowered.populations)
        results = hs.run(net, length, backend)
        yield Outcome(seed, spikes, is_recurrent(lowered), hs.compare(expected, results))


def is_recurrent(lowered: LoweredNetwork) -> bool:
    """Return whether synapses lead from a population back to itself, directly or through others."""
    n = len(lowered.populations)
    leads = np.eye(n, dtype=np.int64)
    links = np.zeros((n, n), dtype=np.int64)
    for projection in lowered.projections:
        if projection.source < n and projection.n_synapses:
            links[projection.source, projection.target] = 1
    for _ in range(n):
        leads = np.minimum(leads + leads @ links, 1)
    return bool((links & leads.T).any())


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign from the command line; return 1 if a network disagrees without an excuse."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=200, help="number of networks (default: 200)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--backend", default="brian2", help="what is compared with the default engine")
    parser.add_argument("--duration", type=float, default=DURATION, help="of each network, in ms (default: 100)")
    asked = parser.parse_args(arguments)
    outcomes = []
    for outcome in campaign(range(asked.first, asked.first + asked.count), asked.backend, asked.duration):
        outcomes.append(outcome)
        print(outcome, flush=True)
    print(summary(outcomes))
    return int(any(not outcome.agrees and not outcome.undecided for outcome in outcomes))


def summary(outcomes: list[Outcome]) -> str:
    """Return what a campaign came to, in a line."""
    counts = {
        "recurrent": sum(outcome.recurrent for outcome in outcomes),
        "agree": sum(outcome.agrees for outcome in outcomes),
        "undecided": sum(outcome.undecided for outcome in outcomes),
    }
    counts["differ"] = len(outcomes) - counts["agree"] - counts["undecided"]
    worst = max((outcome.comparison.max_weight_difference for outcome in outcomes if outcome.agrees), default=0.0)
    found = ", ".join(f"{count} {name}" for name, count in counts.items())
    spikes = sum(outcome.spikes for outcome in outcomes)
    return (
        f"{len(outcomes)} random networks, {spikes:,} spikes: {found}; "
        f"largest weight difference where they agree {worst:.2g} nA (mV at delta synapses)"
    )


if __name__ == "__main__":
    sys.exit(main())
