"""`minimize` gives SciPy exact derivatives, and leaves the parameters at the minimum or as they were."""

from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from closures import rosenbrock
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array, leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.optim import minimize


@pytest.mark.parametrize("method", ["L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-constr"])
def test_every_method_finds_the_minimum(method: str) -> None:
    x, y = leaf([[-1.2]]), leaf(1.0)
    result = minimize(lambda: rosenbrock(tg.stack([x.reshape(()), y])), iter([x, y]), method, tol=1e-9)
    np.testing.assert_allclose([x.item(), y.item()], [1, 1], atol=1e-3)
    assert result.get("nhev", 1) > 0  # methods that take Hessian products have asked for some
    np.testing.assert_array_equal(result.x, [x.item(), y.item()])
    assert x.grad is None


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
@given(seed=st.integers(0, 1000))
def test_scipy_gets_exact_derivatives(method: str, seed: int) -> None:
    """A function in the place of SciPy's compares the derivatives that it is given with those derived by hand."""
    random = np.random.default_rng(seed)
    x, v = random.normal(size=(2, 5))
    a, b, unused = leaf(np.zeros((2, 2))), leaf([0.0]), leaf([[7.0]])

    def loss() -> tg.Tensor:
        entries = tg.cat([a.reshape(-1), b])
        return (entries**3).sum() + entries.sum() ** 2

    def scipys(fun: Any, x0: Array, method: str, jac: bool, hessp: Any) -> Any:
        np.testing.assert_array_equal(x0, [0, 0, 0, 0, 0, 7])
        value, gradient = fun(np.append(x, 7))
        np.testing.assert_allclose(value, (x**3).sum() + x.sum() ** 2)
        np.testing.assert_allclose(gradient, [*(3 * x**2 + 2 * x.sum()), 0])
        np.testing.assert_allclose(hessp(np.append(x, 7), np.append(v, 1)), [*(6 * x * v + 2 * v.sum()), 0])
        return SimpleNamespace(x=np.arange(6.0))

    with patch("scipy.optimize.minimize", scipys):
        minimize(loss, [a, b, unused], method)
    assert [a.tolist(), b.tolist(), unused.tolist()] == [[[0, 1], [2, 3]], [4], [[5]]]


def test_other_arguments_are_passed_on_to_scipy() -> None:
    x, unused = leaf([3.0]), leaf([7.0])
    seen = []
    result = minimize(
        lambda: (x**2).sum(), [x, unused], bounds=[(1, None), (None, None)], callback=lambda xk: seen.append(xk.copy())
    )
    assert x.tolist() == [1]
    assert unused.tolist() == [7]
    assert result.success
    assert len(seen) == result.nit


def test_a_loss_that_fails_leaves_the_parameters_as_they_were() -> None:
    x = leaf([3.0])
    calls = 0

    def loss() -> tg.Tensor:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ZeroDivisionError
        return (x**4).sum()

    with pytest.raises(ZeroDivisionError):
        minimize(loss, [x])
    assert x.tolist() == [3]


def test_float32_parameters_stay_float32() -> None:
    layer = nn.Linear(2, 1)
    X = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    y = X @ np.array([[1.0], [-2.0]], np.float32) + 3
    minimize(lambda: F.mse_loss(layer(X), y), layer.parameters())
    np.testing.assert_allclose(layer.weight.detach().numpy(), [[1, -2]], atol=1e-2)
    assert layer.weight.dtype == np.float32
