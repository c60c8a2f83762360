"""`grad` returns the gradients that `backward` would store, and a bad call raises an error that says what is wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checks import equal
from hypothesis import given
from strategies import Array, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp.autograd import functional, grad, gradcheck


@given(a=numbers((3,)), b=numbers((3,)), v=numbers((3,)))
def test_grad_is_what_backward_collects(a: Array, b: Array, v: Array) -> None:
    def run(x: tg.Tensor, y: tg.Tensor) -> list[tg.Tensor]:
        product = x * y
        return [product.sin() + x, product.sum()]

    x, y = leaf(a), leaf(b)
    found = grad(run(x, y), [x, y], [v, None])
    assert x.grad is None
    assert y.grad is None
    tg.autograd.backward(run(x, y), [tg.tensor(v), None])
    for gradient, collected in zip(found, (x.grad, y.grad), strict=True):
        assert not gradient.requires_grad
        np.testing.assert_array_equal(gradient, collected)
    equal(found[0], v * np.cos(a * b) * b + v + b)


def test_grad_is_a_tuple_for_one_input_too() -> None:
    x = leaf(np.array(3.0))
    found = grad(x * x, x)
    assert type(found) is tuple
    equal(found[0], 6)


def test_grad_of_computed_inputs() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x * x
    z = y * x
    equal(grad(z.sum(), y, retain_graph=True)[0], [1, 2])
    for found, expected in zip(grad(z.sum(), [x, y, z]), ([3, 12], [1, 2], [1, 1]), strict=True):
        equal(found, expected)


def test_grad_of_an_output_in_itself_is_the_cotangent() -> None:
    x = leaf(np.array([1.0, 2.0]))
    v = np.array([5.0, 6.0])
    (found,) = grad(x, x, v)
    equal(found, v)
    v[0] = 7
    equal(found, [5, 6])


def test_gradients_share_no_memory() -> None:
    x = leaf(np.array([1.0, 2.0]))
    first, second = grad((x + 1).sum(), [x, x])
    equal(first, second)
    assert not np.shares_memory(first._data, second._data)
    cotangent = np.ones(2)
    (found,) = grad(x + 1, x, cotangent)
    assert not np.shares_memory(found._data, cotangent)


def test_grad_releases_the_graph_unless_told_not_to() -> None:
    x = leaf(np.array(2.0))
    y = x * x
    grad(y, x, retain_graph=True)
    grad(y, x, create_graph=True)
    grad(y, x)
    with pytest.raises(RuntimeError, match="retain_graph"):
        grad(y, x)


def test_an_unused_input_is_refused_by_name() -> None:
    x, y = leaf(np.ones(2)), leaf(np.ones((3, 1)))
    z = (x * x).sum()
    with pytest.raises(RuntimeError, match=r"inputs\[1\], of shape \(3, 1\).*allow_unused.*materialize_grads"):
        grad(z, [x, y], retain_graph=True)
    used, unused = grad(z, [x, y], retain_graph=True, allow_unused=True)
    equal(used, [2, 2])
    assert unused is None
    equal(grad(z, [x, y], materialize_grads=True)[1], np.zeros((3, 1)))
    with pytest.raises(ValueError, match="leave allow_unused=False out"):
        grad(z, [x, y], materialize_grads=True, allow_unused=False)


def test_hooks_of_leaves_see_and_replace_what_grad_returns() -> None:
    x = leaf(np.array([1.0, 2.0]))
    x.register_hook(lambda g: g * 10)
    equal(grad((x * x).sum(), x)[0], [20, 40])


@given(a=numbers((3,)), v=numbers((3,)))
def test_a_gradient_can_be_differentiated_by_its_cotangent(a: Array, v: Array) -> None:
    x, w = leaf(a), leaf(v)
    (first,) = grad(x**3, x, w, create_graph=True)
    in_x, in_w = grad(first.sum(), [x, w])
    equal(in_x, 6 * a * v)
    equal(in_w, 3 * a**2)


X = tg.ones(2, requires_grad=True)

BAD_CALLS: dict[str, tuple[type[Exception], str, Callable[[], Any]]] = {
    "an output that is no Tensor": (TypeError, "outputs are .*not [13].0", lambda: grad(3.0, X)),
    "an input that is no Tensor": (TypeError, "inputs.*ndarray", lambda: grad(X.sum(), [np.ones(2)])),
    "a cotangent too few": (ValueError, "2 outputs", lambda: grad([X.sum(), X.sum()], X, [tg.tensor(1.0)])),
    "a cotangent of another shape": (ValueError, r"\(3,\).*\(2,\)", lambda: grad(X * 2, X, tg.ones(3))),
    "no cotangent for many": (RuntimeError, r"\(2,\).*gradient=", lambda: grad(X * 2, X)),
    "an output without a graph": (RuntimeError, "requires_grad=True", lambda: grad(tg.ones(1), X)),
    "an input without a gradient": (RuntimeError, "requires_grad=True", lambda: grad(X.sum(), tg.ones(2))),
    "backward of an array": (TypeError, "outputs.*ndarray", lambda: tg.autograd.backward(np.ones(2))),
    "a Hessian of many": (RuntimeError, r"one entry.*\(2,\)", lambda: functional.hessian(lambda x: x, X)),
    "a Hessian of a float": (RuntimeError, "one entry.*float", lambda: functional.hessian(lambda x: 1.0, X)),
    "a Jacobian of a float": (TypeError, "outputs are .*not [13].0", lambda: functional.jacobian(lambda x: 1.0, X)),
    "a Jacobian at an array": (TypeError, "inputs.*ndarray", lambda: functional.jacobian(lambda x: x, np.ones(2))),
    "v of another shape": (RuntimeError, r"\(3,\).*\(2,\)", lambda: functional.vhp(lambda x: x.sum(), X, tg.ones(3))),
    "v too many": (RuntimeError, "v has shapes", lambda: functional.jvp(lambda x: x, X, (tg.ones(2), tg.ones(2)))),
    "v forgotten": (RuntimeError, "needs v", lambda: functional.jvp(lambda x: x, X)),
    "a strict constant": (RuntimeError, "strict", lambda: functional.vjp(lambda x: tg.ones(1), X, strict=True)),
    "a strict unused input": (
        RuntimeError, "input 1.*strict", lambda: functional.jacobian(lambda x, y: x, (X, tg.ones(1)), strict=True)
    ),
    "gradcheck of constants": (ValueError, "requires_grad=True", lambda: gradcheck(lambda x: x, tg.ones(2))),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_say_what_is_wrong(name: str) -> None:
    error, message, call = BAD_CALLS[name]
    with pytest.raises(error, match=message):
        call()
    assert X.grad is None


def test_grad_multiplies_the_factors_of_a_layers_gradient() -> None:
    weight = leaf(np.ones((1, 2)))
    (gradient,) = grad(tg.nn.functional.linear(tg.tensor(np.array([[3.0, 4.0]])), weight).sum(), weight)
    np.testing.assert_array_equal(gradient, [[3, 4]])
