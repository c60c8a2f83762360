"""With symbols for weights, each formula and each hint of `explain` equals the derivative that sympy finds."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import sympy
from networks import explained
from numpy.typing import NDArray
from ops import CASES
from scipy.special import expit, log_expit, log_softmax, softmax

from tinygrad_mlp.core import functions as f
from tinygrad_mlp.derivation.derive import FORMULAS, LOSSES, Line
from tinygrad_mlp.derivation.document import DocumentWriter
from tinygrad_mlp.derivation.expression import SIMPLER, Expression, Gradient, Name, Symbol, fold
from tinygrad_mlp.derivation.page import Derivation
from tinygrad_mlp.derivation.write import WRITTEN_AS, Writer
from tinygrad_mlp.testing.algebra import Piece, SymbolicArray

pytestmark = pytest.mark.long

Entries = NDArray[Any]  # of sympy's expressions


class Sigmoid(sympy.Function):
    """g(z), which differentiates to g(z)(1 − g(z)), as `core/test_proofs.py` proves of its rule."""

    def fdiff(self, argindex: int = 1) -> Any:
        return self * (1 - self)


# Functions that formulas have, by their definitions.
DEFINITIONS: dict[Any, Callable[..., Any]] = {
    expit: lambda z: of_each(Sigmoid, z),
    softmax: lambda z, axis: np.exp(z) / np.sum(np.exp(z), axis=axis, keepdims=True),
    np.ones: lambda shape: np.ones(shape),
    np.maximum: lambda a, bound: a,  # explain says of a bound that no entry comes near it
}


def of_each(function: Callable[[Any], Any], z: SymbolicArray) -> SymbolicArray:
    return SymbolicArray(np.frompyfunc(function, 1, 1)(z.entries), z.piece)


def value(formula: Any, values: Mapping[str, SymbolicArray], name: Callable[[Any], str] = str) -> Any:
    """What a formula of `explain` is for these values of its symbols."""

    def combine(part: Expression, operands: list[Any]) -> Any:
        if isinstance(part, Symbol):
            return values[name(part.name)]
        if part.function in WRITTEN_AS:  # a function that is written in terms of others
            return value(WRITTEN_AS[part.function](*part.operands), values, name)
        return DEFINITIONS.get(part.function, part.function)(*operands, **part.options)

    return fold(formula, combine, {}) if isinstance(formula, Expression) else formula


def entries_of(result: Any) -> Entries:
    return result.entries if isinstance(result, SymbolicArray) else np.asarray(result, object)


def symbolic(entries: Any) -> SymbolicArray:
    return SymbolicArray(entries, Piece({}))


def symbols(letter: str, *shape: int, **assumptions: bool) -> Entries:
    """An array of symbols with their indices."""
    names = [letter + "".join(str(i + 1) for i in index) for index in np.ndindex(*shape)]
    return np.array([sympy.Symbol(name, real=True, **assumptions) for name in names], object).reshape(shape)


def equal(found: Any, expected: Any) -> bool:
    """Whether two arrays, in any arrangement as a row or a column, are equal for all values of their symbols."""
    differences = [a - b for a, b in zip(np.ravel(entries_of(found)), np.ravel(entries_of(expected)), strict=True)]
    return all(sympy.cancel(with_symbols(difference)) == 0 for difference in differences)


def with_symbols(expression: Any) -> Any:
    """A rational function: with a symbol for each value of g, tanh or ln."""
    found = expression.atoms(sympy.Function)
    return expression.xreplace({part: sympy.Dummy() for part in found})


# --- the derivations of the document ----------------------------------------------------------------------------------


class Network:
    """The network of the document with symbols for its weights: its loss, and its gradient at each place, by sympy."""

    def __init__(self, loss: str, sizes: list[int], bias: bool) -> None:
        self.loss, self.target = loss, symbols("y", sizes[-1])
        self.x = symbols("x", sizes[0])
        self.weights = [symbols(f"W{i}", n, m) for i, (m, n) in enumerate(itertools.pairwise(sizes), 1)]
        self.biases = [symbols(f"b{i}", n) if bias else np.zeros(n, int) for i, n in enumerate(sizes[1:], 1)]

    def value(self, changed: str = "", by: Any = 0) -> Any:
        """The loss, with `by` added at the place `changed`: z or a of a layer, or E, the loss without its factor."""

        def place(name: str, result: Any) -> Any:
            return result + by if name == changed else result

        a, layers = self.x, len(self.weights)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True), 1):
            z = place(f"z{i}", weight @ a + bias)
            a = place(f"a{i}", np.frompyfunc(sympy.tanh if i < layers else Sigmoid, 1, 1)(z))
        y = self.target
        if self.loss == "mean square":
            return place("E", np.sum((y - a) ** 2)) / 2
        log = np.frompyfunc(sympy.log, 1, 1)
        return -np.sum(y * log(a) + (1 - y) * log(1 - a))

    def gradient(self, of: str) -> Entries:
        """The derivative with respect to a weight or a bias, or to what is added at a place."""
        letter, layer = of[0], int(of[1:] or 0) - 1
        if letter in "Wb":
            wanted, loss = (self.weights if letter == "W" else self.biases)[layer], self.value()
        else:
            wanted = symbols("t", 1 if letter == "E" else len(self.weights[layer]))
            loss = self.value(of, wanted[0] if letter == "E" else wanted)
        zero = {symbol: 0 for symbol in wanted.flat if letter in "zaE"}
        return np.array([loss.diff(symbol).subs(zero) for symbol in wanted.flat], object)


def printed(found: Derivation, network: Network, writer: Writer) -> Iterator[tuple[Line, Any]]:
    """Each formula of a derivation, with its value for the symbols. A sum is printed in several lines."""
    deriver = found.deriver
    given = {"x": [network.x], "y": [network.target], "W": network.weights, "b": network.biases}
    values = {}
    for symbol in deriver.namer.given:
        entries = given[symbol.name.letter][(symbol.name.layer or 1) - 1]
        values[writer.name(symbol.name)] = symbolic(np.reshape(entries, deriver.form(symbol).shape))
    lines = [line for section in deriver.sections for line in section.lines]
    named, total = lines[0], None
    for line, following in zip(lines, [*lines[1:], lines[0]], strict=True):
        result = value(line.right, values, writer.name)
        total = total + result if line.sign == "+" else result
        named = line if line.left else named
        if following.sign != "+":
            values[writer.side(named.left)] = total
            yield named._replace(is_result=line.is_result), total


def place_of(left: Any, layers: int, counts_input: bool) -> str:
    """The place in the network whose gradient stands on the left; L for the loss itself; "" for a value."""
    if not isinstance(left, Gradient):
        return "L" if left.letter in "Lℒ" else ""
    if not isinstance(left.of, Symbol):
        return f"a{layers}"  # g(z) of the last layer
    letter, layer, _ = left.of.name
    later = layer is not None and letter in "za" and counts_input  # z of layer 1 is z⁽²⁾
    return letter if letter == "E" else f"{letter}{(layer or 1) - later}"


SHAPES = [([2, 3, 2], False), ([1, 1], True)]  # of sections 2.1 and 2.2, and of section 4


@pytest.mark.parametrize(("sizes", "bias"), SHAPES, ids=str)
@pytest.mark.parametrize("notation", ["rows", "document"])
@pytest.mark.parametrize("loss", ["mean square", "cross entropy", "cross entropy of logits"])
def test_each_printed_formula_equals_the_derivative(loss: str, notation: str, sizes: list[int], bias: bool) -> None:
    found = explained(loss, sizes, bias=bias, notation=notation)
    network, layers = Network(loss, sizes, bias), len(sizes) - 1
    in_document = notation == "document"
    results, steps = set(), set()
    for line, result in printed(found, network, (DocumentWriter if in_document else Writer)(False, {})):
        if place := place_of(line.left, layers, in_document):
            expected = network.value() if place == "L" else network.gradient(place)
            assert equal(result, expected), f"the gradient of {place} is printed as {result.entries}, not {expected}"
            (results if line.is_result else steps).add(place)
    assert results == {f"{letter}{i}" for letter in ("Wb" if bias else "W") for i in range(1, layers + 1)}
    assert steps >= {"L", "z1", "W1"} | {f"a{i}" for i in range(1, layers)}


def test_a_formula_that_is_wrong_is_noticed() -> None:
    gradient = Network("mean square", [2, 3, 2], False).gradient("W1")
    assert equal(gradient, gradient)
    assert not equal(gradient, 2 * gradient)
    assert not equal(gradient, gradient[::-1])


# --- hints ------------------------------------------------------------------------------------------------------------
#
# Where a function is computed in a better way than it reads, explain writes the way it reads. Each hint is given
# symbols, and what it writes must equal the function whose rule `core/test_proofs.py` proves.

MATRIX, ROW = (2, 3), (3,)


# Each hint with what it stands for, and the shapes of its operands.
Hint = tuple[Callable[..., Any], Callable[..., Any], list[tuple[int, ...]]]
HINTS: dict[str, Hint] = {
    "log1p": (WRITTEN_AS[np.log1p], np.log1p, [ROW]),
    "expm1": (WRITTEN_AS[np.expm1], np.expm1, [ROW]),
    "logaddexp": (WRITTEN_AS[np.logaddexp], np.logaddexp, [ROW, ROW]),
    "log_softmax": (WRITTEN_AS[log_softmax], partial(f.log_softmax, axis=1), [MATRIX]),
    "log_expit": (WRITTEN_AS[log_expit], log_expit, [ROW]),
    "log_expit of −z": (lambda z: WRITTEN_AS[log_expit](-z), lambda z: log_expit(-z), [ROW]),
    "quotient": (SIMPLER[f.quotient], f.quotient, [ROW, ROW]),
    "root of order 2": (lambda x: SIMPLER[f.root](x, 2), lambda x: f.root(x, 2), [ROW]),
    "root of order 3": (lambda x: SIMPLER[f.root](x, 3), lambda x: f.root(x, 3), [ROW]),
    "square": (SIMPLER[np.square], np.square, [ROW]),
    "softmax_error": (
        lambda z, y: SIMPLER[f.softmax_error](z, y, 4),
        lambda z, y: f.softmax_error(z, y, 4),
        [MATRIX, MATRIX],
    ),
}
# The rules of losses are proved to be the derivatives of these references.
REFERENCES = {case.function: case.reference for case in CASES if case.reference}
for _loss in LOSSES:
    for _total in (False, True):
        _more = (4, _total) if _loss is f.cross_entropy else (_total,)  # the cross entropy is divided by 4
        HINTS[f"{_loss.__name__} {'in total' if _total else 'of each'}"] = (
            lambda a, y, loss=_loss, more=_more: FORMULAS[loss](a, y, *more),
            lambda a, y, loss=_loss, more=_more: REFERENCES[loss](a, y, *more),
            [MATRIX, MATRIX],
        )


@pytest.mark.parametrize("name", HINTS)
def test_a_hint_equals_what_it_stands_for(name: str) -> None:
    hint, function, shapes = HINTS[name]
    random = np.random.default_rng(0)
    operands, values = [], {}
    for letter, shape in zip("zy", shapes, strict=False):
        # The array behind a symbol decides what explain writes, as where the rows of y do not add up to 1.
        operands.append(Symbol(Name(letter), random.uniform(0.1, 0.9, shape)))
        values[letter] = symbolic(symbols(letter, *shape, positive=True))
    written, meant = entries_of(value(hint(*operands), values)), entries_of(function(*values.values()))
    assert written.shape == meant.shape
    for a, b in zip(written.flat, meant.flat, strict=True):
        difference = (a - b).replace(Sigmoid, lambda z: 1 / (1 + sympy.exp(-z)))
        assert sympy.simplify(difference) == 0 or sympy.simplify(sympy.exp(difference)) == 1


def test_every_hint_is_proved() -> None:
    """Other entries of the tables only move entries, or simplify sums and products of numbers."""
    simplified = {np.negative, np.positive, np.multiply, np.divide, np.add, np.subtract, np.power, np.log, np.matmul}
    moved = {np.sum, np.zeros_like, np.transpose, np.reshape, np.broadcast_to, f.clone, f.getitem, f.linear}
    hints = {*WRITTEN_AS, *SIMPLER, *FORMULAS} - simplified - moved
    assert {function.__name__ for function in hints} == {name.partition(" ")[0] for name in HINTS}
