"""Derivatives of functions nest and go by dicts of Tensors, and a module is called with other weights."""

from typing import Any

import numpy as np
import pytest
from checks import equal
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.func import functional_call, grad, grad_and_value, hessian, jacfwd, jacrev


def weights_of(net: nn.Module) -> dict[str, tg.Tensor]:
    return {name: parameter.detach() for name, parameter in net.named_parameters()}


def test_a_module_is_called_with_other_weights_and_keeps_its_own() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x = tg.randn(4, 2)
    before = net(x)
    other = {name: weight * 2 for name, weight in weights_of(net).items()}
    twin = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    twin.load_state_dict(other)
    equal(functional_call(net, other, (x,)), twin(x).detach())
    equal(functional_call(net, other, x), twin(x).detach())
    equal(functional_call(net, other, kwargs={"input": x}), twin(x).detach())
    equal(net(x), before.detach())
    assert all(parameter.is_leaf and parameter.requires_grad for parameter in net.parameters())


def test_gradients_go_to_the_weights_that_are_given() -> None:
    net = nn.Linear(2, 1)
    given = leaf(np.array([[1.0, 2.0]], np.float32))
    functional_call(net, [{"weight": given * 3}, {"bias": tg.zeros(1)}], tg.ones(5, 2)).sum().backward()
    equal(given.grad, [[15, 15]])
    assert net.weight.grad is None


def test_buffers_are_written_to_those_that_are_given() -> None:
    net = nn.BatchNorm1d(2)
    mean = tg.zeros(2)
    functional_call(net, {"running_mean": mean}, tg.ones(3, 2))
    assert net.running_mean.tolist() == [0, 0]
    np.testing.assert_allclose(mean, [0.1, 0.1], rtol=1e-6)
    assert net.num_batches_tracked.item() == 1


class Counting(nn.Module):
    def __init__(self) -> None:
        self.register_buffer("calls", tg.tensor(0.0))

    def forward(self, x: Any) -> Any:
        self.calls = self.calls + 1
        return x + self.calls


def test_a_buffer_that_is_assigned_goes_to_the_dict() -> None:
    net, state = Counting(), {"calls": tg.tensor(5.0)}
    assert functional_call(net, state, tg.tensor(1.0)).item() == 7
    assert (net.calls.item(), state["calls"].item()) == (0, 6)
    functional_call(net, {}, tg.tensor(1.0))
    assert net.calls.item() == 1


def test_a_module_keeps_its_weights_if_the_call_fails() -> None:
    net = nn.Linear(2, 1)
    own = net.weight.tolist()
    with pytest.raises(ValueError, match="2"):
        functional_call(net, {"weight": tg.zeros(1, 2)}, tg.ones(1, 3))
    assert net.weight.tolist() == own


class Tied(nn.Module):
    def __init__(self) -> None:
        self.first = nn.Linear(2, 2, bias=False)
        self.last = nn.Linear(2, 2, bias=False)
        self.last.weight = self.first.weight

    def forward(self, x: Any) -> Any:
        return self.last(self.first(x))


def test_a_parameter_with_two_paths_is_replaced_at_both() -> None:
    x = tg.ones(1, 2)
    assert functional_call(Tied(), {"last.weight": tg.eye(2) * 3}, x).tolist() == [[9, 9]]
    with pytest.raises(ValueError, match="also held elsewhere"):
        functional_call(Tied(), {"last.weight": tg.eye(2), "first.weight": tg.zeros(2, 2)}, x)


@pytest.mark.parametrize(("kind", "message", "given", "how"), [
    (AttributeError, r"no parameter or buffer 'wieght': it has \['bias', 'weight'\]", {"wieght": tg.ones(1)}, {}),
    (ValueError, "'bias' is given twice", [{"bias": tg.ones(1)}, {"bias": tg.ones(1)}], {}),
    (ValueError, "leave tie_weights=False out", {}, {"tie_weights": False}),
    (RuntimeError, r"no Tensor is given for \['weight'\]", {"bias": tg.ones(1)}, {"strict": True}),
])  # fmt: skip
def test_weights_that_do_not_fit_are_refused(kind: type[Exception], message: str, given: Any, how: Any) -> None:
    with pytest.raises(kind, match=message):
        functional_call(nn.Linear(2, 1), given, tg.ones(1, 2), **how)


def test_a_captured_step_says_that_it_cannot_replay_such_a_call() -> None:
    net = nn.Linear(2, 1)
    step = tg.capture(lambda x: functional_call(net, {"bias": tg.ones(1)}, x).detach())
    with pytest.warns(UserWarning, match="functional_call"):
        step(tg.ones(1, 2))
    assert "functional_call" in str(step.captured)


def test_gradients_by_dicts_lists_and_several_arguments() -> None:
    def f(p: dict[str, Any], pair: list[Any], c: float) -> Any:
        return (p["a"] * pair[0]).sum() * c + pair[1]

    p, pair = {"a": tg.tensor([1.0, 2.0]), "unused": tg.ones(1)}, [tg.tensor([3.0, 4.0]), tg.tensor(5.0)]
    by_p, by_pair = grad(f, argnums=(0, 1))(p, pair, 2.0)
    assert {name: x.tolist() for name, x in by_p.items()} == {"a": [6, 8], "unused": [0]}
    assert [x.tolist() for x in by_pair] == [[2, 4], 1]
    assert p["a"].grad is None
    assert not by_p["a"].requires_grad


def test_derivatives_nest() -> None:
    x = leaf(np.array(2.0))
    equal(grad(grad(grad(lambda x: x**4)))(x.detach()), 48)
    y = grad(lambda x: x**3)(x)  # part of the graph of x
    y.backward()
    equal(x.grad, 12)


def test_the_gradient_is_differentiable_by_what_the_function_takes_from_outside() -> None:
    w = leaf(np.array(3.0))
    gradient, value = grad_and_value(lambda x: w * x**2)(tg.tensor(2.0, dtype=np.float64))
    equal(gradient, 12)
    (gradient + value).backward()
    equal(w.grad, 8)


def test_a_step_of_an_inner_loop_is_differentiated_through() -> None:
    """As in MAML: d/dw of the loss after one step, (w − a·2w)², a = 0.1."""
    net = nn.Linear(1, 1, bias=False)
    weights = {"weight": leaf(np.array([[2.0]], np.float32))}

    def loss(p: Any) -> Any:
        return functional_call(net, p, tg.ones(1, 1)).square().sum()

    inner = grad(loss)(weights)
    loss({"weight": weights["weight"] - 0.1 * inner["weight"]}).backward()
    np.testing.assert_allclose(weights["weight"].grad, [[2 * 2 * 0.8**2]], rtol=1e-6)


def test_what_comes_beside_the_number_is_passed_on() -> None:
    def f(x: Any) -> Any:
        return (x * x).sum(), {"doubled": 2 * x}

    x = tg.tensor([1.0, 2.0])
    gradient, beside = grad(f, has_aux=True)(x)
    assert (gradient.tolist(), beside["doubled"].tolist()) == ([2, 4], [2, 4])
    gradient, (value, beside) = grad_and_value(f, has_aux=True)(x)
    assert (value.item(), beside["doubled"].requires_grad) == (5, False)


def test_the_gradient_by_what_is_not_used_is_0() -> None:
    assert grad(lambda x: tg.tensor(3.0))(tg.ones(2)).tolist() == [0, 0]


def test_what_is_no_function_to_a_number_is_refused() -> None:
    with pytest.raises(RuntimeError, match="a function that returns one number in a Tensor"):
        grad(lambda x: 2 * x)(tg.ones(3))
    with pytest.raises(TypeError, match="a gradient is taken by Tensors, and dicts, lists and tuples of them, not 3"):
        grad(lambda x: x)(3)


def test_jacobians_and_hessians() -> None:
    x = tg.tensor([1.0, 2.0], dtype=np.float64)
    for jacobian in (jacrev, jacfwd):
        equal(jacobian(lambda x: x**2)(x), [[2, 0], [0, 4]])
        equal(jacobian(lambda c, x: c * x, argnums=1)(3, x), [[3, 0], [0, 3]])
    equal(hessian(lambda x: (x**3).sum())(x), [[6, 0], [0, 12]])
    equal(jacfwd(jacrev(lambda x: (x**3).sum()))(x), [[6, 0], [0, 12]])
