"""A captured step sees each change of what it may read from outside. Any other read is named and keeps it eager."""

from __future__ import annotations

import dataclasses
import re
from collections import deque
from functools import partial, wraps

import numpy as np
import pytest

import tinygrad_mlp as tg
from tinygrad_mlp import nn

SCALE, ROWS, RANDOM = 2.0, np.ones(3), np.random.default_rng(0)
LONG = [tg.tensor(1.0)] * 2_000
SETTINGS, TEXT, CHOICES = {"scale": 2.0}, "mean", deque([1.0])


@dataclasses.dataclass(slots=True)
class Config:
    scale: float = 2.0


CONFIG = Config()


class Trainer:
    scale = 2.0

    def step(self, x):
        return x * self.scale

    def __call__(self, x):
        return x * self.scale


def closing_over(value):
    """A step that reads `value` as a free variable."""
    return lambda x: x * value


def by_default(x, rows=ROWS):
    return x * rows


def inside(x):
    return sum(x * k * SCALE for k in (1.0, 2.0))


def beside_closures(x):
    """A step whose inner function has a free variable and a default, which Python 3.13 lists in other instructions."""
    k = 2.0
    return sum((lambda y, c=c: y * c * k * CONFIG.scale)(x) for c in (1.0, 2.0))


def decorated(function):
    """The function inside a wrapper, as decorators make it."""

    @wraps(function)
    def call(x):
        return function(x)

    return call


def catching(x):
    try:
        return x * 2.0
    except ValueError:
        return x


def catching_all(x):
    try:
        return x * 2.0
    except:  # noqa: E722
        return x


def reading_a_class():
    """A step that reads a number of a class which is a free variable of the step."""

    class Local:
        scale = 2.0

    return lambda x: x * Local.scale


def counting(x):
    """A step that writes to a global number."""
    global SCALE
    SCALE += 0.0
    return x * 2.0


# Steps that read from outside what they must not read, and the reason that is given.
FORBIDDEN = {
    "a global number": (lambda x: x * SCALE, "`SCALE` is read from outside: pass it as an argument"),
    "a number in an inner function": (inside, "`SCALE` is read"),
    "an object with slots, beside closures": (beside_closures, "`CONFIG`, a Config, is read"),
    "a counter": (counting, "`SCALE` is read"),
    "a free variable": (closing_over(2.0), "`value` is read"),
    "a text": (lambda x: getattr(x, TEXT)(), "`TEXT` is read"),
    "an array": (lambda x: x * ROWS, "`ROWS` is an array or generator of NumPy's: make it a Tensor"),
    "a generator of NumPy's": (lambda x: x * RANDOM.normal(), "make it a tinygrad_mlp.Generator"),
    "a dict of numbers": (
        lambda x: x * SETTINGS["scale"],
        "`SETTINGS` holds numbers and is read from outside: pass these as arguments",
    ),
    "another container": (lambda x: x * CHOICES[0], "`CHOICES`, a deque, is read"),
    "an object": (
        lambda x: x * CONFIG.scale,
        "`CONFIG`, a Config, is read from outside: pass its numbers as arguments",
    ),
    "a default": (by_default, "`rows` is an array"),
    "behind a decorator": (decorated(closing_over(2.0)), "`value` is read"),
    "behind no_grad": (tg.no_grad()(closing_over(2.0)), "`value` is read"),
    "a method of an object": (Trainer().step, "the step is a method of a Trainer: make that an nn.Module"),
    "an object that is called": (Trainer(), "the step is a Trainer: write a function that calls it"),
    "a partial call": (partial(lambda k, x: x * k, 2.0), "the step is a partial: write a function that calls it"),
    "a number of a class": (lambda x: x * Trainer.scale, "`Trainer.scale` is read from outside"),
    "a number of a class that is a free variable": (reading_a_class(), "`Local.scale` is read from outside"),
    "a bare except clause": (catching_all, "an except clause"),
    "too long a list": (lambda x: x * len(LONG), "`LONG` holds more than 1,000 objects"),
    "an except clause": (catching, "an except clause"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_forbidden_reads_are_refused_by_name(name):
    step, reason = FORBIDDEN[name]
    captured = tg.capture(step)
    x = tg.tensor([1.0, 2.0, 3.0])
    with pytest.warns(UserWarning, match=re.escape(reason)):
        first = captured(x)
    assert first.shape == step(x).shape
    assert reason in captured.captured
    captured(x)  # no second warning


class Net(nn.Module):
    def __init__(self):
        self.inner = nn.Linear(3, 3, bias=False, generator=tg.Generator().manual_seed(0))
        self.scale = 1.0
        self.layers = [nn.Tanh()]
        self.mode = "plain"

    def forward(self, x):
        x = self.inner(x) * self.scale
        for layer in self.layers:
            x = layer(x)
        return x * 2 if self.training else x

    def evaluate(self, x):
        return self(x).detach()


def permitted():
    """Steps that read from outside what they may read, each with a function that changes it."""
    net, other, extra = Net(), Net(), tg.tensor([1.0, 2.0, 3.0])
    zero = Net()
    other.scale, zero.scale = 4.0, 0.0
    held, tensors = [Net(), Net()], {"a": tg.tensor([2.0]), "b": tg.tensor([3.0])}
    frozen = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def helper(x):
        return x * 2

    def rebind():
        nonlocal net, helper
        net, helper = other, lambda x: x * 3

    def change_entry():
        tensors["a"] = tg.tensor([5.0])

    def forward(x):
        return net(x).detach()

    def called(x):
        return forward(x)

    return {
        "a mode": (forward, net.eval),
        "a number of a module": (forward, lambda: setattr(net, "scale", 3.0)),
        "the sign of a zero": (lambda x: zero(x).detach(), lambda: setattr(zero, "scale", -0.0)),
        "a layer": (forward, lambda: setattr(net, "inner", other.layers[0])),
        "a list of layers": (forward, lambda: net.layers.append(nn.Sigmoid())),
        "an entry of a list of layers": (forward, lambda: net.layers.__setitem__(0, nn.Sigmoid())),
        "a weight's array": (forward, lambda: setattr(net.inner.weight, "data", np.ones((3, 3), np.float32))),
        "the numbers of a weight": (forward, lambda: net.inner.weight.data.fill_(1.0)),
        "a weight": (forward, lambda: setattr(net.inner, "weight", nn.Parameter(tg.ones(3, 3)))),
        "a dtype": (lambda x: net(x.to(net.inner.weight.dtype)).detach(), net.double),
        "a module that a helper function calls": (called, net.eval),
        "a method's module": (net.evaluate, net.eval),
        "a module as a step": (tg.no_grad()(net), net.eval),
        "a name": (forward, rebind),
        "the name of a function": (lambda x: helper(x), rebind),
        "a Tensor's numbers": (lambda x: x * extra, lambda: extra.copy_(tg.tensor([3.0, 2.0, 1.0]))),
        "entries of a list": (lambda x: sum(n(x) for n in held).detach(), lambda: held.append(other)),
        "entries of a dict": (lambda x: sum(x * t for t in tensors.values()), change_entry),
        "whether a Tensor needs a gradient": (
            lambda x: x * 2 if frozen.requires_grad else x * 3, lambda: frozen.requires_grad_(False)
        ),
        "the length of a list": (lambda x: x + len(held), lambda: held.clear()),
    }  # fmt: skip


@pytest.mark.parametrize("name", permitted())
def test_a_change_of_a_permitted_read_is_seen(name):
    step, change = permitted()[name]
    captured = tg.capture(step)
    x = tg.tensor([[1.0, 2.0, 3.0]])
    results = []
    for call in range(6):
        if call == 3:
            change()
        results.append(captured(x).numpy())
        assert results[-1].tobytes() == step(x).numpy().tobytes()
        assert captured.captured is True
    assert results[2].tobytes() != results[4].tobytes()


def test_after_reset_a_step_reads_everything_again():
    factor = 1.0

    def helper(x):
        return x * factor

    captured = tg.capture(lambda x: helper(x))
    one = tg.tensor([1.0])
    assert [captured(one).item() for _ in range(2)] == [1.0, 1.0]
    factor = 3.0
    assert captured(one).item() == 1.0
    captured.reset()
    assert captured.captured == "it has not been called yet"
    assert captured(one).item() == 3.0


@pytest.mark.parametrize("change", ["keys", "nesting", "a number in an object", "a set"])
def test_changes_inside_the_attributes_of_a_module_are_seen(change):
    """The attributes hold a dict, lists in a list, an object and a set."""

    class Holder(nn.Module):
        def __init__(self):
            self.flags, self.groups, self.config, self.names = {"double": 0}, [[2.0], [3.0]], Trainer(), {"double"}

        def forward(self, x):
            factor = ("double" in self.flags) + ("double" in self.names) + len(self.groups)
            return x * factor * self.config.scale

    net = Holder()
    step = tg.capture(lambda x: net(x))
    x = tg.tensor([1.0])
    before = [step(x).item() for _ in range(3)]
    if change == "keys":
        net.flags["single"] = net.flags.pop("double")
    elif change == "nesting":
        net.groups[:] = [[2.0, 3.0]]
    elif change == "a set":
        net.names.discard("double")
    else:
        net.config.scale = 5.0
    assert step(x).item() == step(x).item() == net(x).item() != before[0]
    assert step.captured is True


def test_objects_that_refer_to_each_other_are_visited_once():
    """Each of eight objects holds a list of all eight."""

    class Ring:
        def __init__(self):
            self.others, self.scale = [], 1.0

    class Holder(nn.Module):
        def __init__(self):
            self.rings = [Ring() for _ in range(8)]
            for ring in self.rings:
                ring.others = self.rings

        def forward(self, x):
            return x * self.rings[3].scale

    net = Holder()
    step = tg.capture(lambda x: net(x))
    assert [step(tg.tensor([1.0])).item() for _ in range(3)] == [1.0] * 3
    net.rings[3].scale = 4.0
    assert step(tg.tensor([1.0])).item() == 4.0
    assert step.captured is True


def test_the_mode_of_a_dropout_called_by_its_forward_is_seen():
    drop = nn.Dropout(0.5, generator=tg.Generator().manual_seed(0))

    def helper(x):
        return drop.forward(x)

    step = tg.capture(lambda x: helper(x))
    step(tg.ones(4)), step(tg.ones(4))
    drop.eval()
    assert step(tg.ones(4)).tolist() == [1.0] * 4
