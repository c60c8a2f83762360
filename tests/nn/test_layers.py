"""Each layer equals its formula written out in NumPy, and its gradients equal finite differences."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array, leaf, seeded, shapes

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import gradcheck
from tinygrad_mlp.nn import functional as F


def test_linear_by_hand() -> None:
    layer = nn.Linear(3, 2, dtype=np.float64)
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    expected = np.einsum("abi,oi->abo", x, layer.weight.detach().numpy()) + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(layer(x[0, 0]).detach().numpy(), expected[0, 0], rtol=1e-12, atol=1e-12)
    assert gradcheck(lambda x, *_: layer(x), [leaf(x), *layer.parameters()], atol=1e-7, rtol=1e-6)


def test_flatten() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(nn.Flatten()(x).numpy(), x.reshape(2, 12))
    np.testing.assert_array_equal(nn.Flatten(0, 1)(x).numpy(), x.reshape(6, 4))


def batch_norm_by_hand(x: Array, mean: Array, variance: Array, weight: Array, bias: Array) -> Array:
    """Normalize channel by channel with this mean and variance, then scale and shift."""
    y = np.empty_like(x)
    for channel in range(x.shape[1]):
        centered = x[:, channel] - mean[channel]
        y[:, channel] = centered / math.sqrt(variance[channel] + 1e-5) * weight[channel] + bias[channel]
    return y


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 5)])
@pytest.mark.parametrize("momentum", [0.1, 0.7, None])
def test_batch_norm_by_hand(shape: tuple[int, ...], momentum: float | None) -> None:
    random = np.random.default_rng(0)
    layer = nn.BatchNorm1d(3, momentum=momentum, dtype=np.float64)
    with tg.no_grad():
        layer.weight.copy_(random.uniform(1, 2, 3))
        layer.bias.copy_(random.uniform(1, 2, 3))
    weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    running_mean, running_var = np.zeros(3), np.ones(3)
    for batch in range(1, 4):
        x = random.normal(2, 3, shape)
        channels = np.moveaxis(x, 1, 0).reshape(3, -1)
        expected = batch_norm_by_hand(x, channels.mean(1), channels.var(1), weight, bias)
        np.testing.assert_allclose(layer(tg.tensor(x)).detach().numpy(), expected, rtol=1e-10, atol=1e-12)
        share = 1 / batch if momentum is None else momentum
        running_mean = (1 - share) * running_mean + share * channels.mean(1)
        running_var = (1 - share) * running_var + share * channels.var(1, ddof=1)
        np.testing.assert_allclose(layer.running_mean.numpy(), running_mean, rtol=1e-12)
        np.testing.assert_allclose(layer.running_var.numpy(), running_var, rtol=1e-12)
        assert layer.num_batches_tracked.item() == batch
    layer.eval()
    expected = batch_norm_by_hand(x, running_mean, running_var, weight, bias)
    np.testing.assert_allclose(layer(tg.tensor(x)).detach().numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(layer.running_mean.numpy(), running_mean, rtol=1e-12)
    assert layer.num_batches_tracked.item() == 3


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 5), (2, 3, 0)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_of_no_entries_changes_no_running_value(shape: tuple[int, ...], training: bool) -> None:
    layer = nn.BatchNorm1d(3).train(training)
    x = tg.zeros(shape, requires_grad=True)
    y = layer(x)
    y.sum().backward()
    assert y.shape == x.grad.shape == shape  # type: ignore[union-attr]
    for parameter in (layer.weight, layer.bias):
        np.testing.assert_array_equal(parameter.grad, np.zeros(3))
    np.testing.assert_array_equal(layer.running_mean, np.zeros(3))
    np.testing.assert_array_equal(layer.running_var, np.ones(3))


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"track_running_stats": False}])
def test_batch_norm_gradients(shape: tuple[int, ...], training: bool, options: dict[str, bool]) -> None:
    layer = nn.BatchNorm1d(3, dtype=np.float64, momentum=0.0, **options).train(training)
    x = np.random.default_rng(0).normal(size=shape)
    # A drawn cotangent, because the sum and the sum of squares of normalized values do not depend on the input.
    cotangent = np.random.default_rng(1).normal(size=shape)
    assert gradcheck(lambda x, *_: layer(x) * cotangent, [leaf(x), *layer.parameters()], atol=1e-6, rtol=1e-5)
    if options.get("track_running_stats") is False:
        assert list(layer.buffers()) == []
        np.testing.assert_allclose(layer(tg.tensor(x)).detach().numpy().mean(axis=0).mean(axis=-1), 0, atol=1e-12)


@pytest.mark.parametrize("normalized", [3, (3,), (2, 3), [4, 2, 3]])
def test_layer_norm_by_hand(normalized: Any) -> None:
    layer = nn.LayerNorm(normalized, dtype=np.float64)
    random = np.random.default_rng(0)
    x = random.normal(2, 3, (4, 2, 3))
    shape = layer.normalized_shape
    with tg.no_grad():
        layer.weight.copy_(random.uniform(1, 2, shape))
        layer.bias.copy_(random.uniform(1, 2, shape))
    rows = x.reshape(-1, math.prod(shape))
    expected = np.array([(row - row.mean()) / math.sqrt(row.var() + 1e-5) for row in rows]).reshape(x.shape)
    expected = expected * layer.weight.detach().numpy() + layer.bias.detach().numpy()
    np.testing.assert_allclose(layer(tg.tensor(x)).detach().numpy(), expected, rtol=1e-10)
    assert gradcheck(lambda x, *_: layer(x), [leaf(x), *layer.parameters()], atol=1e-6, rtol=1e-5)


def test_layer_norm_without_parameters() -> None:
    assert list(dict(nn.LayerNorm(3, bias=False).named_parameters())) == ["weight"]
    layer = nn.LayerNorm(3, elementwise_affine=False, dtype=np.float64)
    assert list(layer.parameters()) == []
    np.testing.assert_allclose(layer(tg.tensor(np.array([1.0, 2.0, 3.0]))).numpy(), [-1.2247, 0, 1.2247], atol=1e-4)


def test_dropout_scales_what_it_keeps_and_draws_from_its_generator() -> None:
    layer = nn.Dropout(0.25, generator=seeded())
    x = leaf(np.full((100, 100), 3.0))
    y = layer(x)
    dropped = y.detach().numpy() == 0
    assert abs(dropped.mean() - 0.25) < 0.02
    np.testing.assert_allclose(y.detach().numpy()[~dropped], 4)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.where(dropped, 0, 4 / 3))
    assert (layer(x).detach().numpy() != y.detach().numpy()).any()
    np.testing.assert_array_equal(nn.Dropout(0.25, generator=seeded())(x).detach().numpy(), y.detach().numpy())
    assert layer.eval()(x) is x
    assert layer(tg.tensor([1.0])).dtype == nn.Dropout(0.5)(tg.tensor([1.0])).dtype == np.float32


@pytest.mark.parametrize(("p", "kept"), [(0.0, 1.0), (1.0, 0.0)])
def test_dropout_with_probability_0_and_1(p: float, kept: float) -> None:
    np.testing.assert_array_equal(nn.Dropout(p)(tg.tensor(np.ones(5))).numpy(), np.full(5, kept))


@given(data=st.data())
def test_one_hot(data: st.DataObject) -> None:
    shape = data.draw(shapes(min_side=1))
    classes = np.array(data.draw(st.lists(st.integers(0, 4), min_size=math.prod(shape), max_size=math.prod(shape))))
    rows = F.one_hot(tg.tensor(classes.reshape(shape)), 5).numpy()
    assert rows.shape == (*shape, 5)
    assert rows.dtype == np.int64
    for row, chosen in zip(rows.reshape(-1, 5), classes, strict=True):
        assert row.tolist() == [int(k == chosen) for k in range(5)]
    assert F.one_hot(classes).shape[-1] == classes.max() + 1
