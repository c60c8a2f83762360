"""Methods and operators that change a Tensor in place. They raise an error where gradients would become wrong."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from ..core import guard
from ..core.mode import is_grad_enabled
from ..core.record import Leaf, Variable
from .arguments import raw
from .foreign import held
from .indexing import steps
from .observer import observer
from .operators import name_operators

__all__ = ["InPlace"]


def _in_place(name: str, function: Any) -> Callable[[Any, Any], Any]:
    """The method for an operator that changes a Tensor in place. `name` is what messages call the operator."""

    def operator(self: Any, other: Any) -> Any:
        return self._update(name, function, other)

    return operator


def _change(change: Callable[[Any, Any], Any], tensor: Any, value: Any) -> None:
    """Call ``change(array, value)`` with the array of `tensor`, and tell the guard that the array has changed."""
    entries = raw(value)
    if isinstance(entries, str | list):
        held(entries)  # which refuses texts, where NumPy would read numbers from them
    change(tensor._data, entries)
    guard.stamp([tensor._data])


def _assign(index: list[Any], array: Any, entries: Any) -> None:
    """Write `entries` to the part of `array` that the indices in `index`, applied one after the other, select."""
    *first, last = index
    for step in first:
        array = array[step]
    array[last] = entries


def _scaled(value: Any, alpha: Any) -> Any:
    """``alpha · value``, without a multiplication by 1."""
    return value if type(alpha) in (int, float) and alpha == 1 else np.multiply(value, alpha)


class InPlace(Variable):
    """The methods whose names end in an underscore, assignment to an index, and operators such as ``+=``."""

    __slots__ = ()

    def _write(self, operation: str, change: Callable[[Any, Any], Any], value: Any) -> Self:
        """Call ``change(array, value)``, which writes to this Tensor's array, and return this Tensor.

        Raises:
            RuntimeError: functions are being recorded, and this Tensor or `value` needs a gradient. `operation` is
                what the message calls the write.
        """
        if is_grad_enabled():
            if isinstance(self._node, Leaf):
                raise RuntimeError(
                    f"{operation} would change a leaf that requires a gradient in place: put it under no_grad(), or "
                    "write x = x + ... instead"
                )
            if self._node is not None:
                raise RuntimeError(
                    f"{operation} would change a computed Tensor in place, of which its gradient would know nothing: "
                    "write x = x + ... or x = where(mask, value, x) instead; to add up losses, add loss.item()"
                )
            if isinstance(value, Variable) and value._node is not None:
                raise RuntimeError(
                    f"{operation} of a value that needs its gradient is not recorded: use where() or cat(), or write "
                    "x = x + ...; to add up losses, add loss.item()"
                )
        observer().write(functools.partial(_change, change), self, value)
        return self

    def _update(self, operation: str, ufunc: Callable[..., Any], other: Any) -> Self:
        """Replace the entries of this Tensor by ``ufunc(self, other)``."""
        return self._write(operation, lambda a, b: ufunc(a, b, out=a), other)

    def __setitem__(self, index: Any, value: Any) -> None:
        self._write("assignment to an index", functools.partial(_assign, steps(index)), value)

    def add_(self, other: Any, *, alpha: float = 1) -> Self:
        """Add ``alpha · other`` in place.

        Raises:
            RuntimeError: this Tensor or `other` needs a gradient, and the call is not in a `no_grad` block. All methods
                that change a Tensor in place raise this error.
        """
        return self._update("add_", np.add, _scaled(other, alpha))

    def sub_(self, other: Any, *, alpha: float = 1) -> Self:
        """Subtract ``alpha · other`` in place."""
        return self._update("sub_", np.subtract, _scaled(other, alpha))

    def mul_(self, other: Any) -> Self:
        """Multiply by `other` in place."""
        return self._update("mul_", np.multiply, other)

    def div_(self, other: Any) -> Self:
        """Divide by `other` in place."""
        return self._update("div_", np.divide, other)

    def copy_(self, other: Any) -> Self:
        """Copy `other`, broadcast to this shape, in place."""
        return self._write("copy_", lambda a, b: a.__setitem__(..., b), other)

    def fill_(self, value: Any) -> Self:
        """Set every entry to `value`."""
        return self._write("fill_", lambda a, b: a.__setitem__(..., b), value)

    def zero_(self) -> Self:
        """Set every entry to 0."""
        return self.fill_(0)

    __iadd__ = add_
    __isub__ = sub_
    __imul__ = mul_
    __itruediv__ = div_
    __ifloordiv__ = _in_place("//=", np.floor_divide)
    __imod__ = _in_place("%=", np.remainder)
    __ipow__ = _in_place("**=", np.power)
    __iand__ = _in_place("&=", np.bitwise_and)
    __ior__ = _in_place("|=", np.bitwise_or)
    __ixor__ = _in_place("^=", np.bitwise_xor)


name_operators(InPlace)
