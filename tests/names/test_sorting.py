"""Entries are sorted, searched and counted as NumPy and PyTorch do it; gradients go where the entries came from."""

import re
from typing import Any

import numpy as np
import pytest
from checks import Method, check_answer, check_method
from hypothesis import given
from hypothesis import strategies as st
from strategies import leaf

import tinygrad_mlp as tg

CALLS: list[Method] = [
    ("sort", lambda x: x.sort().values, lambda x: np.sort(x, 1)),
    ("sort", lambda x: x.sort(0, descending=True).values, lambda x: np.sort(x, 0)[::-1]),
    ("msort", lambda x: x.msort(), lambda x: np.sort(x, 0)),
    ("topk", lambda x: x.topk(2)[0], lambda x: np.sort(x, 1)[:, :0:-1]),
    ("topk", lambda x: x.topk(1, dim=0, largest=False)[0], lambda x: np.sort(x, 0)[:1]),
    ("kthvalue", lambda x: x.kthvalue(2).values, lambda x: np.sort(x, 1)[:, 1]),
    ("kthvalue", lambda x: x.kthvalue(1, 0, keepdim=True).values, lambda x: np.sort(x, 0)[:1]),
]

X = np.array([[1.5, -2.5, 0.0], [1.5, -0.5, 3.5]])
NUMBERS = np.array([3, 1, 1, 3, 3, 0])
EDGES = [0.0, 1.5, 3.0]

# Functions through which no gradient passes, with their values for X.
ANSWERS: list[tuple[str, Any, Any]] = [
    ("argsort", lambda x: x.argsort(), [[1, 2, 0], [1, 0, 2]]),
    ("argsort", lambda x: x.argsort(0, True), [[0, 1, 1], [1, 0, 0]]),
    ("sort", lambda x: x.sort(0)[1], [[0, 0, 0], [1, 1, 1]]),
    ("topk", lambda x: x.topk(2, 0).indices, [[0, 1, 1], [1, 0, 0]]),
    ("kthvalue", lambda x: x.kthvalue(2, 0).indices, [1, 1, 1]),
    ("nonzero", lambda x: x.nonzero(), np.argwhere(X)),
    ("nonzero", lambda x: np.stack(x.nonzero(as_tuple=True)), np.stack(np.nonzero(X))),
    ("nonzero", lambda x: np.stack(tg.where(x > 0)), np.stack(np.nonzero(X > 0))),
    ("nonzero", lambda x: x[0, 0].nonzero(), np.empty((1, 0))),
    ("nonzero", lambda x: x[0, 0].nonzero(as_tuple=True)[0], [0]),
    ("argwhere", lambda x: x.argwhere(), np.argwhere(X)),
    ("nonzero_static", lambda x: x.nonzero_static(size=2), [[0, 0], [0, 1]]),
    ("nonzero_static", lambda x: (x > 3).nonzero_static(size=2, fill_value=9), [[1, 2], [9, 9]]),
    ("function searchsorted", lambda x: tg.searchsorted(EDGES, x), np.searchsorted(EDGES, X)),
    ("function searchsorted", lambda x: tg.searchsorted(EDGES, x, side="right"), np.searchsorted(EDGES, X, "right")),
    ("function searchsorted", lambda x: tg.searchsorted(x.sort()[0], x), [[2, 0, 1], [1, 0, 2]]),
    ("function searchsorted", lambda x: tg.searchsorted(x, x, sorter=x.argsort()), [[2, 0, 1], [1, 0, 2]]),
    ("function searchsorted", lambda x: tg.searchsorted(EDGES, float("nan")), 3),
    ("function bucketize", lambda x: tg.bucketize(x, EDGES, right=True), np.searchsorted(EDGES, X, "right")),
    ("function isin", lambda x: tg.isin(x, EDGES), np.isin(X, EDGES)),
    ("function isin", lambda x: tg.isin(1.5, x, invert=True), False),
    ("function unravel_index", lambda x: np.stack(tg.unravel_index([5, 2], (2, 3))), [[1, 0], [2, 2]]),
    ("function unravel_index", lambda x: tg.unravel_index(tg.tensor(3), 7)[0], 3),
    ("unique", lambda x: x.unique(), [-2.5, -0.5, 0, 1.5, 3.5]),
    ("unique", lambda x: x.unique(return_inverse=True)[1], [[3, 0, 2], [3, 1, 4]]),
    ("unique", lambda x: x.unique(return_counts=True)[1], [1, 1, 1, 2, 1]),
    ("unique", lambda x: (x > 0).unique(dim=1), [[False, False, True], [False, True, True]]),
    ("unique", lambda x: tg.tensor([np.nan, np.nan]).unique(return_counts=True)[1], [1, 1]),
    ("unique_consecutive", lambda x: tg.tensor(NUMBERS).unique_consecutive(), [3, 1, 3, 0]),
    ("unique_consecutive", lambda x: tg.tensor(NUMBERS).unique_consecutive(True, True)[1], [0, 1, 1, 2, 2, 3]),
    ("unique_consecutive", lambda x: tg.tensor(NUMBERS).unique_consecutive(True, True)[2], [1, 2, 2, 1]),
    ("unique_consecutive", lambda x: (x > 9).unique_consecutive(dim=0), [[False] * 3]),
    ("histc", lambda x: x.histc(3, -3, 3), [1, 2, 2]),
    ("histc", lambda x: x.histc(2), [3, 3]),
    ("histc", lambda x: tg.tensor([2.0, 2.0]).histc(2), [0, 2]),
    ("histogram", lambda x: x.histogram(3, range=(-3, 3)).hist, [1, 2, 2]),
    ("histogram", lambda x: x.histogram(tg.tensor([0.0, 2.0, 4.0]).double(), weight=x)[0], [3, 3.5]),
    ("histogram", lambda x: x.histogram(2, density=True)[0], np.full(2, 3 / 18)),
    ("histogram", lambda x: x.histogram(2).bin_edges, [-2.5, 0.5, 3.5]),
    ("histogram", lambda x: x.histogram(range=(-2.5, 3.5)).bin_edges, np.linspace(-2.5, 3.5, 101)),
    ("bincount", lambda x: tg.tensor(NUMBERS).bincount(minlength=5), [1, 2, 0, 3, 0]),
    ("bincount", lambda x: tg.tensor(NUMBERS).bincount(x.reshape(6)), [3.5, -2.5, 0, 2.5]),
]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
@given(data=st.data())
def test_functions_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    check_method(row, data, 1e-12)


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_functions_without_a_gradient(name: str, call: Any, expected: Any) -> None:
    check_answer(call(leaf(X)), expected)


@given(data=st.data())
def test_equal_entries_stay_in_order(data: st.DataObject) -> None:
    """Also in descending order, and where only the first few are asked for. NaN is the greatest number."""
    x = tg.tensor(np.array(data.draw(st.lists(st.sampled_from([0.0, 1.0, np.inf, np.nan]), max_size=20))))
    keys = [(0, v) if v == v else (1, 0.0) for v in x.tolist()]
    k = data.draw(st.integers(0, len(keys)))
    for descending in (False, True):
        order = sorted(range(len(keys)), key=lambda i: keys[i], reverse=descending)
        assert x.sort(descending=descending).indices.tolist() == x.argsort(descending=descending).tolist() == order
        rows = tg.stack([x, x], dim=1)
        assert rows.topk(k, dim=0, largest=descending).indices.T.tolist() == [order[:k]] * 2


def test_a_number_is_sorted() -> None:
    x = leaf(np.array(2.0))
    for values, indices in (x.sort(), x.topk(1), x.kthvalue(1)):
        assert values.requires_grad
        assert (values.tolist(), indices.tolist()) == (2, 0)
    assert x.msort().shape == x.argsort().shape == ()


def test_indices_have_the_dtypes_that_are_asked_for() -> None:
    x = tg.tensor(X)
    assert x.argsort().dtype == tg.searchsorted([1.0], x).dtype == x.nonzero().dtype == np.int64
    assert tg.bucketize(x, [1.0], out_int32=True).dtype == np.int32
    assert tg.tensor([1]).bincount(tg.tensor([1.0])).dtype == np.float32
    assert tg.tensor([1]).bincount(tg.tensor([1])).dtype == np.float64


def test_nothing_is_sorted_and_counted() -> None:
    x = tg.zeros(0, 3)
    assert x.sort(0).values.shape == x.unique(dim=0).shape == (0, 3)
    assert x.topk(2).indices.shape == (0, 2)
    assert x.nonzero().shape == (0, 2)
    assert x.histc(2).tolist() == [0, 0]
    assert tg.searchsorted(tg.zeros(2, 0), tg.zeros(2, 3)).tolist() == [[0] * 3] * 2


x = tg.tensor(X)
REFUSED = {
    "topk() takes k from 0 to 3 along dim=-1": lambda: x.topk(4),
    "kthvalue() takes k from 1 to 2 along dim=0": lambda: x.kthvalue(0, 0),
    'searchsorted() takes side="left" or side="right"': lambda: tg.searchsorted([1.0], x, side="middle"),
    "and no other right=": lambda: tg.searchsorted([1.0], x, side="left", right=True),
    "a row for each row of the values": lambda: tg.searchsorted(x, x[:1]),
    "sorter= of int64 in the shape of the sequence": lambda: tg.searchsorted(x[0], x, sorter=x[0]),
    "bucketize() takes a vector of boundaries": lambda: tg.bucketize(x, x),
    "unravel_index() takes indices of int64": lambda: tg.unravel_index(x, (2, 3)),
    "histc() takes bins ≥ 1 and min ≤ max, not 0 bins": lambda: x.histc(0),
    "histc() takes finite bounds": lambda: (x / 0).histc(),
    "histc() takes a floating Tensor": lambda: x.long().histc(),
    "histogram() takes weight= of shape (2, 3)": lambda: x.histogram(2, weight=x[0]),
    "bincount() takes a vector of integers from 0": lambda: tg.tensor([-1]).bincount(),
    "bincount() takes weights of shape (1,)": lambda: tg.tensor([1]).bincount(x),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=re.escape(message)), np.errstate(all="ignore"):
        REFUSED[message]()


def test_counts_and_bounds_may_be_tensors() -> None:
    x = tg.arange(12.0).reshape(3, 4)
    assert x.topk(tg.tensor(1)).indices.tolist() == [[3]] * 3
    assert x.kthvalue(np.int64(1)).values.tolist() == [0, 4, 8]
    assert x.histc(2, x.min(), x.max()).tolist() == [6, 6]
    with pytest.raises(ValueError, match=r"topk\(\) takes k from 0 to 4 .* not 5"):
        x.topk(5)
