"""Schedules of schedules: one after the other, and several at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, ClassVar

from ...tensors.arguments import integer
from ...tensors.observer import effect
from ...tensors.refusals import shown
from ...tensors.states import described
from ..entries import Ascending, PerGroup, Table
from ..optimizer import Optimizer
from .base import LRScheduler, Schedule, validate_optimizer

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Combination(LRScheduler):
    """The base of the schedules of schedules, whose states are in the state of the whole."""

    _unsaved = ("optimizer", "_schedulers")
    _schedulers: list[LRScheduler]

    def __init__(self, optimizer: Any, schedulers: Sequence[LRScheduler]) -> None:
        if not isinstance(schedulers, Sequence) or not schedulers:
            raise ValueError(f"{type(self).__name__} takes a list of one or more schedules, not {shown(schedulers)}")
        for schedule in schedulers:
            if not isinstance(schedule, LRScheduler):
                raise (ValueError if isinstance(schedule, Schedule) else TypeError)(
                    f"{type(self).__name__} calls step() of its schedules without a metric, so they cannot be "
                    f"{shown(schedule)}: step that beside it"
                )
        optimizer = schedulers[0].optimizer if optimizer is None else optimizer
        validate_optimizer(optimizer)
        if any(schedule.optimizer is not optimizer for schedule in schedulers):
            raise ValueError(f"the schedules of a {type(self).__name__} are of one optimizer, but these are of several")
        self.optimizer = optimizer
        self._schedulers = list(schedulers)

    @effect
    def step(self) -> None:
        """Go on to the next epoch.

        Warns:
            StepWarning: the optimizer has not taken a step yet, so it never uses its first learning rate.
        """
        self._wholly(self._advance)

    def members(self) -> list[Schedule]:
        return [self, *(member for schedule in self._schedulers for member in schedule.members())]

    def state_dict(self) -> dict[str, Any]:
        """The attributes of this schedule, and the states of its schedules."""
        return {**super().state_dict(), "_schedulers": [schedule.state_dict() for schedule in self._schedulers]}

    def _read(self, state_dict: Any) -> dict[str, Any]:
        state = super()._read(state_dict)
        given = state_dict.get("_schedulers")
        if not isinstance(given, list | tuple) or len(given) != len(self._schedulers):
            raise ValueError(
                f"the state has _schedulers = {described(given)}: expected a list of {len(self._schedulers)} states"
            )
        members = zip(self._schedulers, given, strict=True)
        return {**state, "_schedulers": [schedule._read(entries) for schedule, entries in members]}

    def _take_over(self, state: dict[str, Any]) -> None:
        for schedule, entries in zip(self._schedulers, state.pop("_schedulers"), strict=True):
            schedule._take_over(entries)
        super()._take_over(state)

    def _options(self) -> dict[str, Any]:
        return {"schedulers": self._schedulers}

    def _reset(self) -> None:
        """Give all groups their initial learning rates."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"]


class SequentialLR(_Combination):
    """Schedules one after the other: the next one begins in each epoch of `milestones`, with its epoch 0.

    A warm-up of 5 epochs is ``SequentialLR(optimizer, [LinearLR(optimizer), ExponentialLR(optimizer, 0.9)], [5])``.

    Args:
        optimizer: the optimizer of all the schedules.
        schedulers: the schedules.
        milestones: the epochs in which the second, the third, … begin.
        last_epoch: the last epoch that has been trained, if the state of `optimizer` was loaded; −1 to begin. The
            learning rates become those of the epoch after it.

    Raises:
        TypeError: one of the schedules is none, or `optimizer` is not an Optimizer.
        ValueError: there are no schedules, one is a ReduceLROnPlateau or of another optimizer, or `milestones` are not
            epochs in ascending order, one fewer than there are schedules.
    """

    _entries: ClassVar[Table] = {**Schedule._entries, "_milestones": Ascending(), "_schedulers": None}

    def __init__(
        self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1
    ) -> None:
        super().__init__(optimizer, schedulers)
        epochs = [integer(epoch) for epoch in milestones] if isinstance(milestones, Sequence) else []
        self._milestones = [epoch for epoch in epochs if epoch is not None]
        if len(self._milestones) != len(schedulers) - 1 or self._milestones != sorted(self._milestones):
            raise ValueError(
                f"milestones are the epochs in which the second schedule, the third, … begin: {len(schedulers) - 1} "
                f"epochs in ascending order, not {shown(milestones)}"
            )
        self._start()
        for _ in range(last_epoch + 1):
            self._advance()

    def _read(self, state_dict: Any) -> dict[str, Any]:
        state = super()._read(state_dict)
        if len(milestones := state["_milestones"]) != len(self._milestones):
            raise ValueError(f"the state has _milestones = {milestones}: expected {len(self._milestones)} epochs")
        return state

    def _start(self) -> None:
        self._reset()
        self.last_epoch = 0
        first = self._schedulers[bisect_right(self._milestones, 0)]
        for schedule in self._schedulers:
            schedule.last_epoch = -1  # until its turn comes
        first._start()
        self._last_lr = self._rates()

    def _advance(self) -> None:
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        if turn and self._milestones[turn - 1] == self.last_epoch:
            self._schedulers[turn]._restart()
        else:
            self._schedulers[turn].step()
        self._last_lr = self._rates()

    def _options(self) -> dict[str, Any]:
        return {**super()._options(), "milestones": self._milestones}


class ChainedScheduler(_Combination):
    """Several schedules, which take each step together, one after the other.

    Raises:
        TypeError: one of the schedules is none, or `optimizer` is not an Optimizer.
        ValueError: there are no schedules, or one is a ReduceLROnPlateau or of another optimizer.
    """

    _entries: ClassVar[Table] = {"_last_lr": PerGroup(), "_schedulers": None}

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        super().__init__(optimizer, schedulers)
        self._last_lr = self._rates()

    @property
    def last_epoch(self) -> int:
        """The epoch of the first schedule."""
        return self._schedulers[0].last_epoch

    @last_epoch.setter
    def last_epoch(self, epoch: int) -> None:
        for schedule in self._schedulers:
            schedule.last_epoch = epoch

    def _start(self) -> None:
        for schedule in self._schedulers:
            schedule._start()
        self._last_lr = self._rates()

    def _restart(self) -> None:
        self._reset()
        self._start()

    def _advance(self) -> None:
        for schedule in self._schedulers:
            schedule.step()
        self._last_lr = self._rates()
