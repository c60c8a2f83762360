"""ASGD, gradient descent with an average of the parameters of all steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from .entries import Number, Numbers
from .entrywise import STEP, EntryWise, Rows, State, blend

__all__ = ["ASGD"]


class ASGD(EntryWise):
    """``W ← (1 − lambd · η) W − η g`` with falling rates η, and the average of W (Polyak & Juditsky 1992).

    The first rate is lr, and step t computes that of the next step, ``η = lr / (1 + lambd · lr · t)^alpha``. So a
    schedule takes effect one step later. ``optimizer.state[parameter]["ax"]`` is the average of W after step t0, and W
    itself until then.

    Args:
        params: the Tensors to be trained, or groups of them as for `Optimizer`.
        lr: the first learning rate.
        lambd: how fast the rate falls, and the decay of W.
        alpha: the power with which the rate falls.
        t0: the number of steps before the average begins.
        weight_decay, maximize, foreach, capturable, differentiable: as for `Adam`.

    Raises:
        ValueError: an option is negative, or `differentiable` is True.
    """

    _entries: ClassVar[Rows] = {**STEP, "eta": Number(start="lr"), "mu": Number(start=1.0), "ax": Numbers()}

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.01,
        lambd: float = 0.0001,
        alpha: float = 0.75,
        t0: float = 1000000.0,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        super().__init__(
            params,
            differentiable,
            lr=lr,
            lambd=lambd,
            alpha=alpha,
            t0=t0,
            weight_decay=weight_decay,
            maximize=maximize,
        )

    def _move(self, weight: Any, gradient: Any, state: State, group: dict[str, Any]) -> None:
        lr, decay, step = group["lr"], group["lambd"], state["step"]
        weight *= 1 - decay * state["eta"]
        weight -= state["eta"] * gradient
        blend(state["ax"], weight, 1 - state["mu"])
        state["eta"] = lr / (1 + decay * lr * step) ** group["alpha"]
        state["mu"] = 1 / max(1, step - group["t0"])
