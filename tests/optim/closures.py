"""Losses and closures that optimizers and SciPy minimize in several files of this folder."""

from collections.abc import Callable

import tinygrad_mlp as tg
from tinygrad_mlp.optim import Optimizer


def rosenbrock(x: tg.Tensor) -> tg.Tensor:
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def stepping(optimizer: Optimizer, loss: Callable[[], tg.Tensor]) -> Callable[[], tg.Tensor]:
    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure
