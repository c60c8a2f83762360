"""Checks that several files share: values against a reference, rows of methods, and whether operations are recorded."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from ops import Case, Example, examples
from strategies import Array, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp.testing.comparisons import assert_close, check_gradient
from tinygrad_mlp.testing.comparisons import check_second_derivative as second_derivative
from tinygrad_mlp.testing.differences import complex_derivative_along


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


def check_value(example: Example, tolerance: float = 1e-14) -> None:
    """The function returns a Tensor with the values of its reference."""
    y = example(example.tensors())
    assert type(y) is tg.Tensor
    assert_close(y.detach(), example.expected(), tolerance, "value")


def check_second_derivative(example: Example, directions: list[Array]) -> None:
    """As the package's own, where the derivative along the directions is that of the reference."""
    second_derivative(example, directions, complex_derivative_along(example, directions))


Method = tuple[Any, ...]  # name, call, reference; then the ends of the domain, where that is not (-2, 2)


def check_method(row: Method, data: st.DataObject, tolerance: float = 1e-14) -> None:
    """The method or function that the row names has the values and gradients of the reference, for (2, 3) matrices."""
    name, call, reference, *domain = row
    method = getattr(tg, name.removeprefix("function ")) if name.startswith("function") else getattr(tg.Tensor, name)
    drawn = numbers((2, 3), *domain).map(lambda x: ((x,), {}))
    case = Case(method.fget if isinstance(method, property) else method, drawn, reference, call)
    example = data.draw(examples(case))
    check_value(example, tolerance)
    check_gradient(example, tolerance)


def check_answer(answer: Any, expected: Any) -> None:
    """The answer of a method through which no gradient passes has the entries and the shape that are expected."""
    np.testing.assert_array_equal(answer, expected)
    assert np.shape(answer) == np.shape(expected)
    assert getattr(answer, "requires_grad", False) is False
