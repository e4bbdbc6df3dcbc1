"""Memristor crossbars: devices that vary, wires that resist, spikes that read and pulses that write them."""

if "." not in __name__:
    raise ImportError("do not run Python inside backends/; start from the project root")

from .translator import MemristorTranslator

translator = MemristorTranslator()

__all__ = ["MemristorTranslator", "translator"]
