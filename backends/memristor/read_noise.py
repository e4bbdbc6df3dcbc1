"""Read noise that lasts: random telegraph noise and 1/f noise, kept per device and moved on by a slow clock.

White noise has no state: it is a standard deviation per device, and whoever reads adds it (per column, where currents
add up). What is kept here multiplies the conductance. Times are in s.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hmn_snn import randomness

from .ranges import check

DECADES = 12
STILL = 0.02  # share of its time constant for which a process is held still
# A sum of Ornstein-Uhlenbeck processes, one per decade of time constants from tau_0 and at rest at t = 0, has the
# variance ln(2 t / tau_0) + gamma (Euler's) in units of that per e-fold; this tau_0 makes it ln(t / clock).
_FIRST_TAU = 2.0 * math.exp(0.5772156649015329)


@dataclass(frozen=True, kw_only=True)
class Telegraph:
    """Random telegraph noise: a trap that lowers a device's conductance while it is full. All values are assumed.

    A two-state Markov chain per device. Off unless given: published amplitudes (a few per cent at low resistance, tens
    of per cent at high resistance) were not checked against a source, so no preset has it.

    Parameters
    ----------
    amplitude_lrs, amplitude_hrs : float
        Relative change at g_max and at g_min, linear between; median over devices.
    amplitude_spread : float
        Device-to-device standard deviation of the amplitude's logarithm.
    share : float
        Share of devices with a trap.
    tau_capture, tau_emission : float [s]
        Mean times for which the trap stays empty and full.

    Raises
    ------
    DescriptionError
    """

    amplitude_lrs: float = 0.0
    amplitude_hrs: float = 0.0
    amplitude_spread: float = 0.0
    share: float = 1.0
    tau_capture: float = 1.0
    tau_emission: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in ("amplitude_lrs", "amplitude_hrs", "share"):
            check(self, name, getattr(self, name), low=0.0, high=1.0)
        check(self, "amplitude_spread", self.amplitude_spread, low=0.0)
        for name in ("tau_capture", "tau_emission"):
            check(self, name, getattr(self, name), low=0.0, low_open=True)

    def without_spread(self) -> Telegraph:
        """Return the same noise for all devices that have a trap.

        Returns
        -------
        Telegraph
        """
        return replace(self, amplitude_spread=0.0)


@dataclass(frozen=True, kw_only=True)
class Flicker:
    """1/f noise of reads: ``sigma/g = Q sqrt(ln((t + t_read)/(2 t_read)))``.

    With ``Q = min(q/max(x**exponent, 1e-3), q_max)``, x = g / g_max and t the time since the devices were
    programmed. The form and the default values are those of phase-change memory (Joshi et al. 2020, Nat. Commun.
    11:2473; aihwkit's PCM noise model).

    Parameters
    ----------
    q : float
        0 is the neutral element.
    exponent : float
    q_max : float
    t_read : float [s]
        Duration of a read.

    Raises
    ------
    DescriptionError
    """

    q: float = 0.0088
    exponent: float = 0.65
    q_max: float = 0.2
    t_read: float = 250e-9

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for name in ("q", "exponent", "q_max"):
            check(self, name, getattr(self, name), low=0.0)
        check(self, "t_read", self.t_read, low=0.0, low_open=True)

    def without_spread(self) -> Flicker:
        """Return itself: it has no spread between devices.

        Returns
        -------
        Flicker
        """
        return self

    def strength(self, x: Any) -> Any:
        """Return Q.

        Parameters
        ----------
        x : float or (n,) array
            Conductance by g_max.

        Returns
        -------
        float or (n,) array
        """
        return np.minimum(self.q / np.maximum(np.maximum(x, 0.0) ** self.exponent, 1e-3), self.q_max)

    def sigma(self, x: Any, t: float) -> Any:
        """Return the relative standard deviation of reads at a time.

        Parameters
        ----------
        x : float or (n,) array
        t : float [s]

        Returns
        -------
        float or (n,) array
        """
        return self.strength(x) * math.sqrt(max(0.0, math.log((t + self.t_read) / (2.0 * self.t_read))))


class SlowNoise:
    """State of the lasting read noise of n devices.

    What is faster than the clock is white to whoever reads: :meth:`fast_sigma`. The rest is :meth:`factor`, which holds
    still between two calls of :meth:`advance`. Draws are keyed by device and by the number of the call.

    Parameters
    ----------
    telegraph : Telegraph or None
    flicker : Flicker or None
    entities : (n,) int array
        Numbers of the devices in the streams.
    seed : int
    name : str
    clock : float [s]
        How often it will be advanced.
    """

    def __init__(
        self,
        telegraph: Telegraph | None,
        flicker: Flicker | None,
        entities: np.ndarray,
        seed: int,
        name: str,
        clock: float,
    ) -> None:
        self.telegraph, self.flicker, self.clock = telegraph, flicker, clock
        self._seed, self._name, self._entities, self._calls, self._t = seed, name, entities, 0, 0.0
        if telegraph is not None:
            self._spread = np.exp(telegraph.amplitude_spread * randomness.normal(seed, f"{name}/rtn size", entities))
            self._trap = randomness.uniform(seed, f"{name}/rtn trap", entities) < telegraph.share
            full = telegraph.tau_emission / (telegraph.tau_capture + telegraph.tau_emission)
            self._full = randomness.uniform(seed, f"{name}/rtn", entities) < full
        if flicker is not None:
            self._taus = _FIRST_TAU * clock * 10.0 ** (np.arange(DECADES) + 0.5)
            self._waves = np.zeros((DECADES, entities.size))
            self._moved = np.zeros(DECADES)  # when each was last moved

    def advance(self, t: float) -> None:
        """Move on to a time.

        Parameters
        ----------
        t : float [s]
            Not before that of the last call.
        """
        elapsed, self._t = t - self._t, t
        self._calls += 1
        if self.telegraph is not None:
            capture, emission = self.telegraph.tau_capture, self.telegraph.tau_emission
            limit = emission / (capture + emission)
            left = math.exp(-elapsed * (1.0 / capture + 1.0 / emission))
            u = randomness.uniform(self._seed, f"{self._name}/rtn", self._entities, self._calls)
            self._full = u < limit + (self._full - limit) * left
        if self.flicker is not None:
            for d, tau in enumerate(self._taus):
                # What is slow moves seldom, and then by all that has passed.
                if t - self._moved[d] < STILL * tau:
                    continue
                kept, self._moved[d] = math.exp(-(t - self._moved[d]) / tau), t
                xi = randomness.normal(self._seed, f"{self._name}/flicker {d}", self._entities, self._calls)
                self._waves[d] = kept * self._waves[d] + math.sqrt(1.0 - kept**2) * xi

    def factor(self, x: np.ndarray) -> np.ndarray:
        """Return what the conductances are multiplied with now.

        Parameters
        ----------
        x : (n,) array
            Conductance by g_max, 0 to 1.

        Returns
        -------
        (n,) float array
            1 exactly without noise.
        """
        result = np.ones(self._entities.size)
        if self.telegraph is not None:
            high, low = self.telegraph.amplitude_hrs, self.telegraph.amplitude_lrs
            size = np.minimum((high + (low - high) * np.clip(x, 0.0, 1.0)) * self._spread, 1.0)
            result -= size * (self._full & self._trap)
        if self.flicker is not None:
            result *= 1.0 + self.flicker.strength(x) * math.sqrt(math.log(10.0)) * self._waves.sum(axis=0)
        return np.maximum(result, 0.0)

    def fast_sigma(self, x: np.ndarray) -> np.ndarray:
        """Return the relative standard deviation of what is faster than the clock.

        Parameters
        ----------
        x : (n,) array

        Returns
        -------
        (n,) float array
        """
        if self.flicker is None:
            return np.zeros(self._entities.size)
        return np.asarray(self.flicker.sigma(x, min(self.clock, self._t)))

    def get_state(self) -> dict[str, np.ndarray]:
        """Return everything that changes.

        Returns
        -------
        dict of str to array
        """
        state = {"calls": np.array(self._calls), "t": np.array(self._t)}
        if self.telegraph is not None:
            state["full"] = self._full.copy()
        if self.flicker is not None:
            state |= {"waves": self._waves.copy(), "moved": self._moved.copy()}
        return state

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same devices.

        Parameters
        ----------
        state : mapping of str to array
        """
        self._calls, self._t = int(state["calls"]), float(state["t"])
        if self.telegraph is not None:
            self._full = np.array(state["full"])
        if self.flicker is not None:
            self._waves, self._moved = np.array(state["waves"]), np.array(state["moved"])
