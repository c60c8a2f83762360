"""A captured step computes, bit for bit, what the step itself computes, or stays eager and says why."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import pickle
import random
import re
import threading
import warnings
from collections import OrderedDict, defaultdict, deque
from functools import partial, wraps
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.core.tape import observer

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
    assert captured.captured is True


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
    assert captured.captured is True
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

        def loss_of(x, y, net=net):
            z = net(x) if name == "cross_entropy" else net(x).log_softmax(-1)
            return getattr(nn.functional, name)(z, labels if outside else y, **options)

        def step(x, y, loss_of=loss_of, optimizer=optimizer):
            optimizer.zero_grad()
            loss = loss_of(x, y)
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
    assert run.captured is True
    for expected, computed in zip(*results, strict=True):
        for one, other in zip(expected, computed, strict=True):
            np.testing.assert_array_equal(one, other)
    if not outside:
        with pytest.raises(ValueError, match="classes go from 0 to 2"):
            run(x, tg.tensor([0, 1, 3, 0]))


# --- what ordinary steps do -------------------------------------------------------------------------------------------


class World:
    """A small network and all that trains it, of which there are two with the same numbers."""

    def __init__(self, *layers):
        self.generator = tg.Generator().manual_seed(7)
        first = nn.Linear(3, 4, dtype="float64", generator=self.generator)
        self.net = nn.Sequential(first, *layers, nn.Tanh(), nn.Linear(4, 2, dtype="float64", generator=self.generator))
        self.optimizer = optim.SGD(self.net.parameters(), lr=0.1, momentum=0.5)
        self.schedule = optim.lr_scheduler.StepLR(self.optimizer, 2)
        self.average = [p.detach().clone() for p in self.net.parameters()]
        self.weights = tg.tensor(np.array([0.5, 2.0]))

    def state(self):
        tensors = [*self.net.parameters(), *self.net.buffers(), *self.average]
        arrays = [t.detach().numpy().copy() for t in tensors]
        arrays += [np.array(p.grad) for p in self.net.parameters() if p.grad is not None]
        return [*arrays, *self.optimizer.state_dict()["state"].values(), self.optimizer.param_groups[0]["lr"]]


def training(loss_of, before_step=lambda w: None, after=lambda w: None):
    """A way to make a step of a `World`; its helper functions read the world, and are not looked into."""

    def make(w):
        def loss_in(x, y):
            return loss_of(w, x, y)

        def prepare():
            before_step(w)

        def finish():
            after(w)

        optimizer = w.optimizer

        def step(x, y):
            optimizer.zero_grad()
            loss = loss_in(x, y)
            loss.backward()
            prepare()
            optimizer.step()
            finish()
            return loss

        return step

    return make


def mean_square(w, x, y):
    return nn.functional.mse_loss(w.net(x), y)


@tg.no_grad()
def averaging(w):
    for average, parameter in zip(w.average, w.net.parameters(), strict=True):
        average.mul_(0.9).add_(parameter, alpha=0.1)


@tg.no_grad()
def by_hand(w):
    for parameter in w.net.parameters():
        parameter -= 0.01 * parameter.grad


def classes_of(y):
    return y.argmax(1)


def accumulating(w):
    net, optimizer = w.net, w.optimizer

    def step(x, y, last):
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        if last:
            optimizer.step()
            optimizer.zero_grad()
        return loss

    return step


def with_accuracy(w):
    net, optimizer = w.net, w.optimizer

    def step(x, y):
        optimizer.zero_grad()
        logits = net(x)
        loss = nn.functional.cross_entropy(logits, y.argmax(1))
        loss.backward()
        optimizer.step()
        return {"loss": loss, "accuracy": (logits.argmax(1) == y.argmax(1)).to(np.float64).mean()}

    return step


def adversarial(w):
    net, optimizer = w.net, w.optimizer

    def step(x, y):
        near = x.clone().requires_grad_()
        nn.functional.mse_loss(net(near), y).backward()
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x + 0.1 * near.grad.sign()), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def penalized(w, x, y):
    (gradient,) = tg.autograd.grad(w.net(x).sum(), w.net[0].weight, create_graph=True)
    return mean_square(w, x, y) + gradient.square().sum()


def summed_in_place(w, x, y):
    total = tg.zeros(2, dtype=np.float64)
    with tg.no_grad():
        total += y.sum(0)
    return mean_square(w, x, y) * total.sum()


ORDINARY = {
    "dropout": training(
        lambda w, x, y: nn.functional.mse_loss(nn.functional.dropout(w.net(x), 0.3, generator=w.generator), y)
    ),
    "a Dropout layer": training(mean_square),
    "noise on the inputs": training(
        lambda w, x, y: mean_square(w, x + tg.randn(*x.shape, generator=w.generator, dtype=np.float64), y)
    ),
    "noise from the default generator": training(lambda w, x, y: mean_square(w, x + tg.rand(3, dtype=np.float64), y)),
    "noise in place": training(lambda w, x, y: mean_square(w, nn.init.normal_(x * 0, generator=w.generator) + x, y)),
    "drawn integers": training(lambda w, x, y: mean_square(w, x[tg.randperm(len(x), generator=w.generator)], y)),
    "clipping by norm": training(mean_square, lambda w: nn.utils.clip_grad_norm_(w.net.parameters(), 0.1)),
    "clipping by a 1-norm": training(mean_square, lambda w: nn.utils.clip_grad_norm_(w.net.parameters(), 0.1, 1.0)),
    "clipping by value": training(mean_square, lambda w: nn.utils.clip_grad_value_(w.net.parameters(), 0.01)),
    "class weights": training(lambda w, x, y: nn.functional.cross_entropy(w.net(x), classes_of(y), weight=w.weights)),
    "sample weights": training(lambda w, x, y: nn.functional.mse_loss(w.net(x), y, weight=y * w.weights)),
    "an L1 penalty": training(
        lambda w, x, y: mean_square(w, x, y) + 0.01 * sum(p.abs().sum() for p in w.net.parameters())
    ),
    "an average of weights": training(mean_square, after=averaging),
    "a schedule": training(mean_square, after=lambda w: w.schedule.step()),
    "descent by hand": training(mean_square, after=by_hand),
    "accumulation": accumulating,
    "accuracy": with_accuracy,
    "gradients of inputs": adversarial,
    "a gradient penalty": training(penalized),
    "a constant written to": training(summed_in_place),
}  # fmt: skip


def same(one, other):
    """Whether two results or states are equal to the bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tg.Tensor):
        one, other = one.detach().numpy(), other.detach().numpy()
    return np.array_equal(one, other, equal_nan=True) and np.asarray(one).dtype == np.asarray(other).dtype


def assert_same_states(one, other):
    assert len(one) == len(other)
    assert all(map(same, one, other))


@pytest.mark.parametrize("name", ORDINARY)
def test_what_ordinary_steps_do_is_captured(name):
    results, worlds = [], []
    for wrap in (lambda step: step, tg.capture):
        world = World(*[nn.Dropout(0.4, generator=tg.Generator().manual_seed(3))] * (name == "a Dropout layer"))
        tg.manual_seed(5)
        step, drawn = wrap(ORDINARY[name](world)), np.random.default_rng(0)
        seen = []
        for call in range(8):
            x, y = tg.tensor(drawn.normal(size=(5, 3))), tg.tensor(drawn.uniform(size=(5, 2)))
            seen.append(step(x, y, call % 3 == 2) if name == "accumulation" else step(x, y))
        results.append(seen)
        worlds.append(world.state())
    assert step.captured is True
    assert all(map(same, *results))
    assert_same_states(*worlds)


def test_layers_that_keep_statistics_and_change_their_mode_are_captured_in_both():
    """Train, evaluate, train: each mode is recorded once, and the buffers that forward writes do not count."""
    runs = []

    def ran():
        runs.append(1)

    results = []
    for wrap in (lambda step: step, tg.capture):
        world = World(nn.BatchNorm1d(4, dtype="float64"), nn.Dropout(0.2, generator=tg.Generator().manual_seed(1)))
        net, optimizer = world.net, world.optimizer

        def train(x, y, net=net, optimizer=optimizer):
            ran()
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(net(x), y)
            loss.backward()
            optimizer.step()
            return loss

        def evaluate(x, net=net):
            ran()
            with tg.no_grad():
                return net(x)

        runs.clear()
        steps, drawn, seen = (wrap(train), wrap(evaluate)), np.random.default_rng(0), []
        for _ in range(4):
            net.train()
            net.training = True  # which it is
            for _ in range(3):
                x, y = tg.tensor(drawn.normal(size=(6, 3))), tg.tensor(drawn.normal(size=(6, 2)))
                seen.append(steps[0](x, y))
            net.eval()
            seen.append(steps[1](x))
            seen.append(steps[0](x, y))
        results.append([*seen, *net.state_dict().values()])
    assert all(map(same, *results))
    assert len(runs) == 3  # train in two modes, evaluate in one
    assert [step.captured for step in steps] == [True, True]


# --- what a step reads ------------------------------------------------------------------------------------------------

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
    return lambda x: x * value


def by_default(x, rows=ROWS):
    return x * rows


def inside(x):
    return sum(x * k * SCALE for k in (1.0, 2.0))


def decorated(function):
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


def counting(x):
    global SCALE
    SCALE += 0.0
    return x * 2.0


READS = {
    "a global number": (lambda x: x * SCALE, "`SCALE` is read from outside: pass it as an argument"),
    "a number in an inner function": (inside, "`SCALE` is read"),
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
    "a bare except clause": (catching_all, "an except clause"),
    "too long a list": (lambda x: x * len(LONG), "`LONG` holds more than 1,000 objects"),
    "an except clause": (catching, "an except clause"),
}


@pytest.mark.parametrize("name", READS)
def test_what_a_step_must_not_read_from_outside_is_refused_by_name(name):
    step, reason = READS[name]
    captured = tg.capture(step)
    x = tg.tensor([1.0, 2.0, 3.0])
    with pytest.warns(UserWarning, match=re.escape(reason)):
        first = captured(x)
    assert first.shape == step(x).shape
    assert reason in captured.captured
    captured(x)  # it warns once


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


def worlds_to_read():
    """Steps with a way to change what they read: each change is noticed."""
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
        "the numbers of a weight": (forward, lambda: net.inner.weight.data.fill(1.0)),
        "a weight": (forward, lambda: setattr(net.inner, "weight", nn.Parameter(tg.ones(3, 3)))),
        "a dtype": (forward, net.double),
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


@pytest.mark.parametrize("name", worlds_to_read())
def test_what_a_step_may_read_is_looked_at(name):
    step, change = worlds_to_read()[name]
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


def test_what_is_fixed_when_a_step_is_recorded_is_read_again_after_reset():
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


# --- arguments --------------------------------------------------------------------------------------------------------


def test_numbers_texts_and_names_of_arguments_are_part_of_the_key():
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


def test_arguments_of_other_types_are_refused():
    step = tg.capture(lambda pair: pair[0] * pair[1])
    with pytest.warns(UserWarning, match="an argument that is a tuple"):
        assert step((tg.tensor(2.0), 3.0)).item() == 6.0


def test_an_argument_that_requires_a_gradient_gets_one():
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
def test_arguments_of_all_layouts_are_computed_on_as_they_lie_in_memory(name):
    results = []
    for wrap in (lambda step: step, tg.capture):
        net, optimizer = build([50, 70], "tanh", "sgd", True, "float32", 0)

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
    assert all(map(same, *results))


def test_the_same_tensor_twice_is_told_from_two():
    step = tg.capture(lambda x, y: x * y * (2.0 if x is y else 1.0))
    a, b = tg.tensor([2.0]), tg.tensor([3.0])
    assert [step(a, a).item(), step(a, b).item(), step(b, b).item(), step(b, a).item()] * 2 == [8.0, 6.0, 18.0, 6.0] * 2
    assert step.captured is True


@pytest.mark.parametrize("names", ["arguments", "weight"])
def test_memory_that_is_shared_with_an_argument_is_refused(names):
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([w], lr=0.5)

    def update(v, u):
        optimizer.zero_grad()
        w.sum().backward()
        optimizer.step()
        return (v * 2).sum() + u.sum()

    step = tg.capture(update)
    x = tg.tensor([1.0, 1.0, 1.0])
    given = (x[:2], x[1:]) if names == "arguments" else (w.detach(), x[:2].clone())
    with pytest.warns(UserWarning, match="shares? memory"):
        assert step(*given).item() == (6.0 if names == "arguments" else 2 * (0.5 + 1.5) + 2.0)


def test_a_weight_under_another_name_is_seen_in_a_replay():
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


def test_only_so_many_kinds_of_arguments_are_kept():
    step = tg.capture(lambda x: x * 2)
    for rows in [*range(1, 32), *[31] * 200, *range(32, 45), 44, 44, 1]:
        assert step(np.ones((rows, 1))).sum().item() == 2 * rows
    assert len(step._recordings) == 32


def test_numbers_that_are_others_at_each_call_end_the_recording():
    step = tg.capture(lambda x, factor: x * factor)
    for call in range(32):
        assert step(tg.tensor([2.0]), float(call)).item() == 2 * call
    with pytest.warns(UserWarning, match="arguments are others at each call"):
        assert step(tg.tensor([2.0]), 32.0).item() == 64
    assert "arguments are others at each call" in step.captured


# --- what cannot be recorded ------------------------------------------------------------------------------------------

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
    with warnings.catch_warnings():
        try:
            x @ x
        except ValueError:
            return x
    return x * 2


def given_another_array(x):
    y = x * 2
    y.data = np.ones_like(y.detach()._data)
    return y + x


def drawn_elsewhere():
    return random.random(), np.random.rand()  # noqa: NPY002


def making_a_tensor(x):
    return x + tg.Tensor(x)


def freezing(x):
    LEAF.requires_grad_(not LEAF.requires_grad)
    LEAF.requires_grad_()
    return (x * LEAF).detach()


UNRECORDED = {
    "item": (lambda x: x * x.sum().item(), "reading numbers"),
    "float": (lambda x: x * float(OUTSIDE), "reading numbers"),
    "bool": (lambda x: x if x.sum() > 0 else -x, "reading numbers"),
    "numpy": (lambda x: x * x.numpy().max(), "reading numbers"),
    "tolist": (lambda x: x * OUTSIDE.tolist(), "reading numbers"),
    "data": (lambda x: x * OUTSIDE.data[()], "reading numbers"),
    "repr": (lambda x: x * len(repr(x)), "reading numbers"),
    "an array": (lambda x: x * np.ones(3), "a NumPy array that is not an argument"),
    "an array as an index": (lambda x: x[:, np.arange(2)], "a NumPy array as an index"),
    "a Tensor of a Tensor": (making_a_tensor, "making a Tensor of an array"),
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
    "another array": (given_another_array, "a Tensor of the step that was given an array from outside"),
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


@pytest.mark.parametrize("name", UNRECORDED)
def test_what_cannot_be_replayed_is_refused_by_name_and_computed_eagerly(name):
    step, reason = UNRECORDED[name]
    captured = tg.capture(step)
    random.seed(1)
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("always")
        for call in range(3):
            one, other = (tg.tensor(np.arange(6.0).reshape(2, 3) + call) for _ in range(2))
            results = []
            for run, x in ((captured, one), (step, other)):
                random.seed(call)
                with tg.enable_grad():
                    result = run(x)
                tg.set_grad_enabled(True)
                results.append([result._data if isinstance(result, tg.Tensor) else 0, x._data])
            assert_same_states(*results)
    LEAF.requires_grad_()
    assert reason in str(captured.captured)
    assert len([w for w in given if "stays eager" in str(w.message)]) == (name != "freezing")


def test_a_change_between_forward_and_backward_is_an_error_as_in_the_eager_step():
    """Of a weight by an optimizer's step, and of a buffer in place."""
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


def test_what_a_step_changes_of_a_module_at_first_is_recorded_when_it_stays():
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
def test_what_a_forward_keeps_is_refused_by_name(before):
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


def test_modes_that_a_step_leaves_as_they_were_are_recorded():
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


def test_modes_that_a_step_switches_back_are_recorded():
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


def test_options_of_an_optimizer_that_a_step_sets_keep_it_eager():
    net, optimizer = build([3, 2], "tanh", "sgd", True, "float64", 0)

    def update(x, rate):
        for group in optimizer.param_groups:
            group["lr"] = rate
        return net(x).detach()

    step = tg.capture(update)
    with pytest.warns(UserWarning, match="an optimizer's options"):
        step(tg.tensor([[1.0, 2.0, 3.0]], dtype=np.float64), 0.3)
    assert optimizer.param_groups[0]["lr"] == 0.3


# --- exceptions, threads, nesting -------------------------------------------------------------------------------------


def test_an_exception_leaves_nothing_behind():
    fails = True

    def perhaps(x):
        if fails:
            raise KeyError("the user's own")
        return x

    step = tg.capture(lambda x: perhaps(x) * 2)
    with pytest.raises(KeyError):
        step(tg.tensor([1.0]))
    assert tg.tensor([1.0]).item() == 1.0
    fails = False
    assert [step(tg.tensor([v])).item() for v in (1.0, 2.0)] == [2.0, 4.0]
    assert step.captured is True


def test_an_exception_in_a_replay_leaves_the_step():
    net = nn.Linear(3, 3, generator=tg.Generator().manual_seed(0))
    step = tg.capture(lambda x, c: nn.functional.cross_entropy(net(x), c).detach())
    x = tg.ones(2, 3)
    for labels in ([0, 1], [1, 2]):
        step(x, tg.tensor(labels))
    with pytest.raises(ValueError, match="classes go from 0 to 2"):
        step(x, tg.tensor([0, 9]))
    assert step(x, tg.tensor([0, 1])).item() == nn.functional.cross_entropy(net(x), tg.tensor([0, 1])).item()


def test_a_second_thread_is_refused():
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


def test_what_another_thread_does_is_not_recorded():
    """Not even while a step is recorded in this one."""
    step = tg.capture(lambda x: worked() or x * 2)
    results = []

    def worked():
        thread = threading.Thread(target=lambda: results.append(tg.tensor([3.0]).item()))
        thread.start()
        thread.join()

    assert step(tg.tensor([1.0])).item() == step(tg.tensor([1.0])).item() == 2.0
    assert results == [3.0]
    assert step.captured is True


def test_a_captured_step_inside_another_is_recorded_along():
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


def test_what_an_inner_step_must_not_read_the_outer_must_not_either():
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


# --- functions of the user's ------------------------------------------------------------------------------------------


def test_functions_and_rules_of_the_users_are_called_in_each_replay():
    """So what they read is what it is then."""
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
    assert all(map(same, *results))
    assert run.captured is True


class Doubling:
    """A rule that is an object, and counts its calls."""

    calls = 0

    def __call__(self, g, y, x):
        self.calls += 1
        return g * 2.0 if isinstance(g, np.ndarray) else None


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


@pytest.mark.parametrize("change", ["keys", "nesting", "a number in an object", "a set"])
def test_what_the_attributes_of_a_module_hold_is_looked_at(change):
    class Holder(nn.Module):
        def __init__(self):
            self.flags, self.groups, self.config, self.names = {"double": 0}, [[2.0], [3.0]], Trainer(), {"double"}

        def forward(self, x):
            doubled = ("double" in self.flags) + ("double" in self.names) + len(self.groups)
            return x * doubled * self.config.scale

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


def test_modules_that_refer_to_one_another_are_looked_at_once():
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


def test_an_argument_that_is_read_by_name_too_is_refused():
    w = tg.tensor([1.0, 2.0])
    step = tg.capture(lambda x: x + w)
    with pytest.warns(UserWarning, match="shares memory with a Tensor from outside"):
        assert step(w).tolist() == [2.0, 4.0]
    assert step(tg.tensor([10.0, 20.0])).tolist() == [11.0, 22.0]


def test_a_dropout_that_is_called_by_its_forward_is_looked_at():
    drop = nn.Dropout(0.5, generator=tg.Generator().manual_seed(0))

    def helper(x):
        return drop.forward(x)

    step = tg.capture(lambda x: helper(x))
    step(tg.ones(4)), step(tg.ones(4))
    drop.eval()
    assert step(tg.ones(4)).tolist() == [1.0] * 4


def test_a_number_that_changes_at_every_second_call_ends_the_recording():
    step = tg.capture(lambda x, k: x * k)
    with pytest.warns(UserWarning, match="pass numbers that change as Tensors"):
        results = [step(tg.tensor([2.0]), call // 2).item() for call in range(90)]
    assert results == [2.0 * (call // 2) for call in range(90)]


def test_a_step_that_is_called_again_within_a_replay_runs_eagerly():
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


def test_an_optimizer_of_ones_own_may_keep_gradients():
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


def test_an_exception_in_a_replay_leaves_gradients_that_the_user_may_keep():
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


def test_clipping_does_not_make_an_optimizer_warn_of_used_gradients():
    net, optimizer = build([3, 2], "tanh", "sgd", True, "float64", 0)

    @tg.capture
    def step(x):
        net.zero_grad()
        net(x).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()

    for _ in range(4):
        step(tg.tensor(np.ones((2, 3))))
    assert step.captured is True


def test_results_that_were_there_before_are_themselves():
    average, weight = tg.zeros(1), tg.tensor([3.0], requires_grad=True)

    @tg.capture
    def step(x):
        with tg.no_grad():
            average.add_(x)
        doubled = x * 2
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


def test_draws_that_nobody_reads_are_made():
    def draw(x):
        tg.rand(3)
        return x + tg.rand(1)

    results = []
    for run in (draw, tg.capture(draw)):
        tg.manual_seed(0)
        results.append([run(tg.tensor([0.0])).item() for _ in range(4)])
    assert run.captured is True
    assert results[0] == results[1]


@pytest.mark.parametrize("read", ["norm", "in place"])
def test_a_gradient_read_while_it_adds_up_is_the_sum(read):
    results = []
    for wrap in (lambda step: step, tg.capture):
        b = tg.zeros(2, requires_grad=True)

        def update(x, in_place, b=b):
            (b * x).sum().backward()
            if in_place:
                b.grad.mul_(0.5)
            return b.grad.norm()

        step = wrap(update)
        results.append([[step(tg.tensor([3.0 + k, 4.0]), read == "in place"), b.grad.clone()] for k in range(4)])
    assert step.captured is True
    assert all(same(a, b) for pair in zip(*results, strict=True) for a, b in zip(*pair, strict=True))


@pytest.mark.parametrize("check", [None, 1])
def test_results_and_gradients_keep_the_order_of_their_memory(check):
    orders = []  # which decide on how a sum over them rounds
    for wrap in (lambda step: step, lambda step: tg.capture(step, check=check)):
        net, _ = build([3, 4, 2], "tanh", "sgd", True, "float32", 0)

        def backward(x, net=net):
            out = net(x)
            out.square().sum().backward()
            return out.detach().T, [parameter.grad.norm() for parameter in net.parameters()]

        run, drawn = wrap(backward), np.random.default_rng(0)
        for _ in range(4):
            transposed, norms = run(tg.tensor(drawn.normal(size=(5, 3)).astype("float32")))
        read = [transposed, *(parameter.grad for parameter in net.parameters())]
        orders.append([[x.numpy().strides for x in read], [norm.item() for norm in norms]])
    assert run.captured is True
    assert orders[0] == orders[1]


def test_numbers_of_tensors_in_slices_and_shapes_are_refused():
    for take in (lambda x, n: x[:n].sum(), lambda x, n: x.reshape(n, -1), lambda x, n: tg.randn(n).sum() * 0 + x.sum()):
        step = tg.capture(take)
        with pytest.warns(UserWarning, match="reading numbers"):
            results = [step(tg.ones(6), tg.tensor(n)) for n in (1, 2, 3)]
        assert all(map(same, results, [take(tg.ones(6), tg.tensor(n)) for n in (1, 2, 3)]))


def test_a_rate_that_is_a_tensor_is_that_of_the_call():
    def descend(x, rate):
        y = x * 1
        return y.add_(x, alpha=rate).sub_(x, alpha=2)

    step = tg.capture(descend)
    for rate in (0.5, 1.0, 2.0):
        given = tg.tensor([1.0, 2.0]), tg.tensor(rate)
        assert same(step(*given), descend(*given))
    assert step.captured is True


def test_a_function_whose_shape_changes_is_an_error_that_says_so():
    size = [2]
    grow = tg.differentiable(lambda g, y, x: g)(lambda x: np.ones(size[0]))
    step = tg.capture(lambda x: grow(x))
    step(tg.tensor([1.0]))
    size[0] = 1
    with pytest.raises(RuntimeError, match=r"gives shape \(1,\), but \(2,\) when the step was recorded"):
        step(tg.tensor([1.0]))


# --- results and gradients --------------------------------------------------------------------------------------------


class Answer(NamedTuple):
    loss: tg.Tensor
    parts: dict[str, Any]


def test_what_a_step_returns_may_be_nested():
    step = tg.capture(lambda x: Answer((x * x).sum(), {"squares": [x * x, True, None, "text"]}))
    for value in (2.0, 3.0, 4.0):
        answer = step(tg.tensor([value]))
        assert type(answer) is Answer
        assert answer.loss.item() == answer.parts["squares"][0].item() == value**2
        assert answer.parts["squares"][1:] == [True, None, "text"]
    assert step.captured is True


def test_what_replays_and_recordings_leave_behind_is_the_users_own():
    """Results, gradients, and Tensors that the step keeps do not change with later calls."""
    kept = []

    def keep(x):
        kept.append(x)

    net, optimizer = build([3, 4, 2], "tanh", "sgd", True, "float64", 0)

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
    assert len(kept) == 1
    assert all(np.array_equal(t.detach(), c) for t, c in zip(found, copies, strict=True))
    held = [p.grad.detach().numpy() for p in net.parameters()]
    before = copy.deepcopy(held)
    step(tg.tensor(drawn.normal(size=(2, 3))), tg.tensor(drawn.normal(size=(2, 2))))
    assert all(map(np.array_equal, held, before))


def test_gradients_add_up_over_replays_and_eager_steps():
    results = []
    for wrap in (lambda step: step, tg.capture):
        net, optimizer = build([3, 4, 2], "tanh", "sgd", True, "float64", 0)

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
    assert all(map(same, *results))


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
@pytest.mark.filterwarnings("ignore::tinygrad_mlp.optim.StepWarning")
def test_every_way_to_drop_gradients_is_replayed(drop):
    results = []
    for wrap in (lambda step: step, tg.capture):
        net, optimizer = build([3, 2], "tanh", "sgd", True, "float64", 0)

        def step(x, y, net=net, optimizer=optimizer):
            drop(net, optimizer)
            nn.functional.mse_loss(net(x), y).backward()
            optimizer.step()

        run = wrap(step)
        for _ in range(4):
            run(tg.tensor(np.arange(6.0).reshape(2, 3)), tg.tensor(np.ones((2, 2))))
        results.append([parameter.detach() for parameter in net.parameters()])
    assert run.captured is True
    assert all(map(same, *results))


def test_captured_training_with_gradients_dropped_by_hand_does_not_warn():
    net, optimizer = build([3, 2], "tanh", "sgd", True, "float64", 0)

    @tg.capture
    def step(x):
        for parameter in net.parameters():
            parameter.grad = None
        net(x).square().sum().backward()
        optimizer.step()

    for _ in range(4):
        step(tg.tensor(np.ones((2, 3))))


# --- the doors --------------------------------------------------------------------------------------------------------


def raise_unless_finite(loss):
    if not np.isfinite(loss._data):
        raise FloatingPointError("the loss is not finite")


@pytest.mark.parametrize("calls", [0, 2], ids=["when it is recorded", "in a replay"])
def test_a_look_at_the_loss_may_stop_an_update(calls):
    """It is a call in the list before the optimizer's, and leaves the weights as they were."""
    net, optimizer = build([3, 2], "tanh", "momentum", True, "float64", 0)

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


def test_a_call_in_the_list_may_be_opaque():
    """As an exchange between machines would be: it is called in each replay, with the arrays of then."""
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


# --- checking ---------------------------------------------------------------------------------------------------------


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
    assert all(map(same, results[0], results[1]))
    assert all(map(same, results[0], results[2]))


def test_a_check_leaves_the_objects_of_an_optimizer_in_place():
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


def test_a_check_finds_what_a_recording_takes_as_given():
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
    assert step(one).item() == 2.0  # which is recorded anew


def test_it_is_a_decorator_with_and_without_arguments():
    @tg.capture(check=2)
    def step(x):
        """Twice."""
        return x * 2

    assert (step.check, step.__name__, step.__doc__) == (2, "step", "Twice.")
    assert [step(tg.tensor([1.0])).item() for _ in range(3)] == [2.0] * 3


@pytest.mark.parametrize("check", [0, -1, 1.5, "2"])
def test_a_check_is_a_number_of_calls(check):
    with pytest.raises(ValueError, match="check is a positive number"):
        tg.capture(len, check=check)


# --- odds and ends ----------------------------------------------------------------------------------------------------


def test_a_step_has_to_be_called():
    with pytest.raises(TypeError, match="step to call"):
        tg.capture(3)


def test_a_copy_records_anew():
    step = tg.capture(lambda x: (x * 2).reshape(3, 2) + 1)
    x = np.arange(6.0).reshape(2, 3)
    for _ in range(3):
        step(x)
    copied = copy.deepcopy(step)
    np.testing.assert_array_equal(copied(x * 5), (x * 10).reshape(3, 2) + 1)
    assert pickle.loads(pickle.dumps(tg.capture(catching, check=2))).check == 2


def test_a_captured_method_says_how_to_write_it():
    class Holder(nn.Module):
        @tg.capture
        def step(self, x):
            return x

    assert isinstance(Holder.step, type(tg.capture(len)))
    with pytest.raises(TypeError, match="in __init__"):
        Holder().step(tg.tensor(1.0))


def test_detect_anomaly_looks_at_each_call():
    step = tg.capture(lambda x: x * 2)
    with pytest.warns(UserWarning, match="detect_anomaly"), tg.autograd.detect_anomaly():
        step(tg.tensor([1.0]))
    assert step(tg.tensor([1.0])).item() == 2.0
    assert step.captured is True


def test_float_errors_of_kernels_are_those_of_the_eager_step():
    step = tg.capture(lambda x: nn.functional.binary_cross_entropy(x, tg.zeros(2)))
    for _ in range(3):
        assert step(tg.tensor([0.0, 1.0])).item() == 50.0


def test_integers_and_arrays_of_an_index_are_what_they_are_in_an_eager_step():
    x = np.arange(24.0).reshape(2, 3, 4)

    def select(x, number, positions):
        y = x * 1
        y[number, :, positions] = -1.0
        return x[number] * 1, x[number, :, positions] * 1, y

    step = tg.capture(select)
    calls = [[tg.tensor(x), tg.tensor(number), tg.tensor([3, number])] for number in (0, 1, 1)]
    with pytest.warns(UserWarning, match="reading numbers"):
        results = [step(*arguments) for arguments in calls]
    for arguments, result in zip(calls, results, strict=True):
        assert all(map(same, result, select(*arguments)))


def test_positions_of_an_index_are_those_of_the_call():
    step = tg.capture(lambda x, i, j: (x[i], x[i, 1:], x[:, j], x[j, j]))
    x = tg.tensor(np.arange(9.0).reshape(3, 3))
    for i, j in ((0, 1), (2, 0), (1, 2)):
        given = tg.tensor(i), tg.tensor([j, j, i])
        assert all(map(same, step(x, *given), (x[i], x[i, 1:], x[:, given[1]], x[given[1], given[1]])))
    assert step.captured is True
