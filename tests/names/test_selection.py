"""Entries are read and written at indices as NumPy does it, with gradients, and an index out of bounds is named."""

import re
from typing import Any

import numpy as np
import pytest
from checks import Method, check_method
from hypothesis import given
from hypothesis import strategies as st
from strategies import leaf

import tinygrad_mlp as tg

COLUMNS = np.array([[2, 0, 2], [1, 1, 0]])  # one for each entry of a (2, 3) matrix; some stand twice in a row
ONCE = np.array([[2, 0], [1, 2]])
ROWS = np.array([1, 0, 1])
MASK = np.array([[True, False, True], [False, True, True]])
AT = (np.arange(2)[:, None], COLUMNS)


def replaced(x: Any, index: Any, value: Any) -> Any:
    y = x.copy()
    y[index] = value
    return y


def combined(x: Any, index: Any, values: Any, combine: Any, start: Any = None) -> Any:
    """`x` with each of `values` combined with what is at its place, or, if it is the first there, with a `start`."""
    y, met = x.copy(), set()
    for i, place in enumerate(zip(*(entry.flat for entry in np.broadcast_arrays(*index)), strict=True)):
        y[place] = combine(y[place] if start is None or place in met else start, values.flat[i])
        met.add(place)
    return y


def larger(a: Any, b: Any) -> Any:
    return a if np.real(a) > np.real(b) else b


def columns() -> Any:
    return tg.tensor(COLUMNS)


CALLS: list[Method] = [
    ("gather", lambda x: x.gather(1, columns()), lambda x: x[AT]),
    ("gather", lambda x: x.gather(0, tg.tensor([[1, 0]])), lambda x: x[[[1, 0]], [[0, 1]]]),
    ("index_select", lambda x: x.index_select(0, tg.tensor(ROWS)), lambda x: x[ROWS]),
    ("index_select", lambda x: x.index_select(-1, tg.tensor(1)), lambda x: x[:, [1]]),
    ("take", lambda x: x.take(tg.tensor([[0, -1], [4, 0]])), lambda x: x.ravel()[[[0, 5], [4, 0]]]),
    ("take_along_dim", lambda x: x.take_along_dim(tg.tensor([[-1, 0]]), dim=1), lambda x: x[:, [2, 0]]),
    ("take_along_dim", lambda x: x.take_along_dim(tg.tensor([[5, 0]])), lambda x: x.ravel()[[5, 0]]),
    ("masked_select", lambda x: x.masked_select(tg.tensor(MASK[0])), lambda x: x[:, MASK[0]].ravel()),
    ("where", lambda x: x.where(tg.tensor(MASK), x * x), lambda x: np.where(MASK, x, x * x)),
    (
        "scatter",
        lambda x: x.scatter(1, tg.tensor(ONCE), x * x),
        lambda x: replaced(x, (AT[0], ONCE), (x * x)[:, :2]),
    ),
    ("scatter", lambda x: x.scatter(1, columns(), 3), lambda x: replaced(x, AT, 3)),
    ("scatter", lambda x: x.scatter(1, columns(), x, reduce="add"), lambda x: combined(x, AT, x, np.add)),
    (
        "scatter",
        lambda x: x.scatter(1, columns(), np.float64(3), reduce="multiply"),
        lambda x: combined(x, AT, np.full((2, 3), 3), np.multiply),
    ),
    ("scatter_add", lambda x: x.scatter_add(1, columns(), x * x), lambda x: combined(x, AT, x * x, np.add)),
    (
        "scatter_reduce",
        lambda x: x.scatter_reduce(1, columns(), x * x, "prod"),
        lambda x: combined(x, AT, x * x, np.multiply),
    ),
    (
        "scatter_reduce",
        lambda x: x.scatter_reduce(1, columns(), x * x, "sum", include_self=False),
        lambda x: combined(x, AT, x * x, np.add, 0),
    ),
    (
        "scatter_reduce",
        lambda x: x.scatter_reduce(1, columns(), 3 * x, "mean"),
        lambda x: combined(x, AT, 3 * x, np.add) / combined(np.ones((2, 3)), AT, np.ones((2, 3)), np.add),
    ),
    (
        "scatter_reduce",
        lambda x: x.scatter_reduce(1, columns(), 3 * x, "amax"),
        lambda x: combined(x, AT, 3 * x, larger),
        0.1,
        2,
    ),
    (
        "scatter_reduce",
        lambda x: x.scatter_reduce(1, columns(), 3 * x, "amin", include_self=False),
        lambda x: -combined(-x, AT, -3 * x, larger, -np.inf),
    ),
    (
        "index_reduce",
        lambda x: x.index_reduce(0, tg.tensor([0, 1]), x * x, "prod"),
        lambda x: x * x * x,
    ),
    (
        "index_add",
        lambda x: x.index_add(1, tg.tensor(COLUMNS[0]), x * x, alpha=2),
        lambda x: np.stack([x[:, 0] + 2 * x[:, 1] ** 2, x[:, 1], x[:, 2] + 2 * (x[:, 0] ** 2 + x[:, 2] ** 2)], 1),
    ),
    ("index_copy", lambda x: x.index_copy(0, tg.tensor([1]), x[:1] ** 2), lambda x: np.stack([x[0], x[0] ** 2])),
    ("index_fill", lambda x: x.index_fill(1, tg.tensor([-1, 2]), x[0, 0]), lambda x: replaced(x, np.s_[:, 2], x[0, 0])),
    ("index_put", lambda x: x.index_put((tg.tensor(MASK),), x[0, 0]), lambda x: np.where(MASK, x[0, 0], x)),
    ("index_put", lambda x: x.index_put((None, tg.tensor([1])), x[:, :1]), lambda x: x[:, [0, 0, 2]]),
    (
        "index_put",
        lambda x: x.index_put((tg.tensor(ROWS),), x[:1], accumulate=True),
        lambda x: np.stack([2 * x[0], x[1] + 2 * x[0]]),
    ),
    ("put", lambda x: x.put(tg.tensor([[-1], [0]]), x[0, :2]), lambda x: replaced(x, ([1, 0], [2, 0]), x[0, :2])),
    (
        "masked_scatter",
        lambda x: x.masked_scatter(tg.tensor(MASK), x * x),
        lambda x: replaced(x, MASK, (x * x).flat[:4]),
    ),
]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
@given(data=st.data())
def test_functions_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    check_method(row, data, 1e-12)


X = np.arange(6.0).reshape(2, 3)


def test_results_are_copies() -> None:
    x = tg.tensor(X)
    for result in (
        x.gather(1, columns()),
        x.index_select(0, tg.tensor([0, 1])),
        x.take(tg.tensor(0)),
        x.take_along_dim(columns(), 1),
        x.scatter(1, tg.zeros((0, 3), dtype=np.int64), 1.0),
        x.index_add(0, tg.tensor([], dtype=np.int64), x[:0]),
        x.masked_scatter(tg.tensor(False), x[:0]),
        x.masked_scatter(tg.tensor(False), x),
    ):
        assert not np.shares_memory(result.numpy(), x.numpy())


@pytest.mark.parametrize("largest", [True, False])
def test_equal_extremes_share_the_gradient(largest: bool) -> None:
    """Three equal numbers keep their last digit, and infinite ones have a gradient, too."""
    for value in (0.1, np.inf, -np.inf, 1e308):
        x, y = leaf(np.array([value, 7.0])), leaf(np.full(2, value))
        result = x.scatter_reduce(0, tg.tensor([0, 0]), y, "amax" if largest else "amin")
        assert result.tolist() == [value, 7]
        result.sum().backward()
        np.testing.assert_allclose(x.grad, [1 / 3, 1])
        np.testing.assert_allclose(y.grad, [1 / 3, 1 / 3])


def test_reductions_of_nan_and_of_integers() -> None:
    index, x = tg.tensor([0, 0]), tg.tensor([5, 2])
    assert tg.tensor([0, 1]).scatter_reduce(0, index, x, "amax").tolist() == [5, 1]
    assert tg.tensor([0, 1]).scatter_reduce(0, index, x, "amin", include_self=False).tolist() == [2, 1]
    assert tg.tensor([0, 1]).scatter_reduce(0, index, x, "mean", include_self=False).tolist() == [3, 1]
    assert tg.tensor([False, True]).scatter_reduce(0, index, x > 3, "amax", include_self=False).tolist() == [True, True]
    found = tg.tensor([1.0, 2.0]).scatter_reduce(0, index, tg.tensor([np.nan, 0.0]), "amax")
    np.testing.assert_array_equal(found, [np.nan, 2])


def test_a_product_with_zeros_is_differentiated() -> None:
    x, y = leaf(np.array([2.0, 1.0])), leaf(np.array([0.0, 3.0, 0.0, 5.0]))
    x.scatter_reduce(0, tg.tensor([0, 0, 1, 1]), y, "prod").sum().backward()
    assert x.grad.tolist() == [0, 0]
    assert y.grad.tolist() == [6, 0, 5, 0]


def test_the_gradient_of_a_value_that_is_written_over_is_refused() -> None:
    """Without a gradient, the value that is written last stays."""
    x, values, index = tg.tensor(X), leaf(X), tg.tensor([1, 1])
    assert x.index_copy(0, index, x).tolist() == [X[0].tolist(), X[1].tolist()]
    for call in (
        lambda: x.scatter(1, columns(), values),
        lambda: x.index_copy(0, index, values),
        lambda: x.index_put((index,), values[0]),
        lambda: x.put(index, values[0, :2]),
    ):
        with pytest.raises(RuntimeError, match="writes to one entry twice"):
            call()
        with tg.no_grad():
            assert call().shape == (2, 3)


def test_a_number_counts_as_a_vector() -> None:
    """As in PyTorch, which takes a Tensor without dimensions where it asks for one along a dimension."""
    x, zero = tg.tensor(2.0), tg.tensor([0])
    for result, expected in (
        (x.gather(0, zero), [2]),
        (x.gather(0, tg.tensor(0)), 2),
        (x.index_select(0, zero), 2),
        (x.take(zero), [2]),
        (x.masked_select(tg.tensor(True)), [2]),
        (x.scatter(0, tg.tensor(0), 3.0), 3),
        (x.scatter_add(0, zero, tg.tensor([3.0])), 5),
        (x.index_add(0, zero, tg.tensor(3.0)), 5),
        (x.index_copy(0, zero, tg.tensor([3.0])), 3),
        (x.index_fill(0, zero, 3), 3),
        (x.put(zero, tg.tensor([3.0])), 3),
    ):
        assert result.tolist() == expected


def test_empty_indices_choose_nothing() -> None:
    x = leaf(X)
    assert x.gather(0, tg.tensor([])).shape == (0,)
    assert x.gather(0, tg.zeros((0, 5), dtype=np.int64)).requires_grad
    assert x.index_select(1, tg.tensor([])).shape == (2, 0)
    assert x.take(tg.tensor([])).shape == (0,)
    assert x.scatter_add(0, tg.tensor([], dtype=np.int64), x).tolist() == X.tolist()
    assert x.scatter_reduce(0, tg.tensor([], dtype=np.int64), x, "amax").tolist() == X.tolist()


x = tg.tensor(X)
REFUSED = {
    "gather() takes indices from 0 to 2 here, not -1": lambda: x.gather(1, tg.tensor([[-1]])),
    "gather() takes indices from 0 to 2 here, not 3": lambda: x.gather(1, tg.tensor([[3]])),
    "gather() takes an index of int64, not float32": lambda: x.gather(1, tg.tensor([[0.0]])),
    "not shape (3, 1) for (2, 3)": lambda: x.gather(1, tg.tensor([[0]] * 3)),
    "not shape (1,) for (2, 3)": lambda: x.gather(1, tg.tensor([0])),
    "index_select() takes indices from 0 to 1 here": lambda: x.index_select(0, tg.tensor([2])),
    "index_select() takes a vector as its index": lambda: x.index_select(0, tg.tensor([[1]])),
    "take() takes indices from -6 to 5": lambda: x.take(tg.tensor([6])),
    "take_along_dim() takes indices of 2 dimensions": lambda: x.take_along_dim(tg.tensor([0]), 0),
    "masked_select() takes a mask of booleans": lambda: x.masked_select(x),
    "scatter() takes src= or value=": lambda: x.scatter(0, tg.tensor([[0]])),
    "scatter_add() takes src= of the Tensor's dtype": lambda: x.scatter_add(1, tg.tensor([[0]]), 1.0),
    "src= at least as large as the index": lambda: x.scatter(1, tg.tensor([[0, 1]]), x[:, :1]),
    'scatter() takes reduce="add"': lambda: x.scatter(1, tg.tensor([[0]]), x, reduce="mean"),
    "scatter() takes a number as its value": lambda: x.scatter(1, tg.tensor([[0]]), value=x),
    "scatter() takes src= of the Tensor's dtype, float64": lambda: x.scatter(1, tg.tensor([[0]]), x.float()),
    "reduce= as one of sum, mean, prod, amax, amin": lambda: x.scatter_reduce(1, tg.tensor([[0]]), x, "max"),
    "source= of shape (1, 3) here, not (2, 3)": lambda: x.index_add(0, tg.tensor([0]), x),
    "takes an integer alpha=, not 0.5": lambda: x.long().index_add(0, tg.tensor([0]), x.long()[:1], alpha=0.5),
    "index_fill() takes a number": lambda: x.index_fill(0, tg.tensor([0]), x[0]),
    "index_put() takes the indices in a tuple": lambda: x.index_put(tg.tensor([0]), x),
    "index_put() takes indices of int64 or bool": lambda: x.index_put((x,), x),
    "put() takes as many entries as indices, not 3 for 1": lambda: x.put(tg.tensor([0]), x[0]),
    "masked_scatter() takes 5 entries or more": lambda: x.masked_scatter(x > 0, x[0]),
    "where() takes a condition and both choices": lambda: tg.where(x > 0, x),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_does_not_fit_is_refused(message: str) -> None:
    with pytest.raises((IndexError, ValueError, TypeError, RuntimeError), match=re.escape(message)):
        REFUSED[message]()
