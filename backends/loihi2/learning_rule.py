"""Learning rules of Loihi 2 as Lava writes them: sums of products, read strictly and written canonically.

``dw = "2^-2*y0*x1 - 2^-2*x0*y1"``: each product has one dependency (``x0``: the source neuron fired, ``y0``: the target
neuron did, ``u0`` to ``u9``: every 2**k learning epochs), a scale m 2^e (m -8 to 7, e -7 to 8), and factors: spikes,
traces (``x1 x2 y1 y2 y3``), the synapse's own ``w``, ``d``, ``t``, each plus a whole number if wanted (``(y2 - 64)``),
or the sign of one of the synapse's own.

Lava 0.10 (``magma/core/learning/symbolic_equation.py``, ``product_series.py``) reads some rules as others without a
word: ``u12*x1`` as ``2*u1*x1``, ``u0*(w-2*x1)`` as ``u0*(w-2)``. Such rules are refused here, and what
:func:`text` writes is read by Lava as it is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hmn_snn.errors import DescriptionError

DEPENDENCIES = ("x0", "y0", "u")
TRACES = ("x1", "x2", "y1", "y2", "y3")
SYNAPTIC = ("w", "t", "d")
# Bits of each factor, which decide by how much a product is shifted back: Lava 0.10, magma/core/learning/constants.py.
WIDTHS = {"x0": 1, "y0": 1, **dict.fromkeys(TRACES, 7), **dict.fromkeys(SYNAPTIC, 9)}
MANTISSA_BITS, ACCUMULATOR_BITS = 4, 15
MANTISSAS, EXPONENTS = (-8, 7), (-7, 8)
CONSTANT_MAX = 255
DECIMATION_MAX = 9  # Lava reads one digit
ACCUMULATOR_SHIFT = 7  # of w, t and d against what is accumulated


@dataclass(frozen=True)
class Factor:
    """A variable plus a constant, or its sign.

    Attributes
    ----------
    variable : str
    constant : int
    sign : bool
    """

    variable: str
    constant: int = 0
    sign: bool = False


@dataclass(frozen=True)
class Product:
    """One term of a rule.

    Attributes
    ----------
    dependency : "x0", "y0" or "u"
    mantissa, exponent : int
    factors : tuple of Factor
    """

    dependency: str
    mantissa: int
    exponent: int
    factors: tuple[Factor, ...]

    @property
    def shift(self) -> int:
        """Bits by which the product of mantissa and factors is shifted back, towards minus infinity."""
        return max(0, sum(WIDTHS[f.variable] for f in self.factors) + MANTISSA_BITS - ACCUMULATOR_BITS)

    @property
    def scale(self) -> float:
        """What the product of the factors is multiplied by in fixed point."""
        return self.mantissa * 2.0 ** (self.exponent - self.shift)


def parse(rule: str, where: str = "rule") -> tuple[tuple[Product, ...], int | None]:
    """Read a rule.

    Parameters
    ----------
    rule : str
    where : str
        The user's name for it.

    Returns
    -------
    tuple of Product
    int or None
        k of ``u<k>``, if there is one.

    Raises
    ------
    DescriptionError
        What is not a sum of such products, or out of range.
    """
    return _Reader(rule, where).products()


def text(products: Sequence[Product], decimation: int | None = None) -> str:
    """Write products as a rule that Lava reads as it is meant.

    Parameters
    ----------
    products : sequence of Product
    decimation : int, optional
        k of ``u<k>``.

    Returns
    -------
    str
    """
    terms = []
    for p in products:
        dependency = f"u{decimation}" if p.dependency == "u" else p.dependency
        parts = [f"{abs(p.mantissa)}*2^{p.exponent}", dependency, *map(_written, p.factors)]
        terms.append((" - " if p.mantissa < 0 else " + ") + "*".join(parts))
    joined = "".join(terms)
    return joined[3:] if joined.startswith(" + ") else "-" + joined[3:]


def literals(value: float, most: int = 2) -> list[tuple[int, int]]:
    """Return scales whose sum is near a value: the products of a rule add up.

    Parameters
    ----------
    value : float
    most : int
        Number of scales.

    Returns
    -------
    list of (mantissa, exponent)
        The largest first; none for what is nearest to zero.
    """
    found: list[tuple[int, int]] = []
    for _ in range(most):
        rest = value - sum(m * 2.0**e for m, e in found)
        m, e = min(_SCALES, key=lambda scale: abs(scale[0] * 2.0 ** scale[1] - rest))
        if m == 0:
            break
        found.append((m, e))
    return found


def _written(factor: Factor) -> str:
    c = factor.constant
    inner = factor.variable + (f"{c:+d}" if c else "")
    return f"sgn({inner})" if factor.sign else f"({inner})" if c else inner


_SCALES = [(0, 0)] + [(m, e) for e in range(EXPONENTS[0], EXPONENTS[1] + 1) for m in (1, 3, 5, 7, -1, -3, -5, -7)]
_TOKEN = re.compile(r"\s*(2\^[+-]?\d+|\d+|sgn|[A-Za-z_]\w*|[-+*()]|\S)")


class _Reader:
    """Reads one rule, token by token."""

    def __init__(self, rule: str, where: str) -> None:
        self.rule, self.where = rule, where
        self.tokens = _TOKEN.findall(rule)
        self.decimation: int | None = None

    def products(self) -> tuple[tuple[Product, ...], int | None]:
        """Read the whole rule."""
        if not self.tokens:
            raise self.problem("is empty; leave the rule out instead")
        terms = []
        sign = self.sign()
        while True:
            terms.append(self.product(sign))
            if not self.tokens:
                return tuple(terms), self.decimation
            if self.tokens[0] not in "+-":
                raise self.problem(f"has {self.tokens[0]!r} where + or - must follow")
            sign = self.sign()

    def problem(self, what: str) -> DescriptionError:
        """Return the error that names what is wrong."""
        return DescriptionError(self.where, "learning rule", self.rule, f"it {what}")

    def sign(self) -> int:
        """Take a sign, if there is one."""
        if self.tokens and self.tokens[0] in ("+", "-"):
            return -1 if self.tokens.pop(0) == "-" else 1
        return 1

    def product(self, sign: int) -> Product:
        """Take a product."""
        mantissa, exponent, dependency = sign, 0, ""
        factors: list[Factor] = []
        for atom in self.atoms():
            if isinstance(atom, tuple):
                mantissa, exponent = mantissa * atom[0], exponent + atom[1]
            elif isinstance(atom, str):
                if dependency and atom == "u":
                    raise self.problem("has a product with u and another dependency: u only gates a product by itself")
                if dependency:
                    factors.append(Factor(atom))
                else:
                    dependency = atom
            else:
                factors.append(atom)
        if not dependency:
            raise self.problem("has a product that depends on nothing; multiply it by x0, y0 or u0")
        while abs(mantissa) > MANTISSAS[1] and mantissa % 2 == 0 and exponent < EXPONENTS[1]:
            mantissa, exponent = mantissa // 2, exponent + 1
        if not MANTISSAS[0] <= mantissa <= MANTISSAS[1] or not EXPONENTS[0] <= exponent <= EXPONENTS[1]:
            raise self.problem(
                f"has the scale {mantissa} * 2^{exponent}; whole numbers {MANTISSAS[0]} to {MANTISSAS[1]} and "
                f"exponents {EXPONENTS[0]} to {EXPONENTS[1]} are allowed"
            )
        return Product(dependency, mantissa, exponent, tuple(factors))

    def atoms(self) -> Iterator[tuple[int, int] | str | Factor]:
        """Yield the parts of a product: scales, dependencies, factors."""
        while True:
            yield self.atom()
            if not self.tokens or self.tokens[0] != "*":
                return
            self.tokens.pop(0)

    def atom(self) -> tuple[int, int] | str | Factor:
        """Take one part of a product."""
        if not self.tokens:
            raise self.problem("ends where a factor must follow")
        token = self.tokens.pop(0)
        if token.startswith("2^"):
            return (1, int(token[2:]))
        if token.isdigit():
            return (int(token), 0)
        if token == "sgn":
            if not self.tokens or self.tokens.pop(0) != "(":
                raise self.problem("has sgn without a bracket")
            return self.bracket(sign=True)
        if token == "(":
            return self.bracket(sign=False)
        if re.fullmatch(r"u\d+", token):
            return self.epochs(token)
        if token in ("x0", "y0"):
            return token
        if token in WIDTHS:
            return Factor(token)
        raise self.problem(
            f"has {token!r}; allowed: whole numbers, 2^e, x0, y0, u0 to u{DECIMATION_MAX}, {', '.join(TRACES)}, "
            "w, d, t, each of them plus or minus a whole number in brackets, and sgn() of w, d, t"
        )

    def epochs(self, token: str) -> str:
        """Take the dependency on epochs."""
        k = int(token[1:])
        if k > DECIMATION_MAX:
            raise self.problem(f"has {token}: Lava reads its first digit only; u0 to u{DECIMATION_MAX} are allowed")
        if self.decimation not in (None, k):
            raise self.problem(f"has u{self.decimation} and {token}: one rule has one period")
        self.decimation = k
        return "u"

    def bracket(self, *, sign: bool) -> Factor:
        """Take a variable and a constant, or only the variable, up to the closing bracket."""
        variable, constant, negative = "", 0, False
        while True:
            s = self.sign()
            token = self.tokens.pop(0) if self.tokens else ""
            if token in WIDTHS and not variable:
                variable, negative = token, s < 0
            elif token.isdigit() and not constant:
                constant = s * int(token)
            else:
                raise self.problem(f"has {token!r} in brackets, which hold one variable and one whole number")
            closing = self.tokens.pop(0) if self.tokens else ""
            if closing == ")":
                break
            if closing not in ("+", "-"):
                raise self.problem("has brackets that hold more than one variable and one whole number")
            self.tokens.insert(0, closing)
        if not variable or negative:
            raise self.problem(
                "has brackets without a variable, or with one that is subtracted; write -(v - c) for c - v"
            )
        if abs(constant) > CONSTANT_MAX:
            raise self.problem(f"adds {constant}; numbers up to {CONSTANT_MAX} are allowed")
        if sign and variable not in SYNAPTIC:
            raise self.problem(f"has the sign of {variable}; that of {', '.join(SYNAPTIC)} is allowed")
        return Factor(variable, constant, sign)


@dataclass(frozen=True)
class Trace:
    """An exponential trace of spikes.

    Attributes
    ----------
    impulse : float
        Added at a spike; a fraction is added at random.
    tau : float [steps]
        0: gone after a step.
    """

    impulse: float = 0.0
    tau: float = 0.0


@dataclass(frozen=True)
class LearningRule:
    """A learning rule with its traces.

    Attributes
    ----------
    dw, dt, dd : str or None
        What weight, tag and delay change by.
    x1, x2, y1, y2, y3 : Trace
        Of the source neuron, and of the target neuron; with ``third_factors``, y1 to y3 are not traces.
    epoch : int [steps]
        1 to 63.
    third_factors : bool
        Whether the target neuron sends y1, y2 and y3 itself.

    Raises
    ------
    DescriptionError
    """

    dw: str | None = None
    dt: str | None = None
    dd: str | None = None
    x1: Trace = Trace()
    x2: Trace = Trace()
    y1: Trace = Trace()
    y2: Trace = Trace()
    y3: Trace = Trace()
    epoch: int = 1
    third_factors: bool = False

    def __post_init__(self) -> None:
        """Refuse what the chip cannot do."""
        products = self.products
        if not products:
            raise DescriptionError("learning rule", "dw", None, "give dw, dt or dd")
        if not 1 <= self.epoch <= 63:
            raise DescriptionError("learning rule", "epoch", self.epoch, "1 to 63 steps are allowed")
        for name in TRACES:
            trace = getattr(self, name)
            if not (0.0 <= trace.impulse <= 127.0 and 0.0 <= trace.tau < float("inf")):
                raise DescriptionError("learning rule", name, trace, "impulse 0 to 127 and tau from 0 are allowed")
        if self.third_factors and any((self.y1.impulse, self.y2.impulse, self.y3.impulse)):
            raise DescriptionError(
                "learning rule", "y1", self.y1, "with third factors the target neuron makes y1 to y3"
            )
        self.decimation  # noqa: B018  (raises)

    @property
    def products(self) -> dict[str, tuple[Product, ...]]:
        """Products of the rules that there are, by what they change: "w", "t", "d"."""
        return {name[1:]: parse(rule, name)[0] for name, rule in self._rules()}

    @property
    def decimation(self) -> int | None:
        """The k of u<k>, which all rules share."""
        found = {k for name, rule in self._rules() if (k := parse(rule, name)[1]) is not None}
        if len(found) > 1:
            named = ", ".join(f"u{k}" for k in sorted(found))
            raise DescriptionError("learning rule", "dw, dt, dd", named, "all rules of a connection share one u<k>")
        return found.pop() if found else None

    def _rules(self) -> list[tuple[str, str]]:
        named = (("dw", self.dw), ("dt", self.dt), ("dd", self.dd))
        return [(name, rule) for name, rule in named if rule is not None]
