"""Adadelta, which sets each step by the sizes of the gradients and of the steps before it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .entries import Numbers
from .entrywise import STEP, EntryWise, Rows, State, blend

__all__ = ["Adadelta"]


class Adadelta(EntryWise):
    """``W ← W − lr · d`` with ``d = √(u + eps) / √(v + eps) · g`` and averages v of g² and u of d² (Zeiler 2012).

    Here g is the gradient, ``v ← ρ v + (1 − ρ) g²`` before d is computed, and ``u ← ρ u + (1 − ρ) d²`` after it.

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        lr: multiplies each step. The formula of the paper has none.
        rho: ρ, the share of the averages so far.
        eps: lets the first steps begin, and keeps the denominator from being 0.
        weight_decay, maximize, foreach, capturable, differentiable: as for `Adam`.

    Raises:
        ValueError: an option is negative, `rho` is greater than 1, or `differentiable` is True.
    """

    _entries: ClassVar[Rows] = {**STEP, "square_avg": Numbers(least=0), "acc_delta": Numbers(least=0)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, differentiable, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay, maximize=maximize)

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        square, of_steps, rho, eps = state["square_avg"], state["acc_delta"], group["rho"], group["eps"]
        blend(square, gradient * gradient, rho)
        step = np.sqrt(of_steps + eps) / np.sqrt(square + eps) * gradient
        blend(of_steps, step * step, rho)
        weight -= group["lr"] * step
