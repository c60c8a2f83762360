"""Derivatives of one call of a function, by complex steps of a reference and by differences of the function itself.

Im f(x + ih)/h is the derivative of f to the last digits: nothing cancels, and no step has to be chosen. Differences
serve where f takes no complex numbers, and they reach the very function that is tested, instead of a reference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..tensors.creation import tensor
from ..tensors.tensor import Tensor

Array = NDArray[Any]

STEP = 3e-5  # of differences. It is small because `numpy.remainder` can jump within 1/4096 of a drawn entry
TINY = 1e-30  # the complex step


class Call:
    """One call of a differentiable function, and a cotangent of its output.

    Operands at the positions in `differentiable` are float64 arrays, and become leaves. A subclass says how the
    function is called, and which reference takes complex arrays.
    """

    operands: tuple[Any, ...]
    cotangent: Array
    differentiable: Sequence[int]

    def __call__(self, operands: Any) -> Any:
        """The output, as a Tensor."""
        raise NotImplementedError

    def expected(self, operands: Any = None) -> Array:
        """The output of the reference for `operands`, which may be complex; by default for those of this call."""
        raise NotImplementedError

    def tensors(self) -> list[Any]:
        """New operands: a leaf for each that is differentiable, and the others as they are."""
        return [tensor(x, requires_grad=True) if i in self.differentiable else x for i, x in enumerate(self.operands)]

    def gradients(self, tensors: list[Any], cotangent: Any = None, **how: Any) -> list[Tensor]:
        """Run the call forward and backward. Return the gradients of the leaves, and set their `.grad` to None."""
        leaves = [tensors[i] for i in self.differentiable]
        self.backward(self(tensors), leaves, self.cotangent if cotangent is None else cotangent, **how)
        collected = [x.grad for x in leaves]
        for x in leaves:
            x.grad = None
        return collected

    def backward(self, output: Tensor, leaves: list[Tensor], cotangent: Any = None, **how: Any) -> None:
        """Collect gradients in the leaves."""
        output.backward(cotangent, **how)

    def value_of(self, operands: list[Any]) -> Array:
        """The output of arrays, computed by the function itself."""
        given = [Tensor._of(x) if i in self.differentiable else x for i, x in enumerate(operands)]
        value: Array = self(given).detach().numpy()
        return value


def complex_step(call: Call, position: int) -> Array:
    """The gradient of ⟨cotangent, reference⟩ for one operand. No digits are lost, because nothing is subtracted."""
    gradient = np.empty(call.operands[position].shape)
    for entry in np.ndindex(gradient.shape):
        operands = [*call.operands]
        operands[position] = operands[position].astype(complex)
        operands[position][entry] += TINY * 1j
        gradient[entry] = np.sum(call.cotangent * call.expected(operands).imag) / TINY
    return gradient


def complex_derivative_along(call: Call, directions: Sequence[Array]) -> Array:
    """The derivative of the reference's output, if the operands move along the directions."""
    moved = list(call.operands)
    for position, direction in zip(call.differentiable, directions, strict=True):
        moved[position] = moved[position] + TINY * 1j * direction
    return np.asarray(call.expected(moved)).imag / TINY


# Four points: the error of two is of second order, and terms such as x⁻² near 0.3 make it show where a sum cancels.
_POINTS = ((1, 8), (-1, -8), (2, -1), (-2, 1))


def reach(x: Array) -> Array:
    """The factor for the steps of differences. It is smaller if entries are small, as in the domain (0, 0.01)."""
    return np.clip(np.abs(x), 0.03, 1)


def central_differences(function: Callable[[list[Any]], Any], operands: Iterable[Any], position: int) -> Array:
    """The derivative of a scalar `function` by each entry of one operand, from differences of fourth order."""
    operands = list(operands)
    gradient, step = np.empty(operands[position].shape), STEP * reach(operands[position])
    for entry in np.ndindex(gradient.shape):
        total = 0.0
        for steps, share in _POINTS:
            moved = [*operands]
            moved[position] = moved[position].copy()
            moved[position][entry] += steps * step[entry]
            total += share * function(moved)
        gradient[entry] = total / (12 * step[entry])
    return gradient


def derivative_along(call: Call, directions: Sequence[Array]) -> Array:
    """The derivative of the function's own output along the directions, by differences of fourth order."""
    total = np.zeros(call.cotangent.shape)
    for steps, share in _POINTS:
        moved = list(call.operands)
        for position, direction in zip(call.differentiable, directions, strict=True):
            moved[position] = moved[position] + steps * STEP * direction
        total += share * call.value_of(moved)
    return total / (12 * STEP)
