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
    f.getitem: lambda a, index: Expression(f.getitem, (a, index)),
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
    found = False
    for quotient in [x for x in factors if isinstance(x, Expression) and x.function is np.divide]:
        below, denominator = _factors([quotient.operands[1]])
        left = list(denominator)
        for part in denominator:
            same = [x for x in factors if x is not quotient and x.shape == part.shape and written(x) == written(part)]
            if same and np.all(evaluate(part)):
                factors = [x for x in factors if x is not same[0]]
                left = [x for x in left if x is not part]
        if len(left) < len(denominator):
            found = True
            rest = quotient.operands[0] if not left else _divide(quotient.operands[0], _product(*left))
            factors = [rest if x is quotient else x for x in factors]
            number = number / below
    return _product(number, *factors) if found else expression


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


ONES, ONES_T = ("𝟏", r"\mathbf{1}"), ("𝟏ᵀ", r"\mathbf{1}^{\top}")


def _write_total(w: Writer, part: Expression, a: Any) -> Written:
    axis, ndim = part.options["axis"], part.operands[0].ndim
    if axis is None:
        return Written(w.pick("Σ ", r"\sum ") + w.at(a, MULTIPLIED), DIVIDED)
    if ndim == 2 and axis == (0,):
        return Written(f"{w.pick(*ONES_T)} {w.at(a, JOINED)}", JOINED)
    if ndim == 2:
        return Written(f"{w.at(a, JOINED)} {w.pick(*ONES)}", JOINED)
    return w.function(part.function, a.text, f"axis={w.literal(axis).text}")


def _write_ones(w: Writer, part: Expression, shape: Any) -> Written:
    if part.size == 1:
        return Written("1", WHOLE)
    column, row = w.pick(*ONES), w.pick(*ONES_T)
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


def _nodes(root: Node) -> list[Node]:
    """The nodes of the graph of `root`, in the order in which they were recorded.

    Raises:
        RuntimeError: some of the graph has been released.
    """
    found, waiting = {root}, [root]
    while waiting:
        node = waiting.pop()
        if node.edges is None:
            raise RuntimeError(
                f"the graph behind this {function_name(node.function)} was released by backward(): explain the loss "
                "before backward(), or pass that retain_graph=True, or compute the loss again"
            )
        for edge in node.edges:
            if isinstance(edge, Node) and edge not in found:
                found.add(edge)
                waiting.append(edge)
    return sorted(found, key=lambda node: node.number)


def _read(rule: Any, node: Node, g: Expression, y: Symbol, inputs: list[Any], shape: tuple[int, ...]) -> Expression:
    """What a rule of the sheet makes of symbols, summed to the shape of its input as the walk does it.

    Raises:
        TypeError: the rule does something with its arguments that symbols cannot do.
    """
    try:
        gradient = rule(g, y, *inputs, **node.options)
        if not isinstance(gradient, Expression):
            gradient = _product(ones(shape), _plain(np.asarray(gradient)))
    except (TypeError, AttributeError, ValueError) as error:
        raise TypeError(
            f"the rule for {function_name(node.function)} cannot be read as symbols: {error}. Write it with operators "
            "and NumPy's functions alone, as the rules in tinygrad_mlp.derivatives are"
        ) from error
    return gradient if gradient.shape == shape else _unbroadcast(gradient, shape, node)  # type: ignore[no-any-return]


def _is_alias(node: Node) -> bool:
    """Whether a node only adds or takes away dimensions of length 1, so that its output needs no name of its own."""
    if node.function is not np.reshape:
        return False
    before, after = ([n for n in array.shape if n != 1] for array in (node.inputs[0], node.output))
    return before == after


class Namer:
    """Names for the arrays of a graph: the user's, those of the layers, or the next free letter.

    Args:
        nodes: the graph, in the order of recording.
        paths: what modules call their parameters.
        names: the user's names, with the tensors or arrays that they are for.
        document: whether to count the input as the first layer, as the document does.

    Raises:
        ValueError: a name is for something that is not in the graph.
    """

    def __init__(self, nodes: list[Node], paths: Mapping[Leaf, str], names: Mapping[str, Any], document: bool) -> None:
        self.paths = paths
        self.names = names
        self.symbols: dict[Any, Symbol] = {}  # by leaf, by node, or by the id of a constant
        self.remarks: dict[Any, str] = {}
        self.keys: dict[Leaf, str] = {}  # what each parameter is called in the results
        self.layers: dict[Node, int | None] = {}  # the layer that each node is computed in
        self._taken = set(names)
        self._unused = set(names)
        several = sum(node.function is f.linear for node in nodes) > 1 or not document
        root, layer = nodes[-1], 0
        self._add(root, root.output, "ℒ" if document else "L")
        for node in nodes:
            is_linear = node.function is f.linear
            layer += is_linear
            for position, (array, edge) in enumerate(zip(node.inputs, node.edges, strict=True)):
                if isinstance(edge, Leaf) or (edge is None and np.ndim(array)):
                    self._add_given(node, position, array, edge, layer if several else None)
            number = layer + document if several and layer else None
            self.layers[node] = number
            before = node.edges[0] if len(node.inputs) == 1 else None
            if isinstance(before, Node) and _is_alias(node):
                aliased = self.symbols[before]
                self.symbols.setdefault(node, Symbol(aliased.text, aliased.latex, node.output))
                continue
            while isinstance(before, Node) and _is_alias(before) and isinstance(before.edges[0], Node):
                before = before.edges[0]
            if is_linear:
                self._add(node, node.output, "z", number)
            elif isinstance(before, Node) and before.function is f.linear and node.output.size == before.output.size:
                self._add(node, node.output, "a", number)
            else:
                self._add(node, node.output, "E" if node.function in LOSSES else "u")
        if self._unused:
            raise ValueError(
                f"names: {', '.join(sorted(self._unused))} is not in the graph of this loss, which knows the Tensors that "
                "need a gradient, and the arrays that they were computed with"
            )

    def _add_given(self, node: Node, position: int, array: Array, edge: Leaf | None, layer: int | None) -> None:
        """A name for what a node was given: a leaf or a constant."""
        place = id(array) if edge is None else edge
        if node.function is f.linear:
            self._add(place, array, "xWb"[position], layer if position else None)
        elif node.function in LOSSES:
            self._add(place, array, "y")
        elif edge is None:
            self._add(place, array, "x" if array.dtype.kind == "f" else "c")
        else:
            self._add(place, array, "θ")

    def _add(self, place: Any, array: Array, letter: str, layer: int | None = None) -> None:
        if place in self.symbols:
            return
        given = next((name for name, value in self.names.items() if self._is_at(value, place, array)), None)
        path = self.paths.get(place) if isinstance(place, Leaf) else None
        if given is not None:
            self._unused.discard(given)
            spelling = _spelt(given)
        elif letter == "θ" and path is not None and re.fullmatch(r"[\w.]+", path) and path not in self._taken:
            spelling = _spelt(path)
        else:
            number = 1 if letter in "θu" else None
            spelling = _spelt(letter, layer, number)
            while spelling[0] in self._taken:
                number = (number or 1) + 1
                spelling = _spelt(letter, layer, number)
        self._taken.add(spelling[0])
        self.symbols[place] = Symbol(*spelling, array)
        if isinstance(place, Leaf):
            self.keys[place] = given or path or spelling[0]
        self.remarks[place] = {"x": "input", "y": "target", "c": "constant"}.get(letter, "")

    @staticmethod
    def _is_at(value: Any, place: Any, array: Array) -> bool:
        """Whether a tensor or an array of the user's is the one at a place. Of arrays, the graph keeps copies."""
        if isinstance(value, Variable):
            return value._node is place if value._node is not None else value._data is array
        return isinstance(place, int) and np.array_equal(value, array)

    def of(self, node: Node) -> list[Any]:
        """The symbols of what a node was given; numbers as they are."""
        found: list[Any] = []
        for array, edge in zip(node.inputs, node.edges, strict=True):
            symbol = self.symbols.get(id(array) if edge is None else edge)
            if symbol is None and isinstance(array, np.ndarray) and array.dtype.kind == "f":
                # The shortest decimal that is rounded to the number: 0.1, not what is nearest to it in float32.
                found.append(float(str(array[()])))
            else:
                found.append(array if symbol is None else symbol)
        return found


# --- the document's notation ------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """What the code computes as a row, as the column that the document writes."""

    column: Expression


class Document:
    """Turns what the code does with one sample, a row, into what the document writes of it, a column.

    Raises:
        ValueError: the graph is no chain of layers on one sample with a loss; the error says in what.
    """

    def __init__(self, nodes: list[Node], namer: Namer) -> None:
        self._check(nodes)
        self.namer = namer
        # Of numbers, as in its section 4, there are neither transposes nor diagonal matrices.
        self.is_scalar = all(np.size(array) == 1 for node in nodes for array in node.inputs if array is not None)
        self.loss = next(node for node in nodes if node.function in LOSSES)
        self.after = [node for node in nodes if node.number >= self.loss.number]
        weights = {node.edges[1] or id(node.inputs[1]) for node in nodes if node.function is f.linear}
        self.columns: dict[Expression, Any] = {}
        for place, symbol in namer.symbols.items():
            if symbol.ndim and place not in weights:
                self.add_row(symbol)
        self.inner: dict[Node, Row] = {}  # each activation, written out as a function of its z
        for node in nodes[: -len(self.after)]:
            symbol = namer.symbols[node]
            if _is_alias(node):
                self.columns[symbol] = self.columns[namer.symbols[node.edges[0]]]
            elif node.function is not f.linear:
                self.inner[node] = self.translated(build(node.function, namer.of(node), node.options))
        # The document has no name for the output, and writes g(z).
        self.unnamed = {node: row for node, row in self.inner.items() if node in _sources(self.loss)}
        for node, row in self.unnamed.items():
            for alias in (node, *(n for n in nodes if _is_alias(n) and n.number > node.number)):
                self.columns[namer.symbols[alias]] = row
        for node in self.after:
            inputs = namer.of(node)
            if node.function is f.squared_error and node.edges[1] is None:
                inputs.reverse()  # (y − g)²
            formula = FORMULAS.get(node.function, lambda *x, node=node, **o: build(node.function, x, o))
            self.columns[namer.symbols[node]] = self.translated(unguarded(formula(*inputs, **node.options)))

    @staticmethod
    def _check(nodes: list[Node]) -> None:
        losses = 0
        for before, node in zip([None, *nodes], nodes, strict=False):
            name = function_name(node.function)
            problem = f"{name} is neither a layer, nor an activation, nor a number times the loss"
            after = [] if before is None else [before]
            fits = True
            if [edge for edge in node.edges if isinstance(edge, Node)] != after:
                fits, problem = False, f"{name} does not take up where {function_name(before.function) if before else 'x'} ends"
            elif node.function is f.linear:
                rows = node.inputs[0].shape[0]
                fits = rows == 1 and node.edges[0] in after + [None] and not losses
                problem = f"this batch has {rows} rows, and the document's vectors are those of one sample"
            elif node.function in LOSSES:
                losses += 1
                fits, problem = bool(after) and losses == 1, "the loss is not computed from a network"
            elif losses:
                fits = node.function is np.sum or (
                    node.function in (np.multiply, np.divide) and min(np.size(array) for array in node.inputs) == 1
                )
            elif not _is_alias(node):
                fits = before is not None and len(node.inputs) == 1 and node.output.shape == before.output.shape
                fits = fits and node.function is not np.transpose
            if not fits:
                break
        else:
            fits, problem = losses == 1, "there is no squared error or cross entropy"
        if not fits:
            raise ValueError(
                "the document's notation is for layers and activations in a row, a sum of squares or a cross entropy, and "
                f'one sample, but {problem}: write notation="rows", which is for any graph'
            )

    def add_row(self, symbol: Symbol) -> Symbol:
        """The column for a symbol that is a row in the code."""
        column = Symbol(symbol.text, symbol.latex, symbol.array.reshape(-1, 1), symbol.is_joined)
        self.columns[symbol] = Row(column)
        return column

    def translated(self, expression: Expression, columns: Mapping[Expression, Any] | None = None) -> Any:
        """`expression` with columns for rows: a `Row` where it is itself one, and else a formula."""

        def combine(part: Expression, operands: list[Any]) -> Any:
            if isinstance(part, Symbol):
                return part
            if part.function is np.ones and part.ndim:
                return Row(ones((part.size, 1)))
            is_row = any(isinstance(operand, Row) for operand in operands)
            plain = [operand.column if isinstance(operand, Row) else operand for operand in operands]
            if part.function is np.matmul:
                a, b = plain
                if isinstance(operands[0], Row):  # a Bᵀ is the row of the column B a
                    return Row(build(np.multiply, (b, a)) if self.is_scalar else build(np.matmul, (b.T, a)))
                return build(np.multiply, plain) if self.is_scalar else build(np.matmul, (a, b.T if is_row else b))
            if part.function is np.transpose:
                return plain[0] if is_row or self.is_scalar else plain[0].T
            if part.function is np.reshape and is_row:
                return operands[0]
            if part.function is np.sum and is_row:
                return build(np.sum, plain)
            return Row(build(part.function, plain, part.options)) if is_row else build(part.function, plain, part.options)

        return fold(expression, combine, {**self.columns, **(columns or {})})

    def column(self, expression: Expression, columns: Mapping[Expression, Any] | None = None) -> Expression:
        """`expression`, as a column where it is a row."""
        result = self.translated(expression, columns)
        return result.column if isinstance(result, Row) else result  # type: ignore[no-any-return]

    def diagonal(self, node: Node, by_entry: Expression, g: Expression) -> tuple[Symbol, Expression, Expression] | None:
        """D, what it is the name of, and D g, for the product of `g` with an activation's derivative entry by entry."""
        factors = _factors([by_entry])[1]
        derivative = [factor for factor in factors if factor is not g]
        if node not in self.inner or self.is_scalar or len(derivative) in (0, len(factors)):
            return None
        definition = build(np.diag, (build(np.reshape, (_product(*derivative), (-1,))),))
        D = Symbol(*_spelt("D", self.namer.layers[node]), evaluate(definition))
        return D, definition, build(np.matmul, (D, g))

    def as_written(self, expression: Expression, written: Callable[[Any], str]) -> Expression:
        """The derivative of the loss in the document's form: −(y − g), and (1 − y)/(1 − g) − y/g."""
        number, rest = _split(expression)
        if self.loss.function is f.squared_error and rest.function is np.subtract:
            return _scaled(-number, Expression(np.subtract, rest.operands[::-1]))
        if self.loss.function is f.cross_entropy and rest.function is np.divide:
            difference, product = rest.operands
            if isinstance(difference, Expression) and difference.function is np.subtract:
                a, y = difference.operands
                if written(product) == written(a * (1 - a)):
                    return _scaled(number, (1 - y) / (1 - a) - y / a)
        return expression


def _sources(node: Node) -> list[Node]:
    """The nodes that a node takes its inputs from, seen through aliases."""
    found = [edge for edge in node.edges if isinstance(edge, Node)]
    while any(_is_alias(edge) for edge in found):
        found = [edge.edges[0] if _is_alias(edge) else edge for edge in found]
    return [edge for edge in found if isinstance(edge, Node)]


# --- the derivation ---------------------------------------------------------------------------------------------------

Spelling = tuple[str, str]  # for the terminal, and in LaTeX


class Part(NamedTuple):
    """What one rule contributes to a gradient."""

    node: Node  # whose rule it is
    g: Expression  # the gradient of that node's output
    first: Expression  # what the rule says
    plain: Expression  # the same without guards that no entry needs
    shown: Expression  # the same in the notation that is asked for
    reason: str


class Line(NamedTuple):
    """One printed line: ``left sign right``, the shape of both, and why."""

    left: Spelling
    sign: str
    right: Spelling
    shape: str = ""
    reason: str = ""
    is_result: bool = False


class Section(NamedTuple):
    title: Spelling
    lines: list[Line]


class Claim(NamedTuple):
    """An array, and the formulas that are printed as equal to it."""

    array: Array
    formulas: list[Expression]


class Derivation:
    """The gradients of a loss, derived: what `explain` returns.

    ``str()`` writes it for the terminal, `latex` for a paper, a notebook shows it by itself, and `save` makes a picture
    or a page of it. It keeps the graph of the loss alive.

    Attributes:
        notation: "rows" or "document".
        is_summary: whether the graph was too large to be written down, so that there are no formulas.
        formulas: the gradient of each parameter as one formula in LaTeX, by the parameter's name; where factors cancel,
            first the formula with them and then the one without. It is empty where the formula is too long to print.
        errors: what `verify` found when it was last called; None if it was not.
    """

    def __init__(
        self, root: Node, paths: Mapping[Leaf, str], names: Mapping[str, Any], notation: str = "rows"
    ) -> None:
        self.notation = notation
        self.formulas: dict[str, list[str]] = {}
        self.errors: dict[str, float] | None = None
        self._root = root
        self._nodes = _nodes(root)
        arrays: dict[int, tuple[Array, str, str]] = {}
        self._text = Writer(False, notation == "document", arrays)
        self._latex = Writer(True, notation == "document", arrays)
        self._steps: list[Claim] = []  # what all gradients rest on
        self._results: dict[str, tuple[Leaf, list[Expression]]] = {}
        self._sections: list[Section] = []
        self.is_summary = len(self._nodes) > LARGEST_GRAPH
        if self.is_summary:
            self._sections.append(self._summary(paths))
            return
        self._namer = Namer(self._nodes, paths, names, notation == "document")
        self._document = Document(self._nodes, self._namer) if notation == "document" else None
        self._lines: list[Line] = []  # not yet in a section
        # Each gradient that has a symbol, as one formula of what was computed forward:
        self._full: dict[Expression, Expression] = {}
        self._short: dict[Expression, Expression] = {}  # with what cancels cancelled
        self._by_entry: dict[Expression, Expression] = {}  # so, and without D = diag(…)
        forward = self._forward()
        backward = self._backward()
        self._sections = [self._given(arrays), forward, *backward]

    def _write(self, expression: Any) -> Spelling:
        return self._text(expression), self._latex(expression)

    def _say(self, left: Spelling, sign: str, right: Expression, reason: str, **more: Any) -> None:
        """Print a line, unless it says nothing."""
        spelling = self._write(right)
        if spelling != left:
            self._lines.append(Line(left, sign, spelling, _sized(right.shape, self._document is not None), reason, **more))

    def _given(self, arrays: dict[int, tuple[Array, str, str]]) -> Section:
        """What the formulas start from."""
        lines = []
        for place, symbol in self._namer.symbols.items():
            if not isinstance(place, Node):
                path = self._namer.paths.get(place, "") if isinstance(place, Leaf) else ""
                shape = symbol.shape
                if self._document is not None and symbol in self._document.columns:
                    shape = (symbol.size,)
                lines.append(_membership(self._write(symbol), shape, path or self._namer.remarks[place]))
        for array, text, latex in arrays.values():
            remark = "positions" if array.dtype.kind in "iub" else "constant"
            lines.append(_membership((text, latex), array.shape, remark))
        return Section(_words("Given"), lines)

    def _forward(self) -> Section:
        """The graph, as equations."""
        document = self._document
        for node in self._nodes:
            symbol, inputs, reason = self._namer.symbols[node], self._namer.of(node), function_name(node.function)
            formula = FORMULAS.get(node.function, lambda *x, node=node, **o: build(node.function, x, o))
            expression, value = unguarded(formula(*inputs, **node.options)), node.output
            left = self._write(symbol)
            if document is not None:
                if node in document.unnamed or (node in document.after and node is not self._root):
                    continue
                if node is self._root:
                    reason = function_name(document.loss.function)
                    expression = document.column(symbol)
                else:
                    expression, value = document.column(expression), node.output.reshape(-1, 1)
            elif node.function is f.linear and inputs[2] is not None and len(node.output) > 1:
                reason += f", the bias added to each of {len(node.output)} rows"
            self._steps.append(Claim(value, [expression]))
            self._say(left, "=", expression, reason)
        section, self._lines = Section(_words("Forward"), self._lines), []
        return section

    def _backward(self) -> list[Section]:
        """The chain rule, from the loss back: for each parameter the steps that are new, and its gradient."""
        document, namer = self._document, self._namer
        first_use: dict[Leaf, Node] = {}
        for node in reversed(self._nodes):
            first_use.update({edge: node for edge in node.edges if isinstance(edge, Leaf)})
        parts: dict[Place, list[Part]] = {}
        sections = []
        for node in reversed(self._nodes):
            if node is self._root:
                g: Expression = ones(node.output.shape)
            elif node in parts:
                g = self._gradient(node, parts.pop(node))
            else:  # its gradient is 0
                continue
            for rule, edge, array in zip(node.rules, node.edges, node.inputs, strict=False):
                if edge is not None and rule is not None:
                    first = _read(rule, node, g, namer.symbols[node], namer.of(node), array.shape)
                    parts.setdefault(edge, []).append(self._part(node, edge, g, first))
            for leaf in [leaf for leaf in parts if isinstance(leaf, Leaf) and first_use[leaf] is node]:
                sections.append(self._result(leaf, parts.pop(leaf)))
        sections += [self._result(leaf, found) for leaf, found in parts.items() if isinstance(leaf, Leaf)]
        if not sections:
            raise RuntimeError("no gradient of this loss reaches a parameter: there is nothing to derive")
        return sections

    def _name(self, place: Place) -> Spelling:
        """What the gradient for a place is called: ∂L/∂z."""
        symbol = self._namer.symbols[place]
        if self._document is not None:
            text, latex = self._write(self._document.column(symbol))
            return f"∇_{text} ℒ", rf"\nabla_{{{latex}}}\mathcal{{L}}"
        loss = self._namer.symbols[self._root]
        return f"∂{loss.text}/∂{symbol.text}", rf"\frac{{\partial {loss.latex}}}{{\partial {symbol.latex}}}"

    def _part(self, node: Node, edge: Place, g: Expression, first: Expression) -> Part:
        """What the rule of a node contributes to the gradient at an edge, in every form that is needed."""
        document, reason, plain = self._document, function_name(node.function), unguarded(first)
        if document is None:
            if first.function is np.sum or _split(first)[1].function is np.reshape:
                reason += ", summed over rows" if g.ndim == 2 and first.ndim == 1 and len(g.shape) and g.shape[0] > 1 else ""
            return Part(node, g, first, plain, plain, reason)
        if node in document.after:
            # What follows the loss is a number, so that its gradient is one, too.
            numbers = {symbol: full for symbol, full in self._full.items() if not full.symbols}
            plain = substitute(document.column(plain), numbers)
            shown = document.as_written(plain, self._text) if node is document.loss else plain
            return Part(node, g, shown, plain, shown, reason)
        column = document.columns[g].column
        inner = document.inner.get(node)
        plain = document.column(plain, {self._namer.symbols[node]: inner} if inner is not None else None)
        diagonal = document.diagonal(node, plain, column)
        if diagonal is None:
            return Part(node, column, plain, plain, plain, reason)
        D, definition, shown = diagonal
        self._steps.append(Claim(D.array, [definition]))
        self._say(self._write(D), "=", definition, "")
        return Part(node, column, shown, plain, shown, reason)

    def _derive(self, place: Place, parts: list[Part]) -> tuple[list[Expression], Expression, Expression, Expression]:
        """Print the steps to the gradient at a place.

        Returns:
            The formulas printed, and the gradient as one formula: in full, cancelled, and so without D = diag(…).
        """
        left = self._name(place)
        tidy = turned if self._document is None else lambda expression: expression

        def total(expressions: Any) -> Expression:
            return tidy(reduce(lambda a, b: build(np.add, (a, b)), expressions))

        printed = [total(part.first for part in parts)]
        is_silent = self._document is not None and place in self._document.after
        for i, part in enumerate(parts):
            if not is_silent:
                self._say(("", "") if i else left, "+" if i else "=", tidy(part.first), part.reason)
        if any(part.first is not part.plain for part in parts) and self._document is None:
            printed.append(total(part.plain for part in parts))
            self._say(("", ""), "=", printed[-1], "no entry needs the guard")
        inserted = [tidy(substitute(part.plain, self._by_entry)) for part in parts]
        reduced = [cancelled(expression, self._text) for expression in inserted]
        full = total(substitute(part.shown, self._full) for part in parts)
        if any(old is not new for old, new in zip(inserted, reduced, strict=True)):
            printed += [total(inserted), total(reduced)]
            self._say(("", ""), "=", printed[-2], "inserted")
            cancelling = " and ".join(dict.fromkeys(function_name(part.node.function) for part in parts))
            self._say(("", ""), "=", printed[-1], f"the derivative of {cancelling} cancels")
            return printed, full, printed[-1], printed[-1]
        is_number = [part.g in self._full and not self._full[part.g].symbols for part in parts]
        if any(is_number) and self._document is None and full.symbols:
            printed.append(full)
            self._say(("", ""), "=", full, "inserted")
        short = total(substitute(part.shown, self._short) for part in parts)
        return printed, full, short, total(inserted)

    def _gradient(self, node: Node, parts: list[Part]) -> Symbol:
        """The symbol for the gradient at a node, after printing the steps to it."""
        printed, full, short, by_entry = self._derive(node, parts)
        name, document = self._name(node), self._document
        array = np.asarray(evaluate(printed[0]))
        g = Symbol(*name, array.reshape(node.output.shape), is_joined=True)
        symbol = g if document is None or not g.ndim else document.add_row(g)
        self._full[symbol], self._short[symbol], self._by_entry[symbol] = full, short, by_entry
        self._steps.append(Claim(symbol.array, printed))
        return g

    def _result(self, leaf: Leaf, parts: list[Part]) -> Section:
        """The section of a parameter: the steps since the last one, and its gradient."""
        printed, full, short, _ = self._derive(leaf, parts)
        key, name = self._namer.keys[leaf], self._name(leaf)
        formulas = [full] if self._text_of(full) == self._text_of(short) else [full, short]
        self.formulas[key] = []
        for i, formula in enumerate(formulas):
            left = ("", "") if i else name
            if formula.symbols > LONGEST_FORMULA:
                words = _words(f"the lines above, inserted into each other: {formula.symbols:,} symbols, too long to print")
                self._lines.append(Line(left, "=", words, is_result=True))
                break
            printed.append(formula)
            self.formulas[key].append(self._latex(formula))
            spelling = self._write(formula)
            self._lines.append(Line(left, "=", spelling, _sized(formula.shape, self._document is not None), "", True))
        self._results[key] = leaf, printed
        symbol = self._namer.symbols[leaf]
        latex = symbol.latex if key == symbol.text else _words(key)[1]
        section, self._lines = Section((f"Gradient for {key}", rf"\text{{Gradient for }} {latex}"), self._lines), []
        return section

    def _text_of(self, formula: Expression) -> Any:
        """What tells formulas apart; one that is too long to print is itself."""
        return self._text(formula) if formula.symbols <= LONGEST_FORMULA else formula.symbols

    def _summary(self, paths: Mapping[Leaf, str]) -> Section:
        """What was recorded, by the module whose parameter was used last."""
        functions: dict[str, Counter[str]] = {}
        parameters: dict[str, dict[Leaf, str]] = {}
        module = ""
        for node in self._nodes:
            for array, edge in zip(node.inputs, node.edges, strict=True):
                if isinstance(edge, Leaf):
                    module, _, name = paths.get(edge, "").rpartition(".")
                    size = _sized(array.shape, False)
                    parameters.setdefault(module, {})[edge] = f"{name} {size}" if name else f"a parameter, {size}"
            functions.setdefault(module, Counter())[function_name(node.function)] += 1
        lines = []
        for module, counts in functions.items():
            listed = ", ".join(f"{count:,} × {name}" if count > 1 else name for name, count in counts.items())
            held = ", ".join(parameters.get(module, {}).values())
            lines.append(Line(_words(module or "(no module)"), ":", _words(f"{listed}; {held}" if held else listed)))
        return Section(_words("Functions and parameters, by module"), lines)

    # --- checking -----------------------------------------------------------------------------------------------------

    def verify(self) -> dict[str, float]:
        """Evaluate what is printed with NumPy on the graph's arrays, and compare it with the gradients of a backward walk.

        Neither the graph nor any ``.grad`` is changed, and no hook is called. The arrays of the equations of the forward
        pass are those that were recorded; every gradient is evaluated from the lines above it.

        Returns:
            For each parameter the largest error of any entry, over all equations of the forward pass, all steps, and the
            formulas of its gradient; relative to the largest sum of the absolute values of the terms that are added up
            in an entry. It is about 1e-16 in float64, and 1e-7 in float32. Empty for a summary.

        Raises:
            RuntimeError: the graph has been released since, or an array has changed.
        """
        seed = np.ones(self._root.output.shape, self._root.output.dtype)
        with _without_hooks(self._nodes):
            arrived = walk([(self._root, seed)], retain_graph=True)
        values: dict[Expression, Any] = {}
        magnitudes: dict[Expression, Any] = {}

        def error(array: Array, formula: Expression) -> float:
            value = np.asarray(evaluate(formula, values), np.float64)
            scale = float(np.max(magnitude(formula, values, magnitudes), initial=0))
            difference = np.abs(value.reshape(array.shape) - array)
            return float(np.max(difference, initial=0)) / (scale or 1)

        common = [error(claim.array, formula) for claim in self._steps for formula in claim.formulas]
        self.errors = {}
        for key, (leaf, formulas) in self._results.items():
            gradient = arrived[leaf]
            array = np.asarray(gradient.dense() if isinstance(gradient, Product) else gradient, np.float64)
            self.errors[key] = float(np.max([*common, *(error(array, formula) for formula in formulas)]))
        return self.errors

    @property
    def tolerance(self) -> float:
        """The error that rounding in the least precise array of the graph may cause: 4e-10 in float64, 7e-5 in float32."""
        return float(max(np.finfo(node.output.dtype).eps for node in self._nodes)) ** 0.6

    def _verdict(self) -> list[str]:
        if self.is_summary:
            return ["No formula is printed, so there is none to verify."]
        if self.errors is None:
            return ["Not verified: verify() compares these formulas with the gradients of backward()."]
        wrong = {key: error for key, error in self.errors.items() if not error <= self.tolerance}
        if wrong:
            listed = ", ".join(f"{key} ({error:.1e})" for key, error in wrong.items())
            return [f"WRONG: what NumPy computes from the formulas above is not what backward() computes for {listed}."]
        return [
            "Verified: NumPy computed these formulas from the graph's arrays, and the results are the gradients of "
            "backward(). Largest relative error:",
            *(f"  {key}: {error:.1e}" for key, error in self.errors.items()),
        ]

    # --- readings -----------------------------------------------------------------------------------------------------

    def _preface(self) -> list[str]:
        count = f"{len(self._nodes):,} function{'s' * (len(self._nodes) > 1)}"
        if self.is_summary:
            return [
                f"The graph of this loss has {count}. That is too many to print the derivation of its gradients, which is "
                f"done for up to {LARGEST_GRAPH}; so this is a summary by module."
            ]
        what = f"The gradients of {self._namer.symbols[self._root].text} by the chain rule, from its graph of {count}."
        vectors = "Vectors are columns." if self.notation == "document" else "Samples are rows."
        printed = " ".join(line.right[0] for section in self._sections for line in section.lines)
        return [what, "; ".join([vectors[:-1], *(words for sign, words in LEGEND.items() if sign in printed)]) + "."]

    def __str__(self) -> str:
        """The derivation in Unicode, at most 80 columns wide."""
        written = [row for paragraph in self._preface() for row in _wrapped(paragraph.split(" "), WIDTH, len)]
        for section in self._sections:
            written += ["", section.title[0]]
            indent = max(len(line.left[0]) for line in section.lines)
            for line in section.lines:
                written += _rows(line, min(indent, 24))
        verdict = [row for paragraph in self._verdict() for row in _wrapped(re.split(r"(?<=\S) ", paragraph), WIDTH, len)]
        return "\n".join([*written, "", *verdict])

    def __repr__(self) -> str:
        return f"<Derivation of {len(self._results)} gradients from {len(self._nodes):,} functions, notation={self.notation!r}>"

    def latex(self) -> str:
        """The derivation as one ``aligned`` environment, to stand between ``\\\\[`` and ``\\\\]``; needs amsmath, amssymb."""
        rows = []
        for section in self._sections:
            rows += [rf"& \boldsymbol{{{section.title[1]}}}", *_aligned(section)]
        rows += [rf"& \text{{{_escaped(words)}}}" for words in self._verdict()]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the derivation to a file: a picture (.png, .svg), a page (.html, .md), or LaTeX (.tex).

        Formulas in pictures and on the page are set by matplotlib: no installation of TeX is needed. The file appears
        whole or not at all.

        Returns:
            The path.

        Raises:
            ValueError: the ending is another.
            OSError: the file cannot be written; the error names it.
        """
        path = Path(path)
        writers = {".png": self._picture, ".svg": self._picture, ".html": self._page, ".md": self._markdown, ".tex": self._paper}
        ending = path.suffix.lower()
        if ending not in writers:
            raise ValueError(f"a derivation is saved as {', '.join(writers)}, not as {path.name!r}: end the name in one of them")
        content = writers[ending](ending[1:])
        partial = path.with_name(f"{path.name}.part")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise OSError(error.errno, error.strerror, str(path)) from error
        return path

    def _paper(self, ending: str) -> bytes:
        body = []
        for section in self._sections:
            rows = " \\\\\n".join(_aligned(section))
            body.append(f"\\subsection*{{${section.title[1]}$}}\n\\begin{{align*}}\n{rows}\n\\end{{align*}}")
        prose = [_escaped(" ".join(text)) for text in (self._preface()[:1], self._verdict())]
        return (
            "\\documentclass{article}\n\\usepackage[margin=2cm]{geometry}\n\\usepackage{amsmath,amssymb}\n"
            "\\allowdisplaybreaks\n\\begin{document}\n" + "\n\n".join([prose[0], *body, prose[1]]) + "\n\\end{document}\n"
        ).encode()

    def _markdown(self, ending: str) -> bytes:
        paragraphs = ["# Derivation", "\n".join(self._preface())]
        for section in self._sections:
            rows = " \\\\\n".join(_aligned(section))
            paragraphs += [f"## {section.title[0]}", f"```math\n\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n```"]
        verdict = self._verdict()
        return "\n\n".join([*paragraphs, verdict[0], "\n".join(f"- {row.strip()}" for row in verdict[1:])]).encode()

    def _page(self, ending: str) -> bytes:
        picture = self._picture("svg").decode()
        from html import escape

        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Derivation</title>\n'
            "<style>body { margin: 2em; font-family: sans-serif } svg { max-width: 100%; height: auto }</style></head>\n"
            f"<body>\n{picture[picture.index('<svg') :]}\n<details><summary>As text</summary>\n"
            f"<pre>{escape(str(self))}</pre></details>\n</body>\n</html>\n"
        ).encode()

    def _picture(self, ending: str) -> bytes:
        from io import BytesIO

        file = BytesIO()
        figure = _Picture(self._preface(), self._sections, self._verdict()).figure
        # Agg draws no picture of more than 2¹⁶ pixels a side.
        dpi = min(144.0, 60_000 / max(figure.get_size_inches()))
        figure.savefig(file, format=ending, dpi=dpi, metadata={"Date": None} if ending == "svg" else None)
        return file.getvalue()


@contextlib.contextmanager
def _without_hooks(nodes: list[Node]) -> Iterator[None]:
    """Nodes that neither call hooks nor keep gradients."""
    found = [(node.extras, node.extras.hooks, node.extras.retains_grad) for node in nodes if node.extras is not None]
    try:
        for extras, _, _ in found:
            extras.hooks, extras.retains_grad = None, False
        yield
    finally:
        for extras, hooks, retains_grad in found:
            extras.hooks, extras.retains_grad = hooks, retains_grad


# --- setting lines ----------------------------------------------------------------------------------------------------


def _escaped(words: str) -> str:
    """Words for LaTeX's text mode."""
    return re.sub(r"([#$%&_{}])", r"\\\1", words)


def _words(words: str) -> Spelling:
    return words, rf"\text{{{_escaped(words)}}}"


def _sized(shape: tuple[int, ...], is_column: bool) -> str:
    """A shape as it is printed; of a column, its length."""
    if is_column and len(shape) == 2 and shape[1] == 1:
        shape = shape[:1]
    return "×".join(map(str, shape)) or "scalar"


def _membership(name: Spelling, shape: tuple[int, ...], remark: str) -> Line:
    """``x ∈ ℝ³ˣ⁴``."""
    size = "×".join(map(str, shape))
    latex = rf"\mathbb{{R}}^{{{size}}}".replace("×", r" \times ") if shape else r"\mathbb{R}"
    return Line(name, "∈", (f"ℝ{size.translate(RAISED)}", latex), "", remark)


def _wrapped(pieces: list[str], width: float, measure: Callable[[str], float]) -> list[str]:
    """Pieces joined by spaces to as few rows as fit into `width`."""
    rows = [""]
    for piece in pieces:
        longer = f"{rows[-1]} {piece}" if rows[-1] else piece
        if rows[-1] and measure(longer) > width:
            rows.append(piece)
        else:
            rows[-1] = longer
    return rows


def _rows(line: Line, indent: int) -> list[str]:
    """A line for the terminal: the formula, and the shape and the reason at the right margin."""
    mark = "▸ " if line.is_result else "  "
    start = f"{mark}{line.left[0]:<{indent}} {line.sign} "
    pieces = re.split(r"(?<![⊙+−=/·]) ", line.right[0])
    rows = _wrapped(pieces, WIDTH - len(start), len)
    rows = [start + rows[0], *(" " * len(start) + row for row in rows[1:])]
    remark = "  ".join(filter(None, (line.shape, line.reason)))
    if not remark:
        return rows
    if len(rows[-1]) + 2 + len(remark) > WIDTH:
        rows.append("")
    return [*rows[:-1], rows[-1] + remark.rjust(WIDTH - len(rows[-1]))]


def _pieces(latex: str) -> list[str]:
    """A formula cut where a line may end: before an operator or between factors, outside of braces and sized brackets."""
    pieces, depth, start = [], 0, 0
    for match in re.finditer(r"\\left|\\right|\\[{}]|[{} ]", latex):
        token = match.group()
        depth += {"{": 1, r"\left": 1, "}": -1, r"\right": -1}.get(token, 0)
        before = latex[start : match.start()]
        if token == " " and depth == 0 and not re.search(r"(^|\s)(\+|-|=|\\odot|\\cdot|\\sum)$", before):
            pieces.append(before)
            start = match.end()
    return [*pieces, latex[start:]]


def _visible(latex: str) -> int:
    """About how many characters wide LaTeX is set."""
    return len(re.sub(r"\\(frac|left|right|math[a-z]+|text)|[{}^_\\]", "", latex))


def _aligned(section: Section) -> list[str]:
    """The rows of an ``aligned`` environment for a section."""
    rows = []
    for line in section.lines:
        remark = ", ".join(filter(None, (line.shape.replace("×", r"$\times$"), _escaped(line.reason))))
        broken = _wrapped(_pieces(line.right[1]), 90, _visible)
        broken[-1] += rf" && \text{{{remark}}}" if remark else ""
        rows.append(rf"{line.left[1]} &{_sign(line)} {broken[0]}")
        rows += [rf"& \quad {row}" for row in broken[1:]]
    return rows


def _sign(line: Line) -> str:
    return line.sign.replace("∈", r"\in")


class _Picture:
    """A figure with the lines of a derivation, as large as they need."""

    INK, FAINT, HIGHLIGHT = "#1a1f2b", "#6b7280", "#eef3fb"
    WIDEST, GAP, MARGIN = 620.0, 26.0, 30.0  # of a formula, between columns, around everything: in points

    def __init__(self, preface: list[str], sections: list[Section], verdict: list[str]) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(dpi=72)  # so that pixels are points
        self.renderer = FigureCanvasAgg(self.figure).get_renderer()
        self.texts: list[tuple[Any, float, float]] = []
        lines = [line for section in sections for line in section.lines]
        left = {id(line): self.math(line.left[1]) for line in lines}
        right = {id(line): [self.math(row) for row in self.broken(line)] for line in lines}
        remark = {id(line): self.words("   ".join(filter(None, (line.shape, line.reason)))) for line in lines}
        first = max((self.width(text) for text in left.values()), default=0)
        second = max((self.width(text) for rows in right.values() for text in rows), default=0)
        third = max((self.width(text) for text in remark.values()), default=0)
        x = self.MARGIN + first
        self.total = x + second + self.GAP + third + self.MARGIN
        self.y = self.MARGIN
        highlights = []
        for words in preface:
            self.paragraph(words, self.INK)
        for section in sections:
            self.y += 16
            self.place([(self.words(section.title[0], 13, self.INK, "bold"), self.MARGIN)])
            for line in section.lines:
                top = self.y
                for i, text in enumerate(right[id(line)]):
                    row = [(text, x + (0 if i == 0 else 18))]
                    if i == 0:
                        row.append((left[id(line)], x - self.width(left[id(line)])))
                    if text is right[id(line)][-1]:
                        row.append((remark[id(line)], self.total - self.MARGIN - third))
                    self.place(row)
                if line.is_result:
                    highlights.append((top, self.y))
        self.y += 16
        for words in verdict:
            self.paragraph(words, self.INK)
        self.finish(highlights)

    def math(self, latex: str) -> Any:
        set_upright = latex.replace(r"\top", r"\mathsf{T}").replace(r"\frac", r"\dfrac").replace(r"\boldsymbol", "")
        return self.figure.text(0, 0, f"${set_upright}$" if latex else "", size=14, color=self.INK, math_fontfamily="stix", va="baseline")

    def words(self, text: str, size: float = 10.5, color: str = FAINT, weight: str = "normal") -> Any:
        return self.figure.text(0, 0, text, size=size, color=color, weight=weight, parse_math=False, va="baseline")

    def box(self, text: Any) -> Any:
        return text.get_window_extent(self.renderer)

    def width(self, text: Any) -> float:
        return float(self.box(text).width)

    def broken(self, line: Line) -> list[str]:
        """A formula with its sign, in rows that are narrow enough."""

        def measure(latex: str) -> float:
            text = self.math(latex)
            width = self.width(text)
            text.remove()
            return width

        first, *others = _pieces(line.right[1])
        return _wrapped([rf"\;{_sign(line)}\; {first}", *others], self.WIDEST, measure)

    def place(self, row: list[tuple[Any, float]]) -> None:
        """Put texts on one baseline below what is there."""
        boxes = [self.box(text) for text, _ in row]
        above, below = max(box.y1 for box in boxes), max(-box.y0 for box in boxes)
        self.y += above + 4
        self.texts += [(text, x, self.y) for text, x in row]
        self.y += below + 4

    def paragraph(self, words: str, color: str) -> None:
        def measure(text: str) -> float:
            artist = self.words(text)
            width = self.width(artist)
            artist.remove()
            return width

        for row in _wrapped(words.split(" "), max(self.total - 2 * self.MARGIN, 300), measure):
            self.place([(self.words(row, color=color), self.MARGIN)])

    def finish(self, highlights: list[tuple[float, float]]) -> None:
        """Size the figure, and put everything where it belongs."""
        from matplotlib.patches import Rectangle

        width = max([self.total, *(x + self.width(text) + self.MARGIN for text, x, _ in self.texts)])
        height = self.y + self.MARGIN
        self.figure.set_size_inches(width / 72, height / 72)
        for text, x, y in self.texts:
            text.set_position((x / width, 1 - y / height))
        for top, bottom in highlights:
            left = self.MARGIN - 8
            corner, size = (left / width, 1 - bottom / height), (1 - 2 * left / width, (bottom - top) / height)
            self.figure.add_artist(Rectangle(corner, *size, color=self.HIGHLIGHT, transform=self.figure.transFigure, zorder=-1))


# --- what users call --------------------------------------------------------------------------------------------------


def explain(
    loss: Variable,
    model: Any = None,
    names: Mapping[str, Any] | None = None,
    *,
    notation: str = "rows",
    verify: bool = True,
) -> Derivation:
    """Derive the gradients of `loss` by the chain rule, from its graph and with the rules that ``backward()`` uses.

    Call it before ``backward()``, which releases the graph. It changes neither the graph nor any ``.grad``.

    Args:
        loss: a Tensor of one entry, computed from Tensors that require a gradient.
        model: the module, or whatever has ``named_parameters()``, by whose paths the parameters are called.
        names: names of your own for Tensors and arrays in the graph: ``{"w": weight}``. Without either, the weights and
            biases of Linear layers are W⁽¹⁾, b⁽¹⁾, W⁽²⁾, …, and other parameters θ₁, θ₂, …
        notation: "rows", as the code computes: samples are the rows of matrices; or "document": one sample, a column, with
            D = diag(…) for the derivatives of the activations, for layers in a row with a squared error or cross entropy.
        verify: evaluate the formulas with NumPy, and compare them with the gradients of ``backward()``.

    Returns:
        The derivation: print it, or `Derivation.save` it.

    Raises:
        TypeError: `loss` is no Tensor, `model` has no parameters, a name is none; or a rule of the sheet cannot be read.
        ValueError: `loss` has several entries, a name is for nothing in the graph, or the notation is not for this graph.
        RuntimeError: `loss` does not depend on anything that requires a gradient, or its graph has been released.

    >>> import numpy as np
    >>> from tinygrad_mlp import nn, tensor
    >>> net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    >>> loss = nn.BCEWithLogitsLoss(reduction="sum")(net(tensor([[1.0, 2.0, 3.0]])), tensor([[1.0]]))
    >>> derivation = explain(loss, net)
    >>> derivation.formulas["2.weight"]
    ['(\\sigma(z^{(2)}) - y)^{\\top} a^{(1)}']
    """
    if not isinstance(loss, Variable):
        raise TypeError(f"explain takes a loss, a Tensor, not {type(loss).__name__}: write explain(loss, model)")
    if loss._data.size != 1:
        raise ValueError(
            f"a derivation is of one number, but this Tensor has shape {loss._data.shape}: reduce it with .sum() or .mean()"
        )
    if notation not in ("rows", "document"):
        raise ValueError(f'notation is "rows" or "document", not {notation!r}')
    if not isinstance(loss._node, Node):
        raise RuntimeError(
            "there is nothing to derive: this loss was not computed from anything that requires a gradient. Make the "
            "parameters with requires_grad=True, and compute the loss from them outside no_grad()"
        )
    paths = {}
    if model is not None:
        if not hasattr(model, "named_parameters"):
            raise TypeError(f"model is a module with named_parameters(), not {type(model).__name__}: pass names= instead")
        paths = {parameter._node: path for path, parameter in model.named_parameters()}
    for name, value in (names or {}).items():
        if not isinstance(name, str) or not re.fullmatch(r"[\w.′]+", name):
            raise TypeError(f"a name consists of letters, digits, dots and underscores, unlike {name!r}")
        if not isinstance(value, Variable | np.ndarray):
            raise TypeError(f"names= maps names to Tensors and arrays, but {name} to {type(value).__name__}: write {{'w': w}}")
    derivation = Derivation(loss._node, paths, names or {}, notation)
    if verify:
        derivation.verify()
    return derivation
