"""Results and gradients of a replay stay as they are in later calls. Gradients add up and are cleared as usual."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import numpy as np
import pytest
from captured_steps import build, is_same

import tinygrad_mlp as tg
from tinygrad_mlp import nn


def test_clipping_does_not_make_an_optimizer_warn_of_used_gradients():
    """A warning would be an error, as in all tests."""
    net, optimizer = build([3, 2])

    @tg.capture
    def step(x):
        net.zero_grad()
        net(x).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    for _ in range(4):
        step(tg.tensor(np.ones((2, 3))))
    assert step.captured is True


def test_a_result_that_existed_before_the_call_is_the_same_tensor():
    average, weight = tg.zeros(1), tg.tensor([3.0], requires_grad=True)

    @tg.capture
    def step(x):
        with tg.no_grad():
            average.add_(x)
        doubled = x * 2
        # Two Tensors from outside, the argument, a new Tensor twice, and a view of a Tensor from outside.
        return average, weight, x, doubled, doubled, weight.detach()

    for _ in range(3):
        x = tg.tensor([1.0])
        results = step(x)
        assert results[0] is average
        assert results[1] is weight
        assert results[2] is x
        assert results[3] is results[4]
        assert np.shares_memory(results[5]._data, weight._data)
    assert step.captured is True
    assert average.item() == 3.0


class Answer(NamedTuple):
    loss: tg.Tensor
    parts: dict[str, Any]


def test_results_may_be_nested():
    step = tg.capture(lambda x: Answer((x * x).sum(), {"squares": [x * x, True, None, "text"]}))
    for value in (2.0, 3.0, 4.0):
        answer = step(tg.tensor([value]))
        assert type(answer) is Answer
        assert answer.loss.item() == answer.parts["squares"][0].item() == value**2
        assert answer.parts["squares"][1:] == [True, None, "text"]
    assert step.captured is True


def test_later_calls_do_not_change_earlier_results():
    """Results, gradients and Tensors that the step stores keep their values."""
    kept = []

    def keep(x):
        kept.append(x)

    net, optimizer = build([3, 4, 2])

    @tg.capture
    def step(x, y):
        optimizer.zero_grad()
        hidden = net[0](x)
        keep(hidden)
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        return [loss, hidden.detach()]

    drawn, found, copies = np.random.default_rng(0), [], []
    for _ in range(5):
        results = step(tg.tensor(drawn.normal(size=(2, 3))), tg.tensor(drawn.normal(size=(2, 2))))
        found += [*results, *(p.grad for p in net.parameters())]
        copies += [t.detach().numpy().copy() for t in found[len(copies) :]]
    assert step.captured is True
    assert len(kept) == 1  # a replay does not call `keep`
    assert all(np.array_equal(t.detach(), c) for t, c in zip(found, copies, strict=True))
    held = [p.grad.detach().numpy() for p in net.parameters()]
    before = copy.deepcopy(held)
    step(tg.tensor(drawn.normal(size=(2, 3))), tg.tensor(drawn.normal(size=(2, 2))))
    assert all(map(np.array_equal, held, before))


def test_gradients_add_up_over_replays_and_eager_steps():
    """Calls 4 and 6 run the step itself. The gradients are zeroed after call 5."""
    results = []
    for wrap in (lambda step: step, tg.capture):
        net, optimizer = build([3, 4, 2])

        def backward(x, net=net):
            net(x).sum().backward()

        run, drawn = wrap(backward), np.random.default_rng(0)
        for call in range(9):
            x = tg.tensor(drawn.normal(size=(2, 3)))
            (backward if call in (4, 6) else run)(x)
            if call == 5:
                optimizer.zero_grad(set_to_none=False)
            if call == 7:
                seen = [p.grad.clone() for p in net.parameters()]
        results.append([*seen, *(p.grad for p in net.parameters())])
    assert run.captured is True
    assert all(map(is_same, *results))


@pytest.mark.parametrize(
    "clear",
    [
        lambda net, optimizer: optimizer.zero_grad(),
        lambda net, optimizer: net.zero_grad(),
        lambda net, optimizer: [setattr(parameter, "grad", None) for parameter in net.parameters()],
        lambda net, optimizer: optimizer.zero_grad(set_to_none=False),
        lambda net, optimizer: None,
    ],
)
@pytest.mark.filterwarnings("ignore::tinygrad_mlp.optim.StepWarning")
def test_every_way_to_clear_gradients_is_replayed(clear):
    results = []
    for wrap in (lambda step: step, tg.capture):
        net, optimizer = build([3, 2])

        def step(x, y, net=net, optimizer=optimizer):
            clear(net, optimizer)
            nn.functional.mse_loss(net(x), y).backward()
            optimizer.step()

        run = wrap(step)
        for _ in range(4):
            run(tg.tensor(np.arange(6.0).reshape(2, 3)), tg.tensor(np.ones((2, 2))))
        results.append([parameter.detach() for parameter in net.parameters()])
    assert run.captured is True
    assert all(map(is_same, *results))


def test_captured_training_with_gradients_set_to_none_does_not_warn():
    """A warning would be an error, as in all tests."""
    net, optimizer = build([3, 2])

    @tg.capture
    def step(x):
        for parameter in net.parameters():
            parameter.grad = None
        net(x).square().sum().backward()
        optimizer.step()

    for _ in range(4):
        step(tg.tensor(np.ones((2, 3))))
