"""A captured step computes what the eager step computes, whatever its arguments are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from captured_steps import build, is_same

import tinygrad_mlp as tg
from tinygrad_mlp import optim


def test_each_value_of_a_number_or_text_has_its_own_recording():
    """Seven kinds of calls need six recordings, because an array shares that of an equal Tensor."""
    runs = []

    def ran():
        runs.append(1)

    @tg.capture
    def step(x, factor=1.0, *, mode="plain"):
        ran()
        return x * factor if mode == "plain" else x - factor

    x = tg.tensor([2.0])
    for _ in range(3):
        assert step(x).item() == 2.0
        assert step(x, 3.0).item() == 6.0
        assert step(x, factor=3.0, mode="minus").item() == -1.0
        assert step(x, None if runs is None else 0.0).item() == 0.0
        assert math.copysign(1, step(x, -0.0).item()) == -1
        assert step(x, True).item() == 2.0
        assert step(np.float32([5.0])).item() == 5.0
    assert len(runs) == 6
    assert step.captured is True


def test_an_argument_of_another_type_keeps_the_call_eager():
    step = tg.capture(lambda pair: pair[0] * pair[1])
    with pytest.warns(UserWarning, match="an argument that is a tuple"):
        assert step((tg.tensor(2.0), 3.0)).item() == 6.0


def test_an_argument_that_requires_a_gradient_gets_it_from_an_eager_call():
    w = tg.tensor([2.0, 3.0], requires_grad=True)

    def work(x):
        (w * x).sum().backward()

    step = tg.capture(work)
    for _ in range(3):
        step(tg.ones(2))
    x = tg.tensor([1.0, 1.0], requires_grad=True)
    with pytest.warns(UserWarning, match="an argument that requires a gradient"):
        step(x)
    assert x.grad.tolist() == [2.0, 3.0]
    step(tg.ones(2))
    assert step.captured is True


LAYOUTS = {
    "columns": lambda a: a[:, :50],
    "every other column": lambda a: a[:, ::2],
    "backwards": lambda a: a[::-1, :50],
    "broadcast": lambda a: np.broadcast_to(a[:1, :50], (33, 50)),
    "transposed": lambda a: np.ascontiguousarray(a[:, :50].T).T,
    "a row": lambda a: a[3:4, :50],
    "no rows": lambda a: a[:0, :50],
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_arguments_of_every_memory_layout_give_the_eager_bits(name):
    results = []
    for wrap in (lambda step: step, tg.capture):
        net, optimizer = build([50, 70], dtype="float32")

        def step(x, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            loss = net(x).square().sum()
            loss.backward()
            optimizer.step()
            return [loss.detach(), x.sum(), x.sum(0), x.sum(1)]

        run, drawn = wrap(step), np.random.default_rng(0)
        for _ in range(4):
            out = run(tg.from_numpy(LAYOUTS[name](drawn.normal(size=(33, 100)).astype(np.float32))))
        results.append([*out, *net.parameters()])
    assert run.captured is True
    assert all(map(is_same, *results))


def test_one_tensor_passed_twice_has_its_own_recording():
    step = tg.capture(lambda x, y: x * y * (2.0 if x is y else 1.0))
    a, b = tg.tensor([2.0]), tg.tensor([3.0])
    assert [step(a, a).item(), step(a, b).item(), step(b, b).item(), step(b, a).item()] * 2 == [8.0, 6.0, 18.0, 6.0] * 2
    assert step.captured is True


@pytest.mark.parametrize("shared_by", ["two arguments", "an argument and a weight"])
def test_arguments_that_share_memory_keep_the_call_eager(shared_by):
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)

    def update(v, u):
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
        return (v * 2).sum() + u.sum()

    step = tg.capture(update)
    x = tg.tensor([1.0, 1.0, 1.0])
    given = (x[:2], x[1:]) if shared_by == "two arguments" else (w.detach(), x[:2].clone())
    with pytest.warns(UserWarning, match="shares? memory"):
        assert step(*given).item() == 6.0  # 2 (1 + 1) + 2, or with the updated weight 2 (0.5 + 1.5) + 2


def test_a_view_of_a_weight_as_an_argument_keeps_the_call_eager():
    w = tg.tensor([1.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)

    def update(v):
        optimizer.zero_grad()
        (w * 1.0).sum().backward()
        optimizer.step()
        return v * 2

    step = tg.capture(update)
    assert [step(tg.tensor([1.0])).item() for _ in range(2)] == [2.0, 2.0]
    with pytest.warns(UserWarning, match="shares memory with a Tensor from outside"):
        assert step(w.detach()).item() == -1.0


def test_at_most_32_recordings_are_kept():
    """The 200 replays in between save the time that the recordings cost, without which the step would stay eager."""
    step = tg.capture(lambda x: x * 2)
    for rows in [*range(1, 32), *[31] * 200, *range(32, 45), 44, 44, 1]:
        assert step(np.ones((rows, 1))).sum().item() == 2 * rows
    assert len(step._recordings) == 32


def test_a_number_that_changes_at_each_call_ends_the_recording():
    step = tg.capture(lambda x, factor: x * factor)
    for call in range(32):
        assert step(tg.tensor([2.0]), float(call)).item() == 2 * call
    with pytest.warns(UserWarning, match="arguments are others at each call"):
        assert step(tg.tensor([2.0]), 32.0).item() == 64
    assert "arguments are others at each call" in step.captured


def test_an_argument_that_the_step_also_reads_from_outside_keeps_the_call_eager():
    w = tg.tensor([1.0, 2.0])
    step = tg.capture(lambda x: x + w)
    with pytest.warns(UserWarning, match="shares memory with a Tensor from outside"):
        assert step(w).tolist() == [2.0, 4.0]
    assert step(tg.tensor([10.0, 20.0])).tolist() == [11.0, 22.0]


def test_a_number_that_changes_at_every_second_call_ends_the_recording():
    step = tg.capture(lambda x, k: x * k)
    with pytest.warns(UserWarning, match="pass numbers that change as Tensors"):
        results = [step(tg.tensor([2.0]), call // 2).item() for call in range(90)]
    assert results == [2.0 * (call // 2) for call in range(90)]
