"""`capture(check=N)` finds a replay that differs from the eager step, and `capture` refuses what cannot be a step."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pytest
from captured_steps import ORDINARY, World, is_same

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim

CHECKED = ["a Dropout layer", "noise from the default generator", "a schedule", "clipping by norm"]


@pytest.mark.parametrize("name", [*CHECKED, "an average of weights", "accumulation"])
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_checked_run_ends_in_the_same_bits(name, kind):
    results = []
    for check in (None, 1, 3):
        world = World(nn.BatchNorm1d(4, dtype="float64"), nn.Dropout(0.4, generator=tg.Generator().manual_seed(3)))
        if kind == "Adam":
            world.optimizer = optim.Adam(world.net.parameters(), lr=0.01)
            world.schedule = optim.lr_scheduler.StepLR(world.optimizer, 2)
        tg.manual_seed(5)
        step, drawn = tg.capture(ORDINARY[name](world), check=check), np.random.default_rng(0)
        for call in range(8):
            x, y = tg.tensor(drawn.normal(size=(5, 3))), tg.tensor(drawn.uniform(size=(5, 2)))
            step(x, y, call % 3 == 2) if name == "accumulation" else step(x, y)
        assert step.captured is True
        results.append([*(p.detach() for p in world.net.parameters()), *world.net.buffers(), tg.rand(1)])
    assert all(map(is_same, results[0], results[1]))
    assert all(map(is_same, results[0], results[2]))


EVERY = [kind for kind in map(vars(optim).get, optim.__all__) if hasattr(kind, "step")]


@pytest.mark.parametrize("kind", sorted(set(EVERY) - {optim.Optimizer, optim.LBFGS}, key=str))  # LBFGS needs a closure
def test_a_captured_step_of_each_optimizer_ends_in_the_same_bits(kind):
    results = []
    for capture in (lambda step: step, tg.capture, lambda step: tg.capture(step, check=2)):
        world = World(nn.BatchNorm1d(4, dtype="float64"))
        weights, others = list(world.net.parameters())[:2], list(world.net.parameters())[2:]
        world.optimizer = kind([{"params": weights}, {"params": others, "lr": 0.02}], lr=0.05)
        world.schedule = optim.lr_scheduler.StepLR(world.optimizer, 2)
        step, drawn = capture(ORDINARY["a schedule"](world)), np.random.default_rng(0)
        for _ in range(8):
            step(tg.tensor(drawn.normal(size=(5, 3))), tg.tensor(drawn.uniform(size=(5, 2))))
        assert getattr(step, "captured", True) is True
        state = [value for entries in world.optimizer.state.values() for value in entries.values()]
        results.append([*(p.detach() for p in world.net.parameters()), *map(tg.tensor, state)])
    assert all(map(is_same, results[0], results[1]))
    assert all(map(is_same, results[0], results[2]))


def test_a_check_keeps_the_objects_of_an_optimizer():
    """A check puts all numbers back into the dicts, arrays and generators that were there. The user may hold these."""
    world = World()
    step = tg.capture(ORDINARY["a schedule"](world), check=1)
    x, y = tg.tensor(np.ones((5, 3))), tg.tensor(np.ones((5, 2)))
    step(x, y)
    group, numbers = world.optimizer.param_groups[0], world.generator.numbers
    state = world.optimizer.state[world.net[0].weight]["momentum_buffer"]
    step(x, y), step(x, y)
    assert world.optimizer.param_groups[0] is group
    assert world.optimizer.state[world.net[0].weight]["momentum_buffer"] is state
    assert world.generator.numbers is numbers


def test_a_check_finds_a_number_that_changed_after_the_recording():
    factor = 1.0

    def helper(x):
        return x * factor

    step = tg.capture(lambda x: helper(x), check=2)
    one = tg.tensor([1.0])
    for _ in range(5):  # one recording and four replays
        step(one)
    factor = 2.0
    assert step(one).item() == 1.0
    with pytest.raises(RuntimeError, match="differs from the eager step in its result"):
        step(one)
    assert step(one).item() == 2.0  # the step was recorded anew


def test_capture_is_a_decorator_with_and_without_arguments():
    @tg.capture(check=2)
    def step(x):
        """Twice."""
        return x * 2

    assert (step.check, step.__name__, step.__doc__) == (2, "step", "Twice.")
    assert [step(tg.tensor([1.0])).item() for _ in range(3)] == [2.0] * 3


@pytest.mark.parametrize("check", [0, -1, 1.5, "2"])
def test_check_must_be_a_positive_integer(check):
    with pytest.raises(ValueError, match="check is a positive number"):
        tg.capture(len, check=check)


def test_capture_refuses_objects_that_cannot_be_called():
    with pytest.raises(TypeError, match="step to call"):
        tg.capture(3)


def test_copies_and_pickles_keep_the_step_and_its_check():
    """They take no recordings along, which hold memory of the original: the copy reads its own argument."""
    step = tg.capture(lambda x: (x * 2).reshape(3, 2) + 1)
    x = np.arange(6.0).reshape(2, 3)
    for _ in range(3):
        step(x)
    copied = copy.deepcopy(step)
    np.testing.assert_array_equal(copied(x * 5), (x * 10).reshape(3, 2) + 1)
    pickled = pickle.dumps(tg.capture(math.sin, check=2))  # a lambda cannot be pickled
    assert pickle.loads(pickled).check == 2


def test_capturing_a_method_says_what_to_write():
    class Holder(nn.Module):
        @tg.capture
        def step(self, x):
            return x

    assert isinstance(Holder.step, type(tg.capture(len)))
    with pytest.raises(TypeError, match="in __init__"):
        Holder().step(tg.tensor(1.0))


def test_under_detect_anomaly_a_step_runs_eagerly():
    step = tg.capture(lambda x: x * 2)
    with pytest.warns(UserWarning, match="detect_anomaly"), tg.autograd.detect_anomaly():
        step(tg.tensor([1.0]))
    assert step(tg.tensor([1.0])).item() == 2.0
    assert step.captured is True
