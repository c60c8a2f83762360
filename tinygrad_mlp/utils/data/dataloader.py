"""The loader, which makes batches of the samples of a dataset.

Arrays, Tensors, a `TensorDataset`, and a `Subset` or a `StackDataset` of these are indexed once for a whole batch. Of
an array on disk (`numpy.memmap`) only the rows of the batch are read. Other datasets are asked for one sample after
the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._left_out import explain_in
from ...tensors.arguments import array_of, positive_integer, validate_array
from ...tensors.creation import as_operand
from ...tensors.foreign import refuse_subclasses
from ...tensors.random import AnyGenerator
from ...tensors.refusals import shown
from ...tensors.tensor import Tensor
from .dataset import IterableDataset, StackDataset, Subset, TensorDataset, integers, taken
from .sampler import BatchSampler, Ordered, RandomSampler, SequentialSampler

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

Indices = slice | NDArray[Any]

_FIXED = {"dataset", "batch_size", "sampler", "batch_sampler", "drop_last", "persistent_workers"}


def get_worker_info() -> None:
    """None: there are no workers, and the whole dataset is read in this process."""


class DataLoader:
    """Batches of a dataset: a ``for`` loop over the loader goes through the dataset once.

    Args:
        dataset: an array or a Tensor, whose rows are the samples; a `TensorDataset`; a `Subset`; anything with
            ``__getitem__(index)`` and ``__len__()``; or a stream, an `IterableDataset`.
        batch_size: the number of samples in a batch. With None no batches are made: the loader gives what the dataset
            has at each index of `sampler`, which may be a list of indices.
        shuffle: whether each loop draws a new order.
        sampler: the indices of the samples in their order, instead of `shuffle`.
        batch_sampler: a list of indices for each batch, instead of `batch_size`, `shuffle`, `sampler` and `drop_last`.
        num_workers, pin_memory, timeout, worker_init_fn, multiprocessing_context, prefetch_factor, persistent_workers,
            pin_memory_device, in_order: PyTorch's options of its workers; there are none here, and nothing changes.
        collate_fn: makes a batch of a list of samples; by default `default_collate`. With ``batch_size=None`` it is
            given each sample, and by default `default_convert`.
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
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: AnyGenerator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _validate_dataset(dataset)
        if getattr(batch_size, "shape", ()):  # labels
            raise ValueError(
                f"batch_size is a positive integer, not {shown(batch_size)}: "
                "write DataLoader(TensorDataset(x, y), batch_size)"
            )
        if collate_fn is not None and not callable(collate_fn):
            raise TypeError(f"collate_fn is a function of a list of samples, not {shown(collate_fn)}")
        if sampler is not None and shuffle:
            raise ValueError("a sampler says in which order to go: give it, or shuffle=True, not both")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError("a batch_sampler says it all: leave out batch_size, shuffle, sampler and drop_last")
        if batch_size is not None:
            batch_size = positive_integer(batch_size, "batch_size is a positive integer, or None")
        elif drop_last:
            raise ValueError("drop_last is of batches, and with batch_size=None there are none: leave it out")
        is_stream = isinstance(dataset, IterableDataset)
        if is_stream and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("a stream has its own order: leave out shuffle, sampler and batch_sampler")
        _validate_repeatable("sampler", sampler)
        _validate_repeatable("batch_sampler", batch_sampler)
        for batch in batch_sampler if isinstance(batch_sampler, Sequence) else ():
            _validate_repeatable("a batch of batch_sampler", batch)
        if sampler is None and not is_stream:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        self.dataset = dataset
        self.batch_size = batch_size if batch_sampler is None else None
        self.shuffle = bool(shuffle)
        self.sampler: Any = sampler
        self.batch_sampler = batch_sampler
        if batch_sampler is None and batch_size is not None and sampler is not None:
            self.batch_sampler = BatchSampler(sampler, batch_size, bool(drop_last))
        usual = default_convert if batch_size is None else default_collate
        self.collate_fn: Callable[..., Any] = collate_fn or usual
        self.num_workers = num_workers
        self.drop_last = drop_last
        self.generator = generator
        self._is_made = True

    _is_made = False

    def __setattr__(self, name: str, value: Any) -> None:
        if self._is_made and name in _FIXED:
            raise ValueError(
                f"{name} of a loader is fixed, because its batches were planned with it: make another DataLoader"
            )
        super().__setattr__(name, value)

    def _batches(self) -> Iterator[Indices]:
        """The indices of each batch: a slice or an array."""
        batches: Any = self.batch_sampler
        if type(batches) is not BatchSampler:
            yield from map(integers, batches)
            return
        sampler: Any = batches.sampler
        if getattr(type(sampler), "__iter__", None) is not Ordered.__iter__ or sampler.in_parts:
            yield from batches.collected(integers)
            return
        # Batches of an order that is known from the start are cut from one array, without a list of numbers for each.
        order, size = sampler.order(), batches.batch_size
        for start in range(0, len(order) - batches.drop_last * (size - 1), size):
            part = order[start : start + size]
            yield slice(part.start, part.stop) if isinstance(part, range) else part

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.dataset, IterableDataset):
            return self._streamed(iter(self.dataset))
        if self.batch_sampler is not None:
            return (_batch(self.dataset, indices, self.collate_fn) for indices in self._batches())
        # No batches: one sample for each index of the sampler.
        is_rows = isinstance(self.dataset, Tensor | np.ndarray)
        items = (taken(self.dataset, index) if is_rows else self.dataset[index] for index in self.sampler)
        return map(self.collate_fn, items)

    def _streamed(self, samples: Iterator[Any]) -> Iterator[Any]:
        """The batches of a stream, or its samples."""
        if self.batch_size is None:
            yield from map(self.collate_fn, samples)
            return
        while batch := list(islice(samples, self.batch_size)):
            if len(batch) == self.batch_size or not self.drop_last:
                yield self.collate_fn(batch)

    def __len__(self) -> int:
        """The number of batches; with ``batch_size=None`` that of the samples."""
        if isinstance(self.dataset, IterableDataset):
            number = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return number
            return number // self.batch_size if self.drop_last else -(-number // self.batch_size)
        return len(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]


def _validate_dataset(dataset: Any) -> None:
    """Raise TypeError if a loader cannot take samples of `dataset`."""
    if isinstance(dataset, type) or not hasattr(dataset, "__getitem__"):
        raise TypeError(
            f"a dataset is an array, a Tensor, a TensorDataset or what has __getitem__, not {shown(dataset)}"
        )
    if isinstance(dataset, np.ndarray):
        validate_array(dataset)


def _validate_repeatable(name: str, indices: Any) -> None:
    """Raise TypeError if `indices` can be gone through only once, or are masked."""
    refuse_subclasses(indices)
    if isinstance(indices, Iterator):
        raise TypeError(
            f"{name} is a {type(indices).__name__}, which is empty after the first loop: write list(...) around it, "
            "or pass an object whose __iter__() returns a new iterator"
        )


def _batch(dataset: Any, indices: Indices, collate: Callable[[list[Any]], Any]) -> Any:
    """A batch of the samples of `dataset` at `indices`, which are taken at once where that is possible."""
    if collate is default_collate:
        if isinstance(dataset, Tensor | np.ndarray):
            return taken(dataset, indices)
        # A subclass with a `__getitem__` of its own may expect single indices.
        item = getattr(type(dataset), "__getitem__", None)
        if item is TensorDataset.__getitem__:
            return list(dataset[indices])
        if item is Subset.__getitem__:
            return _batch(dataset.dataset, dataset.indices[indices], collate)
        if item is StackDataset.__getitem__:
            parts = dataset.datasets
            if isinstance(parts, dict):
                return {name: _batch(part, indices, collate) for name, part in parts.items()}
            return [_batch(part, indices, collate) for part in parts]
    numbers = range(*indices.indices(len(dataset))) if isinstance(indices, slice) else indices.tolist()
    if callable(several := getattr(dataset, "__getitems__", None)):  # a user's way to read many samples at once
        return collate(several(list(numbers)))
    return collate([dataset[i] for i in numbers])


def default_collate(batch: Sequence[Any]) -> Any:
    """The batch that is made of a list of samples, `batch`.

    Tensors, arrays and numbers are stacked into one Tensor, and texts are put into a list. Of samples that are tuples,
    lists or dicts, each entry is made a batch of its own.

    Raises:
        TypeError: samples are of another type, for which the loader needs a `collate_fn`.
        ValueError: samples have different shapes, for which it needs one, too.
    """
    first = batch[0]
    if isinstance(first, Tensor | np.ndarray | np.generic):
        return _stacked(batch)
    if isinstance(first, int | float):
        return as_operand(list(batch))
    if isinstance(first, str | bytes):
        return list(batch)
    if isinstance(first, Mapping):
        return {name: default_collate([sample[name] for sample in batch]) for name in first}
    if isinstance(first, Sequence):
        _validate_alike("lengths", map(len, batch))
        columns = [default_collate(column) for column in zip(*batch, strict=True)]
        return type(first)(*columns) if hasattr(first, "_fields") else columns
    raise TypeError(f"samples of {type(first).__name__} cannot be made a batch: pass a collate_fn that can")


def _stacked(batch: Sequence[Any]) -> Any:
    """Tensors, arrays or NumPy's numbers as the rows of a Tensor."""
    try:
        return np.stack(batch) if isinstance(batch[0], Tensor) else as_operand(np.stack(list(map(array_of, batch))))
    except ValueError:
        _validate_alike("shapes", (np.shape(array_of(sample)) for sample in batch))
        raise


def _validate_alike(what: str, of_samples: Iterable[Any]) -> None:
    """Raise ValueError if samples differ in their lengths or shapes."""
    if len(several := dict.fromkeys(of_samples)) > 1:
        raise ValueError(
            f"samples of the {what} {', '.join(map(str, several))} cannot be made a batch: "
            "pad them, or pass a collate_fn that can"
        )


def default_convert(data: Any) -> Any:
    """`data` with a Tensor in place of each array and each number of NumPy's, also of those in tuples, lists and dicts.

    A tuple becomes a list, as in PyTorch, unless it has names. What is neither stays as it is.
    """
    if isinstance(data, np.ndarray | np.generic) and data.dtype.kind not in "SUO":
        return as_operand(array_of(data))
    if isinstance(data, Mapping):
        return {name: default_convert(value) for name, value in data.items()}
    if isinstance(data, tuple | list):
        entries = [default_convert(entry) for entry in data]
        return type(data)(*entries) if hasattr(data, "_fields") else entries
    return data


explain_in(globals())
