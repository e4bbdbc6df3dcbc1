"""The default engine: exact, compiled by numba on first use, cached between processes."""

if "." not in __name__:
    raise ImportError("do not run Python inside backends/; start from the project root")

from .translator import NumbaTranslator

translator = NumbaTranslator()

__all__ = ["NumbaTranslator", "translator"]
