"""Formulas as data: what a rule of the sheet makes of symbols, simplified and evaluated.

Nothing here knows how a formula is written; what reads a graph as data, such as an exporter, starts from this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import NDArray
from scipy.special import softmax

from ..core import functions as f
from ..tensors.derived import derived, reductions

Array = NDArray[Any]
RAISED = str.maketrans("0123456789()-×", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁻ˣ")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
LONGEST_FORMULA = 300  # symbols; a longer formula is left as its steps


class Expression(np.lib.mixins.NDArrayOperatorsMixin):
    """A formula: a NumPy function with its operands (formulas, numbers, arrays, indices) and options.

    NumPy's functions and operators, given one, make another; so a rule that is called with formulas writes itself down.
    Errors say "it" for the rule, which `derive` names before them.
    """

    __slots__ = ("function", "operands", "options", "shape", "symbols")

    def __init__(self, function: Any, operands: tuple[Any, ...], options: Mapping[str, Any] | None = None) -> None:
        self.function = function
        self.operands = operands
        self.options = dict(options or {})
        self.symbols: int = sum(operand.symbols for operand in operands if isinstance(operand, Expression))
        self.shape: tuple[int, ...] = _shape(self)

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: math.prod(self.shape))
    dtype = property(lambda self: np.asarray(evaluate(self)).dtype)
    T = property(lambda self: build(np.transpose, (self,)))
    mT = property(lambda self: build(np.transpose, (self, (*range(self.ndim - 2), self.ndim - 1, self.ndim - 2))))

    def reshape(self, *shape: Any) -> Expression:
        return build(np.reshape, (self, shape[0] if len(shape) == 1 else shape))

    def __getitem__(self, index: Any) -> Expression:
        return build(f.getitem, (self, index))

    __hash__ = object.__hash__
    __iter__ = None

    def __bool__(self) -> bool:
        raise TypeError("it asks whether a symbol is true: write np.where, or multiply by a comparison, instead of if")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise TypeError("it asks for the entries of a symbol")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Expression:
        if options.get("out") is not None:
            raise TypeError(f"it writes numpy.{ufunc.__name__} into an array")
        if method == "__call__":
            return build(ufunc, inputs, options)
        if method != "reduce" or ufunc not in reductions:
            raise TypeError(f"it calls numpy.{ufunc.__name__}.{method}")
        return build(reductions[ufunc], inputs, {"axis": 0, **options})  # the default of reduce, unlike that of np.sum

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return derived[function](*args, **options) if function in derived else build(function, args, options)


class Name(NamedTuple):
    """What a symbol is called: a letter or a word, perhaps with a layer as an exponent and a number as an index."""

    letter: str
    layer: int | None = None
    number: int | None = None

    def __str__(self) -> str:
        layer = "" if self.layer is None else f"({self.layer})".translate(RAISED)
        return self.letter + layer + ("" if self.number is None else str(self.number).translate(LOWERED))


class Gradient(NamedTuple):
    """The name of a symbol that stands for the gradient of the loss with respect to `of`."""

    loss: Name | Gradient
    of: Expression


class Symbol(Expression):
    """A name for an array."""

    __slots__ = ("array", "name")

    def __init__(self, name: Name | Gradient, array: Array) -> None:
        self.name = name
        # Formulas are evaluated in double precision: where they differ from the graph, it is the graph that rounds.
        self.array = np.asarray(array, np.float64 if array.dtype.kind == "f" else None)
        super().__init__(None, ())
        self.symbols = 1


def _shape(expression: Expression) -> tuple[int, ...]:
    """The shape of the array that an expression is for, without evaluating it where NumPy's rules tell."""
    function, operands = expression.function, expression.operands
    if isinstance(expression, Symbol):
        return expression.array.shape
    if function is np.transpose:
        return tuple(operands[0].shape[axis] for axis in operands[1])
    if function in (np.reshape, np.ones):
        return tuple(operands[-1])
    shapes: list[Any] = [getattr(operand, "shape", ()) for operand in operands]
    if function is np.matmul and list(map(len, shapes)) == [2, 2] and shapes[0][1] == shapes[1][0]:
        return shapes[0][0], shapes[1][1]
    if isinstance(function, np.ufunc) and function.signature is None:
        return np.broadcast_shapes(*shapes)
    return np.shape(evaluate(expression))


def fold(root: Expression, combine: Callable[[Expression, list[Any]], Any], known: dict[Expression, Any]) -> Any:
    """``combine(expression, operands)`` for `root`, after the same for its operands.

    Each part is combined once and put into `known`. Nothing recurses, however deep the formula is.
    """
    waiting = [root]
    while waiting:
        part = waiting[-1]
        missing = [o for o in part.operands if isinstance(o, Expression) and o not in known]
        if part in known or not missing:
            waiting.pop()
            if part not in known:
                known[part] = combine(part, [known[o] if isinstance(o, Expression) else o for o in part.operands])
        else:
            waiting += missing
    return known[root]


def evaluate(expression: Expression, known: dict[Expression, Any] | None = None) -> Any:
    """The array that NumPy computes for an expression."""

    def combine(part: Expression, operands: list[Any]) -> Any:
        return part.array if isinstance(part, Symbol) else part.function(*operands, **part.options)

    with np.errstate(all="ignore"):
        return fold(expression, combine, {} if known is None else known)


# Sums and products, with what computes them from absolute values.
_LINEAR = (np.add, np.multiply, np.divide, np.matmul, np.sum, np.transpose, np.reshape)
_ADDING: dict[Any, Any] = {np.subtract: np.add, **{function: function for function in _LINEAR}}


def magnitude(expression: Expression, values: dict[Expression, Any], known: dict[Expression, Any]) -> Any:
    """The sum of the absolute values of the terms that are added up in each entry of an evaluated expression."""

    def combine(part: Expression, operands: list[Any]) -> Any:
        if part.function not in _ADDING:
            return np.abs(values[part])
        absolute = [np.abs(o) if isinstance(o, int | float | np.ndarray) else o for o in operands]
        return _ADDING[part.function](*absolute, **part.options)

    with np.errstate(all="ignore"):
        return fold(expression, combine, known)


def rebuilt(part: Expression, operands: list[Any]) -> Expression:
    """A part with new operands, simplified; the part itself where they are the old ones."""
    same = all(old is new for old, new in zip(part.operands, operands, strict=True))
    return part if same else build(part.function, operands, part.options)


def substitute(expression: Expression, replacements: Mapping[Expression, Expression]) -> Expression:
    """`expression` with some of its symbols replaced."""
    return fold(expression, rebuilt, dict(replacements)) if replacements else expression


def equal(a: Any, b: Any) -> bool:
    """Whether two formulas are the same functions of the same numbers, arrays, and symbols of the same names."""
    classes: dict[Any, object] = {}

    def combine(part: Expression, operands: list[Any]) -> object:
        keys = [o if is_number(o) else id(o) if isinstance(o, np.ndarray) else repr(o) for o in operands]
        key: Any = part.name if isinstance(part, Symbol) else (part.function, *keys, repr(part.options))
        return classes.setdefault(key, object())

    return a is b or (all(isinstance(x, Expression) for x in (a, b)) and fold(a, combine, {}) is fold(b, combine, {}))


# --- simplification ---------------------------------------------------------------------------------------------------
#
# Gentle: 1·x, double negation, transposes of transposes, ones that broadcasting makes superfluous. Nothing is
# multiplied out, and no factors change places, but numbers go to the front. So a product is np.multiply of a number
# that is not 1, if it has one, and of its factors, themselves multiplied from left to right. −x is the number −1 and x.


def build(function: Any, operands: Iterable[Any], options: Mapping[str, Any] | None = None) -> Expression:
    """``function(*operands, **options)``, simplified."""
    operands = [plain(operand) for operand in operands]
    options = options or {}
    if function not in SIMPLER:
        return Expression(function, tuple(operands), options)
    number = 1
    if function in (np.matmul, np.transpose, np.reshape, np.sum):  # a number in front of an operand passes through
        pairs = [split(operand) for operand in operands]
        number, operands = math.prod(number for number, _ in pairs), [rest for _, rest in pairs]
    return scaled(number, SIMPLER[function](*operands, **options))


def plain(operand: Any) -> Any:
    """A Python number for an array without dimensions."""
    if isinstance(operand, np.ndarray) and operand.dtype == object:
        raise TypeError("it puts a symbol into an array")
    return operand.item() if isinstance(operand, np.generic | np.ndarray) and operand.ndim == 0 else operand


def is_number(operand: Any) -> bool:
    return isinstance(operand, int | float)


def is_made_by(function: Any, operand: Any) -> bool:
    """Whether an operand is a formula whose last function is this one."""
    return isinstance(operand, Expression) and operand.function is function


def squeezed(array: Any) -> list[int]:
    """The shape without dimensions of length 1."""
    return [n for n in array.shape if n != 1]


def ones(shape: Iterable[int]) -> Expression:
    return Expression(np.ones, (tuple(shape),))


def split(operand: Any) -> tuple[Any, Any]:
    """The number in front of an operand, and the rest; 1/n where the operand is a quotient by a number n."""
    if is_made_by(np.divide, operand) and is_number(operand.operands[1]) and operand.operands[1] != 0:
        return 1 / operand.operands[1], operand.operands[0]
    is_scaled = is_made_by(np.multiply, operand) and is_number(operand.operands[0])
    return operand.operands if is_scaled else (1, operand)


def scaled(number: Any, expression: Expression) -> Expression:
    """A number in front of an expression that has none."""
    if number == 1:
        return expression
    if is_made_by(np.divide, expression) and is_number(expression.operands[0]):
        return Expression(np.divide, (number * expression.operands[0], expression.operands[1]))
    return Expression(np.multiply, (number, expression))


def factors_of(*operands: Any) -> tuple[Any, list[Any]]:
    """The number in front of an elementwise product of operands, and its factors."""
    number: Any = 1
    factors, waiting = [], [*operands[::-1]]
    while waiting:
        operand = waiting.pop()
        if is_number(operand):
            number = number * operand
        elif is_made_by(np.multiply, operand):
            waiting += operand.operands[::-1]
        else:
            factors.append(operand)
    return number, factors


def product(*operands: Any) -> Expression:
    """The elementwise product, without ones that do not change its shape."""
    number, factors = factors_of(*operands)
    shape = np.broadcast_shapes(*(factor.shape for factor in factors))
    for factor in [factor for factor in factors if is_made_by(np.ones, factor)]:
        others = [other for other in factors if other is not factor]
        is_formula = any(isinstance(other, Expression) for other in others)  # and not an array alone
        if is_formula and np.broadcast_shapes(*(other.shape for other in others)) == shape:
            factors = others
    return scaled(number, reduce(lambda a, b: Expression(np.multiply, (a, b)), factors))


def _quotient(a: Any, b: Any) -> Expression:
    """a / b with the numbers of both in front: ½ (x / y) for 2x / 4y. A number of `b` that is not whole stays there."""
    if is_number(b) and b != 0:
        return product(1 / b, a)
    above, numerator = (a, 1) if is_number(a) else split(a)
    below, denominator = split(b)
    if below == 0 or below != int(below):  # 1 / 0.1 would be printed with the digits that rounding has left
        below, denominator = 1, b
    return scaled(above / below, Expression(np.divide, (numerator, denominator)))


def _sum_of(a: Any, b: Any, sign: int = 1) -> Expression:
    """a + b, or with −1 for `sign` a − b."""
    if (b if is_number(b) else split(b)[0]) < 0:
        sign, b = -sign, -b
    if is_number(b) and b == 0:
        return a  # type: ignore[no-any-return]
    if split(b)[0] == 0 and is_number(a):
        return product(a, ones(b.shape))
    if split(b)[0] == 0 and isinstance(a, Expression) and np.broadcast_shapes(a.shape, b.shape) == a.shape:
        return a
    if is_number(a) and a == 0:
        return product(sign, b)
    return Expression(np.add if sign == 1 else np.subtract, (a, b))


def _log(a: Any) -> Expression:
    """The logarithm, of a number times ones that of the number."""
    number, rest = split(a)
    is_number_times_ones = is_made_by(np.ones, rest) and number > 0
    return product(math.log(number), rest) if is_number_times_ones else Expression(np.log, (a,))


def _transpose(a: Expression, axes: Any = None) -> Expression:
    order = tuple(range(a.ndim))[::-1] if axes is None else normalize_axis_tuple(axes, a.ndim)
    if a.function is np.transpose:
        a, order = a.operands[0], tuple(a.operands[1][axis] for axis in order)
    if order == tuple(range(a.ndim)):
        return a
    return ones(a.shape[axis] for axis in order) if a.function is np.ones else Expression(np.transpose, (a, order))


def _reshape(a: Expression, shape: Any) -> Expression:
    shape = np.empty(a.shape, bool).reshape(shape).shape  # with a length for −1
    a = a.operands[0] if a.function is np.reshape else a
    if shape == a.shape:
        return a
    return ones(shape) if a.function is np.ones else Expression(np.reshape, (a, shape))


def _broadcast_to(a: Any, shape: Sequence[int]) -> Expression:
    """As a product with ones, where `a` is a number, a row or a column."""
    shape, own = tuple(shape), np.shape(a)
    if own == shape:
        return a  # type: ignore[no-any-return]
    if math.prod(own) == 1:
        return product(a if is_number(a) else np.reshape(a, ()), ones(shape))
    if len(shape) == 2 and own == (shape[0], 1):
        return a @ ones((1, shape[1]))  # type: ignore[no-any-return]
    if len(shape) == 2 and own in (shape[1:], (1, shape[1])):
        return ones((shape[0], 1)) @ np.reshape(a, (1, shape[1]))  # type: ignore[no-any-return]
    return Expression(np.broadcast_to, (a, shape))


def _sum(a: Expression, axis: Any = None, keepdims: bool = False, **others: Any) -> Expression:
    """A sum over axes of length 1 is a reshape; over all axes, the axis is None."""
    axes = tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)
    if all(a.shape[i] == 1 for i in axes):
        return a.reshape([n for i, n in enumerate(a.shape) if keepdims or i not in axes])
    return Expression(np.sum, (a,), {"axis": None if len(axes) == a.ndim else axes, "keepdims": keepdims})


def _softmax_error(z: Any, y: Any, count: Any) -> Expression:
    """(softmax(z) − y) / count where the rows of y add up to 1, as those of probabilities do."""
    weight = np.sum(y, axis=1, keepdims=True)
    p = Expression(softmax, (z,), {"axis": 1})
    adds_up = np.allclose(evaluate(weight), 1, rtol=1e-6)
    error = (p if adds_up else p * np.broadcast_to(weight, z.shape)) - y
    return error if count == 1 else Expression(np.divide, (error, count))  # as the textbook has it


SIMPLER: dict[Any, Callable[..., Expression]] = {
    np.negative: lambda a: product(-1, a),
    np.positive: lambda a: a,
    np.multiply: product,
    np.divide: _quotient,
    f.quotient: _quotient,
    f.root: lambda a, p: Expression(np.sqrt, (a,)) if p == 2 else Expression(np.power, (a, 1 / p)),
    np.add: _sum_of,
    np.subtract: lambda a, b: _sum_of(a, b, -1),
    np.power: lambda a, b: (
        (a if b else ones(a.shape)) if is_number(b) and b in (0, 1) else Expression(np.power, (a, b))
    ),
    np.square: lambda a: Expression(np.power, (a, 2)),
    np.log: _log,
    np.zeros_like: lambda a, dtype=None: product(0, ones(a.shape)),
    np.matmul: lambda a, b: Expression(np.matmul, (a, b)),
    np.transpose: _transpose,
    np.reshape: _reshape,
    np.broadcast_to: _broadcast_to,
    np.sum: _sum,
    f.clone: lambda a: a,
    f.getitem: lambda a, index: Expression(f.getitem, (a, index)),
    f.softmax_error: _softmax_error,
}


def cancelled(expression: Expression) -> Expression:
    """A product without the factors that stand both above and below a fraction line and are nowhere 0."""
    if expression.symbols > LONGEST_FORMULA:
        return expression
    number, factors = factors_of(expression)
    found = False
    for quotient in [factor for factor in factors if is_made_by(np.divide, factor)]:
        above, denominator = quotient.operands
        below, parts = factors_of(denominator)
        kept = []
        for part in parts:
            same = [i for i, x in enumerate(factors) if x.shape == part.shape and equal(x, part)]
            if same and np.all(evaluate(part)):
                del factors[same[0]]
            else:
                kept.append(part)
        if len(kept) < len(parts):
            found = True
            number = number / below
            rest = above / product(*kept) if kept else above
            factors = [rest if factor is quotient else factor for factor in factors]
    return product(number, *factors) if found else expression


def _is_guarded(base: Any, added: Any) -> bool:
    """Whether base + added is base + [base = 0] ⊙ …, and what is added is 0 everywhere."""
    condition: Any = next(iter(factors_of(added)[1]), None)
    if not is_made_by(np.equal, condition):
        return False
    compared, point = condition.operands
    return equal(compared, base) and is_number(point) and point == 0 and not np.any(evaluate(added))


def unguarded(expression: Expression) -> Expression:
    """`expression` without what keeps it finite, where no entry comes near the point at which it would not be.

    Losses have bounds, and powers a 1 that is added to the base where it is 0.
    """

    def combine(part: Expression, operands: list[Any]) -> Any:
        if part.function is np.add and _is_guarded(*part.operands) and operands[0].shape == part.shape:
            return operands[0]
        is_bound = part.function is np.maximum and is_number(operands[1]) and operands[1] in (1e-12, -100)
        if is_bound and np.all(evaluate(operands[0]) >= operands[1]):
            return operands[0]
        return rebuilt(part, operands)

    return fold(expression, combine, {})  # type: ignore[no-any-return]
