"""Datasets, and the loader that makes batches of their samples, under PyTorch's names.

Arrays, Tensors, a `TensorDataset` and a `Subset` of these are indexed once for a whole batch. Of an array on disk
(`numpy.memmap`) only the rows of the batch are read. Other datasets are asked for one sample after the other.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..tensors.arguments import array_of, positive_integer, validate_array
from ..tensors.foreign import refuse_subclasses
from ..tensors.random import AnyGenerator, numbers_from
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor

__all__ = ["DataLoader", "Dataset", "Subset", "TensorDataset", "default_collate", "random_split"]

T_co = TypeVar("T_co", covariant=True)
Indices = slice | NDArray[Any]


class Dataset(Generic[T_co]):
    """The base class of datasets: a subclass has ``__getitem__(index)``, which returns a sample, and ``__len__()``."""

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__(self, index): write one")


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors or arrays of one length: sample i is the tuple of their i-th rows, as Tensors.

    Rows are copied when they are taken, so that the arrays may lie on disk.

    Raises:
        ValueError: there are no Tensors, or they differ in length.
        TypeError: one of them is neither a Tensor nor an array, or is an array that no Tensor can hold.

    >>> import numpy as np
    >>> from tinygrad_mlp.utils.data import TensorDataset
    >>> dataset = TensorDataset(np.arange(6).reshape(3, 2), np.arange(3))
    >>> dataset[[0, 2]]
    (tensor([[0, 1],
             [4, 5]]), tensor([0, 2]))
    """

    def __init__(self, *tensors: Tensor | NDArray[Any]) -> None:
        for tensor in tensors:
            if not isinstance(tensor, Tensor | np.ndarray):
                raise TypeError(
                    f"a TensorDataset is of Tensors and arrays, as in TensorDataset(x, y), not {shown(tensor)}"
                )
            if isinstance(tensor, np.ndarray):
                validate_array(tensor)
        shapes = [tensor.shape for tensor in tensors]
        if not shapes or any(not shape or shape[0] != shapes[0][0] for shape in shapes):
            raise ValueError(f"a TensorDataset is of one or more Tensors of the same length, not of shapes {shapes}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(_taken(tensor, index) for tensor in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset[Any]):
    """The samples of `dataset` at `indices`.

    Raises:
        TypeError: the indices are not integers. Of a mask, ``numpy.flatnonzero(mask)`` gives the indices.
        IndexError: an index is beyond the end of the dataset.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | NDArray[Any]) -> None:
        if not isinstance(indices, Iterable):
            raise TypeError(f"indices are integers in a list, not {shown(indices)}: write Subset(dataset, range(n))")
        self.dataset = dataset
        self.indices = _integers(indices)
        if len(self.indices) and not -len(dataset) <= self.indices.min() <= self.indices.max() < len(dataset):
            raise IndexError(
                f"indices span {self.indices.min()} … {self.indices.max()}, but the dataset has {len(dataset)} samples"
            )

    def __getitem__(self, index: Any) -> Any:
        chosen = self.indices[index]
        return self.dataset[chosen if chosen.ndim else int(chosen)]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Any, lengths: Sequence[float], generator: AnyGenerator | None = None) -> list[Subset]:
    """Split `dataset` at random into subsets of the given `lengths`.

    Lengths may be fractions that add up to 1. They are rounded down to whole samples, and the samples that are left go
    to the first subsets, one to each. A product that is whole except for rounding errors, as in 0.29 · 100, is whole.

    Raises:
        TypeError: the lengths are not in a list.
        ValueError: a length is negative, or the lengths add up neither to that of the dataset nor, as fractions, to 1.
    """
    if not isinstance(lengths, Iterable):
        raise TypeError(f"lengths are a list with the length of each part, such as [0.8, 0.2], not {shown(lengths)}")
    number, lengths = len(dataset), list(lengths)
    if any(isinstance(length, float) for length in lengths):
        if not math.isclose(sum(lengths), 1) or min(lengths) < 0:
            raise ValueError(f"fractions are ≥ 0 and add up to 1, unlike {lengths}")
        sizes = [whole_samples(number, fraction) for fraction in lengths]
        left = number - sum(sizes)
        sizes = [size + left // len(sizes) + (i < left % len(sizes)) for i, size in enumerate(sizes)]
    else:
        sizes = [int(length) for length in lengths]
        if sum(sizes) != number or any(size < 0 for size in sizes):
            raise ValueError(f"lengths are ≥ 0 and add up to the {number} samples of the dataset, unlike {sizes}")
    order = numbers_from(generator).permutation(number)
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(sizes)[:-1])]


def whole_samples(number: int, fraction: float) -> int:
    """The whole samples in a `fraction` of `number` samples.

    The product is rounded before it is cut off, because 100 · 0.29 is a little below 29 in binary.
    """
    return math.floor(round(number * fraction, 6))


class DataLoader:
    """Batches of a dataset: a ``for`` loop over the loader goes through the dataset once.

    Args:
        dataset: an array or a Tensor, whose rows are the samples; a `TensorDataset`; a `Subset`; or anything with
            ``__getitem__(index)`` and ``__len__()``.
        batch_size: the number of samples in a batch.
        shuffle: whether each loop draws a new order.
        sampler: the indices of the samples in their order, instead of `shuffle`.
        batch_sampler: a list of indices for each batch, instead of `batch_size`, `shuffle`, `sampler` and `drop_last`.
        num_workers, pin_memory: accepted for PyTorch's sake; they change nothing here.
        collate_fn: makes a batch of a list of samples; by default `default_collate`.
        drop_last: leave out the last batch if it is smaller than the others.
        generator: draws the orders.

    Raises:
        ValueError: `batch_size` is not a positive integer, or two options exclude each other.
        TypeError: `dataset` is not one, `collate_fn` is not a function, or a sampler is an iterator, which would be
            empty in the second loop.

    >>> import numpy as np
    >>> from tinygrad_mlp.utils.data import DataLoader
    >>> loader = DataLoader(np.arange(5), batch_size=2)
    >>> [batch.tolist() for batch in loader], len(loader)
    ([[0, 1], [2, 3], [4]], 3)
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        *,
        generator: AnyGenerator | None = None,
    ) -> None:
        if isinstance(dataset, type) or not hasattr(dataset, "__getitem__"):
            raise TypeError(
                f"a dataset is an array, a Tensor, a TensorDataset or what has __getitem__, not {shown(dataset)}"
            )
        if getattr(batch_size, "shape", ()):  # labels
            raise ValueError(
                f"batch_size is a positive integer, not {shown(batch_size)}: "
                "write DataLoader(TensorDataset(x, y), batch_size)"
            )
        if collate_fn is not None and not callable(collate_fn):
            raise TypeError(f"collate_fn is a function of a list of samples, not {shown(collate_fn)}")
        batch_size = positive_integer(batch_size, "batch_size is a positive integer")
        if sampler is not None and shuffle:
            raise ValueError("a sampler says in which order to go: give it, or shuffle=True, not both")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("a batch_sampler says it all: leave out batch_size, shuffle, sampler and drop_last")
        _validate_repeatable("sampler", sampler)
        _validate_repeatable("batch_sampler", batch_sampler)
        for batch in batch_sampler if isinstance(batch_sampler, Sequence) else ():
            _validate_repeatable("a batch of batch_sampler", batch)
        if isinstance(dataset, np.ndarray):
            validate_array(dataset)
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = bool(shuffle)
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.generator = generator

    def _batches(self) -> Iterator[Indices]:
        """The indices of each batch: a slice or an array."""
        size = self.batch_size
        if self.batch_sampler is not None:
            yield from map(_integers, self.batch_sampler)
        elif self.sampler is not None:
            indices = iter(self.sampler)
            # A batch has at least one sample, or, with `drop_last`, at least `size`.
            while len(batch := _integers(islice(indices, size))) > self.drop_last * (size - 1):
                yield batch
        else:
            number = len(self.dataset)
            order = numbers_from(self.generator).permutation(number) if self.shuffle else None
            for start in range(0, number - self.drop_last * (size - 1), size):
                rows = slice(start, min(start + size, number))
                yield rows if order is None else order[rows]

    def __iter__(self) -> Iterator[Any]:
        return (_batch(self.dataset, indices, self.collate_fn) for indices in self._batches())

    def __len__(self) -> int:
        """The number of batches."""
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        number = len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]
        return number // self.batch_size if self.drop_last else -(-number // self.batch_size)


def _integers(indices: Iterable[Any]) -> NDArray[np.intp]:
    """The indices as an array of integers. Raises TypeError if one is no integer, or is True, False or masked."""
    refuse_subclasses(indices)
    indices = list(indices)
    if not {bool, np.bool}.isdisjoint(map(type, indices)):  # True would be taken for 1, and False for 0
        raise TypeError("indices are integers, not booleans: for a mask, write numpy.flatnonzero(mask)")
    return np.fromiter(map(operator.index, indices), np.intp)


def _validate_repeatable(name: str, indices: Any) -> None:
    """Raise TypeError if `indices` can be gone through only once, or are masked."""
    refuse_subclasses(indices)
    if isinstance(indices, Iterator):
        raise TypeError(
            f"{name} is a {type(indices).__name__}, which is empty after the first loop: write list(...) around it, "
            "or pass an object whose __iter__() returns a new iterator"
        )


def _batch(dataset: Any, indices: Indices, collate: Callable[[list[Any]], Any] | None) -> Any:
    """A batch of the samples of `dataset` at `indices`, which are taken at once where that is possible."""
    if collate is None or collate is default_collate:
        if isinstance(dataset, Tensor | np.ndarray):
            return _taken(dataset, indices)
        # A subclass with a `__getitem__` of its own may expect single indices.
        item = getattr(type(dataset), "__getitem__", None)
        if item is TensorDataset.__getitem__:
            return list(dataset[indices])
        if item is Subset.__getitem__:
            return _batch(dataset.dataset, dataset.indices[indices], collate)
    numbers = range(*indices.indices(len(dataset))) if isinstance(indices, slice) else indices.tolist()
    return (collate or default_collate)([dataset[i] for i in numbers])


def _taken(rows: Tensor | NDArray[Any], index: Any) -> Tensor:
    """The rows at `index` as a Tensor in memory of its own."""
    taken = rows[index]
    if not isinstance(taken, Tensor):
        return Tensor(taken)
    return taken if isinstance(index, np.ndarray | list) else taken.clone()  # a number or a slice has made a view


def default_collate(samples: Sequence[Any]) -> Any:
    """A batch of samples.

    Tensors, arrays and numbers are stacked into one Tensor, and texts are put into a list. Of samples that are tuples,
    lists or dicts, each entry is made a batch of its own.

    Raises:
        TypeError: samples are of another type, for which the loader needs a `collate_fn`.
    """
    first = samples[0]
    if isinstance(first, Tensor):
        return np.stack(samples)
    if isinstance(first, np.ndarray | np.generic | int | float):
        return Tensor(np.stack(list(map(array_of, samples))) if hasattr(first, "dtype") else list(samples))
    if isinstance(first, str | bytes):
        return list(samples)
    if isinstance(first, Mapping):
        return {name: default_collate([sample[name] for sample in samples]) for name in first}
    if isinstance(first, Sequence):
        columns = [default_collate(column) for column in zip(*samples, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    raise TypeError(f"samples of {type(first).__name__} cannot be made a batch: pass a collate_fn that can")
