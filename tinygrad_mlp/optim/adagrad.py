"""Adagrad, which divides each step by the root of the sum of the squares of all the gradients so far."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from ..tensors.tensor import Tensor
from .entries import Number, Numbers, Table
from .optimizer import Optimizer, full_gradient, validate_differentiable, validate_flags, validate_rates

__all__ = ["Adagrad"]


class Adagrad(Optimizer):
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

    _entries: ClassVar[Table] = {"step": Number(whole=True, least=0), "sum": Numbers(least=0)}

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
        validate_differentiable(differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "maximize": maximize,
            },
        )

    def _check(self, group: dict[str, Any]) -> None:
        validate_rates(group, "lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
        validate_flags(group, "maximize")

    def _update(self, group: dict[str, Any], ready: list[tuple[Tensor, Any]]) -> None:
        for parameter, gradient in ready:
            weight = parameter._data
            gradient = full_gradient(gradient, weight, group["weight_decay"], group["maximize"])
            state = self.state.setdefault(parameter, {})
            if not state:
                state["step"] = 0
                state["sum"] = np.full(weight.shape, group["initial_accumulator_value"], weight.dtype)
            total = state["sum"]
            total += gradient * gradient
            rate = group["lr"] / (1 + state["step"] * group["lr_decay"])
            state["step"] += 1
            weight -= rate * gradient / (np.sqrt(total) + group["eps"])
