"""Reductions and running reductions, differences and integrals along a dim, and comparisons of whole Tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import DTypeLike

from ..core import functions as f
from ..tensors.arguments import Dim, dim_of, raw
from ..tensors.creation import as_operand, cat, ones, where
from ..tensors.indexing import along, part_at
from ..tensors.methods import Selected
from ..tensors.observer import observer
from ..tensors.tensor import Tensor
from .table import offer

__all__ = ["computed", "values_at"]

# NumPy's functions of Tensors, with the type that their results have here.
_isnan: Callable[..., Tensor] = np.isnan
_isfinite: Callable[..., Tensor] = np.isfinite


# --- what reductions to chosen entries share --------------------------------------------------------------------------


def computed(function: Callable[..., Any], *arguments: Any) -> Tensor:
    """Call `function` with the arrays of Tensors, and return its new array as a Tensor, without a gradient.

    The observer calls the function: where a step is recorded for replays, each of them calls it again.
    """
    return Tensor._of(observer().repeat(_of_arrays, function, *arguments))


def _of_arrays(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*map(raw, arguments))


def values_at(input: Tensor, indices: Tensor, dim: int) -> Tensor:
    """The entries of `input` at `indices` along `dim`. Along all other dims, both have the same lengths."""
    values: Tensor = f.getitem(input, along(indices._data, dim))
    return values


# --- running reductions -----------------------------------------------------------------------------------------------


def _scanned(combine: Callable[[Tensor, Tensor], Tensor], x: Tensor, dim: int) -> Tensor:
    """The running reduction of `x` along `dim` in about log₂ n steps.

    After the step with distance k, entry i is the reduction of the 2k entries up to it, or of all if there are fewer.
    """
    count, distance = x.shape[dim_of(dim, x)], 1
    if count < 2:
        return x.clone()  # not the Tensor itself
    while distance < count:
        own, earlier = part_at(x, dim, slice(distance, None)), part_at(x, dim, slice(-distance))
        x = cat([part_at(x, dim, slice(distance)), combine(own, earlier)], dim)
        distance *= 2
    return x


@offer()
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """The running product along `dim`. For small integers it has 64 bits, as a running sum has.

    No derivative divides by an entry, so entries may be 0.
    """
    if not input.ndim:
        return cumprod(input.reshape(1), dim, dtype=dtype).reshape(())
    if dtype is None and input.dtype.kind in "biu":
        dtype = np.int64
    return _scanned(Tensor.__mul__, input if dtype is None else input.to(dtype), dim)


def _log_of_sum(own: Tensor, earlier: Tensor) -> Tensor:
    """ln(eˣ + eʸ), with the derivative 0 where both are −∞, and it would be 0 / 0."""
    nothing = (own == -np.inf) & (earlier == -np.inf)
    return where(nothing, -np.inf, where(nothing, 0, own).logaddexp(earlier))


@offer()
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """ln Σ eˣ of the entries up to each one along `dim`. Integers are converted to the default dtype first.

    Where a running sum is ln 0 = −∞, the entries of −∞ get the gradient 0. In PyTorch it is NaN.
    """
    if not input.ndim:
        return logcumsumexp(input.reshape(1), dim).reshape(())
    return _scanned(_log_of_sum, input._as_floating(), dim)


def _running(accumulated: np.ufunc, input: Tensor, dim: int) -> Selected:
    """`cummax` or `cummin`, by NumPy's ufunc of two entries."""
    if not input.ndim:
        return Selected(*(found.reshape(()) for found in _running(accumulated, input.reshape(1), dim)))
    dim = dim_of(dim, input)
    indices = computed(_last_attained, input, accumulated, dim)
    return Selected(values_at(input, indices, dim), indices)


def _last_attained(x: Any, ufunc: np.ufunc, axis: int) -> Any:
    """The index of the running extremum at each entry: the last one so far that equals the extremum, or is NaN."""
    attained = (x == ufunc.accumulate(x, axis)) | np.isnan(x)
    positions = np.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - axis - 1))
    return np.maximum.accumulate(np.where(attained, positions, 0), axis)


@offer()
def cummax(input: Tensor, dim: int) -> Selected:
    """The running maximum along `dim`, and its index. The last one of equal entries counts, and gets the gradient."""
    return _running(np.maximum, input, dim)


@offer()
def cummin(input: Tensor, dim: int) -> Selected:
    """The running minimum along `dim`, and its index. The last one of equal entries counts, and gets the gradient."""
    return _running(np.minimum, input, dim)


# --- differences and integrals ----------------------------------------------------------------------------------------


def _part(x: Tensor, axis: int, start: int | None, stop: int | None) -> Tensor:
    """The entries of `x` from `start` to `stop` along `axis`."""
    return part_at(x, axis, slice(start, stop))  # type: ignore[no-any-return]


@offer()
def diff(input: Tensor, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """The difference of each two neighbours along `dim`, taken `n` times. Of booleans: whether they differ.

    Args:
        prepend: entries to put in front first, as with `cat`.
        append: entries to put behind first.

    Raises:
        ValueError: the Tensor is a number, or `n` is negative.
    """
    if not input.ndim or n < 0:
        raise ValueError(f"diff() takes a Tensor with dimensions, and n >= 0, not shape {input.shape} and n={n}")
    dim = dim_of(dim, input)
    if n == 0:
        return input.clone()
    x = cat([part for part in (prepend, input, append) if part is not None], dim)
    for _ in range(min(n, x.shape[dim])):
        later, earlier = _part(x, dim, 1, None), _part(x, dim, None, -1)
        x = later ^ earlier if x.dtype.kind == "b" else later - earlier
    return x


def _trapezoids(name: str, y: Any, x: Any, dx: Any, dim: int) -> tuple[Tensor, int]:
    """Twice the area below each piece of the line through the points (x, y); and `dim` as a number of at least 0."""
    y = as_operand(y)
    if x is not None and dx is not None:
        raise TypeError(f"{name}() takes the coordinates x= or their distance dx=, not both")
    if not y.ndim or y.dtype.kind == "b":
        raise ValueError(f"{name}() takes numbers along a dim, not a Tensor of shape {y.shape} and {y.dtype}")
    dim = dim_of(dim, y)
    heights = _part(y, dim, 1, None) + _part(y, dim, None, -1)
    if x is None:
        return heights * (1 if dx is None else dx), dim
    x = as_operand(x)
    if x.ndim == 1:
        if x.shape[0] != y.shape[dim]:
            raise ValueError(f"{name}() takes {y.shape[dim]} coordinates along dim {dim}, not {x.shape[0]}")
        x = x.reshape(-1, *(1,) * (y.ndim - dim - 1))
    if x.ndim < y.ndim:
        x = x.reshape(*(1,) * (y.ndim - x.ndim), *x.shape)
    return heights * (_part(x, dim, 1, None) - _part(x, dim, None, -1)), dim


@offer("trapezoid trapz", to="functions")
def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along `dim` of the line through the values `y`, by the trapezoidal rule.

    Args:
        x: the coordinates of the values: as many as there are along `dim`, or a Tensor that broadcasts with `y`.
        dx: the distance of each two coordinates, in place of `x`; 1 by default.

    Raises:
        TypeError: both `x` and `dx` are given.
        ValueError: `y` is a number or holds booleans, or `x` does not fit it.
    """
    twice, dim = _trapezoids("trapezoid", y, x, dx, dim)
    return twice.sum(dim) / 2


@offer(to="functions")
def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The running integral along `dim`, from the first value to each of the others. See `trapezoid`."""
    twice, dim = _trapezoids("cumulative_trapezoid", y, x, dx, dim)
    return twice.cumsum(dim) / 2


def _slopes(x: Tensor, steps: Tensor, axis: int, edge_order: int) -> Tensor:
    """The derivative at the middle of each three neighbours along `axis`, of the parabola through them."""
    before, after = _part(steps, axis, None, -1), _part(steps, axis, 1, None)
    left, middle, right = (
        _part(x, axis, None, -2),
        _part(x, axis, 1, -1),
        _part(x, axis, 2, None),
    )
    first, second = (middle - left) / before, (right - middle) / after
    inner = (after * first + before * second) / (before + after)  # in the middle; `ends` are the first and the last
    if edge_order == 1:
        ends = [
            _part(x, axis, 1, 2) - _part(x, axis, 0, 1),
            _part(x, axis, -1, None) - _part(x, axis, -2, -1),
        ]
        ends = [ends[0] / _part(steps, axis, 0, 1), ends[1] / _part(steps, axis, -1, None)]
    else:
        curvature = (second - first) / (before + after)  # half the second derivative of the parabola
        ends = [
            _part(first - before * curvature, axis, 0, 1),
            _part(second + after * curvature, axis, -1, None),
        ]
    return cat([ends[0], inner, ends[1]], axis)


@offer(to="functions")
def gradient(input: Any, *, spacing: Any = 1, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """Estimates of the derivatives of a function along `dim`. `input` holds its values at the points of a grid.

    Args:
        spacing: the distance of two points, or for each dim a distance or a vector of the coordinates of the points.
        dim: one or several; by default all. The result is a tuple with a Tensor for each.
        edge_order: 1 or 2, the order of the error at the ends. In between, it is 2.

    Raises:
        ValueError: `spacing` does not fit the dims, a dim is too short, or `edge_order` is neither 1 nor 2.
    """
    input = as_operand(input)
    dims = normalize_axis_tuple(range(input.ndim) if dim is None else dim, input.ndim, "dim")
    if not isinstance(spacing, list | tuple):
        spacing = [1 if spacing is None else spacing] * len(dims)
    if edge_order not in (1, 2) or len(spacing) != len(dims):
        raise ValueError(
            f"gradient() takes edge_order=1 or 2 and a spacing for each of {len(dims)} dims, not {edge_order} and "
            f"{len(spacing)} of spacing"
        )
    slopes = []
    for each, distance in zip(dims, spacing, strict=True):
        count = input.shape[each]
        if count <= edge_order:
            raise ValueError(
                f"gradient() with edge_order={edge_order} takes {edge_order + 1} points or more, not {count}"
            )
        if np.ndim(distance):
            if np.shape(distance) != (count,):
                raise ValueError(f"gradient() takes {count} coordinates along dim {each}, not {np.shape(distance)}")
            steps = diff(as_operand(distance))
        else:
            steps = ones(count - 1, dtype=input._as_floating().dtype) * distance
        shape = [-1 if other == each else 1 for other in range(input.ndim)]
        slopes.append(_slopes(input, steps.reshape(shape), each, edge_order))
    return tuple(slopes)


# --- reductions -------------------------------------------------------------------------------------------------------


class Extrema(NamedTuple):
    """The result of `aminmax`."""

    min: Tensor
    max: Tensor


@offer()
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the greatest entry along `dim`, as a named tuple of `min` and `max`; by default of all entries.

    Entries that equal one of them share its gradient equally.
    """
    return Extrema(input.amin(dim, keepdim), input.amax(dim, keepdim))


@offer()
def count_nonzero(input: Tensor, dim: Dim = None) -> Tensor:
    """How many entries over `dim` are not 0; by default, over all dimensions."""
    return (input != 0).sum(dim)


@offer()
def nansum(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The sum over `dim` of the entries that are not NaN; by default over all dimensions."""
    return where(_isnan(input), 0, input).sum(dim, keepdim, dtype=dtype)


@offer()
def nanmean(input: Tensor, dim: Dim = None, keepdim: bool = False, *, dtype: DTypeLike | None = None) -> Tensor:
    """The mean over `dim` of the entries that are not NaN; by default over all dimensions. It is NaN if all are.

    Raises:
        TypeError: the Tensor holds integers.
    """
    x = input if dtype is None else input.to(dtype)
    return nansum(x._floating("nanmean"), dim, keepdim) / (~_isnan(x)).sum(dim, keepdim)


@offer()
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """This Tensor with each part along `dim` whose norm of order `p` is above `maxnorm` scaled down to that norm.

    Raises:
        TypeError: the Tensor holds integers.
        ValueError: it has fewer than 2 dimensions, `p` is not positive, or `maxnorm` is negative.
    """
    if input.ndim < 2 or not p > 0 or not maxnorm >= 0:
        raise ValueError(
            f"renorm() takes at least 2 dimensions, p > 0 and maxnorm >= 0, not shape {input.shape}, {p} and {maxnorm}"
        )
    dim = dim_of(dim, input)
    norms = input.norm(p, tuple(other for other in range(input.ndim) if other != dim), keepdim=True)
    return input * where(norms > maxnorm, maxnorm / (norms + 1e-7), 1)


# --- comparisons of whole Tensors -------------------------------------------------------------------------------------


@offer()
def isclose(input: Tensor, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Tensor:
    """Whether entries differ from those of `other` by at most ``atol + rtol * abs(other)``.

    Infinite entries are close to equal ones alone, and NaN to NaN if `equal_nan`.

    Raises:
        ValueError: `rtol` or `atol` is negative.
    """
    if not (rtol >= 0 and atol >= 0):
        raise ValueError(f"isclose() takes rtol and atol that are not negative, not {rtol} and {atol}")
    x: Tensor = input.detach()._as_floating()
    y: Tensor = as_operand(other).detach()._as_floating()
    with np.errstate(invalid="ignore"):  # ∞ − ∞
        difference = (x - y).abs()
    close: Tensor = (input == other) | (_isfinite(difference) & (difference <= atol + rtol * y.abs()))
    return close | (_isnan(x) & _isnan(y)) if equal_nan else close


@offer()
def allclose(input: Tensor, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all entries are close to those of `other`, as `isclose` says."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@offer()
def equal(input: Tensor, other: Any) -> bool:
    """Whether `other` has the same shape and the same entries."""
    return input.shape == np.shape(other) and bool((input == other).all())
