"""Each optimizer takes the steps of its recurrence, written out in NumPy, and refuses options that make no sense."""

import math
import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from closures import closure_of
from strategies import Array, leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.nn import functional as F
from tinygrad_mlp.optim import (
    ASGD,
    LBFGS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
    Rprop,
    minimize,
)
from tinygrad_mlp.optim.entrywise import EntryWise
from tinygrad_mlp.testing import check_optimizer


def sgd_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float,
    momentum: float = 0,
    dampening: float = 0,
    weight_decay: float = 0,
    nesterov: bool = False,
    maximize: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of SGD."""
    velocity = None
    for g in gradients:
        d = (-g if maximize else g) + weight_decay * w
        if momentum:
            velocity = d if velocity is None else momentum * velocity + (1 - dampening) * d
            d = d + momentum * velocity if nesterov else velocity
        w = w - lr * d
        yield w


def adam_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 0.001,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    amsgrad: bool = False,
    maximize: bool = False,
    decoupled_weight_decay: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of Adam."""
    m, v, peak = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        g = -g if maximize else g
        if decoupled_weight_decay:
            w = w - lr * weight_decay * w
        else:
            g = g + weight_decay * w
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        peak = np.maximum(peak, v)
        v_hat = (peak if amsgrad else v) / (1 - betas[1] ** t)
        w = w - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(v_hat) + eps)
        yield w


def adamw_by_hand(w: Array, gradients: Iterator[Array], weight_decay: float = 0.01, **options: Any) -> Iterator[Array]:
    """The parameter after each step of AdamW."""
    return adam_by_hand(w, gradients, weight_decay=weight_decay, decoupled_weight_decay=True, **options)


def rmsprop_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 0.01,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0,
    momentum: float = 0,
    centered: bool = False,
    maximize: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of RMSprop."""
    v, mean, velocity = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    for g in gradients:
        g = (-g if maximize else g) + weight_decay * w
        v = alpha * v + (1 - alpha) * g**2
        mean = alpha * mean + (1 - alpha) * g
        velocity = momentum * velocity + g / (np.sqrt(v - mean**2 * centered) + eps)
        w = w - lr * velocity
        yield w


def adagrad_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 0.01,
    lr_decay: float = 0,
    weight_decay: float = 0,
    initial_accumulator_value: float = 0,
    eps: float = 1e-10,
    maximize: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of Adagrad."""
    total = np.full_like(w, initial_accumulator_value)
    for t, g in enumerate(gradients, 1):
        g = (-g if maximize else g) + weight_decay * w
        total = total + g**2
        w = w - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(total) + eps)
        yield w


def adadelta_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0,
    maximize: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of Adadelta."""
    v, u = np.zeros_like(w), np.zeros_like(w)
    for g in gradients:
        g = (-g if maximize else g) + weight_decay * w
        v = rho * v + (1 - rho) * g**2
        d = np.sqrt((u + eps) / (v + eps)) * g
        u = rho * u + (1 - rho) * d**2
        w = w - lr * d
        yield w


def adamax_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 0.002,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    maximize: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of Adamax, whose maximum is written out over all gradients so far."""
    m, seen = np.zeros_like(w), []
    for t, g in enumerate(gradients, 1):
        g = (-g if maximize else g) + weight_decay * w
        seen.append(abs(g) + eps)
        m = betas[0] * m + (1 - betas[0]) * g
        u = np.max([betas[1] ** (t - i) * size for i, size in enumerate(seen, 1)], 0)
        w = w - lr * (m / (1 - betas[0] ** t)) / u
        yield w


def nadam_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 0.002,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    momentum_decay: float = 0.004,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of NAdam."""
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        g = (-g if maximize else g) + weight_decay * w * (not decoupled_weight_decay)
        w = w - lr * weight_decay * w * decoupled_weight_decay
        mu = betas[0] * (1 - 0.96 ** (momentum_decay * np.arange(1, t + 2)) / 2)  # μ₁ to μₜ₊₁
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        ahead = mu[-1] * m / (1 - np.prod(mu)) + (1 - mu[-2]) * g / (1 - np.prod(mu[:-1]))
        w = w - lr * ahead / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        yield w


def radam_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 0.001,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of RAdam."""
    m, v, rho = np.zeros_like(w), np.zeros_like(w), 2 / (1 - betas[1]) - 1
    for t, g in enumerate(gradients, 1):
        g = (-g if maximize else g) + weight_decay * w * (not decoupled_weight_decay)
        w = w - lr * weight_decay * w * decoupled_weight_decay
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        step = m / (1 - betas[0] ** t)
        if (length := rho - 2 * t * betas[1] ** t / (1 - betas[1] ** t)) > 5:
            step = step * math.sqrt((length - 4) * (length - 2) * rho / ((rho - 4) * (rho - 2) * length))
            step = step * math.sqrt(1 - betas[1] ** t) / (np.sqrt(v) + eps)
        w = w - lr * step
        yield w


def rprop_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 0.01,
    etas: tuple[float, float] = (0.5, 1.2),
    step_sizes: tuple[float, float] = (1e-6, 50),
    maximize: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of Rprop, entry by entry."""
    sizes, last = [lr] * w.size, [0.0] * w.size
    for g in gradients:
        after = w.flatten()
        for i, slope in enumerate((-g if maximize else g).flatten()):
            if slope * last[i] < 0:
                sizes[i] = max(etas[0] * sizes[i], step_sizes[0])
                last[i] = 0.0
                continue
            sizes[i] *= etas[1] if slope * last[i] > 0 else 1
            sizes[i] = min(max(sizes[i], step_sizes[0]), step_sizes[1])
            after[i] -= math.copysign(sizes[i], slope)
            last[i] = slope
        w = after.reshape(w.shape)
        yield w


def asgd_by_hand(
    w: Array,
    gradients: Iterator[Array],
    lr: float = 0.01,
    lambd: float = 0.0001,
    alpha: float = 0.75,
    t0: float = 1000000.0,
    weight_decay: float = 0,
    maximize: bool = False,
) -> Iterator[Array]:
    """The parameter after each step of ASGD. Its average, which begins after t0 steps, has a test of its own."""
    for t, g in enumerate(gradients):
        rate = lr / (1 + lambd * lr * t) ** alpha
        g = (-g if maximize else g) + weight_decay * w
        w = w - rate * (g + lambd * w)
        yield w


RECURRENCES: list[tuple[type[Optimizer], Any, dict[str, Any]]] = [
    (SGD, sgd_by_hand, {"lr": 0.1}),
    (SGD, sgd_by_hand, {"lr": 0.1, "weight_decay": 0.3}),
    (SGD, sgd_by_hand, {"lr": 0.1, "weight_decay": 0.3, "maximize": True}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9, "dampening": 0.4}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9, "dampening": 0.4, "weight_decay": 0.3, "maximize": True}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (SGD, sgd_by_hand, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.3}),
    (Adam, adam_by_hand, {}),
    (Adam, adam_by_hand, {"lr": 0.1, "betas": (0.5, 0.7), "eps": 0.1}),
    (Adam, adam_by_hand, {"lr": 0.1, "weight_decay": 0.3}),
    (Adam, adam_by_hand, {"lr": 0.1, "betas": (0.5, 0.2), "amsgrad": True}),
    (Adam, adam_by_hand, {"lr": 0.1, "weight_decay": 0.3, "maximize": True}),
    (Adam, adam_by_hand, {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True}),
    (AdamW, adamw_by_hand, {"lr": 0.1}),
    (RMSprop, rmsprop_by_hand, {}),
    (RMSprop, rmsprop_by_hand, {"lr": 0.1, "alpha": 0.5, "eps": 0.1, "weight_decay": 0.3}),
    (RMSprop, rmsprop_by_hand, {"lr": 0.1, "momentum": 0.9, "centered": True, "eps": 0.1, "maximize": True}),
    (Adagrad, adagrad_by_hand, {}),
    (Adagrad, adagrad_by_hand, {"lr": 0.1, "lr_decay": 0.2, "weight_decay": 0.3, "eps": 0.1}),
    (Adagrad, adagrad_by_hand, {"lr": 0.1, "initial_accumulator_value": 0.4, "maximize": True}),
    (AdamW, adamw_by_hand, {"lr": 0.1, "weight_decay": 0.3, "betas": (0.5, 0.2), "amsgrad": True, "maximize": True}),
    (Adadelta, adadelta_by_hand, {}),
    (Adadelta, adadelta_by_hand, {"lr": 0.3, "rho": 0.5, "eps": 0.1, "weight_decay": 0.3, "maximize": True}),
    (Adamax, adamax_by_hand, {}),
    (Adamax, adamax_by_hand, {"lr": 0.1, "betas": (0.5, 0.7), "eps": 0.1, "weight_decay": 0.3, "maximize": True}),
    (NAdam, nadam_by_hand, {}),
    (NAdam, nadam_by_hand, {"lr": 0.1, "betas": (0.5, 0.2), "eps": 0.1, "weight_decay": 0.3, "momentum_decay": 0.5}),
    (NAdam, nadam_by_hand, {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True, "maximize": True}),
    (RAdam, radam_by_hand, {}),  # the variance is corrected from the sixth step on
    (RAdam, radam_by_hand, {"lr": 0.1, "betas": (0.5, 0.2), "weight_decay": 0.3}),  # never
    (RAdam, radam_by_hand, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.1, "weight_decay": 0.3}),
    (RAdam, radam_by_hand, {"lr": 0.1, "weight_decay": 0.3, "decoupled_weight_decay": True, "maximize": True}),
    (Rprop, rprop_by_hand, {}),
    (Rprop, rprop_by_hand, {"lr": 0.1, "etas": (0.3, 2.0), "step_sizes": (0.05, 0.3), "maximize": True}),
    (ASGD, asgd_by_hand, {}),
    (ASGD, asgd_by_hand, {"lr": 0.1, "lambd": 0.5, "alpha": 1.5, "weight_decay": 0.3, "maximize": True}),
]
each_recurrence = pytest.mark.parametrize(
    ("kind", "by_hand", "options"), RECURRENCES, ids=[f"{kind.__name__}-{options}" for kind, _, options in RECURRENCES]
)


@each_recurrence
@pytest.mark.parametrize("seed", range(3))
def test_steps_follow_the_recurrence(kind: Any, by_hand: Any, options: dict[str, Any], seed: int) -> None:
    check_optimizer(lambda parameters: kind(parameters, **options), partial(by_hand, **options), seed=seed)


def test_every_optimizer_is_in_the_table() -> None:
    public = {value for value in vars(optim).values() if isinstance(value, type) and issubclass(value, Optimizer)}
    assert public - {kind for kind, *_ in RECURRENCES} == {Optimizer, LBFGS}  # test_lbfgs.py tests LBFGS


EVERY = [*dict.fromkeys(kind for kind, *_ in RECURRENCES), LBFGS]


def test_asgd_averages_the_parameters_of_the_steps_after_t0() -> None:
    w = leaf([1.0, -2.0])
    optimizer, steps = ASGD([w], lr=0.1, t0=3), []
    for _ in range(8):
        optimizer.zero_grad()
        w.square().sum().backward()
        optimizer.step()
        steps.append(w.detach().numpy().copy())
        number = max(1, len(steps) - 4)  # up to step 5 the parameter itself, and then the average since then
        np.testing.assert_allclose(optimizer.state[w]["ax"], np.mean(steps[-number:], 0), rtol=1e-12)


def test_rprop_shows_a_gradient_that_is_nan() -> None:
    w = leaf([1.0, 2.0])
    optimizer = Rprop([w])
    w.grad = tg.tensor(np.array([np.nan, 1.0]))
    optimizer.step()
    np.testing.assert_allclose(w.detach(), [np.nan, 1.99])


def test_a_rate_may_be_any_real_number() -> None:
    for parameter in (leaf([1.0, 2.0]), leaf([[1.0, 2.0]])):
        optimizer = SGD([parameter], lr=Fraction(1, 2))
        (parameter * parameter).sum().backward()
        optimizer.step()
        np.testing.assert_array_equal(parameter.detach().numpy(), np.zeros(parameter.shape))


def test_memory_that_becomes_read_only_is_not_written_to() -> None:
    memory = np.ones((2, 3), np.float32)
    weight = tg.from_numpy(memory).requires_grad_()
    optimizer = SGD([weight], lr=0.5)

    def backward() -> None:
        optimizer.zero_grad()
        nn.functional.linear(tg.ones(4, 3), weight).sum().backward()

    backward()
    optimizer.step()
    memory.flags.writeable = False
    backward()
    with pytest.raises(ValueError, match="read-only"):
        optimizer.step()
    np.testing.assert_array_equal(memory, np.full((2, 3), -1.0))  # 1 − 0.5 · 4, by the first step alone


def test_nesterov_by_hand() -> None:
    w = leaf([0.0])
    optimizer = SGD([w], lr=0.1, momentum=0.9, nesterov=True)
    seen = []
    for _ in range(3):
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
        seen.append(w.item())
    # The gradient is 1, the velocity 1, 1.9 and 2.71, and each step 0.1 · (1 + 0.9 · velocity).
    np.testing.assert_allclose(seen, [-0.19, -0.461, -0.8049])


@pytest.mark.parametrize("kind", EVERY)
def test_steps_keep_the_dtype(kind: Any) -> None:
    layer = nn.Linear(3, 2)
    optimizer = kind(layer.parameters(), lr=0.1)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = layer(tg.tensor([[1.0, 2.0, 3.0]])).square().sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    assert {parameter.dtype for parameter in layer.parameters()} == {np.dtype(np.float32)}
    arrays = [value for entries in optimizer.state.values() for value in entries.values() if hasattr(value, "dtype")]
    assert {array.dtype for array in arrays} <= {np.dtype(np.float32)}


# --- the optimizer as such --------------------------------------------------------------------------------------------


def test_groups_have_their_own_options() -> None:
    a, b, c, frozen = leaf(1.0), leaf(1.0), leaf(1.0), tg.tensor(1.0)
    optimizer = SGD([{"params": a, "lr": 0.5}, {"params": [b, frozen]}], lr=0.25)
    optimizer.add_param_group({"params": [c], "lr": 1.0})
    (a + b + c + frozen).backward()
    optimizer.step()
    assert [a.item(), b.item(), c.item(), frozen.item()] == [0.5, 0.75, 0.0, 1.0]


def test_parameters_may_be_frozen_and_thawed() -> None:
    a, b = leaf(1.0), leaf(1.0)
    optimizer = SGD([a, b], lr=0.5)
    a.requires_grad_(False)
    optimizer.zero_grad()
    optimizer.zero_grad(set_to_none=False)
    (a * b).backward()
    optimizer.step()
    assert (a.item(), b.item()) == (1.0, 0.5)
    a.requires_grad_()
    optimizer.zero_grad()
    (a * b).backward()
    optimizer.step()
    assert (a.item(), b.item()) == (0.75, 0.0)


def test_a_subclass_without_step_or_update_raises() -> None:
    class Idle(Optimizer):
        pass

    w = leaf(1.0)
    w.backward()
    with pytest.raises(NotImplementedError, match=r"Idle has neither step.* nor _update"):
        Idle([w], {}).step()
    with pytest.raises(NotImplementedError, match=r"EntryWise has no _move"):
        EntryWise([w], False, maximize=False).step()


def test_a_subclass_may_write_its_step_as_in_pytorch() -> None:
    class Lion(Optimizer):
        def __init__(self, params: Any, lr: float) -> None:
            super().__init__(params, {"lr": lr})

        @tg.no_grad()
        def step(self, closure: Any = None) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    state = self.state[p]
                    if len(state) == 0:
                        state["exp_avg"] = tg.zeros_like(p)
                    state["exp_avg"].mul_(0.9).add_(p.grad, alpha=0.1)
                    p.add_(state["exp_avg"].sign(), alpha=-group["lr"])

    w = leaf(1.0)
    optimizer = Lion([w], lr=0.25)
    for _ in range(2):
        (w * w).backward()
        optimizer.step()
    assert w.item() == 0.5
    assert list(optimizer.state_dict()["state"][0]) == ["exp_avg"]


def test_step_calls_a_closure_and_zero_grad_clears() -> None:
    w = leaf([2.0])
    optimizer = SGD([w], lr=0.25)

    def closure() -> tg.Tensor:
        optimizer.zero_grad()
        loss = w.square().sum()
        loss.backward()
        return loss

    with tg.no_grad():
        assert optimizer.step(closure).item() == 4
    assert w.item() == 1
    gradient = w.grad
    optimizer.zero_grad(set_to_none=False)
    assert w.grad is gradient
    assert gradient.item() == 0
    optimizer.zero_grad()
    assert w.grad is None


def test_a_gradient_that_cannot_be_used_stops_the_step_before_anything_changes() -> None:
    x = tg.tensor(np.ones((1, 2)))
    bias, weight = leaf([1.0]), leaf([[1.0, 1.0]])
    optimizer = SGD([bias, weight], lr=1.0)  # the bias, whose gradient is valid, would be changed first
    F.linear(x, weight, bias).sum().backward()
    x.fill_(2.0)  # the gradient of the weight is kept as a product with x, not yet multiplied out
    with pytest.raises(RuntimeError, match="overwritten"):
        optimizer.step()
    assert bias.item() == 1


@pytest.mark.parametrize("kind", [SGD, Adam, LBFGS, minimize])
def test_a_step_between_forward_and_backward_is_noticed(kind: Any) -> None:
    w = leaf([1.0, 2.0])
    loss = (w**2).sum()
    if kind is minimize:
        minimize(lambda: (w**2).sum(), [w])
    else:
        optimizer = kind([w])
        optimizer.step(closure_of(optimizer, lambda: (w**2).sum()))
    with pytest.raises(RuntimeError, match="changed"):
        loss.backward()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda w: SGD([]), ValueError, "no parameters"),
        (lambda w: SGD(w), TypeError, "an iterable of Tensors"),
        (lambda w: SGD([np.ones(3)]), TypeError, r"not an ndarray of shape \(3,\): write tensor"),
        (lambda w: SGD([w * 2]), TypeError, "computed"),
        (lambda w: SGD([w, w]), ValueError, "more than once"),
        (lambda w: SGD([{"params": [w]}, {"params": [w]}]), ValueError, "more than once"),
        (lambda w: SGD([{"params": [w], "beta": 1}]), ValueError, r"no options \['beta'\]"),
        (lambda w: SGD([w], lr=-1), ValueError, "lr cannot be -1"),
        (lambda w: SGD([w], lr=math.nan), ValueError, "lr cannot be nan"),
        (lambda w: SGD([{"lr": 0.1}]), ValueError, r"names its \"params\""),
        (lambda w: SGD([w], lr="0.1"), ValueError, "lr cannot be '0.1'"),
        (lambda w: SGD(nn.Linear(1, 1).parameters), TypeError, r"write net.parameters\(\)"),
        (lambda w: SGD(nn.Linear(1, 1)), TypeError, r"not a Linear: write net.parameters\(\)"),
        *[
            (
                lambda w, make=make: make(nn.Sequential(nn.Linear(1, 1))),
                TypeError,
                r"Sequential: write net.parameters\(\)",
            )
            for make in (SGD, Adam, AdamW, LBFGS, lambda net: minimize(lambda: net(tg.ones(1)).sum(), net))
        ],
        (lambda w: SGD([nn.Linear(1, 1)]), TypeError, r"not a Linear: write net.parameters\(\)"),
        (lambda w: SGD([{"params": nn.Linear(1, 1)}]), TypeError, r"not a Linear: write net.parameters\(\)"),
        (lambda w: SGD(nn.Linear(1, 1).named_parameters()), TypeError, r"write net.parameters\(\), which has no names"),
        (lambda w: SGD(nn.Linear(1, 1).state_dict()), TypeError, r"write net.parameters\(\)"),
        (lambda w: SGD([w]).add_param_group([w]), ValueError, r'names its "params", as .*, which \[.*\] does not'),
        (lambda w: SGD([w]).step((w * w).sum()), TypeError, r"not a Tensor of shape \(\): call loss.backward\(\)"),
        (lambda w: LBFGS([w]).step((w * w).sum()), TypeError, r"returns it, not a Tensor"),
        (lambda w: Adam([w], betas=0.9), ValueError, "0.9: they are two numbers"),
        (lambda w: LBFGS([w], max_iter="many"), ValueError, "max_iter is a positive integer, not 'many'"),
        (lambda w: minimize(lambda: None, [w]), TypeError, "not None: does the function return its result"),
        (lambda w: SGD([w], momentum=-1), ValueError, "momentum"),
        (lambda w: SGD([w], dampening=math.inf), ValueError, "dampening"),
        (lambda w: SGD([w], weight_decay=-1), ValueError, "weight_decay"),
        (lambda w: SGD([w], nesterov=True), ValueError, "nesterov needs"),
        (lambda w: SGD([w], nesterov=True, momentum=0.9, dampening=0.1), ValueError, "nesterov needs"),
        (lambda w: Adam([w], lr=-1), ValueError, "lr"),
        (lambda w: Adam([w], eps=-1), ValueError, "eps"),
        (lambda w: Adam([w], betas=(1.0, 0.9)), ValueError, "betas"),
        (lambda w: Adam([w], betas=(0.9,)), ValueError, "betas"),
        (lambda w: Adam([w], betas=(0.9, None)), ValueError, "betas"),
        (lambda w: AdamW([w], weight_decay=-1), ValueError, "weight_decay"),
        (lambda w: LBFGS([w], lr=-1), ValueError, "lr"),
        (lambda w: LBFGS([w], max_iter=0), ValueError, "max_iter"),
        (lambda w: LBFGS([w], history_size=2.5), ValueError, "history_size"),
        (lambda w: LBFGS([w], line_search_fn="armijo"), ValueError, "'strong_wolfe' or None"),
        (lambda w: LBFGS([{"params": [w]}, {"params": [leaf(1.0)]}]), ValueError, "one group"),
        (lambda w: LBFGS([w]).step(), TypeError, "a function that calls zero_grad"),
        (lambda w: minimize(lambda: w.sum(), []), ValueError, "no parameters"),
        (lambda w: minimize(lambda: w.sum(), [w * 2]), TypeError, "leaf"),
        (lambda w: minimize(lambda: w.sum(), [tg.tensor(1.0)]), TypeError, "require"),
        (lambda w: minimize(lambda: 3.0, [w]), TypeError, "not 3.0"),
        (lambda w: minimize(lambda: w * 2, [w]), ValueError, r"shape \(2,\)"),
    ],
)
def test_bad_arguments_are_refused(make: Callable[[tg.Tensor], Any], error: type[Exception], message: str) -> None:
    w = leaf([1.0, 2.0])
    with pytest.raises(error, match=message):
        make(w)
    assert w.tolist() == [1, 2]


@pytest.mark.parametrize(("kind", "option", "value"), [
    (Adadelta, "rho", 1.5), (Adadelta, "rho", "a"), (Adadelta, "eps", -1), (Adamax, "betas", (1, 0)),
    (Adamax, "maximize", 1), (NAdam, "momentum_decay", -1), (NAdam, "decoupled_weight_decay", None),
    (RAdam, "betas", 0.9), (RAdam, "weight_decay", math.inf), (Rprop, "etas", (1.2, 0.5)), (Rprop, "etas", (0, 1.2)),
    (Rprop, "etas", (0.5, math.inf)), (Rprop, "etas", 0.5), (Rprop, "step_sizes", (1, 0.5)),
    (Rprop, "step_sizes", (-1, 0.5)), (Rprop, "step_sizes", (math.nan, 1)), (ASGD, "lambd", -1), (ASGD, "alpha", -1),
    (ASGD, "t0", "a"), (RMSprop, "alpha", -1), (RMSprop, "centered", 0), (Adagrad, "initial_accumulator_value", -1),
])  # fmt: skip
def test_an_option_outside_its_range_is_refused_by_name(kind: Any, option: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{option} cannot be {re.escape(repr(value))}: (it is|they are) "):
        kind([leaf([1.0])], **{option: value})


def test_an_optimizer_is_printed_with_its_groups_and_options() -> None:
    x, y = tg.zeros(2, 3, requires_grad=True), leaf(1.0)
    assert repr(SGD([x, y], lr=0.5)) == (
        "SGD(\n  (0): 2 parameters of 7 entries, lr=0.5, momentum=0, dampening=0, weight_decay=0, nesterov=False, "
        "maximize=False\n)"
    )
    groups = repr(AdamW([{"params": [x]}, {"params": [y], "lr": 0.25}]))
    assert "  (0): 1 parameter of 6 entries, lr=0.001, betas=(0.9, 0.999)" in groups
    assert "  (1): 1 parameter of 1 entry, lr=0.25" in groups
    assert repr(LBFGS([x])) == repr(LBFGS([x]))
