"""The activations as functions, under PyTorch's names: users find them in `tinygrad_mlp.nn.functional`.

The option `inplace` is PyTorch's, and changes nothing: the result is always a new Tensor, and the input stays as it is.
The functions whose names end in an underscore change their input.

At a kink, a derivative is PyTorch's. Where `numpy.where` chooses a number, as at the bounds of `hardtanh`, it is 0.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import cast

import numpy as np
from numpy.typing import DTypeLike
from scipy.special import erf

from ..names.in_place import written
from ..tensors.arguments import dim_of, refusing_names
from ..tensors.creation import arange, as_floating, as_operand
from ..tensors.indexing import part_at
from ..tensors.random import AnyGenerator, drawn
from ..tensors.refusals import number, validate_number, warn
from ..tensors.tensor import Tensor

__all__ = [
    "celu", "celu_", "elu", "elu_", "gelu", "glu", "gumbel_softmax", "hardshrink", "hardsigmoid", "hardswish",
    "hardtanh", "hardtanh_", "leaky_relu", "leaky_relu_", "log_softmax", "logsigmoid", "mish", "relu", "relu6",
    "relu_", "rrelu", "rrelu_", "selu", "selu_", "sigmoid", "silu", "softmax", "softmin", "softplus", "softshrink",
    "softsign", "tanh", "tanhshrink", "threshold", "threshold_",
]  # fmt: skip

_where = cast(Callable[..., Tensor], np.where)  # of a Tensor it makes a Tensor

# With these two numbers, layers of normalized entries have normalized outputs (Klambauer et al. 2017).
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


# --- smooth functions -------------------------------------------------------------------------------------------------


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent."""
    return as_operand(input).tanh()


def tanhshrink(input: Tensor) -> Tensor:
    """x − tanh x."""
    input = as_floating(input)
    return input - input.tanh()


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + e⁻ˣ)."""
    return as_operand(input).sigmoid()


def logsigmoid(input: Tensor) -> Tensor:
    """ln σ(x) = −ln(1 + e⁻ˣ), also exact where σ(x) is rounded to 0 or 1."""
    return -(-as_floating(input)).logaddexp(0)


def softsign(input: Tensor) -> Tensor:
    """x / (1 + |x|)."""
    input = as_floating(input)
    return input / (1 + input.abs())


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


def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """x σ(x). `inplace` changes nothing."""
    input = as_floating(input)
    return input * input.sigmoid()


def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """x tanh(ln(1 + eˣ)) (Misra 2019). `inplace` changes nothing."""
    input = as_floating(input)
    return input * input.logaddexp(0).tanh()


def validate_softplus(beta: float, threshold: float) -> None:
    """Raise ValueError unless `beta`, by which `softplus` divides, is a number other than 0, and `threshold` one."""
    number(beta, "softplus: beta is a number other than 0", lambda beta: beta != 0, trained=True)
    validate_number("softplus: threshold", threshold)


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """ln(1 + e^(`beta` x)) / `beta`, or x itself where `beta` x is above `threshold`.

    Raises:
        ValueError: `beta` is 0, or one of the two is no number.
    """
    validate_softplus(beta, threshold)
    input = as_floating(input)
    scaled = beta * input
    return _where(scaled > threshold, input, scaled.logaddexp(0) / beta)


# --- with a kink at 0 -------------------------------------------------------------------------------------------------


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """max(x, 0). Its derivative at 0 is 0. `inplace` changes nothing."""
    return as_operand(input).relu()


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x is positive, else `negative_slope` · x. The derivative at 0 is `negative_slope`.

    `inplace` changes nothing.

    Raises:
        ValueError: `negative_slope` is no number.
    """
    validate_number("leaky_relu: negative_slope", negative_slope)
    input = as_floating(input)
    return _where(input > 0, input, negative_slope * input)


def validate_slopes(lower: float, upper: float) -> None:
    """Raise ValueError unless `lower` and `upper`, between which `rrelu` draws, are numbers in this order."""
    validate_number("rrelu: lower", lower)
    number(upper, f"rrelu: upper is a number not below lower, {lower}", lambda upper: upper >= lower)


def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: AnyGenerator | None = None,
) -> Tensor:
    """x where x is positive, else x times a slope (Xu et al. 2015).

    Args:
        lower, upper: the slope is their mean.
        training: the slope is drawn uniformly from [`lower`, `upper`), for each entry.
        inplace: PyTorch's option, which changes nothing.
        generator: draws the slopes.

    Raises:
        ValueError: `lower` or `upper` is no number, or `upper` is below `lower`.
    """
    validate_slopes(lower, upper)
    input = as_floating(input)
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    shape, dtype = input._data.shape, input.dtype
    slopes = drawn(generator, lambda rng: rng.uniform(lower, upper, shape).astype(dtype))
    return _where(input > 0, input, Tensor._of(slopes) * input)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x is positive, else `alpha` · (eˣ − 1). `inplace` changes nothing.

    Raises:
        ValueError: `alpha` is no number.
    """
    validate_number("elu: alpha", alpha)
    input = as_floating(input)
    positive = input > 0
    # numpy.where computes both of its choices. The inner one keeps a large x from overflowing in expm1.
    return _where(positive, input, alpha * _where(positive, 0, input).expm1())


def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """λ · `elu` of x with α = 1.6733 and λ = 1.0507 (Klambauer et al. 2017). `inplace` changes nothing."""
    return _SELU_SCALE * elu(input, _SELU_ALPHA)


def validate_celu(alpha: float) -> None:
    """Raise ValueError unless `alpha`, by which `celu` divides, is a number other than 0."""
    number(alpha, "celu: alpha is a number other than 0", lambda alpha: alpha != 0, trained=True)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x is positive, else `alpha` · (e^(x / `alpha`) − 1) (Barron 2017). `inplace` changes nothing.

    Raises:
        ValueError: `alpha` is 0 or no number.
    """
    validate_celu(alpha)
    input = as_floating(input)
    positive = input > 0
    return _where(positive, input, alpha * (_where(positive, 0, input) / alpha).expm1())


# --- in pieces --------------------------------------------------------------------------------------------------------


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where x is above `threshold`, else `value`. `inplace` changes nothing.

    Raises:
        ValueError: `threshold` or `value` is no number.
    """
    validate_number("threshold: threshold", threshold)
    validate_number("threshold: value", value)
    input = as_operand(input)
    return _where(input <= threshold, value, input)


def validate_bounds(min_val: float, max_val: float) -> None:
    """Raise ValueError unless `min_val` and `max_val`, the bounds of `hardtanh`, are numbers in this order."""
    validate_number("hardtanh: min_val", min_val)
    number(max_val, f"hardtanh: max_val is a number not below min_val, {min_val}", lambda bound: bound >= min_val)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x between `min_val` and `max_val`, and else the bound. `inplace` changes nothing.

    At a bound the derivative is 0. That of `clamp` is 1.

    Raises:
        ValueError: a bound is no number, or `max_val` is below `min_val`.
    """
    validate_bounds(min_val, max_val)
    input = as_operand(input)
    if input._data.dtype.kind in "iu":  # which stay integers, as in PyTorch
        min_val, max_val = int(min_val), int(max_val)
    return _where(input <= min_val, min_val, _where(input >= max_val, max_val, input))


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6). Its derivative at 0 and at 6 is 0. `inplace` changes nothing."""
    return hardtanh(input, 0, 6)


def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """(x + 3) / 6 between −3 and 3, 0 below and 1 above. `inplace` changes nothing."""
    return hardtanh(as_floating(input) / 6 + 0.5, 0, 1)


def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """x (x + 3) / 6 between −3 and 3, 0 below and x above (Howard et al. 2019). `inplace` changes nothing."""
    input = as_floating(input)
    inside = hardtanh(input, -3, 3)
    return _where(input >= 3, input, inside * (inside + 3) / 6)


def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, but 0 between −`lambd` and `lambd`.

    Raises:
        ValueError: `lambd` is no number.
    """
    validate_number("hardshrink: lambd", lambd)
    input = as_floating(input)
    return _where(input.abs() <= lambd, 0, input)


def validate_softshrink(lambd: float) -> None:
    """Raise ValueError unless `lambd`, the distance by which `softshrink` shrinks, is a number of at least 0."""
    number(lambd, "softshrink: lambd is a number of at least 0", lambda lambd: lambd >= 0, trained=True)


def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """x, nearer to 0 by `lambd`, and 0 between −`lambd` and `lambd`.

    Raises:
        ValueError: `lambd` is negative or no number.
    """
    validate_softshrink(lambd)
    input = as_floating(input)
    return _where(input.abs() <= lambd, 0, input - lambd * input.sign())


# --- along a dimension ------------------------------------------------------------------------------------------------


@refusing_names
def softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """eˣ / Σ eˣ along `dim`, of `input` as `dtype`."""
    return as_operand(input).softmax(dim, dtype)


@refusing_names
def log_softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """x − ln Σ eˣ along `dim`, of `input` as `dtype`."""
    return as_operand(input).log_softmax(dim, dtype)


@refusing_names
def softmin(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """e⁻ˣ / Σ e⁻ˣ along `dim`, of `input` as `dtype`."""
    return (-as_floating(input)).softmax(dim, dtype)


@refusing_names
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """a σ(b) for the first half a and the second half b along `dim` (Dauphin et al. 2017).

    Raises:
        ValueError: the length of `dim` is odd.
        IndexError: there is no such dimension.
    """
    input = as_floating(input)
    half, rest = divmod(input._data.shape[dim_of(dim, input)], 2)
    if rest:
        raise ValueError(f"glu halves dim {dim}, so its length must be even, but the input has shape {input.shape}")
    return part_at(input, dim, slice(half)) * part_at(input, dim, slice(half, None)).sigmoid()  # type: ignore[no-any-return]


def gumbel_softmax(
    logits: Tensor,
    tau: float = 1,
    hard: bool = False,
    eps: float = 1e-10,
    dim: int = -1,
    *,
    generator: AnyGenerator | None = None,
) -> Tensor:
    """softmax((`logits` + noise) / `tau`) along `dim`: a draw of a class, made differentiable (Jang et al. 2017).

    Args:
        tau: the temperature. The lower it is, the nearer is the result to zeros and a one.
        hard: return zeros and a one, with the gradient of the softmax.
        eps: has no effect, as in PyTorch.
        generator: draws the noise, from the Gumbel distribution.

    Raises:
        ValueError: `tau` is 0 or no number.
    """
    number(tau, "gumbel_softmax: tau is a number other than 0", lambda tau: tau != 0, trained=True)
    if eps != 1e-10:
        warn("gumbel_softmax: eps is deprecated and has no effect: leave it out")
    logits = as_floating(logits)
    shape, dtype = logits._data.shape, logits.dtype
    noise = drawn(generator, lambda rng: rng.gumbel(size=shape).astype(dtype))
    soft = ((logits + Tensor._of(noise)) / tau).softmax(dim)
    if not hard or not soft.ndim:  # a number is the only class
        return soft
    classes = arange(soft.shape[dim])
    classes = classes.reshape(-1, *[1] * (-1 - dim if dim < 0 else soft.ndim - 1 - dim))
    chosen = (soft.argmax(dim, keepdim=True) == classes).to(soft.dtype)
    return chosen + (soft - soft.detach())  # the difference is 0, and has the gradient


# --- in place ---------------------------------------------------------------------------------------------------------


def _in_place(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The function that changes its input into what `function` computes of it."""
    changed = written(function.__name__, function)
    signature = inspect.signature(function)
    kept = [parameter for key, parameter in signature.parameters.items() if key != "inplace"]
    changed.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]
    changed.__wrapped__ = function  # type: ignore[attr-defined]  # whose annotations its arguments are validated by
    changed.__qualname__ = changed.__name__
    changed.__doc__ = f"`{function.__name__}`, in place: the input becomes the result, and is returned."
    return changed


relu_ = _in_place(relu)
leaky_relu_ = _in_place(leaky_relu)
rrelu_ = _in_place(rrelu)
elu_ = _in_place(elu)
selu_ = _in_place(selu)
celu_ = _in_place(celu)
threshold_ = _in_place(threshold)
hardtanh_ = _in_place(hardtanh)
