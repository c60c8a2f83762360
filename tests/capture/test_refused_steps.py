"""A step that cannot be replayed stays eager, gives the right results, and names the reason."""

from __future__ import annotations

import copy
import random
import warnings
from collections import OrderedDict, defaultdict

import numpy as np
import pytest
from captured_steps import assert_same_states, build, is_same

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim

OUTSIDE, MASK = tg.tensor(2.0), tg.tensor([[True, False, True]] * 2)
LEAF = tg.tensor([1.0, 2.0, 3.0], dtype=np.float64, requires_grad=True)


class Cube(tg.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * x * x

    @staticmethod
    def backward(ctx, g):
        return g


def caught(x):
    """Catch the error of a product of matrices that do not fit."""
    with warnings.catch_warnings():
        try:
            x @ x
        except ValueError:
            return x
    return x * 2


def given_another_array(x):
    """Replace the array of a computed Tensor by an array from outside."""
    y = x * 2
    y.data = np.ones_like(y.detach()._data)
    return y + x


def drawn_elsewhere():
    """Draw from the common generators of Python and NumPy."""
    return random.random(), np.random.rand()  # noqa: NPY002


def making_a_tensor(x):
    return x + tg.Tensor(x)


def freezing(x):
    """Switch off whether a leaf requires a gradient, or on again."""
    LEAF.requires_grad_(not LEAF.requires_grad)
    return (x * LEAF).detach()


# Steps that cannot be replayed, and the reason that is given.
REFUSED = {
    "item": (lambda x: x * x.sum().item(), "reading numbers"),
    "float": (lambda x: x * float(OUTSIDE), "reading numbers"),
    "bool": (lambda x: x if x.sum() > 0 else -x, "reading numbers"),
    "numpy": (lambda x: x * x.numpy().max(), "reading numbers"),
    "tolist": (lambda x: x * OUTSIDE.tolist(), "reading numbers"),
    "data": (lambda x: x * OUTSIDE.data.numpy()[()], "reading numbers"),
    "repr": (lambda x: x * len(repr(x)), "reading numbers"),
    "an array": (lambda x: x * np.ones(3), "a NumPy array that is not an argument"),
    "an array as an index": (lambda x: x[:, np.arange(2)], "a NumPy array as an index"),
    "a Tensor of a Tensor": (making_a_tensor, "making a Tensor of a Tensor"),
    "a mask": (lambda x: x[MASK].sum() / MASK.sum(), "a boolean mask"),
    "a list of Tensors": (lambda x: x * tg.tensor([OUTSIDE, 1.0, 1.0]), "making a Tensor of arrays"),
    "from_numpy": (lambda x: x * tg.from_numpy(np.ones(3)), "making a Tensor of an array"),
    "writing to an argument": (lambda x: x.mul_(2.0), "writing to an argument"),
    "a caught exception": (lambda x: caught(x), "an exception that the step catches"),
    "an optimizer of its own": (
        lambda x: optim.SGD([tg.zeros(3, requires_grad=True)]) and x,
        "an optimizer's options or state",
    ),
    "a copy": (lambda x: copy.deepcopy(x.sum()) + x, "reading numbers"),
    "another array": (given_another_array, "assigning to .data: write x.data.copy_(...)"),
    "an argument that is to be trained": (lambda x: x.requires_grad_().detach(), "made to require a gradient"),
    "an ordered dict": (lambda x: OrderedDict(x=x * 2) and OrderedDict(x=x), "OrderedDict among its results"),
    "common generators": (lambda x: x * drawn_elsewhere()[0], "Python's or NumPy's common generator"),
    "a Function": (lambda x: Cube.apply(x), "a Function"),
    "a gradient of before": (lambda x: x if LEAF.grad is None else x * 2, "asking for a gradient"),
    "a hook": (lambda x: (LEAF * x).register_hook(print) and x, "a hook"),
    "freezing": (freezing, "the step changes `a Tensor from outside`"),
    "a result with a graph": (lambda x: LEAF * x, "a result that still has its graph"),
    "a number": (lambda x: (x, 1.5), "float among its results"),
    "a set": (lambda x: {"x": {1}}, "set among its results"),
    "a special dict": (lambda x: defaultdict(list, x=[1]), "defaultdict among its results"),
    "another grad mode": (lambda x: tg.set_grad_enabled(False) and None, "another grad mode"),
    "a running ufunc": (lambda x: tg.differentiable(lambda g, y, x: g)(np.add.accumulate)(x), "numpy.add.accumulate"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_step_that_cannot_be_replayed_stays_eager_and_says_why(name):
    step, reason = REFUSED[name]
    captured = tg.capture(step)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for call in range(3):
            one, other = (tg.tensor(np.arange(6.0).reshape(2, 3) + call) for _ in range(2))
            results = []
            for run, x in ((captured, one), (step, other)):
                random.seed(call)
                with tg.enable_grad():
                    result = run(x)
                tg.set_grad_enabled(True)  # one of the steps has switched recording off
                results.append([result._data if isinstance(result, tg.Tensor) else 0, x._data])
            assert_same_states(*results)
    LEAF.requires_grad_()
    assert reason in str(captured.captured)
    # Later calls of `freezing` might be recorded, so it does not warn of staying eager.
    assert len([w for w in warned if "stays eager" in str(w.message)]) == (name != "freezing")


def test_a_change_between_forward_and_backward_raises_as_in_the_eager_step():
    """In one step an optimizer changes a weight; in another the step changes a Tensor in place."""
    generator = tg.Generator().manual_seed(0)
    actor, critic = nn.Linear(3, 2, generator=generator), nn.Linear(2, 1, generator=generator)
    of_actor, of_critic = optim.SGD(actor.parameters(), lr=0.1), optim.SGD(critic.parameters(), lr=0.5)
    weight, deviation = tg.tensor([1.0, 1.0], requires_grad=True), tg.tensor([1.0, 2.0])

    @tg.capture
    def alternating(x, y):
        action = actor(x)
        loss = -critic(action).mean()
        of_critic.zero_grad()
        nn.functional.mse_loss(critic(action.detach()), y).backward()
        of_critic.step()
        of_actor.zero_grad()
        loss.backward()
        of_actor.step()

    @tg.capture
    def normalizing(x):
        loss = (weight * x / deviation).sum()
        with tg.no_grad():
            deviation.mul_(10)
        loss.backward()

    before = actor.weight.detach().numpy().copy()
    for _ in range(3):
        with pytest.raises(RuntimeError, match="changed after it was computed"):
            alternating(tg.tensor([[1.0, 2.0, 3.0]]), tg.tensor([[1.0]]))
        with pytest.raises(RuntimeError, match="changed after it was computed"):
            normalizing(tg.tensor([1.0, 1.0]))
    assert np.array_equal(before, actor.weight.detach())


def test_a_module_that_changes_itself_only_in_its_first_call_is_recorded_later():
    class Lazy(nn.Module):
        def __init__(self):
            self.factor = None

        def forward(self, x):
            if self.factor is None:
                self.factor = 2.0
            return x * self.factor

    net = Lazy()
    step = tg.capture(lambda x: net(x))
    one = tg.tensor([1.0])
    assert step(one).item() == 2.0
    assert step.captured == "the step changes `Lazy.factor`: write to a buffer in place, or change it outside"
    assert [step(one).item(), step.captured] == [2.0, True]


@pytest.mark.parametrize("before", [None, 0.0, "", {"kept": None}])
def test_a_module_that_stores_its_output_keeps_the_step_eager(before):
    """Before the first call, the attribute holds None, a number, a text or a dict."""

    class Keeping(nn.Module):
        def __init__(self):
            self.linear, self.kept = nn.Linear(3, 1), before

        def forward(self, x):
            self.kept = self.linear(x).detach()
            return self.kept * 2

    net = Keeping()
    step = tg.capture(lambda x: net(x))
    for _ in range(5):
        step(tg.ones(2, 3))
        assert "the step changes `Keeping.kept`: write to a buffer in place" in step.captured
    with pytest.warns(UserWarning, match="`Keeping.kept` is another at each call"):
        step(tg.ones(2, 3))


def test_a_step_that_trains_in_evaluation_mode_and_switches_back_is_recorded():
    net = nn.Sequential(nn.Dropout(0.5, generator=tg.Generator().manual_seed(0)), nn.BatchNorm1d(3))
    net.eval()

    def both(x):
        net.train()
        y = net(x)
        net.eval()
        return (y + net(x)).detach()

    step = tg.capture(both)
    for _ in range(3):
        step(tg.ones(4, 3))
        assert step.captured is True


def test_a_step_that_evaluates_in_training_mode_and_switches_back_is_recorded():
    class Twice(nn.Module):
        def forward(self, x):
            return x * (2 if self.training else 3)

    net = Twice()

    def both(x):
        net.eval()
        y = net(x)
        net.train()
        return y + net(x)

    step = tg.capture(both)
    assert [step(tg.tensor([1.0])).item() for _ in range(3)] == [5.0] * 3
    assert step.captured is True


def test_a_module_that_counts_its_calls_ends_up_eager_and_right():
    class Counting(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    net = Counting()
    step = tg.capture(lambda x: net(x))
    for call in range(5):
        assert step(tg.tensor([1.0])).item() == call + 1
    with pytest.warns(UserWarning, match="`Counting.calls` is another at each call"):
        assert step(tg.tensor([1.0])).item() == 6


def test_a_step_that_sets_the_rate_of_its_optimizer_stays_eager():
    net, optimizer = build([3, 2])

    def update(x, rate):
        for group in optimizer.param_groups:
            group["lr"] = rate
        return net(x).detach()

    step = tg.capture(update)
    with pytest.warns(UserWarning, match="an optimizer's options"):
        step(tg.tensor([[1.0, 2.0, 3.0]], dtype=np.float64), 0.3)
    assert optimizer.param_groups[0]["lr"] == 0.3


def test_tensors_as_bounds_of_slices_and_as_sizes_keep_the_step_eager():
    for take in (lambda x, n: x[:n].sum(), lambda x, n: x.reshape(n, -1), lambda x, n: tg.randn(n).sum() * 0 + x.sum()):
        step = tg.capture(take)
        with pytest.warns(UserWarning, match="reading numbers"):
            results = [step(tg.ones(6), tg.tensor(n)) for n in (1, 2, 3)]
        assert all(map(is_same, results, [take(tg.ones(6), tg.tensor(n)) for n in (1, 2, 3)]))
