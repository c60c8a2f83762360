"""The one door to SciPy's BLAS: every product of two float matrices passes through here.

NumPy's and SciPy's wheels each bring an OpenBLAS with a thread pool of its own, and the two fight over the cores when
one step uses both; so these products go to SciPy's, and only stacks of matrices and `numpy.einsum` to NumPy's. SciPy's
routines expect Fortran order: a C-ordered matrix is passed as its transpose, which copies nothing. They return a new
array where they cannot update the one they were given, so `Target.add` checks which of the two came back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray  # a global is found faster than an attribute
from numpy.typing import NDArray
from scipy.linalg import blas as _blas

Array = NDArray[Any]


class _Routines(NamedTuple):
    gemm: Any  # (alpha, a, b, beta, c, trans_a, trans_b, overwrite_c)
    gemv: Any  # (alpha, a, x, beta, y, offx, incx, offy, incy, trans, overwrite_y)
    axpy: Any  # (x, y, n, alpha)
    ger: Any  # (alpha, x, y, incx, incy, a, overwrite_x, overwrite_y, overwrite_a)
    ones: Array  # 32 of them


ROUTINES = {
    np.dtype(np.float32): _Routines(_blas.sgemm, _blas.sgemv, _blas.saxpy, _blas.sger, np.ones(32, np.float32)),
    np.dtype(np.float64): _Routines(_blas.dgemm, _blas.dgemv, _blas.daxpy, _blas.dger, np.ones(32)),
}


class Product:
    """A matrix known by its two factors, ``left @ right``, and multiplied only when somebody needs the entries.

    The gradient of a Linear's weight is such a product, of rank at most the batch size. An optimizer adds it to the
    weight in one call (`Target.add`). To build the weight-sized gradient instead would take most of the time of a
    small step. The left factor of a table's gradient is a `nn.lookup.Selection`. Factors are never reassigned.
    """

    __slots__ = ("left", "right", "since")

    def __init__(self, left: Any, right: Any, since: int = 0) -> None:
        self.left = left
        self.right = right
        self.since = since  # the time on the graph's clock from which the factors must not change

    @property
    def shape(self) -> tuple[int, int]:
        return (self.left.shape[0], self.right.shape[1])

    def dense(self) -> Any:
        """The matrix itself, in memory of its own."""
        return matmul(self.left, self.right)


def _routines(a: Any, b: Any) -> _Routines | None:
    """The routines for ``a @ b``; None unless both are non-empty float matrices of one dtype whose shapes fit."""
    if type(a) is ndarray and type(b) is ndarray and a.ndim == 2 and b.ndim == 2 and a.size and b.size:
        dtype = a.dtype
        if a.shape[1] == len(b) and dtype == b.dtype:
            return ROUTINES.get(dtype)
    return None


def _transposed(matrix: Array) -> tuple[Array, int]:
    """The transpose of `matrix` for BLAS: an array, and 1 if BLAS is to transpose that array, else 0."""
    if matrix.flags.c_contiguous:
        return matrix.T, 0
    return matrix, 1


def _call(
    routines: _Routines, a: Array, b: Array, out: Array | None = None, beta: float = 0.0
) -> tuple[Any, tuple[Any, ...]]:
    """The routine and the arguments that compute ``a @ b + beta·out``, into `out` where it is given.

    `out` must be contiguous. BLAS takes a matrix of one row or one column as a vector, also as `out`. The arguments are
    in the order that `_Routines` lists; ``1 - transpose`` undoes the transposition by `_transposed`.
    """
    overwrite = int(out is not None)
    if len(a) == 1:
        matrix, transpose = _transposed(b)
        return routines.gemv, (1.0, matrix, a, beta, out, 0, 1, 0, 1, transpose, overwrite)
    if b.shape[1] == 1:
        matrix, transpose = _transposed(a)
        return routines.gemv, (1.0, matrix, b, beta, out, 0, 1, 0, 1, 1 - transpose, overwrite)
    first, transpose_first = _transposed(a)
    second, transpose_second = _transposed(b)
    if _is_wide(a, b) if out is None else not out.flags.c_contiguous:
        return routines.gemm, (1.0, first, second, beta, out, 1 - transpose_first, 1 - transpose_second, overwrite)
    # For a result in C order, compute its transpose bᵀaᵀ in Fortran order.
    c = out if out is None else out.T
    return routines.gemm, (1.0, second, first, beta, c, transpose_second, transpose_first, overwrite)


def _is_wide(a: Array, b: Array) -> bool:
    """Whether ``a @ b`` has fewer rows than columns: it is faster computed in Fortran order then, else in C order.

    In float32 the two take 188 and 278 µs for (32, 784) · (784, 256), but 33 and 15 for (128, 256) · (256, 10), and
    the same where the result is square; in float64 there is little difference.
    """
    return bool(len(a) < b.shape[1])


def matmul(a: Any, b: Any) -> Any:
    """`numpy.matmul`, with products of float matrices sent to SciPy's BLAS.

    Everything else (stacks of matrices, vectors, integers, and operands that are not arrays but know how to multiply,
    such as a Tensor or a symbol) is `numpy.matmul`'s own business.
    """
    routines = _routines(a, b)
    if routines is None:
        return np.matmul(a, b)
    if len(a) == 1:  # the first case of `_call` written out, which saves time in steps of one sample
        matrix, transpose = _transposed(b)
        return routines.gemv(1.0, matrix, a, 0.0, None, 0, 1, 0, 1, transpose)[None]
    routine, arguments = _call(routines, a, b)
    result = routine(*arguments)
    if b.shape[1] == 1:
        return result[:, None]
    return result if _is_wide(a, b) else result.T


def affine(a: Any, b: Any, c: Any) -> Any:
    """``a @ b + c`` for a row c: BLAS adds the product to copies of the row, which saves a pass over the result.

    Returns None unless `a` and `b` are float matrices and `c` is a vector, all of one dtype.
    """
    routines = _routines(a, b)
    if routines is None or type(c) is not ndarray or c.dtype != a.dtype or c.ndim != 1 or len(c) != b.shape[1]:
        return None
    if len(a) == 1:  # as above
        matrix, transpose = _transposed(b)
        return routines.gemv(1.0, matrix, a, 1.0, c[None].copy(), 0, 1, 0, 1, transpose, 1)
    out = np.empty((len(a), len(c)), c.dtype, "F" if _is_wide(a, b) else "C")
    out[...] = c
    routine, arguments = _call(routines, a, b, out, 1.0)
    routine(*arguments)
    return out


def column_sums(matrix: Array, out: Any = None) -> Any:
    """The sums of the columns of a contiguous float matrix, in `out` where it is given; None for other matrices.

    BLAS is fast, but adds the rows one by one. So each round adds at most 32 blocks of rows.
    """
    routines = ROUTINES.get(matrix.dtype)
    if routines is None or not matrix.flags.c_contiguous or not matrix.size:
        return np.add.reduce(matrix, 0, None, out) if matrix.flags.f_contiguous and matrix.dtype.kind != "u" else None
    n, width = matrix.shape
    ones = routines.ones
    while n > 32:
        length = -(-n // 32)  # the rows of a block
        left = n % length
        blocks = (matrix[: n - left] if left else matrix).reshape(-1, length * width)
        total = routines.gemv(1.0, blocks.T, ones[: len(blocks)]).reshape(length, width)
        if left:
            total[:left] += matrix[n - left :]
        matrix, n = total, length
    if out is None:  # a call with fewer arguments is faster
        return routines.gemv(1.0, matrix.T, ones[:n])
    return routines.gemv(1.0, matrix.T, ones[:n], 0.0, out, 0, 1, 0, 1, 0, 1)


def product_into(a: Array, b: Array, out: Array, beta: float = 0.0) -> tuple[Any, tuple[Any, ...]]:
    """A function and arguments that compute ``out[...] = a @ b + beta·out`` whenever they are called.

    `out` has come from `matmul`, or from `affine` with ``beta=1.0``; the calls give the same bits as these two.
    """
    routines = _routines(a, b)
    return (np.matmul, (a, b, out)) if routines is None else _call(routines, a, b, out, beta)


class Target:
    """An array that is added to in place, again and again: its dtype and its layout in memory are looked at once."""

    __slots__ = ("_dtype", "_routines", "_shape", "_transpose", "array")

    def __init__(self, array: Array) -> None:
        self.array = array
        self._dtype = array.dtype
        self._shape = array.shape
        self._transpose = array.T  # what BLAS writes to: given a C-ordered matrix itself, it would update a copy of it
        self._routines = ROUTINES.get(array.dtype) if array.size and array.flags.c_contiguous else None

    def add(self, gradient: Array | Product, alpha: float = 1.0, beta: float = 1.0) -> None:
        """``array ← beta·array + alpha·gradient``, in place: one BLAS call where the gradient is a `Product`.

        Raises:
            ValueError: the array is read-only, or `gradient` has another shape.
        """
        array = self.array
        routines = self._routines if array.flags.writeable else None  # BLAS would write nevertheless
        # Not `gradient.shape`, which would be a call for a Product.
        shape = (gradient.left.shape[0], gradient.right.shape[1]) if type(gradient) is Product else gradient.shape
        if shape != self._shape:
            raise ValueError(f"a gradient of shape {shape} cannot be added to an array of shape {self._shape}")
        if type(gradient) is Product:
            left, right = gradient.left, gradient.right
            if type(left) is not ndarray:
                left.add_product(right, array, alpha, beta)
                return
            same = left.dtype is self._dtype is right.dtype or left.dtype == self._dtype == right.dtype
            if routines is None or not same or not len(right):
                gradient = gradient.dense()
            else:
                view = self._transpose
                if len(right) == 1 and beta == 1.0:
                    result = routines.ger(alpha, right, left, 1, 1, view, 1, 1, 1)
                else:
                    first, transpose_first = _transposed(right)
                    second, transpose_second = _transposed(left)
                    result = routines.gemm(alpha, first, second, beta, view, transpose_first, transpose_second, 1)
                if result is not view:  # BLAS was handed a copy, as it is of memory that is not aligned
                    array[...] = result.T
                return
        dense: Any = gradient
        if beta != 1.0:
            array *= beta
        if routines is not None and len(self._shape) == 1 and dense.dtype == self._dtype:
            result = routines.axpy(dense, array, array.size, alpha)
            if result is not array:
                array[...] = result
        else:
            array += dense if alpha == 1.0 else alpha * dense
