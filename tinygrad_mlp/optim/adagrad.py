"""Adagrad, which divides each step by the root of the sum of the squares of all the gradients so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .entries import Numbers
from .entrywise import STEP, EntryWise, Rows, State

__all__ = ["Adagrad"]


class Adagrad(EntryWise):
    """``W ← W − lr / (1 + (t − 1) · lr_decay) · g / (√s + eps)`` with the sum s of the g² so far (Duchi et al. 2011).

    Here g is the gradient in step t = 1, 2, ….

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        lr: the learning rate of the first step.
        lr_decay: how fast the learning rate falls.
        weight_decay: this times W is added to g.
        initial_accumulator_value: the sum s before the first step.
        eps: keeps the denominator from being 0.
        maximize: flip the sign of the gradient.
        foreach, fused: PyTorch's choices of a way to compute, which change nothing.
        differentiable: False.

    Raises:
        ValueError: an option is negative, or `differentiable` is True.
    """

    _entries: ClassVar[Rows] = {**STEP, "sum": Numbers(start="initial_accumulator_value", least=0)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            differentiable,
            lr=lr,
            lr_decay=lr_decay,
            eps=eps,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            maximize=maximize,
        )

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        total = state["sum"]
        total += gradient * gradient
        rate = group["lr"] / (1 + (state["step"] - 1) * group["lr_decay"])
        weight -= rate * gradient / (np.sqrt(total) + group["eps"])
