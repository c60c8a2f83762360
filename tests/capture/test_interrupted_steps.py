"""A captured step stays right through exceptions, other threads, steps inside steps and opaque calls."""

from __future__ import annotations

import copy
import math
import threading

import numpy as np
import pytest
from captured_steps import assert_same_states, build

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.tensors.observer import observer


def test_after_an_exception_the_step_is_recorded_as_before():
    fails = True

    def perhaps(x):
        if fails:
            raise KeyError("the user's own")
        return x

    step = tg.capture(lambda x: perhaps(x) * 2)
    with pytest.raises(KeyError):
        step(tg.tensor([1.0]))
    assert tg.tensor([1.0]).item() == 1.0  # nothing is recorded any more
    fails = False
    assert [step(tg.tensor([v])).item() for v in (1.0, 2.0)] == [2.0, 4.0]
    assert step.captured is True


def test_an_exception_in_a_replay_is_raised_and_the_next_call_is_right():
    net = nn.Linear(3, 3, generator=tg.Generator().manual_seed(0))
    step = tg.capture(lambda x, c: nn.functional.cross_entropy(net(x), c).detach())
    x = tg.ones(2, 3)
    for labels in ([0, 1], [1, 2]):
        step(x, tg.tensor(labels))
    with pytest.raises(ValueError, match="classes go from 0 to 2"):
        step(x, tg.tensor([0, 9]))
    assert step(x, tg.tensor([0, 1])).item() == nn.functional.cross_entropy(net(x), tg.tensor([0, 1])).item()


def test_a_second_thread_is_refused():
    """The first thread waits inside the step until this one has tried to call it."""
    entered, leave, errors = threading.Event(), threading.Event(), []

    def wait():
        entered.set()
        leave.wait(10)

    step = tg.capture(lambda x: wait() or x * 2)
    thread = threading.Thread(target=lambda: step(tg.tensor([1.0])))
    thread.start()
    entered.wait(10)
    try:
        step(tg.tensor([1.0]))
    except RuntimeError as error:
        errors.append(str(error))
    leave.set()
    thread.join()
    assert errors == ["a captured step is used by one thread at a time: capture one for each thread"]
    assert step(tg.tensor([1.0])).item() == 2.0


def test_operations_of_another_thread_are_not_recorded():
    """Here another thread computes while this thread records."""
    step = tg.capture(lambda x: worked() or x * 2)
    results = []

    def worked():
        thread = threading.Thread(target=lambda: results.append(tg.tensor([3.0]).item()))
        thread.start()
        thread.join()

    assert step(tg.tensor([1.0])).item() == step(tg.tensor([1.0])).item() == 2.0
    assert results == [3.0]
    assert step.captured is True


def test_a_captured_step_inside_another_is_part_of_its_recording():
    """`inner` is first replayed by itself, then recorded again as a part of `outer`."""

    def make(wrap):
        w = tg.tensor([1.0], requires_grad=True)
        optimizer = optim.SGD([w], lr=0.1)

        @wrap
        def inner():
            optimizer.zero_grad()
            (w * w).sum().backward()
            optimizer.step()

        @wrap
        def outer(x):
            inner()
            return (x * 2).sum()

        for _ in range(3):
            inner()
        for _ in range(6):
            outer(tg.ones(1))
        return w.item(), getattr(outer, "captured", True)

    assert make(tg.capture) == make(lambda step: step)


def test_a_forbidden_read_of_an_inner_step_keeps_the_outer_step_eager():
    scale = 2.0
    inner = tg.capture(lambda x: x * scale)
    outer = tg.capture(lambda x: inner(x) + 1)
    with pytest.warns(UserWarning, match="`scale` is read from outside"):
        assert outer(tg.tensor([1.0])).item() == 3.0


def test_a_step_that_calls_itself_is_recorded():
    @tg.capture
    def power(x, n):
        return x if n == 0 else power(x, n - 1) * 2

    assert [power(tg.tensor([1.0]), 3).item() for _ in range(3)] == [8.0] * 3
    assert power.captured is True


def test_a_step_that_is_called_again_within_a_replay_runs_eagerly():
    """`perform` makes `again` a part of the recording, and `again` calls the step that is being replayed."""
    results = []

    def again(y):
        if y.item() < 3:
            results.append(step(y).item())

    def work(x):
        y = x + 1
        observer().perform(again, y)
        return y * 2

    step = tg.capture(lambda x: work(x))
    with pytest.warns(UserWarning, match="called by itself, in a replay"):
        assert [step(tg.tensor(v)).item() for v in (9.0, 0.0)] == [20.0, 2.0]
    assert results == [6.0, 4.0]


def test_gradients_kept_after_an_exception_do_not_change_later():
    """The user keeps the gradient of a replay that failed. The next replay must not write to it."""

    def make(wrap):
        w = tg.ones(2, requires_grad=True)

        @wrap
        def step(x):
            (w * x).sum().backward()
            nn.utils.clip_grad_norm_([w], 1e9, error_if_nonfinite=True)

        step(tg.tensor([1.0, 1.0])), step(tg.tensor([1.0, 1.0]))
        with pytest.raises(RuntimeError, match="have norm inf"):
            step(tg.tensor([1.0, math.inf]))
        kept = w.grad
        with pytest.raises(RuntimeError, match="have norm inf"):
            step(tg.tensor([10.0, 1.0]))
        return kept.tolist(), w.grad.tolist()

    assert make(tg.capture) == make(lambda step: step) == ([3.0, math.inf], [13.0, math.inf])


def raise_unless_finite(loss):
    """Raise an error if the loss is infinite or NaN."""
    if not np.isfinite(loss._data):
        raise FloatingPointError("the loss is not finite")


@pytest.mark.parametrize("calls", [0, 2], ids=["when it is recorded", "in a replay"])
def test_a_call_that_looks_at_the_loss_can_stop_the_update(calls):
    """The call comes before the update of the optimizer, so an exception leaves the weights as they were."""
    net, optimizer = build([3, 2], optimizer="momentum")

    def look(loss):
        observer().perform(raise_unless_finite, loss)

    @tg.capture
    def step(x):
        optimizer.zero_grad()
        loss = net(x).square().sum()
        loss.backward()
        look(loss)
        optimizer.step()
        return loss

    x = tg.tensor(np.ones((2, 3)))
    for _ in range(calls):
        step(x)
    before = copy.deepcopy([*net.state_dict().values(), *optimizer.state_dict()["state"].values()])
    with pytest.raises(FloatingPointError):
        step(x * math.inf)
    assert_same_states(before, [*net.state_dict().values(), *optimizer.state_dict()["state"].values()])
    step(x)
    assert step.captured is True


def test_a_replay_repeats_calls_that_it_cannot_look_into():
    """An exchange between machines would be such a call. Each replay makes it with the current arrays."""
    seen = []

    def exchange(tensor):
        seen.append(tensor._data.copy())
        tensor._data *= 10

    def update(x):
        y = x * 2
        observer().perform(exchange, y)
        return y + 1

    step = tg.capture(lambda x: update(x))
    assert [step(tg.tensor([v])).item() for v in (1.0, 2.0, 3.0)] == [21.0, 41.0, 61.0]
    assert [a.item() for a in seen] == [2.0, 4.0, 6.0]
