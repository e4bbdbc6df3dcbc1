"""Identifiers for a network's objects in other languages: variables of a script, names of Brian2's objects."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

# What a script says beside the names of its objects.
_SCRIPT = (
    "Path", "b2", "data", "dt", "monitor", "n_steps", "name", "np", "results", "steps",
    "keyed", "mix", "normal", "poisson", "refer", "uniform",
    "enumerate", "getattr", "len", "print",
)  # fmt: skip


class Names:
    """Identifiers for a network's objects: their names as far as Python and Brian2 allow, each once."""

    def __init__(self) -> None:
        self._taken = {*keyword.kwlist, *_SCRIPT}

    def new(self, name: str, parts: Iterable[str] = ()) -> str:
        """Return an identifier that is like a name and not yet taken, nor with the parts that Brian2 appends to it."""
        stem = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_")
        if not stem or not stem[0].isalpha():
            stem = f"object_{stem}"
        identifier, number = stem, 2
        while not self._taken.isdisjoint(family := {identifier, *(f"{identifier}_{part}" for part in parts)}):
            identifier, number = f"{stem}_{number}", number + 1
        self._taken |= family
        return identifier
