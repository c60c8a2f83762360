"""A loss to minimize and a closure to step with, for several files of this folder."""

from collections.abc import Callable

import tinygrad_mlp as tg
from tinygrad_mlp.optim import Optimizer


def rosenbrock(x: tg.Tensor) -> tg.Tensor:
    """Rosenbrock's function, a curved valley with its minimum 0 at (1, 1)."""
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def closure_of(optimizer: Optimizer, loss: Callable[[], tg.Tensor]) -> Callable[[], tg.Tensor]:
    """What `optimizer.step` calls: it clears the gradients, and computes the loss and its gradients."""

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    return closure
