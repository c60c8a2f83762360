"""`gradcheck` and `gradgradcheck` find one wrong entry, and pass where there is none."""

from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp.autograd import Function, gradcheck, gradgradcheck


class WrongAt(Function):
    """x² with a mistake in one entry of the gradient (order 1) or in the second derivative (order 2)."""

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


class OfCotangent(Function):
    """x, with a gradient that is right for the cotangent 1 but not linear in the cotangent."""

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        return x * 1

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        return g.detach() * g


def doubles(*shape: int) -> tg.Tensor:
    """A leaf of float64 entries between 0.3 and 1.7."""
    return leaf(np.linspace(0.3, 1.7, int(np.prod(shape))).reshape(shape))


def test_gradcheck_finds_one_wrong_entry() -> None:
    x, y = doubles(2, 3), doubles(3)
    check = lambda x, y: (y * 2, WrongAt.apply(x, 1))  # noqa: E731
    assert gradcheck(lambda x, y: (y * 2, x * y), [x, y])
    assert gradcheck(lambda n, x: x * n, [tg.tensor(3), x])
    with pytest.raises(
        RuntimeError,
        match=r"^the first derivative of output 1 at \[0, 1\] with respect to input 0 \(x\) at \[0, 1\], "
        r"which is 0.58, is 1.17, but central differences give 1.16; 1 of 36 entries disagree",
    ):
        gradcheck(check, [x, y])
    assert gradcheck(check, [x, y], raise_exception=False) is False
    assert gradcheck(check, [x, y], atol=2e-2)


def test_gradgradcheck_finds_a_wrong_second_derivative() -> None:
    x = doubles(2, 3)
    assert gradcheck(lambda x: WrongAt.apply(x, 2), x)
    assert gradgradcheck(lambda x: WrongAt.apply(x, 2), x, raise_exception=False) is False
    with pytest.raises(
        RuntimeError,
        match=r"^the second derivative, that of the gradient of input 0 \(x\) at \[0, 0\] with respect to "
        r"input 0 \(x\) at \[0, 0\], which is 0.3, is 0, but central",
    ):
        gradgradcheck(lambda x: WrongAt.apply(x, 2), x, [tg.ones(2, 3).double()])
    with pytest.raises(RuntimeError, match="with respect to the cotangent 0 of the outputs, which is 1, is 1, but"):
        gradgradcheck(lambda x: OfCotangent.apply(x), leaf(np.array(2.0)), tg.tensor(1.0).double())
    assert gradgradcheck(lambda x: x**3, x)
    assert gradgradcheck(lambda x, y: (x * y, y.sin()), [x, doubles(3)], [tg.ones(2, 3).double(), tg.ones(3).double()])


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
        gradgradcheck(Watched.apply, doubles(2), generator=tg.Generator().manual_seed(1))
    half = len(drawn) // 2
    assert drawn[:half] == drawn[half:]


def test_gradcheck_of_parameters_that_the_function_reads_from_its_layer() -> None:
    layer = tg.nn.Linear(3, 2).double()
    x = doubles(4, 3)
    before = layer.weight.detach().clone()
    assert gradcheck(lambda *_: layer(x), list(layer.parameters()))  # the layer reads the parameters that are varied
    np.testing.assert_array_equal(layer.weight.detach(), before)


def test_gradcheck_leaves_its_inputs_alone_even_if_the_function_fails() -> None:
    x = doubles(3)
    before = x.detach().clone()

    def fails(x: tg.Tensor) -> tg.Tensor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        gradcheck(fails, x)
    np.testing.assert_array_equal(x.detach(), before)


def test_gradcheck_of_unused_empty_and_zero_dimensional_inputs() -> None:
    assert gradcheck(lambda x, y: x * 2, [doubles(2), doubles(3)])
    assert gradcheck(lambda x: x * 2, doubles(0))
    assert gradcheck(lambda x: x.sin(), leaf(np.array(0.5)))


def test_gradcheck_warns_of_single_precision() -> None:
    with pytest.warns(UserWarning, match="float64"):
        gradcheck(lambda x: x * 2, tg.ones(2, requires_grad=True), eps=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("check", "func", "point", "message"),
    [
        (
            gradcheck,
            lambda x: x.relu(),
            0.0,
            r"input 0 \(x\) at \[0\], which is 0, is 0, but .* a kink there, as relu at 0",
        ),
        (
            gradcheck,
            tg.Tensor.sqrt,
            0.0,
            r"which is 0, is inf, but .* give nan; .* the edge of its domain, as sqrt at 0",
        ),
        (gradgradcheck, lambda x: x.relu() ** 2, 0.0, "second derivative.*a kink there"),
    ],
    ids=["relu", "sqrt", "relu squared"],
)
def test_the_message_names_the_point_and_asks_whether_it_is_a_kink_or_an_edge(
    check: Any, func: Any, point: float, message: str
) -> None:
    with pytest.raises(RuntimeError, match=message):
        check(func, leaf(np.array([point, 1.0])))


def test_inputs_that_share_memory_are_varied_one_by_one() -> None:
    base = leaf(np.array([[1.0], [2.0]]))
    expanded = base.expand(2, 3)
    before = base.detach().clone()
    assert gradcheck(lambda x: x**2, expanded)
    assert gradgradcheck(lambda x: x**3, expanded)
    assert gradcheck(lambda x: x.sin(), base.detach().expand(2, 3).requires_grad_())
    x = leaf(np.array([0.5, 1.5]))
    assert gradcheck(lambda x, y: x[0] * y, [x, x.detach()[:1].requires_grad_()])
    np.testing.assert_array_equal(base.detach(), before)
