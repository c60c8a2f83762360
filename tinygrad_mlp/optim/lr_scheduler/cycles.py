"""Schedules whose learning rate follows a curve: cosines, cycles, and the one cycle, with the momentum against it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from ...core.lines import function_name
from ...tensors.arguments import positive_integer
from ...tensors.observer import effect
from ...tensors.refusals import number, shown
from ..entries import Choice, Flag, Number, PerGroup, Phases, Table
from ..optimizer import Optimizer
from .base import Chainable, LRScheduler, Unquoted, epochs_of, per_group

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "OneCycleLR", "annealed"]


def annealed(strategy: str, start: float, end: float, share: float) -> float:
    """The number at this `share` of the way from `start` to `end`, along a line or, for "cos", half a cosine."""
    if strategy == "cos":
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
    return start + (end - start) * share


def validate_strategy(anneal_strategy: Any) -> None:
    """Raise ValueError unless this is "cos" or "linear"."""
    if anneal_strategy not in ("cos", "linear"):
        raise ValueError(f"anneal_strategy is 'cos' or 'linear', not {anneal_strategy!r}")


class CosineAnnealingLR(Chainable):
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
        self.T_max = epochs_of("T_max", T_max, least=1)
        number(eta_min, "eta_min is a number, the lowest learning rate")
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _closed_form(self, epoch: int) -> list[float]:
        return [annealed("cos", base, self.eta_min, epoch / self.T_max) for base in self.base_lrs]

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


class CosineAnnealingWarmRestarts(LRScheduler):
    """The learning rate falls to `eta_min` along half a cosine, again and again.

    The first fall takes `T_0` epochs, and each one `T_mult` times as many as the one before (Loshchilov & Hutter 2017).

    Raises:
        ValueError: `T_0` or `T_mult` is no positive integer, or `eta_min` no number.
    """

    _entries: ClassVar[Table] = {
        **LRScheduler._entries,
        "T_0": Number(whole=True, least=1),
        "T_i": Number(whole=True, least=1),
        "T_mult": Number(whole=True, least=1),
        "eta_min": Number(infinite=True),
        "T_cur": Number(least=0),
    }
    T_cur: float

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        number(eta_min, "eta_min is a number, the lowest learning rate")
        self.T_0 = positive_integer(T_0, "T_0 is a positive number of epochs")
        self.T_mult = positive_integer(T_mult, "T_mult is a positive integer")
        self.eta_min = eta_min
        self._place(last_epoch + 1)
        super().__init__(optimizer, last_epoch)

    def _place(self, epoch: float) -> None:
        """Find the fall that `epoch` is in: of its `T_i` epochs, `T_cur` are behind."""
        self.T_i = self.T_0
        self.T_cur = epoch if self.T_mult > 1 else epoch % self.T_0
        while self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult

    def get_lr(self) -> list[float]:
        return [annealed("cos", base, self.eta_min, self.T_cur / self.T_i) for base in self.base_lrs]

    @effect
    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to `epoch`, which may be between two: ``schedule.step(epoch + i / batches)``.

        Raises:
            ValueError: `epoch` is no number ≥ 0.
        """
        if epoch is None:
            super().step()
            return
        number(epoch, "epoch is a number ≥ 0", lambda epoch: 0 <= epoch < math.inf)
        self._wholly(self._go_to, epoch)

    def _go_to(self, epoch: float) -> None:
        self._place(epoch)
        self.last_epoch = math.floor(epoch)
        self._set(self.get_lr())

    def _advance(self) -> None:
        self.T_cur += 1  # which is not `last_epoch` + 1 after a step to an epoch between two
        if self.T_cur >= self.T_i:
            self.T_cur -= self.T_i
            self.T_i *= self.T_mult
        super()._advance()

    def _start(self) -> None:
        self._place(0)
        super()._start()


class _Cycling(LRScheduler):
    """The base of the schedules that also set the momentum, or β₁, which they move against the learning rate."""

    cycle_momentum: bool
    use_beta1: bool
    _entries: ClassVar[Table] = {
        **LRScheduler._entries,
        "cycle_momentum": Flag(),
        "use_beta1": Flag(required="cycle_momentum"),
    }

    def _momenta(self) -> list[float]:
        """The momentum of each group in the present epoch."""
        raise NotImplementedError

    def _set(self, rates: list[float]) -> None:  # type: ignore[override]
        super()._set(rates)
        if self.cycle_momentum:
            for group, momentum in zip(self.optimizer.param_groups, self._momenta(), strict=True):
                if self.use_beta1:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum

    def _bounds(self, optimizer: Optimizer, cycle_momentum: Any, least: Any, largest: Any) -> list[dict[str, float]]:
        """The bounds of the momentum of each group, which are entries of the group, too.

        Raises:
            ValueError: the optimizer has no momentum, or the bounds are no numbers.
        """
        self.cycle_momentum = bool(cycle_momentum)
        if not self.cycle_momentum:
            return [{} for _ in optimizer.param_groups]
        self.use_beta1 = "betas" in optimizer.defaults
        if not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(f"{type(optimizer).__name__} has no momentum to cycle: write cycle_momentum=False")
        pairs = zip(
            per_group("base_momentum", least, optimizer), per_group("max_momentum", largest, optimizer), strict=True
        )
        return [{"base_momentum": low, "max_momentum": high} for low, high in pairs]


class CyclicLR(_Cycling):
    """The learning rate goes up from `base_lr` to `max_lr` and down again, in cycles (Smith 2017).

    The momentum goes from `max_momentum` to `base_momentum` meanwhile. This schedule is stepped after each batch.

    Args:
        optimizer: the optimizer whose learning rates to set.
        base_lr, max_lr: the bounds of the learning rate: numbers, or lists with one for each group.
        step_size_up, step_size_down: the numbers of steps up and down; as many down as up by default.
        mode: what becomes of the height: "triangular" keeps it, "triangular2" halves it in each cycle, and "exp_range"
            multiplies it by `gamma` in each step.
        gamma: the factor of "exp_range".
        scale_fn: a function that gives the factor of the height, in place of `mode`.
        scale_mode: whether `scale_fn` is called with the number of the cycle, 1 for the first, or, for "iterations",
            with the number of steps.
        cycle_momentum: whether to set the momentum, or β₁ of an optimizer that has betas.
        base_momentum, max_momentum: the bounds of the momentum: numbers, or lists with one for each group.
        last_epoch: as for `LRScheduler`.

    Raises:
        TypeError: `optimizer` is not an Optimizer, or `scale_fn` no function.
        ValueError: an option is out of its range, or a list has not one entry for each group, or the optimizer has no
            momentum, but `cycle_momentum` is set.
    """

    _unsaved = ("optimizer", "_function")
    _entries: ClassVar[Table] = {
        **_Cycling._entries,
        "max_lrs": PerGroup(),
        "total_size": Number(least=0),
        "step_ratio": Number(least=0),
        "mode": Choice(words=("triangular", "triangular2", "exp_range")),
        "gamma": Number(),
        "scale_mode": Choice(words=("cycle", "iterations")),
        "base_momentums": PerGroup(required="cycle_momentum"),
        "max_momentums": PerGroup(required="cycle_momentum"),
        "_scale_fn_custom": None,
    }

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: str = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: str = "cycle",
        cycle_momentum: bool = True,
        base_momentum: float = 0.8,
        max_momentum: float = 0.9,
        last_epoch: int = -1,
    ) -> None:
        base_lrs = per_group("base_lr", base_lr, optimizer)
        self.max_lrs = per_group("max_lr", max_lr, optimizer)
        up, down = step_size_up, step_size_up if step_size_down is None else step_size_down
        for name, steps in (("step_size_up", up), ("step_size_down", down)):
            number(steps, f"{name} is a positive number of steps", lambda steps: 0 < steps < math.inf)
        if mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f"mode is 'triangular', 'triangular2' or 'exp_range', not {mode!r}")
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(f"scale_mode is 'cycle' or 'iterations', not {scale_mode!r}")
        if scale_fn is not None and not callable(scale_fn):
            raise TypeError(f"scale_fn is a function of a number, not {shown(scale_fn)}")
        number(gamma, "gamma is a factor, a number")
        bounds = self._bounds(optimizer, cycle_momentum, base_momentum, max_momentum)
        if self.cycle_momentum:
            self.base_momentums = [bound["base_momentum"] for bound in bounds]
            self.max_momentums = [bound["max_momentum"] for bound in bounds]
        self.total_size = float(up + down)
        self.step_ratio = up / self.total_size
        self.mode = mode
        self.gamma = gamma
        self.scale_mode = scale_mode if scale_fn else "iterations" if mode == "exp_range" else "cycle"
        self._function = scale_fn
        if last_epoch == -1:
            for rate, group, bound in zip(base_lrs, optimizer.param_groups, bounds, strict=True):
                group.update(bound, lr=rate)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def scale_fn(self, x: float) -> float:
        """The factor of the height in cycle or step `x`."""
        if self._function is not None:
            return self._function(x)
        if self.mode == "exp_range":
            return float(self.gamma**x)
        return 1.0 if self.mode == "triangular" else 0.5 ** (x - 1)

    def _height(self) -> float:
        """The height of the present epoch, which is 1 at the top of the first cycle."""
        cycle, share = divmod(self.last_epoch / self.total_size, 1)
        up = share / self.step_ratio if share <= self.step_ratio else (1 - share) / (1 - self.step_ratio)
        return up * self.scale_fn(int(cycle) + 1 if self.scale_mode == "cycle" else self.last_epoch)

    def get_lr(self) -> list[float]:
        height = self._height()
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs, strict=True)]

    def _momenta(self) -> list[float]:
        height = self._height()
        bounds = zip(self.base_momentums, self.max_momentums, strict=True)
        return [high - (high - low) * height for low, high in bounds]

    def state_dict(self) -> dict[str, Any]:
        """All attributes of the schedule, except the optimizer and `scale_fn`, which stays when a state is loaded."""
        return {**super().state_dict(), "_scale_fn_custom": None}

    def _options(self) -> dict[str, Any]:
        function = self._function and Unquoted(function_name(self._function))
        return {"base_lr": self.base_lrs, "max_lr": self.max_lrs, "scale_fn": function}


class OneCycleLR(_Cycling):
    """The learning rate goes up to `max_lr` and then down to almost 0, in one cycle (Smith & Topin 2018).

    The momentum goes from `max_momentum` to `base_momentum` meanwhile, and back. This schedule is stepped after each
    batch, and ends after `total_steps`.

    Args:
        optimizer: the optimizer whose learning rates to set.
        max_lr: the largest learning rate: a number, or a list with one for each group.
        total_steps: the number of steps; by default `epochs` times `steps_per_epoch`.
        epochs, steps_per_epoch: the numbers of epochs, and of batches in each.
        pct_start: the share of the steps that go up.
        anneal_strategy: "cos" or "linear", the form of the ways up and down.
        cycle_momentum: whether to set the momentum, or β₁ of an optimizer that has betas.
        base_momentum, max_momentum: the bounds of the momentum: numbers, or lists with one for each group.
        div_factor: `max_lr` by the first learning rate.
        final_div_factor: the first learning rate by the last one.
        three_phase: whether to go down to the first rate in as many steps as up, and only then to the last one.
        last_epoch: as for `LRScheduler`.

    Raises:
        TypeError: `optimizer` is not an Optimizer.
        ValueError: the number of steps is not given or not positive, an option is out of its range, or a list has not
            one entry for each group, or the optimizer has no momentum, but `cycle_momentum` is set.
    """

    _entries: ClassVar[Table] = {
        **_Cycling._entries,
        "total_steps": Number(whole=True, least=1),
        "_schedule_phases": Phases(),
        "_anneal_func_type": Choice(words=("cos", "linear")),
    }

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        tops = per_group("max_lr", max_lr, optimizer)
        if total_steps is not None:
            self.total_steps = positive_integer(total_steps, "total_steps is a positive number of steps")
        elif epochs is None or steps_per_epoch is None:
            raise ValueError(
                "a OneCycleLR needs its number of steps: write total_steps=, or epochs= and steps_per_epoch="
            )
        else:
            self.total_steps = positive_integer(epochs, "epochs is a positive number")
            self.total_steps *= positive_integer(steps_per_epoch, "steps_per_epoch is a positive number")
        number(pct_start, "pct_start is the share of the steps that go up, of [0, 1]", lambda share: 0 <= share <= 1)
        validate_strategy(anneal_strategy)
        for name, factor in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            number(factor, f"{name} is a positive number", lambda factor: factor > 0)
        bounds = self._bounds(optimizer, cycle_momentum, base_momentum, max_momentum)
        self._anneal_func_type = anneal_strategy
        up = float(pct_start * self.total_steps) - 1
        low, high = ("initial_lr", "max_momentum"), ("max_lr", "base_momentum")  # where the phases begin and end
        ways = [(up, low, high)]
        if three_phase:
            ways.append((2 * up, high, low))
        ways.append((self.total_steps - 1, ways[-1][2], ("min_lr", "max_momentum")))
        self._schedule_phases: list[dict[str, Any]] = [
            {"end_step": end, "start_lr": a[0], "end_lr": b[0], "start_momentum": a[1], "end_momentum": b[1]}
            for end, a, b in ways
        ]
        for top, group, bound in zip(tops, optimizer.param_groups, bounds, strict=True):
            first = top / div_factor
            if last_epoch == -1:
                group.update(bound, initial_lr=first, max_lr=top, min_lr=first / final_div_factor)
            elif missing := sorted({"max_lr", "min_lr", *bound} - set(group)):
                raise ValueError(
                    f"the optimizer has no {missing} to continue from: load its state_dict, or leave last_epoch out"
                )
        super().__init__(optimizer, last_epoch)

    def _present(self, what: str) -> list[float]:
        """The present value of "lr" or "momentum" of each group. What a phase begins and ends with is in the group."""
        self._validate_groups(len(self.base_lrs))
        ends = [phase["end_step"] for phase in self._schedule_phases]
        last = len(ends) - 1
        i = next((i for i, end in enumerate(ends) if self.last_epoch <= end), last)
        start, end = ends[i - 1] if i else 0.0, ends[i]
        share = (self.last_epoch - start) / (end - start) if end != start else 1.0
        begins, ends_at = self._schedule_phases[i][f"start_{what}"], self._schedule_phases[i][f"end_{what}"]
        groups = self.optimizer.param_groups
        return [annealed(self._anneal_func_type, group[begins], group[ends_at], share) for group in groups]

    def get_lr(self) -> list[float]:
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"this OneCycleLR has {self.total_steps} steps, and this would be one more: call step() after each "
                "batch, and give the number of all batches as total_steps"
            )
        return self._present("lr")

    def _momenta(self) -> list[float]:
        return self._present("momentum")
