"""EntryWise: the base of optimizers that move each entry of a parameter by its own gradients.

An optimizer of this kind is a table of what its state holds, a table of its options, and a few lines of formulas.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ..tensors.tensor import Tensor
from .entries import Number, Numbers
from .optimizer import Optimizer, full_gradient
from .options import validate_differentiable, validate_options

__all__ = ["MOMENTS", "STEP", "EntryWise", "Rows", "State", "blend", "kept", "moments"]

Rows: TypeAlias = Mapping[str, Number | Numbers]
State: TypeAlias = dict[str, Any]

STEP: Rows = {"step": Number(whole=True, least=0)}
MOMENTS: Rows = {**STEP, "exp_avg": Numbers(), "exp_avg_sq": Numbers(least=0)}


class EntryWise(Optimizer):
    """The base of optimizers that move each entry of a parameter by its own gradients: subclasses write `_move`.

    The gradient that `_move` gets is an array of the weight's shape. It has the sign that ``maximize`` asks for, and
    ``weight_decay``. Each state counts the steps in ``"step"``, and begins as the rows of ``_entries`` say.

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        differentiable: False, an option of PyTorch's.
        options: the options by name. `options.validate_options` knows their ranges.

    Raises:
        ValueError: an option is out of its range, or `differentiable` is True.
    """

    _entries: ClassVar[Rows] = STEP

    def __init__(self, params: Iterable[Any], differentiable: bool, /, **options: Any) -> None:
        validate_differentiable(differentiable)
        super().__init__(params, options)

    def _check(self, group: dict[str, Any]) -> None:
        validate_options(group)

    def _update(self, group: dict[str, Any], ready: list[tuple[Tensor, Any]]) -> None:
        decay = group.get("weight_decay", 0)
        is_decoupled = group.get("decoupled_weight_decay", False)
        for parameter, gradient in ready:
            weight = parameter._data
            gradient = full_gradient(gradient, weight, 0 if is_decoupled else decay, group["maximize"])
            if decay and is_decoupled:
                weight *= 1 - group["lr"] * decay
            state = self.state.setdefault(parameter, {})
            if not state:
                like = self._state_like(parameter)
                state.update({name: row.begin(group, like) for name, row in self._entries.items() if row.required})
            state["step"] += 1
            self._move(weight, gradient, state, group)

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        """Take a step with one parameter, in place: change its `weight` and the arrays of its `state`."""
        raise NotImplementedError(f"{type(self).__name__} has no _move(weight, gradient, state, group)")


def kept(state: State, name: str, weight: Any) -> Any:
    """The array `name` of a `state`: zeros in the first step that needs it, as after an option is switched on."""
    if name not in state:
        state[name] = np.zeros(weight.shape, weight.dtype)
    return state[name]


def blend(average: Any, number: Any, share: float, scratch: Any = None) -> None:
    """``average ← share · average + (1 − share) · number``, in place. `scratch` is memory for the product."""
    average *= share
    average += np.multiply(number, 1 - share, out=scratch)


def moments(
    state: State, gradient: Any, betas: tuple[float, float], scratch: Any = None
) -> tuple[Any, Any, float, float]:
    """The averages m and v of the gradient g and of g², after they have taken in this one, with their corrections.

    In step t, ``m ← β₁ m + (1 − β₁) g`` and ``v ← β₂ v + (1 − β₂) g²``. Both start at 0. What corrects for that are
    ``m / (1 − β₁ᵗ)`` and ``v / (1 − β₂ᵗ)``, and these two divisors are returned after m and v.
    """
    mean, square = state["exp_avg"], state["exp_avg_sq"]
    blend(mean, gradient, betas[0], scratch)
    blend(square, np.multiply(gradient, gradient, out=scratch), betas[1], scratch)
    return mean, square, 1 - betas[0] ** state["step"], 1 - betas[1] ** state["step"]
