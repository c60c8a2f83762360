"""The layers and activations as functions, under PyTorch's names, and the losses of `loss_functions.py` beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from ..core import functions as f
from ..core import guard
from ..core.functions import DtypeError
from ..core.mode import no_grad
from ..core.record import record
from ..tensors.arguments import array_of
from ..tensors.creation import as_floating, as_tensor
from ..tensors.observer import observer
from ..tensors.random import AnyGenerator, drawn
from ..tensors.refusals import number, with_names
from ..tensors.tensor import Tensor
from .loss_functions import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    one_hot_rows,
    validate_classes,
)

__all__ = [
    "batch_norm", "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "dropout", "elu", "gelu",
    "huber_loss", "l1_loss", "layer_norm", "leaky_relu", "linear", "log_softmax", "mse_loss", "nll_loss", "one_hot",
    "relu", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip

Array = NDArray[Any]


def linear(input: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input weightᵀ + bias``, of shape (…, out), for input (…, in), weight (out, in) and bias (out,).

    Raises:
        ValueError: the shapes do not fit.
        DtypeError: the dtypes differ. This error is a RuntimeError, as in PyTorch, and a TypeError.
    """
    if input.ndim != 2:
        if input.ndim == 0:
            raise ValueError("linear takes inputs of shape (…, in), not a number: write x.reshape(1, 1)")
        rows = np.reshape(input, (-1, input.shape[-1]))
        return linear(rows, weight, bias).reshape(*input.shape[:-1], weight.shape[0])
    return record(f.linear, (input, weight, bias))  # type: ignore[no-any-return]


def conversions(input: Any, dtype: np.dtype[Any]) -> str:
    """What to write where an input meets a network of another `dtype`, for messages."""
    methods = {"float32": "float()", "float64": "double()"}
    wanted, given = methods.get(str(dtype)), methods.get(str(input.dtype))
    ways = [f"x.{wanted}" if isinstance(input, Tensor) else f"x.astype(numpy.{dtype})"]
    return ", or ".join(ways + [f"net.{given}"] * (given is not None))


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """A new last dimension for each class in `tensor`: 1 at the index of the class and 0 elsewhere, as int64.

    Args:
        tensor: integer classes, of any shape.
        num_classes: the length of the new dimension; by default the largest class + 1.

    Raises:
        TypeError: the classes are not integers.
        ValueError: a class is negative or not below `num_classes`; or there are no classes and no `num_classes`.

    >>> from tinygrad_mlp.nn import functional as F
    >>> F.one_hot([2, 0])
    tensor([[0, 0, 1],
            [1, 0, 0]])
    """
    dtype = array_of(tensor).dtype
    if dtype.kind not in "iu":
        raise TypeError(f"one_hot takes integer classes, not {dtype}: write .long() if they are whole numbers")
    classes = as_tensor(tensor)
    if num_classes < 0 and not classes.numel():
        raise ValueError("one_hot cannot tell the number of classes from an empty Tensor: pass num_classes")
    number = int(classes.max()) + 1 if num_classes < 0 else num_classes
    observer().perform(validate_classes, "one_hot", classes, number)
    rows = observer().repeat(one_hot_rows, classes, number, -1, np.int64)  # no class is −1, so none is ignored
    return Tensor._of(rows).reshape(*classes.shape, number)


def validate_probability(p: float) -> None:
    """Raise ValueError unless `p` is a probability."""
    number(p, "dropout: p is a probability, from 0 to 1", lambda p: 0 <= p <= 1)


def dropout(input: Tensor, p: float = 0.5, training: bool = True, *, generator: AnyGenerator | None = None) -> Tensor:
    """Set each entry to 0 with probability `p`, and divide the others by 1 − p, which keeps the expected value.

    Args:
        training: if False, return the input as it is.
        generator: draws which entries become 0.

    Raises:
        ValueError: `p` is not a probability.
    """
    validate_probability(p)
    input = as_tensor(input)
    if not training or p == 0:
        return input
    input = as_floating(input)
    shape, scale = input.shape, input.dtype.type(1 / (1 - p) if p < 1 else 0)

    def draw(numbers: np.random.Generator) -> Array:
        factors: Array = (numbers.random(shape, np.float32) >= p) * scale
        return factors

    return input * Tensor._of(drawn(generator, draw))


# --- activations ------------------------------------------------------------------------------------------------------


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return as_tensor(input).tanh()


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e⁻ˣ)."""
    return as_tensor(input).sigmoid()


def relu(input: Tensor) -> Tensor:
    """max(x, 0). Its derivative at 0 is 0."""
    return as_tensor(input).relu()


@with_names
def softmax(input: Tensor, dim: int) -> Tensor:
    """eˣ / Σ eˣ along `dim`."""
    return as_tensor(input).softmax(dim)


@with_names
def log_softmax(input: Tensor, dim: int) -> Tensor:
    """x − ln Σ eˣ along `dim`."""
    return as_tensor(input).log_softmax(dim)


def validate_slope(name: str, slope: float) -> None:
    """Raise ValueError unless `slope`, which the message calls `name`, is a number."""
    number(slope, f"{name} is a number", trained=True)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """x where x is positive, else `negative_slope` · x. The derivative at 0 is `negative_slope`.

    Raises:
        ValueError: `negative_slope` is no number.
    """
    validate_slope("leaky_relu: negative_slope", negative_slope)
    input = as_floating(input)
    return np.where(input > 0, input, negative_slope * input)  # type: ignore[return-value]


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """x where x is positive, else `alpha` · (eˣ − 1).

    Raises:
        ValueError: `alpha` is no number.
    """
    validate_slope("elu: alpha", alpha)
    input = as_floating(input)
    positive = input > 0
    # numpy.where computes both of its choices. The inner one keeps a large x from overflowing in expm1.
    return np.where(positive, input, alpha * np.expm1(np.where(positive, 0, input)))  # type: ignore[return-value]


def validate_approximate(approximate: str) -> None:
    """Raise ValueError unless `approximate` is an option of `gelu`."""
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """x Φ(x) with the normal distribution function Φ. With `approximate` "tanh", an approximation by tanh.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".
    """
    validate_approximate(approximate)
    input = as_floating(input)
    if approximate == "tanh":
        return 0.5 * input * (1 + (math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)).tanh())
    return 0.5 * input * (1 + erf(input / math.sqrt(2)))  # type: ignore[no-any-return]


def silu(input: Tensor) -> Tensor:
    """x σ(x)."""
    input = as_floating(input)
    return input * input.sigmoid()


def validate_softplus(beta: float, threshold: float) -> None:
    """Raise ValueError unless `beta`, by which `softplus` divides, is a number other than 0, and `threshold` one."""
    number(beta, "softplus: beta is a number other than 0", lambda beta: beta != 0, trained=True)
    number(threshold, "softplus: threshold is a number", trained=True)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """ln(1 + e^(`beta` x)) / `beta`, or x itself where `beta` x is above `threshold`.

    Raises:
        ValueError: `beta` is 0, or one of the two is no number.
    """
    validate_softplus(beta, threshold)
    input = as_floating(input)
    scaled = beta * input
    smooth = np.logaddexp(scaled, 0) / beta
    return np.where(scaled > threshold, input, smooth)  # type: ignore[return-value]


# --- normalization ----------------------------------------------------------------------------------------------------


def validated_shape(normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    """The `normalized_shape` of `layer_norm` as a tuple. Raises ValueError unless it has positive integers only."""
    shape = tuple(np.atleast_1d(np.asarray(normalized_shape)).tolist())
    if not shape or not all(type(n) is int and n > 0 for n in shape):
        raise ValueError(f"normalized_shape is of one or more positive integers, not {normalized_shape!r}")
    return shape


def validate_eps(eps: float) -> None:
    """Raise ValueError unless `eps`, which is added to a variance, is a number."""
    number(eps, "eps, which is added to a variance, is a number")


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
    input = as_tensor(input)
    shape = validated_shape(normalized_shape)
    if input.shape[-len(shape) :] != shape:
        ending = ", ".join(map(str, shape))
        raise ValueError(f"layer_norm over {shape} takes inputs of shape (…, {ending}), but got {input.shape}")
    _validate_dtypes("layer_norm", input, {"weight": weight, "bias": bias})
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
    input = as_tensor(input)
    if input.ndim < 2 and input.shape != (0,):  # which PyTorch takes for an empty batch, too
        raise ValueError(f"batch_norm takes inputs of shape (N, C, …), not {input.shape}")
    channels = input.shape[1] if input.ndim > 1 else 0
    along = (channels,) + (1,) * (input.ndim - 2)
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for name, held in given.items():
        if held is not None and held.shape != (channels,):
            raise ValueError(f"batch_norm of {channels} channels takes a {name} of as many, not of shape {held.shape}")
    _validate_dtypes("batch_norm", input, given)
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


def _validate_dtypes(name: str, input: Tensor, given: Mapping[str, Tensor | None]) -> None:
    """Raise DtypeError if one of the Tensors that are `given` beside the input has another dtype."""
    for argument, held in given.items():
        if held is not None and held.dtype != input.dtype:
            advice = conversions(input, held.dtype)
            raise DtypeError(f"{name}: the input is {input.dtype}, but {argument} is {held.dtype}: write {advice}")


def _affine(normalized: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    scaled = normalized if weight is None else normalized * weight
    return scaled if bias is None else scaled + bias
