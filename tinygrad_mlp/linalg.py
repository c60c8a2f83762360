"""Linear algebra, as `torch.linalg` has it: values by NumPy, of stacks of matrices, too, and gradients of any order.

A matrix without an inverse or a decomposition raises a `LinAlgError`, which is a RuntimeError and NumPy's error.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ._left_out import explain_in
from .names.linear import (
    cholesky,
    det,
    eigh,
    eigvalsh,
    inv,
    matrices,
    matrix_exp,
    matrix_power,
    pinv,
    qr,
    slogdet,
    solve,
    solve_triangular,
    square,
    stands_for_vectors,
    svd,
    svdvals,
    tolerances,
)
from .names.linear_rows import LinAlgError
from .names.products import cross_product as cross
from .names.triangular import lu, lu_factor
from .tensors.arguments import Dim, validate_functions
from .tensors.creation import arange, as_operand, eye, where, zeros
from .tensors.observer import observer
from .tensors.tensor import Tensor

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "inv_ex",
    "lstsq", "lu", "lu_factor", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot",
    "norm", "pinv", "qr", "slogdet", "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv",
    "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip

# --- products ---------------------------------------------------------------------------------------------------------


def matmul(input: Any, other: Any) -> Tensor:
    """The matrix product, by the rules of `numpy.matmul`."""
    return as_operand(input).matmul(other)


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Tensor:
    """The sums of products of the entries along `dim`. Other dimensions are broadcast."""
    return (as_operand(x) * y).sum(dim)  # type: ignore[no-any-return]


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """A view of the diagonals of matrices, as the last dimension."""
    return as_operand(A).diagonal(offset, dim1, dim2)


def vander(x: Any, *, N: int | None = None) -> Tensor:
    """The matrix of the powers x⁰, x¹, …, xᴺ⁻¹ of each entry; by default as many as x has entries."""
    x = as_operand(x)
    x = x if x.ndim else x.reshape(1)
    number = x.shape[-1] if N is None else N
    if number < 1:
        raise ValueError(f"vander() takes N=1 powers or more, not {number}")
    return x.unsqueeze(-1) ** arange(number)  # type: ignore[no-any-return]


def multi_dot(tensors: Sequence[Any]) -> Tensor:
    """The product of two matrices or more, in the order that needs the fewest multiplications.

    The first may be a vector, which stands for a row, and the last one for a column.

    Raises:
        ValueError: there are fewer than two, one has another number of dimensions, or their shapes do not fit.
    """
    given = [as_operand(tensor) for tensor in tensors]
    ends = {0, len(given) - 1}
    if len(given) < 2 or any(x.ndim != 2 and not (x.ndim == 1 and i in ends) for i, x in enumerate(given)):
        shapes = ", ".join(str(tuple(x.shape)) for x in given)
        raise ValueError(f"multi_dot() takes two matrices or more, and vectors at the ends, not shapes {shapes}")
    # Factor i is a matrix of shape (lengths[i], lengths[i + 1]).
    rows = [x.shape[0] if x.ndim == 2 else (1 if i == 0 else x.shape[0]) for i, x in enumerate(given)]
    lengths = [*rows, given[-1].shape[1] if given[-1].ndim == 2 else 1]

    @functools.cache
    def best(i: int, j: int) -> tuple[int, int]:
        """The fewest multiplications for the factors i to j, and the k for which (i … k − 1) @ (k … j) needs them."""
        if i == j:
            return 0, i
        return min(
            (best(i, k - 1)[0] + best(k, j)[0] + lengths[i] * lengths[k] * lengths[j + 1], k)
            for k in range(i + 1, j + 1)
        )

    def product(i: int, j: int) -> Any:
        return given[i] if i == j else product(i, best(i, j)[1] - 1) @ product(best(i, j)[1], j)

    return product(0, len(given) - 1)  # type: ignore[no-any-return]


# --- norms ------------------------------------------------------------------------------------------------------------


def vector_norm(x: Any, ord: float = 2, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """(Σ |x|^ord)^(1/ord) over `dim`; by default over all entries. See `Tensor.norm`."""
    return as_operand(x).norm(ord, dim, keepdim)


def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False) -> Tensor:
    """The norm of matrices, which lie in the two dimensions `dim`.

    Args:
        ord: "fro", the root of the sum of squares; "nuc", the sum of the singular values; 2 and −2, the largest and the
            smallest of them; 1 and −1, the largest and the smallest sum of a column of |A|; ∞ and −∞, of a row.

    Raises:
        LinAlgError: A is a vector or a number.
        ValueError: another `ord`, or not two different dimensions.
        IndexError: there is no such dimension.
    """
    a = matrices("matrix_norm", A)
    dims = normalize_axis_tuple(dim, a.ndim)
    if len(dims) != 2:
        raise ValueError(f"matrix_norm() takes two dimensions, dim=(-2, -1), not {dim!r}")
    first, second = dims
    if ord == "fro":
        return vector_norm(a, 2, (first, second), keepdim)
    if ord in (1, -1, math.inf, -math.inf):
        inner, outer = (first, second) if abs(ord) == 1 else (second, first)
        sums = a.abs().sum(inner, keepdim=True)
        result = sums.amax(outer, keepdim=True) if ord > 0 else sums.amin(outer, keepdim=True)
    elif ord in ("nuc", 2, -2):
        rest = [d for d in range(a.ndim) if d not in (first, second)]
        values = svdvals(a.permute(*rest, first, second))
        of_each = values.sum(-1) if ord == "nuc" else values.amax(-1) if ord == 2 else values.amin(-1)
        result = of_each.reshape([1 if d in (first, second) else a.shape[d] for d in range(a.ndim)])
    else:
        raise ValueError(f'matrix_norm() takes ord="fro", "nuc", 1, -1, 2, -2, inf or -inf, not {ord!r}')
    return result if keepdim else result.squeeze((first, second))  # type: ignore[no-any-return]


def norm(A: Any, ord: Any = None, dim: Dim = None, keepdim: bool = False) -> Tensor:
    """The norm of vectors along one dimension, or of matrices in two.

    Without `ord` it is the root of the sum of squares, over `dim` or all entries. With `ord` and no `dim`, A is a
    vector or a matrix.

    Raises:
        ValueError: `ord` is given for more than two dimensions.
    """
    a = as_operand(A)
    if ord is None:
        return vector_norm(a, 2, dim, keepdim)
    dims = tuple(range(a.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if len(dims) > 2:
        raise ValueError(f"norm() of order {ord!r} takes a vector or a matrix, not shape {tuple(a.shape)}: pass dim=")
    if len(dims) == 2:
        return matrix_norm(a, ord, dims, keepdim)
    if isinstance(ord, str):
        raise ValueError(f"norm() of order {ord!r} takes a matrix, or two dimensions, not shape {tuple(a.shape)}")
    return vector_norm(a, ord, dims, keepdim)


def cond(A: Any, p: Any = None) -> Tensor:
    """The condition number: the norm of A times that of its inverse, ∞ if A is singular; by default σ_max / σ_min.

    For p = 2 and −2, A need not be square.
    """
    a = matrices("cond", A)
    if p is None or p in (2, -2):
        values = svdvals(a)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    norms = matrix_norm(a, p)
    inverse, info = inv_ex(a)
    if not info.any():
        return norms * matrix_norm(inverse, p)
    # Some matrices are singular. For these, invert the identity instead, so that no error and no NaN arises.
    is_regular = info == 0
    regular = where(is_regular.unsqueeze(-1).unsqueeze(-1), a, eye(a.shape[-1], dtype=a.dtype))
    return where(is_regular, norms * matrix_norm(inv(regular), p), math.inf)


def matrix_rank(A: Any, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """How many singular values are larger than max(atol, rtol · the largest). See `pinv` for these.

    Args:
        tol: an older name of `atol`.
        hermitian: whether A is symmetric, and its lower triangle alone is read.
    """
    a = matrices("matrix_rank", A).detach()
    values = eigvalsh(a).abs() if hermitian else svdvals(a)
    least = tolerances(a, tol if atol is None else atol, 0.0 if tol is not None and rtol is None else rtol)
    if not values.shape[-1]:
        return values.sum(-1).long()
    largest = values.amax(-1, keepdim=True)
    absolute, relative = (np.asarray(x, a.dtype)[..., None] for x in (least["atol"], least["rtol"]))
    return (values > np.maximum(relative * largest, absolute)).sum(-1)  # type: ignore[no-any-return]


# --- equations --------------------------------------------------------------------------------------------------------


class LstsqResult(NamedTuple):
    """The result of `lstsq`."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def lstsq(A: Any, B: Any, rcond: Any = None, *, driver: str | None = None) -> LstsqResult:
    """The X for which the squares of A X − B have the smallest sum; of several such X the one with the smallest norm.

    Args:
        rcond: singular values up to rcond · the largest count as 0; by default as in `pinv`.
        driver: one of PyTorch's names of ways to compute, "gelsy" by default. All compute the same here, but "gelsd"
            and "gelss" alone return singular values, and "gels" no rank.

    Returns:
        The solution; the sums of squares of A X − B for each column, if all A have more rows than columns and full
        rank, and else, or with "gelsy", an empty Tensor; the rank; and the singular values, without a gradient.
    """
    if driver not in (None, "gels", "gelsy", "gelsd", "gelss"):
        raise ValueError(f'lstsq() takes driver="gels", "gelsy", "gelsd" or "gelss", not {driver!r}')
    a, b = matrices("lstsq", A), as_operand(B)
    is_vector = stands_for_vectors(a, b)
    columns = b.unsqueeze(-1) if is_vector else b
    solution = pinv(a, rtol=rcond) @ columns
    rank = matrix_rank(a, rtol=rcond)
    residuals = solution.flatten()[:0]  # empty, unless the following holds
    if driver not in (None, "gelsy") and a.shape[-2] > a.shape[-1] and bool((rank == a.shape[-1]).all()):
        residuals = (a @ solution - columns).square().sum(-2)
        residuals = residuals.squeeze(-1) if is_vector else residuals
    values = svdvals(a.detach()) if driver in ("gelsd", "gelss") else zeros(0, dtype=a.dtype)
    return LstsqResult(
        solution.squeeze(-1) if is_vector else solution,
        residuals,
        zeros(0, dtype=np.int64) if driver == "gels" else rank,
        values,
    )


def tensorinv(A: Any, ind: int = 2) -> Tensor:
    """The inverse for `tensordot`, where the first `ind` dimensions of A stand for rows, and the others for columns.

    Raises:
        LinAlgError: there are not as many rows as columns, or A has no inverse.
    """
    a = as_operand(A)
    rows, columns = a.shape[:ind], a.shape[ind:]
    return inv(a.reshape(rows.numel(), columns.numel())).reshape(*columns, *rows)


def tensorsolve(A: Any, B: Any, dims: Sequence[int] | None = None) -> Tensor:
    """The X for which tensordot(A, X, X.ndim) = B. The dimensions `dims` of A are moved to its end first.

    Raises:
        LinAlgError: there are not as many rows as columns, or A has no inverse.
    """
    a, b = as_operand(A), as_operand(B)
    moved = normalize_axis_tuple(dims or (), a.ndim)
    a = a.permute(*(d for d in range(a.ndim) if d not in moved), *moved)
    columns = a.shape[b.ndim :]
    return solve(a.reshape(b.numel(), columns.numel()), b.flatten()).reshape(*columns)


# --- with a report instead of an error --------------------------------------------------------------------------------


class InvInfo(NamedTuple):
    """The result of `inv_ex`. `info` is 0 for each matrix that has an inverse."""

    inverse: Tensor
    info: Tensor


class SolveInfo(NamedTuple):
    """The result of `solve_ex`. `info` is 0 for each matrix that has an inverse."""

    result: Tensor
    info: Tensor


class CholeskyInfo(NamedTuple):
    """The result of `cholesky_ex`. `info` is 0 for each matrix that is positive definite."""

    L: Tensor
    info: Tensor


def _reported(name: str, function: Any, shape: tuple[int, ...], a: Any, check_errors: bool) -> tuple[Tensor, Tensor]:
    """The result of `function`, or NaN if it fails for a matrix; and for each matrix 0, or 1 if it fails for that."""
    try:
        return function(), zeros(a.shape[:-2], dtype=np.int32)
    except LinAlgError:
        if check_errors:
            raise
        observer().refuse(f"{name}() of a matrix for which it fails")
    single = {"inv_ex": inv, "solve_ex": inv, "cholesky_ex": cholesky}[name]
    info = []
    for matrix in a.detach().reshape(-1, *a.shape[-2:]):
        try:
            single(matrix)
            info.append(0)
        except LinAlgError:
            info.append(1)
    failed = zeros(shape, dtype=a.dtype) * math.nan
    return failed, Tensor._of(np.array(info, np.int32).reshape(a.shape[:-2]))


def inv_ex(A: Any, *, check_errors: bool = False) -> InvInfo:
    """`inv`, and which matrices are singular; then the result is NaN, unless `check_errors` asks for the error."""
    a = square("inv_ex", A)
    return InvInfo(*_reported("inv_ex", lambda: inv(a), a.shape, a, check_errors))


def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> SolveInfo:
    """`solve`, and which matrices are singular; then the result is NaN, unless `check_errors` asks for the error."""
    a, b = square("solve_ex", A), as_operand(B)
    return SolveInfo(*_reported("solve_ex", lambda: solve(a, b, left=left), b.shape, a, check_errors))


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> CholeskyInfo:
    """`cholesky`, and which matrices are not positive definite; then the result is NaN, or raises if `check_errors`."""
    a = square("cholesky_ex", A)
    return CholeskyInfo(*_reported("cholesky_ex", lambda: cholesky(a, upper=upper), a.shape, a, check_errors))


validate_functions(globals())
explain_in(globals())
