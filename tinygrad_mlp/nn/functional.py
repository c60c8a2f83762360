"""The layers as functions, under PyTorch's names, and beside them the activations, distances and losses.

These are written in `activation_functions.py`, `distance_functions.py` and the files of losses.

The option `inplace` is PyTorch's, and changes nothing: the result is always a new Tensor, and the input stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._left_out import explain_in
from ..core import functions as f
from ..core.functions import DtypeError
from ..core.record import record
from ..names import table
from ..tensors.arguments import array_of, validate_functions
from ..tensors.creation import arange, as_floating, as_operand, full
from ..tensors.observer import observer
from ..tensors.random import AnyGenerator, drawn
from ..tensors.refusals import number
from ..tensors.tensor import Tensor
from .activation_functions import (
    celu,
    celu_,
    elu,
    elu_,
    gelu,
    glu,
    gumbel_softmax,
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    hardtanh_,
    leaky_relu,
    leaky_relu_,
    log_softmax,
    logsigmoid,
    mish,
    relu,
    relu6,
    relu_,
    rrelu,
    rrelu_,
    selu,
    selu_,
    sigmoid,
    silu,
    softmax,
    softmin,
    softplus,
    softshrink,
    softsign,
    tanh,
    tanhshrink,
    threshold,
    threshold_,
)
from .distance_functions import cosine_similarity, normalize, pairwise_distance
from .distribution_losses import gaussian_nll_loss, kl_div, poisson_nll_loss
from .embedding_functions import embedding, embedding_bag
from .loss_functions import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    one_hot_rows,
    smooth_l1_loss,
    validate_classes,
)
from .margin_losses import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from .normalization_functions import batch_norm, group_norm, layer_norm, rms_norm, validate_dtypes

__all__ = [
    "alpha_dropout", "batch_norm", "bilinear", "binary_cross_entropy", "binary_cross_entropy_with_logits", "celu",
    "celu_", "cosine_embedding_loss", "cosine_similarity", "cross_entropy", "dropout", "elu", "elu_", "embedding",
    "embedding_bag", "feature_alpha_dropout", "gaussian_nll_loss", "gelu", "glu", "group_norm", "gumbel_softmax",
    "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "hardtanh_", "hinge_embedding_loss", "huber_loss", "kl_div",
    "l1_loss", "layer_norm", "leaky_relu", "leaky_relu_", "linear", "log_softmax", "logsigmoid", "margin_ranking_loss",
    "mish", "mse_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss",
    "normalize", "one_hot", "pad", "pairwise_distance", "pdist", "poisson_nll_loss", "prelu", "relu", "relu6", "relu_",
    "rms_norm", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "smooth_l1_loss", "soft_margin_loss", "softmax",
    "softmin", "softplus", "softshrink", "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
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


def prelu(input: Tensor, weight: Any) -> Tensor:
    """x where x is positive, else `weight` · x (He et al. 2015). The derivative at 0 is the weight.

    There is one weight for all channels, or one weight for each. Channels lie along dimension 1 of the input.

    Raises:
        ValueError: the number of weights is another.
        DtypeError: the weight is of another dtype than the input.
    """
    input, weight = as_floating(input), as_operand(weight)
    validate_dtypes("prelu", input, {"weight": weight})
    channels = input._data.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.numel() not in (1, channels):
        raise ValueError(
            f"prelu takes one weight, or one for each of the {channels} channels of an input of shape {input.shape}, "
            f"not a weight of shape {weight.shape}"
        )
    along = (-1, *[1] * (input.ndim - 2)) if weight.numel() > 1 else ()
    return np.where(input > 0, input, weight.reshape(along) * input)  # type: ignore[return-value]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``yₖ = Σ x₁ᵢ Wₖᵢⱼ x₂ⱼ + bₖ``, for inputs (…, in1) and (…, in2), weight (out, in1, in2) and bias (out,).

    Raises:
        ValueError: the shapes do not fit.
        DtypeError: the dtypes differ.
    """
    first, second = as_operand(input1), as_operand(input2)
    fits = first.ndim and first.shape[:-1] == second.shape[:-1] and weight.ndim == 3
    if not fits or weight.shape[1:] != (first.shape[-1], second.shape[-1]):
        raise ValueError(
            "bilinear takes inputs of shapes (…, in1) and (…, in2) and a weight of shape (out, in1, in2), not "
            f"{first.shape}, {second.shape} and {weight.shape}"
        )
    if first.dtype != second.dtype:
        raise DtypeError(f"bilinear: the inputs are {first.dtype} and {second.dtype}: convert one with .to(x.dtype)")
    products = first.unsqueeze(-1) * second.unsqueeze(-2)
    return linear(products.flatten(-2), weight.flatten(1), bias)


def pdist(input: Any, p: float = 2) -> Tensor:
    """`torch.pdist`: the distances of all pairs of rows of a matrix."""
    return table.function_of("pdist")(input, p)  # type: ignore[no-any-return]


def one_hot(tensor: Any, num_classes: int = -1) -> Tensor:
    """Each class in `tensor` becomes a vector of int64: 1 at the index of the class, and 0 elsewhere.

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
    classes = as_operand(tensor)
    if num_classes < 0 and not classes.numel():
        raise ValueError("one_hot cannot tell the number of classes from an empty Tensor: pass num_classes")
    number = int(classes.max()) + 1 if num_classes < 0 else num_classes
    observer().perform(validate_classes, "one_hot", classes, number)
    rows = observer().repeat(one_hot_rows, classes, number, -1, np.int64)  # no class is −1, so none is ignored
    return Tensor._of(rows).reshape(*classes.shape, number)


# The modes that repeat entries: which one of n stands at a position, that may lie outside. Of these, `kept` are left.
_REPEATED: dict[str, Callable[[Tensor, int, range], Tensor]] = {
    "reflect": lambda position, n, kept: n - 1 - (n - 1 - position.abs()).abs(),
    "replicate": lambda position, n, kept: position.clamp(0, n - 1),
    "circular": lambda position, n, kept: kept.start + (position - kept.start) % len(kept),
}


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Add entries at both ends of the last dims, or cut them off.

    Args:
        pad: how many entries to add before and after those of the last dim, then of the last but one, and so on; a
            negative number cuts as many off.
        mode: which entries are added: "constant", all of them `value`; "reflect", those that are there in reverse,
            without the one at the end; "replicate", the one at the end; "circular", those of the other end.
        value: 0 if it is None.

    Raises:
        ValueError: `pad` is no pair for each of the last dims, more is cut off than there is, the mode is unknown, or
            there are too few entries to reflect or to go around.

    >>> import tinygrad_mlp as tg
    >>> from tinygrad_mlp.nn import functional as F
    >>> F.pad(tg.tensor([[1, 2, 3]]), (2, -1))
    tensor([[0, 0, 1, 2]])
    >>> F.pad(tg.tensor([1, 2, 3]), (2, 1), mode="reflect")
    tensor([3, 2, 1, 2, 3, 2])
    """
    input = as_operand(input)
    ends, shape = tuple(pad), input.shape
    if len(ends) % 2 or len(ends) > 2 * len(shape):
        raise ValueError(f"pad() takes two numbers for each of the last dims of shape {shape}, not {ends}")
    pairs = [(0, 0)] * (len(shape) - len(ends) // 2) + [*zip(ends[::2], ends[1::2], strict=True)][::-1]
    if any(n + min(pair[0], 0) + min(pair[1], 0) < 0 for n, pair in zip(shape, pairs, strict=True)):
        raise ValueError(f"pad() cannot cut {ends} off shape {shape}: there are not as many entries")
    kept = [range(max(-before, 0), n - max(-after, 0)) for n, (before, after) in zip(shape, pairs, strict=True)]
    if mode == "constant":
        framed = full([n + sum(pair) for n, pair in zip(shape, pairs, strict=True)], value or 0, dtype=input.dtype)
        inside = tuple(slice(max(p, 0), max(p, 0) + len(part)) for (p, _), part in zip(pairs, kept, strict=True))
        framed[inside] = input[tuple(slice(part.start, part.stop) for part in kept)]
        return framed
    if mode not in _REPEATED or value:
        raise ValueError(f"pad() takes mode= constant, with a value, or {', '.join(_REPEATED)} without, not {mode!r}")
    for dim, (n, (before, after), part) in enumerate(zip(shape, pairs, kept, strict=True)):
        most = {"reflect": n - 1, "replicate": math.inf if n else 0, "circular": len(part)}[mode]
        if max(before, after, 0) > max(most, 0):
            raise ValueError(f"pad() cannot add {before} and {after} entries to {n} in mode {mode!r}")
        if before or after:
            input = input.index_select(dim, _REPEATED[mode](arange(-before, n + after), n, part))
    return input


def validate_probability(p: float) -> None:
    """Raise ValueError unless `p` is a probability."""
    number(p, "dropout: p is a probability, from 0 to 1", lambda p: 0 <= p <= 1)


def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: AnyGenerator | None = None,
) -> Tensor:
    """Set each entry to 0 with probability `p`, and divide the others by 1 − p, which keeps the expected value.

    Args:
        training: if False, return the input as it is.
        inplace: PyTorch's option, which changes nothing.
        generator: draws which entries become 0.

    Raises:
        ValueError: `p` is not a probability.
    """
    validate_probability(p)
    input = as_operand(input)
    if not training or p == 0:
        return input
    input = as_floating(input)
    shape, scale = input._data.shape, input.dtype.type(1 / (1 - p) if p < 1 else 0)

    def draw(numbers: np.random.Generator) -> Array:
        factors: Array = (numbers.random(shape, np.float32) >= p) * scale
        return factors

    return input * Tensor._of(drawn(generator, draw))


_ALPHA = 1.7580993408473766  # the limit of -SELU(x) for x → −∞, which entries are set to minus this


def alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: AnyGenerator | None = None,
) -> Tensor:
    """Set each entry to SELU's limit at −∞ with probability `p`, then shift and scale all entries.

    Entries of mean 0 and variance 1 have that mean and variance afterwards, too (Klambauer et al. 2017).

    Args:
        training: if False, return the input as it is.
        inplace: PyTorch's option, which changes nothing.
        generator: draws which entries are dropped.

    Raises:
        ValueError: `p` is not a probability.
    """
    validate_probability(p)
    input = as_operand(input)
    return _alpha_dropped(input, input.shape, p, generator) if training and p > 0 else input


def feature_alpha_dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: AnyGenerator | None = None,
) -> Tensor:
    """`alpha_dropout` of whole channels: the entries of one sample (dim 0) and channel (dim 1) are dropped together.

    Raises:
        ValueError: `p` is not a probability, or the input has fewer than two dims.
    """
    validate_probability(p)
    input = as_operand(input)
    if not training or p == 0 or not input.numel():
        return input
    if input.ndim < 2 and p < 1:
        raise ValueError(f"feature_alpha_dropout takes inputs of shape (N, C, …), not {input.shape}")
    return _alpha_dropped(input, input.shape[:2] + (1,) * (input.ndim - 2), p, generator)


def _alpha_dropped(input: Tensor, shape: tuple[int, ...], p: float, generator: AnyGenerator | None) -> Tensor:
    """`alpha_dropout` with one draw for each entry of an array of this `shape`, broadcast to the input."""
    input = as_floating(input)
    if p == 1:
        return input * 0
    scale = 1 / math.sqrt((_ALPHA**2 * p + 1) * (1 - p))
    dtype = input.dtype

    def draw(numbers: np.random.Generator) -> Array:
        return (numbers.random(shape, np.float32) >= p).astype(dtype)

    kept = Tensor._of(drawn(generator, draw))
    return input * (kept * scale) + ((kept - 1) * (_ALPHA * scale) + _ALPHA * scale * p)


# --- under other names ------------------------------------------------------------------------------------------------

validate_functions(globals())

# PyTorch has these functions at its top, too, and two of them are methods.
for _function in (celu, celu_, cosine_similarity, pairwise_distance, rrelu, rrelu_, selu, selu_, threshold, threshold_):
    table.offer(to="functions")(_function)
table.row("hardshrink", lambda input, lambd=0.5: hardshrink(input, lambd), "x, but 0 between −`lambd` and `lambd`.")
table.row("prelu", lambda input, weight: prelu(input, weight), "x where x is positive, else `weight` · x.")

explain_in(globals())
