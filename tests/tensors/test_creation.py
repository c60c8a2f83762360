"""Tensors are made with the values, shapes and dtypes that NumPy gives, and share memory only where they say so."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import Array

import tinygrad_mlp as tg

# --- constants, rows of numbers, drawn numbers ------------------------------------------------------------------------

CREATED: dict[str, tuple[Callable[[], tg.Tensor], Any]] = {
    "tensor": (lambda: tg.tensor([[1, 2.5]]), np.array([[1, 2.5]], np.float32)),
    "tensor of integers": (lambda: tg.tensor([1, 2]), np.array([1, 2])),
    "tensor of truths": (lambda: tg.tensor(True), np.array(True)),
    "tensor of an array": (lambda: tg.tensor(np.ones(2)), np.ones(2)),
    "tensor of a tensor": (lambda: tg.tensor(tg.ones(2)), np.ones(2, np.float32)),
    "tensor of tensors": (lambda: tg.tensor([tg.ones(2), (3, tg.tensor(4))]), np.array([[1, 1], [3, 4]], np.float32)),
    "tensor of a wide tensor": (lambda: tg.tensor([1.0, tg.tensor(2.0, dtype=tg.float64)]), np.array([1.0, 2.0])),
    "tensor of a wide array": (lambda: tg.tensor([[1, 2], np.ones(2)]), np.array([[1, 2], [1.0, 1.0]])),
    "tensor of a wide number": (lambda: tg.tensor([[0.5], [np.float64(2)]]), np.array([[0.5], [2.0]])),
    "tensor of a narrow number": (lambda: tg.tensor([np.float32(0.5), 1]), np.array([0.5, 1], np.float32)),
    "tensor of nothing": (lambda: tg.tensor([]), np.array([], np.float32)),
    "tensor, converted": (lambda: tg.tensor([1, 2], dtype=tg.float64), np.array([1.0, 2])),
    "zeros": (lambda: tg.zeros(2, 3), np.zeros((2, 3), np.float32)),
    "zeros of a tuple": (lambda: tg.zeros((2, 3)), np.zeros((2, 3), np.float32)),
    "zeros of a list": (lambda: tg.zeros([2, 0]), np.zeros((2, 0), np.float32)),
    "a zero": (lambda: tg.zeros(()), np.zeros((), np.float32)),
    "ones": (lambda: tg.ones(3), np.ones(3, np.float32)),
    "ones of integers": (lambda: tg.ones(3, dtype=tg.int64), np.ones(3, np.int64)),
    "ones of doubles": (lambda: tg.ones(3, dtype=tg.float64), np.ones(3)),
    "full": (lambda: tg.full((2,), 1.5), np.full(2, 1.5, np.float32)),
    "full of integers": (lambda: tg.full((2,), 7), np.array([7, 7])),
    "full of truths": (lambda: tg.full((2,), True), np.array([True, True])),
    "zeros_like": (lambda: tg.zeros_like(tg.ones(2, dtype=tg.float64)), np.zeros(2)),
    "ones_like": (lambda: tg.ones_like(tg.tensor([1, 2])), np.array([1, 1])),
    "ones_like, converted": (lambda: tg.ones_like(tg.tensor([1, 2]), dtype=tg.float32), np.ones(2, np.float32)),
    "eye": (lambda: tg.eye(2), np.eye(2, dtype=np.float32)),
    "eye, not square": (lambda: tg.eye(2, 3), np.eye(2, 3, dtype=np.float32)),
    "arange": (lambda: tg.arange(3), np.array([0, 1, 2])),
    "arange from": (lambda: tg.arange(2, 5), np.array([2, 3, 4])),
    "arange in steps": (lambda: tg.arange(5, 1, -2), np.array([5, 3])),
    "arange of fractions": (lambda: tg.arange(0, 1, 0.5), np.array([0, 0.5], np.float32)),
    "arange, converted": (lambda: tg.arange(2, dtype=tg.float64), np.array([0.0, 1])),
    "linspace": (lambda: tg.linspace(0, 1, 3), np.array([0, 0.5, 1], np.float32)),
    "linspace between Tensors": (lambda: tg.linspace(tg.tensor(0), tg.ones(1), 3), np.array([0, 0.5, 1], np.float32)),
    "cat with shape (0,)": (
        lambda: tg.cat([tg.zeros(0), tg.ones(2, 1), tg.zeros(0, dtype=np.float64)], dim=-1),
        np.ones((2, 1)),
    ),
    "cat": (lambda: tg.cat([tg.ones(1), tg.zeros(2)]), np.array([1, 0, 0], np.float32)),
    "cat along a dimension": (
        lambda: tg.cat([tg.ones(2, 1), tg.zeros(2, 2)], dim=-1),
        np.eye(3, dtype=np.float32)[[0, 0]],
    ),
    "stack": (lambda: tg.stack([tg.ones(2), tg.zeros(2)], dim=1), np.array([[1, 0], [1, 0]], np.float32)),
    "where": (lambda: tg.where(tg.tensor([True, False]), tg.ones(2), -1.0), np.array([1, -1], np.float32)),
    "maximum": (lambda: tg.maximum(tg.tensor([1, 5]), tg.tensor([3, 4])), np.array([3, 5])),
    "minimum": (lambda: tg.minimum(tg.tensor([1, 5]), 2), np.array([1, 2])),
    "einsum": (lambda: tg.einsum("ij->j", tg.ones(3, 2)), np.array([3, 3], np.float32)),
    "cat flattened": (
        lambda: np.concatenate([tg.eye(2), tg.ones(1)], axis=None),
        np.array([1, 0, 0, 1, 1], np.float32),
    ),
    "einsum of arrays": (lambda: tg.einsum("i,i", np.arange(3), np.arange(3)), np.array(5)),
    "from_numpy": (lambda: tg.from_numpy(np.arange(3)), np.arange(3)),
}


@pytest.mark.parametrize("name", CREATED)
def test_creation_functions_equal_numpys(name: str) -> None:
    make, expected = CREATED[name]
    made = make()
    assert type(made) is tg.Tensor
    assert made.requires_grad is False
    assert made.dtype == expected.dtype
    np.testing.assert_array_equal(made, expected, strict=True)


@pytest.mark.parametrize("make", [
    lambda **how: tg.zeros(2, **how), lambda **how: tg.ones(2, **how), lambda **how: tg.full((2,), 1.0, **how),
    lambda **how: tg.zeros_like(tg.ones(2), **how), lambda **how: tg.ones_like(tg.ones(2), **how),
    lambda **how: tg.eye(2, **how), lambda **how: tg.arange(0.0, 2.0, **how), lambda **how: tg.linspace(0, 1, 2, **how),
    lambda **how: tg.rand(2, **how), lambda **how: tg.randn(2, **how),
])  # fmt: skip
def test_creation_functions_take_requires_grad_and_dtype(make: Callable[..., tg.Tensor]) -> None:
    assert make(requires_grad=True).is_leaf
    assert make(requires_grad=True).requires_grad
    assert make(dtype=tg.float64).dtype == np.float64
    with pytest.raises((RuntimeError, TypeError), match=r"only floating|float32 or float64, not int64"):
        make(dtype=tg.int64, requires_grad=True)


def test_floats_become_the_default_dtype() -> None:
    tg.set_default_dtype(tg.float64)
    try:
        made = [
            tg.zeros(1),
            tg.full((1,), 0.5),
            tg.eye(1),
            tg.arange(0.0, 1.0),
            tg.linspace(0, 1, 2),
            tg.rand(1),
            tg.randn(1),
        ]
        assert {x.dtype for x in made} == {np.dtype(np.float64)}
        assert tg.arange(2).dtype == np.int64
    finally:
        tg.set_default_dtype(tg.float32)


# --- sharing with NumPy -----------------------------------------------------------------------------------------------


def test_tensor_copies_an_array_and_from_numpy_shares_it() -> None:
    array = np.zeros(3)
    made, shared = tg.tensor(array), tg.from_numpy(array)
    array[0] = 1
    np.testing.assert_array_equal(made, [0, 0, 0])
    np.testing.assert_array_equal(shared, [1, 0, 0])
    shared.add_(1)
    np.testing.assert_array_equal(array, [2, 1, 1])


def test_from_numpy_shares_its_memory_both_ways() -> None:
    array = np.zeros((2, 3), np.float32)
    x = tg.from_numpy(array)
    array[0, 0] = 1
    x.add_(1)
    np.testing.assert_array_equal(array, x.numpy(), strict=True)
    assert np.shares_memory(array, x.numpy())


@pytest.mark.parametrize(
    "view", [lambda a: a, lambda a: a[1:], lambda a: a.T, lambda a: a[::2]], ids=["all", "part", "T", "some"]
)
def test_a_write_between_forward_and_backward_is_noticed(view: Callable[[Array], Array]) -> None:
    array = np.arange(12.0).reshape(4, 3)
    x = tg.from_numpy(view(array))
    w = tg.ones(*x.shape, dtype=tg.float64, requires_grad=True)
    loss = (x * w).sum()
    array[2, 2] += 1  # an entry that each of the views has
    with pytest.raises(RuntimeError, match="multiply"):
        loss.backward()
    (x * w).sum().backward()
    np.testing.assert_array_equal(w.grad, view(array))


def test_a_write_before_the_forward_pass_does_no_harm() -> None:
    array = np.arange(3.0)
    x = tg.from_numpy(array)
    array[0] = 7
    w = tg.ones(3, dtype=tg.float64, requires_grad=True)
    (x * w).sum().backward()
    np.testing.assert_array_equal(w.grad, [7, 1, 2])


@pytest.mark.parametrize("make", [tg.zeros, tg.ones, tg.rand, tg.randn])
def test_a_size_may_be_numbers_a_tuple_or_a_list(make: Any) -> None:
    assert make(2, 3).shape == make((2, 3)).shape == make([2, 3]).shape == make(size=(2, 3)).shape == (2, 3)
    assert make(()).shape == make(size=()).shape == ()
