"""Nengo and NengoLoihi, imported where they are first used, and why they cannot be.

Both are optional for their licences: Nengo is under the GPL, version 2, from version 4.0 on, and free for
non-commercial use only before; NengoLoihi 1.1.0 is under the Apache licence, 2.0. This package holds no code of theirs.
"""

from __future__ import annotations

import importlib
import warnings
from typing import Any

OLDEST = (4, 1)
EXTRA = 'pip install "hmn-snn[nengo]"'


def imported(name: str) -> Any:
    """Import a module of Nengo or NengoLoihi without two warnings that say nothing to our users.

    Nengo asks NumPy for a module by its old name, and NengoLoihi 1.1.0 does not know versions of Nengo above 3.2.0.

    Parameters
    ----------
    name : str

    Returns
    -------
    module
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="numpy.core is deprecated", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="This version of `nengo_loihi`", category=UserWarning)
        return importlib.import_module(name)


def missing() -> str | None:
    """Return why the two cannot be used here, with the command that changes it, or None."""
    try:
        nengo = imported("nengo")
        imported("nengo_loihi.emulator")
    except ImportError as error:
        return f"nengo and nengo-loihi cannot be imported ({error}); run: {EXTRA}"
    if tuple(nengo.version.version_info[:2]) < OLDEST:
        return f"nengo is {nengo.__version__}, {OLDEST[0]}.{OLDEST[1]} or later is needed; run: {EXTRA}"
    return None
