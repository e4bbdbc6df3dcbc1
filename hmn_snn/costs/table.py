"""Cost tables: the constants of a device, read from a TOML file and checked."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import FileFormatError, UnknownNameError
from ..intervals import Interval
from ..ledger import Ledger

FOLDER = Path(__file__).parent
# From the best to the worst: a proxy is another device's figure.
CONFIDENCES = ("high", "medium", "low", "proxy")
_ENERGY = {"J": 1.0, "mJ": 1e-3, "uJ": 1e-6, "nJ": 1e-9, "pJ": 1e-12, "fJ": 1e-15, "aJ": 1e-18}
_POWER = {"kW": 1e3, "W": 1.0, "mW": 1e-3, "uW": 1e-6, "nW": 1e-9}
_TIME = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
# Units of each section, in SI; time has its own for each row.
UNITS: Mapping[str, Mapping[str, float]] = {"incremental": _ENERGY, "system": _ENERGY, "static": _POWER}
TIME_UNITS: Mapping[str, Mapping[str, float]] = {"per_step": _TIME, "real_time_factor": {"1": 1.0}}
SECTIONS = (*UNITS, "time")
MECHANISMS = ("stdp", "astrocytes")
STATIC = "static"  # a row may be included in the static power as well as in another row
_REQUIRED = ("value", "low", "high", "unit", "source", "year", "confidence", "note")


@dataclass(frozen=True)
class Row:
    """A constant, with where it comes from; or why there is none.

    Attributes
    ----------
    value, low, high : float
        In ``unit``.
    unit, source : str
    year : int
        Of the source.
    confidence : "high", "medium", "low" or "proxy"
        Proxy: another device's figure, for want of one.
    note : str
        What the figure holds for.
    missing : str
        Why there is no figure; empty if there is one.
    included_in : str
        The row whose figure includes this one, or ``"static"``; empty if none does.
    neurons : int
        Of a static power: how many neurons one unit of the hardware holds; 0 if it holds any number.
    """

    value: float = 0.0
    low: float = 0.0
    high: float = 0.0
    unit: str = ""
    source: str = ""
    year: int = 0
    confidence: str = ""
    note: str = ""
    missing: str = ""
    included_in: str = ""
    neurons: int = 0

    @property
    def known(self) -> bool:
        """Whether it is a figure."""
        return not (self.missing or self.included_in)

    @property
    def interval(self) -> Interval:
        """The figure in SI units."""
        size = {**_ENERGY, **_POWER, **_TIME, "1": 1.0}[self.unit]
        return Interval(self.low, self.value, self.high) * size


@dataclass(frozen=True)
class Host:
    """Who does what a device cannot do.

    Attributes
    ----------
    table : str
        The device whose constants hold for it.
    mechanisms : tuple of str
        Of :data:`MECHANISMS`: what it does unless a run on the device says otherwise.
    always : bool
        Whether it does so whatever a run says, because what ran stands in for it.
    """

    table: str = ""
    mechanisms: tuple[str, ...] = ()
    always: bool = False


@dataclass(frozen=True)
class CostTable:
    """The constants of a device.

    Attributes
    ----------
    name : str
        Stem of the file.
    title, summary : str
    backend : str
        The backend whose runs are runs on this device; empty if none is.
    clock : "modelled" or "wall_time"
        How long a run takes: by the rows of ``time``, or as long as it took here.
    host : Host
    incremental, system : mapping of str to Row
        Energy per event, by counter of the ledger (or counter of hardware, with its unit in brackets).
    static : mapping of str to Row
        Power of each unit of the hardware, by what the unit is called.
    time : mapping of str to Row
        ``per_step`` and ``real_time_factor``.
    """

    name: str
    title: str
    summary: str
    backend: str = ""
    clock: str = "modelled"
    host: Host = field(default_factory=Host)
    incremental: Mapping[str, Row] = field(default_factory=dict)
    system: Mapping[str, Row] = field(default_factory=dict)
    static: Mapping[str, Row] = field(default_factory=dict)
    time: Mapping[str, Row] = field(default_factory=dict)

    def rows(self) -> Iterator[tuple[str, str, Row]]:
        """Yield section, name and row of all constants.

        Yields
        ------
        section, name : str
        row : Row
        """
        for section in SECTIONS:
            for name, row in getattr(self, section).items():
                yield section, name, row

    def __str__(self) -> str:
        from ..summary import text_table

        rows = [
            [f"{section}: {name}", f"{row.value:g}", f"{row.low:g} to {row.high:g}", row.unit, row.confidence, row.year,
             f"{row.source}; {row.note}"]
            if row.known
            else [f"{section}: {name}", "missing" if row.missing else "included", None, None, None, None,
                  row.missing or f"in {row.included_in}; {row.note}".rstrip("; ")]
            for section, name, row in self.rows()
        ]  # fmt: skip
        headers = ["constant", "value", "range", "unit", "confidence", "year", "source and note"]
        return f"{self.title}: {self.summary}\n\n{text_table(rows, headers)}"


def devices() -> tuple[str, ...]:
    """Return the names of the devices that come with the package.

    Returns
    -------
    tuple of str
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def cost_table(device: str | Path) -> CostTable:
    """Return the cost table of a device.

    Parameters
    ----------
    device : str or pathlib.Path
        A device that comes with the package (:func:`hmn_snn.costs.table.devices`), or a file that ends in ``.toml``.

    Returns
    -------
    CostTable

    Raises
    ------
    UnknownNameError
        If no device has that name.
    FileNotFoundError
        If there is no such file.
    FileFormatError
        If the file is no cost table; all that is wrong with it is named.
    """
    if Path(device).suffix.lower() == ".toml":
        return _read(Path(device))
    if device not in devices():
        raise UnknownNameError("device", device, (*devices(), "a file that ends in .toml"))
    return _packaged(str(device))


@cache
def _packaged(device: str) -> CostTable:
    return _read(FOLDER / f"{device}.toml")


def _read(path: Path) -> CostTable:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FileFormatError(path, f"this is no TOML file: {error}") from None
    problems = list(_problems(content))
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise FileFormatError(path, f"{len(problems)} {noun} in this cost table:\n{listed}")
    parts: dict[str, Any] = dict(content)
    for section in SECTIONS:
        parts[section] = {name: Row(**row) for name, row in content.get(section, {}).items()}
    host: dict[str, Any] = dict(content.get("host", {}))
    parts["host"] = Host(**host | {"mechanisms": tuple(host.get("mechanisms", ()))})
    return CostTable(path.stem, **parts)


def _problems(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a file's content, each with its place."""
    texts = ("title", "summary", "backend", "clock")
    known = (*texts, "host", *SECTIONS)
    yield from (f"{key!r} is unknown; known are {', '.join(known)}" for key in content if key not in known)
    yield from (f"{key!r} is missing; write one line of text" for key in ("title", "summary") if key not in content)
    for key in texts:
        if not isinstance(content.get(key, ""), str):
            yield f"{key!r} is {content[key]!r}; write a text"
    if content.get("clock", "modelled") not in ("modelled", "wall_time"):
        yield f"clock is {content['clock']!r}; write 'modelled' or 'wall_time'"
    if not any(section in content for section in SECTIONS):
        yield f"there is no constant; write at least one of [{'.NAME], ['.join(SECTIONS)}.NAME]"
    yield from _host_problems(content.get("host", {}))
    for section in SECTIONS:
        rows = content.get(section, {})
        if not isinstance(rows, Mapping):
            yield f"{section!r} is {rows!r}; write tables such as [{section}.NAME]"
            continue
        for name, row in rows.items():
            yield from (f"[{section}.{name}] {problem}" for problem in _row_problems(section, name, row, rows))


def _host_problems(host: Any) -> Iterator[str]:
    if not isinstance(host, Mapping):
        yield f"'host' is {host!r}; write a table [host]"
        return
    known = {item.name for item in fields(Host)}
    yield from (f"[host] {key!r} is unknown; known are {', '.join(sorted(known))}" for key in host if key not in known)
    if host and host.get("table") not in devices():
        yield f"[host] table is {host.get('table')!r}; write one of {', '.join(devices())}"
    mechanisms = host.get("mechanisms", [])
    if not isinstance(mechanisms, list) or any(mechanism not in MECHANISMS for mechanism in mechanisms):
        yield f"[host] mechanisms is {mechanisms!r}; write a list of some of {', '.join(MECHANISMS)}"
    if not isinstance(host.get("always", False), bool):
        yield f"[host] always is {host['always']!r}; write true or false"


def _row_problems(section: str, name: str, row: Any, rows: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(row, Mapping):
        yield f"is {row!r}; write a table with {', '.join(_REQUIRED)}"
        return
    if section == "time" and name not in TIME_UNITS:
        yield f"is unknown; known are {', '.join(TIME_UNITS)}"
        return
    if section in ("incremental", "system") and _misspelt(name):
        yield f"is no counter; known are {', '.join(Ledger.counters())}, and a target's own, which have spaces"
    known = {item.name for item in fields(Row)} - (set() if section == "static" else {"neurons"})
    yield from (f"{key!r} is unknown; known are {', '.join(sorted(known))}" for key in row if key not in known)
    if "missing" in row or "included_in" in row:
        yield from _absence_problems(row, rows)
    else:
        yield from _figure_problems(section, name, row)


def _misspelt(name: str) -> bool:
    """Tell a misspelt counter of the ledger, which are words with underscores, from a counter of hardware."""
    return "_" in name and name not in Ledger.counters()


def _absence_problems(row: Mapping[str, Any], rows: Mapping[str, Any]) -> Iterator[str]:
    extra = [key for key in row if key not in ("missing", "included_in", "note")]
    if len(extra) + ("missing" in row) + ("included_in" in row) > 1:
        yield f"has more than one of a figure, 'missing' and 'included_in' ({', '.join(row)}); keep one"
    for key in ("missing", "included_in"):
        if key in row and not (isinstance(row[key], str) and row[key]):
            yield f"{key} is {row[key]!r}; write a text"
    target = rows.get(str(row.get("included_in")))
    known = row.get("included_in") == STATIC or (isinstance(target, Mapping) and "value" in target)
    if "included_in" in row and not known:
        yield f"is included in {row['included_in']!r}, which has no figure in this section"


def _figure_problems(section: str, name: str, row: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"{key!r} is missing" for key in _REQUIRED if key not in row)
    numbers = [row[key] for key in ("low", "value", "high") if key in row]
    if any(isinstance(n, bool) or not isinstance(n, (int, float)) or not 0 <= n < float("inf") for n in numbers):
        yield f"low, value and high are {', '.join(map(repr, numbers))}; write numbers of 0 or more"
    elif len(numbers) == 3 and sorted(numbers) != numbers:
        yield f"low {numbers[0]:g}, value {numbers[1]:g} and high {numbers[2]:g} are not in this order"
    units = TIME_UNITS[name] if section == "time" else UNITS[section]
    if "unit" in row and row["unit"] not in tuple(units):
        yield f"unit is {row['unit']!r}; write one of {', '.join(units)}"
    if "confidence" in row and row["confidence"] not in CONFIDENCES:
        yield f"confidence is {row['confidence']!r}; write one of {', '.join(CONFIDENCES)}"
    for key in ("source", "note"):
        if key in row and not (isinstance(row[key], str) and row[key]):
            yield f"{key} is {row[key]!r}; write a text"
    for key, least in (("year", 1900), ("neurons", 1)):
        if key in row and not (type(row[key]) is int and row[key] >= least):
            yield f"{key} is {row[key]!r}; write a whole number of {least} or more"
