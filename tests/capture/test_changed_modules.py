"""A captured step notices each change to the layers, the attributes and the hooks of modules that it was built with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn


class Both(nn.Module):
    """Applies the modules of a list and of a dict, with its own `scale` where it has one."""

    scale = 1.0

    def __init__(self) -> None:
        self.several = nn.ModuleList([nn.Tanh(), nn.Sigmoid()])
        self.named = nn.ModuleDict({"one": nn.Tanh(), "two": nn.Sigmoid()})

    def forward(self, x: Any) -> Any:
        for module in [*self.several, *self.named.values()]:
            x = module(x)
        return x * self.scale


CHANGES: dict[str, tuple[Callable[[], nn.Module], Callable[[Any], Any]]] = {
    "a layer appended": (lambda: nn.Sequential(nn.Tanh()), lambda net: net.append(nn.Sigmoid())),
    "a module of a list inserted": (Both, lambda net: net.several.insert(0, nn.Sigmoid())),
    "a module of a list replaced": (Both, lambda net: net.several.__setitem__(0, nn.Sigmoid())),
    "a module of a list deleted": (Both, lambda net: net.several.__delitem__(0)),
    "a module of a dict deleted": (Both, lambda net: net.named.__delitem__("one")),
    "an attribute set": (Both, lambda net: setattr(net, "scale", 2.0)),
    "a mode": (lambda: nn.Sequential(nn.BatchNorm1d(3, dtype=np.float64)), lambda net: net.eval()),
}


def applied(net: nn.Module) -> Callable[[tg.Tensor], tg.Tensor]:
    """A step without a name of its own, so that it reads nothing but `net`."""
    return lambda x: net(x).detach()


@pytest.mark.parametrize("name", CHANGES)
def test_changes_are_noticed(name: str) -> None:
    build, change = CHANGES[name]
    net = build()
    step = tg.capture(applied(net))
    x = tg.tensor(np.linspace(-1, 1, 12).reshape(4, 3))
    before = [step(x).numpy().tolist() for _ in range(3)][-1]
    change(net)
    after = step(x).numpy().tolist()
    assert after == applied(net)(x).numpy().tolist()
    assert after != before
    assert step.captured is True


def test_an_attribute_deleted_is_noticed() -> None:
    net = Both()
    net.scale = 3.0
    step = tg.capture(applied(net))
    x = tg.ones(2)
    tripled = [step(x).numpy() for _ in range(3)][-1]
    del net.scale
    np.testing.assert_allclose(step(x).numpy() * 3, tripled)


def test_a_mode_is_noticed_where_forward_is_called_directly() -> None:
    norm = nn.BatchNorm1d(3, dtype=np.float64)
    step = tg.capture(lambda x: norm.forward(x).detach())
    x = tg.tensor(np.linspace(-1, 1, 12).reshape(4, 3))
    for _ in range(3):
        step(x)
    norm.eval()
    assert step(x).numpy().tolist() == norm.forward(x).detach().numpy().tolist()


@pytest.mark.filterwarnings("ignore:a captured step stays eager")
def test_a_hook_is_noticed_each_time_it_is_registered_or_removed() -> None:
    net, seen = nn.Sequential(nn.Tanh()), []
    step = tg.capture(applied(net))
    for _ in range(3):
        step(tg.ones(2))
    for calls in (1, 2):
        handle = net[0].register_forward_hook(lambda module, args, output: seen.append(1))
        step(tg.ones(2))
        assert len(seen) == calls
        assert "hooks" in step.captured
        handle.remove()
        step(tg.ones(2))
        assert len(seen) == calls
        assert step.captured is True
