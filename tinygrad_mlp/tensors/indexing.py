"""Turns an index that a user writes, as PyTorch understands it, into indices that NumPy understands the same way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import record
from ..core.record import Variable
from .arguments import raw
from .foreign import refuse_subclasses
from .observer import observer

__all__ = ["along", "steps"]

Array = NDArray[Any]


def _index(index: Any) -> Any:
    """`index` as NumPy takes it: with arrays in place of Tensors, and with numbers in place of Tensors in slices."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    if isinstance(index, slice):
        bounds = (index.start, index.stop, index.step)
        return slice(*(bound.__index__() if isinstance(bound, record.tensor_class) else bound for bound in bounds))
    if isinstance(index, np.ndarray):
        observer().refuse("a NumPy array as an index: make it a Tensor outside the step")
    if isinstance(index, Variable):
        observer().meet(index)
    return raw(index)


def steps(index: Any) -> list[Any]:
    """The indices that NumPy is to apply one after the other to do what `index` does in PyTorch.

    There is one, except for an index of integers and arrays: there the integers come first, then the rest. In a single
    index NumPy would treat an integer beside an array as an array, and might put their common dimensions in front.
    """
    if not isinstance(index, tuple):
        return [_index(index)]
    arrays = list(map(_as_array, index))
    integers = [array is not None and not array.shape and array.dtype.kind in "iu" for array in arrays]
    if not any(integers) or sum(integers) == sum(array is not None for array in arrays):
        return [_index(index)]
    # The first index removes the dimensions of the integers, and keeps those that the second one is for.
    first: list[Any] = []
    second: list[Any] = []
    for entry, array, is_integer in zip(index, arrays, integers, strict=True):
        if is_integer:
            first.append(entry.item() if hasattr(entry, "item") else entry)
            continue
        second.append(entry)
        if entry is ...:
            first.append(entry)
        elif entry is not None:  # None adds a dimension, which only the second index does
            is_mask = array is not None and array.dtype.kind == "b"
            first += [slice(None)] * (len(array.shape) if is_mask else 1)  # a mask stands for all its dimensions
    return [tuple(first), _index(tuple(second))]


def _as_array(entry: Any) -> Any:
    """`entry` of an index as an array. None for a slice, for an ellipsis and for None, which adds a dimension."""
    if isinstance(entry, slice | None) or entry is ...:
        return None
    refuse_subclasses(entry)
    return entry if hasattr(entry, "shape") else np.asarray(entry)


def along(indices: Array, axis: int) -> tuple[Array, ...]:
    """The index for which ``x[index]`` is ``numpy.take_along_axis(x, indices, axis)``."""
    grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    grid[axis] = indices
    return tuple(grid)
