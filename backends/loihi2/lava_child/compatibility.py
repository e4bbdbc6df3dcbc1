"""Lets Lava 0.10 be imported by Python 3.11 and later.

Since 3.11, dataclasses refuse a default that has no hash, and ``lava.magma.compiler.var_model`` has one.
"""

import dataclasses
import sys


def patch():
    """Import Lava's module with a hash for the class of that default."""
    if sys.version_info < (3, 11) or "lava.magma.compiler.var_model" in sys.modules:
        return
    original = dataclasses.dataclass

    def dataclass(cls=None, /, **options):
        def wrap(c):
            return original(c, **({**options, "unsafe_hash": True} if c.__name__ == "ByteEncoder" else options))

        return wrap if cls is None else wrap(cls)

    dataclasses.dataclass = dataclass
    try:
        import lava.magma.compiler.var_model  # noqa: F401
    finally:
        dataclasses.dataclass = original


patch()
