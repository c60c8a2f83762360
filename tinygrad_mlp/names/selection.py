"""Entries chosen by index or mask: reading them, and writing them into a copy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core import functions as f
from ..core.functions import DtypeError
from ..core.mode import is_grad_enabled
from ..core.record import Variable, record
from ..tensors.arguments import array_of, dim_of
from ..tensors.creation import arange, as_operand, cat, ones, ones_like, where
from ..tensors.indexing import along
from ..tensors.observer import observer
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from ..tensors.views import place_now
from .reductions import values_at
from .sorting import sort
from .table import offer, row

__all__: list[str] = []

_record: Callable[..., Tensor] = record  # what the core calls Any

# --- indices ----------------------------------------------------------------------------------------------------------


def _indices(name: str, index: Any, length: int, lowest: int = 0) -> Tensor:
    """`index` as a Tensor of integers from `lowest` to `length` − 1, which replays check again.

    Raises:
        TypeError: it does not hold integers of 32 or 64 bits.
        IndexError: an index is out of bounds.
    """
    numbers: Tensor = as_operand(index)
    if not numbers.numel():  # such as tensor([]), which holds floats
        return numbers.long()
    if numbers.dtype not in (np.int64, np.int32):
        raise TypeError(f"{name}() takes an index of int64, not {numbers.dtype}: write index.long()")
    observer().perform(_validate_bounds, name, numbers, length, lowest)
    return numbers


def _validate_bounds(name: str, index: Any, length: int, lowest: int) -> None:
    """Raise IndexError unless all entries of `index` are from `lowest` to `length` − 1."""
    array = array_of(index)
    if array.size and not (lowest <= array.min() and array.max() < length):
        wrong = array[(array < lowest) | (array >= length)][0]
        raise IndexError(f"{name}() takes indices from {lowest} to {length - 1} here, not {wrong}")


class _Place(NamedTuple):
    """Which entries of a Tensor a function reads or writes."""

    whole: Tensor  # the Tensor, with one dimension if it has none
    entries: tuple[Any, ...]  # NumPy's index of the entries
    shape: tuple[int, ...]  # that of the entries, for a Tensor that has dimensions
    given: tuple[int, ...] = ()  # the shape of the index that the user gave

    def read(self) -> Tensor:
        """The entries."""
        return _record(f.getitem, (self.whole,), {"index": self.entries})

    def replaced(self, value: Any) -> Tensor:
        """The Tensor with `value` in the place of the entries."""
        return _record(f.replaced, (self.whole, value), {"index": self.entries})

    def gathered(self, value: Any) -> Tensor:
        """Zeros of the Tensor's shape, with `value` added at the entries: where one is met twice, both are added."""
        return _record(f.scatter, (value,), {"index": self.entries, "shape": tuple(self.whole.shape)})

    def targets(self) -> Tensor:
        """The numbers that the entries have in the flattened Tensor."""
        numbers = arange(self.whole.numel()).reshape(self.whole.shape)
        return _record(f.getitem, (numbers,), {"index": self.entries})


def _lines(input: Tensor) -> Tensor:
    """`input`; a Tensor without dimensions as a vector, because PyTorch lets a number have the dimension 0."""
    return input if input.ndim else input.reshape(1)


def _along(name: str, input: Tensor, dim: int, index: Any) -> _Place:
    """The place of the entries that ``gather`` and ``scatter`` mean: each number in `index` is a position along `dim`.

    Raises:
        ValueError: the index has another number of dimensions, or is longer than `input` along another one.
    """
    whole = _lines(input)
    axis = dim_of(dim, whole)
    index = _indices(name, index, whole.shape[axis])
    shape = index.shape or (1,)
    if not index.numel():
        return _Place(whole, (), shape, index.shape)
    if len(shape) != whole.ndim or any(shape[a] > n for a, n in enumerate(whole.shape) if a != axis):
        raise ValueError(
            f"{name}() takes an index of as many dimensions as the Tensor, and no longer than it, but for dim={dim}: "
            f"not shape {tuple(index.shape)} for {tuple(input.shape)}"
        )
    return _Place(whole, along(index._data.reshape(shape), axis), shape, index.shape)


def _across(name: str, input: Tensor, dim: int, index: Any, lowest: int = 0) -> _Place:
    """The place of the slices that ``index_select`` means: each number in the vector `index` is a position along `dim`.

    Raises:
        ValueError: the index is no vector.
    """
    whole = _lines(input)
    axis = dim_of(dim, whole)
    index = _indices(name, index, whole.shape[axis], lowest)
    if index.ndim > 1:
        raise ValueError(f"{name}() takes a vector as its index, not shape {tuple(index.shape)}: .flatten() it")
    shape = (*whole.shape[:axis], index.numel(), *whole.shape[axis + 1 :])
    return _Place(whole, (slice(None),) * axis + (index._data.reshape(-1),), shape, index.shape)


def _source(name: str, whole: Tensor, source: Any, what: str) -> Tensor:
    """`source` as a Tensor, to be written into `whole`. `what` is what the message calls it.

    Raises:
        DtypeError: it has another dtype.
    """
    written: Tensor = as_operand(source)
    if written.dtype != whole.dtype:
        raise DtypeError(
            f"{name}() takes {what}= of the Tensor's dtype, {whole.dtype}, not {written.dtype}: convert it with "
            ".to(x.dtype)"
        )
    return written


def _part(name: str, place: _Place, src: Any) -> Tensor:
    """The entries of `src` that have an entry in the index. An index may be smaller than `src`.

    Raises:
        ValueError: `src` is smaller than the index.
    """
    whole = _source(name, place.whole, src, "src")
    shape = whole.shape or (1,)
    if len(shape) != len(place.shape) or any(n < wanted for n, wanted in zip(shape, place.shape, strict=True)):
        raise ValueError(
            f"{name}() takes src= at least as large as the index, not shape {tuple(whole.shape)} for "
            f"{tuple(place.given)}"
        )
    return _lines(whole)[tuple(map(slice, place.shape))]


def _slices(name: str, place: _Place, source: Any) -> Tensor:
    """`source` in the shape of the slices that a vector of indices names.

    Raises:
        ValueError: it has another shape.
    """
    slices = _source(name, place.whole, source, "source")
    if tuple(slices.shape or (1,)) != place.shape and not (slices.numel() == 1 == math.prod(place.shape)):
        raise ValueError(f"{name}() takes source= of shape {place.shape} here, not {tuple(slices.shape)}")
    return slices.reshape(place.shape)


def _validate_once(name: str, targets: Any) -> None:
    """Raise RuntimeError if one of `targets` stands twice."""
    if np.bincount(array_of(targets).reshape(-1)).max(initial=0) > 1:
        raise RuntimeError(
            f"{name}() writes to one entry twice: only the value that is written last would get a gradient, so give "
            "each index once, or add the values with scatter_add() or index_add()"
        )


def _written(name: str, place: _Place, value: Any) -> Tensor:
    """The Tensor with `value` at `place`. If `value` needs a gradient, two of its entries may not go to one place."""
    if is_grad_enabled() and isinstance(value, Variable) and place_now(value) is not None:
        observer().perform(_validate_once, name, place.targets())
    return place.replaced(value)


# --- reading ----------------------------------------------------------------------------------------------------------


@offer()
def gather(input: Tensor, dim: int, index: Any, *, sparse_grad: bool = False) -> Tensor:
    """For each entry of `index`, the entry that lies there along `dim`: x.gather(1, i)[r, c] is x[r, i[r, c]].

    The index may be shorter than this Tensor along other dimensions. `sparse_grad` changes nothing.

    Raises:
        TypeError: the index does not hold integers.
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
    """
    place = _along("gather", input, dim, index)
    entries = place.read() if 0 not in place.given else place.whole.reshape(-1)[:0]
    return entries.reshape(place.given)


@offer()
def index_select(input: Tensor, dim: int, index: Any) -> Tensor:
    """The slices along `dim` that a vector of indices names, in its order.

    Raises:
        IndexError: an index is out of bounds, or negative.
    """
    place = _across("index_select", input, dim, index)
    return place.read().reshape(place.shape if input.ndim else ())


@offer()
def take(input: Tensor, index: Any) -> Tensor:
    """The entries at `index` of the flattened Tensor, in the shape of `index`. Negative indices count from the end."""
    place = _across("take", input.reshape(-1), 0, as_operand(index).reshape(-1), -input.numel())
    return place.read().reshape(np.shape(index))


@offer()
def take_along_dim(input: Tensor, indices: Any, dim: int | None = None) -> Tensor:
    """`gather`, with both Tensors broadcast along all dimensions but `dim`; without a `dim`, of both flattened.

    Negative indices count from the end.

    Raises:
        ValueError: the numbers of dimensions differ.
    """
    indices = as_operand(indices)
    if dim is None:
        return take(input, indices.reshape(-1))
    if input.ndim != indices.ndim:
        raise ValueError(
            f"take_along_dim() takes indices of {input.ndim} dimensions here, not shape {tuple(indices.shape)}"
        )
    axis = dim_of(dim, input)
    own, wanted = list(input.shape), list(indices.shape)
    own[axis] = wanted[axis] = 1  # these two lengths may differ
    common = list(np.broadcast_shapes(tuple(own), tuple(wanted)))
    shapes = [(*common[:axis], x.shape[axis], *common[axis + 1 :]) for x in (input, indices)]
    whole, indices = input.broadcast_to(shapes[0]), indices.broadcast_to(shapes[1])
    indices = _indices("take_along_dim", indices, whole.shape[axis], -whole.shape[axis])
    return values_at(whole, indices, axis)


@offer()
def masked_select(input: Tensor, mask: Any) -> Tensor:
    """A vector of the entries at which `mask` is true; the two are broadcast to one shape.

    Raises:
        TypeError: the mask does not hold booleans.
    """
    input, mask = _masked("masked_select", input, mask)
    return _record(f.getitem, (input,), {"index": (mask._data,)})


def _masked(name: str, input: Tensor, mask: Any) -> tuple[Tensor, Tensor]:
    """`input` and a mask, broadcast to one shape."""
    mask = as_operand(mask)
    if mask.dtype != np.bool_:
        raise TypeError(f"{name}() takes a mask of booleans, not of {mask.dtype}: write mask.bool(), or x > 0")
    shape = np.broadcast_shapes(input.shape, mask.shape)
    return input.broadcast_to(shape), mask.broadcast_to(shape)


row("where", lambda input, condition, other: where(condition, input, other), "This Tensor where `condition` is true, "
    "`other` elsewhere.", to="methods")  # fmt: skip


# --- writing ----------------------------------------------------------------------------------------------------------


@offer()
def scatter(
    input: Tensor, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None
) -> Tensor:
    """A copy with entries of `src`, or a number, written where `gather` would read with the same `dim` and `index`.

    Args:
        src: a Tensor that is at least as large as the index, or a number.
        value: a number, by its other name.
        reduce: None, or "add" or "multiply" to combine what is written with what is there.

    Raises:
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
        RuntimeError: an entry of a `src` that needs a gradient would be written over by another one.
    """
    if (src is None) == (value is None):
        raise TypeError("scatter() takes src= or value=, and one of them alone")
    if reduce not in (None, "add", "multiply"):
        raise ValueError(f'scatter() takes reduce="add" or reduce="multiply", not {reduce!r}')
    place = _along("scatter", input, dim, index)
    if 0 in place.given:
        return input.clone()
    if value is None and not isinstance(src, Variable) and np.ndim(src) == 0:
        value = src
    written: Any = _part("scatter", place, src) if value is None else _number("scatter", value)
    if reduce is None:
        return _written("scatter", place, written).reshape(input.shape)
    if value is not None:
        written = (ones(place.shape, dtype=place.whole.dtype) * written).to(place.whole.dtype)
    return _reduced("scatter", place, written, {"add": "sum", "multiply": "prod"}[reduce]).reshape(input.shape)


def _number(name: str, value: Any) -> Any:
    """A number, or a Tensor without dimensions.

    Raises:
        ValueError: it has dimensions.
    """
    if np.ndim(value):
        raise ValueError(f"{name}() takes a number as its value, not {shown(value)}")
    return value


@offer()
def scatter_add(input: Tensor, dim: int, index: Any, src: Any) -> Tensor:
    """A copy with the entries of `src` added where `gather` would read with the same `dim` and `index`.

    Entries for the same place add up. Only the part of `src` that is as large as the index is read.

    Raises:
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
        RuntimeError: `src` has another dtype.
    """
    return _scattered("scatter_add", input, dim, index, src, "sum")


@offer()
def scatter_reduce(input: Tensor, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """A copy whose entries are combined with those of `src` that belong to the same place, as in `scatter_add`.

    Args:
        reduce: "sum", "mean", "prod", "amax" or "amin". Of several extremes each gets an equal share of the gradient.
        include_self: whether what is there counts, too, where something is written.

    Raises:
        ValueError: `reduce` is another word, or the shapes do not fit.
    """
    return _scattered("scatter_reduce", input, dim, index, src, reduce, include_self)


def _scattered(
    name: str, input: Tensor, dim: int, index: Any, src: Any, reduce: str, include_self: bool = True
) -> Tensor:
    """What `scatter_reduce` returns. `name` is what messages call it."""
    place = _along(name, input, dim, index)
    if 0 in place.given:
        return input.clone()
    return _reduced(name, place, _part(name, place, src), reduce, include_self).reshape(input.shape)


@offer()
def index_reduce(input: Tensor, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Tensor:
    """A copy whose slices along `dim` are combined with those of `source` that a vector of indices sends to them.

    Args:
        reduce: "mean", "prod", "amax" or "amin".
        include_self: whether what is there counts, too, where something is written.

    Raises:
        ValueError: `reduce` is another word, or the shapes do not fit.
    """
    place = _across("index_reduce", input, dim, index)
    part = _slices("index_reduce", place, source)
    return _reduced("index_reduce", place, part, reduce, include_self).reshape(input.shape)


def _bounds(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """The least and the greatest number of a dtype."""
    if dtype.kind in "iu":
        return np.iinfo(dtype).min, np.iinfo(dtype).max
    return (-np.inf, np.inf) if dtype.kind == "f" else (False, True)


# What changes no result when it is combined with others.
_NEUTRAL: dict[str, Callable[[np.dtype[Any]], Any]] = {
    "sum": lambda dtype: 0,
    "mean": lambda dtype: 0,
    "prod": lambda dtype: 1,
    "amax": lambda dtype: _bounds(dtype)[0],
    "amin": lambda dtype: _bounds(dtype)[1],
}


def _reduced(name: str, place: _Place, source: Any, reduce: str, include_self: bool = True) -> Tensor:
    """The Tensor of `place`, in which each entry is combined with those entries of `source` that `place` sends to it.

    Raises:
        ValueError: `reduce` is no word for a reduction.
    """
    if reduce not in _NEUTRAL:
        raise ValueError(f"{name}() takes reduce= as one of {', '.join(_NEUTRAL)}, not {reduce!r}")
    kept = place.whole
    # `counts` says how many entries go to each place. Where some go and `include_self` is False, start from a neutral
    # number, such as 0 for a sum, instead of the Tensor's own.
    if not include_self or reduce == "mean":
        counts = place.gathered(ones_like(source, dtype=np.int64))
    if not include_self:
        kept = where(counts == 0, kept, kept.dtype.type(_NEUTRAL[reduce](kept.dtype)))
    if reduce in ("amax", "amin"):
        return _extremes(place._replace(whole=kept), source, reduce)
    if reduce == "prod":
        return kept * _products(place, source)
    total = kept + place.gathered(source)
    if reduce == "sum":
        return total
    counts = (counts + int(include_self)).clamp(min=1)
    return total / counts.to(kept.dtype) if kept.dtype.kind == "f" else (total // counts).to(kept.dtype)


def _extremes_of(entries: Any, targets: Any, source: Any, reduce: str) -> Any:
    """The extreme of each entry and of those in `source` that have this entry as their target, without a gradient."""
    found = array_of(entries).copy()
    with np.errstate(invalid="ignore"):  # of NaN
        (np.maximum if reduce == "amax" else np.minimum).at(found, array_of(targets), array_of(source))
    return found


def _extremes(place: _Place, source: Any, reduce: str) -> Tensor:
    """The extreme of each entry of the Tensor and of those in `source` that go there. Equal ones share the gradient."""
    entries, targets, source = place.whole.reshape(-1), place.targets().reshape(-1), source.reshape(-1)
    found = Tensor._of(observer().repeat(_extremes_of, entries.detach(), targets, source.detach(), reduce))
    if found.dtype.kind == "f":
        own, others = entries == found, source == found[targets]
        flat = _Place(entries, (targets._data,), ())
        count = (own.long() + flat.gathered(others.long())).clamp(min=1).to(found.dtype)
        mean = where(own, entries / count, 0) + flat.gathered(where(others, source / count[targets], 0))
        # The mean of equal numbers has their gradient, but it may be rounded.
        is_finite = np.isfinite(mean)
        found = mean + (where(is_finite, found, 0) - where(is_finite, mean.detach(), 0))
    return found.reshape(place.whole.shape)


def _products(place: _Place, source: Any) -> Tensor:
    """For each entry of the Tensor of `place`, the product of the entries of `source` that go there; 1 if none does.

    The entries are sorted by their targets. Then each is multiplied by the one before it, by the two before that, and
    so on, as far as they have the same target. Nothing is divided by a factor, which may be 0.
    """
    targets, factors = place.targets().reshape(-1), source.reshape(-1)
    order = sort(targets, stable=True).indices
    targets, factors = targets[order], factors[order]
    count, distance = factors.numel(), 1
    while distance < count:
        product = factors[distance:] * factors[:-distance]
        same = targets[distance:] == targets[:-distance]
        factors = cat([factors[:distance], where(same, product, factors[distance:])])
        distance *= 2
    # The last factor of each target is the product of all by now.
    is_last = cat([targets[1:] != targets[:-1], ones_like(targets[:1], dtype=np.bool_)])
    found = _Place(place.whole.reshape(-1), (targets._data,), ())
    products = found.gathered(where(is_last, factors, factors.dtype.type(0)))
    is_met = found.gathered(is_last.long()) > 0
    return where(is_met, products, factors.dtype.type(1)).reshape(place.whole.shape)


@offer()
def index_add(input: Tensor, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Tensor:
    """A copy with ``alpha`` · the slices of `source` added to the slices along `dim` that a vector of indices names.

    Slices with the same index add up.

    Raises:
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
        RuntimeError: `source` has another dtype.
        TypeError: the Tensors hold integers, and `alpha` is none.
    """
    place = _across("index_add", input, dim, index)
    source = _slices("index_add", place, source)
    if isinstance(alpha, float) and source.dtype.kind != "f":
        raise TypeError(f"index_add() of {source.dtype} takes an integer alpha=, not {alpha}")
    scaled = source if alpha == 1 else (alpha * source).to(source.dtype)
    return (place.whole + place.gathered(scaled)).reshape(input.shape)


@offer()
def index_copy(input: Tensor, dim: int, index: Any, source: Any) -> Tensor:
    """A copy with the slices of `source` in place of the slices along `dim` that a vector of indices names.

    Raises:
        IndexError: an index is out of bounds, or negative.
        ValueError: the shapes do not fit.
        RuntimeError: `source` has another dtype; or it needs a gradient, and an index stands twice.
    """
    place = _across("index_copy", input, dim, index)
    return _written("index_copy", place, _slices("index_copy", place, source)).reshape(input.shape)


@offer()
def index_fill(input: Tensor, dim: int, index: Any, value: Any) -> Tensor:
    """A copy with a number in the slices along `dim` that a vector of indices names.

    Negative indices count from the end.

    Raises:
        ValueError: the value is no number and no Tensor without dimensions.
    """
    size = input.shape[dim] if input.ndim else 1
    place = _across("index_fill", input, dim, index, -size)
    is_filled = place.gathered(ones(place.shape, dtype=np.int64)) > 0
    return place.whole.masked_fill(is_filled, _number("index_fill", value)).reshape(input.shape)


@offer()
def index_put(input: Tensor, indices: Sequence[Any], values: Any, accumulate: bool = False) -> Tensor:
    """A copy with ``x[indices] = values`` or, with `accumulate`, with the values added, also where an index is twice.

    Args:
        indices: a tuple of Tensors of integers or booleans, one for each of the first dimensions. None stands for all.

    Raises:
        TypeError: the indices are no tuple, or hold floats.
        IndexError: an index is out of bounds.
        RuntimeError: the values have another dtype, or need a gradient, and an index stands twice.
    """
    if isinstance(indices, Variable):
        raise TypeError("index_put() takes the indices in a tuple, not one Tensor: write index_put((index,), values)")
    tensors = [None if index is None else as_operand(index) for index in indices]
    for index in tensors:
        if index is not None:
            if index.dtype.kind not in "bi":
                raise TypeError(f"index_put() takes indices of int64 or bool, not {index.dtype}: write index.long()")
            observer().meet(index)
    chosen = tuple(slice(None) if index is None else index._data for index in tensors)
    place = _Place(input, chosen, ())
    values = _source("index_put", input, values, "values")
    if accumulate:
        return input + place.gathered(values)
    return _written("index_put", place, values)


@offer()
def put(input: Tensor, index: Any, source: Any, accumulate: bool = False) -> Tensor:
    """A copy with the entries of `source` at `index` of the flattened Tensor or, with `accumulate`, added there.

    Negative indices count from the end.

    Raises:
        IndexError: an index is out of bounds.
        ValueError: `index` and `source` have different numbers of entries.
    """
    index, source = as_operand(index).reshape(-1), as_operand(source).reshape(-1)
    place = _across("put", input.reshape(-1), 0, index, -input.numel())
    if index.numel() != source.numel():
        raise ValueError(f"put() takes as many entries as indices, not {source.numel()} for {index.numel()}")
    return index_put(place.whole, (index,), source, accumulate).reshape(input.shape)


@offer()
def masked_scatter(input: Tensor, mask: Any, source: Any) -> Tensor:
    """A copy with the entries of `source`, in order, where `mask` is true; the two are broadcast to one shape.

    Raises:
        TypeError: the mask does not hold booleans.
        ValueError: `source` has fewer entries than are asked for.
        RuntimeError: `source` has another dtype.
    """
    input, mask = _masked("masked_scatter", input, mask)
    source = _source("masked_scatter", input, source, "source").reshape(-1)
    observer().perform(_validate_enough, mask, source.numel())
    if not source.numel():
        return input.clone()
    # Each true entry of the mask is counted, and so takes the entry of `source` with its number.
    numbers = (mask.reshape(-1).long().cumsum(0) - 1).clamp(min=0)
    numbers = numbers.clamp(max=source.numel() - 1)
    return where(mask, source[numbers].reshape(mask.shape), input)


def _validate_enough(mask: Any, size: int) -> None:
    """Raise ValueError if `mask` asks for more entries than there are."""
    if (wanted := np.count_nonzero(array_of(mask))) > size:
        raise ValueError(f"masked_scatter() takes {wanted} entries or more for this mask, not {size}")
