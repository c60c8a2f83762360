"""Whether two expressions are equal for all numbers of a piece of a domain: by simplification, and at points."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import mpmath
import numpy as np
import sympy

from .algebra import indices_of, moved

DIGITS = 50
POINTS = 200
ROUNDING = 1e-13  # relative: what the floats of a program may be off, as 0.1 + 0.2 is
_INFINITE = (sympy.oo, -sympy.oo, sympy.zoo)

Point = Mapping[Any, Any]  # a rational number for each symbol


class Cotangent(sympy.Symbol):  # type: ignore[misc]
    """The symbol of an entry of the cotangent g."""


class Different(Exception):
    """Two expressions in these `symbols` differ at a point, where one is the number `found`, and one `expected`."""

    def __init__(self, point: Point, found: Any, expected: Any, symbols: Collection[Any] = ()) -> None:
        super().__init__(f"{found} and {expected} at {point}")
        self.point, self.found, self.expected, self.symbols = point, found, expected, symbols


class Unsimplified(Exception):
    """Sympy cannot show that a difference is 0, though no point shows that it is not."""


def points(symbols: Iterable[Any], number: int, parts: int) -> Iterator[Point]:
    """Points with rational numbers up to 3, in halves or smaller parts; cotangents have 1, 2 or 3."""
    random = np.random.default_rng(0)
    ordered = sorted(symbols, key=str)
    for _ in range(number):
        point = {}
        for s in ordered:
            if isinstance(s, Cotangent):
                point[s] = sympy.Integer(int(random.integers(1, 4)))
            else:
                value = sympy.Rational(int(random.integers(1, 3 * parts + 1)), parts)
                point[s] = value if s.is_positive or random.integers(2) else -value
        yield point


_JUMPS = {
    "floor": mpmath.floor,
    "ceil": mpmath.ceil,
    "rint": mpmath.nint,
    "trunc": lambda x: mpmath.floor(abs(x)) * mpmath.sign(x),
}


@cache
def _compiled(expression: Any, symbols: tuple[Any, ...]) -> Callable[..., Any]:
    return sympy.lambdify(symbols, expression, [_JUMPS, "mpmath"])  # type: ignore[no-any-return]


def number_at(point: Point, expression: Any) -> Any:
    """The real number that an expression has at a point, to 50 digits; NaN if it has none."""
    if expression.has(sympy.nan, *_INFINITE):
        return mpmath.nan
    with mpmath.workdps(DIGITS):
        numbers = [mpmath.mpf(value.p) / value.q for value in point.values()]
        try:
            number = _compiled(expression, tuple(point))(*numbers)
        except ZeroDivisionError:
            return mpmath.nan
        return mpmath.nan if isinstance(number, mpmath.mpc) else mpmath.mpf(number)


def is_infinite(expression: Any) -> bool:
    return bool(expression.has(*_INFINITE))


def equate(found: Any, expected: Any, first: Sequence[Point], more: Callable[[], Iterable[Point]]) -> None:
    """Show that two expressions in the symbols of a piece are equal for all values of the symbols.

    Args:
        first: points to compare at before simplifying, and `more` returns others, for what sympy cannot simplify.

    Raises:
        Different: they are not equal at a point.
        Unsimplified: sympy cannot tell.
    """
    if found == expected and not found.has(sympy.nan):
        return
    for point in first:
        _compare_at(point, found, expected)
    difference, whole = _of_first_entry(found - expected), _of_first_entry(expected)
    # Gradients are linear in the cotangents, whose factors are simplified faster than their sum.
    cotangents = [s for s in difference.free_symbols if isinstance(s, Cotangent)]
    parts = [(difference.diff(s), whole.diff(s)) for s in sorted(cotangents, key=str)] or [(difference, whole)]
    if all(_is_rounding(*part) or _is_zero(part[0]) for part in parts):
        return
    largest = max((_compare_at(point, found, expected) for point in more()), default=0)
    digits = "but for rounding" if largest > mpmath.mpf(10) ** (20 - DIGITS) else f"to {DIGITS} digits"
    raise Unsimplified(f"sympy cannot simplify {found - expected} to 0, which it is {digits} at {POINTS} points")


def _compare_at(point: Point, found: Any, expected: Any) -> Any:
    """The difference at a point, relative to 1 or to the numbers; Different if rounding cannot explain it."""
    one, other = number_at(point, found), number_at(point, expected)
    if not mpmath.isfinite(other):  # there is no derivative
        return 0
    difference = abs(one - other)
    if not difference <= max(ROUNDING, 10 * ROUNDING * max(abs(one), abs(other))):  # also if one is NaN
        raise Different(point, one, other, found.free_symbols | expected.free_symbols)
    return difference / (1 + abs(other))


def _log_of_gamma(x: Any) -> Any:
    """ln Γ(x) as the logarithm that it is for x > 0, whose exponential sympy simplifies."""
    return sympy.log(sympy.gamma(x)) if x.is_positive else sympy.loggamma(x)


SIMPLER: list[Callable[[Any], Any]] = [
    sympy.expand,
    sympy.simplify,
    lambda e: sympy.simplify(e.rewrite(sympy.exp)),
    lambda e: sympy.simplify(e.replace(sympy.loggamma, _log_of_gamma)),
]


@cache
def _is_zero(difference: Any) -> bool:
    """Whether sympy can show that a difference is 0. With floats of many digits, it could try for hours."""
    has_long_numbers = any(number.q > 10**9 for number in difference.atoms(sympy.Rational))
    return any(simpler(difference) == 0 for simpler in SIMPLER[: 1 if has_long_numbers else None])


def _coefficients(expression: Any) -> dict[Any, Any]:
    """The number in front of each product of symbols and functions in a sum."""
    total: dict[Any, Any] = defaultdict(lambda: sympy.Integer(0))
    for term in sympy.Add.make_args(sympy.expand(expression)):
        number, rest = term.as_independent(*term.free_symbols, as_Add=False)
        total[rest] += number
    return total


def _is_rounding(difference: Any, expected: Any) -> bool:
    """Whether a difference is 0 but for the rounding of floats: its numbers are tiny beside those of `expected`."""
    if all(number.q <= 10**6 for number in difference.atoms(sympy.Rational)):  # so `exact` has rounded none
        return bool(difference == 0)
    largest = max((abs(float(number)) for number in map(sympy.N, _coefficients(expected).values())), default=0.0)
    numbers = (sympy.N(number, DIGITS) for number in _coefficients(difference).values())
    return all(number.is_real and abs(float(number)) <= ROUNDING * largest for number in numbers)


def _of_first_entry(expression: Any) -> Any:
    """An expression in symbols of one index, such as x[1], as that in x[0]: so it is simplified only once."""
    indices = indices_of(expression)
    if len(indices) != 1:
        return expression
    (index,) = indices
    return moved(expression, index, "[0]")


def is_between(found: Sequence[Any], sides: Sequence[Sequence[Any]]) -> bool:
    """Whether a vector of numbers is a weighted mean of others, the weights being positive."""
    from scipy.optimize import nnls  # a large module, which few proofs need

    target = [float(number) for number in found]
    if not all(map(math.isfinite, target)):
        return False
    scale = max(1.0, *map(abs, target))
    columns = np.array([[float(number) / scale for number in side] + [1.0] for side in sides]).T
    _, distance = nnls(columns, np.array([number / scale for number in target] + [1.0]))
    return bool(distance < 1e-9)
