"""The derivation: the rules of the sheet once more, given symbols, so that the gradients of a graph print themselves.

A symbol records what a rule does to it. What the rules did is written down, line by line and as one formula for each
parameter, in the code's notation or in the document's; and it is checked: NumPy evaluates what is printed, and the
result is compared with what the backward walk computes from the same graph.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from .. import functions as f
from ..blas import Product
from .graph import Leaf, Node, Variable, _unbroadcast, function_name, walk

__all__ = ["Derivation", "explain"]

Array = NDArray[Any]
Place = Leaf | Node

LARGEST_GRAPH = 200  # nodes; a larger graph is summarised
LONGEST_FORMULA = 300  # symbols; a longer formula is left as its steps
WIDTH = 80  # columns of the text

# --- expressions ------------------------------------------------------------------------------------------------------


class Expression(np.lib.mixins.NDArrayOperatorsMixin):
    """A formula: a NumPy function, its operands (formulas, numbers, arrays, indices) and options.

    NumPy's functions and operators, given one, make another, so a rule that is called with formulas writes itself down.
    """

    __slots__ = ("function", "operands", "options", "shape", "symbols")

    def __init__(self, function: Any, operands: tuple[Any, ...], options: Mapping[str, Any] | None = None) -> None:
        self.function = function
        self.operands = operands
        self.options = dict(options or {})
        self.symbols: int = sum(operand.symbols for operand in operands if isinstance(operand, Expression))
        self.shape: tuple[int, ...] = _shape(self)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.asarray(evaluate(self)).dtype

    @property
    def T(self) -> Expression:
        return build(np.transpose, (self,))

    @property
    def mT(self) -> Expression:
        return build(np.transpose, (self, (*range(self.ndim - 2), self.ndim - 1, self.ndim - 2)))

    def reshape(self, *shape: Any) -> Expression:
        return build(np.reshape, (self, shape[0] if len(shape) == 1 else shape))

    def __getitem__(self, index: Any) -> Expression:
        return build(f.getitem, (self, index))

    __hash__ = object.__hash__
    __iter__ = None

    def __bool__(self) -> bool:
        raise TypeError("it asks whether a symbol is true: write np.where or a comparison instead of if")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise TypeError("it asks for the entries of a symbol")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Expression:
        if options.get("out") is not None:
            raise TypeError(f"it writes numpy.{ufunc.__name__} in place")
        if method == "__call__":
            return build(ufunc, inputs, options)
        reduction = {np.add: np.sum, np.maximum: np.max, np.minimum: np.min}.get(ufunc)
        if method != "reduce" or reduction is None:
            raise TypeError(f"it uses numpy.{ufunc.__name__}.{method}")
        return build(reduction, inputs, {"axis": 0, **options})

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function in f.derived:
            return f.derived[function](*args, **options)
        return build(function, args, options)


class Symbol(Expression):
    """A name for an array. Its two spellings are those of the terminal and of LaTeX."""

    __slots__ = ("array", "is_joined", "latex", "text")

    def __init__(self, text: str, latex: str, array: Array, is_joined: bool = False) -> None:
        self.text = text
        self.latex = latex
        # Formulas are compared in double precision, so that what differs is the graph's rounding alone.
        self.array = np.asarray(array, np.float64 if array.dtype.kind == "f" else None)
        self.is_joined = is_joined  # of several parts, such as ∂L/∂z
        super().__init__(None, ())
        self.symbols = 1


def _shape(expression: Expression) -> tuple[int, ...]:
    function, operands = expression.function, expression.operands
    if isinstance(expression, Symbol):
        return expression.array.shape
    if function is np.transpose:
        return tuple(operands[0].shape[axis] for axis in operands[1])
    if function is np.reshape:
        return tuple(operands[1])
    if function is np.ones:
        return tuple(operands[0])
    shapes = [getattr(operand, "shape", ()) for operand in operands]
    if function is np.matmul and min(map(len, shapes)) > 1 and shapes[0][-1] == shapes[1][-2]:
        return (*np.broadcast_shapes(*(shape[:-2] for shape in shapes)), shapes[0][-2], shapes[1][-1])
    if isinstance(function, np.ufunc) and function.signature is None:
        return np.broadcast_shapes(*shapes)
    return np.shape(evaluate(expression))


def fold(root: Expression, combine: Callable[[Expression, list[Any]], Any], known: dict[Expression, Any]) -> Any:
    """``combine(expression, operands)`` for `root`, once the same has been done for its operands.

    Each part is done once, and noted in `known`; nothing recurses, however deep the formula.
    """
    waiting = [root]
    while waiting:
        expression = waiting[-1]
        operands = expression.operands
        missing = [o for o in operands if isinstance(o, Expression) and o not in known]
        if missing:
            waiting.extend(missing)
            continue
        waiting.pop()
        if expression not in known:
            known[expression] = combine(expression, [known[o] if isinstance(o, Expression) else o for o in operands])
    return known[root]


def evaluate(expression: Expression, known: dict[Expression, Any] | None = None) -> Any:
    """The array that NumPy computes for `expression`."""

    def combine(part: Expression, operands: list[Any]) -> Any:
        return part.array if isinstance(part, Symbol) else part.function(*operands, **part.options)

    with np.errstate(all="ignore"):
        return fold(expression, combine, {} if known is None else known)


# How large the terms are that a function adds up: the same sums and products of absolute values.
_MAGNITUDES = {
    np.add: np.add, np.subtract: np.add, np.negative: np.positive, np.multiply: np.multiply, np.divide: np.divide,
    np.matmul: np.matmul, np.sum: np.sum, np.transpose: np.transpose, np.reshape: np.reshape,
}  # fmt: skip


def magnitude(expression: Expression, values: dict[Expression, Any], known: dict[Expression, Any]) -> Any:
    """The sums of the absolute values of the terms that are added up in each entry of an evaluated expression."""

    def combine(part: Expression, operands: list[Any]) -> Any:
        if part.function not in _MAGNITUDES:
            return np.abs(values[part])
        operands = [abs(o) if isinstance(o, int | float | np.ndarray) else o for o in operands]
        return _MAGNITUDES[part.function](*operands, **part.options)

    with np.errstate(all="ignore"):
        return fold(expression, combine, known)


def substitute(expression: Expression, replacements: Mapping[Expression, Expression]) -> Expression:
    """`expression` with some of its symbols replaced, simplified again."""

    def combine(part: Expression, operands: list[Any]) -> Expression:
        if all(old is new for old, new in zip(part.operands, operands, strict=True)):
            return part
        return build(part.function, operands, part.options)

    return fold(expression, combine, dict(replacements))  # type: ignore[no-any-return]


# --- simplification ---------------------------------------------------------------------------------------------------
#
# Gentle: 1·x, double negation, numbers in front of a product, transposes of transposes, ones that broadcasting makes
# superfluous. No product is multiplied out, and no order of factors is changed.


def build(function: Any, operands: Sequence[Any], options: Mapping[str, Any] | None = None) -> Expression:
    """``function(*operands, **options)``, simplified."""
    operands = [_plain(operand) for operand in operands]
    simpler = _SIMPLER.get(function)
    if simpler is not None:
        return simpler(*operands, **(options or {}))  # type: ignore[no-any-return]
    return Expression(function, tuple(operands), options)


def _plain(operand: Any) -> Any:
    """A Python number for an array without dimensions."""
    if isinstance(operand, np.generic | np.ndarray) and operand.ndim == 0:
        return operand.item()
    if isinstance(operand, np.ndarray) and operand.dtype == object:
        raise TypeError("it puts a symbol into an array")
    return operand


def ones(shape: tuple[int, ...]) -> Expression:
    return Expression(np.ones, (shape,))


def _split(expression: Expression) -> tuple[Any, Expression]:
    """The number in front of a product, and the rest."""
    if expression.function is np.negative:
        return -1, expression.operands[0]
    if expression.function is np.multiply and not isinstance(expression.operands[0], Expression | np.ndarray):
        return expression.operands
    return 1, expression


def _scaled(number: Any, expression: Expression) -> Expression:
    """A number in front of an expression that has none."""
    if number == 1:
        return expression
    if expression.function is np.divide and not isinstance(expression.operands[0], Expression | np.ndarray):
        return Expression(np.divide, (number * expression.operands[0], expression.operands[1]))
    return Expression(np.negative, (expression,)) if number == -1 else Expression(np.multiply, (number, expression))


def _factors(operands: Sequence[Any]) -> tuple[Any, list[Any]]:
    """The number in front of an elementwise product, and its factors."""
    number, factors, waiting = 1, [], list(operands)[::-1]
    while waiting:
        operand = waiting.pop()
        if isinstance(operand, int | float):
            number = number * operand
        elif isinstance(operand, Expression) and operand.function in (np.multiply, np.negative):
            if operand.function is np.negative:
                number = -number
            waiting.extend(operand.operands[::-1])
        else:
            factors.append(operand)
    return number, factors


def _product(*operands: Any) -> Expression:
    number, factors = _factors(operands)
    shape = np.broadcast_shapes(*(factor.shape for factor in factors))
    for factor in [factor for factor in factors if getattr(factor, "function", None) is np.ones]:
        others = [other for other in factors if other is not factor]
        if others and np.broadcast_shapes(*(other.shape for other in others)) == shape:
            factors = others
    return _scaled(number, reduce(lambda a, b: Expression(np.multiply, (a, b)), factors))


def _divide(a: Any, b: Any) -> Expression:
    if not isinstance(b, Expression):
        return _product(1 / b, a) if isinstance(b, int | float) and b else Expression(np.divide, (a, b))
    above, a = (a, 1) if isinstance(a, int | float) else _split(a) if isinstance(a, Expression) else (1, a)
    below, b = _split(b)
    if below == 0:
        return Expression(np.divide, (a, b))
    return _scaled(above / below, Expression(np.divide, (a, b)))


def _add(a: Any, b: Any) -> Expression:
    if isinstance(b, Expression):
        number, rest = _split(b)
        if number < 0:
            return _subtract(a, _scaled(-number, rest))
    for zero, other in ((a, b), (b, a)):
        if isinstance(zero, int | float) and zero == 0:
            return other  # type: ignore[no-any-return]
    return Expression(np.add, (a, b))


def _subtract(a: Any, b: Any) -> Expression:
    if isinstance(b, Expression):
        number, rest = _split(b)
        if number < 0:
            return _add(a, _scaled(-number, rest))
        if isinstance(a, int | float) and a == 0:
            return _scaled(-number, rest)
    elif isinstance(b, int | float) and b == 0:
        return a  # type: ignore[no-any-return]
    return Expression(np.subtract, (a, b))


def _power(a: Any, b: Any) -> Expression:
    if isinstance(b, int | float) and b in (0, 1):
        return a if b else ones(a.shape)
    return Expression(np.power, (a, b))


def _matmul(a: Any, b: Any) -> Expression:
    (first, a), (second, b) = (_split(o) if isinstance(o, Expression) else (1, o) for o in (a, b))
    return _scaled(first * second, Expression(np.matmul, (a, b)))


def _transpose(a: Expression, axes: Any = None) -> Expression:
    order = tuple(range(a.ndim))[::-1] if axes is None else tuple(int(axis) % a.ndim for axis in axes)
    number, a = _split(a)
    if a.function is np.transpose:
        a, order = a.operands[0], tuple(a.operands[1][axis] for axis in order)
    if order == tuple(range(a.ndim)):
        return _scaled(number, a)
    if a.function is np.ones:
        return _scaled(number, ones(tuple(a.shape[axis] for axis in order)))
    return _scaled(number, Expression(np.transpose, (a, order)))


def _reshape(a: Expression, shape: Any) -> Expression:
    lengths = (shape,) if isinstance(shape, int | np.integer) else tuple(int(n) for n in shape)
    if -1 in lengths:
        rest = -math.prod(lengths)
        lengths = tuple(a.size // rest if n == -1 else n for n in lengths)
    number, a = _split(a)
    if a.function is np.reshape:
        a = a.operands[0]
    if lengths == a.shape:
        return _scaled(number, a)
    return _scaled(number, ones(lengths) if a.function is np.ones else Expression(np.reshape, (a, lengths)))


def _broadcast_to(a: Any, shape: tuple[int, ...]) -> Expression:
    """As a product with ones, where the array is a number, a row or a column."""
    shape = tuple(shape)
    if isinstance(a, int | float):
        return _product(a, ones(shape))
    if a.shape == shape:
        return a  # type: ignore[no-any-return]
    if math.prod(a.shape) == 1:
        return _product(_reshape(a, ()), ones(shape))
    if len(shape) == 2 and a.shape == (shape[0], 1):
        return _matmul(a, ones((1, shape[1])))
    if len(shape) == 2 and a.shape in ((shape[1],), (1, shape[1])):
        return _matmul(ones((shape[0], 1)), _reshape(a, (1, shape[1])))
    return Expression(np.broadcast_to, (a, shape))


def _sum(a: Expression, axis: Any = None, keepdims: bool = False, **others: Any) -> Expression:
    axes = range(a.ndim) if axis is None else [i % a.ndim for i in ([axis] if isinstance(axis, int) else axis)]
    if all(a.shape[i] == 1 for i in axes):
        kept = tuple(n for i, n in enumerate(a.shape) if i not in axes or keepdims)
        return _reshape(a, kept)
    number, a = _split(a)
    whole = len(axes) == a.ndim
    return _scaled(number, Expression(np.sum, (a,), {"axis": None if whole else tuple(axes), "keepdims": keepdims}))


_SIMPLER: dict[Any, Callable[..., Expression]] = {
    np.negative: lambda a: _product(-1, a),
    np.positive: lambda a: a,
    np.multiply: _product,
    np.divide: _divide,
    np.add: _add,
    np.subtract: _subtract,
    np.power: _power,
    np.square: lambda a: _power(a, 2),
    np.matmul: _matmul,
    np.transpose: _transpose,
    np.reshape: _reshape,
    np.broadcast_to: _broadcast_to,
    np.sum: _sum,
    f.clone: lambda a: a,
}


def turned(expression: Expression) -> Expression:
    """−(y − g) as g − y."""
    number, rest = _split(expression)
    if number == -1 and rest.function is np.subtract:
        return Expression(np.subtract, rest.operands[::-1])
    return expression


def cancelled(expression: Expression, written: Callable[[Any], str]) -> Expression:
    """A product with equal factors above and below a fraction line taken out, unless one of them is 0 somewhere."""
    if expression.symbols > LONGEST_FORMULA:
        return expression
    number, factors = _factors([expression])
    for quotient in [x for x in factors if isinstance(x, Expression) and x.function is np.divide]:
        below, denominator = _factors([quotient.operands[1]])
        left = list(denominator)
        for part in denominator:
            same = [x for x in factors if x is not quotient and x.shape == part.shape and written(x) == written(part)]
            if same and np.all(evaluate(part)):
                factors = [x for x in factors if x is not same[0]]
                left = [x for x in left if x is not part]
        if len(left) < len(denominator):
            rest = quotient.operands[0] if not left else _divide(quotient.operands[0], _product(*left))
            factors = [rest if x is quotient else x for x in factors]
            number = number / below
    return _product(number, *factors)


def unguarded(expression: Expression) -> Expression:
    """`expression` without the maxima that keep a loss from dividing by 0, where no entry of the graph needs them."""
    guards = (1e-12, -100)

    def combine(part: Expression, operands: list[Any]) -> Any:
        if part.function is np.maximum and operands[1] in guards and np.all(evaluate(operands[0]) >= operands[1]):
            return operands[0]
        if all(old is new for old, new in zip(part.operands, operands, strict=True)):
            return part
        return build(part.function, operands, part.options)

    return fold(expression, combine, {})  # type: ignore[no-any-return]


# --- how functions are written ----------------------------------------------------------------------------------------


def _total(elements: Any, total: bool) -> Any:
    return np.sum(elements) if total else elements


# Functions of the framework's own, as the formulas that they compute in one go. The logarithms of σ(z) and 1 − σ(z) are
# taken of z, because NumPy is to evaluate them, too, where σ(z) rounds to 0 or 1.
FORMULAS: dict[Any, Callable[..., Any]] = {
    f.linear: lambda x, w, b: x @ w.T if b is None else x @ w.T + b,
    f.squared_error: lambda a, y, total=False: _total((a - y) ** 2, total),
    f.cross_entropy: lambda a, y, total=False: _total(
        -(y * np.maximum(np.log(a), -100) + (1 - y) * np.maximum(np.log1p(-a), -100)), total
    ),
    f.cross_entropy_with_logits: lambda z, y, total=False: _total(
        -(y * log_expit(z) + (1 - y) * log_expit(-z)), total
    ),
}

# Names that differ from NumPy's: in the terminal, and in LaTeX.
NAMES: dict[Any, tuple[str, str]] = {
    expit: ("σ", r"\sigma"),
    np.log: ("ln", r"\ln"),
    np.absolute: ("abs", r"\mathrm{abs}"),
    np.sqrt: ("√", r"\mathrm{sqrt}"),
    np.maximum: ("max", r"\max"),
    np.minimum: ("min", r"\min"),
    **{x: (x.__name__, "\\" + x.__name__) for x in (np.exp, np.tanh, np.sin, np.cos, np.tan, np.sinh, np.cosh, np.max, np.min)},
}
LOSSES = (f.squared_error, f.cross_entropy, f.cross_entropy_with_logits)

# What is written between the two operands, and around them.
RELATIONS: dict[Any, tuple[str, str]] = {
    np.greater: (">", ">"), np.greater_equal: ("≥", r"\geq"), np.less: ("<", "<"), np.less_equal: ("≤", r"\leq"),
    np.equal: ("=", "="), np.not_equal: ("≠", r"\neq"),
}  # fmt: skip

CONSTANTS = {math.log(2): ("ln 2", r"\ln 2"), math.log(10): ("ln 10", r"\ln 10"), math.pi: ("π", r"\pi"),
             2 / math.sqrt(math.pi): ("2/√π", r"\frac{2}{\sqrt{\pi}}")}  # fmt: skip

RAISED = str.maketrans("0123456789()-×n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁻ˣⁿ")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
LEGEND = {
    "⊙": "⊙ multiplies entry by entry", "ᵀ": "ᵀ transposes", "Σ": "Σ adds all entries", "𝟏": "𝟏 is a column of ones",
    " > 0]": "[…] is 1 where it is true, 0 elsewhere",
}  # fmt: skip

# How tightly what is written hangs together.
ADDED, DIVIDED, MULTIPLIED, JOINED, WHOLE = range(5)


class Written(NamedTuple):
    """A piece of a formula, how tightly it hangs together, and its parts where it is a function with its arguments."""

    text: str
    level: int
    call: tuple[str, str] | None = None


class Writer:
    """Writes expressions for the terminal or in LaTeX, in the code's or in the document's notation."""

    def __init__(self, latex: bool, document: bool, arrays: dict[int, tuple[Array, str, str]]) -> None:
        self.latex = latex
        self.document = document
        self.arrays = arrays  # that stand in formulas without being symbols: by id, with names given when first met
        self.minus = "-" if latex else "−"

    def __call__(self, expression: Any) -> str:
        if not isinstance(expression, Expression):
            return self.literal(expression).text
        return fold(expression, self.combine, {}).text  # type: ignore[no-any-return]

    def pick(self, text: str, latex: str) -> str:
        return latex if self.latex else text

    def combine(self, part: Expression, operands: list[Any]) -> Written:
        if isinstance(part, Symbol):
            return Written(self.pick(part.text, part.latex), JOINED if part.is_joined else WHOLE)
        function = part.function
        if function in _SPECIAL:
            return _SPECIAL[function](self, part, *operands)
        written = [o if isinstance(o, Written) else self.literal(o) for o in operands]
        if function in RELATIONS:
            relation = self.pick(*RELATIONS[function])
            return Written(f"[{written[0].text} {relation} {written[1].text}]", WHOLE)
        options = [f"{name}={self.literal(value).text}" for name, value in part.options.items() if value is not None]
        return self.function(function, *(w.text for w in written), *options)

    def function(self, function: Any, *arguments: str) -> Written:
        name = self.name(function)
        listed = ", ".join(arguments)
        return Written(name + self.enclosed(listed), WHOLE, (name, self.enclosed(listed)))

    def name(self, function: Any) -> str:
        if self.document and function is expit:
            return "g"
        if function in NAMES:
            return self.pick(*NAMES[function])
        return self.pick(function_name(function), _upright(function_name(function)))

    def enclosed(self, text: str) -> str:
        return rf"\left({text}\right)" if r"\frac" in text else f"({text})"

    def at(self, written: Any, level: int) -> str:
        """What is written, in parentheses if it hangs together less tightly than `level`."""
        if not isinstance(written, Written):
            written = self.literal(written)
        return written.text if written.level >= level else self.enclosed(written.text)

    def literal(self, value: Any) -> Written:
        """A number, an index, or what else is no formula."""
        if isinstance(value, bool | np.bool_) or value is None:
            return Written(str(value), WHOLE)
        if isinstance(value, int | float):
            return self.number(value)
        if isinstance(value, np.ndarray):
            return Written(self.pick(*self.named(value)), WHOLE)
        if isinstance(value, slice):
            ends = [None if end is None else self.literal(end).text for end in (value.start, value.stop, value.step)]
            return Written(":".join(end or "" for end in (ends if ends[2] else ends[:2])), ADDED)
        if isinstance(value, tuple | list):
            return Written(f"({', '.join(self.literal(entry).text for entry in value)})", WHOLE)
        if value is Ellipsis:
            return Written(self.pick("…", r"\ldots"), WHOLE)
        return Written(self.pick(str(value), _upright(re.sub(r"\W+", ".", str(value)))), WHOLE)

    def named(self, array: Array) -> tuple[str, str]:
        if id(array) not in self.arrays:
            letter = "k" if array.dtype.kind in "iub" else "c"
            number = 1 + sum(text[0] == letter for _, text, _ in self.arrays.values())
            self.arrays[id(array)] = (array, *_spelt(letter, number=number))
        return self.arrays[id(array)][1:]

    def number(self, value: float) -> Written:
        if value < 0 or (value == 0 and math.copysign(1, value) < 0):
            return Written(self.minus + self.number(-value).text, ADDED)
        if value in CONSTANTS:
            return Written(self.pick(*CONSTANTS[value]), JOINED)
        if not math.isfinite(value):
            return Written(self.pick("∞", r"\infty") if value == math.inf else "NaN", WHOLE)
        fraction = Fraction(value).limit_denominator(10**6)
        if value == int(value) and value < 1e15:
            return Written(str(int(value)), WHOLE)
        if float(fraction) == value and fraction.numerator < 10**6:
            above, below = fraction.numerator, fraction.denominator
            if self.latex:
                return Written(rf"\frac{{{above}}}{{{below}}}", JOINED)
            return Written("½" if (above, below) == (1, 2) else f"{above}/{below}", DIVIDED)
        digits, _, exponent = repr(float(value)).partition("e")
        if not exponent:
            return Written(digits, WHOLE)
        power = self.pick("10" + str(int(exponent)).translate(RAISED), f"10^{{{int(exponent)}}}")
        return Written(power if digits == "1" else digits + self.pick("·", r" \cdot ") + power, MULTIPLIED)

    def raised(self, written: Any, exponent: str) -> str:
        """What is written with an exponent (or a ᵀ); a function takes it before its arguments."""
        if not isinstance(written, Written):
            written = self.literal(written)
        mark = f"^{{{exponent}}}" if self.latex else exponent
        if written.call and exponent not in ("ᵀ", r"\top"):
            return written.call[0] + mark + written.call[1]
        text = self.at(written, WHOLE)
        # LaTeX has no second exponent, and the document writes none.
        superscribed = text.endswith("}") and "^" in text and not text.startswith(("(", r"\left(", r"\mathbf"))
        if superscribed or (self.document and text[-1] == "⁾"):
            text = self.enclosed(text)
        return text + mark


def _write_sum(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    sign = "+" if part.function is np.add else w.minus
    return Written(f"{w.at(a, ADDED)} {sign} {w.at(b, DIVIDED)}", ADDED)


def _write_product(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    first, second = part.operands
    if isinstance(first, int | float):
        if getattr(second, "function", None) is np.ones and second.size == 1:
            return w.number(first)
        number = w.number(first)
        space = " " if w.latex or number.text[-1] == "½" or not ("/" in number.text or w.at(b, DIVIDED)[0].isdigit()) else " · "
        level = ADDED if first < 0 else min(MULTIPLIED, b.level)
        return Written(number.text + space + w.at(b, DIVIDED), level)
    if w.document:
        space = " "
    elif () in (np.shape(getattr(first, "array", first)), first.shape, getattr(second, "shape", ())):
        space = w.pick(" · ", " ")
    else:
        space = w.pick(" ⊙ ", r" \odot ")
    return Written(w.at(a, MULTIPLIED) + space + w.at(b, MULTIPLIED), MULTIPLIED)


def _write_quotient(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    if w.latex:
        return Written(rf"\frac{{{w.at(a, ADDED)}}}{{{w.at(b, ADDED)}}}", JOINED)
    return Written(f"{w.at(a, DIVIDED)} / {w.at(b, JOINED)}", DIVIDED)


def _write_transpose(w: Writer, part: Expression, a: Any, axes: Any) -> Written:
    n = part.ndim
    if axes == (*range(n - 2), n - 1, n - 2):
        return Written(w.raised(a, w.pick("ᵀ", r"\top")), WHOLE)
    return w.function(part.function, a.text, w.literal(axes).text)


def _write_power(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    if isinstance(b, int | float) and b == int(b) and not w.latex:
        return Written(w.raised(a, str(int(b)).translate(RAISED)), WHOLE)
    return Written(w.raised(a, w.at(b, ADDED) if w.latex else "^" + w.at(b, WHOLE)), WHOLE)


def _write_total(w: Writer, part: Expression, a: Any) -> Written:
    axis, ndim = part.options["axis"], part.operands[0].ndim
    if axis is None:
        return Written(w.pick("Σ ", r"\sum ") + w.at(a, MULTIPLIED), DIVIDED)
    if ndim == 2 and axis == (0,):
        return Written(f"{w.pick('𝟏ᵀ', _ONE + '^{\\top}')} {w.at(a, JOINED)}", JOINED)
    if ndim == 2:
        return Written(f"{w.at(a, JOINED)} {w.pick('𝟏', _ONE)}", JOINED)
    return w.function(part.function, a.text, f"axis={w.literal(axis).text}")


_ONE = r"\mathbf{1}"


def _write_ones(w: Writer, part: Expression, shape: Any) -> Written:
    if part.size == 1:
        return Written("1", WHOLE)
    column, row = w.pick("𝟏", _ONE), w.pick("𝟏ᵀ", _ONE + r"^{\top}")
    if len(shape) != 2 or shape[1] == 1:
        return Written(column, WHOLE)
    return Written(row, WHOLE) if shape[0] == 1 else Written(f"{column} {row}", JOINED)


def _write_reshape(w: Writer, part: Expression, a: Any, shape: Any) -> Written:
    before, after = ([n for n in x.shape if n != 1] for x in (part.operands[0], part))
    return a if before == after else w.function(part.function, a.text, w.literal(tuple(shape)).text)


def _write_item(w: Writer, part: Expression, a: Any, index: Any) -> Written:
    entries = index if isinstance(index, tuple) else (index,)
    return Written(f"{w.at(a, WHOLE)}[{', '.join(w.literal(entry).text for entry in entries)}]", WHOLE)


def _write_log1p(w: Writer, part: Expression, a: Any) -> Written:
    text = f"1 {w.minus} {a.text[len(w.minus) :]}" if a.text.startswith(w.minus) else f"1 + {a.text}"
    return w.function(np.log, text)


def _write_log_expit(w: Writer, part: Expression, a: Any) -> Written:
    number, rest = _split(part.operands[0])
    if number == -1:  # σ(−z) = 1 − σ(z)
        return w.function(np.log, f"1 {w.minus} {w.name(expit)}({w(rest)})")
    return w.function(np.log, f"{w.name(expit)}({a.text})")


_SPECIAL: dict[Any, Callable[..., Written]] = {
    np.add: _write_sum,
    np.subtract: _write_sum,
    np.negative: lambda w, part, a: Written(w.minus + w.at(a, DIVIDED), ADDED),
    np.multiply: _write_product,
    np.divide: _write_quotient,
    np.matmul: lambda w, part, a, b: Written(f"{w.at(a, JOINED)} {w.at(b, JOINED)}", JOINED),
    np.transpose: _write_transpose,
    np.power: _write_power,
    np.sum: _write_total,
    np.ones: _write_ones,
    np.reshape: _write_reshape,
    np.logaddexp: lambda w, part, a, b: w.function(
        np.log, " + ".join("1" if o == 0 else w.function(np.exp, w.at(o, ADDED)).text for o in (a, b))
    ),
    np.log1p: _write_log1p,
    np.expm1: lambda w, part, a: Written(f"{w.function(np.exp, a.text).text} {w.minus} 1", ADDED),
    log_expit: _write_log_expit,
    np.broadcast_to: lambda w, part, a, shape: w.function(part.function, w.at(a, ADDED), w.literal(shape).text),
    f.getitem: _write_item,
}


def _upright(name: str) -> str:
    return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"


def _spelt(letter: str, layer: int | None = None, number: int | None = None) -> tuple[str, str]:
    """A name for the terminal and in LaTeX: a letter or a word, the layer as an exponent, a number as an index."""
    latex = letter
    if len(letter) > 1:
        latex = _upright(letter)
    elif not letter.isascii() and unicodedata.name(letter, "").startswith("GREEK SMALL LETTER"):
        latex = "\\" + unicodedata.name(letter).split()[-1].lower()
    text = letter
    if layer is not None:
        text += f"({layer})".translate(RAISED)
        latex += f"^{{({layer})}}"
    if number is not None:
        text += str(number).translate(LOWERED)
        latex += f"_{{{number}}}"
    return text, latex


# --- reading the graph ------------------------------------------------------------------------------------------------


@dataclass
class Part:
    """What one rule gives to the gradient of one place in the graph."""

    node: Node  # whose rule it is
    first: Expression  # as the rule gives it, in terms of the gradient of the node's output
    plain: Expression  # without guards that nothing needs
    shown: Expression  # in the notation that is asked for
    reason: str


@dataclass
class Line:
    """One printed line: ``left sign right``, with a remark; and what it says, to be evaluated."""

    left: tuple[str, str]
    sign: str
    right: tuple[str, str]
    shape: str = ""
    reason: str = ""
    is_result: bool = False


@dataclass
class Section:
    title: str
    lines: list[Line] = field(default_factory=list)
    key: str | None = None  # of the parameter whose gradient it is


@dataclass
class Claim:
    """An array, and the formulas that are printed as equal to it. The array of a parameter's gradient is the walk's."""

    array: Array | Leaf
    formulas: list[Expression]


def _nodes(root: Node) -> list[Node]:
    """The nodes of the graph of `root`, in the order in which they were recorded."""
    found, waiting = {root}, [root]
    while waiting:
        node = waiting.pop()
        if node.edges is None:
            raise RuntimeError(
                f"the graph behind this {function_name(node.function)} was released by backward(): explain the loss before "
                "backward(), pass it retain_graph=True, or compute the loss again"
            )
        for edge in node.edges:
            if isinstance(edge, Node) and edge not in found:
                found.add(edge)
                waiting.append(edge)
    return sorted(found, key=lambda node: node.number)


class Namer:
    """Names for the arrays of a graph: the user's, those of the layers, or the next free letter."""

    def __init__(self, nodes: list[Node], paths: Mapping[Leaf, str], names: Mapping[str, Any], document: bool) -> None:
        self.names = names
        self.paths = paths
        self.taken: set[str] = set()
        self.symbols: dict[Any, Symbol] = {}  # by leaf, by node, or by the id of a constant's array
        self.keys: dict[Leaf, str] = {}  # what a parameter is called by verify()
        self.remarks: dict[Any, str] = {}
        layers = sum(node.function is f.linear for node in nodes)
        shift = 1 if document else 0  # the document counts the input as the first layer
        is_numbered = not (document and layers == 1)
        layer = 0
        activated: set[Node] = set()
        self.taken.update(name for name in names)
        self.add(nodes[-1], nodes[-1].output, "L" if not document else "ℒ")
        for node in nodes:
            layer += node.function is f.linear
            number = layer if is_numbered else None
            for position, (array, edge) in enumerate(zip(node.inputs, node.edges, strict=True)):
                place = edge if edge is not None else id(array)
                if place in self.symbols or not isinstance(array, np.ndarray) or (edge is None and not array.ndim):
                    continue
                letter = "θ" if isinstance(edge, Leaf) else "c"
                if node.function in LOSSES:
                    letter = "y" if isinstance(edge, Leaf) or edge is None else letter
                elif node.function is f.linear:
                    letter = ("x", "W", "b")[position]
                    self.add(place, array, letter, number if position else None)
                    continue
                elif edge is None and array.dtype.kind == "f":
                    letter = "x"
                self.add(place, array, letter)
            if node is nodes[-1]:
                continue
            before = node.edges[0] if len(node.inputs) == 1 else None
            if node.function is f.linear:
                self.add(node, node.output, "z", number and number + shift)
            elif isinstance(before, Node) and before.function is f.linear and node.output.shape == before.output.shape:
                self.add(node, node.output, "u" if before in activated else "a", number and number + shift)
                activated.add(before)
            else:
                self.add(node, node.output, "E" if node.function in LOSSES else "u")

    def add(self, place: Any, array: Array, letter: str, layer: int | None = None) -> None:
        name = self.given(place, array)
        path = self.paths.get(place) if isinstance(place, Leaf) else None
        if name is not None:
            text, latex = _spelt(name)
        elif letter == "θ" and path is not None and re.fullmatch(r"[\w.]+", path) and path not in self.taken:
            text, latex = _spelt(path)
        else:
            # A leaf without a layer and what is computed in between are numbered from the first on.
            number = 1 if letter in "θu" and layer is None else None
            text, latex = _spelt(letter, layer, number)
            while text in self.taken:
                number = 2 if number is None else number + 1
                text, latex = _spelt(letter, layer, number)
        self.taken.add(text)
        self.symbols[place] = Symbol(text, latex, array, is_joined=False)
        if isinstance(place, Leaf):
            self.keys[place] = text if name is not None else path or text
        self.remarks[place] = {"x": "the input", "y": "the target"}.get(letter, "")

    def given(self, place: Any, array: Array) -> str | None:
        """The user's name for what stands at `place`."""
        for name, value in self.names.items():
            if isinstance(value, Variable):
                if value._node is place or (value._node is None and value._data is array):
                    return name
            elif isinstance(place, int) and np.array_equal(value, array):
                return name
        return None

    def of(self, node: Node) -> tuple[list[Any], Symbol]:
        """The symbols of a node's inputs and of its output; numbers as they are."""
        inputs = []
        for array, edge in zip(node.inputs, node.edges, strict=True):
            symbol = self.symbols.get(edge if edge is not None else id(array))
            if symbol is not None:
                inputs.append(symbol)
            elif isinstance(array, np.ndarray):
                # The shortest decimal that rounds to the number: 0.1 and not the float32 next to it.
                inputs.append(float(str(array[()])) if array.dtype.kind == "f" else array.item())
            else:
                inputs.append(array)
        return inputs, self.symbols[node]


def _read(rule: Any, node: Node, g: Expression, y: Symbol, inputs: list[Any], shape: tuple[int, ...]) -> Expression:
    """What a rule of the sheet does with symbols, summed to the shape of its input as the walk does.

    Raises:
        TypeError: the rule does something with its arguments that symbols cannot do.
    """
    try:
        gradient = rule(g, y, *inputs, **node.options)
        if not isinstance(gradient, Expression):
            gradient = _product(ones(shape), _plain(np.asarray(gradient)))
    except (TypeError, AttributeError, ValueError) as error:
        raise TypeError(
            f"the rule for {function_name(node.function)} cannot be read as symbols: {error}. Write it with operators and "
            "NumPy's functions alone, as the rules in tinygrad_mlp.derivatives are"
        ) from error
    return gradient if gradient.shape == shape else _unbroadcast(gradient, shape, node)  # type: ignore[no-any-return]


# --- the document's notation ------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """A row vector of the code's, as the column that the document writes."""

    column: Expression


class Document:
    """Turns what is said of one sample as a row into what the document says of it as a column."""

    def __init__(self, nodes: list[Node], namer: Namer) -> None:
        self.check(nodes)
        self.is_scalar = all(np.size(array) == 1 for node in nodes for array in node.inputs if array is not None)
        self.namer = namer
        self.columns: dict[Expression, Any] = {}
        self.definitions: dict[Node, tuple[Symbol, Expression]] = {}
        self.inner: dict[Node, Any] = {}  # each activation as a function of its z
        for place, symbol in namer.symbols.items():
            array = symbol.array
            if array.ndim == 1 or (array.ndim == 2 and array.shape[0] == 1 and not self.is_weight(nodes, place)):
                self.columns[symbol] = Row(Symbol(symbol.text, symbol.latex, array.reshape(-1, 1)))
        chain = iter(nodes)
        for node in chain:
            inputs, symbol = namer.of(node)
            if node.function is np.reshape:
                self.columns[symbol] = self.columns[inputs[0]]
            elif node.function in LOSSES:
                break
            elif node.function is not f.linear:
                self.inner[node] = self.translated(node.function(*inputs, **node.options))
        last = nodes[nodes.index(node) - 1]
        while last.function is np.reshape:
            last = last.edges[0]
        self.output = last if last in self.inner else None
        if self.output is not None:
            for node_ in (last, *(n for n in nodes if n.function is np.reshape and n.number > last.number)):
                self.columns[namer.symbols[node_]] = self.inner[last]
        # From the loss on everything is a number: one formula.
        for node in (node, *chain):
            inputs, symbol = namer.of(node)
            if node.function is f.squared_error and node.edges[1] is None:
                inputs = inputs[::-1]  # (y − a)², as the document writes it
            formula = FORMULAS.get(node.function, node.function)(*inputs, **node.options)
            self.columns[symbol] = self.translated(unguarded(formula))

    @staticmethod
    def is_weight(nodes: list[Node], place: Any) -> bool:
        return any(node.function is f.linear and node.edges[1] is place for node in nodes)

    @staticmethod
    def check(nodes: list[Node]) -> None:
        """Raise unless the graph is a chain of layers and activations on one sample, a loss, and numbers times it.

        Raises:
            ValueError: it is another graph; the error says in what.
        """
        remedy = 'notation="rows" writes any graph'
        has_loss = False
        for before, node in zip([None, *nodes], nodes, strict=False):
            name = function_name(node.function)
            edges = [edge for edge in node.edges if isinstance(edge, Node)]
            if edges != ([] if before is None else [before]):
                raise ValueError(f"the document's notation is for a chain of layers, but {name} does not go on from one: {remedy}")
            if node.function is f.linear:
                if node.inputs[0].shape[0] != 1:
                    rows = node.inputs[0].shape[0]
                    raise ValueError(
                        f"the document's notation is for one sample, a column, but this batch has {rows} rows: compute the "
                        f"loss of one sample, x[:1]; or {remedy}"
                    )
                is_known = isinstance(node.edges[1], Leaf) and before is not None or node.edges[0] is None
            elif node.function in LOSSES:
                is_known, has_loss = before is not None and not has_loss, True
            elif node.function is np.reshape:
                is_known = max(node.output.shape, default=1) == node.output.size
            elif has_loss:
                is_known = node.function is np.sum or (
                    node.function in (np.multiply, np.divide) and all(np.size(array) == 1 for array in node.inputs)
                )
            else:
                is_known = before is not None and len(node.inputs) == 1 and before.function in (f.linear, np.reshape)
                is_known = is_known and node.output.shape == before.output.shape  # type: ignore[union-attr]
            if not is_known:
                raise ValueError(
                    "the document's notation is for Linear layers with activations between them, and a loss of squares or "
                    f"cross entropy; {name} does not fit in here: {remedy}"
                )
        if not has_loss:
            raise ValueError(f"the document's notation is for a loss of squares or cross entropy, and there is none: {remedy}")

    def translated(self, expression: Expression, columns: Mapping[Expression, Any] | None = None) -> Any:
        """`expression` with columns for rows: a `Row` if it is itself one, and else a formula."""

        def combine(part: Expression, operands: list[Any]) -> Any:
            if isinstance(part, Symbol):
                return part
            plain = [o.column if isinstance(o, Row) else o for o in operands]
            is_row = any(isinstance(o, Row) for o in operands)
            if not is_row and part.function is not np.transpose:
                return build(part.function, plain, part.options)
            if self.is_scalar and part.function in (np.matmul, np.transpose, np.reshape):
                result = build(np.multiply, plain) if part.function is np.matmul else plain[0]
                return Row(result)
            if part.function is np.matmul:
                a, b = operands
                if isinstance(a, Row):
                    return Row(build(np.matmul, (plain[1].T, plain[0])))
                return build(np.matmul, (plain[0], plain[1].T))
            if part.function is np.transpose:
                return plain[0] if is_row else plain[0].T
            if part.function is np.reshape:
                return operands[0]
            if part.function is np.sum:
                return build(np.sum, plain)
            return Row(build(part.function, plain, part.options))

        return fold(expression, combine, {**self.columns, **(columns or {})})

    def column(self, expression: Expression, columns: Mapping[Expression, Any] | None = None) -> Expression:
        result = self.translated(expression, columns)
        return result.column if isinstance(result, Row) else result  # type: ignore[no-any-return]

    def step(self, node: Node, edge: Place, g: Expression, plain: Expression) -> tuple[Expression, Expression]:
        """A rule's result on columns: entry by entry, and as a product with D = diag(…) where the document has one."""
        inner = self.inner.get(node)
        symbol = self.namer.symbols[node]
        by_entry = self.column(plain, {symbol: inner} if inner is not None else None)
        if inner is None or self.is_scalar:
            return by_entry, by_entry
        number, factors = _factors([by_entry])
        derivative = [factor for factor in factors if factor is not g]
        if len(derivative) == len(factors) or not derivative:
            return by_entry, by_entry
        layer = re.search(r"⁽(.*)⁾", symbol.text)
        text, latex = "D" + (layer.group(0) if layer else ""), "D" + (symbol.latex[symbol.latex.index("^") :] if layer else "")
        definition = build(np.diag, (build(np.ravel, (_product(number, *derivative),)),))
        D = Symbol(text, latex, evaluate(definition))
        self.definitions[node] = D, definition
        return by_entry, build(np.matmul, (D, g))

    def as_written(self, node: Node, expression: Expression, written: Callable[[Any], str]) -> Expression:
        """The derivative of a loss in the document's form: −(y − g), and (1 − y)/(1 − g) − y/g."""
        number, rest = _split(expression)
        if node.function is f.squared_error and rest.function is np.subtract:
            return _scaled(-number, Expression(np.subtract, rest.operands[::-1]))
        if node.function is f.cross_entropy and rest.function is np.divide and rest.operands[0].function is np.subtract:
            (a, y), (_, below) = rest.operands[0].operands, _factors([rest.operands[1]])
            if [written(x) for x in below] == [written(x) for x in (a, 1 - a)]:
                return _scaled(number, Expression(np.subtract, (_divide(1 - y, 1 - a), _divide(y, a))))
        return expression


# --- the derivation ---------------------------------------------------------------------------------------------------


class Derivation:
    """The gradients of a loss, derived: what `explain` returns.

    ``str()`` writes it for the terminal, `latex` for a paper, a notebook shows it by itself, and `save` makes a picture
    or a page of it. It keeps the graph of the loss alive.

    Attributes:
        notation: "rows" or "document".
        is_summary: whether the graph was too large to be written down, so that there are no formulas.
        formulas: the gradient of each parameter as one formula in LaTeX, by the parameter's name; where factors cancel,
            the formula before and the one after. A formula of over 300 symbols is left out.
        errors: what `verify` found when it was last called; None before.
    """

    def __init__(self, loss: Variable, paths: Mapping[Leaf, str], names: Mapping[str, Any], notation: str) -> None:
        root = loss._node
        assert_node = root if isinstance(root, Node) else None
        if assert_node is None:
            raise RuntimeError("there is no graph to explain")
        self._root = assert_node
        self.notation = notation
        self.errors: dict[str, float] | None = None
        self.formulas: dict[str, list[str]] = {}
        self._arrays: dict[int, tuple[Array, str, str]] = {}
        self._text = Writer(False, notation == "document", self._arrays)
        self._latex = Writer(True, notation == "document", self._arrays)
        self._sections: list[Section] = []
        self._steps: list[Claim] = []  # what holds for all gradients
        self._results: dict[str, Claim] = {}  # by parameter
        self._nodes = _nodes(self._root)
        self.is_summary = len(self._nodes) > LARGEST_GRAPH
        if self.is_summary:
            self._summarise(paths)
            return
        self._namer = Namer(self._nodes, paths, names, notation == "document")
        self._document = Document(self._nodes, self._namer) if notation == "document" else None
        forward = self._forward()
        backward = self._backward()
        self._sections = [self._symbols(), forward, *backward]

    # --- writing it down ----------------------------------------------------------------------------------------------

    def _write(self, expression: Any) -> tuple[str, str]:
        return self._text(expression), self._latex(expression)

    def _gradient_of(self, place: Any) -> tuple[str, str]:
        """The name of the gradient for the place, such as ∂L/∂z."""
        if self._document is None:
            loss, symbol = self._namer.symbols[self._root], self._namer.symbols[place]
            return f"∂{loss.text}/∂{symbol.text}", rf"\frac{{\partial {loss.latex}}}{{\partial {symbol.latex}}}"
        expression = self._namer.symbols[place]
        column = self._document.columns.get(expression, expression)
        text, latex = self._write(column.column if isinstance(column, Row) else column)
        return f"∇_{text} ℒ", rf"\nabla_{{{latex}}}\mathcal{{L}}"

    def _symbols(self) -> Section:
        """What the formulas start from."""
        lines = []
        for place, symbol in self._namer.symbols.items():
            if not isinstance(place, Node):
                path = self._namer.paths.get(place, "") if isinstance(place, Leaf) else ""
                remark = path if path != symbol.text else ""
                shape = symbol.shape
                if self._document is not None and symbol in self._document.columns:
                    shape = (symbol.size,)
                lines.append(self._membership((symbol.text, symbol.latex), shape, remark or self._namer.remarks[place]))
        for array, *name in self._arrays.values():
            remark = "positions" if array.dtype.kind in "iub" else "constant"
            lines.append(self._membership((name[0], name[1]), array.shape, remark))
        return Section("Symbols", lines)

    @staticmethod
    def _membership(name: tuple[str, str], shape: tuple[int, ...], remark: str) -> Line:
        size = "×".join(map(str, shape))
        right = (f"ℝ{size.translate(RAISED)}", rf"\mathbb{{R}}^{{{size.replace('×', chr(92) + 'times ')}}}") if shape else ("ℝ", r"\mathbb{R}")
        return Line(name, "∈", right, "", remark)

    def _forward(self) -> Section:
        """The graph as equations."""
        lines = []
        for node in self._nodes:
            inputs, symbol = self._namer.of(node)
            reason = function_name(node.function)
            if self._document is None:
                formula = _read_forward(node, inputs)
                expression = unguarded(formula)
                left: Expression = symbol
                value: Array = node.output
                if node.function is f.linear and inputs[2] is not None and node.output.shape[0] > 1:
                    reason += f"; {inputs[2].text} is added to each of {node.output.shape[0]} rows"
            else:
                if node.output.size == 1 and node is not self._root and node.function in (*LOSSES, np.sum, np.multiply, np.divide):
                    continue
                if node.function is np.reshape or node is self._document.output:
                    continue
                column = self._document.columns[symbol]
                left = symbol
                if node is self._root:
                    expression = column.column if isinstance(column, Row) else column
                    left, value = symbol, node.output
                    reason = function_name(next(n for n in self._nodes if n.function in LOSSES).function)
                else:
                    expression = self._document.column(_read_forward(node, inputs))
                    left, value = column.column, node.output.reshape(-1, 1)
            is_row = self._document is not None and node is not self._root
            shape = (node.output.size,) if is_row else node.output.shape
            self._steps.append(Claim(np.asarray(value), [expression]))
            lines.append(Line(self._write(left), "=", self._write(expression), _sized(shape), reason))
        return Section("Forward", lines)

    def _backward(self) -> list[Section]:
        """The chain rule, node by node from the loss back, and at each parameter the steps that are new and the result."""
        namer, document = self._namer, self._document
        parts: dict[Place, list[Part]] = {}
        gradients: dict[Node, Expression] = {self._root: ones(self._root.output.shape)}
        full: dict[Expression, Expression] = {}  # each gradient's symbol, as one formula of what was computed forward
        short: dict[Expression, Expression] = {}  # the same after what cancels has cancelled
        exact: dict[Expression, Expression] = {}  # the same, always entry by entry
        remaining = Counter(e for n in self._nodes for e in n.edges if isinstance(e, Leaf))
        lines: list[Line] = []
        sections = []
        for node in reversed(self._nodes):
            if node is not self._root:
                if node not in parts:
                    continue
                gradients[node] = self._finish(node, parts.pop(node), lines, full, short, exact)[0]
            g = gradients[node]
            inputs, y = namer.of(node)
            # The walk's own number for a rule is its position.
            for rule, edge, array in zip(node.rules, node.edges, node.inputs, strict=False):
                if edge is None or rule is None:
                    continue
                row = document.row(g) if document is not None else g  # type: ignore[attr-defined]
                first = _read(rule, node, row, y, inputs, array.shape)
                parts.setdefault(edge, []).append(self._part(node, edge, g, first))
            for edge in dict.fromkeys(e for e in node.edges if isinstance(e, Leaf)):
                remaining[edge] -= node.edges.count(edge) if isinstance(node.edges, list) else 1
                if remaining[edge] == 0 and edge in parts:
                    _, results = self._finish(edge, parts.pop(edge), lines, full, short, exact)
                    sections.append(self._section(edge, lines, results))
                    lines = []
        return sections
