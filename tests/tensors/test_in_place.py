"""Operations in place change the memory of a Tensor, and raise where a gradient would be lost."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import Array, leaf

import tinygrad_mlp as tg

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])


IN_PLACE: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Any]]] = {
    "add_": (lambda x: x.add_(0.25), lambda a: a + 0.25),
    "add_ with alpha": (lambda x: x.add_(tg.tensor([1.0, 2.0, 3.0]), alpha=-0.5), lambda a: a - [0.5, 1, 1.5]),
    "sub_": (lambda x: x.sub_(2), lambda a: a - 2),
    "sub_ with alpha": (lambda x: x.sub_([1.0, 2.0, 3.0], alpha=2), lambda a: a - [2, 4, 6]),
    "mul_": (lambda x: x.mul_(2), lambda a: a * 2),
    "div_": (lambda x: x.div_(2), lambda a: a / 2),
    "copy_": (lambda x: x.copy_(np.array([7, 8, 9])), lambda a: a * 0 + [7, 8, 9]),
    "fill_": (lambda x: x.fill_(9), lambda a: a * 0 + 9),
    "zero_": (lambda x: x.zero_(), lambda a: a * 0),
    "+=": (lambda x: operator.iadd(x, np.ones(3)), lambda a: a + 1),
    "-=": (lambda x: operator.isub(x, 1), lambda a: a - 1),
    "*=": (lambda x: operator.imul(x, 3), lambda a: a * 3),
    "/=": (lambda x: operator.itruediv(x, 4), lambda a: a / 4),
    "**=": (lambda x: operator.ipow(x, 3), lambda a: a**3),
    "//=": (lambda x: operator.ifloordiv(x, 0.5), lambda a: a // 0.5),
    "%=": (lambda x: operator.imod(x, 0.75), lambda a: a % 0.75),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place_operations(name: str) -> None:
    change, expected = IN_PLACE[name]
    for dtype in (np.float32, np.float64):
        x = tg.tensor(X.astype(dtype))
        memory = x.numpy()
        assert change(x) is x
        np.testing.assert_allclose(memory, expected(X), rtol=1e-6)
        assert x.dtype == dtype


@pytest.mark.parametrize("name", IN_PLACE)
def test_a_tensor_that_needs_its_gradient_is_not_changed_in_place(name: str) -> None:
    change, expected = IN_PLACE[name]
    x = leaf(X)
    y = x * 2
    with pytest.raises(RuntimeError, match=r"leaf that requires a gradient in place: put it under no_grad\(\)"):
        change(x)
    with pytest.raises(RuntimeError, match=r"computed Tensor in place, of which its gradient would know nothing"):
        change(y)
    np.testing.assert_array_equal(x.detach(), X)
    np.testing.assert_array_equal(y.detach(), 2 * X)
    with tg.no_grad():
        assert change(x) is x
    np.testing.assert_allclose(x.detach(), expected(X))
    assert x.requires_grad


def test_a_tensor_that_requires_a_gradient_is_not_written_into_a_constant() -> None:
    plain, x = tg.tensor(X), leaf(X)
    for change in (plain.add_, plain.copy_, lambda value: plain.__setitem__(0, value[0])):
        with pytest.raises(RuntimeError, match="not recorded"):
            change(x)
    np.testing.assert_array_equal(plain, X)


def test_an_integer_tensor_refuses_fractions_in_place() -> None:
    x = tg.tensor([1, 2])
    with pytest.raises(TypeError, match="cast"):
        x.add_(0.5)
    np.testing.assert_array_equal(x, [1, 2])


@pytest.mark.parametrize("change", [operator.iand, operator.ior, operator.ixor])
def test_bitwise_operators_in_place(change: Callable[[Any, Any], Any]) -> None:
    bits = np.array([5, 3, 6])
    x = tg.tensor(bits)
    assert change(x, 2) is x
    np.testing.assert_array_equal(x, change(bits, 2))
