"""Containers hold modules as lists, dicts and chains do, and refuse anything else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn


def test_sequential_uses_the_call_that_a_layer_overrides() -> None:
    class Doubled(nn.Identity):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return 2 * super().__call__(*args, **kwargs)

    x = tg.ones(1, 2)
    np.testing.assert_array_equal(nn.Sequential(Doubled(), nn.Identity())(x).numpy(), [[2.0, 2.0]])


def test_a_module_list_works_as_a_list() -> None:
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


def test_a_module_dict_works_as_a_dict() -> None:
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


def test_append_to_a_sequential_replaces_no_module() -> None:
    part = nn.Sequential(nn.Linear(1, 1), nn.Tanh(), nn.Linear(1, 1))[1:].append(nn.ReLU())
    assert list(map(type, part)) == [nn.Tanh, nn.Linear, nn.ReLU]
    assert [name for name, _ in part.named_children()] == ["1", "2", "3"]
    gaps = nn.Sequential({"0": nn.Linear(1, 1), "2": nn.Linear(1, 1)}).append(nn.ReLU()).append(nn.Sigmoid())
    assert list(map(type, gaps)) == [nn.Linear, nn.Linear, nn.ReLU, nn.Sigmoid]
    assert len(gaps.state_dict()) == 4


def test_a_sequential_works_as_a_chain_of_named_modules() -> None:
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
def test_containers_refuse_everything_but_modules(make: Callable[[], Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        make()
