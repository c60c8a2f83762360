"""Functions that NumPy and SciPy lack, or take in another form, and that numerics or speed ask for.

They take arrays, and Tensors or symbols by NumPy's dispatch. Each has a row of its own in the sheet of derivatives.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ParamSpec

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .blas import ROUTINES, Array, affine, column_sums, matmul

P = ParamSpec("P")
Axis = int | tuple[int, ...] | None


class DtypeError(RuntimeError, TypeError):
    """Dtypes do not fit. This is a RuntimeError, as in PyTorch, and a TypeError."""


def dispatched(function: Callable[P, Any]) -> Callable[P, Any]:
    """Make a function take part in NumPy's dispatch (NEP 18): an operand such as a Tensor takes over the call."""

    @functools.wraps(function)
    def public(*args: P.args, **kwargs: P.kwargs) -> Any:
        for operand in args:
            kind = type(operand)
            if kind is not np.ndarray and hasattr(kind, "__array_function__") and not isinstance(operand, np.ndarray):
                return operand.__array_function__(public, (kind,), args, kwargs)  # type: ignore[attr-defined]
        return function(*args, **kwargs)

    return public


_FEW = 64  # numbers that are added one by one in float32 with a relative error below 10⁻⁶
FIRST_AXIS = (0, (0,))  # as callers write it: a number or a tuple


def adds_well(x: Array, axis: Axis) -> bool:
    """Whether the error of NumPy's own sum of `x` over `axis` hardly grows with the number of entries.

    NumPy adds in pairs (Higham 1993) along axes that are contiguous in memory, and one by one along all others: in
    float32, the sum of a column of 60,000 equal numbers is off by 6·10⁻⁴.
    """
    if axis is None or x.ndim < 2 or x.dtype not in ROUTINES:  # integers are exact
        return x.ndim < 2 or x.flags.forc or x.dtype not in ROUTINES
    axes = normalize_axis_tuple(axis, x.ndim)
    inner = np.transpose(x, (*(a for a in range(x.ndim) if a not in axes), *axes)).flags.c_contiguous
    return inner or math.prod(x.shape[a] for a in axes) <= _FEW


def summed(x: Any, axis: Any = None, keepdims: Any = False) -> Any:
    """`numpy.sum` with an error that hardly grows with the number of entries, whichever axes they lie along."""
    if axis in FIRST_AXIS and type(x) is np.ndarray and x.ndim == 2 and (y := column_sums(x)) is not None:
        return y[None] if keepdims else y
    if type(x) is not np.ndarray or adds_well(x, axis):
        if x.dtype.kind == "u":  # whose sum is of int64 in PyTorch, and of uint64 in NumPy
            return np.add.reduce(x, axis=axis, dtype=np.int64, keepdims=keepdims)
        return np.add.reduce(x, axis=axis, keepdims=keepdims)
    axes = normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    rest = [a for a in range(x.ndim) if a not in axes]
    first = np.ascontiguousarray(np.transpose(x, (*axes, *rest)))
    y = column_sums(first.reshape(-1, math.prod(x.shape[a] for a in rest)))
    return np.reshape(y, [1 if a in axes else n for a, n in enumerate(x.shape) if keepdims or a not in axes])


def cumulated(x: Any, axis: int | None = None) -> Any:
    """`numpy.cumsum`, which adds one by one: in float64, also for float32."""
    if type(x) is np.ndarray and x.dtype.kind == "u":
        return np.cumsum(x, axis=axis, dtype=np.int64)
    if type(x) is not np.ndarray or x.dtype != np.float32:
        return np.cumsum(x, axis=axis)
    return np.cumsum(x, axis=axis, dtype=np.float64).astype(np.float32)


@dispatched
def relu(x: Any) -> Any:
    """max(x, 0). Unlike `numpy.maximum`, whose ties share the gradient, its derivative at 0 is 0."""
    return np.maximum(x, 0)


@dispatched
def root(x: Any, p: float) -> Any:
    """The p-th root, p > 1, of a sum of p-th powers. Its derivative at 0 counts as 0, as that of a norm does."""
    return np.sqrt(x) if p == 2 else x ** (1 / p)


@dispatched
def quotient(a: Any, b: Any) -> Any:
    """a / b, but 0 where b is 0. There its derivative is infinite or NaN: the rule of a kink has none."""
    return a / (b + (b == 0)) * (b != 0)


@dispatched
def linear(x: Any, weight: Any, bias: Any) -> Any:
    """``x weightᵀ + bias`` for rows x: one node, and a weight gradient that stays factored (`blas.Product`)."""
    columns = weight.T
    y = None if bias is None else affine(x, columns, bias)
    if y is not None:
        return y
    y = matmul(x, columns)
    if x.dtype is not columns.dtype and x.dtype != columns.dtype:  # float64 data would widen a float32 layer
        raise DtypeError(f"the input is {x.dtype}, but the weight is {columns.dtype}: convert one of them")
    if bias is not None:
        shape, y = y.shape, y + bias
        if y.shape != shape:
            raise ValueError(f"a bias of shape {bias.shape} does not fit outputs of shape {shape}")
        if y.dtype != columns.dtype:
            raise DtypeError(f"the weight is {weight.dtype}, but the bias is {bias.dtype}: convert one of them")
    return y


@dispatched
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log Σ exp(x) over `axis`, shifted by the maximum so that it neither overflows nor underflows."""
    greatest = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(greatest), greatest, 0)  # ∞ − ∞ is NaN
    with np.errstate(divide="ignore"):  # the logarithm of 0, if all x are −∞
        y = np.log(summed(np.exp(x - shift), axis, True)) + shift
    return y if keepdims else np.squeeze(y, axis=axis)


@dispatched
def log_softmax(x: Any, axis: Axis = None) -> Any:
    """x − log Σ exp(x) over `axis`. The maximum is subtracted first, so large x are as exact as small ones."""
    with np.errstate(invalid="ignore"):  # if the maximum is infinite, all are NaN
        shifted = x - np.max(x, axis=axis, keepdims=True, initial=-np.inf)
        return shifted - np.log(summed(np.exp(shifted), axis, True))


@dispatched
def squared_error(a: Any, b: Any, total: bool = False) -> Any:
    """(a − b)², elementwise or, with `total`, summed in the same node."""
    difference = a - b
    difference *= difference
    return np.add.reduce(difference, axis=None) if total else difference


@dispatched
def binary_cross_entropy(a: Any, y: Any, total: bool = False) -> Any:
    """−y ln a − (1 − y) ln(1 − a) of probabilities `a`, elementwise or summed.

    As in PyTorch, each logarithm is at least −100, and the a(1 − a) that divides the gradient is at least 10⁻¹².
    """
    with np.errstate(divide="ignore"):
        elements = -(y * np.maximum(np.log(a), -100) + (1 - y) * np.maximum(np.log1p(-a), -100))
    return np.add.reduce(elements, axis=None) if total else elements


@dispatched
def binary_cross_entropy_with_logits(z: Any, y: Any, total: bool = False) -> Any:
    """−y ln σ(z) − (1 − y) ln(1 − σ(z)), elementwise or summed.

    It is computed as ln(e^(−y z) + e^((1 − y) z)), which is exact for logits of any size.
    """
    yz = y * z
    elements = np.logaddexp(-yz, z - yz)
    return np.add.reduce(elements, axis=None) if total else elements


@dispatched
def cross_entropy(z: Any, y: Any, count: Any, total: bool = False) -> Any:
    """−Σ y ln softmax(z) / `count`, summed over the columns: for each row (n, 1), or with `total` for all rows.

    Each row of y has the weights of the classes, mostly zeros and a 1. Where y is 0, even infinite logits add nothing.
    """
    with np.errstate(invalid="ignore", divide="ignore"):  # ∞ − ∞, 0·∞ where y is 0, and 0/0 if no row counts
        largest, shifted = _below_largest(z)
        powers = np.exp(shifted)
        powers[largest] = shifted[largest]  # 0, or NaN if the largest is infinite
        # −ln softmax(z) is a sum of positive terms, so no digit is lost where it is near 0.
        elements = y * (np.log1p(summed(powers, 1, True)) - shifted)
        over: dict[str, Any] = {"axis": None} if total else {"axis": 1, "keepdims": True}
        loss = summed(elements, **over)
        if (loss != loss).any():  # NaN
            loss = summed(np.where(y == 0, 0, elements), **over)
        return loss / count


@dispatched
def softmax_error(z: Any, y: Any, count: Any) -> Any:
    """(softmax(z) Σ y − y) / `count` for each row: the gradient of `cross_entropy`. A row of zeros in y makes zeros."""
    with np.errstate(invalid="ignore", divide="ignore"):
        largest, shifted = _below_largest(z)
        at_largest = shifted[largest]
        error = np.exp(shifted, out=shifted)
        error[largest] = at_largest
        rest = summed(error, 1, True)
        weight = summed(y, 1, True)
        own = y[largest][:, None]
        error *= weight / (1 + rest)
        error -= y
        # The largest p alone can be near 1: p (Σ y − y) − (1 − p) y keeps the digits, for 1 − p is rest / (1 + rest).
        error[largest] = ((weight - own - rest * own) / (1 + rest))[:, 0]
        error /= count
    return np.where(y.any(axis=1, keepdims=True), error, 0) if (error != error).any() else error


def _below_largest(z: Any) -> tuple[Any, Any]:
    """The index of the largest entry of each row, and z minus that entry."""
    largest = np.arange(len(z)), z.argmax(axis=1)
    return largest, z - z[largest][:, None]


@dispatched
def clone(x: Any) -> Any:
    """`x` in memory of its own."""
    return np.array(x)


@dispatched
def astype(x: Any, dtype: Any) -> Any:
    """`x` as `dtype`, in memory of its own."""
    return x.astype(dtype)


@dispatched
def getitem(x: Any, index: Any) -> Any:
    """``x[index]``: a view where NumPy gives one, and of a single entry, which NumPy copies."""
    entries = index if isinstance(index, tuple) else (index,)
    if len(entries) == x.ndim and all(isinstance(entry, int | np.integer) for entry in entries):
        return x[(*entries, ...)]
    return x[index]


@dispatched
def scatter(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """The adjoint of `getitem`: zeros of `shape` with `g` added at `index`, repeated positions adding up."""
    entries = index if isinstance(index, tuple) else (index,)
    size = math.prod(shape)
    by_array = g.dtype.kind == "f" and any(isinstance(entry, np.ndarray | list) for entry in entries)
    if by_array and g.size > max(128, size / 64):
        positions = np.arange(size).reshape(shape)[index]
        added = np.broadcast_to(g, positions.shape).reshape(-1)
        # For many entries, `numpy.bincount` is faster than `numpy.add.at`, but not for few of a large array: it goes
        # through all of that. It adds in float64, too.
        y = np.bincount(positions.reshape(-1), added, size)
        return y.reshape(shape).astype(g.dtype, copy=False)
    y = np.zeros(shape, np.float64 if g.dtype == np.float32 else g.dtype)  # in which repeated positions add up well
    if all(isinstance(entry, int | slice | None) or entry is Ellipsis for entry in entries):
        y[index] = g  # slices and numbers meet no position twice
    else:
        np.add.at(y, index, g)
    return y.astype(g.dtype, copy=False)


@dispatched
def replaced(x: Any, value: Any, index: Any) -> Any:
    """A copy of `x` with `value` at `index`, which meets no position twice."""
    y = np.array(x)
    y[index] = value
    return y


@dispatched
def concatenate(*arrays: Any, axis: int = 0) -> Any:
    """The arrays joined along `axis`. Their shapes may differ in the length of that axis alone."""
    return np.concatenate(arrays, axis=axis)


def _diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """`numpy.diagonal`, whose result can be written to where `x` can."""
    y = np.diagonal(x, offset, axis1, axis2)
    y.flags.writeable = x.flags.writeable
    return y


# Functions that another function computes on arrays: with one BLAS, with exact sums, with PyTorch's views and copies.
implementations: dict[Callable[..., Any], Callable[..., Any]] = {
    np.matmul: matmul,
    np.diagonal: _diagonal,
    np.flip: lambda x, axis=None: np.flip(x, axis).copy(),
    np.sum: summed,
    np.cumsum: cumulated,
}
