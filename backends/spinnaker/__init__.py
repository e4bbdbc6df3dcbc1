"""SpiNNaker: networks as PyNN scripts, run by an emulator, a virtual board, other simulators or a real board."""

if "." not in __name__:
    raise ImportError("do not run Python inside backends/; start from the project root")

from .translator import SpinnakerTranslator

translator = SpinnakerTranslator()

__all__ = ["SpinnakerTranslator", "translator"]
