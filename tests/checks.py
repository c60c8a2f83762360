"""Checks that several files share: values and gradients against a reference, by complex steps and by differences."""

from collections.abc import Callable, Iterable
from itertools import combinations
from typing import Any

import numpy as np
from ops import Example
from strategies import Array, leaf

import tinygrad_mlp as tg


def equal(actual: Any, expected: Any) -> None:
    """Assert that the entries are equal to twelve digits."""
    assert actual is not None, "there is no gradient"
    if isinstance(actual, tg.Tensor):
        actual = actual.detach()
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)


def counted(calls: list[str], name: str = "") -> Callable[[Any], Any]:
    """The identity function, with a rule that appends `name` to `calls`."""
    return tg.differentiable(lambda g, y, x: calls.append(name) or g)(lambda x: x + 0)


def recorded() -> bool:
    """Whether operations are recorded here, according to a result and to `is_grad_enabled`, which must agree."""
    answer = (leaf(np.ones(1)) * 2).requires_grad
    assert answer == tg.is_grad_enabled()
    return answer


def close(actual: Any, expected: Array, tolerance: float, what: str) -> None:
    """Assert that entries differ by at most `tolerance`, relative to the largest entry or to 1."""
    actual = np.asarray(actual)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape} instead of {expected.shape}"
    scale = max(1.0, np.max(np.abs(expected), initial=0))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale, err_msg=what)


def complex_step(example: Example, position: int) -> Array:
    """The gradient of ⟨cotangent, reference⟩ for one operand, to the last digits because nothing is subtracted."""
    gradient = np.empty(example.operands[position].shape)
    for entry in np.ndindex(gradient.shape):
        operands = [*example.operands]
        operands[position] = operands[position].astype(complex)
        operands[position][entry] += 1e-30j
        gradient[entry] = np.sum(example.cotangent * example.expected(operands).imag) / 1e-30
    return gradient


def central_differences(function: Callable[[list[Any]], Array], operands: Iterable[Any], position: int) -> Array:
    """The derivative of a scalar `function` with respect to each entry of one operand, by differences of fourth order.

    Second order is not enough: terms such as x⁻² near 0.3 leave an error that shows where a sum cancels. The step is
    small because `numpy.remainder` can jump within 1/4096 of a drawn entry.
    """
    step = 3e-5
    operands = list(operands)
    gradient = np.empty(operands[position].shape)
    for entry in np.ndindex(gradient.shape):
        total = 0.0
        for steps, share in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
            moved = [*operands]
            moved[position] = moved[position].copy()
            moved[position][entry] += steps * step
            total += share * function(moved)
        gradient[entry] = total / (12 * step)
    return gradient


def check_value(example: Example) -> None:
    """The function returns a Tensor with the values of its reference."""
    y = example(example.tensors())
    assert type(y) is tg.Tensor
    close(y.detach(), example.expected(), 1e-14, "value")


def check_gradient(example: Example) -> None:
    """The gradient equals complex steps of the reference to 10⁻¹⁴, and differences of the function itself to 10⁻⁸."""
    tensors = example.tensors()
    gradients = example.gradients(tensors)
    for position, gradient in zip(example.differentiable, gradients, strict=True):
        what = f"gradient of operand {position}"
        close(gradient, complex_step(example, position), 1e-14, what)

        def scalar(operands: list[Any], position: int = position) -> Any:
            operands[position] = tg.tensor(operands[position])
            return np.sum(example.cotangent * example(operands).numpy())

        close(gradient, central_differences(scalar, example.operands, position), 1e-8, what)


def zeros_if_none(x: tg.Tensor) -> Any:
    """The gradient of `x`, or zeros if nothing that was differentiated depends on it."""
    return np.zeros(x.shape) if x.grad is None else x.grad


def check_second_derivative(example: Example, directions: list[Array]) -> None:
    """The second backward pass is right: that of the number ⟨directions, gradients⟩, which depends on all inputs.

    Its derivatives with respect to the operands equal its central differences. Its derivative with respect to the
    cotangent equals the derivative of the reference along the directions, found by a complex step.
    """

    def along(gradients: Any) -> Any:
        return sum((np.sum(v * g) for v, g in zip(directions, gradients, strict=True)), np.float64(0))

    tensors, cotangent = example.tensors(), leaf(example.cotangent)
    first = along(example.gradients(tensors, cotangent, create_graph=True))
    if first.requires_grad:  # unless it is constant, as of a function whose derivative is 0
        first.backward()

    def gradient_along(operands: list[Any]) -> Any:
        leaves = [leaf(x) if i in example.differentiable else x for i, x in enumerate(operands)]
        return along([g.numpy() for g in example.gradients(leaves)])

    for position in example.differentiable:
        second = zeros_if_none(tensors[position])
        expected = central_differences(gradient_along, example.operands, position)
        close(second, expected, 1e-7, f"second derivative of operand {position}")

    moved = list(example.operands)
    for position, direction in zip(example.differentiable, directions, strict=True):
        moved[position] = moved[position] + 1e-30j * direction
    close(zeros_if_none(cotangent), example.expected(moved).imag / 1e-30, 1e-13, "derivative along the directions")


def check_memory(example: Example) -> None:
    """No operand is changed, and no gradient shares memory with an operand, the output or another gradient."""
    tensors = example.tensors()
    given_arrays = [x.detach().numpy() if isinstance(x, tg.Tensor) else x for x in tensors]
    given_arrays = [x for x in [*given_arrays, example.cotangent] if isinstance(x, np.ndarray)]
    before = [x.copy() for x in given_arrays]
    output = example(tensors)
    output.backward(example.cotangent)
    for array, held in zip(given_arrays, before, strict=True):
        np.testing.assert_array_equal(array, held, "an operand was changed")
    gradients = [tensors[i].grad.numpy() for i in example.differentiable]
    for one, other in [*combinations(gradients, 2), *((g, x) for g in gradients for x in given_arrays)]:
        assert not np.shares_memory(one, other), "a gradient aliases another array"
    assert not any(np.shares_memory(g, output.detach().numpy()) for g in gradients), "a gradient aliases the output"
