"""Names of reductions, statistics and comparisons compute what NumPy computes, and so do their gradients."""

from typing import Any

import numpy as np
import pytest
from checks import Method, check_answer, check_method, equal
from hypothesis import given
from hypothesis import strategies as st
from ops import variance
from strategies import Array, leaf

import tinygrad_mlp as tg

COORDINATES = np.array([0.5, 1.0, 3.0])
TIMES, WEIGHTS = np.array([1, 3, 2]), np.array([0.5, 1.0, 2.0])
GAPS = np.array([[np.nan, 0, 0], [0, np.nan, 0]])
INF, NAN = np.inf, np.nan


def chosen(x: Array, indices: Any, axis: int) -> Array:
    """The entries of `x` at the indices that the function `indices` finds in its real part."""
    return np.take_along_axis(x, indices(x.real), axis)


def order(x: Array, axis: int, rank: int) -> Array:
    """The entry of `rank` by size along `axis`, also of complex numbers."""
    return np.take(chosen(x, lambda x: np.argsort(x, axis), axis), rank, axis)


def log_of_sums(x: Array) -> Array:
    return np.asarray(np.log(np.cumsum(np.exp(x), axis=1)))


def covariances(x: Array, weights: Any, freedom: float) -> Array:
    centred = x - np.sum(x * weights, axis=1, keepdims=True) / np.sum(weights * np.ones(3))
    return np.asarray((centred * weights) @ centred.T / freedom)


def correlations(x: Array) -> Array:
    c = covariances(x, 1, 2)
    deviations = np.sqrt(np.diagonal(c))
    return np.asarray(c / deviations[:, None] / deviations)


def scaled_down(x: Array) -> Array:
    norms = np.sqrt(np.sum(x**2, axis=0, keepdims=True))
    return np.asarray(x * np.where(norms.real > 1.5, 1.5 / (norms + 1e-7), 1))


# Calls on a matrix x of two rows and three columns.
CALLS: list[Method] = [
    ("cumprod", lambda x: x.cumprod(1), lambda x: np.cumprod(x, axis=1)),
    ("cumprod", lambda x: (x * [0, 1, 1]).cumprod(1), lambda x: 0 * x),
    ("cumprod", lambda x: x.repeat(1, 3).cumprod(dim=-1), lambda x: np.cumprod(np.tile(x, 3), axis=1)),
    ("logcumsumexp", lambda x: x.logcumsumexp(1), log_of_sums),
    ("logcumsumexp", lambda x: x.repeat(1, 3).logcumsumexp(1), lambda x: log_of_sums(np.tile(x, 3))),
    (
        "cummax",
        lambda x: x.cummax(1).values,
        lambda x: np.stack([order(x[:, : i + 1], 1, i) for i in range(3)], axis=1),
    ),
    (
        "cummin",
        lambda x: x.cummin(0).values,
        lambda x: chosen(x, lambda x: np.stack([np.zeros(3, int), np.argmin(x, 0)]), 0),
    ),
    ("diff", lambda x: x.diff(), np.diff),
    ("diff", lambda x: x.diff(2), lambda x: np.diff(x, 2)),
    ("diff", lambda x: x.diff(0), lambda x: x),
    (
        "diff",
        lambda x: x.diff(dim=0, prepend=x[:1] * 2, append=tg.ones(1, 3)),
        lambda x: np.diff(np.concatenate([x[:1] * 2, x, np.ones((1, 3))]), axis=0),
    ),
    ("function trapezoid", lambda x: tg.trapezoid(x), lambda x: np.trapezoid(x)),
    ("function trapezoid", lambda x: tg.trapz(x, dx=0.5, dim=0), lambda x: np.trapezoid(x, dx=0.5, axis=0)),
    (
        "function trapezoid",
        lambda x: tg.trapezoid(x, tg.tensor(COORDINATES)),
        lambda x: np.trapezoid(x, COORDINATES),
    ),
    ("function trapezoid", lambda x: tg.trapezoid(x * x, x), lambda x: np.trapezoid(x * x, x)),
    (
        "function cumulative_trapezoid",
        lambda x: tg.cumulative_trapezoid(x, dx=2),
        lambda x: np.cumsum(x[:, 1:] + x[:, :-1], axis=1),
    ),
    ("function gradient", lambda x: tg.stack(tg.gradient(x)), lambda x: np.stack(np.gradient(x))),
    (
        "function gradient",
        lambda x: tg.gradient(x, spacing=[tg.tensor(COORDINATES)], dim=1, edge_order=2)[0],
        lambda x: np.gradient(x, COORDINATES, axis=1, edge_order=2),
    ),
    ("aminmax", lambda x: x.aminmax().max, lambda x: order(x.reshape(6), 0, 5)),
    ("aminmax", lambda x: x.aminmax(dim=1, keepdim=True).min, lambda x: order(x, 1, 0)[:, None]),
    ("nansum", lambda x: (x + GAPS).nansum(1), lambda x: np.sum(x * (GAPS == 0), axis=1)),
    ("nanmean", lambda x: (x + GAPS).nanmean(1), lambda x: np.sum(x * (GAPS == 0), axis=1) / 2),
    ("nanmean", lambda x: (x + GAPS).nanmean(), lambda x: np.sum(x * (GAPS == 0)) / 4),
    ("renorm", lambda x: x.renorm(2, 1, 1.5), scaled_down),
    ("median", lambda x: x.median(), lambda x: order(x.reshape(6), 0, 2)),
    ("median", lambda x: x.median(1).values, lambda x: order(x, 1, 1)),
    ("median", lambda x: x.median(dim=0, keepdim=True).values, lambda x: order(x, 0, 0)[None]),
    ("nanmedian", lambda x: (x + GAPS).nanmedian(1).values, lambda x: order(x[GAPS == 0].reshape(2, 2), 1, 0)),
    ("nanmedian", lambda x: (x + GAPS).nanmedian(), lambda x: order(x[GAPS == 0], 0, 1)),
    ("quantile", lambda x: x.quantile(0.3), lambda x: (order(x.reshape(6), 0, 1) + order(x.reshape(6), 0, 2)) / 2),
    (
        "quantile",
        lambda x: x.quantile(tg.tensor([0.25, 1.0], dtype=np.float64), dim=1),
        lambda x: np.stack([(order(x, 1, 0) + order(x, 1, 1)) / 2, order(x, 1, 2)]),
    ),
    ("quantile", lambda x: x.quantile(0.1, 1, True, interpolation="higher"), lambda x: order(x, 1, 1)[:, None]),
    ("quantile", lambda x: x.quantile(0.1, 1, interpolation="lower"), lambda x: order(x, 1, 0)),
    ("quantile", lambda x: x.quantile(0.9, 1, interpolation="nearest"), lambda x: order(x, 1, 2)),
    (
        "quantile",
        lambda x: x.quantile(0.1, 0, interpolation="midpoint"),
        lambda x: (order(x, 0, 0) + order(x, 0, 1)) / 2,
    ),
    ("nanquantile", lambda x: (x + GAPS).nanquantile(1.0, 1), lambda x: order(x[GAPS == 0].reshape(2, 2), 1, 1)),
    (
        "function var_mean",
        lambda x: tg.stack(tg.var_mean(x, 1)),
        lambda x: np.stack([1.5 * variance(x, axis=1), x.mean(1)]),
    ),
    (
        "function std_mean",
        lambda x: tg.std_mean(x, False)[0] * tg.std_mean(x, False)[1],
        lambda x: np.sqrt(variance(x, axis=None)) * x.mean(),
    ),
    ("cov", lambda x: x.cov(), lambda x: covariances(x, 1, 2)),
    ("cov", lambda x: x[0].cov(correction=0), lambda x: covariances(x, 1, 3)[0, 0]),
    ("cov", lambda x: x.cov(fweights=tg.tensor(TIMES)), lambda x: covariances(x, TIMES, 5)),
    ("cov", lambda x: x.cov(aweights=tg.tensor(WEIGHTS)), lambda x: covariances(x, WEIGHTS, 3.5 - 5.25 / 3.5)),
    ("cov", lambda x: x.cov(aweights=x[0].detach() * 0 + 1), lambda x: covariances(x, 1, 2)),
    ("corrcoef", lambda x: x.corrcoef()[0, 1], lambda x: correlations(x)[0, 1]),
]

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])

# Functions through which no gradient passes, and indices, with their values for X.
ANSWERS: list[tuple[str, Any, Any]] = [
    ("cummax", lambda x: x.cummax(1).indices, [[0, 0, 0], [0, 0, 2]]),  # the last of equal entries
    ("cummin", lambda x: x.cummin(1).indices, [[0, 1, 1], [0, 1, 1]]),
    ("cummin", lambda x: tg.tensor(4).cummin(0).indices, 0),
    ("cummax", lambda x: tg.tensor([1, NAN, 2, NAN, 3]).cummax(0).indices, [0, 1, 1, 3, 3]),
    ("median", lambda x: x.median(1).indices, [2, 0]),
    ("median", lambda x: tg.tensor([3, NAN, 1, NAN]).median(0).indices, 1),
    ("median", lambda x: tg.tensor([4, 1, 3, 2]).median(), 2),
    ("median", lambda x: tg.tensor(4).median(0).indices, 0),
    ("nanmedian", lambda x: tg.tensor([3, NAN, 1, NAN]).nanmedian(0).indices, 2),
    ("quantile", lambda x: tg.tensor([1, NAN, 2]).quantile(0.5), NAN),
    ("nanquantile", lambda x: tg.tensor([NAN, NAN]).nanquantile(0.5), NAN),
    ("mode", lambda x: x.mode().values.detach(), [-2.5, 3.5]),
    ("mode", lambda x: x.mode(1, True).indices, [[1], [2]]),  # the last one
    ("mode", lambda x: tg.tensor([[2, 1, 1], [2, 1, 2]]).mode(0).values, [2, 1, 1]),  # the smallest one
    ("count_nonzero", lambda x: (x > 0).count_nonzero(), 4),
    ("count_nonzero", lambda x: tg.tensor([[0, NAN], [1, 2]]).count_nonzero(1), [1, 2]),
    ("cumprod", lambda x: tg.tensor([100, 100, 100], dtype=np.uint8).cumprod(0), [100, 10**4, 10**6]),
    ("logcumsumexp", lambda x: tg.tensor([-INF, -INF, 0]).logcumsumexp(0), [-INF, -INF, 0]),
    ("diff", lambda x: tg.tensor([True, True, False]).diff(), [False, True]),
    ("isclose", lambda x: x.isclose(X + np.array([0, 1e-6, 1])), [[True, True, False]] * 2),
    ("isclose", lambda x: tg.tensor([INF, INF, NAN]).isclose(tg.tensor([INF, -INF, NAN])), [True, False, False]),
    ("isclose", lambda x: tg.tensor([NAN, 1]).isclose(tg.tensor([NAN, NAN]), equal_nan=True), [True, False]),
    ("isclose", lambda x: tg.tensor([1, 2]).isclose(tg.tensor([1, 3]), atol=1), [True, True]),
    ("allclose", lambda x: x.allclose(X + 1e-9), True),
    ("allclose", lambda x: x.allclose(X + np.array([0, 0, 1])), False),
    ("equal", lambda x: x.equal(tg.tensor(X)), True),
    ("equal", lambda x: x.equal(tg.tensor(X[:1])), False),
    ("equal", lambda x: x.equal(x + 1), False),
]


@pytest.mark.parametrize("row", CALLS, ids=lambda row: row[0])
@given(data=st.data())
def test_functions_compute_what_numpy_computes(row: Method, data: st.DataObject) -> None:
    check_method(row, data, 1e-12)


@pytest.mark.parametrize(("name", "call", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS])
def test_functions_without_a_gradient(name: str, call: Any, expected: Any) -> None:
    check_answer(call(leaf(X)), expected)


# --- ties and the ends of a domain ------------------------------------------------------------------------------------

# A call, its argument, and the gradient that PyTorch finds.
TIES: dict[str, tuple[Any, Any, Any]] = {
    "median of all, which equal entries share": (lambda x: x.median(), [1, 2, 2, 3.0], [0, 0.5, 0.5, 0]),
    "median along a dim": (lambda x: x.median(0).values, [2, 2, 2.0], [0, 1, 0]),
    "mode": (lambda x: x.mode().values, [2, 1, 2, 3.0], [0, 0, 1, 0]),
    "cummax": (lambda x: x.cummax(0).values, [1, 1, 0.0], [1, 2, 0]),
    "aminmax": (lambda x: x.aminmax().max, [3, 3, 1.0], [0.5, 0.5, 0]),
    "cumprod of one 0": (lambda x: x.cumprod(0), [2, 0, 3.0], [1, 8, 0]),
    "cumprod of two 0": (lambda x: x.cumprod(0), [0, 0, 3.0], [1, 0, 0]),
    "nansum": (lambda x: x.nansum(), [1, NAN], [1, 0]),
    "quantile at an entry": (lambda x: x.quantile(0.5), [3, 1, 2.0], [0, 0, 1]),
}


@pytest.mark.parametrize(("call", "entries", "expected"), TIES.values(), ids=TIES)
def test_gradients_at_ties_and_zeros(call: Any, entries: Any, expected: Any) -> None:
    x = leaf(np.array(entries))
    call(x).sum().backward()
    equal(x.grad, expected)


def test_entries_of_minus_infinity_get_no_gradient_from_logcumsumexp() -> None:
    """In PyTorch, it is NaN."""
    x = leaf(np.array([-INF, -INF, 0, np.log(3)]))
    x.logcumsumexp(0)[2:].sum().backward()
    equal(x.grad, [0, 0, 1.25, 0.75])


def test_a_product_of_zeros_has_second_derivatives() -> None:
    x = leaf(np.array([0.0, 0.0, 3.0]))
    (first,) = tg.autograd.grad(x.cumprod(0)[2], x, create_graph=True)
    first[0].backward()
    equal(x.grad, [0, 3, 0])


# --- dtypes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "nansum", "nanmean"])
def test_reductions_compute_in_another_dtype(name: str) -> None:
    x = tg.tensor([16777216.0, 1, 1], requires_grad=True)  # float32 has no number after the first
    y = getattr(x, name)(0, dtype=np.float64)
    assert y.dtype == np.float64
    assert y == getattr(x.double(), name)(0)
    y.backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "softmax", "log_softmax"])
def test_functions_along_a_dim_compute_in_another_dtype(name: str) -> None:
    x = tg.tensor([1, 2, 3])
    assert getattr(x, name)(0, dtype=np.float64).equal(getattr(x.double(), name)(0))


def test_a_dtype_of_integers_is_kept() -> None:
    assert tg.tensor([1.5, 2.5]).sum(dtype=np.int32).dtype == np.int32
    assert tg.tensor([1, 2]).cumsum(0, dtype=np.int16).dtype == np.int16
    assert tg.nn.functional.softmax(tg.tensor([1.0, 2.0]), 0, dtype=np.float64).dtype == np.float64


# --- what is refused --------------------------------------------------------------------------------------------------

x = tg.tensor(X)
REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "diff of a number": (lambda: tg.tensor(1.0).diff(), ValueError, "takes a Tensor with dimensions"),
    "trapezoid of coordinates twice": (lambda: tg.trapezoid(x, x, dx=1), TypeError, "not both"),
    "trapezoid of a number": (lambda: tg.trapezoid(1.0), ValueError, "along a dim"),
    "trapezoid of 3 at 2": (lambda: tg.trapezoid(x, tg.ones(2)), ValueError, "3 coordinates along dim 1, not 2"),
    "gradient of spacings": (lambda: tg.gradient(x, spacing=[1, 2, 3]), ValueError, "for each of 2 dims, not 1 and 3"),
    "gradient of few": (lambda: tg.gradient(x, edge_order=2), ValueError, "takes 3 points or more, not 2"),
    "gradient of 3 at 2": (
        lambda: tg.gradient(x, spacing=[tg.ones(3)], dim=0),
        ValueError,
        "2 coordinates along dim 0",
    ),
    "nanmean of integers": (lambda: tg.tensor([1]).nanmean(), TypeError, "takes a floating Tensor"),
    "renorm of a vector": (lambda: x[0].renorm(2, 0, 1), ValueError, "at least 2 dimensions"),
    "isclose below 0": (lambda: x.isclose(x, -1), ValueError, "not negative"),
    "median of booleans": (lambda: (x > 0).median(), TypeError, "not of booleans"),
    "median of nothing": (lambda: tg.zeros(2, 0).median(1), IndexError, "has no entry to choose"),
    "quantile above 1": (lambda: x.quantile(2), ValueError, "between 0 and 1, not 2"),
    "quantile of nothing": (lambda: tg.zeros(0).quantile(0.5), ValueError, "takes a Tensor with entries"),
    "quantile of another dtype": (lambda: x.quantile(tg.tensor([0.5])), TypeError, "of float64, not float32"),
    "quantile in a word": (lambda: x.quantile(0.5, interpolation="cubic"), ValueError, "one of linear, lower"),
    "cov of a stack": (lambda: tg.zeros(2, 2, 2).cov(), ValueError, "takes a matrix or a vector"),
    "cov of other weights": (lambda: x.cov(fweights=tg.ones(3)), ValueError, "integers of shape"),
    "cov of weights below 0": (lambda: x.cov(aweights=-tg.ones(3)), ValueError, "not negative"),
}


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED.values(), ids=REFUSED)
def test_bad_arguments_are_refused(call: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


def test_all_and_any_of_no_dim_reduce_nothing() -> None:
    flags = tg.tensor([[True, False], [True, True]])
    assert flags.all(dim=()).equal(flags)
    assert flags.any(dim=[]).equal(flags)


def test_the_median_of_nothing_is_nan() -> None:
    assert np.isnan(tg.zeros(0).median())


# --- captured steps ---------------------------------------------------------------------------------------------------

CHOICES: dict[str, Any] = {
    "cummax": lambda x: x.cummax(0).values,
    "cumprod": lambda x: x.cumprod(1),
    "logcumsumexp": lambda x: x.logcumsumexp(1),
    "median": lambda x: x.median() + x.median(1).values,
    "quantile": lambda x: x.quantile(0.4, 1),
    "nanquantile": lambda x: x.nanquantile(0.4),
    "mode": lambda x: x.mode().values,
    "renorm": lambda x: x.renorm(2, 0, 1),
    "cov": lambda x: x.cov(aweights=x[0].exp()),
    "diff": lambda x: x.diff(),
    "aminmax": lambda x: x.aminmax().max,
    "isclose": lambda x: x * x.isclose(x.abs()),
}


@pytest.mark.parametrize("call", CHOICES.values(), ids=CHOICES)
def test_replays_of_captured_steps_choose_by_their_own_numbers(call: Any) -> None:
    def step(x: Any) -> Any:
        leaf = x.clone().requires_grad_()
        y = call(leaf).sum()
        y.backward()
        return y.detach(), leaf.grad

    captured = tg.capture(step)
    rng = np.random.default_rng(0)
    for _ in range(5):
        x = tg.tensor(rng.standard_normal((3, 4)))
        for found, expected in zip(captured(x), step(x), strict=True):
            equal(found, expected.numpy())
    assert captured.captured is True
