"""Images and labels made ready for a network: flattened, shuffled, split, standardised and one-hot encoded.

The mean and the deviation of each column are computed from the training part alone, because the validation part stands
for data that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..tensors.arguments import array_of, floating_dtype, validated_dtype
from ..tensors.foreign import refuse_subclasses
from ..utils.data.dataset import whole_samples

__all__ = ["Preprocessed", "Standardizer", "one_hot", "preprocess"]


def one_hot(labels: ArrayLike, classes: int | None = None, *, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """A matrix with a row for each label: 1 in the column of the label, and 0 elsewhere.

    Args:
        labels: whole numbers from 0, shape (n,).
        classes: the number of columns; None for one more than the largest label.
        dtype: the dtype of the result.

    Returns:
        An array of shape (n, classes).

    Raises:
        ValueError: there are no labels, they do not have one dimension and an integer dtype, or one of them is negative
            or not below `classes`.
        TypeError: the labels are masked.

    >>> from tinygrad_mlp.datasets import one_hot
    >>> one_hot([2, 0, 1])
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    labels = _validated_labels(labels)
    largest = int(labels.max())
    if classes is None:
        classes = largest + 1
    elif largest >= classes:
        raise ValueError(f"label {largest} does not fit {classes} classes, which are 0 to {classes - 1}")
    encoded = np.zeros((len(labels), classes), validated_dtype(dtype))
    encoded[np.arange(len(labels)), labels] = 1
    return encoded


class Standardizer:
    """Shifts and scales each column, so that the data it is fitted on has mean 0 and standard deviation 1.

    A column that is constant in that data becomes 0, also in new data, because a network can learn nothing from it. The
    standard deviation is that of the population (divided by n).

    Attributes:
        mean: the mean of each column, float64 of shape (p,); `fit` sets it.
        deviation: the standard deviation of each column, float64 of shape (p,), 0 where a column is constant; `fit`
            sets it.

    >>> from tinygrad_mlp.datasets import Standardizer
    >>> standardizer = Standardizer().fit([[1, 5], [3, 5]])
    >>> standardizer.mean, standardizer.deviation
    (array([2., 5.]), array([1., 0.]))
    >>> standardizer.transform([[5, 7]])
    array([[3., 0.]])
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    def fit(self, x: ArrayLike) -> Self:
        """Compute the mean and the deviation of the columns of `x`, shape (n, p).

        Raises:
            ValueError: `x` is empty, not finite, or no matrix.
            TypeError: `x` is masked, or not of float32, float64, integers or booleans.
        """
        x = _validated_matrix(x)
        if not x.size:
            raise ValueError(f"cannot standardise an empty matrix, of shape {x.shape}")
        mean = x.mean(axis=0, dtype=np.float64)
        squares = sum(((x[rows] - mean) ** 2).sum(axis=0) for rows in _blocks(len(x)))
        # Rounding gives a constant column of 0.1 a deviation of 1e-17, and dividing by that would make it ±1.
        deviation = np.where(x.min(axis=0) == x.max(axis=0), 0.0, np.sqrt(squares / len(x)))
        self.mean, self.deviation = mean, deviation
        return self

    def transform(self, x: ArrayLike, dtype: DTypeLike = np.float64) -> NDArray[Any]:
        """(x − mean) / deviation for each column, an array of shape (n, p); 0 where the deviation is 0.

        Raises:
            RuntimeError: `fit` has not been called.
            ValueError: `x` has another number of columns, is not finite, or is not a matrix.
            TypeError: `x` is masked, or not of float32, float64, integers or booleans; `dtype` is not floating.
        """
        if not hasattr(self, "mean"):
            raise RuntimeError("this Standardizer knows no mean and deviation yet; call fit(x) first")
        x, dtype = _validated_matrix(x), floating_dtype(dtype)
        if x.shape[1] != len(self.mean):
            raise ValueError(f"x has {x.shape[1]} columns; this Standardizer was fitted on {len(self.mean)}")
        divisor = np.where(self.deviation > 0, self.deviation, np.inf)
        result = np.empty(x.shape, dtype)
        for rows in _blocks(len(x)):
            result[rows] = (x[rows] - self.mean) / divisor
        return result


class Preprocessed(NamedTuple):
    """What `preprocess` returns: the two parts of the data, and what is needed to trace them back.

    Row i of `validation_x` is made of ``images[validation_index[i]]``; the same holds for `train_x`.
    """

    train_x: NDArray[Any]
    train_y: NDArray[Any]
    validation_x: NDArray[Any]
    validation_y: NDArray[Any]
    standardizer: Standardizer
    train_index: NDArray[np.int64]
    validation_index: NDArray[np.int64]


def preprocess(
    images: ArrayLike,
    labels: ArrayLike,
    *,
    validation: float = 0.1,
    generator: np.random.Generator | int,
    dtype: DTypeLike = np.float32,
) -> Preprocessed:
    """Flatten and shuffle the images, set some aside for validation, standardise columns and encode labels as one-hot.

    Args:
        images: n samples of any shape, (n, …), such as (n, 28, 28).
        labels: whole numbers from 0, shape (n,).
        validation: the fraction to set aside, from 0 to below 1. The training part is the rest, rounded down to whole
            samples (``9 * n // 10`` for 0.1).
        generator: decides the order; an int is the seed of a new generator.
        dtype: the dtype of `train_x`, `train_y`, `validation_x` and `validation_y`.

    Raises:
        ValueError: images or labels are empty, differ in length, or are not finite numbers; `one_hot` refuses the
            labels; `validation` is no fraction below 1, or leaves nothing to train on.
        TypeError: images or labels are masked, or images are not of float32, float64, integers or booleans.

    >>> import numpy as np
    >>> from tinygrad_mlp.datasets import preprocess
    >>> data = preprocess(np.arange(20).reshape(10, 2), [0, 1] * 5, generator=0)
    >>> data.train_x.shape, data.validation_y.shape
    ((9, 2), (1, 2))
    """
    images, labels = array_of(images), _validated_labels(labels)
    if images.ndim < 2 or not images.size:
        raise ValueError(f"images of shape {images.shape}; expected one sample in each row, (n, …)")
    if len(images) != len(labels):
        raise ValueError(f"{len(images):,} images, but {len(labels):,} labels; expected a label for each")
    if not 0 <= validation < 1:
        raise ValueError(f"validation={validation}; expected the part to set aside, such as 0.1 for a tenth")
    x = _validated_matrix(images.reshape(len(images), -1))
    n_train = whole_samples(len(x), 1 - validation)
    if not n_train:
        raise ValueError(f"validation={validation} of {len(x)} images leaves none to train on")

    y = one_hot(labels, dtype=dtype)
    order = np.random.default_rng(generator).permutation(len(x))
    train_index, validation_index = order[:n_train], order[n_train:]
    train_x = x[train_index]
    standardizer = Standardizer().fit(train_x)
    return Preprocessed(
        train_x=standardizer.transform(train_x, dtype),
        train_y=y[train_index],
        validation_x=standardizer.transform(x[validation_index], dtype),
        validation_y=y[validation_index],
        standardizer=standardizer,
        train_index=train_index,
        validation_index=validation_index,
    )


def _blocks(rows: int) -> Iterator[slice]:
    """Slices of 1,024 rows: computing on all 60,000 × 784 bytes at once would make 376 MB of float64 of them."""
    return (slice(start, start + 1024) for start in range(0, rows, 1024))


def _validated_matrix(x: ArrayLike) -> NDArray[Any]:
    """`x` as an array. Raises ValueError unless it is a matrix of finite numbers, and TypeError as `array_of` does."""
    x = array_of(x)
    if x.ndim != 2:
        raise ValueError(f"expected a matrix (n, p), one sample in each row, given shape {x.shape}")
    if x.dtype.kind == "f":
        bad = np.argwhere(~np.isfinite(x))
        if len(bad):
            row, column = bad[0].tolist()
            raise ValueError(
                f"{len(bad):,} values are NaN or infinite, the first in row {row}, column {column}; "
                f"drop or replace them first"
            )
    return x


def _validated_labels(labels: ArrayLike) -> NDArray[Any]:
    """`labels` as an array. Raises ValueError unless it holds one whole number from 0 for each sample.

    Raises TypeError if they are masked.
    """
    refuse_subclasses(labels)
    labels = np.asarray(labels)
    if labels.ndim != 1:
        raise ValueError(f"labels of shape {labels.shape}; expected one whole number for each sample, (n,)")
    if not len(labels):
        raise ValueError("no labels; expected at least one sample")
    if labels.dtype.kind not in "iu":
        raise ValueError(f"labels of dtype {labels.dtype}; expected whole numbers: write labels.astype(int)")
    if labels.min() < 0:
        raise ValueError(f"label {labels.min()} is negative; classes are numbered from 0")
    return labels
