"""Initial values of parameters, under PyTorch's names. Each function writes to its Tensor in place and returns it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.special import ndtr, ndtri

from .._left_out import explain_in
from ..autograd.grad_mode import no_grad
from ..tensors.creation import eye
from ..tensors.random import AnyGenerator, drawn
from ..tensors.refusals import is_module, shown
from ..tensors.tensor import Tensor

__all__ = [
    "calculate_gain", "constant_", "eye_", "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_", "orthogonal_",
    "trunc_normal_", "uniform_", "xavier_normal_", "xavier_uniform_", "zeros_",
]  # fmt: skip

_GAINS = {
    "linear": 1.0, "identity": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4,
}  # fmt: skip


P = ParamSpec("P")


def _initializing(function: Callable[Concatenate[Tensor, P], Tensor]) -> Callable[Concatenate[Tensor, P], Tensor]:
    """A function that fills a Tensor: it is not recorded, and refuses anything else than a Tensor by name."""

    @functools.wraps(function)
    def filled(tensor: Tensor, *args: P.args, **options: P.kwargs) -> Tensor:
        if not isinstance(tensor, Tensor):
            advice = ": write layer.weight" if is_module(tensor) else ""
            raise TypeError(f"{function.__name__}() fills a Tensor, not {shown(tensor)}{advice}")
        with no_grad():
            return function(tensor, *args, **options)

    return filled  # type: ignore[return-value]  # `tensor` may also be given by name, which Callable cannot say


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which to multiply the standard deviation of weights whose outputs go through `nonlinearity`.

    Args:
        nonlinearity: the name of the activation.
        param: the negative slope of "leaky_relu", 0.01 by default.

    Raises:
        ValueError: the nonlinearity is unknown.
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"nonlinearity is one of {sorted([*_GAINS, 'leaky_relu'])}, not {nonlinearity!r}")
    return _GAINS[nonlinearity]


@_initializing
def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: AnyGenerator | None = None) -> Tensor:
    """Fill `tensor` with numbers drawn from the uniform distribution on [a, b).

    Raises:
        ValueError: a > b.
    """
    if not a <= b:
        raise ValueError(f"uniform_ draws from [a, b) with a ≤ b, not [{a}, {b})")
    return tensor.copy_(drawn(generator, np.random.Generator.uniform, a, b, tensor.shape))


@_initializing
def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: AnyGenerator | None = None) -> Tensor:
    """Fill `tensor` with numbers drawn from the normal distribution N(mean, std²).

    Raises:
        ValueError: `std` is negative.
    """
    if not std >= 0:
        raise ValueError(f"std is a standard deviation and cannot be {std}")
    return tensor.copy_(drawn(generator, np.random.Generator.normal, mean, std, tensor.shape))


@_initializing
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: AnyGenerator | None = None,
) -> Tensor:
    """Fill `tensor` with numbers drawn from N(mean, std²) under the condition that they lie in [a, b].

    Raises:
        ValueError: `std` is not positive; or [a, b] is empty, or so far from the mean that its probability is 0.
    """
    if not std > 0:
        raise ValueError(f"std is a standard deviation and cannot be {std}")
    low, high, sign = (a - mean) / std, (b - mean) / std, 1.0
    # The distribution function is inverted. It is precise near 0 but not near 1, so draw from the mirrored interval if
    # that one lies further left.
    if low + high > 0:
        low, high, sign = -high, -low, -1.0
    if not ndtr(low) < ndtr(high):
        raise ValueError(f"N({mean}, {std}²) has no mass in [{a}, {b}] to draw from")
    shape = tensor.shape

    def draw(numbers: np.random.Generator) -> NDArray[Any]:
        deviations = ndtri(numbers.uniform(ndtr(low), ndtr(high), shape))
        clipped: NDArray[Any] = np.clip(mean + sign * std * deviations, a, b)
        return clipped

    return tensor.copy_(drawn(generator, draw))


@_initializing
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Set every entry to `val`."""
    return tensor.fill_(val)


@_initializing
def ones_(tensor: Tensor) -> Tensor:
    """Set every entry to 1."""
    return constant_(tensor, 1.0)


@_initializing
def zeros_(tensor: Tensor) -> Tensor:
    """Set every entry to 0."""
    return constant_(tensor, 0.0)


@_initializing
def eye_(tensor: Tensor) -> Tensor:
    """Set the entries on the diagonal of a matrix to 1, and the others to 0.

    Raises:
        ValueError: `tensor` is not a matrix.
    """
    if tensor.ndim != 2:
        raise ValueError(f"eye_ takes a matrix, not shape {tensor.shape}")
    rows, columns = tensor.shape
    return tensor.copy_(eye(rows, columns, dtype=tensor.dtype))


@_initializing
def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: AnyGenerator | None = None) -> Tensor:
    """Fill a weight (out, in, …) with `gain` times a random orthogonal matrix (Saxe et al. 2014).

    As a matrix (out, in · …) the weight then has orthogonal rows; or orthogonal columns, if it has fewer columns.

    Raises:
        ValueError: `tensor` has fewer than two dimensions.
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_ takes a weight (out, in), not shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    shape = tensor.shape

    def draw(numbers: np.random.Generator) -> NDArray[Any]:
        q, r = qr(numbers.normal(size=(max(rows, columns), min(rows, columns))), mode="economic")
        q *= np.sign(np.diag(r))  # without this, q is not uniformly distributed among the orthogonal matrices
        scaled: NDArray[Any] = gain * (q if rows >= columns else q.T).reshape(shape)
        return scaled

    return tensor.copy_(drawn(generator, draw))


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:  # PyTorch's name, which programs call
    """The fan-in of a weight (out, in, …), the number of inputs of each output; and the fan-out, the reverse."""
    if tensor.ndim < 2:
        raise ValueError(f"fan-in and fan-out are those of a weight (out, in), not of shape {tensor.shape}")
    field = math.prod(tensor.shape[2:])
    return tensor.shape[1] * field, tensor.shape[0] * field


@_initializing
def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: AnyGenerator | None = None) -> Tensor:
    """Fill `tensor` with numbers drawn from U(−a, a), a = gain · √(6 / (fan-in + fan-out)) (Glorot & Bengio 2010)."""
    bound = gain * math.sqrt(6 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


@_initializing
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: AnyGenerator | None = None) -> Tensor:
    """Fill `tensor` with numbers drawn from N(0, σ²), σ = gain · √(2 / (fan-in + fan-out)) (Glorot & Bengio 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_calculate_fan_in_and_fan_out(tensor))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    """The standard deviation gain / √fan, for the fan that `mode` names."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode is 'fan_in' or 'fan_out', not {mode!r}")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    fan = fan_in if mode == "fan_in" else fan_out
    return calculate_gain(nonlinearity, a) / math.sqrt(max(1, fan))


@_initializing
def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: AnyGenerator | None = None,
) -> Tensor:
    """Fill `tensor` with numbers drawn from U(−b, b), b = gain · √(3 / fan) (He et al. 2015).

    `mode` says which fan it is. The gain is ``calculate_gain(nonlinearity, a)``.
    """
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


@_initializing
def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: AnyGenerator | None = None,
) -> Tensor:
    """Fill `tensor` with numbers drawn from N(0, σ²), σ = gain / √fan (He et al. 2015).

    `mode` says which fan it is. The gain is ``calculate_gain(nonlinearity, a)``.
    """
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


explain_in(globals())
