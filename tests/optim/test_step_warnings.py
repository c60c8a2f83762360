"""A step without gradients, or on gradients that were used before, warns once; proper training does not."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn
from tinygrad_mlp.optim import LBFGS, SGD, Optimizer, StepWarning, lr_scheduler


def messages(*calls: Callable[[], Any]) -> list[str]:
    """The warnings that the calls give, up to the colon. All must be StepWarnings that point at this file."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for call in calls:
            call()
    assert all(warning.category is StepWarning and warning.filename == __file__ for warning in caught)
    return [str(warning.message).split(":")[0] for warning in caught]


NO_GRADIENTS, USED_GRADIENTS = "step() found no gradients", "step() found gradients that an earlier step has used"


@pytest.fixture(params=["bias", "no bias", "momentum"])
def trained(request: pytest.FixtureRequest) -> tuple[nn.Module, Optimizer, Callable[[], None]]:
    """A network, its optimizer, and a function that computes the gradients."""
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2, bias=request.param != "no bias"))
    optimizer = SGD(net.parameters(), lr=0.1, momentum=0.9 if request.param == "momentum" else 0)
    return net, optimizer, lambda: net(tg.tensor([[1.0, 2.0]])).square().sum().backward()


def test_a_step_without_gradients_warns_once(trained: Any) -> None:
    net, optimizer, backward = trained
    before = net[0].weight.detach().numpy().copy()
    assert messages(lambda: optimizer.step(), lambda: optimizer.step()) == [NO_GRADIENTS]
    np.testing.assert_array_equal(net[0].weight.detach().numpy(), before)
    assert messages(backward, lambda: optimizer.step()) == []


def test_a_second_step_on_the_same_gradients_warns_once(trained: Any) -> None:
    _, optimizer, backward = trained
    step = lambda: optimizer.step()  # noqa: E731
    assert messages(backward, step, step, step) == [USED_GRADIENTS]


def test_a_forgotten_zero_grad_warns(trained: Any) -> None:
    _, optimizer, backward = trained
    step = lambda: optimizer.step()  # noqa: E731
    assert messages(backward, step, backward, step, backward, step) == [USED_GRADIENTS]


def test_proper_training_does_not_warn(trained: Any) -> None:
    net, optimizer, backward = trained
    step = lambda: optimizer.step()  # noqa: E731
    clears = [
        optimizer.zero_grad, net.zero_grad, lambda: optimizer.zero_grad(set_to_none=False),
        lambda: net.zero_grad(set_to_none=False), lambda: [setattr(p, "grad", None) for p in net.parameters()],
    ]  # fmt: skip
    for clear in clears:
        assert messages(clear, backward, step, clear, backward, backward, step, clear, backward, step) == []


def test_captured_training_does_not_warn(trained: Any) -> None:
    net, optimizer, _ = trained

    @tg.capture
    def step(x: tg.Tensor) -> None:
        net.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()

    before = net[0].weight.detach().numpy().copy()
    assert messages(*[lambda: step(tg.tensor([[1.0, 2.0]]))] * 4) == []
    assert step.captured is True
    assert (net[0].weight.detach().numpy() != before).any()


def test_warnings_can_be_silenced() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", StepWarning)
        SGD([leaf(1.0)]).step()


def test_lbfgs_without_gradients_warns() -> None:
    x = leaf([1.0])
    optimizer = LBFGS([x])
    assert messages(lambda: optimizer.step(lambda: x.sum())) == [NO_GRADIENTS]
    assert x.item() == 1


def test_a_schedule_before_its_optimizer_warns() -> None:
    optimizer = SGD([leaf(1.0)])
    schedule = lr_scheduler.StepLR(optimizer, 1)
    assert messages(lambda: schedule.step(), lambda: schedule.step()) == [
        "the schedule's step() comes before the optimizer's"
    ]
