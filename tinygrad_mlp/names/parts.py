"""Parts of a Tensor, which are views, and copies of a Tensor in which a part is replaced."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from itertools import accumulate, pairwise
from typing import Any

from ..tensors.arguments import dim_of, integer, positive_integer
from ..tensors.creation import arange, as_operand
from ..tensors.indexing import part_at
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .shapes import movedim
from .table import offer, row

__all__: list[str] = []


# --- one part ---------------------------------------------------------------------------------------------------------

row(
    "narrow_copy",
    lambda input, dim, start, length: input.narrow(dim, start, length).clone(),
    "A copy of the `length` entries along `dim` that begin at `start`.",
)


@offer()
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of the part at `index` of the dimension `dim`, which the view does not have."""
    return part_at(input, dim, int(index))  # type: ignore[no-any-return]


@offer()
def narrow(input: Tensor, dim: int, start: Any, length: int) -> Tensor:
    """A view of the `length` entries along `dim` that begin at `start`, which may count from the end.

    Raises:
        TypeError: `start` is no integer.
        ValueError: the dimension does not have these entries.
    """
    own = input.shape[dim_of(dim, input)]
    if (first := integer(start)) is None:
        raise TypeError(f"narrow() takes an integer as start, not {shown(start)}")
    first += own if first < 0 else 0
    if not 0 <= first <= first + length <= own:
        raise ValueError(f"narrow() of a dimension of length {own} has no {length} entries from {start} on")
    return part_at(input, dim, slice(first, first + length))  # type: ignore[no-any-return]


@offer(to="methods")
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """A copy of all windows of `size` entries along `dimension`, each `step` further on, as a new last dimension.

    Raises:
        ValueError: `size` is longer than the dimension, or the step is not positive.
    """
    vector = input if input.ndim else input.reshape(1)
    dim = dim_of(dimension, vector)
    own = vector.shape[dim]
    if not 0 <= size <= own or step <= 0:
        raise ValueError(f"unfold() of a dimension of length {own} takes 0 ≤ size ≤ {own} and step > 0")
    if not input.ndim:
        return vector[:size].clone()
    starts = arange(0, own - size + 1, step)
    return movedim(part_at(input, dim, starts.unsqueeze(1) + arange(size)), dim + 1, -1)


# --- several parts ----------------------------------------------------------------------------------------------------


@offer()
def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the parts of these lengths along `dim`, one after the other.

    Raises:
        ValueError: the sum of the lengths is not the length of `dim`, or one is negative.
    """
    own = input.shape[dim_of(dim, input)]
    if sum(split_sizes) != own or min(split_sizes, default=0) < 0:
        raise ValueError(f"parts of the lengths {list(split_sizes)} do not make up a dimension of length {own}")
    return tuple(part_at(input, dim, slice(*ends)) for ends in pairwise(accumulate(split_sizes, initial=0)))


@offer(to="methods")
def split(input: Tensor, split_size: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts of the length `split_size` along `dim`, of which the last may be shorter.

    A list of lengths means parts of these lengths.

    Raises:
        ValueError: the size is not positive; or the sum of the lengths is not the length of `dim`.
    """
    if isinstance(split_size, list | tuple):
        return split_with_sizes(input, split_size, dim)
    own = input.shape[dim_of(dim, input)]
    if (size := integer(split_size)) is None or size < 0 or (size == 0 and own):
        raise ValueError(f"split() takes a size > 0, or a list of sizes, not {shown(split_size)}")
    return tuple(part_at(input, dim, slice(start, start + size)) for start in range(0, own or 1, size or 1))


@offer("split", to="functions")
def split_tensor(tensor: Any, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts of a Tensor along `dim`, of one length or of the lengths in a list. See `Tensor.split`."""
    return split(as_operand(tensor), split_size_or_sections, dim)


split_tensor.__name__ = split_tensor.__qualname__ = "split"  # by which Python's message about a wrong argument calls it


@offer()
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of at most `chunks` parts along `dim`. All parts have the same length, but the last may be shorter.

    Raises:
        TypeError: `chunks` is no integer.
        ValueError: `chunks` is not positive.
    """
    number = positive_integer(chunks, "chunk() makes one part or more")
    own = input.shape[dim_of(dim, input)]
    return split(input, -(-own // number), dim) if own else (input.view(input.shape),) * number


@offer()
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of the parts at each index of `dim`, which they do not have."""
    own = input.shape[dim_of(dim, input)]
    return tuple(part_at(input, dim, i) for i in range(own))


@offer()
def tensor_split(input: Tensor, indices_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of parts along `dim`: so many parts, whose lengths differ by at most 1; or parts cut at indices.

    Args:
        indices_or_sections: the number of parts; or a list, a tuple or a Tensor of indices.

    Raises:
        ValueError: the number of parts is not positive.
    """
    own = input.shape[dim_of(dim, input)]
    given = indices_or_sections
    if isinstance(given, Tensor):
        given = given.tolist()
    if isinstance(given, list | tuple):
        ends = [0, *map(operator.index, given), own]
    else:
        sections = positive_integer(given, "tensor_split() makes one part or more, or takes a list of indices")
        length, longer = divmod(own, sections)
        ends = [length * i + min(i, longer) for i in range(sections + 1)]
    return tuple(part_at(input, dim, slice(*pair)) for pair in pairwise(ends))


def _split_evenly(name: str, input: Tensor, indices_or_sections: Any, dim: int, ndim: int) -> tuple[Tensor, ...]:
    """`tensor_split` of a Tensor with at least `ndim` dimensions. Parts that are not cut at indices have one length."""
    if input.ndim < ndim:
        raise ValueError(f"{name}() takes a Tensor of {ndim} dimensions or more, not shape {input.shape}")
    sections = integer(indices_or_sections)
    if sections is not None and (sections < 1 or input.shape[dim] % sections):
        raise ValueError(f"{name}() cannot make {sections} parts of one length of {input.shape[dim]}: use tensor_split")
    return tensor_split(input, indices_or_sections, dim)


@offer()
def hsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along dimension 1, or along a vector. All parts have one length, or are cut at indices.

    Raises:
        ValueError: so many parts of one length do not make up the dimension, or the Tensor is a number.
    """
    return _split_evenly("hsplit", input, indices_or_sections, min(input.ndim - 1, 1), 1)


@offer()
def vsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the first dimension, the rows. All parts have one length, or are cut at indices.

    Raises:
        ValueError: so many parts of one length do not make up the dimension, or there is only one dimension.
    """
    return _split_evenly("vsplit", input, indices_or_sections, 0, 2)


@offer()
def dsplit(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
    """`tensor_split` along the third dimension. All parts have one length, or are cut at indices.

    Raises:
        ValueError: so many parts of one length do not make up the dimension, or there are only two dimensions.
    """
    return _split_evenly("dsplit", input, indices_or_sections, 2, 3)


# --- copies with another part -----------------------------------------------------------------------------------------


def _with_part(name: str, input: Tensor, src: Any, part_of: Callable[[Tensor], Tensor]) -> Tensor:
    """A copy of `input` in which the part that ``part_of(copy)`` views has the entries of `src`."""
    result = input.clone()
    part, entries = part_of(result), as_operand(src)
    if part.shape != entries.shape:
        raise ValueError(f"{name}() puts {shown(entries)} in the place of a part of shape {part.shape}")
    part.copy_(entries)
    return result


@offer()
def select_scatter(input: Tensor, src: Any, dim: int, index: int) -> Tensor:
    """A copy in which the part at `index` of the dimension `dim` is `src`.

    Raises:
        ValueError: `src` has not the shape of that part.
    """
    return _with_part("select_scatter", input, src, lambda x: part_at(x, dim, index))


@offer()
def slice_scatter(
    input: Tensor, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """A copy in which the slice ``start:end:step`` of the dimension `dim` is `src`.

    Raises:
        ValueError: `src` has not the shape of that slice.
    """
    return _with_part("slice_scatter", input, src, lambda x: part_at(x, dim, slice(start, end, step)))


@offer()
def diagonal_scatter(input: Tensor, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """A copy in which the diagonals of the matrices that `dim1` and `dim2` span are `src`.

    Raises:
        ValueError: `src` has not the shape of the diagonals.
    """
    return _with_part("diagonal_scatter", input, src, lambda x: x.diagonal(offset, dim1, dim2))
