"""NumPy's functions that are written in terms of others: they are differentiated through the lines they consist of."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core.functions import Axis, astype, clone, concatenate, getitem, root

# The function that does the same as the ``reduce`` method of a ufunc.
reductions: dict[Any, Any] = {np.add: np.sum, np.maximum: np.max, np.minimum: np.min}


def _count(x: Any, axis: Axis) -> int:
    """How many entries of `x` a reduction over `axis` makes into one."""
    shape = x.shape  # which takes time to ask a Tensor for
    return math.prod(shape if axis is None else [shape[a] for a in normalize_axis_tuple(axis, len(shape))])


def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return np.transpose(a, axes)


def _squeeze(a: Any, axis: Axis = None) -> Any:
    squeezed = [i for i, n in enumerate(a.shape) if n == 1] if axis is None else normalize_axis_tuple(axis, a.ndim)
    if any(a.shape[i] != 1 for i in squeezed):
        raise ValueError(f"cannot squeeze axis {axis} of shape {a.shape}: only axes of length 1 can be removed")
    return np.reshape(a, tuple(n for i, n in enumerate(a.shape) if i not in squeezed))


def _concatenate(arrays: Any, axis: int | None = 0) -> Any:
    return concatenate(*map(np.ravel, arrays), axis=0) if axis is None else concatenate(*arrays, axis=axis)


def _prod(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product, by multiplying one half of the factors with the other. So no derivative divides by a factor of 0."""
    if a.dtype.kind in "biu" and a.dtype.itemsize < 8:
        a = astype(a, np.int64)  # in which PyTorch computes
    reduced = range(a.ndim) if axis is None else normalize_axis_tuple(axis, a.ndim)
    kept = [i for i in range(a.ndim) if i not in reduced]
    count, rest = _count(a, tuple(reduced)), [a.shape[i] for i in kept]
    factors = np.reshape(np.transpose(a, (*reduced, *kept)), (count, *rest))
    if count == 1:
        factors = clone(factors)  # which no product has computed anew
    while count > 1:
        half = count // 2
        pairs = getitem(factors, slice(half)) * getitem(factors, slice(half, 2 * half))
        factors = np.concatenate([pairs, getitem(factors, slice(2 * half, None))]) if count % 2 else pairs
        count -= half
    y = getitem(factors, 0) if count else np.sum(factors, axis=0) + 1  # an empty product is 1
    return np.reshape(y, tuple(1 if i in reduced else n for i, n in enumerate(a.shape))) if keepdims else y


def norm(x: Any, p: float = 2, axis: Axis = None, keepdims: bool = False) -> Any:
    """(Σ |x|ᵖ)^(1/p) over `axis`; max |x| for p = ∞, and min |x| for p = −∞. Its derivative is 0 where x is 0.

    For p = 0, the norm is the number of entries that are not 0. For a negative p, the power of 0 is ∞, and the norm is
    0.

    Raises:
        ValueError: p is NaN.
    """
    if math.isnan(p):
        raise ValueError(f"the order of a norm is a number, not {p}")
    if math.isinf(p):
        return (np.max if p > 0 else np.min)(np.abs(x), axis=axis, keepdims=keepdims)
    if p <= 0:
        nothing = x == 0
        powers = np.where(nothing, math.inf if p else 0, (np.abs(x) + nothing) ** p)
        total = np.sum(powers, axis=axis, keepdims=keepdims)
        return total ** (1 / p) if p else total
    if p == 2:
        powers = np.square(x)
    elif p >= 1:
        powers = np.abs(x) ** p
    else:  # |x|ᵖ is the root of order 1/p, whose slope at 0 is infinite, and counts as 0
        powers = root(np.abs(x), 1 / p)
    total = np.sum(powers, axis=axis, keepdims=keepdims)
    return root(total, p) if p > 1 else total ** (1 / p)


def _linalg_norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    if ord is not None and (x.ndim != 1 if axis is None else np.ndim(axis)):
        raise TypeError("numpy.linalg.norm of a Tensor takes norms of vectors: leave ord= out, or pass one axis=")
    if x.dtype.kind != "f":
        x = astype(x, np.float64)  # as NumPy does
    return norm(x, 2 if ord is None else ord, axis, keepdims)


def _var(a: Any, axis: Axis = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    count = _count(a, axis)
    if count <= ddof:
        raise ValueError(f"the variance of {count} entries with correction {ddof} divides by {count - ddof}: pass 0")
    squares = np.square(a - np.mean(a, axis=axis, keepdims=True))
    return np.sum(squares, axis=axis, keepdims=keepdims) / (count - ddof)


def _clip(a: Any, a_min: Any = None, a_max: Any = None) -> Any:
    """At a bound the gradient goes to `a`, as in PyTorch."""
    if a_min is not None:
        a = np.where(a < a_min, a_min, a)
    if a_max is not None:
        a = np.where(a > a_max, a_max, a)
    return a


def _dot(a: Any, b: Any) -> Any:
    if np.ndim(b) > 2:
        raise TypeError("numpy.dot pairs each row of one stack with each column of another: use matmul or einsum")
    return a @ b if np.ndim(a) and np.ndim(b) else a * b


def _moving(function: Callable[..., Any]) -> Callable[..., Any]:
    """A differentiable form of a function that moves entries: it moves their numbers, and indexes `a` with these."""

    @functools.wraps(function)
    def moved(a: Any, *args: Any, **options: Any) -> Any:
        positions = np.reshape(np.arange(math.prod(a.shape)), a.shape)
        return getitem(np.ravel(a), (np.asarray(function(positions, *args, **options)),))

    return moved


derived: dict[Callable[..., Any], Callable[..., Any]] = {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: math.prod(a.shape),
    np.mean: lambda a, axis=None, keepdims=False: np.sum(a, axis=axis, keepdims=keepdims) / _count(a, axis),
    np.var: _var,
    np.std: lambda a, axis=None, *, ddof=0, keepdims=False: root(_var(a, axis, ddof=ddof, keepdims=keepdims), 2),
    np.prod: _prod,
    np.linalg.norm: _linalg_norm,
    np.clip: _clip,
    np.outer: lambda a, b: np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1)),
    np.concatenate: _concatenate,
    np.swapaxes: _swapaxes,
    np.matrix_transpose: lambda x: np.swapaxes(x, -1, -2),
    np.squeeze: _squeeze,
    np.expand_dims: lambda a, axis: np.reshape(a, np.expand_dims(np.empty(a.shape, np.bool_), axis).shape),
    np.ravel: lambda a: np.reshape(a, (-1,)),
    np.stack: lambda arrays, axis=0: np.concatenate([np.expand_dims(a, axis) for a in arrays], axis=axis),
    np.dot: _dot,
    np.repeat: _moving(np.repeat),
    np.tile: _moving(np.tile),
}

for _function, _lines in derived.items():
    _lines.__qualname__ = _function.__name__  # by which Python's message about a wrong option calls it
