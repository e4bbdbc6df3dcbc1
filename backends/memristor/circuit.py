"""Circuit of a crossbar: wires that resist, drivers and converters; everything that callers need of it.

- ``solve(crossbar, V)``: any excitation, to a tolerance; with ``method="nodal"`` exact. For many excitations of one
  tile ``circuit_lines.LineCircuit`` (which loads numba) and ``NodalCircuit`` keep their factors;
- ``effective_conductances(crossbar)``: exact matrix while conductances are frozen, ``V @ G_eff``;
- ``line_gains(crossbar)``: approximation that is cheap enough while they change, ``(V * a) @ G * b``;
- ``Wires()``: ideal wires, the neutral element, ``V @ G``.
"""

from __future__ import annotations

from typing import Any

from hmn_snn.description import choice_problem
from hmn_snn.errors import DescriptionError

from .circuit_converters import Converter
from .circuit_gain import line_gains
from .circuit_nodal import NodalCircuit
from .circuit_operator import effective_conductances
from .circuit_selection import SCHEMES, write_excitation
from .circuit_solution import Crossbar, Excitation, Solution, UnsettledError
from .circuit_wires import (
    KAPPA_TILE,
    KAPPA_WARN,
    WIRE_SOURCES,
    WIRES,
    Wires,
    expected_loss,
    kappa,
    largest_size,
    loss_remark,
)

__all__ = [
    "Converter", "Crossbar", "Excitation", "KAPPA_TILE", "KAPPA_WARN", "NodalCircuit", "SCHEMES", "Solution",
    "UnsettledError", "WIRES", "WIRE_SOURCES", "Wires", "effective_conductances", "expected_loss", "kappa",
    "largest_size", "line_gains", "loss_remark", "solve", "write_excitation",
]  # fmt: skip


def solve(
    crossbar: Crossbar, excitation: Excitation | Any, *, method: str = "lines", tolerance: float = 1e-6,
    limit: int = 1000,
) -> Solution:  # fmt: skip
    """Solve the circuit of a crossbar for one excitation.

    Parameters
    ----------
    crossbar : Crossbar
    excitation : Excitation or (rows,) float array [V]
        Row voltages of a read, columns at 0 V; with ``floating_rows``, rows at 0 V then have no driver.
    method : {"lines", "nodal"}
        Alternating lines, to the tolerance; or the exact nodal solution, which takes 10 to 100 times as long.
    tolerance : float [V]
    limit : int
        Of the alternating lines: largest error of a node voltage, and largest number of sweeps.

    Returns
    -------
    Solution

    Raises
    ------
    DescriptionError
        If an argument is wrong.
    UnsettledError
        If the alternating lines do not reach the tolerance within the limit.
    """
    for problem in choice_problem(crossbar.name, "method", method, ("lines", "nodal")):
        raise problem
    applied = excitation if isinstance(excitation, Excitation) else Excitation.of(crossbar, excitation)
    if method == "nodal":
        return NodalCircuit(crossbar, applied.driven).solve(applied.rows, applied.columns)
    if not tolerance > 0.0:
        raise DescriptionError(crossbar.name, "tolerance", tolerance, "use more than 0 V")
    if limit < 1:
        raise DescriptionError(crossbar.name, "limit", limit, "use at least 1 sweep")
    from .circuit_lines import LineCircuit

    return LineCircuit(crossbar).solve(applied, tolerance, limit)
