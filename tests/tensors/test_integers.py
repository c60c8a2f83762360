"""Wherever an int is wanted, an integer of NumPy's gives the same result, and True is not taken for 1."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from strategies import leaf

import tinygrad_mlp as tg
from tinygrad_mlp import nn, optim
from tinygrad_mlp.experiment.arguments import whole_number
from tinygrad_mlp.utils.data import DataLoader

X = tg.tensor(np.arange(6.0).reshape(2, 3))

# Calls with an integer 1.
REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "mean": X.mean,
    "var": X.var,
    "std": X.std,
    "prod": X.prod,
    "norm": lambda n: X.norm(dim=n),
    "np.mean": lambda n: np.mean(X, axis=n),
    "np.linalg.norm": lambda n: np.linalg.norm(X, ord=3, axis=n),
    "cumsum": X.cumsum,
    "roll": lambda n: X.roll(n, n),
    "flatten": X.flatten,
}
COUNTS: dict[str, Callable[[Any], Any]] = {
    "StepLR": lambda n: optim.lr_scheduler.StepLR(optim.SGD([leaf(1.0)]), n).step_size,
    "CosineAnnealingLR": lambda n: optim.lr_scheduler.CosineAnnealingLR(optim.SGD([leaf(1.0)]), n).T_max,
    "Linear": lambda n: nn.Linear(n, n).in_features,
    "BatchNorm1d": lambda n: nn.BatchNorm1d(n).num_features,
    "LayerNorm": lambda n: nn.LayerNorm(n).normalized_shape[0],
    "DataLoader": lambda n: DataLoader(X, n).batch_size,
    "LBFGS": lambda n: len([optim.LBFGS([leaf(1.0)], max_iter=n, max_eval=n, history_size=n)]),
    "capture": lambda n: tg.capture(lambda x: x, check=n).check,
}


@pytest.mark.parametrize("integer", [np.int64, np.int8, np.uint16])
@pytest.mark.parametrize("name", REDUCTIONS)
def test_dimensions_may_be_integers_of_numpy(name: str, integer: Any) -> None:
    np.testing.assert_array_equal(REDUCTIONS[name](integer(1)), REDUCTIONS[name](1))


@pytest.mark.parametrize("integer", [np.int64, np.int8, np.uint16])
@pytest.mark.parametrize("name", COUNTS)
def test_counts_may_be_integers_of_numpy_and_become_ints(name: str, integer: Any) -> None:
    count = COUNTS[name](integer(1))
    assert count == 1
    assert type(count) is int


def test_a_dim_may_be_a_tensor_without_dimensions() -> None:
    x, one = tg.zeros(3, 1), tg.tensor(1)
    assert x.squeeze(one).shape == (3,)  # type: ignore[arg-type]
    assert x.sum(one).shape == (3,)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["tril", "triu"])
def test_a_diagonal_is_counted_by_an_integer_of_any_dtype(method: str) -> None:
    x = tg.ones(3, 3)
    np.testing.assert_array_equal(getattr(x, method)(np.uint8(1)), getattr(x, method)(1))


@pytest.mark.parametrize("dims", [(), []])
def test_without_dims_entries_roll_along_the_flattened_tensor(dims: Any) -> None:
    x = tg.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(x.roll(1, dims), [[5, 0, 1], [2, 3, 4]])
    np.testing.assert_array_equal(tg.roll(x, (1,), dims), [[5, 0, 1], [2, 3, 4]])


@pytest.mark.parametrize("bad", [True, np.True_, 0, -1, 1.5, "1", None])
@pytest.mark.parametrize("name", COUNTS)
def test_counts_are_positive_integers(name: str, bad: Any) -> None:
    if bad is None and name in ("capture", "LBFGS", "DataLoader"):
        pytest.skip("None is a value of its own here")
    with pytest.raises(ValueError, match="positive"):
        COUNTS[name](bad)


def test_a_cosine_may_end_after_a_whole_float() -> None:
    assert COUNTS["CosineAnnealingLR"](10.0) == 10


def test_true_is_no_whole_number() -> None:
    assert whole_number("n_save", np.int64(3), least=1) == 3
    with pytest.raises(TypeError, match="n_save is an integer, not True"):
        whole_number("n_save", True, least=1)
