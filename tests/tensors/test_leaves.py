"""Setting `requires_grad`, `data` and `grad` works as in PyTorch, or raises an error that says why it cannot."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
from checks import equal
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])


def test_only_floating_tensors_require_gradients() -> None:
    for data in (1, [True], np.ones(2, np.int32)):
        with pytest.raises(RuntimeError, match=r"floating Tensors can require a gradient, not \w+: .*\.float\(\)"):
            tg.tensor(data, requires_grad=True)
    x = tg.tensor([1.0])
    x.requires_grad = True
    assert x.requires_grad
    assert x.requires_grad_(False) is x
    assert not x.requires_grad


def test_a_computed_tensor_cannot_stop_requiring_its_gradient() -> None:
    y = leaf(X) * 2
    assert y.requires_grad_() is y
    with pytest.raises(RuntimeError, match=r"\.detach\(\)"):
        y.requires_grad_(False)


def test_a_tensor_shares_the_data_that_it_is_given_and_copies_an_array() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    own, array = tg.tensor([5.0, 6.0, 7.0]), np.array([3.0, 4.0])
    x.data = own
    own += 1
    np.testing.assert_array_equal(x.detach(), [6, 7, 8])
    x.data = array
    array[:] = 0
    np.testing.assert_array_equal(x.detach(), [3, 4])
    assert x.dtype == np.float32
    with pytest.raises(RuntimeError, match="are floats, not int64") as caught:
        x.data = tg.tensor([1, 2])
    assert isinstance(caught.value, TypeError)
    np.testing.assert_array_equal(x.detach(), [3, 4])


def test_a_grad_that_is_set_must_fit_the_tensor() -> None:
    x = leaf(X)
    x.grad = tg.tensor(X)
    (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, X + 2)
    for wrong in (tg.tensor([1.0]), X, 3):
        with pytest.raises(ValueError, match=r"None or a Tensor of shape \(2, 3\), not"):
            x.grad = wrong  # type: ignore[assignment]
    with pytest.raises(RuntimeError, match="float64 cannot be one of float32") as caught:
        x.grad = tg.tensor(X).float()
    assert isinstance(caught.value, TypeError)
    np.testing.assert_array_equal(x.grad, X + 2)
    for other in (tg.tensor(X), x * 2):
        other.grad = None
        with pytest.raises(RuntimeError, match="only a leaf that requires a gradient"):
            other.grad = tg.tensor(X)


def test_reading_the_grad_of_a_computed_tensor_warns() -> None:
    x = leaf(X)
    y, kept = x * 2, x * 3
    kept.retain_grad()
    y.register_hook(lambda gradient: None)  # a hook does not keep the gradient
    assert kept.grad is None  # no warning: retain_grad() was called
    (y + kept).sum().backward()
    with pytest.warns(UserWarning, match=r"call retain_grad\(\) on it before backward") as caught:
        assert y.grad is None
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(kept.grad, np.ones_like(X))
    assert y.detach().grad is None


def test_data_changed_with_an_operator_stays_in_its_memory() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    alias = x.detach()
    x.data -= 0.5
    x.data *= 2
    np.testing.assert_array_equal(alias, [1, 3])
    np.testing.assert_array_equal(x.detach(), [1, 3])
    y = x * x
    x.data -= 1
    with pytest.raises(RuntimeError, match="changed"):
        y.sum().backward()
    y = x * x
    x.data = x.data
    y.sum().backward()


def test_a_retained_gradient_can_be_dropped() -> None:
    y = leaf([1.0]) * 2
    y.retain_grad()
    for _ in range(2):
        y.grad = None
        y.sum().backward(retain_graph=True)
        np.testing.assert_array_equal(y.grad, [1])


# --- a leaf that is frozen and thawed ---------------------------------------------------------------------------------

FREEZING: dict[str, Callable[[tg.Tensor, bool], object]] = {
    "the method": lambda x, on: x.requires_grad_(on),
    "the property": lambda x, on: setattr(x, "requires_grad", on),
    "the module": lambda x, on: module_of(x).requires_grad_(on),
}


def module_of(x: tg.Tensor) -> nn.Module:
    module = nn.Module()
    module.weight = x
    return module


def parameter() -> tg.Tensor:
    return nn.Parameter(tg.tensor([1.0, 2.0]))


@pytest.mark.parametrize("name", FREEZING)
def test_a_gradient_outlives_a_freeze(name: str) -> None:
    freeze, x = FREEZING[name], parameter()
    (x * x).sum().backward()
    freeze(x, False)
    equal(x.grad, np.array([2.0, 4.0], np.float32))
    copied = copy.deepcopy(x)
    freeze(x, True)
    (x * x).sum().backward()
    equal(x.grad, np.array([4.0, 8.0], np.float32))
    equal(copied.grad, np.array([2.0, 4.0], np.float32))
    assert not copied.requires_grad
    freeze(x, False)
    module_of(x).double()
    equal(x.grad, np.array([4.0, 8.0]))


@pytest.mark.parametrize("name", FREEZING)
def test_a_graph_from_before_a_freeze_reaches_the_thawed_leaf_and_its_hooks(name: str) -> None:
    freeze, x, seen = FREEZING[name], parameter(), []
    x.register_hook(lambda g: seen.append(g.tolist()))
    loss = (x * x).sum()
    freeze(x, False)
    freeze(x, True)
    loss.backward()
    equal(x.grad, np.array([2.0, 4.0], np.float32))
    assert seen == [[2.0, 4.0]]


@pytest.mark.parametrize("name", FREEZING)
def test_a_frozen_leaf_collects_nothing_and_can_be_cleared(name: str) -> None:
    freeze, x = FREEZING[name], parameter()
    loss = (x * x).sum()
    freeze(x, False)
    loss.backward(retain_graph=True)
    assert x.grad is None
    freeze(x, True)
    for clear in (lambda: setattr(x, "grad", None), optim.SGD([x], lr=1.0).zero_grad, module_of(x).zero_grad):
        loss.backward(retain_graph=True)
        freeze(x, False)
        assert x.grad is not None
        clear()
        assert x.grad is None
        freeze(x, True)
        assert x.grad is None


def test_a_frozen_evaluation_between_two_backward_passes_loses_nothing() -> None:
    net, x = nn.Linear(2, 1, bias=False), tg.ones(1, 2)
    nn.init.ones_(net.weight)
    optimizer = optim.SGD(net.parameters(), lr=0.125)
    net(x).sum().backward()
    net.requires_grad_(False)
    net(x)
    with pytest.warns(optim.StepWarning, match="no gradients"):
        optimizer.step()  # what is frozen does not move
    net.requires_grad_(True)
    net(x).sum().backward()
    optimizer.step()
    equal(net.weight, np.array([[0.75, 0.75]], np.float32))
