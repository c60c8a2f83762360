"""What the checks of functions compare: gradients and second derivatives with numerical ones, and memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from ..tensors.creation import tensor
from ..tensors.tensor import Tensor
from .differences import Array, Call, central_differences, complex_step, reach


def assert_close(
    actual: Any, expected: Array, tolerance: float, what: str, by: str = "it should be", size: float = 0
) -> None:
    """Raise AssertionError unless entries differ by at most `tolerance`, relative to the largest entry or to 1.

    Args:
        what: the name of `actual` in the message.
        by: the words in front of the expected number in the message.
        size: how large the numbers were whose difference gave `expected`. The larger, the more rounding is allowed.
    """
    actual = np.asarray(actual)
    if actual.shape != expected.shape:
        raise AssertionError(f"{what} has the shape {actual.shape} instead of {expected.shape}")
    allowed = tolerance * max(1.0, np.max(np.abs(expected), initial=0), 1e-3 * size)
    wrong = ~(np.abs(actual - expected) <= allowed)  # NaN is wrong, too
    if wrong.any():
        entry = tuple(map(int, np.argwhere(wrong)[0]))
        at = f" at {list(entry)}" if entry else ""
        more = f" ({wrong.sum()} of {wrong.size} entries disagree)" if wrong.size > 1 else ""
        digits = 9 if tolerance > 1e-10 else 16  # no more than are compared
        shown, should = (f"{float(x[entry]):.{digits}g}" for x in (actual, expected))
        raise AssertionError(f"{what}{at} is {shown}, but {by} {should}{more}")


def zeros_if_none(x: Tensor) -> Any:
    """The gradient of `x`, or zeros if nothing that was differentiated depends on it."""
    return np.zeros(x.shape) if x.grad is None else x.grad.detach()


def lost(x: Array) -> float:
    """The factor by which differences in the entries of `x` are less exact than differences in numbers near 1."""
    return float(np.max(np.maximum(1, np.abs(x)) / reach(x), initial=1))


def size_of(call: Call) -> float:
    """The size of the numbers that differences of `call` subtract, times the factor by which its inputs lose digits."""
    inputs = max((lost(call.operands[i]) for i in call.differentiable), default=1.0)
    return float(np.sum(np.abs(call.cotangent * call.value_of(list(call.operands))))) * inputs


def check_gradient(call: Call, exact: float | None = 1e-14) -> None:
    """The gradients equal differences of the function to 10⁻⁸, and complex steps of the reference to `exact`.

    Without `exact`, there is no reference.
    """

    def scalar(operands: list[Any]) -> Any:
        return np.sum(call.cotangent * call.value_of(operands))

    size = size_of(call)
    for position, gradient in zip(call.differentiable, call.gradients(call.tensors()), strict=True):
        what = f"the gradient of input {position}"
        found = np.zeros(call.operands[position].shape) if gradient is None else gradient.detach()
        assert_close(
            found, central_differences(scalar, call.operands, position), 1e-8, what, "central differences give", size
        )
        if exact is not None:
            assert_close(found, complex_step(call, position), exact, what, "complex steps give")


def check_second_derivative(call: Call, directions: Sequence[Array], along: Array, tolerance: float = 1e-13) -> None:
    """The second backward pass is right: that of the number ⟨directions, gradients⟩, which depends on all inputs.

    Its derivatives with respect to the operands equal its central differences. Its derivative with respect to the
    cotangent is the derivative of the output along the directions, which is given as `along`.
    """

    def inner(gradients: Any) -> Any:
        return sum((np.sum(v * g) for v, g in zip(directions, gradients, strict=True)), np.float64(0))

    def given(gradients: list[Any]) -> list[Any]:
        return [np.zeros(v.shape) if g is None else g for v, g in zip(directions, gradients, strict=True)]

    tensors, cotangent = call.tensors(), tensor(call.cotangent, requires_grad=True)
    first = inner(given(call.gradients(tensors, cotangent, create_graph=True)))
    if isinstance(first, Tensor) and first.requires_grad:  # unless it is constant, as of a function with derivative 0
        call.backward(first, [*(tensors[i] for i in call.differentiable), cotangent])

    def gradient_along(operands: list[Any]) -> Any:
        leaves = [Tensor._of(x).requires_grad_() if i in call.differentiable else x for i, x in enumerate(operands)]
        return inner([np.asarray(g) for g in given(call.gradients(leaves))])

    for position in call.differentiable:
        second = zeros_if_none(tensors[position])
        expected = central_differences(gradient_along, call.operands, position)
        size = abs(float(gradient_along(list(call.operands)))) * lost(call.operands[position])
        what = f"the second derivative of input {position}"
        assert_close(second, expected, 1e-7, what, "differences of the gradient give", size)
    what = "the derivative of ⟨directions, gradients⟩ by the cotangent, the derivative along the directions,"
    assert_close(zeros_if_none(cotangent), along, tolerance, what, size=size_of(call))


def check_memory(call: Call) -> None:
    """No operand is changed, and no gradient shares memory with anything else, nor with a gradient of a second run."""
    tensors, again = call.tensors(), call.tensors()  # operands of two runs
    held = {f"input {i}": x.detach().numpy() if isinstance(x, Tensor) else x for i, x in enumerate(tensors)}
    held = {name: x for name, x in [*held.items(), ("the cotangent", call.cotangent)] if isinstance(x, np.ndarray)}
    before = {name: x.copy() for name, x in held.items()}
    output = call(tensors)
    if output.requires_grad:
        for result, given in ((output, tensors), (call(again), again)):
            call.backward(result, [given[i] for i in call.differentiable], call.cotangent)
    for name, array in held.items():
        if not np.array_equal(array, before[name], equal_nan=array.dtype.kind == "f"):
            raise AssertionError(f"{name} was changed: a function and its rules leave their inputs as they are")
    held["the output"] = output.detach().numpy()
    gradients, earlier = (
        {f"the gradient of input {i}": x[i].grad.numpy() for i in call.differentiable if x[i].grad is not None}
        for x in (tensors, again)
    )
    others = held | {f"{name} in another pass": array for name, array in earlier.items()}
    pairs = [*combinations(gradients.items(), 2), *((g, x) for g in gradients.items() for x in others.items())]
    for (one, array), (other, another) in pairs:
        if np.shares_memory(array, another):
            raise AssertionError(f"{one} shares its memory with {other}: a rule returns a new array each time")
