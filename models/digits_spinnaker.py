"""The digits network on SpiNNaker: what its numbers, its timing and its missing astrocytes leave of the accuracy.

A network is trained on the engine, in float; its weights become 16-bit numbers in ring buffers, its state s16.15, and
the emulator of the chip classifies the test third. The chip has no astrocytes: their gain stays at 1. Runs of the
engine without astrocytes, of the emulator without rounding and with delays a step longer say which of these matters;
runs with other Poisson spikes say what chance alone does. A second experiment learns there, in blocks: the host learns
from a theta cycle's spikes and loads the network anew with its weights.

What it found (5 networks, all 599 test images; changes from float are taken seed by seed, with 95 % intervals). In
float .906 are recognised, on the chip .915: a change of +.009, +.002 to +.016, as large as that of other draws of the
input, +.010, +.005 to +.015. Without rounding the change is +.006, -.008 to +.019; with delays a step longer, which act
as the reference's do, +.006, -.004 to +.016; on the engine without astrocytes +.002, -.007 to +.011. So nothing of the
accuracy is lost, though the classes fire more than twice as many spikes where no astrocyte calms them, and 4 to 5 % of
the decisions change (5.9 % with other draws). Learned there in blocks (3 networks, 600 images, 300 for the test): .898
against .892, +.006, -.034 to +.045; an image takes one load and, if it is learned from, four. On a virtual board the
network fills 2 cores of a chip, and its inputs a third.

    python -m hmn_snn.models.digits_spinnaker --out out [--quick] [--virtual]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import digits_data as data
from .digits_comparison import (
    FLOAT,
    OTHER_SEEDS,
    OTHER_SPIKES,
    Comparison,
    deployed,
    learned_there,
    recognised,
)
from .digits_network import CYCLE, digits
from .digits_training import Classification

BACKEND = "spinnaker"
CHIP = "SpiNNaker"
# Conditions of the test on the emulator, with the options of each.
DEPLOYMENTS: Mapping[str, Mapping[str, Any]] = {
    CHIP: {},
    f"{CHIP}, without rounding": {"precision": "floating_pt"},
    f"{CHIP}, delays a step longer": {"delays": "shifted"},
}
HELD = "float, without astrocytes"
# Conditions of learning.
BLOCKS = f"{CHIP}, in blocks of a theta cycle"
LEARNING: Mapping[str, Mapping[str, Any]] = {
    FLOAT: {},
    BLOCKS: {"backend": BACKEND, "learning": "blocks", "block": CYCLE},
}

SEEDS: Sequence[int] = range(1, 6)
LEARNING_SEEDS: Sequence[int] = range(1, 4)
LEARNING_TRAINING, LEARNING_TEST = 600, 300
QUICK_SEEDS, QUICK_TRAINING, QUICK_TEST = (1, 2), 120, 40


def conditions(seed: int, weights: np.ndarray, images: np.ndarray) -> Iterator[tuple[str, Classification]]:
    """Yield what learned weights make of images in every condition, the float run first.

    Parameters
    ----------
    seed : int
    weights : (n_synapses,) float array [nA]
    images : (n, 64) array

    Yields
    ------
    condition, Classification
    """
    yield FLOAT, recognised(seed, weights, images)
    for name, options in DEPLOYMENTS.items():
        yield name, recognised(seed, weights, images, backend=BACKEND, learning="frozen", **options)
    yield HELD, recognised(seed, weights, images, digits(seed, learned=weights, without=["astrocyte"]))
    yield OTHER_SPIKES, recognised(seed + OTHER_SEEDS, weights, images)


def report(out_dir: str | Path, quick: bool = False, virtual: bool = False) -> tuple[Comparison, Comparison]:
    """Run the experiments, print the tables, draw the figure.

    Parameters
    ----------
    out_dir : str or pathlib.Path
        Made if it is not there. Gets ``spinnaker.png`` and ``spinnaker.txt``; the text is written after every seed.
    quick : bool
        Fewer digits and seeds: the code is run, the numbers are poor.
    virtual : bool
        Whether the network is mapped onto sPyNNaker's virtual board too.

    Returns
    -------
    pair of Comparison
        Learned in float, and in blocks.
    """
    from .digits_comparison_figure import comparison_figure

    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "spinnaker.txt"
    training, test = data.load("training"), data.load("test")
    few, fewer, seeds, learning_seeds = training[:LEARNING_TRAINING], test[:LEARNING_TEST], SEEDS, LEARNING_SEEDS
    if quick:
        training, test = training[:QUICK_TRAINING], test[:QUICK_TEST]
        few, fewer, seeds, learning_seeds = training, test, QUICK_SEEDS, QUICK_SEEDS[:1]
    print("Handwritten digits on SpiNNaker (its emulator).")
    print(f"Learned in float: {len(training):,} images, and {len(test):,} for the test; seeds {list(seeds)}.")
    print(f"Learned in blocks: {len(few):,} and {len(fewer):,} images; seeds {list(learning_seeds)}.", flush=True)
    parts: dict[str, object] = {}

    def told(title: str, found: object) -> None:
        parts[title] = found
        text.write_text("\n\n".join(f"{title}\n\n{part}" for title, part in parts.items()) + "\n", encoding="utf-8")

    frozen = deployed(seeds, training, test, conditions, lambda found: told("Learned in float", found))
    learned = learned_there(learning_seeds, few, fewer, LEARNING, lambda found: told("Learned in blocks", found))
    if virtual:
        told("On a virtual board", mapped())
    print("\n" + text.read_text(encoding="utf-8"))
    figure = folder / "spinnaker.png"
    comparison_figure(frozen, learned, ("learned in float", "learned in blocks"), CHIP).savefig(figure, dpi=150)
    print(f"written:\n  {figure}\n  {text}")
    return frozen, learned


def mapped() -> str:
    """Map the network onto a virtual board.

    Returns
    -------
    str
        What the board would hold.
    """
    from hmn_snn import registry
    from hmn_snn.lowering import lower

    program = registry.get(BACKEND).translate(lower(digits(1)), executor="virtual")
    return str(program.mapping(round(CYCLE)))  # type: ignore[attr-defined]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the experiments from the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process if not given.

    Returns
    -------
    int
        The exit code.
    """
    summary = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser("python -m hmn_snn.models.digits_spinnaker", description=summary)
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="for the figure (default: out)")
    parser.add_argument("--quick", action="store_true", help="fewer digits and seeds")
    parser.add_argument("--virtual", action="store_true", help="map it onto a virtual board too (needs sPyNNaker)")
    options = parser.parse_args(arguments)
    report(options.out, options.quick, options.virtual)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
