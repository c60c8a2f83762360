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


@pytest.mark.parametrize("norm_type", [1, 2, 3, math.inf])
def test_the_parts_of_clip_grad_norm_do_what_it_does(norm_type: float) -> None:
    whole, parts, older = (with_gradients([[3.0], [1.0]], -4.0) for _ in range(3))
    norm = nn.utils.get_total_norm([parameter.grad for parameter in parts], norm_type)  # type: ignore[misc]
    assert norm.item() == nn.utils.clip_grad_norm_(whole, 0.5, norm_type).item()
    nn.utils.clip_grads_with_norm_(parts, 0.5, norm)
    with pytest.warns(FutureWarning, match="write clip_grad_norm_"):
        assert nn.utils.clip_grad_norm(older, 0.5, norm_type).item() == norm.item()
    for one, another, third in zip(whole, parts, older, strict=True):
        assert one.grad.tolist() == another.grad.tolist() == third.grad.tolist()
    nn.utils.clip_grads_with_norm_(parts, 1.0, tg.tensor(0.5))  # it is small enough
    assert parts[0].grad.tolist() == whole[0].grad.tolist()


def test_a_norm_of_gradients_that_is_not_finite_may_raise() -> None:
    gradient = tg.tensor([1.0, np.inf], dtype=np.float32)
    assert nn.utils.get_total_norm(gradient).dtype == np.float32
    with pytest.raises(RuntimeError, match="norm inf"):
        nn.utils.get_total_norm([gradient], error_if_nonfinite=True)
    assert nn.utils.get_total_norm([]).item() == 0
    nn.utils.clip_grads_with_norm_([], 1.0, tg.tensor(1.0))
    for call in (
        lambda: nn.utils.get_total_norm([gradient], 0),
        lambda: nn.utils.clip_grads_with_norm_([], -1.0, tg.tensor(1.0)),
    ):
        with pytest.raises(ValueError, match="norm"):
            call()


def test_parameters_become_a_vector_and_back() -> None:
    layer, other = nn.Linear(3, 2), nn.Linear(3, 2)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert vector.tolist() == [*layer.weight.reshape(-1).tolist(), *layer.bias.tolist()]
    (vector**2).sum().backward()
    np.testing.assert_allclose(layer.weight.grad, 2 * layer.weight.detach())
    vector = vector.detach()
    nn.utils.vector_to_parameters(vector, other.parameters())
    assert other.weight.tolist() == layer.weight.tolist()
    vector.zero_()  # the parameters share its memory
    assert not other.weight.any()
    with pytest.raises(ValueError, match=r"the parameters have 8 entries, but the vector has shape \(7,\)"):
        nn.utils.vector_to_parameters(tg.ones(7), other.parameters())
    with pytest.raises(TypeError, match="expected a Tensor of the entries"):
        nn.utils.vector_to_parameters(np.ones(8), other.parameters())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no parameters"):
        nn.utils.parameters_to_vector([])


def test_captured_steps_replay_the_parts_of_clip_grad_norm() -> None:
    weight = tg.tensor([3.0, 4.0], requires_grad=True)

    @tg.capture
    def step(x: tg.Tensor) -> tg.Tensor:
        weight.grad = None
        (weight * x).sum().backward()
        norm = nn.utils.get_total_norm([weight.grad])  # type: ignore[list-item]
        nn.utils.clip_grads_with_norm_([weight], 1.0, norm)
        return norm

    for length in (5.0, 10.0, 0.5):
        assert step(tg.tensor([0.6 * length, 0.8 * length])).item() == pytest.approx(length)
        assert step.captured is True
        share = min(1, length)
        np.testing.assert_allclose(weight.grad, [0.6 * share, 0.8 * share], rtol=1e-5)
