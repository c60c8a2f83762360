"""The functions that NumPy and SciPy lack, and the NumPy functions that are one line of others.

Both kinds take arrays, Tensors or symbols. The first have a row of their own in the sheet of derivatives, because
numerics or speed ask for one; the second (`derived`) are differentiated through the lines they consist of.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, ParamSpec

import numpy as np

from .blas import matmul

__all__ = ["derived", "dispatched", "implementations"]

P = ParamSpec("P")
Axis = int | tuple[int, ...] | None


def dispatched(function: Callable[P, Any]) -> Callable[P, Any]:
    """Let a function of arrays join NumPy's dispatch (NEP 18): given a Tensor or a symbol, that operand takes over."""

    @functools.wraps(function)
    def public(*args: P.args, **kwargs: P.kwargs) -> Any:
        for operand in args:
            kind = type(operand)
            if kind is not np.ndarray and hasattr(kind, "__array_function__"):
                return operand.__array_function__(public, (kind,), args, kwargs)  # type: ignore[attr-defined]
        return function(*args, **kwargs)

    return public


# --- with a row of their own ------------------------------------------------------------------------------------------


@dispatched
def relu(x: Any) -> Any:
    """max(x, 0). Unlike `numpy.maximum`, whose ties share the gradient, its derivative at 0 is 0."""
    return np.maximum(x, 0)


@dispatched
def linear(x: Any, weight: Any, bias: Any) -> Any:
    """``x weightᵀ + bias`` for rows x: one node, and a weight gradient that stays factored (`blas.Product`)."""
    y = matmul(x, weight.T)
    if bias is None:
        return y
    if y.dtype == bias.dtype:
        y += bias  # nobody else can see y yet
        return y
    return y + bias


@dispatched
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log Σ exp(x) over `axis`, shifted by the maximum so that it neither overflows nor underflows."""
    greatest = np.max(x, axis=axis, keepdims=True)
    greatest = np.where(np.isfinite(greatest), greatest, 0)
    y = np.log(np.sum(np.exp(x - greatest), axis=axis, keepdims=True)) + greatest
    return y if keepdims else np.squeeze(y, axis=axis)


@dispatched
def squared_error(a: Any, b: Any, total: bool = False) -> Any:
    """(a − b)², elementwise or, with `total`, summed in the same node."""
    difference = a - b
    difference *= difference
    return difference.sum() if total else difference


@dispatched
def cross_entropy(a: Any, y: Any, total: bool = False) -> Any:
    """−y ln a − (1 − y) ln(1 − a) of probabilities `a`, elementwise or summed.

    Each logarithm is cut off at −100 and each a(1 − a) that divides the gradient at 10⁻¹², as PyTorch's are.
    """
    with np.errstate(divide="ignore"):
        elements = -(y * np.maximum(np.log(a), -100) + (1 - y) * np.maximum(np.log1p(-a), -100))
    return elements.sum() if total else elements


@dispatched
def cross_entropy_with_logits(z: Any, y: Any, total: bool = False) -> Any:
    """−y ln σ(z) − (1 − y) ln(1 − σ(z)) = ln(1 + eᶻ) − y z, elementwise or summed; exact for logits of any size."""
    elements = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))) - y * z
    return elements.sum() if total else elements


@dispatched
def clone(x: Any) -> Any:
    """`x` in memory of its own."""
    return np.array(x)


@dispatched
def astype(x: Any, dtype: Any) -> Any:
    """`x` as `dtype`, in memory of its own."""
    return np.array(x, dtype=dtype)


@dispatched
def getitem(x: Any, index: Any) -> Any:
    """``x[index]``: a view where NumPy gives one."""
    return x[index]


@dispatched
def scatter(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """The adjoint of `getitem`: zeros of `shape` with `g` added at `index`, repeated positions adding up."""
    y = np.zeros(shape, dtype=g.dtype)
    np.add.at(y, index, g)
    return y


@dispatched
def concatenate(*arrays: Any, axis: int = 0) -> Any:
    """The arrays joined along `axis`, which all have, and in whose length alone they may differ."""
    return np.concatenate(arrays, axis=axis)


# What computes a function on arrays, where that is not the function itself.
implementations: dict[Callable[..., Any], Callable[..., Any]] = {
    np.matmul: matmul,
    np.sum: lambda x, axis=None, keepdims=False: np.add.reduce(x, axis, None, None, keepdims),
}

# --- one line of others -----------------------------------------------------------------------------------------------


def _count(x: Any, axis: Axis) -> int:
    """How many entries a reduction of `x` over `axis` takes together."""
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return math.prod(x.shape[a] for a in axes)


def _mean(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return np.sum(a, axis=axis, keepdims=keepdims) / _count(a, axis)


def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return np.transpose(a, axes)


def _squeeze(a: Any, axis: Axis = None) -> Any:
    squeezed = [i for i, n in enumerate(a.shape) if n == 1] if axis is None else np.atleast_1d(axis) % max(a.ndim, 1)
    if any(a.shape[i] != 1 for i in squeezed):
        raise ValueError(f"cannot squeeze axis {axis} of shape {a.shape}: only axes of length 1 can be removed")
    return np.reshape(a, tuple(n for i, n in enumerate(a.shape) if i not in squeezed))


def _expand_dims(a: Any, axis: int | tuple[int, ...]) -> Any:
    return np.reshape(a, np.expand_dims(np.empty(a.shape, np.bool_), axis).shape)


def _stack(arrays: Any, axis: int = 0) -> Any:
    return np.concatenate([np.expand_dims(a, axis) for a in arrays], axis=axis)


derived: dict[Callable[..., Any], Callable[..., Any]] = {
    np.shape: lambda a: a.shape,
    np.ndim: lambda a: a.ndim,
    np.size: lambda a: math.prod(a.shape),
    np.mean: _mean,
    np.concatenate: lambda arrays, axis=0: concatenate(*arrays, axis=axis),
    np.swapaxes: _swapaxes,
    np.matrix_transpose: lambda x: np.swapaxes(x, -1, -2),
    np.squeeze: _squeeze,
    np.expand_dims: _expand_dims,
    np.ravel: lambda a: np.reshape(a, (-1,)),
    np.stack: _stack,
    np.dot: lambda a, b: a @ b,
}
