"""The losses as functions, under PyTorch's names: users find them in `tinygrad_mlp.nn.functional`.

The input and the target of a loss have the same shape. A loss does not broadcast them: predictions of shape (n, 1) with
targets of shape (n,) would give n² differences, which no program means.

`size_average` and `reduce` are PyTorch's deprecated options. `legacy_reduction` says which reduction they mean.

The target and the weights are converted to the dtype of the input, so that float64 labels beside a float32 network give
a float32 loss. An input of integers or booleans takes the dtype of a floating target, or else the default dtype.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import ndarray  # a global is found faster than an attribute
from numpy.typing import NDArray

from ..autograd.grad_mode import no_grad
from ..core import functions as f
from ..core.record import record
from ..tensors.arguments import array_of, get_default_dtype, integer
from ..tensors.creation import arange, as_floating, as_operand, tensor
from ..tensors.observer import observer
from ..tensors.refusals import number, shown, warn
from ..tensors.tensor import Tensor

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "huber_loss", "l1_loss", "mse_loss",
    "nll_loss", "smooth_l1_loss",
]  # fmt: skip

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
REDUCTIONS = ("mean", "sum", "none")
# For each reduction, the options of an elementwise loss of the sheet. With `total` it returns its sum, from one node.
_TOTALS: dict[str, dict[str, bool]] = {"mean": {"total": True}, "sum": {"total": True}, "none": {}}
Array = NDArray[Any]
Deprecated = bool | None  # options that `legacy_reduction` validates, with its own advice
_OTHER_SAMPLES = "are they of the same samples, and in this order?"


def reduced(elements: Tensor, reduction: str) -> Tensor:
    """The mean or the sum of the elements of a loss, or the elements themselves, as `reduction` says."""
    return elements.mean() if reduction == "mean" else elements.sum() if reduction == "sum" else elements


def validate_reduction(reduction: str, reductions: Sequence[str] = REDUCTIONS) -> None:
    """Raise ValueError unless `reduction` is one of `reductions`, by default "mean", "sum" or "none"."""
    if reduction not in reductions:
        *others, last = map(repr, reductions)
        raise ValueError(f"reduction is {', '.join(others)} or {last}, not {reduction!r}")


def legacy_reduction(size_average: Any, reduce: Any) -> str:
    """The reduction that `size_average` and `reduce`, PyTorch's deprecated options, mean. One of them is not None.

    Raises:
        TypeError: one of them is something else than True, False or None, such as a reduction.

    Warns:
        UserWarning: always, as PyTorch does.
    """
    for name, value in (("size_average", size_average), ("reduce", reduce)):
        if value is not None and not isinstance(value, bool | np.bool):
            advice = f"reduction={value!r}" if isinstance(value, str) else "the options that follow by their names"
            raise TypeError(f"{name} is True, False or None, not {shown(value)}: write {advice}")
    averages, reduces = (value is None or bool(value) for value in (size_average, reduce))
    reduction = "none" if not reduces else "mean" if averages else "sum"
    warn(f"size_average and reduce are deprecated: write reduction={reduction!r}")
    return reduction


def reduction_of(reduction: str, size_average: Any, reduce: Any) -> str:
    """The reduction that the options of a loss mean.

    Raises:
        ValueError: `reduction` is unknown.
        TypeError: a deprecated option is something else than True, False or None.
    """
    if size_average is not None or reduce is not None:
        return legacy_reduction(size_average, reduce)
    validate_reduction(reduction)
    return reduction


def pair(name: str, input: Any, target: Any, reduction: str, second: str = "target") -> tuple[Tensor, Any]:
    """The input of a loss as a floating Tensor, and its target as a Tensor or array of the same dtype.

    `name` is what messages call the loss, and `second` what they call the target.

    Raises:
        ValueError: their shapes differ, or `reduction` is unknown.
    """
    validate_reduction(reduction)
    if not isinstance(input, Tensor):
        input = tensor(input)
    own = input._data
    if isinstance(target, Tensor):
        array = target._data
    elif type(target) is ndarray:
        array = target
    else:
        target = tensor(target, dtype=own.dtype if own.dtype.kind == "f" else None)
        array = target._data
    if array.shape != own.shape:
        if array.ndim > input.ndim and input.shape == array.shape[:1] + array.shape[2:]:
            advice = "write loss(net(x), y): the input comes first, and then the target"
        elif array.size == input.numel():
            advice = f"write {second}.reshape({', '.join(map(str, input.shape))}) if that is what is meant"
        elif array.ndim and array.shape == _target_shape(input):
            advice = f"{'write target.long()' if name == 'cross_entropy' else 'use cross_entropy'} if it holds classes"
        else:
            advice = _OTHER_SAMPLES
        raise ValueError(
            f"{name}: input of shape {input.shape} and {second} of shape {array.shape} must be equal: {advice}"
        )
    if array.dtype is (dtype := own.dtype) and (dtype is _FLOAT32 or dtype is _FLOAT64):  # all is as it should be
        return input, target
    return of_one_dtype(input, target)


def tensors(name: str, input: Any, target: Any, reduction: str, second: str = "target") -> tuple[Tensor, Tensor]:
    """`pair`, with a Tensor as the target, too."""
    input, target = pair(name, input, target, reduction, second)
    return input, as_operand(target)


def of_one_dtype(input: Tensor, target: Any) -> tuple[Tensor, Any]:
    """The input and the target of a loss. If they do not have one floating dtype, they are converted."""
    array = array_of(target)
    if input.dtype.kind != "f":
        input = input.to(array.dtype if array.dtype.kind == "f" else get_default_dtype())
    return input, target.to(input.dtype) if isinstance(target, Tensor) else array.astype(input.dtype)


def fits(shape: tuple[int, ...], larger: tuple[int, ...]) -> bool:
    """Whether `shape` can be broadcast to the `larger` one."""
    lengths = zip(shape[::-1], larger[::-1], strict=False)
    return len(shape) <= len(larger) and all(own in (1, n) for own, n in lengths)


def weighted(name: str, elements: Tensor, weight: Any) -> Tensor:
    """The elements of a loss, each multiplied by its weight.

    Raises:
        ValueError: the weights cannot be broadcast to the elements.
    """
    weight = as_operand(weight)
    if not fits(weight.shape, elements.shape):
        raise ValueError(f"{name}: a weight of shape {weight.shape} does not fit elements of shape {elements.shape}")
    factors: Tensor = weight.to(elements.dtype)
    return elements * factors


def _per_weight(name: str, elements: Tensor, weight: Any, reduction: str) -> Tensor:
    """The elements of a loss multiplied by weights of the same shape, and reduced.

    Their mean is the weighted one: the sum of the products divided by the sum of the weights.

    Raises:
        ValueError: the weights have another shape.
    """
    weight = as_operand(weight).to(elements.dtype)
    if weight.shape != elements.shape:
        raise ValueError(f"{name}: weight has shape {weight.shape}, but there are elements of shape {elements.shape}")
    terms = weighted(name, elements, weight)
    return terms.sum() / weight.sum() if reduction == "mean" else reduced(terms, reduction)


def mse_loss(
    input: Tensor,
    target: Any,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Tensor:
    """(input − target)², averaged over all entries, summed, or for each entry.

    `weight`, of the same shape, multiplies the entries. Their mean is then the weighted one.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    input, target = pair("mse_loss", input, target, reduction)
    if weight is not None:
        return _per_weight("mse_loss", record(f.squared_error, (input, target)), weight, reduction)
    loss: Tensor = record(f.squared_error, (input, target), _TOTALS[reduction])
    return loss / input.numel() if reduction == "mean" else loss


def l1_loss(
    input: Tensor,
    target: Any,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
    weight: Any = None,
) -> Tensor:
    """|input − target|, averaged over all entries, summed, or for each entry.

    `weight`, of the same shape, multiplies the entries. Their mean is then the weighted one.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    input, target = pair("l1_loss", input, target, reduction)
    elements = (input - target).abs()
    return reduced(elements, reduction) if weight is None else _per_weight("l1_loss", elements, weight, reduction)


def validate_delta(delta: float) -> None:
    """Raise ValueError unless `delta` is positive."""
    expected = "huber_loss: delta, from which the loss is linear, is a positive number"
    number(delta, expected, lambda delta: delta > 0, trained=True)


def validate_smoothing(label_smoothing: float) -> None:
    """Raise ValueError unless `label_smoothing` lies in [0, 1]."""
    number(label_smoothing, "label_smoothing lies in [0, 1]", lambda share: 0 <= share <= 1)


def validate_class_options(name: str, weight: Any, ignore_index: Any = -100) -> None:
    """Raise ValueError unless `weight` is None or a vector, and `ignore_index` an integer."""
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"{name}: weight has one entry for each class, of shape (C,), not shape {weight.shape}")
    if integer(ignore_index) is None:
        raise ValueError(f"{name}: ignore_index is an integer, the class to ignore, not {shown(ignore_index)}")


def huber_loss(input: Tensor, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Tensor:
    """e²/2 for errors e = |input − target| up to `delta`, and delta · (e − delta/2) for larger ones (Huber 1964).

    `weight` multiplies the entries, before they are averaged or summed.

    Raises:
        ValueError: the shapes differ, `delta` is not positive, or `reduction` is unknown.
    """
    input, target = pair("huber_loss", input, target, reduction)
    validate_delta(delta)
    elements = _huber(input - target, delta)
    return reduced(elements if weight is None else weighted("huber_loss", elements, weight), reduction)


def _huber(error: Tensor, delta: Any) -> Tensor:
    near = error.minimum(delta).maximum(-delta)  # not |error|, whose kink at 0 would spoil second derivatives
    return near * (error - near / 2)


def validate_beta(beta: float) -> None:
    """Raise ValueError unless `beta` is a number of at least 0."""
    expected = "smooth_l1_loss: beta, from which the loss is linear, is a number of at least 0"
    number(beta, expected, lambda beta: beta >= 0)


def smooth_l1_loss(
    input: Tensor,
    target: Any,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """e²/(2 beta) for errors e = |input − target| up to `beta`, and e − beta/2 for larger ones.

    It is the Huber loss divided by its `delta`. For a `beta` of 0, it is `l1_loss`.

    Raises:
        ValueError: the shapes differ, `beta` is negative, or `reduction` is unknown.
    """
    reduction = reduction_of(reduction, size_average, reduce)
    validate_beta(beta)
    input, target = tensors("smooth_l1_loss", input, target, reduction)
    error = input - target
    return reduced(_huber(error, beta) / beta if beta else error.abs(), reduction)


def _validate_probabilities(input: Any, target: Any) -> None:
    """Raise ValueError unless all entries are probabilities."""
    for name, array in (("input", array_of(input)), ("target", array_of(target))):
        if array.size and not (array.min() >= 0 and array.max() <= 1):
            advice = "binary_cross_entropy_with_logits for what has not been through a sigmoid"
            raise ValueError(
                f"binary_cross_entropy: the {name} must lie in [0, 1], but spans [{array.min()}, {array.max()}]: "
                f"use {advice if name == 'input' else 'cross_entropy for classes'}"
            )


def binary_cross_entropy(
    input: Tensor,
    target: Any,
    weight: Any = None,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """−y ln a − (1 − y) ln(1 − a) for probabilities a, the input, and y, the target.

    `weight` multiplies the entries, before they are averaged or summed.

    Raises:
        ValueError: the shapes differ, a probability is outside [0, 1], or `reduction` is unknown.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    input, target = pair("binary_cross_entropy", input, target, reduction)
    observer().perform(_validate_probabilities, input, target)
    if weight is not None:
        elements = record(f.binary_cross_entropy, (input, target))
        return reduced(weighted("binary_cross_entropy", elements, weight), reduction)
    loss: Tensor = record(f.binary_cross_entropy, (input, target), _TOTALS[reduction])
    return loss / input.numel() if reduction == "mean" else loss


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Any,
    weight: Any = None,
    size_average: Deprecated = None,
    reduce: Deprecated = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """`binary_cross_entropy` of σ(input), also exact where σ(input) is rounded to 0 or 1.

    `weight` multiplies the entries, and `pos_weight` those parts of them that belong to the target 1.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    name = "binary_cross_entropy_with_logits"
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    input, target = pair(name, input, target, reduction)
    if weight is None and pos_weight is None:
        loss: Tensor = record(f.binary_cross_entropy_with_logits, (input, target), _TOTALS[reduction])
        return loss / input.numel() if reduction == "mean" else loss
    elements: Tensor = record(f.binary_cross_entropy_with_logits, (input, target))
    if pos_weight is not None:
        # The loss of a target y is −y ln σ(z) − (1 − y) ln(1 − σ(z)). Its first part, which is y times the loss of a
        # target 1, counts `pos_weight` times. `elements` has it once, so it is added `pos_weight` − 1 times.
        positive = record(f.binary_cross_entropy_with_logits, (input, 1))
        elements = elements + weighted(name, target * positive, as_floating(pos_weight) - 1)
    return reduced(elements if weight is None else weighted(name, elements, weight), reduction)


def _rows(input: Tensor) -> Tensor:
    """Values for classes, (N, C, d₁, …) or (C,), as a matrix (N d₁ …, C)."""
    if input.ndim > 2:
        input = input.permute(0, *range(2, input.ndim), 1)
    return input if input.ndim == 2 else input.reshape(-1, input.shape[-1])


def _target_shape(input: Tensor) -> tuple[int, ...]:
    """The shape that a target of classes must have: that of `input`, (N, C, d₁, …) or (C,), without the length C."""
    shape = input._data.shape
    return shape[:1] * (len(shape) > 1) + shape[2:]


def validate_classes(name: str, target: Tensor, number: int, ignore_index: int | None = None) -> None:
    """Raise ValueError unless each class in `target` lies in 0 … number − 1 or is `ignore_index`."""
    classes = target._data if ignore_index is None else target._data[target._data != ignore_index]
    if classes.size and (classes.min() < 0 or classes.max() >= number):
        raise ValueError(f"{name}: classes go from 0 to {number - 1}, but span {classes.min()} … {classes.max()}")


def validated_classes(name: str, input: Tensor, target: Any, ignore_index: int | None = None) -> Tensor:
    """The target of a loss as a Tensor of integer classes, validated against the shape of `input`.

    Raises:
        ValueError: the shapes do not fit, or a class that is not `ignore_index` is outside 0 … C − 1.
    """
    target = as_operand(target)
    if target.dtype.kind not in "iu" or not input.ndim or target._data.shape != _target_shape(input):
        if input.ndim and target.shape == _target_shape(input):
            advice = "write target.long(), or .astype(numpy.int64) of an array"
        elif input.ndim and target.shape == input.shape:
            advice = f"write target.argmax(dim={min(1, input.ndim - 1)}) for rows of zeros and a one"
            advice += ", target.float() for probabilities" * (name == "cross_entropy")
        elif input.ndim == 2 and target.shape == (len(input), 1):
            advice = "write target.squeeze(1)"
        else:
            advice = _OTHER_SAMPLES
        raise ValueError(
            f"{name} takes inputs (N, C) or (N, C, d, …) with integer classes (N,) or (N, d, …), not shape "
            f"{input.shape} with {target.dtype} of shape {target.shape}: {advice}"
        )
    classes: Tensor = target
    observer().perform(validate_classes, name, classes, input._data.shape[min(1, input.ndim - 1)], ignore_index)
    return classes


def class_weight(name: str, weight: Any, number: int, dtype: Any) -> Tensor:
    """The weights of the classes as a Tensor. Raises ValueError unless there is one for each of `number` classes."""
    given = as_operand(weight).detach()
    if given.shape != (number,):
        raise ValueError(f"{name}: weight has shape {given.shape}, but there are {number} classes")
    return given.to(dtype)


def nll_loss(
    input: Tensor,
    target: Any,
    weight: Any = None,
    size_average: Deprecated = None,
    ignore_index: int = -100,
    reduce: Deprecated = None,
    reduction: str = "mean",
) -> Tensor:
    """−`input` at the target class, for log-probabilities (N, C), (N, C, d, …), (C,) and classes (N,), (N, d, …), ().

    Each target's loss is multiplied by the `weight` (C,) of its class, and is 0 for the class `ignore_index`. The mean
    is the sum divided by the sum of the weights of the targets that are not ignored.

    Raises:
        ValueError: the shapes do not fit, a class is outside 0 … C − 1, or `reduction` is unknown.
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    validate_reduction(reduction)
    input = as_floating(input)
    target = validated_classes("nll_loss", input, target, ignore_index)
    rows = _rows(input)
    with no_grad():
        counted = target.reshape(-1) != ignore_index
        chosen = np.where(counted, target.reshape(-1), 0)
        weights = counted.to(rows.dtype)
        if weight is not None:
            weights = weights * class_weight("nll_loss", weight, rows.shape[1], rows.dtype)[chosen]
    elements = -rows[arange(len(chosen)), chosen]
    if weight is not None:
        elements = elements * weights
    elements = np.where(counted, elements, 0)  # type: ignore[assignment]
    if reduction != "mean":
        return elements.sum() if reduction == "sum" else elements.reshape(target.shape)
    total: Tensor = weights.sum()
    mean: Tensor = elements.sum() / total.masked_fill(total == 0, math.nan)  # NaN of no samples, and no gradient passes
    return mean


def one_hot_rows(target: Tensor, number: int, ignore_index: int, dtype: Any) -> Array:
    """A one-hot row for each class in `target`. The row of `ignore_index` has zeros alone."""
    classes = target._data.reshape(-1)
    rows = np.zeros((len(classes), number), dtype)
    counted = np.flatnonzero(classes != ignore_index)
    rows[counted, classes[counted]] = 1
    return rows


def cross_entropy(
    input: Tensor,
    target: Any,
    weight: Any = None,
    size_average: Deprecated = None,
    ignore_index: int = -100,
    reduce: Deprecated = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """−ln softmax(input) at the target class, or its average under target probabilities.

    Logits have shape (N, C), (N, C, d, …) or (C,), and classes (N,), (N, d, …) or (). Each target's loss is multiplied
    by the `weight` (C,) of its class, and is 0 for the class `ignore_index`; the mean is the sum divided by the sum of
    these weights. Target probabilities have the shape of the logits, and the mean is the sum divided by the number of
    targets. A share `label_smoothing` of each target is spread over all classes (Szegedy et al. 2016). The loss and its
    gradient are exact also where a probability is near 1.

    Raises:
        ValueError: the shapes do not fit, a class is outside 0 … C − 1, `reduction` is unknown, `label_smoothing` is
            outside [0, 1], or a class is to be ignored where the targets are probabilities.
    """
    name = "cross_entropy"
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    validate_reduction(reduction)
    validate_smoothing(label_smoothing)
    if not isinstance(target, Tensor):
        target = array_of(target)
    are_classes = (target if type(target) is np.ndarray else target._data).dtype.kind != "f"
    if are_classes:
        input = as_floating(input)
        target = validated_classes(name, input, target, ignore_index)
        logits = _rows(input)
        targets = Tensor._of(observer().repeat(one_hot_rows, target, logits._data.shape[1], ignore_index, logits.dtype))
    else:
        if ignore_index >= 0:
            raise ValueError(f"{name}: ignore_index={ignore_index} is of classes, but targets are probabilities")
        input, target = pair(name, input, target, reduction)
        logits, targets = _rows(input), _rows(as_operand(target))
    number = logits._data.shape[1]
    weights: Any = 1 if weight is None else class_weight(name, weight, number, logits.dtype)
    shares: Any = targets  # how much −ln softmax(input) at each class counts
    if weight is not None:  # of an absent class, even an infinite weight adds nothing
        shares = np.where(targets > 0, weights, 0) if are_classes else targets * weights
    count: Any = 1
    if reduction == "mean":
        count = shares.sum() if are_classes else len(logits) or math.nan
    if label_smoothing:
        counted: Any = targets.sum(-1, keepdim=True) if are_classes else 1  # 0 for an ignored class
        shares = shares * (1 - label_smoothing) + counted * weights * (label_smoothing / number)
    loss: Tensor = record(f.cross_entropy, (logits, shares, count), _TOTALS[reduction])
    return loss.reshape(_target_shape(input)) if reduction == "none" else loss
