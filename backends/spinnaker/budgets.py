"""What a core, a chip, a board and the largest machine hold: the constants of ``budgets.toml``, with their sources."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

PATH = Path(__file__).with_name("budgets.toml")


@dataclass(frozen=True)
class Figure:
    """A constant and where it comes from.

    Attributes
    ----------
    value : int
    unit, source : str
    """

    value: int
    unit: str
    source: str


@lru_cache(maxsize=1)
def budgets() -> Mapping[str, Mapping[str, Figure]]:
    """Return all constants: of "core", "chip", the boards "spin3" and "spin5", and the "largest" machine.

    Returns
    -------
    mapping of str to mapping of str to Figure
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    tables = tomllib.loads(PATH.read_text(encoding="utf-8"))
    return {name: {key: Figure(**entry) for key, entry in table.items()} for name, table in tables.items()}


def value(table: str, name: str) -> int:
    """Return a constant.

    Parameters
    ----------
    table, name : str

    Returns
    -------
    int
    """
    return budgets()[table][name].value
