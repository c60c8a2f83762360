"""Clipping scales gradients down to a norm, or cuts their entries to a value; infinite gradients can raise."""

import math
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn


def with_gradients(*gradients: Any) -> list[tg.Tensor]:
    """A parameter for each of these gradients."""
    parameters = [tg.tensor(np.zeros(np.shape(gradient)), requires_grad=True) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = tg.tensor(np.asarray(gradient, float))
    return parameters


@pytest.mark.parametrize(("norm_type", "norm"), [(2, 5), (1, 7), (math.inf, 4), (3, (27 + 64) ** (1 / 3))])
@pytest.mark.parametrize("share", [0.5, 2.0])
def test_clip_grad_norm(norm_type: float, norm: float, share: float) -> None:
    parameters = [*with_gradients([[3.0], [0.0]], -4.0), leaf([1.0])]
    total = nn.utils.clip_grad_norm_(iter(parameters), share * norm, norm_type)
    np.testing.assert_allclose(total.item(), norm)
    scale = min(share * norm / (norm + 1e-6), 1)
    np.testing.assert_allclose(parameters[0].grad.numpy(), [[3 * scale], [0]])
    np.testing.assert_allclose(parameters[1].grad.numpy(), -4 * scale)
    assert parameters[2].grad is None


def test_clip_grad_norm_of_factored_gradients() -> None:
    layer = nn.Linear(3, 2, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(5, 3))
    layer(x).sum().backward()
    expected = np.ones((2, 5)) @ x
    norm = math.sqrt((expected**2).sum() + 2 * 5**2)  # the gradient of each of two biases is 5
    np.testing.assert_allclose(nn.utils.clip_grad_norm_(layer.parameters(), 1.0).item(), norm)
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected / (norm + 1e-6))
    nn.utils.clip_grad_value_(layer.weight, 0.1)
    np.testing.assert_allclose(layer.weight.grad.numpy(), np.clip(expected / (norm + 1e-6), -0.1, 0.1))


def test_clip_grad_norm_of_infinite_and_nan_gradients() -> None:
    parameters = with_gradients([3.0, np.inf])
    with pytest.raises(RuntimeError, match="norm inf"):
        nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[0].grad.tolist() == [3.0, np.inf]
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0
    parameters = with_gradients([3.0, np.nan])
    assert math.isnan(nn.utils.clip_grad_norm_(parameters, 1.0).item())
    assert np.isnan(parameters[0].grad.numpy()).all()


def test_clip_grad_value_cuts_from_above_and_below() -> None:
    parameters = with_gradients([3.0, -4.0, 0.5])
    nn.utils.clip_grad_value_(parameters, 1.0)
    assert parameters[0].grad.tolist() == [1.0, -1.0, 0.5]
