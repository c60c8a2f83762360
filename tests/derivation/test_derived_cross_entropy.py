"""The cross entropy of logits reads like the textbook, (softmax(z) − y)/n, in both notations and for all targets."""

from typing import Any

import numpy as np
import pytest
from networks import batch, network

import tinygrad_mlp as tg
from tinygrad_mlp.derivation.page import explain
from tinygrad_mlp.nn import functional as F

LABELS = [1, 0, 2, 2]
TARGETS: dict[str, Any] = {
    "labels": LABELS,
    "rows of zeros and a one": np.eye(3)[LABELS],
    "probabilities": np.full((4, 3), 1 / 3),
}


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("target", TARGETS)
def test_rows(target: str, smoothing: float) -> None:
    net = network([4, 3, 3], bias=True)
    loss = F.cross_entropy(net(batch([4, 3, 3], 4)[0]), TARGETS[target], label_smoothing=smoothing)
    found = explain(loss, net)
    text = str(found)
    assert "L    = −1/4 · Σ y ⊙ ln(softmax(z⁽²⁾))" in text
    assert "∂L/∂z⁽²⁾ = (softmax(z⁽²⁾) − y) / 4" in text
    assert "▸ ∂L/∂W⁽²⁾ = 1/4 · (softmax(z⁽²⁾) − y)ᵀ a⁽¹⁾" in text
    assert "▸ ∂L/∂b⁽²⁾ = 1/4 · 𝟏ᵀ (softmax(z⁽²⁾) − y)" in text
    assert "y    ∈ ℝ⁴ˣ³                                                             target" in text
    assert found.is_verified


@pytest.mark.parametrize("target", [[1], np.eye(3)[[1]]], ids=["labels", "rows of zeros and a one"])
def test_columns(target: Any) -> None:
    net = network([4, 3, 3])
    found = explain(F.cross_entropy(net(batch([4, 3, 3], 1)[0]), target), net, notation="document")
    assert "ℒ    = −Σ y ln(softmax(z⁽³⁾))" in str(found)
    assert "▸ ∇_W⁽²⁾ℒ = (softmax(z⁽³⁾) − y) (a⁽²⁾)ᵀ" in str(found)
    assert found.formulas == {
        "2.weight": [r"(\mathrm{softmax}(z^{(3)}) - y) (a^{(2)})^{\top}"],
        "0.weight": [r"D^{(2)} (W^{(2)})^{\top} (\mathrm{softmax}(z^{(3)}) - y) x^{\top}"],
    }
    assert found.is_verified


def test_rows_of_targets_that_do_not_add_up_to_1_stay_in_the_formula() -> None:
    """Weights of classes and ignored classes change the sum of a row."""
    net = network([4, 3, 3])
    x = batch([4, 3, 3], 4)[0]
    for options in ({"weight": [1.0, 2.0, 3.0]}, {"ignore_index": 0}):
        found = explain(F.cross_entropy(net(x), LABELS, reduction="sum", **options), net)
        assert "∂L/∂z⁽²⁾ = softmax(z⁽²⁾) ⊙ y 𝟏 𝟏ᵀ − y" in str(found)
        assert found.is_verified


def test_losses_of_single_samples() -> None:
    net = network([4, 3, 3])
    losses = F.cross_entropy(net(batch([4, 3, 3], 4)[0]), LABELS, reduction="none")
    found = explain((losses * tg.tensor([1.0, 2.0, 0.0, 1.0])).sum(), net)
    assert "E    = −(y ⊙ ln(softmax(z⁽²⁾))) 𝟏" in str(found)
    assert found.is_verified


def test_a_loss_without_any_target_is_said_to_be_undefined() -> None:
    """All classes are ignored, so the mean divides by 0."""
    net = network([4, 3, 3])
    found = explain(F.cross_entropy(net(batch([4, 3, 3], 2)[0]), [-100, -100]), net)
    assert "L    = −Σ y ⊙ ln(softmax(z⁽²⁾)) / 0" in str(found)
    assert not found.is_verified
