"""NumPy's functions take Tensors and are recorded; a function without a row in the sheet is refused by name."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from strategies import leaf

import tinygrad_mlp as tg

X = np.array([[1.5, -2.5, 0.5], [3.5, -0.5, 3.5]])


NUMPY_CALLS: list[Callable[[Any], Any]] = [
    np.exp, expit, np.square, np.abs, np.sum, np.transpose, np.linalg.norm, np.add.reduce, np.minimum.reduce, np.ravel,
    lambda x: np.add.reduce(x, 1), lambda x: np.add.reduce(x, axis=None), lambda x: np.maximum.reduce(x, axis=1),
    lambda x: np.sum(x, 0), lambda x: np.sum(x, axis=-1, keepdims=True), lambda x: np.max(x, 1),
    lambda x: np.mean(x, (0, 1)), lambda x: np.var(x, ddof=1), lambda x: np.clip(x, 0, 1), lambda x: np.flip(x, 0),
    lambda x: np.reshape(x, (3, 2)), lambda x: np.reshape(x, -1), lambda x: np.where(X > 0, x, 0),
    lambda x: np.concatenate([x, X]), lambda x: np.concatenate((x, x), axis=1), lambda x: np.matmul(x, X.T),
    lambda x: np.concatenate([x, X], axis=None), lambda x: np.stack([x, X], axis=1), lambda x: np.dot(x, X.T),
]  # fmt: skip


def test_numpy_functions_take_tensors() -> None:
    for call in NUMPY_CALLS:
        result = call(leaf(X))
        assert type(result) is tg.Tensor
        assert result.requires_grad
        np.testing.assert_allclose(result.detach(), call(X), rtol=1e-14)
    assert (np.shape(leaf(X)), np.ndim(leaf(X)), np.size(leaf(X))) == ((2, 3), 2, 6)


def test_a_function_without_a_row_is_refused_by_name() -> None:
    x = leaf(X)
    for function, name in [(np.sinc, "sinc"), (np.spacing, "spacing"), (np.fft.fft, "fft"), (np.median, "median")]:
        with pytest.raises(
            TypeError, match=rf"{name} has no derivative here: .*add_row\({name}, rule\).*\.detach\(\)"
        ) as error:
            function(x)
        assert error.value.__suppress_context__  # so that the traceback begins with this error
    for call in (lambda: np.add.accumulate(x), lambda: np.multiply.outer(x, x), lambda: np.add.at(x, 0, 1)):
        with pytest.raises(TypeError, match=r"numpy\.\w+\.\w+ is not defined for Tensors"):
            call()


def test_results_cannot_be_written_into_arrays() -> None:
    x, array = leaf(X), X.copy()
    with pytest.raises(TypeError, match="out="):
        np.exp(x, out=array)
    with pytest.raises(TypeError, match="out="):
        np.sum(x, out=array)
    with pytest.raises(TypeError, match="out="):
        array += x
    with pytest.raises(TypeError, match="out="):
        np.add(array, 1, out=x)
    np.testing.assert_array_equal(array, X)


UNKNOWN_OPTIONS: list[Callable[[Any], Any]] = [
    lambda x: np.exp(x, where=X > 0),
    lambda x: np.add(x, 1, dtype=np.float32),
    lambda x: np.matmul(x, X.T, dtype=np.float32),
    lambda x: np.sum(x, initial=3),
    lambda x: np.sum(x, where=X > 0),
    lambda x: np.sum(a=x),
    lambda x: np.max(x, initial=9),
    lambda x: np.mean(x, dtype=np.float32),
    lambda x: np.var(x, where=X > 0),
    lambda x: np.argmax(a=x),
    lambda x: np.reshape(x, (3, 2), order="F"),
    lambda x: np.concatenate([x, x], dtype=np.float32),
]


@pytest.mark.parametrize("call", UNKNOWN_OPTIONS)
def test_unknown_options_are_refused(call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        call(leaf(X))


def test_dot_equals_numpys_or_is_refused() -> None:
    stack = np.arange(24.0).reshape(2, 3, 4)
    for left, right in [(2.0, X), (X, 2.0), (stack, X[0, :1].repeat(4)), (stack, stack.transpose(0, 2, 1))]:
        for one, other in [(leaf(np.asarray(left)), right), (left, leaf(np.asarray(right)))]:
            try:
                answer = np.dot(one, other)
            except (TypeError, ValueError):
                continue
            np.testing.assert_array_equal(answer.detach(), np.dot(left, right))


def test_where_with_a_condition_alone_equals_numpys_or_is_refused() -> None:
    try:
        answer = np.where(tg.tensor(X) > 0)
    except TypeError:
        return
    np.testing.assert_array_equal(answer, np.where(X > 0))
