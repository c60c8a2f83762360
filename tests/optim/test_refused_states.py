"""A state that does not fit an optimizer or a schedule is refused by the name of the entry, and changes nothing."""

import copy
import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import optim
from tinygrad_mlp.optim import LBFGS, SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop, lr_scheduler, swa_utils
from tinygrad_mlp.optim.entries import (
    Anything,
    Ascending,
    Choice,
    Counts,
    Flag,
    Number,
    Numbers,
    PerGroup,
    Phases,
    Several,
)

Replace = Callable[[Any], Any]


def trained(make: Callable[[list[tg.Tensor]], Optimizer]) -> Optimizer:
    """An optimizer of two parameters that has taken two steps."""
    parameters = [leaf(np.array([1.0, 2.0], np.float32)), leaf(np.array([[0.5]], np.float32))]
    optimizer = make(parameters)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = sum(((parameter - 3) ** 4).sum() for parameter in parameters)
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    return optimizer


OPTIMIZERS: dict[str, Callable[[list[tg.Tensor]], Optimizer]] = {
    "SGD": lambda p: SGD(p, lr=0.01, momentum=0.9),
    "Adam": lambda p: Adam(p, lr=0.1),
    "AdamW": lambda p: AdamW(p, lr=0.1, amsgrad=True),
    "RMSprop": lambda p: RMSprop(p, lr=0.1, momentum=0.9, centered=True),
    "Adagrad": lambda p: Adagrad(p, lr=0.1),
    "Adadelta": optim.Adadelta,
    "Adamax": optim.Adamax,
    "NAdam": optim.NAdam,
    "RAdam": optim.RAdam,
    "Rprop": optim.Rprop,
    "ASGD": optim.ASGD,
    "LBFGS": lambda p: LBFGS(p, lr=0.1, max_iter=3),
}
SCHEDULES: dict[str, Callable[[Optimizer], Any]] = {
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda k: 1 / (k + 1)),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 3),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [1, 3, 3]),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 4),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda k: 0.9),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 0.1, 0.5, 3),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.5, 9),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [5]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)]
    ),
    "SWALR": lambda o: swa_utils.SWALR(o, 0.05),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=math.inf),  # type: ignore[arg-type]
}

# Values that no entry of a kind may have.
WRONG: dict[type, list[Any]] = {
    Number: ["x", "1", {}, [1.0], 1j, True, np.ones(2), np.array("x"), object()],
    Numbers: ["x", {}, 1.0, [1.0], np.ones((3, 1)), "complex", "objects", "too large"],
    Several: ["x", 3, {}, None, ["x"], [None]],
    PerGroup: ["x", 3, None, ["x"], [None], [], [0.1, 0.1], [math.nan]],
    Counts: ["x", 3, [1], {"a": 1}, {1: "a"}, {1: 0.5}],
    Choice: ["x", 3, None, ["min"]],
    Flag: ["x", 3, None, [True]],
    Ascending: ["x", 3, None, ["a"], [0.5], [3, 2]],
    Phases: ["x", 3, None, [], [3], [{}], [{"end_step": 3}]],
}


def wrong_values(entry: Any, value: Any) -> list[Any]:
    """Values that `entry`, a row of a table, refuses where a right one is `value`."""
    made = {
        "complex": np.zeros(np.shape(value), complex),
        "objects": np.full(np.shape(value), None),
        "too large": np.full(np.shape(value), 1e300),
    }
    values = [made.get(wrong, wrong) if isinstance(wrong, str) else wrong for wrong in WRONG[type(entry)]]
    if isinstance(entry, Number):
        values += [] if entry.nan else [math.nan]
        values += [] if entry.infinite else [math.inf, -math.inf]
        values += [0.5, tg.tensor(0.5)] if entry.whole else []
        values += [entry.least - 1] if entry.least > -math.inf else []
        values += [entry.below] if entry.below < math.inf else []
    if isinstance(entry, Numbers) and entry.least > -math.inf:
        values.append(np.full(np.shape(value), entry.least - 1))
    return values + [None] * (entry.required is True)


def same(state: Any) -> str:
    """A text that is the same for the same state, in any order of the entries."""
    if not isinstance(state, dict):
        return repr([same(entry) for entry in state] if isinstance(state, list) else state)
    return repr(sorted((repr(name), same(entry)) for name, entry in state.items()))


def assert_refused(holder: Any, state: Any, name: str, error: type[Exception] = ValueError) -> None:
    before = same(holder.state_dict())
    with pytest.raises(error) as caught:
        holder.load_state_dict(state)
    assert name in str(caught.value)
    assert same(holder.state_dict()) == before


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_entry_of_an_optimizers_state_is_checked(name: str) -> None:
    optimizer = trained(OPTIMIZERS[name])
    state = optimizer.state_dict()
    table = optimizer._entries
    assert table is not None
    assert set(state["state"][0]) == {entry for entry, row in table.items() if row} - {"max_exp_avg_sq"} | (
        {"max_exp_avg_sq"} if name == "AdamW" else set()
    )
    for entry, value in state["state"][0].items():
        for wrong in wrong_values(table[entry], value):
            changed = {**state, "state": {**state["state"], 0: {**state["state"][0], entry: wrong}}}
            assert_refused(optimizer, changed, f"the state of parameter 0 has {entry} ")
        without = {other: held for other, held in state["state"][0].items() if other != entry}
        changed = {**state, "state": {**state["state"], 0: without}}
        if table[entry].required:  # type: ignore[union-attr]
            assert_refused(optimizer, changed, f"the state of parameter 0 has no ['{entry}']")
        else:
            optimizer.load_state_dict(changed)
            optimizer.load_state_dict(state)
    assert_refused(optimizer, {**state, "state": {0: {**state["state"][0], "foo": 1}}}, "has ['foo'], which")


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize(("change", "message"), [
    (lambda s: {}, "has 'state' and 'param_groups', and this one []"),
    (lambda s: {"param_groups": s["param_groups"]}, "and this one ['param_groups']"),
    (lambda s: {**s, "epoch": 3}, "and this one ['epoch', 'param_groups', 'state']"),
    (lambda s: {**s, "state": None}, "a dict of the states of parameters, not None"),
    (lambda s: {**s, "state": {5: {}}}, "a parameter 5, but its groups have [0, 1]"),
    (lambda s: {**s, "state": {"0": s["state"][0]}}, "a parameter '0'"),
    (lambda s: {**s, "state": {0: None}}, "the state of parameter 0 is None"),
    (lambda s: {**s, "state": {0: [1]}}, "the state of parameter 0 is [1]"),
    (lambda s: {**s, "param_groups": None}, "param_groups is a list of dicts"),
    (lambda s: {**s, "param_groups": [3]}, "param_groups is a list of dicts"),
    (lambda s: {**s, "param_groups": [{"lr": 0.1}]}, "param_groups is a list of dicts"),
    (lambda s: {**s, "param_groups": []}, "groups of [] parameters"),
])  # fmt: skip
def test_states_without_their_parts_are_refused(name: str, change: Replace, message: str) -> None:
    optimizer = trained(OPTIMIZERS[name])
    assert_refused(optimizer, change(optimizer.state_dict()), message)


@pytest.mark.parametrize(("option", "value", "message"), [
    ("lr", "x", "lr cannot be 'x'"), ("lr", math.nan, "lr cannot be nan"), ("lr", None, "lr cannot be None"),
    ("betas", (0.9,), "they are two numbers"), ("betas", 0.9, "they are two numbers"),
    ("betas", None, "they are two numbers"), ("betas", "ab", "they are two numbers"),
    ("amsgrad", None, "amsgrad cannot be None"), ("maximize", "no", "maximize cannot be 'no'"),
    ("params", [0, 0], "different integers"), ("params", ["a", "b"], "different integers"),
    ("params", [[], {}], "different integers"), ("initial_lr", "x", "initial_lr cannot be 'x'"),
    (3, 4, "has ['3'], which"),
])  # fmt: skip
def test_each_option_of_a_state_is_checked(option: Any, value: Any, message: str) -> None:
    optimizer = trained(OPTIMIZERS["Adam"])
    state = optimizer.state_dict()
    assert_refused(optimizer, {**state, "param_groups": [{**state["param_groups"][0], option: value}]}, message)


def test_a_state_without_an_option_is_refused_unless_pytorch_added_it_later() -> None:
    optimizer = trained(OPTIMIZERS["AdamW"])
    state = optimizer.state_dict()
    group = state["param_groups"][0]
    for option in optimizer.defaults:
        without = {**state, "param_groups": [{name: value for name, value in group.items() if name != option}]}
        if option in ("maximize", "decoupled_weight_decay"):
            optimizer.load_state_dict(without)
            assert optimizer.param_groups[0] == {**group, "params": optimizer.param_groups[0]["params"]}
        else:
            assert_refused(optimizer, without, f"a group of the state has no ['{option}']")


def test_the_lists_of_lbfgs_have_one_length_and_its_state_one_place() -> None:
    optimizer = trained(OPTIMIZERS["LBFGS"])
    state = optimizer.state_dict()
    shorter = {**state["state"][0], "ro": state["state"][0]["ro"][1:]}
    assert_refused(optimizer, {**state, "state": {0: shorter}}, "lists of different lengths: {'old_dirs': ")
    assert_refused(optimizer, {**state, "state": {1: state["state"][0]}}, "that of the first parameter")


def test_a_parameter_without_entries_begins_anew() -> None:
    for name, make in OPTIMIZERS.items():
        optimizer = trained(make)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": {0: {}}})
        assert optimizer.state == {}, name
    sgd = trained(OPTIMIZERS["SGD"])
    sgd.load_state_dict({**sgd.state_dict(), "state": {0: {"momentum_buffer": None}}})  # as some versions of PyTorch's
    assert sgd.state == {}


def test_the_state_of_a_network_that_diverged_is_loaded() -> None:
    for make in OPTIMIZERS.values():
        optimizer = trained(make)
        for entries in optimizer.state.values():
            for name, row in (optimizer._entries or {}).items():
                if name in entries and (isinstance(row, Numbers) or (isinstance(row, Number) and row.nan)):
                    entries[name] = entries[name] * np.nan
        before = same(optimizer.state_dict())
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        assert same(optimizer.state_dict()) == before


class Own(Optimizer):
    """An optimizer of a user's, which lists no entries."""

    def __init__(self, params: Any) -> None:
        super().__init__(params, {"lr": 0.1})

    def _check(self, group: dict[str, Any]) -> None:
        pass


def test_the_state_of_a_users_optimizer_may_hold_anything_but_arrays_of_another_shape() -> None:
    optimizer = Own([leaf([1.0, 2.0]), leaf(0.5)])
    first, second = optimizer.param_groups[0]["params"]
    optimizer.state = {
        first: {
            "count": np.int64(3),
            "mean": np.ones(2),
            "history": [np.zeros(2), 1.5],
            "word": "a",
            "size": np.float32(2),
        },
        second: {"count": np.int64(3), "mean": np.array(0.5)},
    }
    state = copy.deepcopy(optimizer.state_dict())
    optimizer.load_state_dict(state)
    assert same(optimizer.state_dict()["state"]) == same({
        0: {"count": 3, "mean": np.ones(2), "history": [np.zeros(2), 1.5], "word": "a", "size": 2.0},
        1: {"count": 3, "mean": np.array(0.5)},
    })  # fmt: skip
    assert optimizer.state[first]["mean"] is not state["state"][0]["mean"]
    assert_refused(optimizer, {**state, "state": {0: {"mean": np.ones(3)}}}, "has mean of shape (3,) for a parameter")
    assert_refused(optimizer, {**state, "state": {0: None}}, "the state of parameter 0 is None")


def test_amsgrad_can_be_switched_on_in_the_middle_of_training() -> None:
    """From then on the largest v is that of the steps since then, whether the options are set or loaded."""
    optimizer, loaded = trained(OPTIMIZERS["Adam"]), trained(OPTIMIZERS["Adam"])
    optimizer.param_groups[0]["amsgrad"] = True
    loaded.load_state_dict(optimizer.state_dict())
    for either in (optimizer, loaded):
        parameter = either.param_groups[0]["params"][0]
        state = either.state[parameter]
        averages = [state["exp_avg_sq"].copy()]
        for gradient in (100.0, 0.0, 0.0):
            before = parameter.detach().numpy().copy()
            either.zero_grad()
            parameter.grad = tg.tensor(np.full(2, gradient, np.float32))
            either.step()
            averages.append(0.999 * averages[-1] + 0.001 * gradient**2)
            largest = np.max(averages[1:], axis=0)
            np.testing.assert_allclose(state["max_exp_avg_sq"], largest, rtol=1e-5)
            t = state["step"]
            scaled = state["exp_avg"] / (1 - 0.9**t) / (np.sqrt(largest / (1 - 0.999**t)) + 1e-8)
            np.testing.assert_allclose(parameter.detach().numpy(), before - 0.1 * scaled, rtol=1e-5)


# --- schedules --------------------------------------------------------------------------------------------------------


def schedule_of(name: str) -> Any:
    schedule = SCHEDULES[name](trained(OPTIMIZERS["SGD"]))
    schedule.step(*([1.0] if name == "ReduceLROnPlateau" else []))
    return schedule


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_entry_of_a_schedules_state_is_checked(name: str) -> None:
    schedule = schedule_of(name)
    state = schedule.state_dict()
    rates = [group["lr"] for group in schedule.optimizer.param_groups]
    assert set(state) == set(schedule._entries)
    for entry, row in schedule._entries.items():
        if row is None:
            continue
        for wrong in wrong_values(row, state[entry]):
            assert_refused(schedule, {**state, entry: wrong}, f"the state has {entry} ")
        assert_refused(schedule, {other: state[other] for other in state if other != entry}, f"has no ['{entry}']")
    assert_refused(schedule, {**state, "optimizer": 3}, "has ['optimizer'], which")
    assert_refused(schedule, {**state, "step": 5}, "has ['step'], which")
    assert [group["lr"] for group in schedule.optimizer.param_groups] == rates


@pytest.mark.parametrize("one", SCHEDULES)
def test_the_state_of_another_kind_of_schedule_is_refused(one: str) -> None:
    for other in SCHEDULES:
        if other != one and {one, other} != {"LambdaLR", "MultiplicativeLR"}:  # the two keep the same
            assert_refused(schedule_of(one), schedule_of(other).state_dict(), "the state has ")


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_state_from_a_file_is_loaded_and_shares_nothing_with_the_schedule(name: str) -> None:
    schedule, file = schedule_of(name), io.BytesIO()
    before = same(schedule.state_dict())
    tg.save(schedule.state_dict(), file)
    state = tg.load(file)
    schedule.load_state_dict(state)
    state["_last_lr"].append(3.0)
    assert same(schedule.state_dict()) == before


def test_a_users_schedule_may_keep_anything() -> None:
    class Warm(lr_scheduler.LRScheduler):
        def __init__(self, optimizer: Optimizer) -> None:
            self.words = ["a"]
            super().__init__(optimizer)

        def get_lr(self) -> list[float]:
            return [base / (self.last_epoch + 1) for base in self.base_lrs]

    schedule = Warm(trained(OPTIMIZERS["SGD"]))
    schedule.load_state_dict({**schedule.state_dict(), "words": {"b": 1}, "last_epoch": 1})
    assert (schedule.words, schedule.last_epoch) == ({"b": 1}, 1)
    assert_refused(
        schedule, {**schedule.state_dict(), "last_epoch": -2}, "has last_epoch = -2: expected a whole number"
    )


# --- all of them ------------------------------------------------------------------------------------------------------

HOLDERS: dict[str, Callable[[], Any]] = {
    "Linear": lambda: tg.nn.Linear(1, 1),
    "Adam": lambda: trained(OPTIMIZERS["Adam"]),
    "LBFGS": lambda: trained(OPTIMIZERS["LBFGS"]),
    "LambdaLR": lambda: schedule_of("LambdaLR"),
    "ReduceLROnPlateau": lambda: schedule_of("ReduceLROnPlateau"),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_what_is_no_state_is_refused(name: str) -> None:
    holder = HOLDERS[name]()
    for path in ("run.tg", Path("run.tg")):
        assert_refused(holder, path, f"{name}.load_state_dict takes a state", TypeError)
        assert_refused(holder, path, "write load_state_dict(tg.load('run.tg'))", TypeError)
    for wrong in (None, [], 3, np.zeros(2)):
        assert_refused(holder, wrong, f"{name}.load_state_dict takes a dict", TypeError)


def test_every_optimizer_and_every_schedule_has_a_table() -> None:
    for name in optim.__all__:
        made = getattr(optim, name)
        if isinstance(made, type) and issubclass(made, Optimizer) and made is not Optimizer:
            assert name in OPTIMIZERS
            assert made._entries
    assert set(SCHEDULES) == {*lr_scheduler.__all__, "SWALR"} - {"LRScheduler"}
    rows = [row for name in SCHEDULES for row in schedule_of(name)._entries.values() if row]
    assert not [row for row in rows if isinstance(row, Anything)]
