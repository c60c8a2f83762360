"""Equations, inverses, determinants and decompositions: the functions of `linalg` that are also methods of Tensor.

They take stacks of matrices, as NumPy's do. Their rules are in `linear_rows.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..core.mode import is_grad_enabled
from ..core.record import record
from ..tensors.arguments import integer
from ..tensors.creation import as_operand, cat, eye, where, zeros
from ..tensors.observer import observer
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .linear_rows import (
    LinAlgError,
    determinant_sign,
    eigensystem,
    log_determinant,
    orthogonalized,
    pseudoinverse,
    singular_system,
    solved,
)
from .table import offer, row

__all__ = [
    "EighResult", "QRResult", "SVDResult", "SlogdetResult", "cholesky", "det", "eigh", "eigvalsh", "inv",
    "matrices", "matrix_exp", "matrix_power", "pinv", "qr", "slogdet", "solve", "solve_triangular", "square",
    "stands_for_vectors", "svd", "svdvals", "tolerances",
]  # fmt: skip


class SlogdetResult(NamedTuple):
    """The result of `slogdet`."""

    sign: Tensor
    logabsdet: Tensor


class EighResult(NamedTuple):
    """The result of `eigh`."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVDResult(NamedTuple):
    """The result of `linalg.svd`."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class OldSVDResult(NamedTuple):
    """The result of `svd`, which has V itself, not its transpose."""

    U: Tensor
    S: Tensor
    V: Tensor


class QRResult(NamedTuple):
    """The result of `qr`."""

    Q: Tensor
    R: Tensor


class TriangularResult(NamedTuple):
    """The result of `triangular_solve`."""

    solution: Tensor
    cloned_coefficient: Tensor


# --- what all share ---------------------------------------------------------------------------------------------------


def matrices(name: str, x: Any) -> Any:
    """`x` as a Tensor of floats that holds a matrix or a stack.

    Raises:
        TypeError: it holds integers.
        LinAlgError: it has fewer than two dimensions.
    """
    x = as_operand(x)._floating(name)
    if x.ndim < 2:
        raise LinAlgError(f"{name}() takes a matrix or a stack of matrices, not shape {tuple(x.shape)}")
    return x


def square(name: str, x: Any) -> Any:
    """`matrices`, with as many rows as columns, or a LinAlgError."""
    x = matrices(name, x)
    if x.shape[-1] != x.shape[-2]:
        raise LinAlgError(f"{name}() takes square matrices, not shape {tuple(x.shape)}")
    return x


def _recorded(function: Any, *operands: Any, **options: Any) -> Any:
    """`record`, but with our `LinAlgError` where NumPy finds that a matrix has no inverse or decomposition."""
    try:
        return record(function, operands, options)
    except ValueError as error:
        if isinstance(error.__context__, np.linalg.LinAlgError):
            raise LinAlgError(str(error)) from None
        raise


def _constants(name: str, advice: str, function: Any, *operands: Any, **options: Any) -> list[Any]:
    """The arrays that a function of NumPy's returns, as Tensors through which no gradient passes.

    Raises:
        RuntimeError: an operand needs a gradient.
    """
    if is_grad_enabled() and any(x.requires_grad for x in operands):
        raise RuntimeError(f"{name} has no gradient here: {advice}")
    observer().refuse(f"{name}(), whose results are not recorded: call it outside the step")
    try:
        results = function(*(x._data for x in operands), **options)
    except np.linalg.LinAlgError as error:
        raise LinAlgError(f"{name}(): {error}") from None
    return [Tensor._of(array) for array in (results if isinstance(results, tuple) else (results,))]


def _symmetric(x: Any, lower: bool) -> Any:
    """Symmetric matrices with the lower or upper triangle of `x`. Both triangles of `x` get half of the gradient."""
    mirrored = x.tril() + x.tril(-1).mT if lower else x.triu() + x.triu(1).mT
    whole = x + (mirrored - x).detach()  # the entries of `mirrored`, with the derivative of `x` itself
    return (whole + whole.mT) / 2


def _flat(value: Any, x: Any) -> Any:
    """`value` as a function of the matrices `x` whose derivative is 0."""
    return value + where(False, x, 0).sum((-2, -1), keepdim=value.ndim == x.ndim)


# --- equations and inverses -------------------------------------------------------------------------------------------


def inv(A: Any) -> Tensor:
    """The inverse of a square matrix.

    Raises:
        LinAlgError: the matrix is singular. This error is a RuntimeError, too.
    """
    return _recorded(np.linalg.inv, square("inv", A))  # type: ignore[no-any-return]


def stands_for_vectors(a: Any, b: Any) -> bool:
    """Whether `b` stands for vectors, one for each matrix of `a`, as `torch.linalg.solve` decides."""
    return bool(b.ndim == 1 or (a.ndim - 1 == b.ndim and b.shape == a.shape[:-1]))


def solve(A: Any, B: Any, *, left: bool = True) -> Tensor:
    """The X for which A X = B, or X A = B if not `left`. B holds matrices, or a vector for each matrix of A.

    Raises:
        LinAlgError: a matrix is singular, or the shapes do not fit.
    """
    a, b = square("solve", A), as_operand(B)._floating("solve")
    if stands_for_vectors(a, b):
        if not left:
            raise LinAlgError("solve() from the right takes matrices B, not vectors: write B.unsqueeze(-2)")
        return solve(a, b.unsqueeze(-1)).squeeze(-1)
    if not left:
        return solve(a.mT, b.mT).mT
    if b.shape[-2] != a.shape[-1]:
        raise LinAlgError(f"solve() takes as many rows on both sides, not shapes {tuple(a.shape)} and {tuple(b.shape)}")
    return _recorded(solved, a, b)  # type: ignore[no-any-return]


def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """The X for which A X = B, or X A = B if not `left`, where all but one triangle of A counts as 0.

    Args:
        upper: whether it is the upper triangle that is read.
        unitriangular: whether the diagonal counts as ones.

    Raises:
        LinAlgError: the diagonal has a 0, or the shapes do not fit.
    """
    a, b = square("solve_triangular", A), matrices("solve_triangular", B)
    shift = (1 if upper else -1) if unitriangular else 0
    triangle = a.triu(shift) if upper else a.tril(shift)
    if unitriangular:
        triangle = triangle + eye(a.shape[-1], dtype=a.dtype)
    if not left:
        triangle, b = triangle.mT, b.mT
    x = _recorded(solved, triangle, b)
    return x if left else x.mT  # type: ignore[no-any-return]


def pinv(A: Any, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None) -> Tensor:
    """The pseudoinverse, in which singular values up to max(atol, rtol · the largest) count as 0.

    Args:
        rcond: an older name of `rtol`.
        atol: 0 by default.
        rtol: by default the number of rows or columns, whichever is larger, times the dtype's epsilon; 0 if `atol` is
            given.
        hermitian: whether A is symmetric, and its lower triangle alone is read.

    Raises:
        TypeError: A holds integers.
    """
    a = matrices("pinv", A)
    if hermitian:
        a = _symmetric(square("pinv", a), True)
    return _recorded(pseudoinverse, a, **tolerances(a, atol, rcond if rtol is None else rtol))  # type: ignore[no-any-return]


def tolerances(a: Any, atol: Any, rtol: Any) -> dict[str, Any]:
    """The options of `pseudoinverse`: the absolute and the relative size up to which singular values count as 0."""
    atol, rtol = (x.detach().numpy() if isinstance(x, Tensor) else x for x in (atol, rtol))
    if rtol is None:
        rtol = float(np.finfo(a.dtype).eps) * max(a.shape[-2:]) if atol is None or np.all(atol == 0) else 0.0
    return {"atol": 0.0 if atol is None else atol, "rtol": rtol}


# --- determinants and powers ------------------------------------------------------------------------------------------


def det(A: Any) -> Tensor:
    """The determinant. It has a gradient at singular matrices, too."""
    return _recorded(np.linalg.det, square("det", A))  # type: ignore[no-any-return]


def slogdet(A: Any) -> SlogdetResult:
    """The sign of the determinant, −1, 0 or 1, and ln |det|, which does not overflow."""
    x = square("slogdet", A)
    return SlogdetResult(_flat(_recorded(determinant_sign, x), x), _recorded(log_determinant, x))


def matrix_power(A: Any, n: int) -> Tensor:
    """The product of n times the same square matrix; of −n times its inverse if n < 0.

    Raises:
        LinAlgError: n < 0 and the matrix is singular.
        TypeError: n is not an integer.
    """
    x = square("matrix_power", A)
    if integer(n) is None:
        raise TypeError(f"matrix_power() takes an integer n, not {shown(n)}")
    if n < 0:
        return matrix_power(inv(x), -n)
    if n == 1:
        return x.clone()  # type: ignore[no-any-return]
    result = None
    while n:
        if n % 2:
            result = x if result is None else result @ x
        n //= 2
        x = x @ x if n else x
    return _flat(eye(x.shape[-1], dtype=x.dtype).broadcast_to(x.shape), x) if result is None else result  # type: ignore[no-any-return]


def matrix_exp(A: Any) -> Tensor:
    """The exponential Σ Xᵏ / k!. It is computed as exp(X / 2ˢ) to the power 2ˢ, because that series converges fast."""
    x = square("matrix_exp", A)
    one = eye(x.shape[-1], dtype=x.dtype)
    size = x.detach().abs().sum(-1).amax().item() if x.numel() else 0.0
    squarings = max(0, int(np.ceil(np.log2(size)))) if 0 < size < np.inf else 0
    x = x / 2**squarings
    result = one + x / 18
    for k in range(17, 0, -1):
        result = one + (x @ result) / k
    for _ in range(squarings):
        result = result @ result
    return result  # type: ignore[no-any-return]


# --- decompositions ---------------------------------------------------------------------------------------------------


def cholesky(A: Any, *, upper: bool = False) -> Tensor:
    """The lower triangular L with positive diagonal for which A = L Lᵀ; its transpose if `upper`.

    Of the symmetric A the lower triangle is read, or the upper one if `upper`.

    Raises:
        LinAlgError: A is not positive definite.
    """
    root = _recorded(np.linalg.cholesky, _symmetric(square("cholesky", A), not upper))
    return root.mT if upper else root  # type: ignore[no-any-return]


def _eigensystem(name: str, A: Any, UPLO: str) -> Any:
    """The eigenvalues of symmetric matrices as a row, above the eigenvectors."""
    if UPLO not in ("L", "U", "l", "u"):
        raise ValueError(f'{name}() reads the triangle UPLO="L" or "U", not {UPLO!r}')
    return _recorded(eigensystem, _symmetric(square(name, A), UPLO in "Ll"))


def eigh(A: Any, UPLO: str = "L") -> EighResult:
    """The eigenvalues of a symmetric matrix, in ascending order, and its eigenvectors, as columns.

    The lower triangle is read, or the upper one if ``UPLO="U"``. Where eigenvalues are equal, no gradient passes
    between their eigenvectors.
    """
    both = _eigensystem("eigh", A, UPLO)
    return EighResult(both[..., 0, :], both[..., 1:, :])


def eigvalsh(A: Any, UPLO: str = "L") -> Tensor:
    """The eigenvalues of `eigh`."""
    return _eigensystem("eigvalsh", A, UPLO)[..., 0, :]  # type: ignore[no-any-return]


def svdvals(A: Any) -> Tensor:
    """The singular values, in descending order."""
    return _recorded(singular_system, matrices("svdvals", A))[..., 0, :]  # type: ignore[no-any-return]


def svd(A: Any, full_matrices: bool = True) -> SVDResult:
    """The singular value decomposition A = U diag(S) Vh, with S in descending order.

    Where singular values are equal, no gradient passes between their columns of U and of V. Where one is 0, they have
    none.

    Args:
        full_matrices: whether U and Vh are square. Columns for which there is no singular value have no gradient.
    """
    a = matrices("svd", A)
    both, end = _recorded(singular_system, a), 1 + a.shape[-2]
    u, v = both[..., 1:end, :], both[..., end:, :]  # below a row of the singular values
    number = v.shape[-1]
    if full_matrices and a.shape[-1] != a.shape[-2]:  # add the columns that make U and V square, without a gradient
        whole = _constants("linalg.svd", "", np.linalg.svd, a.detach())
        u, v = cat([u, whole[0][..., number:]], -1), cat([v, whole[2].mT[..., number:]], -1)
    return SVDResult(u, both[..., 0, :], v.mT)


def qr(A: Any, mode: str = "reduced") -> QRResult:
    """A = Q R with orthogonal columns of Q and an upper triangular R.

    Args:
        mode: "reduced"; "complete" for a square Q, which has no gradient if A has more rows than columns; "r" for R
            alone, and an empty Q.

    Raises:
        RuntimeError: A has more rows than columns, needs a gradient, and the `mode` is "complete".
        ValueError: another mode.
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f'qr() takes mode="reduced", "complete" or "r", not {mode!r}')
    a = matrices("qr", A)
    n, m = a.shape[-2:]
    if mode == "complete" and n > m:
        return QRResult(*_constants("linalg.qr of a square Q", 'pass mode="reduced"', np.linalg.qr, a, mode=mode))
    # `orthogonalized` takes no more columns than rows. The further columns of R are Qᵀ times those of A.
    both = _recorded(orthogonalized, a[..., : min(n, m)])
    q, r = both[..., :n, :], both[..., n:, :]
    if m > n:
        r = cat([r, q.mT @ a[..., n:]], -1)
    return QRResult(zeros(0, dtype=a.dtype) if mode == "r" else q, r)


# --- methods and functions of the package -----------------------------------------------------------------------------


@offer("logdet")
def logdet(input: Any) -> Tensor:
    """The logarithm of the determinant: −∞ where that is 0, and NaN where it is negative."""
    sign, logarithm = slogdet(input)
    return logarithm.masked_fill(sign < 0, np.nan)


row("inverse", lambda input: inv(input), "The inverse of a square matrix.")
row("det", lambda input: det(input), "The determinant. It has a gradient at singular matrices, too.")
row(
    "slogdet",
    lambda input: slogdet(input),
    "The sign of the determinant, and ln |det|.",
    returns="tuple[Tensor, Tensor]",
)
row("matrix_power", lambda input, n: matrix_power(input, n), "The product of n times the same square matrix.")
row("matrix_exp", lambda input: matrix_exp(input), "The matrix exponential Σ Xᵏ / k!.")
row("pinverse", lambda input, rcond=1e-15: pinv(input, rtol=rcond), "`linalg.pinv`, under its older name.")
row("cholesky", lambda input, upper=False: cholesky(input, upper=upper), "`linalg.cholesky`, under its older name.")


def _product(root: Any, upper: bool) -> Any:
    """The matrix that has the Cholesky factor `root`. As in PyTorch, zeros of the factor get a gradient as well."""
    root = root + ((root.triu() if upper else root.tril()) - root).detach()
    return root.mT @ root if upper else root @ root.mT


row(
    "cholesky_inverse",
    lambda input, upper=False: inv(_product(input, upper)),
    "The inverse of the matrix whose Cholesky factor is `input`.",
)
row(
    "cholesky_solve",
    lambda input, input2, upper=False: solve(_product(as_operand(input2), upper), matrices("cholesky_solve", input)),
    "The solution of A X = `input`, where `input2` is the Cholesky factor of A.",
)


@offer("triangular_solve")
def triangular_solve(
    input: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Tensor, Tensor]:
    """`linalg.solve_triangular` of A, or of its transpose, for the right-hand side `input`; and a copy of A."""
    a, upper = (as_operand(A).mT, not upper) if transpose else (as_operand(A), upper)
    return TriangularResult(solve_triangular(a, input, upper=upper, unitriangular=unitriangular), as_operand(A).clone())


@offer("svd")
def svd_of(input: Any, some: bool = True, compute_uv: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """`linalg.svd` with V in place of its transpose, and with one column of U and of V for each singular value."""
    u, s, vh = svd(input, full_matrices=not some)
    if not compute_uv:
        u, vh = u * 0, vh * 0
    return OldSVDResult(u, s, vh.mT)


row(
    "qr",
    lambda input, some=True: qr(input, "reduced" if some else "complete"),
    "`linalg.qr`, under its older name.",
    returns="tuple[Tensor, Tensor]",
)
