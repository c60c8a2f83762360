"""Schedules, which change the learning rates of an optimizer from epoch to epoch.

As in PyTorch, most of them compute the new rate from the present one. So several can be used on one optimizer.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from ..core.lines import function_name
from ..tensors.arguments import integer, positive_integer, real
from ..tensors.observer import effect, observer
from ..tensors.refusals import number, shown
from ..tensors.states import validate_state_dict
from .entries import Anything, Choice, Counts, Like, Number, PerGroup, Table, read_entries
from .optimizer import Optimizer, StepWarning

__all__ = [
    "CosineAnnealingLR", "ExponentialLR", "LRScheduler", "LambdaLR", "MultiStepLR", "ReduceLROnPlateau", "StepLR",
]  # fmt: skip


# Attributes of PyTorch's schedules that are in its states and say nothing here.
_PYTORCH_ONLY = {
    "_step_count", "_is_initial", "_get_lr_called_within_step", "verbose", "mode_worse", "default_min_lr",
}  # fmt: skip


class _Schedule:
    """The base of all schedules. All its attributes are its state, except those that `_unsaved` names.

    `_entries` says what they are. It need not name the attributes of a user's own schedule, which may be anything.
    """

    _unsaved: tuple[str, ...] = ("optimizer",)
    _entries: ClassVar[Table] = {"last_epoch": Number(whole=True, least=0), "_last_lr": PerGroup()}
    last_epoch: int
    _last_lr: list[float]

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a schedule sets the learning rates of an optimizer, not of {shown(optimizer)}")
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
        given = {
            name: value for name, value in validate_state_dict(state_dict, self).items() if name not in _PYTORCH_ONLY
        }
        table = {name: self._entries.get(name, Anything()) for name in self.state_dict()}
        state = read_entries(given, table, Like(groups=len(self.optimizer.param_groups)), self)
        vars(self).update(state)
        self._set(self._last_lr)


class LRScheduler(_Schedule):
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

    _entries: ClassVar[Table] = {**_Schedule._entries, "base_lrs": PerGroup()}

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
            warnings.warn(
                "the schedule's step() comes before the optimizer's: call optimizer.step(), then scheduler.step()",
                StepWarning,
                stacklevel=3,
            )
        self.last_epoch += 1
        try:
            self._set(self.get_lr())
        except BaseException:  # a function of the user's may raise anything, and the epoch has not begun then
            self.last_epoch -= 1
            raise


class _Named(str):
    """A name that `repr` shows without quotation marks."""

    def __repr__(self) -> str:
        return str(self)


class LambdaLR(LRScheduler):
    """The learning rate of epoch k is the initial one times ``lr_lambda(k)``.

    For example ``LambdaLR(SGD(params, lr=1.0), lambda k: 1 / (100 + 10 * k))`` sets it to 1 / (100 + 10 k).

    Args:
        optimizer, last_epoch: as for `LRScheduler`.
        lr_lambda: the function, or a list with one function for each group.

    Raises:
        TypeError: `lr_lambda` is neither a function nor a list of functions.
        ValueError: the number of functions is not the number of groups.
    """

    _entries: ClassVar[Table] = {**LRScheduler._entries, "lr_lambdas": None}

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        groups = len(optimizer.param_groups)
        functions = [lr_lambda] * groups if callable(lr_lambda) else lr_lambda
        if not isinstance(functions, Sequence) or not all(map(callable, functions)):
            raise TypeError(
                f"lr_lambda is a function of the epoch, as lambda epoch: 0.9**epoch, not {shown(lr_lambda)}"
            )
        self.lr_lambdas = list(functions)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"{len(self.lr_lambdas)} functions were given for {groups} parameter groups")
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        factors = [factor(self.last_epoch) for factor in self.lr_lambdas]
        for factor in factors:
            number(factor, f"lr_lambda({self.last_epoch}) is the factor of the learning rate, a number")
        return [base * factor for base, factor in zip(self.base_lrs, factors, strict=True)]

    def _options(self) -> dict[str, Any]:
        return {"lr_lambda": [_Named(function_name(factor)) for factor in self.lr_lambdas]}

    def state_dict(self) -> dict[str, Any]:
        """All attributes of the schedule, except the optimizer and the functions, which stay when a state is loaded."""
        return {**super().state_dict(), "lr_lambdas": [None] * len(self.lr_lambdas)}


class _Chainable(LRScheduler):
    """The base of the schedules that compute the learning rates from those of the epoch before."""

    def _closed_form(self, base: float, epoch: int) -> float:
        """The learning rate of `epoch` if the initial one is `base` and nothing else changes it."""
        raise NotImplementedError

    def _begin(self) -> list[float]:
        following = self.get_lr()
        if self.last_epoch == 0:
            return following
        # The present rates may have been saved before or after the step to this epoch, and the closed form tells which.
        # Or they are the initial ones, if nothing but 'initial_lr' was given to the optimizer.
        before, now = self.last_epoch - 1, self.last_epoch
        rates = []
        for base, rate, stepped in zip(self.base_lrs, self._rates(), following, strict=True):
            old, new = self._closed_form(base, before), self._closed_form(base, now)
            found, result = min(((new, rate), (old, stepped), (base, new)), key=lambda pair: abs(pair[0] - rate))
            if not math.isclose(found, rate, rel_tol=1e-6, abs_tol=1e-6 * abs(base)):
                raise ValueError(
                    f"the optimizer's learning rate {rate:g} is not that of this {type(self).__name__} in epoch "
                    f"{before}, {old:g}, or {now}, {new:g}: leave last_epoch out and load the schedule's state_dict, "
                    "or set the 'lr' of each group to one of these first"
                )
            rates.append(result)
        return rates


_GAMMA = "gamma is the factor of the learning rate, a number"


class StepLR(_Chainable):
    """Every `step_size` epochs the learning rate is multiplied by `gamma`.

    Raises:
        ValueError: `step_size` is not a positive integer, or `gamma` no number.
    """

    _entries: ClassVar[Table] = {
        **LRScheduler._entries,
        "step_size": Number(whole=True, least=1),
        "gamma": Number(infinite=True),
    }

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        number(gamma, _GAMMA)
        self.step_size = positive_integer(step_size, "step_size is a positive number of epochs")
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _closed_form(self, base: float, epoch: int) -> float:
        return base * self.gamma ** (epoch // self.step_size)

    def get_lr(self) -> list[float]:
        due = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return [rate * self.gamma if due else rate for rate in self._rates()]


class MultiStepLR(_Chainable):
    """In each epoch of `milestones` the learning rate is multiplied by `gamma`, as often as the epoch is listed.

    Raises:
        TypeError: `milestones` is not a list of epochs.
        ValueError: `gamma` is no number.
    """

    _entries: ClassVar[Table] = {**LRScheduler._entries, "milestones": Counts(), "gamma": Number(infinite=True)}

    def __init__(
        self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        number(gamma, _GAMMA)
        if not isinstance(milestones, Iterable):
            raise TypeError(f"milestones are epochs, in a list such as [30, 80], not {shown(milestones)}")
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _closed_form(self, base: float, epoch: int) -> float:
        return base * self.gamma ** sum(times for due, times in self.milestones.items() if due <= epoch)

    def get_lr(self) -> list[float]:
        return [rate * self.gamma ** self.milestones.get(self.last_epoch, 0) for rate in self._rates()]

    def _options(self) -> dict[str, Any]:
        return {"milestones": sorted(self.milestones.elements())}


class ExponentialLR(_Chainable):
    """In every epoch the learning rate is multiplied by `gamma`.

    Raises:
        ValueError: `gamma` is no number.
    """

    _entries: ClassVar[Table] = {**LRScheduler._entries, "gamma": Number(infinite=True)}

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        number(gamma, _GAMMA)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _closed_form(self, base: float, epoch: int) -> float:
        return base * self.gamma**epoch

    def get_lr(self) -> list[float]:
        return [rate * self.gamma if self.last_epoch else rate for rate in self._rates()]


class CosineAnnealingLR(_Chainable):
    """The learning rate falls to `eta_min` in `T_max` epochs, along a cosine, and rises again in the next `T_max`.

    In epoch k it is ``eta_min + (initial − eta_min) · (1 + cos(π k / T_max)) / 2``, unless something else changes it
    (Loshchilov & Hutter 2017).

    Raises:
        ValueError: `T_max` is not a positive whole number, or `eta_min` no number.
    """

    _entries: ClassVar[Table] = {
        **LRScheduler._entries,
        "T_max": Number(whole=True, least=1),
        "eta_min": Number(infinite=True),
    }

    def __init__(self, optimizer: Optimizer, T_max: float, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        if isinstance(T_max, float) and T_max.is_integer():  # as from epochs / 2
            T_max = int(T_max)
        self.T_max = positive_integer(T_max, "T_max is a positive number of epochs")
        number(eta_min, "eta_min is a number, the lowest learning rate")
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _closed_form(self, base: float, epoch: int) -> float:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * epoch / self.T_max)) / 2

    def get_lr(self) -> list[float]:
        if self.last_epoch == 0:
            return self._rates()
        # The distance from eta_min is proportional to 1 + cos(π k / T_max), so it is multiplied by a ratio.
        before, now = (1 + math.cos(math.pi * epoch / self.T_max) for epoch in (self.last_epoch - 1, self.last_epoch))
        # In the epoch after the lowest point that distance is 0, and there is no ratio: add the first part of the rise.
        if (self.last_epoch - 1 - self.T_max) % (2 * self.T_max) == 0:
            self._validate_groups(len(self.base_lrs))
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            return [
                rate + (base - self.eta_min) * rise for base, rate in zip(self.base_lrs, self._rates(), strict=True)
            ]
        return [self.eta_min + (rate - self.eta_min) * now / before for rate in self._rates()]


class ReduceLROnPlateau(_Schedule):
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
        **_Schedule._entries,
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
