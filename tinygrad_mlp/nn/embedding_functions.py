"""Embeddings as functions: rows of a table at given indices, one by one or in bags."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.functions import DtypeError
from ..core.record import record
from ..names import table
from ..tensors.arguments import integer
from ..tensors.creation import arange, as_operand
from ..tensors.observer import observer
from ..tensors.refusals import shown
from ..tensors.tensor import Tensor
from .lookup import lookup

__all__ = ["embedding", "embedding_bag", "padding_row", "refuse_options", "validate_mode"]


def embedding(
    input: Any,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of a table at given indices.

    The gradient of `weight` is kept as the gradients of these rows, where they are fewer than the table has. An `SGD`
    without momentum changes those rows alone.

    Args:
        input: integers from 0 to N − 1, of any shape (…).
        weight: the table, of shape (N, D).
        padding_idx: the row that gets no gradient; a negative one counts from the end.
        max_norm, norm_type, scale_grad_by_freq: PyTorch's options that are left out: None and False are taken.
        sparse: has no effect, because all gradients are kept as those of rows.

    Returns:
        A Tensor of shape (…, D).

    Raises:
        IndexError: an index is outside 0 … N − 1.
        TypeError: the indices are no integers.
        ValueError: `weight` is no matrix, `padding_idx` is none of its rows, or an option is left out.

    >>> import tinygrad_mlp as tg
    >>> tg.nn.functional.embedding(tg.tensor([2, 0, 2]), tg.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    tensor([[4., 5.],
            [0., 1.],
            [4., 5.]])
    """
    refuse_options("embedding", max_norm, scale_grad_by_freq)
    input, weight = _validated("embedding", input, weight)
    rows = _rows(input, weight)
    if (padding := padding_row(padding_idx, weight.shape[0])) is None:
        return rows
    return np.where((input == padding).unsqueeze(-1), rows.detach(), rows)  # type: ignore[return-value]


def embedding_bag(
    input: Any,
    weight: Tensor,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """For each bag of indices, the sum, the mean or the maximum of their rows in a table; 0 for an empty bag.

    Args:
        input: integers from 0 to N − 1: a matrix, whose rows are bags, or a vector with the bags one after the other.
        weight: the table, of shape (N, D).
        offsets: where each bag of a vector begins, in ascending order from 0.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for `embedding`.
        mode: "sum", "mean" or "max". Of equal maxima each gets a share of the gradient.
        per_sample_weights: a factor for each index, of the shape of `input`; only for "sum".
        include_last_offset: whether the last of `offsets` is the end of the last bag.
        padding_idx: the row that belongs to no bag; a negative one counts from the end.

    Returns:
        A Tensor of shape (bags, D).

    Raises:
        IndexError, TypeError: as for `embedding`, also for the offsets.
        ValueError: the shapes do not fit, the offsets do not ascend from 0, `mode` is another word, or an option is
            left out.
        DtypeError: `per_sample_weights` has another dtype than `weight`.

    >>> from tinygrad_mlp import nn, tensor
    >>> table = tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> nn.functional.embedding_bag(tensor([2, 0, 1]), table, tensor([0, 2]), mode="sum")
    tensor([[4., 6.],
            [2., 3.]])
    """
    refuse_options("embedding_bag", max_norm, scale_grad_by_freq)
    input, weight = _validated("embedding_bag", input, weight)
    validate_mode(mode)
    bags: Any
    bags, count = _bags(input, offsets, include_last_offset)
    if (padding := padding_row(padding_idx, weight.shape[0])) is not None:
        bags = np.where(input.reshape(-1) == padding, count, bags)
    rows = _rows(input.reshape(-1), weight)
    if per_sample_weights is not None:
        rows = rows * _factors(per_sample_weights, input, weight, mode).reshape(-1, 1)
    # What belongs to no bag is sent to another one behind the last, which is cut off.
    empty = weight.new_zeros(count + 1, weight.shape[1])
    if mode == "max":
        return empty.index_reduce(0, bags, rows, "amax", include_self=False)[:count]
    sums = empty.index_add(0, bags, rows)[:count]
    if mode == "sum":
        return sums
    sizes = weight.new_zeros(count + 1).index_add(0, bags, weight.new_ones(input.numel()))[:count]
    return sums / sizes.clamp(min=1).unsqueeze(-1)


def refuse_options(name: str, max_norm: Any, scale_grad_by_freq: Any) -> None:
    """Raise ValueError if an option of PyTorch's embeddings that is left out here is switched on."""
    if max_norm is not None:
        raise ValueError(
            f"{name}: max_norm is left out, because a call would change the weight: write "
            "with no_grad(): weight.copy_(weight.renorm(2, 0, max_norm)) before it"
        )
    if scale_grad_by_freq:
        raise ValueError(
            f"{name}: scale_grad_by_freq=True is left out: weigh the loss by 1 / the counts of the indices"
        )


def validate_mode(mode: Any) -> None:
    """Raise ValueError unless `mode` is one of an embedding in bags."""
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f'the mode of an embedding in bags is "sum", "mean" or "max", not {shown(mode)}')


def padding_row(padding_idx: Any, number: int) -> int | None:
    """The row that `padding_idx` means in a table of `number` rows, or None.

    Raises:
        ValueError: there is no such row.
    """
    if padding_idx is None:
        return None
    row = integer(padding_idx)
    if row is None or not -number <= row < number:
        raise ValueError(f"padding_idx is a row from {-number} to {number - 1}, not {shown(padding_idx)}")
    return row % number


def _validated(name: str, input: Any, weight: Any) -> tuple[Tensor, Tensor]:
    """The indices and the table, as Tensors."""
    input, weight = as_operand(input), as_operand(weight)
    if weight.ndim != 2:
        advice = f": write {name}(indices, weight)" if weight.dtype.kind in "iu" else ""
        raise ValueError(f"{name} takes a weight of shape (N, D), not {weight.shape}{advice}")
    _validate_integers(name, "indices", input)
    observer().perform(_validate_bounds, name, input, weight.shape[0])
    return input, weight


def _validate_integers(name: str, what: str, given: Tensor) -> None:
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name} takes {what} that are integers, not of {given.dtype}: write .long()")


def _validate_bounds(name: str, input: Tensor, number: int) -> None:
    """Raise IndexError unless each index lies in 0 … number − 1."""
    indices = input._data
    if indices.size and (indices.min() < 0 or indices.max() >= number):
        raise IndexError(
            f"{name}: the indices of a table of {number} rows go from 0 to {number - 1}, but span "
            f"{indices.min()} … {indices.max()}"
        )


def _rows(input: Tensor, weight: Tensor) -> Tensor:
    observer().meet(input)
    return record(lookup, (weight,), {"index": input._data})  # type: ignore[no-any-return]


def _bags(input: Tensor, offsets: Any, include_last_offset: bool) -> tuple[Tensor, int]:
    """The bag that each index belongs to, as a vector, and how many bags there are."""
    positions = arange(input.numel())
    if offsets is None:
        if input.ndim != 2:
            raise ValueError(
                f"embedding_bag takes a matrix of indices, or a vector with offsets, not shape {input.shape} alone: "
                "a vector that is one bag takes offsets=tensor([0])"
            )
        return positions // max(input.shape[1], 1), input.shape[0]
    offsets = as_operand(offsets)
    if input.ndim != 1 or offsets.ndim != 1 or (include_last_offset and not offsets.numel()):
        advice = ": leave the offsets out, as each row is a bag" if input.ndim == 2 else ""
        raise ValueError(
            f"embedding_bag takes a vector of indices and a vector of offsets, not shapes {input.shape} and "
            f"{offsets.shape}{advice}"
        )
    _validate_integers("embedding_bag", "offsets", offsets)
    observer().perform(_validate_offsets, offsets, input.numel())
    bags = table.function_of("bucketize")(positions, offsets, right=True) - 1
    return bags, offsets.numel() - bool(include_last_offset)


def _validate_offsets(offsets: Tensor, number: int) -> None:
    """Raise ValueError unless the offsets ascend from 0 to at most `number`. Without indices there may be none."""
    starts = offsets._data
    if (number and not len(starts)) or starts[:1].any() or (starts[-1:] > number).any() or (np.diff(starts) < 0).any():
        raise ValueError(f"embedding_bag: offsets ascend from 0 to at most {number}, but are {starts.tolist()}")


def _factors(given: Any, input: Tensor, weight: Tensor, mode: str) -> Tensor:
    """The weights of the single indices."""
    factors = as_operand(given)
    if mode != "sum":
        raise ValueError(f'embedding_bag: per_sample_weights are of mode="sum", not "{mode}"')
    if factors.shape != input.shape:
        raise ValueError(
            f"embedding_bag: per_sample_weights have the shape of the indices, {input.shape}, not {factors.shape}"
        )
    if factors.dtype != weight.dtype:
        raise DtypeError(f"embedding_bag: the weight is {weight.dtype}, but per_sample_weights are {factors.dtype}")
    return factors
