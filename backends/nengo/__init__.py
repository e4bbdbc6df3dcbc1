"""Nengo, a second opinion on static networks: its own LIF, and the block emulator of NengoLoihi."""

if "." not in __name__:
    raise ImportError("do not run Python inside backends/; start from the project root")

from .translator import NengoTranslator

translator = NengoTranslator()

__all__ = ["NengoTranslator", "translator"]
