"""Other shapes and orders of the same entries, diagonals, and what PyTorch asks about a shape.

What PyTorch makes a view of is a view here, and what it copies is a copy. Parts of a Tensor are in `parts.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from ..core.sheet import onto_diagonal
from ..tensors.arguments import Size, array_of, dim_of, lengths
from ..tensors.creation import arange, as_operand
from ..tensors.observer import observer
from ..tensors.tensor import Tensor
from .table import offer, row

__all__ = ["at_least", "movedim", "unflatten"]

# --- the shape of another Tensor, and questions about the shape and the memory ----------------------------------------

row("view_as", lambda input, other: input.view(other.shape), "This Tensor in the shape of `other`.", to="methods")
row("reshape_as", lambda input, other: input.reshape(other.shape), "This Tensor in the shape of `other`.", to="methods")
row(
    "expand_as",
    lambda input, other: input.expand(other.shape),
    "This Tensor, repeated along dimensions of length 1 to the shape of `other`. It cannot be written to.",
    to="methods",
)
row("ndimension", lambda input: input.ndim, "The number of dimensions.", returns="int", to="methods")
row(
    "is_same_size",
    lambda input, other: input.shape == other.shape,
    "Whether both Tensors have the same shape.",
    returns="bool",
)


@offer(to="methods")
def is_contiguous(input: Tensor) -> bool:
    """Whether the entries lie in memory one after the other, in the order of the rows."""
    return input._data.flags.c_contiguous


@offer(to="methods")
def stride(input: Tensor, dim: int | None = None) -> Any:
    """How many entries in memory lie between neighbours along each dimension; or along `dim`, as a number."""
    strides = tuple(step // input._data.itemsize for step in input._data.strides)
    return strides if dim is None else strides[dim]


@offer(to="methods")
def contiguous(input: Tensor) -> Tensor:
    """This Tensor itself if its entries lie in memory one after the other, else a copy where they do."""
    if is_contiguous(input):
        return input
    flat = input.reshape(-1)  # is a copy, unless the entries lie at equal distances
    return (flat if is_contiguous(flat) else flat.clone()).reshape(input.shape)


# --- other shapes -----------------------------------------------------------------------------------------------------

row("ravel", lambda input: input.contiguous().reshape(-1), "The entries as a vector: a view if they are contiguous.")
row("fliplr", lambda input: input.flip(1), "A copy with the order of the columns, the second dimension, reversed.")


@offer()
def flipud(input: Tensor) -> Tensor:
    """A copy with the order of the rows, the first dimension, reversed.

    Raises:
        ValueError: the Tensor is a number.
    """
    if not input.ndim:
        raise ValueError("flipud() takes a Tensor of one dimension or more, not a number")
    return input.flip(0)


@offer()
def unflatten(input: Tensor, dim: int, sizes: Sequence[int]) -> Tensor:
    """This Tensor with the dimension `dim` parted into dimensions of these `sizes`, of which one may be −1.

    Raises:
        ValueError: the product of the sizes is not the length of `dim`.
    """
    dim = dim_of(dim, input)
    own, known = input.shape[dim], math.prod(size for size in sizes if size != -1)
    found = [own // known if size == -1 and known else size for size in sizes]
    if not found or list(sizes).count(-1) > 1 or math.prod(found) != own or min(found) < 0:
        raise ValueError(f"unflatten() of a dimension of length {own} takes sizes whose product is that, not {sizes}")
    return input.reshape(*input.shape[:dim], *found, *input.shape[dim + 1 :])


@offer(to="methods")
def sum_to_size(input: Tensor, *sizes: Any, size: Sequence[int] | None = None) -> Tensor:
    """The sum over the dimensions along which a Tensor of these `sizes` is repeated when it is broadcast to this one.

    Raises:
        ValueError: a Tensor of these sizes does not broadcast to the shape of this Tensor.
    """
    shape = lengths(sizes, size)
    missing = input.ndim - len(shape)
    padded = (1,) * missing + shape
    if missing < 0 or any(n not in (1, own) for n, own in zip(padded, input.shape, strict=True)):
        raise ValueError(f"sum_to_size() of shape {input.shape} takes sizes that broadcast to it, not {shape}")
    repeated = [i for i, n in enumerate(padded) if i < missing or n != input.shape[i]]
    return input.sum(repeated, keepdim=True).reshape(shape) if repeated or not shape else input


def at_least(tensor: Any, ndim: int) -> Tensor:
    """A Tensor with at least 1, 2 or 3 dimensions. Those that are added have length 1, and NumPy's places."""
    own = as_operand(tensor)
    shapes: list[tuple[int, ...]] = [(1,) * ndim, (1,) * (ndim > 1) + (-1,) + (1,) * (ndim > 2), (*own.shape, 1)]
    return own if own.ndim >= ndim else own.reshape(shapes[own.ndim])


def _all_at_least(tensors: tuple[Any, ...], ndim: int) -> Any:
    """`at_least` of one Tensor, or a tuple for several, which may be given in a list."""
    if len(tensors) == 1 and not isinstance(tensors[0], list | tuple):
        return at_least(tensors[0], ndim)
    return tuple(at_least(tensor, ndim) for tensor in lengths(tensors))


@offer(to="functions")
def atleast_1d(*tensors: Any) -> Any:
    """A number as a vector of shape (1,), and other Tensors as they are. Of several Tensors it is a tuple."""
    return _all_at_least(tensors, 1)


@offer(to="functions")
def atleast_2d(*tensors: Any) -> Any:
    """A vector as a matrix of one row, and other Tensors as they are. Of several Tensors it is a tuple."""
    return _all_at_least(tensors, 2)


@offer(to="functions")
def atleast_3d(*tensors: Any) -> Any:
    """A matrix with a third dimension of length 1, a vector in the shape (1, n, 1), and other Tensors as they are.

    Of several Tensors it is a tuple.
    """
    return _all_at_least(tensors, 3)


# --- other orders -----------------------------------------------------------------------------------------------------

row(
    "swapaxes",
    lambda input, axis0, axis1: input.transpose(axis0, axis1),
    "This Tensor with the dimensions `axis0` and `axis1` swapped.",
)
row(
    "swapdims",
    lambda input, dim0, dim1: input.transpose(dim0, dim1),
    "This Tensor with the dimensions `dim0` and `dim1` swapped.",
)
row("adjoint", lambda input: input.mT, "This Tensor with its last two dimensions swapped, for its entries are real.")


@offer("movedim moveaxis")
def movedim(input: Tensor, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """This Tensor with each dimension of `source` moved to that of `destination`. The others keep their order.

    Raises:
        ValueError: one of the two names a dimension twice, or they are not equally many.
    """
    ndim = max(input.ndim, 1)  # a number has the dimensions 0 and −1
    sources, places = (normalize_axis_tuple(given, ndim, allow_duplicate=False) for given in (source, destination))
    if len(sources) != len(places):
        raise ValueError(f"movedim() moves each dimension to one place, but {source} are not as many as {destination}")
    order = [dim for dim in range(input.ndim) if dim not in sources]
    for place, dim in sorted(zip(places, sources, strict=True)):
        order.insert(place, dim)
    return input.permute(order) if input.ndim else input.T


@offer()
def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """A copy turned `k` times by a right angle, from the first of the two `dims` towards the second.

    Raises:
        ValueError: `dims` are not two different dimensions.
    """
    first, second = plane = normalize_axis_tuple(dims, input.ndim) if len(dims) == 2 else (0, 0)
    if first == second:
        raise ValueError(f"rot90() turns in the plane of two different dimensions, not {dims}")
    turned = input.flip([(), (second,), plane, (first,)][k % 4]) if k % 4 else input.clone()
    return turned.transpose(first, second) if k % 2 else turned


# --- copies side by side ----------------------------------------------------------------------------------------------


@offer()
def tile(input: Tensor, *given: Any, dims: Sequence[int] | None = None) -> Tensor:
    """Copies of this Tensor side by side, ``dims[i]`` of them along dimension i, as in `numpy.tile`.

    There is one along each of the first dimensions if `dims` are fewer than these.
    """
    times = lengths(given, dims)
    return input.repeat(*(1,) * (input.ndim - len(times)), *times)


@offer()
def repeat_interleave(
    input: Any, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> Tensor:
    """Each entry along `dim` several times in a row: by default, each entry of the flattened Tensor.

    ``repeat_interleave(repeats)`` of one Tensor repeats the integers 0, 1, … so many times.

    Args:
        repeats: how often: one number for all entries, or a Tensor or a list with one for each.
        output_size: the length that `dim` gets, if it is known.

    Raises:
        TypeError: `dim` is given without `repeats`.
        ValueError: a number of repeats is negative; or there are several, and not one for each entry; or the result has
            not the length `output_size`.
    """
    if repeats is None:
        if dim is not None:
            raise TypeError("repeat_interleave() takes repeats beside dim=: write repeat_interleave(x, 2, dim=0)")
        input, repeats = arange(len(input)), input
    if dim is None:
        input, dim = input.reshape(-1), 0
    dim = dim_of(dim, input)
    if not isinstance(repeats, int):
        observer().refuse("a Tensor of repeats, which decide on the shape of the result")
        repeats = array_of(repeats)
    if np.any(np.less(repeats, 0)):
        raise ValueError(f"repeat_interleave() takes repeats ≥ 0, not {repeats}")
    if np.size(repeats) not in (1, length := input.shape[dim]):
        raise ValueError(
            f"repeat_interleave() takes one number, or one for each of the {length} entries along dim={dim}, not "
            f"{np.size(repeats)}"
        )
    repeated: Any = np.repeat(input, repeats, axis=dim)
    if output_size not in (None, repeated.shape[dim]):
        raise ValueError(f"repeat_interleave() makes the length {repeated.shape[dim]}, not output_size={output_size}")
    return repeated  # type: ignore[no-any-return]


@offer(to="functions")
def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that Tensors of these `shapes` have together when they are broadcast. A number stands for (number,).

    Raises:
        ValueError: the shapes do not fit.
    """
    return Size(np.broadcast_shapes(*shapes))


@offer(to="functions")
def broadcast_tensors(*tensors: Any) -> tuple[Tensor, ...]:
    """The Tensors, each repeated to the shape that they have together: views that cannot be written to.

    Raises:
        ValueError: the shapes do not fit.
    """
    operands = [as_operand(tensor) for tensor in lengths(tensors)]
    shape = np.broadcast_shapes(*(operand.shape for operand in operands))
    return tuple(operand.broadcast_to(shape) for operand in operands)


# --- diagonals --------------------------------------------------------------------------------------------------------

row(
    "diagflat",
    lambda input, offset=0: input.reshape(-1).diag_embed(offset),
    "A matrix with the entries of this Tensor on a diagonal: the main one, or `offset` further up.",
)


@offer()
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Square matrices with the vectors along the last dimension on their diagonals, and zeros elsewhere.

    Args:
        offset: which diagonal: the main one, or so many further up.
        dim1: the dimension of the result that the rows have.
        dim2: the dimension of the result that the columns have.

    Raises:
        ValueError: `dim1` and `dim2` are the same, or the Tensor is a number.
    """
    if not input.ndim:
        raise ValueError("diag_embed() takes a vector or a stack of vectors, not a number: write x.reshape(1)")
    dims = normalize_axis_tuple((dim1, dim2), input.ndim + 1)
    shape = list(input.shape[:-1])
    for dim in sorted(dims):
        shape.insert(dim, input.shape[-1] + abs(offset))
    return onto_diagonal(input, tuple(shape), offset, *dims)  # type: ignore[no-any-return]


@offer()
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """A copy of a diagonal of a matrix; or of a vector, the matrix that has it on that diagonal.

    Raises:
        ValueError: the Tensor is neither a vector nor a matrix.
    """
    if input.ndim not in (1, 2):
        raise ValueError(f"diag() takes a vector or a matrix, not shape {input.shape}: use diagonal() or diag_embed()")
    return diag_embed(input, diagonal) if input.ndim == 1 else input.diagonal(diagonal).clone()


@offer()
def trace(input: Tensor) -> Tensor:
    """The sum of the main diagonal of a matrix.

    Raises:
        ValueError: the Tensor is no matrix.
    """
    if input.ndim != 2:
        raise ValueError(f"trace() takes a matrix, not shape {input.shape}: write x.diagonal(0, -2, -1).sum(-1)")
    return input.diagonal().sum()
