"""Each replay calls the functions, rules and optimizers that a user wrote, as the eager step does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from captured_steps import is_same

import tinygrad_mlp as tg
from tinygrad_mlp import optim


@dataclasses.dataclass
class Config:
    scale: float


def test_user_functions_and_their_rules_are_called_in_each_replay():
    """So they may read a number that changes between calls."""
    config = Config(1.0)

    @tg.differentiable(lambda g, y, x: g * config.scale)
    def straight(x):
        return np.sign(x) * config.scale

    w = tg.tensor([1.0, -2.0], requires_grad=True)

    def update(x):
        w.grad = None
        y = straight(w) * x
        y.sum().backward()
        return y

    results = []
    for run in (update, tg.capture(update)):
        config.scale = 1.0
        seen = []
        for call in range(5):
            config.scale += call
            seen += [run(tg.tensor([2.0, 3.0])).detach(), w.grad.clone()]
        results.append(seen)
    assert all(map(is_same, *results))
    assert run.captured is True


class Doubling:
    """A rule that is an object, and counts its calls."""

    calls = 0

    def __call__(self, g, y, x):
        self.calls += 1
        return g * 2.0 if isinstance(g, np.ndarray) else None  # with None the walk would fail


def test_rules_that_are_objects_are_called_with_arrays():
    rule = Doubling()
    double = tg.differentiable(rule)(lambda x: x * 2.0)
    w = tg.tensor([1.0, 2.0], requires_grad=True)

    def update(x):
        w.grad = None
        (double(w) * x).sum().backward()

    step = tg.capture(update)
    for call in range(3):
        step(tg.tensor([1.0, 1.0 + call]))
        assert w.grad.tolist() == [2.0, 2.0 + 2 * call]
    assert step.captured is True
    assert rule.calls == 3


def test_gradients_that_a_user_optimizer_keeps_do_not_change():
    class Keeping(optim.SGD):
        kept = ()

        def _update(self, group, ready):
            self.kept = [gradient for _, gradient in ready]
            super()._update(group, ready)

    w = tg.ones(2, requires_grad=True)
    optimizer = Keeping([w], lr=0.1)

    @tg.capture
    def step(x):
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()

    step(tg.tensor([1.0, 1.0])), step(tg.tensor([2.0, 2.0]))
    (kept,) = optimizer.kept
    step(tg.tensor([3.0, 3.0]))
    assert kept.tolist() == [2.0, 2.0]
    assert step.captured is True


def test_a_function_that_returns_another_shape_in_a_replay_raises():
    size = [2]
    grow = tg.differentiable(lambda g, y, x: g)(lambda x: np.ones(size[0]))
    step = tg.capture(lambda x: grow(x))
    step(tg.tensor([1.0]))
    size[0] = 1
    with pytest.raises(RuntimeError, match=r"gives shape \(1,\), but \(2,\) when the step was recorded"):
        step(tg.tensor([1.0]))
