"""Hooks see and replace the inputs and outputs of a module, in the forward and in the backward pass."""

import math
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn


def test_forward_hooks_run_in_order_and_may_replace_inputs_and_outputs() -> None:
    seen: list[Any] = []
    layer = nn.Identity()
    layer.register_forward_hook(lambda m, args, output: seen.append(("after", args, output)))
    layer.register_forward_hook(lambda m, args, output: output + 1)
    layer.register_forward_hook(lambda m, args, output: seen.append(("last", args, output)))
    layer.register_forward_hook(lambda m, args, output: seen.append(("first", args, output)), prepend=True)
    layer.register_forward_pre_hook(lambda m, args: seen.append(("before", args)))
    layer.register_forward_pre_hook(lambda m, args: args[0] * 10)
    assert layer(2) == 21
    assert seen == [("before", (2,)), ("first", (20,), 20), ("after", (20,), 20), ("last", (20,), 21)]


def test_hooks_may_take_keyword_arguments() -> None:
    class Scaled(nn.Module):
        def forward(self, x: float, by: float = 1) -> float:
            return x * by

    layer = Scaled()
    handle = layer.register_forward_pre_hook(lambda m, args, kwargs: ((3,), {"by": kwargs["by"] + 1}), with_kwargs=True)
    layer.register_forward_hook(lambda m, args, kwargs, output: (args, kwargs, output), with_kwargs=True)
    assert layer(1, by=2) == ((3,), {"by": 3}, 9)
    handle.remove()
    handle.remove()
    assert layer(1, by=2) == ((1,), {"by": 2}, 2)


def test_hooks_with_always_call_run_when_forward_fails() -> None:
    class Failing(nn.Module):
        def forward(self) -> None:
            raise ZeroDivisionError

    layer, seen = Failing(), []
    layer.register_forward_hook(lambda m, args, output: seen.append("never"))
    layer.register_forward_hook(lambda m, args, output: seen.append(output), always_call=True)
    with pytest.raises(ZeroDivisionError):
        layer()
    assert seen == [None]


def test_full_backward_hooks_see_and_replace_gradients() -> None:
    layer = nn.Linear(3, 2, dtype=np.float64)
    x = leaf(np.random.default_rng(0).normal(size=(4, 3)))
    seen: list[Any] = []
    handle = layer.register_full_backward_hook(lambda m, inputs, outputs: seen.append((m, inputs, outputs)))
    cotangent = tg.tensor(np.random.default_rng(1).normal(size=(4, 2)))
    layer(x).backward(cotangent)
    ((module, (grad_input,), (grad_output,)),) = seen
    assert module is layer
    np.testing.assert_allclose(grad_output.numpy(), cotangent.numpy())
    np.testing.assert_allclose(grad_input.numpy(), cotangent.numpy() @ layer.weight.detach().numpy())
    np.testing.assert_allclose(x.grad.numpy(), grad_input.numpy())
    np.testing.assert_allclose(layer.weight.grad.numpy(), cotangent.numpy().T @ x.detach().numpy())

    handle.remove()
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0] * 2,))
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0] + 1,), prepend=True)
    x.grad = None
    layer(x).backward(cotangent)
    np.testing.assert_allclose(x.grad.numpy(), (grad_input.numpy() + 1) * 2)
    assert len(seen) == 1
    with tg.no_grad():
        assert not layer(x).requires_grad
    assert not layer.requires_grad_(False)(x.detach()).requires_grad


def test_full_backward_hooks_of_many_inputs_and_outputs() -> None:
    class Cross(nn.Module):
        def forward(self, a: tg.Tensor, b: tg.Tensor, c: float, d: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
            return a * b * c, b.sum() + d

    layer, seen = Cross(), []

    def hook(module: nn.Module, inputs: Any, outputs: Any) -> Any:
        seen.append((inputs, outputs))
        return (inputs[0], inputs[1] * 10, None, None)

    layer.register_full_backward_hook(hook)
    a, b = leaf([1.0, 2.0]), tg.tensor([3.0, 4.0], requires_grad=True)
    first, second = layer(a, b, 5.0, tg.tensor(1.0))
    assert (first.dtype, second.dtype) == (np.float64, np.float32)
    (first.sum() * 2 + second * 3).backward()
    ((inputs, outputs),) = seen
    assert [None if gradient is None else gradient.tolist() for gradient in inputs] == [[30, 40], [13, 23], None, None]
    assert [gradient.tolist() for gradient in outputs] == [[2, 2], 3]
    assert (inputs[1].dtype, outputs[1].dtype) == (np.float32, np.float32)
    assert (a.grad.tolist(), b.grad.tolist()) == ([30, 40], [130, 230])


def test_a_backward_hook_gets_none_for_an_input_without_a_gradient() -> None:
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, inputs, outputs: seen.append((inputs, outputs[0].tolist())))
    layer(tg.tensor([[1.0, 2.0]])).backward()
    assert seen == [((None,), [[1.0]])]


def test_a_backward_hook_that_returns_too_many_gradients_is_refused() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0], inputs[0]))
    with pytest.raises(ValueError, match="returned 2 gradients for 1 arguments"):
        layer(leaf(1.0)).backward()


def test_backward_hooks_in_second_derivatives() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0] * 2,))
    x = leaf(0.5)
    (first,) = tg.autograd.grad(layer(x), x, create_graph=True)
    y = math.tanh(0.5)
    np.testing.assert_allclose(first.item(), 2 * (1 - y**2))
    # The second pass reaches the input without passing the output, so no hook is called, as in PyTorch.
    np.testing.assert_allclose(tg.autograd.grad(first, x)[0].item(), -4 * y * (1 - y**2))
