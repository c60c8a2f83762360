"""Datasets: Tensors and arrays, parts of others, several one after the other or side by side, and streams."""

from __future__ import annotations

import math
import operator
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..._left_out import explain_in
from ...tensors.arguments import validate_array
from ...tensors.creation import as_operand
from ...tensors.foreign import refuse_subclasses
from ...tensors.random import AnyGenerator, numbers_from
from ...tensors.refusals import shown
from ...tensors.tensor import Tensor

__all__ = [
    "ChainDataset", "ConcatDataset", "Dataset", "IterableDataset", "StackDataset", "Subset", "TensorDataset",
    "random_split",
]  # fmt: skip

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """The base class of datasets: a subclass has ``__getitem__(index)``, which returns a sample, and ``__len__()``."""

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__(self, index): write one")

    def __add__(self, other: Any) -> Any:
        """The samples of this dataset, and then those of `other`."""
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """The base class of streams: a subclass has ``__iter__()``, which goes through the samples.

    A `DataLoader` makes batches of the samples in their order.
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__(self): write one")

    def __add__(self, other: Any) -> Any:
        """The samples of this stream, and then those of `other`."""
        return ChainDataset([self, other])


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
        return tuple(taken(tensor, index) for tensor in self.tensors)

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
        self.indices = integers(indices)
        if len(self.indices) and not -len(dataset) <= self.indices.min() <= self.indices.max() < len(dataset):
            raise IndexError(
                f"indices span {self.indices.min()} … {self.indices.max()}, but the dataset has {len(dataset)} samples"
            )

    def __getitem__(self, index: Any) -> Any:
        chosen = self.indices[index]
        return self.dataset[chosen if chosen.ndim else int(chosen)]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[Any]):
    """The samples of several datasets, one dataset after the other: ``a + b`` is ``ConcatDataset([a, b])``.

    Raises:
        TypeError: `datasets` are not in a list, or one of them has no length, as a stream.
        ValueError: there are no datasets.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = _several(datasets, "ConcatDataset")
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__"):
                raise TypeError(f"a ConcatDataset is of datasets with a length, not of {shown(dataset)}")
        self.cumulative_sizes = list(accumulate(map(len, self.datasets)))

    def __getitem__(self, idx: int) -> Any:
        number = len(self)
        if not -number <= idx < number:
            raise IndexError(f"index {idx} of a ConcatDataset of {number} samples")
        idx = int(idx) % number
        which = bisect_right(self.cumulative_sizes, idx)  # the first dataset that ends behind the sample
        return self.datasets[which][idx - self.cumulative_sizes[which - 1] if which else idx]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class StackDataset(Dataset[Any]):
    """Datasets of one length side by side: sample i is the tuple of their i-th samples, or a dict if they have names.

    Raises:
        ValueError: there are no datasets, or some with and some without a name, or they differ in length.

    >>> from tinygrad_mlp.utils.data import StackDataset
    >>> StackDataset(image=["a", "b"], label=[0, 1])[1]
    {'image': 'b', 'label': 1}
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise ValueError("a StackDataset is of datasets, as in StackDataset(x, y) or StackDataset(x=x, y=y)")
        self.datasets: tuple[Any, ...] | dict[str, Any] = args or kwargs
        lengths = [len(dataset) for dataset in args or kwargs.values()]
        if len(set(lengths)) > 1:
            raise ValueError(f"a StackDataset is of datasets of the same length, not of lengths {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        return self._length


class ChainDataset(IterableDataset[Any]):
    """The samples of several streams, one stream after the other: ``a + b`` is ``ChainDataset([a, b])``.

    Raises:
        TypeError: `datasets` are not in a list, or one of them is no IterableDataset.
        ValueError: there are no datasets.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = _several(datasets, "ChainDataset")
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(
                    f"a ChainDataset is of streams, which derive from IterableDataset, not of {shown(dataset)}"
                )

    def __iter__(self) -> Iterator[Any]:
        for dataset in self.datasets:
            yield from dataset

    def __len__(self) -> int:
        return sum(map(len, self.datasets))


def _several(datasets: Any, kind: str) -> list[Any]:
    """The `datasets` of a `kind` of datasets as a list."""
    if not isinstance(datasets, Iterable):
        raise TypeError(f"a {kind} is of datasets in a list, not of {shown(datasets)}")
    found = list(datasets)
    if not found:
        raise ValueError(f"a {kind} is of one or more datasets: the list is empty")
    return found


def random_split(dataset: Any, lengths: Sequence[float], generator: AnyGenerator | None = None) -> list[Subset]:
    """Split `dataset` at random into subsets of the given `lengths`.

    Lengths may be fractions that add up to 1. A fraction of the samples is rounded down, and the samples that are left
    go to the first subsets, one to each. Where only a rounding error keeps a product from being whole, as in 0.29 ·
    100, the product counts as whole.

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


def integers(indices: Iterable[Any]) -> NDArray[np.intp]:
    """The indices as an array of integers. Raises TypeError if one is no integer, or is True, False or masked."""
    refuse_subclasses(indices)
    indices = list(indices)
    if not {bool, np.bool}.isdisjoint(map(type, indices)):  # True would be taken for 1, and False for 0
        raise TypeError("indices are integers, not booleans: for a mask, write numpy.flatnonzero(mask)")
    return np.fromiter(map(operator.index, indices), np.intp)


def taken(rows: Tensor | NDArray[Any], index: Any) -> Tensor:
    """The rows at `index` as a Tensor in memory of its own."""
    taken = rows[index]
    if not isinstance(taken, Tensor):
        return as_operand(taken)
    return taken if isinstance(index, np.ndarray | list) else taken.clone()  # a number or a slice has made a view


explain_in(globals())
