"""The layers and losses as functions, under PyTorch's names.

Losses compare arrays of one shape: what would broadcast, such as predictions of shape (n, 1) with targets of shape
(n,), is an error here, because it is one in every program that does it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import functions as f
from .._tensor import Tensor
from ..autograd.graph import record

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "linear", "log_softmax", "mse_loss",
    "nll_loss", "relu", "sigmoid", "softmax", "tanh",
]  # fmt: skip

_TOTAL = {"total": True}


def _as_tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else Tensor(value)


def linear(input: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input weightᵀ + bias`` for input (…, in), weight (out, in), bias (out,): (…, out).

    Raises:
        ValueError: the last dimension of `input` is not in.
    """
    if input.ndim != 2:
        rows = np.reshape(input, (-1, input.shape[-1]))
        return linear(rows, weight, bias).reshape(*input.shape[:-1], weight.shape[0])
    return record(Tensor, f.linear, (input, weight, bias))  # type: ignore[no-any-return]


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return input.tanh()


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e⁻ˣ)."""
    return input.sigmoid()


def relu(input: Tensor) -> Tensor:
    """max(x, 0); its derivative at 0 is 0."""
    return input.relu()


def softmax(input: Tensor, dim: int) -> Tensor:
    """eˣ / Σ eˣ along `dim`."""
    return input.softmax(dim)


def log_softmax(input: Tensor, dim: int) -> Tensor:
    """x − ln Σ eˣ along `dim`."""
    return input.log_softmax(dim)


# --- losses -----------------------------------------------------------------------------------------------------------


def _reduced(elements: Tensor, reduction: str) -> Tensor:
    return elements.mean() if reduction == "mean" else elements.sum() if reduction == "sum" else elements


def check_reduction(reduction: str) -> None:
    """Raise ValueError unless `reduction` is one of PyTorch's three."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")


def _pair(name: str, input: Any, target: Any, reduction: str) -> tuple[Tensor, Any]:
    """The input and the target of a loss of equal shapes."""
    check_reduction(reduction)
    input = _as_tensor(input)
    target = target if isinstance(target, Tensor | np.ndarray) else np.asarray(target, input.dtype)
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: input of shape {input.shape} and target of shape {target.shape} must be equal: "
            f"write target.reshape({', '.join(map(str, input.shape))}) if that is what is meant"
        )
    return input, target


def _compared(function: Any, input: Tensor, target: Any, reduction: str) -> Tensor:
    """An elementwise loss function of the sheet, reduced: the sum is one node."""
    if reduction == "none":
        return record(Tensor, function, (input, target))  # type: ignore[no-any-return]
    total: Tensor = record(Tensor, function, (input, target), _TOTAL)
    return total if reduction == "sum" else total / input.numel()


def mse_loss(input: Tensor, target: Any, reduction: str = "mean") -> Tensor:
    """(input − target)², averaged over all entries, summed, or elementwise.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    input, target = _pair("mse_loss", input, target, reduction)
    return _compared(f.squared_error, input, target, reduction)


def binary_cross_entropy(input: Tensor, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """−y ln a − (1 − y) ln(1 − a) for probabilities `input` a and `target` y, times `weight`.

    Raises:
        ValueError: the shapes differ, a probability is outside [0, 1], or `reduction` is unknown.
    """
    input, target = _pair("binary_cross_entropy", input, target, reduction)
    for name, value in (("input", input), ("target", target)):
        array = value._data if isinstance(value, Tensor) else value
        if array.size and not (array.min() >= 0 and array.max() <= 1):
            raise ValueError(
                f"binary_cross_entropy: the {name} must lie in [0, 1], but spans [{array.min()}, {array.max()}]: "
                "use binary_cross_entropy_with_logits for what has not been through a sigmoid"
            )
    if weight is not None:
        return _reduced(binary_cross_entropy(input, target, reduction="none") * weight, reduction)
    return _compared(f.cross_entropy, input, target, reduction)


def binary_cross_entropy_with_logits(
    input: Tensor, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """`binary_cross_entropy` of σ(input), exact for logits of any size; positives count `pos_weight` times.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    input, target = _pair("binary_cross_entropy_with_logits", input, target, reduction)
    if weight is None and pos_weight is None:
        return _compared(f.cross_entropy_with_logits, input, target, reduction)
    elements = _compared(f.cross_entropy_with_logits, input, target, "none")
    if pos_weight is not None:
        # −ln σ(z) is the loss of a target of 1; the positives' share of it is counted pos_weight − 1 times more.
        positive = record(Tensor, f.cross_entropy_with_logits, (input, np.ones(input.shape, input.dtype)))
        elements = elements + (pos_weight - 1) * target * positive
    return _reduced(elements if weight is None else elements * weight, reduction)


def nll_loss(
    input: Tensor, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """−`input` at the target class, for log-probabilities (N, C) or (C,) and class indices (N,) or a number.

    The mean is over the weights of the targets; targets equal to `ignore_index` count nothing.

    Raises:
        ValueError: the shapes do not fit, a class is outside 0 … C − 1, or `reduction` is unknown.
    """
    check_reduction(reduction)
    classes = np.asarray(target._data if isinstance(target, Tensor) else target)
    if input.ndim not in (1, 2) or classes.shape != input.shape[:-1] or classes.dtype.kind not in "iu":
        raise ValueError(
            f"nll_loss takes log-probabilities (N, C) and integer classes (N,), not shape {input.shape} and "
            f"{classes.dtype} of shape {classes.shape}"
        )
    counted = classes != ignore_index
    number = input.shape[-1]
    if (counted & ((classes < 0) | (classes >= number))).any():
        raise ValueError(f"nll_loss: classes go from 0 to {number - 1}, but the target spans {classes.min()} … {classes.max()}")
    safe = np.where(counted, classes, 0)
    weights = counted.astype(input.dtype)
    if weight is not None:
        weights *= (weight._data if isinstance(weight, Tensor) else np.asarray(weight))[safe]
    rows = tuple(np.ogrid[tuple(slice(n) for n in classes.shape)])
    elements = -input[(*rows, safe)] * weights
    return elements.sum() / weights.sum() if reduction == "mean" else _reduced(elements, reduction)


def cross_entropy(
    input: Tensor,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """−ln softmax(input) at the target class, for logits (N, C) or (C,) and classes, or probabilities of input's shape.

    Raises:
        ValueError: as `nll_loss`; or `label_smoothing` is outside [0, 1].
    """
    check_reduction(reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing lies in [0, 1], not {label_smoothing}")
    log_probabilities = input.log_softmax(-1)
    number = input.shape[-1]
    per_class = np.ones(number, input.dtype) if weight is None else weight
    if not isinstance(target, Tensor):
        target = np.asarray(target)
    if target.dtype.kind == "f":
        input, target = _pair("cross_entropy", input, target, reduction)
        target = target * (1 - label_smoothing) + label_smoothing / number
        elements = -(log_probabilities * target * per_class).sum(-1)
        return elements.sum() / max(1, elements.numel()) if reduction == "mean" else _reduced(elements, reduction)
    exact = nll_loss(log_probabilities, target, weight, ignore_index, reduction)
    if not label_smoothing:
        return exact
    classes = np.asarray(target._data if isinstance(target, Tensor) else target)
    counted = (classes != ignore_index).astype(input.dtype)
    elements = -(log_probabilities * per_class).sum(-1) * counted
    if reduction == "mean":
        weights = np.asarray(per_class._data if isinstance(per_class, Tensor) else per_class)
        elements = elements.sum() / (counted * weights[np.where(counted, classes, 0)]).sum()
    else:
        elements = _reduced(elements, reduction)
    return exact * (1 - label_smoothing) + elements * (label_smoothing / number)
