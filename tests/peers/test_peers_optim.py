"""Fifty steps of each optimizer and each schedule with all pairs of their options lead where PyTorch's lead.

Parameters, learning rates and momenta agree, in float64, up to 1e-10. A state that PyTorch saves half-way goes on here,
and one that is saved here goes on in PyTorch.
"""

import copy
import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing PyTorch gives warnings
    torch = pytest.importorskip("torch", reason="PyTorch, the peer, is not installed")

STEPS = 50
Options = dict[str, Any]

# The values of each option. The first is the usual one. Where a function is, it is called with the library.
OPTIMIZERS: dict[str, dict[str, list[Any]]] = {
    "SGD": {
        "lr": [0.05, 0.2], "momentum": [0, 0.9, 0.4], "dampening": [0, 0.3], "weight_decay": [0, 0.1],
        "nesterov": [False, True], "maximize": [False, True],
    },
    "Adam": {
        "lr": [0.05, 0.001], "betas": [(0.9, 0.999), (0.5, 0.2)], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1],
        "amsgrad": [False, True], "maximize": [False, True], "decoupled_weight_decay": [False, True],
    },
    "AdamW": {
        "lr": [0.05, 0.001], "betas": [(0.9, 0.999), (0.5, 0.2)], "eps": [1e-8, 0.1], "weight_decay": [0.01, 0, 0.3],
        "amsgrad": [False, True], "maximize": [False, True],
    },
    "RMSprop": {
        "lr": [0.01, 0.05], "alpha": [0.99, 0.5], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1], "momentum": [0, 0.9],
        "centered": [False, True], "maximize": [False, True],
    },
    "Adagrad": {
        "lr": [0.01, 0.3], "lr_decay": [0, 0.1], "weight_decay": [0, 0.1], "initial_accumulator_value": [0, 0.2],
        "eps": [1e-10, 0.1], "maximize": [False, True],
    },
    "Adadelta": {
        "lr": [1.0, 0.3], "rho": [0.9, 0.5, 1.0], "eps": [1e-6, 0.1], "weight_decay": [0, 0.1],
        "maximize": [False, True],
    },
    "Adamax": {
        "lr": [0.002, 0.1], "betas": [(0.9, 0.999), (0.5, 0.2)], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1],
        "maximize": [False, True],
    },
    "NAdam": {
        "lr": [0.002, 0.1], "betas": [(0.9, 0.999), (0.5, 0.2)], "eps": [1e-8, 0.1], "weight_decay": [0, 0.1],
        "momentum_decay": [0.004, 0, 0.5], "decoupled_weight_decay": [False, True], "maximize": [False, True],
    },
    "RAdam": {
        "lr": [0.001, 0.1], "betas": [(0.9, 0.999), (0.5, 0.2), (0.8, 0.9)], "eps": [1e-8, 0.1],
        "weight_decay": [0, 0.1], "decoupled_weight_decay": [False, True], "maximize": [False, True],
    },
    "Rprop": {
        "lr": [0.01, 0.2], "etas": [(0.5, 1.2), (0.3, 2.0)], "step_sizes": [(1e-6, 50), (0.05, 0.15)],
        "maximize": [False, True],
    },
    "ASGD": {
        "lr": [0.01, 0.3], "lambd": [1e-4, 0.2], "alpha": [0.75, 1.5, 0], "t0": [1e6, 20, 0], "weight_decay": [0, 0.1],
        "maximize": [False, True],
    },
    "LBFGS": {
        "lr": [1, 0.3], "max_iter": [3, 5], "max_eval": [None, 4], "tolerance_grad": [1e-7, 1e-3],
        "tolerance_change": [1e-9, 1e-4], "history_size": [100, 3], "line_search_fn": [None, "strong_wolfe"],
    },
}  # fmt: skip


# Some schedules change a momentum, too.
WITH_MOMENTUM = [name for name, options in OPTIMIZERS.items() if {"momentum", "betas"} & set(options)]


def factor(k: int) -> float:
    return 0.9 + 0.01 * (k % 7)


def halves(x: float) -> float:
    return 0.5**x


def schedule(name: str, **options: Any) -> Callable[[Any, Any], Any]:
    """Make a schedule in a library, for an optimizer of it."""
    return lambda library, optimizer: getattr(library.optim.lr_scheduler, name)(optimizer, **options)


LINEAR, EXPONENTIAL = schedule("LinearLR", total_iters=4), schedule("ExponentialLR", gamma=0.9)
CYCLES = {"cycle_momentum": [True, False], "base_momentum": [0.85, [0.5, 0.6]], "max_momentum": [0.95, [0.7, 0.9]]}
SCHEDULES: dict[str, dict[str, list[Any]]] = {
    "LambdaLR": {"lr_lambda": [factor, [factor, halves]]},
    "MultiplicativeLR": {"lr_lambda": [factor, [factor, lambda k: 1.01]]},
    "StepLR": {"step_size": [3, 1], "gamma": [0.1, 0.95]},
    "MultiStepLR": {"milestones": [[2, 5, 5, 30], []], "gamma": [0.1, 0.9]},
    "ExponentialLR": {"gamma": [0.9, 1.01]},
    "ConstantLR": {"factor": [1 / 3, 1.0], "total_iters": [5, 0, 60]},
    "LinearLR": {"start_factor": [1 / 3, 1.0], "end_factor": [1.0, 0.5, 0.0], "total_iters": [5, 0, 60]},
    "PolynomialLR": {"total_iters": [5, 0, 60], "power": [1.0, 2.5, 0.0]},
    "CosineAnnealingLR": {"T_max": [10, 1, 60], "eta_min": [0.0, 0.01]},
    "CosineAnnealingWarmRestarts": {"T_0": [4, 1, 60], "T_mult": [1, 2], "eta_min": [0.0, 0.01]},
    "ReduceLROnPlateau": {
        "mode": ["min", "max"], "factor": [0.1, 0.7], "patience": [2, 0], "threshold": [1e-4, 0.1],
        "threshold_mode": ["rel", "abs"], "cooldown": [0, 2], "min_lr": [0, [0.01, 0.02]], "eps": [1e-8, 0.01],
    },
    "CyclicLR": {
        "base_lr": [0.01, [0.01, 0.02]], "max_lr": [0.1, [0.1, 0.2]], "step_size_up": [4, 30],
        "step_size_down": [None, 3], "mode": ["triangular", "triangular2", "exp_range"], "gamma": [1.0, 0.97],
        "scale_fn": [None, halves], "scale_mode": ["cycle", "iterations"], **CYCLES,
    },
    "OneCycleLR": {
        "max_lr": [0.1, [0.1, 0.2]], "total_steps": [51, None], "epochs": [None, 6], "steps_per_epoch": [None, 10],
        "pct_start": [0.3, 0.0, 0.45], "anneal_strategy": ["cos", "linear"], **CYCLES, "div_factor": [25.0, 2.0],
        "final_div_factor": [1e4, 3.0], "three_phase": [False, True],
    },
    "SequentialLR": {
        "schedulers": [
            [LINEAR, EXPONENTIAL], [EXPONENTIAL, schedule("CyclicLR", base_lr=0.01, max_lr=0.2, step_size_up=4)],
            [schedule("MultiplicativeLR", lr_lambda=factor), schedule("MultiplicativeLR", lr_lambda=factor)],
            [schedule("ConstantLR"), schedule("CosineAnnealingWarmRestarts", T_0=5, T_mult=2)],
            [LINEAR, schedule("OneCycleLR", max_lr=0.1, total_steps=60)], [LINEAR, schedule("StepLR", step_size=3)],
            [LINEAR, schedule("PolynomialLR", total_iters=30)], [EXPONENTIAL, schedule("LambdaLR", lr_lambda=factor)],
            [LINEAR, schedule("CosineAnnealingLR", T_max=20)], [schedule("MultiStepLR", milestones=[0, 2, 4]), LINEAR],
            [LINEAR, lambda library, optimizer: library.optim.swa_utils.SWALR(optimizer, 0.05)],
        ],
        "milestones": [[30], [0]],
    },
    "ChainedScheduler": {
        "schedulers": [
            [LINEAR, EXPONENTIAL], [schedule("StepLR", step_size=3, gamma=0.9), schedule("PolynomialLR"), EXPONENTIAL]
        ],
    },
    "SWALR": {
        "swa_lr": [0.05, [0.05, 0.5]], "anneal_epochs": [10, 0, 60], "anneal_strategy": ["cos", "linear"],
    },
}  # fmt: skip


def are_allowed(options: Options) -> bool:
    """Whether an optimizer or a schedule takes these options together."""
    if options.get("nesterov") and (options["dampening"] or not options["momentum"]):
        return False
    if "total_steps" in options:
        return options["total_steps"] is not None or None not in (options["epochs"], options["steps_per_epoch"])
    return True


@cache
def cases(tables: str) -> list[tuple[str, Options]]:
    """Options of each optimizer or schedule that have all pairs of values which are allowed together."""
    found = []
    for name, values in {"optimizers": OPTIMIZERS, "schedules": SCHEDULES}[tables].items():
        found += [(name, options) for options in in_pairs(values)]
    return found


def in_pairs(values: dict[str, list[Any]]) -> Iterator[Options]:
    """Choices of one value for each option, so that each allowed pair of values is in one of them.

    The choices are taken one by one, each with as many new pairs as a few random candidates have.
    """
    names, random = list(values), np.random.default_rng(0)

    def pairs(choice: tuple[int, ...]) -> set[Any]:
        return set(itertools.combinations(enumerate(choice), 2)) or {choice}

    def options(choice: tuple[int, ...]) -> Options:
        return {name: values[name][i] for name, i in zip(names, choice, strict=True)}

    everything = list(itertools.product(*(range(len(values[name])) for name in names)))
    allowed = [choice for choice in everything if are_allowed(options(choice))]
    allowed = [allowed[i] for i in random.permutation(len(allowed))[:3000]]
    left = set().union(*map(pairs, allowed))
    while left:
        candidates = [allowed[i] for i in random.integers(len(allowed), size=60)]
        best = max(candidates, key=lambda choice: len(pairs(choice) & left))
        if new := pairs(best) & left:
            left -= new
            yield options(best)


def told(case: tuple[str, Options]) -> str:
    """The name of a test."""
    name, options = case
    usual = (OPTIMIZERS | SCHEDULES)[name]
    chosen = {key: usual[key].index(value) for key, value in options.items()}
    return name + "".join(f"-{key}{i}" for key, i in chosen.items() if i)


class Run:
    """An optimizer of two groups, a small problem for it, and perhaps a schedule, in one library."""

    def __init__(self, library: Any, optimizer: str, options: Options, name: str = "", of_schedule: Any = None) -> None:
        random = np.random.default_rng(0)
        self.library = library
        self.parameters = [library.tensor(random.normal(size=shape), requires_grad=True) for shape in ((3, 4), (4,))]
        self.data = [random.normal(size=(8, columns)) for columns in (3, 4)]
        self.slopes = [random.normal(size=(STEPS, *parameter.shape)) for parameter in self.parameters]
        self.step_number = 0
        groups = [{"params": [self.parameters[0]]}, {"params": [self.parameters[1]]}]
        self.is_quasi_newton = optimizer == "LBFGS"
        if self.is_quasi_newton:
            groups = [{"params": self.parameters}]
        elif "lr" in options:
            groups[1]["lr"] = 2 * options["lr"]
        self.optimizer = getattr(library.optim, optimizer)(groups, **options)
        self.name = name
        self.schedule = self.made(name, of_schedule) if name else None

    def made(self, name: str, options: Options) -> Any:
        place = self.library.optim.swa_utils if name == "SWALR" else self.library.optim.lr_scheduler
        if "schedulers" in options:
            options = {**options, "schedulers": [make(self.library, self.optimizer) for make in options["schedulers"]]}
        return getattr(place, name)(optimizer=self.optimizer, **options)

    def loss(self) -> Any:
        """A loss for L-BFGS, and its gradients: one on which it does not enlarge rounding differences."""
        self.optimizer.zero_grad()
        x, y = map(self.library.tensor, self.data)
        weight, bias = self.parameters
        loss = ((x @ weight + bias - y) ** 2).mean() + 0.01 * (weight**4).sum()
        loss.backward()
        return loss

    def step(self) -> None:
        if self.is_quasi_newton:
            self.optimizer.step(self.loss)
        else:  # the gradients of a line that changes from step to step, which need no graph
            for parameter, slope in zip(self.parameters, self.slopes, strict=True):
                bend = 0.1 * parameter.detach().numpy() * (-1 if self.optimizer.param_groups[0].get("maximize") else 1)
                parameter.grad = self.library.tensor(slope[self.step_number] + bend)
            self.optimizer.step()
        self.step_number += 1
        if self.schedule is not None:
            self.schedule.step(*[1.5 + np.sin(self.step_number)] * (self.name == "ReduceLROnPlateau"))

    def numbers(self) -> Any:
        """The learning rates, the momenta and the parameters, in one array."""
        groups = self.optimizer.param_groups
        rates = [group["lr"] for group in groups]
        momenta = [group.get("momentum", group.get("betas", (0,))[0]) for group in groups]
        last = self.schedule.get_last_lr() if self.schedule is not None else []
        parameters = [parameter.detach().numpy().ravel() for parameter in self.parameters]
        return np.concatenate([rates, momenta, last, *parameters])

    def state(self) -> Any:
        """Copies of the parameters and of the states."""
        parameters = [parameter.detach().numpy().copy() for parameter in self.parameters]
        saved = [each.state_dict() for each in (self.optimizer, self.schedule) if each is not None]
        return parameters, copy.deepcopy(saved), self.step_number

    def load(self, state: Any) -> None:
        parameters, saved, self.step_number = state
        for parameter, array in zip(self.parameters, parameters, strict=True):
            parameter.data.copy_(self.library.tensor(array))
        for holder, entries in zip((self.optimizer, self.schedule), saved, strict=False):
            holder.load_state_dict(entries if self.library is tg else to_theirs(entries))


def to_theirs(state: Any) -> Any:
    """Our state, with each array replaced by a tensor of PyTorch's."""
    if isinstance(state, np.ndarray):
        return torch.tensor(state)
    if isinstance(state, dict):
        return {key: to_theirs(value) for key, value in state.items()}
    return [to_theirs(value) for value in state] if isinstance(state, list) else state


def assert_same_entries(ours: Any, theirs: Any) -> None:
    """Compare what both libraries keep for each parameter, of which a user may read, say, the average of ASGD."""
    for one, other in zip(ours.state_dict()["state"].values(), theirs.state_dict()["state"].values(), strict=True):
        for name, value in one.items():
            np.testing.assert_allclose(value, other[name], rtol=1e-10, atol=1e-10, err_msg=name)


def assert_agreement(make: Callable[[Any], Run]) -> None:
    """Compare the steps of both libraries, and go on from each one's state in the other."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns of many uses of schedules
        ours, theirs, here, there = runs = [make(library) for library in (tg, torch, tg, torch)]
        numbers: list[list[Any]] = [[run.numbers()] for run in runs]
        for number in range(STEPS):
            if number == STEPS // 2:
                here.load(theirs.state())
                there.load(ours.state())
            for run, found in zip(runs, numbers, strict=True):
                if number >= STEPS // 2 or run in (ours, theirs):
                    run.step()
                    found.append(run.numbers())
    one, other = map(np.array, numbers[:2])
    np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-10)
    assert_same_entries(ours.optimizer, theirs.optimizer)
    for after, before, direction in ((numbers[2], other, "from"), (numbers[3], one, "to")):
        np.testing.assert_allclose(
            after[1:], before[STEPS // 2 + 1 :], rtol=1e-10, atol=1e-10, err_msg=f"with a state {direction} PyTorch"
        )


@pytest.fixture(autouse=True)
def float64_in_pytorch() -> Iterator[None]:
    """PyTorch keeps the single numbers of a state in float32 unless float64 is the default."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("case", cases("optimizers"), ids=told)
def test_optimizers_agree(case: tuple[str, Options]) -> None:
    name, options = case
    assert_agreement(lambda library: Run(library, name, options))


@pytest.mark.parametrize("case", cases("schedules"), ids=told)
def test_schedules_agree(case: tuple[str, Options]) -> None:
    name, options = case
    optimizer = WITH_MOMENTUM[cases("schedules").index(case) % len(WITH_MOMENTUM)]
    assert_agreement(lambda library: Run(library, optimizer, {"lr": 0.05}, name, options))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_schedules_agree_of_each_optimizer(optimizer: str) -> None:
    assert_agreement(lambda library: Run(library, optimizer, {"lr": 0.05}, "StepLR", {"step_size": 3, "gamma": 0.8}))


# What is not in the tables: what changes nothing here, and what says where to begin.
APART = {"params", "foreach", "fused", "capturable", "differentiable", "optimizer", "last_epoch"}


@pytest.mark.parametrize("name", [*OPTIMIZERS, *SCHEDULES])
def test_the_tables_have_every_option_of_pytorchs(name: str) -> None:
    place = torch.optim if name in OPTIMIZERS else torch.optim.lr_scheduler
    place = torch.optim.swa_utils if name == "SWALR" else place
    options = set(inspect.signature(getattr(place, name)).parameters) - APART
    assert set((OPTIMIZERS | SCHEDULES)[name]) == options


def test_the_tables_have_every_optimizer_and_every_schedule_that_is_here() -> None:
    made = {name for name in tg.optim.__all__ if isinstance(getattr(tg.optim, name), type)}
    assert made - {"Optimizer", "StepWarning"} == set(OPTIMIZERS)
    assert {*tg.optim.lr_scheduler.__all__, "SWALR"} - {"LRScheduler"} == set(SCHEDULES)
