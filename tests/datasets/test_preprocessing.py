"""Preprocessing keeps images with their labels, learns from the training part alone, and refuses what does not fit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from tinygrad_mlp.datasets import Standardizer, one_hot, preprocess

# Eighths are exact in floating point, so that rounding cannot make a constant column vary.
eighths = st.integers(-8000, 8000).map(lambda k: k / 8)
matrices = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=eighths)
samples = arrays(np.uint8, st.tuples(st.integers(2, 40), st.just(2), st.just(3)))


@given(matrices)
def test_standardized_columns_have_mean_0_and_deviation_1(x: NDArray[np.float64]) -> None:
    original = x.copy()
    standardizer = Standardizer().fit(x)
    z = standardizer.transform(x)
    varies = (x != x[0]).any(axis=0)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(z.std(axis=0), varies.astype(float), atol=1e-9)
    assert (z[:, ~varies] == 0).all()
    assert (standardizer.transform(x + 1)[:, ~varies] == 0).all()
    np.testing.assert_allclose(z * standardizer.deviation + standardizer.mean, x, atol=1e-9)
    np.testing.assert_array_equal(x, original)


def test_large_arrays_are_standardized_in_blocks() -> None:
    x = np.random.default_rng(0).integers(0, 256, (3000, 3), np.uint8)
    standardizer = Standardizer().fit(x)
    np.testing.assert_allclose(standardizer.mean, x.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(standardizer.deviation, x.std(axis=0), rtol=1e-12)
    np.testing.assert_allclose(standardizer.transform(x), (x - x.mean(axis=0)) / x.std(axis=0), rtol=1e-9)
    assert standardizer.transform(x, np.float32).dtype == np.float32


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-300])
def test_a_constant_column_becomes_exactly_zero(value: float) -> None:
    x = np.full((1001, 1), value)
    standardizer = Standardizer().fit(x)
    assert standardizer.deviation == 0
    assert (standardizer.transform(x) == 0).all()
    assert standardizer.transform([[200.0]]) == 0


def test_the_standardizer_refuses_bad_data_and_keeps_its_fit() -> None:
    standardizer = Standardizer()
    with pytest.raises(RuntimeError, match="call fit"):
        standardizer.transform([[1.0]])
    standardizer.fit([[1.0, 2.0], [3.0, 5.0]])
    kept = standardizer.mean, standardizer.deviation
    refused: list[tuple[Any, str]] = [
        (np.zeros((0, 2)), r"empty matrix, of shape \(0, 2\)"),
        ([1.0, 2.0], r"expected a matrix \(n, p\).*shape \(2,\)"),
        ([[1.0, np.nan], [np.inf, 0.0]], "2 values are NaN or infinite, the first in row 0, column 1"),
    ]
    for bad, message in refused:
        with pytest.raises(ValueError, match=message):
            standardizer.fit(bad)
    assert (standardizer.mean, standardizer.deviation) == kept
    with pytest.raises(ValueError, match="x has 3 columns; this Standardizer was fitted on 2"):
        standardizer.transform(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="1 values are NaN"):
        standardizer.transform([[0.0, np.nan]])


@given(arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 12)), st.integers(0, 3))
def test_one_hot_marks_the_class_of_each_row(labels: NDArray[np.int64], more: int) -> None:
    classes = int(labels.max()) + 1
    encoded = one_hot(labels, classes + more)
    assert encoded.shape == (len(labels), classes + more)
    assert ((encoded == 0) | (encoded == 1)).all()
    np.testing.assert_array_equal(encoded.sum(axis=1), 1)
    np.testing.assert_array_equal(encoded.argmax(axis=1), labels)
    np.testing.assert_array_equal(one_hot(labels), encoded[:, :classes])
    assert one_hot(labels, dtype=np.float32).dtype == np.float32


BAD_LABELS: list[tuple[Any, str]] = [
    ([], "no labels"),
    ([[0, 1]], r"shape \(1, 2\); expected one whole number for each"),
    ([0.0, 1.5], r"dtype float64; .*write labels.astype\(int\)"),
    ([0, -2, 1], "label -2 is negative"),
    (["a", "b"], "dtype <U1"),
]


@pytest.mark.parametrize(("labels", "message"), BAD_LABELS)
def test_one_hot_refuses_bad_labels(labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        one_hot(labels)


def test_one_hot_refuses_too_few_classes() -> None:
    with pytest.raises(ValueError, match="label 3 does not fit 3 classes, which are 0 to 2"):
        one_hot([0, 3], 3)


@given(samples, st.integers(0, 99), st.data())
def test_preprocess_keeps_images_with_their_labels(images: NDArray[np.uint8], seed: int, data: st.DataObject) -> None:
    n = len(images)
    labels = data.draw(arrays(np.uint8, n, elements=st.integers(0, 9)))
    done = preprocess(images, labels, generator=seed)
    assert (len(done.train_x), len(done.validation_x)) == (9 * n // 10, n - 9 * n // 10)
    np.testing.assert_array_equal(np.sort(np.r_[done.train_index, done.validation_index]), np.arange(n))
    for x, y, index in (
        (done.train_x, done.train_y, done.train_index),
        (done.validation_x, done.validation_y, done.validation_index),
    ):
        assert x.dtype == y.dtype == np.float32
        raw = images[index].reshape(-1, 6)
        np.testing.assert_array_equal(x, done.standardizer.transform(raw, np.float32))
        np.testing.assert_array_equal(y, one_hot(labels)[index])
    alone = Standardizer().fit(images[done.train_index].reshape(-1, 6))
    np.testing.assert_array_equal(done.standardizer.mean, alone.mean)
    np.testing.assert_array_equal(done.standardizer.deviation, alone.deviation)


@given(samples, st.integers(0, 99))
def test_the_validation_part_does_not_influence_the_training_part(images: NDArray[np.uint8], seed: int) -> None:
    labels = np.zeros(len(images), int)
    before = preprocess(images, labels, generator=seed)
    changed = images.copy()
    changed[before.validation_index] = 255 - changed[before.validation_index]
    after = preprocess(changed, labels, generator=seed)
    np.testing.assert_array_equal(after.train_x, before.train_x)


def test_preprocess_is_reproducible_and_shuffles() -> None:
    x, y = np.arange(400).reshape(200, 2), np.arange(200) % 3
    by_seed = preprocess(x, y, generator=3)
    by_generator = preprocess(x, y, generator=np.random.default_rng(3))
    np.testing.assert_array_equal(by_seed.train_index, by_generator.train_index)
    other = preprocess(x, y, generator=4)
    assert (by_seed.train_index != other.train_index).any()
    assert (np.sort(by_seed.train_index) != by_seed.train_index).any()
    assert preprocess(x, y, generator=3, dtype=np.float64).train_x.dtype == np.float64


@pytest.mark.parametrize(("n", "validation", "n_train"), [(90, 0.3, 63), (10, 0.1, 9), (7, 0, 7), (3, 1 / 3, 2)])
def test_the_sizes_of_the_two_parts_are_exact(n: int, validation: float, n_train: int) -> None:
    done = preprocess(np.arange(n)[:, None], np.zeros(n, int), validation=validation, generator=0)
    assert (len(done.train_x), len(done.validation_x)) == (n_train, n - n_train)
    assert (len(done.train_y), len(done.validation_y)) == (n_train, n - n_train)


X, Y = np.zeros((20, 4)), np.zeros(20, int)
BAD_DATA: list[tuple[Any, Any, float, str]] = [
    *((X[: len(labels)], labels, 0.1, message) for labels, message in BAD_LABELS),
    (X, Y[:-1], 0.1, "20 images, but 19 labels"),
    (Y, Y, 0.1, r"shape \(20,\); expected one sample in each row"),
    (
        np.where(np.eye(20, 4), np.nan, 1),
        Y,
        0.1,
        "4 values are NaN or infinite, the first in row 0, column 0",
    ),
    (X[:, :0], Y, 0.1, r"shape \(20, 0\); expected one sample in each row"),
    (X, Y, 1.0, "validation=1.0; expected the part to set aside"),
    (X, Y, -0.1, "validation=-0.1; expected"),
    (X, Y, float("nan"), "validation=nan; expected"),
    (X[:1], Y[:1], 0.1, "validation=0.1 of 1 images leaves none to train on"),
]


@pytest.mark.parametrize(("images", "labels", "validation", "message"), BAD_DATA)
def test_preprocess_refuses_bad_data_before_it_draws(images: Any, labels: Any, validation: float, message: str) -> None:
    generator = np.random.default_rng(0)
    state = generator.bit_generator.state
    with pytest.raises(ValueError, match=message):
        preprocess(images, labels, validation=validation, generator=generator)
    assert generator.bit_generator.state == state
