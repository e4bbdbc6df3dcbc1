"""The digits network on Loihi 2: what integers of the chip's widths leave of its accuracy, and what takes the rest.

A network is trained on the engine, in float; its weights become 8-bit integers, its decays multiples of 1/4096, and
the emulator of the chip classifies the test third. What the astrocytes do to the weights, the host writes every 10 ms,
rounded at random or to the nearest. One by one, the engine then runs with the numbers that the chip's integers stand
for, which says where a loss comes from, and with other Poisson spikes, which says what chance alone does. A second
experiment learns on the chip, the host writing weights at ticks. A third, where Lava is installed, shows some images on
Lava, whose spikes must equal the emulator's, every one of them.

What it found (5 networks, all 599 test images; changes from float are taken seed by seed, with 95 % intervals). In
float .906 are recognised, on the chip .908: a change of +.003, -.006 to +.012; with writes rounded to the nearest
+.003, -.005 to +.011. So there is no loss of accuracy to attribute. What changes are single decisions: 2.3 % of them,
by the chip's weights alone 2.2 %, by its time constants alone 1.7 %, by its thresholds .1 %. Each of the first two
makes some spike come a step later, after which competing neurons go their own way. Other spikes of the input change
5.9 %. Accuracy falls only with weights of 2 bits (-.029, -.077 to +.018) and of 1 bit (-.224, -.324 to -.125). Learned
there (3 networks, 600 images, 300 for the test): .893 and .896, .892 in float; changes of +.001, -.065 to +.068, and,
rounded to the nearest, +.003, -.043 to +.049. On Lava, 20 of 20 images had the emulator's spikes, at 2.7 s instead of
0.12 s each.

    python -m hmn_snn.models.digits_loihi --out out [--quick] [--lava]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hmn_snn.summary import text_table

from . import digits_data as data
from .digits_comparison import Comparison, deployed, learned_there
from .digits_loihi_experiment import CHIP, LEARNING, conditions, same_spikes, spikes_by_executor
from .digits_network import CLASSES, digits
from .digits_training import train

SEEDS: Sequence[int] = range(1, 6)
# Learning on the chip takes longer, so it is done with fewer seeds and images.
LEARNING_SEEDS: Sequence[int] = range(1, 4)
LEARNING_TRAINING, LEARNING_TEST = 600, 300
QUICK_SEEDS, QUICK_TRAINING, QUICK_TEST = (1, 2), 120, 40
LAVA_IMAGES, QUICK_LAVA_IMAGES = 20, 2


def report(
    out_dir: str | Path, quick: bool = False, lava: bool = False, seeds: Sequence[int] | None = None
) -> tuple[Comparison, Comparison]:
    """Run the experiments, print the tables, draw the figure.

    Parameters
    ----------
    out_dir : str or pathlib.Path
        Made if it is not there. Gets ``loihi.png`` and ``loihi.txt``; the text is written after every seed.
    quick : bool
        Fewer digits and seeds: the code is run, the numbers are poor.
    lava : bool
        Whether some images are shown on Lava too.
    seeds : sequence of int, optional
        Of the networks that learn in float.

    Returns
    -------
    pair of Comparison
        Learned in float, and learned on the chip.
    """
    from .digits_comparison_figure import comparison_figure

    folder = Path(out_dir)
    folder.mkdir(parents=True, exist_ok=True)
    text = _Text(folder / "loihi.txt")
    training, test = data.load("training"), data.load("test")
    few, fewer, learning_seeds = training[:LEARNING_TRAINING], test[:LEARNING_TEST], LEARNING_SEEDS
    seeds = SEEDS if seeds is None else seeds
    if quick:
        training, test = training[:QUICK_TRAINING], test[:QUICK_TEST]
        few, fewer, seeds, learning_seeds = training, test, QUICK_SEEDS, QUICK_SEEDS[:1]
    print("Handwritten digits on Loihi 2 (its emulator).")
    print(f"Learned in float: {len(training):,} images, and {len(test):,} for the test; seeds {list(seeds)}.")
    print(f"Learned there: {len(few):,} and {len(fewer):,} images; seeds {list(learning_seeds)}.", flush=True)
    title = "Learned in float, 8 bits on the chip"
    frozen = deployed(seeds, training, test, conditions, lambda found: text.set(title, found))
    learned = learned_there(learning_seeds, few, fewer, LEARNING, lambda found: text.set("Learned on the chip", found))
    if lava:
        text.set("Shown on Lava", _on_lava(training, test[: QUICK_LAVA_IMAGES if quick else LAVA_IMAGES]))
    print(f"\n{text}")
    figure = folder / "loihi.png"
    titles = "learned in float", "learned on the chip"
    comparison_figure(frozen, learned, titles, CHIP).savefig(figure, dpi=150)
    print(f"\nwritten:\n  {figure}\n  {text.path}")
    return frozen, learned


def _on_lava(training: data.Digits, test: data.Digits) -> str:
    """Show images on Lava and on the emulator, and say whether the spikes are the same."""
    weights = train(digits(1), training.images, training.labels).weights.values
    emulator, on_lava = spikes_by_executor(1, weights, test.images, ("emulator", "lava"))
    rows = []
    for number, (a, b) in enumerate(zip(emulator, on_lava, strict=True), 1):
        counts = [f"{len(run.spikes[CLASSES]):,}" for run in (a, b)]
        rows.append([number, *counts, "the same" if same_spikes(a, b) else "DIFFERENT"])
    ran = on_lava[0].provenance.executor
    equal = sum(same_spikes(a, b) for a, b in zip(emulator, on_lava, strict=True))
    seconds = np.array([[run.provenance.wall_time for run in runs] for runs in (emulator, on_lava)]).mean(axis=1)
    return (
        f"{text_table(rows, ['image', 'spikes of classes, emulator', f'on {ran}', 'all spikes'])}\n"
        f"{equal} of {len(rows)} images with the same spikes; {seconds[0]:.2f} and {seconds[1]:.2f} s per image"
    )


class _Text:
    """The text of the report, in parts; it is written to a file whenever a part has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._parts: dict[str, object] = {}

    def set(self, title: str, part: object) -> None:
        """Add or replace a part."""
        self._parts[title] = part
        self.path.write_text(f"{self}\n", encoding="utf-8")

    def __str__(self) -> str:
        return "\n\n".join(f"{title}\n\n{part}" for title, part in self._parts.items())


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
    parser = argparse.ArgumentParser("python -m hmn_snn.models.digits_loihi", description=summary)
    parser.add_argument("--out", type=Path, default=Path("out"), metavar="DIR", help="for the figure (default: out)")
    parser.add_argument("--seeds", type=int, metavar="N", help=f"networks learned in float (default: {len(SEEDS)})")
    parser.add_argument("--quick", action="store_true", help="fewer digits and seeds")
    parser.add_argument("--lava", action="store_true", help="show some images on Lava too")
    options = parser.parse_args(arguments)
    report(options.out, options.quick, options.lava, options.seeds and range(1, options.seeds + 1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
