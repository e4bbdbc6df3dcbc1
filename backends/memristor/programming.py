"""Program-and-verify: pulses and reads in turn until each device conducts what it should, or its budget is spent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .devices import WRITTEN
from .population import Population

LONGEST_TRAIN = 31  # between two reads


@dataclass(frozen=True)
class Programming:
    """What programming some devices took and left.

    Attributes
    ----------
    devices : int
    pulses : int
        Given to all of them; one per device that is written to a target.
    unconverged : int
        Devices further than the tolerance from their target.
    largest_error, rms_error : float
        By the typical device's range.
    """

    devices: int
    pulses: int
    unconverged: int
    largest_error: float
    rms_error: float

    def __add__(self, other: Programming) -> Programming:
        total = self.devices + other.devices
        squares = self.devices * self.rms_error**2 + other.devices * other.rms_error**2
        return Programming(
            total, self.pulses + other.pulses, self.unconverged + other.unconverged,
            max(self.largest_error, other.largest_error), float(np.sqrt(squares / max(total, 1))),
        )  # fmt: skip


def program(devices: Population, targets: np.ndarray, tolerance: float, budget: int) -> Programming:
    """Bring devices to their targets.

    Parameters
    ----------
    devices : Population
    targets : (n,) float array [uS]
    tolerance : float
        By the typical device's range.
    budget : int
        Pulses per device.

    Returns
    -------
    Programming
    """
    device = devices.device
    span = device.g_max - device.g_min
    if device.kind == WRITTEN:
        pulses, _ = devices.write(targets)
    else:
        pulses = _pulse_to(devices, targets, tolerance * span, budget)
    errors = np.abs(devices.cells.g - targets) / span
    missed = int(np.count_nonzero(errors > tolerance))
    largest, rms = (float(errors.max()), float(np.sqrt(np.mean(errors**2)))) if len(errors) else (0.0, 0.0)
    return Programming(len(devices), pulses, missed, largest, rms)


def _pulse_to(devices: Population, targets: np.ndarray, tolerance: float, budget: int) -> int:
    """Give trains of half the pulses that the remaining error asks for, and single ones at its end."""
    left = np.full(len(devices), budget)
    step, total = devices.device.mean_step, 0
    while True:
        errors = targets - devices.cells.g
        index = np.flatnonzero((np.abs(errors) > tolerance) & (left > 0) & (devices.cells.low < devices.cells.high))
        if not index.size:
            return total
        wanted = np.clip(np.floor(0.5 * np.abs(errors[index]) / step), 1, np.minimum(left[index], LONGEST_TRAIN))
        trains = wanted.astype(np.int64)
        devices.pulse(np.where(errors[index] > 0.0, trains, -trains), index)
        left[index] -= trains
        total += int(trains.sum())
