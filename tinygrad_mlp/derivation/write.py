"""How formulas are written: for a terminal in Unicode, or in LaTeX."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from scipy.special import erf, expit, log_expit, log_softmax, softmax

from ..core import functions as f
from ..core.lines import function_name
from .expression import RAISED, Array, Expression, Gradient, Name, Symbol, fold, is_number, ones, split, squeezed

Spelling = tuple[str, str]  # for the terminal, and in LaTeX

# Hints: what is written for a function that is computed in a better way than it reads.
WRITTEN_AS: dict[Any, Callable[..., Any]] = {
    np.log1p: lambda x: np.log(1 + x),
    np.expm1: lambda x: np.exp(x) - 1,
    np.logaddexp: lambda a, b: np.log(np.exp(a) + np.exp(b)),
    log_softmax: lambda z: np.log(Expression(softmax, (z,), {"axis": 1})),
    log_expit: lambda z: np.log(1 - expit(-z)) if split(z)[0] == -1 else np.log(expit(z)),
}

# Hints: names that are not NumPy's.
_AS_IN_LATEX = (np.exp, np.sin, np.cos, np.tan, np.sinh, np.cosh, np.tanh, np.max, np.min)
NAMES: dict[Any, Spelling] = {
    **{function: (function.__name__, rf"\{function.__name__}") for function in _AS_IN_LATEX},
    np.maximum: ("max", r"\max"), np.minimum: ("min", r"\min"), np.log: ("ln", r"\ln"), expit: ("σ", r"\sigma"),
    np.sqrt: ("√", r"\mathrm{sqrt}"), np.absolute: ("abs", r"\mathrm{abs}"),
    np.diagflat: ("diag", r"\mathrm{diag}"),
}  # fmt: skip
NUMBERS: dict[float, Spelling] = {
    math.inf: ("∞", r"\infty"), math.pi: ("π", r"\pi"), 2 / math.sqrt(math.pi): ("2/√π", r"\frac{2}{\sqrt{\pi}}"),
    math.log(2): ("ln 2", r"\ln 2"), math.log(10): ("ln 10", r"\ln 10"),
}  # fmt: skip
LETTERS = {letter: "\\" + unicodedata.name(letter).split()[-1].lower() for letter in "αβγδεζηθικμνξπρστυφχψω"}
LETTERS |= {"ℒ": r"\mathcal{L}", "λ": r"\lambda"}  # Unicode has "lamda"
TIMES = (" · ", r" \, ")

# The legend: what the signs and the functions of a derivation mean, where they are printed in it.
SIGNS = {
    "⊙": "⊙ multiplies entry by entry", "ᵀ": "ᵀ transposes", "Σ": "Σ adds all entries", "𝟏": "𝟏 is a column of ones",
    r" [<>≤≥=≠] [^\[]*\]": "[…] is 1 where it is true and 0 elsewhere", r"[\w)⁾]\[": "a[i] is the entries of a at i",
    r"[\w)⁾](\^|⁻?[²-³⁰-⁹])": "exponents act on each entry", "∂": "∂L/∂z is the gradient of L with respect to z",
    "∇": "∇_zℒ is the gradient of ℒ with respect to z",
}  # fmt: skip
MEANINGS: dict[Any, str] = {
    expit: "{}(z) is 1 / (1 + exp(−z))",
    softmax: "softmax(z) is exp(z) / Σ exp(z) for each sample",
    f.relu: "relu(z) is max(z, 0)",
    f.logsumexp: "logsumexp(z) is ln Σ exp(z) along an axis",
    f.log_softmax: "log_softmax(z) is z − ln Σ exp(z) along an axis",
    np.sqrt: "√, or sqrt, is the square root",
    np.absolute: "abs(x) is |x|",
    erf: "erf is the error function",
    np.maximum: "max(a, b) is the larger entry",
    np.minimum: "min(a, b) is the smaller entry",
    np.max: "max with an axis is the largest entry along it",
    np.min: "min with an axis is the smallest entry along it",
    np.where: "where(c, a, b) is a where c is true and b elsewhere",
    np.diagflat: "diag(v) is the matrix with the diagonal v",
    f.scatter: "scatter(a, i, n) adds a to zeros of shape n at i",
    f.replaced: "replaced(a, b, i) is a with b at i",
}


def upright(name: str) -> str:
    return rf"\mathrm{{{name}}}".replace("_", r"\_")


# How tightly what is written hangs together.
ADDED, DIVIDED, MULTIPLIED, JOINED, WHOLE = range(5)

# Patterns for the terminal and in LaTeX, with how tightly the operands in them have to hang together, and the whole.
_SIGNS = {
    np.greater: (">", ">"), np.greater_equal: ("≥", r"\geq"), np.less: ("<", "<"), np.less_equal: ("≤", r"\leq"),
    np.equal: ("=", "="), np.not_equal: ("≠", r"\neq"),
}  # fmt: skip
PATTERNS: dict[Any, list[tuple[str, tuple[int, int], int]]] = {
    np.add: [("{} + {}", (ADDED, DIVIDED), ADDED)] * 2,
    np.subtract: [("{} − {}", (ADDED, DIVIDED), ADDED), ("{} - {}", (ADDED, DIVIDED), ADDED)],
    np.divide: [("{} / {}", (DIVIDED, JOINED), DIVIDED), (r"\frac{{{}}}{{{}}}", (ADDED, ADDED), JOINED)],
    np.matmul: [("{} {}", (JOINED, JOINED), JOINED)] * 2,
    **{x: [(f"[{{}} {sign} {{}}]", (ADDED, ADDED), WHOLE) for sign in signs] for x, signs in _SIGNS.items()},
}


class Written(NamedTuple):
    """A written piece of a formula; how tightly its operator binds; and for a function, its name and arguments."""

    text: str
    level: int = WHOLE
    call: tuple[str, str] | None = None


class Writer:
    """Writes expressions for the terminal or in LaTeX.

    Args:
        latex: whether in LaTeX.
        arrays: the names of arrays that stand in formulas but are no symbols, by the id of the array.
    """

    vectors = "Samples are rows"

    def __init__(self, latex: bool, arrays: dict[int, tuple[Array, Name]]) -> None:
        self.latex = latex
        self.arrays = arrays
        self.minus = self.pick("−", "-")
        self.functions: set[Any] = set()  # that were written by their names

    def __call__(self, expression: Any) -> str:
        return self.written(expression).text

    def pick(self, text: str, latex: str) -> str:
        """The one of two spellings that this writer writes."""
        return latex if self.latex else text

    def written(self, expression: Any) -> Written:
        return fold(expression, self.combine, {}) if isinstance(expression, Expression) else self.literal(expression)

    def combine(self, part: Expression, operands: list[Any]) -> Written:
        """A part of a formula, whose operands have been written."""
        function = part.function
        if isinstance(part, Symbol):
            return Written(self.name(part.name), JOINED if isinstance(part.name, Gradient) else WHOLE)
        if function in _SPECIAL:
            return _SPECIAL[function](self, part, *operands)
        if function in PATTERNS:
            pattern, levels, level = PATTERNS[function][self.latex]
            return Written(pattern.format(*map(self.at, operands, levels)), level)
        if function in WRITTEN_AS:
            return self.written(WRITTEN_AS[function](*part.operands))
        texts = [self.at(operand, ADDED) for operand in operands if operand is not None]
        options = [f"{name}={self.at(value, ADDED)}" for name, value in part.options.items() if value is not None]
        return self.function(function, *texts, *options)

    def side(self, side: Any) -> str:
        """A side of an equation: a formula, a name, or words, in which a row may end after a comma."""
        if isinstance(side, Expression):
            return self(side)
        if isinstance(side, Name | Gradient):
            return self.name(side)
        # In \text, LaTeX's signs are escaped. It is closed and opened again around ×, which is a sign of formulas, and
        # after each comma, because rows end outside of braces.
        escaped = re.sub(r"([#$%&_{}])", r"\\\1", side).replace("×", r"} \times \text{").replace(", ", r", } \text{")
        return self.pick(side, rf"\text{{{escaped}}}" if side else "")

    def space(self, array: Array, shape: tuple[int, ...]) -> str:
        """The space that an array of this shape is from."""
        letter, blackboard = ("R", "ℝ") if array.dtype.kind == "f" else ("Z", "ℤ")
        size = "×".join(map(str, shape))
        latex = rf"^{{{size}}}".replace("×", r" \times ") if size else ""
        return self.pick(blackboard + size.translate(RAISED), rf"\mathbb{{{letter}}}{latex}")

    def name(self, name: Name | Gradient) -> str:
        """The name of a symbol."""
        if isinstance(name, Gradient):
            return self.gradient(name)
        if not self.latex:
            return str(name)
        latex = LETTERS.get(name.letter) or (name.letter if len(name.letter) == 1 else upright(name.letter))
        layer = "" if name.layer is None else f"^{{({name.layer})}}"
        return latex + layer + ("" if name.number is None else f"_{{{name.number}}}")

    def gradient(self, name: Gradient) -> str:
        """The name of a gradient: ∂L/∂z."""
        loss, of = self.name(name.loss), self(name.of)
        return self.pick(f"∂{loss}/∂{of}", rf"\frac{{\partial {loss}}}{{\partial {of}}}")

    def spelt(self, function: Any) -> str:
        """The name of a function in formulas."""
        name = function_name(function)
        return self.pick(*NAMES.get(function, (name, upright(name))))

    def function(self, function: Any, *arguments: str) -> Written:
        """A call of a function by its name, which the legend has to explain."""
        self.functions.add(function)
        name, listed = self.spelt(function), self.enclosed(", ".join(arguments))
        return Written(name + listed, WHOLE, (name, listed))

    def enclosed(self, text: str) -> str:
        return rf"\left({text}\right)" if r"\frac" in text else f"({text})"

    def at(self, operand: Any, level: int) -> str:
        """The text of an operand, in parentheses if its operator binds less tightly than `level`."""
        written = operand if isinstance(operand, Written) else self.literal(operand)
        return written.text if written.level >= level else self.enclosed(written.text)

    def times(self, a: Expression, b: Expression) -> str:
        """The sign between the factors of an elementwise product."""
        return self.pick(*(TIMES if () in (a.shape, b.shape) else (" ⊙ ", r" \odot ")))

    def needs_parentheses(self, text: str) -> bool:
        """Whether an exponent cannot stand right behind `text`: in LaTeX one exponent does not follow another."""
        return self.latex and "^" in text and text.endswith("}")

    def raised(self, operand: Any, exponent: str) -> str:
        """An operand with an exponent or a ᵀ."""
        mark = f"^{{{exponent}}}" if self.latex else exponent
        if isinstance(operand, Written) and operand.call and exponent not in ("ᵀ", r"\top"):
            return operand.call[0] + mark + operand.call[1]
        text = self.at(operand, WHOLE)
        return (self.enclosed(text) if self.needs_parentheses(text) else text) + mark

    def literal(self, value: Any) -> Written:
        """A number, an index, or what else is no formula."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return self.number(value)
        if isinstance(value, np.ndarray):
            return Written(self.name(self.named(value)))
        if isinstance(value, slice):
            start, stop, step = ("" if end is None else self(end) for end in (value.start, value.stop, value.step))
            return Written(f"{start}:{stop}:{step}" if step else f"{start}:{stop}", ADDED)
        if isinstance(value, tuple | list):
            return Written(f"({', '.join(map(self, value))})")
        text = "…" if value is Ellipsis else str(value)
        return Written(self.pick(text, upright(re.sub(r"\W+", ".", text))))

    def named(self, array: Array) -> Name:
        if id(array) not in self.arrays:
            letter = "c" if array.dtype.kind == "f" else "k"
            number = 1 + sum(name.letter == letter for _, name in self.arrays.values())
            self.arrays[id(array)] = array, Name(letter, number=number)
        return self.arrays[id(array)][1]

    def number(self, value: float) -> Written:
        if math.copysign(1, value) < 0:
            return Written(self.minus + self.number(-value).text, ADDED)
        if value in NUMBERS:
            return Written(self.pick(*NUMBERS[value]), JOINED)
        if math.isnan(value):
            return Written(self.pick("NaN", upright("NaN")))
        fraction = Fraction(value).limit_denominator(10**6)
        above, below = fraction.as_integer_ratio()
        if float(fraction) == value and above < 10**6:
            if below == 1:
                return Written(str(above))
            if self.latex:
                return Written(rf"\frac{{{above}}}{{{below}}}", JOINED)
            return Written("½") if value == 0.5 else Written(f"{above}/{below}", DIVIDED)
        digits, _, exponent = repr(float(value)).partition("e")
        if not exponent:
            return Written(digits.removesuffix(".0"))
        power = self.pick("10" + str(int(exponent)).translate(RAISED), f"10^{{{int(exponent)}}}")
        return Written(power if digits == "1" else digits + self.pick("·", r" \cdot ") + power, MULTIPLIED)

    def legend(self, printed: str) -> Iterator[str]:
        """The legend for the reader: what the signs in `printed` mean, and the functions that were written."""
        formulas = re.sub(r"⁽[^⁾]*⁾|10⁻?[²-³⁰-⁹]+|ℝ\S*", "", printed)
        yield from (words for sign, words in SIGNS.items() if re.search(sign, formulas))
        yield from (words.format(self.spelt(x)) for x, words in MEANINGS.items() if x in self.functions)
        others: dict[str, list[str]] = defaultdict(list)
        for function in self.functions - MEANINGS.keys():
            # Some of SciPy's ufuncs do not say what module they are of.
            module = getattr(function, "__module__", "scipy").partition(".")[0]
            is_numpys = module in ("numpy", "scipy", __name__.partition(".")[0])
            words = "as in NumPy" if is_numpys else "of this program"
            others["of each entry" if isinstance(function, np.ufunc) else words].append(self.spelt(function))
        yield from (f"{', '.join(sorted(names))}: {words}" for words, names in sorted(others.items()))


def _write_product(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    """A product. A number in front stands without a sign of multiplication, as in 2 x, and −1 is a minus."""
    first, second = part.operands
    if not is_number(first):
        return Written(w.at(a, MULTIPLIED) + w.times(first, second) + w.at(b, MULTIPLIED), MULTIPLIED)
    if second.function is np.ones and second.size == 1:
        return w.number(first)
    after = w.at(b, DIVIDED)
    if first == -1:
        return Written(w.minus + after, ADDED)
    number = w.number(first).text
    is_apart = "/" in number or r"\frac" in number or after[0].isdigit()
    level = ADDED if first < 0 else min(MULTIPLIED, b.level)
    return Written(f"{number}{w.pick(*TIMES) if is_apart else ' '}{after}", level)


def _write_power(w: Writer, part: Expression, a: Any, b: Any) -> Written:
    """A power, as x² or x^n. `a` and `b` are what has been written of the base and of the exponent."""
    if w.latex:
        return Written(w.raised(a, w.at(b, ADDED)))
    is_whole = is_number(b) and b == int(b)
    return Written(w.raised(a, str(int(b)).translate(RAISED) if is_whole else "^" + w.at(b, WHOLE)))


def _write_transpose(w: Writer, part: Expression, a: Any, axes: Any) -> Written:
    """A transpose: Aᵀ if the last two axes are swapped, else a call of the function."""
    n = part.ndim
    if axes == (*range(n - 2), n - 1, n - 2):
        return Written(w.raised(a, w.pick("ᵀ", r"\top")))
    return w.function(part.function, a.text, w(axes))


def _write_sum(w: Writer, part: Expression, a: Any) -> Written:
    """A sum: Σ over all entries, and a product with a vector of ones over one axis of a matrix, else a call."""
    (x,), axis = part.operands, part.options["axis"]
    if axis is None:
        return Written(w.pick("Σ ", r"\sum ") + w.at(a, MULTIPLIED), DIVIDED)
    if x.ndim != 2:
        return w.function(part.function, a.text, f"axis={w(axis)}")
    return w.written(x @ ones((x.shape[1], 1)) if axis == (1,) else ones((1, x.shape[0])) @ x)


def _write_ones(w: Writer, part: Expression, shape: tuple[int, ...]) -> Written:
    """Ones: 1 for a single entry, 𝟏 for a column, 𝟏ᵀ for a row, and 𝟏 𝟏ᵀ for a matrix."""
    column, row = w.pick("𝟏", r"\mathbf{1}"), w.pick("𝟏ᵀ", r"\mathbf{1}^{\top}")
    if part.size == 1:
        return Written("1")
    if len(shape) != 2 or shape[1] == 1:
        return Written(column)
    return Written(row) if shape[0] == 1 else Written(f"{column} {row}", JOINED)


# What is no call of a function by its name, with the operands as they have been written.
_SPECIAL: dict[Any, Callable[..., Written]] = {
    np.multiply: _write_product,
    np.power: _write_power,
    np.transpose: _write_transpose,
    np.sum: _write_sum,
    np.ones: _write_ones,
    np.reshape: lambda w, part, a, shape: (
        a if squeezed(part.operands[0]) == squeezed(part) else w.function(part.function, a.text, w(shape))
    ),
    f.getitem: lambda w, part, a, index: Written(
        f"{w.at(a, WHOLE)}[{', '.join(map(w, index if isinstance(index, tuple) else [index]))}]"
    ),
    softmax: lambda w, part, a: w.function(softmax, a.text),  # of each row, as the legend says
}
