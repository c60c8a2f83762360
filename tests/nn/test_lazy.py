"""Lazy layers take their sizes from the first input, and until then their parameters say that they have none."""

import copy
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn


def test_a_lazy_linear_layer_becomes_a_linear_one() -> None:
    layer = nn.LazyLinear(3, generator=tg.Generator().manual_seed(0))
    weight, bias = layer.parameters()
    assert repr(layer) == "LazyLinear(in_features=0, out_features=3, bias=True)"
    assert repr(weight) == "<UninitializedParameter>"
    assert layer.has_uninitialized_params()
    x = tg.randn(5, 4)
    y = layer(x)
    assert type(layer) is nn.Linear
    assert repr(layer) == "Linear(in_features=4, out_features=3, bias=True)"
    assert layer.weight is weight
    assert layer.bias is bias
    assert type(weight) is type(bias) is nn.Parameter
    same = nn.Linear(4, 3, generator=tg.Generator().manual_seed(0))
    np.testing.assert_array_equal(y.detach(), same(x).detach())
    assert vars(layer).keys() == vars(same).keys()
    assert nn.LazyLinear(3, bias=False).bias is None
    with pytest.raises(ValueError, match=r"net at test_lazy.py:\d+: LazyLinear takes inputs of shape \(…, in\)"):
        (net := nn.LazyLinear(3))(tg.ones(()))
    assert type(net) is nn.LazyLinear


def test_writes_to_views_elsewhere_change_nothing_for_lazy_layers() -> None:
    written = tg.ones(2, requires_grad=True) * 2
    view = written[:1]
    written *= 3  # from here on, and as long as the memory lives, views look for new places before they are used
    net = nn.LazyLinear(3)
    assert net.weight.is_leaf
    assert net.weight.grad_fn is None
    tg.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(nn.parameter.UninitializedError, match="no shape yet"):
        net.weight + view
    assert net(view.detach()).shape == (3,)


@pytest.mark.parametrize("layer", [nn.LazyLinear(2), nn.LazyBatchNorm1d()], ids=lambda layer: type(layer).__name__)
def test_there_is_nothing_to_reset_before_the_first_call(layer: Any) -> None:
    layer.reset_parameters()
    assert layer.has_uninitialized_params()
    layer(tg.ones(4, 3))
    with tg.no_grad():
        layer.weight.fill_(9)
    layer.reset_parameters()
    assert not (layer.weight == 9).any()


def test_a_lazy_batch_norm_becomes_one() -> None:
    layer = nn.LazyBatchNorm1d(0.1, momentum=0.5).double()
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    x = tg.randn(5, 4, dtype=np.float64)
    np.testing.assert_array_equal(layer(x).detach(), nn.BatchNorm1d(4, 0.1, dtype=np.float64)(x).detach())
    assert type(layer) is nn.BatchNorm1d
    assert layer.num_features == 4
    np.testing.assert_allclose(layer.running_mean, x.mean(0) / 2)
    for options, count in [({"affine": False}, 3), ({"track_running_stats": False}, 2), ({"bias": False}, 4)]:
        layer = nn.LazyBatchNorm1d(**options)  # type: ignore[arg-type]
        assert layer(tg.randn(3, 2)).shape == (3, 2)
        assert len(layer.state_dict()) == count
    with pytest.raises(ValueError, match="takes inputs of shape"):
        nn.LazyBatchNorm1d()(tg.ones(3))


USES: dict[str, Callable[[Any], Any]] = {
    "shape": lambda w: w.shape, "numel": lambda w: w.numel(), "add": lambda w: w + 1, "radd": lambda w: 1 + w,
    "matmul": lambda w: tg.ones(2, 2) @ w, "sum": lambda w: w.sum(), "exp": np.exp, "init": nn.init.xavier_uniform_,
    "zeros_": nn.init.zeros_, "index": lambda w: w[0], "len": len, "array": lambda w: w.numpy(force=True),
    "tolist": lambda w: w.tolist(), "reshape": lambda w: w.reshape(-1), "vector": nn.utils.parameters_to_vector,
    "linear": lambda w: nn.functional.linear(tg.ones(2, 2), w), "clone": lambda w: w.clone(),
}  # fmt: skip


@pytest.mark.parametrize("use", USES.values(), ids=list(USES))
def test_a_parameter_without_a_shape_says_so(use: Callable[[Any], Any]) -> None:
    weight = nn.LazyLinear(3).weight
    with pytest.raises((RuntimeError, ValueError), match="has no shape yet, because its layer takes the sizes"):
        use([weight] if use is nn.utils.parameters_to_vector else weight)
    assert repr(weight) == "<UninitializedParameter>"


def test_what_needs_no_entries_works_before_the_first_call() -> None:
    net = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in net.parameters())
    net.requires_grad_(False).requires_grad_(True).zero_grad()
    assert {parameter.dtype for parameter in net.to(np.float64).parameters()} == {np.dtype(np.float64)}
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert copied(tg.ones(4, 2, dtype=np.float64)).shape == (4, 3)
        assert type(copied[0]) is nn.Linear
    assert type(net[0]) is nn.LazyLinear


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_an_optimizer_may_be_given_the_parameters_before_the_first_call(name: str) -> None:
    net = nn.Sequential(nn.LazyLinear(3), nn.Tanh(), nn.LazyLinear(1))
    optimizer = getattr(tg.optim, name)(net.parameters(), lr=0.1)
    assert "4 parameters of 0 entries" in repr(optimizer)
    x = tg.randn(5, 4)
    before = None
    for _ in range(2):
        optimizer.zero_grad()
        net(x).square().sum().backward()
        before = before or copy.deepcopy(net.state_dict())
        optimizer.step()
    for path, value in net.state_dict().items():
        assert (value != before[path]).any(), path  # type: ignore[index]
    assert "4 parameters of 19 entries" in repr(optimizer)


def test_a_state_gives_a_lazy_layer_its_shape() -> None:
    full = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    full(tg.randn(5, 4))
    for assign in (False, True):
        lazy = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
        assert lazy.load_state_dict(full.state_dict(), assign=assign) == ([], [])
        assert type(lazy[0]) is nn.LazyLinear
        x = tg.randn(5, 4)
        np.testing.assert_array_equal(lazy.eval()(x).detach(), full.eval()(x).detach())
        assert type(lazy[0]) is nn.Linear
        assert lazy[0].in_features == 4
    lazy = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    with pytest.raises(RuntimeError, match=r"0\.weight has a shape, but in the state it has none"):
        full.load_state_dict(lazy.state_dict())
    another = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    assert another.load_state_dict(lazy.state_dict()) == ([], [])
    assert another[0].has_uninitialized_params()


def test_the_class_of_a_buffer_says_whether_it_is_persistent() -> None:
    net = nn.Module()
    net.kept, net.passing = nn.UninitializedBuffer(), nn.UninitializedBuffer(persistent=False)
    assert list(net.state_dict()) == ["kept"]
    for buffer in (net.kept, net.passing):
        assert not buffer.requires_grad
        buffer.materialize((2, 3), dtype=np.float64)
        assert isinstance(buffer, nn.Buffer)
        assert (buffer.shape, buffer.dtype) == ((2, 3), np.float64)
    assert not nn.UninitializedParameter(requires_grad=False).requires_grad
    with pytest.raises(TypeError):
        nn.UninitializedParameter(dtype=np.int64)


def test_the_first_call_of_a_lazy_layer_is_not_replayed() -> None:
    net = nn.Sequential(nn.LazyLinear(3))

    @tg.capture
    def step(x: tg.Tensor) -> tg.Tensor:
        return net(x).sum().detach()

    x = tg.randn(5, 4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        first = step(x)
    assert "the first call of a lazy layer" in str(caught[0].message)
    assert first.item() == step(x).item() == net(x).sum().item()
    step.reset()
    step(x)
    assert step.captured is True
