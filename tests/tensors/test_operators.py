"""Operators of Tensors compute what NumPy's compute, whichever side the Tensor stands on."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])


OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.eq, operator.ne, operator.lt,
    operator.le, operator.gt, operator.ge, operator.mod, operator.floordiv,
]  # fmt: skip
A, B = np.array([[0.5, 1.5, 2.0]]), np.array([[1.0], [2.0]])
OTHERS = [B, 2, 2.0, True, np.float64(2), np.int64(2), np.array(2.0), np.array([2, 1, 3])]


@pytest.mark.parametrize("operation", OPERATORS, ids=lambda operation: operation.__name__)
@pytest.mark.parametrize("other", OTHERS, ids=lambda other: f"{type(other).__name__}{np.shape(other)}")
def test_operators_work_from_either_side(operation: Callable[[Any, Any], Any], other: Any) -> None:
    x = leaf(A)
    for given_other in (other, tg.tensor(other)):
        for result, expected in [
            (operation(x, given_other), operation(A, other)),
            (operation(given_other, x), operation(other, A)),
        ]:
            assert type(result) is tg.Tensor
            np.testing.assert_allclose(result.detach(), expected, rtol=1e-15)
            assert result.dtype == np.asarray(expected).dtype
            assert result.requires_grad == (result.dtype != np.bool_)


def test_comparing_a_tensor_with_none_is_false() -> None:
    assert (leaf(X) == None) is False  # noqa: E711
    assert (leaf(X) != None) is True  # noqa: E711


def test_matrix_products_from_either_side() -> None:
    x = leaf(X)
    vectors = [(np.ones(2), x), (x, np.ones(3)), ([1.0, 1.0], x), (x, [1.0, 1.0, 1.0])]
    for left, right in [(x, X.T), (X.T, x), (x, x.T), *vectors]:
        product = left @ right
        plain = [np.asarray(o.detach() if isinstance(o, tg.Tensor) else o) for o in (left, right)]
        assert type(product) is tg.Tensor
        np.testing.assert_allclose(product.detach(), plain[0] @ plain[1])
    assert (x[0] @ x[1]).shape == ()


def test_lists_are_operands_too() -> None:
    x = leaf(A)
    np.testing.assert_array_equal((x - [1, 2, 3]).detach(), A - [1, 2, 3])
    np.testing.assert_array_equal(([1, 2, 3] * x).detach(), A * [1, 2, 3])


def test_unary_operators() -> None:
    x = leaf(X)
    assert +x is x
    np.testing.assert_array_equal((-x).detach(), -X)
    np.testing.assert_array_equal(abs(x).detach(), abs(X))
    np.testing.assert_array_equal(~(x > 0), X <= 0)
    np.testing.assert_array_equal((x > 0) & (x < 1), (X > 0) & (X < 1))
    np.testing.assert_array_equal((x > 3) | (x < 0), (X > 3) | (X < 0))


@pytest.mark.parametrize("operation", [operator.and_, operator.or_, operator.xor])
def test_logic_works_from_either_side(operation: Callable[[Any, Any], Any]) -> None:
    for one, other in [(X > 0, tg.tensor(X > 1)), (tg.tensor(X > 0), X > 1)]:
        np.testing.assert_array_equal(operation(one, other), operation(X > 0, X > 1))


def test_logic_of_integers_is_bitwise() -> None:
    """As in PyTorch and NumPy, 6 & 3 is 2 and ~6 is −7. Floats have no bitwise operators."""
    for operation in (lambda x: x & 3, lambda x: 3 | x, lambda x: 3 ^ x, operator.inv):
        np.testing.assert_array_equal(operation(tg.tensor([6])), operation(np.array([6])))
        with pytest.raises(TypeError, match=r"bitwise|invert"):
            operation(tg.tensor([6.0]))


def test_shapes_that_do_not_fit_are_named_with_the_line() -> None:
    x = leaf(X)
    with pytest.raises(ValueError, match=r"add at test_operators.py:\d+ of shapes \(2, 3\) and \(4,\)"):
        x + np.ones(4)
    with pytest.raises(ValueError, match=r"matmul at test_operators.py:\d+ of shapes \(2, 3\) and \(2, 3\)"):
        x @ x
    with pytest.raises(ValueError, match=r"reshape at test_operators.py:\d+ of shapes \(2, 3\)"):
        x.reshape(4)
