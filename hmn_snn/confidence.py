"""Means of repeated measurements and how well they are known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def mean_interval(values: Sequence[float], comparisons: int = 1) -> tuple[float, float, float]:
    """Return the mean of some values and the 95 % confidence interval of it (Student's t).

    Parameters
    ----------
    values : sequence of float
    comparisons : int
        Number of intervals that are to hold together with 95 % (Bonferroni's correction).

    Returns
    -------
    mean, low, high : float
        The interval is infinite for a single value.
    """
    from scipy.stats import t

    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return mean, -math.inf, math.inf
    half = float(t.ppf(1.0 - 0.025 / comparisons, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half
