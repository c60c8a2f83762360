"""The one door to BLAS: every product of two float matrices passes through here.

NumPy's and SciPy's wheels each bring an OpenBLAS with a thread pool of its own, and the two fight over the cores
when one step uses both; so all products go to SciPy's. Its routines think in Fortran order: a C-ordered matrix is
handed over as its transpose, which costs nothing, and an in-place update is checked to have happened in place.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.linalg import blas as _blas

__all__ = ["Product", "add_to", "address", "empty", "matmul", "matmul_into"]

Array = NDArray[Any]


class _Routines(NamedTuple):
    gemm: Any
    gemv: Any
    axpy: Any
    ger: Any


_ROUTINES = {
    "f": _Routines(_blas.sgemm, _blas.sgemv, _blas.saxpy, _blas.sger),
    "d": _Routines(_blas.dgemm, _blas.dgemv, _blas.daxpy, _blas.dger),
}


_LINE = 64  # the bytes of a cache line


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """`numpy.empty`, with the first entry where a cache line begins: BLAS is faster there than where malloc happens to.

    Twelve of 68 µs for the product of a (256, 784) float64 matrix with a vector and its rank-one update, six of 38 in
    float32: few vectors then lie across two lines.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + _LINE, np.uint8)
    start = -address(memory) % _LINE
    return memory[start : start + size].view(dtype).reshape(shape)


def address(array: Array) -> int:
    """Where in memory the first entry of `array` is."""
    place: int = array.__array_interface__["data"][0]
    return place


class Product:
    """A matrix known by its two factors, ``left @ right``, and multiplied only when somebody needs the entries.

    The gradient of a Linear's weight is such a product, of rank at most the batch size. An optimizer that adds it
    to the weight with one `add_to` never builds the weight-sized gradient, which is most of the time of a small step.
    The factors are not replaced.
    """

    __slots__ = ("left", "prepared", "right", "since")

    def __init__(self, left: Any, right: Any) -> None:
        self.left = left
        self.right = right
        self.since = 0  # the time on the graph's clock from which the factors must not change
        self.prepared: _Update | None = None  # the last `add_to`: a captured step repeats it

    @property
    def shape(self) -> tuple[int, int]:
        return (self.left.shape[0], self.right.shape[1])

    def dense(self) -> Any:
        """The matrix itself, in memory of its own."""
        return matmul(self.left, self.right)


def _routines(a: Any, b: Any) -> _Routines | None:
    """The routines for two non-empty float matrices of one dtype that can be multiplied; None for anything else."""
    if type(a) is np.ndarray and type(b) is np.ndarray and a.ndim == 2 and b.ndim == 2 and a.size and b.size:
        char = a.dtype.char
        if char == b.dtype.char and a.shape[1] == b.shape[0]:
            return _ROUTINES.get(char)
    return None


def _transposed(matrix: Array) -> tuple[Array, int]:
    """The transpose of `matrix` as BLAS takes it: a Fortran-ordered array, and whether BLAS is to transpose it."""
    if matrix.flags.c_contiguous:
        return matrix.T, 0
    return matrix, 1


def _call(routines: _Routines, a: Array, b: Array, out: Array | None = None) -> tuple[Any, tuple[Any, ...]]:
    """The routine and the arguments that multiply `a` and `b`, into `out` where it is given."""
    overwrite = int(out is not None)
    if a.shape[0] == 1:
        matrix, transpose = _transposed(b)
        return routines.gemv, (1.0, matrix, a[0], 0.0, out if out is None else out[0], 0, 1, 0, 1, transpose, overwrite)
    if b.shape[1] == 1:
        matrix, transpose = _transposed(a)
        y = out if out is None else out[:, 0]
        return routines.gemv, (1.0, matrix, b[:, 0], 0.0, y, 0, 1, 0, 1, 1 - transpose, overwrite)
    first, transpose_first = _transposed(a)
    second, transpose_second = _transposed(b)
    if a.shape[0] <= _FEW_ROWS if out is None else not out.flags.c_contiguous:
        return routines.gemm, (1.0, first, second, 0.0, out, 1 - transpose_first, 1 - transpose_second, overwrite)
    # For a result in C order, compute its transpose bᵀaᵀ in Fortran order.
    c = out if out is None else out.T
    return routines.gemm, (1.0, second, first, 0.0, c, transpose_second, transpose_first, overwrite)


# Up to so many rows a product is faster computed in Fortran order: 174 against 252 µs for (32, 784) · (784, 256), 612
# against 659 for 128 rows; for 512 it is the other way round.
_FEW_ROWS = 128


def matmul(a: Any, b: Any) -> Any:
    """`numpy.matmul`, with products of float matrices sent to SciPy's BLAS.

    Everything else (stacks of matrices, vectors, integers, and operands that are not arrays but know how to multiply,
    such as a Tensor or a symbol) is `numpy.matmul`'s own business.
    """
    routines = _routines(a, b)
    if routines is None:
        return np.matmul(a, b)
    routine, arguments = _call(routines, a, b)
    result = routine(*arguments)
    if a.shape[0] == 1:
        return result[None]
    if b.shape[1] == 1:
        return result[:, None]
    return result if a.shape[0] <= _FEW_ROWS else result.T


def matmul_into(a: Array, b: Array, out: Array) -> tuple[Any, tuple[Any, ...]]:
    """A function and arguments that compute ``out[...] = a @ b`` whenever they are called, as `matmul` would.

    `out` is a result of ``matmul(a, b)``.
    """
    routines = _routines(a, b)
    return (np.matmul, (a, b, out)) if routines is None else _call(routines, a, b, out)


def _misfit(target: Array, gradient: Any) -> ValueError:
    return ValueError(f"a gradient of shape {gradient.shape} cannot be added to an array of shape {target.shape}")


# How BLAS adds a product to a target: the target and beta that it was prepared for, the transposed view that BLAS
# writes to, and a call ``routine(alpha, *arguments)``; no routine where BLAS cannot.
_Update = tuple[Array, float, Any, Any, tuple[Any, ...]]


def _update(target: Array, product: Product, beta: float) -> _Update:
    left, right = product.left, product.right
    if (left.shape[0], right.shape[1]) != target.shape:
        raise _misfit(target, product)
    routines, flags = _routines(left, right), target.flags
    if routines is None or target.dtype != left.dtype or not (flags.c_contiguous and flags.writeable):
        return target, beta, None, None, ()
    view = target.T
    if left.shape[1] == 1 and beta == 1.0:
        return target, beta, view, routines.ger, (right[0], left[:, 0], 1, 1, view, 1, 1, 1)
    first, transpose_first = _transposed(right)
    second, transpose_second = _transposed(left)
    return target, beta, view, routines.gemm, (first, second, beta, view, transpose_first, transpose_second, 1)


def add_to(target: Array, gradient: Array | Product, alpha: float = 1.0, beta: float = 1.0) -> None:
    """``target ← beta·target + alpha·gradient``, in place: one BLAS call where the gradient is a `Product`.

    Raises:
        ValueError: `target` is read-only, or `gradient` has another shape.
    """
    if type(gradient) is Product:
        update = gradient.prepared
        if update is None or update[0] is not target or update[1] != beta or not target.flags.writeable:
            update = gradient.prepared = _update(target, gradient, beta)
        _, _, view, routine, arguments = update
        if routine is not None:
            result = routine(alpha, *arguments)
            if result is not view:  # BLAS was handed a copy, as it is of memory that is not aligned
                target[...] = result.T
            return
        gradient = gradient.dense()
    dense: Any = gradient
    if dense.shape != target.shape:
        raise _misfit(target, dense)
    if beta != 1.0:
        target *= beta
    routines = _ROUTINES.get(target.dtype.char)
    vector = target.ndim == 1 and target.size and target.flags.writeable and target.dtype == dense.dtype
    if vector and routines is not None:
        result = routines.axpy(dense, target, target.size, alpha)
        if result is not target:
            target[...] = result
    # A scale of ±1 needs no pass of its own.
    elif alpha == 1.0:
        target += dense
    elif alpha == -1.0:
        target -= dense
    else:
        target += alpha * dense
