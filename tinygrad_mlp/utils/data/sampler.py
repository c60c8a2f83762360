"""Samplers, which say in which order a DataLoader asks for the samples of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from itertools import chain, islice
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..._left_out import explain_in
from ...tensors.arguments import positive_integer
from ...tensors.creation import tensor
from ...tensors.random import AnyGenerator, numbers_from
from ...tensors.refusals import shown
from .dataset import integers

__all__ = [
    "BatchSampler", "RandomSampler", "Sampler", "SequentialSampler", "SubsetRandomSampler", "WeightedRandomSampler",
]  # fmt: skip

LONG = 1 << 20  # a loop of more samples is drawn in parts, as it goes

T_co = TypeVar("T_co", covariant=True)
Collection = TypeVar("Collection", bound=Sized)


class Sampler(Generic[T_co]):
    """The base class of samplers: a subclass has ``__iter__()``, which goes through indices, or ``__len__()``, too."""

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} has no __iter__(self): write one")


class Ordered(Sampler[int]):
    """The base of samplers that know all indices when a loop begins, so that a loader can cut them at once."""

    @property
    def in_parts(self) -> bool:
        """Whether a loop is too long to know all its indices at once."""
        return False

    def order(self) -> range | NDArray[np.intp]:
        """The indices of a new loop."""
        raise NotImplementedError

    def parts(self) -> Iterator[range | NDArray[np.intp]]:
        """The indices of a new loop, in parts that are drawn as they are needed."""
        yield self.order()

    def __iter__(self) -> Iterator[int]:
        return chain.from_iterable(part if isinstance(part, range) else part.tolist() for part in self.parts())


class SequentialSampler(Ordered):
    """The indices of all samples of `data_source`, in their order."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def order(self) -> range:
        return range(len(self.data_source))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Ordered):
    """Indices of samples of `data_source`, in a new random order in each loop.

    Args:
        data_source: the dataset.
        replacement: whether an index may come again before all others have come.
        num_samples: the number of indices in a loop; by default that of the samples. Without replacement, all samples
            come before one comes again.
        generator: draws the orders.

    Raises:
        TypeError: `replacement` is not True or False.
        ValueError: `num_samples` is not a positive integer.
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: AnyGenerator | None = None,
    ) -> None:
        if not isinstance(replacement, bool | np.bool):
            raise TypeError(f"replacement is True or False, not {shown(replacement)}")
        if num_samples is not None:
            num_samples = positive_integer(num_samples, "num_samples is a positive integer")
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator

    @property
    def num_samples(self) -> int:
        """The number of indices in a loop."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    @property
    def in_parts(self) -> bool:
        return self.num_samples > max(LONG, len(self.data_source))

    def order(self) -> NDArray[np.intp]:
        return self._drawn(self.num_samples)

    def parts(self) -> Iterator[NDArray[np.intp]]:
        # A loop of 10¹⁰ samples is how scripts write one without an end.
        population, left = len(self.data_source), self.num_samples
        size = max(population, LONG // max(population, 1) * population)  # whole rounds
        if not population:
            yield self.order()
            return
        while left > 0:
            yield self._drawn(min(left, size))
            left -= size

    def _drawn(self, count: int) -> NDArray[np.intp]:
        """`count` indices."""
        numbers, population = numbers_from(self.generator), len(self.data_source)
        if not population:
            if self._num_samples is not None:
                raise ValueError(f"there are no samples to take {count} from: the dataset is empty")
            return np.empty(0, np.intp)
        if self.replacement:
            return numbers.integers(population, size=count, dtype=np.intp)
        rounds = [numbers.permutation(population) for _ in range(-(-count // population))]
        return np.concatenate(rounds)[:count] if len(rounds) > 1 else rounds[0][:count]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Ordered):
    """The `indices` in a new random order in each loop.

    Raises:
        TypeError: the indices are not integers.
    """

    def __init__(self, indices: Sequence[int], generator: AnyGenerator | None = None) -> None:
        integers(indices)
        self.indices = indices
        self.generator = generator

    def order(self) -> NDArray[np.intp]:
        return numbers_from(self.generator).permutation(integers(self.indices))

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Ordered):
    """Indices that are drawn with probabilities proportional to their weights.

    Args:
        weights: a weight for each sample, which need not add up to 1.
        num_samples: the number of indices in a loop.
        replacement: whether an index may come several times.
        generator: draws the indices.

    Raises:
        ValueError: the weights are not a list of numbers ≥ 0 that are not all 0, `replacement` is not True or False, or
            `num_samples` is not a positive integer or, without replacement, exceeds the number of weights above 0.
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: AnyGenerator | None = None,
    ) -> None:
        num_samples = positive_integer(num_samples, "num_samples is a positive integer")
        if not isinstance(replacement, bool | np.bool):
            raise ValueError(f"replacement is True or False, not {shown(replacement)}")
        self.weights = tensor(weights, dtype=np.float64)
        array = self.weights._data
        if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any() or not array.any():
            raise ValueError(f"weights are a list of numbers ≥ 0, not all of them 0, not {shown(weights)}")
        if not replacement and num_samples > np.count_nonzero(array):
            raise ValueError(f"without replacement {num_samples} samples need as many weights above 0: there are fewer")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def order(self) -> NDArray[np.intp]:
        shares = self.weights._data / self.weights._data.sum()
        return numbers_from(self.generator).choice(len(shares), self.num_samples, self.replacement, shares)

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices of `sampler`. The last one may be shorter; with `drop_last` it is left out then.

    Raises:
        ValueError: `batch_size` is not a positive integer, or `drop_last` not True or False.
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(drop_last, bool | np.bool):
            raise ValueError(f"drop_last is True or False, not {shown(drop_last)}")
        self.sampler = sampler
        self.batch_size = positive_integer(batch_size, "batch_size is a positive integer")
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        return self.collected(list)

    def collected(self, collect: Callable[[Iterator[int]], Collection]) -> Iterator[Collection]:
        """Each batch as what ``collect(indices)`` makes of it, such as a list or an array."""
        indices = iter(self.sampler)
        # A batch has at least one index, or, with `drop_last`, at least `batch_size`.
        while len(batch := collect(islice(indices, self.batch_size))) > self.drop_last * (self.batch_size - 1):
            yield batch

    def __len__(self) -> int:
        number = len(self.sampler)  # type: ignore[arg-type]
        return number // self.batch_size if self.drop_last else -(-number // self.batch_size)


explain_in(globals())
