"""Ready-made networks and the experiments built on them, by name; each is imported when first used."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from hmn_snn.errors import UnknownNameError
from hmn_snn.network import Network

# name -> (module, function that returns a Network)
_MODELS = {
    "digits": ("hmn_snn.models.digits", "digits"),
    "hippocampus_cam": ("hmn_snn.models.hippocampus_cam", "hippocampus_cam"),
}


def names() -> tuple[str, ...]:
    """Return the names of all models.

    Returns
    -------
    tuple of str
    """
    return tuple(_MODELS)


def get(name: str) -> Callable[..., Network]:
    """Return the function that builds a model's network; it can be called without arguments.

    Parameters
    ----------
    name : str

    Returns
    -------
    callable

    Raises
    ------
    UnknownNameError

    Examples
    --------
    >>> network = get("digits")()                            # doctest: +SKIP
    """
    if name not in _MODELS:
        raise UnknownNameError("model", name, names())
    module, function = _MODELS[name]
    return cast(Callable[..., Network], getattr(importlib.import_module(module), function))
