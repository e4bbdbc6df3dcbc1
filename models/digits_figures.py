"""Pictures of the digits experiment: learning curves, confusions, receptive fields, a trial, the ablations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hmn_snn.panel import Picture, colour
from hmn_snn.panels_activity import modulators, phase, raster

from . import digits_data as data
from .digits_experiment import Ablations, DigitsOutcome
from .digits_network import CLASSES, CYCLE, INTERNEURONS, PIXELS, THETA
from .digits_training import Trial

WINDOW = 100  # trials in a point of a learning curve


def save_figures(results: Ablations, folder: Path) -> tuple[Path, ...]:
    """Draw all figures.

    Parameters
    ----------
    results : Ablations
    folder : pathlib.Path
        Must exist.

    Returns
    -------
    tuple of pathlib.Path
    """
    figures: dict[str, Callable[[], Picture]] = {
        "learning_curve": lambda: learning_curve(results),
        "confusion": lambda: confusion(results.intact),
        "receptive_fields": lambda: receptive_fields(results.intact[0]),
        "ablations": lambda: ablation_bars(results),
    }
    example = next((o.last_error for o in results.intact if o.last_error is not None), None)
    if example is not None:
        figures["trial"] = lambda: taught_trial(example)
    paths = []
    for name, draw in figures.items():
        paths.append(folder / f"{name}.png")
        draw().savefig(paths[-1], dpi=150)
    return tuple(paths)
