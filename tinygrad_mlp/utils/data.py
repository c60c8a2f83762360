"""Datasets and the loader that draws batches of them, under PyTorch's names.

What can be indexed with many numbers at once (arrays, Tensors, a TensorDataset, a Subset of these) is: a batch is one
indexing operation, not a collected loop, and of an array on disk (`numpy.memmap`) only the rows of the batch are read.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..tensors.random import AnyGenerator, numbers_from
from ..tensors.tensor import Tensor

__all__ = ["DataLoader", "Dataset", "Subset", "TensorDataset", "default_collate", "random_split"]

T_co = TypeVar("T_co", covariant=True)
Indices = slice | NDArray[Any]


class Dataset(Generic[T_co]):
    """The base of datasets: subclasses write ``__getitem__(index)``, one sample, and ``__len__()``."""

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__(self, index): write one")


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors, or arrays, of one length: sample i is the tuple of their i-th rows.

    Arrays are not copied until rows are taken out of them, so they may lie on disk; what comes out are Tensors.

    Raises:
        ValueError: there are none, or they differ in length.
        TypeError: one is neither Tensor nor array.

    >>> dataset = TensorDataset(np.arange(6).reshape(3, 2), np.arange(3))
    >>> dataset[[0, 2]]
    (tensor([[0, 1],
             [4, 5]]), tensor([0, 2]))
    """

    def __init__(self, *tensors: Tensor | NDArray[Any]) -> None:
        for tensor in tensors:
            if not isinstance(tensor, Tensor | np.ndarray):
                raise TypeError(f"a TensorDataset is of Tensors and arrays, not {type(tensor).__name__}")
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
        TypeError: the indices are not integers.
        IndexError: one is beyond the end of the dataset.
    """

    def __init__(self, dataset: Any, indices: Sequence[int] | NDArray[Any]) -> None:
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
    """Subsets of `dataset` of the given `lengths`, drawn without replacement, that make up all of it.

    Fractions that add up to 1 are rounded down to numbers of samples; what is left goes one by one to the first.

    Raises:
        ValueError: a length is negative, or they do not add up to the dataset, or to 1.
    """
    number = len(dataset)
    if any(isinstance(length, float) for length in lengths):
        if not math.isclose(sum(lengths), 1) or min(lengths) < 0:
            raise ValueError(f"fractions are ≥ 0 and add up to 1, unlike {list(lengths)}")
        sizes = [math.floor(number * fraction) for fraction in lengths]
        left = number - sum(sizes)
        sizes = [size + left // len(sizes) + (i < left % len(sizes)) for i, size in enumerate(sizes)]
    else:
        sizes = [int(length) for length in lengths]
        if sum(sizes) != number or any(size < 0 for size in sizes):
            raise ValueError(f"lengths are ≥ 0 and add up to the {number} samples of the dataset, unlike {sizes}")
    order = numbers_from(generator).permutation(number)
    return [Subset(dataset, part) for part in np.split(order, np.cumsum(sizes)[:-1])]


class DataLoader:
    """Batches of a dataset: each iteration goes through all of it once, in a new order if shuffled.

    Args:
        dataset: an array or a Tensor (of which samples are rows), a `TensorDataset`, a `Subset`, or anything with
            ``__getitem__(index)`` and ``__len__()``.
        batch_size: how many samples a batch has.
        shuffle: whether to draw the order anew for each iteration.
        sampler: the indices in their order, in place of `shuffle`.
        batch_sampler: the lists of indices of the batches, in place of all other options on what is in a batch.
        num_workers, pin_memory: say how PyTorch gets batches, not which; here they change nothing.
        collate_fn: makes a batch of a list of samples; by default `default_collate`.
        drop_last: leave out a last batch that is smaller than the others.
        generator: where orders are drawn from.

    Raises:
        ValueError: the batch size is not a positive integer, or options exclude each other.

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
        if not isinstance(batch_size, int | np.integer) or batch_size < 1:
            advice = ": write DataLoader(TensorDataset(x, y), batch_size)" if hasattr(batch_size, "shape") else ""
            raise ValueError(f"batch_size is a positive integer, not {batch_size!r}{advice}")
        if sampler is not None and shuffle:
            raise ValueError("a sampler says in which order to go: give it, or shuffle=True, not both")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("a batch_sampler says it all: leave out batch_size, shuffle, sampler and drop_last")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = bool(shuffle)
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self.generator = generator

    def _batches(self) -> Iterator[Indices]:
        """What to index the dataset with, batch by batch."""
        size = self.batch_size
        if self.batch_sampler is not None:
            yield from map(_integers, self.batch_sampler)
        elif self.sampler is not None:
            indices = iter(self.sampler)
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
    """The indices as an array; a TypeError names what is no integer."""
    return np.fromiter(map(operator.index, indices), np.intp)


def _batch(dataset: Any, indices: Indices, collate: Callable[[list[Any]], Any] | None) -> Any:
    """The samples of `dataset` at `indices` as a batch: taken at once where that is possible."""
    if collate is None or collate is default_collate:
        if isinstance(dataset, Tensor | np.ndarray):
            return _taken(dataset, indices)
        item = getattr(type(dataset), "__getitem__", None)  # one of the user's own may be for single samples
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
    return taken if isinstance(index, np.ndarray | list) else taken.clone()


def default_collate(samples: Sequence[Any]) -> Any:
    """A batch of samples: Tensors, arrays and numbers are stacked, what is in tuples and dicts each for itself.

    Raises:
        TypeError: samples are of a kind that has no batch, and need a `collate_fn`.
    """
    first = samples[0]
    if isinstance(first, Tensor):
        return np.stack(samples)
    if isinstance(first, np.ndarray | np.generic | int | float):
        return Tensor(np.stack(samples) if isinstance(first, np.ndarray | np.generic) else list(samples))
    if isinstance(first, str | bytes):
        return list(samples)
    if isinstance(first, Mapping):
        return {name: default_collate([sample[name] for sample in samples]) for name in first}
    if isinstance(first, Sequence):
        columns = [default_collate(column) for column in zip(*samples, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    raise TypeError(f"samples of {type(first).__name__} cannot be made a batch: pass a collate_fn that can")
