"""The losses that ask for a margin between scores or distances, as functions, and those of several labels.

As in `loss_functions.py`, Tensors that are compared have the same shape, and are converted to the dtype of the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core import functions as f
from ..core.record import record
from ..tensors.creation import arange, as_floating, as_operand
from ..tensors.observer import observer
from ..tensors.refusals import number, shown, validate_number
from ..tensors.tensor import Tensor
from .distance_functions import pairwise_distance
from .loss_functions import (
    Deprecated,
    class_weight,
    reduced,
    reduction_of,
    tensors,
    validate_classes,
    validated_classes,
    weighted,
)

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "margin_ranking_loss", "multi_margin_loss",
    "multilabel_margin_loss", "multilabel_soft_margin_loss", "soft_margin_loss", "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]  # fmt: skip


def soft_margin_loss(
    input: Tensor,
    target: Any,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """ln(1 + e^(−y x)) for scores x, the input, and targets y that are 1 or −1.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = tensors("soft_margin_loss", input, target, reduction)
    return reduced((-target * input).logaddexp(0), reduction)


def hinge_embedding_loss(
    input: Tensor,
    target: Any,
    margin: float = 1.0,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """The distance x, the input, for a target 1, and max(0, `margin` − x) for a target −1.

    Raises:
        ValueError: the shapes differ, `margin` is no number, or `reduction` is unknown.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    validate_number("hinge_embedding_loss: margin", margin)
    input, target = tensors("hinge_embedding_loss", input, target, reduction)
    alike = input.masked_fill(target == -1, 0)
    return reduced(alike + (margin - input).clamp(min=0).masked_fill(target == 1, 0), reduction)


def margin_ranking_loss(
    input1: Tensor,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, `margin` − y (input1 − input2)): for a target y of 1, input1 is to be larger, and for −1 input2.

    Raises:
        ValueError: the shapes differ, `margin` is no number, or `reduction` is unknown.
    """
    name = "margin_ranking_loss"
    reduction = reduction_of(reduction, size_average, reduce)
    validate_number(f"{name}: margin", margin)
    input1, input2 = tensors(name, input1, input2, reduction, "input2")
    input1, target = tensors(name, input1, target, reduction)
    return reduced((margin - target * (input1 - input2)).clamp(min=0), reduction)


def cosine_embedding_loss(
    input1: Tensor,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """1 − cos φ for a target 1, and max(0, cos φ − `margin`) for a target −1, where φ is the angle of two vectors.

    The inputs have shape (N, D) and the target (N,), or the inputs (D,) and the target ().

    Raises:
        ValueError: the shapes do not fit, `margin` is no number, or `reduction` is unknown.
    """
    name = "cosine_embedding_loss"
    reduction = reduction_of(reduction, size_average, reduce)
    validate_number(f"{name}: margin", margin)
    input1, input2 = tensors(name, input1, input2, reduction, "input2")
    if input1.ndim not in (1, 2):
        raise ValueError(f"{name} takes inputs of shape (N, D) or (D,), not {input1.shape}")
    square1, square2 = (x.square().sum(-1) + 1e-12 for x in (input1, input2))
    cosine = (input1 * input2).sum(-1) / (square1 * square2).sqrt()
    cosine, target = tensors(name, cosine, target, reduction)
    alike = (1 - cosine).masked_fill(target != 1, 0)
    return reduced(alike + (cosine - margin).clamp(min=0).masked_fill(target != -1, 0), reduction)


def validate_triplet(margin: float) -> None:
    """Raise ValueError unless `margin` is positive: by so much the negative is to be farther than the positive."""
    number(margin, "triplet_margin_loss: margin is a positive number", lambda margin: margin > 0)


def triplet_margin_loss(
    anchor: Tensor,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """max(0, `margin` + d(anchor, positive) − d(anchor, negative)), where d is `pairwise_distance` of order `p`.

    Args:
        eps: is added to each difference.
        swap: if the negative is nearer to the positive than to the anchor, take that distance (Balntas et al. 2016).

    Raises:
        ValueError: the shapes differ, `margin` is not positive, or `reduction` is unknown.
    """
    return triplet_margin_with_distance_loss(
        anchor,
        positive,
        negative,
        distance_function=lambda x1, x2: pairwise_distance(x1, x2, p, eps),
        margin=margin,
        swap=swap,
        reduction=reduction_of(reduction, size_average, reduce),
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with another distance, a function of two Tensors or a module.

    Raises:
        ValueError: the shapes differ, `margin` is not positive, or `reduction` is unknown.
    """
    validate_triplet(margin)
    anchor, positive = tensors("triplet_margin_loss", anchor, positive, reduction, "positive")
    anchor, negative = tensors("triplet_margin_loss", anchor, negative, reduction, "negative")
    distance = distance_function or pairwise_distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    return reduced((margin + near - far).clamp(min=0), reduction)


def validate_power(p: int) -> None:
    """Raise ValueError unless `p`, the power in `multi_margin_loss`, is 1 or 2."""
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p is 1 or 2, not {shown(p)}")


def multi_margin_loss(
    input: Tensor,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ max(0, `margin` − x_y + x_j)ᵖ / C, over all classes j except the target y, for scores x of C classes.

    The scores have shape (N, C) and the classes (N,), or the scores (C,) and the class (). The sum is multiplied by the
    `weight` (C,) of the target.

    Raises:
        ValueError: the shapes do not fit, a class is outside 0 … C − 1, `p` is neither 1 nor 2, `margin` is no number,
            or `reduction` is unknown.
    """
    name = "multi_margin_loss"
    reduction = reduction_of(reduction, size_average, reduce)
    validate_power(p)
    validate_number(f"{name}: margin", margin)
    input = as_floating(input)
    if input.ndim > 2:
        raise ValueError(f"{name} takes inputs of shape (N, C) or (C,), not {input.shape}")
    target = as_operand(target)
    if not input.ndim or (input.ndim == 1 and target.shape == (1,)):  # the score of one class, or one sample
        input = input.reshape(*target.shape, -1)
    target = validated_classes(name, input, target)
    rows, classes = input.reshape(-1, input._data.shape[-1]), target.reshape(-1)
    count, number = rows._data.shape
    own = classes.unsqueeze(1) == arange(number)  # where j is the target: the sum leaves this class out
    errors = (margin - rows[arange(count), classes].unsqueeze(1) + rows).relu().masked_fill(own, 0)
    elements = (errors if p == 1 else errors.square()).sum(1) / number
    if weight is not None:
        elements = elements * class_weight(name, weight, number, rows.dtype)[classes]
    return reduced(elements.reshape(target.shape), reduction)


def multilabel_margin_loss(
    input: Tensor,
    target: Any,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ max(0, 1 − x_y + x_j) / C, over the classes y that a sample has and the classes j that it does not have.

    Scores x and target have shape (N, C) or (C,). The target lists the classes of a sample. A −1 ends the list, and all
    entries after it are ignored.

    Raises:
        ValueError: the shapes differ, the target is not of integers from −1 to C − 1, or `reduction` is unknown.
    """
    name = "multilabel_margin_loss"
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = as_floating(input), as_operand(target)
    if input.ndim > 2 or target.shape != input.shape or target.dtype.kind not in "iu":
        raise ValueError(
            f"{name} takes inputs (N, C) or (C,) with integer classes of the same shape, not shape {input.shape} with "
            f"{target.dtype} of shape {target.shape}: multilabel_soft_margin_loss takes zeros and ones"
        )
    number = input._data.shape[-1] if input.ndim else 1
    observer().perform(validate_classes, name, target, number, -1)
    rows, classes = input.reshape(-1, number), target.reshape(-1, number)
    counted = (classes == -1).long().cumsum(1) == 0
    classes = classes.masked_fill(~counted, 0)
    scores = rows[arange(len(rows)).unsqueeze(1), classes]
    counted = counted.unsqueeze(2)
    own = (counted & (classes.unsqueeze(2) == arange(number))).any(1, keepdim=True)
    errors = (1 - scores.unsqueeze(2) + rows.unsqueeze(1)).relu().masked_fill(~counted | own, 0)
    return reduced((errors.sum((1, 2)) / number).reshape(input.shape[:-1]), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Any,
    weight: Any = None,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the classes, the last dimension, of `binary_cross_entropy_with_logits`.

    `weight` multiplies the losses of the classes, before they are averaged.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    name = "multilabel_soft_margin_loss"
    reduction = reduction_of(reduction, size_average, reduce)
    input, target = tensors(name, input, target, reduction)
    elements: Tensor = record(f.binary_cross_entropy_with_logits, (input, target))
    return reduced((elements if weight is None else weighted(name, elements, weight)).mean(-1), reduction)
