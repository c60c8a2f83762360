"""The one door through which users' values come in: data, dtypes, lengths, dimensions, indices, cotangents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..core import record
from ..core.functions import astype
from ..core.lines import warn
from ..core.mode import state
from ..core.record import Leaf, Node, Variable
from ..core.tape import observer
from ..core.walk import GraphError

__all__ = [
    "Dim", "along", "dims", "dtype_to", "get_default_dtype", "numeric", "place_of",
    "lengths", "places_of", "raw", "seed", "set_default_dtype", "steps",
]  # fmt: skip

Array = NDArray[Any]
Dim = int | Sequence[int] | None

_default_dtype: np.dtype[Any] = np.dtype(np.float32)


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the dtype that Python floats become: float32 at the start, as in PyTorch.

    Raises:
        TypeError: `dtype` is neither float32 nor float64.
    """
    global _default_dtype
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(f"the default dtype is float32 or float64, not {np.dtype(dtype)}")
    _default_dtype = np.dtype(dtype)


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats become."""
    return _default_dtype


def numeric(data: Any, dtype: DTypeLike | None) -> Array:
    """A new numeric array of `data`."""
    if isinstance(data, Variable | np.ndarray):
        observer().refuse("making a Tensor of an array: write clone(), or make it outside the step")
    if isinstance(data, Variable):
        data = data._data
    kinds: set[np.dtype[Any]] = set()
    if isinstance(data, list | tuple):
        data = _unwrapped(data, kinds)
    try:
        array = np.array(data, dtype=dtype)
    except ValueError as error:
        raise TypeError(f"a Tensor needs a rectangular arrangement of numbers: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a Tensor holds real numbers, integers or booleans, not {array.dtype}: convert the data first")
    if dtype is None and array.dtype.kind == "f" and not isinstance(data, np.ndarray | np.generic):
        array = array.astype(np.result_type(*kinds) if kinds else _default_dtype, copy=False)
    return array


def _unwrapped(data: Any, kinds: set[np.dtype[Any]]) -> Any:
    """Nested lists with an array for each Tensor in them; the floating dtypes of their entries are put into `kinds`."""
    if isinstance(data, list | tuple):
        return [_unwrapped(entry, kinds) for entry in data]
    if isinstance(data, Variable):
        if data._node is not None and state.enabled:
            warn(
                "a Tensor of a list copies the numbers of the Tensors in it, and no gradient passes through: "
                "write stack([...]), or .detach() or .item() for each"
            )
        data = data._data
    if isinstance(data, np.ndarray | np.generic):
        observer().refuse("making a Tensor of arrays or Tensors: write stack([...])")
        if data.dtype.kind == "f":
            kinds.add(data.dtype)
    elif isinstance(data, float):
        kinds.add(_default_dtype)
    return data


def dtype_to(dtype: Any) -> np.dtype[Any]:
    """The dtype that ``to(dtype)`` asks for.

    Raises:
        TypeError: `dtype` is not a dtype.
    """
    try:
        if dtype is None:  # which numpy.dtype takes for float64
            raise TypeError
        wanted: np.dtype[Any] = np.dtype(dtype)
        return wanted
    except TypeError:
        raise TypeError(
            f"to() takes a dtype such as numpy.float64, not {dtype!r}; there is one device, so leave devices out"
        ) from None


def raw(value: Any) -> Any:
    """Arrays for Tensors, inside lists too."""
    if isinstance(value, Variable):
        return value._data
    return [raw(entry) for entry in value] if isinstance(value, list) else value


def _index(index: Any) -> Any:
    """An index with arrays for the Tensors in it, and numbers for those in slices."""
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
    """The index as NumPy takes it: in two steps where it mixes integers and arrays, of which integers come first.

    NumPy would take the integers for arrays, and put the dimensions that they share with the others in front.
    """
    if not isinstance(index, tuple):
        return [_index(index)]
    arrays = list(map(_as_array, index))
    integers = [array is not None and not array.shape and array.dtype.kind in "iu" for array in arrays]
    if not any(integers) or sum(integers) == sum(array is not None for array in arrays):
        return [_index(index)]
    first: list[Any] = []
    last: list[Any] = []
    for entry, array, is_integer in zip(index, arrays, integers, strict=True):
        if is_integer:
            first.append(entry.item() if hasattr(entry, "item") else entry)
            continue
        last.append(entry)
        if entry is ...:
            first.append(entry)
        elif entry is not None:
            is_mask = array is not None and array.dtype.kind == "b"
            first += [slice(None)] * (len(array.shape) if is_mask else 1)
    return [tuple(first), _index(tuple(last))]


def _as_array(entry: Any) -> Any:
    """An entry of an index as an array; None for slices, new dimensions and an ellipsis."""
    if isinstance(entry, slice | None) or entry is ...:
        return None
    return entry if hasattr(entry, "shape") else np.asarray(entry)


def along(indices: Array, axis: int) -> tuple[Array, ...]:
    """The index that picks, along `axis`, the entries at `indices`, as `numpy.take_along_axis` does."""
    grid = list(np.ogrid[tuple(slice(n) for n in indices.shape)])
    grid[axis] = indices
    return tuple(grid)


def dims(dim: Dim) -> int | tuple[int, ...] | None:
    """The axis of a reduction for NumPy, which takes no lists; an empty `dim` means all dimensions, as in PyTorch."""
    return tuple(dim) or None if isinstance(dim, list | tuple) else dim  # type: ignore[return-value]


def lengths(given: tuple[Any, ...], named: Sequence[int] | None = None) -> tuple[int, ...]:
    """Lengths or dimensions given one by one, as one sequence, or as one by its name."""
    if named is not None:
        given += (named,)
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], Sequence) else given


def place_of(x: Any) -> Leaf | Node:
    """Where the Tensor `x` stands in the graph."""
    if not isinstance(x, Variable):
        raise TypeError(f"expected a Tensor, not {type(x).__name__}")
    if x._node is None:
        raise GraphError(
            "this Tensor does not require a gradient, nor does anything it was computed from: make its leaves with "
            "requires_grad=True, outside no_grad()"
        )
    return x._node


def places_of(inputs: Any) -> set[Leaf | Node] | None:
    """Where the Tensors stand that a user wants gradients for: one or several, or None for all leaves."""
    if inputs is None:
        return None
    places = {place_of(x) for x in ([inputs] if isinstance(inputs, Variable) else inputs)}
    if not places:
        raise RuntimeError("inputs= names no Tensor: leave it out to collect gradients for all leaves")
    return places


def seed(output: Any, gradient: Any, create_graph: bool = False) -> tuple[Leaf | Node, Any]:
    """Where and with which cotangent a walk from `output` starts: `gradient` checked and copied, or 1 for one entry."""
    place = place_of(output)
    tensor = record.tensor_class
    if gradient is None:
        if output._data.size != 1:
            raise GraphError(
                f"backward() of a Tensor of shape {output.shape} needs the gradient to start from: "
                "reduce it with .sum() or .mean(), or pass gradient= of that shape"
            )
        cotangent: Any = np.empty(output._data.shape, output._data.dtype)
        cotangent.fill(1)  # numpy.ones would take a microsecond more
    else:
        given = gradient.detach() if isinstance(gradient, tensor) else tensor(gradient)
        cotangent = record.record(astype, (given,), {"dtype": output.dtype})._data
        if cotangent.shape != output.shape:
            raise ValueError(
                f"the gradient to start from has shape {cotangent.shape}, but the output has {output.shape}"
            )
        if create_graph and isinstance(gradient, tensor) and gradient.requires_grad:
            return place, gradient.to(output.dtype)
    if create_graph:
        return place, tensor._of(observer().constant(cotangent))
    return place, cotangent
