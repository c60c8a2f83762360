"""The layers and losses as functions, under PyTorch's names.

Losses compare arrays of one shape: what would broadcast, such as predictions of shape (n, 1) with targets of shape
(n,), is an error here, because it is one in every program that does it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from ..core import functions as f
from ..core.mode import no_grad
from ..core.record import record
from ..core.tape import observer
from ..tensors.arguments import array_of
from ..tensors.creation import arange
from ..tensors.random import AnyGenerator, drawn
from ..tensors.tensor import Tensor

__all__ = [
    "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "elu", "gelu",
    "huber_loss", "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax", "mse_loss", "nll_loss", "one_hot",
    "relu", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip

Array = NDArray[Any]

_REDUCTIONS = ("mean", "sum", "none")
# What a reduction asks of the elementwise losses of the sheet: their sum is one node.
_TOTALS: dict[str, dict[str, bool]] = {"mean": {"total": True}, "sum": {"total": True}, "none": {}}
_ARRAYS = (Tensor, np.ndarray)
_OTHER_SAMPLES = "are they of the same samples, and in this order?"


def as_tensor(value: Any) -> Tensor:
    """`value` itself, or a Tensor of it."""
    return value if isinstance(value, Tensor) else Tensor(value)


def linear(input: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input weightᵀ + bias`` for input (…, in), weight (out, in), bias (out,): (…, out).

    Raises:
        ValueError: the last dimension of `input` is not in.
    """
    if input.ndim != 2:
        if input.ndim == 0:
            raise ValueError("linear takes inputs of shape (…, in), not a number: write x.reshape(1, 1)")
        rows = np.reshape(input, (-1, input.shape[-1]))
        return linear(rows, weight, bias).reshape(*input.shape[:-1], weight.shape[0])
    return record(f.linear, (input, weight, bias))  # type: ignore[no-any-return]


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Integer classes of any shape as rows of `num_classes` zeros and a one, int64; by default as many as needed.

    Raises:
        TypeError: the classes are not integers.
        ValueError: a class is negative or not below `num_classes`, or none tells how many there are.

    >>> one_hot([2, 0])
    tensor([[0, 0, 1],
            [1, 0, 0]])
    """
    dtype = array_of(tensor).dtype
    if dtype.kind not in "iu":
        raise TypeError(f"one_hot takes integer classes, not {dtype}: write .long() if they are whole numbers")
    classes = as_tensor(tensor)
    if num_classes < 0 and not classes.numel():
        raise ValueError("one_hot of no classes cannot tell how many there are: pass num_classes")
    number = int(classes.max()) + 1 if num_classes < 0 else num_classes
    observer().perform(_check_classes, "one_hot", classes, number)
    return Tensor._of(observer().repeat(_one_hot, classes, number))


def _one_hot(classes: Tensor, number: int) -> Array:
    rows: Array = (classes._data[..., None] == np.arange(number)).astype(np.int64)
    return rows


def _check_classes(name: str, target: Tensor, number: int, ignore_index: int | None = None) -> None:
    """Raise ValueError unless all classes that count are of 0 … number − 1."""
    classes = target._data if ignore_index is None else target._data[target._data != ignore_index]
    if classes.size and (classes.min() < 0 or classes.max() >= number):
        raise ValueError(f"{name}: classes go from 0 to {number - 1}, but span {classes.min()} … {classes.max()}")


def check_probability(p: float) -> None:
    """Raise ValueError unless `p` is a probability."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is a probability, from 0 to 1, not {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, *, generator: AnyGenerator | None = None) -> Tensor:
    """Each entry 0 with probability `p`, the others divided by 1 − p, if `training`; else the input as it is.

    Raises:
        ValueError: `p` is no probability.
    """
    check_probability(p)
    input = as_tensor(input)
    if not training or p == 0:
        return input
    shape, scale = input.shape, input.dtype.type(1 / (1 - p) if p < 1 else 0)

    def draw(numbers: np.random.Generator) -> Array:
        factors: Array = (numbers.random(shape, np.float32) >= p) * scale
        return factors

    return input * Tensor._of(drawn(generator, draw))


# --- activations ------------------------------------------------------------------------------------------------------


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


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, else `negative_slope` · x; the slope at 0 is `negative_slope`."""
    input = as_tensor(input)
    return np.where(input > 0, input, negative_slope * input)  # type: ignore[return-value]


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where it is positive, else `alpha` · (eˣ − 1)."""
    input = as_tensor(input)
    positive = input > 0
    # e to a large x, which would overflow, is not even computed.
    return np.where(positive, input, alpha * np.expm1(np.where(positive, 0, input)))  # type: ignore[return-value]


def check_approximate(approximate: str) -> None:
    """Raise ValueError unless `approximate` is one of PyTorch's two."""
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x Φ(x) with the normal distribution function Φ, or an approximation by tanh.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".
    """
    check_approximate(approximate)
    input = as_tensor(input)
    if approximate == "tanh":
        return 0.5 * input * (1 + (math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)).tanh())
    return 0.5 * input * (1 + erf(input / math.sqrt(2)))  # type: ignore[no-any-return]


def silu(input: Tensor) -> Tensor:
    """x σ(x)."""
    input = as_tensor(input)
    return input * input.sigmoid()


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """ln(1 + e^(`beta` x)) / `beta`; x itself where `beta` x is above `threshold`."""
    scaled = beta * as_tensor(input)
    smooth = np.logaddexp(scaled, 0) / beta
    return np.where(scaled > threshold, input, smooth)  # type: ignore[return-value]


# --- normalization ----------------------------------------------------------------------------------------------------


def check_normalized_shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    """The lengths of `layer_norm` as a tuple; ValueError unless they are one or more positive integers."""
    shape = tuple(np.atleast_1d(np.asarray(normalized_shape)).tolist())
    if not shape or not all(isinstance(n, int) and n > 0 for n in shape):
        raise ValueError(f"normalized_shape is of one or more positive integers, not {normalized_shape!r}")
    return shape


def layer_norm(
    input: Tensor,
    normalized_shape: int | Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """The last dimensions, of lengths `normalized_shape`, shifted to mean 0 and scaled to variance 1 together.

    Then it is scaled by `weight` and shifted by `bias`, both of that shape.

    Raises:
        ValueError: the input does not end in `normalized_shape`, or that is not of positive integers.
    """
    input = as_tensor(input)
    shape = check_normalized_shape(normalized_shape)
    if input.shape[-len(shape) :] != shape:
        ending = ", ".join(map(str, shape))
        raise ValueError(f"layer_norm over {shape} takes inputs of shape (…, {ending}), but got {input.shape}")
    axes = tuple(range(-len(shape), 0))
    centered = input - input.mean(axes, keepdim=True)
    return _affine(centered / (centered.square().mean(axes, keepdim=True) + eps).sqrt(), weight, bias)


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
    """Each channel of `input` (N, C, …) shifted to mean 0 and scaled to variance 1, then by `weight` and `bias` (C,).

    If `training`, mean and variance are those of the batch, and the running ones, if given, are moved towards them, the
    variance as the unbiased one, by the share `momentum`; else they are the running ones.

    Raises:
        ValueError: there are fewer dimensions than two, other channels than expected, one value per channel to train
            with, or nothing to normalize by.
    """
    input = as_tensor(input)
    if input.ndim < 2:
        raise ValueError(f"batch_norm takes inputs of shape (N, C, …), not {input.shape}")
    channels = input.shape[1]
    along = (channels,) + (1,) * (input.ndim - 2)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, held in given.items():
        if held is not None and held.shape != (channels,):
            raise ValueError(f"batch_norm of {channels} channels takes a {name} of as many, not of shape {held.shape}")
    if training:
        axes = (0, *range(2, input.ndim))
        count = input.numel() // channels
        if count < 2:
            raise ValueError(
                f"batch_norm: {input.shape} has {count} values per channel, which have no variance to train with: "
                "take a larger batch, or call eval() first"
            )
        mean = input.mean(axes, keepdim=True)
        centered = input - mean
        variance = centered.square().mean(axes, keepdim=True)
        with no_grad():
            if running_mean is not None:
                running_mean.mul_(1 - momentum).add_(mean.reshape(-1), alpha=momentum)
            if running_var is not None:
                running_var.mul_(1 - momentum).add_(variance.reshape(-1), alpha=momentum * count / (count - 1))
    elif running_mean is None or running_var is None:
        raise ValueError("batch_norm needs running_mean and running_var, or training=True to take the batch's own")
    else:
        centered = input - running_mean.reshape(along)
        variance = running_var.reshape(along)
    weight, bias = (None if held is None else held.reshape(along) for held in (weight, bias))
    return _affine(centered / (variance + eps).sqrt(), weight, bias)


def _affine(normalized: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    scaled = normalized if weight is None else normalized * weight
    return scaled if bias is None else scaled + bias


# --- losses -----------------------------------------------------------------------------------------------------------


def _reduced(elements: Tensor, reduction: str) -> Tensor:
    return elements.mean() if reduction == "mean" else elements.sum() if reduction == "sum" else elements


def check_reduction(reduction: str) -> None:
    """Raise ValueError unless `reduction` is one of PyTorch's three."""
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")


def _pair(name: str, input: Any, target: Any, reduction: str) -> tuple[Tensor, Any]:
    """The input and the target of a loss of equal shapes, the target a floating Tensor or array."""
    if reduction not in _REDUCTIONS:
        check_reduction(reduction)
    if not isinstance(input, Tensor):
        input = Tensor(input)
    if not isinstance(target, _ARRAYS):
        target = Tensor(target, dtype=input.dtype)
    array = target._data if isinstance(target, Tensor) else target
    if array.shape != input._data.shape:
        if array.size == input.numel():
            advice = f"write target.reshape({', '.join(map(str, input.shape))}) if that is what is meant"
        elif array.ndim and array.shape == _around_classes(input):
            advice = f"{'write target.long()' if name == 'cross_entropy' else 'use cross_entropy'} if it holds classes"
        else:
            advice = _OTHER_SAMPLES
        raise ValueError(
            f"{name}: input of shape {input.shape} and target of shape {array.shape} must be equal: {advice}"
        )
    if array.dtype.kind != "f":  # integers would widen float32 to float64
        target = target.to(input.dtype) if isinstance(target, Tensor) else target.astype(input.dtype)
    return input, target


def _weighted(name: str, elements: Tensor, weight: Any) -> Tensor:
    """The elements of a loss, each times its weight."""
    weight = as_tensor(weight)
    lengths = zip(weight.shape[::-1], elements.shape[::-1], strict=False)
    if weight.ndim > elements.ndim or any(own not in (1, n) for own, n in lengths):
        raise ValueError(f"{name}: a weight of shape {weight.shape} does not fit elements of shape {elements.shape}")
    factors: Tensor = weight.to(elements.dtype)
    return elements * factors


def _per_weight(name: str, elements: Tensor, weight: Any, reduction: str) -> Tensor:
    """The elements of a loss times weights of their shape, reduced: their mean is the sum per sum of weights."""
    weight = as_tensor(weight)
    if weight.shape != elements.shape:
        raise ValueError(f"{name}: weight has shape {weight.shape}, but there are elements of shape {elements.shape}")
    weighted = _weighted(name, elements, weight)
    return weighted.sum() / weight.sum() if reduction == "mean" else _reduced(weighted, reduction)


def mse_loss(input: Tensor, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """(input − target)², averaged over all entries (or per `weight`, of their shape), summed, or elementwise.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    input, target = _pair("mse_loss", input, target, reduction)
    if weight is not None:
        return _per_weight("mse_loss", record(f.squared_error, (input, target)), weight, reduction)
    loss: Tensor = record(f.squared_error, (input, target), _TOTALS[reduction])
    return loss / input.numel() if reduction == "mean" else loss


def l1_loss(input: Tensor, target: Any, reduction: str = "mean", weight: Any = None) -> Tensor:
    """|input − target|, averaged over all entries (or per `weight`, of their shape), summed, or elementwise.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    input, target = _pair("l1_loss", input, target, reduction)
    elements = (input - target).abs()
    return _reduced(elements, reduction) if weight is None else _per_weight("l1_loss", elements, weight, reduction)


def check_delta(delta: float) -> None:
    """Raise ValueError unless `delta` is positive."""
    if not delta > 0:
        raise ValueError(f"huber_loss: delta, from which the loss is linear, is a positive number, not {delta}")


def huber_loss(input: Tensor, target: Any, reduction: str = "mean", delta: float = 1.0, weight: Any = None) -> Tensor:
    """e²/2 of errors e = |input − target| up to `delta`, and delta · (e − delta/2) beyond, times `weight` (Huber 1964).

    Raises:
        ValueError: the shapes differ, `delta` is not positive, or `reduction` is unknown.
    """
    input, target = _pair("huber_loss", input, target, reduction)
    check_delta(delta)
    error = (input - target).abs()
    near = error.minimum(delta)
    elements = near * (error - near / 2)
    return _reduced(elements if weight is None else _weighted("huber_loss", elements, weight), reduction)


def _check_probabilities(input: Any, target: Any) -> None:
    for name, array in (("input", array_of(input)), ("target", array_of(target))):
        if array.size and not (array.min() >= 0 and array.max() <= 1):
            advice = "binary_cross_entropy_with_logits for what has not been through a sigmoid"
            raise ValueError(
                f"binary_cross_entropy: the {name} must lie in [0, 1], but spans [{array.min()}, {array.max()}]: "
                f"use {advice if name == 'input' else 'cross_entropy for classes'}"
            )


def binary_cross_entropy(input: Tensor, target: Any, weight: Any = None, reduction: str = "mean") -> Tensor:
    """−y ln a − (1 − y) ln(1 − a) for probabilities `input` a and `target` y, times `weight`.

    Raises:
        ValueError: the shapes differ, a probability is outside [0, 1], or `reduction` is unknown.
    """
    input, target = _pair("binary_cross_entropy", input, target, reduction)
    observer().perform(_check_probabilities, input, target)
    if weight is not None:
        elements = record(f.binary_cross_entropy, (input, target))
        return _reduced(_weighted("binary_cross_entropy", elements, weight), reduction)
    loss: Tensor = record(f.binary_cross_entropy, (input, target), _TOTALS[reduction])
    return loss / input.numel() if reduction == "mean" else loss


def binary_cross_entropy_with_logits(
    input: Tensor, target: Any, weight: Any = None, reduction: str = "mean", pos_weight: Any = None
) -> Tensor:
    """`binary_cross_entropy` of σ(input), exact for logits of any size; positives count `pos_weight` times.

    Raises:
        ValueError: the shapes differ, or `reduction` is unknown.
    """
    name = "binary_cross_entropy_with_logits"
    input, target = _pair(name, input, target, reduction)
    if weight is None and pos_weight is None:
        loss: Tensor = record(f.binary_cross_entropy_with_logits, (input, target), _TOTALS[reduction])
        return loss / input.numel() if reduction == "mean" else loss
    elements: Tensor = record(f.binary_cross_entropy_with_logits, (input, target))
    if pos_weight is not None:
        # −ln σ(z) is the loss of a target of 1; the positives' share of it is counted pos_weight − 1 times more.
        positive = record(f.binary_cross_entropy_with_logits, (input, 1))
        elements = elements + _weighted(name, target * positive, as_tensor(pos_weight) - 1)
    return _reduced(elements if weight is None else _weighted(name, elements, weight), reduction)


def _rows(input: Tensor) -> Tensor:
    """Values for classes, (N, C, d₁, …) or (C,), as a matrix (N d₁ …, C)."""
    if input.ndim > 2:
        input = input.permute(0, *range(2, input.ndim), 1)
    return input if input.ndim == 2 else input.reshape(-1, input.shape[-1])


def _around_classes(input: Tensor) -> tuple[int, ...]:
    """The shape of the targets for values of shape (N, C, d₁, …) or (C,)."""
    return input.shape[:1] * (input.ndim > 1) + input.shape[2:]


class _Classes:
    """The targets of a loss that are classes: which, whether each counts, and with what weight."""

    def __init__(self, name: str, input: Tensor, target: Any, weight: Any, ignore_index: int) -> None:
        target = as_tensor(target)
        self.shape = target.shape
        if target.dtype.kind not in "iu" or not input.ndim or self.shape != _around_classes(input):
            if input.ndim and self.shape == _around_classes(input):
                advice = "write target.long()"
            elif input.ndim and self.shape == input.shape:
                advice = f"write target.argmax(dim={min(1, input.ndim - 1)}) for rows of zeros and a one"
                advice += ", target.float() for probabilities" * (name == "cross_entropy")
            else:
                advice = _OTHER_SAMPLES
            raise ValueError(
                f"{name} takes inputs (N, C) or (N, C, d, …) with integer classes (N,) or (N, d, …), not shape "
                f"{input.shape} with {target.dtype} of shape {self.shape}: {advice}"
            )
        number = input.shape[min(1, input.ndim - 1)]
        observer().perform(_check_classes, name, target, number, ignore_index)
        with no_grad():
            classes = target.reshape(-1)
            self.counted = classes != ignore_index
            self.chosen = np.where(self.counted, classes, 0)
            self.weights = self.counted.to(input.dtype)
            if weight is not None:
                self.weights = self.weights * _class_weight(name, weight, number, input.dtype)[self.chosen]
        self.are_weighted = weight is not None

    def picked(self, rows: Tensor) -> Tensor:
        """The entries of `rows` at the classes."""
        return rows[arange(len(self.chosen)), self.chosen]

    def weighted(self, elements: Tensor) -> Tensor:
        """`elements` times the weights of their classes."""
        return elements * self.weights if self.are_weighted else elements

    def reduced(self, elements: Tensor, reduction: str) -> Tensor:
        """`elements`, 0 where the target does not count; the mean of nothing is NaN, without a gradient."""
        elements = np.where(self.counted, elements, 0)  # type: ignore[assignment]
        if reduction != "mean":
            return elements.sum() if reduction == "sum" else elements.reshape(self.shape)
        total: Tensor = self.weights.sum()
        return elements.sum() / total.masked_fill(total == 0, math.nan)


def _class_weight(name: str, weight: Any, number: int, dtype: Any) -> Tensor:
    given = as_tensor(weight).detach()
    if given.shape != (number,):
        raise ValueError(f"{name}: weight has shape {given.shape}, but there are {number} classes")
    return given.to(dtype)


def nll_loss(
    input: Tensor, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Tensor:
    """−`input` at the target class, for log-probabilities (N, C), (N, C, d, …), (C,) and classes (N,), (N, d, …), ().

    Each counts as much as the `weight` (C,) of its class, those of `ignore_index` nothing; the mean is per weight.

    Raises:
        ValueError: the shapes do not fit, a class is outside 0 … C − 1, or `reduction` is unknown.
    """
    check_reduction(reduction)
    input = as_tensor(input)
    classes = _Classes("nll_loss", input, target, weight, ignore_index)
    return classes.reduced(classes.weighted(-classes.picked(_rows(input))), reduction)


def cross_entropy(
    input: Tensor,
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """`nll_loss` of log softmax(input), for logits (N, C), (N, C, d, …) or (C,) and classes, or their probabilities.

    A share `label_smoothing` of each target is spread over all classes (Szegedy et al. 2016). Probabilities have the
    logits' shape, and their mean is per target, whatever the weights.

    Raises:
        ValueError: as `nll_loss`; `label_smoothing` is outside [0, 1], or a class is ignored of probabilities.
    """
    check_reduction(reduction)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing lies in [0, 1], not {label_smoothing}")
    input = as_tensor(input)
    if not isinstance(target, Tensor):
        target = np.asarray(target)
    if target.dtype.kind == "f":
        if ignore_index >= 0:
            raise ValueError(f"cross_entropy: ignore_index={ignore_index} is of classes, but targets are probabilities")
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    classes = _Classes("cross_entropy", input, target, weight, ignore_index)
    rows = _rows(input)
    each = rows.log_softmax(-1)
    elements = -classes.weighted(classes.picked(each))
    if label_smoothing:
        number = rows.shape[1]
        if weight is not None:
            each = each * _class_weight("cross_entropy", weight, number, rows.dtype)
        elements = elements * (1 - label_smoothing) - each.sum(-1) * (label_smoothing / number)
    return classes.reduced(elements, reduction)


def _soft_cross_entropy(input: Tensor, target: Any, weight: Any, reduction: str, label_smoothing: float) -> Tensor:
    """The cross entropy of targets that are probabilities."""
    input, target = _pair("cross_entropy", input, target, reduction)
    rows, targets = _rows(input), _rows(as_tensor(target))
    number = rows.shape[1]
    if label_smoothing:
        targets = targets * (1 - label_smoothing) + label_smoothing / number
    if weight is not None:
        targets = targets * _class_weight("cross_entropy", weight, number, rows.dtype)
    elements = -(rows.log_softmax(-1) * targets).sum(-1)
    if reduction == "none":
        return elements.reshape(_around_classes(input))
    return _reduced(elements, reduction)
