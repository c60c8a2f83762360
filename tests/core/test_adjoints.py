"""Rules of linear functions are their exact adjoints: over large integers, and over symbols for all small calls."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from adjoints import LINEAR, SHAPES, SmallCalls, check_adjoint, of_one, prove_adjoint
from hypothesis import assume, given
from hypothesis import strategies as st
from ops import CASES, ROWS, Arguments
from strategies import generators
from test_mutants import expected_mutants

from tinygrad_mlp.core import functions as f
from tinygrad_mlp.core.sheet import sheet
from tinygrad_mlp.testing import check_rules
from tinygrad_mlp.testing.strategies import Array, Shape

CASE_OF = {case.function: case for case in CASES}
every_row = pytest.mark.parametrize("function", LINEAR, ids=lambda function: function.__name__)


def integers(shape: Shape) -> st.SearchStrategy[Array]:
    """Arrays of Python's ints beyond 2⁶⁴, which neither float64 nor int64 holds.

    If a single product is left of a contraction, NumPy computes that of smaller ints in int64, where it can overflow.
    """

    def drawn(generator: np.random.Generator) -> Array:
        signs = generator.choice([-1, 1], np.prod(shape, dtype=int)).tolist()
        entries = [sign * (2**64 + int.from_bytes(generator.bytes(8), "little")) for sign in signs]
        return np.reshape(np.array(entries, object), shape)

    return generators.map(drawn)


@st.composite
def exact_calls(draw: st.DrawFn, function: Callable[..., Any]) -> Arguments:
    """A call that the case of `function` draws, with ints for its numbers."""
    operands, options = draw(CASE_OF[function].calls)
    if function is np.matmul:  # vectors get a second dimension, as in `tensors.operators.matrix_product`
        operands = (np.atleast_2d(operands[0]), operands[1] if operands[1].ndim > 1 else operands[1][:, None])
    if function is np.flip:  # NumPy flips a number to itself rather than to an array, if it is an object
        assume(operands[0].ndim)
    if function is f.astype:
        options = {"dtype": np.dtype(object)}
    return tuple(x if x is None else draw(integers(x.shape)) for x in operands), options


@every_row
@given(data=st.data())
def test_the_identity_is_exact_over_integers(function: Callable[..., Any], data: st.DataObject) -> None:
    operands, options = data.draw(exact_calls(function))
    check_adjoint(function, operands, options, lambda shape: data.draw(integers(shape)))


@every_row
def test_the_rules_are_proved_for_all_small_calls_and_no_damaged_one_is(function: Callable[..., Any]) -> None:
    def check() -> None:
        assert prove_adjoint(function) >= len(SHAPES)

    caught = check_rules(function, check=check, order=1)
    assert len(caught) == expected_mutants(ROWS[function])


def test_a_proof_refuses_what_is_not_linear(monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity alone would hold of g·x as well, which is half the derivative of x²."""
    monkeypatch.setitem(LINEAR, np.square, SmallCalls(lambda: of_one(SHAPES), ""))
    monkeypatch.setitem(sheet, np.square, (lambda g, y, x: g * x,))
    with pytest.raises(AssertionError, match="square or its rule is not linear in a: "):
        prove_adjoint(np.square)


def test_a_proof_refuses_a_rule_that_compares_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does for symbols, it need not do for all numbers."""
    monkeypatch.setitem(sheet, f.clone, (lambda g, y, x: np.where(x != 0, g, g + 1),))
    with pytest.raises(TypeError, match="an entry is compared"):
        prove_adjoint(f.clone)
