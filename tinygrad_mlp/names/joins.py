"""Tensors joined into one: side by side, on a diagonal, as a grid, and as all combinations of their entries."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..tensors.arguments import lengths
from ..tensors.creation import arange, as_operand, cat, made_of, stack, validate_some, zeros
from ..tensors.promotion import common_dtype
from ..tensors.tensor import Tensor
from .shapes import at_least
from .table import offer

__all__: list[str] = []

offer("concat concatenate", to="functions")(cat)


@offer(to="functions")
def hstack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors side by side, along their columns; vectors and numbers one after the other.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """
    validate_some("hstack", tensors)
    joined = [at_least(tensor, 1) for tensor in tensors]
    return cat(joined, dim=0 if joined[0].ndim == 1 else 1)


@offer("vstack row_stack", to="functions")
def vstack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors below each other, along their rows. A vector is a row.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """
    validate_some("vstack", tensors)
    return cat([at_least(tensor, 2) for tensor in tensors])


@offer(to="functions")
def dstack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors behind each other, along their third dimension, which matrices and vectors get.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """
    validate_some("dstack", tensors)
    return cat([at_least(tensor, 3) for tensor in tensors], dim=2)


@offer(to="functions")
def column_stack(tensors: Sequence[Tensor]) -> Tensor:
    """The Tensors side by side, along their columns. A vector is a column.

    Raises:
        TypeError: the Tensors are not in a list or tuple.
        ValueError: there are no Tensors, or their shapes do not fit.
    """
    validate_some("column_stack", tensors)
    joined = map(as_operand, tensors)
    return cat([tensor if tensor.ndim > 1 else tensor.reshape(-1, 1) for tensor in joined], dim=1)


@offer(to="functions")
def block_diag(*tensors: Any) -> Tensor:
    """A matrix with these matrices on its diagonal, one after the other, and zeros elsewhere. A vector is a row.

    Raises:
        ValueError: a Tensor has more than two dimensions.
    """
    operands = [as_operand(tensor) for tensor in tensors] or [zeros(1, 0)]
    dtype = common_dtype(*operands)
    blocks: list[Tensor] = [at_least(operand.to(dtype), 2) for operand in operands]
    if any(block.ndim > 2 for block in blocks):
        raise ValueError(f"block_diag() takes matrices, not shapes {', '.join(str(b.shape) for b in blocks)}")
    total, before, rows = sum(block.shape[1] for block in blocks), 0, []
    for block in blocks:
        height, width = block.shape
        after = total - before - width
        left, right = (zeros(height, n, dtype=dtype) for n in (before, after))
        rows.append(cat([left, block, right], dim=1))
        before += width
    return cat(rows)


@offer(to="functions")
def meshgrid(*tensors: Any, indexing: str | None = None) -> tuple[Tensor, ...]:
    """The coordinates of all points of a grid: a Tensor for each vector, repeated along the dimensions of the others.

    The results are views that cannot be written to.

    Args:
        tensors: vectors or numbers, one by one or in a list.
        indexing: "ij", the default: dimension i of the results is along vector i. "xy": the first two are swapped.

    Raises:
        ValueError: a Tensor has more than one dimension, or `indexing` is something else.

    >>> import tinygrad_mlp as tg
    >>> x, y = tg.meshgrid(tg.arange(2), tg.arange(3), indexing="ij")
    >>> x
    tensor([[0, 0, 0],
            [1, 1, 1]])
    """
    if indexing not in (None, "ij", "xy"):
        raise ValueError(f'meshgrid() takes indexing="ij" or "xy", not {indexing!r}')
    vectors = [as_operand(tensor) for tensor in lengths(tensors)]
    if not vectors or any(vector.ndim > 1 for vector in vectors):
        raise ValueError(
            f"meshgrid() takes vectors, not shapes {', '.join(str(v.shape) for v in vectors) or 'of none'}"
        )
    shape = [vector.numel() for vector in vectors]
    places = list(range(len(vectors)))
    if indexing == "xy":
        shape[:2], places[:2] = shape[:2][::-1], places[:2][::-1]
    return tuple(
        vector.reshape([-1 if i == place else 1 for i in range(len(shape))]).expand(shape)
        for place, vector in zip(places, vectors, strict=True)
    )


@offer(to="functions")
def cartesian_prod(*tensors: Any) -> Tensor:
    """All choices of one entry of each vector, as the rows of a matrix. Of one vector, the vector itself.

    Raises:
        ValueError: a Tensor is no vector.
    """
    vectors = [as_operand(tensor) for tensor in tensors]
    if any(vector.ndim != 1 for vector in vectors):
        raise ValueError(f"cartesian_prod() takes vectors, not shapes {', '.join(str(v.shape) for v in vectors)}")
    if len(vectors) == 1:
        return vectors[0]
    return stack([grid.reshape(-1) for grid in meshgrid(*vectors)], dim=1)


@offer(to="functions")
def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` entries of a vector, in the order of the entries, as the rows of a matrix.

    Args:
        with_replacement: whether an entry may be chosen several times.

    Raises:
        ValueError: the Tensor is no vector, or r is negative.
    """
    vector = as_operand(input)
    if vector.ndim != 1 or r < 0:
        raise ValueError(f"combinations() takes a vector and r ≥ 0, not shape {vector.shape} and r={r}")
    if r == 0:
        return zeros(0, dtype=vector.dtype)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = np.array(list(choose(range(len(vector)), r)), np.int64)
    return vector[made_of(chosen.reshape(-1, r))]


@offer(to="functions")
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of the entries of a vector: row i has ``x[i]`` to the powers N − 1, …, 0; or 0, …, N − 1.

    Args:
        N: the number of columns; by default as many as rows.
        increasing: whether the powers grow from left to right.

    Raises:
        ValueError: `x` is no vector, or N is negative.
    """
    vector = as_operand(x)
    count = vector.numel() if N is None else N
    if vector.ndim != 1 or count < 0:
        raise ValueError(f"vander() takes a vector and N ≥ 0, not shape {vector.shape} and N={N}")
    powers = arange(count)
    base = vector if vector.dtype.kind == "f" else vector.long()
    return base.unsqueeze(1) ** (powers if increasing else powers.flip(0))
