"""Setting `requires_grad`, `data` and `grad` works as in PyTorch, or raises an error that says why it cannot."""

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg

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


def test_new_data_must_have_the_old_shape_and_take_the_old_dtype() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    x.data = np.array([3.0, 4.0])
    assert x.dtype == np.float32
    x.data = tg.tensor([5.0, 6.0])
    np.testing.assert_array_equal(x.detach(), [5, 6])
    with pytest.raises(ValueError, match=r"data of shape \(3,\) cannot replace data of shape \(2,\)"):
        x.data = np.ones(3)


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
