"""Schedules whose learning rate in an epoch is the initial one times a factor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from ...core.lines import function_name
from ...tensors.arguments import positive_integer
from ...tensors.refusals import number, shown
from ..entries import Counts, Number, Table
from ..optimizer import Optimizer
from .base import Chainable, LRScheduler, Unquoted, epochs_of, validate_optimizer

__all__ = [
    "ConstantLR", "ExponentialLR", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "PolynomialLR", "StepLR",
]  # fmt: skip


class _Functions(LRScheduler):
    """The base of the schedules that ask a function of the user's for the factor of an epoch."""

    _entries: ClassVar[Table] = {**LRScheduler._entries, "lr_lambdas": None}

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        validate_optimizer(optimizer)
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

    def _times(self, rates: list[float], epoch: int) -> list[float]:
        """The `rates` times the factors of `epoch`."""
        factors = [factor(epoch) for factor in self.lr_lambdas]
        for factor in factors:
            number(factor, f"lr_lambda({epoch}) is the factor of the learning rate, a number")
        self._validate_groups(len(factors))
        return [rate * factor for rate, factor in zip(rates, factors, strict=True)]

    def _options(self) -> dict[str, Any]:
        return {"lr_lambda": [Unquoted(function_name(factor)) for factor in self.lr_lambdas]}

    def state_dict(self) -> dict[str, Any]:
        """All attributes of the schedule, except the optimizer and the functions, which stay when a state is loaded."""
        return {**super().state_dict(), "lr_lambdas": [None] * len(self.lr_lambdas)}


class LambdaLR(_Functions):
    """The learning rate of epoch k is the initial one times ``lr_lambda(k)``.

    For example ``LambdaLR(SGD(params, lr=1.0), lambda k: 1 / (100 + 10 * k))`` sets it to 1 / (100 + 10 k).

    Args:
        optimizer, last_epoch: as for `LRScheduler`.
        lr_lambda: the function, or a list with one function for each group.

    Raises:
        TypeError: `lr_lambda` is neither a function nor a list of functions.
        ValueError: the number of functions is not the number of groups.
    """

    def get_lr(self) -> list[float]:
        return self._times(self.base_lrs, self.last_epoch)


class MultiplicativeLR(_Functions, Chainable):
    """From epoch 1 on, the learning rate is multiplied by ``lr_lambda(k)`` in each epoch k.

    Args:
        optimizer, last_epoch: as for `LRScheduler`.
        lr_lambda: the function, or a list with one function for each group.

    Raises:
        TypeError: `lr_lambda` is neither a function nor a list of functions.
        ValueError: the number of functions is not the number of groups.
    """

    def _closed_form(self, epoch: int) -> list[float]:
        rates = self.base_lrs
        for k in range(1, epoch + 1):
            rates = self._times(rates, k)
        return rates

    def get_lr(self) -> list[float]:
        return self._times(self._rates(), self.last_epoch) if self.last_epoch else self._rates()

    def _restart(self) -> None:
        self.last_epoch = 0
        self._set(self._times(self._rates(), 0))  # as in PyTorch: at the rates of the schedule before


class _Factors(Chainable):
    """The base of the schedules whose learning rate in epoch k is the initial one times ``_factor(k)``."""

    def _factor(self, epoch: int) -> float:
        raise NotImplementedError

    def _ratio(self) -> float | None:
        """The factor of the present epoch by that of the one before; None if that was 0, and no ratio leads out of it.

        Subclasses that know the ratio give it without a rounding error.
        """
        before, now = self._factor(self.last_epoch - 1), self._factor(self.last_epoch)
        if before == now:
            return 1.0
        return now / before if before else None

    def _closed_form(self, epoch: int) -> list[float]:
        return [base * self._factor(epoch) for base in self.base_lrs]

    def get_lr(self) -> list[float]:
        ratio = self._ratio() if self.last_epoch else self._factor(0)
        return self._closed_form(self.last_epoch) if ratio is None else [rate * ratio for rate in self._rates()]


_GAMMA = "gamma is the factor of the learning rate, a number"


class StepLR(_Factors):
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

    def _factor(self, epoch: int) -> float:
        return self.gamma ** (epoch // self.step_size)

    def _ratio(self) -> float:
        return 1.0 if self.last_epoch % self.step_size else self.gamma


class MultiStepLR(_Factors):
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

    def _factor(self, epoch: int) -> float:
        factor: float = self.gamma ** sum(times for due, times in self.milestones.items() if due <= epoch)
        return factor

    def _ratio(self) -> float:
        ratio: float = self.gamma ** self.milestones.get(self.last_epoch, 0)
        return ratio

    def _options(self) -> dict[str, Any]:
        return {"milestones": sorted(self.milestones.elements())}


class ExponentialLR(_Factors):
    """In every epoch the learning rate is multiplied by `gamma`.

    Raises:
        ValueError: `gamma` is no number.
    """

    _entries: ClassVar[Table] = {**LRScheduler._entries, "gamma": Number(infinite=True)}

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        number(gamma, _GAMMA)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        factor: float = self.gamma**epoch
        return factor

    def _ratio(self) -> float:
        return self.gamma


class _Ramp(_Factors):
    """The base of the schedules that go a way in `total_iters` epochs, and then stay where they are."""

    total_iters: int
    _entries: ClassVar[Table] = {**LRScheduler._entries, "total_iters": Number(whole=True, least=0)}

    def _progress(self, epoch: int) -> float:
        """The share of the way that is behind in `epoch`. A way of no epochs never begins, as in PyTorch."""
        return min(1.0, epoch / self.total_iters) if self.total_iters else 0.0


def _share(name: str, value: float) -> float:
    """The factor `name`, of the initial learning rate. Raises ValueError if it is not of [0, 1]."""
    number(value, f"{name} is the factor of the learning rate, a number of [0, 1]", lambda value: 0 <= value <= 1)
    return value


class ConstantLR(_Ramp):
    """In the first `total_iters` epochs the learning rate is multiplied by `factor`.

    Raises:
        ValueError: `factor` is not of [0, 1], or `total_iters` is no whole number ≥ 0.
    """

    _entries: ClassVar[Table] = {**_Ramp._entries, "factor": Number()}

    def __init__(
        self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1
    ) -> None:
        self.factor = _share("factor", factor)
        self.total_iters = epochs_of("total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        return self.factor if self._progress(epoch) < 1 else 1.0


class LinearLR(_Ramp):
    """The learning rate goes from `start_factor` to `end_factor` of the initial one in `total_iters` epochs, linearly.

    Raises:
        ValueError: a factor is not of [0, 1], `start_factor` is 0, or `total_iters` is no whole number ≥ 0.
    """

    _entries: ClassVar[Table] = {**_Ramp._entries, "start_factor": Number(), "end_factor": Number()}

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        self.start_factor = _share("start_factor", start_factor)
        if not start_factor:
            raise ValueError("start_factor is more than 0, because the next rates are multiples of the first")
        self.end_factor = _share("end_factor", end_factor)
        self.total_iters = epochs_of("total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        return self.start_factor + (self.end_factor - self.start_factor) * self._progress(epoch)


class PolynomialLR(_Ramp):
    """The learning rate falls to 0 in `total_iters` epochs: in epoch k it is ``initial · (1 − k / total_iters)ᵖ``.

    The exponent p is `power`.

    Raises:
        ValueError: `power` is no number, or `total_iters` no whole number ≥ 0.
    """

    _entries: ClassVar[Table] = {**_Ramp._entries, "power": Number()}

    def __init__(self, optimizer: Optimizer, total_iters: int = 5, power: float = 1.0, last_epoch: int = -1) -> None:
        number(power, "power is the exponent, a number")
        self.total_iters = epochs_of("total_iters", total_iters)
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _factor(self, epoch: int) -> float:
        factor: float = (1.0 - self._progress(epoch)) ** self.power
        return factor
