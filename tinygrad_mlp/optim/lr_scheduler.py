"""Learning rates that change from epoch to epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .optimizer import Optimizer

__all__ = ["LambdaLR"]


class LambdaLR:
    """The learning rate in epoch k is the initial one times ``lr_lambda(k)``; one function, or one per group.

    The document's schedule, for example, is ``LambdaLR(SGD(params, lr=1.0), lambda k: 1 / (100 + 10 * k))``.

    Raises:
        ValueError: the number of functions is not the number of groups.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        self.optimizer = optimizer
        groups = optimizer.param_groups
        self.lr_lambdas = [lr_lambda] * len(groups) if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != len(groups):
            raise ValueError(f"{len(self.lr_lambdas)} functions were given for {len(groups)} parameter groups")
        self.base_lrs = [group["lr"] for group in groups]
        self.last_epoch = last_epoch
        self.step()

    def step(self) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        self._set()

    def _set(self) -> None:
        for group, base, factor in zip(self.optimizer.param_groups, self.base_lrs, self.lr_lambdas, strict=True):
            group["lr"] = base * factor(self.last_epoch)

    def get_last_lr(self) -> list[float]:
        """The learning rates of the groups now."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The epoch and the initial rates; the functions are the program's."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from where `state_dict` was called."""
        self.last_epoch = state_dict["last_epoch"]
        self.base_lrs = list(state_dict["base_lrs"])
        self._set()
