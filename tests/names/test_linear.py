"""Names of linear algebra outside of `linalg` compute what NumPy computes, and so do their gradients."""

from typing import Any

import numpy as np
import pytest
from checks import Method, check_method
from hypothesis import given
from hypothesis import strategies as st
from strategies import Array

import tinygrad_mlp as tg

DIAGONAL = np.diag([3.0, 5.0])


def positive(x: Any) -> Any:
    """A symmetric, positive definite (2, 2) matrix of a (2, 3) matrix with small entries."""
    return x @ x.T + DIAGONAL


def exponential(x: Array) -> Array:
    """By the series."""
    term = total = np.eye(2)
    for k in range(1, 40):
        term = term @ x / k
        total = total + term
    return total


def root(x: Array) -> Array:
    """The Cholesky factor."""
    a = np.sqrt(x[0, 0])
    b = x[1, 0] / a
    return np.stack([np.stack([a, 0 * a]), np.stack([b, np.sqrt(x[1, 1] - b**2)])])


def eliminated(x: Array) -> Array:
    """L and U of a positive definite (2, 2) matrix whose first entry is the greater one of its column."""
    below = x[1, 0] / x[0, 0]
    return np.stack([x[0], np.stack([below, x[1, 1] - below * x[0, 1]])])


def square_of(x: Array) -> Array:
    return x @ x.T


# Of positive definite matrices.
OF_POSITIVE: list[Method] = [
    ("inverse", lambda x: x.inverse(), np.linalg.inv),
    ("det", lambda x: tg.det(x), np.linalg.det),
    ("logdet", lambda x: x.logdet(), lambda x: np.log(np.linalg.det(x))),
    ("slogdet", lambda x: x.slogdet()[1], lambda x: np.log(np.linalg.det(x))),
    ("pinverse", lambda x: x.pinverse(), np.linalg.inv),
    ("matrix_power", lambda x: x.matrix_power(3), lambda x: x @ x @ x),
    ("matrix_exp", lambda x: tg.matrix_exp(x / 4), lambda x: exponential(x / 4)),
    ("cholesky", lambda x: x.cholesky(), lambda x: root(x)),
    ("cholesky_inverse", lambda x: x.tril().cholesky_inverse(), lambda x: np.linalg.inv(square_of(np.tril(x)))),
    (
        "cholesky_solve",
        lambda x: x.cholesky_solve(x.triu(), upper=True),
        lambda x: np.linalg.solve(square_of(np.triu(x).T), x),
    ),
    (
        "triangular_solve",
        lambda x: x.triangular_solve(x, transpose=True)[0],
        lambda x: np.linalg.inv(np.tril(x.T)) @ x,
    ),
    ("qr", lambda x: (y := x.qr())[0] @ y[1], lambda x: x),
    ("lu", lambda x: x.lu()[0], lambda x: eliminated(x)),
    ("function lu_unpack", lambda x: tg.lu_unpack(*x.lu()).U, lambda x: np.triu(eliminated(x))),
    ("svd", lambda x: (y := x.svd())[0] * y[1].unsqueeze(-2) @ y[2].mT, lambda x: x),
]


def composed(row: Method) -> Method:
    """The row, with a call and a reference that are given any small (2, 3) matrix."""
    name, call, reference = row
    return name, lambda x: call(positive(x)), lambda x: reference(positive(x)), -1, 1


CALLS: list[Method] = [composed(row) for row in OF_POSITIVE]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
@given(data=st.data())
def test_names_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    check_method(row, data, 1e-12)
