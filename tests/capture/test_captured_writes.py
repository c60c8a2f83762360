"""A captured step replays recorded writes, and writes through `.data`, bit for bit, or says why it does not."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn

Step = Callable[[tg.Tensor], tg.Tensor]


class World:
    """What a step reads from outside. Two equal worlds are made: one for the eager step, one for the captured one."""

    def __init__(self) -> None:
        self.weight = tg.tensor(np.array([0.5, 1.0, 1.5]), requires_grad=True)
        self.layer = nn.Linear(3, 1, dtype="float64", generator=tg.Generator().manual_seed(3))
        self.buffer = tg.zeros(3, dtype=np.float64)

    def state(self) -> list[Any]:
        tensors = [self.weight, self.weight.grad, self.layer.weight, self.layer.bias, self.buffer]
        return [None if tensor is None else tensor.tolist() for tensor in tensors]


def stepping(loss_of: Callable[[tg.Tensor, tg.Tensor], tg.Tensor]) -> Callable[[World], Step]:
    """A maker of steps: backward from ``loss_of(x, weight)``, and an update by hand through `.data`."""

    def make(world: World) -> Step:
        weight = world.weight

        def step(x: tg.Tensor) -> tg.Tensor:
            weight.grad = None
            loss = loss_of(x, weight)
            loss.backward()
            weight.data += -0.01 * weight.grad
            return loss

        return step

    return make


def summed(x: tg.Tensor, weight: tg.Tensor) -> tg.Tensor:
    total = tg.zeros(2, dtype=np.float64)
    for _ in range(2):
        total += (x * weight).sum(1)
    total *= 2
    return (total * total).sum()


def assigned(x: tg.Tensor, weight: tg.Tensor) -> tg.Tensor:
    z = tg.zeros(2, 3, dtype=np.float64)
    first = z[0]
    z[:, 0] = (x * weight).sum(1)
    z[0] += weight * weight
    z.T[2].mul_(weight[1])
    return (z * 1.5).tanh().sum() + first.sum()


def multiplied(x: tg.Tensor, weight: tg.Tensor) -> tg.Tensor:
    y = x * weight
    y *= weight
    y *= y
    return y.mean()


def twice(x: tg.Tensor, weight: tg.Tensor) -> tg.Tensor:
    y = x * weight
    y[0] *= weight
    (gradient,) = tg.autograd.grad((y * 0.1).tanh().sum(), [weight], create_graph=True)
    squares = tg.zeros((), dtype=np.float64)
    squares += (gradient * gradient).sum()
    return squares


def averaging(world: World) -> Step:
    """Polyak averaging, and weights set through `.data`."""
    weight, layer = world.weight, world.layer

    def step(x: tg.Tensor) -> tg.Tensor:
        layer.weight.data.mul_(0.9).add_(weight.data, alpha=0.1)
        layer.bias.data.fill_(0.5)
        return layer(x).detach()

    return step


def assigning(world: World) -> Step:
    weight = world.weight

    def step(x: tg.Tensor) -> tg.Tensor:
        weight.data = weight.data - 0.1 * x[0]
        return (x * weight).detach()

    return step


def into_an_argument(world: World) -> Step:
    weight = world.weight

    def step(x: tg.Tensor) -> tg.Tensor:
        weight.grad = None
        x += weight
        loss = x.sum()
        loss.backward()
        return loss

    return step


def into_a_buffer(world: World) -> Step:
    weight, buffer = world.weight, world.buffer

    def step(x: tg.Tensor) -> tg.Tensor:
        weight.grad = None
        loss = (buffer.add_(x.sum(0) * weight)).sum()
        loss.backward()
        return loss

    return step


STEPS: dict[str, tuple[Callable[[World], Step], str]] = {
    "sums": (stepping(summed), ""),
    "parts": (stepping(assigned), ""),
    "products": (stepping(multiplied), ""),
    "second derivatives": (stepping(twice), ""),
    "averages": (averaging, ""),
    "an assignment to .data": (assigning, r"assigning to .data: write x.data.copy_(...)"),
    "an argument": (into_an_argument, "writing to an argument"),
}


@pytest.mark.parametrize("name", STEPS)
def test_writes_are_replayed_or_keep_the_step_eager(name: str) -> None:
    make, reason = STEPS[name]
    results = []
    for capture in (False, True):
        world = World()
        step = make(world)
        taken = tg.capture(step) if capture else step
        with warnings.catch_warnings(), tg.enable_grad():
            warnings.simplefilter("ignore")  # that it stays eager
            outputs = [taken(tg.tensor(np.arange(6.0).reshape(2, 3) + call)).tolist() for call in range(4)]
        results.append((outputs, world.state()))
        if capture:
            assert (taken.captured is True) if not reason else (reason in str(taken.captured))
    assert results[0] == results[1]


def test_a_buffer_that_came_to_need_a_gradient_has_the_released_graph_of_the_call_before() -> None:
    for capture in (False, True):
        step = into_a_buffer(World())
        taken = tg.capture(step) if capture else step
        assert taken(tg.ones(2, 3, dtype=np.float64)).item() == 6
        with pytest.raises(RuntimeError, match="released by an earlier backward"):
            taken(tg.ones(2, 3, dtype=np.float64))


def test_a_write_to_what_an_integer_tensor_selects_is_not_lost() -> None:
    """The eager step has a view there, and the recorded one a copy, which it cannot write to."""

    @tg.capture
    def step(x: tg.Tensor, i: tg.Tensor) -> tg.Tensor:
        y = x * 2
        y[i].fill_(0)
        return y

    with pytest.raises(RuntimeError, match="for reading alone"):
        step(tg.ones(3), tg.tensor(1))


def test_entries_that_a_rule_needs_are_not_overwritten_in_a_captured_step_either() -> None:
    weight = World().weight

    @tg.capture
    def step(x: tg.Tensor) -> None:
        y = (x * weight).exp()
        y *= 2
        y.sum().backward()

    for _ in range(2):
        with pytest.raises(RuntimeError, match=r"exp at .* needs its output for the gradient"):
            step(tg.ones(3, dtype=np.float64))
