"""Functions that make Tensors like another one, or of a size, and what PyTorch asks about memory and dtypes."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..tensors.arguments import dtype_to, get_default_dtype, validated_dtype
from ..tensors.creation import (
    as_operand,
    as_tensor,
    from_numpy,
    full,
    linspace,
    made_of,
    ones,
    rand,
    randint,
    randn,
    tensor,
    validated_bounds,
    zeros,
    zeros_like,
)
from ..tensors.devices import DeviceLike, on_cpu
from ..tensors.dtypes import kinds
from ..tensors.promotion import common_dtype
from ..tensors.random import AnyGenerator
from ..tensors.refusals import number
from ..tensors.tensor import Tensor
from .table import offer, row

__all__: list[str] = []


def _like(value: Any) -> Tensor | NDArray[Any]:
    """What has the shape and the dtype of `value`: a Tensor, an array, or what `tensor` takes."""
    return value if isinstance(value, Tensor | np.ndarray) else tensor(value)


# --- constants --------------------------------------------------------------------------------------------------------


@offer(to="functions")
@on_cpu
def empty(
    *sizes: Any,
    size: Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros, where PyTorch's entries are whatever is in memory. The lengths are given as for `zeros`."""
    return zeros(*sizes, size=size, dtype=dtype, requires_grad=requires_grad)


@offer(to="functions")
@on_cpu
def empty_like(
    input: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros of the shape and dtype of `input`, where PyTorch's entries are whatever is in memory."""
    return zeros_like(input, dtype=dtype, requires_grad=requires_grad)


@offer(to="functions")
@on_cpu
def full_like(
    input: Any,
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A Tensor of the shape and dtype of `input` with every entry `fill_value`."""
    like = _like(input)
    return full(like.shape, fill_value, dtype=dtype or like.dtype, requires_grad=requires_grad)


@offer(to="functions")
@on_cpu
def scalar_tensor(
    s: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A Tensor of the number `s`, without dimensions. Its dtype is the default dtype, also for an integer.

    Raises:
        ValueError: `s` is no number.
    """
    number(s, "scalar_tensor() takes a number")
    return tensor(s, dtype=dtype or get_default_dtype(), requires_grad=requires_grad)


@offer(to="functions")
@on_cpu
def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` powers of `base` in equal ratios, of which the first is ``base**start`` and the last ``base**end``."""
    wanted = get_default_dtype() if dtype is None else validated_dtype(dtype)
    made: Tensor = (base ** linspace(start, end, steps, dtype=np.float64)).to(wanted)
    return made.requires_grad_() if requires_grad else made


def _indices(function: Callable[..., Any], row: int, col: int, offset: int, dtype: DTypeLike) -> Tensor:
    """What `tril_indices` or `triu_indices` returns, by NumPy's function of that name."""
    rows, columns = (operator.index(length) for length in (row, col))
    if rows < 0 or columns < 0:
        raise ValueError(f"a matrix has lengths ≥ 0, not ({rows}, {columns})")
    return made_of(np.stack(function(rows, operator.index(offset), columns)), dtype)


@offer(to="functions")
@on_cpu
def tril_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: DTypeLike = np.int64,
    device: DeviceLike = None,
    pin_memory: bool = False,
) -> Tensor:
    """The indices of the entries of a (row, col) matrix that `tril` keeps: their rows, then their columns."""
    return _indices(np.tril_indices, row, col, offset, dtype)


@offer(to="functions")
@on_cpu
def triu_indices(
    row: int,
    col: int,
    offset: int = 0,
    *,
    dtype: DTypeLike = np.int64,
    device: DeviceLike = None,
    pin_memory: bool = False,
) -> Tensor:
    """The indices of the entries of a (row, col) matrix that `triu` keeps: their rows, then their columns."""
    return _indices(np.triu_indices, row, col, offset, dtype)


# --- methods that make a Tensor of the same dtype ---------------------------------------------------------------------


@offer(to="methods")
def new(input: Tensor, *data: Any, device: DeviceLike = None) -> Tensor:
    """A Tensor of the dtype of this one: of `data`, a list or an array, or of zeros, if `data` are lengths.

    It is ``FloatTensor(*data)`` of a Tensor of float32, as scripts of PyTorch's first versions write it.
    `new_tensor` and `new_empty` say which of the two is meant.

    Raises:
        TypeError: `data` are no numbers or a single number, or a Tensor of another dtype.
        ValueError: a length is negative.
    """
    made: Tensor = kinds[input.dtype](*data, device=device)
    return made


@offer("new_zeros new_empty", to="methods")
@on_cpu
def new_zeros(
    input: Tensor,
    *sizes: Any,
    size: Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros of the dtype of this Tensor. The lengths are given as for `zeros`."""
    return zeros(*sizes, size=size, dtype=dtype or input.dtype, requires_grad=requires_grad)


@offer(to="methods")
@on_cpu
def new_ones(
    input: Tensor,
    *sizes: Any,
    size: Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Ones of the dtype of this Tensor. The lengths are given as for `zeros`."""
    return ones(*sizes, size=size, dtype=dtype or input.dtype, requires_grad=requires_grad)


@offer(to="methods")
@on_cpu
def new_full(
    input: Tensor,
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A Tensor of shape `size` and of the dtype of this one with every entry `fill_value`."""
    return full(size, fill_value, dtype=dtype or input.dtype, requires_grad=requires_grad)


@offer(to="methods")
@on_cpu
def new_tensor(
    input: Tensor,
    data: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A Tensor of a copy of `data`, as `tensor` makes it, in the dtype of this one."""
    return tensor(data, dtype=dtype or input.dtype, requires_grad=requires_grad)


# --- data -------------------------------------------------------------------------------------------------------------


@offer(to="functions")
@on_cpu
def asarray(
    obj: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """`obj` as a Tensor, which shares the memory of a Tensor or an array unless it has to be converted.

    Args:
        obj: a Tensor, an array, a number or nested lists.
        copy: True for a copy in any case, and False for an error where one is needed.
        requires_grad: True for a result that requires a gradient, False for one that is detached from the graph; by
            default it requires one if `obj` does.

    Raises:
        TypeError: `obj` is not numeric, or no Tensor can hold its dtype, or `dtype`.
        ValueError: a copy is needed, but `copy` is False.
    """
    wanted = None if dtype is None else validated_dtype(dtype)
    has_memory = isinstance(obj, Tensor | np.ndarray)
    is_shared = has_memory and (wanted is None or obj.dtype == wanted)
    if copy is False and not is_shared:
        raise ValueError("asarray() with copy=False has to copy this: lists have no memory to share, nor other dtypes")
    made = as_tensor(obj, wanted)
    if copy and is_shared:
        made = made.clone()
    if requires_grad in (None, made.requires_grad):
        return made
    return made.requires_grad_() if requires_grad else made.detach()


@offer(to="functions")
def frombuffer(
    buffer: Any, *, dtype: DTypeLike, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A vector that shares the memory of `buffer`, such as a bytearray. It cannot be written to if the buffer cannot.

    Args:
        count: how many entries; by default as many as there are.
        offset: at which byte the first entry begins.

    Raises:
        TypeError: no Tensor can hold `dtype`.
        ValueError: the buffer does not have so many bytes, or its length does not fit.
    """
    made = from_numpy(np.frombuffer(buffer, validated_dtype(dtype), count, offset))
    return made.requires_grad_() if requires_grad else made


# --- random numbers ---------------------------------------------------------------------------------------------------


@offer(to="functions")
@on_cpu
def rand_like(
    input: Any,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers drawn uniformly from [0, 1), in the shape and dtype of `input`."""
    like = _like(input)
    return rand(*like.shape, generator=generator, dtype=dtype or like.dtype, requires_grad=requires_grad)


@offer(to="functions")
@on_cpu
def randn_like(
    input: Any,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution with mean 0 and variance 1, in the shape and dtype of `input`."""
    like = _like(input)
    return randn(*like.shape, generator=generator, dtype=dtype or like.dtype, requires_grad=requires_grad)


@offer(to="functions")
@on_cpu
def randint_like(
    input: Any,
    low: int = 0,
    high: int | None = None,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Integers drawn uniformly from `low`, …, `high` − 1, in the shape and dtype of `input`.

    ``randint_like(x, high)`` draws from 0, …, `high` − 1.

    Raises:
        ValueError: there are no integers from `low` to `high` − 1, or the dtype does not hold them.
    """
    like = _like(input)
    wanted = validated_dtype(dtype or like.dtype)
    bounds = (0, low) if high is None else (low, high)
    first, end = validated_bounds("randint_like", *bounds, wanted)
    return randint(first, end, like.shape, generator=generator, dtype=wanted, requires_grad=requires_grad)


# --- questions about memory and dtypes --------------------------------------------------------------------------------

row("element_size", lambda input: input.itemsize, "The number of bytes of an entry.", returns="int", to="methods")
row("is_signed", lambda input: input.dtype.kind in "if", "Whether the dtype has negative numbers.", returns="bool")
row("is_complex is_conj is_neg", lambda input: False, "False: there are no complex numbers.", returns="bool")
row("conj conj_physical resolve_conj resolve_neg", lambda input: input, "This Tensor, whose entries are real.")
row("real", lambda input: as_operand(input), "The Tensor itself, whose entries are real.", to="functions")


@offer()
def is_nonzero(input: Tensor) -> bool:
    """Whether the only entry is not 0.

    Raises:
        ValueError: there is not one entry.
    """
    return bool(input.item() != 0)


@offer(to="functions")
def result_type(tensor: Any, other: Any) -> np.dtype[Any]:
    """The dtype of what is computed of two operands, Tensors or Python numbers.

    Raises:
        DtypeError: uint64 meets integers with a sign.
    """
    operands = (tensor, other)
    tensors = [operand for operand in operands if isinstance(operand, Tensor)]
    # A Python number counts as a Tensor without dimensions, after the dtype that all Tensors have together.
    numbers = [np.zeros((), as_operand(operand).dtype) for operand in operands if not isinstance(operand, Tensor)]
    return common_dtype(*([np.zeros(1, common_dtype(*tensors))] if tensors else []), *numbers)


@offer(to="functions")
def promote_types(type1: DTypeLike, type2: DTypeLike) -> np.dtype[Any]:
    """The dtype that Tensors of these two dtypes become together.

    Raises:
        TypeError: one of the two is no dtype of Tensors.
        DtypeError: uint64 meets integers with a sign.
    """
    return common_dtype(*(np.zeros(1, dtype_to(dtype)) for dtype in (type1, type2)))


@offer(to="functions")
def can_cast(from_: DTypeLike, to: DTypeLike) -> bool:
    """Whether a result of the dtype `from_` can be written to a Tensor of the dtype `to`.

    Floats cannot be written to integers, nor integers or floats to booleans.
    """
    wanted = dtype_to(to)
    return bool(common_dtype(np.zeros(1, wanted), np.zeros((), dtype_to(from_))) == wanted)
