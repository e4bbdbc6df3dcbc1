"""What a core, a chip and a system hold: the constants of ``budgets.toml``, with their sources."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from hmn_snn.errors import UnknownNameError

PATH = Path(__file__).with_name("budgets.toml")
# Resources of a core, and of a chip; a budget has infinitely much of what it does not name.
CORE = ("neurons", "synapse_bits", "axons_in", "axons_out")
CHIP = ("cores", "neurons", "synapses")


@dataclass(frozen=True)
class Figure:
    """A constant and where it comes from.

    Attributes
    ----------
    value : int
    unit, source : str
    year : int
    confidence : "high", "medium" or "low"
    """

    value: int
    unit: str
    source: str
    year: int
    confidence: str


@dataclass(frozen=True)
class Budget:
    """What hardware holds.

    Attributes
    ----------
    name, summary : str
    figures : mapping of str to Figure
        By name: ``neurons_per_core``, ``synapses_per_chip``, ``chips``, ...
    """

    name: str
    summary: str
    figures: Mapping[str, Figure]

    def of_core(self, resource: str) -> float:
        """Return how much of a resource (of :data:`CORE`) a core has."""
        return self._value(f"{resource}_per_core")

    def of_chip(self, resource: str) -> float:
        """Return how much of a resource (of :data:`CHIP`) a chip has."""
        return self._value(f"{resource}_per_chip")

    @property
    def chips(self) -> float:
        """Chips of the largest system."""
        return self._value("chips")

    def _value(self, name: str) -> float:
        return float(self.figures[name].value) if name in self.figures else float("inf")


def budgets() -> Mapping[str, Budget]:
    """Return all budgets by name, the conservative one first.

    Returns
    -------
    mapping of str to Budget
    """
    found = {}
    for name, table in _load().items():
        figures = {key: Figure(**entry) for key, entry in table.items() if key != "summary"}
        found[name] = Budget(name, table["summary"], MappingProxyType(figures))
    return found


def budget(name: str) -> Budget:
    """Return a budget.

    Parameters
    ----------
    name : "conservative" or "headline"

    Returns
    -------
    Budget

    Raises
    ------
    UnknownNameError
    """
    known = budgets()
    if name not in known:
        raise UnknownNameError("budget", name, tuple(known))
    return known[name]


def _load() -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    loaded: dict[str, Any] = tomllib.loads(PATH.read_text(encoding="utf-8"))
    return loaded
