"""The bases of the schedules: their state, the step to the next epoch, and how one continues after a break."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ..._left_out import explains
from ...tensors.arguments import integer
from ...tensors.observer import effect, observer
from ...tensors.refusals import number, shown, warn
from ...tensors.states import validate_state_dict
from ..entries import Anything, Like, Number, PerGroup, Table, read_entries
from ..optimizer import Optimizer, StepWarning

__all__ = ["Chainable", "LRScheduler", "Unquoted", "Schedule", "epochs_of", "per_group", "validate_optimizer"]


# Attributes of PyTorch's schedules that are in its states and say nothing here.
_PYTORCH_ONLY = {
    "_step_count", "_is_initial", "_get_lr_called_within_step", "verbose", "mode_worse", "default_min_lr",
}  # fmt: skip


class Schedule:
    """The base of all schedules. All its attributes are its state, except those that `_unsaved` names.

    `_entries` says what they are. It need not name the attributes of a user's own schedule, which may be anything.
    """

    _unsaved: tuple[str, ...] = ("optimizer",)
    _entries: ClassVar[Table] = {"last_epoch": Number(whole=True, least=-1), "_last_lr": PerGroup()}
    last_epoch: int
    _last_lr: list[float]

    def __init__(self, optimizer: Optimizer) -> None:
        validate_optimizer(optimizer)
        self.optimizer = optimizer

    def __repr__(self) -> str:
        own = {name: getattr(self, name) for name in inspect.signature(type(self)).parameters if hasattr(self, name)}
        options = {**own, **self._options(), "last_epoch": self.last_epoch, "lr": self.get_last_lr()}
        options.pop("optimizer", None)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in options.items())})"

    def _options(self) -> dict[str, Any]:
        """The options of the constructor, for `repr`, that are no attributes of this name."""
        return {}

    def get_last_lr(self) -> list[float]:
        """The learning rates that the last step set, one for each group."""
        observer().refuse("reading a learning rate")
        return list(self._last_lr)

    def _set(self, rates: Iterable[float]) -> None:
        """Give each group of the optimizer its learning rate of `rates`."""
        rates = [float(rate) for rate in rates]
        self._validate_groups(len(rates))
        self._last_lr = rates
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate

    def _validate_groups(self, number: int) -> None:
        """Raise ValueError if the optimizer has another number of groups than `number`, of which the schedule knows."""
        groups = len(self.optimizer.param_groups)
        if groups != number:
            raise ValueError(
                f"this {type(self).__name__} has values for {number} parameter groups, but the optimizer has {groups}: "
                "make the schedule after the last add_param_group()"
            )

    def _rates(self) -> list[float]:
        """The present learning rate of each group of the optimizer."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """All attributes of the schedule, except the optimizer and what only the constructor's arguments say."""
        return {name: value for name, value in vars(self).items() if name not in self._unsaved}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set the schedule, and the learning rates of its optimizer, to what `state_dict` returned, here or in PyTorch.

        Raises:
            ValueError: the state is that of another kind of schedule, or of another number of groups, or an entry is
                not what the schedule has there. The error names it. Then nothing has been changed.
            TypeError: `state_dict` is no dict.
        """
        self._take_over(self._read(state_dict))
        self._set(self._last_lr)

    def _read(self, state_dict: Any) -> dict[str, Any]:
        """The attributes that `state_dict` has, checked and copied. Nothing is changed yet."""
        given = {
            name: value for name, value in validate_state_dict(state_dict, self).items() if name not in _PYTORCH_ONLY
        }
        table = {name: self._entries.get(name, Anything()) for name in self.state_dict()}
        return read_entries(given, table, Like(groups=len(self.optimizer.param_groups)), self)

    def _take_over(self, state: dict[str, Any]) -> None:
        """Set the attributes to the `state` that `_read` has returned."""
        vars(self).update(state)

    def members(self) -> list[Schedule]:
        """This schedule and, if it combines others, all of them."""
        return [self]

    def _wholly(self, change: Callable[..., None], *arguments: Any) -> None:
        """Call a function that changes this schedule, and put everything back if it raises an error.

        A function of the user's may raise one. Of attributes and options no contents are copied: schedules replace
        these, and write into none.
        """
        held = [*[vars(member) for member in self.members()], *self.optimizer._groups]
        before = [entries.copy() for entries in held]
        try:
            change(*arguments)
        except BaseException:
            for entries, kept in zip(held, before, strict=True):
                entries.clear()
                entries.update(kept)
            raise


@explains("torch.optim.lr_scheduler.LRScheduler")
class LRScheduler(Schedule):
    """The base of the schedules that depend on the epoch only. Subclasses write ``get_lr()``.

    Args:
        optimizer: the optimizer whose learning rates to set.
        last_epoch: the last epoch that has been trained, if the state of `optimizer` was loaded; −1 to begin. The
            schedule goes on with the epoch after it. The state may be from before or from after the schedule's step to
            that epoch. Of several schedules on one optimizer, load the states instead.

    Raises:
        TypeError: `optimizer` is not an Optimizer.
        ValueError: `last_epoch` is given, but no schedule has begun on this optimizer, or its learning rates are of
            neither epoch.
    """

    _entries: ClassVar[Table] = {**Schedule._entries, "base_lrs": PerGroup()}

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        super().__init__(optimizer)
        for group in optimizer.param_groups:
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])  # an earlier schedule of this optimizer may have set it
            elif "initial_lr" not in group:
                raise ValueError(
                    "the optimizer has no 'initial_lr' to continue from: load its state_dict, or leave last_epoch out"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch + 1
        self._set(self._begin())

    def _begin(self) -> list[float]:
        """The learning rates of the first epoch, or of the epoch after `last_epoch`."""
        return self.get_lr()

    def get_lr(self) -> list[float]:
        """The learning rates of epoch ``self.last_epoch``, one for each group.

        The optimizer still has the learning rates of the epoch before.
        """
        raise NotImplementedError

    @effect
    def step(self) -> None:
        """Go on to the next epoch.

        Warns:
            StepWarning: the optimizer has not taken a step yet, so it never uses its first learning rate.
        """
        if self.last_epoch == 0 and not self.optimizer.stepped_at:
            warn(
                "the schedule's step() comes before the optimizer's: call optimizer.step(), then scheduler.step()",
                StepWarning,
            )
        self._wholly(self._advance)

    def _advance(self) -> None:
        """Go on to the next epoch. If that raises an error, whoever called this puts everything back."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def _start(self) -> None:
        """Begin with epoch 0, as the first schedule of a SequentialLR does: at the present rates."""
        self.last_epoch = 0
        self._set(self.get_lr())

    def _restart(self) -> None:
        """Begin with epoch 0, when a SequentialLR comes to this schedule."""
        self._start()


class Chainable(LRScheduler):
    """The base of the schedules that compute the learning rates from those of the epoch before."""

    def _closed_form(self, epoch: int) -> list[float]:
        """The learning rates of `epoch` if nothing else changes them."""
        raise NotImplementedError

    def _restart(self) -> None:
        self.last_epoch = 0
        self._set(self._closed_form(0))

    def _begin(self) -> list[float]:
        following = self.get_lr()
        if self.last_epoch == 0:
            return following
        # The present rates may have been saved before or after the step to this epoch, and the closed form tells which.
        # Or they are the initial ones, or those of epoch 0, if nothing but 'initial_lr' was given to the optimizer.
        before, now = self.last_epoch - 1, self.last_epoch
        rates = []
        forms = zip(*map(self._closed_form, (0, before, now)), strict=True)
        for base, rate, stepped, (first, old, new) in zip(self.base_lrs, self._rates(), following, forms, strict=True):
            candidates = ((new, rate), (old, stepped), (base, new), (first, new))
            found, result = min(candidates, key=lambda pair: abs(pair[0] - rate))
            if not math.isclose(found, rate, rel_tol=1e-6, abs_tol=1e-6 * abs(base)):
                raise ValueError(
                    f"the optimizer's learning rate {rate:g} is not that of this {type(self).__name__} in epoch "
                    f"{before}, {old:g}, or {now}, {new:g}: leave last_epoch out and load the schedule's state_dict, "
                    "or set the 'lr' of each group to one of these first"
                )
            rates.append(result)
        return rates


class Unquoted(str):
    """A name that `repr` shows without quotation marks."""

    def __repr__(self) -> str:
        return str(self)


def validate_optimizer(optimizer: Any) -> None:
    """Raise TypeError unless `optimizer` is one."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"a schedule sets the learning rates of an optimizer, not of {shown(optimizer)}")


def per_group(name: str, value: Any, optimizer: Optimizer) -> list[float]:
    """The option `name`, a number for all groups of `optimizer` or a list with one for each, as a list.

    Raises:
        TypeError: `optimizer` is not an Optimizer.
        ValueError: the list has another number of entries than there are groups, or an entry is no number.
    """
    validate_optimizer(optimizer)
    groups = len(optimizer.param_groups)
    values = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value] * groups
    if len(values) != groups:
        raise ValueError(f"{name} has {len(values)} values, but the optimizer has {groups} parameter groups")
    for entry in values:
        number(entry, f"{name} is a number, or a list with one for each parameter group")
    return values


def epochs_of(name: str, value: Any, least: int = 0) -> int:
    """The option `name`, a number of epochs or steps, as an int. A whole float is one, as from ``epochs / 2``.

    Raises:
        ValueError: `value` is below `least`, or is not whole.
    """
    count = integer(int(value) if isinstance(value, float) and value.is_integer() else value)
    if count is None or count < least:
        kind = "a positive number" if least == 1 else f"a whole number ≥ {least}"
        raise ValueError(f"{name} is {kind} of epochs, not {shown(value)}")
    return count
