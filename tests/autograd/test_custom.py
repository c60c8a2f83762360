"""A user's Function or rule is the derivative that is used; one that breaks its contract raises and says how."""

import gc
import re
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from checks import equal
from hypothesis import given
from strategies import Array, leaf, no_collector, numbers

import tinygrad_mlp as tg
from tinygrad_mlp.autograd import Function, grad

X = tg.ones(2, requires_grad=True)


class Polar(Function):
    """Radius and angle of (x, y). The argument `name` is not a Tensor."""

    calls = 0

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor, name: str, y: tg.Tensor) -> Any:
        assert not x.requires_grad
        assert not tg.is_grad_enabled()
        radius = (x * x + y * y).sqrt()
        ctx.name = name
        ctx.save_for_backward(x, radius, y)
        return radius, (y / x).atan()

    @staticmethod
    def backward(ctx: Any, radius: tg.Tensor, angle: tg.Tensor) -> Any:
        Polar.calls += 1
        assert ctx.name == "polar"
        x, r, y = ctx.saved_tensors
        return radius * x / r - angle * y / r**2, None, radius * y / r + angle * x / r**2


@given(a=numbers((2, 2), 0.5, 2), b=numbers((2, 2)), v=numbers((2, 2)), w=numbers((2, 2)))
def test_a_function_has_the_derivatives_of_the_same_formula_in_operators(
    a: Array, b: Array, v: Array, w: Array
) -> None:
    def plain(x: tg.Tensor, y: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        return (x * x + y * y).sqrt(), (y / x).atan()

    def own(x: tg.Tensor, y: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        radius, angle = Polar.apply(x, "polar", y)
        return radius, angle

    found = []
    for function in (plain, own):
        x, y = leaf(a), leaf(b)
        outputs = function(x, y)
        first = grad(outputs, [x, y], [v, w], create_graph=True)
        found.append([*outputs, *first, *grad([g.sin().sum() for g in first], [x, y])])
    for expected, actual in zip(*found, strict=True):
        equal(actual, expected.detach())


def test_backward_of_a_function_is_called_once_for_each_walk() -> None:
    x, y = leaf(np.array(1.0)), leaf(np.array(2.0))
    Polar.calls = 0
    radius, angle = Polar.apply(x, "polar", y)
    (radius + angle).backward()
    assert Polar.calls == 1
    alone = Polar.apply(x, "polar", tg.tensor(2.0))[1]
    equal(grad(alone, x)[0], -0.4)
    with tg.no_grad():
        assert Polar.apply(x, "polar", y)[0].requires_grad is False


class Sorted(Function):
    """The entries in ascending order, where each of them was, and the largest."""

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> Any:
        ctx.needed = ctx.needs_input_grad
        order = tg.tensor(np.argsort(x.numpy()))
        largest = x.max()
        ctx.mark_non_differentiable(largest)
        ctx.save_for_backward(order)
        return x[order], order, largest

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor, of_order: tg.Tensor, of_largest: tg.Tensor) -> tg.Tensor:
        assert ctx.needed == (True,)
        np.testing.assert_array_equal(of_order, [0, 0, 0])
        np.testing.assert_array_equal(of_largest, 0)
        (order,) = ctx.saved_tensors
        return g[np.argsort(order.numpy())]


def test_outputs_without_a_derivative() -> None:
    x = leaf(np.array([3.0, 1.0, 2.0]))
    values, order, largest = Sorted.apply(x)
    np.testing.assert_array_equal(order, [1, 2, 0])
    assert (order.dtype, order.requires_grad, largest.requires_grad) == (np.int64, False, False)
    equal(largest, 3)
    equal(grad((values * tg.tensor(np.array([1.0, 10, 100]))).sum(), x)[0], [100, 1, 10])


def function_of(forward: Callable[..., Any], backward: Callable[..., Any]) -> type[Function]:
    """The Function with these two methods, named Custom."""
    return type("Custom", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def test_outputs_of_several_dtypes_keep_them() -> None:
    both = function_of(lambda ctx, x: (x.float(), x * 1), lambda ctx, single, double: single.double() + double)
    x = leaf(np.array([1.0, 2.0]))
    single, double = both.apply(x)
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    equal(grad([single.sum(), double.sum()], x)[0], [2, 2])


def test_none_returned_by_backward_is_a_gradient_of_zeros() -> None:
    ignoring = function_of(lambda ctx, x: x * 1, lambda ctx, g: (None,))
    equal(grad(ignoring.apply(X).sum(), X)[0], [0, 0])


BAD_FUNCTIONS: dict[str, tuple[type[Exception], str, type[Function]]] = {
    "a gradient too few": (
        RuntimeError,
        "returned 1 gradients for the 2",
        function_of(lambda c, x, n: x * n, lambda c, g: g),
    ),
    "a gradient that is no Tensor": (
        TypeError,
        "ndarray",
        function_of(lambda c, x, n: x * n, lambda c, g: (np.ones(2), None)),
    ),
    "nothing": (
        TypeError,
        r"backward returned None: end it with return .*\(None, None\)",
        function_of(lambda c, x, n: x * n, lambda c, g: None),
    ),
    "a list": (
        TypeError,
        "argument 0 of forward it returned a list: return a tuple",
        function_of(lambda c, x: x * 1, lambda c, g: [g]),
    ),
    "a gradient of a number": (
        TypeError,
        "gradient for argument 1 of forward, which is no Tensor but 2: return None",
        function_of(lambda c, x, n: x * n, lambda c, g: (g, g)),
    ),
    "an output that is no Tensor": (TypeError, "list", function_of(lambda c, x, n: [1.0], lambda c, g: (g, None))),
    "a number saved": (
        TypeError,
        "ctx.name",
        function_of(lambda c, x, n: c.save_for_backward(n), lambda c, g: (g, None)),
    ),
    "a gradient of another shape": (
        RuntimeError,
        r"\(5,\)",
        function_of(lambda c, x, n: x * n, lambda c, g: (tg.ones(5), None)),
    ),
    "no forward": (NotImplementedError, "forward", type("Custom", (Function,), {})),
    "no backward": (NotImplementedError, "backward", type("Custom", (Function,), {"forward": lambda ctx, x, n: x * n})),
}


@pytest.mark.parametrize("name", BAD_FUNCTIONS)
def test_bad_functions_say_what_is_wrong(name: str) -> None:
    error, message, function = BAD_FUNCTIONS[name]
    with pytest.raises(error, match=message):
        function.apply(*[X, 2][: 1 if name == "a list" else 2]).sum().backward()
    assert X.grad is None


def test_gradients_that_backward_returns_are_copied() -> None:
    kept = tg.ones(2)
    keeping = function_of(lambda ctx, x: x * 1, lambda ctx, g: kept)
    x = tg.ones(2, requires_grad=True)
    keeping.apply(x).sum().backward()
    assert x.grad is not None
    assert not np.shares_memory(x.grad._data, kept._data)


def test_a_function_notices_inputs_that_change() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * 1
    square = function_of(lambda ctx, y: ctx.save_for_backward(y) or y * y, lambda ctx, g: 2 * g * ctx.saved_tensors[0])
    z = square.apply(y)
    with tg.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match="Custom"):
        z.sum().backward()


def test_functions_and_second_derivatives_leave_nothing_behind() -> None:
    with no_collector():
        x, y = leaf(np.ones(3)), leaf(np.ones(3))
        radius, _ = Polar.apply(x, "polar", y)
        (first,) = grad(radius.sum(), x, create_graph=True)
        grad(first.sum(), x)
        references = [weakref.ref(radius), weakref.ref(first), weakref.ref(radius._data), weakref.ref(first._data)]
        del radius, first, _
        assert [reference() for reference in references] == [None] * 4


class TwoExp(Function):
    """2 eˣ, which keeps eˣ: where and how is a class attribute."""

    keep: Callable[[Any, tg.Tensor], None]
    kept: Callable[[Any], tg.Tensor]

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        TwoExp.keep(ctx, x.exp())
        ctx.positive = x > 0
        return x.exp() * 2

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        return g * 2 * TwoExp.kept(ctx)


KEEPING: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any], Any]]] = {
    "saved_tensors[0]": (lambda ctx, e: ctx.save_for_backward(e), lambda ctx: ctx.saved_tensors[0]),
    "ctx.e": (lambda ctx, e: setattr(ctx, "e", e), lambda ctx: ctx.e),
    "ctx.array": (lambda ctx, e: setattr(ctx, "array", e.numpy()), lambda ctx: ctx.array),
    "ctx._hidden": (lambda ctx, e: setattr(ctx, "_hidden", e), lambda ctx: ctx._hidden),
    "ctx.named": (lambda ctx, e: setattr(ctx, "named", {"e": [[e]]}), lambda ctx: ctx.named["e"][0][0]),
    "ctx.several": (lambda ctx, e: setattr(ctx, "several", [1, e]), lambda ctx: ctx.several[1]),
}


@pytest.mark.parametrize("name", KEEPING)
def test_an_intermediate_result_serves_the_first_derivative_alone(name: str) -> None:
    TwoExp.keep, TwoExp.kept = map(staticmethod, KEEPING[name])  # type: ignore[assignment]
    x = leaf(np.array([0.5, 1.0]))
    (first,) = grad((TwoExp.apply(x) * x).sum(), x)
    np.testing.assert_allclose(first.numpy(), 2 * np.exp(x.detach().numpy()) * (1 + x.detach().numpy()))
    with pytest.raises(RuntimeError, match=re.escape(f"TwoExp.backward cannot be differentiated: {name} of shape")):
        grad((TwoExp.apply(x) * x).sum(), x, create_graph=True)


def test_an_output_that_is_kept_can_be_differentiated_again() -> None:
    class Exp(Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            y = x.exp()
            ctx.save_for_backward(y, x > 0)
            return y

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            return g * ctx.saved_tensors[0]

    x = leaf(np.array(1.0))
    (first,) = grad(Exp.apply(x) * x, x, create_graph=True)
    (second,) = grad(first, x)
    np.testing.assert_allclose(second.numpy(), 3 * np.e)


def test_apply_of_the_base_class_is_refused() -> None:
    with pytest.raises(TypeError, match="is a subclass with forward and backward"):
        Function.apply(X)


# --- functions with rules ---------------------------------------------------------------------------------------------


def scaled(x: Any, scale: float = 2.0) -> Any:
    return x * scale


def with_rules(*rules: Any) -> Callable[..., Any]:
    return tg.differentiable(*rules)(scaled)


def returning(value: Any) -> Any:
    return tg.differentiable(lambda g, y, x: g)(lambda x: value)(X)


BAD_RULES: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: with_rules(lambda g, y, x: g)(X, scale=3.0),
        r"the rules of scaled do not take its option scale=: .* lambda g, y, x, scale: \.\.\.",
    ),
    (lambda: with_rules(lambda g, y, x: g)(X, 3.0), "do not take its option scale="),
    (lambda: with_rules(lambda g, y, x: g)(X, X), "rules for 1 of its inputs, but scale is an input as well"),
    (
        lambda: with_rules(lambda g, y, x, scale: g * scale),
        r"option scale=2\.0, but a rule has no default for it: write scale=2\.0",
    ),
    (lambda: with_rules(lambda g, y, x, scale=1: g * scale), r"has the default 1 for it"),
    (
        lambda: tg.differentiable(lambda g, y, a, b, k=1: g, lambda g, y, a, b: g)(lambda a, b, k=1: a)(X, X, k=2),
        "do not take its option k=",
    ),
    (lambda: with_rules(lambda g, y, x: g)(x=X), "has no rule for the Tensor x"),
    (
        lambda: np.sum(X, where=np.array([True, False])),
        "sum of a Tensor does not take where=, only axis= and keepdims=",
    ),
    (lambda: returning(None), "returned None, but a differentiable function returns one array: end it with return"),
    (lambda: returning((np.ones(2), np.ones(2))), "for several outputs write an autograd.Function"),
    (lambda: returning(np.array(["a"])), "one array"),
]


@pytest.mark.parametrize(("call", "message"), BAD_RULES, ids=[message for _, message in BAD_RULES])
def test_bad_rules_say_what_is_wrong(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


def test_rules_are_given_the_options_of_the_call_and_else_their_defaults() -> None:
    times = with_rules(lambda g, y, x, scale=2.0: g * scale)
    x = leaf(np.array(1.0))
    equal(grad(times(x), x)[0], 2)
    equal(grad(times(x, scale=5.0), x)[0], 5)


def test_a_row_that_is_added_later_takes_the_place_of_the_rules() -> None:
    double = tg.differentiable(lambda g, y, x: g * 2)(lambda x: x * 2)
    x = leaf(np.array(1.0))
    equal(grad(double(x), x)[0], 2)
    tg.add_row(double, lambda g, y, x: g * 3)
    equal(grad(double(x), x)[0], 3)


def test_functions_with_rules_and_classes_of_functions_are_released() -> None:
    """Nothing global keeps them, even where a rule refers to its own function, as that of a sine does."""

    def made(shift: int) -> list[weakref.ref[Any]]:
        @tg.differentiable(lambda g, y, x: g * sine(x + np.pi / 2))
        def sine(x: Any) -> Any:
            return np.sin(x) + 0 * shift

        cube = function_of(lambda ctx, x: x**3, lambda ctx, g: g)
        x = leaf(np.array(1.0))
        (first,) = grad(sine(cube.apply(x)), x, create_graph=True)
        first.backward()
        return [weakref.ref(sine), weakref.ref(cube)]

    references = [reference for shift in range(20) for reference in made(shift)]
    gc.collect()
    assert [reference() for reference in references] == [None] * 40


def test_a_differentiable_function_needs_a_rule() -> None:
    with pytest.raises(TypeError, match="takes a rule for each input of scaled"):
        tg.differentiable()(scaled)


def test_surplus_arguments_are_refused() -> None:
    double = tg.differentiable(lambda g, _y, _x, scale=2: g * scale)(lambda x, scale=2: x * scale)
    equal(double(leaf([1.0]), 3), [3])
    for surplus in (("junk", None), (3, 4)):
        with pytest.raises(TypeError, match="takes 2 positional arguments, but 3 were given"):
            double(leaf([1.0]), *surplus)
