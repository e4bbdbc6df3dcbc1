"""The reference: an independent statement of the semantics in Brian2's equations."""

if "." not in __name__:
    raise ImportError("do not run Python inside backends/; start from the project root")

from .translator import Brian2Translator

translator = Brian2Translator()

__all__ = ["Brian2Translator", "translator"]
