"""A Tensor as Python's numbers: what takes entries out of the graph, and warns where a gradient would be lost."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.mode import is_grad_enabled
from ..core.record import Variable
from .observer import observer
from .refusals import warn

__all__ = ["Conversions"]

Array = NDArray[Any]


class Conversions(Variable):
    """The methods that return entries as numbers, among them those that Python calls for ``float(x)`` and its like."""

    __slots__ = ()

    def _read(self) -> Array:
        """The array, for code that is not recorded: a replay would skip such code, so the observer is told."""
        observer().refuse("reading numbers out of a Tensor: return the Tensor, and read it outside the step")
        return self._data

    def item(self) -> Any:
        """The only entry, as a Python number.

        Raises:
            ValueError: the Tensor does not have exactly one entry.
        """
        if self._data.size != 1:
            raise ValueError(f"a Tensor of shape {self._data.shape} is not one number: use .sum(), .mean() or tolist()")
        return self._read().item()

    def tolist(self) -> Any:
        """The entries as nested lists of Python numbers."""
        return self._read().tolist()

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise RuntimeError(f"the truth of a Tensor of shape {self._data.shape} is ambiguous: use .any() or .all()")
        return bool(self._read().item())

    def __float__(self) -> float:
        return float(self._number("float"))

    def __int__(self) -> int:
        return int(self._number("int"))

    def __complex__(self) -> complex:
        return complex(self._number("complex"))

    def _number(self, conversion: str) -> Any:
        """The only entry, for `conversion` to a number. Warn if the Tensor requires a gradient, which is lost."""
        if self._node is not None and is_grad_enabled():
            warn(
                f"{conversion}() of a Tensor that requires a gradient: the number has none. Write .item() if only the "
                "number is wanted; else numpy.exp(x) in place of math.exp(x), stack([...]) in place of array[i] = x"
            )
        return self.item()

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iu":
            advice = (
                ": write int(x) for 0 or 1, or numpy.flatnonzero(x.numpy()) for a mask"
                if self._data.dtype == np.bool_
                else ""
            )
            raise TypeError(f"only an integer Tensor can be an index, not one of {self._data.dtype}{advice}")
        return int(self.item())

    def __format__(self, spec: str) -> str:
        return super().__format__(spec) if self._data.ndim else format(self.item(), spec)

    @property
    def _mask(self) -> Any:
        """Refuse the functions of `numpy.ma`, which read ``_data`` and ``_mask`` and would drop the graph."""
        # To make a masked array, as matplotlib does of what it scatters, `__array__` has been called, which is no leak.
        if sys._getframe(1).f_code is np.ma.MaskedArray.__new__.__code__:
            raise AttributeError("a Tensor has no mask")
        raise TypeError("a masked array meets a Tensor, which has no mask: write .filled(0), or x.detach().numpy()")
