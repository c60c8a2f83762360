"""Statistics along a dim: medians, quantiles, the mode, and the spread of data around their mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..tensors.arguments import Dim, dim_of
from ..tensors.creation import as_operand, tensor, where
from ..tensors.methods import Selected
from ..tensors.observer import observer
from ..tensors.tensor import Tensor
from .reductions import computed, values_at
from .table import offer

__all__: list[str] = []

# NumPy's functions of Tensors, with the type that their results have here.
_isnan: Callable[..., Tensor] = np.isnan

# --- order ------------------------------------------------------------------------------------------------------------


def _at_index(name: str, input: Tensor, find: Callable[..., Any], dim: int, keepdim: bool, *options: Any) -> Selected:
    """The values along `dim` at the indices ``find(array, dim, *options)``, which keep the dim, and the indices."""
    if not input.ndim:
        return Selected(*(x.reshape(()) for x in _at_index(name, input.reshape(1), find, dim, False, *options)))
    dim = dim_of(dim, input)
    if not input.shape[dim]:
        raise IndexError(f"{name}() along dim {dim} of shape {tuple(input.shape)} has no entry to choose")
    indices = computed(find, input, dim, *options)
    values = values_at(input, indices, dim)
    return Selected(values, indices) if keepdim else Selected(values.squeeze(dim), indices.squeeze(dim))


def _middle(x: Any, axis: int, skips_nan: bool) -> Any:
    """The index along `axis` of the lower median: of the first NaN if there is one, unless these are skipped."""
    order = np.argsort(x, axis, kind="stable")  # which puts NaN last
    count = np.sum(~np.isnan(x), axis, keepdims=True)
    middle = np.maximum(count - 1, 0) // 2
    if not skips_nan:
        middle = np.where(count < x.shape[axis], count, middle)
    return np.take_along_axis(order, middle, axis)


def _median(name: str, input: Tensor, dim: int | None, keepdim: bool, skips_nan: bool) -> Any:
    """`median`, or `nanmedian`, which `skips_nan`."""
    if input.dtype.kind == "b":
        raise TypeError(f"{name}() takes a Tensor of numbers, not of booleans: write tensor(...).float()")
    if dim is not None:
        return _at_index(name, input, _middle, dim, keepdim, skips_nan)
    flat = input.flatten()
    if not flat.numel():
        return flat.sum() + math.nan
    middle = _at_index(name, flat, _middle, 0, False, skips_nan).values
    if input.dtype.kind != "f":
        return middle
    # All entries that equal the median share its gradient, as those that equal a maximum do.
    return where((flat == middle) | (_isnan(flat) & _isnan(middle)), flat, -math.inf).max()


@offer()
def median(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle entry in order of size, the lower one of two; with `dim` the values along it, and their indices.

    If one of the entries is NaN, the median is NaN. If several of all entries equal the median, they share the gradient
    equally. Along `dim` the first one gets it.

    Raises:
        TypeError: the Tensor holds booleans.
        IndexError: there are no entries along `dim`.
    """
    return _median("median", input, dim, keepdim, False)


@offer()
def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """As `median`, of the entries that are not NaN. It is NaN if all are."""
    return _median("nanmedian", input, dim, keepdim, True)


def _most_frequent(x: Any, axis: int) -> Any:
    """The index along `axis` of the last of the most frequent entries, of which the smallest counts."""
    x = np.moveaxis(x, axis, -1)
    order = np.argsort(x, -1, kind="stable")
    ranked = np.take_along_axis(x, order, -1)
    count = x.shape[-1]
    begins, ends = np.ones((2, *x.shape), np.bool)
    begins[..., 1:] = ends[..., :-1] = ranked[..., 1:] != ranked[..., :-1]
    positions = np.arange(count)
    lengths = positions + 1 - np.maximum.accumulate(np.where(begins, positions, 0), -1)
    last = np.argmax(np.where(ends, lengths, 0), -1, keepdims=True)
    return np.moveaxis(np.take_along_axis(order, last, -1), -1, axis)


@offer()
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Selected:
    """The most frequent value along `dim`, the smallest of several, and the index of the last entry that has it.

    Raises:
        IndexError: there are no entries along `dim`.
    """
    return _at_index("mode", input, _most_frequent, dim, keepdim)


# How the rank, which may lie between two entries, becomes one that does not.
_ROUNDED: dict[str, Callable[..., Tensor]] = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}


def _validate_quantiles(q: Tensor) -> None:
    if not ((q._data >= 0) & (q._data <= 1)).all():
        raise ValueError(f"quantile() takes q between 0 and 1, not {q._data.tolist()}")


def _quantile(input: Tensor, q: Any, dim: int | None, keepdim: bool, interpolation: str, skips_nan: bool) -> Tensor:
    """`quantile`, or `nanquantile`, which `skips_nan`."""
    q = q if isinstance(q, Tensor) else tensor(q, dtype=input._floating("quantile").dtype)
    if q.ndim > 1 or q.dtype != input._floating("quantile").dtype:
        raise TypeError(f"quantile() takes q as a number or a vector of {input.dtype}, not {q.dtype} of {q.shape}")
    if interpolation not in (known := ("linear", "lower", "higher", "midpoint", "nearest")):
        raise ValueError(f"quantile() takes interpolation= one of {', '.join(known)}, not {interpolation!r}")
    observer().perform(_validate_quantiles, q)
    x = input.flatten() if dim is None or not input.ndim else input
    axis = dim_of(0 if dim is None else dim, x)
    if not x.numel():
        raise ValueError(f"quantile() takes a Tensor with entries, not one of shape {tuple(input.shape)}")
    others = [other for other in range(x.ndim) if other != axis]
    x = x.permute(*others, axis)
    ranked = values_at(x, computed(np.argsort, x, -1, "stable"), -1)  # NaN comes last
    isnan = _isnan(x)
    if skips_nan:
        rank = (q.reshape(-1) * ((~isnan).sum(-1, keepdim=True) - 1)).clamp(min=0)
    else:
        last = x.shape[-1] - 1
        rank = where(isnan.any(-1, keepdim=True), last, q.reshape(-1) * last)
    if interpolation in _ROUNDED:
        rank = _ROUNDED[interpolation](rank)
    below, above = (values_at(ranked, _ROUNDED[way](rank).long(), -1) for way in ("lower", "higher"))
    weight = 0.5 if interpolation == "midpoint" else rank - rank.floor()
    y = below if interpolation in _ROUNDED else below + weight * (above - below)
    y = y.permute(-1, *range(x.ndim - 1))  # the quantiles come first
    if keepdim:
        ones = [1 if dim is None or each == axis else n for each, n in enumerate(input.shape)]
        y = y.reshape(q.numel(), *ones)
    return y if q.ndim else y[0]


@offer()
def quantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """The values below which a share `q` of the entries along `dim` lies; by default of all entries.

    If one of the entries is NaN, the quantile is NaN.

    Args:
        q: a number between 0 and 1, or a vector, for which the quantiles lie along a first dimension of the result.
        interpolation: what is returned between two entries: "linear" interpolates, "lower", "higher" and "nearest" take
            one of the two, and "midpoint" their mean.

    Raises:
        TypeError: the Tensor holds integers, or the vector is of another dtype.
        ValueError: `q` is not between 0 and 1, or there are no entries.
    """
    return _quantile(input, q, dim, keepdim, interpolation, False)


@offer()
def nanquantile(
    input: Tensor, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> Tensor:
    """As `quantile`, of the entries that are not NaN. It is NaN if all are."""
    return _quantile(input, q, dim, keepdim, interpolation, True)


# --- spread -----------------------------------------------------------------------------------------------------------


@offer(to="functions")
def var_mean(
    input: Any,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The variance and the mean over `dim`. See `Tensor.var`, which has the same arguments."""
    input = as_operand(input)
    mean = input.mean(None if isinstance(dim, bool) else dim, keepdim)
    return input.var(dim, unbiased, keepdim, correction=correction), mean


@offer(to="functions")
def std_mean(
    input: Any,
    dim: Dim | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """The standard deviation and the mean over `dim`. See `Tensor.std`, which has the same arguments."""
    input = as_operand(input)
    mean = input.mean(None if isinstance(dim, bool) else dim, keepdim)
    return input.std(dim, unbiased, keepdim, correction=correction), mean


def _validate_weights(weights: Tensor, name: str) -> None:
    if (weights._data < 0).any():
        raise ValueError(f"cov() takes {name} that are not negative, not {weights._data.tolist()}")


@offer()
def cov(input: Tensor, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
    """The covariances of the rows: of variables, whose observations are the columns. A vector is one variable.

    Args:
        correction: what the number of observations that divides is reduced by.
        fweights: how often each observation counts: a vector of integers.
        aweights: how much each observation weighs: a vector of floats.

    Raises:
        ValueError: the Tensor holds booleans or has more than 2 dimensions, or weights do not fit.
    """
    if input.ndim > 2 or input.dtype.kind == "b":
        raise ValueError(f"cov() takes a matrix or a vector of numbers, not {input.dtype} of shape {input.shape}")
    x = input._as_floating() if input.ndim == 2 else input._as_floating().reshape(1, -1)
    count = x.shape[1]
    for name, given, kinds in (("fweights", fweights, "iu"), ("aweights", aweights, "f")):
        if given is not None and (np.shape(given) != (count,) or given.dtype.kind not in kinds):
            expected = f"{'floats' if kinds == 'f' else 'integers'} of shape ({count},), one for each observation"
            raise ValueError(f"cov() takes {name} of {expected}, not {given.dtype} of shape {np.shape(given)}")
        if given is not None:
            observer().perform(_validate_weights, given, name)
    weights = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    total = count if weights is None else weights.sum()
    lost = correction if aweights is None or not correction else correction * (weights * aweights).sum() / total
    weighted = x if weights is None else x * weights
    centred = x - weighted.sum(1, keepdim=True) / total
    freedom = total - lost
    freedom = freedom.clamp(min=0) if isinstance(freedom, Tensor) else max(freedom, 0)
    products: Tensor = centred @ (centred if weights is None else centred * weights).T
    return (products / freedom).squeeze()


@offer()
def corrcoef(input: Tensor) -> Tensor:
    """The correlations of the rows, which are `cov` divided by the deviations of both variables. See `cov`."""
    covariances = cov(input)
    if not covariances.ndim:
        return covariances / covariances
    deviations = covariances.diagonal().sqrt()
    return (covariances / deviations.reshape(-1, 1) / deviations).clamp(-1, 1)
