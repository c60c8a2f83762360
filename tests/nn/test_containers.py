"""Containers hold modules as lists, dicts and chains do, and refuse anything else."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.testing import check_module


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
    with pytest.raises(AttributeError, match="'ModuleDict' object has no attribute 'median'"):
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


def names(container: nn.Module) -> list[tuple[str, str]]:
    return [(name, type(module).__name__) for name, module in container.named_children()]


def test_a_sequential_has_the_methods_of_a_list() -> None:
    net = nn.Sequential(nn.Linear(1, 2), nn.Tanh())
    assert names(net + nn.Sequential(nn.ReLU())) == [("0", "Linear"), ("1", "Tanh"), ("2", "ReLU")]
    twice = 2 * net
    assert names(twice) == [("0", "Linear"), ("1", "Tanh")]  # each module is named once
    assert len(twice) == 4
    assert list(twice.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    same = net
    net += nn.Sequential(nn.ReLU())
    assert net is same
    assert net.insert(1, nn.GELU()) is net.extend([nn.SiLU()]) is net
    assert names(net) == [("0", "Linear"), ("1", "GELU"), ("2", "Tanh"), ("3", "ReLU"), ("4", "SiLU")]
    net.insert(-1, nn.ELU())
    assert [type(net.pop(key)).__name__ for key in (0, -2)] == ["Linear", "ELU"]
    del net[1:3]
    assert names(net) == [("0", "GELU"), ("1", "SiLU")]
    net *= 2
    assert len(net) == 4
    named = nn.Sequential({"first": nn.ReLU(), "second": nn.Tanh(), "third": nn.GELU()})
    assert names(named.pop(slice(0, 2))) == [("first", "ReLU"), ("second", "Tanh")]
    assert names(named) == [("0", "GELU")]


def test_a_module_list_adds_lists_and_returns_itself() -> None:
    layers = nn.ModuleList()
    assert layers.append(nn.ReLU()).extend([nn.Tanh()]) is layers
    assert names(layers + nn.ModuleList([nn.GELU()])) == [("0", "ReLU"), ("1", "Tanh"), ("2", "GELU")]
    assert isinstance(layers + layers, nn.ModuleList)
    layers += [nn.ELU()]
    assert type(layers.pop(-1)) is nn.ELU
    layers.add_module("2", nn.SiLU())
    layers.add_module("0", nn.Softplus())
    assert names(layers) == [("0", "Softplus"), ("1", "Tanh"), ("2", "SiLU")]


def test_a_list_with_something_else_in_it_is_not_taken_in_part() -> None:
    for container in (nn.Sequential(), nn.ModuleList()):
        with pytest.raises(TypeError):
            container.extend([nn.Tanh(), 3])
        assert len(container) == 0


def test_a_parameter_list_works_as_a_list() -> None:
    first = nn.Parameter(tg.ones(1))
    held = nn.ParameterList([first, tg.zeros(2), 3, "text"])
    assert held[0] is first
    assert [type(value).__name__ for value in held] == ["Parameter", "Parameter", "int", "str"]
    held.append(tg.ones(3)).extend([tg.ones(4)])
    held += [tg.ones(5)]
    assert list(held.state_dict()) == ["0", "1", "4", "5", "6"]
    held[2] = tg.ones(6)
    held[3:5] = [tg.ones(7)]
    del held[0]
    assert [tuple(parameter.shape) for parameter in held.parameters()] == [(2,), (6,), (7,), (4,), (5,)]
    assert isinstance(held[1:], nn.ParameterList)
    assert repr(nn.ParameterList([tg.ones(2, 3), 1])) == (
        "ParameterList(\n  (0): Parameter containing: [float32 of size 2x3]\n  (1): Object of type: int\n)"
    )
    for wrong in (first, 3):
        with pytest.raises(TypeError, match=r"write \[...\]"):
            held.extend(wrong)  # type: ignore[arg-type]


def test_a_parameter_dict_works_as_a_dict() -> None:
    held = nn.ParameterDict({"a": tg.ones(2), "b": 3})
    assert isinstance(held.a, nn.Parameter)
    assert held.a is held["a"]
    held.update(c=tg.ones(1))
    assert held.setdefault("d", tg.ones(4)).shape == (4,)
    assert list(held) == ["a", "b", "c", "d"]
    assert list(held.state_dict()) == ["a", "c", "d"]
    held.a = tg.zeros(3)
    assert held["a"].shape == (3,)
    assert held.pop("b") == 3
    assert held.popitem()[0] == "d"
    assert list(reversed(held)) == ["c", "a"]
    assert list(held | {"e": tg.ones(1)}) == ["a", "c", "e"]
    held |= {"f": tg.ones(1)}
    assert list(held.copy().state_dict()) == ["a", "c", "f"]
    assert dict(held.fromkeys("xy", 1)) == {"x": 1, "y": 1}
    assert "(c): Parameter containing: [float32 of size 1]" in repr(held)
    assert held.get("g") is None
    for name, error in [("a.b", KeyError), ("", KeyError), (3, TypeError)]:
        with pytest.raises(error):
            held[name] = tg.ones(1)  # type: ignore[index]
    with pytest.raises(AttributeError, match="'ParameterDict' object has no attribute 'g'"):
        _ = held.g


@pytest.mark.parametrize("made", [nn.ParameterList([tg.ones(2)]), nn.ParameterDict({"w": tg.ones(2)})], ids=repr)
def test_containers_of_parameters_are_copied_and_used_as_modules(made: Any) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.held = made

        def forward(self, x: tg.Tensor) -> tg.Tensor:
            (weight,) = self.held.parameters()
            return x * weight

    check_module(Net(), (3, 2))
    for copied in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        (one,), (another,) = copied.parameters(), made.parameters()
        assert one is not another
        assert one.tolist() == another.tolist()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: nn.Sequential(nn.Tanh), TypeError),
        (lambda: nn.Sequential(nn.Tanh()).append(3), TypeError),
        (lambda: nn.Sequential(nn.Tanh()) + nn.Tanh(), TypeError),
        (lambda: nn.Sequential(nn.Tanh()) * 0, ValueError),
        (lambda: nn.Sequential(nn.Tanh()).insert(3, nn.Tanh()), IndexError),
        (lambda: nn.Sequential(nn.Tanh()).insert(0, 3), TypeError),
        (lambda: nn.ModuleList().add_module("1", nn.Tanh()), ValueError),
        (lambda: nn.ModuleList(nn.Tanh()), TypeError),
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
