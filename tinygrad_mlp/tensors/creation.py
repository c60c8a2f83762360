"""Functions that make Tensors: of constants, ranges, random numbers and arrays, and of other Tensors."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import DTypeLike, NDArray

from ..core import functions as f
from ..core import guard
from ..core.record import record
from .arguments import array_of, floating_dtype, get_default_dtype, integer, lengths, validated_dtype
from .observer import observer
from .random import AnyGenerator, drawn
from .refusals import shown, with_names
from .subscripts import simple_einsum
from .tensor import Tensor

__all__ = [
    "arange", "cat", "einsum", "empty", "eye", "from_numpy", "full", "linspace", "maximum", "minimum", "ones",
    "ones_like", "rand", "randint", "randn", "randperm", "stack", "where", "zeros", "zeros_like",
]  # fmt: skip


P = ParamSpec("P")
R = TypeVar("R")


def _made(array: NDArray[Any], dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A Tensor that holds a new `array`, converted to `dtype`; by default only float64 is, to the default dtype."""
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


def as_tensor(value: Any) -> Tensor:
    """`value` itself if it is a Tensor, else a Tensor of a copy of it."""
    return value if isinstance(value, Tensor) else Tensor(value)


def as_floating(value: Any) -> Tensor:
    """`as_tensor`, with integers and booleans converted to the default dtype."""
    return as_tensor(value)._as_floating()  # type: ignore[no-any-return]


def as_function(method: Callable[Concatenate[Tensor, P], R]) -> Callable[Concatenate[Any, P], R]:
    """A method of Tensor as a function, which also takes arrays, numbers and lists in place of the Tensor."""

    @functools.wraps(method)
    def function(input: Any, *args: P.args, **options: P.kwargs) -> R:
        return method(input if isinstance(input, Tensor) else Tensor(input), *args, **options)

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


# --- constants and ranges ---------------------------------------------------------------------------------------------


def zeros(
    *sizes: Any, size: Sequence[int] | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Zeros. The lengths are given one by one, as one sequence, or as ``size=``.

    >>> import tinygrad_mlp as tg
    >>> tg.zeros(2, 3).shape == tg.zeros((2, 3)).shape == tg.zeros(size=(2, 3)).shape
    True
    """
    return full(lengths(sizes, size), 0.0, dtype=dtype, requires_grad=requires_grad)


def ones(
    *sizes: Any, size: Sequence[int] | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Ones. The lengths are given as for `zeros`."""
    return full(lengths(sizes, size), 1.0, dtype=dtype, requires_grad=requires_grad)


def full(
    size: Sequence[int], fill_value: Any, *, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """A Tensor of shape `size` with every entry `fill_value`."""
    return _made(np.full(size, array_of(fill_value)), dtype, requires_grad)


def zeros_like(input: Any, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of `input`: a Tensor, or what `tensor` takes."""
    like = input if isinstance(input, Tensor | np.ndarray) else Tensor(input)
    return zeros(like.shape, dtype=dtype or like.dtype, requires_grad=requires_grad)


def ones_like(input: Any, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of `input`: a Tensor, or what `tensor` takes."""
    like = input if isinstance(input, Tensor | np.ndarray) else Tensor(input)
    return ones(like.shape, dtype=dtype or like.dtype, requires_grad=requires_grad)


def eye(n: int, m: int | None = None, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A matrix of n rows and m columns, 1 on the diagonal and 0 elsewhere; by default m = n."""
    return _made(np.eye(n, m), dtype, requires_grad)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers `start`, `start` + `step`, … below `end`. If `end` is not given, they go from 0 to below `start`.

    >>> import tinygrad_mlp as tg
    >>> tg.arange(3), tg.arange(1, 2, 0.25)
    (tensor([0, 1, 2]), tensor([1.00, 1.25, 1.50, 1.75]))
    """
    return _made(np.arange(start, step=step) if end is None else np.arange(start, end, step), dtype, requires_grad)


def linspace(
    start: float | Tensor,
    end: float | Tensor,
    steps: int,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`steps` numbers at equal distances, of which the first is `start` and the last `end`.

    The ends are numbers, or Tensors of one entry, to which no gradient passes.
    """
    first, last = (end.item() if isinstance(end, Tensor) else end for end in (start, end))
    return _made(np.linspace(first, last, steps), dtype, requires_grad)


# --- random numbers ---------------------------------------------------------------------------------------------------


def _int_lengths(sizes: Sequence[Any], size: Sequence[int] | None = None) -> tuple[int, ...]:
    """The lengths that the arguments of `zeros` and its like give, each as an int."""
    return tuple(map(operator.index, lengths(tuple(sizes), size)))


def rand(
    *sizes: Any,
    size: Sequence[int] | None = None,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn uniformly from [0, 1)."""
    wanted: Any = floating_dtype(dtype)
    return _drawn(generator, np.random.Generator.random, _int_lengths(sizes, size), wanted, requires_grad=requires_grad)


def randn(
    *sizes: Any,
    size: Sequence[int] | None = None,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution with mean 0 and variance 1."""
    wanted: Any = floating_dtype(dtype)
    return _drawn(
        generator, np.random.Generator.standard_normal, _int_lengths(sizes, size), wanted, requires_grad=requires_grad
    )


def randint(
    low: int = 0, high: Any = None, size: Sequence[int] | None = None, *, generator: AnyGenerator | None = None
) -> Tensor:
    """Integers drawn uniformly from `low`, …, `high` − 1. ``randint(high, size)`` draws from 0, …, `high` − 1."""
    if size is None and isinstance(high, Sequence):
        low, high, size = 0, low, high
    if not isinstance(size, Sequence):
        raise TypeError("randint() takes the bounds and a size: write randint(0, 10, (2, 3)) or randint(10, (2, 3))")
    return _drawn(generator, np.random.Generator.integers, low, high, _int_lengths(size))


def randperm(n: int, *, generator: AnyGenerator | None = None) -> Tensor:
    """The integers 0, …, n − 1 in random order.

    Raises:
        ValueError: n is negative, or no integer.
    """
    if (number := integer(n)) is None or number < 0:
        raise ValueError(f"randperm() takes an integer n ≥ 0, not {shown(n)}")
    return _drawn(generator, np.random.Generator.permutation, number)


# --- Tensors of other Tensors -----------------------------------------------------------------------------------------


@with_names
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors joined along `dim`. Their shapes may differ in the length of `dim` only.

    A Tensor of shape (0,) fits all others, as in PyTorch.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """
    _validate_list("cat", tensors)
    shapes, joined = [np.shape(tensor) for tensor in tensors], list[Any](tensors)
    if (0,) in shapes:
        fitting = list(next((shape for shape in shapes if shape != (0,)), (0,)))
        fitting[normalize_axis_index(dim, len(fitting))] = 0
        joined = [np.reshape(x, fitting) if shape == (0,) else x for x, shape in zip(joined, shapes, strict=True)]
    return record(f.concatenate, joined, {"axis": dim})  # type: ignore[no-any-return]


@with_names
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors, which have the same shape, joined along a new dimension `dim`.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes differ.
    """
    _validate_list("stack", tensors)
    return cat([as_tensor(tensor).unsqueeze(dim) for tensor in tensors], dim)


def _validate_list(name: str, tensors: Any) -> None:
    """Raise an error unless `tensors` is a list, a tuple or another sequence of one Tensor or more."""
    if isinstance(tensors, Tensor | np.ndarray) or not isinstance(tensors, Sequence):
        raise TypeError(f"{name}() takes the Tensors in a list, not {shown(tensors)}: write {name}([x, y])")
    if not len(tensors):
        raise ValueError(f"{name}() joins one Tensor or more, not none")


def where(condition: Any, input: Any, other: Any) -> Tensor:
    """`input` where `condition` is true, `other` elsewhere."""
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

    Raises:
        TypeError: the equation is no string.
        ValueError: the equation does not fit the operands.

    >>> import tinygrad_mlp as tg
    >>> tg.einsum("ij,j->i", tg.ones(2, 3), tg.arange(3.0))
    tensor([3., 3.])
    """
    if not isinstance(equation, str):
        raise TypeError(f'einsum() takes the equation first, a string such as "ij,jk->ik", not {shown(equation)}')
    tensors = (operand if isinstance(operand, Tensor) else Tensor(operand) for operand in operands)
    return simple_einsum(equation, *tensors)  # type: ignore[no-any-return]
