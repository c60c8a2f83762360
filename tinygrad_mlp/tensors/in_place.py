"""Methods and operators that change a Tensor in place. The graph records those that involve a gradient (`views.py`)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from ..core import functions as f
from ..core import guard, record
from ..core.lines import function_name
from ..core.mode import is_grad_enabled
from ..core.record import Variable
from .foreign import held
from .indexing import meets_twice, steps
from .observer import observer
from .operators import name_operators
from .promotion import promoted
from .random import AnyGenerator, drawn
from .refusals import shown
from .views import is_entry_of, needs_gradient, place_now, validate_writeable, write_recorded

__all__ = ["InPlace"]

_NUMBERS = frozenset((bool, int, float))


def _in_place(name: str, function: Any) -> Callable[[Any, Any], Any]:
    """The method for an operator that changes a Tensor in place. `name` is what messages call the operator."""

    def operator(self: Any, other: Any) -> Any:
        return self._write(name, function, other)

    return operator


def _change(function: Callable[..., Any], index: Any, tensor: Any, value: Any) -> None:
    """Write ``function(tensor, value)``, or `value` at `index`, to the array of `tensor`, and tell the guard of it."""
    # Of other values `held` makes an array, or refuses them: NumPy would read numbers from texts, and NaN from None.
    entries = value._data if isinstance(value, Variable) else value if type(value) in _NUMBERS else held(value)
    array = tensor._data
    validate_writeable(array)
    if array.dtype.kind in "iu" and isinstance(entries, np.ndarray) and function is not f.replaced:
        result = function(array, entries)
        if result.dtype.kind in "iu":  # which are written into integers of any other dtype, as in PyTorch
            if result.shape != array.shape:
                raise ValueError(f"a result of shape {result.shape} does not fit a Tensor of shape {array.shape}")
            function, index, entries = f.replaced, [...], result
    if function is f.replaced:
        *first, last = index
        for step in first:
            array = array[step]
        array[last] = entries
    else:
        try:
            function(array, entries, out=array)
        except TypeError:
            if array.dtype.kind == "f":
                raise
            raise TypeError(
                f"a Tensor of {array.dtype} cannot hold the result of {function_name(function)}: start from floats, as "
                "tensor(0.) does, or write x = x + ..."
            ) from None
    guard.stamp([array])


def _fitting(tensor: Any, value: Any, index: list[Any]) -> Any:
    """`value` without those leading dimensions of length 1 that `index` of `tensor` does not select, as in PyTorch."""
    array = tensor._data
    for step in index:
        array = array[step]
    extra = value.ndim - np.ndim(array)
    return value.reshape(value.shape[extra:]) if extra > 0 and value.shape[:extra] == (1,) * extra else value


def _scaled(value: Any, alpha: Any) -> Any:
    """``alpha · value``, without a multiplication by 1."""
    return value if type(alpha) in (int, float) and alpha == 1 else np.multiply(value, alpha)


class InPlace(Variable):
    """The methods whose names end in an underscore, assignment to an index, and operators such as ``+=``."""

    __slots__ = ()

    def _write(self, operation: str, function: Callable[..., Any], value: Any, index: Any = None) -> Self:
        """Replace the entries of this Tensor by ``function(self, value)``, or those at `index` by `value`.

        The write is recorded if this Tensor or `value` needs a gradient. `operation` is what messages call the write.
        """
        if value is None:
            raise TypeError(f"{operation} takes a Tensor or a number, not None")
        if function is f.replaced and isinstance(value, Variable) and value._data.shape[:1] == (1,):
            value = _fitting(self, value, index)
        if self._node is not None or isinstance(value, Variable) or self._data.base is not None:
            # Only a number that is written to a Tensor of its own, in no graph, needs no further look.
            if is_grad_enabled() and needs_gradient(self, value):
                self._write_recorded(operation, function, value, index)
                return self
            if function is not f.replaced and isinstance(value, Variable) and value._data.dtype != self._data.dtype:
                _, value = promoted(function, (self, value)) or (self, value)
        observer().write(functools.partial(_change, function, index), self, value)
        return self

    def _write_recorded(self, operation: str, function: Callable[..., Any], value: Any, index: Any) -> None:
        """What `_write` does where the write is recorded."""
        target: Any = self
        if function is not f.replaced:
            write_recorded(operation, target, function, value, {})
            return
        *first, last = index
        for step in first:
            target = target[step]
        if isinstance(value, Variable) and place_now(value) is not None and meets_twice(target._data.shape, last):
            raise RuntimeError(
                f"{operation} that has one position twice: only the value that is written last would get a gradient, "
                "so give each position once"
            )
        write_recorded(operation, target, function, value, {"index": last})

    def __setitem__(self, index: Any, value: Any) -> None:
        chosen = steps(index)
        if len(chosen) > 1 or not is_entry_of(value, self, chosen[0]):
            self._write("assignment to an index", f.replaced, value, chosen)

    def add_(self, other: Any, tensor: Any = None, *, alpha: float = 1) -> Self:
        """Add ``alpha · other`` in place. PyTorch's deprecated form is ``add_(alpha, other)``.

        If this Tensor or `other` needs a gradient, the graph records the write: from then on, this Tensor is the sum,
        and the views that share its memory are views of the sum. So it is with all methods that change a Tensor in
        place.

        Raises:
            RuntimeError: this Tensor is a leaf that requires a gradient, or a view of one, or an expanded Tensor, or a
                view that was taken under `no_grad`. Under `no_grad`, leaves are changed, and nothing is recorded.
        """
        other, alpha = (other, alpha) if tensor is None else (tensor, other)
        return self._write("add_", np.add, _scaled(other, alpha))

    def sub_(self, other: Any, tensor: Any = None, *, alpha: float = 1) -> Self:
        """Subtract ``alpha · other`` in place. PyTorch's deprecated form is ``sub_(alpha, other)``."""
        other, alpha = (other, alpha) if tensor is None else (tensor, other)
        return self._write("sub_", np.subtract, _scaled(other, alpha))

    def mul_(self, other: Any) -> Self:
        """Multiply by `other` in place."""
        return self._write("mul_", np.multiply, other)

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Self:
        """Divide by `other` in place. The `rounding_mode` is that of `div`."""
        if rounding_mode is None:
            return self._write("div_", np.divide, other)
        return self.divide_(other, rounding_mode=rounding_mode)  # type: ignore[attr-defined, no-any-return]

    def copy_(self, other: Any) -> Self:
        """Copy `other`, broadcast to this shape, in place."""
        return self._write("copy_", f.replaced, other, [...])

    def fill_(self, value: Any) -> Self:
        """Set every entry to `value`."""
        return self._write("fill_", f.replaced, value, [...])

    def zero_(self) -> Self:
        """Set every entry to 0."""
        return self._write("zero_", f.replaced, 0, [...])

    def clamp_(self, min: Any = None, max: Any = None) -> Self:
        """Set entries below `min` to `min`, and entries above `max` to `max`, in place.

        Raises:
            ValueError: neither bound is given.
        """
        clamped: Any = self.clamp(min, max)  # type: ignore[attr-defined]
        return self._write("clamp_", f.replaced, clamped, [...])

    def normal_(self, mean: float = 0, std: float = 1, *, generator: AnyGenerator | None = None) -> Self:
        """Draw every entry from the normal distribution with this mean and standard deviation.

        Raises:
            TypeError: the Tensor holds no floats.
            ValueError: `std` is negative.
        """
        if not std >= 0:
            raise ValueError(f"normal_() takes a standard deviation ≥ 0, not {shown(std)}")
        return self._draw("normal_", generator, np.random.Generator.normal, mean, std)

    def uniform_(self, low: float = 0, to: float = 1, *, generator: AnyGenerator | None = None) -> Self:
        """Draw every entry uniformly from [`low`, `to`).

        Raises:
            TypeError: the Tensor holds no floats.
            ValueError: `to` is below `low`.
        """
        if not low <= to:
            raise ValueError(f"uniform_() draws numbers ≥ {low} and < {to}, of which there are none")
        return self._draw("uniform_", generator, np.random.Generator.uniform, low, to)

    def _draw(self, operation: str, generator: AnyGenerator | None, draw: Callable[..., Any], *arguments: Any) -> Self:
        """Write numbers that ``draw(numbers, *arguments, shape)`` returns."""
        if self._data.dtype.kind != "f":
            raise TypeError(f"{operation}() takes a floating Tensor, not one of {self._data.dtype}: write .float()")
        numbers = record.tensor_class._of(drawn(generator, draw, *arguments, self._data.shape))
        return self._write(operation, f.replaced, numbers, [...])

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
    __ilshift__ = _in_place("<<=", np.left_shift)
    __irshift__ = _in_place(">>=", np.right_shift)


name_operators(InPlace)
