"""Sums of many float32 numbers keep their digits, along every axis and in every memory layout, in gradients as well."""

from collections.abc import Callable
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.core.functions import summed

ROWS = 60_000
MANY = np.full((ROWS, 2), 0.1, np.float32)  # 0.1 is rounded in float32, and each sum of it is rounded the same way


def bias_gradient(x: tg.Tensor) -> tg.Tensor:
    layer = nn.Linear(1, 2)
    (layer(tg.ones(len(x), 1)) * x).sum().backward()
    assert layer.bias is not None
    assert layer.bias.grad is not None
    return layer.bias.grad


def broadcast_gradient(x: tg.Tensor) -> tg.Tensor:
    shift = tg.zeros(2, requires_grad=True)
    ((x + shift) * x).sum().backward()
    assert shift.grad is not None
    return shift.grad


def layer_norm_bias_gradient(x: tg.Tensor) -> tg.Tensor:
    layer = nn.LayerNorm(2)
    (layer(tg.randn(*x.shape)) * x).sum().backward()
    assert isinstance(layer.bias, tg.Tensor)
    assert layer.bias.grad is not None
    return layer.bias.grad


def running_mean(x: tg.Tensor) -> tg.Tensor:
    layer = nn.BatchNorm1d(2, momentum=1.0)
    layer(x)
    assert isinstance(layer.running_mean, tg.Tensor)
    return layer.running_mean


def log_softmax_gradient(x: tg.Tensor) -> tg.Tensor:
    logits = tg.zeros(*x.shape, requires_grad=True)
    (logits.log_softmax(0) * x).sum().backward()
    assert logits.grad is not None
    return x[0] - logits.grad[0]  # the sum of x, divided by the number of rows


def cumulated_gradient(x: tg.Tensor) -> tg.Tensor:
    x = x.clone().requires_grad_()
    (x.cumsum(0) * MANY).sum().backward()
    assert x.grad is not None
    return x.grad[0]


def repeat_gradient(x: tg.Tensor) -> tg.Tensor:
    row = tg.zeros(1, 2, requires_grad=True)
    (row.repeat(len(x), 1) * x).sum().backward()
    assert row.grad is not None
    return row.grad


# What is computed of ROWS rows of 0.1, and what is right for 0.1.
CALLS: dict[str, tuple[Callable[[tg.Tensor], tg.Tensor], float]] = {
    "sum": (lambda x: x.sum(0), 0.1 * ROWS),
    "mean": (lambda x: x.mean(0), 0.1),
    "mean of a middle dimension": (lambda x: x.reshape(2, -1, 2).mean(1), 0.1),
    "mean of the first and the last dimension": (lambda x: x.reshape(-1, 2, 2).mean((0, 2)), 0.1),
    "sum of every other column": (lambda x: tg.cat([x, x], 1)[:, ::2].sum(), 0.2 * ROWS),
    "mean of columns in Fortran order": (lambda x: tg.tensor(np.asfortranarray(MANY)).mean(0), 0.1),
    "mean of the rows of a transpose": (lambda x: x.T.mean(1), 0.1),
    "norm": (lambda x: x.norm(dim=0), 0.1 * ROWS**0.5),
    "var": (lambda x: (x * tg.tensor([[1.0], [-1.0]]).repeat(ROWS // 2, 1)).var(0, correction=0), 0.01),
    "logsumexp": (lambda x: x.logsumexp(0), 0.1 + np.log(ROWS)),
    "cumsum": (lambda x: x.cumsum(0)[-1], 0.1 * ROWS),
    "numpy.sum": (lambda x: np.sum(x, axis=0), 0.1 * ROWS),  # type: ignore[call-overload]
    "einsum": (lambda x: tg.einsum("ij->j", x), 0.1 * ROWS),
    "the gradient of a bias": (bias_gradient, 0.1 * ROWS),
    "the gradient of a broadcast operand": (broadcast_gradient, 0.1 * ROWS),
    "the gradient of a LayerNorm's bias": (layer_norm_bias_gradient, 0.1 * ROWS),
    "the running mean of a BatchNorm": (running_mean, 0.1),
    "the gradient of log_softmax": (log_softmax_gradient, 0.1),
    "the gradient of cumsum": (cumulated_gradient, 0.1 * ROWS),
    "the gradient of repeat": (repeat_gradient, 0.1 * ROWS),
}


@pytest.mark.parametrize("name", CALLS)
def test_sums_of_many_rows_keep_their_digits(name: str) -> None:
    compute, right = CALLS[name]
    np.testing.assert_allclose(compute(tg.tensor(MANY)).detach().numpy(), right, rtol=1e-6)


def test_every_replay_of_a_captured_step_keeps_the_digits() -> None:
    step = tg.capture(lambda x: x.mean(0))
    for _ in range(3):
        np.testing.assert_allclose(step(tg.tensor(MANY)).numpy(), 0.1, rtol=1e-6)
    assert step.captured is True


# --- the summing function itself --------------------------------------------------------------------------------------

LAYOUTS: dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]] = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "every other column": lambda x: np.repeat(x, 2, -1)[..., ::2],
    "backwards": lambda x: x[::-1],
    "the first axis last in memory": lambda x: np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0),
}


@given(
    shape=st.lists(st.sampled_from([1, 2, 3, 65, 130]), min_size=1, max_size=3).map(tuple),
    layout=st.sampled_from(sorted(LAYOUTS)),
    dtype=st.sampled_from([np.float32, np.float64, np.int64]),
    keepdims=st.booleans(),
)
def test_any_axes_of_any_layout_are_summed(
    shape: tuple[int, ...], layout: str, dtype: type[np.generic], keepdims: bool
) -> None:
    x = LAYOUTS[layout](np.random.default_rng(0).uniform(1, 9, shape).astype(dtype))
    axes = range(len(shape))
    for axis in [None, *axes, -1, *chain.from_iterable(combinations(axes, n) for n in range(len(shape) + 1))]:
        total = summed(x, axis, keepdims)
        right = np.sum(x.astype(np.float64), axis=axis, keepdims=keepdims)  # type: ignore[arg-type]
        assert (total.shape, total.dtype) == (right.shape, dtype)
        np.testing.assert_allclose(total, right, rtol=1e-6)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (100, 0, 2), (0,), ()])
def test_empty_arrays_sum_to_zeros(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    for axis in (None, *range(len(shape))):
        np.testing.assert_array_equal(summed(x, axis), np.sum(x, axis=axis))


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 64, 100, 511, 512, 513, 1024, 5000, ROWS])
@pytest.mark.parametrize("columns", [1, 3, 10, 256])
def test_the_error_is_at_most_1e_6_up_to_512_rows_and_twice_a_pairwise_sums_above(rows: int, columns: int) -> None:
    random = np.random.default_rng(rows)
    for x in (np.full((rows, columns), 0.1, np.float32), random.random((rows, columns), np.float32)):
        right = np.sum(x, axis=0, dtype=np.float64)
        error = np.abs(summed(x, 0) / right - 1).max()
        pairwise = np.abs(np.sum(np.ascontiguousarray(x.T), axis=1) / right - 1).max()
        one_rounding = 2.0**-23  # a pairwise sum of equal numbers may happen to have no error at all
        assert error <= (1e-6 if rows <= 512 else 2 * max(pairwise, one_rounding))
