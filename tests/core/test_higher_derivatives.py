"""Gradients can be differentiated again, to any order and for any variable."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checks import equal
from numpy.typing import NDArray
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp.core import functions as f


def derivative(y: Any, x: tg.Tensor) -> Any:
    """The derivative of the sum of `y` with respect to `x`, with its graph."""
    x.grad = None
    y.sum().backward(create_graph=True, inputs=[x])
    slope, x.grad = x.grad, None
    return slope


def test_the_hessian_of_tanh_times_exp() -> None:
    points = np.linspace(-2, 2, 7)
    x = leaf(points)
    slope = derivative(np.sum(np.tanh(x) * np.exp(x)), x)
    t, e = np.tanh(points), np.exp(points)
    equal(slope, e * (t + 1 - t**2))
    hessian = []
    for i in range(points.size):
        slope[i].backward(retain_graph=True)
        hessian.append(x.grad.numpy())
        x.grad = None
    equal(np.array(hessian), np.diag(e * (t + 2 * (1 - t**2) - 2 * t * (1 - t**2))))


def test_derivatives_of_any_order() -> None:
    points = np.array([0.5, 1.5])
    for function, expected in [
        (np.exp, [np.exp(points)] * 6),
        (lambda x: x**5, [math.perm(5, k) * points ** max(5 - k, 0) for k in range(6)]),
        (np.log, [np.log(points), *((-1) ** (k - 1) * math.factorial(k - 1) * points**-k for k in range(1, 6))]),
    ]:
        x = leaf(points)
        y = function(x)
        for order in range(6):
            np.testing.assert_allclose(y.detach(), expected[order], rtol=1e-11, atol=1e-11)
            y = derivative(y + 0 * x, x)


def test_mixed_derivatives_do_not_depend_on_the_order() -> None:
    a, b = leaf(np.array(0.7)), leaf(np.array(-0.3))
    y = np.tanh(a * b) * np.exp(a - b * b)
    first = derivative(derivative(y, a), b)
    second = derivative(derivative(y, b), a)
    equal(first.detach(), second.detach())


def test_a_penalty_on_the_gradient_can_be_trained() -> None:
    w0, x0 = np.array([[0.5, -0.2], [0.1, 0.3]]), np.array([[1.0, 2.0]])

    def penalty(w: Any) -> Any:
        x = leaf(x0)
        f.linear(x, w, None).tanh().sum().backward(create_graph=True, inputs=[x])
        return (x.grad * x.grad).sum()

    w = leaf(w0)
    penalty(w).backward()
    step = 1e-6
    for entry in np.ndindex(w0.shape):
        moved = np.zeros_like(w0)
        moved[entry] = step
        slope = (penalty(leaf(w0 + moved)).item() - penalty(leaf(w0 - moved)).item()) / (2 * step)
        np.testing.assert_allclose(w.grad.numpy()[entry], slope, rtol=1e-7)


def hessian(function: Callable[[tg.Tensor], tg.Tensor], at: NDArray[np.float64]) -> NDArray[np.float64]:
    return tg.autograd.functional.hessian(function, tg.tensor(at)).numpy()  # type: ignore[no-any-return,union-attr]


def test_the_huber_loss_is_smooth_where_the_error_is_0() -> None:
    x = tg.tensor(np.array([[1.0, 2.0], [3.0, -1.0]]))
    for target in (x.sum(1), x.sum(1) + 0.25):
        loss = functools.partial(tg.nn.functional.huber_loss, target=target, reduction="sum")
        np.testing.assert_allclose(hessian(lambda w, loss=loss: loss(x @ w), np.ones(2)), (x.T @ x).numpy())  # type: ignore[misc]


@pytest.mark.parametrize("p", [1.5, 2, 3])
def test_second_derivatives_of_a_norm_at_0_are_nan_and_not_silently_0(p: float) -> None:
    """A norm has a kink at 0. Its square has none there, but the chain rule through the norm cannot know that."""
    kinks: list[Callable[[tg.Tensor], Any]] = [lambda x: x.norm(p) ** 2]
    kinks += [lambda x: (x.norm(0.5) + 1) ** 2] if p == 2 else []
    if p == 2:
        kinks += [lambda x: np.linalg.norm(x) ** 2, lambda x: x.std() ** 2]  # type: ignore[call-overload]
    for function in kinks:
        x = leaf(np.zeros(2))
        slope = derivative(function(x), x)
        equal(slope, np.zeros(2))
        with np.errstate(invalid="ignore", divide="ignore"):
            assert np.isnan(hessian(function, np.zeros(2))).all()
    expected = hessian(lambda x: (x * x).sum(), np.ones(2))
    np.testing.assert_allclose(hessian(lambda x: x.norm() ** 2, np.ones(2)), expected)


def test_a_penalty_on_gradients_of_which_some_are_0_can_be_trained() -> None:
    x = leaf(np.array([[0.0, 0.0], [3.0, 4.0]]))
    ((derivative((x * x).sum() / 2, x).norm(dim=1) - 1) ** 2).sum().backward()
    equal(x.grad, np.array([[0.0, 0.0], [4.8, 6.4]]))
