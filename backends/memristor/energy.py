"""Energy of a run on crossbars: what its ledger counted, times constants that each have a source and a range.

Device energies come from the run itself (V^2 G t of every row that was read and pulse that was given, and of the cells
that a pulse half-selects). Everything around the devices is counted here, and dominates: take the ranges seriously.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hmn_snn.errors import DescriptionError
from hmn_snn.results import Results
from hmn_snn.summary import text_table


@dataclass(frozen=True)
class Cost:
    """Energy of one event.

    Attributes
    ----------
    low, typical, high : float [fJ]
    source : str
    """

    low: float
    typical: float
    high: float
    source: str


# An 8-bit conversion at 10 fJ per step and 7.5 effective bits is 1.8 pJ.
COSTS: Mapping[str, Cost] = MappingProxyType({
    "converter": Cost(90.0, 1810.0, 2031.0, "8 bits: NeuroSim V1.4 SarADC at 22 nm; ADC survey, 10 fJ/step; SpikeSim"),
    "line": Cost(0.61e-3, 0.76e-3, 0.91e-3, "per cell: 15.2-22.8 aF (CrossSim) charged to 0.2 V"),
    "neuron": Cost(1274.0, 5096.0, 5096.0, "per update: SpikeSim, 1.274 pJ, four of them per neuron"),
    "communication": Cost(4640.0, 157000.0, 554000.0, "per spike: SpikeSim, memory fetch; H-tree; that and buffer"),
})  # fmt: skip
COLUMNS = ("devices read", "devices written", "half-selected", "converters", "lines", "neurons", "communication")


@dataclass(frozen=True)
class Energy:
    """Energy of a run; printing it gives a table.

    Attributes
    ----------
    typical : mapping of str to mapping of str to float [fJ]
        By column, then by object.
    low, high : mapping of str to float [fJ]
        Of each column, at the ends of its constant's range.
    """

    typical: Mapping[str, Mapping[str, float]]
    low: Mapping[str, float]
    high: Mapping[str, float]

    @property
    def total(self) -> float:
        """Sum of all columns [fJ]."""
        return sum(sum(column.values()) for column in self.typical.values())

    def __str__(self) -> str:
        objects = dict.fromkeys(name for column in self.typical.values() for name in column)
        rows = [[name, *(_pJ(self.typical[c].get(name)) for c in COLUMNS)] for name in objects]
        rows.append(["total", *(_pJ(sum(self.typical[c].values())) for c in COLUMNS)])
        rows.append(["range", *(f"{_pJ(self.low[c])} to {_pJ(self.high[c])}" for c in COLUMNS)])
        return text_table(rows, ["energy [pJ]", *COLUMNS])


def energy(results: Results) -> Energy:
    """Return the energy of a run on crossbars.

    Parameters
    ----------
    results : Results

    Returns
    -------
    Energy

    Raises
    ------
    DescriptionError
        If the run was not on crossbars.
    """
    backend = results.provenance.backend
    if backend != "memristor":
        raise DescriptionError("results", "backend", backend, "give results of backend 'memristor'")
    ledger, hardware = results.ledger, results.ledger.hardware
    events: dict[str, Mapping[str, float]] = {
        "converters": hardware.get("conversions", {}),
        "lines": hardware.get("devices read", {}),
        "neurons": ledger.neuron_updates,
        "communication": ledger.spikes,
    }
    costs = dict(zip(("converters", "lines", "neurons", "communication"), COSTS.values(), strict=True))
    typical = {column: {n: k * costs[column].typical for n, k in counts.items()} for column, counts in events.items()}
    typical["devices read"] = dict(hardware.get("read energy [fJ]", {}))
    typical["devices written"] = dict(hardware.get("write energy [fJ]", {}))
    typical["half-selected"] = dict(hardware.get("half-select energy [fJ]", {}))
    totals = {column: sum(counts.values()) for column, counts in events.items()}
    low = {column: sum(typical[column].values()) for column in COLUMNS}
    high = dict(low)
    for column, count in totals.items():
        low[column], high[column] = count * costs[column].low, count * costs[column].high
    return Energy({column: typical[column] for column in COLUMNS}, low, high)


def _pJ(value: float | None) -> str:
    return "" if value is None else f"{1e-3 * value:,.4g}"
