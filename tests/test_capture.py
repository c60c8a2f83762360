"""A captured step computes, bit for bit, what the step itself computes, and is left eager where it could not."""

from __future__ import annotations

import argparse
import copy
import itertools
import logging
import os
import random
import re
import sys
import warnings
from collections import UserDict, defaultdict, deque
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim

LOSSES = {
    "mse": lambda z, y: nn.functional.mse_loss(z, y),
    "mean_square": lambda z, y: nn.functional.mse_loss(z.sigmoid(), y, reduction="sum") * 0.5,
    "bce": lambda z, y: nn.functional.binary_cross_entropy(z.sigmoid(), y, reduction="sum"),
    "bce_logits": lambda z, y: nn.functional.binary_cross_entropy_with_logits(z, y, reduction="sum"),
    "soft_cross_entropy": lambda z, y: -(y * z.log_softmax(-1)).sum(),
    "penalty": lambda z, y: ((z - y).abs().sqrt() + (z * y).exp().log() / (1 + y) ** 3).mean(),
}
ACTIVATIONS = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "relu": nn.ReLU}
OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.05),
    "momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "maximize": lambda p: optim.SGD(p, lr=0.05, maximize=True),
}


def build(widths, activation, optimizer, bias, dtype, seed):
    generator = tg.Generator().manual_seed(seed)
    layers = []
    for i, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
        layers += [nn.Linear(fan_in, fan_out, bias=bias, dtype=dtype, generator=generator)]
        layers += [ACTIVATIONS[activation]()] if i < len(widths) - 2 else []
    net = nn.Sequential(*layers)
    return net, OPTIMIZERS[optimizer](net.parameters())


def step_of(net, optimizer, loss):
    def step(x, y):
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value

    return step


@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=4),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.sampled_from(sorted(LOSSES)),
    st.sampled_from(sorted(OPTIMIZERS)),
    st.booleans(),
    st.sampled_from(["float32", "float64"]),
    st.lists(st.integers(1, 70), min_size=3, max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_replays_are_bit_identical_to_eager_steps(widths, activation, loss, optimizer, bias, dtype, batches, seed):
    net, eager_optimizer = build(widths, activation, optimizer, bias, dtype, seed)
    twin, captured_optimizer = build(widths, activation, optimizer, bias, dtype, seed)
    eager = step_of(net, eager_optimizer, LOSSES[loss])
    captured = tg.capture(step_of(twin, captured_optimizer, LOSSES[loss]))
    generator = np.random.default_rng(seed)
    for number, rows in enumerate([*batches, *batches]):  # each number of rows is met again: a replay
        rate = 1e-3 / (1 + number)
        eager_optimizer.param_groups[0]["lr"] = captured_optimizer.param_groups[0]["lr"] = rate
        x = tg.tensor(generator.normal(size=(rows, widths[0])).astype(dtype))
        y = tg.tensor(generator.uniform(0.1, 0.9, size=(rows, widths[-1])).astype(dtype))
        expected, computed = eager(x, y), captured(x, y)
        np.testing.assert_array_equal(expected.detach().numpy(), computed.detach().numpy())
        for parameter, other in zip(net.parameters(), twin.parameters(), strict=True):
            np.testing.assert_array_equal(parameter.detach().numpy(), other.detach().numpy())
            np.testing.assert_array_equal(parameter.grad.numpy(), other.grad.numpy())
    assert captured.refused is None


@pytest.mark.parametrize("rows", [1, 2, 40, 300])
@pytest.mark.parametrize("dtypes", [("float32", "float32"), ("float64", "float64"), ("float64", "float32")])
@pytest.mark.parametrize("columns", [1, 10, 60])
def test_products_of_all_shapes_are_replayed_to_the_bit(rows, columns, dtypes):
    """Long enough that BLAS adds up in parts; of mixed dtypes, too, which it does not take."""
    generator = np.random.default_rng(rows)
    x = tg.tensor(generator.normal(size=(rows, 784)).astype(dtypes[0]))
    y = tg.tensor(generator.uniform(size=(rows, columns)).astype(dtypes[0]))
    eager, twin = (build([784, 50, columns], "tanh", "sgd", True, dtypes[1], 0) for _ in range(2))
    step, captured = step_of(*eager, LOSSES["mse"]), tg.capture(step_of(*twin, LOSSES["mse"]))
    for _ in range(4):
        np.testing.assert_array_equal(step(x, y).detach().numpy(), captured(x, y).detach().numpy())
    assert captured.refused is None
    for parameter, other in zip(eager[0].parameters(), twin[0].parameters(), strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), other.detach().numpy())


CLASSES = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "weighted": {"weight": tg.tensor([0.5, 2.0, 1.0])},
    "ignoring": {"ignore_index": 1},
    "smoothed": {"label_smoothing": 0.1, "ignore_index": 2, "weight": tg.tensor([0.5, 2.0, 1.0])},
}


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss"])
@pytest.mark.parametrize("options", CLASSES.values(), ids=CLASSES)
def test_losses_of_classes_are_replayed(options, name, outside):
    """Also where the classes are no argument of the step, but change, and where no class counts."""
    labels = tg.tensor([0, 0, 0, 0])
    results = []
    options = {key: value for key, value in options.items() if name == "cross_entropy" or key != "label_smoothing"}
    for wrap in (lambda step: step, tg.capture):
        net, optimizer = build([3, 3], "tanh", "sgd", True, "float32", 0)
        seen = []

        def step(x, y, net=net, optimizer=optimizer):
            optimizer.zero_grad()
            z = net(x) if name == "cross_entropy" else net(x).log_softmax(-1)
            loss = getattr(nn.functional, name)(z, labels if outside else y, **options)
            loss.sum().backward()
            optimizer.step()
            return loss

        run = wrap(step)
        generator = np.random.default_rng(0)
        for classes in ([0, 1, 2, 2], [2, 2, 1, 0], [1, 1, 1, 1], [0, 1, 0, 2], [2, 2, 2, 2], [1, 0, 2, 0]):
            labels.copy_(np.array(classes))
            x = tg.tensor(generator.normal(size=(4, 3)).astype(np.float32))
            loss = run(x, tg.tensor(classes))
            seen.append([loss.detach().numpy().copy(), *(p.grad.numpy().copy() for p in net.parameters())])
        results.append(seen)
    assert run.refused is None
    for expected, computed in zip(*results, strict=True):
        for one, other in zip(expected, computed, strict=True):
            np.testing.assert_array_equal(one, other)
    if not outside:
        with pytest.raises(ValueError, match="classes go from 0 to 2"):
            run(x, tg.tensor([0, 1, 3, 0]))


def small_step(extra=lambda x, y: None):
    net, optimizer = build([3, 2], "tanh", "sgd", True, "float64", 0)

    def step(x, y):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        extra(x, loss)
        loss.backward()
        optimizer.step()
        return loss

    return net, step


X, Y = np.arange(6.0).reshape(2, 3), np.ones((2, 2))


outside = tg.tensor(2.0)


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (lambda x, loss: loss.item(), "reading"),
        (lambda x, loss: float(loss), "reading"),
        (lambda x, loss: bool(loss > 0), "reading"),
        (lambda x, loss: x.numpy(), "reading"),
        (lambda x, loss: x * outside.item(), "reading"),
        (lambda x, loss: x * float(outside), "reading"),
        (lambda x, loss: x * outside.tolist(), "reading"),
        (lambda x, loss: x * outside.numpy()[()], "reading"),
        (lambda x, loss: x * outside.data[()], "reading"),
        (lambda x, loss: x * bool(outside), "reading"),
        (lambda x, loss: x if random.random() < 0 else x * 1, "random"),
        (lambda x, loss: x if np.random.rand() < 0 else x * 1, "random"),  # noqa: NPY002
        (lambda x, loss: repr(loss), "str|reading"),
        (lambda x, loss: tg.tensor([1.0, 2.0]), "making a Tensor"),
        (lambda x, loss: x * np.ones(3), "NumPy array"),
        (lambda x, loss: nn.init.normal_(tg.nn.Parameter(x.detach() * 1, requires_grad=False)), "random"),
    ],
)
def test_what_cannot_be_replayed_stays_eager_and_says_why(extra, reason):
    net, step = small_step(extra)
    twin, plain = small_step(extra)
    captured = tg.capture(step)
    for _ in range(4):
        np.testing.assert_array_equal(
            captured(X, Y).detach().numpy(), plain(tg.tensor(X), tg.tensor(Y)).detach().numpy()
        )
    for parameter, other in zip(net.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(parameter.detach().numpy(), other.detach().numpy())
    assert captured.refused is not None
    assert re.search(reason, captured.refused)


def counted(name):
    """One more than at the last call, counted where nothing that a step reads by name would tell."""
    os.environ[name] = str(int(os.environ.get(name, "0")) + 1)
    return int(os.environ[name])


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ))


class Elsewhere:
    """Numbers that no variable of a step tells."""

    def __init__(self, name):
        self.name = name
        self.rows = tg.tensor(np.arange(12.0).reshape(4, 3))
        self.weights = [tg.tensor([1.0, 2.0, 3.0], requires_grad=True) for _ in range(4)]

    def next(self):
        return counted(self.name)

    def random(self):
        return random.Random(self.next()).random()


@pytest.mark.parametrize(
    "compute",
    [
        lambda x, e: x * e.next(),
        lambda x, e: x + e.random(),
        lambda x, e: x[:, : e.next()].sum(),
        lambda x, e: x * e.rows[e.next() % 4],
        lambda x, e: (x * e.weights[e.next() % 4]).detach(),
        lambda x, e: x.tanh() if e.next() % 2 else x.exp(),
        lambda x, e: x.roll(e.next(), 1),
        lambda x, e: x.clamp(0.01 * e.next(), 1.0),
    ],
)
def test_numbers_from_elsewhere_that_change_keep_a_step_eager(compute):
    plain, kept = Elsewhere("plain"), Elsewhere("kept")
    captured = tg.capture(lambda x: compute(x, kept))
    for _ in range(4):
        expected, computed = compute(tg.tensor(X), plain), captured(X)
        np.testing.assert_array_equal(expected, computed)
    assert "differ from call to call" in captured.refused


class Twin:
    """What a step works on, of which there are two with the same numbers."""

    def __init__(self):
        self.net, self.optimizer = build([3, 4, 2], "tanh", "sgd", True, "float64", 0)
        self.positions = tg.tensor([0, 1])
        self.cotangent = tg.tensor(np.array([[1.0, 2.0], [-1.0, 0.5]]))
        self.scale, self.unit = tg.tensor(2.0), tg.tensor(np.array(1.0))
        self.rate = optim.lr_scheduler.StepLR(self.optimizer, 2)

    def loss(self, x, y):
        return nn.functional.mse_loss(self.net(x), y)


def accumulate(t, x, y):
    t.loss(x, y).backward()


def step_first(t, x, y):
    t.optimizer.step()
    t.optimizer.zero_grad()
    t.loss(x, y).backward()


def step_between(t, x, y):
    loss = t.loss(x, y)
    t.optimizer.step()
    t.optimizer.zero_grad()
    t.loss(x, y).backward()
    return loss.detach()


def two_phases(t, x, y):
    t.loss(x, y).backward()
    t.optimizer.step()
    t.optimizer.zero_grad()
    t.loss(x, y * 2).backward()


def from_a_cotangent(t, x, y):
    t.optimizer.zero_grad()
    t.net(x).backward(t.cotangent)
    t.optimizer.step()


def at_positions(t, x, y):
    t.optimizer.zero_grad()
    nn.functional.mse_loss(t.net(x)[t.positions], y).backward()
    t.optimizer.step()


def with_its_graph(t, x, y):
    return t.loss(x, y)


def differentiable(t, x, y):
    t.optimizer.zero_grad()
    t.loss(x, y).backward(create_graph=True)
    t.optimizer.step()
    t.optimizer.zero_grad()


def scheduled(t, x, y):
    t.optimizer.zero_grad()
    t.loss(x, y).backward()
    t.optimizer.step()
    t.rate.step()
    return t.rate.get_last_lr()[0]


def summed(t, x, y):
    return x.sum()


# Why a step is left eager.
REFUSED = {
    with_its_graph: "still has its graph",
    differentiable: "reading numbers",
    scheduled: "learning rate",
}


@pytest.mark.filterwarnings("ignore::tinygrad_mlp.optim.StepWarning")
@pytest.mark.parametrize(
    "step",
    [accumulate, step_first, step_between, two_phases, from_a_cotangent, at_positions, with_its_graph, differentiable,
     scheduled, summed],
    ids=lambda step: step.__name__,
)  # fmt: skip
def test_whatever_the_order_and_what_changes_outside_replays_are_eager_steps(step):
    """Gradients are not looked at between the calls: to look at one makes an array of its own of it."""
    eager, kept = Twin(), Twin()
    captured = tg.capture(lambda x, y: step(kept, x, y))
    generator = np.random.default_rng(0)
    for call in range(8):
        x, y = np.asfortranarray(generator.normal(size=(2, 300))), generator.normal(size=(2, 2))
        x = tg.tensor(x if step is summed else x[:, :3])
        expected, computed = step(eager, x, tg.tensor(y)), captured(x, tg.tensor(y))
        if isinstance(expected, tg.Tensor):
            assert expected.requires_grad == computed.requires_grad
            expected, computed = expected.detach().numpy(), computed.detach().numpy()
        np.testing.assert_array_equal(expected, computed)
        if call == 4:
            for twin in (eager, kept):
                twin.positions.copy_(np.array([1, 1]))
                twin.cotangent.mul_(3)
    for parameter, other in zip(eager.net.parameters(), kept.net.parameters(), strict=True):
        np.testing.assert_array_equal(parameter.detach(), other.detach())
        assert (parameter.grad is None) == (other.grad is None)
        if parameter.grad is not None:
            np.testing.assert_array_equal(parameter.grad.detach(), other.grad.detach())
    assert re.search(REFUSED.get(step, "^None$"), str(captured.refused))


FACTOR = 1.0


class Settings:
    """What a step may read from an object in other ways than as an attribute of it."""

    kind = 1.0

    def __init__(self):
        self.inner = self.value = 1.0
        self.entries = {"factor": 1.0, 2: [1.0, (1.0, [1.0])]}

    @property
    def twice(self):
        return 2 * self.inner

    @staticmethod
    def scaled(x):
        return x * FACTOR

    def __getitem__(self, name):
        return self.entries[name]

    def __getattr__(self, name):
        if name != "far":
            raise AttributeError(name)
        return self.inner

    def __len__(self):
        return int(self.inner)

    def __rmul__(self, other):
        return other * self.inner

    def __iter__(self):
        yield self.inner

    def method(self, x):
        return self.scaled(x) + self.inner

    def __call__(self, x):
        return self.method(x)


class Weights(list):
    factor = 1.0

    def __getitem__(self, position):
        return super().__getitem__(position % len(self))

    def total(self):
        return sum(self) * self.factor


class Scaled:
    def __init__(self, x):
        self.x = x * FACTOR


@dataclass
class Output:
    values: Any


class Holder(nn.Module):
    def __init__(self):
        self.first, self.second = nn.Linear(3, 2), nn.Linear(3, 2)


class Slotted:
    __slots__ = ("empty", "factor")

    def method(self):
        raise AssertionError

    def __init__(self):
        self.factor = 1.0


class Scaling(nn.Module):
    factor = 3.0

    def __init__(self):
        self.factor, self.settings = 1.0, Settings()

    def forward(self, x):
        return x * self.factor * self.settings.value


def variables_of_all_kinds():
    """Steps with a way to change what they read, each in another place."""
    global FACTOR
    FACTOR, closed, parts = 1.0, 1.0, [1.0, 1.0]
    Settings.kind = 1.0

    class Global(nn.Module):
        def forward(self, x):
            return x * FACTOR

    def scaler(number):
        return lambda x: x * parts[0] if number == 0 else x * closed

    def with_default(x, settings={"factor": 1.0}):  # noqa: B006  # which is what is tested
        return x * settings["factor"]

    def by_default(x, factor=1.0):
        return x * factor

    def by_name(x, *, factor=1.0):
        return x * factor

    def change():
        global FACTOR
        nonlocal closed
        FACTOR, closed = 3.0, 3.0

    first, second, module, net = scaler(0), scaler(1), Global(), nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    held = net[1]
    settings, namespace, scaling = Settings(), SimpleNamespace(factor=1.0), nn.Sequential(Scaling())
    signed, slotted, array = SimpleNamespace(zero=0.0), Slotted(), np.ones(3)
    arguments = argparse.Namespace(factor=1.0)
    python, weights, ends, few = ModuleType("settings"), Weights([1.0, 1.0]), deque([1.0]), {1.0}
    python.factor, outside = 1.0, tg.tensor(1.0, requires_grad=True)
    sys.modules["settings_of_a_test"] = python

    def imported(x):
        from settings_of_a_test import factor

        return x * factor

    def hide():
        global abs
        abs = lambda number: 3.0  # noqa: E731

    def replaced(x):
        return x * 1.0

    globals().pop("abs", None)
    output, holder = Output(1.0), Holder()

    def marked(x):
        return x * marked.factor

    marked.factor = 1.0

    def replace():
        net[1] = nn.Sigmoid()
        assert held is not net[1]

    return {
        "in a generator": (lambda x: sum(x * k * FACTOR for k in range(3)), change),
        "in an inner function": (lambda x: (lambda: x * closed)(), change),
        "in two closures of one code": (lambda x: first(x) + second(x), change),
        "in a module's forward": (lambda x: module(x), change),
        "the sign of zero": (lambda x: x * signed.zero, lambda: setattr(signed, "zero", -0.0)),
        "a replaced layer": (lambda x: net(x).detach(), replace),
        "a hook that comes later": (
            lambda x: net(x).detach(),
            lambda: net[0].register_forward_hook(lambda module, args, output: output * 2),
        ),
        "an attribute": (lambda x: x * settings.value, lambda: setattr(settings, "value", 3.0)),
        "an attribute of a namespace": (lambda x: x * namespace.factor, lambda: setattr(namespace, "factor", 3.0)),
        "an attribute of parsed arguments": (lambda x: x * arguments.factor, lambda: setattr(arguments, "factor", 3.0)),
        "an attribute of a Python module": (lambda x: x * python.factor, lambda: setattr(python, "factor", 3.0)),
        "an attribute of a class": (lambda x: x * settings.kind, lambda: setattr(Settings, "kind", 3.0)),
        "an attribute that hides that of the class": (
            lambda x: x * settings.kind,
            lambda: setattr(settings, "kind", 3.0),
        ),
        "a slot": (lambda x: x * slotted.factor, lambda: setattr(slotted, "factor", 3.0)),
        "a property": (lambda x: x * settings.twice, lambda: setattr(settings, "inner", 3.0)),
        "in a method": (lambda x: settings.method(x), lambda: setattr(settings, "inner", 3.0)),
        "in a static method": (lambda x: settings.scaled(x), change),
        "in a bound method": (settings.method, lambda: setattr(settings, "inner", 3.0)),
        "in an object that is called": (settings, lambda: setattr(settings, "inner", 3.0)),
        "in what a partial holds": (
            partial(lambda s, x: x * s.value, settings),
            lambda: setattr(settings, "value", 3.0),
        ),
        "in a default": (with_default, lambda: with_default.__defaults__[0].update(factor=3.0)),
        "defaults that are replaced": (by_default, lambda: setattr(by_default, "__defaults__", (3.0,))),
        "defaults by name that are replaced": (by_name, lambda: setattr(by_name, "__kwdefaults__", {"factor": 3.0})),
        "in a decorated function": (tg.no_grad(lambda x: x * closed), change),
        "an entry of a dict": (
            lambda x: x * settings.entries["factor"],
            lambda: settings.entries.update(factor=3.0),
        ),
        "a renamed entry": (
            lambda x: x * sum(k for k in settings.entries if k != "factor"),
            lambda: settings.entries.update({3: settings.entries.pop(2)}),
        ),
        "an entry of nested containers": (
            lambda x: x * settings.entries[2][1][1][0],
            lambda: settings.entries[2][1][1].append(settings.entries[2][1][1].pop() * 3),
        ),
        "a list that grows": (lambda x: x * sum(parts), lambda: parts.append(3.0)),
        "an attribute of a module": (lambda x: scaling(x), lambda: setattr(scaling[0], "factor", 3.0)),
        "an attribute of a module that is deleted": (lambda x: scaling(x), lambda: delattr(scaling[0], "factor")),
        "the type of a number": (lambda x: (x > 1) * settings.value, lambda: setattr(settings, "value", 1)),
        "an attribute of an object in a module": (
            lambda x: scaling(x),
            lambda: setattr(scaling[0].settings, "value", 3.0),
        ),
        "an entry of an array": (lambda x: x * array[1], lambda: array.__setitem__(1, 3.0)),
        "an attribute named by a computed text": (
            lambda x: sum(x * getattr(settings, name) for name in ("val" + "ue", "inner")),
            lambda: setattr(settings, "inner", 3.0),
        ),
        "all attributes": (lambda x: x * vars(settings)["value"], lambda: setattr(settings, "value", 3.0)),
        "all slots": (
            lambda x: x * sum(getattr(slotted, name, 0.0) for name in Slotted.__slots__),
            lambda: setattr(slotted, "empty", 3.0),
        ),
        "the fields of a dataclass": (
            lambda x: x * sum(asdict(output).values()),
            lambda: setattr(output, "values", 3.0),
        ),
        "a module's children": (
            lambda x: sum(child(x) for _, child in holder.named_children()).detach(),
            lambda: setattr(holder, "second", nn.Linear(3, 2)),
        ),
        "a name that is Python's own": (lambda x: x * abs(-1.0), hide),
        "the code of a function": (
            lambda x: replaced(x),
            lambda: setattr(replaced, "__code__", (lambda x: x * 3.0).__code__),
        ),
        "an attribute named by a string": (
            lambda x: x * getattr(settings, "value", 2.0),
            lambda: setattr(settings, "value", 3.0),
        ),
        "a user's own way to items": (lambda x: x * settings["factor"], lambda: settings.entries.update(factor=3.0)),
        "a user's own way to attributes": (lambda x: x * settings.far, lambda: setattr(settings, "inner", 3.0)),
        "a length": (lambda x: x * len(settings), lambda: setattr(settings, "inner", 3.0)),
        "an iteration": (lambda x: x * sum(settings), lambda: setattr(settings, "inner", 3.0)),
        "in an operator": (lambda x: x * (2.0 * settings), lambda: setattr(settings, "inner", 3.0)),
        "an entry of a list of a class of its own": (lambda x: x * weights[2], lambda: weights.append(3.0)),
        "an attribute of such a list": (lambda x: x * weights.total(), lambda: setattr(weights, "factor", 3.0)),
        "an entry of a deque": (lambda x: x * ends[0], lambda: ends.appendleft(3.0)),
        "an entry of a set": (lambda x: x * sum(few), lambda: few.add(3.0)),
        "a bound method of a dict": (
            partial(lambda get, x: x * get("factor"), settings.entries.get),
            lambda: settings.entries.update(factor=3.0),
        ),
        "an attribute of a function": (marked, lambda: setattr(marked, "factor", 3.0)),
        "what is imported in the step": (imported, lambda: setattr(python, "factor", 3.0)),
        "in the making of an object": (lambda x: Scaled(x).x, change),
        "whether a Tensor requires a gradient": (
            lambda x: x * (1.0 if outside.requires_grad else 3.0),
            lambda: outside.requires_grad_(False),
        ),
        "an option of an optimizer": (
            lambda x: x * optimizer.param_groups[0]["lr"],
            lambda: optimizer.param_groups[0].update(lr=3.0),
        ),
    }


optimizer = optim.SGD([tg.tensor(1.0, requires_grad=True)], lr=1.0)


@pytest.mark.parametrize("name", variables_of_all_kinds())
def test_variables_are_found_wherever_they_are_read(name):
    step, change = variables_of_all_kinds()[name]
    captured = tg.capture(step)
    results = []
    for call in range(6):
        if call == 3:
            change()
        results.append(captured(np.float32(X)).numpy())
        np.testing.assert_array_equal(results[-1], step(tg.tensor(np.float32(X))))
    assert results[2].tobytes() != results[3].tobytes()
    assert captured.refused == ("calling hooks" if "hook" in name else None)


def test_what_cannot_be_looked_at_keeps_a_step_eager():
    numbers, many, large = iter([1.0, 1.0, 2.0, 3.0]), [1.0] * 100_000, np.ones(100_000)
    steps = [
        (lambda x: x * next(numbers), "a list_iterator", [1, 1, 2, 3]),
        (lambda x: x * UserDict({"factor": 2.0})["factor"], None, [2, 2, 2, 2]),
        (partial(lambda settings, x: x * settings["factor"], UserDict(factor=2.0)), "a UserDict", [2, 2, 2, 2]),
        (lambda x: x * many[3], "more than 2,000 values", [1, 1, 1, 1]),
        (lambda x: x * large[3], "a ndarray", [1, 1, 1, 1]),
    ]
    for step, reason, expected in steps:
        captured = tg.capture(step)
        assert [captured(tg.tensor([1.0])).item() for _ in range(4)] == expected
        assert re.search(reason or "^None$", str(captured.refused))


class Counting(nn.Module):
    def __init__(self):
        self.factor, self.calls, self.rows = None, 0, 0

    def forward(self, x):
        self.rows = x.shape[0]
        if self.factor is None:
            self.factor = 2.0
        return x * self.factor

    def loss(self, x):
        return self(x).sum()


loss = 0


def test_what_a_step_does_not_read_may_change():
    """Also a global variable that has the name of an attribute, and a module that the step makes."""
    global loss
    net = Counting()
    captured = tg.capture(lambda x: nn.MSELoss()(nn.ReLU()(net(x)), x) + net.loss(x))
    for call in range(8):
        net.calls += 1
        loss = nn.L1Loss()(captured(tg.tensor([[float(call)]])), tg.tensor(0.0))
        assert loss == 2.0 * call + call**2
    assert captured.refused is None


@pytest.mark.parametrize(
    ("wrap", "unwrap"),
    [
        (Output, lambda result: result.values),
        (lambda x: {x}, lambda result: next(iter(result))),
        (lambda x: (x, 1.5), lambda result: result[0]),
        (lambda x: lambda: x, lambda result: result()),
        (lambda x: defaultdict(list, x=[x]), lambda result: result["x"][0]),
    ],
)
def test_results_that_cannot_be_made_anew_keep_a_step_eager(wrap, unwrap):
    captured = tg.capture(lambda x: wrap(x * 2))
    for value in (1.0, 2.0, 3.0, 4.0):
        assert unwrap(captured(tg.tensor([value]))).item() == 2 * value
    assert "among its results" in captured.refused


def test_what_goes_with_a_step_does_not_keep_it_eager():
    """A counter that is named like a method, a logger, a path, a pattern, types."""
    log, place, pattern, kind = logging.getLogger("test"), Path("here"), re.compile("a"), list[int] | None

    class Trainer:
        def __init__(self):
            self.net, self.step, self.mean = nn.Linear(3, 2), 0, 0.0
            self.optimizer = optim.SGD(self.net.parameters(), lr=0.1)

        def update(self, x):
            log.debug("at %s %s %s", place, pattern, kind)
            self.optimizer.zero_grad()
            loss = self.net(x).square().mean()
            loss.backward()
            self.optimizer.step()
            counted("runs")
            return loss

    trainer = Trainer()
    captured = tg.capture(trainer.update)
    for _ in range(8):
        trainer.mean = captured(np.float32(X)).item()
        trainer.step += 1
    assert captured.refused is None
    assert counted("runs") == 2 + 1


def test_a_copy_records_anew():
    captured = tg.capture(lambda x: (x * 2).reshape(3, 2) + 1)
    for _ in range(3):
        captured(X)
    copied = copy.deepcopy(captured)
    np.testing.assert_array_equal(copied(X * 5), (X * 10).reshape(3, 2) + 1)


def test_a_captured_method_says_how_to_write_it():
    class Trainer:
        @tg.capture
        def step(self, x):
            return x

    assert isinstance(Trainer.step, type(tg.capture(len)))
    with pytest.raises(TypeError, match="in __init__"):
        Trainer().step(X)


def test_only_so_many_shapes_are_kept():
    captured = tg.capture(lambda x: x * 2)
    for rows in [*range(1, 41), 40, 40, 1]:
        assert captured(np.ones((rows, 1))).sum().item() == 2 * rows
    assert len(captured._recordings) == 32


def test_arguments_of_other_kinds_keep_a_call_eager():
    captured = tg.capture(lambda x, factor=1.0: x * factor)
    x = tg.tensor(np.array([1.0]))
    assert [captured(x, factor).item() for factor in (0.1, 0.1, 0.1, 0.2)] == [0.1, 0.1, 0.1, 0.2]
    assert "neither Tensor nor array" in captured.refused
    assert captured(x, factor=0.3).item() == 0.3
    assert [captured(x).item(), captured(x).item(), captured(2 * x).item()] == [1.0, 1.0, 2.0]
    assert captured.refused is None


def test_a_list_that_the_step_appends_to_keeps_it_eager():
    seen = []

    def step(x):
        seen.append(x.sum())
        return x * 2

    captured = tg.capture(step)
    for _ in range(8):
        captured(tg.tensor([1.0]))
    assert len(seen) == 8
    assert "the step itself changes" in captured.refused


def test_a_variable_that_the_step_changes_keeps_it_eager():
    count = 0

    def step(x):
        nonlocal count
        count += 1
        return x * 2 if count < 4 else x * 3

    captured = tg.capture(step)
    assert [captured(tg.tensor([1.0])).item() for _ in range(5)] == [2, 2, 2, 3, 3]
    assert "the step itself changes" in captured.refused


def converting(wrap):
    weight = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def step(x):
        weight.grad = None
        signs = tg.where(x.detach() > 0, 1.0, -1)
        (x.double() * weight * signs).float().sum().backward()

    return wrap(step), [lambda: weight.grad]


def test_conversions_are_replayed():
    eager, captured = eager_and_captured(converting, [[1.0, -2.0, 3.0], [-1.0, 0.5, 2.0], [0.3, 0.2, -0.1]])
    for expected, computed in zip(eager, captured, strict=True):
        np.testing.assert_array_equal(expected[1], computed[1])
    step, _ = converting(tg.capture)
    for _ in range(3):
        step(tg.tensor([1.0, -2.0, 3.0]))
    assert step.refused is None


def test_integers_and_arrays_of_an_index_are_what_they_are_in_an_eager_step():
    x = np.arange(24.0).reshape(2, 3, 4)

    def step(x, number, positions):
        y = x * 1
        y[number, :, positions] = -1.0
        return x[number, :, positions] * 1, y

    captured = tg.capture(step)
    for number in (0, 1, 1):
        arguments = [tg.tensor(x), tg.tensor(number), tg.tensor([3, number])]
        for one, other in zip(captured(*arguments), step(*arguments), strict=True):
            np.testing.assert_array_equal(one, other)


def test_an_array_as_an_index_keeps_a_step_eager():
    positions = np.array([0, 1])
    captured = tg.capture(lambda x: x[positions, [0, 2]])
    for place in (0, 1, 1):
        positions[:] = place
        np.testing.assert_array_equal(captured(X), X[place, [0, 2]])
    assert "an index" in captured.refused


def test_numbers_from_elsewhere_that_stay_are_replayed():
    elsewhere = Elsewhere("stays")

    def step(x):
        counted("runs")
        y = x[:, 1:] * elsewhere.rows[1, :2] + elsewhere.random() * 0.0
        y = nn.functional.linear(y, elsewhere.rows[:, 1:]).softmax(-1)
        return {"y": y, "last": False, "parts": (y.sum(), [y.mean(0)])}

    captured = tg.capture(step)
    results = [captured(X) for _ in range(4)]
    assert captured.refused is None
    assert counted("runs") == 2 + 1
    for result in results:
        np.testing.assert_array_equal(result["y"], results[0]["y"])


def test_variables_that_change_are_recorded_anew():
    weight = tg.tensor([1.0, 2.0], requires_grad=True)
    scale = 2.0

    def step(x):
        weight.grad = None
        (x * weight * scale).sum().backward()
        return weight * scale

    captured = tg.capture(step)
    for scale in (2.0, 2.0, 3.0, 3.0):
        np.testing.assert_array_equal(captured(tg.tensor([1.0, 1.0])).detach().numpy(), np.float32([1, 2]) * scale)


def test_a_parameter_given_another_array_is_recorded_anew():
    net, step = small_step()
    captured = tg.capture(step)
    captured(X, Y)
    for parameter in net.parameters():
        parameter.data = np.zeros(parameter.shape)
    assert captured(X, Y).item() == pytest.approx(1.0)


def test_results_and_gradients_of_replays_are_the_users_own():
    net, step = small_step()
    captured = tg.capture(step)
    captured(X, Y)
    first = captured(X, Y)
    kept, gradient = first.item(), next(net.parameters()).grad.numpy().copy()
    held = next(net.parameters()).grad
    captured(X * 2, Y)
    assert first.item() == kept
    np.testing.assert_array_equal(held.numpy(), gradient)


def test_an_argument_is_not_written_to_and_may_change_afterwards():
    _, step = small_step()
    captured = tg.capture(step)
    x = X.copy()
    captured(x, Y)
    np.testing.assert_array_equal(x, X)
    x *= 2
    captured(x, Y)
    np.testing.assert_array_equal(x, 2 * X)


def test_an_exception_leaves_recording_off():
    def step(x):
        raise KeyError("the user's own")

    captured = tg.capture(step)
    with pytest.raises(KeyError):
        captured(X)
    assert tg.tensor([1.0]).numpy() is not None


def test_switching_to_eval_mode_is_recorded_anew():
    class Net(nn.Module):
        def __init__(self):
            self.linear = nn.Linear(3, 1, bias=False)

        def forward(self, x):
            return self.linear(x) * (2 if self.training else 1)

    net = Net()
    captured = tg.capture(lambda x: net(x))
    training = captured(np.float32(X)).detach().numpy()
    net.eval()
    np.testing.assert_allclose(captured(np.float32(X)).detach().numpy() * 2, training)


def eager_and_captured(make, calls):
    """The results of the calls of a step and of its captured twin, each made by `make` with a network of its own."""
    results = []
    for wrap in (lambda step: step, tg.capture):
        step, watched = make(wrap)
        seen = []
        for argument in calls:
            value = step(tg.tensor(argument))
            seen.append([np.array(value._data) if value is not None else 0, *(np.array(w()) for w in watched)])
        results.append(seen)
    return results


def accumulating(wrap):
    weight = tg.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    step = wrap(lambda x: nn.functional.linear(x, weight).sum().backward())
    return step, [lambda: weight.grad]


def averaging(wrap):
    weight, mean = tg.tensor([1.0, 2.0, 3.0], requires_grad=True), tg.tensor([0.0, 0.0, 0.0])
    optimizer = optim.SGD([weight], lr=0.1)

    def step(x):
        optimizer.zero_grad()
        (x * weight * weight).sum().backward()
        optimizer.step()
        with tg.no_grad():
            mean.mul_(0.9).add_(weight, alpha=0.1)

    return wrap(step), [lambda: mean._data, lambda: weight._data]


def detaching(wrap):
    weight = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    return wrap(lambda x: (x * weight).sum().detach()), []


def differentiating(wrap):
    weight = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    return wrap(lambda x: tg.autograd.grad((x * weight * weight).sum(), weight)[0]), []


def aliasing(wrap):
    a, weight = tg.tensor([[1.0, 2.0, 3.0]], requires_grad=True), tg.tensor([[0.5, 0.5, 0.5]], requires_grad=True)
    b = a.detach()
    optimizer = optim.SGD([a, weight], lr=0.1)

    def step(x):
        optimizer.zero_grad()
        (nn.functional.linear(b, weight) * x.sum() + (a * a).sum()).sum().backward()
        optimizer.step()

    return wrap(step), [lambda: a._data, lambda: weight._data]


def moving(wrap):
    weight = tg.tensor([[1.0, 2.0, 3.0]], requires_grad=True)

    def step(x):
        y = (x.reshape(3, 1) @ weight).T.flatten()
        return np.where(y > 0, y, y * 0.1).sum() + tg.stack([x, x * 2]).amax() + x.clamp(-1, 1).sum()

    return wrap(step), []


@pytest.mark.parametrize(
    "make", [accumulating, averaging, detaching, differentiating, aliasing, moving], ids=lambda make: make.__name__
)
def test_awkward_steps_are_replayed_right(make):
    eager, captured = eager_and_captured(make, [[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0], [1.0, 1.0, 1.0], [0.3, 0.2, 0.1]])
    for expected, computed in zip(eager, captured, strict=True):
        for one, other in zip(expected, computed, strict=True):
            np.testing.assert_array_equal(one, other)


def test_what_a_replay_returned_does_not_change_with_the_next():
    for make in (detaching, differentiating):
        step, _ = make(tg.capture)
        results = [step(tg.tensor([float(i), 1.0, 2.0])) for i in range(4)]
        kept = [np.array(result._data) for result in results]
        step(tg.tensor([9.0, 9.0, 9.0]))
        for result, before in zip(results, kept, strict=True):
            np.testing.assert_array_equal(result._data, before)


def test_freezing_and_unfreezing_are_noticed():
    net, step = small_step()
    captured = tg.capture(step)
    weight = net[0].weight
    for frozen in (False, False, True, True, False, False):
        weight.requires_grad_(not frozen)
        before = weight.detach().numpy().copy()
        captured(X, Y)
        assert (before == weight.detach().numpy()).all() == frozen


def test_a_step_that_raises_while_recorded_again_is_not_replayed_from_before():
    scale, broken = 2.0, False

    def step(x):
        if broken:
            raise KeyError("the user's own")
        return x * scale

    captured = tg.capture(step)
    one = tg.tensor([1.0])
    assert captured(one).item() == captured(one).item() == 2
    scale, broken = 3.0, True
    with pytest.raises(KeyError):
        captured(one)
    broken = False
    assert captured(one).item() == captured(one).item() == 3


def test_modes_that_come_and_go_do_not_end_replaying():
    net = nn.Linear(3, 1)

    def step(x):
        counted("runs")
        return net(x).detach()

    captured = tg.capture(step)
    for _ in range(10):
        net.train()
        for _ in range(5):
            captured(np.float32(X))
        net.eval()
    assert counted("runs") == 2 + 1
    assert captured.refused is None


def test_writing_to_an_argument_is_refused_before_it_happens():
    captured = tg.capture(lambda x: x.add_(5))
    x = tg.tensor([1.0])
    with pytest.raises(RuntimeError, match="arguments"):
        captured(x)
    assert x.item() == 1


def test_a_hook_that_comes_later_is_called():
    net, step = small_step()
    captured = tg.capture(step)
    captured(X, Y)
    seen = []
    next(net.parameters()).register_hook(lambda g: seen.append(g))
    captured(X, Y)
    captured(X, Y)
    assert len(seen) == 2


def test_a_step_has_to_be_called():
    with pytest.raises(TypeError, match="step to call"):
        tg.capture(3)


@pytest.mark.parametrize(
    "drop",
    [
        lambda net, optimizer: optimizer.zero_grad(),
        lambda net, optimizer: net.zero_grad(),
        lambda net, optimizer: [setattr(parameter, "grad", None) for parameter in net.parameters()],
        lambda net, optimizer: optimizer.zero_grad(set_to_none=False),
        lambda net, optimizer: None,
    ],
)
def test_every_way_to_drop_gradients_is_replayed(drop):
    results = []
    for wrap in (lambda step: step, tg.capture):
        net, optimizer = build([3, 2], "tanh", "sgd", True, "float64", 0)

        def step(x, y, net=net, optimizer=optimizer):
            drop(net, optimizer)
            nn.functional.mse_loss(net(x), y).backward()
            optimizer.step()

        step = wrap(step)
        for _ in range(4):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optim.StepWarning)
                step(tg.tensor(X), tg.tensor(Y))
        results.append([parameter.detach().numpy() for parameter in net.parameters()])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-14)


class Answer(NamedTuple):
    loss: tg.Tensor
    parts: dict[str, Any]


def test_what_a_step_returns_may_be_nested():
    captured = tg.capture(lambda x: Answer((x * x).sum(), {"squares": [x * x, True, None]}))
    for value in (2.0, 3.0, 4.0):
        answer = captured(tg.tensor([value]))
        assert type(answer) is Answer
        assert answer.loss.item() == answer.parts["squares"][0].item() == value**2
        assert answer.parts["squares"][1:] == [True, None]
    assert captured.refused is None


def test_calls_of_other_numbers_of_arguments_are_recorded_apart():
    captured = tg.capture(lambda *arguments: sum(arguments, start=0))
    one = tg.tensor([1.0])
    for number in (1, 2, 3, 1, 2, 3):
        assert captured(*[one] * number).item() == number
    assert captured.refused is None


def test_a_step_whose_variables_always_change_is_left_eager():
    scale = 0

    def step(x):
        return x * scale

    captured = tg.capture(step)
    for scale in range(20):
        assert captured(tg.tensor([2.0])).item() == 2 * scale
    assert "change from call to call" in captured.refused


def test_a_variable_may_not_be_assigned_yet():
    def step(x):
        return x * 2 if x.ndim else later

    captured = tg.capture(step)
    assert captured(tg.tensor([1.0])).item() == captured(tg.tensor([1.0])).item() == 2
    later = 0
    assert captured(tg.tensor([1.0])).item() == 2
    assert later == 0


def test_a_closure_given_to_an_optimizer_is_not_replayed():
    net, optimizer = build([3, 2], "tanh", "sgd", True, "float64", 0)

    def step(x, y):
        def closure():
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            return loss

        return optimizer.step(closure)

    captured = tg.capture(step)
    assert captured(tg.tensor(X), tg.tensor(Y)).item() > captured(tg.tensor(X), tg.tensor(Y)).item()
    assert "closure" in captured.refused


def first_row_cleared(x):
    cleared = x * 1
    cleared[[0]] = 0
    return cleared


@pytest.mark.parametrize(
    ("function", "replayable"),
    [
        (lambda x: x * len(x), True),
        (lambda x: x.mT * x[0, 0], True),
        (lambda x: x * np.asarray(x).max(), False),
        (lambda x: np.add.accumulate(x), False),
        (lambda x: np.multiply(x, 2, where=True), False),
        (first_row_cleared, False),
    ],
)
def test_functions_of_the_users_are_replayed_or_refused(function, replayable):
    recorded = tg.differentiable(lambda g, y, x: g)(function)
    captured = tg.capture(recorded)
    for factor in (1.0, 2.0, 3.0):
        value = np.arange(4.0).reshape(2, 2) * factor
        np.testing.assert_array_equal(captured(tg.tensor(value)).detach(), function(value))
    assert (captured.refused is None) is replayable
