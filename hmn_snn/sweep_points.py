"""Which points a sweep consists of: a grid, random draws, or what optuna proposes from the points before."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import DescriptionError, HMNError

SAMPLERS = ("grid", "random", "optuna")
Setting = Mapping[str, Any]


@dataclass(frozen=True)
class Range:
    """A range that a sampler draws from.

    Parameters
    ----------
    low, high : float
    log : bool
        Whether all factors are equally likely instead of all differences.
    integer : bool
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no range."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise DescriptionError("range", "low, high", (self.low, self.high), "give finite numbers, low below high")
        if self.log and self.low <= 0:
            raise DescriptionError("range", "low", self.low, "a logarithmic range begins above 0")

    def at(self, u: float) -> float | int:
        """Return the value at a share of the range, 0 to 1."""
        if self.log:
            value = math.exp(math.log(self.low) + u * math.log(self.high / self.low))
        else:
            value = self.low + u * (self.high - self.low)
        return round(value) if self.integer else value


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes
    ----------
    setting : mapping of str to value
        By path.
    seed : int
    backend : str
    """

    setting: Setting
    seed: int
    backend: str

    def key(self, common: str) -> str:
        """Return a name that equal points of equal sweeps share, and no others.

        Parameters
        ----------
        common : str
            Digest of what all points of a sweep have in common.
        """
        text = json.dumps([common, sorted(self.setting.items()), self.seed, self.backend], default=_plain)
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return repr(value)


def grid(parameters: Mapping[str, Any]) -> Iterator[Setting]:
    """Yield every combination of listed values.

    Parameters
    ----------
    parameters : mapping of str to sequence

    Yields
    ------
    mapping of str to value

    Raises
    ------
    DescriptionError
        If a range is among them.
    """
    for path, values in parameters.items():
        if isinstance(values, Range):
            raise DescriptionError(f"sweep of {path!r}", "values", values, "a grid needs a list; or sample at random")
    for combination in itertools.product(*parameters.values()):
        yield dict(zip(parameters, combination, strict=True))


def drawn(parameters: Mapping[str, Any], n: int, seed: int) -> Iterator[Setting]:
    """Yield settings drawn at random: the first n are the same whatever n.

    Parameters
    ----------
    parameters : mapping of str to sequence or Range
    n, seed : int

    Yields
    ------
    mapping of str to value
    """
    generator = np.random.default_rng(seed)
    for _ in range(n):
        yield {path: _draw(values, float(generator.random())) for path, values in parameters.items()}


def _draw(values: Any, u: float) -> Any:
    return values.at(u) if isinstance(values, Range) else values[min(int(u * len(values)), len(values) - 1)]


def proposed(
    parameters: Mapping[str, Any], n: int, seed: int, score: Callable[[Setting], float], maximize: bool
) -> Iterator[Setting]:
    """Yield what optuna's tree-structured Parzen estimator proposes, one setting after the score of the other.

    The sampler is seeded, and a finished point scores the same when it is read back: so a sweep that was killed goes
    through the settings it had, and on.

    Parameters
    ----------
    parameters : mapping of str to sequence or Range
    n, seed : int
    score : callable (setting) -> float
    maximize : bool

    Yields
    ------
    mapping of str to value

    Raises
    ------
    MissingExtraError
    """
    from .errors import MissingExtraError

    try:
        import optuna
    except ImportError:
        raise MissingExtraError("optuna", "sweep") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    towards: Any = "maximize" if maximize else "minimize"
    study = optuna.create_study(direction=towards, sampler=optuna.samplers.TPESampler(seed=seed))
    for _ in range(n):
        trial = study.ask()
        setting = {path: _suggested(trial, path, values) for path, values in parameters.items()}
        yield setting
        value = score(setting)
        study.tell(trial, value if math.isfinite(value) else None,
                   None if math.isfinite(value) else optuna.trial.TrialState.FAIL)  # fmt: skip


def _suggested(trial: Any, path: str, values: Any) -> Any:
    if not isinstance(values, Range):
        return values[trial.suggest_categorical(path, list(range(len(values))))]
    if values.integer:
        return trial.suggest_int(path, round(values.low), round(values.high), log=values.log)
    return trial.suggest_float(path, values.low, values.high, log=values.log)


def parsed(text: str) -> tuple[str, Sequence[Any] | Range]:
    """Read what the command line says of a parameter.

    Parameters
    ----------
    text : str
        ``PATH=a,b,c`` lists values; ``PATH=low:high``, ``low:high:log`` or ``low:high:integer`` is a range.

    Returns
    -------
    path : str
    values : list or Range

    Raises
    ------
    HMNError
    """
    path, equals, right = text.rpartition("=")
    if not equals or not path or not right:
        raise HMNError(f"{text!r} sets nothing; write PATH=1,2,3 or PATH=0.1:10:log")
    if ":" not in right:
        return path, [_value(word) for word in right.split(",")]
    low, high, *kinds = right.split(":")
    if not set(kinds) <= {"log", "integer"}:
        raise HMNError(f"{text!r}: a range is low:high, low:high:log or low:high:integer")
    try:
        return path, Range(float(low), float(high), "log" in kinds, "integer" in kinds)
    except ValueError as error:
        raise HMNError(f"{text!r} is no range: {error}") from None


def _value(word: str) -> Any:
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return {"none": None, "true": True, "false": False}.get(word.lower(), word)
