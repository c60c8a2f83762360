"""Functions that shift and scale their input to mean 0 and variance 1. `functional.py` offers them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd.grad_mode import no_grad
from ..core import guard
from ..core.functions import DtypeError
from ..tensors.arguments import positive_integer
from ..tensors.creation import as_floating, as_operand
from ..tensors.refusals import number
from ..tensors.tensor import Tensor

__all__ = [
    "batch_norm", "conversions", "group_norm", "layer_norm", "rms_norm", "validate_dtypes", "validate_eps",
    "validated_shape",
]  # fmt: skip


def conversions(input: Any, dtype: np.dtype[Any]) -> str:
    """What to write where an input meets a network of another `dtype`, for messages."""
    methods = {"float32": "float()", "float64": "double()"}
    wanted, given = methods.get(str(dtype)), methods.get(str(input.dtype))
    ways = [f"x.{wanted}" if isinstance(input, Tensor) else f"x.astype(numpy.{dtype})"]
    return ", or ".join(ways + [f"net.{given}"] * (given is not None))


def validated_shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    """The `normalized_shape` of `layer_norm` as a tuple. Raises ValueError unless it has positive integers only."""
    shape = tuple(np.atleast_1d(np.asarray(normalized_shape)).tolist())
    if not shape or not all(type(n) is int and n > 0 for n in shape):
        raise ValueError(f"normalized_shape is of one or more positive integers, not {normalized_shape!r}")
    return shape


def validate_eps(eps: float) -> None:
    """Raise ValueError unless `eps`, which is added to a variance, is a number."""
    number(eps, "eps, which is added to a variance, is a number")


def rms_norm(
    input: Tensor, normalized_shape: int | Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Divide each sample by the root of the mean of its squares, then multiply it by `weight` (Zhang & Sennrich 2019).

    A sample is what lies in the last dimensions, whose lengths are `normalized_shape`. `weight` has this shape, too.

    Args:
        eps: is added to the mean of the squares; by default the distance from 1 to the next number of the dtype.

    Raises:
        ValueError: the shape of the input does not end in `normalized_shape`, or that is not of positive integers, or
            `eps` is no number.
        DtypeError: `weight` is of another dtype than the input.
    """
    input = as_floating(as_operand(input))
    eps = float(np.finfo(input.dtype).eps) if eps is None else eps
    validate_eps(eps)
    axes = _sample_axes("rms_norm", input, normalized_shape, {"weight": weight})
    return _affine(input / (input.square().mean(axes, keepdim=True) + eps).sqrt(), weight, None)


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Shift and scale each sample to mean 0 and variance 1, then multiply it by `weight` and add `bias`.

    A sample is what lies in the last dimensions, whose lengths are `normalized_shape`. `weight` and `bias` have this
    shape, too.

    Raises:
        ValueError: the shape of the input does not end in `normalized_shape`, or that is not of positive integers, or
            `eps` is no number.
        DtypeError: `weight` or `bias` is of another dtype than the input.
    """
    validate_eps(eps)
    input = as_operand(input)
    axes = _sample_axes("layer_norm", input, normalized_shape, {"weight": weight, "bias": bias})
    centered = input - input.mean(axes, keepdim=True)
    return _affine(centered / (centered.square().mean(axes, keepdim=True) + eps).sqrt(), weight, bias)


def _sample_axes(
    name: str, input: Tensor, normalized_shape: int | Sequence[int], given: Mapping[str, Tensor | None]
) -> tuple[int, ...]:
    """The last axes of the input, whose lengths are `normalized_shape`. Raise an error if something does not fit."""
    shape = validated_shape(normalized_shape)
    if input._data.shape[-len(shape) :] != shape:
        ending = ", ".join(map(str, shape))
        raise ValueError(f"{name} over {shape} takes inputs of shape (…, {ending}), but got {input.shape}")
    validate_dtypes(name, input, given)
    return tuple(range(-len(shape), 0))


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Shift and scale each group of channels of a sample to mean 0 and variance 1; then apply `weight` and `bias`.

    Args:
        input: of shape (N, C, …) with C channels (Wu & He 2018).
        num_groups: the number of groups, of C / `num_groups` neighbouring channels each.
        weight, bias: of shape (C,): each channel is multiplied by its weight, and its bias is added.
        eps: is added to the variance.

    Raises:
        ValueError: a shape does not fit; or `num_groups` does not divide C; or the whole input has one value per
            group; or `eps` is no number.
        DtypeError: one of the arguments is of another dtype than the input.
    """
    validate_eps(eps)
    input = as_operand(input)
    groups = positive_integer(num_groups, "num_groups is a positive integer")
    if input.ndim < 2 or input.shape[1] % groups:
        raise ValueError(
            f"group_norm with {groups} groups takes inputs of shape (N, C, …) where {groups} divides C, not "
            f"{input.shape}"
        )
    channels = input.shape[1]
    _validate_channels("group_norm", input, channels, {"weight": weight, "bias": bias})
    if input.numel() == groups:
        raise ValueError(f"group_norm: {input.shape} has one value per group, of which the variance is 0")
    rows = input.reshape(input.shape[0], groups, math.prod(input.shape[1:]) // groups)
    centered = rows - rows.mean(-1, keepdim=True) if input.numel() else rows.clone()
    if input.numel():
        centered = centered / (centered.square().mean(-1, keepdim=True) + eps).sqrt()
    along = (channels,) + (1,) * (input.ndim - 2)  # a shape in which a vector broadcasts along dimension 1
    affine = [None if held is None else held.reshape(along) for held in (weight, bias)]
    return _affine(centered.reshape(input.shape), *affine)


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Shift and scale each channel to mean 0 and variance 1, then multiply it by `weight` and add `bias`.

    Args:
        input: of shape (N, C, …) with C channels. All other arguments that are Tensors have shape (C,).
        running_mean, running_var: the mean and variance to normalize by, unless `training`.
        training: normalize by the mean and variance of this batch. Move the running ones, if given, a share `momentum`
            of the way towards them; the variance for this is the unbiased one.
        eps: is added to the variance.

    A batch without entries has nothing to normalize, and leaves the running values as they are.

    Raises:
        ValueError: a shape does not fit; or `training`, and there is one value per channel; or not `training`, and
            a running value is missing; or `eps` is no number.
        DtypeError: one of the arguments is of another dtype than the input.
    """
    validate_eps(eps)
    input = as_operand(input)
    if input.ndim < 2 and input.shape != (0,):  # which PyTorch takes for an empty batch, too
        raise ValueError(f"batch_norm takes inputs of shape (N, C, …), not {input.shape}")
    channels = input._data.shape[1] if input.ndim > 1 else 0
    along = (channels,) + (1,) * (input.ndim - 2)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    _validate_channels("batch_norm", input, channels, given)
    affine = [None if held is None else held.reshape(along) for held in (weight, bias)]
    if not input.numel():
        return _affine(input.clone(), *affine)
    if training:
        axes = (0, *range(2, input.ndim))
        count = input.numel() // channels
        if count < 2:
            raise ValueError(
                f"batch_norm: {input.shape} has {count} values per channel, too few for a variance to train with: "
                "take a larger batch, or call eval() first"
            )
        mean = input.mean(axes, keepdim=True)
        centered = input - mean
        variance = centered.square().mean(axes, keepdim=True)
        _move(running_mean, mean, momentum)
        _move(running_var, variance, momentum, count / (count - 1))
    elif running_mean is None or running_var is None:
        raise ValueError("batch_norm needs running_mean and running_var, or training=True to take the batch's own")
    else:
        centered = input - running_mean.reshape(along)
        variance = running_var.reshape(along)
    return _affine(centered / (variance + eps).sqrt(), *affine)


def _move(running: Tensor | None, batch: Tensor, momentum: float, scale: float = 1) -> None:
    """Move the `running` values of channels a share `momentum` of the way towards `scale` times those of a batch."""
    if running is not None:
        with no_grad(), guard.one_at_a_time:  # threads may share the running values
            running.mul_(1 - momentum).add_(batch.reshape(-1), alpha=momentum * scale)


def _validate_channels(name: str, input: Tensor, channels: int, given: Mapping[str, Tensor | None]) -> None:
    """Raise an error unless the Tensors that are `given` beside the input have one entry per channel and its dtype."""
    for argument, held in given.items():
        if held is not None and held._data.shape != (channels,):
            raise ValueError(f"{name} of {channels} channels takes a {argument} of as many, not of shape {held.shape}")
    validate_dtypes(name, input, given)


def validate_dtypes(name: str, input: Tensor, given: Mapping[str, Tensor | None]) -> None:
    """Raise DtypeError if one of the Tensors that are `given` beside the input has another dtype."""
    for argument, held in given.items():
        if held is not None and held.dtype != input.dtype:
            advice = conversions(input, held.dtype)
            raise DtypeError(f"{name}: the input is {input.dtype}, but {argument} is {held.dtype}: write {advice}")


def _affine(normalized: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    scaled = normalized if weight is None else normalized * weight
    return scaled if bias is None else scaled + bias
