"""Adamax, which divides each step by the largest of the past gradients, of which the older ones count less."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .entries import Numbers
from .entrywise import STEP, EntryWise, Rows, State, blend

__all__ = ["Adamax"]


class Adamax(EntryWise):
    """``W ← W − lr · m̂ / u`` with the average m̂ of the gradient g and a decaying maximum u of |g| (Kingma & Ba 2015).

    In step t, ``m ← β₁ m + (1 − β₁) g`` and ``u ← max(β₂ u, |g| + eps)``, and m̂ is ``m / (1 − β₁ᵗ)``.

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        lr: the learning rate.
        betas: β₁ and β₂.
        eps: keeps the denominator from being 0.
        weight_decay, maximize, foreach, capturable, differentiable: as for `Adam`.

    Raises:
        ValueError: as for `Adam`.
    """

    _entries: ClassVar[Rows] = {**STEP, "exp_avg": Numbers(), "exp_inf": Numbers(least=0)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(
            params, differentiable, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize
        )

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        (beta1, beta2), mean, largest = group["betas"], state["exp_avg"], state["exp_inf"]
        blend(mean, gradient, beta1)
        largest *= beta2
        np.maximum(largest, np.abs(gradient) + group["eps"], out=largest)
        weight -= group["lr"] / (1 - beta1 ** state["step"]) * mean / largest
