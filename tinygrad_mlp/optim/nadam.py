"""NAdam, which is Adam with Nesterov's momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .entries import Number
from .entrywise import MOMENTS, EntryWise, Rows, State, moments

__all__ = ["NAdam"]


class NAdam(EntryWise):
    """`Adam` with Nesterov's momentum: a step uses the average m as the next step would use it (Dozat 2016).

    In step t, with the gradient g and with m and v̂ as in `Adam`, ``W ← W − lr · d / (√v̂ + eps)`` for
    ``d = (1 − μₜ) / (1 − μ₁⋯μₜ) · g + μₜ₊₁ / (1 − μ₁⋯μₜ₊₁) · m``. Here ``μₜ = β₁ (1 − 0.96^(t · momentum_decay) / 2)``
    grows towards β₁.

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        lr: the learning rate.
        betas: β₁ and β₂.
        eps: keeps the denominator from being 0.
        momentum_decay: how fast μₜ grows.
        weight_decay, decoupled_weight_decay, maximize, foreach, capturable, differentiable: as for `Adam`.

    Raises:
        ValueError: as for `Adam`, or `momentum_decay` is negative.
    """

    _entries: ClassVar[Rows] = {**MOMENTS, "mu_product": Number(start=1.0)}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.002,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 0.004,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            params,
            differentiable,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            momentum_decay=momentum_decay,
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        mean, square, _, of_square = moments(state, gradient, group["betas"])
        now, following = (
            group["betas"][0] * (1 - 0.5 * 0.96 ** (step * group["momentum_decay"]))
            for step in (state["step"], state["step"] + 1)
        )
        state["mu_product"] *= now
        product = state["mu_product"]
        ahead = (1 - now) / (1 - product) * gradient + following / (1 - product * following) * mean
        weight -= group["lr"] * ahead / (np.sqrt(square / of_square) + group["eps"])
