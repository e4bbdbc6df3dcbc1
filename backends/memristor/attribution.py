"""What each cause of error does to a run: all of them, then all but one, beside a run without any."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmn_snn.network import Network
from hmn_snn.results import Results
from hmn_snn.simulate import Simulation
from hmn_snn.summary import text_table

from .circuit import Converter, Wires
from .devices import WRITTEN
from .hardware import Hardware
from .written_devices import Ideal


@dataclass(frozen=True)
class Contribution:
    """A run without one cause of error.

    Attributes
    ----------
    without : str
        The cause, or "" for the run with all of them.
    rate_error : float [Hz]
        Root mean square difference of the neurons' rates from those of the ideal run.
    weight_error : float [nA]
        The same of the final weights of all projections.
    score : float or None
        Of the run, where a score was asked for.
    """

    without: str
    rate_error: float
    weight_error: float
    score: float | None


@dataclass(frozen=True)
class Attribution:
    """Which cause of error does what; printing it gives a table.

    Attributes
    ----------
    contributions : tuple of Contribution
        With all causes first, then without each in turn.
    ideal_score : float or None
    """

    contributions: tuple[Contribution, ...]
    ideal_score: float | None

    def __str__(self) -> str:
        scored = self.ideal_score is not None
        rows = [
            [c.without or "(nothing)", f"{c.rate_error:.4g}", f"{c.weight_error:.4g}"] + [f"{c.score:.4g}"] * scored
            for c in self.contributions
        ]
        table = text_table(rows, ["without", "rate error [Hz]", "weight error [nA]"] + ["score"] * scored)
        return table + (f"\nscore of ideal devices: {self.ideal_score:.4g}" if scored else "")


def attribution(
    net: Network, duration: Any, *, score: Callable[[Results], float] | None = None, **options: Any
) -> Attribution:
    """Run a network on a crossbar target with all causes of error, without each, and without any.

    Parameters
    ----------
    net : Network
    duration : float [ms] or quantity
    score : callable (Results) -> float, optional
        Such as an accuracy.
    **options
        Parameters of :class:`Hardware`.

    Returns
    -------
    Attribution
    """
    hardware = Hardware.of(options)
    ideal = _run(net, duration, without(hardware, *causes(hardware)))
    contributions = []
    for cause in ("", *causes(hardware)):
        other = _run(net, duration, without(hardware, cause) if cause else hardware)
        rate, weight = _errors(ideal, other)
        contributions.append(Contribution(cause, rate, weight, None if score is None else score(other[0])))
    return Attribution(tuple(contributions), None if score is None else score(ideal[0]))


def causes(hardware: Hardware) -> tuple[str, ...]:
    """Return the causes of error that a target has.

    Parameters
    ----------
    hardware : Hardware

    Returns
    -------
    tuple of str
        Those of its devices, then "wires", "converter", and "pulses" where weights are moved by them.
    """
    around = {
        "wires": not hardware.wires.ideal,
        "converter": hardware.converter.bits is not None,
        "pulses": hardware.device.kind != WRITTEN,
    }
    return (*hardware.device.causes, *(name for name, there in around.items() if there))


def without(hardware: Hardware, *names: str) -> Hardware:
    """Return a target without some causes of error.

    Parameters
    ----------
    hardware : Hardware
    *names : str
        Of :func:`causes`.

    Returns
    -------
    Hardware
    """
    around: Mapping[str, Any] = {"wires": Wires(), "converter": Converter()}
    device = hardware.device.without(*(n for n in names if n not in ("wires", "converter", "pulses")))
    if "pulses" in names:
        shared = {item.name: getattr(device, item.name) for item in dataclasses.fields(Ideal)}
        device = Ideal(**shared)
    changes = {"device": device, **{name: around[name] for name in names if name in around}}
    if "pulses" in names and hardware.learning == "one pulse":
        changes["learning"] = "pulses"
    return dataclasses.replace(hardware, **changes)


def _run(net: Network, duration: Any, hardware: Hardware) -> tuple[Results, list[np.ndarray]]:
    """Return the results of a run, and the weights of all projections at its end, frozen ones too."""
    options = {item.name: getattr(hardware, item.name) for item in dataclasses.fields(hardware)}
    with Simulation(net, backend="memristor", progress=False, **options) as sim:
        results = sim.run(duration)
        return results, [sim.weights(projection.name).values for projection in sim.lowered.projections]


def _errors(
    ideal: tuple[Results, list[np.ndarray]], other: tuple[Results, list[np.ndarray]]
) -> tuple[float, float]:
    seconds = 1e-3 * (ideal[0].t_stop - ideal[0].t_start)
    trains = ideal[0].spikes.items()
    rates = [(other[0].spikes[name].counts - train.counts) / seconds for name, train in trains if train.size]
    return _rms(rates), _rms([b - a for a, b in zip(ideal[1], other[1], strict=True)])


def _rms(parts: list[np.ndarray]) -> float:
    values = np.concatenate(parts) if parts else np.empty(0)
    return float(np.sqrt(np.mean(values**2))) if values.size else 0.0
