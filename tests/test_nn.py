"""Modules: what is found in them, hooks, state; every layer by hand and by differences; initial values."""

import copy
import math
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.special import erf
from strategies import numbers, shapes

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.autograd import gradcheck, gradgradcheck
from tinygrad_mlp.core import guard
from tinygrad_mlp.nn import activations, init
from tinygrad_mlp.nn import functional as F

Array = NDArray[Any]


def leaf(array: Any) -> tg.Tensor:
    return tg.tensor(np.asarray(array, float), requires_grad=True)


def seeded(seed: int = 0) -> tg.Generator:
    return tg.Generator().manual_seed(seed)


# --- activations ------------------------------------------------------------------------------------------------------

ACTIVATIONS: dict[str, tuple[nn.Module, Callable[[Array], Array]]] = {
    "Identity": (nn.Identity("whatever", fits=True), lambda x: x),
    "Tanh": (nn.Tanh(), np.tanh),
    "Sigmoid": (nn.Sigmoid(), lambda x: 1 / (1 + np.exp(-x))),
    "ReLU": (nn.ReLU(), lambda x: np.where(x > 0, x, 0)),
    "LeakyReLU": (nn.LeakyReLU(), lambda x: np.where(x > 0, x, 0.01 * x)),
    "LeakyReLU(0.3)": (nn.LeakyReLU(0.3), lambda x: np.where(x > 0, x, 0.3 * x)),
    "ELU": (nn.ELU(), lambda x: np.where(x > 0, x, np.exp(x) - 1)),
    "ELU(0.5)": (nn.ELU(0.5), lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1))),
    "GELU": (nn.GELU(), lambda x: x * (1 + erf(x / 2**0.5)) / 2),
    "GELU(tanh)": (nn.GELU("tanh"), lambda x: x / 2 * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))),
    "SiLU": (nn.SiLU(), lambda x: x / (1 + np.exp(-x))),
    "Softplus": (nn.Softplus(), lambda x: np.log(1 + np.exp(x))),
    "Softplus(2, 1)": (nn.Softplus(2, 1), lambda x: np.where(2 * x > 1, x, np.log(1 + np.exp(2 * x)) / 2)),
    "Softmax": (nn.Softmax(0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    "LogSoftmax": (nn.LogSoftmax(-1), lambda x: np.log(np.exp(x) / np.exp(x).sum(-1, keepdims=True))),
}


def test_every_activation_is_in_the_table() -> None:
    assert {type(module).__name__ for module, _ in ACTIVATIONS.values()} == {*activations.__all__, "Identity"}


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(data=st.data())
def test_activations(name: str, data: st.DataObject) -> None:
    module, by_hand = ACTIVATIONS[name]
    x = data.draw(numbers(data.draw(shapes(min_dims=1, min_side=1))))
    np.testing.assert_allclose(module(tg.tensor(x)).numpy(), by_hand(x), rtol=1e-12, atol=1e-15)
    assert module(tg.tensor(x).float()).dtype == np.float32
    assert gradcheck(module, leaf(x), atol=1e-7, rtol=1e-6)


def test_activations_as_functions() -> None:
    x = tg.tensor(np.random.default_rng(0).normal(size=(2, 3)))
    for function, method in [
        (F.tanh(x), x.tanh()), (F.sigmoid(x), x.sigmoid()), (F.relu(x), x.relu()), (F.softmax(x, 0), x.softmax(0)),
        (F.log_softmax(x, -1), x.log_softmax(-1)),
    ]:  # fmt: skip
        np.testing.assert_array_equal(function.numpy(), method.numpy())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_second_derivatives_of_activations(name: str) -> None:
    assert gradgradcheck(ACTIVATIONS[name][0], [leaf([[-1.5, -0.3, 0.4], [0.2, 1.7, -0.1]])], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("module", "at_zero"),
    [
        (nn.ReLU(), 0), (nn.LeakyReLU(0.2), 0.2), (nn.ELU(0.5), 0.5), (nn.GELU(), 0.5), (nn.GELU("tanh"), 0.5),
        (nn.SiLU(), 0.5), (nn.Softplus(), 0.5), (nn.Softplus(3), 0.5),
    ],
    ids=repr,
)  # fmt: skip
def test_slopes_at_zero(module: nn.Module, at_zero: float) -> None:
    x = leaf(0.0)
    module(x).backward()
    np.testing.assert_allclose(x.grad.item(), at_zero)


@pytest.mark.parametrize(
    ("module", "left", "right"),
    [
        (nn.ELU(2), -2, np.inf), (nn.Softplus(), 0, np.inf), (nn.LeakyReLU(), -np.inf, np.inf), (nn.Sigmoid(), 0, 1),
    ],
    ids=repr,
)  # fmt: skip
def test_limits(module: nn.Module, left: float, right: float) -> None:
    x = leaf([-np.inf, -1e4, 1e4, np.inf])
    y = module(x)
    y.backward(np.ones(4))
    assert y[0].item() == left
    assert y[-1].item() == right
    assert np.isfinite(x.grad.numpy()).all()


# --- layers -----------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"track_running_stats": False}])
def test_batch_norm_gradients(shape: tuple[int, ...], training: bool, options: dict[str, bool]) -> None:
    layer = nn.BatchNorm1d(3, dtype=np.float64, momentum=0.0, **options).train(training)
    x = np.random.default_rng(0).normal(size=shape)
    # Another function of the output than its sum or its squares, which do not depend on what is normalized.
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


def test_dropout() -> None:
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
def test_dropout_of_nothing_and_of_all(p: float, kept: float) -> None:
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


# --- the tree ---------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A module with parameters and modules in attributes, lists and dicts, one of them twice, and no super()."""

    def __init__(self) -> None:
        self.first = nn.Linear(2, 2)
        self.scale = nn.Parameter(tg.tensor([1.0]))
        self.layers = [nn.Linear(2, 2, bias=False), {"last": nn.Linear(2, 1, bias=False)}]
        self.again = self.first
        self.numbers = [1, 2]
        self.register_buffer("count", tg.tensor(0.0))
        self.register_buffer("cache", tg.tensor([1, 2]), persistent=False)
        self.register_buffer("absent", None)
        self.register_parameter("none", None)

    def forward(self, x: Any) -> tg.Tensor:
        return self.layers[1]["last"](self.layers[0](self.first(x).tanh()) * self.scale)


def test_walks() -> None:
    block = Block()
    parameters = ["scale", "first.weight", "first.bias", "layers.0.weight", "layers.1.last.weight"]
    assert [name for name, _ in block.named_parameters()] == parameters
    assert [name for name, _ in block.named_parameters("net", recurse=False)] == ["net.scale"]
    assert "again.weight" in [name for name, _ in block.named_parameters(remove_duplicate=False)]
    assert list(map(id, block.parameters())) == [id(parameter) for _, parameter in block.named_parameters()]
    assert [name for name, _ in block.named_buffers()] == ["count", "cache"]
    assert [name for name, _ in nn.Sequential(block).named_buffers("net")] == ["net.0.count", "net.0.cache"]
    assert [name for name, _ in nn.Sequential(block).named_buffers(recurse=False)] == []
    assert list(map(id, block.buffers())) == [id(block.count), id(block.cache)]
    assert [name for name, _ in block.named_modules()] == ["", "first", "layers.0", "layers.1.last"]
    assert [name for name, _ in block.named_children()] == ["first", "layers.0", "layers.1.last"]
    assert "again" in [name for name, _ in block.named_modules(remove_duplicate=False)]
    assert list(block.modules())[1:] == list(block.children())
    assert block.get_submodule("layers.1.last") is block.layers[1]["last"]
    assert block.get_submodule("") is block
    with pytest.raises(AttributeError, match=r"no module 'layers.2'.*'layers.0'"):
        block.get_submodule("layers.2")


def test_tied_parameters_are_one() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    net[0].same = net[0].weight
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "1.bias"]
    assert len(list(net.parameters())) == 3
    assert list(net.state_dict()) == ["0.weight", "0.bias", "0.same", "1.weight", "1.bias"]
    net(np.ones((1, 2), np.float32)).sum().backward()
    expected = np.ones((2, 1)) * net[0](np.ones((1, 2), np.float32)).detach().numpy()
    expected = expected + net[0].weight.detach().numpy().T.sum(1, keepdims=True) * np.ones((1, 2))
    np.testing.assert_allclose(net[0].weight.grad.numpy(), expected, rtol=1e-5)


def test_apply_goes_from_the_leaves_to_the_root() -> None:
    block = Block()
    seen: list[nn.Module] = []
    assert block.apply(seen.append) is block
    assert seen == [block.first, block.layers[0], block.layers[1]["last"], block]


def test_training_mode() -> None:
    block = Block()
    assert all(module.training for module in block.modules())
    assert not any(module.training for module in block.eval().modules())
    assert all(module.training for module in block.train().modules())
    with pytest.raises(TypeError, match="True or False"):
        block.train("no")  # type: ignore[arg-type]


def test_requires_grad_and_zero_grad() -> None:
    block = Block()
    block(np.ones((3, 2), np.float32)).sum().backward()
    gradient = block.scale.grad
    block.first.bias.grad = None
    block.zero_grad(set_to_none=False)
    assert block.first.bias.grad is None
    assert block.scale.grad is gradient
    assert gradient.item() == 0
    block.zero_grad()
    assert all(parameter.grad is None for parameter in block.parameters())
    block.requires_grad_(False)
    assert not block(np.ones((3, 2), np.float32)).requires_grad


def test_conversion() -> None:
    block = Block()
    block(np.ones((3, 2), np.float32)).sum().backward()
    gradient = block.first.weight.grad.numpy().copy()
    kept = list(block.parameters())
    assert block.double() is block
    assert {parameter.dtype for parameter in block.parameters()} == {np.dtype(np.float64)}
    assert all(now is before for now, before in zip(block.parameters(), kept, strict=True))
    assert (block.count.dtype, block.cache.dtype) == (np.float64, np.int64)
    assert block.first.weight.grad.dtype == np.float64
    np.testing.assert_array_equal(block.first.weight.grad.numpy(), gradient)
    assert block.float().scale.dtype == np.float32
    with pytest.raises(TypeError, match="int64"):
        block.to(np.int64)


@pytest.mark.parametrize(
    ("register", "error", "message"),
    [
        (lambda m: m.register_buffer(3, None), TypeError, "a name is a str"),
        (lambda m: m.register_buffer("", None), ValueError, "empty"),
        (lambda m: m.register_buffer("a.b", None), ValueError, "'a.b'"),
        (lambda m: m.register_buffer("forward", None), ValueError, "forward is taken"),
        (lambda m: m.register_buffer("first", tg.tensor(1.0)), ValueError, "first is taken"),
        (lambda m: m.register_buffer("new", np.ones(3)), TypeError, "ndarray"),
        (lambda m: m.register_buffer("new", nn.Parameter(tg.tensor(1.0))), TypeError, "no Parameter"),
        (lambda m: m.register_parameter("first", None), ValueError, "taken"),
        (lambda m: m.register_parameter("new", tg.tensor(1.0)), TypeError, "Tensor"),
        (lambda m: m.add_module("scale", nn.Tanh()), ValueError, "taken"),
        (lambda m: m.add_module("new", nn.Tanh), TypeError, r"write Tanh\(\)"),
        (lambda m: m.register_forward_hook("hook"), TypeError, "a hook is a function"),
    ],
)
def test_what_cannot_be_registered(register: Callable[[Block], Any], error: type[Exception], message: str) -> None:
    block = Block()
    before = list(block.state_dict()), list(vars(block))
    with pytest.raises(error, match=message):
        register(block)
    if message != "a hook is a function":
        assert (list(block.state_dict()), list(vars(block))) == before


def test_registering() -> None:
    module = nn.Module()
    module.register_parameter("weight", nn.Parameter(tg.tensor([1.0])))
    module.add_module("layer", nn.Linear(1, 1))
    module.add_module("layer", nn.Tanh())
    module.register_buffer("mean", tg.tensor(1.0))
    module.mean = tg.tensor(2.0)
    assert list(module.state_dict()) == ["weight", "mean"]
    assert module.state_dict()["mean"].item() == 2
    module.add_module("layer", None)
    assert module.layer is None
    with pytest.raises(NotImplementedError, match="write one"):
        module(1)


def test_a_call_of_a_layers_own_is_made_by_a_sequential_too() -> None:
    class Doubled(nn.Identity):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().__call__(*args, **kwargs)

    x = tg.ones(1, 2)
    np.testing.assert_array_equal(nn.Sequential(Doubled(), nn.Identity())(x).numpy(), [[2.0, 2.0]])


@pytest.mark.parametrize("value", [tg.zeros(2, 2), np.zeros((2, 2))])
def test_a_parameter_is_replaced_by_a_parameter(value: Any) -> None:
    """Else it would silently be trained and saved no longer."""
    layer = nn.Linear(2, 2)
    weight = layer.weight
    with pytest.raises(TypeError, match=r"Linear.weight is a Parameter.*nn.Parameter"):
        layer.weight = value
    assert layer.weight is weight
    layer.weight = nn.Parameter(tg.zeros(2, 2))
    layer.bias = None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_attributes_of_the_users_may_have_any_name_and_hold_themselves() -> None:
    net = nn.Sequential(nn.Linear(2, 1))
    net._hooks = []
    net.log = {}
    net.log["self"] = net.log
    assert net(tg.zeros(1, 2)).shape == (1, 1)
    assert len(list(net.parameters())) == 2


def test_a_replaced_call_is_made_for_every_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    called, seen = nn.Module.__call__, []
    monkeypatch.setattr(nn.Module, "__call__", lambda self, *args: (seen.append(type(self)), called(self, *args))[1])
    nn.Sequential(nn.Linear(2, 2), nn.Tanh())(tg.ones(1, 2))
    assert seen == [nn.Sequential, nn.Linear, nn.Tanh]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_bias_that_does_not_fit_is_refused_before_anything_is_recorded(dtype: Any) -> None:
    x, weight, bias = tg.ones(1, 3), tg.ones(4, 3, requires_grad=True), tg.ones(5, 4).to(dtype)
    with pytest.raises(ValueError, match=r"linear at test_nn\.py:\d+ of shapes \(1, 3\) and \(4, 3\) and \(5, 4\)"):
        nn.functional.linear(x, weight, bias)


def test_containers_of_modules() -> None:
    layers = nn.ModuleList([nn.Linear(1, 2)])
    layers.append(nn.Linear(2, 3))
    layers.extend([nn.Linear(3, 4)])
    layers.insert(0, nn.Linear(1, 1, bias=False))
    assert list(layers.state_dict())[:3] == ["0.weight", "1.weight", "1.bias"]
    assert [layer.out_features for layer in layers[1:]] == [2, 3, 4]
    assert isinstance(layers[1:], nn.ModuleList)
    layers[1:] = [nn.Tanh()]
    layers[0] = nn.ReLU()
    del layers[1]
    assert list(map(type, layers)) == [nn.ReLU]
    layers.note = nn.Parameter(tg.tensor(1.0))
    assert list(dict(layers.named_parameters())) == ["note"]

    heads = nn.ModuleDict({"mean": nn.Linear(1, 1)})
    heads["spread"] = nn.Linear(1, 2, bias=False)
    assert list(heads.state_dict()) == ["mean.weight", "mean.bias", "spread.weight"]
    assert list(heads) == list(heads.keys()) == ["mean", "spread"]
    assert heads.spread is heads["spread"]
    heads.mean = nn.Linear(1, 1)
    assert list(heads.state_dict()) == ["mean.weight", "mean.bias", "spread.weight"]
    with pytest.raises(AttributeError, match="ModuleDict has no attribute 'median'"):
        _ = heads.median
    assert heads.pop("mean").out_features == 1
    assert "mean" not in heads
    assert heads != nn.ModuleDict(heads)
    assert len({heads, heads}) == 1

    net = nn.Sequential({"hidden": nn.Linear(1, 2)}).append(nn.Tanh())
    assert [name for name, _ in net.named_children()] == ["hidden", "1"]
    net.add_module("hidden", nn.Linear(1, 3))
    assert net(np.ones((1, 1), np.float32)).shape == (1, 3)
    assert net[0].out_features == 3
    assert net.hidden is net[0]
    net.hidden = nn.Linear(1, 4)
    net[-1] = nn.ReLU()
    tg.nn.init.constant_(net.hidden.weight, 9)
    assert net(np.full((1, 1), -9, np.float32)).tolist() == [[0, 0, 0, 0]]
    assert len(net[1:]) == 1
    assert list(map(type, net)) == [nn.Linear, nn.ReLU]
    net.eval().register_forward_hook(lambda module, args, output: None)
    assert [name for name, _ in net.named_children()] == ["hidden", "1"]


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: nn.Sequential(nn.Tanh), TypeError),
        (lambda: nn.Sequential(nn.Tanh()).append(3), TypeError),
        (lambda: nn.ModuleList([3]), TypeError),
        (lambda: nn.ModuleList().append(nn.Tanh), TypeError),
        (lambda: nn.ModuleList([nn.Tanh()]).__setitem__(slice(0, 1), [3]), TypeError),
        (lambda: nn.ModuleDict({"a": 3}), TypeError),
        (lambda: nn.ModuleDict({"a.b": nn.Tanh()}), ValueError),
        (lambda: nn.ModuleDict({"forward": nn.Tanh()}), ValueError),
    ],
)
def test_containers_refuse_what_is_no_module(make: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()


def test_repr_of_all_layers_names_their_options() -> None:
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(2, 3), nn.BatchNorm1d(3), nn.LayerNorm(3), nn.Dropout(0.1), nn.GELU(),
        nn.MSELoss("sum"),
        nn.ModuleList([nn.LeakyReLU(), nn.ELU(), nn.Softplus(), nn.Softmax(1), nn.LogSoftmax(0)]),
    )  # fmt: skip
    assert repr(net) == (
        "Sequential(\n"
        "  (0): Flatten(start_dim=1, end_dim=-1)\n"
        "  (1): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (2): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)\n"
        "  (3): LayerNorm((3,), eps=1e-05, elementwise_affine=True)\n"
        "  (4): Dropout(p=0.1)\n"
        "  (5): GELU(approximate='none')\n"
        "  (6): MSELoss(reduction='sum')\n"
        "  (7): ModuleList(\n"
        "    (0): LeakyReLU(negative_slope=0.01)\n"
        "    (1): ELU(alpha=1.0)\n"
        "    (2): Softplus(beta=1.0, threshold=20.0)\n"
        "    (3): Softmax(dim=1)\n"
        "    (4): LogSoftmax(dim=0)\n"
        "  )\n"
        ")"
    )


def test_copies_and_pickles_are_modules_of_their_own() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ModuleDict({"a": nn.Linear(1, 1)}))
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert list(other.state_dict()) == list(net.state_dict())
        with tg.no_grad():
            other[0].weight.fill_(0)
        assert (net[0].weight.detach().numpy() != 0).all()
        assert other[0].weight.requires_grad


# --- state ------------------------------------------------------------------------------------------------------------


def test_state_dict() -> None:
    block = Block()
    state = block.state_dict()
    names = ["scale", "count", "first.weight", "first.bias", "layers.0.weight", "layers.1.last.weight"]
    assert list(state) == [*names, "again.weight", "again.bias"]
    assert not any(held.requires_grad for held in state.values())
    with tg.no_grad():
        block.scale.fill_(7)
    assert state["scale"].item() == 7
    assert block.state_dict(keep_vars=True)["scale"] is block.scale
    collected = {"other": tg.tensor(1)}
    assert block.state_dict(destination=collected, prefix="net.") is collected
    assert list(collected) == ["other", *(f"net.{name}" for name in state)]


@pytest.mark.parametrize("assign", [False, True])
def test_load_state_dict(assign: bool) -> None:
    source, target = (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) for _ in range(2))
    source(np.random.default_rng(0).normal(size=(5, 2)))
    parameters = list(target.parameters())
    keys = target.load_state_dict(source.state_dict(), assign=assign)
    assert keys == ([], [])
    assert target.load_state_dict(source.state_dict(keep_vars=True), assign=assign) == ([], [])
    for loaded, held in zip(target.state_dict().values(), source.state_dict().values(), strict=True):
        np.testing.assert_array_equal(loaded.numpy(), held.numpy())
        assert np.shares_memory(loaded.numpy(), held.numpy()) == assign
    assert all(now is before for now, before in zip(target.parameters(), parameters, strict=True))


def test_load_state_dict_converts_unless_it_assigns() -> None:
    layer = nn.Linear(2, 1)
    state = {"weight": np.ones((1, 2)), "bias": [0.5]}
    layer.load_state_dict(state)
    assert (layer.weight.dtype, layer.bias.item()) == (np.float32, 0.5)
    layer.load_state_dict(state, assign=True)
    assert layer.weight.dtype == np.float64
    assert layer.weight.requires_grad


def test_states_that_do_not_fit_change_nothing() -> None:
    net = nn.Linear(2, 1)
    before = net.weight.detach().numpy().copy()
    state = {"weight": np.ones((1, 2)), "extra": np.ones(1)}
    with pytest.raises(RuntimeError, match="bias is missing; extra is unexpected"):
        net.load_state_dict(state)
    with pytest.raises(RuntimeError, match=r"weight has shape \(1, 2\), but the state has \(2, 1\)"):
        net.load_state_dict({"weight": np.ones((2, 1))}, strict=False)
    np.testing.assert_array_equal(net.weight.detach().numpy(), before)
    assert net.load_state_dict(state, strict=False) == (["bias"], ["extra"])
    np.testing.assert_array_equal(net.weight.detach().numpy(), 1)


def test_loading_a_state_leaves_no_memory_watched() -> None:
    net = nn.Linear(2, 1)
    net.load_state_dict(nn.Linear(2, 1).state_dict())
    assert id(guard.owner(net.weight._data)) not in guard.shared


# --- hooks ------------------------------------------------------------------------------------------------------------


def test_forward_hooks_run_in_order_and_may_replace() -> None:
    seen: list[Any] = []
    layer = nn.Identity()
    layer.register_forward_hook(lambda m, args, output: seen.append(("after", args, output)))
    layer.register_forward_hook(lambda m, args, output: output + 1)
    layer.register_forward_hook(lambda m, args, output: seen.append(("last", args, output)))
    layer.register_forward_hook(lambda m, args, output: seen.append(("first", args, output)), prepend=True)
    layer.register_forward_pre_hook(lambda m, args: seen.append(("before", args)))
    layer.register_forward_pre_hook(lambda m, args: args[0] * 10)
    assert layer(2) == 21
    assert seen == [("before", (2,)), ("first", (20,), 20), ("after", (20,), 20), ("last", (20,), 21)]


def test_hooks_with_keywords() -> None:
    class Scaled(nn.Module):
        def forward(self, x: float, by: float = 1) -> float:
            return x * by

    layer = Scaled()
    handle = layer.register_forward_pre_hook(lambda m, args, kwargs: ((3,), {"by": kwargs["by"] + 1}), with_kwargs=True)
    layer.register_forward_hook(lambda m, args, kwargs, output: (args, kwargs, output), with_kwargs=True)
    assert layer(1, by=2) == ((3,), {"by": 3}, 9)
    handle.remove()
    handle.remove()
    assert layer(1, by=2) == ((1,), {"by": 2}, 2)


def test_always_called_hooks_see_failures() -> None:
    class Failing(nn.Module):
        def forward(self) -> None:
            raise ZeroDivisionError

    layer, seen = Failing(), []
    layer.register_forward_hook(lambda m, args, output: seen.append("never"))
    layer.register_forward_hook(lambda m, args, output: seen.append(output), always_call=True)
    with pytest.raises(ZeroDivisionError):
        layer()
    assert seen == [None]


def test_full_backward_hooks() -> None:
    layer = nn.Linear(3, 2, dtype=np.float64)
    x = leaf(np.random.default_rng(0).normal(size=(4, 3)))
    seen: list[Any] = []
    handle = layer.register_full_backward_hook(lambda m, inputs, outputs: seen.append((m, inputs, outputs)))
    cotangent = tg.tensor(np.random.default_rng(1).normal(size=(4, 2)))
    layer(x).backward(cotangent)
    ((module, (grad_input,), (grad_output,)),) = seen
    assert module is layer
    np.testing.assert_allclose(grad_output.numpy(), cotangent.numpy())
    np.testing.assert_allclose(grad_input.numpy(), cotangent.numpy() @ layer.weight.detach().numpy())
    np.testing.assert_allclose(x.grad.numpy(), grad_input.numpy())
    np.testing.assert_allclose(layer.weight.grad.numpy(), cotangent.numpy().T @ x.detach().numpy())

    handle.remove()
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0] * 2,))
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0] + 1,), prepend=True)
    x.grad = None
    layer(x).backward(cotangent)
    np.testing.assert_allclose(x.grad.numpy(), (grad_input.numpy() + 1) * 2)
    assert len(seen) == 1
    with tg.no_grad():
        assert not layer(x).requires_grad
    assert not layer.requires_grad_(False)(x.detach()).requires_grad


def test_full_backward_hooks_of_many_inputs_and_outputs() -> None:
    class Cross(nn.Module):
        def forward(self, a: tg.Tensor, b: tg.Tensor, c: float, d: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
            return a * b * c, b.sum() + d

    layer, seen = Cross(), []

    def hook(module: nn.Module, inputs: Any, outputs: Any) -> Any:
        seen.append((inputs, outputs))
        return (inputs[0], inputs[1] * 10, None, None)

    layer.register_full_backward_hook(hook)
    a, b = leaf([1.0, 2.0]), tg.tensor([3.0, 4.0], requires_grad=True)
    first, second = layer(a, b, 5.0, tg.tensor(1.0))
    assert (first.dtype, second.dtype) == (np.float64, np.float32)
    (first.sum() * 2 + second * 3).backward()
    ((inputs, outputs),) = seen
    assert [None if gradient is None else gradient.tolist() for gradient in inputs] == [[30, 40], [13, 23], None, None]
    assert [gradient.tolist() for gradient in outputs] == [[2, 2], 3]
    assert (inputs[1].dtype, outputs[1].dtype) == (np.float32, np.float32)
    assert (a.grad.tolist(), b.grad.tolist()) == ([30, 40], [130, 230])


def test_full_backward_hooks_of_a_first_layer() -> None:
    layer, seen = nn.Linear(2, 1), []
    layer.register_full_backward_hook(lambda m, inputs, outputs: seen.append((inputs, outputs[0].tolist())))
    layer(tg.tensor([[1.0, 2.0]])).backward()
    assert seen == [((None,), [[1.0]])]


def test_a_backward_hook_that_returns_the_wrong_number() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0], inputs[0]))
    with pytest.raises(ValueError, match="returned 2 gradients for 1 arguments"):
        layer(leaf(1.0)).backward()


def test_backward_hooks_in_second_derivatives() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(lambda m, inputs, outputs: (inputs[0] * 2,))
    x = leaf(0.5)
    (first,) = tg.autograd.grad(layer(x), x, create_graph=True)
    y = math.tanh(0.5)
    np.testing.assert_allclose(first.item(), 2 * (1 - y**2))
    # What a second pass brings to the input has not come through the output: as in PyTorch, no hook is called.
    np.testing.assert_allclose(tg.autograd.grad(first, x)[0].item(), -4 * y * (1 - y**2))


def captured(net: nn.Module) -> bool | str:
    """Train for three steps, captured and not; the same comes of it. True, or why it stayed eager."""
    x = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    peer = copy.deepcopy(net)
    outcomes = []
    for model, wrap in ((net, tg.capture), (peer, lambda step: step)):
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

        def step(rows: tg.Tensor, model: nn.Module = model, optimizer: tg.optim.SGD = optimizer) -> None:
            optimizer.zero_grad()
            model(rows).square().sum().backward()
            optimizer.step()

        run = wrap(step)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="a captured step stays eager")
            for rows in x:
                run(tg.tensor(rows))
        outcomes.append(getattr(run, "captured", None))
    for one, another in zip(net.state_dict().values(), peer.state_dict().values(), strict=True):
        np.testing.assert_allclose(one.numpy(), another.numpy(), rtol=1e-6)
    return outcomes[0]


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.LayerNorm(3), None),
        (nn.GELU(), None),
        (nn.BatchNorm1d(3), None),
        (nn.BatchNorm1d(3, momentum=None), "reading numbers"),
        (nn.Dropout(0.0), None),
        (nn.Dropout(generator=tg.Generator().manual_seed(0)), None),
    ],
    ids=repr,
)
def test_captured_layers(layer: nn.Module, reason: str | None) -> None:
    outcome = captured(nn.Sequential(nn.Linear(2, 3), layer))
    assert outcome is True if reason is None else reason in str(outcome)


def test_captured_steps_with_hooks_stay_eager() -> None:
    net, seen = nn.Sequential(nn.Linear(2, 3)), []
    net[0].register_forward_hook(lambda m, args, output: seen.append(1))
    net[0].register_full_backward_hook(lambda m, args, output: seen.append(2))
    assert "hooks" in str(captured(net))
    assert seen == [1, 2] * 6


def test_captured_steps_whose_hooks_are_gone_do_not() -> None:
    net = nn.Sequential(nn.Linear(2, 3))
    net[0].register_forward_hook(lambda m, args, output: None).remove()
    assert captured(net) is True


# --- what does not fit ------------------------------------------------------------------------------------------------


class Model(nn.Module):
    def __init__(self) -> None:
        self.encoder = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
        self.norm = nn.LayerNorm(3)
        self.losses = nn.ModuleDict({"fit": nn.MSELoss()})

    def forward(self, x: Any) -> tg.Tensor:
        return self.norm(self.encoder(x))

    def compare(self, x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return self.losses["fit"](x, y)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda net: net(np.ones((2, 5))), r"net.encoder\[0\] at test_nn.py:\d+: Linear\(4 → 3\).*got \(2, 5\)"),
        (
            lambda net: tg.autograd.functional.jacobian(net.encoder, tg.ones(2, 5)),
            r"net.encoder\[0\] at test_nn.py:\d+: .*got \(2, 5\)",
        ),
        (lambda net: net([[1.0, 2.0]]), r"net.encoder\[0\] at test_nn.py:\d+: .*got a list: write tensor"),
        (lambda net: net(np.float64(1.0)), r"net.encoder\[0\] at .*got \(\)"),
        (lambda net: net(np.ones((1, 4))), r"net.encoder\[1\] at test_nn.py:\d+: .*1 values per channel.*eval"),
        (lambda net: net(np.ones((2, 2, 2, 4))), r"net.encoder\[1\] at .*BatchNorm1d\(3\) .*got \(2, 2, 2, 3\)"),
        (lambda net: net.encoder[1](tg.tensor(np.ones((2, 5)))), r": BatchNorm1d\(3\) .*got \(2, 5\)"),
        (lambda net: net.norm(tg.tensor(np.ones((2, 5)))), r"net.norm at .*\(…, 3\), but got \(2, 5\)"),
        (
            lambda net: net.compare(tg.zeros(2, 3), tg.zeros(3)),
            r"net.losses.fit at test_nn.py:\d+: mse_loss: input of shape \(2, 3\) and target of shape \(3,\)",
        ),
    ],
)
def test_shape_errors_name_the_layer_and_the_line(call: Callable[[nn.Module], Any], message: str) -> None:
    net = Model()
    before = net.encoder[1].running_mean.tolist()
    with pytest.raises(ValueError, match=message):
        call(net)
    assert net.encoder[1].running_mean.tolist() == before


def test_shape_errors_name_the_widest_variable_or_the_one_that_was_called() -> None:
    x = tg.tensor(np.ones((2, 5)))
    layer = nn.Linear(4, 3)
    inner = nn.Sequential(layer)
    outer = nn.Sequential(nn.Tanh(), inner)
    for call, where in ((layer, r"^inner\[0\] at "), (inner, r"^inner\[0\] at "), (outer, r"^outer\[1\]\[0\] at ")):
        with pytest.raises(ValueError, match=where):
            call(x)
    with pytest.raises(ValueError, match=r"^Linear at "):
        nn.Linear(4, 3)(x)
    with pytest.raises(ValueError, match=r"^Sequential\[0\] at "):
        nn.Sequential(nn.Linear(4, 3))(x)

    class Block(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Linear(4, 3)

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return self.inner(x)

    block = Block()
    whole = nn.Sequential(nn.Identity(), block)
    with pytest.raises(ValueError, match=r"^whole\[1\].inner at "):
        whole(x)
    with pytest.raises(ValueError, match=r"^block.inner at "):
        block(x)

    class Improvised(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            return nn.Linear(4, 3)(x)

    net = Improvised()
    with pytest.raises(ValueError, match=r"^Linear at test_nn.py"):
        net(x)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Linear(0, 3), ValueError, "in_features is a positive integer"),
        (lambda: nn.Linear(3, 2.5), ValueError, "out_features"),  # type: ignore[arg-type]
        (lambda: nn.BatchNorm1d(0), ValueError, "num_features"),
        (lambda: nn.LayerNorm(()), ValueError, "normalized_shape"),
        (lambda: nn.LayerNorm((3, -1)), ValueError, "normalized_shape"),
        (lambda: nn.LayerNorm(2.5), ValueError, "normalized_shape"),  # type: ignore[arg-type]
        (lambda: nn.Dropout(1.5), ValueError, "probability"),
        (lambda: F.dropout(tg.tensor(1.0), -0.1), ValueError, "probability"),
        (lambda: F.dropout(tg.tensor(1.0), generator=3), TypeError, "generator"),  # type: ignore[arg-type]
        (lambda: nn.GELU("erf"), ValueError, "'none' or 'tanh'"),
        (lambda: F.batch_norm(tg.tensor([1.0]), None, None), ValueError, r"\(N, C, …\)"),
        (lambda: F.batch_norm(tg.tensor([[1.0]]), None, None), ValueError, "training=True"),
        (lambda: F.batch_norm(tg.tensor([[1.0]]), None, None, tg.tensor([1.0, 2.0])), ValueError, "a weight of as"),
        (lambda: F.one_hot([0.5]), TypeError, "float64"),
        (lambda: F.one_hot([-1]), ValueError, "span -1 … -1"),
        (lambda: F.one_hot([3], 3), ValueError, "from 0 to 2"),
        (lambda: F.one_hot(np.array([], int)), ValueError, "num_classes"),
        (lambda: nn.Parameter(np.ones(3)), TypeError, "ndarray"),
        (lambda: init.uniform_(tg.tensor([1.0]), 2, 1), ValueError, r"\[2, 1\)"),
        (lambda: init.normal_(tg.tensor([1.0]), std=-1), ValueError, "cannot be -1"),
        (lambda: init.trunc_normal_(tg.tensor([1.0]), std=0), ValueError, "cannot be 0"),
        (lambda: init.trunc_normal_(tg.tensor([1.0]), a=2, b=1), ValueError, "no mass"),
        (lambda: init.trunc_normal_(tg.tensor([1.0]), a=50, b=51), ValueError, "no mass"),
        (lambda: init.eye_(tg.tensor([1.0])), ValueError, r"shape \(1,\)"),
        (lambda: init.orthogonal_(tg.tensor([1.0])), ValueError, r"shape \(1,\)"),
        (lambda: init.xavier_uniform_(tg.tensor([1.0])), ValueError, "fan-in"),
        (lambda: init.kaiming_normal_(tg.tensor([[1.0]]), mode="in"), ValueError, "'fan_in' or 'fan_out'"),
        (lambda: init.calculate_gain("cosine"), ValueError, "'cosine'"),
        (lambda: nn.utils.clip_grad_norm_([], -1), ValueError, "max_norm"),
        (lambda: nn.utils.clip_grad_norm_([], 1, norm_type=0), ValueError, "norm_type"),
        (lambda: nn.utils.clip_grad_value_([], -1), ValueError, "clip_value"),
    ],
)
def test_refusals(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# --- initial values ---------------------------------------------------------------------------------------------------

GAIN = math.sqrt(2 / (1 + 0.5**2))
DISTRIBUTIONS: dict[str, tuple[Callable[..., tg.Tensor], Any]] = {
    "uniform_": (lambda t, g: init.uniform_(t, -1, 3, g), stats.uniform(-1, 4)),
    "normal_": (lambda t, g: init.normal_(t, 1, 2, g), stats.norm(1, 2)),
    "trunc_normal_": (lambda t, g: init.trunc_normal_(t, generator=g), stats.truncnorm(-2, 2)),
    "trunc_normal_, right": (
        lambda t, g: init.trunc_normal_(t, 1, 2, 3, 20, g), stats.truncnorm(1, 9.5, loc=1, scale=2)
    ),
    "trunc_normal_, far": (lambda t, g: init.trunc_normal_(t, 0, 1, 9, 10, g), stats.truncnorm(9, 10)),
    "xavier_uniform_": (
        lambda t, g: init.xavier_uniform_(t, 2, g), stats.uniform(-2 * math.sqrt(6 / 150), 4 * math.sqrt(6 / 150))
    ),
    "xavier_normal_": (lambda t, g: init.xavier_normal_(t, 2, g), stats.norm(0, 2 * math.sqrt(2 / 150))),
    "kaiming_uniform_": (
        lambda t, g: init.kaiming_uniform_(t, 0.5, generator=g),
        stats.uniform(-GAIN * math.sqrt(3 / 50), 2 * GAIN * math.sqrt(3 / 50)),
    ),
    "kaiming_normal_": (
        lambda t, g: init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu", generator=g),
        stats.norm(0, math.sqrt(2 / 100)),
    ),
    "Linear.weight": (lambda t, g: nn.Linear(50, 100, generator=g).weight, stats.uniform(-(50**-0.5), 2 * 50**-0.5)),
    "Linear.bias": (lambda t, g: nn.Linear(4, 5000, generator=g).bias, stats.uniform(-0.5, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_drawn_values_have_their_distribution(name: str) -> None:
    draw, distribution = DISTRIBUTIONS[name]
    values = draw(tg.tensor(np.zeros((100, 50))), seeded()).detach().numpy()
    assert stats.kstest(values.ravel(), distribution.cdf).pvalue > 0.01
    np.testing.assert_array_equal(draw(tg.tensor(np.zeros((100, 50))), seeded()).detach().numpy(), values)
    assert (draw(tg.tensor(np.zeros((100, 50))), seeded(1)).detach().numpy() != values).any()


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (2, 3, 2), (4, 1)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    matrix = init.orthogonal_(tg.tensor(np.zeros(shape)), 2, seeded()).numpy().reshape(shape[0], -1)
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_matrices_are_uniformly_distributed() -> None:
    drawn = [init.orthogonal_(tg.tensor(np.zeros((2, 2))), generator=seeded(i))[0, 0].item() for i in range(60)]
    assert abs(sum(np.sign(drawn))) < 30


def test_constants() -> None:
    weight = nn.Parameter(tg.tensor(np.zeros((2, 3))))
    assert init.eye_(weight) is weight
    np.testing.assert_array_equal(weight.detach().numpy(), np.eye(2, 3))
    np.testing.assert_array_equal(init.ones_(weight).detach().numpy(), 1)
    np.testing.assert_array_equal(init.zeros_(weight).detach().numpy(), 0)
    np.testing.assert_array_equal(init.constant_(weight, 0.5).detach().numpy(), 0.5)


@pytest.mark.parametrize(
    ("nonlinearity", "param", "gain"),
    [
        ("linear", None, 1), ("sigmoid", None, 1), ("tanh", None, 5 / 3), ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)), ("leaky_relu", 2, math.sqrt(2 / 5)), ("selu", None, 0.75),
    ],
)  # fmt: skip
def test_gains(nonlinearity: str, param: float | None, gain: float) -> None:
    np.testing.assert_allclose(init.calculate_gain(nonlinearity, param), gain)


# --- clipping ---------------------------------------------------------------------------------------------------------


def with_gradients(*gradients: Any) -> list[tg.Tensor]:
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
    norm = math.sqrt((expected**2).sum() + 2 * 25)
    np.testing.assert_allclose(nn.utils.clip_grad_norm_(layer.parameters(), 1.0).item(), norm)
    np.testing.assert_allclose(layer.weight.grad.numpy(), expected / (norm + 1e-6))
    nn.utils.clip_grad_value_(layer.weight, 0.1)
    np.testing.assert_allclose(layer.weight.grad.numpy(), np.clip(expected / (norm + 1e-6), -0.1, 0.1))


def test_clip_grad_norm_of_what_is_not_finite() -> None:
    parameters = with_gradients([3.0, np.inf])
    with pytest.raises(RuntimeError, match="norm inf"):
        nn.utils.clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)
    assert parameters[0].grad.tolist() == [3.0, np.inf]
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0
    parameters = with_gradients([3.0, np.nan])
    assert math.isnan(nn.utils.clip_grad_norm_(parameters, 1.0).item())
    assert np.isnan(parameters[0].grad.numpy()).all()


@pytest.mark.parametrize("layer", [nn.ReLU(inplace=True), nn.Dropout(0.5, True)], ids=repr)
def test_inplace_leaves_the_input_alone(layer: nn.Module) -> None:
    x = tg.tensor([-1.0, 2.0])
    layer(x)
    np.testing.assert_array_equal(x, [-1, 2])
