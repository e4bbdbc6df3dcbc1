"""Pictures of the digits experiment: learning curves, confusions, receptive fields, a trial, the ablations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from hmn_snn.panel import Picture, colour
from hmn_snn.panels_activity import modulators, phase, raster

from . import digits_data as data
from .digits_experiment import Ablations, DigitsOutcome
from .digits_network import CLASSES, CYCLE, PIXELS, THETA
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
    example = next((o.example for o in results.intact if o.example is not None), None)
    if example is not None:
        figures["trial"] = lambda: taught_trial(example)
    paths = []
    for name, draw in figures.items():
        paths.append(folder / f"{name}.png")
        draw().savefig(paths[-1], dpi=150)
    return tuple(paths)


def learning_curve(results: Ablations) -> Picture:
    """Draw how many images were recognised before they were taught, intact and without each mechanism.

    Parameters
    ----------
    results : Ablations

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = Picture(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.add_subplot()
    steps, curve = _smooth(results.intact)
    for line in curve:
        axes.plot(steps, line, color=colour(0), linewidth=0.5, alpha=0.4)
    axes.plot(steps, curve.mean(axis=0), color=colour(0), linewidth=2.2, label="intact (thin: each seed)", zorder=3)
    for number, (name, outcomes) in enumerate(results.without.items()):
        steps, curve = _smooth(outcomes)
        axes.plot(steps, curve.mean(axis=0), color=colour(number + 1), linewidth=1.0, label=f"without {name}")
    test = results.accuracy[0]
    axes.plot(steps[-1], test, marker="D", color=colour(0), clip_on=False, zorder=5)
    note = f"test: {test:.3f}"
    axes.annotate(note, (steps[-1], test), (-8, 8), textcoords="offset points", ha="right", color=colour(0))
    chance = 1.0 / data.N_CLASSES
    axes.axhline(chance, color="0.6", linewidth=0.8, linestyle=":")
    axes.annotate("chance", (steps[0], chance), (2, -11), textcoords="offset points", color="0.5", fontsize="small")
    axes.set(xlabel="training images shown", ylim=(0.0, 1.0), xlim=(steps[0], steps[-1]))
    axes.set_ylabel(f"recognised before being taught\n(mean of {min(WINDOW, len(results.intact[0].online))} images)")
    axes.legend(fontsize="small", frameon=False, loc="center right", bbox_to_anchor=(1.0, 0.35))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _smooth(outcomes: tuple[DigitsOutcome, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return trial numbers and running means of right decisions, one row per outcome."""
    online = np.array([outcome.online for outcome in outcomes], dtype=np.float64)
    width = min(WINDOW, online.shape[1])
    sums = np.cumsum(np.pad(online, ((0, 0), (1, 0))), axis=1)
    return np.arange(width, online.shape[1] + 1), (sums[:, width:] - sums[:, :-width]) / width


def confusion(outcomes: tuple[DigitsOutcome, ...]) -> Picture:
    """Draw what test images were taken for, as shares of each class over all seeds.

    Parameters
    ----------
    outcomes : tuple of DigitsOutcome

    Returns
    -------
    matplotlib.figure.Figure
    """
    counts = np.sum([outcome.confusion for outcome in outcomes], axis=0)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = Picture(figsize=(5.4, 4.8), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for (row, column), share in np.ndenumerate(shares):
        if share >= 0.005:
            shade = "white" if share > 0.5 else "black"
            axes.text(column, row, f"{100 * share:.0f}", color=shade, ha="center", va="center", fontsize=8)
    ticks = range(data.N_CLASSES)
    axes.set(xticks=ticks, yticks=ticks, xlabel="taken for", ylabel="shown")
    axes.set_title(f"test images, % of each row; {_of_seeds(len(outcomes))}", fontsize="medium")
    figure.colorbar(image, ax=axes, label="share", shrink=0.85)
    return figure


def receptive_fields(outcome: DigitsOutcome) -> Picture:
    """Draw the learned weights of each class as an image: mean over its neurons, against the mean of all classes.

    Parameters
    ----------
    outcome : DigitsOutcome

    Returns
    -------
    matplotlib.figure.Figure
    """
    weights = outcome.weights.reshape(data.N_PIXELS, data.N_CLASSES, -1).mean(axis=2)
    fields = (weights - weights.mean(axis=1, keepdims=True)).T.reshape(data.N_CLASSES, 8, 8)
    limit = float(np.abs(fields).max())
    figure = Picture(figsize=(8.4, 3.8), layout="constrained")
    axes = figure.subplots(2, 5)
    for number, (panel, field) in enumerate(zip(axes.flat, fields, strict=True)):
        image = panel.imshow(field, cmap="RdBu_r", vmin=-limit, vmax=limit)
        panel.set_title(str(number), fontsize="medium")
        panel.set(xticks=(), yticks=())
    figure.colorbar(image, ax=axes, label="weight above the classes' mean [nA]", shrink=0.9)
    figure.suptitle(f"receptive fields learned by each class (seed {outcome.seed})", fontsize="medium")
    return figure


def taught_trial(trial: Trial) -> Picture:
    """Draw one trial with a wrong decision: spikes, dopamine, and theta with the gate that it opens.

    Parameters
    ----------
    trial : Trial

    Returns
    -------
    matplotlib.figure.Figure
    """
    results = trial.results
    figure = Picture(figsize=(9.0, 7.2), layout="constrained")
    pixels, classes, dopamine, theta = panels = figure.subplots(4, 1, height_ratios=(2.0, 3.0, 1.2, 1.2), sharex=True)
    raster(results, (PIXELS,), axes=pixels)
    pixels.set_ylabel("pixels")
    raster(results, (CLASSES,), axes=classes)
    _name_classes(classes, trial)
    modulators(results, axes=dopamine)
    phase(results, THETA, axes=theta)
    wrong, right = f"decision: {trial.decision}, wrong", f"taught: {trial.label}"
    for k, what in enumerate((wrong, "dopamine dips", right, "dopamine rises")):
        start = results.t_start + k * CYCLE
        pixels.text(start + CYCLE / 2, 1.03, what, ha="center", va="bottom", transform=pixels.get_xaxis_transform())
        for panel in panels:
            panel.axvline(start, color="0.7", linewidth=0.8, zorder=0)
    for panel in panels:
        panel.tick_params(labelbottom=panel is theta)
        panel.set_xlabel("time in the trial [ms]" if panel is theta else "")
    theta.set_xticks(results.t_start + CYCLE * np.arange(5), [f"{CYCLE * k:g}" for k in range(5)])
    return figure


def _name_classes(axes: Axes, trial: Trial) -> None:
    """Put the digits beside the neurons of their classes, the right one and the decision in colour."""
    for number in range(data.N_CLASSES):
        low, high = number / data.N_CLASSES, (number + 1) / data.N_CLASSES
        axes.axhline(high, color="0.92", linewidth=0.6, zorder=0)
        if number in (trial.label, trial.decision):
            axes.axhspan(low, high, color=colour(2 if number == trial.label else 1), alpha=0.12, linewidth=0.0)
    axes.set_yticks((np.arange(data.N_CLASSES) + 0.5) / data.N_CLASSES, map(str, range(data.N_CLASSES)))
    axes.set_ylabel("classes")


def ablation_bars(results: Ablations) -> Picture:
    """Draw the change of accuracy without each mechanism, with joint 95 % intervals and every pair of seeds.

    Parameters
    ----------
    results : Ablations

    Returns
    -------
    matplotlib.figure.Figure
    """
    effects = results.effects
    intact = np.array([outcome.accuracy for outcome in results.intact])
    figure = Picture(figsize=(7.0, 0.5 * len(effects) + 1.7), layout="constrained")
    axes = figure.add_subplot()
    for row, effect in enumerate(effects):
        without = np.array([outcome.accuracy for outcome in results.without[effect.without]])
        shade = "0.6" if effect.low <= 0.0 <= effect.high else colour(0) if effect.difference < 0.0 else colour(1)
        axes.barh(row, effect.difference, height=0.55, color=shade, alpha=0.55)
        if np.isfinite(effect.low):
            error = [[effect.difference - effect.low], [effect.high - effect.difference]]
            axes.errorbar(effect.difference, row, xerr=error, color="0.2", capsize=3, linewidth=1.2)
        axes.plot(without - intact, np.full(len(intact), row), ".", color="0.2", markersize=3, alpha=0.6)
    labels = [f"without {e.without}\n{e.difference:+.3f}, {e.verdict}" for e in effects]
    axes.set_yticks(range(len(effects)), labels, fontsize="small")
    axes.invert_yaxis()
    axes.axvline(0.0, color="0.2", linewidth=0.8)
    # Linear near 0, where small effects lie, and logarithmic beyond.
    axes.set_xscale("symlog", linthresh=0.05)
    ticks = [-0.8, -0.4, -0.2, -0.1, -0.05, 0.0, 0.05]
    axes.set_xticks(ticks, [f"{tick:+g}" if tick else "0" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("change of test accuracy, with joint 95 % interval; dots: pairs of the same seed")
    axes.set_title(f"intact: {results.accuracy[0]:.3f}; {_of_seeds(len(intact))}", fontsize="medium")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _of_seeds(number: int) -> str:
    return "1 seed" if number == 1 else f"{number} seeds"
