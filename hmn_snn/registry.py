"""Backends by name, imported when first used."""

from __future__ import annotations

import importlib
from typing import cast

from .errors import UnknownNameError
from .translator import Translator

# name -> module that has a ``translator`` object
_BACKENDS = {
    "numba": "hmn_snn.backends.numba",
    "brian2": "hmn_snn.backends.brian2",
    "loihi2": "hmn_snn.backends.loihi2",
    "memristor": "hmn_snn.backends.memristor",
    "nengo": "hmn_snn.backends.nengo",
    "spinnaker": "hmn_snn.backends.spinnaker",
}


def names() -> tuple[str, ...]:
    """Return the names of all backends, the default first.

    Returns
    -------
    tuple of str
    """
    return tuple(_BACKENDS)


def get(name: str) -> Translator:
    """Return a backend's translator.

    Parameters
    ----------
    name : str

    Returns
    -------
    Translator

    Raises
    ------
    UnknownNameError
    """
    if name not in _BACKENDS:
        raise UnknownNameError("backend", name, names())
    return cast(Translator, importlib.import_module(_BACKENDS[name]).translator)
