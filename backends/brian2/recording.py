"""From what Brian2's monitors and counters hold to results: the spikes, samples and counts of one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.ledger import Ledger, Margins
from hmn_snn.lowered import LoweredNetwork
from hmn_snn.results import Results, Spikes, Trace, Weights, provenance

from .blueprint import Blueprint

_COUNTERS = ("delivered", "paired", "applied", "rejected", "releases")


@dataclass(frozen=True, eq=False)
class Before:
    """What monitors and counters held when a run started.

    Attributes
    ----------
    step : int
    spikes, samples : dict of str to int
        Entries of each monitor.
    counts : dict of str to dict of str to int
        Totals by counter and part.
    weights : dict of str to array
    """

    step: int
    spikes: Mapping[str, int]
    samples: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]
    weights: Mapping[str, np.ndarray]
