"""Adam, which scales the step of each entry by the size of its past gradients, and AdamW, which decouples the decay."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .entries import Numbers
from .entrywise import MOMENTS, EntryWise, Rows, State, kept, moments

__all__ = ["Adam", "AdamW"]


class Adam(EntryWise):
    """``W ← W − lr · m̂ / (√v̂ + eps)`` with averages m of the gradient g and v of its square (Kingma & Ba 2015).

    In step t, ``m ← β₁ m + (1 − β₁) g`` and ``v ← β₂ v + (1 − β₂) g²``. Both start at 0, which is corrected by
    ``m̂ = m / (1 − β₁ᵗ)`` and ``v̂ = v / (1 − β₂ᵗ)``.

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        lr: the learning rate.
        betas: β₁ and β₂.
        eps: keeps the denominator from being 0.
        weight_decay: this times W is added to g.
        amsgrad: use the largest v so far in place of v (Reddi et al. 2018); of the steps since it was switched on, if
            that was in the middle of training.
        maximize: flip the sign of the gradient.
        decoupled_weight_decay: multiply W by ``1 − lr · weight_decay``, instead of adding to g (Loshchilov & Hutter
            2019).
        foreach, capturable, fused: PyTorch's choices of a way to compute, which change nothing.
        differentiable: False.

    Raises:
        ValueError: `lr`, `eps` or `weight_decay` is negative, a β is outside [0, 1), or `differentiable` is True.
    """

    _entries: ClassVar[Rows] = {**MOMENTS, "max_exp_avg_sq": Numbers(least=0, required=False)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        super().__init__(
            params,
            differentiable,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            decoupled_weight_decay=decoupled_weight_decay,
        )

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        # One array of the weight's size holds all intermediate results, because new memory would take more time.
        scratch = np.empty(weight.shape, weight.dtype)
        mean, square, of_mean, of_square = moments(state, gradient, group["betas"], scratch)
        if group["amsgrad"]:
            largest = kept(state, "max_exp_avg_sq", weight)
            square = np.maximum(largest, square, out=largest)
        # W ← W − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + eps)
        np.sqrt(square, out=scratch)
        scratch /= math.sqrt(of_square)
        scratch += group["eps"]
        np.divide(mean, scratch, out=scratch)
        scratch *= group["lr"] / of_mean
        weight -= scratch


class AdamW(Adam):
    """`Adam` with `decoupled_weight_decay`, and a `weight_decay` of 0.01 by default."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            maximize=maximize,
            differentiable=differentiable,
            decoupled_weight_decay=True,
        )
