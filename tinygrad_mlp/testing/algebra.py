"""Arrays of symbols that NumPy's functions take: rules and formulas, given them, are mathematics that sympy can read.

Comparisons are decided. An array belongs to a `Piece` of the domain, on which each comparison is true everywhere or
false everywhere. Where that is not so, `SignChanges` names the expression whose zeros cut the piece. So a function that
is defined by cases is a smooth expression on each piece.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, partial, reduce
from typing import Any

import numpy as np
import sympy
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import NDArray
from scipy.special import (
    digamma,
    entr,
    erf,
    erfc,
    erfcx,
    erfinv,
    expit,
    gammaln,
    i0,
    i0e,
    i1,
    i1e,
    log_expit,
    log_ndtr,
    logit,
    ndtr,
    ndtri,
    xlog1py,
    xlogy,
)  # fmt: skip

from ..core import functions as f
from ..names import linear_rows
from ..names.gamma_rows import gamma_quantile, shape_derivative
from ..names.rows import hurwitz_zeta, lower_gamma, upper_gamma
from ..tensors.derived import derived

Array = NDArray[Any]


# --- numbers ----------------------------------------------------------------------------------------------------------


@cache
def _constants() -> list[tuple[float, Any]]:
    """Known constants and small multiples of them, each as a float and exactly."""
    pi, root, log = sympy.pi, sympy.sqrt, sympy.log
    bases = [pi, root(pi), root(2), root(3), root(2 * pi), root(2 / pi), log(2), log(10), log(2 * pi), log(10) / log(2)]
    bases += [sympy.E, sympy.EulerGamma]
    bases += [1 / base for base in bases]
    factors = [sympy.Rational(*pair) for pair in ((1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (4, 1), (1, 4))]
    exact = [factor * base for base in bases for factor in factors]
    return [(float(constant), constant) for constant in exact]


def exact(number: Any) -> Any:
    """The exact number that a float was rounded from: 1/10 for 0.1, ln 2 for `math.log(2)`. Expressions stay."""
    if isinstance(number, sympy.Basic):
        return number
    if isinstance(number, bool | np.bool_ | int | np.integer):
        return sympy.Integer(int(number))
    number = float(number)
    if not math.isfinite(number):
        return sympy.nan if math.isnan(number) else sympy.oo * int(math.copysign(1, number))
    fraction = Fraction(number).limit_denominator(10**6)
    if float(fraction) == number:
        return sympy.Rational(fraction.numerator, fraction.denominator)
    for value, constant in _constants():  # multiples of π, ln 2, √2 and their like
        if abs(abs(number) - value) <= 4 * math.ulp(value):
            return constant if number > 0 else -constant
    return sympy.Rational(repr(number))  # the decimal number that Python prints


_exactly: Callable[[Any], Any] = np.frompyfunc(exact, 1, 1)


# --- pieces of a domain -----------------------------------------------------------------------------------------------


class SignChanges(Exception):
    """An expression has both signs on one piece of the domain, or sympy cannot tell which sign the expression has."""

    def __init__(self, expression: Any) -> None:
        super().__init__(str(expression))
        self.expression = expression


EPSILON = sympy.Symbol("ε", positive=True)  # an infinitesimal number


def indices_of(expression: Any) -> set[str]:
    """The indices of the symbols in an expression: [0] and [1] for x[0]·y[1]."""
    return {found for symbol in expression.free_symbols for found in re.findall(r"\[.*\]", symbol.name)}


def moved(expression: Any, index: str, other: str) -> Any:
    """An expression in which another index, such as [1], replaces that of each symbol with `index`, such as x[0]."""
    return expression.xreplace(
        {s: type(s)(s.name.replace(index, other), **s.assumptions0) for s in expression.free_symbols if index in s.name}
    )


@dataclass(frozen=True)
class Piece:
    """A part of a domain: the inputs in terms of symbols that may have any positive value, or any real one.

    Attributes:
        inputs: the expression that replaces the symbol of each input.
        steps: groups of symbols that are 0 on this piece, if it is a border. Small positive or negative values of the
            symbols of a group lead to a piece beside the border.
    """

    inputs: Mapping[Any, Any]
    steps: tuple[tuple[Any, ...], ...] = ()
    _signs: dict[Any, int] = field(default_factory=dict, compare=False, repr=False)

    def replaced(self, values: Mapping[Any, Any], steps: tuple[tuple[Any, ...], ...]) -> Piece:
        """The piece with some of its symbols replaced."""
        return Piece({symbol: expression.xreplace(values) for symbol, expression in self.inputs.items()}, steps)

    def centre(self) -> Piece:
        """The border itself."""
        return self.replaced({step: sympy.Integer(0) for group in self.steps for step in group}, ())

    def sides(self) -> list[Piece]:
        """The pieces beside this border, at an infinitesimal distance. A piece that is no border is its only side.

        Each group of steps becomes ±ε, ±ε² or ±ε³, a different power for each group and in every order: so no two steps
        cancel.
        """
        number = len(self.steps)
        if number > 3:
            raise ValueError(f"{number} borders meet, which have too many sides to look at")
        found = {}  # by the inputs, because some orders lead to the same side
        for powers in itertools.permutations(range(1, number + 1)):
            for signs in itertools.product((-1, 1), repeat=number):
                lengths = [sign * EPSILON**power for sign, power in zip(signs, powers, strict=True)]
                groups = zip(self.steps, lengths, strict=True)
                side = self.replaced({step: length for group, length in groups for step in group}, ())
                found[tuple(side.inputs.values())] = side
        return list(found.values())

    def at(self, expression: Any) -> Any:
        """An expression of the inputs, rewritten in the symbols of this piece; beside a border, its limit for ε → 0."""
        here = self._read(expression)
        if not here.has(EPSILON):
            return here
        value = here.subs(EPSILON, 0)
        return sympy.limit(here, EPSILON, 0) if value.has(sympy.nan, sympy.zoo) else value

    def sign(self, expression: Any) -> int:
        """1, −1 or 0: the sign of an expression of the inputs. Raises SignChanges if it is not the same everywhere."""
        if expression not in self._signs:
            self._signs[expression] = sign_of(self._read(expression))
        return self._signs[expression]

    def _read(self, expression: Any) -> Any:
        """An expression of the inputs, rewritten in the symbols of this piece, of which ε is one beside a border."""
        return expression.subs(self.inputs, simultaneous=True) if expression.free_symbols else expression

    def cut(self, expression: Any, twins: Collection[str] = ()) -> list[Piece]:
        """Three pieces: one on each side of a zero of `expression`, and the border at the zero.

        Args:
            twins: indices of entries. If `expression` has symbols of one of these alone, all of these entries are cut
                alike.

        Raises:
            ValueError: no zero could be found.
        """
        for symbol in sorted(expression.free_symbols - {EPSILON}, key=lambda s: (bool(s.is_positive), str(s))):
            try:
                zeros = sympy.solve(expression, symbol)
            except NotImplementedError:
                continue
            for zero in zeros:
                if not symbol.is_positive:
                    if zero.is_real:
                        return self._cut_at(symbol, zero, twins)
                    continue
                try:
                    if zero.is_real and sign_of(zero) > 0:
                        return self._cut_at(symbol, zero, twins)
                except SignChanges as change:  # whether the zero is on this piece depends on the other symbols
                    return self.cut(change.expression, twins)
        raise ValueError(f"it compares, and where {expression} is 0 could not be found")

    def _cut_at(self, symbol: Any, zero: Any, twins: Collection[str]) -> list[Piece]:
        """Three pieces, where `symbol` is below, at and above `zero`, a number or an expression in other symbols."""
        own = indices_of(symbol + zero)
        cuts = [(symbol, zero)]
        if len(own) == 1 and own <= set(twins):
            (index,) = own
            cuts = [(moved(symbol, index, twin), moved(zero, index, twin)) for twin in twins]
        below, border, above, group = {}, {}, {}, []
        # New symbols in place of each cut one: any positive `rest` leads away from the zero, and a `step` of 0 to it.
        for s, at in cuts:
            rest, step = sympy.Symbol(f"{s}'", positive=True), sympy.Symbol(f"{s}°", real=True)
            below[s] = at / (1 + rest) if s.is_positive else at - rest  # from 0 to `at`, or from −∞ to `at`
            border[s] = at + step
            above[s] = at + rest
            group.append(step)
        return [
            self.replaced(below, self.steps),
            self.replaced(border, (*self.steps, tuple(group))),
            self.replaced(above, self.steps),
        ]


def sign_of(expression: Any) -> int:
    """The sign that an expression has for all values of its symbols. Where ε occurs, the lowest power of ε decides.

    Raises:
        SignChanges: there is no such sign, or sympy does not know it.
    """
    for form in (lambda e: e, sympy.expand, lambda e: sympy.factor(sympy.together(e))):
        expression = form(expression)
        for sign, holds in ((0, expression.is_zero), (1, expression.is_positive), (-1, expression.is_negative)):
            if holds:
                return sign
    if expression.has(EPSILON):
        leading = expression.as_leading_term(EPSILON).subs(EPSILON, 1)
        if not leading.has(EPSILON, sympy.Order):
            return sign_of(leading)
    raise SignChanges(expression)


# --- what functions mean ----------------------------------------------------------------------------------------------


class Constant(sympy.Function):  # type: ignore[misc]
    """A function that is constant between jumps, such as the floor: its derivative is 0 wherever it has one."""

    is_real = True

    def fdiff(self, argindex: int = 1) -> Any:
        return sympy.Integer(0)


floor, ceil, rint, trunc = (type(name, (Constant,), {}) for name in ("floor", "ceil", "rint", "trunc"))


def _zeta(s: Any, q: Any) -> Any:
    """Hurwitz' zeta function. For a whole s > 1 it is written as a derivative of digamma, which sympy can simplify."""
    return (-1) ** s * sympy.polygamma(s - 1, q) / sympy.factorial(s - 1) if s.is_integer else sympy.zeta(s, q)


def _lower_gamma(a: Any, x: Any) -> Any:
    return sympy.lowergamma(a, x) / sympy.gamma(a)


class log_moment(sympy.Function):  # type: ignore[misc]
    """The integral of t^(a − 1) e^(−t) lnⁿ t over t from 0 to z: hence its derivatives."""

    is_real = True

    def fdiff(self, argindex: int = 1) -> Any:
        n, a, z = self.args
        return log_moment(n + 1, a, z) if argindex == 2 else z ** (a - 1) * sympy.exp(-z) * sympy.log(z) ** n


def _gamma_density(a: Any, z: Any) -> Any:
    return sympy.exp((a - 1) * sympy.log(z) - z - sympy.loggamma(a))


def _shape_derivative(order: Any, a: Any, z: Any) -> Any:
    shape = sympy.Symbol("shape", positive=True)
    derivative = sympy.diff(log_moment(0, shape, z) * sympy.exp(-sympy.loggamma(shape)), shape, int(order))
    return derivative.subs(shape, a) / _gamma_density(a, z)


class quantile(sympy.Function):  # type: ignore[misc]
    """The y up to which draws of a gamma distribution are with the probability p: hence its derivatives."""

    is_positive = True

    def fdiff(self, argindex: int = 1) -> Any:
        a = self.args[0]
        return -_shape_derivative(1, a, self) if argindex == 1 else 1 / _gamma_density(a, self)


# The functions of single entries, in sympy's words.
MEANINGS: dict[Any, Callable[..., Any]] = {
    np.add: lambda a, b: a + b, np.subtract: lambda a, b: a - b, np.multiply: lambda a, b: a * b,
    np.divide: lambda a, b: a / b, np.power: lambda a, b: a**b, np.float_power: lambda a, b: a**b,
    np.negative: lambda x: -x, np.positive: lambda x: x, np.reciprocal: lambda x: 1 / x, np.square: lambda x: x**2,
    np.sqrt: sympy.sqrt, np.exp: sympy.exp, np.exp2: lambda x: 2**x,
    np.expm1: lambda x: sympy.exp(x) - 1, np.log: sympy.log, np.log2: lambda x: sympy.log(x) / sympy.log(2),
    np.log10: lambda x: sympy.log(x) / sympy.log(10), np.log1p: lambda x: sympy.log(1 + x),
    np.logaddexp: lambda a, b: sympy.log(sympy.exp(a) + sympy.exp(b)), np.hypot: lambda a, b: sympy.sqrt(a**2 + b**2),
    np.sin: sympy.sin, np.cos: sympy.cos, np.tan: sympy.tan, np.arcsin: sympy.asin, np.arccos: sympy.acos,
    np.arctan: sympy.atan, np.sinh: sympy.sinh, np.cosh: sympy.cosh, np.tanh: sympy.tanh, np.arcsinh: sympy.asinh,
    np.arccosh: sympy.acosh, np.arctanh: sympy.atanh, np.floor: floor, np.ceil: ceil, np.rint: rint, np.trunc: trunc,
    np.floor_divide: lambda a, b: floor(a / b), np.remainder: lambda a, b: a - b * floor(a / b),
    np.fmod: lambda a, b: a - b * trunc(a / b),
    expit: lambda x: 1 / (1 + sympy.exp(-x)), log_expit: lambda x: -sympy.log(1 + sympy.exp(-x)),
    erf: sympy.erf, erfc: sympy.erfc, ndtr: lambda x: sympy.erfc(-x / sympy.sqrt(2)) / 2,
    gammaln: sympy.loggamma, digamma: sympy.digamma, hurwitz_zeta: _zeta, lower_gamma: _lower_gamma,
    upper_gamma: lambda a, x: 1 - _lower_gamma(a, x),
    gamma_quantile: quantile, shape_derivative: _shape_derivative,
    erfcx: lambda x: sympy.exp(x**2) * sympy.erfc(x), erfinv: sympy.erfinv,
    log_ndtr: lambda x: sympy.log(sympy.erfc(-x / sympy.sqrt(2)) / 2),
    ndtri: lambda x: sympy.sqrt(2) * sympy.erfinv(2 * x - 1),
    logit: lambda x: sympy.log(x / (1 - x)), entr: lambda x: -x * sympy.log(x),
    xlogy: lambda a, b: a * sympy.log(b), xlog1py: lambda a, b: a * sympy.log(1 + b),
    i0: lambda x: sympy.besseli(0, x), i1: lambda x: sympy.besseli(1, x),
    np.arctan2: lambda a, b: sympy.atan2(a, b),
}  # fmt: skip

# Those that are defined by cases: on a piece, the sign of an expression decides.
CASES: dict[Any, Callable[..., Any]] = {
    np.absolute: lambda sign, x: x * sign(x),
    np.sign: lambda sign, x: sympy.Integer(sign(x)),
    np.cbrt: lambda sign, x: sign(x) * sympy.cbrt(x * sign(x)),
    np.copysign: lambda sign, a, b: a * sign(a) * sign(b),
    i0e: lambda sign, x: sympy.besseli(0, x) * sympy.exp(-x * sign(x)),
    i1e: lambda sign, x: sympy.besseli(1, x) * sympy.exp(-x * sign(x)),
    np.heaviside: lambda sign, x, at_0: at_0 if sign(x) == 0 else sympy.Integer(sign(x) > 0),
    np.maximum: lambda sign, a, b: a if sign(a - b) >= 0 else b,
    np.minimum: lambda sign, a, b: a if sign(a - b) <= 0 else b,
}
COMPARISONS: dict[Any, Callable[..., bool]] = {
    np.greater: lambda sign, a, b: sign(a - b) > 0,
    np.greater_equal: lambda sign, a, b: sign(a - b) >= 0,
    np.less: lambda sign, a, b: sign(a - b) < 0,
    np.less_equal: lambda sign, a, b: sign(a - b) <= 0,
    np.equal: lambda sign, a, b: sign(a - b) == 0,
    np.not_equal: lambda sign, a, b: sign(a - b) != 0,
    np.isfinite: lambda sign, x: True,  # a symbol stands for a number
    np.isinf: lambda sign, x: False,
    np.isnan: lambda sign, x: False,
}


def _shifted(x: Any, axis: Any) -> Any:
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))


def _matrix(rows: Any) -> Any:
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _determinant(x: Any) -> Any:
    """The determinant, expanded along the first row."""
    n = x.shape[-1]
    if not n:
        return np.sum(x, axis=(-2, -1)) + 1
    rest = [[j for j in range(n) if j != k] for k in range(n)]
    return sum((-1) ** k * x[..., 0, k] * _determinant(x[..., 1:, :][..., rest[k]]) for k in range(n))


def _inverse(x: Any) -> Any:
    """The inverse, by Cramer's rule."""
    n = x.shape[-1]
    rest = [[j for j in range(n) if j != k] for k in range(n)]
    entries = [
        [(-1) ** (i + j) * _determinant(x[..., rest[j], :][..., rest[i]]) / _determinant(x) for j in range(n)]
        for i in range(n)
    ]
    return _matrix(entries)


def _cholesky(x: Any) -> Any:
    """The Cholesky factor of a matrix with one or two rows. Only its lower triangle is read."""
    a = np.sqrt(x[..., 0, 0])
    if x.shape[-1] == 1:
        return a[..., None, None]
    b = x[..., 1, 0] / a
    return _matrix([[a, 0 * a], [b, np.sqrt(x[..., 1, 1] - b**2)]])


def _eigensystem(x: Any) -> Any:
    """The eigenvalues of a matrix [[a, b], [b, d]] with b > 0, as a row; below it the eigenvectors, as columns."""
    a, b, d = x[..., 0, 0], x[..., 1, 0], x[..., 1, 1]
    root = np.sqrt((a - d) ** 2 + 4 * b**2)
    t = (root + d - a) / (2 * b)
    length = np.where(a > d, -1, 1) * np.sqrt(1 + t**2)  # with the sign that LAPACK chooses
    return _matrix([[(a + d - root) / 2, (a + d + root) / 2], [-t / length, 1 / length], [1 / length, t / length]])


def _singular_system(x: Any) -> Any:
    """The singular value of a matrix with one row or one column; below it U, then V, with LAPACK's signs."""
    root = np.sqrt(np.sum(x**2, axis=(-2, -1), keepdims=True))
    one = root / root
    return np.concatenate([root, *((x / root, one) if x.shape[-1] == 1 else (-one, -x.mT / root))], axis=-2)


def _orthogonalized(x: Any) -> Any:
    """The factors of a 2 × 1 or 2 × 2 matrix with positive entries: Q, and below it R, with the signs of LAPACK."""
    root = -np.sqrt(np.sum(x[..., :, 0] ** 2, axis=-1))
    a, b = x[..., 0, 0] / root, x[..., 1, 0] / root
    if x.shape[-1] == 1:
        return _matrix([[a], [b], [root]])
    c, d = x[..., 0, 1], x[..., 1, 1]
    return _matrix([[a, b], [b, -a], [root, a * c + b * d], [0 * a, b * c - a * d]])


# Functions of whole arrays whose programs guard against overflow, by what they compute.
FORMULAS: dict[Any, Callable[..., Any]] = {
    f.logsumexp: lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    f.log_softmax: lambda x, axis=None: _shifted(x, axis),
    f.softmax_error: lambda z, y, n: (np.exp(_shifted(z, 1)) * np.sum(y, axis=1, keepdims=True) - y) / n,
    f.quotient: lambda a, b: np.where(b == 0, 0, a / b),
    np.array_equal: lambda a, b: np.array_equal(_entries(a), _entries(b)),  # as expressions
    np.sinc: lambda x: np.where(x == 0, 1, np.sin(np.pi * x) / (np.pi * x)),
    np.linalg.det: _determinant,
    np.linalg.inv: _inverse,
    linear_rows.pseudoinverse: lambda x: (
        _inverse(x.mT @ x) @ x.mT if x.shape[-2] > x.shape[-1] else x.mT @ _inverse(x @ x.mT)
    ),
    np.linalg.cholesky: _cholesky,
    linear_rows.solved: lambda a, b: _inverse(a) @ b,
    linear_rows.log_determinant: lambda x: np.log(np.square(_determinant(x))) / 2,
    linear_rows.eigensystem: _eigensystem,
    linear_rows.singular_system: _singular_system,
    linear_rows.orthogonalized: _orthogonalized,
}

# NumPy's functions that move, join and add up entries of any kind.
MOVING = {
    np.reshape, np.ravel, np.transpose, np.matrix_transpose, np.swapaxes, np.moveaxis, np.broadcast_to, np.expand_dims,
    np.squeeze, np.flip, np.roll, np.tril, np.triu, np.diagonal, np.repeat, np.tile, np.concatenate, np.stack, np.where,
    np.sum, np.prod, np.cumsum, np.cumprod, np.mean, np.dot, np.outer, np.inner, np.zeros_like, np.ones_like, np.copy,
    np.shape, np.ndim, np.size, np.diag, np.diagflat, np.trace, np.take, np.einsum,
}  # fmt: skip


class SymbolicArray(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of sympy expressions on a piece of the domain of its symbols."""

    __slots__ = ("entries", "piece")

    def __init__(self, entries: Any, piece: Piece) -> None:
        self.entries = _entries(entries)
        self.piece = piece

    shape = property(lambda self: self.entries.shape)
    ndim = property(lambda self: self.entries.ndim)
    size = property(lambda self: self.entries.size)
    dtype = np.dtype(np.float64)  # for which the numbers of the domain stand
    T = property(lambda self: SymbolicArray(self.entries.T, self.piece))
    mT = property(lambda self: SymbolicArray(np.swapaxes(self.entries, -1, -2), self.piece))
    real = property(lambda self: self)
    __hash__ = object.__hash__

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, index: Any) -> SymbolicArray:
        return SymbolicArray(self.entries[index], self.piece)

    def __bool__(self) -> bool:
        if self.size != 1:
            raise TypeError(f"it asks whether an array of shape {self.shape} is true: write np.where instead of if")
        return self.piece.sign(self.entries.item()) != 0

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise TypeError("it asks for the entries of a symbol")

    def reshape(self, *shape: Any) -> SymbolicArray:
        return SymbolicArray(self.entries.reshape(*shape), self.piece)

    def astype(self, dtype: Any, copy: bool = True) -> SymbolicArray:
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"it converts an array of real numbers to {np.dtype(dtype)}")
        return self

    def __getattr__(self, name: str) -> Any:
        """Python calls this for a method such as ``sum``, which stands for NumPy's function of that name."""
        if name.startswith("_") or not (hasattr(np.ndarray, name) and hasattr(np, name)):
            raise AttributeError(f"an array of symbols has no {name}")
        return partial(getattr(np, name), self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        """NumPy calls this for its ufuncs and for operators (NEP 13): the same function of sympy expressions."""
        arrays = [_entries(operand) for operand in inputs]
        by_sign = CASES.get(ufunc) or COMPARISONS.get(ufunc)
        if method == "__call__" and options:
            raise TypeError(f"it calls {ufunc.__name__} with the option {next(iter(options))}=, which is not read here")
        if method == "reduce" and ufunc in (np.maximum, np.minimum):
            return self._extremum(ufunc, arrays[0], **{"axis": 0, **options})
        if method == "reduce" and ufunc in (np.add, np.multiply):
            result: Any = ufunc.reduce(*arrays, **options)
        elif method != "__call__":
            raise TypeError(f"it calls numpy.{ufunc.__name__}.{method}")
        elif ufunc is np.matmul:
            result = np.matmul(*arrays)
        elif by_sign:  # the sign of an expression, which is the same on all of this piece, chooses the case
            result = np.frompyfunc(partial(by_sign, self.piece.sign), len(arrays), 1)(*arrays)
            if ufunc in COMPARISONS:
                return np.asarray(result, bool)
        elif ufunc in MEANINGS:
            result = np.frompyfunc(MEANINGS[ufunc], len(arrays), 1)(*arrays)
        else:
            raise TypeError(f"what {ufunc.__name__} means in algebra is not known here")
        if out is None:
            return SymbolicArray(result, self.piece)
        out[0].entries = np.asarray(result, object)
        return out[0]

    def _extremum(
        self, ufunc: Any, array: Any, axis: Any = None, out: None = None, *, keepdims: bool = False, initial: Any = None
    ) -> SymbolicArray:
        """The largest or smallest entry along `axis`. A finite `initial` counts as one more entry."""
        axes = range(array.ndim) if axis is None else normalize_axis_tuple(axis, array.ndim)
        rest = [i for i in range(array.ndim) if i not in axes]
        along = [*np.transpose(array, (*axes, *rest)).reshape(-1, *(array.shape[i] for i in rest))]
        if initial is not None and np.isfinite(initial):
            along.append(exact(initial))
        chosen = np.asarray(reduce(np.frompyfunc(partial(CASES[ufunc], self.piece.sign), 2, 1), along), object)
        return SymbolicArray(np.expand_dims(chosen, tuple(axes)) if keepdims else chosen, self.piece)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """NumPy calls this for its functions that are no ufuncs, and the package for its own (NEP 18)."""
        if function in MEANINGS:  # a function of single entries: sympy's function is called for each of them
            arrays = [_entries(operand) for operand in args]
            return SymbolicArray(np.frompyfunc(MEANINGS[function], len(arrays), 1)(*arrays), self.piece)
        if function in FORMULAS:  # a function of whole arrays: its formula is computed in its place
            return FORMULAS[function](*args, **options)
        if function in (np.max, np.min):
            ufunc = np.maximum if function is np.max else np.minimum
            return self._extremum(ufunc, *map(_unwrapped, args), **options)
        if function is np.where and isinstance(args[0], SymbolicArray):
            args = (args[0] != 0, *args[1:])  # a condition of numbers, decided on this piece
        if function in MOVING:  # NumPy itself can move and add expressions, as entries of dtype object
            result = function(*map(_unwrapped, args), **options)
            return SymbolicArray(result, self.piece) if isinstance(result, np.ndarray | sympy.Basic) else result
        if function in derived:
            return derived[function](*args, **options)
        if hasattr(function, "row") or function.__module__ == f.__name__:
            return function.__wrapped__(*args, **options)  # the program of a user's or of this package's function
        raise TypeError(f"what {function.__name__} means in algebra is not known here")


def _entries(operand: Any) -> Array:
    """An array of expressions: the entries of an operand, which is an array of symbols, an array or a number."""
    entries = operand.entries if isinstance(operand, SymbolicArray) else np.asarray(operand, object)
    return np.asarray(_exactly(entries), object)


def _unwrapped(operand: Any) -> Any:
    """An array of symbols becomes an array of expressions, also inside a list or tuple. Anything else stays."""
    if isinstance(operand, list | tuple):
        return type(operand)(_unwrapped(entry) for entry in operand)
    return operand.entries if isinstance(operand, SymbolicArray) else operand
