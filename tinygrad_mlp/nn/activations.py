"""The activations as modules: each holds the options of its function in `tinygrad_mlp.nn.functional`."""

from __future__ import annotations

from dataclasses import field

from ..tensors.tensor import Tensor
from . import functional as F
from .function_module import FunctionModule, of_options

__all__ = ["ELU", "GELU", "LeakyReLU", "LogSoftmax", "ReLU", "Sigmoid", "SiLU", "Softmax", "Softplus", "Tanh"]


@of_options
class Tanh(FunctionModule):
    """The hyperbolic tangent."""

    def forward(self, input: Tensor) -> Tensor:
        return F.tanh(input)


@of_options
class Sigmoid(FunctionModule):
    """1 / (1 + e⁻ˣ)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.sigmoid(input)


@of_options
class ReLU(FunctionModule):
    """max(x, 0). The option `inplace` is PyTorch's and changes nothing: the result is always a new Tensor."""

    inplace: bool = field(default=False, repr=False)

    def forward(self, input: Tensor) -> Tensor:
        return F.relu(input)


@of_options
class LeakyReLU(FunctionModule):
    """x where x is positive, else `negative_slope` · x. The derivative at 0 is `negative_slope`.

    Raises:
        ValueError: `negative_slope` is no number.
    """

    negative_slope: float = 0.01

    def __post_init__(self) -> None:
        F.validate_slope("leaky_relu: negative_slope", self.negative_slope)

    def forward(self, input: Tensor) -> Tensor:
        return F.leaky_relu(input, self.negative_slope)


@of_options
class ELU(FunctionModule):
    """x where x is positive, else `alpha` · (eˣ − 1) (Clevert et al. 2016).

    Raises:
        ValueError: `alpha` is no number.
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        F.validate_slope("elu: alpha", self.alpha)

    def forward(self, input: Tensor) -> Tensor:
        return F.elu(input, self.alpha)


@of_options
class GELU(FunctionModule):
    """x Φ(x) with the normal distribution function Φ (Hendrycks & Gimpel 2016).

    With `approximate` "tanh", an approximation by tanh.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".
    """

    approximate: str = "none"

    def __post_init__(self) -> None:
        F.validate_approximate(self.approximate)

    def forward(self, input: Tensor) -> Tensor:
        return F.gelu(input, self.approximate)


@of_options
class SiLU(FunctionModule):
    """x σ(x)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.silu(input)


@of_options
class Softplus(FunctionModule):
    """ln(1 + e^(`beta` x)) / `beta`, or x itself where `beta` x is above `threshold`.

    Raises:
        ValueError: `beta` is 0, or one of the two is no number.
    """

    beta: float = 1.0
    threshold: float = 20.0

    def __post_init__(self) -> None:
        F.validate_softplus(self.beta, self.threshold)

    def forward(self, input: Tensor) -> Tensor:
        return F.softplus(input, self.beta, self.threshold)


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
