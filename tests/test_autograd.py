"""What is done with the walk: grad, Jacobians and Hessians, gradcheck, functions of one's own, and finding NaN."""

import gc
import inspect
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from strategies import Array, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp.autograd import Function, detect_anomaly, functional, grad, gradcheck, gradgradcheck


def equal(actual: Any, expected: Any) -> None:
    assert isinstance(actual, tg.Tensor)
    np.testing.assert_allclose(actual.detach(), expected, rtol=1e-12, atol=1e-12)


# --- grad and backward ------------------------------------------------------------------------------------------------


@given(a=numbers((3,)), b=numbers((3,)), v=numbers((3,)))
def test_grad_is_what_backward_collects(a: Array, b: Array, v: Array) -> None:
    def run(x: tg.Tensor, y: tg.Tensor) -> list[tg.Tensor]:
        product = x * y
        return [product.sin() + x, product.sum()]

    x, y = leaf(a), leaf(b)
    found = grad(run(x, y), [x, y], [v, None])
    assert x.grad is None
    assert y.grad is None
    tg.autograd.backward(run(x, y), [tg.tensor(v), None])
    for gradient, collected in zip(found, (x.grad, y.grad), strict=True):
        assert not gradient.requires_grad
        np.testing.assert_array_equal(gradient, collected)
    equal(found[0], v * np.cos(a * b) * b + v + b)


def test_grad_is_a_tuple_for_one_input_too() -> None:
    x = leaf(np.array(3.0))
    found = grad(x * x, x)
    assert type(found) is tuple
    equal(found[0], 6)


def test_grad_of_computed_inputs() -> None:
    x = leaf(np.array([1.0, 2.0]))
    y = x * x
    z = y * x
    equal(grad(z.sum(), y, retain_graph=True)[0], [1, 2])
    for found, expected in zip(grad(z.sum(), [x, y, z]), ([3, 12], [1, 2], [1, 1]), strict=True):
        equal(found, expected)


def test_grad_of_an_output_in_itself_is_the_cotangent() -> None:
    x = leaf(np.array([1.0, 2.0]))
    v = np.array([5.0, 6.0])
    (found,) = grad(x, x, v)
    equal(found, v)
    v[0] = 7
    equal(found, [5, 6])


def test_gradients_alias_nothing() -> None:
    x = leaf(np.array([1.0, 2.0]))
    first, second = grad((x + 1).sum(), [x, x])
    equal(first, second)
    assert not np.shares_memory(first._data, second._data)
    cotangent = np.ones(2)
    (found,) = grad(x + 1, x, cotangent)
    assert not np.shares_memory(found._data, cotangent)


def test_grad_releases_the_graph_unless_told_not_to() -> None:
    x = leaf(np.array(2.0))
    y = x * x
    grad(y, x, retain_graph=True)
    grad(y, x, create_graph=True)
    grad(y, x)
    with pytest.raises(RuntimeError, match="retain_graph"):
        grad(y, x)


def test_an_unused_input_is_named() -> None:
    x, y = leaf(np.ones(2)), leaf(np.ones((3, 1)))
    z = (x * x).sum()
    with pytest.raises(RuntimeError, match=r"inputs\[1\], of shape \(3, 1\).*allow_unused.*materialize_grads"):
        grad(z, [x, y], retain_graph=True)
    used, unused = grad(z, [x, y], retain_graph=True, allow_unused=True)
    equal(used, [2, 2])
    assert unused is None
    equal(grad(z, [x, y], materialize_grads=True)[1], np.zeros((3, 1)))
    with pytest.raises(ValueError, match="leave allow_unused=False out"):
        grad(z, [x, y], materialize_grads=True, allow_unused=False)


def test_hooks_of_leaves_see_and_replace_what_grad_returns() -> None:
    x = leaf(np.array([1.0, 2.0]))
    x.register_hook(lambda g: g * 10)
    equal(grad((x * x).sum(), x)[0], [20, 40])


@given(a=numbers((3,)), v=numbers((3,)))
def test_gradients_can_be_differentiated_for_cotangents_too(a: Array, v: Array) -> None:
    x, w = leaf(a), leaf(v)
    (first,) = grad(x**3, x, w, create_graph=True)
    in_x, in_w = grad(first.sum(), [x, w])
    equal(in_x, 6 * a * v)
    equal(in_w, 3 * a**2)


X = tg.ones(2, requires_grad=True)

BAD_CALLS: dict[str, tuple[type[Exception], str, Callable[[], Any]]] = {
    "an output that is no Tensor": (TypeError, "outputs.*float", lambda: grad(3.0, X)),
    "an input that is no Tensor": (TypeError, "inputs.*ndarray", lambda: grad(X.sum(), [np.ones(2)])),
    "a cotangent too few": (ValueError, "2 outputs", lambda: grad([X.sum(), X.sum()], X, [tg.tensor(1.0)])),
    "a cotangent of another shape": (ValueError, r"\(3,\).*\(2,\)", lambda: grad(X * 2, X, tg.ones(3))),
    "no cotangent for many": (RuntimeError, r"\(2,\).*gradient=", lambda: grad(X * 2, X)),
    "an output without a graph": (RuntimeError, "requires_grad=True", lambda: grad(tg.ones(1), X)),
    "an input without a gradient": (RuntimeError, "requires_grad=True", lambda: grad(X.sum(), tg.ones(2))),
    "backward of an array": (TypeError, "outputs.*ndarray", lambda: tg.autograd.backward(np.ones(2))),
    "a Hessian of many": (RuntimeError, r"one entry.*\(2,\)", lambda: functional.hessian(lambda x: x, X)),
    "a Hessian of a float": (RuntimeError, "one entry.*float", lambda: functional.hessian(lambda x: 1.0, X)),
    "a Jacobian of a float": (TypeError, "outputs.*float", lambda: functional.jacobian(lambda x: 1.0, X)),
    "a Jacobian at an array": (TypeError, "inputs.*ndarray", lambda: functional.jacobian(lambda x: x, np.ones(2))),
    "v of another shape": (RuntimeError, r"\(3,\).*\(2,\)", lambda: functional.vhp(lambda x: x.sum(), X, tg.ones(3))),
    "v too many": (RuntimeError, "v has shapes", lambda: functional.jvp(lambda x: x, X, (tg.ones(2), tg.ones(2)))),
    "v forgotten": (RuntimeError, "needs v", lambda: functional.jvp(lambda x: x, X)),
    "a strict constant": (RuntimeError, "strict", lambda: functional.vjp(lambda x: tg.ones(1), X, strict=True)),
    "a strict unused input": (
        RuntimeError, "input 1.*strict", lambda: functional.jacobian(lambda x, y: x, (X, tg.ones(1)), strict=True)
    ),
    "gradcheck of constants": (ValueError, "requires_grad=True", lambda: gradcheck(lambda x: x, tg.ones(2))),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_CALLS)
def test_bad_calls_say_what_is_wrong(name: str) -> None:
    error, message, call = BAD_CALLS[name]
    with pytest.raises(error, match=message):
        call()
    assert X.grad is None


# --- Jacobians, Hessians and their products ---------------------------------------------------------------------------


def field(x: tg.Tensor, w: tg.Tensor) -> tg.Tensor:
    return (x @ w).tanh() * x.sum()


@given(a=numbers((2, 3)), b=numbers((3,)), u=numbers((2,)), v=numbers((2, 3)), w=numbers((3,)))
def test_products_are_those_of_the_jacobian(a: Array, b: Array, u: Array, v: Array, w: Array) -> None:
    inputs, tangents = (tg.tensor(a), tg.tensor(b)), (tg.tensor(v), tg.tensor(w))
    in_x, in_w = (block.numpy() for block in functional.jacobian(field, inputs))
    output, (left, right) = functional.vjp(field, inputs, tg.tensor(u))
    equal(output, field(*inputs).detach())
    equal(left, np.tensordot(u, in_x, 1))
    equal(right, u @ in_w)
    output, product = functional.jvp(field, inputs, tangents)
    equal(output, field(*inputs).detach())
    equal(product, np.tensordot(in_x, v, 2) + in_w @ w)


@given(a=numbers((3,)), v=numbers((3,)))
def test_hessian_of_a_known_function(a: Array, v: Array) -> None:
    """Σ xᵢ³ + (Π xᵢ): 6 xᵢ on the diagonal, the third factor elsewhere."""

    def function(x: tg.Tensor) -> tg.Tensor:
        return (x**3).sum() + x.prod()

    expected = np.diag(6 * a) + np.prod(a) / np.outer(a, a) * (1 - np.eye(3))
    x = tg.tensor(a)
    equal(functional.hessian(function, x), expected)
    for product in (functional.hvp, functional.vhp):
        output, found = product(function, x, tg.tensor(v))
        equal(output, function(x))
        equal(found, expected @ v)


def test_results_are_outside_every_graph_unless_asked_for() -> None:
    x = leaf(np.array([1.0, 2.0]))
    loss = lambda x: (x**3).sum()  # noqa: E731
    found = [
        functional.jacobian(loss, x), functional.hessian(loss, x), *functional.vjp(loss, x),
        *functional.jvp(loss, x, tg.ones(2)), *functional.vhp(loss, x, tg.ones(2)),
    ]  # fmt: skip
    assert not any(result.requires_grad for result in found)
    assert x.grad is None
    equal(grad(functional.hessian(loss, x, create_graph=True).sum(), x)[0], [6, 6])
    equal(grad(functional.jvp(loss, x, tg.ones(2), create_graph=True)[1], x)[0], [6, 12])


def test_a_jacobian_of_no_entries() -> None:
    assert functional.jacobian(lambda x: x[:0] * 2, tg.ones(3)).shape == (0, 3)
    assert functional.jacobian(lambda x: x * 2, tg.ones(0)).shape == (0, 0)


def test_functional_records_under_no_grad() -> None:
    with tg.no_grad():
        equal(functional.jacobian(lambda x: x * x, tg.tensor([3.0])), [[6]])


# --- gradcheck --------------------------------------------------------------------------------------------------------


class WrongAt(Function):
    """x², whose gradient is wrong in one entry, or whose second derivative is."""

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor, order: int) -> tg.Tensor:
        ctx.save_for_backward(x)
        ctx.order = order
        return x * x

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> Any:
        (x,) = ctx.saved_tensors
        if ctx.order == 1:
            wrong = np.zeros(x.shape)
            wrong[0, 1] = 1e-2
            return g * (2 * x + wrong), None
        return g * 2 * x.detach(), None


def double(*shape: int) -> tg.Tensor:
    return leaf(np.linspace(0.3, 1.7, int(np.prod(shape))).reshape(shape))


def test_gradcheck_finds_one_wrong_entry() -> None:
    x, y = double(2, 3), double(3)
    check = lambda x, y: (y * 2, WrongAt.apply(x, 1))  # noqa: E731
    assert gradcheck(lambda x, y: (y * 2, x * y), [x, y])
    assert gradcheck(lambda n, x: x * n, [tg.tensor(3), x])
    with pytest.raises(
        RuntimeError, match=r"output 1\[0, 1\] in input 0\[0, 1\] is 1.17, but differences give 1.16; 1 of"
    ):
        gradcheck(check, [x, y])
    assert gradcheck(check, [x, y], raise_exception=False) is False
    assert gradcheck(check, [x, y], atol=2e-2)


def test_gradgradcheck_finds_a_wrong_second_derivative() -> None:
    x = double(2, 3)
    assert gradcheck(lambda x: WrongAt.apply(x, 2), x)
    assert gradgradcheck(lambda x: WrongAt.apply(x, 2), x, raise_exception=False) is False
    assert gradgradcheck(lambda x: x**3, x)
    assert gradgradcheck(lambda x, y: (x * y, y.sin()), [x, double(3)], [tg.ones(2, 3).double(), tg.ones(3).double()])


def test_gradgradcheck_draws_from_the_generator() -> None:
    drawn = []

    class Watched(Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            drawn.append(g.tolist())
            return g * 2

    for _ in range(2):
        gradgradcheck(Watched.apply, double(2), generator=tg.Generator().manual_seed(1))
    half = len(drawn) // 2
    assert drawn[:half] == drawn[half:]


def test_gradcheck_checks_what_the_function_reaches_without_being_handed_it() -> None:
    layer = tg.nn.Linear(3, 2).double()
    x = double(4, 3)
    before = layer.weight.detach().clone()
    assert gradcheck(lambda *parameters: layer(x), list(layer.parameters()))
    np.testing.assert_array_equal(layer.weight.detach(), before)


def test_gradcheck_leaves_its_inputs_alone_even_if_the_function_fails() -> None:
    x = double(3)
    before = x.detach().clone()

    def fails(x: tg.Tensor) -> tg.Tensor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        gradcheck(fails, x)
    np.testing.assert_array_equal(x.detach(), before)


def test_gradcheck_of_unused_empty_and_zero_dimensional_inputs() -> None:
    assert gradcheck(lambda x, y: x * 2, [double(2), double(3)])
    assert gradcheck(lambda x: x * 2, double(0))
    assert gradcheck(lambda x: x.sin(), leaf(np.array(0.5)))


def test_gradcheck_warns_of_single_precision() -> None:
    with pytest.warns(UserWarning, match="float64"):
        gradcheck(lambda x: x * 2, tg.ones(2, requires_grad=True), eps=1e-2, atol=1e-2)


# --- Function ---------------------------------------------------------------------------------------------------------


class Polar(Function):
    """Radius and angle; the arguments besides x and y are no Tensors."""

    calls = 0

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor, name: str, y: tg.Tensor) -> Any:
        assert not x.requires_grad
        assert not tg.is_grad_enabled()
        radius = (x * x + y * y).sqrt()
        ctx.name = name
        ctx.save_for_backward(x, radius, y, x * 0 + 1)
        return radius, (y / x).atan()

    @staticmethod
    def backward(ctx: Any, radius: tg.Tensor, angle: tg.Tensor) -> Any:
        Polar.calls += 1
        assert ctx.name == "polar"
        x, r, y, one = ctx.saved_tensors
        return (radius * x / r - angle * y / r**2) * one, None, radius * y / r + angle * x / r**2


@given(a=numbers((2, 2), 0.5, 2), b=numbers((2, 2)), v=numbers((2, 2)), w=numbers((2, 2)))
def test_a_function_of_ones_own(a: Array, b: Array, v: Array, w: Array) -> None:
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


def test_backward_is_called_once_a_walk_and_not_for_what_needs_no_gradient() -> None:
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
    """The entries in ascending order, and where they were."""

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


def custom(forward: Callable[..., Any], backward: Callable[..., Any]) -> type[Function]:
    return type("Custom", (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def test_outputs_of_several_dtypes_keep_them() -> None:
    both = custom(lambda ctx, x: (x.float(), x * 1), lambda ctx, single, double: single.double() + double)
    x = leaf(np.array([1.0, 2.0]))
    single, double = both.apply(x)
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    equal(grad([single.sum(), double.sum()], x)[0], [2, 2])


def test_no_gradient_is_a_gradient_of_zeros() -> None:
    ignoring = custom(lambda ctx, x: x * 1, lambda ctx, g: None)
    equal(grad(ignoring.apply(X).sum(), X)[0], [0, 0])


BAD_FUNCTIONS: dict[str, tuple[type[Exception], str, type[Function]]] = {
    "a gradient too few": (
        RuntimeError,
        "returned 1 gradients for the 2",
        custom(lambda c, x, n: x * n, lambda c, g: g),
    ),
    "a gradient that is no Tensor": (
        TypeError,
        "ndarray",
        custom(lambda c, x, n: x * n, lambda c, g: (np.ones(2), None)),
    ),
    "an output that is no Tensor": (TypeError, "list", custom(lambda c, x, n: [1.0], lambda c, g: (g, None))),
    "a number saved": (TypeError, "ctx.name", custom(lambda c, x, n: c.save_for_backward(n), lambda c, g: (g, None))),
    "a gradient of another shape": (
        RuntimeError,
        r"\(5,\)",
        custom(lambda c, x, n: x * n, lambda c, g: (tg.ones(5), None)),
    ),
    "no forward": (NotImplementedError, "forward", type("Custom", (Function,), {})),
    "no backward": (NotImplementedError, "backward", type("Custom", (Function,), {"forward": lambda ctx, x, n: x * n})),
}


@pytest.mark.parametrize("name", BAD_FUNCTIONS)
def test_bad_functions_say_what_is_wrong(name: str) -> None:
    error, message, function = BAD_FUNCTIONS[name]
    with pytest.raises(error, match=message):
        function.apply(X, 2).sum().backward()
    assert X.grad is None


def test_what_backward_returns_is_copied() -> None:
    kept = tg.ones(2)
    keeping = custom(lambda ctx, x: x * 1, lambda ctx, g: kept)
    x = tg.ones(2, requires_grad=True)
    keeping.apply(x).sum().backward()
    assert x.grad is not None
    assert not np.shares_memory(x.grad._data, kept._data)


def test_a_function_notices_inputs_that_change() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * 1
    square = custom(lambda ctx, y: ctx.save_for_backward(y) or y * y, lambda ctx, g: 2 * g * ctx.saved_tensors[0])
    z = square.apply(y)
    with tg.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match="Custom"):
        z.sum().backward()


@pytest.fixture
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collector")
def test_functions_and_second_derivatives_leave_nothing_behind() -> None:
    x, y = leaf(np.ones(3)), leaf(np.ones(3))
    radius, _ = Polar.apply(x, "polar", y)
    (first,) = grad(radius.sum(), x, create_graph=True)
    grad(first.sum(), x)
    watched = [weakref.ref(radius), weakref.ref(first), weakref.ref(radius._data), weakref.ref(first._data)]
    del radius, first, _
    assert [reference() for reference in watched] == [None] * 4


def test_a_layers_weight_gets_its_gradient_multiplied() -> None:
    weight = leaf(np.ones((1, 2)))
    (gradient,) = grad(tg.nn.functional.linear(tg.tensor([[3.0, 4.0]]), weight).sum(), weight)
    np.testing.assert_array_equal(gradient, [[3, 4]])


def test_what_depends_on_nothing_has_products_of_zeros() -> None:
    x = tg.tensor([1.0, 2.0])
    output, product = functional.vjp(lambda x: tg.ones(3), x, tg.ones(3))
    np.testing.assert_array_equal(output, np.ones(3))
    np.testing.assert_array_equal(product, np.zeros(2))


# --- anomalies --------------------------------------------------------------------------------------------------------


def line() -> int:
    """The line it is called from."""
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


def test_the_first_infinity_of_the_forward_pass_is_named() -> None:
    x = tg.tensor([[1.0, 0.0], [4.0, -0.0]])
    with detect_anomaly(), pytest.raises(RuntimeError) as error:
        (x + 0).log().exp()
    at = line() - 1
    assert str(error.value) == (
        f"log at test_autograd.py:{at} returned shape (2, 2), min 0, max 1.386, 2 infinite; "
        "input 0: shape (2, 2), min 0, max 4"
    )


def test_the_first_nan_of_the_backward_pass_is_named() -> None:
    x = leaf(np.array([0.0, 4.0]))
    with detect_anomaly():
        at = line() + 1
        y = x.sqrt()
        with pytest.raises(RuntimeError) as error:
            (y * y).sum().backward()
    assert str(error.value) == (
        f"the gradient of sqrt at test_autograd.py:{at} with respect to input 0 is shape (2,), min 1, max 1, 1 NaN; "
        "the gradient that came to it is shape (2,), min 0, max 4; input 0: shape (2,), min 0, max 4"
    )
    assert x.grad is None


def test_nan_that_comes_in_is_found_where_it_comes_in() -> None:
    x = tg.tensor([1.0, float("nan"), float("-inf")])
    with (
        detect_anomaly(),
        pytest.raises(RuntimeError, match=r"multiply.*input 0: shape \(3,\), min 1, max 1, 1 NaN, 1 inf.*"),
    ):
        x * 2


def test_factored_gradients_are_looked_at_too() -> None:
    layer = tg.nn.Linear(2, 3)
    with detect_anomaly(), pytest.raises(RuntimeError, match=r"linear.* with respect to input 1 is .*3 infinite"):
        layer(tg.tensor([[1e38, 0.0]])).backward(np.full((1, 3), 1e10))


def test_second_derivatives_are_looked_at_too() -> None:
    x = leaf(np.array(0.0))
    with detect_anomaly():
        (first,) = grad(x**1.5, x, create_graph=True)
        with pytest.raises(RuntimeError, match="gradient of power"):
            first.backward()


def test_anomalies_pass_where_nobody_asked() -> None:
    x = leaf(np.array([0.0, 4.0]))
    with np.errstate(all="ignore"):
        (x.sqrt() * 0).sum().backward()
        with detect_anomaly(check_nan=False):
            x.log()
    assert x.grad is not None
    assert np.isnan(x.grad._data[0])


def test_an_array_that_changed_is_named_with_its_line() -> None:
    y = leaf(np.ones(2)) + 1
    z = y * y
    at = line() - 1
    with tg.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match=f"multiply.*test_autograd.py:{at}"):
        z.sum().backward()


def anomalous() -> None:
    with np.errstate(all="ignore"):
        tg.tensor(0.0).log()


def test_all_threads_are_watched() -> None:
    with (
        detect_anomaly(),
        ThreadPoolExecutor(1) as other,
        pytest.raises(RuntimeError, match=r"log at test_autograd.py"),
    ):
        other.submit(anomalous).result()
    anomalous()


def test_the_mode_ends_with_its_block_and_nests() -> None:
    mode = detect_anomaly()
    with mode:
        with mode, pytest.raises(RuntimeError):
            anomalous()
        with pytest.raises(RuntimeError):
            anomalous()
    anomalous()
    switched = tg.autograd.set_detect_anomaly(True)
    with switched, pytest.raises(RuntimeError):
        anomalous()
    anomalous()
    with pytest.raises(RuntimeError):
        detect_anomaly()(anomalous)()
    anomalous()


def test_training_is_the_same_when_watched() -> None:
    def train() -> Array:
        tg.manual_seed(0)
        net = tg.nn.Sequential(tg.nn.Linear(3, 4), tg.nn.Tanh(), tg.nn.Linear(4, 1))
        optimizer = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            net(tg.ones(5, 3)).square().mean().backward()
            optimizer.step()
        return np.concatenate([p.detach().numpy().ravel() for p in net.parameters()])

    with detect_anomaly():
        watched = train()
    np.testing.assert_array_equal(watched, train())


def test_an_anomaly_in_a_graph_that_was_recorded_before_is_found_too() -> None:
    x = tg.tensor(np.zeros(40), requires_grad=True)
    y = (x * 2.0).sqrt()
    with (
        detect_anomaly(),
        pytest.raises(RuntimeError, match=r"gradient of sqrt .* 40 infinite; .*input 0: shape \(40,\)"),
    ):
        y.sum().backward()


def test_a_mode_of_a_users_own_is_entered_by_what_it_decorates() -> None:
    entered = []

    class Logged(tg.no_grad):
        def __enter__(self) -> None:
            entered.append(True)
            super().__enter__()

    assert Logged()(tg.is_grad_enabled)() is False
    assert entered == [True]
