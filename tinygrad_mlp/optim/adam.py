"""Adam, which scales the step of each entry by the size of its past gradients, and AdamW, which decouples the decay."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .entries import Number, Numbers, Table
from .optimizer import Optimizer, full_gradient, validate_differentiable, validate_flags, validate_rates

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
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

    _entries: ClassVar[Table] = {
        "step": Number(whole=True, least=0),
        "exp_avg": Numbers(),
        "exp_avg_sq": Numbers(least=0),
        "max_exp_avg_sq": Numbers(least=0, required=False),
    }

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
        validate_differentiable(differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def _check(self, group: dict[str, Any]) -> None:
        validate_rates(group, "lr", "eps", "weight_decay")
        validate_flags(group, "amsgrad", "maximize", "decoupled_weight_decay")
        betas = group["betas"]
        are_two = isinstance(betas, tuple | list) and len(betas) == 2
        if not are_two or not all(isinstance(beta, Real) and 0 <= float(beta) < 1 for beta in betas):
            raise ValueError(f"betas are two numbers of [0, 1), not {shown(betas)}")

    def _update(self, group: dict[str, Any], ready: list[tuple[Tensor, Any]]) -> None:
        lr, decay = group["lr"], group["weight_decay"]
        beta1, beta2 = group["betas"]
        for parameter, gradient in ready:
            weight = parameter._data
            is_decoupled = group["decoupled_weight_decay"]
            gradient = full_gradient(gradient, weight, 0 if is_decoupled else decay, group["maximize"])
            if decay and is_decoupled:
                weight *= 1 - lr * decay
            state = self.state.setdefault(parameter, {})
            if not state:
                state["step"] = 0
                for name in ("exp_avg", "exp_avg_sq"):
                    state[name] = np.zeros(weight.shape, weight.dtype)
            state["step"] += 1
            mean, square = state["exp_avg"], state["exp_avg_sq"]

            # One array of the weight's size holds all intermediate results, because new memory would take more time.
            # m ← β₁ m + (1 − β₁) g
            scratch = np.multiply(gradient, 1 - beta1, out=np.empty(weight.shape, weight.dtype))
            mean *= beta1
            mean += scratch
            # v ← β₂ v + (1 − β₂) g²
            np.multiply(gradient, gradient, out=scratch)
            scratch *= 1 - beta2
            square *= beta2
            square += scratch
            if group["amsgrad"]:
                largest = state.get("max_exp_avg_sq")
                if largest is None:  # in the first step, and in the first one after amsgrad was switched on
                    largest = state["max_exp_avg_sq"] = np.zeros(weight.shape, weight.dtype)
                square = np.maximum(largest, square, out=largest)
            # W ← W − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + eps)
            np.sqrt(square, out=scratch)
            scratch /= math.sqrt(1 - beta2 ** state["step"])
            scratch += group["eps"]
            np.divide(mean, scratch, out=scratch)
            scratch *= lr / (1 - beta1 ** state["step"])
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
