"""Proofs of rules by computer algebra: a rule is given symbols, and must be the derivative of its function.

The gradient of Σ gᵢ yᵢ with respect to each entry of an input, by sympy, is compared with what the rule makes of g, y
and the inputs. Their difference must simplify to 0 on each piece of the domain. On the border of two pieces, where a
function may have a kink, the rule must give a number between the derivatives on both sides.
"""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple

import mpmath
import numpy as np
import sympy

from ..core.blas import Product
from ..core.lines import function_name
from ..core.sheet import Each, Rule
from ..tensors.dispatch import row_of
from .algebra import Array, Piece, SignChanges, SymbolicArray, exact, indices_of
from .equality import (
    POINTS,
    Cotangent,
    Different,
    Unsimplified,
    equate,
    is_between,
    is_infinite,
    number_at,
    points,
)

__all__ = ["Proof", "prove"]

MOST_PIECES = 200
REALS = (-math.inf, math.inf)


class Proof(NamedTuple):
    """What became of an attempt to prove the rules of a function. It counts as true if they are proved.

    Attributes:
        verdict: "proved", "refuted" or "undecided".
        reason: of a refuted rule a counterexample; of an undecided one what stands in the way.
    """

    verdict: str
    reason: str = ""

    def __bool__(self) -> bool:
        return self.verdict == "proved"

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.reason}" if self.reason else self.verdict


class Refuted(Exception):
    """A rule does not give the derivative. The message has a counterexample."""


class Unreadable(Exception):
    """The function or a rule is no algebra, or is read in another way than NumPy computes it."""


def prove(
    function: Callable[..., Any], *domains: Any, formula: Callable[..., Any] | None = None, **options: Any
) -> Proof:
    """Prove by computer algebra that the rules of a function give its derivative.

    The function and its rules are called with arrays of two symbols, x[0] and x[1]. Sympy differentiates what the
    function makes of them, and simplifies the difference to what the rule makes of them. Where the function or a rule
    compares, as in ``np.where(x > 0, …)``, each piece of the domain is proved by itself. At a kink, the gradient has to
    be a weighted mean of those beside it, as 0 is for abs at 0. NumPy computes the rule at a few points as well.

    Args:
        function: made by `differentiable`, or with a row by `add_row`. Its program uses operators, and functions that
            sympy also has, such as np.exp. It may compute each entry by itself, or combine the entries of an array.
            Then it is proved for arrays of two and of three entries.
        domains: for each input an open interval (low, high) of real numbers; by default, all real numbers. ``bool``
            stands for truth values. A constant number or array is passed as it is.
        formula: what the function computes, written in NumPy's functions, if its program cannot be read as algebra.
        options: options of the function. A pair (low, high) stands for any number between.

    Returns:
        The verdict "proved"; "refuted", with a counterexample; or "undecided", if sympy cannot simplify the difference
        to 0, or if the function or a rule cannot be read as algebra. It counts as true if the verdict is "proved".

    Raises:
        TypeError: the function has no rules, its number of inputs is not that of `domains`, or no rule has an option.
        ValueError: a domain is empty, or none is an interval.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> from tinygrad_mlp.testing import prove
    >>> @tg.differentiable(lambda g, _y, x: g * np.tanh(x))
    ... def log_cosh(x):
    ...     return np.log(np.cosh(x))
    >>> prove(log_cosh)
    proved
    >>> @tg.differentiable(lambda g, _y, x: g / (1 + x**2))
    ... def square_root(x):
    ...     return np.sqrt(1 + x**2)
    >>> prove(square_root)
    refuted: the gradient for x[0] is 0.6 by the rule, but -2.683281573 by the derivative, at x[0] = -2, g[0] = 3
    """
    comparison = _compared(function, formula or function, domains, options, 2)
    if not any(map(_is_symbolic, comparison.operands)):
        raise ValueError(f"prove() needs an interval such as (0, np.inf) among the domains, and {domains} has none")
    proof = comparison.on_all_pieces()
    if proof and comparison.combines and not any(isinstance(domain, np.ndarray) for domain in domains):
        proof = _compared(function, formula or function, domains, options, 3).on_all_pieces()
    return proof


def proof_of(
    function: Callable[..., Any],
    formula: Callable[..., Any],
    domains: Sequence[Any] = (),
    options: Mapping[str, Any] | None = None,
    shapes: Sequence[tuple[int, ...]] | int = 2,
) -> Proof:
    """`prove`, for inputs of these shapes, or of so many entries each."""
    return _compared(function, formula, domains, options or {}, shapes).on_all_pieces()


def _compared(
    function: Callable[..., Any],
    formula: Callable[..., Any],
    domains: Sequence[Any],
    options: Mapping[str, Any],
    shapes: Sequence[tuple[int, ...]] | int,
) -> _Comparison:
    """The comparison of the rules of `function` with the derivative of `formula`. Raises as `prove`."""
    row, name = row_of(function), function_name(function)
    if not row or isinstance(row, Each):
        raise TypeError(f"prove() takes a function with a rule for each input, and {name} has none")
    domains = domains or [REALS] * len(row)
    if len(domains) != len(row):
        raise TypeError(f"{name} has {len(row)} inputs, but the number of domains is {len(domains)}")
    parameters = [list(inspect.signature(rule).parameters.values()) for rule in row if rule is not None]
    # A rule takes g and y, then the inputs, then options.
    known = {p.name for of_rule in parameters for p in of_rule[2 + len(row) :]}
    if unknown := [option for option in options if option not in known]:
        raise TypeError(f"no rule of {name} has the option {unknown[0]}: write prove({name}, *domains, option=value)")
    names = [p.name.lstrip("_") for p in parameters[0][2 : 2 + len(row)]]
    if len({*names, ""}) <= len(row):  # some are missing or the same
        names = [f"x{i}" for i in range(len(row))]
    choices = sum(domain is bool for domain in domains)
    sizes = [(max(shapes, 2**choices),)] * len(row) if isinstance(shapes, int) else shapes
    inputs: dict[Any, Any] = {}
    operands: list[Any] = []
    for of_input in zip(names, sizes, domains, strict=False):
        operands.append(_operand(*of_input, inputs, sum(domain is bool for domain in domains[: len(operands)])))
    symbolic = {option: _operand(option, (), value, inputs) for option, value in options.items()}
    return _Comparison(function, formula, row, names, operands, symbolic, Piece(inputs))


def _operand(name: str, shape: tuple[int, ...], domain: Any, inputs: dict[Any, Any], before: int = 0) -> Any:
    """Symbols for an interval, which are noted in `inputs`; truth values for `bool`; else `domain` itself, a constant.

    Truth values are chosen by `before`, the number of inputs of truth values before this one, so that all combinations
    of the inputs occur.
    """
    if domain is bool:
        return (np.arange(math.prod(shape)) >> before).reshape(shape) % 2 == 0
    if not (isinstance(domain, tuple) and len(domain) == 2 and all(isinstance(end, Real) for end in domain)):
        if isinstance(domain, Real | np.ndarray | str | None) or not shape:
            return domain
        raise TypeError(f"a domain is an interval (low, high), bool, or a constant number or array, not {domain!r}")
    low, high = domain
    if not low < high:
        raise ValueError(f"a domain is an interval (low, high) with low < high, not {domain}")
    sign = {"positive": True} if low >= 0 else {"negative": True} if high <= 0 else {"real": True}
    symbols = _array_of(sympy.Symbol, name, shape, **sign)
    inputs |= {symbol: _within(symbol, exact(low), exact(high)) for symbol in symbols.ravel()}
    return symbols


def _array_of(kind: Any, name: str, shape: tuple[int, ...], **assumptions: bool) -> Array:
    """An array of symbols x[0], x[1], …; x for one without dimensions."""
    symbols = np.empty(shape, object)
    for index in np.ndindex(shape):
        symbols[index] = kind(name + (str(list(index)) if index else ""), **assumptions)
    return symbols


def _within(symbol: Any, low: Any, high: Any) -> Any:
    """An expression that runs from `low` to `high` while its symbol runs through all positive or all real numbers."""
    if high == sympy.oo and low in (0, -sympy.oo):
        return symbol
    positive = sympy.Symbol(f"{symbol}'", positive=True)
    if high == sympy.oo:
        return low + positive
    return high - positive if low == -sympy.oo else (low + high * positive) / (1 + positive)


# --- a function and its rules -----------------------------------------------------------------------------------------


@dataclass
class _Comparison:
    """A formula, the rules that are to give its derivative, and operands: arrays of symbols, or constants.

    Attributes:
        combines: whether an entry of the output was found to depend on an entry of an input at another index.
    """

    function: Callable[..., Any]
    formula: Callable[..., Any]
    row: Sequence[Rule | None]
    names: Sequence[str]
    operands: Sequence[Any]
    options: Mapping[str, Any]
    domain: Piece
    combines: bool = False

    def on_all_pieces(self) -> Proof:
        """Compare on the pieces into which comparisons cut the domain."""
        indices = {index for symbol in self.domain.inputs for index in indices_of(symbol)}
        # Where each entry is computed by itself, it suffices that all entries are in the same piece.
        proof = self._on_pieces(indices)
        return self._on_pieces(()) if self.combines else proof

    def _on_pieces(self, twins: Collection[str]) -> Proof:
        """The verdict, if all entries in `twins` are cut alike. It does not count if `combines` becomes True."""
        waiting, number, unsimplified = [self.domain], 0, ""
        try:
            while waiting and not (twins and self.combines):  # if they mix entries, `twins` must not be cut alike
                piece = waiting.pop()
                number += 1
                if number > MOST_PIECES:
                    return Proof("undecided", f"comparisons cut the domain into more than {MOST_PIECES} pieces")
                try:
                    self.on(piece)
                except SignChanges as change:
                    waiting += piece.cut(change.expression, twins)
                except Unsimplified as error:
                    unsimplified = str(error)
            self.check_numbers_at_0_and_1()
        except Refuted as error:
            return Proof("refuted", str(error))
        except (Unreadable, ValueError, NotImplementedError) as error:
            return Proof("undecided", str(error))
        return Proof("undecided", unsimplified) if unsimplified else Proof("proved")

    def on(self, piece: Piece) -> None:
        """Compare each rule with the derivative on one piece.

        Raises:
            SignChanges: a comparison in the formula or in a rule is not the same everywhere on the piece.
            Refuted: a rule does not give the derivative.
            Unreadable: the formula or a rule is no algebra.
            Unsimplified: sympy cannot tell.
        """
        centre, sides = piece.centre(), piece.sides()
        y = self._output(centre)
        self.combines = self.combines or self._combined_in(y)
        g = _array_of(Cotangent, "g", y.shape, real=True)
        # The gradient is the derivative of ⟨g, y⟩. On a border, each of its sides has its own formula for y.
        totals = [sympy.Add(*map(operator.mul, g.flat, self._output(side).entries.flat)) for side in sides]
        found: dict[Any, Any] = {}  # for each symbol of the inputs, the gradient by the rules
        for position, name in enumerate(self.names):
            if (gradient := self._gradient(position, SymbolicArray(g, centre), y, centre)) is not None:
                operand = self.operands[position]
                entries = _fitted(SymbolicArray(gradient, centre).entries, operand.shape, name)
                found |= {s: centre.at(entry) for s, entry in zip(operand.flat, entries.flat, strict=True)}
        derivatives = {s: [side.at(t.diff(s)) for side, t in zip(sides, totals, strict=True)] for s in found}
        free = set().union(g.flat, *(e.free_symbols for e in centre.inputs.values()))
        first = [point for point in points(free, 2, 2) if self._agrees_with_numpy(point, piece, g, found)]
        if piece.steps:
            self._compare_border(found, derivatives, first, g, centre)
        unsimplified = None
        for s, entry in found.items():
            expected = derivatives[s]
            if len({*expected}) > 1 and not self._are_equal(expected, first):
                continue  # a kink, which `_compare_border` has looked at
            if is_infinite(expected[0]):
                continue  # where the slope is infinite, there is no derivative
            try:
                equate(entry, expected[0], first, lambda: self._more_points(free, centre))
            except Different as error:
                raise Refuted(_counterexample(s, error, centre)) from None
            except Unsimplified as error:  # another entry may be refuted
                unsimplified = error
        if unsimplified:
            raise unsimplified

    def _compare_border(
        self, found: dict[Any, Any], derivatives: dict[Any, list[Any]], first: list[Any], g: Array, centre: Piece
    ) -> None:
        """Raise Refuted unless the rule's gradient at a kink is a weighted mean of the derivatives on its sides.

        This is asked for each entry of the output by itself: its cotangent is 1, and all others are 0.
        """
        smooth = [s for s in found if not any(map(is_infinite, derivatives[s]))]
        for point, symbol in itertools.product(first, g.flat if smooth else ()):
            one = {**point, **dict.fromkeys(g.flat, sympy.Integer(0)), symbol: sympy.Integer(1)}
            own = [number_at(one, found[s]) for s in smooth]
            of_sides = [[number_at(one, derivatives[s][i]) for s in smooth] for i in range(len(derivatives[smooth[0]]))]
            if not is_between(own, of_sides):  # find a symbol whose number differs from that of a side, for the message
                for s, number, *others in zip(smooth, own, *of_sides, strict=True):
                    if any(abs(number - other) > 1e-9 for other in others):
                        other = max(others, key=lambda n: abs(n - number))
                        error = Different(one, number, other, found[s].free_symbols | {symbol})
                        raise Refuted(_counterexample(s, error, centre, " on one side"))

    @staticmethod
    def _are_equal(expected: list[Any], first: list[Any]) -> bool:
        """Whether the derivatives on the sides of a border agree."""
        if any(map(is_infinite, expected)):
            return False
        numbers = [[number_at(point, e) for e in expected] for point in first]
        return all(abs(n - of_point[0]) <= 1e-9 * (1 + abs(n)) for of_point in numbers for n in of_point)

    # --- with symbols

    def _arguments(self, piece: Piece) -> tuple[list[Any], dict[str, Any]]:
        def on_piece(value: Any) -> Any:
            return SymbolicArray(value, piece) if _is_symbolic(value) else value

        return [on_piece(x) for x in self.operands], {name: on_piece(x) for name, x in self.options.items()}

    def _output(self, piece: Piece) -> SymbolicArray:
        """What the formula gives on a piece."""
        operands, options = self._arguments(piece)
        try:
            y = self.formula(*operands, **options)
        except SignChanges:
            raise
        except Exception as error:  # of whatever kind a user's function raises that is given symbols
            raise Unreadable(f"the function cannot be read as algebra: {error}; formula= can stand for it") from error
        return y if isinstance(y, SymbolicArray) else SymbolicArray(y, piece)

    def _gradient(self, position: int, g: SymbolicArray, y: SymbolicArray, piece: Piece) -> Any:
        """What the rule for an input gives on a piece; None if there is no rule, or the input is constant."""
        rule = self.row[position]
        if rule is None or not _is_symbolic(self.operands[position]):
            return None
        operands, options = self._arguments(piece)  # of its own, because a rule may write into them
        try:
            gradient = rule(SymbolicArray(g, piece), SymbolicArray(y, piece), *operands, **options)
        except SignChanges:
            raise
        except Exception as error:  # likewise
            raise Unreadable(f"the rule for {self.names[position]} cannot be read as algebra: {error}") from error
        return gradient.dense() if isinstance(gradient, Product) else gradient

    def _combined_in(self, y: SymbolicArray) -> bool:
        """Whether an entry of `y` has symbols of another index, or `y` has another shape than an operand."""
        own = {s: index for x in self.operands if _is_symbolic(x) for index, s in np.ndenumerate(x)}
        shapes = [x.shape for x in self.operands if _is_symbolic(x)]
        entries = np.ndenumerate(y.entries)
        return any(shape != y.shape for shape in shapes) or any(
            own.get(symbol, index) != index for index, entry in entries for symbol in entry.free_symbols
        )

    # --- with numbers

    def _numbers(self, inputs: Mapping[Any, Any]) -> tuple[list[Any], dict[str, Any]]:
        """The operands and options as NumPy takes them, for numbers in place of the symbols of the inputs."""

        def number(value: Any) -> Any:
            if not _is_symbolic(value):
                return value
            array = np.reshape([float(inputs[s]) for s in value.flat], value.shape)
            array.flags.writeable = False  # so a rule that writes to its inputs raises an error
            return array

        return [number(x) for x in self.operands], {name: number(x) for name, x in self.options.items()}

    def _computed(self, inputs: Mapping[Any, Any], g: Any = None) -> dict[Any, float] | None:
        """For each symbol, the gradient that NumPy computes by the rules; None where the function is not defined.

        It is not defined where its value is not finite, or where NumPy raises a LinAlgError, as for a singular matrix.

        Raises:
            Unreadable: a rule raises, as one does that writes to its inputs.
        """
        operands, options = self._numbers(inputs)
        with np.errstate(all="ignore"):
            try:
                y = np.asarray(self.function(*operands, **options), np.float64)
            except np.linalg.LinAlgError:
                return None
            except Exception as error:  # of whatever kind a user's function raises
                raise Unreadable(f"the function cannot be computed at {dict(inputs)}: {error}") from error
            if not np.isfinite(y).all():
                return None
            g = np.ones(y.shape) if g is None else np.asarray(g, np.float64)
            y.flags.writeable = g.flags.writeable = False
            found: dict[Any, float] = {}
            for name, rule, operand in zip(self.names, self.row, self.operands, strict=False):
                if rule is None or not _is_symbolic(operand):
                    continue
                try:
                    gradient = rule(g, y, *operands, **options)
                except np.linalg.LinAlgError:
                    return None
                except Exception as error:
                    raise Unreadable(f"the rule for {name} cannot be computed at {dict(inputs)}: {error}") from error
                gradient = np.asarray(gradient.dense() if isinstance(gradient, Product) else gradient, object)
                entries = _fitted(gradient, operand.shape, name)
                found |= {s: float(entry) for s, entry in zip(operand.flat, entries.flat, strict=True)}
        return found

    def check_numbers_at_0_and_1(self) -> None:
        """Raise Refuted if a rule gives NaN where inputs are 0 or 1, though the function is finite there.

        Algebra does not see this: for sympy, 0 · x⁻¹ is 0; for NumPy, it is NaN at x = 0.
        """
        for number in (0, 1):
            inputs = {s: _at_number(e, number) for s, e in self.domain.inputs.items()}
            for s, entry in (self._computed(inputs) or {}).items():
                if math.isnan(entry):
                    at = ", ".join(f"{s} = {value}" for s, value in inputs.items())
                    raise Refuted(f"the gradient for {s} is nan by the rule, at {at}")

    def _agrees_with_numpy(self, point: Any, piece: Piece, g: Array, found: dict[Any, Any]) -> bool:
        """Whether the function is defined at `point`. If so, NumPy must compute the gradient that algebra has `found`.

        Raises:
            Unreadable: it computes something else.
        """
        inputs = {s: e.xreplace(dict(point)) for s, e in piece.centre().inputs.items()}
        try:
            numbers = np.reshape([float(point[s]) for s in g.flat], g.shape)
            computed = self._computed(inputs, numbers)
        except TypeError:  # a complex number: the point is not in the domain
            return False
        if computed is None:
            return False
        for s, entry in computed.items():
            read = float(number_at(point, found[s]))
            if not piece.steps and math.isfinite(read) and not math.isclose(entry, read, rel_tol=1e-6, abs_tol=1e-9):
                if math.isnan(entry):
                    raise Refuted(_counterexample(s, Different(point, mpmath.nan, read, found[s].free_symbols), piece))
                raise Unreadable(f"NumPy computes {entry} for {s}, where {read} is read as algebra")
        return True

    def _more_points(self, free: Any, centre: Piece) -> Iterator[Any]:
        """Many points at which the function is defined."""
        for point in points(free, POINTS, POINTS):
            if self._computed({s: e.xreplace(dict(point)) for s, e in centre.inputs.items()}) is not None:
                yield point


def _at_number(expression: Any, number: int) -> Any:
    """The value of an input where its symbol is `number`, or `number` + 1 if the symbol must be positive."""
    (symbol,) = expression.free_symbols
    return expression.subs(symbol, number + 1 if symbol.is_positive else number)


def _is_symbolic(operand: Any) -> bool:
    return isinstance(operand, np.ndarray) and operand.dtype == object


def _fitted(entries: Array, shape: tuple[int, ...], name: str) -> Array:
    """A gradient in the shape of its input: summed over the axes that were broadcast, as the walk does."""
    try:
        common = np.broadcast_shapes(entries.shape, shape)
    except ValueError:
        common = None
    if common != entries.shape:
        raise Refuted(f"the gradient for {name} has shape {entries.shape} by the rule, but {name} has shape {shape}")
    extra = entries.ndim - len(shape)
    ones = (extra + i for i, n in enumerate(shape) if n == 1)
    return np.reshape(np.asarray(np.sum(entries, axis=(*range(extra), *ones)), object), shape)


def _counterexample(symbol: Any, error: Different, piece: Piece, where: str = "") -> str:
    """A counterexample in words: the two numbers for `symbol`, and the inputs on which they may depend."""
    point = dict(error.point)
    cotangents = {s: number for s, number in point.items() if isinstance(s, Cotangent) and s in error.symbols}
    # If the gradient depends on the cotangent of another entry, it may depend on all entries of the inputs.
    depends_on_all = any(_index_of(s) != _index_of(symbol) for s in cotangents)
    inputs = {s: e.xreplace(point) for s, e in piece.inputs.items() if depends_on_all or _shares(s, symbol)}
    at = ", ".join(f"{s} = {number}" for s, number in (inputs | cotangents).items())
    for digits in (10, 20, 50):
        one, other = (mpmath.nstr(mpmath.mpf(number), digits) for number in (error.found, error.expected))
        if one != other:
            break
    return f"the gradient for {symbol} is {one} by the rule, but {other} by the derivative{where}, at {at}"


def _index_of(symbol: Any) -> str:
    return str(symbol.name.partition("[")[2])


def _shares(symbol: Any, other: Any) -> bool:
    """Whether a symbol has the index of another one, or none, as an option."""
    return _index_of(symbol) in ("", _index_of(other))
