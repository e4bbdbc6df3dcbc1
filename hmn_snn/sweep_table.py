"""The results of a sweep: one table with intervals over seeds, a file of it, a figure."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .confidence import mean_interval
from .errors import UnknownNameError
from .summary import counted, text_table
from .sweep_points import Point

TABLE, FIGURE = "sweep.csv", "sweep.png"
_SHOWN = 4  # measures in the printed table


@dataclass(frozen=True)
class Finished:
    """A point that has been run.

    Attributes
    ----------
    point : Point
    measures : mapping of str to float
    refused : str
        Why the backend did not run it; "" where it did.
    """

    point: Point
    measures: Mapping[str, float]
    refused: str = ""


@dataclass(frozen=True)
class Row:
    """A setting on a backend, over its seeds.

    Attributes
    ----------
    setting : mapping of str to value
    backend : str
    n : int
        Seeds that ran.
    intervals : mapping of str to (mean, low, high)
        By measure; 95 %.
    refused : str
    """

    setting: Mapping[str, Any]
    backend: str
    n: int
    intervals: Mapping[str, tuple[float, float, float]]
    refused: str


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a sweep found; printing it gives a table.

    Attributes
    ----------
    name : str
        Of the network.
    paths : tuple of str
        Of the parameters.
    finished : tuple of Finished
    """

    name: str
    paths: tuple[str, ...]
    finished: tuple[Finished, ...]

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of what was measured."""
        return tuple(dict.fromkeys(name for entry in self.finished for name in entry.measures))

    def rows(self) -> list[Row]:
        """Return one row for each setting and backend, in the order of the sweep.

        Returns
        -------
        list of Row
        """
        groups: dict[str, list[Finished]] = {}
        for entry in self.finished:
            setting = sorted((path, repr(value)) for path, value in entry.point.setting.items())
            groups.setdefault(repr((setting, entry.point.backend)), []).append(entry)
        rows = []
        for entries in groups.values():
            ran = [entry for entry in entries if not entry.refused]
            intervals = {
                name: mean_interval([entry.measures[name] for entry in ran if name in entry.measures])
                for name in (self.measures if ran else ())
            }
            first = entries[0].point
            refused = next((entry.refused for entry in entries if entry.refused), "")
            rows.append(Row(first.setting, first.backend, len(ran), intervals, refused))
        return rows

    def best(self, measure: str, maximize: bool = True) -> Row:
        """Return the row with the largest, or smallest, mean of a measure.

        Parameters
        ----------
        measure : str
        maximize : bool

        Returns
        -------
        Row

        Raises
        ------
        UnknownNameError
        """
        if measure not in self.measures:
            raise UnknownNameError("measure", measure, self.measures)
        sign = -1.0 if maximize else 1.0
        return min((row for row in self.rows() if row.intervals), key=lambda row: sign * row.intervals[measure][0])

    def __str__(self) -> str:
        shown = self.measures[:_SHOWN]
        headers = [*self.paths, "backend", "seeds", *shown]
        table = []
        for row in self.rows():
            cells = [_text(row.intervals[name]) if row.intervals else "" for name in shown]
            if not row.intervals and cells:
                cells[0] = "refused"
            table.append([*(_short(row.setting[path]) for path in self.paths), row.backend, str(row.n), *cells])
        refusals = dict.fromkeys(row.refused for row in self.rows() if row.refused)
        note = "mean, and half of the 95 % interval where there are several seeds"
        if len(self.measures) > len(shown):
            note += f"; {len(self.measures) - len(shown)} more measures in {TABLE}"
        head = f"sweep of {self.name}: {counted(len(self.finished), 'point')}"
        return "\n".join([head, text_table(table, headers), note, *refusals])

    def save(self, folder: Path) -> None:
        """Write the table and the figure into a folder.

        Parameters
        ----------
        folder : pathlib.Path
        """
        with open(folder / TABLE, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            parts = [f"{name}: {part}" for name in self.measures for part in ("mean", "low", "high")]
            writer.writerow([*self.paths, "backend", "seeds", *parts, "refused"])
            for row in self.rows():
                numbers = [value for name in self.measures for value in row.intervals.get(name, (math.nan,) * 3)]
                writer.writerow([*(row.setting[p] for p in self.paths), row.backend, row.n, *numbers, row.refused])
        if self.paths and self.measures:
            self.plot().savefig(folder / FIGURE)

    def plot(self, measures: Sequence[str] | None = None) -> Any:
        """Draw each measure over the first parameter, a line for each backend and combination of the others.

        Parameters
        ----------
        measures : sequence of str, optional
            All, up to six, if not given.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from .panel import Picture, colour

        chosen = list(self.measures[:6] if measures is None else measures)
        columns = min(3, len(chosen))
        shape = -(-len(chosen) // columns), columns
        figure = Picture(figsize=(4.0 * shape[1], 3.0 * shape[0]), dpi=120, layout="constrained")
        panels = np.ravel(figure.subplots(*shape, squeeze=False))
        lines: dict[str, list[Row]] = {}
        for row in self.rows():
            rest = [f"{path} {_short(row.setting[path])}" for path in self.paths[1:]]
            lines.setdefault(", ".join([row.backend, *rest]), []).append(row)
        for axes, measure in zip(panels, chosen, strict=False):
            for number, (label, rows) in enumerate(lines.items()):
                _draw(axes, [row for row in rows if row.intervals], self.paths[0], measure, label, colour(number))
            axes.set(xlabel=self.paths[0], title=measure)
            axes.spines[["top", "right"]].set_visible(False)
        for axes in panels[len(chosen) :]:
            axes.set_visible(False)
        if 1 < len(lines) <= 8:
            panels[0].legend(fontsize="small", frameon=False)
        return figure


def _draw(axes: Any, rows: list[Row], path: str, measure: str, label: str, shade: str) -> None:
    numeric = all(isinstance(row.setting[path], (int, float)) for row in rows)
    if numeric:
        rows = sorted(rows, key=lambda row: float(row.setting[path]))
    places = [row.setting[path] if numeric else _short(row.setting[path]) for row in rows]
    means, low, high = (np.array([row.intervals[measure][k] for row in rows]) for k in range(3))
    error = np.array([means - low, high - means]) if len(rows) else np.zeros((2, 0))
    error[~np.isfinite(error)] = 0.0
    axes.errorbar(places, means, error, marker="o", markersize=3, capsize=2, color=shade, label=label)


def _text(interval: tuple[float, float, float]) -> str:
    mean, low, _ = interval
    return f"{mean:.4g} ± {mean - low:.2g}" if math.isfinite(low) else f"{mean:.4g}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
