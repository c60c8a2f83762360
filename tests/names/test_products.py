"""Products and distances compute what NumPy computes, of vectors, matrices and stacks, and so do their gradients."""

from typing import Any

import numpy as np
import pytest
from checks import Method, check_answer, check_method, equal
from hypothesis import given
from hypothesis import strategies as st
from strategies import leaf

import tinygrad_mlp as tg


def distances(x: Any, y: Any, p: float = 2) -> Any:
    """(Σ |x − y|ᵖ)^(1/p) along the last dimension, also of complex numbers near real ones."""
    difference = x - y
    return np.sum((difference * np.sign(difference.real)) ** p, axis=-1) ** (1 / p)


FIRST, SECOND = np.triu_indices(2, 1)
SHIFT = np.array([[3.0, -4.0, 5.0], [-5.0, 3.0, 4.0]])  # further away than any two drawn entries

# Of (2, 3) matrices.
CALLS: list[Method] = [
    ("dot", lambda x: x[0].dot(x[1]), lambda x: x[0] @ x[1]),
    ("vdot", lambda x: x[0].vdot(x[1]), lambda x: x[0] @ x[1]),
    ("mv", lambda x: x.mv(x[0]), lambda x: x @ x[0]),
    ("bmm", lambda x: x.unsqueeze(0).bmm(x.T.unsqueeze(0)), lambda x: (x @ x.T)[None]),
    ("inner", lambda x: x.inner(x), lambda x: x @ x.T),
    ("ger", lambda x: x[0].ger(x[1]), lambda x: np.outer(x[0], x[1])),
    ("kron", lambda x: x.kron(x[:, :2]), lambda x: np.kron(x, x[:, :2])),
    ("cross", lambda x: x.cross(x * SHIFT, dim=1), lambda x: np.cross(x, x * SHIFT)),
    ("addmm", lambda x: x[:, :2].addmm(x, x.T, beta=2, alpha=3), lambda x: 2 * x[:, :2] + 3 * x @ x.T),
    ("addmv", lambda x: x[:, 0].addmv(x, x[1], alpha=2), lambda x: x[:, 0] + 2 * x @ x[1]),
    ("addr", lambda x: x.addr(x[:, 0], x[0], beta=0), lambda x: np.outer(x[:, 0], x[0])),
    ("baddbmm", lambda x: x[:, :2].baddbmm(x[None], x.T[None]), lambda x: (x[:, :2] + x @ x.T)[None]),
    (
        "addbmm",
        lambda x: x[:, :2].addbmm(tg.stack([x, x]), tg.stack([x.T, x.T])),
        lambda x: x[:, :2] + 2 * x @ x.T,
    ),
    ("dist", lambda x: x.dist(SHIFT, 3), lambda x: distances(x.ravel(), SHIFT.ravel(), 3)),
    ("function chain_matmul", lambda x: tg.chain_matmul(x, x.T, x), lambda x: x @ x.T @ x),
    (
        "function tensordot",
        lambda x: tg.tensordot(x, x.unsqueeze(0), dims=([0, 1], [1, 2])),
        lambda x: np.tensordot(x, x[None], ([0, 1], [1, 2])),
    ),
    ("function cdist", lambda x: tg.cdist(x, SHIFT), lambda x: distances(x[:, None], SHIFT)),
    (
        "function pdist",
        lambda x: tg.pdist(x + SHIFT, p=1),
        lambda x: distances((x + SHIFT)[FIRST], (x + SHIFT)[SECOND], 1),
    ),
    (
        "function pairwise_distance",
        lambda x: tg.nn.functional.pairwise_distance(x, SHIFT, eps=0.5, keepdim=True),
        lambda x: distances(x + 0.5, SHIFT)[:, None],
    ),
    (
        "function cosine_similarity",
        lambda x: tg.nn.functional.cosine_similarity(x + SHIFT, SHIFT[0]),
        lambda x: (x + SHIFT) @ SHIFT[0] / np.sqrt(np.sum((x + SHIFT) ** 2, axis=1) * np.sum(SHIFT[0] ** 2)),
    ),
]

X = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])

ANSWERS: list[tuple[str, Any, Any]] = [
    ("function tensordot", lambda: tg.tensordot(X, X.T, 1), np.tensordot(X, X.T, 1)),
    (
        "cross",
        lambda: tg.cross(X.T, X.T + X.T[::-1]),
        np.cross(X, X + X[:, ::-1]).T,
    ),
    ("addmm", lambda: tg.addmm(X[:, :2] * np.nan, X, X.T, beta=0), X @ X.T),
    ("dot", lambda: tg.tensor([1, 2]).dot(tg.tensor([3, 4])), np.array(11)),
    ("function pdist", lambda: tg.pdist(X[:1]), np.zeros(0)),
    ("function cosine_similarity", lambda: tg.cosine_similarity(X * 0, X), np.zeros(2)),
]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
@given(data=st.data())
def test_products_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    check_method(row, data, 1e-12)


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_edges(name: str, call: Any, expected: Any) -> None:
    check_answer(call(), expected)


@pytest.mark.parametrize("distance", [tg.cdist, lambda x, y: tg.pdist(x), tg.dist], ids=["cdist", "pdist", "dist"])
def test_the_derivative_of_a_distance_of_0_is_0(distance: Any) -> None:
    x = leaf(X)
    distance(x, X).sum().backward()
    equal(x.grad, np.zeros((2, 3)))


V, M, S = tg.ones(2), tg.ones(2, 3), tg.ones(2, 2, 2)

REFUSED: list[tuple[Any, str]] = [
    (lambda: V.dot(M), r"dot\(\) takes two vectors, not shapes \(2,\) and \(2, 3\)"),
    (lambda: M.mv(M), r"mv\(\) takes a matrix and a vector"),
    (lambda: S.bmm(S[:1]), "as many matrices"),
    (lambda: M.inner(V), "equal last lengths"),
    (lambda: tg.tensordot(M, M, 3), "dims=0 to 2"),
    (lambda: tg.tensordot(M, M, ([0], [0, 1])), "pairs each dimension"),
    (lambda: V.cross(V), "three entries"),
    (lambda: tg.cross(M, M, dim=0), "along dim=0"),
    (lambda: tg.linalg.cross(M, tg.ones(3)), "as many dimensions"),
    (lambda: V.addmm(M, M.T[:, :1]), "broadcast"),
    (lambda: tg.chain_matmul(), "one matrix or more"),
    (lambda: tg.cdist(V, M), "rows of equal length"),
    (lambda: tg.pdist(V), "takes a matrix"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_shapes_that_do_not_fit_are_refused(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_einsum_takes_its_operands_in_a_list() -> None:
    x = leaf(X)
    tg.einsum("ij,kj->", [x, x]).backward()
    equal(x.grad, 2 * np.ones((2, 2)) @ X)
    equal(tg.einsum("ij->i", [[1.0, 2.0], [3.0, 4.0]]), [3, 7])  # one operand, which is itself a list
