"""The one door through which users' values come in: data, dtypes, lengths, dimensions, indices, cotangents."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..core import record
from ..core.functions import einsum
from ..core.lines import warn
from ..core.mode import state
from ..core.record import Variable
from ..core.tape import observer
from .derived import derived

__all__ = [
    "Dim", "along", "array_of", "dims", "dtype_to", "get_default_dtype", "lengths", "numeric", "raw",
    "set_default_dtype", "steps",
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


def array_of(value: Any) -> Any:
    """The array of a tensor, or what NumPy makes of anything else."""
    return value._data if isinstance(value, Variable) else np.asarray(value)


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
    """A tuple of lengths or dimensions, `given` one by one or as one sequence, or `named` in a keyword argument."""
    if named is not None:
        given += (named,)
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], Sequence) else given


def _explicit_einsum(subscripts: Any, *operands: Any) -> Any:
    """With the output and the dimensions under an ellipsis spelt out, and no label twice or alone in an operand."""
    if not isinstance(subscripts, str):
        raise TypeError(f'einsum takes its subscripts as a string such as "ij,jk->ik", not {subscripts!r}')
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum: {subscripts!r} has terms for {len(terms)} operands, not for {len(operands)}")
    if not arrow:
        once = sorted(label for label in set(left) - set(",.") if left.count(label) == 1)
        output = "".join(["..." * ("..." in left), *once])
    hidden = [np.ndim(operand) - len(term.replace("...", "")) for operand, term in zip(operands, terms, strict=True)]
    dots = "".join(label for label in string.ascii_letters if label not in subscripts)[: max(hidden)]
    terms = [term.replace("...", dots[len(dots) - n :]) for term, n in zip(terms, hidden, strict=True)]
    output = output.replace("...", dots)
    plain = list(operands)
    for i, term in enumerate(terms):
        if len(term) != np.ndim(plain[i]):
            raise ValueError(f"einsum: {subscripts!r} does not fit operand {i} of shape {np.shape(plain[i])}")
        while repeated := next((label for label in term if term.count(label) > 1), ""):
            first = term.index(repeated)
            plain[i] = np.diagonal(plain[i], 0, first, term.index(repeated, first + 1))
            term = term.replace(repeated, "", 2) + repeated
        elsewhere = output + "".join(terms[:i] + terms[i + 1 :])
        alone = tuple(axis for axis, label in enumerate(term) if label not in elsewhere)
        if alone:
            plain[i] = np.sum(plain[i], axis=alone)
        terms[i] = "".join(label for label in term if label in elsewhere)
    return einsum(*plain, subscripts=f"{','.join(terms)}->{output}")


derived[np.einsum] = _explicit_einsum  # the subscripts are a user's; the sum itself is a row of the sheet
