"""Further rows of the sheet of derivatives: inverses, determinants and decompositions of matrices, and stacks of them.

A function of a symmetric matrix reads its lower triangle alone, as LAPACK does. So does its derivative: an entry below
the diagonal stands for two, and one above it for none.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import functions as f
from ..core.blas import matmul
from ..core.functions import dispatched
from ..core.sheet import sheet

__all__ = [
    "DECOMPOSITIONS", "LinAlgError", "determinant_sign", "eigensystem", "log_determinant", "orthogonalized",
    "pseudoinverse", "singular_system", "solved",
]  # fmt: skip


class LinAlgError(np.linalg.LinAlgError, RuntimeError):
    """A matrix has no inverse or no decomposition. This is a RuntimeError, as in PyTorch, and NumPy's error."""


@dispatched
def solved(a: Any, b: Any) -> Any:
    """The x for which a x = b, as `numpy.linalg.solve` computes it, but for matrices `b` alone."""
    return np.linalg.solve(a, b)


@dispatched
def log_determinant(x: Any) -> Any:
    """ln |det x|, without overflow."""
    return np.linalg.slogdet(x)[1]


@dispatched
def determinant_sign(x: Any) -> Any:
    """The sign of the determinant: −1, 0 or 1. It is right also where the determinant is too small for a float."""
    return np.linalg.slogdet(x)[0]


@dispatched
def pseudoinverse(x: Any, atol: Any = 0.0, rtol: Any = 1e-15) -> Any:
    """`numpy.linalg.pinv`, where singular values up to `atol` count as 0, too."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    least = np.maximum(
        np.asarray(atol)[..., None], np.asarray(rtol)[..., None] * np.max(s, -1, keepdims=True, initial=0)
    )
    inverted = np.where(s > least, 1 / np.where(s > least, s, 1), 0)
    return ((vh.mT * inverted[..., None, :]) @ u.mT).astype(x.dtype, copy=False)


@dispatched
def orthogonalized(x: Any) -> Any:
    """The factors of A = Q R, for A with no more columns than rows: Q, and below it the triangular R."""
    return np.concatenate(np.linalg.qr(x), axis=-2)


@dispatched
def singular_system(x: Any) -> Any:
    """The k singular values of a matrix as a row, in descending order; below this row the k columns of U, then of V."""
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return np.concatenate([s[..., None, :], u, vh.mT], axis=-2)


@dispatched
def eigensystem(x: Any) -> Any:
    """The eigenvalues of a symmetric matrix, in ascending order, as a row; below it, their eigenvectors as columns."""
    values, vectors = np.linalg.eigh(x)
    return np.concatenate([values[..., None, :], vectors], axis=-2)


# Functions that NumPy computes as a whole: some take apart what it returns.
DECOMPOSITIONS = (
    determinant_sign, eigensystem, log_determinant, orthogonalized, pseudoinverse, singular_system,
)  # fmt: skip


def cofactors(x: Any) -> Any:
    """The derivative of the determinant. Entry (i, j) is ± the determinant of `x` without row i and column j.

    For a large matrix that is not singular, it is computed by the inverse, which is faster.
    """
    n = x.shape[-1]
    if n > 3 and np.all((determinant := np.linalg.det(x)) != 0):
        return np.reshape(determinant, (*determinant.shape, 1, 1)) * np.linalg.inv(x).mT
    # Row i of `others` has all indices but i.
    others = np.array([[j for j in range(n) if j != i] for i in range(n)], int).reshape(n, max(n - 1, 0))
    minors = f.getitem(x, (..., others[:, None, :, None], others[None, :, None, :]))
    return np.linalg.det(minors) * (-1) ** np.add.outer(np.arange(n), np.arange(n))


def folded(g: Any) -> Any:
    """The gradient of a symmetric matrix, of which the lower triangle is read, from `g`, that of the whole matrix.

    An entry below the diagonal gets the gradients of two entries, and one above it gets 0.
    """
    symmetric = g + g.mT
    return (np.tril(symmetric) + np.tril(symmetric, -1)) / 2


def of_cholesky(g: Any, y: Any) -> Any:
    """L⁻ᵀ P L⁻¹, where P is the lower triangle of Lᵀ g with its diagonal halved (Murray 2016)."""
    inner = matmul(y.mT, g)
    half = (np.tril(inner) + np.tril(inner, -1)) / 2
    return folded(solved(y.mT, solved(y.mT, half).mT))


def rows_of(x: Any, *ends: int | None) -> list[Any]:
    """The parts of a stack of matrices that lie between rows."""
    return [f.getitem(x, (..., slice(*pair), slice(None))) for pair in zip((None, *ends), (*ends, None), strict=True)]


def divided(x: Any, by: Any) -> Any:
    """x / `by`, but 0 where `by` is 0. Unlike those of `core.functions.quotient`, its derivatives are 0 there, too."""
    return x / (by + (by == 0)) * (by != 0)


def over_gaps(x: Any, values: Any) -> Any:
    """The antisymmetric part of `x` divided by the differences of `values`, a row; 0 where these are equal."""
    return divided((x - x.mT) / 2, values - values.mT)


def of_eigensystem(g: Any, y: Any) -> Any:
    """V (diag(g_λ) + (Vᵀ g_V) / (λⱼ − λᵢ)) Vᵀ. Where two eigenvalues are equal, the quotient counts as 0."""
    (values, vectors), (of_values, of_vectors) = rows_of(y, 1), rows_of(g, 1)
    turned = over_gaps(matmul(vectors.mT, of_vectors), values)
    return folded(matmul(vectors * of_values + matmul(vectors, turned), vectors.mT))


def of_singular_system(g: Any, y: Any, shape: tuple[int, ...]) -> Any:
    """The gradient for A = U S Vᵀ (Townsend 2016). Quotients by s₁² − s₂² count as 0 where s₁ = s₂."""
    (s, u, v), (of_s, of_u, of_v) = rows_of(y, 1, 1 + shape[-2]), rows_of(g, 1, 1 + shape[-2])
    inner, outer = matmul(u.mT, of_u), matmul(v.mT, of_v)
    turned = 2 * (over_gaps(inner, s**2) * s + over_gaps(outer, s**2) * s.mT)
    beside = matmul(divided(of_u - matmul(u, inner), s), v.mT) + matmul(u, divided(of_v - matmul(v, outer), s).mT)
    return matmul(u * of_s + matmul(u, turned), v.mT) + beside


def of_orthogonalized(g: Any, y: Any, shape: tuple[int, ...]) -> Any:
    """(g_Q + Q M) R⁻ᵀ, where M is symmetric with the lower triangle of R g_Rᵀ − g_Qᵀ Q (Walter 2012)."""
    (q, r), (of_q, of_r) = rows_of(y, shape[-2]), rows_of(g, shape[-2])
    inner = matmul(r, of_r.mT) - matmul(of_q.mT, q)
    inner = np.tril(inner) + np.tril(inner, -1).mT
    return solved(r, (of_q + matmul(q, inner)).mT).mT


def of_pinv(g: Any, y: Any, x: Any) -> Any:
    """The derivative of the pseudoinverse, if the rank of the matrix does not change (Golub and Pereyra 1973)."""
    transposed = g.mT
    inside = matmul(matmul(y.mT, g), y.mT)
    left, right = matmul(matmul(transposed, y), y.mT), matmul(matmul(y.mT, y), transposed)
    return left - matmul(x, matmul(y, left)) + right - matmul(matmul(right, y), x) - inside


# fmt: off
sheet[np.linalg.inv] =      (lambda g, y, _x: -matmul(matmul(y.mT, g), y.mT),)
sheet[np.linalg.det] =      (lambda g, _y, x: np.reshape(g, (*g.shape, 1, 1)) * cofactors(x),)
sheet[np.linalg.cholesky] = (lambda g, y, _x: of_cholesky(g, y),)
sheet[pseudoinverse] =      (lambda g, y, x, atol=0.0, rtol=1e-15: of_pinv(g, y, x),)
sheet[log_determinant] =    (lambda g, _y, x: np.reshape(g, (*g.shape, 1, 1)) * np.linalg.inv(x).mT,)
sheet[eigensystem] =        (lambda g, y, _x: of_eigensystem(g, y),)
sheet[singular_system] =    (lambda g, y, _x: of_singular_system(g, y, _x.shape),)
sheet[orthogonalized] =     (lambda g, y, _x: of_orthogonalized(g, y, _x.shape),)
sheet[solved] =             (lambda g, y, a, _b: -matmul(solved(a.mT, g), y.mT),
                             lambda g, _y, a, _b: solved(a.mT, g))
sheet[determinant_sign] =   ()
# fmt: on
