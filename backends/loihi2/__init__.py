"""Loihi 2: networks as integers on its neurocores, run by a bit-accurate emulator, by Lava, or by the chip."""

if "." not in __name__:
    raise ImportError("do not run Python inside backends/; start from the project root")

from .translator import Loihi2Translator

translator = Loihi2Translator()

__all__ = ["Loihi2Translator", "translator"]
