"""Functions that make Tensors of constants, ranges, random numbers and arrays, or join and compare Tensors."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..core import functions as f
from ..core import guard
from ..core.record import record
from ..core.tape import observer
from .arguments import get_default_dtype, lengths
from .derived import derived
from .random import AnyGenerator, drawn
from .tensor import Tensor

__all__ = [
    "arange", "cat", "einsum", "empty", "eye", "from_numpy", "full", "linspace", "maximum", "minimum", "ones",
    "ones_like", "rand", "randint", "randn", "randperm", "stack", "where", "zeros", "zeros_like",
]  # fmt: skip


def _made(array: NDArray[Any], dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """A Tensor around a new array, which becomes `dtype`, or the default dtype where it holds float64."""
    if dtype is None and array.dtype == np.float64:
        dtype = get_default_dtype()
    made = Tensor._of(observer().constant(array if dtype is None else array.astype(dtype, copy=False)))
    return made.requires_grad_() if requires_grad else made


def _drawn(
    generator: AnyGenerator | None, draw: Callable[..., NDArray[Any]], *arguments: Any, requires_grad: bool = False
) -> Tensor:
    """A Tensor of what ``draw(numbers, *arguments)`` draws with the NumPy generator that `generator` stands for."""
    made = Tensor._of(drawn(generator, draw, *arguments))
    return made.requires_grad_() if requires_grad else made


def as_tensor(value: Any) -> Tensor:
    """`value` itself, or a Tensor of it."""
    return value if isinstance(value, Tensor) else Tensor(value)


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """`numpy.empty`, with the first entry where a cache line begins: BLAS is faster there than where malloc happens to.

    Twelve of 68 µs for the product of a (256, 784) float64 matrix with a vector and its rank-one update, six of 38 in
    float32: few vectors then lie across two lines.
    """
    line = 64  # the bytes of a cache line
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + line, np.uint8)
    start = -memory.ctypes.data % line
    return memory[start : start + size].view(dtype).reshape(shape)


def from_numpy(array: NDArray[Any]) -> Tensor:
    """A Tensor that shares the memory of `array`; a backward pass that needs entries which have changed says so.

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


# --- constants and rows of numbers ------------------------------------------------------------------------------------


def zeros(
    *sizes: Any, size: Sequence[int] | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Zeros; lengths are given one by one, as one sequence, or as ``size=``, here and below.

    >>> zeros(2, 3).shape == zeros((2, 3)).shape
    True
    """
    return full(lengths(sizes, size), 0.0, dtype=dtype, requires_grad=requires_grad)


def ones(
    *sizes: Any, size: Sequence[int] | None = None, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """Ones."""
    return full(lengths(sizes, size), 1.0, dtype=dtype, requires_grad=requires_grad)


def full(
    size: Sequence[int], fill_value: Any, *, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """`fill_value` everywhere."""
    return _made(np.full(size, fill_value), dtype, requires_grad)


def zeros_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the shape and dtype of `input`."""
    return zeros(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """Ones of the shape and dtype of `input`."""
    return ones(input.shape, dtype=dtype or input.dtype, requires_grad=requires_grad)


def eye(n: int, m: int | None = None, *, dtype: DTypeLike | None = None, requires_grad: bool = False) -> Tensor:
    """The identity matrix of n rows and m columns (m = n unless given)."""
    return _made(np.eye(n, m), dtype, requires_grad)


def arange(
    start: float,
    end: float | None = None,
    step: float = 1,
    *,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """The numbers from `start` to just before `end` in steps; from 0 to `start` where that is the only one.

    >>> arange(3), arange(1, 2, 0.25)
    (tensor([0, 1, 2]), tensor([1.00, 1.25, 1.50, 1.75]))
    """
    return _made(np.arange(start, step=step) if end is None else np.arange(start, end, step), dtype, requires_grad)


def linspace(
    start: float, end: float, steps: int, *, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """`steps` numbers at equal distances, the first `start` and the last `end`."""
    return _made(np.linspace(start, end, steps), dtype, requires_grad)


# --- drawn ------------------------------------------------------------------------------------------------------------


def _whole(sizes: Sequence[Any], size: Sequence[int] | None = None) -> tuple[int, ...]:
    """Lengths given one by one or as one sequence, as ints."""
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
    return _drawn(generator, np.random.Generator.random, _whole(sizes, size), wanted, requires_grad=requires_grad)


def randn(
    *sizes: Any,
    size: Sequence[int] | None = None,
    generator: AnyGenerator | None = None,
    dtype: DTypeLike | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers drawn from the normal distribution of mean 0 and variance 1."""
    wanted: Any = np.dtype(dtype or get_default_dtype())
    return _drawn(
        generator, np.random.Generator.standard_normal, _whole(sizes, size), wanted, requires_grad=requires_grad
    )


def randint(
    low: int = 0, high: Any = None, size: Sequence[int] | None = None, *, generator: AnyGenerator | None = None
) -> Tensor:
    """Integers drawn from `low` … `high` − 1; ``randint(high, size)`` begins at 0."""
    if size is None and isinstance(high, Sequence):
        low, high, size = 0, low, high
    if size is None:
        raise TypeError("randint() takes the bounds and a size: write randint(0, 10, (2, 3)) or randint(10, (2, 3))")
    return _drawn(generator, np.random.Generator.integers, low, high, _whole(size))


def randperm(n: int, *, generator: AnyGenerator | None = None) -> Tensor:
    """0 … n − 1 in an order drawn at random."""
    return _drawn(generator, np.random.Generator.permutation, operator.index(n))


# --- joined and compared ----------------------------------------------------------------------------------------------


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors joined along `dim`, in whose length alone they may differ.

    Raises:
        ValueError: there are no Tensors, or their shapes do not fit.
    """
    if not len(tensors):
        raise ValueError("cat() and stack() join one Tensor or more, not none")
    return record(f.concatenate, tensors, {"axis": dim})  # type: ignore[no-any-return]


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The Tensors, of one shape, joined along a new dimension `dim`.

    Raises:
        ValueError: there are no Tensors, or their shapes differ.
    """
    return cat([tensor.unsqueeze(dim) for tensor in tensors], dim)


def where(condition: Any, input: Any, other: Any) -> Tensor:
    """`input` where `condition` is true, `other` elsewhere."""
    chosen: Tensor = record(np.where, (condition, input, other))
    # NumPy takes two Python floats for float64.
    kinds = {type(input), type(other)}
    return chosen.to(get_default_dtype()) if float in kinds and kinds <= {float, int, bool} else chosen


def maximum(input: Any, other: Any) -> Tensor:
    """The elementwise maximum; where both are equal, each gets half the gradient."""
    return record(np.maximum, (input, other))  # type: ignore[no-any-return]


def minimum(input: Any, other: Any) -> Tensor:
    """The elementwise minimum; where both are equal, each gets half the gradient."""
    return record(np.minimum, (input, other))  # type: ignore[no-any-return]


def einsum(equation: str, *operands: Any) -> Tensor:
    """Products summed over the labels that `equation` leaves out of the output, as `numpy.einsum` does.

    Raises:
        TypeError: the equation is no string.
        ValueError: it does not fit the operands.

    >>> einsum("ij,j->i", ones(2, 3), arange(3.0))
    tensor([3., 3.])
    """
    tensors = (operand if isinstance(operand, Tensor) else Tensor(operand) for operand in operands)
    return derived[np.einsum](equation, *tensors)  # type: ignore[no-any-return]
