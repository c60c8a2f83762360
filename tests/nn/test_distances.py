"""Distances, angles and normalized vectors are those of NumPy, with gradients that are finite at zero vectors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import gradcheck, gradgradcheck
from tinygrad_mlp.nn import functional as F

Call = Callable[..., Any]


def length(x: Any, axis: int, p: float = 2) -> Any:
    return (np.abs(x) ** p).sum(axis, keepdims=True) ** (1 / p)


CALLS: dict[str, tuple[Call, Call]] = {
    "normalize": (lambda x, y: F.normalize(x), lambda x, y: x / length(x, 1)),
    "normalize, options": (lambda x, y: F.normalize(x + 0 * y, 3, 0), lambda x, y: x / length(x, 0, 3)),
    "normalize, eps": (lambda x, y: F.normalize(x, eps=100), lambda x, y: x / 100),
    "pairwise_distance": (nn.PairwiseDistance(), lambda x, y: length(x - y + 1e-6, -1)[..., 0]),
    "pairwise_distance, options": (nn.PairwiseDistance(3, 0.1, True), lambda x, y: length(x - y + 0.1, -1, 3)),
    "pairwise_distance, broadcast": (
        lambda x, y: F.pairwise_distance(x, y[0]), lambda x, y: length(x - y[0] + 1e-6, -1)[..., 0]),
    "cosine_similarity": (nn.CosineSimilarity(), lambda x, y: (x * y).sum(1) / (length(x, 1) * length(y, 1))[:, 0]),
    "cosine_similarity, dim": (
        nn.CosineSimilarity(0), lambda x, y: (x * y).sum(0) / (length(x, 0) * length(y, 0))[0]),
    "cosine_similarity, broadcast": (
        lambda x, y: F.cosine_similarity(x, y[:1], dim=-2),
        lambda x, y: (x * y[:1]).sum(0) / (length(x, 0) * length(np.broadcast_to(y[:1], x.shape), 0))[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
@given(data=st.data())
def test_distances_equal_their_definition(name: str, data: st.DataObject) -> None:
    call, by_hand = CALLS[name]
    x, y = data.draw(numbers((3, 4))), data.draw(numbers((3, 4), 2.5, 4))  # their distances are no zeros
    output = call(tg.tensor(x), tg.tensor(y))
    assert output.shape == by_hand(x, y).shape
    np.testing.assert_allclose(output, by_hand(x, y), rtol=1e-12)
    given = [leaf(x)] if "normalize" in name else [leaf(x), leaf(y)]
    last = [tg.tensor(y)] if "normalize" in name else []
    assert gradcheck(lambda *given: call(*given, *last), given, atol=1e-6, rtol=1e-5)
    assert gradgradcheck(lambda *given: call(*given, *last), given, atol=1e-4, rtol=1e-3)


def test_vectors_of_zeros_have_finite_gradients() -> None:
    x = leaf(np.zeros((2, 3)))
    for call in (F.normalize, lambda x: F.cosine_similarity(x, np.ones(3)), lambda x: F.pairwise_distance(x, x)):
        y = call(x)
        y.sum().backward()
        assert np.isfinite(y.detach()).all()
        assert np.isfinite(x.grad.numpy()).all()


def test_a_small_norm_counts_as_eps_and_has_its_own_gradient() -> None:
    """As in PyTorch: the cosine does not depend on the length of x, so the gradient along x is 0."""
    x = leaf([0.3, 0.4])
    cosine = F.cosine_similarity(x, np.array([3.0, 4.0]), dim=0, eps=1.0)
    np.testing.assert_allclose(cosine.item(), 0.5)
    cosine.backward()
    np.testing.assert_allclose(x.grad, np.array([3, 4]) / 5 - 0.5 * np.array([0.6, 0.8]))


@pytest.mark.parametrize("call", [
    lambda x: F.normalize(x, eps="a"), lambda x: F.pairwise_distance(x, x, eps="a"),
    lambda x: nn.PairwiseDistance(2, "a"),
    lambda x: F.cosine_similarity(x, x, eps="a"), lambda x: nn.CosineSimilarity(1, "a"),
])  # fmt: skip
def test_an_eps_that_is_no_number_is_refused(call: Callable[[tg.Tensor], Any]) -> None:
    with pytest.raises(ValueError, match="eps is a number, not 'a'"):
        call(tg.ones(2, 3))
