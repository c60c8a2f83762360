"""Python's operators on Tensors, except those that change a Tensor in place. Each records a function of NumPy's."""

from __future__ import annotations

import sys
from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from ..core.lines import calling_line
from ..core.record import Variable, record
from .refusals import is_module, shown

if TYPE_CHECKING:
    from .tensor import Tensor

__all__ = ["Operators", "matrix_product", "name_operators"]

_record: Callable[..., Tensor] = record  # the core calls the result Any


def matrix_product(a: Any, b: Any) -> Tensor:
    """`numpy.matmul`. Its rules are for matrices, so a vector gets a second dimension, which the result loses again.

    Raises:
        ValueError: the shapes do not fit. The message says which two lengths must be equal.
    """
    try:
        if np.ndim(a) == 1:
            return matrix_product(np.expand_dims(a, 0), b).squeeze(-2 if np.ndim(b) > 1 else 0)
        if np.ndim(b) == 1:
            return matrix_product(a, np.expand_dims(b, 1)).squeeze(-1)
        return _record(np.matmul, (a, b))
    except (TypeError, ValueError) as error:
        explained = _explained(error, np.matmul, a, b)
        if explained is error and (problem := _unfit_shapes(a, b)):
            explained = ValueError(problem)
        raise explained from None


def _unfit_shapes(a: Any, b: Any) -> str | None:
    """Why the matrix product of `a` and `b` does not exist, and what to write instead; None if their shapes fit."""
    left, right = np.shape(a), np.shape(b)
    problem = _mismatch(left, right)
    return problem and f"matmul at {calling_line(sys._getframe())} of shapes {left} and {right}: {problem}"


def _mismatch(left: tuple[int, ...], right: tuple[int, ...]) -> str | None:
    """What does not fit in the shapes of two factors of a matrix product; None if they fit."""
    if not left or not right:
        return "a number has no rows or columns: write * to multiply by it"
    rows = right[-2] if len(right) > 1 else right[-1]
    if left[-1] == rows:
        try:
            np.broadcast_shapes(left[:-2], right[:-2])
        except ValueError:
            return f"the dimensions before the last two, {left[:-2]} and {right[:-2]}, must be equal, or have length 1"
        return None
    place = "the last length of the first" if len(left) > 1 else "the length of the first"
    other = "the last but one of the second" if len(right) > 1 else "the length of the second"
    advice = []
    if len(right) > 1 and left[-1] == right[-1]:
        advice.append(f"a @ b.{'T' if len(right) == 2 else 'mT'}")
    if len(left) > 1 and left[-2] == rows:
        advice.append(f"a.{'T' if len(left) == 2 else 'mT'} @ b")
    return f"{place}, {left[-1]}, and {other}, {rows}, must be equal{': write ' if advice else ''}{' or '.join(advice)}"


def _explained(error: Exception, function: Any, left: Any, right: Any) -> Exception:
    """The `error` of ``function(left, right)``, or a better one, if an operand is no number or is too large."""
    where = f"{function.__name__} at {calling_line(sys._getframe())}"
    for operand in (left, right):
        if isinstance(operand, Variable | Real | np.ndarray | list):  # of arrays, `error` says what is wrong
            continue
        if np.asarray(operand).dtype.kind not in "fiub":
            advice = ": call it, as in net(x)" if is_module(operand) else ""
            return TypeError(f"{where} takes Tensors and numbers, not {shown(operand)}{advice}")
    if isinstance(error, OverflowError):
        return OverflowError(f"{where}: {error}: write the number as a float, or call .double() on the Tensor")
    return error


def _prefix(function: Any) -> Callable[[Any], Tensor]:
    """The method for a unary operator. It records ``function(self)``."""

    def operator(self: Any) -> Tensor:
        return _record(function, (self,))

    return operator


def _infix(function: Any) -> Callable[[Any, Any], Tensor]:
    """The method for a binary operator whose left operand is a Tensor. It records ``function(self, other)``."""

    def operator(self: Any, other: Any) -> Tensor:
        try:
            return _record(function, (self, other))
        except (OverflowError, TypeError, ValueError) as error:
            raise _explained(error, function, self, other) from None

    return operator


def _reflected(function: Any) -> Callable[[Any, Any], Tensor]:
    """The method for a binary operator whose left operand is no Tensor. It records ``function(other, self)``."""

    def operator(self: Any, other: Any) -> Tensor:
        try:
            return _record(function, (other, self))
        except (OverflowError, TypeError, ValueError) as error:
            raise _explained(error, function, other, self) from None

    return operator


_power, _equal, _not_equal = _infix(np.power), _infix(np.equal), _infix(np.not_equal)


class Operators(Variable):
    """The methods by which Python finds the operators of a Tensor."""

    __slots__ = ()

    def __pos__(self) -> Self:
        return self

    def __pow__(self, exponent: Any) -> Tensor:
        keeps_dtype = type(exponent) is int or (type(exponent) is float and self._data.dtype.kind == "f")
        if keeps_dtype and exponent == 2:
            return _record(np.square, (self,))
        return _power(self, exponent)

    def __matmul__(self, other: Any) -> Tensor:
        return matrix_product(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return matrix_product(other, self)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None else _equal(self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return NotImplemented if other is None else _not_equal(self, other)

    __neg__ = _prefix(np.negative)
    __abs__ = _prefix(np.absolute)
    __invert__ = _prefix(np.invert)

    __add__ = _infix(np.add)
    __sub__ = _infix(np.subtract)
    __mul__ = _infix(np.multiply)
    __truediv__ = _infix(np.divide)
    __floordiv__ = _infix(np.floor_divide)
    __mod__ = _infix(np.remainder)
    __lt__ = _infix(np.less)
    __le__ = _infix(np.less_equal)
    __gt__ = _infix(np.greater)
    __ge__ = _infix(np.greater_equal)
    __and__ = __rand__ = _infix(np.bitwise_and)
    __or__ = __ror__ = _infix(np.bitwise_or)
    __xor__ = __rxor__ = _infix(np.bitwise_xor)
    __lshift__ = _infix(np.left_shift)
    __rshift__ = _infix(np.right_shift)

    __radd__ = _reflected(np.add)
    __rsub__ = _reflected(np.subtract)
    __rmul__ = _reflected(np.multiply)
    __rtruediv__ = _reflected(np.divide)
    __rfloordiv__ = _reflected(np.floor_divide)
    __rmod__ = _reflected(np.remainder)
    __rpow__ = _reflected(np.power)
    __rlshift__ = _reflected(np.left_shift)
    __rrshift__ = _reflected(np.right_shift)


def name_operators(kind: type) -> None:
    """Give each method that the functions above made the name of its attribute, for tracebacks and help()."""
    for name, method in vars(kind).items():
        if getattr(method, "__name__", "") == "operator":
            method.__name__, method.__qualname__ = name, f"Tensor.{name}"


name_operators(Operators)
