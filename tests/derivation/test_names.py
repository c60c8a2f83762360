"""A derivation calls layers, parameters, data and constants by names that the user knows."""

import re
from typing import Any

import numpy as np
from networks import LOSSES, batch, network

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.derivation.page import explain


def test_names() -> None:
    net = network([3, 2, 2], True)
    x, y = batch([3, 2, 2], 1)
    scale = tg.tensor([2.0], dtype=np.float64, requires_grad=True)
    hidden = net[1](net[0](x))
    loss = (LOSSES["mean square"](net[2](hidden), y) * scale).sum()
    assert list(explain(loss).errors) == ["θ₁", "W⁽²⁾", "b⁽²⁾", "W⁽¹⁾", "b⁽¹⁾"]
    assert list(explain(loss, net).errors) == ["θ₁", "2.weight", "2.bias", "0.weight", "0.bias"]
    named = explain(loss, net, {"V": net[2].weight, "h": hidden, "data": x, "t": y, "η": scale, "L": net[2].bias})
    assert list(named.errors) == ["η", "V", "L", "0.weight", "0.bias"]
    text = str(named)
    for line in ("z⁽¹⁾ = data W⁽¹⁾ᵀ + b⁽¹⁾", "h    = tanh(z⁽¹⁾)", "z⁽²⁾ = h Vᵀ + L", "E    = Σ (a⁽²⁾ − t)²", "∂L₂/∂h "):
        assert line in text
    assert r"\eta" in named.latex()
    assert r"\lambda" in explain(loss, names={"λ": scale}).latex()
    assert r"\mathrm{data}" in named.latex()


def test_names_that_are_paths_of_others_are_told_apart() -> None:
    net = network([3, 2, 2])
    x, y = batch([3, 2, 2], 1)
    errors = explain(LOSSES["mean square"](net(x), y), net, {"0.weight": net[2].weight}).errors
    assert list(errors) == ["2.weight", "0.weight"]


def test_parameters_that_are_no_layers_are_called_by_their_path() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            self.gain = nn.Parameter(tg.tensor([1.0, 2.0]))

        def forward(self, x: Any) -> Any:
            return x * self.gain

    net = nn.Sequential(nn.Linear(3, 2), Scaled())
    found = explain(net(np.ones((1, 3), np.float32)).sum(), net)
    assert "u₁   = z⁽¹⁾ ⊙ 1.gain" in str(found)
    assert r"\mathrm{1.gain}" in found.latex()


def test_shared_and_added_up() -> None:
    layer = nn.Linear(3, 3, dtype=np.float64)
    first = layer(batch([3, 3], 2)[0]).tanh()
    found = explain((layer(first).tanh() + first).square().mean(), names={"V": layer.weight})
    assert max(found.errors.values()) < 1e-14
    assert len(found.formulas["V"]) == 1
    assert re.search(r"∂L/∂V    = .*\n +\+ ", str(found))


def test_constants_keep_their_values() -> None:
    x = tg.tensor([0.5, 2.0], requires_grad=True)
    text = str(explain((0.1 * np.log2(x) + 1e-20 * x + x / 3 + x**-2 * tg.tensor(0.3)).sum()))
    assert "1/10 · " in text
    assert "ln 2" in text
    assert "10⁻²⁰" in text
    assert "θ₁⁻²" in text
    assert "3/10" in text
