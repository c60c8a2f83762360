"""The losses that compare distributions, or ask how likely a target is under one, as functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..tensors.arguments import array_of
from ..tensors.creation import as_operand
from ..tensors.observer import observer
from ..tensors.refusals import number, warn
from ..tensors.tensor import Tensor
from .distance_functions import raised
from .loss_functions import (
    REDUCTIONS,
    Deprecated,
    fits,
    of_one_dtype,
    reduced,
    reduction_of,
    tensors,
    validate_reduction,
)

__all__ = ["gaussian_nll_loss", "kl_div", "poisson_nll_loss"]

KL_REDUCTIONS = (*REDUCTIONS, "batchmean")


def kl_div(
    input: Tensor,
    target: Any,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """p (ln p − input) for probabilities p, the target, and log-probabilities, the input (Kullback & Leibler 1951).

    Args:
        reduction: the divergence of a sample is the sum of its entries, so its mean over the samples, which lie along
            dimension 0, is "batchmean". "mean" also divides by the number of entries of a sample.
        log_target: the target is ln p.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.

    Warns:
        UserWarning: `reduction` is "mean", as PyTorch does.
    """
    is_named = size_average is reduce is None  # rather than by a deprecated option
    by_batch = is_named and reduction == "batchmean"
    if is_named:
        validate_reduction(reduction, KL_REDUCTIONS)
    reduction = "sum" if by_batch else reduction_of(reduction, size_average, reduce)
    if is_named and reduction == "mean":
        warn("kl_div: the mean over all entries is not the divergence: write reduction='batchmean', or 'sum'")
    input, target = tensors("kl_div", input, target, reduction)
    if log_target:
        elements = target.exp() * (target - input)
    else:
        nothing = target == 0  # where p ln p is 0, whose limit from above it is
        elements = target * (target.masked_fill(nothing, 1).log() - input)
    loss = reduced(elements, reduction)
    return loss / input._data.shape[0] if by_batch and input.ndim else loss


def _validate_variance(variance: Any) -> None:
    """Raise ValueError if an entry of `variance` is negative."""
    if np.any(array_of(variance) < 0):
        raise ValueError(f"gaussian_nll_loss: var has variances, but the least is {array_of(variance).min()}")


def validate_eps(name: str, eps: float) -> None:
    """Raise ValueError unless `eps`, an option of the loss `name`, is a number."""
    number(eps, f"{name}: eps is a number")


def gaussian_nll_loss(
    input: Tensor,
    target: Any,
    var: Any,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """½ (ln v + (input − target)²/v) for a normally distributed target with mean `input` and variance v.

    Args:
        input, target: the target is broadcast to the input, as in PyTorch.
        var: the variances: a number, or of the shape of the input, in which lengths may be 1 or the last dimension may
            be missing.
        full: add the constant ½ ln 2π.
        eps: stands for smaller variances, which get the gradient of v.

    Raises:
        ValueError: the shapes do not fit, a variance is negative, `eps` is no number, or `reduction` is unknown.
    """
    name = "gaussian_nll_loss"
    validate_reduction(reduction)
    validate_eps(name, eps)
    input, target = of_one_dtype(as_operand(input), as_operand(target))
    variance: Tensor = as_operand(var).to(input.dtype)
    observer().perform(_validate_variance, variance)
    if variance.shape == input.shape[:-1]:
        variance = variance.unsqueeze(-1)
    is_number = isinstance(var, float | int)
    if not fits(variance.shape, input.shape) or not (is_number or variance.ndim == input.ndim):
        raise ValueError(
            f"{name}: var of shape {variance.shape} does not fit an input of shape {input.shape}: it has the same "
            "shape, but that lengths may be 1, or the last dimension may be missing"
        )
    if not fits(target.shape, input.shape):
        raise ValueError(f"{name}: target of shape {target.shape} does not fit an input of shape {input.shape}")
    variance = raised(variance, eps)
    elements = (variance.log() + (input - target).square() / variance) / 2
    return reduced(elements + math.log(2 * math.pi) / 2 if full else elements, reduction)


def poisson_nll_loss(
    input: Tensor,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: Deprecated = None,
    eps: float = 1e-8,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """λ − y ln λ for counts y, the target, that have a Poisson distribution with mean λ.

    Args:
        log_input: the input is ln λ. Otherwise it is λ.
        full: add Stirling's approximation of ln y!, which is y ln y − y + ½ ln 2πy, where y is above 1.
        eps: is added to λ before its logarithm is taken, unless `log_input`.

    Raises:
        ValueError: the shapes differ, `eps` is no number, or `reduction` is unknown.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    validate_eps("poisson_nll_loss", eps)
    input, target = tensors("poisson_nll_loss", input, target, reduction)
    elements = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        few = target <= 1
        count = target.masked_fill(few, 1)
        stirling = count * count.log() - count + (2 * math.pi * count).log() / 2
        elements = elements + stirling.masked_fill(few, 0)
    return reduced(elements, reduction)
