"""Each layer equals its formula written out in NumPy, and its gradients equal finite differences."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array, leaf, seeded

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import gradcheck
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.testing import check_module
from tinygrad_mlp.testing.strategies import shapes


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


def test_unflatten() -> None:
    x = np.arange(24.0).reshape(2, 12)
    for dim, size in [(1, (3, 4)), (-1, [3, -1])]:
        np.testing.assert_array_equal(nn.Unflatten(dim, size)(x).numpy(), x.reshape(2, 3, 4))
    np.testing.assert_array_equal(nn.Unflatten(0, (1, 2))(x).numpy(), x.reshape(1, 2, 12))
    for size in [(5, 2), (), (-1, -1), (5, -1)]:
        with pytest.raises(ValueError, match=r"unflatten\(\) of a dimension of length 12 takes sizes"):
            nn.Unflatten(1, size)(x)
    assert nn.Unflatten(1, (3, -1))(np.ones((0, 12))).shape == (0, 3, 4)
    with pytest.raises(ValueError, match=r"no dim 2 in shape \(2, 12\): its dims are -2 to 1"):
        nn.Unflatten(2, (5, 2))(x)


def test_bilinear_by_hand() -> None:
    layer = nn.Bilinear(3, 4, 2, dtype=np.float64, generator=seeded())
    weight, bias = (parameter.detach().numpy() for parameter in layer.parameters())
    assert weight.shape == (2, 3, 4)
    assert 0.4 < np.abs(weight).max() <= 1 / math.sqrt(3)
    random = np.random.default_rng(0)
    for batch in [(), (5,), (2, 5)]:
        x, y = random.normal(size=(*batch, 3)), random.normal(size=(*batch, 4))
        expected = np.einsum("...i,kij,...j->...k", x, weight, y) + bias
        np.testing.assert_allclose(layer(tg.tensor(x), tg.tensor(y)).detach().numpy(), expected, rtol=1e-12)
    check_module(layer, [(5, 3), (5, 4)])
    check_module(nn.Bilinear(1, 2, 3, bias=False), [(1,), (2,)])
    for wrong in [(tg.ones(5, 3), tg.ones(4, 4)), (tg.ones(5, 4), tg.ones(5, 3)), (tg.ones(()), tg.ones(4))]:
        with pytest.raises(ValueError, match=r"layer at test_layers.py:.* bilinear takes inputs of shapes"):
            layer(*wrong)
    with pytest.raises(TypeError, match="the inputs are float64 and float32"):
        layer(tg.ones(5, 3, dtype=np.float64), tg.ones(5, 4))


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
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"track_running_stats": False}, {"momentum": None}])
def test_batch_norm_gradients(shape: tuple[int, ...], options: dict[str, Any]) -> None:
    layer = nn.BatchNorm1d(3, dtype=np.float64, **options)
    check_module(layer, shape)
    if options.get("track_running_stats") is False:
        assert list(layer.buffers()) == []
        x = np.random.default_rng(0).normal(size=shape)
        for training in (True, False):
            y = layer.train(training)(tg.tensor(x)).detach().numpy()
            np.testing.assert_allclose(y.mean(axis=0).mean(axis=-1), 0, atol=1e-12)


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


@pytest.mark.parametrize("shape", [(4, 6), (2, 6, 5), (2, 6, 3, 2)])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_group_norm_by_hand(shape: tuple[int, ...], groups: int) -> None:
    layer = nn.GroupNorm(groups, 6, dtype=np.float64)
    random = np.random.default_rng(0)
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, 1, 2)
    weight, bias = (parameter.detach().numpy() for parameter in layer.parameters())
    x = random.normal(2, 3, shape)
    expected = np.empty_like(x)
    for sample in range(shape[0]):
        for channels in np.split(np.arange(6), groups):
            values = x[sample, channels]
            expected[sample, channels] = (values - values.mean()) / math.sqrt(values.var() + 1e-5)
    along = (6,) + (1,) * (len(shape) - 2)
    expected = expected * weight.reshape(along) + bias.reshape(along)
    np.testing.assert_allclose(layer(tg.tensor(x)).detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    check_module(nn.GroupNorm(groups, 6, eps=0.1, bias=False), shape)
    check_module(nn.GroupNorm(groups, 6, eps=0.1, affine=False), shape)


def test_group_norm_says_what_does_not_fit() -> None:
    layer = nn.GroupNorm(2, 4)
    for wrong in [tg.ones(4), tg.ones(3, 5), tg.ones(3, 6)]:
        with pytest.raises(ValueError, match=r"layer at test_layers.py"):
            layer(wrong)
    with pytest.raises(ValueError, match="one value per group"):
        nn.GroupNorm(4, 4)(tg.ones(1, 4))
    with pytest.raises(ValueError, match="4 channels are no 3 groups"):
        nn.GroupNorm(3, 4)
    assert layer(tg.ones(0, 4)).shape == (0, 4)


@pytest.mark.parametrize("normalized", [3, (2, 3)])
@pytest.mark.parametrize("eps", [None, 0.1])
def test_rms_norm_by_hand(normalized: Any, eps: float | None) -> None:
    layer = nn.RMSNorm(normalized, eps, dtype=np.float64)
    nn.init.uniform_(layer.weight, 1, 2)
    x = np.random.default_rng(0).normal(2, 3, (4, 2, 3))
    rows = x.reshape(-1, math.prod(layer.normalized_shape))
    added = np.finfo(np.float64).eps if eps is None else eps
    expected = np.array([row / math.sqrt((row**2).mean() + added) for row in rows]).reshape(x.shape)
    expected = expected * layer.weight.detach().numpy()
    np.testing.assert_allclose(layer(tg.tensor(x)).detach().numpy(), expected, rtol=1e-10)
    check_module(nn.RMSNorm(normalized, eps), (4, 2, 3))
    assert list(nn.RMSNorm(normalized, elementwise_affine=False).parameters()) == []
    with pytest.raises(ValueError, match=r"layer at test_layers.py:.* rms_norm over"):
        layer(tg.ones(4))


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    random = np.random.default_rng(0)
    x = leaf(random.normal(size=(300, 200)))
    layer = nn.AlphaDropout(0.3, generator=seeded())
    y = layer(x)
    scale = 1 / math.sqrt((1.7580993408473766**2 * 0.3 + 1) * 0.7)
    shift = scale * 1.7580993408473766 * 0.3
    dropped = np.isclose(y.detach().numpy(), shift - 1.7580993408473766 * scale)
    assert abs(dropped.mean() - 0.3) < 0.01
    np.testing.assert_allclose(y.detach().numpy()[~dropped], (x.detach().numpy() * scale + shift)[~dropped])
    assert abs(y.detach().numpy().mean()) < 0.02
    assert abs(y.detach().numpy().var() - 1) < 0.02
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), np.where(dropped, 0, scale))
    assert layer.eval()(x) is x
    assert nn.AlphaDropout(1.0)(x).detach().numpy().any() == 0
    assert layer.train()(tg.ones(3)).dtype == np.float32


def test_feature_alpha_dropout_drops_whole_channels() -> None:
    x = np.random.default_rng(0).normal(size=(50, 40, 3, 2))
    y = nn.FeatureAlphaDropout(0.4, generator=seeded())(tg.tensor(x)).numpy()
    dropped = (y == y[:, :, :1, :1]).all((2, 3))
    assert abs(dropped.mean() - 0.4) < 0.05
    assert len(np.unique(y[dropped])) == 1
    slope = (y[:, :, 1, 1] - y[:, :, 0, 0])[~dropped] / (x[:, :, 1, 1] - x[:, :, 0, 0])[~dropped]
    np.testing.assert_allclose(slope, slope[0])
    with pytest.raises(ValueError, match="takes inputs of shape"):
        nn.FeatureAlphaDropout()(tg.ones(3))


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


PADDED = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@pytest.mark.parametrize("mode", PADDED)
@given(data=st.data())
def test_pad_adds_and_cuts_off_entries(mode: str, data: st.DataObject) -> None:
    shape = data.draw(shapes(min_dims=1, min_side=2))
    x = np.random.default_rng(0).normal(size=shape)
    dims = data.draw(st.integers(0, len(shape)))
    added = [data.draw(st.tuples(*[st.integers(0, min(n - 1, 3))] * 2)) for n in shape[len(shape) - dims :]]
    expected = np.pad(x, [(0, 0)] * (len(shape) - dims) + added, PADDED[mode])  # type: ignore[call-overload]
    ends = [end for pair in reversed(added) for end in pair]
    np.testing.assert_array_equal(F.pad(tg.tensor(x), ends, mode).numpy(), expected)
    assert F.pad(tg.tensor(expected), [-end for end in ends], mode).tolist() == x.tolist()
    assert gradcheck(lambda x: F.pad(x, ends, mode), leaf(x))


def test_pad_has_a_value_and_the_dtype_of_its_input() -> None:
    x = tg.tensor([[1, 2, 3]])
    padded = F.pad(x, (-1, 2, 0, 1), value=7)
    assert padded.tolist() == [[2, 3, 7, 7], [7, 7, 7, 7]]
    assert padded.dtype == tg.int64
    assert F.pad(x > 1, (1, 0)).tolist() == [[False, False, True, True]]


LAYERS: dict[str, Callable[[tg.Generator], nn.Module]] = {
    "Linear": lambda g: nn.Linear(3, 2, generator=g),
    "Linear without bias": lambda g: nn.Linear(3, 2, bias=False, generator=g),
    "Bilinear": lambda g: nn.Bilinear(3, 2, 4, generator=g),
    "BatchNorm1d": lambda g: nn.BatchNorm1d(3),
    "BatchNorm1d without parameters": lambda g: nn.BatchNorm1d(3, affine=False),
    "BatchNorm1d without buffers": lambda g: nn.BatchNorm1d(3, track_running_stats=False),
    "LayerNorm": lambda g: nn.LayerNorm((2, 3)),
    "LayerNorm without bias": lambda g: nn.LayerNorm(3, bias=False),
    "GroupNorm": lambda g: nn.GroupNorm(2, 4),
    "RMSNorm": lambda g: nn.RMSNorm(3),
    "PReLU": lambda g: nn.PReLU(2, init=0.5),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=list(LAYERS))
def test_reset_parameters_begins_as_a_new_layer(make: Callable[[tg.Generator], nn.Module]) -> None:
    layer, new = make(tg.Generator().manual_seed(0)), make(tg.Generator().manual_seed(1))
    held = dict(layer.named_parameters())
    for tensor in layer.state_dict().values():
        tensor.add_(7)
    drawn = type(layer) in (nn.Linear, nn.Bilinear)
    layer.reset_parameters(*([tg.Generator().manual_seed(1)] if drawn else []))
    assert {name: held[name] is parameter for name, parameter in layer.named_parameters()} == dict.fromkeys(held, True)
    for name, tensor in new.state_dict().items():
        np.testing.assert_array_equal(layer.state_dict()[name], tensor)
