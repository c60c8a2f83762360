"""Linear algebra computes what NumPy and SciPy compute of stacks, with gradients, and refuses by name."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
from checks import Method, check_gradient, check_value, equal
from hypothesis import given
from hypothesis import strategies as st
from ops import Case, examples
from strategies import Array, leaf, numbers

import tinygrad_mlp as tg
from tinygrad_mlp import linalg
from tinygrad_mlp.autograd import gradcheck, gradgradcheck

# --- with a gradient --------------------------------------------------------------------------------------------------

POSITIVE = np.eye(3) * np.arange(1, 4)  # to add to a matrix, so that it has an inverse, and far singular values


def singular_values(x: Array) -> Array:
    """Of symmetric positive matrices, also of complex ones near real ones: the sums of their powers say as much."""
    return np.stack([np.trace(x, axis1=-2, axis2=-1), np.trace(x @ x, axis1=-2, axis2=-1)])


def power_sums(values: Any) -> Any:
    return tg.stack([values.sum(-1), (values * values).sum(-1)])


def transposed(x: Array) -> Array:
    """That of the first two rows."""
    return np.swapaxes(x[:, :2], -1, -2)


def exponential(x: Array) -> Array:
    """By the series."""
    term = total = np.broadcast_to(np.eye(x.shape[-1]), x.shape)
    for k in range(1, 60):
        term = term @ x / k
        total = total + term
    return total


def absolute(x: Array) -> Array:
    return x * np.sign(x.real)


def largest_sum(x: Array, axis: int) -> Array:
    sums = np.sum(absolute(x), axis=axis)
    return np.take_along_axis(sums, np.argmax(sums.real, axis=-1)[:, None], -1)[:, 0]


def square_of(x: Array) -> Array:
    return x @ np.swapaxes(x, -1, -2)


def pseudoinverse(x: Array) -> Array:
    t = np.swapaxes(x, -1, -2)
    return np.linalg.inv(t @ x) @ t


def root(x: Array) -> Array:
    """The Cholesky factor, row by row."""
    y = np.zeros_like(x)
    for i in range(3):
        for j in range(i + 1):
            rest = x[..., i, j] - np.sum(y[..., i, :j] * y[..., j, :j], axis=-1)
            y[..., i, j] = np.sqrt(rest) if i == j else rest / y[..., j, j]
    return y


HEAVY = 100 * np.eye(3)  # with it, elimination exchanges no rows


def eliminated(x: Array) -> Array:
    """Rows from which those above them were subtracted until they are triangular, without an exchange."""
    y = x.copy()
    for i in range(3):
        for j in range(i + 1, 3):
            y[..., j, :] = y[..., j, :] - y[..., i, :] * (y[..., j, i] / y[..., i, i])[..., None]
    return y


# Of stacks of two symmetric, positive definite (3, 3) matrices.
CALLS: list[Method] = [
    ("lu", lambda x: linalg.lu(x + HEAVY).U, lambda x: eliminated(x + HEAVY)),
    ("lu_factor", lambda x: linalg.lu_factor(x + HEAVY).LU.triu(), lambda x: eliminated(x + HEAVY)),
    ("inv", linalg.inv, np.linalg.inv),
    ("det", linalg.det, np.linalg.det),
    ("slogdet", lambda x: linalg.slogdet(x).logabsdet, lambda x: np.log(np.linalg.det(x))),
    ("solve", lambda x: linalg.solve(x, x[0]), lambda x: np.linalg.solve(x, x[:1])),
    ("solve of a vector", lambda x: linalg.solve(x, x[:, 0]), lambda x: np.linalg.solve(x, x[:, 0, :, None])[..., 0]),
    ("solve from the right", lambda x: linalg.solve(x, x[:1], left=False), lambda x: x[:1] @ np.linalg.inv(x)),
    (
        "solve_triangular",
        lambda x: linalg.solve_triangular(x, x, upper=True),
        lambda x: np.linalg.inv(np.triu(x)) @ x,
    ),
    (
        "solve_triangular with ones",
        lambda x: linalg.solve_triangular(x / 9, x, upper=False, left=False, unitriangular=True),
        lambda x: x @ np.linalg.inv(np.tril(x / 9, -1) + np.eye(3)),
    ),
    ("pinv", lambda x: linalg.pinv(x[..., :2]), lambda x: pseudoinverse(x[..., :2])),
    ("pinv of a symmetric matrix", lambda x: linalg.pinv(x, hermitian=True), np.linalg.inv),
    (
        "lstsq",
        lambda x: linalg.lstsq(x[..., :2], x[..., 2]).solution,
        lambda x: (pseudoinverse(x[..., :2]) @ x[..., 2:])[..., 0],
    ),
    ("matrix_power", lambda x: linalg.matrix_power(x, 5), lambda x: np.linalg.matrix_power(x, 5)),
    ("matrix_power, negative", lambda x: linalg.matrix_power(x, -2), lambda x: np.linalg.inv(x @ x)),
    ("matrix_exp", lambda x: linalg.matrix_exp(x / 4), lambda x: exponential(x / 4)),
    ("cholesky", lambda x: (y := linalg.cholesky(x)) @ y * y.sum(), lambda x: (y := root(x)) @ y * y.sum()),
    ("cholesky, upper", lambda x: linalg.cholesky(x, upper=True), lambda x: np.swapaxes(root(x), -1, -2)),
    ("eigvalsh", lambda x: power_sums(linalg.eigvalsh(x)), singular_values),
    ("eigh", lambda x: (y := linalg.eigh(x, "U"))[1] * y[0].unsqueeze(-2) ** 2 @ y[1].mT, lambda x: x @ x),
    ("svdvals", lambda x: power_sums(linalg.svdvals(x)), singular_values),
    ("svd", lambda x: (y := linalg.svd(x))[0] * y[1].unsqueeze(-2) ** 2 @ y[2], lambda x: x @ x),
    (
        "svd, full",
        lambda x: (y := linalg.svd(x[..., :2]))[0][..., :2] * y[1].unsqueeze(-2) @ y[2],
        lambda x: x[..., :2],
    ),
    ("qr", lambda x: (y := linalg.qr(x[..., :2, :])).Q @ y.R * 2, lambda x: 2 * x[..., :2, :]),
    ("qr, r", lambda x: (y := linalg.qr(x, mode="r").R).mT @ y, lambda x: x @ x),
    ("cond", lambda x: linalg.cond(x, 1), lambda x: largest_sum(x, 1) * largest_sum(np.linalg.inv(x), 1)),
    ("norm", linalg.norm, lambda x: np.sqrt(np.sum(x**2))),
    ("vector_norm", lambda x: linalg.vector_norm(x, 3, dim=1), lambda x: np.sum(absolute(x) ** 3, axis=1) ** (1 / 3)),
    ("matrix_norm", linalg.matrix_norm, lambda x: np.sqrt(np.sum(x**2, axis=(1, 2)))),
    ("matrix_norm nuc", lambda x: linalg.matrix_norm(x, "nuc"), lambda x: singular_values(x)[0]),
    ("matrix_norm 1", lambda x: linalg.matrix_norm(x, 1, keepdim=True), lambda x: largest_sum(x, 1)[:, None, None]),
    (
        "multi_dot",
        lambda x: linalg.multi_dot([x[0, 0], x[0], x[1], x[1, 0]]),
        lambda x: x[0, 0] @ x[0] @ x[1] @ x[1, 0],
    ),
    ("vecdot", lambda x: linalg.vecdot(x, x, dim=1), lambda x: np.sum(x * x, axis=1)),
    ("vander", lambda x: linalg.vander(x, N=4), lambda x: np.stack([x**0, x, x**2, x**3], axis=-1)),
    ("diagonal", linalg.diagonal, lambda x: np.diagonal(x, axis1=-2, axis2=-1)),
    ("cross", lambda x: linalg.cross(x[0], x[1]), lambda x: np.cross(x[0], x[1])),
    ("matmul", lambda x: linalg.matmul(x, x[0]), lambda x: x @ x[0]),
    (
        "tensorinv",
        lambda x: linalg.tensorinv(x[0].reshape(3, 3, 1), ind=1),
        lambda x: np.linalg.inv(x[0]).reshape(3, 1, 3),
    ),
    (
        "tensorsolve",
        lambda x: linalg.tensorsolve(x[0].reshape(3, 1, 3), x[1, :, :1], dims=(2,)),
        lambda x: np.linalg.solve(x[0], x[1, :, 0]),
    ),
    ("inv_ex", lambda x: linalg.inv_ex(x).inverse, np.linalg.inv),
    ("solve_ex", lambda x: linalg.solve_ex(x, x[:1]).result, lambda x: np.linalg.inv(x) @ x[:1]),
    ("cholesky_ex", lambda x: linalg.cholesky_ex(x).L, lambda x: root(x)),
]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
@given(data=st.data())
def test_functions_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    _, call, reference = row
    drawn = numbers((2, 3, 3), -0.2, 0.2).map(lambda x: ((x,), {}))

    def positive(x: Any) -> Any:
        return (x + np.swapaxes(x, -1, -2)) / 2 + POSITIVE

    case = Case(reference, drawn, lambda x: reference(positive(x)), lambda x: call(positive(x)))
    example = data.draw(examples(case))
    check_value(example, 1e-11)  # what decompositions lose to rounding depends on the kernels
    check_gradient(example, 1e-11)


def test_every_function_has_a_row() -> None:
    here = {name.split()[0].rstrip(",") for name, *_ in CALLS} | {name.split()[0] for name, *_ in ANSWERS}
    assert sorted({*linalg.__all__} - here) == ["LinAlgError"]


# --- values -----------------------------------------------------------------------------------------------------------

A = np.array([[4.0, 1.0, 0.5], [1.0, -3.0, 0.25], [2.0, 0.5, 5.0]])
SINGULAR = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [1.0, 0.0, 1.0]])


def residuals() -> Any:
    return np.linalg.lstsq(A[:, :2], A[:, 2:])[1][0]


ANSWERS: list[tuple[str, Any, Any]] = [
    ("det of no rows", lambda: linalg.det(np.ones((2, 0, 0))), [1, 1]),
    ("inv of no rows", lambda: linalg.inv(np.ones((0, 0))), np.ones((0, 0))),
    ("slogdet of a singular matrix", lambda: linalg.slogdet(SINGULAR).sign, np.linalg.slogdet(SINGULAR)[0]),
    ("slogdet sign", lambda: linalg.slogdet(A).sign, -1),
    ("logdet of a negative determinant", lambda: tg.logdet(A), np.nan),
    ("matrix_exp", lambda: linalg.matrix_exp(A * 3) / 1e6, scipy.linalg.expm(A * 3) / 1e6),
    ("matrix_exp of zeros", lambda: linalg.matrix_exp(A * 0), np.eye(3)),
    ("matrix_power 0", lambda: linalg.matrix_power(A, 0), np.eye(3)),
    ("matrix_rank", lambda: linalg.matrix_rank(np.stack([A, SINGULAR])), [3, 2]),
    ("matrix_rank with a tolerance", lambda: linalg.matrix_rank(A, atol=4.0), 1),
    ("matrix_rank of a symmetric matrix", lambda: linalg.matrix_rank(A + A.T, hermitian=True, rtol=0.8), 1),
    ("pinv of a singular matrix", lambda: linalg.pinv(SINGULAR), np.linalg.pinv(SINGULAR)),
    ("pinv with a tolerance", lambda: linalg.pinv(np.diag([3.0, 2, 1]), atol=1.5), np.diag([1 / 3, 1 / 2, 0])),
    ("svd", lambda: linalg.svd(A[:2]).Vh.shape, (3, 3)),
    ("svd, reduced", lambda: linalg.svd(A[:2], full_matrices=False).Vh.shape, (2, 3)),
    ("qr, complete", lambda: linalg.qr(A[:, :2], "complete").Q.shape, (3, 3)),
    ("cond", lambda: linalg.cond(A), np.linalg.cond(A)),
    ("cond -2", lambda: linalg.cond(A, -2), 1 / np.linalg.cond(A)),
    ("norm inf", lambda: linalg.norm(A, np.inf), 7.5),
    ("norm of vectors", lambda: linalg.norm(A, 1, dim=1, keepdim=True), np.abs(A).sum(1, keepdims=True)),
    ("norm of matrices", lambda: linalg.norm(A[None], 2, dim=(0, 2)), np.linalg.norm(A, axis=1)),
    ("matrix_norm -1", lambda: linalg.matrix_norm(A, -1), 4.5),
    ("matrix_norm -2", lambda: linalg.matrix_norm(A, -2), np.linalg.norm(A, -2)),
    ("lstsq residuals", lambda: linalg.lstsq(A[:, :2], A[:, 2], driver="gelsd").residuals, residuals()),
    ("lstsq rank", lambda: linalg.lstsq(A, A[0]).rank, 3),
    ("lstsq singular values", lambda: linalg.lstsq(A, A[0], driver="gelss")[3], np.linalg.svd(A)[1]),
    ("cholesky_ex", lambda: linalg.cholesky_ex(np.stack([A @ A.T, A])).info, [0, 1]),
    ("inv_ex", lambda: linalg.inv_ex(SINGULAR * 0).info, 1),
    ("solve_ex", lambda: linalg.solve_ex(SINGULAR * 0, A).result, np.full((3, 3), np.nan)),
]


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_values(name: str, call: Any, expected: Any) -> None:
    answer = call()
    np.testing.assert_allclose(answer, expected, rtol=1e-12, atol=1e-12)
    assert np.shape(answer) == np.shape(expected)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_determinant_of_a_singular_matrix_has_its_gradient(n: int) -> None:
    x = np.ones((n, n)) + np.diag(np.arange(n))
    x[0] = x[1]
    singular = leaf(x)
    linalg.det(singular).backward()
    minors = [[np.delete(np.delete(x, i, 0), j, 1) for j in range(n)] for i in range(n)]
    equal(singular.grad, [[(-1) ** (i + j) * np.linalg.det(minors[i][j]) for j in range(n)] for i in range(n)])


@pytest.mark.parametrize("shape", [(5, 5), (2, 4), (5, 3), (2, 4, 4), (0, 2), (2, 0, 0)], ids=str)
def test_a_matrix_is_the_product_of_its_triangular_factors(shape: tuple[int, ...]) -> None:
    x = leaf(np.random.default_rng(0).normal(size=shape))
    k = min(shape[-2:])
    with_graph, without = linalg.lu(x), linalg.lu(x.detach())
    for P, L, U in (with_graph, without, tg.lu_unpack(*linalg.lu_factor(x))):
        equal(P @ L @ U, x.detach().numpy())
        equal(P @ P.mT, np.broadcast_to(np.eye(shape[-2]), P.shape))
        equal(L, np.tril(L.detach(), -1) + np.eye(shape[-2], k))
        equal(U, np.triu(U.detach()))
    assert bool((without.L.abs() <= 1).all())  # of each column, the greatest entry that is left was taken
    assert gradcheck(lambda x: linalg.lu(x)[1:], x)
    assert gradgradcheck(lambda x: linalg.lu(x)[1:], x)


def test_singular_matrices_have_factors_and_say_where() -> None:
    x = tg.tensor([[1.0, 1.0, 2.0], [2.0, 2.0, 2.0], [3.0, 3.0, 1.0]])
    P, L, U = linalg.lu(x)
    equal(P @ L @ U, x.numpy())
    data, pivots, zero_at = x.lu(get_infos=True)
    assert (data.dtype, pivots.dtype, zero_at.tolist()) == (tg.float32, tg.int32, 2)
    P, L, U = tg.lu_unpack(data, pivots, unpack_data=False)
    assert (P.shape, L.shape, U.shape) == ((3, 3), (0,), (0,))
    assert tg.lu_unpack(data, pivots, unpack_pivots=False).P.shape == (0,)


def test_the_triangle_that_is_not_read_changes_nothing() -> None:
    x = A @ A.T
    for function in (linalg.cholesky, linalg.eigvalsh):
        equal(function(tg.tensor(np.tril(x) + np.triu(A, 1))), function(tg.tensor(x)).numpy())
    equal(linalg.eigvalsh(tg.tensor(np.triu(x)), "U"), np.linalg.eigvalsh(x))


def test_equal_values_have_gradients_all_the_same() -> None:
    for function in (linalg.eigvalsh, linalg.svdvals):
        x = leaf(np.eye(3))
        function(x).sum().backward()
        equal(x.grad, np.eye(3))


def test_float32_stays_float32() -> None:
    x = tg.tensor(A.astype(np.float32))
    for function in (linalg.inv, linalg.det, linalg.pinv, linalg.svdvals, linalg.matrix_exp, linalg.cond):
        assert function(x).dtype == np.float32


def test_steps_are_captured() -> None:
    step = tg.capture(lambda x: linalg.inv(x).sum() + linalg.det(x) + linalg.svdvals(x).sum())
    for scale in (1.0, 2.0, 3.0):
        x = tg.tensor(A * scale)
        expected = np.linalg.inv(A * scale).sum() + np.linalg.det(A * scale) + np.linalg.svd(A * scale)[1].sum()
        equal(step(x), expected)


# --- errors -----------------------------------------------------------------------------------------------------------

X = tg.tensor(A)
ZEROS = tg.zeros(2, 2)

REFUSED: list[tuple[Any, Any, str]] = [
    (lambda: linalg.inv(ZEROS), linalg.LinAlgError, "inv at .*: Singular matrix"),
    (lambda: linalg.solve(ZEROS, tg.ones(2)), linalg.LinAlgError, "Singular matrix"),
    (lambda: linalg.cholesky(-X @ X.T), linalg.LinAlgError, "not positive definite"),
    (lambda: linalg.inv_ex(ZEROS, check_errors=True), linalg.LinAlgError, "Singular matrix"),
    (lambda: linalg.det(tg.ones(2, 3)), linalg.LinAlgError, r"det\(\) takes square matrices, not shape \(2, 3\)"),
    (lambda: linalg.svd(tg.ones(2)), linalg.LinAlgError, r"svd\(\) takes a matrix or a stack"),
    (lambda: linalg.solve(X, tg.ones(2)), linalg.LinAlgError, "as many rows"),
    (lambda: linalg.solve(X, tg.ones(3), left=False), linalg.LinAlgError, "unsqueeze"),
    (lambda: linalg.inv(tg.tensor([[1, 0], [0, 1]])), TypeError, r"inv\(\) takes a floating Tensor"),
    (lambda: linalg.eigh(X, "A"), ValueError, 'UPLO="L" or "U"'),
    (lambda: linalg.qr(X, "full"), ValueError, "mode="),
    (lambda: linalg.lstsq(X, X, driver="best"), ValueError, "driver="),
    (lambda: linalg.matrix_norm(X, 3), ValueError, "ord="),
    (lambda: linalg.matrix_norm(X, dim=(0, 0)), ValueError, "repeated axis"),
    (lambda: linalg.norm(tg.ones(2, 2, 2), 1), ValueError, "a vector or a matrix"),
    (lambda: linalg.norm(tg.ones(2), "nuc"), ValueError, "takes a matrix"),
    (lambda: linalg.multi_dot([X]), ValueError, "two matrices or more"),
    (lambda: linalg.vander(X, N=0), ValueError, "N=1"),
    (lambda: X.norm("nuc"), ValueError, "linalg.matrix_norm"),
    (lambda: linalg.qr(leaf(A[:, :2]), "complete"), RuntimeError, 'linalg.qr .* has no gradient here: pass mode="red'),
    (lambda: linalg.eig, AttributeError, "left out"),
    (lambda: linalg.lu(X, pivot=False), ValueError, "leave pivot=False out"),
    (lambda: linalg.lu_factor(ZEROS), linalg.LinAlgError, "U has a 0 on its diagonal"),
    (lambda: ZEROS.lu(), linalg.LinAlgError, r"singular"),
    (lambda: linalg.lu(tg.ones(2)), linalg.LinAlgError, r"lu\(\) takes a matrix or a stack"),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED, ids=[words for *_, words in REFUSED])
def test_what_has_no_result_is_refused(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_the_error_is_pytorchs_and_numpys() -> None:
    assert issubclass(linalg.LinAlgError, RuntimeError)
    assert issubclass(linalg.LinAlgError, np.linalg.LinAlgError)
