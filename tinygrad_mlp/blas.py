"""The one door to BLAS: every product of two float matrices passes through here.

NumPy's and SciPy's wheels each bring an OpenBLAS with a thread pool of its own, and the two fight over the cores
when one step uses both; so all products go to SciPy's. Its routines think in Fortran order: a C-ordered matrix is
handed over as its transpose, which costs nothing, and an in-place update is checked to have happened in place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas as _blas

__all__ = ["Product", "add_to", "matmul"]

Array = NDArray[Any]


class _Routines(NamedTuple):
    gemm: Any
    gemv: Any


_ROUTINES = {"f": _Routines(_blas.sgemm, _blas.sgemv), "d": _Routines(_blas.dgemm, _blas.dgemv)}


class Product:
    """A matrix known by its two factors, ``left @ right``, and multiplied only when somebody needs the entries.

    The gradient of a Linear's weight is such a product, of rank at most the batch size. An optimizer that adds it
    to the weight with one `add_to` never builds the weight-sized gradient, which is most of the time of a small step.
    """

    __slots__ = ("left", "right", "since")

    def __init__(self, left: Array, right: Array) -> None:
        self.left = left
        self.right = right
        self.since = 0  # the time on the graph's clock from which the factors must not change

    @property
    def shape(self) -> tuple[int, int]:
        return (self.left.shape[0], self.right.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.result_type(self.left, self.right)

    def dense(self) -> Array:
        """The matrix itself, in memory of its own."""
        return matmul(self.left, self.right)


def _routines(a: Any, b: Any) -> _Routines | None:
    """The routines for two non-empty float matrices of one dtype; None for anything else."""
    if type(a) is np.ndarray and type(b) is np.ndarray and a.ndim == 2 and b.ndim == 2 and a.size and b.size:
        char = a.dtype.char
        if char == b.dtype.char:
            return _ROUTINES.get(char)
    return None


def _transposed(matrix: Array) -> tuple[Array, int]:
    """The transpose of `matrix` as BLAS takes it: a Fortran-ordered array, and whether BLAS is to transpose it."""
    if matrix.flags.c_contiguous:
        return matrix.T, 0
    return matrix, 1


def matmul(a: Any, b: Any) -> Any:
    """`numpy.matmul`, with products of float matrices sent to SciPy's BLAS.

    Everything else (stacks of matrices, vectors, integers, and operands that are not arrays but know how to multiply,
    such as a Tensor or a symbol) is `numpy.matmul`'s own business.
    """
    routines = _routines(a, b)
    if routines is None or a.shape[1] != b.shape[0]:
        return np.matmul(a, b)
    # The result is wanted in C order, so its transpose bᵀaᵀ is computed in Fortran order.
    if a.shape[0] == 1:
        matrix, transpose = _transposed(b)
        return routines.gemv(1.0, matrix, a[0], 0.0, None, 0, 1, 0, 1, transpose)[None]
    if b.shape[1] == 1:
        matrix, transpose = _transposed(a)
        return routines.gemv(1.0, matrix, b[:, 0], 0.0, None, 0, 1, 0, 1, 1 - transpose)[:, None]
    first, transpose_first = _transposed(b)
    second, transpose_second = _transposed(a)
    return routines.gemm(1.0, first, second, 0.0, None, transpose_first, transpose_second).T


def add_to(target: Array, gradient: Array | Product, alpha: float = 1.0, beta: float = 1.0) -> None:
    """``target ← beta·target + alpha·gradient``, in place: one BLAS call where the gradient is a `Product`.

    Raises:
        ValueError: `target` is read-only, or `gradient` has another shape.
    """
    if gradient.shape != target.shape:
        raise ValueError(f"a gradient of shape {gradient.shape} cannot be added to an array of shape {target.shape}")
    if not target.flags.writeable:
        raise ValueError("the array to be updated is read-only: give the Tensor a writable copy of it")
    if isinstance(gradient, Product):
        routines = _routines(gradient.left, gradient.right)
        if routines is not None and target.dtype == gradient.dtype and target.flags.c_contiguous:
            first, transpose_first = _transposed(gradient.right)
            second, transpose_second = _transposed(gradient.left)
            view = target.T
            result = routines.gemm(alpha, first, second, beta, view, transpose_first, transpose_second, 1)
            if result is not view:  # BLAS worked on a copy, as it does where memory is not aligned
                target[...] = result.T
            return
        gradient = gradient.dense()
    if beta != 1.0:
        target *= beta
    # A scale of ±1 needs no pass of its own.
    if alpha == 1.0:
        target += gradient
    elif alpha == -1.0:
        target -= gradient
    else:
        target += alpha * gradient
