"""A gradient that is kept as two factors behaves everywhere like the matrix that is their product."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checks import equal
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array, leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.core import blas

ACTIONS = ["backward", "backward", "step", "read", "clear", "zero"]


class Net:
    """``net(x) = tanh(x Wᵀ + b)`` with a square W, so that it can be applied to its own output."""

    def __init__(self, layer: Callable[..., Any], weight: Array, bias: Array, options: dict[str, Any]) -> None:
        self.layer, self.parameters = layer, [leaf(weight), leaf(bias)]
        self.optimizer = optim.SGD(self.parameters, lr=0.1, **options)

    def backward(self, x: Array, times: int, own_weight: bool, cotangent: Array) -> None:
        """Apply the net `times` times, to `x` or to its own weight, and go back from the result with `cotangent`."""
        h = self.parameters[0].detach() if own_weight else tg.tensor(x)
        for _ in range(times):
            h = self.layer(h, *self.parameters).tanh()
        (h * cotangent[: h.shape[0]]).sum().backward()

    def act(self, action: str) -> None:
        if action == "step":
            self.optimizer.step()
        elif action == "clear":
            self.optimizer.zero_grad()
        elif action == "zero":
            self.optimizer.zero_grad(set_to_none=False)


@pytest.mark.filterwarnings("ignore::tinygrad_mlp.optim.StepWarning")  # an action may step before any gradient
@given(data=st.data())
def test_factored_gradients_equal_dense_gradients(data: st.DataObject) -> None:
    """Read, accumulate, clear and step in any order, with one to three uses of the weight in each backward pass."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    weight, bias = rng.normal(size=(3, 3)), rng.normal(size=3)
    options = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "momentum": st.just(0.9),
                "weight_decay": st.just(0.01),
                "maximize": st.booleans(),
            },
        )
    )
    if "momentum" in options:
        options |= data.draw(st.sampled_from([{}, {"nesterov": True}, {"dampening": 0.5}]))
    factored = Net(nn.functional.linear, weight, bias, options)
    dense = Net(lambda x, w, b: x @ w.T + b, weight, bias, options)
    for action in data.draw(st.lists(st.sampled_from(ACTIONS), max_size=12)):
        if action == "backward":
            x, cotangent = rng.normal(size=(data.draw(st.integers(1, 3)), 3)), rng.normal(size=(3, 3))
            times, own_weight = data.draw(st.integers(1, 3)), data.draw(st.booleans())
            for net in (factored, dense):
                net.backward(x, times, own_weight, cotangent)
        elif action == "read":
            for one, other in zip(factored.parameters, dense.parameters, strict=True):
                assert (one.grad is None) == (other.grad is None)
                if one.grad is not None:
                    equal(one.grad, other.grad.numpy())
        else:
            for net in (factored, dense):
                net.act(action)
    for one, other in zip(factored.parameters, dense.parameters, strict=True):
        equal(one, other.detach().numpy())


@pytest.mark.parametrize("rows", [1, 5])
def test_a_weight_that_is_also_the_input_of_its_layer_steps_right(rows: int) -> None:
    """BLAS updates the weight in place while it reads the factors, so no factor may share memory with the weight."""
    weight = np.random.default_rng(0).normal(size=(300, 300))
    expected = weight - np.ones((300, rows)) @ weight[:rows]
    for own in (lambda w: w.detach()[:rows], lambda w: nn.Parameter(w.detach(), requires_grad=False)[:rows]):
        w = leaf(weight)
        nn.functional.linear(own(w), w).sum().backward()
        optim.SGD([w], lr=1.0).step()
        equal(w, expected)


def test_a_rule_may_return_a_product_of_factors() -> None:
    @tg.differentiable(lambda g, y, w: blas.Product(g.T, np.full((1, 3), 2.0)))
    def doubled(w: Any) -> Any:
        return w.sum(1)[None] * 2

    w = leaf(np.ones((2, 3)))
    doubled(w).backward(np.array([[5.0, 7.0]]))
    equal(w.grad, np.array([[10.0], [14.0]]) * np.ones(3))


def test_a_factored_gradient_is_a_tensor_like_any_other() -> None:
    w = tg.tensor([[1.0, 2.0]], requires_grad=True)
    nn.functional.linear(tg.tensor([[3.0, 4.0], [5.0, 6.0]]), w).sum().backward()
    assert type(w.grad) is tg.Tensor
    assert (w.grad.shape, w.grad.dtype, w.grad.requires_grad) == ((1, 2), np.float32, False)
    assert w.grad is w.grad
    w.grad.mul_(2)
    equal(w.grad, [[16, 20]])
    optim.SGD([w], lr=0.5).step()
    equal(w, [[-7, -8]])
