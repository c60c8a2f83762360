"""The derivation: the rules of the sheet read once more, with symbols, so that a graph's gradients print themselves.

A symbol writes down what a rule does to it. From that come, for each parameter, the steps of the chain rule and its
gradient as one formula, in the code's notation or the document's. It is checked, too: NumPy evaluates what is printed,
and the results are compared with those of the backward walk.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from ..core import functions as f
from ..core import guard
from ..core.blas import Product
from ..core.lines import function_name
from ..core.record import Form, Leaf, Node, Variable
from ..core.walk import summed_to, walk
from ..files.atomic import replacing
from ..tensors.derived import derived, reductions

__all__ = ["Derivation", "explain"]

Array = NDArray[Any]
Place = Leaf | Node
Spelling = tuple[str, str]  # for the terminal, and in LaTeX

LARGEST_GRAPH = 200  # nodes; a larger graph is summarised
LONGEST_FORMULA = 300  # symbols; a longer formula is left as its steps
WIDTH = 80  # columns

# --- expressions ------------------------------------------------------------------------------------------------------


class Expression(np.lib.mixins.NDArrayOperatorsMixin):
    """A formula: a NumPy function with its operands (formulas, numbers, arrays, indices) and options.

    NumPy's functions and operators, given one, make another; so a rule that is called with formulas writes itself down.
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
        return build(reductions[ufunc], inputs, {"axis": 0, **options})

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return derived[function](*args, **options) if function in derived else build(function, args, options)


class Symbol(Expression):
    """A name for an array."""

    __slots__ = ("array", "is_joined", "latex", "text")

    def __init__(self, spelling: Spelling, array: Array, is_joined: bool = False) -> None:
        self.text, self.latex = spelling
        # Formulas are evaluated in double precision: where they differ from the graph, it is the graph that rounds.
        self.array = np.asarray(array, np.float64 if array.dtype.kind == "f" else None)
        self.is_joined = is_joined  # of several parts, such as ∂L/∂z
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
    if function is np.matmul and min(map(len, shapes)) > 1 and shapes[0][-1] == shapes[1][-2]:
        return (*np.broadcast_shapes(*(shape[:-2] for shape in shapes)), shapes[0][-2], shapes[1][-1])
    if isinstance(function, np.ufunc) and function.signature is None:
        return np.broadcast_shapes(*shapes)
    return np.shape(evaluate(expression))


def fold(root: Expression, combine: Callable[[Expression, list[Any]], Any], known: dict[Expression, Any]) -> Any:
    """``combine(expression, operands)`` for `root`, after the same for its operands.

    Each part is done once and noted in `known`; nothing recurses, however deep the formula is.
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


# The sums and products of which it is worth knowing how large the terms are.
_LINEAR: dict[Any, Any] = {np.subtract: np.add, np.negative: np.positive}
_LINEAR |= {x: x for x in (np.add, np.multiply, np.divide, np.matmul, np.sum, np.transpose, np.reshape)}


def magnitude(expression: Expression, values: dict[Expression, Any], known: dict[Expression, Any]) -> Any:
    """The sum of the absolute values of the terms that are added up in each entry of an evaluated expression."""

    def combine(part: Expression, operands: list[Any]) -> Any:
        if part.function not in _LINEAR:
            return np.abs(values[part])
        absolute = [np.abs(o) if isinstance(o, int | float | np.ndarray) else o for o in operands]
        return _LINEAR[part.function](*absolute, **part.options)

    with np.errstate(all="ignore"):
        return fold(expression, combine, known)


def _rebuilt(part: Expression, operands: list[Any]) -> Expression:
    """A part with new operands, simplified; itself where they are the old ones."""
    same = all(old is new for old, new in zip(part.operands, operands, strict=True))
    return part if same else build(part.function, operands, part.options)


def substitute(expression: Expression, replacements: Mapping[Expression, Expression]) -> Expression:
    """`expression` with some of its symbols replaced."""
    return fold(expression, _rebuilt, dict(replacements))  # type: ignore[no-any-return]


# --- simplification ---------------------------------------------------------------------------------------------------
#
# Gentle: 1·x, double negation, numbers in front of products, transposes of transposes, ones that broadcasting makes
# superfluous. Nothing is multiplied out, and no factors change places.


def build(function: Any, operands: Iterable[Any], options: Mapping[str, Any] | None = None) -> Expression:
    """``function(*operands, **options)``, simplified."""
    operands = [_plain(operand) for operand in operands]
    if function in _SIMPLER:
        return _SIMPLER[function](*operands, **(options or {}))
    return Expression(function, tuple(operands), options)


def _plain(operand: Any) -> Any:
    """A Python number for an array without dimensions."""
    if isinstance(operand, np.ndarray) and operand.dtype == object:
        raise TypeError("it puts a symbol into an array")
    return operand.item() if isinstance(operand, np.generic | np.ndarray) and operand.ndim == 0 else operand


def _is_number(operand: Any) -> bool:
    return isinstance(operand, int | float)


def ones(shape: Sequence[int]) -> Expression:
    return Expression(np.ones, (tuple(shape),))


def _split(expression: Any) -> tuple[Any, Any]:
    """The number in front of a product, and the rest."""
    if isinstance(expression, Expression):
        if expression.function is np.negative:
            return -1, expression.operands[0]
        if expression.function is np.multiply and _is_number(expression.operands[0]):
            return expression.operands
    return 1, expression


def _scaled(number: Any, expression: Expression) -> Expression:
    """A number in front of an expression that has none."""
    if number == 1:
        return expression
    if expression.function is np.divide and _is_number(expression.operands[0]):
        return Expression(np.divide, (number * expression.operands[0], expression.operands[1]))
    return Expression(np.negative, (expression,)) if number == -1 else Expression(np.multiply, (number, expression))


def _factors(*operands: Any) -> tuple[Any, list[Any]]:
    """The number in front of an elementwise product of operands, and its factors."""
    number: Any = 1
    factors, waiting = [], [*operands[::-1]]
    while waiting:
        operand = waiting.pop()
        if _is_number(operand):
            number = number * operand
        elif isinstance(operand, Expression) and operand.function in (np.multiply, np.negative):
            number = -number if operand.function is np.negative else number
            waiting += operand.operands[::-1]
        else:
            factors.append(operand)
    return number, factors


def _product(*operands: Any) -> Expression:
    number, factors = _factors(*operands)
    shape = np.broadcast_shapes(*(factor.shape for factor in factors))
    for factor in [factor for factor in factors if getattr(factor, "function", None) is np.ones]:
        others = [other for other in factors if other is not factor]
        if not any(isinstance(other, Expression) for other in others):
            continue  # an array alone would be no formula
        if np.broadcast_shapes(*(other.shape for other in others)) == shape:
            factors = others
    return _scaled(number, reduce(lambda a, b: Expression(np.multiply, (a, b)), factors))


def _quotient(a: Any, b: Any) -> Expression:
    if _is_number(b) and b != 0:
        return _product(1 / b, a)
    above, a = (a, 1) if _is_number(a) else _split(a)
    below, rest = _split(b)
    if below == 0 or below != int(below):
        below, rest = 1, b
    return _scaled(above / below, Expression(np.divide, (a, rest)))


def _sum_of(a: Any, b: Any, sign: int = 1) -> Expression:
    """a + b, or with −1 for `sign` a − b."""
    number, rest = _split(b)
    if number < 0:
        sign, b = -sign, _scaled(-number, rest)
    elif _is_number(b) and b < 0:
        sign, b = -sign, -b
    if _is_number(b) and b == 0:
        return a  # type: ignore[no-any-return]
    if _is_number(a) and a == 0:
        return b if sign == 1 else _product(-1, b)
    return Expression(np.add if sign == 1 else np.subtract, (a, b))


def _power(a: Any, b: Any) -> Expression:
    if _is_number(b) and b in (0, 1):
        return a if b else ones(a.shape)
    return Expression(np.power, (a, b))


def _matmul(a: Any, b: Any) -> Expression:
    (first, a), (second, b) = _split(a), _split(b)
    return _scaled(first * second, Expression(np.matmul, (a, b)))


def _transpose(a: Expression, axes: Any = None) -> Expression:
    order = tuple(range(a.ndim))[::-1] if axes is None else tuple(int(axis) % a.ndim for axis in axes)
    number, a = _split(a)
    if a.function is np.transpose:
        a, order = a.operands[0], tuple(a.operands[1][axis] for axis in order)
    if order == tuple(range(a.ndim)):
        return _scaled(number, a)
    if a.function is np.ones:
        return _scaled(number, ones([a.shape[axis] for axis in order]))
    return _scaled(number, Expression(np.transpose, (a, order)))


def _reshape(a: Expression, shape: Any) -> Expression:
    lengths = tuple(int(n) for n in np.atleast_1d(shape))
    if -1 in lengths:
        rest = -math.prod(lengths)
        lengths = tuple(a.size // rest if n == -1 else n for n in lengths)
    number, a = _split(a)
    a = a.operands[0] if a.function is np.reshape else a
    if lengths == a.shape:
        return _scaled(number, a)
    return _scaled(number, ones(lengths) if a.function is np.ones else Expression(np.reshape, (a, lengths)))


def _broadcast_to(a: Any, shape: Sequence[int]) -> Expression:
    """As a product with ones, where `a` is a number, a row or a column."""
    shape, own = tuple(shape), np.shape(a)
    if own == shape:
        return a  # type: ignore[no-any-return]
    if math.prod(own) == 1:
        return _product(a if _is_number(a) else _reshape(a, ()), ones(shape))
    if len(shape) == 2 and own == (shape[0], 1):
        return _matmul(a, ones((1, shape[1])))
    if len(shape) == 2 and own in (shape[1:], (1, shape[1])):
        return _matmul(ones((shape[0], 1)), _reshape(a, (1, shape[1])))
    return Expression(np.broadcast_to, (a, shape))


def _sum(a: Expression, axis: Any = None, keepdims: bool = False, **others: Any) -> Expression:
    given = range(a.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    axes = tuple(i % a.ndim for i in given)
    if all(a.shape[i] == 1 for i in axes):
        return _reshape(a, [n for i, n in enumerate(a.shape) if keepdims or i not in axes])
    number, a = _split(a)
    options = {"axis": None if len(axes) == a.ndim else axes, "keepdims": keepdims}
    return _scaled(number, Expression(np.sum, (a,), options))


_SIMPLER: dict[Any, Callable[..., Expression]] = {
    np.negative: lambda a: _product(-1, a),
    np.positive: lambda a: a,
    np.multiply: _product,
    np.divide: _quotient,
    np.add: _sum_of,
    np.subtract: lambda a, b: _sum_of(a, b, -1),
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
    """g − y for −(y − g)."""
    number, rest = _split(expression)
    return Expression(np.subtract, rest.operands[::-1]) if number == -1 and rest.function is np.subtract else expression


def cancelled(expression: Expression, written: Callable[[Any], str]) -> Expression:
    """A product without the factors that stand both above and below a fraction line and are nowhere 0."""
    if expression.symbols > LONGEST_FORMULA:
        return expression
    number, factors = _factors(expression)
    found = False
    for quotient in [x for x in factors if getattr(x, "function", None) is np.divide]:
        above, denominator = quotient.operands
        below, parts = _factors(denominator)
        kept = []
        for part in parts:
            equal = [i for i, x in enumerate(factors) if x.shape == part.shape and written(x) == written(part)]
            if equal and np.all(evaluate(part)):
                found = True
                del factors[equal[0]]
            else:
                kept.append(part)
        if len(kept) < len(parts):
            rest = _quotient(above, _product(*kept)) if kept else above
            factors = [rest if x is quotient else x for x in factors]
            number = number / below
    return _product(number, *factors) if found else expression


def unguarded(expression: Expression) -> Expression:
    """`expression` without the bounds that keep a loss and its derivative finite, where no entry comes near them."""

    def combine(part: Expression, operands: list[Any]) -> Any:
        is_bound = part.function is np.maximum and _is_number(operands[1]) and operands[1] in (1e-12, -100)
        if is_bound and np.all(evaluate(operands[0]) >= operands[1]):
            return operands[0]
        return _rebuilt(part, operands)

    return fold(expression, combine, {})  # type: ignore[no-any-return]


# --- how functions are written ----------------------------------------------------------------------------------------


def _total(elements: Any, total: bool) -> Any:
    return np.sum(elements) if total else elements


# What the framework's own functions compute in one go. The logarithms of σ(z) and 1 − σ(z) are taken from z, so that
# NumPy can evaluate them where σ(z) rounds to 0 or 1, too.
FORMULAS: dict[Any, Callable[..., Any]] = {
    f.linear: lambda x, w, b: x @ w.T if b is None else x @ w.T + b,
    f.squared_error: lambda a, y, total=False: _total((a - y) ** 2, total),
    f.binary_cross_entropy: lambda a, y, total=False: _total(
        -(y * np.maximum(np.log(a), -100) + (1 - y) * np.maximum(np.log1p(-a), -100)), total
    ),
    f.binary_cross_entropy_with_logits: lambda z, y, total=False: _total(
        -(y * log_expit(z) + (1 - y) * log_expit(-z)), total
    ),
}
LOSSES = (f.squared_error, f.binary_cross_entropy, f.binary_cross_entropy_with_logits)

# Hints: what is written for a function that is computed in a better way than it reads.
WRITTEN_AS: dict[Any, Callable[..., Any]] = {
    np.log1p: lambda x: np.log(1 + x),
    np.expm1: lambda x: np.exp(x) - 1,
    np.logaddexp: lambda a, b: np.log(np.exp(a) + np.exp(b)),
    log_expit: lambda z: np.log(1 - expit(-z)) if _split(z)[0] == -1 else np.log(expit(z)),
}

# Hints: names that are not NumPy's, and relations that stand between their operands.
_AS_IN_LATEX = (np.exp, np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh, np.max, np.min)
NAMES: dict[Any, Spelling] = {
    **{function: (function.__name__, rf"\{function.__name__}") for function in _AS_IN_LATEX},
    np.maximum: ("max", r"\max"), np.minimum: ("min", r"\min"), np.log: ("ln", r"\ln"), expit: ("σ", r"\sigma"),
    np.sqrt: ("√", r"\mathrm{sqrt}"), np.absolute: ("abs", r"\mathrm{abs}"),
}  # fmt: skip
RELATIONS: dict[Any, Spelling] = {
    np.greater: (">", ">"), np.greater_equal: ("≥", r"\geq"), np.less: ("<", "<"), np.less_equal: ("≤", r"\leq"),
    np.equal: ("=", "="), np.not_equal: ("≠", r"\neq"),
}  # fmt: skip
NUMBERS: dict[float, Spelling] = {
    math.inf: ("∞", r"\infty"), math.pi: ("π", r"\pi"), 2 / math.sqrt(math.pi): ("2/√π", r"\frac{2}{\sqrt{\pi}}"),
    math.log(2): ("ln 2", r"\ln 2"), math.log(10): ("ln 10", r"\ln 10"),
}  # fmt: skip
TIMES = (" · ", r" \, ")
ONES, ONES_T = ("𝟏", r"\mathbf{1}"), ("𝟏ᵀ", r"\mathbf{1}^{\top}")
LEGEND = {
    "⊙": "⊙ multiplies entry by entry", "ᵀ": "ᵀ transposes", "Σ": "Σ adds all entries", "𝟏": "𝟏 is a column of ones",
    r" [<>≤≥=≠] [^\[]*\]": "[…] is 1 where it is true and 0 elsewhere",
}  # fmt: skip
RAISED = str.maketrans("0123456789()-×", "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾⁻ˣ")
LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _upright(name: str) -> str:
    return rf"\mathrm{{{name}}}".replace("_", r"\_")


def _spelt(letter: str, layer: int | None = None, number: int | None = None) -> Spelling:
    """A name: a letter or a word, the layer as an exponent, a number as an index."""
    text, latex = letter, letter if len(letter) == 1 else _upright(letter)
    if letter == "ℒ":
        latex = r"\mathcal{L}"
    elif len(letter) == 1 and "GREEK SMALL LETTER" in unicodedata.name(letter, ""):
        latex = "\\" + unicodedata.name(letter).split()[-1].lower()
    if layer is not None:
        text, latex = text + f"({layer})".translate(RAISED), f"{latex}^{{({layer})}}"
    if number is not None:
        text, latex = text + str(number).translate(LOWERED), f"{latex}_{{{number}}}"
    return text, latex


# How tightly what is written hangs together.
ADDED, DIVIDED, MULTIPLIED, JOINED, WHOLE = range(5)


class Written(NamedTuple):
    """A piece of a formula, how tightly it hangs together, and a function's name and arguments, if it is one."""

    text: str
    level: int = WHOLE
    call: tuple[str, str] | None = None


class Writer:
    """Writes expressions for the terminal or in LaTeX, in the code's or the document's notation.

    Args:
        latex: whether in LaTeX.
        document: whether in the document's notation.
        arrays: arrays that stand in formulas without being symbols, by id, with the names that they have been given.
    """

    def __init__(self, latex: bool, document: bool, arrays: dict[int, tuple[Array, Spelling]]) -> None:
        self.latex = latex
        self.document = document
        self.arrays = arrays
        self.minus = self.pick("−", "-")

    def __call__(self, expression: Any) -> str:
        return self.written(expression).text

    def pick(self, text: str, latex: str) -> str:
        return latex if self.latex else text

    def written(self, expression: Any) -> Written:
        return fold(expression, self.combine, {}) if isinstance(expression, Expression) else self.literal(expression)

    def combine(self, part: Expression, operands: list[Any]) -> Written:
        function = part.function
        if isinstance(part, Symbol):
            return Written(self.pick(part.text, part.latex), JOINED if part.is_joined else WHOLE)
        if function in _SPECIAL:
            return _SPECIAL[function](self, part, *operands)
        if function in WRITTEN_AS:
            return self.written(WRITTEN_AS[function](*part.operands))
        texts = [self.at(operand, ADDED) for operand in operands if operand is not None]
        if function in RELATIONS:
            return Written(f"[{texts[0]} {self.pick(*RELATIONS[function])} {texts[1]}]")
        options = [f"{name}={self.at(value, ADDED)}" for name, value in part.options.items() if value is not None]
        return self.function(function, *texts, *options)

    def function(self, function: Any, *arguments: str) -> Written:
        name = function_name(function)
        name = "g" if self.document and function is expit else self.pick(*NAMES.get(function, (name, _upright(name))))
        listed = self.enclosed(", ".join(arguments))
        return Written(name + listed, WHOLE, (name, listed))

    def enclosed(self, text: str) -> str:
        return rf"\left({text}\right)" if r"\frac" in text else f"({text})"

    def at(self, operand: Any, level: int) -> str:
        """What is written for an operand, in parentheses if it hangs together less tightly than `level`."""
        written = operand if isinstance(operand, Written) else self.literal(operand)
        return written.text if written.level >= level else self.enclosed(written.text)

    def raised(self, operand: Any, exponent: str) -> str:
        """An operand with an exponent or a ᵀ."""
        mark = f"^{{{exponent}}}" if self.latex else exponent
        if isinstance(operand, Written) and operand.call and exponent not in ("ᵀ", r"\top"):
            return operand.call[0] + mark + operand.call[1]
        text = self.at(operand, WHOLE)
        # In LaTeX one exponent does not follow another, and in the document neither.
        if (self.latex and "^" in text and text.endswith("}")) or (self.document and text.endswith("⁾")):
            text = self.enclosed(text)
        return text + mark

    def literal(self, value: Any) -> Written:
        """A number, an index, or what else is no formula."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.number(value)
        if isinstance(value, np.ndarray):
            return Written(self.pick(*self.named(value)))
        if isinstance(value, slice):
            start, stop, step = ("" if end is None else self(end) for end in (value.start, value.stop, value.step))
            return Written(f"{start}:{stop}:{step}" if step else f"{start}:{stop}", ADDED)
        if isinstance(value, tuple | list):
            return Written(f"({', '.join(map(self, value))})")
        text = "…" if value is Ellipsis else str(value)
        return Written(self.pick(text, _upright(re.sub(r"\W+", ".", text))))

    def named(self, array: Array) -> Spelling:
        if id(array) not in self.arrays:
            letter = "c" if array.dtype.kind == "f" else "k"
            number = 1 + sum(text[0] == letter for _, (text, _) in self.arrays.values())
            self.arrays[id(array)] = array, _spelt(letter, number=number)
        return self.arrays[id(array)][1]

    def number(self, value: float) -> Written:
        if math.copysign(1, value) < 0:
            return Written(self.minus + self.number(-value).text, ADDED)
        if value in NUMBERS:
            return Written(self.pick(*NUMBERS[value]), JOINED)
        if not math.isfinite(value):
            return Written(self.pick("NaN", _upright("NaN")))
        fraction = Fraction(value).limit_denominator(10**6)
        if float(fraction) == value and fraction.numerator < 10**6:
            above, below = fraction.numerator, fraction.denominator
            if below == 1:
                return Written(str(above))
            if self.latex:
                return Written(rf"\frac{{{above}}}{{{below}}}", JOINED)
            return Written("½") if fraction == Fraction(1, 2) else Written(f"{above}/{below}", DIVIDED)
        digits, _, exponent = repr(float(value)).partition("e")
        if not exponent:
            return Written(digits.removesuffix(".0"))
        power = self.pick("10" + str(int(exponent)).translate(RAISED), f"10^{{{int(exponent)}}}")
        return Written(power if digits == "1" else digits + self.pick("·", r" \cdot ") + power, MULTIPLIED)


def _write_sum(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    return Written(f"{w.at(a, ADDED)} {'+' if part.function is np.add else w.minus} {w.at(b, DIVIDED)}", ADDED)


def _write_product(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    first, second = part.operands
    if _is_number(first):
        number, after = w.number(first).text, w.at(b, DIVIDED)
        if second.function is np.ones and second.size == 1:
            return w.number(first)
        is_apart = "/" in number or r"\frac" in number or after[0].isdigit()
        level = ADDED if first < 0 else min(MULTIPLIED, b.level)
        return Written(f"{number}{w.pick(*TIMES) if is_apart else ' '}{after}", level)
    signs = (" ⊙ ", r" \odot ")
    if w.document:  # which has no sign for it
        signs = (" ", r" \, " if first.function is np.divide else " ")
    elif () in (first.shape, second.shape):
        signs = TIMES
    return Written(w.at(a, MULTIPLIED) + w.pick(*signs) + w.at(b, MULTIPLIED), MULTIPLIED)


def _write_quotient(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    if w.latex:
        return Written(rf"\frac{{{w.at(a, ADDED)}}}{{{w.at(b, ADDED)}}}", JOINED)
    return Written(f"{w.at(a, DIVIDED)} / {w.at(b, JOINED)}", DIVIDED)


def _write_power(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    if w.latex:
        return Written(w.raised(a, w.at(b, ADDED)))
    is_whole = _is_number(b) and b == int(b)
    return Written(w.raised(a, str(int(b)).translate(RAISED) if is_whole else "^" + w.at(b, WHOLE)))


def _write_transpose(w: Writer, part: Expression, a: Any, axes: Any) -> Written:
    n = part.ndim
    if axes == (*range(n - 2), n - 1, n - 2):
        return Written(w.raised(a, w.pick("ᵀ", r"\top")))
    return w.function(part.function, a.text, w(axes))


def _write_total(w: Writer, part: Expression, a: Any) -> Written:
    axis = part.options["axis"]
    if axis is None:
        return Written(w.pick("Σ ", r"\sum ") + w.at(a, MULTIPLIED), DIVIDED)
    if part.operands[0].ndim == 2:
        factors = [w.at(a, JOINED), w.pick(*ONES)] if axis == (1,) else [w.pick(*ONES_T), w.at(a, JOINED)]
        return Written(" ".join(factors), JOINED)
    return w.function(part.function, a.text, f"axis={w(axis)}")


def _write_ones(w: Writer, part: Expression, shape: tuple[int, ...]) -> Written:
    if part.size == 1:
        return Written("1")
    if len(shape) != 2 or shape[1] == 1:
        return Written(w.pick(*ONES))
    return Written(w.pick(*ONES_T)) if shape[0] == 1 else Written(f"{w.pick(*ONES)} {w.pick(*ONES_T)}", JOINED)


def _write_reshape(w: Writer, part: Expression, a: Any, shape: Any) -> Written:
    return a if _squeezed(part.operands[0]) == _squeezed(part) else w.function(part.function, a.text, w(shape))


def _write_item(w: Writer, part: Expression, a: Any, index: Any) -> Written:
    return Written(f"{w.at(a, WHOLE)}[{', '.join(map(w, index if isinstance(index, tuple) else [index]))}]")


_SPECIAL: dict[Any, Callable[..., Written]] = {
    np.add: _write_sum,
    np.subtract: _write_sum,
    np.negative: lambda w, part, a: Written(w.minus + w.at(a, DIVIDED), ADDED),
    np.multiply: _write_product,
    np.divide: _write_quotient,
    np.matmul: lambda w, part, a, b: Written(f"{w.at(a, JOINED)} {w.at(b, JOINED)}", JOINED),
    np.power: _write_power,
    np.transpose: _write_transpose,
    np.sum: _write_total,
    np.ones: _write_ones,
    np.reshape: _write_reshape,
    f.getitem: _write_item,
}


def _squeezed(array: Any) -> list[int]:
    """The shape without dimensions of length 1."""
    return [n for n in array.shape if n != 1]


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
        new = {edge for edge in node.edges if isinstance(edge, Node)} - found
        found |= new
        waiting += new
    return sorted(found, key=lambda node: node.number)


def _recall(nodes: list[Node]) -> None:
    """Compute again the arrays that no rule reads, which the nodes have let go of."""
    for node in nodes:
        node.inputs = [
            edge.output if type(array) is Form else array for array, edge in zip(node.inputs, node.edges, strict=True)
        ]
        if type(node.output) is Form:
            for array in node.inputs:
                if type(array) is np.ndarray and not guard.unchanged(array, node.number):
                    guard.raise_changed(node, array)
            computing = f.implementations.get(node.function, node.function)
            with np.errstate(all="ignore"):  # as it was when it was computed first
                node.output = np.asarray(computing(*node.inputs, **node.options))


def _forward_of(node: Node, inputs: list[Any]) -> Expression:
    """What a node computes, as a formula.

    Raises:
        TypeError: it is a Function, whose ``backward`` is a program and no formula.
    """
    if isinstance(node.function, type):
        name = function_name(node.function)
        raise TypeError(
            f"the Function {name} cannot be read as symbols: its backward() computes with Tensors. Write {name} as a "
            "function with tinygrad_mlp.differentiable and a rule for each input, which can be read"
        )
    formula = FORMULAS.get(node.function)
    return formula(*inputs, **node.options) if formula else build(node.function, inputs, node.options)


def _read(
    rule: Any, node: Node, g: Expression, y: Symbol, inputs: list[Any], shape: tuple[int, ...]
) -> tuple[Expression, str]:
    """What a rule of the sheet makes of symbols, summed to the shape of its input as the walk does it; and how it came.

    Raises:
        TypeError: the rule does something with its arguments that symbols cannot do.
    """
    reason = function_name(node.function)
    try:
        gradient = rule(g, y, *inputs, **node.options)
        if isinstance(gradient, Product):
            gradient = gradient.dense()
        if not isinstance(gradient, Expression):
            gradient = _product(ones(shape), _plain(np.asarray(gradient)))
    except (TypeError, AttributeError, ValueError) as error:
        raise TypeError(
            f"the rule for {reason} cannot be read as symbols: {error}. Write it with operators and NumPy's functions "
            "alone, as the rules in tinygrad_mlp.core.sheet are"
        ) from error
    if gradient.shape == shape:
        return gradient, reason
    if gradient.size != math.prod(shape):
        reason += f", summed from {_sized(gradient.shape)}"
    return summed_to(shape, gradient, node), reason


def _is_alias(node: Place) -> bool:
    """Whether a node only adds or removes dimensions of length 1, so that its output needs no name of its own."""
    return (
        isinstance(node, Node) and node.function is np.reshape and _squeezed(node.inputs[0]) == _squeezed(node.output)
    )


def _source(node: Node) -> Node | None:
    """The only node that a node takes an input from, seen through aliases; None if there are several or none."""
    while True:
        edges = {edge for edge in node.edges if edge is not None}
        edge = edges.pop() if len(edges) == 1 else None
        if not isinstance(edge, Node):
            return None
        if not _is_alias(edge):
            return edge
        node = edge


class Namer:
    """Names for the arrays of a graph: the user's, those of the layers, or the next free letter.

    Args:
        nodes: the graph, in the order of recording.
        paths: what modules call their parameters.
        names: the user's names, with the tensors or arrays that they are for.
        document: whether to count the input as a layer, as the document does, and not to number a single one.

    Raises:
        ValueError: a name is for something that is not in the graph.
    """

    def __init__(self, nodes: list[Node], paths: Mapping[Leaf, str], names: Mapping[str, Any], document: bool) -> None:
        self.paths = paths
        self.names = names
        self.symbols: dict[Any, Symbol] = {}  # by leaf, by node, or by the id of a constant
        self.remarks: dict[Any, str] = {}
        self.keys: dict[Leaf, str] = {}  # what each parameter is called in the results
        self.layers: dict[Node, int | None] = {}  # the layer whose values each node computes
        self._taken = set(names)
        self._unused = set(names)
        is_numbered = not document or sum(node.function is f.linear for node in nodes) > 1
        layer = 0
        self._add(nodes[-1], nodes[-1].output, "ℒ" if document else "L")
        for node in nodes:
            layer += node.function is f.linear
            number = layer if is_numbered and layer else None
            for position, (array, edge) in enumerate(zip(node.inputs, node.edges, strict=True)):
                if isinstance(edge, Leaf) or (edge is None and np.ndim(array)):
                    letter = "θ" if edge else "x" if array.dtype.kind == "f" and "x" not in self._taken else "c"
                    if node.function is f.linear:
                        letter = "xWb"[position]
                    elif node.function in LOSSES and (edge is None or position):
                        letter = "y"
                    self._add(id(array) if edge is None else edge, array, letter, number if letter in "Wb" else None)
            if number and document:
                number += 1
            self.layers[node] = number
            source = _source(node)
            if _is_alias(node) and isinstance(node.edges[0], Node):
                of = self.symbols[node.edges[0]]
                self.symbols.setdefault(node, Symbol((of.text, of.latex), node.output))
            elif node.function is f.linear:
                self._add(node, node.output, "z", number)
            elif (
                source
                and source.function is f.linear
                and len(node.inputs) == 1
                and node.output.size == source.output.size
            ):
                self._add(node, node.output, "a", number)
            else:
                self._add(node, node.output, "E" if node.function in LOSSES else "u")
        if self._unused:
            raise ValueError(
                f"names: {', '.join(sorted(self._unused))} is not in the graph of this loss: name Tensors that need a "
                "gradient, or arrays that they were computed with"
            )

    def _add(self, place: Any, array: Array, letter: str, layer: int | None = None) -> None:
        """Name what stands at a place, if it has no name."""
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
            while (spelling := _spelt(letter, layer, number))[0] in self._taken:
                number = (number or 1) + 1
        self._taken.add(spelling[0])
        self.symbols[place] = Symbol(spelling, array)
        self.remarks[place] = path or {"x": "input", "y": "target", "c": "constant"}.get(letter, "")
        if isinstance(place, Leaf):
            self.keys[place] = next(key for key in (given, path, *spelling) if key and key not in self.keys.values())

    @staticmethod
    def _is_at(value: Any, place: Any, array: Array) -> bool:
        """Whether a tensor or an array of the user's is the one at a place. Of arrays the graph keeps copies."""
        if isinstance(value, Variable):
            return value._node is place if value._node is not None else value._data is array
        return isinstance(place, int) and np.array_equal(value, array)

    def of(self, node: Node) -> list[Any]:
        """The symbols of what a node was given; numbers as they are."""
        found: list[Any] = []
        for array, edge in zip(node.inputs, node.edges, strict=True):
            symbol = self.symbols.get(id(array) if edge is None else edge)
            if symbol is None and isinstance(array, np.ndarray) and array.dtype.kind == "f":
                # The shortest decimal that rounds to the number: 0.1, and not the float32 that is nearest to it.
                found.append(float(str(array[()])))
            else:
                found.append(array if symbol is None else symbol)
        return found


# --- the document's notation ------------------------------------------------------------------------------------------


class AsColumn(NamedTuple):
    """What the code computes as a row, as the column that the document writes."""

    column: Expression


class Document:
    """Turns what the code does with one sample, a row, into what the document writes of it, a column.

    Raises:
        ValueError: the graph is no chain of layers, activations and a loss on one sample; the error says in what.
    """

    def __init__(self, nodes: list[Node], namer: Namer) -> None:
        self._check(nodes)
        self.namer = namer
        # Of numbers, as in its section 4, there are neither transposes nor diagonal matrices.
        self.is_scalar = all(np.size(array) == 1 for node in nodes for array in node.inputs if array is not None)
        self.loss = next(node for node in nodes if node.function in LOSSES)
        self.after = nodes[nodes.index(self.loss) :]
        weights = {node.edges[1] or id(node.inputs[1]) for node in nodes if node.function is f.linear}
        self.columns: dict[Expression, Any] = {}
        for place, symbol in namer.symbols.items():
            if symbol.ndim and place not in weights:
                self.add_row(symbol)
        self.inner: dict[Node, AsColumn] = {}  # each activation, written out as a function of its z
        for node in nodes[: -len(self.after)]:
            symbol = namer.symbols[node]
            if _is_alias(node):
                self.columns[symbol] = self.columns[namer.symbols[node.edges[0]]]
            elif node.function is not f.linear:
                self.inner[node] = self.translated(_forward_of(node, namer.of(node)))
                if not np.allclose(evaluate(self.inner[node].column).ravel(), symbol.array.ravel(), rtol=1e-3):
                    raise self._refusal(f"{function_name(node.function)} does not take each entry by itself")
                if node is _source(self.loss):  # for which the document has no name: it writes g(z)
                    self.columns[symbol] = self.inner[node]
        for node in self.after:
            inputs = namer.of(node)
            if node.function is f.squared_error and node.edges[1] is None:
                inputs.reverse()  # (y − g)²
            self.columns[namer.symbols[node]] = self.translated(unguarded(_forward_of(node, inputs)))

    def _check(self, nodes: list[Node]) -> None:
        problem = "" if any(node.function in LOSSES for node in nodes) else "there is no squared error or cross entropy"
        has_loss = False
        for before, node in zip([None, *nodes], nodes, strict=False):
            name = function_name(node.function)
            if problem:
                break
            if {edge for edge in node.edges if isinstance(edge, Node)} != ({before} if before else set()):
                problem = f"{name} does not go on where {function_name(before.function) if before else 'x'} ends"
            elif node.function is f.linear and len(node.inputs[0]) != 1:
                problem = f"this batch has {len(node.inputs[0])} rows"
            elif node.function in LOSSES:
                problem = "" if before and not has_loss else "the loss is not that of a network"
                has_loss = True
            elif has_loss:
                scaled = node.function is np.multiply or (node.function is np.divide and node.edges[0] is before)
                others = [array for array, edge in zip(node.inputs, node.edges, strict=True) if edge is not before]
                fits = node.function is np.sum or (scaled and all(np.size(array) == 1 for array in others))
                problem = "" if fits else f"{name} is neither the sum of a loss nor a number times it"
            elif node.function is not f.linear and not _is_alias(node):
                fits = before is not None and len(node.inputs) == 1 and node.output.shape == before.output.shape
                problem = "" if fits else f"{name} is neither a layer nor an activation"
        if problem:
            raise self._refusal(problem)

    def _refusal(self, problem: str) -> ValueError:
        return ValueError(
            "the document's notation is for one sample, for layers and activations one after the other, and for a sum "
            f'of squares or a cross entropy, but {problem}: write notation="rows", which is for all graphs'
        )

    def add_row(self, symbol: Symbol) -> Symbol:
        """The column for a symbol that is a row in the code."""
        column = Symbol((symbol.text, symbol.latex), symbol.array.reshape(-1, 1), symbol.is_joined)
        self.columns[symbol] = AsColumn(column)
        return column

    def translated(self, expression: Expression, columns: Mapping[Expression, Any] | None = None) -> Any:
        """`expression` with columns for rows: an `AsColumn` where it is itself one, and else a formula."""

        def combine(part: Expression, operands: list[Any]) -> Any:
            if isinstance(part, Symbol):
                return part
            is_row = any(isinstance(operand, AsColumn) for operand in operands)
            plain = [operand.column if isinstance(operand, AsColumn) else operand for operand in operands]
            if part.function is np.matmul:
                a, b = plain
                if isinstance(operands[0], AsColumn):  # a Bᵀ is the row of the column B a
                    return AsColumn(b * a if self.is_scalar else b.T @ a)
                return a * b if self.is_scalar else a @ (b.T if is_row else b)
            if part.function is np.transpose:
                return plain[0] if is_row or self.is_scalar else plain[0].T
            if part.function is np.reshape and is_row:
                return operands[0]
            if part.function is np.sum and is_row:
                return np.sum(plain[0])
            result = build(part.function, plain, part.options)
            return AsColumn(result) if is_row else result

        return fold(expression, combine, {**self.columns, **(columns or {})})

    def column(self, expression: Expression, columns: Mapping[Expression, Any] | None = None) -> Expression:
        """`expression`, as a column where it is a row."""
        result = self.translated(expression, columns)
        return result.column if isinstance(result, AsColumn) else result

    def diagonal(self, node: Node, by_entry: Expression, g: Expression) -> tuple[Symbol, Expression] | None:
        """D and what it is short for, where `by_entry` is the product of `g` and an activation's derivative."""
        factors = _factors(by_entry)[1]
        derivative = [factor for factor in factors if factor is not g]
        if node not in self.inner or self.is_scalar or len(derivative) in (0, len(factors)):
            return None
        definition = build(np.diag, [np.reshape(_product(*derivative), (-1,))])
        return Symbol(_spelt("D", self.namer.layers[node]), evaluate(definition)), definition

    def as_written(self, expression: Expression, written: Callable[[Any], str]) -> Expression:
        """The derivative of the loss in the document's form: −(y − g), or (1 − y)/(1 − g) − y/g."""
        number, rest = _split(expression)
        if self.loss.function is f.squared_error and rest.function is np.subtract:
            return _scaled(-number, Expression(np.subtract, rest.operands[::-1]))
        if self.loss.function is f.binary_cross_entropy and rest.function is np.divide:
            difference, product = rest.operands
            if isinstance(difference, Expression) and difference.function is np.subtract:
                a, y = difference.operands
                if written(product) == written(a * (1 - a)):
                    return _scaled(number, (1 - y) / (1 - a) - y / a)
        return expression


# --- the derivation ---------------------------------------------------------------------------------------------------


class Line(NamedTuple):
    """One printed line: ``left sign right``, the shape of both, and why."""

    left: Spelling
    sign: str
    right: Spelling
    shape: str = ""
    reason: str = ""
    is_result: bool = False


class Section(NamedTuple):
    """Lines under a title."""

    title: Spelling
    lines: list[Line]


class Part(NamedTuple):
    """What one rule contributes to a gradient."""

    node: Node  # whose rule it is
    g: Expression  # the gradient of that node's output
    read: Expression  # what the rule says of it
    plain: Expression  # the same without bounds that no entry comes near
    shown: Expression  # the same in the notation that is asked for
    reason: str


class Derivation:
    """The gradients of a loss, derived: what `explain` returns.

    ``str()`` writes it for the terminal, `latex` for a paper, a notebook shows it by itself, and `save` makes a picture
    or a page of it. It keeps the graph of the loss alive.

    Attributes:
        notation: "rows" or "document".
        is_summary: whether the graph is too large to be written down, so that there are no formulas.
        formulas: the gradient of each parameter as one formula in LaTeX, by the parameter's name. Where factors cancel,
            there are two: with and without them. Where it is too long to print, there is none.
        errors: what `verify` found when it was last called; None if it was not.
    """

    def __init__(self, root: Node, paths: Mapping[Leaf, str], names: Mapping[str, Any], notation: str) -> None:
        self.notation = notation
        self.formulas: dict[str, list[str]] = {}
        self.errors: dict[str, float] | None = None
        self._root = root
        self._nodes = _nodes(root)
        _recall(self._nodes)
        self._seed = np.ones_like(root.output)
        # The error that rounding in the least precise array may cause: 4e-10 in float64, 7e-5 in float32.
        self._tolerance = float(max(np.finfo(node.output.dtype).eps for node in self._nodes)) ** 0.6
        # What is printed as equal to an array: the steps that all gradients rest on, and the formulas of each.
        self._steps: list[tuple[Array, list[Expression]]] = []
        self._gradients: dict[Symbol, Expression] = {}  # what the symbols for gradients stand for, in order
        self._results: dict[str, tuple[Leaf, list[Expression]]] = {}
        self.is_summary = len(self._nodes) > LARGEST_GRAPH
        if self.is_summary:
            self._sections = [self._summary(paths)]
            return
        arrays: dict[int, tuple[Array, Spelling]] = {}
        self._text = Writer(False, notation == "document", arrays)
        self._latex = Writer(True, notation == "document", arrays)
        self._namer = Namer(self._nodes, paths, names, notation == "document")
        self._document = Document(self._nodes, self._namer) if notation == "document" else None
        # The gradient that each symbol for one stands for, as one formula of what was computed forward.
        self._full: dict[Expression, Expression] = {}
        self._short: dict[Expression, Expression] = {}  # with what cancels cancelled
        self._by_entry: dict[Expression, Expression] = {}  # so, and without D = diag(…)
        self._lines: list[Line] = []  # that are not yet in a section
        equations = [self._forward(), *self._backward()]
        self._sections = [self._given(arrays), *equations]

    # --- writing it down ----------------------------------------------------------------------------------------------

    def _write(self, expression: Expression) -> Spelling:
        return self._text(expression), self._latex(expression)

    def _say(self, left: Spelling, sign: str, right: Expression, reason: str, is_result: bool = False) -> None:
        """Print a line, unless it says nothing."""
        if self._write(right) != left:
            shape = _sized(right.shape[:1] if self._document and right.shape[1:] == (1,) else right.shape)
            self._lines.append(Line(left, sign, self._write(right), shape, reason, is_result))

    def _section(self, title: Spelling) -> Section:
        lines, self._lines = self._lines, []
        return Section(title, lines)

    def _given(self, arrays: dict[int, tuple[Array, Spelling]]) -> Section:
        """What the formulas start from."""
        given = []
        for place, symbol in self._namer.symbols.items():
            if not isinstance(place, Node):
                column = self._document is not None and symbol in self._document.columns
                shape = (symbol.size,) if column else symbol.shape
                given.append(((symbol.text, symbol.latex), symbol.array, shape, self._namer.remarks[place]))
        for array, spelling in arrays.values():
            given.append((spelling, array, array.shape, "constant" if array.dtype.kind == "f" else "positions"))
        for spelling, array, shape, remark in given:
            letter, size = "R" if array.dtype.kind == "f" else "Z", "×".join(map(str, shape))
            latex = rf"\mathbb{{{letter}}}" + rf"^{{{size}}}".replace("×", r" \times ") * bool(shape)
            text = {"R": "ℝ", "Z": "ℤ"}[letter] + size.translate(RAISED)
            self._lines.append(Line(spelling, "∈", (text, latex), "", remark))
        return self._section(_words("Given"))

    def _forward(self) -> Section:
        """The graph, as equations."""
        document = self._document
        for node in self._nodes:
            symbol, inputs, value = self._namer.symbols[node], self._namer.of(node), node.output
            expression, reason = unguarded(_forward_of(node, inputs)), function_name(node.function)
            if document is None:
                if node.function is f.linear and inputs[2] is not None and len(value) > 1:
                    reason += f", the bias added to each of {len(value)} rows"
            elif node is self._root:
                expression, reason = document.column(symbol), function_name(document.loss.function)
                value = value.reshape(expression.shape)
            elif node in document.after or not isinstance(document.column(symbol), Symbol):
                continue
            else:
                expression, value = document.column(expression), value.reshape(-1, 1)
            self._steps.append((value, [expression]))
            self._say((symbol.text, symbol.latex), "=", expression, reason)
        return self._section(_words("Forward"))

    def _backward(self) -> list[Section]:
        """The chain rule, from the loss back: for each parameter the steps that are new, and its gradient."""
        last_use = {edge: node for node in self._nodes[::-1] for edge in node.edges if isinstance(edge, Leaf)}
        parts: dict[Place, list[Part]] = {}
        sections = []
        for node in self._nodes[::-1]:
            if node is not self._root and node not in parts:
                continue  # its gradient is 0
            g = ones(node.output.shape) if node is self._root else self._gradient(node, parts.pop(node))
            inputs, y = self._namer.of(node), self._namer.symbols[node]
            for rule, edge, array in zip(node.rules, node.edges, node.inputs, strict=False):
                if edge is not None and rule is not None:
                    read, reason = _read(rule, node, g, y, inputs, array.shape)
                    parts.setdefault(edge, []).append(self._part(node, g, read, reason))
            for leaf in [leaf for leaf in parts if isinstance(leaf, Leaf) and last_use[leaf] is node]:
                sections.append(self._result(leaf, parts.pop(leaf)))
        return sections + [self._result(leaf, found) for leaf, found in parts.items() if isinstance(leaf, Leaf)]

    def _part(self, node: Node, g: Expression, read: Expression, reason: str) -> Part:
        """What the rule of a node contributes, in every form in which it is needed."""
        document, plain = self._document, unguarded(read)
        if document is None:
            return Part(node, g, read, plain, plain, reason)
        if node in document.after:
            # What follows the loss is a number; so is its gradient, and the document does not mention it.
            plain = substitute(document.column(plain), {g: full for g, full in self._full.items() if not full.symbols})
            shown = document.as_written(plain, self._text) if node is document.loss else plain
            return Part(node, g, shown, plain, shown, reason)
        g, inner = document.column(g), document.inner.get(node)
        plain = document.column(plain, {self._namer.symbols[node]: inner} if inner else None)
        diagonal = document.diagonal(node, plain, g)
        if diagonal is None:
            return Part(node, g, plain, plain, plain, reason)
        D, definition = diagonal
        self._steps.append((D.array, [definition]))
        self._say((D.text, D.latex), "=", definition, "")
        return Part(node, g, D @ g, plain, D @ g, reason)

    def _name(self, place: Place) -> Spelling:
        """What the gradient for a place is called: ∂L/∂z."""
        symbol = self._namer.symbols[place]
        if self._document is not None:
            text, latex = self._write(self._document.column(symbol))
            return f"∇_{text}ℒ", rf"\nabla_{{{latex}}}\mathcal{{L}}"
        loss = self._namer.symbols[self._root]
        return f"∂{loss.text}/∂{symbol.text}", rf"\frac{{\partial {loss.latex}}}{{\partial {symbol.latex}}}"

    def _derive(self, place: Place, parts: list[Part]) -> tuple[list[Expression], Expression, Expression, Expression]:
        """Print the steps to the gradient at a place.

        Returns:
            The formulas printed; and the gradient as one formula: in full, cancelled, and so without D = diag(…).
        """
        document = self._document
        is_silent = document is not None and place in document.after

        def total(expressions: Iterable[Expression]) -> Expression:
            whole = reduce(lambda a, b: a + b, expressions)
            return whole if document else turned(whole)

        def say(expression: Expression, reason: str) -> None:
            if expression.symbols <= LONGEST_FORMULA:
                printed.append(expression)
                self._say(("", ""), "=", expression, reason)

        printed = [total(part.read for part in parts)]
        left, sign = self._name(place), "="
        for part in parts if not is_silent else []:
            self._say(left, sign, part.read if sign == "+" else total([part.read]), part.reason)
            left, sign = ("", ""), "+"
        if any(part.read is not part.plain for part in parts) and document is None:
            say(total(part.plain for part in parts), "no entry comes near the bound")
        inserted = [substitute(part.plain, self._by_entry) for part in parts]
        reduced = [cancelled(expression, self._text) for expression in inserted]
        full = total(substitute(part.shown, self._full) for part in parts)
        if any(old is not new for old, new in zip(inserted, reduced, strict=True)):
            say(total(inserted), "inserted")
            names = " and of ".join(dict.fromkeys(function_name(part.node.function) for part in parts))
            short = total(reduced)
            say(short, f"the derivative of {names} cancels")
            return printed, full, short, short
        is_number = any(part.g in self._full and not self._full[part.g].symbols for part in parts)
        if is_number and full.symbols and document is None:
            say(full, "inserted")
        return printed, full, total(substitute(part.shown, self._short) for part in parts), total(inserted)

    def _gradient(self, node: Node, parts: list[Part]) -> Symbol:
        """The symbol for the gradient of a node's output, after printing the steps to it."""
        printed, full, short, by_entry = self._derive(node, parts)
        array = np.asarray(evaluate(printed[0])).reshape(node.output.shape)
        g = Symbol(self._name(node), array, is_joined=True)
        column = self._document.add_row(g) if self._document is not None and g.ndim else g
        self._full[column], self._short[column], self._by_entry[column] = full, short, by_entry
        self._steps.append((column.array, printed))
        self._gradients[column] = printed[0]
        return g

    def _result(self, leaf: Leaf, parts: list[Part]) -> Section:
        """The section of a parameter: the steps since the last one, and its gradient as one formula."""
        printed, full, short, _ = self._derive(leaf, parts)
        key, symbol = self._namer.keys[leaf], self._namer.symbols[leaf]
        left = self._name(leaf)
        self._results[key], self.formulas[key] = (leaf, printed), []
        if full.symbols > LONGEST_FORMULA:
            words = _words(f"the lines above, inserted into each other: {full.symbols:,} symbols, too many to print")
            self._lines.append(Line(left, "=", words, "", "", True))
        else:
            for formula in [full] if self._text(full) == self._text(short) else [full, short]:
                self._say(left, "=", formula, "", True)
                self.formulas[key].append(self._latex(formula))
                printed.append(formula)
                left = ("", "")
        spelling = (symbol.text, symbol.latex) if key == symbol.text else _words(key)
        return self._section((f"Gradient for {spelling[0]}", rf"\text{{Gradient for }} {spelling[1]}"))

    def _summary(self, paths: Mapping[Leaf, str]) -> Section:
        """What was recorded, by the module whose parameter was used last."""
        functions: dict[str, Counter[str]] = {}
        parameters: dict[str, dict[Leaf, str]] = {}
        module = "(no module)"
        for node in self._nodes:
            for array, edge in zip(node.inputs, node.edges, strict=True):
                if isinstance(edge, Leaf):
                    path, _, name = paths.get(edge, "(no module).a parameter").rpartition(".")
                    module = path or "(the model itself)"
                    parameters.setdefault(module, {})[edge] = f"{name} {_sized(array.shape)}"
            functions.setdefault(module, Counter())[function_name(node.function)] += 1
        lines = []
        for module, counts in functions.items():
            words = ", ".join(f"{count:,} × {name}" if count > 1 else name for name, count in counts.items())
            held = ", ".join(parameters.get(module, {}).values())
            lines.append(Line(_words(module), ":", _words("; ".join(filter(None, (words, held))))))
        return Section(_words("Functions and parameters, by module"), lines)

    # --- checking it --------------------------------------------------------------------------------------------------

    def verify(self) -> dict[str, float]:
        """Evaluate what is printed with NumPy on the graph's arrays, and compare the results with a backward walk's.

        Neither the graph nor any ``.grad`` changes, and no hook is called. Equations of the forward pass are compared
        with the arrays recorded; the gradients that steps take up are what the steps before give, and not the walk's.

        Returns:
            For each parameter the largest error in what its gradient rests on: the equations of the forward pass, the
            steps, its own formulas. It is relative to the largest sum of absolute values of terms that are added up in
            an entry, and about 1e-16 for float64, 1e-7 for float32. Empty for a summary.

        Raises:
            RuntimeError: the graph has been released, or an array of it has changed.
        """
        with _without_hooks(self._nodes):
            walked = walk([(self._root, self._seed)], retain_graph=True)
        values: dict[Expression, Any] = {}
        magnitudes: dict[Expression, Any] = {}
        for symbol, formula in self._gradients.items():  # what has cancelled in one step is rounding error in the next
            evaluate(formula, values)
            magnitudes[symbol] = np.reshape(magnitude(formula, values, magnitudes), symbol.array.shape)

        def error(array: Array, formula: Expression) -> float:
            value = np.asarray(evaluate(formula, values), np.float64)
            scale = float(np.max(magnitude(formula, values, magnitudes), initial=0)) or 1.0
            return float(np.max(np.abs(value.reshape(array.shape) - array), initial=0)) / scale

        common = [error(array, formula) for array, formulas in self._steps for formula in formulas]
        self.errors = {}
        for key, (leaf, formulas) in self._results.items():
            gradient = walked[leaf].dense() if isinstance(walked[leaf], Product) else walked[leaf]
            self.errors[key] = float(np.max([*common, *(error(gradient, formula) for formula in formulas)]))
        return self.errors

    @property
    def is_verified(self) -> bool:
        """Whether `verify` found the formulas to compute the gradients, up to rounding."""
        return bool(self.errors) and not self._wrong()

    def _wrong(self) -> dict[str, float]:
        return {key: error for key, error in (self.errors or {}).items() if not error <= self._tolerance}

    def _verdict(self) -> Section:
        if self.is_summary:
            return Section(_words("No formula is printed, so there is none to verify."), [])
        if self.errors is None:
            return Section(
                _words("Not verified: verify() compares these formulas with the gradients of backward()."), []
            )
        names = {
            key: symbol for leaf, key in self._namer.keys.items() if (symbol := self._namer.symbols[leaf]).text == key
        }
        wrong = self._wrong()
        lines = []
        for key, error in (wrong or self.errors).items():
            left = (key, names[key].latex) if key in names else _words(key)
            lines.append(Line(left, ":", _words(f"{error:.1e}" if error else "0")))
        words = (
            "Verified: NumPy computed these formulas from the graph's arrays, and the results are the gradients of "
            "backward(). Largest relative errors:"
        )
        if wrong:
            words = "NOT VERIFIED: what NumPy computes from these formulas differs from the gradients of backward() by:"
        return Section(_words(words), lines)

    # --- readings -----------------------------------------------------------------------------------------------------

    def _preface(self) -> list[str]:
        count = f"{len(self._nodes):,} function{'s' * (len(self._nodes) > 1)}"
        if self.is_summary:
            return [
                f"The graph of this loss consists of {count}, too many to print the derivation of its gradients. "
                f"That is done for up to {LARGEST_GRAPH}; this is a summary by module."
            ]
        printed = " ".join(line.right[0] for section in self._sections for line in section.lines)
        vectors = "Vectors are columns" if self._document else "Samples are rows"
        signs = [words for sign, words in LEGEND.items() if re.search(sign, printed)]
        return [
            f"The gradients of a loss by the chain rule, from its graph of {count}.",
            "; ".join([vectors, *signs]) + ".",
        ]

    def __str__(self) -> str:
        """The derivation in Unicode, in at most 80 columns."""
        rows = [row for words in self._preface() for row in _wrapped(words.split(" "), WIDTH)]
        for section in [*self._sections, self._verdict()]:
            rows += ["", *_wrapped(section.title[0].split(" "), WIDTH)]
            indent = min(24, max((len(line.left[0]) for line in section.lines), default=0))
            rows += [row for line in section.lines for row in _rows(line, indent)]
        return "\n".join(rows)

    def __repr__(self) -> str:
        size = f"{len(self._results)} gradients from {len(self._nodes):,} functions"
        return f"<Derivation of {size}, notation={self.notation!r}>"

    def latex(self) -> str:
        """The derivation as one ``aligned`` environment, to stand between two ``$$``; it needs amsmath and amssymb."""
        sections = [*self._sections, self._verdict()]
        rows = [row for section in sections for row in (rf"& {section.title[1]}", *_aligned(section.lines))]
        return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the derivation to a file: a picture (.png, .svg), a page (.html, .md), or LaTeX (.tex).

        The formulas of pictures and of HTML are set by matplotlib; TeX need not be installed. The file appears whole or
        not at all.

        Returns:
            The path.

        Raises:
            ValueError: the ending is another.
            OSError: the file cannot be written; the error names it.
        """
        path = Path(path)
        contents = {
            ".png": lambda: self._picture("png"), ".svg": lambda: self._picture("svg"), ".html": self._html,
            ".md": self._markdown, ".tex": self._paper,
        }  # fmt: skip
        ending = path.suffix.lower()
        if ending not in contents:
            raise ValueError(
                f"a derivation is saved as {', '.join(contents)}, not as {path.name!r}: give it one of these endings"
            )
        content = contents[ending]()
        with replacing(path) as draft:
            draft.write_bytes(content)
        return path

    def _paper(self) -> bytes:
        rows = [r"\documentclass{article}", r"\usepackage{amsmath,amssymb}", r"\usepackage[margin=2cm]{geometry}"]
        rows += [r"\allowdisplaybreaks", r"\begin{document}", self._preface()[0]]
        for section in [*self._sections, self._verdict()]:
            rows += [
                "",
                rf"\noindent ${section.title[1]}$" if len(section.title[0]) < WIDTH else _escaped(section.title[0]),
            ]
            if section.lines:
                rows += [r"\begin{align*}", " \\\\\n".join(_aligned(section.lines)), r"\end{align*}"]
        return "\n".join([*rows, r"\end{document}", ""]).encode()

    def _markdown(self) -> bytes:
        paragraphs = ["# Derivation", *self._preface()]
        for section in [*self._sections, self._verdict()]:
            paragraphs.append(f"## {section.title[0]}" if len(section.title[0]) < WIDTH else section.title[0])
            if section.lines:
                rows = " \\\\\n".join(_aligned(section.lines))
                paragraphs.append(f"```math\n\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n```")
        return ("\n\n".join(paragraphs) + "\n").encode()

    def _html(self) -> bytes:
        from html import escape

        picture = self._picture("svg").decode()
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Derivation</title>\n'
            "<style>body { margin: 2em } svg { max-width: 100%; height: auto }</style></head>\n"
            f"<body>\n{picture[picture.index('<svg') :]}\n<details><summary>As text</summary>\n"
            f"<pre>{escape(str(self))}</pre></details>\n</body>\n</html>\n"
        ).encode()

    def _picture(self, ending: str) -> bytes:
        from io import BytesIO

        figure = _Picture(self._preface(), [*self._sections, self._verdict()]).figure
        file = BytesIO()
        # Agg draws at most 2¹⁶ pixels a side.
        dpi = min(144.0, 60_000 / max(figure.get_size_inches()))
        figure.savefig(file, format=ending, dpi=dpi, metadata={"Date": None} if ending == "svg" else None)
        return file.getvalue()


@contextlib.contextmanager
def _without_hooks(nodes: list[Node]) -> Iterator[None]:
    """Nodes that neither call hooks nor keep gradients, and leaves that call none."""
    found = [(node.extras, node.extras.hooks, node.extras.retains_grad) for node in nodes if node.extras is not None]
    leaves = [(edge, edge.hooks) for node in nodes for edge in node.edges or () if isinstance(edge, Leaf)]
    try:
        for extras, _, _ in found:
            extras.hooks, extras.retains_grad = None, False
        for leaf, _ in leaves:
            leaf.hooks = None
        yield
    finally:
        for extras, hooks, retains_grad in found:
            extras.hooks, extras.retains_grad = hooks, retains_grad
        for leaf, hooks in leaves:
            leaf.hooks = hooks


# --- setting lines ----------------------------------------------------------------------------------------------------


def _escaped(words: str) -> str:
    """Words for LaTeX's text mode."""
    return re.sub(r"([#$%&_{}])", r"\\\1", words)


def _words(words: str) -> Spelling:
    """Words as part of a formula, in which rows may end after a comma."""
    latex = rf"\text{{{_escaped(words)}}}"
    return words, latex.replace("×", r"} \times \text{").replace(", ", r", } \text{")


def _sized(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _wrapped(pieces: list[str], width: float, measure: Callable[[str], float] = len) -> list[str]:
    """Pieces joined by spaces to as few rows as fit into `width`."""
    rows: list[str] = []
    room = 0.0
    for piece in pieces:
        needed = measure(piece) + 1
        if rows and needed <= room:
            rows[-1] += f" {piece}"
        else:
            rows.append(piece)
            room = width + 1
        room -= needed
    return rows


def _rows(line: Line, indent: int) -> list[str]:
    """A line for the terminal: the formula, and at the right margin its shape and reason."""
    start = f"{'▸' if line.is_result else ' '} {line.left[0]:<{indent}} {line.sign} "
    first, *others = _wrapped(re.split(r"(?<![⊙+−=/·]) ", line.right[0]), WIDTH - len(start))
    rows = [start + first, *(" " * len(start) + row for row in others)]
    remark = "  ".join(filter(None, (line.shape, line.reason)))
    if remark and len(rows[-1]) + 2 + len(remark) > WIDTH:
        rows.append("")
    return [*rows[:-1], (rows[-1] + remark.rjust(WIDTH - len(rows[-1]))) if remark else rows[-1]]


def _pieces(latex: str) -> list[str]:
    """A formula cut where a row may end: before operators and between factors, outside of braces and \\left."""
    pieces, depth, start = [], 0, 0
    for match in re.finditer(r"\\left|\\right|\\[{}]|[{} ]", latex):
        depth += {"{": 1, r"\left": 1, "}": -1, r"\right": -1}.get(match[0], 0)
        piece = latex[start : match.start()]
        if match[0] == " " and depth == 0 and piece not in ("+", "-", r"\odot", r"\cdot", r"\,", r"\sum", r"-\sum"):
            pieces.append(piece)
            start = match.end()
    return [*pieces, latex[start:]]


def _visible(latex: str) -> int:
    """About how many characters are seen of a formula."""
    return len(re.sub(r"\\(frac|left|right|math[a-z]+|text)|[{}^_\\]", "", latex))


def _sign(line: Line) -> str:
    return line.sign.replace("∈", r"\in")


def _aligned(lines: list[Line]) -> list[str]:
    """Rows for amsmath's environments."""
    rows = []
    for line in lines:
        remark = ", ".join(filter(None, (line.shape, line.reason)))
        first, *others = _wrapped(_pieces(line.right[1]), 90, _visible)
        rows += [f"{line.left[1]} &{_sign(line)} {first}", *(rf"& \quad {row}" for row in others)]
        rows[-1] += f" && {_words(remark)[1]}" if remark else ""
    return rows


class _Picture:
    """A figure of a derivation, as large as its lines need. Lengths are in points, from the top left."""

    INK, FAINT, HIGHLIGHT = "#1a1f2b", "#6b7280", "#e9f0fb"
    MARGIN, SIGN, GAP, WIDEST = 30.0, 28.0, 22.0, 640.0  # around all, of a sign, between columns, of a formula

    def __init__(self, preface: list[str], sections: list[Section]) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(dpi=72)  # so that a pixel is a point
        self.renderer = FigureCanvasAgg(self.figure).get_renderer()  # type: ignore[no-untyped-call]
        self.placed: list[tuple[Any, float, float]] = []
        self.highlights: list[tuple[float, float]] = []
        self.y = self.MARGIN
        table = [
            ([self.math(line.left[1])], self.formula(line), [self.words(line.shape)], [self.words(line.reason)])
            for section in sections
            for line in section.lines
        ]
        widths = [max(self.width(text) for texts in column for text in texts) for column in zip(*table, strict=True)]
        self.signs = self.MARGIN + widths[0]
        self.shapes = self.signs + self.SIGN + widths[1] + self.GAP
        self.reasons = self.shapes + widths[2] + self.GAP
        self.end = max(self.reasons + widths[3], 400)
        cells = iter(table)
        for words in preface:
            self.paragraph(words, self.FAINT)
        for section in sections:
            self.y += 14
            self.paragraph(section.title[0], self.INK, 10.5 if len(section.title[0]) > WIDTH else 13)
            for line in section.lines:
                self.line(line, *next(cells))
        self.finish()

    def line(self, line: Line, left: list[Any], rows: list[Any], shape: list[Any], reason: list[Any]) -> None:
        top = self.y
        for i, row in enumerate(rows):
            texts = [(row, self.signs + self.SIGN + 18 * (i > 0))]
            if i == 0:
                sign = self.math(_sign(line))
                texts += [
                    (left[0], self.signs - self.width(left[0])),
                    (sign, self.signs + (self.SIGN - self.width(sign)) / 2),
                ]
            if i == len(rows) - 1:
                texts += [(shape[0], self.shapes), (reason[0], self.reasons)]
            self.place(texts)
        if line.is_result:
            self.highlights.append((top, self.y))

    def formula(self, line: Line) -> list[Any]:
        """What stands right of the sign, in rows that are narrow enough."""
        whole = self.math(line.right[1])
        width = self.width(whole)
        if width <= self.WIDEST:
            return [whole]
        whole.remove()
        return [
            self.math(row)
            for row in _wrapped(_pieces(line.right[1]), _visible(line.right[1]) * self.WIDEST / width, _visible)
        ]

    def math(self, latex: str) -> Any:
        # Matplotlib sets \top as an operator with space around it, and \ln as a word without.
        latex = latex.replace(r"\top", r"\mathsf{T}").replace(r"\frac", r"\dfrac").replace(r" \ln", r" \, \ln")
        return self.figure.text(0, 0, f"${latex}$" if latex else "", size=14, color=self.INK, math_fontfamily="stix")

    def words(self, words: str, size: float = 10.5, color: str = FAINT) -> Any:
        # The font has no bold 1.
        return self.figure.text(0, 0, words.replace("𝟏", "1"), size=size, color=color, parse_math=False)

    def width(self, text: Any) -> float:
        return float(text.get_window_extent(self.renderer).width) if text.get_text() else 0.0

    def place(self, texts: list[tuple[Any, float]]) -> None:
        """Put texts on one baseline below what is there."""
        boxes = [text.get_window_extent(self.renderer) for text, _ in texts if text.get_text()]
        self.y += max(box.y1 for box in boxes) + 4
        self.placed += [(text, x, self.y) for text, x in texts]
        self.y += max(-box.y0 for box in boxes) + 4

    def paragraph(self, words: str, color: str, size: float = 10.5) -> None:
        for row in _wrapped(words.split(" "), (self.end - self.MARGIN) / size * 1.6):
            self.place([(self.words(row, size, color), self.MARGIN)])

    def finish(self) -> None:
        """Make the figure as large as it has to be, and put everything where it belongs."""
        from matplotlib.patches import Rectangle

        width = max([self.end, *(x + self.width(text) for text, x, _ in self.placed)]) + self.MARGIN
        height = self.y + self.MARGIN
        self.figure.set_size_inches(width / 72, height / 72)
        for text, x, y in self.placed:
            text.set_position((x / width, 1 - y / height))
        edge = self.MARGIN / 2
        for top, bottom in self.highlights:
            corner, size = (edge / width, 1 - bottom / height), (1 - 2 * edge / width, (bottom - top) / height)
            self.figure.add_artist(
                Rectangle(corner, *size, color=self.HIGHLIGHT, transform=self.figure.transFigure, zorder=-1)
            )


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
        notation: "rows", as the code computes: samples are the rows of matrices. Or "document": one sample, a column,
            and D = diag(…) for the derivatives of activations; for layers in a row, a squared error or a cross entropy.
        verify: evaluate the formulas with NumPy, and compare them with the gradients of ``backward()``.

    Returns:
        The derivation: print it, or `Derivation.save` it.

    Raises:
        TypeError: `loss` is no Tensor, `model` has no parameters, a name is not valid; or a rule cannot be read as
            symbols.
        ValueError: `loss` has several entries, a name is for nothing in the graph, the notation is not for this graph.
        RuntimeError: `loss` does not depend on anything that requires a gradient, or its graph has been released.

    >>> from tinygrad_mlp import nn, tensor
    >>> net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    >>> loss = nn.BCEWithLogitsLoss(reduction="sum")(net(tensor([[1.0, 2.0, 3.0]])), tensor([[1.0]]))
    >>> print(explain(loss, net).formulas["2.weight"][0])
    (\\sigma(z^{(2)}) - y)^{\\top} a^{(1)}
    """
    if not isinstance(loss, Variable):
        raise TypeError(f"explain takes a loss, a Tensor, not {type(loss).__name__}: write explain(loss, model)")
    if loss._data.size != 1:
        raise ValueError(
            f"a derivation is of one number, but this has shape {loss._data.shape}: reduce it with .sum() or .mean()"
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
            raise TypeError(
                f"model is a module with named_parameters(), not {type(model).__name__}: pass names= instead"
            )
        paths = {parameter._node: path for path, parameter in model.named_parameters()}
    for name, value in (names or {}).items():
        if not isinstance(name, str) or not re.fullmatch(r"[\w.′]+", name):
            raise TypeError(f"a name consists of letters, digits, dots and underscores, unlike {name!r}")
        if not isinstance(value, Variable | np.ndarray):
            raise TypeError(
                f"names= maps names to Tensors and arrays, but {name} to {type(value).__name__}: write {{'w': w}}"
            )
    derivation = Derivation(loss._node, paths, names or {}, notation)
    if verify:
        derivation.verify()
    return derivation
