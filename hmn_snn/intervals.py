"""Numbers with a range: a value between a low and a high end, carried through sums and products."""

from __future__ import annotations

from dataclasses import dataclass

_PREFIXES = ((1e-18, "a"), (1e-15, "f"), (1e-12, "p"), (1e-9, "n"), (1e-6, "u"), (1e-3, "m"), (1.0, ""), (1e3, "k"))


@dataclass(frozen=True)
class Interval:
    """A value and the range that it is known to.

    The ends of a sum are the sums of the ends: the parts are taken to be at the same end together, as they are if they
    share a constant, and as is the widest case if they do not. So no sum is narrower than the truth; independent errors
    would partly cancel.

    Attributes
    ----------
    low, value, high : float
        Not negative, in this order.
    """

    low: float
    value: float
    high: float

    def __post_init__(self) -> None:
        assert 0.0 <= self.low <= self.value <= self.high

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.value + other.value, self.high + other.high)

    def __mul__(self, factor: float | Interval) -> Interval:
        """Multiply by a number that is not negative, or by another interval, end by end."""
        by = factor if isinstance(factor, Interval) else Interval(factor, factor, factor)
        return Interval(self.low * by.low, self.value * by.value, self.high * by.high)

    def __truediv__(self, divisor: float) -> Interval:
        return Interval(self.low / divisor, self.value / divisor, self.high / divisor)

    def later(self, other: Interval) -> Interval:
        """Return the larger of two intervals, end by end: when the last of two things is done.

        Parameters
        ----------
        other : Interval

        Returns
        -------
        Interval
        """
        return Interval(max(self.low, other.low), max(self.value, other.value), max(self.high, other.high))

    def text(self, unit: str) -> tuple[str, str]:
        """Return value and range as text with a fitting prefix.

        Parameters
        ----------
        unit : str
            Such as ``"J"``.

        Returns
        -------
        value, range : str
            Such as ``("1.2 nJ", "800 pJ to 3 nJ")``; the range is empty where the ends are equal.
        """
        value, low, high = (_with_prefix(number, unit) for number in (self.value, self.low, self.high))
        return value, "" if self.low == self.high else f"{low} to {high}"


ZERO = Interval(0.0, 0.0, 0.0)


def _with_prefix(number: float, unit: str) -> str:
    size, prefix = next((p for p in reversed(_PREFIXES) if number >= p[0]), (1.0, ""))
    return f"{number / size:.3g} {prefix}{unit}"
