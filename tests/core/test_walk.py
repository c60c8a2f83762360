"""The walk does its duties in graphs of any size: order, accumulation, shapes, dtypes and ownership of gradients."""

import copy
import pickle
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from checks import counted, equal
from strategies import leaf, no_collector

import tinygrad_mlp as tg
from tinygrad_mlp.core import functions as f

# --- the duties of the walk; no mutant of it may pass them ------------------------------------------------------------


def check_accumulation() -> None:
    """Gradients add up: at leaves, inside, over several walks, and for an operand that is used twice."""
    x = leaf(np.array([1.0, 2.0, 3.0]))
    (x * x + x).sum().backward()
    equal(x.grad, [3, 5, 7])
    (2 * x).sum().backward()
    equal(x.grad, [5, 7, 9])

    x = leaf(np.array([1.0, 2.0]))
    y = x * 3
    (y * y + y).sum().backward()
    equal(x.grad, [21, 39])

    weight = leaf(np.array([[1.0, 2.0], [3.0, 4.0]]))
    rows = np.array([[1.0, -1.0]])
    f.linear(f.linear(rows, weight, None), weight, None).sum().backward()
    equal(weight.grad, [[3, -5], [5, -7]])
    f.linear(rows, weight, None).sum().backward()
    f.linear(rows, weight, None).sum().backward()
    equal(weight.grad, [[5, -7], [7, -9]])
    weight = leaf(np.array([[1.0, 2.0], [3.0, 4.0]]))
    (weight * 2).sum().backward()
    f.linear(rows, weight, None).sum().backward()
    equal(weight.grad, [[3, 1], [3, 1]])

    for first in (False, True):
        for second in (False, True):
            x = leaf(np.array([1.0, 2.0]))
            (x**3).sum().backward(create_graph=first)
            (x * x).sum().backward(create_graph=second)
            equal(x.grad, [5, 16])

    x = leaf(np.array([1.0, 2.0]))
    y = x * 3
    y.retain_grad()
    for _ in range(2):
        (y * y).sum().backward(retain_graph=True)
    equal(y.grad, [12, 24])

    y = x * 3
    for _ in range(2):
        (y * y).sum().backward(inputs=y, retain_graph=True)
    equal(y.grad, [12, 24])

    x = leaf(np.array(2.0))
    y = x * x
    (gradient,) = tg.autograd.grad([y, x, y, x], [x])
    equal(gradient, 10)


def check_order() -> None:
    """A node is visited after all nodes that use it, however long the paths to it are and wherever they start."""
    values = np.array([0.5, -0.25])
    t = np.tanh(values)
    expected = (6 * t**5 + 1) * (1 - t**2)  # the derivative of t⁶ + t, of which `late` is t⁶ and `early` t
    for first, second in [(0, 1), (1, 0), (None, None)]:
        x = leaf(values)
        early = x.tanh()
        late = early
        for _ in range(5):
            late = late * early
        if first is None:
            (late + early).sum().backward()
            equal(x.grad, expected)
        else:
            outputs = (early, late)
            (gradient,) = tg.autograd.grad([outputs[first], outputs[second]], [x], [np.ones(2), np.ones(2)])
            equal(gradient, expected)


def check_shapes() -> None:
    """A gradient has the shape of its input: it is summed over the dimensions that broadcasting added or repeated."""
    weights = np.arange(24.0).reshape(2, 3, 4)
    for shape in [(), (1,), (4,), (3, 1), (3, 4), (1, 4), (2, 1, 1), (1, 3, 1), (2, 3, 4)]:
        x = leaf(np.ones(shape))
        (x * weights).sum().backward()
        padded = (1,) * (3 - len(shape)) + shape
        axes = tuple(i for i, (n, m) in enumerate(zip(padded, weights.shape, strict=True)) if n != m)
        equal(x.grad, weights.sum(axes, keepdims=True).reshape(shape))


def check_dtypes() -> None:
    """A gradient has its input's dtype, wherever in the graph the dtype changes."""
    single, double = tg.tensor([1.0, 2.0], requires_grad=True), leaf(np.array([3.0, 4.0]))
    y = single * single
    y.retain_grad()
    (y * double).sum().backward()
    assert (single.grad.dtype, y.grad.dtype, double.grad.dtype) == (np.float32, np.float32, np.float64)
    weight = tg.tensor([[1.0, 2.0]], requires_grad=True)
    (np.array([[3.0, 4.0]]) @ weight.T).sum().backward()
    assert weight.grad.dtype == np.float32


def check_ownership() -> None:
    """No gradient shares memory with another array, not even where a rule returns its cotangent unchanged."""
    cotangent = np.array([3.0, 4.0])
    root = leaf(np.ones(2))
    root.backward(cotangent)
    a, b = leaf(np.ones(2)), leaf(np.ones(2))
    left, right = a * 1, b.reshape(1, 2)[0]
    left.retain_grad()
    both = left + right
    both.retain_grad()
    both.backward(cotangent, inputs=[a, b, right], retain_graph=True)
    held = [root.grad, a.grad, b.grad, left.grad, right.grad, both.grad]
    held += tg.autograd.grad(left + right, [left, right, a], cotangent)
    c, d = leaf(np.ones(2)), leaf(np.ones(2))
    (c + d).backward(cotangent, create_graph=True)
    given, end = leaf(cotangent), leaf(np.ones(2))
    end.backward(given, create_graph=True)
    held += [c.grad.detach(), d.grad.detach(), given.detach(), end.grad.detach()]
    arrays = [cotangent, *(gradient.numpy() for gradient in held)]
    for x, y in combinations(arrays, 2):
        assert not np.shares_memory(x, y), "a gradient aliases another array"


DUTIES = [check_accumulation, check_order, check_shapes, check_dtypes, check_ownership]


@pytest.mark.parametrize("check", DUTIES, ids=lambda check: check.__name__.removeprefix("check_"))
def test_the_walk_does_its_duty(check: Callable[[], None]) -> None:
    check()


def test_gradients_that_nobody_needs_are_not_computed() -> None:
    def forbidden(g: Any, y: Any, *inputs: Any) -> Any:
        raise AssertionError("the rule of an input that needs no gradient was called")

    times = tg.differentiable(lambda g, y, a, b: g * b, forbidden)(lambda a, b: a * b)
    x, constant = leaf(np.array([1.0, 2.0])), tg.tensor(np.array([3.0, 4.0]))
    times(x, constant).sum().backward()
    times(x, np.array([3.0, 4.0])).sum().backward()
    equal(x.grad, [6, 8])
    assert constant.grad is None


@pytest.mark.parametrize("returned", [None, 3.0, [1.0, 2.0], "g"], ids=repr)
def test_a_rule_that_returns_no_array_is_named(returned: Any) -> None:
    crooked = tg.differentiable(lambda g, y, a, b: g, lambda g, y, a, b: returned)(lambda a, b: a * b)
    a, b = leaf(np.ones(2)), leaf(np.ones((1, 2)))
    message = (
        rf"rule of <lambda> at test_walk.py:\d+ for an input of shape \(1, 2\) returned {re.escape(repr(returned))}"
    )
    for create_graph in (False, True):
        with pytest.raises(TypeError, match=message):
            tg.autograd.grad(crooked(a, b).sum(), [a, b], create_graph=create_graph)
    with tg.autograd.detect_anomaly(), pytest.raises(TypeError, match=message):
        crooked(a, b).sum().backward()


def test_a_rule_that_returns_the_wrong_shape_is_named() -> None:
    for wrong in (lambda g, y, x: g[:1], lambda g, y, x: g.sum(), lambda g, y, x: g[:, None] * np.ones(2)):
        crooked = tg.differentiable(wrong)(lambda x: x * 2)
        with pytest.raises(
            RuntimeError, match=r"rule of <lambda> at test_walk.py:\d+ returned a gradient of shape \(.*\) for an input"
        ):
            crooked(leaf(np.ones(3))).backward(np.ones(3))


# --- large graphs -----------------------------------------------------------------------------------------------------


def test_a_diamond_of_40_levels_is_walked_once_per_node() -> None:
    calls: list[str] = []
    identity = counted(calls)
    x = y = leaf(np.array([1.5]))
    for _ in range(40):
        y = identity(y)
        y = y + y
    y.backward()
    equal(x.grad, [2.0**40])
    assert len(calls) == 40


@contextmanager
def shallow_stack() -> Iterator[None]:
    """Allow only 60 more nested calls, so that recursion fails, and free no reference cycles."""
    depth, frame = 0, sys._getframe()
    while frame:
        depth, frame = depth + 1, frame.f_back
    limit = sys.getrecursionlimit()
    with no_collector():
        sys.setrecursionlimit(depth + 60)
        try:
            yield
        finally:
            sys.setrecursionlimit(limit)


def walked_backward(y: tg.Tensor, x: tg.Tensor) -> None:
    """Walk the graph back to `x`."""
    y.backward()
    equal(x.grad, 1)


def printed_copied_and_explained(y: tg.Tensor, x: tg.Tensor) -> None:
    """Print `y`, fail to copy it, explain it and differentiate it. All of this leaves the graph as it was."""
    assert repr(y) == str(y) == "tensor(1000001., dtype=float64, grad_fn=<add>)"
    for copied in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises((TypeError, RuntimeError), match=r"with its graph: (write|copy) \.detach\(\)"):
            copied(y)
        with pytest.raises(TypeError, match="a graph cannot be pickled or copied"):
            copied(y.grad_fn)
    derivation = tg.explain(y)
    assert repr(derivation) == "<Derivation of 0 gradients from 1,000,000 functions, notation='rows'>"
    for drawn in (str(derivation), derivation.latex()):
        assert "1,000,000" in drawn
    (gradient,) = tg.autograd.grad(y, x, retain_graph=True)
    equal(gradient, 1)


@pytest.mark.long
@pytest.mark.parametrize("use", [walked_backward, printed_copied_and_explained])
def test_a_chain_of_a_million_operations(use: Callable[[tg.Tensor, tg.Tensor], None]) -> None:
    x = leaf(np.array(1.0))
    tg.explain(x + 1)  # the first use imports a module, whose memory must not be counted
    with shallow_stack():
        before = sys.getallocatedblocks()
        y = x
        for _ in range(1_000_000):
            y = y + 1
        assert y.item() == 1_000_001
        grown = sys.getallocatedblocks() - before
        use(y, x)
        del y
        left = sys.getallocatedblocks() - before
    assert grown > 1_000_000
    assert left < 1_000, f"{left} blocks of memory outlived the graph"


def test_a_leaf_used_ten_thousand_times() -> None:
    x = leaf(np.array([2.0]))
    total = tg.tensor(np.array([0.0]))
    for k in range(10_000):
        total = total + x * k
    total.backward()
    equal(x.grad, [10_000 * 9_999 / 2])
