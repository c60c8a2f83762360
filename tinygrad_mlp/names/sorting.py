"""Entries in order: sorting, searching, counting, and which entries there are."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..tensors.arguments import array_of, dim_of, real
from ..tensors.creation import as_operand
from ..tensors.indexing import part_at
from ..tensors.methods import Selected
from ..tensors.observer import observer
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .reductions import computed, values_at
from .table import offer, row

__all__: list[str] = []


# --- sorting ----------------------------------------------------------------------------------------------------------


def _order(array: Any, axis: int, descending: bool, k: int | None = None) -> Any:
    """The indices along `axis` that sort the entries, or the first `k` of them. Equal entries keep their order."""
    length = array.shape[axis]
    if k is not None and 0 < k <= length // 4:  # it is faster to find the k entries first, and to sort only these
        chosen = np.moveaxis(_first(np.moveaxis(array, axis, -1), descending, k), -1, axis)
        order = _order(np.take_along_axis(array, chosen, axis), axis, descending)
        return np.take_along_axis(chosen, order, axis)
    if descending:  # a sort that only reverses the result would also reverse equal entries: so the input is reversed
        backwards = np.argsort(np.flip(array, axis), axis=axis, kind="stable")
        order = length - 1 - np.flip(backwards, axis)
    else:
        order = np.argsort(array, axis=axis, kind="stable")
    return order if k is None else np.take(order, np.arange(k), axis)


def _first(rows: Any, descending: bool, k: int) -> Any:
    """The indices of the `k` smallest or, if `descending`, largest entries of each row, in ascending order of index."""
    last = rows.shape[-1] - k if descending else k - 1
    limit = np.partition(rows, last, -1)[..., last : last + 1]  # the last entry that is chosen
    is_nan, at_nan = rows != rows, limit != limit  # NaN is unequal to itself, and counts as the greatest number
    before = (rows > limit) | (is_nan & ~at_nan) if descending else (rows < limit) | (~is_nan & at_nan)
    equal = (rows == limit) | (is_nan & at_nan)
    missing = k - np.count_nonzero(before, -1, keepdims=True)  # so many of the entries that equal the limit
    chosen = before | (equal & (np.cumsum(equal, -1) <= missing))
    return np.nonzero(chosen)[-1].reshape(*rows.shape[:-1], k)


def _ordered(input: Tensor, dim: int, descending: bool, k: int | None = None) -> Selected:
    """The `Selected` of the first `k` entries along `dim`, in order."""
    if not input.ndim:
        ordered = _ordered(input.reshape(1), dim, descending, k)
        return ordered if k == 0 else Selected(*(x.reshape(()) for x in ordered))
    axis = dim_of(dim, input)
    indices = computed(_order, input, axis, descending, k)
    return Selected(values_at(input, indices, axis), indices)


@offer()
def sort(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Selected:
    """The entries along `dim` in order, and the indices where they were: ``(values, indices)``.

    Equal entries keep their order, whatever `stable` is. NaN counts as the greatest number.
    """
    return _ordered(input, dim, descending)


row("argsort", lambda input, dim=-1, descending=False, *, stable=False: sort(input, dim, descending).indices,
    "The indices along `dim` that sort this Tensor: of equal entries the first comes first.")  # fmt: skip
row("msort", lambda input: sort(input, 0).values, "The entries in order along the first dimension.")


@offer()
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Selected:
    """The `k` largest entries along `dim`, or the smallest, and their indices: ``(values, indices)``.

    The entries are always sorted, whatever `sorted` is. Equal entries keep their order.

    Raises:
        ValueError: there are no `k` entries along `dim`.
    """
    return _ordered(input, dim, largest, _validated_count("topk", input, k, dim, 0))


@offer()
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Selected:
    """The `k`-th smallest entry along `dim`, counted from 1, and its index: ``(values, indices)``.

    Raises:
        ValueError: there are no `k` entries along `dim`.
    """
    k = _validated_count("kthvalue", input, k, dim, 1)
    if not input.ndim:
        return _ordered(input, dim, False)
    ordered = _ordered(input, dim, False, k)
    return Selected(*(part_at(x, dim, slice(k - 1, k) if keepdim else k - 1) for x in ordered))


def _validated_count(name: str, input: Any, k: int, dim: int, least: int) -> int:
    """`k` as an int. Raises ValueError unless there are so many entries along `dim`."""
    length = input.shape[dim_of(dim, input)] if input.ndim else 1
    count = operator.index(k)
    if not least <= count <= length:
        raise ValueError(f"{name}() takes k from {least} to {length} along dim={dim} of {shown(input)}, not {shown(k)}")
    return count


# --- searching --------------------------------------------------------------------------------------------------------


def _found(rows: Any, wanted: Any, right: bool, sorter: Any, dtype: Any) -> Any:
    """`numpy.searchsorted` along the last axis of stacks, with NaN above all entries."""
    if sorter is not None:
        rows = np.take_along_axis(rows, sorter, -1)
    side: Any = "right" if right else "left"
    if rows.ndim == 1:
        places = np.asarray(np.searchsorted(rows, wanted, side))
    else:  # NumPy searches in one row at a time
        places = np.empty(wanted.shape, np.int64)
        for row_of in np.ndindex(rows.shape[:-1]):
            places[row_of] = np.searchsorted(rows[row_of], wanted[row_of], side)
    return np.where(wanted != wanted, rows.shape[-1], places).astype(dtype)


@offer(to="functions")
def searchsorted(
    sorted_sequence: Any,
    input: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> Tensor:
    """The indices at which the entries of `input` would be inserted into a sorted sequence: before or after equal ones.

    Args:
        sorted_sequence: a vector or, for each row of `input`, a row.
        input: numbers, or one number.
        out_int32: whether the indices are of int32 rather than int64.
        right: whether to insert after equal entries rather than before.
        side: "right" is another word for ``right=True``, and "left" for ``right=False``.
        sorter: the indices that sort the sequence, if it is not sorted itself.

    Raises:
        ValueError: the shapes do not fit, or `side` contradicts `right`, or is another word.
    """
    sequence, values = as_operand(sorted_sequence), as_operand(input)
    if side not in (None, "left", "right") or (side == "left" and right):
        raise ValueError(f'searchsorted() takes side="left" or side="right", and no other right=, not {side!r}')
    if not sequence.ndim or (sequence.ndim > 1 and sequence.shape[:-1] != values.shape[:-1]):
        raise ValueError(
            f"searchsorted() takes a vector, or a row for each row of the values, not {shown(sequence)} for "
            f"{shown(values)}"
        )
    if sorter is not None:
        sorter = as_operand(sorter)
        if sorter.shape != sequence.shape or sorter.dtype != np.int64:
            raise ValueError(f"searchsorted() takes sorter= of int64 in the shape of the sequence, not {shown(sorter)}")
    after, dtype = right or side == "right", np.int32 if out_int32 else np.int64
    return computed(_found, sequence, values, after, sorter, dtype)


@offer(to="functions")
def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """For each entry, the number of the interval between sorted `boundaries` that holds it.

    An entry that equals a boundary belongs to the interval below the boundary or, with `right`, above it.

    Raises:
        ValueError: the boundaries are no vector.
    """
    boundaries = as_operand(boundaries)
    if boundaries.ndim != 1:
        raise ValueError(f"bucketize() takes a vector of boundaries, not {shown(boundaries)}")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


def _is_in(elements: Any, test_elements: Any, invert: bool) -> Any:
    return np.asarray(np.isin(elements, test_elements, invert=invert))


@offer(to="functions")
def isin(elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False) -> Tensor:
    """Whether each entry is among `test_elements` or, with `invert`, is not. `assume_unique` changes nothing."""
    return computed(_is_in, as_operand(elements), as_operand(test_elements), invert)


@offer()
def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """A row of indices for each entry that is not 0 or, with `as_tuple`, a Tensor of indices for each dimension."""
    observer().refuse("nonzero(), whose numbers decide on a shape: write nonzero_static(), where() or masked_fill()")
    found = np.nonzero(np.atleast_1d(input._data))
    if as_tuple:
        return tuple(map(as_operand, found))
    return as_operand(np.stack(found, axis=1) if input.ndim else np.empty((len(found[0]), 0), np.int64))


row("argwhere", lambda input: nonzero(input), "A row of indices for each entry that is not 0.")


def _first_nonzero(array: Any, size: int, fill_value: int) -> Any:
    """The rows of indices that `nonzero_static` returns."""
    found = np.full((size, array.ndim), fill_value, np.int64)
    rows = np.argwhere(array)[:size]
    found[: len(rows)] = rows
    return found


@offer()
def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """`nonzero` with `size` rows: those beyond the entries that are not 0 hold `fill_value`."""
    return computed(_first_nonzero, input, size, fill_value)


@offer(to="functions")
def unravel_index(indices: Any, shape: int | Sequence[int]) -> tuple[Tensor, ...]:
    """The indices along each dimension of `shape`, for `indices` of the flattened Tensor.

    Raises:
        TypeError: the indices are no integers.
    """
    remaining, found = as_operand(indices), []
    if remaining.dtype.kind not in "iu":
        raise TypeError(f"unravel_index() takes indices of int64, not {remaining.dtype}: write indices.long()")
    remaining = remaining.long()
    for length in reversed([shape] if isinstance(shape, int) else shape):
        found.append(remaining % length)
        remaining = remaining // length
    return tuple(reversed(found))


# --- counting ---------------------------------------------------------------------------------------------------------


@offer()
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The different entries in order or, with `dim`, the different slices along it. No gradient passes through them.

    Args:
        sorted: changes nothing: the result is always sorted.
        return_inverse: whether to return also the index in the result for each entry of this Tensor.
        return_counts: whether to return also how often each entry of the result occurs.
    """
    observer().refuse("unique(), whose numbers decide on a shape")
    rows, shape, axis = _rows(input, dim)
    values, inverse, counts = np.unique(rows, return_inverse=True, return_counts=True, axis=0, equal_nan=False)
    return _distinct(values, inverse, counts, return_inverse, return_counts, shape, axis)


@offer()
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The entries or, with `dim`, the slices along it, without those that equal the one before.

    Args:
        return_inverse: whether to return also the index in the result for each entry of this Tensor.
        return_counts: whether to return also how many equal entries each entry of the result stands for.
    """
    observer().refuse("unique_consecutive(), whose numbers decide on a shape")
    rows, shape, axis = _rows(input, dim)
    flat = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    is_new = np.ones(len(rows), bool)  # where a row differs from the one before
    is_new[1:] = (flat[1:] != flat[:-1]).any(axis=1)
    first = np.flatnonzero(is_new)
    counts = np.diff(np.append(first, len(rows)))
    return _distinct(rows[first], np.cumsum(is_new) - 1, counts, return_inverse, return_counts, shape, axis)


def _rows(input: Tensor, dim: int | None) -> tuple[Any, tuple[int, ...], int | None]:
    """An array of the entries or slices to compare, along its first axis; the shape of the inverse; and the axis."""
    if dim is None:
        return input._data.reshape(-1), input.shape, None
    axis = dim_of(dim, input)
    rows = np.moveaxis(input._data, axis, 0)
    return rows, (len(rows),), axis


def _distinct(
    values: Any, inverse: Any, counts: Any, return_inverse: bool, return_counts: bool, shape: Any, axis: int | None
) -> Any:
    """The Tensor or the Tensors that `unique` returns."""
    found = [values if axis is None else np.moveaxis(values, 0, axis)]
    found += [inverse.reshape(shape)] if return_inverse else []
    found += [counts] if return_counts else []
    tensors = tuple(map(as_operand, found))
    return tensors if len(tensors) > 1 else tensors[0]


def _in_bins(x: Any, bins: int, low: float, high: float) -> Any:
    """How many entries lie in each of `bins` equal intervals. Each includes its lower end, the last one both ends."""
    entries = x.reshape(-1)
    if low == high and entries.size:
        low, high = entries.min(), entries.max()
    if low == high:
        low, high = low - 1, high + 1
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"histc() takes finite bounds, not {low} and {high}")
    entries = entries[(entries >= low) & (entries <= high)]
    places = np.minimum(((entries - low) / (high - low) * bins).astype(np.int64), bins - 1)
    return np.bincount(places, minlength=bins).astype(x.dtype)


@offer()
def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many entries lie in each of `bins` intervals of equal width from `min` to `max`; others are not counted.

    If `min` and `max` are equal, the intervals reach from the least to the greatest entry.

    Raises:
        TypeError: the Tensor holds integers.
        ValueError: there are no bins, `max` is below `min`, or a bound is not finite.
    """
    min, max = real(min), real(max)
    if bins < 1 or max < min:
        raise ValueError(f"histc() takes bins ≥ 1 and min ≤ max, not {bins} bins from {min} to {max}")
    return computed(_in_bins, input._floating("histc"), bins, min, max)


class Histogram(NamedTuple):
    """The result of `histogram`: what is in each bin, and the ends of the bins."""

    hist: Tensor
    bin_edges: Tensor


def _edges(entries: Any, bins: int, range: Any) -> Any:
    return np.histogram_bin_edges(entries, bins, range).astype(entries.dtype)


def _heights(entries: Any, edges: Any, weight: Any, density: bool) -> Any:
    weights = None if weight is None else array_of(weight).reshape(-1)
    return np.histogram(entries.reshape(-1), edges, weights=weights, density=density)[0].astype(entries.dtype)


@offer()
def histogram(
    input: Tensor, bins: Any = 100, *, range: Sequence[float] | None = None, weight: Any = None, density: bool = False
) -> Any:
    """How many entries lie in each bin, and the ends of the bins: ``(hist, bin_edges)``. No gradient passes.

    Args:
        bins: how many bins of equal width there are, or a sorted vector of their ends.
        range: the first and the last end; by default the least and the greatest entry.
        weight: how much each entry counts.
        density: whether to divide by the sum and by the widths, so that the integral is 1.

    Raises:
        TypeError: the Tensor holds integers.
        ValueError: the weights have another shape.
    """
    if weight is not None and np.shape(weight) != input.shape:
        raise ValueError(f"histogram() takes weight= of shape {tuple(input.shape)} here, not {shown(weight)}")
    input = input._floating("histogram")
    edges = computed(_edges, input, bins, range) if isinstance(bins, int) else as_operand(bins).clone()
    return Histogram(computed(_heights, input, edges, weight, density), edges)


@offer()
def bincount(input: Tensor, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, … occurs in a vector or, with `weights`, the sum of the weights of each.

    Raises:
        ValueError: the Tensor is no vector of integers from 0, or the weights have another shape.
    """
    observer().refuse("bincount(), whose numbers decide on a shape: write zeros(n).scatter_add(0, x, weights)")
    numbers = input._data
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or np.any(numbers < 0) or minlength < 0:
        raise ValueError(f"bincount() takes a vector of integers from 0, and minlength from 0, not {shown(input)}")
    if weights is None:
        return as_operand(np.bincount(numbers, minlength=minlength))
    weights = as_operand(weights)
    if weights.shape != input.shape:
        raise ValueError(f"bincount() takes weights of shape {tuple(input.shape)}, not {shown(weights)}")
    counted = np.bincount(numbers, weights._data, minlength)
    return as_operand(counted.astype(np.float32 if weights.dtype == np.float32 else np.float64))
