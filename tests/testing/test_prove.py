"""`prove` proves rules that are right, refutes wrong ones with a counterexample, and says where it cannot decide."""

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from scipy.special import entr, erf, expit

import tinygrad_mlp as tg
from tinygrad_mlp.testing import prove
from tinygrad_mlp.testing.algebra import MEANINGS, Piece, SignChanges, SymbolicArray, exact

POSITIVE = (0, math.inf)
NEGATIVE = (-math.inf, 0)


def function(*rules: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A function that has these rules, and is not recorded."""
    return tg.differentiable(*rules)


GELU = math.sqrt(2 / math.pi)


def gelu_rule(g: Any, y: Any, x: Any) -> Any:
    t = np.tanh(GELU * (x + 0.044715 * x**3))
    return g * ((1 + t) / 2 + x / 2 * (1 - t**2) * GELU * (1 + 3 * 0.044715 * x**2))


# Functions with right rules, and the domains of their inputs and options.
RIGHT: dict[str, tuple[Callable[..., Any], list[Callable[..., Any]], list[Any], dict[str, Any]]] = {
    "log cosh": (lambda x: np.log(np.cosh(x)), [lambda g, y, x: g * np.tanh(x)], [], {}),
    "log cosh for large x": (
        lambda x: np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))) - math.log(2),
        [lambda g, y, x: g * np.tanh(x)],
        [],
        {},
    ),
    "smooth hinge": (
        lambda z: np.where(z <= 0, 0.5 - z, np.where(z < 1, (1 - z) ** 2 / 2, 0)),
        [lambda g, y, z: g * np.where(z <= 0, -1, np.where(z < 1, z - 1, 0))],
        [],
        {},
    ),
    "Box-Cox": (
        lambda x, p: (x**p - 1) / p,
        [lambda g, y, x, p: g * x ** (p - 1), lambda g, y, x, p: g * (x**p * np.log(x) - y) / p],
        [POSITIVE, POSITIVE],
        {},
    ),
    "gelu": (
        lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
        [lambda g, y, x: g * (0.5 * (1 + erf(x / 2**0.5)) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi))],
        [],
        {},
    ),
    "gelu by tanh": (lambda x: 0.5 * x * (1 + np.tanh(GELU * (x + 0.044715 * x**3))), [gelu_rule], [], {}),
    "softplus": (
        lambda x, beta=1: np.log1p(np.exp(beta * x)) / beta,
        [lambda g, y, x, beta=1: g * expit(beta * x)],
        [],
        {"beta": POSITIVE},
    ),
    "leaky relu": (
        lambda x, slope: np.where(x > 0, x, slope * x),
        [lambda g, y, x, slope: g * np.where(x > 0, 1, slope), lambda g, y, x, slope: g * np.where(x > 0, 0, x)],
        [],
        {},
    ),
    "huber": (
        lambda x, delta=1.0: np.where(np.abs(x) <= delta, x**2 / 2, delta * (np.abs(x) - delta / 2)),
        [lambda g, y, x, delta=1.0: g * np.clip(x, -delta, delta)],
        [],
        {},
    ),
    "choice": (
        lambda c, x: np.where(c, x**2, x**3),
        [None, lambda g, y, c, x: g * np.where(c, 2 * x, 3 * x**2)],
        [bool, (-math.inf, math.inf)],
        {},
    ),
    "power of a constant": (lambda x, n: x**n, [lambda g, y, x, n: g * n * x ** (n - 1), None], [NEGATIVE, 3], {}),
    "softmax of the whole array": (
        lambda x: np.exp(x - x.max()) / np.sum(np.exp(x - x.max())),
        [lambda g, y, x: y * (g - (g * y).sum())],
        [],
        {},
    ),
    "a mean": (np.mean, [lambda g, y, x: g / x.size * np.ones_like(x)], [], {}),
    "a constant array": (lambda a, b: a * b, [lambda g, y, a, b: g * b, None], [POSITIVE, np.ones((3, 2))], {}),
    "a slope that is infinite at 0": (np.cbrt, [lambda g, y, x: g / (3 * y**2)], [], {}),
    "a slope that is infinite inside the domain": (
        lambda x: entr(x),
        [lambda g, y, x: -g * (np.log(x) + 1)],
        [(-1, 2)],
        {},
    ),
    "a border of high order": (
        lambda x: np.where(x**7 > 0, x, 2 * x),
        [lambda g, y, x: g * np.where(x > 0, 1, np.where(x < 0, 2, 1))],
        [],
        {},
    ),
    "the largest entry, or a bound": (
        lambda x: np.max(x, initial=-5.0),
        [lambda g, y, x: g * (x == y) / np.maximum(np.sum(x == y), 1)],
        [],
        {},
    ),
    "numbers that rounding has changed": (lambda x: 0.3 * x, [lambda g, y, x: g * (0.1 + 0.2)], [], {}),
    "a logarithm of many digits": (lambda x: 3**x, [lambda g, y, x: g * y * math.log(3)], [], {}),
    "inputs without names": (lambda a, b: a + b, [lambda g, y, _, __: g, lambda g, y, _, __: g], [], {}),
    "a pole": (lambda x: 1 / (x - 2), [lambda g, y, x: -g / (x**2 - 4 * x + 4)], [], {}),
    "kinks that meet": (
        lambda a, b: np.maximum(np.minimum(a, b), 0),
        [lambda g, y, a, b: g * ((a >= 0) & (a <= b)), lambda g, y, a, b: g * ((b < a) & (b >= 0))],
        [],
        {},
    ),
    "eight kinks": (
        lambda x: sum(np.maximum(x - i, 0) for i in range(8)),
        [lambda g, y, x: g * sum(1 * (x > i) for i in range(8))],
        [],
        {},
    ),
    "steps": (lambda x: x - np.floor(x), [lambda g, y, x: g], [], {}),
    "between 0 and 1": (lambda p: np.log(p / (1 - p)), [lambda g, y, p: g / (p * (1 - p))], [(0, 1)], {}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_rule_is_proved(name: str) -> None:
    formula, rules, domains, options = RIGHT[name]
    proof = prove(function(*rules)(formula), *domains, **options)
    assert proof, proof
    assert repr(proof) == "proved"


# Wrong rules: what they are for, the rules, and the words of the counterexample.
WRONG: dict[str, tuple[Callable[..., Any], list[Any], str]] = {
    "a missing factor": (lambda x: x**3, [lambda g, y, x: g * x**2], "the gradient for x[0] is"),
    "a sign": (lambda x: np.cos(x), [lambda g, y, x: g * np.sin(x)], "by the rule, but"),
    "a constant with few digits": (np.exp2, [lambda g, y, x: g * y * 0.6931], "the gradient for x[0] is"),
    "one of two inputs": (
        lambda a, b: a * b,
        [lambda g, y, a, b: g * b, lambda g, y, a, b: g * b],
        "the gradient for b[0] is",
    ),
    "one of the cases": (
        lambda z: np.where(z < 1, (1 - z) ** 2, 0),
        [lambda g, y, z: g * np.where(z < 1, 2 * (1 - z), 0)],
        "the gradient for z[",
    ),
    "a kink": (lambda x: np.maximum(x, 0), [lambda g, y, x: g * np.where(x == 0, 2, x > 0)], "at x[0] = 0"),
    "another order of entries": (np.sin, [lambda g, y, x: (g * np.cos(x))[::-1]], "the gradient for x[0] is"),
    "the other cotangent": (np.sin, [lambda g, y, x: g[::-1] * np.cos(x)], "g[1] = "),
    "a shape that does not fit": (
        np.sin,
        [lambda g, y, x: np.concatenate([g, g])],
        "has shape (4,) by the rule, but x has shape (2,)",
    ),
    "right for two entries alone": (np.mean, [lambda g, y, x: g / 2 * np.ones_like(x)], "the gradient for x[0] is"),
    "a factor that differs late": (lambda x: 2.0000000001 * x, [lambda g, y, x: g * 2], "6.0000000003"),
    "NaN at 0": (np.sinc, [lambda g, y, x: g * (np.cos(np.pi * x) - y) / x], "is nan by the rule"),
    "NaN below 0": (lambda x: x**2, [lambda g, y, x: 2 * g * np.sqrt(x) ** 2], "is nan by the rule"),
    "0 times infinity": (lambda x: x**2, [lambda g, y, x: 2 * g * x**3 * x**-2.0], "is nan by the rule"),
    "both of two that tie": (
        np.maximum,
        [lambda g, y, a, b: g * (a >= b), lambda g, y, a, b: g * (b >= a)],
        "on one side",
    ),
    "a kink without g": (np.abs, [lambda g, y, x: np.where(x == 0, 0.3, g * np.sign(x))], "on one side"),
    "a gradient of one number": (np.sum, [lambda g, y, x: g], "has shape () by the rule"),
    "names that are the same": (
        lambda a, b: a * b,
        [lambda g, y, _x, x: 2 * g * x, lambda g, y, a, b: 2 * g * a],
        "the gradient for x0[0] is",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_rule_is_refuted_with_a_counterexample(name: str) -> None:
    formula, rules, words = WRONG[name]
    proof = prove(function(*rules)(lambda *inputs: formula(*inputs)))
    assert proof.verdict == "refuted"
    assert not proof
    assert words in proof.reason


def test_the_counterexample_has_the_numbers_of_the_rule_and_of_the_derivative() -> None:
    square = function(lambda g, y, x: g * x)(lambda x: x**2)
    reason = prove(square).reason
    found = re.fullmatch(
        r"the gradient for x\[0\] is (\S+) by the rule, but (\S+) by the derivative, "
        r"at x\[0\] = (\S+), g\[0\] = (\S+)",
        reason,
    )
    assert found, reason
    by_rule, derivative, x, g = map(sympy.Rational, found.groups())
    assert (by_rule, derivative) == (g * x, 2 * g * x)


# What cannot be decided, and why.
UNDECIDED: dict[str, tuple[Callable[..., Any], Any, str]] = {
    "numbers asked for": (lambda x: np.sin(x), lambda g, y, x: g * math.cos(x), "must be real number"),
    "an if": (lambda x: x if x > 0 else 0 * x, lambda g, y, x: g, "truth value of an array"),
    "entries asked for": (lambda x: np.sort(x), lambda g, y, x: g, "what sort means in algebra is not known here"),
    "integers": (lambda x: x.astype(np.int64), lambda g, y, x: g, "converts an array of real numbers to int64"),
    "an option of NumPy's": (lambda x: np.exp(x, where=[True, False]), lambda g, y, x: g, "with the option where="),
    "another option": (lambda x: np.max(x, where=[True, False], initial=0), lambda g, y, x: g, "'where'"),
    "a rule that writes to g": (lambda x: 2 * x, lambda g, y, x: np.multiply(g, 2, out=g), "read-only"),
    "an error of the function": (lambda x: x + x[2], lambda g, y, x: g, "out of bounds"),
    "an unknown function": (lambda x: np.spacing(x), lambda g, y, x: g, "what spacing means in algebra"),
    "zeros that are not found": (
        lambda x: np.where(np.exp(x) + x**3 > 5, x, 0),
        lambda g, y, x: g,
        "could not be found",
    ),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_what_cannot_be_decided_says_why(name: str) -> None:
    formula, rule, words = UNDECIDED[name]
    proof = prove(function(rule)(formula))
    assert proof.verdict == "undecided"
    assert not proof
    assert words in proof.reason


def test_a_difference_that_sympy_cannot_simplify_is_checked_at_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_mlp.testing.equality._is_zero", lambda difference: False)
    monkeypatch.setattr("tinygrad_mlp.testing.equality._is_rounding", lambda difference, expected: False)
    proof = prove(function(lambda g, y, x: g * (1 + np.tanh(x)) * (1 - np.tanh(x)))(np.tanh))
    assert proof.verdict == "undecided"
    assert "to 0, which it is to 50 digits at 200 points" in proof.reason


def test_all_combinations_of_truth_values_are_tried() -> None:
    choose = function(None, None, lambda g, y, c, d, x: g)(lambda c, d, x: np.where(c == d, x, 3 * x))
    assert prove(choose, bool, bool, (-math.inf, math.inf)).verdict == "refuted"


def test_a_program_that_is_read_in_another_way_than_numpy_computes_it_is_undecided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(MEANINGS, np.exp, lambda x: 2**x)
    proof = prove(function(lambda g, y, x: g * np.exp(x) * math.log(2))(np.exp))
    assert proof.verdict == "undecided"
    assert re.search(r"NumPy computes .* where .* is read as algebra", proof.reason)


def test_a_formula_stands_for_a_program_that_cannot_be_read() -> None:
    @tg.differentiable(lambda g, y, x: g * expit(x))
    def softplus(x: Any) -> Any:
        return np.asarray([math.log1p(math.exp(entry)) for entry in x])

    assert prove(softplus).verdict == "undecided"
    assert prove(softplus, formula=lambda x: np.log(1 + np.exp(x)))
    assert prove(softplus, formula=lambda x: np.log(2 + np.exp(x))).verdict == "refuted"


def test_calls_that_make_no_sense_are_refused() -> None:
    square = function(lambda g, y, x: g * 2 * x)(lambda x: x**2)
    with pytest.raises(TypeError, match="takes a function with a rule for each input, and cos has none"):
        prove(math.cos)
    with pytest.raises(TypeError, match="has 1 inputs, but the number of domains is 2"):
        prove(square, POSITIVE, POSITIVE)
    with pytest.raises(TypeError, match=r"no rule of <lambda> has the option scale"):
        prove(square, scale=POSITIVE)
    with pytest.raises(TypeError, match=r"a domain is an interval \(low, high\), bool, or a constant .* not \[0, 1\]"):
        prove(square, [0, 1])
    with pytest.raises(ValueError, match="needs an interval such as"):
        prove(square, np.ones(2))
    with pytest.raises(ValueError, match=r"an interval \(low, high\) with low < high, not \(1, 0\)"):
        prove(square, (1, 0))


# --- the parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.1, sympy.Rational(1, 10)), (1 / 3, sympy.Rational(1, 3)), (2, sympy.Integer(2)), (True, sympy.Integer(1)),
        (math.log(2), sympy.log(2)), (-math.sqrt(2 / math.pi), -sympy.sqrt(2 / sympy.pi)), (math.inf, sympy.oo),
        (2 / math.sqrt(math.pi), 2 / sympy.sqrt(sympy.pi)), (1 / math.sqrt(2 * math.pi), 1 / sympy.sqrt(2 * sympy.pi)),
        (np.float32(0.5), sympy.Rational(1, 2)), (0.0123456789, sympy.Rational(123456789, 10**10)),
        (math.nan, sympy.nan),
    ],
)  # fmt: skip
def test_floats_are_read_as_the_numbers_they_stand_for(number: Any, expected: Any) -> None:
    assert exact(number) == expected or (expected is sympy.nan and exact(number) is sympy.nan)


def test_a_piece_is_cut_where_a_comparison_changes() -> None:
    x = sympy.Symbol("x", real=True)
    line = Piece({x: sympy.Symbol("r", real=True)})
    with pytest.raises(SignChanges) as error:
        line.sign(x**2 - 1)
    below, border, above = line.cut(error.value.expression)
    assert [piece.centre().sign(x + 1) for piece in (below, border, above)] == [-1, 0, 1]
    assert [side.sign(x + 1) for side in border.sides()] == [-1, 1]
    assert below.sign(x**2 - 1) == 1


def test_arrays_of_symbols_follow_numpy() -> None:
    entries = np.array([[sympy.Symbol(f"x{i}{j}", positive=True) for j in range(3)] for i in range(2)])
    x = SymbolicArray(entries, Piece({symbol: symbol for symbol in entries.flat}))
    assert np.sum(x, axis=0).shape == (3,)
    assert (x @ x.T).entries[0, 1] == sum(entries[0] * entries[1])
    assert np.concatenate([x, x], axis=1).shape == (2, 6)
    assert np.einsum("ij->ji", x).entries[2, 1] == entries[1, 2]
    assert np.prod(x).entries == sympy.prod(list(entries.flat))
    assert np.where(x, 1, 0).entries.tolist() == [[1] * 3] * 2
    assert bool(x[0, 0] > 0)
    assert not (x <= 0).any()
    assert np.max(SymbolicArray([1, 3, 2], x.piece), axis=0, keepdims=True).entries.tolist() == [3]
    total = x.sum(axis=1)
    total -= total
    assert total.entries.tolist() == [0, 0]
    with pytest.raises(TypeError, match="asks for the entries"):
        np.asarray(x)
    with pytest.raises(TypeError, match=r"write np\.where instead of if"):
        bool(x)
    with pytest.raises(AttributeError, match="has no tolist"):
        x.tolist()
    with pytest.raises(TypeError, match=r"calls numpy\.multiply\.accumulate"):
        np.multiply.accumulate(x)
