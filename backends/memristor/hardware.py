"""What a crossbar target is made of: devices, how weights lie on them, wires, converters, how they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from hmn_snn.description import choice_problem
from hmn_snn.errors import DescriptionError, HMNError, UnknownNameError

from . import presets
from .circuit import SCHEMES as ACCESSES
from .circuit import WIRES, Converter, Wires
from .devices import Device
from .drift_compensation import COMPENSATIONS
from .ranges import check
from .switching import ExactSet, LogisticSet, PoissonSet
from .written_devices import Ideal

SCHEMES = ("differential", "offset", "one-sided")
OPERATORS = ("gains", "exact")
LEARNING = ("pulses", "stochastic pulses", "one pulse")
SWITCHES: Mapping[str, ExactSet] = {"exact": ExactSet(), "poisson": PoissonSet(), "logistic": LogisticSet()}
LARGEST_TILE = 256


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """A crossbar target; every default is its neutral element.

    Parameters
    ----------
    device : Device
    scheme : "differential", "offset" or "one-sided"
        How a weight lies on conductances: a pair of devices; a device against one reference device per row; a device
        alone, whose offset is subtracted digitally.
    wires : Wires
    operator : "gains" or "exact"
        How wires act on reads: by the gains of rows and columns, or by the exact operator of each tile.
    tile : int, optional
        Rows and columns of a tile; the largest that the wires allow, up to 256, if none.
    converter : Converter
        Of each column, for the current of a step [A]; its neutral element is integration on the line.
    learning : "pulses", "stochastic pulses" or "one pulse"
        How a tick's weight change becomes pulses: their number rounded; rounded at random; one whose probability to
        act is that of the rule.
    switch : ExactSet, PoissonSet or LogisticSet
        What realises the probability of "one pulse".
    longest_train : int
        Pulses that a tick may give to one device.
    tolerance : float
        Of program-and-verify: largest error of a conductance, by the device's range.
    pulse_budget : int
        Pulses that program-and-verify may give to one device.
    clock : float [ms]
        How often drift, lasting read noise and the gains of wires are brought up to date.
    age : float [s]
        Time from programming to the start of a run.
    compensation : "none" or "global"
        Whether each tile's output is multiplied, after conversion, by what its devices have lost together since they
        were programmed: a read of all rows just after programming and at every clock tells, and is counted like any
        other. Of projections that do not learn, as writes change that sum too.
    read_voltage : float [V]
    read_time : float [ns]
        Duration of the pulse that reads a row.
    write_voltage : float [V]
    write_time : float [ns]
    access : "transistor", "V/2" or "V/3"
        How the cell of a write pulse is selected; without transistors the pulse costs energy in other cells of its
        tile too. Voltages there are taken to lie below what switches a device: nothing else moves.

    Raises
    ------
    DescriptionError
    """

    device: Device = Ideal()
    scheme: str = "differential"
    wires: Wires = Wires()
    operator: str = "gains"
    tile: int | None = None
    converter: Converter = Converter()
    learning: str = "pulses"
    switch: ExactSet = ExactSet()
    longest_train: int = 31
    tolerance: float = 0.01
    pulse_budget: int = 1000
    clock: float = 100.0
    age: float = 0.0
    compensation: str = "none"
    read_voltage: float = 0.2
    read_time: float = 10.0
    write_voltage: float = 1.5
    write_time: float = 100.0
    access: str = "transistor"

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        for problem in self._problems():
            raise problem
        for name in ("tolerance", "clock", "read_voltage", "read_time", "write_voltage", "write_time"):
            check(self, name, getattr(self, name), low=0.0, low_open=True)
        check(self, "age", self.age, low=0.0)

    def _problems(self) -> Iterator[HMNError]:
        for name, kind in (("device", Device), ("wires", Wires), ("converter", Converter), ("switch", ExactSet)):
            if not isinstance(getattr(self, name), kind):
                yield DescriptionError("crossbar", name, getattr(self, name), f"give a {kind.__name__}")
        choices = {"scheme": SCHEMES, "operator": OPERATORS, "learning": LEARNING, "compensation": COMPENSATIONS,
                   "access": tuple(ACCESSES)}  # fmt: skip
        for name, known in choices.items():
            yield from choice_problem("crossbar", name, getattr(self, name), known)
        yield from self.wires.problems("crossbar")
        yield from self.converter.problems("crossbar")
        for name, least in (("tile", 2), ("longest_train", 1), ("pulse_budget", 1)):
            value = getattr(self, name)
            if name == "tile" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                yield DescriptionError("crossbar", name, value, f"use an integer of at least {least}")
        if self.wires.floating_rows:
            allowed = "silent rows are held at 0 V here: floating ones would need a circuit solution for every step"
            yield DescriptionError("crossbar", "wires.floating_rows", True, allowed)

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Hardware:
        """Return a target from the options of a run.

        Parameters
        ----------
        options : mapping of str to object
            Parameters of this class. Device, wires, switch and converter may be plain values too: a name
            (:func:`presets.names`, :data:`circuit.WIRES`, :data:`SWITCHES`; converters have none), or a mapping of
            the parameters that differ from those of the name in its ``"preset"`` (if none, from the neutral one). A
            device may leave out causes of error first (``"without"``, of :data:`devices.CAUSES`).

        Returns
        -------
        Hardware

        Raises
        ------
        UnknownNameError
        DescriptionError

        Examples
        --------
        >>> Hardware.of({"device": {"preset": "pcm", "without": ("drift",), "read_noise": 0.02}, "wires": "itrs_14nm"})
        ... # doctest: +SKIP
        """
        found = dict(options)
        for name in _NEUTRAL_NAMES:
            value = options.get(name)
            if isinstance(value, str):
                found[name] = _part(name, {"preset": value})
            elif isinstance(value, Mapping):
                found[name] = _part(name, value)
        return cls(**found)


# The parts that plain values may stand for, and the name of each one's neutral element.
_NEUTRAL_NAMES = {"device": "ideal", "wires": "ideal", "switch": "exact", "converter": "none"}
_CONVERTERS: Mapping[str, Converter] = {"none": Converter()}


def _part(name: str, given: Mapping[str, Any]) -> Any:
    """Return a device, wires, a switch or a converter from plain values."""
    changes = dict(given)
    preset = changes.pop("preset", _NEUTRAL_NAMES[name])
    if name == "device":
        part: Any = presets.get(preset) if preset in presets.names() else None
        known = presets.names()
    else:
        named: Mapping[str, Any] = {"wires": WIRES, "switch": SWITCHES, "converter": _CONVERTERS}[name]
        part, known = named.get(preset), tuple(named)
    if part is None:
        raise UnknownNameError(name, preset, known)
    if name == "device" and "without" in changes:
        causes = changes.pop("without")
        part = part.without(*([causes] if isinstance(causes, str) else causes))
    parameters = tuple(item.name for item in fields(part) if item.init)
    for parameter in changes:
        if parameter not in parameters:
            raise UnknownNameError(f"parameter of {type(part).__name__}", parameter, parameters)
    return replace(part, **changes)
