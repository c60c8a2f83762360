"""The graph keeps the arrays that its rules read, and releases everything as soon as nobody can use it."""

import gc
import sys
import tracemalloc
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from strategies import leaf, no_collector

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.core import record as recording

PROCESS = Path("/proc/self/statm")

# --- memory -----------------------------------------------------------------------------------------------------------


def forward(x: tg.Tensor) -> tg.Tensor:
    return (x.tanh() * np.exp(x)).sum()


def backward(x: tg.Tensor) -> tg.Tensor:
    y = forward(x)
    y.backward()
    return y


def second_order(x: tg.Tensor) -> Any:
    """The first derivative, after the second was computed from it."""
    forward(x).backward(create_graph=True)
    slope, x.grad = x.grad, None
    (slope * slope).sum().backward()
    return slope


def hooked(x: tg.Tensor) -> Any:
    """A computed Tensor with a hook and a retained gradient, after a walk that keeps the graph."""
    y = x.tanh()
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.sum().backward(retain_graph=True)
    return y


def failing(x: tg.Tensor) -> Any:
    """A loss whose walk has failed, because an array has changed."""
    y = x.exp()
    y.data[0] = 7
    z = y.sum()
    with pytest.raises(RuntimeError, match="changed"):
        z.backward()
    return z


@pytest.mark.parametrize("make", [forward, backward, second_order, hooked, failing])
def test_a_graph_dies_with_its_last_tensor(make: Callable[[tg.Tensor], Any]) -> None:
    x = leaf(np.array([0.5, 1.5]))
    with no_collector():
        y = make(x)
        inner = x * 2  # something that only the graph of the result keeps alive
        probe = weakref.ref(inner._data)
        result = (inner * y).sum()
        del inner
        assert probe() is not None
        gone = [weakref.ref(y), weakref.ref(result)]
        del y, result
        assert probe() is None
        assert [ref() for ref in gone] == [None, None]
        assert gc.collect() == 0, "the graph had reference cycles"


def test_backward_releases_the_nodes_it_has_visited() -> None:
    x = leaf(np.array([0.5, 1.5]))
    with no_collector():
        inner = x.tanh()
        probe = weakref.ref(inner._data)
        loss = inner.square().sum()
        del inner
        loss.backward()
        assert probe() is None, "the graph is released although the loss is still alive"
        assert loss.item() > 0


def test_no_grad_keeps_no_intermediate_arrays() -> None:
    x = leaf(np.array([0.5, 1.5]))
    with no_collector(), tg.no_grad():
        inner = x.tanh()
        probe = weakref.ref(inner._data)
        y = inner * 2
        del inner
        assert probe() is None
    assert (y.requires_grad, y.grad_fn, y.is_leaf) == (False, None, True)


# --- arrays that no rule reads ----------------------------------------------------------------------------------------


def large() -> tg.Tensor:
    """A leaf of 100 entries."""
    return leaf(np.linspace(0.5, 1.5, 100))


RELEASED: dict[str, tuple[Callable[[tg.Tensor], tg.Tensor], bool]] = {
    "+": (lambda x: x + 1, True),
    "sum": (lambda x: x.sum(), True),
    "reshape": (lambda x: x.reshape(10, 10), False),  # the output is a view of the same memory
    "cat": (lambda x: tg.cat([x, x]), True),
    "tanh": (lambda x: x.tanh(), True),
    "* constant": (lambda x: x * 2.0, False),  # the rule for the constant 2.0 reads the input
    "square": (lambda x: x.square(), False),
    "log": (lambda x: x.log(), False),
}


@pytest.mark.parametrize("name", RELEASED)
def test_an_input_that_no_rule_reads_is_released(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    function, is_released = RELEASED[name]
    x = large()
    inside = x + 1.5  # the rules of + do not read it either
    array = weakref.ref(inside._data)
    y = function(inside)
    del inside
    with no_collector():
        assert (array() is None) is is_released
    y.sum().backward()
    gradient, z = x.grad, large()
    monkeypatch.setattr(recording, "_SMALL", sys.maxsize)  # now everything is kept
    function(z + 1.5).sum().backward()
    np.testing.assert_array_equal(gradient, z.grad)


def test_a_deep_chain_keeps_no_arrays_that_no_rule_reads() -> None:
    tracemalloc.start()
    y = leaf(np.ones(100_000))
    for _ in range(20):
        y = y + 1
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 3 * 100_000 * 8, "more is kept than the leaf and the result"
    assert y.requires_grad


def test_a_rule_that_reads_an_underscored_argument_fails() -> None:
    dishonest = tg.differentiable(lambda g, y, _x: g * 2 * _x)(lambda x: x * x)
    with pytest.raises(TypeError, match="begins with an underscore"):
        dishonest(large() + 1).sum().backward()


@pytest.mark.parametrize(
    "dishonest",
    [
        lambda g, _y, _x: g * (_x != 0),
        lambda g, _y, _x: np.where(_x, g, 0),
        lambda g, _y, _x: np.where(_y, g, 0),
        lambda g, _y, _x: g if _y else 2 * g,
        lambda g, _y, _x: g * np.asarray(_x),
    ],
)
def test_every_way_to_read_an_array_that_was_not_kept_fails(dishonest: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        tg.differentiable(dishonest)(lambda x: x + 0)(large() + 1).sum().backward()


def test_a_rule_may_be_any_callable() -> None:
    @dataclass  # a dataclass has no hash
    class Scaled:
        factor: float

        def __call__(self, g: Any, y: Any, x: Any) -> Any:
            return self.factor * g * x

    rules = [Scaled(2.0), partial(lambda k, g, y, x: k * g * x, 2.0), lambda g, y, *xs, **_: 2 * g * xs[0]]
    rules += [lambda *given, **_options: 2 * given[0] * given[2]]
    for rule in rules:
        x = large()
        tg.differentiable(rule)(lambda x: x * x)(x + 0).sum().backward()
        np.testing.assert_array_equal(x.grad, 2 * x.detach().numpy())


def test_a_rule_may_write_to_the_cotangent_of_a_scalar() -> None:
    def tripled(g: Any, y: Any, x: Any) -> Any:
        g *= 3
        return g

    x = tg.tensor(2.0, requires_grad=True)
    for _ in range(2):
        x.grad = None
        tg.differentiable(tripled)(lambda x: x * 3)(x).backward()
        assert x.grad == 3


# --- memory over many steps of training -------------------------------------------------------------------------------


def training(captured: bool) -> Callable[[int], None]:
    """A function that trains a small network for a given number of steps."""
    net = nn.Linear(4, 2)
    optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    loss = nn.MSELoss()
    rows, labels = np.ones((3, 4), np.float32), tg.tensor(np.zeros((3, 2), np.float32))

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        value = loss(net(x), y)
        value.backward()
        optimizer.step()
        return value

    taken = tg.capture(step) if captured else step

    def train(steps: int) -> None:
        for number in range(steps):
            x = tg.tensor(rows)
            taken(x, labels).item()
            if number % 10 == 0:
                x.numpy()  # the guard notes that x shares its memory with this array, and has to forget it again

    return train


@pytest.mark.parametrize("captured", [False, True])
def test_a_thousand_steps_leave_no_bytes_behind(captured: bool) -> None:
    train = training(captured)
    with no_collector():
        train(50)
        tracemalloc.start()
        train(2100)  # Python keeps up to 2,000 tuples of each length for later ones, and perhaps one more at each step
        before = tracemalloc.get_traced_memory()[0]
        train(1000)
        grown = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
    assert grown < 20_000, f"1,000 steps left {grown} bytes behind"


@pytest.mark.long
@pytest.mark.parametrize("captured", [False, True])
def test_a_hundred_thousand_steps_leave_memory_flat(captured: bool) -> None:
    """Memory is counted in blocks that Python has allocated and, on Linux, in pages of the process."""
    train = training(captured)

    def used() -> tuple[int, int]:
        pages = int(PROCESS.read_text().split()[1]) if PROCESS.exists() else 0
        return sys.getallocatedblocks(), pages

    with no_collector():
        train(2000)
        blocks, pages = used()
        train(100_000)
        blocks, pages = (now - before for now, before in zip(used(), (blocks, pages), strict=True))
    assert blocks < 100, f"100,000 steps left {blocks} blocks of memory behind"
    assert pages < 100, f"100,000 steps left {pages} pages of memory behind"
