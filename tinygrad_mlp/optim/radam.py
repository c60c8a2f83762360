"""RAdam, which is Adam without its scale as long as too few gradients tell what that is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .entrywise import MOMENTS, EntryWise, Rows, State, moments

__all__ = ["RAdam"]


class RAdam(EntryWise):
    """``W ← W − lr · r · m̂ / √v̂`` with the m̂ and v̂ of `Adam`, and a factor r for the variance of √v̂ (Liu et al. 2020).

    In the first steps √v̂ tells little, because it is of few gradients. In step t their number is about
    ``ρₜ = ρ − 2 t β₂ᵗ / (1 − β₂ᵗ)``, which grows to ``ρ = 2 / (1 − β₂) − 1``. Where ρₜ > 5,
    ``r² = (ρₜ − 4)(ρₜ − 2) ρ / ((ρ − 4)(ρ − 2) ρₜ)``. As long as it is less, the step is ``W ← W − lr · m̂``.

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        lr: the learning rate.
        betas: β₁ and β₂.
        eps: is added to √v, before it is corrected, and keeps the denominator from being 0.
        weight_decay, decoupled_weight_decay, maximize, foreach, capturable, differentiable: as for `Adam`.

    Raises:
        ValueError: as for `Adam`.
    """

    _entries: ClassVar[Rows] = MOMENTS

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.001,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
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
            decoupled_weight_decay=decoupled_weight_decay,
            maximize=maximize,
        )

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        mean, square, of_mean, of_square = moments(state, gradient, group["betas"])
        step = group["lr"] / of_mean * mean
        limit = 2 / (1 - group["betas"][1]) - 1
        length = limit - 2 * state["step"] * (1 - of_square) / of_square
        if length > 5:
            factor = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
            step *= math.sqrt(factor * of_square) / (np.sqrt(square) + group["eps"])
        weight -= step
