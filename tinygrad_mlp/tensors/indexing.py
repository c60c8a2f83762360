"""Turns an index that a user writes, as PyTorch understands it, into indices that NumPy understands the same way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import record
from ..core.mode import observers
from ..core.record import Variable
from .arguments import dim_of, raw
from .foreign import refuse_subclasses
from .observer import observer
from .refusals import warn

__all__ = ["along", "meets_twice", "part_at", "steps"]

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
    if not isinstance(index, np.ndarray | Variable):
        return raw(index)
    array = raw(index)
    if array.dtype == np.uint8:
        warn("an index of uint8 is taken for a mask, as in PyTorch, which deprecates it: write .bool() or .long()")
        return array.astype(np.bool)
    if not array.shape and array.dtype.kind in "iu" and not (observers and isinstance(index, Variable)):
        return int(array)  # a number, which selects a view; an observer reads it again in each replay
    if isinstance(index, Variable):
        observer().meet(index)
    return array


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


def meets_twice(shape: tuple[int, ...], index: Any) -> bool:
    """Whether `index` of an array of this `shape` selects one entry more than once."""
    entries = index if isinstance(index, tuple) else (index,)
    if not any(isinstance(entry, np.ndarray | list) for entry in entries):
        return False
    selected = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    return bool(len(np.unique(selected)) < selected.size)


def part_at(tensor: Any, dim: int, index: Any) -> Any:
    """The part of a Tensor at `index` of the dimension `dim`."""
    return tensor[(slice(None),) * dim_of(dim, tensor) + (index,)]


def along(indices: Array, axis: int) -> tuple[Array, ...]:
    """The index for which ``x[index]`` is ``numpy.take_along_axis(x, indices, axis)``."""
    grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    grid[axis] = indices
    return tuple(grid)
