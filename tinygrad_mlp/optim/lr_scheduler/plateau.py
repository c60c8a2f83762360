"""ReduceLROnPlateau, which lowers the learning rates when a metric improves no longer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from ...tensors.arguments import integer, real
from ...tensors.observer import effect
from ...tensors.refusals import number, shown
from ..entries import Choice, Number, PerGroup, Table
from ..optimizer import Optimizer
from .base import Schedule

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau(Schedule):
    """Multiplies the learning rates by `factor` when a metric has not improved for more than `patience` epochs.

    Args:
        optimizer: the optimizer whose learning rates to set.
        mode: "min" if a smaller metric is better, "max" if a larger one is.
        factor: the factor, below 1.
        patience: the number of epochs without improvement after which nothing is done yet.
        threshold: the smallest change of the best metric so far that counts as an improvement.
        threshold_mode: "rel" if `threshold` is a share of the best metric's size, "abs" if it is a difference.
        cooldown: the number of epochs after a reduction in which epochs without improvement do not count.
        min_lr: the smallest learning rate: one for all groups, also for those that are added later, or one for each.
        eps: a smaller reduction than this is not made.

    Raises:
        ValueError: `factor` is not below 1, a mode is unknown, `patience` or `cooldown` is no integer ≥ 0, or `min_lr`
            has not one entry for each group.
        TypeError: `optimizer` is not an Optimizer.
    """

    _unsaved = ("optimizer", "default_min_lr")
    _entries: ClassVar[Table] = {
        **Schedule._entries,
        "mode": Choice(words=("min", "max")),
        "factor": Number(below=1),
        "patience": Number(whole=True, least=0, infinite=True),
        "threshold": Number(infinite=True),
        "threshold_mode": Choice(words=("rel", "abs")),
        "cooldown": Number(whole=True, least=0, infinite=True),
        "min_lrs": PerGroup(of=Number(infinite=True)),
        "eps": Number(infinite=True),
        "best": Number(infinite=True),
        "num_bad_epochs": Number(whole=True, least=0),
        "cooldown_counter": Number(infinite=True),
    }

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(optimizer)
        number(factor, "factor is a number below 1", lambda factor: factor < 1)
        for name, epochs in (("patience", patience), ("cooldown", cooldown)):
            if epochs != math.inf and ((count := integer(epochs)) is None or count < 0):
                raise ValueError(f"{name} is a number of epochs, an integer ≥ 0, not {shown(epochs)}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode is 'min' or 'max', not {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold_mode is 'rel' or 'abs', not {threshold_mode!r}")
        groups = len(optimizer.param_groups)
        self.default_min_lr = None if isinstance(min_lr, Sequence) else min_lr
        self.min_lrs = list(min_lr) if isinstance(min_lr, Sequence) else [min_lr] * groups
        if len(self.min_lrs) != groups:
            raise ValueError(f"{len(self.min_lrs)} least rates min_lr were given for {groups} parameter groups")
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = self._rates()

    @effect
    def step(self, metrics: Any) -> None:
        """Go on to the next epoch. `metrics` is the metric of the last one: a number, or a Tensor of one entry.

        Raises:
            TypeError: `metrics` is no number.
            ValueError: a group was added to the optimizer, but `min_lr` is a list without an entry for it.
        """
        if metrics is None:
            raise TypeError("step() of a ReduceLROnPlateau takes the metric, a number: write step(loss.item())")
        metric = real(metrics)
        if self.default_min_lr is not None:
            self.min_lrs = [self.default_min_lr] * len(self.optimizer.param_groups)
        self._validate_groups(len(self.min_lrs))
        self.last_epoch += 1
        self.num_bad_epochs += 1
        if self._is_better(metric):
            self.best = metric
            self.num_bad_epochs = 0
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            reduced = [max(rate * self.factor, least) for rate, least in zip(self._rates(), self.min_lrs, strict=True)]
            self._set(new if rate - new > self.eps else rate for rate, new in zip(self._rates(), reduced, strict=True))
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._rates()

    def _options(self) -> dict[str, Any]:
        return {"min_lr": self.min_lrs if self.default_min_lr is None else self.default_min_lr}

    def _is_better(self, metric: float) -> bool:
        sign = 1 if self.mode == "max" else -1  # a smaller metric is better if its negative is larger
        if math.isinf(self.best):  # there is no best metric yet, of which to take a share
            bound = self.best
        elif self.threshold_mode == "rel":
            # The bound of a negative metric is nearer to 0 if a larger one is better, and farther if a smaller one is.
            bound = self.best * (1 + (sign if self.best > 0 else -sign) * self.threshold)
        else:
            bound = self.best + sign * self.threshold
        return sign * metric > sign * bound
