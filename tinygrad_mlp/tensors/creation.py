"""Functions that make Tensors: of constants, ranges, random numbers and arrays, and of other Tensors."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.typing import DTypeLike, NDArray

from ..core import functions as f
from ..core import guard
from ..core.record import record
from ..core.tape import observer
from .arguments import get_default_dtype, lengths
from .random import AnyGenerator, drawn
from .subscripts import simple_einsum
from .tensor import Tensor

__all__ = [
    "arange", "cat", "einsum", "empty", "eye", "from_numpy", "full", "linspace", "maximum", "minimum", "ones",
    "ones_like", "rand", "randint", "randn", "randperm", "stack", "where", "zeros", "zeros_like",
]  # fmt: skip


def _made(array: NDArray[Any], dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A Tensor that holds a new `array`, converted to `dtype`; by default only float64 is, to the default dtype."""
    if dtype is None and array.dtype == np.float64:
        dtype = get_default_dtype()
    made = Tensor._of(observer().constant(array if dtype is None else array.astype(dtype, copy=False)))
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
        TypeError: `array` is no NumPy array of numbers.

    >>> array = np.zeros(2)
    >>> shared = from_numpy(array)
    >>> array[0] = 1
    >>> shared
    tensor([1., 0.], dtype=float64)
    """
    observer().refuse("making a Tensor of an array: make it outside the step")
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy() takes a NumPy array, not {type(array).__name__}: use tensor()")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"a Tensor holds real numbers, integers or booleans, not {array.dtype}: convert it first")
    return Tensor._of(guard.guard_foreign(np.asarray(array)))


# --- constants and ranges ---------------------------------------------------------------------------------------------


def zeros(
    *sizes: Any, size: Sequence[int] | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Zeros. The lengths are given one by one, as one sequence, or as ``size=``.

    >>> zeros(2, 3).shape == zeros((2, 3)).shape == zeros(size=(2, 3)).shape
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
    return _made(np.full(size, fill_value), dtype, requires_grad)


def zeros_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of `input`."""
    return zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of `input`."""
    return ones(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


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

    >>> arange(3), arange(1, 2, 0.25)
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
    wanted: Any = np.dtype(dtype or get_default_dtype())
    return _drawn(generator, np.random.Generator.random, _int_lengths(sizes, size), wanted, requires_grad=requires_grad)


def randn(
    *sizes: Any,
    size: Sequence[int] | None = None,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution with mean 0 and variance 1."""
    wanted: Any = np.dtype(dtype or get_default_dtype())
    return _drawn(
        generator, np.random.Generator.standard_normal, _int_lengths(sizes, size), wanted, requires_grad=requires_grad
    )


def randint(
    low: int = 0, high: Any = None, size: Sequence[int] | None = None, *, generator: AnyGenerator | None = None
) -> Tensor:
    """Integers drawn uniformly from `low`, …, `high` − 1. ``randint(high, size)`` draws from 0, …, `high` − 1."""
    if size is None and isinstance(high, Sequence):
        low, high, size = 0, low, high
    if size is None:
        raise TypeError("randint() takes the bounds and a size: write randint(0, 10, (2, 3)) or randint(10, (2, 3))")
    return _drawn(generator, np.random.Generator.integers, low, high, _int_lengths(size))


def randperm(n: int, *, generator: AnyGenerator | None = None) -> Tensor:
    """The integers 0, …, n − 1 in random order."""
    return _drawn(generator, np.random.Generator.permutation, operator.index(n))


# --- Tensors of other Tensors -----------------------------------------------------------------------------------------


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors joined along `dim`. Their shapes may differ in the length of `dim` only.

    A Tensor of shape (0,) fits all others, as in PyTorch.

    Raises:
        ValueError: there are no Tensors, or their shapes do not fit.
    """
    if not len(tensors):
        raise ValueError("cat() and stack() join one Tensor or more, not none")
    shapes, joined = [np.shape(tensor) for tensor in tensors], list[Any](tensors)
    if (0,) in shapes:
        fitting = list(next((shape for shape in shapes if shape != (0,)), (0,)))
        fitting[normalize_axis_index(dim, len(fitting))] = 0
        joined = [np.reshape(x, fitting) if shape == (0,) else x for x, shape in zip(joined, shapes, strict=True)]
    return record(f.concatenate, joined, {"axis": dim})  # type: ignore[no-any-return]


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors, which have the same shape, joined along a new dimension `dim`.

    Raises:
        ValueError: there are no Tensors, or their shapes differ.
    """
    return cat([tensor.unsqueeze(dim) for tensor in tensors], dim)


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

    >>> einsum("ij,j->i", ones(2, 3), arange(3.0))
    tensor([3., 3.])
    """
    tensors = (operand if isinstance(operand, Tensor) else Tensor(operand) for operand in operands)
    return simple_einsum(equation, *tensors)  # type: ignore[no-any-return]
