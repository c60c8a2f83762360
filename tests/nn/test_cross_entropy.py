"""The cross entropy of logits is one node, and exact where a probability is near 1; ignored rows add nothing to it."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mlp as tg
from tinygrad_mlp.core import functions as f
from tinygrad_mlp.nn import functional as F


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(gap=st.floats(1, 80), reduction=st.sampled_from(["mean", "sum"]))
def test_loss_and_gradient_keep_their_digits_where_a_probability_is_near_1(
    dtype: Any, gap: float, reduction: str
) -> None:
    z = tg.tensor(np.array([[gap, 0, 0.5], [-1, gap - 1, -2]], dtype), requires_grad=True)
    loss = F.cross_entropy(z, [0, 1], reduction=reduction)
    loss.backward()
    # Let d be the difference of a logit to that of the class. With the sum `rest` of e^d over the other classes, the
    # loss is ln(1 + rest). The gradient is e^d / (1 + rest) at the other classes, and minus their sum at the class.
    powers = np.exp(-(z.detach().numpy().astype(np.float64)[[0, 1], [0, 1]][:, None] - z.detach().numpy()))
    powers[[0, 1], [0, 1]] = 0
    rest = powers.sum(1, keepdims=True)
    gradient = powers / (1 + rest)
    gradient[[0, 1], [0, 1]] = -gradient.sum(1)
    scale = 2 if reduction == "mean" else 1
    # Rounding a difference of logits, which is at most 1 + gap, changes its exponential by this factor.
    tolerance = 8 * float(np.finfo(dtype).eps) * (1 + gap)
    np.testing.assert_allclose(loss.item(), np.log1p(rest).sum() / scale, rtol=tolerance)
    np.testing.assert_allclose(z.grad.numpy(), gradient / scale, rtol=tolerance)


@pytest.mark.parametrize("target", [[1, 0], [[0.0, 1.0, 0.0], [0.5, 0.25, 0.25]]], ids=["classes", "probabilities"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 0.5]])
def test_cross_entropy_is_one_node(target: Any, smoothing: float, weight: Any) -> None:
    z = tg.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]], requires_grad=True)
    for reduction in ("mean", "sum"):
        loss = F.cross_entropy(z, tg.tensor(target), weight, reduction=reduction, label_smoothing=smoothing)
        assert loss._node.function is f.cross_entropy
        assert loss._node.edges[0] is z._node


@pytest.mark.parametrize("ignored", [[math.inf, -math.inf, 0.0], [math.inf] * 3, [-math.inf] * 3, [math.nan, 0.0, 1.0]])
def test_an_ignored_row_adds_nothing_whatever_its_logits_are(ignored: list[float]) -> None:
    z = tg.tensor([ignored, [1.0, 2.0, 3.0]], requires_grad=True)
    loss = F.cross_entropy(z, [2, 0], ignore_index=2)
    loss.backward()
    alone = tg.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    expected = F.cross_entropy(alone, [0])
    expected.backward()
    assert loss.item() == expected.item()
    np.testing.assert_array_equal(z.grad.numpy(), [[0, 0, 0], alone.grad.numpy()[0]])


def test_the_mean_of_no_probabilities_is_nan_without_a_warning() -> None:
    z, y = (tg.zeros(0, 3).requires_grad_() for _ in range(2))
    loss = F.cross_entropy(z, y)
    loss.backward()
    assert math.isnan(loss.item())
    assert z.grad.shape == y.grad.shape == (0, 3)


def test_probabilities_of_a_wider_dtype_do_not_widen_the_loss() -> None:
    z = tg.tensor([[1.0, 2.0]], requires_grad=True)
    loss = F.cross_entropy(z, np.array([[0.25, 0.75]]))
    loss.backward()
    assert loss.dtype == np.float32
    assert z.grad.dtype == np.float32


def test_an_infinite_weight_of_an_absent_class_adds_nothing() -> None:
    z = tg.tensor([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]], requires_grad=True)
    loss = F.cross_entropy(z, [0, 2], weight=[1.0, math.inf, 2.0])
    loss.backward()
    assert loss.item() == F.cross_entropy(z, [0, 2], weight=[1.0, 0.0, 2.0]).item()
    assert np.isfinite(z.grad.numpy()).all()


@pytest.mark.parametrize("label", [0, 1])
def test_an_infinite_logit_makes_the_gradient_nan(label: int) -> None:
    z = tg.tensor([[1.0, math.inf, 2.0]], requires_grad=True)
    F.cross_entropy(z, [label]).backward()
    assert np.isnan(z.grad.numpy()).all()
