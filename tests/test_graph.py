"""The graph and its walk: order, accumulation, release, modes; on chains, diamonds and graphs that grow at random."""

import copy
import gc
import math
import pickle
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from strategies import Array, leaf, no_collector

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.core import blas
from tinygrad_mlp.core import functions as f


def equal(actual: Any, expected: Any) -> None:
    assert actual is not None, "there is no gradient"
    if isinstance(actual, tg.Tensor):
        actual = actual.detach()
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def counted(calls: list[str], name: str = "") -> Callable[[Any], Any]:
    """The identity, whose rule notes that it was called."""
    return tg.differentiable(lambda g, y, x: calls.append(name) or g)(lambda x: x + 0)


# --- the walk's duties, which the mutants must not pass ---------------------------------------------------------------


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
    """A node is visited after everything that uses it, however long the ways there are, and wherever they begin."""
    values = np.array([0.5, -0.25])
    t = np.tanh(values)
    expected = (6 * t**5 + 1) * (1 - t**2)
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
    """A gradient has its input's shape: what broadcasting repeated is summed."""
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
    f.linear(np.array([[3.0, 4.0]]), weight, None).sum().backward()
    assert weight.grad.dtype == np.float32


def check_ownership() -> None:
    """Gradients share their memory with nothing, not even where a rule hands its cotangent on."""
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


def test_what_needs_no_gradient_is_not_computed() -> None:
    def forbidden(g: Any, y: Any, *inputs: Any) -> Any:
        raise AssertionError("the rule of an input that needs no gradient was called")

    times = tg.differentiable(lambda g, y, a, b: g * b, forbidden)(lambda a, b: a * b)
    x, constant = leaf(np.array([1.0, 2.0])), tg.tensor(np.array([3.0, 4.0]))
    times(x, constant).sum().backward()
    times(x, np.array([3.0, 4.0])).sum().backward()
    equal(x.grad, [6, 8])
    assert constant.grad is None


def test_a_rule_that_returns_the_wrong_shape_is_named() -> None:
    for wrong in (lambda g, y, x: g[:1], lambda g, y, x: g.sum(), lambda g, y, x: g[:, None] * np.ones(2)):
        crooked = tg.differentiable(wrong)(lambda x: x * 2)
        with pytest.raises(
            RuntimeError, match=r"rule for <lambda> returned a gradient of shape \(.*\) for an input of"
        ):
            crooked(leaf(np.ones(3))).backward(np.ones(3))


# --- size -------------------------------------------------------------------------------------------------------------


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
    """Room for few calls more than there are, and no collector: recursion and cycles both fail."""
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


def carried_back(y: tg.Tensor, x: tg.Tensor) -> None:
    y.backward()
    equal(x.grad, 1)


def looked_at(y: tg.Tensor, x: tg.Tensor) -> None:
    """Printed, drawn, not copied, and walked for one input: all of which leaves the graph whole."""
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
@pytest.mark.parametrize("use", [carried_back, looked_at])
def test_a_chain_of_a_million_operations(use: Callable[[tg.Tensor, tg.Tensor], None]) -> None:
    x = leaf(np.array(1.0))
    tg.explain(x + 1)  # which is imported when it is first used
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


# --- memory -----------------------------------------------------------------------------------------------------------


def forward(x: tg.Tensor) -> tg.Tensor:
    return (x.tanh() * np.exp(x)).sum()


def backward(x: tg.Tensor) -> tg.Tensor:
    y = forward(x)
    y.backward()
    return y


def second_order(x: tg.Tensor) -> Any:
    forward(x).backward(create_graph=True)
    slope, x.grad = x.grad, None
    (slope * slope).sum().backward()
    return slope


def hooked(x: tg.Tensor) -> Any:
    y = x.tanh()
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.sum().backward(retain_graph=True)
    return y


def failing(x: tg.Tensor) -> Any:
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


def test_a_walk_lets_go_of_what_it_has_visited() -> None:
    x = leaf(np.array([0.5, 1.5]))
    with no_collector():
        inner = x.tanh()
        probe = weakref.ref(inner._data)
        loss = inner.square().sum()
        del inner
        loss.backward()
        assert probe() is None, "the graph is released although the loss is still alive"
        assert loss.item() > 0


def test_without_gradients_nothing_is_kept() -> None:
    x = leaf(np.array([0.5, 1.5]))
    with no_collector(), tg.no_grad():
        inner = x.tanh()
        probe = weakref.ref(inner._data)
        y = inner * 2
        del inner
        assert probe() is None
    assert (y.requires_grad, y.grad_fn, y.is_leaf) == (False, None, True)


# --- backward's arguments and errors ----------------------------------------------------------------------------------


def test_a_second_backward_raises_and_teaches() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x.exp()
    first, second = y.sum(), (y * y).sum()
    first.backward()
    held = x.grad.numpy().copy()
    for loss in (first, second, y.sum()):
        with pytest.raises(RuntimeError, match=r"released by an earlier backward\(\).*retain_graph=True"):
            loss.backward()
    equal(x.grad, held)


def test_a_retained_graph_is_walked_again() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = (x * x).sum()
    for k in range(1, 4):
        y.backward(retain_graph=True)
        equal(x.grad, [2 * k, 4 * k])
    y.backward()
    with pytest.raises(RuntimeError, match="released"):
        y.backward(retain_graph=True)


def test_create_graph_retains_the_graph_unless_told_not_to() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = (x**3).sum()
    y.backward(create_graph=True)
    y.backward(create_graph=True, retain_graph=False)
    equal(x.grad, [6, 24])
    with pytest.raises(RuntimeError, match="released"):
        y.backward()


def test_backward_of_many_entries_needs_a_cotangent() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x * x
    with pytest.raises(RuntimeError, match=r"shape \(2,\) needs the gradient to start from.*\.sum\(\).*gradient="):
        y.backward()
    with pytest.raises(ValueError, match=r"has shape \(3,\), but the output has \(2,\)"):
        y.backward(np.ones(3))
    assert x.grad is None
    for count, cotangent in enumerate(([3, 5], (3, 5), np.array([3, 5]), tg.tensor([3.0, 5.0])), start=1):
        y.backward(cotangent, retain_graph=True)
        equal(x.grad, [6 * count, 20 * count])


@pytest.mark.parametrize("shape", [(), (1,), (1, 1)])
def test_backward_of_one_entry_starts_from_1(shape: tuple[int, ...]) -> None:
    x = leaf(np.full(shape, 3.0))
    (x * x).backward()
    equal(x.grad, np.full(shape, 6.0))


def test_backward_needs_something_that_requires_a_gradient() -> None:
    with pytest.raises(RuntimeError, match=r"does not require a gradient.*requires_grad=True"):
        tg.tensor([1.0]).sum().backward()
    with tg.no_grad():
        y = leaf(np.ones(2)).sum()
    with pytest.raises(RuntimeError, match=r"no_grad\(\)"):
        y.backward()


def test_backward_from_a_leaf() -> None:
    x = leaf(np.array([1.0, 2.0]))
    x.backward([3, 4])
    x.backward([3, 4])
    equal(x.grad, [6, 8])


# --- inputs= ----------------------------------------------------------------------------------------------------------


def test_only_the_inputs_asked_for_get_a_gradient() -> None:
    calls: list[str] = []
    a, b = leaf(np.array([1.0, 2.0])), leaf(np.array([3.0, 4.0]))
    y = counted(calls, "a")(a) * counted(calls, "b")(b)
    y.sum().backward(inputs=[a])
    equal(a.grad, [3, 4])
    assert b.grad is None
    assert calls == ["a"], "what leads to no input asked for must not be computed"


def test_the_inputs_may_be_inside_the_graph() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x * 3
    z = (y * y).sum()
    z.backward(inputs=y, retain_graph=True)
    equal(y.grad, [6, 12])
    z.backward(inputs=[y, x], retain_graph=True)
    equal(y.grad, [12, 24])  # added to what was there, as for a leaf
    equal(x.grad, [18, 36])
    z.backward(inputs=[z])
    equal(z.grad, 1)
    y = x * 3
    y.retain_grad()
    (y * y).sum().backward(inputs=[y])
    equal(y.grad, [6, 12])  # once, though asked for twice


def test_inputs_are_tensors_that_require_a_gradient() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = (x * x).sum()
    with pytest.raises(TypeError, match="expected a Tensor, not int"):
        y.backward(inputs=[3])  # type: ignore[list-item]
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        y.backward(inputs=[tg.tensor([1.0])])
    with pytest.raises((RuntimeError, ValueError), match="inputs"):
        y.backward(inputs=[])
    y.backward()
    equal(x.grad, [2, 4])


# --- hooks and retained gradients -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_hook_of_a_leaf_sees_the_whole_gradient_once(shape: tuple[int, ...], create_graph: bool) -> None:
    x, seen = leaf(np.full(shape, 3.0)), []
    handle = x.register_hook(lambda gradient: seen.append(gradient))
    for _ in range(2):
        (x * x + x).sum().backward(create_graph=create_graph)
    assert [type(g) for g in seen] == [tg.Tensor] * 2
    equal(seen[0], np.full(shape, 7.0))
    equal(x.grad, np.full(shape, 14.0))
    handle.remove()
    handle.remove()
    x.sum().backward()
    assert len(seen) == 2


@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_hook_inside_replaces_what_flows_on(shape: tuple[int, ...], create_graph: bool) -> None:
    x, seen = leaf(np.full(shape, 3.0)), []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.detach().numpy().copy()))
    handle = y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: g + 1)
    (y * y + y).sum().backward(create_graph=create_graph, retain_graph=True)
    equal(seen[0], np.full(shape, 13.0))
    equal(x.grad, np.full(shape, 2 * 131.0))
    handle.remove()
    x.grad = None
    (y * y + y).sum().backward()
    equal(x.grad, np.full(shape, 2 * 14.0))


def test_a_hook_of_a_leaf_replaces_its_gradient() -> None:
    weight = leaf(np.array([[1.0, 2.0]]))
    weight.register_hook(lambda g: g * 10)
    f.linear(np.array([[3.0, 4.0]]), weight, None).sum().backward()
    equal(weight.grad, [[30, 40]])


@pytest.mark.parametrize("inside", [False, True])
def test_a_hook_returns_a_gradient_of_the_same_shape(inside: bool) -> None:
    for replace in (lambda g: g.sum(), lambda g: g[:1], lambda g: g.unsqueeze(0)):
        x = leaf(np.ones(3))
        y = x * 2
        (y if inside else x).register_hook(replace)
        with pytest.raises((RuntimeError, ValueError), match="shape"):
            y.sum().backward()
        assert x.grad is None


def test_what_a_hook_does_to_its_gradient_harms_nothing() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x * 2

    def spoil(gradient: tg.Tensor) -> None:
        gradient.zero_()

    x.register_hook(spoil)
    y.register_hook(spoil)
    y.sum().backward()
    equal(x.grad, [2, 2])


def test_hooks_and_retained_gradients_belong_to_tensors_that_have_some() -> None:
    plain = tg.tensor([1.0])
    with pytest.raises(RuntimeError, match="hook"):
        plain.register_hook(lambda g: None)
    with pytest.raises(RuntimeError, match="retain"):
        plain.retain_grad()


@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_computed_tensor_keeps_its_gradient_where_asked_to(shape: tuple[int, ...]) -> None:
    x = leaf(np.full(shape, 3.0))
    x.retain_grad()
    y, z = x * 2, x * 3
    y.retain_grad()
    loss = (y * z).sum()
    loss.backward(retain_graph=True)
    equal(y.grad, np.full(shape, 9.0))
    assert type(y.grad.numpy()) is np.ndarray
    loss.backward()
    equal(y.grad, np.full(shape, 18.0))
    assert type(y.grad.numpy()) is np.ndarray
    equal(x.grad, np.full(shape, 72.0))


# --- higher derivatives -----------------------------------------------------------------------------------------------


def derivative(y: Any, x: tg.Tensor) -> Any:
    x.grad = None
    y.sum().backward(create_graph=True, inputs=[x])
    slope, x.grad = x.grad, None
    return slope


def test_the_hessian_of_tanh_times_exp() -> None:
    points = np.linspace(-2, 2, 7)
    x = leaf(points)
    slope = derivative(np.sum(np.tanh(x) * np.exp(x)), x)
    t, e = np.tanh(points), np.exp(points)
    equal(slope, e * (t + 1 - t**2))
    hessian = []
    for i in range(points.size):
        slope[i].backward(retain_graph=True)
        hessian.append(x.grad.numpy())
        x.grad = None
    equal(np.array(hessian), np.diag(e * (t + 2 * (1 - t**2) - 2 * t * (1 - t**2))))


def test_derivatives_of_any_order() -> None:
    points = np.array([0.5, 1.5])
    for function, expected in [
        (np.exp, [np.exp(points)] * 6),
        (lambda x: x**5, [math.perm(5, k) * points ** max(5 - k, 0) for k in range(6)]),
        (np.log, [np.log(points), *((-1) ** (k - 1) * math.factorial(k - 1) * points**-k for k in range(1, 6))]),
    ]:
        x = leaf(points)
        y = function(x)
        for order in range(6):
            np.testing.assert_allclose(y.detach(), expected[order], rtol=1e-11, atol=1e-11)
            y = derivative(y + 0 * x, x)


def test_mixed_derivatives_do_not_depend_on_the_order() -> None:
    a, b = leaf(np.array(0.7)), leaf(np.array(-0.3))
    y = np.tanh(a * b) * np.exp(a - b * b)
    first = derivative(derivative(y, a), b)
    second = derivative(derivative(y, b), a)
    equal(first.detach(), second.detach())


def test_a_penalty_on_the_gradient_can_be_trained() -> None:
    w0, x0 = np.array([[0.5, -0.2], [0.1, 0.3]]), np.array([[1.0, 2.0]])

    def penalty(w: Any) -> Any:
        x = leaf(x0)
        f.linear(x, w, None).tanh().sum().backward(create_graph=True, inputs=[x])
        return (x.grad * x.grad).sum()

    w = leaf(w0)
    penalty(w).backward()
    step = 1e-6
    for entry in np.ndindex(w0.shape):
        moved = np.zeros_like(w0)
        moved[entry] = step
        slope = (penalty(leaf(w0 + moved)).item() - penalty(leaf(w0 - moved)).item()) / (2 * step)
        np.testing.assert_allclose(w.grad.numpy()[entry], slope, rtol=1e-7)


# --- whether to record ------------------------------------------------------------------------------------------------


def recorded() -> bool:
    answer = (leaf(np.ones(1)) * 2).requires_grad
    assert answer == tg.is_grad_enabled()
    return answer


def test_modes_nest_and_are_restored() -> None:
    assert recorded()
    with tg.no_grad():
        assert not recorded()
        with tg.enable_grad():
            assert recorded()
            with tg.set_grad_enabled(False):
                assert not recorded()
            assert recorded()
        assert not recorded()
        with tg.set_grad_enabled(True):
            assert recorded()
        assert not recorded()
    assert recorded()


@pytest.mark.parametrize("mode", [tg.no_grad, tg.enable_grad, lambda: tg.set_grad_enabled(False)])
def test_an_exception_restores_the_mode(mode: Callable[[], Any]) -> None:
    for before in (True, False):
        with tg.set_grad_enabled(before):
            with pytest.raises(ZeroDivisionError), mode():
                1 / 0  # noqa: B018
            assert recorded() is before
    assert recorded()


@pytest.mark.parametrize(
    ("decorate", "inside"),
    [
        (tg.no_grad, False),
        (tg.no_grad(), False),
        (tg.enable_grad, True),
        (lambda f: tg.set_grad_enabled(False)(f), False),
    ],
)
def test_the_body_of_a_generator_is_in_its_mode_and_its_caller_is_not(decorate: Any, inside: bool) -> None:
    @decorate
    def answers(number: int) -> Any:
        got = []
        for _ in range(number):
            got.append((yield recorded()))
        return got

    for outside in (True, False):
        with tg.set_grad_enabled(outside):
            generator = answers(2)
            assert next(generator) is inside
            assert recorded() is outside
            assert generator.send("a") is inside
            assert recorded() is outside
            with pytest.raises(StopIteration) as stop:
                generator.send("b")
            assert stop.value.value == ["a", "b"]
            assert recorded() is outside


def test_a_generator_in_a_mode_is_thrown_into_and_closed_as_any_other() -> None:
    seen = []

    @tg.no_grad
    def answers() -> Any:
        try:
            try:
                yield 1
            except ValueError as error:
                seen.append((str(error), recorded()))
                yield 2
        finally:
            seen.append(("closed", recorded()))

    generator = answers()
    assert next(generator) == 1
    assert generator.throw(ValueError("thrown")) == 2
    generator.close()
    assert seen == [("thrown", False), ("closed", False)]
    assert recorded()


def test_one_object_may_be_entered_again() -> None:
    quiet = tg.no_grad()
    with quiet:
        with quiet:
            assert not recorded()
        assert not recorded()
    assert recorded()


def test_set_grad_enabled_takes_effect_at_once() -> None:
    tg.set_grad_enabled(False)
    assert not recorded()
    tg.set_grad_enabled(True)
    assert recorded()


@pytest.mark.parametrize(
    ("decorator", "inside"),
    [(tg.no_grad(), False), (tg.enable_grad(), True), (tg.no_grad, False), (tg.enable_grad, True),
     (lambda g: tg.set_grad_enabled(False)(g), False),
     (lambda g: tg.set_grad_enabled(True)(g), True)],
    ids=["no_grad()", "enable_grad()", "no_grad", "enable_grad", "set_grad_enabled(False)", "set_grad_enabled(True)"],
)  # fmt: skip
def test_modes_decorate_functions(decorator: Callable[[Any], Any], inside: bool) -> None:
    for before in (True, False):
        with tg.set_grad_enabled(before):

            @decorator
            def answer(again: bool = False) -> list[bool]:
                """What is recorded in here."""
                return [recorded(), *(answer() if again else [])]

            assert answer.__doc__ == "What is recorded in here."
            assert recorded() is before, "decorating alone changes nothing"
            for _ in range(2):
                assert answer(again=True) == [inside, inside]
                assert recorded() is before


def test_a_mode_takes_functions_alone() -> None:
    with pytest.raises(TypeError, match=r"no_grad takes no 5: write `with no_grad\(\):` or `@no_grad`"):
        tg.no_grad(5)


def test_the_mode_is_each_threads_own() -> None:
    answers = []
    with tg.no_grad():
        thread = threading.Thread(target=lambda: answers.append(recorded()))
        thread.start()
        thread.join()
        assert not recorded()
    assert answers == [True]


@pytest.mark.parametrize("first_to_leave", [0, 1])
def test_a_decorated_function_can_run_in_two_threads_at_once(first_to_leave: int) -> None:
    """In whichever order they leave it, each finds its own mode again."""
    modes, inside, leave = [False, True], [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    @tg.no_grad()
    def wait(k: int) -> None:
        inside[k].set()
        assert leave[k].wait(10)

    def work(k: int) -> bool:
        with tg.set_grad_enabled(modes[k]):
            wait(k)
            return recorded()

    with ThreadPoolExecutor(2) as pool:
        running = []
        for k in range(2):
            running.append(pool.submit(work, k))
            assert inside[k].wait(10)
        for k in (first_to_leave, 1 - first_to_leave):
            leave[k].set()
            assert running[k].result() is modes[k]


def test_create_graph_records_whatever_the_mode() -> None:
    x = leaf(np.array([2.0]))
    y = (x**3).sum()
    with tg.no_grad():
        y.backward(create_graph=True)
    assert x.grad.requires_grad
    slope, x.grad = x.grad, None
    slope.sum().backward()
    equal(x.grad, [12])


# --- several threads --------------------------------------------------------------------------------------------------

POINTS = leaf(np.linspace(0, 1, 50))  # read by all threads, which ask for its gradient without touching its .grad
COMMON = (POINTS.tanh() * POINTS.exp() + POINTS).square()  # walked by all threads


def trained(k: int, capture: bool = False) -> Array:
    """The weights of a network of the thread's own."""
    generator = tg.Generator().manual_seed(k)
    net = nn.Sequential(nn.Linear(3, 4, generator=generator), nn.Tanh(), nn.Linear(4, 2, generator=generator))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    step = tg.capture(step) if capture else step
    x, y = (np.random.default_rng(k).normal(size=(5, n)) for n in (3, 2))
    for _ in range(200):
        step(tg.tensor(x, dtype=np.float32), tg.tensor(y, dtype=np.float32))
    return np.concatenate([parameter.detach().numpy().ravel() for parameter in net.parameters()])


def gradients_of_a_shared_leaf(k: int) -> Array:
    return sum(tg.autograd.grad(((POINTS * k).tanh() * POINTS).sum(), POINTS)[0].numpy() for _ in range(200))


def gradients_through_a_shared_graph(k: int) -> Array:
    cotangent = np.full(POINTS.shape, k)
    return sum(tg.autograd.grad(COMMON, POINTS, cotangent, retain_graph=True)[0].numpy() for _ in range(200))


def gradients_at_shared_memory(k: int) -> Array:
    """A leaf of the thread's own, whose entries are those that all read; and what is kept inside the graph."""
    own = POINTS.detach().requires_grad_()
    for _ in range(200):
        inner = own * k
        inner.retain_grad()
        inner.register_hook(lambda g: g * 2)
        (inner.tanh() * own).sum().backward()
    return np.stack([own.grad.numpy(), inner.grad.numpy()])


def second_derivatives(k: int) -> Array:
    total = np.zeros(POINTS.shape)
    for _ in range(100):
        (slope,) = tg.autograd.grad((POINTS * k).tanh().sum(), POINTS, create_graph=True)
        total += tg.autograd.grad((slope * slope).sum(), POINTS)[0].numpy()
    return total


def modes(k: int) -> Array:
    """Whether graphs were recorded, in blocks and functions with and without recording."""
    answers = []
    for _ in range(200):
        with tg.set_grad_enabled(k % 2 == 0):
            answers += [recorded(), unrecorded(), recorded()]
    return np.array(answers)


@tg.no_grad()
def unrecorded() -> bool:
    return recorded()


def writes(k: int, repetitions: int = 200) -> Array:
    """Which arrays were found to have changed: the thread's own, each second time."""
    x, refused = leaf(np.ones(3)), []
    for repetition in range(repetitions):
        y = (x * x).sum()
        if repetition % 2:
            optim.SGD([x], lr=1.0).step()
        try:
            y.backward()
            refused.append(False)
        except RuntimeError:
            refused.append(True)
    return np.array(refused)


WORK = {
    "train": trained,
    "train, captured": partial(trained, capture=True),
    "a shared leaf": gradients_of_a_shared_leaf,
    "a shared graph": gradients_through_a_shared_graph,
    "leaves that share memory": gradients_at_shared_memory,
    "second derivatives": second_derivatives,
    "modes": modes,
    "writes": writes,
}


def in_threads(chosen: list[Callable[[int], Array]]) -> list[Array]:
    """What each function returns in a thread of its own, while all the threads take turns all the time."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(len(chosen)) as pool:
            return list(pool.map(lambda work, k: work(k), chosen, range(len(chosen))))
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("chosen", [*([work] * 4 for work in WORK.values()), [*WORK.values()]], ids=[*WORK, "mixed"])
def test_threads_compute_what_they_compute_alone(chosen: list[Callable[[int], Array]]) -> None:
    expected = [work(k) for k, work in enumerate(chosen)]
    computed = in_threads(chosen)
    assert POINTS.grad is None
    for one, other in zip(computed, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.long
def test_a_write_is_found_whatever_other_threads_do_meanwhile() -> None:
    """A thread that is late with the time of its own write must not hide that of another: a few of 12,000 writes."""
    found = in_threads([partial(writes, repetitions=3_000)] * 8)
    np.testing.assert_array_equal(np.sum(found, axis=1), 1_500)


def test_a_graph_can_be_continued_and_walked_in_other_threads() -> None:
    """One clock numbers the nodes of all threads, so the order of a graph is the same whoever made its parts."""
    x = leaf(np.array([0.5, -0.25]))
    early = x.tanh()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        late = early
        for pool in (one, other) * 5:
            late = pool.submit(lambda late=late: late * early).result()
        one.submit((late + early).sum().backward).result()
    t = np.tanh([0.5, -0.25])
    equal(x.grad, (11 * t**10 + 1) * (1 - t**2))


def test_a_write_in_another_thread_is_noticed() -> None:
    x = leaf(np.array([0.5, -0.25]))
    y = (x * x).sum()
    with ThreadPoolExecutor(1) as other:
        other.submit(x.detach().add_, 1).result()
    with pytest.raises(RuntimeError, match="changed"):
        y.backward()


# --- graphs that grow at random, beside an oracle that sums over all paths --------------------------------------------

N = 3
MIX = np.array([[0.5, -1.0, 0.25], [0.0, 0.75, 1.0], [-0.5, 0.5, 0.5]])
PICK = [2, 0, 0]
MASK = np.array([True, False, True])
I = np.eye(N)  # noqa: E741

# Each operation of vectors with its Jacobians (rows: output, columns: input), derived by hand.
UNARY: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Array]]] = {
    "tanh": (lambda x: x.tanh(), lambda v: np.diag(1 - np.tanh(v) ** 2)),
    "negative": (lambda x: -x, lambda v: -I),
    "half the square": (lambda x: x**2 / 2, np.diag),
    "matrix": (lambda x: MIX @ x, lambda v: MIX),
    "layer": (lambda x: nn.functional.linear(x, tg.tensor(MIX)), lambda v: MIX),
    "taken twice": (lambda x: x[PICK], lambda v: I[PICK]),
    "mean": (lambda x: np.broadcast_to(x.mean(), (N,)), lambda v: np.full((N, N), 1 / N)),
    "softmax": (lambda x: x.softmax(0), lambda v: np.diag(softmax(v)) - np.outer(softmax(v), softmax(v))),
    "there and back": (lambda x: x.reshape(N, 1).T.clone()[0], lambda v: I),
    "cut off": (lambda x: np.maximum(x, 0.125), lambda v: np.diag(1.0 * (v > 0.125) + 0.5 * (v == 0.125))),
}
BINARY: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Array, Array], tuple[Array, Array]]]] = {
    "add": (lambda a, b: a + b, lambda v, w: (I, I)),
    "subtract": (lambda a, b: a - b, lambda v, w: (I, -I)),
    "multiply": (lambda a, b: a * b, lambda v, w: (np.diag(w), np.diag(v))),
    "where": (lambda a, b: np.where(MASK, a, b), lambda v, w: (np.diag(1.0 * MASK), np.diag(1.0 * ~MASK))),
    "greater": (
        lambda a, b: np.maximum(a, b),
        lambda v, w: (np.diag((v > w) + (v == w) / 2), np.diag((w > v) + (v == w) / 2)),
    ),
    "outer": (
        lambda a, b: (a.reshape(N, 1) * b).mean(0),
        lambda v, w: (np.outer(w, np.ones(N)) / N, v.mean() * I),
    ),
    "joined": (lambda a, b: np.concatenate([a, b])[1 : N + 1], lambda v, w: (np.eye(N, k=1), np.eye(N, k=1 - N))),
}


def softmax(v: Array) -> Array:
    e = np.exp(v - v.max())
    return np.asarray(e / e.sum())


@dataclass(eq=False)
class Vertex:
    """A tensor, what it should hold, and the ways its gradient goes."""

    tensor: tg.Tensor
    value: Array
    ways: list[tuple["Vertex", Array]] = field(default_factory=list)
    gradient: Array | None = None  # of a leaf
    is_leaf: bool = False
    released: bool = False

    @property
    def paths(self) -> int:
        return 1 if self.is_leaf else sum(vertex.paths for vertex, _ in self.ways)

    def reachable(self) -> set["Vertex"]:
        return {self}.union(*(vertex.reachable() for vertex, _ in self.ways))


class GrowingGraph(RuleBasedStateMachine):
    """Vectors of three, computed from each other at will; gradients must be what the oracle adds up over all paths."""

    def __init__(self) -> None:
        super().__init__()
        self.leaves: list[Vertex] = []
        self.computed: list[Vertex] = []
        self.root: Vertex | None = None  # where the last walk began
        self.wrote = False  # into a graph that is alive

    def pick(self, number: int) -> Vertex:
        everything = [*self.leaves, *self.computed]
        return everything[-1 - number % len(everything)]  # small numbers: what was made last

    def keep(self, tensor: tg.Tensor, ways: list[tuple[Vertex, Array]]) -> None:
        value = tensor.detach().numpy().copy()
        ways = [(vertex, jacobian) for vertex, jacobian in ways if vertex.tensor.requires_grad]
        vertex = Vertex(tensor, value, ways if tensor.requires_grad else [])
        if np.abs(value).max() < 50 and vertex.paths < 500:
            self.computed.append(vertex)

    numbers = st.integers(0, 50)
    vectors = st.lists(st.integers(-8, 8).map(lambda k: k / 4), min_size=N, max_size=N).map(np.array)

    @initialize(value=vectors)
    def begin(self, value: Array) -> None:
        self.leaf(value)

    @precondition(lambda self: len(self.leaves) < 4)
    @rule(value=vectors)
    def leaf(self, value: Array) -> None:
        self.leaves.append(Vertex(leaf(value), value, is_leaf=True))

    @rule(name=st.sampled_from(list(UNARY)), number=numbers)
    def one(self, name: str, number: int) -> None:
        x = self.pick(number)
        function, jacobian = UNARY[name]
        self.keep(function(x.tensor), [(x, jacobian(x.value))])

    @rule(name=st.sampled_from(list(BINARY)), first=numbers, second=numbers)
    def two(self, name: str, first: int, second: int) -> None:
        a, b = self.pick(first), self.pick(second)
        function, jacobians = BINARY[name]
        to_a, to_b = jacobians(a.value, b.value)
        self.keep(function(a.tensor, b.tensor), [(a, to_a), (b, to_b)])

    @rule(number=numbers, constant=vectors)
    def with_an_array(self, number: int, constant: Array) -> None:
        x = self.pick(number)
        self.keep(constant * x.tensor, [(x, np.diag(constant))])

    @rule(number=numbers)
    def detach(self, number: int) -> None:
        self.keep(self.pick(number).tensor.detach(), [])

    @rule(name=st.sampled_from(list(UNARY)), number=numbers)
    def unrecorded(self, name: str, number: int) -> None:
        with tg.no_grad():
            self.keep(UNARY[name][0](self.pick(number).tensor), [])

    @rule(number=numbers, value=vectors)
    def write_between_graphs(self, number: int, value: Array) -> None:
        self.computed.clear()
        self.root = None
        x = self.leaves[number % len(self.leaves)]
        with tg.no_grad():
            x.tensor.add_(value)
        x.value = x.value + value

    @rule(number=numbers, value=vectors)
    def write_into_the_graph(self, number: int, value: Array) -> None:
        written = self.pick(number).tensor
        if not written._data.flags.writeable:  # what was broadcast
            return
        with tg.no_grad():
            written.add_(value)
        self.wrote = True
        for vertex in [*self.leaves, *self.computed]:
            if np.shares_memory(vertex.tensor._data, written._data):
                vertex.value = vertex.tensor._data.copy()

    @rule(number=numbers)
    def forget_gradient(self, number: int) -> None:
        x = self.leaves[number % len(self.leaves)]
        x.tensor.grad = x.gradient = None

    how = st.fixed_dictionaries({"retain_graph": st.sampled_from([None, True, False]), "create_graph": st.booleans()})

    @rule(number=numbers, cotangent=vectors, how=how)
    def backward(self, number: int, cotangent: Array, how: dict[str, Any]) -> None:
        self.root = self.pick(number)
        self.backward_again(cotangent, how)

    def forget(self, passed: set[Vertex]) -> None:
        """Leave alone what a walk that stopped halfway may have released, and all that was computed from it."""
        self.computed = [vertex for vertex in self.computed if passed.isdisjoint(vertex.reachable())]
        self.root = None

    @precondition(lambda self: self.root is not None)
    @rule(cotangent=vectors, how=how)
    def backward_again(self, cotangent: Array, how: dict[str, Any]) -> None:
        root = self.root
        assert root is not None
        if not root.tensor.requires_grad:
            with pytest.raises(RuntimeError, match="does not require a gradient"):
                root.tensor.backward(cotangent, **how)
            return
        passed = {vertex for vertex in root.reachable() if not vertex.is_leaf}
        if any(vertex.released for vertex in passed):
            with pytest.raises(RuntimeError, match="released|was changed" if self.wrote else "released"):
                root.tensor.backward(cotangent, **how)
            self.forget(passed)
            return
        try:
            root.tensor.backward(cotangent, **how)
        except RuntimeError as error:
            # An array that was needed has changed. Where it was not needed, the gradients must still be right.
            if not (self.wrote and "was changed" in str(error)):
                raise
            self.forget(passed)
            return
        self.follow(root, cotangent)
        if not (how["create_graph"] if how["retain_graph"] is None else how["retain_graph"]):
            for vertex in passed:
                vertex.released = True

    def follow(self, vertex: Vertex, gradient: Array) -> None:
        """Each path from the root brings its own product of Jacobians."""
        if vertex.is_leaf:
            vertex.gradient = gradient + (0 if vertex.gradient is None else vertex.gradient)
        for earlier, jacobian in vertex.ways:
            self.follow(earlier, gradient @ jacobian)

    @rule()
    def compare(self) -> None:
        for x in self.leaves:
            assert (x.tensor.grad is None) == (x.gradient is None)
            if x.gradient is not None:
                np.testing.assert_allclose(x.tensor.grad.detach(), x.gradient, rtol=1e-9, atol=1e-9 * self.scale(x))

    @staticmethod
    def scale(x: Vertex) -> float:
        return max(1.0, float(np.abs(x.gradient).max()))

    def teardown(self) -> None:
        self.compare()
        for vertex in [*self.leaves, *self.computed]:
            np.testing.assert_array_equal(vertex.tensor.detach(), vertex.value, "a value changed")
        for x in self.leaves:
            x.tensor.grad = None  # gradients that were recorded refer to the leaf that holds them


TestGrowingGraph = GrowingGraph.TestCase
TestGrowingGraph.settings = settings(max_examples=8 * settings.default.max_examples, stateful_step_count=40)


# --- the door to BLAS -------------------------------------------------------------------------------------------------

IN_MEMORY: dict[str, Callable[[Array], Array]] = {
    "rows": np.ascontiguousarray,
    "columns": np.asfortranarray,
    "every second": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "unaligned": lambda a: unaligned(a),
}


def unaligned(array: Array) -> Array:
    """A copy that begins one byte after where a number may begin."""
    copied = np.ndarray(array.shape, array.dtype, buffer=bytearray(array.nbytes + 1), offset=1)
    copied[...] = array
    return copied


lengths = st.sampled_from([0, 1, 2, 5, 70])
dtypes = st.sampled_from([np.float32, np.float64])
layouts = st.sampled_from(list(IN_MEMORY.values()))
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@given(lengths, lengths, lengths, dtypes, dtypes, layouts, layouts, generators)
def test_products_are_numpys(
    n: int, k: int, m: int, dtype: Any, other: Any, left: Any, right: Any, generator: np.random.Generator
) -> None:
    a, b = left(generator.normal(size=(n, k)).astype(dtype)), right(generator.normal(size=(k, m)).astype(other))
    product = blas.matmul(a, b)
    assert (product.shape, product.dtype) == ((n, m), np.result_type(a, b))
    assert not np.shares_memory(product, a)
    assert not np.shares_memory(product, b)
    precision = 1e-4 if np.float32 in (dtype, other) else 1e-12
    np.testing.assert_allclose(product, a.astype(float) @ b.astype(float), rtol=precision, atol=precision)
    factored = blas.Product(a, b)
    assert factored.shape == (n, m)
    np.testing.assert_array_equal(factored.dense(), product)


@given(
    lengths, lengths, lengths, dtypes, dtypes, dtypes, layouts, layouts, layouts, generators, st.booleans()
)  # fmt: skip
def test_affine_maps_are_a_product_and_a_row(
    n: int, k: int, m: int, dtype: Any, other: Any, third: Any, left: Any, right: Any, below: Any,
    generator: np.random.Generator, transposed: bool,
) -> None:  # fmt: skip
    """Of matrices and a row of one dtype; all else is declined, not converted."""
    a = left(generator.normal(size=(n, k)).astype(dtype))
    b = right(generator.normal(size=(m, k)).astype(other)).T if transposed else right(
        generator.normal(size=(k, m)).astype(other)
    )  # fmt: skip
    c = below(generator.normal(size=m).astype(third))
    before, result = c.copy(), blas.affine(a, b, c)
    if not (dtype is other is third and n and k and m):
        assert result is None
        return
    assert (result.shape, result.dtype) == ((n, m), dtype)
    precision = 1e-4 if dtype is np.float32 else 1e-12
    expected = a.astype(float) @ b.astype(float) + c.astype(float)
    np.testing.assert_allclose(result, expected, rtol=precision, atol=precision)
    for operand in (a, b, c):
        assert not np.shares_memory(result, operand)
    np.testing.assert_array_equal(c, before)
    routine, arguments = blas.product_into(a, b, again := np.empty_like(result), 1.0)
    again[...] = c
    routine(*arguments)
    np.testing.assert_array_equal(again, result)  # to the bit: a captured step computes with these two


@given(
    lengths, lengths, lengths, dtypes, dtypes, layouts, layouts, layouts, generators,
    st.booleans(), st.sampled_from([1.0, -1.0, 0.5, -3.0, 0.0]), st.sampled_from([1.0, 0.0, 0.9]),
)  # fmt: skip
def test_what_is_added_to_an_array_arrives_there(
    n: int, k: int, m: int, dtype: Any, other: Any, left: Any, right: Any, below: Any, generator: np.random.Generator,
    factored: bool, alpha: float, beta: float,
) -> None:  # fmt: skip
    """In its own memory, however it lies there; no routine may update a copy in its stead."""
    a, b = left(generator.normal(size=(n, k)).astype(other)), right(generator.normal(size=(k, m)).astype(other))
    shape = (n, m) if factored or m != 1 else (n,)
    target = below(generator.normal(size=shape).astype(dtype))
    before, gradient = target.copy(), blas.Product(a, b) if factored else (a @ b).reshape(shape)
    blas.Target(target).add(gradient, alpha, beta)
    precision = 1e-4 if np.float32 in (dtype, other) else 1e-12
    expected = beta * before.astype(float) + alpha * (a.astype(float) @ b.astype(float)).reshape(shape)
    np.testing.assert_allclose(target, expected, rtol=precision, atol=precision)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5,), (1, 5), (5, 3)])
@pytest.mark.parametrize("below", IN_MEMORY)
@pytest.mark.parametrize("above", IN_MEMORY)
def test_sums_of_arrays_however_they_lie_in_memory(dtype: Any, shape: tuple[int, ...], below: str, above: str) -> None:
    target = IN_MEMORY[below](np.ones(shape, dtype))
    gradient = IN_MEMORY[above](np.arange(math.prod(shape), dtype=dtype).reshape(shape))
    blas.Target(target).add(gradient, 0.5)
    np.testing.assert_array_equal(target, 1 + 0.5 * gradient)
    for rank in (1, 2) if len(shape) == 2 else ():
        target[...] = 1
        ones = IN_MEMORY[above](np.ones((shape[0], rank), dtype))
        blas.Target(target).add(blas.Product(ones, np.ones((rank, shape[1]), dtype)), 0.5)
        np.testing.assert_array_equal(target, np.full(shape, 1 + rank / 2))


@pytest.mark.parametrize("shape", [(2, 3), (3,), (1, 3)])
@pytest.mark.parametrize("factored", [False, True])
def test_nothing_is_added_where_it_does_not_fit(shape: tuple[int, ...], factored: bool) -> None:
    target = np.ones(shape)
    for rows, columns in [(2, 4), (3, 3), (1, 1), (6, 1)]:
        for rank in (1, 2):
            gradient = blas.Product(np.ones((rows, rank)), np.ones((rank, columns)))
            with pytest.raises(ValueError, match=r"shape|dimension|size"):
                blas.Target(target).add(gradient if factored else gradient.dense())
    np.testing.assert_array_equal(target, np.ones(shape))


@pytest.mark.parametrize("shape", [(2, 3), (3,), (0, 3)])
@pytest.mark.parametrize("alpha", [1.0, -1.0, 0.5])
def test_nothing_is_written_to_what_is_read_only(shape: tuple[int, ...], alpha: float) -> None:
    array = np.ones(shape)
    target = blas.Target(array)
    array.flags.writeable = False  # also if that comes later
    factored = [blas.Product(np.ones((shape[0], 1)), np.ones((1, 3)))] if len(shape) == 2 else []
    for gradient in (np.ones(shape), *factored):
        for adding in (target, blas.Target(array)):
            with pytest.raises(ValueError, match="read-only"):
                adding.add(gradient, alpha)
    np.testing.assert_array_equal(array, np.ones(shape))


# --- factored gradients -----------------------------------------------------------------------------------------------

ACTIONS = ["backward", "backward", "step", "read", "clear", "zero"]


class Net:
    """``net(x) = tanh(x Wᵀ + b)`` with a square W, so that it can be applied to itself."""

    def __init__(self, layer: Callable[..., Any], weight: Array, bias: Array, options: dict[str, Any]) -> None:
        self.layer, self.parameters = layer, [leaf(weight), leaf(bias)]
        self.optimizer = optim.SGD(self.parameters, lr=0.1, **options)

    def backward(self, x: Array, times: int, own_weight: bool, cotangent: Array) -> None:
        h = self.parameters[0].detach() if own_weight else tg.tensor(x)
        for _ in range(times):
            h = self.layer(h, *self.parameters).tanh()
        (h * cotangent[: h.shape[0]]).sum().backward()

    def act(self, action: str) -> None:
        if action == "step":
            self.optimizer.step()
        elif action == "clear":
            self.optimizer.zero_grad()
        elif action == "zero":
            self.optimizer.zero_grad(set_to_none=False)


@pytest.mark.filterwarnings("ignore::tinygrad_mlp.optim.StepWarning")
@given(data=st.data())
def test_factored_gradients_are_the_dense_ones(data: st.DataObject) -> None:
    """Whatever is read, accumulated, cleared and stepped, in whichever order, once or twice through the same weight."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    weight, bias = rng.normal(size=(3, 3)), rng.normal(size=3)
    options = data.draw(
        st.fixed_dictionaries(
            {},
            optional={
                "momentum": st.just(0.9),
                "weight_decay": st.just(0.01),
                "maximize": st.booleans(),
            },
        )
    )
    if "momentum" in options:
        options |= data.draw(st.sampled_from([{}, {"nesterov": True}, {"dampening": 0.5}]))
    factored = Net(nn.functional.linear, weight, bias, options)
    dense = Net(lambda x, w, b: x @ w.T + b, weight, bias, options)
    for action in data.draw(st.lists(st.sampled_from(ACTIONS), max_size=12)):
        if action == "backward":
            x, cotangent = rng.normal(size=(data.draw(st.integers(1, 3)), 3)), rng.normal(size=(3, 3))
            how = data.draw(st.integers(1, 3)), data.draw(st.booleans())
            for net in (factored, dense):
                net.backward(x, *how, cotangent)
        elif action == "read":
            for one, other in zip(factored.parameters, dense.parameters, strict=True):
                assert (one.grad is None) == (other.grad is None)
                if one.grad is not None:
                    equal(one.grad, other.grad.numpy())
        else:
            for net in (factored, dense):
                net.act(action)
    for one, other in zip(factored.parameters, dense.parameters, strict=True):
        equal(one, other.detach().numpy())


@pytest.mark.parametrize("rows", [1, 5])
def test_a_large_weight_that_is_its_own_input_steps_right(rows: int) -> None:
    """BLAS updates the weight in place while it reads the factors, so they must not be the weight."""
    weight = np.random.default_rng(0).normal(size=(300, 300))
    expected = weight - np.ones((300, rows)) @ weight[:rows]
    for own in (lambda w: w.detach()[:rows], lambda w: nn.Parameter(w.detach(), requires_grad=False)[:rows]):
        w = leaf(weight)
        nn.functional.linear(own(w), w).sum().backward()
        optim.SGD([w], lr=1.0).step()
        equal(w, expected)


def test_factors_that_a_rule_makes_itself_are_multiplied_like_others() -> None:
    @tg.differentiable(lambda g, y, w: blas.Product(g.T, np.full((1, 3), 2.0)))
    def doubled(w: Any) -> Any:
        return w.sum(1)[None] * 2

    w = leaf(np.ones((2, 3)))
    doubled(w).backward(np.array([[5.0, 7.0]]))
    equal(w.grad, np.array([[10.0], [14.0]]) * np.ones(3))


def test_a_factored_gradient_is_a_tensor_like_any_other() -> None:
    w = tg.tensor([[1.0, 2.0]], requires_grad=True)
    nn.functional.linear(tg.tensor([[3.0, 4.0], [5.0, 6.0]]), w).sum().backward()
    assert type(w.grad) is tg.Tensor
    assert (w.grad.shape, w.grad.dtype, w.grad.requires_grad) == ((1, 2), np.float32, False)
    assert w.grad is w.grad
    w.grad.mul_(2)
    equal(w.grad, [[16, 20]])
    optim.SGD([w], lr=0.5).step()
    equal(w, [[-7, -8]])


def test_a_leaf_that_is_not_among_the_inputs_gets_no_gradient() -> None:
    a, b = leaf(np.array([1.0])), leaf(np.array([2.0]))
    a.backward(inputs=[b])
    assert a.grad is None
    assert b.grad is None
    a.backward(inputs=[a])
    equal(a.grad, [1])
