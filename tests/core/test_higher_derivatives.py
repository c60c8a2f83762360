"""Gradients can be differentiated again, to any order and for any variable."""

import math
from typing import Any

import numpy as np
from checks import equal
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
