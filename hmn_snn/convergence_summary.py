"""The text that ``print(convergence)`` shows: what does not converge, the differences, what the grid changes."""

from __future__ import annotations

import math
import textwrap
from itertools import pairwise

from .convergence_order import Convergence, Refinement
from .summary import WIDTH, text_table


def convergence_table(convergence: Convergence) -> str:
    """Return a readable account of a study of time steps.

    Parameters
    ----------
    convergence : Convergence

    Returns
    -------
    str
    """
    coarsest, dts = convergence.results[0], [f"{dt:g}" for dt in convergence.dts]
    backend = coarsest.provenance.backend
    head = f"{coarsest.name}: {coarsest.duration:g} ms on {backend} in steps of {', '.join(dts)} ms"
    bad = [f"{entry.quantity} of {entry.name!r}" for entry in convergence.not_converging]
    told = f"does not converge: {', '.join(bad)}" if bad else "everything converges"
    headers = [
        "name",
        "quantity",
        *(f"{a} to {b} ms" for a, b in pairwise(dts)),
        "unit",
        "order",
        "verdict",
    ]
    parts = [f"{head}\n{_wrapped(told)}", text_table([_row(entry) for entry in convergence.refinements], headers)]
    if convergence.grid_effects:
        rows = [[effect.name, effect.what, *effect.at] for effect in convergence.grid_effects]
        table = text_table(rows, ["name", "not the same at all steps", *(f"at {dt} ms" for dt in dts)])
        parts.append(table)
    return "\n\n".join(parts)


def _row(entry: Refinement) -> list[str]:
    differences = ["" if math.isnan(d) else f"{d:.3g}" for d in entry.differences]
    order = f"{entry.order:.2f}" if math.isfinite(entry.order) else ""
    return [entry.name, entry.quantity, *differences, entry.unit, order, entry.verdict]


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
