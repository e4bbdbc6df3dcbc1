"""Values as a script writes them: numbers and short lists in place, everything longer in a file of arrays beside it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

_IN_PLACE = 10  # numbers
_LINE, _DICT = 100, 80  # characters


class Arrays:
    """The arrays of a script, collected while it is written.

    Attributes
    ----------
    long : dict of str to array
        What the script reads from its file, by key.
    """

    def __init__(self) -> None:
        self.long: dict[str, Any] = {}

    def array(self, key: str, values: Any) -> str:
        """Return an expression for an array.

        Parameters
        ----------
        key : str
            In the file, should it go there.
        values : array

        Returns
        -------
        str
        """
        array = np.asarray(values)
        if 0 < array.size <= _IN_PLACE:
            return _nested(array.tolist())
        self.long[key] = array
        return f"data[{text(key)}]"

    def values(self, key: str, values: Any) -> str:
        """Return an expression for something with one value per member: one number where all are equal."""
        array = np.asarray(values)
        if array.size and (array == array.flat[0]).all():
            return _nested(array.flat[0].item())
        return self.array(key, array)


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_nested, value))}]"
    return repr(value) if np.isfinite(value) else f"{'-' if value < 0 else ''}np.inf"


def text(string: str) -> str:
    """Return a string as Python writes it between double quotes."""
    return json.dumps(string, ensure_ascii=False)


def block(lines: Iterable[str], indent: int) -> str:
    """Return lines of equations or code as a Python string; several of them stand below each other, indented.

    Parameters
    ----------
    lines : iterable of str
    indent : int
        Of the statement that the string is part of.

    Returns
    -------
    str
    """
    lines = list(lines)
    if len(lines) == 1 and len(lines[0]) <= _LINE:
        return text(lines[0])
    margin = " " * indent
    return "\n".join(['"""', *(f"{margin}    {line}" for line in lines), f'{margin}"""'])


def mapping(items: dict[str, str], indent: int) -> str:
    """Return a dict from strings to expressions as Python writes it, one below the other where they are long.

    Parameters
    ----------
    items : dict of str to str
    indent : int
        Of the statement or argument that the dict is part of.

    Returns
    -------
    str
    """
    entries = [f"{text(key)}: {value}" for key, value in items.items()]
    if len(line := ", ".join(entries)) <= _DICT and "\n" not in line:
        return f"{{{line}}}"
    margin = " " * indent
    return "\n".join(["{", *(f"{margin}    {entry}," for entry in entries), f"{margin}}}"])
