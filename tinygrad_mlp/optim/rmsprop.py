"""RMSprop, which divides each step by the root of an average of the squares of the gradients."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .entries import Numbers
from .entrywise import STEP, EntryWise, Rows, State, blend, kept

__all__ = ["RMSprop"]


class RMSprop(EntryWise):
    """``W ← W − lr · g / (√v + eps)`` with an average ``v ← α v + (1 − α) g²`` of the square of the gradient g.

    Both the formula and the name are of Hinton's lectures (2012).

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        lr: the learning rate.
        alpha: α, the share of the average so far.
        eps: keeps the denominator from being 0.
        weight_decay: this times W is added to g.
        momentum: if it is not 0, a velocity ``u ← momentum · u + g / (√v + eps)`` is the step (times lr).
        centered: whether to subtract the square of an average of g from v, which makes v an estimate of the variance.
        maximize: flip the sign of the gradient.
        capturable, foreach: PyTorch's choices of a way to compute, which change nothing.
        differentiable: False.

    Raises:
        ValueError: an option is negative, or `differentiable` is True.
    """

    _entries: ClassVar[Rows] = {
        **STEP,
        "square_avg": Numbers(least=0),
        "momentum_buffer": Numbers(required=False),
        "grad_avg": Numbers(required=False),
    }

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            params,
            differentiable,
            lr=lr,
            momentum=momentum,
            alpha=alpha,
            eps=eps,
            centered=centered,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        square, alpha, momentum = state["square_avg"], group["alpha"], group["momentum"]
        blend(square, gradient * gradient, alpha)
        spread = square
        if group["centered"]:
            mean = kept(state, "grad_avg", weight)
            blend(mean, gradient, alpha)
            spread = np.maximum(square - mean * mean, 0)  # rounding may leave a variance of 0 a little below it
        step = gradient / (np.sqrt(spread) + group["eps"])
        if momentum > 0:
            velocity = kept(state, "momentum_buffer", weight)
            velocity *= momentum
            velocity += step
            step = velocity
        weight -= group["lr"] * step
