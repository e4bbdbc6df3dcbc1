"""Neuromodulators: broadcast signals that gate learning (dopamine, norepinephrine, acetylcholine)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .description import Named, quantity
from .errors import DescriptionError
from .inputs import Steps
from .units import to_canonical


@dataclass(frozen=True, eq=False)
class Modulator(Named):
    """A neuromodulator: a tonic level plus phasic releases that decay.

    Parameters
    ----------
    tau : float [ms]
        Decay of a phasic release. Usual values: dopamine 200 ms, norepinephrine 1 s, acetylcholine 5 s.
    tonic : float or Steps
        Level without releases (dimensionless).
    releases : sequence of (time [ms], amount)
        Scheduled releases; a simulation can also release at run time.
    weight : float
        Contribution to the gating signal G.
    attention : (d,) array, optional
        The vector u of global attention, one entry per population in order of addition; needed by rules whose
        ``global_attention`` has a slope other than 0.
    name : str, optional
    """

    tau: float = quantity(200.0, "ms", low=0.0, low_open=True)
    tonic: Any = quantity(0.0, array=True, kinds=("steps",))
    releases: Any = ()
    weight: float = quantity(1.0)
    attention: Any = quantity(None, array=True, optional=True, kinds=())
    name: str | None = None

    kind: ClassVar[str] = "modulator"

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            pairs = [(time, amount) for time, amount in self.releases]
        except (TypeError, ValueError):
            allowed = "give a list of (time, amount) pairs"
            raise DescriptionError(self.owner, "releases", self.releases, allowed) from None
        converted = tuple(
            (to_canonical(time, "ms", self.owner, "releases"), to_canonical(amount, "", self.owner, "releases"))
            for time, amount in pairs
        )
        object.__setattr__(self, "releases", converted)

    @classmethod
    def dopamine(cls, name: str = "dopamine", **parameters: Any) -> Modulator:
        """Return a modulator with dopamine's time constant, 200 ms (Izhikevich 2007)."""
        return cls(**{"tau": 200.0, **parameters}, name=name)

    @classmethod
    def norepinephrine(cls, name: str = "norepinephrine", **parameters: Any) -> Modulator:
        """Return a modulator with the 1 s time constant used for norepinephrine (novelty)."""
        return cls(**{"tau": 1000.0, **parameters}, name=name)

    @classmethod
    def acetylcholine(cls, name: str = "acetylcholine", **parameters: Any) -> Modulator:
        """Return a modulator with the 5 s time constant used for acetylcholine (uncertainty)."""
        return cls(**{"tau": 5000.0, **parameters}, name=name)

    def problems(self, owner: str | None = None) -> Iterator[DescriptionError]:
        """Yield what is wrong with the parameters."""
        yield from super().problems(owner)
        if isinstance(self.tonic, Steps):
            if self.tonic.values.ndim != 1:
                yield DescriptionError(self.owner, "tonic", self.tonic.values, "give one level per step")
        elif isinstance(self.tonic, np.ndarray):
            yield DescriptionError(self.owner, "tonic", self.tonic, "give one number or Steps")
        for time, amount in self.releases:
            if np.ndim(time) or np.ndim(amount) or not (np.isfinite(time) and np.isfinite(amount) and time >= 0):
                allowed = "give (time, amount) pairs, finite, at 0 ms or later"
                yield DescriptionError(self.owner, "releases", (time, amount), allowed)


class RewardBaseline:
    """Running reward baseline: turns rewards into dopamine releases R - Rbar.

    Parameters
    ----------
    rate : float
        Fraction of the prediction error that the baseline moves by.

    Attributes
    ----------
    value : float
        The baseline Rbar, 0 at the start.
    """

    def __init__(self, rate: float = 0.05) -> None:
        self.rate = rate
        self.value = 0.0

    def error(self, reward: float) -> float:
        """Return the reward prediction error against the baseline before this reward, and update the baseline.

        Parameters
        ----------
        reward : float

        Returns
        -------
        float
        """
        error = reward - self.value
        self.value += self.rate * error
        return error
