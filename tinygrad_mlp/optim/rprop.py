"""Rprop, which looks at the signs of the gradients alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from .entries import Numbers
from .entrywise import STEP, EntryWise, Rows, State

__all__ = ["Rprop"]


class Rprop(EntryWise):
    """``W ← W − s · sign(g)`` with a size s for each entry, which grows while its gradient g keeps its sign.

    If the signs of g and of the gradient before it agree, ``s ← η₊ s``. If they differ, the step went too far:
    ``s ← η₋ s``, and this step is left out. It is meant for gradients of all data, because those of batches change
    their signs at random (Riedmiller & Braun 1993).

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        lr: the size s of the first step. It has no meaning after that, so a schedule changes nothing.
        etas: η₋ and η₊.
        step_sizes: the least and the greatest size.
        maximize, foreach, capturable, differentiable: as for `Adam`.

    Raises:
        ValueError: `lr` is negative, `etas` are not two numbers with 1 between them, `step_sizes` are not two numbers
            in ascending order, or `differentiable` is True.
    """

    _entries: ClassVar[Rows] = {**STEP, "prev": Numbers(), "step_size": Numbers(start="lr")}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(params, differentiable, lr=lr, etas=etas, step_sizes=step_sizes, maximize=maximize)

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        last, size = state["prev"], state["step_size"]
        agreement = np.sign(gradient) * np.sign(last)
        size[agreement < 0] *= group["etas"][0]
        size[agreement > 0] *= group["etas"][1]
        np.clip(size, *group["step_sizes"], out=size)
        last[...] = np.where(agreement < 0, 0, gradient)  # so that the next step is taken, whatever its sign is
        weight -= np.sign(last) * size
