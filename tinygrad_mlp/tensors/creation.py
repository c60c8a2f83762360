"""Functions that make Tensors: of constants, ranges, random numbers and arrays, and of other Tensors.

Those that PyTorch lets make a Tensor on a device take ``device=``, which is the CPU or None, and ``pin_memory=False``.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar, overload

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..core import functions as f
from ..core import guard
from ..core.record import record
from .arguments import (
    array_of,
    floating_dtype,
    get_default_dtype,
    int_lengths,
    integer,
    lengths,
    numeric,
    validated,
    validated_dtype,
)
from .devices import DeviceLike, on_cpu, validate_device
from .observer import observer
from .random import AnyGenerator, drawn
from .refusals import renamed, shown
from .subscripts import simple_einsum
from .tensor import Tensor

__all__ = [
    "arange", "as_floating", "as_function", "as_operand", "as_tensor", "cat", "einsum", "empty", "eye", "from_numpy",
    "full", "linspace", "made_of", "maximum", "minimum", "ones", "ones_like", "rand", "randint", "randn", "randperm",
    "stack", "tensor", "validate_some", "validated_bounds", "where", "zeros", "zeros_like",
]  # fmt: skip


P = ParamSpec("P")
R = TypeVar("R")

_NOTHING = object()  # in place of an argument that is not given


def made_of(array: NDArray[Any], dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A Tensor that holds a new `array` in `dtype`. By default, float64 becomes the default dtype; others stay."""
    if dtype is None:
        array = array_of(array)
        wanted = get_default_dtype() if array.dtype == np.float64 else array.dtype
    else:
        wanted = validated_dtype(dtype)
    made = Tensor._of(observer().constant(array.astype(wanted, copy=False)))
    return made.requires_grad_() if requires_grad else made


def _drawn(
    generator: AnyGenerator | None, draw: Callable[..., NDArray[Any]], *arguments: Any, requires_grad: bool = False
) -> Tensor:
    """A Tensor of the array that ``draw(numbers, *arguments)`` returns, where `numbers` is a generator of NumPy's."""
    made = Tensor._of(drawn(generator, draw, *arguments))
    return made.requires_grad_() if requires_grad else made


def as_operand(value: Any) -> Tensor:
    """`value` itself if it is a Tensor, else a Tensor of a copy of it."""
    return value if isinstance(value, Tensor) else tensor(value)


def as_floating(value: Any) -> Tensor:
    """`as_operand`, with integers and booleans converted to the default dtype."""
    return as_operand(value)._as_floating()  # type: ignore[no-any-return]


def as_function(method: Callable[Concatenate[Tensor, P], R]) -> Callable[Concatenate[Any, P], R]:
    """A method of Tensor as a function, which also takes arrays, numbers and lists in place of the Tensor.

    The Tensor may be given as ``input=`` or, as in PyTorch, under NumPy's names for it.
    """
    known = {"input", *inspect.signature(method).parameters}

    @functools.wraps(method)
    def function(input: Any = _NOTHING, *args: P.args, **options: P.kwargs) -> R:
        if not isinstance(input, Tensor):
            if input is _NOTHING:
                if "input" not in (named := renamed(method.__name__, known, options)):
                    raise TypeError(f"{method.__name__}() takes a Tensor as its first argument, and there is none")
                return function(**named)  # type: ignore[call-arg]
            input = tensor(input)
        return method(input, *args, **options)

    return function  # type: ignore[return-value]  # `input` may also be given by name, which Callable cannot say


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """`numpy.empty`, with the first entry at the beginning of a cache line, where BLAS is faster.

    For a (256, 784) matrix, its product with a vector and its rank-one update take 56 µs instead of 68 in float64, and
    32 instead of 38 in float32, because fewer of the vectors that BLAS loads lie across two cache lines.
    """
    line = 64  # the bytes of a cache line
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + line, np.uint8)
    start = -memory.ctypes.data % line
    return memory[start : start + size].view(dtype).reshape(shape)


@on_cpu
def tensor(
    data: ArrayLike | Tensor,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A Tensor of a copy of `data`.

    Args:
        data: numbers, an array, a Tensor, or nested lists of these. Python floats become the default dtype (float32).
            Arrays and Tensors keep theirs, and a list of several floating dtypes the widest.
        dtype: the dtype to convert to.
        device: the CPU, if anything.
        requires_grad: collect a gradient for this Tensor; floating dtypes only.
        pin_memory: False, for there is no GPU to copy to.

    Raises:
        TypeError: `data` is not numeric, or is a masked array or of another subclass of `numpy.ndarray`; or the dtype
            is not float32, float64, bool or one of integers.
        RuntimeError: `requires_grad` is asked of a dtype without a derivative, or a GPU is asked for.

    >>> import tinygrad_mlp as tg
    >>> tg.tensor([[1, 2], [3, 4]]).float() @ tg.tensor([1.0, 0.5])
    tensor([2., 5.])
    """
    made = Tensor._of(observer().constant(numeric(data, dtype)))
    return made.requires_grad_() if requires_grad else made


def from_numpy(array: NDArray[Any]) -> Tensor:
    """A Tensor that shares the memory of `array`.

    If a write to `array` changes entries that a later backward pass needs, that pass raises an error.

    Raises:
        TypeError: `array` is no NumPy array, or one that no Tensor can hold.

    >>> import numpy as np, tinygrad_mlp as tg
    >>> array = np.zeros(2)
    >>> shared = tg.from_numpy(array)
    >>> array[0] = 1
    >>> shared
    tensor([1., 0.], dtype=float64)
    """
    observer().refuse("making a Tensor of an array: make it outside the step")
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy() takes a NumPy array, not {type(array).__name__}: use tensor()")
    own = array_of(array)
    if not array.dtype.isnative:
        raise TypeError(f"from_numpy() cannot share memory in another byte order: write .astype(numpy.{own.dtype})")
    return Tensor._of(guard.guard_foreign(own))


def as_tensor(data: Any, dtype: DTypeLike | None = None, device: DeviceLike = None) -> Tensor:
    """`data` as a Tensor of the `dtype`, without a copy where none is needed.

    A Tensor that has the dtype is returned itself, and the memory of an array that has it is shared. If `dtype` is not
    given, the dtype is that which `tensor` finds.

    Raises:
        TypeError: `data` is not numeric, or no Tensor can hold its dtype, or `dtype`.
    """
    validate_device(device)
    if not isinstance(data, Tensor | np.ndarray):
        return tensor(data, dtype=dtype)
    made = data if isinstance(data, Tensor) else from_numpy(data)
    return made if dtype is None else made.to(dtype)


# --- constants and ranges ---------------------------------------------------------------------------------------------


@on_cpu
def zeros(
    *sizes: Any,
    size: Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros. The lengths are given one by one, as one sequence, or as ``size=``.

    >>> import tinygrad_mlp as tg
    >>> tg.zeros(2, 3).shape == tg.zeros((2, 3)).shape == tg.zeros(size=(2, 3)).shape
    True
    """
    return made_of(np.zeros(lengths(sizes, size)), dtype, requires_grad)


@on_cpu
def ones(
    *sizes: Any,
    size: Sequence[int] | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Ones. The lengths are given as for `zeros`."""
    return made_of(np.ones(lengths(sizes, size)), dtype, requires_grad)


@on_cpu
def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A Tensor of shape `size` with every entry `fill_value`."""
    if isinstance(fill_value, Tensor):
        made = zeros(size, dtype=dtype or fill_value.dtype).fill_(fill_value.detach())
        return made.requires_grad_() if requires_grad else made
    return made_of(np.full(size, array_of(fill_value)), dtype, requires_grad)


@on_cpu
def zeros_like(
    input: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros of the shape and dtype of `input`: a Tensor, or what `tensor` takes."""
    like = input if isinstance(input, Tensor | np.ndarray) else tensor(input)
    return zeros(like.shape, dtype=dtype or like.dtype, requires_grad=requires_grad)


@on_cpu
def ones_like(
    input: Any,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Ones of the shape and dtype of `input`: a Tensor, or what `tensor` takes."""
    like = input if isinstance(input, Tensor | np.ndarray) else tensor(input)
    return ones(like.shape, dtype=dtype or like.dtype, requires_grad=requires_grad)


@on_cpu
def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A matrix of n rows and m columns, 1 on the diagonal and 0 elsewhere; by default m = n."""
    return made_of(np.eye(n, m), dtype, requires_grad)


@on_cpu
def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The numbers `start`, `start` + `step`, … below `end`. If `end` is not given, they go from 0 to below `start`.

    >>> import tinygrad_mlp as tg
    >>> tg.arange(3), tg.arange(1, 2, 0.25)
    (tensor([0, 1, 2]), tensor([1.00, 1.25, 1.50, 1.75]))
    """
    return made_of(np.arange(start, step=step) if end is None else np.arange(start, end, step), dtype, requires_grad)


@on_cpu
def linspace(
    start: float | Tensor,
    end: float | Tensor,
    steps: int,
    *,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` numbers at equal distances, of which the first is `start` and the last `end`.

    The ends are numbers, or Tensors of one entry, to which no gradient passes.
    """
    first, last = (end.item() if isinstance(end, Tensor) else end for end in (start, end))
    return made_of(np.linspace(first, last, steps), dtype, requires_grad)


# --- random numbers ---------------------------------------------------------------------------------------------------


@on_cpu
def rand(
    *sizes: Any,
    size: Sequence[int] | None = None,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers drawn uniformly from [0, 1)."""
    wanted: Any = floating_dtype(dtype)
    return _drawn(generator, np.random.Generator.random, int_lengths(sizes, size), wanted, requires_grad=requires_grad)


@on_cpu
def randn(
    *sizes: Any,
    size: Sequence[int] | None = None,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution with mean 0 and variance 1."""
    wanted: Any = floating_dtype(dtype)
    return _drawn(
        generator, np.random.Generator.standard_normal, int_lengths(sizes, size), wanted, requires_grad=requires_grad
    )


@on_cpu
def randint(
    low: int = 0,
    high: Any = None,
    size: Sequence[int] | None = None,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Integers drawn uniformly from `low`, …, `high` − 1. ``randint(high, size)`` draws from 0, …, `high` − 1.

    They are of int64, if `dtype` is not given.

    Raises:
        TypeError: a bound is no integer, or there is no size.
        ValueError: there are no integers from `low` to `high` − 1, or the dtype does not hold them.
    """
    if high is None or (
        size is None and isinstance(high, Sequence)
    ):  # as in randint(10, size=(2, 3)), randint(10, (2, 3))
        low, high, size = 0, low, high if size is None else size
    if not isinstance(size, Sequence):
        raise TypeError("randint() takes the bounds and a size: write randint(0, 10, (2, 3)) or randint(10, (2, 3))")
    wanted = np.dtype(np.int64) if dtype is None else validated_dtype(dtype)
    first, end = validated_bounds("randint", low, high, wanted)
    return _drawn(generator, _integers, first, end, int_lengths(tuple(size)), wanted, requires_grad=requires_grad)


def validated_bounds(name: str, low: Any, high: Any, dtype: np.dtype[Any]) -> tuple[int, int]:
    """The bounds of integers that the function `name` draws from `low`, …, `high` − 1 for a Tensor of `dtype`, as ints.

    Raises:
        TypeError: one is no integer.
        ValueError: there are none of these integers, or the dtype does not hold them.
    """
    first, end = integer(low), integer(high)
    if first is None or end is None:
        raise TypeError(f"{name}() takes integers as bounds, not {shown(low)} and {shown(high)}")
    if first >= end:
        raise ValueError(f"{name}() draws integers ≥ {first} and < {end}, of which there are none")
    if dtype.kind != "f" and any(int(np.array(bound).astype(dtype)) != bound for bound in (first, end - 1)):
        raise ValueError(f"integers from {first} to {end - 1} do not fit into {dtype}: write dtype=")
    return first, end


def _integers(numbers: np.random.Generator, low: int, high: int, size: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    return numbers.integers(low, high, size).astype(dtype, copy=False)


@on_cpu
def randperm(
    n: int,
    *,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The integers 0, …, n − 1 in random order. They are of int64, if `dtype` is not given.

    Raises:
        ValueError: n is negative, or no integer.
    """
    if (number := integer(n)) is None or number < 0:
        raise ValueError(f"randperm() takes an integer n ≥ 0, not {shown(n)}")
    wanted = np.dtype(np.int64) if dtype is None else validated_dtype(dtype)
    return _drawn(generator, _permutation, number, wanted, requires_grad=requires_grad)


def _permutation(numbers: np.random.Generator, n: int, dtype: Any) -> NDArray[Any]:
    return numbers.permutation(n).astype(dtype, copy=False)


# --- Tensors of other Tensors -----------------------------------------------------------------------------------------


@validated
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors joined along `dim`. Their shapes may differ in the length of `dim` only.

    A Tensor of shape (0,) fits all others, as in PyTorch.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """
    validate_some("cat", tensors)
    shapes, joined = [np.shape(tensor) for tensor in tensors], list[Any](tensors)
    if (0,) in shapes:  # give these Tensors the shape of the first other one, with length 0 along `dim`
        fitting = list(next((shape for shape in shapes if shape != (0,)), (0,)))
        fitting[normalize_axis_index(dim, len(fitting))] = 0
        joined = [np.reshape(x, fitting) if shape == (0,) else x for x, shape in zip(joined, shapes, strict=True)]
    return record(f.concatenate, joined, {"axis": dim})  # type: ignore[no-any-return]


@validated
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors, which have the same shape, joined along a new dimension `dim`.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes differ.
    """
    validate_some("stack", tensors)
    operands = [as_operand(tensor) for tensor in tensors]
    if len(shapes := dict.fromkeys(operand.shape for operand in operands)) > 1:
        raise ValueError(f"stack() takes Tensors of one shape, not of {' and '.join(map(str, shapes))}")
    return cat([operand.unsqueeze(dim) for operand in operands], dim)


def validate_some(name: str, tensors: Sequence[Any]) -> None:
    """Raise ValueError if `tensors` is an empty list."""
    if not len(tensors):
        raise ValueError(f"{name}() joins one Tensor or more, not none")


@overload
def where(condition: Any) -> tuple[Tensor, ...]: ...


@overload
def where(condition: Any, input: Any, other: Any) -> Tensor: ...


def where(condition: Any, input: Any = _NOTHING, other: Any = _NOTHING) -> Any:
    """`input` where `condition` is true, `other` elsewhere.

    With the condition alone: a Tensor of indices for each dimension, of the entries that are not 0.
    """
    if input is _NOTHING and other is _NOTHING:
        entries: Any = as_operand(condition)
        return entries.nonzero(as_tuple=True)
    if input is _NOTHING or other is _NOTHING:
        raise TypeError("where() takes a condition and both choices, or the condition alone")
    if input is None or other is None:
        raise TypeError("where() takes a Tensor or a number for each choice, not None")
    chosen: Tensor = record(np.where, (condition, input, other))
    # NumPy's result for two Python floats is float64.
    types = {type(input), type(other)}
    return chosen.to(get_default_dtype()) if float in types and types <= {float, int, bool} else chosen


def maximum(input: Any, other: Any) -> Tensor:
    """The larger of each two entries. Where both are equal, each gets half the gradient."""
    return record(np.maximum, (input, other))  # type: ignore[no-any-return]


def minimum(input: Any, other: Any) -> Tensor:
    """The smaller of each two entries. Where both are equal, each gets half the gradient."""
    return record(np.minimum, (input, other))  # type: ignore[no-any-return]


def einsum(equation: str, *operands: Any) -> Tensor:
    """Sums of products of the `operands`, as `equation` says in the notation of `numpy.einsum`.

    The operands follow one by one, or in one list.

    Raises:
        TypeError: the equation is no string.
        ValueError: the equation does not fit the operands.

    >>> import tinygrad_mlp as tg
    >>> tg.einsum("ij,j->i", tg.ones(2, 3), tg.arange(3.0))
    tensor([3., 3.])
    """
    if not isinstance(equation, str):
        raise TypeError(f'einsum() takes the equation first, a string such as "ij,jk->ik", not {shown(equation)}')
    if len(operands) == 1 and isinstance(operands[0], list | tuple) and any(isinstance(x, Tensor) for x in operands[0]):
        operands = tuple(operands[0])
    tensors = (operand if isinstance(operand, Tensor) else tensor(operand) for operand in operands)
    return simple_einsum(equation, *tensors)  # type: ignore[no-any-return]
