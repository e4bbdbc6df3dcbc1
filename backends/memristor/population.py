"""A population of devices: what each of them is, what state it is in, and how it is read and written.

Everything is drawn with keyed randomness from streams ``"<name>/<purpose>"``: device k is the same device in whatever
order, and in however many parts, a population is made. Conductances are in uS, times in s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hmn_snn import randomness
from hmn_snn.errors import DescriptionError

from .devices import LINEAR, N_CONSTANTS, WRITTEN, Device
from .pulse_blocks import block_room
from .pulses import OWN, RETENTION, Cells, gaussian_quantiles, pulse_all, write_all
from .read_noise import SlowNoise
from .retention import N_NUMBERS, drifted

# What writes change of the cells; bounds, where a device wears out.
_CHANGING = ("g", "hidden", "low", "high", "pulses", "written")


class Population:
    """n devices of one description.

    Parameters
    ----------
    device : Device
    n : int
    seed : int
    name : str
        Of the tile or projection; it names the streams.
    first : int
        Number of the first device in the streams.
    g : float or (n,) array, optional [uS]
        Conductances to begin with, as formed; moved into each device's bounds. g_min if none.
    clock : float [s]
        How often :meth:`advance` will be called; splits 1/f noise into white and slow.

    Attributes
    ----------
    cells : Cells
        The arrays that kernels work on.
    reference : (n,) float array [uS]
        Subtracted at each read; 0 but for devices with a reference of their own.
    stuck : (n,) bool array
        Devices that do not move from the start.

    Raises
    ------
    DescriptionError
    """

    def __init__(
        self,
        device: Device,
        n: int,
        *,
        seed: int = 0,
        name: str = "device",
        first: int = 0,
        g: Any = None,
        clock: float = 0.1,
    ) -> None:
        if not isinstance(device, Device):
            allowed = "give a Device, such as presets.get('pcm')"
            raise DescriptionError(f"devices of {name!r}", "device", device, allowed)
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 0 <= n < 2**32:
            raise DescriptionError(f"devices of {name!r}", "n", n, "give an integer of at least 0, below 2**32")
        self.device, self.name, self.time = device, name, 0.0
        self._seed, self._entities = seed, np.arange(first, first + n)
        low, high = self._bounds()
        coefficients = device.coefficients(low, high, self.normal)
        self.reference = device.reference(coefficients, self.normal)
        self.stuck = self._stick(low, high)
        hidden = np.clip(np.broadcast_to(device.g_min if g is None else np.asarray(g, dtype=np.float64), n), low, high)
        numbers = self._numbers()
        visible = hidden.copy() if device.write_noise or device.levels is not None else hidden
        worn, drifts = device.endurance < np.inf, device.retention is not None
        limit = device.endurance * np.exp(device.endurance_spread * self.normal("endurance"))
        room, draws = block_room()
        simple = device.kind == LINEAR and visible is hidden and not worn and not drifts and numbers[OWN] == 0.0
        self.cells = Cells(
            device.kind, visible, hidden, low, high, *coefficients,
            pulses=np.zeros(n, np.uint32),
            limit=limit if worn else np.empty(0),
            written=np.zeros(n if drifts else 0),
            drift=self.normal("drift") if drifts else np.empty(0),
            numbers=numbers, table=device.table(), gauss=gaussian_quantiles(),
            key=np.uint64(randomness.stream_key(seed, f"{name}/pulses")), first=np.uint64(first),
            simple=bool(simple), room=room, draws=draws,
        )  # fmt: skip
        self._white = device.read_noise * np.exp(device.read_noise_spread * self.normal("read noise"))
        self._slow = SlowNoise(device.rtn, device.flicker, self._entities, seed, name, clock)

    def __len__(self) -> int:
        return self._entities.size

    def normal(self, purpose: str) -> np.ndarray:
        """Return one standard normal number per device.

        Parameters
        ----------
        purpose : str

        Returns
        -------
        (n,) float array
        """
        return randomness.normal(self._seed, f"{self.name}/{purpose}", self._entities)

    def _bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return each device's own bounds: not below 0, and in order."""
        device = self.device
        one = device.g_min + device.g_min_spread * self.normal("g_min")
        other = device.g_max + device.g_max_spread * self.normal("g_max")
        return np.maximum(np.minimum(one, other), 0.0), np.maximum(np.maximum(one, other), 0.0)

    def _stick(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Close the bounds of stuck devices on where they are stuck."""
        device = self.device
        u = randomness.uniform(self._seed, f"{self.name}/stuck", self._entities)
        at = randomness.uniform(self._seed, f"{self.name}/stuck at", self._entities)
        lrs, hrs = device.stuck_lrs, device.stuck_lrs + device.stuck_hrs
        at = np.where(u < lrs, 1.0, np.where(u < hrs, 0.0, at))
        stuck = u < hrs + device.stuck_between
        low[stuck] = high[stuck] = (low + at * (high - low))[stuck]
        return stuck

    def _numbers(self) -> np.ndarray:
        device = self.device
        level = 0.0 if device.levels is None else (device.g_max - device.g_min) / (device.levels - 1)
        shared = (
            getattr(device, "c2c", 0.0), device.write_noise, level, device.g_min, device.g_max,
            device.fails_to == "lrs", device.endurance < np.inf, device.retention is not None,
        )  # fmt: skip
        retention = np.zeros(N_NUMBERS) if device.retention is None else device.retention.numbers(device.g_max)
        numbers = np.concatenate([shared, device.constants(), retention])
        assert numbers.size == OWN + N_CONSTANTS + N_NUMBERS
        return numbers

    def advance(self, t: float) -> None:
        """Move the clock: drift goes on, lasting read noise changes.

        Parameters
        ----------
        t : float [s]

        Raises
        ------
        DescriptionError
            If it is before the time that the clock shows.
        """
        if not t >= self.time:
            allowed = f"the clock shows {self.time:g} s and only goes forward"
            raise DescriptionError(f"devices of {self.name!r}", "t", t, allowed)
        self.time = t
        self._slow.advance(t)

    def conductance(self) -> np.ndarray:
        """Return the conductances now: as written, drifted, with lasting read noise; without white noise.

        Returns
        -------
        (n,) float array [uS]
        """
        g, device = self.cells.g, self.device
        if device.retention is not None:
            g = drifted(g, self.cells.drift, self.time - self.cells.written, self.cells.numbers[RETENTION:])
        if device.rtn is not None or device.flicker is not None:
            g = g * self._slow.factor(g / device.g_max)
        return np.array(g)

    def white_sigma(self, g: np.ndarray) -> np.ndarray:
        """Return the standard deviation of each device's conductance from read to read.

        Parameters
        ----------
        g : (n,) array [uS]
            The conductances now.

        Returns
        -------
        (n,) float array [uS]
            Of white noise and of 1/f noise faster than the clock.
        """
        return np.abs(g) * np.hypot(self._white, self._slow.fast_sigma(g / self.device.g_max))

    def pulse(self, counts: Any, index: Any = None, *, closed: bool = False) -> tuple[int, int]:
        """Give devices trains of pulses.

        Parameters
        ----------
        counts : (m,) int array
            Pulses per device, up if positive.
        index : (m,) int array, optional
            The devices; all if none.
        closed : bool
            Whether long trains of a linear law take their closed form.

        Returns
        -------
        attempted, succeeded : int
            Pulses given, and those after which the conductance was another.

        Raises
        ------
        DescriptionError
            For devices that are written to a target, and for what is no count.
        """
        if self.device.kind == WRITTEN:
            kind, allowed = type(self.device).__name__, "it is written to a target; use write"
            raise DescriptionError(f"devices of {self.name!r}", "device", kind, allowed)
        counts = np.asarray(counts)
        if not np.issubdtype(counts.dtype, np.integer):
            raise DescriptionError(f"devices of {self.name!r}", "counts", counts, "give whole numbers of pulses")
        if counts.size and max(-int(counts.min()), int(counts.max())) >= 2**31:
            raise DescriptionError(f"devices of {self.name!r}", "counts", counts, "give fewer than 2**31 pulses")
        index, counts = self._chosen(index, "counts", counts.astype(np.int32))
        attempted, moved = pulse_all(index, counts, self.time, closed, self.cells)
        return int(attempted), int(moved)

    def write(self, targets: Any, index: Any = None) -> tuple[int, int]:
        """Write devices to targets.

        Parameters
        ----------
        targets : float or (m,) array [uS]
        index : (m,) int array, optional
            The devices; all if none.

        Returns
        -------
        attempted, succeeded : int
            Writes, and those to devices that obey.

        Raises
        ------
        DescriptionError
            For devices that are moved by pulses.
        """
        if self.device.kind != WRITTEN:
            kind, allowed = type(self.device).__name__, "it is moved by pulses; use pulse"
            raise DescriptionError(f"devices of {self.name!r}", "device", kind, allowed)
        targets = np.asarray(targets, dtype=np.float64)
        if not np.isfinite(targets).all():
            raise DescriptionError(f"devices of {self.name!r}", "targets", targets, "give finite conductances in uS")
        index, targets = self._chosen(index, "targets", targets)
        attempted, obeyed = write_all(index, targets, self.time, self.cells)
        return int(attempted), int(obeyed)

    def _chosen(self, index: Any, what: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return device numbers, none for all of them, and their values, checked."""
        chosen = np.empty(0, np.int64) if index is None else np.asarray(index, dtype=np.int64).ravel()
        n = len(self) if index is None else chosen.size
        if chosen.size and (chosen.min() < 0 or chosen.max() >= len(self)):
            found = int(chosen.min() if chosen.min() < 0 else chosen.max())
            allowed = f"devices are numbered 0 to {len(self) - 1}"
            raise DescriptionError(f"devices of {self.name!r}", "index", found, allowed)
        if values.ndim and values.size != n:
            allowed = f"there are {n} devices; give one value for each"
            raise DescriptionError(f"devices of {self.name!r}", what, values.shape, allowed)
        return chosen, np.ascontiguousarray(np.broadcast_to(values.ravel() if values.ndim else values, n))

    def get_state(self) -> dict[str, np.ndarray]:
        """Return all that changes.

        Returns
        -------
        dict of str to array
        """
        state = {name: np.array(getattr(self.cells, name)) for name in _CHANGING}
        return state | self._slow.get_state() | {"time": np.array(self.time)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a state of the same devices.

        Parameters
        ----------
        state : mapping
            What :meth:`get_state` returned.
        """
        for name in _CHANGING:
            getattr(self.cells, name)[...] = state[name]
        self._slow.set_state(state)
        self.time = float(state["time"])
