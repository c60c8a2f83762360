"""Each schedule follows its closed form, also after it is loaded from a saved state."""

import io
import math
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.optim import SGD, Adagrad, Adam, Optimizer, lr_scheduler, swa_utils


def stepped(*rates: float) -> SGD:
    """An optimizer with a group for each of the rates. It has taken a step, so that schedules do not warn."""
    optimizer = SGD([{"params": [leaf(1.0)], "lr": rate} for rate in rates])
    optimizer.param_groups[0]["params"][0].sum().backward()
    optimizer.step()
    return optimizer


def share_of_the_fall(k: int, length: int, factor: int) -> float:
    """How much of the fall that epoch k is in is over, if the first one has this length."""
    return k / length if k < length else share_of_the_fall(k - length, length * factor, factor)


def warmed_up(o: Optimizer, **last: int) -> Any:
    schedules = [lr_scheduler.LinearLR(o, 0.5, 1, 4), lr_scheduler.ExponentialLR(o, 0.9)]
    return lr_scheduler.SequentialLR(o, schedules, [4], **last)


def nested(o: Optimizer, **last: int) -> Any:
    inner = [lr_scheduler.ConstantLR(o, 0.5, 99), lr_scheduler.ExponentialLR(o, 0.9)]
    together = [lr_scheduler.StepLR(o, 2, 0.5), lr_scheduler.ConstantLR(o, 0.5, 3)]
    schedules = [lr_scheduler.SequentialLR(o, inner, [3]), lr_scheduler.ChainedScheduler(together)]
    return lr_scheduler.SequentialLR(o, schedules, [6], **last)


def bounds(o: Optimizer, first: float) -> list[float]:
    """A number for each group, the second half of the first."""
    return [first, first / 2][: len(o.param_groups)]


# How to make a schedule, and the learning rate of epoch k if the initial one is lr.
CLOSED_FORMS: dict[str, tuple[Callable[..., Any], Callable[[float, int], float]]] = {
    "LambdaLR": (
        lambda o, **last: lr_scheduler.LambdaLR(o, lambda k: 1 / (100 + 10 * k), **last),
        lambda lr, k: lr / (100 + 10 * k),
    ),
    "MultiplicativeLR": (
        lambda o, **last: lr_scheduler.MultiplicativeLR(o, lambda k: k / (k + 1), **last), lambda lr, k: lr / (k + 1)
    ),
    "StepLR": (lambda o, **last: lr_scheduler.StepLR(o, 3, 0.5, **last), lambda lr, k: lr * 0.5 ** (k // 3)),
    "MultiStepLR": (
        lambda o, **last: lr_scheduler.MultiStepLR(o, [2, 5, 5], 0.5, **last),
        lambda lr, k: lr * 0.5 ** ((k >= 2) + 2 * (k >= 5)),
    ),
    "ExponentialLR": (lambda o, **last: lr_scheduler.ExponentialLR(o, 0.9, **last), lambda lr, k: lr * 0.9**k),
    "ConstantLR": (
        lambda o, **last: lr_scheduler.ConstantLR(o, 0.25, 4, **last), lambda lr, k: lr * (0.25 if k < 4 else 1)
    ),
    "ConstantLR, 0": (lambda o, **last: lr_scheduler.ConstantLR(o, 0, 4, **last), lambda lr, k: lr * (k >= 4)),
    "LinearLR": (
        lambda o, **last: lr_scheduler.LinearLR(o, 0.2, 0.7, 5, **last), lambda lr, k: lr * (0.2 + 0.1 * min(k, 5))
    ),
    "LinearLR, 0": (
        lambda o, **last: lr_scheduler.LinearLR(o, 1, 0, 5.0, **last), lambda lr, k: lr * (1 - min(k, 5) / 5)
    ),
    "PolynomialLR": (
        lambda o, **last: lr_scheduler.PolynomialLR(o, 6, 2, **last), lambda lr, k: lr * (1 - min(k, 6) / 6) ** 2
    ),
    "CosineAnnealingLR": (
        lambda o, **last: lr_scheduler.CosineAnnealingLR(o, 4, 0.01, **last),
        lambda lr, k: 0.01 + (lr - 0.01) * (1 + math.cos(math.pi * k / 4)) / 2,
    ),
    "CosineAnnealingLR, 1": (
        lambda o, **last: lr_scheduler.CosineAnnealingLR(o, 1, **last),
        lambda lr, k: lr * (1 + math.cos(math.pi * k)) / 2,
    ),
    "CosineAnnealingWarmRestarts": (
        lambda o, **last: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 3, 0.01, **last),
        lambda lr, k: 0.01 + (lr - 0.01) * (1 + math.cos(math.pi * share_of_the_fall(k, 2, 3))) / 2,
    ),
    "CosineAnnealingWarmRestarts, 1": (
        lambda o, **last: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, **last),
        lambda lr, k: lr * (1 + math.cos(math.pi * (k % 3) / 3)) / 2,
    ),
    "CyclicLR": (
        lambda o, **last: lr_scheduler.CyclicLR(o, bounds(o, 0.5), 1.0, 2, 3, cycle_momentum=False, **last),
        lambda lr, k: lr + (1 - lr) * min(k % 5 / 2, (5 - k % 5) / 3),
    ),
    "OneCycleLR": (
        lambda o, **last: lr_scheduler.OneCycleLR(
            o, bounds(o, 5.0), 31, None, None, 10 / 31, "linear", div_factor=10, final_div_factor=2, **last
        ),
        lambda lr, k: lr * (1 + k if k <= 9 else 10 - 9.5 * (k - 9) / 21),
    ),
    "SequentialLR": (warmed_up, lambda lr, k: lr * (0.5 + k / 8 if k < 4 else 0.9 ** (k - 4))),
    "SequentialLR of a SequentialLR": (
        nested,
        lambda lr, k: lr * (0.5 if k < 3 else 0.9 ** (k - 3) if k < 6 else 0.5 ** ((k - 6) // 2 + (k < 9))),
    ),
    "ChainedScheduler": (
        lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ConstantLR(o, 0.5, 3), lr_scheduler.StepLR(o, 2, 0.5)]),
        lambda lr, k: lr * 0.5 ** (k // 2 + (k < 3)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_schedules_follow_their_closed_form(name: str) -> None:
    make, closed_form = CLOSED_FORMS[name]
    optimizer = stepped(0.5, 0.25)
    schedule = make(optimizer)
    for epoch in range(30):
        expected = [closed_form(0.5, epoch), closed_form(0.25, epoch)]
        np.testing.assert_allclose([group["lr"] for group in optimizer.param_groups], expected, atol=1e-15)
        assert schedule.get_last_lr() == [group["lr"] for group in optimizer.param_groups]
        assert schedule.last_epoch == epoch
        schedule.step()
    assert [group["initial_lr"] for group in optimizer.param_groups] == [0.5, 0.25]


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_schedules_continue_from_their_state(name: str) -> None:
    make, closed_form = CLOSED_FORMS[name]
    schedule = make(stepped(0.5))
    for _ in range(5):
        schedule.step()
    state = pickle.loads(pickle.dumps(schedule.state_dict()))
    assert "optimizer" not in state
    optimizer = stepped(0.5)
    other = make(optimizer)
    other.load_state_dict(state)
    for epoch in range(5, 12):
        np.testing.assert_allclose(optimizer.param_groups[0]["lr"], closed_form(0.5, epoch), atol=1e-15)
        other.step()


@pytest.mark.parametrize("saved", ["before the step", "after the step", "never"])
@pytest.mark.parametrize("name", [name for name in CLOSED_FORMS if name != "ChainedScheduler"])
@pytest.mark.parametrize("last", range(10))
def test_schedules_continue_from_the_state_of_an_optimizer(name: str, last: int, saved: str) -> None:
    """`last` is the last epoch that was trained. Programs save before or after they step to the next, or not at all."""
    make, closed_form = CLOSED_FORMS[name]
    optimizer = stepped(0.5)
    schedule = make(optimizer)
    for _ in range({"before the step": last, "after the step": last + 1, "never": 0}[saved]):
        schedule.step()
    other = stepped(0.1)
    other.load_state_dict(optimizer.state_dict())
    resumed = make(other, last_epoch=last)
    for epoch in range(last + 1, 14):
        np.testing.assert_allclose(other.param_groups[0]["lr"], closed_form(0.5, epoch), atol=1e-15)
        resumed.step()


def test_rates_of_another_schedule_are_not_continued() -> None:
    optimizer = stepped(1.0)
    lr_scheduler.ExponentialLR(optimizer, 0.9)
    optimizer.param_groups[0]["lr"] = 0.3
    with pytest.raises(ValueError, match=r"0\.3 is not that of this ExponentialLR in epoch 1, 0\.9, or 2, 0\.81"):
        lr_scheduler.ExponentialLR(optimizer, 0.9, last_epoch=1)
    assert optimizer.param_groups[0]["lr"] == 0.3


def added(schedule: Any, rate: float) -> list[float]:
    """Add a group with this rate to the optimizer of the schedule. Returns the rates of all groups."""
    schedule.optimizer.add_param_group({"params": [leaf(1.0)], "lr": rate})
    return [group["lr"] for group in schedule.optimizer.param_groups]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda o: lr_scheduler.StepLR(o, 2, 0.5), [0.5, 0.25]),
        (lambda o: lr_scheduler.MultiStepLR(o, [1], 0.5), [0.5, 0.25]),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.5), [0.25, 0.125]),
    ],
)
def test_a_group_that_is_added_later_follows_from_its_own_rate(make: Callable[..., Any], expected: list[float]) -> None:
    schedule = make(stepped(1.0))
    added(schedule, 0.5)
    schedule.step()
    schedule.step()
    assert schedule.get_last_lr() == expected


def test_the_least_rate_of_all_groups_holds_for_a_group_that_is_added_later() -> None:
    schedule = lr_scheduler.ReduceLROnPlateau(stepped(1.0), patience=0, min_lr=0.02)
    added(schedule, 0.1)
    schedule.step(1)
    schedule.step(1)
    assert schedule.get_last_lr() == [0.1, 0.02]


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (lambda o: lr_scheduler.LambdaLR(o, lambda k: 0.5**k), ()),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 1), ()),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, min_lr=[0.1]), (1.0,)),
    ],
)
def test_a_group_without_a_value_is_refused_and_nothing_changes(make: Callable[..., Any], arguments: Any) -> None:
    schedule = make(stepped(1.0))
    if isinstance(schedule, lr_scheduler.CosineAnnealingLR):
        schedule.step()  # at the lowest point it needs the initial rate
    rates, state = added(schedule, 0.5), schedule.state_dict()
    with pytest.raises(ValueError, match="has values for 1 parameter groups, but the optimizer has 2"):
        schedule.step(*arguments)
    assert schedule.state_dict() == state
    assert [group["lr"] for group in schedule.optimizer.param_groups] == rates


def test_a_function_that_raises_does_not_count_the_epoch() -> None:
    schedule = lr_scheduler.LambdaLR(stepped(1.0), [1.0, 0.5].__getitem__)
    schedule.step()
    for _ in range(2):
        with pytest.raises(IndexError):
            schedule.step()
        assert (schedule.last_epoch, schedule.get_last_lr()) == (1, [0.5])


def test_a_step_that_fails_within_a_combination_changes_nothing() -> None:
    optimizer = stepped(1.0)
    first, failing = lr_scheduler.ExponentialLR(optimizer, 0.5), lr_scheduler.OneCycleLR(optimizer, 1.0, 3)
    chained = lr_scheduler.ChainedScheduler([first, failing])
    for _ in range(3):
        chained.step()
    before, options = chained.state_dict(), [dict(group) for group in optimizer.param_groups]
    with pytest.raises(ValueError, match="has 3 steps, and this would be one more"):
        chained.step()
    assert chained.state_dict() == before
    assert optimizer.param_groups == options
    refused = {**before, "_schedulers": [before["_schedulers"][0], {}]}
    with pytest.raises(ValueError, match="it is not of an OneCycleLR"):
        chained.load_state_dict(refused)
    for wrong in ([{}], None, 3):
        with pytest.raises(ValueError, match="expected a list of 2 states"):
            chained.load_state_dict({**before, "_schedulers": wrong})
    assert chained.state_dict() == before


def test_a_sequence_with_another_number_of_milestones_is_refused() -> None:
    schedule = warmed_up(stepped(1.0))
    with pytest.raises(ValueError, match=r"has _milestones = \[3, 4\]: expected 1 epochs"):
        schedule.load_state_dict({**schedule.state_dict(), "_milestones": [3, 4]})
    assert schedule._milestones == [4]


def test_a_group_may_say_its_initial_rate() -> None:
    optimizer = SGD([{"params": [leaf(1.0)], "initial_lr": 0.5}], lr=0.5)
    assert lr_scheduler.ExponentialLR(optimizer, 0.5, last_epoch=1).get_last_lr() == [0.125]
    with pytest.raises(ValueError, match="initial_lr cannot be -1"):
        SGD([{"params": [leaf(1.0)], "initial_lr": -1}], lr=0.5)


def test_momentum_goes_against_the_rate() -> None:
    for optimizer in (stepped(1.0), Adam([leaf(1.0)])):
        schedule = lr_scheduler.OneCycleLR(optimizer, 1.0, 10, base_momentum=0.5, max_momentum=0.9)
        momenta = []
        for _ in range(9):
            group = optimizer.param_groups[0]
            momenta.append(group["betas"][0] if "betas" in group else group["momentum"])
            optimizer.stepped_at = 1
            schedule.step()
        assert momenta[0] == 0.9
        assert min(momenta) == momenta[2] == 0.5
        assert momenta == sorted(momenta[:2], reverse=True) + sorted(momenta[2:])
        assert optimizer.param_groups[0].get("betas", (0, 0.999))[1] == 0.999


def test_warm_restarts_may_step_to_epochs_between_two() -> None:
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(stepped(1.0), 2, 3)
    for epoch in (0.5, 1.75, 2, 7.5, 8, 30.25, 0):
        schedule.step(epoch)
        expected = (1 + math.cos(math.pi * share_of_the_fall(epoch, 2, 3))) / 2  # type: ignore[arg-type]
        np.testing.assert_allclose(schedule.get_last_lr(), expected)
        assert schedule.last_epoch == math.floor(epoch)


def test_combinations_call_the_step_of_a_users_schedule() -> None:
    class Counting(lr_scheduler.ExponentialLR):
        steps = 0

        def step(self) -> None:
            self.steps += 1
            super().step()

    optimizer = stepped(1.0)
    schedule = Counting(optimizer, 0.5)
    combined = lr_scheduler.SequentialLR(optimizer, [lr_scheduler.ChainedScheduler([schedule])], [])
    combined.step()
    assert (schedule.steps, combined.get_last_lr()) == (1, [0.5])


def test_a_schedule_continues_from_a_file() -> None:
    optimizer, file = stepped(1.0), io.BytesIO()
    schedule = lr_scheduler.MultiStepLR(optimizer, [1, 3, 3], 0.5)
    tg.save(schedule.state_dict(), file)
    file.seek(0)
    schedule.load_state_dict(tg.load(file))
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        schedule.step()
    assert rates == [1.0, 0.5, 0.5, 0.125]


def test_schedules_can_be_chained() -> None:
    optimizer = stepped(1.0)
    schedules = [lr_scheduler.ExponentialLR(optimizer, 0.9), lr_scheduler.MultiStepLR(optimizer, [2], 0.5)]
    for epoch in range(5):
        np.testing.assert_allclose(optimizer.param_groups[0]["lr"], 0.9**epoch * 0.5 ** (epoch >= 2))
        for schedule in schedules:
            schedule.step()


def test_each_group_may_have_its_own_lambda() -> None:
    optimizer = stepped(1.0, 1.0)
    schedule = lr_scheduler.LambdaLR(optimizer, [lambda k: np.float64(1 / (k + 1)), lambda k: 2**-k])
    schedule.step()
    schedule.step()
    np.testing.assert_allclose(schedule.get_last_lr(), [1 / 3, 1 / 4])
    assert {type(rate) for rate in schedule.get_last_lr()} == {float}


def plateau_by_hand(
    metrics: list[float], mode: str, patience: int, threshold: float, relative: bool, cooldown: int
) -> Iterator[float]:
    """The rate after each metric, with a factor of 1/2, a least rate of 0.1 and a least change of 0.03."""
    rate, best, bad, cooling = 1.0, None, 0, 0
    for metric in metrics:
        if best is None:
            better = True
        elif mode == "min":
            better = metric < (best - abs(best) * threshold if relative else best - threshold)
        else:
            better = metric > (best + abs(best) * threshold if relative else best + threshold)
        if better:
            best, bad = metric, 0
        else:
            bad += 1
        if cooling:
            cooling, bad = cooling - 1, 0
        if bad > patience:
            reduced = max(rate / 2, 0.1)
            rate = reduced if rate - reduced > 0.03 else rate
            cooling, bad = cooldown, 0
        yield rate


@given(
    metrics=st.lists(
        st.sampled_from([-2.0, -1.05, -1.0, -0.95, 0.0, 0.5, 0.95, 1.0, 1.05, 2.0]), min_size=1, max_size=40
    ),
    mode=st.sampled_from(["min", "max"]),
    patience=st.integers(0, 2),
    threshold=st.sampled_from([0.0, 0.1]),
    relative=st.booleans(),
    cooldown=st.integers(0, 2),
    interrupted=st.booleans(),
)
def test_reduce_on_plateau_equals_its_definition(
    metrics: list[float], mode: str, patience: int, threshold: float, relative: bool, cooldown: int, interrupted: bool
) -> None:
    def made(optimizer: Optimizer) -> lr_scheduler.ReduceLROnPlateau:
        return lr_scheduler.ReduceLROnPlateau(
            optimizer, mode, 0.5, patience, threshold, "rel" if relative else "abs", cooldown, 0.1, 0.03
        )

    schedule = made(stepped(1.0))
    for metric, expected in zip(
        metrics, plateau_by_hand(metrics, mode, patience, threshold, relative, cooldown), strict=True
    ):
        if interrupted:
            state, schedule = schedule.state_dict(), made(stepped(1.0))
            schedule.load_state_dict(state)
        schedule.step(tg.tensor(metric, dtype=np.float64))
        assert schedule.get_last_lr() == [schedule.optimizer.param_groups[0]["lr"]] == [expected]


@pytest.mark.parametrize("threshold", [0.0, 0.1, 1.0, 2.0])
def test_what_is_smaller_is_better_as_the_negative_is_larger(threshold: float) -> None:
    metrics = [-1.0, -0.95, -1.05, -3.0, -10.0, 0.0, 2.0, 1.0, -100.0]
    schedules = {
        sign: lr_scheduler.ReduceLROnPlateau(stepped(1.0), mode, patience=0, threshold=threshold)
        for sign, mode in ((1, "min"), (-1, "max"))
    }
    for metric in metrics:
        for sign, schedule in schedules.items():
            schedule.step(sign * metric)
        assert schedules[1].best == -schedules[-1].best
        assert schedules[1].get_last_lr() == schedules[-1].get_last_lr()
    assert schedules[1].best == -100


def test_each_group_may_have_its_own_least_rate() -> None:
    schedule = lr_scheduler.ReduceLROnPlateau(stepped(1.0, 1.0), patience=0, min_lr=[0.5, 0.0])
    schedule.step(1)
    schedule.step(math.nan)  # no improvement, so both rates are to be divided by ten
    assert schedule.get_last_lr() == [0.5, 0.1]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda o: lr_scheduler.StepLR("o", 1), TypeError, "an optimizer, not of 'o'"),
        (lambda o: lr_scheduler.StepLR(nn.Linear(1, 1), 1), TypeError, "an optimizer, not of a Linear"),
        (lambda o: lr_scheduler.StepLR(o, 1, "a"), ValueError, "gamma is the factor .* not 'a'"),
        (lambda o: lr_scheduler.ExponentialLR(o, tg.ones(2)), ValueError, "gamma is .* not a Tensor of shape"),
        (lambda o: lr_scheduler.MultiStepLR(o, 3), TypeError, r"list such as \[30, 80\], not 3"),
        (lambda o: lr_scheduler.LambdaLR(o, 0.5), TypeError, "function of the epoch, .* not 0.5"),
        (lambda o: lr_scheduler.LambdaLR(o, lambda epoch: None), ValueError, r"lr_lambda\(0\) is .* not None"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 5, None), ValueError, "eta_min"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=-1), ValueError, "patience .* not -1"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor="a"), ValueError, "below 1, not 'a'"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o).step(None), TypeError, r"takes the metric"),
        (lambda o: lr_scheduler.StepLR(o, 0), ValueError, "step_size"),
        (lambda o: lr_scheduler.StepLR(o, True), ValueError, "step_size is a positive number of epochs, not True"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, True), ValueError, "T_max"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 0), ValueError, "T_max"),
        (lambda o: lr_scheduler.CosineAnnealingLR(o, 2.5), ValueError, "T_max"),
        (lambda o: lr_scheduler.LambdaLR(o, [abs, abs]), ValueError, "2 functions were given for 1"),
        (lambda o: lr_scheduler.ExponentialLR(o, 0.9, last_epoch=3), ValueError, "initial_lr"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, "below 1"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, "low"), ValueError, "'low'"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "'x'"),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o, min_lr=[0, 0]), ValueError, "2 least rates"),
        (lambda o: lr_scheduler.LRScheduler(o), NotImplementedError, None),
        (lambda o: lr_scheduler.MultiplicativeLR("o", abs), TypeError, "an optimizer, not of 'o'"),
        (lambda o: lr_scheduler.MultiplicativeLR(o, 3), TypeError, "function of the epoch, .* not 3"),
        (lambda o: lr_scheduler.ConstantLR(o, 1.5), ValueError, r"factor is the factor .* of \[0, 1\], not 1.5"),
        (lambda o: lr_scheduler.ConstantLR(o, total_iters=2.5), ValueError, "total_iters is a whole number .* not 2.5"),
        (lambda o: lr_scheduler.ConstantLR(o, total_iters=-1), ValueError, "total_iters .* not -1"),
        (lambda o: lr_scheduler.LinearLR(o, 0), ValueError, "start_factor is more than 0"),
        (lambda o: lr_scheduler.LinearLR(o, 0.5, -1), ValueError, "end_factor"),
        (lambda o: lr_scheduler.PolynomialLR(o, 5, "a"), ValueError, "power is the exponent, a number, not 'a'"),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0"),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2, 1.5), ValueError, "T_mult"),
        (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "≥ 0, not -1"),
        (lambda o: lr_scheduler.CyclicLR("o", 0.1, 0.2), TypeError, "not of 'o'"),
        (lambda o: lr_scheduler.CyclicLR(o, [0.1, 0.2], 0.2), ValueError, "base_lr has 2 values, but .* 1 parameter"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, "a"), ValueError, "max_lr is a number"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.2, 0), ValueError, "step_size_up is a positive"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.2, 1, -1), ValueError, "step_size_down"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.2, mode="round"), ValueError, "mode is .* not 'round'"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.2, scale_mode="x"), ValueError, "scale_mode is .* not 'x'"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.2, scale_fn=3), TypeError, "scale_fn is a function"),
        (lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.2, max_momentum=[1, 2]), ValueError, "max_momentum has 2 values"),
        (
            lambda o: lr_scheduler.CyclicLR(Adagrad([leaf(1.0)]), 0.1, 0.2), ValueError,
            "Adagrad has no momentum to cycle: write cycle_momentum=False",
        ),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1), ValueError, "write total_steps=, or epochs= and steps_per_epoch="),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 0), ValueError, "total_steps"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, epochs=1.5, steps_per_epoch=2), ValueError, "epochs is a positive"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9, pct_start=1.5), ValueError, "pct_start"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9, anneal_strategy="exp"), ValueError, "'linear', not 'exp'"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9, div_factor=0), ValueError, "div_factor is a positive number"),
        (lambda o: lr_scheduler.OneCycleLR(Adagrad([leaf(1.0)]), 0.1, 9), ValueError, "Adagrad has no momentum"),
        (
            lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9, last_epoch=3), ValueError,
            r"no \['base_momentum', 'max_lr', 'max_momentum', 'min_lr'\] to continue from",
        ),
        (lambda o: lr_scheduler.SequentialLR(o, [], []), ValueError, "one or more schedules"),
        (lambda o: lr_scheduler.SequentialLR(o, [3], []), TypeError, "so they cannot be 3"),
        (
            lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.ReduceLROnPlateau(o)], []), ValueError,
            "without a metric, so they cannot be a ReduceLROnPlateau",
        ),
        (
            lambda o: lr_scheduler.SequentialLR(stepped(1.0), [lr_scheduler.StepLR(o, 1)], []), ValueError,
            "of one optimizer, but these are of several",
        ),
        (
            lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1)] * 2, []), ValueError,
            r"1 epochs in ascending order, not \[\]",
        ),
        (
            lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1)] * 3, [3, 2]), ValueError,
            r"2 epochs in ascending order, not \[3, 2\]",
        ),
        (lambda o: lr_scheduler.ChainedScheduler([]), ValueError, "one or more schedules"),
        (
            lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(each, 1) for each in (o, stepped(1.0))]),
            ValueError, "of one optimizer",
        ),
        (lambda o: swa_utils.SWALR(o, [1, 2]), ValueError, "swa_lr has 2 values"),
        (lambda o: swa_utils.SWALR(o, 1, -1), ValueError, "anneal_epochs is a whole number ≥ 0 of epochs, not -1"),
        (lambda o: swa_utils.SWALR(o, 1, anneal_strategy="exp"), ValueError, "'cos' or 'linear', not 'exp'"),
        (
            lambda o: lr_scheduler.StepLR(o, 1).load_state_dict(lr_scheduler.ExponentialLR(o, 1).state_dict()),
            ValueError, r"\['step_size'\]: it is not of a StepLR",
        ),
        (
            lambda o: lr_scheduler.StepLR(o, 1).load_state_dict(lr_scheduler.StepLR(stepped(1, 2), 1).state_dict()),
            ValueError, "2 learning rates for 1",
        ),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(
    make: Callable[[Optimizer], Any], error: type[Exception], message: str | None
) -> None:
    with pytest.raises(error, match=message):
        make(SGD([leaf(1.0)]))


def test_a_schedule_is_printed_with_its_options_its_epoch_and_its_rates() -> None:
    def halved(epoch: int) -> float:
        return 0.5**epoch

    made = {
        "StepLR(step_size=3, gamma=0.1, last_epoch=0, lr=[1.0])": lambda o: lr_scheduler.StepLR(o, 3),
        "MultiStepLR(milestones=[1, 1, 4], gamma=0.1, last_epoch=0, lr=[1.0])": lambda o: lr_scheduler.MultiStepLR(
            o, [4, 1, 1]
        ),
        "LambdaLR(last_epoch=0, lr_lambda=[halved], lr=[1.0])": lambda o: lr_scheduler.LambdaLR(o, halved),
        "CosineAnnealingLR(T_max=4, eta_min=0.0, last_epoch=0, lr=[1.0])": lambda o: lr_scheduler.CosineAnnealingLR(
            o, 4
        ),
    }
    for text, make in made.items():
        assert repr(make(stepped(1.0))) == text
    optimizer = stepped(1.0)
    sequence = lr_scheduler.SequentialLR(
        optimizer, [lr_scheduler.ConstantLR(optimizer, 0.5), lr_scheduler.StepLR(optimizer, 3)], [5]
    )
    assert repr(sequence) == (
        "SequentialLR(last_epoch=0, schedulers=[ConstantLR(factor=0.5, total_iters=5, last_epoch=0, lr=[0.5]), "
        "StepLR(step_size=3, gamma=0.1, last_epoch=-1, lr=[0.5])], milestones=[5], lr=[0.5])"
    )
    cyclic = lr_scheduler.CyclicLR(stepped(1.0), 0.25, 0.5, 3, scale_fn=halved)
    assert (
        "scale_fn=halved, scale_mode='cycle', cycle_momentum=True, last_epoch=0, base_lr=[0.25], max_lr=[0.5]"
        in repr(cyclic)
    )
    plateau = repr(lr_scheduler.ReduceLROnPlateau(stepped(1.0, 0.5)))
    assert plateau.startswith("ReduceLROnPlateau(mode='min', factor=0.1, patience=10,")
    assert plateau.endswith("min_lr=0, last_epoch=0, lr=[1.0, 0.5])")
