"""Networks, batches and losses whose gradients several files of this folder explain."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinygrad_mlp as tg
from tinygrad_mlp import Tensor, nn
from tinygrad_mlp.derivation.page import Derivation, explain
from tinygrad_mlp.nn import functional as F

LOSSES: dict[str, Callable[[Tensor, Any], Tensor]] = {
    "mean square": lambda z, y: 0.5 * F.mse_loss(z.sigmoid(), y, reduction="sum"),
    "average square": lambda z, y: F.mse_loss(z.sigmoid(), y),
    "squares of z": lambda z, y: F.mse_loss(z, y, reduction="sum"),
    "cross entropy": lambda z, y: F.binary_cross_entropy(z.sigmoid(), y, reduction="sum"),
    "average cross entropy": lambda z, y: F.binary_cross_entropy(z.sigmoid(), y),
    "cross entropy of logits": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="sum"),
    "average cross entropy of logits": lambda z, y: F.binary_cross_entropy_with_logits(z, y),
}
ACTIVATIONS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}


def network(
    sizes: list[int], bias: bool = False, activation: str = "tanh", dtype: Any = np.float64, seed: int = 0
) -> nn.Sequential:
    """Linear, activation, …, Linear: its outputs are the logits z."""
    generator = tg.Generator().manual_seed(seed)
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.Linear(before, after, bias, dtype=dtype, generator=generator), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def batch(sizes: list[int], rows: int, dtype: Any = np.float64, seed: int = 0) -> tuple[Tensor, NDArray[Any]]:
    """Random samples as rows, and their targets between 0 and 1."""
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(rows, sizes[0])), random.random((rows, sizes[-1]))
    return tg.tensor(x.astype(dtype)), y.astype(dtype)


def explained(loss: str, sizes: list[int], rows: int = 1, bias: bool = False, **how: Any) -> Derivation:
    """The derivation for a network of these sizes and a batch of as many rows."""
    net = network(sizes, bias)
    x, y = batch(sizes, rows)
    return explain(LOSSES[loss](net(x), y), net, **how)
