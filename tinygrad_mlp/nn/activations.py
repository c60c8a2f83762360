"""The activations as modules: each holds the options of its function in `tinygrad_mlp.nn.functional`.

The option `inplace` is PyTorch's, and changes nothing: the result is always a new Tensor, and the input stays as it is.
"""

from __future__ import annotations

from dataclasses import field

import numpy as np
from numpy.typing import DTypeLike

from ..tensors.arguments import floating_dtype, positive_integer
from ..tensors.devices import DeviceLike, validate_device
from ..tensors.observer import observer
from ..tensors.random import AnyGenerator
from ..tensors.refusals import validate_number, warn
from ..tensors.tensor import Tensor
from . import activation_functions as check
from . import functional as F
from .function_module import FunctionModule, of_options
from .init import constant_
from .module import Module
from .parameter import Parameter

__all__ = [
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "LogSoftmax", "Mish", "PReLU", "RReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softmax", "Softmin",
    "Softplus", "Softshrink", "Softsign", "Tanh", "Tanhshrink", "Threshold",
]  # fmt: skip


# --- without options --------------------------------------------------------------------------------------------------


@of_options
class Tanh(FunctionModule):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


@of_options
class Tanhshrink(FunctionModule):
    """x − tanh x."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanhshrink(input)


@of_options
class Sigmoid(FunctionModule):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


@of_options
class LogSigmoid(FunctionModule):
    """ln σ(x), also exact where σ(x) is rounded to 0 or 1."""

    def forward(self, input: Tensor) -> Tensor:
        return F.logsigmoid(input)


@of_options
class Softsign(FunctionModule):
    """x / (1 + |x|)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.softsign(input)


@of_options
class SiLU(FunctionModule):
    """x σ(x). `inplace` changes nothing."""

    inplace: bool = field(default=False, repr=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input)


@of_options
class Mish(FunctionModule):
    """x tanh(ln(1 + eˣ)) (Misra 2019). `inplace` changes nothing."""

    inplace: bool = field(default=False, repr=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.mish(input)


@of_options
class ReLU(FunctionModule):
    """max(x, 0). `inplace` changes nothing."""

    inplace: bool = field(default=False, repr=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input)


@of_options
class ReLU6(FunctionModule):
    """min(max(x, 0), 6). `inplace` changes nothing."""

    inplace: bool = field(default=False, repr=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.relu6(input)


@of_options
class SELU(FunctionModule):
    """λ · `ELU` of x with α = 1.6733 and λ = 1.0507 (Klambauer et al. 2017). `inplace` changes nothing."""

    inplace: bool = field(default=False, repr=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.selu(input)


@of_options
class Hardsigmoid(FunctionModule):
    """(x + 3) / 6 between −3 and 3, 0 below and 1 above. `inplace` changes nothing."""

    inplace: bool = field(default=False, repr=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.hardsigmoid(input)


@of_options
class Hardswish(FunctionModule):
    """x (x + 3) / 6 between −3 and 3, 0 below and x above (Howard et al. 2019). `inplace` changes nothing."""

    inplace: bool = field(default=False, repr=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.hardswish(input)


# --- with options -----------------------------------------------------------------------------------------------------


@of_options
class LeakyReLU(FunctionModule):
    """x where x is positive, else `negative_slope` · x. The derivative at 0 is `negative_slope`.

    `inplace` changes nothing.

    Raises:
        ValueError: `negative_slope` is no number.
    """

    negative_slope: float = 0.01
    inplace: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        validate_number("leaky_relu: negative_slope", self.negative_slope)

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope)


@of_options
class RReLU(FunctionModule):
    """x where x is positive, else x times a slope (Xu et al. 2015).

    The slope is drawn for each entry in training mode, and is otherwise the mean of the bounds.

    Args:
        lower, upper: the bounds of the slopes.
        inplace: PyTorch's option, which changes nothing.
        generator: draws the slopes.

    Raises:
        ValueError: `lower` or `upper` is no number, or `upper` is below `lower`.
    """

    lower: float = 1 / 8
    upper: float = 1 / 3
    inplace: bool = field(default=False, repr=False)
    generator: AnyGenerator | None = field(default=None, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        check.validate_slopes(self.lower, self.upper)

    def forward(self, input: Tensor) -> Tensor:
        observer().use(self)  # not only in __call__, because a user may call forward() directly
        return F.rrelu(input, self.lower, self.upper, self.training, generator=self.generator)


@of_options
class ELU(FunctionModule):
    """x where x is positive, else `alpha` · (eˣ − 1) (Clevert et al. 2016). `inplace` changes nothing.

    Raises:
        ValueError: `alpha` is no number.
    """

    alpha: float = 1.0
    inplace: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        validate_number("elu: alpha", self.alpha)

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha)


@of_options
class CELU(FunctionModule):
    """x where x is positive, else `alpha` · (e^(x / `alpha`) − 1) (Barron 2017). `inplace` changes nothing.

    Raises:
        ValueError: `alpha` is 0 or no number.
    """

    alpha: float = 1.0
    inplace: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        check.validate_celu(self.alpha)

    def forward(self, input: Tensor) -> Tensor:
        return F.celu(input, self.alpha)


@of_options
class GELU(FunctionModule):
    """x Φ(x) with the normal distribution function Φ (Hendrycks & Gimpel 2016).

    With `approximate` "tanh", an approximation by tanh.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".
    """

    approximate: str = "none"

    def __post_init__(self) -> None:
        check.validate_approximate(self.approximate)

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)


@of_options
class Softplus(FunctionModule):
    """ln(1 + e^(`beta` x)) / `beta`, or x itself where `beta` x is above `threshold`.

    Raises:
        ValueError: `beta` is 0, or one of the two is no number.
    """

    beta: float = 1.0
    threshold: float = 20.0

    def __post_init__(self) -> None:
        check.validate_softplus(self.beta, self.threshold)

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)


@of_options
class Threshold(FunctionModule):
    """x where x is above `threshold`, else `value`. `inplace` changes nothing.

    Raises:
        ValueError: `threshold` or `value` is no number.
    """

    threshold: float
    value: float
    inplace: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        validate_number("threshold: threshold", self.threshold)
        validate_number("threshold: value", self.value)

    def forward(self, input: Tensor) -> Tensor:
        return F.threshold(input, self.threshold, self.value)


@of_options
class Hardtanh(FunctionModule):
    """x between `min_val` and `max_val`, and else the bound. At a bound the derivative is 0.

    `inplace` changes nothing. `min_value` and `max_value` are PyTorch's old names of the bounds.

    Raises:
        ValueError: a bound is no number, or `max_val` is not above `min_val`.
    """

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = field(default=False, repr=False)
    min_value: float | None = field(default=None, repr=False)
    max_value: float | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for old, name in (("min_value", "min_val"), ("max_value", "max_val")):
            value = vars(self).pop(old)
            if value is not None:
                warn(f"{old} is deprecated: write {name}={value!r}", FutureWarning)
                setattr(self, name, value)
        check.validate_bounds(self.min_val, self.max_val)
        if self.min_val == self.max_val:
            raise ValueError(f"Hardtanh: max_val is above min_val, but both are {self.min_val}")

    def forward(self, input: Tensor) -> Tensor:
        return F.hardtanh(input, self.min_val, self.max_val)


@of_options
class Hardshrink(FunctionModule):
    """x, but 0 between −`lambd` and `lambd`.

    Raises:
        ValueError: `lambd` is no number.
    """

    lambd: float = 0.5

    def __post_init__(self) -> None:
        validate_number("hardshrink: lambd", self.lambd)

    def forward(self, input: Tensor) -> Tensor:
        return F.hardshrink(input, self.lambd)


@of_options
class Softshrink(FunctionModule):
    """x, nearer to 0 by `lambd`, and 0 between −`lambd` and `lambd`.

    Raises:
        ValueError: `lambd` is negative or no number.
    """

    lambd: float = 0.5

    def __post_init__(self) -> None:
        check.validate_softshrink(self.lambd)

    def forward(self, input: Tensor) -> Tensor:
        return F.softshrink(input, self.lambd)


# --- along a dimension ------------------------------------------------------------------------------------------------


@of_options
class Softmax(FunctionModule):
    """eˣ / Σ eˣ along `dim`."""

    dim: int

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim)


@of_options
class LogSoftmax(FunctionModule):
    """x − ln Σ eˣ along `dim`."""

    dim: int

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim)


@of_options
class Softmin(FunctionModule):
    """e⁻ˣ / Σ e⁻ˣ along `dim`."""

    dim: int

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim)


@of_options
class GLU(FunctionModule):
    """a σ(b) for the first half a and the second half b along `dim` (Dauphin et al. 2017)."""

    dim: int = -1

    def forward(self, input: Tensor) -> Tensor:
        return F.glu(input, self.dim)


# --- with a weight ----------------------------------------------------------------------------------------------------


class PReLU(Module):
    """x where x is positive, else `weight` · x (He et al. 2015). The derivative at 0 is the weight.

    Args:
        num_parameters: 1, or the length of dimension 1 of the input, for a weight of each channel.
        init: the initial weight.
        device: the CPU, if anything.
        dtype: the dtype of the weight; the default dtype by default.

    Raises:
        ValueError: `num_parameters` is not a positive integer, or `init` no number.
        TypeError: `dtype` is neither float32 nor float64.
    """

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: DeviceLike = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        validate_device(device)
        self.num_parameters = positive_integer(num_parameters, "num_parameters is a positive integer")
        validate_number("prelu: init", init)
        self.init = init
        self.weight = Parameter(Tensor._of(np.full(self.num_parameters, init, floating_dtype(dtype))))

    def reset_parameters(self) -> None:
        """Begin anew with the initial weight."""
        constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Tensor:
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
